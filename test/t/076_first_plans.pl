# What a call reads does not grow with what others did, in a session that planned its statements while the tables were
# empty and that nobody tells how large they have become: so it is in the first minute of a competition.

use strict;
use warnings;

use Edurange::Cluster;
use Test::More;

my $students = 400;
my $node = Edurange::Cluster->new_ready('first', conf => "fsync = off\nautovacuum = off\njit = off\n");

sub sql { return $node->safe_psql('edurange', $_[0]) }

sql(qq{
	INSERT INTO "User" (id, email, name) SELECT 'u' || n, 'u' || n || '\@x', 'U' FROM generate_series(0, $students) n;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupInstructors" ("A", "B") VALUES ('g', 'u0');
	SELECT edurange.cdf_import('{"metadata": {"id": "c", "name": "C", "version": "1", "challenge_type": "web"}, "components": [
		{"type": "question", "id": "a", "config": {"type": "text", "text": "?", "points": 10, "answer": "yes"}},
		{"type": "question", "id": "b", "config": {"type": "text", "text": "?", "points": 10, "answer": "yes"}}]}');
	UPDATE "ChallengeQuestion" SET id = cdf_question_id;
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('gc', 50, 'c', 'g');
	INSERT INTO "CompetitionAccessCode" (id, code, "groupId", "createdBy") VALUES ('code', 'CODE', 'g', 'u0');
	CREATE SCHEMA testing;
	CREATE FUNCTION testing.rows_read() RETURNS bigint LANGUAGE sql AS \$\$
		SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables \$\$;
	CREATE TABLE testing.seen (call text, turn integer, rows_read bigint);
	CREATE PROCEDURE testing.play(students integer, calls text[]) LANGUAGE plpgsql AS \$\$
	DECLARE
		before bigint;
		call text;
	BEGIN
		FOR i IN 1 .. students LOOP
			FOREACH call IN ARRAY calls LOOP
				before := testing.rows_read();
				EXECUTE replace(call, '<i>', i::text);
				IF i IN (10, students) THEN
					INSERT INTO testing.seen VALUES (call, i, testing.rows_read() - before);
				END IF;
				COMMIT;
			END LOOP;
		END LOOP;
	END
	\$\$});

# In the order in which a student does it.
my @calls = (
	q{join_competition('CODE', 'u<i>')}, q{add_points('u<i>', 'g', 1)}, q{add_points('u<i>', 'g', 1, idempotency_key => 'k<i>')}, q{set_points('u<i>', 'g', 7)},
	q{attempt_question('u<i>', 'a', 'gc', 'no')}, q{attempt_question('u<i>', 'a', 'gc', 'yes')}, q{attempt_question('u<i>', 'b', 'gc', 'no')},
	q{complete_question('u<i>', 'a', 'gc')}, q{attempt_question('u<i>', 'b', 'gc', 'yes')}, q{complete_challenge('u<i>', 'gc', points_earned => 50)},
	q{get_points('u<i>', 'g')}, q{points_history('u<i>', 'g')}, q{completed_questions('u<i>', 'gc')}, q{competition_progress('g', 'u<i>')}, q{attempts('g', 'u<i>')},
	q{log_activity('USER_UPDATED', 'u<i>')}, q{update_challenge_instance('i<i>', 'ACTIVE')}, q{challenge_instance('i<i>')},
	q{grade_question('g', 'u<i>', 'a', 5)}, q{void_completion('g', 'u<i>', 'a')}, q{set_participation('g', 'u<i>', hidden => false)}, q{reset_progress('g', 'u<i>')});
sql(qq{INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId") SELECT 'i' || n, 'c', 'u' || n, '', 'CREATING', 'g' FROM generate_series(1, $students) n});
sql("CALL testing.play($students, ARRAY[" . join(', ', map { "\$c\$SELECT edurange.$_\$c\$" } @calls) . '])');
for my $call (@calls)
{
	my ($early, $late) = map { sql("SELECT rows_read FROM testing.seen WHERE call = \$c\$SELECT edurange.$call\$c\$ AND turn = $_") } 10, $students;

	cmp_ok($late, '<=', $early + 3, "$call: rows read") or diag "$early of the tenth student";
}
is(sql('SELECT count(*) FROM edurange.check_invariants()'), '0', 'invariants');
done_testing();
