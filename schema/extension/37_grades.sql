-- Grades: how members take part, the book of grades, changes of it afterwards, statistics.

CREATE TYPE edurange.participation_record AS (
  "groupId" text,
  "userId" text,
  "endsAt" timestamptz,
  hidden boolean,
  disqualified boolean,
  reason text,
  "setBy" text,
  "setAt" timestamptz);
COMMENT ON TYPE edurange.participation_record IS 'Nullable: endsAt, reason.';

CREATE TYPE edurange.participation_page AS (
  participation edurange.participation_record[],
  "nextCursor" text);
COMMENT ON TYPE edurange.participation_page IS 'Nullable: nextCursor.';

CREATE FUNCTION edurange.set_participation(
    group_id text, user_id text, ends_at timestamptz DEFAULT NULL, hidden boolean DEFAULT false,
    disqualified boolean DEFAULT false, reason text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL, idempotency_key text DEFAULT NULL)
  RETURNS edurange.participation_record
  AS 'MODULE_PATHNAME', 'edurange_set_participation' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.set_participation(text, text, timestamptz, boolean, boolean, text, edurange.caller, text) IS
  'Says how a member of a competition takes part: with extra time until ends_at, which must be later than the end for all; hidden from the board; or disqualified, which is not on the board, scores nothing any more and has no points in the gradebook. What is not given is as for all others. What they have in the ledger stays. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found, user_not_found, not_a_member.';

CREATE FUNCTION edurange.participation(
    group_id text, "limit" integer DEFAULT 100, cursor text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL)
  RETURNS edurange.participation_page
  AS 'MODULE_PATHNAME', 'edurange_participation' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.participation(text, integer, text, edurange.caller) IS
  'The users for whom it was said how they take part in a competition, by user id, 1 to 500 of them behind the cursor. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found.';

CREATE TYPE edurange.grade AS (
  "userId" text,
  name text,
  email text,
  "externalId" text,
  "groupChallengeId" text,
  "questionId" text,
  item text,
  points bigint,
  "of" bigint,
  "firstTimeRight" bigint,
  attempts bigint,
  late bigint,
  hidden boolean,
  disqualified boolean);
COMMENT ON TYPE edurange.grade IS 'Nullable: name, externalId, groupChallengeId, questionId.';

CREATE FUNCTION edurange.gradebook(
    group_id text, by text DEFAULT 'total', at timestamptz DEFAULT NULL,
    caller edurange.caller DEFAULT NULL)
  RETURNS SETOF edurange.grade
  AS 'MODULE_PATHNAME', 'edurange_gradebook' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.gradebook(text, text, timestamptz, edurange.caller) IS
  'What each member of a competition has, by user id: in total, by challenge or by question, with what is to be had, the questions that were right at the first attempt, attempts, and questions that were completed after the end, by extra time. Points sum up to the board, now or at a past instant: what no item accounts for is an item Corrections. Who is disqualified has none. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found.';

CREATE TYPE edurange.gradebook_file AS (
  "fileName" text,
  content text,
  warning text);
COMMENT ON TYPE edurange.gradebook_file IS 'Nullable: warning.';

CREATE FUNCTION edurange.gradebook_file(
    group_id text, format text, by text DEFAULT 'total', at timestamptz DEFAULT NULL,
    in_points boolean DEFAULT false, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.gradebook_file
  AS 'MODULE_PATHNAME', 'edurange_gradebook_file' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.gradebook_file(text, text, text, timestamptz, boolean, edurange.caller) IS
  'The gradebook as a file of comma-separated values in UTF-8: format csv (a line for each member and item), canvas or moodle (a line for each member, a column for each item); for moodle in percent of what is to be had, 0 to 100, or in_points. No cell begins as a formula does. The warning counts members whom the other system does not find by their ids. At most 16 MiB. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found, response_too_large.';
