# What somebody has put where ours is to be is refused by name, with a hint that puts it right, and nothing of
# it ever runs in a superuser's name.

use strict;
use warnings;

use Edurange::Cluster;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Edurange::Cluster->new_staged('planted');
$node->start;
$node->safe_psql('postgres', q{
	CREATE ROLE planter LOGIN;
	CREATE ROLE platform LOGIN});
my $number = 0;

# A new database of the platform's.
sub database
{
	my $name = 'planted' . ++$number;

	$node->safe_psql('postgres', "CREATE DATABASE $name OWNER platform");
	$node->safe_psql($name, 'GRANT CREATE ON SCHEMA public TO planter; GRANT CREATE ON DATABASE ' . $name . ' TO planter');
	return $name;
}

# What a statement is refused with: its message and its hint.
sub refusal
{
	my ($database, $sql) = @_;
	my ($code, $out, $err) = $node->psql($database, "\\set VERBOSITY verbose\n$sql");

	return '' if $code == 0;
	my ($message) = $err =~ /ERROR:\s+(?:RG506: )?(.*)/;
	my ($hint) = $err =~ /HINT:\s+(.*)/;
	like($err, qr/RG506/, "$message: as schema_incompatible");
	return "$message | " . ($hint // 'no hint');
}

# Nobody's database, nothing planted.
{
	my $name = database();
	is(refusal($name, 'CREATE EXTENSION edurange'), '', 'without anything planted it installs');
	is(refusal($name, 'SELECT edurange.migrate()'), '', 'and migrates');
}

# Before CREATE EXTENSION.
my %before = (
	'a schema of ours' => ['CREATE SCHEMA edurange AUTHORIZATION planter', 'ALTER SCHEMA edurange OWNER TO postgres',
		qr/schema edurange belongs to planter/],
	'the schema of the guard' => ['CREATE SCHEMA edurange_guard AUTHORIZATION planter', 'ALTER SCHEMA edurange_guard OWNER TO postgres',
		qr/schema edurange_guard belongs to planter/],
	'the guard itself' => [q{CREATE SCHEMA edurange_guard; CREATE FUNCTION edurange_guard.refuse_drop() RETURNS event_trigger LANGUAGE plpgsql
		AS $$ BEGIN ALTER ROLE planter SUPERUSER; END $$; ALTER FUNCTION edurange_guard.refuse_drop() OWNER TO planter},
		'ALTER FUNCTION edurange_guard.refuse_drop() OWNER TO postgres', qr/function edurange_guard\.refuse_drop\(\) belongs to planter/],
	'the record of migrations' => [q{CREATE SCHEMA edurange; CREATE TABLE edurange.migration (number integer, name text, sha256 text, applied_at timestamptz);
		ALTER TABLE edurange.migration OWNER TO planter}, 'DROP TABLE edurange.migration', qr/table edurange\.migration belongs to planter/],
	'a function of ours' => [q{CREATE SCHEMA edurange; CREATE FUNCTION edurange.planted_roles(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
		ALTER FUNCTION edurange.planted_roles(integer) OWNER TO planter}, 'DROP FUNCTION edurange.planted_roles(integer)',
		qr/function edurange\.planted_roles\(integer\) belongs to planter/],
	'an operator of ours' => [q{CREATE SCHEMA edurange; CREATE FUNCTION public.same(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
		CREATE OPERATOR edurange.= (FUNCTION = public.same, LEFTARG = text, RIGHTARG = text); ALTER OPERATOR edurange.= (text, text) OWNER TO planter},
		'DROP OPERATOR edurange.= (text, text)', qr/operator edurange\.=\(text,text\) belongs to planter/],
	# roles are there before the database's extension, and could have been made to own what runs as them
	'a lever of the owner\'s' => [q{CREATE FUNCTION public.lever() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'; ALTER FUNCTION lever() OWNER TO edurange_owner},
		'DROP FUNCTION lever()', qr/role edurange_owner owns function public\.lever\(\)/],
	'a lever of a tier\'s' => [q{CREATE VIEW public.lever AS SELECT 1 AS one; ALTER VIEW lever OWNER TO edurange_admin}, 'ALTER VIEW lever OWNER TO planter',
		qr/role edurange_admin owns view public\.lever/],
	'a schema of the worker\'s' => ['CREATE SCHEMA lever AUTHORIZATION edurange_worker', 'DROP SCHEMA lever', qr/role edurange_worker owns schema lever/],
);
for my $what (sort keys %before)
{
	my ($plant, $cure, $message) = @{ $before{$what} };
	my $name = database();

	$node->safe_psql($name, $plant);
	my $refused = refusal($name, 'CREATE EXTENSION edurange');
	like($refused, $message, "$what: refused by name");
	unlike($refused, qr/no hint/, "$what: with a hint");
	$node->safe_psql($name, $cure);
	is(refusal($name, 'CREATE EXTENSION edurange'), '', "$what: put right, it installs");
	is(refusal($name, 'SELECT edurange.migrate()'), '', "$what: and migrates");
}

# Between CREATE EXTENSION and migrate(), and between two runs of that.
my %platform = (
	'a domain' => [q{CREATE DOMAIN public."UserRole" AS text}, q{DROP DOMAIN "UserRole"}, qr/type public\."UserRole" is no enum/],
	'an enum of a stranger' => [q{SET ROLE planter; CREATE TYPE public."UserRole" AS ENUM ('ADMIN', 'INSTRUCTOR', 'STUDENT')},
		q{DROP TYPE "UserRole"}, qr/type public\."UserRole" belongs to planter/],
	'a table of a stranger' => [q{SET ROLE planter; CREATE TABLE public."ChallengePack" (id text)}, q{DROP TABLE "ChallengePack"},
		qr/table public\."ChallengePack" belongs to planter/],
	'a view' => [q{CREATE VIEW public."ChallengePack" AS SELECT 1 AS id}, q{DROP VIEW "ChallengePack"}, qr/public\."ChallengePack" is no ordinary table/],
	'a partitioned table' => [q{CREATE TABLE public."ChallengePack" (id text) PARTITION BY LIST (id)}, q{DROP TABLE "ChallengePack"},
		qr/public\."ChallengePack" is no ordinary table/],
	'an unlogged table' => [q{CREATE UNLOGGED TABLE public."ChallengePack" (id text)}, q{DROP TABLE "ChallengePack"},
		qr/public\."ChallengePack" is no ordinary table/],
	'a table like an index' => [q{CREATE TABLE public.edurange_instance_user_idx (n integer)}, q{DROP TABLE edurange_instance_user_idx},
		qr/public\.edurange_instance_user_idx is no index/],
	'a lever of the platform\'s reader' => [q{CREATE FUNCTION public.lever() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'; ALTER FUNCTION lever() OWNER TO edurange_game},
		'DROP FUNCTION lever()', qr/role edurange_game owns function public\.lever\(\)/],
	'an index of ours elsewhere' => [q{SET ROLE planter; CREATE TABLE public.x (n integer); CREATE INDEX edurange_instance_user_idx ON public.x (n)},
		q{DROP TABLE public.x}, qr/index public\.edurange_instance_user_idx is of table public\.x, where it is to be of public\."ChallengeInstance"/],
	'a key of the platform elsewhere' => [q{SET ROLE planter; CREATE TABLE public.x (n integer); CREATE INDEX "GroupPoints_userId_groupId_key" ON public.x (n)},
		q{DROP TABLE public.x}, qr/index public\."GroupPoints_userId_groupId_key" is of table public\.x, where it is to be of public\."GroupPoints"/],
	'the schema of a comparison' => [q{SET ROLE planter; CREATE SCHEMA edurange_shape}, q{DROP SCHEMA edurange_shape}, qr/schema edurange_shape is there/],
	'a table like an index of the platform' => [q{CREATE TABLE public."User_email_key" (n integer)}, q{DROP TABLE "User_email_key"},
		qr/public\."User_email_key" is no index/],
);
for my $what (sort keys %platform)
{
	my ($plant, $cure, $message) = @{ $platform{$what} };
	my $name = database();

	$node->safe_psql($name, "CREATE EXTENSION edurange");
	$node->safe_psql($name, $plant);
	my $dry = refusal($name, 'SELECT edurange.migrate(dry_run => true)');
	my $refused = refusal($name, 'SELECT edurange.migrate()');
	like($refused, $message, "$what: refused by name");
	is($dry, $refused, "$what: a dry run says the same");
	unlike($refused, qr/no hint/, "$what: with a hint");
	$node->safe_psql($name, 'SET edurange.allow_drop = on; ' . $cure);
	is(refusal($name, 'SELECT edurange.migrate()'), '', "$what: put right, it migrates");
}

# While migrate() runs: it waits for a name that somebody holds, and meanwhile somebody makes the next table.
{
	my $name = database();
	$node->safe_psql($name, 'CREATE EXTENSION edurange');
	my $holder = $node->background_psql($name);
	$holder->query_safe(q{SET ROLE planter; BEGIN; CREATE TYPE public."ActivityEventType" AS ENUM ('x')});
	my $migration = IPC::Run::start([ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $node->connstr($name), '-c', 'SELECT * FROM edurange.migrate()' ], '>', \my $out, '2>&1');
	$node->poll_query_until($name, q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE '%migrate()' AND wait_event_type = 'Lock')});
	$node->safe_psql($name, q{SET ROLE planter; CREATE TABLE public."QuestionAttempt" (id text NOT NULL CONSTRAINT "QuestionAttempt_pkey" PRIMARY KEY, "questionId" text NOT NULL,
		"userId" text NOT NULL, "groupChallengeId" text NOT NULL, answer text NOT NULL, "isCorrect" boolean NOT NULL, "attemptedAt" timestamp(3) NOT NULL)});
	$holder->query_safe('ROLLBACK');
	$holder->quit;
	$migration->finish;
	like($out, qr/RG506: table public\."QuestionAttempt" belongs to planter/, 'what comes while migrate() runs is refused, too');
	is($node->safe_psql($name, q{SELECT to_regclass('public."User"') IS NULL}), 't', 'and nothing was made');
}

# Roles are the cluster's.
my %roles = (
	'LOGIN' => ['ALTER ROLE edurange_owner LOGIN', qr/role edurange_owner can log in/],
	'PASSWORD' => [q{ALTER ROLE edurange_game PASSWORD 'x'}, qr/role edurange_game has a password/],
	'CREATEROLE' => ['ALTER ROLE edurange_player CREATEROLE', qr/role edurange_player may create roles/],
	'SUPERUSER' => ['ALTER ROLE edurange_service SUPERUSER', qr/role edurange_service is a superuser/],
	'settings' => ['ALTER ROLE edurange_owner SET search_path = planter', qr/role edurange_owner has settings/],
	'a member' => ['GRANT edurange_owner TO planter', qr/role planter is a member of edurange_owner/],
	'a membership' => ['GRANT planter TO edurange_game', qr/role edurange_game is a member of planter/],
	'the worker for others' => ['ALTER ROLE edurange_worker LOGIN CONNECTION LIMIT 5', qr/role edurange_worker can log in/],
	'the worker with a password' => [q{ALTER ROLE edurange_worker PASSWORD 'x'}, qr/role edurange_worker has a password/],
	'the worker as a member' => ['GRANT planter TO edurange_worker', qr/role edurange_worker is a member of planter/],
	'a member of the worker' => ['GRANT edurange_worker TO planter', qr/role planter is a member of edurange_worker/],
	'a higher tier' => ['GRANT edurange_admin TO edurange_player', qr/role edurange_player is a member of edurange_admin/],
);
for my $what (sort keys %roles)
{
	my ($plant, $message) = @{ $roles{$what} };
	my $name = database();

	# memberships in a circle are refused by PostgreSQL itself
	my ($code) = $node->psql('postgres', $plant);
	next if $code != 0;
	my $refused = refusal($name, 'CREATE EXTENSION edurange');
	like($refused, $message, "$what: refused by name");
	my ($cure) = $refused =~ /\| (.*;)/;
	$node->safe_psql('postgres', $cure);
	is(refusal($name, 'CREATE EXTENSION edurange'), '', "$what: the hint puts it right");
	$node->safe_psql('postgres', $plant);
	like(refusal($name, 'SELECT edurange.migrate()'), $message, "$what: migrate() refuses it, too");
	$node->safe_psql('postgres', $cure);
	is(refusal($name, 'SELECT edurange.migrate()'), '', "$what: put right, it migrates");
}

# Members of a tier are the operator's to choose: who had one before is said.
{
	my $name = database();
	$node->safe_psql('postgres', 'GRANT edurange_admin TO planter');
	my ($code, undef, $error) = $node->psql($name, 'CREATE EXTENSION edurange');
	is($code, 0, 'a member of a tier is no reason to refuse');
	like($error, qr/WARNING:  role planter was a member of edurange_admin before\nHINT:  .*REVOKE edurange_admin FROM planter;/, 'and is named');
	$node->safe_psql('postgres', 'REVOKE edurange_admin FROM planter');
}

# Also one that was granted by a member, and handed on; from PostgreSQL 16 on PostgreSQL tells them apart.
{
	my $name = database();
	my $members = q{SELECT count(*) FROM pg_auth_members WHERE roleid IN ('edurange_game'::regrole, 'edurange_admin'::regrole)};
	my $before = $node->safe_psql('postgres', $members);
	my @said;

	$node->safe_psql('postgres', q{
		CREATE ROLE delegate; CREATE ROLE friend;
		GRANT edurange_game, edurange_admin TO delegate WITH ADMIN OPTION;
		SET ROLE delegate; GRANT edurange_game TO friend WITH ADMIN OPTION; GRANT edurange_admin TO friend;
		RESET ROLE; SET ROLE friend; GRANT edurange_game TO planter});
	while (@said < 4 and my $refused = refusal($name, 'CREATE EXTENSION edurange'))
	{
		push @said, $refused;
		$node->safe_psql('postgres', $refused =~ /\| (.*;)/);
	}
	cmp_ok(scalar(@said), '<', 4, 'members of members: the hints put it right') or diag(join "\n", @said);
	my (undef, undef, $error) = $node->psql(database(), 'CREATE EXTENSION edurange');
	$node->safe_psql('postgres', $_) for $error =~ /HINT:  If that is not wanted: (.*;)/g;
	is($node->safe_psql('postgres', $members), $before, 'and so do those of warnings');
}

is($node->safe_psql('postgres', q{SELECT string_agg(rolname, ', ') FROM pg_roles WHERE rolsuper AND rolname <> 'postgres'}), '',
	'nobody became superuser');

# A database that is not UTF8.
$node->safe_psql('postgres', q{CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'});
like(refusal('latin', 'CREATE EXTENSION edurange'), qr/has the encoding LATIN1 and the locale "C", edurange needs UTF8 \| Make one/,
	'another encoding is refused, and the locale named');

done_testing();
