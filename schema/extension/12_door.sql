-- The door: what must hold before anything is installed.

DO $$
DECLARE
  wrong edurange.planted;
BEGIN
  IF pg_catalog.getdatabaseencoding() <> 'UTF8' THEN
    RAISE EXCEPTION 'database "%" has the encoding %, edurange needs UTF8',
      pg_catalog.current_database(), pg_catalog.getdatabaseencoding()
      USING ERRCODE = 'RG506', HINT = 'Make one with: CREATE DATABASE … TEMPLATE template0 ENCODING ''UTF8''.';
  END IF;
  FOR wrong IN SELECT (p).* FROM edurange.planted_roles() AS p UNION ALL SELECT (p).* FROM edurange.planted_objects() AS p LOOP
    RAISE EXCEPTION '%', wrong.what USING ERRCODE = 'RG506', HINT = wrong.hint;
  END LOOP;
END
$$;
