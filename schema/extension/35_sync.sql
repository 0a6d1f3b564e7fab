-- Synchronization: bringing instances closer to what the Instance Manager proved.

CREATE TYPE edurange.sync_result AS (
  pods integer,
  changed integer,
  held integer,
  wanted jsonb);

CREATE TYPE edurange.sync_report AS (
  "lastAttempt" timestamptz,
  "lastSuccess" timestamptz,
  "lagSeconds" double precision,
  "consecutiveFailures" integer,
  "lastError" text,
  "podsSeen" integer,
  changed bigint,
  held integer,
  polls bigint,
  failures bigint,
  stale bigint,
  "fetchMs" double precision,
  "applyMs" double precision,
  "workerRunning" boolean,
  "workerProblem" text);
COMMENT ON TYPE edurange.sync_report IS 'Nullable: lastAttempt, lastSuccess, lagSeconds, lastError, podsSeen, workerProblem.';

CREATE TYPE edurange.sync_drift_entry AS (
  kind text,
  name text,
  status text,
  "podStatus" text,
  since timestamptz,
  attempts integer,
  "nextStep" timestamptz);
COMMENT ON TYPE edurange.sync_drift_entry IS 'Nullable: status, podStatus, since, nextStep.';

CREATE TYPE edurange.sync_drift_counts AS (
  "rowsWithoutPods" bigint,
  "podsWithoutRows" bigint,
  "statusMismatches" bigint,
  "ownerMismatches" bigint,
  "stuckRows" bigint,
  "missingFlags" bigint);

CREATE FUNCTION edurange.sync_apply(
    snapshot jsonb, observed_at timestamptz DEFAULT pg_catalog.clock_timestamp())
  RETURNS edurange.sync_result
  AS 'MODULE_PATHNAME', 'edurange_sync_apply' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.sync_apply(jsonb, timestamptz) IS
  'Applies one observation of the Instance Manager, made at observed_at. The object snapshot holds any of: challenge_pods, the list that list-challenge-pods answers with; error, the text of why there is none; statuses, [{name, status}] as get-pod-status answers, where status is also not_found or unknown; secrets, [{name, secret_name, value}] as get-secret answers, without value where it gave none; duration_ms, how long the fetching took. Returns how many pods there are, how many instances changed, how many vanished at once and are held for that, and in wanted what to ask next: statuses, secrets and ends (pods to end), in the shape of the answers. The same observation twice changes nothing the second time, and one that is older than what was applied changes nothing. Tier: admin. Errors: missing_parameter, invalid_parameter.';

CREATE FUNCTION edurange.sync_apply_list(
    list text, observed_at timestamptz DEFAULT pg_catalog.clock_timestamp(), duration_ms double precision DEFAULT NULL)
  RETURNS edurange.sync_result
  AS 'MODULE_PATHNAME', 'edurange_sync_apply_list' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.sync_apply_list(text, timestamptz, double precision) IS
  'Applies the list of pods that list-challenge-pods answers with, as sync_apply does, from the text of the answer: it is cut into its pods and each is parsed alone, so that a list of many megabytes is never built as a whole. What is no such list, or has a pod that cannot be read, is refused and changes nothing. Tier: admin. Errors: missing_parameter, invalid_parameter, invalid_json.';

CREATE FUNCTION edurange.sync_status(caller edurange.caller DEFAULT NULL)
  RETURNS edurange.sync_report
  AS 'MODULE_PATHNAME', 'edurange_sync_status' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.sync_status(edurange.caller) IS
  'How the comparison with the Instance Manager goes since the server started: times of the last attempt and the last success and the seconds since then, failures in a row with the last error, pods in the last list, instances changed, instances held because too many pods vanished at once, polls, failed and outdated ones, the milliseconds that the last fetch and the last pass took, whether a worker serves this database and, where none could be started, why. Tier: service.';

CREATE FUNCTION edurange.sync_drift(caller edurange.caller DEFAULT NULL)
  RETURNS SETOF edurange.sync_drift_entry
  AS 'MODULE_PATHNAME', 'edurange_sync_drift' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.sync_drift(edurange.caller) IS
  'Where instances and pods differ as of the last list, oldest first: row_without_pod, pod_without_row, status_mismatch, owner_mismatch, stuck (its end was asked for and it is still there) and missing_flag, with the time of the next step. Tier: service.';

CREATE FUNCTION edurange.sync_drift_summary(caller edurange.caller DEFAULT NULL)
  RETURNS edurange.sync_drift_counts
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT count(*) FILTER (WHERE kind = 'row_without_pod'),
    count(*) FILTER (WHERE kind = 'pod_without_row'),
    count(*) FILTER (WHERE kind = 'status_mismatch'),
    count(*) FILTER (WHERE kind = 'owner_mismatch'),
    count(*) FILTER (WHERE kind = 'stuck'),
    count(*) FILTER (WHERE kind = 'missing_flag')
  FROM edurange.sync_drift(caller)
$$;
COMMENT ON FUNCTION edurange.sync_drift_summary(edurange.caller) IS
  'How many differences of each kind edurange.sync_drift() has. Tier: service.';

CREATE FUNCTION edurange.sync_now(caller edurange.caller DEFAULT NULL) RETURNS void
  AS 'MODULE_PATHNAME', 'edurange_sync_now' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.sync_now(edurange.caller) IS
  'Makes the sync worker poll at once. A poll that is under way is followed by another. Tier: admin. Errors: worker_not_running.';
