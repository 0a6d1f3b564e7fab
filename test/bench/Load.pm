# Load on the shim, on PostgreSQL and on peers: samples of requests a second, guarded against other programs.

package Load;

use strict;
use warnings;

use Exporter 'import';
use IO::Socket::INET;
use IPC::Run ();
use List::Util qw(sum0);
use POSIX ();
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(guarded server_seconds wrk pgbench median start_peer stop_peers);

my $foreign_limit = 0.2;    # cores
my $ticks = POSIX::sysconf(&POSIX::_SC_CLK_TCK);
my @peers;

# CPU seconds that the trees of these processes have used.  Short-lived children count when their parent has waited
# for them, so the number misses nothing.
sub seconds_of
{
	my %roots = map { $_ => 1 } @_;
	my (%parent, %cpu);
	my $ours = 0;

	for my $file (glob '/proc/[0-9]*/stat')
	{
		open(my $in, '<', $file) or next;
		my $line = <$in> // next;
		my ($pid, $rest) = $line =~ /^(\d+) \(.*\) \S (.*)/ or next;
		my @field = split ' ', $rest;

		($parent{$pid}, $cpu{$pid}) = ($field[0], sum0(@field[ 10 .. 13 ]) / $ticks);
	}
	for my $pid (keys %cpu)
	{
		for (my $at = $pid; $at; $at = $parent{$at} // 0)
		{
			next unless $roots{$at};
			$ours += $cpu{$pid};
			last;
		}
	}
	return $ours;
}

sub postmaster { return (split /\n/, slurp_file($_[0]->data_dir . '/postmaster.pid'))[0]; }

# CPU seconds that the server has used, and that its sessions of the shim have.
sub server_seconds
{
	my ($node) = @_;
	my @shim = split /\n/, $node->safe_psql('edurange', q{SELECT pid FROM pg_stat_activity WHERE application_name = 'edurange_shim'});

	return (seconds_of(postmaster($node)), seconds_of(@shim));
}

# CPU seconds that programs have used, and that those of our own tree and of the server have.
sub cpu_seconds
{
	my ($node) = @_;
	my @total = split ' ', slurp_file('/proc/stat') =~ s/^cpu +//r;

	return (sum0(@total[ 0 .. 2 ]) / $ticks, seconds_of($$, postmaster($node)));
}

# Takes a sample; again, up to three times, when others were busy meanwhile.  Returns it and how many cores
# others used.
sub guarded
{
	my ($node, $sample) = @_;
	my ($value, $foreign);

	for (1 .. 3)
	{
		my $begun = time;
		my ($total, $ours) = cpu_seconds($node);

		$value = $sample->();
		my ($total_after, $ours_after) = cpu_seconds($node);
		$foreign = ($total_after - $total - $ours_after + $ours) / (time - $begun);
		$foreign = 0 if $foreign < 0;
		last if $foreign < $foreign_limit;
	}
	return ($value, $foreign);
}

# Asks a server on a port by HTTP; the environment says what, as requests.lua reads it.
sub wrk
{
	my ($port, $clients, $seconds, %env) = @_;
	my ($out, $err);

	local %ENV = (%ENV, %env);
	IPC::Run::run([ 'wrk', '-t', 2, '-c', $clients, '-d', "${seconds}s", '--latency', '-s', 'requests.lua', "http://127.0.0.1:$port" ],
		'>', \$out, '2>', \$err) or die "wrk: $err";
	my ($rate) = $out =~ m{Requests/sec:\s+([\d.]+)};
	my ($p99, $unit) = $out =~ /99%\s+([\d.]+)(us|ms|s)/;
	my ($bad) = $out =~ /Non-2xx or 3xx responses: (\d+)/;

	return { rate => $rate // 0, p99 => ($p99 // 0) * { us => 0.001, ms => 1, s => 1000 }->{ $unit // 's' }, bad => $bad // 0 };
}

# Runs a script of pgbench's, its statements prepared, with further arguments.
sub pgbench
{
	my ($node, $script, $clients, $seconds, @more) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/pgbench.sql";
	my ($out, $err);

	open(my $handle, '>', $file) or die $!;
	print $handle $script;
	close($handle);
	IPC::Run::run([ 'pgbench', '-n', '-M', 'prepared', '-f', $file, '-c', $clients, '-j', 2, '-T', $seconds, @more, $node->connstr('edurange') ],
		'>', \$out, '2>', \$err) or die "pgbench: $err";
	my ($rate) = $out =~ /tps = ([\d.]+) \(without/;
	return { rate => $rate // 0, p99 => 0, bad => 0 };
}

sub median
{
	my @sorted = sort { $a <=> $b } @_;

	return $sorted[ @sorted / 2 ];
}

# Starts a service that is compared with; returns its port, or 0 when it does not start.
sub start_peer
{
	my ($node, $name, $dir, $env, @command) = @_;
	my $probe = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
	my $port = $probe->sockport;

	close($probe);
	my $pid = fork() // die $!;
	if ($pid == 0)
	{
		chdir $dir or POSIX::_exit(127);
		%ENV = (%ENV, %$env, PEER_PORT => $port, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'edurange',
			PGUSER => scalar getpwuid($<));
		open(STDOUT, '>', '/dev/null');
		open(STDERR, '>', "$PostgreSQL::Test::Utils::log_path/$name.log");
		exec(map { s/PORT/$port/r } @command) or POSIX::_exit(127);
	}
	push @peers, $pid;
	for (1 .. 100)
	{
		return $port if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
		sleep 0.1;
	}
	print "$name did not start; it is left out\n";
	return 0;
}

sub stop_peers
{
	kill 'TERM', @peers;
	waitpid($_, 0) for @peers;
	@peers = ();
	return;
}

1;
