# The time of day jumps by an hour or a day, either way, under a worker that runs: nobody ends early, nothing stops,
# and the lag is never negative.  The server's clock is moved by a library that it is started with.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use Edurange::Clock;
use Edurange::Cluster;
use Edurange::InstanceManager;

my $grace = 3;
my $im = Edurange::InstanceManager->start;
my $node = Edurange::Cluster->new_ready(
	'sync_clock',
	worker => $im,
	conf => <<"CONF");
edurange.sync_interval = 100
edurange.sync_grace = ${grace}s
CONF
my $clock = Edurange::Clock->of($node);

sub sql { return $node->safe_psql('edurange', $_[0]); }

sub add_instance
{
	my ($id) = @_;

	$im->add_pod(name => $id, flag => "EDU-{$id}");
	sql(qq{INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId")
		VALUES ('$id', 'c', 'u', 'pending...', 'QUEUED', 'g')});
	return ok($node->poll_query_until('edurange', qq{SELECT status = 'ACTIVE' FROM "ChallengeInstance" WHERE id = '$id'}), "$id is ACTIVE");
}

sql(q{INSERT INTO "User" (id, email) VALUES ('u', 'u@play.test');
	INSERT INTO "ChallengeType" (id, name) VALUES ('t', 't');
	INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('c', 'Basic', 't');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01')});
add_instance('lives');
my $now = sql('SELECT extract(epoch FROM clock_timestamp())');
$clock->set(0, 1000);
cmp_ok(sql('SELECT extract(epoch FROM clock_timestamp())'), '>', $now + 900, 'the clock can be moved');
$clock->set(0, 0);

for my $jump ([ 'a day ahead', 86400 ], [ 'and back', 0 ], [ 'an hour back', -3600 ], [ 'and ahead', 0 ], [ 'a day back', -86400 ])
{
	my ($name, $shift) = @$jump;
	my $id = 'gone' . $shift . ($name =~ /and/ ? $name =~ s/\W//gr : '');

	$id = lc($id) =~ s/[^a-z0-9-]//gr;
	add_instance($id);
	$im->remove_pod($id);
	ok($node->poll_query_until('edurange', qq{SELECT EXISTS (SELECT FROM edurange.sync_watch WHERE name = '$id' AND reason = 'missing')}), "$name: a pod is missing");
	my $begin = time;
	my $polls = sql('SELECT polls FROM edurange.sync_status()');
	$clock->set(0, $shift);
	my ($early, $negative, $ended, $lag) = (0, 0, 0, 0);
	while (!$ended && time < $begin + 60)
	{
		my $at = time;
		($ended, $lag) = split /\|/, sql(qq{SELECT (status = 'TERMINATED')::integer, (SELECT "lagSeconds" FROM edurange.sync_status())
			FROM "ChallengeInstance" WHERE id = '$id'});
		$early = 1 if $ended && $at < $begin + $grace - 0.5;
		$negative = 1 if $lag < 0;
		sleep 0.1;
	}
	ok($ended, "$name: its instance ends");
	ok(!$early, "$name: not early");
	ok(!$negative, "$name: the lag is never negative");
	cmp_ok($lag, '<', 10, "$name: and small");
	$node->becomes_true("SELECT polls > $polls + 10 FROM edurange.sync_status()", "$name: polling goes on");
}
is(sql(q{SELECT status FROM "ChallengeInstance" WHERE id = 'lives'}), 'ACTIVE', 'whose pod lives does');

sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'edurange sync worker'});
add_instance('late');
$im->remove_pod('late');
ok($node->poll_query_until('edurange', q{SELECT status = 'TERMINATED' FROM "ChallengeInstance" WHERE id = 'late'}), 'a worker that starts while the clock is a day back goes on, too');

$node->stop;
is($im->stop, 0, 'the simulator ends cleanly');
done_testing();
