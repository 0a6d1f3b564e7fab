# Every fault that the simulator knows, for the list of pods alone and for all routes.  An instance
# whose pod lives never ends, and one whose pod is gone ends: during the fault where get-pod-status
# still answers, otherwise soon after it.

use strict;
use warnings;

use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

use Edurange::Cluster;
use Edurange::InstanceManager;

my $im = Edurange::InstanceManager->start;
# Where a list lacks many pods and the machine is slow to ask for each, all are held for a moment.
my $node = Edurange::Cluster->new_ready(
	'sync_faults',
	worker => $im,
	conf => <<"CONF");
edurange.sync_interval = 100
edurange.sync_timeout = 250
edurange.sync_grace = 200
edurange.sync_mass_grace = 1s
CONF

sub sql { return $node->safe_psql('edurange', $_[0]); }

sub add_active
{
	my ($id) = @_;
	$im->add_pod(name => $id, flag => "EDU-{$id}");
	return sql(qq{INSERT INTO "ChallengeInstance"
		(id, "challengeId", "userId", "challengeUrl", status, "competitionId", flag)
		VALUES ('$id', 'c', 'u', 'pending...', 'ACTIVE', 'g', 'flag{decoy}')});
}

# Everything that ever ended is noted.
sql(q{INSERT INTO "User" (id, email) VALUES ('u', 'u@play.test');
	INSERT INTO "ChallengeType" (id, name) VALUES ('t', 't');
	INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('c', 'Basic', 't');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'Group', '2020-01-01');
	CREATE TABLE ended (id text);
	CREATE FUNCTION note_end() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
	BEGIN INSERT INTO public.ended VALUES (NEW.id); RETURN NULL; END $$;
	CREATE TRIGGER note_end AFTER UPDATE ON "ChallengeInstance" FOR EACH ROW
	WHEN (NEW.status IN ('TERMINATED', 'ERROR') AND OLD.status <> NEW.status) EXECUTE FUNCTION note_end()});

# (with another one they are no more than are believed to miss their pods at once: which answer comes first decides nothing)
my @living = map { "alive-$_" } 1, 2;
add_active($_) for @living;

# Each fault, and whether the list is one of good shape all the same.
my @faults = (
	['refuse'], ['error500'], ['empty_list'], ['drop_pods'], ['truncated_json'],
	[ 'truncated_json', mode => 'cut' ],
	['wrong_types'],
	[ 'wrong_types', where => 'list' ],
	[ 'wrong_types', where => 'elements' ],
	[ 'wrong_types', where => 'body' ],
	[ 'delay', ms => 5000 ],
	[ 'slow_bytes', ms => 50 ],
	['huge_body'],
	['html'],
	[ 'html', status => 404 ],
	['redirect_loop']);
# Those whose answer depends on the route alone are tried for all routes, too.
my %everywhere = map { $_ => 1 } qw(refuse error500 delay html redirect_loop);
my $number = 0;

sub gone_ends
{
	my ($id, $name) = @_;
	return $node->becomes_true(qq{SELECT EXISTS (SELECT FROM ended WHERE id = '$id')}, $name);
}

sub failures { return sql('SELECT failures FROM edurange.sync_status()'); }

for my $fault (@faults)
{
	my ($kind) = @$fault;
	my $gone = 'gone-' . ++$number;

	add_active($gone);
	$im->fault(@$fault, route => 'list-challenge-pods');
	$im->remove_pod($gone);
	gone_ends($gone, "@$fault: ends while get-pod-status answers");
	$im->clear_faults;
	next unless $everywhere{$kind};

	$gone = "gone-all-$number";
	sql('SELECT edurange.sync_now()');
	add_active($gone);
	$im->fault(@$fault);
	$im->remove_pod($gone);
	my $before = failures();
	$node->becomes_true("SELECT failures >= $before + 2 FROM edurange.sync_status()", "@$fault: is counted");
	# (as long as an end would have taken)
	sleep 0.6;
	is(sql(qq{SELECT count(*) FROM ended WHERE id = '$gone'}), 0,
		"@$fault: without any proof nothing ends");
	$im->clear_faults;
	gone_ends($gone, "@$fault: ends when it is over");
}

is(sql(q{SELECT string_agg(id, ' ') FROM ended WHERE id LIKE 'alive%'}),
	'', 'no instance ended whose pod lived');
$node->becomes_true(
	q{SELECT bool_and(flag = 'EDU-{' || id || '}' AND status = 'ACTIVE')
	  FROM "ChallengeInstance" WHERE id LIKE 'alive%'},
	'they have their flags');
is( sql(q{SELECT count(*) FROM "ActivityLog" WHERE "eventType" = 'CHALLENGE_INSTANCE_DELETED'}),
	sql('SELECT count(DISTINCT id) FROM ended'), 'each end is logged once');
is(sql('SELECT count(*) FROM "ChallengeCompletion"'), 0, 'nobody is awarded anything');
unlike(slurp_file($node->logfile), qr/EDU-\{(alive|gone|stuck|d-)/, 'no flag is in the log');

# (a missing pod is asked for when the grace period is over, and again after another one)
sub was_asked_for
{
	my ($id) = @_;
	return qq{SELECT due > since + interval '200 ms' FROM edurange.sync_watch
		WHERE name = '$id' AND reason = 'missing'};
}

sub flag_was_missed
{
	my ($id) = @_;
	return qq{SELECT EXISTS (SELECT FROM edurange.sync_watch WHERE name = '$id' AND reason = 'flag')};
}

subtest 'faults of single answers' => sub {
	for my $fault (
		['error500'], ['refuse'], [ 'html', status => 404 ], ['truncated_json'], [ 'delay', ms => 2000 ],
		# what is right is not believed under another status: "not found" with 200, a flag with 500
		[ 'wrong_status', status => 200 ], [ 'wrong_status', status => 500 ])
	{
		my $gone = 'gone-status-' . ++$number;
		my $flagless = 'alive-flag-' . $number;

		$im->fault(@$fault, route => 'get-pod-status');
		add_active($gone);
		$im->remove_pod($gone);
		$node->becomes_true(was_asked_for($gone), "@$fault: was asked for");
		is(sql(qq{SELECT count(*) FROM ended WHERE id = '$gone'}), 0, 'no proof, no end');
		$im->clear_faults;
		gone_ends($gone, 'ends afterwards');
		next if "@$fault" eq 'wrong_status status 200'; # which is the right one for a flag
		$im->fault(@$fault, route => 'get-secret');
		add_active($flagless);
		$node->becomes_true(flag_was_missed($flagless), 'its flag was asked for in vain');
		is(sql(qq{SELECT flag FROM "ChallengeInstance" WHERE id = '$flagless'}),
			'flag{decoy}', 'the flag stays as it was');
		$im->clear_faults;
	}
};

subtest 'answers that say nothing about the pod' => sub {
	for my $fault (
		[ 'wrong_status', status => 500 ],
		map { [ 'other_pod', pod_status => $_ ] } qw(CREATING ACTIVE TERMINATING ERROR))
	{
		my $lost = 'alive-lost-' . ++$number;

		add_active($lost);
		sql('SELECT edurange.sync_now()');
		$node->becomes_true(qq{SELECT "flagSecretName" IS NOT NULL FROM "ChallengeInstance" WHERE id = '$lost'}, 'a pod is seen');
		$im->fault(@$fault, route => 'get-pod-status');
		$im->add_pod(name => $lost, status => 'ERROR', listed => JSON::PP::false());
		$node->becomes_true(was_asked_for($lost), "is asked for when it is not listed: @$fault");
		is(sql(qq{SELECT i.status, w.pod_status IS NULL, w.since IS NOT NULL FROM "ChallengeInstance" i
				JOIN edurange.sync_watch w ON w.name = i.id AND w.reason = 'missing' WHERE i.id = '$lost'}),
			'ACTIVE|t|t', 'which changes nothing');
		$im->add_pod(name => $lost, status => 'ACTIVE', listed => JSON::PP::true());
		$im->clear_faults;
		$node->becomes_true(qq{SELECT NOT EXISTS (SELECT FROM edurange.sync_watch WHERE name = '$lost')}, 'it is listed again');
	}
};

subtest 'a list that is overtaken' => sub {
	my $id = 'alive-overtaken';

	sql('ALTER SYSTEM SET edurange.sync_interval = "1h"; ALTER SYSTEM SET edurange.sync_timeout = "20s"');
	$node->reload;
	# (for longer than the interval of before, which it may still be waiting for)
	$node->becomes_true(q{SELECT query = 'waiting' AND state_change < clock_timestamp() - interval '1 s' FROM pg_stat_activity
		WHERE backend_type = 'edurange sync worker'}, 'it waits');
	add_active($id);
	$im->add_pod(name => $id, status => 'ERROR');
	$im->fault('delay', ms => 1500, route => 'list-challenge-pods');
	$im->reset_requests;
	my $polls = sql('SELECT polls FROM edurange.sync_status()');
	sql('SELECT edurange.sync_now()');
	for (1 .. 300)
	{
		last if $im->requests->{'list-challenge-pods'} > 0;
		sleep 0.1;
	}
	# The list says ERROR and is on its way; what is applied meanwhile was observed after it was asked for.
	is($im->requests->{'list-challenge-pods'}, 1, 'a list is under way');
	$im->add_pod(name => $id, status => 'ACTIVE');
	sql(qq{UPDATE "ChallengeInstance" SET status = 'CREATING' WHERE id = '$id'});
	is(sql(qq{SELECT changed FROM edurange.sync_apply('{"statuses": [{"name": "$id", "status": "ACTIVE"}]}')}),
		1, 'something newer is applied');
	$node->becomes_true("SELECT polls > $polls FROM edurange.sync_status()", 'the list is applied');
	is(sql(qq{SELECT status FROM "ChallengeInstance" WHERE id = '$id'}), 'ACTIVE', 'which changes nothing of what is known better');
	$im->clear_faults;
	sql("ALTER SYSTEM SET edurange.sync_$_") for 'interval = 100', 'timeout = 250';
	$node->reload;
};

is(sql(q{SELECT string_agg(id, ' ') FROM ended WHERE id LIKE 'alive%'}), '', 'still no instance ended whose pod lived');

subtest 'an end that was asked for in vain' => sub {
	$im->reset_requests;
	sql("ALTER SYSTEM SET edurange.sync_$_") for 'end_interval = 100', 'end_attempts = 2';
	$node->reload;
	$im->add_pod(name => 'stuck', termination_delay_ms => 600_000, flag => 'EDU-{stuck}');
	sql(q{INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId")
		VALUES ('stuck', 'c', 'u', '', 'TERMINATING', 'g')});
	$node->becomes_true(q{SELECT "terminationAttempts" > 0 FROM "ChallengeInstance" WHERE id = 'stuck'}, 'is asked for again');
	for (1 .. 300)
	{
		last if $im->requests->{'end-challenge'} > 0;
		sleep 0.1;
	}
	is($im->pods->{stuck}{status}, 'TERMINATING', 'which reached the pod');
	$node->becomes_true(
		q{SELECT status = 'ERROR' AND "terminationAttempts" = 2 FROM "ChallengeInstance" WHERE id = 'stuck'}, 'is given up');
	is( sql(q{SELECT "eventType", severity, metadata ->> 'reason', metadata ->> 'terminationAttempts'
			FROM "ActivityLog" WHERE "challengeInstanceId" = 'stuck'}),
		'SYSTEM_WARNING|WARNING|the pod did not end|2', 'with a warning');
	cmp_ok($im->requests->{'end-challenge'}, '>=', 2, 'after two requests, and asked on');
	$im->remove_pod('stuck');
	$node->becomes_true(q{SELECT status = 'TERMINATED' FROM "ChallengeInstance" WHERE id = 'stuck'},
		'and ends with its pod after all');
};

$node->stop;
is($im->stop, 0, 'the simulator ends cleanly');
done_testing();
