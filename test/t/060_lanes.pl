# Requests that share statements and connections: none is hurt by its neighbour, none waits for what is
# slower than itself, what nobody wants any more is not done, and nothing is done twice or said to be done that
# is not, whatever fails and breaks.

use strict;
use warnings;

use HTTP::Tiny;
use IO::Select;
use IPC::Run;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use Edurange::Awards;
use Edurange::Cluster;
use Edurange::Proxy;
use Edurange::Shim;

my $node = Edurange::Cluster->new_ready('lanes', conf => "log_statement = none\ntrack_functions = all\n");
$node->safe_psql(
	'edurange', q{
	INSERT INTO "User" (id, email) SELECT 'u' || n, n || '@x' FROM generate_series(0, 14) n UNION VALUES ('v1', 'v1');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'g', id FROM "User" WHERE id <> 'v1';
	CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'poison'; END $$;
	CREATE TRIGGER poison BEFORE INSERT ON edurange.points_ledger FOR EACH ROW
	  WHEN (new.reason = 'poison') EXECUTE FUNCTION poison();
	CREATE FUNCTION clash() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'Key (id)=(canary)' USING ERRCODE = '23505'; END $$;
	CREATE TRIGGER clash BEFORE INSERT ON edurange.points_ledger FOR EACH ROW WHEN (new.reason = 'clash') EXECUTE FUNCTION clash()});

my $shim = start_patient($node, EDURANGE_QUEUE_LENGTH => 40, EDURANGE_CONNECTION_LIMIT => 64);
my $bearer = 'Authorization: Bearer ' . $shim->token;

sub points { return $node->safe_psql('edurange', "SELECT edurange.get_points('$_[0]', 'g')"); }

# Waits until so many sessions of the shims wait for a lock.
sub wait_for_locks
{
	my ($count) = @_;

	$node->becomes_true(qq{SELECT count(*) = $count FROM pg_stat_activity WHERE starts_with(usename, 'edurange_shim') AND wait_event_type = 'Lock'},
		"$count wait for a lock");
	return;
}

# Everybody has nothing, and a row for it, in which others can stand in the way.
sub reset_points
{
	$node->safe_psql('edurange', q{SELECT edurange.set_points(id, 'g', 0) FROM "User" WHERE id <> 'v1'});
	return;
}

my $lock = $node->background_psql('edurange');
$lock->set_query_timer_restart();

# Lets awards gather behind one for u0, so that they are one batch, and returns how all were answered, that one first.
sub gathered
{
	my ($to, @bodies) = @_;

	$lock->query_safe(q{BEGIN; SELECT * FROM "GroupPoints" WHERE "userId" = 'u0' FOR UPDATE});
	my @first = add_aside($to, award('u0'));
	wait_for_locks(1);
	my @others = add_aside($to, @bodies);
	wait_for_queue($to, scalar @bodies);
	$lock->query_safe('COMMIT');
	return outcomes(@first, @others);
}

# How many deadlocks has the server seen?
sub deadlocks { return scalar(() = slurp_file($node->logfile) =~ /deadlock detected/g); }

# How many transactions have written to the ledger?
sub commits { return $node->safe_psql('edurange', 'SELECT count(DISTINCT xmin::text) FROM edurange.points_ledger'); }

# How many boards have been read?  Sessions say so with a statement that comes a second later.
sub boards_are
{
	my ($count, $name) = @_;
	my $end = time + 30;
	my $seen = -1;

	while ($seen != $count && time < $end)
	{
		$shim->get('/get_points?user_id=u0&group_id=g');
		$seen = $node->safe_psql('edurange', q{SELECT coalesce(sum(calls), 0) FROM pg_stat_user_functions WHERE funcname = 'leaderboard'});
		sleep 0.1;
	}
	is($seen, $count, $name);
	return;
}

# ---- neighbours ----------------------------------------------------------------------------------
# While a write waits for a lock, the others gather behind it and are sent as one statement.
$lock->query_safe(q{BEGIN; SELECT * FROM "User" WHERE id = 'u0' FOR UPDATE});
my @first = add_aside($shim, award('u0'));
wait_for_locks(1);
my @innocent = add_aside($shim, map { award("u$_") } 1 .. 12);
my @refused = add_aside($shim, award('nobody'), award('nobody'));
my @poisonous = add_aside($shim, award('u13', 'poison'), award('u14', 'poison'));
wait_for_queue($shim, 16);
$lock->query_safe('COMMIT');
is_deeply([ outcomes(@first, @innocent) ], [ ('200 fine') x 13 ], 'innocent neighbours succeed');
is_deeply([ outcomes(@refused) ], [ ('404 user_not_found') x 2 ], 'refusals are refusals');
is_deeply([ outcomes(@poisonous) ], [ ('500 internal') x 2 ], 'only those at fault fail');
is(join(' ', map { points("u$_") } 0 .. 14), join(' ', (1) x 13, 0, 0), 'each point is there once');
is($node->safe_psql('edurange', 'SELECT count(*) FROM edurange.check_invariants()'), '0', 'invariants');

# ---- a write that waits holds up no read ----------------------------------------------------------
$lock->query_safe(q{BEGIN; SELECT * FROM "GroupPoints" WHERE "userId" = 'u0' FOR UPDATE});
my ($waiting) = add_aside($shim, award('u0'));
wait_for_locks(1);
is(($shim->get('/get_points?user_id=u0&group_id=g'))[0], 200, 'reads go on while a write waits');
is($node->safe_psql('edurange', q{SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'}),
	'1', 'and it still waits');

# ---- what many ask at once is read once ----------------------------------------------------------
my $table = $node->background_psql('edurange');
$table->query_safe('BEGIN; LOCK TABLE edurange.standing IN ACCESS EXCLUSIVE MODE');
my @asked = map {
	my $socket = $shim->socket;

	syswrite($socket, "GET /competition/g/leaderboard?limit=$_ HTTP/1.1\r\nHost: x\r\n$bearer\r\nConnection: close\r\n\r\n");
	sleep 0.1;
	$socket
} 1, 2, (3) x 10, 4;
$table->query_safe('COMMIT');
$table->quit;
is_deeply([ map { local $/ = undef; scalar(() = readline($_) =~ /"rank":/g) } @asked ], [ 1, 2, (3) x 10, 4 ], 'each gets what it asked for');
boards_are(4, 'the same question of ten was asked once');

# ---- nobody waits any more ------------------------------------------------------------------------
my $gone = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $shim->port);
my $json = '{"user_id":"u1","group_id":"g","points":1000}';
syswrite($gone, "POST /add_points HTTP/1.1\r\nHost: x\r\n$bearer\r\nContent-Type: application/json\r\nContent-Length: "
	  . length($json) . "\r\n\r\n$json");
sleep 0.3;
close($gone);
sleep 1;

# ---- a full queue ---------------------------------------------------------------------------------
# Of its 40 places, the call of the client that is gone has one until its turn comes.
my @many = add_aside($shim, map { award('u2') } 1 .. 45);
my $answered = IO::Select->new(@many);
for (1 .. 600)
{
	my @ready = $answered->can_read(0);
	last if @ready >= 6;
	sleep 0.1;
}
$lock->query_safe('COMMIT');
is_deeply([ outcomes($waiting) ], ['200 fine'], 'who waited is answered');
my %outcomes;
$outcomes{$_}++ for outcomes(@many);
is_deeply(\%outcomes, { '503 unavailable' => 6, '200 fine' => 39 }, 'a full queue: 503');
is(points('u2'), 40, 'and nothing was done of those');
is(points('u1'), 1, 'the work of a client that is gone is not done');

# ---- one connection too many ----------------------------------------------------------------------
# Each of the others has sent a request: one that is silent for a second would make room.
my @idle = map {
	my $one = $shim->socket;

	syswrite($one, "GET /live HTTP/1.1\r\nHost: x\r\n\r\n");
	$shim->read_responses($one, 1);
	$one
} 1 .. 64;
my $extra = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $shim->port);
like(scalar readline($extra), qr{^HTTP/1.1 503 }, 'one connection too many is told so');
close($_) for @idle, $extra;

# ---- a token that is revoked ----------------------------------------------------------------------
my $token = $shim->make_token('player');
is(($shim->get('/get_points?user_id=u0&group_id=g', $token))[0], 200, 'a token');
$node->safe_psql('edurange', q{SELECT edurange.revoke_token(id) FROM edurange.tokens() WHERE tier = 'player'});
sleep 1;
is(($shim->get('/get_points?user_id=u0&group_id=g', $token))[0], 401, 'revoked: refused a second later');
is($node->safe_psql('edurange', q{SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'}),
	'0', 'no transaction is left open');
is($shim->stop, 0, 'stopped');

# ---- those that come together share a commit ------------------------------------------------------
# 70 gather: a batch takes 64 of them, and as much of the rest as 48 kB hold.
$shim = start_patient($node);
reset_points();
my $commits = commits();
is_deeply([ gathered($shim, map { award('u1') } 1 .. 70) ], [ ('200 fine') x 71 ], 'all that come together');
is(commits() - $commits, 3, 'share a commit, the first alone, and one more for what it has no room for');
$commits = commits();
is_deeply([ gathered($shim, map { award('u1', 'x' x 1000) } 1 .. 60) ], [ ('200 fine') x 61 ], 'large ones, too');
is(commits() - $commits, 3, 'as many as go out in one piece');

# ---- reads are shared among those who may ask the same --------------------------------------------
# Tokens of the service tier, because those of players are looked at in the lane that is held up; names of one length,
# so that the calls differ in nothing else.
my %bound = map { $_ => $node->safe_psql('edurange', "SELECT token FROM edurange.create_token('service', 'test', user_id => '$_')") } qw(u1 u2 v1);
my @askers = ([ undef, 200 ], map { [ $bound{ $_->[0] }, $_->[1] ] } [ u1 => 200 ], [ v1 => 403 ], [ u2 => 200 ], [ v1 => 403 ], [ u1 => 200 ]);
$table = $node->background_psql('edurange');
$table->query_safe('BEGIN; LOCK TABLE edurange.standing IN ACCESS EXCLUSIVE MODE');
@first = $shim->ask_aside('GET', '/competition/g/leaderboard?limit=1');
wait_for_locks(1);
is(($shim->get('/status'))[0], 200, 'others are served');
sleep 1; # from then on nothing goes behind it
my @reading = map { $shim->ask_aside('GET', '/competition/g/leaderboard?limit=3', token => $_->[0]) } @askers;
wait_for_queue($shim, scalar @askers);
$table->query_safe('COMMIT');
is_deeply([ map { ($shim->answer_of($_))[0] } @reading ], [ map { $_->[1] } @askers ], 'the same read at once, by who may and who may not');
boards_are(4 + 1 + 3, 'each of whom asked once');
is_deeply([ map { ($shim->answer_of($_))[0] } @first ], [200], 'as did another one');
$table->query_safe('BEGIN; LOCK TABLE "GroupPoints" IN ACCESS EXCLUSIVE MODE');
@reading = map { $shim->ask_aside('GET', '/get_points?group_id=g', token => $bound{$_}) } qw(u1 u2 v1 u1);
sleep 0.5;
$table->query_safe('COMMIT');
my @own = map { [ $shim->answer_of($_) ] } @reading;
is_deeply([ map { $_->[0] . ' ' . ($_->[1]{points} // $_->[1]{code}) } @own ],
	[ map { $_ eq 'v1' ? '403 forbidden' : '200 ' . points($_) } qw(u1 u2 v1 u1) ], 'each token reads what is its own');
isnt(points('u1'), points('u2'), 'which differs');
$table->quit;

# ---- writes are not shared, whatever they say ------------------------------------------------------
# Another import holds up their lane.
my $documents = $node->background_psql('edurange');
my @imports;
my $importer = $shim->make_token('admin');
$documents->query_safe('BEGIN; LOCK TABLE "Challenge" IN ACCESS EXCLUSIVE MODE');
for my $id (qw(other same same))
{
	push @imports, $shim->ask_aside('POST', '/cdf/import', token => $importer, body => {
		metadata => { id => $id, name => 'N', version => '1', challenge_type => 'web' },
		components => [ { type => 'container', id => 'c', config => { image => 'i' } } ] });
	wait_for_locks(1);
}
my $end = time + 30;
sleep 0.05 while metric($shim, 'edurange_database_queue{tier="admin"}') != 2 && time < $end;
ok(time < $end, 'two imports of one document wait');
$documents->query_safe('COMMIT');
$documents->quit;
is_deeply([ map { my ($status, $said) = $shim->answer_of($_); "$status " . ($said->{created} ? 'created' : 'found') } @imports ],
	[ '200 created', '200 created', '200 found' ], 'each is made, one after the other');

# ---- errors that no function foresaw ----------------------------------------------------------------
my (undef, $clash, undef, $raw) = $shim->post('/add_points', award('u1', 'clash'));
is($clash->{code}, 'conflict', 'a row that is in the way');
unlike($raw, qr/canary|Key/, 'of which the client reads nothing');
(undef, $clash, undef, $raw) = $shim->post('/add_points', award('u1', 'poison'));
is_deeply([ @$clash{qw(code error)} ], [ 'internal', 'internal error' ], 'any other error');
unlike($raw, qr/poison/, 'neither');

# ---- what fails at its commit ----------------------------------------------------------------------
$node->safe_psql('edurange', q{
	CREATE FUNCTION fail_late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'late'; END $$;
	CREATE CONSTRAINT TRIGGER fail_late AFTER INSERT ON edurange.points_ledger DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
	  WHEN (new.reason = 'late') EXECUTE FUNCTION fail_late();
});
reset_points();
is_deeply([ gathered($shim, award('u1'), award('u2', 'late'), award('u3'), award('u4', 'late'), award('u5')) ], [ ('200 fine') x 2, ('500 internal', '200 fine') x 2 ], 'who fails at the commit is not told that all is well');
is(join(' ', map { points("u$_") } 1 .. 5), '1 0 1 0 1', 'and the neighbours, of whose batch nothing came about, are each there once');
$node->safe_psql('edurange', q{ALTER TABLE edurange.points_ledger DISABLE TRIGGER fail_late; DROP TRIGGER fail_late ON edurange.points_ledger;
	CREATE CONSTRAINT TRIGGER fail_late AFTER INSERT ON edurange.points_ledger DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail_late()});
is_deeply([ gathered($shim, map { award("u$_") } 1 .. 5) ], [ ('500 internal') x 6 ], 'when nothing can be committed, nobody is told so');
is(join(' ', map { points("u$_") } 0 .. 5), '1 1 0 1 0 1', 'and nothing was');
$node->safe_psql('edurange', 'DROP TRIGGER fail_late ON edurange.points_ledger');

# ---- what is undone by the server and may do better -----------------------------------------------
reset_points();
$node->safe_psql('edurange', q{
	CREATE SEQUENCE tries;
	CREATE FUNCTION collide() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
	  IF nextval('public.tries') <= new.reason::integer THEN RAISE 'collided' USING ERRCODE = '40001'; END IF; RETURN new; END $$;
	CREATE TRIGGER collide BEFORE INSERT ON edurange.points_ledger FOR EACH ROW WHEN (new.reason ~ '^\d+$') EXECUTE FUNCTION collide()});
is_deeply([ outcomes(add_aside($shim, award('u6', '5'))) ], ['200 fine'], 'a collision is tried again, five times');
is_deeply([ $node->safe_psql('edurange', q{SELECT setval('tries', 1, false)}), outcomes(add_aside($shim, award('u6', '1000'))) ], [ 1, '503 try_again' ], 'and not for ever');
is($node->safe_psql('edurange', 'SELECT last_value FROM tries'), 6, 'after five more tries the client is told');
is(points('u6'), 1, 'who was counted once');
is(metric($shim, 'edurange_database_retries_total'), 10, 'the metrics have each');
$node->safe_psql('edurange', q{SELECT setval('tries', 1, false)});
is_deeply([ gathered($shim, award('u7', '4'), award('u8'), award('u9', '4')) ], [ ('200 fine') x 4 ], 'a batch that collides is tried again');
is(join(' ', map { points("u$_") } 7 .. 9), '1 1 1', 'and counts once');

# A deadlock in which a session of the shim's is the one that sees it: the other looks for one later.  Batches wait for
# longer than that.
$node->safe_psql('postgres', q{ALTER ROLE edurange_shim_service SET deadlock_timeout = '1s'; ALTER ROLE edurange_shim_service SET edurange.batch_lock_timeout = '1min'});
my $victim = start_patient($node);
my $rival = $node->background_psql('edurange');
$rival->query_safe(q{SET deadlock_timeout = '1h'});
$rival->query_safe(q{BEGIN; SELECT * FROM "GroupPoints" WHERE "userId" = 'u12' FOR UPDATE});
$lock->query_safe(q{BEGIN; SELECT * FROM "GroupPoints" WHERE "userId" = 'u0' FOR UPDATE});
@first = add_aside($victim, award('u0'));
wait_for_locks(1);
push @first, add_aside($victim, map { award("u$_") } 10 .. 12);
wait_for_queue($victim, 3);
$lock->query_safe('COMMIT');
$node->becomes_true(q{SELECT count(*) = 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE starts_with(usename, 'edurange_shim') AND NOT granted
	AND 'u12' = ANY (SELECT "userId" FROM "GroupPoints" WHERE xmax <> 0)}, 'the batch waits for the rival');
$rival->query_safe(q{SELECT * FROM "GroupPoints" WHERE "userId" = 'u10' FOR UPDATE; COMMIT});
is_deeply([ outcomes(@first) ], [ ('200 fine') x 4 ], 'after a deadlock it is tried again');
is(join(' ', map { points("u$_") } 10 .. 12), '1 1 1', 'and counts once');
my $deadlocks = deadlocks();
cmp_ok($deadlocks, '>', 0, 'there was one');
is(metric($victim, 'edurange_database_retries_total'), $deadlocks, 'the metrics have it');
$rival->quit;
is($victim->stop, 0, 'stopped');

# ---- two loops that lock the same users -----------------------------------------------------------
# Each connection goes to the loop that has the fewer.  Each loop gathers a batch behind a lock, with its users
# in the opposite order, and each row takes a while: without an order of their own they meet.
$node->safe_psql('edurange', q{
	CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.2); RETURN new; END $$;
	CREATE TRIGGER linger BEFORE UPDATE ON "GroupPoints" FOR EACH ROW EXECUTE FUNCTION linger()});
my $loops = start_patient($node, EDURANGE_THREADS => 2);
$loops->{http} = HTTP::Tiny->new(keep_alive => 0);
$lock->query_safe(q{BEGIN; SELECT * FROM "GroupPoints" WHERE "userId" IN ('u0', 'u5') FOR UPDATE});
@first = add_aside($loops, award('u0'), award('u5'));
wait_for_locks(2);
my @crossing = add_aside($loops, map { award($_) } qw(u7 u9 u8 u8 u9 u7));
wait_for_queue($loops, 6);
$lock->query_safe('COMMIT');
is_deeply([ outcomes(@first, @crossing) ], [ ('200 fine') x 8 ], 'two loops, the same users in opposite orders');
is(deadlocks(), $deadlocks, 'do not meet in a deadlock');
is(metric($loops, 'edurange_database_retries_total'), 0, 'and nothing is tried again');
$node->safe_psql('edurange', q{DROP TRIGGER linger ON "GroupPoints"});
is($loops->stop, 0, 'stopped');

# ---- connections that break -----------------------------------------------------------------------
my $proxy = Edurange::Proxy->start($node);
my $far = start_patient($node, $proxy->env);
for my $where (qw(answer ready request))
{
	my $before = points('u1');

	is(($far->post('/add_points', award('u1')))[0], 200, 'all is well');
	$proxy->cut($where, 'add_points');
	is_deeply([ outcomes(add_aside($far, award('u1'))) ], ['503 unavailable'], "cut at the $where: nobody can know");
	is($proxy->left, 0, 'it was cut');
	is(points('u1'), $before + 1 + ($where ne 'request'), 'and it was sent once');
	$proxy->cut($where, 'get_points', 2);
	my ($status, $said) = $far->get('/get_points?user_id=u1&group_id=g');
	is_deeply([ $status, $said->{points}, $proxy->left ], [ 200, points('u1'), 0 ], "cut at the $where: a read is sent again, twice");
}
$proxy->cut('answer', 'get_points', 3);
is(($far->get('/get_points?user_id=u1&group_id=g'))[0], 503, 'and not for ever');

# The server itself says that it ends the connection: before a statement was done, it is certain that it was not.
my $before = points('u1');
$lock->query_safe(q{BEGIN; SELECT * FROM "GroupPoints" WHERE "userId" = 'u1' FOR UPDATE});
my ($ended) = add_aside($far, award('u1'));
wait_for_locks(1);
my $terminate = q{SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE starts_with(usename, 'edurange_shim') AND };
is($node->safe_psql('edurange', "$terminate wait_event_type = 'Lock'"), 1, 'a session is ended while it waits');
wait_for_locks(1);
$lock->query_safe('COMMIT');
is_deeply([ outcomes($ended), points('u1') ], [ '200 fine', $before + 1 ], 'the write is sent again and counts once');

# At its commit it may have been done.
$node->safe_psql('edurange', q{
	CREATE FUNCTION linger_late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(20); RETURN NULL; END $$;
	CREATE CONSTRAINT TRIGGER linger_late AFTER INSERT ON edurange.points_ledger DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
	  WHEN (new.reason = 'linger') EXECUTE FUNCTION linger_late()});
my $asleep = q{SELECT count(*) = 1 FROM pg_stat_activity WHERE starts_with(usename, 'edurange_shim') AND wait_event = 'PgSleep'};
($ended) = add_aside($far, award('u1', 'linger'));
$node->becomes_true($asleep, 'a commit is under way');
is($node->safe_psql('edurange', "$terminate wait_event = 'PgSleep'"), 1, 'a session is ended at its commit');
is_deeply([ outcomes($ended), points('u1') ], [ '503 unavailable', $before + 1 ], 'the write is not sent again');

# ---- statements that the server has forgotten -----------------------------------------------------
$node->safe_psql('edurange', q{
	CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DEALLOCATE ALL'; RETURN NULL; END $$;
	CREATE TRIGGER forget AFTER INSERT ON edurange.points_ledger FOR EACH ROW WHEN (new.reason = 'forget') EXECUTE FUNCTION forget()});
is_deeply([ map { outcomes(add_aside($far, $_)) } award('u1', 'forget'), award('u1') ], [ ('200 fine') x 2 ], 'what somebody deallocated is prepared again');
is(points('u1'), $before + 3, 'and done once');
is($far->stop, 0, 'stopped');

# ---- what cannot be sent --------------------------------------------------------------------------
# Out of memory, libpq does not take a statement, or not its sync point: a library in front of it says so once for
# each file that it is told of.  (Not with the sanitizers, which have to come first.)
my $library = "$PostgreSQL::Test::Utils::tmp_check/break.so";
my %break = map { $_ => "$PostgreSQL::Test::Utils::tmp_check/break_$_" } qw(SEND SYNC);
ok(IPC::Run::run([ $ENV{CC} // 'cc', '-shared', '-fPIC', '-x', 'c', '-o', $library, '-', '-ldl' ], '<', \<<'C'), 'a library that fails');
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

int
PQsendQueryPrepared(void *connection, const char *name, int count, const char *const *values,
                    const int *lengths, const int *formats, int result_format)
{
	int (*real)(void *, const char *, int, const char *const *, const int *, const int *, int) =
	    dlsym(RTLD_NEXT, "PQsendQueryPrepared");

	if (unlink(getenv("BREAK_SEND")) == 0)
		return 0;
	return real(connection, name, count, values, lengths, formats, result_format);
}

int
PQpipelineSync(void *connection)
{
	int (*real)(void *) = dlsym(RTLD_NEXT, "PQpipelineSync");

	return unlink(getenv("BREAK_SYNC")) == 0 ? 0 : real(connection);
}
C
my $broken = do
{
	local $ENV{EDURANGE_SHIM} = $ENV{EDURANGE_PLAIN_SHIM};
	start_patient($node, LD_PRELOAD => $library, map { ("BREAK_$_" => $break{$_}) } keys %break);
};
$before = points('u1');
append_to_file($break{SEND}, '');
is_deeply([ outcomes(add_aside($broken, award('u1'))), points('u1'), -e $break{SEND} ? 1 : 0 ], [ '200 fine', ++$before, 0 ], 'what was not sent is sent on another connection');
# (the service may have had something of its own to ask just then, which was broken instead)
my ($outcome, $tries) = ('200 fine', 0);
while ($outcome eq '200 fine' && $tries++ < 5)
{
	append_to_file($break{SYNC}, '');
	($outcome) = outcomes(add_aside($broken, award('u1')));
	$before++ if $outcome eq '200 fine';
}
is_deeply([ $outcome, points('u1'), -e $break{SYNC} ? 1 : 0 ], [ '503 unavailable', $before, 0 ], 'what may have been sent is not');
is_deeply([ outcomes(add_aside($broken, award('u1'))), points('u1') ], [ '200 fine', ++$before ], 'and all is well again');
is($broken->stop, 0, 'stopped');

# ---- a statement that the server lets run on ------------------------------------------------------
# Its own timeout does not count while it commits, so it is cancelled a second later.
my $hasty = start_patient($node, EDURANGE_STATEMENT_TIMEOUT => 2000);
$before = points('u1');
is_deeply([ outcomes(add_aside($hasty, award('u1', 'linger'))) ], ['504 timeout'], 'a commit that takes too long');
like(slurp_file($node->logfile), qr/canceling statement due to user request/, 'is cancelled');
is($node->safe_psql('edurange', $asleep =~ s/= 1/= 0/r), 't', 'and nothing goes on');
is(points('u1'), $before, 'or came of it');
is_deeply([ outcomes(add_aside($hasty, award('u1'))) ], ['200 fine'], 'the connection is good for the next');

# A server that does not even listen to that is left, also with what could be asked again.
for my $case ([ 'POST', '/add_points', body => award('u1') ], [ 'GET', '/get_points?user_id=u1&group_id=g' ])
{
	my ($method, $path, %with) = @$case;

	is_deeply([ outcomes($hasty->ask_aside($method, $path, %with, headers => { 'X-Request-Id' => "well.$method" })) ], ['200 fine'], "$method: all is well");
	my $end = time + 30;
	sleep 0.05 while $hasty->log !~ /"id":"well\.$method".*"backend":(\d+)/ && time < $end;
	my ($backend) = $hasty->log =~ /"id":"well\.$method".*"backend":(\d+)/;
	my $total = points('u1');
	kill 'STOP', $backend;
	is_deeply([ outcomes($hasty->ask_aside($method, $path, %with)) ], ['504 timeout'], "$method: a server that stands still");
	kill 'CONT', $backend;
	$node->becomes_true("SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $backend", 'which ends when it goes on, without its client');
	cmp_ok(points('u1'), '<=', $total + ($method eq 'POST'), 'and did it once at most');
}
is($hasty->stop, 0, 'stopped');

# ---- connections that are all taken ---------------------------------------------------------------
my $taken = start_patient($node, EDURANGE_POOL_SIZE => 2, EDURANGE_POOL_TIMEOUT => 1);
$lock->query_safe(q{BEGIN; SELECT * FROM "GroupPoints" WHERE "userId" IN ('u1', 'u2') FOR UPDATE});
my @held;
for my $n (1, 2)
{
	push @held, add_aside($taken, award("u$n"));
	wait_for_locks($n);
}
my $began = time;
my @queued = add_aside($taken, map { award("u$_") } 3 .. 6);
is_deeply([ outcomes(@queued) ], [ ('503 unavailable') x 4 ], 'who finds no connection in time is told so');
cmp_ok(time - $began, '>=', 0.9, 'not before it is time');
is($node->safe_psql('edurange', q{SELECT count(*) FROM pg_stat_activity WHERE starts_with(usename, 'edurange_shim') AND wait_event_type = 'Lock'}),
	2, 'while the others still wait');
$lock->query_safe('COMMIT');
is_deeply([ outcomes(@held) ], [ ('200 fine') x 2 ], 'for as long as it takes');
is($taken->stop, 0, 'stopped');

is($shim->stop, 0, 'stopped');
is($node->safe_psql('edurange', 'SELECT count(*) FROM edurange.check_invariants()'), '0', 'invariants');
$lock->quit;

# ---- a flood of unknown tokens, while the tiers' lanes are full ------------------------------------
# Sends requests with tokens one after the other on a connection, without waiting for answers.
sub send_requests
{
	my ($target, @tokens) = @_;
	my $socket = $shim->socket;

	syswrite($socket, join('', map { "GET $target HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $_\r\n\r\n" } @tokens));
	return $socket;
}

{
	$shim = Edurange::Shim->start($node, EDURANGE_THREADS => 1, EDURANGE_POOL_SIZE => 1, EDURANGE_QUEUE_LENGTH => 4,
		EDURANGE_POOL_TIMEOUT => 120, EDURANGE_STATEMENT_TIMEOUT => 120_000);
	my %token = map { $_ => $shim->make_token($_) } qw(player service admin);
	my @newcomers = map { $shim->make_token('admin') } 1 .. 5;
	my $calls = q{SELECT coalesce(sum(calls), 0) FROM pg_stat_user_functions WHERE funcname = 'outcomes'};

	my $lock = $node->background_psql('edurange');
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
		cmp_ok(time - $asked, '<', 20, 'without waiting for the lanes, which wait for two minutes');
	}
	# which has a second, and on a busy machine perhaps not in the first of them
	my $ready = 0;
	for (1 .. 20)
	{
		$ready = ($shim->get('/ready'))[0];
		last if $ready == 200;
	}
	is($ready, 200, 'and a probe');
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
	cmp_ok(time - $begun, '<', 60, 'without waiting for them');
	$node->poll_query_until('edurange', "SELECT ($calls) > $before");
	cmp_ok($node->safe_psql('edurange', $calls) - $before, '<', 1000, 'many of them by one statement');
	is($node->safe_psql('edurange', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'}), 't', 'and all the while the others waited');
	$lock->query_safe('COMMIT');
	$lock->quit;
	like(scalar readline($_), qr{^HTTP/1.1 (?:200|503) }, 'who waited is answered') for @stuck;
	is($shim->stop, 0, 'stopped');
}
done_testing();
