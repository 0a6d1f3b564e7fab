-- What was there before us and is not as we would have made it: somebody else could change it later and
-- so do in a superuser's name, or in ours, what they may not do themselves.

CREATE TYPE edurange.planted AS (
  what text,
  hint text);

-- Our roles: what they must not be.  They belong to the whole cluster.
CREATE FUNCTION edurange.planted_roles() RETURNS SETOF edurange.planted
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  WITH ours (name, tier) AS (VALUES ('edurange_owner', 0), ('edurange_game', 0), ('edurange_player', 1),
    ('edurange_service', 2), ('edurange_admin', 3)
  ), role AS (
    SELECT r.*, a.rolpassword IS NOT NULL AS has_password, o.tier,
      EXISTS (SELECT FROM pg_db_role_setting s WHERE s.setrole = r.oid) AS has_settings
    FROM ours o JOIN pg_roles r ON r.rolname = o.name JOIN pg_authid a ON a.oid = r.oid
  )
  SELECT ROW(format('role %I %s', rolname, w.what), format('ALTER ROLE %I %s;', rolname, w.cure))::edurange.planted
  FROM role, LATERAL (VALUES
    (rolcanlogin, 'can log in', 'NOLOGIN'), (rolsuper, 'is a superuser', 'NOSUPERUSER'),
    (rolcreaterole, 'may create roles', 'NOCREATEROLE'), (rolcreatedb, 'may create databases', 'NOCREATEDB'),
    (rolreplication, 'may replicate', 'NOREPLICATION'),
    (rolbypassrls, 'bypasses row level security', 'NOBYPASSRLS'),
    (has_password, 'has a password', 'PASSWORD NULL'),
    (has_settings, 'has settings', 'RESET ALL')) AS w (wrong, what, cure)
  WHERE w.wrong
  UNION ALL
  -- who works for us is member of nothing and has no members; a tier is member of the one before it
  SELECT ROW(format('role %I is a member of %I', m.rolname, g.rolname),
    format('REVOKE %I FROM %I;', g.rolname, m.rolname))::edurange.planted
  FROM pg_auth_members x JOIN pg_roles g ON g.oid = x.roleid JOIN pg_roles m ON m.oid = x.member
  LEFT JOIN ours og ON og.name = g.rolname LEFT JOIN ours om ON om.name = m.rolname
  WHERE og.tier = 0 OR om.tier IS NOT NULL AND NOT (og.tier > 0 AND og.tier = om.tier - 1)
$$;
COMMENT ON FUNCTION edurange.planted_roles() IS
  'What is wrong with the roles of our names: one that can log in, has a password, settings or rights, or is or has a member that we did not make. The hint puts it right. CREATE EXTENSION and migrate() refuse to go on before.';

CREATE FUNCTION edurange.planted_objects() RETURNS SETOF edurange.planted
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  WITH there AS (
    SELECT 'SCHEMA' AS kind, quote_ident(nspname) AS name, nspname, nspowner AS owner, false AS is_table
    FROM pg_namespace
    UNION ALL
    SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
      WHEN 'i' THEN 'INDEX' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END, c.oid::regclass::text, n.nspname, relowner,
      relkind IN ('r', 'i', 't')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    UNION ALL
    SELECT 'FUNCTION', p.oid::regprocedure::text, n.nspname, proowner, false
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    UNION ALL
    SELECT 'TYPE', t.oid::regtype::text, n.nspname, typowner, false
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE typtype IN ('d', 'e', 'b', 'r')
      AND t.typcategory <> 'A'
    UNION ALL
    SELECT 'OPERATOR', o.oid::regoperator::text, n.nspname, oprowner, false
    FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
  )
  SELECT ROW(format('%s %s belongs to %I', lower(t.kind), t.name, r.rolname),
    format('If it is to be ours: ALTER %s %s OWNER TO %I; else drop it.', t.kind, t.name,
      CASE WHEN t.is_table THEN 'edurange_owner' ELSE current_user END))::edurange.planted
  FROM there t JOIN pg_roles r ON r.oid = t.owner
  WHERE t.nspname IN ('edurange', 'edurange_guard') AND NOT r.rolsuper
    AND NOT (t.is_table AND t.nspname = 'edurange' AND r.rolname = 'edurange_owner')
$$;
COMMENT ON FUNCTION edurange.planted_objects() IS
  'What is in the schemas edurange and edurange_guard, or these themselves, and belongs to somebody else than a superuser or, tables, edurange_owner. The hint puts it right. CREATE EXTENSION and migrate() refuse to go on before.';

CREATE FUNCTION edurange.planted_platform(platform_owner text) RETURNS SETOF edurange.planted
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
  WITH relation AS (
    SELECT c.oid, c.relname AS name, c.relkind, c.relpersistence, c.relowner, c.relispartition,
      EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent)) AS inherits
    FROM unnest(edurange.platform_tables()) AS t (name)
    JOIN pg_class c ON c.relname = t.name AND c.relnamespace = 'public'::regnamespace
  ), type AS (
    SELECT t.typname AS name, t.typtype, t.typowner
    FROM pg_type t
    WHERE t.typnamespace = 'public'::regnamespace AND t.typname IN ('UserRole', 'LogSeverity',
      'ChallengeDifficulty', 'ChallengeStatus', 'ActivityEventType')
  ), owner (oid) AS (
    SELECT oid FROM pg_roles WHERE rolsuper OR rolname = platform_owner
    UNION SELECT datdba FROM pg_database WHERE datname = current_database()
    -- a platform that is there as a whole is whose it is
    UNION SELECT min(relowner::bigint)::oid FROM relation
    HAVING count(*) = cardinality(edurange.platform_tables()) AND count(DISTINCT relowner) = 1
  )
  SELECT ROW(format('public.%I is no ordinary table', name),
    'Partitions, parents, views, foreign and unlogged tables do not do.')::edurange.planted
  FROM relation WHERE relkind <> 'r' OR relpersistence <> 'p' OR relispartition OR inherits
  UNION ALL
  SELECT ROW(format('table public.%I belongs to %I', name, pg_get_userbyid(relowner)), format(
    'If that is the owner of the platform''s tables: edurange.migrate(platform_owner => %L).',
    pg_get_userbyid(relowner)))::edurange.planted
  FROM relation WHERE relowner NOT IN (SELECT oid FROM owner)
  UNION ALL
  SELECT ROW(format('type public.%I is no enum', name), 'Drop or rename it.')::edurange.planted
  FROM type WHERE typtype <> 'e'
  UNION ALL
  SELECT ROW(format('type public.%I belongs to %I', name, pg_get_userbyid(typowner)), format(
    'If that is the owner of the platform''s tables: edurange.migrate(platform_owner => %L).',
    pg_get_userbyid(typowner)))::edurange.planted
  FROM type WHERE typowner NOT IN (SELECT oid FROM owner)
  UNION ALL
  -- what an index of ours is to be called
  SELECT ROW(format('public.%I is no index of ours', c.relname), 'Drop or rename it.')::edurange.planted
  FROM edurange.assertions() a JOIN pg_class c ON c.relname = a.name AND c.relnamespace = 'public'::regnamespace
  WHERE a.kind = 'index' AND c.relkind <> 'i'
$$;
COMMENT ON FUNCTION edurange.planted_platform(text) IS
  'What has the name of a table, type or index of the platform in schema public and is of another kind, or belongs to somebody else than a superuser, the owner of the database or platform_owner. The hint puts it right; migrate() refuses to go on before.';
