#!/usr/bin/perl
# What calls take where there is much: so many users in ten competitions with ten challenges each, ten entries of the
# ledger and five completions for each user.  PLAYERS=1000000 make bench BENCH=large is the size of the largest tables that
# are spoken of; without it there are 20,000.  Prints the time of what reads whole tables and of a board of the past,
# then of each other call of who has a token, a transaction each, and names what takes more than 40 ms.

use strict;
use warnings;

# the test modules keep standard output to themselves
my $results;
BEGIN { open($results, '>&', \*STDOUT) or die $!; }

use FindBin;
use lib $FindBin::Bin;
use List::Util qw(max);
use PostgreSQL::Test::Utils;
use Time::HiRes qw(time);

use Edurange::Cluster;
use Load;

$results->autoflush;

my $quick = grep { $_ eq 'quick' } split ' ', $ENV{BENCH} // '';
my $users = $ENV{PLAYERS} // ($quick ? 2000 : 20_000);
my $rounds = $quick ? 3 : 9;
my $node = Edurange::Cluster->new_ready('large',
	conf => "fsync = on\nsynchronous_commit = on\nshared_buffers = 1GB\nmax_wal_size = 16GB\nlog_statement = none\nautovacuum = off\n");

sub say_row { my ($format, @values) = @_; return print {$results} sprintf("$format\n", @values); }

sub sql { return $node->safe_psql('edurange', $_[0]); }

# ---- data ----------------------------------------------------------------------------------------
# User n is in competition n % 10 and has solved the first challenge, and half of the second one or all of it: what was
# awarded comes first in the ledger, then points that somebody added.  Of these entries as many are of one transaction as
# ten thousand leave.  Competitions old0 to old9 are there to be deleted.
my $begun = time;
sql(q{
	CREATE SCHEMA bench;
	CREATE PROCEDURE bench.begin_transactions(count integer) LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1 .. count LOOP PERFORM txid_current(); COMMIT; END LOOP; END $$;
	SET synchronous_commit = off;
	CALL bench.begin_transactions(10000);
	INSERT INTO "CompetitionGroup" (id, name, "startDate") SELECT 'g' || g, 'Competition ' || g, '2020-01-01' FROM generate_series(0, 9) g;
	INSERT INTO "ChallengeType" (id, name) VALUES ('bench', 'bench');
	INSERT INTO "Challenge" (id, name, "challengeTypeId") SELECT 'c' || c, 'Challenge ' || c, 'bench' FROM generate_series(0, 9) c;
	INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, answer, "order")
	SELECT 'c' || c || 'q' || q, 'c' || c, '?', 'text', 10, 'yes', q FROM generate_series(0, 9) c, generate_series(0, 1) q;
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") SELECT 'g' || g || 'c' || c, 20, 'c' || c, 'g' || g FROM generate_series(0, 9) c, generate_series(0, 9) g;
	INSERT INTO "User" (id, email, name, role) VALUES ('staff', 'staff@x', 'Staff', 'INSTRUCTOR');
	INSERT INTO "_GroupInstructors" ("A", "B") SELECT 'g' || g, 'staff' FROM generate_series(0, 9) g});
sql(qq{
	SET session_replication_role = replica;
	CREATE UNLOGGED TABLE bench.member AS SELECT 'u' || n AS u, 'g' || n % 10 AS g, n, 3 + n % 2 AS solved, now() - interval '10 days' - n * interval '1 ms' AS begun FROM generate_series(1, $users) n;
	CREATE UNLOGGED TABLE bench.solved AS SELECT m.*, s, 'c' || s / 2 AS c, s % 2 AS q, begun + s * interval '1 hour' AS at FROM bench.member m, generate_series(0, solved - 1) s;
	INSERT INTO "User" (id, email, name, "updatedAt") SELECT u, u || '\@x', 'Player ' || n, now() FROM bench.member;
	INSERT INTO "_GroupMembers" ("A", "B") SELECT g, u FROM bench.member;
	INSERT INTO "GroupPoints" (id, "userId", "groupId", points, "updatedAt") SELECT u, u, g, 9 * solved + 10, now() FROM bench.member;
	INSERT INTO edurange.points_ledger (user_id, group_id, seq, delta, balance, kind, source_id, actor, at, xid)
	SELECT u, g, e, CASE WHEN e <= solved THEN 10 ELSE 1 END, 9 * least(e, solved) + e, CASE WHEN e <= solved THEN 'award' ELSE 'add' END,
	  CASE WHEN e <= solved THEN g || 'c' || (e - 1) / 2 END, 'bench', begun + (e - 1) * interval '1 hour', txid_current() - 10000 + ((e - 1) * $users + n) * 1000::bigint / $users
	FROM bench.member, generate_series(1, 10) e;
	INSERT INTO edurange.standing (group_id, user_id, points, seq, reached_at, changed_at, member)
	SELECT g, u, 9 * solved + 10, 10, begun + interval '9 hours', begun + interval '9 hours', true FROM bench.member;
	INSERT INTO "QuestionAttempt" (id, "userId", "questionId", "groupChallengeId", answer, "isCorrect", "attemptedAt") SELECT u || c || q, u, c || 'q' || q, g || c, 'yes', true, at FROM bench.solved;
	INSERT INTO "QuestionCompletion" (id, "userId", "questionId", "groupChallengeId", "pointsEarned", "completedAt") SELECT u || c || q, u, c || 'q' || q, g || c, 10, at FROM bench.solved;
	INSERT INTO "ChallengeCompletion" (id, "userId", "groupChallengeId", "pointsEarned", "completedAt") SELECT u || c, u, g || c, 20, at FROM bench.solved WHERE q = 1;
	INSERT INTO "ActivityLog" (id, "eventType", "userId", "groupId", "challengeId", metadata, "timestamp") SELECT u || c || q, 'QUESTION_COMPLETED', u, g, c, '{}', at FROM bench.solved;
	INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", flag, "flagSecretName")
	SELECT 'i' || n, 'c1', u, 'https://x.test/' || n, 'ACTIVE', g, 'EDU-{x}', 'flag-secret-i' || n FROM bench.member WHERE n % 20 = 0});
sql(q{
	INSERT INTO "CompetitionGroup" (id, name, "startDate") SELECT 'old' || g, 'Old', '2020-01-01' FROM generate_series(0, 9) g;
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'old' || g, 'u' || n FROM generate_series(0, 9) g, generate_series(1, 100) n;
	SELECT FROM edurange.set_board_policy('g0', 'members');
	-- :i in a call is the number of the round, :n that of a member of g0, :n1 of g1, and so on
	CREATE PROCEDURE bench.take(call text, rounds integer, INOUT ms double precision[]) LANGUAGE plpgsql AS $$
	DECLARE
	  begun timestamptz;
	BEGIN
	  ms := '{}';
	  FOR i IN 0 .. rounds LOOP
	    begun := clock_timestamp();
	    EXECUTE format('SELECT count(t::text) FROM (%s) t', replace(replace(call, ':n', (10 * i + 10)::text), ':i', i::text));
	    COMMIT;
	    ms := ms || extract(epoch FROM clock_timestamp() - begun) * 1000;
	  END LOOP;
	END $$});
sql('VACUUM ANALYZE');
say_row('%d users, %s entries of the ledger, %s completions: filled in %.0f s', $users, (split /\|/, sql(q{
	SELECT (SELECT count(*) FROM edurange.points_ledger), (SELECT count(*) FROM "QuestionCompletion") + (SELECT count(*) FROM "ChallengeCompletion")})), time - $begun);

# ---- calls ---------------------------------------------------------------------------------------
my $placement = q{(SELECT id FROM "GroupChallenge" WHERE "groupId" = 'g0' AND "challengeId" = 'd:i')};
my $change = q{(SELECT c.id FROM edurange.grade_changes('g0'), unnest(changes) c WHERE c."undoneAt" IS NULL LIMIT 1)};
my $document = q{'{"metadata": {"id": "d:i", "name": "D", "version": "1.0.0", "challenge_type": "web"},
	"components": [{"type": "question", "id": "q", "config": {"type": "text", "text": "?", "points": 5, "answer": "yes"}}]}'};
my $pack = q{'{"id": "p:i", "name": "P", "version": "1.0.0", "challenges": ["a.cdf.json"]}', ARRAY['a.cdf.json'], ARRAY['{"metadata": {"id": "p:i", "name": "D", "version": "1.0.0",
	"challenge_type": "web"}, "components": [{"type": "question", "id": "q", "config": {"type": "text", "text": "?", "points": 5, "answer": "yes"}}]}']};
my $half = int($users / 20);

# In this order: the later ones undo what the earlier ones made.
my @calls = (
	# what is read
	q{get_points('u:n', 'g0')}, q{points_history('u:n', 'g0')}, q{leaderboard('g0', 100)}, qq{leaderboard('g0', 100, $half)}, q{leaderboard('g0', 10000)},
	q{competition_progress('g0', 'u:n')}, q{completed_questions('u:n', 'g0c0')}, q{challenge_details('c0')}, q{question_details('c0q0')},
	q{challenge_list()}, q{challenge_list(search => 'lenge :i')}, q{challenge_list(group_id => 'g0')}, q{challenges()},
	q{challenge_instances()}, q{challenge_instances(group_id => 'g0')}, q{challenge_instances(user_id => 'u:n')}, q{challenge_instance('i20')},
	q{users()}, q{users(search => 'player :n')}, q{users(search => 'u:n@')}, q{competitions()}, q{competition('g0')}, q{members('g0')}, q{roster('g0')}, q{access_codes('g0')},
	q{attempts('g0')}, q{attempts('g0', 'u:n')}, q{attempts('g0', question_id => 'c0q0')}, q{activity()}, q{activity('g0')}, q{activity(user_id => 'u:n')},
	q{activity(event_type => 'QUESTION_COMPLETED')}, q{participation('g0')}, q{get_board_policy('g0')}, q{board_access('g0')}, q{board_state('g0')}, q{board_state('g0', thorough => false)},
	q{events('g0')}, q{feed_state('g0')}, q{timeline('g0')}, q{question_statistics('g0')}, q{integrity_findings('g0')}, q{gradebook('g0')},
	q{gradebook_file('g0', 'csv')}, q{tokens()}, q{authenticate_token('\\x00')}, q{readiness()}, q{health()}, q{sync_status()}, q{sync_drift()}, q{sync_drift_summary()}, q{sync_metrics()},
	qq{cdf_validate($document)}, q{cdf_schema()}, q{pack_list()}, q{version_satisfies('1.2.3', '^1.0.0')}, q{json_schema_validate('{"type": "object"}', '{}')},
	q{outcomes('get_points', ARRAY['u:n', 'g0', NULL, NULL, NULL])},
	# what happens all the time
	q{add_points('u:n', 'g0', 1)}, q{add_points('u:n', 'g0', 1, idempotency_key => 'k:i')}, q{set_points('u:n', 'g0', 100)},
	q{attempt_question('u:n', 'c3q0', 'g0c3', 'no')}, q{attempt_question('u:n', 'c3q0', 'g0c3', 'yes')}, q{complete_question('u:n', 'c3q1', 'g0c3')},
	q{complete_challenge('u:n', 'g0c4', 20)}, q{log_activity('USER_UPDATED', 'u:n')}, q{update_challenge_instance('i20', status => 'ERROR')},
	q{create_token('player', 'bench :i')}, q{revoke_token((SELECT id FROM edurange.tokens(1)))},
	# what staff do
	q{create_user('new:i@x')}, q{create_competition('New', now(), ARRAY['staff'])}, q{update_competition('g0', name => 'Renamed :i')}, q{set_instructors('g0', ARRAY['staff'])},
	q{generate_access_code('g0', 'staff', 'CODE:i')}, q{join_competition('CODE:i', 'u:n1')}, q{revoke_access_code('g0', 'CODE:i')},
	q{import_roster('g0', E'email,name\nu:n2@x,A\nu:n3@x,B')}, q{set_participation('g0', 'u:n', hidden => true)}, q{set_board_policy('g0', 'members', now() + :i * interval '1 day')},
	qq{cdf_import($document)}, qq{cdf_update('d:i', $document)}, q{cdf_export('d:i')}, q{add_competition_challenge('g0', 'd:i', 5)}, qq{set_challenge_points('g0', $placement, 6)},
	qq{remove_competition_challenge('g0', $placement)}, qq{pack_install($pack)}, q{pack_details('p:i')}, 'pack_update(' . $pack =~ s/1\.0\.0/1.1.0/r . ')', q{pack_uninstall('p:i')},
	q{add_challenge_type('type:i')}, q{remove_challenge_type('type:i')},
	q{grade_question('g0', 'u:n', 'c0q0', 5)}, qq{grade_change('g0', $change)}, q{grade_changes('g0')}, qq{undo_change('g0', $change)}, q{void_completion('g1', 'u:n1', 'c0q0')},
	q{accept_answer('g0', 'c0q0', 'oui :i')}, q{rejudge('g0', 'c0q0')}, q{reset_progress('g2', 'u:n2')}, q{remove_member('g3', 'u:n3')}, q{delete_competition('old:i', 'Old')},
	# what concerns a whole class
	[ q{accept_answer('g4', 'c0q0', 'no')} ], [ q{reprice('g5', 'c0q0')}, q{UPDATE "ChallengeQuestion" SET points = 12 WHERE id = 'c0q0'} ],
	[ q{set_challenge_points('g6', 'g6c0', 10, force => true)} ], [ q{remove_competition_challenge('g7', 'g7c0', force => true)} ], [ q{delete_competition('g8', 'Competition 8')} ]);

# Milliseconds of a call in each round, after one that makes plans; or of the only time that it is made.
sub take
{
	my ($call, $is_once) = @_;
	my ($status, $out, $err) = $node->psql('edurange', sprintf q{CALL bench.take($call$SELECT * FROM edurange.%s$call$, %d, NULL)}, $call, $is_once ? 0 : $rounds);
	my @ms = ($out // '') =~ /([\d.]+(?:e-?\d+)?)/g;

	return (undef, $err) if $status;
	shift @ms unless $is_once;
	return \@ms;
}

my %is_measured;
my ($failed, @long) = (0);
sub report
{
	my ($call, $is_once) = @_;
	my ($ms, $error) = take($call, $is_once);
	my $name = $call =~ s/\s+/ /gr;

	$is_measured{$1} = 1 if $call =~ /^(\w+)/;
	$name = substr($name, 0, 67) . '...' if length $name > 70;
	return $failed++, say_row('%-72s %s', $name, $error =~ s/\n.*//sr) if !$ms;
	push @long, $name if median(@$ms) > 40;
	return say_row('%-72s %9.2f %9.2f%s', $name, median(@$ms), max(@$ms), median(@$ms) > 40 ? '  over 40 ms' : '');
}

say_row('%-72s %9s %9s', 'what reads whole tables, and a board of the past', 'ms', 'longest');
my $violations = sql('SELECT count(*) FROM edurange.check_invariants()');
my $findings = sql('SELECT count(*) FROM edurange.findings()');
report('findings()', 1);
report('check_invariants()', 1);
report(q{leaderboard('g0', 100, at => now() - interval '10 days')});
@long = ();
say_row("\n%-72s %9s %9s", 'each other call', 'ms', 'longest');
for my $call (@calls)
{
	my ($once, $before) = ref $call ? @$call : ();

	sql($before) if $before;
	report($once // $call, defined $once);
}
say_row("\nover 40 ms: %s", @long ? "\n  " . join("\n  ", @long) : 'none');
say_row('not measured: %s', join ', ', grep { !$is_measured{$_} } split /\n/, sql(q{
	SELECT DISTINCT p.proname FROM pg_proc p, unnest('{edurange_player,edurange_service,edurange_admin}'::text[]) r
	WHERE p.pronamespace = 'edurange'::regnamespace AND has_function_privilege(r, p.oid, 'EXECUTE') AND NOT has_function_privilege('public', p.oid, 'EXECUTE') ORDER BY 1}));
$violations += sql('SELECT count(*) FROM edurange.check_invariants()');
say_row('violated invariants: %d; findings before the calls: %d; calls that failed: %d', $violations, $findings, $failed);
$node->stop;
exit($violations || $findings || $failed ? 1 : 0);
