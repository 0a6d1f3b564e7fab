# Requests a second of the shim, of pgbench that calls the same function, and of the services that
# the shim replaces: interleaved rounds in one run, medians, and ratios.  A sample during which other
# programs took much of the machine is taken again.

use strict;
use warnings;

# the test modules keep standard output to themselves
my $results;
BEGIN { open($results, '>&', \*STDOUT) or die $!; }

use Edurange::Cluster;
use Edurange::Shim;
use IO::Socket::INET;
use List::Util qw(sum0 any);
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep time);

select($results);
$| = 1;

$SIG{INT} = $SIG{TERM} = sub { exit 130 };
my %parts = map { $_ => 1 } split ' ', $ENV{BENCH} // '';
my $quick = delete $parts{quick};
my $rounds = $quick ? 3 : 5;
my $seconds = $quick ? 3 : 5;
my $users = $quick ? 1000 : 10_000;
my @counts = $quick ? (64) : (16, 64, 256);
my $foreign_limit = 0.2;    # cores
my $ticks = POSIX::sysconf(&POSIX::_SC_CLK_TCK);

my $node = Edurange::Cluster->new_ready('bench',
	conf => "fsync = on\nsynchronous_commit = on\nmax_connections = 600\nshared_buffers = 512MB\n"
	  . "max_wal_size = 8GB\nlog_statement = none\nlog_min_messages = log\nlog_min_error_statement = panic\n");
$node->safe_psql(
	'edurange', qq{
	INSERT INTO "User" (id, email) SELECT 'u' || n, n || '\@x' FROM generate_series(0, $users - 1) n;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") SELECT 'g' || n, 'G', '2020-01-01' FROM generate_series(0, 4) n;
	INSERT INTO "_GroupMembers" ("A", "B") SELECT g.id, u.id FROM "User" u, "CompetitionGroup" g;
	SELECT count(*) FROM "User" u, "CompetitionGroup" g, edurange.add_points(u.id, g.id, 1);
	VACUUM ANALYZE});
$node->safe_psql('edurange', 'VACUUM ANALYZE');

my $shim = Edurange::Shim->start($node, EDURANGE_CONNECTION_LIMIT => 20_000);
my $token = $shim->make_token('service');

# ---- processes -----------------------------------------------------------------------------------
# CPU seconds of all processes that are not ours: not of this one's tree, nor of the server's.
sub foreign_cpu
{
	my ($postmaster) = split /\n/, slurp_file($node->data_dir . '/postmaster.pid');
	my (%parent, %cpu);

	for my $file (glob '/proc/[0-9]*/stat')
	{
		open(my $in, '<', $file) or next;
		my $line = <$in> // next;
		my ($pid, $rest) = $line =~ /^(\d+) \(.*\) \S (.*)/ or next;
		my @field = split ' ', $rest;

		($parent{$pid}, $cpu{$pid}) = ($field[0], ($field[10] + $field[11]) / $ticks);
	}
	for my $pid (keys %cpu)
	{
		for (my $at = $pid; $at; $at = $parent{$at} // 0)
		{
			next unless $at == $$ || $at == $postmaster;
			delete $cpu{$pid};
			last;
		}
	}
	return \%cpu;
}

# Takes a sample; again, up to three times, when others were busy meanwhile.
sub guarded
{
	my ($sample) = @_;
	my ($value, $foreign);

	for (1 .. 3)
	{
		my ($before, $begun) = (foreign_cpu(), time);

		$value = $sample->();
		my $after = foreign_cpu();
		$foreign = sum0(map { $after->{$_} - ($before->{$_} // $after->{$_}) } keys %$after) / (time - $begun);
		last if $foreign < $foreign_limit;
	}
	return ($value, $foreign);
}

sub wrk
{
	my ($port, $kind, $clients, %env) = @_;
	my ($out, $err);

	local %ENV = (%ENV, KIND => $kind, TOKEN => $token, USERS => $users, %env);
	IPC::Run::run([ 'wrk', '-t', 2, '-c', $clients, '-d', "${seconds}s", '--latency', '-s', 'requests.lua', "http://127.0.0.1:$port" ],
		'>', \$out, '2>', \$err) or die "wrk: $err";
	my ($rate) = $out =~ m{Requests/sec:\s+([\d.]+)};
	my ($p99, $unit) = $out =~ /99%\s+([\d.]+)(us|ms|s)/;
	my ($bad) = $out =~ /Non-2xx or 3xx responses: (\d+)/;

	return { rate => $rate // 0, p99 => ($p99 // 0) * { us => 0.001, ms => 1, s => 1000 }->{ $unit // 's' }, bad => $bad // 0 };
}

my %scripts = (
	get => qq{\\set u random(0, $users - 1)\n\\set g random(0, 4)\nSELECT edurange.get_points('u' || :u, 'g' || :g);\n},
	add => qq{\\set u random(0, $users - 1)\n\\set g random(0, 4)\nSELECT edurange.add_points('u' || :u, 'g' || :g, 1);\n},
	hot => "SELECT edurange.add_points('u0', 'g0', 1);\n",
	board => "\\set g random(0, 4)\nSELECT coalesce(json_agg(edurange.wire(t)), '[]')::text FROM edurange.leaderboard('g' || :g, 100) t;\n");

sub pgbench
{
	my ($kind, $clients) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/$kind.sql";
	my ($out, $err);

	open(my $handle, '>', $file) or die $!;
	print $handle $scripts{$kind};
	close($handle);
	IPC::Run::run([ 'pgbench', '-n', '-M', 'prepared', '-f', $file, '-c', $clients, '-j', 2, '-T', $seconds, $node->connstr('edurange') ],
		'>', \$out, '2>', \$err) or die "pgbench: $err";
	my ($rate) = $out =~ /tps = ([\d.]+) \(without/;
	return { rate => $rate // 0, p99 => 0, bad => 0 };
}

# ---- peers ---------------------------------------------------------------------------------------
my @peers;
my %port;

sub start_peer
{
	my ($name, $dir, $env, @command) = @_;
	my $probe = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
	my $port = $probe->sockport;

	close($probe);
	my $pid = fork() // die $!;
	if ($pid == 0)
	{
		chdir $dir or POSIX::_exit(127);
		%ENV = (%ENV, %$env, PEER_PORT => $port, PEER_DSN => 'host=' . $node->host . ' port=' . $node->port
			  . ' dbname=edurange');
		$ENV{PEER_DSN} = 'postgresql:///edurange?host=' . $node->host . '&port=' . $node->port if $name =~ /fastify/;
		open(STDOUT, '>', '/dev/null');
		open(STDERR, '>', "$PostgreSQL::Test::Utils::log_path/$name.log");
		exec(map { s/PORT/$port/r } @command) or POSIX::_exit(127);
	}
	push @peers, $pid;
	for (1 .. 100)
	{
		return $port{$name} = $port if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
		sleep 0.1;
	}
	print "$name did not start; it is left out\n";
	return;
}

END
{
	local $?;
	kill 'TERM', @peers;
	waitpid($_, 0) for @peers;
}

start_peer("flask$_", 'peers', {}, 'gunicorn', '-w', $_, '-b', '127.0.0.1:PORT', 'flask_app:app') for 1, 4;
start_peer("fastify$_", 'peers/fastify', { PEER_PROCESSES => $_ }, 'node', 'app.mjs')
  for grep { -d 'peers/fastify/node_modules' } 1, 2;

# ---- measuring -----------------------------------------------------------------------------------
sub median
{
	my @sorted = sort { $a <=> $b } @_;

	return $sorted[ @sorted / 2 ];
}

my %kinds = (reads => ['get', 'board'], writes => ['add'], hot => ['hot'], live => ['live']);
my @wanted = %parts ? grep { $parts{$_} } sort keys %kinds : qw(live reads writes hot);

printf "%d users in 5 competitions; %d rounds of %d s; a sample is taken again while others use over %.1f core\n\n",
  $users, $rounds, $seconds, $foreign_limit;
printf "%-6s %5s  %-9s %10s %10s %10s %8s %7s  %s\n", qw(kind conns what median min max p99/ms foreign shim/it);
for my $kind (map { @{ $kinds{$_} } } @wanted)
{
	for my $clients (@counts)
	{
		my @systems = ('shim', $kind eq 'live' ? () : 'pgbench', $kind =~ /^(get|add)$/ ? sort keys %port : ());
		my (%rates, %p99, %foreign);

		for my $round (1 .. $rounds)
		{
			for my $system (@systems)
			{
				my ($sample, $foreign) = guarded(sub {
						return $system eq 'pgbench' ? pgbench($kind, $clients)
						  : wrk($system eq 'shim' ? $shim->port : $port{$system}, $kind, $clients);
					});

				print "$system $kind: $sample->{bad} bad answers\n" if $sample->{bad};
				push @{ $rates{$system} }, $sample->{rate};
				push @{ $p99{$system} }, $sample->{p99};
				push @{ $foreign{$system} }, $foreign;
			}
		}
		for my $system (@systems)
		{
			my @sorted = sort { $a <=> $b } @{ $rates{$system} };
			my @ratios = map { $rates{$system}[$_] ? $rates{shim}[$_] / $rates{$system}[$_] : 0 } 0 .. $rounds - 1;

			printf "%-6s %5d  %-9s %10.0f %10.0f %10.0f %8.2f %7.2f  %.2f\n", $kind, $clients, $system, median(@sorted),
			  $sorted[0], $sorted[-1], median(@{ $p99{$system} }), median(@{ $foreign{$system} }), median(@ratios);
		}
	}
}

if (!%parts || $parts{failing})
{
	my %rates;

	for my $round (1 .. $rounds)
	{
		for my $failing (0, 1, 10)
		{
			my ($sample) = guarded(sub { wrk($shim->port, 'add', 64, FAILING => $failing) });
			push @{ $rates{$failing} }, $sample->{rate};
		}
	}
	printf "writes at 64 connections, %2d %% refused: %8.0f, %.2f of the clean rate\n", $_, median(@{ $rates{$_} }),
	  median(@{ $rates{$_} }) / median(@{ $rates{0} })
	  for 0, 1, 10;
}

if (!%parts || $parts{lock})
{
	my $lock = $node->background_psql('edurange');

	$lock->query_safe(q{BEGIN; SELECT * FROM "GroupPoints" WHERE "userId" = 'u0' FOR UPDATE});
	my $pid = fork() // die $!;
	if ($pid == 0)
	{
		@peers = ();
		$shim->post('/add_points', { user_id => 'u0', group_id => 'g0', points => 1 }, $token);
		POSIX::_exit(0);
	}
	sleep 0.2;
	my ($sample) = guarded(sub { wrk($shim->port, 'get', 64) });
	printf "reads at 64 connections while a write waits for a lock: %.0f, p99 %.2f ms\n", @$sample{qw(rate p99)};
	$lock->query_safe('COMMIT');
	$lock->quit;
	waitpid($pid, 0);
}

if (!%parts || $parts{idle})
{
	my ($before) = guarded(sub { wrk($shim->port, 'get', 64) });
	my @idle;

	for (1 .. 10_000)
	{
		my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $shim->port) or last;
		syswrite($socket, "GET /live HTTP/1.1\r\nHost: x\r\n\r\n");
		sysread($socket, my $answer, 4096);
		push @idle, $socket;
	}
	my ($rss) = slurp_file('/proc/' . $shim->pid . '/status') =~ /VmRSS:\s+(\d+)/;
	my ($with) = guarded(sub { wrk($shim->port, 'get', 64) });
	printf "%d idle connections: %.0f MB, %.2f of the rate without\n", scalar @idle, $rss / 1024,
	  $with->{rate} / $before->{rate};
}

my $violations = $node->safe_psql('edurange', 'SELECT count(*) FROM edurange.check_invariants()');
my $deadlocks = () = slurp_file($node->logfile) =~ /deadlock detected/g;
print "violated invariants: $violations; deadlocks in the server's log: $deadlocks\n";
$shim->stop;
exit($violations || $deadlocks ? 1 : 0);
