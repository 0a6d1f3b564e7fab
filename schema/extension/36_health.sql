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
COMMENT ON TYPE edurange.health_storage IS 'Nullable: database_size_mb, pretty_size.';

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
  sync edurange.sync_report,
  drift edurange.sync_drift_counts);

COMMENT ON TYPE edurange.health_report IS 'Nullable: performance, sync, drift.';

CREATE FUNCTION edurange.health(caller edurange.caller DEFAULT NULL)
  RETURNS edurange.health_report
  AS 'MODULE_PATHNAME', 'edurange_health' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.health(edurange.caller) IS
  'The state of the server: version, connections, latencies in milliseconds, sizes, the ten largest tables by live rows as the statistics have them, what is missing of the tables, how the sync worker does, and how far instances and pods differ. Where a right or a role is lost that this needs, missing and metrics_errors say so and what could not be read is null. Tier: service. Errors: not_installed.';

CREATE TYPE edurange.readiness AS (
  ready boolean,
  version text,
  missing text[]);

CREATE FUNCTION edurange.readiness()
  RETURNS edurange.readiness
  AS 'MODULE_PATHNAME', 'edurange_readiness' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.readiness() IS
  'Whether all is in place that the functions of this version need, and what of it is missing: tables, rights, and the triggers that record points and memberships; edurange.migrate() makes it. What is more open than it should be (exposure) is named, too, and makes nothing unready. What else migrate() puts in place, health() names. Says what it can where a right or a role is lost that it needs itself. Tier: player.';
