-- The server judges; a right answer scores once.
CALL testing.fresh();
CALL testing.quiz();
SELECT testing.gc() AS gc \gset
SELECT points FROM edurange.set_points('ada', 'spring', 0);
-- exact but for outer white space
SELECT testing.try('ada', 'text', 'forty-two');
SELECT testing.try('ada', 'text', 'Forty Two');
SELECT testing.try('ada', 'text', 'Forty-TwoForty-Two');
SELECT testing.try('ada', 'text', E' \t Forty-Two\n');
SELECT testing.try('ada', 'text', 'Forty-Two');
SELECT testing.try('ada', 'text', 'wrong after all');
SELECT testing.try('ada', 'list', 'blue'), testing.try('ada', 'list', '7');
SELECT testing.try('ada', 'list', 'green');
SELECT testing.try('ada', 'number', '1.5');
SELECT testing.try('ada', 'number', '1.50');
SELECT testing.try('ada', 'choice', 'a'), testing.try('ada', 'choice', 'b');
-- check boxes are a set
SELECT testing.try('ada', 'boxes', 'a');
SELECT testing.try('ada', 'boxes', '["a", "b", "c"]');
SELECT testing.try('ada', 'boxes', '["a", "b"]');
SELECT testing.refused($$SELECT testing.try('ada', 'boxes', '[]')$$);
SELECT testing.try('ada', 'boxes', '["a", "c"');
SELECT testing.try('ada', 'boxes', '["c", " a ", "c"]');
-- as a dashboard writes them: no document, a list as text, a type in small letters
INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, answer, "order", cdf_question_id, required)
VALUES ('dash', 'quiz', '?', 'checkboxes', 0, '["x", "y"]', 100, 'dash', false), ('dash2', 'quiz', '?', 'multiple_choice', 0, 'x', 101, 'dash2', false);
SELECT testing.try('ada', 'dash', '["x"]'), testing.try('ada', 'dash', '["y","x"]');
SELECT testing.try('ada', 'dash2', 'y'), testing.try('ada', 'dash2', 'x');
DELETE FROM "QuestionAttempt" WHERE "questionId" LIKE 'dash%';
DELETE FROM "QuestionCompletion" WHERE "questionId" LIKE 'dash%';
DELETE FROM "ChallengeQuestion" WHERE id LIKE 'dash%';
-- what is no choice is no part of the set
SELECT testing.try('bob', 'boxes', '["a", "c", null]'), testing.try('bob', 'boxes', '["a", "c", {}]');
SELECT testing.try('bob', 'boxes', '["a", "c", 7]'), testing.try('bob', 'boxes', '["a", "c", true]');
-- numbers are choices as they are written
INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, answer, "order", cdf_question_id, required)
VALUES ('ports', 'quiz', '?', 'CHECKBOXES', 0, '[22, 80]', 100, 'ports', false);
SELECT testing.try('bob', 'ports', '["80"]'), testing.try('bob', 'ports', '[22, 80, 8080]');
SELECT testing.try('bob', 'ports', '[80, "22"]');
DELETE FROM "QuestionAttempt" WHERE "questionId" = 'ports';
DELETE FROM "QuestionCompletion" WHERE "questionId" = 'ports';
DELETE FROM "ChallengeQuestion" WHERE id = 'ports';
-- a flag question is one however its type is written
UPDATE "ChallengeQuestion" SET type = 'Flag', answer = 'written down' WHERE id = testing.q('flag');
SELECT testing.refused($$SELECT testing.try('bob', 'flag', 'written down')$$);
UPDATE "ChallengeQuestion" SET type = 'FLAG', answer = '{{FLAG}}' WHERE id = testing.q('flag');
-- a question without an answer has no right one; neither does a placeholder of a flag
SELECT testing.try('ada', 'open', 'null');
UPDATE "ChallengeQuestion" SET answer = ' ' WHERE id = testing.q('open');
SELECT testing.try('ada', 'open', '-'), testing.refused($$SELECT testing.try('ada', 'open', '  ')$$);
UPDATE "ChallengeQuestion" SET answer = NULL WHERE id = testing.q('open');
SELECT testing.refused($$SELECT testing.try('ada', 'flag', '{{FLAG}}')$$);
-- a flag is that of the user's own instance, once it is known
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, flag, "competitionId", "creationTime") VALUES
  ('qi1', 'quiz', 'ada', 'pending...', 'QUEUED', 'flag{decoy}', 'spring', '2024-01-01'),
  ('qi2', 'quiz', 'bob', 'pending...', 'ACTIVE', 'EDU-{bobs-0002}', 'spring', '2024-01-01');
UPDATE "ChallengeInstance" SET "flagSecretName" = 'flag-secret-qi2' WHERE id = 'qi2';
SELECT testing.refused($$SELECT testing.try('ada', 'flag', 'flag{decoy}')$$);
UPDATE "ChallengeInstance" SET "flagSecretName" = 'flag-secret-qi1', flag = 'null' WHERE id = 'qi1';
SELECT testing.refused($$SELECT testing.try('ada', 'flag', 'null')$$);
-- nothing that stands in for a flag is one, however it is spelled
SELECT spelled, testing.refused(format($$
  UPDATE "ChallengeInstance" SET flag = %L WHERE id = 'qi1'; SELECT testing.try('ada', 'flag', %L)$$, spelled, answer))
FROM (VALUES (E'null\n', 'null'), (' NULL ', 'NULL'), (E'\t', 'x'), ('{{FLAG}}', '{{FLAG}}')) AS no_flag (spelled, answer);
UPDATE "ChallengeInstance" SET "flagSecretName" = '', flag = 'flag{decoy}' WHERE id = 'qi1';
SELECT testing.refused($$SELECT testing.try('ada', 'flag', 'flag{decoy}')$$);
UPDATE "ChallengeInstance" SET "flagSecretName" = 'flag-secret-qi1' WHERE id = 'qi1';
SELECT count(*) FROM "QuestionAttempt" WHERE "questionId" = testing.q('flag');
UPDATE "ChallengeInstance" SET flag = 'EDU-{adas-0001}' WHERE id = 'qi1';
SELECT testing.try('ada', 'flag', 'EDU-{bobs-0002}');
SELECT testing.try('ada', 'flag', 'edu-{ADAS-0001}');
SELECT "isCorrect" FROM edurange.attempt_question('ada', testing.q('flag'), testing.gc(), '{{FLAG}}', 'qi1');
SELECT testing.refused($$SELECT edurange.attempt_question('ada', testing.q('flag'), testing.gc(), 'x', 'qi2')$$);
SELECT testing.refused($$SELECT edurange.attempt_question('ada', testing.q('flag'), testing.gc(), 'x', 'qi9')$$);
SELECT testing.refused($$SELECT testing.try('cyd', 'flag', 'x')$$);
-- the last required question completes the challenge; the rest still counts
SELECT testing.try('ada', 'flag', 'EDU-{adas-0001}');
SELECT testing.try('ada', 'bonus', 'x');
SELECT "pointsEarned" FROM "ChallengeCompletion" WHERE "userId" = 'ada' AND "groupChallengeId" = :'gc';
SELECT completions, points FROM edurange.leaderboard('spring') WHERE "userId" = 'ada';
SELECT "eventType", count(*), bool_and(metadata ->> 'reportedBy' = 'server') AS by_server,
  bool_or(metadata::text ~ 'Forty|EDU-|green') AS tells
FROM "ActivityLog" WHERE "userId" = 'ada' AND "challengeId" = 'quiz' GROUP BY 1 ORDER BY 1;
SELECT kind, delta FROM edurange.points_history('ada', 'spring', 3);
-- the order in which questions are answered does not matter; none required: all of them
SELECT count(*) FROM edurange.cdf_import($${
  "metadata": {"id": "optional", "name": "O", "version": "1", "challenge_type": "web"},
  "components": [
    {"type": "question", "id": "o1", "config": {"type": "text", "text": "?", "points": 1, "answer": "1", "required": false}},
    {"type": "question", "id": "o2", "config": {"type": "text", "text": "?", "points": 2, "answer": "2", "required": false}}]}$$);
SELECT id AS gco FROM edurange.add_competition_challenge('spring', 'optional', 3) \gset
SELECT a."challengeCompleted" FROM "ChallengeQuestion" q,
  LATERAL edurange.attempt_question('bob', q.id, :'gco', q.answer) a
WHERE q."challengeId" = 'optional' ORDER BY q."order";
-- assertions: a service may, a player only what an attempt backs
SELECT (completion)."pointsEarned", (points).points, "alreadyCompleted", "challengeCompleted"
FROM edurange.complete_question('bob', testing.q('text'), :'gc');
SELECT (completion)."pointsEarned", (points).points, "alreadyCompleted", "challengeCompleted"
FROM edurange.complete_question('bob', testing.q('text'), :'gc');
SELECT testing.q('list') AS list, testing.q('choice') AS choice, testing.q('bonus') AS bonus \gset
SELECT testing.try('bob', 'choice', 'a');
SELECT set_config('testing.choice', :'choice', false), set_config('testing.gc', :'gc', false),
  set_config('testing.bonus', :'bonus', false) \gset ignored_
SET ROLE edurange_player;
SELECT replace(testing.refused($$SELECT edurange.complete_question('bob', current_setting('testing.choice'), current_setting('testing.gc'))$$), :'choice', 'choice');
RESET ROLE;
INSERT INTO "QuestionAttempt" (id, "questionId", "userId", "groupChallengeId", answer, "isCorrect", "attemptedAt")
VALUES ('good', :'choice', 'bob', :'gc', 'b', true, now() AT TIME ZONE 'UTC');
SET ROLE edurange_player;
SELECT (completion)."pointsEarned" FROM edurange.complete_question('bob', :'choice', :'gc');
RESET ROLE;
SET edurange.webos_compatibility = on;
SET ROLE edurange_player;
SELECT (completion)."pointsEarned" FROM edurange.complete_question('bob', :'bonus', :'gc');
RESET ROLE;
-- a flag only while a pod of one's own shows one
SELECT set_config('testing.flag', testing.q('flag'), false) \gset ignored_
CREATE FUNCTION testing.asserted(member text) RETURNS text LANGUAGE sql AS $$
  SELECT replace(testing.refused(format('SELECT edurange.complete_question(%L, current_setting(''testing.flag''), current_setting(''testing.gc''))', member)),
    current_setting('testing.flag'), 'flag') $$;
DELETE FROM "QuestionCompletion" WHERE "userId" = 'ada' AND "questionId" = testing.q('flag');
UPDATE "QuestionAttempt" SET "isCorrect" = false WHERE "questionId" = testing.q('flag');
SELECT id, status, flag FROM "ChallengeInstance" WHERE id LIKE 'qi_' ORDER BY id;
SET ROLE edurange_player;
SELECT testing.asserted('ada') AS queued;
RESET ROLE;
UPDATE "ChallengeInstance" SET status = 'TERMINATED' WHERE id = 'qi1';
SET ROLE edurange_player;
SELECT testing.asserted('ada') AS over;
RESET ROLE;
UPDATE "ChallengeInstance" SET status = 'ACTIVE', "flagSecretName" = '' WHERE id = 'qi1';
SET ROLE edurange_player;
SELECT testing.asserted('ada') AS decoy;
RESET ROLE;
UPDATE "ChallengeInstance" SET "flagSecretName" = 'flag-secret-qi1', flag = 'null' WHERE id = 'qi1';
SET ROLE edurange_player;
SELECT testing.asserted('ada') AS null_flag, testing.asserted('bob') AS his_own;
RESET ROLE;
INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('elsewhere', 'Elsewhere', '2020-01-01');
UPDATE "ChallengeInstance" SET flag = 'EDU-{adas-0001}', "competitionId" = 'elsewhere' WHERE id = 'qi1';
SET ROLE edurange_player;
SELECT testing.asserted('ada') AS of_another_competition;
RESET ROLE;
UPDATE "ChallengeInstance" SET "competitionId" = 'spring' WHERE id = 'qi1';
RESET edurange.webos_compatibility;
SET ROLE edurange_player;
SELECT testing.asserted('ada') AS without_webos;
RESET ROLE;
SET edurange.webos_compatibility = on;
SET ROLE edurange_player;
SELECT testing.asserted('ada') AS hers;
RESET ROLE;
RESET edurange.webos_compatibility;
-- refusals
SELECT testing.refused($$SELECT edurange.attempt_question(NULL, 'q', 'g', 'a')$$);
SELECT testing.refused($$SELECT edurange.attempt_question('ada', NULL, 'g', 'a')$$);
SELECT testing.refused($$SELECT edurange.attempt_question('ada', 'q', NULL, 'a')$$);
SELECT testing.refused($$SELECT edurange.attempt_question('ada', 'q', 'g', NULL)$$);
SELECT testing.refused($$SELECT edurange.attempt_question('nobody', 'q', 'g', 'a')$$);
SELECT testing.refused($$SELECT edurange.attempt_question('ada', 'q', 'g', 'a')$$);
SELECT replace(testing.refused($$SELECT edurange.attempt_question('ada', 'q', testing.gc(), 'a')$$), :'gc', 'gc');
SELECT testing.refused($$SELECT testing.try('cyd', 'text', 'a')$$);
SELECT testing.refused($$SELECT edurange.complete_question(NULL, 'q', 'g')$$);
SELECT testing.refused($$SELECT edurange.complete_question('ada', NULL, 'g')$$);
SELECT testing.refused($$SELECT edurange.complete_question('ada', 'q', NULL)$$);
SELECT testing.refused($$SELECT edurange.complete_question('ada', 'q', 'g', false)$$);
SELECT testing.refused($$SELECT edurange.complete_question('nobody', 'q', 'g')$$);
SELECT testing.refused($$SELECT edurange.complete_question('ada', 'q', 'g')$$);
SELECT replace(testing.refused($$SELECT edurange.complete_question('ada', 'q', testing.gc())$$), :'gc', 'gc');
SELECT testing.refused($$SELECT edurange.complete_question('cyd', testing.q('text'), testing.gc())$$);
-- from the start to the end only; what is done already stays done
UPDATE "CompetitionGroup" SET "endDate" = now() AT TIME ZONE 'UTC' - interval '1 s' WHERE id = 'spring';
SELECT testing.refused($$SELECT testing.try('bob', 'list', 'red')$$);
SELECT testing.refused($$SELECT edurange.complete_question('bob', testing.q('list'), testing.gc())$$);
SELECT "alreadyCompleted" FROM edurange.complete_question('bob', testing.q('text'), :'gc');
UPDATE "CompetitionGroup" SET "endDate" = NULL, "startDate" = now() AT TIME ZONE 'UTC' + interval '1 min' WHERE id = 'spring';
SELECT testing.refused($$SELECT testing.try('bob', 'list', 'red')$$);
UPDATE "CompetitionGroup" SET "startDate" = '2020-01-01' WHERE id = 'spring';
-- a total that would overflow: refused, and nothing is left
SELECT count(*) AS attempts FROM "QuestionAttempt" \gset
SELECT points FROM edurange.set_points('bob', 'spring', 2147483640);
SELECT testing.refused($$SELECT testing.try('bob', 'list', 'red')$$), testing.refused($$SELECT edurange.complete_challenge('bob', testing.gc(), 102)$$);
SELECT count(*) - :attempts AS added FROM "QuestionAttempt";
SELECT count(*) FROM "QuestionCompletion" WHERE "userId" = 'bob' AND "questionId" = testing.q('list');
-- an instructor's reset lets the student solve again
DELETE FROM "ChallengeCompletion" WHERE "userId" = 'ada';
DELETE FROM "QuestionCompletion" WHERE "userId" = 'ada';
UPDATE "GroupPoints" SET points = 0 WHERE "userId" = 'ada' AND "groupId" = 'spring';
SELECT set_config('testing.text', testing.q('text'), false) AS ignored_text \gset
SET ROLE edurange_player;
SELECT replace(testing.refused($$SELECT edurange.complete_question('ada', current_setting('testing.text'), current_setting('testing.gc'))$$), :'ignored_text', 'text');
RESET ROLE;
SELECT testing.try('ada', 'text', 'Forty-Two');
-- what was earned for a challenge may be more than a total can hold
UPDATE "ChallengeQuestion" SET points = 2147483647 WHERE "challengeId" = 'optional';
DELETE FROM "QuestionCompletion" WHERE "userId" = 'bob';
DELETE FROM "ChallengeCompletion" WHERE "userId" = 'bob';
SELECT points FROM edurange.set_points('bob', 'spring', 0);
SELECT a."challengeCompleted" FROM "ChallengeQuestion" q, LATERAL edurange.attempt_question('bob', q.id, :'gco', q.answer) a
WHERE q."challengeId" = 'optional' AND q."order" = 0;
SELECT points FROM edurange.set_points('bob', 'spring', 0);
SELECT a."challengeCompleted" FROM "ChallengeQuestion" q, LATERAL edurange.attempt_question('bob', q.id, :'gco', q.answer) a
WHERE q."challengeId" = 'optional' AND q."order" = 1;
SELECT "pointsEarned" FROM "ChallengeCompletion" WHERE "userId" = 'bob' AND "groupChallengeId" = :'gco';
SELECT * FROM edurange.check_invariants();
-- what all sessions answer is locked once in a call, not again for each row that names it
BEGIN;
DELETE FROM "QuestionCompletion" WHERE "userId" = 'cyd';
INSERT INTO "_GroupMembers" ("A", "B") VALUES ('spring', 'cyd') ON CONFLICT DO NOTHING;
CREATE TEMP TABLE scans AS SELECT relname, idx_scan FROM pg_stat_xact_user_tables WHERE schemaname = 'public';
SELECT a."isCorrect", a."pointsEarned" > 0 AS paid FROM "ChallengeQuestion" q, LATERAL edurange.attempt_question('cyd', q.id, :'gco', q.answer) a
WHERE q."challengeId" = 'optional' AND q."order" = 0;
SELECT relname, s.idx_scan - scans.idx_scan AS scans FROM pg_stat_xact_user_tables s JOIN scans USING (relname)
WHERE s.schemaname = 'public' AND relname IN ('User', 'CompetitionGroup', 'GroupChallenge', 'Challenge') ORDER BY 1;
ROLLBACK;
-- a foreign key of somebody else's is checked all the same
BEGIN;
CREATE TABLE public.profile (id text PRIMARY KEY);
ALTER TABLE "QuestionAttempt" ADD CONSTRAINT theirs FOREIGN KEY ("userId") REFERENCES public.profile NOT VALID;
SELECT left(testing.refused($$SELECT testing.try('bob', 'open', 'x')$$), 5);
ROLLBACK;
