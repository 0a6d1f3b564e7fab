#!/bin/sh
# Fuzzes everything that reads what strangers send: run.sh SECONDS [TARGET...] gives each target that
# time; EDURANGE_FUZZ_RUNS=N gives it N inputs of a fixed seed instead, the same each time; `run.sh list`
# prints the names of the targets.
#
# A target is fuzz_NAME.c, built with libFuzzer, or fuzz_NAME.sh, a program of its own that takes the
# arguments SECONDS RUNS (0: as many as the time allows) FOLDER and exits non-zero after a finding.
# What was found is in build/fuzz/found/NAME, the inputs that reached new code in
# build/fuzz/corpus/NAME, where the next run begins.
set -eu
TOP=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=deploy/lib.sh
. "$TOP/deploy/lib.sh"
BUILD=$TOP/build/fuzz
RUNS=${EDURANGE_FUZZ_RUNS:-0}
seconds=${1:-60}
[ $# -eq 0 ] || shift
MAX_LENGTH=65536

# All targets: the names of the files fuzz_NAME.c and fuzz_NAME.sh.
list_targets() {
  for file in "$TOP"/test/fuzz/fuzz_*.c "$TOP"/test/fuzz/fuzz_*.sh; do
    [ ! -f "$file" ] || basename "$file" | sed 's/^fuzz_//; s/\.[a-z]*$//'
  done | sort -u
}

# Runs a libFuzzer target.  A fixed number of inputs begins with the seeds alone, so that every run is
# the same.
run_libfuzzer() {
  name=$1
  corpus=$BUILD/corpus/$name
  amount=-max_total_time=$seconds
  if [ "$RUNS" -gt 0 ]; then
    corpus=$BUILD/fixed/$name
    rm -rf "$corpus"
    amount="-seed=1 -runs=$RUNS"
  fi
  mkdir -p "$corpus" "$BUILD/seeds/$name" "$BUILD/found/$name"
  # shellcheck disable=SC2086 # amount may be two words
  "$BUILD/fuzz_$name" $amount -max_len="$MAX_LENGTH" -rss_limit_mb=1024 -timeout=20 \
    -artifact_prefix="$BUILD/found/$name/" -print_final_stats=1 "$corpus" "$BUILD/seeds/$name"
}

# Runs one target and prints one line about it, and all that it said after a finding.
run_target() {
  log=$BUILD/$1.log
  status=0
  if [ -f "$TOP/test/fuzz/fuzz_$1.c" ]; then
    run_libfuzzer "$1" >"$log" 2>&1 || status=$?
  else
    mkdir -p "$BUILD/found/$1"
    "$TOP/test/fuzz/fuzz_$1.sh" "$seconds" "$RUNS" "$BUILD/found/$1" >"$log" 2>&1 || status=$?
  fi
  inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)
  if [ "$status" -eq 77 ]; then
    say "$(printf 'fuzz_%-25s ... skipped: %s' "$1" "$(tail -n 1 "$log")")"
    return 0
  fi
  if [ "$status" -eq 0 ]; then
    say "$(printf 'fuzz_%-25s ... ok     %s inputs' "$1" "${inputs:-?}")"
  else
    say "$(printf 'fuzz_%-25s ... FAILED exit status %s' "$1" "$status")"
    tail -n 60 "$log"
  fi
  return "$status"
}

if [ "$seconds" = list ]; then
  list_targets
  exit
fi
"$TOP/deploy/install-deps.sh" fuzz
mkdir -p "$BUILD"
perl "$TOP/test/fuzz/make_seeds.pl" "$BUILD/seeds"
flock "$BUILD" "${MAKE:-make}" --no-print-directory -s -j2 -C "$TOP/test/fuzz" all
export ASAN_OPTIONS=abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
failed=0
# shellcheck disable=SC2046 # one word a target
[ $# -gt 0 ] || set -- $(list_targets)
for target in "$@"; do
  run_target "$target" || failed=$((failed + 1))
done
[ "$failed" -eq 0 ] || fail "fuzzing: findings in $failed targets"
