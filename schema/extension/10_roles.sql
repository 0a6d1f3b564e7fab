-- Roles are shared by all databases of a server, so they are made only where they are missing and
-- never dropped.  edurange_owner owns code and tables; the three tiers contain each other; the sync worker connects
-- as edurange_worker, which is member of nothing.

CREATE FUNCTION edurange.worker_attributes() RETURNS text
  AS 'MODULE_PATHNAME', 'edurange_worker_attributes' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.worker_attributes() IS
  'How role edurange_worker is made on this server: so that the sync worker can connect as it and nobody can log in.';

DO $$
DECLARE
  tier text;
BEGIN
  FOREACH tier IN ARRAY ARRAY['edurange_owner', 'edurange_game', 'edurange_player', 'edurange_service',
                              'edurange_admin']
  LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = tier) THEN
      EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', tier);
    END IF;
  END LOOP;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'edurange_worker') THEN
    EXECUTE pg_catalog.format('CREATE ROLE edurange_worker %s', edurange.worker_attributes());
  END IF;
  GRANT edurange_player TO edurange_service;
  GRANT edurange_service TO edurange_admin;
END
$$;
