-- What an observation of a pod does to its instance: every cell of the table of transitions.
CALL testing.fresh();
DELETE FROM "ChallengeInstance";
INSERT INTO "ChallengeType" (id, name) VALUES ('st', 'sync');
INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('sch', 'Sync: first', 'st');
CREATE PROCEDURE testing.instances(prefix text) LANGUAGE sql AS $$
  DELETE FROM "ChallengeInstance" WHERE "challengeId" = 'sch';
  DELETE FROM edurange.sync_watch;
  INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", "lastStatusChange", "terminationAttempts")
  SELECT prefix || lower(s::text) || '-' || lower(p) || '-' || a, 'sch', 'ada', 'pending...', s, 'spring', '2019-01-01', a
  FROM unnest(enum_range(NULL::"ChallengeStatus")) s, unnest(ARRAY['CREATING', 'ACTIVE', 'TERMINATING', 'ERROR', 'STRANGE', 'ABSENT']) p, unnest(ARRAY[0, 2]) a
$$;
CREATE VIEW testing.cells AS
SELECT split_part(id, '-', 2) AS was, split_part(id, '-', 3) AS pod, split_part(id, '-', 4) AS requested, status,
  "challengeUrl" <> 'pending...' AS has_url, "lastStatusChange" > '2019-01-01' AS dated, "terminationAttempts" AS attempts
FROM "ChallengeInstance" WHERE "challengeId" = 'sch' ORDER BY 1, 2, 3;
CREATE FUNCTION testing.snapshot() RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('challenge_pods', jsonb_agg(jsonb_build_object('name', id, 'status', upper(split_part(id, '-', 3)),
    'webosUrl', 'https://' || id || '.example.org', 'user_id', 'unknown', 'competition_id', 'unknown')))
  FROM "ChallengeInstance" WHERE "challengeId" = 'sch' AND id NOT LIKE '%absent%'
$$;
-- a pod that is listed; "requested" is how often its end was requested
CALL testing.instances('a-');
SELECT pods, changed, held FROM edurange.sync_apply(testing.snapshot(), '2020-01-01 00:00');
SELECT * FROM testing.cells WHERE pod <> 'absent';
-- the second time nothing changes, and no row is written
BEGIN;
SELECT pods, changed, held FROM edurange.sync_apply(testing.snapshot(), '2020-01-01 00:00:01');
SELECT pg_current_xact_id_if_assigned() IS NULL AS no_row_was_locked_or_written;
COMMIT;
-- a pod that is missing, and not found by get-pod-status: before the grace period, after it, and after each deadline
SELECT count(*) AS statuses_that_changed FROM testing.cells WHERE pod = 'absent' AND upper(was) <> status::text;
CREATE FUNCTION testing.absent() RETURNS jsonb LANGUAGE sql AS $$
  SELECT testing.statuses(string_agg(id || ' not_found', ', ')) FROM "ChallengeInstance" WHERE id LIKE '%-absent-%'
$$;
SELECT changed FROM edurange.sync_apply(testing.absent(), '2020-01-01 00:00:29');
SELECT changed FROM edurange.sync_apply(testing.absent(), '2020-01-01 00:00:30');
SELECT was, requested, status, dated, attempts FROM testing.cells WHERE pod = 'absent';
SELECT changed FROM edurange.sync_apply(testing.absent(), '2020-01-01 00:14:59');
SELECT changed FROM edurange.sync_apply(testing.absent(), '2020-01-01 00:15:00');
SELECT was, status FROM testing.cells WHERE pod = 'absent' AND was IN ('queued', 'creating') AND requested = '0';
SELECT changed FROM edurange.sync_apply(testing.absent(), '2020-01-01 00:29:59');
SELECT changed FROM edurange.sync_apply(testing.absent(), '2020-01-01 00:30:00');
SELECT was, status FROM testing.cells WHERE pod = 'absent' AND was IN ('queued', 'creating') AND requested = '0';
-- what get-pod-status says of a pod counts as the list does, but for the address
CALL testing.instances('b-');
SELECT changed FROM edurange.sync_apply((SELECT testing.statuses(string_agg(id || ' ' || upper(split_part(id, '-', 3)), ', '))
  FROM "ChallengeInstance" WHERE id ~ '^b-.*-(creating|active|terminating|error)-'), '2020-01-02');
SELECT was, pod, requested, status, has_url, attempts FROM testing.cells WHERE pod NOT IN ('absent', 'strange') AND upper(was) <> status::text;
-- unknown changes nothing, ever
CALL testing.instances('c-');
SELECT a.changed FROM generate_series(0, 3) h, LATERAL edurange.sync_apply((SELECT testing.statuses(string_agg(id || ' unknown', ', '))
  FROM "ChallengeInstance" WHERE id LIKE 'c-%'), timestamptz '2020-01-03 00:00' + h * interval '1 hour') a;
SELECT count(*) FROM testing.cells WHERE upper(was) <> status::text OR has_url OR dated;
-- a pod listed twice proves that it is there, and nothing else
DELETE FROM "ChallengeInstance" WHERE id NOT LIKE 'c-queued-active-0' AND "challengeId" = 'sch';
SELECT changed FROM edurange.sync_apply(testing.pods('c-queued-active-0 ACTIVE, c-queued-active-0 ERROR'), '2020-01-04 00:00');
SELECT name, reason FROM edurange.sync_watch;
SELECT changed FROM edurange.sync_apply(testing.pods('c-queued-active-0 ACTIVE, c-queued-active-0 ACTIVE'), '2020-01-04 00:01');
SELECT status FROM "ChallengeInstance" WHERE id = 'c-queued-active-0';
-- the entries in the log: one for each end and each error, none twice
SELECT "eventType", severity, "userId", "challengeId", "groupId", (metadata - 'deletionTime' - 'instanceId') AS metadata, metadata ? 'deletionTime' AS dated, count(*)
FROM "ActivityLog" WHERE metadata ->> 'instanceId' ~ '^[abc]-' GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 6::text;
-- who it belongs to is never taken from a pod, and nobody is awarded anything
SELECT changed FROM edurange.sync_apply('{"challenge_pods": [{"name": "c-queued-active-0", "status": "ACTIVE", "user_id": "bob", "competition_id": "autumn"}]}', '2020-01-04 00:02');
SELECT changed FROM edurange.sync_apply('{"challenge_pods": [{"name": "c-queued-active-0", "status": "ACTIVE", "user_id": "bob", "competition_id": "autumn"}]}', '2020-01-04 00:03');
SELECT "userId", "challengeId", "competitionId" FROM "ChallengeInstance" WHERE id = 'c-queued-active-0';
SELECT kind, name, status FROM edurange.sync_drift();
SELECT count(*) FROM "ChallengeCompletion" cc JOIN "GroupChallenge" gc ON gc.id = cc."groupChallengeId" WHERE gc."challengeId" = 'sch';
-- an address is a page's, or is not taken
SELECT changed FROM edurange.sync_apply('{"challenge_pods": [{"name": "c-queued-active-0", "status": "ACTIVE", "webosUrl": "javascript:alert(1)"}]}', '2020-01-04 00:04');
SELECT changed FROM edurange.sync_apply('{"challenge_pods": [{"name": "c-queued-active-0", "status": "ACTIVE", "webosUrl": "https://moved.example.org"}]}', '2020-01-04 00:05');
SELECT "challengeUrl" FROM "ChallengeInstance" WHERE id = 'c-queued-active-0';
-- refusals change nothing
SELECT testing.refused($$SELECT edurange.sync_apply(NULL)$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{}', NULL)$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('[]')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"error": 1}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"error": "x", "challenge_pods": []}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"challenge_pods": {}}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"ends": {}}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"ends": [7]}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"ends": [{"name": "a"}]}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"ends": [{"name": "a", "accepted": "yes"}]}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"statuses": [{"name": "a", "status": "ACTIVE", "age_ms": -1}]}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"statuses": [{"name": "a", "status": "ACTIVE", "age_ms": "1"}]}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"statuses": {}}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"statuses": [[]]}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"statuses": [{"name": "a", "status": "GONE"}]}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"secrets": [{"name": "a"}]}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"secrets": [{"name": "a", "secret_name": "b", "value": 1}]}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"error": "x", "duration_ms": "long"}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"challenge_pods": []}', clock_timestamp() + interval '1 min')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"challenge_pods": []}', 'infinity')$$);
-- how it goes
SELECT "lastAttempt", "lastSuccess", "lagSeconds" > 1000 AS behind, "consecutiveFailures", "lastError", "podsSeen", changed > 20 AS changed, held,
  polls, failures, stale, "applyMs" > 0 AS took, "workerRunning" FROM edurange.sync_status();
SELECT pods, changed, held, wanted FROM edurange.sync_apply('{"error": "HTTP 500", "duration_ms": 12.5}', '2020-01-05 00:00');
SELECT pods FROM edurange.sync_apply('{"error": "timed out"}', '2020-01-04 23:00');
SELECT "lastAttempt", "lastSuccess", "consecutiveFailures", "lastError", failures FROM edurange.sync_status();
SELECT pods FROM edurange.sync_apply('{"challenge_pods": [], "duration_ms": 12.5}', '2020-01-05 00:01');
SELECT "lastAttempt", "lastSuccess", "consecutiveFailures", "lastError", "fetchMs" FROM edurange.sync_status();
-- nobody runs the worker here
SELECT regexp_replace(testing.refused($$SELECT edurange.sync_now()$$), '(database "\w+"): .*', '\1: …') AS refused; -- whatever the server says of its worker
DELETE FROM "ChallengeInstance" WHERE "challengeId" = 'sch';
