# The sync worker is worth nothing to whoever gets something run by it: it is no superuser, its role may call
# three functions, and what hangs on the platform's tables runs with less.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

use Edurange::Cluster;
use Edurange::InstanceManager;

my $im = Edurange::InstanceManager->start(args => [ '--domain', 'play.test' ]);
my $node = Edurange::Cluster->new_ready(
	'trust_worker',
	worker => $im,
	conf => "edurange.sync_interval = 100\n");
my $pod = '11111111-1111-7111-8111-111111111111';

sub sql { return $node->safe_psql('edurange', $_[0]) }

my $worker = "FROM pg_stat_activity WHERE backend_type = 'edurange sync worker'";

# ---- the role --------------------------------------------------------------------------------

$node->becomes_true(qq{SELECT usename = 'edurange_worker' $worker}, 'the worker connects as its role');
is(sql(q{SELECT concat_ws(' ', rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls, rolconnlimit,
	rolcanlogin = (current_setting('server_version_num')::integer < 170000)) FROM pg_roles WHERE rolname = 'edurange_worker'}),
	'f f f f f 0 t', 'which has no attribute but, before PostgreSQL 17, LOGIN');
is(sql(q{SELECT count(*) FROM pg_auth_members WHERE 'edurange_worker'::regrole IN (roleid, member)}), 0, 'is member of nothing and has no members');
# Since PostgreSQL 17 i stands beside what an extension's script granted.
is(sql(q{SELECT string_agg(deptype::text || ' ' || pg_describe_object(classid, objid, objsubid), E'\n' ORDER BY pg_describe_object(classid, objid, objsubid))
	FROM pg_shdepend WHERE refobjid = 'edurange_worker'::regrole AND deptype <> 'i'}), <<'TXT' =~ s/\n\z//r, 'owns nothing and was given five things');
a function edurange.set_cdf_schema(jsonb,text)
a function edurange.sync_apply(jsonb,timestamp with time zone)
a function edurange.sync_apply_list(text,timestamp with time zone,double precision)
a function edurange.sync_begin()
a schema edurange
TXT
is(sql(q{SELECT string_agg(a.privilege_type || a.is_grantable, ' ') FROM pg_namespace n, aclexplode(n.nspacl) a
	WHERE n.nspname = 'edurange' AND a.grantee = 'edurange_worker'::regrole}), 'USAGEfalse', 'of the schema, to use it');
is(sql(q{SELECT string_agg(p.proname, ' ' ORDER BY p.proname) FROM pg_proc p WHERE pronamespace = 'edurange'::regnamespace
	AND has_function_privilege('edurange_worker', p.oid, 'EXECUTE')}), 'new_id set_cdf_schema sync_apply sync_apply_list sync_begin',
	'it may execute those, and what everybody may');
is(sql(q{SELECT string_agg(c.oid::regclass::text, ' ') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname IN ('public', 'edurange') AND c.relkind IN ('r', 'S', 'v') AND CASE c.relkind
		WHEN 'S' THEN has_sequence_privilege('edurange_worker', c.oid, 'USAGE, SELECT, UPDATE')
		ELSE has_any_column_privilege('edurange_worker', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
			OR has_table_privilege('edurange_worker', c.oid, 'DELETE, TRUNCATE, TRIGGER') END}), '', 'it reads and writes no table');
is(sql(q{SELECT string_agg(nspname, ' ') FROM pg_namespace WHERE has_schema_privilege('edurange_worker', oid, 'CREATE')}), '', 'it makes nothing in a schema');
is(sql(q{SELECT has_database_privilege('edurange_worker', current_database(), 'CREATE')}), 'f', 'nor a schema');

for my $database ('edurange', 'postgres')
{
	# not through its input, which a psql that is refused does not read
	my ($out, $error) = run_command([ 'psql', '-XAtq', '-d', $node->connstr($database), '-U', 'edurange_worker', '-c', 'SELECT 1' ]);
	is($out, '', "nobody logs in to $database as it");
	like($error, qr/too many connections for role "edurange_worker"|role "edurange_worker" is not permitted to log in/, 'and is told so');
}

# ---- what runs in the worker -----------------------------------------------------------------

# platform owns database and tables; stranger may make things in public and hang triggers on the tables.
sql(q{
	CREATE ROLE platform LOGIN;
	CREATE ROLE stranger LOGIN;
	ALTER DATABASE edurange OWNER TO platform;
	GRANT CREATE, USAGE ON SCHEMA public TO stranger, platform;
	DO $$
	DECLARE
		name text;
	BEGIN
		FOREACH name IN ARRAY edurange.platform_tables() LOOP
			EXECUTE format('ALTER TABLE public.%I OWNER TO platform', name);
			EXECUTE format('GRANT TRIGGER ON public.%I TO stranger', name);
			COMMIT; -- the worker is at work, and takes these tables in an order of its own
		END LOOP;
	END $$;
	CREATE TABLE public.seen (way text, session_name text, current_name text, is_superuser text, attempt text, refused text);
	ALTER TABLE public.seen OWNER TO stranger;
	GRANT INSERT ON public.seen TO PUBLIC;
	CREATE TABLE public.attempt (sql text);
	ALTER TABLE public.attempt OWNER TO stranger;
	GRANT SELECT ON public.attempt TO PUBLIC;
	INSERT INTO "User" (id, email, "updatedAt") VALUES ('u', 'u@play.test', now());
	INSERT INTO "ChallengeType" (id, name) VALUES ('t', 'trust');
	INSERT INTO "Challenge" (id, name, "challengeTypeId", "updatedAt") VALUES ('c', 'Basic', 't', now());
	INSERT INTO "CompetitionGroup" (id, name, "startDate", "updatedAt") VALUES ('g', 'Group', now(), now());
	INSERT INTO public.attempt VALUES
		('RESET ROLE'), ('SET ROLE NONE'), ('SET ROLE postgres'), ('SET ROLE edurange_owner'), ('SET ROLE edurange_admin'),
		('SET ROLE edurange_worker'), ('SET LOCAL ROLE postgres'), ('RESET SESSION AUTHORIZATION'),
		('SET SESSION AUTHORIZATION postgres'), ('SET SESSION AUTHORIZATION DEFAULT'),
		($$SELECT set_config('role', 'postgres', false)$$), ($$SELECT set_config('session_authorization', 'postgres', false)$$),
		('ALTER ROLE stranger SUPERUSER'), ('CREATE ROLE another SUPERUSER'), ('GRANT edurange_admin TO stranger'),
		('GRANT edurange_worker TO stranger'), ('ALTER ROLE edurange_worker CONNECTION LIMIT 5'),
		('ALTER TABLE edurange.standing OWNER TO stranger'), ('GRANT SELECT ON edurange.token TO stranger'),
		('CREATE TRIGGER t BEFORE INSERT ON edurange.standing FOR EACH ROW EXECUTE FUNCTION public.spy()'),
		('SELECT * FROM edurange.token'), ('UPDATE edurange.standing SET points = 999'), ('SELECT rolpassword FROM pg_authid'),
		('ALTER SYSTEM SET edurange.database = ''x'''), ('SET session_replication_role = replica'),
		('SELECT pg_read_file(''PG_VERSION'')'), ('COPY (SELECT 1) TO PROGRAM ''true'''), ('SELECT lo_import(''/etc/passwd'')'),
		('CREATE FUNCTION public.mine() RETURNS integer LANGUAGE sql AS ''SELECT 1'''), ('CREATE SCHEMA mine'),
		('CREATE TEMPORARY TABLE mine (n integer)'), ('SELECT pg_reload_conf()'),
		($$SELECT edurange.create_token('admin', 'x')$$), ($$SELECT edurange.sync_apply('{}')$$),
		($$SELECT edurange.set_cdf_schema('{}', 'x')$$), ($$SELECT edurange.sync_now()$$), ('SELECT edurange.migrate()'),
		($$SELECT * FROM edurange.outcomes('create_token', ARRAY['admin', 'x', NULL, NULL, NULL])$$);
	SET ROLE stranger;
	CREATE FUNCTION public.look(way text) RETURNS integer LANGUAGE plpgsql AS $$
	DECLARE
		a record;
	BEGIN
		IF session_user <> 'edurange_worker' THEN
			RETURN 1;
		END IF;
		FOR a IN SELECT sql FROM public.attempt LOOP
			BEGIN
				EXECUTE a.sql;
				INSERT INTO public.seen VALUES (way, session_user, current_user, current_setting('is_superuser'), a.sql, NULL);
			EXCEPTION WHEN OTHERS THEN
				INSERT INTO public.seen VALUES (way, session_user, current_user, current_setting('is_superuser'), a.sql, SQLERRM);
			END;
		END LOOP;
		RETURN 1;
	END $$;
	CREATE FUNCTION public.look_at(way text) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN public.look(way); END $$;
	CREATE FUNCTION public.spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.look(tg_argv[0]); RETURN NEW; END $$});
sql(qq{INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId")
	VALUES ('$pod', 'c', 'u', 'pending...', 'QUEUED', 'g')});
my $attempts = sql('SELECT count(*) FROM public.attempt');
my $instance = qq{FROM "ChallengeInstance" WHERE id = '$pod'};

# The worker changes the instance: to ERROR, which is logged, and back.
sub change_instance
{
	for my $status ('ERROR', 'ACTIVE')
	{
		$im->add_pod(name => $pod, status => $status);
		return 0 if !$node->poll_query_until('edurange', "SELECT status = '$status' $instance");
	}
	return 1;
}

sub worth_nothing
{
	my ($way) = @_;

	is(sql("SELECT count(DISTINCT attempt) FROM seen WHERE way = '$way'"), $attempts, "$way: each was tried");
	is(sql("SELECT string_agg(DISTINCT concat_ws(' ', session_name, current_name, is_superuser), ', ') FROM seen WHERE way = '$way'"),
		'edurange_worker edurange_game off', "$way: all it sees is a role that is worth nothing");
	is(sql("SELECT string_agg(DISTINCT attempt, '; ') FROM seen WHERE way = '$way' AND refused IS NULL"), '', "$way: each is refused");
	sql('DELETE FROM seen');
	return;
}

ok(change_instance(), 'the worker works');
my @hung = (
	[ 'a trigger of the owner', 'platform',
		q{CREATE TRIGGER spy BEFORE UPDATE ON "ChallengeInstance" FOR EACH ROW EXECUTE FUNCTION public.spy('WAY')},
		q{DROP TRIGGER spy ON "ChallengeInstance"} ],
	[ 'a trigger of a stranger', 'stranger',
		q{CREATE TRIGGER spy AFTER INSERT ON "ActivityLog" FOR EACH STATEMENT EXECUTE FUNCTION public.spy('WAY')},
		q{DROP TRIGGER spy ON "ActivityLog"} ],
	[ 'a constraint trigger', 'stranger',
		q{CREATE CONSTRAINT TRIGGER spy AFTER UPDATE ON "ChallengeInstance" FOR EACH ROW EXECUTE FUNCTION public.spy('WAY')},
		q{DROP TRIGGER spy ON "ChallengeInstance"} ],
	[ 'a check', 'platform', q{ALTER TABLE "ChallengeInstance" ADD CONSTRAINT spy CHECK (public.look('WAY') = 1)},
		q{ALTER TABLE "ChallengeInstance" DROP CONSTRAINT spy} ],
	[ 'a default', 'platform', q{ALTER TABLE "ActivityLog" ADD COLUMN spy integer; ALTER TABLE "ActivityLog" ALTER spy SET DEFAULT public.look('WAY')},
		q{ALTER TABLE "ActivityLog" DROP COLUMN spy} ],
	[ 'an index', 'platform', q{CREATE INDEX spy ON "ChallengeInstance" (public.look_at('WAY'))}, q{DROP INDEX spy} ]);
for my $case (@hung)
{
	my ($way, $who, $hang, $take_down) = @$case;

	sql("SET SESSION AUTHORIZATION $who; " . $hang =~ s/WAY/$way/r);
	ok(change_instance(), "$way: the worker goes on");
	worth_nothing($way);
	sql($take_down);
}

# What is put off to the end of the worker's transaction cannot be: the pass fails, and its author sees nothing.
for my $table ('ChallengeInstance', 'ActivityLog')
{
	sql(qq{SET SESSION AUTHORIZATION stranger; CREATE CONSTRAINT TRIGGER spy AFTER INSERT OR UPDATE ON "$table" DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION public.spy('deferred')});
	$im->add_pod(name => $pod, status => 'ERROR');
	$node->becomes_true(qq{SELECT "lastError" LIKE '%is deferrable, a constraint or trigger of public."$table"%' FROM edurange.sync_status()},
		"deferred on $table: the pass fails, and says why");
	is(sql('SELECT count(*) FROM seen'), 0, 'its author sees nothing');
	sql(qq{DROP TRIGGER spy ON "$table"});
	$node->becomes_true("SELECT status = 'ERROR' $instance", 'without it the worker goes on');
	ok(change_instance(), 'as before');
}

# ---- settings, and what the worker's own statements name -------------------------------------

sql(q{
	SET ROLE stranger;
	CREATE FUNCTION public.jsonb_build_object(text, text, text, double precision) RETURNS jsonb LANGUAGE sql
		AS $$ SELECT '{}'::jsonb FROM (SELECT public.look('a name')) AS l $$;
	CREATE FUNCTION public.joined(jsonb, jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT $1 FROM (SELECT public.look('a name')) AS l $$;
	CREATE OPERATOR public.|| (FUNCTION = public.joined, LEFTARG = jsonb, RIGHTARG = jsonb);
	CREATE FUNCTION public.text(jsonb) RETURNS text LANGUAGE sql AS $$ SELECT '' FROM (SELECT public.look('a name')) AS l $$;
	CREATE FUNCTION public.sync_apply(jsonb, timestamptz) RETURNS integer LANGUAGE sql AS $$ SELECT public.look('a name') $$});
sql('GRANT platform TO edurange_worker');
$node->safe_psql('postgres', "ALTER DATABASE edurange SET $_")
  for 'search_path = public, pg_catalog, edurange', 'default_transaction_read_only = on', "role = 'platform'", "session_authorization = 'postgres'";
{
	local $ENV{PGOPTIONS} = '-c role=none -c default_transaction_read_only=off';

	$node->restart;
	$node->becomes_true("SELECT usename = 'edurange_worker' $worker", 'under hostile settings the worker connects as its role');
	ok(change_instance(), 'and works');
	$im->fault('error500');
	$node->becomes_true(q{SELECT "consecutiveFailures" > 0 FROM edurange.sync_status()}, 'also when there is no list');
	$im->clear_faults;
	ok(change_instance(), 'and again');
	is(sql('SELECT count(*) FROM seen'), 0, 'what has the name of what it calls is not called');
	sql('ALTER DATABASE edurange RESET ALL');
	sql('REVOKE platform FROM edurange_worker');
}

is(sql(q{SELECT string_agg(rolname, ', ') FROM pg_roles WHERE rolsuper AND rolname <> 'postgres'}), '', 'nobody became superuser');
is(sql(q{SELECT count(*) FROM pg_auth_members m WHERE m.roleid::regrole::text LIKE 'edurange%' AND m.member::regrole::text IN ('stranger', 'platform')}), 0,
	'nobody became anything');
is(sql('SELECT count(*) FROM edurange.token'), 0, 'no token was made');

$node->stop;
is($im->stop, 0, 'the simulator ends cleanly');
done_testing();
