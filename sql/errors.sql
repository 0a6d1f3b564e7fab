-- Every error that SQL callers can meet has its SQLSTATE; the texts are those of the other tests.
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
