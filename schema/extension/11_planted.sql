-- What was there before us and is not as we would have made it: somebody else could change it later and
-- so do in a superuser's name, or in ours, what they may not do themselves.

CREATE TYPE edurange.planted AS (
  what text,
  hint text);

-- From PostgreSQL 16 on a role is a member once for each who granted it, a superuser's REVOKE means the grant of the
-- first superuser, whose number is 10, and none takes away what was handed on.
CREATE FUNCTION edurange.planted_cure(membership pg_auth_members) RETURNS text
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off
AS $$
  SELECT format('REVOKE %I FROM %I%s%s;', pg_get_userbyid(membership.roleid), pg_get_userbyid(membership.member),
    (SELECT format(' GRANTED BY %I', rolname) FROM pg_roles WHERE oid = membership.grantor AND oid <> 10),
    CASE WHEN membership.admin_option THEN ' CASCADE' END)
$$;
COMMENT ON FUNCTION edurange.planted_cure(pg_auth_members) IS
  'The statement with which a superuser ends a membership, whoever granted it.';

-- Our roles: what they must not be.  They belong to the whole cluster.
CREATE FUNCTION edurange.planted_roles() RETURNS SETOF edurange.planted
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off
AS $$
  WITH ours (name, tier) AS (VALUES ('edurange_owner', 0), ('edurange_game', 0), ('edurange_worker', 0),
    ('edurange_player', 1), ('edurange_service', 2), ('edurange_admin', 3)
  ), role AS (
    SELECT r.*, a.rolpassword IS NOT NULL AS has_password, o.tier,
      EXISTS (SELECT FROM pg_db_role_setting s WHERE s.setrole = r.oid) AS has_settings
    FROM ours o JOIN pg_roles r ON r.rolname = o.name JOIN pg_authid a ON a.oid = r.oid
  )
  SELECT ROW(format('role %I %s', rolname, w.what), format('ALTER ROLE %I %s;', rolname, w.cure))::edurange.planted
  FROM role, LATERAL (VALUES
    (rolcanlogin AND rolname <> 'edurange_worker', 'can log in', 'NOLOGIN'),
    -- before PostgreSQL 17 the worker comes in by LOGIN; a limit of 0 keeps all others out
    (rolcanlogin AND rolname = 'edurange_worker' AND rolconnlimit <> 0, 'can log in', 'CONNECTION LIMIT 0'),
    (rolsuper, 'is a superuser', 'NOSUPERUSER'),
    (rolcreaterole, 'may create roles', 'NOCREATEROLE'), (rolcreatedb, 'may create databases', 'NOCREATEDB'),
    (rolreplication, 'may replicate', 'NOREPLICATION'),
    (rolbypassrls, 'bypasses row level security', 'NOBYPASSRLS'),
    (has_password, 'has a password', 'PASSWORD NULL'),
    (has_settings, 'has settings', 'RESET ALL')) AS w (wrong, what, cure)
  WHERE w.wrong
  UNION ALL
  -- who works for us is member of nothing and has no members; a tier is member of the one before it
  SELECT ROW(format('role %I is a member of %I', m.rolname, g.rolname),
    CASE WHEN om.tier IS NOT NULL AND e.name IS NOT NULL AND to_regrole(e.name) IS NULL
      THEN format('If it was renamed: ALTER ROLE %I RENAME TO %I;', g.rolname, e.name)
      ELSE edurange.planted_cure(x) END)::edurange.planted
  FROM pg_auth_members x JOIN pg_roles g ON g.oid = x.roleid JOIN pg_roles m ON m.oid = x.member
  LEFT JOIN ours og ON og.name = g.rolname LEFT JOIN ours om ON om.name = m.rolname
  LEFT JOIN ours e ON e.tier > 0 AND e.tier = om.tier - 1
  WHERE og.tier = 0 OR om.tier IS NOT NULL AND NOT coalesce(og.tier > 0 AND og.tier = om.tier - 1, false)
  UNION ALL
  -- a function that runs as its owner would be whoever's made it for all that the role gets later
  SELECT ROW(format('role %I owns %s %s', o.name, i.type, i.identity),
    'Drop it, or give it to somebody else with ALTER … OWNER TO.')::edurange.planted
  FROM ours o JOIN pg_roles r ON r.rolname = o.name
  JOIN pg_shdepend d ON d.refclassid = 'pg_authid'::regclass AND d.refobjid = r.oid AND d.deptype = 'o'
  CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) AS i
  WHERE d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    -- what is in our schemas, and these themselves, is judged below
    AND coalesce(i.schema, i.name, '') NOT IN ('edurange', 'edurange_guard')
    AND NOT EXISTS (SELECT FROM pg_depend e JOIN pg_extension x ON x.oid = e.refobjid AND x.extname = 'edurange'
      WHERE e.refclassid = 'pg_extension'::regclass AND e.deptype = 'e' AND e.classid = d.classid AND e.objid = d.objid)
$$;
COMMENT ON FUNCTION edurange.planted_roles() IS
  'What is wrong with the roles of our names: one that can log in, has a password, settings or rights, is or has a member that we did not make, or owns something that is not ours. The hint puts it right. CREATE EXTENSION and migrate() refuse to go on before.';

CREATE FUNCTION edurange.planted_objects() RETURNS SETOF edurange.planted
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off
AS $$
  WITH there AS (
    SELECT 'SCHEMA' AS kind, quote_ident(nspname) AS name, nspname, nspowner AS owner, false AS is_table,
      'pg_namespace'::regclass AS class, oid
    FROM pg_namespace
    UNION ALL
    SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
      WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END, c.oid::regclass::text, n.nspname, relowner,
      relkind IN ('r', 't'), 'pg_class'::regclass, c.oid
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE relkind <> 'i' -- belongs to whom its table belongs
    UNION ALL
    SELECT 'FUNCTION', p.oid::regprocedure::text, n.nspname, proowner, false, 'pg_proc'::regclass, p.oid
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    UNION ALL
    SELECT 'TYPE', t.oid::regtype::text, n.nspname, typowner, false, 'pg_type'::regclass, t.oid
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE typtype IN ('d', 'e', 'b', 'r')
      AND t.typcategory <> 'A'
    UNION ALL
    SELECT 'OPERATOR', o.oid::regoperator::text, n.nspname, oprowner, false, 'pg_operator'::regclass, o.oid
    FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
  ), ours AS (
    SELECT oid, oid::regclass AS name FROM pg_class WHERE relnamespace = to_regnamespace('edurange') AND relkind = 'r'
  ), hung (what, name, of, cure) AS (
    SELECT 'trigger', quote_ident(t.tgname), o.name, format('DROP TRIGGER %I ON %s;', t.tgname, o.name)
    FROM ours o JOIN pg_trigger t ON t.tgrelid = o.oid JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_roles r ON r.oid = p.proowner
    -- a superuser's is an operator's own, as long as its condition calls nothing
    WHERE NOT t.tgisinternal AND (NOT r.rolsuper
      OR regexp_replace(substring(pg_get_triggerdef(t.oid) FROM ' WHEN (.*) EXECUTE '), $r$'[^']*'$r$, '', 'g') ~ '["[:alnum:]_][(]')
    UNION ALL
    SELECT 'rule', quote_ident(r.rulename), o.name, format('DROP RULE %I ON %s;', r.rulename, o.name)
    FROM ours o JOIN pg_rewrite r ON r.ev_class = o.oid
    UNION ALL
    SELECT 'policy', quote_ident(l.polname), o.name, format('DROP POLICY %I ON %s;', l.polname, o.name)
    FROM ours o JOIN pg_policy l ON l.polrelid = o.oid
    UNION ALL
    -- ours compare columns with constants and each other; what calls a function, or names a schema, is somebody's
    SELECT 'constraint', quote_ident(k.conname), o.name, format('ALTER TABLE %s DROP CONSTRAINT %I;', k.conrelid::regclass, k.conname)
    FROM ours o JOIN pg_constraint k ON o.oid IN (k.conrelid, k.confrelid)
    WHERE k.contype IN ('f', 'x', 't')
      OR k.contype = 'c' AND regexp_replace(pg_get_constraintdef(k.oid), $r$'[^']*'$r$, '', 'g') ~ '[.]|["[:alnum:]_][(]'
    UNION ALL
    -- (a column that is generated when it is read, from PostgreSQL 18 on, is nothing without its expression)
    SELECT 'default', quote_ident(a.attname), o.name, format(CASE a.attgenerated WHEN 'v' THEN 'ALTER TABLE %s DROP COLUMN %I;'
      WHEN 's' THEN 'ALTER TABLE %s ALTER COLUMN %I DROP EXPRESSION;' ELSE 'ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT;' END, o.name, a.attname)
    FROM ours o JOIN pg_attrdef d ON d.adrelid = o.oid JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    WHERE a.attgenerated <> '' OR regexp_replace(pg_get_expr(d.adbin, d.adrelid), $r$'[^']*'$r$, '', 'g') ~ '[.]|["[:alnum:]_][(]'
    UNION ALL
    -- what PostgreSQL brings along for indexes does not run anybody's code
    SELECT 'index', x.indexrelid::regclass::text, o.name, format('DROP INDEX %s;', x.indexrelid::regclass)
    FROM ours o JOIN pg_index x ON x.indrelid = o.oid WHERE EXISTS (SELECT FROM pg_depend d
      WHERE d.classid = 'pg_class'::regclass AND d.objid = x.indexrelid
      AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_opclass'::regclass, 'pg_type'::regclass))
    UNION ALL
    SELECT 'statistics', quote_ident(s.stxname), o.name, format('DROP STATISTICS %s.%I;', s.stxnamespace::regnamespace, s.stxname)
    FROM ours o JOIN pg_statistic_ext s ON s.stxrelid = o.oid WHERE s.stxexprs IS NOT NULL
  )
  SELECT ROW(format('%s %s belongs to %I', lower(t.kind), t.name, r.rolname),
    format('If it is to be ours: ALTER %s %s OWNER TO %I; else drop it.', t.kind, t.name,
      CASE WHEN t.is_table THEN 'edurange_owner' ELSE current_user END))::edurange.planted
  FROM there t JOIN pg_roles r ON r.oid = t.owner
  WHERE t.nspname IN ('edurange', 'edurange_guard') AND NOT r.rolsuper
    AND NOT (t.is_table AND t.nspname = 'edurange' AND r.rolname = 'edurange_owner')
    -- members of the extension are ours; the script gives them to who installs
    AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'edurange'
      WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND d.classid = t.class AND d.objid = t.oid)
    AND NOT EXISTS (SELECT FROM pg_class c JOIN pg_type y ON y.oid = c.reltype
      JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = y.oid AND d.deptype = 'e'
      WHERE t.class = 'pg_class'::regclass AND c.oid = t.oid)
  UNION ALL
  -- where migrate() makes tables for the time of a comparison
  SELECT ROW('schema edurange_shape is there', 'DROP SCHEMA edurange_shape CASCADE;')::edurange.planted
  WHERE to_regnamespace('edurange_shape') IS NOT NULL
  UNION ALL
  -- code that runs in the name of edurange_owner, which owns these tables
  SELECT ROW(format('%s %s of %s is not ours', what, name, of), cure)::edurange.planted FROM hung
$$;
COMMENT ON FUNCTION edurange.planted_objects() IS
  'What is in the schemas edurange and edurange_guard, or these themselves, and belongs to somebody else than a superuser or, tables, edurange_owner; and what hangs on these tables and runs code that is not ours: triggers, rules, policies, constraints, defaults, indexes. The hint puts it right. CREATE EXTENSION and migrate() refuse to go on before.';
