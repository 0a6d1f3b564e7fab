# The whole game over HTTP: shapes of the answers, keys, the limit of attempts, bound tokens.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use Edurange::Cluster;
use Edurange::Shim;

my $node = Edurange::Cluster->new_ready('game');
my $shim = Edurange::Shim->start($node);
my %token = map { $_ => $shim->make_token($_) } qw(player service admin);
my $uuid = qr/^[0-9a-f-]{36}$/;
my $time = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
my ($status, $json, $headers, $raw);

$node->safe_psql(
	'edurange', q{
	INSERT INTO "User" (id, email, name) VALUES ('ada', 'ada@x', 'Ada'), ('bob', 'bob@x', 'Bob'), ('ina', 'ina@x', 'Ina');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'ada'), ('g', 'bob');
	SELECT edurange.cdf_import('{"metadata": {"id": "ch", "name": "Ch", "version": "1", "challenge_type": "web"}, "components": [
		{"type": "question", "id": "q1", "config": {"type": "text", "text": "?", "points": 10, "answer": "a"}},
		{"type": "question", "id": "q2", "config": {"type": "text", "text": "?", "points": 20, "answer": "b"}}]}');
	UPDATE "ChallengeQuestion" SET id = cdf_question_id;
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('gc', 30, 'ch', 'g');
	INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId")
	VALUES ('i1', 'ch', 'ada', 'pending...', 'QUEUED', 'g'), ('i2', 'ch', 'bob', 'pending...', 'QUEUED', 'g');
});

# Asks with a JSON body and perhaps a key; the results of request().
sub send_json
{
	my ($method, $path, $body, $tier, $key) = @_;

	return $shim->request($method, $path, token => $token{$tier} // $tier, body => encode_json($body),
		headers => { 'Content-Type' => 'application/json', defined $key ? ('Idempotency-Key' => $key) : () });
}

# ---- attempts and their limit ------------------------------------------------------------------
my %attempt = (user_id => 'ada', question_id => 'q1', group_challenge_id => 'gc', answer => 'x');
for my $n (1 .. 10)
{
	($status, $json, $headers) = send_json('POST', '/question/attempt', \%attempt, 'player');
	is_deeply([ $status, $json->{isCorrect}, $json->{attemptCount} ], [ 200, JSON::PP::false, $n ], "attempt $n");
	is_deeply([ @$headers{qw(x-ratelimit-limit x-ratelimit-remaining)} ], [ 10, 10 - $n ], 'what is left');
	like($headers->{'x-ratelimit-reset'}, $time, 'until when');
}
($status, $json, $headers) = send_json('POST', '/question/attempt', { %attempt, answer => 'a' }, 'player');
is_deeply([ $status, @$json{qw(error code waitMinutes)} ], [ 429, 'Too many attempts', 'too_many_attempts', 5 ], 'the eleventh');
like($json->{resetTime}, $time, 'when the next is allowed');
ok($json->{details} && $json->{requestId} && !exists $json->{detail}, 'and what to tell');
is_deeply([ @$headers{qw(x-ratelimit-limit x-ratelimit-remaining x-ratelimit-reset)} ], [ 10, 0, $json->{resetTime} ], 'headers');
cmp_ok($headers->{'retry-after'}, '>', 290, 'Retry-After');
($status, $json) = send_json('POST', '/question/attempt', { %attempt, question_id => 'q2', answer => 'b' }, 'player');
is_deeply([ $status, $json->{points}{points} ], [ 200, 20 ], 'another question is not concerned');

# ---- the rest of the routes --------------------------------------------------------------------
($status, $json) = send_json('POST', '/question/complete', { user_id => 'ada', question_id => 'q1', group_challenge_id => 'gc', points => 999 }, 'service');
is_deeply([ $status, $json->{points}{points}, $json->{challengeCompleted} ], [ 200, 30, JSON::PP::true ], 'a service completes');
($status, $json) = $shim->get('/question/completed?user_id=ada&group_challenge_id=gc', $token{player});
is_deeply([ $status, map { $_->{questionId} } @{ $json->{completed_questions} } ], [ 200, 'q2', 'q1' ], 'completed questions');
is(join(' ', sort keys %{ $json->{completed_questions}[0] }), 'completedAt groupChallengeId id pointsEarned questionId userId', 'their keys');
($status, $json) = $shim->get('/question/completed?user_id=no&group_challenge_id=no', $token{player});
is_deeply([ $status, $json ], [ 200, { completed_questions => [] } ], 'none');
($status, $json) = $shim->get('/question/details?question_id=q1', $token{player});
is_deeply([ $status, @$json{qw(id points answer type)} ], [ 200, 'q1', 10, undef, 'TEXT' ], 'a question for a player');
($status, $json) = $shim->get('/question/details?question_id=q1', $token{service});
is($json->{answer}, 'a', 'and for a service');
($status, $json) = $shim->get('/question/details?question_id=no', $token{player});
is_deeply([ $status, $json->{code} ], [ 404, 'question_not_found' ], 'no such question');
($status, $json) = send_json('POST', '/competition/complete-challenge',
	{ userId => 'ada', groupChallengeId => 'gc', groupId => 'g', pointsEarned => 30 }, 'player');
is_deeply([ $status, @$json{qw(userId pointsEarned alreadyCompleted)} ], [ 200, 'ada', 30, JSON::PP::true ], 'as an unchanged client sends it');
($status, $json) = send_json('POST', '/competition/complete-challenge', { userId => 'bob', groupChallengeId => 'gc', pointsEarned => 30 }, 'player');
is_deeply([ $status, $json->{code} ], [ 409, 'challenge_not_complete' ], 'a player cannot assert');
($status, $json) = send_json('POST', '/competition/complete-challenge', { userId => 'bob', groupChallengeId => 'gc', pointsEarned => 31 }, 'service');
is_deeply([ $status, $json->{code} ], [ 400, 'invalid_parameter' ], 'nor a service too much');
($status, $json) = $shim->get('/competition/g/progress/ada', $token{player});
is_deeply($json, {
	progress => [ { groupChallengeId => 'gc', challengeId => 'ch', challengeName => 'Ch', points => 30, completed => JSON::PP::true, pointsEarned => 30 } ],
	totalPoints => 30, earnedPoints => 30, completionPercentage => 100 }, 'progress');
($status) = $shim->get('/competition/no/progress/ada', $token{player});
is($status, 404, 'of no competition');
($status, $json) = $shim->get('/competition/g/leaderboard?limit=1&at=2000-01-01', $token{player});
is_deeply([ $status, map { $_->{points} } @$json ], [ 200, 0 ], 'a board of long ago');
($status, $json) = $shim->get('/challenge/list?search=CH&limit=1', $token{player});
is_deeply([ $status, $json->{challenges}[0]{id}, $json->{nextCursor} ], [ 200, 'ch', undef ], 'a list');
($status, $json) = $shim->get('/challenge/list?difficulty=silly', $token{player});
is_deeply([ $status, $json->{code} ], [ 400, 'invalid_parameter' ], 'of no difficulty');
($status, $json) = $shim->get('/challenges', $token{player});
is(join(' ', sort keys %{ $json->[0] }), 'challenge_type_id challenge_type_name created_at description difficulty id name pack_id pack_name pack_version updated_at', 'all challenges');
($status, $json) = $shim->get('/get_challenge_instance?challenge_instance_id=i1', $token{player});
is_deeply([ $status, @$json{qw(userId groupChallengeId groupId flag)}, $json->{user}{email} ], [ 200, 'ada', 'gc', 'g', undef, undef ], 'an instance');
($status, $json) = $shim->get('/api/get_challenge_instance?challenge_instance_id=no', $token{player});
is_deeply([ $status, $json->{code} ], [ 404, 'instance_not_found' ], 'no such instance');
($status, $json) = send_json('PATCH', '/api/challenge-instances/i1', { status => 'ACTIVE', flag => 'EDU-{x}' }, 'service');
is_deeply($json, { success => JSON::PP::true, message => 'instance updated', data => { id => 'i1', flagSecretName => undef, flag => undef, status => 'ACTIVE' } }, 'an instance changed');
for my $case ([ { status => 'QUEUED' }, 409, 'illegal_transition' ], [ { status => 'busy' }, 400, 'invalid_parameter' ], [ {}, 400, 'missing_parameter' ])
{
	($status, $json) = send_json('PATCH', '/challenge-instances/i1', $case->[0], 'service');
	is_deeply([ $status, $json->{code} ], [ @$case[ 1, 2 ] ], "an instance not changed: $case->[2]");
}
($status, $json) = send_json('PATCH', '/challenge-instances/no', { status => 'ACTIVE' }, 'service');
is($status, 404, 'nor one that is not there');
for my $metadata ({ a => 1 }, '{"a": 1}')
{
	($status, $json) = send_json('POST', '/activity/log', { eventType => 'USER_LOGGED_IN', userId => 'ada', metadata => $metadata }, 'service');
	like($json->{timestamp}, $time, 'an entry');
	is($node->safe_psql('edurange', qq{SELECT metadata ->> 'a' FROM "ActivityLog" WHERE id = '$json->{id}'}), '1', 'metadata as JSON or as its text');
}
($status, $json) = send_json('POST', '/activity/log', { eventType => 'NO_SUCH_EVENT', userId => 'gone', metadata => '[broken', severity => 'ERROR', challengeId => 'no' }, 'player');
is($status, 200, 'nothing loses an entry');

# ---- health ------------------------------------------------------------------------------------
($status, $json) = $shim->get('/health/detailed', $token{service});
is($status, 200, 'health');
ok(exists $json->{$_}, "health has $_")
  for qw(status message database timestamp version uptime connections performance storage connection_info metrics_errors tables tables_info sync missing);
like($json->{version}, qr/^PostgreSQL \d/, 'version');
ok($json->{connections}{current} > 0 && $json->{performance}{query_latency_ms} >= 0 && $json->{storage}{database_size_mb} > 0, 'real numbers');

# ---- keys --------------------------------------------------------------------------------------
my %add = (user_id => 'bob', group_id => 'g', points => 5);
my @first = send_json('POST', '/add_points', \%add, 'service', 'key-1');
my @again = send_json('POST', '/add_points', \%add, 'service', 'key-1');
is_deeply([ @again[ 0, 3 ] ], [ 200, $first[3] ], 'the same request again: the same answer to the letter');
is($node->safe_psql('edurange', q{SELECT edurange.get_points('bob', 'g')}), '5', 'and one effect');
($status, $json) = send_json('POST', '/add_points', { %add, points => 6 }, 'service', 'key-1');
is_deeply([ $status, $json->{code} ], [ 422, 'idempotency_mismatch' ], 'another request');
($status, $json) = send_json('POST', '/add_points', \%add, 'admin', 'key-1');
is_deeply([ $status, $json->{points} ], [ 200, 10 ], "another caller's key");
($status, $json) = send_json('POST', '/add_points', \%add, 'service', 'x' x 256);
is_deeply([ $status, $json->{code} ], [ 400, 'invalid_parameter' ], 'a key that is too long');

# One with the key is under way: the next is refused at once.
my $blocker = IPC::Run::start(
	[ 'psql', '-XAtq', '-d', $node->connstr('edurange'), '-c',
		q{BEGIN; SELECT points FROM "GroupPoints" WHERE "userId" = 'bob' FOR UPDATE; SELECT pg_sleep(3); COMMIT} ],
	'>', \my $blocked);
ok($node->poll_query_until('edurange', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'}), 'a lock is held');
my $waiting = fork() // die $!;
if ($waiting == 0)
{
	my ($answered) = send_json('POST', '/add_points', \%add, 'service', 'key-2');
	POSIX::_exit($answered == 200 ? 0 : 1);
}
ok($node->poll_query_until('edurange', q{SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'userlock'}), 'the first is under way');
my $began = time;
($status, $json) = send_json('POST', '/add_points', \%add, 'service', 'key-2');
is_deeply([ $status, $json->{code} ], [ 409, 'in_progress' ], 'refused while the first is under way');
cmp_ok(time - $began, '<', 1.5, 'without waiting');
waitpid($waiting, 0);
is($?, 0, 'the first is answered');
$blocker->finish;

# The shim is killed after the commit and before the answer: a trigger makes it wait in between.
$node->safe_psql('edurange', q{
	CREATE FUNCTION public.linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END $$;
	CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON edurange.points_ledger DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.linger()});
my $lost = fork() // die $!;
if ($lost == 0)
{
	my ($answered) = send_json('POST', '/set_points', { %add, points => 77 }, 'service', 'key-3');
	POSIX::_exit($answered == 599 ? 0 : 1);
}
ok($node->poll_query_until('edurange', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'}), 'the commit is under way');
$shim->kill9;
waitpid($lost, 0);
is($?, 0, 'the answer was lost');
ok($node->poll_query_until('edurange', q{SELECT edurange.get_points('bob', 'g') = 77}), 'the transaction ends');
is($node->safe_psql('edurange', q{SELECT edurange.get_points('bob', 'g')}), '77', 'the effect was not');
$node->safe_psql('edurange', q{DROP TRIGGER linger ON edurange.points_ledger});
$shim->launch;
my $entries = $node->safe_psql('edurange', 'SELECT count(*) FROM edurange.points_ledger');
($status, $json) = send_json('POST', '/set_points', { %add, points => 77 }, 'service', 'key-3');
is_deeply([ $status, $json->{points} ], [ 200, 77 ], 'the repeated request gets the first answer');
is($node->safe_psql('edurange', 'SELECT count(*) FROM edurange.points_ledger'), $entries, 'and does nothing');

# ---- bound tokens ------------------------------------------------------------------------------
my $ada = $node->safe_psql('edurange', q{SELECT token FROM edurange.create_token('player', 'ada', user_id => 'ada')});
my $pod = $node->safe_psql('edurange', q{SELECT token FROM edurange.create_token('player', 'pod', instance_id => 'i1')});
for my $bound ($ada, $pod)
{
	($status, $json) = $shim->get('/get_points?group_id=g', $bound);
	is_deeply([ $status, $json->{points} ], [ 200, 30 ], 'who is left out is who the token is bound to');
	($status, $json) = $shim->get('/get_points?group_id=g&user_id=bob', $bound);
	is_deeply([ $status, $json->{code} ], [ 403, 'forbidden' ], 'nobody else');
	($status) = $shim->get('/get_challenge_instance?challenge_instance_id=i2', $bound);
	is($status, 403, 'no other instance');
	($status) = send_json('POST', '/activity/log', { eventType => 'USER_UPDATED' }, $bound);
	is($status, 200, 'an entry about oneself');
}
($status, $json) = $shim->get('/get_challenge_instance', $pod);
is_deeply([ $status, $json->{id} ], [ 200, 'i1' ], "the token's own instance");

is($node->safe_psql('edurange', 'SELECT count(*) FROM edurange.check_invariants()'), '0', 'invariants');
is($shim->stop, 0, 'the shim ends well');
done_testing();
