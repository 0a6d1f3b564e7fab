#!/bin/sh
# The Debian packages: made, looked at by lintian, installed into a Debian system that boots in a folder with its
# own systemd and network, as docs/first-score.md says, word for word, used, and taken away again as docs/deployment.md
# says.  Run as root by make test-long; needs systemd-nspawn.
set -eu
TOP=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=deploy/lib.sh
. "$TOP/deploy/lib.sh"
[ "$(id -u)" -eq 0 ] || fail "packages.sh: needs root, for chroot"
suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
version=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')

is() {
  [ "$1" = "$2" ] || fail "not ok: $3: got \"$1\", expected \"$2\""
  say "ok: $3"
}
# A build of one's own has neither a public address nor a bug report that asks for it.
say "making the packages"
DEBEMAIL=edurange@localhost MAKE=$MAKE "$TOP/deploy/deb.sh" >"$TOP/build/deb.log" 2>&1 || {
  tail -n 40 "$TOP/build/deb.log"
  fail "not ok: make deb"
}
lintian --allow-root --fail-on error,warning --suppress-tags \
  bogus-mail-host,bogus-mail-host-in-debian-changelog,initial-upload-closes-no-bugs "$TOP"/build/deb/*.changes
say "ok: lintian has neither error nor warning"

# ---- a system to install into, a copy of one that is kept -------------------------------------
base=$("$TOP/test/chroot.sh" "$suite" "postgresql-$version" systemd systemd-sysv dbus curl ca-certificates)
root=$(mktemp -d /var/tmp/edurange-packages-XXXXXX)
nspawn=''
on_exit() {
  status=$?
  trap - EXIT
  if [ -n "$nspawn" ]; then
    [ "$status" -eq 0 ] || inside journalctl --no-pager -n 60 2>/dev/null || true
    kill "$nspawn" 2>/dev/null || true
    wait "$nspawn" 2>/dev/null || true
  fi
  rm -rf "$root"
  exit "$status"
}
trap on_exit EXIT
trap 'exit 130' INT TERM HUP
say "copying a system"
cp -a "$base/." "$root/"
files() {
  (cd "$root" && find . \( -path ./proc -o -path ./sys -o -path ./dev -o -path ./run -o -path ./tmp -o \
    -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./var/log -o -path ./var/cache -o -path ./srv -o -path ./root \) \
    -prune -o -print | sort)
}
apt() { chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends "$@" >"$root/srv/apt.log" 2>&1 ||
  { tail -n 30 "$root/srv/apt.log" && fail "not ok: apt-get $*"; }; }
# What the packages need from Debian is no part of what they leave.
apt install libmicrohttpd12 libjansson4 libcurl4 adduser sudo
chroot "$root" useradd -m -s /bin/bash vera
echo 'vera ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/vera"
files >"$root/srv/before"
cp "$TOP"/build/deb/edurange-shim_*.deb "$TOP/build/deb/postgresql-$version-edurange"_*.deb "$root/srv/"
cp "$TOP/test/adoption/rows.sql" "$root/srv/"
perl -I "$TOP/test/perl" -MEdurange::Zip=zip_of -we '
  local $/;
  print zip_of([ map { open(my $file, "<:raw", $_) or die "$_: $!"; { name => s,.*/,,r, content => <$file> } } @ARGV ])' \
  "$TOP"/deploy/sample/first-steps/*.json >"$root/srv/pack.zip"

# ---- it boots ---------------------------------------------------------------------------------
rm "$root/usr/sbin/policy-rc.d"
inside() { nsenter -t "$leader" -a -- "$@"; }
sql() { inside setpriv --reuid=postgres --regid=postgres --init-groups -- psql -XAtq -v ON_ERROR_STOP=1 -d edurange "$@"; }
wait_for() {
  what=$1
  shift
  tries=0
  until "$@" >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || fail "not ok: $what did not come"
    sleep 0.2
  done
  say "ok: $what"
}
property() { inside systemctl show edurange-shim --value -p "$1"; }
# (the system has a /tmp of its own when it runs, so what the test brings is in /srv)
systemd-nspawn -q -D "$root" --register=no --keep-unit --private-network -b --console=pipe </dev/null >"$root.log" 2>&1 &
nspawn=$!
find_leader() { leader=$(pgrep -P "$nspawn" -x systemd); }
wait_for 'the system boots' find_leader
rm -f "$root.log"
wait_for 'its systemd answers' inside systemctl show-environment
wait_for 'its PostgreSQL runs' inside setpriv --reuid=postgres --regid=postgres --init-groups -- psql -c 'SELECT 1'

# What a page of docs/ has somebody type in a section, up to the next one, or to the one that is named, typed by
# somebody who may use sudo, and says y to what apt asks; what is between them is what the page has to show.
typed() {
  sed -n "/^#* $2\$/,/^#* ${3:-[^#]*}\$/p" "$TOP/docs/$1" >"$root/srv/section"
  # shellcheck disable=SC2016 # those are Perl's
  perl -0777 -ne 'print "set -e -o pipefail\n", map { "$_\n" } /^```sh [^\n]*\n(.*?)^```$/msg' "$root/srv/section" >"$root/srv/typed"
  inside sh -c 'cd /srv && yes | setpriv --reuid=vera --regid=vera --init-groups -- env HOME=/home/vera LANG=C.UTF-8 \
    bash /srv/typed' >"$root/srv/said" 2>&1 || { cat "$root/srv/said" && fail "not ok: docs/$1, $2"; }
}
says() { is "$(grep -c -- "$1" "$root/srv/said")" "${3:-1}" "$2"; }

say "as docs/first-score.md says"
typed first-score.md '1. Packages' '5. The Instance Manager'
says '^the sync worker idles; set edurange.instance_manager_url$' 'what it says when all but the Instance Manager is in place'
says '^{"ready":true,' 'the service reaches the database, by peer authentication'
says '^200$' 'the first token'
says '^\[{"rank":1,"userId":"sam","name":"Sam","points":10,"completions":1,' 'the first score'
is "$(sql -c 'SELECT ready FROM edurange.readiness()')" t 'the extension is ready'
wait_for 'the worker runs' sh -c "[ \"\$(nsenter -t $leader -a -- setpriv --reuid=postgres --regid=postgres --init-groups -- \
  psql -XAtq -c \"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'edurange sync worker'\")\" = 1 ]"
is "$(stat -c '%A %U:%G' "$root/etc/edurange/shim.env")" '-rw-r----- root:root' 'the settings are for root alone'
is "$(chroot "$root" dpkg-query -W -f '${Conffiles}' edurange-shim | awk '{print $1}')" /etc/edurange/shim.env \
  'and they are a conffile'
is "$(chroot "$root" edurange-shim --version | cut -d ' ' -f 1)" edurange_shim 'both names of the program'
chroot "$root" systemd-analyze verify --man=no /lib/systemd/system/edurange-shim.service
say "ok: systemd-analyze verify"
for file in roles.sql remove.sql prometheus/alerts.yml prometheus/textfile.sql grafana/edurange.json ha/local.sh ha/patroni.yml; do
  [ -s "$root/usr/share/postgresql/$version/edurange/$file" ] || fail "not ok: $file is not where the docs say"
done
say "ok: the files that operators need"

echo 'EDURANGE_METRICS_PORT=9187' >>"$root/etc/edurange/shim.env"
inside systemctl restart edurange-shim
is "$(property ActiveState)/$(property SubState)/$(property Type)" active/running/notify 'the service says that it is ready'
is "$(property MemoryMax)" 536870912 'its memory is bounded'
is "$(property UnitFileState)" enabled 'and it starts with the system'
main=$(property MainPID)
is "$(inside ps -o user= -p "$main" 2>/dev/null || inside stat -c %U "/proc/$main")" edurange_shim 'it runs as its own user'
is "$(inside sed -n 's/^NoNewPrivs:\t//p; s/^Seccomp:\t//p; s/^CapEff:\t//p' "/proc/$main/status" | tr '\n' ' ')" \
  '0000000000000000 1 2 ' 'without capabilities, new privileges or calls that it does not need'

say "using it"
curl_json() { inside curl -sS -m 20 -o - -w '\n%{http_code}' "$@"; }
wait_for 'it reaches the database, by peer authentication' inside curl -fsS http://127.0.0.1:8000/ready
sql -f /srv/rows.sql
token=$(sql -c "SELECT token FROM edurange.create_token('admin', 'test')")
answer=$(curl_json -H "Authorization: Bearer $token" -F file=@/srv/pack.zip http://127.0.0.1:8000/packs/upload)
is "$(printf '%s' "$answer" | tail -n 1)" 200 'a pack as zip is installed'
is "$(sql -c "SELECT count(*) FROM \"Challenge\" WHERE pack_id = 'first-steps'")" 4 'with its challenges'
before=$(sql -c "SELECT edurange.get_points('clx0ada000000000000000001', 'clx0spring000000000000001')")
answer=$(inside curl -sS -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d '{"points": 5,
  "user_id": "clx0ada000000000000000001", "group_id": "clx0spring000000000000001"}' http://127.0.0.1:8000/add_points)
is "$(printf '%s' "$answer" | sed 's/.*"points":\([0-9]*\).*/\1/')" "$((before + 5))" 'points are awarded'
is "$(sql -c 'SELECT * FROM edurange.check_invariants()')" '' 'and every total is what the ledger says'
is "$(inside curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1:8000/docs)" 200 'its pages'
is "$(inside curl -sS http://127.0.0.1:9187/metrics | grep -c '^edurange_build_info')" 1 'its metrics'

say "living with it"
inside sh -c "kill -9 $main"
wait_for 'it comes back after kill -9' inside curl -fsS http://127.0.0.1:8000/ready
inside dpkg -i "/srv/$(basename "$root"/srv/edurange-shim_*.deb)" >/dev/null
is "$(property ActiveState)" active 'after an upgrade of the package it runs'
is "$(grep -c '^DATABASE_URL=' "$root/etc/edurange/shim.env")" 1 'with its settings'
inside systemctl restart postgresql
wait_for 'and so after a restart of PostgreSQL' inside curl -fsS http://127.0.0.1:8000/ready
inside systemctl stop edurange-shim
is "$(property Result)/$(property ExecMainStatus)" success/0 'it stops in order'
echo 'EDURANGE_POOL_SIZE=many' >>"$root/etc/edurange/shim.env"
inside systemctl start edurange-shim 2>/dev/null || true
is "$(property ExecMainStatus)/$(property NRestarts)" 2/0 'settings that are wrong are not tried again'

say "taking it away"
inside systemctl reset-failed edurange-shim
inside dpkg --remove edurange-shim >/dev/null
[ -f "$root/etc/edurange/shim.env" ] || fail 'not ok: remove took the settings'
is "$(inside systemctl is-active edurange-shim || true)" inactive 'removed: no service, but its settings'
rows=$(sql -c 'SELECT count(*) FROM "Challenge"')
sed -i '/EDURANGE_POOL_SIZE=many/d' "$root/etc/edurange/shim.env"
inside dpkg -i "/srv/$(basename "$root"/srv/edurange-shim_*.deb)" >/dev/null
say "as docs/deployment.md says"
typed deployment.md Back
says 'what they own: edurange_owner,' 'the removal names the roles that stay'
wait_for 'PostgreSQL starts without it' sql -c 'SELECT 1'
is "$(sql -c 'SELECT count(*) FROM "Challenge"')" "$rows" 'the tables are there'
is "$(inside getent passwd edurange_shim || true)" '' 'its user is gone'
inside systemctl poweroff
wait "$nspawn" || true
nspawn=''
files >"$root/srv/after"
# What the system and the server wrote while they ran is not of the packages.
left=$(comm -13 "$root/srv/before" "$root/srv/after" |
  grep -vE '^\./(var/lib/(postgresql|systemd|dbus|private)|etc/(machine-id|mtab|\.updated|resolv\.conf)|var/\.updated|var/tmp)' || true)
is "$left" '' 'no file is left'
say "all ok"
