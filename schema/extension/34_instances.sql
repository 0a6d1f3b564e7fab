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
