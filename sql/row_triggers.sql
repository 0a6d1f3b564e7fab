-- Triggers on the platform's rows that are not about points: a row gets its id, a question is kept.
-- all of it is undone at the end
CALL testing.fresh();
BEGIN;
-- no column has a default of ours, which Prisma would see
SELECT c.relname, a.attname FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid
JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE c.relnamespace = 'public'::regnamespace AND a.attname IN ('id', 'updatedAt');
-- what is left out is filled, in whose name ever, and what is given stays
CREATE ROLE plain_login;
GRANT INSERT, SELECT, UPDATE ON "User", "GroupPoints", "ActivityLog" TO plain_login;
SET ROLE plain_login;
INSERT INTO "User" (email) VALUES ('plain@example.org')
RETURNING id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-' AS uuid_v7, "updatedAt" = (now() AT TIME ZONE 'UTC')::timestamp(3) AS of_now;
INSERT INTO "User" (id, email, "updatedAt") VALUES ('plain', 'given@example.org', '2020-01-02 03:04:05.678'), (NULL, 'null@example.org', NULL);
SELECT id = 'plain' AS given, "updatedAt" = '2020-01-02 03:04:05.678' AS at FROM "User" WHERE email IN ('given@example.org', 'null@example.org') ORDER BY email;
-- the time is UTC whatever the session's zone is, and rounded as the column is
SET timezone = 'Pacific/Auckland';
INSERT INTO "User" (email) VALUES ('zone@example.org') RETURNING "updatedAt" = (now() AT TIME ZONE 'UTC')::timestamp(3) AS of_now;
RESET timezone;
-- what the dashboard sends; and a table without "updatedAt"
INSERT INTO "GroupPoints" ("userId", "groupId", points) VALUES ('plain', 'spring', 11)
  ON CONFLICT ("userId", "groupId") DO UPDATE SET points = "GroupPoints".points + 11 RETURNING length(id), points, "updatedAt" IS NOT NULL AS at;
INSERT INTO "ActivityLog" ("eventType", "userId", metadata) VALUES ('USER_UPDATED', 'plain', '{}') RETURNING length(id);
RESET ROLE;
SELECT delta, kind FROM edurange.points_ledger WHERE user_id = 'plain';
-- each table that has an id has the trigger
SELECT count(*) AS tables, count(t.oid) AS triggers FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'id'
LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgname = 'edurange_row_filled' AND t.tgqual IS NULL
WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY (edurange.platform_tables());
-- a column that is of another type is left alone
CREATE TABLE other (id integer, "updatedAt" date, text text);
CREATE TRIGGER other BEFORE INSERT ON other FOR EACH ROW EXECUTE FUNCTION edurange.fill_row();
INSERT INTO other (text) VALUES ('x') RETURNING *;
ALTER TABLE other DROP COLUMN id, DROP COLUMN "updatedAt";
INSERT INTO other (text) VALUES ('y') RETURNING *;
-- it serves as nothing else
SELECT testing.refused('CREATE TRIGGER wrong AFTER INSERT ON other FOR EACH ROW EXECUTE FUNCTION edurange.fill_row(); INSERT INTO other VALUES (1)');
SELECT testing.refused('CREATE TRIGGER wrong BEFORE INSERT ON other EXECUTE FUNCTION edurange.fill_row(); INSERT INTO other VALUES (1)');
SELECT testing.refused('CREATE TRIGGER wrong BEFORE UPDATE ON other FOR EACH ROW EXECUTE FUNCTION edurange.fill_row(); UPDATE other SET text = text');
SELECT testing.refused('CREATE TRIGGER wrong BEFORE DELETE ON other EXECUTE FUNCTION edurange.keep_question(); DELETE FROM other');
SELECT testing.refused('CREATE TRIGGER wrong AFTER DELETE ON other FOR EACH ROW EXECUTE FUNCTION edurange.keep_question(); DELETE FROM other');
SELECT testing.refused('CREATE TRIGGER wrong BEFORE DELETE ON other FOR EACH ROW EXECUTE FUNCTION edurange.question_deleted(); DELETE FROM other');
SELECT testing.refused('CREATE TRIGGER wrong BEFORE INSERT ON other EXECUTE FUNCTION edurange.await_roster(); INSERT INTO other VALUES (1)');
SELECT testing.refused('CREATE TRIGGER wrong AFTER UPDATE ON other EXECUTE FUNCTION edurange.await_roster(); UPDATE other SET text = text');
-- the functions need none of it: they give ids and times themselves
SELECT count(*) FROM (SELECT testing.refused(format('ALTER TABLE public.%I DISABLE TRIGGER edurange_row_filled', name))
  FROM unnest(edurange.platform_tables()) AS t (name)) AS done (outcome) WHERE outcome = 'accepted';
SELECT testing.refused($$INSERT INTO "User" (email) VALUES ('nothing@example.org')$$) LIKE '23502:%' AS null_refused;
SELECT ready, missing FROM edurange.readiness();
SELECT count(*) FROM edurange.health() h, unnest(h.missing) AS m WHERE m LIKE 'trigger edurange_row_filled on public.%';
CREATE TEMPORARY TABLE before AS SELECT name, pg_stat_get_xact_tuples_inserted(format('public.%I', name)::regclass) AS n FROM unnest(edurange.platform_tables()) AS t (name);
CREATE FUNCTION pg_temp.document(VARIADIC questions text[]) RETURNS text LANGUAGE sql AS $$
  SELECT jsonb_build_object('metadata', '{"id": "rowed", "name": "Rowed", "version": "1", "challenge_type": "web"}'::jsonb,
    'components', jsonb_agg(jsonb_build_object('type', 'question', 'id', q, 'config', jsonb_build_object('type', 'text', 'text', '?', 'points', 5, 'answer', 'a')))
    || '{"type": "webosApp", "id": "app", "config": {"app_type": "terminal", "title": "App"}}'::jsonb)::text
  FROM unnest(questions) AS q
$$;
CREATE FUNCTION pg_temp.q(name text) RETURNS text LANGUAGE sql AS $$ SELECT id FROM "ChallengeQuestion" WHERE "challengeId" = 'rowed' AND cdf_question_id = name $$;
SELECT edurange.add_challenge_type('rowing');
SELECT questions FROM edurange.cdf_import(replace(pg_temp.document('one', 'two', 'three'), '"challenge_type": "web"', '"challenge_type": "rowing"'));
SELECT id AS rowing FROM edurange.create_competition('Rowing', '2020-01-01', ARRAY['ina']) \gset
SELECT length((edurange.generate_access_code(:'rowing', 'ina', code => 'ROWING')).id);
SELECT count(*) FROM unnest(ARRAY['ada', 'bob']) AS who, edurange.join_competition('ROWING', who);
SELECT id AS gc FROM edurange.add_competition_challenge(:'rowing', 'rowed', 5) \gset
SELECT "isCorrect", (points).points FROM edurange.attempt_question('ada', pg_temp.q('one'), :'gc', 'a');
SELECT "isCorrect", (points).points FROM edurange.attempt_question('bob', pg_temp.q('one'), :'gc', 'b');
SELECT "pointsEarned" FROM edurange.complete_challenge('bob', :'gc', 7);
SELECT questions FROM edurange.cdf_import(pg_temp.document('one', 'three'));
SELECT questions FROM edurange.cdf_import(pg_temp.document('one'));
SELECT "userId", "pointsEarned" FROM "ChallengeCompletion" WHERE "groupChallengeId" = :'gc' ORDER BY 1;
SELECT length((edurange.log_activity('SYSTEM_WARNING', 'no one at all', metadata => '{}')).id);
SELECT status FROM edurange.pack_install('{"id": "row-pack", "name": "Rows", "version": "1.0.0", "challenges": ["a.json"]}', '{a.json}',
  ARRAY[replace(pg_temp.document('one'), '"rowed"', '"row-packed"')]);
SET LOCAL edurange.sync_quarantine = 0;
SELECT changed FROM edurange.sync_apply(jsonb_build_object('challenge_pods', jsonb_build_array(jsonb_build_object('name', 'p-rowed', 'status', 'ACTIVE',
  'user_id', 'ada', 'competition_id', 'standalone', 'challenge_name', 'Rowed', 'challenge_id', 'rowed', 'webosUrl', 'https://x.example.org'))), '2022-02-01 00:04:00');
SELECT name FROM before WHERE pg_stat_get_xact_tuples_inserted(format('public.%I', name)::regclass) = n ORDER BY 1;
SELECT count(*) AS violations FROM edurange.check_invariants();
-- migrate() takes the defaults of before away, exactly those, and enables the triggers
ALTER TABLE "User" ALTER COLUMN id SET DEFAULT edurange.new_id(), ALTER COLUMN "updatedAt" SET DEFAULT (now() AT TIME ZONE 'UTC');
ALTER TABLE "Account" ALTER COLUMN id SET DEFAULT gen_random_uuid()::text;
ALTER TABLE "GroupPoints" ALTER COLUMN "updatedAt" SET DEFAULT now();
ALTER TABLE "Session" DISABLE TRIGGER USER;
SELECT kind, name FROM edurange.migrate() WHERE name !~ '^edurange_row_filled' ORDER BY 1, 2;
SELECT kind, name FROM edurange.migrate();
-- a trigger of before, which fires at other times, serves until it is replaced
DROP TRIGGER edurange_roster_of_address_awaited ON "User";
CREATE OR REPLACE TRIGGER edurange_roster_awaited BEFORE INSERT OR UPDATE OF email ON "User" FOR EACH ROW EXECUTE FUNCTION edurange.await_roster();
UPDATE "User" SET email = 'changed@example.org' WHERE id = 'plain' RETURNING email;
SELECT unnest(missing) FROM edurange.readiness();
SELECT kind, name FROM edurange.migrate();
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgfoid = 'edurange.await_roster'::regproc ORDER BY 1;
UPDATE "User" SET email = 'again@example.org' WHERE id = 'plain' RETURNING email;
SELECT kind, name FROM edurange.migrate();
SELECT adrelid::regclass, pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid IN ('"User"'::regclass, '"Account"'::regclass, '"GroupPoints"'::regclass)
  AND pg_get_expr(adbin, adrelid) ~ 'now|uuid|id' ORDER BY 1;

-- a question that somebody worked at is kept, by whoever owns the tables
CREATE FUNCTION pg_temp.deleted(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  c text; t text; h text;
BEGIN
  EXECUTE statement;
  RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS c = CONSTRAINT_NAME, t = TABLE_NAME, h = PG_EXCEPTION_HINT;
  RETURN concat_ws(' | ', sqlstate || ': ' || sqlerrm, t, c, h);
END
$$;
UPDATE "ChallengeQuestion" SET id = 'rowed-' || cdf_question_id WHERE "challengeId" = 'rowed';
SELECT questions FROM edurange.cdf_import(pg_temp.document('one', 'four', 'five'));
UPDATE "ChallengeQuestion" SET id = 'rowed-' || cdf_question_id WHERE "challengeId" = 'rowed';
GRANT DELETE ON "ChallengeQuestion", "Challenge", "GroupChallenge", "QuestionAttempt", "QuestionCompletion" TO plain_login;
GRANT SELECT ON "ChallengeQuestion", "Challenge", "GroupChallenge", "QuestionAttempt", "QuestionCompletion" TO plain_login;
SET ROLE plain_login;
SELECT pg_temp.deleted($$DELETE FROM "ChallengeQuestion" WHERE id = 'rowed-one'$$);
SELECT pg_temp.deleted($$DELETE FROM "ChallengeQuestion" WHERE id = 'rowed-four'$$);
SELECT pg_temp.deleted($$DELETE FROM "ChallengeQuestion" WHERE "challengeId" = 'rowed'$$) LIKE '23503%' AS all_refused;
RESET ROLE;
-- a completion alone keeps it, too; attempts of somebody who is deleted do not
DELETE FROM "QuestionAttempt" WHERE "questionId" = 'rowed-one';
SELECT pg_temp.deleted($$DELETE FROM "ChallengeQuestion" WHERE id = 'rowed-one'$$);
SELECT "isCorrect" FROM edurange.attempt_question('bob', 'rowed-five', :'gc', 'b');
SELECT pg_temp.deleted($$DELETE FROM "ChallengeQuestion" WHERE id = 'rowed-five'$$) LIKE '23503%' AS kept;
-- the mark of a retired question goes with it
SELECT questions FROM edurange.cdf_import(pg_temp.document('six'));
SELECT question_id FROM edurange.retired_question WHERE challenge_id = 'rowed' ORDER BY 1;
DELETE FROM "QuestionAttempt" WHERE "questionId" = 'rowed-five';
SET ROLE plain_login;
SELECT pg_temp.deleted($$DELETE FROM "ChallengeQuestion" WHERE id = 'rowed-five'$$);
RESET ROLE;
SELECT question_id FROM edurange.retired_question WHERE challenge_id = 'rowed' ORDER BY 1;
-- one that somebody's trigger keeps is still retired
CREATE FUNCTION pg_temp.keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER zz BEFORE DELETE ON "ChallengeQuestion" FOR EACH ROW EXECUTE FUNCTION pg_temp.keep();
DELETE FROM "QuestionCompletion" WHERE "questionId" = 'rowed-one';
DELETE FROM "ChallengeQuestion" WHERE id = 'rowed-one';
SELECT question_id FROM edurange.retired_question WHERE challenge_id = 'rowed';
DROP TRIGGER zz ON "ChallengeQuestion";
-- a challenge takes its questions along, whatever they hold: here a row that no rule could have written
INSERT INTO "QuestionAttempt" ("questionId", "userId", "groupChallengeId", answer, "isCorrect")
  SELECT 'rowed-one', 'ada', (edurange.add_competition_challenge(:'rowing', 'row-packed', 1)).id, 'a', false;
DELETE FROM "ChallengeInstance" WHERE "challengeId" = 'rowed';
SELECT pg_temp.deleted($$DELETE FROM "Challenge" WHERE id = 'rowed'$$) LIKE '23%' AS played;
DELETE FROM "GroupChallenge" WHERE "challengeId" = 'rowed';
SELECT pg_temp.deleted($$DELETE FROM "ChallengeQuestion" WHERE id = 'rowed-one'$$) LIKE '23503%' AS kept;
SET ROLE plain_login;
SELECT pg_temp.deleted($$DELETE FROM "Challenge" WHERE id = 'rowed'$$);
RESET ROLE;
SELECT (SELECT count(*) FROM "ChallengeQuestion" WHERE "challengeId" = 'rowed') AS questions,
  (SELECT count(*) FROM edurange.retired_question WHERE challenge_id = 'rowed') AS retired;
-- marks that were left behind while there was no trigger
INSERT INTO edurange.retired_question VALUES ('long gone', 'rowed', now());
SELECT * FROM edurange.migrate();
SELECT count(*) FROM edurange.retired_question WHERE question_id = 'long gone';
-- emptied
INSERT INTO edurange.retired_question VALUES ('long gone', 'rowed', now());
SET client_min_messages = warning;
TRUNCATE "ChallengeQuestion" CASCADE;
RESET client_min_messages;
SELECT count(*) FROM edurange.retired_question;
-- none of these triggers stops service when it is gone
ALTER TABLE "ChallengeQuestion" DISABLE TRIGGER USER;
SELECT ready, missing FROM edurange.readiness();
SELECT unnest(missing) FROM edurange.health();
ROLLBACK;
