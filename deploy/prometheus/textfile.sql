-- What only the database knows, in the format of Prometheus, for the textfile collector of its node exporter.
-- To be run every five minutes as a superuser, on each server (check_invariants() reads every total once):
--
--   psql -XAtq -v ON_ERROR_STOP=1 -d edurange -f textfile.sql >edurange.prom.new && mv edurange.prom.new edurange.prom

-- What is set for the database, by who owns it, decides nothing here.
SET ROLE NONE;
SET search_path = pg_catalog, pg_temp;

SELECT E'# HELP edurange_invariant_violations Rows of edurange.check_invariants().\n# TYPE edurange_invariant_violations gauge';
SELECT 'edurange_invariant_violations ' || count(*) FROM edurange.check_invariants();

SELECT E'# HELP edurange_missing Tables, triggers, indexes, grants and the like that edurange.migrate() would put in place.\n# TYPE edurange_missing gauge';
SELECT 'edurange_missing ' || count(*) FROM edurange.assertions() WHERE NOT present AND kind <> 'exposure';

SELECT E'# HELP edurange_primary Does this server take writes?\n# TYPE edurange_primary gauge';
SELECT 'edurange_primary ' || CASE WHEN pg_is_in_recovery() THEN 0 ELSE 1 END;

SELECT E'# HELP edurange_replicas Standbys that stream from this server.\n# TYPE edurange_replicas gauge';
SELECT 'edurange_replicas ' || count(*) FROM pg_stat_replication WHERE state = 'streaming';

SELECT E'# HELP edurange_replica_lag_seconds How far a standby is behind.\n# TYPE edurange_replica_lag_seconds gauge';
SELECT format('edurange_replica_lag_seconds{replica="%s"} %s', regexp_replace(application_name, '[^A-Za-z0-9_.:-]', '_', 'g') || ':' || pid,
  coalesce(round(extract(epoch FROM replay_lag), 3), 0)) FROM pg_stat_replication WHERE state = 'streaming';

SELECT E'# HELP edurange_replica_lag_bytes Log that a replication slot keeps because it was not taken yet.\n# TYPE edurange_replica_lag_bytes gauge';
SELECT format('edurange_replica_lag_bytes{slot="%s"} %s', slot_name, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn))
FROM pg_replication_slots WHERE NOT pg_is_in_recovery() AND restart_lsn IS NOT NULL;

SELECT E'# HELP edurange_storage_bytes Size of the database.\n# TYPE edurange_storage_bytes gauge';
SELECT 'edurange_storage_bytes ' || pg_database_size(current_database());

SELECT E'# HELP edurange_oldest_transaction_seconds Age of the oldest open transaction.\n# TYPE edurange_oldest_transaction_seconds gauge';
SELECT 'edurange_oldest_transaction_seconds ' || coalesce(round(extract(epoch FROM clock_timestamp() - min(xact_start)), 1), 0)
FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid();
