#!/bin/sh
# The shim as a whole under requests made up from its OpenAPI document: fuzz_http.sh SECONDS RUNS FOLDER.
# 10,000 requests in `make fuzz` (EDURANGE_FUZZ_REQUESTS, EDURANGE_SEED).  A fixed number of inputs is asked
# for by `make test`, which runs the same as t/037_fuzz_http.pl with its own few.
set -eu
TOP=$(cd "$(dirname "$0")/../.." && pwd -P)
runs=${2:-0}
if [ "$runs" -gt 0 ]; then
  echo 'make test runs it as t/037_fuzz_http'
  exit 77 # skipped
fi
EDURANGE_FUZZ_REQUESTS=${EDURANGE_FUZZ_REQUESTS:-10000}
EDURANGE_SEED=${EDURANGE_SEED:-$(date +%s)}
export EDURANGE_FUZZ_REQUESTS EDURANGE_SEED
status=0
TESTS=037_ PROVE_FLAGS=-v "$TOP/test/run.sh" >"$3/log" 2>&1 || status=$?
cat "$3/log"
echo "stat::number_of_executed_units: $EDURANGE_FUZZ_REQUESTS"
exit "$status"
