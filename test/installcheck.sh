#!/bin/sh
# Looks at the server that `make installcheck` is about to use, the one of PG_CONFIG that psql finds by itself or by
# PGHOST, PGPORT and PGUSER: can the tests run there?  Says all that is missing, and what brings it.
set -eu
TOP=$(cd "$(dirname "$0")/.." && pwd -P)
# shellcheck source=deploy/lib.sh
. "$TOP/deploy/lib.sh"
PG_CONFIG=${PG_CONFIG:-pg_config}
VERSION=$(sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" "$TOP/edurange.control")
MAJOR=$("$PG_CONFIG" --version | sed 's/^PostgreSQL \([0-9]*\).*/\1/')

missing=$("$("$PG_CONFIG" --bindir)/psql" -XAtq -v ON_ERROR_STOP=1 -v version="$VERSION" -v major="$MAJOR" -d postgres <<'SQL'
SELECT rolsuper FROM pg_roles WHERE rolname = current_user \gset
\if :rolsuper
SELECT what FROM (VALUES
  (current_setting('server_version_num')::integer / 10000 = :major,
   format('the server has version %s, PG_CONFIG is of %s: give PG_CONFIG or PGPORT', current_setting('server_version'), :major)),
  -- (what Debian's servers read elsewhere they do not list)
  (current_setting('extension_destdir', true) <> ''
    OR EXISTS (SELECT FROM pg_available_extension_versions WHERE name = 'edurange' AND version = :'version'),
   format('the server does not have edurange %s: make install', :'version')),
  ('edurange' = ANY (string_to_array(replace(current_setting('shared_preload_libraries'), ' ', ''), ',')),
   'the library is not preloaded: shared_preload_libraries = ''edurange'' in postgresql.conf, and a restart'))
  AS need (is_met, what) WHERE NOT is_met;
\else
SELECT format('"%s" is no superuser, who alone sees the rest: give PGUSER', current_user);
\endif
SQL
) || fail "make installcheck: no such server answers; PGHOST, PGPORT and PGUSER say which one is meant"
[ -z "$missing" ] || fail "make installcheck: $missing"
mkdir -p "$TOP/build/installcheck/isolation"
