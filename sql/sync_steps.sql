-- What a pass does beyond statuses: adoption, requests to end, retention.
CALL testing.fresh();
CALL testing.running('{}');
-- adoption: after quarantine, with a user and the one challenge that fits
INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('sql1', 'SQL Injection: Basic', 'st'), ('sql2', 'SQL Injection; Basic', 'st'), ('odd', '(Odd one)', 'st');
INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('sgc1', 1, 'sql1', 'spring'), ('sgc2', 1, 'sql1', 'autumn'), ('sgc3', 1, 'sql2', 'autumn'), ('sgc4', 1, 'odd', 'spring');
CREATE FUNCTION testing.unknown_pod(name text, user_id text, group_id text, challenge text, more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('name', name, 'status', 'ACTIVE', 'user_id', user_id, 'competition_id', group_id, 'challenge_name', challenge,
    'webosUrl', 'https://' || name || '.example.org') || more
$$;
SELECT jsonb_build_object('challenge_pods', jsonb_build_array(
  testing.unknown_pod('p-fits', 'ada', 'spring', 'SQL-Injection--Basic'), testing.unknown_pod('p-odd', 'ada', 'spring', 'Odd-one'),
  testing.unknown_pod('p-several', 'ada', 'autumn', 'SQL-Injection--Basic'), testing.unknown_pod('p-exact', 'ada', 'autumn', 'SQL-Injection--Basic', '{"challenge_id": "sql2"}'),
  testing.unknown_pod('p-alone', 'bob', 'standalone', 'Odd-one', '{"status": "CREATING", "webosUrl": null}'), testing.unknown_pod('p-nobody', 'nobody', 'spring', 'Odd-one'),
  testing.unknown_pod('p-nothing', 'ada', 'spring', 'Nothing'), testing.unknown_pod('p-ending', 'ada', 'spring', 'Odd-one', '{"status": "TERMINATING"}'))) AS unknown \gset
DELETE FROM edurange.sync_watch;
SELECT pods, changed FROM edurange.sync_apply(:'unknown', '2022-01-01 00:00:00');
SELECT * FROM testing.watched;
SELECT kind, name FROM edurange.sync_drift() ORDER BY name;
SELECT changed FROM edurange.sync_apply(:'unknown', '2022-01-01 00:00:59');
\set VERBOSITY terse
SELECT changed FROM edurange.sync_apply(:'unknown', '2022-01-01 00:01:00');
SELECT id, "challengeId", "userId", "competitionId", status, "challengeUrl", flag, "flagSecretName" FROM "ChallengeInstance" WHERE id LIKE 'p-%' ORDER BY id;
SELECT id, name, "endDate" - "startDate" AS window FROM "CompetitionGroup" WHERE id = 'standalone-instances-group';
SELECT "eventType", "userId", "challengeId", "challengeInstanceId", metadata FROM "ActivityLog" WHERE "challengeInstanceId" LIKE 'p-%' ORDER BY 4;
-- those that could not be adopted are tried again, ever more rarely, and warned of once
SELECT name, reason, attempts, due FROM testing.watched WHERE reason = 'unknown';
SELECT changed FROM edurange.sync_apply(:'unknown', '2022-01-01 00:01:30');
INSERT INTO "User" (id, email) VALUES ('nobody', 'nobody@example.org');
SELECT changed FROM edurange.sync_apply(:'unknown', '2022-01-01 00:02:00');
SELECT id, "userId" FROM "ChallengeInstance" WHERE id = 'p-nobody';
SELECT name, attempts, due FROM testing.watched WHERE reason = 'unknown';
-- a pod that goes, or ends, begins its quarantine anew
SELECT changed FROM edurange.sync_apply('{"challenge_pods": []}', '2022-01-01 00:03:00');
SELECT name, reason FROM testing.watched WHERE reason = 'unknown';
DELETE FROM "ChallengeInstance" WHERE id LIKE 'p-%';
DELETE FROM "User" WHERE id = 'nobody';
-- the settings
SET edurange.sync_quarantine = 0;
SELECT changed FROM edurange.sync_apply(jsonb_build_object('challenge_pods', jsonb_build_array(testing.unknown_pod('p-quick', 'ada', 'spring', 'Odd-one'))), '2022-01-01 00:04:00');
RESET edurange.sync_quarantine;
DELETE FROM "ChallengeInstance" WHERE id LIKE 'p-%';

-- an end that does not come is requested again, at growing distances, and given up; what counts is what was sent
CREATE FUNCTION testing.sent(names text[], accepted boolean DEFAULT true) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('ends', coalesce(jsonb_agg(jsonb_build_object('name', n, 'accepted', accepted)), '[]')) FROM unnest(names) n
$$;
CALL testing.running('{TERMINATING,TERMINATING}');
SET edurange.sync_end_attempts = 2;
SELECT wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 TERMINATING'), '2022-02-01 00:00:00');
SELECT * FROM testing.watched;
SELECT count(*) AS drifts FROM edurange.sync_drift();
SELECT wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 TERMINATING'), '2022-02-01 00:00:59');
SELECT wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 TERMINATING'), '2022-02-01 00:01:00');
-- wanted is not sent
SELECT id, status, "terminationAttempts" FROM "ChallengeInstance" WHERE id LIKE 'e_' ORDER BY id;
SELECT changed, wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.sent('{e1,e2,gone}'), '2022-02-01 00:01:00');
SELECT id, status, "terminationAttempts" FROM "ChallengeInstance" WHERE id LIKE 'e_' ORDER BY id;
SELECT * FROM testing.watched;
SELECT kind, name, status, "podStatus", attempts FROM edurange.sync_drift() ORDER BY name;
SELECT wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 TERMINATING'), '2022-02-01 00:02:59');
SELECT wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 TERMINATING'), '2022-02-01 00:03:00');
SELECT changed FROM edurange.sync_apply(testing.sent('{e1}'), '2022-02-01 00:03:00');
-- one that was not asked again waits for its own attempts
SELECT changed, wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 TERMINATING'), '2022-02-01 00:06:59');
SELECT changed, wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 TERMINATING'), '2022-02-01 00:07:00');
SELECT changed FROM edurange.sync_apply(testing.sent('{e2}', false), '2022-02-01 00:07:00');
SELECT * FROM testing.watched;
SELECT changed, wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 TERMINATING'), '2022-02-01 00:09:00');
SELECT id, status, "terminationAttempts" FROM "ChallengeInstance" WHERE id LIKE 'e_' ORDER BY id;
SELECT "eventType", severity, metadata FROM "ActivityLog" WHERE "challengeInstanceId" IN ('e1', 'e2') ORDER BY 3;
-- what was given up is asked to end on and on, and seen, until the pod is gone
SELECT * FROM testing.watched;
SELECT kind, name, status, "podStatus", attempts FROM edurange.sync_drift() ORDER BY name;
SELECT changed, wanted FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 TERMINATING'), '2022-02-01 01:00:00');
SELECT changed FROM edurange.sync_apply(testing.sent('{}') || testing.sent('{e1}'), '2022-02-01 01:00:00');
SELECT changed FROM edurange.sync_apply(testing.sent('{e1,e2}', false), '2022-02-01 01:00:01');
SELECT * FROM testing.watched;
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ACTIVE'), '2022-02-01 01:00:02');
SELECT changed FROM edurange.sync_apply(testing.statuses('e2 not_found'), '2022-02-01 01:01:02');
SELECT testing.state();
RESET edurange.sync_end_attempts;

-- the pod of an instance that is over is ended after the grace period, and again and again
CALL testing.running('{TERMINATED,TERMINATED}');
SELECT wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 TERMINATING'), '2022-03-01 00:00:00');
SELECT * FROM testing.watched WHERE reason <> 'retained';
SELECT wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 TERMINATING'), '2022-03-01 00:00:29');
SELECT changed, wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 TERMINATING'), '2022-03-01 00:00:30');
SELECT changed, wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.sent('{e1}'), '2022-03-01 00:00:30');
SELECT kind, name, status, "podStatus", attempts FROM edurange.sync_drift();
SELECT (SELECT count(*) FROM edurange.sync_apply(testing.pods('e1 ACTIVE') || testing.sent('{e1}'), timestamptz '2022-03-02' + n * interval '2 hours')) AS passes FROM generate_series(1, 6) n;
SELECT attempts FROM edurange.sync_watch WHERE reason = 'zombie';
SELECT "eventType", metadata FROM "ActivityLog" WHERE "challengeInstanceId" = 'e1' AND metadata ? 'attempts';
SELECT id, status, "terminationAttempts", "challengeUrl" FROM "ChallengeInstance" WHERE id LIKE 'e_' ORDER BY id;
SELECT (wanted -> 'ends') AS ends FROM edurange.sync_apply(testing.pods('e1 TERMINATING'), '2022-03-03');
SELECT count(*) FROM edurange.sync_watch WHERE reason = 'zombie';

-- questions in fair order, what was asked in vain beside the others
CALL testing.running(array_fill('TERMINATING'::text, ARRAY[4]));
SELECT wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 ACTIVE'), '2022-03-04 00:00:00');
SELECT wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 ACTIVE, e3 ACTIVE, e4 ACTIVE'), '2022-03-04 00:00:10');
SELECT wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.sent('{e2}', false), '2022-03-04 00:01:10');
SELECT wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 ACTIVE, e3 ACTIVE, e4 ACTIVE'), '2022-03-04 00:02:10');

-- what is over is kept for the retention period, then purged
CALL testing.running('{TERMINATED,ACTIVE,TERMINATED}');
SET edurange.instance_retention = '2 h';
SELECT changed FROM edurange.sync_apply(testing.pods('e2 ACTIVE'), '2022-04-01 00:00');
SELECT name, reason FROM testing.watched;
SELECT changed FROM edurange.sync_apply(testing.pods('e2 ACTIVE'), '2022-04-01 01:59');
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 ACTIVE'), '2022-04-01 02:59');
SELECT testing.state();
SELECT changed FROM edurange.sync_apply(testing.pods('e2 ACTIVE'), '2022-04-01 03:30');
SELECT changed FROM edurange.sync_apply(testing.pods('e2 ACTIVE'), '2022-04-01 04:00');
SELECT testing.state();
SELECT name, reason FROM testing.watched;
SET edurange.instance_retention = 0;
CALL testing.running('{TERMINATED}');
SELECT changed FROM edurange.sync_apply(testing.pods(''), '2022-05-01');
SELECT testing.state();
RESET edurange.instance_retention;

-- concurrent dashboard writes are in test/isolation; the summary
SELECT * FROM edurange.sync_drift_summary();
DELETE FROM "ChallengeInstance" WHERE "challengeId" = 'sch';
DELETE FROM edurange.sync_watch;
