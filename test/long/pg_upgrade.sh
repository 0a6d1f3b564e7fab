#!/bin/sh
# A real pg_upgrade from PostgreSQL 15, of this machine, to 17, of a Debian system in a folder: every row,
# trigger, grant and the guard are there afterwards, and the ledger goes on.  Run as root by make test-long;
# the folder is kept below /var/tmp.
set -eu
TOP=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=deploy/lib.sh
. "$TOP/deploy/lib.sh"
[ "$(id -u)" -eq 0 ] || fail "pg_upgrade.sh: needs root, for chroot"
[ "$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')" = 15 ] || fail "pg_upgrade.sh: needs PostgreSQL 15 here"

root=$("$TOP/test/chroot.sh" trixie --server 17)
new=/usr/lib/postgresql/17/bin
old=/usr/lib/postgresql/15/bin

inside() { chroot "$root" "$@"; }
as_postgres() { inside setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"; }

# The old server with the extension as it is built here, beside the new one with its own build.
say "building for both versions"
rm -rf "$root/src" "$root/var/tmp/upgrade" "$root/usr/lib/postgresql/15" "$root/usr/share/postgresql/15"
cp -a /usr/lib/postgresql/15 "$root/usr/lib/postgresql/"
cp -a /usr/share/postgresql/15 "$root/usr/share/postgresql/"
for library in $(ldd "$old/postgres" "$old/psql" /usr/lib/postgresql/15/lib/libpqwalreceiver.so |
  sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p' | sort -u); do
  [ -e "$root$library" ] || [ -e "$root/usr$library" ] || cp -L "$library" "$root/usr/lib/x86_64-linux-gnu/"
done
"$MAKE" -C "$TOP" --no-print-directory -s -j2 all install "DESTDIR=$root" SHIM_BINDIR=/usr/local/bin >/dev/null
mkdir "$root/src"
(cd "$TOP" && tar -cf - --exclude='*.o' --exclude='*.so' --exclude='*.d' --exclude=build Makefile edurange.control extension schema \
  shim syncworker test/adoption) | tar -xf - -C "$root/src"
inside make -C /src --no-print-directory -s -j2 all install "PG_CONFIG=$new/pg_config" >/dev/null

say "making the old cluster"
inside install -d -o postgres -g postgres /var/tmp/upgrade
for server in old new; do
  bin=$new
  [ "$server" = new ] || bin=$old
  as_postgres "$bin/initdb" -D "/var/tmp/upgrade/$server" -U postgres --encoding=UTF8 --locale=C >/dev/null
  printf "%s\n" "shared_preload_libraries = 'edurange'" "edurange.database = ''" "listen_addresses = ''" \
    "unix_socket_directories = '/var/tmp/upgrade'" 'port = 54990' 'fsync = off' \
    >>"$root/var/tmp/upgrade/$server/postgresql.conf"
done
start() { as_postgres "$1/pg_ctl" -D "$2" -l "$2.log" -w start >/dev/null; }
stop() { as_postgres "$1/pg_ctl" -D "$2" -m fast -w stop >/dev/null; }
sql() { as_postgres "$new/psql" -XAtq -v ON_ERROR_STOP=1 -h /var/tmp/upgrade -p 54990 -U postgres -d edurange "$@"; }
is() {
  [ "$1" = "$2" ] || fail "not ok: $3: got \"$1\", expected \"$2\""
  say "ok: $3"
}
fingerprint="SELECT string_agg(format('%s %s', c.oid::regclass, query_to_xml(format(
  'SELECT count(*), md5(string_agg(t::text, %L ORDER BY t::text)) FROM %s t', ',', c.oid::regclass), false, false, '')),
  E'\n' ORDER BY c.oid::regclass::text) FROM pg_class c WHERE c.relkind = 'r'
  AND c.relnamespace IN ('public'::regnamespace, 'edurange'::regnamespace)"

start "$old" /var/tmp/upgrade/old
as_postgres "$new/createdb" -h /var/tmp/upgrade -p 54990 -U postgres edurange
sql -c 'CREATE EXTENSION edurange' -c 'SELECT count(*) FROM edurange.migrate()' >/dev/null
sql -f /src/test/adoption/rows.sql
sql -c "SELECT edurange.add_points('clx0ada000000000000000001', 'clx0spring000000000000001', n) FROM generate_series(1, 9) n" >/dev/null
feed="edurange.events('clx0spring000000000000001'"
token=$(sql -c "SELECT \"sinceToken\" FROM $feed, \"limit\" => 10000)")
before=$(sql -c "$fingerprint")
stop "$old" /var/tmp/upgrade/old

say "upgrading"
inside sh -c "cd /var/tmp/upgrade && exec setpriv --reuid=postgres --regid=postgres --init-groups -- $new/pg_upgrade \
  -b $old -B $new -d /var/tmp/upgrade/old -D /var/tmp/upgrade/new -U postgres -p 54991 -P 54992 -s /var/tmp/upgrade" |
  tail -n 12
start "$new" /var/tmp/upgrade/new
trap 'stop "$new" /var/tmp/upgrade/new' EXIT
is "$(sql -c 'SHOW server_version_num' | cut -c 1-2)" 17 'the new server is 17'
is "$(sql -c "$fingerprint")" "$before" 'every row is there'
is "$(sql -c 'SELECT ready, missing FROM edurange.readiness()')" 't|{}' 'nothing is missing'
is "$(sql -c 'SELECT * FROM edurange.migrate()')" 'role|edurange_worker' 'the worker needs no login any more, and loses it'
is "$(sql -c 'SELECT * FROM edurange.migrate()')" '' 'nothing else to do'
is "$(sql -c "SELECT points FROM edurange.add_points('clx0ada000000000000000001', 'clx0spring000000000000001', 1)")" 76 'it scores on'
is "$(sql -c 'SELECT * FROM edurange.check_invariants()')" '' 'invariants'
is "$(sql -c "SELECT $feed, '$token')" 2>&1 | grep -c 'of a past that is gone')" 1 'a token of the feed of before is to begin anew'
is "$(sql -c "SELECT cardinality(events) FROM $feed, \"limit\" => 10000)")" \
  "$(sql -c "SELECT count(*) FROM edurange.points_ledger WHERE group_id = 'clx0spring000000000000001'")" 'and has all there is'
is "$(sql -c 'DROP TABLE edurange.token' 2>&1 | grep -c 'without edurange.allow_drop')" 1 'the guard stands'
