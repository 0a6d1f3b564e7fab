-- Takes everything of edurange out of a database and leaves the platform's tables and rows as they were
-- before it came.  Run as a superuser, connected to the database:
--   psql -v ON_ERROR_STOP=1 -d platform -f deploy/remove.sql
-- The ledger, the tokens and all else in schema edurange are lost: DROP EXTENSION edurange CASCADE alone
-- keeps them.  The roles stay, because other databases of the server may use them.
BEGIN;
-- What is set for the database, by who owns it, decides nothing here.
SET LOCAL ROLE NONE;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL client_min_messages = warning;
SET LOCAL lock_timeout = '10s';
SET LOCAL edurange.allow_drop = on;
DROP EXTENSION IF EXISTS edurange CASCADE;
DROP EVENT TRIGGER IF EXISTS edurange_guard;
DROP SCHEMA IF EXISTS edurange_guard CASCADE;
DROP SCHEMA IF EXISTS edurange CASCADE;
DO $$
DECLARE
  command text;
BEGIN
  FOR command IN
    SELECT format('DROP INDEX public.%I', relname) FROM pg_catalog.pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'i' AND pg_catalog.starts_with(relname, 'edurange_')
    UNION ALL
    SELECT format('ALTER TABLE public.%I REPLICA IDENTITY DEFAULT', c.relname) FROM pg_catalog.pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relreplident = 'i'
    UNION ALL
    SELECT format('ALTER TABLE %s ALTER COLUMN "updatedAt" DROP DEFAULT', d.adrelid::regclass)
    FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_class c ON c.oid = d.adrelid
    JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    WHERE c.relnamespace = 'public'::regnamespace AND a.attname = 'updatedAt'
      AND pg_get_expr(d.adbin, d.adrelid) = $q$(now() AT TIME ZONE 'UTC'::text)$q$
    UNION ALL
    SELECT DISTINCT format('REVOKE ALL ON %s FROM %I', granted.what, r.rolname)
    FROM (SELECT format('public.%I', relname), relacl FROM pg_catalog.pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
      UNION ALL SELECT 'SCHEMA public', nspacl FROM pg_catalog.pg_namespace WHERE nspname = 'public'
      UNION ALL SELECT format('DATABASE %I', datname), datacl FROM pg_catalog.pg_database
        WHERE datname = current_database()) AS granted (what, rights), aclexplode(granted.rights) a
    JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
    WHERE r.rolname IN ('edurange_owner', 'edurange_game', 'edurange_worker')
  LOOP
    EXECUTE command;
  END LOOP;
END
$$;
COMMIT;
