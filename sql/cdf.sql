-- Documents become challenges, whole or not at all.
CALL testing.fresh();
CREATE FUNCTION testing.questions() RETURNS TABLE (question text) LANGUAGE sql AS $$
  SELECT format('%s %s %s %s %s', "order", cdf_question_id, type, points, answer)
  FROM "ChallengeQuestion" WHERE "challengeId" = 'doc' ORDER BY "order"
$$;
SELECT * FROM edurange.cdf_import(testing.document($$[
  {"type": "question", "id": "a", "config": {"type": "text", "text": "A?", "points": 1, "answer": "yes"}},
  {"type": "question", "id": "b", "config": {"type": "text", "text": "B?", "answer": 42}},
  {"type": "question", "id": "c", "config": {"type": "multiple_choice", "text": "C?", "points": 3,
    "options": ["x", "y"], "answer": "y", "required": false}},
  {"type": "question", "id": "d", "config": {"type": "checkboxes", "text": "D?", "points": 4,
    "answer": ["x", "y"], "title": "Dee", "format": "list"}}]$$));
SELECT * FROM testing.questions();
SELECT name, difficulty, cdf_version, cdf_content -> 'metadata' ->> 'id' AS id, pack_id FROM "Challenge" WHERE id = 'doc';
SELECT document = testing.document($$[
  {"type": "question", "id": "a", "config": {"type": "text", "text": "A?", "points": 1, "answer": "yes"}},
  {"type": "question", "id": "b", "config": {"type": "text", "text": "B?", "answer": 42}},
  {"type": "question", "id": "c", "config": {"type": "multiple_choice", "text": "C?", "points": 3,
    "options": ["x", "y"], "answer": "y", "required": false}},
  {"type": "question", "id": "d", "config": {"type": "checkboxes", "text": "D?", "points": 4,
    "answer": ["x", "y"], "title": "Dee", "format": "list"}}]$$) AS kept
FROM edurange.cdf_document WHERE challenge_id = 'doc';
-- another order, another question, one less: a question stays itself by its component's id
CREATE TEMP TABLE was AS SELECT cdf_question_id, id FROM "ChallengeQuestion" WHERE "challengeId" = 'doc';
SELECT * FROM edurange.cdf_import(testing.document($$[
  {"type": "question", "id": "d", "config": {"type": "text", "text": "D!", "points": 40, "answer": "z"}},
  {"type": "question", "id": "e", "config": {"type": "text", "text": "E?", "points": 5, "answer": "e"}},
  {"type": "question", "id": "b", "config": {"type": "text", "text": "B?", "answer": "forty-two"}},
  {"type": "question", "id": "a", "config": {"type": "text", "text": "A?", "points": 1, "answer": "yes"}}]$$,
  '{"difficulty": "expert", "name": "Doc 2"}'));
SELECT * FROM testing.questions();
SELECT cdf_question_id, q.id = was.id AS same FROM was LEFT JOIN "ChallengeQuestion" q USING (cdf_question_id) ORDER BY 1;
-- order can be given
SELECT questions FROM edurange.cdf_import(testing.document($$[
  {"type": "question", "id": "a", "config": {"type": "text", "text": "A?", "order": 7}},
  {"type": "question", "id": "b", "config": {"type": "text", "text": "B?", "order": 3}}]$$));
SELECT * FROM testing.questions();
-- somebody worked at a question: it retires
INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('doc-spring', 1, 'doc', 'spring');
INSERT INTO "QuestionAttempt" (id, "questionId", "userId", "groupChallengeId", answer, "isCorrect")
SELECT 'at', id, 'ada', 'doc-spring', 'x', false FROM "ChallengeQuestion" WHERE "challengeId" = 'doc' AND cdf_question_id = 'a';
SELECT testing.refused(format('SELECT edurange.cdf_import(%L)', testing.document('[{"type": "container", "id": "c", "config": {"image": "i"}}]')));
SELECT * FROM testing.questions();
-- packs
INSERT INTO "ChallengePack" (id, name, version) VALUES ('pack', 'Pack', '1.0.0'), ('pack2', 'Pack 2', '1.0.0');
SELECT created FROM edurange.cdf_import(testing.document('[{"type": "container", "id": "c", "config": {"image": "i"}}]', '{"id": "packed"}'), 'pack');
SELECT pack_id, pack_challenge_id FROM "Challenge" WHERE id = 'packed';
SELECT testing.refused(format('SELECT edurange.cdf_import(%L, %L)', testing.document('[{"type": "container", "id": "c", "config": {"image": "i"}}]', '{"id": "packed"}'), 'pack2'));
SELECT testing.refused(format('SELECT edurange.cdf_import(%L)', testing.document('[{"type": "container", "id": "c2", "config": {"image": "i"}}]', '{"id": "packed"}')));
SELECT testing.refused(format('SELECT edurange.cdf_import(%L, %L)', testing.document('[{"type": "container", "id": "c", "config": {"image": "i"}}]', '{"id": "packed2"}'), 'nopack'));
-- every rule
CREATE FUNCTION testing.violations(document text) RETURNS TABLE (path text, keyword text, message text) LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  PERFORM edurange.cdf_import(document);
EXCEPTION WHEN SQLSTATE 'RG701' THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN QUERY SELECT * FROM json_to_recordset(detail::json) AS v (path text, keyword text, message text);
END
$$;
SELECT * FROM testing.violations('[]');
SELECT * FROM testing.violations('{}');
SELECT * FROM testing.violations('{"metadata": [], "components": []}');
SELECT * FROM testing.violations('{"metadata": {}, "components": {}}');
SELECT * FROM testing.violations(testing.document('[{"type": "container", "id": "c", "config": {"image": "i"}}]',
  '{"id": "a b", "name": 1, "version": null, "challenge_type": "full-os", "difficulty": "easy", "description": []}'));
SELECT * FROM testing.violations(testing.document('[1, {}, {"type": "nothing", "id": 5, "config": {}}, {"type": "container", "id": "x", "config": []},
  {"type": "container", "id": "y", "config": {}}, {"type": "secret", "id": "y", "config": {"data": 1}}]'));
SELECT * FROM testing.violations(testing.document($$[
  {"type": "question", "id": "q0", "config": {}},
  {"type": "question", "id": "q1", "config": {"type": "TEXT", "text": 1, "points": 1.5, "order": -1, "required": "yes", "answer": {}}},
  {"type": "question", "id": "q2", "config": {"type": "text", "text": "t", "points": "5", "answer": [[]], "hint": 1}},
  {"type": "question", "id": "q3", "config": {"type": "text", "text": "t", "points": 1e30, "order": 2, "answer": []}},
  {"type": "webosApp", "id": "challenge-prompt", "config": {"app_type": "nothing", "width": 10.5, "disabled": 1, "additional_config": []}}]$$));
SELECT left(testing.refused(format('SELECT edurange.cdf_import(%L)', testing.document('[{"type": "question", "id": "bare"}]'))), 5);
SELECT testing.refused($$SELECT edurange.cdf_import(NULL)$$);
SELECT testing.refused($$SELECT edurange.cdf_import('{"a": secret')$$);
SELECT testing.refused($$SELECT edurange.cdf_import('{"a": "\u0000"}')$$);
SELECT testing.refused($$SELECT edurange.cdf_import('{"a": "\ud800"}')$$);
SELECT testing.refused($$SELECT edurange.cdf_import(repeat('[', 15000) || repeat(']', 15000))$$);
SELECT testing.refused(format('SELECT edurange.%s(%L)', f, '{"a": 1e999999, "b": "secret"}')) FROM unnest(ARRAY['cdf_import', 'cdf_validate']) AS f;
SELECT count(*) FROM "Challenge" WHERE id IN ('a b', 'packed2');
