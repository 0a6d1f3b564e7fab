-- Rights: roles, owners and grants, which a restore without owners, a role that was renamed or a REVOKE takes away.

CREATE FUNCTION edurange.rights()
  RETURNS TABLE (kind text, name text, present boolean, apply text, possible boolean)
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off
AS $$
  -- to_regrole() is null where a role is gone, and so is all that is asked of it
  WITH ours (name, member_of) AS (VALUES ('edurange_owner', NULL), ('edurange_game', NULL),
    ('edurange_player', NULL), ('edurange_service', 'edurange_player'), ('edurange_admin', 'edurange_service')
  ), platform AS (
    SELECT t.name, to_regclass(format('public.%I', t.name)) AS oid
    FROM unnest(edurange.platform_tables()) AS t (name)
  ), own AS (
    SELECT c.oid, c.relname AS name, c.relowner FROM pg_class c
    WHERE c.relnamespace = to_regnamespace('edurange') AND c.relkind = 'r'
  ), member AS (
    SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'edurange'
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
  )
  SELECT 'identity', o.name, to_regrole(o.name) IS NOT NULL, format('CREATE ROLE %I NOLOGIN', o.name), true
  FROM ours o
  UNION ALL
  -- a member that inherits: of the roles before it needs the rights as they are
  SELECT 'identity', format('%I in %I', o.name, o.member_of),
    coalesce(pg_has_role(to_regrole(o.name), to_regrole(o.member_of), 'USAGE'), false),
    coalesce((SELECT string_agg(edurange.planted_cure(m), ' ') FROM pg_auth_members m
      WHERE m.roleid = to_regrole(o.member_of) AND m.member = to_regrole(o.name)), '')
    || format('ALTER ROLE %I INHERIT; GRANT %I TO %I', o.name, o.member_of, o.name), true
  FROM ours o WHERE o.member_of IS NOT NULL
  UNION ALL
  SELECT 'owner', format('edurange.%I to edurange_owner', t.name),
    coalesce(t.relowner = to_regrole('edurange_owner'), false),
    format('ALTER TABLE edurange.%I OWNER TO edurange_owner', t.name), true
  FROM own t
  UNION ALL
  -- what runs in a superuser's name is nobody else's to replace
  SELECT 'owner', format('function %s to a superuser', p.oid::regprocedure), r.rolsuper,
    format('ALTER FUNCTION %s OWNER TO CURRENT_USER', p.oid::regprocedure), true
  FROM member m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid JOIN pg_roles r ON r.oid = p.proowner
  UNION ALL
  SELECT 'owner', format('type %s to a superuser', t.oid::regtype), r.rolsuper,
    format('ALTER TYPE %s OWNER TO CURRENT_USER', t.oid::regtype), true
  FROM member m JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid AND t.typcategory <> 'A'
  JOIN pg_roles r ON r.oid = t.typowner
  UNION ALL
  SELECT 'grant', format('all on edurange.%I to edurange_owner', t.name),
    coalesce((SELECT bool_and(has_table_privilege(to_regrole('edurange_owner'), t.oid, privilege))
      FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS needed (privilege)), false),
    format('GRANT ALL ON edurange.%I TO edurange_owner', t.name), true
  FROM own t
  UNION ALL
  SELECT 'grant', format('%s on public.%I to edurange_game', privilege, p.name),
    coalesce(has_table_privilege(to_regrole('edurange_game'), p.oid, privilege), false),
    format('GRANT %s ON public.%I TO edurange_game', privilege, p.name), p.oid IS NOT NULL
  FROM platform p,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS needed (privilege)
  UNION ALL
  SELECT 'grant', format('SELECT on edurange.%I to edurange_game', l.name),
    coalesce(has_table_privilege(to_regrole('edurange_game'), to_regclass(format('edurange.%I', l.name)), 'SELECT'), false),
    format('GRANT SELECT ON edurange.%I TO edurange_game', l.name), to_regclass(format('edurange.%I', l.name)) IS NOT NULL
  FROM unnest(edurange.lent_tables()) AS l (name)
  UNION ALL
  SELECT 'grant', format('no %s on public.%I to edurange_owner', privilege, p.name),
    NOT EXISTS (SELECT FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = p.oid
      AND a.grantee = to_regrole('edurange_owner') AND a.privilege_type = privilege),
    format('REVOKE %s ON public.%I FROM edurange_owner', privilege, p.name), p.oid IS NOT NULL
  FROM platform p,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'REFERENCES']) AS needed (privilege)
  UNION ALL
  SELECT 'grant', format('usage on schema %I to %I', g.schema, g.role),
    coalesce(has_schema_privilege(to_regrole(g.role), g.schema, 'USAGE'), false),
    format('GRANT USAGE ON SCHEMA %I TO %I', g.schema, g.role), true
  FROM (VALUES ('public', 'edurange_game'), ('edurange', 'edurange_game'), ('edurange', 'edurange_owner'),
    ('edurange', 'edurange_player'), ('edurange', 'edurange_service'),
    ('edurange', 'edurange_admin')) AS g (schema, role)
  UNION ALL
  SELECT 'grant', format('execute on function edurange.%I to %I', f.name, o.name),
    coalesce((SELECT has_function_privilege(to_regrole(o.name), p.oid, 'EXECUTE') FROM pg_proc p
      WHERE p.pronamespace = to_regnamespace('edurange') AND p.proname = f.name), false),
    format('GRANT EXECUTE ON FUNCTION edurange.%I TO %I', f.name, o.name), true
  FROM edurange.granted() g JOIN ours o ON o.name = g.role, unnest(g.functions) AS f (name)
$$;
COMMENT ON FUNCTION edurange.rights() IS
  'The part of assertions() that is about roles (kind identity), owners and grants, and whether the statement that makes each can be run by now.';
