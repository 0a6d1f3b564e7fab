# What a list costs, one of 17 MB and one of elements that say little: the worker, and a session that hands the list
# over by itself, stay below a bound that docs/sync.md names, and the worker gives it back.

use strict;
use warnings;

use List::Util qw(max);
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;
use Edurange::InstanceManager;

plan skip_all => 'sanitizers take memory of their own' if ($ENV{LD_PRELOAD} // '') =~ /asan/;

my $pods = 51_000;
my $rows = 10_000;
# of the list's size, and for the process itself; at least
my ($times, $own, $least) = (8, 40_000, 200_000);

# kB that a list of so many kB may take
sub bound { return max($times * $_[0] + $own, $least) }

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
chmod 0755, $folder;
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
cmp_ok($most, '<', bound($size), sprintf('the worker has at most %d kB, %.1f times the list', $most, $most / $size));
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
# Elements that say little cost more than their size, so their number is bounded.
my $elements = 200_000;
my $refused = qr/parameter "list" must have at most $elements elements in challenge_pods/;

sub small
{
	my ($element, $count) = @_;
	return '{"challenge_pods":[' . join(',', map { sprintf $element, $_ } 1 .. $count) . ']}';
}

for my $case (
	[ 'pods', $list, $pods ],
	[ 'short pods', small('{"name":"q%06d","status":"ACTIVE"}', $elements), $elements ],
	[ 'names', small('{"name":"q%x"}', $elements), $elements ],
	[ 'numbers', small('0', $elements), $elements ],
	[ 'one too many', small('{"name":"q%06d","status":"ACTIVE"}', $elements + 1), $refused ],
	[ 'millions of numbers', '{"challenge_pods":[' . '0,' x (16 * 1024 * 1024 - 12) . '0]}', $refused ])
{
	my ($name, $text, $answer) = @$case;
	my $kilobytes = length($text) / 1024;
	my $file = "$folder/" . $name =~ s/ /_/gr;

	append_to_file($file, $text);
	sql('DELETE FROM edurange.sync_watch');
	my $session = $node->background_psql('edurange', on_error_stop => 0);
	# (some of the pods fit no challenge, which it says)
	my $pid = $session->query_safe('SET client_min_messages = error; SELECT pg_backend_pid()');
	my $said = $session->query("SELECT pods FROM edurange.sync_apply_list(pg_read_file('$file'))") . $session->{stderr};

	like($said, ref $answer ? $answer : qr/^$answer$/, "a session takes $name");
	$most = kilobytes($pid, 'VmHWM');
	cmp_ok($most, '<', bound($kilobytes), sprintf('and has at most %d kB, for a list of %d kB', $most, $kilobytes));
	$session->quit;
}

$node->stop;
is($im->stop, 0, 'the simulator ends cleanly');
done_testing();
