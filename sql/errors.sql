-- Every error that SQL callers can meet has its SQLSTATE; the texts are those of the other tests.
CALL testing.fresh();
CALL testing.quiz();
SELECT points FROM edurange.add_points('ada', 'spring', 5);
DO $$
DECLARE
  state text;
BEGIN
  -- the codes of the project's own class are free in PostgreSQL
  FOREACH state IN ARRAY ARRAY['RG101', 'RG201', 'RG302', 'RG503', 'RG701'] LOOP
    BEGIN
      RAISE EXCEPTION USING ERRCODE = state;
    EXCEPTION WHEN OTHERS THEN
      IF sqlstate <> state THEN
        RAISE 'not raised as %', state;
      END IF;
    END;
  END LOOP;
END
$$;
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
