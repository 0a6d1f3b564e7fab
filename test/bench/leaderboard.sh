#!/bin/sh
# What edurange.leaderboard(limit 100) costs at 1,000, 100,000 and 1,000,000 players, in milliseconds.
#
# Needs a server with the extension and a superuser, as the PG* variables of .run/env give them:
#   make up && . .run/env && test/bench/leaderboard.sh
# Works in a database of its own, edurange_bench, which it drops.  PLAYERS="1000 10000" measures other
# numbers, SECONDS_EACH how long each.
set -eu

PLAYERS=${PLAYERS:-1000 100000 1000000}
SECONDS_EACH=${SECONDS_EACH:-5}
database=edurange_bench

sql() { psql -X -q -At -v ON_ERROR_STOP=1 -d "$database" "$@"; }

psql -X -q -v ON_ERROR_STOP=1 -d postgres \
  -c "SET client_min_messages = error" -c "DROP DATABASE IF EXISTS $database" -c "CREATE DATABASE $database"
work=$(mktemp -d)
trap 'rm -rf "$work"; psql -X -q -d postgres -c "DROP DATABASE IF EXISTS $database"' EXIT
trap 'exit 1' INT TERM

# The rows come first and the triggers after them: migrate() then accounts for them at once.
sql -o /dev/null <<'SQL'
CREATE EXTENSION edurange;
SELECT * FROM edurange.migrate();
ALTER TABLE "GroupPoints" DISABLE TRIGGER USER;
ALTER TABLE "_GroupMembers" DISABLE TRIGGER USER;
INSERT INTO "ChallengeType" (id, name) VALUES ('bench', 'bench');
INSERT INTO "Challenge" (id, name, "challengeTypeId") SELECT 'c' || n, 'C', 'bench' FROM generate_series(1, 5) n;
SQL
for players in $PLAYERS; do
  sql -v players="$players" <<'SQL'
INSERT INTO "User" (id, email, name)
SELECT format('%s-%s', :'players', n), format('%s-%s@example.org', n, :'players'), 'Player ' || n
FROM generate_series(1, :players) n;
INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES (:'players', 'Bench', '2020-01-01');
INSERT INTO "_GroupMembers" ("A", "B") SELECT :'players', format('%s-%s', :'players', n) FROM generate_series(1, :players) n;
INSERT INTO "GroupPoints" ("groupId", "userId", points)
SELECT :'players', format('%s-%s', :'players', n), n::bigint * 7919 % 1000 FROM generate_series(1, :players) n;
INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId")
SELECT format('%s-c%s', :'players', n), 100, 'c' || n, :'players' FROM generate_series(1, 5) n;
INSERT INTO "ChallengeCompletion" (id, "userId", "groupChallengeId", "pointsEarned")
SELECT format('%s-%s', :'players', n), format('%s-%s', :'players', n), format('%s-c%s', :'players', 1 + n % 5), 100
FROM generate_series(1, :players, 3) n;
SQL
done
sql -o /dev/null -c 'SELECT * FROM edurange.migrate()'
sql -c 'VACUUM ANALYZE' -c 'CHECKPOINT'
[ -z "$(sql -c 'SELECT * FROM edurange.check_invariants() LIMIT 1')" ] || {
  echo "leaderboard.sh: the invariants do not hold" >&2
  exit 1
}

# The median of one client's calls of a statement, in milliseconds.
median() {
  echo "SELECT count(*) FROM $1;" >"$work/script"
  rm -f "$work"/calls.*
  pgbench -n -c 1 -M prepared -T "$SECONDS_EACH" -f "$work/script" -l --log-prefix="$work/calls" \
    "$database" >/dev/null 2>&1
  cut -d ' ' -f 3 "$work"/calls.* | sort -n |
    awk '{ us[NR] = $1 } END { printf "%.3f", us[int((NR + 1) / 2)] / 1000 }'
}

printf '%12s %12s %12s %12s %12s\n' players 'first 100' 'page 10' 'one award' 'a past 100'
for players in $PLAYERS; do
  printf '%12s %12s %12s %12s %12s\n' "$players" \
    "$(median "edurange.leaderboard('$players', 100)")" \
    "$(median "edurange.leaderboard('$players', 100, 900)")" \
    "$(median "edurange.add_points('$players-1', '$players', 1)")" \
    "$(median "edurange.leaderboard('$players', 100, 0, now() - interval '1 second')")"
done
