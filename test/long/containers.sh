#!/bin/sh
# The images of deploy/containers/, built by buildah and run by crun as Kubernetes runs them (bundle.pl): the five
# requests that `make run` shows, the migration, the end under load, and hostile bodies against the limit of memory
# that the manifests give.  Run as root by make test-long.
set -eu
TOP=$(cd "$(dirname "$0")/../.." && pwd -P)
# shellcheck source=deploy/lib.sh
. "$TOP/deploy/lib.sh"
[ "$(id -u)" -eq 0 ] || fail "containers.sh: needs root, for containers"

is() {
  [ "$1" = "$2" ] || fail "not ok: $3: got \"$1\", expected \"$2\""
  say "ok: $3"
}
images() { buildah --root "$work/storage" --runroot "$work/runroot" --storage-driver vfs "$@"; }

# ---- making them ------------------------------------------------------------------------------
if [ "${1:-}" != run ]; then
  work=$(mktemp -d /var/tmp/edurange-containers-XXXXXX)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM HUP
  chmod 755 "$work"
  suite=$(sed -n 's/^ARG BASE=debian:\(.*\)-slim$/\1/p' "$TOP/deploy/containers/edurange-shim.Dockerfile")
  base=$("$TOP/test/chroot.sh" "$suite")
  mkdir "$work/context"
  (cd "$TOP" && tar -cf - --exclude='*.o' --exclude='*.so' --exclude='*.d' --exclude=.git --exclude=./build \
    --exclude=./.run --exclude=./.test .) | tar -xf - -C "$work/context"
  empty=$(images from scratch)
  images add -q "$empty" "$base" / >/dev/null
  images commit -q "$empty" localhost/base >/dev/null
  images rm "$empty" >/dev/null
  for name in edurange-shim edurange-postgresql; do
    say "making $name"
    (cd "$work/context" && images bud --isolation chroot --layers --format docker --build-arg BASE=localhost/base \
      -f "deploy/containers/$name.Dockerfile" -t "localhost/$name" .) >"$work/$name.log" 2>&1 ||
      { tail -n 40 "$work/$name.log" && fail "not ok: making $name"; }
    images inspect --type image "localhost/$name" >"$work/$name.json"
    images mount "$(images from "localhost/$name")" >"$work/$name.root"
    say "ok: $name, $(du -sm "$(cat "$work/$name.root")" | cut -f 1) MB"
  done
  # A network of their own; this script goes on in it.
  unshare -n -m --propagation private "$0" run "$work"
  exit
fi

# ---- running them -----------------------------------------------------------------------------
work=$2
ip link set lo up
# (crun knows cgroups of version 1 and of version 2, but not both at once)
[ ! -d /sys/fs/cgroup/unified ] || umount /sys/fs/cgroup/unified
mkdir -p "$work/data" "$work/secrets" "$work/bundles" "$work/state"
printf 'the superuser\n' >"$work/secrets/password"
printf "s'p\n" >"$work/secrets/shim-password"
printf 'postgresql://edurange_shim_{tier}:s%%27p@127.0.0.1/edurange\n' >"$work/secrets/database-url"
cp -R "$TOP/deploy/sample" "$work/secrets/"
chown -R 10002:10002 "$work/data"
chmod -R a+rX "$work/secrets"
# What the manifests give the shim.
memory=$(sed -n '/limits:/,$s/^ *memory: \([0-9]*\)Mi$/\1/p' "$TOP/deploy/kubernetes/base/deployment.yaml")
engine() { crun --root "$work/state" --cgroup-manager=cgroupfs "$@"; }

# bundle NAME IMAGE MEMORY VARIABLES ARGUMENTS...: makes a container, as a folder.
bundle() {
  name=$1 image=$2 limit=$3 variables=$4
  shift 4
  data=''
  [ "$image" = edurange-shim ] || data="$work/data:/var/lib/postgresql/data :/run/postgresql"
  mkdir -p "$work/bundles/$name"
  # shellcheck disable=SC2086 # a word each
  perl "$TOP/test/long/bundle.pl" "$work/$image.json" "$(cat "$work/$image.root")" "$limit" "/edurange-$$/$name" \
    :/tmp $data "$work/secrets:/run/secrets/edurange" -- $variables -- "$@" >"$work/bundles/$name/config.json"
}
# start NAME IMAGE MEMORY VARIABLES ARGUMENTS...: the program of an image in the background.
start() {
  bundle "$@"
  engine run --bundle "$work/bundles/$1" "$1" >>"$work/$1.log" 2>&1 &
  eval "$1=$!"
}
# stop NAME SIGNAL: what an engine does; the exit status is the program's.
stop() {
  engine kill "$1" "$2"
  eval "wait \"\$$1\""
}
# A command of an image in the foreground.
contained() {
  number=$((${number:-0} + 1))
  bundle "once-$number-$(date +%N)" "$1" 256 "$2" "$3" "$4" "$5"
  engine run --bundle "$work/bundles/$name" "$name"
}
on_exit() {
  status=$?
  trap - EXIT
  [ "$status" -eq 0 ] || tail -n 30 "$work"/server.log "$work"/shim.log 2>/dev/null || true
  for name in server shim first; do engine delete --force "$name" 2>/dev/null || true; done
  rmdir /sys/fs/cgroup/*/"edurange-$$" "/sys/fs/cgroup/edurange-$$" 2>/dev/null || true
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
  for left in /packages/*.deb /src /usr/bin/gcc /usr/bin/make; do
    # shellcheck disable=SC2086 # a pattern
    [ ! -e "$(cat "$work/$name.root")"$left ] || fail "not ok: $name has $left"
  done
done
say "ok: nothing of the build is in the images"
is "$(contained edurange-shim '' sh -c 'touch /etc/x 2>&1; id -u; cat /proc/self/status' |
  sed -n 's/.*\(Read-only file system\)/\1/p; /^[0-9]*$/p; s/^\(CapBnd\|NoNewPrivs\|Seccomp\):\t//p' | tr '\n' ' ')" \
  'Read-only file system 10001 0000000000000000 1 2 ' 'they run as it is said'

with_password='PGHOST=127.0.0.1 PGUSER=postgres PGDATABASE=edurange'
start_server() {
  start server edurange-postgresql 2048 POSTGRES_PASSWORD_FILE=/run/secrets/edurange/password \
    -c edurange.database=edurange -c edurange.instance_manager_url= -c max_connections=300
}
client() { contained edurange-postgresql "$with_password" sh -c "export PGPASSWORD=\"\$(cat /run/secrets/edurange/password)\"; $1"; }
sql() { client "psql -XAtq -v ON_ERROR_STOP=1 $1"; }
migrate() { contained edurange-postgresql "$with_password $1" sh -c edurange-migrate; }

# ---- the first start ----------------------------------------------------------------------------
bundle bare edurange-postgresql 256 ''
is "$(engine run --bundle "$work/bundles/bare" bare 2>&1 | grep -c 'POSTGRES_PASSWORD_FILE')" 1 'without a password there is no first start'
start first edurange-postgresql 2048 POSTGRES_PASSWORD_FILE=/run/secrets/edurange/password
wait_for 'a cluster is being made' test -d "$work/data/pgdata.new"
begun=$(date +%s)
status=0
stop first TERM || status=$?
is "$status" 143 'which ends when it is told to'
[ "$(($(date +%s) - begun))" -lt 5 ] || fail 'not ok: at once'
[ ! -e "$work/data/pgdata" ] || fail 'not ok: half a cluster has its name'
start_server
wait_for 'the server makes its cluster and starts' sql "-c 'SELECT 1'"
is "$(sql "-c 'SHOW data_checksums' -c 'SHOW timezone' -c 'SHOW server_encoding'" | tr '\n' ' ')" 'on UTC UTF8 ' 'its cluster'

# ---- the migration ------------------------------------------------------------------------------
begun=$(date +%s)
status=0
migrate 'PGPASSWORD=wrong' >"$work/wrong.log" 2>&1 || status=$?
is "$status $(grep -c 'the server lets nobody in so:.*password authentication failed' "$work/wrong.log")" '1 1' 'a wrong password is told'
[ "$(($(date +%s) - begun))" -lt 20 ] || fail 'not ok: at once'
files='PGPASSWORD_FILE=/run/secrets/edurange/password SHIM_PASSWORD_FILE=/run/secrets/edurange/shim-password'
migrate "$files" >"$work/migrate.log" 2>&1 || { cat "$work/migrate.log" && fail 'not ok: edurange-migrate'; }
is "$(tail -n 3 "$work/migrate.log" | head -n 1 | tr -d ' ')" 't|{}' 'edurange-migrate makes it ready'
migrate "$files" >"$work/again.log"
is "$(grep -c '(0 rows)' "$work/again.log")" 1 'run again it changes nothing'
if grep -q "s'p\|s''p" "$work/server.log"; then fail 'not ok: the password is in the log'; fi
is "$(sql "-c \"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'edurange sync worker'\"")" 1 'the worker runs'

# ---- the five requests --------------------------------------------------------------------------
start_shim() { start shim edurange-shim "$memory" "DATABASE_URL_FILE=/run/secrets/edurange/database-url EDURANGE_THREADS=1 EDURANGE_POOL_SIZE=3"; }
start_shim
wait_for 'the shim reaches it' curl -fsS http://127.0.0.1:8000/ready
engine exec shim /usr/local/bin/edurange-shim-health || fail 'not ok: its health'
sql "-v directory=/run/secrets/edurange/sample/first-steps -f /run/secrets/edurange/sample/load.sql" >/dev/null
service=$(sql "-c \"SELECT token FROM edurange.create_token('service', 'test')\"")
player=$(sql "-c \"SELECT token FROM edurange.create_token('player', 'test')\"")
admin=$(sql "-c \"SELECT token FROM edurange.create_token('admin', 'test')\"")
group=$(sql "-c \"SELECT \\\"groupId\\\" FROM \\\"CompetitionAccessCode\\\" WHERE code = 'FIRST-STEPS'\"")
placed=$(sql "-c \"SELECT id FROM \\\"GroupChallenge\\\" WHERE \\\"groupId\\\" = '$group' AND \\\"challengeId\\\" = 'terminal-tour'\"")
question=$(sql "-c \"SELECT id FROM \\\"ChallengeQuestion\\\" WHERE cdf_question_id = 'working-directory'\"")
ask() {
  path=$1
  shift
  curl -sS -m 20 -H "Authorization: Bearer $player" -H 'Content-Type: application/json' "http://127.0.0.1:8000$path" "$@"
}
is "$(ask /status | grep -c '"status":"ok"')" 1 'a request: /status'
is "$(ask /competition/join -d '{"code": "FIRST-STEPS", "userId": "sample-ada"}' | grep -c '"alreadyMember"')" 1 'a request: to join'
is "$(ask '/challenge/details?challenge_id=terminal-tour' | grep -c '"questions":\[{')" 1 'a request: a challenge'
is "$(ask /question/attempt -d "{\"user_id\": \"sample-ada\", \"question_id\": \"$question\",
  \"group_challenge_id\": \"$placed\", \"answer\": \"pwd\"}" | grep -c '"isCorrect":true')" 1 'a request: an answer'
is "$(ask "/competition/$group/leaderboard" | grep -c '"userId":"sample-ada","name":"[^"]*","points":10')" 1 'a request: the board'

# ---- the end under load -------------------------------------------------------------------------
points="-c \"SELECT edurange.get_points('sample-bob', '$group')\""
before=$(sql "$points")
printf '{"points": 1, "user_id": "sample-bob", "group_id": "%s"}' "$group" >"$work/award"
for number in 1 2 3 4 5 6 7 8; do
  (while curl -sS -m 20 -o /dev/null -w '%{http_code}\n' -H "Authorization: Bearer $service" -H 'Content-Type: application/json' \
    -d @"$work/award" http://127.0.0.1:8000/add_points 2>/dev/null; do :; done) >"$work/load.$number" &
  eval "load$number=$!"
done
sleep 2
stop shim TERM || fail 'not ok: the shim stopped in disorder'
for number in 1 2 3 4 5 6 7 8; do eval "wait \$load$number" || true; done
is "$(tail -n 1 "$work/shim.log" | grep -c 'every request was finished')" 1 'the shim stops in order'
acknowledged=$(cat "$work"/load.* | grep -c '^200$')
[ "$acknowledged" -gt 20 ] || fail "not ok: a load: $acknowledged"
is "$(($(sql "$points") - before))" "$acknowledged" "each of the $acknowledged awards that were acknowledged is there, and no other"

# ---- hostile bodies against the limit -----------------------------------------------------------
start_shim
wait_for 'another one takes its place' curl -fsS http://127.0.0.1:8000/ready
perl "$TOP/test/long/bodies.pl" 127.0.0.1 8000 "$admin" 20 >"$work/bodies.log" || { cat "$work/bodies.log" && fail 'not ok: it lives'; }
say "ok: it lives: $(tr '\n' ' ' <"$work/bodies.log")"
peak=$(cat "/sys/fs/cgroup/memory/edurange-$$/shim/memory.max_usage_in_bytes" "/sys/fs/cgroup/edurange-$$/shim/memory.peak" 2>/dev/null | tail -n 1)
say "ok: of $memory MiB it took $((${peak:-0} / 1048576)) at most"
is "$(ask /live)" '{"live":true}' 'and answers as before'
is "$(sql "-c 'SELECT * FROM edurange.check_invariants()'")" '' 'invariants'

# ---- a server that goes, and a volume that was opened ----------------------------------------------
stop server INT || fail 'not ok: the server stopped in disorder'
is "$(curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1:8000/ready)" 503 'without the server the shim is not ready'
chmod 2770 "$work/data/pgdata"
start_server
wait_for 'the server starts again on its volume, which a group could read' curl -fsS http://127.0.0.1:8000/ready
is "$(stat -c %a "$work/data/pgdata" | sed 's/^2//')" 700 'and closes it'
engine exec server pg_isready -q -h /run/postgresql || fail 'not ok: its health'
is "$(($(sql "$points") - before))" "$acknowledged" 'with everything in it'
stop shim TERM || fail 'not ok: the shim stopped in disorder'
stop server INT || fail 'not ok: the server stopped in disorder'
say "all ok"
