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
COMMENT ON TYPE edurange.token_record IS 'Nullable: userId, instanceId, expiresAt, revokedAt.';

CREATE TYPE edurange.new_token AS (
  id text,
  token text,
  tier text,
  label text,
  "userId" text,
  "instanceId" text,
  "expiresAt" timestamptz);
COMMENT ON TYPE edurange.new_token IS 'Nullable: userId, instanceId, expiresAt.';

CREATE FUNCTION edurange.create_token(
    tier text, label text, expires timestamptz DEFAULT NULL,
    user_id text DEFAULT NULL, instance_id text DEFAULT NULL,
    caller edurange.caller DEFAULT NULL)
  RETURNS edurange.new_token
  AS 'MODULE_PATHNAME', 'edurange_create_token' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.create_token(text, text, timestamptz, text, text, edurange.caller) IS
  'Makes a token of tier player, service or admin, optionally bound to a user or an instance, and returns it: this once, it is not stored. Tier: admin. Errors: missing_parameter, invalid_parameter, user_not_found, instance_not_found, time_out_of_range.';

CREATE FUNCTION edurange.revoke_token(id text, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.token_record
  AS 'MODULE_PATHNAME', 'edurange_revoke_token' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.revoke_token(text, edurange.caller) IS
  'Makes a token invalid from now on; one that was revoked before keeps its time. Tier: admin. Errors: missing_parameter, token_not_found.';

CREATE FUNCTION edurange.tokens(
    "limit" integer DEFAULT NULL, before_id text DEFAULT NULL, caller edurange.caller DEFAULT NULL)
  RETURNS SETOF edurange.token_record
  AS 'MODULE_PATHNAME', 'edurange_tokens' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.tokens(integer, text, edurange.caller) IS
  'Tokens, newest first, without their secrets: all of them, or 1 to 1000, optionally only those before the token with an id. Tier: admin. Errors: invalid_parameter, token_not_found.';

CREATE FUNCTION edurange.authenticate_token(token_sha256 bytea)
  RETURNS edurange.token_record
  AS 'MODULE_PATHNAME', 'edurange_authenticate_token' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.authenticate_token(bytea) IS
  'The valid token with this SHA-256, null where there is none, it has expired or was revoked. Tier: player. Errors: missing_parameter.';
