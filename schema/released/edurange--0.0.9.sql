-- complain if this script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION edurange" to load this file. \quit
-- Roles are shared by all databases of a server, so they are made only where they are missing and
-- never dropped.  edurange_owner owns code and tables; the three tiers contain each other.

DO $$
DECLARE
  tier text;
BEGIN
  FOREACH tier IN ARRAY ARRAY['edurange_owner', 'edurange_player', 'edurange_service',
                              'edurange_admin']
  LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = tier) THEN
      EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', tier);
    END IF;
  END LOOP;
  GRANT edurange_player TO edurange_service;
  GRANT edurange_service TO edurange_admin;
END
$$;
-- Basics: who calls, rows as JSON, ids.  Attribute names of row types are the names on the wire.

CREATE TYPE edurange.caller AS (
  "tokenId" text,
  "userId" text,
  "instanceId" text);
COMMENT ON TYPE edurange.caller IS
  'Who calls on behalf of somebody else: the token that was presented and the user and instance it is bound to. Bound ids only ever narrow what a call may do.';

CREATE FUNCTION edurange.wire(record) RETURNS json
  AS 'MODULE_PATHNAME', 'edurange_wire' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION edurange.wire(record) IS
  'A row as JSON: attribute names as they are, times as UTC with milliseconds and Z, nested rows and arrays alike. Tier: player.';

CREATE FUNCTION edurange.new_id() RETURNS text
  AS 'MODULE_PATHNAME', 'edurange_new_id' LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION edurange.new_id() IS
  'A new id: a UUID of version 7 as text, ordered by time. Default of the id columns, so anybody may call it.';
-- Points: totals, ledger, invariants.

CREATE TYPE edurange.group_points AS (
  id text,
  points integer,
  "userId" text,
  "groupId" text,
  "createdAt" timestamptz,
  "updatedAt" timestamptz);

CREATE TYPE edurange.points_entry AS (
  "userId" text,
  "groupId" text,
  seq bigint,
  delta bigint,
  balance integer,
  kind text,
  "sourceId" text,
  actor text,
  reason text,
  at timestamptz);

CREATE FUNCTION edurange.add_points(
    user_id text, group_id text, points integer, reason text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.group_points
  AS 'MODULE_PATHNAME', 'edurange_add_points' LANGUAGE C VOLATILE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.add_points(text, text, integer, text, edurange.caller, text) IS
  'Adds points (negative: takes them away) to a member''s total in a competition and returns the new total. Tier: service. Errors: missing_parameter, user_not_found, competition_not_found, not_a_member, out_of_range.';

CREATE FUNCTION edurange.set_points(
    user_id text, group_id text, points integer, reason text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.group_points
  AS 'MODULE_PATHNAME', 'edurange_set_points' LANGUAGE C VOLATILE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.set_points(text, text, integer, text, edurange.caller, text) IS
  'Sets a member''s total in a competition and returns it. Tier: service. Errors: missing_parameter, user_not_found, competition_not_found, not_a_member.';

CREATE FUNCTION edurange.get_points(
    user_id text, group_id text, caller edurange.caller DEFAULT NULL)
  RETURNS integer
  AS 'MODULE_PATHNAME', 'edurange_get_points' LANGUAGE C STABLE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.get_points(text, text, edurange.caller) IS
  'A user''s total in a competition; 0 for anything unknown. Tier: player. Errors: missing_parameter, forbidden.';

CREATE FUNCTION edurange.points_history(
    user_id text, group_id text, "limit" integer DEFAULT 100, before_seq bigint DEFAULT NULL,
    caller edurange.caller DEFAULT NULL)
  RETURNS SETOF edurange.points_entry
  AS 'MODULE_PATHNAME', 'edurange_points_history' LANGUAGE C STABLE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.points_history(text, text, integer, bigint, edurange.caller) IS
  'The ledger of a user in a competition, newest entry first, 1 to 1000 entries, optionally only those before a seq. Tier: service. Errors: missing_parameter, invalid_parameter.';

CREATE FUNCTION edurange.check_invariants()
  RETURNS TABLE (invariant text, "userId" text, "groupId" text, detail text)
  AS 'MODULE_PATHNAME', 'edurange_check_invariants' LANGUAGE C STABLE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.check_invariants() IS
  'One row for each violation of what must always hold between totals, ledger, standing and membership; no row: all is well. Tier: admin.';

CREATE FUNCTION edurange.group_points_changed() RETURNS trigger
  AS 'MODULE_PATHNAME', 'edurange_group_points_changed' LANGUAGE C
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.group_points_changed() IS
  'Trigger of public."GroupPoints": writes every change of a total to the ledger and the standing.';

CREATE FUNCTION edurange.group_members_changed() RETURNS trigger
  AS 'MODULE_PATHNAME', 'edurange_group_members_changed' LANGUAGE C
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.group_members_changed() IS
  'Trigger of public."_GroupMembers": puts who joins on the board and takes who leaves off it.';
-- Competitions: creating, access codes, joining, the leaderboard.

CREATE TYPE edurange.competition AS (
  id text,
  name text,
  description text,
  "startDate" timestamptz,
  "endDate" timestamptz,
  "createdAt" timestamptz,
  "updatedAt" timestamptz);

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

CREATE TYPE edurange.access_code AS (
  id text,
  code text,
  "expiresAt" timestamptz,
  "maxUses" integer,
  "usedCount" integer,
  "groupId" text,
  "createdAt" timestamptz,
  "createdBy" text);

CREATE TYPE edurange.leaderboard_entry AS (
  rank bigint,
  "userId" text,
  name text,
  points integer,
  completions bigint,
  "reachedAt" timestamptz);

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
  AS 'MODULE_PATHNAME', 'edurange_create_competition' LANGUAGE C VOLATILE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.create_competition(text, timestamptz, text[], text, timestamptz, edurange.caller, text) IS
  'Creates a competition with at least one instructor; without an end date it stays open. Tier: service. Errors: missing_parameter, invalid_parameter, user_not_found.';

CREATE FUNCTION edurange.generate_access_code(
    group_id text, created_by text, code text DEFAULT NULL,
    expires_at timestamptz DEFAULT NULL, max_uses integer DEFAULT NULL,
    caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.access_code
  AS 'MODULE_PATHNAME', 'edurange_generate_access_code' LANGUAGE C VOLATILE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.generate_access_code(text, text, text, timestamptz, integer, edurange.caller, text) IS
  'Makes a code to join a competition with: the given one (1 to 20 letters, digits and hyphens, kept in upper case) or eight random characters; unlimited where expires_at or max_uses is null. Tier: service. Errors: missing_parameter, invalid_parameter, competition_not_found, user_not_found, code_in_use.';

CREATE FUNCTION edurange.add_competition_challenge(
    group_id text, challenge_id text, points integer,
    caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.group_challenge
  AS 'MODULE_PATHNAME', 'edurange_add_competition_challenge' LANGUAGE C VOLATILE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.add_competition_challenge(text, text, integer, edurange.caller, text) IS
  'Places a challenge in a competition, worth points (0 or more). Tier: service. Errors: missing_parameter, invalid_parameter, competition_not_found, challenge_not_found, challenge_in_competition.';

CREATE FUNCTION edurange.join_competition(
    code text, user_id text, caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.joined_competition
  AS 'MODULE_PATHNAME', 'edurange_join_competition' LANGUAGE C VOLATILE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.join_competition(text, text, edurange.caller, text) IS
  'Makes a user a member of the competition that an access code (any letter case) belongs to and uses the code once. Who is a member already stays one, and no use is taken. Tier: player. Errors: missing_parameter, forbidden, user_not_found, access_code_invalid, competition_not_open.';

CREATE FUNCTION edurange.leaderboard(
    group_id text, "limit" integer DEFAULT 1000, "offset" integer DEFAULT 0,
    at timestamptz DEFAULT NULL, caller edurange.caller DEFAULT NULL)
  RETURNS SETOF edurange.leaderboard_entry
  AS 'MODULE_PATHNAME', 'edurange_leaderboard' LANGUAGE C STABLE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.leaderboard(text, integer, integer, timestamptz, edurange.caller) IS
  'The members of a competition by points, then by who reached them first, then by user id: 1 to 10000 rows after the first offset ones; none for an unknown competition. With a time: the board as it was then, by the ledger, of todays members and of former ones who had points; exact for times before the oldest transaction that is still open. Tier: player. Errors: missing_parameter, invalid_parameter, forbidden.';

CREATE FUNCTION edurange.competition_progress(
    group_id text, user_id text, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.progress
  AS 'MODULE_PATHNAME', 'edurange_competition_progress' LANGUAGE C STABLE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.competition_progress(text, text, edurange.caller) IS
  'The challenges of a competition in the order in which they were added, which of them a user has completed, and the share of completed ones in percent. Tier: player. Errors: missing_parameter, forbidden, competition_not_found, user_not_found.';
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

CREATE TYPE edurange.completion_result AS (
  completion edurange.question_completion,
  points edurange.group_points,
  "alreadyCompleted" boolean,
  "challengeCompleted" boolean);

CREATE FUNCTION edurange.attempt_question(
    user_id text, question_id text, group_challenge_id text, answer text,
    challenge_instance_id text DEFAULT NULL, caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.attempt_result
  AS 'MODULE_PATHNAME', 'edurange_attempt_question' LANGUAGE C VOLATILE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.attempt_question(text, text, text, text, text, edurange.caller, text) IS
  'Judges an answer, records the attempt and, when it is right, completes the question. Outer white space does not count; several choices are a JSON array of texts; a flag is compared with that of the user''s instance. Tier: player. Errors: missing_parameter, forbidden, user_not_found, question_not_found, group_challenge_not_found, instance_not_found, not_a_member, competition_not_open, flag_not_ready, too_many_attempts, out_of_range.';

CREATE FUNCTION edurange.complete_question(
    user_id text, question_id text, group_challenge_id text, is_correct boolean DEFAULT true,
    caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.completion_result
  AS 'MODULE_PATHNAME', 'edurange_complete_question' LANGUAGE C VOLATILE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.complete_question(text, text, text, boolean, edurange.caller, text) IS
  'Completes a question for a user, awards its points once and completes the challenge with its last required question. A player needs a correct attempt on record. Tier: player. Errors: missing_parameter, invalid_parameter, forbidden, user_not_found, question_not_found, group_challenge_not_found, not_a_member, competition_not_open, attempt_required.';

CREATE FUNCTION edurange.completed_questions(
    user_id text, group_challenge_id text, caller edurange.caller DEFAULT NULL)
  RETURNS SETOF edurange.question_completion
  AS 'MODULE_PATHNAME', 'edurange_completed_questions' LANGUAGE C STABLE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.completed_questions(text, text, edurange.caller) IS
  'What a user has completed of a group challenge, in the order of completion; nothing for anything unknown. Tier: player. Errors: missing_parameter, forbidden.';
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

CREATE TYPE edurange.challenge_detail AS (
  id text,
  name text,
  description text,
  type text,
  questions edurange.question[],
  "appConfigs" edurange.app_config[]);

CREATE FUNCTION edurange.challenge_details(
    challenge_id text, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.challenge_detail
  AS 'MODULE_PATHNAME', 'edurange_challenge_details' LANGUAGE C STABLE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.challenge_details(text, edurange.caller) IS
  'A challenge with its questions in order and its app configurations. A player sees no answer. Tier: player. Errors: missing_parameter, challenge_not_found.';

CREATE FUNCTION edurange.question_details(
    question_id text, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.question
  AS 'MODULE_PATHNAME', 'edurange_question_details' LANGUAGE C STABLE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.question_details(text, edurange.caller) IS
  'One question. A player sees no answer. Tier: player. Errors: missing_parameter, question_not_found.';

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

CREATE TYPE edurange.challenge_page AS (
  challenges edurange.challenge_item[],
  "nextCursor" text);

CREATE FUNCTION edurange.challenge_list(
    type text DEFAULT NULL, difficulty text DEFAULT NULL, pack_id text DEFAULT NULL,
    group_id text DEFAULT NULL, search text DEFAULT NULL, "limit" integer DEFAULT 100,
    cursor text DEFAULT NULL, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.challenge_page
  AS 'MODULE_PATHNAME', 'edurange_challenge_list' LANGUAGE C STABLE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.challenge_list(text, text, text, text, text, integer, text, edurange.caller) IS
  'A page of 1 to 500 challenges in the order of their ids, of those of a type, a difficulty (EASY, MEDIUM, HARD or EXPERT), a pack or a competition, or with a text in name or description (any letter case). nextCursor gets the next page and is null on the last. Tier: player. Errors: invalid_parameter, forbidden.';

CREATE FUNCTION edurange.challenges(caller edurange.caller DEFAULT NULL)
  RETURNS SETOF edurange.challenge_item
  AS 'MODULE_PATHNAME', 'edurange_challenges' LANGUAGE C STABLE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
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
  AS 'MODULE_PATHNAME', 'edurange_complete_challenge' LANGUAGE C VOLATILE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.complete_challenge(text, text, integer, text, text, edurange.caller, text) IS
  'Completes a challenge for a user. For a player it needs all required questions and awards nothing. A service may assert it, and raises what was paid for the challenge to points_earned, at most the larger of the group challenge''s points and the sum of its questions''; without points_earned nothing more is paid. A completion that is there is answered as it is. group_id and challenge_id, where given, must be the right ones. Tier: player. Errors: missing_parameter, invalid_parameter, forbidden, user_not_found, group_challenge_not_found, not_a_member, competition_not_open, challenge_not_complete, out_of_range.';

CREATE TYPE edurange.cdf_import_result AS (
  challenge_id text,
  created boolean,
  questions integer,
  app_configs integer);

CREATE FUNCTION edurange.cdf_import(
    document text, pack_id text DEFAULT NULL, caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.cdf_import_result
  AS 'MODULE_PATHNAME', 'edurange_cdf_import' LANGUAGE C VOLATILE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.cdf_import(text, text, edurange.caller, text) IS
  'Makes or updates a challenge from a document in the Challenge Definition Format; its id is metadata.id. A document that breaks a rule is refused whole, with a list of where. Tier: admin. Errors: missing_parameter, invalid_json, document_invalid, challenge_exists, question_in_use, invalid_parameter.';
-- Instances: bringing the table closer to what the Instance Manager reports.

CREATE TYPE edurange.sync_result AS (
  pods integer,
  changed integer);

CREATE TYPE edurange.sync_report AS (
  "lastAttempt" timestamptz,
  "lastSuccess" timestamptz,
  "lagSeconds" double precision,
  "consecutiveFailures" integer,
  "lastError" text,
  "podsSeen" integer,
  changed bigint);

CREATE FUNCTION edurange.sync_apply(
    snapshot jsonb, observed_at timestamptz DEFAULT pg_catalog.clock_timestamp())
  RETURNS edurange.sync_result
  AS 'MODULE_PATHNAME', 'edurange_sync_apply' LANGUAGE C VOLATILE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.sync_apply(jsonb, timestamptz) IS
  'Applies one observation of the Instance Manager: the object with challenge_pods that list-challenge-pods answers with, or {"error": text} for a poll that failed, which changes no instance. The same observation twice changes nothing the second time. Tier: admin. Errors: missing_parameter, invalid_parameter.';

CREATE FUNCTION edurange.sync_status()
  RETURNS edurange.sync_report
  AS 'MODULE_PATHNAME', 'edurange_sync_status' LANGUAGE C STABLE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.sync_status() IS
  'When the instances were last compared with the Instance Manager, how that went, and how far behind they are. Tier: service.';

CREATE TYPE edurange.instance_user AS (
  id text,
  name text,
  email text,
  role text);

CREATE TYPE edurange.instance AS (
  id text,
  "challengeId" text,
  "userId" text,
  "challengeUrl" text,
  status text,
  "flagSecretName" text,
  flag text,
  "user" edurange.instance_user,
  "groupChallengeId" text,
  "groupId" text);

CREATE TYPE edurange.instance_change AS (
  id text,
  "flagSecretName" text,
  flag text,
  status text);

CREATE FUNCTION edurange.challenge_instance(
    challenge_instance_id text, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.instance
  AS 'MODULE_PATHNAME', 'edurange_challenge_instance' LANGUAGE C STABLE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.challenge_instance(text, edurange.caller) IS
  'An instance, its owner, and the group challenge that it belongs to by challenge and competition. A player sees neither flag nor e-mail address. Tier: player. Errors: missing_parameter, forbidden, instance_not_found.';

CREATE FUNCTION edurange.challenge_instances(
    user_id text DEFAULT NULL, group_id text DEFAULT NULL, status text DEFAULT NULL,
    "limit" integer DEFAULT 100, cursor text DEFAULT NULL, caller edurange.caller DEFAULT NULL)
  RETURNS SETOF edurange.instance
  AS 'MODULE_PATHNAME', 'edurange_challenge_instances' LANGUAGE C STABLE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.challenge_instances(text, text, text, integer, text, edurange.caller) IS
  'Instances in the order of their ids, 1 to 500 after the id in cursor: those of a user, a competition or a status. Tier: service. Errors: invalid_parameter, forbidden.';

CREATE FUNCTION edurange.update_challenge_instance(
    instance_id text, status text DEFAULT NULL, flag_secret_name text DEFAULT NULL,
    flag text DEFAULT NULL, caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.instance_change
  AS 'MODULE_PATHNAME', 'edurange_update_challenge_instance' LANGUAGE C VOLATILE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.update_challenge_instance(text, text, text, text, edurange.caller, text) IS
  'Changes status, flag or the name of the flag''s secret of an instance; the answer does not repeat the flag. A status can only go where an instance can go from the one it has. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, instance_not_found, illegal_transition.';
-- Bearer tokens of the HTTP shim.  Only the SHA-256 of a token is stored.

CREATE TYPE edurange.token_record AS (
  id text,
  tier text,
  label text,
  "userId" text,
  "instanceId" text,
  "createdAt" timestamptz,
  "createdBy" text,
  "expiresAt" timestamptz,
  "revokedAt" timestamptz);

CREATE TYPE edurange.new_token AS (
  id text,
  token text,
  tier text,
  label text,
  "userId" text,
  "instanceId" text,
  "expiresAt" timestamptz);

CREATE FUNCTION edurange.create_token(
    tier text, label text, expires timestamptz DEFAULT NULL,
    user_id text DEFAULT NULL, instance_id text DEFAULT NULL)
  RETURNS edurange.new_token
  AS 'MODULE_PATHNAME', 'edurange_create_token' LANGUAGE C VOLATILE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.create_token(text, text, timestamptz, text, text) IS
  'Makes a token of tier player, service or admin, optionally bound to a user or an instance, and returns it: this once, it is not stored. Tier: admin. Errors: missing_parameter, invalid_parameter, user_not_found, instance_not_found.';

CREATE FUNCTION edurange.revoke_token(id text)
  RETURNS edurange.token_record
  AS 'MODULE_PATHNAME', 'edurange_revoke_token' LANGUAGE C VOLATILE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.revoke_token(text) IS
  'Makes a token invalid from now on; one that was revoked before keeps its time. Tier: admin. Errors: missing_parameter, token_not_found.';

CREATE FUNCTION edurange.tokens()
  RETURNS SETOF edurange.token_record
  AS 'MODULE_PATHNAME', 'edurange_tokens' LANGUAGE C STABLE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.tokens() IS
  'All tokens, newest first, without their secrets. Tier: admin.';

CREATE FUNCTION edurange.authenticate_token(token_sha256 bytea)
  RETURNS edurange.token_record
  AS 'MODULE_PATHNAME', 'edurange_authenticate_token' LANGUAGE C STABLE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.authenticate_token(bytea) IS
  'The valid token with this SHA-256, null where there is none, it has expired or was revoked. Tier: player.';
-- Health: is everything in place?

CREATE TYPE edurange.health_connections AS (
  current integer,
  max integer,
  utilization_percent numeric);

CREATE TYPE edurange.health_performance AS (
  query_latency_ms numeric,
  transaction_latency_ms numeric);

CREATE TYPE edurange.health_storage AS (
  database_size_mb numeric,
  pretty_size text);

CREATE TYPE edurange.health_table AS (
  schemaname text,
  table_name text,
  row_count bigint,
  table_size text);

CREATE TYPE edurange.health_report AS (
  status text,
  message text,
  database text,
  "timestamp" timestamptz,
  version text,
  uptime text,
  connections edurange.health_connections,
  performance edurange.health_performance,
  storage edurange.health_storage,
  metrics_errors text[],
  tables edurange.health_table[],
  tables_info text,
  edurange_version text,
  missing text[],
  sync edurange.sync_report);

CREATE FUNCTION edurange.health()
  RETURNS edurange.health_report
  AS 'MODULE_PATHNAME', 'edurange_health' LANGUAGE C STABLE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.health() IS
  'The state of the server: version, connections, latencies in milliseconds, sizes, the ten largest tables by live rows as the statistics have them, what is missing of the tables, and how the sync worker does. Tier: service.';

CREATE TYPE edurange.readiness AS (
  ready boolean,
  version text,
  missing text[]);

CREATE FUNCTION edurange.readiness()
  RETURNS edurange.readiness
  AS 'MODULE_PATHNAME', 'edurange_readiness' LANGUAGE C STABLE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.readiness() IS
  'Whether tables, triggers, defaults, indexes and grants are all in place for this version of the extension, and what is missing; edurange.migrate() makes it. Tier: player.';
-- Activity: what users did, as others report it.

CREATE TYPE edurange.activity_entry AS (
  id text,
  "timestamp" timestamptz);

CREATE FUNCTION edurange.log_activity(
    event_type text, user_id text, severity text DEFAULT 'INFO', metadata text DEFAULT NULL,
    challenge_id text DEFAULT NULL, group_id text DEFAULT NULL,
    challenge_instance_id text DEFAULT NULL, access_code_id text DEFAULT NULL,
    details text DEFAULT NULL, caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.activity_entry
  AS 'MODULE_PATHNAME', 'edurange_log_activity' LANGUAGE C VOLATILE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.log_activity(text, text, text, text, text, text, text, text, text, edurange.caller, text) IS
  'Writes an entry to the activity log; metadata is the text of a JSON object. Nothing loses the entry: an unknown event type becomes SYSTEM_ERROR, an unknown severity INFO, unknown ids are kept in the metadata, an unknown user is stood in for by metadata.deletedBy or updatedBy or by the account edurange-system. Keys answer, flag and token are taken out. A player''s severity is WARNING at most, and a question''s event that the server has written within a minute is not written twice. Tier: player. Errors: missing_parameter, forbidden.';
-- The tables: edurange.migrate() makes them, edurange.assertions() says what must be in place.

CREATE FUNCTION edurange.platform_tables() RETURNS text[]
  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT ARRAY['User', 'Account', 'Session', 'VerificationToken', 'ChallengeType', 'ChallengePack',
    'Challenge', 'ChallengeQuestion', 'ChallengeAppConfig', 'CompetitionGroup',
    '_GroupInstructors', '_GroupMembers', 'CompetitionAccessCode', 'GroupPoints',
    'GroupChallenge', 'ChallengeCompletion', 'QuestionCompletion', 'QuestionAttempt',
    'ChallengeInstance', 'ActivityLog']
$$;
COMMENT ON FUNCTION edurange.platform_tables() IS
  'The names of the platform''s tables in schema public.';

CREATE FUNCTION edurange.assertions()
  RETURNS TABLE (kind text, name text, present boolean, apply text)
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $assertions$
  WITH platform AS (
    SELECT t.name, to_regclass(format('public.%I', t.name)) AS oid
    FROM unnest(edurange.platform_tables()) WITH ORDINALITY AS t (name, position)
  ), wanted_trigger (table_name, name, events) AS (VALUES
    ('GroupPoints', 'edurange_group_points_changed', 'INSERT OR UPDATE OR DELETE'),
    ('GroupPoints', 'edurange_group_points_truncated', 'TRUNCATE'),
    ('_GroupMembers', 'edurange_group_members_changed', 'INSERT OR UPDATE OR DELETE'),
    ('_GroupMembers', 'edurange_group_members_truncated', 'TRUNCATE')
  ), wanted_index (table_name, name, columns) AS (VALUES
    ('QuestionAttempt', 'edurange_question_attempt_idx',
     '"userId", "questionId", "groupChallengeId", "attemptedAt"'),
    ('QuestionCompletion', 'edurange_question_completion_idx', '"groupChallengeId", "userId"'),
    ('ChallengeCompletion', 'edurange_challenge_completion_idx', '"groupChallengeId"'),
    ('GroupChallenge', 'edurange_group_challenge_idx', '"groupId"'),
    ('GroupPoints', 'edurange_group_points_idx', '"groupId"'),
    ('CompetitionAccessCode', 'edurange_access_code_idx', '"groupId"'),
    ('ChallengeInstance', 'edurange_instance_user_idx', '"userId"'),
    ('ChallengeInstance', 'edurange_instance_competition_idx', '"competitionId"'),
    ('ActivityLog', 'edurange_activity_time_idx', '"timestamp"'),
    ('ActivityLog', 'edurange_activity_user_idx', '"userId", "timestamp"'),
    ('ActivityLog', 'edurange_activity_group_idx', '"groupId"'),
    ('ActivityLog', 'edurange_activity_challenge_idx', '"challengeId"'),
    ('ActivityLog', 'edurange_activity_code_idx', '"accessCodeId"'),
    ('ActivityLog', 'edurange_activity_instance_idx', '"challengeInstanceId"')
  )
  SELECT 'table', format('public.%I', p.name), p.oid IS NOT NULL, NULL FROM platform p
  UNION ALL
  SELECT 'migration', format('%s %s', s.number, s.name),
    CASE WHEN to_regclass('edurange.migration') IS NULL THEN false
      ELSE edurange.migration_applied(s.number) END, NULL
  FROM edurange.migration_source() s
  UNION ALL
  SELECT 'grant', format('%s on public.%I to edurange_owner', privilege, p.name),
    has_table_privilege('edurange_owner', p.oid, privilege),
    format('GRANT %s ON public.%I TO edurange_owner', privilege, p.name)
  FROM platform p,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'REFERENCES']) AS needed (privilege)
  WHERE p.oid IS NOT NULL
  UNION ALL
  SELECT 'grant', format('usage on schema %I to %I', g.schema, g.role),
    has_schema_privilege(g.role, g.schema, 'USAGE'),
    format('GRANT USAGE ON SCHEMA %I TO %I', g.schema, g.role)
  FROM (VALUES ('public', 'edurange_owner'), ('edurange', 'edurange_owner'),
    ('edurange', 'edurange_player'), ('edurange', 'edurange_service'),
    ('edurange', 'edurange_admin')) AS g (schema, role)
  UNION ALL
  SELECT 'default', format('public.%I.%I', p.name, a.attname),
    EXISTS (SELECT FROM pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum),
    format('ALTER TABLE public.%I ALTER COLUMN %I SET DEFAULT %s', p.name, a.attname,
      CASE a.attname WHEN 'id' THEN 'edurange.new_id()'
        ELSE $$(now() AT TIME ZONE 'UTC')$$ END)
  FROM platform p JOIN pg_attribute a ON a.attrelid = p.oid
  WHERE a.attname IN ('id', 'updatedAt') AND NOT a.attisdropped
  UNION ALL
  SELECT 'index', w.name, to_regclass('public.' || w.name) IS NOT NULL,
    format('CREATE INDEX %I ON public.%I (%s) WHERE %s IS NOT NULL', w.name, w.table_name,
      w.columns, split_part(w.columns, ',', 1))
  FROM wanted_index w JOIN platform p ON p.name = w.table_name WHERE p.oid IS NOT NULL
  UNION ALL
  SELECT 'trigger', format('%s on public.%I', w.name, w.table_name),
    EXISTS (SELECT FROM pg_trigger t
      WHERE t.tgrelid = p.oid AND t.tgname = w.name AND t.tgenabled IN ('O', 'A')),
    format('CREATE OR REPLACE TRIGGER %I AFTER %s ON public.%I FOR EACH %s'
      ' EXECUTE FUNCTION edurange.%I(); ALTER TABLE public.%I ENABLE TRIGGER %I',
      w.name, w.events, w.table_name,
      CASE w.events WHEN 'TRUNCATE' THEN 'STATEMENT' ELSE 'ROW' END,
      CASE w.table_name WHEN 'GroupPoints' THEN 'group_points_changed'
        ELSE 'group_members_changed' END, w.table_name, w.name)
  FROM wanted_trigger w JOIN platform p ON p.name = w.table_name WHERE p.oid IS NOT NULL
$assertions$;
COMMENT ON FUNCTION edurange.assertions() IS
  'What must be in place for this version, whether it is, and the statement that makes it.';

CREATE FUNCTION edurange.migration_applied(number integer) RETURNS boolean
  AS 'MODULE_PATHNAME', 'edurange_migration_applied' LANGUAGE C STABLE STRICT
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.migration_applied(integer) IS
  'Whether a migration has been applied to this database.';

CREATE FUNCTION edurange.migrate(platform_owner text DEFAULT NULL)
  RETURNS TABLE (kind text, name text)
  AS 'MODULE_PATHNAME', 'edurange_migrate' LANGUAGE C VOLATILE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.migrate(text) IS
  'Creates or upgrades the tables and puts grants, triggers, defaults and indexes in place, in one transaction, and returns what it did: no row, nothing was missing. Adopts tables that exist already and changes none of their rows. New platform tables belong to platform_owner (default: the owner of the database). Waits at most lock_timeout, or 10 s where that is not set, for a lock. Needs a superuser. Errors: migration_changed, schema_incompatible, forbidden.';
CREATE FUNCTION edurange.migration_source()
  RETURNS TABLE (number integer, name text, sha256 text, sql text)
  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $migration_source$ VALUES
(1, 'platform', '21313f13a6208d5a0c24ea78d9721f8e62ba4c8eca126ef2fafad353e603bf24', $migration$-- The platform's tables, types, keys and indexes, in the shape that its Prisma client expects.
-- Names, types, defaults and actions are the interface: nothing may be added here that Prisma would
-- take for a difference.  What exists already is adopted as it is; edurange.migrate() checks its
-- shape.

SET LOCAL search_path = public;

DO $$
BEGIN
  IF pg_catalog.to_regtype('"UserRole"') IS NULL THEN
    CREATE TYPE "UserRole" AS ENUM (
      'ADMIN', 'INSTRUCTOR', 'STUDENT');
  END IF;
  IF pg_catalog.to_regtype('"LogSeverity"') IS NULL THEN
    CREATE TYPE "LogSeverity" AS ENUM (
      'INFO', 'WARNING', 'ERROR', 'CRITICAL');
  END IF;
  IF pg_catalog.to_regtype('"ChallengeDifficulty"') IS NULL THEN
    CREATE TYPE "ChallengeDifficulty" AS ENUM (
      'EASY', 'MEDIUM', 'HARD', 'EXPERT');
  END IF;
  IF pg_catalog.to_regtype('"ChallengeStatus"') IS NULL THEN
    CREATE TYPE "ChallengeStatus" AS ENUM (
      'CREATING', 'ACTIVE', 'QUEUED', 'TERMINATING', 'TERMINATED', 'ERROR');
  END IF;
  IF pg_catalog.to_regtype('"ActivityEventType"') IS NULL THEN
    CREATE TYPE "ActivityEventType" AS ENUM (
      'USER_REGISTERED', 'USER_LOGGED_IN', 'USER_ROLE_CHANGED', 'USER_UPDATED',
      'CHALLENGE_COMPLETED', 'CHALLENGE_INSTANCE_CREATED', 'CHALLENGE_INSTANCE_DELETED',
      'CHALLENGE_INSTANCE_QUEUED', 'QUESTION_ATTEMPTED', 'QUESTION_COMPLETED',
      'GROUP_JOINED', 'GROUP_CREATED', 'GROUP_UPDATED', 'GROUP_LEFT', 'GROUP_DELETED',
      'ACCESS_CODE_GENERATED', 'ACCESS_CODE_USED', 'ACCESS_CODE_EXPIRED',
      'ACCESS_CODE_DELETED', 'ACCESS_CODE_INVALID', 'CHALLENGE_TERMINATION_INITIATED',
      'SYSTEM_WARNING', 'SYSTEM_ERROR', 'SECURITY_EVENT', 'CHALLENGE_PACK_INSTALLED',
      'CHALLENGE_TYPE_INSTALLED');
  END IF;
END
$$;

-- Parents first: each foreign key points at a table above it, so the file
-- order is also a load order that never meets a missing parent.

CREATE TABLE IF NOT EXISTS "User" (
  id text NOT NULL CONSTRAINT "User_pkey" PRIMARY KEY,
  name text,
  email text NOT NULL,
  "emailVerified" timestamp(3),
  image text,
  role "UserRole" NOT NULL DEFAULT 'STUDENT',
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "User_email_key" ON "User" (email);

CREATE TABLE IF NOT EXISTS "Account" (
  id text NOT NULL CONSTRAINT "Account_pkey" PRIMARY KEY,
  "userId" text NOT NULL CONSTRAINT "Account_userId_fkey"
    REFERENCES "User" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  type text NOT NULL,
  provider text NOT NULL,
  "providerAccountId" text NOT NULL,
  refresh_token text,
  access_token text,
  expires_at integer,
  token_type text,
  scope text,
  id_token text,
  session_state text);
CREATE UNIQUE INDEX IF NOT EXISTS "Account_provider_providerAccountId_key"
  ON "Account" (provider, "providerAccountId");

CREATE TABLE IF NOT EXISTS "Session" (
  id text NOT NULL CONSTRAINT "Session_pkey" PRIMARY KEY,
  "sessionToken" text NOT NULL,
  "userId" text NOT NULL CONSTRAINT "Session_userId_fkey"
    REFERENCES "User" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  expires timestamp(3) NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "Session_sessionToken_key" ON "Session" ("sessionToken");

-- No primary key (Prisma makes none): logical replication needs a replica identity here.
CREATE TABLE IF NOT EXISTS "VerificationToken" (
  identifier text NOT NULL,
  token text NOT NULL,
  expires timestamp(3) NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "VerificationToken_token_key" ON "VerificationToken" (token);
CREATE UNIQUE INDEX IF NOT EXISTS "VerificationToken_identifier_token_key"
  ON "VerificationToken" (identifier, token);

CREATE TABLE IF NOT EXISTS "ChallengeType" (
  id text NOT NULL CONSTRAINT "ChallengeType_pkey" PRIMARY KEY,
  name text NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "ChallengeType_name_key" ON "ChallengeType" (name);

CREATE TABLE IF NOT EXISTS "ChallengePack" (
  id text NOT NULL CONSTRAINT "ChallengePack_pkey" PRIMARY KEY,
  name text NOT NULL,
  description text,
  version text NOT NULL,
  author text,
  license text,
  website text,
  installed_date timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL);

CREATE TABLE IF NOT EXISTS "Challenge" (
  id text NOT NULL CONSTRAINT "Challenge_pkey" PRIMARY KEY,
  name text NOT NULL,
  description text,
  difficulty "ChallengeDifficulty",
  "challengeTypeId" text NOT NULL CONSTRAINT "Challenge_challengeTypeId_fkey"
    REFERENCES "ChallengeType" (id) ON UPDATE CASCADE ON DELETE RESTRICT,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL,
  cdf_version text,
  cdf_content jsonb,
  pack_id text CONSTRAINT "Challenge_pack_id_fkey"
    REFERENCES "ChallengePack" (id) ON UPDATE CASCADE ON DELETE SET NULL,
  pack_challenge_id text);
CREATE UNIQUE INDEX IF NOT EXISTS "Challenge_pack_id_pack_challenge_id_key"
  ON "Challenge" (pack_id, pack_challenge_id);

CREATE TABLE IF NOT EXISTS "ChallengeQuestion" (
  id text NOT NULL CONSTRAINT "ChallengeQuestion_pkey" PRIMARY KEY,
  "challengeId" text NOT NULL CONSTRAINT "ChallengeQuestion_challengeId_fkey"
    REFERENCES "Challenge" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  content text NOT NULL,
  type text NOT NULL,
  points integer NOT NULL,
  answer text,
  "order" integer NOT NULL,
  title text,
  format text,
  hint text,
  required boolean NOT NULL DEFAULT true,
  cdf_question_id text,
  cdf_payload jsonb,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "ChallengeQuestion_challengeId_order_key"
  ON "ChallengeQuestion" ("challengeId", "order");

CREATE TABLE IF NOT EXISTS "ChallengeAppConfig" (
  id text NOT NULL CONSTRAINT "ChallengeAppConfig_pkey" PRIMARY KEY,
  "challengeId" text NOT NULL CONSTRAINT "ChallengeAppConfig_challengeId_fkey"
    REFERENCES "Challenge" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "appId" text NOT NULL,
  title text NOT NULL,
  icon text NOT NULL,
  width integer NOT NULL,
  height integer NOT NULL,
  screen text NOT NULL,
  disabled boolean NOT NULL DEFAULT false,
  favourite boolean NOT NULL DEFAULT false,
  desktop_shortcut boolean NOT NULL DEFAULT false,
  launch_on_startup boolean NOT NULL DEFAULT false,
  additional_config jsonb DEFAULT '{}',
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "ChallengeAppConfig_challengeId_appId_key"
  ON "ChallengeAppConfig" ("challengeId", "appId");

CREATE TABLE IF NOT EXISTS "CompetitionGroup" (
  id text NOT NULL CONSTRAINT "CompetitionGroup_pkey" PRIMARY KEY,
  name text NOT NULL,
  description text,
  "startDate" timestamp(3) NOT NULL,
  "endDate" timestamp(3),
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL);

-- Implicit many-to-many tables.  A is the group, B the user (models in alphabetical order).  A
-- table that Prisma 5 or older made has the unique index "<name>_AB_unique" in place of this
-- primary key and keeps it.
CREATE TABLE IF NOT EXISTS "_GroupInstructors" (
  "A" text NOT NULL CONSTRAINT "_GroupInstructors_A_fkey"
    REFERENCES "CompetitionGroup" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "B" text NOT NULL CONSTRAINT "_GroupInstructors_B_fkey"
    REFERENCES "User" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  CONSTRAINT "_GroupInstructors_AB_pkey" PRIMARY KEY ("A", "B"));
CREATE INDEX IF NOT EXISTS "_GroupInstructors_B_index" ON "_GroupInstructors" ("B");

CREATE TABLE IF NOT EXISTS "_GroupMembers" (
  "A" text NOT NULL CONSTRAINT "_GroupMembers_A_fkey"
    REFERENCES "CompetitionGroup" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "B" text NOT NULL CONSTRAINT "_GroupMembers_B_fkey"
    REFERENCES "User" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  CONSTRAINT "_GroupMembers_AB_pkey" PRIMARY KEY ("A", "B"));
CREATE INDEX IF NOT EXISTS "_GroupMembers_B_index" ON "_GroupMembers" ("B");

CREATE TABLE IF NOT EXISTS "CompetitionAccessCode" (
  id text NOT NULL CONSTRAINT "CompetitionAccessCode_pkey" PRIMARY KEY,
  code text NOT NULL,
  "expiresAt" timestamp(3),
  "maxUses" integer,
  "usedCount" integer NOT NULL DEFAULT 0,
  "groupId" text NOT NULL CONSTRAINT "CompetitionAccessCode_groupId_fkey"
    REFERENCES "CompetitionGroup" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "createdBy" text NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "CompetitionAccessCode_code_key"
  ON "CompetitionAccessCode" (code);

CREATE TABLE IF NOT EXISTS "GroupPoints" (
  id text NOT NULL CONSTRAINT "GroupPoints_pkey" PRIMARY KEY,
  points integer NOT NULL DEFAULT 0,
  "userId" text NOT NULL CONSTRAINT "GroupPoints_userId_fkey"
    REFERENCES "User" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "groupId" text NOT NULL CONSTRAINT "GroupPoints_groupId_fkey"
    REFERENCES "CompetitionGroup" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "GroupPoints_userId_groupId_key"
  ON "GroupPoints" ("userId", "groupId");

CREATE TABLE IF NOT EXISTS "GroupChallenge" (
  id text NOT NULL CONSTRAINT "GroupChallenge_pkey" PRIMARY KEY,
  points integer NOT NULL,
  "challengeId" text NOT NULL CONSTRAINT "GroupChallenge_challengeId_fkey"
    REFERENCES "Challenge" (id) ON UPDATE CASCADE ON DELETE RESTRICT,
  "groupId" text NOT NULL CONSTRAINT "GroupChallenge_groupId_fkey"
    REFERENCES "CompetitionGroup" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updatedAt" timestamp(3) NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "GroupChallenge_challengeId_groupId_key"
  ON "GroupChallenge" ("challengeId", "groupId");

CREATE TABLE IF NOT EXISTS "ChallengeCompletion" (
  id text NOT NULL CONSTRAINT "ChallengeCompletion_pkey" PRIMARY KEY,
  "userId" text NOT NULL CONSTRAINT "ChallengeCompletion_userId_fkey"
    REFERENCES "User" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "groupChallengeId" text NOT NULL
    CONSTRAINT "ChallengeCompletion_groupChallengeId_fkey"
    REFERENCES "GroupChallenge" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "pointsEarned" integer NOT NULL,
  "completedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE UNIQUE INDEX IF NOT EXISTS "ChallengeCompletion_userId_groupChallengeId_key"
  ON "ChallengeCompletion" ("userId", "groupChallengeId");

CREATE TABLE IF NOT EXISTS "QuestionCompletion" (
  id text NOT NULL CONSTRAINT "QuestionCompletion_pkey" PRIMARY KEY,
  "questionId" text NOT NULL CONSTRAINT "QuestionCompletion_questionId_fkey"
    REFERENCES "ChallengeQuestion" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "userId" text NOT NULL CONSTRAINT "QuestionCompletion_userId_fkey"
    REFERENCES "User" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "groupChallengeId" text NOT NULL
    CONSTRAINT "QuestionCompletion_groupChallengeId_fkey"
    REFERENCES "GroupChallenge" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "completedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "pointsEarned" integer NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS "QuestionCompletion_userId_questionId_groupChallengeId_key"
  ON "QuestionCompletion" ("userId", "questionId", "groupChallengeId");

CREATE TABLE IF NOT EXISTS "QuestionAttempt" (
  id text NOT NULL CONSTRAINT "QuestionAttempt_pkey" PRIMARY KEY,
  "questionId" text NOT NULL CONSTRAINT "QuestionAttempt_questionId_fkey"
    REFERENCES "ChallengeQuestion" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "userId" text NOT NULL CONSTRAINT "QuestionAttempt_userId_fkey"
    REFERENCES "User" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "groupChallengeId" text NOT NULL
    CONSTRAINT "QuestionAttempt_groupChallengeId_fkey"
    REFERENCES "GroupChallenge" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "attemptedAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  answer text NOT NULL,
  "isCorrect" boolean NOT NULL);

CREATE TABLE IF NOT EXISTS "ChallengeInstance" (
  id text NOT NULL CONSTRAINT "ChallengeInstance_pkey" PRIMARY KEY,
  "challengeId" text NOT NULL CONSTRAINT "ChallengeInstance_challengeId_fkey"
    REFERENCES "Challenge" (id) ON UPDATE CASCADE ON DELETE RESTRICT,
  "userId" text NOT NULL CONSTRAINT "ChallengeInstance_userId_fkey"
    REFERENCES "User" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "challengeUrl" text NOT NULL,
  "creationTime" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  status "ChallengeStatus" NOT NULL,
  "terminationAttempts" integer NOT NULL DEFAULT 0,
  "lastStatusChange" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "flagSecretName" text,
  flag text,
  metadata jsonb,
  "competitionId" text NOT NULL CONSTRAINT "ChallengeInstance_competitionId_fkey"
    REFERENCES "CompetitionGroup" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  k8s_instance_name text);
CREATE INDEX IF NOT EXISTS "ChallengeInstance_challengeId_idx"
  ON "ChallengeInstance" ("challengeId");

CREATE TABLE IF NOT EXISTS "ActivityLog" (
  id text NOT NULL CONSTRAINT "ActivityLog_pkey" PRIMARY KEY,
  "eventType" "ActivityEventType" NOT NULL,
  "userId" text NOT NULL CONSTRAINT "ActivityLog_userId_fkey"
    REFERENCES "User" (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "challengeId" text CONSTRAINT "ActivityLog_challengeId_fkey"
    REFERENCES "Challenge" (id) ON UPDATE CASCADE ON DELETE SET NULL,
  "groupId" text CONSTRAINT "ActivityLog_groupId_fkey"
    REFERENCES "CompetitionGroup" (id) ON UPDATE CASCADE ON DELETE SET NULL,
  metadata jsonb NOT NULL,
  "timestamp" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "accessCodeId" text CONSTRAINT "ActivityLog_accessCodeId_fkey"
    REFERENCES "CompetitionAccessCode" (id) ON UPDATE CASCADE ON DELETE SET NULL,
  "challengeInstanceId" text CONSTRAINT "ActivityLog_challengeInstanceId_fkey"
    REFERENCES "ChallengeInstance" (id) ON UPDATE CASCADE ON DELETE SET NULL,
  severity "LogSeverity" NOT NULL DEFAULT 'INFO');
$migration$),
(2, 'edurange', 'b6bee456d1306805e979810b203d2da59e38f7eb7a5f173f77bd512aadc5ba34', $migration$-- The project's own tables, in schema edurange.  They are no members of the extension, so that a
-- dump carries every row and DROP EXTENSION takes none.  No foreign keys into the platform's
-- tables: the ledger outlives who it speaks of.

SET LOCAL search_path = edurange;

-- Every change of a total, append-only.  (user_id, group_id, seq) counts from 1 without a gap.
CREATE TABLE points_ledger (
  user_id text NOT NULL,
  group_id text NOT NULL,
  seq bigint NOT NULL,
  delta bigint NOT NULL,
  balance integer NOT NULL,
  kind text NOT NULL CONSTRAINT points_ledger_kind_check
    CHECK (kind IN ('opening', 'award', 'add', 'set', 'external', 'moved', 'removed')),
  source_id text,
  actor text NOT NULL,
  reason text,
  at timestamptz NOT NULL,
  CONSTRAINT points_ledger_pkey PRIMARY KEY (user_id, group_id, seq));

-- The head of each pair's ledger, and the board: points is the last balance, seq its number,
-- changed_at its time, reached_at the time of the last entry that changed the total.  reset_at is
-- when somebody last set the total to zero, as an instructor's reset does.  A pair keeps its row when
-- the user leaves, so that seq goes on; only members are on the board.
CREATE TABLE standing (
  group_id text NOT NULL,
  user_id text NOT NULL,
  points integer NOT NULL DEFAULT 0,
  seq bigint NOT NULL DEFAULT 0,
  reached_at timestamptz,
  changed_at timestamptz NOT NULL,
  reset_at timestamptz,
  member boolean NOT NULL DEFAULT false,
  CONSTRAINT standing_pkey PRIMARY KEY (group_id, user_id))
  WITH (fillfactor = 70);
CREATE INDEX standing_board_idx ON standing (group_id, points DESC, reached_at, user_id)
  WHERE member;

CREATE TABLE token (
  id text NOT NULL CONSTRAINT token_pkey PRIMARY KEY,
  token_sha256 bytea NOT NULL CONSTRAINT token_token_sha256_key UNIQUE,
  tier text NOT NULL CONSTRAINT token_tier_check CHECK (tier IN ('player', 'service', 'admin')),
  label text NOT NULL,
  user_id text,
  instance_id text,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  expires_at timestamptz,
  revoked_at timestamptz);

-- The exact text of each imported document; jsonb keeps neither order nor spelling.
CREATE TABLE cdf_document (
  challenge_id text NOT NULL CONSTRAINT cdf_document_pkey PRIMARY KEY,
  document text NOT NULL,
  imported_at timestamptz NOT NULL);

-- Which request an idempotency key stands for, and what was answered.
CREATE TABLE idempotency (
  caller text NOT NULL,
  function text NOT NULL,
  key text NOT NULL,
  request_sha256 bytea NOT NULL,
  response text NOT NULL,
  created_at timestamptz NOT NULL,
  CONSTRAINT idempotency_pkey PRIMARY KEY (caller, function, key));
CREATE INDEX idempotency_created_at_idx ON idempotency (created_at);

-- How the comparison with the Instance Manager goes: one row.
CREATE TABLE sync_state (
  only_row boolean NOT NULL DEFAULT true CONSTRAINT sync_state_pkey PRIMARY KEY
    CONSTRAINT sync_state_only_row_check CHECK (only_row),
  last_attempt timestamptz,
  last_success timestamptz,
  consecutive_failures integer NOT NULL DEFAULT 0,
  last_error text,
  pods_seen integer,
  changed bigint NOT NULL DEFAULT 0);
INSERT INTO sync_state DEFAULT VALUES;
$migration$)
$migration_source$;

COMMENT ON FUNCTION edurange.migration_source() IS

  'The migrations that edurange.migrate() applies, as the extension was built with them.';
-- Who may call what.  Everything belongs to edurange_owner and nothing to PUBLIC but new_id(), the
-- default of the platform's id columns.  Each tier adds to the one before.

DO $$
DECLARE
  member record;
BEGIN
  FOR member IN
    SELECT d.classid, d.objid FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'edurange'
    WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
  LOOP
    IF member.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass THEN
      EXECUTE pg_catalog.format('ALTER FUNCTION %s OWNER TO edurange_owner',
                                member.objid::pg_catalog.regprocedure);
      EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC',
                                member.objid::pg_catalog.regprocedure);
    ELSIF EXISTS (SELECT FROM pg_catalog.pg_type t
        WHERE member.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
        AND t.oid = member.objid AND t.typcategory <> 'A') THEN  -- arrays follow their elements
      EXECUTE pg_catalog.format('ALTER TYPE %s OWNER TO edurange_owner',
                                member.objid::pg_catalog.regtype);
    END IF;
  END LOOP;
END
$$;

GRANT USAGE ON SCHEMA edurange
  TO edurange_owner, edurange_player, edurange_service, edurange_admin;

GRANT EXECUTE ON FUNCTION edurange.new_id TO PUBLIC;

GRANT EXECUTE ON FUNCTION
  edurange.wire, edurange.readiness, edurange.authenticate_token,
  edurange.get_points, edurange.leaderboard, edurange.join_competition,
  edurange.challenge_details, edurange.challenge_list, edurange.challenges,
  edurange.question_details, edurange.completed_questions, edurange.attempt_question,
  edurange.complete_question, edurange.complete_challenge, edurange.competition_progress,
  edurange.challenge_instance, edurange.log_activity
  TO edurange_player;

GRANT EXECUTE ON FUNCTION
  edurange.add_points, edurange.set_points, edurange.points_history,
  edurange.create_competition, edurange.generate_access_code,
  edurange.add_competition_challenge, edurange.sync_status, edurange.health,
  edurange.challenge_instances, edurange.update_challenge_instance
  TO edurange_service;

GRANT EXECUTE ON FUNCTION
  edurange.cdf_import, edurange.sync_apply, edurange.check_invariants,
  edurange.create_token, edurange.revoke_token, edurange.tokens
  TO edurange_admin;
