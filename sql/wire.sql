-- Rows as JSON.
SET TimeZone = 'America/New_York';
CREATE TYPE testing.inner_row AS (a integer, b text);
CREATE TYPE testing.wide AS ("camelCase" text, i smallint, j integer, k bigint, f double precision, n numeric,
  t timestamptz, y boolean, d jsonb, e json, u uuid, list text[], nested testing.inner_row, rows testing.inner_row[], nothing text);
SELECT edurange.wire(ROW('quote " back \ slash' || chr(10) || chr(1) || 'ü', -1, 2147483647, 9007199254740993, 0.1, 12345678901234567890.10,
  '2024-07-01 12:00:00.123456+02', true, '{"b": [1, null], "a": "x"}', '{"kept":  1}', '0190a6c8-7a3c-7000-8000-000000000000',
  ARRAY['a', NULL, 'b'], ROW(1, 'x'), ARRAY[ROW(2, NULL), NULL]::testing.inner_row[], NULL)::testing.wide);
SELECT edurange.wire(t) FROM (SELECT 'infinity'::timestamptz AS a, '-infinity'::timestamptz AS b, '0044-03-15 BC'::timestamptz AS c,
  'NaN'::numeric AS d, '-Infinity'::float8 AS e, -1.5 AS f, '{}'::text[] AS g, timestamptz '1969-12-31 23:59:59.9999+00' AS h) t;
SELECT edurange.wire(NULL::testing.inner_row) IS NULL AS null_row;
SELECT edurange.wire(t) FROM (SELECT 1 AS one) t;
SELECT bool_and(edurange.new_id() ~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$') AS v7,
  count(DISTINCT edurange.new_id()) AS different FROM generate_series(1, 1000);
SELECT bool_and(id > before) AS ascending FROM (SELECT id, lag(id) OVER (ORDER BY n) AS before FROM (SELECT n, edurange.new_id() AS id FROM generate_series(1, 10000) n) i) pairs;
SELECT abs(extract(epoch FROM now()) * 1000 - ('x' || replace(left(edurange.new_id(), 13), '-', ''))::bit(48)::bigint) < 5000 AS is_now;
RESET TimeZone;
-- a statement writes so much at most, in how many rows soever
SELECT count(edurange.wire(t)) FROM (SELECT repeat('x', 1024 * 1024) AS x FROM generate_series(1, 15)) t;
SELECT count(edurange.wire(t)) FROM (SELECT repeat('x', 1024 * 1024) AS x FROM generate_series(1, 16)) t;
-- however little there was to be written it from: a null takes a bit
SELECT length(edurange.wire(t)::text) FROM (SELECT array_fill(NULL::integer, ARRAY[10000000]) AS x) t;
SELECT length(edurange.wire_piece(t)::text) FROM (SELECT array_fill(NULL::integer, ARRAY[3000000]) AS x) t;
SELECT edurange.wire_piece(t) FROM (SELECT repeat('x', 20000000) AS x) t;
