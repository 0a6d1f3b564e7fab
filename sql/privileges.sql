-- Who may call what: the whole matrix.
CALL testing.fresh();
SELECT p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS function,
  CASE WHEN p.prosecdef THEN 'definer' ELSE 'invoker' END AS security, p.provolatile AS volatile,
  concat_ws(' ', CASE WHEN has_function_privilege('edurange_player', p.oid, 'EXECUTE') THEN 'player' END,
    CASE WHEN has_function_privilege('edurange_service', p.oid, 'EXECUTE') THEN 'service' END,
    CASE WHEN has_function_privilege('edurange_admin', p.oid, 'EXECUTE') THEN 'admin' END) AS tiers
FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension e ON e.oid = d.refobjid WHERE e.extname = 'edurange' ORDER BY 1;
-- nothing but new_id() is open to everybody
SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
WHERE n.nspname = 'edurange' AND a.grantee = 0;
-- nobody but who installed can replace a function, none runs as its owner, and those in SQL pin their search_path
SELECT p.oid::regprocedure AS wrong FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
WHERE n.nspname = 'edurange' AND (NOT (SELECT rolsuper FROM pg_roles WHERE oid = p.proowner) OR p.prosecdef
  OR l.lanname <> 'c' AND p.proconfig[1] IS DISTINCT FROM 'search_path=pg_catalog, pg_temp');
-- every function and no trigger has a comment
SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'edurange' AND obj_description(p.oid, 'pg_proc') IS NULL;
-- no tier reads or writes a table
SELECT c.oid::regclass, r.rolname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
  (VALUES ('edurange_player'), ('edurange_service'), ('edurange_admin')) AS r (rolname)
WHERE n.nspname IN ('public', 'edurange') AND c.relkind = 'r'
  AND has_table_privilege(r.rolname, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER');
-- nobody logs in as one of ours (the worker's role has LOGIN before PostgreSQL 17, with a limit that only a background worker passes)
SELECT rolname, rolcanlogin AND rolconnlimit <> 0 AS logs_in, rolsuper FROM pg_roles WHERE rolname LIKE 'edurange\_%' AND rolname NOT LIKE 'edurange\_shim%' ORDER BY 1;
-- a tier is refused what is above it
SET ROLE edurange_player;
SELECT testing.refused($$SELECT edurange.add_points('ada', 'spring', 1)$$);
SELECT testing.refused($$SELECT edurange.create_token('admin', 'x')$$);
SELECT testing.refused($$SELECT points FROM edurange.standing$$);
SELECT testing.refused($$SET edurange.webos_compatibility = on$$);
SET ROLE edurange_service;
SELECT testing.refused($$SELECT edurange.sync_apply('{}')$$);
SELECT testing.refused($$SELECT edurange.sync_apply_list('{}')$$);
SELECT testing.refused($$SELECT edurange.check_invariants()$$);
SET ROLE edurange_admin;
SELECT count(*) AS violations FROM edurange.check_invariants();
SELECT testing.refused($$SELECT edurange.migrate()$$);
RESET ROLE;
-- the search_path of a caller does not matter
CREATE SCHEMA evil;
CREATE FUNCTION evil.upper(text) RETURNS text LANGUAGE sql AS $$ SELECT 'EVIL' $$;
CREATE TABLE evil."GroupPoints" (points integer);
SET search_path = evil, public;
SELECT edurange.get_points('ada', 'spring') IS NOT NULL AS unharmed;
RESET search_path;
DROP SCHEMA evil CASCADE;
