-- The limit of attempts, derived from what is on record.
CALL testing.fresh();
CALL testing.quiz();
INSERT INTO "User" (id, email) VALUES ('eve', 'eve@example.org');
INSERT INTO "_GroupMembers" ("A", "B") VALUES ('spring', 'eve');
CREATE FUNCTION testing.limits(answer text) RETURNS text LANGUAGE sql AS $$
  SELECT format('%s, attempt %s, %s of %s left, more in %s s', CASE WHEN "isCorrect" THEN 'right' ELSE 'wrong' END,
    "attemptCount", "attemptsRemaining", "attemptLimit", round(extract(epoch FROM "resetTime" - clock_timestamp())))
  FROM edurange.attempt_question('eve', testing.q('text'), testing.gc(), answer)
$$;
-- what a refusal says, without the times that differ from run to run
CREATE FUNCTION testing.limited(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  EXECUTE statement;
  RETURN 'accepted';
EXCEPTION WHEN SQLSTATE 'RG801' THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN format('%s minutes, retry within %s s, limit %s, reset in %s s', detail::jsonb -> 'waitMinutes',
    ceil((detail::jsonb ->> 'retryAfter')::numeric / 10) * 10, detail::jsonb -> 'attemptLimit',
    round(extract(epoch FROM (detail::jsonb ->> 'resetTime')::timestamptz - clock_timestamp()) / 10) * 10);
END
$$;
SELECT testing.limits('wrong ' || n) FROM generate_series(1, 10) n;
SELECT testing.limited($$SELECT testing.limits('Forty-Two')$$);
SELECT testing.limited($$SELECT testing.limits('Forty-Two')$$);
-- a refused attempt is not on record, and another question or user is not concerned
SELECT count(*) FROM "QuestionAttempt" WHERE "userId" = 'eve';
SELECT "isCorrect" FROM edurange.attempt_question('eve', testing.q('list'), testing.gc(), 'x');
SELECT "isCorrect" FROM edurange.attempt_question('bob', testing.q('text'), testing.gc(), 'x');
-- the lock ends five minutes after the tenth
UPDATE "QuestionAttempt" SET "attemptedAt" = "attemptedAt" - interval '4 min 50 s' WHERE "userId" = 'eve' AND "questionId" = testing.q('text');
SELECT testing.limited($$SELECT testing.limits('x')$$);
UPDATE "QuestionAttempt" SET "attemptedAt" = "attemptedAt" - interval '11 s' WHERE "userId" = 'eve' AND "questionId" = testing.q('text');
SELECT testing.limits('x');
-- ten that are not within the window lock nothing
DELETE FROM "QuestionAttempt" WHERE "userId" = 'eve';
INSERT INTO "QuestionAttempt" (id, "questionId", "userId", "groupChallengeId", answer, "isCorrect", "attemptedAt")
SELECT 'slow' || n, testing.q('text'), 'eve', testing.gc(), 'x', false, (clock_timestamp() AT TIME ZONE 'UTC') - n * interval '7 s'
FROM generate_series(1, 12) n;
SELECT testing.limits('x');
-- an instructor's reset lifts the lock, also when there were no points yet
DELETE FROM "QuestionAttempt" WHERE "userId" = 'eve';
SELECT count(testing.limits('wrong ' || n)) FROM generate_series(1, 10) n;
SELECT testing.limited($$SELECT testing.limits('x')$$) <> 'accepted' AS locked;
INSERT INTO "GroupPoints" ("userId", "groupId", points) VALUES ('eve', 'spring', 0);
SELECT testing.limits('Forty-Two');
SELECT count(testing.limits('wrong ' || n)) FROM generate_series(1, 9) n;
SELECT testing.limited($$SELECT testing.limits('x')$$) <> 'accepted' AS locked;
DELETE FROM "QuestionCompletion" WHERE "userId" = 'eve';
UPDATE "GroupPoints" SET points = 0, "updatedAt" = clock_timestamp() AT TIME ZONE 'UTC' WHERE "userId" = 'eve';
SELECT testing.limits('Forty-Two');
-- settings
SET edurange.attempt_limit = 2;
SET edurange.attempt_lock = '10 min';
SELECT testing.limits('x');
SELECT testing.limited($$SELECT testing.limits('x')$$);
SET edurange.attempt_limit = 0;
SELECT "isCorrect", "attemptLimit", "attemptsRemaining", "resetTime" FROM edurange.attempt_question('eve', testing.q('text'), testing.gc(), 'x');
RESET edurange.attempt_limit;
RESET edurange.attempt_lock;
SELECT * FROM edurange.check_invariants();
