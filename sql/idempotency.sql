-- The same key and request: the same answer and no second effect.
CALL testing.fresh();
CALL testing.knots();
CALL testing.quiz();
CALL testing.codes();
CREATE FUNCTION testing.keyed(statement text, key text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  answer text;
BEGIN
  EXECUTE format('SELECT edurange.wire(t)::text FROM edurange.%s t', replace(statement, '@', format('idempotency_key => %L', key))) INTO answer;
  RETURN md5(answer);
END
$$;
INSERT INTO "User" (id, email) VALUES ('ike', 'ike@x'), ('ivy', 'ivy@x');
INSERT INTO "_GroupMembers" ("A", "B") VALUES ('spring', 'ike');
SELECT edurange.wire(a) AS first FROM edurange.add_points('ike', 'spring', 5, idempotency_key => 'k1') a \gset
SELECT pg_sleep(0.01);
SELECT edurange.wire(a)::text = :'first' AS same FROM edurange.add_points('ike', 'spring', 5, idempotency_key => 'k1') a;
SELECT edurange.get_points('ike', 'spring');
-- whatever the session's ways of writing times
SET TimeZone = 'Asia/Tokyo';
SET DateStyle = 'SQL, DMY';
SELECT edurange.wire(a)::text = :'first' AS same FROM edurange.add_points('ike', 'spring', 5, idempotency_key => 'k1') a;
SELECT "startDate" AS tokyo FROM edurange.create_competition('Dated', '2020-03-02 12:00Z', ARRAY['ina'], idempotency_key => 'dated');
SET DateStyle = 'SQL, MDY';
SET TimeZone = 'America/New_York';
SELECT "startDate" AS new_york FROM edurange.create_competition('Dated', '2020-03-02 12:00Z', ARRAY['ina'], idempotency_key => 'dated');
RESET TimeZone;
RESET DateStyle;
-- another request, another function, another caller, another key
SELECT testing.refused($$SELECT edurange.add_points('ike', 'spring', 6, idempotency_key => 'k1')$$);
SELECT testing.refused($$SELECT edurange.add_points('ike', 'spring', 5, 'why', idempotency_key => 'k1')$$);
SELECT points FROM edurange.set_points('ike', 'spring', 5, idempotency_key => 'k1');
SELECT points FROM edurange.add_points('ike', 'spring', 5, caller => ROW('tok', NULL, NULL, NULL)::edurange.caller, idempotency_key => 'k1');
SELECT points FROM edurange.add_points('ike', 'spring', 5, idempotency_key => 'k2');
SELECT testing.refused($$SELECT edurange.add_points('ike', 'spring', 5, caller => ROW(NULL, 'ivy', NULL, NULL)::edurange.caller, idempotency_key => 'k1')$$);
-- a refusal is not kept: the key is free for the next try
SELECT testing.refused($$SELECT edurange.add_points('ivy', 'spring', 1, idempotency_key => 'k3')$$);
INSERT INTO "_GroupMembers" ("A", "B") VALUES ('spring', 'ivy');
SELECT points FROM edurange.add_points('ivy', 'spring', 1, idempotency_key => 'k3');
-- neither is what was rolled back
BEGIN;
SELECT points FROM edurange.add_points('ivy', 'spring', 1, idempotency_key => 'k4');
ROLLBACK;
SELECT points FROM edurange.add_points('ivy', 'spring', 1, idempotency_key => 'k4');
-- every mutation
SELECT testing.keyed($$create_competition('Keyed', '2020-01-01', ARRAY['ina'], @)$$, 'm') = testing.keyed($$create_competition('Keyed', '2020-01-01', ARRAY['ina'], @)$$, 'm') AS same;
SELECT count(*) FROM "CompetitionGroup" WHERE name = 'Keyed';
SELECT testing.keyed($$generate_access_code('spring', 'ina', @)$$, 'm') = testing.keyed($$generate_access_code('spring', 'ina', @)$$, 'm') AS same;
SELECT testing.keyed($$join_competition('NEW', 'ike', @)$$, 'm') = testing.keyed($$join_competition('NEW', 'ike', @)$$, 'm') AS same;
SELECT testing.keyed($$add_competition_challenge('autumn', 'knots', 5, @)$$, 'm') = testing.keyed($$add_competition_challenge('autumn', 'knots', 5, @)$$, 'm') AS same;
SELECT testing.keyed(format($$attempt_question('ike', %L, %L, 'red', @)$$, testing.q('list'), testing.gc()), 'm')
  = testing.keyed(format($$attempt_question('ike', %L, %L, 'red', @)$$, testing.q('list'), testing.gc()), 'm') AS same;
SELECT count(*) FROM "QuestionAttempt" WHERE "userId" = 'ike';
SELECT testing.keyed(format($$complete_question('ike', %L, %L, @)$$, testing.q('choice'), testing.gc()), 'm')
  = testing.keyed(format($$complete_question('ike', %L, %L, @)$$, testing.q('choice'), testing.gc()), 'm') AS same;
SELECT testing.keyed(format($$complete_challenge('ike', %L, 50, @)$$, testing.gc()), 'm')
  = testing.keyed(format($$complete_challenge('ike', %L, 50, @)$$, testing.gc()), 'm') AS same;
SELECT testing.keyed($$log_activity('USER_UPDATED', 'ike', @)$$, 'm') = testing.keyed($$log_activity('USER_UPDATED', 'ike', @)$$, 'm') AS same;
SELECT count(*) FROM "ActivityLog" WHERE "userId" = 'ike' AND "eventType" = 'USER_UPDATED';
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId") VALUES ('ki', 'quiz', 'ike', '', 'CREATING', 'spring');
SELECT testing.keyed($$update_challenge_instance('ki', 'ACTIVE', @)$$, 'm') = testing.keyed($$update_challenge_instance('ki', 'ACTIVE', @)$$, 'm') AS same;
SELECT testing.keyed($$cdf_import('{"metadata": {"id": "keyed", "name": "K", "version": "1", "challenge_type": "web"}, "components": [{"type": "container", "id": "c", "config": {"image": "i"}}]}', @)$$, 'm')
  = testing.keyed($$cdf_import('{"metadata": {"id": "keyed", "name": "K", "version": "1", "challenge_type": "web"}, "components": [{"type": "container", "id": "c", "config": {"image": "i"}}]}', @)$$, 'm') AS same;
-- all functions that change something take a key, as the last argument
SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'edurange' AND p.provolatile = 'v' AND p.proname NOT IN ('new_id', 'migrate', 'repair') AND p.prorettype <> 'trigger'::regtype
  AND p.proargnames[p.pronargs] IS DISTINCT FROM 'idempotency_key' ORDER BY 1;
-- keys expire, and new ones take expired ones with them, but no others
UPDATE edurange.idempotency SET created_at = created_at - interval '23 h 59 min' WHERE key IN ('k1', 'k2');
SELECT count(*) FROM generate_series(1, 16) n, edurange.add_points('ike', 'spring', 0, idempotency_key => 'k0' || n);
SELECT edurange.wire(a)::text = :'first' AS same FROM edurange.add_points('ike', 'spring', 5, idempotency_key => 'k1') a;
SELECT count(*) FROM edurange.idempotency WHERE key IN ('k1', 'k2');
UPDATE edurange.idempotency SET created_at = created_at - interval '25 h' WHERE key = 'k2';
SELECT points FROM edurange.add_points('ike', 'spring', 5, idempotency_key => 'k2');
UPDATE edurange.idempotency SET created_at = created_at - interval '25 h' WHERE key IN ('k1', 'k3');
SELECT count(*) FROM edurange.idempotency WHERE key IN ('k1', 'k3');
SELECT count(*) FROM generate_series(1, 16) n, edurange.add_points('ike', 'spring', 0, idempotency_key => 'k5' || n);
SELECT count(*) FROM edurange.idempotency WHERE key IN ('k1', 'k3');
-- what a key may be
SELECT testing.refused($$SELECT edurange.add_points('ike', 'spring', 1, idempotency_key => '')$$);
SELECT testing.refused(format('SELECT edurange.add_points(%L, %L, 1, idempotency_key => %L)', 'ike', 'spring', repeat('k', 256)));
SELECT testing.refused($$SELECT edurange.add_points('ike', 'spring', 1, idempotency_key => E'tab\t')$$);
SELECT testing.refused($$SELECT edurange.add_points('ike', 'spring', 1, idempotency_key => 'ü')$$);
SELECT testing.refused(format('SELECT edurange.add_points(%L, %L, 1, idempotency_key => %L)', 'ike', 'spring', repeat('k', 255)));
-- nothing of a request or a secret is kept but a hash and the answer
SELECT count(*) FROM edurange.idempotency i WHERE i::text ~ 'red|why';
SELECT * FROM edurange.check_invariants();
