-- Roles are shared by all databases of a server, so they are made only where they are missing and
-- never dropped.  edurange_owner owns code and tables; the three tiers contain each other.

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
  GRANT edurange_player TO edurange_service;
  GRANT edurange_service TO edurange_admin;
END
$$;
