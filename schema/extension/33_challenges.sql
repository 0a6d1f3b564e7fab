-- Challenges: what a challenge consists of, and documents that become challenges.

CREATE TYPE edurange.question AS (
  id text,
  "challengeId" text,
  content text,
  type text,
  points integer,
  answer text,
  "order" integer,
  title text,
  format text,
  hint text,
  required boolean,
  cdf_question_id text,
  cdf_payload jsonb,
  "createdAt" timestamptz,
  "updatedAt" timestamptz);
COMMENT ON TYPE edurange.question IS 'Nullable: answer, title, format, hint, cdf_question_id, cdf_payload.';

CREATE TYPE edurange.app_config AS (
  id text,
  "challengeId" text,
  "appId" text,
  title text,
  icon text,
  width integer,
  height integer,
  screen text,
  disabled boolean,
  favourite boolean,
  desktop_shortcut boolean,
  launch_on_startup boolean,
  additional_config jsonb,
  "createdAt" timestamptz,
  "updatedAt" timestamptz);
COMMENT ON TYPE edurange.app_config IS 'Nullable: additional_config.';

CREATE TYPE edurange.challenge_detail AS (
  id text,
  name text,
  description text,
  type text,
  questions edurange.question[],
  "appConfigs" edurange.app_config[]);
COMMENT ON TYPE edurange.challenge_detail IS 'Nullable: description.';

CREATE FUNCTION edurange.challenge_details(
    challenge_id text, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.challenge_detail
  AS 'MODULE_PATHNAME', 'edurange_challenge_details' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.challenge_details(text, edurange.caller) IS
  'A challenge with its questions in order and its app configurations. A player sees no answer; with edurange.webos_compatibility those of questions that are no flags and are compared exactly. Tier: player. Errors: missing_parameter, challenge_not_found.';

CREATE FUNCTION edurange.question_details(
    question_id text, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.question
  AS 'MODULE_PATHNAME', 'edurange_question_details' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.question_details(text, edurange.caller) IS
  'One question. A player sees no answer; with edurange.webos_compatibility that of a question that is no flag and is compared exactly. Tier: player. Errors: missing_parameter, question_not_found.';

CREATE TYPE edurange.challenge_item AS (
  id text,
  name text,
  description text,
  difficulty text,
  pack_id text,
  pack_name text,
  pack_version text,
  challenge_type_id text,
  challenge_type_name text,
  created_at timestamptz,
  updated_at timestamptz);
COMMENT ON TYPE edurange.challenge_item IS 'Nullable: description, difficulty, pack_id, pack_name, pack_version.';

CREATE TYPE edurange.challenge_page AS (
  challenges edurange.challenge_item[],
  "nextCursor" text);
COMMENT ON TYPE edurange.challenge_page IS 'Nullable: nextCursor.';

CREATE FUNCTION edurange.challenge_list(
    type text DEFAULT NULL, difficulty text DEFAULT NULL, pack_id text DEFAULT NULL,
    group_id text DEFAULT NULL, search text DEFAULT NULL, "limit" integer DEFAULT 100,
    cursor text DEFAULT NULL, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.challenge_page
  AS 'MODULE_PATHNAME', 'edurange_challenge_list' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.challenge_list(text, text, text, text, text, integer, text, edurange.caller) IS
  'A page of 1 to 500 challenges in the order of their ids, of those of a type, a difficulty (EASY, MEDIUM, HARD or EXPERT), a pack or a competition, or with a text in name or description (any letter case). A page ends early behind 2 MiB of descriptions. nextCursor gets the next page and is null on the last. Tier: player. Errors: invalid_parameter, forbidden, missing_parameter.';

CREATE FUNCTION edurange.challenges(caller edurange.caller DEFAULT NULL)
  RETURNS SETOF edurange.challenge_item
  AS 'MODULE_PATHNAME', 'edurange_challenges' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.challenges(edurange.caller) IS
  'All challenges in the order of their names. Tier: player.';

CREATE TYPE edurange.challenge_completion AS (
  id text,
  "userId" text,
  "groupChallengeId" text,
  "pointsEarned" integer,
  "completedAt" timestamptz,
  "alreadyCompleted" boolean);

CREATE FUNCTION edurange.complete_challenge(
    user_id text, group_challenge_id text, points_earned integer DEFAULT NULL,
    group_id text DEFAULT NULL, challenge_id text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL, idempotency_key text DEFAULT NULL)
  RETURNS edurange.challenge_completion
  AS 'MODULE_PATHNAME', 'edurange_complete_challenge' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.complete_challenge(text, text, integer, text, text, edurange.caller, text) IS
  'Completes a challenge for a user. For a player it needs all required questions and awards nothing. A service may assert it, and raises what was paid for the challenge to points_earned, at most the larger of the group challenge''s points and the sum of its questions''; without points_earned nothing more is paid. What was completed before the user''s last reset is not paid again, and a completion for which nothing is paid says what its questions paid since. A player, or a service that gives no more points than were paid, is answered with the completion that is there. group_id and challenge_id, where given, must be the right ones. Tier: player. Errors: missing_parameter, invalid_parameter, forbidden, user_not_found, group_challenge_not_found, not_a_member, competition_not_open, challenge_not_complete, out_of_range, disqualified.';
