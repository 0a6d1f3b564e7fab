-- What instructors do: users, competitions, members, codes, challenges, resets, lists; each with each of its errors.
CALL testing.fresh();
CALL testing.quiz();
INSERT INTO "_GroupInstructors" ("A", "B") VALUES ('spring', 'ina');
INSERT INTO "User" (id, email, name, role) VALUES ('oti', 'oti@example.org', 'Oti', 'INSTRUCTOR');
-- users: found by their address in whichever case, and left as they are
SELECT id IS NOT NULL AS id, name, email, role, "alreadyExists" FROM edurange.create_user(' Dan@Example.org ', 'Dan');
SELECT id IS NOT NULL AS id, name, email, role, "alreadyExists" FROM edurange.create_user('dan@example.ORG', 'Daniel', 'INSTRUCTOR', 'dan');
SELECT id, name, role, "alreadyExists" FROM edurange.create_user('eva@example.org', NULL, 'ADMIN', 'eva');
SELECT testing.refused($$SELECT edurange.create_user('fay@example.org', id => 'eva')$$);
INSERT INTO "User" (id, email) VALUES ('dan2', 'DAN@example.org');
SELECT testing.refused($$SELECT edurange.create_user('dan@example.org')$$);
DELETE FROM "User" WHERE id = 'dan2';
SELECT left(e, 9), testing.refused(format('SELECT edurange.create_user(%L)', e)) FROM unnest(ARRAY['', 'x', '@x', 'x@', 'a b@x', 'a@b@c', repeat('x', 250) || '@x.org']) e;
SELECT testing.refused($$SELECT edurange.create_user('g@x', role => 'TEACHER')$$), testing.refused($$SELECT edurange.create_user('g@x', id => ' ')$$);
-- the account in whose name entries are logged is nobody else's
SELECT testing.refused($$SELECT edurange.create_user('mallory@example.org', id => 'edurange-system', caller => ROW('t', NULL, NULL, 'ina'))$$), testing.refused($$SELECT edurange.create_user(' EDURange-System@Invalid ')$$);
SELECT testing.bound($$edurange.create_user('g' || chr(64) || 'x', @)$$, 'ada'), testing.bound($$edurange.users(@)$$, 'ada');
CREATE ROLE testing_service LOGIN IN ROLE edurange_service;
SET ROLE testing_service;
SELECT role FROM edurange.create_user('h@x', 'H', 'INSTRUCTOR');
RESET ROLE;
GRANT USAGE ON SCHEMA testing TO edurange_service;
SET ROLE testing_service;
SELECT testing.refused($$SELECT edurange.create_user('i@x', role => 'ADMIN')$$);
RESET ROLE;
REVOKE USAGE ON SCHEMA testing FROM edurange_service;
DROP ROLE testing_service;
SELECT u.email, u.role, page."nextCursor" IS NOT NULL AS more FROM edurange.users("limit" => 3) page, unnest(users) u;
WITH RECURSIVE page AS (SELECT p FROM edurange.users("limit" => 2) p UNION ALL SELECT n FROM page, edurange.users("limit" => 2, cursor => (p)."nextCursor") n WHERE (p)."nextCursor" IS NOT NULL)
SELECT string_agg(u.email, ' ') FROM page, unnest((p).users) u;
SELECT string_agg(u.email, ' ') FROM edurange.users('DAN@'), unnest(users) u;
-- addresses and ids that somebody wrote with spaces in them, or twice; and cursors that are none
INSERT INTO "User" (id, email) VALUES ('s p 1', 'a b'), ('s p 2', 'a b '), ('s p 3', 'A B'), ('é é', 'a é é'), ('s', '');
WITH RECURSIVE page AS (SELECT p, 1 AS n FROM edurange.users("limit" => 1) p UNION ALL SELECT q, n + 1 FROM page, edurange.users("limit" => 1, cursor => (p)."nextCursor") q WHERE (p)."nextCursor" IS NOT NULL AND n < 100)
SELECT count(*) = (SELECT count(*) FROM "User") AS each_once, count(DISTINCT u.id) = count(*) AS all_different FROM page, unnest((p).users) u;
SELECT left(c, 20) AS cursor, testing.refused(format('SELECT edurange.users(cursor => %L)', c)) FROM unnest(ARRAY['x', '-', '3-', '3-abc', '-1-abc', '99999999999-abc', '1-éa', '1577836800123000-spring', '5-' || repeat('x', 60000)]) c;
DELETE FROM "User" WHERE email IN ('', 'a b', 'a b ', 'A B', 'a é é');
SELECT testing.refused('SELECT edurange.users("limit" => 0)'), testing.refused('SELECT edurange.users("limit" => 501)');
-- competitions: what each has, changed, deleted
SELECT id, "isOpen", members, instructors, challenges, "accessCodes", "liveInstances" FROM edurange.competitions(), unnest(competitions) ORDER BY id;
SELECT string_agg(c.id, ' ') AS hers FROM edurange.competitions(caller => ROW('t', NULL, NULL, 'ina')), unnest(competitions) c;
SELECT count(*) AS bound FROM edurange.competitions(caller => ROW('t', 'ada', NULL, NULL)), unnest(competitions) c;
UPDATE "CompetitionGroup" SET "createdAt" = CASE id WHEN 'spring' THEN '2020-01-01 00:00:00.123' ELSE '2020-01-01' END::timestamp;
WITH RECURSIVE page AS (SELECT p FROM edurange.competitions(1) p UNION ALL SELECT n FROM page, edurange.competitions(1, (p)."nextCursor") n WHERE (p)."nextCursor" IS NOT NULL)
SELECT c.id, (p)."nextCursor" FROM page, unnest((p).competitions) c;
SELECT c, testing.refused(format('SELECT edurange.competitions(cursor => %L)', c)) FROM unnest(ARRAY['x', '1', '1-', '99999999999999999999-x', '999999999999999999-x']) c;
SELECT testing.refused($$SELECT edurange.competition('no')$$), testing.refused($$SELECT edurange.competition('')$$);
SELECT name, description, "startDate", "endDate" FROM edurange.update_competition('spring', 'Spring Cup', 'For all', end_date => '2090-01-01Z');
SELECT name, description, "startDate", "endDate" FROM edurange.update_competition('spring', description => '', start_date => '2021-01-01Z', no_end_date => true);
SELECT c, testing.refused('SELECT edurange.update_competition(' || c || ')') FROM unnest(ARRAY[$$'no', 'x'$$, $$'spring'$$, $$'spring', ''$$, $$'spring', start_date => 'infinity'$$, $$'spring', start_date => '10000-01-01'$$, $$'spring', end_date => '10000-01-01'$$, $$'spring', start_date => '0044-03-15 BC'$$,
  $$'spring', end_date => '2020-01-01Z'$$, $$'spring', end_date => '2030-01-01Z', no_end_date => true$$]) c;
-- members and instructors
SELECT m.*, page."nextCursor" FROM edurange.members('spring', 1) page, unnest(members) m;
SELECT m."userId", page."nextCursor" FROM edurange.members('spring', 1, 'ada') page, unnest(members) m;
SELECT testing.refused($$SELECT edurange.members('no')$$);
SELECT points FROM edurange.add_points('bob', 'spring', 7);
SELECT * FROM edurange.remove_member('spring', 'bob', ROW('t', NULL, NULL, 'ina'));
SELECT member, points FROM edurange.standing WHERE group_id = 'spring' AND user_id = 'bob';
SELECT c, testing.refused('SELECT edurange.remove_member(' || c || ')') FROM unnest(ARRAY[$$'spring', 'bob'$$, $$'spring', 'no'$$, $$'no', 'ada'$$, $$'spring', NULL$$]) c;
SELECT "groupId", array_agg(i.id ORDER BY i.id) FROM edurange.set_instructors('spring', ARRAY['oti', 'ina', 'oti']), unnest(instructors) i GROUP BY 1;
SELECT "groupId", array_agg(i.id ORDER BY i.id) FROM edurange.set_instructors('spring', ARRAY['ina'], ROW('t', NULL, NULL, 'oti')), unnest(instructors) i GROUP BY 1;
SELECT c, testing.refused('SELECT edurange.set_instructors(' || c || ')') FROM unnest(ARRAY[$$'spring', '{}'$$, $$'spring', NULL$$, $$'spring', ARRAY['ina', NULL]$$, $$'spring', ARRAY['no']$$, $$'no', ARRAY['ina']$$]) c;
SELECT testing.refused($$SELECT edurange.set_instructors('spring', ARRAY['oti'], ROW('t', NULL, NULL, 'oti'))$$);
-- codes
SELECT count(*) FROM (VALUES ('ONE'), ('TWO'), ('THREE')) c (code), edurange.generate_access_code('spring', 'ina', c.code);
UPDATE "CompetitionAccessCode" SET "createdAt" = '2020-01-01'::timestamp + strpos('ONE TWO THREE', code) * interval '1 s';
SELECT c.code, page."nextCursor" IS NOT NULL AS more FROM edurange.access_codes('spring', 2) page, unnest("accessCodes") c;
SELECT c.code FROM edurange.access_codes('spring', 2) page, edurange.access_codes('spring', 2, page."nextCursor") next, unnest(next."accessCodes") c;
SELECT code, "usedCount" FROM edurange.revoke_access_code('spring', E' two\u00a0\n');
SELECT c, testing.refused('SELECT edurange.revoke_access_code(' || c || ')') FROM unnest(ARRAY[$$'spring', 'TWO'$$, $$'autumn', 'ONE'$$, $$'no', 'ONE'$$]) c;
-- a challenge that nobody worked at, and one that somebody did
SELECT (challenge).points, attempts, "usersCharged" FROM edurange.set_challenge_points('spring', testing.gc(), 90);
SELECT testing.try('ada', 'text', 'Forty-Two');
SELECT testing.try('ada', 'list', 'blue');
SELECT replace(testing.refused($$SELECT edurange.set_challenge_points('spring', testing.gc(), 80)$$), testing.gc(), 'GC');
SELECT replace(testing.refused($$SELECT edurange.remove_competition_challenge('spring', testing.gc())$$), testing.gc(), 'GC');
SELECT "alreadyCompleted" FROM edurange.complete_challenge('ada', testing.gc(), 60);
SELECT (challenge).points, attempts, "completedQuestions", completions, "usersCharged", "pointsTaken" FROM edurange.set_challenge_points('spring', testing.gc(), 40, true, 'too dear', ROW('t', NULL, NULL, 'ina'));
SELECT edurange.get_points('ada', 'spring');
SELECT c, replace(testing.refused('SELECT edurange.set_challenge_points(' || c || ')'), testing.gc(), 'GC') FROM unnest(ARRAY[$$'spring', 'no', 1$$, $$'autumn', testing.gc(), 1$$, $$'no', testing.gc(), 1$$, $$'spring', testing.gc(), -1$$, $$'spring', testing.gc(), NULL$$]) c;
-- lists of what was done
SELECT a."userId", a."isCorrect", a.answer FROM edurange.attempts('spring'), unnest(attempts) a;
SELECT a.answer, page."nextCursor" IS NOT NULL AS more FROM edurange.attempts('spring', "limit" => 1) page, unnest(attempts) a;
SELECT a.answer FROM edurange.attempts('spring', "limit" => 1) page, edurange.attempts('spring', cursor => page."nextCursor") next, unnest(next.attempts) a;
SELECT a.answer FROM edurange.attempts('spring', 'ada', testing.q('list')) page, unnest(attempts) a;
SELECT a."isCorrect", a.answer FROM edurange.attempts('spring', 'ada', caller => ROW('t', NULL, NULL, 'ada')) page, unnest(attempts) a;
SELECT testing.refused($$SELECT edurange.attempts('spring', 'ada', caller => ROW('t', NULL, NULL, 'bob'))$$), testing.refused($$SELECT edurange.attempts('spring', caller => ROW('t', NULL, NULL, 'ada'))$$);
SELECT testing.bound($$edurange.attempts('spring', 'ada', @)$$, 'bob'), testing.bound($$edurange.attempts('autumn', @)$$, 'bob'), testing.refused($$SELECT edurange.attempts('no')$$);
-- anew: completions go, attempts stay and back nothing
SELECT "questionsReset", "challengesReset", (points).points FROM edurange.reset_progress('spring', 'ada', 'asked for', ROW('t', NULL, NULL, 'ina'));
SELECT count(*) AS attempts FROM "QuestionAttempt" WHERE "userId" = 'ada';
SELECT testing.try('ada', 'text', 'Forty-Two');
SELECT kind, delta, balance, replace(actor, 'role:' || session_user, 'role:superuser') AS actor, via, reason FROM edurange.points_history('ada', 'spring') ORDER BY seq;
SELECT c, testing.refused('SELECT edurange.reset_progress(' || c || ')') FROM unnest(ARRAY[$$'spring', 'bob'$$, $$'spring', 'no'$$, $$'no', 'ada'$$]) c;
-- what was paid before a reset is not taken back
SELECT (challenge)."challengeId", attempts, "completedQuestions", "usersCharged", "pointsTaken" FROM edurange.remove_competition_challenge('spring', testing.gc(), true, 'a leak');
SELECT edurange.get_points('ada', 'spring');
SELECT testing.refused($$SELECT edurange.remove_competition_challenge('spring', 'no')$$);
-- deletions: by name, not while instances run; the ledger and the log stay
INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId") VALUES ('di', 'quiz', 'ada', '', 'QUEUED', 'spring');
SELECT c, testing.refused('SELECT edurange.delete_competition(' || c || ')') FROM unnest(ARRAY[$$'spring', 'Spring Cup'$$, $$'spring', 'spring cup'$$, $$'no', 'x'$$, $$'spring', ''$$]) c;
UPDATE "ChallengeInstance" SET status = 'ERROR' WHERE id = 'di';
SELECT count(*) AS entries FROM edurange.activity('spring'), unnest(entries);
SELECT name FROM edurange.delete_competition('spring', 'Spring Cup', ROW('t', NULL, NULL, 'ina'));
SELECT kind, delta, balance FROM edurange.points_history('ada', 'spring', 1);
SELECT count(*) AS entries, bool_and("isArchived") AS archived FROM edurange.activity('spring'), unnest(entries);
SELECT e."eventType", e."userId", e."groupId", e.metadata, e."isArchived" FROM edurange.activity(event_type => 'GROUP_DELETED'), unnest(entries) e;
-- a user's entries, which the user's deletion takes along, and of which the competition's archive has some already
SELECT count(*) AS live FROM "ActivityLog" WHERE "userId" = 'ada';
SELECT count(*) AS entries, count(DISTINCT e.id) AS ids FROM edurange.activity(user_id => 'ada'), unnest(entries) e;
DELETE FROM "User" WHERE id = 'ada';
SELECT count(*) AS entries, count(DISTINCT e.id) AS ids, bool_and("isArchived") AS archived FROM edurange.activity(user_id => 'ada'), unnest(entries) e;
SELECT count(*) AS of_spring FROM edurange.activity('spring', 'ada'), unnest(entries) e;
WITH RECURSIVE page AS (SELECT p FROM edurange.activity(user_id => 'ada', "limit" => 2) p UNION ALL SELECT n FROM page, edurange.activity(user_id => 'ada', "limit" => 2, cursor => (p)."nextCursor") n WHERE (p)."nextCursor" IS NOT NULL)
SELECT count(*) AS by_pages, count(DISTINCT e.id) AS ids FROM page, unnest((p).entries) e;
SELECT testing.refused($$SELECT edurange.activity('autumn', caller => ROW('t', NULL, NULL, 'bob'))$$), testing.bound($$edurange.activity(user_id => 'cyd', @)$$, 'bob');
-- a type that the log does not know is a mistake, not an empty page
SELECT testing.refused(format('SELECT edurange.activity(event_type => %L)', e)) FROM unnest(ARRAY['GROUP_LEAVED', 'group_left', '', 'GROUP_LEFT']) e;
-- however many others lie between, a page reads so many, and goes on
INSERT INTO "ActivityLog" ("eventType", "userId", metadata, "timestamp") SELECT CASE WHEN n % 6000 = 1 THEN 'USER_LOGGED_IN' ELSE 'USER_UPDATED' END::"ActivityEventType", 'cyd', '{}', '2020-01-01'::timestamp + n * interval '1 ms' FROM generate_series(1, 14000) n;
WITH RECURSIVE page AS (SELECT p FROM edurange.activity(user_id => 'cyd', event_type => 'USER_LOGGED_IN') p UNION ALL SELECT n FROM page, edurange.activity(user_id => 'cyd', event_type => 'USER_LOGGED_IN', cursor => (p)."nextCursor") n WHERE (p)."nextCursor" IS NOT NULL)
SELECT array_agg(cardinality((p).entries)) AS found FROM page;
DELETE FROM "ActivityLog" WHERE "userId" = 'cyd' AND "timestamp" < '2020-02-01';
-- many entries go in pieces
INSERT INTO "ActivityLog" ("eventType", "userId", metadata, "timestamp") SELECT 'USER_UPDATED', 'bob', '{}', '2021-01-01'::timestamp + n / 3 * interval '1 ms' FROM generate_series(1, 1203) n;
DELETE FROM "User" WHERE id = 'bob';
SELECT count(*) FROM edurange.activity_archive WHERE user_id = 'bob' AND event_type = 'USER_UPDATED';
-- once, however often it is sent
SELECT count(*) FROM generate_series(1, 2), edurange.update_competition('autumn', 'Autumn Cup', idempotency_key => 'k');
SELECT testing.refused($$SELECT edurange.update_competition('autumn', 'Other', idempotency_key => 'k')$$);
SELECT name FROM edurange.delete_competition('autumn', 'Autumn Cup', idempotency_key => 'k'), generate_series(1, 2);
-- also where what was done was the end of the authority to do it: then only what is asked once more, and by the same
SELECT id AS hers FROM edurange.create_competition('Hers', '2021-01-01', ARRAY['ina', 'oti'], caller => ROW('t', NULL, NULL, 'ina')) \gset
SELECT cardinality(instructors) FROM edurange.set_instructors(:'hers', ARRAY['oti'], ROW('t', NULL, NULL, 'ina'), 'i');
SELECT cardinality(instructors) FROM edurange.set_instructors(:'hers', ARRAY['oti'], ROW('t', NULL, NULL, 'ina'), 'i');
SELECT name FROM edurange.delete_competition(:'hers', 'Hers', ROW('t', NULL, NULL, 'oti'), 'd');
SELECT name FROM edurange.delete_competition(:'hers', 'Hers', ROW('t', NULL, NULL, 'oti'), 'd');
SELECT c, testing.refused(format('SELECT edurange.delete_competition(%L, ''Hers'', %s)', :'hers', c)) FROM unnest(ARRAY[$$ROW('t', NULL, NULL, 'oti')$$, $$ROW('t', NULL, NULL, 'oti'), 'e'$$, $$ROW('t', NULL, NULL, 'ina'), 'd'$$, $$ROW('u', NULL, NULL, 'oti'), 'd'$$]) c;
SELECT * FROM edurange.check_invariants();
-- each list is read from an index
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM "User" WHERE lower(btrim(email)) ~>=~ 'a' AND lower(btrim(email)) ~<=~ 'b' ORDER BY lower(btrim(email)) USING ~<~, id LIMIT 2;
RESET enable_seqscan;
RESET enable_bitmapscan;
-- what names something is short, so that it fits into indexes and lists
SELECT testing.refused(format('SELECT edurange.create_user(%L, id => %L)', 'long@x', repeat('x', 256))) AS id, testing.refused(format('SELECT edurange.create_user(%L, name => %L)', 'long@x', repeat('x', 256))) AS name,
  testing.refused(format('SELECT edurange.create_user(%L, name => %L, id => (SELECT string_agg(chr(20000 + n * 37), %L) FROM generate_series(1, 255) n))', 'long@x', repeat('ü', 255), '')) AS longest;
SELECT testing.refused(format('SELECT edurange.create_competition(%L, %L, ARRAY[%L])', repeat('x', 256), '2021-01-01', 'ada')) AS made,
  testing.refused(format('SELECT edurange.update_competition(%L, %L)', 'spring', repeat('x', 256))) AS changed;
