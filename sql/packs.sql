-- Packs: installed whole or not at all, and students keep their work.
CALL testing.fresh();
CREATE FUNCTION testing.question(id text, points integer DEFAULT 1, more text DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('type', 'question', 'id', id, 'config', jsonb_build_object('type', 'text',
    'text', id || '?', 'points', points, 'answer', 'yes') || more::jsonb)
$$;
CREATE FUNCTION testing.challenge(id text, metadata text DEFAULT '{}', VARIADIC components jsonb[] DEFAULT ARRAY[testing.question('q')]) RETURNS text LANGUAGE sql AS $$
  SELECT jsonb_build_object('metadata', jsonb_build_object('id', id, 'name', initcap(id), 'version', '1.0.0',
    'challenge_type', 'web') || metadata::jsonb, 'components', to_jsonb(components))::text
$$;
CREATE FUNCTION testing.manifest(id text, version text, challenges text[], more text DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
  SELECT (jsonb_build_object('id', id, 'name', 'Pack ' || id, 'version', version, 'challenges', challenges) || more::jsonb)::text
$$;
-- what an installation says of each challenge
CREATE FUNCTION testing.outcomes(result edurange.pack_result) RETURNS TABLE (challenge text) LANGUAGE sql AS $$
  SELECT concat_ws(' ', id, path, status, 'questions', (questions).total, (questions).added, (questions).changed, (questions).removed,
    'apps', (app_configs).total, (app_configs).added, (app_configs).changed, (app_configs).removed)
  FROM unnest(result.challenges)
$$;
-- every row that an installation could have written, with its version
CREATE FUNCTION testing.rows() RETURNS text LANGUAGE sql AS $$
  SELECT md5(string_agg(r::text, ',' ORDER BY r::text)) FROM (
    SELECT p::text || xmin FROM "ChallengePack" p UNION ALL SELECT c::text || xmin FROM "Challenge" c
    UNION ALL SELECT q::text || xmin FROM "ChallengeQuestion" q UNION ALL SELECT a::text || xmin FROM "ChallengeAppConfig" a
    UNION ALL SELECT t::text || xmin FROM "ChallengeType" t UNION ALL SELECT d::text || xmin FROM edurange.cdf_document d
    UNION ALL SELECT m::text || xmin FROM edurange.pack_manifest m UNION ALL SELECT l::text || xmin FROM "ActivityLog" l
    UNION ALL SELECT x::text || xmin FROM edurange.retired_question x) AS rows (r)
$$;
SELECT status, message, installed_count, skipped_count, skipped_details, "packId", version, dry_run, changed
FROM edurange.pack_install(testing.manifest('net', '1.0.0', '{a.json,sub/b.json}',
    '{"description": "Nets", "author": "Ann", "license": "MIT", "website": "https://example.org"}'),
  '{README,sub/b.json,a.json}', ARRAY['not JSON', testing.challenge('net-b', '{"difficulty": "advanced"}'), testing.challenge('net-a')],
  installed_by => 'ina');
SELECT id, name, description, version, author, license, website FROM "ChallengePack" WHERE id = 'net';
SELECT id, difficulty, pack_id, pack_challenge_id FROM "Challenge" WHERE pack_id = 'net' ORDER BY id;
SELECT "userId", metadata FROM "ActivityLog" WHERE "eventType" = 'CHALLENGE_PACK_INSTALLED';
-- the same entry reported by the dashboard is not stored twice
SELECT count(*) FROM edurange.log_activity('CHALLENGE_PACK_INSTALLED', 'ina', metadata => '{"packName": "Pack net"}');
SELECT count(*) FROM "ActivityLog" WHERE "eventType" = 'CHALLENGE_PACK_INSTALLED';
-- the same again writes nothing, a dry run writes nothing
CREATE TEMP TABLE before AS SELECT testing.rows() AS state;
CREATE FUNCTION testing.net(version text, more text DEFAULT '{}', dry_run boolean DEFAULT false) RETURNS edurange.pack_result LANGUAGE sql AS $$
  SELECT edurange.pack_install(testing.manifest('net', version, '{a.json,sub/b.json}', more), '{sub/b.json,a.json}',
    ARRAY[testing.challenge('net-b', '{"difficulty": "advanced"}'), testing.challenge('net-a')], dry_run, 'ina')
$$;
SELECT message, changed, testing.rows() = state AS same FROM before, testing.net('1.0.0',
  '{"description": "Nets", "author": "Ann", "license": "MIT", "website": "https://example.org"}');
SELECT message, dry_run, changed, testing.rows() = state AS same FROM before, testing.net('1.1.0', dry_run => true);
SELECT testing.rows() = state AS same FROM before;
-- an update tells what it does to each challenge; what it drops leaves the pack and stays
SELECT testing.outcomes(edurange.pack_update(testing.manifest('net', '1.1.0', '{c.json,a.json}'), '{a.json,c.json}', ARRAY[
  testing.challenge('net-a', '{}', testing.question('q', 2), testing.question('r'), '{"type": "webosApp", "id": "term", "config": {"app_type": "terminal"}}'),
  testing.challenge('net-c')]));
SELECT id, pack_id, pack_challenge_id FROM "Challenge" WHERE id LIKE 'net-%' ORDER BY id;
SELECT id, version, license FROM "ChallengePack" WHERE id = 'net';
-- older versions
SELECT testing.refused($$SELECT testing.net('1.0.9')$$);
SELECT testing.refused($$SELECT testing.net('1.1.0-rc.1')$$);
SELECT message FROM edurange.pack_update(testing.manifest('net', '1.0.9', '{a.json}'), '{a.json}', ARRAY[testing.challenge('net-a')], force => true);
SELECT testing.refused($$SELECT edurange.pack_update(testing.manifest('nothing', '1.0.9', '{a.json}'), '{a.json}', ARRAY[testing.challenge('net-z')])$$);
SELECT count(*) FROM "Challenge" WHERE id = 'net-z';
-- what is refused when it is tried leaves no trace in the session
SELECT edurange.pack_update(testing.manifest('net', '0.9.0', '{a.json}'), '{a.json}', ARRAY[testing.challenge('net-a')], dry_run => true);
SELECT version FROM "ChallengePack" WHERE id = 'net';
-- what packs need
CREATE FUNCTION testing.needing(id text, needs text) RETURNS text LANGUAGE sql AS $$
  SELECT testing.refused(format('SELECT edurange.pack_install(%L, %L, ARRAY[%L])',
    testing.manifest(id, '1.0.0', '{x}', format('{"dependencies": %s}', needs)), '{x}', testing.challenge(id || '-x')))
$$;
SELECT testing.needing('up', '{"none": "*"}');
SELECT testing.needing('up', '{"net": "^1.1.0"}');
SELECT testing.needing('up', '{"net": "twelve"}');
SELECT testing.needing('up', '{"up": "*"}');
SELECT testing.needing('up', '{"net": "~1.0.1 || ^3"}');
SELECT dependencies FROM edurange.pack_details('up');
SELECT testing.refused($$SELECT edurange.pack_uninstall('net')$$);
SELECT testing.refused($$SELECT testing.net('2.0.0')$$);
SELECT message FROM edurange.pack_uninstall('up');
-- a pack is its id: one of the same name is another
INSERT INTO "ChallengePack" (id, name, version) VALUES ('random', 'Pack net', '1.0.9');
SELECT p.id, p.name, p.version, p.challenge_count FROM edurange.pack_list() l, unnest(l.packs) p WHERE p.name = 'Pack net' ORDER BY 1;
SELECT message, kept_challenges FROM edurange.pack_uninstall('random');
-- uninstalling keeps challenges and work; installing links them again
INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('net-gc', 5, 'net-a', 'spring');
INSERT INTO "QuestionAttempt" (id, "questionId", "userId", "groupChallengeId", answer, "isCorrect")
SELECT 'net-at', id, 'ada', 'net-gc', 'no', false FROM "ChallengeQuestion" WHERE "challengeId" = 'net-a' AND cdf_question_id = 'q';
SELECT * FROM edurange.pack_uninstall('net');
SELECT testing.refused($$SELECT edurange.pack_details('net')$$);
SELECT c.id, c.pack_id, c.pack_challenge_id, count(a.id) AS attempts FROM "Challenge" c JOIN "ChallengeQuestion" q ON q."challengeId" = c.id
LEFT JOIN "QuestionAttempt" a ON a."questionId" = q.id WHERE c.id = 'net-a' GROUP BY c.id;
SELECT testing.outcomes(testing.net('1.0.0'));
SELECT id, pack_id, pack_challenge_id FROM "Challenge" WHERE id LIKE 'net-%' ORDER BY id;
SELECT count(*) FROM "QuestionAttempt" WHERE id = 'net-at';
-- another pack's challenge is not taken, and nothing of the pack is written
SELECT testing.refused($$SELECT edurange.pack_install(testing.manifest('thief', '1.0.0', '{new,old}'), '{new,old}',
  ARRAY[testing.challenge('thief-new'), testing.challenge('net-a')])$$);
SELECT count(*) FROM "Challenge" WHERE id = 'thief-new';
-- everything that is wrong, in all files
CREATE FUNCTION testing.pack_violations(manifest text, paths text[], documents text[]) RETURNS TABLE (file text, path text, keyword text, message text) LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  PERFORM edurange.pack_install(manifest, paths, documents);
EXCEPTION WHEN SQLSTATE 'RG701' THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN QUERY SELECT v.file, v.path, v.keyword, v.message
    FROM json_to_recordset(detail::json) AS v (file text, path text, keyword text, message text);
END
$$;
SELECT file, path, keyword FROM testing.pack_violations('{"id": "Bad id", "extra": 1, "name": "n", "challenges": []}', '{}', '{}');
SELECT * FROM testing.pack_violations(testing.manifest('bad', '01.0.0', '{a,b,c}'), '{a,b}',
  ARRAY[testing.challenge('same'), testing.challenge('same')]);
SELECT file, path FROM testing.pack_violations(testing.manifest('bad', '1.0.0', '{a,b}'), '{a,b}',
  ARRAY[testing.challenge('fine'), testing.challenge('not fine', '{"difficulty": "easy"}')]);
-- paths of any length are compared and quoted
BEGIN;
SET LOCAL statement_timeout = '10s';
SELECT keyword, octet_length(message) FROM testing.pack_violations(testing.manifest('bad', '1.0.0', ARRAY[repeat(E'\u0301', 20000) || repeat(E'\u0323', 20000), 'a']), ARRAY['a', repeat(E'\u0323', 20000) || repeat(E'\u0301', 20000)],
  ARRAY[testing.challenge('a'), '{}']);
SELECT count(*), max(octet_length(file)), sum(octet_length(file)) < 600000 AS short FROM testing.pack_violations(testing.manifest('bad', '1.0.0', ARRAY[repeat('p', 100000)]), ARRAY[repeat('p', 100000)], ARRAY['{' || repeat('"a": 1, "a": 1, ', 500) || '"components": [' || repeat('1, ', 2000) || '1]}']);
SELECT keyword, octet_length(message) FROM testing.pack_violations(testing.manifest('bad', '1.0.0', '{a}'), ARRAY[repeat('\xe9', 1000000)], '{1}');
SELECT octet_length(testing.refused(format('SELECT edurange.pack_install(%L, %L, %L)', testing.manifest('bad', '1.0.0', ARRAY[repeat('p', 100000)]), ARRAY[repeat('p', 100000)], ARRAY['{'])));
ROLLBACK;
-- one object with all of it: every text stays as it is written
SELECT * FROM edurange.pack_parts(E' {"challenges": [ {"manifest": "]", "a" :\t1.50, "b":1e400,"b": "\\u00e9\\/é"} ,'
  '{"document": {"q":\n {} }, "path": "sub/\\u0062"}, {"path": 1, "d": 2}, {"path": "p"}], "force": null,'
  '"manifest":{ "challenges" :["a", "not used", "c", "d"] , "z": 1.0}}', dry_run => false);
SELECT paths, documents, force FROM edurange.pack_parts('{"manifest": {}, "challenges": [], "force": true}');
SELECT * FROM edurange.pack_parts(NULL, true);
SELECT testing.refused(format('SELECT edurange.pack_parts(%L, true)', envelope)) FROM (VALUES
  (''), ('{"manifest": {}'), ('{"manifest": {}, "challenges": [{1}]}'), ('{"answer": secret}'), ('{"a": "\u0000"}'), ('{"a": "\ud800"}'),
  ('[]'), (' 1'), ('{"challenges": []}'), ('{"manifest": {}}'), ('{"manifest": null, "challenges": []}'),
  ('{"manifest": {}, "manif\u0065st": {}, "challenges": []}'), ('{"manifest": {}, "challenges": {}}'),
  ('{"manifest": {}, "challenges": [], "challenges": []}'), ('{"manifest": {}, "challenges": [1]}'), ('{"manifest": {}, "challenges": [{}]}'),
  ('{"manifest": {"challenges": 1}, "challenges": [{}]}'), ('{"manifest": {}, "challenges": [{"path": "a", "document": {}, "path": "b"}]}'),
  ('{"manifest": {}, "challenges": [{"path": "a", "document": {}, "document": {}}]}'),
  ('{"manifest": {}, "challenges": [{"path": 1, "document": {}}]}'), ('{"manifest": {}, "challenges": [{"path": "a", "document": {}, "path": null}]}'),
  ('{"manifest": {}, "challenges": [], "dry_run": "true"}'), ('{"manifest": {}, "challenges": [], "dryRun": true}'),
  ('{"manifest": {}, "challenges": [], "force": true, "force": true}'), ('{"manifest": {}, "challenges": [], "dryRun": 1}'), ('{"manifest": {}, "challenges": [], "dryRun": true, "dry_run": true}'),
  -- what means nothing is no typing error that goes unnoticed
  ('{"manifest": {}, "challenges": [], "dryrun": true}'), ('{"manifest": {}, "challenges": [], "Force": null}'), ('{"manifest": {}, "challenges": [], "": 1}'), ('{"manifest": {}, "challenges": [], "é' || repeat('ä', 60) || '": 1}'),
  ('{"manifest": {"challenges": ["a"]}, "challenges": [{"path": "a", "document": {}, "sha256": "x"}]}')) AS e (envelope);
SELECT testing.refused($$SELECT edurange.pack_parts('{"manifest": {}, "challenges": []}', names => '{}')$$);
-- a byte order mark stays in what is kept, and is in nobody's way
SELECT message FROM edurange.pack_install(E'\ufeff' || testing.manifest('marked', '1.0.0', '{a}', '{"dependencies": {}}'), '{a}', ARRAY[E'\ufeff' || testing.challenge('marked-a') || E'\n']);
SELECT edurange.cdf_export('marked-a') = E'\ufeff' || testing.challenge('marked-a') || E'\n' AS same, dependencies, message FROM edurange.pack_details('marked'),
  edurange.pack_install(E'\ufeff' || testing.manifest('marked', '1.0.0', '{a}', '{"dependencies": {}}'), '{a}', ARRAY[E'\ufeff' || testing.challenge('marked-a') || E'\n'], dry_run => true);
SELECT testing.needing('up', '{"marked": "^1"}'), testing.refused($$SELECT edurange.pack_uninstall('marked')$$);
SELECT message FROM edurange.pack_install(E'\ufeff' || testing.manifest('needy', '1.0.0', '{a}', '{"dependencies": {"marked": "*"}}'), '{a}', ARRAY[testing.challenge('needy-a')]);
SELECT testing.refused($$SELECT edurange.pack_uninstall('marked')$$);
SELECT paths, documents FROM edurange.pack_parts(E'\ufeff{"manifest": {"challenges": ["a"]}, "challenges": [{}]}');
-- keys that are there twice, in each file
SELECT * FROM testing.pack_violations('{"id": "x", "id": "twice", "name": "n", "version": "1.0.0", "challenges": ["a"], "dependencies": {"p": "1", "p": "2"}}', '{a}', ARRAY[testing.challenge('twice-a')]);
SELECT * FROM testing.pack_violations(testing.manifest('twice', '1.0.0', '{a,b}'), '{b,a}', ARRAY[testing.challenge('twice-b'), replace(testing.challenge('twice-a'), '"answer"', '"answer": "no", "answer"')]);
-- spellings of a path
SELECT message, c.path, skipped_details FROM edurange.pack_install(testing.manifest('spelt', '1.0.0', ARRAY['./a', E'd/\u00fc', E'./u\u0308', 'b']),
  ARRAY['.//b', 'b', E'\u00fc', './././a', E'./d/u\u0308', 'c'], ARRAY['x', testing.challenge('spelt-d'), testing.challenge('spelt-c'), testing.challenge('spelt-a'), testing.challenge('spelt-b'), 'x']),
  unnest(challenges) c;
SELECT * FROM testing.pack_violations(testing.manifest('spelt', '1.0.0', ARRAY['a', './a', E'\u00fcber', E'\u00fc', E'x\u00fc']), ARRAY['a', '\x81ber', '\xfc\xfd', 'y', 'x', '\x5c'], ARRAY[testing.challenge('spelt-a'), '', '', '', '', '']);
SELECT testing.refused(format('SELECT edurange.pack_install(%L, %L, %L)', testing.manifest('spelt', '1.0.0', '{a}'), paths, '{"", ""}')) FROM (VALUES ('{a,./a}'), (E'{\u00fc,u\u0308}')) AS p (paths);
-- the pack among the files of an archive
SELECT * FROM edurange.pack_parts(NULL, names => ARRAY['x/pack.json', E'__MACOSX/x/._a', 'x/', 'x/.DS_Store', E'x/d/Icon\r', 'x/Thumbs.db', 'x/Desktop.ini', 'x/d/__MACOSX/b', 'x/a', 'x/d/u', 'x/d/pack.json', 'xy', '\xff', 'x/\x81'],
  texts => ARRAY['{"challenges": ["./a", 5, null, "d/u"]}', '', '', '', '', '', '', '', 'document', 'other', '{', 'out', '', 'is not valid UTF-8'], faults => array_fill(''::text, '{13}') || '{invalid_encoding}'::text[]);
SELECT testing.refused(format('SELECT edurange.pack_parts(NULL, names => %L, texts => %L, faults => %L)', names, texts, faults)) FROM (VALUES
  ('{}', '{}', '{}'), ('{a}', '{}', '{""}'), ('{a}', '{a}', '{}'), (NULL, '{a}', '{""}'), ('{a}', NULL, '{""}'), ('{a}', '{a}', NULL), ('{PACK.JSON}', '{a}', '{""}'), ('{__MACOSX/pack.json}', '{a}', '{""}'),
  ('{a/pack.json,b/pack.json}', '{a,b}', '{"",""}'), ('{pack.json}', '{"{"}', '{""}'), ('{pack.json}', '{"[1]"}', '{""}'), ('{pack.json}', '{has a null byte}', '{invalid_text}'),
  ('{pack.json,a}', '{"{\"challenges\": [\"a\"]}","is UTF-16, and must be UTF-8"}', '{"",invalid_encoding}'), (E'{pack.json,"b\n"}', '{"{}",""}', '{"",""}')) AS a (names, texts, faults);
SELECT testing.refused($$SELECT edurange.pack_install('{', '{}', '{}')$$);
SELECT testing.refused($$SELECT edurange.pack_install(testing.manifest('bad', '1.0.0', '{a}'), '{a}', '{"{\"answer\": secret"}')$$);
SELECT testing.refused($$SELECT edurange.pack_install(testing.manifest('bad', '1.0.0', '{a}'), '{a,a}', '{"{}","{}"}')$$);
SELECT testing.refused($$SELECT edurange.pack_install(testing.manifest('bad', '1.0.0', '{a}'), '{a}', '{}')$$);
SELECT testing.refused($$SELECT edurange.pack_install(testing.manifest('bad', '1.0.0', '{a}'), ARRAY[NULL], '{x}')$$);
SELECT testing.refused($$SELECT edurange.pack_install(NULL, '{a}', '{x}')$$);
SELECT testing.refused($$SELECT edurange.pack_install('{}', NULL, '{x}')$$);
SELECT testing.refused($$SELECT edurange.pack_uninstall('')$$);
-- very many files: none is compared with all the rest, and the list of what is wrong with them ends
BEGIN;
SET LOCAL statement_timeout = '30s';
SELECT count(*) BETWEEN 1000 AND 10000 AS listed FROM testing.pack_violations(testing.manifest('many', '1.0.0', ARRAY(SELECT 'f' || n FROM generate_series(1, 100000) n)),
  ARRAY(SELECT 'f' || n FROM generate_series(1, 100000) n), ARRAY(SELECT '{}' FROM generate_series(1, 100000) n));
SELECT count(*) FROM testing.pack_violations(testing.manifest('many', '1.0.0', '{f}'), ARRAY(SELECT 'f' || n FROM generate_series(1, 100000) n), ARRAY(SELECT '{}' FROM generate_series(1, 100000) n));
ROLLBACK;
-- who installs: nobody known, or the user that the token is bound to
SELECT message FROM edurange.pack_install(testing.manifest('anon', '1.0.0', '{a}'), '{a}', ARRAY[testing.challenge('anon-a')], installed_by => 'nobody');
SELECT "userId" FROM "ActivityLog" WHERE "eventType" = 'CHALLENGE_PACK_INSTALLED' AND metadata ->> 'packId' = 'anon';
SELECT testing.bound($$edurange.pack_install(testing.manifest('anon', '1.1.0', '{a}'), '{a}', ARRAY[testing.challenge('anon-a')], installed_by => 'ina', @)$$, 'ada');
-- a key stands for one installation, whose stored answer holds no answer of a question
SELECT message FROM edurange.pack_install(testing.manifest('anon', '1.2.0', '{a}'), '{a}', ARRAY[testing.challenge('anon-a', '{}', testing.question('q', 1, '{"answer": "planted"}'))], idempotency_key => 'pk');
SELECT message FROM edurange.pack_install(testing.manifest('anon', '1.2.0', '{a}'), '{a}', ARRAY[testing.challenge('anon-a', '{}', testing.question('q', 1, '{"answer": "planted"}'))], idempotency_key => 'pk');
SELECT testing.refused($$SELECT edurange.pack_install(testing.manifest('anon', '1.2.0', '{a}'), '{a}', ARRAY[testing.challenge('anon-a')], idempotency_key => 'pk')$$);
SELECT count(*) FROM edurange.idempotency WHERE response LIKE '%planted%';
-- versions
SELECT version, range, edurange.version_satisfies(version, range) AS inside FROM (VALUES
  ('1.2.3', '1.2.3'), ('1.2.3', '=1.2.3'), ('1.2.4', '1.2.3'), ('1.2.3', '^1.2.0'), ('2.0.0', '^1.2.0'), ('0.2.9', '^0.2.3'),
  ('0.3.0', '^0.2.3'), ('0.0.4', '^0.0.3'), ('1.2.9', '~1.2.3'), ('1.3.0', '~1.2.3'), ('1.9.9', '~1'), ('1.9.0', '1.x'),
  ('1.9.0', '1'), ('2.0.0', '1.*'), ('0.0.1', '*'), ('0.0.1', ''), ('1.5.0', '1.2 - 1.5'), ('1.6.0', '1.2 - 1.5'),
  ('1.5.1', '1.2.0 - 1.5.0'), ('2.0.0', '<2'), ('2.0.0', '<=2'), ('2.5.0', '>2'), ('3.0.0', '>2'), ('3.0.0', '>=2 <3 || 3.0.0'),
  ('1.0.0-beta', '>=1.0.0-alpha'), ('1.1.0-beta', '>=1.0.0-alpha'), ('1.0.0-beta', '*'), ('1.0.0-2', '>1.0.0-10'),
  ('1.0.0-alpha.1', '>1.0.0-alpha'), ('1.0.0', '>1.0.0-rc.1'), ('2.0.0-rc.1', '^1.0.0'), ('1.0.0+build', '1.0.0'), ('1.2.3', '>*')
  ) AS v (version, range);
SELECT range, testing.refused(format('SELECT edurange.version_satisfies(%L, %L)', '1.0.0', range)) AS refused FROM unnest(ARRAY['one', '1.2.3.4', '>', '^^1', '1 | 2',
  '01.2.3', '1.2.3-', '1.2.3-01', '99999999999999999999.0.0', '1 - ', NULL]) AS r (range);
SELECT testing.refused($$SELECT edurange.version_satisfies('1.0', '*')$$);
SELECT count(*) AS violations FROM edurange.check_invariants();
-- a large pack that is edited before anybody knows how large its tables have become
BEGIN;
CREATE FUNCTION testing.large(version text, points integer) RETURNS text LANGUAGE sql AS $$
  SELECT r.message FROM edurange.pack_install(testing.manifest('large', version, ARRAY(SELECT 'c' || n FROM generate_series(1, 200) n)),
    ARRAY(SELECT 'c' || n FROM generate_series(1, 200) n), ARRAY(SELECT testing.challenge('large-' || n, '{}',
      VARIADIC ARRAY(SELECT testing.question('q' || q, points + q) FROM generate_series(1, 50) q)) FROM generate_series(1, 200) n)) r
$$;
SELECT testing.large('1.0.0', 1);
SELECT testing.large('1.0.1', 2);
ROLLBACK;
-- one large challenge: nothing is compared with all the rest
BEGIN;
SET LOCAL statement_timeout = '30s';
CREATE FUNCTION testing.vast(edit text) RETURNS text LANGUAGE sql AS $$
  SELECT testing.challenge('vast', '{}', VARIADIC ARRAY(SELECT CASE WHEN n % 2 = 0 THEN testing.question('c' || n, n, edit)
    ELSE jsonb_build_object('type', 'webosApp', 'id', 'c' || n, 'config', edit::jsonb || '{"app_type": "terminal"}') END FROM generate_series(1, 1800) n))
$$;
SELECT created, questions, app_configs FROM edurange.cdf_import(testing.vast('{}'));
SELECT created, questions, app_configs FROM edurange.cdf_import(testing.vast('{"title": "T"}'));
UPDATE "ChallengeQuestion" SET points = points + 1 WHERE "challengeId" = 'vast';
UPDATE "ChallengeAppConfig" SET width = 1 WHERE "challengeId" = 'vast';
SELECT jsonb_array_length(edurange.cdf_export('vast')::jsonb -> 'components');
SELECT created, questions, app_configs FROM edurange.cdf_import(testing.challenge('vast'));
ROLLBACK;
-- so much is read of a version, of a range and of a list of files
SELECT edurange.version_satisfies('1.0.0', repeat('>=1.0.0 <2.0.0 || ', 3600) || '3') AS largest,
  testing.refused($$SELECT edurange.version_satisfies('1.0.0', repeat('>=1.0.0 <2.0.0 || ', 4000) || '3')$$) AS larger,
  testing.refused($$SELECT edurange.version_satisfies('1.0.0-' || repeat('a', 70000), '1')$$) AS version;
SELECT testing.refused($$SELECT edurange.pack_install('{}', array_fill(''::text, ARRAY[100001]), array_fill(''::text, ARRAY[100001]))$$);
