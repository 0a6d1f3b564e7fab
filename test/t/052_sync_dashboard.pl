# The worker beside a dashboard that inserts, queues, ends and deletes instances, while pods come and
# go, the Instance Manager has its moods and the worker is killed at random points.  At the end every
# instance is what its pod is, and none ended while its pod lived.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use Edurange::Cluster;
use Edurange::InstanceManager;
use Edurange::Seed qw(draw_from);

my $seconds = $ENV{EDURANGE_LONG} ? 300 : 8;
draw_from(4711);

my $im = Edurange::InstanceManager->start(args => [ '--termination-delay', '300' ]);
my $node = Edurange::Cluster->new_ready(
	'sync_dashboard',
	worker => $im,
	conf => <<"CONF");
edurange.sync_interval = 100
edurange.sync_timeout = 300
edurange.sync_grace = 300
edurange.sync_mass_grace = 1s
edurange.sync_end_interval = 500
restart_after_crash = on
CONF

# A crash of the worker ends all sessions; the dashboard tries again, as it does.
sub attempt
{
	my ($statement) = @_;
	# psql may be gone before it has read the statement
	my ($status, $output) = eval { $node->psql('edurange', $statement) };
	return defined $status && $status == 0 ? $output : undef;
}

sub until_answered
{
	my ($statement) = @_;
	for (1 .. 600)
	{
		my $output = attempt($statement);
		return $output if defined $output;
		sleep 0.1;
	}
	return;
}

until_answered(q{INSERT INTO "User" (id, email) VALUES ('u', 'u@play.test');
	INSERT INTO "ChallengeType" (id, name) VALUES ('t', 't');
	INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('c', 'Basic', 't');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'Group', '2020-01-01');
	CREATE TABLE ended (id text, at timestamptz DEFAULT clock_timestamp(), who text DEFAULT current_setting('application_name'));
	CREATE FUNCTION note_end() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
	BEGIN INSERT INTO public.ended VALUES (NEW.id); RETURN NULL; END $$;
	CREATE TRIGGER note_end AFTER UPDATE ON "ChallengeInstance" FOR EACH ROW
	WHEN (NEW.status = 'TERMINATED' AND OLD.status <> NEW.status) EXECUTE FUNCTION note_end()});

my (%alive, %deleted);
my ($number, $kills) = (0, 0);
my $end = time + $seconds;
my @moods = (
	['error500'], ['empty_list'], ['drop_pods'], [ 'refuse', count => 3 ],
	[ 'delay', ms => 400, count => 2 ]);

while (time < $end)
{
	my $dice = rand;
	my @ids = sort keys %alive;
	my $chosen = @ids ? $ids[ rand @ids ] : undef;

	# once at least, however few turns there are
	$dice = 0.87 if $kills == 0 && time > $end - $seconds / 2;
	if ($dice < 0.4)
	{
		my $id = 'd-' . ++$number;
		if (defined attempt(qq{INSERT INTO "ChallengeInstance"
			(id, "challengeId", "userId", "challengeUrl", status, "competitionId", flag)
			VALUES ('$id', 'c', 'u', 'pending...', 'CREATING', 'g', 'flag{decoy}')}))
		{
			attempt(qq{UPDATE "ChallengeInstance" SET status = 'QUEUED'
				WHERE id = '$id' AND status = 'CREATING'}) if rand() < 0.5;
			$im->add_pod(name => $id, flag => "EDU-{$id}");
			$alive{$id} = 1;
		}
	}
	elsif ($dice < 0.5 && $chosen)
	{
		$im->remove_pod($chosen);
		delete $alive{$chosen};
	}
	elsif ($dice < 0.6 && $chosen)
	{
		until_answered(qq{UPDATE "ChallengeInstance" SET status = 'TERMINATING' WHERE id = '$chosen'});
		$im->post('/api/end-challenge', { deployment_name => $chosen });
		delete $alive{$chosen};
	}
	elsif ($dice < 0.66 && $chosen)
	{
		until_answered(qq{DELETE FROM "ChallengeInstance" WHERE id = '$chosen'});
		$im->post('/api/end-challenge', { deployment_name => $chosen });
		delete $alive{$chosen};
	}
	elsif ($dice < 0.76)
	{
		my $mood = $moods[ rand @moods ];
		$im->fault(@$mood, rand() < 0.5 ? (route => 'list-challenge-pods') : ());
	}
	elsif ($dice < 0.86)
	{
		$im->clear_faults;
	}
	elsif ($dice < 0.88 && $kills < $seconds / 3)
	{
		my $pid = attempt(
			q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'edurange sync worker'});
		$kills += kill('KILL', $pid) if $pid;
	}
	sleep 0.02;
}

$im->clear_faults;
until_answered('SELECT 1');
note "$number instances, $kills kills";
cmp_ok($kills, '>', 0, 'the worker was killed');
my $noticed = sub { return scalar(() = slurp_file($node->logfile) =~ /background worker "edurange sync worker" \(PID \d+\) was terminated by signal 9/g) };
for (1 .. 300)
{
	last if $noticed->() >= $kills;
	sleep 0.1;
}
is($noticed->(), $kills, 'each time');
ok( $node->poll_query_until(
		'edurange',
		q{SELECT "workerRunning" AND "consecutiveFailures" = 0 AND polls > 3 FROM edurange.sync_status()}),
	'the worker is there again');
my $pods = $im->pods;
my $live = join ',', map { "'$_'" } grep { $pods->{$_}{status} eq 'ACTIVE' } sort keys %alive;
ok( $node->poll_query_until(
		'edurange',
		qq{SELECT count(*) = @{[ scalar keys %alive ]} FROM "ChallengeInstance"
		  WHERE id IN ($live) AND status = 'ACTIVE' AND flag = 'EDU-{' || id || '}'
		  AND "challengeUrl" <> 'pending...'}),
	'every living pod has an instance that is ACTIVE, with its flag and address');
is(until_answered(qq{SELECT string_agg(id, ' ') FROM ended WHERE id IN ($live)}),
	'', 'none of them ever ended');
ok( $node->poll_query_until(
		'edurange',
		qq{SELECT NOT EXISTS (SELECT FROM "ChallengeInstance"
		  WHERE id NOT IN ($live) AND status IN ('ACTIVE', 'TERMINATING'))}),
	'every other instance is over, or still waits for its pod')
  or diag(until_answered(qq{SELECT string_agg(i.id || ' ' || i.status, ', ') || '; held until ' || (SELECT "heldUntil" FROM edurange.sync_status())
	FROM "ChallengeInstance" i WHERE id NOT IN ($live) AND status IN ('ACTIVE', 'TERMINATING')}));
is( until_answered(q{SELECT count(*) FROM (SELECT FROM "ActivityLog"
	WHERE "eventType" = 'CHALLENGE_INSTANCE_DELETED' GROUP BY metadata ->> 'instanceId'
	HAVING count(*) > 1) AS twice}), 0, 'no end is logged twice');
is(until_answered('SELECT count(*) FROM "ChallengeCompletion"'), 0, 'nobody is awarded anything');
unlike(slurp_file($node->logfile), qr/EDU-\{(alive|gone|stuck|d-)/, 'no flag is in the log');

$node->stop;
is($im->stop, 0, 'the simulator ends cleanly');
done_testing();
