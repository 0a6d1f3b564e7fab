-- Documents in the Challenge Definition Format: importing, updating and exporting challenges.

CREATE TYPE edurange.cdf_warning AS (
  path text,
  text text);

CREATE TYPE edurange.cdf_import_result AS (
  challenge_id text,
  created boolean,
  changed boolean,
  questions integer,
  app_configs integer,
  warnings edurange.cdf_warning[]);

CREATE FUNCTION edurange.cdf_import(
    document text, pack_id text DEFAULT NULL, caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.cdf_import_result
  AS 'MODULE_PATHNAME', 'edurange_cdf_import' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.cdf_import(text, text, edurange.caller, text) IS
  'Makes or updates a challenge from a document in the Challenge Definition Format; its id is metadata.id. pack_id is the installed pack that the challenge belongs to from now on. A question stays the same question by its component''s id; what the document lacks is deleted, or retired when somebody worked at it. What is there already is not written: changed is false when nothing was. A document that breaks a rule is refused whole, with a list of where; warnings tell what is allowed and surely not meant. Tier: admin. Errors: missing_parameter, invalid_json, out_of_range, document_invalid, challenge_exists, invalid_parameter, too_deep, invalid_text, payload_too_large, schema_invalid, pattern_unsupported.';

CREATE FUNCTION edurange.cdf_update(
    challenge_id text, document text, caller edurange.caller DEFAULT NULL,
    idempotency_key text DEFAULT NULL)
  RETURNS edurange.cdf_import_result
  AS 'MODULE_PATHNAME', 'edurange_cdf_update' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.cdf_update(text, text, edurange.caller, text) IS
  'Updates a challenge that exists, as cdf_import does, and leaves it in its pack. metadata.id must be the challenge''s id. Tier: admin. Errors: missing_parameter, invalid_json, out_of_range, document_invalid, challenge_not_found, challenge_mismatch, too_deep, invalid_text, invalid_parameter, payload_too_large, schema_invalid, pattern_unsupported.';

CREATE FUNCTION edurange.cdf_export(challenge_id text, caller edurange.caller DEFAULT NULL)
  RETURNS text
  AS 'MODULE_PATHNAME', 'edurange_cdf_export' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.cdf_export(text, edurange.caller) IS
  'The document of a challenge, with its answers: byte for byte the one that was imported, or, when somebody changed the challenge since, one that says what the rows say and keeps what else the imported one said. Importing it changes nothing. Tier: admin. Errors: missing_parameter, challenge_not_found.';
