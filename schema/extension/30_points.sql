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
  at timestamptz,
  via text,
  "effectiveAt" timestamptz);
COMMENT ON TYPE edurange.points_entry IS 'Nullable: sourceId, reason, via, effectiveAt.';

CREATE FUNCTION edurange.add_points(
    user_id text, group_id text, points integer, reason text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.group_points
  AS 'MODULE_PATHNAME', 'edurange_add_points' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.add_points(text, text, integer, text, edurange.caller, text) IS
  'Adds points (negative: takes them away) to a member''s total in a competition and returns the new total. Tier: service. Errors: missing_parameter, user_not_found, competition_not_found, not_a_member, out_of_range, forbidden, invalid_parameter.';

CREATE FUNCTION edurange.set_points(
    user_id text, group_id text, points integer, reason text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.group_points
  AS 'MODULE_PATHNAME', 'edurange_set_points' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.set_points(text, text, integer, text, edurange.caller, text) IS
  'Sets a member''s total in a competition and returns it. A total of 0 is a reset: a lock of attempts is lifted, and earlier attempts back nothing any more; completions stay. Tier: service. Errors: missing_parameter, user_not_found, competition_not_found, not_a_member, forbidden, invalid_parameter.';

CREATE FUNCTION edurange.get_points(
    user_id text, group_id text, caller edurange.caller DEFAULT NULL)
  RETURNS integer
  AS 'MODULE_PATHNAME', 'edurange_get_points' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.get_points(text, text, edurange.caller) IS
  'A user''s total in a competition; 0 for anything unknown. Tier: player. Errors: missing_parameter, forbidden.';

CREATE FUNCTION edurange.points_history(
    user_id text, group_id text, "limit" integer DEFAULT 100, before_seq bigint DEFAULT NULL,
    caller edurange.caller DEFAULT NULL)
  RETURNS SETOF edurange.points_entry
  AS 'MODULE_PATHNAME', 'edurange_points_entries' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.points_history(text, text, integer, bigint, edurange.caller) IS
  'The ledger of a user in a competition, newest entry first, 1 to 1000 entries, optionally only those before a seq; where a user acted through a token or role, the actor is the user and via names that; effectiveAt is when a change counts, where that is earlier than when it was written. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden.';

CREATE FUNCTION edurange.check_invariants(caller edurange.caller DEFAULT NULL)
  RETURNS TABLE (invariant text, "userId" text, "groupId" text, detail text)
  AS 'MODULE_PATHNAME', 'edurange_check_invariants' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.check_invariants(edurange.caller) IS
  'One row for each violation of what must always hold between totals, ledger, standing and membership; no row: all is well. Reads the whole ledger and all totals and memberships, some seconds for each million entries; pg_stat_activity shows how far it is. Tier: admin.';

CREATE FUNCTION edurange.group_points_changed() RETURNS trigger
  AS 'MODULE_PATHNAME', 'edurange_group_points_changed' LANGUAGE C;
COMMENT ON FUNCTION edurange.group_points_changed() IS
  'Trigger of public."GroupPoints": writes every change of a total to the ledger and the standing.';

CREATE FUNCTION edurange.group_members_changed() RETURNS trigger
  AS 'MODULE_PATHNAME', 'edurange_group_members_changed' LANGUAGE C;
COMMENT ON FUNCTION edurange.group_members_changed() IS
  'Trigger of public."_GroupMembers": puts who joins on the board and takes who leaves off it.';
