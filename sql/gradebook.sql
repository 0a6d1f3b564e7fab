-- The book of grades, and its files.
CALL testing.fresh();
CALL testing.quiz();
INSERT INTO "_GroupInstructors" ("A", "B") VALUES ('spring', 'ina');
INSERT INTO "_GroupMembers" ("A", "B") VALUES ('spring', 'cyd');
SELECT c, testing.refused('SELECT * FROM edurange.gradebook(' || c || ')') FROM unnest(ARRAY['NULL', $$'no'$$, $$'spring', 'all'$$, $$'spring', at => 'infinity'$$,
  $$'spring', caller => ROW('t', NULL, NULL, 'ada')$$]) c;
SELECT c, testing.refused('SELECT * FROM edurange.gradebook_file(' || c || ')') FROM unnest(ARRAY[$$'spring', NULL$$, $$'spring', 'xls'$$, $$'no', 'csv'$$, $$'spring', 'csv', 'all'$$,
  $$'autumn', 'csv', caller => ROW('t', NULL, NULL, 'ina')$$]) c;
-- nobody did anything, and a competition without members
SELECT "userId", item, points, "of" FROM edurange.gradebook('spring');
DELETE FROM "_GroupMembers" WHERE "A" = 'autumn';
SELECT * FROM edurange.gradebook('autumn');
SELECT * FROM edurange.gradebook_file('autumn', 'canvas');
-- right at once, after a wrong one, by a service, by hand, after a reset, late
SELECT testing.try('ada', 'list', 'blue'), testing.try('ada', 'list', 'red'), testing.try('ada', 'text', 'Forty-Two');
SELECT points FROM edurange.add_points('ada', 'spring', -3);
SELECT testing.try('bob', 'text', 'Forty-Two');
SELECT "alreadyCompleted" FROM edurange.complete_challenge('bob', testing.gc(), 60);
SELECT testing.try('cyd', 'text', 'Forty-Two');
SELECT (points).points FROM edurange.reset_progress('spring', 'cyd');
SELECT clock_timestamp() AS before \gset
-- (an attempt's time is rounded to milliseconds)
SELECT pg_sleep(0.01);
SELECT testing.try('cyd', 'text', 'no'), testing.try('cyd', 'choice', 'b');
INSERT INTO edurange.roster (group_id, email, external_id, login_id, section, user_id, line, imported_at) VALUES ('spring', 'bob@example.org', 'x-7', NULL, 'Group A', 'bob', 2, now());
UPDATE "CompetitionGroup" SET "endDate" = (SELECT max("completedAt") FROM "QuestionCompletion") - interval '1 ms' WHERE id = 'spring';
SELECT "userId", name, email, "externalId", item, points, "of", "firstTimeRight" AS first, attempts, late FROM edurange.gradebook('spring');
SELECT "userId", "groupChallengeId" = testing.gc() AS placed, "questionId" IS NULL AS whole, item, points, "of", "firstTimeRight" AS first, attempts, late FROM edurange.gradebook('spring', 'challenge');
SELECT "userId", item, points, "of", "firstTimeRight" AS first, attempts, late FROM edurange.gradebook('spring', 'question') WHERE points <> 0 OR attempts > 0;
-- then, by the ledger
SELECT "userId", item, points, attempts, late FROM edurange.gradebook('spring', 'challenge', :'before');
SELECT "userId", item, points FROM edurange.gradebook('spring', 'question', :'before') WHERE points <> 0;
-- and the attempts as they were before a reset that came later
SELECT g."userId", g.attempts, g."firstTimeRight" AS first FROM edurange.points_ledger l, edurange.gradebook('spring', at => l.at - interval '1 us') g
  WHERE l.user_id = 'cyd' AND l.group_id = 'spring' AND l.kind = 'set' AND g."userId" = 'cyd';
SELECT "userId", item, points FROM edurange.gradebook('spring', 'total', '2020-01-01') WHERE points <> 0;
-- it sums up to the board, now and then
SELECT b, t, count(*) FILTER (WHERE g.sum IS DISTINCT FROM l.points) AS differ FROM unnest(ARRAY['total', 'challenge', 'question']) b, unnest(ARRAY[NULL, :'before']::timestamptz[]) WITH ORDINALITY AS w (instant, t),
  LATERAL edurange.leaderboard('spring', at => instant) l LEFT JOIN LATERAL (SELECT sum(points) FROM edurange.gradebook('spring', b, instant) WHERE "userId" = l."userId") g ON true GROUP BY 1, 2 ORDER BY 1, 2;
-- disqualified, and a question that was retired
SELECT disqualified FROM edurange.set_participation('spring', 'bob', disqualified => true);
INSERT INTO edurange.retired_question (question_id, challenge_id, retired_at) SELECT testing.q('list'), 'quiz', now();
SELECT "userId", item, points, "of", hidden, disqualified FROM edurange.gradebook('spring', 'challenge') WHERE item <> 'Corrections' OR points <> 0;
SELECT item, points, "of" FROM edurange.gradebook('spring', 'question') WHERE "userId" = 'ada' AND points <> 0;
TRUNCATE edurange.retired_question;
SELECT hidden FROM edurange.set_participation('spring', 'bob', hidden => true);
-- files
\pset format unaligned
SELECT * FROM edurange.gradebook_file('spring', 'csv');
SELECT replace(content, testing.gc(), 'gc') FROM edurange.gradebook_file('spring', 'csv', 'challenge', caller => ROW('t', NULL, NULL, 'ina'));
SELECT * FROM edurange.gradebook_file('spring', 'canvas', 'challenge');
SELECT content FROM edurange.gradebook_file('spring', 'moodle', 'question', in_points => true);
SELECT * FROM edurange.gradebook_file('spring', 'moodle');
-- a share of nothing is no grade: corrections, and a question that is worth nothing
UPDATE "ChallengeQuestion" SET points = 0 WHERE cdf_question_id = 'choice';
SELECT content, warning FROM edurange.gradebook_file('spring', 'moodle', 'question');
UPDATE "ChallengeQuestion" SET points = 5 WHERE cdf_question_id = 'choice';
-- what would be a formula, a title that Canvas would misread, names in all scripts
UPDATE "User" SET name = v.name FROM (VALUES ('ada', '=1+1'), ('bob', E'@"Ἀθηνᾶ",\t\r\n張'), ('cyd', '')) v (id, name) WHERE v.id = "User".id;
UPDATE "CompetitionGroup" SET name = 'Final score (3) – 決勝' WHERE id = 'spring';
UPDATE "Challenge" SET name = '+final points, CURRENT Grade (2024)' WHERE id = 'quiz';
SELECT content FROM edurange.gradebook_file('spring', 'canvas', 'challenge');
SELECT "fileName" FROM edurange.gradebook_file('spring', 'moodle');
SELECT edurange.cdf_import(testing.document('[{"type": "question", "id": "q", "config": {"type": "text", "text": "?", "points": 7, "answer": "a"}}]', '{"name": "+Final-points, CURRENT-Grade [2024]"}'));
SELECT challenge IS NOT NULL FROM (SELECT edurange.add_competition_challenge('spring', 'doc', 7)) c (challenge);
SELECT split_part(content, E'\r\n', 1) FROM edurange.gradebook_file('spring', 'canvas', 'challenge');
\pset format aligned
-- a challenge that was taken out and added again is another item: what was paid before is a correction, and nothing when it was taken back
CALL testing.fresh();
CALL testing.quiz();
SELECT testing.try('ada', 'text', 'Forty-Two'), testing.try('bob', 'text', 'Forty-Two');
SELECT clock_timestamp() AS before \gset
SELECT "usersCharged", "pointsTaken" FROM edurange.remove_competition_challenge('spring', testing.gc(), true);
SELECT c.challenge IS NOT NULL AS added FROM (SELECT edurange.add_competition_challenge('spring', 'quiz', 100) AS challenge) c;
SELECT testing.try('ada', 'text', 'Forty-Two');
SELECT b, "userId", item, points, "of" FROM unnest(ARRAY['challenge', 'question']) b, LATERAL edurange.gradebook('spring', b, clock_timestamp()) WHERE points <> 0;
SELECT b, "userId", item, points, "of" FROM unnest(ARRAY['challenge', 'question']) b, LATERAL edurange.gradebook('spring', b, :'before') WHERE points <> 0;
SELECT b, (SELECT array_agg(g ORDER BY g) FROM edurange.gradebook('spring', b) g) = (SELECT array_agg(g ORDER BY g) FROM edurange.gradebook('spring', b, clock_timestamp()) g) AS as_now FROM unnest(ARRAY['total', 'challenge', 'question']) b;
