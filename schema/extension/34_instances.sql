-- Instances: the running challenges of users.

CREATE TYPE edurange.instance_user AS (
  id text,
  name text,
  email text,
  role text);
COMMENT ON TYPE edurange.instance_user IS 'Nullable: name, email.';

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
COMMENT ON TYPE edurange.instance IS 'Nullable: flagSecretName, flag, groupChallengeId.';

CREATE TYPE edurange.instance_change AS (
  id text,
  "flagSecretName" text,
  flag text,
  status text);
COMMENT ON TYPE edurange.instance_change IS 'Nullable: flagSecretName, flag.';

CREATE FUNCTION edurange.challenge_instance(
    challenge_instance_id text, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.instance
  AS 'MODULE_PATHNAME', 'edurange_challenge_instance' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.challenge_instance(text, edurange.caller) IS
  'An instance, its owner, and the group challenge that it belongs to by challenge and competition. A player sees neither flag nor e-mail address. Tier: player. Errors: missing_parameter, forbidden, instance_not_found.';

CREATE FUNCTION edurange.challenge_instances(
    user_id text DEFAULT NULL, group_id text DEFAULT NULL, status text DEFAULT NULL,
    "limit" integer DEFAULT 100, cursor text DEFAULT NULL, caller edurange.caller DEFAULT NULL)
  RETURNS SETOF edurange.instance
  AS 'MODULE_PATHNAME', 'edurange_challenge_instances' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.challenge_instances(text, text, text, integer, text, edurange.caller) IS
  'Instances in the order of their ids, 1 to 500 after the id in cursor: those of a user, a competition or a status. Tier: service. Errors: invalid_parameter, forbidden, missing_parameter.';

CREATE FUNCTION edurange.update_challenge_instance(
    instance_id text, status text DEFAULT NULL, flag_secret_name text DEFAULT NULL,
    flag text DEFAULT NULL, caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.instance_change
  AS 'MODULE_PATHNAME', 'edurange_update_challenge_instance' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.update_challenge_instance(text, text, text, text, edurange.caller, text) IS
  'Changes status, flag or the name of the flag''s secret of an instance; the answer does not repeat the flag. A status can only go where an instance can go from the one it has. Tier: service. Errors: missing_parameter, invalid_parameter, forbidden, instance_not_found, illegal_transition.';
