-- How members take part, and when a point counts; each with each of its errors.
CALL testing.fresh();
CALL testing.quiz();
INSERT INTO "_GroupInstructors" ("A", "B") VALUES ('spring', 'ina');
INSERT INTO "_GroupMembers" ("A", "B") VALUES ('spring', 'cyd');
-- what is said of a member, and who may say it
SELECT s, testing.refused('SELECT edurange.set_participation(' || s || ')') FROM unnest(ARRAY[$$NULL, 'ada'$$, $$'spring', ''$$, $$'no', 'ada'$$,
  $$'spring', 'no'$$, $$'autumn', 'bob'$$, $$'spring', 'ada', 'infinity'$$, $$'spring', 'ada', hidden => true, caller => ROW('t', NULL, NULL, 'ada')$$,
  $$'autumn', 'ada', caller => ROW('t', NULL, NULL, 'ina')$$]) s;
SELECT p.* FROM edurange.participation('spring'), unnest(participation) p;
SELECT c, testing.refused('SELECT edurange.participation(' || c || ')') FROM unnest(ARRAY['NULL', $$'no'$$, $$'spring', 0$$, $$'spring', caller => ROW('t', NULL, NULL, 'bob')$$]) c;
-- hidden: not on the board, now and then, and all else as before
SELECT testing.try('ada', 'text', 'Forty-Two'), testing.try('bob', 'text', 'Forty-Two');
SELECT rank, "userId", points FROM edurange.leaderboard('spring');
SELECT "userId", "endsAt", hidden, disqualified, reason, "setBy" FROM edurange.set_participation('spring', 'ada', hidden => true, reason => 'staff', caller => ROW('t', NULL, NULL, 'ina'));
SELECT rank, "userId", points FROM edurange.leaderboard('spring');
SELECT rank, "userId", points FROM edurange.leaderboard('spring', at => clock_timestamp());
SELECT testing.try('ada', 'list', 'red');
SELECT edurange.get_points('ada', 'spring');
SELECT * FROM edurange.check_invariants();
-- disqualified: neither on the board nor scoring, whoever asserts it; the ledger stays, and corrections are possible
SELECT hidden, disqualified FROM edurange.set_participation('spring', 'bob', disqualified => true);
SELECT rank, "userId", points FROM edurange.leaderboard('spring');
SELECT testing.refused($$SELECT edurange.attempt_question('bob', testing.q('list'), testing.gc(), 'red')$$),
  testing.refused($$SELECT edurange.complete_question('bob', testing.q('list'), testing.gc())$$),
  testing.refused($$SELECT edurange.complete_challenge('bob', testing.gc(), 50)$$);
SELECT "isCorrect" FROM edurange.attempt_question('cyd', testing.q('list'), testing.gc(), 'no');
SELECT points FROM edurange.add_points('bob', 'spring', 3);
SELECT p."userId", p.hidden, p.disqualified, "nextCursor" FROM edurange.participation('spring', 1), unnest(participation) p;
SELECT p."userId", p.hidden, p.disqualified, "nextCursor" FROM edurange.participation('spring', 1, 'ada'), unnest(participation) p;
SELECT * FROM edurange.check_invariants();
-- who leaves and comes back is as before
DELETE FROM "_GroupMembers" WHERE "B" = 'bob';
INSERT INTO "_GroupMembers" ("A", "B") VALUES ('spring', 'bob');
SELECT rank, "userId", points FROM edurange.leaderboard('spring');
-- it is taken back by saying nothing
SELECT hidden, disqualified FROM (VALUES ('ada'), ('bob')) u (u), edurange.set_participation('spring', u);
SELECT rank, "userId", points FROM edurange.leaderboard('spring');
SELECT testing.try('bob', 'list', 'red');
SELECT metadata - 'timestamp' FROM "ActivityLog" WHERE metadata ? 'participation' ORDER BY "timestamp", id LIMIT 2;
-- extra time: for this user alone, to the very instant, and only behind the end
BEGIN;
ALTER TABLE "CompetitionGroup" ALTER "endDate" TYPE timestamp(6), ALTER "startDate" TYPE timestamp(6);
UPDATE "CompetitionGroup" SET "endDate" = '2021-01-01' WHERE id = 'spring';
SELECT testing.refused($$SELECT edurange.set_participation('spring', 'ada', '2021-01-01 00:00Z')$$), testing.refused($$SELECT edurange.set_participation('spring', 'ada', '10000-01-01')$$);
SELECT testing.refused($$SELECT edurange.attempt_question('ada', testing.q('choice'), testing.gc(), 'b')$$);
SELECT "endsAt" FROM edurange.set_participation('spring', 'ada', '2999-01-01 00:00Z');
SELECT testing.try('ada', 'choice', 'b');
SELECT testing.refused($$SELECT edurange.attempt_question('bob', testing.q('choice'), testing.gc(), 'b')$$);
SELECT edge, testing.at_once(format($$UPDATE edurange.participation SET ends_at = statement_timestamp() + %L::interval$$, edge),
  $$SELECT testing.refused($r$SELECT edurange.attempt_question('ada', testing.q('bonus'), testing.gc(), 'y')$r$)$$) FROM (VALUES ('0'), ('1 us')) t (edge);
-- it opens nothing before the beginning
UPDATE "CompetitionGroup" SET "startDate" = '2998-01-01', "endDate" = '2998-02-01' WHERE id = 'spring';
UPDATE edurange.participation SET ends_at = '2999-01-01';
SELECT testing.refused($$SELECT edurange.attempt_question('ada', testing.q('bonus'), testing.gc(), 'x')$$);
ROLLBACK;
-- once, however often it is sent
SELECT count(*) FROM generate_series(1, 2), edurange.set_participation('spring', 'ada', hidden => true, idempotency_key => 'k');
SELECT testing.refused($$SELECT edurange.set_participation('spring', 'ada', idempotency_key => 'k')$$);
-- entries that count from earlier on than they were written
CALL testing.fresh();
SELECT p.points FROM edurange.add_points('ada', 'spring', 10) p;
SELECT p.points FROM edurange.add_points('bob', 'spring', 10) p;
SELECT "userId", "effectiveAt" FROM edurange.points_history('ada', 'spring');
SELECT * FROM edurange.check_invariants();
UPDATE edurange.points_ledger SET effective_at = '2020-02-01' WHERE user_id = 'bob';
SELECT invariant, "userId" FROM edurange.check_invariants();
UPDATE edurange.points_ledger SET effective_at = '2999-02-01' WHERE user_id = 'bob';
SELECT invariant, "userId" FROM edurange.check_invariants();
UPDATE edurange.standing SET hidden = true WHERE user_id = 'bob';
SELECT invariant, "userId" FROM edurange.check_invariants();
