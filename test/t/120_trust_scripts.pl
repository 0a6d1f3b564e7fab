# The scripts that a superuser runs, and CREATE EXTENSION and migrate() with them, run nobody's code: not in a database
# whose owner has something of the same name in front of each function, operator, type and view of PostgreSQL's.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;

my $top = abs_path(dirname(__FILE__) . '/../..');
my $node = Edurange::Cluster->new_staged('scripts');
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE platform LOGIN; CREATE DATABASE edurange OWNER platform');

# As the superuser, past what is set for the database.
sub sql
{
	local $ENV{PGOPTIONS} = '-c search_path=pg_catalog -c role=none -c default_transaction_read_only=off -c row_security=on';
	return $node->safe_psql('edurange', $_[0]);
}

# A program as the superuser, as an operator would run it.
sub run_as_is
{
	my ($name, @command) = @_;
	my ($out, $error) = ('', '');
	local @ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)} = ($node->host, $node->port, scalar getpwuid($<), 'edurange');

	$ENV{PGUSER} = sql('SELECT rolname FROM pg_roles WHERE oid = 10');
	my $worked = IPC::Run::run(\@command, '>', \$out, '2>', \$error);
	ok($worked, $name) or diag($error);
	return $out . $error;
}

# ---- the trap ----------------------------------------------------------------------------------------

# Whoever springs it as a superuser makes its owner one, and is written down.
sql(q{
	SET ROLE platform;
	CREATE SCHEMA trap;
	GRANT USAGE ON SCHEMA trap TO PUBLIC;
	CREATE TABLE trap.sprung (what text, who text);
	GRANT INSERT ON trap.sprung TO PUBLIC;
	CREATE FUNCTION trap.spring(what text) RETURNS boolean LANGUAGE plpgsql AS $$
	BEGIN
		IF pg_catalog.current_setting('is_superuser') OPERATOR(pg_catalog.=) 'on' THEN
			INSERT INTO trap.sprung VALUES (what, current_user);
			ALTER ROLE platform SUPERUSER;
		END IF;
		RETURN true;
	END $$});
sql(q{
	SET ROLE platform;
	DO $do$
	DECLARE
		f record;
	BEGIN
		-- functions
		FOR f IN SELECT p.oid, proname, pg_get_function_identity_arguments(p.oid) AS arguments, format_type(prorettype, NULL) AS result, proretset, pronargs,
			(SELECT coalesce(string_agg(format_type(t, NULL), ', ' ORDER BY o), '') FROM unnest(proargtypes) WITH ORDINALITY AS a (t, o)) AS types,
			(SELECT coalesce(string_agg('$' || o, ', ' ORDER BY o), '') FROM unnest(proargtypes) WITH ORDINALITY AS a (t, o)) AS given
			FROM pg_proc p WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND provariadic = 0 AND NOT proretset
			AND NOT EXISTS (SELECT FROM unnest(proargtypes || ARRAY[prorettype]) AS a (t) JOIN pg_type y ON y.oid = a.t WHERE typtype = 'p' AND typname NOT IN ('anyelement', 'anyarray', 'anynonarray', 'void'))
			AND proname NOT LIKE 'RI\_%'
		LOOP
			BEGIN
				EXECUTE format('CREATE FUNCTION trap.%I(%s) RETURNS %s LANGUAGE plpgsql SET search_path = pg_catalog AS $f$ BEGIN PERFORM trap.spring(%L); %s END $f$', f.proname, f.types, f.result,
					f.proname, CASE WHEN f.result = 'void' THEN format('PERFORM pg_catalog.%I(%s);', f.proname, f.given) ELSE format('RETURN pg_catalog.%I(%s);', f.proname, f.given) END);
			EXCEPTION WHEN OTHERS THEN NULL;
			END;
		END LOOP;
		-- what takes any number of arguments, with a few
		FOR f IN SELECT unnest(ARRAY['format', 'concat', 'concat_ws', 'coalesce', 'jsonb_build_object', 'json_build_object']) AS proname LOOP
			EXECUTE format('CREATE FUNCTION trap.%I(text, text) RETURNS text LANGUAGE plpgsql AS $f$ BEGIN PERFORM trap.spring(%L); RETURN NULL; END $f$', f.proname, f.proname);
			EXECUTE format('CREATE FUNCTION trap.%I(text, text, text) RETURNS text LANGUAGE plpgsql AS $f$ BEGIN PERFORM trap.spring(%L); RETURN NULL; END $f$', f.proname, f.proname);
			EXECUTE format('CREATE FUNCTION trap.%I(text, name) RETURNS text LANGUAGE plpgsql AS $f$ BEGIN PERFORM trap.spring(%L); RETURN NULL; END $f$', f.proname, f.proname);
		END LOOP;
		-- operators
		FOR f IN SELECT oprname, format_type(oprleft, NULL) AS l, format_type(oprright, NULL) AS r, format_type(oprresult, NULL) AS result, oprleft, oprright
			FROM pg_operator o WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprkind = 'b'
			AND NOT EXISTS (SELECT FROM pg_type y WHERE y.oid IN (oprleft, oprright, oprresult) AND typtype = 'p' AND typname NOT IN ('anyelement', 'anyarray', 'anynonarray'))
		LOOP
			BEGIN
				EXECUTE format('CREATE FUNCTION trap.op_%s_%s_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS $f$ BEGIN PERFORM trap.spring(%L); RETURN $1 OPERATOR(pg_catalog.%s) $2; END $f$',
					f.oprleft, f.oprright, md5(f.oprname), f.l, f.r, f.result, 'operator ' || f.oprname, f.oprname);
				EXECUTE format('CREATE OPERATOR trap.%s (FUNCTION = trap.op_%s_%s_%s, LEFTARG = %s, RIGHTARG = %s)', f.oprname, f.oprleft, f.oprright, md5(f.oprname), f.l, f.r);
			EXCEPTION WHEN OTHERS THEN NULL;
			END;
		END LOOP;
		-- tables and views
		FOR f IN SELECT relname FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v') LOOP
			BEGIN
				EXECUTE format('CREATE VIEW trap.%I AS SELECT * FROM pg_catalog.%I WHERE trap.spring(%L)', f.relname, f.relname, 'view ' || f.relname);
			EXCEPTION WHEN OTHERS THEN NULL;
			END;
		END LOOP;
		-- types
		FOR f IN SELECT typname FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype = 'b' AND typname NOT LIKE '\_%' LOOP
			BEGIN
				EXECUTE format('CREATE DOMAIN trap.%I AS pg_catalog.%I CHECK (trap.spring(%L))', f.typname, f.typname, 'type ' || f.typname);
			EXCEPTION WHEN OTHERS THEN NULL;
			END;
		END LOOP;
	END $do$});
cmp_ok(sql("SELECT count(*) FROM pg_proc WHERE pronamespace = 'trap'::regnamespace"), '>', 2000, 'functions in front of PostgreSQL\'s');
cmp_ok(sql("SELECT count(*) FROM pg_operator WHERE oprnamespace = 'trap'::regnamespace"), '>', 500, 'operators');
cmp_ok(sql("SELECT count(*) FROM pg_class WHERE relnamespace = 'trap'::regnamespace AND relkind = 'v'"), '>', 100, 'views');
cmp_ok(sql("SELECT count(*) FROM pg_type WHERE typnamespace = 'trap'::regnamespace AND typtype = 'd'"), '>', 50, 'types');

# The same in public, for who has that in front, and all that the owner of a database may set.
sql(q{
	SET ROLE platform;
	CREATE SCHEMA IF NOT EXISTS public;
	ALTER DATABASE edurange SET search_path = trap, public, pg_catalog;
	ALTER DATABASE edurange SET standard_conforming_strings = off;
	ALTER DATABASE edurange SET escape_string_warning = off;
	ALTER DATABASE edurange SET default_transaction_isolation = 'serializable';
	ALTER DATABASE edurange SET quote_all_identifiers = on;
	ALTER DATABASE edurange SET row_security = off;
	ALTER DATABASE edurange SET check_function_bodies = off;
	ALTER DATABASE edurange SET bytea_output = escape;
	ALTER DATABASE edurange SET DateStyle = 'German';
	ALTER DATABASE edurange SET IntervalStyle = 'sql_standard';
	ALTER DATABASE edurange SET extra_float_digits = -15;
	ALTER DATABASE edurange SET xmloption = document;
	ALTER DATABASE edurange SET transform_null_equals = on});
{
	# it works where nothing is said against it
	is($node->safe_psql('edurange', q{BEGIN; SELECT count(*) FROM pg_roles WHERE rolname = 'x'; SELECT pg_catalog.count(*) OPERATOR(pg_catalog.>) 0 FROM trap.sprung; ROLLBACK}) =~ /t$/ ? 1 : 0, 1,
		'the trap springs');
}

sub not_sprung
{
	my ($name) = @_;

	is(sql(q{SELECT string_agg(DISTINCT what || ' as ' || who, ', ') FROM trap.sprung}), '', "$name: nothing of somebody's ran");
	is(sql(q{SELECT string_agg(rolname, ', ') FROM pg_roles WHERE rolsuper AND oid <> 10}), '', "$name: nobody became superuser");
	sql('TRUNCATE trap.sprung');
	return;
}

# ---- the scripts ---------------------------------------------------------------------------------------

my @psql = ('psql', '-Xq', '-v', 'ON_ERROR_STOP=1');

# The program of the image, with its paths as they are here.
my $migrate = "$PostgreSQL::Test::Utils::tmp_check/migrate.sh";
my ($share) = map { chomp; $_ } qx(pg_config --sharedir);
{
	my $text = slurp_file("$top/deploy/containers/migrate.sh");
	my $stage = "$ENV{EDURANGE_STAGE}$share";
	$text =~ s,/usr/share/postgresql/\*/extension/edurange\.control,$stage/extension/edurange.control,;
	$text =~ s,find /usr/share/postgresql/\*/edurange/roles\.sql,find $top/deploy/roles.sql,;
	# what stands in a stage is not listed by PostgreSQL
	$text =~ s/SELECT default_version FROM pg_available_extensions WHERE name = 'edurange'/SELECT DISTINCT '\$wanted' FROM pg_available_extensions WHERE name <> 'edurange'/
	  or BAIL_OUT('the script asks something else');
	append_to_file($migrate, $text);
}

run_as_is('CREATE EXTENSION', @psql, '-c', q{CREATE EXTENSION edurange VERSION '0.0.9'});
not_sprung('CREATE EXTENSION of before');
run_as_is('migrate() of before', @psql, '-c', 'SET default_transaction_isolation = "read committed"', '-c', 'SELECT * FROM edurange.migrate()');
not_sprung('migrate() of before');
{
	local $ENV{SHIM_PASSWORD} = q{it's\a "pass$word};
	like(run_as_is('edurange-migrate', 'sh', $migrate), qr/t\s*\|\s*\{\}/, 'edurange-migrate: it is ready');
	not_sprung('edurange-migrate');
	is(sql(q{SELECT count(*) FROM pg_authid WHERE rolname LIKE 'edurange\_shim\_%' AND rolpassword LIKE 'SCRAM-SHA-256$%'}), '3', 'edurange-migrate: the logins have a password');
	like(run_as_is('edurange-migrate again', 'sh', $migrate), qr/\(0 rows\)/, 'edurange-migrate again: nothing to do');
	not_sprung('edurange-migrate again');
	unlike(slurp_file($node->logfile), qr/it's|it''s|pass\$word/, 'edurange-migrate: the password is not in the log');
}
like(run_as_is('textfile.sql', 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-f', "$top/deploy/prometheus/textfile.sql"), qr/^edurange_missing 0$/m, 'textfile.sql: what it says');
not_sprung('textfile.sql');
run_as_is('roles.sql', @psql, '-f', "$top/deploy/roles.sql");
not_sprung('roles.sql');
run_as_is('pods.sql', 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-f', "$top/deploy/sample/pods.sql");
not_sprung('pods.sql');
run_as_is($_, @psql, '-c', "SELECT * FROM edurange.$_") for 'findings()', 'check_invariants()', 'health()', 'readiness()';
not_sprung('functions');
run_as_is('remove.sql', @psql, '-f', "$top/deploy/remove.sql");
not_sprung('remove.sql');
is(sql(q{SELECT count(*) FROM pg_namespace WHERE nspname IN ('edurange', 'edurange_guard')}), '0', 'remove.sql: it is gone');
run_as_is('CREATE EXTENSION again', @psql, '-c', 'CREATE EXTENSION edurange');
not_sprung('CREATE EXTENSION');

# As somebody else, where the database says so: refused, not done in halves.
sql(q{ALTER DATABASE edurange SET role = 'platform'});
my ($code, undef, $error) = $node->psql('edurange', "\\i $top/deploy/roles.sql");
is($code, 0, 'a role that is set for the database does not matter to roles.sql') or diag($error);
{
	local $ENV{SHIM_PASSWORD} = 'x';
	run_as_is('edurange-migrate, with a role set for the database', 'sh', $migrate);
}
not_sprung('with a role set for the database');

done_testing();
