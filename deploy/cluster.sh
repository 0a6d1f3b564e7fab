# shellcheck shell=sh
# The private PostgreSQL of one run directory: made when it is missing, configured anew at every
# start.  Needs lib.sh, processes.sh, STATE_DIR, SERVER_USER, PGPORT_OWN, IM_PORT.

# Makes the cluster.  It appears under its name only when it is complete.  The superuser's password
# is for TCP; the socket's folder lets in nobody but SERVER_USER and root and asks for none.
make_cluster() {
  [ ! -f "$STATE_DIR/data/PG_VERSION" ] || return 0
  rm -rf "$STATE_DIR/data.new"
  mkdir -m 700 "$STATE_DIR/data.new"
  (umask 077 && od -An -N 24 -tx1 /dev/urandom | tr -d ' \n' >"$STATE_DIR/password.new")
  if [ "$(id -u)" -eq 0 ]; then
    chown "$SERVER_USER:" "$STATE_DIR/data.new" "$STATE_DIR/password.new"
  fi
  say "making a PostgreSQL cluster in $STATE_DIR/data"
  (cd "$STATE_DIR" && as_user "$BINDIR/initdb" -D "$STATE_DIR/data.new" -U postgres --encoding=UTF8 \
    --locale=C --auth-local=trust --auth-host=scram-sha-256 --data-checksums \
    --pwfile="$STATE_DIR/password.new") >"$STATE_DIR/logs/initdb.log" 2>&1 || {
    fail_of initdb "initdb failed"
  }
  say "include_if_exists = 'edurange.conf'" >>"$STATE_DIR/data.new/postgresql.conf"
  # With its database at the first start the worker does not have to wait for it.
  say 'CREATE DATABASE edurange' | (cd "$STATE_DIR" &&
    as_user "$BINDIR/postgres" --single -j -D "$STATE_DIR/data.new" postgres) \
    >>"$STATE_DIR/logs/initdb.log" 2>&1 || {
    fail_of initdb "the database could not be made"
  }
  mv "$STATE_DIR/password.new" "$STATE_DIR/password"
  mv "$STATE_DIR/data.new" "$STATE_DIR/data"
}

# A folder with a short path for the socket (a socket's path may have 107 bytes), remembered in
# $STATE_DIR/sockets.  Sets SOCKETS.
make_sockets() {
  remove_sockets
  SOCKETS=$(mktemp -d /tmp/edurange-XXXXXX)
  say "$SOCKETS" >"$STATE_DIR/sockets"
  [ "$(id -u)" -ne 0 ] || chown "$SERVER_USER:" "$SOCKETS"
}

remove_sockets() {
  [ -f "$STATE_DIR/sockets" ] || return 0
  read -r old <"$STATE_DIR/sockets" || old=''
  case $old in
    /tmp/edurange-??????)
      # Only what a socket's folder holds: should it belong to somebody else, nothing goes.
      rm -f "$old"/.s.PGSQL.* 2>/dev/null || true
      rmdir "$old" 2>/dev/null || true
      ;;
  esac
  rm -f "$STATE_DIR/sockets"
}

# $1 is whether the worker polls: off until there is an Instance Manager to poll.
write_conf() {
  {
    say '# Written at every start; put settings of your own into postgresql.auto.conf (ALTER SYSTEM).'
    say "listen_addresses = '127.0.0.1'"
    say "port = $PGPORT_OWN"
    say "unix_socket_directories = $(conf_quote "$SOCKETS")"
    say "cluster_name = 'edurange'"
    say "timezone = 'UTC'"
    say "log_timezone = 'UTC'"
    say "log_line_prefix = '%m [%p] %b %q%u@%d '"
    staged_conf "$STATE_DIR/stage"
    say "edurange.database = 'edurange'"
    say "edurange.instance_manager_url = 'http://127.0.0.1:$IM_PORT/api'"
    say "edurange.sync_enabled = $1"
  } >"$STATE_DIR/edurange.conf.new"
  [ "$(id -u)" -ne 0 ] || chown "$SERVER_USER:" "$STATE_DIR/edurange.conf.new"
  mv "$STATE_DIR/edurange.conf.new" "$STATE_DIR/data/edurange.conf"
}

# psql as the superuser, in the database $1.
sql_in() {
  database=$1
  shift
  "$BINDIR/psql" -X -q -h "$SOCKETS" -p "$PGPORT_OWN" -U postgres -d "$database" \
    -v ON_ERROR_STOP=1 "$@"
}
sql() { sql_in edurange "$@"; }
sql_value() { sql -At -c "$1"; }

# Starts PostgreSQL and waits until it answers.  After a kill -9 the backends of the old server can
# live on for a moment and hold its shared memory, so that the first tries may fail.
start_postgres() {
  for _ in 1 2 3 4 5 6; do
    start_program postgres "$BINDIR/postgres" -D "$STATE_DIR/data"
    if wait_for 60 postgres sql_in postgres -c 'SELECT 1'; then
      return 0
    fi
    grep -q 'shared memory block\|lock file' "$STATE_DIR/logs/postgres.log" || break
    sleep 1
  done
  fail_of postgres "PostgreSQL did not start"
}

# The database with the extension in the version that was just built, its tables, and the shim's
# logins.  Where the install script has changed since, the code of the extension is made anew: tables
# and rows do not belong to it, and migrate() puts the triggers back in the same transaction.
prepare_database() {
  script=$(cat "$STATE_DIR/stage$("$PG_CONFIG" --sharedir)/extension/"edurange--*.sql | sha256sum)
  if [ "$(cat "$STATE_DIR/installed-script" 2>/dev/null)" != "$script" ]; then
    drop='DROP EXTENSION IF EXISTS edurange CASCADE;'
  fi
  sql -o /dev/null -f - -f "$TOP/deploy/roles.sql" >"$STATE_DIR/logs/migrate.log" 2>&1 <<SQL || {
SET client_min_messages = warning;
BEGIN;
${drop:-}
CREATE EXTENSION IF NOT EXISTS edurange;
SELECT * FROM edurange.migrate();
COMMIT;
SQL
    fail_of migrate "the database could not be prepared"
  }
  say "$script" >"$STATE_DIR/installed-script"
}

# Lets the worker poll.
enable_sync() {
  write_conf on
  sql -o /dev/null -c 'SELECT pg_reload_conf()'
}

load_sample() {
  sql -v directory="$TOP/deploy/sample/first-steps" -f "$TOP/deploy/sample/load.sql" \
    >"$STATE_DIR/logs/sample.log" 2>&1 || {
    fail_of sample "the sample could not be loaded"
  }
}
