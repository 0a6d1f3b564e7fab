-- Who may have what done on their behalf: every function that takes a caller, by who acts.
CALL testing.fresh();
CALL testing.knots();
CALL testing.quiz();
INSERT INTO "User" (id, email, name, role) VALUES ('oti', 'oti@example.org', 'Oti', 'INSTRUCTOR'),
  ('adm', 'adm@example.org', 'Adm', 'ADMIN'), ('edurange-system', 'system@example.org', 'System', 'ADMIN'), ('sam', 'sam@example.org', 'Sam', 'STUDENT'),
  ('old', 'old@example.org', 'Old', 'INSTRUCTOR');
INSERT INTO "_GroupInstructors" ("A", "B") VALUES ('spring', 'ina'), ('autumn', 'oti'), ('spring', 'sam'), ('spring', 'old');
DELETE FROM "User" WHERE id = 'old';
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId") VALUES ('ti', 'quiz', 'ada', '', 'ACTIVE', 'spring');
INSERT INTO "CompetitionAccessCode" (code, "groupId", "createdBy") VALUES ('SPRING', 'spring', 'ina');
-- a call for each of them, about Ada in the competition spring; @ is the caller
CREATE TABLE testing.call (name text, arguments text);
INSERT INTO testing.call VALUES
  ('get_points', $$'ada', 'spring'$$), ('add_points', $$'ada', 'spring', 1$$), ('set_points', $$'ada', 'spring', 1$$),
  ('points_history', $$'ada', 'spring'$$), ('check_invariants', ''),
  ('create_competition', $$'New', '2020-01-01', ARRAY['ina']$$), ('generate_access_code', $$'spring', 'ina'$$),
  ('add_competition_challenge', $$'spring', 'knots', 1$$), ('join_competition', $$'spring', 'ada'$$),
  ('leaderboard', $$'spring'$$), ('competition_progress', $$'spring', 'ada'$$),
  ('attempt_question', $$'ada', testing.q('text'), testing.gc(), 'x'$$),
  ('complete_question', $$'ada', testing.q('text'), testing.gc()$$),
  ('complete_challenge', $$'ada', testing.gc()$$), ('completed_questions', $$'ada', testing.gc()$$),
  ('create_user', $$'new@example.org'$$), ('users', ''), ('competitions', ''), ('competition', $$'spring'$$), ('update_competition', $$'spring', 'S'$$), ('delete_competition', $$'spring', 'no'$$),
  ('members', $$'spring'$$), ('remove_member', $$'spring', 'ada'$$), ('set_instructors', $$'spring', ARRAY['ina']$$), ('import_roster', $$'spring', 'email'$$), ('roster', $$'spring'$$), ('access_codes', $$'spring'$$), ('revoke_access_code', $$'spring', 'SPRING'$$),
  ('remove_competition_challenge', $$'spring', testing.gc()$$), ('set_challenge_points', $$'spring', testing.gc(), 1$$), ('reset_progress', $$'spring', 'ada'$$),
  ('set_board_policy', $$'spring', 'members'$$), ('get_board_policy', $$'spring'$$), ('board_access', $$'spring'$$), ('board_state', $$'spring'$$), ('feed_state', $$'spring'$$), ('events', $$'spring'$$),
  ('attempts', $$'spring', 'ada'$$), ('activity', $$'spring'$$),
  ('set_participation', $$'spring', 'ada'$$), ('participation', $$'spring'$$), ('gradebook', $$'spring'$$), ('gradebook_file', $$'spring', 'csv'$$),
  ('rejudge', $$'spring', testing.q('text')$$), ('accept_answer', $$'spring', testing.q('text'), 'x'$$), ('reprice', $$'spring', testing.q('text')$$),
  ('grade_question', $$'spring', 'ada', testing.q('text'), 1$$), ('void_completion', $$'spring', 'ada', testing.q('text')$$),
  ('undo_change', $$'spring', 'no'$$), ('grade_change', $$'spring', 'no'$$), ('grade_changes', $$'spring'$$),
  ('question_statistics', $$'spring'$$), ('timeline', $$'spring'$$), ('integrity_findings', $$'spring'$$),
  ('challenges', ''), ('challenge_list', $$group_id => 'spring'$$), ('challenge_details', $$'quiz'$$), ('question_details', $$testing.q('text')$$),
  ('challenge_instance', $$'ti'$$), ('challenge_instances', $$group_id => 'spring'$$), ('update_challenge_instance', $$'ti', 'ERROR'$$),
  ('log_activity', $$'USER_UPDATED', 'ada', group_id => 'spring'$$),
  ('create_token', $$'player', 'l'$$), ('revoke_token', $$'no'$$), ('tokens', ''),
  ('health', ''), ('sync_status', ''), ('sync_drift', ''), ('sync_drift_summary', ''), ('sync_metrics', ''), ('sync_now', ''), ('sync_release', ''), ('sync_confirm', ''),
  ('cdf_schema', ''), ('reset_cdf_schema', ''), ('add_challenge_type', $$'t'$$), ('remove_challenge_type', $$'t'$$),
  ('cdf_validate', $$'{}'$$), ('cdf_import', $$'{}'$$), ('cdf_update', $$'no', '{}'$$), ('cdf_export', $$'knots'$$),
  ('pack_install', $$'{}', '{}', '{}'$$), ('pack_update', $$'{}', '{}', '{}'$$), ('pack_uninstall', $$'no'$$), ('pack_list', ''), ('pack_details', $$'no'$$);
-- every function is in that list
SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'edurange'::regnamespace
  AND 'edurange.caller'::regtype = ANY (p.proargtypes) AND p.proname NOT IN (SELECT name FROM testing.call);
-- yes: it is done, or refused for another reason; nothing of it stays
CREATE FUNCTION testing.may(name text, arguments text, who text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  state text := 'yes';
BEGIN
  BEGIN
    EXECUTE format('SELECT count(*) FROM edurange.%I(%s)', name, concat_ws(', ', nullif(arguments, ''),
      format('caller => ROW(NULL, NULL, NULL, %L)::edurange.caller', who)));
    RAISE 'undone' USING ERRCODE = 'ZZZZZ';
  EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN NULL;
    WHEN SQLSTATE 'RG203' THEN state := '-';
    WHEN insufficient_privilege THEN state := 'no';
    WHEN OTHERS THEN NULL;
  END;
  RETURN state;
END
$$;
SELECT c.name, testing.may(name, arguments, NULL) AS nobody, testing.may(name, arguments, 'ada') AS herself, testing.may(name, arguments, 'bob') AS member,
  testing.may(name, arguments, 'ina') AS instructor, testing.may(name, arguments, 'sam') AS student_instructor, testing.may(name, arguments, 'oti') AS of_another,
  testing.may(name, arguments, 'adm') AS admin, testing.may(name, arguments, 'edurange-system') AS system, testing.may(name, arguments, 'no') AS unknown, testing.may(name, arguments, 'old') AS deleted
FROM testing.call c ORDER BY name;
-- no tier below service lets anybody act, nor does a bound caller
GRANT USAGE ON SCHEMA testing TO edurange_player, edurange_service;
CREATE ROLE testing_player LOGIN IN ROLE edurange_player;
SET ROLE testing_player;
SELECT testing.may('get_points', $$'ada', 'spring'$$, 'ada');
RESET ROLE;
DROP ROLE testing_player;
REVOKE USAGE ON SCHEMA testing FROM edurange_player, edurange_service;
SELECT testing.refused($$SELECT edurange.get_points('ada', 'spring', ROW('t', 'ada', NULL, 'ada'))$$);
SELECT testing.refused($$SELECT edurange.get_points('ada', 'spring', ROW('t', NULL, 'ti', 'ada'))$$);
-- why not
SELECT who, call, testing.refused(format('SELECT edurange.%s, caller => ROW(NULL, NULL, NULL, %L)::edurange.caller)', rtrim(call, ')'), who)) FROM (VALUES
  ('bob', $$add_points('ada', 'spring', 1)$$), ('ada', $$add_points('ada', '', 1)$$), ('ina', $$add_points('ada', 'no', 1)$$), ('bob', $$get_points('ada', 'spring')$$),
  ('oti', $$leaderboard('spring')$$), ('oti', $$create_competition('N', '2020-01-01', ARRAY['ina'])$$), ('oti', $$create_competition('N', '2020-01-01', ARRAY['ina', 'oti'])$$),
  ('ada', $$create_competition('N', '2020-01-01', ARRAY['ada'])$$), ('ina', $$pack_uninstall('p')$$), ('no', $$get_points('ada', 'spring')$$), ('', $$get_points('ada', 'spring')$$),
  ('ina', $$challenge_instances('ada')$$), ('ina', $$log_activity('USER_UPDATED', 'ada')$$)) AS c (who, call);
-- who acts for oneself sees and asserts what a player may
SELECT who, count(q.answer) AS answers FROM (VALUES ('ada'), ('ina'), (NULL)) w (who),
  LATERAL edurange.challenge_details('quiz', ROW('t', NULL, NULL, who)) d, unnest(d.questions) q GROUP BY who ORDER BY who;
SELECT left(testing.refused($$SELECT edurange.complete_question('ada', testing.q('text'), testing.gc(), caller => ROW('t', NULL, NULL, 'ada'))$$), 5);
SELECT "alreadyCompleted" FROM edurange.complete_question('ada', testing.q('text'), testing.gc(), caller => ROW('t', NULL, NULL, 'ina'));
UPDATE "ChallengeInstance" SET flag = 'EDU-{1}', "flagSecretName" = 's' WHERE id = 'ti';
SELECT who, flag, "user" FROM (VALUES ('ada'), ('ina')) w (who), edurange.challenge_instance('ti', ROW('t', NULL, NULL, who));
-- where they take no part nothing is theirs to be read, whether it exists or not
BEGIN;
INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('winter', 'Winter', '2020-01-01');
SELECT call, testing.refused(format('SELECT edurange.%s, caller => ROW(NULL, NULL, NULL, ''ada'')::edurange.caller)', rtrim(call, ')'))) FROM (VALUES
  ($$competition_progress('winter', 'ada')$$), ($$competition_progress('no', 'ada')$$), ($$competition_progress('spring', 'ada')$$),
  ($$get_points('ada', 'winter')$$), ($$get_points('ada', 'no')$$), ($$get_points('ada', 'spring')$$)) AS c (call);
-- a code is the same code with what came along when it was copied
SELECT replace(code, U&'\200B', '~') AS code, testing.refused(format('SELECT edurange.join_competition(%L, ''cyd'', ROW(NULL, NULL, NULL, ''ina''))', code))
  FROM unnest(ARRAY['SPRING', E' spring\n', U&'\200Bspring', 'springs', ' ', '']) AS code;
ROLLBACK;
-- the ledger and the log say who, and through what
SELECT points FROM edurange.add_points('ada', 'spring', 5, 'late', ROW('t', NULL, NULL, 'ina'));
SELECT points FROM edurange.add_points('ada', 'spring', 5, 'late', ROW(NULL, NULL, NULL, 'ina'));
SELECT points FROM edurange.add_points('ada', 'spring', 5, 'late', ROW('t', NULL, NULL, NULL));
SELECT delta, kind, actor, regexp_replace(via, '^role:.*', 'role') AS via, reason FROM edurange.points_history('ada', 'spring');
SELECT "eventType", "userId", metadata - 'questionId' AS metadata FROM "ActivityLog" ORDER BY "timestamp", id;
SELECT count(*) FROM edurange.generate_access_code('spring', 'ina', 'CODE', caller => ROW('t', NULL, NULL, 'sam'));
SELECT count(*) FROM edurange.log_activity('USER_UPDATED', 'ada', metadata => '{"actingUserId": "forged"}', group_id => 'spring', caller => ROW('t', NULL, NULL, 'ina'));
SELECT "eventType", "userId", metadata FROM "ActivityLog" WHERE "eventType" IN ('ACCESS_CODE_GENERATED', 'USER_UPDATED') ORDER BY "timestamp", id;
-- one key, two who act: another request
SELECT points FROM edurange.add_points('ada', 'spring', 1, caller => ROW('t', NULL, NULL, 'ina'), idempotency_key => 'k');
SELECT points FROM edurange.add_points('ada', 'spring', 1, caller => ROW('t', NULL, NULL, 'ina'), idempotency_key => 'k');
SELECT testing.refused($$SELECT edurange.add_points('ada', 'spring', 1, caller => ROW('t', NULL, NULL, 'sam'), idempotency_key => 'k')$$);
SELECT testing.refused($$SELECT edurange.add_points('ada', 'spring', 1, caller => ROW('t', NULL, NULL, NULL), idempotency_key => 'k')$$);
-- a batch: each call has its own, of four texts or, as before, of three
SELECT value::jsonb ->> 'points' AS points, sqlstate, message FROM edurange.outcomes('add_points', ARRAY[
  'ada', 'spring', '1', NULL, 't', NULL, NULL, 'ina', NULL, 'ada', 'spring', '1', NULL, 't', NULL, NULL, 'bob', NULL,
  'ada', 'spring', '1', NULL, 't', NULL, NULL, NULL, NULL], 4);
SELECT value::jsonb ->> 'points' AS points, sqlstate FROM edurange.outcomes('add_points', ARRAY[
  'ada', 'spring', '1', NULL, 't', NULL, NULL, NULL, 'ada', 'spring', '1', NULL, NULL, NULL, NULL, 'k2']);
SELECT testing.refused($$SELECT edurange.outcomes('add_points', ARRAY['ada', 'spring', '1', NULL, 't', NULL, NULL, NULL], 4)$$);
SELECT testing.refused($$SELECT edurange.outcomes('add_points', '{}', 9)$$);
-- what a bound token may write to the log: its user, their competitions, its instance
SELECT testing.bound($$edurange.log_activity('USER_UPDATED', 'ada', group_id => 'spring', challenge_instance_id => 'ti', @)$$, 'ada');
SELECT testing.bound($$edurange.log_activity('USER_UPDATED', 'bob', group_id => 'autumn', @)$$, 'bob');
SELECT testing.bound($$edurange.log_activity('USER_UPDATED', 'bob', challenge_instance_id => 'ti', @)$$, 'bob');
SELECT testing.bound($$edurange.log_activity('USER_UPDATED', 'ada', challenge_instance_id => 'other', @)$$, NULL, 'ti');
SELECT testing.bound($$edurange.log_activity('USER_UPDATED', 'bob', group_id => 'no', challenge_instance_id => 'no', @)$$);
SELECT * FROM edurange.check_invariants();
DROP TABLE testing.call;
DROP FUNCTION testing.may;
