# Whatever is killed in the middle of a load: no acknowledged point is lost, none is there twice, and
# everything is back after a restart.

use strict;
use warnings;

use Edurange::Cluster;
use Edurange::InstanceManager;
use Edurange::Seed qw(draw_from);
use Edurange::Shim;
use HTTP::Tiny;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $im = Edurange::InstanceManager->start;
my $node = Edurange::Cluster->new_ready('crash',
	worker => 1,
	conf => "max_connections = 60\nlog_statement = none\nrestart_after_crash = on\nedurange.sync_interval = 200ms\n"
	  . "edurange.instance_manager_url = '" . $im->url . "'\n");
draw_from(int(rand(1e9)));
my $rounds = $ENV{EDURANGE_LONG} ? 10 : 2;
my $clients = 8;

$node->safe_psql(
	'edurange', q{
	INSERT INTO "User" (id, email) SELECT 'u' || n, n || '@x' FROM generate_series(0, 9) n;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'g', id FROM "User";
});

# Waits until a condition holds, up to a minute.
sub wait_for
{
	my ($true, $what) = @_;
	my $end = time + 60;

	while (time < $end)
	{
		return pass($what) if $true->();
		sleep 0.1;
	}
	return fail($what);
}

# Does the server answer, and with what?  An error is no answer.
sub ask
{
	my ($sql) = @_;
	my ($out, $err);

	IPC::Run::run([ 'psql', '-XAtq', '-d', $node->connstr('edurange'), '-c', $sql ], '>', \$out, '2>', \$err)
	  or return undef;
	chomp $out;
	return $out;
}

sub worker_pid
{
	return ask(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'edurange sync worker'});
}

# Lines of pgbench's logs: one for each transaction that was acknowledged.
sub acknowledged
{
	my ($prefix) = @_;
	my $lines = 0;

	for my $file (glob "$prefix.*")
	{
		$lines += () = slurp_file($file) =~ /\n/g;
	}
	return $lines;
}

# Runs pgbench on one total, kills something in the middle, and compares.
sub kill_under_pgbench
{
	my ($what, $kill) = @_;
	my $script = "$PostgreSQL::Test::Utils::tmp_check/add.sql";
	my $prefix = "$PostgreSQL::Test::Utils::tmp_check/log_$what";
	my $before = ask(q{SELECT edurange.get_points('u0', 'g')});
	my ($out, $err);

	unlink glob "$prefix.*";
	unlink $script;
	append_to_file($script, "SELECT edurange.add_points('u0', 'g', 1);\n");
	my $bench = IPC::Run::start(
		[ 'pgbench', '-n', '-M', 'prepared', '-c', $clients, '-j', 2, '-T', 60, '-l', "--log-prefix=$prefix",
			'-f', $script, $node->connstr('edurange') ],
		'>', \$out, '2>', \$err);
	# (how many those are may depend on what else the machine does)
	wait_for(sub { (ask(q{SELECT edurange.get_points('u0', 'g')}) // $before) > $before + 20 }, "$what: points are added");
	sleep 1 + rand(0.5);
	$kill->();
	$bench->finish;
	wait_for(sub { defined ask('SELECT 1') }, "$what: the server answers again");

	my $acknowledged = acknowledged($prefix);
	my $found = ask(q{SELECT edurange.get_points('u0', 'g')}) - $before;
	cmp_ok($acknowledged, '>', 10, "$what: $acknowledged points were acknowledged");
	cmp_ok($found, '>=', $acknowledged, "$what: none of them is lost ($found found)");
	cmp_ok($found, '<=', $acknowledged + $clients, "$what: at most what was under way is there beside them");
	is(ask('SELECT count(*) FROM edurange.check_invariants()'), '0', "$what: invariants");
	wait_for(sub { (worker_pid() // '') ne '' }, "$what: the worker is back");
	wait_for(sub { (ask('SELECT "lagSeconds" < 5 FROM edurange.sync_status()') // '') eq 't' },
		"$what: the worker polls again");
	return;
}

# Kills a process, which has to be there.
sub kill_process
{
	my ($pid, $what) = @_;

	ok($pid && kill('KILL', $pid) == 1, "$what was there to be killed");
	return;
}

# Kills the worker, which may be on its way back from what was killed before.
sub kill_worker
{
	my $pid;

	wait_for(sub { $pid = worker_pid() }, 'a worker is there');
	kill_process($pid, 'the worker');
	return;
}

# Kills the postmaster and starts the server again.  What is left of the dead one goes by itself, and holds its memory
# until then, so that the first tries may fail.
sub kill_server
{
	my ($pid) = split /\n/, slurp_file($node->data_dir . '/postmaster.pid');

	$node->kill9;
	wait_for(sub { !kill 0, $pid }, 'the postmaster is gone');
	wait_for(sub { $node->start(fail_ok => 1) }, 'the server starts again');
	return;
}

for my $round (1 .. $rounds)
{
	kill_under_pgbench("postmaster_$round", \&kill_server);
	kill_under_pgbench("worker_$round", \&kill_worker);
	kill_under_pgbench(
		"backend_$round",
		sub {
			kill_process(ask(q{SELECT pid FROM pg_stat_activity WHERE query LIKE '%add_points%' AND pid <> pg_backend_pid() LIMIT 1}), 'a backend');
		});
}

# One client of the shim: adds points to a user of its own until told to end; its file has a line for
# each answer, so that nothing of it is lost when the test goes on.
sub http_client
{
	my ($shim, $token, $user, $file, $end) = @_;
	my $http = HTTP::Tiny->new(timeout => 20);

	open(my $out, '>>', $file) or die $!;
	while (time < $end)
	{
		my $response = $http->post(
			$shim->url . '/add_points',
			{
				headers => { Authorization => "Bearer $token", 'Content-Type' => 'application/json' },
				content => qq({"user_id": "$user", "group_id": "g", "points": 1})
			});
		my $status = $response->{status};
		syswrite($out, $status == 200 ? "acknowledged\n" : $status < 500 ? "refused $status\n" : "unknown\n");
		sleep 0.05 if $status != 200;
	}
	return;
}

my $shim = Edurange::Shim->start($node, EDURANGE_POOL_SIZE => 4);
my $token = $shim->make_token('service');

# Clients of the shim at work while something is killed and comes back.
sub kill_under_http
{
	my ($what, $kill) = @_;
	my $prefix = "$PostgreSQL::Test::Utils::tmp_check/http_$what";
	my $end = time + 5;
	my @pids;
	my %before = map { $_ => ask("SELECT edurange.get_points('u$_', 'g')") } 1 .. $clients;

	for my $n (1 .. $clients)
	{
		my $pid = fork() // die $!;
		if ($pid == 0)
		{
			eval { http_client($shim, $token, "u$n", "$prefix.$n", $end) };
			POSIX::_exit($@ ? 1 : 0);
		}
		push @pids, $pid;
	}
	sleep 1.5;
	$kill->();
	waitpid($_, 0) for @pids;
	wait_for(sub { ($shim->get('/ready'))[0] == 200 }, "$what: the shim is ready again");
	my ($total, $wrong) = (0, '');
	for my $n (1 .. $clients)
	{
		my $lines = slurp_file("$prefix.$n");
		my $acknowledged = () = $lines =~ /^acknowledged/mg;
		my $unknown = () = $lines =~ /^unknown/mg;
		my $found = ask("SELECT edurange.get_points('u$n', 'g')") - $before{$n};

		$total += $acknowledged;
		$wrong .= "u$n: $acknowledged acknowledged, $unknown unknown, $found found; "
		  if $found < $acknowledged || $found > $acknowledged + $unknown || $lines =~ /refused/;
	}
	cmp_ok($total, '>', 10, "$what: $total points were acknowledged");
	is($wrong, '', "$what: each of them is there once");
	is(ask('SELECT count(*) FROM edurange.check_invariants()'), '0', "$what: invariants");
	return;
}

kill_under_http('shim', sub { $shim->kill9; $shim->launch });
kill_under_http('server', \&kill_server);
kill_under_http('worker', \&kill_worker);

kill_under_http(
	'backend',
	sub {
		kill_process(ask(q{SELECT pid FROM pg_stat_activity WHERE starts_with(usename, 'edurange_shim') AND query LIKE '%add_points%' LIMIT 1}), 'a backend');
	});
is(ask(q{SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'}), '0', 'no transaction is left open');

is($shim->stop, 0, 'the shim ends well');
$im->stop;
done_testing();
