-- Many pods that are not found at once: held, released by time, by a pod that is seen or by an operator.
CALL testing.fresh();
CREATE FUNCTION testing.some(status text, first integer, last integer) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(string_agg('e' || n || ' ' || status, ', '), '') FROM generate_series(first, last) n
$$;
CREATE VIEW testing.ended AS SELECT count(*) FILTER (WHERE status = 'TERMINATED') AS ended FROM "ChallengeInstance" WHERE "challengeId" = 'sch';
CREATE VIEW testing.hold AS SELECT held, regexp_replace("heldUntil", '^it is .*? and', 'it is later and') AS "heldUntil" FROM edurange.sync_status();
\set VERBOSITY terse
SELECT edurange.sync_begin() IS NULL AS may_work;

-- another cluster: it shows no pod of ours, and finds none
CALL testing.running(array_fill('ACTIVE'::text, ARRAY[10]));
SELECT changed, held FROM edurange.sync_apply(testing.pods(testing.some('ACTIVE', 1, 10)), '2021-01-01 00:00:00');
SELECT changed, held FROM edurange.sync_apply(testing.pods('x1 ACTIVE'), '2021-01-01 00:00:02');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 4)), '2021-01-01 00:00:03');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 5, 10)), '2021-01-01 00:00:04');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 10)), '2021-01-01 00:00:40');
SELECT changed, held FROM edurange.sync_apply(testing.pods('x1 ACTIVE'), '2021-01-01 00:20:00');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 10)), '2021-01-02 00:00:00');
SELECT held, "heldUntil" FROM testing.hold;
SELECT ended FROM testing.ended;
-- the right one again: nothing was lost
SELECT changed, held FROM edurange.sync_apply(testing.pods(testing.some('ACTIVE', 1, 10)), '2021-01-02 00:01:00');
SELECT held, "heldUntil" FROM testing.hold;
SELECT edurange.sync_release() AS nothing_to_release;

-- an operator decides: those end that are still not found then; their pods are not ended when they are back
CALL testing.running(array_fill('ACTIVE'::text, ARRAY[10]));
SELECT changed, held FROM edurange.sync_apply(testing.pods(''), '2021-02-01 00:00:00');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 9)), '2021-02-01 00:00:01');
SELECT edurange.sync_release() AS released;
SELECT changed, held, jsonb_array_length(wanted -> 'statuses') AS asked FROM edurange.sync_apply(testing.pods(''), '2021-02-01 00:01:00');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 9)), '2021-02-01 00:01:01');
SELECT ended FROM testing.ended;
SELECT name, reason FROM edurange.sync_past ORDER BY name;
SELECT changed, held FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e10 ACTIVE'), '2021-02-01 00:02:00');
SELECT changed, wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.pods('e1 ACTIVE, e10 ACTIVE'), '2021-02-01 01:00:00');
SELECT kind, name, status, "podStatus" FROM edurange.sync_drift() WHERE kind <> 'missing_flag';
SELECT "returnedPods" FROM edurange.sync_drift_summary();
SELECT message ~ '1 pods are back' AS told FROM edurange.health();

-- time decides where the list shows a pod of ours
CALL testing.running(array_fill('ACTIVE'::text, ARRAY[10]));
DELETE FROM edurange.sync_past;
SELECT changed, held FROM edurange.sync_apply(testing.pods('e10 ACTIVE'), '2021-03-01 00:00:00');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 9)), '2021-03-01 00:00:01');
SELECT changed, held FROM edurange.sync_apply(testing.pods('e10 ACTIVE'), '2021-03-01 00:00:02');
SELECT held, "heldUntil" FROM testing.hold;
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 9)), '2021-03-01 00:10:00');
SELECT changed, held FROM edurange.sync_apply(testing.pods('e10 ACTIVE'), '2021-03-01 00:10:00.999');
SELECT changed, held FROM edurange.sync_apply(testing.pods('e10 ACTIVE'), '2021-03-01 00:10:01');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 9)), '2021-03-01 00:10:02');
SELECT ended FROM testing.ended;
-- only what the list shows counts: no list, no time
CALL testing.running(array_fill('ACTIVE'::text, ARRAY[5]));
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 4)), '2021-04-01 00:00:00');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 4)), '2021-04-01 01:00:00');
SELECT changed, held FROM edurange.sync_apply('{"error": "HTTP 500"}', '2021-04-01 02:00:00');
-- players who leave do not let the others go
UPDATE "ChallengeInstance" SET status = 'TERMINATING' WHERE id IN ('e1', 'e2', 'e5');
SELECT changed, held FROM edurange.sync_apply(testing.statuses('e1 not_found, e3 not_found'), '2021-04-01 02:00:01');
SELECT testing.state();
SELECT changed, held FROM edurange.sync_apply(testing.statuses('e3 ACTIVE, e4 not_found'), '2021-04-01 02:00:02');
SELECT held, "heldUntil" FROM testing.hold;
SELECT changed, held FROM edurange.sync_apply(testing.pods('e3 ACTIVE'), '2021-04-01 02:00:03');
SELECT changed, held FROM edurange.sync_apply(testing.statuses('e4 not_found'), '2021-04-01 02:00:04');
SELECT testing.state();

-- single pods end as ever: three, or a fifth; and those whose end was requested, however many
CALL testing.running(array_fill('ACTIVE'::text, ARRAY[20]) || array_fill('TERMINATING'::text, ARRAY[20]));
SELECT changed, held FROM edurange.sync_apply(testing.pods(testing.some('ACTIVE', 5, 20)), '2021-05-01 00:00:00');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 4) || ', ' || testing.some('not_found', 21, 40)), '2021-05-01 00:00:01');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 4) || ', ' || testing.some('not_found', 21, 40)), '2021-05-01 00:01:00');
SELECT ended FROM testing.ended;
SELECT count(*) AS in_a_mass_event FROM edurange.sync_past;
-- instances that wait for their pod do not fail over it either
CALL testing.running(array_fill('ACTIVE'::text, ARRAY[4]) || '{QUEUED,CREATING,TERMINATING}');
SELECT changed, held FROM edurange.sync_apply(testing.pods(''), '2021-06-01 00:00:00');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 7)), '2021-06-01 00:00:01');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 7)), '2021-06-01 02:00:00');
SELECT testing.state();

-- a name that no pod can have is proof enough: it fails at its deadline, or ends after the grace period
CALL testing.running('{ACTIVE}');
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId")
SELECT name, 'sch', 'ada', 'pending...', status::"ChallengeStatus", 'spring'
FROM (VALUES (repeat('n', 64), 'QUEUED'), (repeat('m', 63), 'QUEUED'), ('Upper', 'CREATING'), ('-hyphen', 'CREATING'), ('under_score', 'ACTIVE')) AS v (name, status);
CREATE VIEW testing.misnamed AS SELECT left(id, 12) AS id, length(id), status, (SELECT string_agg(metadata ->> 'reason', ', ') FROM "ActivityLog" l
  WHERE l."challengeInstanceId" = i.id) AS reason FROM "ChallengeInstance" i WHERE "challengeId" = 'sch' ORDER BY id COLLATE "C";
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ACTIVE'), '2021-07-01 00:00:00');
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ACTIVE'), '2021-07-01 00:00:29');
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ACTIVE'), '2021-07-01 00:00:30');
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ACTIVE'), '2021-07-01 00:15:00');
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ACTIVE'), '2021-07-01 00:30:00');
SELECT * FROM testing.misnamed;

-- CREATING for ever is stuck
CALL testing.running('{QUEUED}');
SELECT changed FROM edurange.sync_apply(testing.pods('e1 CREATING'), clock_timestamp() - interval '16 min');
SELECT kind, name, status, "podStatus" FROM edurange.sync_drift();
CALL testing.running('{QUEUED}');
SELECT changed FROM edurange.sync_apply(testing.pods('e1 CREATING'), clock_timestamp() - interval '14 min');
SELECT kind, name FROM edurange.sync_drift();
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ACTIVE'), clock_timestamp());
SELECT kind, name FROM edurange.sync_drift();

-- what was given up stays stuck until it is over
CALL testing.running('{ERROR}');
UPDATE "ChallengeInstance" SET "terminationAttempts" = 5 WHERE id = 'e1';
SELECT edurange.sync_begin() IS NULL AS may_work;
SELECT changed FROM edurange.sync_apply(testing.pods('e1 ACTIVE'), '2021-08-01 00:00:00');
SELECT kind, name, status, attempts FROM edurange.sync_drift();
SELECT changed FROM edurange.sync_apply(testing.pods(''), '2021-08-01 00:00:02');
SELECT kind, name FROM edurange.sync_drift();

-- the worker begins: all periods begin anew, and what lies further ahead than anything is planned is due
SELECT edurange.sync_begin() IS NULL AS may_work;
DELETE FROM edurange.sync_watch;
INSERT INTO edurange.sync_watch (name, reason, since, attempts, due) VALUES
  ('a', 'missing', '2020-01-01', 0, '2020-01-01'), ('b', 'zombie', '2020-01-01', 0, '2020-01-01'), ('c', 'zombie', '2020-01-01', 3, '2020-01-01'),
  ('d', 'unknown', '2020-01-01', 0, '2020-01-01'), ('e', 'unknown', '2020-01-01', 2, clock_timestamp() + interval '1 day'), ('f', 'flag', '2020-01-01', 9, clock_timestamp() + interval '1 min'),
  ('g', 'creating', '2020-01-01', 0, '2020-01-01'), ('h', 'ending', '2020-01-01', 0, '2020-01-01'), ('i', 'retained', '2020-01-01', 0, NULL);
UPDATE edurange.sync_state SET applied_at = '2999-01-01';
SELECT edurange.sync_begin() IS NULL AS may_work;
SELECT name, reason, since IS NOT NULL AS since, round(extract(epoch FROM greatest(due, '2026-01-01') - clock_timestamp()) / 10) * 10 AS in_seconds
FROM edurange.sync_watch WHERE name NOT IN ('c', 'i') ORDER BY name;
SELECT due FROM edurange.sync_watch WHERE name = 'c';
SELECT applied_at FROM edurange.sync_state;
-- whose cluster: bound to this server; elsewhere it may not work until somebody confirms
SELECT bound_to IS NOT NULL AS bound FROM edurange.sync_state;
UPDATE edurange.sync_state SET bound_to = regexp_replace(bound_to, ' [^ ]* ', ' 7 ');
SELECT edurange.sync_begin();
UPDATE edurange.sync_state SET bound_to = '1234567890 ' || bound_to;
SELECT edurange.sync_begin();
SELECT edurange.sync_confirm();
SELECT edurange.sync_begin();
DELETE FROM "ChallengeInstance" WHERE "challengeId" = 'sch';
DELETE FROM edurange.sync_watch;
DELETE FROM edurange.sync_past;
-- pods that nobody can be given any more: those of a deleted user or competition are ended, if there was a row for them
CALL testing.running('{}');
SELECT edurange.sync_begin() IS NULL AS may_work;
INSERT INTO "User" (id, email) SELECT 'leaver' || n, 'leaver' || n || '@example.org' FROM generate_series(1, 9) n;
INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('cancelled', 'Cancelled', '2020-01-01');
CREATE FUNCTION testing.owned(first integer, last integer) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('challenge_pods', coalesce(jsonb_agg(jsonb_build_object('name', 'o' || n, 'status', 'ACTIVE', 'user_id', 'leaver' || n,
    'competition_id', CASE WHEN n = 3 THEN 'cancelled' ELSE 'spring' END, 'challenge_name', 'sync--first')), '[]'))
  FROM generate_series(first, last) n
$$;
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", flag, "flagSecretName")
SELECT 'o' || n, 'sch', 'leaver' || n, 'https://o' || n, 'ACTIVE', CASE WHEN n = 3 THEN 'cancelled' ELSE 'spring' END, 'EDU-{o}', 'flag-secret-o' || n FROM generate_series(2, 9) n;
SELECT changed FROM edurange.sync_apply(testing.owned(1, 9), '2021-09-01 00:00:00');
DELETE FROM "User" WHERE id IN ('leaver1', 'leaver2');
DELETE FROM "CompetitionGroup" WHERE id = 'cancelled';
SELECT name, reason, user_id, group_id FROM edurange.sync_past ORDER BY name;
SELECT changed, wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.owned(1, 9), '2021-09-01 00:00:02');
SELECT changed, wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.owned(1, 9), '2021-09-01 00:01:02');
SELECT kind, name FROM edurange.sync_drift() WHERE kind = 'pod_without_row' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) AS adopted FROM "ChallengeInstance" WHERE id IN ('o1', 'o2', 'o3');
-- when they are gone that is forgotten
SELECT changed, wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.owned(4, 9), '2021-09-01 00:01:04');
SELECT name, reason FROM testing.watched WHERE reason IN ('orphan', 'unknown');
-- many at once may be a mistake
DELETE FROM "User" WHERE id LIKE 'leaver%';
SELECT changed, wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.owned(4, 9), '2021-09-01 01:00:00');
SELECT changed, wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.owned(4, 9), '2021-09-01 01:01:00');
SELECT changed, jsonb_array_length(wanted -> 'ends') AS ends FROM edurange.sync_apply(testing.owned(4, 9), '2021-09-01 01:10:59');
SELECT changed, jsonb_array_length(wanted -> 'ends') AS ends FROM edurange.sync_apply(testing.owned(4, 9), '2021-09-01 01:11:00');
-- what is undone while no list comes is not ended: an instance is there again, be it another user's, or all that it belonged to
INSERT INTO "User" (id, email) SELECT 'leaver' || n, 'leaver' || n || '@example.org' FROM generate_series(5, 7) n;
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId")
SELECT 'o' || n, 'sch', CASE WHEN n = 4 THEN 'ada' ELSE 'leaver' || n END, '', 'ACTIVE', 'spring' FROM generate_series(4, 6) n;
SELECT wanted -> 'ends' AS ends FROM edurange.sync_apply('{"error": "HTTP 500"}', '2021-09-01 01:12:00');
SELECT name FROM testing.watched WHERE reason = 'orphan';
SELECT wanted -> 'ends' AS ends FROM edurange.sync_apply(testing.owned(4, 9), '2021-09-01 01:13:00');
SELECT name FROM testing.watched WHERE reason = 'orphan';
-- a row that only was deleted: its pod is given back to its user
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId") VALUES ('back', 'sch', 'ada', 'https://back', 'ACTIVE', 'spring');
INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('sgc', 1, 'sch', 'spring');
DELETE FROM "ChallengeInstance" WHERE id = 'back';
SELECT changed FROM edurange.sync_apply('{"challenge_pods": [{"name": "back", "status": "ACTIVE", "user_id": "ada", "competition_id": "spring", "challenge_name": "sync--first"}]}', '2021-09-02 00:00:00');
SELECT changed, wanted -> 'ends' AS ends FROM edurange.sync_apply('{"challenge_pods": [{"name": "back", "status": "ACTIVE", "user_id": "ada", "competition_id": "spring", "challenge_name": "sync--first"}]}', '2021-09-02 00:01:00');
SELECT id, status, "userId" FROM "ChallengeInstance" WHERE id = 'back';
DELETE FROM "GroupChallenge" WHERE id = 'sgc';
DELETE FROM "ChallengeInstance" WHERE "challengeId" = 'sch';
DELETE FROM edurange.sync_watch;
DELETE FROM edurange.sync_past;

-- others in the place of those who are held, as many as they: another event
CALL testing.running(array_fill('ACTIVE'::text, ARRAY[20]));
SELECT changed, held FROM edurange.sync_apply(testing.pods(testing.some('ACTIVE', 9, 20)), '2021-10-01 00:00:00');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 8)), '2021-10-01 00:00:01');
SELECT changed, held FROM edurange.sync_apply(testing.pods(testing.some('ACTIVE', 1, 8) || ', ' || testing.some('ACTIVE', 17, 20)), '2021-10-01 00:09:00');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 9, 16)), '2021-10-01 00:09:01');
SELECT changed, held FROM edurange.sync_apply(testing.pods(testing.some('ACTIVE', 1, 8) || ', ' || testing.some('ACTIVE', 17, 20)), '2021-10-01 00:11:00');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 9, 16)), '2021-10-01 00:11:01');
SELECT ended AS before_their_time FROM testing.ended;
SELECT changed, held FROM edurange.sync_apply(testing.pods(testing.some('ACTIVE', 1, 8) || ', ' || testing.some('ACTIVE', 17, 20)), '2021-10-01 00:19:02');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 9, 16)), '2021-10-01 00:19:03');
SELECT ended AS by_time FROM testing.ended;

-- a few at a time who join those who are held: they are many, and held for a time of their own
DELETE FROM edurange.sync_past;
CALL testing.running(array_fill('ACTIVE'::text, ARRAY[25]));
SELECT changed, held FROM edurange.sync_apply(testing.pods(testing.some('ACTIVE', 10, 25)), '2021-11-01 00:00:00');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 9)), '2021-11-01 00:00:01');
SELECT changed, held FROM edurange.sync_apply(testing.pods(testing.some('ACTIVE', 13, 25)), '2021-11-01 00:09:58');
SELECT changed, held FROM edurange.sync_apply(testing.pods(testing.some('ACTIVE', 16, 25)), '2021-11-01 00:10:00');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 15)), '2021-11-01 00:10:00.5');
SELECT changed, held FROM edurange.sync_apply(testing.pods(testing.some('ACTIVE', 16, 25)), '2021-11-01 00:10:01');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 15)), '2021-11-01 00:10:02');
SELECT ended AS the_first FROM testing.ended;
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 10, 15)), '2021-11-01 00:11:00');
SELECT held, regexp_replace("heldUntil", '^it is .*:(\d\d:\d\d).*', 'it is \1') AS "heldUntil" FROM edurange.sync_status();
-- the last three are few, and go with the others
SELECT changed, held, jsonb_array_length(wanted -> 'statuses') AS asked FROM edurange.sync_apply(testing.pods(testing.some('ACTIVE', 16, 25)), '2021-11-01 00:19:58');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 10, 15)), '2021-11-01 00:19:59');
SELECT ended AS all_of_them FROM testing.ended;
SELECT count(*) AS in_a_mass_event FROM edurange.sync_past WHERE reason = 'mass';
-- many of those who stay, however many there were before
CALL testing.running(array_fill('ACTIVE'::text, ARRAY[40]));
SELECT changed, held FROM edurange.sync_apply(testing.pods(testing.some('ACTIVE', 31, 40)), '2021-11-02 00:00:00');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 30)), '2021-11-02 00:00:01');
SELECT changed, held FROM edurange.sync_apply(testing.pods(testing.some('ACTIVE', 39, 40)), '2021-11-02 00:09:58');
SELECT changed, held FROM edurange.sync_apply(testing.pods(testing.some('ACTIVE', 39, 40)), '2021-11-02 00:10:01');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 38)), '2021-11-02 00:10:02');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 31, 38)), '2021-11-02 00:10:33');
SELECT edurange.sync_release() AS held;
SELECT changed, held FROM edurange.sync_apply(testing.pods(testing.some('ACTIVE', 39, 40)), '2021-11-02 00:10:34');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 31, 38)), '2021-11-02 00:10:35');
-- whose pod was found, though no list shows it, is not let go with the others
CALL testing.running(array_fill('ACTIVE'::text, ARRAY[25]));
SELECT changed, held FROM edurange.sync_apply(testing.pods(testing.some('ACTIVE', 17, 25)), '2021-11-03 00:00:00');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 6) || ', ' || testing.some('ACTIVE', 7, 16)), '2021-11-03 00:00:01');
SELECT changed, held FROM edurange.sync_apply(testing.pods(testing.some('ACTIVE', 17, 25)), '2021-11-03 00:10:01');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 16)), '2021-11-03 00:10:02');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 7, 16)), '2021-11-03 00:10:33');
SELECT ended AS not_found_for_long FROM testing.ended;
-- an operator's word holds for what is missing when it is heard, by whatever older list
CALL testing.running(array_fill('ACTIVE'::text, ARRAY[10]));
SELECT changed, held FROM edurange.sync_apply(testing.pods(testing.some('ACTIVE', 1, 10)), '2021-11-04 00:00:00');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 9)), '2021-11-04 00:00:02');
SELECT edurange.sync_release() AS held;
SELECT changed, held FROM edurange.sync_apply(testing.pods(testing.some('ACTIVE', 10, 10)), '2021-11-04 00:00:01');
SELECT changed, held FROM edurange.sync_apply(testing.statuses(testing.some('not_found', 1, 9)), '2021-11-04 00:01:00');
SELECT ended AS let_go FROM testing.ended;
