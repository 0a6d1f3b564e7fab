# Statistics and the timeline of random classes are what an independent computation makes of the same rows; planted signs of
# copying are found, an honest class shows none, and a student can tell nothing from an answer or its time.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use Edurange::Cluster;
use Edurange::Seed qw(draw_from);
use Edurange::Shim;

my $node = Edurange::Cluster->new_ready('statistics', conf => "edurange.attempt_limit = 0\nlog_statement = none\n");
my $seed = draw_from(int(rand(1e9)));
my $tmp = PostgreSQL::Test::Utils::tempdir();
my $many = $ENV{EDURANGE_LONG} ? 1_000_000 : 100_000;

sub sql { return $node->safe_psql('edurange', $_[0]); }

# A competition with so many members, questions and random rows, which are written as they are.
sub make_class
{
	my ($group, $members, $attempts) = @_;

	return sql(qq{
		SELECT setseed(($seed % 997) / 997.0);
		INSERT INTO "User" (id, email, name) SELECT '$group-' || n, '$group-' || n || '\@x', 'N' FROM generate_series(1, $members) n;
		INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('$group', 'G', '2020-01-01');
		INSERT INTO "_GroupMembers" ("A", "B") SELECT '$group', '$group-' || n FROM generate_series(1, $members) n;
		INSERT INTO "ChallengeType" (id, name) VALUES ('$group', '$group');
		INSERT INTO "Challenge" (id, name, "challengeTypeId") SELECT '$group-c' || c, 'C' || c, '$group' FROM generate_series(1, 4) c;
		INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, answer, "order")
			SELECT '$group-c' || c || 'q' || q, '$group-c' || c, 'Q', 'TEXT', 10, 'right', q FROM generate_series(1, 4) c, generate_series(1, 3) q;
		INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") SELECT '$group-p' || c, 30, '$group-c' || c, '$group' FROM generate_series(1, 4) c;
		-- in two of the challenges there are instances
		INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", "creationTime", flag, "flagSecretName")
			SELECT '$group-i' || c || '-' || n, '$group-c' || c, '$group-' || n, '', 'ACTIVE', '$group', timestamp '2021-01-01' - random() * interval '1 h', 'EDU-{' || md5('$group' || c || '-' || n) || '}', 's'
			FROM generate_series(1, 2) c, generate_series(1, $members) n;
		INSERT INTO "QuestionAttempt" (id, "userId", "questionId", "groupChallengeId", answer, "isCorrect", "attemptedAt")
			SELECT '$group-a' || n, '$group-' || 1 + floor(random() * $members), '$group-c' || c || 'q' || 1 + floor(random() * 3), '$group-p' || c, 'wrong ' || floor(power(random(), 2) * $attempts), false,
				timestamp '2021-01-01' + random() * interval '2 h' FROM (SELECT n, 1 + floor(random() * 4) AS c FROM generate_series(1, $attempts) n) AS t;
		UPDATE "QuestionAttempt" SET "isCorrect" = true, answer = 'right' WHERE id LIKE '$group-a%' AND random() < 0.2;
		INSERT INTO "QuestionCompletion" (id, "userId", "questionId", "groupChallengeId", "pointsEarned", "completedAt")
			SELECT md5(a::text), "userId", "questionId", "groupChallengeId", 10, min("attemptedAt") FROM "QuestionAttempt" a WHERE "isCorrect" AND id LIKE '$group-a%' GROUP BY a."userId", a."questionId", a."groupChallengeId", md5(a::text)
			ON CONFLICT DO NOTHING;
		INSERT INTO "GroupPoints" ("userId", "groupId", points) SELECT "userId", '$group', 10 * count(*) FROM "QuestionCompletion" WHERE "userId" LIKE '$group-%' GROUP BY 1;
		INSERT INTO "GroupPoints" ("userId", "groupId", points) SELECT '$group-1', '$group', 1 ON CONFLICT ("userId", "groupId") DO UPDATE SET points = "GroupPoints".points + 5;
		ANALYZE});
}

# ---- the same by other means --------------------------------------------------------------------------
append_to_file("$tmp/compute.py", <<'PYTHON');
import csv, json, sys
from datetime import datetime
try:
    import numpy
    quartiles = lambda values: [float(x) for x in numpy.percentile(numpy.array(values), [25, 50, 75])]
    by = 'numpy'
except ImportError:
    import statistics
    quartiles = lambda values: statistics.quantiles(values, n=4, method='inclusive') if len(values) > 1 else values * 3
    by = 'statistics'
rows = {name: list(csv.DictReader(open(sys.argv[1] + '/' + name))) for name in ('attempts', 'completions', 'instances', 'ledger')}
when = lambda text: datetime.fromisoformat(text)
began = {}
for row in rows['instances']:
    key = (row['user_id'], row['challenge_id'])
    began[key] = min(began.get(key, when(row['at'])), when(row['at']))
questions = {}
for row in rows['attempts']:
    one = questions.setdefault(row['question_id'], {'attempts': 0, 'right': 0, 'first': {}, 'wrong': {}, 'done': []})
    one['attempts'] += 1
    at = when(row['at'])
    one['first'][row['user_id']] = min(one['first'].get(row['user_id'], at), at)
    if row['right'] == 't':
        one['right'] += 1
    else:
        one['wrong'].setdefault(row['answer'], []).append(row['user_id'])
for row in rows['completions']:
    questions[row['question_id']]['done'].append((row['user_id'], row['challenge_id'], when(row['at'])))
answer = {}
for name, one in questions.items():
    by_instance = all(began.get((user, challenge)) and began[user, challenge] <= at for user, challenge, at in one['done']) and len(one['done']) > 0
    times = [(at - (began[user, challenge] if by_instance else one['first'][user])).total_seconds() for user, challenge, at in one['done']]
    wrong = sorted(one['wrong'].items(), key=lambda w: (-len(w[1]), w[0]))[:5]
    answer[name] = {'solvers': len(one['done']), 'attempts': one['attempts'], 'rightAttempts': one['right'], 'shareRight': one['right'] / one['attempts'],
                    'timeFrom': 'instance' if by_instance else 'attempt', 'quartiles': quartiles(times) if times else [None] * 3,
                    'wrong': [[text, len(users), len(set(users))] for text, users in wrong]}
growth = {}
for row in rows['ledger']:
    growth.setdefault(row['user_id'], {}).setdefault(row['at'], 0)
    growth[row['user_id']][row['at']] += int(row['delta'])
for user, steps in growth.items():
    total = 0
    line = []
    for at in sorted(steps):
        if steps[at]:
            total += steps[at]
            line.append(total)
    growth[user] = line
print(json.dumps({'by': by, 'questions': answer, 'growth': growth}))
PYTHON

make_class('small', 40, 3000);
my %rows = (
	attempts => q{SELECT "userId" AS user_id, "questionId" AS question_id, "isCorrect" AS right, answer, "attemptedAt" AS at FROM "QuestionAttempt" WHERE id LIKE 'small-%'},
	completions => q{SELECT c."userId" AS user_id, c."questionId" AS question_id, p."challengeId" AS challenge_id, c."completedAt" AS at FROM "QuestionCompletion" c JOIN "GroupChallenge" p ON p.id = c."groupChallengeId" WHERE p."groupId" = 'small'},
	instances => q{SELECT "userId" AS user_id, "challengeId" AS challenge_id, "creationTime" AS at FROM "ChallengeInstance" WHERE "competitionId" = 'small'},
	ledger => q{SELECT user_id, delta, coalesce(effective_at, at) AS at FROM edurange.points_ledger WHERE group_id = 'small'});
append_to_file("$tmp/$_", sql("COPY ($rows{$_}) TO STDOUT (FORMAT csv, HEADER)") =~ s/(\.\d{1,5})\b/$1 . '0' x (7 - length $1)/ger . "\n") for sort keys %rows;
my ($out, $err);
IPC::Run::run([ '/usr/bin/python3', "$tmp/compute.py", $tmp ], '>', \$out, '2>', \$err) or die $err;
my $computed = decode_json($out);
note "computed by Python's $computed->{by}" . ($computed->{by} eq 'numpy' ? '' : ' (python3-numpy is not installed)');
my $found = decode_json(sql(q{SELECT json_agg(edurange.wire(t)) FROM edurange.question_statistics('small') t}));
for my $question (@$found)
{
	my $want = $computed->{questions}{ $question->{questionId} };
	my @quartiles = @$question{qw(secondsQuarter secondsHalf secondsThreeQuarters)};

	is_deeply([ @$question{qw(solvers attempts rightAttempts timeFrom)} ], [ @$want{qw(solvers attempts rightAttempts timeFrom)} ], "$question->{questionId}: counts");
	cmp_ok(abs($question->{shareRight} - $want->{shareRight}), '<', 1e-9, 'share of right ones');
	is_deeply([ grep { abs($quartiles[$_] - $want->{quartiles}[$_]) > 1e-6 } 0 .. 2 ], [], 'quartiles') or diag "@quartiles, not @{ $want->{quartiles} }";
	is_deeply([ map { [ @$_{qw(answer attempts users)} ] } @{ $question->{wrongAnswers} } ], $want->{wrong}, 'wrong answers');
}
my %grown;
push @{ $grown{ $_->{userId} } }, $_->{points} for @{ decode_json(sql(q{SELECT json_agg(edurange.wire(t)) FROM edurange.timeline('small', 100) t})) };
is_deeply(\%grown, $computed->{growth}, 'the timeline');

# ---- many attempts, and nobody waits ------------------------------------------------------------------
make_class('large', 1000, $many);
my $begun = time;
sql(q{SELECT count(*) FROM edurange.question_statistics('large')});
my $took = time - $begun;
note sprintf('statistics of %d attempts in %.2f s', $many, $took);
is(sql(q{BEGIN; SELECT count(*) > 0 FROM edurange.question_statistics('large'); SELECT string_agg(DISTINCT mode, ', ') FROM pg_locks WHERE pid = pg_backend_pid() AND locktype IN ('relation', 'tuple') AND relation::regclass::text ~ '"'; ROLLBACK}) =~ s/^t\n//r,
	'AccessShareLock', 'it takes no lock that an attempt waits for');

# ---- signs of copying ---------------------------------------------------------------------------------
# An honest class: mistakes that many make, and typing errors of one's own.
sql(qq{
	SELECT setseed(($seed % 991) / 991.0);
	INSERT INTO "User" (id, email) SELECT 'h-' || n, 'h-' || n || '\@x' FROM generate_series(1, 500) n;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('h', 'H', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'h', 'h-' || n FROM generate_series(1, 500) n;
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") SELECT 'h-p' || c, 30, 'small-c' || c, 'h' FROM generate_series(1, 4) c;
	INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", "creationTime", flag, "flagSecretName")
		SELECT 'h-i' || c || '-' || n, 'small-c' || c, 'h-' || n, '', 'ACTIVE', 'h', '2021-01-01', 'EDU-{' || md5('h' || c || '-' || n) || '}', 's' FROM generate_series(1, 4) c, generate_series(1, 500) n;
	INSERT INTO "QuestionAttempt" (id, "userId", "questionId", "groupChallengeId", answer, "isCorrect", "attemptedAt")
		SELECT format('h-a%s-%s-%s-%s', n, c, q, t), 'h-' || n, format('small-c%sq%s', c, q), 'h-p' || c, CASE WHEN random() < 0.7 THEN 'mistake ' || floor(power(random(), 2) * 30) ELSE 'typo ' || floor(random() * 1e5) END, false,
			timestamp '2021-01-01' + (60 + random() * 7000) * interval '1 s' FROM generate_series(1, 500) n, generate_series(1, 4) c, generate_series(1, 3) q, generate_series(1, 2) t;
	INSERT INTO "QuestionCompletion" (id, "userId", "questionId", "groupChallengeId", "pointsEarned", "completedAt")
		SELECT format('h-d%s-%s-%s', n, c, q), 'h-' || n, format('small-c%sq%s', c, q), 'h-p' || c, 10, timestamp '2021-01-01' + (30 + random() * 7000) * interval '1 s' FROM generate_series(1, 500) n, generate_series(1, 4) c, generate_series(1, 3) q;
});
is(sql(q{SELECT kind, count(*) FROM edurange.integrity_findings('h') GROUP BY 1}), '', 'an honest class of 500 shows nothing');
sql(q{
	UPDATE "QuestionAttempt" SET answer = (SELECT flag FROM "ChallengeInstance" WHERE id = 'h-i1-9') WHERE id = 'h-a7-1-1-1';
	UPDATE "QuestionCompletion" SET "completedAt" = '2021-01-01 00:00:04' WHERE id = 'h-d11-2-1';
	UPDATE "QuestionAttempt" SET answer = 'odd ' || split_part(id, '-', 3) || split_part(id, '-', 4) || split_part(id, '-', 5), "attemptedAt" = timestamp '2021-01-02' + (split_part(id, '-', 3) || split_part(id, '-', 4))::integer * interval '1 s'
		WHERE "userId" IN ('h-21', 'h-22') AND id LIKE '%-1'});
is(sql(q{SELECT string_agg(kind || ' ' || "userId" || coalesce(' ' || "otherUserId", ''), ', ' ORDER BY kind) FROM edurange.integrity_findings('h')}),
	'equal_answers h-21 h-22, fast_solve h-11, foreign_flag h-7 h-9', 'what was planted is found, and nothing else');

# ---- a student tells nothing --------------------------------------------------------------------------
$node->safe_psql(
	'edurange', q{
	INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, answer, "order") VALUES ('f', 'small-c1', 'Flag?', 'FLAG', 10, '{{FLAG}}', 9);
	CREATE TABLE tried (kind text, took double precision);
	CREATE PROCEDURE try_flags(times integer) LANGUAGE plpgsql AS $$
	DECLARE
		kinds text[] := ARRAY['stolen', 'wrong'];
		flags text[] := ARRAY[(SELECT flag FROM "ChallengeInstance" WHERE id = 'h-i1-8'), 'EDU-{' || md5('nobody') || '}'];
		k integer;
		begun timestamptz;
	BEGIN
		FOR i IN 1 .. times LOOP
			k := 1 + (i + (random() < 0.5)::integer) % 2;
			begun := clock_timestamp();
			PERFORM edurange.attempt_question('h-' || 30 + i % 400, 'f', 'h-p1', flags[k]);
			INSERT INTO tried VALUES (kinds[k], extract(epoch FROM clock_timestamp() - begun));
			COMMIT;
		END LOOP;
	END $$});
my $shim = Edurange::Shim->start($node);
my $player = $shim->make_token('player');
my %said;
for my $case ([ stolen => sql(q{SELECT flag FROM "ChallengeInstance" WHERE id = 'h-i1-8'}), 'h-1' ], [ wrong => 'EDU-{' . 'f' x 32 . '}', 'h-2' ])
{
	my ($kind, $flag, $who) = @$case;
	my (undef, undef, $headers, $raw) = $shim->request('POST', '/question/attempt', token => $player, headers => { 'Content-Type' => 'application/json' },
		body => encode_json({ user_id => $who, question_id => 'f', group_challenge_id => 'h-p1', answer => $flag }));
	$said{$kind} = join "\n", $raw, map { "$_: $headers->{$_}" } grep { !/^(date|x-request-id)$/ } sort keys %$headers;
}
is($said{stolen}, $said{wrong}, "another's flag is answered as any wrong one, byte for byte");
sql('CALL try_flags(200)'); # warm
sql('TRUNCATE tried');
sql('CALL try_flags(4000)');
my ($stolen, $wrong, $spread) = split /\|/, sql(q{SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY took) FILTER (WHERE kind = 'stolen') * 1e6, percentile_cont(0.5) WITHIN GROUP (ORDER BY took) FILTER (WHERE kind = 'wrong') * 1e6,
	(percentile_cont(0.75) WITHIN GROUP (ORDER BY took) - percentile_cont(0.25) WITHIN GROUP (ORDER BY took)) * 1e6 FROM tried});
cmp_ok(abs($stolen - $wrong), '<', $spread / 4, sprintf('and takes as long: %.0f and %.0f us, half of all within %.0f us', $stolen, $wrong, $spread));
done_testing();
