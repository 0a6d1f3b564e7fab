-- Challenges in competitions, and what a challenge consists of.
CALL testing.fresh();
CALL testing.knots();
SELECT points, "challengeId", "groupId" FROM edurange.add_competition_challenge('spring', 'knots', 130);
SELECT testing.refused($$SELECT edurange.add_competition_challenge('spring', 'knots', 1)$$);
SELECT testing.refused($$SELECT edurange.add_competition_challenge(NULL, 'knots', 1)$$);
SELECT testing.refused($$SELECT edurange.add_competition_challenge('autumn', '', 1)$$);
SELECT testing.refused($$SELECT edurange.add_competition_challenge('autumn', 'knots', NULL)$$);
SELECT testing.refused($$SELECT edurange.add_competition_challenge('autumn', 'knots', -1)$$);
SELECT testing.refused($$SELECT edurange.add_competition_challenge('nowhere', 'knots', 1)$$);
SELECT testing.refused($$SELECT edurange.add_competition_challenge('autumn', 'nothing', 1)$$);
SELECT points FROM edurange.add_competition_challenge('autumn', 'knots', 0);

SELECT id, name, description, type FROM edurange.challenge_details('knots');
SELECT q.cdf_question_id, q.type, q.points, q.answer, q."order", q.title, q.hint, q.required, q.cdf_payload
FROM edurange.challenge_details('knots') d, unnest(d.questions) q;
SELECT a."appId", a.title, a.icon, a.width, a.height, a.screen, a.favourite, a.disabled, a.additional_config
FROM edurange.challenge_details('knots') d, unnest(d."appConfigs") a;
-- a player sees no answer, neither in its column nor in the document
SET ROLE edurange_player;
SELECT q.cdf_question_id, q.answer, q.cdf_payload
FROM edurange.challenge_details('knots') d, unnest(d.questions) q;
SELECT edurange.wire(d)::text ~ 'hemp|sisal|\{\{FLAG' AS shows FROM edurange.challenge_details('knots') d;
RESET ROLE;
-- whatever a document calls it
BEGIN;
UPDATE "ChallengeQuestion" SET cdf_payload = cdf_payload || '{"solution": "hemp", "answers": ["hemp"], "hint": {"answer": "hemp"},
  "options": [{"text": "rope", "correct": "hemp"}], "title": "kept"}' WHERE "challengeId" = 'knots';
UPDATE "ChallengeQuestion" SET cdf_payload = '["hemp"]' WHERE "challengeId" = 'knots' AND cdf_question_id = 'flag';
SET LOCAL ROLE edurange_player;
SELECT q.cdf_question_id, q.cdf_payload FROM edurange.challenge_details('knots') d, unnest(d.questions) q;
SELECT edurange.wire(q)::text ~ 'hemp|sisal' AS shows FROM edurange.challenge_details('knots') d, unnest(d.questions) k,
  LATERAL edurange.question_details(k.id) q;
ROLLBACK;
-- for a WebOS that judges itself: answers, but never of flags, however their type is written
SET edurange.webos_compatibility = on;
SET ROLE edurange_player;
SELECT q.cdf_question_id, q.answer, q.cdf_payload -> 'answer' AS listed
FROM edurange.challenge_details('knots') d, unnest(d.questions) q;
RESET ROLE;
BEGIN;
UPDATE "ChallengeQuestion" SET type = 'Flag' WHERE "challengeId" = 'knots' AND cdf_question_id = 'flag';
SET LOCAL ROLE edurange_player;
SELECT q.type, q.answer, q.cdf_payload -> 'answer' AS listed FROM edurange.challenge_details('knots') d, unnest(d.questions) q;
SELECT k.type, k.answer, k.cdf_payload -> 'answer' AS listed FROM edurange.challenge_details('knots') d, unnest(d.questions) q, edurange.question_details(q.id) k;
ROLLBACK;
RESET edurange.webos_compatibility;
SELECT testing.refused($$SELECT edurange.challenge_details(NULL)$$);
SELECT testing.refused($$SELECT edurange.challenge_details('nothing')$$);
