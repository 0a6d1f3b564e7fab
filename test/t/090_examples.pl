# The examples of the interface's description are what the server answers on the sample: each is recorded here, and
# compared with shim/describe/examples.json, ids and times masked.  Where they differ the new recording is written
# down, and said where; when it is right, it is copied there.

use strict;
use warnings;
use utf8;

use Digest::MD5 qw(md5_hex);
use Encode qw(decode);
use File::Basename qw(basename);
use FindBin;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::Local qw(timegm);

use Edurange::Cluster;
use Edurange::Shim;
use Edurange::Stream;
use Edurange::Zip qw(zip_of);

my $top = "$FindBin::RealBin/../..";
my $sample = "$top/deploy/sample";
my $base = timegm(0, 0, 9, 2, 2, 2026); # when the recording says that it was made
my $began = time;
my $list_length = 2; # of longer lists the first
my ($text_length, $text_lines, $line_length) = (400, 14, 200);

my $node = Edurange::Cluster->new_ready('examples');
PostgreSQL::Test::Utils::system_or_bail('psql', '-X', '-q', '-d', $node->connstr('edurange'), '-v', "directory=$sample/first-steps",
	'-f', "$sample/load.sql");
# in an order, which placements of one instant have by their ids
$node->safe_psql('edurange', q{UPDATE "GroupChallenge" gc SET "createdAt" = gc."createdAt" + interval '1 ms' * (SELECT count(*) FROM "GroupChallenge" o WHERE o."challengeId" < gc."challengeId")});
# as the sync worker finds it
$node->safe_psql('edurange', q{UPDATE "ChallengeInstance" SET status = 'ACTIVE', flag = 'EDU-{found-in-the-pod}', "challengeUrl" = 'http://127.0.0.1'});
my $shim = Edurange::Shim->start($node);
my %tier = Edurange::Shim->routes;
my %token = map { $_ => $shim->make_token($_) } qw(player service admin);
my (%recorded, %errors, %raw, %name_of);
my $version; # of the server that answered

# ---- recording ---------------------------------------------------------------------------------

# The request of an example, and the answer: status, decoded, headers, raw.
sub ask
{
	my ($route, $tier, %request) = @_;
	my ($method, $path) = split / /, $route;
	my %headers = %{ $request{headers} // {} };
	my $body = $request{body};

	$path =~ s/\{(\w+)\}/$request{path}{$1}/g;
	my $query = $request{query} ? join('&', map { "$_=" . (ref $request{query}{$_} ? encode_json([ $request{query}{$_} ]) =~ s/^\[|\]$//gr : $request{query}{$_} =~ s/ /%20/gr) } sort keys %{ $request{query} }) : '';
	$headers{'Content-Type'} = 'application/json' if defined $body;
	($body, $headers{'Content-Type'}) = ($request{csv}, 'text/csv') if defined $request{csv};
	if ($request{file})
	{
		$body = join "\r\n", '--edge', qq(Content-Disposition: form-data; name="file"; filename="$request{file}"),
		  'Content-Type: application/zip', '', zip_of([ map { { name => basename($_), content => slurp_file($_) } } glob "$sample/first-steps/*.json" ]),
		  '--edge--', '';
		$headers{'Content-Type'} = 'multipart/form-data; boundary=edge';
	}
	return listened($path) if $path =~ /board-events$/;
	return $shim->request($method, $path . ($query ne '' ? "?$query" : ''), token => $token{$tier}, headers => \%headers,
		defined $body ? (body => $body) : ());
}

# The beginning of a stream, as an answer.
sub listened
{
	my ($path) = @_;
	my $stream = Edurange::Stream->new($shim, $path);
	my @events = $stream->read(20, sub { $_[0]{event} eq 'series' });

	return ($stream->status, undef, {}, decode('UTF-8', join('', map { "$_->{text}\n\n" } @events)));
}

# Records the example of a route and returns its answer.  brief: only the outermost members; volatile: values that no
# two servers share; formats: in which it answers with a file, too.
sub record
{
	my ($route, %request) = @_;
	my ($status, $json, undef, $raw) = ask($route, $tier{$route}, %request);

	is($status, 200, "$route: recorded") or diag $raw;
	my $answer = ref $json || defined $json ? $json : $raw;
	my $shortened = 0;
	my $entry = {
		(map { $request{$_} ? ($_ => $request{$_}) : () } qw(path query headers file)),
		(defined $request{body} ? (body => decode_json($request{body})) : ()),
		(defined $request{csv} ? (body => $request{csv}) : ()),
		answer => $request{brief} ? brief($answer, \$shortened) : cut($answer, \$shortened)
	};
	for my $format (@{ $request{formats} // [] })
	{
		my ($worked, undef, undef, $file) = ask($route, $tier{$route}, %request, query => { %{ $request{query} }, format => $format });

		is($worked, 200, "$route: recorded as $format") or diag $file;
		$entry->{files}{$format} = cut(decode('UTF-8', $file), \$shortened);
	}
	$entry->{shortened} = JSON::PP::true if $shortened;
	$entry->{volatile} = JSON::PP::true if $request{volatile};
	$recorded{$route} = $entry;
	$raw{$route} = join ' ', $request{body} // '', $raw;
	return $json;
}

# Records an error by its code.
sub refuse
{
	my ($code, $route, $who, %request) = @_;
	my (undef, $json, undef, $raw) = ask($route, $who, %request);

	is($json->{code}, $code, "$route: refused with $code") or diag $raw;
	$errors{$code} = $json;
	$raw{$code} = $raw;
	return;
}

# A value whose lists and texts are no longer than a page wants them.
sub cut
{
	my ($value, $shortened) = @_;

	if (ref $value eq 'HASH')
	{
		return { map { $_ => cut($value->{$_}, $shortened) } keys %$value };
	}
	if (ref $value eq 'ARRAY')
	{
		my $last = $#$value < $list_length ? $#$value : $list_length - 1;
		$$shortened = 1 if $last < $#$value;
		return [ map { cut($_, $shortened) } @$value[ 0 .. $last ] ];
	}
	return $value if ref $value || !defined $value || length $value <= $text_length;
	$$shortened = 1;
	my @lines = map { length > $line_length ? substr($_, 0, $line_length) . '…' : $_ } split /\n/, $value, -1;
	return substr($value, 0, $text_length) . '…' if @lines == 1;
	return join "\n", @lines > $text_lines ? (@lines[ 0 .. $text_lines - 1 ], '…') : @lines;
}

# The outermost members of an object, or the first line of a text.
sub brief
{
	my ($value, $shortened) = @_;

	$$shortened = 1;
	return $value =~ s/\n.*/\n…/sr unless ref $value;
	return { map { $_ => ref $value->{$_} ? '…' : $value->{$_} } keys %$value };
}

# ---- what is compared, and what is kept ---------------------------------------------------------

my $id = qr/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b[0-9a-f]{32}\b/;
my $instant = qr/\b(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.\d{3}Z/;

# Replaces each text in a value.
sub mapped
{
	my ($value, $text) = @_;

	return { map { $_ => mapped($value->{$_}, $text) } sort keys %$value } if ref $value eq 'HASH';
	return [ map { mapped($_, $text) } @$value ] if ref $value eq 'ARRAY';
	return $value if ref $value || !defined $value || $value =~ /^-?[\d.]+(?:e[-+]?\d+)?$/;
	return $text->($value);
}

# What two recordings that are right have in common, of servers of these versions.
sub masked
{
	my ($entry) = @_;
	my $texts = mapped($entry, sub { $_[0] =~ s/$id/<id>/gr =~ s/\b\d{16}-<id>/<id>/gr =~ s/$instant/<time>/gr =~ s/\b\Q$version\E\b/<version>/gr });

	$texts->{answer} = kinds($texts->{answer}) if $texts->{volatile};
	return $texts;
}

# Of values that no two servers share only the kind.
sub kinds
{
	my ($value) = @_;

	return { map { $_ => kinds($value->{$_}) } keys %$value } if ref $value eq 'HASH';
	return [ map { kinds($_) } @$value[ 0 .. (@$value ? 0 : -1) ] ] if ref $value eq 'ARRAY';
	return 'a text' if defined $value && !ref $value && $value =~ /\n/;
	return defined $value && !ref $value ? 'a value' : 'a flag or null';
}

# The ids and times that the file has: the same in each recording, as far as that can be.
sub settled
{
	my ($name, $entry) = @_;
	my $count = 0;

	return mapped(
		$entry,
		sub {
			my ($text) = @_;

			$text =~ s/$id/$name_of{$&} \/\/= id_for("$name " . $count++, length $&)/ge;
			$text =~ s/$instant/settled_time($&, timegm($6, $5, $4, $3, $2 - 1, $1))/ge;
			return $text;
		});
}

# An id as the server makes them, out of a text.
sub id_for
{
	my ($text, $length) = @_;
	my $hash = md5_hex($text);

	return $hash if $length == 32;
	return sprintf '019cad3a-%s-7%s-8%s-%s', $hash =~ /^(.{4})(.{3})(.{3})(.{12})/;
}

# A time of today becomes one of the recording's day, to the minute; others are as the requests name them.
sub settled_time
{
	my ($text, $time) = @_;

	return $text if abs($time - $began) > 86400;
	my @at = gmtime($base + 60 * int(($time - $began) / 60 + 1000.5) - 60000);
	return sprintf '%04d-%02d-%02dT%02d:%02d:00.000Z', $at[5] + 1900, $at[4] + 1, @at[ 3, 2, 1 ];
}

# An entry as text, its members in the order in which they were sent.
sub entry_text
{
	my ($name, $entry) = @_;
	my $raw = $raw{$name};
	my %place;
	my $place = sub { $place{ $_[0] } //= 1 + index($raw, qq("$_[0]":)) };

	no warnings 'once';
	return JSON::PP->new->utf8->indent->indent_length(1)->space_after->sort_by(
		sub { $place->($JSON::PP::a) <=> $place->($JSON::PP::b) || $JSON::PP::a cmp $JSON::PP::b })->encode($entry) =~ s/\n\z//r;
}

# ---- the requests ------------------------------------------------------------------------------

my ($group, $placed, $question) = split /\|/, $node->safe_psql('edurange', q{
	SELECT gc."groupId", gc.id, q.id FROM "GroupChallenge" gc JOIN "ChallengeQuestion" q USING ("challengeId")
	WHERE gc."challengeId" = 'terminal-tour' AND q.cdf_question_id = 'working-directory'});
my $instance = '5a3c1e00-0000-4000-8000-000000000002';
my @group = (path => { group_id => $group });

record('GET /status', volatile => 1);
record('GET /live');
record('GET /ready');
record('GET /openapi.json', brief => 1);
record('GET /docs', brief => 1);
record('GET /', brief => 1);
record('GET /board/{group_id}', @group, brief => 1);
record('GET /health/detailed', volatile => 1);
record('GET /metrics', volatile => 1);

record('POST /users', body => '{"email": "grace@example.org", "name": "Grace", "role": "STUDENT"}');
record('GET /users', query => { search => 'b', limit => 2 });
record('GET /competitions', query => { limit => 2 });
record('GET /competition/{group_id}', @group);
record('GET /challenge/list', query => { type => 'container', difficulty => 'EASY', pack_id => 'first-steps', group_id => $group, search => 'tour', limit => 10 });
record('GET /challenges');
record('GET /challenge/details', query => { challenge_id => 'terminal-tour' });
record('GET /question/details', query => { question_id => $question });
record('POST /competition/join', body => '{"code": "first-steps", "userId": "sample-ada"}');
my $attempt = sub {
	my ($user, $answer) = @_;
	return qq({"user_id": "$user", "question_id": "$question", "group_challenge_id": "$placed", "answer": "$answer"});
};
my ($status) = ask('POST /question/attempt', 'player', body => $attempt->('sample-eve', 'cwd'));
is($status, 200, 'a wrong answer');
record('POST /question/attempt', body => $attempt->('sample-bob', 'pwd'));
record('POST /question/complete', body => qq({"user_id": "sample-bob", "question_id": "$question", "group_challenge_id": "$placed", "is_correct": true}));
record('GET /question/completed', query => { user_id => 'sample-bob', group_challenge_id => $placed });
record('POST /add_points', body => qq({"user_id": "sample-bob", "group_id": "$group", "points": 5, "reason": "a good question"}));
record('POST /set_points', body => qq({"user_id": "sample-eve", "group_id": "$group", "points": 10, "reason": "points from paper"}));
record('GET /get_points', query => { user_id => 'sample-bob', group_id => $group });
record('GET /competition/{group_id}/leaderboard', @group, query => { limit => 2 });
record('GET /competition/{group_id}/progress/{user_id}', path => { group_id => $group, user_id => 'sample-bob' });
record('GET /competition/{group_id}/points-history/{user_id}', path => { group_id => $group, user_id => 'sample-bob' }, query => { limit => 2 });
record('GET /competition/{group_id}/attempts', @group, query => { question_id => $question, user_id => 'sample-bob', limit => 2 });
record('GET /activity', query => { group_id => $group, event_type => 'QUESTION_COMPLETED', user_id => 'sample-bob', limit => 2 });
record('GET /competition/{group_id}/instances', @group, query => { status => 'ACTIVE', user_id => 'sample-bob', limit => 2 });
record('GET /get_challenge_instance', query => { challenge_instance_id => $instance });
record('PATCH /challenge-instances/{instance_id}', path => { instance_id => $instance }, body => '{"status": "TERMINATING"}');
record('POST /activity/log', body => qq({"eventType": "CHALLENGE_STARTED", "userId": "sample-bob", "severity": "INFO", "groupId": "$group", "challengeId": "terminal-tour", "metadata": {"browser": "Firefox"}}));

# all of its questions for a player, so that the challenge is complete
ask('POST /question/complete', 'service', body => qq({"user_id": "sample-bob", "question_id": "$_", "group_challenge_id": "$placed"}))
  for split /\n/, $node->safe_psql('edurange', q{SELECT id FROM "ChallengeQuestion" WHERE "challengeId" = 'terminal-tour'});
record('POST /competition/complete-challenge', body => qq({"userId": "sample-bob", "groupChallengeId": "$placed"}));
record('PUT /competition/{group_id}/board-policy', @group, body => '{"visibility": "public", "freezeAt": "2027-06-18T12:00:00Z"}');
record('GET /competition/{group_id}/board-policy', @group);
record('GET /competition/{group_id}/board-events', @group, volatile => 1);
record('GET /competition/{group_id}/events', @group, query => { limit => 2 }, volatile => 1);

# a class is closed: who had 'cwd' is right, too, the question is worth more, and all of that is taken back
my ($other, $flag) = split /\|/, $node->safe_psql('edurange', q{
	SELECT gc.id, q.id FROM "GroupChallenge" gc JOIN "ChallengeQuestion" q USING ("challengeId")
	WHERE gc."challengeId" = 'left-behind' AND q.cdf_question_id = 'note'});
$node->safe_psql('edurange', q{UPDATE "ChallengeInstance" SET "flagSecretName" = 'sample-3' WHERE id = '5a3c1e00-0000-4000-8000-000000000003'});
my (undef, undef, undef, $said) = ask('POST /question/attempt', 'player', body => qq({"user_id": "sample-eve", "question_id": "$flag", "group_challenge_id": "$other", "answer": "EDU-{found-in-the-pod}"}));
like($said, qr/"isCorrect":true/, 'a flag');
my $worth = sub { $node->safe_psql('edurange', qq{UPDATE "ChallengeQuestion" SET points = $_[0] WHERE id = '$question'}) };
my @question = (path => { group_id => $group, question_id => $question });
record('GET /competition/{group_id}/statistics', @group, volatile => 1);
record('GET /competition/{group_id}/timeline', @group, query => { top => 2 });
record('GET /competition/{group_id}/integrity', @group, query => { fastest_seconds => 600, equal_answers => 3, rare_users => 2 }, volatile => 1);
my @changes = (record('POST /competition/{group_id}/questions/{question_id}/accept-answer', @question, body => '{"answer": "cwd", "dryRun": false, "reason": "means the same"}')->{changeId});
record('POST /competition/{group_id}/questions/{question_id}/rejudge', @question, body => '{"dryRun": true, "reason": "the key was corrected"}');
$worth->(12);
unshift @changes, record('POST /competition/{group_id}/questions/{question_id}/reprice', @question, body => '{"reason": "harder than it looked"}')->{changeId};
unshift @changes, record('POST /competition/{group_id}/questions/{question_id}/grade', @question, body => '{"userId": "sample-eve", "points": 5, "reason": "half of it"}')->{changeId};
unshift @changes, record('POST /competition/{group_id}/questions/{question_id}/void', @question, body => '{"userId": "sample-bob", "reason": "copied"}')->{changeId};
record('GET /competition/{group_id}/changes', @group, query => { limit => 2 });
record('GET /competition/{group_id}/changes/{change_id}', path => { group_id => $group, change_id => $changes[-1] });
record('GET /competition/{group_id}/gradebook', @group, query => { format => 'json', by => 'challenge' }, formats => [qw(csv canvas moodle)]);
record('POST /competition/{group_id}/changes/{change_id}/undo', path => { group_id => $group, change_id => shift @changes }, body => '{"reason": "it was not copied"}');
for my $change (@changes)
{
	($status) = ask('POST /competition/{group_id}/changes/{change_id}/undo', 'service', path => { group_id => $group, change_id => $change }, body => '{}');
	is($status, 200, 'taken back');
}
$worth->(10);

record('POST /competition/{group_id}/reset', @group, body => '{"userId": "sample-bob", "reason": "a new beginning"}');
record('GET /competition/{group_id}/members', @group, query => { limit => 2 });
record('DELETE /competition/{group_id}/members/{user_id}', path => { group_id => $group, user_id => 'sample-ada' });

my $autumn = record('POST /competition/create',
	body => '{"name": "Autumn Cup", "startDate": "2026-09-07T08:00:00Z", "endDate": "2026-12-18T18:00:00Z", "instructorIds": ["sample-ines"], "description": "For the first semester."}')->{id};
my @autumn = (path => { group_id => $autumn });
record('PATCH /competition/{group_id}', @autumn, body => '{"endDate": "2027-01-15T18:00:00Z"}');
record('PUT /competition/{group_id}/instructors', @autumn, body => '{"instructorIds": ["sample-ines"]}');
record('POST /competition/generate-code', body => qq({"groupId": "$autumn", "createdBy": "sample-ines", "code": "AUTUMN-26", "maxUses": 30, "expiresAt": "2026-10-01T00:00:00Z"}));
record('GET /competition/{group_id}/access-codes', @autumn, query => { limit => 2 });
my $challenge = record('POST /competition/add-challenge', body => qq({"groupId": "$autumn", "challengeId": "terminal-tour", "points": 30}))->{id};
record('PATCH /competition/{group_id}/challenges/{group_challenge_id}', path => { group_id => $autumn, group_challenge_id => $challenge }, body => '{"points": 40, "reason": "harder than it looked"}');
record('DELETE /competition/{group_id}/challenges/{group_challenge_id}', path => { group_id => $autumn, group_challenge_id => $challenge }, query => { force => JSON::PP::true });
record('DELETE /competition/{group_id}/access-codes/{code}', path => { group_id => $autumn, code => 'AUTUMN-26' });
record('POST /competition/{group_id}/roster', @autumn, query => { dry_run => JSON::PP::false, make_users => JSON::PP::false },
	csv => qq(email,name,external_id,login_id,section\nada\@example.org,Ada,1001,ada,A\nfrida\@example.org,"Frida, B.",1002,frida,A\nnobody,,1003,,B\n));
record('GET /competition/{group_id}/roster', @autumn, query => { limit => 2 }, volatile => 1);
record('PUT /competition/{group_id}/participation/{user_id}', path => { group_id => $autumn, user_id => 'sample-ada' }, body => '{"endsAt": "2027-01-22T18:00:00Z", "hidden": false, "disqualified": false, "reason": "was ill"}');
record('GET /competition/{group_id}/participation', @autumn, query => { limit => 2 });

my $definition = '{"metadata": {"id": "hello", "name": "Hello", "version": "1.0.0", "challenge_type": "web"}, "components": [{"type": "question", "id": "greeting", "config": {"type": "text", "text": "How does one greet?", "points": 5, "answer": "hello"}}]}';
record('GET /schema', brief => 1);
record('POST /cdf/validate', body => $definition =~ s/"points": 5/"points": "five"/r);
record('POST /cdf/import', body => $definition);
record('POST /cdf/update/{challenge_id}', path => { challenge_id => 'hello' }, body => $definition =~ s/"points": 5/"points": 10/r);
record('GET /cdf/export/{challenge_id}', path => { challenge_id => 'hello' });

record('GET /challenge-pack/list');
record('GET /challenge-pack/details/{pack_id}', path => { pack_id => 'first-steps' });
record('POST /challenge-pack/update', query => { dry_run => JSON::PP::true }, file => 'first-steps.zip');
record('POST /challenge-pack/uninstall', body => '{"pack_id": "first-steps"}');
record('POST /packs/upload', headers => { 'X-Uploader-User-Id' => 'sample-ines' }, file => 'first-steps.zip');
record('POST /challenge-pack/install', query => { dry_run => JSON::PP::true }, file => 'first-steps.zip');

# ---- errors ------------------------------------------------------------------------------------

refuse('unauthenticated', 'GET /challenges', 'none');
refuse('forbidden', 'GET /competitions', 'player');
refuse('not_an_instructor', 'GET /competition/{group_id}', 'service', path => { group_id => $autumn }, headers => { 'X-Acting-User' => 'sample-bob' });
refuse('missing_parameter', 'GET /get_points', 'player', query => { user_id => 'sample-bob' });
refuse('invalid_parameter', 'GET /users', 'service', query => { limit => 0 });
refuse('invalid_type', 'POST /add_points', 'service', body => qq({"user_id": "sample-bob", "group_id": "$group", "points": 1.5}));
refuse('invalid_json', 'POST /add_points', 'service', body => '{"user_id": ');
refuse('not_a_member', 'POST /question/attempt', 'player', body => $attempt->('sample-ada', 'pwd'));
refuse('user_not_found', 'POST /competition/join', 'player', body => '{"code": "FIRST-STEPS", "userId": "nobody"}');
refuse('access_code_invalid', 'POST /competition/join', 'player', body => '{"code": "NO-SUCH-CODE", "userId": "sample-ada"}');
refuse('competition_not_found', 'GET /competition/{group_id}', 'service', path => { group_id => 'no-such-competition' });
refuse('challenge_not_found', 'GET /challenge/details', 'player', query => { challenge_id => 'no-such-challenge' });
refuse('question_not_found', 'GET /question/details', 'player', query => { question_id => 'no-such-question' });
refuse('instance_not_found', 'GET /get_challenge_instance', 'player', query => { challenge_instance_id => 'no-such-instance' });
refuse('pack_not_found', 'GET /challenge-pack/details/{pack_id}', 'service', path => { pack_id => 'no-such-pack' });
refuse('document_invalid', 'POST /cdf/import', 'admin', body => '{"metadata": {"id": "hello"}, "components": []}');
refuse('illegal_transition', 'PATCH /challenge-instances/{instance_id}', 'service', path => { instance_id => $instance }, body => '{"status": "QUEUED"}');
refuse('unsupported_media_type', 'POST /add_points', 'service', headers => { 'Content-Type' => 'text/plain' }, file => 'first-steps.zip');
ask('POST /question/attempt', 'player', body => $attempt->('sample-eve', "guess $_")) for 1 .. 10;
refuse('too_many_attempts', 'POST /question/attempt', 'player', body => $attempt->('sample-eve', 'another guess'));
record('DELETE /competition/{group_id}', @autumn, query => { name => 'Autumn Cup' });
is($shim->stop, 0, 'stopped');

# ---- against the file --------------------------------------------------------------------------

my $file = decode_json(slurp_file("$top/shim/describe/examples.json"));
is_deeply([ sort keys %recorded ], [ sort keys %tier ], 'every route has an example');
my @masked = map {
	my $from = $_;
	$version = $from->{routes}{'GET /ready'}{answer}{version} // 'none';
	+{ map { my $part = $_; ($part => { map { $_ => masked($from->{$part}{$_}) } keys %{ $from->{$part} } }) } qw(routes errors) };
} { routes => \%recorded, errors => \%errors }, $file;
is_deeply($masked[0]{$_}, $masked[1]{$_}, "the examples of $_ are what the server answers") for qw(routes errors);
unless (Test::More->builder->is_passing)
{
	my $new = "$PostgreSQL::Test::Utils::log_path/examples.json";
	my $part = sub {
		my ($of) = @_;
		return join(",\n", map { encode_json([$_]) =~ s/^\[|\]$//gr . ': ' . entry_text($_, settled($_, $of->{$_})) } sort keys %$of);
	};
	append_to_file($new, sprintf "{\n\"routes\": {\n%s\n},\n\"errors\": {\n%s\n}\n}\n", $part->(\%recorded), $part->(\%errors));
	diag "the recording: $new; where it is right: cp $new shim/describe/examples.json";
}
done_testing();
