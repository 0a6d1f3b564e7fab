#!/bin/sh
# Fuzzes the JSON schema validator inside of a backend: fuzz_json_schema.sh SECONDS RUNS FOLDER, as run.sh
# calls it.  A module with the validator and libFuzzer is loaded into a private server; a crash, an internal
# error or a server that does not end in time is a finding.
set -eu
TOP=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=deploy/lib.sh
. "$TOP/deploy/lib.sh"
seconds=$1
runs=$2
found=$3
BUILD=$TOP/build/fuzz
CLANG=${FUZZ_CC:-clang}
RUNTIME=$("$CLANG" -print-resource-dir)/lib/linux/libclang_rt.fuzzer_no_main-$(uname -m).a

on_exit() {
  status=$?
  trap - EXIT INT TERM HUP
  [ ! -f "$WORK/data/postmaster.pid" ] ||
    as_user "$BINDIR/pg_ctl" -s -D "$WORK/data" -m immediate stop || true
  cat "$WORK/log" 2>/dev/null || true
  cp "$WORK"/found/* "$found/" 2>/dev/null || true
  [ "$runs" -gt 0 ] || cp "$WORK"/corpus/* "$BUILD/corpus/json_schema/" 2>/dev/null || true
  rm -rf "$WORK"
  exit "$status"
}

# The module, from the extension's sources and libFuzzer's runtime.
build_module() {
  mkdir -p "$WORK/objects"
  for file in "$TOP"/test/fuzz/json_schema_module.c "$TOP"/extension/json_schema/*.c "$TOP"/extension/text/*.c \
    "$TOP"/extension/base/*.c; do
    "$CLANG" -std=gnu11 -O1 -g -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
      -Wno-missing-field-initializers -Wno-ignored-attributes -fPIC -fvisibility=hidden \
      -fsanitize=fuzzer-no-link '-DPGDLLEXPORT=__attribute__((visibility("default")))' -D_GNU_SOURCE \
      -I"$TOP/extension" -I"$TOP/build" -I"$("$PG_CONFIG" --includedir-server)" -c "$file" \
      -o "$WORK/objects/$(basename "$file" .c).o"
  done
  "$CLANG" -shared -o "$WORK/edurange_fuzz.so" "$WORK"/objects/*.o "$RUNTIME" -lstdc++ -lm -lpthread
}

sql() {
  as_user "$BINDIR/psql" -qXAt -v ON_ERROR_STOP=1 -h "$WORK" -d postgres "$@"
}

choose_user
BINDIR=$("$PG_CONFIG" --bindir)
WORK=$(mktemp -d /var/tmp/edurange-fuzz-XXXXXX)
trap on_exit EXIT
trap 'exit 130' INT TERM HUP
chmod 755 "$WORK"
mkdir -p "$WORK/corpus" "$WORK/found" "$BUILD/corpus/json_schema"
[ "$runs" -gt 0 ] || cp "$BUILD"/corpus/json_schema/* "$WORK/corpus/" 2>/dev/null || true
build_and_stage "$WORK/stage"
build_module
mkdir "$WORK/data"
[ "$(id -u)" -ne 0 ] || chown -R "$SERVER_USER:" "$WORK/data" "$WORK/corpus" "$WORK/found" "$WORK"

as_user "$BINDIR/initdb" -D "$WORK/data" --encoding=UTF8 --locale=C -A trust >/dev/null
{
  staged_conf "$WORK/stage"
  printf '%s\n' "edurange.database = ''" "listen_addresses = ''" "fsync = off" \
    "unix_socket_directories = '$WORK'" "restart_after_crash = off"
} >>"$WORK/data/postgresql.conf"
as_user "$BINDIR/pg_ctl" -s -w -D "$WORK/data" -l "$WORK/log" start
sql -c 'CREATE EXTENSION edurange' -c "CREATE FUNCTION pg_catalog.edurange_fuzz(text[]) RETURNS integer
  AS '$WORK/edurange_fuzz', 'edurange_fuzz' LANGUAGE C" -c 'SELECT edurange.migrate()' >/dev/null

# The fixed number of inputs grows from one seed, so that every run is the same.
amount="'-max_total_time=$seconds'"
[ "$runs" -eq 0 ] || amount="'-seed=1', '-runs=$runs'"
# libFuzzer ends the backend by exit(), which psql takes for a lost connection.
as_user timeout "$((seconds + 120))" "$BINDIR/psql" -qX -h "$WORK" -d postgres \
  -c "SELECT pg_catalog.edurange_fuzz(ARRAY[$amount, '-timeout=0', '-rss_limit_mb=0', '-max_len=400', '-len_control=0',
  '-handle_usr1=0', '-handle_usr2=0', '-handle_int=0', '-handle_term=0', '-handle_xfsz=0',
  '-print_final_stats=1', '-artifact_prefix=$WORK/found/', '$WORK/corpus'])" 2>/dev/null || true

if [ -n "$(ls -A "$WORK/found")" ] || grep -q 'was terminated by\|exited with exit code' "$WORK/log" ||
  ! grep -q '^stat::number_of_executed_units' "$WORK/log"; then
  fail "fuzz_json_schema: a finding, or no end"
fi
