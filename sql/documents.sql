-- Documents that come again: what stays, what retires, what an export says.
CALL testing.fresh();
CREATE FUNCTION testing.live(challenge text) RETURNS TABLE (question text) LANGUAGE sql AS $$
  SELECT format('%s %s %s %s', q."order", q.cdf_question_id, q.points, q.required) FROM "ChallengeQuestion" q
  WHERE q."challengeId" = challenge ORDER BY q."order"
$$;
CREATE FUNCTION testing.asked(challenge text, VARIADIC components text[]) RETURNS text LANGUAGE sql AS $$
  SELECT jsonb_build_object('metadata', jsonb_build_object('id', challenge, 'name', challenge, 'version', '1', 'challenge_type', 'web'),
    'components', jsonb_agg(jsonb_build_object('type', 'question', 'id', split_part(c, ' ', 1), 'config', jsonb_build_object(
      'type', 'text', 'text', split_part(c, ' ', 1) || '?', 'points', split_part(c, ' ', 2)::integer, 'answer', 'yes'))))::text
  FROM unnest(components) AS c
$$;
CREATE FUNCTION testing.id_of(challenge text, component text) RETURNS text LANGUAGE sql AS $$
  SELECT id FROM "ChallengeQuestion" WHERE "challengeId" = challenge AND cdf_question_id = component
$$;
INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('docs', 'Docs', '2020-01-01');
INSERT INTO "_GroupMembers" ("A", "B") VALUES ('docs', 'ada'), ('docs', 'bob');
SELECT * FROM edurange.cdf_import(testing.asked('school', 'a 1', 'b 2', 'c 4', 'd 8'));
UPDATE "ChallengeQuestion" SET id = 'school-' || cdf_question_id WHERE "challengeId" = 'school';
INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('school-gc', 15, 'school', 'docs');
SELECT a."isCorrect", a."challengeCompleted" FROM unnest(ARRAY['a', 'b']) q,
  edurange.attempt_question('ada', testing.id_of('school', q), 'school-gc', 'yes') a;
SELECT a."isCorrect" FROM edurange.attempt_question('bob', testing.id_of('school', 'd'), 'school-gc', 'no') a;
CREATE TEMP TABLE was AS SELECT cdf_question_id, id FROM "ChallengeQuestion" WHERE "challengeId" = 'school';
-- reordered, edited, one added; b and d, at which somebody worked, and c, at which nobody did, are gone
SELECT created, changed, questions FROM edurange.cdf_update('school', testing.asked('school', 'e 16', 'a 3'));
SELECT * FROM testing.live('school');
SELECT cdf_question_id, q.id = was.id AS same FROM was LEFT JOIN (SELECT * FROM "ChallengeQuestion" WHERE "challengeId" = 'school') q USING (cdf_question_id) ORDER BY 1;
SELECT q.cdf_question_id FROM edurange.retired_question r JOIN "ChallengeQuestion" q ON q.id = r.question_id
WHERE r.challenge_id = 'school' ORDER BY 1;
SELECT q.cdf_question_id FROM edurange.challenge_details('school') d, unnest(d.questions) q;
SELECT testing.refused(format('SELECT edurange.attempt_question(%L, %L, %L, %L)', 'bob', testing.id_of('school', 'd'), 'school-gc', 'yes'));
SELECT testing.refused(format('SELECT edurange.complete_question(%L, %L, %L)', 'bob', testing.id_of('school', 'd'), 'school-gc'));
-- what was completed is told as before
SELECT "alreadyCompleted", (completion)."pointsEarned" FROM edurange.complete_question('ada', testing.id_of('school', 'b'), 'school-gc');
SELECT edurange.get_points('ada', 'docs') AS ada, edurange.get_points('bob', 'docs') AS bob;
-- back again: the same rows, and bob can go on
SELECT questions FROM edurange.cdf_update('school', testing.asked('school', 'd 8', 'e 16', 'b 2', 'a 3'));
SELECT * FROM testing.live('school');
SELECT count(*) AS retired FROM edurange.retired_question WHERE challenge_id = 'school';
SELECT cdf_question_id, q.id = was.id AS same FROM was JOIN (SELECT * FROM "ChallengeQuestion" WHERE "challengeId" = 'school') q USING (cdf_question_id) ORDER BY 1;
SELECT "isCorrect", "attemptCount" FROM edurange.attempt_question('bob', testing.id_of('school', 'd'), 'school-gc', 'yes');
-- without the last questions that ada had not solved her challenge is complete; nothing more is paid, and nothing in a competition that is over
INSERT INTO "CompetitionGroup" (id, name, "startDate", "endDate") VALUES ('over', 'Over', '2020-01-01', '2020-01-02');
INSERT INTO "_GroupMembers" ("A", "B") VALUES ('over', 'bob');
INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('school-over', 15, 'school', 'over');
INSERT INTO "QuestionCompletion" (id, "questionId", "userId", "groupChallengeId", "pointsEarned")
SELECT 'over-' || q, testing.id_of('school', q), 'bob', 'school-over', 1 FROM unnest(ARRAY['a', 'b']) q;
SELECT questions FROM edurange.cdf_update('school', testing.asked('school', 'b 2', 'a 3'));
SELECT "userId", "groupChallengeId", "pointsEarned" FROM "ChallengeCompletion" WHERE "groupChallengeId" LIKE 'school-%';
SELECT "userId", metadata ->> 'pointsEarned' AS points FROM "ActivityLog" WHERE "eventType" = 'CHALLENGE_COMPLETED' AND "challengeId" = 'school';
SELECT edurange.get_points('ada', 'docs') AS ada;
-- a question that is added takes no completion away
SELECT questions FROM edurange.cdf_update('school', testing.asked('school', 'f 32', 'b 2', 'a 3'));
SELECT "userId", "pointsEarned" FROM "ChallengeCompletion" WHERE "groupChallengeId" = 'school-gc';
SELECT count(*) AS violations FROM edurange.check_invariants();
-- rows without a component's id are the questions that stand in their place; repeated ids are the first's
UPDATE "ChallengeQuestion" SET cdf_question_id = NULL WHERE "challengeId" = 'school' AND "order" = 1;
INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, "order", cdf_question_id) VALUES ('again', 'school', '?', 'TEXT', 1, 7, 'a');
SELECT questions FROM edurange.cdf_update('school', testing.asked('school', 'f 32', 'b 2', 'a 5'));
SELECT * FROM testing.live('school') LIMIT 3;
SELECT q.id = was.id AS same FROM was JOIN (SELECT * FROM "ChallengeQuestion" WHERE "challengeId" = 'school') q USING (cdf_question_id) WHERE cdf_question_id IN ('a', 'b');
SELECT count(*) FROM "ChallengeQuestion" WHERE id = 'again';
SELECT testing.refused(format('SELECT edurange.cdf_update(%L, %L)', 'school', testing.asked('other', 'a 1')));
SELECT testing.refused(format('SELECT edurange.cdf_update(%L, %L)', 'nothing', testing.asked('nothing', 'a 1')));
SELECT testing.refused($$SELECT edurange.cdf_update('school', '{}')$$) LIKE 'RG701%' AS refused;
SELECT testing.refused($$SELECT edurange.cdf_update('', '{}')$$);
SELECT testing.refused($$SELECT edurange.cdf_export('nothing')$$);
SELECT testing.refused($$SELECT edurange.cdf_export(NULL)$$);
-- A challenge that no document made has one all the same.
INSERT INTO "ChallengeType" (id, name) VALUES ('dash-type', 'full-os');
INSERT INTO "Challenge" (id, name, difficulty, "challengeTypeId") VALUES ('dash', 'Dash', 'HARD', 'dash-type');
INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, answer, "order", hint) VALUES
  ('dash-1', 'dash', 'One?', 'multiple-choice', 3, 'x', 5, 'Look.'), ('dash-2', 'dash', 'Two?', 'essay', -1, NULL, -2, NULL);
INSERT INTO "ChallengeAppConfig" (id, "challengeId", "appId", title, icon, width, height, screen) VALUES
  ('dash-a', 'dash', 'terminal', 'Shell', 'i', 50, 60, 'displayTerminal'), ('dash-p', 'dash', 'challenge-prompt', 'P', 'i', 1, 1, 'x');
SELECT edurange.cdf_export('dash');
SELECT changed FROM edurange.cdf_update('dash', edurange.cdf_export('dash'));
-- Orders that no document can say are counted anew, so that none clashes with another's.
UPDATE "ChallengeQuestion" SET "order" = CASE id WHEN 'dash-1' THEN 0 ELSE 2147483647 END, cdf_payload = '{"options": "none"}' WHERE "challengeId" = 'dash';
INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, "order") VALUES ('dash-3', 'dash', 'Three?', 'TEXT', 1, -7);
SELECT c ->> 'id' AS id, c -> 'config' -> 'order' AS place, c -> 'config' -> 'options' AS options
FROM jsonb_array_elements(edurange.cdf_export('dash')::jsonb -> 'components') AS c WHERE c ->> 'type' = 'question';
SELECT (edurange.cdf_validate(edurange.cdf_export('dash'))).*;
-- of old components that share an id the first is the row's
UPDATE "Challenge" SET cdf_content = '{"components": [{"type": "question", "id": "dash-3", "x": 1}, {"type": "question", "id": "dash-3", "x": 2}, [], 7, {"type": "question"}, {"type": "container", "id": "terminal", "config": {"image": "i"}}]}' WHERE id = 'dash';
UPDATE "ChallengeQuestion" SET cdf_question_id = 'dash-3' WHERE id = 'dash-3';
SELECT c ->> 'id' AS id, c -> 'x' AS x FROM jsonb_array_elements(edurange.cdf_export('dash')::jsonb -> 'components') AS c WHERE c ->> 'type' = 'question';
-- an app keeps its id, which the platform knows it by; another component of that id gets another
SELECT c ->> 'type' AS type, c ->> 'id' AS id FROM jsonb_array_elements(edurange.cdf_export('dash')::jsonb -> 'components') AS c WHERE c ->> 'type' <> 'question';
SELECT (edurange.cdf_validate(edurange.cdf_export('dash'))).*;
-- Any document, and any change of its rows: import, export, import.
CREATE FUNCTION testing.one_of(VARIADIC texts text[]) RETURNS text LANGUAGE sql AS $$
  SELECT texts[1 + floor(random() * cardinality(texts))::integer]
$$;
CREATE FUNCTION testing.maybe(text) RETURNS text LANGUAGE sql AS $$ SELECT CASE WHEN random() < 0.5 THEN $1 ELSE '' END $$;
CREATE FUNCTION testing.any_component(n integer) RETURNS text LANGUAGE sql AS $$
  SELECT replace(CASE floor(random() * 4)
    WHEN 0 THEN '{ "id":"#", "type" : "container","config":{"image":"i:#"' || testing.maybe(',"env":{"A":"1"}') || '}' || testing.maybe(', "note":[1.50, null, "\u00e9ß"]') || '}'
    WHEN 1 THEN '{"type":"webosApp","id":"#","config":{"app_type":"' || testing.one_of('terminal', 'custom') || '"' || testing.maybe(',"width":40') ||
      testing.maybe(',"title":"App \"#\""') || testing.maybe(',"disabled":true') || testing.maybe(',"additional_config":{"x":{}}') || testing.maybe(',"url":"u"') || '}}'
    ELSE '{"config":{"text":"' || testing.one_of('What?', 'Über \\ what\n?', repeat('long ', 20)) || '","type":"' ||
      testing.one_of('text', 'flag', 'multiple_choice', 'checkboxes') || '"' || testing.maybe(',"points": ' || testing.one_of('0', '7', '10.0')) ||
      testing.one_of('', ',"answer":' || testing.one_of('"a"', '1.50', '["a", "b"]', '[2]') || testing.maybe(',"options":["a","b","1.50","2"]')) || testing.maybe(',"hint":"h"') || testing.maybe(',"required":false') ||
      testing.maybe(',"explanation":"so"') || testing.maybe(',"title":"T"') || testing.maybe(',"format":"f"') || '},"id":"#","type":"question"}'
    END, '#', 'c' || n)
$$;
CREATE FUNCTION testing.any_document(id text) RETURNS text LANGUAGE sql AS $$
  SELECT E'{\n' || testing.maybe('  "$schema": "https://example.org/s",') || ' "components" : [' ||
    (SELECT string_agg(testing.any_component(n), testing.one_of(',', E' ,\n')) FROM generate_series(1, 1 + floor(random() * 8)::integer) n) ||
    '], "metadata": {"challenge_type":"' || testing.one_of('web', 'fullOS', 'sql-injection') || '","name":"N","version":"' || testing.one_of('1', '2.0') || '","id":"' || id || '"' ||
    testing.maybe(',"difficulty":"' || testing.one_of('beginner', 'intermediate', 'advanced', 'expert') || '"') || testing.maybe(',"description":"D"') ||
    testing.maybe(',"tags":["t"]') || '}' || testing.maybe(', "typeConfig":{"z":1,"a":2}') || '}' || testing.maybe(E'\n')
$$;
CREATE FUNCTION testing.any_edit(challenge text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  CASE floor(random() * 9)
    WHEN 0 THEN UPDATE "Challenge" SET name = 'Edited', description = NULL WHERE id = challenge;
    WHEN 1 THEN UPDATE "Challenge" SET difficulty = testing.one_of('EASY', 'HARD')::"ChallengeDifficulty" WHERE id = challenge;
    WHEN 2 THEN UPDATE "ChallengeQuestion" SET points = points + 1, content = content || '!' WHERE "challengeId" = challenge AND random() < 0.5;
    WHEN 3 THEN UPDATE "ChallengeQuestion" SET "order" = 100 - "order", hint = testing.one_of('new', NULL) WHERE "challengeId" = challenge;
    WHEN 4 THEN UPDATE "ChallengeQuestion" SET answer = testing.one_of('new', NULL), required = NOT required WHERE "challengeId" = challenge AND random() < 0.5;
    WHEN 5 THEN DELETE FROM "ChallengeQuestion" WHERE "challengeId" = challenge AND random() < 0.3
      AND EXISTS (SELECT FROM "ChallengeAppConfig" WHERE "challengeId" = challenge);
    WHEN 6 THEN INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, "order")
      SELECT gen_random_uuid()::text, challenge, 'Added?', 'FLAG', 5, coalesce(max("order"), -1) + 1 FROM "ChallengeQuestion" WHERE "challengeId" = challenge;
    WHEN 7 THEN UPDATE "ChallengeAppConfig" SET title = 'Edited', width = width + 1, favourite = true WHERE "challengeId" = challenge;
    ELSE UPDATE "Challenge" SET cdf_content = cdf_content || '{"extra": {"b": 1, "a": []}}' WHERE id = challenge;
  END CASE;
END
$$;
-- all that the platform reads of a challenge; what is derived from the document aside, and a title that
-- is null, for which a document has no words
CREATE FUNCTION testing.content(challenge text) RETURNS text LANGUAGE sql AS $$
  SELECT jsonb_build_object('c', (SELECT jsonb_agg(to_jsonb(c) - 'updatedAt' - 'cdf_content') FROM "Challenge" c WHERE id = challenge),
    'q', (SELECT jsonb_agg(to_jsonb(q) - 'updatedAt' - 'cdf_payload' - 'cdf_question_id'
      || jsonb_build_object('title', coalesce(title, left(content, 50))) ORDER BY "order") FROM "ChallengeQuestion" q WHERE "challengeId" = challenge),
    'a', (SELECT jsonb_agg(to_jsonb(a) - 'updatedAt' - 'createdAt' - 'additional_config' ORDER BY "createdAt", id) FROM "ChallengeAppConfig" a WHERE "challengeId" = challenge))::text
$$;
CREATE FUNCTION testing.versions(challenge text) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(v, ' ' ORDER BY v) FROM (SELECT id || xmin || ctid FROM "Challenge" WHERE id = challenge
    UNION ALL SELECT id || xmin || ctid FROM "ChallengeQuestion" WHERE "challengeId" = challenge
    UNION ALL SELECT id || xmin || ctid FROM "ChallengeAppConfig" WHERE "challengeId" = challenge
    UNION ALL SELECT challenge_id || xmin || ctid FROM edurange.cdf_document WHERE challenge_id = challenge) AS rows (v)
$$;
CREATE FUNCTION testing.round_trip(seed float8) RETURNS TABLE (fault text) LANGUAGE plpgsql AS $$
DECLARE
  document text;
  export text;
  state text;
  content text;
BEGIN
  PERFORM setseed(seed);
  FOR round IN 1 .. 3 LOOP
    document := testing.any_document('any');
    PERFORM edurange.cdf_import(document);
    IF edurange.cdf_export('any') IS DISTINCT FROM document THEN RETURN QUERY SELECT 'export differs: ' || document; END IF;
    state := testing.versions('any');
    IF (SELECT changed FROM edurange.cdf_import(document)) OR testing.versions('any') <> state THEN RETURN QUERY SELECT 'second import writes: ' || document; END IF;
    FOR n IN 1 .. 1 + floor(random() * 3) LOOP PERFORM testing.any_edit('any'); END LOOP;
    export := edurange.cdf_export('any');
    IF (SELECT testing.refused(format('SELECT edurange.cdf_import(%L)', replace(export, '"any"', '"other"')))) <> 'accepted' THEN
      RETURN QUERY SELECT 'not valid: ' || export; END IF;
    state := testing.versions('any');
    content := testing.content('any');
    IF (SELECT changed FROM edurange.cdf_import(export)) OR testing.versions('any') <> state THEN RETURN QUERY SELECT 'import of an export writes: ' || export; END IF;
    -- the same document in another spelling says the same, too
    PERFORM edurange.cdf_import(export || ' ');
    IF testing.content('any') <> content THEN RETURN QUERY SELECT 'the export says something else: ' || content || ' / ' || testing.content('any') || ' / ' || export; END IF;
    IF edurange.cdf_export('any') <> export || ' ' THEN RETURN QUERY SELECT 'not as imported: ' || export; END IF;
  END LOOP;
END
$$;
SELECT seed, fault FROM generate_series(1, 100) AS seed, testing.round_trip(seed / 100.0);
-- every column comes through an edit of its row, the export and an import of that; but for what names a row or dates it
CALL testing.knots();
UPDATE "ChallengeType" SET id = 'web-type' WHERE name = 'sql-injection';
CREATE FUNCTION testing.survives(row_table text, row_column text, edited text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  row_id text;
  before text;
  exported text;
  after text;
BEGIN
  EXECUTE format('SELECT t.id, t.%I FROM %I t WHERE to_jsonb(t) @> ANY (ARRAY[%L, %L, %L]::jsonb[])', row_column, row_table,
    '{"id": "knots"}', '{"challengeId": "knots", "cdf_question_id": "rope"}', '{"challengeId": "knots", "appId": "terminal"}') INTO row_id, before;
  EXECUTE format('UPDATE %I SET %I = %L WHERE id = %L', row_table, row_column, edited, row_id);
  exported := edurange.cdf_export('knots');
  EXECUTE format('UPDATE %I SET %I = %L WHERE id = %L', row_table, row_column, before, row_id);
  PERFORM edurange.cdf_update('knots', exported);
  EXECUTE format('SELECT %I FROM %I WHERE id = %L', row_column, row_table, row_id) INTO after;
  RETURN CASE WHEN edited = before THEN 'no edit' WHEN after = edited THEN 'yes' ELSE format('no: %s', after) END;
END
$$;
SELECT c.table_name, c.column_name, testing.survives(c.table_name, c.column_name, coalesce(e.edited, CASE c.data_type WHEN 'boolean' THEN
  (SELECT (NOT (to_jsonb(a) ->> c.column_name)::boolean)::text FROM "ChallengeAppConfig" a WHERE "challengeId" = 'knots' AND "appId" = 'terminal')
  WHEN 'integer' THEN '12' WHEN 'jsonb' THEN '{"home": "https://edited.example.org"}' ELSE 'edited' END)) AS survives
FROM information_schema.columns c LEFT JOIN (VALUES ('type', 'MULTIPLE_CHOICE'), ('difficulty', 'EASY'), ('challengeTypeId', 'web-type'), ('required', 'false')) AS e (name, edited) ON e.name = c.column_name
WHERE c.table_schema = 'public' AND c.table_name IN ('Challenge', 'ChallengeQuestion', 'ChallengeAppConfig') AND c.column_name NOT IN
  ('id', 'challengeId', 'createdAt', 'updatedAt', 'cdf_question_id', 'appId', 'pack_id', 'pack_challenge_id', 'cdf_content', 'cdf_payload')
ORDER BY c.table_name, c.ordinal_position;
-- of the documents themselves what no column says
UPDATE "ChallengeQuestion" SET cdf_payload = cdf_payload || '{"more": "edited"}' WHERE "challengeId" = 'knots' AND cdf_question_id = 'rope';
UPDATE "Challenge" SET cdf_content = cdf_content || '{"more": "edited"}' WHERE id = 'knots';
SELECT d ->> 'more' AS challenge, c -> 'config' ->> 'more' AS question, c -> 'config' ->> 'explanation' AS kept
FROM (SELECT edurange.cdf_export('knots')::jsonb) AS e (d), jsonb_array_elements(d -> 'components') c WHERE c ->> 'id' = 'rope';
