#!/bin/sh
# The image's PostgreSQL: makes a cluster where PGDATA has none, then runs the server with the extension preloaded
# and the arguments given (-c name=value).  POSTGRES_PASSWORD_FILE, or POSTGRES_PASSWORD, is the superuser's
# password; POSTGRES_DB (edurange) the database that is made.  Both matter at the first start alone.
# Everything after that is SQL: edurange-migrate.
set -eu
umask 077

child='' scratch=''
on_exit() {
  status=$?
  trap - EXIT
  [ -z "$scratch" ] || rm -rf "$scratch"
  exit "$status"
}
# A shell that is process 1 hears no signal by itself, and none at all while it waits for a program in front: the
# programs of the first start run behind it, and end with it.
on_signal() {
  echo 'edurange-postgresql: stopped before the cluster was made' >&2
  [ -z "$child" ] || { kill -TERM "$child" && wait "$child"; } 2>/dev/null || true
  exit 143
}
wait_for() {
  child=$1
  wait "$child"
  child=''
}

first_start() {
  trap on_exit EXIT
  trap on_signal TERM INT QUIT
  scratch=$(mktemp -d)
  password=${POSTGRES_PASSWORD_FILE:-}
  if [ -z "$password" ]; then
    [ -n "${POSTGRES_PASSWORD:-}" ] || {
      echo 'edurange-postgresql: POSTGRES_PASSWORD_FILE or POSTGRES_PASSWORD must be set for the first start' >&2
      exit 1
    }
    password=$scratch/password
    printf '%s\n' "$POSTGRES_PASSWORD" >"$password"
  fi
  # What a start that was cut short has left is no cluster: it has not its name yet.
  rm -rf "$PGDATA.new"
  initdb -D "$PGDATA.new" -U postgres --pwfile="$password" --encoding=UTF8 --locale=C.UTF-8 --data-checksums \
    --auth-local=trust --auth-host=scram-sha-256 &
  wait_for $!
  cat >>"$PGDATA.new/postgresql.conf" <<'TXT'
listen_addresses = '*'
unix_socket_directories = '/run/postgresql'
timezone = 'UTC'
log_timezone = 'UTC'
TXT
  # The sockets are inside the container; everybody else needs a password.
  printf 'host all all all scram-sha-256\n' >>"$PGDATA.new/pg_hba.conf"
  printf 'CREATE DATABASE "%s";\n' "${POSTGRES_DB:-edurange}" >"$scratch/database.sql"
  postgres --single -D "$PGDATA.new" -c exit_on_error=on postgres <"$scratch/database.sql" >/dev/null &
  wait_for $!
  mv "$PGDATA.new" "$PGDATA"
  rm -rf "$scratch"
  trap - EXIT TERM INT QUIT
}

if [ "${1:-}" != '' ] && [ "${1#-}" = "$1" ]; then
  exec "$@" # another program of the image
fi
if [ -s "$PGDATA/PG_VERSION" ]; then
  # Where a volume was restored or given to a group (fsGroup), its files are open to that group, which PostgreSQL refuses.
  chmod 700 "$PGDATA" || {
    echo "edurange-postgresql: $PGDATA belongs to $(stat -c %U:%G "$PGDATA"), and must belong to $(id -u):$(id -g)" >&2
    exit 1
  }
else
  first_start
fi
unset POSTGRES_PASSWORD
exec postgres -D "$PGDATA" -c shared_preload_libraries=edurange "$@"
