-- The logins of the HTTP shim, one for each tier, for a database where CREATE EXTENSION edurange has made the tiers:
-- edurange_shim_player, edurange_shim_service and edurange_shim_admin; DATABASE_URL names edurange_shim_{tier}.
-- Run as a superuser; running it again changes nothing.  Without a password they can log in only where
-- pg_hba.conf asks for none; set one with:  ALTER ROLE edurange_shim_player PASSWORD '...'  and so on.

DO $$
DECLARE
  tier pg_catalog.text;
  login pg_catalog.text;
  known boolean;
  fault pg_catalog.text;
  cure pg_catalog.text;
BEGIN
  -- What is set for the database, by who owns it, decides nothing here (nor, above, what a type's name means).
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true), pg_catalog.set_config('role', 'none', true);
  FOREACH tier IN ARRAY ARRAY['player', 'service', 'admin'] LOOP
    login := 'edurange_shim_' || tier;
    known := EXISTS (SELECT FROM pg_roles WHERE rolname = login);
    -- Somebody else may know the password of a login that we did not make, or be a member of it.
    IF known AND NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.member = to_regrole(login)
      AND m.roleid = to_regrole('edurange_' || tier))
    THEN
      RAISE EXCEPTION 'role "%" was there before, and is no login of tier %', login, tier
        USING HINT = format('DROP ROLE %I;', login);
    END IF;
    -- (from PostgreSQL 16 on, what another than the first superuser granted ends in their name, and with it what was handed on)
    SELECT CASE WHEN m.roleid = to_regrole(login) THEN 'has a member' ELSE 'is a member of more than its tier' END,
      format('REVOKE %I FROM %I%s%s;', g.rolname, r.rolname,
        (SELECT format(' GRANTED BY %I', rolname) FROM pg_roles WHERE oid = m.grantor AND oid <> 10),
        CASE WHEN m.admin_option THEN ' CASCADE' END)
    INTO fault, cure
    FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles r ON r.oid = m.member
    WHERE g.rolname = login OR r.rolname = login AND g.rolname <> 'edurange_' || tier ORDER BY 1 LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION 'role "%" %', login, fault USING HINT = cure;
    END IF;
    IF NOT known THEN
      EXECUTE format('CREATE ROLE %I NOINHERIT', login);
      EXECUTE format('GRANT %I TO %I', 'edurange_' || tier, login);
    END IF;
    -- NOINHERIT: by itself the login may do nothing; each connection takes the role of its tier.
    EXECUTE format('ALTER ROLE %I LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', login);
    -- From PostgreSQL 16 the membership says it, and keeps what the login's attribute was when it was given.
    IF current_setting('server_version_num')::integer >= 160000 THEN
      EXECUTE format('GRANT %I TO %I WITH INHERIT FALSE, SET TRUE', 'edurange_' || tier, login);
    END IF;
  END LOOP;
END
$$;

-- Parameters carry tokens' hashes, answers and flags: the server's log must not.  Nor must what others load into the
-- server: pgaudit logs parameters, and auto_explain plans, of the statements within functions, too, with the values in
-- them.  And the shim sets how long its calls may take: transaction_timeout of the database, from PostgreSQL 17 on, would
-- end their connections, and no server before knows what asks for none.  A setting that this server does not have is left
-- out.  edurange_shim is the one login of before.
DO $$
DECLARE
  login pg_catalog.text;
  setting pg_catalog.text;
BEGIN
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true), pg_catalog.set_config('role', 'none', true);
  FOR login IN SELECT rolname FROM pg_roles WHERE rolname IN ('edurange_shim', 'edurange_shim_player',
    'edurange_shim_service', 'edurange_shim_admin') ORDER BY 1
  LOOP
    FOREACH setting IN ARRAY ARRAY['log_parameter_max_length = 0', 'log_parameter_max_length_on_error = 0',
      'pgaudit.log_parameter = off', 'auto_explain.log_nested_statements = off',
      'auto_explain.log_verbose = off', 'auto_explain.log_parameter_max_length = 0', 'transaction_timeout = 0']
    LOOP
      BEGIN
        EXECUTE format('ALTER ROLE %I SET %s', login, setting);
      EXCEPTION WHEN undefined_object OR invalid_name THEN
        RAISE NOTICE 'this server has no setting %', split_part(setting, ' ', 1);
      END;
    END LOOP;
    IF login = 'edurange_shim' THEN
      RAISE WARNING 'role edurange_shim can take on every tier'
        USING HINT = 'When no shim connects as it any more: DROP ROLE edurange_shim;';
    END IF;
  END LOOP;
END
$$;
