#!/bin/sh
# Everything that finds mistakes without running the program.  Goes on after a finding and exits
# non-zero at the end; LINT="format tidy" runs only some of the checks, the argument "fast" all but the
# analysers that follow every path.
set -eu
TOP=$(cd "$(dirname "$0")/.." && pwd -P)
# shellcheck source=deploy/lib.sh
. "$TOP/deploy/lib.sh"
cd "$TOP"
FAST='format docs gates shell compilers directions exports cppcheck'
SLOW='scan tidy'
case ${1:-} in
  fast)
    LINT=${LINT:-$FAST}
    "$TOP/deploy/install-deps.sh" lint-fast
    ;;
  *)
    LINT=${LINT:-$FAST $SLOW}
    "$TOP/deploy/install-deps.sh" lint
    ;;
esac

c_folders='extension shim syncworker test/instance_manager test/fuzz test/hostile'
# shellcheck disable=SC2086 # one word a folder
c_files=$(find $c_folders -name '*.c' ! -name '*.made.c' | sort) # those are made by make
# shellcheck disable=SC2086
h_files=$(find $c_folders -name '*.h' | sort)
# What a build needs.
# shellcheck disable=SC2086
build_files="$c_files $h_files $(find schema -type f) $(find $c_folders -name Makefile -o -name '*.pl')
  $(find shim -name '*.json' -o -name '*.html') edurange.control Makefile"
include_server=$("$PG_CONFIG" --includedir-server)
include_client=$("$PG_CONFIG" --includedir)
findings=0

# Runs one check and remembers whether it found something.
check() {
  began=$(date +%s)
  say "---- $1"
  if ! "check_$1"; then
    findings=$((findings + 1))
    say "$1: see above"
  fi
  say "$1: $(($(date +%s) - began)) s"
}

check_format() {
  # shellcheck disable=SC2086 # one word a file
  clang-format --dry-run -Werror $c_files $h_files
}

# A build by a compiler in a copy, so that the objects of the checkout stay as they are; of what was built there
# before only what changed is built again.
built() {
  copy=$TOP/build/lint/$1
  # shellcheck disable=SC2086 # one word a file
  copy_sources "$copy" $build_files
  "$MAKE" --no-print-directory -s -j2 -C "$copy" all simulator "CC=$1"
}

check_compilers() {
  result=0
  for compiler in gcc clang; do
    built "$compiler" || result=1
  done
  for file in test/fuzz/*.c; do
    # shellcheck disable=SC2046 # several flags
    clang -fsyntax-only -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
      -Wno-missing-field-initializers -D_GNU_SOURCE $(flags_of "$file") "$file" || result=1
  done
  return "$result"
}

# The flags with which analysers read a file.
flags_of() {
  case $1 in
    test/hostile/*) say "-DSETTINGS=\"\" -isystem $include_server" ;;
    extension/* | syncworker/* | test/fuzz/*_module.c) say "-Iextension -Ibuild -isystem $include_server -I$(dirname "$1")" ;;
    *) say "-Ishim -I$(dirname "$1") -isystem $include_client" ;;
  esac
}

check_tidy() {
  result=0
  for file in $c_files; do
    # shellcheck disable=SC2046 # several flags
    clang-tidy --quiet "$file" -- -std=gnu11 -D_GNU_SOURCE -DEDURANGE_VERSION='"0"' \
      $(flags_of "$file") 2>build/tidy.err || result=1
    grep 'error:' build/tidy.err || true
  done
  return "$result"
}

check_cppcheck() {
  # shellcheck disable=SC2086 # one word a file
  cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 \
    --suppress=missingInclude --suppress=missingIncludeSystem --suppress=unknownMacro \
    --suppress=nullPointerRedundantCheck -D_GNU_SOURCE -D'PG_FUNCTION_INFO_V1(x)=' \
    -D'PG_MODULE_MAGIC=' -D'PG_MODULE_MAGIC_EXT(...)=' -DEDURANGE_VERSION='"0"' -Iextension -Ishim $c_files
}

# Those that have a shell's name in their first line, whatever they are called, and those that others read.
shell_files() {
  find .ci deploy schema test -type f -name '*.sh' -print -o -type f -exec awk '
    FNR == 1 && /^#! ?\/(usr\/)?bin\/(env )?(ba|da)?sh/ { print FILENAME }
    { nextfile }' {} + | sort
}

check_shell() {
  # shellcheck disable=SC2046 # one word a file
  # SC2016: single quotes around a dollar sign are SQL's.
  shellcheck -x -e SC2016 $(shell_files)
}

# The rooms and who may use whom.
check_directions() {
  built gcc && perl "$TOP/test/directions.pl" "$TOP" "$copy"
}

check_exports() {
  built gcc && perl "$TOP/test/exports.pl" "$copy"
}

# The analyser of clang over a build, which follows calls through a whole file.
check_scan() {
  copy=$TOP/build/lint/scan
  rm -rf "$copy"
  # shellcheck disable=SC2086 # one word a file
  copy_sources "$copy" $build_files
  # shellcheck disable=SC2016 # scan-build sets CC, which PGXS takes only from the command line
  MAKE="$MAKE" copy="$copy" scan-build --use-cc=clang --status-bugs -o build/scan \
    sh -c '"$MAKE" --no-print-directory -s -j2 -C "$copy" all simulator "CC=$CC"'
}

check_docs() {
  perl "$TOP/docs/generate.pl" --check
}

check_gates() {
  perl "$TOP/test/gates.pl" && perl "$TOP/test/mutants/run.pl" places
}

mkdir -p build
for name in $LINT; do
  case " $FAST $SLOW " in
    *" $name "*) check "$name" ;;
    *) fail "lint: there is no check \"$name\", but $FAST $SLOW" ;;
  esac
done
[ "$findings" -eq 0 ] || fail "lint: findings in $findings checks"
say "lint: nothing found"
