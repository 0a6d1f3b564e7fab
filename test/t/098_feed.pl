# The feed: what a reader has in the end is the ledger, whoever writes, ends or is killed meanwhile; and where the
# past that a token speaks of is not there any more, it is to begin anew.

use strict;
use warnings;

use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use Edurange::Cluster;
use Edurange::Shim;

my $node = Edurange::Cluster->new_ready('feed', init => { allows_streaming => 1 }, conf => "max_connections = 100\ntrack_functions = all\n");
my $shim = Edurange::Shim->start($node, EDURANGE_THREADS => 2);
my $token = $shim->make_token('service');
my $writers = 16;
my $seconds = $ENV{EDURANGE_LONG} ? 60 : 8;

sub sql { return $node->safe_psql('edurange', $_[0]); }

# A page: its entries, the token behind it, and whether there is more; undef where no page came.
sub page
{
	my ($since, %options) = @_;
	my $query = join '&', 'limit=' . ($options{limit} // 500), defined $since ? "sinceToken=$since" : ();
	my $socket = $shim->ask_aside('GET', sprintf('/competition/%s/events?%s', $options{of} // 'g', $query), token => $options{token} // $token);

	return if $options{leaves};
	my ($responses) = Edurange::Shim->read_responses($socket, 1, 60);
	return unless @$responses && $responses->[0][0] == 200;
	my @lines = map { decode_json($_) } split /\n/, $responses->[0][1];
	my $last = pop @lines;
	return { events => \@lines, token => $last->{sinceToken}, more => $last->{more} ? 1 : 0 };
}

sql(q{
	INSERT INTO "User" (id, email) SELECT 'u' || i, 'u' || i FROM generate_series(1, 20) i;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01'), ('h', 'H', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT g, 'u' || i FROM generate_series(1, 20) i, unnest(ARRAY['g', 'h']) g;
	SELECT edurange.add_points('u' || i, 'g', i) FROM generate_series(1, 20) i});

# ---- waiting -----------------------------------------------------------------------------------------
my $page = page();
is(scalar @{ $page->{events} }, 20, 'what was before there was a feed comes first');
$page = page($page->{token}) while $page->{more};
my $begun = time;
my $waiting = $shim->ask_aside('GET', "/competition/g/events?sinceToken=$page->{token}", token => $token);
my $other = $shim->ask_aside('GET', "/competition/g/events?sinceToken=$page->{token}", token => $shim->make_token('player'));
sleep 1;
sql(q{SELECT edurange.add_points('u1', 'h', 1)});
sleep 1;
sql(q{SELECT edurange.add_points('u1', 'g', 7, 'why')});
my ($responses) = Edurange::Shim->read_responses($waiting, 1, 20);
my @lines = map { decode_json($_) } split /\n/, $responses->[0][1];
is_deeply([ map { $_->{delta} } @lines[ 0 .. $#lines - 1 ] ], [7], 'who waits is told when there is something');
cmp_ok(time - $begun, '<', 8, 'soon');
is($lines[0]{reason}, 'why', 'staff see why');
my ($of_player) = Edurange::Shim->read_responses($other, 1, 20);
my ($shown) = map { decode_json($_) } split /\n/, $of_player->[0][1];
is_deeply([ @$shown{qw(delta reason actor)} ], [ 7, undef, undef ], 'players see what, and no more');

# A page ends where its reasons are long, whatever its limit, and goes on behind its last entry; who sees no reasons has all
# at once.
sub all_pages
{
	my ($of, @options) = @_;
	my ($all, $pages) = ([], 0);

	for (my $page = page(undef, of => $of, limit => 10000, @options); ; $page = page($page->{token}, of => $of, limit => 10000, @options))
	{
		push @$all, map { "$_->{userId} $_->{seq}" } @{ $page->{events} };
		$pages++ if @{ $page->{events} };
		return ($all, $pages, $page->{token}) if !$page->{more};
	}
}
sql(q{
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('r', 'R', '2020-01-01'), ('f', 'F', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT g, 'u' || i FROM generate_series(1, 20) i, unnest(ARRAY['r', 'f']) g;
	SELECT count(*) FROM generate_series(0, 1799) n, (SELECT string_agg(chr(131072 + (random() * 40000)::integer), '') AS reason FROM generate_series(1, 1000)) r,
		edurange.add_points('u' || 1 + n % 20, 'r', 1, reason)});
my $wanted = [ split /\n/, sql(q{SELECT user_id || ' ' || seq FROM edurange.points_ledger WHERE group_id = 'r' ORDER BY at, user_id, seq}) ];
my ($got, $pages) = all_pages('r');
is_deeply($got, $wanted, 'long reasons: each entry comes once, and in order');
cmp_ok($pages, '>=', 4, 'on several pages');
($got, $pages) = all_pages('r', token => $shim->make_token('player'));
is_deeply([ $pages, $got ], [ 1, $wanted ], 'players have all on one');

# A frozen board: who is no staff has what was before, however much comes after it, and the rest once it is thawed.
my $player = $shim->make_token('player');
sql(q{SELECT count(*) FROM generate_series(0, 39) n, edurange.add_points('u' || 1 + n % 20, 'f', 1)});
my $frozen = [ split /\n/, sql(q{SELECT user_id || ' ' || seq FROM edurange.points_ledger WHERE group_id = 'f' ORDER BY at, user_id, seq}) ];
sql(q{SELECT edurange.set_board_policy('f', 'members', now())});
sql(q{SELECT count(*) FROM generate_series(0, 199) n, edurange.add_points('u' || 1 + n % 20, 'f', 1)}) for 1 .. 3;
($got, undef, my $last) = all_pages('f', token => $player);
is_deeply($got, $frozen, 'a frozen board: players have what was before');
is(scalar @{ (all_pages('f'))[0] }, 640, 'staff have all');
sql(q{SELECT edurange.set_board_policy('f', 'members')});
my @rest = @$got;
for (my $more = 1; $more; )
{
	my $page = page($last, of => 'f', token => $player);
	push @rest, map { "$_->{userId} $_->{seq}" } @{ $page->{events} };
	($last, $more) = ($page->{token}, @rest < 640);
}
is_deeply([ sort @rest ], [ sort split /\n/, sql(q{SELECT user_id || ' ' || seq FROM edurange.points_ledger WHERE group_id = 'f'}) ], 'and the rest, once, when it is thawed');

# A transaction elsewhere, which has written something: what comes after it has to wait for it, and nothing is lost.
$page = page($page->{token});
my $behind = $page->{token};
my $long = $node->background_psql('edurange');
$long->query_safe(q{BEGIN; INSERT INTO "User" (id, email) VALUES ('elsewhere', 'elsewhere')});
$waiting = $shim->ask_aside('GET', "/competition/g/events?sinceToken=$behind", token => $token);
sql(q{SELECT edurange.add_points('u2', 'g', 9)});
ok(!IO::Select->new($waiting)->can_read(2.5), 'it delays');
like(($shim->get('/metrics', $token))[3], qr/^edurange_feed_delay_seconds [1-9]/m, 'which is a metric');
$long->query_safe('COMMIT');
$long->quit;
($responses) = Edurange::Shim->read_responses($waiting, 1, 20);
is((split /\n/, $responses->[0][1])[0] =~ /"delta":9/ ? 1 : 0, 1, 'and loses nothing');

# The database answers late, as one that is busy does, and then not at all in time: nobody is kept waiting for long after that.
my $timed = Edurange::Shim->start($node, EDURANGE_THREADS => 1, EDURANGE_STATEMENT_TIMEOUT => 8000);
my $of = sub { return $timed->ask_aside('GET', "/competition/g/events?sinceToken=$_[0]", token => $token); };
my $next = $behind;
my ($entries, $more) = ('', 'true');
($entries, $next, $more) = ($timed->get("/competition/g/events?sinceToken=$next", $token))[3] =~ /^(.*)\{"sinceToken" : "(\w+)", "more" : (\w+)\}/s while $more eq 'true';
my @follow = map { $of->($next) } 1, 2;
sleep 2.5;
my $lock = $node->background_psql('edurange');
$lock->query_safe('BEGIN; LOCK TABLE edurange.board_rule IN ACCESS EXCLUSIVE MODE');
ok($node->poll_query_until('edurange', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%feed_state%'}), 'the feed is asked for');
ok($node->poll_query_until('edurange', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%feed_state%'}), 'in vain');
$lock->query_safe('COMMIT');
$lock->quit;
sql(q{SELECT edurange.add_points('u3', 'g', 11)});
$begun = time;
is_deeply([ map { ((Edurange::Shim->read_responses($_, 1, 60))[0][0] // [ 0, '' ])->[1] =~ /"delta":11/ ? 1 : 0 } @follow ], [ 1, 1 ], 'who followed is told');
cmp_ok(time - $begun, '<', 8, 'a few seconds after it answers again');
is($timed->stop, 0, 'stopped');

# ---- many who follow it ----------------------------------------------------------------------------------
# What is asked of the database is one question a turn in each loop, however many follow, once they are abreast.
sub asked { return sql(q{SELECT coalesce(sum(calls), 0) FROM pg_stat_user_functions WHERE funcname = 'events'}); }
my $many = 30;
my $select = IO::Select->new;
my %follower;
my $ask = sub {
	my ($one) = @_;
	syswrite($one->{socket}, "GET /competition/h/events" . (defined $one->{since} ? "?sinceToken=$one->{since}" : '')
		  . " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token\r\n\r\n");
	return;
};
for (1 .. $many)
{
	my $one = { socket => $shim->socket, text => '', have => 0 };
	$follower{ $one->{socket} } = $one;
	$select->add($one->{socket});
	$ask->($one);
}
my $written = sql(q{SELECT count(*) FROM edurange.points_ledger WHERE group_id = 'h'});
my $turns = sub {
	my ($end, $awards) = @_;
	my $done = 0;
	while (time < $end)
	{
		if ($awards && $done < $awards)
		{
			sql(q{SELECT edurange.add_points('u1', 'h', 1)});
			$done++;
		}
		for my $socket ($select->can_read(0.02))
		{
			my $one = $follower{$socket};
			sysread($socket, $one->{text}, 65536, length $one->{text}) or die 'a follower was let go';
			next unless $one->{text} =~ /Content-Length: (\d+).*?\r\n\r\n/s && length $one->{text} >= $+[0] + $1;
			my $body = substr($one->{text}, $+[0]);
			$one->{text} = '';
			$one->{have} += () = $body =~ /"delta"/g;
			($one->{since}) = $body =~ /"sinceToken" : "(\w+)"/;
			$ask->($one);
		}
	}
	return $done;
};
$turns->(time + 3, 0);
sleep 1;
my $asked_before = asked();
$begun = time;
$written += $turns->(time + 6, 100000);
do { $turns->(time + 3, 0) } while (time < $begun + 40 && grep { $_->{have} < $written } values %follower);
my $asked = asked() - $asked_before;
note "$written awards, $asked questions";
is_deeply([ map { $_->{have} } values %follower ], [ ($written) x $many ], 'all who follow it have all');
cmp_ok($asked, '<', 4 * (time - $begun), 'of a few questions each second');
close($_->{socket}) for values %follower;

# ---- writers, readers that leave, a shim and a server that are killed --------------------------------------
my @children;
for my $n (1 .. $writers)
{
	my $child = fork() // die "could not fork: $!";
	if ($child == 0)
	{
		my $end = time + $seconds;
		my $of = sub { sprintf 'u%d', 1 + int rand 20 };
		srand($n);
		while (time < $end)
		{
			# several pairs in a transaction, in the order of locks; some of them end late, some are undone
			my @users = map { $of->() } 1 .. 1 + int rand 3;
			my $script = join '', 'BEGIN;', (map { "SELECT edurange.add_points('$_', 'g', 1);" } sort @users),
			  rand() < 0.2 ? 'SELECT pg_sleep(0.2);' : '', rand() < 0.1 ? 'ROLLBACK;' : 'COMMIT;';
			# (writing to a psql whose server is gone dies, and a process that dies would stop the server)
			eval { $node->psql('edurange', $script, on_error_stop => 0, timeout => 20); };
		}
		POSIX::_exit(0);
	}
	push @children, $child;
}
my ($since, %have, @twice, %seq, @backwards, $left) = (undef);
my $end = time + $seconds;
my %killed;
my $quiet = 0;
while ($quiet < 2)
{
	if ($left++ < 20 && defined $since)
	{
		page($since, leaves => 1);
	}
	my $is_over = !@children;
	my $got = page($since, limit => 50 + int rand 200);
	my $rest = $end - time;
	if (!$killed{shim} && $rest < $seconds * 0.7)
	{
		$killed{shim} = 1;
		$shim->kill9;
		$shim->launch;
	}
	if (!$killed{server} && $rest < $seconds * 0.4)
	{
		$killed{server} = 1;
		$node->stop('immediate');
		$node->start;
	}
	sleep(0.2), next unless $got;
	for my $entry (@{ $got->{events} })
	{
		my $pair = $entry->{userId};
		push @twice, "$pair $entry->{seq}" if $have{"$pair $entry->{seq}"}++;
		push @backwards, "$pair $entry->{seq}" if ($seq{$pair} // 0) > $entry->{seq};
		$seq{$pair} = $entry->{seq};
	}
	$since = $got->{token};
	if (@children && $rest < 0)
	{
		waitpid($_, 0) for @children;
		@children = ();
	}
	# (while they write, pairs may cross in their transactions without a gap for as long as a page waits)
	$quiet = $is_over && !@{ $got->{events} } && !$got->{more} ? 2 : 0;
	# who has it all would wait for 25 s
	last if !@children && scalar(keys %have) == sql(q{SELECT count(*) FROM edurange.points_ledger WHERE group_id = 'g'});
}
my @ledger = split /\n/, sql(q{SELECT user_id || ' ' || seq FROM edurange.points_ledger WHERE group_id = 'g'});
cmp_ok(scalar @ledger, '>', 40, 'much was written: ' . scalar @ledger);
is_deeply([ sort keys %have ], [ sort @ledger ], 'the reader has the ledger');
is_deeply(\@twice, [], 'and nothing of it twice');
is_deeply(\@backwards, [], 'and each pair in order');

# ---- the past that is gone ---------------------------------------------------------------------------------
# What the shim would answer, asked of a server itself.
sub verdict
{
	my ($server, $database, $of) = @_;
	my (undef, undef, $error) = $server->psql($database, "SELECT cardinality(events) FROM edurange.events('g', '$of')");

	return $error =~ /past that is gone/ ? 'start anew' : $error || 'fine';
}

# What comes after a token, as soon as it is certain: not while anything is under way that began before.
sub after
{
	my ($database, $token) = @_;

	for (1 .. 600)
	{
		my ($deltas, $next) = split /\|/, $node->safe_psql($database,
			qq{SELECT (SELECT string_agg(delta::text, ' ') FROM unnest(events)), "sinceToken" FROM edurange.events('g', '$token')});
		return ($deltas, $next) if $deltas ne '';
		sleep 0.1;
	}
	return ('', $token);
}

# How many entries a server has from the beginning: a page ends where its window does, however much there is room for.
sub all_of
{
	my ($server, $database) = @_;
	my ($count, $next, $more) = (0, 'NULL', 't');

	while ($more eq 't')
	{
		(my $entries, $more, my $token) = split /\|/, $server->safe_psql($database,
			qq{SELECT cardinality(events), more, "sinceToken" FROM edurange.events('g', $next, "limit" => 10000)});
		$count += $entries;
		$next = "'$token'";
	}
	return $count;
}
($since) = map { $_->{token} } page();
is(verdict($node, 'edurange', $since), 'fine', 'a token where it came from');
my $json = (($shim->get("/competition/g/events?sinceToken=" . ('0' x 10), $token))[1]);
is($json->{code}, 'invalid_parameter', 'none is an error');
like($json->{error}, qr/"sinceToken"/, 'that names it');
my $elsewhere = unpack 'H*', pack('H*', $since) =~ s/ \d+\./ 7./r;
my ($gone, $said) = $shim->get("/competition/g/events?sinceToken=$elsewhere", $token);
is_deeply([ $gone, $said->{code} ], [ 410, 'start_anew' ], 'one of another server is gone') or diag explain $said;

$node->backup('feed');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'feed', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
my (undef, undef, $error) = $standby->psql('edurange', "SELECT edurange.events('g', '$since')");
like($error, qr/the feed is on the primary server/, 'a standby has no feed');
my $mark = sql(q{SELECT mark FROM edurange.board_state('g')});
my $seen = sub { return $_[0]->safe_psql('edurange', "SELECT \"isWhole\" FROM edurange.board_state('g', false, '$mark')"); };
my $feed_seen = sub { return $_[0]->safe_psql('edurange', q{SELECT mark FROM edurange.feed_state('g')}); };
is($seen->($node), 'f', 'a mark of a board says what was seen');
$standby->promote;
is($seen->($standby), 't', 'and nothing on a server that was promoted, where other rows may have the numbers of before');
isnt($feed_seen->($standby), $feed_seen->($node), 'nor does that of a feed');
is(verdict($standby, 'edurange', $since), 'start anew', 'nor goes a promoted one on with one that its primary gave');
is(all_of($standby, 'edurange'), scalar @ledger, 'but it has all of it');
$standby->stop;

$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $$edurange$$');
$shim->stop;
$node->safe_psql('postgres', 'CREATE DATABASE clone TEMPLATE edurange');
is(verdict($node, 'clone', $since), 'start anew', 'a clone does not, either');
is(all_of($node, 'clone'), scalar @ledger, 'nor has it less');

# dump and restore: all is history there, in whose transactions nobody believes
my $dump = PostgreSQL::Test::Utils::tempdir() . '/feed.sql';
system_or_bail($node->installed_command('pg_dump'), '-d', $node->connstr('edurange'), '-f', $dump);
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('restored'), '-f', $dump ], 'restored');
is(verdict($node, 'restored', $since), 'start anew', 'nor what was restored');
is(all_of($node, 'restored'), scalar @ledger, 'which has all, too');
my $behind_it = $node->safe_psql('restored', q{SELECT "sinceToken" FROM edurange.events('g', "limit" => 10000)});
$node->safe_psql('restored', q{SELECT edurange.add_points('u3', 'g', 4)});
is((after('restored', $behind_it))[0], 4, 'and goes on');

# a snapshot put back
$node->stop;
my $kept = $node->data_dir . '.kept';
system_or_bail('cp', '-a', $node->data_dir, $kept);
$node->start;
sql(q{SELECT edurange.add_points('u4', 'g', 4321)});
my $read = '';
# a page may end before it
($read, $since) = after('edurange', $since) while $read !~ /\b4321\b/;
is(verdict($node, 'edurange', $since), 'fine', 'a token of later');
$node->stop;
system_or_bail('rm', '-rf', $node->data_dir);
system_or_bail('mv', $kept, $node->data_dir);
$node->start;
is(verdict($node, 'edurange', $since), 'start anew', 'is of no use where a snapshot was put back');
sql(q{SELECT edurange.add_points('u5', 'g', 1)}) for 1 .. 20;
is(verdict($node, 'edurange', $since), 'start anew', 'not when as much was written again, either');
done_testing();
