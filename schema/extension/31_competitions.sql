-- Competitions: creating, access codes, joining, the leaderboard.

CREATE TYPE edurange.competition AS (
  id text,
  name text,
  description text,
  "startDate" timestamptz,
  "endDate" timestamptz,
  "createdAt" timestamptz,
  "updatedAt" timestamptz);
COMMENT ON TYPE edurange.competition IS 'Nullable: description, endDate.';

CREATE TYPE edurange.group_challenge AS (
  id text,
  points integer,
  "challengeId" text,
  "groupId" text,
  "createdAt" timestamptz,
  "updatedAt" timestamptz);

CREATE TYPE edurange.joined_competition AS (
  id text,
  name text,
  description text,
  "startDate" timestamptz,
  "endDate" timestamptz,
  "createdAt" timestamptz,
  "updatedAt" timestamptz,
  challenges edurange.group_challenge[],
  "alreadyMember" boolean);
COMMENT ON TYPE edurange.joined_competition IS 'Nullable: description, endDate.';

CREATE TYPE edurange.access_code AS (
  id text,
  code text,
  "expiresAt" timestamptz,
  "maxUses" integer,
  "usedCount" integer,
  "groupId" text,
  "createdAt" timestamptz,
  "createdBy" text);
COMMENT ON TYPE edurange.access_code IS 'Nullable: expiresAt, maxUses.';

CREATE TYPE edurange.leaderboard_entry AS (
  rank bigint,
  "userId" text,
  name text,
  points integer,
  completions bigint,
  "reachedAt" timestamptz);
COMMENT ON TYPE edurange.leaderboard_entry IS 'Nullable: name, reachedAt.';

CREATE TYPE edurange.challenge_progress AS (
  "groupChallengeId" text,
  "challengeId" text,
  "challengeName" text,
  points integer,
  completed boolean,
  "pointsEarned" integer);

CREATE TYPE edurange.progress AS (
  progress edurange.challenge_progress[],
  "totalPoints" bigint,
  "earnedPoints" bigint,
  "completionPercentage" double precision);

CREATE FUNCTION edurange.create_competition(
    name text, start_date timestamptz, instructor_ids text[],
    description text DEFAULT NULL, end_date timestamptz DEFAULT NULL,
    caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.competition
  AS 'MODULE_PATHNAME', 'edurange_create_competition' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.create_competition(text, timestamptz, text[], text, timestamptz, edurange.caller, text) IS
  'Creates a competition with at least one instructor; without an end date it stays open. The name has at most 255 characters. The user that a caller is bound to must be among the instructors. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, user_not_found, time_out_of_range.';

CREATE FUNCTION edurange.generate_access_code(
    group_id text, created_by text, code text DEFAULT NULL,
    expires_at timestamptz DEFAULT NULL, max_uses integer DEFAULT NULL,
    caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.access_code
  AS 'MODULE_PATHNAME', 'edurange_generate_access_code' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.generate_access_code(text, text, text, timestamptz, integer, edurange.caller, text) IS
  'Makes a code to join a competition with: the given one (1 to 20 letters, digits and hyphens, kept in upper case) or eight random characters; unlimited where expires_at or max_uses is null. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found, user_not_found, code_in_use, time_out_of_range.';

CREATE FUNCTION edurange.add_competition_challenge(
    group_id text, challenge_id text, points integer,
    caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.group_challenge
  AS 'MODULE_PATHNAME', 'edurange_add_competition_challenge' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.add_competition_challenge(text, text, integer, edurange.caller, text) IS
  'Places a challenge in a competition, worth points (0 or more). Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found, challenge_not_found, challenge_in_competition.';

CREATE FUNCTION edurange.join_competition(
    code text, user_id text, caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.joined_competition
  AS 'MODULE_PATHNAME', 'edurange_join_competition' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.join_competition(text, text, edurange.caller, text) IS
  'Makes a user a member of the competition that an access code (any letter case) belongs to and uses the code once. Who is a member already stays one, and no use is taken. Tier: player. Errors: missing_parameter, forbidden, user_not_found, access_code_invalid, competition_not_open, invalid_parameter.';

CREATE FUNCTION edurange.leaderboard(
    group_id text, "limit" integer DEFAULT 1000, "offset" integer DEFAULT 0,
    at timestamptz DEFAULT NULL, corrected boolean DEFAULT false,
    caller edurange.caller DEFAULT NULL)
  RETURNS SETOF edurange.leaderboard_entry
  AS 'MODULE_PATHNAME', 'edurange_leaderboard' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.leaderboard(text, integer, integer, timestamptz, boolean, edurange.caller) IS
  'The members of a competition by points, then by who reached them first, then by user id: 1 to 10000 rows after the first offset ones; none for an unknown competition. Who is hidden or disqualified is not listed. With a time: the board as it was then, by the ledger and by what was completed then of the challenges of today, of the members of today and of former ones who had points; exact for times before the oldest transaction that is still open; corrected: with what was found and taken back later counted from when it should have been. Tier: player. Errors: missing_parameter, invalid_parameter, forbidden, time_out_of_range.';

CREATE FUNCTION edurange.competition_progress(
    group_id text, user_id text, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.progress
  AS 'MODULE_PATHNAME', 'edurange_competition_progress' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.competition_progress(text, text, edurange.caller) IS
  'The challenges of a competition in the order in which they were added, which of them a user has completed, what was paid for each, and the share of completed ones in percent. Tier: player. Errors: missing_parameter, forbidden, competition_not_found, user_not_found.';
