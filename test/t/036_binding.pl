# Every route for every tier with every kind of token: none, wrong, expired, revoked, bound to another.
# Then each function by itself: a bound caller acts for its user alone, with its instance alone, in its
# user's competitions.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;
use Edurange::Shim;

my $node = Edurange::Cluster->new_ready('binding');
my $shim = Edurange::Shim->start($node);
my %rank = (none => 0, player => 1, service => 2, admin => 3);
my %tier = Edurange::Shim->routes;
my ($status, $json);

$node->safe_psql(
	'edurange', q{
	INSERT INTO "User" (id, email) SELECT u, u FROM unnest(ARRAY['ada', 'bob']) u;
	INSERT INTO "User" (id, email, role) VALUES ('ina', 'ina', 'INSTRUCTOR');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01'), ('h', 'H', '2020-01-01'), ('both', 'B', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'ada'), ('h', 'bob'), ('both', 'ada'), ('both', 'bob');
	INSERT INTO "CompetitionAccessCode" (code, "groupId", "createdBy") VALUES ('OPEN', 'g', 'ada');
	SELECT edurange.cdf_import('{"metadata": {"id": "ch", "name": "C", "version": "1", "challenge_type": "web"}, "components": [
		{"type": "question", "id": "q", "config": {"type": "text", "text": "?", "points": 10, "answer": "a"}}]}');
	UPDATE "ChallengeQuestion" SET id = 'q' WHERE "challengeId" = 'ch';
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('gc', 10, 'ch', 'g'), ('hc', 10, 'ch', 'h');
	INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId")
		VALUES ('ia', 'ch', 'ada', '', 'ACTIVE', 'g'), ('ib', 'ch', 'bob', '', 'ACTIVE', 'h');
});

# A token of a tier, bound as the further arguments say.
sub token
{
	my ($of, $arguments) = @_;

	return $node->safe_psql('edurange', "SELECT token FROM edurange.create_token('$of', 'test'" . ($arguments // '') . ')');
}

# What of the database must not change when a request is refused.
sub state_of
{
	return $node->safe_psql('edurange', q{
		SELECT (SELECT json_agg(t ORDER BY id) FROM "GroupPoints" t), (SELECT json_agg(t ORDER BY id) FROM "QuestionAttempt" t),
		       (SELECT json_agg(t ORDER BY id) FROM "QuestionCompletion" t), (SELECT json_agg(t ORDER BY id) FROM "ChallengeCompletion" t),
		       (SELECT json_agg(t ORDER BY id) FROM "ActivityLog" t), (SELECT json_agg(t ORDER BY "A", "B") FROM "_GroupMembers" t),
		       (SELECT json_agg(t ORDER BY id) FROM "ChallengeInstance" t), (SELECT count(*) FROM "CompetitionGroup")});
}

sub ask
{
	my ($route, $token, $query, $body, %headers) = @_;
	my ($method, $path) = split / /, $route;

	($status, $json) = $shim->request($method, ($query =~ m{^/} ? $query : $path . $query), token => $token,
		headers => { %headers, defined $body ? ('Content-Type' => 'application/json') : () }, defined $body ? (body => encode_json($body)) : ());
	return $status;
}

# ---- tokens that are none -----------------------------------------------------------------------
my %bad = (none => undef, unknown => 'edr_unknown', revoked => token('admin'), expired => token('admin', q{, clock_timestamp() + interval '1 s'}));
$node->safe_psql('edurange', "SELECT edurange.revoke_token(id) FROM edurange.authenticate_token(sha256('$bad{revoked}'))");
sleep 2;
my $before = state_of();
for my $route (sort keys %tier)
{
	my ($method, $path) = split / /, $route;
	for my $kind (sort keys %bad)
	{
		ask("$method " . $path =~ s/\{\w+\}/x/gr, $bad{$kind}, '', $method eq 'GET' ? undef : {});
		# (what needs no token where a board is public takes no wrong one, either)
		my $open = $rank{ $tier{$route} } == 0 && ($kind eq 'none' || $route !~ m{/(?:board-)?events$});
		is($status, 401, "$route, token $kind") unless $open;
		isnt($status, 401, "$route, token $kind: open") if $open;
	}
}

# ---- bound to another ---------------------------------------------------------------------------
# A document, and a pack of one, that no column of the tables below knows yet.
sub document
{
	my ($id) = @_;

	return { metadata => { id => $id, name => 'N', version => '1', challenge_type => 'web' }, components => [ { type => 'container', id => 'c', config => { image => 'i' } } ] };
}

sub pack_of
{
	my ($version) = @_;

	return { manifest => { id => 'p', name => 'P', version => $version, challenges => ['a.json'] }, challenges => [ document('of-p') ] };
}

# What names ada, her instance or her competition, by route: a request that a token for bob must not make.
my %of_ada = (
	'GET /get_points' => [ '?user_id=ada&group_id=both' ],
	'POST /add_points' => [ '', { user_id => 'ada', group_id => 'both', points => 1 } ],
	'POST /set_points' => [ '', { user_id => 'ada', group_id => 'both', points => 1 } ],
	'POST /competition/create' => [ '', { name => 'N', startDate => '2020-01-01', instructorIds => ['ina'] } ],
	'POST /competition/generate-code' => [ '', { groupId => 'both', createdBy => 'ada' } ],
	'POST /competition/join' => [ '', { code => 'OPEN', userId => 'ada' } ],
	'POST /competition/complete-challenge' => [ '', { userId => 'ada', groupChallengeId => 'gc' } ],
	'GET /competition/{group_id}/leaderboard' => [ '/competition/g/leaderboard' ],
	'GET /competition/{group_id}/progress/{user_id}' => [ '/competition/both/progress/ada' ],
	'PUT /competition/{group_id}/board-policy' => [ '/competition/g/board-policy', { visibility => 'public' } ],
	'GET /competition/{group_id}/board-policy' => ['/competition/g/board-policy'],
	'GET /competition/{group_id}/board-events' => ['/competition/g/board-events'],
	'GET /competition/{group_id}/events' => ['/competition/g/events'],
	'POST /question/attempt' => [ '', { user_id => 'ada', question_id => 'q', group_challenge_id => 'gc', answer => 'a' } ],
	'POST /question/complete' => [ '', { user_id => 'ada', question_id => 'q', group_challenge_id => 'gc' } ],
	'GET /question/completed' => [ '?user_id=ada&group_challenge_id=gc' ],
	'GET /challenge/list' => [ '?group_id=g' ],
	'GET /get_challenge_instance' => [ '?challenge_instance_id=ia' ],
	'PATCH /challenge-instances/{instance_id}' => [ '/challenge-instances/ia', { status => 'TERMINATING' } ],
	'POST /activity/log' => [ '', { eventType => 'USER_UPDATED', userId => 'ada' } ],
	'POST /users' => [ '', { email => 'eve@example.org' } ],
	'GET /users' => [''],
	'GET /competition/{group_id}' => ['/competition/g'],
	'PATCH /competition/{group_id}' => [ '/competition/g', { name => 'N' } ],
	'DELETE /competition/{group_id}' => ['/competition/g?name=G'],
	'GET /competition/{group_id}/members' => ['/competition/g/members'],
	'DELETE /competition/{group_id}/members/{user_id}' => ['/competition/both/members/ada'],
	'PUT /competition/{group_id}/instructors' => [ '/competition/g/instructors', { instructorIds => ['ina'] } ],
	'GET /competition/{group_id}/access-codes' => ['/competition/g/access-codes'],
	'DELETE /competition/{group_id}/access-codes/{code}' => ['/competition/g/access-codes/OPEN'],
	'DELETE /competition/{group_id}/challenges/{group_challenge_id}' => ['/competition/g/challenges/gc'],
	'PATCH /competition/{group_id}/challenges/{group_challenge_id}' => [ '/competition/g/challenges/gc', { points => 1 } ],
	'POST /competition/{group_id}/reset' => [ '/competition/both/reset', { userId => 'ada' } ],
	'GET /competition/{group_id}/attempts' => ['/competition/both/attempts?user_id=ada'],
	'GET /activity' => ['?user_id=ada'],
	'GET /competition/{group_id}/points-history/{user_id}' => ['/competition/both/points-history/ada'],
	'GET /competition/{group_id}/instances' => ['/competition/both/instances?user_id=ada'],
	(map { ("POST $_" => [ '', pack_of('1.0.0'), 'X-Uploader-User-Id' => 'ada' ]) } qw(/packs/upload /challenge-pack/install /challenge-pack/update)));
# What names no user, instance or competition of anybody's, in this order: for a bound token as for any of its tier.
my @of_nobody = (
	[ 'GET /health/detailed', '' ], [ 'GET /metrics', '' ], [ 'GET /question/details', '?question_id=q' ],
	[ 'GET /challenge/details', '?challenge_id=ch' ], [ 'GET /challenges', '' ], [ 'GET /schema', '' ], [ 'GET /competitions', '' ],
	[ 'POST /competition/add-challenge', '', { groupId => 'both', challengeId => 'ch', points => 1 } ],
	[ 'POST /cdf/validate', '', document('new') ], [ 'POST /cdf/import', '', document('new') ],
	[ 'POST /cdf/update/{challenge_id}', '/cdf/update/new', document('new') ], [ 'GET /cdf/export/{challenge_id}', '/cdf/export/new' ],
	[ 'POST /packs/upload', '', pack_of('1.0.0') ], [ 'POST /challenge-pack/install', '', pack_of('1.1.0') ],
	[ 'POST /challenge-pack/update', '', pack_of('1.2.0') ], [ 'GET /challenge-pack/list', '' ],
	[ 'GET /challenge-pack/details/{pack_id}', '/challenge-pack/details/p' ], [ 'POST /challenge-pack/uninstall', '', { pack_id => 'p' } ]);
my %binding = (user => q{, user_id => 'bob'}, instance => q{, instance_id => 'ib'});

my %of_nobody = map { $_->[0] => 1 } @of_nobody;
my @new = grep { $rank{ $tier{$_} } > 0 && !$of_ada{$_} && !$of_nobody{$_} } sort keys %tier;
is_deeply(\@new, [], 'every route is in one of these tables');
for my $bound (sort keys %binding)
{
	for my $who (qw(player service admin))
	{
		my $token = token($who, $binding{$bound});
		for my $route (sort keys %of_ada)
		{
			ask($route, $token, @{ $of_ada{$route} });
			is($status, 403, "$route: $who bound to another $bound") or diag explain $json;
			is($json->{code}, 'forbidden', "$route: $who bound to another $bound: code");
		}
	}
}
is(state_of(), $before, 'and nothing has changed');
is($node->safe_psql('edurange', 'SELECT (SELECT count(*) FROM "ChallengePack"), (SELECT count(*) FROM "Challenge")'), '0|1', 'no pack was installed');

my %bound_to_bob = map { $_ => token($_, $binding{user}) } qw(player service admin);
for my $request (@of_nobody)
{
	my ($route, @how) = @$request;
	my ($below) = grep { $rank{$_} == $rank{ $tier{$route} } - 1 } keys %rank;

	is(ask($route, $bound_to_bob{$below}, @how), 403, "$route: a bound token of a lower tier") if $bound_to_bob{$below};
	is(ask($route, $bound_to_bob{ $tier{$route} }, @how), 200, "$route: a bound token") or diag explain $json;
}
is($node->safe_psql('edurange', q{SELECT DISTINCT "userId" FROM "ActivityLog" WHERE "eventType" = 'CHALLENGE_PACK_INSTALLED'}), 'bob', 'whose user the log names');

is(ask('POST /competition/create', token('service', q{, user_id => 'ina'}), @{ $of_ada{'POST /competition/create'} }), 200,
	'an instructor makes a competition of its own');

# ---- bound to oneself ---------------------------------------------------------------------------
for my $bound (q{, user_id => 'ada'}, q{, instance_id => 'ia'})
{
	my $token = token('player', $bound);
	is(ask('GET /get_points', $token, '?group_id=g'), 200, 'an omitted user is the bound one');
	is(ask('GET /get_points', $token, '?user_id=ada&group_id=g'), 200, 'which may be named');
	is(ask('GET /get_points', $token, '?user_id=ada&group_id=h'), 403, 'not in a competition of others');
	is(ask('GET /competition/{group_id}/leaderboard', $token, '/competition/g/leaderboard'), 200, 'its own board');
	is(ask('GET /get_challenge_instance', $token, '?challenge_instance_id=ia'), 200, 'its own instance');
	is(ask('POST /question/attempt', $token, '', { question_id => 'q', group_challenge_id => 'gc', answer => 'no' }), 200, 'acts for itself');
	is(ask('POST /question/attempt', $token, '', { question_id => 'q', group_challenge_id => 'hc', answer => 'no' }), 403, 'not elsewhere');
	is(ask('POST /question/attempt', $token, '', { question_id => 'q', group_challenge_id => 'gc', answer => 'no', challenge_instance_id => 'ib' }), 403, "not with another's instance");
	is(ask('POST /activity/log', $token, '', { eventType => 'USER_UPDATED' }), 200, 'logs for itself');
}
is(ask('GET /get_challenge_instance', token('player', q{, instance_id => 'ia'}), ''), 200, 'an omitted instance is the bound one');
is($json->{id}, 'ia', 'that one');
my $orphan = token('player', q{, instance_id => 'ib'});
$node->safe_psql('edurange', q{DELETE FROM "ChallengeInstance" WHERE id = 'ib'});
is(ask('GET /get_points', $orphan, '?user_id=bob&group_id=h'), 403, 'an instance that is gone acts for nobody');
is($shim->stop, 0, 'stopped');

done_testing();
