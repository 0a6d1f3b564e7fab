-- What others report: nothing loses an entry.
CALL testing.fresh();
CALL testing.quiz();
CREATE FUNCTION testing.logged(entry edurange.activity_entry) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', "eventType", severity, "userId", "challengeId", "groupId", "accessCodeId", "challengeInstanceId", metadata)
  FROM "ActivityLog" WHERE id = entry.id
$$;
-- (the time is rounded to milliseconds)
SELECT testing.logged(e), e."timestamp" <= clock_timestamp() + interval '0.5 ms' AS now FROM edurange.log_activity('USER_LOGGED_IN', 'ada') e;
SELECT testing.logged(e) FROM edurange.log_activity('SECURITY_EVENT', 'ada', 'critical', '{"ip": "127.0.0.1", "deep": {"a": [1, 2]}}', 'quiz', 'spring') e;
-- metadata that is text of something else, or none
SELECT testing.logged(e) FROM edurange.log_activity('USER_UPDATED', 'ada', metadata => '[1, 2]') e;
SELECT testing.logged(e) FROM edurange.log_activity('USER_UPDATED', 'ada', metadata => '"text"') e;
SELECT testing.logged(e) FROM edurange.log_activity('USER_UPDATED', 'ada', metadata => 'null') e;
SELECT testing.logged(e) FROM edurange.log_activity('USER_UPDATED', 'ada', metadata => '{broken') e;
SELECT testing.logged(e) FROM edurange.log_activity('USER_UPDATED', 'ada', metadata => '{"ANSWER": broken') e;
SELECT testing.logged(e) FROM edurange.log_activity('USER_UPDATED', 'ada', metadata => '', details => 'more "words"') e;
-- a short text of a long number does not become a row that nobody can read
SELECT testing.logged(e) FROM edurange.log_activity('USER_UPDATED', 'ada', metadata => '{"a": [1e131071, -1e400, 1e30, 12.50], "b": 1e-9000}') e;
SELECT length(testing.logged(e)) FROM edurange.log_activity('USER_UPDATED', 'ada', metadata => format('[%s]', repeat('1e131071, ', 900) || 1)) e;
-- it is a note, and no store
SELECT testing.refused(format('SELECT edurange.log_activity(%L, %L, metadata => %L)', 'USER_UPDATED', 'ada', format('["%s"]', repeat('x', 16380)))) AS largest,
  testing.refused(format('SELECT edurange.log_activity(%L, %L, metadata => %L)', 'USER_UPDATED', 'ada', format('["%s"]', repeat('x', 16381)))),
  testing.refused(format('SELECT edurange.log_activity(%L, %L, details => %L)', 'USER_UPDATED', 'ada', repeat('x', 16385))),
  testing.refused(format('SELECT edurange.log_activity(%L, %L, metadata => %L)', 'USER_UPDATED', 'ada', format('[%s{}]', repeat('{},', 998)))) AS most,
  testing.refused(format('SELECT edurange.log_activity(%L, %L, metadata => %L)', 'USER_UPDATED', 'ada', format('[%s{}]', repeat('{},', 999))));
SELECT testing.logged(e) FROM edurange.log_activity('USER_UPDATED', 'ada', metadata => '[{"answer": 1}, [], "a,b", {"x": {}}]', details => 'both') e;
SELECT testing.logged(e) FROM edurange.log_activity('USER_UPDATED', 'ada', metadata => '1e400') e;
-- secrets are taken out, however deep
SELECT testing.logged(e) FROM edurange.log_activity('USER_UPDATED', 'ada', metadata => '{"answer": "s1", "a": {"Flag": {"x": "s2"}, "b": [{"token": "s3", "kept": 1}]}, "flags": "kept"}') e;
-- what the types do not know
SELECT testing.logged(e) FROM edurange.log_activity('CHALLENGE_STARTED', 'ada', 'WARNING') e;
SELECT testing.logged(e) FROM edurange.log_activity('USER_LOGGED_IN', 'ada', 'LOUD') e;
SELECT testing.logged(e) FROM edurange.log_activity('USER_LOGGED_IN', 'ada', NULL) e;
-- ids of nothing
SELECT testing.logged(e) FROM edurange.log_activity('ACCESS_CODE_DELETED', 'ada', challenge_id => 'c?', group_id => 'g?', challenge_instance_id => 'i?', access_code_id => 'a?') e;
-- users that are gone
SELECT testing.logged(e) FROM edurange.log_activity('USER_DELETED', 'gone', metadata => '{"deletedBy": "ina"}') e;
SELECT testing.logged(e) FROM edurange.log_activity('USER_UPDATED', 'gone', metadata => '{"deletedBy": "gone too", "updatedBy": "bob"}') e;
SELECT testing.logged(e) FROM edurange.log_activity('USER_UPDATED', 'gone') e;
SELECT testing.logged(e) FROM edurange.log_activity('USER_UPDATED', 'gone') e;
SELECT id, name, email, role FROM "User" WHERE id IN ('gone', 'edurange-system');
-- deleted, it is made again; also where the platform gave its address away meanwhile
DELETE FROM "User" WHERE id = 'edurange-system';
INSERT INTO "User" (id, email) VALUES ('taker', 'edurange-system@invalid');
SELECT testing.logged(e) FROM edurange.log_activity('USER_UPDATED', 'gone') e;
SELECT id, regexp_replace(email, '^[-0-9a-f]{36}', 'ID') AS email, role FROM "User" WHERE email ~ 'edurange-system@' ORDER BY 1;
SELECT edurange.wire(c) IS NOT NULL AS updated FROM edurange.update_competition('spring', 'Spring') c;
SELECT "userId" FROM "ActivityLog" WHERE "eventType" = 'GROUP_UPDATED';
DELETE FROM "User" WHERE id = 'taker';
-- a player's word
SET ROLE edurange_player;
SELECT id AS mine FROM edurange.log_activity('SECURITY_EVENT', 'ada', 'CRITICAL', '{"reportedBy": "server"}') \gset
SELECT id AS theirs FROM edurange.log_activity('QUESTION_ATTEMPTED', 'cyd', metadata => format('{"questionId": "%s", "answer": "x"}', 'nothing')) \gset
RESET ROLE;
SELECT severity, metadata FROM "ActivityLog" WHERE id = :'mine';
SELECT metadata FROM "ActivityLog" WHERE id = :'theirs';
-- the server has just written the same event: that entry is the answer
SELECT "isCorrect" FROM edurange.attempt_question('ada', testing.q('open'), testing.gc(), 'x');
SELECT count(*) AS entries FROM "ActivityLog" \gset
SELECT metadata ->> 'reportedBy' AS by, l."eventType" FROM edurange.log_activity('QUESTION_ATTEMPTED', 'ada', metadata => format('{"questionId": "%s"}', testing.q('open'))) e JOIN "ActivityLog" l USING (id);
SELECT count(*) - :entries AS added FROM "ActivityLog";
UPDATE "ActivityLog" SET "timestamp" = "timestamp" - interval '61 s' WHERE "userId" = 'ada';
SELECT id AS again FROM edurange.log_activity('QUESTION_ATTEMPTED', 'ada', metadata => format('{"questionId": "%s"}', testing.q('open'))) \gset
SELECT metadata ->> 'reportedBy' AS by FROM "ActivityLog" WHERE id = :'again';
SELECT testing.refused($$SELECT edurange.log_activity(NULL, 'ada')$$);
SELECT testing.refused($$SELECT edurange.log_activity('USER_UPDATED', '')$$);
SELECT testing.bound($$edurange.log_activity('USER_UPDATED', 'bob', @)$$, 'ada');
-- what is kept beside the metadata is short
SELECT p, testing.refused(format('SELECT edurange.log_activity(event_type => %L, user_id => %L, %I => %L)', 'USER_UPDATED', 'ada', p, repeat('ü', 255))) AS longest,
  testing.refused(format('SELECT edurange.log_activity(event_type => %L, user_id => %L, %I => %L)', 'USER_UPDATED', 'ada', p, repeat('ü', 256)))
FROM unnest(ARRAY['severity', 'challenge_id', 'access_code_id']) p;
SELECT testing.refused(format('SELECT edurange.log_activity(%L, %L, group_id => %L)', 'USER_UPDATED', 'ada', repeat('x', 256))) AS "group",
  testing.refused(format('SELECT edurange.log_activity(%L, %L, challenge_instance_id => %L)', 'USER_UPDATED', 'ada', repeat('x', 256))) AS instance,
  testing.refused(format('SELECT edurange.log_activity(%L, %L)', repeat('x', 256), 'ada')) AS event, testing.refused(format('SELECT edurange.log_activity(%L, %L)', 'USER_UPDATED', repeat('x', 256))) AS "user";
