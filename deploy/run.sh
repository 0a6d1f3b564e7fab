#!/bin/sh
# Everything of this project on this machine, in one run directory: run.sh run|up|down|psql|distclean.
# PostgreSQL with the extension and the sync worker, the HTTP shim, and the Instance Manager simulator.
# Settings: EDURANGE_HOST, EDURANGE_PORT, EDURANGE_PGPORT, EDURANGE_IM_PORT, EDURANGE_RUN_DIR; EDURANGE_DEMO=0: without
# simulated players.
set -eu
umask 022
TOP=$(cd "$(dirname "$0")/.." && pwd -P)
# shellcheck source=deploy/lib.sh
. "$TOP/deploy/lib.sh"
# shellcheck source=deploy/processes.sh
. "$TOP/deploy/processes.sh"
# shellcheck source=deploy/cluster.sh
. "$TOP/deploy/cluster.sh"

HOST=${EDURANGE_HOST:-127.0.0.1}
PORT=${EDURANGE_PORT:-8000}
PGPORT_OWN=${EDURANGE_PGPORT:-54329}
IM_PORT=${EDURANGE_IM_PORT:-8001}
case ${EDURANGE_RUN_DIR:-} in
  '') RUN_DIR=$TOP/.run ;;
  /*) RUN_DIR=${EDURANGE_RUN_DIR%/} ;;
  *) RUN_DIR=$(pwd -P)/${EDURANGE_RUN_DIR%/} ;;
esac
case $HOST in
  0.0.0.0 | ::) URL=http://127.0.0.1:$PORT ;;
  *:*) URL=http://[$HOST]:$PORT ;;
  *) URL=http://$HOST:$PORT ;;
esac

# Settings for other servers, perhaps from an env file of ours, must not lead anywhere from here.
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGPASSWORD PGSERVICE PGOPTIONS PGDATA \
  DATABASE_URL DIRECT_DATABASE_URL POSTGRES_HOST POSTGRES_NAME POSTGRES_USER POSTGRES_PASSWORD

# In every folder that is ours to fill and to remove: EDURANGE_RUN_DIR may name one with files of somebody's, whose
# names may be those of our own.
MARKER=.edurange-run

# Where data, logs and stage are: RUN_DIR, or a folder below /var/tmp that RUN_DIR/place names.
find_state() {
  STATE_DIR=$RUN_DIR
  if [ -f "$RUN_DIR/place" ]; then
    read -r STATE_DIR <"$RUN_DIR/place" || true
  fi
}

# Is this folder, RUN_DIR or STATE_DIR, ours?  Copies of before there was a marker are known by the configuration of
# their cluster: write_conf() begins it with words that nobody else has.
is_ours() {
  [ -f "$1/$MARKER" ] || grep -q '^# Written at every start; put settings' "$STATE_DIR/data/edurange.conf" 2>/dev/null
}

# Fails where a folder that is there cannot become ours, and says how to choose one.
check_folder() {
  check_own_dir "$1" 'name another folder in EDURANGE_RUN_DIR'
  [ ! -d "$1" ] || is_ours "$1" || [ -z "$(ls -A "$1")" ] ||
    fail "$1 holds files that are not ours; name an empty or a new folder in EDURANGE_RUN_DIR"
}

# Makes a folder, or takes one that may be ours as it is, and marks it.
make_folder() {
  check_folder "$1"
  [ -d "$1" ] || make_own_dir "$1" 755
  [ -f "$1/$MARKER" ] || say 'Made by make run or make up; make distclean removes what they put here.' >"$1/$MARKER"
}

# Makes RUN_DIR and decides where the state lives.
make_state() {
  make_folder "$RUN_DIR"
  find_state
  if [ "$STATE_DIR" = "$RUN_DIR" ] && ! user_can_reach "$RUN_DIR"; then
    STATE_DIR=$(var_tmp_dir "$RUN_DIR")
    say "$SERVER_USER, as whom root must run PostgreSQL, cannot reach $RUN_DIR:"
    say "stage, data and logs are in $STATE_DIR (make distclean removes it)"
    check_folder "$STATE_DIR"
    say "$STATE_DIR" >"$RUN_DIR/place"
  fi
  make_folder "$STATE_DIR"
  make_own_dir "$STATE_DIR/logs" 700
  make_own_dir "$STATE_DIR/pids" 755
}

# Fails when a port is no port, or is used twice, naming the variable; then when some are taken, naming all of them.
check_ports() {
  for port in "EDURANGE_PORT $PORT" "EDURANGE_PGPORT $PGPORT_OWN" "EDURANGE_IM_PORT $IM_PORT"; do
    case ${port#* } in '' | *[!0-9]*) fail "${port%% *} must be a port number, not \"${port#* }\"" ;; esac
    if [ "${port#* }" -lt 1 ] || [ "${port#* }" -gt 65535 ]; then
      fail "${port%% *} must be between 1 and 65535, not ${port#* }"
    fi
  done
  [ "$PORT" != "$PGPORT_OWN" ] || fail "EDURANGE_PORT and EDURANGE_PGPORT are both $PORT"
  [ "$PORT" != "$IM_PORT" ] || fail "EDURANGE_PORT and EDURANGE_IM_PORT are both $PORT"
  [ "$IM_PORT" != "$PGPORT_OWN" ] || fail "EDURANGE_IM_PORT and EDURANGE_PGPORT are both $IM_PORT"
  choose_user
  problems=$(say "$HOST $PORT EDURANGE_PORT
127.0.0.1 $PGPORT_OWN EDURANGE_PGPORT
127.0.0.1 $IM_PORT EDURANGE_IM_PORT" | unusable_ports) || fail "the ports cannot be tried"
  [ -z "$problems" ] || fail "$problems"
}

# How many of the three programs run.
count_running() {
  running=0
  for program in shim simulator postgres; do
    ! is_running "$program" || running=$((running + 1))
  done
  echo "$running"
}

stop_all() {
  stop_program players TERM 5
  stop_program shim TERM 25
  stop_program simulator TERM 5
  stop_program postgres INT 60
  remove_sockets
}

# A copy that already runs here is not touched; what is left of one that was killed is cleared away.
check_own_copy() {
  find_state
  check_folder "$RUN_DIR"
  case $(count_running) in
    0) ;;
    3) fail "a copy already runs in $RUN_DIR, on the ports that $RUN_DIR/env says; make down stops it" ;;
    *)
      say "stopping what is left of an earlier run in $RUN_DIR"
      stop_all
      ;;
  esac
}

# Value of a variable in the env file of the last run.
remembered() {
  [ ! -r "$RUN_DIR/env" ] || sed -n "s/^export $1='\(.*\)'$/\1/p" "$RUN_DIR/env"
}

# A token of the tier $1: that of the last run while it is valid, else a new one.
token_for() {
  token=$(remembered "$2")
  if [ -n "$token" ]; then
    hash=$(printf '%s' "$token" | sha256sum | cut -d ' ' -f 1)
    valid=$(sql_value "SELECT count(*) FROM edurange.authenticate_token('\\x$hash') t
                       WHERE t.tier = '$1'")
    [ "$valid" = 0 ] || { say "$token" && return; }
  fi
  sql_value "SELECT token FROM edurange.create_token('$1', 'make run')"
}

# Writes RUN_DIR/env, for this user only.
write_env() {
  player=$(token_for player EDURANGE_PLAYER_TOKEN)
  service=$(token_for service EDURANGE_SERVICE_TOKEN)
  admin=$(token_for admin EDURANGE_ADMIN_TOKEN)
  (
    umask 077
    {
      say "# Written by make run and make up; to use it:  . $(shell_quote "$RUN_DIR/env")"
      say "export EDURANGE_URL=$(shell_quote "$URL")"
      say "export EDURANGE_PLAYER_TOKEN=$(shell_quote "$player")"
      say "export EDURANGE_SERVICE_TOKEN=$(shell_quote "$service")"
      say "export EDURANGE_ADMIN_TOKEN=$(shell_quote "$admin")"
      say "export EDURANGE_IM_URL=$(shell_quote "http://127.0.0.1:$IM_PORT/api")"
      say "export PGHOST=$(shell_quote "$SOCKETS")"
      say "export PGPORT=$(shell_quote "$PGPORT_OWN")"
      say "export PGUSER='postgres'"
      say "export PGDATABASE='edurange'"
      say "export PGPASSWORD=$(shell_quote "$(cat "$STATE_DIR/password")")  # for psql -h 127.0.0.1"
    } >"$RUN_DIR/env.new"
  )
  mv "$RUN_DIR/env.new" "$RUN_DIR/env"
}

# The sample competition.
sample_group() {
  sql_value "SELECT \"groupId\" FROM public.\"CompetitionAccessCode\" WHERE code = 'FIRST-STEPS'"
}

# Some who play it by themselves, so that its board moves; they end without harm to the rest.
start_players() {
  sql -v group_id="$group" -f "$TOP/deploy/sample/players.sql" >>"$STATE_DIR/logs/sample.log" 2>&1
  sql -At -v group_id="$group" -f "$TOP/deploy/sample/questions.sql" >"$STATE_DIR/questions"
  # where the user that they run as can read it
  cp "$TOP/deploy/sample/players.pl" "$STATE_DIR/players.pl"
  chmod 644 "$STATE_DIR/players.pl" "$STATE_DIR/questions"
  (
    export EDURANGE_URL="$URL" EDURANGE_PLAYER_TOKEN="$player" EDURANGE_SERVICE_TOKEN="$service"
    start_program players perl "$STATE_DIR/players.pl" "$group" "$STATE_DIR/questions"
  )
}

# What there is now, and five requests to try.
print_summary() {
  placed=$(sql_value "SELECT id FROM public.\"GroupChallenge\"
                      WHERE \"groupId\" = '$group' AND \"challengeId\" = 'terminal-tour'")
  question=$(sql_value "SELECT id FROM public.\"ChallengeQuestion\" WHERE
      \"challengeId\" = 'terminal-tour' AND cdf_question_id = 'working-directory'")
  auth="-H 'Authorization: Bearer $player'"
  json="-H 'Content-Type: application/json'"
  cat <<TEXT

edurange runs at $URL (logs in $STATE_DIR/logs)

  player token    $player
  service token   $service
  admin token     $admin
  psql            make psql, or:  . $(shell_quote "$RUN_DIR/env") && psql

See the board of the sample competition${demo:+, where simulated players are at work}:  $URL/board/$group
All routes, each with an example:  $URL/docs

Is it well?  Join the sample competition, look at a challenge, answer a question, see the board:

curl -sw '\n' $URL/status
curl -sw '\n' $auth $json -d '{"code": "FIRST-STEPS", "userId": "sample-ada"}' $URL/competition/join
curl -sw '\n' $auth '$URL/challenge/details?challenge_id=terminal-tour'
curl -sw '\n' $auth $json -d '{"user_id": "sample-ada", "question_id": "$question", "group_challenge_id": "$placed", "answer": "pwd"}' $URL/question/attempt
curl -sw '\n' $auth $URL/competition/$group/leaderboard

TEXT
}

# Has the sync worker compared the sample with its pods?
is_synchronized() {
  [ "$(sql_value 'SELECT "lastSuccess" IS NOT NULL FROM edurange.sync_status()')" = t ]
}

# Builds and starts everything; on any failure everything that was started is stopped again.
start() {
  make_state
  exec 9>"$RUN_DIR/lock"
  flock -n 9 || fail "another make run or make up is starting in $RUN_DIR"
  say "building (a minute or two at first)"
  build_and_stage "$STATE_DIR/stage" 9>&-
  STARTED=yes
  make_cluster
  make_sockets
  write_conf off
  start_postgres
  prepare_database
  load_sample
  sql -At -f "$TOP/deploy/sample/pods.sql" >"$STATE_DIR/pods.json"
  start_program simulator "$STATE_DIR/stage/usr/local/bin/edurange_instance_manager" \
    --port "$IM_PORT" --pods "$STATE_DIR/pods.json"
  wait_for 10 simulator curl -gfsS -m 2 "http://127.0.0.1:$IM_PORT/api/list-challenge-pods" || {
    fail_of simulator "the Instance Manager simulator does not answer"
  }
  enable_sync
  start_program shim env "EDURANGE_HOST=$HOST" "EDURANGE_PORT=$PORT" \
    "DATABASE_URL=postgresql://edurange_shim_{tier}@/edurange?host=$SOCKETS&port=$PGPORT_OWN" \
    "$STATE_DIR/stage/usr/local/bin/edurange_shim"
  write_env
  if ! wait_for 60 shim curl -gfsS -m 5 "$URL/ready"; then
    show_log postgres
    answer=$(curl -gsS -m 5 "$URL/ready" 2>&1) || true
    fail_of shim "not ready after 60 s, or ended before: $URL/ready says: $answer"
  fi
  wait_for 30 postgres is_synchronized || say "the sync worker has compared nothing yet: see edurange.health()"
  group=$(sample_group)
  demo=yes
  [ "${EDURANGE_DEMO:-1}" != 0 ] || demo=''
  [ -z "$demo" ] || start_players
  print_summary
  flock -u 9
}

# Stays until Ctrl-C, or until one of the programs is gone.
stay() {
  say "Ctrl-C stops it."
  while sleep 1; do
    for program in postgres simulator shim; do
      if ! is_running "$program"; then
        # make down removes the files of what it stops.
        [ -f "$STATE_DIR/pids/$program" ] || { STARTED='' && say "stopped" && exit 0; }
        fail_of "$program" "$program ended, and the rest was stopped"
      fi
    done
  done
}

# The cause comes last, where it is seen.
on_exit() {
  status=$?
  trap - EXIT INT TERM HUP
  if [ -n "${STARTED:-}" ]; then
    say "stopping"
    stop_all
  fi
  [ -z "${FAILED:-}" ] || { show_log "$FAILED_PROGRAM" && say "$FAILED" >&2; }
  exit "$status"
}

# Before anything is built or started.
prepare() {
  check_own_copy
  check_ports
  "$TOP/deploy/install-deps.sh" build
  id "$SERVER_USER" >/dev/null 2>&1 || fail "root needs the user $SERVER_USER to run PostgreSQL as"
  BINDIR=$("$PG_CONFIG" --bindir)
  trap on_exit EXIT
  trap 'exit 0' INT TERM HUP
}

# Stops everything and removes all that make run and make test made.
distclean() {
  for tests in "$TOP/.test" "$(var_tmp_dir "$TOP/.test")"; do
    [ ! -d "$tests" ] || [ ! -O "$tests" ] || { say "removing $tests" && rm -rf "$tests"; }
  done
  find_state
  if ! is_ours "$RUN_DIR"; then
    [ ! -d "$RUN_DIR" ] || say "make run and make up did not make $RUN_DIR: it stays"
    return
  fi
  stop_all
  if [ "$STATE_DIR" != "$RUN_DIR" ] && is_ours "$STATE_DIR" && [ -O "$STATE_DIR" ]; then
    say "removing $STATE_DIR"
    rm -rf "$STATE_DIR"
  fi
  say "removing $RUN_DIR with the private cluster and its data"
  # What somebody put beside ours stays; the marker, without which nothing is removed, goes last.
  for part in data data.new stage logs pids sockets lock place env env.new password password.new \
    edurange.conf.new installed-script pods.json questions players.pl "$MARKER"; do
    rm -rf "${RUN_DIR:?}/$part"
  done
  rmdir "$RUN_DIR" 2>/dev/null || say "$RUN_DIR holds other files and stays"
}

case ${1:-} in
  run)
    prepare
    start
    stay
    ;;
  up)
    find_state
    if [ "$(count_running)" = 3 ]; then
      say "it runs already, as it was started; after a change: make down && make up"
      say "its address, tokens and ports:  . $(shell_quote "$RUN_DIR/env")"
      exit 0
    fi
    prepare
    start
    say "make down stops it."
    trap - EXIT
    ;;
  down)
    find_state
    [ "$(count_running)" != 0 ] || say "nothing runs in $RUN_DIR"
    ! is_ours "$RUN_DIR" || stop_all
    ;;
  psql)
    find_state
    is_running postgres || fail "no PostgreSQL runs in $RUN_DIR; make run or make up starts one"
    # shellcheck disable=SC1091 # made by write_env
    . "$RUN_DIR/env"
    exec "$("$PG_CONFIG" --bindir)/psql"
    ;;
  distclean) distclean ;;
  *) fail "usage: run.sh run|up|down|psql|distclean" ;;
esac
