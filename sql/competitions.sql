-- Competitions: creating, codes, joining, the board.
CALL testing.fresh();
SELECT name, description, "startDate" AT TIME ZONE 'UTC' AS start, "endDate" AT TIME ZONE 'UTC' AS "end",
  id ~ '-7...-' AS v7
FROM edurange.create_competition('Winter', '2020-01-01T00:00:00Z', ARRAY['ina', 'bob', 'ina'], 'cold',
  '2999-01-01 00:00+02');
SELECT id AS winter FROM "CompetitionGroup" WHERE name = 'Winter' \gset
SELECT "B" FROM "_GroupInstructors" WHERE "A" = :'winter' ORDER BY 1;
SELECT "eventType", "userId", metadata, severity FROM "ActivityLog" WHERE "groupId" = :'winter';
SELECT testing.refused($$SELECT edurange.create_competition('', now(), ARRAY['ina'])$$);
SELECT testing.refused($$SELECT edurange.create_competition('x', NULL, ARRAY['ina'])$$);
SELECT testing.refused($$SELECT edurange.create_competition('x', 'infinity', ARRAY['ina'])$$);
SELECT testing.refused($$SELECT edurange.create_competition('x', now(), NULL)$$);
SELECT testing.refused($$SELECT edurange.create_competition('x', now(), '{}')$$);
SELECT testing.refused($$SELECT edurange.create_competition('x', now(), ARRAY['ina', NULL])$$);
SELECT testing.refused($$SELECT edurange.create_competition('x', now(), ARRAY['ina', 'nobody'])$$);
SELECT testing.refused($$SELECT edurange.create_competition('x', now(), ARRAY['ina'], NULL, now())$$);
SELECT testing.refused($$SELECT edurange.create_competition('x', now(), ARRAY['ina'], NULL, '-infinity')$$);
SELECT testing.refused($$SELECT edurange.create_competition('x', now(), ARRAY['ina'], NULL, '10000-01-01 00:00Z')$$),
  testing.refused($$SELECT edurange.create_competition('x', '0044-03-15 00:00Z BC', ARRAY['ina'])$$),
  testing.refused($$SELECT edurange.create_token('player', 'x', '10000-01-01 00:00Z')$$),
  testing.refused($$SELECT edurange.leaderboard('spring', at => '10000-01-01 00:00Z')$$);
SELECT count(*) FROM "CompetitionGroup" WHERE name = 'x';

-- access codes
SELECT code, "expiresAt", "maxUses", "usedCount", "createdBy" FROM
  edurange.generate_access_code(:'winter', 'ina', 'snow-2', NULL, 2);
SELECT code ~ '^[A-Z0-9]{8}$' AS made FROM edurange.generate_access_code(:'winter', 'ina');
SELECT code ~ '^[A-Z0-9]{8}$' AS made FROM edurange.generate_access_code(:'winter', 'ina', '');
SELECT "eventType", "accessCodeId" IS NOT NULL AS has_code, metadata ->> 'code' FROM "ActivityLog"
WHERE "groupId" = :'winter' AND "eventType" = 'ACCESS_CODE_GENERATED' AND metadata ->> 'code' = 'SNOW-2';
SELECT testing.refused(format('SELECT edurange.generate_access_code(%L, %L, %L)', :'winter', 'ina', 'Snow-2'));
SELECT testing.refused($$SELECT edurange.generate_access_code(NULL, 'ina')$$);
SELECT testing.refused($$SELECT edurange.generate_access_code('spring', NULL)$$);
SELECT testing.refused($$SELECT edurange.generate_access_code('nowhere', 'ina')$$);
SELECT testing.refused($$SELECT edurange.generate_access_code('spring', 'nobody')$$);
SELECT testing.refused($$SELECT edurange.generate_access_code('spring', 'ina', 'not ok')$$);
SELECT testing.refused($$SELECT edurange.generate_access_code('spring', 'ina', repeat('A', 21))$$);
SELECT testing.refused($$SELECT edurange.generate_access_code('spring', 'ina', 'OK', NULL, 0)$$);
SELECT testing.refused($$SELECT edurange.generate_access_code('spring', 'ina', 'OK', 'infinity')$$);

-- joining
SELECT name, challenges, "alreadyMember" FROM edurange.join_competition('snow-2', 'ada');
SELECT "alreadyMember" FROM edurange.join_competition('SNOW-2', 'ada');
SELECT "alreadyMember" FROM edurange.join_competition('Snow-2', 'bob');
SELECT "usedCount" FROM "CompetitionAccessCode" WHERE code = 'SNOW-2';
SELECT testing.refused($$SELECT edurange.join_competition('SNOW-2', 'cyd')$$);
-- who is a member already may name a code that is used up
SELECT "alreadyMember" FROM edurange.join_competition('SNOW-2', 'bob');
SELECT testing.refused($$SELECT edurange.join_competition('UNKNOWN', 'cyd')$$);
SELECT testing.refused($$SELECT edurange.join_competition('', 'cyd')$$);
SELECT testing.refused($$SELECT edurange.join_competition('SNOW-2', NULL)$$);
SELECT testing.refused($$SELECT edurange.join_competition('SNOW-2', 'nobody')$$);
SELECT testing.refused($$SELECT edurange.join_competition('a b', 'cyd')$$);
INSERT INTO "CompetitionAccessCode" (code, "expiresAt", "groupId", "createdBy")
VALUES ('OLD', now() AT TIME ZONE 'UTC' - interval '1 s', :'winter', 'ina'),
  ('NEW', now() AT TIME ZONE 'UTC' + interval '1 h', :'winter', 'ina');
SELECT testing.refused($$SELECT edurange.join_competition('OLD', 'cyd')$$);
UPDATE "CompetitionGroup" SET "endDate" = '2020-02-01' WHERE id = :'winter';
SELECT replace(testing.refused($$SELECT edurange.join_competition('NEW', 'cyd')$$), :'winter', 'winter');
SELECT count(*) FROM "_GroupMembers" WHERE "A" = :'winter' AND "B" = 'cyd';
SELECT "usedCount" FROM "CompetitionAccessCode" WHERE code IN ('OLD', 'NEW');
-- at the very instant at which a competition ends, or a code expires, nobody joins any more
BEGIN;
ALTER TABLE "CompetitionGroup" ALTER "endDate" TYPE timestamp(6); -- as exact as the clock
ALTER TABLE "CompetitionAccessCode" ALTER "expiresAt" TYPE timestamp(6);
SELECT "end", expiry, testing.at_once(format($$UPDATE "CompetitionGroup" SET "endDate" = (statement_timestamp() + interval %L) AT TIME ZONE 'UTC';
  UPDATE "CompetitionAccessCode" SET "expiresAt" = (statement_timestamp() + interval %L) AT TIME ZONE 'UTC' WHERE code = 'NEW'$$, "end", expiry),
  $$SELECT split_part(testing.refused($r$SELECT edurange.join_competition('NEW', 'cyd'); DELETE FROM "_GroupMembers" WHERE "B" = 'cyd'$r$), ':', 1)$$) AS joining
FROM (VALUES ('1 us', '1 us'), ('0', '1 us'), ('1 us', '0')) AS t ("end", expiry);
ROLLBACK;
-- before the start joining is possible
UPDATE "CompetitionGroup" SET "startDate" = '2998-01-01', "endDate" = NULL WHERE id = :'winter';
SELECT "alreadyMember" FROM edurange.join_competition('NEW', 'cyd');
SELECT "userId", metadata ->> 'accessCode' FROM "ActivityLog"
WHERE "groupId" = :'winter' AND "eventType" = 'GROUP_JOINED' ORDER BY "timestamp", id;

-- the board: points, then who was first, then id; members without points last
SELECT points FROM edurange.add_points('cyd', :'winter', 5);
SELECT points FROM edurange.add_points('bob', :'winter', 5);
SELECT rank, "userId", name, points, completions, "reachedAt" IS NOT NULL AS reached
FROM edurange.leaderboard(:'winter');
SELECT points FROM edurange.add_points('cyd', :'winter', -3);
SELECT points FROM edurange.add_points('cyd', :'winter', 3);
SELECT rank, "userId" FROM edurange.leaderboard(:'winter', 2);
SELECT rank, "userId" FROM edurange.leaderboard(:'winter', 2, 1);
SELECT count(*) FROM edurange.leaderboard(:'winter', 10, 3);
SELECT count(*) FROM edurange.leaderboard('nowhere');
SELECT testing.refused($$SELECT edurange.leaderboard(NULL)$$);
SELECT testing.refused($$SELECT edurange.leaderboard('spring', 0)$$);
SELECT testing.refused($$SELECT edurange.leaderboard('spring', 10001)$$);
SELECT testing.refused($$SELECT edurange.leaderboard('spring', 1, -1)$$);
SELECT * FROM edurange.check_invariants();
