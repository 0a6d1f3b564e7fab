# Answers as they come over HTTP: numbers are the texts that PostgreSQL writes, blank ones cost nothing; and case is
# folded as Unicode folds it, which Perl knows, too.

use strict;
use warnings;
use feature 'fc';

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;
use Edurange::Seed qw(draw_from);
use Edurange::Shim;

my $node = Edurange::Cluster->new_ready('answers');
$node->append_conf('postgresql.conf', 'edurange.attempt_limit = 0');
$node->reload;
my $shim = Edurange::Shim->start($node);
my $player = $shim->make_token('player');
my $admin = $shim->make_token('admin');

# A challenge of one question that is placed in a competition; its ids.
sub ask
{
	my ($id, $config) = @_;
	my ($status, $json) = $shim->post('/cdf/import', {
		metadata => { id => $id, name => $id, version => '1', challenge_type => 'web' },
		components => [ { type => 'question', id => 'q', config => { text => '?', points => 1, %$config } } ]
	}, $admin);

	is($status, 200, "import: $id") or diag explain $json;
	is_deeply($json->{warnings}, [], "no warnings: $id");
	$node->safe_psql('edurange', qq{INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('$id-gc', 1, '$id', 'g')});
	return { user_id => 'ada', group_challenge_id => "$id-gc",
		question_id => $node->safe_psql('edurange', qq{SELECT id FROM "ChallengeQuestion" WHERE "challengeId" = '$id'}) };
}

# An attempt whose answer is spelled as JSON.
sub attempt
{
	my ($question, $answer) = @_;
	my $body = encode_json($question) =~ s/\}$/,"answer":$answer}/r;

	return $shim->post('/question/attempt', $body, $player);
}

$node->safe_psql('edurange', q{
	INSERT INTO "User" (id, email) VALUES ('ada', 'ada@example.org');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'ada')});

# ---- numbers -------------------------------------------------------------------------------------
my $number = ask('number', { type => 'text', answer => [ 1000, 0 ] });
draw_from('answers');
my @numerals = qw(0 -0 -0.00 0.0 1e3 1E+3 1.50 1.50e1 1.5e-3 -12.340e2 100e-2 0.05e1 0.001e6 -0e5 0e-3 5e-324 1e300 123456789012345678901234567890 9007199254740993 1e309 -1e399 0.000001e405 0e500 -0.0e99999);
push @numerals, '9' x 309, '-' . '9' x 400, '1.5e308', '1' . '0' x 350 . 'e-20';
push @numerals, map {
	join '', (rand() < 0.5 ? '-' : ''), int(rand(10)) || 0, (rand() < 0.7 ? '.' . join('', map { int rand 10 } 0 .. rand 8) : ''),
	  (rand() < 0.7 ? 'e' . (int(rand(30)) - 15) : '')
} 1 .. 40;
my (@given, @wanted);
for my $numeral (@numerals)
{
	my ($status, $json) = attempt($number, $numeral);
	my $stored = $node->safe_psql('edurange', 'SELECT answer FROM "QuestionAttempt" ORDER BY "attemptedAt" DESC, id DESC LIMIT 1');
	push @given, "$numeral: $status $stored";
	push @wanted, "$numeral: 200 " . $node->safe_psql('edurange', "SELECT '$numeral'::numeric");
}
is_deeply(\@given, \@wanted, 'a number is the text that PostgreSQL writes');
is_deeply([ map { (attempt($number, $_))[1]{isCorrect} ? 1 : 0 } qw(1e3 1000 -0 "1e3" "1000" 1000.0) ], [ 1, 1, 1, 0, 1, 0 ], 'and is judged so');

my $attempts = 'SELECT count(*) FROM "QuestionAttempt"';
my $before = $node->safe_psql('edurange', $attempts);
for my $long ('1e-400', '-1e-399999999999', '1e-300' . '0' x 20, '0.' . '1' x 400, '1e400', '0.01e402', '0e100000', '1e131071', '1e99999999999', '9' x 401)
{
	my ($status, $json) = attempt($number, $long);
	is($status, 400, 'refused: ' . substr($long, 0, 20)) or diag explain $json;
	like($json->{error}, qr/answer|number/, 'and says of what');
}
is($node->safe_psql('edurange', $attempts), $before, 'none of these cost an attempt');

# a number that the parser cannot hold, where there can be none
my $service = $shim->make_token('service');
my ($status, $json);
for my $huge ('1e309', '9' x 350, '-1e99999')
{
	($status, $json) = $shim->post('/set_points', qq({"user_id": "ada", "group_id": "g", "points": $huge, "reason": "r"}), $service);
	is_deeply([ $status, $json->{code} ], [ 400, 'out_of_range' ], 'points: ' . substr($huge, 0, 9)) or diag explain $json;
	like($json->{error}, qr/"points"/, 'are named');
	for my $metadata (qq({"n": $huge}), qq([$huge]))
	{
		($status, $json) = $shim->post('/activity/log', qq({"eventType": "USER_UPDATED", "userId": "ada", "metadata": $metadata}), $player);
		is_deeply([ $status, $json->{code} ], [ 400, 'out_of_range' ], 'metadata: ' . substr($metadata, 0, 9)) or diag explain $json;
	}
}
is_deeply([ (attempt($number, '0, "x": 1e309'))[0] ], [200], 'what nobody knows may be any number');
($status, $json) = $shim->post('/question/attempt', encode_json($number) =~ s/\}$/,"\\u0061n\\u0073wer":1.50}/r, $player);
is($node->safe_psql('edurange', q{SELECT count(*) FROM "QuestionAttempt" WHERE answer = '1.50'}) > 0 ? $status : 0, 200, 'a name may be escaped');

# ---- blank answers: of every shape, to every kind of question ---------------------------------------
my @asked = (
	ask('exact', { type => 'text', answer => '[" "]' }),
	ask('any-case', { type => 'text', match => 'ignore_case', answer => '[]' }),
	ask('pattern', { type => 'text', match => 'pattern', answer => '[^?]*' }),
	ask('nearly', { type => 'text', match => 'number', answer => 0, tolerance => 9 }),
	ask('one-of', { type => 'multiple_choice', options => [ 'a', 'b' ], answer => 'a' }),
	ask('some-of', { type => 'checkboxes', options => [ 'a', 'b' ], answer => ['a'] }),
	ask('static', { type => 'flag', flag => 'static', answer => 'flag{x}' }),
	ask('own-flag', { type => 'flag' }));
my @blank = ('""', '" "', '"\u00a0\u3000\ufeff"', '"\u200b"', '[]', '[""]', '["", ""]', '[" "]', '["\u00a0", "\ufeff\u2028\u2066"]', 'null');
my @none = ('{}', '{"answer": "a"}', '[null]', '[[]]', '[{}]', '[0]', '["a", 1]', 'true', 'false');
$before = $node->safe_psql('edurange', $attempts);
for my $question (@asked)
{
	my @codes = map { my ($status, $json) = attempt($question, $_); "$_: $status $json->{code}" } @blank, @none;
	is_deeply(\@codes, [ (map { "$_: 400 missing_parameter" } @blank), (map { "$_: 400 invalid_type" } @none) ], "$question->{group_challenge_id}: blank, or no answer");
}
is($node->safe_psql('edurange', $attempts), $before, 'none of these cost an attempt');
# a text that reads as an empty list is a text, but where lists are texts
is_deeply([ map { join ' ', $_->[0], $_->[1]{code} // $_->[1]{isCorrect} } map { [ attempt($_, '"[\" \"]"') ] } @asked[ 0, 1, 5 ] ], [ '200 1', '200 0', '400 missing_parameter' ], 'lists in a text');

my $boxes = ask('boxes', { type => 'checkboxes', options => [ 'a', 'b' ], answer => ['a'] });
is_deeply([ map { join ' ', $_->[0], $_->[1]{code} // $_->[1]{isCorrect} } map { [ attempt($boxes, $_) ] } '[" ", ""]', '["b"]', '["a", "\ufeffa "]' ],
	[ '400 missing_parameter', '200 0', '200 1' ], 'choices');

# ---- case: every character that has a folding, and no other ----------------------------------------
my @cased = grep { fc(chr) ne chr } grep { !($_ >= 0xD800 && $_ <= 0xDFFF) } 0 .. 0x1FFFF;
cmp_ok(scalar @cased, '>', 1400, 'characters with a folding');
my $folded = ask('folded', { type => 'text', match => 'ignore_case', answer => join(',', map { fc chr } @cased) });
($status, $json) = attempt($folded, JSON::PP->new->ascii->allow_nonref->encode(join ',', map { chr } @cased));
is($json->{isCorrect}, JSON::PP::true, 'all are folded as Perl folds them') or diag explain $json;
# small letters stay what they are, and their capitals become them; the dotless i of Turkish has none of its own
my @small = grep { fc(chr) eq chr && uc(chr) ne chr && fc(uc chr) eq chr } grep { !($_ >= 0xD800 && $_ <= 0xDFFF) } 0 .. 0x1FFFF;
my $small = ask('small', { type => 'text', match => 'ignore_case', answer => join(',', map { chr } @small) });
($status, $json) = attempt($small, JSON::PP->new->ascii->allow_nonref->encode(join ',', map { uc chr } @small));
is($json->{isCorrect}, JSON::PP::true, 'capitals become their small letters') or diag explain $json;

done_testing();
