-- What instructors look at: statistics, how totals grew, and signs that answers were passed on.
CALL testing.fresh();
CALL testing.quiz();
INSERT INTO "_GroupInstructors" ("A", "B") VALUES ('spring', 'ina');
INSERT INTO "_GroupMembers" ("A", "B") VALUES ('spring', 'cyd');
SELECT f, testing.refused('SELECT * FROM edurange.' || f) FROM unnest(ARRAY['question_statistics(NULL)', $$question_statistics('no')$$, $$timeline('spring', 0)$$, $$timeline('spring', 101)$$, $$timeline('no')$$,
  $$integrity_findings('no')$$, $$integrity_findings('spring', -1)$$, $$integrity_findings('spring', equal_answers => 0)$$, $$integrity_findings('spring', rare_users => 1)$$,
  $$integrity_findings('spring', caller => ROW('t', NULL, NULL, 'ada'))$$]) f;
-- nobody did anything
SELECT question, solvers, attempts, "shareRight", "timeFrom", "secondsHalf", "wrongAnswers" FROM edurange.question_statistics('spring') LIMIT 1;
SELECT * FROM edurange.timeline('spring');
SELECT * FROM edurange.integrity_findings('spring');
-- times are written down: from the first attempt, and from the instance where all solvers have one
SELECT testing.try('ada', 'text', 'no'), testing.try('ada', 'text', 'Forty-Two'), testing.try('bob', 'text', 'no'), testing.try('bob', 'text', 'nay'), testing.try('bob', 'text', 'Forty-Two'), testing.try('cyd', 'text', 'no');
UPDATE "QuestionAttempt" SET "attemptedAt" = '2021-01-01'; -- the first of each
UPDATE "QuestionCompletion" SET "completedAt" = timestamp '2021-01-01' + CASE "userId" WHEN 'ada' THEN interval '10 s' ELSE interval '20.5 s' END;
SELECT challenge, question, solvers, attempts, "rightAttempts", "shareRight", "timeFrom", "secondsQuarter", "secondsHalf", "secondsThreeQuarters", "wrongAnswers" FROM edurange.question_statistics('spring') WHERE attempts > 0;
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", "creationTime", flag, "flagSecretName")
  SELECT u, 'quiz', u, '', 'TERMINATED', 'spring', '2021-01-01 00:00:02', 'EDU-{' || u || '}', 's' FROM unnest(ARRAY['ada', 'bob']) u;
SELECT solvers, "timeFrom", "secondsQuarter", "secondsHalf", "secondsThreeQuarters" FROM edurange.question_statistics('spring') WHERE attempts > 0;
-- how totals grew, by when points count
UPDATE edurange.points_ledger SET at = '2021-01-01' WHERE user_id = 'ada';
UPDATE edurange.points_ledger SET at = '2021-01-02', effective_at = '2020-12-31' WHERE user_id = 'bob';
SELECT points FROM edurange.add_points('ada', 'spring', 3);
SELECT rank, "userId", name, at > '2021-06-01' AS later, CASE WHEN at < '2021-06-01' THEN at AT TIME ZONE 'PST8PDT' END AS at, points FROM edurange.timeline('spring');
SELECT count(*) FROM edurange.timeline('spring', 1);
-- a flag of another's instance, solved too fast, rare wrong answers in the same order
SELECT kind, "userId", "otherUserId", "questionId" = testing.q('text') AS at_text, detail FROM edurange.integrity_findings('spring');
SELECT kind, "userId", detail FROM edurange.integrity_findings('spring', 19);
SELECT testing.try('ada', 'flag', ' EDU-{bob} ');
SELECT testing.try(u, 'list', a) FROM unnest(ARRAY['ada', 'bob']) u, unnest(ARRAY['mauve', 'teal', 'puce']) a;
SELECT testing.try('cyd', 'list', a) FROM unnest(ARRAY['puce', 'teal']) a;
UPDATE "QuestionAttempt" SET "attemptedAt" = timestamp '2021-01-02' + coalesce(array_position(CASE "userId" WHEN 'cyd' THEN '{no,puce,teal}' ELSE '{no,mauve,teal,puce}' END::text[], answer), 0) * interval '1 s' WHERE NOT "isCorrect";
SELECT kind, "userId", "otherUserId", "questionId" = testing.q('flag') AS at_flag, detail FROM edurange.integrity_findings('spring', 0);
SELECT count(*) FROM edurange.integrity_findings('spring', 0, rare_users => 2) WHERE kind = 'equal_answers';
SELECT count(*) FROM edurange.integrity_findings('spring', 0, equal_answers => 4) WHERE kind = 'equal_answers';
SELECT "userId", "otherUserId", detail FROM edurange.integrity_findings('spring', 0, equal_answers => 1) WHERE kind = 'equal_answers';
-- with whatever is around or in it that judging does not see
BEGIN;
CREATE FUNCTION pg_temp.handed_in(answers text[]) RETURNS void LANGUAGE sql AS $$
  INSERT INTO "QuestionAttempt" (id, "userId", "questionId", "groupChallengeId", answer, "isCorrect", "attemptedAt")
  SELECT 'handed-in-' || n, a."userId", a."questionId", a."groupChallengeId", given, false, timestamp '2021-01-03' + n * interval '1 s'
  FROM unnest(answers) WITH ORDINALITY AS g (given, n), "QuestionAttempt" a WHERE a.answer = ' EDU-{bob} ' AND given <> '' $$;
CREATE FUNCTION pg_temp.found() RETURNS SETOF integer LANGUAGE sql AS $$
  SELECT extract(epoch FROM at - timestamptz '2021-01-03Z')::integer FROM edurange.integrity_findings('spring', 0) WHERE kind = 'foreign_flag' AND at > '2021-01-03Z' ORDER BY 1 $$;
SELECT pg_temp.handed_in(array_agg(CASE WHEN n < 12400 OR n > 65000 THEN chr(n) || 'EDU-{bob}' ELSE '' END ORDER BY n)) FROM generate_series(1, 65535) n;
SELECT string_agg(to_hex(n), ' ') FROM pg_temp.found() n;
DELETE FROM "QuestionAttempt" WHERE id LIKE 'handed-in-%';
UPDATE "ChallengeInstance" SET flag = E'\u200b EDU-{b\u00f6b}\r\n' WHERE id = 'bob';
SELECT pg_temp.handed_in(ARRAY[E'EDU-{b\u00f6b}\n', E'EDU-{bo\u0308b}', E'EDU-\u2060{b\u00f6b}\u3000', E'EDU-{ b\u00f6b}', 'EDU-{bob}', E'EDU-{B\u00d6B}', 'EDU-{' || repeat(E'o\u0308', 2600) || '}', repeat(E'\u3000', 5000) || E'EDU-{bo\u0308b}']);
SELECT * FROM pg_temp.found();
ROLLBACK;
-- the flag is not kept any more
UPDATE "ChallengeInstance" SET flag = NULL WHERE id = 'bob';
SELECT count(*) FROM edurange.integrity_findings('spring', 0) WHERE kind = 'foreign_flag';
-- times that somebody has written without an end, or as far away as they can be
BEGIN;
SELECT f, said, array_agg(ARRAY[completed, attempted, began]) FROM (VALUES ('infinity', '-infinity', 'infinity'), ('infinity', '-infinity', '-infinity'),
    ('294276-12-31', '4713-01-01 BC', '4713-01-01 BC'), ('294276-12-31', '294276-12-31', '294276-12-31'), ('-infinity', 'infinity', 'infinity')) t (completed, attempted, began),
  unnest(ARRAY['question_statistics(''spring'')', 'integrity_findings(''spring'', 2147483647)', 'timeline(''spring'')', 'gradebook(''spring'')', 'gradebook_file(''spring'', ''csv'')', 'board_state(''spring'')',
    'competition_progress(''spring'', ''ada'')', 'leaderboard(''spring'')', 'leaderboard(''spring'', at => ''2021-01-01'')', 'challenge_instances(group_id => ''spring'')']) f,
  LATERAL testing.refused(format('UPDATE "QuestionCompletion" SET "completedAt" = %L; UPDATE "QuestionAttempt" SET "attemptedAt" = %L; UPDATE "ChallengeInstance" SET "creationTime" = %L; SELECT edurange.%s', completed, attempted, began, f)) said
WHERE said <> 'accepted' GROUP BY 1, 2 ORDER BY 1, 2;
ROLLBACK;
BEGIN;
UPDATE "QuestionCompletion" SET "completedAt" = 'infinity' WHERE "userId" = 'ada';
SELECT solvers, "timeFrom", "secondsQuarter", "secondsThreeQuarters" FROM edurange.question_statistics('spring') WHERE solvers > 1;
SELECT count(*) FROM edurange.integrity_findings('spring', 2147483647) WHERE kind = 'fast_solve';
ROLLBACK;
-- of a long answer its beginning is shown; it is another answer than one that begins the same
BEGIN;
INSERT INTO "QuestionAttempt" (id, "questionId", "userId", "groupChallengeId", answer, "isCorrect", "attemptedAt")
  SELECT 'long' || n, testing.q('text'), 'cyd', testing.gc(), repeat('ü', 199) || CASE WHEN n < 3 THEN 'long' ELSE 'longer' END, false, '2021-01-01' FROM generate_series(1, 5) n;
SELECT length(w.answer), w.answer LIKE '%ül' AS cut, w.attempts, w.users FROM edurange.question_statistics('spring') s, unnest(s."wrongAnswers") w WHERE w.answer LIKE 'ü%';
ROLLBACK;
