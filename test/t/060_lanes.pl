# Requests that share statements and connections: none is hurt by its neighbour, none waits for what is
# slower than itself, and what nobody wants any more is not done.

use strict;
use warnings;

use IO::Select;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(sleep time);

use Edurange::Cluster;
use Edurange::Shim;

my $node = Edurange::Cluster->new_ready('lanes', conf => "log_statement = none\ntrack_functions = all\n");
$node->safe_psql(
	'edurange', q{
	INSERT INTO "User" (id, email) SELECT 'u' || n, n || '@x' FROM generate_series(0, 15) n;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'g', id FROM "User";
	CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'poison'; END $$;
	CREATE TRIGGER poison BEFORE INSERT ON edurange.points_ledger FOR EACH ROW
	  WHEN (new.reason = 'poison') EXECUTE FUNCTION poison()});
my $shim = Edurange::Shim->start(
	$node,
	EDURANGE_THREADS => 1,
	EDURANGE_POOL_SIZE => 1,
	EDURANGE_QUEUE_LENGTH => 40,
	EDURANGE_POOL_TIMEOUT => 120,
	EDURANGE_STATEMENT_TIMEOUT => 120_000,
	EDURANGE_CONNECTION_LIMIT => 64,
	EDURANGE_ANONYMOUS_TIER => 'service');

sub body
{
	my ($user, $reason) = @_;

	return { user_id => $user, group_id => 'g', points => 1, defined $reason ? (reason => $reason) : () };
}

sub points { return $node->safe_psql('edurange', "SELECT edurange.get_points('$_[0]', 'g')"); }

# Sends requests in processes of their own, all at once; returns what to read their outcomes from.
sub ask_aside
{
	my @from;

	for my $body (@_)
	{
		my $pid = open(my $from, '-|') // die "could not fork: $!";

		if ($pid == 0)
		{
			my ($status, $json) = $shim->post('/add_points', $body);
			syswrite(STDOUT, $status . ' ' . ($json->{code} // 'fine') . "\n");
			POSIX::_exit(0);
		}
		push @from, $from;
	}
	return @from;
}

# ---- neighbours ----------------------------------------------------------------------------------
# While a write waits for a lock, the others gather behind it and are sent as one statement.
my $lock = $node->background_psql('edurange');
$lock->query_safe(q{BEGIN; SELECT * FROM "User" WHERE id = 'u0' FOR UPDATE});
my @first = ask_aside(body('u0'));
sleep 0.5;
my @innocent = ask_aside(map { body("u$_") } 1 .. 12);
my @refused = ask_aside(body('nobody'), body('nobody'));
my @poisonous = ask_aside(body('u13', 'poison'), body('u14', 'poison'));
sleep 1;
$lock->query_safe('COMMIT');
is_deeply([ map { scalar readline($_) } @first, @innocent ], [ ("200 fine\n") x 13 ], 'innocent neighbours succeed');
is_deeply([ map { scalar readline($_) } @refused ], [ ("404 user_not_found\n") x 2 ], 'refusals are refusals');
is_deeply([ map { scalar readline($_) } @poisonous ], [ ("500 internal\n") x 2 ], 'only those at fault fail');
is(join(' ', map { points("u$_") } 0 .. 14), join(' ', (1) x 13, 0, 0), 'each point is there once');
is($node->safe_psql('edurange', 'SELECT count(*) FROM edurange.check_invariants()'), '0', 'invariants');

# ---- a write that waits holds up no read ----------------------------------------------------------
$lock->query_safe(q{BEGIN; SELECT * FROM "GroupPoints" WHERE "userId" = 'u0' FOR UPDATE});
my ($waiting) = ask_aside(body('u0'));
sleep 0.3;
is(($shim->get('/get_points?user_id=u0&group_id=g'))[0], 200, 'reads go on while a write waits');
is($node->safe_psql('edurange', q{SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'}),
	'1', 'and it still waits');

# ---- what many ask at once is read once ----------------------------------------------------------
my $table = $node->background_psql('edurange');
$table->query_safe('BEGIN; LOCK TABLE edurange.standing IN ACCESS EXCLUSIVE MODE');
my @asked = map {
	my $socket = $shim->socket;

	syswrite($socket, "GET /competition/g/leaderboard?limit=$_ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	sleep 0.1;
	$socket
} 1, 2, (3) x 10, 4;
$table->query_safe('COMMIT');
$table->quit;
is_deeply([ map { local $/ = undef; scalar(() = readline($_) =~ /"rank":/g) } @asked ], [ 1, 2, (3) x 10, 4 ], 'each gets what it asked for');
ok($node->poll_query_until('edurange', q{SELECT sum(calls) = 4 FROM pg_stat_user_functions WHERE funcname = 'leaderboard'}),
	'the same question of ten was asked once');

# ---- nobody waits any more ------------------------------------------------------------------------
my $gone = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $shim->port);
my $json = '{"user_id":"u1","group_id":"g","points":1000}';
syswrite($gone, "POST /add_points HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
	  . length($json) . "\r\n\r\n$json");
sleep 0.3;
close($gone);
sleep 0.2;

# ---- a full queue ---------------------------------------------------------------------------------
my @many = ask_aside(map { body('u2') } 1 .. 45);
my $answered = IO::Select->new(@many);
for (1 .. 600)
{
	my @ready = $answered->can_read(0);
	last if @ready >= 5;
	sleep 0.1;
}
$lock->query_safe('COMMIT');
is(readline($waiting), "200 fine\n", 'who waited is answered');
my %outcomes;
$outcomes{ readline($_) }++ for @many;
cmp_ok($outcomes{"503 unavailable\n"} // 0, '>=', 5, 'a full queue: 503');
is(points('u2'), 1 + ($outcomes{"200 fine\n"} // 0), 'and nothing was done of those');
is(points('u1'), 1, 'the work of a client that is gone is not done');
$lock->quit;

# ---- one connection too many ----------------------------------------------------------------------
my @idle = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $shim->port) } 1 .. 64;
sleep 0.3;
my $extra = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $shim->port);
like(scalar readline($extra), qr{^HTTP/1.1 503 }, 'one connection too many is told so');
close($_) for @idle, $extra;

# ---- a token that is revoked ----------------------------------------------------------------------
my $token = $shim->make_token('player');
is(($shim->get('/get_points?user_id=u0&group_id=g', $token))[0], 200, 'a token');
$node->safe_psql('edurange', q{SELECT edurange.revoke_token(id) FROM edurange.tokens()});
sleep 1;
is(($shim->get('/get_points?user_id=u0&group_id=g', $token))[0], 401, 'revoked: refused a second later');
is($node->safe_psql('edurange', q{SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'}),
	'0', 'no transaction is left open');
is($shim->stop, 0, 'stopped');

# ---- a flood of unknown tokens, while the tiers' lanes are full ------------------------------------
$shim = Edurange::Shim->start($node, EDURANGE_THREADS => 1, EDURANGE_POOL_SIZE => 1, EDURANGE_QUEUE_LENGTH => 4,
	EDURANGE_POOL_TIMEOUT => 120, EDURANGE_STATEMENT_TIMEOUT => 120_000);
my %token = map { $_ => $shim->make_token($_) } qw(player service admin);
my @newcomers = map { $shim->make_token('admin') } 1 .. 5;
my $calls = q{SELECT coalesce(sum(calls), 0) FROM pg_stat_user_functions WHERE funcname = 'outcomes'};

# Sends requests with tokens one after the other on a connection, without waiting for answers.
sub send_requests
{
	my ($target, @tokens) = @_;
	my $socket = $shim->socket;

	syswrite($socket, join('', map { "GET $target HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $_\r\n\r\n" } @tokens));
	return $socket;
}

$lock = $node->background_psql('edurange');
$lock->query_safe('BEGIN; LOCK TABLE edurange.standing, "GroupPoints" IN ACCESS EXCLUSIVE MODE');
my @stuck;
for my $tier (qw(player service))
{
	push @stuck, map { send_requests($_, $token{$tier}) } map { ("/get_points?user_id=u$_&group_id=g", "/competition/g/leaderboard?limit=$_") } 1 .. 8;
}
sleep 1;
my $before = $node->safe_psql('edurange', $calls);
my $begun = time;
my @flood = map {
	my $from = $_;
	send_requests('/challenge/list', map { "edr_unknown_${from}_$_" } 1 .. 100)
} 1 .. 20;
for my $newcomer (@newcomers)
{
	my $asked = time;

	is(($shim->get('/challenge/list', $newcomer))[0], 200, 'a right token that was never seen is recognized, and its request answered');
	cmp_ok(time - $asked, '<', 2, 'at once');
}
is(($shim->get('/ready'))[0], 200, 'and a probe');
my $refused = 0;
for my $socket (@flood)
{
	for (1 .. 100)
	{
		my ($length, $line);

		last if !defined($line = readline($socket));
		$refused++ if $line =~ m{^HTTP/1.1 401 };
		while (defined($line = readline($socket)) && $line ne "\r\n") { $length = $1 if $line =~ /^Content-Length: (\d+)/i }
		read($socket, $line, $length);
	}
}
is($refused, 2000, 'each unknown token is refused as one');
cmp_ok(time - $begun, '<', 10, 'soon');
$node->poll_query_until('edurange', "SELECT ($calls) > $before");
cmp_ok($node->safe_psql('edurange', $calls) - $before, '<', 1000, 'many of them by one statement');
is($node->safe_psql('edurange', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'}), 't', 'and all the while the others waited');
$lock->query_safe('COMMIT');
$lock->quit;
like(scalar readline($_), qr{^HTTP/1.1 (?:200|503) }, 'who waited is answered') for @stuck;
is($shim->stop, 0, 'stopped');
done_testing();
