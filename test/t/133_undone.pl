# Changes of grades after random plays, all undone again, by the order in which they were made or any other: every row is as
# it was, with its id and times, and so are the board and its order.

use strict;
use warnings;

use Test::More;

use Edurange::Cluster;
use Edurange::Seed qw(draw_from);

my $node = Edurange::Cluster->new_ready('undone', conf => "fsync = off\nlog_statement = none\nlog_min_messages = fatal\n");
my $seed = draw_from(int(rand(1e6)));
my $histories = $ENV{EDURANGE_LONG} ? 400 : 30;

$node->safe_psql('edurange', <<'SQL');
CREATE SCHEMA testing;
-- (mixed: whose completion of a challenge was lost and made more than once may be given back another of them)
CREATE FUNCTION testing.state(mixed boolean) RETURNS text LANGUAGE sql AS $$ SELECT concat_ws(E'\n',
 (SELECT 'questions ' || string_agg(concat_ws(',', id, "userId", "questionId", "pointsEarned", "completedAt"), ' | ' ORDER BY id) FROM "QuestionCompletion"),
 (SELECT 'challenges ' || string_agg(concat_ws(',', "userId", "groupChallengeId", "pointsEarned", CASE WHEN NOT mixed THEN id || ',' || "completedAt" END), ' | ' ORDER BY "userId", "groupChallengeId") FROM "ChallengeCompletion"),
 (SELECT 'attempts ' || string_agg(concat_ws(',', id, "isCorrect"), ' | ' ORDER BY id) FROM "QuestionAttempt"),
 (SELECT 'board ' || string_agg(t::text, ' | ' ORDER BY rank, "userId") FROM edurange.leaderboard('g') t),
 (SELECT 'corrected ' || string_agg(t::text, ' | ' ORDER BY rank, "userId") FROM edurange.leaderboard('g', at => (SELECT greatest(max(changed_at), clock_timestamp()) FROM edurange.standing), corrected => true) t),
 (SELECT 'points ' || string_agg(concat_ws(',', "userId", points), ' | ' ORDER BY "userId") FROM "GroupPoints" WHERE points <> 0),
 (SELECT 'voided ' || string_agg(t::text, ' | ' ORDER BY user_id, question_id) FROM edurange.voided t),
 (SELECT 'accepted ' || string_agg(answer, ' | ' ORDER BY answer) FROM edurange.accepted_answer)) $$;
CREATE FUNCTION testing.history(seed double precision, plays integer, changes integer, in_order boolean, mixed boolean) RETURNS SETOF text LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  u text; q text; p text; before text;  r integer; cid text; nu text[];
BEGIN
  PERFORM setseed(seed);
  SET LOCAL edurange.attempt_limit = 0;
  SET LOCAL edurange.allow_drop = on;
  DELETE FROM "QuestionAttempt"; DELETE FROM "QuestionCompletion"; DELETE FROM "ChallengeCompletion"; DELETE FROM "GroupPoints"; DELETE FROM "ActivityLog"; DELETE FROM "CompetitionGroup"; DELETE FROM "Challenge"; DELETE FROM "User";
  DELETE FROM edurange.points_ledger; DELETE FROM edurange.standing; DELETE FROM edurange.grade_change; DELETE FROM edurange.grade_change_user; DELETE FROM edurange.grade_change_attempt; DELETE FROM edurange.voided; DELETE FROM edurange.accepted_answer; DELETE FROM edurange.participation;
  INSERT INTO "User" (id, email) SELECT 'u' || n, 'u' || n || '@x' FROM generate_series(1, 4) n;
  INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
  INSERT INTO "_GroupMembers" ("A", "B") SELECT 'g', id FROM "User";
  INSERT INTO "ChallengeType" (id, name) VALUES ('t', 't') ON CONFLICT DO NOTHING;
  INSERT INTO "Challenge" (id, name, "challengeTypeId") SELECT 'c' || n, 'C', 't' FROM generate_series(1, 2) n;
  INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, answer, "order", required) SELECT format('c%sq%s', c, n), 'c' || c, 'Q', 'TEXT', 10 * n, 'a', n, n < 3 OR random() < 0.5 FROM generate_series(1, 2) c, generate_series(1, 3) n;
  INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") SELECT 'p' || n, 60, 'c' || n, 'g' FROM generate_series(1, 2) n;
  FOR i IN 1 .. plays LOOP
    u := 'u' || 1 + floor(random() * 4)::int; p := 1 + floor(random() * 2)::int; q := format('c%sq%s', p, 1 + floor(random() * 3)::int);
    r := floor(random() * 14);
    BEGIN
    CASE
      WHEN r < 10 THEN PERFORM edurange.attempt_question(u, q, 'p' || p, (ARRAY['a', 'b', 'c', 'd'])[1 + floor(random() * 4)::int]);
      WHEN r = 10 THEN PERFORM edurange.complete_question(u, q, 'p' || p);
      WHEN r = 11 THEN PERFORM edurange.complete_challenge(u, 'p' || p, 10 + floor(random() * 50)::int);
      WHEN r = 12 THEN PERFORM edurange.add_points(u, 'g', -5 + floor(random() * 11)::int);
      ELSE PERFORM edurange.reset_progress('g', u);
    END CASE;
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
  before := testing.state(mixed);
  FOR i IN 1 .. changes LOOP
    u := 'u' || 1 + floor(random() * 4)::int; p := 1 + floor(random() * 2)::int; q := format('c%sq%s', p, 1 + floor(random() * 3)::int);
    r := floor(random() * 6);
    BEGIN
    CASE r
      WHEN 0 THEN PERFORM edurange.accept_answer('g', q, (ARRAY['b', 'c', 'd'])[1 + floor(random() * 3)::int]);
      WHEN 1 THEN UPDATE "ChallengeQuestion" SET answer = (ARRAY['a', 'b', 'c', 'd'])[1 + floor(random() * 4)::int] WHERE id = q; PERFORM edurange.rejudge('g', q);
      WHEN 2 THEN UPDATE "ChallengeQuestion" SET points = floor(random() * 40) WHERE id = q; PERFORM edurange.reprice('g', q);
      WHEN 3 THEN PERFORM edurange.grade_question('g', u, q, floor(random() * 11)::int);
      WHEN 4 THEN PERFORM edurange.void_completion('g', u, q);
      ELSE
        -- some are undone before others are made
        IF mixed THEN
          PERFORM edurange.undo_change('g', (SELECT id FROM (SELECT DISTINCT ON (question_id) id FROM edurange.grade_change WHERE undone_at IS NULL ORDER BY question_id, at DESC, id DESC) x ORDER BY random() LIMIT 1));
        END IF;
    END CASE;
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
  -- undone: in a random order of questions, the latest of each
  LOOP
    SELECT id INTO cid FROM (SELECT DISTINCT ON (question_id) id, at FROM edurange.grade_change WHERE undone_at IS NULL ORDER BY question_id, at DESC, id DESC) x ORDER BY CASE WHEN in_order THEN -extract(epoch FROM at) ELSE random() END LIMIT 1;
    EXIT WHEN cid IS NULL;
    SELECT "notUndone" INTO nu FROM edurange.undo_change('g', cid);
    IF nu <> '{}' THEN RETURN NEXT 'not undone: ' || nu::text; END IF;
    cid := NULL;
  END LOOP;
  RETURN QUERY SELECT format(E'before %s\nafter  %s', b, a) FROM unnest(string_to_array(before, E'\n'), string_to_array(testing.state(mixed), E'\n')) x (b, a) WHERE b IS DISTINCT FROM a;
  RETURN QUERY SELECT c::text FROM edurange.check_invariants() c;
END $$;
SQL

# The first are ones that leave something over which only few do; in the last ones some are undone before others are made.
for my $of (
	[ 1, 80 ], [ 1, 82 ], [ 272903, 6 ], [ 5000, 105 ],
	(map { [ $seed, $_, 'false' ] } 0 .. $histories - 1),
	(map { [ $seed, $_, 'true' ] } 0 .. $histories / 2 - 1))
{
	my ($first, $n, $mixed) = (@$of, 'false');
	my $draw = (($first + $n) % 1_000_003) / 1_000_003;
	my $in_order = $n % 2 ? 'true' : 'false';

	is($node->safe_psql('edurange', "SELECT * FROM testing.history($draw, 50, " . ($mixed eq 'true' ? 2 : 1) * (3 + $n % 12) . ", $in_order, $mixed)"), '', "history $n, mixed: $mixed");
}

done_testing();
