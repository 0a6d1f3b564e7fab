# The platform's WebOS and dashboard, unmodified, in the documented compatible configuration: what they
# send, in their order and spelling, and the fields that they read.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;
use Edurange::Shim;

my $node = Edurange::Cluster->new_ready('clients', conf => "edurange.webos_compatibility = on\n");
my $shim = Edurange::Shim->start($node, EDURANGE_ANONYMOUS_TIER => 'player');
my ($status, $json);

$node->safe_psql(
	'edurange', q{
	INSERT INTO "User" (id, email) VALUES ('ada', 'ada@x');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'ada');
	SELECT edurange.cdf_import('{"metadata": {"id": "ch", "name": "Ch", "version": "1", "challenge_type": "fullOS"}, "components": [
		{"type": "webosApp", "id": "terminal", "config": {"app_type": "terminal", "title": "T"}},
		{"type": "question", "id": "q1", "config": {"type": "text", "text": "?", "points": 10, "answer": ["secret-word", "other"]}},
		{"type": "question", "id": "q2", "config": {"type": "flag", "text": "?", "points": 20, "answer": "{{FLAG}}"}}]}');
	INSERT INTO "User" (id, email) VALUES ('bob', 'bob@x'), ('cyd', 'cyd@x');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'bob'), ('g', 'cyd');
	UPDATE "ChallengeQuestion" SET id = cdf_question_id;
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('gc', 30, 'ch', 'g');
	INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", flag, "flagSecretName")
	SELECT 'pod-' || n, 'ch', u, '', 'ACTIVE'::"ChallengeStatus", 'g', 'EDU-{real-000' || n || '}', 'flag-secret-pod-' || n
	FROM unnest(ARRAY['ada', 'bob', 'cyd']) WITH ORDINALITY AS s (u, n);
});

# WebOS starts: who am I, which challenge is this, what is done already?
for my $path ('/get_challenge_instance', '/api/get_challenge_instance', '//get_challenge_instance')
{
	($status, $json) = $shim->get("$path?challenge_instance_id=pod-1");
	is_deeply([ $status, @$json{qw(userId groupChallengeId groupId challengeId flagSecretName flag)} ],
		[ 200, 'ada', 'gc', 'g', 'ch', 'flag-secret-pod-1', undef ], "the instance by $path");
}
($status, $json) = $shim->get('/challenge/details?challenge_id=ch');
is(ref $json->{questions}, 'ARRAY', 'questions are an array');
is_deeply([ map { [ @$_{qw(id type points answer)} ] } @{ $json->{questions} } ],
	[ [ 'q1', 'TEXT', 10, 'secret-word' ], [ 'q2', 'FLAG', 20, undef ] ], 'answers, but for the flag');
is(ref $json->{appConfigs}[0]{additional_config}, 'HASH', 'additional_config is an object');
($status, $json) = $shim->get('/question/completed?user_id=ada&group_challenge_id=gc');
is_deeply($json, { completed_questions => [] }, 'nothing is done yet');
($status, $json) = $shim->get('/get_points?user_id=ada&group_id=g');
is_deeply($json, { points => 0 }, 'no points yet');

# It judges an answer itself, logs it with the metadata as text, asks for the points and asserts.
for my $question (qw(q1 q2))
{
	($status, $json) = $shim->post('/activity/log', { eventType => 'QUESTION_ATTEMPTED', userId => 'ada', groupId => 'g',
		challengeInstanceId => 'pod-1', metadata => encode_json({ questionId => $question, answer => 'secret-word', isCorrect => JSON::PP::true, attemptNumber => undef }) });
	ok($status == 200 && $json->{id} && $json->{timestamp}, 'an attempt is logged');
	($status, $json) = $shim->get("/question/details?question_id=$question");
	my $points = $json->{points};
	($status, $json) = $shim->post('/question/complete', { user_id => 'ada', question_id => $question, group_challenge_id => 'gc', points => $points, is_correct => JSON::PP::true });
	is_deeply([ $status, $json->{points}{points} ], [ 200, $question eq 'q1' ? 10 : 30 ], 'the question is completed');
}
($status, $json) = $shim->post('/question/complete', { user_id => 'ada', question_id => 'q1', group_challenge_id => 'gc', points => 10, is_correct => JSON::PP::true });
is_deeply([ $status, $json->{points}{points}, $json->{alreadyCompleted} ], [ 200, 30, JSON::PP::true ], 'again: no more points');

# On every page load of a finished challenge, without challengeId.
for (1 .. 2)
{
	($status, $json) = $shim->post('/competition/complete-challenge', { userId => 'ada', groupChallengeId => 'gc', groupId => 'g', pointsEarned => 30 });
	is_deeply([ $status, $json->{pointsEarned} ], [ 200, 30 ], 'the challenge is complete, once');
}
($status, $json) = $shim->get('/get_points?user_id=ada&group_id=g');
is_deeply($json, { points => 30 }, 'the points of the questions');

# The dashboard: a bare user id as bearer, events that no type has, users that it has just deleted.
($status, $json) = $shim->get('/get_points?user_id=ada&group_id=g', 'ada');
is_deeply([ $status, $json->{points} ], [ 200, 30 ], 'a bare user id is no token and no error');
for my $event ('CHALLENGE_STARTED', 'USER_DELETED', 'ACCESS_CODE_DELETED')
{
	($status) = $shim->post('/activity/log', { eventType => $event, userId => $event eq 'USER_DELETED' ? 'gone' : 'ada', accessCodeId => 'deleted', metadata => { by => 'x' } }, 'ada');
	is($status, 200, "$event is not lost");
}
is($node->safe_psql('edurange', q{SELECT count(*) FROM "User" WHERE role = 'STUDENT'}), '3', 'no student was made');
is($node->safe_psql('edurange', q{SELECT count(*) FROM "ActivityLog" WHERE metadata::text LIKE '%secret-word%'}), '0', 'no answer is in the log');

# ---- the other two configurations ---------------------------------------------------------------
# What WebOS asks from its start to its end, in its order and with its bodies; how each completion was answered, and
# the total.
sub desktop
{
	my ($to, $pod, $token) = @_;
	my (%me, @answered);

	($status, $json) = $to->get("/get_challenge_instance?challenge_instance_id=$pod", $token);
	return $status if $status != 200;
	%me = %$json;
	($status, my $challenge) = $to->get("/challenge/details?challenge_id=$me{challengeId}", $token);
	($status, my $done) = $to->get("/question/completed?user_id=$me{userId}&group_challenge_id=$me{groupChallengeId}", $token);
	is_deeply($done, { completed_questions => [] }, "$pod: nothing is done yet");
	($status, $json) = $to->get("/get_points?user_id=$me{userId}&group_id=$me{groupId}", $token);
	for my $question (@{ $challenge->{questions} })
	{
		my %which = (user_id => $me{userId}, question_id => $question->{id}, group_challenge_id => $me{groupChallengeId});
		($status, my $details) = $to->get("/question/details?question_id=$question->{id}", $token);
		($status, $json) = $to->post('/question/complete', { %which, points => $details->{points}, is_correct => JSON::PP::true }, $token);
		push @answered, $json->{code} // $status;
		$to->post('/activity/log', { eventType => 'QUESTION_ATTEMPTED', userId => $me{userId}, groupId => $me{groupId},
			challengeInstanceId => $pod, metadata => encode_json({ questionId => $question->{id}, isCorrect => JSON::PP::true }) }, $token);
	}
	($status) = $to->post('/competition/complete-challenge', { userId => $me{userId}, groupChallengeId => $me{groupChallengeId}, groupId => $me{groupId}, pointsEarned => 30 }, $token);
	push @answered, $status;
	($status, $json) = $to->get("/get_points?user_id=$me{userId}&group_id=$me{groupId}", $token);
	return (@answered, $json->{points});
}
my $message = q{SELECT message FROM edurange.health()};
my ($shown, $let_in) = (qr/webos_compatibility shows answers/, qr/webos_compatibility is off/);
unlike($node->safe_psql('edurange', $message), qr/webos/, 'both settings: nothing to say');

# Nobody without a token; the proxy of a desktop has one.
my $closed = Edurange::Shim->start($node);
is_deeply([ desktop($closed, 'pod-2') ], [401], 'closed: who has no token is told so');
my $its = $node->safe_psql('edurange', q{SELECT token FROM edurange.create_token('player', 'desktop', instance_id => 'pod-2')});
is_deeply([ desktop($closed, 'pod-2', $its) ], [ 200, 200, 200, 30 ], 'closed: a desktop with a token of its own plays the challenge');
($status) = $closed->post('/question/complete', { user_id => 'cyd', question_id => 'q1', group_challenge_id => 'gc', points => 10 }, $its);
is($status, 403, 'closed: and for nobody else');
is($shim->stop, 0, 'stopped');
like($node->safe_psql('edurange', $message), $shown, 'one setting without the other is reported');
($status, $json) = $closed->get('/health/detailed', $closed->make_token('service'));
like($json->{message}, $shown, 'by the service, too');
is($closed->stop, 0, 'stopped');

# Answers are kept: the server judges.
$node->safe_psql('edurange', 'ALTER SYSTEM SET edurange.webos_compatibility = off');
$node->reload;
$shim->launch;
is_deeply([ desktop($shim, 'pod-3') ], [ 'attempt_required', 'attempt_required', 409, 0 ], 'answers kept: WebOS as it is completes nothing');
like($node->safe_psql('edurange', $message), $let_in, 'the other without the one is reported');
for ([ q1 => 'secret-word' ], [ q2 => 'EDU-{real-0003}' ])
{
	my ($question, $answer) = @$_;
	($status, $json) = $shim->post('/question/attempt', { user_id => 'cyd', question_id => $question, group_challenge_id => 'gc', answer => $answer });
	is_deeply([ $status, $json->{isCorrect} ], [ 200, JSON::PP::true ], "answers kept: an attempt at $question");
}
is_deeply([ $json->{challengeCompleted}, $json->{points}{points} ], [ JSON::PP::true, 30 ], 'answers kept: which completes the challenge');

# What stays closed.
for my $path ('/add_points', '/set_points', '/competition/create')
{
	($status) = $shim->post($path, { user_id => 'ada', group_id => 'g', points => 1000 });
	is($status, 401, "$path needs a token");
}
is($node->safe_psql('edurange', 'SELECT count(*) FROM edurange.check_invariants()'), '0', 'invariants');

done_testing();
