-- A frozen board stays as it was whatever happens to completions since: on its pages, at an instant, and live.
CALL testing.fresh();
SET timezone = 'UTC';
INSERT INTO "_GroupInstructors" ("A", "B") VALUES ('spring', 'ina');
INSERT INTO "User" (id, email, name) VALUES ('dan', 'dan@example.org', 'Dan'), ('eve', 'eve@example.org', 'Eve');
INSERT INTO "_GroupMembers" ("A", "B") VALUES ('spring', 'cyd'), ('spring', 'dan'), ('spring', 'eve');
SELECT count(*) FROM generate_series(1, 3) i, edurange.cdf_import(format('{"metadata": {"id": "c%s", "name": "C", "version": "1", "challenge_type": "web"}, "components": [
  {"type": "question", "id": "q%s", "config": {"type": "text", "text": "?", "points": 10, "answer": "a"}}]}', i, i));
UPDATE "ChallengeQuestion" SET id = cdf_question_id;
INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId", "createdAt") SELECT 'p' || i, 10, 'c' || i, 'spring', '2020-01-01'::timestamp + i * interval '1 s' FROM generate_series(1, 3) i;
-- ada and bob are right; cyd has another answer, and p3 by a service; dan's right answer was taken for wrong
SELECT count(*) FROM (VALUES ('ada', 'q1', 'p1', 'a'), ('ada', 'q2', 'p2', 'a'), ('bob', 'q1', 'p1', 'a'), ('cyd', 'q1', 'p1', 'b')) a (u, q, p, answer), edurange.attempt_question(u, q, p, answer);
SELECT "pointsEarned" FROM edurange.complete_challenge('cyd', group_challenge_id => 'p3', points_earned => 10);
INSERT INTO "QuestionAttempt" (id, "userId", "questionId", "groupChallengeId", answer, "isCorrect", "attemptedAt") VALUES ('dans', 'dan', 'q1', 'p1', 'a', false, clock_timestamp() AT TIME ZONE 'UTC');
-- an hour ago, and frozen half an hour later
UPDATE "ChallengeCompletion" SET "completedAt" = "completedAt" - interval '1 hour';
UPDATE "QuestionCompletion" SET "completedAt" = "completedAt" - interval '1 hour';
UPDATE "QuestionAttempt" SET "attemptedAt" = "attemptedAt" - interval '1 hour';
UPDATE edurange.points_ledger SET at = at - interval '1 hour';
UPDATE edurange.standing SET changed_at = changed_at - interval '1 hour', reached_at = reached_at - interval '1 hour';
DELETE FROM edurange.completion_change;
SELECT clock_timestamp() - interval '30 minutes' AS freeze \gset
SELECT frozen FROM edurange.set_board_policy('spring', 'members', :'freeze');
CREATE VIEW testing.boards AS SELECT
  (SELECT string_agg("userId" || ' ' || completions, ', ' ORDER BY "userId") FROM edurange.leaderboard('spring', caller => ROW('t', NULL, NULL, 'ada'))) AS page,
  (SELECT string_agg("userId" || ' ' || completions, ', ' ORDER BY "userId") FROM edurange.leaderboard('spring', at => (SELECT freeze_at FROM edurange.board_rule))) AS past,
  (SELECT string_agg(r->>'userId' || ' ' || json_array_length(r->'solved'), ', ' ORDER BY r->>'userId') FROM edurange.board_state('spring') s, regexp_split_to_table(rows, E'\n') line, LATERAL (SELECT nullif(split_part(line, E'\t', 2), '')::json) j (r)) AS stream,
  (SELECT rows FROM edurange.board_state('spring')) AS rows;
CREATE VIEW testing.alive AS SELECT string_agg("userId" || ' ' || completions, ', ' ORDER BY "userId") AS alive FROM edurange.leaderboard('spring');
CREATE TABLE testing.frozen AS SELECT * FROM testing.boards;
SELECT page = past AND past = stream AS alike, page FROM testing.frozen;
-- what a session keeps, and what one finds that has kept nothing
CREATE PROCEDURE testing.still() LANGUAGE plpgsql AS $$
DECLARE
  was text := (SELECT f::text FROM testing.frozen f);
  kept text := (SELECT b::text FROM testing.boards b);
BEGIN
  ANALYZE edurange.completion_change;
  COMMIT;
  RAISE NOTICE 'as it was: % as kept, % as found; alive: %', kept = was, (SELECT b::text FROM testing.boards b) = was, (SELECT alive FROM testing.alive);
END
$$;
CALL testing.still();
-- what is undone has not happened, and an id that changes is nobody's completion less
BEGIN;
SAVEPOINT before;
DELETE FROM "ChallengeCompletion";
ROLLBACK TO before;
COMMIT;
UPDATE "GroupChallenge" SET id = 'other' WHERE id = 'p3';
CALL testing.still();
UPDATE "GroupChallenge" SET id = 'p3' WHERE id = 'other';
-- by our functions
SELECT "challengesReset" FROM edurange.reset_progress('spring', 'ada');
CALL testing.still();
SELECT count(*) FROM edurange.attempt_question('ada', 'q2', 'p2', 'a');
CALL testing.still();
CREATE FUNCTION testing.latest_change() RETURNS text LANGUAGE sql AS $$ SELECT id FROM edurange.grade_change WHERE undone_at IS NULL ORDER BY at DESC, id DESC LIMIT 1 $$;
SELECT lost FROM edurange.void_completion('spring', 'bob', 'q1');
CALL testing.still();
SELECT gained, lost FROM edurange.undo_change('spring', testing.latest_change());
CALL testing.still();
SELECT gained FROM edurange.accept_answer('spring', 'q1', 'b');
CALL testing.still();
SELECT lost FROM edurange.undo_change('spring', testing.latest_change());
CALL testing.still();
SELECT gained FROM edurange.rejudge('spring', 'q1');
CALL testing.still();
UPDATE "ChallengeQuestion" SET points = 20 WHERE id = 'q1';
SELECT adjusted > 0 AS adjusted FROM edurange.reprice('spring', 'q1');
SELECT gained FROM edurange.grade_question('spring', 'eve', 'q2', 5);
CALL testing.still();
-- by hand, in the name of somebody who may write the platform's table and nothing else
CREATE ROLE testing_platform;
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON "ChallengeCompletion" TO testing_platform;
SET ROLE testing_platform;
DELETE FROM "ChallengeCompletion" WHERE "userId" = 'bob';
RESET ROLE;
CALL testing.still();
SET ROLE testing_platform;
INSERT INTO "ChallengeCompletion" (id, "userId", "groupChallengeId", "pointsEarned", "completedAt") VALUES ('bobs', 'bob', 'p1', 1, '2020-01-02'), ('eves', 'eve', 'p3', 1, '-infinity'), ('dans', 'dan', 'p3', 1, 'infinity');
RESET ROLE;
CALL testing.still();
SELECT rows LIKE '%,253402214400000]%' AND rows LIKE '%,-62135596800000]%' AS without_end FROM edurange.board_state('spring', true);
SET ROLE testing_platform;
UPDATE "ChallengeCompletion" SET "completedAt" = '2020-01-03' WHERE "userId" IN ('ada', 'cyd');
UPDATE "ChallengeCompletion" SET "completedAt" = '2090-01-03' WHERE id = 'bobs';
UPDATE "ChallengeCompletion" SET "userId" = 'bob' WHERE id = 'eves';
UPDATE "ChallengeCompletion" SET "groupChallengeId" = 'p2' WHERE "userId" = 'cyd' AND "groupChallengeId" = 'p3';
UPDATE "ChallengeCompletion" SET "pointsEarned" = 7;
RESET ROLE;
CALL testing.still();
SELECT user_id, group_challenge_id, string_agg(CASE WHEN gone THEN 'gone' ELSE 'late' END, ', ' ORDER BY at) AS changes FROM edurange.completion_change GROUP BY 1, 2 ORDER BY 1, 2;
-- several changes of one in one transaction have times that ascend
BEGIN;
DELETE FROM "ChallengeCompletion" WHERE id = 'bobs';
INSERT INTO "ChallengeCompletion" (id, "userId", "groupChallengeId", "pointsEarned", "completedAt") VALUES ('bobs', 'bob', 'p1', 1, '2020-01-02');
DELETE FROM "ChallengeCompletion" WHERE id = 'bobs';
UPDATE edurange.completion_change SET at = at + interval '1 day' WHERE user_id = 'bob';
INSERT INTO "ChallengeCompletion" (id, "userId", "groupChallengeId", "pointsEarned", "completedAt") VALUES ('bobs', 'bob', 'p1', 1, '2020-01-02');
SELECT (array_agg(gone ORDER BY at DESC))[1:3] AS gone FROM edurange.completion_change WHERE user_id = 'bob' AND group_challenge_id = 'p1';
ROLLBACK;
CALL testing.still();
-- who leaves and comes back is there as before
SELECT count(*) FROM edurange.remove_member('spring', 'cyd');
SELECT page = stream AS alike, page FROM testing.boards;
INSERT INTO "_GroupMembers" ("A", "B") VALUES ('spring', 'cyd');
CALL testing.still();
SET ROLE testing_platform;
TRUNCATE "ChallengeCompletion";
RESET ROLE;
CALL testing.still();
-- what counts are the challenges that are there, on all boards alike; nothing is left of one that goes, whichever way
SELECT "usersCharged" FROM edurange.remove_competition_challenge('spring', 'p2', force => true);
SELECT page = past AND past = stream AS alike, page FROM testing.boards;
INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('p2', 10, 'c2', 'spring');
SELECT page = past AND past = stream AS alike, page FROM testing.boards;
SELECT count(*) FROM edurange.completion_change WHERE group_challenge_id = 'p2';
-- another instant is another board; thawed, all is shown at once
SELECT count(*) FROM edurange.attempt_question('dan', 'q2', 'p2', 'a');
-- (dates of completions are rounded to milliseconds, half of them up)
DO $$BEGIN PERFORM pg_sleep(0.002); END$$;
SELECT frozen FROM edurange.set_board_policy('spring', 'members', clock_timestamp());
DELETE FROM "ChallengeCompletion";
SELECT page = past AND past = stream AS alike, page FROM testing.boards;
SELECT frozen FROM edurange.set_board_policy('spring', 'members');
SELECT page, alive FROM testing.boards, testing.alive;
-- corrected, a past board is by what is there
SELECT edurange.undo_change('spring', testing.latest_change()) IS NOT NULL AS undone;
INSERT INTO "ChallengeCompletion" (id, "userId", "groupChallengeId", "pointsEarned", "completedAt") VALUES ('late', 'ada', 'p1', 1, '2020-01-02');
SELECT corrected, string_agg("userId" || ' ' || completions, ', ' ORDER BY "userId") FROM unnest('{f,t}'::boolean[]) corrected, edurange.leaderboard('spring', at => :'freeze', corrected => corrected) GROUP BY 1;
-- nothing is kept of who goes, nor of placements that go, one by one, in one statement, or all at once
INSERT INTO "ChallengeCompletion" (id, "userId", "groupChallengeId", "pointsEarned") SELECT u || p, u, p, 1 FROM unnest('{bob,cyd,dan,eve}'::text[]) u, unnest('{p1,p3}'::text[]) p ON CONFLICT DO NOTHING;
DELETE FROM "User" WHERE id = 'bob';
DELETE FROM "GroupChallenge" WHERE id = 'p1';
WITH completion AS (DELETE FROM "ChallengeCompletion" WHERE "userId" = 'cyd' RETURNING "userId") DELETE FROM "User" WHERE id IN (SELECT "userId" FROM completion);
SELECT DISTINCT user_id, group_challenge_id FROM edurange.completion_change WHERE user_id IN ('bob', 'cyd') OR group_challenge_id = 'p1';
SELECT count(*) > 0 AS others FROM edurange.completion_change;
DELETE FROM "CompetitionGroup" WHERE id = 'spring';
SELECT count(*) FROM edurange.completion_change;
INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('px', 10, 'c2', 'autumn');
INSERT INTO "ChallengeCompletion" (id, "userId", "groupChallengeId", "pointsEarned") SELECT u, u, 'px', 1 FROM unnest('{ada,dan}'::text[]) u;
DELETE FROM "ChallengeCompletion" WHERE "userId" = 'dan';
SELECT count(*) FROM edurange.completion_change;
TRUNCATE "GroupChallenge" CASCADE;
SELECT count(*) FROM edurange.completion_change;
-- a trigger that is missing, or is switched off, is named and put back; what went meanwhile is forgotten
INSERT INTO edurange.completion_change SELECT u, p, now(), true, now() FROM (VALUES ('nobody', 'px'), ('ada', 'nothing')) v (u, p);
ALTER TABLE "ChallengeCompletion" DISABLE TRIGGER edurange_completion_changed;
DROP TRIGGER edurange_completions_truncated ON "ChallengeCompletion";
SELECT m FROM edurange.health() h, unnest(h.missing) m WHERE m ~ 'trigger edurange_completion';
SELECT * FROM edurange.migrate() ORDER BY name;
SELECT count(*) FROM edurange.completion_change;
-- they serve as nothing else
CREATE TABLE testing.other (id text, "userId" text, "groupChallengeId" text, "completedAt" timestamp(3));
INSERT INTO testing.other VALUES ('x', 'ada', NULL, NULL);
SELECT f, t, replace(testing.refused(format('CREATE TRIGGER wrong %s ON testing.other FOR EACH %s EXECUTE FUNCTION edurange.%s(); DELETE FROM testing.other; TRUNCATE testing.other', t, CASE WHEN t ~ 'TRUNC' THEN 'STATEMENT' ELSE 'ROW' END, f)), '"', '') AS refused
FROM (VALUES ('completion_changed', 'BEFORE DELETE'), ('completion_changed', 'AFTER DELETE'), ('completions_truncated', 'AFTER TRUNCATE'), ('completions_truncated', 'BEFORE DELETE'), ('forget_completions', 'BEFORE DELETE')) v (f, t);
SELECT testing.refused('SELECT edurange.completions_truncated()');
DROP TABLE testing.other, testing.frozen;
DROP VIEW testing.boards, testing.alive;
DROP PROCEDURE testing.still;
DROP FUNCTION testing.latest_change;
REVOKE ALL ON "ChallengeCompletion" FROM testing_platform;
DROP ROLE testing_platform;
