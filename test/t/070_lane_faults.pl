# What goes wrong with one call, one connection or one server costs its neighbours almost nothing: a batch that fails
# is halved, what it locks by goes alone for a while, any connection that works is used, a replica that fails is left.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use Edurange::Awards;
use Edurange::Cluster;
use Edurange::Shim;

my $node = Edurange::Cluster->new_ready('faults', conf => "log_statement = none\n");
$node->safe_psql(
	'edurange', q{
	INSERT INTO "User" (id, email) SELECT 'u' || n, n || '@x' FROM generate_series(0, 45) n;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'g', id FROM "User";
	SELECT edurange.set_points(id, 'g', 0) FROM "User";
	CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'fails' USING ERRCODE = new.reason; END $$;
	CREATE TRIGGER fail BEFORE INSERT ON edurange.points_ledger FOR EACH ROW WHEN (new.reason ~ '^[0-9A-Z]{5}$') EXECUTE FUNCTION fail();
	CREATE TABLE settings (isolation text, lock_timeout text);
	GRANT INSERT ON settings TO PUBLIC;
	CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	  INSERT INTO public.settings VALUES (current_setting('transaction_isolation'), current_setting('lock_timeout')); RETURN NULL; END $$;
	CREATE TRIGGER note AFTER INSERT ON edurange.points_ledger FOR EACH ROW WHEN (new.reason = 'note') EXECUTE FUNCTION note();
	CREATE FUNCTION prepare() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	  EXECUTE $q$PREPARE set_points AS SELECT value, sqlstate, message, detail, hint FROM edurange.outcomes('set_points', $1, 4)$q$; RETURN NULL; END $$;
	CREATE TRIGGER prepare AFTER INSERT ON edurange.points_ledger FOR EACH ROW WHEN (new.reason = 'prepare') EXECUTE FUNCTION prepare()});

my $locked = q{SELECT count(*) = %d FROM pg_stat_activity WHERE starts_with(usename, 'edurange_shim') AND wait_event_type = 'Lock'};
my $lock = $node->background_psql('edurange');
$lock->set_query_timer_restart();

# Lets awards gather behind those that have the connections and wait, so that they are one batch.
sub gather
{
	my ($to, @bodies) = @_;
	my @holders = map { "u4$_" } 1 .. ($to->{env}{EDURANGE_POOL_SIZE} // 1);
	$lock->query_safe(q{BEGIN; SELECT * FROM "GroupPoints" WHERE "userId" ~ '^u4' FOR UPDATE});
	my @first;
	for my $holder (@holders)
	{
		push @first, add_aside($to, award($holder));
		$node->becomes_true(sprintf($locked, scalar @first), "$holder waits");
	}
	my @others = add_aside($to, @bodies);
	wait_for_queue($to, scalar @bodies);
	$lock->query_safe('COMMIT');
	is_deeply([ outcomes(@first) ], [ ('200 fine') x @holders ], 'who waited is answered');
	return @others;
}

sub gathered { return outcomes(gather(@_)); }

sub statements_of { return scalar(() = slurp_file($node->logfile, $_[0]) =~ /duration: .* execute add_points/g); }

# ---- a batch that fails ---------------------------------------------------------------------------
$node->safe_psql('postgres', q{ALTER ROLE edurange_shim_service SET log_min_duration_statement = 0});
my $shim = start_patient($node);
for my $sqlstate (qw(P0001 55P03))
{
	my $at = -s $node->logfile;
	my $want = $sqlstate eq '55P03' ? '503 try_again' : '500 internal';
	my @users = map { "u$_" } $sqlstate eq '55P03' ? 21 .. 35 : 1 .. 15;
	my $poisoned = $sqlstate eq '55P03' ? 'u36' : 'u16';
	$at = -s $node->logfile;
	my %outcomes;
	$outcomes{$_}++ for gathered($shim, (map { award($_) } @users[ 0 .. 6 ]), award($poisoned, $sqlstate), map { award($_) } @users[ 7 .. 14 ]);
	is_deeply(\%outcomes, { '200 fine' => 15, $want => 1 }, "$sqlstate: only the one at fault fails");
	# those that succeed are logged: the first, and four halves of halves
	is(statements_of($at), 5, "$sqlstate: its neighbours are done in halves, and not one by one");

	# What it locks by goes alone now, as does the last neighbour that it had; the others go together.
	$at = -s $node->logfile;
	%outcomes = ();
	$outcomes{$_}++ for gathered($shim, (map { award($_) } @users[ 0 .. 6 ]), award($poisoned, $sqlstate), map { award($_) } @users[ 7 .. 14 ]);
	is_deeply(\%outcomes, { '200 fine' => 15, $want => 1 }, "$sqlstate: again");
	is(statements_of($at), 3, "$sqlstate: nobody has to pay a second time");
}
is($node->safe_psql('edurange', 'SELECT count(*) FROM edurange.check_invariants()'), '0', 'invariants');
is($shim->stop, 0, 'stopped');

# ---- a row that stays locked ----------------------------------------------------------------------
# Of the calls that want it one waits, and one connection is left to the others.
$shim = start_patient($node, EDURANGE_POOL_SIZE => 3, EDURANGE_THREADS => 1);
gathered($shim, map { award($_, 'P0001') } qw(u1 u2));
$lock->query_safe(q{BEGIN; SELECT * FROM "GroupPoints" WHERE "userId" IN ('u1', 'u2') FOR UPDATE});
my @stuck = add_aside($shim, map { award($_) } qw(u1 u2) x 6);
$node->becomes_true(sprintf($locked, 2), 'of each key one call waits for the lock');
my $begun = time;
is_deeply([ outcomes(add_aside($shim, map { award("u$_") } 3 .. 12)) ], [ ('200 fine') x 10 ], 'the others go on');
cmp_ok(time - $begun, '<', 20, 'at once');
is($node->safe_psql('edurange', sprintf $locked, 2), 't', 'while they still wait');
# (for longer than a key stays hot of which nothing more is heard)
sleep 6;
$lock->query_safe('COMMIT');
is_deeply([ outcomes(@stuck) ], [ ('200 fine') x 12 ], 'for as long as it takes');
my $again = $node->background_psql('edurange');
my $locked_at = -s $node->logfile;
$again->query_safe(q{BEGIN; SELECT * FROM "GroupPoints" WHERE "userId" = 'u1' FOR UPDATE});
my ($alone, @others) = gather($shim, map { award("u$_") } 1, 3 .. 12);
is_deeply([ outcomes(@others) ], [ ('200 fine') x 10 ], 'and when it is locked once more');
unlike(slurp_file($node->logfile, $locked_at), qr/due to lock timeout/, 'nobody has waited with it');
$again->query_safe('COMMIT');
$again->quit;
is_deeply([ outcomes($alone) ], ['200 fine'], 'who wants it waits alone');
# Nobody waits behind one whose key is hot to see whether it stalls, which would take 50 ms.
my $watch = $node->background_psql('edurange');
my $soonest = 1;
for (1 .. 100)
{
	$lock->query_safe(q{BEGIN; SELECT * FROM "GroupPoints" WHERE "userId" = 'u1' FOR UPDATE});
	$begun = time;
	@stuck = add_aside($shim, award('u1'));
	sleep 0.001 until $watch->query_safe(sprintf $locked, 1) eq 't';
	my $asked = time;
	is_deeply([ outcomes(add_aside($shim, award('u3'))) ], ['200 fine'], 'another one is answered') if $asked - $begun < 0.015;
	my $took = time - $asked;
	$lock->query_safe('COMMIT');
	outcomes(@stuck);
	$soonest = $took if $asked - $begun < 0.015 && $took < $soonest;
	last if $soonest < 0.025;
}
$watch->quit;
cmp_ok($soonest, '<', 0.025, 'at once, beside a hot key');

# ---- connections ----------------------------------------------------------------------------------
# Both are open; the first one goes, and none can be opened.
$lock->query_safe(q{BEGIN; SELECT * FROM "GroupPoints" WHERE "userId" = 'u20' FOR UPDATE});
@stuck = add_aside($shim, award('u20'));
$node->becomes_true(sprintf($locked, 1), 'one waits');
my $backend = $node->safe_psql('edurange', q{SELECT pid FROM pg_stat_activity WHERE starts_with(usename, 'edurange_shim') AND wait_event_type = 'Lock'});
is_deeply([ outcomes(add_aside($shim, award('u21'))) ], ['200 fine'], 'a second connection is used');
$lock->query_safe('COMMIT');
is_deeply([ outcomes(@stuck) ], ['200 fine'], 'the first one is free again');
$node->safe_psql('postgres', q{ALTER ROLE edurange_shim_service CONNECTION LIMIT 0});
$node->safe_psql('postgres', "SELECT pg_terminate_backend($backend, 10000)");
for my $n (1 .. 3)
{
	is_deeply([ outcomes(add_aside($shim, award('u22'))) ], ['200 fine'], 'one that works is used, whatever became of the first');
	sleep 0.3;
}
$node->safe_psql('postgres', q{ALTER ROLE edurange_shim_service CONNECTION LIMIT -1});
is($shim->stop, 0, 'stopped');

# ---- what a database sets -------------------------------------------------------------------------
$node->safe_psql('postgres', q{ALTER DATABASE edurange SET default_transaction_isolation = 'serializable'; ALTER DATABASE edurange SET lock_timeout = '5s'});
$shim = start_patient($node);
is_deeply([ outcomes(add_aside($shim, award('u1', 'note'))) ], ['200 fine'], 'an award');
like($node->safe_psql('edurange', 'SELECT * FROM settings'), qr/^read committed\|0$/, 'connections have their own isolation level, and wait as long as they may');
$node->safe_psql('postgres', 'ALTER DATABASE edurange RESET ALL');

# ---- what is prepared -----------------------------------------------------------------------------
is_deeply([ map { outcomes(add_aside($shim, $_)) } award('u1', '0A000'), award('u1'), award('u1', '0A000'), award('u1') ],
	[ ('500 internal', '200 fine') x 2 ], 'what is not supported spoils nothing');
is_deeply([ outcomes(add_aside($shim, award('u1', 'prepare'))) ], ['200 fine'], 'somebody prepares a statement of ours');
is(($shim->post('/set_points', award('u1')))[0], 200, 'which is used as it is');
is($shim->stop, 0, 'stopped');

# ---- a replica that fails at everything ------------------------------------------------------------
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION edurange');
$shim = start_patient($node, EDURANGE_READ_DATABASE_URL => sprintf('postgresql://edurange_shim_{tier}@%s:%d/other', $node->host =~ s{/}{%2F}gr, $node->port));
my $board = sub { my ($status, $json) = $shim->get('/competition/g/leaderboard?limit=' . (5 + int rand 90)); return "$status " . (ref $json eq 'ARRAY' && @$json ? 'full' : 'empty') };
my $errors = sub { return scalar(() = slurp_file($node->logfile) =~ /ERROR/g); };
my $failed;
# (for five seconds it is left; others use the machine, too)
for (1 .. 5)
{
	my $begin = time;
	is_deeply([ map { $board->() } 1 .. 20 ], [ ('200 full') x 20 ], 'the primary answers for it');
	$failed = $errors->();
	is_deeply([ map { $board->() } 1 .. 20 ], [ ('200 full') x 20 ], 'and goes on');
	$failed = $errors->() - $failed;
	last if time - $begin < 4.5;
	sleep 5;
}
is($failed, 0, 'while nothing is asked of the replica');
$node->safe_psql('other', 'SELECT * FROM edurange.migrate()');
my $end = time + 30;
sleep 0.2 while $board->() ne '200 empty' && time < $end;
is($board->(), '200 empty', 'until it works again');
is($shim->stop, 0, 'stopped');
$lock->quit;
done_testing();
