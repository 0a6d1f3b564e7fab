# Random histories of all mutations from many connections that are killed at random, at all levels of isolation,
# with writes by the owner of the platform's tables, who alters them meanwhile: afterwards every invariant
# holds and every total is what a small model says.
#
# A class of each client's own is graded, repriced, reset, imported from a roster and left by its students, in any order;
# and a reader follows the feed all the time, which has each entry of the ledger once.
#
# Each step is sent until it is acknowledged, with its own idempotency key (direct writes with a row
# of their own), so its effect is there exactly once whatever was killed when.  EDURANGE_SEED repeats
# a history; EDURANGE_HISTORIES goes on for so many seconds, an hour in the long run.

use strict;
use warnings;

use Edurange::Cluster;
use Edurange::Seed qw(draw_from);
use List::Util qw(max sum0);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $clients = 6;
my $seconds = $ENV{EDURANGE_HISTORIES} // ($ENV{EDURANGE_LONG} ? 3600 : 0);
my $steps = $seconds > 0 ? 600 : 250;
my $end = time + $seconds;
my @shared = map { "shared$_" } 1 .. 6;
my @groups = qw(g1 g2);
my %points = (q1 => 10, q2 => 20, q3 => 30, q4 => 0);

draw_from(int(rand(1e9)));

my $node = Edurange::Cluster->new_staged('histories',
	conf => "max_connections = 40\nlog_statement = none\nedurange.attempt_limit = 0\nlog_autovacuum_min_duration = -1\n");
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE platform LOGIN');
$node->safe_psql('postgres', 'CREATE DATABASE edurange OWNER platform');
$node->safe_psql('edurange', 'CREATE EXTENSION edurange; SELECT * FROM edurange.migrate()');
$node->safe_psql(
	'edurange', q{
	INSERT INTO "User" (id, email) SELECT u, u FROM (SELECT 'shared' || n FROM generate_series(1, 6) n
		UNION SELECT 'own' || n FROM generate_series(1, 6) n UNION SELECT 'graded' || n FROM generate_series(1, 6) n UNION SELECT 'float' || n FROM generate_series(1, 3) n) AS users (u);
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
	INSERT INTO "User" (id, email) SELECT format('class%s-%s', n, s), format('class%s-%s@x', n, s) FROM generate_series(1, 6) n, generate_series(1, 2) s;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") SELECT 'class' || n, 'Class', '2020-01-01' FROM generate_series(1, 6) n;
	INSERT INTO "_GroupMembers" ("A", "B") SELECT format('class%s', n), format('class%s-%s', n, s) FROM generate_series(1, 6) n, generate_series(1, 2) s;
	SELECT edurange.cdf_import(replace('{"metadata": {"id": "chN", "name": "CN", "version": "1", "challenge_type": "web"}, "components": [
		{"type": "question", "id": "cN-1", "config": {"type": "text", "text": "?", "points": 10, "answer": "a"}},
		{"type": "question", "id": "cN-2", "config": {"type": "text", "text": "?", "points": 20, "answer": "a"}},
		{"type": "question", "id": "cN-3", "config": {"type": "text", "text": "?", "points": 30, "answer": "a", "required": false}}]}', 'N', n::text))
	FROM generate_series(1, 6) n;
	UPDATE "ChallengeQuestion" SET id = cdf_question_id WHERE id <> cdf_question_id;
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") SELECT 'gclass' || n, 0, 'ch' || n, 'class' || n FROM generate_series(1, 6) n;
	CREATE SCHEMA testing;
	CREATE TABLE testing.applied (step text PRIMARY KEY);
	GRANT USAGE ON SCHEMA testing TO PUBLIC;
	GRANT INSERT ON testing.applied TO platform;
	-- what became of a statement; what is to be sent again is raised: the session ended, a collision, a table that was altered
	CREATE FUNCTION testing.try(statement text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE statement;
		RETURN 'accepted';
	EXCEPTION WHEN OTHERS THEN
		IF sqlstate LIKE '57%' OR sqlstate LIKE '40%' OR sqlstate IN ('RG902', 'RG509') THEN
			RAISE;
		END IF;
		RETURN sqlstate;
	END
	$$;
	-- the latest change of a user's grades that stands
	CREATE FUNCTION testing.latest(who text, competition text) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
		SELECT g.id FROM edurange.grade_change g JOIN edurange.grade_change_user u ON u.change_id = g.id
		WHERE u.user_id = who AND g.group_id = competition AND g.undone_at IS NULL ORDER BY g.at DESC, g.id DESC LIMIT 1
	$$;
	-- the latest change of grades in a competition that stands
	CREATE FUNCTION testing.latest(competition text) RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
		SELECT id FROM edurange.grade_change WHERE group_id = competition AND undone_at IS NULL ORDER BY at DESC, id DESC LIMIT 1
	$$;
	-- Where a transaction's snapshot is older than a table that was rewritten, the table is empty for it, and what is
	-- not found was not deleted: then it is sent again.
	CREATE FUNCTION testing.is_gone(who text, competition text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
	BEGIN
		IF EXISTS (SELECT FROM edurange.standing WHERE user_id = who AND group_id = competition AND points <> 0) THEN
			RAISE serialization_failure;
		END IF;
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

# What happens to a class, which is one client's.
sub class_steps
{
	my ($client, $number, $key, $call, $direct) = @_;
	my $keyed = "idempotency_key => '$key'";
	my $class = "class$client";
	my $student = "$class-" . pick(1, 2);
	my $question = "c$client-" . pick(1 .. 3);
	my $who = "new$client-" . int(rand(8));

	return (
		[ 'class right', $call->("attempt_question('$student', '$question', 'g$class', 'a', $keyed)") ],
		[ 'class right', $call->("attempt_question('$student', '$question', 'g$class', 'a', $keyed)") ],
		[ 'class wrong', $call->("attempt_question('$student', '$question', 'g$class', '" . pick('b', 'c') . "', $keyed)") ],
		[ 'class wrong', $call->("attempt_question('$student', '$question', 'g$class', '" . pick('b', 'c') . "', $keyed)") ],
		[ 'class accept', $call->("accept_answer('$class', '$question', '" . pick('b', 'c') . "', $keyed)") ],
		[ 'class rejudge', $call->("rejudge('$class', '$question', $keyed)") ],
		[ 'class price', $direct->(qq{UPDATE "ChallengeQuestion" SET points = } . 5 * int(rand(8)) . qq{ WHERE id = '$question'}) ],
		[ 'class reprice', $call->("reprice('$class', '$question', $keyed)") ],
		[ 'class grade', $call->("grade_question('$class', '$student', '$question', 0, $keyed)") ],
		[ 'class void', $call->("void_completion('$class', '$student', '$question', $keyed)") ],
		[ 'class undo', $call->("undo_change('$class', testing.latest('$class'), $keyed)") ],
		[ 'class undo', $call->("undo_change('$class', testing.latest('$class'), $keyed)") ],
		[ 'class reset', $call->("reset_progress('$class', '$student', $keyed)") ],
		[ 'class zero', $call->("set_points('$student', '$class', 0, $keyed)") ],
		[ 'class service', $call->("complete_challenge('$student', 'g$class', " . 5 * int(rand(12)) . ", $keyed)") ],
		[ 'class leaves', $call->("remove_member('$class', '$student', $keyed)") ],
		[ 'class back', $direct->(qq{INSERT INTO "_GroupMembers" ("A", "B") VALUES ('$class', '$student') ON CONFLICT DO NOTHING}) ],
		[ 'class part', $call->("set_participation('$class', '$student', hidden => " . pick('true', 'false') . ", disqualified => " . pick('true', 'false', 'false') . ", $keyed)") ],
		[ 'class board', $call->("set_board_policy('$class', '" . pick('members', 'public') . "', " . pick('NULL', "'2020-01-01'", "'2040-01-01'") . ", $keyed)") ],
		[ 'class roster', $call->("import_roster('$class', E'email\\n$student\@x\\n$who\@x\\n', make_users => " . pick('true', 'false') . ", $keyed)") ],
		[ 'class user', $direct->(qq{INSERT INTO "User" (id, email) SELECT '$key', '$who\@x' WHERE NOT EXISTS (SELECT FROM "User" WHERE email = '$who\@x')}) ],
		[ 'class gone', $direct->(qq{DELETE FROM "User" WHERE email = '$who\@x'}) ]);
}

# One step: its kind, what it is about, and the statement that does it, in whose name and at which level of isolation.
sub make_step
{
	my ($round, $client, $number) = @_;
	my $key = "$round-$client-$number";
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
		[ 'remove', $direct->(qq{DELETE FROM "GroupPoints" WHERE "userId" = 'own$client' AND "groupId" = '$group'; SELECT testing.is_gone('own$client', '$group')}) ],
		[ 'join', $call->("join_competition('C" . substr($group, 1) . "', 'float" . pick(1 .. 3) . "', $keyed)") ],
		[ 'leave', $direct->(qq{DELETE FROM "_GroupMembers" WHERE "A" = '$group' AND "B" = 'float} . pick(1 .. 3) . q{'}) ],
		[ 'study', $call->("attempt_question('graded$client', '$question', '$gc', 'a', $keyed)") ],
		[ 'grade', $call->("grade_question('$group', 'graded$client', '$question', " . ($step{grade} = int(rand($points{$question} + 1))) . ", $keyed)") ],
		[ 'void', $call->("void_completion('$group', 'graded$client', '$question', $keyed)") ],
		[ 'undo', $call->("undo_change('$group', testing.latest('graded$client', '$group'), $keyed)") ],
		[ 'rejudge', $call->("rejudge('$group', '$question', true, $keyed)") ],
		[ 'hide', $call->("set_participation('$group', 'graded$client', hidden => " . pick('true', 'false') . ", $keyed)") ],
		[ 'float', $call->("add_points('" . ($step{float} = 'float' . pick(1 .. 3)) . "', '$group', $amount, $keyed)") ],
	);

	# a third of the steps are about the client's class
	@kinds = class_steps($client, $number, $key, $call, $direct) if rand() < 1 / 3;
	@step{qw(kind sql)} = @{ pick(@kinds) };
	$step{role} = $step{sql} =~ /^testing\.once/ ? 'platform' : 'edurange_service';
	$step{level} = pick('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE');
	return \%step;
}

# Sends a client's steps until the last is acknowledged; what each answered is in its file, what went wrong in another.
sub run_client
{
	my ($client, $steps, $file) = @_;
	my $done = 0;
	my $lost = 0;

	while ($done < @$steps)
	{
		my $script = '';
		my ($out, $err);

		$script .= "RESET ROLE; SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL $steps->[$_]{level}; SET ROLE $steps->[$_]{role};\n"
		  . "SELECT 'ack $_ ' || $steps->[$_]{sql};\n" for $done .. $#$steps;
		unlink "$file.sql";
		append_to_file("$file.sql", $script);
		IPC::Run::run(
			[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('edurange') . ' application_name=history',
				'-f', "$file.sql" ],
			'>', \$out, '2>', \$err);
		append_to_file($file, $out);
		$done = max($done, map { $_ + 1 } $out =~ /^ack (\d+) /mg);
		append_to_file("$file.lost", "$err\n") if ++$lost && $done < @$steps;
		die "client $client does not get on: $err" if $lost > 100 * @$steps;
		sleep 0.02 if $err =~ /RG902/;
	}
	return;
}

# What is done to the tables meanwhile, and undone: by whom, and the statements.
my $owner = 'SET ROLE platform; ';
my @changes = (
	[ "$owner ALTER TABLE \"GroupPoints\" ADD COLUMN note text DEFAULT 'x'", "$owner ALTER TABLE \"GroupPoints\" DROP COLUMN note" ],
	[ "$owner CREATE INDEX extra ON \"GroupPoints\" (points)", "$owner DROP INDEX extra" ],
	[ "$owner ALTER TABLE \"GroupPoints\" ALTER COLUMN points TYPE bigint", "$owner ALTER TABLE \"GroupPoints\" ALTER COLUMN points TYPE integer" ],
	[ "$owner ALTER TABLE \"GroupPoints\" ALTER COLUMN points DROP NOT NULL", "$owner ALTER TABLE \"GroupPoints\" ALTER COLUMN points SET NOT NULL" ],
	[ "$owner ALTER TABLE \"QuestionCompletion\" RENAME COLUMN \"pointsEarned\" TO earned", "$owner ALTER TABLE \"QuestionCompletion\" RENAME COLUMN earned TO \"pointsEarned\"" ],
	[ "$owner ALTER TABLE \"_GroupMembers\" ENABLE ROW LEVEL SECURITY", "$owner ALTER TABLE \"_GroupMembers\" DISABLE ROW LEVEL SECURITY" ],
	[ "$owner CREATE TRIGGER idle BEFORE INSERT OR UPDATE ON \"GroupPoints\" FOR EACH ROW EXECUTE FUNCTION testing.idle()", "$owner DROP TRIGGER idle ON \"GroupPoints\"" ],
	[ "$owner CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON \"GroupPoints\" INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION testing.idle()",
		"$owner DROP TRIGGER late ON \"GroupPoints\"" ],
	[ 'VACUUM FULL "QuestionAttempt"' ],
	[ 'VACUUM (ANALYZE) "GroupPoints"' ],
	[ 'VACUUM FULL edurange.standing' ],
	[ 'SELECT count(*) FROM edurange.migrate()' ],
	[ 'SELECT count(*) FROM edurange.findings()' ],
	[ 'SELECT missing FROM edurange.health()' ],
);
$node->safe_psql('edurange', q{CREATE FUNCTION testing.idle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'});

# Makes one change and takes it back, however often that has to be tried; what went wrong goes into the file.
sub change_tables
{
	my ($change, $file) = @_;
	my ($there, $back) = @$change;
	my $run = sub {
		my ($out, $err);

		IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose', '-d', $node->connstr('edurange'),
			map { ('-c', $_) } "SET lock_timeout = '2s'", split /; /, $_[0] ], '>', \$out, '2>', \$err) and return 1;
		append_to_file($file, $err);
		return 0;
	};

	return unless $run->($there);
	append_to_file("$file.made", "$there\n");
	sleep 0.05;
	sleep 0.01 until !defined $back || $run->($back);
	return;
}

# Goes on so until the file says stop.
sub run_changes
{
	my ($file) = @_;

	until (-e "$file.stop")
	{
		change_tables(pick(@changes), $file);
		sleep 0.1;
	}
	return;
}

# What the steps that were accepted lead to.  Only a client's own users are set or removed, and its
# own steps come in order; everything else does not depend on the order.
my (%total, %answered, %claimed);

# A student whose grades change, by the student's client alone: what is completed, with a number for which completion it is, the
# right attempts, until when they back nothing, and the changes that stand.
my (%graded, $moment);

sub apply_grade
{
	my ($pair, $step, $kind) = @_;
	my $state = $graded{$pair} //= { done => {}, right => {}, voided => {}, changes => [] };
	my $question = $step->{question};
	my $before = $state->{done}{$question};

	$moment++;
	if ($kind eq 'study')
	{
		push @{ $state->{right}{$question} }, $moment;
		$state->{done}{$question} //= { number => $moment, points => $points{$question} };
	}
	elsif ($kind eq 'grade' && !($before && $before->{points} == $step->{grade}))
	{
		my $after = { number => $before ? $before->{number} : $moment, points => $step->{grade} };

		push @{ $state->{changes} }, { question => $question, before => $before, after => $after };
		$state->{done}{$question} = $after;
	}
	elsif ($kind eq 'void')
	{
		push @{ $state->{changes} }, { question => $question, before => $before, void => 1, voided => $state->{voided}{$question} };
		$state->{voided}{$question} = $moment;
		delete $state->{done}{$question};
	}
	elsif ($kind eq 'undo')
	{
		my $change = pop @{ $state->{changes} };
		my $now = $state->{done}{ $change->{question} };

		return if ($change->{after} ? !$now || $now->{number} != $change->{after}{number} : $now);
		return if !$change->{before} && grep { $_ > ($state->{voided}{ $change->{question} } // 0) } @{ $state->{right}{ $change->{question} } // [] };
		$state->{voided}{ $change->{question} } = $change->{voided} if $change->{void};
		$change->{before} ? ($state->{done}{ $change->{question} } = $change->{before}) : delete $state->{done}{ $change->{question} };
	}
	return;
}

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
	apply_grade("graded$client $group", $step, $kind) if $kind =~ /^(?:study|grade|void|undo)$/;
	$claimed{"$user $group"} = max($claimed{"$user $group"} // 0, $step->{claim}) if $kind eq 'assert';
	return;
}

# What the totals should be.
sub model
{
	my %expected = %total;

	for my $pair (keys %{ { %answered, %claimed } })
	{
		my $by_questions = sum0(map { $points{$_} } keys %{ $answered{$pair} });
		$expected{$pair} += max($by_questions, $claimed{$pair} // 0);
	}
	$expected{$_} = sum0(map { $_->{points} } values %{ $graded{$_}{done} }) for keys %graded;
	return join "\n", sort map { "$_ $expected{$_}" } grep { $expected{$_} } keys %expected;
}

# The SQLSTATEs in a file of errors, each once, and counted; what has none is an end of the connection.
my %met;

sub codes
{
	my ($file) = @_;
	my %code;

	$code{$_}++, $met{$_}++ for -e $file ? slurp_file($file) =~ /(?:ERROR|FATAL|PANIC):\s+(\w{5}):/g : ();
	return sort keys %code;
}

sub start_aside
{
	my ($work) = @_;
	my $pid = fork() // die $!;

	return $pid if $pid;
	eval { $work->(); };
	print STDERR $@ if $@;
	POSIX::_exit($@ ? 1 : 0);
}

my $round = 0;
my %feed_error;

# Reads on in the feed of a competition, to where it is at that time; what it is refused meanwhile is asked for again.
my %feed = map { $_ => { seen => {}, twice => 0, token => '' } } @groups;

sub follow
{
	my ($group) = @_;
	my $feed = $feed{$group};
	my $more = 't';

	while ($more eq 't')
	{
		my ($code, $out, $err) = $node->psql('edurange', qq{\\set VERBOSITY verbose
			SELECT "sinceToken", more, (SELECT string_agg(concat_ws(' ', e."userId", e.seq, e.delta), ',') FROM unnest(events) e)
			FROM edurange.events('$group', nullif('$feed->{token}', ''), } . pick(20, 300, 1000) . ')');
		my ($token, $entries);

		if ($code != 0)
		{
			$feed_error{$1}++ if $err =~ /ERROR:\s+(\w{5})/ && $1 !~ /^(?:RG902|40001)$/;
			return;
		}
		($token, $more, $entries) = split /\|/, $out;
		$feed->{token} = $token;
		$feed->{twice} += $feed->{seen}{$_}++ ? 1 : 0 for split /,/, $entries // '';
	}
	return;
}

# What holds of classes after any history.
sub check_classes
{
	is($node->safe_psql('edurange', q{
		SELECT p."userId", p.points, sum(paid) FROM "GroupPoints" p LEFT JOIN (
			SELECT gc."groupId", d."userId" AS user_id, greatest(sum(d.points) FILTER (WHERE d.kind = 'question'), sum(d.points) FILTER (WHERE d.kind = 'challenge')) AS paid
			FROM (SELECT 'question' AS kind, "userId", "groupChallengeId", "completedAt", "pointsEarned" AS points FROM "QuestionCompletion"
				UNION ALL SELECT 'challenge', "userId", "groupChallengeId", "completedAt", "pointsEarned" FROM "ChallengeCompletion") d
			JOIN "GroupChallenge" gc ON gc.id = d."groupChallengeId"
			LEFT JOIN edurange.standing s ON s.user_id = d."userId" AND s.group_id = gc."groupId"
			WHERE d."completedAt" AT TIME ZONE 'UTC' > coalesce(s.reset_at, '-infinity') GROUP BY gc.id, d."userId") w
			ON w."groupId" = p."groupId" AND w.user_id = p."userId"
		WHERE p."groupId" LIKE 'class%' GROUP BY p.id HAVING p.points <> coalesce(sum(paid), 0)}), '', "round $round: a class has what its completions since a reset say");
	is($node->safe_psql('edurange', q{
		SELECT r.group_id, r.email FROM edurange.roster r LEFT JOIN "User" u ON u.id = r.user_id
		WHERE r.user_id IS NOT NULL AND u.id IS NULL
		OR r.user_id IS NULL AND EXISTS (SELECT FROM "User" v WHERE lower(trim(v.email)) = r.email)}), '', "round $round: rosters wait for who is not there, and for nobody else");
	is($node->safe_psql('edurange', q{
		SELECT r.group_id, r.email FROM edurange.roster r WHERE r.user_id IS NULL AND r.code IS NOT NULL
		AND NOT EXISTS (SELECT FROM "CompetitionAccessCode" c WHERE c.code = r.code AND c."groupId" = r.group_id)}), '', "round $round: with codes that are there");
	# who came back is judged with the next change; then nothing is left to be judged
	my $rejudge = q{SELECT sum("attemptsChanged"), sum(gained), sum(lost) FROM "CompetitionGroup" g JOIN "GroupChallenge" gc ON gc."groupId" = g.id
		JOIN "ChallengeQuestion" q ON q."challengeId" = gc."challengeId", LATERAL edurange.rejudge(g.id, q.id, dry_run => %s) WHERE g.id LIKE 'class%%'};
	$node->safe_psql('edurange', sprintf $rejudge, 'false');
	is($node->safe_psql('edurange', sprintf $rejudge, 'true'), '0|0|0', "round $round: what was judged anew is judged");
	return;
}

# All clients' steps, from the first to the last, while tables change and connections are killed; then the books.
my ($changes_made, %outcomes) = (0);

sub run_round
{
	my $files = "$PostgreSQL::Test::Utils::tmp_check/round_" . ++$round;
	# The claimed amounts are drawn when the step is made, into the step that keeps them.
	my @histories = map {
		my $client = $_;
		[ map { make_step($round, $client, $_) } 0 .. $steps - 1 ]
	} 1 .. $clients;
	my $changes = start_aside(sub { run_changes("${files}_changes") });
	my @pids = map {
		my $client = $_;
		start_aside(sub { run_client($client, $histories[ $client - 1 ], "${files}_$client") })
	} 1 .. $clients;
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
		follow($_) for @groups;
		sleep 0.05;
	}
	append_to_file("${files}_changes.stop", '');
	waitpid($changes, 0);
	$failed++ if $?;
	$? = 0;
	is($failed, 0, "round $round: all steps were acknowledged");
	cmp_ok($kills, '>', 3, "round $round: $kills connections were killed");

	for my $client (1 .. $clients)
	{
		my $history = $histories[ $client - 1 ];
		my %unforeseen = map { $_ => 1 } grep { !/^(?:57P01|40001|RG902|RG509)$/ } codes("${files}_$client.lost");
		my $said = slurp_file("${files}_$client");

		is(join(' ', sort keys %unforeseen), '', "round $round: client $client: no other error");
		while ($said =~ /^ack (\d+) (\S+)$/mg)
		{
			$outcomes{ $history->[$1]{kind} }{$2}++;
			apply_step($client, $history->[$1], $2);
		}
	}
	is(join(' ', grep { !/^(?:55P03|RG902|40001)$/ } codes("${files}_changes")), '', "round $round: changes met nothing but locks");
	$changes_made += () = slurp_file("${files}_changes.made") =~ /\n/g if -e "${files}_changes.made";
	my $found = $node->safe_psql('edurange',
		q{SELECT "userId" || ' ' || "groupId" || ' ' || points FROM "GroupPoints" WHERE points <> 0 AND "groupId" NOT LIKE 'class%'});
	is(join("\n", sort split /\n/, $found), model(), "round $round: every total is what the model says");
	is($node->safe_psql('edurange', 'SELECT * FROM edurange.check_invariants()'), '', "round $round: all invariants hold");
	check_classes();
	follow($_) for @groups;
	is(join(' ', map { "$_ $feed{$_}{twice}" } grep { $feed{$_}{twice} } @groups), '', "round $round: no entry came twice by the feed");
	is(join("\n", sort map { my $group = $_; map { "$group $_" } keys %{ $feed{$group}{seen} } } @groups), $node->safe_psql('edurange',
		q{SELECT concat_ws(' ', group_id, user_id, seq, delta) COLLATE "C" FROM edurange.points_ledger WHERE group_id IN ('g1', 'g2') ORDER BY 1}),
		"round $round: and all did");
	unlink glob "${files}_*" if Test::More->builder->is_passing;
	return;
}

do { run_round() } until time > $end || !Test::More->builder->is_passing;

is(join(' ', map { "$_ $feed_error{$_}" } sort keys %feed_error), '', 'the feed was refused for nothing else');
note join ' ', 'sent again after', map { "$_ $met{$_}" } sort keys %met;
cmp_ok($changes_made, '>', 3, "$changes_made times the tables were changed");
for my $kind (sort keys %outcomes)
{
	note join ' ', "$kind:", map { "$_ $outcomes{$kind}{$_}" } sort keys %{ $outcomes{$kind} };
	my @unforeseen = grep { $_ ne 'accepted' && !($kind eq 'float' && $_ eq 'RG201') && !($kind eq 'void' && $_ eq 'RG540')
		  && !($kind eq 'undo' && $_ =~ /^(?:RG541|22004)$/)
		  # who has left, or is disqualified; what is not completed, or has no change; what is more than the questions are worth
		  && !($kind =~ /^class/ && $_ =~ /^(?:RG201|RG204)$/) && !($kind eq 'class void' && $_ eq 'RG540')
		  && !($kind eq 'class service' && $_ eq '22023') && !($kind eq 'class undo' && $_ =~ /^(?:RG541|22004)$/) } keys %{ $outcomes{$kind} };
	is("@unforeseen", '', "$kind: nothing but what was foreseen");
}
is($node->safe_psql('edurange', 'SELECT array_to_string(missing, $$, $$) FROM edurange.readiness()'), '', 'everything is in place');
unlike(slurp_file($node->logfile), qr/deadlock detected/, 'no deadlock');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP:|was terminated by signal/, 'no crash');
done_testing();
