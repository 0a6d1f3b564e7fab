# A challenge's document is replaced over and over, reordered, edited, with questions added and taken
# away, by import and by packs, while students answer: no attempt and no point is lost or moved.

use strict;
use warnings;

use Edurange::Cluster;
use Edurange::Seed qw(draw_from);
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Edurange::Cluster->new_ready('updates', conf => "max_connections = 60\nlog_statement = none\n"
	  . "edurange.attempt_limit = 0\ndeadlock_timeout = 100ms\n");
my $seed = draw_from(4711);
my $updates = $ENV{EDURANGE_LONG} ? 2000 : 150;

$node->safe_psql(
	'edurange', q{
	CREATE SCHEMA testing;
	-- some of twelve questions in any order, worth what their number says, now and then one more
	CREATE FUNCTION testing.any_version() RETURNS text LANGUAGE sql AS $$
	  SELECT jsonb_build_object('metadata', jsonb_build_object('id', 'live', 'name', 'L' || random(), 'version', '1', 'challenge_type', 'web'),
		'components', jsonb_agg(jsonb_build_object('type', 'question', 'id', 'c' || n, 'config', jsonb_build_object('type', 'text',
		  'text', 'Question ' || n || ', draft ' || floor(random() * 3), 'points', 1 << n, 'answer', 'yes', 'required', random() < 0.8)) ORDER BY random()))::text
	  FROM generate_series(0, 11) n WHERE n = 0 OR random() < 0.6
	$$;
	SELECT edurange.cdf_import(testing.any_version());
	INSERT INTO "User" (id, email) SELECT 'u' || n, n || '@x' FROM generate_series(0, 19) n;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'g', id FROM "User";
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('gc', 100, 'live', 'g');
	-- what was acknowledged, with the component that the student saw
	CREATE TABLE testing.answer (user_id text, component text, correct boolean, paid integer);
	CREATE FUNCTION testing.answer() RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
	  asked record;
	  who text := 'u' || floor(random() * 20);
	  result record;
	BEGIN
	  SELECT id, cdf_question_id INTO asked FROM public."ChallengeQuestion" ORDER BY random() LIMIT 1;
	  SELECT "isCorrect", "pointsEarned" INTO result
	  FROM edurange.attempt_question(who, asked.id, 'gc', CASE WHEN random() < 0.4 THEN 'yes' ELSE 'no' END);
	  INSERT INTO testing.answer VALUES (who, asked.cdf_question_id, result."isCorrect", result."pointsEarned");
	  RETURN 'judged';
	EXCEPTION
	  WHEN SQLSTATE 'RG508' THEN RETURN 'retired';
	  WHEN SQLSTATE 'RG306' THEN RETURN 'gone';
	END
	$$;
	CREATE FUNCTION testing.update() RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
	  IF random() < 0.8 THEN
		PERFORM edurange.cdf_update('live', testing.any_version());
	  ELSIF random() < 0.5 THEN
		PERFORM edurange.pack_install('{"id": "p", "name": "P", "version": "1.0.0", "challenges": ["a"]}', '{a}', ARRAY[testing.any_version()]);
	  ELSIF EXISTS (SELECT FROM public."ChallengePack") THEN
		PERFORM edurange.pack_uninstall('p');
	  END IF;
	  RETURN 'updated';
	END
	$$;
});

# Runs a pgbench script beside others; every error that the script does not expect ends it.
sub start
{
	my ($name, $script, @options) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/$name.sql";
	my $run = { out => '', err => '' };

	append_to_file($file, $script);
	$run->{handle} = IPC::Run::start([ 'pgbench', '-n', "--random-seed=$seed", '-f', $file, @options, $node->connstr('edurange') ],
		'>', \$run->{out}, '2>', \$run->{err});
	return $run;
}

sub finish
{
	my ($run, $name) = @_;

	IPC::Run::finish($run->{handle});
	my ($done) = $run->{out} =~ /actually processed: (\d+)/;
	my ($failed) = $run->{out} =~ /failed transactions: (\d+)/;
	ok($done && !$failed, "$name: $done done") or diag "$run->{out}\n$run->{err}";
	return;
}

# what the functions draw follows from the seed, too
my $drawn = "\\set drawn random(0, 1000000000)\nSELECT setseed(:drawn / 1e9);\n";
my $students = start('answer', $drawn . "SELECT testing.answer();\n", '-c', 6, '-t', $updates * 3);
my $authors = start('update', $drawn . "SELECT testing.update();\n", '-c', 2, '-t', $updates);
finish($students, 'answers');
finish($authors, 'updates');

my $sql = sub { $node->safe_psql('edurange', $_[0]) };
unlike(slurp_file($node->logfile), qr/deadlock detected/, 'nobody was in a deadlock');
is($sql->('SELECT count(*) FROM edurange.check_invariants()'), 0, 'the invariants hold');
is( $sql->(
		q{SELECT count(*) FROM (SELECT user_id, component, count(*) AS n FROM testing.answer GROUP BY 1, 2) a
		FULL JOIN (SELECT t."userId", q.cdf_question_id, count(*) AS n FROM "QuestionAttempt" t
			JOIN "ChallengeQuestion" q ON q.id = t."questionId" GROUP BY 1, 2) t
		ON t."userId" = a.user_id AND t.cdf_question_id = a.component WHERE a.n IS DISTINCT FROM t.n}),
	0,
	'every attempt is where it was made');
is( $sql->(
		q{SELECT count(*) FROM (SELECT DISTINCT user_id, component FROM testing.answer WHERE correct) a
		FULL JOIN (SELECT c."userId", q.cdf_question_id FROM "QuestionCompletion" c
			JOIN "ChallengeQuestion" q ON q.id = c."questionId") c
		ON c."userId" = a.user_id AND c.cdf_question_id = a.component WHERE c."userId" IS NULL OR a.user_id IS NULL}),
	0,
	'every completion is where it was earned');
is( $sql->(
		q{SELECT count(*) FROM (SELECT user_id, sum(paid) AS points FROM testing.answer GROUP BY 1) a
		LEFT JOIN "GroupPoints" p ON p."userId" = a.user_id WHERE coalesce(p.points, 0) <> a.points}),
	0,
	'everybody has the points that were acknowledged');
is( $sql->(
		q{SELECT count(*) FROM "ChallengeQuestion" q LEFT JOIN edurange.retired_question r ON r.question_id = q.id
		WHERE (r.question_id IS NOT NULL) <> (q."order" > 1000000) OR r.question_id IS NOT NULL AND q.required}),
	0,
	'retired questions stand behind all others');
# whoever has answered all that the last document asks for has completed the challenge
is( $sql->(
		q{WITH live AS (SELECT id, required FROM "ChallengeQuestion" q
			WHERE NOT EXISTS (SELECT FROM edurange.retired_question r WHERE r.question_id = q.id)),
		needed AS (SELECT id FROM live WHERE required OR NOT EXISTS (SELECT FROM live WHERE required))
		SELECT count(*) FROM "User" u WHERE NOT EXISTS (SELECT FROM needed n WHERE NOT EXISTS
			(SELECT FROM "QuestionCompletion" c WHERE c."questionId" = n.id AND c."userId" = u.id))
		AND NOT EXISTS (SELECT FROM "ChallengeCompletion" c WHERE c."userId" = u.id)}),
	0,
	'who has done all that is left has completed the challenge');
is($sql->(q{SELECT edurange.cdf_export('live') = (SELECT document FROM edurange.cdf_document WHERE challenge_id = 'live')}),
	't', 'the last document is exported as it came');

done_testing();
