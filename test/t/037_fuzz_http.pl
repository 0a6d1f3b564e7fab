# Requests made up from the OpenAPI document: none is answered with 5xx, with a status or code that the
# document does not have for its route, or with a body that breaks its schema.  EDURANGE_FUZZ_REQUESTS says
# how many, EDURANGE_SEED with which seed.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;
use Edurange::FuzzHttp;
use Edurange::Seed qw(draw_from);
use Edurange::Shim;

my $count = $ENV{EDURANGE_FUZZ_REQUESTS} || ($ENV{EDURANGE_LONG} ? 100_000 : 1500);
my $seed = draw_from($ENV{EDURANGE_LONG} ? time : 1);
my $node = Edurange::Cluster->new_ready('fuzz', conf => "edurange.attempt_limit = 0\n");
my $shim = Edurange::Shim->start($node);
my ($status, $document) = $shim->get('/openapi.json');
my %token = map { $_ => $shim->make_token($_) } qw(player service admin);
my @documents = map { decode_json($_) } map { slurp_file($_) } glob "$ENV{TESTDIR}/../../src/deploy/sample/first-steps/*.cdf.json";

$node->safe_psql(
	'edurange', q{
	INSERT INTO "User" (id, name, email) SELECT 'u' || i, 'U', 'e' || i FROM generate_series(1, 20) i;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") SELECT 'g' || i, 'G', '2020-01-01' FROM generate_series(1, 3) i;
	INSERT INTO "CompetitionGroup" (id, name, "startDate", "endDate") VALUES ('over', 'G', '2020-01-01', '2020-02-01');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'g' || (i % 3 + 1), 'u' || i FROM generate_series(1, 20) i;
	INSERT INTO "CompetitionAccessCode" (code, "groupId", "createdBy") SELECT 'OPEN' || i, 'g' || i, 'u1' FROM generate_series(1, 3) i;
	SELECT edurange.cdf_import(format('{"metadata": {"id": "%s", "name": "C", "version": "1", "challenge_type": "web"}, "components": [
		{"type": "question", "id": "q", "config": {"type": "text", "text": "?", "points": 10, "answer": "a"}},
		{"type": "question", "id": "f", "config": {"type": "flag", "text": "?", "points": 5, "answer": "EDU{x}"}}]}', c))
	FROM unnest(ARRAY['c1', 'c2', 'c3']) c;
	UPDATE "ChallengeQuestion" SET id = 'q' || right("challengeId", 1) || cdf_question_id;
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") SELECT 'gc' || g || c, 10, 'c' || c, 'g' || g FROM generate_series(1, 3) g, generate_series(1, 3) c;
	INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId")
		SELECT 'i' || i, 'c' || (i % 3 + 1), 'u' || i, '', 'ACTIVE', 'g' || (i % 3 + 1) FROM generate_series(1, 20) i;
	UPDATE "ChallengeInstance" SET flag = 'EDU{f}', "flagSecretName" = 's' WHERE id < 'i15';
});
my @users = map { "u$_" } 1 .. 20;
my @groups = qw(g1 g2 g3 over);
my @challenges = qw(c1 c2 c3 terminal-tour);
my @placed = map { my $g = $_; map { "gc$g$_" } 1 .. 3 } 1 .. 3;
my @questions = map { ("q${_}q", "q${_}f") } 1 .. 3;
my @instances = map { "i$_" } 1 .. 20;
my $fuzz = Edurange::FuzzHttp->new($document, seed => $seed, tokens => { %token, none => undef, wrong => 'edr_wrong' },
	documents => \@documents,
	pool => {
		userid => \@users, createdby => \@users, instructorids => \@users, groupid => \@groups, challengeid => \@challenges,
		groupchallengeid => \@placed, questionid => \@questions, challengeinstanceid => \@instances, instanceid => \@instances,
		code => [qw(OPEN1 OPEN2 OPEN3 open1 NEW)], answer => [ 'a', 'EDU{f}', 'b' ], status => [qw(ACTIVE TERMINATING QUEUED ERROR)],
		difficulty => [qw(EASY HARD)], eventtype => [qw(USER_UPDATED QUESTION_ATTEMPTED NONSENSE)], severity => [qw(INFO ERROR x)],
		packid => [ 'first-steps', 'no' ], limit => [ 1, 100 ], metadata => [ '{}', '{"a":1}' ], type => [ 'web', 'x' ]
	});

my (%seen, @findings);
for my $n (1 .. $count)
{
	my $request = $fuzz->request;
	my ($got, undef, $headers, $raw) = $shim->request($request->{method}, $request->{target}, headers => $request->{headers},
		defined $request->{body} ? (body => $request->{body}) : ());
	$seen{$got}++;
	my @violations = $fuzz->violations($request, $got, $headers, $raw);
	push @findings, "$n: $request->{method} $request->{target} " . ($request->{body} // '') . " -> $got " . substr($raw // '', 0, 600) . ": @violations"
	  if @violations;
	last if @findings >= 20;
}
is_deeply(\@findings, [], "$count requests") or diag map { substr($_, 0, 2500) . "\n" } @findings;
diag('stat::number_of_executed_units: ' . $count);
diag(join ' ', map { "$_: $seen{$_}" } sort keys %seen);
cmp_ok($seen{200} // 0, '>', $count / 10, 'many of them worked');
cmp_ok(scalar(grep { $_ >= 400 } keys %seen), '>=', 5, 'many kinds of refusals were met');
is($node->safe_psql('edurange', 'SELECT count(*) FROM edurange.check_invariants()'), '0', 'invariants');
is($shim->stop, 0, 'stopped');

done_testing();
