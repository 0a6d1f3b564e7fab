-- Observations of the Instance Manager.
INSERT INTO "ChallengeType" (id, name) VALUES ('it', 'instances');
INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('ich', 'I', 'it');
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId",
  "lastStatusChange", "terminationAttempts")
SELECT 'i-' || lower(s::text) || '-' || lower(p), 'ich', 'ada', 'pending...', s, 'spring', '2020-01-01', 2
FROM unnest(enum_range(NULL::"ChallengeStatus")) s, unnest(ARRAY['CREATING', 'ACTIVE', 'TERMINATING', 'ERROR', 'STRANGE']) p;
SELECT jsonb_build_object('challenge_pods', jsonb_agg(jsonb_build_object('name', id,
  'status', upper(split_part(id, '-', 3)), 'webosUrl', 'https://' || id || '.example.org', 'user_id', 'unknown'))) AS snapshot
FROM "ChallengeInstance" WHERE "challengeId" = 'ich' \gset
SELECT pods, changed FROM edurange.sync_apply(:'snapshot');
SELECT split_part(id, '-', 2) AS was, split_part(id, '-', 3) AS pod, status,
  "challengeUrl" <> 'pending...' AS has_url, "lastStatusChange" > '2020-01-01' AS changed, "terminationAttempts" AS attempts
FROM "ChallengeInstance" WHERE "challengeId" = 'ich' ORDER BY 1, 2;
-- the second time nothing changes; neither does a failed poll, an empty list or an unknown pod
SELECT pods, changed FROM edurange.sync_apply(:'snapshot');
SELECT pods, changed FROM edurange.sync_apply('{"error": "timed out"}');
SELECT pods, changed FROM edurange.sync_apply('{"challenge_pods": []}');
SELECT pods, changed FROM edurange.sync_apply('{"challenge_pods": [{"name": "unknown", "status": "ACTIVE", "webosUrl": null}]}');
-- an error ends when its pod is seen to live, unless its end was asked for
UPDATE "ChallengeInstance" SET "terminationAttempts" = 0 WHERE id = 'i-error-active';
SELECT changed FROM edurange.sync_apply(:'snapshot');
SELECT status FROM "ChallengeInstance" WHERE id = 'i-error-active';
-- a pod that is listed twice proves nothing
UPDATE "ChallengeInstance" SET status = 'QUEUED' WHERE id = 'i-queued-active';
SELECT changed FROM edurange.sync_apply('{"challenge_pods": [{"name": "i-queued-active", "status": "ACTIVE"}, {"name": "i-queued-active", "status": "ERROR"}]}');
-- who it belongs to is never taken from a pod
SELECT DISTINCT "userId", "challengeId", "competitionId" FROM "ChallengeInstance" WHERE "challengeId" = 'ich';
SELECT count(*) FROM "ChallengeCompletion" cc JOIN "GroupChallenge" gc ON gc.id = cc."groupChallengeId" WHERE gc."challengeId" = 'ich';
-- how it goes
SELECT pods FROM edurange.sync_apply('{"challenge_pods": []}', '2999-01-01 00:00+00');
SELECT "lastAttempt" AT TIME ZONE 'UTC' AS attempt, "lastSuccess" AT TIME ZONE 'UTC' AS success, "lagSeconds" < 0 AS ahead,
  "consecutiveFailures" AS failures, "lastError", "podsSeen" FROM edurange.sync_status();
SELECT pods FROM edurange.sync_apply('{"error": "HTTP 500"}', '2999-01-02 00:00+00');
SELECT pods FROM edurange.sync_apply('{"error": "timed out"}', '2998-01-02 00:00+00');
SELECT "lastAttempt" AT TIME ZONE 'UTC' AS attempt, "lastSuccess" AT TIME ZONE 'UTC' AS success,
  "consecutiveFailures" AS failures, "lastError", "podsSeen" FROM edurange.sync_status();
-- refusals change nothing
SELECT testing.refused($$SELECT edurange.sync_apply(NULL)$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{}', NULL)$$);
SELECT testing.refused($$SELECT edurange.sync_apply('[]')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"challenge_pods": {}}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"challenge_pods": [1]}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"challenge_pods": [{"name": 1, "status": "ACTIVE"}]}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"challenge_pods": [{"name": "a"}]}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply('{"challenge_pods": [{"name": "a", "status": "ACTIVE", "webosUrl": {}}]}')$$);
SELECT "consecutiveFailures" FROM edurange.sync_status();
DELETE FROM "Challenge" WHERE id = 'nothing';
DELETE FROM "ChallengeInstance" WHERE "challengeId" = 'ich';
