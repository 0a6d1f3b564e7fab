-- The login of the HTTP shim, for a database where CREATE EXTENSION edurange has made the tiers.
-- Run as a superuser; running it again changes nothing.  Without a password it can log in only where
-- pg_hba.conf asks for none; set one with:  ALTER ROLE edurange_shim PASSWORD '...'
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'edurange_shim') THEN
    CREATE ROLE edurange_shim;
  END IF;
END
$$;

-- NOINHERIT: by itself the login may do nothing; each connection takes the role of one tier.
ALTER ROLE edurange_shim LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
GRANT edurange_player, edurange_service, edurange_admin TO edurange_shim;

-- Parameters carry tokens' hashes, answers and flags: the server's log must not.
ALTER ROLE edurange_shim SET log_parameter_max_length = 0;
ALTER ROLE edurange_shim SET log_parameter_max_length_on_error = 0;

-- Nor must what others load into the server: pgaudit logs parameters, and auto_explain plans, of the statements within
-- functions, too, with the values in them.  A setting that this server does not have is left out.
DO $$
DECLARE
  setting text;
BEGIN
  FOREACH setting IN ARRAY ARRAY['pgaudit.log_parameter = off', 'auto_explain.log_nested_statements = off',
    'auto_explain.log_verbose = off', 'auto_explain.log_parameter_max_length = 0']
  LOOP
    BEGIN
      EXECUTE 'ALTER ROLE edurange_shim SET ' || setting;
    EXCEPTION WHEN undefined_object OR invalid_name THEN
      RAISE NOTICE 'this server has no setting %', pg_catalog.split_part(setting, ' ', 1);
    END;
  END LOOP;
END
$$;
