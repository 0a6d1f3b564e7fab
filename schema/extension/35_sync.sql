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
  "workerProblem" text,
  "heldUntil" text,
  "lastEndError" text,
  "lastStatusError" text,
  "lastFlagError" text);
COMMENT ON TYPE edurange.sync_report IS 'Nullable: lastAttempt, lastSuccess, lastError, podsSeen, workerProblem, heldUntil, lastEndError, lastStatusError, lastFlagError.';

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
  "missingFlags" bigint,
  "failingFlags" bigint,
  "returnedPods" bigint,
  "unreadablePods" bigint,
  "foreignSecrets" bigint,
  "refusedRows" bigint,
  "unansweredRows" bigint);

CREATE FUNCTION edurange.sync_apply(
    snapshot jsonb, observed_at timestamptz DEFAULT pg_catalog.clock_timestamp())
  RETURNS edurange.sync_result
  AS 'MODULE_PATHNAME', 'edurange_sync_apply' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.sync_apply(jsonb, timestamptz) IS
  'Applies one observation of the Instance Manager, made at observed_at. The object snapshot holds any of: challenge_pods, the list that list-challenge-pods answers with; error, the text of why there is none; statuses, [{name, status, age_ms}] as get-pod-status answers, where status is also not_found or unknown; secrets, [{name, secret_name, value, age_ms}] as get-secret answers, without value where it gave none; ends, [{name, accepted}], requests to end pods that were sent; problems, {ends, statuses, secrets}, the texts of why such questions fail, without those that do not; duration_ms, how long the fetching took. age_ms says how long before observed_at an answer was asked for. A pod of the list that cannot be read is left as it is and reported. Returns how many pods there are, how many instances changed, how many are held because their pods vanished or are not found all at once, and in wanted what to ask next: statuses, secrets and ends (pods to end), each with name, and attempts where there were any. The same observation twice changes nothing the second time. What is older than the last that was applied to an instance changes nothing of it. Tier: admin. Errors: missing_parameter, invalid_parameter, out_of_range.';

CREATE FUNCTION edurange.sync_apply_list(
    list text, observed_at timestamptz DEFAULT pg_catalog.clock_timestamp(), duration_ms double precision DEFAULT NULL)
  RETURNS edurange.sync_result
  AS 'MODULE_PATHNAME', 'edurange_sync_apply_list' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.sync_apply_list(text, timestamptz, double precision) IS
  'Applies the list of pods that list-challenge-pods answers with, as sync_apply does, from the text of the answer: it is cut into its pods and each is parsed alone, so that a list of many megabytes is never built as a whole. What is no such list is refused and changes nothing; a pod that cannot be read is left as it is and reported. Tier: admin. Errors: missing_parameter, invalid_parameter, invalid_json.';

CREATE FUNCTION edurange.sync_status(caller edurange.caller DEFAULT NULL)
  RETURNS edurange.sync_report
  AS 'MODULE_PATHNAME', 'edurange_sync_status' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.sync_status(edurange.caller) IS
  'How the comparison with the Instance Manager goes since the server started: times of the last attempt and the last success, the seconds since that or else since the server started, failures in a row with the last error, pods in the last list, instances changed, instances held because too many pods vanished or were not found at once, polls, failed and outdated ones, the milliseconds that the last fetch and the last pass took, whether a worker serves this database, why it does not or cannot do its work, until what happens instances are held, and the last error of requests to end pods, of questions about statuses and of those for flags, until three in a row were answered or none is left to ask. Tier: service.';

CREATE FUNCTION edurange.sync_drift(caller edurange.caller DEFAULT NULL)
  RETURNS SETOF edurange.sync_drift_entry
  AS 'MODULE_PATHNAME', 'edurange_sync_drift' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.sync_drift(edurange.caller) IS
  'Where instances and pods differ as of the last list, oldest first: row_without_pod, unanswered_row (nobody said in three answers or more what became of its pod), pod_without_row, status_mismatch, owner_mismatch, stuck (its end was asked for and it is still there, or it is CREATING for too long), missing_flag, returned_pod (its instance ended when many pods were not found at once), unreadable_pod, foreign_secret (a pod that names a secret which is not its own) and refused_row (a trigger, constraint or key of others refuses its change), with the time of the next step. Tier: service.';

CREATE FUNCTION edurange.sync_drift_summary(caller edurange.caller DEFAULT NULL)
  RETURNS edurange.sync_drift_counts
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT count(*) FILTER (WHERE kind = 'row_without_pod'),
    count(*) FILTER (WHERE kind = 'pod_without_row'),
    count(*) FILTER (WHERE kind = 'status_mismatch'),
    count(*) FILTER (WHERE kind = 'owner_mismatch'),
    count(*) FILTER (WHERE kind = 'stuck'),
    count(*) FILTER (WHERE kind = 'missing_flag'),
    count(*) FILTER (WHERE kind = 'missing_flag' AND attempts > 2),
    count(*) FILTER (WHERE kind = 'returned_pod'),
    count(*) FILTER (WHERE kind = 'unreadable_pod'),
    count(*) FILTER (WHERE kind = 'foreign_secret'),
    count(*) FILTER (WHERE kind = 'refused_row'),
    count(*) FILTER (WHERE kind = 'unanswered_row')
  FROM edurange.sync_drift(caller)
$$;
COMMENT ON FUNCTION edurange.sync_drift_summary(edurange.caller) IS
  'How many differences of each kind edurange.sync_drift() has; failingFlags are those of the missing ones that were asked for three times or more. Tier: service.';

-- What is not known is left out.
CREATE FUNCTION edurange.sync_metrics(caller edurange.caller DEFAULT NULL)
  RETURNS text
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT string_agg(format(E'# HELP %1$s %3$s\n# TYPE %1$s %2$s\n%1$s %4$s\n', name, type, help, value), '')
    || (SELECT E'# HELP edurange_sync_drift Where instances and pods differ, by kind.\n# TYPE edurange_sync_drift gauge\n'
          || string_agg(sample, '' ORDER BY sample)
        FROM (SELECT format(E'edurange_sync_drift{kind="%s"} %s\n', k, count(d.kind))
              FROM unnest('{row_without_pod,pod_without_row,status_mismatch,owner_mismatch,stuck,missing_flag,returned_pod,unreadable_pod,foreign_secret,refused_row,unanswered_row}'::text[]) k
              LEFT JOIN edurange.sync_drift(caller) d ON d.kind = k GROUP BY k) t (sample))
  FROM edurange.sync_status(caller) s, LATERAL (VALUES
    ('edurange_sync_worker_up', 'gauge', 'Does the sync worker run?', s."workerRunning"::integer),
    ('edurange_sync_last_attempt_timestamp_seconds', 'gauge',
      'When the Instance Manager was last asked for the list of pods.', extract(epoch FROM s."lastAttempt")),
    ('edurange_sync_last_success_timestamp_seconds', 'gauge',
      'When instances were last compared with a list.', extract(epoch FROM s."lastSuccess")),
    ('edurange_sync_lag_seconds', 'gauge',
      'Age of the last successful comparison with the Instance Manager, else of the server.', s."lagSeconds"),
    ('edurange_sync_interval_seconds', 'gauge', 'Time between two polls.',
      extract(epoch FROM current_setting('edurange.sync_interval')::interval)),
    ('edurange_sync_consecutive_failures', 'gauge',
      'Failed comparisons since the last that worked.', s."consecutiveFailures"),
    ('edurange_sync_pods', 'gauge', 'Pods in the last list.', s."podsSeen"),
    ('edurange_sync_held', 'gauge',
      'Instances that are kept because too many pods vanished or were not found at once.', s.held),
    ('edurange_sync_fetch_seconds', 'gauge', 'Time that fetching the last list took.', s."fetchMs" / 1000),
    ('edurange_sync_apply_seconds', 'gauge', 'Time that comparing with the last list took.', s."applyMs" / 1000),
    ('edurange_sync_changes_total', 'counter', 'Instances that were changed.', s.changed),
    ('edurange_sync_polls_total', 'counter', 'Lists that were asked for.', s.polls),
    ('edurange_sync_failures_total', 'counter', 'Lists that did not come.', s.failures),
    ('edurange_sync_stale_total', 'counter', 'Observations that came too late.', s.stale))
    v (name, type, help, value) WHERE value IS NOT NULL
$$;
COMMENT ON FUNCTION edurange.sync_metrics(edurange.caller) IS
  'The numbers of edurange.sync_status(), and how many differences of each kind edurange.sync_drift() has, in the format of Prometheus. Tier: service.';

CREATE FUNCTION edurange.sync_now(caller edurange.caller DEFAULT NULL) RETURNS void
  AS 'MODULE_PATHNAME', 'edurange_sync_now' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.sync_now(edurange.caller) IS
  'Makes the sync worker poll at once. A poll that is under way is followed by another. Tier: admin. Errors: worker_not_running.';

CREATE FUNCTION edurange.sync_release(caller edurange.caller DEFAULT NULL) RETURNS integer
  AS 'MODULE_PATHNAME', 'edurange_sync_release' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.sync_release(edurange.caller) IS
  'Lets go of the instances that are held because many of their pods are not found at once: with the next pass they are asked for once more, and those end whose pods are still not found. Returns how many are held. Tier: admin.';

CREATE FUNCTION edurange.sync_begin() RETURNS text
  AS 'MODULE_PATHNAME', 'edurange_sync_begin' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.sync_begin() IS
  'Called by the sync worker before its first poll: binds it to this server, where it has worked on none yet or the server was promoted, and lets all periods begin anew. Returns why it may not work here; null: it may. Tier: admin.';

CREATE FUNCTION edurange.sync_confirm(caller edurange.caller DEFAULT NULL) RETURNS void
  AS 'MODULE_PATHNAME', 'edurange_sync_confirm' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.sync_confirm(edurange.caller) IS
  'Confirms that the sync worker is to work on this server, which is a copy of another, from now on. Make sure first that the other one does not any more. Tier: admin.';

CREATE FUNCTION edurange.instance_deleted() RETURNS trigger
  AS 'MODULE_PATHNAME', 'edurange_instance_deleted' LANGUAGE C;
COMMENT ON FUNCTION edurange.instance_deleted() IS
  'Trigger of public."ChallengeInstance": notes that an instance was deleted, so that its pod can be ended where nobody is left whom it could be given to.';
