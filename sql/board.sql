-- The board as others see it: its policy, the freeze, what changed, and the feed.
CALL testing.fresh();
CALL testing.quiz();
INSERT INTO "_GroupInstructors" ("A", "B") VALUES ('spring', 'ina');
INSERT INTO "User" (id, email, name, role) VALUES ('oti', 'oti@example.org', 'Oti', 'INSTRUCTOR'), ('adm', 'adm@example.org', 'Adm', 'ADMIN');
INSERT INTO "_GroupMembers" ("A", "B") VALUES ('spring', 'oti');
-- the policy: of nobody, set, read, refused
SELECT * FROM edurange.get_board_policy('spring');
SELECT * FROM edurange.set_board_policy('spring', 'public', '2090-01-01Z');
SELECT * FROM edurange.set_board_policy('spring', 'staff', caller => ROW('t', NULL, NULL, 'ina'));
SELECT * FROM edurange.get_board_policy('spring', ROW('t', NULL, NULL, 'adm'));
SELECT set_by FROM edurange.board_rule;
SELECT c, testing.refused('SELECT edurange.set_board_policy(' || c || ')') FROM unnest(ARRAY[$$'no', 'public'$$, $$'', 'public'$$, $$'spring', NULL$$, $$'spring', 'all'$$,
  $$'spring', 'public', 'infinity'$$, $$'spring', 'public', '0044-03-15 BC'$$, $$'spring', 'public', '2020-01-01Z', '10000-01-01'$$, $$'spring', 'public', thawed_at => '2020-01-01Z'$$, $$'spring', 'public', '2020-01-02Z', '2020-01-01Z'$$,
  $$'spring', 'public', caller => ROW('t', NULL, NULL, 'oti')$$, $$'spring', 'public', caller => ROW('t', NULL, NULL, 'ada')$$, $$'spring', 'public', caller => ROW('t', 'cyd', NULL, NULL)$$]) c;
SELECT testing.refused($$SELECT edurange.get_board_policy('no')$$), testing.refused($$SELECT edurange.get_board_policy('spring', ROW('t', NULL, NULL, 'oti'))$$);
SELECT metadata->>'boardVisibility' AS logged, metadata->>'actingUserId' AS by FROM "ActivityLog" WHERE "eventType" = 'GROUP_UPDATED' ORDER BY "timestamp", id;

-- who sees it: not at all is as what does not exist
CREATE ROLE testing_player LOGIN IN ROLE edurange_player;
GRANT USAGE ON SCHEMA testing TO edurange_player;
CREATE FUNCTION testing.sees(place text) RETURNS TABLE (who text, board text, access text, feed text) LANGUAGE plpgsql AS $$
DECLARE
  c text;
  p boolean;
  n bigint;
BEGIN
  FOR who, p, c IN VALUES ('nobody', true, 'NULL'), ('front end', false, 'NULL'), ('member', false, $w$ROW('t', 'ada', NULL, NULL)$w$),
    ('stranger', false, $w$ROW('t', 'cyd', NULL, NULL)$w$)
  LOOP
    board := testing.refused(format('SELECT edurange.leaderboard(%L, caller => %s)', place, c));
    IF board = 'accepted' THEN
      EXECUTE format('SELECT count(*) FROM edurange.leaderboard(%L, caller => %s)', place, c) INTO board;
    END IF;
    access := testing.refused(format('SELECT edurange.board_access(%L, %L, %s)', place, p, c));
    feed := testing.refused(format('SELECT edurange.events(%L, is_public => %L, caller => %s)', place, p, c));
    RETURN NEXT;
  END LOOP;
END
$$;
SELECT "sinceToken" IS NOT NULL AS token, more, events FROM edurange.events('spring');
SELECT visibility FROM edurange.set_board_policy('spring', 'members');
SET ROLE testing_player;
SELECT * FROM testing.sees('spring');
RESET ROLE;
SELECT visibility FROM edurange.set_board_policy('spring', 'public');
SET ROLE testing_player;
SELECT * FROM testing.sees('spring');
RESET ROLE;
SELECT visibility FROM edurange.set_board_policy('spring', 'staff');
SET ROLE testing_player;
SELECT * FROM testing.sees('spring');
-- none of it differs from what is said of no competition
SELECT who, replace(replace(s::text, 'spring', 'no'), '"', '') = replace(n::text, '"', '') AS alike FROM testing.sees('spring') s JOIN testing.sees('no') n USING (who);
RESET ROLE;
-- staff see it all the same; whoever acts only where they are staff of it
SELECT count(*) FROM edurange.leaderboard('spring');
SELECT who, testing.refused(format($$SELECT edurange.board_access('spring', caller => ROW('t', NULL, NULL, %L))$$, who)) FROM unnest('{ina,adm,oti,ada,cyd}'::text[]) who;
SELECT visibility FROM edurange.set_board_policy('spring', 'members');
SELECT who, "isStaff", visibility FROM unnest('{ina,adm,oti,ada}'::text[]) who, edurange.board_access('spring', caller => ROW('t', NULL, NULL, who));
SELECT testing.refused($$SELECT edurange.board_access('spring', caller => ROW('t', NULL, NULL, 'cyd'))$$), testing.refused($$SELECT edurange.board_access('no', caller => ROW('t', NULL, NULL, 'cyd'))$$);
DROP FUNCTION testing.sees;

-- the freeze: everybody but staff gets the board as it was, alone joining, leaving and names show
SELECT points FROM edurange.add_points('ada', 'spring', 10);
SELECT clock_timestamp() AS freeze \gset
SELECT pg_sleep(0.01);
SELECT points FROM edurange.add_points('bob', 'spring', 20);
SELECT frozen FROM edurange.set_board_policy('spring', 'members', :'freeze');
CREATE FUNCTION testing.board_and_feed() RETURNS TABLE (now json, at json, feed json) LANGUAGE sql AS $$
  SELECT (SELECT json_agg((rank, "userId", name, points)) FROM edurange.leaderboard('spring')),
  (SELECT json_agg(("userId", points)) FROM edurange.leaderboard('spring', at => clock_timestamp())),
  (SELECT json_agg(("userId", delta, balance, replace(actor, 'role:' || session_user, 'role:superuser'))) FROM edurange.events('spring'), unnest(events))
$$;
SELECT * FROM testing.board_and_feed();
SET ROLE testing_player;
SELECT * FROM testing.board_and_feed();
RESET ROLE;
UPDATE "User" SET name = 'Ada L.' WHERE id = 'ada';
DELETE FROM "_GroupMembers" WHERE "A" = 'spring' AND "B" = 'oti';
INSERT INTO "_GroupMembers" ("A", "B") VALUES ('spring', 'cyd');
SELECT points FROM edurange.set_points('ada', 'spring', 0);
SET ROLE testing_player;
SELECT * FROM testing.board_and_feed();
SELECT json_agg(("userId", points)) FROM edurange.leaderboard('spring', 2, 1, caller => ROW('t', 'bob', NULL, NULL));
RESET ROLE;
-- points of oneself stay alive; who acts as a player is frozen, an instructor is not
SELECT edurange.get_points('bob', 'spring', ROW('t', 'bob', NULL, NULL));
SELECT who, (SELECT json_agg(("userId", points)) FROM edurange.leaderboard('spring', 1, caller => ROW('t', NULL, NULL, who))) FROM unnest('{ina,adm,ada}'::text[]) who;
-- thawed: all at once
SELECT frozen FROM edurange.set_board_policy('spring', 'members', :'freeze', :'freeze');
SET ROLE testing_player;
SELECT * FROM testing.board_and_feed();
RESET ROLE;
DROP FUNCTION testing.board_and_feed;
REVOKE USAGE ON SCHEMA testing FROM edurange_player;
DROP ROLE testing_player;

-- what changed: all rows, then those since a mark, names only where that is asked for, nothing for who has left
CREATE FUNCTION testing.board(staff boolean, since text DEFAULT NULL, thorough boolean DEFAULT false, OUT mark text, OUT whole boolean, OUT rows text, OUT series text) LANGUAGE sql AS $$
  SELECT s.mark, "isWhole", regexp_replace(regexp_replace(s.rows, '[0-9-]+T[0-9:.]+Z', 'T', 'g'), '\d{13}', 'ms', 'g'), regexp_replace(s.series, '\d{13}', 'ms', 'g')
  FROM edurange.board_state('spring', staff, since, thorough) s
$$;
SELECT whole, rows, series, mark FROM testing.board(true) \gset b_
SELECT :'b_whole' AS whole, :'b_rows' AS rows, :'b_series' AS series;
SELECT head::jsonb - '{challenges,freezeAt,thawedAt}'::text[] AS head, jsonb_array_length(head::jsonb->'challenges') AS challenges FROM edurange.board_state('spring');
SELECT whole, rows FROM testing.board(true, :'b_mark');
SELECT (completion)."pointsEarned" FROM edurange.complete_question('ada', testing.q('text'), testing.gc());
SELECT whole, rows, series FROM testing.board(true, :'b_mark');
UPDATE "User" SET name = E'<b>"Bob"\t\\' WHERE id = 'bob';
DELETE FROM "_GroupMembers" WHERE "A" = 'spring' AND "B" = 'cyd';
SELECT whole, rows, series FROM testing.board(true, :'b_mark');
SELECT whole, rows, series FROM testing.board(true, :'b_mark', true);
SELECT mark FROM testing.board(true, :'b_mark', true) \gset b_
SELECT whole, rows FROM testing.board(true, :'b_mark', true);
-- the challenge completed is in it; other heads are other boards
SELECT count(*) FROM (SELECT edurange.complete_question('ada', testing.q(q), testing.gc()) FROM unnest('{list,number,choice,boxes,flag}'::text[]) q) t;
SELECT rows FROM testing.board(true, :'b_mark');
UPDATE "CompetitionGroup" SET name = 'Spring Cup' WHERE id = 'spring';
SELECT whole, length(rows) > 100 AS all FROM testing.board(true, :'b_mark');
SELECT mark FROM testing.board(false) \gset b_
-- a freeze: as it was, and stays so for all but staff
-- (dates of completions are rounded to milliseconds, half of them up)
DO $$BEGIN PERFORM pg_sleep(0.002); END$$;
SELECT clock_timestamp() AS freeze \gset
SELECT frozen FROM edurange.set_board_policy('spring', 'members', :'freeze');
SELECT whole, rows = (SELECT rows FROM testing.board(true)) AS same FROM testing.board(false, :'b_mark');
SELECT mark, rows FROM testing.board(false) \gset b_
SELECT points FROM edurange.add_points('bob', 'spring', 1000);
SELECT rows = :'b_rows' AS same FROM testing.board(false);
SELECT rows, series FROM testing.board(false, :'b_mark', true);
SELECT rows FROM testing.board(true) WHERE rows LIKE '%1020%';
SELECT * FROM edurange.board_state('no');
SELECT testing.refused($$SELECT edurange.board_state('')$$), testing.bound($$edurange.board_state('spring', @)$$, 'nobody');
SELECT frozen FROM edurange.set_board_policy('spring', 'members');

-- the feed: page by page, each once and in order, as the ledger has it
CREATE FUNCTION testing.read(size integer, INOUT token text, OUT entries text[], OUT pages integer) LANGUAGE plpgsql AS $$
DECLARE
  page edurange.event_page;
BEGIN
  pages := 0;
  LOOP
    page := edurange.events('spring', token, size);
    entries := entries || ARRAY(SELECT format('%s %s %s', e."userId", e.seq, e.delta) FROM unnest(page.events) e);
    token := page."sinceToken";
    pages := pages + 1;
    EXIT WHEN NOT page.more;
  END LOOP;
END
$$;
SELECT entries = (SELECT array_agg(format('%s %s %s', user_id, seq, delta) ORDER BY at, user_id, seq) FROM edurange.points_ledger) AS all, cardinality(entries) AS n, pages, token FROM testing.read(3, NULL) \gset f_
SELECT :'f_all' AS all, :'f_n' AS n, :'f_pages' AS pages;
SELECT entries = (SELECT entries FROM testing.read(3, NULL)) AS same FROM testing.read(1000, NULL);
SELECT entries, pages FROM testing.read(3, :'f_token');
SELECT points FROM edurange.add_points('bob', 'spring', 5, 'for help');
SELECT entries, token FROM testing.read(3, :'f_token') \gset g_
SELECT :'g_entries' AS entries;
SELECT entries FROM testing.read(3, :'g_token');
SELECT "userId", delta, kind, replace(actor, 'role:' || session_user, 'role:superuser') AS actor, reason FROM edurange.events('spring', :'f_token'), unnest(events);
SELECT t, testing.refused(format('SELECT edurange.events(%L, %L)', p, t)) FROM (VALUES ('spring', 'x'), ('spring', 'abc'), ('spring', '31'), ('spring', 'C0'), ('autumn', :'f_token')) v (p, t) WHERE length(t) < 10
UNION ALL SELECT 'of spring', testing.refused(format('SELECT edurange.events(%L, %L)', 'autumn', :'f_token'));
SELECT c, testing.refused('SELECT edurange.events(' || c || ')') FROM unnest(ARRAY[$$'no'$$, $$''$$, $$'spring', "limit" => 0$$, $$'spring', "limit" => 10001$$]) c;
-- start anew: another server, another timeline, a window that is not there yet, an entry that is gone, another origin
CREATE FUNCTION testing.edited(token text, place integer, value text) RETURNS text LANGUAGE sql AS $$
  SELECT encode(convert_to(string_agg(CASE WHEN n = place THEN value ELSE part END, ' ' ORDER BY n), 'UTF8'), 'hex')
  FROM regexp_split_to_table(convert_from(decode(token, 'hex'), 'UTF8'), ' ') WITH ORDINALITY AS t (part, n)
$$;
SELECT place, testing.refused(format('SELECT edurange.events(%L, %L)', 'spring', testing.edited(:'f_token', place, value)))
FROM (VALUES (2, '1.2'), (3, '99'), (4, '5'), (7, '999999999'), (9, '77')) v (place, value);
DELETE FROM edurange.feed_origin;
SELECT testing.refused(format('SELECT edurange.events(%L, %L)', 'spring', :'f_token'));
-- all is history then, and there once
SELECT entries = (SELECT array_agg(format('%s %s %s', user_id, seq, delta) ORDER BY at, user_id, seq) FROM edurange.points_ledger) AS all, token FROM testing.read(4, NULL) \gset f_
SELECT :'f_all' AS all;
SELECT points FROM edurange.add_points('ada', 'spring', 6);
SELECT entries FROM testing.read(3, :'f_token');
-- frozen before that: history, up to the freeze; thawed, the rest
SELECT frozen FROM edurange.set_board_policy('spring', 'public', :'freeze');
CREATE FUNCTION testing.public_page(token text) RETURNS edurange.event_page LANGUAGE sql AS $$ SELECT edurange.events('spring', token, is_public => true) $$;
SELECT cardinality(events) = (SELECT count(*) FROM edurange.points_ledger WHERE at <= :'freeze') AS all, more, "sinceToken" AS token FROM testing.public_page(NULL) \gset f_
SELECT :'f_all' AS all, :'f_more' AS more;
SELECT events, more, "sinceToken" = :'f_token' AS stays FROM testing.public_page(:'f_token');
SELECT visibility FROM edurange.set_board_policy('spring', 'public');
SELECT array_agg(delta ORDER BY at, e."userId", seq) FROM testing.public_page(:'f_token') p, unnest(p.events) e;
DROP FUNCTION testing.board, testing.read, testing.edited, testing.public_page;
-- who waits for it for many asks whether there may be more: after an entry of this competition, or where a freeze begins or ends
SELECT mark FROM edurange.feed_state('spring') \gset s_
SELECT points FROM edurange.add_points('ada', 'autumn', 1);
SELECT "groupId", mark = :'s_mark' AS same, newest = (SELECT max(xid) FROM edurange.points_ledger WHERE group_id = 'spring') AS newest, "feedDelay" FROM edurange.feed_state('spring');
SELECT points FROM edurange.add_points('ada', 'spring', 1);
SELECT mark = :'s_mark' AS same, mark FROM edurange.feed_state('spring') \gset s_
SELECT :'s_same' AS same;
SELECT frozen FROM edurange.set_board_policy('spring', 'members', :'freeze');
SELECT mark = :'s_mark' AS same FROM edurange.feed_state('spring');
SELECT frozen FROM edurange.set_board_policy('spring', 'members', :'freeze', :'freeze');
SELECT mark = :'s_mark' AS same FROM edurange.feed_state('spring');
-- up to where it is read by all of them: however much there is behind that, they come to the same place
SELECT "sinceToken" AS token FROM edurange.events('spring', "limit" => 10000) \gset a_
SELECT "sinceToken" AS token FROM edurange.events('spring', :'a_token', 10000) \gset a_
SELECT points FROM edurange.add_points('ada', 'spring', 1);
SELECT "sinceToken" AS token FROM edurange.events('spring', :'a_token') \gset b_
SELECT points FROM edurange.add_points('bob', 'spring', 2);
SELECT newest FROM edurange.feed_state('spring') \gset s_
SELECT points FROM edurange.add_points('bob', 'spring', 3);
SELECT who, array(SELECT delta FROM unnest(events)) AS deltas, more, "sinceToken" = (SELECT "sinceToken" FROM edurange.events('spring', :'b_token', newest => :s_newest)) AS same
FROM (VALUES ('one', :'a_token'), ('other', :'b_token')) v (who, token), edurange.events('spring', token, newest => :s_newest);
SELECT array(SELECT delta FROM unnest(events)) AS deltas, "sinceToken" = :'b_token' AS stays FROM edurange.events('spring', :'b_token', newest => 3);
SELECT array(SELECT delta FROM unnest(events)) AS deltas FROM edurange.events('spring', :'b_token', newest => 9223372036854775807);
SELECT mark FROM edurange.feed_state('spring') \gset s_
BEGIN;
SELECT points FROM edurange.add_points('ada', 'spring', 1);
SELECT mark = :'s_mark' AS same, "feedDelay" > 0 AS delayed FROM edurange.feed_state('spring');
ROLLBACK;
SELECT "feedDelay" FROM edurange.feed_state('no');
SELECT testing.refused($$SELECT edurange.feed_state('')$$), testing.bound($$edurange.feed_state('spring', @)$$, 'nobody');

-- what a session keeps of a frozen board is how it was, whatever happens since and whoever comes and goes: as the ledger has it
INSERT INTO "User" (id, email, name) SELECT 'p' || i, 'p' || i || '@example.org', 'P' FROM generate_series(1, 90) i;
INSERT INTO "_GroupMembers" ("A", "B") SELECT 'autumn', 'p' || i FROM generate_series(1, 80) i;
SELECT count(*) FROM generate_series(1, 60) i, edurange.add_points('p' || i, 'autumn', i % 7);
-- (a minute ago)
UPDATE edurange.points_ledger SET at = at - interval '1 minute' WHERE group_id = 'autumn';
UPDATE edurange.standing SET changed_at = changed_at - interval '1 minute', reached_at = reached_at - interval '1 minute' WHERE group_id = 'autumn';
SELECT clock_timestamp() - interval '30 s' AS autumn \gset
SELECT frozen FROM edurange.set_board_policy('autumn', 'members', :'autumn');
-- by the function that the ledger is asked with where nobody keeps anything, of members alone
CREATE FUNCTION testing.kept(lim integer, off integer, OUT alike boolean, OUT n bigint) LANGUAGE sql AS $$
  WITH kept AS (SELECT row_number() OVER (ORDER BY rank) AS n, "userId" AS id, points, "reachedAt" AS at FROM edurange.leaderboard('autumn', lim, off, caller => ROW('t', NULL, NULL, 'ada'))),
  found AS (SELECT row_number() OVER (ORDER BY rank) AS n, "userId" AS id, points, "reachedAt" AS at FROM edurange.leaderboard('autumn', at => (SELECT freeze_at FROM edurange.board_rule WHERE group_id = 'autumn'))
    WHERE EXISTS (SELECT FROM "_GroupMembers" WHERE "A" = 'autumn' AND "B" = "userId") ORDER BY 1 LIMIT lim OFFSET off)
  SELECT array(SELECT (id, points, at)::text FROM kept ORDER BY n) = array(SELECT (id, points, at)::text FROM found ORDER BY n), (SELECT count(*) FROM kept)
$$;
SELECT * FROM testing.kept(1000, 0);
SELECT count(*) FROM generate_series(1, 80) i, edurange.add_points('p' || i, 'autumn', 100 + i);
SELECT * FROM testing.kept(1000, 0);
-- (no look-up for each who has points since)
BEGIN;
SELECT pg_stat_get_xact_numscans('edurange.points_ledger_pkey'::regclass) AS scans \gset
SELECT count(*) FROM edurange.leaderboard('autumn', caller => ROW('t', NULL, NULL, 'ada'));
SELECT pg_stat_get_xact_numscans('edurange.points_ledger_pkey'::regclass) - :scans AS looked_up;
COMMIT;
DELETE FROM "_GroupMembers" WHERE "A" = 'autumn' AND "B" IN (SELECT 'p' || i FROM generate_series(1, 80, 2) i);
SELECT hidden FROM edurange.set_participation('autumn', 'p4', hidden => true);
SELECT lim, off, (testing.kept(lim, off)).* FROM (VALUES (10, 0), (5, 30), (10, 35), (1, 1000)) v (lim, off);
INSERT INTO "_GroupMembers" ("A", "B") SELECT 'autumn', 'p' || i FROM generate_series(81, 90) i;
SELECT * FROM testing.kept(1000, 0);
-- another freeze is another board; what was written and undone is in none
SELECT frozen FROM edurange.set_board_policy('autumn', 'members', clock_timestamp());
BEGIN;
SELECT count(*) FROM generate_series(2, 90, 2) i, edurange.add_points('p' || i, 'autumn', 1000);
UPDATE edurange.points_ledger SET at = at - interval '1 minute' WHERE group_id = 'autumn';
UPDATE edurange.standing SET changed_at = changed_at - interval '1 minute', reached_at = reached_at - interval '1 minute' WHERE group_id = 'autumn';
SELECT frozen FROM edurange.set_board_policy('autumn', 'members', clock_timestamp() - interval '30 s');
SELECT * FROM testing.kept(1000, 0);
ROLLBACK;
SELECT * FROM testing.kept(1000, 0);
SELECT max(points) FROM edurange.leaderboard('autumn', caller => ROW('t', NULL, NULL, 'ada'));
DROP FUNCTION testing.kept;
DELETE FROM "User" WHERE id ~ '^p\d+$';
