-- Instances, as callers see and change them; sync_transitions.sql begins what the sync worker does.
CALL testing.fresh();
INSERT INTO "ChallengeType" (id, name) VALUES ('it', 'instances');
INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('ich', 'I', 'it');
-- one instance, as far as the caller may see it
INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('ich-spring', 1, 'ich', 'spring');
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", flag, "flagSecretName") VALUES
  ('in1', 'ich', 'ada', 'https://in1', 'ACTIVE', 'spring', 'EDU-{in1}', 'flag-secret-in1'),
  ('in2', 'ich', 'bob', 'https://in2', 'QUEUED', 'autumn', 'flag{decoy}', NULL);
SELECT edurange.wire(i) FROM edurange.challenge_instance('in1') i;
SET ROLE edurange_player;
SELECT edurange.wire(i) FROM edurange.challenge_instance('in1') i;
SELECT edurange.wire(i) FROM edurange.challenge_instance('in2') i;
RESET ROLE;
SELECT testing.refused($$SELECT edurange.challenge_instance(NULL)$$);
SELECT testing.refused($$SELECT edurange.challenge_instance('in9')$$);
SELECT testing.bound($$edurange.challenge_instance('in1', @)$$, 'bob');
SELECT testing.bound($$edurange.challenge_instance('in1', @)$$, 'ada');
SELECT testing.bound($$edurange.challenge_instance('in1', @)$$, NULL, 'in2');
-- lists of them
SELECT id, flag, "groupChallengeId" FROM edurange.challenge_instances() WHERE id LIKE 'in%';
SELECT id FROM edurange.challenge_instances(user_id => 'ada', group_id => 'spring', status => 'ACTIVE') WHERE id LIKE 'in%';
SELECT id FROM edurange.challenge_instances("limit" => 1, cursor => 'in1');
SELECT id FROM edurange.challenge_instances(caller => ROW(NULL, 'bob', NULL, NULL)::edurange.caller) WHERE id LIKE 'in%';
SELECT testing.refused($$SELECT edurange.challenge_instances(status => 'active')$$);
SELECT testing.refused($$SELECT edurange.challenge_instances("limit" => 501)$$);
-- changing one
SELECT * FROM edurange.update_challenge_instance('in2', flag_secret_name => 'flag-secret-in2', flag => 'EDU-{in2}');
SELECT flag, status, "lastStatusChange" < clock_timestamp() AT TIME ZONE 'UTC' AS past FROM "ChallengeInstance" WHERE id = 'in2';
UPDATE "ChallengeInstance" SET "lastStatusChange" = '2020-01-01', "terminationAttempts" = 3 WHERE id = 'in2';
SELECT * FROM edurange.update_challenge_instance('in2', 'QUEUED');
SELECT "lastStatusChange" FROM "ChallengeInstance" WHERE id = 'in2';
SELECT status FROM edurange.update_challenge_instance('in2', 'ACTIVE');
SELECT "lastStatusChange" > '2020-01-02' AS changed, "terminationAttempts" FROM "ChallengeInstance" WHERE id = 'in2';
SELECT status FROM edurange.update_challenge_instance('in2', 'TERMINATING');
SELECT status FROM edurange.update_challenge_instance('in2', 'TERMINATED');
SELECT status FROM edurange.update_challenge_instance('in2', 'TERMINATED');
SELECT metadata FROM "ActivityLog" WHERE "challengeInstanceId" = 'in2' AND "eventType" = 'CHALLENGE_INSTANCE_DELETED';
SELECT testing.refused($$SELECT edurange.update_challenge_instance('in2', 'ACTIVE')$$);
SELECT testing.refused($$SELECT edurange.update_challenge_instance('in1', 'CREATING')$$);
SELECT testing.refused($$SELECT edurange.update_challenge_instance('in1', 'ACT')$$);
SELECT testing.refused($$SELECT edurange.update_challenge_instance('in1')$$);
SELECT testing.refused($$SELECT edurange.update_challenge_instance(NULL, 'ACTIVE')$$);
SELECT testing.refused($$SELECT edurange.update_challenge_instance('in9', 'ACTIVE')$$);
SELECT testing.refused($$SELECT edurange.update_challenge_instance('in1', flag => 'null')$$);
SELECT testing.refused($$SELECT edurange.update_challenge_instance('in1', flag => ' ')$$);
SELECT testing.refused($$SELECT edurange.update_challenge_instance('in1', flag => E'Null\n')$$);
SELECT testing.refused($$SELECT edurange.update_challenge_instance('in1', flag => '{{FLAG}}')$$);
SELECT testing.refused($$SELECT edurange.update_challenge_instance('in1', flag_secret_name => '')$$);
-- a decoy never becomes a flag by the name of a secret; a known flag stays
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", flag) VALUES
  ('in3', 'ich', 'ada', '', 'QUEUED', 'spring', 'flag{decoy}');
SELECT "flagSecretName" FROM edurange.update_challenge_instance('in3', flag_secret_name => 'flag-secret-in3');
SELECT "flagSecretName", flag FROM "ChallengeInstance" WHERE id = 'in3';
SELECT "flagSecretName" FROM edurange.update_challenge_instance('in3', flag => 'EDU-{in3}');
SELECT "flagSecretName" FROM edurange.update_challenge_instance('in3', flag_secret_name => 'other');
SELECT "flagSecretName", flag FROM "ChallengeInstance" WHERE id = 'in3';
SELECT testing.bound($$edurange.update_challenge_instance('in1', 'TERMINATING', @)$$, 'bob');
-- the whole table of what can follow
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId")
SELECT 'fsm-' || s, 'ich', 'ada', '', s, 'spring' FROM unnest(enum_range(NULL::"ChallengeStatus")) s;
SELECT substr(i.id, 5) AS from, string_agg(s::text, ' ' ORDER BY s) AS to
FROM "ChallengeInstance" i, unnest(enum_range(NULL::"ChallengeStatus")) s
WHERE i.id LIKE 'fsm-%' AND testing.refused(format('DO $d$ BEGIN PERFORM edurange.update_challenge_instance(%L, %L); RAISE ''undone''; END $d$', i.id, s)) = 'P0001: undone'
GROUP BY 1 ORDER BY 1;
DELETE FROM "ChallengeInstance" WHERE "challengeId" = 'ich';
