#!/bin/sh
# Everything that finds mistakes without running the program.  Goes on after a finding and exits
# non-zero at the end; LINT="format tidy" runs only some of the checks.
set -eu
TOP=$(cd "$(dirname "$0")/.." && pwd -P)
# shellcheck source=deploy/lib.sh
. "$TOP/deploy/lib.sh"
cd "$TOP"
"$TOP/deploy/install-deps.sh" lint

c_folders='extension shim syncworker test/instance_manager test/fuzz'
# shellcheck disable=SC2086 # one word a folder
c_files=$(find $c_folders -name '*.c' ! -name '*.made.c' | sort) # those are made by make
# shellcheck disable=SC2086
h_files=$(find $c_folders -name '*.h' | sort)
# What a build needs.
# shellcheck disable=SC2086
build_files="$c_files $h_files $(find schema -type f) $(find $c_folders -name Makefile -o -name '*.pl')
  edurange.control Makefile"
include_server=$("$PG_CONFIG" --includedir-server)
include_client=$("$PG_CONFIG" --includedir)
findings=0

# Runs one check and remembers whether it found something.
check() {
  case " ${LINT:-$1} " in *" $1 "*) ;; *) return 0 ;; esac
  say "---- $1"
  if ! "check_$1"; then
    findings=$((findings + 1))
    say "$1: see above"
  fi
}

check_format() {
  # shellcheck disable=SC2086 # one word a file
  clang-format --dry-run -Werror $c_files $h_files
}

# A build by each compiler in a copy, so that the objects of the checkout stay as they are.
check_compilers() {
  result=0
  for compiler in gcc clang; do
    copy=$TOP/build/lint/$compiler
    # shellcheck disable=SC2086 # one word a file
    copy_sources "$copy" $build_files
    "$MAKE" --no-print-directory -s -j2 -C "$copy" all "CC=$compiler" || result=1
  done
  return "$result"
}

# The flags with which analysers read a file.
flags_of() {
  case $1 in
    extension/* | syncworker/* | test/fuzz/*_module.c) say "-Iextension -isystem $include_server -I$(dirname "$1")" ;;
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

check_shell() {
  # shellcheck disable=SC2046 # one word a file
  # SC2016: single quotes around a dollar sign are SQL's.
  shellcheck -x -e SC2016 .ci/run $(find deploy schema test -name '*.sh' | sort)
}

# What a library lets others see must carry our name: PostgreSQL loads many of them.
check_symbols() {
  copy=$TOP/build/lint/gcc
  [ -f "$copy/edurange.so" ] || check_compilers
  result=0
  for library in "$copy/edurange.so" "$copy/syncworker/edurange_worker.so"; do
    foreign=$(nm -D --defined-only "$library" | awk '{print $3}' |
      grep -vE '^(edurange_[a-z0-9_]+|pg_finfo_edurange_[a-z0-9_]+|Pg_magic_func|_PG_init)$' || true)
    [ -z "$foreign" ] || { say "$library exports:" && say "$foreign" && result=1; }
  done
  # A function of a library that the server has under the same name would be the server's.
  clash=$(nm -D --undefined-only "$copy/syncworker/edurange_worker.so" | awk '$2 ~ /^(json|curl)_/ {print $2}' |
    while read -r name; do
      nm -D --defined-only "$("$PG_CONFIG" --bindir)/postgres" | awk '{print $3}' | grep -x "$name" || true
    done)
  [ -z "$clash" ] || { say "the server has functions of the same names:" && say "$clash" && result=1; }
  return "$result"
}

# The analyser of clang over a build, which follows calls through a whole file.
check_scan() {
  copy=$TOP/build/lint/scan
  rm -rf "$copy"
  # shellcheck disable=SC2086 # one word a file
  copy_sources "$copy" $build_files
  # shellcheck disable=SC2016 # scan-build sets CC, which PGXS takes only from the command line
  MAKE="$MAKE" copy="$copy" scan-build --use-cc=clang --status-bugs -o build/scan \
    sh -c '"$MAKE" --no-print-directory -s -j2 -C "$copy" all "CC=$CC"'
}

check_docs() {
  perl "$TOP/docs/generate.pl" --check
}

# The rules of CONTRIBUTING.md about statement tables, routes and settings.
check_gates() {
  perl "$TOP/test/gates.pl"
}

# Calls that overflow, or hide an error.
check_banned() {
  # shellcheck disable=SC2086 # one word a file
  ! grep -nE '(^|[^a-z_0-9])(sprintf|vsprintf|strcpy|strcat|gets|atoi|atol|atof|strtok)[[:space:]]*\(' \
    $c_files $h_files
}

check_expected() {
  result=0
  for file in sql/*.sql test/isolation/specs/*.spec; do
    [ -f "$file" ] || continue
    case $file in
      sql/*) expected=expected/$(basename "$file" .sql).out ;;
      *) expected=test/isolation/expected/$(basename "$file" .spec).out ;;
    esac
    [ -f "$expected" ] || { say "$file has no $expected" && result=1; }
  done
  for file in sql/*.sql; do
    name=$(basename "$file" .sql)
    grep -q "^test:.*\b$name\b" sql/schedule || { say "$file is not in sql/schedule" && result=1; }
  done
  return "$result"
}

mkdir -p build
check format
check banned
check expected
check docs
check gates
check shell
check compilers
check symbols
check cppcheck
check scan
check tidy
[ "$findings" -eq 0 ] || fail "lint: findings in $findings checks"
say "lint: nothing found"
