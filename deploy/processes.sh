# shellcheck shell=sh
# The background programs of one run directory.  Each is known by a file $STATE_DIR/pids/NAME with
# process id and start time, so that a file left behind by a crash or a reboot never leads to a
# process of somebody else.  Needs lib.sh, STATE_DIR, SERVER_USER.

# Start time of a process, in clock ticks since the boot; nothing when there is no such process.
start_time() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }

# Is the program NAME running?  Sets PID.
is_running() {
  PID=''
  [ -f "$STATE_DIR/pids/$1" ] || return 1
  read -r PID started <"$STATE_DIR/pids/$1" || return 1
  case $PID in '' | *[!0-9]*) return 1 ;; esac
  [ -n "$started" ] && [ "$(start_time "$PID")" = "$started" ] || return 1
  # Dead, but not yet waited for by its parent.
  [ "$(sed 's/.*) //' "/proc/$PID/stat" 2>/dev/null | cut -c 1)" != Z ]
}

# Starts a program in the background as SERVER_USER, in a session of its own so that Ctrl-C reaches
# only the script, which then stops things in order.
start_program() {
  name=$1
  shift
  [ "$(id -u)" -ne 0 ] ||
    set -- setpriv --reuid="$SERVER_USER" --regid="$SERVER_USER" --init-groups -- "$@"
  log=$STATE_DIR/logs/$name.log
  [ ! -f "$log" ] || mv "$log" "$log.1"
  (cd "$STATE_DIR" && exec setsid "$@") </dev/null >"$log" 2>&1 9>&- &
  say "$! $(start_time $!)" >"$STATE_DIR/pids/$name"
}

# Stops a program with a signal, and with SIGKILL when it is still there after $3 seconds.
stop_program() {
  if is_running "$1"; then
    kill "-$2" "$PID" 2>/dev/null || true
    tenths=$(($3 * 10))
    while is_running "$1"; do
      if [ "$tenths" -eq 0 ]; then
        say "$1 (process $PID) did not stop in $3 s and was killed" >&2
        kill -KILL "$PID" 2>/dev/null || true
      fi
      [ "$tenths" -gt -50 ] || break
      tenths=$((tenths - 1))
      sleep 0.1
    done
  fi
  rm -f "$STATE_DIR/pids/$1"
}

# The last lines of a program's log, for a failure message.
show_log() {
  say "---- last lines of $STATE_DIR/logs/$1.log" >&2
  tail -n "${2:-20}" "$STATE_DIR/logs/$1.log" >&2 2>/dev/null || true
}

# Ends the script, which says last what the log of a program ends with, and this.
fail_of() {
  # shellcheck disable=SC2034 # for the one who ends
  FAILED_PROGRAM=$1
  # shellcheck disable=SC2034
  FAILED=$2
  exit 1
}

# Waits until a command succeeds: wait_for SECONDS PROGRAM COMMAND...; fails at once when the program
# is gone.
wait_for() {
  tenths=$(($1 * 10))
  program=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    is_running "$program" || return 1
    [ "$tenths" -gt 0 ] || return 1
    tenths=$((tenths - 2))
    sleep 0.2
  done
}
