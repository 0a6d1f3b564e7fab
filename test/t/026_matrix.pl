# Every route for every tier with a right request and one about ids of nothing.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;
use Edurange::Schema;
use Edurange::Shim;
use FindBin;

my $node = Edurange::Cluster->new_ready('matrix');
my $shim = Edurange::Shim->start($node);
my $openapi = ($shim->get('/openapi.json'))[1]; # says what every answer may be
my $schema = Edurange::Schema->new($openapi);
my %token = map { $_ => $shim->make_token($_) } qw(player service admin);
my %rank = (none => 0, player => 1, service => 2, admin => 3);
my %tier = Edurange::Shim->routes;

$node->safe_psql(
	'edurange', q{
	INSERT INTO "User" (id, email) SELECT u, u FROM unnest(ARRAY['ada', 'ina', 'player', 'service', 'admin']) u;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01'), ('h', 'H', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'ada');
	INSERT INTO "CompetitionAccessCode" (code, "groupId", "createdBy") VALUES ('OPEN', 'h', 'ina');
	SELECT edurange.cdf_import(format('{"metadata": {"id": "%s", "name": "C", "version": "1", "challenge_type": "web"}, "components": [
		{"type": "question", "id": "q", "config": {"type": "text", "text": "?", "points": 10, "answer": "a"}}]}', c))
	FROM unnest(ARRAY['ch', 'service', 'admin']) c;
	UPDATE "ChallengeQuestion" SET id = 'q' WHERE "challengeId" = 'ch';
	INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, "order", required) VALUES ('q2', 'ch', '?', 'TEXT', 1, 1, false);
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('gc', 10, 'ch', 'g');
	INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId") VALUES ('i', 'ch', 'ada', '', 'ACTIVE', 'g');
	INSERT INTO "QuestionAttempt" (id, "questionId", "userId", "groupChallengeId", answer, "isCorrect") VALUES ('a', 'q', 'ada', 'gc', 'a', true);
	INSERT INTO "ChallengeCompletion" (id, "userId", "groupChallengeId", "pointsEarned") VALUES ('c', 'ada', 'gc', 0);
	-- what is changed of grades, for each tier its own; and two who said the same
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'service'), ('g', 'admin');
	INSERT INTO "QuestionCompletion" (id, "userId", "questionId", "groupChallengeId", "pointsEarned") SELECT 'q-' || u, u, 'q', 'gc', 0 FROM unnest(ARRAY['service', 'admin']) u;
	INSERT INTO "QuestionAttempt" (id, "questionId", "userId", "groupChallengeId", answer, "isCorrect") SELECT 'w-' || u, 'q', u, 'gc', 'wrong', false FROM unnest(ARRAY['ina', 'ada']) u;
	INSERT INTO "QuestionCompletion" (id, "userId", "questionId", "groupChallengeId", "pointsEarned", "completedAt") SELECT 'q2', 'ada', 'q2', 'gc', 0, now() AT TIME ZONE 'UTC' FROM "ChallengeQuestion" WHERE id = 'q2';
	INSERT INTO edurange.grade_change (id, group_id, group_challenge_id, question_id, kind, actor, at) VALUES ('change-service', 'g', 'gc', 'q2', 'repriced', 'a', '2021-01-02'), ('change-admin', 'g', 'gc', 'q2', 'repriced', 'a', '2021-01-01');
	INSERT INTO edurange.grade_change_user (change_id, user_id, questions_points, questions_missing, delta) VALUES ('change-admin', 'carl', 0, 0, 0);
	-- what is taken away, for each tier its own
	INSERT INTO "User" (id, email) VALUES ('carl', 'carl');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('d', 'D', '2020-01-01'), ('d-service', 'D', '2020-01-01'), ('d-admin', 'D', '2020-01-01'), ('p', 'P', '2020-01-01');
	SELECT edurange.set_board_policy('p', 'public');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('d', 'service'), ('d', 'admin'), ('d', 'carl');
	INSERT INTO "CompetitionAccessCode" (code, "groupId", "createdBy") VALUES ('R-SERVICE', 'd', 'ina'), ('R-ADMIN', 'd', 'ina');
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('d-service', 10, 'ch', 'd'), ('d-admin', 10, 'admin', 'd');
});

my $document = { metadata => { id => 'imported', name => 'I', version => '1', challenge_type => 'web' },
	components => [ { type => 'container', id => 'c', config => { image => 'i' } } ] };

# A pack of one challenge, as an object.
sub pack_of
{
	my ($id, $dependencies) = @_;

	return {
		manifest => { id => $id, name => $id, version => '1.0.0', challenges => ['c.json'], dependencies => $dependencies // {} },
		challenges => [ { %$document, metadata => { %{ $document->{metadata} }, id => "of-$id" } } ] };
}
$shim->post('/packs/upload', pack_of($_), $token{admin}) for 'pu', 'un-admin';

# Route: what is right (path parameters and query, or body); then what names nothing, and its status.
# TIER stands for the tier that asks, where each needs an id of its own.
my %cases = (
	'GET /status' => [ [''], undef ],
	'GET /live' => [ [''], undef ],
	'GET /ready' => [ [''], undef ],
	'GET /openapi.json' => [ [''], undef ],
	'GET /docs' => [ [''], undef ],
	'GET /' => [ [''], undef ],
	'GET /board/{group_id}' => [ [ '', undef, 'g' ], [ '', undef, 200, 'no' ] ],
	'GET /health/detailed' => [ [''], undef ],
	'POST /packs/upload' => [ [ '', pack_of('pa') ], [ '', pack_of('pb', { no => '*' }), 409 ] ],
	'POST /challenge-pack/install' => [ [ '', pack_of('pa') ], [ '', pack_of('pb', { no => '*' }), 409 ] ],
	'POST /challenge-pack/update' => [ [ '', pack_of('pu') ], [ '', pack_of('no'), 404 ] ],
	'POST /challenge-pack/uninstall' => [ [ '', { pack_id => 'un-TIER' } ], [ '', { pack_id => 'no' }, 404 ] ],
	'GET /challenge-pack/list' => [ [''], undef ],
	'GET /challenge-pack/details/{pack_id}' => [ [ '', undef, 'pu' ], [ '', undef, 404, 'no' ] ],
	'GET /metrics' => [ [''], undef ],
	'GET /get_points' => [ ['?user_id=ada&group_id=g'], [ '?user_id=no&group_id=no', undef, 200 ] ],
	'POST /add_points' => [ [ '', { user_id => 'ada', group_id => 'g', points => 1 } ], [ '', { user_id => 'no', group_id => 'g', points => 1 }, 404 ] ],
	'POST /set_points' => [ [ '', { user_id => 'ada', group_id => 'g', points => 1 } ], [ '', { user_id => 'ada', group_id => 'no', points => 1 }, 404 ] ],
	'POST /competition/create' => [ [ '', { name => 'N', startDate => '2025-01-01', instructorIds => ['ina'] } ], [ '', { name => 'N', startDate => '2025-01-01', instructorIds => ['no'] }, 404 ] ],
	'POST /competition/generate-code' => [ [ '', { groupId => 'g', createdBy => 'ina' } ], [ '', { groupId => 'no', createdBy => 'ina' }, 404 ] ],
	'POST /competition/add-challenge' => [ [ '', { groupId => 'g', challengeId => 'TIER', points => 1 } ], [ '', { groupId => 'g', challengeId => 'no', points => 1 }, 404 ] ],
	'POST /competition/join' => [ [ '', { code => 'open', userId => 'TIER' } ], [ '', { code => 'NO', userId => 'ada' }, 400 ] ],
	'POST /competition/complete-challenge' => [ [ '', { userId => 'ada', groupChallengeId => 'gc' } ], [ '', { userId => 'ada', groupChallengeId => 'no' }, 404 ] ],
	'GET /competition/{group_id}/leaderboard' => [ ['', undef, 'g'], [ '', undef, 200, 'no' ] ],
	'PUT /competition/{group_id}/board-policy' => [ [ '', { visibility => 'members' }, 'g' ], [ '', { visibility => 'public' }, 404, 'no' ] ],
	'GET /competition/{group_id}/board-policy' => [ [ '', undef, 'g' ], [ '', undef, 404, 'no' ] ],
	'GET /competition/{group_id}/board-events' => [ [ '', undef, 'p' ], [ '', undef, 404, 'no' ] ],
	'GET /competition/{group_id}/events' => [ [ '?limit=1', undef, 'p' ], [ '', undef, 404, 'no' ] ],
	'GET /competition/{group_id}/progress/{user_id}' => [ ['', undef, 'g', 'ada'], [ '', undef, 404, 'no', 'ada' ] ],
	'POST /users' => [ [ '', { email => 'TIER@example.org' } ], [ '', { email => 'nobody' }, 400 ] ],
	'GET /users' => [ ['?search=a&limit=1'], [ '?search=nobody', undef, 200 ] ],
	'GET /competitions' => [ ['?limit=1'], [ '?cursor=no', undef, 400 ] ],
	'GET /competition/{group_id}' => [ [ '', undef, 'g' ], [ '', undef, 404, 'no' ] ],
	'PATCH /competition/{group_id}' => [ [ '', { description => '' }, 'g' ], [ '', { name => 'N' }, 404, 'no' ] ],
	'DELETE /competition/{group_id}' => [ [ '?name=D', undef, 'd-TIER' ], [ '?name=no', undef, 404, 'no' ] ],
	'GET /competition/{group_id}/members' => [ [ '?limit=1', undef, 'g' ], [ '', undef, 404, 'no' ] ],
	'DELETE /competition/{group_id}/members/{user_id}' => [ [ '', undef, 'd', 'TIER' ], [ '', undef, 404, 'd', 'no' ] ],
	'PUT /competition/{group_id}/instructors' => [ [ '', { instructorIds => ['ina'] }, 'd' ], [ '', { instructorIds => ['no'] }, 404, 'd' ] ],
	'POST /competition/{group_id}/roster' => [ [ '?dry_run=true', "email\nTIER\@example.org\nnone\n", 'd' ], [ '', "email\n", 404, 'no' ] ],
	'GET /competition/{group_id}/roster' => [ [ '?limit=1', undef, 'd' ], [ '', undef, 404, 'no' ] ],
	'GET /competition/{group_id}/access-codes' => [ [ '?limit=1', undef, 'd' ], [ '', undef, 404, 'no' ] ],
	'DELETE /competition/{group_id}/access-codes/{code}' => [ [ '', undef, 'd', 'R-TIER' ], [ '', undef, 404, 'd', 'no' ] ],
	'DELETE /competition/{group_id}/challenges/{group_challenge_id}' => [ [ '?force=true', undef, 'd', 'd-TIER' ], [ '', undef, 404, 'd', 'no' ] ],
	'PATCH /competition/{group_id}/challenges/{group_challenge_id}' => [ [ '', { points => 10, force => JSON::PP::true }, 'g', 'gc' ], [ '', { points => 10 }, 404, 'g', 'no' ] ],
	'POST /competition/{group_id}/reset' => [ [ '', { userId => 'carl' }, 'd' ], [ '', { userId => 'no' }, 404, 'd' ] ],
	'PUT /competition/{group_id}/participation/{user_id}' => [ [ '', { hidden => JSON::PP::false }, 'g', 'ada' ], [ '', { hidden => JSON::PP::true }, 404, 'g', 'no' ] ],
	'GET /competition/{group_id}/participation' => [ [ '?limit=1', undef, 'g' ], [ '', undef, 404, 'no' ] ],
	'GET /competition/{group_id}/gradebook' => [ [ '?by=total', undef, 'g' ], [ '', undef, 404, 'no' ] ],
	'GET /competition/{group_id}/statistics' => [ [ '', undef, 'g' ], [ '', undef, 404, 'no' ] ],
	'GET /competition/{group_id}/timeline' => [ [ '?top=5', undef, 'g' ], [ '', undef, 404, 'no' ] ],
	'GET /competition/{group_id}/integrity' => [ [ '?fastest_seconds=99999999&equal_answers=1&rare_users=100', undef, 'g' ], [ '', undef, 404, 'no' ] ],
	'POST /competition/{group_id}/questions/{question_id}/rejudge' => [ [ '', { reason => 'r' }, 'g', 'q' ], [ '', { reason => 'r' }, 404, 'g', 'no' ] ],
	'POST /competition/{group_id}/questions/{question_id}/accept-answer' => [ [ '', { answer => 'b' }, 'g', 'q' ], [ '', { answer => 'b' }, 404, 'g', 'no' ] ],
	'POST /competition/{group_id}/questions/{question_id}/reprice' => [ [ '', { reason => 'r' }, 'g', 'q' ], [ '', { reason => 'r' }, 404, 'g', 'no' ] ],
	'POST /competition/{group_id}/questions/{question_id}/grade' => [ [ '', { userId => 'ada', points => 1 }, 'g', 'q' ], [ '', { userId => 'no', points => 1 }, 404, 'g', 'q' ] ],
	'POST /competition/{group_id}/questions/{question_id}/void' => [ [ '', { userId => 'TIER' }, 'g', 'q' ], [ '', { userId => 'no' }, 404, 'g', 'q' ] ],
	'GET /competition/{group_id}/changes' => [ [ '?limit=5', undef, 'g' ], [ '', undef, 404, 'no' ] ],
	'GET /competition/{group_id}/changes/{change_id}' => [ [ '', undef, 'g', 'change-admin' ], [ '', undef, 404, 'g', 'no' ] ],
	'POST /competition/{group_id}/changes/{change_id}/undo' => [ [ '', { reason => 'r' }, 'g', 'change-TIER' ], [ '', { reason => 'r' }, 404, 'g', 'no' ] ],
	'GET /competition/{group_id}/attempts' => [ [ '?user_id=ada&limit=1', undef, 'g' ], [ '', undef, 404, 'no' ] ],
	'GET /activity' => [ ['?group_id=g&limit=1'], [ '?user_id=no', undef, 200 ] ],
	'GET /competition/{group_id}/points-history/{user_id}' => [ [ '', undef, 'g', 'ada' ], [ '', undef, 200, 'no', 'no' ] ],
	'GET /competition/{group_id}/instances' => [ [ '', undef, 'g' ], [ '', undef, 200, 'no' ] ],
	'POST /question/attempt' => [ [ '', { user_id => 'ada', question_id => 'q', group_challenge_id => 'gc', answer => 'a' } ], [ '', { user_id => 'ada', question_id => 'no', group_challenge_id => 'gc', answer => 'a' }, 404 ] ],
	'POST /question/complete' => [ [ '', { user_id => 'ada', question_id => 'q', group_challenge_id => 'gc', points => 5, is_correct => JSON::PP::true } ], [ '', { user_id => 'no', question_id => 'q', group_challenge_id => 'gc' }, 404 ] ],
	'GET /question/completed' => [ ['?user_id=ada&group_challenge_id=gc'], [ '?user_id=no&group_challenge_id=no', undef, 200 ] ],
	'GET /question/details' => [ ['?question_id=q'], [ '?question_id=no', undef, 404 ] ],
	'GET /challenge/details' => [ ['?challenge_id=ch'], [ '?challenge_id=no', undef, 404 ] ],
	'GET /challenge/list' => [ ['?group_id=g&limit=500'], [ '?pack_id=no', undef, 200 ] ],
	'GET /challenges' => [ [''], undef ],
	'POST /cdf/update/{challenge_id}' => [ [ '', $document, $document->{metadata}{id} ], [ '', $document, 404, 'no' ] ],
	'GET /cdf/export/{challenge_id}' => [ [ '', undef, 'ch' ], [ '', undef, 404, 'no' ] ],
	'GET /get_challenge_instance' => [ ['?challenge_instance_id=i'], [ '?challenge_instance_id=no', undef, 404 ] ],
	'PATCH /challenge-instances/{instance_id}' => [ [ '', { flag => 'EDU-{x}' }, 'i' ], [ '', { flag => 'EDU-{x}' }, 404, 'no' ] ],
	'POST /activity/log' => [ [ '', { eventType => 'USER_UPDATED', userId => 'ada' } ], [ '', { eventType => 'NO', userId => 'no', groupId => 'no' }, 200 ] ],
	'GET /schema' => [ [''], undef ],
	'POST /cdf/validate' => [ [ '', $document ], undef ],
	'POST /cdf/import' => [ [ '', $document ], [ '?pack_id=no', $document, 400 ] ]);

is_deeply([ sort keys %cases ], [ sort keys %tier ], 'every route is in this table');

# A body with its headers: JSON, or a table as it is.
sub body_of
{
	my ($body, $who, %headers) = @_;
	my $text = ref $body ? encode_json($body) : $body;

	return (headers => \%headers) unless defined $body;
	return (body => $text =~ s/\bTIER\b/$who/gr, headers => { %headers, 'Content-Type' => ref $body ? 'application/json' : 'text/csv' });
}

# Sends a request of the table as a tier; the ids of the path come last.
sub ask
{
	my ($route, $who, $query, $body, @ids) = @_;
	my ($method, $path) = split / /, $route;

	$path =~ s/\{\w+\}/shift(@ids) =~ s{\bTIER\b}{$who}r/ge;
	my ($status, $json, $headers, $raw) = $path =~ /board-events$/ ? $shim->listen($path, token => $token{$who})
	  : $shim->request($method, $path . $query, token => $token{$who}, body_of($body, $who));
	my $operation = $openapi->{paths}{ (split / /, $route)[1] }{ lc $method };
	is_deeply([ $schema->response_violations($operation, $status, $json, $headers->{'content-type'}) ], [],
		"$route for $who: the answer is as documented");
	return ($status, $json, $headers, $raw);
}

for my $route (sort keys %cases)
{
	my ($right, $unknown) = @{ $cases{$route} };

	for my $who (qw(none player service admin))
	{
		my $refused = $rank{$who} >= $rank{ $tier{$route} } ? undef : $who eq 'none' ? 401 : 403;
		my ($status, $json) = ask($route, $who, @$right);
		is($status, $refused // 200, "$route for $who: a right request") or diag explain $json;
		ok(ref $json, 'the answer is JSON') unless $route =~ m{^GET (?:/|/docs|/board/.*|/metrics|.*/(?:board-)?events)$};
		next unless defined $unknown;
		my ($query, $body, $want, @ids) = @$unknown;
		($status, $json) = ask($route, $who, $query, $body, @ids);
		is($status, $refused // $want, "$route for $who: ids of nothing") or diag explain $json;
		ok($status == 200 || $json->{error} && $json->{code} && $json->{requestId}, 'an error has its body');
	}
}
# ---- who acts ------------------------------------------------------------------------------------
# The same requests on behalf of somebody: by the table of authorities that the extension has, whatever the route.
my $there = "$FindBin::RealBin/../..";
my ($rules, $tables) = map { slurp_file("$there/$_") } 'extension/calls/authority.c', 'shim/api/routes.c';
my $statements = slurp_file("$there/shim/database/statements.c");
my %authority = $rules =~ /^ {4}\{"(\w+)", (\w+)/gm;
my %function = $statements =~ /^\t\[STATEMENT_(\w+)\] = (?:\w+\(|\{)\s*"?(?:SELECT\()?"?(\w+)"/gm;
%function = (%function, slurp_file("$there/shim/database/statements.h") =~ /\bX\((\w+), "(\w+)"\)/g);
my %authority_of;
while ($tables =~ /^\t\{(?:READ\(|WRITE\("(\w+)", )"([^"]+)", \w+, (\w+)|\.method = "(\w+)", \.path = "([^"]+)"[^}]*?\.caller = true[^}]*?STATEMENT_(\w+)/gm)
{
	my ($method, $path, $statement) = ($1 // $4 // 'GET', $2 // $5, $3 // $6);
	$authority_of{"$method $path"} = $authority{ $function{$statement} } // die "$path: no authority";
}
is_deeply([ sort keys %authority_of ], [ sort grep { $openapi->{paths}{ (split / /)[1] }{ lc((split / /)[0]) }{security}[0] } keys %tier ],
	'every route that needs a token has an authority');
$node->safe_psql(
	'edurange', q{
	INSERT INTO "User" (id, email, role) VALUES ('adm', 'adm', 'ADMIN'), ('oti', 'oti', 'INSTRUCTOR'), ('gone', 'gone', 'INSTRUCTOR'), ('bob', 'bob', 'STUDENT');
	UPDATE "User" SET role = 'INSTRUCTOR' WHERE id = 'ina';
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'bob');
	INSERT INTO "_GroupInstructors" ("A", "B") VALUES ('g', 'ina'), ('h', 'oti'), ('g', 'gone'), ('d', 'ina') ON CONFLICT DO NOTHING;
	DELETE FROM "User" WHERE id = 'gone';
	DELETE FROM "GroupChallenge" WHERE "challengeId" IN ('service', 'admin');
});
# ada, whom the requests are about, is a member of g, ina its instructor; nobody else but an ADMIN may anything
my %may = (
	ANY_USER => [qw(ada bob ina oti adm)], SPECTATOR => [qw(ada bob ina adm)], HOST => [qw(ina adm)], PARTICIPANT => [qw(ada bob ina adm)], ONESELF => [qw(ada ina)],
	REGISTRAR => [qw(ina oti adm)], INSTRUCTOR => ['ina'], FOUNDER => [qw(ina adm)], ADMIN => ['adm']);
# in a competition, where the request of above names none or another
$cases{'POST /activity/log'}[0][1]{groupId} = 'g';
$cases{$_}[0][2] = 'g' for 'GET /competition/{group_id}/board-events', 'GET /competition/{group_id}/events';
$cases{'DELETE /competition/{group_id}'}[0] = [ '?name=no', undef, 'g' ];
$cases{'POST /competition/join'}[0] = [ '', { code => 'shut', userId => 'ada' } ];
$node->safe_psql('edurange', q{INSERT INTO "CompetitionAccessCode" (code, "groupId", "createdBy") VALUES ('SHUT', 'g', 'ina')});
for my $route (sort keys %authority_of)
{
	for my $who (qw(none player service admin))
	{
		my ($right) = @{ $cases{$route} };
		my %got;
		for my $acting (qw(ada bob ina oti adm no gone))
		{
			my ($query, $body, @ids) = @$right;
			my ($method, $path) = split / /, $route;
			$path =~ s/\{\w+\}/shift(@ids) =~ s{\bTIER\b}{$who}r/ge;
			my ($status, $json) = $path =~ /board-events$/ ? $shim->listen($path, token => $token{$who}, headers => { 'X-Acting-User' => $acting })
			  : $shim->request($method, $path . $query, token => $token{$who}, body_of($body, $who, 'X-Acting-User' => $acting));
			push @{ $got{ $status == 401 ? 401 : $status == 403 && $json->{code} =~ /^(forbidden|not_an_instructor)$/ ? $1 : 'may' } }, $acting;
		}
		my %all = map { $_ => 1 } qw(ada bob ina oti adm no gone);
		my @may = @{ $may{ $authority_of{$route} } };
		delete @all{@may};
		# (without a token, where the tier would do, the header is refused likewise)
		my $want = $who eq 'none' && $rank{ $tier{$route} } > 0 ? { 401 => [qw(ada bob ina oti adm no gone)] }
		  : $rank{$who} < 2 || $rank{$who} < $rank{ $tier{$route} } ? { forbidden => [qw(ada bob ina oti adm no gone)] }
		  : { may => \@may, not_an_instructor => [ grep { $all{$_} } qw(ada bob ina oti adm no gone) ] };
		is_deeply(\%got, $want, "$route for $who on behalf of somebody") or diag explain \%got;
	}
}
is(($shim->request('GET', '/get_points?user_id=ada&group_id=g', token => $token{service}, headers => { 'X-Acting-User' => '' }))[1]{code},
	'not_an_instructor', 'an empty name is nobody');
like(($shim->request('GET', '/get_points?user_id=ada&group_id=g', token => $token{player}, headers => { 'X-Acting-User' => 'ada' }))[1]{error},
	qr/^X-Acting-User needs /, 'what a player may not give is named as they spelled it');
for my $bound (q{user_id => 'ada'}, q{instance_id => 'i'})
{
	my $token = $node->safe_psql('edurange', "SELECT token FROM edurange.create_token('service', 'b', $bound)");
	is(($shim->request('GET', '/get_points?user_id=ada&group_id=g', token => $token, headers => { 'X-Acting-User' => 'ada' }))[1]{code},
		'forbidden', 'nor does a bound token speak for anybody');
}

# ---- what may be null ----------------------------------------------------------------------------
# The document says of every member of an answer whether it may be null: the answers above and these are
# null wherever it says so, and, being held against it, nowhere else.
$node->safe_psql(
	'edurange', q{
	INSERT INTO "User" (id, email) VALUES ('eve', 'eve');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'eve');
	INSERT INTO "ChallengePack" (id, name, version, "updatedAt") VALUES ('found', 'F', '1.0.0', now());
	INSERT INTO "Challenge" (id, name, "challengeTypeId", "updatedAt", pack_id)
	SELECT 'found', 'F', id, now(), 'found' FROM "ChallengeType" LIMIT 1;
	INSERT INTO "Challenge" (id, name, "challengeTypeId", "updatedAt") SELECT 'none', 'N', id, now() FROM "ChallengeType" LIMIT 1;
	INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, "order", "updatedAt") VALUES ('found', 'found', '?', 'TEXT', 5, 0, now());
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('found', 5, 'found', 'g');
	INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId") VALUES ('found', 'found', 'eve', '', 'ACTIVE', 'h');
});
my %eve = (user_id => 'eve', question_id => 'q', group_challenge_id => 'gc');
my $changed_pack = pack_of('pu');
$changed_pack->{manifest}{version} = '1.1.0';
$changed_pack->{challenges}[0]{metadata}{id} = 'of-pu-now';
my $wrong_pack = pack_of('wrong');
$wrong_pack->{challenges}[0]{components} = 'none';
ask(@$_)
  for [ 'GET /challenge/list', 'service', '' ],
  [ 'GET /challenges', 'service', '' ],
  [ 'GET /users', 'service', '?limit=500' ],
  [ 'GET /competitions', 'service', '?limit=500' ],
  [ 'GET /competition/{group_id}/members', 'service', '', undef, 'g' ],
  [ 'GET /competition/{group_id}/access-codes', 'service', '', undef, 'g' ],
  [ 'POST /competition/{group_id}/roster', 'service', '', "email,name\nada,\nnew\@example.org\nservice\@example.org,S\n", 'd' ],
  [ 'GET /competition/{group_id}/roster', 'service', '', undef, 'd' ],
  [ 'GET /competition/{group_id}/attempts', 'player', '', undef, 'g' ],
  [ 'GET /activity', 'service', '?limit=500' ],
  [ 'GET /competition/{group_id}/points-history/{user_id}', 'service', '', undef, 'g', 'ada' ],
  [ 'GET /competition/{group_id}/instances', 'service', '', undef, 'g' ],
  [ 'GET /challenge-pack/list', 'service', '' ],
  [ 'GET /challenge-pack/details/{pack_id}', 'service', '', undef, 'found' ],
  [ 'GET /question/details', 'service', '?question_id=found' ],
  [ 'GET /get_challenge_instance', 'service', '?challenge_instance_id=found' ],
  [ 'GET /competition/{group_id}/leaderboard', 'service', '', undef, 'g' ],
  [ 'POST /question/attempt', 'player', '', { %eve, answer => 'no' } ],
  [ 'POST /challenge-pack/update', 'admin', '', $changed_pack ],
  [ 'POST /packs/upload', 'admin', '', $wrong_pack ];

# Somebody without a name has points.
my $name = $node->safe_psql('edurange', q{SELECT quote_nullable(name) FROM "User" WHERE id = 'ada'});
$node->safe_psql('edurange', q{UPDATE "User" SET name = NULL WHERE id = 'ada'});
ask('GET /competition/{group_id}/timeline', 'service', '', undef, 'g');
$node->safe_psql('edurange', qq{UPDATE "User" SET name = $name WHERE id = 'ada'});

# Another shim, of which all connections know of no limit; and one that never had a connection.
$node->safe_psql(
	'edurange', q{
	ALTER DATABASE edurange SET edurange.attempt_limit = 0;
	REVOKE CONNECT ON DATABASE edurange FROM PUBLIC;
	GRANT CONNECT ON DATABASE edurange TO edurange_shim_player, edurange_shim_service, edurange_shim_admin, edurange_worker;
	INSERT INTO "QuestionCompletion" (id, "userId", "questionId", "groupChallengeId", "pointsEarned") VALUES ('eve', 'eve', 'q', 'gc', 0);
	DELETE FROM "GroupPoints" WHERE "userId" = 'eve';
});
$shim = Edurange::Shim->start($node);
ask('POST /question/attempt', 'player', '', { %eve, answer => 'no' });
ask('POST /question/complete', 'player', '', \%eve);
ask('GET /health/detailed', 'service', '');
# a worker that does its work
$node->append_conf('postgresql.conf', "edurange.database = 'edurange'\nedurange.instance_manager_url = 'http://127.0.0.1:1/api'\n");
$node->restart;
$node->poll_query_until('edurange', 'SELECT "workerProblem" IS NULL FROM edurange.sync_status()') or die 'the worker does not come';
$shim = Edurange::Shim->start($node);
ask('GET /health/detailed', 'service', '');
$node->safe_psql('edurange', 'REVOKE EXECUTE ON FUNCTION edurange.sync_drift_summary FROM edurange_owner');
ask('GET /health/detailed', 'service', '');
$node->safe_psql('edurange', 'GRANT EXECUTE ON FUNCTION edurange.sync_drift_summary TO edurange_owner');
$shim = Edurange::Shim->start($node, PGDATABASE => 'nowhere', WAIT => '/live');
ask('GET /status', 'none', '');
is_deeply([ $schema->never_null ], [], 'what may be null by the document was null');

# Rows that only SQL gives: what their types say in the database.
$node->safe_psql('edurange', q{UPDATE "ChallengeInstance" SET flag = 'no decoy' WHERE id = 'found'});
my %rows = (
	points_entry => q{points_history('ada', 'g')},
	token_record => 'tokens()',
	new_token => q{create_token('player', 'bound to nobody')},
	cdf_schema_state => 'reset_cdf_schema()',
	finding => 'findings()');
for my $type (sort keys %rows)
{
	my $null = $node->safe_psql('edurange',
		"SELECT DISTINCT key FROM edurange.$rows{$type} t, jsonb_each(to_jsonb(t)) WHERE value = 'null'");
	my ($nullable) = $node->safe_psql('edurange', "SELECT obj_description('edurange.$type'::regtype)") =~ /Nullable: ([\w, ]+)\./;
	is_deeply([ sort split /\n/, $null ], [ sort split /, /, $nullable ], "$type: null is what may be null");
}
is($node->safe_psql('edurange', 'SELECT count(*) FROM edurange.check_invariants()'), '0', 'invariants');

done_testing();
