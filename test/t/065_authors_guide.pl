# docs/challenges.md: every example is imported, solved and exported, in the order of the page.

use strict;
use warnings;
use utf8;

use FindBin;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;
use Edurange::Shim;
use Edurange::Zip qw(zip_of);

my $node = Edurange::Cluster->new_ready('guide');
$node->append_conf('postgresql.conf', 'edurange.attempt_limit = 0');
$node->reload;
my $shim = Edurange::Shim->start($node);
my %token = map { $_ => $shim->make_token($_) } qw(player service admin);
$node->safe_psql('edurange', q{
	INSERT INTO "User" (id, email) VALUES ('eve', 'eve@example.org');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('cup', 'Cup', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('cup', 'eve')});

# ---- the page: files, lone components, and tables of answers, in their order -----------------------
my (@files, @components, @answers);
{
	open(my $page, '<:raw', "$FindBin::Bin/../../docs/challenges.md") or die "docs/challenges.md: $!\n";
	my $text = do { local $/ = undef; <$page> };
	my $place = 0;

	while ($text =~ /^```json not-run: (?:the file (\S+)|a component)\n(.*?)^```$|^\| `([\w-]+)` \| ([^\n]*) \| ([^\n]*) \|$/gms)
	{
		$place++;
		if (defined $3)
		{
			push @answers, { place => $place, question => $3, right => $4, wrong => $5 };
		}
		elsif (defined $1) { push @files, { place => $place, path => $1, text => $2 } }
		else { push @components, { place => $place, text => $2 } }
	}
}
cmp_ok(scalar @files, '>=', 10, 'files on the page');
cmp_ok(scalar @components, '>=', 8, 'components on the page');

# The spelled answers of a cell.
sub spelled { return $_[0] =~ /`([^`]*)`/g; }

# A challenge is placed in the competition, and an instance of it runs.
sub place
{
	my ($id) = @_;

	$node->safe_psql('edurange', qq{
		INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('gc-$id', 1, '$id', 'cup') ON CONFLICT DO NOTHING;
		INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, flag, "flagSecretName", "competitionId")
		VALUES ('i-$id', '$id', 'eve', 'https://i.example.org', 'ACTIVE', 'EDU-{$id}', 's-$id', 'cup') ON CONFLICT DO NOTHING});
	return;
}

sub attempt
{
	my ($id, $question, $answer) = @_;
	my ($status, $json) = $shim->post('/question/attempt', JSON::PP->new->encode({
		user_id => 'eve', group_challenge_id => "gc-$id", answer => 'ANSWER',
		question_id => $node->safe_psql('edurange', qq{SELECT id FROM "ChallengeQuestion" WHERE "challengeId" = '$id' AND cdf_question_id = '$question'})
	}) =~ s/"ANSWER"/JSON::PP->new->allow_nonref->latin1->encode($answer)/er, $token{player});

	return $status == 200 ? $json->{isCorrect} ? 'right' : 'wrong' : "$status $json->{error}";
}

# Asks each question of a document that stands at some place of the page.
sub solve
{
	my ($document, $place) = @_;
	my $id = $document->{metadata}{id};

	place($id);
	for my $question (grep { $_->{type} eq 'question' } @{ $document->{components} })
	{
		my ($row) = grep { $_->{place} > $place && $_->{question} eq $question->{id} } @answers;
		ok($row, "the page has answers to $question->{id} of $id") or next;
		my @right = $row->{right} eq "the instance's flag" ? ("EDU-{$id}") : spelled($row->{right});
		is(attempt($id, $question->{id}, $_), 'wrong', "$id, $question->{id}: a wrong answer") for spelled($row->{wrong});
		is(attempt($id, $question->{id}, $_), 'right', "$id, $question->{id}: a right answer") for @right;
	}
	return;
}

# Nothing is wrong with a document, nothing strange; returns it parsed.
sub document_of
{
	my ($text, $name) = @_;
	my ($status, $json) = $shim->request('POST', '/cdf/validate', token => $token{service}, body => $text,
		headers => { 'Content-Type' => 'application/json' });

	is_deeply($json, { valid => JSON::PP::true, errors => [], warnings => [] }, "$name: nothing to say of it") or diag explain $json;
	return decode_json($text);
}

sub is_exported
{
	my ($id, $text) = @_;
	my (undef, undef, undef, $raw) = $shim->get("/cdf/export/$id", $token{admin});

	is($raw, $text, "$id: exported as it was imported");
	return;
}

# ---- what stands alone ----------------------------------------------------------------------------
for my $component (@components)
{
	my $id = 'alone-' . $component->{place};
	my $text = qq({"metadata": {"id": "$id", "name": "Alone", "version": "1", "challenge_type": "web"}, "components": [$component->{text}]}\n);
	my $document = document_of($text, $id);
	my ($status, $json) = $shim->request('POST', '/cdf/import', token => $token{admin}, body => $text, headers => { 'Content-Type' => 'application/json' });

	is($status, 200, "$id: imported") or diag explain $json;
	is_exported($id, $text);
	solve($document, $component->{place});
}
for my $file (grep { $_->{path} =~ m{^elsewhere/} } @files)
{
	my $document = document_of($file->{text}, $file->{path});
	my ($status, $json) = $shim->request('POST', '/cdf/import', token => $token{admin}, body => $file->{text}, headers => { 'Content-Type' => 'application/json' });

	is_deeply([ $status, $json->{created} ], [ 200, JSON::PP::true ], "$file->{path}: imported") or diag explain $json;
	is_exported($document->{metadata}{id}, $file->{text});
	solve($document, $file->{place});
}
is(scalar(grep { $_->{path} =~ m{^elsewhere/} } @files), 4, 'four challenges from elsewhere');

# ---- packs, in the order of their manifests ---------------------------------------------------------
my @manifests = grep { $_->{path} =~ m{/pack\.json$} } @files;
for my $manifest (@manifests)
{
	my ($folder) = $manifest->{path} =~ m{^(.*)/};
	my ($next) = grep { $_->{path} eq $manifest->{path} && $_->{place} > $manifest->{place} } @manifests;
	my $pack = decode_json($manifest->{text});
	my @named = map {
		my $path = "$folder/$_";
		(grep { $_->{path} eq $path && (!$next || $_->{place} < $next->{place}) } @files)[-1]
	} @{ $pack->{challenges} };
	my $zip = zip_of([ map { { name => $_->{path} =~ s{^.*/}{}r, content => $_->{text} } } $manifest, @named ]);
	my ($status, $json) = $shim->request('POST', '/challenge-pack/install', token => $token{admin}, body => $zip,
		headers => { 'Content-Type' => 'application/zip' });

	is($status, 200, "$pack->{id} $pack->{version}: installed") or diag explain $json;
	is_deeply([ map { @{ $_->{warnings} } } @{ $json->{challenges} } ], [], "$pack->{id} $pack->{version}: no warnings");
	for my $file (@named)
	{
		my $document = document_of($file->{text}, $file->{path});
		is_exported($document->{metadata}{id}, $file->{text});
		solve($document, $file->{place});
	}
}

# ---- an update kept what the student had ------------------------------------------------------------
is($node->safe_psql('edurange', q{SELECT "pointsEarned" FROM "QuestionCompletion" c JOIN "ChallengeQuestion" q ON q.id = c."questionId"
	WHERE q."challengeId" = 'lighthouse' AND q.cdf_question_id = 'lamp'}), 50, 'what was earned before the update stayed');
is($node->safe_psql('edurange', 'SELECT count(*) FROM edurange.check_invariants()'), 0, 'invariants hold');

done_testing();
