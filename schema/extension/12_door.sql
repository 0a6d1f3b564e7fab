-- The door: what must hold before anything is installed.

DO $$
DECLARE
  wrong edurange.planted;
  member record;
BEGIN
  IF pg_catalog.getdatabaseencoding() <> 'UTF8' THEN
    -- the locale, too: one of another encoding lets no database of the encoding UTF8 be made
    RAISE EXCEPTION 'database "%" has the encoding % and the locale "%", edurange needs UTF8',
      pg_catalog.current_database(), pg_catalog.getdatabaseencoding(),
      (SELECT datctype FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
      USING ERRCODE = 'RG506', HINT = 'Make one with: CREATE DATABASE … TEMPLATE template0 ENCODING ''UTF8'' LOCALE ''C.UTF-8''.';
  END IF;
  FOR wrong IN SELECT (p).* FROM edurange.planted_roles() AS p UNION ALL SELECT (p).* FROM edurange.planted_objects() AS p LOOP
    RAISE EXCEPTION '%', wrong.what USING ERRCODE = 'RG506', HINT = wrong.hint;
  END LOOP;
  -- Members of a tier are the operator's to choose, and restored before the database is: they are said, not refused.
  FOR member IN
    SELECT m.rolname AS name, g.rolname AS tier, edurange.planted_cure(x) AS cure
    FROM pg_catalog.pg_auth_members x JOIN pg_catalog.pg_roles g ON g.oid = x.roleid
    JOIN pg_catalog.pg_roles m ON m.oid = x.member
    WHERE g.rolname IN ('edurange_player', 'edurange_service', 'edurange_admin')
      AND m.rolname NOT IN ('edurange_service', 'edurange_admin') ORDER BY 1, 2
  LOOP
    RAISE WARNING 'role % was a member of % before', member.name, member.tier
      USING HINT = pg_catalog.format('If that is not wanted: %s', member.cure);
  END LOOP;
END
$$;
