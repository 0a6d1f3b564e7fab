-- Health: is everything in place?

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
