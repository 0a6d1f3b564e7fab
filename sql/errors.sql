-- Every error of the table in extension/base/errors.h is met by a call that provokes it, but for those that no call can.
CALL testing.fresh();
CALL testing.quiz();
CALL testing.packed();
CALL testing.codes();
CALL testing.ended();
SELECT points FROM edurange.add_points('ada', 'spring', 5, idempotency_key => 'used');
\getenv sources PG_ABS_SRCDIR
CREATE TABLE testing.error AS SELECT row_number() OVER () AS n, m[1] AS name, m[2] AS code
FROM regexp_matches(pg_read_file(:'sources' || '/extension/base/errors.h'), 'X\([A-Z_]+,\s+"([a-z_]+)",\s+"([0-9A-Z]{5})"', 'g') AS m;
-- what no call of one session meets, and who reports it
CREATE TABLE testing.elsewhere (place text, codes text[]);
INSERT INTO testing.elsewhere VALUES
  ('the shim, of requests', '{RG606,RG110,RG111,28000,RG301,RG401,RG607,RG601,RG602,RG603,RG604,RG605,RG803,RG804}'),
  ('the shim, of what PostgreSQL or a lost connection say', '{23000,XX000,08006,57014}'),
  ('two sessions at once: test/isolation', '{RG509,40001}');
CREATE TABLE testing.provoked (code text, calls text);
INSERT INTO testing.provoked VALUES
  ('22023', $$SELECT edurange.leaderboard('spring', 0)$$), ('22004', $$SELECT edurange.add_points(NULL, 'spring', 1)$$),
  ('22P02', $$SELECT edurange.outcomes('add_points', ARRAY['ada', 'spring', 'x', NULL, NULL, NULL, NULL, NULL])$$),
  ('22032', $$SELECT edurange.cdf_import('{')$$), ('22P05', $$SELECT edurange.cdf_import('"\u0000"')$$),
  ('22021', $$SELECT edurange.get_points(convert_from('\xff', 'UTF8'), 'spring')$$),
  ('22003', $$SELECT edurange.add_points('ada', 'spring', 2147483647)$$),
  ('22007', $$SELECT edurange.leaderboard('spring', at => 'noon')$$), ('22008', $$SELECT edurange.leaderboard('spring', at => '294277-01-01')$$),
  ('54001', $$SELECT edurange.cdf_import(repeat('[', 15000)) FROM set_config('max_stack_depth', '500kB', true)$$),
  ('RG101', $$SELECT edurange.join_competition('UNKNOWN', 'cyd')$$),
  ('42501', $$SET LOCAL ROLE edurange_player; SELECT edurange.add_points('ada', 'spring', 1)$$),
  ('RG201', $$SELECT edurange.add_points('cyd', 'spring', 1)$$),
  ('RG202', format($$SET LOCAL ROLE edurange_player; SELECT edurange.complete_question('ada', %L, %L)$$, testing.q('text'), testing.gc())),
  ('RG302', $$SELECT edurange.add_points('nobody', 'spring', 1)$$), ('RG303', $$SELECT edurange.add_points('ada', 'nowhere', 1)$$),
  ('RG304', $$SELECT edurange.challenge_details('nothing')$$), ('RG305', $$SELECT edurange.attempt_question('ada', 'q', 'nothing', 'x')$$),
  ('RG306', $$SELECT edurange.question_details('nothing')$$), ('RG307', $$SELECT edurange.challenge_instance('nothing')$$),
  ('RG308', $$SELECT edurange.revoke_token('nothing')$$), ('RG310', $$SELECT edurange.pack_details('nothing')$$),
  ('RG501', $$SELECT edurange.generate_access_code('spring', 'ina', 'new')$$),
  ('RG502', $$SELECT edurange.add_competition_challenge('spring', 'quiz', 1)$$),
  ('RG503', $$SELECT edurange.attempt_question('ina', 'eq', 'ended-gc', 'x')$$),
  ('RG504', $$SELECT testing.try('ada', 'flag', 'x')$$),
  ('RG505', $$UPDATE edurange.migration SET sha256 = 'other' WHERE number = 1; SELECT edurange.migrate()$$),
  ('RG506', $$ALTER SCHEMA edurange_guard OWNER TO edurange_player; SELECT edurange.migrate()$$),
  ('RG507', $$SELECT edurange.cdf_import(testing.document('[{"type": "container", "id": "c2", "config": {"image": "i"}}]', '{"id": "packed"}'))$$),
  ('RG508', format($$SELECT testing.try('ada', 'text', 'x');
    SELECT edurange.cdf_update('quiz', testing.document('[{"type": "container", "id": "c", "config": {"image": "i"}}]', '{"id": "quiz"}'));
    SELECT edurange.attempt_question('ada', %L, %L, 'x')$$, testing.q('text'), testing.gc())),
  ('RG510', $$INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId") VALUES ('over', 'quiz', 'ada', '', 'TERMINATED', 'spring');
    SELECT edurange.update_challenge_instance('over', 'ACTIVE')$$),
  ('RG511', format($$SET LOCAL ROLE edurange_player; SELECT edurange.complete_challenge('ada', %L)$$, testing.gc())),
  ('RG520', $$SELECT edurange.cdf_update('quiz', testing.document('[{"type": "container", "id": "c", "config": {"image": "i"}}]', '{"id": "other"}'))$$),
  ('RG521', $$SELECT edurange.pack_update('{"id": "pack", "name": "P", "version": "1.0.0", "challenges": ["a"]}', '{a}', ARRAY[testing.document('[{"type": "container", "id": "c", "config": {"image": "i"}}]')])$$),
  ('RG522', $$SELECT edurange.pack_install('{"id": "new", "name": "N", "version": "1.0.0", "challenges": ["a"], "dependencies": {"pack": "^3.0.0"}}', '{a}',
    ARRAY[testing.document('[{"type": "container", "id": "c", "config": {"image": "i"}}]')])$$),
  ('RG523', $$SELECT edurange.pack_install('{"id": "new", "name": "N", "version": "1.0.0", "challenges": ["a"], "dependencies": {"pack": "*"}}', '{a}',
    ARRAY[testing.document('[{"type": "container", "id": "c", "config": {"image": "i"}}]')]); SELECT edurange.pack_uninstall('pack')$$),
  ('RG701', $$SELECT edurange.cdf_import('{}')$$), ('RG702', $$SELECT edurange.add_points('ada', 'spring', 6, idempotency_key => 'used')$$),
  ('RG703', $$SELECT edurange.set_cdf_schema('{"type": "text"}', 's')$$),
  ('RG704', $$SELECT edurange.json_schema_validate('{"$ref": "http://elsewhere.test/schema"}', '1')$$),
  ('RG705', $$SELECT edurange.json_schema_validate('{"pattern": "\\p{L}"}', '"a"')$$),
  ('RG801', $$SELECT testing.try('ada', 'list', 'x') FROM generate_series(1, 11)$$),
  ('25006', $$SELECT set_config('transaction_read_only', 'on', true); SELECT edurange.add_points('ada', 'spring', 1)$$),
  ('55000', $$DELETE FROM edurange.sync_state; SELECT edurange.sync_apply('{"challenge_pods": []}', '2020-01-01')$$),
  ('RG530', $$SELECT edurange.create_user('new@example.org', id => 'ada')$$),
  ('RG531', $$INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId") VALUES ('ri', 'quiz', 'ada', '', 'ACTIVE', 'spring'); SELECT edurange.delete_competition('spring', 'Spring')$$),
  ('RG532', $$SELECT testing.try('ada', 'list', 'no'); SELECT edurange.remove_competition_challenge('spring', testing.gc())$$),
  ('RG204', $$SELECT edurange.set_participation('spring', 'ada', disqualified => true); SELECT testing.try('ada', 'list', 'red')$$),
  ('RG320', $$SELECT edurange.grade_change('spring', 'none')$$),
  ('RG540', $$SELECT edurange.void_completion('spring', 'ada', testing.q('list'))$$),
  ('RG541', $$SELECT edurange.grade_question('spring', 'ada', testing.q('list'), n) FROM generate_series(1, 2) n;
    SELECT edurange.undo_change('spring', id) FROM (SELECT id FROM edurange.grade_change ORDER BY at, id LIMIT 1) c$$),
  ('RG710', $$SELECT edurange.rejudge('spring', testing.q('flag'))$$),
  ('RG311', $$SELECT edurange.revoke_access_code('spring', 'NONE')$$),
  ('RG203', $$SELECT edurange.get_points('ada', 'spring', ROW(NULL, NULL, NULL, 'nobody'))$$),
  ('RG542', $$SELECT edurange.events('spring', (SELECT encode(convert_to(regexp_replace(convert_from(decode("sinceToken", 'hex'), 'UTF8'), ' \d+\.', ' 7.'), 'UTF8'), 'hex') FROM edurange.events('spring')))$$),
  ('RG901', $$SELECT edurange.sync_now()$$),
  ('RG902', $$ALTER TABLE "GroupPoints" RENAME points TO total; SELECT edurange.get_points('ada', 'spring')$$);
SELECT place, array_agg(e.name ORDER BY e.n) AS errors FROM testing.elsewhere w JOIN testing.error e ON e.code = ANY (w.codes) GROUP BY place ORDER BY place;
-- none is missing, and none is another than it should be
CREATE TABLE testing.met AS SELECT e.n, e.name, e.code, testing.refused(p.calls) AS refusal FROM testing.error e LEFT JOIN testing.provoked p USING (code)
WHERE NOT EXISTS (SELECT FROM testing.elsewhere WHERE e.code = ANY (codes)) ORDER BY e.n;
SELECT * FROM testing.met WHERE split_part(refusal, ':', 1) IS DISTINCT FROM code;
SELECT (SELECT count(*) FROM testing.error) > 60 AS read, (SELECT count(*) FROM testing.provoked) + (SELECT sum(cardinality(codes)) FROM testing.elsewhere)
  = (SELECT count(*) FROM testing.error) AS all_of_them;
-- a long value is cut at a character, not in one
SELECT length(testing.refused(format('SELECT edurange.add_points(%L, %L, 1)', repeat('ü', 3000), 'spring'))) < 1100 AS cut;
-- tables that are gone are said to be, whichever function meets it
BEGIN;
ALTER TABLE edurange.points_ledger RENAME TO elsewhere;
SELECT testing.refused($$SELECT edurange.points_history('ada', 'spring')$$);
ROLLBACK;
-- plans survive tables that go and come back
SELECT count(*) > 0 AS works FROM edurange.points_history('ada', 'spring');
-- read-only transactions read and refuse to write
BEGIN READ ONLY;
SELECT edurange.get_points('ada', 'spring') IS NOT NULL AS reads;
SELECT count(*) > 0 AS reads FROM edurange.leaderboard('spring');
SELECT count(*) AS violations FROM edurange.check_invariants();
SELECT testing.refused($$SELECT edurange.add_points('ada', 'spring', 1)$$);
ROLLBACK;
-- a violated constraint does not quote the row that holds a secret
ALTER TABLE "QuestionAttempt" ADD CONSTRAINT forbidden CHECK (answer <> 'my-secret');
SELECT testing.refused($$SELECT testing.try('ada', 'open', 'my-secret')$$);
ALTER TABLE "QuestionAttempt" DROP CONSTRAINT forbidden;
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId") VALUES ('ei', 'quiz', 'ada', '', 'ACTIVE', 'spring');
ALTER TABLE "ChallengeInstance" ADD CONSTRAINT forbidden CHECK (flag <> 'my-secret') NOT VALID;
SELECT testing.refused($$SELECT edurange.update_challenge_instance('ei', flag => 'my-secret')$$);
ALTER TABLE "ChallengeInstance" DROP CONSTRAINT forbidden;
DELETE FROM "ChallengeInstance" WHERE id = 'ei';
ALTER TABLE "ChallengeQuestion" ADD CONSTRAINT forbidden CHECK (answer <> 'my-secret') NOT VALID;
SELECT testing.refused(format('SELECT edurange.cdf_import(%L)', testing.document('[{"type": "question", "id": "s", "config": {"type": "text", "text": "?", "answer": "my-secret"}}]', '{"id": "secret"}')));
ALTER TABLE "ChallengeQuestion" DROP CONSTRAINT forbidden;
