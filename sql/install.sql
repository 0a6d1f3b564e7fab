-- Installing, making the tables, and what later tests share.
CREATE EXTENSION edurange;
-- before migrate() nothing is there, and that is said
SELECT ready, cardinality(missing) > 20 AS much_is_missing FROM edurange.readiness();
\set VERBOSITY terse
SELECT edurange.get_points('nobody', 'nowhere');
\set VERBOSITY default
-- a dry run says all that a run does, and does nothing
CREATE TEMPORARY TABLE foretold AS SELECT * FROM edurange.migrate(dry_run => true);
SELECT to_regclass('edurange.migration') AS made, to_regclass('"User"') AS tables, to_regnamespace('edurange_guard') AS guard;
CREATE TEMPORARY TABLE done AS SELECT * FROM edurange.migrate();
SELECT kind, count(*) FROM done GROUP BY kind ORDER BY kind;
(TABLE foretold EXCEPT ALL TABLE done) UNION ALL (TABLE done EXCEPT ALL TABLE foretold);
SELECT * FROM edurange.migrate(dry_run => true);
-- again: nothing to do
SELECT * FROM edurange.migrate();
SELECT * FROM edurange.readiness();
SELECT number, name FROM edurange.migration ORDER BY number;

-- tables belong to no extension; the platform's to the owner of the database, ours to edurange_owner
SELECT n.nspname, pg_get_userbyid(c.relowner) = (SELECT pg_get_userbyid(datdba) FROM pg_database
    WHERE datname = current_database()) AS owned_by_database_owner,
  pg_get_userbyid(c.relowner) = 'edurange_owner' AS owned_by_edurange, count(*)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('public', 'edurange') AND c.relkind = 'r' GROUP BY 1, 2, 3 ORDER BY 1;
SELECT count(*) AS member_relations FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'e' AND c.relkind <> 'c';
-- all columns of the platform's tables
SELECT table_name, count(*) AS columns,
  md5(string_agg(column_name || ' ' || udt_name || ' ' || is_nullable, ',' ORDER BY ordinal_position))
FROM information_schema.columns WHERE table_schema = 'public' GROUP BY 1 ORDER BY 1;
-- a raw insert that gives neither id nor updatedAt gets both
INSERT INTO "User" (email) VALUES ('raw@example.org')
RETURNING id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' AS uuid_v7,
  abs(extract(epoch FROM "updatedAt" - (now() AT TIME ZONE 'UTC'))) < 60 AS updated_in_utc;
DELETE FROM "User" WHERE email = 'raw@example.org';

-- what is taken away is said and put back
ALTER TABLE "GroupPoints" DISABLE TRIGGER edurange_group_points_changed;
DROP INDEX edurange_instance_user_idx;
DROP TRIGGER edurange_row_filled ON "User";
REVOKE UPDATE ON "GroupPoints" FROM edurange_game;
GRANT UPDATE ON "GroupPoints" TO edurange_owner;
SELECT * FROM edurange.readiness();
SELECT unnest(missing) FROM edurange.health();
SELECT * FROM edurange.migrate() ORDER BY 1, 2;
SELECT ready FROM edurange.readiness();
-- refusals of migrate()
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM edurange.migrate();
ROLLBACK;
SELECT * FROM edurange.migrate(platform_owner => 'no_such_role');
BEGIN;
UPDATE edurange.migration SET sha256 = 'other' WHERE number = 1;
SELECT * FROM edurange.migrate();
ROLLBACK;
SET ROLE edurange_admin;
SELECT * FROM edurange.migrate();
RESET ROLE;

-- what later tests use
CREATE SCHEMA testing;
GRANT USAGE ON SCHEMA testing TO PUBLIC;
CREATE FUNCTION testing.refused(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  EXECUTE statement;
  RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN sqlstate || ': ' || sqlerrm || CASE WHEN detail = '' THEN '' ELSE ' (' || detail || ')' END;
END
$$;
COMMENT ON FUNCTION testing.refused(text) IS 'How a statement is refused: SQLSTATE and message.';
CREATE FUNCTION testing.bound(statement text, who text DEFAULT NULL, instance text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
  SELECT testing.refused(format('SELECT %s', replace(statement, '@', format('caller => ROW(%L, %L, %L, NULL)::edurange.caller', 'tok', who, instance))))
$$;
COMMENT ON FUNCTION testing.bound(text, text, text) IS 'How a call for somebody is refused; @ stands for the caller.';
-- what a query answers at the very instant that a change wrote down: both have one statement_timestamp()
CREATE FUNCTION testing.at_once(change text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer text;
BEGIN
  EXECUTE change;
  EXECUTE query INTO answer;
  RETURN answer;
END
$$;
-- the rows that every test begins with, and nothing else
CREATE PROCEDURE testing.fresh() LANGUAGE plpgsql AS $fresh$
BEGIN
  EXECUTE (SELECT 'TRUNCATE ' || string_agg(c.oid::regclass::text, ', ') FROM pg_class c
    WHERE c.relnamespace IN ('public'::regnamespace, 'edurange'::regnamespace) AND c.relkind = 'r'
    AND c.relname NOT IN ('migration', 'sync_state'));
  UPDATE edurange.sync_state SET applied_at = NULL, cleaned_at = NULL;
  INSERT INTO "User" (id, email, name, role) VALUES
    ('ina', 'ina@example.org', 'Ina', 'INSTRUCTOR'), ('ada', 'ada@example.org', 'Ada', 'STUDENT'),
    ('bob', 'bob@example.org', 'Bob', 'STUDENT'), ('cyd', 'cyd@example.org', 'Cyd', 'STUDENT');
  INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES
    ('spring', 'Spring', '2020-01-01'), ('autumn', 'Autumn', '2020-01-01');
  INSERT INTO "_GroupMembers" ("A", "B") VALUES
    ('spring', 'ada'), ('spring', 'bob'), ('autumn', 'ada');
END
$fresh$;
-- a challenge with questions of every type, in the competition spring
CREATE PROCEDURE testing.quiz() LANGUAGE plpgsql AS $quiz$
BEGIN
  PERFORM edurange.cdf_import($${
  "metadata": {"id": "quiz", "name": "Quiz", "version": "1", "challenge_type": "web"},
  "components": [
    {"type": "question", "id": "text", "config": {"type": "text", "text": "?", "points": 10, "answer": "Forty-Two"}},
    {"type": "question", "id": "list", "config": {"type": "text", "text": "?", "points": 20, "answer": ["red", "green", 7]}},
    {"type": "question", "id": "number", "config": {"type": "text", "text": "?", "points": 0, "answer": 1.50}},
    {"type": "question", "id": "choice", "config": {"type": "multiple_choice", "text": "?", "points": 5, "answer": "b", "options": ["a", "b"]}},
    {"type": "question", "id": "boxes", "config": {"type": "checkboxes", "text": "?", "points": 15, "answer": ["a", "c"], "options": ["a", "b", "c"]}},
    {"type": "question", "id": "flag", "config": {"type": "flag", "text": "?", "points": 50, "answer": "{{FLAG}}"}},
    {"type": "question", "id": "bonus", "config": {"type": "text", "text": "?", "points": 1, "answer": "x", "required": false}},
    {"type": "question", "id": "open", "config": {"type": "text", "text": "?", "points": 1, "required": false}}]}$$);
  PERFORM edurange.add_competition_challenge('spring', 'quiz', 100);
END
$quiz$;
-- the id of one of its questions, its group challenge, and an answer to it
CREATE FUNCTION testing.q(name text) RETURNS text LANGUAGE sql AS $$
  SELECT id FROM "ChallengeQuestion" WHERE "challengeId" = 'quiz' AND cdf_question_id = name
$$;
CREATE FUNCTION testing.gc() RETURNS text LANGUAGE sql AS $$
  SELECT id FROM "GroupChallenge" WHERE "challengeId" = 'quiz' AND "groupId" = 'spring'
$$;
CREATE FUNCTION testing.try(who text, question text, answer text) RETURNS text LANGUAGE sql AS $$
  SELECT format('%s, attempt %s, %s points, total %s%s%s', CASE WHEN "isCorrect" THEN 'right' ELSE 'wrong' END,
    "attemptCount", "pointsEarned", (points).points, CASE WHEN "alreadyCompleted" THEN ', again' ELSE '' END,
    CASE WHEN "challengeCompleted" THEN ', challenge complete' ELSE '' END)
  FROM edurange.attempt_question(who, testing.q(question), testing.gc(), answer)
$$;
-- a challenge with apps, in no competition
CREATE PROCEDURE testing.knots() LANGUAGE plpgsql AS $knots$
BEGIN
  PERFORM edurange.cdf_import($${
  "metadata": {"id": "knots", "name": "Knots", "version": "1.2.0", "challenge_type": "fullOS",
    "difficulty": "advanced", "description": "Untie them."},
  "components": [
    {"type": "webosApp", "id": "terminal", "config": {"app_type": "terminal", "title": "Shell",
      "icon": "./t.svg", "width": 60, "height": 70, "screen": "displayTerminal", "favourite": true}},
    {"type": "webosApp", "id": "browser", "config": {"app_type": "browser",
      "additional_config": {"home": "https://example.org"}}},
    {"type": "question", "id": "flag", "config": {"type": "flag", "text": "The flag?", "points": 100,
      "answer": "{{FLAG}}"}},
    {"type": "question", "id": "rope", "config": {"type": "text", "text": "Which rope?", "points": 30,
      "answer": ["hemp", "sisal"], "hint": "not nylon", "explanation": "hemp holds"}},
    {"type": "container", "id": "box", "config": {"image": "knots:1"}}]}$$);
END
$knots$;
-- a document of these components
CREATE FUNCTION testing.document(components text, metadata text DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
  SELECT jsonb_build_object('metadata', '{"id": "doc", "name": "Doc", "version": "1", "challenge_type": "web"}'
    || metadata::jsonb, 'components', components::jsonb)::text
$$;
-- a challenge of a pack
CREATE PROCEDURE testing.packed() LANGUAGE plpgsql AS $packed$
BEGIN
  INSERT INTO "ChallengePack" (id, name, version) VALUES ('pack', 'Pack', '2.0.0');
  PERFORM edurange.cdf_import(testing.document('[{"type": "container", "id": "c", "config": {"image": "i"}}]', '{"id": "packed"}'), 'pack');
END
$packed$;
-- codes of the competition autumn: one that holds, and one that has expired
CREATE PROCEDURE testing.codes() LANGUAGE sql AS $codes$
  INSERT INTO "CompetitionAccessCode" (code, "expiresAt", "groupId", "createdBy")
  VALUES ('NEW', NULL, 'autumn', 'ina'), ('OLD', '2020-01-02', 'autumn', 'ina');
$codes$;
-- a competition that has ended, with a member, a code and a challenge
CREATE PROCEDURE testing.ended() LANGUAGE sql AS $ended$
  INSERT INTO "CompetitionGroup" (id, name, "startDate", "endDate") VALUES ('ended', 'Ended', '2020-01-01', '2020-01-02');
  INSERT INTO "_GroupMembers" ("A", "B") VALUES ('ended', 'ina');
  INSERT INTO "CompetitionAccessCode" (code, "groupId", "createdBy") VALUES ('ENDED', 'ended', 'ina');
  INSERT INTO "ChallengeType" (id, name) VALUES ('et', 'ended');
  INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('ec', 'E', 'et');
  INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, answer, "order") VALUES ('eq', 'ec', '?', 'TEXT', 1, 'x', 0);
  INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('ended-gc', 1, 'ec', 'ended');
$ended$;
-- all rows there are, as one text
CREATE FUNCTION testing.fingerprint() RETURNS text LANGUAGE sql AS $$
  SELECT md5(string_agg(query_to_xml(format('SELECT md5(string_agg(t::text, %L ORDER BY t::text)) FROM %s t', ',', c.oid::regclass),
    true, true, '')::text, '' ORDER BY c.oid::regclass::text))
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname IN ('public', 'edurange') AND c.relkind = 'r'
$$;
-- what the Instance Manager says
CREATE FUNCTION testing.pods(pods text) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('challenge_pods', coalesce(jsonb_agg(jsonb_build_object('name', split_part(p, ' ', 1), 'status', split_part(p, ' ', 2),
    'webosUrl', 'https://' || split_part(p, ' ', 1) || '.example.org')), '[]')) FROM unnest(string_to_array(nullif(pods, ''), ', ')) p
$$;
COMMENT ON FUNCTION testing.pods(text) IS 'A list of pods from "name STATUS, name STATUS".';
CREATE FUNCTION testing.statuses(statuses text) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('statuses', jsonb_agg(jsonb_build_object('name', split_part(p, ' ', 1), 'status', split_part(p, ' ', 2))))
  FROM unnest(string_to_array(statuses, ', ')) p
$$;
COMMENT ON FUNCTION testing.statuses(text) IS 'Answers of get-pod-status from "name status, name status".';
-- instances e1, e2, ... of ada's with these statuses, what becomes of them, and what is watched
CREATE PROCEDURE testing.running(statuses text[]) LANGUAGE sql AS $$
  INSERT INTO "ChallengeType" (id, name) VALUES ('st', 'sync') ON CONFLICT DO NOTHING;
  INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('sch', 'Sync: first', 'st') ON CONFLICT DO NOTHING;
  DELETE FROM "ChallengeInstance" WHERE "challengeId" = 'sch';
  DELETE FROM edurange.sync_watch;
  INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", flag, "flagSecretName")
  SELECT 'e' || n, 'sch', 'ada', 'https://e' || n || '.example.org', s::"ChallengeStatus", 'spring', 'EDU-{e}', 'flag-secret-e' || n
  FROM unnest(statuses) WITH ORDINALITY AS t (s, n)
$$;
CREATE FUNCTION testing.state() RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(id || ' ' || status, ', ' ORDER BY id) FROM "ChallengeInstance" WHERE "challengeId" = 'sch'
$$;
CREATE VIEW testing.watched AS SELECT name, reason, pod_status, since::time AS since, attempts, due::time AS due FROM edurange.sync_watch ORDER BY name, reason;
