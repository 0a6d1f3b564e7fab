-- What is wrong with a challenge definition or a manifest; the schema that definitions are held against.
CALL testing.fresh();
\pset format unaligned
CREATE FUNCTION testing.validated(document text) RETURNS text LANGUAGE sql AS $$
  SELECT CASE WHEN valid THEN 'valid' ELSE 'not valid' END || coalesce((SELECT string_agg(E'\n' || concat_ws(' ', path, keyword, message), '') FROM unnest(errors)), '')
  FROM edurange.cdf_validate(document)
$$;
CREATE FUNCTION testing.component(config text, type text DEFAULT 'question', id text DEFAULT 'q') RETURNS text LANGUAGE sql AS $$
  SELECT jsonb_build_object('type', type, 'id', id, 'config', config::jsonb)::text
$$;
SELECT testing.validated(testing.document('[{"type": "container", "id": "c", "config": {"image": "i"}}]'));
SELECT testing.validated('{"cdf": ' || testing.document('[{"type": "container", "id": "c", "config": {"image": "i"}}]') || '}');
SELECT testing.validated('{"cdf": 1}');
SELECT testing.validated('5');
SELECT testing.refused($$SELECT edurange.cdf_validate('{')$$), testing.refused($$SELECT edurange.cdf_validate(NULL)$$), testing.refused($$SELECT edurange.cdf_validate('"\u0000"')$$);
-- the rules of the schema; other keys are nobody's business
SELECT testing.validated(testing.document('[{"type": "configMap", "id": "c", "config": {"data": {"a": "b"}}, "x": 1}]', '{"tags": ["a"], "estimated_time": 2.5, "x": {}}'));
SELECT config, type, testing.validated(testing.document('[' || testing.component(config, type) || ']')) FROM (VALUES
  ('{"image": 1, "command": ["a", 1], "env": {"a": 1}, "ports": [{"containerPort": "80"}, {"protocol": "tcp"}], "volumes": [{"name": 1}], "resources": {"limits": {"cpu": 1}, "cpu_limit": 1}}', 'container'),
  ('{}', 'container'), ('{"app_type": "window", "position": {"x": "1"}, "title": null, "width": 70.5, "disabled": "no"}', 'webosApp'), ('{"data": {"a": 1}}', 'secret'), ('{}', 'configMap'), ('{}', 'nothing'),
  ('{"type": "TEXT", "text": 1, "options": "a"}', 'question'), ('{"question_type": "text", "text": "?"}', 'question'),
  ('{"type": "text", "text": "?", "points": 2.0, "order": 0}', 'question'), ('{"type": "text", "text": "?", "points": 2.5, "order": -1}', 'question'), ('{"type": "text", "text": "?", "points": 2147483648}', 'question'),
  ('{"type": "text", "text": "?", "answer": []}', 'question'), ('{"type": "text", "text": "?", "answer": [true]}', 'question'), ('{"type": "text", "text": "?", "answer": {}}', 'question')) AS v (config, type);
SELECT testing.validated('{"metadata": {"name": "N", "version": "1", "challenge_type": "web"}, "components": [{"type": "container", "id": "c", "config": {"image": "i"}}]}') AS without_id;
-- what no schema can say
SELECT testing.validated(testing.document('[' || testing.component('{"image": "i"}', 'container', 'a') || ',' || testing.component('{"data": {}}', 'secret', 'a') || ']'));
SELECT testing.validated(testing.document('[' || testing.component('{"type": "text", "text": "?", "order": 1}', id => 'a') || ',' || testing.component('{"type": "text", "text": "?"}', id => 'b') || ','
  || testing.component('{"type": "text", "text": "?", "order": 1.0}', id => 'c') || ']'));
SELECT testing.validated(testing.document('[' || testing.component('{"app_type": "custom"}', 'webosApp', 'challenge-prompt') || ']'));
SELECT config, testing.validated(testing.document('[' || testing.component(config) || ']')) FROM (VALUES
  ('{"type": "multiple_choice", "text": "?", "options": ["a", "b"], "answer": " b "}'), ('{"type": "multiple_choice", "text": "?", "options": ["a", "b"], "answer": "c"}'), ('{"type": "checkboxes", "text": "?", "options": ["a", "b"], "answer": ["a", "c"]}'),
  ('{"type": "checkboxes", "text": "?", "options": ["a", "b"], "answer": "[\"a\", \"b\"]"}'), ('{"type": "multiple_choice", "text": "?", "answer": "c"}'), ('{"type": "text", "text": "?", "options": ["a"], "answer": "c"}'),
  ('{"type": "multiple_choice", "text": "?", "options": ["a"], "answer": 1}'), ('{"type": "checkboxes", "text": "?", "answer": ["a", "[1e500]"]}'), ('{"type": "checkboxes", "text": "?", "answer": "[1e500]"}')) AS v (config);
SELECT testing.validated(jsonb_set(testing.document('[' || testing.component('{"image": "{{ IMAGE }}", "env": {"A": "{{PORT}}", "B": "{{FLAG}}", "C": "{{7*7}}"}}', 'container') || ']')::jsonb, '{variables}', '{"IMAGE": "i"}')::text);
SELECT testing.validated(testing.document('[' || testing.component('{"image": "{{IMAGE}}"}', 'container') || ']')) AS without_variables;
-- a key that an object has twice, however it is written, at any depth; of an envelope only what is in the document
SELECT testing.validated(replace(testing.document('[{"type": "container", "id": "c", "config": {"image": "i"}}, {"id": "x"}]'), '{"id": "x"}',
  '{"env": {"A": "1", "a/b~": "", "\u0041": "2", "a/b~": ""}, "type": "container", "id": "d", "id": "d", "id": "e", "config": {"image": "i"}, "x": [[], {}, {"": 1, "y": {"z": 1}, "": 2}], "y": {"z": 2}}'));
SELECT testing.validated('{"a": 1, "cdf": {"metadata": {}, "metadata": {}}, "a": 2}'), testing.validated('{"cdf": {}, "cdf": {}}');
SELECT testing.validated('{"a": {"b": 1}, "c": {"b": 1}, "b": [{"b": 1}, {"b": 1}]}') ~ 'twice' AS told_of_others;
SELECT testing.refused(format('SELECT edurange.cdf_import(%L)', replace(testing.document('[{"type": "container", "id": "c", "config": {"image": "i"}}]', '{"id": "twice"}'), '"image": "i"', '"image": "i", "image": "j"')));
SELECT cardinality(errors), errors[1] FROM edurange.cdf_validate((SELECT '{' || string_agg(format('"k%s": {"a": 1, "a": 1}', i), ',') || '}' FROM generate_series(1, 5000) i));
-- a byte order mark in front is no part of the document; a second one, or one elsewhere, is no JSON
SELECT testing.validated(E'\ufeff' || testing.document('[{"type": "container", "id": "c", "config": {"image": "i"}}]')), testing.validated(E'\ufeff{"a": 1, "a": 2}') ~ 'twice' AS twice;
SELECT testing.refused(format('SELECT edurange.cdf_validate(%L)', document)) FROM (VALUES (E'\ufeff\ufeff{}'), (E'{}\ufeff'), (E' \ufeff{}'), (E'\ufeff')) AS d (document);
-- a message never repeats a value of the document
SELECT testing.validated(testing.document('[' || testing.component('{"type": "text", "text": ["secret-1"], "answer": {"a": "secret-2"}, "hint": 1}') || ']', '{"id": "secret 3", "difficulty": "secret-4"}')) LIKE '%secret%' AS repeats;
-- at most a thousand violations are listed
SELECT cardinality(errors) FROM edurange.cdf_validate(testing.document((SELECT jsonb_agg(i) FROM generate_series(1, 5000) i)::text));
SELECT cardinality(errors) FROM edurange.cdf_validate(testing.document((SELECT jsonb_agg('{"type": "container", "id": "same", "config": {"image": "i"}}'::jsonb) FROM generate_series(1, 3000))::text));
-- import and validation refuse the same
SELECT testing.refused(format('SELECT edurange.cdf_import(%L)', testing.document('[{"type": "container", "id": "", "config": {}}]')));
-- manifests
CREATE FUNCTION testing.manifest(manifest jsonb) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(string_agg(format('%s %s: %s', path, keyword, message), E'\n'), 'valid')
  FROM edurange.json_schema_validate(edurange.builtin_schema('pack'), manifest)
$$;
SELECT testing.manifest(manifest::jsonb) FROM (VALUES
  ('{"id": "p-1_a", "name": "P", "version": "1.0.0-rc.1", "challenges": ["a.cdf.json"], "website": "https://edurange.org", "dependencies": {"q": ">=1.0.0"}, "metadata": {}, "tags": ["t"], "$schema": "s"}'),
  ('{"id": "P", "name": 1, "version": "1.0", "challenges": [], "dependencies": {"q": 1}, "other": 1}'), ('{"id": "p", "name": "P", "version": "1.0.0+b", "challenges": ["a", "a", 1]}'), ('[]')) AS v (manifest);
-- challenge types are data
SELECT testing.validated(testing.document('[{"type": "container", "id": "c", "config": {"image": "i"}}]', '{"challenge_type": "rop"}'));
SELECT edurange.add_challenge_type('rop'), edurange.add_challenge_type('web');
SELECT edurange.add_challenge_type('rop') AS again;
SELECT edurange.cdf_schema() #> '{properties,metadata,properties,challenge_type,enum}' AS types;
SELECT testing.validated(testing.document('[{"type": "container", "id": "c", "config": {"image": "i"}}]', '{"challenge_type": "rop"}'));
SELECT edurange.remove_challenge_type('rop'), edurange.remove_challenge_type('web'), edurange.remove_challenge_type('none');
SELECT testing.refused($$SELECT edurange.add_challenge_type('a b')$$), testing.refused($$SELECT edurange.add_challenge_type(NULL)$$), testing.refused($$SELECT edurange.remove_challenge_type('')$$), testing.refused(format('SELECT edurange.add_challenge_type(%L)', repeat('a', 101)));
-- many reports of what lies deep, or under a long key, take no more than somebody reads
CREATE FUNCTION testing.twice(n integer) RETURNS text LANGUAGE sql AS $$ SELECT '{' || string_agg(format('"a%s": 1, "a%s": 1', i, i), ', ') || '}' FROM generate_series(1, n) i $$;
SELECT count(*), max(octet_length(path)), min(left(path, 5)), min(right(path, 5)) FROM unnest((edurange.cdf_validate('{"' || repeat('k', 900000) || '": ' || testing.twice(2000) || '}')).errors) WHERE keyword = 'unique';
SELECT count(*), max(octet_length(path)), min(right(path, 5)) FROM unnest((edurange.cdf_validate(repeat('{"' || repeat('ü', 100) || '": [', 2000) || testing.twice(2000) || repeat(']}', 2000))).errors) WHERE keyword = 'unique';
SELECT octet_length(testing.refused(format('SELECT edurange.cdf_import(%L)', '{"' || repeat('\u0001', 150000) || '": ' || testing.twice(2000) || '}'))) < 1200000 AS short;
-- another schema can be made active, and the built-in one again
SELECT source, set_by = 'role:' || session_user AS set_by_me, set_at IS NULL AS set_at, changed FROM edurange.set_cdf_schema('{"required": ["owner"], "properties": {"metadata": {"properties": {"challenge_type": {"enum": ["lab"]}}}}}', 'http://im.test/schema');
SELECT changed FROM edurange.set_cdf_schema('{"required": ["owner"], "properties": {"metadata": {"properties": {"challenge_type": {"enum": ["lab"]}}}}}', 'http://im.test/schema');
SELECT testing.validated(testing.document('[{"type": "other", "id": "c", "config": {}}]'));
SELECT edurange.add_challenge_type('rop');
SELECT edurange.cdf_schema();
SELECT edurange.remove_challenge_type('rop');
-- whatever is active, what makes the rows is held
SELECT source, changed FROM edurange.set_cdf_schema('{}', 'anything goes');
SELECT testing.validated('{}');
SELECT testing.validated(testing.document('[' || testing.component('{"type": "essay", "text": null, "points": "5"}') || ']'));
SELECT testing.refused($$SELECT edurange.set_cdf_schema(NULL, 's')$$), testing.refused($$SELECT edurange.set_cdf_schema('{}', '')$$), testing.refused($$SELECT edurange.set_cdf_schema('true', 's')$$),
  testing.refused($$SELECT edurange.set_cdf_schema('{"type": "text"}', 's')$$), testing.refused($$SELECT edurange.set_cdf_schema('{"$ref": "http://im.test/other"}', 's')$$),
  testing.refused(format($$SELECT edurange.set_cdf_schema(%L, 's')$$, jsonb_build_object('title', repeat('a', 1100000)))), testing.refused(format($$SELECT edurange.set_cdf_schema('{}', %L)$$, repeat('a', 2001)));
SELECT source FROM edurange.active_cdf_schema;
SELECT source, set_by, set_at, changed FROM edurange.reset_cdf_schema();
SELECT changed FROM edurange.reset_cdf_schema();
SELECT edurange.cdf_schema() = edurange.builtin_schema('cdf') AS built_in;
-- an update of the extension brings its schemas to sessions that have read the old ones
BEGIN;
CREATE OR REPLACE FUNCTION edurange.builtin_schema(name text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$ SELECT '{"maxProperties": 0}'::jsonb $$;
SELECT edurange.cdf_schema(), edurange.cdf_validate('{}'), edurange.cdf_validate('{"a": 1}');
ROLLBACK;
SELECT edurange.cdf_schema() = edurange.builtin_schema('cdf') AS built_in, (edurange.cdf_validate('{}')).valid;
