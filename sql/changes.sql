-- Grades changed after the game: judged once more, a further right answer, other points, by hand, voided; and undone.
CALL testing.fresh();
CALL testing.quiz();
INSERT INTO "_GroupInstructors" ("A", "B") VALUES ('spring', 'ina');
INSERT INTO "_GroupMembers" ("A", "B") VALUES ('spring', 'cyd');
CREATE VIEW testing.books AS SELECT u.id AS who, coalesce(p.points, 0) AS total, s.reached_at,
  (SELECT string_agg(q.cdf_question_id || ' ' || c."pointsEarned", ', ' ORDER BY q."order") FROM "QuestionCompletion" c JOIN "ChallengeQuestion" q ON q.id = c."questionId" WHERE c."userId" = u.id) AS completed,
  (SELECT string_agg(c."pointsEarned"::text, ', ') FROM "ChallengeCompletion" c WHERE c."userId" = u.id) AS challenge,
  (SELECT string_agg(CASE WHEN a."isCorrect" THEN '+' ELSE '-' END, '' ORDER BY a."attemptedAt", a.id) FROM "QuestionAttempt" a WHERE a."userId" = u.id) AS attempts
  FROM "User" u LEFT JOIN "GroupPoints" p ON p."userId" = u.id AND p."groupId" = 'spring' LEFT JOIN edurange.standing s ON s.user_id = u.id AND s.group_id = 'spring' WHERE u.id IN ('ada', 'bob', 'cyd') ORDER BY u.id;
-- rows of the platform that a change may touch, as they are
CREATE FUNCTION testing.grades() RETURNS text LANGUAGE sql AS $$ SELECT md5(''|| (SELECT string_agg(t::text, ',' ORDER BY id) FROM "QuestionCompletion" t)
  || coalesce((SELECT string_agg(t::text, ',' ORDER BY id) FROM "ChallengeCompletion" t), '') || (SELECT string_agg(t::text, ',' ORDER BY id) FROM "QuestionAttempt" t)
  || (SELECT string_agg(t::text, ',') FROM edurange.leaderboard('spring') t)) $$;
CREATE FUNCTION testing.change(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r edurange.grade_change_result;
BEGIN
  EXECUTE 'SELECT * FROM edurange.' || call INTO r;
  RETURN format('%s%s%s of %s attempts, %s gained, %s lost, %s adjusted, %s kept, %s paid, %s taken%s%s', CASE WHEN r."dryRun" THEN 'dry run, ' END, CASE WHEN r."alreadyDone" THEN 'already done, ' END,
    r."attemptsChanged", r.attempts, r.gained, r.lost, r.adjusted, r.kept, r."pointsPaid", r."pointsTaken",
    ', former ' || nullif(r."formerMembers"::text, '{}'), ', not undone ' || nullif(r."notUndone"::text, '{}'));
END $$;
-- a refusal without ids, which differ from run to run
CREATE FUNCTION testing.plain(statement text) RETURNS text LANGUAGE sql AS $$ SELECT regexp_replace(testing.refused(statement), '"[0-9a-f-]{36}"', '"…"', 'g') $$;
CREATE FUNCTION testing.latest() RETURNS text LANGUAGE sql AS $$ SELECT id FROM edurange.grade_change ORDER BY at DESC, id DESC LIMIT 1 $$;
-- a class: ada right at once, bob with another answer, cyd right and then a service asserted
SELECT testing.try('ada', 'text', 'Forty-Two'), testing.try('bob', 'text', '42'), testing.try('cyd', 'text', 'x'), testing.try('cyd', 'text', '42'), testing.try('ada', 'list', 'red'), testing.try('bob', 'list', 'green');
SELECT * FROM (SELECT who, total, completed, attempts FROM testing.books) b;
SELECT testing.grades() AS state_first \gset
-- what cannot be
SELECT c, testing.plain('SELECT edurange.rejudge(' || c || ')') FROM unnest(ARRAY[$$NULL, 'q'$$, $$'spring', ''$$, $$'no', testing.q('text')$$, $$'autumn', testing.q('text')$$,
  $$'spring', 'no'$$, $$'spring', testing.q('flag')$$, $$'spring', testing.q('text'), caller => ROW('t', NULL, NULL, 'ada')$$]) c;
SELECT c, testing.plain('SELECT edurange.accept_answer(' || c || ')') FROM unnest(ARRAY[$$'spring', testing.q('text'), NULL$$, $$'spring', testing.q('text'), E' \u200b'$$, $$'spring', testing.q('flag'), 'x'$$,
  $$'spring', testing.q('boxes'), '[]'$$, $$'no', testing.q('text'), 'x'$$]) c;
SELECT c, testing.plain('SELECT edurange.grade_question(' || c || ')') FROM unnest(ARRAY[$$'spring', 'ada', testing.q('text'), NULL$$, $$'spring', 'ada', testing.q('text'), -1$$, $$'spring', 'ada', testing.q('text'), 11$$,
  $$'spring', 'no', testing.q('text'), 1$$, $$'spring', 'ina', testing.q('text'), 1$$, $$'spring', 'ada', 'no', 1$$]) c;
SELECT c, testing.plain('SELECT edurange.void_completion(' || c || ')') FROM unnest(ARRAY[$$'spring', 'bob', testing.q('text')$$, $$'spring', NULL, testing.q('text')$$, $$'spring', 'ina', testing.q('text')$$]) c;
SELECT c, testing.plain('SELECT edurange.' || c) FROM unnest(ARRAY[$$reprice('spring', 'no')$$, $$undo_change('spring', 'no')$$, $$undo_change('spring', '')$$, $$grade_change('spring', 'no')$$, $$grade_changes('no')$$, $$grade_changes('spring', 0)$$]) c;
SELECT testing.grades() = :'state_first' AS nothing_happened, (SELECT count(*) FROM edurange.grade_change) AS changes;
-- nothing to do
SELECT testing.change($$rejudge('spring', testing.q('text'))$$), testing.change($$reprice('spring', testing.q('text'))$$), testing.change($$grade_question('spring', 'ada', testing.q('text'), 10)$$),
  testing.change($$accept_answer('spring', testing.q('text'), ' Forty-Two')$$);
-- a further right answer: first tried, then for good, once
SELECT testing.change($$accept_answer('spring', testing.q('text'), '42', true)$$);
SELECT testing.grades() = :'state_first' AS as_before, (SELECT count(*) FROM edurange.grade_change) AS changes, (SELECT count(*) FROM edurange.accepted_answer) AS accepted;
SELECT testing.change($$accept_answer('spring', testing.q('text'), '42', reason => 'also right', caller => ROW('t', NULL, NULL, 'ina'), idempotency_key => 'k')$$);
SELECT testing.change($$accept_answer('spring', testing.q('text'), '42', reason => 'also right', caller => ROW('t', NULL, NULL, 'ina'), idempotency_key => 'k')$$);
SELECT testing.change($$accept_answer('spring', testing.q('text'), '42')$$);
SELECT who, total, completed, attempts FROM testing.books;
-- the points count from the attempt; what was shown then is as it was, and corrected it is as it should have been
SELECT l.user_id, l.delta, l.kind, l.actor, l.reason, l.source_id = testing.q('text') AS of_question, l.effective_at = a.at AS from_attempt FROM edurange.points_ledger l
  JOIN (SELECT "userId", max("attemptedAt") AT TIME ZONE 'UTC' AS at FROM "QuestionAttempt" WHERE "questionId" = testing.q('text') GROUP BY 1) a ON a."userId" = l.user_id WHERE l.kind = 'accepted' ORDER BY 1;
SELECT min(at) - interval '1 us' AS before FROM edurange.points_ledger WHERE kind = 'accepted' \gset
SELECT rank, "userId", points FROM edurange.leaderboard('spring');
SELECT rank, "userId", points FROM edurange.leaderboard('spring', at => :'before');
SELECT rank, "userId", points FROM edurange.leaderboard('spring', at => :'before', corrected => true);
SELECT b."reachedAt" IS NOT DISTINCT FROM s.reached_at AS as_head FROM edurange.leaderboard('spring', at => clock_timestamp(), corrected => true) b JOIN edurange.standing s ON s.user_id = b."userId" AND s.group_id = 'spring';
SELECT * FROM edurange.check_invariants();
SELECT (c.change).kind, (c.change).reason, (c.change).actor, (c.change).via, "attemptsChanged", u."userId", u."pointsBefore", u."pointsAfter", u.delta FROM edurange.grade_change('spring', testing.latest()) c, unnest(users) u;
SELECT "eventType", "userId", metadata - 'changeId' - 'questionId' AS metadata FROM "ActivityLog" WHERE metadata ? 'changeId' ORDER BY 1, 2;
-- new attempts are judged so, too; elsewhere they are not, and a rejudging changes nothing
SELECT testing.try('ada', 'text', '42');
SELECT testing.change($$rejudge('spring', testing.q('text'))$$);
-- undone: all as before, but the new attempt
DELETE FROM "QuestionAttempt" WHERE "attemptedAt" = (SELECT max("attemptedAt") FROM "QuestionAttempt");
SELECT testing.change(format($$undo_change('spring', %L, 'a mistake')$$, testing.latest()));
SELECT testing.grades() = :'state_first' AS as_before, (SELECT count(*) FROM edurange.accepted_answer) AS accepted;
SELECT testing.change(format($$undo_change('spring', %L)$$, testing.latest()));
SELECT * FROM edurange.check_invariants();
SELECT kind, "undoneAt" IS NOT NULL AS undone FROM edurange.grade_changes('spring'), unnest(changes);
SELECT c, testing.refused(format($$SELECT edurange.grade_changes('spring', cursor => %L)$$, c)) FROM unnest(ARRAY['x', '1', '1-', 'ada', '01a21bcd-0c04-7c7d-8e59-a001ca786065']) c;
-- a key that was wrong: who had it loses it, who had not gains, and the challenge follows
UPDATE "ChallengeQuestion" SET required = cdf_question_id IN ('text', 'list') WHERE "challengeId" = 'quiz';
SELECT "challengeCompleted" FROM edurange.complete_question('ada', testing.q('list'), testing.gc());
SELECT "challengeCompleted" FROM edurange.complete_question('ada', testing.q('choice'), testing.gc());
SELECT testing.try('ada', 'bonus', 'x');
INSERT INTO "ChallengeCompletion" (id, "userId", "groupChallengeId", "pointsEarned") VALUES ('by-dashboard', 'ada', testing.gc(), 30) ON CONFLICT DO NOTHING;
SELECT testing.grades() AS state_second \gset
UPDATE "ChallengeQuestion" SET answer = '42', cdf_payload = cdf_payload || '{"answer": "42"}' WHERE id = testing.q('text');
SELECT testing.change($$rejudge('spring', testing.q('text'), true)$$);
SELECT testing.change($$rejudge('spring', testing.q('text'), reason => 'wrong key')$$);
SELECT who, total, completed, challenge, attempts FROM testing.books;
SELECT user_id, delta, kind, effective_at IS NOT NULL AS backdated FROM edurange.points_ledger WHERE kind = 'rejudged' ORDER BY 1;
SELECT * FROM edurange.check_invariants();
-- other points: what is paid is the difference; who is graded by hand keeps that
SELECT testing.change($$grade_question('spring', 'bob', testing.q('text'), 4, 'half')$$);
UPDATE "ChallengeQuestion" SET points = 15 WHERE id = testing.q('text');
SELECT testing.change($$reprice('spring', testing.q('text'))$$);
SELECT who, total, completed FROM testing.books;
-- the latest comes first
SELECT c.kind, testing.refused(format($$SELECT edurange.undo_change('spring', %L)$$, c.id)) LIKE 'RG541%' AS refused FROM edurange.grade_changes('spring'), unnest(changes) c WHERE c."undoneAt" IS NULL AND c.id <> testing.latest();
SELECT c.kind, testing.change(format($$undo_change('spring', %L)$$, c.id)) FROM edurange.grade_changes('spring'), unnest(changes) c WHERE c."undoneAt" IS NULL;
UPDATE "ChallengeQuestion" SET points = 10, answer = 'Forty-Two', cdf_payload = cdf_payload || '{"answer": "Forty-Two"}' WHERE id = testing.q('text');
SELECT testing.grades() = :'state_second' AS as_before;
SELECT * FROM edurange.check_invariants();
-- voided: taken back, and older attempts back nothing
SELECT testing.change($$void_completion('spring', 'ada', testing.q('text'), 'copied')$$);
SELECT who, total, completed, challenge FROM testing.books WHERE who = 'ada';
SELECT testing.q('text') AS q, testing.gc() AS gc \gset
SET ROLE edurange_player;
\set VERBOSITY sqlstate
SELECT edurange.complete_question('ada', :'q', :'gc');
\set VERBOSITY default
RESET ROLE;
SELECT testing.change($$rejudge('spring', testing.q('text'))$$);
SELECT testing.try('ada', 'text', 'Forty-Two');
-- earned again: that stays, and is named
SELECT testing.change(format($$undo_change('spring', %L)$$, testing.latest()));
SELECT who, total, completed FROM testing.books WHERE who = 'ada';
SELECT testing.change($$void_completion('spring', 'ada', testing.q('text'))$$);
SELECT testing.change(format($$undo_change('spring', %L)$$, testing.latest()));
-- by hand, without any attempt, and a reset since
SELECT testing.change($$grade_question('spring', 'cyd', testing.q('open'), 1)$$), testing.change($$grade_question('spring', 'cyd', testing.q('boxes'), 7)$$);
SELECT (points).points FROM edurange.reset_progress('spring', 'cyd');
SELECT testing.change(format($$undo_change('spring', %L)$$, testing.latest()));
SELECT who, total, completed FROM testing.books WHERE who = 'cyd';
-- attempts from before the reset count no more; who left is named and stays as they are
SELECT testing.change($$accept_answer('spring', testing.q('text'), '42')$$);
DELETE FROM "_GroupMembers" WHERE "B" = 'bob';
SELECT testing.change($$accept_answer('spring', testing.q('text'), 'x')$$);
SELECT testing.change(format($$undo_change('spring', %L)$$, c.id)) FROM edurange.grade_changes('spring', 2), unnest(changes) c;
SELECT who, total, completed FROM testing.books;
-- a service asserted the challenge: its completion stays, and what it paid
CALL testing.fresh();
CALL testing.quiz();
SELECT testing.try('ada', 'text', 'Forty-Two');
SELECT "alreadyCompleted" FROM edurange.complete_challenge('ada', testing.gc(), 60);
UPDATE "ChallengeQuestion" SET answer = '42', cdf_payload = cdf_payload || '{"answer": "42"}' WHERE id = testing.q('text');
SELECT testing.change($$rejudge('spring', testing.q('text'))$$);
SELECT who, total, completed, challenge FROM testing.books WHERE who = 'ada';
-- what was paid before a reset by the dashboard, which leaves completions, is not taken again
SELECT testing.try('bob', 'list', 'red');
-- (a completion's time is rounded to milliseconds)
SELECT pg_sleep(0.01);
UPDATE "GroupPoints" SET points = 0 WHERE "userId" = 'bob';
SELECT testing.change($$void_completion('spring', 'bob', testing.q('list'))$$);
SELECT who, total, completed FROM testing.books WHERE who = 'bob';
-- a retired question, and one whose static flag is none
INSERT INTO edurange.retired_question (question_id, challenge_id, retired_at) SELECT testing.q('list'), 'quiz', now();
SELECT f, testing.plain(format('SELECT edurange.%s', f)) FROM unnest(ARRAY[$$rejudge('spring', testing.q('list'))$$, $$reprice('spring', testing.q('list'))$$, $$accept_answer('spring', testing.q('list'), 'x')$$,
  $$grade_question('spring', 'bob', testing.q('list'), 1)$$, $$void_completion('spring', 'bob', testing.q('list'))$$]) f;
UPDATE "ChallengeQuestion" SET cdf_payload = cdf_payload || '{"flag": "static"}' WHERE id = testing.q('flag');
SELECT testing.plain($$SELECT edurange.rejudge('spring', testing.q('flag'))$$);
-- what is no flag cannot be accepted as one
UPDATE "ChallengeQuestion" SET answer = 'flag{a}', cdf_payload = cdf_payload || '{"answer": "flag{a}"}' WHERE id = testing.q('flag');
SELECT replace(a, E'\u200b', 'U+200B') AS a, testing.plain(format('SELECT edurange.accept_answer(%L, %L, %L)', 'spring', testing.q('flag'), a)) FROM unnest(ARRAY['null', ' {{FLAG}} ', E'\u200b']) a;
-- nor what nobody could answer
UPDATE "ChallengeQuestion" SET cdf_payload = cdf_payload || '{"match": "pattern"}' WHERE id = testing.q('text');
SELECT testing.plain(format('SELECT edurange.accept_answer(%L, %L, %L)', 'spring', testing.q('text'), repeat('x', 1001)));
UPDATE "ChallengeQuestion" SET cdf_payload = cdf_payload || '{"match": "number"}' WHERE id = testing.q('text');
SELECT testing.plain(format('SELECT edurange.accept_answer(%L, %L, %L)', 'spring', testing.q('text'), '1e500'));
-- a service asserted the challenge and paid nothing more: undone in any order, its completion stays as it was
CALL testing.fresh();
CALL testing.quiz();
SELECT testing.try('bob', 'text', 'Forty-Two');
SELECT "pointsEarned" FROM edurange.complete_challenge('bob', testing.gc(), 5);
SELECT testing.change($$grade_question('spring', 'bob', testing.q('open'), 1)$$);
SELECT testing.latest() AS first \gset
SELECT testing.change($$grade_question('spring', 'bob', testing.q('list'), 2)$$);
SELECT testing.latest() AS second \gset
SELECT testing.change($$void_completion('spring', 'bob', testing.q('text'))$$);
SELECT testing.latest() AS third \gset
SELECT testing.change(format($$undo_change('spring', %L)$$, c)) FROM unnest(ARRAY[:'first', :'third', :'second']) WITH ORDINALITY AS o (c, n) ORDER BY n;
SELECT who, total, completed, challenge FROM testing.books WHERE who = 'bob';
SELECT * FROM edurange.check_invariants();
-- a total set to zero takes what was paid, and completions stay: a challenge completed after that says what its questions paid since
CREATE PROCEDURE testing.zero() LANGUAGE plpgsql AS $$
BEGIN
  -- a completion's time is rounded to milliseconds
  PERFORM pg_sleep(0.01);
  PERFORM edurange.set_points('bob', 'spring', 0);
  PERFORM pg_sleep(0.01);
END $$;
CREATE PROCEDURE testing.after_zero() LANGUAGE plpgsql AS $$
BEGIN
  CALL testing.fresh();
  PERFORM edurange.cdf_import(testing.document('[{"type": "question", "id": "one", "config": {"type": "text", "text": "?", "points": 3, "answer": "1"}},
    {"type": "question", "id": "two", "config": {"type": "text", "text": "?", "points": 4, "answer": "2"}},
    {"type": "question", "id": "more", "config": {"type": "text", "text": "?", "points": 2, "answer": "3", "required": false}}]', '{"id": "quiz"}'));
  PERFORM edurange.add_competition_challenge('spring', 'quiz', 20);
  PERFORM testing.try('bob', 'two', '2');
  CALL testing.zero();
END $$;
CREATE FUNCTION testing.leave() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  taken bigint;
BEGIN
  SELECT "pointsTaken" INTO taken FROM edurange.remove_competition_challenge('spring', testing.gc(), true, 'a leak');
  RETURN format('%s taken, %s left', taken, edurange.get_points('bob', 'spring'));
END $$;
-- by its last question; then voided, undone, priced anew and taken out
CALL testing.after_zero();
SELECT testing.try('bob', 'one', '1');
SELECT who, total, completed, challenge FROM testing.books WHERE who = 'bob';
SELECT metadata ->> 'pointsEarned' AS points FROM "ActivityLog" WHERE "eventType" = 'CHALLENGE_COMPLETED';
SELECT testing.change($$void_completion('spring', 'bob', testing.q('one'))$$);
SELECT who, total, completed, challenge FROM testing.books WHERE who = 'bob';
SELECT testing.change(format($$undo_change('spring', %L)$$, testing.latest()));
SELECT who, total, completed, challenge FROM testing.books WHERE who = 'bob';
SELECT testing.change($$void_completion('spring', 'bob', testing.q('two'))$$);
SELECT testing.change(format($$undo_change('spring', %L)$$, testing.latest()));
-- what the question of before is worth is of no concern for it
UPDATE "ChallengeQuestion" SET points = 10 WHERE id = testing.q('two');
SELECT testing.change($$reprice('spring', testing.q('two'))$$);
UPDATE "ChallengeQuestion" SET points = 5 WHERE id = testing.q('one');
SELECT testing.change($$reprice('spring', testing.q('one'))$$);
SELECT who, total, completed, challenge FROM testing.books WHERE who = 'bob';
SELECT testing.try('bob', 'more', '3');
SELECT testing.leave();
-- a completion that a change took is made again as it was, whatever the question of before is worth by then
CALL testing.after_zero();
SELECT testing.try('bob', 'one', '1');
SELECT testing.change($$void_completion('spring', 'bob', testing.q('one'))$$);
SELECT testing.latest() AS voided \gset
UPDATE "ChallengeQuestion" SET points = 10 WHERE id = testing.q('two');
SELECT testing.change($$reprice('spring', testing.q('two'))$$);
SELECT testing.change(format($$undo_change('spring', %L)$$, :'voided'));
SELECT who, total, completed, challenge FROM testing.books WHERE who = 'bob';
-- by hand
CALL testing.after_zero();
SELECT testing.change($$grade_question('spring', 'bob', testing.q('one'), 3)$$);
SELECT who, total, completed, challenge FROM testing.books WHERE who = 'bob';
SELECT testing.leave();
-- by a document without the question that was left
CALL testing.after_zero();
SELECT testing.try('bob', 'more', '3');
SELECT questions FROM edurange.cdf_update('quiz', testing.document('[{"type": "question", "id": "two", "config": {"type": "text", "text": "?", "points": 4, "answer": "2"}},
  {"type": "question", "id": "more", "config": {"type": "text", "text": "?", "points": 2, "answer": "3", "required": false}}]', '{"id": "quiz"}'));
SELECT who, total, completed, challenge FROM testing.books WHERE who = 'bob';
SELECT testing.leave();
-- by a service that pays nothing for it, less than its questions paid since, or more, in any order
CREATE PROCEDURE testing.assert(amount integer) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM edurange.complete_challenge('bob', testing.gc(), amount);
END $$;
CALL testing.after_zero();
CALL testing.assert(NULL);
SELECT who, total, completed, challenge FROM testing.books WHERE who = 'bob';
SELECT testing.try('bob', 'one', '1');
SELECT testing.leave();
CALL testing.after_zero();
SELECT testing.try('bob', 'more', '3');
CALL testing.assert(1);
SELECT who, total, completed, challenge FROM testing.books WHERE who = 'bob';
CALL testing.assert(20);
SELECT testing.try('bob', 'one', '1');
SELECT who, total, completed, challenge FROM testing.books WHERE who = 'bob';
SELECT testing.leave();
CALL testing.after_zero();
CALL testing.assert(20);
SELECT testing.try('bob', 'one', '1');
SELECT who, total, completed, challenge FROM testing.books WHERE who = 'bob';
SELECT testing.change($$void_completion('spring', 'bob', testing.q('one'))$$);
SELECT testing.leave();
-- what a service completed before is not paid again, nor raised, and its questions are what they are worth
CALL testing.after_zero();
CALL testing.assert(10);
CALL testing.zero();
CALL testing.assert(10);
CALL testing.assert(20);
SELECT who, total, completed, challenge FROM testing.books WHERE who = 'bob';
SELECT testing.try('bob', 'one', '1');
CALL testing.assert(20);
SELECT who, total, completed, challenge FROM testing.books WHERE who = 'bob';
SELECT testing.leave();
SELECT * FROM edurange.check_invariants();
-- a challenge that was taken out and added again is another one: neither a change nor an answer of before belongs to it
CALL testing.fresh();
CALL testing.quiz();
SELECT testing.try('ada', 'text', 'Forty-Two');
SELECT testing.change($$accept_answer('spring', testing.q('text'), '42')$$);
SELECT testing.latest() AS accepted \gset
SELECT testing.change($$void_completion('spring', 'ada', testing.q('text'))$$);
SELECT testing.latest() AS voided \gset
SELECT "pointsTaken" FROM edurange.remove_competition_challenge('spring', testing.gc(), true);
SELECT testing.plain(format($$SELECT edurange.undo_change('spring', %L)$$, :'accepted'));
SELECT c.challenge IS NOT NULL AS added FROM (SELECT edurange.add_competition_challenge('spring', 'quiz', 100) AS challenge) c;
SELECT testing.plain(format($$SELECT edurange.undo_change('spring', %L)$$, c)) FROM unnest(ARRAY[:'voided', :'accepted']) WITH ORDINALITY AS o (c, n) ORDER BY n;
SELECT who, total, completed, attempts FROM testing.books WHERE who = 'ada';
SELECT testing.try('ada', 'text', '42');
SELECT testing.change($$rejudge('spring', testing.q('text'))$$);
SELECT testing.change($$accept_answer('spring', testing.q('text'), '42')$$);
SELECT testing.q('text') AS q, testing.gc() AS gc \gset
SET ROLE edurange_player;
SELECT "isCorrect" FROM edurange.attempt_question('bob', :'q', :'gc', '42');
RESET ROLE;
SELECT who, total, completed, attempts FROM testing.books WHERE who <> 'cyd';
SELECT testing.change(format($$undo_change('spring', %L)$$, testing.latest()));
SELECT who, total, completed, attempts FROM testing.books WHERE who <> 'cyd';
-- nor does what was paid then say when a grade of now counts, or what an undone change has left
CALL testing.fresh();
CALL testing.quiz();
SELECT testing.try('ada', 'text', 'Forty-Two'), testing.try('bob', 'text', 'Forty-Two');
SELECT testing.change($$void_completion('spring', 'bob', testing.q('text'))$$);
SELECT "pointsTaken" FROM edurange.remove_competition_challenge('spring', testing.gc(), true);
SELECT c.challenge IS NOT NULL AS added FROM (SELECT edurange.add_competition_challenge('spring', 'quiz', 100) AS challenge) c;
SELECT testing.change($$grade_question('spring', 'ada', testing.q('text'), 0)$$), testing.change($$grade_question('spring', 'ada', testing.q('text'), 7)$$);
SELECT l.delta, l.effective_at > p."createdAt" AT TIME ZONE 'UTC' AS counts_from_now FROM edurange.points_ledger l, "GroupChallenge" p WHERE p.id = testing.gc() AND l.user_id = 'ada' AND l.kind = 'graded';
SELECT testing.try('bob', 'text', 'Forty-Two');
SELECT "pointsEarned" FROM edurange.complete_challenge('bob', testing.gc(), 25);
SELECT testing.grades() AS state_third \gset
SELECT testing.change($$grade_question('spring', 'bob', testing.q('list'), 20)$$);
SELECT testing.latest() AS first \gset
SELECT testing.change($$void_completion('spring', 'bob', testing.q('text'))$$);
SELECT testing.latest() AS second \gset
SELECT testing.change(format($$undo_change('spring', %L)$$, c)) FROM unnest(ARRAY[:'first', :'second']) WITH ORDINALITY AS o (c, n) ORDER BY n;
SELECT testing.grades() = :'state_third' AS as_before;
-- a completion that says less than its questions stays as far from them, even where it would say less than nothing
CALL testing.fresh();
SELECT edurange.cdf_import(testing.document('[{"type": "question", "id": "one", "config": {"type": "text", "text": "?", "points": 10, "answer": "1"}},
  {"type": "question", "id": "two", "config": {"type": "text", "text": "?", "points": 30, "answer": "2", "required": false}},
  {"type": "question", "id": "more", "config": {"type": "text", "text": "?", "points": 20, "answer": "3", "required": false}}]', '{"id": "quiz"}')) IS NOT NULL AS imported;
SELECT c.challenge IS NOT NULL AS added FROM (SELECT edurange.add_competition_challenge('spring', 'quiz', 60) AS challenge) c;
SELECT testing.try('ada', 'one', '1'), testing.try('ada', 'two', '2'), testing.try('ada', 'more', '3');
SELECT testing.grades() AS state_fourth \gset
SELECT testing.change($$grade_question('spring', 'ada', testing.q('two'), 5)$$);
SELECT testing.latest() AS first \gset
SELECT testing.change($$grade_question('spring', 'ada', testing.q('more'), 10)$$);
SELECT testing.latest() AS second \gset
SELECT who, total, completed, challenge FROM testing.books WHERE who = 'ada';
SELECT testing.change(format($$undo_change('spring', %L)$$, :'first'));
UPDATE "ChallengeQuestion" SET points = 20 WHERE id = testing.q('one');
SELECT testing.change($$reprice('spring', testing.q('one'))$$);
SELECT testing.latest() AS third \gset
SELECT who, total, completed, challenge FROM testing.books WHERE who = 'ada';
SELECT testing.change(format($$undo_change('spring', %L)$$, c)) FROM unnest(ARRAY[:'second', :'third']) WITH ORDINALITY AS o (c, n) ORDER BY n;
SELECT testing.grades() = :'state_fourth' AS as_before;
-- an answer between a change and its undoing is not the change's; nor is a completion that was made since
CREATE PROCEDURE testing.optional() LANGUAGE plpgsql AS $$
BEGIN
  CALL testing.fresh();
  PERFORM edurange.cdf_import(testing.document('[{"type": "question", "id": "one", "config": {"type": "text", "text": "?", "points": 10, "answer": "1"}},
    {"type": "question", "id": "two", "config": {"type": "text", "text": "?", "points": 30, "answer": "2", "required": false}},
    {"type": "question", "id": "more", "config": {"type": "text", "text": "?", "points": 20, "answer": "3", "required": false}}]', '{"id": "quiz"}'));
  PERFORM edurange.add_competition_challenge('spring', 'quiz', 60);
  PERFORM testing.try('ada', 'one', '1'), testing.try('ada', 'two', '2');
END $$;
CALL testing.optional();
SELECT testing.change($$grade_question('spring', 'ada', testing.q('two'), 25)$$), testing.try('ada', 'more', '3');
SELECT testing.change(format($$undo_change('spring', %L)$$, testing.latest()));
SELECT who, total, completed, challenge FROM testing.books WHERE who = 'ada';
CALL testing.optional();
SELECT testing.change($$grade_question('spring', 'ada', testing.q('two'), 5)$$);
SELECT testing.latest() AS first \gset
SELECT testing.change($$void_completion('spring', 'ada', testing.q('one'))$$), testing.try('ada', 'one', '1');
SELECT who, total, completed, challenge FROM testing.books WHERE who = 'ada';
SELECT testing.change(format($$undo_change('spring', %L)$$, :'first'));
SELECT who, total, completed, challenge FROM testing.books WHERE who = 'ada';
-- what a completion could not say is nothing any more where somebody has written it since
CALL testing.optional();
SELECT testing.try('ada', 'more', '3'), testing.change($$grade_question('spring', 'ada', testing.q('two'), 5)$$);
SELECT "pointsEarned" FROM edurange.complete_challenge('ada', testing.gc(), 60);
SELECT edurange.set_points('ada', 'spring', 0) IS NOT NULL AS zero;
SELECT testing.change($$grade_question('spring', 'ada', testing.q('more'), 10)$$);
SELECT testing.change(format($$undo_change('spring', %L)$$, testing.latest()));
SELECT "pointsEarned" FROM "ChallengeCompletion" WHERE "userId" = 'ada';
SELECT * FROM edurange.check_invariants();
DROP VIEW testing.books;
