#!/bin/sh
# make bench: speed, measured against private servers; nothing that runs on this machine is touched.
# BENCH="reads writes hot" picks some parts, BENCH=quick makes all of them short.  Prints one table.
set -eu
umask 022
TOP=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=deploy/lib.sh
. "$TOP/deploy/lib.sh"

"$TOP/deploy/install-deps.sh" bench
choose_user
BINDIR=$("$PG_CONFIG" --bindir)
PGXS_TEST=$(dirname "$("$PG_CONFIG" --pgxs)")/../test
WORK=$(mktemp -d /var/tmp/edurange-bench-XXXXXX)
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM HUP
chmod 755 "$WORK"
build_and_stage "$WORK/stage"
staged_conf "$WORK/stage" >"$WORK/stage/staged.conf"
mkdir "$WORK/src" "$WORK/out"
(cd "$TOP" && cp -R --parents deploy test/perl test/bench "$WORK/src/")
# Peers that come from npm are left out where it cannot be reached.
(cd "$WORK/src/test/bench/peers/fastify" && npm install --silent --no-audit --no-fund >/dev/null 2>&1) ||
  say 'Fastify and pg could not be installed; they are left out'
chmod -R a+rX "$WORK"
[ "$(id -u)" -ne 0 ] || chown "$SERVER_USER:" "$WORK/out"
export PG_CONFIG HOME="$WORK/out" PATH="$BINDIR:$PATH" PG_REGRESS="$PGXS_TEST/regress/pg_regress"
export EDURANGE_STAGE="$WORK/stage" EDURANGE_SHIM="$WORK/stage/usr/local/bin/edurange_shim"
export EDURANGE_SIMULATOR="$WORK/stage/usr/local/bin/edurange_instance_manager"
export TESTDATADIR="$WORK/out/data" TESTLOGDIR="$WORK/out/log" TESTDIR="$WORK/out"
cd "$WORK/src/test/bench"
# shellcheck disable=SC3045 # dash knows both
ulimit -n "$(ulimit -Hn)"
run() { as_user perl -I "$PGXS_TEST/perl" -I "$WORK/src/test/perl" "$1"; }
status=0
# Everything without a choice; the shim's parts are all that have no file of their own.
shim_parts=
own_parts=
for part in ${BENCH:-}; do
  case $part in
    quick) ;;
    sync | cdf | fresh | keyed | large) own_parts="$own_parts $part" ;;
    *) shim_parts="$shim_parts $part" ;;
  esac
done
[ -n "$shim_parts$own_parts" ] || own_parts='sync cdf fresh keyed large' all=yes
[ -z "$shim_parts${all:-}" ] || run bench.pl || status=$?
for part in $own_parts; do
  run "$part.pl" || status=$?
done
exit "$status"
