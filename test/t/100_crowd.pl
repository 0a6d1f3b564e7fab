# A crowd that listens to a board by one loop: all are told of a change, a few at a time and in turn, however fast
# changes come, and of a freeze, and are let go when the service ends.

use strict;
use warnings;

use List::Util qw(max min);
use POSIX qw(sysconf _SC_OPEN_MAX);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use Edurange::Cluster;
use Edurange::Shim;

my $crowd = min(3500, sysconf(_SC_OPEN_MAX) - 100); # where that many files may be open
my $node = Edurange::Cluster->new_ready('crowd');
my $shim = Edurange::Shim->start($node, EDURANGE_THREADS => 1, EDURANGE_LISTENER_LIMIT => $crowd,
	EDURANGE_DRAIN_TIMEOUT => 20, EDURANGE_CONNECTION_LIMIT => 2 * $crowd);

sub sql { return $node->safe_psql('edurange', $_[0]); }

sql(q{
	INSERT INTO "User" (id, email, name) VALUES ('ada', 'ada', 'Ada'), ('bob', 'bob', 'Bob');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'Cup', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'ada'), ('g', 'bob');
	SELECT edurange.set_board_policy('g', 'public')});

# ---- reading, all of them at once --------------------------------------------------------------------
my (@listeners, @open, $begun);
my $together = 0; # how many were told of a change when they were looked at, at most

# Reads from all until that is true, for at most so many seconds.
sub listen_until
{
	my ($seconds, $is_enough) = @_;
	my $end = time + $seconds;

	while (@open && time < $end && !$is_enough->())
	{
		my $wanted = '';
		vec($wanted, fileno $_->{socket}, 1) = 1 for @open;
		select(my $ready = $wanted, undef, undef, 0.2) or next;
		my ($now, $told) = (time, 0);
		for my $one (grep { vec($ready, fileno $_->{socket}, 1) } @open)
		{
			$one->{closed} = 1, next unless sysread $one->{socket}, my $text, 65536;
			$one->{snapshot} ||= $text =~ /"snapshot":true/;
			$one->{frozen} = $1 if $text =~ /"frozen" : (true|false)/;
			$one->{told} = $now, $told++ if $text =~ /"snapshot":false/;
			$one->{is_over} = $text =~ /(?:\r\n|\A)0\r\n\r\n\z/;
		}
		$together = max($together, $told);
		@open = grep { !$_->{closed} } @open;
	}
	return;
}

sub untold { return scalar grep { !$_->{told} } @listeners; }

sub forget { delete $_->{told} for @listeners; return; }

for (1 .. $crowd)
{
	push @listeners, { socket => $shim->ask_aside('GET', '/competition/g/board-events') };
	push @open, $listeners[-1];
	listen_until(0.01, sub { 0 }) unless $_ % 100;
}
listen_until(60, sub { !grep { !$_->{snapshot} } @listeners });
is(scalar(grep { $_->{snapshot} } @listeners), $crowd, "$crowd listen");
my $metrics = ($shim->get('/metrics', $shim->make_token('service')))[3];
is(($metrics =~ /^edurange_listeners (\d+)$/m)[0], $crowd, 'and are counted');

# ---- one change after the other ----------------------------------------------------------------------
my (@took, @batches);
for my $i (1 .. 5)
{
	forget();
	$together = 0;
	sql(q{SELECT edurange.add_points('ada', 'g', 1)});
	listen_until(30, sub { !untold() });
	is(untold(), 0, 'all are told of a change');
	my @told = map { $_->{told} // 1e9 } @listeners;
	push @took, max(@told) - min(@told);
	push @batches, $together;
}
note sprintf('from the first to the last it took %s s, of whom %s were together', join(', ', map { sprintf '%.2f', $_ } @took), join(', ', @batches));
my $median = (sort { $a <=> $b } @took)[2];
# Eight in a millisecond; a machine that is busy keeps who reads here from seeing each.
cmp_ok(min(@batches), '<', $crowd / 6, 'a few at a time');
cmp_ok($median, '<', 10, 'and soon');

# ---- a freeze and its end ------------------------------------------------------------------------------
for my $frozen (qw(true false))
{
	sql(q{SELECT edurange.set_board_policy('g', 'public'} . ($frozen eq 'true' ? ', now())' : ')'));
	$begun = time;
	listen_until(30, sub { !grep { $_->{frozen} ne $frozen } @listeners });
	note sprintf('all knew after %.2f s', time - $begun);
	is(scalar(grep { $_->{frozen} eq $frozen } @listeners), $crowd, "all are told that it is frozen: $frozen");
	next if $frozen eq 'false';
	forget();
	sql(q{SELECT edurange.add_points('ada', 'g', 1)});
	listen_until(1, sub { 0 });
	is(untold(), $crowd, 'and nobody of what comes then');
}

# ---- changes that come faster than all can be told -----------------------------------------------------
my $changes = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('edurange'), '-c', q{DO $$ BEGIN FOR i IN 1 .. 600 LOOP
	PERFORM edurange.add_points('bob', 'g', 1); COMMIT; PERFORM pg_sleep(0.05); END LOOP; END $$} ], '2>', \my $complaint);
listen_until(2, sub { 0 });
forget();
$begun = time;
listen_until(25, sub { !untold() });
is(untold(), 0, 'nobody waits for those who are told again and again');
note sprintf('all were told after %.2f s', time - $begun);
is($complaint, '', 'while changes were made');
$changes->kill_kill;

# ---- the end -------------------------------------------------------------------------------------------
$begun = time;
kill 'TERM', $shim->pid;
listen_until(20, sub { 0 });
my $ended = time - $begun;
note sprintf('all had ended after %.2f s', $ended);
cmp_ok($ended, '<', 5, 'the end comes to all soon, where nothing else wakes the loop');
is(scalar(grep { $_->{is_over} } @listeners), $crowd, 'all are told of the end');
is($shim->stop, 0, 'it stops though so many listened');
done_testing();
