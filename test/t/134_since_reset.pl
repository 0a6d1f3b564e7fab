# A total is what is completed since the last reset says, and what was corrected since: after each step of random plays,
# words of services, grades, changes of worth and zeros, and when the challenge is taken out in the end nothing is left.
# The books and the boards of the instants between the steps are then what they were.

use strict;
use warnings;

use Test::More;

use Edurange::Cluster;
use Edurange::Seed qw(draw_from);

my $node = Edurange::Cluster->new_ready('since_reset', conf => "fsync = off\nlog_statement = none\nlog_min_messages = fatal\n");
my $seed = draw_from(int(rand(1e6)));
my $histories = $ENV{EDURANGE_LONG} ? 600 : 25;

$node->safe_psql('edurange', <<'SQL');
CREATE SCHEMA testing;
CREATE FUNCTION testing.totals(who text, corrected bigint) RETURNS TABLE (said bigint, meant bigint) LANGUAGE sql AS $$
  WITH since AS (SELECT coalesce(max(reset_at), '-infinity') AT TIME ZONE 'UTC' AS at FROM edurange.standing WHERE user_id = who)
  SELECT (SELECT points FROM "GroupPoints" WHERE "userId" = who),
    corrected + greatest((SELECT sum("pointsEarned") FROM "QuestionCompletion", since WHERE "userId" = who AND "completedAt" > at),
      (SELECT sum("pointsEarned") FROM "ChallengeCompletion", since WHERE "userId" = who AND "completedAt" > at), 0) $$;
CREATE FUNCTION testing.book(at timestamptz DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws('; ', (SELECT string_agg(concat_ws(' ', g."userId", g.item, g.points), ', ' ORDER BY g."userId", g.item) FROM edurange.gradebook('g', 'challenge', at) g),
    (SELECT string_agg(concat_ws(' ', b.rank, b."userId", b.points), ', ' ORDER BY b.rank, b."userId") FROM edurange.leaderboard('g', at => at) b)) $$;
CREATE FUNCTION testing.document(questions text[], points integer[]) RETURNS text LANGUAGE sql AS $$
  SELECT json_build_object('metadata', json_build_object('id', 'c', 'name', 'C', 'version', '1', 'challenge_type', 'web'), 'components',
    json_agg(json_build_object('type', 'question', 'id', q, 'config', json_build_object('type', 'text', 'text', '?', 'points', points[n], 'answer', 'a', 'required', q < 'q3'))))
  FROM unnest(questions) WITH ORDINALITY AS t (q, n) $$;
-- The steps up to the first after which something is not what it is meant to be.
CREATE FUNCTION testing.history(seed double precision, steps integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  users text[] := ARRAY['u1', 'u2'];
  corrected bigint[] := ARRAY[0, 0];
  question text;
  who integer;
  change text;
  amount integer;
  step text;
  done text := '';
  wrong text;
  books text[] := '{}';
  times timestamptz[] := '{}';
BEGIN
  PERFORM setseed(seed);
  SET LOCAL edurange.attempt_limit = 0;
  SET LOCAL edurange.allow_drop = on;
  DELETE FROM "QuestionAttempt"; DELETE FROM "QuestionCompletion"; DELETE FROM "ChallengeCompletion"; DELETE FROM "GroupPoints"; DELETE FROM "ActivityLog"; DELETE FROM "CompetitionGroup"; DELETE FROM "Challenge"; DELETE FROM "User";
  DELETE FROM edurange.points_ledger; DELETE FROM edurange.standing; DELETE FROM edurange.grade_change; DELETE FROM edurange.grade_change_user; DELETE FROM edurange.grade_change_attempt; DELETE FROM edurange.voided; DELETE FROM edurange.accepted_answer;
  INSERT INTO "User" (id, email) SELECT u, u || '@x' FROM unnest(users || 'done'::text) u;
  INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
  INSERT INTO "_GroupMembers" ("A", "B") SELECT 'g', id FROM "User";
  PERFORM edurange.cdf_import(testing.document('{q1,q2,q3}', '{20,30,7}'));
  -- (a question has the same id in each history)
  UPDATE "Challenge" SET id = 'c'; UPDATE "ChallengeQuestion" SET id = cdf_question_id;
  INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('p', 50, 'c', 'g');
  -- somebody has done all of it: what a document leaves out is retired, and the books of then know what it belonged to
  PERFORM edurange.complete_question('done', q, 'p') FROM unnest('{q1,q2,q3}'::text[]) q;
  FOR n IN 1 .. steps LOOP
    who := 1 + floor(random() * 2)::integer;
    question := 'q' || 1 + floor(random() * 3)::integer;
    amount := floor(random() * 60)::integer;
    step := (ARRAY['attempt', 'attempt', 'attempt', 'attempt', 'solved', 'service', 'zero', 'zero by hand', 'void', 'grade', 'reprice', 'rejudge', 'accept', 'undo', 'add', 'reset', 'worth', 'document'])[1 + floor(random() * 18)::integer];
    BEGIN
      CASE step
        WHEN 'attempt' THEN PERFORM edurange.attempt_question(users[who], question, 'p', (ARRAY['a', 'a', 'b', 'c'])[1 + floor(random() * 4)::integer]);
        WHEN 'solved' THEN PERFORM edurange.complete_question(users[who], question, 'p');
        WHEN 'service' THEN PERFORM edurange.complete_challenge(users[who], 'p', amount);
        WHEN 'zero', 'zero by hand' THEN
          -- (a completion's time is rounded to milliseconds)
          PERFORM pg_sleep(0.002);
          IF step = 'zero' THEN PERFORM edurange.set_points(users[who], 'g', 0);
          ELSE UPDATE "GroupPoints" SET points = 0, "updatedAt" = now() AT TIME ZONE 'UTC' WHERE "userId" = users[who] AND points <> 0;
          END IF;
          PERFORM pg_sleep(0.002);
          corrected[who] := CASE WHEN step = 'zero' OR FOUND THEN 0 ELSE corrected[who] END;
        WHEN 'void' THEN PERFORM edurange.void_completion('g', users[who], question);
        WHEN 'grade' THEN PERFORM edurange.grade_question('g', users[who], question, amount);
        WHEN 'reprice' THEN UPDATE "ChallengeQuestion" SET points = amount WHERE id = question; PERFORM edurange.reprice('g', question);
        WHEN 'rejudge' THEN UPDATE "ChallengeQuestion" SET answer = (ARRAY['a', 'b'])[1 + amount % 2] WHERE id = question; PERFORM edurange.rejudge('g', question);
        WHEN 'accept' THEN PERFORM edurange.accept_answer('g', question, 'c');
        WHEN 'undo' THEN
          SELECT id INTO change FROM (SELECT DISTINCT ON (question_id) id FROM edurange.grade_change WHERE undone_at IS NULL ORDER BY question_id, at DESC, id DESC) x ORDER BY random() LIMIT 1;
          IF FOUND THEN PERFORM edurange.undo_change('g', change); END IF;
        WHEN 'add' THEN PERFORM edurange.add_points(users[who], 'g', amount); corrected[who] := corrected[who] + amount;
        WHEN 'reset' THEN PERFORM edurange.reset_progress('g', users[who]); corrected[who] := 0;
        -- (which a question that is left out may be missing from, and what is worth something else to who completes it then)
        WHEN 'document' THEN PERFORM edurange.cdf_update('c', testing.document(CASE amount % 3 WHEN 0 THEN '{q1,q2,q3}' WHEN 1 THEN array_remove('{q1,q2,q3}', question) ELSE ARRAY[question] END, ARRAY[amount, 30, 7]));
        WHEN 'worth' THEN PERFORM edurange.set_challenge_points('g', 'p', amount, true);
      END CASE;
    EXCEPTION WHEN OTHERS THEN
      IF SQLSTATE !~ '^RG' AND NOT (SQLSTATE = '22023' AND step IN ('grade', 'service')) THEN RAISE; END IF;
      step := step || ' (refused)';
    END;
    done := done || format(E'%s %s %s %s: %s\n', step, users[who], question, amount, (SELECT array_agg(points ORDER BY "userId") FROM "GroupPoints" WHERE "userId" <> 'done'));
    SELECT format('%s has %s, and not %s', users[u], said, meant) INTO wrong FROM generate_series(1, 2) u, testing.totals(users[u], corrected[u])
    WHERE coalesce(said, 0) <> meant;
    IF FOUND THEN RETURN done || wrong; END IF;
    SELECT format('%s has corrections of %s, and not %s', users[u], points, corrected[u]) INTO wrong FROM generate_series(1, 2) u, edurange.gradebook('g', 'challenge')
    WHERE "userId" = users[u] AND item = 'Corrections' AND points <> corrected[u];
    IF FOUND THEN RETURN done || wrong; END IF;
    times := times || clock_timestamp();
    books := books || testing.book();
  END LOOP;
  FOR n IN 1 .. steps LOOP
    IF testing.book(times[n]) <> books[n] THEN RETURN done || format('at step %s it was %s, and not %s', n, testing.book(times[n]), books[n]); END IF;
  END LOOP;
  PERFORM edurange.remove_competition_challenge('g', 'p', true);
  SELECT format('%s has %s left, and not %s', users[u], points, corrected[u]) INTO wrong FROM generate_series(1, 2) u, edurange.get_points(users[u], 'g') AS points
  WHERE points <> corrected[u];
  RETURN CASE WHEN FOUND THEN done || wrong END;
END $$;
SQL

for my $n (0 .. $histories - 1)
{
	my $draw = (($seed + $n) % 1_000_003) / 1_000_003;
	my $said = $node->safe_psql('edurange', "SELECT testing.history($draw, 30)");

	is($said, '', "history $n");
	last if $said ne '';
}
is($node->safe_psql('edurange', 'SELECT count(*) FROM edurange.check_invariants()'), '0', 'invariants');

done_testing();
