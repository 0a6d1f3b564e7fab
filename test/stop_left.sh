#!/bin/sh
# stop_left.sh FOLDER: ends what a test that was killed has left running, and says what.  That is every
# process that works in its FOLDER, as servers do in their data, or that has it as TESTDIR.
set -eu
given=$1
folder=$(cd "$1" && pwd -P)

left() {
  {
    find /proc/[0-9]*/cwd -maxdepth 0 -lname "$folder/*" 2>/dev/null || true
    grep -lzxF -e "TESTDIR=$given" -e "TESTDIR=$folder" /proc/[0-9]*/environ 2>/dev/null || true
  } | cut -d / -f 3 | sort -u
}

# What still runs after ten seconds does not listen to TERM.
for signal in TERM KILL; do
  pids=$(left)
  [ -n "$pids" ] || exit 0
  [ "$signal" = KILL ] || printf 'left running, now stopped: %s\n' \
    "$(for pid in $pids; do cat "/proc/$pid/comm" 2>/dev/null || true; done | sort | uniq -c | tr -s ' \n' ' ')"
  # shellcheck disable=SC2086 # one word a process
  kill -s "$signal" $pids 2>/dev/null || true
  tries=0
  while [ "$tries" -lt 100 ] && [ -n "$(left)" ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
done
