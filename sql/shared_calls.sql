-- Many calls in one statement, each with its own outcome.
CALL testing.fresh();
CALL testing.quiz();
CALL testing.codes();
CALL testing.ended();
SELECT points FROM edurange.set_points('bob', 'spring', 2147483640);
\set arguments 'ARRAY[''ada'',''spring'',''3'',NULL,NULL,NULL,NULL,NULL, ''nobody'',''spring'',''1'',NULL,NULL,NULL,NULL,NULL, ''ada'',''spring'',''4'',''again'',NULL,NULL,NULL,NULL, ''cyd'',''spring'',''1'',NULL,NULL,NULL,NULL,NULL, ''ada'',''spring'',''5'',NULL,''t'',''bob'',NULL,NULL]'
SELECT edurange.get_points('ada', 'spring') AS before \gset
SELECT value::json ->> 'userId' AS user, (value::json ->> 'points')::integer - :before AS gained, sqlstate, message
FROM edurange.outcomes('add_points', :arguments);
SELECT edurange.get_points('ada', 'spring') - :before AS gained;
-- scalars, and nothing at all
SELECT value::integer - :before AS gained, sqlstate FROM edurange.outcomes('get_points', ARRAY['ada','spring',NULL,NULL,NULL]);
SELECT count(*) FROM edurange.outcomes('get_points', '{}');
-- the same key twice in one statement: once
SELECT value::json ->> 'points' = first_value(value::json ->> 'points') OVER () AS same, sqlstate
FROM edurange.outcomes('add_points', ARRAY['ada','spring','2',NULL,NULL,NULL,NULL,'outcome-key','ada','spring','2',NULL,NULL,NULL,NULL,'outcome-key','ada','spring','9',NULL,NULL,NULL,NULL,'outcome-key']);
SELECT edurange.get_points('ada', 'spring') - :before AS gained;
-- refusals of all kinds, with detail, and the errors that are none
SELECT o.sqlstate, o.message FROM (VALUES
  (1, 'add_points', ARRAY['','spring','1',NULL,NULL,NULL,NULL,NULL]), (2, 'add_points', ARRAY['bob','spring','2147483647',NULL,NULL,NULL,NULL,NULL]),
  (3, 'set_points', ARRAY['cyd','spring','1',NULL,NULL,NULL,NULL,NULL]), (4, 'join_competition', ARRAY['UNKNOWN','cyd',NULL,NULL,NULL,NULL]),
  (5, 'add_points', ARRAY['bob','spring','1',NULL,NULL,NULL,NULL,E'\u00e9']), (6, 'complete_question', ARRAY['ada','q','nothing',NULL,NULL,NULL,NULL,NULL])
) AS c (n, function, arguments), edurange.outcomes(c.function, c.arguments) o ORDER BY n;
SELECT testing.refused($$SELECT * FROM edurange.outcomes('add_points', ARRAY['ada','spring','x',NULL,NULL,NULL,NULL,NULL])$$);
SELECT testing.refused($$SELECT * FROM edurange.outcomes('add_points', ARRAY['ada'])$$);
SELECT testing.refused($$SELECT * FROM edurange.outcomes('nothing', '{}')$$);
SELECT testing.refused($$SELECT * FROM edurange.outcomes('leaderboard', '{}')$$);
SELECT testing.refused($$SELECT * FROM edurange.outcomes('group_points_changed', '{}')$$);
SELECT testing.refused($$SELECT * FROM edurange.outcomes('migrate', '{}')$$);
-- one that writes before it is checked to the end
SELECT testing.refused($$SELECT * FROM edurange.outcomes('cdf_import', ARRAY['{}',NULL,NULL,NULL,NULL,NULL])$$);
SELECT testing.refused($$SELECT * FROM edurange.outcomes('platform_tables', '{}')$$);
SELECT testing.refused($$SELECT * FROM edurange.outcomes(NULL, '{}')$$);
SELECT testing.refused($$SELECT * FROM edurange.outcomes('get_points', NULL)$$);
-- a tier gets no further than without
SET ROLE edurange_player;
SELECT testing.refused($$SELECT * FROM edurange.outcomes('add_points', ARRAY['ada','spring','1',NULL,NULL,NULL,NULL,NULL])$$);
SELECT testing.refused($$SELECT * FROM edurange.outcomes('create_token', ARRAY['admin','x',NULL,NULL,NULL])$$);
RESET ROLE;
-- a refusal leaves nothing, also beside calls that do not
SELECT testing.fingerprint() AS before \gset
SELECT count(*) FILTER (WHERE sqlstate IS NULL) AS accepted, count(*) AS calls FROM (VALUES
  ('add_points', ARRAY['nobody','spring','1',NULL,NULL,NULL,NULL,NULL]), ('set_points', ARRAY['cyd','spring','1',NULL,NULL,NULL,NULL,'k1']),
  ('add_points', ARRAY['bob','spring','2147483647',NULL,NULL,NULL,NULL,'k2']), ('join_competition', ARRAY['ENDED','cyd',NULL,NULL,NULL,'k3']),
  ('join_competition', ARRAY['NEW','nobody',NULL,NULL,NULL,NULL]), ('attempt_question', ARRAY['cyd',testing.q('text'),testing.gc(),'Forty-Two',NULL,NULL,NULL,NULL,NULL]),
  ('attempt_question', ARRAY['bob',testing.q('flag'),testing.gc(),'x',NULL,NULL,NULL,NULL,NULL]), ('attempt_question', ARRAY['ina','eq','ended-gc','x',NULL,NULL,NULL,NULL,NULL]),
  ('attempt_question', ARRAY['bob',testing.q('list'),testing.gc(),'red',NULL,NULL,NULL,NULL,NULL]),
  ('complete_question', ARRAY['ina','eq','ended-gc',NULL,NULL,NULL,NULL,NULL]), ('complete_challenge', ARRAY['ina','ended-gc','1',NULL,NULL,NULL,NULL,NULL,NULL]),
  ('complete_challenge', ARRAY['ada',testing.gc(),'100000',NULL,NULL,NULL,NULL,NULL,NULL]), ('add_competition_challenge', ARRAY['spring','quiz','1',NULL,NULL,NULL,NULL]),
  ('generate_access_code', ARRAY['nowhere','ina',NULL,NULL,NULL,NULL,NULL,NULL,NULL])
) AS c (function, arguments), edurange.outcomes(c.function, c.arguments);
SELECT testing.fingerprint() = :'before' AS unchanged;
SELECT count(*) AS violations FROM edurange.check_invariants();
-- the ledger has an entry for each call, in their order, and whatever hangs on it sees each row
CREATE TABLE testing.seen (seq bigint, delta bigint);
CREATE FUNCTION testing.see() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
  $$ BEGIN INSERT INTO testing.seen VALUES (new.seq, new.delta); RETURN NULL; END $$;
CREATE TRIGGER see AFTER INSERT ON edurange.points_ledger FOR EACH ROW WHEN (new.user_id = 'ada') EXECUTE FUNCTION testing.see();
SELECT coalesce(max(seq), 0) AS seq, edurange.get_points('ada', 'spring') AS before FROM edurange.points_ledger WHERE user_id = 'ada' AND group_id = 'spring' \gset
SELECT count(*) FROM edurange.outcomes('add_points', ARRAY['ada','spring','3',NULL,NULL,NULL,NULL,NULL, 'bob','spring','1',NULL,NULL,NULL,NULL,NULL, 'ada','spring','-1','why',NULL,NULL,NULL,NULL, 'ada','spring','0',NULL,NULL,NULL,NULL,NULL]);
SELECT seq - :seq AS n, delta, balance - :before AS gained, reason, at = max(at) OVER () AS together FROM edurange.points_ledger
WHERE user_id = 'ada' AND group_id = 'spring' AND seq > :seq ORDER BY 1;
SELECT seq - :seq AS n, delta FROM testing.seen ORDER BY 1;
-- of a batch that fails nothing is left, neither now nor for the next one
SELECT testing.fingerprint() AS before \gset
SELECT testing.refused($$SELECT * FROM edurange.outcomes('add_points', ARRAY['ada','spring','3',NULL,NULL,NULL,NULL,NULL, 'bob','spring','x',NULL,NULL,NULL,NULL,NULL])$$);
SELECT testing.fingerprint() = :'before' AS unchanged;
SELECT edurange.add_points('ada', 'spring', 1) IS NOT NULL AS added;
SELECT seq - :seq AS n, delta FROM testing.seen ORDER BY 1;
-- what a trigger of somebody's undoes has no entry, a zero has one, and so has what goes on
CREATE FUNCTION testing.undo() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  UPDATE public."GroupPoints" SET points = points - 7 WHERE "userId" = 'bob' AND "groupId" = 'spring';
  RAISE EXCEPTION 'undone';
EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLERRM; RETURN NULL;
END $$;
CREATE TRIGGER undo AFTER UPDATE ON "GroupPoints" FOR EACH ROW WHEN (new."userId" = 'ada') EXECUTE FUNCTION testing.undo();
SELECT coalesce(max(seq), 0) AS bobs FROM edurange.points_ledger WHERE user_id = 'bob' AND group_id = 'spring' \gset
SELECT count(*) FROM edurange.outcomes('add_points', ARRAY['bob','spring','1',NULL,NULL,NULL,NULL,NULL, 'ada','spring','1',NULL,NULL,NULL,NULL,NULL, 'bob','spring','2',NULL,NULL,NULL,NULL,NULL]);
SELECT seq - :bobs AS n, delta FROM edurange.points_ledger WHERE user_id = 'bob' AND group_id = 'spring' AND seq > :bobs ORDER BY 1;
SELECT edurange.get_points('ada', 'spring') AS adas \gset
SELECT count(*) FROM edurange.outcomes('set_points', ARRAY['ada','spring','0',NULL,NULL,NULL,NULL,NULL, 'ada','spring','5',NULL,NULL,NULL,NULL,NULL]);
SELECT balance, reset_at IS NOT NULL AS reset FROM edurange.points_ledger l JOIN edurange.standing s USING (user_id, group_id)
WHERE user_id = 'ada' AND group_id = 'spring' ORDER BY l.seq DESC LIMIT 2;
SELECT * FROM edurange.check_invariants();
SELECT edurange.set_points('ada', 'spring', :adas) IS NOT NULL AS set_back;
DROP TRIGGER undo ON "GroupPoints";
DROP TRIGGER see ON edurange.points_ledger;
DROP TABLE testing.seen;
SELECT * FROM edurange.check_invariants();
-- what triggers of somebody's write beside a batch, and what hangs on the ledger itself: all is recorded, but no function is called
CREATE FUNCTION testing.more() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  UPDATE public."GroupPoints" SET points = points + 10 WHERE "userId" = 'bob' AND "groupId" = 'spring';
  UPDATE public."GroupPoints" SET points = points + 20 WHERE "userId" = 'bob' AND "groupId" = 'spring';
  BEGIN
    UPDATE public."GroupPoints" SET points = points + 40 WHERE "userId" = 'bob' AND "groupId" = 'spring';
    PERFORM edurange.add_points('bob', 'spring', 20);
  EXCEPTION WHEN OTHERS THEN NULL;
  END;
  RETURN NULL;
END $$;
CREATE TRIGGER more AFTER UPDATE ON "GroupPoints" FOR EACH ROW WHEN (new."userId" = 'ada') EXECUTE FUNCTION testing.more();
SELECT edurange.get_points('bob', 'spring') AS bobs_before, edurange.set_points('bob', 'spring', 100) IS NOT NULL AS set,
  100 AS bobs, edurange.get_points('ada', 'spring') AS adas \gset
SELECT count(*) FROM edurange.outcomes('add_points', ARRAY['bob','spring','1',NULL,NULL,NULL,NULL,NULL, 'ada','spring','2',NULL,NULL,NULL,NULL,NULL, 'bob','spring','3',NULL,NULL,NULL,NULL,NULL, 'ada','spring','4',NULL,NULL,NULL,NULL,NULL]);
SELECT edurange.get_points('bob', 'spring') - :bobs AS bob_gained, edurange.get_points('ada', 'spring') - :adas AS ada_gained;
SELECT * FROM edurange.check_invariants();
DROP TRIGGER more ON "GroupPoints";
CREATE FUNCTION testing.share() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
  $$ BEGIN UPDATE public."GroupPoints" SET points = points + 5 WHERE "userId" = 'bob' AND "groupId" = 'spring'; RETURN NULL; END $$;
CREATE TRIGGER share AFTER INSERT ON edurange.points_ledger FOR EACH ROW WHEN (new.user_id = 'ada') EXECUTE FUNCTION testing.share();
SELECT edurange.get_points('bob', 'spring') AS bobs \gset
SELECT count(*) FROM edurange.outcomes('add_points', ARRAY['ada','spring','2',NULL,NULL,NULL,NULL,NULL, 'bob','spring','3',NULL,NULL,NULL,NULL,NULL, 'ada','spring','4',NULL,NULL,NULL,NULL,NULL]);
SELECT count(*) FROM edurange.add_points('ada', 'spring', 1);
SELECT edurange.get_points('bob', 'spring') - :bobs AS gained;
SELECT * FROM edurange.check_invariants();
DROP TRIGGER share ON edurange.points_ledger;
SELECT edurange.set_points('bob', 'spring', :bobs_before) IS NOT NULL AS set_back;
-- what a call is refused with when it has written something undoes all of the batch
SELECT testing.fingerprint() AS before \gset
CREATE FUNCTION testing.keep_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER keep_out BEFORE INSERT ON "QuestionCompletion" FOR EACH ROW EXECUTE FUNCTION testing.keep_out();
SELECT testing.refused($$SELECT * FROM edurange.outcomes('attempt_question', ARRAY['ada',testing.q('choice'),testing.gc(),'a',NULL,NULL,NULL,NULL,NULL,
  'ada',testing.q('choice'),testing.gc(),'b',NULL,NULL,NULL,NULL,NULL])$$);
DROP TRIGGER keep_out ON "QuestionCompletion";
SELECT testing.fingerprint() = :'before' AS unchanged;
-- answers are held together: behind 1 MiB of them no call is made, and none with more than 16 MiB answers unless it has written
UPDATE "CompetitionGroup" SET description = repeat('d', 700000) WHERE id = 'spring';
SELECT length(value) > 700000 AS answered, sqlstate, message
FROM edurange.outcomes('competition', ARRAY['spring',NULL,NULL,NULL, 'spring',NULL,NULL,NULL, 'spring',NULL,NULL,NULL, 'nowhere',NULL,NULL,NULL]);
SELECT length(value) > 700000 AS answered, sqlstate FROM edurange.outcomes('update_competition',
  ARRAY(SELECT unnest(ARRAY['spring','Spring '||n,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL]) FROM generate_series(1, 4) n));
SELECT name FROM "CompetitionGroup" WHERE id = 'spring';
UPDATE "CompetitionGroup" SET description = repeat('d', 17000000) WHERE id = 'spring';
SELECT value, sqlstate, message, detail, hint
FROM edurange.outcomes('competition', ARRAY['spring',NULL,NULL,NULL, 'nowhere',NULL,NULL,NULL]);
SELECT length(value) > 17000000 AS answered, sqlstate FROM edurange.outcomes('update_competition',
  ARRAY(SELECT unnest(ARRAY['spring','Summer '||n,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL]) FROM generate_series(1, 2) n));
SELECT name FROM "CompetitionGroup" WHERE id = 'spring';
-- a null takes a bit as it comes
SELECT * FROM edurange.outcomes('get_points', array_fill(NULL::text, ARRAY[134217725]));
