-- The limit of attempts, derived from what is on record.
CALL testing.fresh();
CALL testing.quiz();
INSERT INTO "User" (id, email) VALUES ('eve', 'eve@example.org');
INSERT INTO "_GroupMembers" ("A", "B") VALUES ('spring', 'eve');
-- an attempt and what it says of the next one; times are compared, not counted, so that no clock matters
CREATE FUNCTION testing.limits(answer text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  began timestamptz := clock_timestamp();
  oldest timestamptz := (SELECT min("attemptedAt") AT TIME ZONE 'UTC' FROM "QuestionAttempt" WHERE "userId" = 'eve'
    AND "questionId" = testing.q('text') AND "attemptedAt" AT TIME ZONE 'UTC' > began - current_setting('edurange.attempt_window')::interval);
  lock interval := current_setting('edurange.attempt_lock');
  a record;
BEGIN
  SELECT * INTO a FROM edurange.attempt_question('eve', testing.q('text'), testing.gc(), answer);
  RETURN format('%s, attempt %s, %s of %s left, more %s', CASE WHEN a."isCorrect" THEN 'right' ELSE 'wrong' END,
    a."attemptCount", a."attemptsRemaining", a."attemptLimit", CASE
    WHEN a."resetTime" = oldest + interval '60 s' THEN 'a window after the oldest'
    WHEN a."resetTime" - interval '60 s' BETWEEN began AND clock_timestamp() THEN 'a window from now'
    WHEN a."resetTime" - lock BETWEEN began AND clock_timestamp() THEN 'a lock from now' END);
END
$$;
-- what a refusal says of when the next attempt may be
CREATE FUNCTION testing.limited(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  began timestamptz := clock_timestamp();
  newest timestamptz := (SELECT max("attemptedAt") AT TIME ZONE 'UTC' FROM "QuestionAttempt" WHERE "userId" = 'eve'
    AND "questionId" = testing.q('text'));
  lock interval := current_setting('edurange.attempt_lock');
  detail text;
  reset timestamptz;
  seconds numeric;
BEGIN
  EXECUTE statement;
  RETURN 'accepted';
EXCEPTION WHEN SQLSTATE 'RG801' THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  reset := detail::jsonb ->> 'resetTime';
  seconds := detail::jsonb ->> 'retryAfter';
  RETURN format('limit %s, reset a lock after the newest: %s, retry then: %s, minutes rounded up: %s', detail::jsonb -> 'attemptLimit',
    reset = newest + lock,
    seconds BETWEEN extract(epoch FROM reset - clock_timestamp()) AND extract(epoch FROM reset - began) + 1,
    ceil(seconds / 60) = (detail::jsonb ->> 'waitMinutes')::numeric);
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
UPDATE "QuestionAttempt" SET "attemptedAt" = "attemptedAt" - interval '4 min' WHERE "userId" = 'eve' AND "questionId" = testing.q('text');
SELECT testing.limited($$SELECT testing.limits('x')$$);
UPDATE "QuestionAttempt" SET "attemptedAt" = "attemptedAt" - interval '61 s' WHERE "userId" = 'eve' AND "questionId" = testing.q('text');
SELECT testing.limits('x');
-- so it does when they are spread over the window: the ten of a minute, and not those of a little more
CREATE PROCEDURE testing.tried(spread interval, newest interval) LANGUAGE sql AS $$
  DELETE FROM "QuestionAttempt" WHERE "userId" = 'eve';
  INSERT INTO "QuestionAttempt" (id, "questionId", "userId", "groupChallengeId", answer, "isCorrect", "attemptedAt")
  SELECT 'slow' || n, testing.q('text'), 'eve', testing.gc(), 'x', false, date_trunc('second', clock_timestamp() AT TIME ZONE 'UTC') - newest - n * spread / 9
  FROM generate_series(0, 9) n;
$$;
CALL testing.tried('60 s', '4 min 30 s');
SELECT testing.limited($$SELECT testing.limits('x')$$);
CALL testing.tried('60 s', '5 min');
SELECT testing.limits('x');
CALL testing.tried('60.009 s', '2 min');
SELECT testing.limits('x');
-- nine lock nothing, whatever is older
CALL testing.tried('9 s', '10 s');
UPDATE "QuestionAttempt" SET "attemptedAt" = '2020-01-01' WHERE id = 'slow5';
SELECT testing.limits('x');
-- an instructor's reset lifts the lock, also when there were no points yet (an attempt's time is rounded to milliseconds)
DELETE FROM "QuestionAttempt" WHERE "userId" = 'eve';
SELECT count(testing.limits('wrong ' || n)) FROM generate_series(1, 10) n;
SELECT testing.limited($$SELECT testing.limits('x')$$) <> 'accepted' AS locked;
INSERT INTO "GroupPoints" ("userId", "groupId", points) VALUES ('eve', 'spring', 0);
SELECT pg_sleep(0.01);
SELECT testing.limits('Forty-Two');
SELECT count(testing.limits('wrong ' || n)) FROM generate_series(1, 9) n;
SELECT testing.limited($$SELECT testing.limits('x')$$) <> 'accepted' AS locked;
DELETE FROM "QuestionCompletion" WHERE "userId" = 'eve';
UPDATE "GroupPoints" SET points = 0, "updatedAt" = clock_timestamp() AT TIME ZONE 'UTC' WHERE "userId" = 'eve';
SELECT pg_sleep(0.01);
SELECT testing.limits('Forty-Two');
-- settings
SET edurange.attempt_limit = 2;
SET edurange.attempt_lock = '10 min';
SELECT testing.limits('x');
SELECT testing.limited($$SELECT testing.limits('x')$$);
SET edurange.attempt_limit = 0;
SELECT "isCorrect", "attemptLimit", "attemptsRemaining", "resetTime" FROM edurange.attempt_question('eve', testing.q('text'), testing.gc(), 'x');
-- an attempt is before a reset by us or after it, however close, though its time is whole milliseconds
SET edurange.attempt_limit = 1;
CREATE FUNCTION testing.try_and_reset() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  first text := testing.limited($q$SELECT testing.limits('x')$q$) = 'accepted';
  second text := testing.limited($q$SELECT testing.limits('x')$q$) = 'accepted';
BEGIN
  PERFORM edurange.reset_progress('spring', 'eve');
  RETURN first || ', ' || second;
END
$$;
DO $$ BEGIN PERFORM edurange.reset_progress('spring', 'eve'); END $$;
SELECT testing.try_and_reset() AS accepted, count(*) FROM generate_series(1, 100) GROUP BY 1;
RESET edurange.attempt_limit;
RESET edurange.attempt_lock;
SELECT * FROM edurange.check_invariants();
