-- Who is bound acts as nobody else, and nothing raises a tier.
CALL testing.fresh();
CALL testing.knots();
CALL testing.quiz();
CALL testing.codes();
INSERT INTO "ChallengeType" (id, name) VALUES ('tt', 'tokens');
INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('tch', 'T', 'tt');
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId") VALUES ('ti', 'tch', 'ada', '', 'ACTIVE', 'spring');
SELECT testing.bound($$edurange.get_points('ada', 'spring', @)$$, 'ada');
SELECT testing.bound($$edurange.get_points('bob', 'spring', @)$$, 'ada');
SELECT testing.bound($$edurange.add_points('bob', 'spring', 1, @)$$, 'ada');
SELECT testing.bound($$edurange.set_points('bob', 'spring', 1, @)$$, 'ada');
SELECT testing.bound($$edurange.points_history('bob', 'spring', @)$$, 'ada');
SELECT testing.bound($$edurange.join_competition('NEW', 'bob', @)$$, 'ada');
SELECT testing.bound($$edurange.generate_access_code('spring', 'ina', @)$$, 'ada');
SELECT testing.bound($$edurange.attempt_question('bob', 'q', 'g', 'a', @)$$, 'ada');
SELECT testing.bound($$edurange.complete_question('bob', 'q', 'g', @)$$, 'ada');
SELECT testing.bound($$edurange.leaderboard('autumn', @)$$, 'ada');
SELECT testing.bound($$edurange.leaderboard('autumn', @)$$, 'bob');
SELECT testing.bound($$edurange.competition_progress('autumn', 'ada', @)$$, 'ada');
SELECT testing.bound($$edurange.competition_progress('autumn', 'bob', @)$$, 'bob');
SELECT testing.bound($$edurange.competition_progress('spring', 'bob', @)$$, 'ada');
SELECT testing.bound($$edurange.get_points('bob', 'autumn', @)$$, 'bob');
SELECT testing.bound($$edurange.challenge_list(group_id => 'autumn', @)$$, 'bob');
SELECT testing.bound($$edurange.completed_questions('bob', testing.gc(), @)$$, 'ada');
SELECT testing.bound($$edurange.complete_challenge('bob', testing.gc(), @)$$, 'ada');
SELECT testing.bound($$edurange.log_activity('USER_UPDATED', 'bob', @)$$, 'ada');
SELECT count(*) FROM edurange.challenge_instances(caller => ROW('tok', 'bob', NULL, NULL)::edurange.caller);
SELECT testing.bound($$edurange.challenge_instances('ada', @)$$, 'bob');
SELECT testing.bound($$edurange.update_challenge_instance('ti', 'ERROR', @)$$, 'bob');
-- competitions of others, and one's own as an instructor
INSERT INTO "_GroupInstructors" ("A", "B") VALUES ('autumn', 'ina');
SELECT testing.bound($$edurange.leaderboard('autumn', @)$$, 'ina');
SELECT testing.bound($$edurange.generate_access_code('spring', 'ina', @)$$, 'ina');
SELECT testing.bound($$edurange.generate_access_code('autumn', 'ina', @)$$, 'ina');
SELECT testing.bound($$edurange.add_competition_challenge('spring', 'knots', 1, @)$$, 'ina');
SELECT testing.bound($$edurange.add_competition_challenge('autumn', 'quiz', 1, @)$$, 'ina');
SELECT testing.bound($$edurange.create_competition('Hers', '2020-01-01', ARRAY['bob', 'ada'], @)$$, 'ina');
SELECT testing.bound($$edurange.create_competition('Hers', '2020-01-01', ARRAY['bob', 'ina'], @)$$, 'ina');
SELECT testing.bound($$edurange.create_competition('Hers', '2020-01-01', ARRAY['ada'], @)$$, NULL, 'gone');
-- an instance means its owner, and no other instance
SELECT testing.bound($$edurange.get_points('ada', 'spring', @)$$, NULL, 'ti');
SELECT testing.bound($$edurange.get_points('bob', 'spring', @)$$, NULL, 'ti');
SELECT testing.bound($$edurange.get_points('bob', 'spring', @)$$, 'bob', 'ti');
SELECT testing.bound($$edurange.get_points('ada', 'spring', @)$$, NULL, 'gone');
SELECT testing.bound($$edurange.attempt_question('ada', testing.q('flag'), testing.gc(), 'x', 'qi1', @)$$, NULL, 'ti');
SELECT testing.bound($$edurange.attempt_question('ada', testing.q('flag'), testing.gc(), 'x', @)$$, NULL, 'ti');
-- unbound, and empty ids, which a client's absent header becomes
SELECT testing.bound($$edurange.get_points('bob', 'spring', @)$$);
SELECT testing.bound($$edurange.get_points('bob', 'spring', @)$$, '', '');
-- the ledger says who it was
SELECT points FROM edurange.set_points('ada', 'spring', 1, 'said', ROW('tok', 'ada', NULL, NULL)::edurange.caller);
SELECT actor, reason FROM edurange.points_history('ada', 'spring', 1);
-- a function of an administrator does not lend its tier
CREATE ROLE testing_player LOGIN IN ROLE edurange_player;
CREATE FUNCTION testing.wrapped() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS $$
  SELECT q.answer FROM edurange.challenge_details('knots') d, unnest(d.questions) q
$$;
SET ROLE testing_player;
SELECT * FROM testing.wrapped();
RESET ROLE;
DROP ROLE testing_player;
-- whoever maintains somebody's index or view lends that one nothing: every function that reads or writes
CREATE ROLE testing_player LOGIN IN ROLE edurange_player;
CREATE SCHEMA testing_player AUTHORIZATION testing_player;
SET ROLE testing_player;
CREATE TABLE testing_player.bait (n integer);
INSERT INTO testing_player.bait VALUES (1), (2);
-- calls every function with nulls, so that what is not refused for where it is called from fails otherwise
CREATE FUNCTION testing_player.climb(n integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  f record;
BEGIN
  FOR f IN SELECT p.oid::regprocedure AS name, p.proname, (SELECT string_agg('NULL::' || t::regtype, ', ' ORDER BY o)
      FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, o)) AS arguments
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
    WHERE p.pronamespace = 'edurange'::regnamespace AND l.lanname = 'c' AND p.prorettype <> 'trigger'::regtype
    AND p.proname <> 'new_id' AND NOT p.proisstrict AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE') LOOP
    BEGIN
      EXECUTE format('SELECT * FROM edurange.%I(%s)', f.proname, f.arguments);
      RAISE WARNING '% was called', f.name;
    EXCEPTION WHEN insufficient_privilege THEN NULL;
      WHEN OTHERS THEN RAISE WARNING '%: %', f.name, SQLERRM;
    END;
  END LOOP;
  RETURN n;
END $$;
CREATE INDEX bait_idx ON testing_player.bait (testing_player.climb(n));
RESET ROLE;
ANALYZE testing_player.bait;
REINDEX TABLE testing_player.bait;
SET ROLE testing_player;
CREATE MATERIALIZED VIEW testing_player.view AS SELECT testing_player.climb(1) WITH NO DATA;
CREATE MATERIALIZED VIEW testing_player.tokens AS SELECT * FROM edurange.outcomes('create_token', ARRAY['admin', 'x', NULL, NULL, NULL]) WITH NO DATA;
RESET ROLE;
REFRESH MATERIALIZED VIEW testing_player.view;
SELECT testing.refused('REFRESH MATERIALIZED VIEW testing_player.tokens');
SET client_min_messages = warning;
DROP SCHEMA testing_player CASCADE;
RESET client_min_messages;
DROP ROLE testing_player;
-- a batch that ended with an error leaves nothing behind: the next call is entered as any other
CREATE ROLE testing_service LOGIN IN ROLE edurange_service;
ALTER TABLE "GroupPoints" ADD CONSTRAINT modest CHECK (points < 1000000) NOT VALID;
SET ROLE testing_service;
SELECT testing.refused($$SELECT edurange.outcomes('add_points', ARRAY['ada','spring','2000000',NULL,NULL,NULL,NULL,NULL])$$);
SELECT testing.refused($$SELECT edurange.get_points('ada', 'spring')$$);
RESET ROLE;
ALTER TABLE "GroupPoints" DROP CONSTRAINT modest;
DROP ROLE testing_service;
