-- Whoever changes a total, the ledger and the standing follow.
CALL testing.fresh();
CREATE FUNCTION testing.ledger(wanted_group text) RETURNS TABLE (entry text) LANGUAGE sql AS $$
  SELECT format('%s %s: %s%s = %s %s %s', user_id, seq, CASE WHEN delta < 0 THEN '' ELSE '+' END, delta,
    balance, kind, coalesce(source_id, ''))
  FROM edurange.points_ledger WHERE group_id = wanted_group ORDER BY user_id, seq
$$;
INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES
  ('direct', 'Direct', '2020-01-01'), ('other', 'Other', '2020-01-01');
INSERT INTO "User" (id, email) SELECT 'd' || n, 'd' || n || '@x' FROM generate_series(1, 6) n;
INSERT INTO "_GroupMembers" ("A", "B") SELECT 'direct', 'd' || n FROM generate_series(1, 5) n;
-- direct writes, as an instructor's dashboard makes them
INSERT INTO "GroupPoints" ("userId", "groupId", points) VALUES
  ('d1', 'direct', 10), ('d2', 'direct', 20), ('d3', 'direct', 0);
UPDATE "GroupPoints" SET points = points + 5 WHERE "groupId" = 'direct';
UPDATE "GroupPoints" SET "updatedAt" = now() WHERE "groupId" = 'direct';
UPDATE "GroupPoints" SET points = 0 WHERE "userId" = 'd1';
SELECT * FROM testing.ledger('direct');
SELECT "userId", rank, points, "reachedAt" IS NULL AS never FROM edurange.leaderboard('direct');
SELECT * FROM edurange.check_invariants();
-- another user or competition: one pair is closed, the other opened
UPDATE "GroupPoints" SET "userId" = 'd4' WHERE "userId" = 'd2';
UPDATE "GroupPoints" SET "groupId" = 'other', points = 99 WHERE "userId" = 'd4';
UPDATE "User" SET id = 'd3new' WHERE id = 'd3';
SELECT * FROM testing.ledger('direct');
SELECT * FROM testing.ledger('other');
SELECT * FROM edurange.check_invariants();
-- who is no member has a ledger and no place on the board
INSERT INTO "GroupPoints" ("userId", "groupId", points) VALUES ('d6', 'direct', 77);
SELECT count(*) FROM edurange.leaderboard('direct') WHERE "userId" = 'd6';
INSERT INTO "_GroupMembers" ("A", "B") VALUES ('direct', 'd6');
SELECT rank, points FROM edurange.leaderboard('direct') WHERE "userId" = 'd6';
DELETE FROM "_GroupMembers" WHERE "B" = 'd6';
SELECT count(*) FROM edurange.leaderboard('direct') WHERE "userId" = 'd6';
-- deletes, the cascading ones included
DELETE FROM "GroupPoints" WHERE "userId" = 'd6';
UPDATE "GroupPoints" SET points = 3 WHERE "userId" = 'd1';
DELETE FROM "User" WHERE id = 'd1';
SELECT * FROM testing.ledger('direct');
SELECT * FROM edurange.check_invariants();
-- a pair that comes back goes on counting
INSERT INTO "User" (id, email) VALUES ('d1', 'd1@x');
INSERT INTO "_GroupMembers" ("A", "B") VALUES ('direct', 'd1');
SELECT points FROM edurange.add_points('d1', 'direct', 8);
SELECT * FROM testing.ledger('direct') WHERE entry LIKE 'd1 %';
-- several writes in one transaction, one of them undone
BEGIN;
SELECT points FROM edurange.add_points('d5', 'direct', 1);
SAVEPOINT s;
SELECT points FROM edurange.add_points('d5', 'direct', 100);
UPDATE "GroupPoints" SET points = points * 2 WHERE "userId" = 'd5';
ROLLBACK TO s;
SELECT testing.refused($$SELECT edurange.add_points('d5', 'direct', 2147483647)$$);
UPDATE "GroupPoints" SET points = points + 2 WHERE "userId" = 'd5';
SELECT points FROM edurange.set_points('d5', 'direct', 6);
COMMIT;
SELECT * FROM testing.ledger('direct') WHERE entry LIKE 'd5 %';
-- the words of one call never end up at another pair: a trigger of somebody else writes inside ours
CREATE FUNCTION testing.bystander() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public."GroupPoints" ("userId", "groupId", points) VALUES ('d4', 'direct', 1)
  ON CONFLICT ("userId", "groupId") DO UPDATE SET points = "GroupPoints".points + 1;
  RETURN NEW;
END
$$;
CREATE TRIGGER bystander BEFORE UPDATE ON "GroupPoints" FOR EACH ROW
  WHEN (NEW."userId" = 'd5') EXECUTE FUNCTION testing.bystander();
SELECT points FROM edurange.add_points('d5', 'direct', 1);
DROP TRIGGER bystander ON "GroupPoints";
SELECT * FROM testing.ledger('direct') WHERE entry ~ '^d[45] ';
-- an error in the middle leaves no words behind
CREATE FUNCTION testing.failing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'no'; END $$;
CREATE TRIGGER failing BEFORE UPDATE ON "GroupPoints" FOR EACH ROW EXECUTE FUNCTION testing.failing();
SELECT testing.refused($$SELECT edurange.add_points('d5', 'direct', 1, 'lost')$$);
DROP TRIGGER failing ON "GroupPoints";
UPDATE "GroupPoints" SET points = points + 1 WHERE "userId" = 'd5';
SELECT kind, reason FROM edurange.points_history('d5', 'direct', 1);
-- times never go back, even when the clock does
UPDATE edurange.standing SET changed_at = '2999-01-01', reached_at = '2999-01-01' WHERE user_id = 'd5';
UPDATE edurange.points_ledger SET at = '2999-01-01' WHERE user_id = 'd5' AND seq = (
  SELECT max(seq) FROM edurange.points_ledger WHERE user_id = 'd5');
SELECT points FROM edurange.add_points('d5', 'direct', 1);
SELECT at FROM edurange.points_history('d5', 'direct', 1);
SELECT * FROM edurange.check_invariants();
-- zero keeps the time at which the points were reached
SELECT "reachedAt" AS before FROM edurange.leaderboard('direct') WHERE "userId" = 'd1' \gset
SELECT points FROM edurange.add_points('d1', 'direct', 0);
SELECT "reachedAt" = :'before' AS kept FROM edurange.leaderboard('direct') WHERE "userId" = 'd1';
-- violations are found
BEGIN;
UPDATE edurange.standing SET points = points + 1 WHERE user_id = 'd1';
UPDATE edurange.standing SET member = false WHERE user_id = 'd4';
DELETE FROM edurange.points_ledger WHERE user_id = 'd5' AND seq = 2;
SELECT invariant, "userId" FROM edurange.check_invariants();
ROLLBACK;
-- truncating closes everybody's ledger
BEGIN;
TRUNCATE "GroupPoints";
SELECT * FROM testing.ledger('direct') WHERE entry LIKE '%removed%';
SELECT * FROM edurange.check_invariants();
TRUNCATE "User" CASCADE;
SELECT count(*) FROM edurange.leaderboard('direct');
SELECT * FROM edurange.check_invariants();
ROLLBACK;
DELETE FROM "CompetitionGroup" WHERE id IN ('direct', 'other');
SELECT sum(delta) FROM edurange.points_ledger WHERE group_id IN ('direct', 'other');
SELECT * FROM edurange.check_invariants();
SELECT testing.refused('SELECT edurange.group_points_changed()');
