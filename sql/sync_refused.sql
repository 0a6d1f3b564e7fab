-- What others have hung on the platform's tables refuses a row: that row waits, is named, and is tried again; the others go on.
CALL testing.fresh();
CALL testing.running('{QUEUED,QUEUED,QUEUED,QUEUED,QUEUED}');
UPDATE edurange.sync_state SET applied_at = NULL, cleaned_at = NULL;
INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('rgc', 1, 'sch', 'spring');
CREATE FUNCTION testing.refuse_e3() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.id IN ('e3', 'p3') THEN RAISE EXCEPTION 'not %: its flag is %', NEW.id, NEW.flag; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refuse_e3 BEFORE INSERT OR UPDATE ON "ChallengeInstance" FOR EACH ROW EXECUTE FUNCTION testing.refuse_e3();
\set VERBOSITY terse
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 ACTIVE, e3 ACTIVE, e4 ACTIVE, e5 ERROR'), '2026-01-01 00:00:00');
SELECT testing.state();
SELECT kind, name, status, attempts FROM edurange.sync_drift() ORDER BY 1, 2;
SELECT "refusedRows" FROM edurange.sync_drift_summary();
SELECT substring(message FROM '[0-9]+ instances cannot be changed.*') FROM edurange.health();
SELECT * FROM testing.watched WHERE reason = 'refused';
-- it is tried again five seconds later, and then at doubled distances; the others are not even written anew
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 ACTIVE, e3 ACTIVE, e4 ERROR, e5 ERROR'), '2026-01-01 00:00:02');
SELECT testing.state();
SELECT * FROM testing.watched WHERE reason = 'refused';
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 ACTIVE, e3 ACTIVE, e4 ERROR, e5 ERROR'), '2026-01-01 00:00:05');
SELECT * FROM testing.watched WHERE reason = 'refused';
-- a request to end its pod was sent, and counts, though the row does not say so
UPDATE "ChallengeInstance" SET status = 'TERMINATING' WHERE id IN ('e1', 'e2');
SET session_replication_role = replica;
UPDATE "ChallengeInstance" SET status = 'TERMINATING' WHERE id = 'e3';
RESET session_replication_role;
SELECT wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 ACTIVE, e3 ACTIVE, e4 ERROR, e5 ERROR'), '2026-01-01 00:01:00');
SELECT wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 ACTIVE, e3 ACTIVE, e4 ERROR, e5 ERROR'), '2026-01-01 00:02:00');
SELECT wanted -> 'ends' AS ends FROM edurange.sync_apply('{"ends": [{"name": "e1", "accepted": true}, {"name": "e3", "accepted": true}]}', '2026-01-01 00:02:01');
SELECT id, "terminationAttempts" FROM "ChallengeInstance" WHERE id IN ('e1', 'e3') ORDER BY id;
SELECT name, attempts FROM testing.watched WHERE reason = 'ending';
-- once nobody refuses it the row is as it should be, and nothing is left to say
SELECT changed FROM edurange.sync_apply(testing.pods('e4 ERROR, e5 ERROR'), '2026-01-01 00:03:00');
SELECT changed FROM edurange.sync_apply(testing.statuses('e1 not_found, e2 not_found, e3 not_found'), '2026-01-01 00:04:00');
SELECT testing.state();
DROP TRIGGER refuse_e3 ON "ChallengeInstance";
SELECT changed FROM edurange.sync_apply(testing.statuses('e3 not_found'), '2026-01-01 00:04:04');
SELECT changed FROM edurange.sync_apply(testing.statuses('e3 not_found'), '2026-01-01 00:04:06');
SELECT changed FROM edurange.sync_apply(testing.pods('e4 ERROR, e5 ERROR'), '2026-01-01 00:04:07');
SELECT testing.state();
SELECT kind, name FROM edurange.sync_drift() ORDER BY 1, 2;

-- of many the ones that are refused are found
CALL testing.running(array_fill('QUEUED'::text, ARRAY[60]));
ALTER TABLE "ChallengeInstance" ADD CONSTRAINT no_sevens CHECK (id !~ '7' OR status <> 'ACTIVE');
SELECT changed FROM edurange.sync_apply(testing.pods((SELECT string_agg('e' || n || ' ACTIVE', ', ') FROM generate_series(1, 60) n)), '2026-01-02 00:00:00');
SELECT status, count(*), string_agg(id, ' ' ORDER BY id) FILTER (WHERE status = 'QUEUED') AS left FROM "ChallengeInstance" WHERE "challengeId" = 'sch' GROUP BY 1 ORDER BY 1;
SELECT "refusedRows" FROM edurange.sync_drift_summary();
ALTER TABLE "ChallengeInstance" DROP CONSTRAINT no_sevens;
SELECT changed FROM edurange.sync_apply(testing.pods((SELECT string_agg('e' || n || ' ACTIVE', ', ') FROM generate_series(1, 60) n)), '2026-01-02 00:00:05');
SELECT changed FROM edurange.sync_apply(testing.pods((SELECT string_agg('e' || n || ' ACTIVE', ', ') FROM generate_series(1, 60) n)), '2026-01-02 00:00:06');
SELECT "refusedRows" FROM edurange.sync_drift_summary();

-- adoption: one that is refused is put off, and the others have their instances; also where the error has a code of ours
CALL testing.running('{}');
CREATE OR REPLACE FUNCTION testing.refuse_e3() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.id IN ('e3', 'p3') THEN RAISE EXCEPTION 'not %: its flag is %', NEW.id, NEW.flag USING ERRCODE = 'RG902'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refuse_e3 BEFORE INSERT OR UPDATE ON "ChallengeInstance" FOR EACH ROW EXECUTE FUNCTION testing.refuse_e3();
SELECT jsonb_build_object('challenge_pods', jsonb_agg(jsonb_build_object('name', 'p' || n, 'status', 'ACTIVE', 'user_id', 'ada', 'competition_id', 'spring', 'challenge_name', 'Sync--first'))) AS strangers
FROM generate_series(1, 5) n \gset
SELECT changed FROM edurange.sync_apply(:'strangers', '2026-01-03 00:00:00');
SELECT changed FROM edurange.sync_apply(:'strangers', '2026-01-03 00:01:00');
SELECT testing.state();
SELECT name, reason, attempts, due FROM testing.watched WHERE reason = 'unknown';
DROP TRIGGER refuse_e3 ON "ChallengeInstance";
SELECT changed FROM edurange.sync_apply(:'strangers', '2026-01-03 00:03:00');
SELECT testing.state();

-- retention: what something of others refers to stays, and stops nothing
CALL testing.running('{TERMINATED,TERMINATED,TERMINATED,QUEUED}');
CREATE TABLE testing.note (id text PRIMARY KEY REFERENCES "ChallengeInstance" (id));
INSERT INTO testing.note VALUES ('e2');
UPDATE edurange.sync_state SET cleaned_at = NULL;
SELECT changed FROM edurange.sync_apply(testing.pods('e4 ACTIVE'), '2026-02-01 00:00:00');
SELECT changed FROM edurange.sync_apply(testing.pods('e4 ERROR'), '2026-03-20 00:00:00');
SELECT testing.state();
DROP TABLE testing.note;
SELECT changed FROM edurange.sync_apply(testing.pods('e4 ERROR'), '2026-03-20 01:00:00');
SELECT testing.state();

-- a status that nobody knows says that the pod is there, and no more; and is told of
CALL testing.running('{ACTIVE,ACTIVE}');
SELECT changed FROM edurange.sync_apply(testing.pods('e1 active, e2 ACTIVE, x1 QUEUED'), '2026-04-01 00:00:00');
SELECT changed FROM edurange.sync_apply(testing.pods('e1 Running, e2 ACTIVE, x1 QUEUED'), '2026-04-01 01:00:00');
SELECT testing.state();
SELECT kind, name, status FROM edurange.sync_drift() ORDER BY 1, 2;
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e2 ACTIVE'), '2026-04-01 01:00:01');
SELECT kind, name, status FROM edurange.sync_drift() ORDER BY 1, 2;
-- an address that no browser opens
SELECT changed FROM edurange.sync_apply(jsonb_build_object('challenge_pods', jsonb_build_array(
  jsonb_build_object('name', 'e1', 'status', 'ACTIVE', 'webosUrl', 'https://' || repeat('x', 1992)),
  jsonb_build_object('name', 'e2', 'status', 'ACTIVE', 'webosUrl', 'https://' || repeat('x', 1993)))), '2026-04-01 02:00:00');
SELECT id, length("challengeUrl") FROM "ChallengeInstance" WHERE "challengeId" = 'sch' ORDER BY id;
CALL testing.running('{}');
DROP FUNCTION testing.refuse_e3();
DELETE FROM "GroupChallenge" WHERE id = 'rgc';
DELETE FROM edurange.sync_past;
UPDATE edurange.sync_state SET applied_at = NULL, cleaned_at = NULL;
