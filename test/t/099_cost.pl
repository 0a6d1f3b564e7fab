# What a call costs is counted, not timed: how many statements it runs, how many pages a deletion touches while the
# tables grow, how often a table is read; and long calls say how far they are.

use strict;
use warnings;

use Edurange::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Edurange::Cluster->new_ready('cost', conf => "fsync = off\nautovacuum = off\nshared_buffers = 256MB\n"
	  . "shared_preload_libraries = 'pg_stat_statements, edurange'\npg_stat_statements.track = all\n");

sub sql { return $node->safe_psql('edurange', $_[0]) }

sql(q{CREATE EXTENSION pg_stat_statements});

# ---- the world -----------------------------------------------------------------------------------
# Two of each thing that is deleted below, with as much that goes with it: what was done by three users at three
# challenges in three competitions.
sql(q{
	INSERT INTO "ChallengeType" (id, name) VALUES ('t', 't');
	INSERT INTO "User" (id, email) SELECT k || n, k || n FROM unnest('{user,other}'::text[]) k, generate_series(1, 3) n;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") SELECT 'comp' || n, 'C', '2020-01-01' FROM generate_series(1, 3) n;
	INSERT INTO "_GroupMembers" ("A", "B") SELECT g.id, u.id FROM "CompetitionGroup" g, "User" u;
	INSERT INTO "Challenge" (id, name, "challengeTypeId") SELECT 'ch' || n, 'C', 't' FROM generate_series(1, 3) n;
	INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, answer, "order")
	SELECT c.id || 'q' || n, c.id, '?', 'text', 1, 'yes', n FROM "Challenge" c, generate_series(1, 4) n;
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") SELECT c.id || g.id, 4, c.id, g.id FROM "Challenge" c, "CompetitionGroup" g;
	SELECT count(*) FROM "User" u, "ChallengeQuestion" q, "GroupChallenge" p, LATERAL edurange.attempt_question(u.id, q.id, p.id, 'yes')
	WHERE p."challengeId" = q."challengeId" AND q."order" < 4});

# ---- statements ----------------------------------------------------------------------------------
# How many statements a call of a function runs, itself aside, once their plans are made.
sub statements_of
{
	my ($call, $again) = @_;

	return sql(qq{$call; SELECT FROM pg_stat_statements_reset(); $again;
		SELECT sum(calls) - 1 FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'}) =~ s/.*\n//sr;
}
my $attempt = sub { my ($q) = @_; qq{SELECT FROM edurange.attempt_question('user1', 'ch1$q', 'ch1comp1', 'no')} };
is(statements_of(q{SELECT FROM edurange.add_points('user1', 'comp1', 1)}, q{SELECT FROM edurange.add_points('user1', 'comp1', 1)}),
	3, 'an award: the membership, the total, the head of its ledger');
# Further right answers are asked for only where an answer is wrong, and alone: who runs the other statements may read no
# stored answer of ours.
is(statements_of($attempt->('q4'), $attempt->('q4')), 6,
	'a wrong answer: what it is about, what was done, further right answers, the attempt, its entry in the log, the total');
is(statements_of(q{SELECT FROM edurange.attempt_question('user1', 'ch2q4', 'ch2comp1', 'no')},
	q{SELECT FROM edurange.attempt_question('user1', 'ch3q4', 'ch3comp1', 'no')}), 6, 'at any question');
sql(q{DELETE FROM "QuestionCompletion" WHERE "questionId" IN ('ch1q1', 'ch1q2'); DELETE FROM "ChallengeCompletion"});
is(statements_of(q{SELECT FROM edurange.attempt_question('user2', 'ch1q1', 'ch1comp1', 'yes')},
	q{SELECT FROM edurange.attempt_question('user2', 'ch1q2', 'ch1comp1', 'yes')}), 7, 'a right one: the total, the head of its ledger, the attempt, the completion, both entries in the log');

# ---- deletions -----------------------------------------------------------------------------------
# Others' attempts and what comes of them, so many.
my $loaded = 0;
sub grow
{
	my ($count) = @_;

	sql(qq{SET session_replication_role = replica;
		INSERT INTO "User" (id, email, "updatedAt") SELECT 'many' || n, 'many' || n, now() FROM generate_series($loaded + 1, $loaded + $count) n;
		INSERT INTO "_GroupMembers" ("A", "B") SELECT 'comp3', 'many' || n FROM generate_series($loaded + 1, $loaded + $count) n;
		INSERT INTO "GroupPoints" (id, "userId", "groupId", "updatedAt") SELECT 'many' || n, 'many' || n, 'comp3', now() FROM generate_series($loaded + 1, $loaded + $count) n;
		INSERT INTO "QuestionAttempt" (id, "userId", "questionId", "groupChallengeId", answer, "isCorrect", "attemptedAt")
		SELECT 'many' || n, 'many' || n, 'ch3q1', 'ch3comp3', 'x', true, '2025-01-01'::timestamp + n * interval '1 s' FROM generate_series($loaded + 1, $loaded + $count) n;
		INSERT INTO "QuestionCompletion" (id, "userId", "questionId", "groupChallengeId", "pointsEarned")
		SELECT 'many' || n, 'many' || n, 'ch3q1', 'ch3comp3', 1 FROM generate_series($loaded + 1, $loaded + $count) n;
		INSERT INTO "ChallengeCompletion" (id, "userId", "groupChallengeId", "pointsEarned")
		SELECT 'many' || n, 'many' || n, 'ch3comp3', 1 FROM generate_series($loaded + 1, $loaded + $count) n;
		INSERT INTO "ActivityLog" (id, "eventType", "userId", "groupId", "challengeId", metadata, "timestamp")
		SELECT 'many' || n, 'QUESTION_ATTEMPTED', 'many' || n, 'comp3', 'ch3', '{}', '2025-01-01'::timestamp + n * interval '1 s' FROM generate_series($loaded + 1, $loaded + $count) n});
	sql('VACUUM (ANALYZE, FREEZE)');
	$loaded += $count;
	return;
}

# The pages that statements touch, those of the catalogue aside once a session knows it.
sub pages_of
{
	my ($delete, $warm) = @_;
	my $pages = 'SELECT FROM pg_stat_force_next_flush(); SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()';
	my ($before, $after) = split /\n/, sql("BEGIN; $delete; ROLLBACK; $pages; $delete; $pages");

	return $after - $before;
}
# Those of a list, once a session has its plans.
sub pages_of_list
{
	my ($call, $role) = @_;
	my $as = 'SET ROLE ' . ($role // 'edurange_service') . '; ';
	my $pages = 'RESET ROLE; SELECT FROM pg_stat_force_next_flush(); SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database(); ';
	my $page = "SELECT count(*) FROM edurange.$call; ";
	my @said = split /\n/, sql($as . $page x 10 . $pages . $as . $page . $pages);

	return $said[-1] - $said[-3];
}

# Lists of what grows, with each of their keys, of which some name nothing: a page of them costs what is on it.  (A list of
# competitions counts their members.)
my @lists = (
	q{attempts('comp3')}, q{attempts('comp3', NULL, 'ch3q1')}, q{attempts('comp3', NULL, 'nothing')}, q{attempts('comp3', 'user1')},
	q{attempts('comp3', 'user1', 'nothing')}, q{attempts('comp3', 'nobody')}, q{attempts('comp3', "limit" => 500)}, q{members('comp3')}, q{members('comp3', 500, 'm')},
	q{users()}, q{users('many1')}, q{users('nobody')}, q{roster('comp3')}, q{access_codes('comp3')}, q{participation('comp3')},
	q{grade_changes('comp3')}, q{activity()}, q{activity('comp3')}, q{activity('comp3', NULL, 'GROUP_JOINED')}, q{activity(NULL, 'user1')},
	q{activity(NULL, 'user1', 'GROUP_JOINED')}, q{activity(NULL, NULL, 'GROUP_JOINED')}, q{points_history('user1', 'comp3', 100)}, q{points_history('user1', 'comp3', 100, 1)},
	q{challenge_instances('user1')}, q{leaderboard('comp3', 100)}, q{events('comp3')});

my @things = (
	[ 'a question', sub { qq{DELETE FROM "ChallengeQuestion" WHERE id = 'ch$_[0]q4' AND NOT EXISTS (SELECT FROM "QuestionAttempt" WHERE "questionId" = 'ch$_[0]q4')} } ],
	[ 'a user', sub { qq{DELETE FROM "User" WHERE id = 'other$_[0]'} } ],
	[ 'a placement and its challenge', sub { qq{DELETE FROM "GroupChallenge" WHERE "challengeId" = 'ch$_[0]'; DELETE FROM "Challenge" WHERE id = 'ch$_[0]'} } ],
	[ 'a competition', sub { qq{DELETE FROM "CompetitionGroup" WHERE id = 'comp$_[0]'} } ]);
sql(q{DELETE FROM "QuestionAttempt" WHERE "questionId" ~ 'q4'});
grow(5_000);
my %small = map { $_->[0] => pages_of($_->[1]->(1)) } @things;
my %small_list = map { $_ => pages_of_list($_) } @lists;
grow(100_000);
for my $list (@lists)
{
	my $pages = pages_of_list($list);

	cmp_ok($pages, '<', $small_list{$list} * 1.5 + 50, "$list: pages among 20 times as much as where they are $small_list{$list}");
	diag("$list: $small_list{$list} pages among 5,000 attempts, $pages among 105,000");
}
for my $thing (@things)
{
	my ($name, $delete) = @$thing;
	my $scans = q{SELECT coalesce(sum(seq_scan), 0) FROM pg_stat_user_tables WHERE relname IN ('QuestionAttempt', 'QuestionCompletion',
		'ChallengeCompletion', 'ActivityLog', 'GroupPoints', '_GroupMembers', 'User')};
	my $before = sql($scans);
	my $pages = pages_of($delete->(2));

	cmp_ok($pages, '<', $small{$name} * 1.5 + 50, "$name: pages that its deletion touches, among 20 times as much as where they are $small{$name}");
	diag("$name: $small{$name} pages among 5,000 attempts, $pages among 105,000");
	is(sql($scans), $before, "$name: no table is read whole");
}
is(sql('SELECT count(*) FROM "QuestionAttempt" WHERE "userId" LIKE \'many%\''), $loaded, 'nothing else has gone');

# ---- a frozen board --------------------------------------------------------------------------------
# The same page of it as staff see it, alive, and as everybody else does, when a session has its plans: members who have
# solved as much elsewhere, so that what they have solved lies about the table.
sql(q{
	INSERT INTO "CompetitionGroup" (id, name, "startDate") SELECT 'board' || n, 'B', '2020-01-01' FROM generate_series(1, 4) n;
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'board1', 'many' || n FROM generate_series(1, 2000) n;
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") SELECT c.id || g.id, 4, c.id, g.id FROM "Challenge" c, "CompetitionGroup" g WHERE g.id ~ 'board';
	INSERT INTO "ChallengeCompletion" (id, "userId", "groupChallengeId", "pointsEarned", "completedAt")
	SELECT p.id || n, 'many' || n, p.id, 4, localtimestamp - interval '1 hour' FROM "GroupChallenge" p, generate_series(1, 2000) n WHERE p.id ~ 'board';
	SELECT count(*) FROM generate_series(1, 2000) n, edurange.add_points('many' || n, 'board1', n);
	SELECT edurange.set_board_policy('board1', 'public', now());
	SELECT count(*) FROM generate_series(1, 2000) n, edurange.add_points('many' || n, 'board1', 1)});
sql('VACUUM (ANALYZE, FREEZE)');
# (in the first second completions may still be dated before the instant, so that no session keeps it)
sql(q{SELECT pg_sleep(1.1)});
for my $limit (100, 1000)
{
	my %pages;

	for my $role (qw(edurange_service edurange_player))
	{
		my $page = qq{SELECT count(*) FROM edurange.leaderboard('board1', $limit);};
		my $count = 'RESET ROLE; SELECT FROM pg_stat_force_next_flush(); SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database();';
		my @said = split /\n/, sql("SET ROLE $role; " . $page x 10 . "$count SET ROLE $role; $page $count");

		$pages{$role} = $said[-1] - $said[-3];
	}
	cmp_ok($pages{edurange_player}, '<', 1.2 * $pages{edurange_service} + 100, "a page of $limit of a frozen board touches no more than the live one");
	diag("a page of $limit touches $pages{edurange_service} pages, frozen $pages{edurange_player}");
}

# Its feed, for who has all that may be seen of it, whatever came behind the freeze.
my $abreast = sub {
	my ($since, $more) = ('NULL', 't');
	($since, $more) = split /\|/, sql(qq{SET ROLE edurange_player; SELECT quote_literal("sinceToken"), more FROM edurange.events('board1', $since)}) while $more eq 't';
	return qq{events('board1', $since)};
};
my $feed = $abreast->();
my $withheld = pages_of_list($feed, 'edurange_player');
sql(q{SELECT count(*) FROM generate_series(1, 2000) n, generate_series(1, 10) i, edurange.add_points('many' || n, 'board1', i)});
sql('VACUUM (ANALYZE, FREEZE)');
my $more_withheld = pages_of_list($feed, 'edurange_player');
cmp_ok($more_withheld, '<', $withheld + 50, "a page of a frozen feed touches no more among ten times as much that is withheld");
diag("a page of a frozen feed touches $withheld pages among 2,000 withheld entries, $more_withheld among 22,000");

# ---- long calls ----------------------------------------------------------------------------------
# They say how far they are, where operators look for it.
for my $case ([ 'findings', 'ChallengePack', 'phantom_pack, 8 of 11' ], [ 'check_invariants', '_GroupMembers', 'totals and memberships, 2 of 2' ])
{
	my ($function, $table, $said) = @$case;
	my $lock = $node->background_psql('edurange');
	my $call = $node->background_psql('edurange');

	$lock->query_safe(qq{BEGIN; LOCK TABLE "$table" IN ACCESS EXCLUSIVE MODE});
	$call->query_until(qr/begun/, "\\echo begun\nSELECT count(*) FROM edurange.$function();\n\\echo over\n");
	ok($node->poll_query_until('edurange', qq{SELECT count(*) = 1 FROM pg_stat_activity WHERE query = 'edurange.$function(): $said'}), "$function(): $said");
	$lock->query_safe('COMMIT');
	$call->query_until(qr/over/, '');
	is(sql(qq{SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'edurange.$function(): %'}), 0, 'and afterwards shows the query again');
	$_->quit for $lock, $call;
}
$node->stop;
done_testing();
