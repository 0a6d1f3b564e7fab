-- The state of the server.
-- what it says of the worker is of the server's settings, and so of none of these tests
CREATE FUNCTION testing.but_worker(message text) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(nullif(regexp_replace(message, '(; )?the sync worker does not run: .*', ''), ''), 'no other problem')
$$;
SELECT status, testing.but_worker(message) AS message, database, "timestamp" <= clock_timestamp() AS now, version ~ '^PostgreSQL [0-9.]+' AS version,
  uptime ~ '^\d+d \d+h \d+m \d+s$' AS uptime, metrics_errors, edurange_version, missing FROM edurange.health();
SELECT (connections).current BETWEEN 1 AND (connections).max AS connections, (connections).utilization_percent > 0 AS used,
  (performance).query_latency_ms >= 0 AS query, (performance).transaction_latency_ms >= 0 AS transaction,
  (storage).database_size_mb > 1 AS size, (storage).pretty_size ~ '[kM]B' AS pretty FROM edurange.health();
SELECT count(*) BETWEEN 5 AND 10 AS tables, bool_and(t.row_count >= 0) AS rows FROM edurange.health() h, unnest(h.tables) t;
SELECT tables_info ~ '^\d+ tables$' AS info, (sync)."consecutiveFailures" IS NOT NULL AS sync, (drift)."stuckRows" AS stuck FROM edurange.health();
SELECT array_agg(k ORDER BY k) FROM edurange.health() h, json_object_keys(edurange.wire(h)) k;
DROP INDEX edurange_instance_user_idx;
SELECT testing.but_worker(message) AS message, missing FROM edurange.health();
SELECT name FROM edurange.migrate();
