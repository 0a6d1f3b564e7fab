-- Absence needs evidence: what a list proves, what get-pod-status proves, and what neither does.
CALL testing.fresh();
SELECT stale AS stale_before FROM edurange.sync_status() \gset

-- a pod that is missing is watched, asked for after the grace period, and gone when that is proved
CALL testing.running('{ACTIVE,ACTIVE}');
SELECT changed, wanted FROM edurange.sync_apply(testing.pods('e1 ACTIVE'), '2021-01-01 00:00:00');
SELECT * FROM testing.watched;
SELECT changed, wanted FROM edurange.sync_apply(testing.pods('e1 ACTIVE'), '2021-01-01 00:00:29');
SELECT changed, wanted FROM edurange.sync_apply(testing.pods('e1 ACTIVE'), '2021-01-01 00:00:30');
SELECT changed FROM edurange.sync_apply(testing.statuses('e2 unknown'), '2021-01-01 00:00:31');
SELECT * FROM testing.watched;
SELECT changed, wanted FROM edurange.sync_apply(testing.pods('e1 ACTIVE'), '2021-01-01 00:01:01');
SELECT changed FROM edurange.sync_apply(testing.statuses('e2 not_found'), '2021-01-01 00:01:02');
SELECT testing.state();
SELECT * FROM testing.watched;
-- get-pod-status sees a pod that the list leaves out: the period begins anew
CALL testing.running('{ACTIVE,ACTIVE}');
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ACTIVE'), '2021-01-02 00:00:00');
SELECT changed FROM edurange.sync_apply(testing.statuses('e2 ACTIVE'), '2021-01-02 00:00:30');
SELECT * FROM testing.watched;
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ACTIVE'), '2021-01-02 00:00:32');
SELECT * FROM testing.watched;
SELECT changed FROM edurange.sync_apply(testing.statuses('e2 not_found'), '2021-01-02 00:01:01');
SELECT changed FROM edurange.sync_apply(testing.statuses('e2 not_found'), '2021-01-02 00:01:02');
SELECT testing.state();
-- a list that has the pod again forgets all
CALL testing.running('{ACTIVE}');
SELECT changed FROM edurange.sync_apply(testing.pods(''), '2021-01-03 00:00:00');
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ACTIVE'), '2021-01-03 00:00:40');
SELECT changed FROM edurange.sync_apply(testing.statuses('e1 not_found'), '2021-01-03 00:00:41');
SELECT testing.state(), (SELECT count(*) FROM edurange.sync_watch) AS watched;
-- the list wins over get-pod-status in the same observation
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ACTIVE') || testing.statuses('e1 not_found'), '2021-01-03 00:10:00');
SELECT testing.state();

-- too many at once: held, reported, asked for at once, and ended only when not found twice
CALL testing.running(array_fill('ACTIVE'::text, ARRAY[5]));
SELECT changed, held FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 ACTIVE, e3 ACTIVE, e4 ACTIVE, e5 ACTIVE'), '2021-02-01 00:00:00');
SELECT changed, held FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 ACTIVE'), '2021-02-01 00:00:02');
SELECT changed, held, wanted FROM edurange.sync_apply(testing.pods(''), '2021-02-01 00:00:04');
CALL testing.running(array_fill('ACTIVE'::text, ARRAY[5]));
SELECT changed, held, wanted -> 'statuses' AS statuses FROM edurange.sync_apply(testing.pods('e5 ACTIVE'), '2021-02-01 01:00:00');
SELECT * FROM testing.watched;
SELECT held FROM edurange.sync_status();
SELECT changed FROM edurange.sync_apply(testing.statuses('e1 not_found, e2 ACTIVE, e3 TERMINATING, e4 unknown'), '2021-02-01 01:00:01');
SELECT * FROM testing.watched;
SELECT changed, held FROM edurange.sync_apply(testing.pods('e5 ACTIVE'), '2021-02-01 01:00:02');
SELECT changed, wanted -> 'statuses' AS statuses FROM edurange.sync_apply(testing.pods('e5 ACTIVE'), '2021-02-01 01:00:31');
SELECT changed FROM edurange.sync_apply(testing.statuses('e1 not_found, e2 not_found'), '2021-02-01 01:00:31');
SELECT testing.state();
SELECT changed FROM edurange.sync_apply(testing.pods('e2 ACTIVE, e3 TERMINATING, e4 ACTIVE, e5 ACTIVE'), '2021-02-01 01:00:33');
SELECT testing.state();
-- one in five may vanish, when that is more than three
CALL testing.running(array_fill('ACTIVE'::text, ARRAY[20]));
SELECT held FROM edurange.sync_apply(testing.pods((SELECT string_agg('e' || n || ' ACTIVE', ', ') FROM generate_series(5, 20) n)), '2021-02-02 00:00');
CALL testing.running(array_fill('ACTIVE'::text, ARRAY[20]));
SELECT held FROM edurange.sync_apply(testing.pods((SELECT string_agg('e' || n || ' ACTIVE', ', ') FROM generate_series(6, 20) n)), '2021-02-02 00:01');
-- those that wait for their pod have not vanished
CALL testing.running(array_fill('QUEUED'::text, ARRAY[20]));
SELECT held FROM edurange.sync_apply(testing.pods(''), '2021-02-02 00:02');

-- a list that does not come changes nothing; for longer than the grace period, every instance is asked for
CALL testing.running('{ACTIVE,QUEUED,TERMINATED,ERROR}');
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ACTIVE'), '2021-03-01 00:00:00');
SELECT wanted FROM edurange.sync_apply('{"error": "HTTP 500"}', '2021-03-01 00:00:02');
SELECT wanted FROM edurange.sync_apply('{"error": "HTTP 500"}', '2021-03-01 00:00:31');
SELECT wanted FROM edurange.sync_apply('{"error": "HTTP 500"}', '2021-03-01 00:00:32');
SELECT changed FROM edurange.sync_apply(testing.statuses('e1 not_found, e2 unknown'), '2021-03-01 00:00:33');
SELECT * FROM testing.watched;
SELECT changed FROM edurange.sync_apply(testing.statuses('e1 not_found'), '2021-03-01 00:01:03');
SELECT testing.state();

-- observations that are older than what was applied change nothing
CALL testing.running('{ACTIVE}');
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ACTIVE'), '2021-04-01 00:00:10');
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ERROR'), '2021-04-01 00:00:09');
SELECT changed FROM edurange.sync_apply(testing.pods(''), '2021-04-01 00:00:09');
SELECT changed FROM edurange.sync_apply(testing.statuses('e1 TERMINATING'), '2021-04-01 00:00:09');
SELECT testing.state(), (SELECT count(*) FROM edurange.sync_watch) AS watched, stale - :stale_before AS stale FROM edurange.sync_status();
SELECT changed FROM edurange.sync_apply(testing.pods('e1 TERMINATING'), '2021-04-01 00:00:10');
SELECT testing.state();

-- flags: asked for when they are missing, never overwritten by nothing
CALL testing.running('{CREATING,ACTIVE,ACTIVE,TERMINATING,ACTIVE}');
UPDATE "ChallengeInstance" SET flag = 'flag{decoy}', "flagSecretName" = NULL WHERE id IN ('e1', 'e2', 'e4');
UPDATE "ChallengeInstance" SET flag = 'null' WHERE id = 'e5';
SELECT wanted -> 'secrets' AS secrets FROM edurange.sync_apply(testing.pods('e1 CREATING, e2 ACTIVE, e3 ACTIVE, e4 TERMINATING, e5 ACTIVE'), '2021-05-01 00:00:00');
SELECT changed FROM edurange.sync_apply('{"secrets": [{"name": "e1", "secret_name": "flag-secret-e1", "value": "EDU-{one}"},
  {"name": "e2", "secret_name": "flag-secret-e2", "value": "null"}, {"name": "e5", "secret_name": "flag-secret-e5", "value": "{{FLAG}}"},
  {"name": "e3", "secret_name": "flag-secret-e3", "value": " "}, {"name": "gone", "secret_name": "x", "value": "EDU-{x}"}]}', '2021-05-01 00:00:01');
SELECT id, flag, "flagSecretName" FROM "ChallengeInstance" WHERE "challengeId" = 'sch' ORDER BY id;
SELECT * FROM testing.watched;
SELECT kind, name, status, attempts FROM edurange.sync_drift() WHERE kind = 'missing_flag' ORDER BY name;
SELECT wanted -> 'secrets' AS secrets FROM edurange.sync_apply(testing.pods('e1 CREATING, e2 ACTIVE, e3 ACTIVE, e4 TERMINATING, e5 ACTIVE'), '2021-05-01 00:00:02');
SELECT name, reason FROM testing.watched WHERE reason = 'flag';
SELECT wanted -> 'secrets' AS secrets FROM edurange.sync_apply(testing.pods('e1 CREATING, e2 ACTIVE, e3 ACTIVE, e4 TERMINATING, e5 ACTIVE'), '2021-05-01 00:00:06');
SELECT changed FROM edurange.sync_apply('{"secrets": [{"name": "e2", "secret_name": "flag-secret-e2", "value": "EDU-{two}"}, {"name": "e5", "secret_name": "flag-secret-e5"}]}', '2021-05-01 00:00:07');
SELECT name, reason, attempts, due FROM testing.watched WHERE reason = 'flag';
-- the same flag again is no change; another secret is fetched, too
SELECT changed FROM edurange.sync_apply('{"secrets": [{"name": "e2", "secret_name": "flag-secret-e2", "value": "EDU-{two}"}]}', '2021-05-01 00:00:08');
SELECT wanted -> 'secrets' AS secrets FROM edurange.sync_apply('{"challenge_pods": [{"name": "e2", "status": "ACTIVE", "flag_secret_name": "other"}]}', '2021-05-01 00:00:09');
-- what is no flag is none in all its forms, though the row names the secret
CALL testing.running('{ACTIVE,ACTIVE,ACTIVE,ACTIVE,ACTIVE,ACTIVE}');
UPDATE "ChallengeInstance" i SET flag = n.flag FROM (VALUES ('e1', 'NULL'), ('e2', '{{FLAG}}'), ('e3', U&'\200B\00A0'), ('e4', U&'\FEFF{{}}\200B'), ('e5', '{}}')) AS n (id, flag) WHERE i.id = n.id;
SELECT kind, name, status, attempts FROM edurange.sync_drift() WHERE kind = 'missing_flag' ORDER BY name;
SELECT w ->> 'name' AS asked_for FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 ACTIVE, e3 ACTIVE, e4 ACTIVE, e5 ACTIVE, e6 ACTIVE'), '2021-05-02 00:00:00'), jsonb_array_elements(wanted -> 'secrets') w ORDER BY 1;
CALL testing.running('{CREATING,ACTIVE,ACTIVE,TERMINATING,ACTIVE}');
-- a violated rule does not show the flag
ALTER TABLE "ChallengeInstance" ADD CONSTRAINT no_stars CHECK (flag NOT LIKE '%*%');
SELECT testing.refused($$SELECT edurange.sync_apply('{"secrets": [{"name": "e2", "secret_name": "flag-secret-e2", "value": "EDU-{*}"}]}', '2021-05-01 00:00:10')$$);
ALTER TABLE "ChallengeInstance" DROP CONSTRAINT no_stars;

-- answers and lists come in any order: for each instance, what was asked for before the last that was applied is no news
CALL testing.running('{ACTIVE,ACTIVE,ACTIVE}');
SELECT changed FROM edurange.sync_apply(testing.pods('e3 ACTIVE'), '2021-06-01 00:00:00');
-- e1 was asked for at :05, e2 at :20; a list of :10 has both
SELECT changed FROM edurange.sync_apply('{"statuses": [{"name": "e2", "status": "TERMINATING", "age_ms": 1000}]}', '2021-06-01 00:00:21');
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ERROR, e2 ERROR, e3 ACTIVE'), '2021-06-01 00:00:10');
SELECT testing.state();
SELECT name, reason, since FROM testing.watched WHERE reason <> 'flag';
SELECT stale AS stale_now FROM edurange.sync_status() \gset
SELECT changed FROM edurange.sync_apply('{"statuses": [{"name": "e1", "status": "TERMINATING", "age_ms": 17000.5}]}', '2021-06-01 00:00:22');
SELECT testing.state(), stale - :stale_now AS stale FROM edurange.sync_status();
-- the next list has all again, and nothing is remembered
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ERROR, e2 TERMINATING, e3 ACTIVE'), '2021-06-01 00:00:30');
SELECT testing.state(), (SELECT count(*) FROM edurange.sync_watch WHERE reason = 'observed') AS observed;

-- a pod that was made anew has another flag under the same name; what was asked for before is that of another pod
CALL testing.running('{ACTIVE,ACTIVE,ERROR,ACTIVE}');
SELECT changed FROM edurange.sync_apply(testing.pods('e2 ACTIVE, e3 ERROR, e4 ACTIVE'), '2021-07-01 00:00:00');
SELECT wanted -> 'secrets' AS secrets FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 CREATING, e3 ACTIVE, e4 ACTIVE'), '2021-07-01 00:00:10');
SELECT changed FROM edurange.sync_apply('{"secrets": [{"name": "e1", "secret_name": "flag-secret-e1", "value": "EDU-{old}", "age_ms": 5000},
  {"name": "e3", "secret_name": "flag-secret-e3", "value": "EDU-{new}", "age_ms": 1000}]}', '2021-07-01 00:00:12');
SELECT id, flag FROM "ChallengeInstance" WHERE id IN ('e1', 'e3') ORDER BY id;
SELECT changed FROM edurange.sync_apply('{"secrets": [{"name": "e2", "secret_name": "flag-secret-e2"}]}', '2021-07-01 00:00:12');
SELECT name, reason, since, attempts, due FROM testing.watched WHERE reason = 'flag';
-- its tries begin anew when it has begun
SELECT changed, wanted -> 'secrets' AS secrets FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 ACTIVE, e3 ACTIVE, e4 ACTIVE'), '2021-07-01 00:00:14');
SELECT changed FROM edurange.sync_apply('{"secrets": [{"name": "e1", "secret_name": "flag-secret-e1", "value": "EDU-{n1}"},
  {"name": "e2", "secret_name": "flag-secret-e2", "value": "EDU-{n2}"}]}', '2021-07-01 00:00:15');
SELECT changed, wanted -> 'secrets' AS secrets FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 ACTIVE, e3 ACTIVE, e4 ACTIVE'), '2021-07-01 00:00:16');
CALL testing.running('{CREATING}');
UPDATE "ChallengeInstance" SET "flagSecretName" = NULL WHERE id = 'e1';
SELECT wanted -> 'secrets' AS secrets FROM edurange.sync_apply(testing.pods('e1 CREATING'), '2021-07-02 00:00:00');
SELECT count(*) FROM edurange.sync_drift();
SELECT count(*) FROM generate_series(1, 6) n, edurange.sync_apply('{"secrets": [{"name": "e1", "secret_name": "flag-secret-e1"}]}', timestamptz '2021-07-02' + n * interval '0 s');
SELECT name, reason, attempts, due FROM testing.watched WHERE reason = 'flag';
SELECT wanted -> 'secrets' AS secrets FROM edurange.sync_apply(testing.pods('e1 ACTIVE'), '2021-07-02 00:00:10');
-- a secret that is not the pod's own is nobody's flag, and reported
CALL testing.running('{ACTIVE}');
UPDATE "ChallengeInstance" SET "flagSecretName" = NULL, flag = 'flag{decoy}' WHERE id = 'e1';
SELECT wanted -> 'secrets' AS secrets FROM edurange.sync_apply('{"challenge_pods": [{"name": "e1", "status": "ACTIVE", "flag_secret_name": "flag-secret-e2"}]}', '2021-07-03 00:00:00');
SELECT changed FROM edurange.sync_apply('{"secrets": [{"name": "e1", "secret_name": "flag-secret-e2", "value": "EDU-{of e2}"}]}', '2021-07-03 00:00:01');
SELECT flag, "flagSecretName" FROM "ChallengeInstance" WHERE id = 'e1';
SELECT kind, name FROM edurange.sync_drift() ORDER BY kind;
-- who is found missing early ends when the period is over, and not a period after the question
CALL testing.running('{ACTIVE,ACTIVE}');
SELECT changed FROM edurange.sync_apply(testing.statuses('e2 not_found'), '2021-07-03 12:00:00');
SELECT changed FROM edurange.sync_apply(testing.statuses('e2 not_found'), '2021-07-03 12:00:20');
SELECT name, due FROM testing.watched;
SELECT wanted -> 'statuses' AS statuses FROM edurange.sync_apply(testing.pods('e1 ACTIVE'), '2021-07-03 12:00:30');
SELECT changed FROM edurange.sync_apply(testing.statuses('e2 not_found'), '2021-07-03 12:00:30.1');
SELECT testing.state();
-- why questions fail is kept until an answer says otherwise, whatever lists come, and as long as there is one to ask
CREATE VIEW testing.failing AS SELECT "lastEndError", "lastStatusError", length("lastFlagError") AS "lastFlagError" FROM edurange.sync_status();
CALL testing.running('{ACTIVE,TERMINATING,ACTIVE}');
UPDATE "ChallengeInstance" SET "flagSecretName" = NULL WHERE id = 'e1';
SELECT wanted <> '{}' AS asks FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 ACTIVE'), '2021-07-04 00:00:00');
SELECT changed FROM edurange.sync_apply(jsonb_build_object('statuses', '[]'::jsonb, 'problems', jsonb_build_object('ends', 'HTTP 500', 'statuses', 'a timeout', 'secrets', repeat('ä', 300))), '2021-07-04 00:00:01');
SELECT * FROM testing.failing;
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 ACTIVE'), '2021-07-04 00:00:02');
SELECT changed FROM edurange.sync_apply('{"statuses": [], "problems": {"ends": "HTTP 500", "secrets": null}}', '2021-07-04 00:00:03');
SELECT * FROM testing.failing;
DELETE FROM "ChallengeInstance" WHERE id = 'e2';
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e3 ACTIVE'), '2021-07-04 00:00:04');
SELECT * FROM testing.failing;
SELECT testing.refused(format('SELECT edurange.sync_apply(%L)', snapshot)) FROM (VALUES ('{"statuses": [], "problems": []}'), ('{"statuses": [], "problems": "x"}'), ('{"statuses": [], "problems": {"ends": 5}}'), ('{"problems": {}}')) AS s (snapshot);
DROP VIEW testing.failing;
DELETE FROM "ChallengeInstance" WHERE "challengeId" = 'sch';
