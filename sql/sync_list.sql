-- A list of pods as it came: cut into its elements, each parsed alone.
CALL testing.fresh();
INSERT INTO "ChallengeType" (id, name) VALUES ('slt', 'sync list') ON CONFLICT DO NOTHING;
INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('slc', 'Sync: list', 'slt') ON CONFLICT DO NOTHING;
CREATE PROCEDURE testing.listed_instances() LANGUAGE sql AS $$
  DELETE FROM "ChallengeInstance" WHERE "challengeId" = 'slc';
  DELETE FROM edurange.sync_watch;
  INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", flag, "flagSecretName")
  SELECT 'l' || n, 'slc', 'ada', 'https://l' || n || '.example.org', 'QUEUED', 'spring', 'EDU-{l}', 'flag-secret-l' || n FROM generate_series(1, 3) n
$$;
CREATE FUNCTION testing.listed_state() RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(id || ' ' || status, ', ' ORDER BY id) FROM "ChallengeInstance" WHERE "challengeId" = 'slc'
$$;
CREATE FUNCTION testing.listed(elements text) RETURNS text LANGUAGE sql AS $$ SELECT '{"challenge_pods": [' || elements || ']}' $$;

-- white space anywhere, members before and behind the list, pods with whatever inside
CALL testing.listed_instances();
SELECT pods, changed, held, wanted FROM edurange.sync_apply_list(E' \t\r\n{ "at" : {"challenge_pods" : [1, "]", {"name": "l1", "status": "ERROR"}]},
  "\\"challenge_pods" : "[",\n"challenge_pods"\t:\r\n[\n{"name":"l1","status":"ACTIVE","webosUrl":"https://l1.example.org"} ,
  { "status" : "CREATING", "labels": {"name": "l3", "brackets": "]}\\"],[{", "deep": [[], {}, [{"status": []}]]}, "name" : "l\\u0032" }\n] , "challenge_pod": [], "n": -1.5e3, "t": [true, false, null]}\n',
  '2023-01-01 00:00', 12.5);
SELECT testing.listed_state(), "podsSeen", "fetchMs" FROM edurange.sync_status();
-- the same list as a snapshot has nothing to add, nor has it the other way round
SELECT pods, changed FROM edurange.sync_apply(testing.listed('{"name": "l1", "status": "ACTIVE", "webosUrl": "https://l1.example.org"}, {"name": "l2", "status": "CREATING"}')::jsonb, '2023-01-01 00:01');
SELECT pods, changed FROM edurange.sync_apply(testing.listed('{"name": "l3", "status": "ERROR"}')::jsonb, '2023-01-01 00:02');
SELECT pods, changed FROM edurange.sync_apply_list(testing.listed('{"name": "l3", "status": "ERROR"}'), '2023-01-01 00:03');
-- no pod at all is a list
SELECT pods, changed FROM edurange.sync_apply_list('{"challenge_pods":[]}', '2023-01-01 00:04');
SELECT pods, changed FROM edurange.sync_apply_list('{"challenge_pods" : [ ] }', '2023-01-01 00:04:01');
-- nested as deeply as can be read
SELECT pods, changed FROM edurange.sync_apply_list('{"x": ' || repeat('[', 2047) || repeat(']', 2047) || ', "challenge_pods": []}', '2023-01-01 00:05');
SELECT pods, changed FROM edurange.sync_apply_list(testing.listed('{"name": "l1", "status": "ACTIVE", "x": ' || repeat('[', 2045) || repeat(']', 2045) || '}'), '2023-01-01 00:06');

-- what is no such list changes nothing
CALL testing.listed_instances();
SELECT text, testing.refused(format('SELECT edurange.sync_apply_list(%L, ''2023-01-02'')', text)) AS refused FROM unnest(ARRAY[
  '', ' ', '[]', '"challenge_pods"', '{}', 'null', '[["l1"]]', '{"challenge_pods"}', '<!DOCTYPE html>',
  '{"pods": {"challenge_pods": []}}', '{"\"challenge_pods": []}', '{"x": "challenge_pods", "y": []}', '{"": []}',
  '{"challenge_pods": null}', '{"challenge_pods": {}}', '{"challenge_pods": "[]"}', '{"challenge_pods": [], "challenge_pods": []}', '{"challenge_pods": [], "challenge\u005fpods": []}',
  '{"challenge_pods": []', '{"challenge_pods": []}}', '{"challenge_pods": []} []', '{"challenge_pods": [],}', '{"challenge_pods": [}',
  '{"challenge_pods": [], "x": tru}', '{"challenge_pods": [], "x": "a' || chr(10) || '"}', '{"challenge_pods": [], "x": "\ud8"}',
  testing.listed('{"name": "l1", "status": "ACTIVE"},'), testing.listed('{"name": "l1", "status": "ACTIVE"} {"name": "l2", "status": "ACTIVE"}'),
  testing.listed('{"name": "l1", "status": "ACTIVE"]}, {"name": "l2", "status": "ACTIVE"'), testing.listed('{"name": "l1", "status" "ACTIVE"}')]) text;
SELECT testing.refused(format('SELECT edurange.sync_apply_list(%L, ''2023-01-02'')', '{"x": ' || repeat('[', n) || repeat(']', n) || ', "challenge_pods": []}'))
FROM unnest(ARRAY[2048, 1000000]) n;
-- more elements than any list of pods has, in a list or in a snapshot
SELECT testing.refused(format('SELECT edurange.sync_apply_list(%L, ''2023-01-02'')', testing.listed('0' || repeat(',0', 200000))));
SELECT key, testing.refused(format('SELECT edurange.sync_apply(%L, ''2023-01-02'')', jsonb_build_object(key, array_fill(0, '{200001}'))))
FROM unnest(ARRAY['challenge_pods', 'statuses', 'secrets', 'ends']) key;
SELECT pods FROM edurange.sync_apply_list(testing.listed('0' || repeat(',0', 199999)), '2023-01-01 00:07');
SELECT name, reason FROM edurange.sync_watch WHERE reason = 'unreadable';
DELETE FROM edurange.sync_watch;
-- a pod that cannot be read is left as it is, and known to be there if its name can be read; the others go on
CREATE FUNCTION testing.listed_with(element text, at timestamptz) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  found text;
BEGIN
  CALL testing.listed_instances();
  UPDATE edurange.sync_state SET applied_at = NULL;
  PERFORM edurange.sync_apply_list(testing.listed('{"name": "l1", "status": "ACTIVE"}, ' || element || ', {"name": "l3", "status": "ACTIVE"}'), at);
  SELECT concat_ws('; ', testing.listed_state(), string_agg(concat_ws(' ', reason, name, since), '; ' ORDER BY reason, name)) INTO found
  FROM edurange.sync_watch WHERE reason IN ('unreadable', 'missing');
  RETURN found;
END $$;
SELECT element, testing.listed_with(element, timestamptz '2023-01-01 01:00' + n * interval '1 s') FROM unnest(ARRAY[
  'null', '7', '"l2"', '[]', '[{"name": "l2", "status": "ACTIVE"}]', '{}', '{"name": "l2"}', '{"name": "", "status": "ACTIVE"}', '{"name": "l2", "status": 1}',
  '{"name": "l2", "status": "ACTIVE", "webosUrl": []}', '{"name": "l2", "status": "ACTIVE", "user_id": {}}', '{"name": "l2", "status": "ACTIVE", "status": "ERROR"}',
  '{"name": "l2", "status": "ACTIVE", "\u0073tatus": "ERROR"}', '{"name": "l2", "status": "ACTIVE", "x": "\ud800"}', '{"name": "l2", "status": "ACTIVE", "x": "\u0000"}',
  '{"x": "\ud800", "name" : "l\u0032", "status": "ACTIVE"}', '{"name": "\ud800", "status": "ACTIVE"}', '{"name": "l2", "name": "l2", "status": "ACTIVE"}', '{"name": {"name": "l2"}, "status": 1}',
  '{"name": "l2", "status": "ACTIVE", "x": 1e1000000}', '{"name": "l2", "status": 1}, {"name": "l2", "status": "ACTIVE"}',
  '{"name": "l2", "na\u006de": "l4", "status": "ACTIVE"}', '{"name": "l2", "\u006E\u0061\u006D\u0065": "l4", "x": "\ud800"}', '{"n\u0061me": "l2", "status": 1}',
  '{"name\\": 1, "\"name": 1, "\\name": "l4", "\\": 7, "": 1, "name": "l2", "status": 1}']) WITH ORDINALITY AS e (element, n);
SELECT testing.listed_with('{"name": "' || repeat('l', 9000) || '", "status": "ACTIVE"}', '2023-01-01 01:59');
-- the same within a snapshot
CALL testing.listed_instances();
SELECT pods, changed FROM edurange.sync_apply('{"challenge_pods": [{"name": "l1", "status": "ACTIVE"}, {"name": "l2", "status": 7}]}', '2023-01-01 02:00');
SELECT kind, name, status FROM edurange.sync_drift() ORDER BY 1, 2;
-- it is reported as long as it is so
SELECT pods, changed FROM edurange.sync_apply('{"challenge_pods": [{"name": "l1", "status": "ACTIVE"}, {"name": "l2", "status": "CREATING"}]}', '2023-01-01 02:01');
SELECT kind, name, status FROM edurange.sync_drift() ORDER BY 1, 2;
-- a list with a pod that has no name proves nobody's absence, however long: two "not found" do
CALL testing.listed_instances();
UPDATE "ChallengeInstance" SET status = 'ACTIVE' WHERE "challengeId" = 'slc';
SELECT changed FROM edurange.sync_apply_list(testing.listed('{"name": "l1", "status": "ACTIVE"}, {"name": "l2", "status": "ACTIVE"}, 7'), '2023-01-01 03:00');
SELECT changed, wanted -> 'statuses' AS statuses FROM edurange.sync_apply_list(testing.listed('{"name": "l1", "status": "ACTIVE"}, {"name": "l2", "status": "ACTIVE"}, 7'), '2023-01-01 04:00');
SELECT name, since FROM edurange.sync_watch WHERE reason = 'missing';
SELECT changed FROM edurange.sync_apply('{"statuses": [{"name": "l3", "status": "not_found"}]}', '2023-01-01 04:01');
SELECT changed FROM edurange.sync_apply('{"statuses": [{"name": "l3", "status": "not_found"}]}', '2023-01-01 04:02');
SELECT testing.listed_state();
-- two entries of one pod count in whatever order they come, and the row is written once
CALL testing.listed_instances();
SELECT changed FROM edurange.sync_apply_list(testing.listed('{"name": "l1", "status": "ACTIVE", "webosUrl": "https://b.test"}, {"name": "l1", "status": "ACTIVE", "webosUrl": "https://a.test"}'), '2023-01-01 05:00');
SELECT changed FROM edurange.sync_apply_list(testing.listed('{"name": "l1", "status": "ACTIVE", "webosUrl": "https://a.test"}, {"name": "l1", "status": "ACTIVE", "webosUrl": "https://b.test"}'), '2023-01-01 05:01');
SELECT "challengeUrl" FROM "ChallengeInstance" WHERE id = 'l1';
-- instances whose ids no index would take are not watched
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId")
SELECT string_agg(md5(n::text), ''), 'slc', 'ada', '', 'QUEUED', 'spring' FROM generate_series(1, 80) n;
SELECT changed FROM edurange.sync_apply_list(testing.listed(''), '2023-01-01 06:00');
DELETE FROM "ChallengeInstance" WHERE length(id) > 100;
CALL testing.listed_instances();
SELECT testing.refused('SELECT edurange.sync_apply_list(NULL)');
SELECT testing.refused($$SELECT edurange.sync_apply_list('{"challenge_pods": []}', NULL)$$);
SELECT testing.refused($$SELECT edurange.sync_apply_list('{"challenge_pods": []}', clock_timestamp() + interval '1 min')$$);
-- a list that is cut short anywhere
SELECT count(*), count(*) FILTER (WHERE refused LIKE '22032: parameter "list" is not valid JSON, see line _') AS refused FROM (
  SELECT testing.refused(format('SELECT edurange.sync_apply_list(%L, ''2023-01-02'')', left(text, n))) AS refused
  FROM (SELECT testing.listed('{"name": "l1", "status": "ACTIVE", "urls": {"terminal": null, "x": [1, "\"]}"]}}, {"name": "l2", "status": "ERROR"}') AS text) t, generate_series(1, length(text) - 1) n) r;
SELECT testing.listed_state(), (SELECT count(*) FROM edurange.sync_watch) AS watched;
-- a list that is older than what was applied changes nothing
SELECT pods, changed FROM edurange.sync_apply_list(testing.listed('{"name": "l1", "status": "ACTIVE"}'), '2023-01-03 00:01');
SELECT pods, changed FROM edurange.sync_apply_list(testing.listed('{"name": "l1", "status": "ERROR"}'), '2023-01-03 00:00');
SELECT testing.listed_state();

-- pods of any content are cut as jsonb would have them: random members, in random layouts
CREATE FUNCTION testing.random_value(depth integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  dice integer := floor(random() * CASE WHEN depth > 3 THEN 6 ELSE 8 END);
  gap text := (ARRAY['', ' ', E'\n\t'])[1 + floor(random() * 3)];
BEGIN
  RETURN gap || CASE WHEN dice < 4 THEN (ARRAY['null', '-0.5e-3', 'true', '{}'])[dice + 1]
    WHEN dice < 6 THEN (ARRAY['"]"', '"}"', '"\""', '"\\"', '"\\\""', '"[{"', '"\u005d\ud83d\ude00"', '"challenge_pods"', '",\"challenge_pods\":["'])[1 + floor(random() * 9)]
    WHEN dice = 6 THEN (SELECT '[' || coalesce(string_agg(testing.random_value(depth + 1), ','), '') || gap || ']' FROM generate_series(1, (random() * 3)::integer))
    ELSE (SELECT '{' || coalesce(string_agg(format('%s"k%s"%s:%s', gap, n, gap, testing.random_value(depth + 1)), ','), '') || '}' FROM generate_series(1, (random() * 3)::integer) n)
    END || gap;
END $$;
SELECT FROM setseed(0.4711);
CREATE TABLE testing.random_list AS SELECT n, format('{"a":%s,"challenge_pods":[%s],"z":%s}', testing.random_value(0),
  (SELECT string_agg(format('{"x":%s,"name":"r%s","y":%s,"status":"%s"}', testing.random_value(0), i, testing.random_value(0), (ARRAY['CREATING', 'ACTIVE'])[1 + (n + i) % 2]), ',') FROM generate_series(1, 1 + n % 7) i), testing.random_value(0)) AS list
FROM generate_series(1, 100) n;
SELECT count(*) AS lists, count(*) FILTER (WHERE jsonb_array_length(list::jsonb -> 'challenge_pods') = 1 + n % 7) AS of_the_right_length FROM testing.random_list;
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", flag, "flagSecretName")
SELECT 'r' || i, 'slc', 'ada', 'pending...', 'QUEUED', 'spring', 'EDU-{r}', 'flag-secret-r' || i FROM generate_series(1, 7) i;
CREATE FUNCTION testing.lists_that_differ() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  one record;
  differ integer := 0;
BEGIN
  FOR one IN SELECT * FROM testing.random_list ORDER BY n LOOP
    UPDATE "ChallengeInstance" SET status = 'QUEUED' WHERE id LIKE 'r_';
    IF (SELECT (pods, changed)::text FROM edurange.sync_apply_list(one.list, timestamptz '2023-02-01' + one.n * interval '1 s')) <> format('(%s,%s)', 1 + one.n % 7, 1 + one.n % 7)
      OR (SELECT changed FROM edurange.sync_apply(one.list::jsonb, timestamptz '2023-02-01' + one.n * interval '1 s')) <> 0 THEN
      differ := differ + 1;
    END IF;
  END LOOP;
  RETURN differ;
END $$;
SELECT testing.lists_that_differ();
DROP TABLE testing.random_list;
DELETE FROM "ChallengeInstance" WHERE "challengeId" = 'slc';
DELETE FROM edurange.sync_watch;
