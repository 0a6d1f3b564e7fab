# The launcher of the sync worker: it starts the worker once all is there that this needs, says once what is
# missing, and brings it back.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

use Edurange::Cluster;

my $node = Edurange::Cluster->new_staged(
	'sync_launcher',
	worker => 1,
	conf => <<"CONF");
edurange.instance_manager_url = 'http://127.0.0.1:1/api'
edurange.sync_interval = 100
CONF
$node->start;

sub sql { return $node->safe_psql('edurange', $_[0]) }

my $worker = "FROM pg_stat_activity WHERE backend_type = 'edurange sync worker'";
my $launcher = "FROM pg_stat_activity WHERE backend_type = 'edurange sync launcher'";

# The worker serves: it recorded that there is no Instance Manager, after a moment from now.
sub serves
{
	my ($name) = @_;
	return $node->becomes_true(
		"SELECT \"workerRunning\" AND \"workerProblem\" IS NULL AND \"lastAttempt\" > '@{[ sql('SELECT clock_timestamp()') ]}'"
		  . ' FROM edurange.sync_status()', $name);
}

# The launcher says that something is missing: in the log once, however often it looks, and to who asks it.
sub is_reported
{
	my ($problem, $from) = @_;
	my $began = time;

	$node->becomes_true("SELECT query = '$problem' $launcher", "reported: $problem", 'postgres');
	cmp_ok(time - $began, '<', 30, 'soon, however often the worker ended before');
	sleep 3;
	my $log = slurp_file($node->logfile, $from);
	my @said = $log =~ /WARNING:  the sync worker cannot start: \Q$problem\E\n/g;
	is(scalar @said, 1, 'in the log once');
	unlike($log, qr/FATAL:(?!  terminating (?:background worker|connection|autovacuum process))/, 'and nothing fails over and over');
	return;
}

sub is_told
{
	my ($problem, $database) = @_;

	$database //= 'edurange';
	is($node->safe_psql($database, 'SELECT "workerRunning", "workerProblem" FROM edurange.sync_status()'), "f|$problem", 'sync_status() tells it');
	like($node->safe_psql($database, 'SELECT message FROM edurange.health()'),
		qr/(^|; )the sync worker does not run: \Q$problem\E/, 'health() tells it');
	return;
}

sub log_size { return -s $node->logfile }

sub end_worker { return sql("SELECT pg_terminate_backend(pid) $worker") }

my $no_database = 'database "edurange" does not exist; set edurange.database or make it';
my $no_role = 'role "edurange_worker" does not exist; in database "edurange" run CREATE EXTENSION edurange,'
  . ' or ALTER EXTENSION edurange UPDATE, and edurange.migrate()';

subtest 'nothing is there yet' => sub {
	is_reported($no_database, 0);
	my $from = log_size();
	$node->safe_psql('postgres', 'CREATE DATABASE edurange');
	is_reported($no_role, $from);
	sql(q{CREATE EXTENSION edurange VERSION '0.0.9'});
	sql('SELECT * FROM edurange.migrate()');
	sleep 3;
	unlike(slurp_file($node->logfile, $from), qr/FATAL|cannot start.*cannot start/s, 'a version of before changes nothing of that');
	sql('ALTER EXTENSION edurange UPDATE');
	$node->becomes_true("SELECT query LIKE 'idle: role edurange_worker may not call%' $worker", 'before migrate() the worker is there, and may call nothing');
	like(slurp_file($node->logfile, $from), qr/WARNING:  the sync worker is idle: role edurange_worker may not call what it needs, see edurange.migrate/, 'as it says');
	sql('SELECT * FROM edurange.migrate()');
	serves('afterwards it serves');
	is(sql("SELECT usename $worker"), 'edurange_worker', 'as its role');
	is(sql("SELECT coalesce(datname, 'none') $launcher"), 'none', 'the launcher is in no database');
};

subtest 'the role may not connect' => sub {
	my $from = log_size();
	my $problem = 'role "edurange_worker" may not connect to database "edurange"; run edurange.migrate() there';

	sql('REVOKE CONNECT ON DATABASE edurange FROM PUBLIC');
	end_worker();
	is_reported($problem, $from);
	is_told($problem);
	is(sql('SELECT ready FROM edurange.readiness()'), 't', 'everybody else is served');
	is(sql('SELECT * FROM edurange.migrate()'), 'worker|CONNECT ON DATABASE edurange', 'migrate() makes it right');
	serves('and the worker serves again');
};

subtest 'the role is a superuser' => sub {
	my $from = log_size();

	sql('ALTER ROLE edurange_worker SUPERUSER');
	is_reported('role "edurange_worker" is a superuser; run ALTER ROLE edurange_worker NOSUPERUSER', $from);
	like(slurp_file($node->logfile, $from), qr/LOG:  the sync worker ends: role edurange_worker is not what it was/, 'the worker that ran ended');
	sql('ALTER ROLE edurange_worker NOSUPERUSER');
	serves('put right, it serves again');
};

subtest 'the role cannot log in' => sub {
	plan skip_all => 'from PostgreSQL 17 it never can' if $node->pg_version >= 17;
	my $from = log_size();
	my $problem = 'role "edurange_worker" cannot log in; run edurange.migrate()';

	sql('ALTER ROLE edurange_worker NOLOGIN');
	end_worker();
	is_reported($problem, $from);
	is_told($problem);
	is(sql('SELECT * FROM edurange.migrate()'), 'role|edurange_worker', 'migrate() makes it right');
	serves('and the worker serves again');
};

subtest 'something is missing while the next start is waited for' => sub {
	plan skip_all => 'from PostgreSQL 17 the role needs less' if $node->pg_version >= 17;
	my $problem = 'role "edurange_worker" cannot log in; run edurange.migrate()';
	my $begun;

	for (1 .. 2)
	{
		serves('the worker serves');
		end_worker();
		$node->becomes_true("SELECT count(*) = 0 $worker", 'it ends');
	}
	$node->becomes_true("SELECT query LIKE 'it ends soon after each start%' $launcher", 'for the second time: the next start is 20 s away');
	$begun = time;
	sql('ALTER ROLE edurange_worker NOLOGIN');
	$node->becomes_true("SELECT query = '$problem' $launcher", 'what is missing is told');
	cmp_ok(time - $begun, '<', 10, 'before that');
	is_told($problem);
	$begun = time;
	sql('SELECT * FROM edurange.migrate()');
	$node->becomes_true("SELECT count(*) = 1 $worker", 'put right, the worker is started');
	cmp_ok(time - $begun, '<', 10, 'at once');
	serves('and serves');
};

subtest 'the role is gone' => sub {
	my $from = log_size();
	my $rights = q{SELECT string_agg(pg_describe_object(classid, objid, 0), ', ' ORDER BY pg_describe_object(classid, objid, 0)) FROM pg_shdepend
		WHERE refobjid = to_regrole('edurange_worker') AND deptype = 'a'}; # from 17 also what an extension gave at first
	my $before = sql($rights);

	sql('DROP OWNED BY edurange_worker; DROP ROLE edurange_worker');
	is_reported($no_role, $from);
	is_told($no_role);
	is(sql('SELECT ready FROM edurange.readiness()'), 't', 'everybody else is served');
	sql('SELECT * FROM edurange.migrate()');
	is(sql('SELECT * FROM edurange.migrate()'), '', 'migrate() makes it again');
	is(sql($rights), $before, 'with the rights that it had');
	serves('and the worker serves again');
};

subtest 'the database accepts no connections' => sub {
	my $from = log_size();

	$node->safe_psql('postgres', 'ALTER DATABASE edurange ALLOW_CONNECTIONS false');
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) $worker");
	is_reported('database "edurange" accepts no connections; see ALTER DATABASE', $from);
	$node->safe_psql('postgres', 'ALTER DATABASE edurange ALLOW_CONNECTIONS true');
	serves('put right, the worker serves again');
};

subtest 'the launcher ends' => sub {
	my $before = sql("SELECT pid $worker");

	# before it ends it has something to say
	end_worker();
	serves('the worker comes back');
	end_worker();
	$node->becomes_true("SELECT query LIKE 'it ends soon after each start%' $launcher", 'and ended again');
	sql("SELECT pg_terminate_backend(pid) $launcher");
	$node->becomes_true("SELECT count(*) = 0 $launcher", 'the launcher ends');
	is_told('its launcher does not run; raise max_worker_processes');
	$node->becomes_true("SELECT count(*) = 1 $worker", 'it comes back with a worker');
	sql("SELECT pg_terminate_backend(pid) $launcher");
	$node->becomes_true("SELECT count(*) = 0 $worker", 'its worker goes with it');
	$node->becomes_true("SELECT count(*) = 1 $worker", 'both come back');
	serves('and serve');
	is(sql("SELECT count(*) $worker"), 1, 'there is one worker');
	isnt(sql("SELECT pid $worker"), $before, 'another one');
};

subtest 'edurange.database is wrong' => sub {
	my $from = log_size();
	my $problem = 'database "edurnge" does not exist; set edurange.database or make it';

	$node->append_conf('postgresql.conf', "edurange.database = 'edurnge'");
	$node->restart;
	is_reported($problem, $from);
	is_told($problem);
	$node->adjust_conf('postgresql.conf', 'edurange.database', undef);
	$node->restart;
	serves('put right, the worker serves again');
};

subtest 'the server has no place for the worker' => sub {
	my $from = log_size();
	my $problem = 'all 2 background workers are in use; raise max_worker_processes';

	# the launcher has one, PostgreSQL's own for subscriptions the other
	$node->append_conf('postgresql.conf', 'max_worker_processes = 2');
	$node->restart;
	is_reported($problem, $from);
	is_told($problem);
	$node->adjust_conf('postgresql.conf', 'max_worker_processes', undef);
	$node->restart;
	serves('with one more the worker serves again');
};

$node->stop;
done_testing();
