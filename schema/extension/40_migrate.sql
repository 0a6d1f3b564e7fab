-- The tables: edurange.migrate() makes them, edurange.assertions() says what must be in place.

CREATE FUNCTION edurange.platform_tables() RETURNS text[]
  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT ARRAY['User', 'Account', 'Session', 'VerificationToken', 'ChallengeType', 'ChallengePack',
    'Challenge', 'ChallengeQuestion', 'ChallengeAppConfig', 'CompetitionGroup',
    '_GroupInstructors', '_GroupMembers', 'CompetitionAccessCode', 'GroupPoints',
    'GroupChallenge', 'ChallengeCompletion', 'QuestionCompletion', 'QuestionAttempt',
    'ChallengeInstance', 'ActivityLog']
$$;
COMMENT ON FUNCTION edurange.platform_tables() IS
  'The names of the platform''s tables in schema public.';

CREATE FUNCTION edurange.assertions()
  RETURNS TABLE (kind text, name text, present boolean, apply text)
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $assertions$
  WITH platform AS (
    SELECT t.name, to_regclass(format('public.%I', t.name)) AS oid
    FROM unnest(edurange.platform_tables()) WITH ORDINALITY AS t (name, position)
  ), wanted_trigger (table_name, name, events) AS (VALUES
    ('GroupPoints', 'edurange_group_points_changed', 'INSERT OR UPDATE OR DELETE'),
    ('GroupPoints', 'edurange_group_points_truncated', 'TRUNCATE'),
    ('_GroupMembers', 'edurange_group_members_changed', 'INSERT OR UPDATE OR DELETE'),
    ('_GroupMembers', 'edurange_group_members_truncated', 'TRUNCATE')
  ), wanted_index (table_name, name, columns) AS (VALUES
    ('QuestionAttempt', 'edurange_question_attempt_idx',
     '"userId", "questionId", "groupChallengeId", "attemptedAt"'),
    ('QuestionCompletion', 'edurange_question_completion_idx', '"groupChallengeId", "userId"'),
    ('ChallengeCompletion', 'edurange_challenge_completion_idx', '"groupChallengeId"'),
    ('GroupChallenge', 'edurange_group_challenge_idx', '"groupId"'),
    ('GroupPoints', 'edurange_group_points_idx', '"groupId"'),
    ('CompetitionAccessCode', 'edurange_access_code_idx', '"groupId"'),
    ('ChallengeInstance', 'edurange_instance_user_idx', '"userId"'),
    ('ChallengeInstance', 'edurange_instance_competition_idx', '"competitionId"'),
    ('ActivityLog', 'edurange_activity_time_idx', '"timestamp"'),
    ('ActivityLog', 'edurange_activity_user_idx', '"userId", "timestamp"'),
    ('ActivityLog', 'edurange_activity_group_idx', '"groupId"'),
    ('ActivityLog', 'edurange_activity_challenge_idx', '"challengeId"'),
    ('ActivityLog', 'edurange_activity_code_idx', '"accessCodeId"'),
    ('ActivityLog', 'edurange_activity_instance_idx', '"challengeInstanceId"')
  )
  SELECT 'table', format('public.%I', p.name), p.oid IS NOT NULL, NULL FROM platform p
  UNION ALL
  SELECT 'migration', format('%s %s', s.number, s.name),
    CASE WHEN to_regclass('edurange.migration') IS NULL THEN false
      ELSE edurange.migration_applied(s.number) END, NULL
  FROM edurange.migration_source() s
  UNION ALL
  SELECT 'grant', format('%s on public.%I to edurange_owner', privilege, p.name),
    has_table_privilege('edurange_owner', p.oid, privilege),
    format('GRANT %s ON public.%I TO edurange_owner', privilege, p.name)
  FROM platform p,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'REFERENCES']) AS needed (privilege)
  WHERE p.oid IS NOT NULL
  UNION ALL
  SELECT 'grant', format('usage on schema %I to %I', g.schema, g.role),
    has_schema_privilege(g.role, g.schema, 'USAGE'),
    format('GRANT USAGE ON SCHEMA %I TO %I', g.schema, g.role)
  FROM (VALUES ('public', 'edurange_owner'), ('edurange', 'edurange_owner'),
    ('edurange', 'edurange_player'), ('edurange', 'edurange_service'),
    ('edurange', 'edurange_admin')) AS g (schema, role)
  UNION ALL
  SELECT 'default', format('public.%I.%I', p.name, a.attname),
    EXISTS (SELECT FROM pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum),
    format('ALTER TABLE public.%I ALTER COLUMN %I SET DEFAULT %s', p.name, a.attname,
      CASE a.attname WHEN 'id' THEN 'edurange.new_id()'
        ELSE $$(now() AT TIME ZONE 'UTC')$$ END)
  FROM platform p JOIN pg_attribute a ON a.attrelid = p.oid
  WHERE a.attname IN ('id', 'updatedAt') AND NOT a.attisdropped
  UNION ALL
  SELECT 'index', w.name, to_regclass('public.' || w.name) IS NOT NULL,
    format('CREATE INDEX %I ON public.%I (%s) WHERE %s IS NOT NULL', w.name, w.table_name,
      w.columns, split_part(w.columns, ',', 1))
  FROM wanted_index w JOIN platform p ON p.name = w.table_name WHERE p.oid IS NOT NULL
  UNION ALL
  SELECT 'trigger', format('%s on public.%I', w.name, w.table_name),
    EXISTS (SELECT FROM pg_trigger t
      WHERE t.tgrelid = p.oid AND t.tgname = w.name AND t.tgenabled IN ('O', 'A')),
    format('CREATE OR REPLACE TRIGGER %I AFTER %s ON public.%I FOR EACH %s'
      ' EXECUTE FUNCTION edurange.%I(); ALTER TABLE public.%I ENABLE TRIGGER %I',
      w.name, w.events, w.table_name,
      CASE w.events WHEN 'TRUNCATE' THEN 'STATEMENT' ELSE 'ROW' END,
      CASE w.table_name WHEN 'GroupPoints' THEN 'group_points_changed'
        ELSE 'group_members_changed' END, w.table_name, w.name)
  FROM wanted_trigger w JOIN platform p ON p.name = w.table_name WHERE p.oid IS NOT NULL
$assertions$;
COMMENT ON FUNCTION edurange.assertions() IS
  'What must be in place for this version, whether it is, and the statement that makes it.';

CREATE FUNCTION edurange.migration_applied(number integer) RETURNS boolean
  AS 'MODULE_PATHNAME', 'edurange_migration_applied' LANGUAGE C STABLE STRICT
  SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.migration_applied(integer) IS
  'Whether a migration has been applied to this database.';

CREATE FUNCTION edurange.migrate(platform_owner text DEFAULT NULL)
  RETURNS TABLE (kind text, name text)
  AS 'MODULE_PATHNAME', 'edurange_migrate' LANGUAGE C VOLATILE
  SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION edurange.migrate(text) IS
  'Creates or upgrades the tables and puts grants, triggers, defaults and indexes in place, in one transaction, and returns what it did: no row, nothing was missing. Adopts tables that exist already and changes none of their rows. New platform tables belong to platform_owner (default: the owner of the database). Waits at most lock_timeout, or 10 s where that is not set, for a lock. Needs a superuser. Errors: migration_changed, schema_incompatible, forbidden.';
