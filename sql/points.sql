-- Corrections of totals.
CALL testing.fresh();
SELECT points, "userId", "groupId", "createdAt" = "updatedAt" AS new
FROM edurange.add_points('ada', 'spring', 10);
-- (times are whole milliseconds)
SELECT FROM pg_sleep(0.002);
SELECT points, "createdAt" < "updatedAt" AS changed FROM edurange.add_points('ada', 'spring', 5, 'bonus');
SELECT edurange.get_points('ada', 'spring'), edurange.get_points('ada', 'autumn'),
  edurange.get_points('nobody', 'spring'), edurange.get_points('ada', 'nowhere');
-- negative amounts take away, zero is an amount
SELECT points FROM edurange.add_points('ada', 'spring', -20);
SELECT points FROM edurange.add_points('ada', 'spring', 0);
SELECT points FROM edurange.set_points('ada', 'spring', 42, 'recount');
SELECT points FROM edurange.set_points('bob', 'spring', 0);
SELECT seq, delta, balance, kind, "sourceId", actor LIKE 'role:%' AS by_role, reason
FROM edurange.points_history('ada', 'spring');
SELECT seq, delta FROM edurange.points_history('ada', 'spring', "limit" => 2);
SELECT seq, delta FROM edurange.points_history('ada', 'spring', "limit" => 2, before_seq => 4);
SELECT count(*) FROM edurange.points_history('nobody', 'nowhere');
-- the ends of the range
SELECT points FROM edurange.set_points('bob', 'spring', 2147483647);
SELECT testing.refused($$SELECT edurange.add_points('bob', 'spring', 1)$$);
SELECT points FROM edurange.set_points('bob', 'spring', -2147483648);
SELECT testing.refused($$SELECT edurange.add_points('bob', 'spring', -1)$$);
SELECT seq, delta, balance FROM edurange.points_history('bob', 'spring');
SELECT points FROM edurange.set_points('bob', 'spring', 0);
-- refusals
SELECT testing.refused($$SELECT edurange.add_points(NULL, 'spring', 1)$$);
SELECT testing.refused($$SELECT edurange.add_points('', 'spring', 1)$$);
SELECT testing.refused($$SELECT edurange.add_points('ada', NULL, 1)$$);
SELECT testing.refused($$SELECT edurange.add_points('ada', 'spring', NULL)$$);
SELECT testing.refused($$SELECT edurange.add_points('nobody', 'spring', 1)$$);
SELECT testing.refused($$SELECT edurange.add_points('ada', 'nowhere', 1)$$);
SELECT testing.refused($$SELECT edurange.add_points('cyd', 'spring', 1)$$);
SELECT testing.refused($$SELECT edurange.add_points('ada', 'spring', 1, repeat('ä', 1001))$$);
SELECT points FROM edurange.add_points('ada', 'spring', 0, repeat('ä', 1000));
SELECT testing.refused($$SELECT edurange.set_points(NULL, 'spring', 1)$$);
SELECT testing.refused($$SELECT edurange.set_points('ada', '', 1)$$);
SELECT testing.refused($$SELECT edurange.set_points('ada', 'spring', NULL)$$);
SELECT testing.refused($$SELECT edurange.set_points('nobody', 'spring', 1)$$);
SELECT testing.refused($$SELECT edurange.set_points('ada', 'nowhere', 1)$$);
SELECT testing.refused($$SELECT edurange.set_points('cyd', 'spring', 1)$$);
SELECT testing.refused($$SELECT edurange.get_points(NULL, 'spring')$$);
SELECT testing.refused($$SELECT edurange.get_points('ada', NULL)$$);
SELECT testing.refused($$SELECT edurange.points_history(NULL, 'spring')$$);
SELECT testing.refused($$SELECT edurange.points_history('ada', NULL)$$);
SELECT testing.refused($$SELECT edurange.points_history('ada', 'spring', 0)$$);
SELECT testing.refused($$SELECT edurange.points_history('ada', 'spring', 1001)$$);
SELECT testing.refused($$SELECT edurange.points_history('ada', 'spring', NULL)$$);
-- a refused call leaves nothing
SELECT count(*) FROM "GroupPoints" WHERE "userId" = 'cyd';
SELECT * FROM edurange.check_invariants();
