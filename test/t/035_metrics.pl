# Metrics: what is counted, for whom, in a format that Prometheus takes.

use strict;
use warnings;

use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;
use Edurange::Proxy;
use Edurange::Shim;

my $node = Edurange::Cluster->new_ready('metrics');
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $shim = Edurange::Shim->start($node, EDURANGE_METRICS_PORT => $port);
my %token = map { $_ => $shim->make_token($_) } qw(player service);
my ($status, $json, $headers, $text);

$node->safe_psql('edurange', q{
	INSERT INTO "User" (id, email) VALUES ('ada', 'a');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'ada');
	INSERT INTO "ChallengeType" (id, name) VALUES ('t', 't');
	INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('c', 'C', 't');
	INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", "terminationAttempts")
	SELECT 'i' || n, 'c', 'ada', 'pending...', s::"ChallengeStatus", 'g', n FROM unnest(ARRAY['ACTIVE', 'ACTIVE', 'TERMINATING', 'ACTIVE']) WITH ORDINALITY AS i (s, n);
	-- i1 and i2 without pods, i3 does not end, i4 has another owner and another status, two pods without instances
	SELECT edurange.sync_apply('{"duration_ms": 1500, "challenge_pods": [{"name": "i3", "status": "ACTIVE"}, {"name": "i4", "status": "CREATING", "user_id": "eve"},
	  {"name": "x1", "status": "ACTIVE"}, {"name": "x2", "status": "ACTIVE"}]}', '2020-01-01 00:00:00Z');
	SELECT edurange.sync_apply('{"secrets": [{"name": "i4", "secret_name": "flag-secret-i4"}]}', '2020-01-01 00:00:01Z');
	SELECT edurange.sync_apply('{"error": "HTTP 500"}', '2020-01-01 00:00:02Z');
	SELECT edurange.sync_apply('{"challenge_pods": []}', '2019-12-31 23:59:59Z')});

# The samples of a text, by name with labels.
sub samples
{
	my ($lines) = @_;

	return map { /^([^#\s]\S*(?:\{.*\})?) (\S+)$/ ? ($1 => $2) : () } split /\n/, $lines;
}

for my $points (1, 2)
{
	$shim->post('/add_points', { user_id => 'ada', group_id => 'g', points => $points }, $token{service});
}
$shim->post('/add_points', { user_id => 'bob', group_id => 'g', points => 1 }, $token{service});
$shim->get('/get_points?user_id=ada&group_id=g', $token{player});
$shim->get('/secret-path-of-a-stranger');
$shim->get('/get_points', 'edr_wrong');
($status) = $shim->get('/metrics');
is($status, 401, 'not without a token');
($status) = $shim->get('/metrics', $token{player});
is($status, 403, 'nor for a player');
($status, undef, $headers, $text) = $shim->get('/metrics', $token{service});
is($status, 200, 'for a service');
like($headers->{'content-type'}, qr{^text/plain; version=0\.0\.4}, 'in the format of Prometheus');
my %sample = samples($text);
my $add = 'method="POST",route="/add_points"';
is($sample{"edurange_http_requests_total{$add,status=\"200\"}"}, 2, 'requests that worked');
is($sample{"edurange_http_requests_total{$add,status=\"404\"}"}, 1, 'requests that were refused');
is($sample{'edurange_http_requests_total{method="",route="",status="404"}'}, 1, 'a path that is no route');
unlike($text, qr/stranger|\bada\b|edr_/, 'labels are patterns, nothing that came');
is($sample{"edurange_http_request_duration_seconds_count{$add}"}, 3, 'latencies: count');
is($sample{"edurange_http_request_duration_seconds_bucket{$add,le=\"+Inf\"}"}, 3, 'latencies: the last bucket has all');
cmp_ok($sample{"edurange_http_request_duration_seconds_sum{$add}"}, '>', 0, 'latencies: sum');
my @buckets = map { /_bucket\{\Q$add\E,le="[^"]+"\} (\d+)/ } split /\n/, $text;
is_deeply(\@buckets, [ sort { $a <=> $b } @buckets ], 'buckets never go down');
is($sample{'edurange_awards_total{kind="correction"}'}, 2, 'awards');
is($sample{'edurange_wrong_tokens_total'}, 1, 'wrong tokens');
is($sample{'edurange_database_up'}, 1, 'the database answers');
is($sample{'edurange_http_requests_in_flight'}, 1, 'this one is in flight');
cmp_ok($sample{'edurange_http_connections'}, '>=', 1, 'connections');
cmp_ok($sample{'edurange_database_connections{tier="service"}'}, '>=', 1, 'connections to the database');
like($text, qr/^edurange_build_info\{version="\d+\.\d+\.\d+"\} 1$/m, 'build');
my %sync = (last_attempt_timestamp_seconds => 1577836802, last_success_timestamp_seconds => 1577836800, consecutive_failures => 1, pods => 4, held => 0, interval_seconds => 2,
	fetch_seconds => 1.5, changes_total => 0, polls_total => 3, failures_total => 1, stale_total => 1, worker_up => 0);
is($sample{"edurange_sync_$_"}, $sync{$_}, "worker: $_") for sort keys %sync;
cmp_ok($sample{edurange_sync_lag_seconds}, '>', 1e8, 'worker: lag');
cmp_ok($sample{edurange_sync_apply_seconds}, '>', 0, 'worker: time of a pass');
my %drift = (row_without_pod => 2, pod_without_row => 2, status_mismatch => 1, owner_mismatch => 1, stuck => 1, missing_flag => 3, returned_pod => 0, unreadable_pod => 0, foreign_secret => 0);
is($sample{"edurange_sync_drift{kind=\"$_\"}"}, $drift{$_}, "drift: $_") for sort keys %drift;
my (undef, $health) = $shim->get('/health/detailed', $token{service});
is_deeply($health->{drift}, { rowsWithoutPods => 2, podsWithoutRows => 2, statusMismatches => 1, ownerMismatches => 1, stuckRows => 1, missingFlags => 3, failingFlags => 0, returnedPods => 0,
		unreadablePods => 0, foreignSecrets => 0, refusedRows => 0, unansweredRows => 0 },
	'the drift is in the health, too');
is_deeply([ @{ $health->{sync} }{qw(consecutiveFailures lastError podsSeen polls failures stale)} ], [ 1, 'HTTP 500', 4, 3, 1, 1 ], 'as is the worker');
ok(exists $sample{$_}, $_) for 'edurange_database_queue{tier="player"}', 'edurange_database_retries_total', 'edurange_sync_consecutive_failures';

# ---- what counts as an award --------------------------------------------------------------------
$node->safe_psql('edurange', q{
	INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, answer, "order") SELECT 'q' || n, 'c', 'q', 'text', 5, 'yes', n FROM generate_series(1, 3) n;
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('gc', 50, 'c', 'g')});

# How many awards of a kind has an answer counted?
sub counted
{
	my ($kind, $path, $want, %body) = @_;
	my $of = sub { return { samples(($shim->get('/metrics', $token{service}))[3]) }->{"edurange_awards_total{kind=\"$kind\"}"} };
	my $before = $of->();

	($status, $json) = $shim->post($path, { user_id => 'ada', group_challenge_id => 'gc', %body }, $token{service});
	is($status, $want, "$path: $want") or diag explain $json;
	return $of->() - $before;
}
is(counted('question', '/question/attempt', 200, question_id => 'q1', answer => 'no'), 0, 'a wrong answer is no award');
is(counted('question', '/question/attempt', 200, question_id => 'q1', answer => 'yes'), 1, 'a right one is');
is(counted('question', '/question/attempt', 200, question_id => 'q1', answer => 'yes'), 0, 'a second time it is none');
is(counted('question', '/question/complete', 200, question_id => 'q1'), 0, 'nor is completing what is completed');
is(counted('question', '/question/complete', 200, question_id => 'q2'), 1, 'completing a question is one');
is(counted('question', '/question/complete', 404, question_id => 'none'), 0, 'a refusal is none');
is(counted('challenge', '/competition/complete-challenge', 200), 1, 'a challenge');
is(counted('challenge', '/competition/complete-challenge', 200), 0, 'which is completed once');

# ---- a port of its own --------------------------------------------------------------------------
my $http = HTTP::Tiny->new;
my $own = $http->get("http://127.0.0.1:$port/metrics");
is($own->{status}, 200, 'the port needs no token');
is_deeply([ sort map { s/ .*//r } grep { /^edurange_build|^# TYPE/ } split /\n/, $own->{content} ],
	[ sort map { s/ .*//r } grep { /^edurange_build|^# TYPE/ } split /\n/, $text ], 'and has the same');
is($http->get("http://127.0.0.1:$port/get_points")->{status}, 404, 'and nothing else');
SKIP:
{
	skip 'there is no promtool here', 1 unless grep { -x "$_/promtool" } split /:/, $ENV{PATH};
	my ($out, $err) = ('', '');
	ok(IPC::Run::run([ 'promtool', 'check', 'metrics' ], '<', \$own->{content}, '>', \$out, '2>', \$err), 'promtool finds nothing')
	  or diag $out . $err;
}

# ---- a database that answers with an error ------------------------------------------------------
$node->safe_psql('edurange', 'ALTER FUNCTION edurange.sync_metrics(edurange.caller) RENAME TO other_metrics');
for my $answer ([ ($shim->get('/metrics', $token{service}))[ 0, 3 ] ], [ @{ $http->get("http://127.0.0.1:$port/metrics") }{qw(status content)} ])
{
	my %erring = samples($answer->[1]);
	is("$answer->[0] $erring{edurange_database_up}", '200 1', 'the database is up where it does not know the worker');
	is_deeply([ grep { /^edurange_sync_/ } keys %erring ], [], 'of whom nothing is said');
}
$node->safe_psql('edurange', 'ALTER FUNCTION edurange.other_metrics(edurange.caller) RENAME TO sync_metrics');

# ---- without a database -------------------------------------------------------------------------
# Who asked a moment ago is still known; who comes later cannot be told from anybody.
my $proxy = Edurange::Proxy->start($node);
my $open = Edurange::Shim->start($node, $proxy->env, AS => 'service');
# the first one waits for connections, which may take longer than a token is known
$open->get('/health/detailed');
(undef, $health) = $open->get('/health/detailed');
my ($well, $connected) = ($health->{status}, $health->{connection_info}{last_connected});
undef $proxy;
($status, $health) = $open->get('/health/detailed');
is_deeply([ $status, $well, @$health{qw(status database)} ], [ 503, 'ok', 'error', 'disconnected' ], 'health without a database') or diag explain $health;
is_deeply([ @{ $health->{connection_info} }{qw(last_connected last_error)} ], [ $connected, 'connection failed' ], 'with what the shim knows');
cmp_ok($health->{connection_info}{reconnect_attempts}, '>', 0, 'attempts are counted');
like($health->{timestamp}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'at a time');
sleep 1;
is(($open->get('/health/detailed'))[1]{code}, 'unavailable', 'a second later tokens cannot be checked');
is($open->stop, 0, 'stopped');
$node->stop('fast');
$own = $http->get("http://127.0.0.1:$port/metrics");
is($own->{status}, 200, 'metrics without a database');
my %away = samples($own->{content});
is($away{'edurange_database_up'}, 0, 'which is seen');
ok(!exists $away{'edurange_sync_lag_seconds'}, 'and what nobody knows is not said');
is($shim->stop, 0, 'stopped');

# ---- the dashboard asks for what there is -------------------------------------------------------
my $dashboard = decode_json(slurp_file("$ENV{TESTDIR}/../../src/deploy/grafana/edurange.json"));
for my $panel (@{ $dashboard->{panels} })
{
	for my $target (@{ $panel->{targets} })
	{
		my @names = $target->{expr} =~ /\b(edurange_\w+)/g;
		ok(@names > 0, "$panel->{title} asks for something");
		ok($text =~ /^# TYPE \Q@{[ $_ =~ s{_(bucket|sum|count)$}{}r ]}\E /m, "$_ is there") for @names;
	}
}

done_testing();
