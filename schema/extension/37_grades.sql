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
  'Says how a member of a competition takes part: with extra time until ends_at, which must be later than the end for all; hidden from the board; or disqualified, which is not on the board, scores nothing any more and has no points in the gradebook. What is not given is as for all others. What they have in the ledger stays. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found, user_not_found, not_a_member, time_out_of_range.';

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
  'What each member of a competition has, by user id: in total, by challenge or by question, with what is to be had, the questions that were right at the first attempt, attempts, and questions that were completed after the end, by extra time. Points sum up to the board, now or at a past instant: what no item accounts for is an item Corrections. Who is disqualified has none. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found, time_out_of_range.';

CREATE TYPE edurange.gradebook_file AS (
  "fileName" text,
  content text,
  warning text);
COMMENT ON TYPE edurange.gradebook_file IS 'Nullable: fileName, warning.';

CREATE FUNCTION edurange.gradebook_file(
    group_id text, format text, by text DEFAULT 'total', at timestamptz DEFAULT NULL,
    in_points boolean DEFAULT false, caller edurange.caller DEFAULT NULL)
  RETURNS SETOF edurange.gradebook_file
  AS 'MODULE_PATHNAME', 'edurange_gradebook_file' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.gradebook_file(text, text, text, timestamptz, boolean, edurange.caller) IS
  'The gradebook as a file of comma-separated values in UTF-8: format csv (a line for each member and item), canvas or moodle (a line for each member, a column for each item); for moodle in percent of what is to be had, 0 to 100, or in_points. No cell begins as a formula does. A large file comes in several rows, whose contents are read one behind the other; its name and a warning stand in the first. The warning counts members whom the other system does not find by their ids, and what the file cannot say. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found, time_out_of_range.';

CREATE TYPE edurange.grade_change_result AS (
  "changeId" text,
  "dryRun" boolean,
  "alreadyDone" boolean,
  attempts bigint,
  "attemptsChanged" bigint,
  gained bigint,
  lost bigint,
  adjusted bigint,
  kept bigint,
  "pointsPaid" bigint,
  "pointsTaken" bigint,
  "formerMembers" text[],
  "notUndone" text[]);
COMMENT ON TYPE edurange.grade_change_result IS 'Nullable: changeId.';

CREATE FUNCTION edurange.rejudge(
    group_id text, question_id text, dry_run boolean DEFAULT false, reason text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL, idempotency_key text DEFAULT NULL)
  RETURNS edurange.grade_change_result
  AS 'MODULE_PATHNAME', 'edurange_rejudge' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.rejudge(text, text, boolean, text, edurange.caller, text) IS
  'Judges all attempts of a competition at a question by its key of now. Members whose attempts since their last reset, and since it was last voided, hold a right one complete it, with the time of the first of these; who has only wrong ones loses it, also where a service asserted it. What an instructor graded by hand, and what a service asserted for somebody without such an attempt, is kept. The challenge follows, and each total changes by what is to be paid less what was paid. Former members are named and stay as they are. A dry run tells and does nothing. Tier: service. Errors: missing_parameter, forbidden, competition_not_found, question_not_found, question_retired, not_rejudged, flag_not_ready, pattern_unsupported, out_of_range, invalid_parameter.';

CREATE FUNCTION edurange.accept_answer(
    group_id text, question_id text, answer text, dry_run boolean DEFAULT false,
    reason text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL, idempotency_key text DEFAULT NULL)
  RETURNS edurange.grade_change_result
  AS 'MODULE_PATHNAME', 'edurange_accept_answer' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.accept_answer(text, text, text, boolean, text, edurange.caller, text) IS
  'Takes a further answer to a question for right, in one competition and from now on, and judges all attempts there once more, as rejudge does. Nothing happens where it is right already. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found, question_not_found, question_retired, not_rejudged, flag_not_ready, pattern_unsupported, out_of_range.';

CREATE FUNCTION edurange.reprice(
    group_id text, question_id text, reason text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL, idempotency_key text DEFAULT NULL)
  RETURNS edurange.grade_change_result
  AS 'MODULE_PATHNAME', 'edurange_reprice' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.reprice(text, text, text, edurange.caller, text) IS
  'Pays the members of a competition who have completed a question what it is worth now, or takes it back; what was graded by hand is kept. Tier: service. Errors: missing_parameter, forbidden, competition_not_found, question_not_found, question_retired, out_of_range, invalid_parameter.';

CREATE FUNCTION edurange.grade_question(
    group_id text, user_id text, question_id text, points integer, reason text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL, idempotency_key text DEFAULT NULL)
  RETURNS edurange.grade_change_result
  AS 'MODULE_PATHNAME', 'edurange_grade_question' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.grade_question(text, text, text, integer, text, edurange.caller, text) IS
  'Grades a question of a member by hand: completes it with 0 points to all that it is worth, or changes what it pays. A question that was completed keeps the time from which it counts. Otherwise it counts from the last attempt since the last reset or void; without one from now, or from the end where that is past; never from before the last reset. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found, user_not_found, not_a_member, question_not_found, question_retired, out_of_range.';

CREATE FUNCTION edurange.void_completion(
    group_id text, user_id text, question_id text, reason text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL, idempotency_key text DEFAULT NULL)
  RETURNS edurange.grade_change_result
  AS 'MODULE_PATHNAME', 'edurange_void_completion' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.void_completion(text, text, text, text, edurange.caller, text) IS
  'Takes a completed question back from a member. Attempts from before back nothing any more, so that it is to be solved again. Tier: service. Errors: missing_parameter, forbidden, competition_not_found, user_not_found, not_a_member, question_not_found, question_retired, question_not_completed, out_of_range, invalid_parameter.';

CREATE FUNCTION edurange.undo_change(
    group_id text, change_id text, reason text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL, idempotency_key text DEFAULT NULL)
  RETURNS edurange.grade_change_result
  AS 'MODULE_PATHNAME', 'edurange_undo_change' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.undo_change(text, text, text, edurange.caller, text) IS
  'Reverses the latest change of a question: attempts are judged as before, and completions with their ids and times, and points, are as before, except of members who have earned it again or were reset since (notUndone), and of former ones. Tier: service. Errors: missing_parameter, forbidden, competition_not_found, question_not_found, change_not_found, change_not_latest, out_of_range, invalid_parameter.';

CREATE TYPE edurange.grade_change_record AS (
  id text,
  kind text,
  "questionId" text,
  "groupChallengeId" text,
  reason text,
  actor text,
  via text,
  at timestamptz,
  "undoneAt" timestamptz,
  "undoneBy" text);
COMMENT ON TYPE edurange.grade_change_record IS 'Nullable: reason, via, undoneAt, undoneBy.';

CREATE TYPE edurange.grade_change_of_user AS (
  "userId" text,
  "pointsBefore" integer,
  "pointsAfter" integer,
  delta bigint,
  "effectiveAt" timestamptz);
COMMENT ON TYPE edurange.grade_change_of_user IS 'Nullable: pointsBefore, pointsAfter, effectiveAt.';

CREATE TYPE edurange.grade_change_details AS (
  change edurange.grade_change_record,
  "attemptsChanged" bigint,
  users edurange.grade_change_of_user[]);

CREATE TYPE edurange.grade_change_page AS (
  changes edurange.grade_change_record[],
  "nextCursor" text);
COMMENT ON TYPE edurange.grade_change_page IS 'Nullable: nextCursor.';

CREATE FUNCTION edurange.grade_change(
    group_id text, change_id text, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.grade_change_details
  AS 'MODULE_PATHNAME', 'edurange_grade_change' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.grade_change(text, text, edurange.caller) IS
  'A change of grades, and who won and lost by it: what the question paid before and after (null: it was not completed), and by how much the total changed. Tier: service. Errors: missing_parameter, forbidden, competition_not_found, change_not_found.';

CREATE FUNCTION edurange.grade_changes(
    group_id text, "limit" integer DEFAULT 100, cursor text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL)
  RETURNS edurange.grade_change_page
  AS 'MODULE_PATHNAME', 'edurange_grade_changes' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.grade_changes(text, integer, text, edurange.caller) IS
  'The changes of grades in a competition (rejudged, accepted, repriced, graded, voided), newest first, 1 to 500 of them behind the cursor. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found.';

CREATE TYPE edurange.wrong_answer AS (
  answer text,
  attempts bigint,
  users bigint);

CREATE TYPE edurange.question_statistics AS (
  "groupChallengeId" text,
  "questionId" text,
  challenge text,
  question text,
  solvers bigint,
  attempts bigint,
  "rightAttempts" bigint,
  "shareRight" double precision,
  "timeFrom" text,
  "secondsQuarter" double precision,
  "secondsHalf" double precision,
  "secondsThreeQuarters" double precision,
  "wrongAnswers" edurange.wrong_answer[]);
COMMENT ON TYPE edurange.question_statistics IS 'Nullable: shareRight, secondsQuarter, secondsHalf, secondsThreeQuarters.';

CREATE FUNCTION edurange.question_statistics(group_id text, caller edurange.caller DEFAULT NULL)
  RETURNS SETOF edurange.question_statistics
  AS 'MODULE_PATHNAME', 'edurange_question_statistics' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.question_statistics(text, edurange.caller) IS
  'How a class did at each question of a competition: who solved it, attempts and the share of right ones, in how many seconds a quarter, half and three quarters of the solvers were done (timeFrom says from what: their instance, where all have one, else their first attempt), and the five most frequent wrong answers, of each its first 200 characters. Tier: service. Errors: missing_parameter, forbidden, competition_not_found.';

CREATE TYPE edurange.timeline_point AS (
  rank bigint,
  "userId" text,
  name text,
  at timestamptz,
  points bigint);
COMMENT ON TYPE edurange.timeline_point IS 'Nullable: name.';

CREATE FUNCTION edurange.timeline(
    group_id text, top integer DEFAULT 10, caller edurange.caller DEFAULT NULL)
  RETURNS SETOF edurange.timeline_point
  AS 'MODULE_PATHNAME', 'edurange_timeline' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.timeline(text, integer, edurange.caller) IS
  'How the totals of the best grew (top: 1 to 100 of the board): a row for each time at which one changed, by when points count. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found.';

CREATE TYPE edurange.integrity_finding AS (
  kind text,
  "userId" text,
  "otherUserId" text,
  "questionId" text,
  at timestamptz,
  detail text);
COMMENT ON TYPE edurange.integrity_finding IS 'Nullable: otherUserId, questionId.';

CREATE FUNCTION edurange.integrity_findings(
    group_id text, fastest_seconds integer DEFAULT 10, equal_answers integer DEFAULT 3,
    rare_users integer DEFAULT 3, caller edurange.caller DEFAULT NULL)
  RETURNS SETOF edurange.integrity_finding
  AS 'MODULE_PATHNAME', 'edurange_integrity_findings' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.integrity_findings(text, integer, integer, integer, edurange.caller) IS
  'Signs that answers were passed on, for people to judge: foreign_flag, a wrong answer that is the flag of another user''s instance, as long as that is kept; fast_solve, a question that was completed sooner than fastest_seconds after the user''s first instance began; equal_answers, two users with at least equal_answers wrong texts in the same order that at most rare_users (2 to 100) gave, choices and check boxes left out. The first 10,000 foreign flags; where a parameter lets in more than 10,000 of another kind, the error names it. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, competition_not_found, response_too_large.';
