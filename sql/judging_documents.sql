-- What documents say of judging: which of it is refused, what is warned of, and what an export keeps.
CALL testing.fresh();
\pset format unaligned
CREATE FUNCTION testing.one(config text, metadata text DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
  SELECT testing.document(jsonb_build_array(jsonb_build_object('type', 'question', 'id', 'q', 'config', '{"text": "?", "points": 1}'::jsonb || config::jsonb))::text, metadata)
$$;
-- errors and warnings of a document, the latter in brackets
CREATE FUNCTION testing.checked(document text) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(nullif(concat_ws(E'\n', (SELECT string_agg(concat_ws(' ', '  ' || path, keyword, message), E'\n') FROM unnest(errors)),
    (SELECT string_agg(format('  [%s %s]', path, text), E'\n') FROM unnest(warnings))), ''), '  valid')
  FROM edurange.cdf_validate(document)
$$;
-- how a text is matched
SELECT config, E'\n' || testing.checked(testing.one(config)) AS says FROM (VALUES
  ('{"type": "text", "answer": "a", "match": "exact"}'), ('{"type": "text", "match": "exact"}'), ('{"type": "text", "answer": ["a", 1], "match": "ignore_case"}'),
  ('{"type": "text", "answer": ["a|b", "\\d+"], "match": "pattern"}'), ('{"type": "text", "answer": [1, "-1.5e3", " 2 "], "match": "number", "tolerance": 0.5}'),
  ('{"question_type": "text", "answer": "a", "match": "ignore_case"}'),
  ('{"type": "text", "answer": "a", "match": "regex"}'), ('{"type": "text", "answer": "a", "match": ["exact", "number"]}'), ('{"type": "text", "match": "ignore_case"}'),
  ('{"type": "text", "answer": ["a", " "], "match": "ignore_case"}'), ('{"type": "text", "answer": "", "match": "pattern"}'),
  ('{"type": "checkboxes", "answer": "a", "match": "ignore_case"}'), ('{"type": "multiple_choice", "answer": "a", "match": "exact"}'), ('{"type": "flag", "match": "pattern"}'),
  ('{"type": "text", "answer": "(", "match": "pattern"}'), ('{"type": "text", "answer": "(a)\\1", "match": "pattern"}'), ('{"type": "text", "answer": "a)|(b", "match": "pattern"}'), ('{"type": "text", "answer": 1.5, "match": "pattern"}'),
  ('{"type": "text", "answer": "\\d{,2}", "match": "pattern"}'), ('{"type": "text", "answer": "[]a]", "match": "pattern"}'), ('{"type": "text", "answer": "{{FLAG}}", "match": "pattern"}'), ('{"type": "text", "answer": "\\{\\]\\}[{}]", "match": "pattern"}'),
  ('{"type": "text", "answer": "(?<a>x)(?<a>y)", "match": "pattern"}'), ('{"type": "text", "answer": "(?<1>x)", "match": "pattern"}'), ('{"type": "text", "answer": "(?<>x)", "match": "pattern"}'), ('{"type": "text", "answer": "(?<a", "match": "pattern"}'), ('{"type": "text", "answer": "(?<\u00e9_1>x)", "match": "pattern"}'),
  ('{"type": "text", "answer": "\\p{L}", "match": "pattern"}'), ('{"type": "text", "answer": "(a{40}){8}", "match": "pattern"}'), ('{"type": "text", "answer": "(?=(?!a)b)c", "match": "pattern"}'),
  ('{"type": "text", "answer": "1,5", "match": "number"}'), ('{"type": "text", "answer": ["1", "NaN"], "match": "number"}'), ('{"type": "text", "answer": 1, "match": "number", "tolerance": -1}'),
  ('{"type": "text", "answer": 1, "match": "number", "tolerance": "1"}'), ('{"type": "text", "answer": 1, "tolerance": 1}'), ('{"type": "checkboxes", "answer": "a", "tolerance": 1}')) AS v (config);
SELECT testing.checked(testing.one(jsonb_build_object('type', 'text', 'match', 'pattern', 'answer', repeat('a', 200))::text)) AS "200", testing.checked(testing.one(jsonb_build_object('type', 'text', 'match', 'pattern', 'answer', repeat('ä', 201))::text)) AS "201";
SELECT n, testing.checked(testing.one(jsonb_build_object('type', 'text', 'match', 'pattern', 'answer', (SELECT jsonb_agg('a{' || i || '}') FROM generate_series(1, n) i))::text)) FROM unnest(ARRAY[20, 21]) n;
-- flags of two kinds
SELECT config, E'\n' || testing.checked(testing.one(config)) AS says FROM (VALUES
  ('{"type": "flag"}'), ('{"type": "flag", "answer": "{{FLAG}}"}'), ('{"type": "flag", "answer": " NULL "}'), ('{"type": "flag", "flag": "static", "answer": ["a", 7]}'),
  ('{"type": "flag", "answer": "CTF{one}"}'), ('{"type": "flag", "answer": ["{{FLAG}}", "CTF{one}"]}'), ('{"type": "flag", "answer": "CTF{one}", "flag": "instance"}'),
  ('{"type": "flag", "flag": "static"}'), ('{"type": "flag", "flag": "static", "answer": "{{FLAG}}"}'), ('{"type": "flag", "flag": "static", "answer": ["a", "\u00a0"]}'),
  ('{"type": "flag", "flag": "dynamic"}'), ('{"type": "text", "answer": "a", "flag": "static"}')) AS v (config);
-- every answer of a choice is one of its options
SELECT config, E'\n' || testing.checked(testing.one(config)) AS says FROM (VALUES
  ('{"type": "multiple_choice", "options": ["a", "b"], "answer": 9}'), ('{"type": "multiple_choice", "options": ["a", "9"], "answer": 9}'), ('{"type": "multiple_choice", "options": ["a", "b"], "answer": ""}'), ('{"type": "multiple_choice", "options": ["a", ""], "answer": ""}'),
  ('{"type": "multiple_choice", "options": ["a", "b"]}'), ('{"type": "checkboxes", "options": ["a", "b"]}'), ('{"type": "multiple_choice", "options": [], "answer": "a"}'), ('{"type": "multiple_choice", "options": ["cafe\u0301"], "answer": "\u00a0caf\u00e9"}'),
  ('{"type": "checkboxes", "options": ["a", "b"], "answer": ["a", 9]}'), ('{"type": "checkboxes", "options": ["a", "b"], "answer": ["a", ""]}'), ('{"type": "checkboxes", "options": ["a", "b"], "answer": "[\"a\", \"c\"]"}'), ('{"type": "checkboxes", "options": ["a", "9"], "answer": "[\"a\", 9]"}'),
  ('{"type": "checkboxes", "options": ["a"], "answer": "[]"}'), ('{"type": "multiple_choice", "options": ["[a"], "answer": "[a"}'), ('{"type": "multiple_choice", "options": ["a"], "answer": "[\"a\"]"}'), ('{"type": "text", "options": ["a"], "answer": "c"}')) AS v (config);
-- a choice may look like a list where it stands in one; a set is one that somebody can send
SELECT config, E'\n' || testing.checked(testing.one(config)) AS says FROM (VALUES
  ('{"type": "checkboxes", "options": ["[1]", "[]", "{}"], "answer": ["[1]", "[]"]}'), ('{"type": "checkboxes", "options": ["[1]", "1"], "answer": "[1]"}'), ('{"type": "checkboxes", "options": ["[1]", "a"], "answer": ["[1]", 1]}')) AS v (config);
SELECT n, testing.checked(testing.one(jsonb_build_object('type', 'checkboxes', 'answer', answer)::text)) FROM unnest(ARRAY[900, 901]) n, LATERAL (SELECT jsonb_agg(i) FROM generate_series(1, n) i) l (list),
  LATERAL (VALUES (list), (to_jsonb(list::text))) AS a (answer);
-- whatever the type is and however it is judged; an empty list is no options
SELECT answer, string_agg(CASE WHEN says LIKE '% options must %' THEN 'refused' WHEN says LIKE '%minItems%' THEN 'no answer' ELSE 'taken' END, ', ' ORDER BY type) AS "checkboxes, flag, multiple_choice, text", options
FROM unnest(ARRAY['text', 'flag', 'multiple_choice', 'checkboxes']) type, unnest(ARRAY['"a"', '" a\u200b"', '9', '["a", 9]', '"b"', '8', '["a", 8]', '""', '[]', '["a", " "]', NULL]) answer, unnest(ARRAY['["a", "9"]', '[]']) options,
  testing.checked(testing.one(format('{"type": "%s", "options": %s%s}', type, options, ', "answer": ' || answer))) says GROUP BY options, answer ORDER BY options, answer;
SELECT config, E'\n' || testing.checked(testing.one(config)) AS says FROM (VALUES
  ('{"type": "text", "options": ["a", "b"], "answer": "a|b", "match": "pattern"}'), ('{"type": "text", "options": ["1", "2"], "answer": 1.5, "match": "number", "tolerance": 1}'), ('{"type": "text", "options": ["a"], "answer": "A", "match": "ignore_case"}'),
  ('{"type": "flag", "options": ["CTF{a}", "CTF{b}"], "answer": "CTF{b}", "flag": "static"}'), ('{"type": "flag", "options": ["CTF{a}"], "answer": "CTF{b}", "flag": "static"}'), ('{"type": "flag", "options": ["a"], "answer": "{{FLAG}}"}')) AS v (config);
-- a pattern that matches the question's own words
SELECT config, E'\n' || testing.checked(testing.one(config)) AS says FROM (VALUES
  ('{"type": "text", "text": "Which port?", "answer": ".*", "match": "pattern"}'), ('{"type": "text", "text": "Which port?", "answer": ["22", "[\\w? ]+"], "match": "pattern"}'), ('{"type": "text", "text": "Which port?", "answer": "\\w+", "match": "pattern"}')) AS v (config);
-- also where they stand in several lines, and as much of them as an answer may have
SELECT testing.checked(testing.one(jsonb_build_object('type', 'text', 'text', E'Which port?\r\nAnd why?', 'match', 'pattern', 'answer', p)::text)) FROM unnest(ARRAY['.*', '.*\?', '[\s\S]+', '\d+', 'Which port\?']) p;
SELECT testing.checked(testing.one(jsonb_build_object('type', 'text', 'text', repeat('long ', 300), 'match', 'pattern', 'answer', '.*')::text));
-- keys that are spelled almost like others; of others nobody takes notice
SELECT E'\n' || testing.checked('{"metdata": 1, "type-config": {}, "metadata": {"id": "doc", "name": "D", "version": "1", "challenge_type": "web", "challengetype": "web", "licence": "x", "x": 1, "difficulties": "", "na~/me": 1},
  "components": [{"type": "question", "id": "q", "kind": "x", "confg": {}, "config": {"type": "text", "text": "?", "pionts": 5, "hints": [], "anwser": "a", "Match": "exact", "tolerence": 1, "toleranceS": 1, "ordre": 1, "require": true, "fag": 1, "nothing_like_it": 1}},
  {"type": "webosApp", "id": "a", "config": {"app_type": "custom", "favorite": true, "launch_on_start": true, "desktopShortcut": true, "tile": "t", "home": "x"}}, {"type": "container", "id": "c", "config": {"image": "i", "arg": [], "envs": {}}},
  {"type": "secret", "id": "s", "config": {"data": {"dta": "1"}, "dta": {}}}]}') AS says;
SELECT testing.checked('{"components": [1, {"type": 7}, {"type": "question", "config": 3}, {"type": "question", "id": "q", "config": {"type": ["flag"], "answer": {"a": 1}, "options": 7, "match": 1, "flag": {}, "text": []}}], "metadata": 3}') LIKE '%components%' AS survives;
SELECT cardinality(warnings) FROM edurange.cdf_validate(testing.document((SELECT jsonb_agg(jsonb_build_object('type', 'question', 'id', 'q' || i, 'config', '{"type": "flag", "text": "?", "answer": "CTF{x}"}'::jsonb)) FROM generate_series(1, 1500) i)::text));
-- an unmodified WebOS cannot judge everything
SET edurange.webos_compatibility = on;
SELECT config, E'\n' || testing.checked(testing.one(config)) AS says FROM (VALUES ('{"type": "text", "answer": "a", "match": "exact"}'), ('{"type": "text", "answer": "a", "match": "ignore_case"}'), ('{"type": "flag", "answer": "a", "flag": "static"}')) AS v (config);
RESET edurange.webos_compatibility;
-- numbers that nobody writes out
SELECT testing.refused(format('SELECT edurange.%s(%L)', f, replace(testing.one('{"type": "text", "answer": "N"}'), '"N"', n)))
FROM unnest(ARRAY['cdf_validate', 'cdf_import']) f, unnest(ARRAY['1e400', '-1e131071', '1e-400', '1e131073', '0e100000', '0e9999999999', '0.01e402', '1e99999999999']) n;
SELECT testing.checked(replace(testing.one('{"type": "text", "answer": "N"}'), '"N"', n)) FROM unnest(ARRAY['1e399', repeat('9', 400), '1e-399', '0e500', '-0.0e99999', '0.000001e405', '1' || repeat('0', 350) || 'e-20']) n;
-- a message never repeats what the document says
SELECT bool_or(testing.checked(testing.one(config)) LIKE '%secret%') AS repeats FROM (VALUES ('{"type": "text", "answer": "(secret", "match": "pattern"}'), ('{"type": "text", "answer": "secret", "match": "number"}'), ('{"type": "text", "answer": "1", "match": "secret"}'),
  ('{"type": "flag", "answer": "secret"}'), ('{"type": "multiple_choice", "options": ["secret"], "answer": "secret2"}')) AS v (config);

-- an import tells its warnings, and so does a pack
SELECT changed, warnings FROM edurange.cdf_import(testing.one('{"type": "flag", "answer": "CTF{one}"}'));
SELECT changed, warnings FROM edurange.cdf_update('doc', testing.one('{"type": "flag", "answer": "CTF{one}", "hints": "h"}'));
SELECT changed, warnings FROM edurange.cdf_update('doc', testing.one('{"type": "flag"}'));
SELECT c.id, c.status, c.warnings FROM edurange.pack_install('{"id": "p", "name": "P", "version": "1.0.0", "challenges": ["a.cdf.json", "b.cdf.json"]}', ARRAY['a.cdf.json', 'b.cdf.json'],
  ARRAY[testing.one('{"type": "flag", "answer": "CTF{one}"}', '{"id": "a"}'), testing.one('{"type": "flag"}', '{"id": "b"}')]) p, unnest(p.challenges) c;
SELECT c.id, c.status, c.warnings FROM edurange.pack_install('{"id": "p", "name": "P", "version": "1.1.0", "challenges": ["b.cdf.json"]}', ARRAY['b.cdf.json'], ARRAY[testing.one('{"type": "flag"}', '{"id": "b"}')]) p, unnest(p.challenges) c;

-- what an export keeps of it: the bytes, and after an edit of the row whatever can be imported
CREATE FUNCTION testing.edited(config text, change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  document text := testing.one(config) || E'\n';
  exported text;
BEGIN
  PERFORM edurange.cdf_update('doc', document);
  IF edurange.cdf_export('doc') <> document THEN
    RETURN 'not the bytes';
  END IF;
  EXECUTE 'UPDATE "ChallengeQuestion" SET ' || change || ' WHERE "challengeId" = ''doc''';
  exported := edurange.cdf_export('doc');
  IF (SELECT changed FROM edurange.cdf_update('doc', exported)) THEN
    RETURN 'importing the export writes';
  END IF;
  RETURN ((exported::jsonb #> '{components,0,config}') - '{text,points}'::text[]);
END
$$;
SELECT config, change, E'\n  ' || testing.edited(config, change) AS exported FROM (VALUES
  ('{"type": "text", "answer": "a+", "match": "pattern"}', 'points = 2'), ('{"type": "text", "answer": "a+", "match": "pattern"}', 'type = ''CHECKBOXES'''), ('{"type": "text", "answer": "a+", "match": "pattern"}', 'answer = NULL'),
  ('{"type": "text", "answer": "a+", "match": "pattern"}', 'answer = ''b'''), ('{"type": "text", "answer": "a+", "match": "pattern"}', 'type = ''essay'''),
  ('{"type": "text", "answer": 1, "match": "number", "tolerance": 0.5}', 'answer = ''2'''), ('{"type": "text", "answer": 1, "match": "number", "tolerance": 0.5}', 'answer = ''two'''), ('{"type": "text", "answer": [1, 2], "match": "number"}', 'points = 2'),
  ('{"type": "text", "answer": "6.02e23", "match": "number", "tolerance": 1e21}', 'points = 2'), ('{"type": "text", "answer": "1e300", "match": "number"}', 'points = 2'),
  ('{"type": "text", "answer": "\u00a05 ", "match": "number"}', 'points = 2'), ('{"type": "text", "answer": 1, "match": "number"}', 'answer = ''-.5e-3'''),
  ('{"type": "multiple_choice", "options": ["caf\u00e9", "tea"], "answer": "cafe\u0301"}', 'points = 2'),
  ('{"type": "flag", "answer": "f", "flag": "static"}', 'points = 2'), ('{"type": "flag", "answer": "f", "flag": "static"}', 'answer = ''{{FLAG}}'''), ('{"type": "flag", "answer": "f", "flag": "static"}', 'answer = NULL'), ('{"type": "flag", "answer": "f", "flag": "static"}', 'type = ''TEXT'''),
  ('{"type": "multiple_choice", "options": ["a", "b"], "answer": "a"}', 'answer = ''c'''), ('{"type": "multiple_choice", "options": ["a", "b"], "answer": "a"}', 'answer = NULL'), ('{"type": "multiple_choice", "options": ["a", "b"], "answer": "a"}', 'answer = '' '''),
  ('{"type": "multiple_choice", "options": ["a", "b"], "answer": "a"}', 'answer = ''["c"]'''), ('{"type": "text", "options": ["a", "b"], "answer": "a"}', 'type = ''MULTIPLE_CHOICE'', answer = ''7'''), ('{"type": "text", "options": ["a", "7"], "answer": [7, "a"]}', 'type = ''checkboxes'''),
  ('{"type": "text", "options": ["a", "b"], "answer": "a"}', 'answer = ''c'''), ('{"type": "text", "options": ["a", "b"], "answer": "a", "match": "ignore_case"}', 'answer = U&''\00a0\200b'''), ('{"type": "text", "options": ["a", "b"], "answer": "a"}', 'answer = NULL'),
  ('{"type": "text", "options": [], "answer": "a"}', 'answer = ''c'''), ('{"type": "text", "options": ["caf\u00e9"], "answer": "\u00a0cafe\u0301\u200b"}', 'points = 2'), ('{"type": "text", "options": [], "answer": "a"}', 'type = ''checkboxes'''),
  ('{"type": "flag", "options": ["f", "g"], "answer": "f", "flag": "static"}', 'answer = ''h'''), ('{"type": "flag", "options": ["f", "g"], "answer": "f", "flag": "static"}', 'answer = NULL'), ('{"type": "checkboxes", "options": ["a", "b"], "answer": ["a", "b"]}', 'answer = ''[]'''),
  ('{"type": "checkboxes", "options": ["a", "b"], "answer": ["a", "b"]}', 'answer = ''["b", "c\"d", 80]'''), ('{"type": "checkboxes", "options": ["a", "b"], "answer": ["a", "b"]}', 'answer = ''[b'''), ('{"type": "checkboxes", "options": ["a", "b"], "answer": ["a", "b"]}', 'points = 2')) AS v (config, change);
