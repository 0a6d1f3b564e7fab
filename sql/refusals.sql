-- A refused call leaves every table as it was.
CALL testing.fresh();
CALL testing.quiz();
CALL testing.packed();
CALL testing.codes();
CALL testing.ended();
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId") VALUES
  ('qi1', 'quiz', 'ada', '', 'QUEUED', 'spring'), ('qi2', 'quiz', 'cyd', '', 'ACTIVE', 'spring');
SELECT points FROM edurange.add_points('ada', 'spring', 1, idempotency_key => 'k5');
CREATE TABLE testing.refusal (code text, statement text);
INSERT INTO testing.refusal VALUES
  ('22004', $$add_points(NULL, 'spring', 1)$$), ('RG302', $$add_points('nobody', 'spring', 1)$$),
  ('RG303', $$add_points('ada', 'nowhere', 1)$$), ('RG201', $$add_points('cyd', 'spring', 1)$$),
  ('22003', $$add_points('bob', 'spring', 2147483647)$$), ('RG201', $$set_points('cyd', 'spring', 1)$$),
  ('42501', $$add_points('bob', 'spring', 1, caller => ROW('t', 'ada', NULL, NULL)::edurange.caller)$$),
  ('RG302', $$create_competition('x', now(), ARRAY['ina', 'nobody'])$$),
  ('22023', $$create_competition('x', now(), ARRAY['ina'], end_date => now())$$),
  ('RG303', $$generate_access_code('nowhere', 'ina')$$), ('RG501', $$generate_access_code('spring', 'ina', 'old')$$),
  ('RG304', $$add_competition_challenge('spring', 'nothing', 1)$$),
  ('RG502', $$add_competition_challenge('spring', 'quiz', 1)$$),
  ('RG101', $$join_competition('UNKNOWN', 'cyd')$$), ('RG101', $$join_competition('OLD', 'bob')$$),
  ('RG302', $$join_competition('NEW', 'nobody')$$), ('RG503', $$join_competition('ENDED', 'cyd')$$),
  ('RG305', $$attempt_question('ada', 'q', 'nothing', 'x')$$),
  ('RG306', $$attempt_question('ada', 'q', testing.gc(), 'x')$$),
  ('RG201', $$attempt_question('cyd', testing.q('text'), testing.gc(), 'Forty-Two')$$),
  ('RG504', $$attempt_question('bob', testing.q('flag'), testing.gc(), 'x')$$),
  ('RG307', $$attempt_question('ada', testing.q('flag'), testing.gc(), 'x', 'qi2')$$),
  ('22003', $$attempt_question('bob', testing.q('list'), testing.gc(), 'red')$$),
  ('RG503', $$attempt_question('ina', 'eq', 'ended-gc', 'x')$$),
  ('RG503', $$complete_question('ina', 'eq', 'ended-gc')$$), ('RG503', $$complete_challenge('ina', 'ended-gc', 1)$$),
  ('22023', $$complete_question('ada', testing.q('text'), testing.gc(), false)$$),
  ('22023', $$complete_challenge('ada', testing.gc(), 100000)$$),
  ('22023', $$complete_challenge('ada', testing.gc(), 1, 'autumn')$$),
  ('RG201', $$complete_challenge('cyd', testing.gc(), 1)$$),
  ('RG307', $$update_challenge_instance('nothing', 'ACTIVE')$$),
  ('22023', $$update_challenge_instance('qi1', 'BUSY')$$), ('22023', $$update_challenge_instance('qi1', flag => 'null')$$),
  ('RG510', $$update_challenge_instance('qi2', 'CREATING')$$),
  ('22004', $$log_activity(NULL, 'ada')$$), ('22032', $$cdf_import('{')$$), ('RG701', $$cdf_import('{}')$$),
  ('RG507', $$cdf_import(testing.document('[{"type": "container", "id": "c2", "config": {"image": "i"}}]', '{"id": "packed"}'))$$),
  ('RG304', $$cdf_update('nothing', testing.document('[{"type": "container", "id": "c2", "config": {"image": "i"}}]'))$$),
  ('RG520', $$cdf_update('quiz', testing.document('[{"type": "container", "id": "c2", "config": {"image": "i"}}]', '{"id": "packed"}'))$$),
  ('RG304', $$cdf_export('nothing')$$), ('RG310', $$pack_uninstall('nothing')$$), ('RG310', $$pack_details('nothing')$$),
  ('RG310', $$pack_update('{"id": "nothing", "name": "n", "version": "1.0.0", "challenges": ["a"]}', '{a}',
    ARRAY[testing.document('[{"type": "container", "id": "c2", "config": {"image": "i"}}]')])$$),
  ('RG701', $$pack_install('{"id": "new", "name": "n", "version": "1.0.0", "challenges": ["a", "b"]}', '{a}',
    ARRAY[testing.document('[{"type": "container", "id": "c2", "config": {"image": "i"}}]')])$$),
  ('RG522', $$pack_install('{"id": "new", "name": "n", "version": "1.0.0", "challenges": ["a"], "dependencies": {"old": "*"}}', '{a}',
    ARRAY[testing.document('[{"type": "container", "id": "c2", "config": {"image": "i"}}]')])$$),
  ('RG507', $$pack_install('{"id": "new", "name": "n", "version": "1.0.0", "challenges": ["b", "a"]}', '{a,b}',
    ARRAY[testing.document('[{"type": "container", "id": "c2", "config": {"image": "i"}}]', '{"id": "packed"}'),
      testing.document('[{"type": "container", "id": "c2", "config": {"image": "i"}}]', '{"id": "unpacked"}')])$$),
  ('RG302', $$create_token('player', 'x', user_id => 'nobody')$$), ('RG308', $$revoke_token('nothing')$$),
  ('22023', $$sync_apply('{"statuses": [{"name": 1}]}')$$),
  ('RG702', $$add_points('ada', 'spring', 99, idempotency_key => 'k5')$$),
  ('22023', $$add_points('ada', 'spring', 1, idempotency_key => '')$$);
SELECT points FROM edurange.set_points('bob', 'spring', 2147483640);
-- none of these rows: each is refused as foreseen, and nothing is different afterwards
CREATE FUNCTION testing.failures() RETURNS TABLE (wanted text, got text, call text, changed boolean) LANGUAGE plpgsql AS $$
DECLARE
  before text;
BEGIN
  FOR wanted, call IN SELECT code, statement FROM testing.refusal LOOP
    before := testing.fingerprint();
    got := testing.refused('SELECT edurange.' || call);
    changed := before <> testing.fingerprint();
    IF split_part(got, ':', 1) <> wanted OR changed THEN
      RETURN NEXT;
    END IF;
  END LOOP;
END
$$;
SELECT * FROM testing.failures();
SELECT count(*) FROM testing.refusal;
