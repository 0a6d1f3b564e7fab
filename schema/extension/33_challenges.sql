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

CREATE TYPE edurange.cdf_import_result AS (
  challenge_id text,
  created boolean,
  questions integer,
  app_configs integer);

CREATE FUNCTION edurange.cdf_import(
    document text, pack_id text DEFAULT NULL, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.cdf_import_result
  AS 'MODULE_PATHNAME', 'edurange_cdf_import' LANGUAGE C VOLATILE
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.cdf_import(text, text, edurange.caller) IS
  'Makes or updates a challenge from a document in the Challenge Definition Format; its id is metadata.id. A document that breaks a rule is refused whole, with a list of where. Tier: admin. Errors: missing_parameter, invalid_json, document_invalid, challenge_exists, question_in_use, invalid_parameter.';
