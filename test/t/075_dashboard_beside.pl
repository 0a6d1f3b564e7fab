# The dashboard beside us: what it writes directly, by the statements that its client sends, as the owner of the
# platform's tables and no superuser.  After each act every invariant holds, the ledger accounts for every total and
# the service is ready; again after a `prisma db push`, as far as that changes anything (113_trust_prisma runs the tool
# itself).  Then the same acts through our functions, and the two side by side.

use strict;
use warnings;

use Edurange::Cluster;
use Edurange::Shim;
use FindBin;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Edurange::Cluster->new_staged('beside');
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE platform LOGIN; CREATE DATABASE edurange OWNER platform');
$node->safe_psql('edurange', 'CREATE EXTENSION edurange; SELECT edurange.migrate()');
$node->psql_file('edurange', "$FindBin::RealBin/../../deploy/roles.sql");
my $shim = Edurange::Shim->start($node);

sub sql { return $node->safe_psql('edurange', $_[0]); }

# One transaction of the dashboard's; returns what it prints and what it is refused for.
sub dashboard
{
	my ($statements) = @_;
	my ($code, $out, $err) = $node->psql('edurange', "SET ROLE platform; BEGIN; $statements; COMMIT", on_error_stop => 1);

	return $code == 0 ? $out : $err;
}

# What must hold after each act; then the last entry of the ledger about Ada.
sub holds
{
	my ($act, $want) = @_;

	is(sql('SELECT * FROM edurange.check_invariants()'), '', "$act: invariants");
	is(($shim->get('/ready'))[0], 200, "$act: ready");
	is(sql(q{SELECT concat_ws(' ', kind, delta, balance) FROM edurange.points_ledger WHERE user_id LIKE 'ada%' ORDER BY at DESC, seq DESC LIMIT 1}),
		$want, "$act: the ledger") if defined $want;
	return;
}

sql(q{SELECT edurange.cdf_import('{"metadata": {"id": "ch", "name": "C", "version": "1", "challenge_type": "web"}, "components": [
	{"type": "question", "id": "q", "config": {"type": "text", "text": "?", "points": 10, "answer": "a"}}]}');
	UPDATE "ChallengeQuestion" SET id = 'q'; INSERT INTO "User" (id, email, role) VALUES ('ina', 'ina@x', 'INSTRUCTOR')});

# The acts of the dashboard in a competition, about a student; each with what the ledger says then.
sub acts
{
	my ($g, $ada) = @_;

	return (
		[ 'create', qq{
			INSERT INTO "public"."User" ("id","name","email","role","createdAt","updatedAt") VALUES ('$ada','Ada','$ada\@x',CAST('STUDENT'::text AS "public"."UserRole"),now(),now());
			INSERT INTO "public"."CompetitionGroup" ("id","name","startDate","createdAt","updatedAt") VALUES ('$g','Cup','2020-01-01','2020-01-01',now());
			INSERT INTO "public"."_GroupInstructors" ("A","B") VALUES ('$g','ina') ON CONFLICT DO NOTHING;
			INSERT INTO "public"."GroupChallenge" ("id","points","challengeId","groupId","createdAt","updatedAt") VALUES ('gc-$g',10,'ch','$g',now(),now());
			INSERT INTO "public"."CompetitionAccessCode" ("id","code","maxUses","usedCount","groupId","createdBy","createdAt") VALUES ('code-$g','CODE-$g',5,0,'$g','ina',now())} ],
		[ 'join', qq{
			INSERT INTO "public"."_GroupMembers" ("A","B") VALUES ('$g','$ada') ON CONFLICT DO NOTHING;
			UPDATE "public"."CompetitionAccessCode" SET "usedCount" = ("public"."CompetitionAccessCode"."usedCount" + 1) WHERE "public"."CompetitionAccessCode"."id" = 'code-$g';
			INSERT INTO "public"."ActivityLog" ("id","eventType","userId","groupId","accessCodeId","metadata","severity") VALUES ('join-$g','GROUP_JOINED','$ada','$g','code-$g','{}','INFO')} ],
		[ 'complete', qq{
			INSERT INTO "public"."QuestionAttempt" ("id","questionId","userId","groupChallengeId","answer","isCorrect") VALUES ('at-$g','q','$ada','gc-$g','a',true);
			INSERT INTO "public"."QuestionCompletion" ("id","questionId","userId","groupChallengeId","pointsEarned") VALUES ('qc-$g','q','$ada','gc-$g',10);
			INSERT INTO "public"."ChallengeCompletion" ("id","userId","groupChallengeId","pointsEarned") VALUES ('cc-$g','$ada','gc-$g',10);
			INSERT INTO "public"."GroupPoints" ("id","points","userId","groupId","createdAt","updatedAt") VALUES ('p-$g',10,'$ada','$g',now(),now())
				ON CONFLICT ("userId","groupId") DO UPDATE SET "points" = ("public"."GroupPoints"."points" + 10)}, 'external 10 10' ],
		[ 'raw points', qq{INSERT INTO "GroupPoints" ("userId","groupId",points) VALUES ('$ada','$g',5)
				ON CONFLICT ("userId","groupId") DO UPDATE SET points = "GroupPoints".points + EXCLUDED.points}, 'external 5 15' ],
		[ 'reset', qq{
			DELETE FROM "public"."ChallengeCompletion" WHERE "userId" = '$ada' AND "groupChallengeId" IN ('gc-$g');
			DELETE FROM "public"."QuestionCompletion" WHERE "userId" = '$ada' AND "groupChallengeId" IN ('gc-$g');
			UPDATE "public"."GroupPoints" SET "points" = 0, "updatedAt" = now() WHERE "userId" = '$ada' AND "groupId" = '$g'}, 'external -15 0' ],
		[ 'leave', qq{DELETE FROM "public"."_GroupMembers" WHERE ("public"."_GroupMembers"."A" = '$g' AND "public"."_GroupMembers"."B" IN ('$ada'))} ]);
}

# The same through our functions; what they answer is looked at elsewhere.
sub our_acts
{
	my ($g, $ada) = @_;
	my $caller = q{caller => ROW('dashboard', NULL, NULL, 'ina')::edurange.caller};

	return (
		[ 'create', qq{SELECT edurange.create_user('$ada\@x', 'Ada', id => '$ada', $caller); SELECT id AS g FROM edurange.create_competition('Cup', '2020-01-01Z', ARRAY['ina'], $caller) \\gset
			UPDATE "CompetitionGroup" SET id = '$g' WHERE id = :'g'; SELECT edurange.add_competition_challenge('$g', 'ch', 10, $caller);
			UPDATE "GroupChallenge" SET id = 'gc-$g' WHERE "groupId" = '$g'; SELECT edurange.generate_access_code('$g', 'ina', 'CODE-$g', max_uses => 5, $caller)} ],
		[ 'join', qq{SELECT edurange.join_competition('CODE-$g', '$ada')} ],
		[ 'complete', qq{SELECT edurange.attempt_question('$ada', 'q', 'gc-$g', 'a')}, 'award 10 10' ],
		[ 'raw points', qq{SELECT edurange.add_points('$ada', '$g', 5, 'asked well', $caller)}, 'add 5 15' ],
		[ 'reset', qq{SELECT edurange.reset_progress('$g', '$ada', 'anew', $caller)}, 'set -15 0' ],
		[ 'leave', qq{SELECT edurange.remove_member('$g', '$ada', $caller)} ]);
}

# What the tables say of a competition and its student, ids and times aside.
sub rows
{
	my ($g, $ada) = @_;

	return sql(qq{
		SELECT concat_ws(' | ',
			(SELECT concat_ws(' ', name, "startDate", "endDate") FROM "CompetitionGroup" WHERE id = '$g'),
			(SELECT concat_ws(' ', name, role) FROM "User" WHERE id = '$ada'),
			(SELECT 'members ' || count(*) FROM "_GroupMembers" WHERE "A" = '$g'),
			(SELECT 'instructors ' || string_agg("B", ' ') FROM "_GroupInstructors" WHERE "A" = '$g'),
			(SELECT concat_ws(' ', 'used', "usedCount", 'of', "maxUses") FROM "CompetitionAccessCode" WHERE "groupId" = '$g'),
			(SELECT 'points ' || points FROM "GroupPoints" WHERE "groupId" = '$g'),
			(SELECT 'attempts ' || string_agg(answer || "isCorrect", ' ') FROM "QuestionAttempt" WHERE "groupChallengeId" = 'gc-$g'),
			(SELECT 'questions ' || string_agg("questionId" || ' ' || "pointsEarned", ' ') FROM "QuestionCompletion" WHERE "groupChallengeId" = 'gc-$g'),
			(SELECT 'challenges ' || string_agg("pointsEarned"::text, ' ') FROM "ChallengeCompletion" WHERE "groupChallengeId" = 'gc-$g'))});
}

sub logged { return sql(qq{SELECT string_agg("eventType"::text, ' ' ORDER BY "timestamp", id) FROM "ActivityLog" WHERE "groupId" = '$_[0]'}); }

# As db push leaves the tables: without any plain index that its schema does not name.  Ours are partial.
my $push = q{
	DO $$
	DECLARE
	  i record;
	BEGIN
	  FOR i IN SELECT x.indexrelid::regclass AS name FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid
	    WHERE c.relnamespace = 'public'::regnamespace AND NOT x.indisunique AND x.indpred IS NULL AND x.indexprs IS NULL
	    AND x.indexrelid::regclass::text !~ '(_index|_idx)"$'
	  LOOP EXECUTE format('DROP INDEX %s', i.name); END LOOP;
	END
	$$};

for my $pushed (0, 1)
{
	my $when = $pushed ? 'after a push' : 'before a push';
	if ($pushed)
	{
		is($node->psql('edurange', "SET ROLE platform; $push"), 0, 'db push');
		is(sql('SELECT * FROM edurange.migrate()'), '', 'takes nothing of ours');
	}
	my ($g, $ada) = ("theirs-$pushed", "ada-theirs-$pushed");
	my ($h, $eve) = ("ours-$pushed", "ada-ours-$pushed");
	my @theirs = acts($g, $ada);
	my @ours = our_acts($h, $eve);
	for my $i (0 .. $#theirs)
	{
		my ($act, $statements, $entry) = @{ $theirs[$i] };
		is(dashboard($statements), '', "$when: $act of the dashboard's");
		holds("$when: $act of the dashboard's", $entry);
		is($node->psql('edurange', $ours[$i][1]), 0, "$when: $act of ours");
		holds("$when: $act of ours", $ours[$i][2]);
		is(rows($h, $eve), rows($g, $ada), "$when: $act: equal rows");
	}
	# the difference, and better: the log has all of it, and the ledger says who and why
	is(logged($g), 'GROUP_JOINED', "$when: the dashboard logs that somebody joined");
	is(logged($h), 'GROUP_CREATED ACCESS_CODE_GENERATED GROUP_JOINED QUESTION_ATTEMPTED QUESTION_COMPLETED CHALLENGE_COMPLETED GROUP_UPDATED GROUP_LEFT',
		"$when: we log everything");
	is(sql(qq{SELECT DISTINCT actor FROM edurange.points_ledger WHERE group_id = '$g'}), 'role:platform', "$when: a direct write is a role's");
	is(sql(qq{SELECT string_agg(concat_ws(' ', actor, via, reason), ', ' ORDER BY seq) FROM edurange.points_ledger WHERE group_id = '$h' AND kind <> 'award'}),
		'user:ina token:dashboard asked well, user:ina token:dashboard anew', "$when: ours is somebody's, for a reason");

	# somebody for whom a roster waits signs up: at the dashboard as by a function of ours
	for my $way ([ theirs => sub { dashboard(qq{INSERT INTO "public"."User" ("id","name","email","role","createdAt","updatedAt") VALUES ('$_[0]','New','$_[0]\@x',CAST('STUDENT'::text AS "public"."UserRole"),now(),now())}) } ],
		[ ours => sub { sql(qq{SELECT edurange.create_user('$_[0]\@x', 'New', id => '$_[0]')}); '' } ],
		[ renamed => sub { sql(qq{SELECT edurange.create_user('other-$_[0]\@x', 'New', id => '$_[0]')}); dashboard(qq{UPDATE "public"."User" SET "email" = '$_[0]\@X', "updatedAt" = now() WHERE ("public"."User"."id" = '$_[0]' AND 1=1)}) } ])
	{
		my ($name, $sign_up) = @$way;
		my $new = "new-$name-$pushed";
		is(sql(qq{SELECT waiting FROM edurange.import_roster('$g', E'email\n$new\@x')}), 1, "$when: a row waits for $new");
		is($sign_up->($new), '', "$when: $new signs up");
		holds("$when: $new signs up");
		is(sql(qq{SELECT (SELECT count(*) FROM "_GroupMembers" WHERE "A" = '$g' AND "B" = '$new'), user_id, code FROM edurange.roster WHERE group_id = '$g' AND email = '$new\@x'}),
			"1|$new|", "$when: $new is a member, and the row complete");
		is(dashboard(qq{DELETE FROM "public"."User" WHERE ("public"."User"."id" = '$new' AND 1=1)}), '', "$when: $new is deleted");
		is(sql(qq{SELECT user_id IS NULL FROM edurange.roster WHERE group_id = '$g' AND email = '$new\@x'}), 't', "$when: the row waits again");
	}

	# somebody with another address joins with the code of a row, at the dashboard
	my $other = "other-$pushed";
	dashboard(qq{INSERT INTO "public"."User" ("id","name","email","role","createdAt","updatedAt") VALUES ('$other','Other','$other\@home',CAST('STUDENT'::text AS "public"."UserRole"),now(),now())});
	is(sql(qq{SELECT waiting FROM edurange.import_roster('$g', E'email\n$other\@school')}), 1, "$when: a row waits for somebody");
	my $code = sql(qq{SELECT c.id FROM "CompetitionAccessCode" c JOIN edurange.roster r USING (code) WHERE r.email = '$other\@school'});
	is(dashboard(qq{
		INSERT INTO "public"."_GroupMembers" ("A","B") VALUES ('$g','$other') ON CONFLICT DO NOTHING;
		UPDATE "public"."CompetitionAccessCode" SET "usedCount" = ("public"."CompetitionAccessCode"."usedCount" + 1) WHERE "public"."CompetitionAccessCode"."id" = '$code';
		INSERT INTO "public"."ActivityLog" ("id","eventType","userId","groupId","accessCodeId","metadata","severity") VALUES ('join-$other','GROUP_JOINED','$other','$g','$code','{}','INFO')}),
		'', "$when: the dashboard lets them in with its code");
	holds("$when: somebody joined with the code of a row");
	is(sql(qq{SELECT user_id FROM edurange.roster WHERE email = '$other\@school'}), $other, "$when: the row is complete");

	# deletions, which keep evidence
	my $entries = sql('SELECT count(*) FROM edurange.points_ledger');
	is(dashboard(qq{DELETE FROM "public"."User" WHERE ("public"."User"."id" = '$ada' AND 1=1)}), '', "$when: the dashboard deletes a user");
	holds("$when: a user is deleted");
	is(sql(qq{SELECT count(*) FROM edurange.activity(user_id => '$ada'), unnest(entries)}), 1, 'the log of theirs is kept');
	like(dashboard(q{DELETE FROM "public"."ChallengeQuestion" WHERE "public"."ChallengeQuestion"."id" = 'q'}), qr/has attempts or completions/,
		"$when: no question that was worked at");
	like(dashboard(q{DELETE FROM "public"."Challenge" WHERE "public"."Challenge"."id" = 'ch'}), qr/violates foreign key constraint|GroupChallenge_challengeId_fkey/,
		"$when: no challenge that is played");
	is(dashboard(qq{DELETE FROM "public"."CompetitionGroup" WHERE "public"."CompetitionGroup"."id" = '$g'}), '', "$when: the dashboard deletes a competition");
	is($node->psql('edurange', qq{SELECT edurange.delete_competition('$h', 'Cup')}), 0, "$when: and so do we");
	holds("$when: competitions are deleted");
	is(sql(qq{SELECT count(*) FROM edurange.roster WHERE group_id = '$g'}), 0, "$when: with its roster");
	cmp_ok(sql('SELECT count(*) FROM edurange.points_ledger'), '>=', $entries, "$when: the ledger stays");
	is(sql(qq{SELECT count(*) FROM edurange.activity('$h'), unnest(entries) e WHERE e."isArchived"}), 8, "$when: and the log");
}
is(dashboard(q{DELETE FROM "public"."Challenge" WHERE "public"."Challenge"."id" = 'ch'}), '', 'a challenge that nobody plays goes, with its questions');
holds('a challenge is deleted');

done_testing();
