-- Questions: attempts, which the server judges, and completions.

CREATE TYPE edurange.question_completion AS (
  id text,
  "questionId" text,
  "userId" text,
  "groupChallengeId" text,
  "completedAt" timestamptz,
  "pointsEarned" integer);

CREATE TYPE edurange.attempt_result AS (
  "isCorrect" boolean,
  "attemptCount" integer,
  "alreadyCompleted" boolean,
  "challengeCompleted" boolean,
  "pointsEarned" integer,
  completion edurange.question_completion,
  points edurange.group_points,
  "attemptLimit" integer,
  "attemptsRemaining" integer,
  "resetTime" timestamptz);
COMMENT ON TYPE edurange.attempt_result IS 'Nullable: completion, points, attemptLimit, attemptsRemaining, resetTime.';

CREATE TYPE edurange.completion_result AS (
  completion edurange.question_completion,
  points edurange.group_points,
  "alreadyCompleted" boolean,
  "challengeCompleted" boolean);
COMMENT ON TYPE edurange.completion_result IS 'Nullable: points.';

CREATE FUNCTION edurange.attempt_question(
    user_id text, question_id text, group_challenge_id text, answer text,
    challenge_instance_id text DEFAULT NULL, caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.attempt_result
  AS 'MODULE_PATHNAME', 'edurange_attempt_question' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.attempt_question(text, text, text, text, text, edurange.caller, text) IS
  'Judges an answer as the question''s document says, records the attempt and, when it is right, completes the question. Outer white space, the way in which accents are written and characters that show nothing do not count; several choices are a JSON array of texts; a flag is compared with that of the user''s instance, or with the document''s. A blank answer is none and costs no attempt. Tier: player. Errors: missing_parameter, invalid_parameter, forbidden, user_not_found, question_not_found, group_challenge_not_found, instance_not_found, not_a_member, competition_not_open, flag_not_ready, too_many_attempts, out_of_range, pattern_unsupported, question_retired, disqualified.';

CREATE FUNCTION edurange.complete_question(
    user_id text, question_id text, group_challenge_id text, is_correct boolean DEFAULT true,
    caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.completion_result
  AS 'MODULE_PATHNAME', 'edurange_complete_question' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.complete_question(text, text, text, boolean, edurange.caller, text) IS
  'Completes a question for a user, awards its points once and completes the challenge with its last required question. A player needs a correct attempt since the last reset, and since the completion was last voided. With edurange.webos_compatibility they need none for questions that WebOS judges itself: those with exact answers, and those with the flag of an ACTIVE instance of their own. Tier: player. Errors: missing_parameter, invalid_parameter, forbidden, user_not_found, question_not_found, group_challenge_not_found, not_a_member, competition_not_open, attempt_required, question_retired, disqualified, out_of_range.';

CREATE FUNCTION edurange.completed_questions(
    user_id text, group_challenge_id text, caller edurange.caller DEFAULT NULL)
  RETURNS SETOF edurange.question_completion
  AS 'MODULE_PATHNAME', 'edurange_completed_questions' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.completed_questions(text, text, edurange.caller) IS
  'What a user has completed of a group challenge, in the order of completion; nothing for anything unknown. Tier: player. Errors: missing_parameter, forbidden.';

CREATE FUNCTION edurange.keep_question() RETURNS trigger
  AS 'MODULE_PATHNAME', 'edurange_keep_question' LANGUAGE C;
COMMENT ON FUNCTION edurange.keep_question() IS
  'Trigger of public."ChallengeQuestion": refuses to delete a question that has attempts or completions, with SQLSTATE 23503, unless its challenge went first.';

CREATE FUNCTION edurange.question_deleted() RETURNS trigger
  AS 'MODULE_PATHNAME', 'edurange_question_deleted' LANGUAGE C;
COMMENT ON FUNCTION edurange.question_deleted() IS
  'Trigger of public."ChallengeQuestion": forgets that a question was retired when it goes.';
