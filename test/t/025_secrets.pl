# Planted flags, answers, addresses and tokens: no response shows them below the tier that may see
# them, and no log and no statistics view ever does.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;
use Edurange::Shim;

my $node = Edurange::Cluster->new_ready('secrets',
	conf => "shared_preload_libraries = 'edurange, pg_stat_statements'\nlog_min_duration_statement = 0\n"
	  . "log_statement = 'none'\nlog_error_verbosity = verbose\npg_stat_statements.track = all\n");
my $before = length slurp_file($node->logfile);

# What is planted is written by psql, whose literals are its own; those lines are not looked at.
$node->safe_psql(
	'edurange', q{
	SET log_min_duration_statement = -1;
	CREATE EXTENSION pg_stat_statements;
	INSERT INTO "User" (id, email, name) VALUES ('ada', 'planted-mail@x', 'Ada'), ('bob', 'planted-mail-2@x', 'Bob');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'ada'), ('g', 'bob');
	SELECT edurange.cdf_import('{"metadata": {"id": "ch", "name": "Ch", "version": "1", "challenge_type": "web"}, "components": [
		{"type": "question", "id": "q1", "config": {"type": "text", "text": "?", "points": 10, "answer": "planted-answer", "explanation": "planted-why"}},
		{"type": "question", "id": "q2", "config": {"type": "text", "text": "?", "points": 20, "answer": ["planted-list", "planted-list-2"]}},
		{"type": "question", "id": "q3", "config": {"type": "flag", "text": "?", "points": 20, "answer": "planted-placeholder"}}]}');
	UPDATE "ChallengeQuestion" SET id = cdf_question_id;
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('gc', 30, 'ch', 'g');
	INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", flag, "flagSecretName")
	VALUES ('i1', 'ch', 'ada', '', 'ACTIVE', 'g', 'planted-flag', 'flag-secret-i1');
	SELECT pg_stat_statements_reset();
});

my $shim = Edurange::Shim->start($node, EDURANGE_ANONYMOUS_TIER => 'none');
my %token;
for my $tier (qw(player service admin))
{
	$token{$tier} = $node->safe_psql('edurange', "SET log_min_duration_statement = -1; SELECT token FROM edurange.create_token('$tier', 't')");
}
$token{none} = undef;
$token{wrong} = 'edr_planted-token';

# Requests that succeed and fail; what is sent is secret, too.
my @requests = (
	[ 'GET', '/status' ], [ 'GET', '/ready' ], [ 'GET', '/live' ], [ 'GET', '/health/detailed' ],
	[ 'GET', '/get_points?user_id=ada&group_id=g' ],
	[ 'GET', '/competition/g/leaderboard' ], [ 'GET', '/competition/g/leaderboard?at=2030-01-01' ],
	[ 'GET', '/competition/g/progress/ada' ],
	[ 'GET', '/question/completed?user_id=ada&group_challenge_id=gc' ],
	(map { [ 'GET', "/question/details?question_id=$_" ] } qw(q1 q2 q3 q4)),
	[ 'GET', '/challenge/details?challenge_id=ch' ], [ 'GET', '/challenge/details?challenge_id=unknown-id' ],
	[ 'GET', '/challenge/list?search=C' ], [ 'GET', '/challenges' ],
	[ 'GET', '/get_challenge_instance?challenge_instance_id=i1' ],
	(map { [ 'POST', '/question/attempt', { user_id => 'ada', question_id => $_->[0], group_challenge_id => 'gc', answer => $_->[1] } ] }
		[ 'q1', 'planted-wrong' ], [ 'q1', 'planted-answer' ], [ 'q2', 'planted-list' ], [ 'q3', 'planted-flag' ], [ 'q9', 'planted-wrong' ]),
	[ 'POST', '/question/attempt', { user_id => 'bob', question_id => 'q3', group_challenge_id => 'gc', answer => 'planted-wrong' } ],
	[ 'POST', '/question/attempt', { user_id => 'nobody', question_id => 'q1', group_challenge_id => 'gc', answer => 'planted-wrong' } ],
	[ 'POST', '/question/attempt', { user_id => 'ada', question_id => 'q1', group_challenge_id => 'gc', answer => { 'planted-wrong' => 1 } } ],
	[ 'POST', '/question/complete', { user_id => 'ada', question_id => 'q1', group_challenge_id => 'gc' } ],
	[ 'POST', '/competition/complete-challenge', { userId => 'ada', groupChallengeId => 'gc' } ],
	[ 'POST', '/activity/log', { eventType => 'QUESTION_ATTEMPTED', userId => 'bob', metadata => { answer => 'planted-answer', flag => 'planted-flag', token => 'planted-token' } } ],
	[ 'POST', '/activity/log', { eventType => 'QUESTION_ATTEMPTED', userId => 'bob', metadata => '{"answer": "planted-answer"' } ],
	[ 'PATCH', '/challenge-instances/i1', { flag => 'planted-flag' } ],
	[ 'PATCH', '/challenge-instances/i1', { flag => 'planted-flag', status => 'nonsense' } ],
	[ 'PATCH', '/challenge-instances/no', { flag => 'planted-flag' } ],
	[ 'POST', '/cdf/import', { metadata => { id => 'c2', name => 'C', version => '1', challenge_type => 'web' },
			components => [ { type => 'question', id => 'q', config => { type => 'text', text => '?', answer => 'planted-answer' } } ] } ],
	[ 'POST', '/cdf/import', { metadata => { id => 'bad id', name => 'C' },
			components => [ { type => 'question', id => 'q', config => { type => 'planted-type', answer => { a => 'planted-answer' } } } ] } ],
	[ 'POST', '/cdf/import', '{"answer": planted-answer}' ],
	map({ [ 'POST', '/packs/upload', $_ ] }
		{ manifest => { id => 'p', name => 'P', version => '1.0.0', challenges => ['c'] }, challenges => [ { metadata => { id => 'c3', name => 'C',
				version => '1', challenge_type => 'web' }, components => [ { type => 'question', id => 'q', config => { type => 'text', text => '?', answer => 'planted-answer' } } ] } ] },
		{ manifest => { id => 'p', name => 'P', version => '1.0.0', challenges => ['c'] }, challenges => [ { components => [
				{ type => 'question', id => 'q', config => { type => 'planted-type', answer => { a => 'planted-answer' } } } ] } ] },
		'{"manifest": {"id": "p", "challenges": ["c"]}, "challenges": [{"answer": planted-answer}]}',
		'{"manifest": {}, "challenges": [], "dry_run": "planted-answer"}'),
	[ 'GET', '/challenge-pack/details/p' ],
	[ 'POST', '/add_points', { user_id => 'ada', group_id => 'g', points => 1 } ]);
my %seen;

for my $who (sort keys %token)
{
	for my $request (@requests)
	{
		my ($method, $path, $body) = @$request;
		my ($status, undef, undef, $answer) = $shim->request($method, $path, token => $token{$who},
			defined $body
			? (body => ref $body ? encode_json($body) : $body, headers => { 'Content-Type' => 'application/json' })
			: ());

		$seen{$who}{$_} = "$method $path" for $answer =~ /planted-[\w-]+/g;
		$seen{$who}{$status} = 1;
		$seen{$who}{token} = "$method $path" if grep { defined && index($answer, $_) >= 0 } values %token;
	}
}
for my $who (qw(none wrong player))
{
	is_deeply({ map { $_ => $seen{$who}{$_} } grep { /planted|token/ } keys %{ $seen{$who} } },
		{}, "$who: no response shows what was planted");
}
ok($seen{player}{200} && $seen{player}{404} && $seen{player}{400} && $seen{player}{403}, 'a player got answers of all kinds');
ok($seen{service}{'planted-answer'} && $seen{service}{'planted-flag'}, 'a service sees answers and flags, so that they were there to be seen');
ok(!$seen{$_}{token}, "$_: no response repeats a token") for qw(service admin);

# ---- logs and statistics -----------------------------------------------------------------------
$shim->stop;
my %logs = (
	"the shim's log" => $shim->log,
	"the server's log" => substr(slurp_file($node->logfile), $before),
	'pg_stat_statements' => $node->safe_psql('edurange', 'SET log_min_duration_statement = -1; SELECT query FROM pg_stat_statements'),
	'activity' => $node->safe_psql('edurange', 'SET log_min_duration_statement = -1; SELECT metadata FROM "ActivityLog"'),
	'idempotency keys' => $node->safe_psql('edurange', 'SET log_min_duration_statement = -1; SELECT i::text FROM edurange.idempotency i'));
cmp_ok(length $logs{"the server's log"}, '>', 10_000, 'the server logged every statement');
like($logs{pg_stat_statements}, qr/QuestionAttempt/, 'statements within functions are in the statistics');
for my $log (sort keys %logs)
{
	my @lines = grep { /planted-/ } split /\n/, $logs{$log};
	is("@lines[0 .. ($#lines > 2 ? 2 : $#lines)]", '', "$log: nothing that was planted");
	ok(!(grep { defined && index($logs{$log}, $_) >= 0 } values %token), "$log: no token");
}

done_testing();
