-- JSON schemas: validating documents with any schema, and the one of challenge definitions.

CREATE FUNCTION edurange.json_schema_validate(
    schema jsonb, document jsonb, remotes jsonb DEFAULT '{}', formats boolean DEFAULT false)
  RETURNS TABLE (path text, keyword text, message text)
  AS 'MODULE_PATHNAME', 'edurange_json_schema_validate' LANGUAGE C IMMUTABLE;
COMMENT ON FUNCTION edurange.json_schema_validate(jsonb, jsonb, jsonb, boolean) IS
  'Every violation of a JSON schema of draft-07 by a document: JSON pointer (one of more than 500 bytes is cut and ends with ...), keyword and message; no row, the document is valid. remotes are the schemas that the schema may refer to, by URI; the metaschema is there without, and nothing is ever fetched. formats: whether format is asserted; otherwise it is an annotation. Tier: service. Errors: missing_parameter, invalid_parameter, schema_invalid, schema_unknown, pattern_unsupported, too_deep.';

CREATE FUNCTION edurange.cdf_schema(caller edurange.caller DEFAULT NULL)
  RETURNS jsonb
  AS 'MODULE_PATHNAME', 'edurange_cdf_schema' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.cdf_schema(edurange.caller) IS
  'The JSON schema that challenge definitions are held against: the built-in one or what set_cdf_schema() made active, with the challenge types that operators added. Tier: player.';

CREATE TYPE edurange.cdf_schema_state AS (
  source text,
  set_by text,
  set_at timestamptz,
  changed boolean);
COMMENT ON TYPE edurange.cdf_schema_state IS 'Nullable: source, set_by, set_at.';

CREATE FUNCTION edurange.set_cdf_schema(schema jsonb, source text)
  RETURNS edurange.cdf_schema_state
  AS 'MODULE_PATHNAME', 'edurange_set_cdf_schema' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.set_cdf_schema(jsonb, text) IS
  'Makes a JSON schema of draft-07 the one that challenge definitions are held against; source says where it comes from. It must refer to nothing outside itself but the metaschema. The same again changes nothing. Tier: admin. Errors: missing_parameter, invalid_parameter, schema_invalid, schema_unknown, pattern_unsupported, too_deep, out_of_range.';

CREATE FUNCTION edurange.reset_cdf_schema(caller edurange.caller DEFAULT NULL)
  RETURNS edurange.cdf_schema_state
  AS 'MODULE_PATHNAME', 'edurange_reset_cdf_schema' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.reset_cdf_schema(edurange.caller) IS
  'Makes the built-in schema of challenge definitions active again; changed tells whether another one was. Tier: admin.';

CREATE FUNCTION edurange.add_challenge_type(name text, caller edurange.caller DEFAULT NULL)
  RETURNS boolean
  AS 'MODULE_PATHNAME', 'edurange_add_challenge_type' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.add_challenge_type(text, edurange.caller) IS
  'Lets challenge definitions have another challenge_type, beside those of the active schema; returns whether it is new. The name has 1 to 100 letters, digits, hyphens and underscores. Tier: admin. Errors: missing_parameter, invalid_parameter.';

CREATE FUNCTION edurange.remove_challenge_type(name text, caller edurange.caller DEFAULT NULL)
  RETURNS boolean
  AS 'MODULE_PATHNAME', 'edurange_remove_challenge_type' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.remove_challenge_type(text, edurange.caller) IS
  'Takes back what add_challenge_type() added; returns whether it was there. Challenges that have the type keep it. Tier: admin. Errors: missing_parameter, invalid_parameter.';

CREATE TYPE edurange.violation AS (
  path text,
  keyword text,
  message text);

CREATE TYPE edurange.cdf_validation AS (
  valid boolean,
  errors edurange.violation[],
  warnings edurange.cdf_warning[]);

CREATE FUNCTION edurange.cdf_validate(document text, caller edurange.caller DEFAULT NULL)
  RETURNS edurange.cdf_validation
  AS 'MODULE_PATHNAME', 'edurange_cdf_validate' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.cdf_validate(text, edurange.caller) IS
  'Whether a challenge definition, given as such or as the member cdf of an object, can be imported, and where it breaks the rules: the active schema first, then what the rows of a challenge need, then what no schema can say (ids and places that two components share, choices and variables that do not exist, how questions are judged). warnings tell what is allowed and surely not meant. At most 1000 of each are listed, and some 500 kB. Tier: service. Errors: missing_parameter, invalid_json, invalid_text, out_of_range, too_deep, payload_too_large, schema_invalid, pattern_unsupported.';
