#!/bin/sh
# Twelve faults, drawn by the seed SEED or the time of day, that the tests which promise to must see.
set -eu
TOP=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=deploy/lib.sh
. "$TOP/deploy/lib.sh"
"$MAKE" -C "$TOP" --no-print-directory -s mutants "SEED=${SEED:-$(date +%s)}"
