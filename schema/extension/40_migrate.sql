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

CREATE FUNCTION edurange.lent_tables() RETURNS text[]
  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
  SELECT ARRAY['standing', 'points_ledger', 'retired_question', 'pack_manifest', 'sync_watch', 'sync_past', 'cdf_document', 'activity_archive', 'roster',
    'participation', 'voided', 'grade_change', 'grade_change_user', 'board_rule', 'completion_change']
$$;
COMMENT ON FUNCTION edurange.lent_tables() IS
  'The names of the tables in schema edurange that edurange_game may read: what statements join with the platform''s rows. None holds a token, the answer to a request with a key, or a further right answer. cdf_document holds the documents with their answers, roster access codes.';

CREATE FUNCTION edurange.guard_source() RETURNS text
  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $guard_source$
  SELECT format($guard$
DECLARE
  dropped text;
BEGIN
  IF coalesce(nullif(current_setting('edurange.allow_drop', true), ''), 'off')::boolean THEN
    RETURN;
  END IF;
  SELECT string_agg(object_identity, ', ' ORDER BY object_identity) INTO dropped
  FROM pg_event_trigger_dropped_objects()
  WHERE object_type = 'table' AND NOT is_temporary AND (schema_name = 'edurange'
    OR schema_name = 'public' AND object_name = ANY (%L::text[]));
  IF dropped IS NOT NULL THEN
    RAISE EXCEPTION 'tables of EDURange Cloud are not dropped without edurange.allow_drop: %%', dropped
      USING ERRCODE = 'object_in_use',
        HINT = 'If you want to lose their rows, SET edurange.allow_drop = on first.';
  END IF;
END
$guard$, edurange.platform_tables())
$guard_source$;
COMMENT ON FUNCTION edurange.guard_source() IS
  'The body of the guard that migrate() makes: an event trigger in a schema of its own that refuses to drop the platform''s tables and those of schema edurange. It calls nothing of the extension, which may be gone.';

CREATE FUNCTION edurange.wanted_indexes() RETURNS TABLE (table_name text, name text, columns text)
  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$
  VALUES
  ('User', 'edurange_user_email_idx', 'lower(btrim(email)) text_pattern_ops, id'),
  ('CompetitionGroup', 'edurange_competition_time_idx', '"createdAt", id'),
  ('QuestionAttempt', 'edurange_question_attempt_idx',
   '"userId", "questionId", "groupChallengeId", "attemptedAt"'),
  ('QuestionAttempt', 'edurange_question_placement_idx', '"questionId", "groupChallengeId", "attemptedAt", id'),
  ('QuestionAttempt', 'edurange_attempt_time_idx', '"groupChallengeId", "attemptedAt"'),
  ('QuestionCompletion', 'edurange_question_completion_idx', '"groupChallengeId", "userId"'),
  ('QuestionCompletion', 'edurange_completed_question_idx', '"questionId"'),
  ('ChallengeCompletion', 'edurange_challenge_completion_idx', '"groupChallengeId"'),
  ('ChallengeCompletion', 'edurange_challenge_time_idx', '"userId", "groupChallengeId", "completedAt"'),
  ('Account', 'edurange_account_user_idx', '"userId"'),
  ('Session', 'edurange_session_user_idx', '"userId"'),
  ('Challenge', 'edurange_challenge_type_idx', '"challengeTypeId"'),
  ('GroupChallenge', 'edurange_group_challenge_idx', '"groupId"'),
  ('GroupPoints', 'edurange_group_points_idx', '"groupId"'),
  ('CompetitionAccessCode', 'edurange_access_code_time_idx', '"groupId", "createdAt"'),
  ('ChallengeInstance', 'edurange_instance_user_idx', '"userId"'),
  ('ChallengeInstance', 'edurange_instance_competition_idx', '"competitionId"'),
  ('ChallengeInstance', 'edurange_instance_status_idx', 'status'),
  ('ActivityLog', 'edurange_activity_time_idx', '"timestamp"'),
  ('ActivityLog', 'edurange_activity_user_idx', '"userId", "timestamp"'),
  ('ActivityLog', 'edurange_activity_group_time_idx', '"groupId", "timestamp"'),
  ('ActivityLog', 'edurange_activity_challenge_idx', '"challengeId"'),
  ('ActivityLog', 'edurange_activity_code_idx', '"accessCodeId"'),
  ('ActivityLog', 'edurange_activity_instance_idx', '"challengeInstanceId"')
$$;
COMMENT ON FUNCTION edurange.wanted_indexes() IS
  'The indexes that migrate() makes on the platform''s tables: what functions look rows up by, and every foreign key, so that what is deleted costs what goes with it. They are partial, which Prisma does not see.';

CREATE FUNCTION edurange.assertions()
  RETURNS TABLE (kind text, name text, present boolean, apply text)
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off
AS $assertions$
  WITH platform AS (
    SELECT t.name, to_regclass(format('public.%I', t.name)) AS oid
    FROM unnest(edurange.platform_tables()) WITH ORDINALITY AS t (name, position)
  ), identified (name) AS (
    SELECT unnest(ARRAY['User', 'Account', 'Session', 'ChallengeType', 'ChallengePack', 'Challenge',
      'ChallengeQuestion', 'ChallengeAppConfig', 'CompetitionGroup', 'CompetitionAccessCode',
      'GroupPoints', 'GroupChallenge', 'ChallengeCompletion', 'QuestionCompletion',
      'QuestionAttempt', 'ChallengeInstance', 'ActivityLog'])
  ), wanted_trigger (table_name, name, events, function) AS (VALUES
    ('GroupPoints', 'edurange_group_points_changed', 'AFTER INSERT OR UPDATE OR DELETE', 'group_points_changed'),
    ('GroupPoints', 'edurange_group_points_truncated', 'AFTER TRUNCATE', 'group_points_changed'),
    ('_GroupMembers', 'edurange_group_members_changed', 'AFTER INSERT OR UPDATE OR DELETE', 'group_members_changed'),
    ('_GroupMembers', 'edurange_group_members_truncated', 'AFTER TRUNCATE', 'group_members_changed'),
    ('User', 'edurange_user_archived', 'BEFORE DELETE', 'archive_activity'),
    ('CompetitionGroup', 'edurange_competition_archived', 'BEFORE DELETE', 'archive_activity'),
    ('User', 'edurange_roster_awaited', 'BEFORE INSERT', 'await_roster'),
    ('User', 'edurange_roster_of_address_awaited', 'BEFORE UPDATE OF email', 'await_roster'),
    ('User', 'edurange_roster_followed', 'AFTER INSERT OR UPDATE OF email OR DELETE', 'follow_roster'),
    ('User', 'edurange_users_truncated', 'AFTER TRUNCATE', 'follow_roster'),
    ('CompetitionGroup', 'edurange_roster_deleted', 'AFTER DELETE', 'follow_roster'),
    ('CompetitionGroup', 'edurange_competitions_truncated', 'AFTER TRUNCATE', 'follow_roster'),
    ('ChallengeCompletion', 'edurange_completion_changed', 'AFTER INSERT OR UPDATE OR DELETE', 'completion_changed'),
    ('ChallengeCompletion', 'edurange_completions_truncated', 'BEFORE TRUNCATE', 'completions_truncated'),
    ('User', 'edurange_user_completions_forgotten', 'AFTER DELETE', 'forget_completions'),
    ('User', 'edurange_all_completions_forgotten', 'AFTER TRUNCATE', 'forget_completions'),
    ('GroupChallenge', 'edurange_completions_forgotten', 'AFTER DELETE', 'forget_completions'),
    ('GroupChallenge', 'edurange_all_completions_forgotten', 'AFTER TRUNCATE', 'forget_completions'),
    ('ActivityLog', 'edurange_roster_joined', 'AFTER INSERT', 'follow_join'),
    ('ChallengeQuestion', 'edurange_question_kept', 'BEFORE DELETE', 'keep_question'),
    ('ChallengeQuestion', 'edurange_question_deleted', 'AFTER DELETE', 'question_deleted'),
    ('ChallengeQuestion', 'edurange_questions_truncated', 'AFTER TRUNCATE', 'question_deleted'),
    ('ChallengeInstance', 'edurange_instance_deleted', 'AFTER DELETE', 'instance_deleted')
    UNION ALL SELECT name, 'edurange_row_filled', 'BEFORE INSERT', 'fill_row' FROM identified
  ), wanted_index AS (SELECT * FROM edurange.wanted_indexes()
  ), unwanted_default (column_name, value) AS (VALUES
    ('id', 'edurange.new_id()'), ('updatedAt', $$(now() AT TIME ZONE 'UTC'::text)$$)
  ), guard (name, source) AS (VALUES
    ('edurange_guard', edurange.guard_source())
  ), shape (fault) AS MATERIALIZED (
    SELECT * FROM edurange.shape_faults()
  )
  SELECT 'table', format('public.%I', p.name), p.oid IS NOT NULL, NULL FROM platform p
  UNION ALL
  SELECT 'migration', format('%s %s', s.number, s.name),
    CASE WHEN to_regclass('edurange.migration') IS NULL
        OR EXISTS (SELECT FROM shape WHERE fault LIKE '%edurange.migration%') THEN false
      ELSE edurange.migration_applied(s.number) END, NULL
  FROM edurange.migration_source() s
  UNION ALL
  SELECT 'shape', fault, false, NULL FROM shape
  UNION ALL
  SELECT kind, name, present, apply FROM edurange.rights()
  UNION ALL
  -- What others hang on the platform's tables runs as edurange_game: where it may make functions, these outlive the call.
  SELECT 'exposure', 'CREATE on ' || place, false, NULL
  FROM to_regrole('edurange_game') AS r (role), LATERAL (
    SELECT format('schema %I', nspname) FROM pg_namespace WHERE NOT starts_with(nspname, 'pg_') AND has_schema_privilege(role, oid, 'CREATE')
    UNION ALL SELECT format('database %I', datname) FROM pg_database
    WHERE datname = current_database() AND has_database_privilege(role, oid, 'CREATE')) AS granted (place)
  UNION ALL
  -- Nobody but our own roles writes our tables, or reads what is lent to nobody; rights that were given stay given.
  SELECT DISTINCT 'exposure', format('%s on edurange.%I for %s', a.privilege_type, c.relname,
    CASE a.grantee WHEN 0 THEN 'everybody' ELSE quote_ident(pg_get_userbyid(a.grantee)) END), false, NULL
  FROM pg_class c LEFT JOIN pg_attribute t ON t.attrelid = c.oid AND t.attacl IS NOT NULL,
    LATERAL (SELECT * FROM aclexplode(c.relacl) UNION SELECT * FROM aclexplode(t.attacl)) AS a
  WHERE c.relnamespace = to_regnamespace('edurange') AND c.relkind = 'r'
    AND a.grantee <> c.relowner AND a.grantee IS DISTINCT FROM to_regrole('edurange_owner')
    AND NOT (a.privilege_type = 'SELECT' AND c.relname = ANY (edurange.lent_tables()))
  UNION ALL
  SELECT 'role', 'edurange_worker', EXISTS (SELECT FROM pg_roles r, edurange.worker_attributes() AS a (attributes)
      WHERE r.rolname = 'edurange_worker' AND r.rolconnlimit = 0 AND r.rolcanlogin = (attributes ~ '^LOGIN')),
    format('%s ROLE edurange_worker %s',
      CASE WHEN to_regrole('edurange_worker') IS NULL THEN 'CREATE' ELSE 'ALTER' END, edurange.worker_attributes())
  UNION ALL
  -- by the role's number, which is null when it is gone
  SELECT 'worker', w.name, coalesce(w.present, false), format('GRANT %s TO edurange_worker', w.name)
  FROM to_regrole('edurange_worker') AS r (role), LATERAL (
    SELECT format('CONNECT ON DATABASE %I', d.datname), has_database_privilege(role, d.oid, 'CONNECT')
    FROM pg_database d WHERE d.datname = current_database()
    UNION ALL SELECT 'USAGE ON SCHEMA edurange', has_schema_privilege(role, 'edurange', 'USAGE')
    UNION ALL SELECT 'EXECUTE ON FUNCTION ' || f.name, has_function_privilege(role, to_regprocedure(f.name), 'EXECUTE')
    FROM (VALUES ('edurange.sync_begin()'), ('edurange.sync_apply(jsonb,timestamptz)'),
      ('edurange.sync_apply_list(text,timestamptz,double precision)'),
      ('edurange.set_cdf_schema(jsonb,text)')) AS f (name)) AS w (name, present)
  UNION ALL
  -- What migrate() of before made: Prisma takes it for a difference.
  SELECT 'default', format('none of ours for public.%I.%I', p.name, u.column_name),
    NOT EXISTS (SELECT FROM pg_attrdef d JOIN pg_attribute a
      ON a.attrelid = d.adrelid AND a.attnum = d.adnum
      -- the expression last: to print it takes a lock of the table, and probes wait for nobody
      WHERE d.adrelid = p.oid
      AND CASE WHEN a.attname = u.column_name THEN pg_get_expr(d.adbin, d.adrelid) = u.value ELSE false END),
    format('ALTER TABLE public.%I ALTER COLUMN %I DROP DEFAULT', p.name, u.column_name)
  FROM platform p, unwanted_default u
  UNION ALL
  -- one of the name may be of another table, or have been left invalid
  SELECT 'index', w.name, coalesce(x.indisvalid, false),
    CASE WHEN NOT x.indisvalid THEN format('DROP INDEX public.%I; ', w.name) ELSE '' END
    || format('CREATE INDEX %I ON public.%I (%s) WHERE %s IS NOT NULL', w.name, w.table_name,
      w.columns, regexp_replace(split_part(w.columns, ',', 1), ' \w+$', ''))
  FROM wanted_index w JOIN platform p ON p.name = w.table_name
  LEFT JOIN pg_index x ON x.indrelid = p.oid AND x.indexrelid = to_regclass('public.' || w.name)
  UNION ALL
  -- one that the table's owner has given another name would record a second time beside a new one; before a row
  -- is updated it is locked, and what fires for it then must not wait for anybody
  SELECT 'trigger', format('%s on public.%I', w.name, w.table_name),
    coalesce(cardinality(t.names) = 1 AND t.fire, false),
    coalesce((SELECT string_agg(format('DROP TRIGGER %I ON public.%I; ', name, w.table_name), '')
      FROM unnest(t.names) AS n (name) WHERE name <> w.name), '')
    || format('CREATE OR REPLACE TRIGGER %I %s ON public.%I FOR EACH %s'
      ' EXECUTE FUNCTION edurange.%I(); ALTER TABLE public.%I ENABLE TRIGGER %I',
      w.name, w.events, w.table_name, l.level, w.function, w.table_name, w.name)
  FROM wanted_trigger w JOIN platform p ON p.name = w.table_name,
    LATERAL (SELECT CASE WHEN w.events ~ 'TRUNCATE|BEFORE UPDATE' THEN 'STATEMENT' ELSE 'ROW' END,
      (SELECT sum(flag) FROM (VALUES ('BEFORE', 2), ('INSERT', 4), ('DELETE', 8), ('UPDATE', 16), ('TRUNCATE', 32))
        AS e (event, flag) WHERE w.events ~ event)) AS l (level, events),
    LATERAL (SELECT array_agg(tgname), bool_and(tgenabled IN ('O', 'A') AND tgtype >> 1 << 1 = l.events) FROM pg_trigger
      WHERE tgrelid = p.oid AND tgfoid = to_regproc('edurange.' || w.function)
      AND (tgtype & 1 = 1) = (l.level = 'ROW')) AS t (names, fire)
  UNION ALL
  -- A table without a primary key names its rows to subscribers by a unique index of NOT NULL columns.
  SELECT 'replica identity', format('%I.%I', n.nspname, c.relname),
    c.relreplident = 'f' OR EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid AND x.indisvalid
      AND CASE c.relreplident WHEN 'd' THEN x.indisprimary ELSE x.indisreplident END),
    format('ALTER TABLE %I.%I REPLICA IDENTITY %s', n.nspname, c.relname,
      CASE WHEN EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid AND x.indisprimary)
        THEN 'DEFAULT'
        ELSE coalesce((SELECT format('USING INDEX %I', i.relname)
          FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
          WHERE x.indrelid = c.oid AND x.indisunique AND x.indisvalid AND x.indimmediate
            AND x.indpred IS NULL AND x.indexprs IS NULL
            AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid
              AND a.attnum = ANY (x.indkey) AND NOT a.attnotnull)
          ORDER BY x.indnkeyatts, i.relname LIMIT 1), 'FULL') END)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind = 'r' AND c.relpersistence = 'p' AND (n.nspname = 'edurange'
    OR n.nspname = 'public' AND c.relname = ANY (edurange.platform_tables()))
  UNION ALL
  SELECT 'replica identity', format('public.%I', p.name), false,
    'ALTER TABLE public."VerificationToken" REPLICA IDENTITY USING INDEX "VerificationToken_token_key"'
  FROM platform p WHERE p.oid IS NULL AND p.name = 'VerificationToken'
  UNION ALL
  SELECT 'guard', format('event trigger %I', g.name),
    EXISTS (SELECT FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid
      WHERE e.evtname = g.name AND e.evtevent = 'sql_drop' AND e.evtenabled IN ('O', 'A')
      AND p.prosrc = g.source),
    format('CREATE SCHEMA IF NOT EXISTS edurange_guard;'
      ' CREATE OR REPLACE FUNCTION edurange_guard.refuse_drop() RETURNS event_trigger'
      ' LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS %L;'
      ' COMMENT ON SCHEMA edurange_guard IS %L;'
      ' DROP EVENT TRIGGER IF EXISTS %I; CREATE EVENT TRIGGER %I ON sql_drop'
      ' EXECUTE FUNCTION edurange_guard.refuse_drop()', g.source,
      'Refuses to drop tables of EDURange Cloud; made by edurange.migrate(), depends on nothing.',
      g.name, g.name)
  FROM guard g
$assertions$;
COMMENT ON FUNCTION edurange.assertions() IS
  'What must be in place for this version, whether it is, and the statement that makes it.';

CREATE FUNCTION edurange.migration_applied(number integer) RETURNS boolean
  AS 'MODULE_PATHNAME', 'edurange_migration_applied' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION edurange.migration_applied(integer) IS
  'Whether a migration has been applied to this database.';

CREATE FUNCTION edurange.migrate(platform_owner text DEFAULT NULL, dry_run boolean DEFAULT false)
  RETURNS TABLE (kind text, name text)
  AS 'MODULE_PATHNAME', 'edurange_migrate' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.migrate(text, boolean) IS
  'Creates or upgrades the tables and puts roles, owners, grants, triggers and indexes in place, in one transaction, and returns what it did: no row, nothing was missing. Adopts tables that exist already and changes none of their rows. With dry_run it changes nothing and takes no lock that others wait for; it returns what a run would and is refused as a run would be, but for keys that are there twice and for locks; and it counts what is broken in the rows (kind finding, see findings()). New platform tables belong to platform_owner (default: the owner of the database). Waits at most lock_timeout, or 10 s where that is not set, for a lock. Needs a superuser. Errors: migration_changed, schema_incompatible, forbidden, not_installed, invalid_parameter.';

CREATE TYPE edurange.finding AS (
  finding text,
  subject text,
  detail text,
  repair text);
COMMENT ON TYPE edurange.finding IS 'Nullable: repair.';

CREATE FUNCTION edurange.findings(finding text DEFAULT NULL)
  RETURNS SETOF edurange.finding
  AS 'MODULE_PATHNAME', 'edurange_findings' LANGUAGE C STABLE;
COMMENT ON FUNCTION edurange.findings(text) IS
  'What is broken in the platform''s rows, as it was found; reads each table once, and pg_stat_activity shows how far it is: subject is the id of the row (a completion, an instance, a pack, a challenge type, a row of totals, or user and competition where it is gone), repair what repair() would do, null where there is no safe answer. Shows no flag. Works before the first migrate(). Needs a superuser, or somebody who was granted EXECUTE. Errors: invalid_parameter.';

CREATE FUNCTION edurange.repair(finding text, subject text DEFAULT NULL)
  RETURNS SETOF edurange.finding
  AS 'MODULE_PATHNAME', 'edurange_repair' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION edurange.repair(text, text) IS
  'Repairs all rows of a finding (subject null or all; total_differs, which changes totals, wants all to be said), or the one subject, and returns them; a changed total has its entry in the ledger. Locks the tables against writers until the end of the transaction. Needs a superuser. Errors: missing_parameter, invalid_parameter, not_installed, forbidden.';

CREATE FUNCTION edurange.planted_platform(platform_owner text) RETURNS SETOF edurange.planted
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off
AS $$
  WITH platform (sql) AS (SELECT sql FROM edurange.migration_source() WHERE number = 1
  ), relation AS (
    SELECT c.oid, c.relname AS name, c.relkind, c.relpersistence, c.relowner, c.relispartition,
      EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent)) AS inherits
    FROM unnest(edurange.platform_tables()) AS t (name)
    JOIN pg_class c ON c.relname = t.name AND c.relnamespace = 'public'::regnamespace
  ), type AS (
    SELECT t.typname AS name, t.typtype, t.typowner
    FROM pg_type t
    WHERE t.typnamespace = 'public'::regnamespace AND t.typname IN (SELECT name[1]
      FROM platform, regexp_matches(sql, 'CREATE TYPE "([^"]+)" AS ENUM', 'g') AS name)
  ), owner (oid) AS (
    SELECT oid FROM pg_roles WHERE rolsuper OR rolname = platform_owner
    UNION SELECT datdba FROM pg_database WHERE datname = current_database()
    -- a platform that is there as a whole is whose it is
    UNION SELECT min(relowner::bigint)::oid FROM relation
    HAVING count(*) = cardinality(edurange.platform_tables()) AND count(DISTINCT relowner) = 1
  ), wanted (name, table_name) AS (
    SELECT name, table_name FROM edurange.wanted_indexes()
    UNION ALL SELECT name[1], name[2] FROM platform,
      regexp_matches(sql, 'INDEX IF NOT EXISTS "([^"]+)"[[:space:]]+ON "([^"]+)"', 'g') AS name
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
  -- what an index of ours or the platform's is to be called
  SELECT ROW(format('public.%I is no index', c.relname), 'Drop or rename it.')::edurange.planted
  FROM wanted i JOIN pg_class c ON c.relname = i.name AND c.relnamespace = 'public'::regnamespace
  WHERE c.relkind <> 'i'
  UNION ALL
  SELECT ROW(format('index public.%I is of table %s, where it is to be of public.%I', c.relname, x.indrelid::regclass, i.table_name),
    'Drop or rename it.')::edurange.planted
  FROM wanted i JOIN pg_class c ON c.relname = i.name AND c.relnamespace = 'public'::regnamespace
  JOIN pg_index x ON x.indexrelid = c.oid
  WHERE x.indrelid IS DISTINCT FROM to_regclass(format('public.%I', i.table_name))
$$;
COMMENT ON FUNCTION edurange.planted_platform(text) IS
  'What has the name of a table, type or index of the platform in schema public and is of another kind, or belongs to somebody else than a superuser, the owner of the database or platform_owner. The hint puts it right; migrate() refuses to go on before.';
