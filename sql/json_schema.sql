-- JSON Schema, draft-07.  The standard's own test suite runs in test/t/044_json_schema_suite.pl.
CREATE FUNCTION testing.broken(schema jsonb, document jsonb, remotes jsonb DEFAULT '{}', formats boolean DEFAULT false)
  RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(string_agg(format('%s %s: %s', path, keyword, message), E'\n'), 'valid')
  FROM edurange.json_schema_validate(schema, document, remotes, formats)
$$;
-- every keyword with its message
\pset format unaligned
SELECT schema, testing.broken(schema::jsonb, document::jsonb) FROM (VALUES
  ('{"type": "string"}', '1'), ('{"type": ["integer", "null"]}', '1.5'), ('{"type": "integer"}', '1.0'), ('{"type": "integer"}', '1e400'),
  ('{"enum": [1, "a", {"b": [2]}]}', '{"b": [2.0]}'), ('{"enum": [1, "a"]}', '[]'), ('{"const": {"a": null}}', '{}'), ('{"enum": []}', '1'),
  ('{"minimum": 3}', '2'), ('{"exclusiveMinimum": 3}', '3'), ('{"maximum": 3.5}', '3.6'), ('{"exclusiveMaximum": 3}', '3'),
  ('{"multipleOf": 0.01}', '19.99'), ('{"multipleOf": 0.01}', '0.015'), ('{"multipleOf": 3}', '123456789012345678901234567890'), ('{"maximum": 1e308}', '1e309'),
  ('{"minLength": 2}', '"ü"'), ('{"maxLength": 1}', '"🐘"'), ('{"maxLength": 1}', '"🐘🐘"'), ('{"maxLength": 1e400}', '"ab"'),
  ('{"pattern": "^a+$"}', '"ab"'), ('{"pattern": "b"}', '"abc"'),
  ('{"items": {"type": "null"}}', '[null, 1, [null], 2]'), ('{"items": [true, false], "additionalItems": {"type": "null"}}', '[1, 2, 3]'),
  ('{"minItems": 1}', '[]'), ('{"maxItems": 1}', '[1, 2]'), ('{"uniqueItems": true}', '[1, {"a": 1, "b": 2}, 2, {"b": 2.0, "a": 1}]'), ('{"uniqueItems": true}', '[1, true, "1", [1], {"1": 1}, null]'),
  ('{"contains": {"const": 1}}', '[2]'),
  ('{"required": ["a", "b/c"]}', '{"b": 1}'), ('{"minProperties": 1}', '{}'), ('{"maxProperties": 0}', '{"a": 1}'),
  ('{"properties": {"a/b~c": {"type": "null"}}, "patternProperties": {"^x": false}, "additionalProperties": {"type": "number"}}', '{"a/b~c": 1, "xy": null, "z": "?"}'),
  ('{"propertyNames": {"maxLength": 1}}', '{"a": 1, "bb": 2}'), ('{"dependencies": {"a": ["b"], "c": {"minProperties": 3}}}', '{"a": 1, "c": 2}'),
  ('{"allOf": [{"minimum": 3}, {"maximum": 1}]}', '2'), ('{"anyOf": [{"minimum": 3}, {"maximum": 1}]}', '2'), ('{"oneOf": [{"minimum": 1}, {"maximum": 3}]}', '2'),
  ('{"not": {}}', '2'), ('{"if": {"minimum": 1}, "then": {"multipleOf": 2}, "else": false}', '3'), ('{"if": {"minimum": 1}, "then": {"multipleOf": 2}, "else": false}', '0'),
  ('false', '{}'), ('true', '{}'), ('{"minimum": 3, "x-unknown": [1]}', '"no number"')) AS v (schema, document);
-- references
SELECT testing.broken('{"properties": {"child": {"$ref": "#"}, "n": {"type": "number"}}, "additionalProperties": false}',
  '{"n": 1, "child": {"n": 2, "child": {"n": "x", "o": 1}}}');
SELECT testing.broken('{"$id": "http://h/root.json", "definitions": {"a": {"$id": "dir/", "definitions": {"b": {"$id": "b.json", "type": "null"}}}}, "allOf": [{"$ref": "dir/b.json"}]}', '1');
SELECT testing.broken('{"definitions": {"a": {"$id": "#name", "type": "null"}}, "items": {"$ref": "#name"}}', '[1]');
SELECT testing.broken('{"definitions": {"a~b/c%": {"type": "null"}}, "items": {"$ref": "#/definitions/a~0b~1c%25"}}', '[1]');
SELECT testing.broken('{"x": [{"y": {"type": "null"}}], "items": {"$ref": "#/x/0/y"}}', '[1]');
SELECT testing.broken('{"items": {"$ref": "a.json#/definitions/b"}}', '[1, null]',
  '{"a.json": {"definitions": {"b": {"$ref": "sub/c.json"}}}, "sub/c.json#": {"$ref": "../d.json"}, "d.json": {"type": "null"}}');
SELECT testing.broken('{"$ref": "http://json-schema.org/draft-07/schema#"}', '{"type": 1, "minLength": -1}');
SELECT testing.broken('{"$id": "urn:x:y", "definitions": {"a": {"type": "null"}}, "items": {"$ref": "#/definitions/a"}}', '[1]');
-- what cannot be followed is refused, and so is what never ends
SELECT refused FROM (VALUES ('{"$ref": "http://h/x.json"}'), ('{"$ref": "#/definitions/x"}'), ('{"$ref": "#/items/1", "items": []}'), ('{"$ref": "#x"}'), ('{"$ref": "#/definitions/%FF"}'),
  ('{"$ref": "#/title", "title": "t"}'), ('{"$ref": "#/x/y", "x": {"y": {"type": 1}}}'), ('{"type": "text"}'), ('{"minLength": -1}'), ('{"properties": 1}'), ('{"required": ["a", "a"]}'), ('1'), ('null'),
  ('{"$ref": "#"}'), ('{"$ref": "#/definitions/a", "definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"allOf": [{"$ref": "#/definitions/a"}]}}}'),
  ('{"pattern": "("}'), ('{"pattern": "a**"}'), ('{"pattern": "\\p{L}"}'), ('{"pattern": "(?i)a"}'), ('{"patternProperties": {"[": true}}')) AS v (schema),
  LATERAL testing.refused(format('SELECT * FROM edurange.json_schema_validate(%L, %L)', schema, '1')) AS refused;
SELECT testing.refused($$SELECT * FROM edurange.json_schema_validate('{"$ref": "r"}', '1', '{"r": {"type": "text"}}')$$);
SELECT testing.refused($$SELECT * FROM edurange.json_schema_validate('{"$ref": "r"}', '1', '[]')$$);
SELECT testing.refused($$SELECT * FROM edurange.json_schema_validate(NULL, '1')$$);
SELECT testing.refused($$SELECT * FROM edurange.json_schema_validate('true', NULL)$$);
SELECT testing.refused($$SELECT * FROM edurange.json_schema_validate('true', '1', NULL)$$);
-- a loop that a value never enters is none
SELECT testing.broken('{"anyOf": [{"type": "string"}, {"$ref": "#"}]}', '"s"');
-- patterns as JavaScript reads them
SELECT pattern, left(text, 20) AS text, testing.broken(jsonb_build_object('pattern', pattern), to_jsonb(text)) = 'valid' AS matches FROM (VALUES
  ('^\d$', '1'), ('^\d$', '߀'), ('^\w+$', 'a_1'), ('^\w$', 'é'), ('^\W$', 'é'), ('^\s$', U&'\feff'), ('^\S$', U&'\00a0'), ('^[\d\-x]+$', '1-x'), ('^[^\W_]$', 'a'), ('^[\S]$', ' '),
  ('^a$', E'a\n'), ('^a.b$', E'a\nb'), ('^a[^]b$', E'a\nb'), ('^[]$', ''), ('^[]*$', ''), ('\bfoo\b', 'a foo b'), ('\Bfoo', 'afoo'), ('^\cA$', E'\x01'), ('^\x41\u0042\u{43}$', 'ABC'),
  ('^\ud83d\udc18$', '🐘'), ('^.$', '🐘'), ('^a\/b$', 'a/b'), ('^[\]\\[^-]+$', ']\[^-'), ('^(?:a|)$', ''), ('^(?=ab)a', 'ab'), ('^(?!ab)a', 'ab'), ('(?<=a)b', 'ab'), ('(?<!a)b', 'ab'),
  ('^(a)(b)\2\1$', 'abba'), ('^(?<x>a|b)\k<x>$', 'bb'), ('^(?<x>a|b)\k<x>$', 'ab'), ('^a{2,3}?$', 'aaa'), ('^a{,2}$', 'a{,2}'), ('^{$', '{'), ('^a{300}$', repeat('a', 300)), ('^a{300}$', repeat('a', 299)),
  ('^a{2,600}$', repeat('a', 600)), ('^a{2,600}$', repeat('a', 601)), ('^(ab){260,}$', repeat('ab', 700)), ('^a{0}$', ''), ('[[:alpha:]]', 'a]'), ('[[:alpha:]]', 'b'), ('\$\.', '$.'), ('^\t\v$', E'\t\x0b'))
  AS v (pattern, text);
SELECT pattern, testing.refused(format('SELECT * FROM edurange.json_schema_validate(%L, %L)', jsonb_build_object('pattern', pattern), '"a"')) FROM (VALUES
  ('\Z'), ('\a'), ('\u12'), ('\u{110000}'), ('\u{}'), ('[b-a]'), ('[\d-x]'), ('a)'), ('(a'), ('\1'), ('(?<x>a)\k<y>'), ('(?<x>a)(?<x>b)'), ('(?<>a)'), ('(?<1>a)'), ('\'), ('a{2,1}'), ('a{99999}'), ('(a)\1{300}'), ('*'), ('((((a{10000}){10000}){10000}){10000})')) AS v (pattern);
-- format is an annotation, until it is asked for
SELECT testing.broken('{"format": "date"}', '"today"'), testing.broken('{"format": "date"}', '"today"', formats => true), testing.broken('{"format": "x-own"}', '""', formats => true);
SELECT format, value, testing.broken(jsonb_build_object('format', format), to_jsonb(value), formats => true) = 'valid' AS valid FROM (VALUES
  ('date', '2024-02-29'), ('date', '2023-02-29'), ('date', '1900-02-29'), ('date', '2024-4-01'), ('time', '23:59:60Z'), ('time', '22:59:60Z'), ('time', '01:29:60+01:30'), ('time', '12:00:00'), ('time', '24:00:00Z'),
  ('date-time', '2024-01-01T00:00:00.5+01:00'), ('date-time', '2024-01-01 00:00:00Z'), ('date-time', ''), ('email', 'a.b@c.example'), ('email', '.a@c'), ('email', 'a'), ('hostname', 'a-b.example'), ('hostname', '-a'), ('hostname', repeat('a', 64)),
  ('ipv4', '127.0.0.1'), ('ipv4', '127.0.0'), ('ipv4', '256.0.0.1'), ('ipv6', '::1'), ('ipv6', ':::1'), ('uri', 'http://u@h:1/p?q#f'), ('uri', '/p'), ('uri', 'http://h/a b'), ('uri-reference', '../a?b'), ('uri-reference', 'a\b'),
  ('json-pointer', '/a~0~1'), ('json-pointer', '/a~2'), ('json-pointer', 'a'), ('relative-json-pointer', '1/a'), ('relative-json-pointer', '01'), ('regex', '^a$'), ('regex', '(')) AS v (format, value);
-- hostile documents and schemas end in a clear error or an answer
CREATE TEMP TABLE deep AS SELECT (repeat('[', 2000) || repeat(']', 2000))::jsonb AS document,
  (repeat('{"items": ', 2000) || '{}' || repeat('}', 2000))::jsonb AS schema;
SELECT testing.broken('{"items": {"$ref": "#"}}', document) FROM deep;
SELECT testing.broken(schema, document) FROM deep;
SET max_stack_depth = '256kB';
SELECT left(testing.refused($$SELECT edurange.json_schema_validate('{"items": {"$ref": "#"}}', document) FROM deep$$), 60);
SELECT left(testing.refused($$SELECT edurange.json_schema_validate(jsonb_build_object('not', schema), '1') FROM deep$$), 60);
SELECT left(testing.refused($$SELECT edurange.json_schema_validate('{"uniqueItems": true}', jsonb_build_array(document, document)) FROM deep$$), 60);
SELECT left(testing.refused(format('SELECT * FROM edurange.json_schema_validate(%L, %L)', jsonb_build_object('pattern', repeat('(', 50000) || repeat(')', 50000)), '""')), 60);
RESET max_stack_depth;
SELECT testing.broken(jsonb_build_object('enum', (SELECT jsonb_agg(i) FROM generate_series(1, 200000) i)), '200000');
SELECT testing.broken('{"uniqueItems": true}', (SELECT jsonb_agg(jsonb_build_object('n', i)) FROM generate_series(1, 200000) i));
SELECT testing.broken('{"uniqueItems": true}', (SELECT jsonb_agg(i % 199999) FROM generate_series(1, 200000) i));
SELECT count(*) FROM edurange.json_schema_validate('{"items": false}', (SELECT jsonb_agg(i) FROM generate_series(1, 20000) i));
SET statement_timeout = '100ms';
SELECT testing.broken((SELECT jsonb_build_object('$ref', '#/definitions/d0', 'definitions', jsonb_object_agg('d' || i,
    CASE i WHEN 40 THEN '{"type": "number"}' ELSE jsonb_build_object('allOf', jsonb_build_array(
      jsonb_build_object('$ref', '#/definitions/d' || i + 1), jsonb_build_object('$ref', '#/definitions/d' || i + 1))) END))
  FROM generate_series(0, 40) i), '1');
-- without anybody who waits they end, too
SET statement_timeout = '2min';
SELECT testing.refused($$SELECT edurange.json_schema_validate('{"pattern": "^(.+)(.+)(.+)(.+)\\4\\3\\2\\1$"}', to_jsonb((SELECT string_agg(md5(i::text), '') FROM generate_series(1, 30) i)))$$);
SELECT testing.refused(format('SELECT edurange.json_schema_validate(%L, %L)', jsonb_build_object('$ref', '#/definitions/d0', 'definitions', jsonb_object_agg('d' || i,
    CASE i WHEN 30 THEN '{"type": "number"}' ELSE jsonb_build_object('allOf', jsonb_build_array(
      jsonb_build_object('$ref', '#/definitions/d' || i + 1), jsonb_build_object('$ref', '#/definitions/d' || i + 1))) END)), '1')) FROM generate_series(0, 30) i;
RESET statement_timeout;
-- what is quoted is not as long as it may be
SELECT right(path, 6), octet_length(path), octet_length(message), count(*) FROM edurange.json_schema_validate(jsonb_build_object('additionalProperties', jsonb_build_object('items',
    jsonb_build_object('required', ARRAY[repeat('ü', 50000)], 'pattern', repeat('p', 5000)))), jsonb_build_object(repeat('~', 100000), '[{}, {}, "a", "b", "c"]'::jsonb)) GROUP BY 1, 2, 3 ORDER BY 3;
SELECT testing.broken('{"additionalProperties": {"items": false}}', jsonb_build_object(repeat('k', n), '[1]'::jsonb)) = format('/%s/0 items: must not be there', repeat('k', n)) AS whole FROM unnest(ARRAY[497, 498]) n;
-- nor does a schema take as much memory as there is
SELECT testing.refused(format('SELECT edurange.json_schema_validate(%L, %L)', schema, '1')) FROM (VALUES
  ((SELECT jsonb_build_object('patternProperties', jsonb_object_agg('p' || i, true)) FROM generate_series(1, 50000) i)),
  ((SELECT jsonb_build_object('allOf', jsonb_agg(jsonb_build_object('pattern', '(a{1,255}){1,39}' || i))) FROM generate_series(1, 500) i)),
  ((SELECT jsonb_build_object('allOf', jsonb_agg(jsonb_build_object('pattern', '(?=' || 'a{255}' || i || ')'))) FROM generate_series(1, 5000) i)),
  (('{"allOf": [' || repeat('{"type": "null"}, ', 200000) || 'true]}')::jsonb), ((SELECT jsonb_build_object('required', jsonb_agg(i::text)) FROM generate_series(100000, 899999) i))) AS v (schema);
SELECT left(testing.refused(format('SELECT edurange.json_schema_validate(%L, %L)', jsonb_build_object('pattern', repeat('a', 1000001)), '""')), 30);
-- compiled schemas are kept, the oldest go, and large ones sooner
SELECT count(testing.broken(jsonb_build_object('const', i, 'allOf', (SELECT jsonb_agg(jsonb_build_object('pattern', 'p' || n)) FROM generate_series(1, 500) n)), to_jsonb(i))) FROM generate_series(1, 20) i;
SELECT count(*) BETWEEN 2 AND 8 AS kept FROM pg_backend_memory_contexts WHERE name = 'edurange schema' AND total_bytes > 100000;
SELECT round, count(*) FILTER (WHERE testing.broken(jsonb_build_object('const', i, 'pattern', 'p' || i), to_jsonb(i)) = 'valid') FROM generate_series(1, 2) AS round, generate_series(1, 100) i GROUP BY 1;
-- the carried schemas are schemas
SELECT name, testing.broken(edurange.builtin_schema('draft-07'), edurange.builtin_schema(name)) FROM unnest(ARRAY['cdf', 'pack', 'import', 'draft-07']) AS name;
SELECT edurange.builtin_schema('none');
