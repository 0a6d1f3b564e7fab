-- Completing a challenge as a whole: nothing is paid twice, by whatever way.
CALL testing.fresh();
SELECT count(*) FROM edurange.cdf_import($${
  "metadata": {"id": "duo", "name": "Duo", "version": "1", "challenge_type": "web"},
  "components": [
    {"type": "question", "id": "d1", "config": {"type": "text", "text": "?", "points": 30, "answer": "1"}},
    {"type": "question", "id": "d2", "config": {"type": "text", "text": "?", "points": 70, "answer": "2"}},
    {"type": "question", "id": "d3", "config": {"type": "text", "text": "?", "points": 5, "answer": "3", "required": false}}]}$$);
SELECT count(*) FROM edurange.cdf_import('{"metadata": {"id": "bare", "name": "Bare", "version": "1", "challenge_type": "web"},
  "components": [{"type": "container", "id": "c", "config": {"image": "i"}}]}');
INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('cup', 'Cup', '2020-01-01');
INSERT INTO "User" (id, email) SELECT 'c' || n, 'c' || n || '@x' FROM generate_series(1, 6) n;
INSERT INTO "_GroupMembers" ("A", "B") SELECT 'cup', 'c' || n FROM generate_series(1, 5) n;
UPDATE "ChallengeQuestion" SET id = cdf_question_id WHERE "challengeId" = 'duo';
INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('duo-cup', 120, 'duo', 'cup'), ('bare-cup', 40, 'bare', 'cup');
CREATE FUNCTION testing.whole(who text, amount integer DEFAULT NULL, what text DEFAULT 'duo-cup') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  done edurange.challenge_completion := edurange.complete_challenge(who, what, amount);
BEGIN
  RETURN format('%s points in the completion%s, total %s', done."pointsEarned",
    CASE WHEN done."alreadyCompleted" THEN ' that was there' ELSE '' END, edurange.get_points(who, 'cup'));
END
$$;
-- a player: only what the questions say, and no points
SET ROLE edurange_player;
SELECT testing.refused($$SELECT edurange.complete_challenge('c1', 'duo-cup', 120)$$);
SELECT testing.refused($$SELECT edurange.complete_challenge('c1', 'bare-cup', 40)$$);
SELECT "challengeCompleted" FROM edurange.attempt_question('c1', 'd1', 'duo-cup', '1');
SELECT "challengeCompleted" FROM edurange.attempt_question('c1', 'd2', 'duo-cup', '2');
SELECT "pointsEarned", "alreadyCompleted" FROM edurange.complete_challenge('c1', 'duo-cup', 120);
SELECT edurange.get_points('c1', 'cup');
RESET ROLE;
-- completions that a dashboard wrote count, too
INSERT INTO "QuestionCompletion" (id, "questionId", "userId", "groupChallengeId", "pointsEarned") VALUES ('x1', 'd1', 'c2', 'duo-cup', 30), ('x2', 'd2', 'c2', 'duo-cup', 70);
SET ROLE edurange_player;
SELECT "pointsEarned", "alreadyCompleted" FROM edurange.complete_challenge('c2', 'duo-cup');
RESET ROLE;
-- a service: up to the larger of the group challenge's points and the questions'
SELECT testing.refused($$SELECT edurange.complete_challenge('c3', 'duo-cup', 121)$$);
SELECT testing.refused($$SELECT edurange.complete_challenge('c3', 'duo-cup', -1)$$);
SELECT testing.whole('c3', 50);
SELECT testing.whole('c3', 50);
SELECT testing.whole('c3', 20);
SELECT testing.whole('c3', 120);
-- the questions of a challenge that was paid for pay only the rest
SELECT "pointsEarned", (points).points FROM edurange.attempt_question('c3', 'd1', 'duo-cup', '1');
SELECT "pointsEarned", (points).points FROM edurange.attempt_question('c3', 'd2', 'duo-cup', '2');
SELECT testing.whole('c4', 60);
SELECT "pointsEarned", (points).points FROM edurange.attempt_question('c4', 'd1', 'duo-cup', '1');
SELECT "pointsEarned", (points).points FROM edurange.attempt_question('c4', 'd2', 'duo-cup', '2');
SELECT "pointsEarned", (points).points FROM edurange.attempt_question('c4', 'd3', 'duo-cup', '3');
-- and the other way round
SELECT "pointsEarned", (points).points FROM edurange.attempt_question('c5', 'd2', 'duo-cup', '2');
SELECT testing.whole('c5');
SELECT testing.whole('c5', 120);
SELECT testing.whole('c5', 40, 'bare-cup');
SELECT "eventType", metadata - 'groupChallengeId' FROM "ActivityLog" WHERE "userId" = 'c5' AND "eventType" = 'CHALLENGE_COMPLETED' ORDER BY "timestamp", id;
SELECT delta, "sourceId" FROM edurange.points_history('c5', 'cup');
-- what is sent beside must fit
SELECT testing.refused($$SELECT edurange.complete_challenge('c5', 'duo-cup', 1, 'spring')$$);
SELECT testing.refused($$SELECT edurange.complete_challenge('c5', 'duo-cup', 1, 'cup', 'quiz')$$);
SELECT "alreadyCompleted" FROM edurange.complete_challenge('c5', 'duo-cup', 1, 'cup', 'duo');
SELECT testing.refused($$SELECT edurange.complete_challenge(NULL, 'duo-cup')$$);
SELECT testing.refused($$SELECT edurange.complete_challenge('c5', NULL)$$);
SELECT testing.refused($$SELECT edurange.complete_challenge('nobody', 'duo-cup')$$);
SELECT testing.refused($$SELECT edurange.complete_challenge('c5', 'nothing')$$);
SELECT testing.refused($$SELECT edurange.complete_challenge('c6', 'duo-cup')$$);
-- after the end: what is done stays, nothing is added
UPDATE "CompetitionGroup" SET "endDate" = '2020-01-02' WHERE id = 'cup';
SELECT testing.whole('c5', 120);
SELECT testing.refused($$SELECT edurange.complete_challenge('c4', 'duo-cup', 120)$$);
SELECT testing.refused($$SELECT edurange.complete_challenge('c1', 'bare-cup', 1)$$);
UPDATE "CompetitionGroup" SET "endDate" = NULL WHERE id = 'cup';
-- progress
SELECT "totalPoints", "earnedPoints", "completionPercentage" FROM edurange.competition_progress('cup', 'c5');
-- what was paid counts, whether a service asserted it or its questions earned it, complete or not
SELECT edurange.get_points('c4', 'cup');
SELECT p."challengeId", p.points, p.completed, p."pointsEarned", c."earnedPoints" FROM edurange.competition_progress('cup', 'c4') c, unnest(c.progress) p ORDER BY 1;
INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('duo-autumn', 120, 'duo', 'autumn');
SELECT "pointsEarned" FROM edurange.attempt_question('ada', 'd1', 'duo-autumn', '1');
SELECT p.completed, p."pointsEarned", c."earnedPoints", c."completionPercentage" FROM edurange.competition_progress('autumn', 'ada') c, unnest(c.progress) p;
INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('void', 'Void', '2020-01-01');
SELECT * FROM edurange.competition_progress('void', 'cyd');
SELECT testing.refused($$SELECT edurange.competition_progress('nowhere', 'cyd')$$);
SELECT testing.refused($$SELECT edurange.competition_progress('cup', 'nobody')$$);
SELECT testing.refused($$SELECT edurange.competition_progress(NULL, 'c1')$$);
SELECT testing.refused($$SELECT edurange.competition_progress('cup', '')$$);
-- completed questions
SELECT "questionId", "userId", "groupChallengeId", "pointsEarned" FROM edurange.completed_questions('c4', 'duo-cup');
SELECT count(*) FROM edurange.completed_questions('nobody', 'nothing');
SELECT testing.refused($$SELECT edurange.completed_questions(NULL, 'duo-cup')$$);
SELECT testing.refused($$SELECT edurange.completed_questions('c4', NULL)$$);
-- from the start on, until the end: at the very instant itself, too
BEGIN;
ALTER TABLE "CompetitionGroup" ALTER "startDate" TYPE timestamp(6), ALTER "endDate" TYPE timestamp(6); -- as exact as the clock
SELECT begin, "end", testing.at_once(format($$UPDATE "CompetitionGroup" SET "startDate" = (statement_timestamp() + %L::interval) AT TIME ZONE 'UTC',
  "endDate" = (statement_timestamp() + %L::interval) AT TIME ZONE 'UTC' WHERE id = 'autumn'$$, begin, "end"),
  $$SELECT "isCorrect" FROM edurange.attempt_question('ada', 'd1', 'duo-autumn', '0')$$) AS attempt
FROM (VALUES ('0', '1 us'), ('-1 us', NULL)) AS t (begin, "end");
SELECT begin, "end", testing.at_once(format($$UPDATE "CompetitionGroup" SET "startDate" = (statement_timestamp() + %L::interval) AT TIME ZONE 'UTC',
  "endDate" = (statement_timestamp() + %L::interval) AT TIME ZONE 'UTC' WHERE id = 'autumn'$$, begin, "end"),
  $$SELECT testing.refused($r$SELECT edurange.attempt_question('ada', 'd1', 'duo-autumn', '0')$r$)$$) AS attempt
FROM (VALUES ('1 us', NULL), ('-1 us', '0')) AS t (begin, "end");
ROLLBACK;
-- the board at a past instant
SELECT clock_timestamp() AS before \gset
SELECT points FROM edurange.add_points('c1', 'cup', 1000);
SELECT points FROM edurange.set_points('c5', 'cup', 0);
DELETE FROM "User" WHERE id = 'c3';
SELECT rank, "userId", points FROM edurange.leaderboard('cup');
SELECT rank, "userId", name, points, "reachedAt" <= :'before' AS earlier FROM edurange.leaderboard('cup', at => :'before');
SELECT rank, "userId", points FROM edurange.leaderboard('cup', 2, 1, :'before');
SELECT rank, "userId", points FROM edurange.leaderboard('cup', at => '2000-01-01');
SELECT testing.refused($$SELECT edurange.leaderboard('cup', at => 'infinity')$$);
-- at equal points whoever had them first, whatever came later and whatever a correction by zero; then by id
INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('tie', 'Tie', '2020-01-01');
INSERT INTO "_GroupMembers" ("A", "B") SELECT 'tie', 'c' || n FROM unnest(ARRAY[1, 2, 4, 5]) n;
SELECT p.points FROM unnest(ARRAY['c5', 'c1', 'c4', 'c2']) u, LATERAL edurange.add_points(u, 'tie', 7) p;
SELECT points FROM edurange.add_points('c5', 'tie', 0);
UPDATE edurange.points_ledger SET at = '2024-05-01 00:00Z' WHERE group_id = 'tie' AND user_id IN ('c2', 'c4');
UPDATE edurange.points_ledger SET at = '2024-04-01 00:00Z' WHERE group_id = 'tie' AND user_id = 'c5' AND seq = 1;
UPDATE edurange.points_ledger SET at = '2024-06-01 00:00Z' WHERE group_id = 'tie' AND (user_id = 'c1' OR user_id = 'c5' AND seq = 2);
SELECT points FROM edurange.add_points('c5', 'tie', 1);
SELECT points FROM edurange.add_points('c5', 'tie', -1);
SELECT rank, "userId", points, "reachedAt" AT TIME ZONE 'UTC' AS reached FROM edurange.leaderboard('tie', at => '2024-07-01');
SELECT rank, "userId" FROM edurange.leaderboard('tie', 2, 2, '2024-07-01');
SELECT rank, "userId", points FROM edurange.leaderboard('tie', at => '2024-05-01 00:00Z');
DELETE FROM "CompetitionGroup" WHERE id = 'tie';
DELETE FROM edurange.points_ledger WHERE group_id = 'tie';
DELETE FROM edurange.standing WHERE group_id = 'tie';
-- what questions are worth together may be more than a completion can say
UPDATE "ChallengeQuestion" SET points = 2000000000 WHERE id IN ('d1', 'd2');
UPDATE "ChallengeQuestion" SET required = true WHERE id = 'd3';
INSERT INTO "_GroupMembers" ("A", "B") VALUES ('cup', 'c6');
SELECT "pointsEarned" FROM edurange.attempt_question('c6', 'd1', 'duo-cup', '1');
SELECT points FROM edurange.set_points('c6', 'cup', 1);
SELECT "pointsEarned" FROM edurange.attempt_question('c6', 'd2', 'duo-cup', '2');
SELECT testing.whole('c6', 0);
SELECT testing.whole('c6', 0);
SELECT metadata - 'groupChallengeId' FROM "ActivityLog" WHERE "userId" = 'c6' AND "eventType" = 'CHALLENGE_COMPLETED';
SELECT * FROM edurange.check_invariants();
