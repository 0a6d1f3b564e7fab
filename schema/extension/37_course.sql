-- Courses: users, competitions and who runs them, rosters, codes, what was done.

CREATE TYPE edurange.user_record AS (
  id text,
  name text,
  email text,
  role text,
  "createdAt" timestamptz,
  "updatedAt" timestamptz);
COMMENT ON TYPE edurange.user_record IS 'Nullable: name.';

CREATE TYPE edurange.made_user AS (
  id text,
  name text,
  email text,
  role text,
  "createdAt" timestamptz,
  "updatedAt" timestamptz,
  "alreadyExists" boolean);
COMMENT ON TYPE edurange.made_user IS 'Nullable: name.';

CREATE TYPE edurange.user_page AS (
  users edurange.user_record[],
  "nextCursor" text);
COMMENT ON TYPE edurange.user_page IS 'Nullable: nextCursor.';

CREATE TYPE edurange.competition_overview AS (
  id text,
  name text,
  description text,
  "startDate" timestamptz,
  "endDate" timestamptz,
  "createdAt" timestamptz,
  "updatedAt" timestamptz,
  "isOpen" boolean,
  members bigint,
  instructors bigint,
  challenges bigint,
  "accessCodes" bigint,
  "liveInstances" bigint);
COMMENT ON TYPE edurange.competition_overview IS 'Nullable: description, endDate.';

CREATE TYPE edurange.competition_page AS (
  competitions edurange.competition_overview[],
  "nextCursor" text);
COMMENT ON TYPE edurange.competition_page IS 'Nullable: nextCursor.';

CREATE FUNCTION edurange.create_user(
    email text, name text DEFAULT NULL, role text DEFAULT 'STUDENT', id text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL, idempotency_key text DEFAULT NULL)
  RETURNS edurange.made_user
  AS 'MODULE_PATHNAME', 'edurange_create_user' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.create_user(text, text, text, text, edurange.caller, text) IS
  'Makes a user, for places without a dashboard that signs people in: the dashboard refuses to sign in a user row without its account row. Who has the e-mail address already, in whichever case, is returned unchanged. The id and the name have at most 255 characters. Role ADMIN is given by tier admin only; an acting instructor makes students. The id and the address of the account edurange-system, which the log names where nobody else can be, are given to nobody. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, user_exists.';

CREATE FUNCTION edurange.users(
    search text DEFAULT NULL, "limit" integer DEFAULT 100, cursor text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL)
  RETURNS edurange.user_page
  AS 'MODULE_PATHNAME', 'edurange_users' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.users(text, integer, text, edurange.caller) IS
  'Users whose e-mail addresses begin with search, in whichever case, by address: 1 to 500 of them behind the cursor, and the cursor of those that follow. A page ends early behind 2 MiB of names and addresses. Tier: service. Errors: invalid_parameter, forbidden.';

CREATE FUNCTION edurange.competitions(
    "limit" integer DEFAULT 100, cursor text DEFAULT NULL, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.competition_page
  AS 'MODULE_PATHNAME', 'edurange_competitions' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.competitions(integer, text, edurange.caller) IS
  'Competitions, newest first, 1 to 500 of them behind the cursor, with how many members, instructors, challenges, codes that can be used, and running instances each has. A page ends early behind 2 MiB of names and descriptions. Of an acting user who is no ADMIN, and of a bound one, those that they are an instructor of. Tier: service. Errors: invalid_parameter, forbidden.';

CREATE FUNCTION edurange.competition(group_id text, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.competition_overview
  AS 'MODULE_PATHNAME', 'edurange_competition' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.competition(text, edurange.caller) IS
  'A competition with its counts. Tier: service. Errors: missing_parameter, forbidden, competition_not_found.';

CREATE FUNCTION edurange.update_competition(
    group_id text, name text DEFAULT NULL, description text DEFAULT NULL,
    start_date timestamptz DEFAULT NULL, end_date timestamptz DEFAULT NULL,
    no_end_date boolean DEFAULT false,
    caller edurange.caller DEFAULT NULL, idempotency_key text DEFAULT NULL)
  RETURNS edurange.competition
  AS 'MODULE_PATHNAME', 'edurange_update_competition' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.update_competition(text, text, text, timestamptz, timestamptz, boolean, edurange.caller, text) IS
  'Changes what is given of a competition and leaves the rest; an empty description takes it away, no_end_date the end. The name has at most 255 characters. The end must come after the start. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found, time_out_of_range.';

CREATE FUNCTION edurange.delete_competition(
    group_id text, name text,
    caller edurange.caller DEFAULT NULL, idempotency_key text DEFAULT NULL)
  RETURNS edurange.competition
  AS 'MODULE_PATHNAME', 'edurange_delete_competition' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.delete_competition(text, text, edurange.caller, text) IS
  'Deletes a competition with all that was done in it, when its name is given, too, and none of its instances is running, and returns what it was. The ledger stays, and its part of the log, which activity() shows. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found, competition_in_use.';

CREATE TYPE edurange.member AS (
  "userId" text,
  name text,
  email text,
  role text,
  points integer,
  "isInstructor" boolean);
COMMENT ON TYPE edurange.member IS 'Nullable: name.';

CREATE TYPE edurange.member_page AS (
  members edurange.member[],
  "nextCursor" text);
COMMENT ON TYPE edurange.member_page IS 'Nullable: nextCursor.';

CREATE TYPE edurange.removed_member AS (
  "groupId" text,
  "userId" text,
  points integer);

CREATE TYPE edurange.instructors AS (
  "groupId" text,
  instructors edurange.user_record[]);

CREATE FUNCTION edurange.members(
    group_id text, "limit" integer DEFAULT 100, cursor text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL)
  RETURNS edurange.member_page
  AS 'MODULE_PATHNAME', 'edurange_members' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.members(text, integer, text, edurange.caller) IS
  'The members of a competition by user id, 1 to 500 of them behind the cursor, with their points. A page ends early behind 2 MiB of names and addresses. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found.';

CREATE FUNCTION edurange.remove_member(
    group_id text, user_id text,
    caller edurange.caller DEFAULT NULL, idempotency_key text DEFAULT NULL)
  RETURNS edurange.removed_member
  AS 'MODULE_PATHNAME', 'edurange_remove_member' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.remove_member(text, text, edurange.caller, text) IS
  'Takes a user out of a competition. Their points and what they did stay, as when they leave; a code brings them back. Tier: service. Errors: missing_parameter, forbidden, competition_not_found, user_not_found, not_a_member, invalid_parameter.';

CREATE FUNCTION edurange.set_instructors(
    group_id text, instructor_ids text[],
    caller edurange.caller DEFAULT NULL, idempotency_key text DEFAULT NULL)
  RETURNS edurange.instructors
  AS 'MODULE_PATHNAME', 'edurange_set_instructors' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.set_instructors(text, text[], edurange.caller, text) IS
  'Makes the users that are listed, and nobody else, the instructors of a competition; at least one. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found, user_not_found.';

CREATE TYPE edurange.roster_row AS (
  email text,
  name text,
  "externalId" text,
  "loginId" text,
  section text,
  "userId" text,
  "isMember" boolean,
  "accessCode" text,
  line integer,
  "importedAt" timestamptz);
COMMENT ON TYPE edurange.roster_row IS 'Nullable: name, externalId, loginId, section, userId, accessCode.';

CREATE TYPE edurange.roster_page AS (
  roster edurange.roster_row[],
  "nextCursor" text);
COMMENT ON TYPE edurange.roster_page IS 'Nullable: nextCursor.';

CREATE TYPE edurange.roster_error AS (
  line integer,
  message text);

CREATE TYPE edurange.roster_import AS (
  "dryRun" boolean,
  rows integer,
  "alreadyMembers" integer,
  "membersAdded" integer,
  "usersMade" integer,
  waiting integer,
  "codesMade" integer,
  errors edurange.roster_error[]);

CREATE FUNCTION edurange.import_roster(
    group_id text, csv text, dry_run boolean DEFAULT false, make_users boolean DEFAULT false,
    caller edurange.caller DEFAULT NULL, idempotency_key text DEFAULT NULL)
  RETURNS edurange.roster_import
  AS 'MODULE_PATHNAME', 'edurange_import_roster' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.import_roster(text, text, boolean, boolean, edurange.caller, text) IS
  'Takes who is to be in a competition from a table as CSV with the columns email, name, external_id, login_id and section, of which only the first must be there, in any order; capitals, spaces, hyphens and underscores do not count. Users that have an address become members. Every other row waits for one, or for somebody who joins with the access code that is made for it; with make_users a student is made instead. A row that is wrong is named by its line and left out. What was imported before stays, and what the file says of it counts. At most 10000 rows and 2 MiB. With dry_run all is as it would be, and undone. Tier: service. Errors: missing_parameter, invalid_parameter, payload_too_large, forbidden, competition_not_found.';

CREATE FUNCTION edurange.roster(
    group_id text, "limit" integer DEFAULT 100, cursor text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL)
  RETURNS edurange.roster_page
  AS 'MODULE_PATHNAME', 'edurange_roster' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.roster(text, integer, text, edurange.caller) IS
  'The roster of a competition by address, 1 to 500 rows behind the cursor: who each turned out to be, or the access code with which it waits. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found.';

CREATE FUNCTION edurange.follow_roster() RETURNS trigger
  AS 'MODULE_PATHNAME', 'edurange_follow_roster' LANGUAGE C;
COMMENT ON FUNCTION edurange.follow_roster() IS
  'Trigger of public."User" and public."CompetitionGroup": completes the rows of rosters that wait for a user''s address, lets them wait again when the user goes, and deletes them with their competition.';

CREATE FUNCTION edurange.follow_join() RETURNS trigger
  AS 'MODULE_PATHNAME', 'edurange_follow_join' LANGUAGE C;
COMMENT ON FUNCTION edurange.follow_join() IS
  'Trigger of public."ActivityLog": completes the row of a roster with whose code somebody joined, also where the dashboard let them in.';

CREATE FUNCTION edurange.await_roster() RETURNS trigger
  AS 'MODULE_PATHNAME', 'edurange_await_roster' LANGUAGE C;
COMMENT ON FUNCTION edurange.await_roster() IS
  'Trigger of public."User": waits while a roster is imported, so that neither misses the other.';

CREATE TYPE edurange.access_code_page AS (
  "accessCodes" edurange.access_code[],
  "nextCursor" text);
COMMENT ON TYPE edurange.access_code_page IS 'Nullable: nextCursor.';

CREATE FUNCTION edurange.access_codes(
    group_id text, "limit" integer DEFAULT 100, cursor text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL)
  RETURNS edurange.access_code_page
  AS 'MODULE_PATHNAME', 'edurange_access_codes' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.access_codes(text, integer, text, edurange.caller) IS
  'The access codes of a competition, newest first, 1 to 500 of them behind the cursor. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found.';

CREATE FUNCTION edurange.revoke_access_code(
    group_id text, code text,
    caller edurange.caller DEFAULT NULL, idempotency_key text DEFAULT NULL)
  RETURNS edurange.access_code
  AS 'MODULE_PATHNAME', 'edurange_revoke_access_code' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.revoke_access_code(text, text, edurange.caller, text) IS
  'Withdraws an access code (any letter case) and returns what it was; who joined with it stays, and a row of the roster that waits with it goes. Tier: service. Errors: missing_parameter, forbidden, competition_not_found, access_code_not_found, invalid_parameter.';

CREATE TYPE edurange.challenge_change AS (
  challenge edurange.group_challenge,
  attempts bigint,
  "completedQuestions" bigint,
  completions bigint,
  "usersCharged" bigint,
  "pointsTaken" bigint);

CREATE FUNCTION edurange.remove_competition_challenge(
    group_id text, group_challenge_id text, force boolean DEFAULT false, reason text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL, idempotency_key text DEFAULT NULL)
  RETURNS edurange.challenge_change
  AS 'MODULE_PATHNAME', 'edurange_remove_competition_challenge' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.remove_competition_challenge(text, text, boolean, text, edurange.caller, text) IS
  'Takes a challenge out of a competition, with attempts and completions. Where there are any only by force, and then what was paid for it since each user''s last reset is taken back, by entries of the ledger of kind taken_back. Tier: service. Errors: missing_parameter, forbidden, competition_not_found, group_challenge_not_found, challenge_worked_at, invalid_parameter, out_of_range.';

CREATE FUNCTION edurange.set_challenge_points(
    group_id text, group_challenge_id text, points integer, force boolean DEFAULT false,
    reason text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL, idempotency_key text DEFAULT NULL)
  RETURNS edurange.challenge_change
  AS 'MODULE_PATHNAME', 'edurange_set_challenge_points' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.set_challenge_points(text, text, integer, boolean, text, edurange.caller, text) IS
  'Changes what a challenge of a competition is worth when a service completes it (0 or more). Where students worked at it only by force, and then what its completions paid above that is taken back, by entries of the ledger of kind taken_back; what its questions paid stays. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found, group_challenge_not_found, challenge_worked_at, out_of_range.';

CREATE TYPE edurange.reset_result AS (
  "questionsReset" bigint,
  "challengesReset" bigint,
  points edurange.group_points);

CREATE FUNCTION edurange.reset_progress(
    group_id text, user_id text, reason text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL, idempotency_key text DEFAULT NULL)
  RETURNS edurange.reset_result
  AS 'MODULE_PATHNAME', 'edurange_reset_progress' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.reset_progress(text, text, text, edurange.caller, text) IS
  'Lets a member of a competition begin anew: completions go, the total is zero, a lock of attempts is lifted. Attempts stay as evidence and back nothing any more. Tier: service. Errors: missing_parameter, forbidden, competition_not_found, user_not_found, not_a_member, invalid_parameter.';

CREATE TYPE edurange.attempt AS (
  id text,
  "questionId" text,
  "userId" text,
  "groupChallengeId" text,
  "attemptedAt" timestamptz,
  "isCorrect" boolean,
  answer text);
COMMENT ON TYPE edurange.attempt IS 'Nullable: answer.';

CREATE TYPE edurange.attempt_page AS (
  attempts edurange.attempt[],
  "nextCursor" text);
COMMENT ON TYPE edurange.attempt_page IS 'Nullable: nextCursor.';

CREATE FUNCTION edurange.attempts(
    group_id text, user_id text DEFAULT NULL, question_id text DEFAULT NULL,
    "limit" integer DEFAULT 100, cursor text DEFAULT NULL, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.attempt_page
  AS 'MODULE_PATHNAME', 'edurange_attempts' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.attempts(text, text, text, integer, text, edurange.caller) IS
  'The attempts in a competition, of a user and at a question where they are given, newest first, 1 to 500 of them behind the cursor. A page ends early, with a cursor that goes on, behind 2 MiB of answers. Players do not see what was submitted. Tier: player. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found.';

CREATE TYPE edurange.activity_record AS (
  id text,
  "eventType" text,
  severity text,
  "userId" text,
  "groupId" text,
  "challengeId" text,
  "challengeInstanceId" text,
  "accessCodeId" text,
  metadata jsonb,
  "timestamp" timestamptz,
  "isArchived" boolean);
COMMENT ON TYPE edurange.activity_record IS 'Nullable: groupId, challengeId, challengeInstanceId, accessCodeId.';

CREATE TYPE edurange.activity_page AS (
  entries edurange.activity_record[],
  "nextCursor" text);
COMMENT ON TYPE edurange.activity_page IS 'Nullable: nextCursor.';

CREATE FUNCTION edurange.activity(
    group_id text DEFAULT NULL, user_id text DEFAULT NULL, event_type text DEFAULT NULL,
    "limit" integer DEFAULT 100, cursor text DEFAULT NULL, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.activity_page
  AS 'MODULE_PATHNAME', 'edurange_activity' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.activity(text, text, text, integer, text, edurange.caller) IS
  'The log of activity, of a competition, a user and an event type where they are given, newest first, 1 to 500 entries behind the cursor. Where it looks for a type, or for a user''s in a competition, a page may have fewer, or none, and a cursor that goes on; behind 2 MiB of metadata it ends early. Entries of users and competitions that were deleted come from the archive. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden.';

CREATE FUNCTION edurange.archive_activity() RETURNS trigger
  AS 'MODULE_PATHNAME', 'edurange_archive_activity' LANGUAGE C;
COMMENT ON FUNCTION edurange.archive_activity() IS
  'Trigger of public."User" and public."CompetitionGroup": keeps the log of who or what is deleted in edurange.activity_archive.';
