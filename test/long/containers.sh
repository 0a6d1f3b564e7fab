#!/bin/sh
# The images of deploy/containers/, without a container engine: their Dockerfiles are carried out in folders, and what
# they make runs as Kubernetes runs it: its user without any capability, a root filesystem that is read-only, its
# volumes, process 1 of its own.  Run as root by make test-long.
set -eu
TOP=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=deploy/lib.sh
. "$TOP/deploy/lib.sh"
[ "$(id -u)" -eq 0 ] || fail "containers.sh: needs root, for chroot"

is() {
  [ "$1" = "$2" ] || fail "not ok: $3: got \"$1\", expected \"$2\""
  say "ok: $3"
}

# ---- making them ------------------------------------------------------------------------------
if [ "${1:-}" != run ]; then
  work=$(mktemp -d /var/tmp/edurange-containers-XXXXXX)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM HUP
  chmod 755 "$work"
  base=$("$TOP/test/chroot.sh" bookworm)
  mkdir "$work/context"
  (cd "$TOP" && tar -cf - --exclude='*.o' --exclude='*.so' --exclude='*.d' --exclude=.git --exclude=./build \
    --exclude=./.run --exclude=./.test .) | tar -xf - -C "$work/context"
  for name in edurange-shim edurange-postgresql; do
    say "making $name"
    perl "$TOP/test/long/dockerfile.pl" "$TOP/deploy/containers/$name.Dockerfile" "$work/context" "$base" "$work" \
      >"$work/$name.log" 2>&1 || { tail -n 40 "$work/$name.log" && fail "not ok: making $name"; }
    say "ok: $name, $(du -sm "$work/$name" | cut -f 1) MB"
  done
  # A network of their own; this script goes on in it.
  unshare -n -m --propagation private "$0" run "$work"
  exit
fi

# ---- running them -----------------------------------------------------------------------------
work=$2
ip link set lo up
mkdir -p "$work/data" "$work/secrets"
printf 'the superuser\n' >"$work/secrets/password"
printf 'postgresql://edurange_shim_{tier}:s%%27p@127.0.0.1/edurange\n' >"$work/secrets/database-url"
chown -R 10002:10002 "$work/data"
chmod 755 "$work/secrets"
chmod 444 "$work/secrets"/*
setting() { perl -MJSON::PP -we 'local $/; my $j = decode_json(<STDIN>); my $v = $j->{$ARGV[0]};
  print ref $v eq "ARRAY" ? "@$v" : ref $v ? map({ "$_=$v->{$_}\n" } sort keys %$v) : $v' "$2" <"$work/$1.json"; }

# contained IMAGE VARIABLES COMMAND...: runs a command of an image in the foreground.
contained() {
  image=$1
  variables=$2
  shift 2
  user=$(setting "$image" user)
  # shellcheck disable=SC2046,SC2086 # a word each
  exec unshare -m -p -f --kill-child --propagation private sh -c '
    root=$1 work=$2
    shift 2
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    for folder in tmp run dev/shm; do mount -t tmpfs tmpfs "$root/$folder"; done
    mkdir -p "$root/run/secrets/edurange" "$root/run/postgresql"
    chmod 1777 "$root/run/postgresql"
    mount --bind "$work/secrets" "$root/run/secrets/edurange"
    [ ! -d "$root/var/lib/postgresql/data" ] || mount --bind "$work/data" "$root/var/lib/postgresql/data"
    mount -o remount,bind,ro "$root"
    exec chroot "$root" "$@"' sh "$work/$image" "$work" \
    setpriv --reuid="${user%:*}" --regid="${user#*:}" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \
    env -i PATH=/usr/local/bin:/usr/bin:/bin $(setting "$image" env) $variables "$@"
}
# start NAME IMAGE VARIABLES ARGUMENTS...: the program of an image in the background.
start() {
  name=$1
  image=$2
  variables=$3
  shift 3
  # shellcheck disable=SC2046 # a word each
  (contained "$image" "$variables" $(setting "$image" entrypoint) "$@") >>"$work/$name.log" 2>&1 &
  eval "$name=$!"
}
# stop NAME SIGNAL: what an engine does; the exit status is the program's.
stop() {
  eval "outer=\$$1"
  kill -s "$2" "$(pgrep -P "$outer")"
  wait "$outer"
}
on_exit() {
  status=$?
  trap - EXIT
  [ "$status" -eq 0 ] || tail -n 30 "$work"/server.log "$work"/shim.log 2>/dev/null || true
  for outer in ${server:-} ${shim:-}; do kill -KILL "$outer" 2>/dev/null || true; done
  exit "$status"
}
trap on_exit EXIT
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

for name in edurange-shim edurange-postgresql; do
  for left in /packages /src /usr/bin/gcc /usr/bin/make; do
    [ ! -e "$work/$name$left" ] || fail "not ok: $name has $left"
  done
done
say "ok: nothing of the build is in the images"
is "$( (contained edurange-shim '' sh -c 'touch /etc/x 2>&1; id -u; cat /proc/self/status') |
  sed -n 's/.*\(Read-only file system\)/\1/p; /^[0-9]*$/p; s/^CapBnd:\t//p' | tr '\n' ' ')" \
  'Read-only file system 10001 0000000000000000 ' 'they run as it is said'

start_server() {
  start server edurange-postgresql POSTGRES_PASSWORD_FILE=/run/secrets/edurange/password -c edurange.database=edurange \
    -c edurange.instance_manager_url=
}
connection='PGHOST=127.0.0.1 PGUSER=postgres PGDATABASE=edurange PGPASSFILE=/tmp/none'
printf '#!/bin/sh\nPGPASSWORD=$(cat /run/secrets/edurange/password) exec "$@"\n' >"$work/secrets/with-password"
chmod 755 "$work/secrets/with-password"
client() { (contained edurange-postgresql "$connection SHIM_PASSWORD=s'p" /run/secrets/edurange/with-password "$@"); }
sql() { client psql -XAtq -v ON_ERROR_STOP=1 "$@"; }
is "$( (contained edurange-postgresql '' edurange-postgresql) 2>&1 | grep -c 'POSTGRES_PASSWORD_FILE')" 1 \
  'without a password there is no first start'
start_server
wait_for 'the server makes its cluster and starts' sql -c 'SELECT 1'
is "$(sql -c 'SHOW data_checksums' -c 'SHOW timezone' -c 'SHOW server_encoding' | tr '\n' ' ')" 'on UTC UTF8 ' 'its cluster'
client edurange-migrate >"$work/migrate.log" 2>&1 || { cat "$work/migrate.log" && fail 'not ok: edurange-migrate'; }
is "$(tail -n 3 "$work/migrate.log" | head -n 1 | tr -d ' ')" 't|{}' 'edurange-migrate makes it ready'
client edurange-migrate >"$work/again.log"
is "$(grep -c '(0 rows)' "$work/again.log")" 1 'run again it changes nothing'
if grep -q "s'p\|s''p" "$work/server.log"; then fail 'not ok: the password is in the log'; fi
wait_for 'the worker runs' pgrep -f 'edurange sync worker' -P "$(pgrep -P "$server")"

start shim edurange-shim DATABASE_URL_FILE=/run/secrets/edurange/database-url
wait_for 'the shim reaches it' curl -fsS http://127.0.0.1:8000/ready
cp "$TOP/test/adoption/rows.sql" "$work/secrets/"
sql -f /run/secrets/edurange/rows.sql >/dev/null
token=$(sql -c "SELECT token FROM edurange.create_token('service', 'test')")
award() {
  curl -sS -H "Authorization: Bearer $token" -H 'Content-Type: application/json' -d '{"points": 5,
    "user_id": "clx0ada000000000000000001", "group_id": "clx0spring000000000000001"}' http://127.0.0.1:8000/add_points |
    sed 's/.*"points":\([0-9]*\).*/\1/'
}
points=$(sql -c "SELECT edurange.get_points('clx0ada000000000000000001', 'clx0spring000000000000001')")
is "$(award)" "$((points + 5))" 'points are awarded'
stop server INT || fail 'not ok: the server stopped in disorder'
is "$(curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1:8000/ready)" 503 'without the server the shim is not ready'
start_server
wait_for 'the server starts again on its volume' curl -fsS http://127.0.0.1:8000/ready
is "$(award)" "$((points + 10))" 'with everything in it'
is "$(sql -c 'SELECT * FROM edurange.check_invariants()')" '' 'invariants'
stop shim TERM || fail 'not ok: the shim stopped in disorder'
is "$(tail -n 1 "$work/shim.log" | grep -c 'every request was finished')" 1 'the shim stops in order'
stop server INT || fail 'not ok: the server stopped in disorder'
server='' shim=''
say "all ok"
