#!/bin/sh
# All test suites against private servers with the staged build; nothing that runs on this machine is
# touched.  TESTS="points 020_" runs only the tests whose names contain one of the words;
# SUITES="regress isolation" runs only those of regress, hostile, isolation, sanitized, tap, fuzz and long;
# EDURANGE_LONG=1 asks tests for their long variants; EDURANGE_SANITIZE=no leaves the sanitizers out;
# EDURANGE_JOBS=1 runs suites and TAP files one after another.
# Ends with what was not run, and why, what failed, and one line "N passed, N failed": regression tests, isolation
# tests and TAP files.
set -eu
umask 022
TOP=$(cd "$(dirname "$0")/.." && pwd -P)
# shellcheck source=deploy/lib.sh
. "$TOP/deploy/lib.sh"
TESTS=${TESTS:-}
SUITES=${SUITES:-}

# Is a test with this name wanted?
wanted() {
  [ -n "$TESTS" ] || return 0
  for word in $TESTS; do
    case $1 in *"$word"*) return 0 ;; esac
  done
  return 1
}

# Is a suite wanted?
wanted_suite() {
  case " ${SUITES:-$1} " in *" $1 "*) ;; *) return 1 ;; esac
}

# ---- preparing -------------------------------------------------------------------------------

# A new folder that SERVER_USER can reach and write: below .test/, or below /var/tmp where root's
# checkout is closed to everybody else.  Sets WORK.
make_work_dir() {
  parent=$TOP/.test
  make_own_dir "$parent" 755
  if ! user_can_reach "$parent"; then
    parent=$(var_tmp_dir "$parent")
    say "$SERVER_USER cannot reach $TOP; the tests run in $parent (make distclean removes it)"
    make_own_dir "$parent" 755
  fi
  # What earlier runs left: their lock is free.
  for old in "$parent"/run-??????; do
    [ ! -d "$old" ] || ! flock -n "$old" true || rm -rf "$old"
  done
  WORK=$(mktemp -d "$parent/run-XXXXXX")
  chmod 755 "$WORK"
  exec 8<"$WORK"
  flock -n 8
  mkdir "$WORK/src" "$WORK/out" "$WORK/failures"
  # Tests may split words: they get a name without white space.
  case $WORK in
    *[[:space:]]*)
      ALIAS=$(mktemp -d /tmp/edurange-XXXXXX)
      chmod 755 "$ALIAS"
      ln -s "$WORK" "$ALIAS/work"
      WORK=$ALIAS/work
      ;;
  esac
  [ "$(id -u)" -ne 0 ] || chown "$SERVER_USER:" "$WORK/out"
}

# A module that calls each function of the extension under hostile settings, for the suite that does.
build_hostile() {
  "${CC:-cc}" -shared -fPIC -I "$("$PG_CONFIG" --includedir-server)" -DSETTINGS="\"$WORK/src/test/hostile/settings.conf\"" \
    -o "$WORK/stage/hostile.so" "$TOP/test/hostile/hostile.c"
  {
    cat "$WORK/regress.conf"
    say "session_preload_libraries = '$WORK/stage/hostile.so'"
  } >"$WORK/hostile.conf"
}

# Copies of what the tests read, with modes that let SERVER_USER read them.
copy_inputs() {
  (cd "$TOP" && cp -R --parents sql expected deploy schema edurange.control docs README.md CONTRIBUTING.md \
    META.json Makefile shim/Makefile syncworker/Makefile test/adoption test/archives test/bench test/bots test/clients test/fuzz test/hostile test/instance_manager test/isolation test/kubernetes test/mutants test/pages test/perl \
    test/prisma test/prometheus test/t test/*.pl test/*.sh "$WORK/src/" 2>/dev/null) || true
  # shellcheck disable=SC2046 # one word a file
  copy_sources "$WORK/src" $(cd "$TOP" && find extension shim syncworker -name '*.[cho]' -o -name '*.so' -o -name '*.html') edurange.so shim/describe/examples.json extension/text/make_case_folding.pl
  chmod -R a+rX "$WORK/src"
}

# Shim and simulator once more, with the sanitizers, in a copy of their sources below build/.
build_sanitized() {
  asan=$TOP/build/asan
  # shellcheck disable=SC2046 # one word a file
  copy_sources "$asan" edurange.control extension/base/errors.h extension/text/blank.h \
    $(cd "$TOP" && find shim test/instance_manager schema/extension -name '*.[ch]' -o -name '*.pl' -o -name '*.sql' -o -name '*.json' -o -name '*.html' -o -name Makefile)
  for dir in shim test/instance_manager; do
    flock "$TOP" "$MAKE" --no-print-directory -s -j2 -C "$asan/$dir" all CFLAGS="$SANITIZERS"
  done
  mv "$WORK/stage/usr/local/bin/edurange_shim" "$WORK/stage/usr/local/bin/edurange_shim_plain"
  install -m 755 "$asan/shim/edurange_shim" "$asan/test/instance_manager/edurange_instance_manager" \
    "$WORK/stage/usr/local/bin/"
}

# A second stage, of which the extension and the worker have the sanitizers, and sets PRELOAD to what
# the server has to load for them.  (PGXS appends COPT to the flags of compiler and linker.)
build_sanitized_server() {
  asan=$TOP/build/asan_server
  # shellcheck disable=SC2046 # one word a file
  copy_sources "$asan" Makefile edurange.control syncworker/Makefile \
    $(cd "$TOP" && find extension syncworker -name '*.[ch]') $(cd "$TOP" && find schema -type f)
  for dir in . syncworker; do
    library=edurange.so
    [ "$dir" = . ] || library=edurange_worker.so
    flock "$TOP" "$MAKE" --no-print-directory -s -j2 -C "$asan/$dir" "$library" COPT="$SANITIZERS"
  done
  cp -R "$WORK/stage" "$WORK/sanitized"
  install -m 755 "$asan/edurange.so" "$asan/syncworker/edurange_worker.so" \
    "$WORK/sanitized$("$PG_CONFIG" --pkglibdir)/"
  staged_conf "$WORK/sanitized" >"$WORK/sanitized/staged.conf"
  # Sanitized functions take more of the stack.
  {
    sed "s,$WORK/stage,$WORK/sanitized,g" "$WORK/regress.conf"
    say "max_stack_depth = '7MB'"
  } >"$WORK/sanitized.conf"
  # The sanitizer has to start before the constructor of any library that calls gettext: started from
  # within bindtextdomain() it waits for itself.
  echo '#include <stdlib.h>
    __attribute__((constructor)) static void start(void) { free(malloc(1)); }' |
    "${CC:-cc}" -x c -shared -fPIC -Wl,-z,initfirst -o "$WORK/sanitized/start.so" -
  PRELOAD="$("${CC:-cc}" -print-file-name=libasan.so) $WORK/sanitized/start.so"
}

# What a test wants of npm, by test/FOLDER/package.json: kept below build/, copied beside it.  Without npm, or a
# way to its registry, the test says what it leaves out.  Scripts of packages are not run: some download more.
add_npm_packages() {
  wanted "$1" || return 0
  kept=$TOP/build/$2
  if ! cmp -s "$TOP/test/$2/package.json" "$kept/installed.json"; then
    command -v npm >/dev/null 2>&1 || return 0
    rm -rf "$kept"
    mkdir -p "$kept"
    cp "$TOP/test/$2/package.json" "$kept/"
    if ! npm install --prefix "$kept" --silent --ignore-scripts --no-audit --no-fund >/dev/null 2>&1; then
      say "$1: its npm packages could not be installed"
      rm -rf "$kept"
      return 0
    fi
    cp "$kept/package.json" "$kept/installed.json"
  fi
  cp -R "$kept/node_modules" "$WORK/src/test/$2/"
  chmod -R a+rX "$WORK/src/test/$2"
}

# ---- running ---------------------------------------------------------------------------------
passed=0
failed=0
skipped=''

# Remembers for the end that a test, or a part of it, was not run: its name and why.
skip() {
  skipped="$skipped$1: $2
"
}

# Remembers for the end that something failed: its name and, from its log, the first lines that say what.
tell_failure() {
  {
    say "$1"
    grep -E '^not ok|\.\.\. FAILED|Failed test|^# +(at|got|expected|'"'"')|ERROR|[Ee]xit status|timed out|^FAILED' "$2" 2>/dev/null |
      head -n 8 | cut -c 1-160 | sed 's/^/  /' || true
  } >"$WORK/failures/$1"
}

# Adds what one suite's log says; a suite that broke off, or said nothing, counts as one failure.
# Understands the output of pg_regress before and since version 16.
count_suite() {
  ok=$(grep -cE '\.\.\. ok |^ok +[0-9]+' "$2" || true)
  bad=$(grep -cE '\.\.\. FAILED|^not ok +[0-9]+' "$2" || true)
  if [ "$3" -ne 0 ] && [ "$bad" -eq 0 ]; then
    bad=1
  elif [ "$ok" -eq 0 ] && [ "$bad" -eq 0 ]; then
    say "$1: no test ran"
    bad=1
  fi
  passed=$((passed + ok))
  failed=$((failed + bad))
  [ "$bad" -eq 0 ] || tell_failure "$1" "$2"
}

# The tests of a suite in the order of its schedule, then those that the schedule does not name.
# The first of a schedule makes what the others use and is always among them.
list_tests() {
  dir=$1
  suffix=$2
  schedule=$(sed -n 's/^test: *//p' "$3")
  first=$(echo "$schedule" | head -n 1)
  first=${first%% *}
  selected=''
  for name in $schedule $(find "$dir" -maxdepth 1 -name "*$suffix" | sort |
    sed "s,.*/,,;s,$suffix\$,,"); do
    if [ ! -f "$dir/$name$suffix" ] || ! wanted "$name"; then
      continue
    fi
    case " $selected " in *" $name "*) ;; *) selected="$selected $name" ;; esac
  done
  [ -n "$selected" ] || return 0
  case " $selected " in
    *" $first "*) ;;
    *) [ ! -f "$dir/$first$suffix" ] || selected="$first$selected" ;;
  esac
  say "$selected"
}

# The words of $2 that are among those of $1; all when $1 is empty.
only() {
  for name in $2; do
    case " ${1:-$name} " in *" $name "*) say "$name" ;; esac
  done | tr '\n' ' '
}

# pg_regress or pg_isolation_regress with a server of its own and what a file says of its configuration; with a
# sixth argument, that is loaded into the server before everything else.
run_regress() {
  suite=$1
  program=$2
  input=$3
  tests=$4
  conf=$5
  preload=${6:-}
  [ -n "$tests" ] || return 0
  say "---- $suite"
  mkdir "$WORK/out/$suite"
  [ "$(id -u)" -ne 0 ] || chown "$SERVER_USER:" "$WORK/out/$suite"
  status=0
  # shellcheck disable=SC2086 # one word a test
  (cd "$WORK/out/$suite" && as_user timeout "$LIMIT" env --default-signal=INT,QUIT ${preload:+LD_PRELOAD="$preload"} \
    "$PGXS_TEST/$program" --inputdir="$input" \
    --outputdir="$WORK/out/$suite" --bindir="$BINDIR" --dbname="edurange_${suite%%_*}" \
    --temp-instance="$WORK/out/$suite/server" --temp-config="$conf" \
    --encoding=UTF8 --no-locale $tests) >"$WORK/out/$suite.log" 2>&1 || status=$?
  "$TOP/test/stop_left.sh" "$WORK/out/$suite" >>"$WORK/out/$suite.log"
  grep -E '\.\.\. |^(not )?ok ' "$WORK/out/$suite.log" || true
  count_suite "$suite" "$WORK/out/$suite.log" "$status"
  if [ "$status" -ne 0 ]; then
    head -n 400 "$WORK/out/$suite/regression.diffs" 2>/dev/null || tail -n 40 "$WORK/out/$suite.log"
    tail -n 20 "$WORK/out/$suite/log/postmaster.log" 2>/dev/null || true
  fi
}

# One TAP file: its line of the report, and on failure its output and the end of its logs.  With a
# second argument, that is loaded into everything and the server has the sanitizers; it is the short form.
run_tap() {
  test=$(basename "$1" .pl)
  preload=${2:-}
  name=$test${preload:+_sanitized}
  stage=$WORK/stage
  [ -z "$preload" ] || stage=$WORK/sanitized
  began=$(date +%s)
  mkdir "$WORK/out/$name"
  [ "$(id -u)" -ne 0 ] || chown "$SERVER_USER:" "$WORK/out/$name"
  status=0
  # shellcheck disable=SC2086 # PROVE_FLAGS is several words
  (cd "$WORK/src/test" && TESTDIR="$WORK/out/$name" TESTDATADIR="$WORK/out/$name/tmp_check" \
    TESTLOGDIR="$WORK/out/$name/tmp_check/log" PERL_TEST_HARNESS_DUMP_TAP="$WORK/out/$name/tap" \
    EDURANGE_STAGE="$stage" as_user timeout -k 10 "$LIMIT" \
    env --default-signal=INT,QUIT ${preload:+-u EDURANGE_LONG LD_PRELOAD="$preload"} \
    prove ${PROVE_FLAGS:-} -I "$PGXS_TEST/perl" -I "$WORK/src/test/perl" "t/$test.pl") \
    >"$WORK/out/$name.log" 2>&1 || status=$?
  "$TOP/test/stop_left.sh" "$WORK/out/$name" >>"$WORK/out/$name.log"
  sed -n 's/^ *\(ok [0-9]* *[^#]*\|1\.\.0 \)# *[Ss][Kk][Ii][Pp][A-Z]* *//p' "$WORK/out/$name/tap/t/$test.pl" 2>/dev/null | sort -u >"$WORK/out/$name/reasons"
  while read -r reason; do
    skip "$name" "$reason"
  done <"$WORK/out/$name/reasons"
  count=$(sed -n 's/.*Tests=\([0-9]*\).*/\1/p' "$WORK/out/$name.log")
  seconds=$(($(date +%s) - began))
  if [ "$status" -eq 0 ] && grep -q '^Result: NOTESTS' "$WORK/out/$name.log"; then
    say "$(printf '%-30s ... skipped: %s' "$name" "$(sed -n 's/.* skipped: //p' "$WORK/out/$name.log")")"
  elif [ "$status" -eq 0 ] && [ "${count:-0}" -gt 0 ]; then
    passed=$((passed + 1))
    say "$(printf '%-30s ... ok     %4s s, %s assertions' "$name" "$seconds" "$count")"
  else
    failed=$((failed + 1))
    tell_failure "$name" "$WORK/out/$name.log"
    say "$(printf '%-30s ... FAILED %4s s, exit status %s' "$name" "$seconds" "$status")"
    tail -n 60 "$WORK/out/$name.log"
    for log in "$WORK/out/$name"/tmp_check/log/*; do
      [ ! -s "$log" ] || { say "---- $log" && tail -n 25 "$log"; }
    done
  fi
}

suite_regress() {
  run_regress regress regress/pg_regress "$src" "$(list_tests "$src/sql" .sql "$src/sql/schedule")" "$WORK/regress.conf"
}

suite_hostile() {
  build_hostile
  run_regress regress_hostile regress/pg_regress "$src" "$(list_tests "$src/sql" .sql "$src/sql/schedule")" "$WORK/hostile.conf"
}

suite_isolation() {
  run_regress isolation isolation/pg_isolation_regress "$src/test/isolation" \
    "$(list_tests "$src/test/isolation/specs" .spec "$src/test/isolation/schedule")" "$WORK/regress.conf"
}

# Takes the next job off the list: a TAP file or the name of a suite.
next_job() (
  flock 9
  head -n 1 "$WORK/jobs"
  sed -i 1d "$WORK/jobs"
) 9>"$WORK/jobs.lock"

# Runs jobs until none is left, and leaves what it counted to run_jobs.
run_lane() {
  passed=0
  failed=0
  skipped=''
  while job=$(next_job) && [ -n "$job" ]; do
    case $job in
      *.pl) run_tap "$src/test/t/$job" ;;
      *) "suite_$job" ;;
    esac >"$WORK/report.$1"
    flock "$WORK/jobs.lock" cat "$WORK/report.$1"
  done
  printf 'passed=$((passed + %s)) failed=$((failed + %s))\n' "$passed" "$failed" >"$WORK/counts.$1"
  printf '%s' "$skipped" >"$WORK/skipped.$1"
}

# Prints the jobs in the order in which they begin: the suites, then the TAP files, first those that take longest, so
# that none of them is left over at the end.  In the long run that is what takes an hour.
list_jobs() {
  [ -z "${EDURANGE_LONG:-}" ] || list_hours
  for suite in regress hostile isolation; do
    ! wanted_suite "$suite" || say "$suite"
  done
  ! wanted_suite sanitized || [ "${EDURANGE_SANITIZE:-yes}" = no ] || say sanitized
  if wanted_suite tap; then
    for file in $LONGEST_TAPS "$src"/test/t/*.pl; do
      file=$(basename "$file" .pl).pl
      [ ! -f "$src/test/t/$file" ] || ! wanted "$file" || say "$file"
    done
  fi
  [ -n "${EDURANGE_LONG:-}" ] || ! wanted_suite fuzz || say fuzz
}

list_hours() {
  ! wanted_suite long || say long
  ! wanted_suite tap || ! wanted 012_histories || say 012_histories.pl
  ! wanted_suite fuzz || say fuzz
}

# Runs the jobs, two more at a time than there are processors: for most of the time they wait for something.  Each
# has servers and ports of its own.
run_jobs() {
  export PG_TEST_PORT_DIR="$WORK/out/ports"
  as_user mkdir -p "$PG_TEST_PORT_DIR"
  list_jobs | awk '!seen[$0]++' >"$WORK/jobs"
  jobs=${EDURANGE_JOBS:-$(($(nproc) + 2))}
  lanes=''
  for lane in $(seq "$jobs"); do
    run_lane "$lane" 8<&- &
    lanes="$lanes $!"
  done
  # shellcheck disable=SC2086 # one word a process
  wait $lanes
  lanes=''
  for lane in $(seq "$jobs"); do
    if [ -f "$WORK/counts.$lane" ]; then
      # shellcheck disable=SC1090,SC2046 # made by run_lane
      eval $(cat "$WORK/counts.$lane")
      skipped=$skipped$(cat "$WORK/skipped.$lane"; echo .)
      skipped=${skipped%.}
    else
      failed=$((failed + 1))
      tell_failure "broken-off-$lane" "$WORK/report.$lane"
      say "a suite or a TAP file broke off"
      cat "$WORK/report.$lane"
    fi
  done
}

# The extension with the sanitizers: some tests; in the long run all of regress and isolation, and what drives
# the worker, which has them, too.  Memory that a backend keeps until its end is no leak.
suite_sanitized() {
  tests=$(only "$SANITIZED_REGRESS" "$(list_tests "$src/sql" .sql "$src/sql/schedule")")
  for name in $SANITIZED_TAP; do
    ! wanted "$name" || tests="$tests $name"
  done
  [ -n "${tests% }" ] || [ -n "${EDURANGE_LONG:-}" ] || return 0
  options=$ASAN_OPTIONS
  ASAN_OPTIONS=$options:detect_leaks=0:abort_on_error=1
  build_sanitized_server
  run_regress regress_sanitized regress/pg_regress "$src" \
    "$(only "$SANITIZED_REGRESS" "$(list_tests "$src/sql" .sql "$src/sql/schedule")")" "$WORK/sanitized.conf" "$PRELOAD"
  if [ -n "${EDURANGE_LONG:-}" ]; then
    run_regress isolation_sanitized isolation/pg_isolation_regress "$src/test/isolation" \
      "$(list_tests "$src/test/isolation/specs" .spec "$src/test/isolation/schedule")" "$WORK/sanitized.conf" "$PRELOAD"
  fi
  for name in $SANITIZED_TAP; do
    ! wanted "$name" || run_tap "$src/test/t/$name.pl" "$PRELOAD"
  done
  ASAN_OPTIONS=$options
}

# The fuzzers for a fixed number of inputs, all those whose names are wanted; EDURANGE_LONG=1 gives
# each of them ten minutes.
suite_fuzz() {
  targets=''
  for name in $("$TOP/test/fuzz/run.sh" list); do
    ! wanted "fuzz_$name" || targets="$targets $name"
  done
  [ -n "$targets" ] || return 0
  say "---- fuzz"
  status=0
  runs=$FUZZ_RUNS
  [ -z "${EDURANGE_LONG:-}" ] || runs=0
  # shellcheck disable=SC2086 # one word a target
  EDURANGE_FUZZ_RUNS=$runs "$TOP/test/fuzz/run.sh" 600 $targets >"$WORK/out/fuzz.log" 2>&1 || status=$?
  cat "$WORK/out/fuzz.log"
  count_suite fuzz "$WORK/out/fuzz.log" "$status"
}

# One script of the long run; with a second argument, under that name.
run_long() {
  name=${2:-$(basename "$1" .sh)}
  began=$(date +%s)
  status=0
  timeout -k 10 "$LIMIT" "$1" >"$WORK/out/$name.log" 2>&1 || status=$?
  seconds=$(($(date +%s) - began))
  if [ "$status" -eq 0 ]; then
    passed=$((passed + 1))
    say "$(printf '%-30s ... ok     %4s s' "$name" "$seconds")"
  else
    failed=$((failed + 1))
    tell_failure "$name" "$WORK/out/$name.log"
    say "$(printf '%-30s ... FAILED %4s s, exit status %s' "$name" "$seconds" "$status")"
    tail -n 60 "$WORK/out/$name.log"
  fi
}

# What needs systems of its own, and what looks at the tests themselves, one after another: they share folders.
suite_long() {
  for file in "$TOP"/test/long/*.sh; do
    wanted "$(basename "$file")" || continue
    if [ "$(id -u)" -eq 0 ]; then
      run_long "$file"
    else
      skip "$(basename "$file" .sh)" 'it needs root'
    fi
  done
  ! wanted lint || run_long "$TOP/test/lint.sh"
  ! wanted mutants || run_mutants
}

# A report of a sanitizer is a failure even where no test noticed.
check_sanitizers() {
  for report in "$WORK"/out/sanitizer.*; do
    [ -f "$report" ] || continue
    failed=$((failed + 1))
    tell_failure "${report##*/}" "$report"
    say "---- sanitizer report $report"
    head -n 60 "$report"
  done
}

# A dozen of the mutants, by EDURANGE_SEED or else other ones every day.
run_mutants() {
  export SEED="${EDURANGE_SEED:-$(date +%Y%m%d)}"
  if git -C "$TOP" rev-parse >/dev/null 2>&1; then
    run_long "$TOP/test/mutants/run.pl" mutants
  else
    skip mutants 'it needs the git checkout'
  fi
}

on_exit() {
  status=$?
  trap - EXIT INT TERM HUP
  if [ -n "${WORK:-}" ] && [ -d "$WORK" ]; then
    WORK=$(cd "$WORK" && pwd -P)
    if [ "$status" -eq 0 ]; then
      rm -rf "$WORK"
    else
      say "logs are in $WORK/out"
    fi
  fi
  # shellcheck disable=SC2086 # one word a process
  [ -z "${lanes:-}" ] || kill $lanes 2>/dev/null || true
  [ -z "${ALIAS:-}" ] || rm -rf "$ALIAS"
  [ -z "${summary:-}" ] || say "$summary"
  exit "$status"
}

if [ -n "${EDURANGE_LONG:-}" ]; then purpose='long'; else purpose='test'; fi
"$TOP/deploy/install-deps.sh" "$purpose"
unset EDURANGE_STAGE
choose_user
BINDIR=$("$PG_CONFIG" --bindir)
PGXS_TEST=$(dirname "$("$PG_CONFIG" --pgxs)")/../test
LIMIT=$((600 + ${EDURANGE_HISTORIES:-0}))
FUZZ_RUNS=20000
LONGEST_TAPS='114_trust_shapes 086_sync_reasons 064_sync_places 113_trust_prisma 098_feed 074_bounded 063_hostile
  031_sync_worker 066_sync_truth 112_trust_planted 097_board 091_pages 087_sync_memory 062_documents 029_gates 011_crash
  050_sync_faults 060_lanes 032_sync_launcher 069_sync_clock 034_http_limits'
SANITIZERS='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all'
SANITIZED_REGRESS="install points ledger competitions challenges cdf questions attempts completions tokens caller health wire \
errors json_schema findings sync_transitions sync_evidence sync_steps"
SANITIZED_TAP=''
if [ -n "${EDURANGE_LONG:-}" ]; then
  LIMIT=7200
  SANITIZED_REGRESS=''
  SANITIZED_TAP='010_exactness 011_crash 020_http 024_game 031_sync_worker 050_sync_faults 051_sync_simulation
    052_sync_dashboard 055_packs_http 057_updates_while_answering'
fi
trap on_exit EXIT
trap 'exit 130' INT TERM HUP

make_work_dir
say "building"
build_and_stage "$WORK/stage" 8<&-
[ "${EDURANGE_SANITIZE:-yes}" = no ] || build_sanitized
staged_conf "$WORK/stage" >"$WORK/stage/staged.conf"
{
  cat "$WORK/stage/staged.conf"
  say "edurange.database = ''"
  say 'fsync = off'
  # (its transactions come at any time, and delay what waits for all that began before)
  say 'autovacuum = off'
} >"$WORK/regress.conf"
copy_inputs
add_npm_packages 059_pack_tools archives
add_npm_packages 143_clients clients
add_npm_packages 081_kubernetes kubernetes
add_npm_packages 091_pages pages
add_npm_packages 113_trust_prisma prisma

export PG_CONFIG HOME="$WORK/out" PATH="$BINDIR:$PATH" PG_REGRESS="$PGXS_TEST/regress/pg_regress"
export EDURANGE_STAGE="$WORK/stage" EDURANGE_SHIM="$WORK/stage/usr/local/bin/edurange_shim"
EDURANGE_PLAIN_SHIM=$EDURANGE_SHIM
[ "${EDURANGE_SANITIZE:-yes}" = no ] || EDURANGE_PLAIN_SHIM=${EDURANGE_SHIM}_plain
export EDURANGE_PLAIN_SHIM
export EDURANGE_SIMULATOR="$WORK/stage/usr/local/bin/edurange_instance_manager"
export ASAN_OPTIONS="log_path='$WORK/out/sanitizer':abort_on_error=0"
export UBSAN_OPTIONS="log_path='$WORK/out/sanitizer':print_stacktrace=1"
# Settings of a running copy, from its env file, are not for the tests.
unset EDURANGE_URL EDURANGE_IM_URL EDURANGE_PORT EDURANGE_PGPORT EDURANGE_IM_PORT EDURANGE_HOST \
  EDURANGE_RUN_DIR EDURANGE_PLAYER_TOKEN EDURANGE_SERVICE_TOKEN EDURANGE_ADMIN_TOKEN \
  DATABASE_URL DIRECT_DATABASE_URL PGHOST PGPORT PGUSER PGDATABASE PGPASSWORD PGOPTIONS MAKEFLAGS \
  MAKELEVEL MFLAGS

src=$WORK/src
run_jobs
check_sanitizers
[ -z "$skipped" ] || printf -- '---- not run\n%s' "$skipped"
[ "$failed" -eq 0 ] || { say "---- failed" && cat "$WORK"/failures/*; }

summary="$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ] || exit 1
