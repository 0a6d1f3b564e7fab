# The life of the shim: settings, start, a database that goes and comes, and the end.

use strict;
use warnings;

use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use Edurange::Awards qw(metric);
use Edurange::Cluster;
use Edurange::Shim;

my $node = Edurange::Cluster->new_ready('life');
my $program = $ENV{EDURANGE_SHIM};
my ($status, $json, $headers);

# ---- settings ----------------------------------------------------------------------------------
sub run_shim
{
	my ($env, @flags) = @_;
	my ($out, $err) = ('', '');

	local %ENV = (%ENV, %$env);
	delete @ENV{ grep { !exists $env->{$_} }
		  qw(DIRECT_DATABASE_URL DATABASE_URL POSTGRES_HOST POSTGRES_NAME POSTGRES_USER) };
	IPC::Run::run([ $program, @flags ], '>', \$out, '2>', \$err, IPC::Run::timeout(30));
	return ($? >> 8, $out, $err);
}

my ($rc, $out, $err) = run_shim({}, '--version');
is($rc, 0, '--version');
like($out, qr/^edurange_shim \d+\.\d+\.\d+$/, '--version: what it says');
($rc, $out) = run_shim({}, '--help');
is($rc, 0, '--help');
for my $name (qw(DATABASE_URL DIRECT_DATABASE_URL POSTGRES_HOST EDURANGE_PORT EDURANGE_HOST
	EDURANGE_ANONYMOUS_TIER EDURANGE_POOL_SIZE EDURANGE_BODY_BUDGET EDURANGE_CONNECTION_LIMIT
	EDURANGE_CONNECTION_TIMEOUT EDURANGE_DRAIN_TIMEOUT EDURANGE_STATEMENT_TIMEOUT EDURANGE_IMPORT_TIMEOUT EDURANGE_THREADS))
{
	like($out, qr/\b$name\b/, "--help: $name");
}
($rc, $out) = run_shim({ EDURANGE_PORT => 1234, EDURANGE_POOL_SIZE => 3 }, '--check-config',
	'--port=4321');
is($rc, 0, '--check-config');
like($out, qr/^EDURANGE_PORT=4321$/m, 'a flag wins over the environment');
like($out, qr/^EDURANGE_POOL_SIZE=3$/m, 'the environment wins over the default');

($rc, $out) = run_shim({ EDURANGE_MAX_REQUESTS => 'x' }, '--check-config');
is($rc, 0, 'a variable that is no setting is left alone');
unlike($out, qr/EDURANGE_MAX_REQUESTS/, 'and has no effect');

my %secret_url = (DATABASE_URL => 'postgresql://u:canary-pw@h:5/d?schema=public&connection_limit=4'
	  . '&pool_timeout=7&sslmode=disable&sslaccept=strict');
($rc, $out, $err) = run_shim({%secret_url}, '--check-config');
is($rc, 0, "Prisma's parameters are understood") or diag $err;
like($out, qr/^EDURANGE_POOL_SIZE=4$/m, 'connection_limit');
like($out, qr/^EDURANGE_POOL_TIMEOUT=7$/m, 'pool_timeout');
unlike($out . $err, qr/canary/, 'the password is not printed');
($rc, $out) = run_shim({%secret_url}, '--check-config', '--pool-size=6');
like($out, qr/^EDURANGE_POOL_SIZE=6$/m, 'a setting of our own wins over connection_limit');

# ---- secrets from files ------------------------------------------------------------------------
my $secret_file = "$PostgreSQL::Test::Utils::tmp_check/url";
append_to_file($secret_file, "postgresql://u:canary\@h/from_file?connection_limit=3\n");
($rc, $out, $err) = run_shim({ DATABASE_URL_FILE => $secret_file }, '--check-config');
is($rc, 0, 'a secret from a file') or diag $err;
like($out, qr/^DATABASE_URL=\(set by a file\)$/m, 'it is said to be one');
like($out, qr/^EDURANGE_POOL_SIZE=3$/m, 'it is used');
unlike($out . $err, qr/canary/, 'and not printed');

my @refused = (
	[ { DATABASE_URL_FILE => '/nowhere' }, [], 'DATABASE_URL_FILE' ],
	[ { DATABASE_URL_FILE => '/dev/null' }, [], 'DATABASE_URL' ],
	[ { DATABASE_URL_FILE => $secret_file, DATABASE_URL => 'postgresql://h/d' }, [], 'DATABASE_URL' ],
	[ {}, ['--database-url=postgresql://u:canary@h/d'], 'database-url' ],
	[ {}, ['--postgres-password=x'], 'postgres-password' ],
	[ { EDURANGE_ALLOW_ROOT => 'yes' }, [], 'EDURANGE_ALLOW_ROOT' ],
	[ {}, ['--nonsense'], 'nonsense' ],
	[ {}, ['argument'], 'argument' ],
	[ {}, ['--port=x'], 'EDURANGE_PORT' ],
	[ {}, ['--port=70000'], 'EDURANGE_PORT' ],
	[ { EDURANGE_POOL_SIZE => '0' }, [], 'EDURANGE_POOL_SIZE' ],
	[ { EDURANGE_BODY_BUDGET => '1.5' }, [], 'EDURANGE_BODY_BUDGET' ],
	(map { [ { EDURANGE_ANONYMOUS_TIER => $_ }, [], 'EDURANGE_ANONYMOUS_TIER' ] } qw(root service admin)),
	[ { DATABASE_URL => 'mysql://canary@h/d' }, [], 'DATABASE_URL' ],
	[ { DATABASE_URL => 'postgresql://u:canary@h:x/d?%' }, [], 'DATABASE_URL' ],
	[ { DATABASE_URL => 'postgresql://u:canary@h/d?pgbouncer=true' }, [], 'pgbouncer' ],
	[ { DATABASE_URL => 'postgresql://u:canary@h/d?sslmode=no-verify' }, [], 'sslmode' ],
	[ { DATABASE_URL => 'postgresql://h/d', EDURANGE_READ_DATABASE_URL => 'postgresql://u:canary@h/d?sslmode=no-verify' }, [], 'EDURANGE_READ_DATABASE_URL' ],
	[ { DATABASE_URL => 'postgresql://u:canary@2001:db8::1:5432/d' }, [], 'brackets' ],
	[ { DIRECT_DATABASE_URL => 'postgresql://u:canary@::1/d' }, [], 'DIRECT_DATABASE_URL' ]);
for my $case (@refused)
{
	my ($env, $flags, $named) = @$case;
	($rc, $out, $err) = run_shim($env, @$flags, '--check-config');
	is($rc, 2, "refused: $named");
	like($err, qr/\Q$named\E/, "named: $named");
	unlike($err, qr/canary/, 'without the password');
}
($rc) = run_shim(
	{
		DATABASE_URL => 'postgresql://u@h/d?pgbouncer=true',
		DIRECT_DATABASE_URL => 'postgresql://u@h/d'
	},
	'--check-config');
is($rc, 0, 'a pooler with a direct URL beside it');
($rc, $out, $err) = run_shim({ DATABASE_URL => 'postgresql://u@[::1]:5432,[::2]:5433/d?sslmode=verify-full' }, '--check-config');
is($rc, 0, 'addresses of IPv6 in brackets') or diag $err;

# ---- a port that is taken ----------------------------------------------------------------------
my $taken = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die;
($rc, $out, $err) = run_shim({ EDURANGE_PORT => $taken->sockport });
isnt($rc, 0, 'a taken port ends it');
like($err, qr/EDURANGE_PORT ${\ $taken->sockport}/, 'a taken port: setting and port are named');
close $taken;

# ---- a URL, as the platform writes it ----------------------------------------------------------
my $host = $node->host =~ s{/}{%2F}gr;
my $shim = Edurange::Shim->start(
	$node,
	DATABASE_URL => sprintf('postgresql://edurange_shim_{tier}@%s:%d/edurange?schema=public&pool_timeout=2',
		$host, $node->port),
	EDURANGE_DRAIN_TIMEOUT => 10);
my $service = $shim->make_token('service');
$node->safe_psql(
	'edurange', q{
	INSERT INTO public."User" (id, name, email, role, "updatedAt")
	VALUES ('ada', 'Ada', 'ada@example.org', 'STUDENT', now()),
	       ('ines', 'Ines', 'ines@example.org', 'INSTRUCTOR', now());
	SELECT edurange.create_competition('Cup', now(), ARRAY['ines'])});
my $group = $node->safe_psql('edurange', 'SELECT id FROM public."CompetitionGroup"');
$node->safe_psql('edurange',
	qq{INSERT INTO public."_GroupMembers" ("A", "B") VALUES ('$group', 'ada')});
my %add = (user_id => 'ada', group_id => $group, points => 1);
($status) = $shim->post('/add_points', \%add, $service);
is($status, 200, 'points are added');

sub is_up
{
	my ($name) = @_;

	for (1 .. 100)
	{
		($status, $json) = $shim->post('/add_points', \%add, $service);
		last if $status == 200;
		sleep 0.1;
	}
	is($status, 200, "$name: points are added again");
	($status, $json) = $shim->get('/status');
	is_deeply([ $status, $json->{database}, $json->{connection_info}{last_error} ],
		[ 200, 'connected', undef ], "$name: /status");
	($status) = $shim->get('/ready');
	is($status, 200, "$name: /ready");
	return;
}

sub is_down
{
	my ($name) = @_;
	my $took;

	# others use the machine, too
	for (1 .. 3)
	{
		my $begun = time;
		($status, $json) = $shim->get('/status');
		$took = time - $begun;
		last if $took < 3;
	}
	is_deeply([ $status, $json->{status}, $json->{database} ],
		[ 200, 'ok', 'disconnected' ], "$name: /status");
	is($json->{connection_info}{last_error}, 'connection failed', "$name: no details");
	cmp_ok($took, '<', 3, "$name: /status answers in time");
	($status, $json, $headers) = $shim->get('/ready');
	is_deeply([ $status, $json->{ready} ], [ 503, JSON::PP::false ], "$name: /ready");
	ok($json->{reason} && $headers->{'retry-after'}, "$name: /ready says why and when to try again");
	($status) = $shim->get('/live');
	is($status, 200, "$name: /live");
	($status, $json, $headers) = $shim->post('/add_points', \%add, $service);
	is_deeply([ $status, $json->{code} ], [ 503, 'unavailable' ], "$name: points are not added");
	ok($headers->{'retry-after'}, "$name: Retry-After");
	return;
}

# ---- the database goes and comes ---------------------------------------------------------------
$node->restart;
is_up('after a restart');
$node->stop('immediate');
is_down('stopped');
$node->start;
is_up('started');
$node->safe_psql('edurange',
	q{SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE starts_with(usename, 'edurange_shim')});
($status) = $shim->post('/add_points', \%add, $service);
is($status, 200, 'connections that were ended are opened again, and the request succeeds');

my $postmaster = $node->{_pid};
kill 'STOP', $postmaster,
  split(/\n/, $node->safe_psql('edurange',
	  q{SELECT pid FROM pg_stat_activity WHERE starts_with(usename, 'edurange_shim')}));
is_down('frozen');
kill 'CONT', $postmaster, split(/\s+/, qx(pgrep -P $postmaster));
is_up('thawed');

# ---- not set up --------------------------------------------------------------------------------
$node->safe_psql('postgres', 'CREATE DATABASE bare');
my $bare = Edurange::Shim->start($node, PGDATABASE => 'bare', WAIT => '/live',
	EDURANGE_ANONYMOUS_TIER => 'player');
($status, $json) = $bare->get('/ready');
is_deeply([ $status, $json->{ready} ], [ 503, JSON::PP::false ], 'without the extension: not ready');
($status, $json) = $bare->get('/get_points?user_id=a&group_id=b');
is_deeply([ $status, $json->{code} ], [ 503, 'not_installed' ], 'without the extension: 503');

# With a token and without, where one is needed and where it is not, each route says the same.
sub nothing_is_there
{
	my ($name) = @_;
	my $fresh = Edurange::Shim->start($node, PGDATABASE => 'bare', WAIT => '/live');
	my %open = map { $_ => 1 } qw(/status /live /ready /openapi.json /docs / /board/{group_id});
	my %tiers = Edurange::Shim->routes;

	for my $route (sort grep { !$open{ s/^\S+ //r } } keys %tiers)
	{
		my ($method, $path) = split / /, $route;

		for my $with (undef, 'edr_x')
		{
			($status, $json) = $fresh->request($method, $path =~ s/\{\w+\}/x/gr, token => $with,
				($method eq 'GET' ? () : (body => '{}', headers => { 'Content-Type' => 'application/json' })));
			is_deeply([ $status, $json->{code} ], [ 503, 'not_installed' ], "$name: $route " . ($with // 'without a token'));
		}
	}
	is($fresh->stop, 0, 'stopped');
	return;
}
nothing_is_there('without the extension');
$node->safe_psql('bare', 'CREATE EXTENSION edurange');
nothing_is_there('without the tables');
($status, $json) = $bare->get('/ready');
is_deeply([ $status, $json->{ready} ], [ 503, JSON::PP::false ], 'without the tables: not ready');
$node->safe_psql('bare', 'SELECT * FROM edurange.migrate()');
($status, $json) = $bare->get('/ready');
is($status, 200, 'with the tables: ready');
($status, $json) = $bare->get('/get_points?user_id=a&group_id=b');
is($status, 200, 'with the tables: an answer');
is($bare->stop, 0, 'stopped');

# ---- locks, queues, deadlines ------------------------------------------------------------------
my $slow = Edurange::Shim->start(
	$node,
	EDURANGE_POOL_SIZE => 1,
	EDURANGE_THREADS => 1,
	EDURANGE_POOL_TIMEOUT => 1,
	EDURANGE_STATEMENT_TIMEOUT => 3000,
	AS => 'service');

# Adds points, and waits for nothing.
sub add_aside { return $_[0]->ask_aside('POST', '/add_points', body => \%add, token => $service); }

# How that was answered: status, and code or total.
sub outcome
{
	my ($answered, $said) = Edurange::Shim->answer_of($_[0]);

	return $answered . ' ' . ($said->{code} // $said->{points} // '');
}

my $lock = $node->background_psql('edurange');
$lock->query_safe(q{BEGIN; SELECT * FROM public."GroupPoints" FOR UPDATE});
my $first = add_aside($slow);
ok($node->poll_query_until('edurange', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'}), 'a lock: a request waits');
my $second = add_aside($slow);
($status) = $slow->get('/status');
is($status, 200, 'a lock: /status is not held up');
is(outcome($second), '503 unavailable', 'a lock: who finds no connection in time');
is(outcome($first), '504 timeout', 'a lock: who waits for it');
$lock->query_safe('COMMIT');
($status) = $slow->post('/add_points', \%add);
is($status, 200, 'a lock: afterwards');
is($slow->stop, 0, 'stopped');

# ---- the end -----------------------------------------------------------------------------------
my $before = $node->safe_psql('edurange', 'SELECT points FROM public."GroupPoints"');
$lock->query_safe(q{BEGIN; SELECT * FROM public."GroupPoints" FOR UPDATE});
my @waiting = map { add_aside($shim) } 1 .. 4;
my $end = time + 30;
sleep 0.05 while metric($shim, 'edurange_http_requests_in_flight') != 5 && time < $end;
ok(time < $end, 'four requests are under way, and the one that asks');
my $idle = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $shim->port);
my $staying = $shim->socket;
syswrite($staying, "GET /get_points?user_id=ada&group_id=$group HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $service\r\n\r\n");
my ($alive) = $shim->read_responses($staying, 1);
unlike($alive->[0][2], qr/^Connection: close/mi, 'a connection stays open');
my $pid = $shim->pid;
kill 'TERM', $pid;
my $new;
for (1 .. 50)
{
	$new = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $shim->port);
	last unless $new;
	sleep 0.1;
}
is($new, undef, 'draining: no new connections');
ok(kill(0, $pid), 'draining: it waits for what is in flight');
syswrite($staying, "GET /live HTTP/1.1\r\nHost: x\r\n\r\n");
($alive) = $shim->read_responses($staying, 1);
like(($alive->[0][2] // ''), qr/^Connection: close/mi, 'draining: a connection that stayed ends with its next answer');
$lock->query_safe('COMMIT');
my @outcomes = sort map { outcome($_) } @waiting;
is_deeply(
	\@outcomes,
	[ map { "200 $_" } sort $before + 1 .. $before + 4 ],
	'draining: requests in flight are finished');
is($shim->stop, 0, 'draining: then it ends with success');
like($shim->log, qr/"event":"stopped"/, 'and says so');

$shim->launch;
($status) = $shim->post('/add_points', \%add, $service);
is($status, 200, 'started again');
$shim->kill9;
$shim->launch;
my $total = $node->safe_psql('edurange', 'SELECT points FROM public."GroupPoints"');
($status, $json) = $shim->post('/add_points', \%add, $service);
is_deeply([ $status, $json->{points} ], [ 200, $total + 1 ], 'after kill -9 all points are there');

# ---- requests on idle connections while it ends ----------------------------------------------------
# Sends one on each of them when the end has begun, and then writes into a file how many were answered.
sub hammer
{
	my ($stopping, $connections, $file) = @_;
	my @sockets = map { $stopping->socket } 1 .. $connections;
	my $body = encode_json(\%add);
	my $child = fork() // die "could not fork: $!";

	return $child if $child;
	local $SIG{PIPE} = 'IGNORE';
	sleep 0.002 until $stopping->log =~ /"event":"stopping"/;
	for my $socket (@sockets)
	{
		syswrite($socket, "POST /add_points HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $service\r\nContent-Type: application/json\r\n"
			  . 'Content-Length: ' . length($body) . "\r\n\r\n$body");
		sleep 0.002;
	}
	my $answered = grep { my ($answers) = $stopping->read_responses($_, 1, 30); @$answers && $answers->[0][0] == 200 } @sockets;
	append_to_file($file, $answered);
	POSIX::_exit(0);
}
my $had = $node->safe_psql('edurange', 'SELECT points FROM public."GroupPoints"');
for my $round (1 .. 12)
{
	my $stopping = Edurange::Shim->start($node, EDURANGE_THREADS => 4);
	my $file = PostgreSQL::Test::Utils::tempdir() . '/answered';
	my $child = hammer($stopping, 150, $file);

	is($stopping->stop, 0, 'requests on idle connections: it ends with success');
	waitpid($child, 0);
	my $has = $node->safe_psql('edurange', 'SELECT points FROM public."GroupPoints"');
	is($has - $had, slurp_file($file), 'and each that had an effect was answered');
	$had = $has;
}

# ---- requests that take longer than the end may -------------------------------------------------
# Root is refused; a user of a namespace of one's own is root there.
SKIP:
{
	skip 'no user namespaces here', 2 unless IPC::Run::run([ 'unshare', '--map-root-user', 'true' ], '2>', \my $why);
	my $said = '';
	IPC::Run::run([ 'unshare', '--map-root-user', $program ], '>', \my $nothing, '2>', \$said, IPC::Run::timeout(30));
	is($? >> 8, 2, 'root is refused');
	like($said, qr/root has no business here/, 'and told so');
}
for my $case ([ 'the time is up', 1, 1 ], [ 'there is a second signal', 600, 2 ])
{
	my ($reason, $patience, $signals) = @$case;
	my $impatient = Edurange::Shim->start($node, EDURANGE_DRAIN_TIMEOUT => $patience);

	$lock->query_safe(q{BEGIN; SELECT * FROM public."GroupPoints" FOR UPDATE});
	my $held = add_aside($impatient);
	ok($node->poll_query_until('edurange', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'}), 'a request waits');
	my $begun = time;
	kill 'TERM', $impatient->pid if $signals > 1;
	sleep 0.05 while $signals > 1 && $impatient->log !~ /"event":"stopping"/ && time - $begun < 30;
	is($impatient->stop, 0, "it ends when $reason");
	like($impatient->log, qr/"event":"stopped","message":"not every request was finished in time"/, 'and says what is left');
	is(outcome($held), '599 ', 'whose client gets no answer');
	cmp_ok(time - $begun, '>=', 0.9, 'not earlier') if $signals == 1;
	cmp_ok(time - $begun, '<', 60, 'nor much later');
	$lock->query_safe('ROLLBACK');
	ok($node->poll_query_until('edurange', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE starts_with(usename, 'edurange_shim') AND state = 'active'}), 'the server has done with it');
}
$lock->quit;

# ---- a server that takes no writes -------------------------------------------------------------
$total = $node->safe_psql('edurange', 'SELECT points FROM public."GroupPoints"');
$node->safe_psql('postgres', 'ALTER DATABASE edurange SET default_transaction_read_only = on');
$node->restart;
($status, $json, $headers) = $shim->post('/add_points', \%add, $service);
is_deeply([ $status, $json->{code} ], [ 503, 'read_only' ], 'read-only: 503');
ok($headers->{'retry-after'}, 'read-only: Retry-After');
($status, $json) = $shim->get("/get_points?user_id=ada&group_id=$group", $service);
is_deeply([ $status, $json ], [ 200, { points => $total } ], 'read-only: reads go on');
is($shim->stop, 0, 'stopped');

done_testing();
