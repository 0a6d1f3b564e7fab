-- Rosters: files as they come, rows that wait and who completes them, and what is wrong with which.
CALL testing.fresh();
INSERT INTO "_GroupInstructors" ("A", "B") VALUES ('spring', 'ina');
UPDATE "User" SET email = ' Cyd@Example.org ' WHERE id = 'cyd';
-- a roster as it stands, codes aside
CREATE FUNCTION testing.roster(g text) RETURNS TABLE (email text, name text, external_id text, login_id text, section text, user_id text, member boolean, code boolean, line integer) LANGUAGE sql AS $$
  SELECT r.email, r.name, r."externalId", r."loginId", r.section, CASE WHEN u.id ~ '^\w+$' THEN u.id ELSE replace(r."userId", u.id, 'new') END, r."isMember", r."accessCode" ~ '^[A-Z0-9]{8}$', r.line
  FROM edurange.roster(g, 500) p, unnest(p.roster) WITH ORDINALITY AS r LEFT JOIN "User" u ON u.id = r."userId" ORDER BY r.ordinality
$$;
-- a byte order mark, ends of lines of two kinds, quotes, doubled ones and lines in them, headers as people spell them, columns in any order, one that is nothing to us
SELECT * FROM edurange.import_roster('spring', chr(65279) || E'Section, External ID ,EMAIL,Ignored,Login_Id,name\r\n'
  || E'A,007,  Ada@Example.org ,x,ada1,"Lovelace, ""Ada"""\r\n'
  || E'"B\nnorth",=1+1,cyd@example.org,,@cyd,\r\n\r\n,,,,,\r\n'
  || E'A,,new@example.org,,,+New\n'
  || E'A,8,short@example.org', caller => ROW('t', NULL, NULL, 'ina'));
SELECT * FROM testing.roster('spring');
SELECT "A", "B" FROM "_GroupMembers" WHERE "B" = 'cyd';
SELECT "maxUses", "usedCount", "expiresAt", "createdBy" FROM "CompetitionAccessCode";
SELECT "eventType", "userId", metadata FROM "ActivityLog" ORDER BY "timestamp", id;
-- again: the same people, the same codes; a column that the file lacks stays, an empty field is emptied
CREATE TABLE testing.codes AS SELECT code FROM edurange.roster WHERE code IS NOT NULL;
SELECT "alreadyMembers", "membersAdded", waiting, "codesMade", errors FROM edurange.import_roster('spring', E'email,name\nada@example.org,Ada\nnew@example.org,\nshort@example.org,Short');
SELECT * FROM testing.roster('spring');
SELECT count(*) FROM edurange.roster JOIN testing.codes USING (code);
-- a row is complete when somebody joins with its code, whatever their address; the code is theirs
SELECT "alreadyMember" FROM edurange.roster r, edurange.join_competition(r.code, 'bob') WHERE r.email = 'short@example.org';
DELETE FROM "_GroupMembers" WHERE "B" = 'bob';
SELECT "alreadyMember" FROM edurange.roster r, edurange.join_competition(lower(r.code), 'bob') WHERE r.email = 'short@example.org';
SELECT user_id, code IS NOT NULL AS code FROM edurange.roster WHERE email = 'short@example.org';
SELECT "usedCount", count(*) FROM "CompetitionAccessCode" GROUP BY 1 ORDER BY 1;
-- also where the dashboard lets them in, whose log says so; not where it is not true, nor for who has a row
SELECT waiting FROM edurange.import_roster('autumn', E'email\nelse@example.org\nmore@example.org');
CREATE PROCEDURE testing.let_in(who text, address text, used integer DEFAULT 1) LANGUAGE sql AS $$
  INSERT INTO "_GroupMembers" ("A", "B") SELECT 'autumn', who WHERE used > 0 ON CONFLICT DO NOTHING;
  UPDATE "CompetitionAccessCode" c SET "usedCount" = c."usedCount" + used FROM edurange.roster r WHERE r.code = c.code AND r.email = address;
  INSERT INTO "ActivityLog" ("eventType", "userId", "groupId", "accessCodeId", metadata) SELECT 'GROUP_JOINED', who, 'autumn', c.id, '{}' FROM "CompetitionAccessCode" c JOIN edurange.roster r ON r.code = c.code AND r.email = address $$;
CALL testing.let_in('cyd', 'else@example.org', 0);
SELECT user_id FROM edurange.roster WHERE email = 'else@example.org';
CALL testing.let_in('cyd', 'else@example.org');
CALL testing.let_in('cyd', 'more@example.org');
SELECT email, user_id, code IS NOT NULL AS code FROM edurange.roster WHERE group_id = 'autumn' ORDER BY 1;
SELECT waiting, "alreadyMembers", "codesMade" FROM edurange.import_roster('autumn', E'email\nelse@example.org\nmore@example.org');
DELETE FROM edurange.roster WHERE group_id = 'autumn';
DELETE FROM "CompetitionAccessCode" WHERE "groupId" = 'autumn';
DELETE FROM "_GroupMembers" WHERE "A" = 'autumn' AND "B" = 'cyd';
-- or when a user of the address comes, from wherever; the code is nobody's then
INSERT INTO "User" (id, email, name) VALUES ('neu', ' NEW@Example.org', 'Neu');
SELECT user_id, code FROM edurange.roster WHERE email = 'new@example.org';
SELECT "B" FROM "_GroupMembers" WHERE "A" = 'spring' ORDER BY 1;
SELECT "usedCount", count(*) FROM "CompetitionAccessCode" GROUP BY 1 ORDER BY 1;
SELECT "eventType", metadata FROM "ActivityLog" WHERE "userId" = 'neu';
-- by create_user, and by another address
SELECT a.waiting, b.waiting FROM edurange.import_roster('autumn', E'email\nlate@example.org\neve@example.org\nbob@example.com') a, edurange.import_roster('spring', E'email\nlate@example.org\nbob@example.com') b;
SELECT id FROM edurange.create_user('Late@example.org', id => 'late');
UPDATE "User" SET email = 'bob@example.com' WHERE id = 'bob';
SELECT r.group_id, r.email, r.user_id, m."B" AS member FROM edurange.roster r LEFT JOIN "_GroupMembers" m ON m."A" = r.group_id AND m."B" = r.user_id WHERE r.email ~ '^(late|bob)' OR r.user_id = 'bob' ORDER BY 1, 2;
-- who goes lets the row wait again, without a code; the next file brings one
DELETE FROM "User" WHERE id IN ('late', 'neu');
SELECT group_id, email, user_id, code FROM edurange.roster WHERE email ~ '^(late|new)' ORDER BY 1, 2;
SELECT waiting, "codesMade", "membersAdded" FROM edurange.import_roster('autumn', E'email\nlate@example.org\nada@example.org');
-- with users made for them: students, with the address as it is written
SELECT rows, "alreadyMembers", "membersAdded", "usersMade", waiting, "codesMade" FROM edurange.import_roster('autumn', E'email,name\nLate@example.org,Late\nnina@Example.org,"Nina"', make_users => true, caller => ROW('t', NULL, NULL, NULL));
SELECT email, name, role FROM "User" WHERE email ~* '^(late|nina)@' ORDER BY 1;
SELECT * FROM testing.roster('autumn');
SELECT * FROM testing.roster('spring');
SELECT "eventType", count(*) FROM "ActivityLog" l JOIN "User" u ON u.id = l."userId" WHERE u.email ~* '^(late|nina)@' GROUP BY 1 ORDER BY 1;
-- a dry run says the same and does nothing
SELECT "dryRun", rows, "membersAdded", "usersMade" FROM edurange.import_roster('autumn', E'email\nzoe@example.org\ncyd@example.org', true, true);
SELECT count(*) FROM "User" WHERE email = 'zoe@example.org';
SELECT count(*) FROM testing.roster('autumn') WHERE email ~ '^(zoe|cyd)';
-- a row that is wrong is named by its line and hurts no other
INSERT INTO "User" (id, email) VALUES ('two1', 'two@example.org'), ('two2', 'TWO@example.org');
SELECT rows, "alreadyMembers", waiting, errors FROM edurange.import_roster('autumn', E'email,name\n,No Address\nnobody,X\n"ada@example.org","A\nB"\nADA@example.org,Again\ntwo@example.org,Two\n'
  || E'"a@example.org"x,Y\nfine@example.org,Fine\n' || repeat('x', 1001) || E',Z\nbob@example.com,B\n"open@example.org,O\nlast@example.org,Last');
SELECT email, line FROM testing.roster('autumn') WHERE line > 3;
SELECT errors FROM edurange.import_roster('spring', E'email\nbob@example.com');
-- nobody gets the address of the account in whose name entries are logged
SELECT rows, "usersMade", waiting, errors FROM edurange.import_roster('autumn', E'email,name\nEDURange-system@invalid,M', true, true);
-- an end of a line of old, and 65 fields
SELECT rows, errors FROM edurange.import_roster('autumn', E'email\rcyd@example.org\r' || repeat('a,', 64) || E'a\r');
-- a file that is wrong altogether
SELECT c, testing.refused(format('SELECT edurange.import_roster(''autumn'', %L)', c)) FROM unnest(ARRAY['', E'\n\n', 'name', 'email;name', 'email,E-Mail', '"email']) c;
SELECT testing.refused(format('SELECT edurange.import_roster(''autumn'', %L)', E'email\n' || repeat('a' || chr(64) || E'b\n', 10001)));
SELECT testing.refused(format('SELECT edurange.import_roster(''autumn'', %L)', E'email\n' || repeat(repeat('a', 999) || E'\n', 2100)));
SELECT testing.refused($$SELECT edurange.import_roster('no', 'email')$$), testing.refused($$SELECT edurange.import_roster('', 'email')$$), testing.refused($$SELECT edurange.roster('no')$$);
SELECT testing.bound($$edurange.import_roster('autumn', 'email', make_users => true, @)$$, 'ada'), testing.bound($$edurange.import_roster('spring', 'email', @)$$, 'late'), testing.bound($$edurange.roster('spring', @)$$, 'late');
SELECT testing.refused($$SELECT edurange.import_roster('autumn', 'email', caller => ROW('t', NULL, NULL, 'ina'))$$);
-- a code that is withdrawn takes the row along that waits with it, and no other
SELECT "maxUses" FROM edurange.roster r, edurange.revoke_access_code('autumn', lower(r.code)) WHERE r.group_id = 'autumn' AND r.email = 'fine@example.org';
SELECT count(*) FROM edurange.roster WHERE email = 'fine@example.org';
SELECT "usedCount" FROM edurange.roster r, edurange.revoke_access_code('spring', r.code) WHERE r.group_id = 'spring' AND r.email = 'short@example.org';
SELECT user_id FROM edurange.roster WHERE email = 'short@example.org';
-- one that somebody else deleted is made anew
DELETE FROM "CompetitionAccessCode" WHERE code IN (SELECT code FROM edurange.roster WHERE group_id = 'autumn');
SELECT waiting, "codesMade" FROM edurange.import_roster('autumn', E'email\nlast@example.org\neve@example.org');
-- by pages
WITH RECURSIVE page AS (SELECT p FROM edurange.roster('autumn', 2) p UNION ALL SELECT n FROM page, edurange.roster('autumn', 2, (p)."nextCursor") n WHERE (p)."nextCursor" IS NOT NULL)
SELECT count(*) AS pages, string_agg(r.email, ' ') FROM (SELECT row_number() OVER () AS n, p FROM page) q, unnest((p).roster) r;
-- once, however often it is sent
SELECT "membersAdded" FROM generate_series(1, 2), edurange.import_roster('spring', E'email\ncyd@example.org\ntia@example.org', idempotency_key => 'r');
SELECT testing.refused($$SELECT edurange.import_roster('spring', 'email', idempotency_key => 'r')$$);
-- who is made or let in is in the log, or nothing is done
CREATE FUNCTION pg_temp.drop_one() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN CASE WHEN NEW."eventType"::text <> TG_ARGV[0] OR NEW."userId" <> TG_ARGV[1] AND TG_ARGV[1] <> ''any'' THEN NEW END; END';
CREATE TRIGGER lossy BEFORE INSERT ON "ActivityLog" FOR EACH ROW EXECUTE FUNCTION pg_temp.drop_one('USER_REGISTERED', 'any');
SELECT testing.refused($$SELECT edurange.import_roster('autumn', E'email\nuno@example.org\ndue@example.org', make_users => true)$$);
DROP TRIGGER lossy ON "ActivityLog";
CREATE TRIGGER lossy BEFORE INSERT ON "ActivityLog" FOR EACH ROW EXECUTE FUNCTION pg_temp.drop_one('GROUP_JOINED', 'ina');
SELECT testing.refused($$SELECT edurange.import_roster('autumn', E'email\nina@example.org\nuno@example.org', make_users => true)$$), (SELECT count(*) FROM "User" WHERE email IN ('uno@example.org', 'due@example.org'));
DROP TRIGGER lossy ON "ActivityLog";
-- many rows, more than one piece
SELECT rows, waiting, "codesMade", errors FROM edurange.import_roster('spring', 'email' || (SELECT string_agg(E'\nm' || n || '@example.org', '') FROM generate_series(1, 1203) n));
SELECT count(*), count(DISTINCT code) FROM edurange.roster r JOIN "CompetitionAccessCode" c USING (code) WHERE email ~ '^m\d';
-- a user who comes costs an import's worth of nothing where nobody waits, and is found by an index
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT group_id FROM edurange.roster WHERE lower(email) = 'x' AND user_id IS NULL;
EXPLAIN (COSTS OFF) SELECT 1 FROM edurange.roster WHERE code = 'X';
RESET enable_seqscan;
RESET enable_bitmapscan;
-- a competition takes its roster along
SELECT name FROM edurange.delete_competition('spring', 'Spring');
SELECT DISTINCT group_id FROM edurange.roster;
SELECT * FROM edurange.check_invariants();
DROP FUNCTION testing.roster;
DROP TABLE testing.codes;
