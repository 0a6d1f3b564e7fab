# The HTTP interface: one game played through it, and what every request gets alike.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;
use Edurange::Shim;

my $node = Edurange::Cluster->new_ready('http');
my $shim = Edurange::Shim->start($node, EDURANGE_CORS_ORIGINS => '*');
my %token = map { $_ => $shim->make_token($_) } qw(player service admin);
my ($status, $json, $headers, $raw);

sub is_error
{
	my ($want_status, $want_code, $name) = @_;

	is($status, $want_status, "$name: status");
	is($json->{code}, $want_code, "$name: code");
	ok(length($json->{error} // ''), "$name: a message");
	is($json->{requestId}, $headers->{'x-request-id'}, "$name: the request id");
	like($headers->{'content-type'}, qr{^application/json}, "$name: JSON");
	return;
}

$node->safe_psql(
	'edurange', q{
	INSERT INTO public."User" (id, name, email, role, "updatedAt")
	VALUES ('ada', 'Ada', 'ada@example.org', 'STUDENT', now()),
	       ('bob', 'Bob', 'bob@example.org', 'STUDENT', now()),
	       ('ines', 'Ines', 'ines@example.org', 'INSTRUCTOR', now())});

my $time = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
my $uuid = qr/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

# ---- open routes -------------------------------------------------------------------------------
($status, $json) = $shim->get('/status');
is($status, 200, 'status');
is($json->{status}, 'ok', 'status: ok');
is($json->{database}, 'connected', 'status: the database is connected');
like($json->{timestamp}, $time, 'status: time');
is_deeply(
	[ sort keys %{ $json->{connection_info} } ],
	[ sort qw(last_connected reconnect_attempts last_error) ],
	'status: connection_info');
($status, $json) = $shim->get('/live');
is_deeply([ $status, $json->{live} ], [ 200, JSON::PP::true ], 'live');
($status, $json) = $shim->get('/ready');
is_deeply([ $status, $json->{ready} ], [ 200, JSON::PP::true ], 'ready');
like($json->{version}, qr/^\d+\.\d+\.\d+$/, 'ready: version');

# ---- one game ----------------------------------------------------------------------------------
my $document = {
	metadata => {
		id => 'tour',
		name => 'A Tour',
		version => '1.0.0',
		challenge_type => 'fullOS',
		difficulty => 'beginner'
	},
	components => [
		{
			type => 'webosApp',
			id => 'terminal',
			config => {
				app_type => 'terminal', title => 'Terminal', icon => './icon.svg', width => 60,
				height => 55, screen => 'terminal', disabled => JSON::PP::false,
				favourite => JSON::PP::true, desktop_shortcut => JSON::PP::true,
				launch_on_startup => JSON::PP::false
			}
		},
		{
			type => 'question',
			id => 'q1',
			config => { type => 'text', text => 'Which file?', points => 10, answer => 'tango.txt' }
		},
		{
			type => 'question',
			id => 'q2',
			config => { type => 'text', text => 'How many?', points => 5, answer => '1.50' }
		},
	]
};
($status, $json) = $shim->post('/cdf/import', $document, $token{admin});
is($status, 200, 'import') or diag explain $json;
is_deeply(
	$json,
	{ challenge_id => 'tour', created => JSON::PP::true, changed => JSON::PP::true, questions => 2, app_configs => 1, warnings => [] },
	'import: result');

# ---- the document comes back as it was sent, byte for byte -----------------------------------------
my $spelled = qq({ "components":[ {"type":"question", "id":"\\u0071","config":{"text":"Wie oft? \xc3\xbc",)
  . qq(\n"points":1.0e1,"type":"text","answer":["zwei", 2.50]} }],"metadata":{"name":"Spelled",)
  . qq( "id":"spelled","version":"1","challenge_type":"web"}}\n\n);
my $raw;
($status, $json) = $shim->request(
	'POST', '/cdf/import',
	token => $token{admin}, body => $spelled, headers => { 'Content-Type' => 'application/json' });
is($status, 200, 'import of an odd spelling') or diag explain $json;
($status, undef, $headers, $raw) = $shim->get('/cdf/export/spelled', $token{admin});
is($raw, $spelled, 'export: the same bytes');
like($headers->{'content-type'}, qr{^application/json}, 'export: content type');
($status, $json) = $shim->request(
	'POST', '/cdf/update/spelled',
	token => $token{admin}, body => $raw, headers => { 'Content-Type' => 'application/json' });
is_deeply([ $status, $json->{changed} ], [ 200, JSON::PP::false ], 'the export again changes nothing');
($status, $json, $headers) = $shim->request(
	'POST', '/cdf/update/tour',
	token => $token{admin}, body => $raw, headers => { 'Content-Type' => 'application/json' });
is_error(409, 'challenge_mismatch', 'update with the document of another challenge');

# ---- a document that the platform stored itself, as a text ----------------------------------------
$node->safe_psql('edurange', q{
	INSERT INTO "ChallengeType" (id, name) VALUES ('own-type', 'own-type');
	INSERT INTO "Challenge" (id, name, "challengeTypeId", cdf_content)
	VALUES ('own', 'Own', 'own-type', to_jsonb('{"metadata": {"id": "own", "x-of": "the platform"}, "x-more": [1.50]}'::text)),
	       ('none', 'None', 'own-type', to_jsonb('no document'::text)), ('number', 'Number', 'own-type', '7')});
($status, $json, $headers, $raw) = $shim->get('/cdf/export/own', $token{admin});
is_deeply([ $status, $json->{metadata}{'x-of'}, $raw =~ /"x-more": \[\s*1\.50\s*\]/ ? 1 : 0 ], [ 200, 'the platform', 1 ], 'a document stored as a text keeps what it says');
for my $other (qw(none number))
{
	($status, $json) = $shim->get("/cdf/export/$other", $token{admin});
	is_deeply([ $status, $json->{metadata}{id}, $json->{components} ], [ 200, $other, [] ], "what is no document: $other");
}

($status, $json) = $shim->post(
	'/competition/create',
	{ name => 'Cup', startDate => '2025-01-01T00:00:00Z', instructorIds => ['ines'] },
	$token{service});
is($status, 200, 'create') or diag explain $json;
my $group = $json->{id};
like($group, $uuid, 'create: id');
is($json->{startDate}, '2025-01-01T00:00:00.000Z', 'create: start');
is($json->{endDate}, undef, 'create: no end');

($status, $json) =
  $shim->post('/competition/add-challenge',
	{ groupId => $group, challengeId => 'tour', points => 15 },
	$token{service});
is($status, 200, 'add-challenge') or diag explain $json;
my $placed = $json->{id};

($status, $json) =
  $shim->post('/competition/generate-code',
	{ groupId => $group, createdBy => 'ines', code => 'cup-1', maxUses => 5 },
	$token{service});
is($status, 200, 'generate-code') or diag explain $json;
is($json->{code}, 'CUP-1', 'generate-code: upper case');

($status, $json) =
  $shim->post('/competition/join', { code => 'Cup-1', userId => 'ada' }, $token{player});
is($status, 200, 'join') or diag explain $json;
is($json->{challenges}[0]{id}, $placed, 'join: challenges');
ok(!$json->{alreadyMember}, 'join: for the first time');

($status, $json) = $shim->get('/challenge/details?challenge_id=tour', $token{player});
is($status, 200, 'details') or diag explain $json;
is_deeply([ map { $_->{points} } @{ $json->{questions} } ], [ 10, 5 ], 'details: questions');
is_deeply([ map { $_->{answer} } @{ $json->{questions} } ], [ undef, undef ], 'details: no answer');
is($json->{appConfigs}[0]{appId}, 'terminal', 'details: app configurations');
my ($first, $second) = map { $_->{id} } @{ $json->{questions} };
($status, $json) = $shim->get('/challenge/details?challengeId=tour', $token{service});
is($json->{questions}[0]{answer}, 'tango.txt', 'details: a service sees the answers');

my %attempt = (user_id => 'ada', question_id => $first, group_challenge_id => $placed);
($status, $json) =
  $shim->post('/question/attempt', { %attempt, answer => 'canary-wrong' }, $token{player});
is($status, 200, 'attempt, wrong') or diag explain $json;
is_deeply([ $json->{isCorrect}, $json->{attemptCount} ], [ JSON::PP::false, 1 ], 'attempt, wrong');
($status, $json) =
  $shim->post('/question/attempt', { %attempt, answer => ' tango.txt ' }, $token{player});
is($status, 200, 'attempt, right');
is_deeply(
	[ $json->{isCorrect}, $json->{attemptCount}, $json->{points}{points} ],
	[ JSON::PP::true, 2, 10 ],
	'attempt, right: counted and awarded');

($status, $json, $headers) = $shim->post(
	'/question/complete',
	{ %attempt, question_id => $second, points => 500, is_correct => JSON::PP::true },
	$token{player});
is_error(403, 'attempt_required', 'a player completes without an attempt');
($status, $json) = $shim->post('/question/attempt',
	qq({"user_id":"ada","question_id":"$second","group_challenge_id":"$placed","answer":1.50}),
	$token{player});
is_deeply([ $json->{isCorrect}, $json->{challengeCompleted} ],
	[ JSON::PP::true, JSON::PP::true ], 'attempt: a number counts as it is written');
($status, $json) = $shim->post('/question/complete', { %attempt, points => 500 }, $token{service});
is($status, 200, 'complete, again');
is_deeply(
	[ $json->{points}{points}, $json->{alreadyCompleted} ],
	[ 15, JSON::PP::true ],
	'complete, again: nothing is paid twice');

($status, $json) = $shim->get("/get_points?user_id=ada&group_id=$group", $token{player});
is_deeply($json, { points => 15 }, 'get_points');
($status, $json) = $shim->get('/get_points?userId=nobody&groupId=nothing', $token{player});
is_deeply($json, { points => 0 }, 'get_points of anything unknown');

($status, $json) = $shim->post('/add_points',
	{ user_id => 'ada', group_id => $group, points => -5, reason => 'a hint' }, $token{service});
is_deeply([ $status, $json->{points} ], [ 200, 10 ], 'add_points');
like($json->{updatedAt}, $time, 'add_points: time');
($status, $json) = $shim->post('/set_points', { userId => 'ada', groupId => $group, points => 40 },
	$token{service});
is_deeply([ $status, $json->{points} ], [ 200, 40 ], 'set_points');
($status, $json) =
  $shim->post('/add_points', { user_id => 'bob', group_id => $group, points => 5 },
	$token{service});
is_deeply([ $status, $json->{code} ], [ 403, 'not_a_member' ], 'add_points to a stranger');

$shim->post('/competition/join', { code => 'CUP-1', userId => 'bob' }, $token{player});
($status, $json) = $shim->get("/competition/$group/leaderboard", $token{player});
is_deeply(
	[ map { [ @$_{qw(rank userId name points completions)} ] } @$json ],
	[ [ 1, 'ada', 'Ada', 40, 1 ], [ 2, 'bob', 'Bob', 0, 0 ] ],
	'leaderboard');
($status, $json) = $shim->get("/competition/$group/leaderboard?limit=1&offset=1", $token{player});
is_deeply([ map { $_->{userId} } @$json ], ['bob'], 'leaderboard: limit and offset');
($status, $json) = $shim->get('/competition/nothing/leaderboard', $token{player});
is_deeply([ $status, $json ], [ 200, [] ], 'leaderboard of an unknown competition');

# ---- a document that breaks the rules ----------------------------------------------------------
delete $document->{metadata}{name};
($status, $json, $headers) = $shim->post('/cdf/import', $document, $token{admin});
is_error(422, 'document_invalid', 'import of a broken document');
ok(ref $json->{validation_errors} eq 'ARRAY' && @{ $json->{validation_errors} },
	'broken document: where');
ok(!grep({ !defined $_->{path} || !$_->{message} } @{ $json->{validation_errors} }),
	'broken document: each with path and message');
($status, $json, $headers) = $shim->post('/cdf/import', '{"metadata": ', $token{admin});
is_error(400, 'invalid_json', 'import of no JSON');

# ---- paths and methods -------------------------------------------------------------------------
($status, $json, $headers) = $shim->get('/nothing/here');
is_error(404, 'route_not_found', 'unknown path');
($status, $json, $headers) = $shim->get('/a/b/c/d/e/f/g/h/i/j/k/l');
is_error(404, 'route_not_found', 'very deep path');
($status, $json, $headers) = $shim->get('/add_points', $token{service});
is_error(405, 'method_not_allowed', 'wrong method');
is($headers->{allow}, 'POST, OPTIONS', 'wrong method: Allow');
($status, $json, $headers) = $shim->request('DELETE', '/status');
is_error(405, 'method_not_allowed', 'DELETE');
is($headers->{allow}, 'GET, HEAD, OPTIONS', 'DELETE: Allow');
for my $path ('/api/status', '//status', '/api//status/', '/st%61tus')
{
	($status, $json) = $shim->get($path);
	is_deeply([ $status, $json->{status} ], [ 200, 'ok' ], "$path is /status");
}
($status, $json, $headers, $raw) = $shim->request('HEAD', '/live');
is_deeply([ $status, $raw // '', $headers->{'content-length'} ], [ 200, '', 13 ], 'HEAD');
($status, $json, $headers) = $shim->request('OPTIONS', '/add_points',
	headers => { Origin => 'http://x', 'Access-Control-Request-Headers' => 'x-one, x-two' });
is($status, 204, 'OPTIONS');
is($headers->{'access-control-allow-origin'}, '*', 'OPTIONS: any origin');
is($headers->{'access-control-allow-methods'}, 'POST, OPTIONS', 'OPTIONS: methods');
is($headers->{'access-control-allow-headers'}, 'x-one, x-two', 'OPTIONS: headers');
($status, $json, $headers) = $shim->get('/get_points?user_id=' . 'a' x 5_000, $token{player});
is_error(414, 'uri_too_long', 'long target');

# ---- bodies ------------------------------------------------------------------------------------
my %json_type = ('Content-Type' => 'application/json');

for my $type (undef, 'text/plain', 'application/x-www-form-urlencoded', 'application/jsonx')
{
	($status, $json, $headers) = $shim->request(
		'POST', '/add_points',
		body => '{}',
		token => $token{service},
		headers => { 'Content-Type' => $type // '' });
	is_error(415, 'unsupported_media_type', 'type ' . ($type // 'none'));
}
($status, $json) = $shim->request(
	'POST', '/add_points',
	body => '{}',
	token => $token{service},
	headers => { 'Content-Type' => 'Application/JSON;charset=UTF-8' });
is($json->{code}, 'missing_parameter', 'a charset is fine');
my $large = '{"user_id":"' . 'x' x 100_000 . '"}';
($status, $json, $headers) = $shim->post('/add_points', $large, $token{service});
is_error(413, 'payload_too_large', 'large body');
my @pieces = ($large) x 10;
($status, $json, $headers) = $shim->request(
	'POST', '/add_points',
	body => sub { return shift @pieces },
	token => $token{service},
	headers => {%json_type});
is_error(413, 'payload_too_large', 'large body in chunks');
@pieces = ('{"user_id":"ada",', qq("group_id":"$group",), '"points":1}');
($status, $json) = $shim->request(
	'POST', '/add_points',
	body => sub { return shift @pieces },
	token => $token{service},
	headers => {%json_type});
is_deeply([ $status, $json->{points} ], [ 200, 41 ], 'a body in chunks');

# ---- request ids and the log -------------------------------------------------------------------
($status, $json, $headers) = $shim->request('GET', '/nothing', headers => { 'X-Request-Id' => 'abc.1' });
is_deeply([ $headers->{'x-request-id'}, $json->{requestId} ], [ 'abc.1', 'abc.1' ], 'request id');
for my $bad ('a b', 'a"b', 'x' x 65)
{
	($status, $json, $headers) =
	  $shim->request('GET', '/nothing', headers => { 'X-Request-Id' => $bad });
	like($headers->{'x-request-id'}, qr/^[0-9a-f]{32}$/, 'a bad request id is replaced');
}
is($headers->{'cache-control'}, 'no-store', 'nothing is to be stored');

is($shim->stop, 0, 'SIGTERM ends it with success');
my @lines = map { decode_json($_) } split(/\n/, $shim->log);
my ($line) = grep { ($_->{id} // '') eq 'abc.1' } @lines;
is_deeply([ @$line{qw(method status route tier)} ], [ 'GET', 404, undef, 'none' ], 'a log line');
($line) = grep { ($_->{route} // '') eq '/competition/{group_id}/leaderboard' } @lines;
is_deeply([ @$line{qw(method status tier)} ], [ 'GET', 200, 'player' ], 'the pattern is logged');
for my $secret ('tango', 'canary', 'CUP-1', '"ada"', $group, values %token)
{
	unlike($shim->log, qr/\Q$secret\E/i, 'the log does not have what requests carry');
}
is($node->safe_psql('edurange', 'SELECT count(*) FROM edurange.check_invariants()'),
	0, 'ledger, totals and standing agree');

done_testing();
