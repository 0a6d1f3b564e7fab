-- How answers are judged: what does not count in a text, the ways of matching, flags of two kinds, numbers.
CALL testing.fresh();
\pset format unaligned
-- a challenge in spring with one question, and what becomes of answers to it
CREATE PROCEDURE testing.asked(config text) LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM "QuestionAttempt";
  DELETE FROM "QuestionCompletion";
  DELETE FROM "ChallengeCompletion";
  PERFORM edurange.cdf_import(jsonb_build_object('metadata', '{"id": "quiz", "name": "Quiz", "version": "1", "challenge_type": "web"}'::jsonb,
    'components', jsonb_build_array(jsonb_build_object('type', 'question', 'id', 'q', 'config', '{"text": "?", "points": 1}'::jsonb || config::jsonb)))::text);
  INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('gc', 1, 'quiz', 'spring') ON CONFLICT DO NOTHING;
END
$$;
-- right, wrong, or why neither; nobody is locked out by trying
CREATE FUNCTION testing.judged(answer text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  is_right boolean;
BEGIN
  SELECT "isCorrect" INTO is_right FROM edurange.attempt_question('ada', testing.q('q'), 'gc', answer);
  DELETE FROM "QuestionAttempt";
  RETURN CASE WHEN is_right THEN 'right' ELSE 'wrong' END;
EXCEPTION WHEN OTHERS THEN
  RETURN sqlstate || ': ' || sqlerrm;
END
$$;
CREATE FUNCTION testing.verdicts(VARIADIC answers text[]) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(testing.judged(a), ', ' ORDER BY n) FROM unnest(answers) WITH ORDINALITY AS t (a, n)
$$;

-- outer white space is what trim() of JavaScript takes, of answers and of keys, and nothing else
CALL testing.asked('{"type": "text", "answer": "\u3000 key\u00a0\ufeff"}');
SELECT testing.verdicts('key', E'\u2028key\u2029', E'\ufeff\u1680key\u205f', E'k\u00a0ey', E'\u0085key', E'\u180ekey', E'\x1ckey');
SELECT string_agg(to_hex(c), ' ' ORDER BY c) AS trimmed FROM unnest(ARRAY(SELECT generate_series(1, 47)) || ARRAY(SELECT generate_series(127, 192)) || ARRAY(SELECT generate_series(8188, 8300))
  || ARRAY[847, 1564, 4447, 5759, 5760, 5761, 6158, 10240, 12287, 12288, 12289, 12644, 65024, 65278, 65279, 65280, 65440, 65532, 917505]) c WHERE testing.judged(chr(c) || 'key' || chr(c)) = 'right';
-- characters that show nothing do not count either, wherever they stand; joiners spell words
SELECT testing.verdicts(E'k\u200bey', E'k\u00adey\u200e', E'\u202akey\u202c', E'k\u2060e\ufeffy', E'k\u200cey', E'k\u200dey');
CALL testing.asked('{"type": "text", "answer": "k\u200bey\u200e"}');
SELECT testing.verdicts('key', E'\u200ekey');
-- an accent is one character or two
CALL testing.asked('{"type": "text", "answer": ["caf\u00e9", "A\u030angstro\u0308m"]}');
SELECT testing.verdicts(E'cafe\u0301', E'caf\u00e9', 'cafe', E'\u212bngstr\u00f6m', E'CAFE\u0301');
CALL testing.asked('{"type": "checkboxes", "answer": ["a\u0308", "b"], "options": ["\u00e4", "b", "c"]}');
SELECT testing.verdicts(E'["\u00e4", " b\u00a0"]', E'["a\u0308", "b"]', E'["\u00e4"]');
-- what looks like a list is a choice like any other, where it stands in a list
CALL testing.asked('{"type": "checkboxes", "answer": ["[1]", "[]", 2], "options": ["[1]", "[]", "{}", "2"]}');
SELECT testing.verdicts('["[1]", "[]", "2"]', '["[]", 2, "[1]"]', '["[1]"]', '[1, 2]', '["[1]", "[]"]');
-- an answer that somebody changed in the row counts alone, as the export of it says
CALL testing.asked('{"type": "text", "answer": ["old", "older"]}');
UPDATE "ChallengeQuestion" SET answer = 'new';
SELECT testing.verdicts('new', 'old', 'older'), edurange.cdf_export('quiz')::jsonb #>> '{components,0,config,answer}' AS exported;
UPDATE "ChallengeQuestion" SET answer = NULL;
SELECT testing.verdicts('new', 'old', 'older');
CALL testing.asked('{"type": "checkboxes", "answer": ["a", "b"], "options": ["a", "b"]}');
UPDATE "ChallengeQuestion" SET answer = '["b"]';
SELECT testing.verdicts('["b"]', '["a", "b"]', '["a"]'), edurange.cdf_export('quiz')::jsonb #>> '{components,0,config,answer}' AS exported;
-- accents are not composed in a very long text: sorting accents takes time with the square of their number
CALL testing.asked('{"type": "text", "answer": "caf\u00e9"}');
SELECT testing.verdicts(repeat(E'\u0301\u0323', 1000000), repeat('x', 996) || E'e\u0301') AS verdicts;
CALL testing.asked(jsonb_build_object('type', 'text', 'answer', ARRAY[repeat('x', 998) || E'\u00e9', repeat('y', 999) || E'\u00e9'])::text);
SELECT testing.verdicts(repeat('x', 998) || E'e\u0301', repeat('y', 999) || E'e\u0301', repeat('y', 999) || E'\u00e9') AS verdicts,
  edurange.cdf_export('quiz')::jsonb #> '{components,0,config,answer}' = jsonb_build_array(repeat('x', 998) || E'\u00e9', repeat('y', 999) || E'\u00e9') AS exported;
CALL testing.asked('{"type": "checkboxes", "answer": ["a\u0308", "b"], "options": ["\u00e4", "b", "c"]}');
-- a blank answer is none, and costs no attempt
SELECT testing.verdicts('', ' ', E'\u00a0\u3000', E'\u200b', '[]', '[""]', '[" ", null]', '[]x');
CALL testing.asked('{"type": "text", "answer": "[]"}');
SELECT testing.verdicts('[]', E' \n');
SELECT testing.refused($$SELECT edurange.attempt_question('ada', testing.q('q'), 'gc', ' ')$$);
SELECT count(*) FROM "QuestionAttempt";
-- without regard to case: all of Unicode, full folding, whatever the accents are written with
CALL testing.asked('{"type": "text", "match": "ignore_case", "answer": ["Stra\u00dfe", "\u0130stanbul", "\u03a3\u0391\u03a3", "\u00c9CLAIR", "\ufb03x"]}');
SELECT testing.verdicts('STRASSE', E'stra\u1e9ee', 'strase', E'i\u0307STANBUL', 'istanbul', E'\u03c3\u03b1\u03c2', E'e\u0301clair', E'E\u0301CLAIR', 'FFIX', E'\uff26');
CALL testing.asked('{"type": "text", "match": "ignore_case", "answer": "\u1f80\u0345"}');
SELECT testing.verdicts(E'\u1f00\u03b9\u0345', E'\u1f88\u0345', E'\u1f08\u0399\u0399');
CALL testing.asked('{"type": "text", "match": "exact", "answer": "Exact"}');
SELECT testing.verdicts('Exact', 'exact');
-- a pattern must match the whole answer, which is composed first
CALL testing.asked('{"type": "text", "match": "pattern", "answer": ["(?:port )?22|ssh", "caf\u00e9+", "\\d{3}-\\d{4}", "a.c"]}');
SELECT testing.verdicts('22', ' port 22 ', 'ssh', 'sshd', '22 ', 'port 22|ssh', E'cafe\u0301\u00e9', '555-1234', '555-12345', E'a\nc', 'abc', 'xabc', 'Port 22');
CALL testing.asked('{"type": "text", "match": "pattern", "answer": "^(?!.*bad)(?=.*\\bgood\\b)[\\s\\S]*$"}');
SELECT testing.verdicts('so good', 'goods', E'good\nbad', 'good bad');
SELECT testing.verdicts(repeat('good ', 200), repeat('good ', 201) || 'x', repeat('é ', 500) || 'x');
SELECT testing.refused(format($$SELECT edurange.attempt_question('ada', testing.q('q'), 'gc', %L)$$, repeat('x', 1001)));
-- what matching costs has a bound, whatever the answer is: these would take years where an engine goes back
CREATE FUNCTION testing.quick(pattern text, answer text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  CALL testing.asked(jsonb_build_object('type', 'text', 'match', 'pattern', 'answer', pattern)::text);
  RETURN testing.judged(answer);
END
$$;
SELECT testing.quick('(a+)+b', repeat('a', 1000)), testing.quick('(a|a)*(a|a)*(a|a)*c', repeat('a', 1000)), testing.quick('(.*)(.*)(.*)(.*)(.*)x', repeat('ab', 500)),
  testing.quick('(a|b)*a(a|b){20}', repeat('ab', 500)), testing.quick('(?:(?=.*a.*b.*c).)*', repeat('a', 1000)), testing.quick('(x?){150}', repeat('x', 150));
-- a number is right when it is near enough, however it is written
CALL testing.asked('{"type": "text", "match": "number", "answer": [3.14, "-1e3"], "tolerance": 0.005}');
SELECT testing.verdicts('3.14', '3.145', '3.135', '3.1451', '+3.14', '314e-2', ' 3.140 ', '-1000', '-1000.005', '-999.99', '3,14', 'pi', '3.14 m', '0x3', 'NaN', 'Infinity', '.5', '3.');
-- nothing needs to stand before the point, or behind it
CALL testing.asked('{"type": "text", "match": "number", "answer": [".5", "-7."]}');
SELECT testing.verdicts('.5', '0.5', '+.50', '.05e1', '5.e-1', '-7.', '-7', '.', '-.', '.e1', '5..', '..5', '1e400.', '.' || repeat('1', 401));
CALL testing.asked('{"type": "text", "match": "number", "answer": "0"}');
SELECT testing.verdicts('0', '-0', '0.000', '0e5', '1e-300', '00', '0e500', '-0.0e99999', '0e100000', '0e99999999999');
SELECT testing.verdicts('1e400', '1e131071', '1e999999999999', '-1e-400', repeat('9', 401), '1e399', '0.000001e405', '0.01e402', repeat('0', 500), '0.' || repeat('0', 399));
-- numbers of a key are the texts that PostgreSQL writes
CALL testing.asked('{"type": "text", "answer": [1e3, -0, 1.50, 2.5e-3]}');
SELECT testing.verdicts('1000', '0', '1.50', '0.0025', '1e3', '-0', '1.5');
-- also where a new document has an equal number that is written otherwise
CALL testing.asked('{"type": "text", "answer": 15}');
CALL testing.asked('{"type": "text", "answer": 15.0}');
SELECT testing.verdicts('15.0', '15');
CALL testing.asked('{"type": "text", "answer": ["a", 1]}');
CALL testing.asked('{"type": "text", "answer": ["a", 1.00]}');
SELECT testing.verdicts('1.00', '1', 'a'), edurange.cdf_export('quiz') LIKE '%["a", 1.00]%' AS exported;
-- what others write into the row in the way of JavaScript does not change the bytes
UPDATE "Challenge" SET cdf_content = replace(cdf_content::text, '1.00', '1')::jsonb WHERE id = 'quiz';
SELECT testing.verdicts('1.00', '1', 'a'), edurange.cdf_export('quiz') LIKE '%["a", 1.00]%' AS exported;
CALL testing.asked('{"type": "checkboxes", "answer": ["1000", "0"]}');
SELECT testing.verdicts('[1e3, -0]', '["1e3", 0]', '[1e400, 0]', '[1e131071]', '[1e999999]');
-- a flag that the document gives is the flag for everybody; no instance is needed
CALL testing.asked('{"type": "flag", "flag": "static", "answer": ["flag{one\u00e9}", "flag{two}"]}');
SELECT testing.verdicts(E' flag{onee\u0301}\n', 'flag{two}', 'FLAG{TWO}', '{{FLAG}}');
UPDATE "ChallengeQuestion" SET answer = '{{FLAG}}';
SELECT replace(testing.verdicts('{{FLAG}}', 'flag{two}'), testing.q('q'), 'q') AS verdicts;
CALL testing.asked('{"type": "flag", "flag": "instance", "answer": "flag{one}"}');
SELECT testing.verdicts('flag{one}');
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, flag, "flagSecretName", "competitionId", "creationTime")
VALUES ('i', 'quiz', 'ada', 'pending...', 'ACTIVE', E'EDU-{own}\u00a0', 's', 'spring', '2024-01-01');
SELECT testing.verdicts('EDU-{own}', E'EDU-{own}\u200b', 'flag{one}');
UPDATE "ChallengeInstance" SET flag = E'\u00a0null\u3000';
SELECT testing.verdicts('null');
-- what somebody wrote into the row afterwards
CALL testing.asked('{"type": "text", "match": "pattern", "answer": "a+"}');
UPDATE "ChallengeQuestion" SET answer = '(';
SELECT testing.refused($$SELECT edurange.attempt_question('ada', testing.q('q'), 'gc', 'a')$$);
UPDATE "ChallengeQuestion" SET answer = 'a+', type = 'MULTIPLE_CHOICE';
SELECT testing.verdicts('a+', 'aa');
UPDATE "ChallengeQuestion" SET type = 'TEXT', cdf_payload = '{"match": "as you like"}';
SELECT testing.verdicts('a+', 'aa');
UPDATE "ChallengeQuestion" SET cdf_payload = '{"match": "number", "tolerance": 1e131071}', answer = '5';
SELECT testing.verdicts('5');
UPDATE "ChallengeQuestion" SET answer = 'five';
SELECT testing.verdicts('five', '5', 'Five');
UPDATE "ChallengeQuestion" SET cdf_payload = '["match"]', answer = '5';
SELECT testing.verdicts('5');

-- players see nothing of how they are judged; an unmodified WebOS gets no answer that it would compare wrongly
CALL testing.asked('{"type": "text", "answer": "a", "explanation": "e"}');
SELECT testing.q('q') AS q \gset
CREATE FUNCTION testing.seen(question text) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ', coalesce(answer, '-'), cdf_payload - '{_cdf_component_id,text,type,points,answer}'::text[]) FROM edurange.question_details(question)
$$;
CREATE PROCEDURE testing.shown(question text) LANGUAGE plpgsql AS $$
DECLARE
  config text;
BEGIN
  FOREACH config IN ARRAY ARRAY['{"type": "text", "answer": "a", "match": "exact", "explanation": "e"}', '{"type": "text", "answer": "a", "match": "ignore_case", "explanation": "e"}',
    '{"type": "text", "answer": "a", "match": "pattern"}', '{"type": "text", "answer": 1, "match": "number", "tolerance": 2}',
    '{"type": "flag", "answer": "a", "flag": "static"}', '{"type": "flag", "flag": "instance"}', '{"type": "checkboxes", "options": ["a"], "answer": "a"}'] LOOP
    CALL testing.asked(config);
    RAISE NOTICE '%', config;
    SET LOCAL edurange.webos_compatibility = off;
    SET LOCAL ROLE edurange_player;
    RAISE NOTICE '  player: %, completion %', testing.seen(question), left(testing.refused(format('SELECT edurange.complete_question(%L, %L, %L)', 'ada', question, 'gc')), 5);
    RESET ROLE;
    SET LOCAL edurange.webos_compatibility = on;
    SET LOCAL ROLE edurange_player;
    RAISE NOTICE '  WebOS: %, completion %', testing.seen(question), left(testing.refused(format('SELECT edurange.complete_question(%L, %L, %L)', 'ada', question, 'gc')), 5);
    RESET ROLE;
    SET LOCAL ROLE edurange_service;
    RAISE NOTICE '  service: %', testing.seen(question);
    RESET ROLE;
  END LOOP;
END
$$;
CALL testing.shown(:'q');
-- an attempt that was right lets WebOS complete what it cannot judge
CALL testing.asked('{"type": "text", "answer": "a", "match": "ignore_case"}');
INSERT INTO "QuestionAttempt" (id, "questionId", "userId", "groupChallengeId", answer, "isCorrect", "attemptedAt")
VALUES ('good', :'q', 'ada', 'gc', 'A', true, now() AT TIME ZONE 'UTC');
SET edurange.webos_compatibility = on;
SET ROLE edurange_player;
SELECT (completion)."pointsEarned" FROM edurange.complete_question('ada', :'q', 'gc');
RESET ROLE;
RESET edurange.webos_compatibility;
-- what was recorded stays as it was sent
CALL testing.asked('{"type": "text", "answer": "\u00a0e\u0301 "}');
SELECT "isCorrect" FROM edurange.attempt_question('ada', :'q', 'gc', E'\u00e9\u200b ');
SELECT answer = E'\u00e9\u200b ' AS as_sent FROM "QuestionAttempt";
SELECT answer = E'\u00a0e\u0301 ' AS as_written FROM "ChallengeQuestion";

-- the code of a competition without what comes along when it is copied
CALL testing.codes();
SELECT (c).id, (c)."alreadyMember" FROM edurange.join_competition(E' n\u200bew\u00a0\n', 'bob') AS c;
SELECT testing.refused($$SELECT edurange.join_competition(E'\u3000 ', 'bob')$$), testing.refused($$SELECT edurange.join_competition('N EW', 'bob')$$);
SELECT code FROM edurange.generate_access_code('autumn', 'ina', E' made\u2003');
