# No request costs more than its share: whose it is, is known before a byte of its body is kept; bodies have limits,
# and a budget together; who closes, or closes a half, is understood.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use Edurange::Cluster;
use Edurange::Shim;
use Edurange::Zip qw(zip_of);
use IO::Socket::IP;
use List::Util qw(max);
use POSIX ();
use Socket qw(IPPROTO_TCP SOL_SOCKET SO_RCVBUF TCP_MAXSEG);

my $node = Edurange::Cluster->new_ready('bounds');
my $metrics_port = PostgreSQL::Test::Cluster::get_free_port();
my %settings = (EDURANGE_THREADS => 1, EDURANGE_BODY_BUDGET => 32 << 20, EDURANGE_STATEMENT_TIMEOUT => 60_000, EDURANGE_POOL_SIZE => 12);
my $shim = Edurange::Shim->start($node, EDURANGE_METRICS_PORT => $metrics_port, %settings);
my %token = map { $_ => $shim->make_token($_) } qw(player service admin);
$node->safe_psql('edurange', q{
	INSERT INTO "User" (id, email) VALUES ('ada', 'a');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'ada')});

# The head of a request with a body.
sub head
{
	my ($path, $length, $with, @fields) = @_;

	return join("\r\n", "POST $path HTTP/1.1", 'Host: x', 'Content-Type: application/json',
		(defined $length ? "Content-Length: $length" : 'Transfer-Encoding: chunked'),
		(defined $with ? "Authorization: Bearer $with" : ()), @fields, '', '');
}

# What comes back, within some seconds, after these bytes were sent: statuses and codes, and whether the connection ended.
sub answers
{
	my ($socket, $wanted) = @_;
	my ($responses, $closed) = $shim->read_responses($socket, $wanted // 1, 10);

	return (map { my $said = eval { decode_json($_->[1]) } // {}; "$_->[0] " . ($said->{code} // 'fine') } @$responses);
}

sub say_to
{
	my ($bytes) = @_;
	my $socket = $shim->socket;

	syswrite($socket, $bytes);
	return $socket;
}

# A number of the metrics.
sub metric
{
	my ($name) = @_;

	return (($shim->get('/metrics', $token{admin}))[3] =~ /^\Q$name\E (\d+)$/m)[0] // die "no metric $name";
}

# ---- the token before the body --------------------------------------------------------------------
my $award = '{"user_id":"ada","group_id":"g","points":1}';
my %stranger = (none => undef, unknown => 'edr_unknown', 'of another kind' => 'x');
for my $who (sort keys %stranger)
{
	for my $length (16 << 20, undef)
	{
		my $name = "token $who, " . (defined $length ? 'a length' : 'chunks');
		my $socket = say_to(head('/add_points', $length, $stranger{$who}, 'Expect: 100-continue'));
		is_deeply([ answers($socket) ], ['401 unauthenticated'], "$name: refused, and not asked for the body");

		# Who sends the body all the same is told at once, too.
		$socket = say_to(head('/packs/upload', $length, $stranger{$who}) . (defined $length ? 'x' x 1000 : "a\r\n0123456789\r\n"));
		is_deeply([ answers($socket) ], ['401 unauthenticated'], "$name: told before the body has come");
	}
}
my $patient = say_to(head('/add_points', length $award, $token{service}, 'Expect: 100-continue'));
sysread($patient, my $permission, 100);
is($permission, "HTTP/1.1 100 Continue\r\n\r\n", 'who may is asked for the body');
syswrite($patient, $award);
is_deeply([ answers($patient) ], ['200 fine'], 'which is taken');
for my $case ([ 'player', '403 forbidden' ], [ 'service', '413 payload_too_large' ])
{
	my $socket = say_to(head('/add_points', 70_000, $token{ $case->[0] }, 'Expect: 100-continue'));
	is_deeply([ answers($socket) ], [ $case->[1] ], "$case->[1] comes before the body, too");
}

# ---- limits of bodies -----------------------------------------------------------------------------
# A body of so many bytes, or of so many values.
my $of_bytes = sub { my ($size) = @_; return '{"a":"' . 'x' x ($size - 8) . '"}' };
my $of_values = sub { my ($count) = @_; return '{"a":[' . '0,' x ($count - 3) . '0]}' };
for my $case ([ '/add_points', 65_536, 1000 ], [ '/cdf/validate', 1 << 20, 20_000 ])
{
	my ($path, $bytes, $values) = @$case;

	for my $body ($of_bytes->($bytes), $of_values->($values))
	{
		my ($status) = $shim->post($path, $body, $token{service});
		is($status == 413 ? 1 : 0, 0, "$path: as much as is allowed");
	}
	for my $body ($of_bytes->($bytes + 1), $of_values->($values + 1))
	{
		my ($status, $json) = $shim->post($path, $body, $token{service});
		is_deeply([ $status, $json->{code} ], [ 413, 'payload_too_large' ], "$path: more") or diag explain $json;
	}
	my ($status, $json) = $shim->request('POST', $path, token => $token{service}, body => $of_bytes->($bytes + 1),
		headers => { 'Content-Type' => 'application/json', 'Transfer-Encoding' => 'chunked' });
	is($status, 413, "$path: more, in chunks");
}
my ($status, $json) = $shim->post('/packs/upload', '{"manifest":{},"challenges":[{"a":1},[' . '{},' x 20_001 . '0]]}', $token{admin});
is_deeply([ $status, $json->{code} ], [ 413, 'payload_too_large' ], 'a document of a pack has no more values than another');

# ---- a budget for all together --------------------------------------------------------------------
my @large = map { say_to(head('/packs/upload', 15 << 20, $token{admin}) . ' ' x (14 << 20)) } 1 .. 2;
my $end = time + 30;
sleep 0.1 while metric('edurange_http_body_bytes') < 28 << 20 && time < $end;
cmp_ok(metric('edurange_http_body_bytes'), '>=', 28 << 20, 'large bodies are counted');
for my $fields ([], ['Expect: 100-continue'])
{
	my $socket = say_to(head('/packs/upload', 15 << 20, $token{admin}, @$fields));
	syswrite($socket, ' ' x 100) unless @$fields;
	my ($responses) = $shim->read_responses($socket, 1, 10);
	is_deeply([ $responses->[0][0], decode_json($responses->[0][1])->{code}, $responses->[0][2] =~ /^Retry-After: (\d+)/mi ],
		[ 503, 'too_busy', 1 ], 'one more has to come again');
}
is(($shim->post('/add_points', $award, $token{service}))[0], 200, 'small ones are taken');
close($_) for @large;
# (a body may take a minute)
$end = time + 20;
sleep 0.1 while metric('edurange_http_body_bytes') > 0 && time < $end;
is(metric('edurange_http_body_bytes'), 0, 'clients that are gone in the middle of a body are noticed long before their time is up');

# Small ones are until all together have twice the budget; then tiny ones are, and who looks after the service is told.
my @small = map { say_to(head('/add_points', 65_536, $token{service}) . ' ' x 65_000) } 1 .. 1030;
$end = time + 30;
sleep 0.1 while metric('edurange_http_body_bytes') < 63 << 20 && time < $end;
cmp_ok(metric('edurange_http_body_bytes'), '>=', 63 << 20, 'small bodies are counted, and were taken');
my @over = map { say_to(head('/add_points', 65_536, $token{service}) . ' ' x 65_000) } 1 .. 4;
is_deeply([ answers($over[-1]) ], ['503 too_busy'], 'one more has to come again');
is(($shim->post('/add_points', $award, $token{service}))[0], 200, 'a tiny one is taken');
close($_) for @small, @over;
$end = time + 20;
sleep 0.1 while metric('edurange_http_body_bytes') > 0 && time < $end;
is(metric('edurange_http_body_bytes'), 0, 'nothing is counted any more');

# What there is to say of a failure is counted, too, until it was read.
my $wrong = '{"metadata":{"id":"d"},"components":[' . join(',', ('{"type":"question"}') x 1000) . ']}';
# (with small segments the system keeps little of it)
my $unread = IO::Socket::INET->new(Proto => 'tcp');
setsockopt($unread, SOL_SOCKET, SO_RCVBUF, 4096);
setsockopt($unread, IPPROTO_TCP, TCP_MAXSEG, 536);
connect($unread, Socket::pack_sockaddr_in($shim->port, Socket::inet_aton('127.0.0.1'))) or die $!;
syswrite($unread, head('/cdf/import', length $wrong, $token{admin}) . $wrong);
$end = time + 20;
sleep 0.1 while !IO::Select->new($unread)->can_read(0) && time < $end;
cmp_ok(metric('edurange_http_body_bytes'), '>', 80_000, 'bytes of an error that is long and not read');
close($unread);

# ---- packs, and everybody else's bodies -----------------------------------------------------------
# Each takes long to inflate, and the last file shows that it was for nothing.
my $slow = join('', map { sprintf('%016x', rand 2**53) . 'x' x 300 } 1 .. 3000);
my $pack = zip_of([ (map { { name => "f$_", content => $slow } } 1 .. 30), { name => 'g', content => 'g', central => { crc => 1 }, local => { crc => 1 } } ]);
my @packs = map { say_to(head('/packs/upload', length $pack, $token{admin}) =~ s{application/json}{application/zip}r . $pack) } 1 .. 12;
$end = time + 10;
sleep 0.05 while metric('edurange_http_requests_in_flight') < 13 && time < $end;
is(($shim->post('/add_points', $award . ' ' x 10_000, $token{service}))[0], 200, 'a body that is read elsewhere');
is(scalar(grep { !IO::Select->new($_)->can_read(0) } @packs) > 0 ? 1 : 0, 1, 'does not wait until packs are');
like((answers($_))[0], qr/^400 /, 'which are refused in their turn') for @packs;

# ---- what a crowd asks for ------------------------------------------------------------------------
# A challenge whose answer has some 1.5 MB, and boards of some 8 MB: asked for by many at once, who read as it comes, they
# take no more memory than the budget and what is on its way from the database.
$node->safe_psql('edurange', q{
	INSERT INTO "ChallengeType" (id, name) VALUES ('t', 't');
	INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('large', 'L', 't'), ('small', 'S', 't');
	INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, answer, "order")
	  SELECT 'q' || n, 'large', repeat('y', 15000), 'text', 1, 'a', n FROM generate_series(1, 100) n;
	INSERT INTO "User" (id, email, name) SELECT 'm' || n, 'm' || n, repeat('n', 4000) FROM generate_series(1, 2000) n;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('b', 'B', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'b', id FROM "User" WHERE id LIKE 'm%'});

# Asks for all of these at once; returns how often each outcome came, how many kB the shim grew by, and how many bytes
# it held of answers that were not complete.
sub crowd
{
	my (@paths) = @_;
	my $memory = sub { return (slurp_file('/proc/' . $shim->pid . '/status') =~ /RssAnon:\s+(\d+)/)[0] };
	my ($before, $most, $held, $turns, $end) = ($memory->(), 0, 0, 0, time + 120);
	my %left;

	for my $path (@paths)
	{
		my $socket = say_to("GET $path HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token{player}\r\nConnection: close\r\n\r\n");
		$left{ fileno $socket } = { socket => $socket, got => 0, head => '' };
	}
	my %outcomes;
	while (%left && time < $end)
	{
		my $wanted = '';
		vec($wanted, $_, 1) = 1 for keys %left;
		select(my $ready = $wanted, undef, undef, 0.01);
		$most = max($most, $memory->());
		$held = max($held, metric('edurange_database_answer_bytes')) if ++$turns % 4 == 0;
		for my $one (map { $left{$_} } grep { vec($ready, $_, 1) } keys %left)
		{
			my $read = sysread($one->{socket}, my $bytes, 1 << 18);
			$one->{got} += $read // 0;
			$one->{head} .= $bytes if $read && length $one->{head} < 2000;
			next if $read;
			delete $left{ fileno $one->{socket} };
			my ($length) = $one->{head} =~ /^Content-Length: (\d+)/mi;
			my ($status) = $one->{head} =~ m{^HTTP/1.1 (\d+)};
			$outcomes{ ($status // 'none') . ($one->{got} == ($length // -1) + index($one->{head}, "\r\n\r\n") + 4 ? '' : ' cut') . ($one->{head} =~ /call was not made/ ? ' not made' : '') }++;
		}
	}
	$outcomes{unanswered} = keys %left if %left;
	diag(sprintf '%s: %s; it grew by %d MB', $paths[0], join(', ', map { "$_ $outcomes{$_}" } sort keys %outcomes), ($most - $before) / 1024);
	return (\%outcomes, $most - $before, $held);
}

# What strangers and crowds cost a shim; kB count where it has no sanitizer, which takes several times as much.
sub check_costs
{
	my ($counts) = @_;
	my $memory = sub { return (slurp_file('/proc/' . $shim->pid . '/status') =~ /VmRSS:\s+(\d+)/)[0] };
	my $before = $memory->();
	# sixty strangers with bodies that do not end
	my @strangers = map {
		my $socket = say_to(head('/packs/upload', 16 << 20, "edr_stranger$_"));

		$socket->blocking(0);
		syswrite($socket, 'x' x (1 << 20)) for 1 .. 4;
		$socket
	} 1 .. 60;

	is(($shim->get('/live'))[0], 200, 'the service goes on');
	is(metric('edurange_http_body_bytes'), 0, 'of what strangers send nothing is kept');
	cmp_ok($memory->() - $before, '<', 10_000, 'kB that sixty of them cost') if $counts;
	close($_) for @strangers;
	for my $case (
		[ 'challenges', 64, map { '/challenge/details?challenge_id=' . ($_ % 4 ? 'large' : 'small') } 1 .. 100 ],
		[ 'boards', 128, map { "/competition/b/leaderboard?limit=10000&offset=$_" } 1 .. 24 ])
	{
		my ($name, $megabytes, @paths) = @$case;
		my ($outcomes, $grown, $held) = crowd(@paths);

		is_deeply([ grep { !/^(?:200|503)\z/ } keys %$outcomes ], [], "$name: all are answered, whole");
		cmp_ok($outcomes->{200} // 0, '>=', 8, "$name: many get what they asked for");
		cmp_ok($grown, '<', $megabytes << 10, "$name: kB that the shim grows by") if $counts;
		cmp_ok($held, '<', 32 << 20, "$name: bytes of answers that are not complete");
		is(metric('edurange_database_answer_bytes'), 0, "$name: nothing is counted any more");
	}
	return;
}

my $is_sanitized = slurp_file($ENV{EDURANGE_SHIM}) =~ /__asan_init/;
check_costs(!$is_sanitized);
if ($is_sanitized)
{
	my $sanitized = $shim;

	local $ENV{EDURANGE_SHIM} = $ENV{EDURANGE_PLAIN_SHIM};
	$shim = Edurange::Shim->start($node, %settings);
	check_costs(1);
	is($shim->stop, 0, 'stopped');
	$shim = $sanitized;
}

# ---- files that are not read ------------------------------------------------------------------------
# Gradebooks of some 8 MB wait in files, until all together have more than they may.
{
	my $filing = Edurange::Shim->start($node, EDURANGE_THREADS => 1, EDURANGE_FILE_BUDGET => 20 << 20);
	my $of_files = sub { return (($filing->get('/metrics', $token{admin}))[3] =~ /^edurange_http_file_bytes (\d+)$/m)[0] };
	my @unread = map { $filing->ask_aside('GET', '/competition/b/gradebook', token => $token{service}) } 1, 2;
	like(join(' ', map { sysread($_, my $line, 12); $line } @unread), qr{^HTTP/1.1 200 HTTP/1.1 200$}, 'two begin to read a file');
	cmp_ok($of_files->(), '>', 10 << 20, 'files are counted');
	my ($code, $said, $head) = $filing->get('/competition/b/gradebook', $token{service});
	is_deeply([ $code, $said->{code}, $head->{'retry-after'} ], [ 503, 'too_busy', 1 ], 'a third has to come again');
	cmp_ok($of_files->(), '<', 20 << 20, 'and leaves nothing');
	close($_) for @unread;
	$end = time + 20;
	sleep 0.1 while $of_files->() > 0 && time < $end;
	is($of_files->(), 0, 'files of who has gone are counted no more');
	is(($filing->get('/competition/b/gradebook', $token{service}))[0], 200, 'and it comes again');
	is($filing->stop, 0, 'stopped');
}

# ---- a log that nobody reads ------------------------------------------------------------------------
{
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	pipe(my $log, my $into) or die $!;
	my $pid = fork() // die $!;
	if ($pid == 0)
	{
		%ENV = (%ENV, %{ $shim->{env} }, EDURANGE_PORT => $port, EDURANGE_METRICS_PORT => 0);
		open(STDERR, '>&', $into) && exec($ENV{EDURANGE_SHIM});
		POSIX::_exit(127);
	}
	close($into);
	my $ask = sub { return HTTP::Tiny->new(timeout => 20)->get("http://127.0.0.1:$port$_[0]", { headers => { Authorization => "Bearer $token{service}", 'X-Request-Id' => $_[1] // 'x' } }) };
	$end = time + 30;
	sleep 0.1 while $ask->('/ready')->{status} != 200 && time < $end;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die $!;
	my $told = 0;
	for (1 .. 5)
	{
		syswrite($socket, "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n" x 400);
		my ($said) = $shim->read_responses($socket, 400, 20);
		$told += grep { $_->[0] == 404 } @$said;
	}
	is($told, 2000, 'thousands of errors are answered');
	is($ask->('/live')->{status}, 200, '/live is');
	is($ask->('/get_points?user_id=ada&group_id=g')->{status}, 200, 'and calls are');
	cmp_ok(($ask->('/metrics')->{content} =~ /^edurange_log_lines_lost_total (\d+)$/m)[0] // 0, '>', 1000, 'what the log does not take is counted');

	# Somebody begins to read: it has whole lines, and goes on.
	my $lines = '';
	my $read_on = sub { sysread($log, $lines, 1 << 20, length $lines) or die 'no line' while $lines !~ $_[0]; return; };
	sysread($log, $lines, 1 << 20);
	$ask->('/live', 'the-last');
	local $SIG{ALRM} = sub { die 'no line came' };
	alarm 30;
	$read_on->(qr/"the-last".*\n\z/);
	alarm 0;
	is(scalar(grep { !eval { decode_json($_) } } split /\n/, $lines), 0, 'all lines are whole');
	kill 'TERM', $pid;
	$end = time + 30;
	my $ended;
	sleep 0.1 until ($ended = waitpid($pid, POSIX::WNOHANG())) || time > $end;
	is($ended ? $? : 'running', 0, 'stopped');
	kill('KILL', $pid), waitpid($pid, 0) unless $ended;
	$? = 0;
}

# ---- clients that close ---------------------------------------------------------------------------
# The end comes together with the last bytes.
sub send_and_close_half
{
	my ($bytes) = @_;
	my $socket = $shim->socket;

	syswrite($socket, $bytes);
	shutdown($socket, 1);
	return $socket;
}
my $in_flight = metric('edurange_http_requests_in_flight');
my @halves = map { send_and_close_half($_) } head('/add_points', 1000, $token{service}) . $award, "GET /live HTTP/1.1\r\nHos", head('/add_points', 1000, 'edr_x');
for my $half (@halves)
{
	my $begun = time;
	ok($shim->is_closed($half, 5) && time - $begun < 4, 'half a request that ends');
}
is(metric('edurange_http_requests_in_flight'), $in_flight, 'is over');
my $lock = $node->background_psql('edurange');
$lock->query_safe(q{BEGIN; SELECT * FROM "GroupPoints" FOR UPDATE});
my @waiting = map { send_and_close_half($_) } head('/add_points', length $award, $token{service}, 'Connection: close') . $award,
	"GET /get_points?user_id=ada&group_id=g HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token{player}\r\n\r\n", "GET /status HTTP/1.1\r\nHost: x\r\n\r\n",
	head('/add_points', length $award, $shim->make_token('service'), 'Connection: close') . $award;
ok($node->poll_query_until('edurange', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'}), 'it waits for a lock');
$lock->query_safe('COMMIT');
$lock->quit;
is_deeply([ map { answers($_) } @waiting ], [ ('200 fine') x 4 ], 'who closes only a half gets an answer');
ok($shim->is_closed($_, 5), 'and the connection ends') for @waiting;

# Who listens or waits for the feed has a place, which is free when they have gone.  Who has closed a half is told what there is.
sub listen_to
{
	my ($path) = @_;

	return "GET $path HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token{service}\r\n\r\n";
}
my ($board, $feed) = ('/competition/g/board-events', '/competition/g/events');
my ($since) = ($shim->get($feed, $token{service}))[3] =~ /"sinceToken" : "(\w+)"/;
$feed .= "?sinceToken=$since";
my @listening = map { say_to(listen_to($_)) } ($board) x 40, ($feed) x 10;
$end = time + 20;
sleep 0.1 while metric('edurange_listeners') < 50 && time < $end;
is(metric('edurange_listeners'), 50, 'so many listen and wait');
my @halved = map { send_and_close_half(listen_to($_)) } $board, $feed;
my $seen = '';
sysread($halved[0], $seen, 65536, length $seen) or die 'who closed a half was let go' while $seen !~ /"snapshot":true/;
like($seen, qr/^HTTP\S+ 200/, 'who listens and closes a half is told what there is');
is_deeply([ answers($halved[1]) ], ['200 fine'], 'who waits for the feed, too');
ok($shim->is_closed($_, 5), 'and the connection ends') for @halved;
is(metric('edurange_listeners'), 50, 'the others have their places');
close($_) for @listening;
$end = time + 20;
my $gone = time;
sleep 0.1 while metric('edurange_listeners') > 0 && time < $end;
# (they would be told the time after 15 s)
cmp_ok(time - $gone, '<', 8, 'listeners who have gone have no place any more, long before they would be told something');

# ---- tokens of a feed ---------------------------------------------------------------------------------
# Who was told all there is and comes back waits for the next turn, with the token of that competition and no other.
{
	my $quiet = '/competition/quiet/events';
	$node->safe_psql('edurange', q{INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('quiet', 'Q', '2020-01-01')});
	my $told = sub { return (($shim->get($quiet, $token{service}))[3] =~ /"sinceToken" : "(\w+)", "more" : false/)[0] // die 'there is more' };
	my $follows = $shim->ask_aside('GET', "$quiet?sinceToken=" . $told->(), token => $token{service});
	sleep 1.2;
	my $fresh = $told->();
	my $begun = time;
	is(($shim->get("/competition/$_/events?sinceToken=$fresh", $token{service}))[0], 404, 'a competition that is none, ' . length($_) . ' bytes') for 'nowhere', 'x' x 3000, 'y' x 3000, 'z';
	cmp_ok(time - $begun, '<', 1.5, 'waits for no turn');
	my $back = $shim->ask_aside('GET', "$quiet?sinceToken=" . $told->(), token => $token{service});
	ok(!IO::Select->new($back)->can_read(1.5), 'who comes back does, as there is nothing new');
	close($_) for $follows, $back;
}

# ---- forms of a request ---------------------------------------------------------------------------
for my $case (
	[ "GET http://other.example:81/live HTTP/1.1\r\nHost: x\r\n\r\n", '200 fine', 'a URL as target' ],
	[ "GET HTTPS://x/api/get_points?user_id=ada&group_id=g HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token{player}\r\n\r\n", '200 fine', 'one with a query' ],
	[ "GET http://x HTTP/1.1\r\nHost: x\r\n\r\n", '200 fine', 'one without a path' ],
	[ "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", '204 fine', 'the server itself' ],
	[ "OPTIONS /* HTTP/1.1\r\nHost: x\r\n\r\n", '404 route_not_found', 'a path that looks like it' ],
	[ "GET * HTTP/1.1\r\nHost: x\r\n\r\n", '404 route_not_found', 'which has no other method' ],
	[ "GET live HTTP/1.1\r\nHost: x\r\n\r\n", '400 malformed_request', 'neither path nor URL' ],
	[ "GET /li\x01ve HTTP/1.1\r\nHost: x\r\n\r\n", '400 malformed_request', 'a control character in the target' ],
	[ "GET /live?a=\x7f HTTP/1.1\r\nHost: x\r\n\r\n", '400 malformed_request', 'and in the query' ],
	[ "G\x01T /live HTTP/1.1\r\nHost: x\r\n\r\n", '400 malformed_request', 'and in the method' ],
	[ "G(T /live HTTP/1.1\r\nHost: x\r\n\r\n", '400 malformed_request', 'a method that is none' ],
	[ head('/add_points', length $award, $token{service}, 'Content-Encoding: gzip') . $award, '415 unsupported_media_type', 'an encoding' ],
	[ head('/add_points', length $award, $token{service}, 'Content-Encoding: identity') . $award, '200 fine', 'none' ],
	[ head('/add_points', length $award, $token{service}, 'Content-Encoding: identity', 'Content-Encoding: gzip') . $award, '400 malformed_request', 'none, and behind it one' ],
	[ "GET /get_points?user_id=ada&group_id=g HTTP/1.1\r\nHost: x\r\nAuthorization: $token{player}\r\n\r\n", '401 unauthenticated', 'a token without its scheme' ],
	[ head('/nowhere', 16 << 20, undef, 'Expect: 100-continue'), '404 route_not_found', 'who asks whether to send a body where there is no route' ],
	[ head('/live', 16 << 20, undef, 'Expect: 100-continue'), '405 method_not_allowed', 'or no such method' ],
	[ head('/%zz', 16 << 20, undef, 'Expect: 100-continue'), '400 invalid_encoding', 'or no target' ])
{
	is_deeply([ answers(say_to($case->[0])) ], [ $case->[1] ], $case->[2]);
}
my (undef, undef, $headers) = $shim->request('OPTIONS', '/live');
my ($all) = $shim->read_responses(say_to("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"), 1);
like($all->[0][2], qr/^Allow: (?=.*GET)(?=.*POST)(?=.*PATCH)(?=.*OPTIONS)/mi, 'the server has the methods of all routes');
for my $case ([ '9999-12-31T23:59:59Z', 200 ], [ '9999-12-31T23:59:59.999Z', 200 ], [ '9999-12-31T23:59:59.9999Z', 400 ], [ '9999-12-31T23:59:59-00:01', 400 ],
	[ '9999-12-31', 200 ], [ '0001-01-01T00:00:00+00:01', 400 ], [ '0001-01-01T00:00:00-01:00', 200 ], [ '2025-01-01T00:00:00+15:60', 400 ], [ '2025-01-01T00:00:00-16:00', 400 ])
{
	($status, $json) = $shim->get('/competition/g/leaderboard?at=' . $case->[0] =~ s/\+/%2b/r, $token{player});
	is($status, $case->[1], "time $case->[0]") or diag explain $json;
	is($json->{code}, 'time_out_of_range', 'which does not exist') if $status != 200;
}

# ---- places for who looks after the service ---------------------------------------------------------
sub scrape
{
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $metrics_port, Timeout => 10) or return 0;

	syswrite($socket, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	my ($responses) = $shim->read_responses($socket, 1, 10);
	return $responses->[0][0] // 0;
}
# Connections that come to both ports in one turn of the loop, as it was stopped meanwhile.
kill 'STOP', $shim->pid;
my @of_both = map { my $port = $_ % 2 ? $metrics_port : $shim->port; IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) // die $! } 0 .. 99;
syswrite($_, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\nGET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") for @of_both;
kill 'CONT', $shim->pid;
my @said = map { my ($responses) = $shim->read_responses($_, 2, 10); join ' ', map { $_->[0] } @$responses } @of_both;
is_deeply([ @said ], [ map { $_ % 2 ? '200' : '401 200' } 0 .. 99 ], 'each is answered as one of its port') or diag explain \@said;

my @idle = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $metrics_port) } 1 .. 8;
is(scrape(), 200, 'eight idle connections do not block the port of the metrics');
push @idle, map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $metrics_port) } 1 .. 200;
is(scrape(), 200, 'nor do two hundred');
is(($shim->get('/get_points?user_id=ada&group_id=g', $token{player}))[0], 200, 'and they take no places from others');
$lock = $node->background_psql('edurange');
$lock->query_safe('BEGIN; LOCK TABLE edurange.standing, "GroupPoints" IN ACCESS EXCLUSIVE MODE');
my @stuck = map { my $n = $_; map { $shim->ask_aside('GET', "/competition/g/leaderboard?limit=$n", token => $token{$_}) } qw(player service admin) } 1 .. 20;
for my $path (qw(/live /status /ready))
{
	my $begun = time;
	($status) = $shim->get($path);
	ok($status == 200 || $path eq '/ready', "$path answers while all lanes are taken");
	cmp_ok(time - $begun, '<', 5, 'soon');
}
is(scrape(), 200, 'and so do the metrics');
$lock->query_safe('COMMIT');
$lock->quit;
like(join(' ', ($shim->answer_of($_))[0]), qr/^(200|503)$/, 'who waited is answered') for @stuck;
is($shim->stop, 0, 'stopped');

SKIP:
{
	skip 'there is no IPv6 here', 3 unless IO::Socket::IP->new(LocalHost => '::1', Listen => 1);
	my $six = Edurange::Shim->start($node, EDURANGE_HOST => '::', EDURANGE_METRICS_PORT => $metrics_port);
	for my $address ('[::1]', '127.0.0.1')
	{
		is(HTTP::Tiny->new->get("http://$address:$metrics_port/metrics")->{status}, 200, "the port of the metrics listens on $address");
	}
	is($six->stop, 0, 'stopped');
}
done_testing();
