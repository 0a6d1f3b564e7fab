-- One example of each function; docs/sql-api.md shows them with these answers.
SELECT current_database() AS here \gset
CREATE DATABASE examples TEMPLATE template0 ENCODING 'UTF8';
\c examples
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
CREATE EXTENSION edurange;
-- migrate
SELECT kind, count(*) FROM edurange.migrate() GROUP BY kind ORDER BY kind;
SELECT kind, count(*) FROM edurange.migrate(dry_run => true) GROUP BY kind ORDER BY kind;
-- guard_source
SELECT left(edurange.guard_source(), 9) AS begins;
-- worker_attributes
SELECT edurange.worker_attributes() ~ '^(NO)?LOGIN CONNECTION LIMIT 0$' AS known;
-- readiness
SELECT * FROM edurange.readiness();
-- platform_tables
SELECT cardinality(edurange.platform_tables());
-- lent_tables
SELECT 'standing' = ANY (edurange.lent_tables()) AS lent, 'token' = ANY (edurange.lent_tables()) AS token_lent;
-- planted_cure
SELECT edurange.planted_cure(m) ~ '^REVOKE edurange_service FROM edurange_admin( GRANTED BY \w+)?;$' FROM pg_auth_members m WHERE member = 'edurange_admin'::regrole;
-- planted_roles
SELECT * FROM edurange.planted_roles();
-- planted_objects
SELECT * FROM edurange.planted_objects();
-- planted_platform
SELECT * FROM edurange.planted_platform(NULL);
-- assertions
SELECT kind, name, present, apply FROM edurange.assertions() WHERE kind = 'index' ORDER BY name LIMIT 1;
-- rights
SELECT kind, name, present, apply, possible FROM edurange.rights() WHERE name = 'SELECT on edurange.standing to edurange_game';
-- granted
SELECT DISTINCT role FROM edurange.granted() WHERE 'get_points' = ANY (functions);
-- wanted_indexes
SELECT * FROM edurange.wanted_indexes() ORDER BY name LIMIT 1;
-- shape_faults
SELECT * FROM edurange.shape_faults();
-- migration_source
SELECT number, name, length(sha256) AS digits FROM edurange.migration_source();
-- migration_applied
SELECT edurange.migration_applied(1);
-- new_id
SELECT length(edurange.new_id()), substr(edurange.new_id(), 15, 1) AS version;
--
INSERT INTO "User" (id, email, name, role) VALUES
  ('ina', 'ina@example.org', 'Ina', 'INSTRUCTOR'), ('ada', 'ada@example.org', 'Ada', 'STUDENT');
-- create_competition
SELECT name, "startDate", "endDate" FROM edurange.create_competition(
  'Spring', '2024-03-01 08:00Z', ARRAY['ina'], end_date => '2999-06-30 18:00Z');
--
UPDATE "CompetitionGroup" SET id = 'spring';
-- generate_access_code
SELECT code, "maxUses", "usedCount", "groupId" FROM edurange.generate_access_code('spring', 'ina', 'welcome-26', max_uses => 30);
-- builtin_schema
SELECT edurange.builtin_schema('pack') -> 'properties' -> 'id' ->> 'pattern' AS ids;
-- json_schema_validate
SELECT * FROM edurange.json_schema_validate(
  '{"type": "object", "required": ["rope"], "properties": {"length": {"$ref": "units.json#/definitions/metres"}}}',
  '{"length": -1}', remotes => '{"units.json": {"definitions": {"metres": {"type": "number", "minimum": 0}}}}');
-- add_challenge_type
SELECT edurange.add_challenge_type('knots');
-- cdf_schema
SELECT edurange.cdf_schema() #> '{properties,metadata,properties,challenge_type,enum}' AS types;
-- remove_challenge_type
SELECT edurange.remove_challenge_type('knots');
-- set_cdf_schema
SELECT source, changed FROM edurange.set_cdf_schema('{"required": ["metadata", "components", "owner"]}', 'our own rules');
-- reset_cdf_schema
SELECT changed FROM edurange.reset_cdf_schema();
-- cdf_validate
SELECT valid, e.* FROM edurange.cdf_validate('{
  "metadata": {"id": "knots", "name": "Knots", "version": "1.0.0", "challenge_type": "fullOS"},
  "components": [
    {"type": "question", "id": "rope", "config": {"type": "text", "points": 1.5}},
    {"type": "question", "id": "rope", "config": {"type": "flag", "text": "The flag?"}}]}') AS v, unnest(errors) AS e;
-- cdf_import
SELECT * FROM edurange.cdf_import('{
  "metadata": {"id": "knots", "name": "Knots", "version": "1.0.0", "challenge_type": "fullOS", "difficulty": "beginner"},
  "components": [
    {"type": "webosApp", "id": "terminal", "config": {"app_type": "terminal", "title": "Shell"}},
    {"type": "question", "id": "rope", "config": {"type": "text", "text": "Which rope?", "points": 30, "answer": ["hemp", "sisal"]}},
    {"type": "question", "id": "flag", "config": {"type": "flag", "text": "The flag?", "points": 70, "answer": "{{FLAG}}"}}]}');
--
UPDATE "ChallengeQuestion" SET id = cdf_question_id;
-- add_competition_challenge
SELECT points, "challengeId", "groupId" FROM edurange.add_competition_challenge('spring', 'knots', 100);
--
UPDATE "GroupChallenge" SET id = 'knots-spring';
-- join_competition
SELECT id, name, "alreadyMember" FROM edurange.join_competition('WELCOME-26', 'ada');
-- attempt_question
SELECT "isCorrect", "attemptCount", "pointsEarned", (points).points, "attemptsRemaining"
FROM edurange.attempt_question('ada', 'rope', 'knots-spring', 'hemp');
-- complete_question
SELECT (completion)."pointsEarned", (points).points, "challengeCompleted"
FROM edurange.complete_question('ada', 'flag', 'knots-spring');
-- completed_questions
SELECT "questionId", "pointsEarned" FROM edurange.completed_questions('ada', 'knots-spring');
-- complete_challenge
SELECT "pointsEarned", "alreadyCompleted" FROM edurange.complete_challenge('ada', 'knots-spring');
-- add_points
SELECT points, "userId", "groupId" FROM edurange.add_points('ada', 'spring', 10, 'nice write-up');
-- set_points
SELECT points FROM edurange.set_points('ada', 'spring', 95, 'recount');
-- get_points
SELECT edurange.get_points('ada', 'spring');
-- points_history
SELECT seq, delta, balance, kind, "sourceId", reason FROM edurange.points_history('ada', 'spring');
-- leaderboard
SELECT rank, "userId", name, points, completions FROM edurange.leaderboard('spring', "limit" => 100);
-- set_board_policy
SELECT visibility, "freezeAt", frozen FROM edurange.set_board_policy('spring', 'public', '2099-05-01 16:00Z');
-- get_board_policy
SELECT visibility, "thawedAt", frozen FROM edurange.get_board_policy('spring');
-- board_access
SELECT "isStaff" FROM edurange.board_access('spring', is_public => true);
-- board_state
SELECT "isWhole", visibility, split_part(rows, E'\t', 1) AS first FROM edurange.board_state('spring');
-- feed_state
SELECT mark > '' AS marked, "feedDelay" FROM edurange.feed_state('spring');
-- events
SELECT e."userId", seq, delta, balance, kind FROM edurange.events('spring', "limit" => 2) page, unnest(page.events) e;
-- competition_progress
SELECT "totalPoints", "earnedPoints", "completionPercentage" FROM edurange.competition_progress('spring', 'ada');
-- challenge_details
SELECT name, type, (questions[1]).content, (questions[1]).answer, ("appConfigs"[1])."appId" FROM edurange.challenge_details('knots');
-- question_details
SELECT content, type, points, answer FROM edurange.question_details('rope');
-- challenge_list
SELECT c.id, c.difficulty, p."nextCursor" FROM edurange.challenge_list(search => 'knot', "limit" => 10) p, unnest(p.challenges) c;
-- challenges
SELECT id, name, challenge_type_name FROM edurange.challenges();
--
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId")
VALUES ('0190a6c8-7a3c-7000-8000-000000000001', 'knots', 'ada', 'pending...', 'QUEUED', 'spring');
-- sync_apply
SELECT * FROM edurange.sync_apply('{"challenge_pods": [
  {"name": "0190a6c8-7a3c-7000-8000-000000000001", "status": "ACTIVE", "webosUrl": "https://knots.example.org"}]}');
-- sync_apply_list
SELECT pods, changed FROM edurange.sync_apply_list('{"challenge_pods": [
  {"name": "0190a6c8-7a3c-7000-8000-000000000001", "status": "ACTIVE", "webosUrl": "https://knots.example.org"}]}', duration_ms => 12.5);
-- sync_status
SELECT "lagSeconds" < 60 AS fresh, "consecutiveFailures", "lastError", "podsSeen", changed, held, "workerRunning" FROM edurange.sync_status();
-- sync_drift
SELECT kind, name, status, "podStatus" FROM edurange.sync_drift();
-- sync_drift_summary
SELECT "rowsWithoutPods", "podsWithoutRows", "statusMismatches", "stuckRows" FROM edurange.sync_drift_summary();
-- sync_metrics
SELECT line FROM string_to_table(edurange.sync_metrics(), E'\n') line WHERE line ~ '^edurange_sync_drift|worker_up ';
-- sync_now
\set VERBOSITY sqlstate
SELECT edurange.sync_now(); -- where there is no worker
\set VERBOSITY default
-- sync_release
SELECT edurange.sync_release();
-- sync_begin
SELECT edurange.sync_begin() IS NULL AS may_work;
-- sync_confirm
SELECT edurange.sync_confirm();
-- challenge_instance
SELECT status, "challengeUrl", "groupChallengeId", ("user").name FROM edurange.challenge_instance('0190a6c8-7a3c-7000-8000-000000000001');
-- challenge_instances
SELECT id, status FROM edurange.challenge_instances(status => 'ACTIVE');
-- update_challenge_instance
SELECT status, flag FROM edurange.update_challenge_instance('0190a6c8-7a3c-7000-8000-000000000001', 'TERMINATING');
-- log_activity
SELECT id IS NOT NULL AS logged FROM edurange.log_activity('USER_LOGGED_IN', 'ada', metadata => '{"from": "dashboard"}');
SELECT "eventType", severity, "userId", metadata FROM "ActivityLog" ORDER BY "timestamp" DESC, id DESC LIMIT 1;
-- create_user
SELECT name, email, role, "alreadyExists" FROM edurange.create_user('Bob@example.org', 'Bob', id => 'bob');
-- users
SELECT u.id, u.email, page."nextCursor" FROM edurange.users('b') page, unnest(users) u;
-- competitions
SELECT c.id, c.name, c."isOpen", c.members, c.challenges FROM edurange.competitions(caller => ROW('token-1', NULL, NULL, 'ina')), unnest(competitions) c;
-- competition
SELECT name, members, instructors, challenges, "accessCodes", "liveInstances" FROM edurange.competition('spring');
-- update_competition
SELECT name, description, "endDate" FROM edurange.update_competition('spring', description => 'For everybody', no_end_date => true);
-- members
SELECT m."userId", m.name, m.points, m."isInstructor" FROM edurange.members('spring'), unnest(members) m;
-- set_instructors
SELECT "groupId", i.id, i.role FROM edurange.set_instructors('spring', ARRAY['ina', 'bob']), unnest(instructors) i;
-- access_codes
SELECT c.code, c."maxUses", c."usedCount" FROM edurange.access_codes('spring'), unnest("accessCodes") c;
-- revoke_access_code
SELECT code, "usedCount" FROM edurange.revoke_access_code('spring', 'WELCOME-26');
-- import_roster
SELECT rows, "alreadyMembers", "membersAdded", waiting, "codesMade", errors FROM edurange.import_roster('spring', E'E-Mail,External ID\nada@example.org,4711\nnew@example.org,4712\nnobody,4713');
-- roster
SELECT r.email, r."externalId", r."userId", r."isMember", r."accessCode" IS NOT NULL AS waits, page."nextCursor" FROM edurange.roster('spring') page, unnest(page.roster) r;
-- attempts
SELECT a."userId", a."isCorrect", a.answer FROM edurange.attempts('spring', "limit" => 1), unnest(attempts) a;
-- activity
SELECT e."eventType", e."userId", e."isArchived" FROM edurange.activity('spring', event_type => 'GROUP_JOINED'), unnest(entries) e;
-- set_participation
SELECT "userId", "endsAt", hidden FROM edurange.set_participation('spring', 'ada', '2030-01-01 12:00Z', reason => 'was ill');
-- participation
SELECT p."userId", p.disqualified, p.reason FROM edurange.participation('spring'), unnest(participation) p;
-- accept_answer
SELECT attempts, "attemptsChanged", gained FROM edurange.accept_answer('spring', 'rope', 'jute', reason => 'it holds, too');
-- rejudge
SELECT attempts, "attemptsChanged", "alreadyDone" FROM edurange.rejudge('spring', 'rope', dry_run => true);
-- grade_question
SELECT adjusted, "pointsTaken" FROM edurange.grade_question('spring', 'ada', 'rope', 20, 'without a reason');
-- grade_changes
SELECT c.kind, c."questionId", c.reason FROM edurange.grade_changes('spring', 1), unnest(changes) c;
-- grade_change
SELECT u."userId", u."pointsBefore", u."pointsAfter", u.delta FROM edurange.grade_change('spring',
  (SELECT c.id FROM edurange.grade_changes('spring', 1), unnest(changes) c)), unnest(users) u;
-- undo_change
SELECT adjusted, "pointsPaid" FROM edurange.undo_change('spring',
  (SELECT c.id FROM edurange.grade_changes('spring', 1), unnest(changes) c));
-- reprice
SELECT adjusted, "alreadyDone" FROM edurange.reprice('spring', 'rope');
-- void_completion
SELECT lost, "pointsTaken" FROM edurange.void_completion('spring', 'ada', 'rope', 'copied');
-- gradebook
SELECT "userId", item, points, "of", attempts FROM edurange.gradebook('spring', 'challenge');
-- gradebook_file
SELECT "fileName", content FROM edurange.gradebook_file('spring', 'moodle');
-- question_statistics
SELECT question, solvers, attempts, "shareRight" FROM edurange.question_statistics('spring');
-- timeline
SELECT rank, "userId", count(*) AS changes FROM edurange.timeline('spring', 3) GROUP BY 1, 2 ORDER BY 1;
-- integrity_findings
SELECT kind, "userId", "otherUserId", detail FROM edurange.integrity_findings('spring', fastest_seconds => 60);
-- set_challenge_points
SELECT (challenge).points, "usersCharged", "pointsTaken" FROM edurange.set_challenge_points('spring',
  (SELECT id FROM "GroupChallenge" WHERE "groupId" = 'spring' LIMIT 1), 5, force => true, reason => 'agreed in class');
-- reset_progress
SELECT "questionsReset", "challengesReset", (points).points FROM edurange.reset_progress('spring', 'ada', 'asked for it');
-- remove_competition_challenge
SELECT (challenge)."challengeId", attempts, "pointsTaken" FROM edurange.remove_competition_challenge('spring',
  (SELECT id FROM "GroupChallenge" WHERE "groupId" = 'spring' LIMIT 1), force => true, reason => 'its answer was on the board');
-- remove_member
SELECT * FROM edurange.remove_member('spring', 'ada');
-- delete_competition
SELECT id AS mistake FROM edurange.create_competition('Mistake', '2024-03-01Z', ARRAY['ina']) \gset
SELECT name FROM edurange.delete_competition(:'mistake', 'Mistake');
-- create_token
SELECT tier, label, length(token), "userId" FROM edurange.create_token('player', 'Ada''s pod', user_id => 'ada');
-- authenticate_token
SELECT tier FROM edurange.authenticate_token(sha256('edr_not-a-token'));
-- tokens
SELECT tier, label, "userId", "revokedAt" FROM edurange.tokens();
-- revoke_token
SELECT r.label, r."revokedAt" IS NOT NULL AS revoked FROM edurange.tokens() t, edurange.revoke_token(t.id) r;
-- cdf_update
SELECT * FROM edurange.cdf_update('knots', '{
  "metadata": {"id": "knots", "name": "Knots", "version": "1.1.0", "challenge_type": "fullOS", "difficulty": "beginner"},
  "components": [
    {"type": "webosApp", "id": "terminal", "config": {"app_type": "terminal", "title": "Shell"}},
    {"type": "question", "id": "flag", "config": {"type": "flag", "text": "The flag?", "points": 70, "answer": "{{FLAG}}"}},
    {"type": "question", "id": "rope", "config": {"type": "text", "text": "Which rope?", "points": 30, "answer": ["hemp", "sisal"]}}]}');
-- cdf_export
SELECT left(edurange.cdf_export('knots'), 40) AS as_imported;
UPDATE "Challenge" SET difficulty = 'HARD' WHERE id = 'knots';
SELECT edurange.cdf_export('knots')::json #> '{metadata}' AS edited_since;
-- pack_parts
SELECT manifest, paths, documents, dry_run FROM edurange.pack_parts('{"dry_run": true,
  "manifest": {"id": "harbour", "challenges": ["a.cdf.json", "b.cdf.json"]},
  "challenges": [{"metadata": {"id": "a"},  "x": 1.50}, {"path": "b.cdf.json", "document": {"metadata": {"id": "b"}}}]}');
-- pack_install
SELECT message, "packId", skipped_details FROM edurange.pack_install(
  '{"id": "harbour", "name": "Harbour", "version": "1.2.0", "license": "MIT", "challenges": ["ropes.cdf.json"]}',
  ARRAY['ropes.cdf.json', 'notes.txt'], ARRAY['{
    "metadata": {"id": "ropes", "name": "Ropes", "version": "1.0.0", "challenge_type": "web", "difficulty": "advanced"},
    "components": [{"type": "question", "id": "q", "config": {"type": "text", "text": "Which rope?", "answer": "hemp"}}]}',
    'Not for players.'], installed_by => 'ina');
-- pack_update
SELECT message, c.id, c.status, (c.questions).* FROM edurange.pack_update(
  '{"id": "harbour", "name": "Harbour", "version": "1.3.0", "license": "MIT", "challenges": ["ropes.cdf.json"]}',
  ARRAY['ropes.cdf.json'], ARRAY['{
    "metadata": {"id": "ropes", "name": "Ropes", "version": "1.1.0", "challenge_type": "web", "difficulty": "advanced"},
    "components": [{"type": "question", "id": "q", "config": {"type": "text", "text": "Which rope?", "answer": "sisal"}},
      {"type": "question", "id": "r", "config": {"type": "text", "text": "How long?", "answer": 12}}]}'],
  dry_run => true) r, unnest(r.challenges) c;
-- pack_list
SELECT p.id, p.version, p.license, p.challenge_count FROM edurange.pack_list() l, unnest(l.packs) p;
-- pack_details
SELECT d.id, dependencies, c.id, c.difficulty, c.pack_challenge_id FROM edurange.pack_details('harbour') d, unnest(d.challenges) c;
-- pack_uninstall
SELECT * FROM edurange.pack_uninstall('harbour');
-- version_satisfies
SELECT range, edurange.version_satisfies('1.3.0', range) FROM unnest(ARRAY['^1.2.0', '~1.2.0', '1.x || >=3', '1.0 - 1.2']) AS r (range);
-- health
SELECT status, edurange_version, missing FROM edurange.health();
-- findings
INSERT INTO "ChallengePack" (id, name, version) VALUES ('phantom', 'Web Basics', '1.0.0');
SELECT finding, subject, detail, repair FROM edurange.findings('phantom_pack') WHERE subject = 'phantom';
-- repair
SELECT finding, subject FROM edurange.repair('phantom_pack', 'phantom');
-- check_invariants
SELECT * FROM edurange.check_invariants();
-- outcomes
SELECT value, sqlstate, message FROM edurange.outcomes('get_points', ARRAY['ada', 'nowhere', NULL, NULL, NULL, '', 'nowhere', NULL, NULL, NULL]);
-- wire
SELECT edurange.wire(t) FROM (SELECT timestamptz '2026-03-01 09:00+01' AS "startDate", ARRAY['a', NULL] AS list) t;
-- wire_piece
SELECT edurange.wire_piece(t) FROM (SELECT true AS late) t;
--
\c :here
DROP DATABASE examples;
