# Every parameter of every route with every kind of bad value: 400, and the parameter named.

use strict;
use warnings;

use FindBin;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;
use Edurange::Shim;

my $node = Edurange::Cluster->new_ready('parameters');
my $shim = Edurange::Shim->start($node, AS => 'admin');

# name, other spelling, type, required
my @user_group = ([ 'user_id', 'userId', 'text', 1 ], [ 'group_id', 'groupId', 'text', 1 ]);
my @question = (
	[ 'user_id', 'userId', 'text', 1 ],
	[ 'question_id', 'questionId', 'text', 1 ],
	[ 'group_challenge_id', 'groupChallengeId', 'text', 1 ]);
my @page = ([ 'limit', undef, 'integer', 0 ], [ 'cursor', undef, 'text', 0 ]);
my @whose = ([ 'user_id', 'userId', 'text', 0 ]);
my %routes = (
	'GET /get_points' => [@user_group],
	'POST /add_points' =>
	  [ @user_group, [ 'points', undef, 'integer', 1 ], [ 'reason', undef, 'text', 0 ] ],
	'POST /set_points' =>
	  [ @user_group, [ 'points', undef, 'integer', 1 ], [ 'reason', undef, 'text', 0 ] ],
	'POST /competition/create' => [
		[ 'name', undef, 'text', 1 ],
		[ 'description', undef, 'text', 0 ],
		[ 'startDate', 'start_date', 'timestamp', 1 ],
		[ 'endDate', 'end_date', 'timestamp', 0 ],
		[ 'instructorIds', 'instructor_ids', 'list', 1 ]
	],
	'POST /competition/generate-code' => [
		[ 'groupId', 'group_id', 'text', 1 ],
		[ 'createdBy', 'created_by', 'text', 1 ],
		[ 'code', undef, 'text', 0 ],
		[ 'expiresAt', 'expires_at', 'timestamp', 0 ],
		[ 'maxUses', 'max_uses', 'integer', 0 ]
	],
	'POST /competition/add-challenge' => [
		[ 'groupId', 'group_id', 'text', 1 ],
		[ 'challengeId', 'challenge_id', 'text', 1 ],
		[ 'points', undef, 'integer', 1 ]
	],
	'POST /users' => [
		[ 'email', undef, 'text', 1 ],
		[ 'name', undef, 'text', 0 ],
		[ 'role', undef, 'text', 0 ],
		[ 'id', undef, 'text', 0 ]
	],
	'GET /users' => [ [ 'search', undef, 'text', 0 ], @page ],
	'GET /competitions' => [@page],
	'GET /competition/{group_id}' => [],
	'PATCH /competition/{group_id}' => [
		[ 'name', undef, 'text', 0 ],
		[ 'description', undef, 'text', 0 ],
		[ 'startDate', 'start_date', 'timestamp', 0 ],
		[ 'endDate', 'end_date', 'timestamp', 0 ],
		[ 'noEndDate', 'no_end_date', 'boolean', 0 ]
	],
	'DELETE /competition/{group_id}' => [ [ 'name', undef, 'text', 1 ] ],
	'GET /competition/{group_id}/members' => [@page],
	'DELETE /competition/{group_id}/members/{user_id}' => [],
	'PUT /competition/{group_id}/instructors' => [ [ 'instructorIds', 'instructor_ids', 'list', 1 ] ],
	'POST /competition/{group_id}/roster' => undef, # takes a table: 140_rosters.pl
	'GET /competition/{group_id}/roster' => [@page],
	'GET /competition/{group_id}/access-codes' => [@page],
	'DELETE /competition/{group_id}/access-codes/{code}' => [],
	'DELETE /competition/{group_id}/challenges/{group_challenge_id}' =>
	  [ [ 'force', undef, 'boolean', 0 ], [ 'reason', undef, 'text', 0 ] ],
	'PATCH /competition/{group_id}/challenges/{group_challenge_id}' => [
		[ 'points', undef, 'integer', 1 ],
		[ 'force', undef, 'boolean', 0 ],
		[ 'reason', undef, 'text', 0 ]
	],
	'POST /competition/{group_id}/reset' =>
	  [ [ 'userId', 'user_id', 'text', 1 ], [ 'reason', undef, 'text', 0 ] ],
	'PUT /competition/{group_id}/participation/{user_id}' => [
		[ 'endsAt', 'ends_at', 'timestamp', 0 ],
		[ 'hidden', undef, 'boolean', 0 ],
		[ 'disqualified', undef, 'boolean', 0 ],
		[ 'reason', undef, 'text', 0 ]
	],
	'GET /competition/{group_id}/participation' => [@page],
	'GET /competition/{group_id}/gradebook' => [
		[ 'format', undef, 'text', 0 ],
		[ 'by', undef, 'text', 0 ],
		[ 'at', undef, 'timestamp', 0 ],
		[ 'in_points', 'inPoints', 'boolean', 0 ]
	],
	'GET /competition/{group_id}/statistics' => [],
	'GET /competition/{group_id}/timeline' => [ [ 'top', undef, 'integer', 0 ] ],
	'GET /competition/{group_id}/integrity' => [
		[ 'fastest_seconds', 'fastestSeconds', 'integer', 0 ],
		[ 'equal_answers', 'equalAnswers', 'integer', 0 ],
		[ 'rare_users', 'rareUsers', 'integer', 0 ]
	],
	'POST /competition/{group_id}/questions/{question_id}/rejudge' =>
	  [ [ 'dryRun', 'dry_run', 'boolean', 0 ], [ 'reason', undef, 'text', 0 ] ],
	'POST /competition/{group_id}/questions/{question_id}/accept-answer' =>
	  [ [ 'answer', undef, 'answer', 1 ], [ 'dryRun', 'dry_run', 'boolean', 0 ], [ 'reason', undef, 'text', 0 ] ],
	'POST /competition/{group_id}/questions/{question_id}/reprice' => [ [ 'reason', undef, 'text', 0 ] ],
	'POST /competition/{group_id}/questions/{question_id}/grade' =>
	  [ [ 'userId', 'user_id', 'text', 1 ], [ 'points', undef, 'integer', 1 ], [ 'reason', undef, 'text', 0 ] ],
	'POST /competition/{group_id}/questions/{question_id}/void' =>
	  [ [ 'userId', 'user_id', 'text', 1 ], [ 'reason', undef, 'text', 0 ] ],
	'GET /competition/{group_id}/changes' => [@page],
	'GET /competition/{group_id}/changes/{change_id}' => [],
	'POST /competition/{group_id}/changes/{change_id}/undo' => [ [ 'reason', undef, 'text', 0 ] ],
	'GET /competition/{group_id}/attempts' => [ @whose, [ 'question_id', 'questionId', 'text', 0 ], @page ],
	'GET /activity' =>
	  [ [ 'group_id', 'groupId', 'text', 0 ], @whose, [ 'event_type', 'eventType', 'text', 0 ], @page ],
	'GET /competition/{group_id}/points-history/{user_id}' =>
	  [ [ 'limit', undef, 'integer', 0 ], [ 'before_seq', 'beforeSeq', 'integer', 0 ] ],
	'GET /competition/{group_id}/instances' => [ @whose, [ 'status', undef, 'text', 0 ], @page ],
	'POST /competition/join' =>
	  [ [ 'code', undef, 'text', 1 ], [ 'userId', 'user_id', 'text', 1 ] ],
	'GET /competition/{group_id}/leaderboard' => [
		[ 'limit', undef, 'integer', 0 ],
		[ 'offset', undef, 'integer', 0 ],
		[ 'at', undef, 'timestamp', 0 ],
		[ 'corrected', undef, 'boolean', 0 ]
	],
	'GET /competition/{group_id}/progress/{user_id}' => [],
	'PUT /competition/{group_id}/board-policy' =>
	  [ [ 'visibility', undef, 'text', 1 ], [ 'freezeAt', 'freeze_at', 'timestamp', 0 ], [ 'thawedAt', 'thawed_at', 'timestamp', 0 ] ],
	'GET /competition/{group_id}/board-policy' => [],
	'GET /competition/{group_id}/board-events' => [],
	'GET /competition/{group_id}/events' => [ [ 'sinceToken', 'since_token', 'text', 0 ], [ 'limit', undef, 'integer', 0 ] ],
	'POST /competition/complete-challenge' => [
		[ 'userId', 'user_id', 'text', 1 ],
		[ 'groupChallengeId', 'group_challenge_id', 'text', 1 ],
		[ 'groupId', 'group_id', 'text', 0 ],
		[ 'pointsEarned', 'points_earned', 'integer', 0 ],
		[ 'challengeId', 'challenge_id', 'text', 0 ]
	],
	'GET /question/completed' =>
	  [ [ 'user_id', 'userId', 'text', 1 ], [ 'group_challenge_id', 'groupChallengeId', 'text', 1 ] ],
	'GET /question/details' => [ [ 'question_id', 'questionId', 'text', 1 ] ],
	'GET /challenge/list' => [ [ 'limit', undef, 'integer', 0 ], [ 'pack_id', 'packId', 'text', 0 ] ],
	'GET /challenges' => [],
	'GET /get_challenge_instance' => [ [ 'challenge_instance_id', 'challengeInstanceId', 'text', 1 ] ],
	'PATCH /challenge-instances/{instance_id}' => [
		[ 'flagSecretName', 'flag_secret_name', 'text', 0 ],
		[ 'flag', undef, 'text', 0 ],
		[ 'status', undef, 'text', 0 ]
	],
	'POST /activity/log' => [
		[ 'eventType', 'event_type', 'text', 1 ],
		[ 'userId', 'user_id', 'text', 1 ],
		[ 'severity', undef, 'text', 0 ],
		[ 'challengeId', 'challenge_id', 'text', 0 ],
		[ 'groupId', 'group_id', 'text', 0 ],
		[ 'challengeInstanceId', 'challenge_instance_id', 'text', 0 ],
		[ 'accessCodeId', 'access_code_id', 'text', 0 ],
		[ 'details', undef, 'text', 0 ]
	],
	'GET /health/detailed' => [],
	'POST /question/attempt' => [
		@question,
		[ 'answer', undef, 'answer', 1 ],
		[ 'challenge_instance_id', 'challengeInstanceId', 'text', 0 ]
	],
	'POST /question/complete' => [ @question, [ 'is_correct', 'isCorrect', 'boolean', 0 ] ],
	'GET /cdf/export/{challenge_id}' => [],
	'GET /challenge/details' => [ [ 'challenge_id', 'challengeId', 'text', 1 ] ],
	# these take packs: 055_packs_http.pl
	map({ ($_ => undef) } 'POST /packs/upload', 'POST /challenge-pack/install', 'POST /challenge-pack/update'),
	'POST /challenge-pack/uninstall' => [ [ 'pack_id', 'packId', 'text', 1 ] ],
	'GET /challenge-pack/list' => [],
	'GET /challenge-pack/details/{pack_id}' => [],
);

# A value of each type as JSON text, and what is no value of it, with the code that says so.
my %good = (
	text => '"x"',
	integer => '1',
	timestamp => '"2025-01-01T00:00:00Z"',
	list => '["x"]',
	answer => '"x"',
	boolean => 'true');
my %bad = (
	text => { '1' => 'invalid_type', '1.5' => 'invalid_type', 'true' => 'invalid_type',
		'18446744073709551616' => 'invalid_type',
		'["x"]' => 'invalid_type', '{"x":1}' => 'invalid_type' },
	integer => {
		'"1"' => 'invalid_type',
		'1.5' => 'invalid_type',
		'1.0' => 'invalid_type',
		'true' => 'invalid_type',
		'[1]' => 'invalid_type',
		'{}' => 'invalid_type',
		'2147483648' => 'out_of_range',
		'-2147483649' => 'out_of_range',
		'9223372036854775808' => 'out_of_range',
		'123456789012345678901234567890' => 'out_of_range',
		'1e300' => 'out_of_range'
	},
	timestamp => {
		'1' => 'invalid_type',
		'{}' => 'invalid_type',
		'"tomorrow"' => 'invalid_time',
		'"infinity"' => 'invalid_time',
		'"now"' => 'invalid_time',
		'"01/02/2025"' => 'invalid_time',
		'"2025-1-1"' => 'invalid_time',
		'"2025-01-01T00:00:00 UTC"' => 'invalid_time',
		'"2025-01-01T00:00:00Z; x"' => 'invalid_time',
		'"20250101T000000Z"' => 'invalid_time',
		'"2025-02-29"' => 'time_out_of_range',
		'"2025-13-01T00:00:00Z"' => 'time_out_of_range',
		'"2025-01-01T24:00:00Z"' => 'time_out_of_range',
		'"2025-01-01T00:60:00Z"' => 'time_out_of_range',
		'"2025-01-01T00:00:00+25:00"' => 'time_out_of_range',
		'"0000-01-01T00:00:00Z"' => 'time_out_of_range'
	},
	list => { '"x"' => 'invalid_type', '1' => 'invalid_type', '[1]' => 'invalid_type',
		'["x",null]' => 'invalid_type', '{}' => 'invalid_type' },
	answer => { 'true' => 'invalid_type', '{}' => 'invalid_type', '[1]' => 'invalid_type' },
	boolean => { '"true"' => 'invalid_type', '1' => 'invalid_type', '"x"' => 'invalid_type' },
);
my %bad_in_query = (
	timestamp => { '' => 'invalid_time', 'tomorrow' => 'invalid_time', '2025-02-30' => 'time_out_of_range' },
	integer => {
		'' => 'invalid_type',
		'x' => 'invalid_type',
		'1.5' => 'invalid_type',
		'1e3' => 'invalid_type',
		'%2B1' => 'invalid_type',
		'0x10' => 'invalid_type',
		'1%201' => 'invalid_type',
		'2147483648' => 'out_of_range',
		'99999999999999999999' => 'out_of_range'
	},
	boolean => { '' => 'invalid_type', 'x' => 'invalid_type', '1' => 'invalid_type' },
	text => {});

my %open = map { $_ => 1 } 'GET /status', 'GET /live', 'GET /ready', 'GET /openapi.json', 'GET /docs', 'GET /', 'GET /board/{group_id}',
	'GET /metrics';
my %of_program = Edurange::Shim->routes;
is_deeply([ sort keys %routes, keys %open, 'POST /cdf/import', 'POST /cdf/update/{challenge_id}', 'POST /cdf/validate', 'GET /schema' ],
	[ sort keys %of_program ],
	'every route is in this table, but for those that take a document or nothing');

my $token; # with which requests are sent; none: that of the administrator

sub in_query
{
	return $_[0] eq 'GET' || $_[0] eq 'DELETE';
}

# Sends fields, pairs of name and JSON text or encoded query text, the way the method asks for.
sub ask
{
	my ($method, $path, @fields) = @_;
	my @pairs;

	while (my ($name, $value) = splice(@fields, 0, 2))
	{
		push @pairs, in_query($method) ? "$name=$value" : qq("$name":$value);
	}
	$path =~ s/\{\w+\}/x/g;
	return $shim->get($path . '?' . join('&', @pairs), $token) if $method eq 'GET';
	return $shim->request($method, $path . '?' . join('&', @pairs), token => $token) if in_query($method);
	return $shim->request($method, $path, token => $token, body => '{' . join(',', @pairs) . '}',
		headers => { 'Content-Type' => 'application/json' });
}

sub is_refused
{
	my ($want, $param, $name, $status, $json) = @_;

	is_deeply([ $status, $json->{code} ], [ 400, $want ], $name) or diag explain $json;
	like($json->{error} // '', qr/"\Q$param\E"/, "$name: names it");
	return;
}

for my $route (grep { $routes{$_} } sort keys %routes)
{
	my ($method, $path) = split(/ /, $route);
	my $query = in_query($method);
	my @params = @{ $routes{$route} };
	my $value = sub { return $query ? { integer => 1, text => 'x', timestamp => '2025-01-01', boolean => 'true' }->{ $_[0][2] } : $good{ $_[0][2] } };
	my @all = map { $_->[0] => $value->($_) } @params;

	for my $i (0 .. $#params)
	{
		my ($name, $alias, $type, $required) = @{ $params[$i] };
		my @others = map { $_->[0] => $value->($_) } @params[ grep { $_ != $i } 0 .. $#params ];
		my %wrong = $query ? %{ $bad_in_query{$type} } : %{ $bad{$type} };

		if ($required)
		{
			is_refused('missing_parameter', $name, "$route without $name",
				ask($method, $path, @others));
			is_refused('missing_parameter', $name, "$route with an empty $name",
				ask($method, $path, @others, $name => $query ? '' : '""'))
			  if $type eq 'text';
			is_refused('missing_parameter', $name, "$route with $name null",
				ask($method, $path, @others, $name => 'null'))
			  if !$query;
		}
		else
		{
			my ($status, $json) = ask($method, $path, @others, $query ? () : ($name => 'null'));
			unlike($json->{error} // '', qr/"\Q$name\E"/, "$route: $name may be missing")
			  if ref $json eq 'HASH';
		}
		for my $wrong (sort keys %wrong)
		{
			is_refused($wrong{$wrong}, $name, "$route with $name $wrong",
				ask($method, $path, @others, $name => $wrong));
		}
		if ($alias)
		{
			my ($status, $json) = ask($method, $path, @others, $alias => $value->($params[$i]));
			isnt(ref $json eq 'HASH' ? $json->{code} // '' : '',
				'missing_parameter', "$route: $alias is $name");
			is_refused('invalid_parameter', $name, "$route with $name and $alias",
				ask($method, $path, @all, $alias => $value->($params[$i])));
			is_refused($query ? 'invalid_parameter' : 'invalid_json', $alias, "$route with $alias twice",
				ask($method, $path, @others, ($alias => $value->($params[$i])) x 2));
			is_refused($wrong{$_}, $alias, "$route with $alias $_", ask($method, $path, @others, $alias => $_))
			  for sort keys %wrong;
		}
		is_refused($query ? 'invalid_parameter' : 'invalid_json',
			$name, "$route with $name twice", ask($method, $path, @all, $name => $value->($params[$i])));
	}

	my ($status, $json) = ask($method, $path, @all, unknown => $query ? 'x' : '{"a":[1]}');
	# a service that misspells a name is told so; what players' pages send more than is known does not matter
	is($of_program{$route} =~ /^(service|admin)$/ ? "$status $json->{code} " . ($json->{error} =~ /"(\w+)"/)[0] : '',
		$of_program{$route} =~ /^(service|admin)$/ ? '400 invalid_parameter unknown' : '', "$route: an unknown key");
	unlike(ref $json eq 'HASH' ? $json->{error} // '' : '', qr/unknown/, "$route: unknown keys do not matter")
	  if $of_program{$route} !~ /^(service|admin)$/;
	next if $query;

	# ---- bodies that are no object of fields ---------------------------------------------------
	my %bodies = (
		'' => 'invalid_json',
		'null' => 'invalid_json',
		'[]' => 'invalid_json',
		'"x"' => 'invalid_json',
		'5' => 'invalid_json',
		'{' => 'invalid_json',
		'{"a":1}x' => 'invalid_json',
		"{'a':1}" => 'invalid_json',
		'{"a":1,"a":1}' => 'invalid_json',
		'{"a":"\u0000"}' => 'invalid_text',
		'{"\u0000":1}' => 'invalid_text',
		'{"a":[1e999]}' => 'out_of_range',
		"{\"a\":\"\xff\"}" => 'invalid_encoding',
		"{\"a\":\"x\0y\"}" => 'invalid_json',
		'{"a":' . '[' x 30_000 . ']' x 30_000 . '}' => 'too_deep',
		'{"a":' x 10_000 => 'too_deep');

	for my $body (sort keys %bodies)
	{
		($status, $json) = $shim->request($method, $path =~ s/\{\w+\}/x/gr, body => $body,
			headers => { 'Content-Type' => 'application/json' });
		my $name = "$route with " . substr($body =~ s/[^\x20-\x7e]/?/gr, 0, 20);
		is_deeply([ $status, $json->{code} ], [ 400, $bodies{$body} ], $name) or diag explain $json;
	}
}

# ---- what a route does not know ----------------------------------------------------------------
# Also where it takes no parameter, or takes it from another place, or in another spelling.
for my $route (grep { $of_program{$_} =~ /^(service|admin)$/ } sort keys %of_program)
{
	my ($method, $path) = split(/ /, $route =~ s/\{\w+\}/x/gr);
	for my $query ('dryrun=true', 'x=1&Dry_Run=true', 'dry%2drun', 'manifest={}', 'idempotency_key=k', '=1', "n\xc3\xa4me=x")
	{
		my ($status, $json) = $shim->request($method, "$path?$query", body => $method =~ /GET|DELETE/ ? undef : '{}',
			headers => { 'Content-Type' => $path =~ /roster$/ ? 'text/csv' : 'application/json' });
		is("$status $json->{code}", '400 invalid_parameter', "$route?$query") or diag explain $json;
		like($json->{error}, qr/^the route takes no "\w*\W?\w*" in the query$/, "$route?$query: it is named");
	}
}
for my $case ([ '?' . 'x' x 1000, '{}', qr/ takes no "x{60}\.\.\." in the query$/ ], [ "?" . "\xc3\xa9" x 40, '{}', qr/ takes no "\xe9{30}\.\.\." in / ],
	[ '?dry_run=true', '{}', qr/ takes no "dry_run" in the query$/ ], [ '', '{"group_id": "x"}', qr/ takes no "group_id" in the body$/ ],
	[ '', '{"dryrun": null}', qr/ takes no "dryrun" in the body$/ ], [ '', '{"Dry\u005frun": true}', qr/ takes no "Dry_run" in the body$/ ])
{
	my ($status, $json) = $shim->request('POST', "/competition/x/questions/y/rejudge$case->[0]", body => $case->[1],
		headers => { 'Content-Type' => 'application/json' });
	is($status, 400, "$case->[1] $case->[0]: refused");
	like($json->{error}, $case->[2], "$case->[1] $case->[0]: named, and where it stood");
}

# ---- names in what the database refuses --------------------------------------------------------
# Every argument of a route's function is a parameter of the route, by one of its names, or a header: so there is
# no argument that a message could name in a way that the request does not know.
my $sources = "$FindBin::RealBin/../../shim";
my %function = (
	slurp_file("$sources/database/statements.c") =~ /\[STATEMENT_(\w+)\] = \{?\w+\("(\w+)"/g,
	slurp_file("$sources/database/statements.h") =~ /\bX\((\w+), "(\w+)"\)/g);
my %header = (installed_by => 1, idempotency_key => 1, caller => 1);
my %seen;
my ($table) = slurp_file("$sources/api/routes.c") =~ /^const Route routes\[\] = \{\n(.*?)^\};/ms;
for my $route (split(/\n(?=\t\{)/, $table))
{
	my ($method, $path) = $route =~ /^\t\{(?:WRITE\(|\.method = )"(\w+)", (?:\.path = )?"([^"]+)"/;
	($method, $path) = ('GET', $route =~ /^\t\{(?:OPEN|READ)\("([^"]+)"/) if !$path;
	my ($statement) = $route =~ /(?:\.statement = STATEMENT_|READ\("[^"]+", \w+, |WRITE\("\w+", "[^"]+", \w+, )(\w+)/ or next;
	my $function = $function{$statement} // next;
	my %known = map { $_ => 1 } $route =~ /"(\w+)"/g;

	$seen{"$method $path"} = 1;
	%known = (%known, map({ $_ => 1 } qw(manifest paths documents dry_run))) if $route =~ /\bPACK\b/;
	%known = (%known, limit => 1, cursor => 1) if $route =~ /\bPAGE\b/;
	%known = (%known, user_id => 1) if $route =~ /\bWHOSE\b/;
	%known = (%known, is_public => 1) if $route =~ /\.for_public\b/;
	%known = (%known, newest => 1) if $route =~ /RESPOND_FEED/;
	is_deeply([ grep { !$known{$_} && !$header{$_} } split(/,/, $node->safe_psql('edurange', qq{
			SELECT string_agg(name, ',') FROM pg_proc, unnest(proargnames[1:pronargs]) AS a (name)
			WHERE pronamespace = 'edurange'::regnamespace AND proname = '$function'})) ],
		[], "$method $path: all arguments of $function() are parameters");
}
is_deeply([ grep { !$seen{$_} && !/ (\/live|\/metrics|\/openapi.json|\/docs|\/|\/board\/\{group_id\}|\/status)$/ } sort keys %of_program ], [], 'of every route');

# What only the database can say of a parameter, it says of the name by which the request has it.
my @competition = (name => '"x"', instructorIds => '["v"]');
my @play = (user_id => '"u"', question_id => '"q"', group_challenge_id => '"g"');
my @log = (user_id => '"u"', event_type => '"x"');
for my $case (
	[ 'POST /competition/create', endDate => '"2025-01-01"', startDate => '"2025-01-02"', @competition ],
	[ 'POST /competition/create', end_date => '"2025-01-01"', start_date => '"2025-01-02"', @competition ],
	[ 'POST /question/complete', is_correct => 'false', @play ],
	[ 'POST /question/complete', isCorrect => 'false', @play ],
	[ 'PATCH /challenge-instances/{instance_id}', flag => '"null"' ],
	[ 'GET /challenge/list', limit => -1 ],
	[ 'GET /challenge/list', difficulty => 'x' ])
{
	my ($route, $name, $wrong, @others) = @$case;
	my ($status, $json) = ask(split(/ /, $route), $name => $wrong, @others);

	like($json->{error}, qr/^parameter "$name" /, "$route names $name") or diag explain $json;
	like($json->{error}, qr/ parameter "$others[0]"$/, "$route names $others[0], too") if $name =~ /^end/;
}
for my $key ('', 'x' x 1000)
{
	my ($status, $json) = $shim->request('POST', '/add_points', body => '{"user_id": "u", "group_id": "g", "points": 1}',
		headers => { 'Content-Type' => 'application/json', 'Idempotency-Key' => $key });
	like($json->{error}, qr/^parameter "Idempotency-Key" /, 'the header of an idempotency key is named');
}

# Values that come in headers are as those of parameters: what the database cannot store is refused before it is asked,
# so that nobody beside it in a batch has to be asked for again.
my %tiers = Edurange::Shim->routes;
my %header_of = (
	'X-Acting-User' => sub { return $tiers{ $_[0] } ne 'none' || $_[0] =~ m{/(?:board-)?events$} },
	'Idempotency-Key' => sub { return $_[0] !~ m{^GET |/cdf/validate$} },
	'X-Uploader-User-Id' => sub { return $_[0] =~ m{^POST /(?:packs/upload|challenge-pack/(?:install|update))$} });
my $unbound = $shim->make_token('admin');
my $log_before = -s $node->logfile;
for my $header (sort keys %header_of)
{
	for my $route (grep { $header_of{$header}->($_) } sort keys %tiers)
	{
		my ($method, $path) = split / /, $route;
		my $socket = $shim->ask_aside($method, $path =~ s/\{\w+\}/x/gr, token => $unbound, headers => { $header => "k\xe9" },
			$method eq 'GET' ? () : (body => '{}'));
		my ($status, $json) = Edurange::Shim->answer_of($socket);

		is_deeply([ $status, @{ $json // {} }{qw(code error)} ], [ 400, 'invalid_encoding', qq(parameter "$header" is not valid UTF-8) ], "$route with $header in another encoding");
	}
}
unlike(slurp_file($node->logfile, $log_before), qr/invalid byte sequence/, 'the database saw none of them');
for my $header (sort keys %header_of)
{
	my ($status, $json) = Edurange::Shim->answer_of($shim->ask_aside('GET', '/live', headers => { $header => "k\xe9" }));
	is($status, 200, "/live does not look at $header");
}

# Who a bound token may not act as: for each route that has such a parameter, and each of its names.
$node->safe_psql('edurange', q{INSERT INTO "User" (id, email, role) VALUES ('u', 'u@example.org', 'STUDENT')});
$token = $node->safe_psql('edurange', q{SELECT token FROM edurange.create_token('admin', 'bound', user_id => 'u')});
for my $route (grep { $routes{$_} } sort keys %routes)
{
	my ($method, $path) = split(/ /, $route);
	my $value = sub { return $method eq 'GET' ? 'x' : $good{ $_[0][2] } };
	my @params = grep { $_->[3] } @{ $routes{$route} };

	for my $param (grep { $_->[0] =~ /^(user_id|userId|createdBy|instructorIds)$/ } @params)
	{
		for my $name (@$param[ 0, 1 ])
		{
			my ($status, $json) = ask($method, $path, map({ $_ == $param ? () : ($_->[0] => $value->($_)) } @params), $name => $value->($param));

			is($status, 403, "$route: $name of somebody else") or diag explain $json;
			like($json->{error} // '', qr/^parameter "$name" /, "$route: $name is named");
		}
	}
}
{
	my ($status, $json) = $shim->request('POST', '/packs/upload', token => $token, body => '{"manifest": {}, "challenges": []}',
		headers => { 'Content-Type' => 'application/json', 'X-Uploader-User-Id' => 'x' });
	like($json->{error} // '', qr/^parameter "X-Uploader-User-Id" /, 'who uploads is named by the header') or diag explain $json;
}
$token = undef;

# ---- the document of an import -----------------------------------------------------------------
my %documents = (
	'' => 'invalid_json',
	'{' => 'invalid_json',
	"{\"a\":\"\xff\"}" => 'invalid_encoding',
	"\xed\xa0\x80" => 'invalid_encoding',
	"{}\0" => 'invalid_text');
for my $document (sort keys %documents)
{
	for my $path ('/cdf/import', '/cdf/validate')
	{
		my ($status, $json) = $shim->post($path, $document);
		is_deeply([ $status, $json->{code} ],
			[ 400, $documents{$document} ], "a document for $path: $documents{$document}");
	}
}

# ---- targets -----------------------------------------------------------------------------------
for my $target ('/get_points?user_id=%00', '/get_points?user_id=%', '/get_points?user_id=%4',
	'/get_points?user_id=%zz', '/get_points?%ff=1', '/%ff', '/competition/%00/leaderboard',
	'/get_points?user_id=%C0%80', '/get_points?user_id=%4g', '/get_points?user_id=%g4', '/%4%31')
{
	my ($status, $json) = $shim->get($target);
	is_deeply([ $status, $json->{code} ], [ 400, 'invalid_encoding' ], "target $target");
}
my ($status, $json) = $shim->get('/get_points?' . join('&', map { "a$_=1" } 1 .. 100));
is_deeply([ $status, $json->{code} ], [ 400, 'invalid_parameter' ], 'very many parameters');
($status, $json) = $shim->get('/get_points?user_id=a+b%2Bc&group_id=%C3%A9&&x');
is_deeply([ $status, $json ], [ 200, { points => 0 } ], 'a decoded query');

# ---- times ---------------------------------------------------------------------------------------
$node->safe_psql(
	'edurange', q{
	INSERT INTO public."User" (id, name, email, role, "updatedAt")
	VALUES ('ines', 'Ines', 'ines@example.org', 'INSTRUCTOR', now()),
	       ('o''x"\,{}', 'Odd', 'odd@example.org', 'INSTRUCTOR', now())});
my %times = (
	'2025-03-01T10:00:00Z' => '2025-03-01T10:00:00.000Z',
	'2025-03-01T10:00:00.123Z' => '2025-03-01T10:00:00.123Z',
	'2025-03-01T10:00:00' => '2025-03-01T10:00:00.000Z',
	'2025-03-01 10:00:00' => '2025-03-01T10:00:00.000Z',
	'2025-03-01T10:00' => '2025-03-01T10:00:00.000Z',
	'2025-03-01T10:00:00+02:00' => '2025-03-01T08:00:00.000Z',
	'2025-03-01T10:00:00-0530' => '2025-03-01T15:30:00.000Z',
	'2025-03-01T10:00:00+02' => '2025-03-01T08:00:00.000Z',
	'2025-03-01' => '2025-03-01T00:00:00.000Z',
	'2024-02-29T23:59:59.999Z' => '2024-02-29T23:59:59.999Z');
for my $time (sort keys %times)
{
	($status, $json) = $shim->post('/competition/create',
		{ name => 'x', startDate => $time, instructorIds => [ 'ines', q(o'x"\,{}) ] });
	is_deeply([ $status, $json->{startDate} ], [ 200, $times{$time} ], "time $time")
	  or diag explain $json;
}
is($node->safe_psql('edurange', q{SELECT count(DISTINCT "B") FROM public."_GroupInstructors"}),
	2, 'a list of texts keeps every character');

# ---- errors that name several parameters: each as it was spelled, or is documented -----------------
my $competition = "/competition/$json->{id}";
for (
	[ $competition, { endDate => '2026-01-01', noEndDate => JSON::PP::true }, qr/^parameters "noEndDate" and "endDate" exclude/ ],
	[ $competition, { end_date => '2026-01-01', noEndDate => JSON::PP::true }, qr/^parameters "noEndDate" and "end_date" exclude/ ],
	[ $competition, { endDate => '2020-01-01' }, qr/^parameter "endDate" must be later than parameter "startDate"$/ ],
	[ $competition, { start_date => '2021-01-01', end_date => '2020-01-01' }, qr/^parameter "end_date" must be later than parameter "start_date"$/ ],
	[ $competition, {}, qr/^one of the parameters "name", "description", "startDate", "endDate" and "noEndDate" is needed$/ ],
	[ '/challenge-instances/x', {}, qr/^one of the parameters "status", "flagSecretName" and "flag" is needed$/ ],
	[ "$competition/board-policy", { visibility => 'staff', thawedAt => '2020-01-01' }, qr/^parameter "thawedAt" is of no use without parameter "freezeAt"$/ ])
{
	my ($path, $fields, $message) = @$_;

	($status, $json) = $shim->request($path =~ /policy/ ? 'PUT' : 'PATCH', $path,
		body => encode_json($fields), headers => { 'Content-Type' => 'application/json' });
	is_deeply([ $status, $json->{code} =~ s/missing/invalid/r ], [ 400, 'invalid_parameter' ], "$path " . encode_json($fields));
	like($json->{error}, $message, 'names each');
}

done_testing();
