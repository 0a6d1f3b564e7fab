#!/bin/sh
# Three nodes and an etcd on this machine, from patroni.yml: to try a failover, not to keep data.
#   local.sh up DIR       makes and starts them in the new folder DIR, as the user who calls
#   local.sh start DIR N  starts node N (1 to 3) again, after it was killed
#   local.sh down DIR     stops what it started; the folder stays
# EDURANGE_HA_PORT (55600) and the seven ports after it are used on 127.0.0.1: etcd has two, then
# each node one for PostgreSQL and one for Patroni.  What PostgreSQL needs to find an extension that
# is not installed can be given in EDURANGE_HA_CONF, a file of "name: value" lines.  DIR has then
# patroni-N.yml, the logs, pid files, and "password", the superuser's.
set -eu
umask 077

here=$(cd "$(dirname "$0")" && pwd -P)
command=${1:-}
dir=${2:-}
port=${EDURANGE_HA_PORT:-55600}
fail() {
  printf 'local.sh: %s\n' "$*" >&2
  exit 1
}

# Starts a program in the background with a log and a pid file.
start() {
  name=$1
  shift
  (cd "$dir" && exec setsid "$@") </dev/null >>"$dir/$name.log" 2>&1 &
  echo $! >"$dir/$name.pid"
}

# Waits up to a minute until a command succeeds.
wait_for() {
  what=$1
  shift
  tries=0
  until "$@" >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || {
      tail -n 5 "$dir"/*.log >&2
      fail "$what did not come; all of the logs are in $dir"
    }
    sleep 0.2
  done
}

new_password() { od -An -N 18 -tx1 /dev/urandom | tr -d ' \n'; }

# The configuration of node $1, from the template; settings of EDURANGE_HA_CONF join its last map.
write_configuration() {
  number=$1
  mkdir -p "$dir/sockets-$number"
  sed -e "s|@NAME@|node$number|g" -e 's|@ADDRESS@|127.0.0.1|g' -e 's|@NETWORK@|127.0.0.1/32|g' \
    -e "s|@PORT@|$((port + 2 * number))|g" -e "s|@REST_PORT@|$((port + 2 * number + 1))|g" \
    -e "s|@ETCD@|127.0.0.1:$port|g" -e "s|@DATA@|$dir/node-$number|g" \
    -e "s|@BINDIR@|$("$PG_CONFIG" --bindir)|g" -e "s|@SOCKETS@|$dir/sockets-$number|g" \
    -e "s|@SUPERUSER_PASSWORD@|$(cat "$dir/password")|g" \
    -e "s|@REPLICATION_PASSWORD@|$(cat "$dir/password-replication")|g" \
    -e "s|@REWIND_PASSWORD@|$(cat "$dir/password-rewind")|g" \
    -e "s|@INSTANCE_MANAGER_URL@|${EDURANGE_IM_URL:-}|g" "$here/patroni.yml" |
    if [ -n "${EDURANGE_HA_CONF:-}" ]; then
      sed "/instance_manager_url/r $EDURANGE_HA_CONF"
    else
      cat
    fi >"$dir/patroni-$number.yml"
}

# Those of the eight ports that cannot be listened on, and why.  Listens for a moment, which is the only true answer.
unusable_ports() {
  python3 -c '
import socket, sys
for port in range(int(sys.argv[1]), int(sys.argv[1]) + 8):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as problem:
            print("port %d cannot be used: %s" % (port, getattr(problem, "strerror", "there is no such port")))' "$port"
}

is_leader() { curl -fsS "http://127.0.0.1:$((port + 2 * $1 + 1))/leader"; }
is_replica() { curl -fsS "http://127.0.0.1:$((port + 2 * $1 + 1))/replica"; }
is_synchronous() {
  for number in 1 2 3; do
    ! curl -fsS "http://127.0.0.1:$((port + 2 * number + 1))/synchronous" || return 0
  done
  return 1
}

up() {
  problems=$(unusable_ports)
  [ -z "$problems" ] || fail "$problems
set EDURANGE_HA_PORT to the first of eight others"
  mkdir -p "$dir"
  [ ! -e "$dir/etcd" ] || fail "$dir is in use; choose another folder"
  trap down EXIT # of what does not get ready nothing stays
  new_password >"$dir/password"
  new_password >"$dir/password-replication"
  new_password >"$dir/password-rewind"
  start etcd etcd --data-dir "$dir/etcd" --listen-client-urls "http://127.0.0.1:$port" \
    --advertise-client-urls "http://127.0.0.1:$port" \
    --listen-peer-urls "http://127.0.0.1:$((port + 1))" \
    --initial-advertise-peer-urls "http://127.0.0.1:$((port + 1))" \
    --initial-cluster "default=http://127.0.0.1:$((port + 1))" --logger=zap --log-level=warn
  wait_for etcd env ETCDCTL_API=3 etcdctl --endpoints "127.0.0.1:$port" endpoint health
  # The first makes the cluster, the others copy it.
  for number in 1 2 3; do
    write_configuration "$number"
    start "patroni-$number" patroni "$dir/patroni-$number.yml"
    if [ "$number" -eq 1 ]; then wait_for 'the leader' is_leader 1; fi
  done
  wait_for 'node 2' is_replica 2
  wait_for 'node 3' is_replica 3
  wait_for 'a synchronous standby' is_synchronous
  trap - EXIT
}

# Patroni stops its PostgreSQL; etcd goes last.
down() {
  for name in patroni-1 patroni-2 patroni-3 etcd; do
    [ -f "$dir/$name.pid" ] || continue
    pid=$(cat "$dir/$name.pid")
    tries=0
    while kill -TERM "$pid" 2>/dev/null && [ "$tries" -lt 300 ]; do
      tries=$((tries + 1))
      sleep 0.2
    done
    rm -f "$dir/$name.pid"
  done
}

[ -n "$dir" ] || fail "usage: local.sh up|start|down DIR [NODE]"
case $dir in /*) ;; *) dir=$(pwd -P)/$dir ;; esac
case $port in '' | *[!0-9]*) fail "EDURANGE_HA_PORT must be a port number, not \"$port\"" ;; esac
[ "$(id -u)" -ne 0 ] || fail "PostgreSQL refuses to run as root; call this as another user"
# Debian keeps one with each server, and in PATH only with the headers.
PG_CONFIG=${PG_CONFIG:-$(command -v pg_config || printf '%s\n' /usr/lib/postgresql/*/bin/pg_config | tail -n 1)}
for program in patroni etcd etcdctl curl "$PG_CONFIG"; do
  command -v "$program" >/dev/null ||
    fail "$program is missing; on Debian: apt-get install patroni python3-etcd etcd-server etcd-client curl"
done
[ "$command" = down ] || python3 -c 'import etcd' 2>/dev/null ||
  fail "Patroni has no client of etcd; on Debian: apt-get install python3-etcd"
case $command in
  up) up ;;
  start) start "patroni-$3" patroni "$dir/patroni-$3.yml" ;;
  down) down ;;
  *) fail "unknown command \"$command\"; up, start or down" ;;
esac
