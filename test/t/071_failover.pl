# Three nodes under Patroni: the primary is killed while points are awarded over HTTP.  No acknowledged
# award is lost, the shim finds the new primary by itself, the worker runs there and only there, and who follows
# the feed has what is there.
# Needs Patroni and etcd; part of the long tests.

use strict;
use warnings;

use Cwd qw(abs_path);
use Edurange::InstanceManager;
use Edurange::Shim;
use File::Basename qw(dirname);
use File::Temp ();
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

plan skip_all => 'part of the long tests (EDURANGE_LONG=1)' unless $ENV{EDURANGE_LONG};
for my $program (qw(patroni etcd etcdctl))
{
	plan skip_all => "$program is not installed"
	  unless grep { -x "$_/$program" } split /:/, $ENV{PATH};
}

my $top = abs_path(dirname(__FILE__) . '/../..');
my $ha = "$top/deploy/ha/local.sh";
my $dir = File::Temp::tempdir('/tmp/edurange-XXXXXX', CLEANUP => 1);
# Eight ports that are free, as the setup needs them: other tests that run beside this one take any.
my $base_port;
for (my $first = 55600; !defined $base_port && $first < 57600; $first += 8)
{
	my @free = grep { defined } map { IO::Socket::INET->new(LocalAddr => "127.0.0.1:$_", Listen => 1, ReuseAddr => 1) } $first .. $first + 7;
	$base_port = $first if @free == 8;
}
die 'no eight ports are free' if !defined $base_port;
my $writers = 8;
my $im = Edurange::InstanceManager->start;

$ENV{EDURANGE_HA_PORT} = $base_port;
$ENV{EDURANGE_IM_URL} = $im->url;
$ENV{EDURANGE_HA_CONF} = "$dir/staged.yml";

# The settings of the staged build as the lines of a YAML map.
my $staged = slurp_file("$ENV{EDURANGE_STAGE}/staged.conf");
append_to_file($ENV{EDURANGE_HA_CONF},
	join '', map { /^(extension_destdir|extension_control_path|dynamic_library_path) = '(.*)'$/ ? "    $1: \"$2\"\n" : () }
	  split /\n/, $staged);

sub port_of { return $base_port + 2 * $_[0]; }

# Asks a node as the superuser; undef when no answer comes.
sub ask
{
	my ($number, $sql, $database) = @_;
	my ($out, $err);

	local $ENV{PGPASSWORD} = slurp_file("$dir/ha/password");
	local $ENV{PGCONNECT_TIMEOUT} = 2;
	IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-h', '127.0.0.1', '-p', port_of($number), '-U',
			'postgres', '-d', $database // 'edurange', '-c', $sql ], '>', \$out, '2>', \$err)
	  or return undef;
	chomp $out;
	return $out;
}

sub wait_for
{
	my ($true, $what, $seconds) = @_;
	my $end = time + ($seconds // 60);

	while (time < $end)
	{
		return pass($what) if $true->();
		sleep 0.1;
	}
	return fail($what);
}

# The number of the node that takes writes, 0 for none.
sub primary
{
	for my $number (1 .. 3)
	{
		return $number if (ask($number, 'SELECT pg_is_in_recovery()', 'postgres') // '') eq 'f';
	}
	return 0;
}

# Which nodes have a worker that serves the database?
sub workers
{
	return join ' ', grep {
		(ask($_, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'edurange sync worker'}, 'postgres')
			// 0) > 0
	} 1 .. 3;
}

# Adds points over HTTP until told to stop; each writer keeps to a user of its own and notes when an
# award was acknowledged.
sub start_writers
{
	my ($shim, $token) = @_;
	my @pids;

	for my $writer (1 .. $writers)
	{
		my $pid = fork() // die "could not fork: $!";
		if ($pid == 0)
		{
			my $http = HTTP::Tiny->new(timeout => 30);
			my $body = encode_json({ user_id => "u$writer", group_id => 'g', points => 1 });
			my $go = 1;

			local $SIG{TERM} = sub { $go = 0; };
			open(my $log, '>', "$dir/acknowledged.$writer") or POSIX::_exit(1);
			while ($go)
			{
				my $answer = $http->post($shim->url . '/add_points',
					{ content => $body, headers => { 'Content-Type' => 'application/json', Authorization => "Bearer $token" } });
				syswrite($log, sprintf("%.3f %d\n", time, $answer->{status}));
				sleep 0.05 if $answer->{status} != 200;
			}
			POSIX::_exit(0);
		}
		push @pids, $pid;
	}
	return @pids;
}

# Stops the writers; returns the number of acknowledged awards, the longest pause between two of
# them, and the statuses of everything else.
sub stop_writers
{
	my (@pids) = @_;
	my (@times, %others);

	kill 'TERM', @pids;
	waitpid($_, 0) for @pids;
	for my $writer (1 .. $writers)
	{
		for (split /\n/, slurp_file("$dir/acknowledged.$writer"))
		{
			my ($at, $status) = split / /;
			$status == 200 ? push(@times, $at) : $others{$status}++;
		}
	}
	@times = sort { $a <=> $b } @times;
	my $gap = 0;
	for my $i (1 .. $#times)
	{
		$gap = $times[$i] - $times[ $i - 1 ] if $times[$i] - $times[ $i - 1 ] > $gap;
	}
	return (scalar @times, $gap, \%others);
}

# Follows the feed over HTTP, and begins anew where it is told to; keeps in a file how much it has, what came twice or
# backwards, and how often it began.
sub start_reader
{
	my ($shim, $token) = @_;
	my $pid = fork() // die "could not fork: $!";

	return $pid if $pid;
	my $http = HTTP::Tiny->new(timeout => 40);
	my ($since, %have);
	my ($all, $wrong, $begun) = (0, 0, 1);
	while (1)
	{
		my $answer = $http->get($shim->url . '/competition/g/events' . (defined $since ? "?sinceToken=$since" : ''),
			{ headers => { Authorization => "Bearer $token" } });
		if ($answer->{status} == 410)
		{
			($since, $all) = (undef, 0);
			%have = ();
			$begun++;
		}
		elsif ($answer->{status} == 200)
		{
			for my $line (map { decode_json($_) } split /\n/, $answer->{content})
			{
				$since = $line->{sinceToken}, next if $line->{sinceToken};
				$wrong++ unless $line->{seq} == ($have{ $line->{userId} } // 0) + 1;
				$have{ $line->{userId} } = $line->{seq};
				$all++;
			}
		}
		else
		{
			sleep 0.2;
		}
		open(my $log, '>', "$dir/feed.new") or POSIX::_exit(1);
		print $log "$all $wrong $begun";
		close($log);
		rename("$dir/feed.new", "$dir/feed");
	}
	return;
}

# Disturbs the cluster in the middle of a load and compares what was acknowledged with what is there.
sub disturb
{
	my ($what, $shim, $token, $disturb) = @_;
	my $total = q{SELECT sum(points) FROM public."GroupPoints" WHERE "groupId" = 'g'};
	my $before = primary();
	my $had = ask($before, $total) || 0;
	my $reader = start_reader($shim, $token);
	my @pids = start_writers($shim, $token);

	sleep 3;
	$disturb->($before);
	my $after;
	wait_for(sub { $after = primary(); $after && $after != $before }, "$what: another node is primary");
	sleep 8;
	my ($acknowledged, $gap, $others) = stop_writers(@pids);
	my $found = ask($after, $total) - $had;

	cmp_ok($found, '>=', $acknowledged, "$what: none of $acknowledged acknowledged awards is lost ($found found)");
	cmp_ok($found, '<=', $acknowledged + $writers * 3, "$what: at most what was under way is there beside them");
	is(join(' ', grep { $_ != 503 && $_ != 504 } keys %$others), '', "$what: everything else was 503 or 504");
	is(ask($after, 'SELECT count(*) FROM edurange.check_invariants()'), '0', "$what: invariants");
	my $ledger = ask($after, 'SELECT count(*) FROM edurange.points_ledger');
	wait_for(sub { slurp_file("$dir/feed") =~ /^$ledger / }, "$what: who follows the feed has all $ledger entries");
	kill 'KILL', $reader;
	waitpid($reader, 0);
	like(slurp_file("$dir/feed"), qr/ 0 2$/, "$what: none left out, none twice, after beginning anew");
	wait_for(sub { workers() eq $after }, "$what: the worker runs on the new primary and only there");
	diag(sprintf '%s: %d awards acknowledged, none for %.1f s, %d requests refused meanwhile', $what, $acknowledged,
		$gap, eval { my $n = 0; $n += $_ for values %$others; $n });
	return $after;
}

sub pid_in { my ($pid) = split /\n/, slurp_file($_[0]); return $pid; }

{
	my @taken = map { IO::Socket::INET->new(LocalAddr => "127.0.0.1:$_", Listen => 1, ReuseAddr => 1) // die "port $_: $!" } $base_port, $base_port + 7;
	my (undef, $err) = run_command([ $ha, 'up', "$dir/ha" ]);

	is($err, join('', map { "port $_ cannot be used: Address already in use\n" } $base_port, $base_port + 7)
		  =~ s/^/local.sh: /r . "set EDURANGE_HA_PORT to the first of eight others", 'all ports that are taken are named');
	local $ENV{EDURANGE_HA_PORT} = 65530;
	(undef, $err) = run_command([ $ha, 'up', "$dir/ha" ]);
	like($err, qr/port 65536 cannot be used: there is no such port/, 'and those that are none');
	ok(!-e "$dir/ha", 'before anything is made');
}
# (by a name that counts from where one stands)
chdir $dir or die "$dir: $!";
system_or_bail($ha, 'up', 'ha');
chdir '/';
END { system($ha, 'down', "$dir/ha") if defined $dir && -d "$dir/ha"; }

is(primary(), 1, 'the first node is primary');
ask(1, 'CREATE DATABASE edurange', 'postgres');
ask(1, 'CREATE EXTENSION edurange; SELECT * FROM edurange.migrate();');
{
	local $ENV{PGPASSWORD} = slurp_file("$dir/ha/password");
	system_or_bail('psql', '-Xq', '-h', '127.0.0.1', '-p', port_of(1), '-U', 'postgres', '-d', 'edurange', '-f',
		"$top/deploy/roles.sql");
}
ask(1, join ';', map { "ALTER ROLE edurange_shim_$_ PASSWORD 'only-for-this-test'" } qw(player service admin));
ask(1, q{INSERT INTO "User" (id, email) SELECT 'u' || n, n || '@x' FROM generate_series(1, 8) n;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'g', id FROM "User";});
my $token = ask(1, q{SELECT token FROM edurange.create_token('service', 'test')});
wait_for(sub { workers() eq '1' }, 'the worker runs on the primary and only there');

my $hosts = join ',', map { '127.0.0.1:' . port_of($_) } 1 .. 3;
my $shim = Edurange::Shim->start(undef,
	DATABASE_URL => "postgresql://edurange_shim_{tier}:only-for-this-test\@$hosts/edurange?target_session_attrs=read-write");

my $now = disturb('server killed', $shim, $token, sub { kill 'KILL', pid_in("$dir/ha/node-$_[0]/postmaster.pid"); });
my $killed;
disturb('node killed', $shim, $token,
	sub {
		$killed = $_[0];
		kill 'KILL', pid_in("$dir/ha/patroni-$killed.pid"), pid_in("$dir/ha/node-$killed/postmaster.pid");
	});
system_or_bail($ha, 'start', "$dir/ha", $killed);
wait_for(sub { (ask($killed, 'SELECT pg_is_in_recovery()', 'postgres') // '') eq 't' },
	'the killed node comes back as a standby', 120);

# ---- without etcd --------------------------------------------------------------------------------
# Longer than another node would wait before it took over, if it were not for the leader's own questions.
wait_for(sub { ask(primary(), q{SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'}, 'postgres') eq '2' }, 'all three nodes are there', 120);
my $leader = primary();
my @pids = start_writers($shim, $token);
kill 'STOP', pid_in("$dir/ha/etcd.pid");
sleep 45;
kill 'CONT', pid_in("$dir/ha/etcd.pid");
my ($acknowledged, $gap, $others) = stop_writers(@pids);
is(primary(), $leader, 'without etcd the primary stays');
is(join(' ', keys %$others), '', "and takes each of $acknowledged awards");
cmp_ok($gap, '<', 5, 'without a pause');
is($shim->stop, 0, 'the shim ends as it should');

done_testing();
