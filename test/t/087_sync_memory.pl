# What a list of 17 MB costs: the worker, and a session that hands the list over by itself, stay below a bound that
# docs/sync.md names, and the worker gives it back.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;
use Edurange::InstanceManager;

plan skip_all => 'sanitizers take memory of their own' if ($ENV{LD_PRELOAD} // '') =~ /asan/;

my $pods = 51_000;
my $rows = 10_000;
# of the list's size, and for the process itself
my ($times, $own) = (8, 40_000);

my $im = Edurange::InstanceManager->start;
my $node = Edurange::Cluster->new_ready(
	'sync_memory',
	worker => 1,
	conf => <<"CONF");
shared_buffers = 16MB
edurange.instance_manager_url = '@{[ $im->url ]}'
edurange.sync_enabled = off
edurange.sync_interval = 200
CONF

sub sql { return $node->safe_psql('edurange', $_[0]); }

sub kilobytes
{
	my ($pid, $what) = @_;
	return (slurp_file("/proc/$pid/status") =~ /^$what:\s+(\d+) kB/m)[0];
}

for (my $first = 1; $first <= $pods; $first += 3_000)
{
	my ($code) = $im->post('/control/pods', [
		map { { name => "pod-$_", flag => "EDU-{$_}", user_id => 'u', competition_id => 'g', challenge_name => 'Basic', challenge_type => 'full-os' } }
			$first .. $first + 2_999 ]);
	die "pods: $code" if $code != 200;
}
my $list = ($im->get('/api/list-challenge-pods'))[3];
my $size = length($list) / 1024;
cmp_ok($size, '>', 17_000, sprintf('the list has %d kB', $size));
my $folder = PostgreSQL::Test::Utils::tempdir();
append_to_file("$folder/list", $list);
chmod 0755, $folder;
my $bound = $times * $size + $own;
sql(qq{INSERT INTO "User" (id, email) VALUES ('u', 'u\@play.test');
	INSERT INTO "ChallengeType" (id, name) VALUES ('t', 't');
	INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('c', 'Basic', 't');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", flag, "flagSecretName")
		SELECT 'pod-' || n, 'c', 'u', 'https://pod-' || n, 'ACTIVE', 'g', 'EDU-{x}', 'flag-secret-pod-' || n FROM generate_series(1, $rows) n});

# ---- the worker ------------------------------------------------------------------------------------
sql('ALTER SYSTEM SET edurange.sync_enabled = on');
$node->reload;
ok($node->poll_query_until('edurange', qq{SELECT "podsSeen" = $pods AND polls > 4 FROM edurange.sync_status()}), 'it takes the list');
my $worker = sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'edurange sync worker'});
my $most = kilobytes($worker, 'VmHWM');
cmp_ok($most, '<', $bound, sprintf('the worker has at most %d kB, %.1f times the list', $most, $most / $size));
sql('ALTER SYSTEM SET edurange.sync_interval = 1000000');
$node->reload;
# (a list may be on its way still)
my $left = kilobytes($worker, 'RssAnon');
my $end = time + $PostgreSQL::Test::Utils::timeout_default;
while ($left >= $most / 2 && time < $end)
{
	sleep 1;
	$left = kilobytes($worker, 'RssAnon');
}
cmp_ok($left, '<', $most / 2, sprintf('at rest it has %d kB of its own', $left));
sql('ALTER SYSTEM SET edurange.sync_enabled = off');
$node->reload;

# ---- a session ---------------------------------------------------------------------------------------
for my $call ("sync_apply_list(pg_read_file('$folder/list'))")
{
	my $session = $node->background_psql('edurange');
	# (some of the pods fit no challenge, which it says)
	my $pid = $session->query_safe('SET client_min_messages = error; SELECT pg_backend_pid()');

	is($session->query_safe("SELECT pods FROM edurange.$call"), $pods, "a session calls it");
	$most = kilobytes($pid, 'VmHWM');
	cmp_ok($most, '<', $bound, sprintf('and has at most %d kB, %.1f times the list', $most, $most / $size));
	$session->quit;
}

$node->stop;
is($im->stop, 0, 'the simulator ends cleanly');
done_testing();
