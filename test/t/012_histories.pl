# Random histories of all mutations from many connections that are killed at random: afterwards every
# invariant holds and every total is what a small model says.
#
# Each step is sent until it is acknowledged, with its own idempotency key (direct writes with a row
# of their own), so its effect is there exactly once whatever was killed when.  EDURANGE_SEED repeats
# a history.

use strict;
use warnings;

use Edurange::Cluster;
use Edurange::Seed qw(draw_from);
use List::Util qw(max sum0);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $clients = 6;
my $steps = $ENV{EDURANGE_LONG} ? 6000 : 600;
my @shared = map { "shared$_" } 1 .. 6;
my @groups = qw(g1 g2);
my %points = (q1 => 10, q2 => 20, q3 => 30, q4 => 0);

draw_from(int(rand(1e9)));

my $node = Edurange::Cluster->new_ready('histories',
	conf => "max_connections = 40\nlog_statement = none\nedurange.attempt_limit = 0\n");

$node->safe_psql(
	'edurange', q{
	INSERT INTO "User" (id, email) SELECT u, u FROM (SELECT 'shared' || n FROM generate_series(1, 6) n
		UNION SELECT 'own' || n FROM generate_series(1, 6) n UNION SELECT 'float' || n FROM generate_series(1, 3) n) AS users (u);
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g1', 'G1', '2020-01-01'), ('g2', 'G2', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT g.id, u.id FROM "CompetitionGroup" g, "User" u WHERE u.id NOT LIKE 'float%';
	INSERT INTO "CompetitionAccessCode" (id, code, "groupId", "createdBy") VALUES ('c1', 'C1', 'g1', 'own1'), ('c2', 'C2', 'g2', 'own1');
	SELECT edurange.cdf_import('{"metadata": {"id": "ch", "name": "C", "version": "1", "challenge_type": "web"}, "components": [
		{"type": "question", "id": "q1", "config": {"type": "text", "text": "?", "points": 10, "answer": "a"}},
		{"type": "question", "id": "q2", "config": {"type": "text", "text": "?", "points": 20, "answer": "a"}},
		{"type": "question", "id": "q3", "config": {"type": "text", "text": "?", "points": 30, "answer": "a"}},
		{"type": "question", "id": "q4", "config": {"type": "text", "text": "?", "points": 0, "answer": "a", "required": false}}]}');
	UPDATE "ChallengeQuestion" SET id = cdf_question_id;
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('gc1', 80, 'ch', 'g1'), ('gc2', 0, 'ch', 'g2');
	CREATE SCHEMA testing;
	CREATE TABLE testing.applied (step text PRIMARY KEY);
	-- what became of a statement
	CREATE FUNCTION testing.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE statement;
		RETURN 'accepted';
	EXCEPTION WHEN OTHERS THEN
		IF sqlstate LIKE '57%' THEN
			RAISE;
		END IF;
		RETURN sqlstate;
	END
	$$;
	-- a direct write, once
	CREATE FUNCTION testing.once(step text, statement text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO testing.applied VALUES (step) ON CONFLICT DO NOTHING;
		IF FOUND THEN
			EXECUTE statement;
		END IF;
		RETURN 'accepted';
	END
	$$;
});

sub pick
{
	return $_[ int(rand(@_)) ];
}

# One step: its kind, what it is about, and the statement that does it.
sub make_step
{
	my ($client, $number) = @_;
	my $key = "$client-$number";
	my $keyed = "idempotency_key => '$key'";
	my ($user, $group, $question) = (pick(@shared), pick(@groups), pick(sort keys %points));
	my $gc = $group eq 'g1' ? 'gc1' : 'gc2';
	my $amount = int(rand(41)) - 10;
	my %step = (user => $user, group => $group, question => $question, amount => $amount);
	my $direct = sub {
		my ($statement) = @_;
		$statement =~ s/'/''/g;
		return "testing.once('$key', '$statement')";
	};
	my $call = sub {
		my ($statement) = @_;
		$statement =~ s/'/''/g;
		return "testing.try('SELECT edurange.$statement')";
	};
	my @kinds = (
		[ 'add', $call->("add_points('$user', '$group', $amount, $keyed)") ],
		[ 'answer', $call->("attempt_question('$user', '$question', '$gc', 'a', $keyed)") ],
		[ 'wrong', $call->("attempt_question('$user', '$question', '$gc', 'b', $keyed)") ],
		[ 'answer', $call->("complete_question('$user', '$question', '$gc', $keyed)") ],
		[ 'assert', $call->("complete_challenge('$user', '$gc', " . ($step{claim} = int(rand(61))) . ", $keyed)") ],
		[ 'log', $call->("log_activity('USER_UPDATED', '$user', $keyed)") ],
		[ 'add', $direct->(qq{INSERT INTO "GroupPoints" ("userId", "groupId", points) VALUES ('$user', '$group', $amount)
			ON CONFLICT ("userId", "groupId") DO UPDATE SET points = "GroupPoints".points + $amount}) ],
		[ 'set', $call->("set_points('own$client', '$group', $amount, $keyed)") ],
		[ 'own', $call->("add_points('own$client', '$group', $amount, $keyed)") ],
		[ 'remove', $direct->(qq{DELETE FROM "GroupPoints" WHERE "userId" = 'own$client' AND "groupId" = '$group'}) ],
		[ 'join', $call->("join_competition('C" . substr($group, 1) . "', 'float" . pick(1 .. 3) . "', $keyed)") ],
		[ 'leave', $direct->(qq{DELETE FROM "_GroupMembers" WHERE "A" = '$group' AND "B" = 'float} . pick(1 .. 3) . q{'}) ],
		[ 'float', $call->("add_points('" . ($step{float} = 'float' . pick(1 .. 3)) . "', '$group', $amount, $keyed)") ],
	);

	@step{qw(kind sql)} = @{ pick(@kinds) };
	return \%step;
}

# Sends a client's steps until the last is acknowledged; what each answered is in its file.
sub run_client
{
	my ($client, $steps, $file) = @_;
	my $done = 0;
	my $lost = 0;

	while ($done < @$steps)
	{
		my $script = '';
		my ($out, $err);

		$script .= "SELECT 'ack $_ ' || $steps->[$_]{sql};\n" for $done .. $#$steps;
		unlink "$file.sql";
		append_to_file("$file.sql", $script);
		IPC::Run::run(
			[ 'psql', '-XAtq', '-d', $node->connstr('edurange') . ' application_name=history', '-f', "$file.sql" ],
			'>', \$out, '2>', \$err);
		append_to_file($file, $out);
		$done = max($done, map { $_ + 1 } $out =~ /^ack (\d+) /mg);
		append_to_file("$file.lost", "$err\n") if ++$lost && $done < @$steps;
		die "client $client does not get on: $err" if $lost > 20 + @$steps;
	}
	return;
}

# What the steps that were accepted lead to.  Only a client's own users are set or removed, and its
# own steps come in order; everything else does not depend on the order.
my (%total, %answered, %claimed);

sub apply_step
{
	my ($client, $step, $outcome) = @_;
	my ($user, $group, $kind) = @$step{qw(user group kind)};

	return if $outcome ne 'accepted';
	$total{"$user $group"} += $step->{amount} if $kind eq 'add';
	$total{"$step->{float} $group"} += $step->{amount} if $kind eq 'float';
	$total{"own$client $group"} += $step->{amount} if $kind eq 'own';
	$total{"own$client $group"} = $step->{amount} if $kind eq 'set';
	$total{"own$client $group"} = 0 if $kind eq 'remove';
	$answered{"$user $group"}{ $step->{question} } = 1 if $kind eq 'answer';
	$claimed{"$user $group"} = max($claimed{"$user $group"} // 0, $step->{claim}) if $kind eq 'assert';
	return;
}

# The claimed amounts are drawn when the step is made, into the step that keeps them.
my @histories = map {
	my $client = $_;
	[ map { make_step($client, $_) } 0 .. $steps - 1 ]
} 1 .. $clients;
my @pids;

for my $client (1 .. $clients)
{
	my $pid = fork() // die $!;
	if ($pid == 0)
	{
		eval { run_client($client, $histories[ $client - 1 ], "$PostgreSQL::Test::Utils::tmp_check/history_$client"); };
		print STDERR $@ if $@;
		POSIX::_exit($@ ? 1 : 0);
	}
	push @pids, $pid;
}

# Kill connections until the clients have done.
my ($failed, $kills) = (0, 0);
while (@pids)
{
	my $gone = waitpid(-1, POSIX::WNOHANG());
	if ($gone > 0 && grep { $_ == $gone } @pids)
	{
		$failed++ if $?;
		@pids = grep { $_ != $gone } @pids;
		next;
	}
	$kills += $node->safe_psql(
		'postgres', q{
		SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
			WHERE application_name = 'history' ORDER BY random() LIMIT 1) AS victim});
	sleep 0.05;
}
$? = 0;
is($failed, 0, 'all steps were acknowledged');
cmp_ok($kills, '>', 3, "$kills connections were killed");

my %outcomes;
for my $client (1 .. $clients)
{
	my $said = slurp_file("$PostgreSQL::Test::Utils::tmp_check/history_$client");
	my $history = $histories[ $client - 1 ];

	while ($said =~ /^ack (\d+) (\S+)$/mg)
	{
		$outcomes{ $history->[$1]{kind} }{$2}++;
		apply_step($client, $history->[$1], $2);
	}
}
for my $kind (sort keys %outcomes)
{
	note join ' ', "$kind:", map { "$_ $outcomes{$kind}{$_}" } sort keys %{ $outcomes{$kind} };
	my @unforeseen = grep { $_ ne 'accepted' && !($kind eq 'float' && $_ eq 'RG201') } keys %{ $outcomes{$kind} };
	is("@unforeseen", '', "$kind: nothing but what was foreseen");
}

for my $pair (keys %answered, keys %claimed)
{
	$answered{$pair}{paid} //= 1;
}
for my $pair (keys %answered)
{
	my $by_questions = sum0(map { $points{$_} // 0 } keys %{ $answered{$pair} });
	$total{$pair} += max($by_questions, $claimed{$pair} // 0);
}
my $expected = join "\n", sort map { "$_ $total{$_}" } grep { $total{$_} } keys %total;
my $found = $node->safe_psql('edurange',
	q{SELECT "userId" || ' ' || "groupId" || ' ' || points FROM "GroupPoints" WHERE points <> 0});

is(join("\n", sort split /\n/, $found), $expected, 'every total is what the model says');
is($node->safe_psql('edurange', 'SELECT * FROM edurange.check_invariants()'), '', 'all invariants hold');
unlike(slurp_file($node->logfile), qr/deadlock detected/, 'no deadlock');
done_testing();
