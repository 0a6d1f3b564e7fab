-- A board of the past is what the ledger says, whichever way it is found: an entry of each pair by the key, or all of them in one pass.
CALL testing.fresh();
SET timezone = 'UTC';
INSERT INTO "User" (id, email, name) SELECT 'p' || n, 'p' || n || '@example.org', 'P' || n FROM generate_series(1, 8) n;
INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('few', 'Few', '2020-01-01'), ('many', 'Many', '2020-01-01');
INSERT INTO "_GroupMembers" ("A", "B") SELECT 'few', 'p' || n FROM generate_series(1, 3) n;
INSERT INTO "_GroupMembers" ("A", "B") SELECT 'many', 'p' || n FROM generate_series(1, 8) n;
-- few have many entries each, and many a few; some are of zero, and one total is corrected to what it is
SELECT count(*) FROM generate_series(1, 30) i, generate_series(1, 3) n, edurange.add_points('p' || n, 'few', (i * n) % 7 - 2 + 3 * (i % 2));
SELECT count(*) FROM generate_series(1, 6) i, generate_series(1, 7) n, edurange.add_points('p' || n, 'many', (i + n) % 9);
SELECT points FROM edurange.set_points('p1', 'few', edurange.get_points('p1', 'few')) UNION ALL SELECT points FROM edurange.set_points('p1', 'many', edurange.get_points('p1', 'many'));
-- an entry a minute, those of each user a second after those of the one before; one user's count from earlier on
UPDATE edurange.points_ledger SET at = '2024-01-01'::timestamptz + seq * interval '1 min' + right(user_id, 1)::integer * interval '1 s'
WHERE group_id IN ('few', 'many');
UPDATE edurange.points_ledger SET effective_at = at - seq % 3 * interval '150 s' WHERE user_id = 'p2' AND group_id IN ('few', 'many');
UPDATE edurange.standing s SET changed_at = l.changed, reached_at = l.reached, backdated = s.user_id = 'p2'
FROM (SELECT group_id, user_id, max(at) AS changed, max(t) FILTER (WHERE sum <> 0) AS reached FROM (
  SELECT group_id, user_id, coalesce(effective_at, at) AS t, max(at) AS at, sum(delta) FROM edurange.points_ledger GROUP BY 1, 2, 3) l GROUP BY 1, 2) l
WHERE l.group_id = s.group_id AND l.user_id = s.user_id AND s.group_id IN ('few', 'many');
-- p8 has left with what they had, which is nothing, and p7 with something
DELETE FROM "_GroupMembers" WHERE "B" IN ('p7', 'p8');
CREATE FUNCTION testing.by_sums(g text, t timestamptz, corrected boolean) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT format('%s %s %s', user_id, coalesce(points, 0), reached) FROM (SELECT s.user_id, s.member, sum(delta) AS points, max(counts_at) FILTER (WHERE delta <> 0) AS reached
    FROM edurange.standing s LEFT JOIN LATERAL (SELECT coalesce(l.effective_at, l.at) AS counts_at, sum(delta) AS delta FROM edurange.points_ledger l
      WHERE l.group_id = g AND l.user_id = s.user_id AND CASE WHEN corrected THEN coalesce(l.effective_at, l.at) ELSE l.at END <= t GROUP BY 1) l ON true
    WHERE s.group_id = g GROUP BY 1, 2) b WHERE member OR points <> 0 ORDER BY coalesce(points, 0) DESC, reached, user_id $$;
CREATE FUNCTION testing.differ(g text) RETURNS TABLE (corrected boolean, instants bigint, wrong bigint) LANGUAGE sql AS $$
  SELECT c, count(*), count(*) FILTER (WHERE array(SELECT format('%s %s %s', "userId", points, "reachedAt") FROM edurange.leaderboard(g, at => t, corrected => c) ORDER BY rank)
    <> array(SELECT testing.by_sums(g, t, c)))
  FROM (SELECT DISTINCT at - d * interval '1 ms' AS t FROM edurange.points_ledger, generate_series(-1, 1) d WHERE group_id = g) t, unnest(ARRAY[false, true]) c
  GROUP BY 1 ORDER BY 1 $$;
SELECT g, d.* FROM unnest(ARRAY['few', 'many']) g, testing.differ(g) d;
-- by how many looks into the key: one for each but for p2, whose entries are summed up; and one in all, and p2's sum
CREATE FUNCTION testing.looks(g text, t timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE before bigint := pg_stat_get_xact_numscans('edurange.points_ledger_pkey'::regclass);
BEGIN
  PERFORM FROM edurange.leaderboard(g, at => t);
  RETURN pg_stat_get_xact_numscans('edurange.points_ledger_pkey'::regclass) - before;
END $$;
SELECT testing.looks('few', '2024-01-01 00:20'), testing.looks('many', '2024-01-01 00:01:30');
-- nor is a pass made for the few who have points since
SELECT testing.looks('many', (SELECT max(at) - interval '1 ms' FROM edurange.points_ledger WHERE group_id = 'many'));
-- nor beside the sums, where the entries of all pairs count from earlier on
BEGIN;
UPDATE edurange.standing SET backdated = true WHERE group_id = 'many';
SELECT testing.looks('many', '2024-01-01 00:01:30'), count(*) FILTER (WHERE changed_at > '2024-01-01 00:01:30') AS younger FROM edurange.standing WHERE group_id = 'many';
ROLLBACK;
-- who has seen a frozen board is told what has changed, and what has not is not looked for
SELECT frozen FROM edurange.set_board_policy('many', 'members', '2024-01-01 00:01:30');
SELECT mark, length(rows) > 0 AS whole FROM edurange.board_state('many') \gset
SELECT :'whole' AS whole;
BEGIN;
SELECT pg_stat_get_xact_numscans('edurange.points_ledger_pkey'::regclass) AS scans \gset
SELECT rows, series FROM edurange.board_state('many', false, :'mark', thorough => true);
SELECT pg_stat_get_xact_numscans('edurange.points_ledger_pkey'::regclass) - :scans AS looks;
ROLLBACK;
-- what goes through all of the ledger reads it in the order of the key, and has nothing to sort
CREATE FUNCTION testing.scans(sql text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE before bigint := pg_stat_get_xact_numscans('edurange.points_ledger_pkey'::regclass);
BEGIN
  EXECUTE sql;
  RETURN pg_stat_get_xact_numscans('edurange.points_ledger_pkey'::regclass) - before;
END $$;
DELETE FROM edurange.points_ledger WHERE effective_at IS NOT NULL;
SET enable_sort = off;
SET enable_hashagg = off;
SELECT testing.scans('SELECT FROM edurange.check_invariants()') AS both_passes, testing.scans($$SELECT FROM edurange.findings('balance_differs')$$) AS balances;
