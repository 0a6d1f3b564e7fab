# Each tier's connections have a login of their own, which can become no other tier.  One login for all still works,
# and is reported.  A login that somebody else made is refused.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

use Edurange::Cluster;
use Edurange::Shim;

my $top = abs_path(dirname(__FILE__) . '/../..');
my $node = Edurange::Cluster->new_ready('logins');
my @tiers = qw(player service admin);
my %login = map { $_ => "edurange_shim_$_" } @tiers;

sub sql { return $node->safe_psql('edurange', $_[0]) }

# What a login is told, connected as the shim connects for a tier: the result, or the error.
sub as
{
	my ($tier, $sql) = @_;
	my ($code, $out, $error) = $node->psql('edurange', $sql,
		connstr => $node->connstr('edurange') . " user=$login{$tier} options='-c role=edurange_$tier'");

	return $code == 0 ? $out : $error;
}

# ---- the logins ------------------------------------------------------------------------------------

is(sql(q{SELECT string_agg(concat_ws(' ', r.rolname, g.rolname, r.rolinherit, r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolreplication, r.rolbypassrls), ', ' ORDER BY r.rolname)
	FROM pg_roles r LEFT JOIN pg_auth_members m ON m.member = r.oid LEFT JOIN pg_roles g ON g.oid = m.roleid WHERE r.rolname LIKE 'edurange\_shim%'}),
	join(', ', map { "$login{$_} edurange_$_ f f f f f f" } qw(admin player service)), 'each is a member of its tier, without inheriting, and may nothing else');
is(sql(q{SELECT count(*) FROM pg_shdepend WHERE refobjid IN (SELECT oid FROM pg_roles WHERE rolname LIKE 'edurange\_shim%')}), 0, 'they own nothing and were given nothing');
is(sql(q{SELECT count(*) FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole WHERE rolname LIKE 'edurange\_shim%'
	AND 'log_parameter_max_length=0' = ANY (setconfig) AND 'auto_explain.log_verbose=off' = ANY (setconfig)}), 3, 'what they say is in no log');
SKIP:
{
	skip 'transaction_timeout is of PostgreSQL 17', 1 if $node->pg_version < 17;
	sql(q{ALTER DATABASE edurange SET transaction_timeout = '100ms'});
	is(as('player', 'SELECT pg_sleep(0.3); SHOW transaction_timeout'), "\n0", 'no transaction_timeout of the database ends their connections');
	sql(q{ALTER DATABASE edurange RESET transaction_timeout});
}

# From within a connection, whatever was smuggled into it.
my @climbs = ('SET ROLE %s', 'RESET ROLE; SET ROLE %s', 'SET LOCAL ROLE %s', 'SET SESSION AUTHORIZATION %s', "SELECT set_config('role', '%s', false)",
	"SELECT set_config('session_authorization', '%s', false)", 'GRANT %s TO CURRENT_USER', 'GRANT %s TO SESSION_USER');
for my $tier (@tiers)
{
	my %may = map { $_ => 1 } map { "edurange_$_" } @tiers[ 0 .. (grep { $tiers[$_] eq $tier } 0 .. 2)[0] ];
	for my $role ((map { "edurange_$_" } @tiers, qw(owner game worker)), (grep { $_ ne $login{$tier} } values %login), 'postgres')
	{
		my @worked = grep { as($tier, "BEGIN; " . sprintf($_, $role) . "; SELECT 'then ' || current_user") =~ /then $role/ } @climbs;
		is(scalar(@worked), $may{$role} ? 4 : 0, "$tier: " . ($may{$role} ? 'may be ' : 'never becomes ') . $role) or diag("@worked");
	}
	is(as($tier, 'SET ROLE NONE; SELECT edurange.get_points(NULL, NULL)') =~ /permission denied for schema edurange/ ? 1 : 0, 1, "$tier: without its role it may nothing");
}
like(as('service', q{SELECT edurange.create_token('admin', 'x')}), qr/permission denied for function create_token/, 'service makes no token');
like(as('player', q{SELECT edurange.add_points('u', 'g', 1)}), qr/permission denied for function add_points/, 'player adds no points');

# ---- the shim --------------------------------------------------------------------------------------

my %token = map { $_ => sql("SELECT token FROM edurange.create_token('$_', 'test')") } @tiers;
my %path = (player => '/challenges', service => '/health/detailed', admin => '/health/detailed');
my $connections = q{SELECT string_agg(DISTINCT usename, ' ' ORDER BY usename) FROM pg_stat_activity WHERE application_name = 'edurange_shim'};

# Asks something at each tier.
sub statuses { my ($shim) = @_; return [ map { ($shim->get($path{$_}, $token{$_}))[0] } @tiers ]; }
sub message { my ($shim, $tier) = @_; my (undef, $json) = $shim->get('/health/detailed', $token{$tier}); return $json->{message} // ''; }

my $report = qr/can become more than one tier; give each tier its own \(deploy\/roles\.sql\)/;
{
	my $shim = Edurange::Shim->start($node);
	ok($node->poll_query_until('edurange', "SELECT ($connections) = 'edurange_shim_admin edurange_shim_player edurange_shim_service'"),
		'at the start it connects as each');
	is_deeply(statuses($shim), [ 200, 200, 200 ], 'each tier is served');
	unlike(message($shim, $_), $report, "$_: nothing to report") for qw(service admin);
	unlike($shim->log, qr/one_login|database_lost/, 'nor in the log');
	sql("GRANT edurange_admin TO $login{service}");
	like(message($shim, $_), qr/login edurange_shim_service $report/, "$_: a login that was given a higher tier is reported") for qw(service admin);
	like(sql('SELECT message FROM edurange.health()'), qr/login edurange_shim_service $report/, 'by health(), too');
	sql("REVOKE edurange_service FROM $login{service}");
	like(message($shim, 'service'), qr/login edurange_shim_service $report/, 'also where it is a member of the higher one alone');
	sql("GRANT edurange_service TO $login{service}; REVOKE edurange_admin FROM $login{service}");
	unlike(message($shim, $_), $report, "$_: put right") for qw(service admin);
}

# ---- what is wrong is named at the start --------------------------------------------------------------

# The log of a shim that was started with a login, once it says so.
sub log_of
{
	my ($login, $event) = @_;
	my $shim = Edurange::Shim->start($node, WAIT => '/live', POSTGRES_USER => $login);

	for (1 .. 100)
	{
		last if $shim->log =~ $event;
		sleep 0.1;
	}
	return $shim->log;
}

like(log_of('edurange_nobody_{tier}', qr/database_lost/), qr/role \\"edurange_nobody_(?:player|service|admin)\\" does not exist/, 'logins that are missing');
like(log_of('edurange_shim_{teir}', qr/database_lost/), qr/role \\"edurange_shim_\{teir\}\\" does not exist.*one_login|one_login.*role \\"edurange_shim_\{teir\}\\" does not exist/s,
	'a place for the tier that is none');
sql("ALTER ROLE $login{admin} NOLOGIN");
like(log_of('edurange_shim_{tier}', qr/database_lost/), qr/role \\"edurange_shim_admin\\" is not permitted to log in/, 'one that may not log in');
sql("ALTER ROLE $login{admin} LOGIN; REVOKE edurange_admin FROM $login{admin}");
{
	like(log_of('edurange_shim_{tier}', qr/database_lost/), qr/permission denied to set role \\"edurange_admin\\"/, 'one that is no member of its tier');
	my $shim = Edurange::Shim->start($node);
	is_deeply(statuses($shim), [ 200, 200, 503 ], 'the others are served');
}
sql("GRANT edurange_admin TO $login{admin}");

# ---- one login, as it was ----------------------------------------------------------------------------

sql(q{CREATE ROLE edurange_shim LOGIN NOINHERIT; GRANT edurange_player, edurange_service, edurange_admin TO edurange_shim});
{
	my $shim = Edurange::Shim->start($node, POSTGRES_USER => 'edurange_shim');
	is_deeply(statuses($shim), [ 200, 200, 200 ], 'one login: each tier is served');
	is(sql($connections), 'edurange_shim', 'by it');
	like($shim->log, qr/"level":"warning","event":"one_login"/, 'the log says so at the start');
	like(message($shim, $_), qr/login edurange_shim $report/, "$_: /health/detailed says so") for qw(service admin);
	like(sql('SELECT message FROM edurange.health()'), qr/login edurange_shim $report/, 'health() says so');
	my ($status) = $shim->get('/ready');
	is($status, 200, 'it is no reason not to be ready');
}
# (which end a moment after the shim)
for (1 .. 300)
{
	last if sql('SELECT message FROM edurange.health()') !~ $report;
	sleep 0.1;
}
unlike(sql('SELECT message FROM edurange.health()'), $report, 'gone with its connections');
{
	my $shim = Edurange::Shim->start($node, POSTGRES_USER => 'postgres');
	like(message($shim, 'service'), qr/login postgres $report/, 'a superuser as the login is reported, too');
}
{
	my $shim = Edurange::Shim->start($node, EDURANGE_READ_DATABASE_URL => 'postgresql://edurange_shim@/edurange?host=' . $node->host . '&port=' . $node->port);
	like($shim->log, qr/"event":"one_login"/, 'one login for the replica is reported');
}

# ---- deploy/roles.sql --------------------------------------------------------------------------------

# What the script says, or nothing; with VERBOSITY, so that hints come along.
sub roles
{
	my ($out, $error) = ('', '');
	IPC::Run::run([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('edurange'), '-f', "$top/deploy/roles.sql" ], '>', \$out, '2>', \$error);
	return $error;
}

my $facts = q{SELECT string_agg(concat_ws(' ', r.*), E'\n' ORDER BY rolname) FROM (SELECT rolname, rolcanlogin, rolinherit, rolpassword,
	(SELECT string_agg(roleid::regrole::text, ' ') FROM pg_auth_members WHERE member = a.oid), (SELECT setconfig FROM pg_db_role_setting WHERE setrole = a.oid)
	FROM pg_authid a WHERE rolname LIKE 'edurange%') r};
like(roles(), qr/WARNING:  role edurange_shim can take on every tier\nHINT: .*DROP ROLE edurange_shim;/, 'the script names the one login');
sql(q{DROP ROLE edurange_shim});
sql(qq{ALTER ROLE $login{admin} PASSWORD 'x'});
my $before = sql($facts);
unlike(roles(), qr/ERROR|WARNING/, 'run again');
is(sql($facts), $before, 'it changes nothing');
sql(qq{CREATE ROLE mallory LOGIN; CREATE ROLE trudy});
my %planted = (
	'a login that was there before' => [ "DROP ROLE $login{admin}; CREATE ROLE $login{admin} LOGIN PASSWORD 'known'", qr/ERROR:  role "edurange_shim_admin" was there before, and is no login of tier admin/ ],
	'somebody who can become it' => [ "GRANT $login{admin} TO mallory", qr/ERROR:  role "edurange_shim_admin" has a member/ ],
	'somebody who was made one by a member' => [ "GRANT $login{admin} TO mallory WITH ADMIN OPTION; SET ROLE mallory; GRANT $login{admin} TO trudy",
		qr/ERROR:  role "edurange_shim_admin" has a member/ ],
	'more than its tier' => [ "GRANT edurange_admin TO $login{player}", qr/ERROR:  role "edurange_shim_player" is a member of more than its tier/ ],
	'something else' => [ "GRANT mallory TO $login{service}", qr/ERROR:  role "edurange_shim_service" is a member of more than its tier/ ]);
for my $what (sort keys %planted)
{
	my ($plant, $message) = @{ $planted{$what} };
	sql($plant);
	my $said = roles();
	like($said, $message, "$what: refused by name");
	for (1 .. 2)
	{
		sql($1) if $said =~ /HINT:  (.*;)/;
		$said = roles();
	}
	unlike($said, qr/ERROR/, "$what: the hint puts it right");
}
sql("ALTER ROLE $login{player} INHERIT SUPERUSER CREATEROLE CREATEDB BYPASSRLS REPLICATION");
roles();
is(sql(qq{SELECT concat_ws(' ', rolinherit, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication) FROM pg_roles WHERE rolname = '$login{player}'}), 'f f f f f f',
	'what they were given beside goes');
if ($node->pg_version >= 16)
{
	sql("GRANT edurange_player TO $login{player} WITH INHERIT TRUE");
	roles();
	is(sql("SELECT inherit_option FROM pg_auth_members WHERE member = '$login{player}'::regrole"), 'f', 'and what a membership lends without SET ROLE');
}

done_testing();
