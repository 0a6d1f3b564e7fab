-- Installing, making the tables, and what later tests share.
CREATE EXTENSION edurange;
-- before migrate() nothing is there, and that is said
SELECT ready, cardinality(missing) > 20 AS much_is_missing FROM edurange.readiness();
\set VERBOSITY terse
SELECT edurange.get_points('nobody', 'nowhere');
\set VERBOSITY default
-- a dry run says all that a run does, and does nothing
CREATE TEMPORARY TABLE foretold AS SELECT * FROM edurange.migrate(dry_run => true);
SELECT to_regclass('edurange.migration') AS made, to_regclass('"User"') AS tables, to_regnamespace('edurange_guard') AS guard;
CREATE TEMPORARY TABLE done AS SELECT * FROM edurange.migrate();
SELECT kind, count(*) FROM done GROUP BY kind ORDER BY kind;
(TABLE foretold EXCEPT ALL TABLE done) UNION ALL (TABLE done EXCEPT ALL TABLE foretold);
SELECT * FROM edurange.migrate(dry_run => true);
-- again: nothing to do
SELECT * FROM edurange.migrate();
SELECT * FROM edurange.readiness();
SELECT number, name FROM edurange.migration ORDER BY number;

-- tables belong to no extension; the platform's to the owner of the database, ours to edurange_owner
SELECT n.nspname, pg_get_userbyid(c.relowner) = (SELECT pg_get_userbyid(datdba) FROM pg_database
    WHERE datname = current_database()) AS owned_by_database_owner,
  pg_get_userbyid(c.relowner) = 'edurange_owner' AS owned_by_edurange, count(*)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('public', 'edurange') AND c.relkind = 'r' GROUP BY 1, 2, 3 ORDER BY 1;
SELECT count(*) AS member_relations FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'e' AND c.relkind <> 'c';
-- all columns of the platform's tables
SELECT table_name, count(*) AS columns,
  md5(string_agg(column_name || ' ' || udt_name || ' ' || is_nullable, ',' ORDER BY ordinal_position))
FROM information_schema.columns WHERE table_schema = 'public' GROUP BY 1 ORDER BY 1;
-- a raw insert that gives neither id nor updatedAt gets both
INSERT INTO "User" (email) VALUES ('raw@example.org')
RETURNING id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' AS uuid_v7,
  abs(extract(epoch FROM "updatedAt" - (now() AT TIME ZONE 'UTC'))) < 60 AS updated_in_utc;
DELETE FROM "User" WHERE email = 'raw@example.org';

-- what is taken away is said and put back
ALTER TABLE "GroupPoints" DISABLE TRIGGER edurange_group_points_changed;
DROP INDEX edurange_instance_user_idx;
DROP TRIGGER edurange_row_filled ON "User";
REVOKE UPDATE ON "GroupPoints" FROM edurange_game;
GRANT UPDATE ON "GroupPoints" TO edurange_owner;
SELECT * FROM edurange.readiness();
SELECT unnest(missing) FROM edurange.health();
SELECT * FROM edurange.migrate() ORDER BY 1, 2;
SELECT ready FROM edurange.readiness();
-- refusals of migrate()
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM edurange.migrate();
ROLLBACK;
SELECT * FROM edurange.migrate(platform_owner => 'no_such_role');
BEGIN;
UPDATE edurange.migration SET sha256 = 'other' WHERE number = 1;
SELECT * FROM edurange.migrate();
ROLLBACK;
SET ROLE edurange_admin;
SELECT * FROM edurange.migrate();
RESET ROLE;

-- what later tests use
CREATE SCHEMA testing;
GRANT USAGE ON SCHEMA testing TO PUBLIC;
CREATE FUNCTION testing.refused(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text;
BEGIN
  EXECUTE statement;
  RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
  RETURN sqlstate || ': ' || sqlerrm || CASE WHEN detail = '' THEN '' ELSE ' (' || detail || ')' END;
END
$$;
COMMENT ON FUNCTION testing.refused(text) IS 'How a statement is refused: SQLSTATE and message.';
CREATE FUNCTION testing.bound(statement text, who text DEFAULT NULL, instance text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
  SELECT testing.refused(format('SELECT %s', replace(statement, '@', format('caller => ROW(%L, %L, %L)::edurange.caller', 'tok', who, instance))))
$$;
COMMENT ON FUNCTION testing.bound(text, text, text) IS 'How a call for somebody is refused; @ stands for the caller.';
INSERT INTO "User" (id, email, name, role) VALUES
  ('ina', 'ina@example.org', 'Ina', 'INSTRUCTOR'), ('ada', 'ada@example.org', 'Ada', 'STUDENT'),
  ('bob', 'bob@example.org', 'Bob', 'STUDENT'), ('cyd', 'cyd@example.org', 'Cyd', 'STUDENT');
INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES
  ('spring', 'Spring', '2020-01-01'), ('autumn', 'Autumn', '2020-01-01');
INSERT INTO "_GroupMembers" ("A", "B") VALUES
  ('spring', 'ada'), ('spring', 'bob'), ('autumn', 'ada');
