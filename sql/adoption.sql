-- Adopting tables that exist already, in a database of their own.
SELECT current_database() AS here \gset
CREATE DATABASE adoption TEMPLATE template0 ENCODING 'UTF8';
\c adoption
CREATE ROLE platform_login;
ALTER DATABASE adoption OWNER TO platform_login;
-- the shape that Prisma 5 makes: other enum order, join table without a primary key
CREATE TYPE "UserRole" AS ENUM ('STUDENT', 'INSTRUCTOR', 'ADMIN');
CREATE TABLE "User" (id text NOT NULL CONSTRAINT "User_pkey" PRIMARY KEY, name text,
  email text NOT NULL, "emailVerified" timestamp(3), image text,
  role "UserRole" NOT NULL DEFAULT 'STUDENT',
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" timestamp(3) NOT NULL);
CREATE TABLE "CompetitionGroup" (id text NOT NULL CONSTRAINT "CompetitionGroup_pkey" PRIMARY KEY,
  name text NOT NULL, description text, "startDate" timestamp(3) NOT NULL, "endDate" timestamp(3),
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" timestamp(3) NOT NULL);
CREATE TABLE "_GroupMembers" ("A" text NOT NULL REFERENCES "CompetitionGroup" ON DELETE CASCADE,
  "B" text NOT NULL REFERENCES "User" ON DELETE CASCADE);
CREATE UNIQUE INDEX "_GroupMembers_AB_unique" ON "_GroupMembers" ("A", "B");
CREATE TABLE "GroupPoints" ("groupId" text NOT NULL REFERENCES "CompetitionGroup" ON DELETE CASCADE,
  id text NOT NULL CONSTRAINT "GroupPoints_pkey" PRIMARY KEY, points integer NOT NULL DEFAULT 0,
  "userId" text NOT NULL REFERENCES "User" ON DELETE CASCADE,
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP, "updatedAt" timestamp(3) NOT NULL);
CREATE UNIQUE INDEX "GroupPoints_userId_groupId_key" ON "GroupPoints" ("userId", "groupId");
INSERT INTO "User" VALUES ('u1', 'One', 'u1@x', NULL, NULL, 'STUDENT', '2024-01-01', '2024-01-01'),
  ('u2', 'Two', 'u2@x', NULL, NULL, 'ADMIN', '2024-01-01', '2024-01-01');
INSERT INTO "CompetitionGroup" VALUES ('g', 'G', NULL, '2024-01-01', NULL, '2024-01-01', '2024-01-01');
INSERT INTO "_GroupMembers" VALUES ('g', 'u1'), ('g', 'u2');
INSERT INTO "GroupPoints" VALUES ('g', 'p1', 30, 'u1', '2024-01-01', '2024-02-01');
GRANT CREATE ON SCHEMA public TO platform_login;
ALTER TABLE "User" OWNER TO platform_login;
ALTER TABLE "GroupPoints" OWNER TO platform_login;
CREATE TABLE before AS SELECT 'User' AS t, to_jsonb(x) AS r FROM "User" x
  UNION ALL SELECT 'GroupPoints', to_jsonb(x) FROM "GroupPoints" x;
CREATE EXTENSION edurange;

-- a table without a column that is needed is refused by name, and nothing is made
BEGIN;
ALTER TABLE "CompetitionGroup" DROP COLUMN "endDate";
SELECT * FROM edurange.migrate();
ROLLBACK;
BEGIN;
ALTER TYPE "UserRole" RENAME VALUE 'INSTRUCTOR' TO 'TEACHER';
SELECT * FROM edurange.migrate();
ROLLBACK;
-- the session goes on after it
ALTER TABLE "CompetitionGroup" RENAME "endDate" TO "end";
SELECT * FROM edurange.migrate();
ALTER TABLE "CompetitionGroup" RENAME "end" TO "endDate";
SELECT count(*) FROM pg_namespace WHERE nspname = 'edurange_shape';

-- a dry run says all that a run does, finds what is broken, and does nothing; others write meanwhile
BEGIN;
CREATE TEMPORARY TABLE foretold AS SELECT * FROM edurange.migrate(dry_run => true);
SELECT relation::regclass, mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
WHERE l.pid = pg_backend_pid() AND c.relnamespace IN ('public'::regnamespace, 'edurange'::regnamespace)
  AND mode <> 'AccessShareLock';
COMMIT;
SELECT count(*) AS rows_as_before FROM before WHERE r IN
  (SELECT to_jsonb(x) FROM "User" x UNION ALL SELECT to_jsonb(x) FROM "GroupPoints" x);
SELECT to_regclass('edurange.migration') AS made, to_regclass('"Challenge"') AS tables;
SELECT * FROM foretold WHERE kind IN ('finding', 'ledger');
CREATE TEMPORARY TABLE done AS SELECT * FROM edurange.migrate();
(TABLE foretold EXCEPT ALL TABLE done) UNION ALL (TABLE done EXCEPT ALL TABLE foretold);
SELECT kind, name FROM done WHERE kind IN ('migration', 'ledger', 'trigger', 'table', 'replica identity')
  AND name !~ '^edurange_row_filled' OR kind = 'index' AND name LIKE 'public.%' ORDER BY 1, 2;
SELECT * FROM edurange.migrate();
SELECT ready FROM edurange.readiness();
-- rows, owners and join tables are as they were
SELECT t, to_jsonb(x) = r AS same FROM before JOIN "User" x ON r ->> 'id' = x.id
UNION ALL SELECT t, to_jsonb(x) = r FROM before JOIN "GroupPoints" x ON r ->> 'id' = x.id;
SELECT relname, pg_get_userbyid(relowner) FROM pg_class
WHERE relname IN ('User', 'GroupPoints') ORDER BY 1;
SELECT conname FROM pg_constraint WHERE conrelid = '"_GroupMembers"'::regclass AND contype = 'p';
SELECT enum_range(NULL::"UserRole");
SELECT seq, delta, balance, kind, at AT TIME ZONE 'UTC' AS at FROM edurange.points_ledger;
SELECT rank, "userId", points FROM edurange.leaderboard('g');
SELECT (edurange.add_points('u1', 'g', 5)).points;
SELECT * FROM edurange.check_invariants();
-- the owner of the platform's tables knows nothing of us and writes
SET ROLE platform_login;
UPDATE "GroupPoints" SET points = points + 7 WHERE "userId" = 'u1';
RESET ROLE;
SELECT seq, delta, balance, kind, replace(actor, 'role:' || session_user, 'role:superuser') AS actor
FROM edurange.points_ledger ORDER BY seq;

-- moving back leaves every table and row; coming again accounts for what happened meanwhile
SET client_min_messages = warning;
DROP EXTENSION edurange CASCADE;
RESET client_min_messages;
SELECT count(*) FROM edurange.points_ledger;
UPDATE "GroupPoints" SET points = 50;
INSERT INTO "GroupPoints" VALUES ('g', 'p2', 4, 'u2', '2024-01-01', '2024-02-01');
DELETE FROM "_GroupMembers" WHERE "B" = 'u2';
CREATE EXTENSION edurange;
SELECT kind, name FROM edurange.migrate() WHERE kind IN ('migration', 'ledger', 'trigger') AND name !~ '^edurange_row_filled' ORDER BY 1, 2;
SELECT user_id, seq, delta, balance, kind FROM edurange.points_ledger ORDER BY 1, 2;
SELECT * FROM edurange.check_invariants();
SELECT rank, "userId", points FROM edurange.leaderboard('g');
\c :here
DROP DATABASE adoption;
DROP ROLE platform_login;
