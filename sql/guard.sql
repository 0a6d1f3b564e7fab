-- The guard that migrate() makes against losing the tables by accident.
SET client_min_messages = warning;
SELECT testing.refused('DROP TABLE public."GroupPoints"');
SELECT testing.refused('DROP TABLE edurange.token');
SELECT testing.refused('DROP SCHEMA edurange CASCADE') ~ '^55006: tables of EDURange Cloud .*edurange.points_ledger' AS schema_refused;
-- what prisma db push --force-reset sends
SELECT testing.refused('DROP SCHEMA IF EXISTS "public" CASCADE; CREATE SCHEMA "public"') ~ '^55006: tables of EDURange Cloud .*public."User"' AS reset_refused;
SELECT testing.refused('CREATE ROLE guard_owner; ALTER TABLE "Session" OWNER TO guard_owner; DROP OWNED BY guard_owner CASCADE');
-- what is nobody's business
SELECT testing.refused('CREATE TABLE public.somebodys (); DROP TABLE public.somebodys');
SELECT testing.refused('CREATE TEMPORARY TABLE "User" (); DROP TABLE pg_temp."User"');
SELECT testing.refused('ALTER TABLE "User" ADD COLUMN extra text; ALTER TABLE "User" DROP COLUMN extra');
-- the setting lets it through
BEGIN;
SET LOCAL edurange.allow_drop = on;
SELECT testing.refused('DROP TABLE edurange.cdf_document');
ROLLBACK;
-- without the extension it stands, and lets the extension go
BEGIN;
DROP EXTENSION edurange CASCADE;
SELECT testing.refused('DROP TABLE edurange.points_ledger');
SET LOCAL edurange.allow_drop = yes;
SELECT testing.refused('DROP SCHEMA public, edurange CASCADE');
ROLLBACK;
-- a guard that was taken away or turned off is made again; service does not depend on it
BEGIN;
ALTER EVENT TRIGGER edurange_guard DISABLE;
SELECT ready FROM edurange.readiness();
SELECT * FROM edurange.migrate(dry_run => true) WHERE kind = 'guard';
SELECT * FROM edurange.migrate();
DROP EVENT TRIGGER edurange_guard;
DROP SCHEMA edurange_guard CASCADE;
SELECT missing FROM edurange.health();
SELECT * FROM edurange.migrate();
SELECT testing.refused('DROP TABLE edurange.token');
ROLLBACK;
-- it depends on nothing of the extension
SELECT count(*) FROM pg_depend d JOIN pg_proc p ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass
WHERE p.proname = 'refuse_drop' AND d.deptype IN ('e', 'x');
-- it is made nowhere where somebody else could change it
BEGIN;
CREATE ROLE planter;
DROP EVENT TRIGGER edurange_guard;
ALTER SCHEMA edurange_guard OWNER TO planter;
SELECT testing.refused('SELECT edurange.migrate()');
SELECT testing.refused('SELECT edurange.migrate(dry_run => true)');
ALTER SCHEMA edurange_guard OWNER TO CURRENT_USER;
ALTER FUNCTION edurange_guard.refuse_drop() OWNER TO planter;
SELECT testing.refused('SELECT edurange.migrate()');
DROP FUNCTION edurange_guard.refuse_drop();
SELECT * FROM edurange.migrate();
ROLLBACK;
