#!/bin/sh
# Prepares the database that libpq's variables (PGHOST, PGDATABASE, PGUSER, PGPASSWORD or PGPASSWORD_FILE, …) name, as
# a superuser: makes or updates the extension, brings the tables up to date, makes the logins of the shim with the
# password in the file SHIM_PASSWORD_FILE, or SHIM_PASSWORD.  Run again it changes nothing.  Waits five minutes for a
# server that has the library of this image: one that is not there yet, or shall be restarted with it.  A server that
# is there and lets nobody in by what was given is not waited for.
set -eu

fail() {
  echo "edurange-migrate: $1" >&2
  exit 1
}
[ -z "${PGPASSWORD_FILE:-}" ] || PGPASSWORD=$(cat "$PGPASSWORD_FILE") || fail "PGPASSWORD_FILE cannot be read"
[ -z "${SHIM_PASSWORD_FILE:-}" ] || SHIM_PASSWORD=$(cat "$SHIM_PASSWORD_FILE") || fail "SHIM_PASSWORD_FILE cannot be read"
[ -z "${PGPASSWORD:-}" ] || export PGPASSWORD
[ -z "${SHIM_PASSWORD:-}" ] || export SHIM_PASSWORD

# What is set for the database, by who owns it, decides nothing here: what is said at the start counts more.
export PGOPTIONS="${PGOPTIONS:-} -c search_path=pg_catalog,pg_temp -c role=none -c default_transaction_read_only=off"

wanted=$(sed -n "s/^default_version = '\(.*\)'/\1/p" /usr/share/postgresql/*/extension/edurange.control | tail -n 1)

tries=0
refused=0
said=''
while :; do
  status=0
  offered=$(psql -XAtq -c "SELECT default_version FROM pg_available_extensions WHERE name = 'edurange'" 2>&1) || status=$?
  [ "$offered" != "$wanted" ] || break
  # A server that takes connections and refuses this one does so for ever.  Twice, for it may just have begun to.
  if [ "$status" -eq 2 ] && pg_isready -q; then refused=$((refused + 1)); else refused=0; fi
  [ "$refused" -lt 2 ] || fail "the server lets nobody in so: $offered"
  tries=$((tries + 1))
  [ "$tries" -lt 150 ] || fail "the server should offer edurange $wanted; it says: ${offered:-nothing}"
  [ "$offered" = "$said" ] ||
    echo "edurange-migrate: waiting for a server that offers edurange $wanted; it says: ${offered:-nothing}" >&2
  said=$offered
  sleep 2
done
roles=$(find /usr/share/postgresql/*/edurange/roles.sql | sort -V | tail -n 1)
exec psql -X -v ON_ERROR_STOP=1 -v roles="$roles" <<'SQL'
\set QUIET on
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED;
SET client_min_messages = warning;
-- The functions of one version never meet the rights of the other.
BEGIN;
CREATE EXTENSION IF NOT EXISTS edurange;
ALTER EXTENSION edurange UPDATE;
\set QUIET off
SELECT * FROM edurange.migrate();
\set QUIET on
COMMIT;
\i :roles
-- The password is no line of the server's log, nor of pg_stat_statements.
SET pg_stat_statements.track = none;
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = panic;
SET password_encryption = 'scram-sha-256';
\getenv shim_password SHIM_PASSWORD
\if :{?shim_password}
SELECT format('ALTER ROLE %I PASSWORD %L', rolname, :'shim_password') FROM pg_roles
WHERE rolname IN ('edurange_shim', 'edurange_shim_player', 'edurange_shim_service', 'edurange_shim_admin') \gexec
\endif
\set QUIET off
SELECT ready, missing FROM edurange.readiness();
SQL
