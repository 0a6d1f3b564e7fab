#!/bin/sh
# The image's PostgreSQL: makes a cluster where PGDATA has none, then runs the server with the extension preloaded
# and the arguments given (-c name=value).  POSTGRES_PASSWORD_FILE, or POSTGRES_PASSWORD, is the superuser's
# password; POSTGRES_DB (edurange) the database that is made.  Both matter at the first start alone.
# Everything after that is SQL: edurange-migrate.
set -eu
umask 077

first_start() {
  password=${POSTGRES_PASSWORD_FILE:-}
  if [ -z "$password" ]; then
    [ -n "${POSTGRES_PASSWORD:-}" ] || {
      echo 'edurange-postgresql: POSTGRES_PASSWORD_FILE or POSTGRES_PASSWORD must be set for the first start' >&2
      exit 1
    }
    password=$(mktemp)
    printf '%s\n' "$POSTGRES_PASSWORD" >"$password"
  fi
  # What a start that was cut short has left is no cluster: it has not its name yet.
  rm -rf "$PGDATA.new"
  initdb -D "$PGDATA.new" -U postgres --pwfile="$password" --encoding=UTF8 --locale=C.UTF-8 --data-checksums \
    --auth-local=trust --auth-host=scram-sha-256
  [ -n "${POSTGRES_PASSWORD_FILE:-}" ] || rm -f "$password"
  cat >>"$PGDATA.new/postgresql.conf" <<'TXT'
listen_addresses = '*'
unix_socket_directories = '/run/postgresql'
timezone = 'UTC'
log_timezone = 'UTC'
TXT
  # The sockets are inside the container; everybody else needs a password.
  printf 'host all all all scram-sha-256\n' >>"$PGDATA.new/pg_hba.conf"
  printf 'CREATE DATABASE "%s";\n' "${POSTGRES_DB:-edurange}" |
    postgres --single -D "$PGDATA.new" -c exit_on_error=on postgres >/dev/null
  mv "$PGDATA.new" "$PGDATA"
}

if [ "${1:-}" != '' ] && [ "${1#-}" = "$1" ]; then
  exec "$@" # another program of the image
fi
[ -s "$PGDATA/PG_VERSION" ] || first_start
unset POSTGRES_PASSWORD
exec postgres -D "$PGDATA" -c shared_preload_libraries=edurange "$@"
