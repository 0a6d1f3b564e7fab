# A class of 200 over four challenges is closed by an instructor who is no admin: a wrong key, extra time, somebody
# disqualified, a shared flag, a grade by hand.  Every file sums up to the board, and is what Python's csv, Canvas and
# Moodle read; then everything is undone, and the board is the first one, row for row.

use strict;
use warnings;
use utf8;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use Edurange::Cluster;
use Edurange::Seed qw(draw_from);
use Edurange::Shim;

my $node = Edurange::Cluster->new_ready('grades', conf => "edurange.attempt_limit = 0\n");
my $shim = Edurange::Shim->start($node);
my $token = $shim->make_token('service');
my $seed = draw_from(int(rand(1e9)));
my $tmp = PostgreSQL::Test::Utils::tempdir();

sub sql { return $node->safe_psql('edurange', $_[0]); }

# Asks for the instructor; the answer, or undef and what it was.
sub ask
{
	my ($method, $path, $body) = @_;
	my ($status, $json, $headers, $raw) = $shim->request($method, $path, token => $token,
		headers => { 'X-Acting-User' => 'ina', defined $body ? ('Content-Type' => 'application/json') : () },
		defined $body ? (body => encode_json($body)) : ());

	is($status, 200, "$method $path") or diag $raw;
	return wantarray ? ($json, $headers, $raw) : $json;
}

# ---- the class plays ----------------------------------------------------------------------------------
$node->safe_psql(
	'edurange', qq{
	SELECT setseed(($seed % 1000) / 1000.0);
	INSERT INTO "User" (id, email, name) SELECT 'u' || n, 'u' || n || '\@example.org', (ARRAY['Zoë', '=SUM(A1)', '張偉', '+1', 'O''Brien, "Pat"', '-x', '\@at', 'Ἀθηνᾶ', E'Tab\\there', NULL])[n % 10 + 1]
		FROM generate_series(1, 200) n;
	INSERT INTO "User" (id, email, name, role) VALUES ('ina', 'ina\@example.org', 'Ina', 'INSTRUCTOR');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'Final Score (1)', '2020-01-01');
	INSERT INTO "_GroupInstructors" ("A", "B") VALUES ('g', 'ina');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'g', 'u' || n FROM generate_series(1, 200) n;
	INSERT INTO edurange.roster (group_id, email, external_id, login_id, section, user_id, line, imported_at)
		SELECT 'g', 'u' || n || '\@example.org', 'sis-' || n, CASE WHEN n % 2 = 0 THEN 'login' || n END, 'Section ' || n % 3, 'u' || n, n, now() FROM generate_series(1, 150) n;
	SELECT edurange.cdf_import(format('{"metadata": {"id": "c%s", "name": "%s", "version": "1", "challenge_type": "web"}, "components": [
		{"type": "question", "id": "q1", "config": {"type": "text", "text": "One?", "points": 10, "answer": "a1"}},
		{"type": "question", "id": "q2", "config": {"type": "text", "text": "Two?", "points": 20, "answer": "a2"}},
		{"type": "question", "id": "q3", "config": {"type": "flag", "text": "Flag?", "points": 30, "answer": "{{FLAG}}"}}]}', c, name))
		FROM (VALUES (1, 'Ports (80)'), (2, '=cmd'), (3, 'Current Grade'), (4, 'Ports (80)')) AS t (c, name);
	UPDATE "ChallengeQuestion" SET id = "challengeId" || cdf_question_id;
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") SELECT 'p' || c, 60, 'c' || c, 'g' FROM generate_series(1, 4) c;
	INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", "creationTime", flag, "flagSecretName")
		SELECT 'i' || c || '-' || n, 'c' || c, 'u' || n, '', 'ACTIVE', 'g', now() AT TIME ZONE 'UTC' - interval '1 h', 'EDU-{' || md5(c || '-' || n) || '}', 's' FROM generate_series(1, 4) c, generate_series(1, 200) n;
});
# the key of c1q2 is wrong: whoever knows it says "true"
sub play
{
	my ($who) = @_;

	return sql(qq{
		SELECT count(r) FROM (SELECT edurange.attempt_question(who, c || q, replace(c, 'c', 'p'), CASE
			WHEN q = 'q3' AND right_one THEN (SELECT flag FROM "ChallengeInstance" WHERE "userId" = who AND "challengeId" = c)
			WHEN c || q = 'c1q2' AND right_one THEN 'true' WHEN right_one THEN 'a' || substr(q, 2) ELSE 'wrong ' || 1000 + floor(random() * 1e6) END) AS r
		FROM (SELECT who, c, q, random() < 0.6 AS right_one FROM unnest(ARRAY[$who]) who, unnest(ARRAY['c1', 'c2', 'c3', 'c4']) c,
			unnest(ARRAY['q1', 'q2', 'q3']) q, generate_series(1, 2) ORDER BY random()) AS t) AS played});
}
for my $from (3, 50, 100, 150)
{
	my $to = $from == 3 ? 49 : $from + ($from == 150 ? 50 : 49);
	play(join ', ', map { "'u$_'" } $from .. $to);
}
# one took another's flag
is(sql(q{SELECT "isCorrect" FROM edurange.attempt_question('u7', 'c4q3', 'p4', (SELECT flag FROM "ChallengeInstance" WHERE id = 'i4-8'))}), 'f', 'a flag of another is wrong');

# ---- it ends, for two of them later -------------------------------------------------------------------
sleep 1;
ask('PATCH', '/competition/g', { endDate => sql(q{SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')}) });
is((sql(q{DO $$ BEGIN PERFORM edurange.attempt_question('u9', 'c1q1', 'p1', 'x'); EXCEPTION WHEN SQLSTATE 'RG503' THEN NULL; END $$; SELECT count(*) FROM "QuestionAttempt" WHERE answer = 'x'})), '0', 'it is over');
my $others = q{SELECT md5(string_agg(t::text, ',' ORDER BY user_id)) FROM edurange.standing t WHERE user_id NOT IN ('u1', 'u2')};
my $others_before = sql($others);
sql(q{CREATE FUNCTION may(who text) RETURNS boolean LANGUAGE plpgsql AS $$
	BEGIN PERFORM edurange.attempt_question(who, 'c4q1', 'p4', 'never'); RETURN true; EXCEPTION WHEN SQLSTATE 'RG503' OR SQLSTATE 'RG204' THEN RETURN false; END $$});
my $who_may = q{BEGIN; SELECT coalesce(string_agg(u, ' ' ORDER BY u), '') FROM (SELECT 'u' || n AS u FROM generate_series(1, 200) n) t WHERE may(u); ROLLBACK};
is(sql($who_may), '', 'it is over for all');
ask('PUT', "/competition/g/participation/u$_", { endsAt => '2999-01-01T00:00:00Z', reason => 'was ill' }) for 1, 2;
is(sql($who_may), 'u1 u2', 'but for two');
is(sql($others), $others_before, 'and nothing of the others has changed');
play("'u1', 'u2'");
sql(q{SELECT edurange.attempt_question(u, 'c2q1', 'p2', 'a1') FROM unnest(ARRAY['u1', 'u2']) u});

my $board = q{SELECT string_agg(t::text, E'\n' ORDER BY rank) FROM edurange.leaderboard('g') t};
my $rows = q{SELECT md5((SELECT string_agg(t::text, ',' ORDER BY id) FROM "QuestionCompletion" t) || (SELECT string_agg(t::text, ',' ORDER BY id) FROM "ChallengeCompletion" t) || (SELECT string_agg(t::text, ',' ORDER BY id) FROM "QuestionAttempt" t))};
my ($first_board, $first_rows) = (sql($board), sql($rows));

# ---- it is closed -------------------------------------------------------------------------------------
my $statistics = ask('GET', '/competition/g/statistics');
my ($two) = grep { $_->{questionId} eq 'c1q2' } @$statistics;
is($two->{wrongAnswers}[0]{answer}, 'true', 'what most say is no rare mistake');
my $dry = ask('POST', '/competition/g/questions/c1q2/accept-answer', { answer => 'true', dryRun => JSON::PP::true });
ok(!defined $dry->{changeId} && $dry->{gained} > 100, "a dry run tells that $dry->{gained} gain");
is(sql($board), $first_board, 'and changes nothing');
my $begun = time;
my $accepted = ask('POST', '/competition/g/questions/c1q2/accept-answer', { answer => 'true', reason => 'the key was wrong' });
note sprintf('accepted for %d of %d attempts in %.3f s', $accepted->{attemptsChanged}, $accepted->{attempts}, time - $begun);
is_deeply([ @$accepted{qw(gained lost attemptsChanged)} ], [ @$dry{qw(gained lost attemptsChanged)} ], 'as the dry run said');
my $change = ask('GET', "/competition/g/changes/$accepted->{changeId}");
is(scalar @{ $change->{users} }, $accepted->{gained}, 'who wins is listed');
my ($stolen) = grep { $_->{kind} eq 'foreign_flag' } @{ ask('GET', '/competition/g/integrity') };
is_deeply([ @$stolen{qw(userId otherUserId questionId)} ], [qw(u7 u8 c4q3)], 'who took a flag is found');
my @changes = ($accepted->{changeId});
for my $void (sql(q{SELECT "userId" FROM "QuestionCompletion" WHERE "questionId" = 'c4q3' AND "userId" IN ('u7', 'u8') ORDER BY 1}) =~ /\w+/g)
{
	push @changes, ask('POST', '/competition/g/questions/c4q3/void', { userId => $void, reason => 'shared the flag' })->{changeId};
}
push @changes, ask('POST', '/competition/g/questions/c3q2/grade', { userId => 'u20', points => 7, reason => 'nearly' })->{changeId};
ask('PUT', '/competition/g/participation/u30', { disqualified => JSON::PP::true, reason => 'let others play' });
is(sql($who_may), 'u1 u2', 'who is disqualified, and all others, may as before');
isnt(sql($board), $first_board, 'the board is another');
is(sql('SELECT * FROM edurange.check_invariants()'), '', 'invariants');

# ---- the files ----------------------------------------------------------------------------------------
# Reads them with Python's csv, holds them against the rules of who reads them, and sums them up by user.
append_to_file("$tmp/read.py", <<'PYTHON');
import csv, json, re, sys
folder = sys.argv[1]
faults = []

def read(name):
    with open(folder + '/' + name, encoding='utf-8', newline='') as file:
        text = file.read()
    if text.startswith('\ufeff'):
        faults.append(name + ': a byte order mark')
    rows = list(csv.reader(text.splitlines(True), strict=True))
    for row in rows:
        if len(row) != len(rows[0]):
            faults.append(name + ': a line of another length')
        for cell in row:
            if cell[:1] in ('=', '+', '-', '@', '\t', '\r'):
                faults.append(name + ': a cell that begins as a formula: ' + cell)
            if '\n' in cell or '\r' in cell:
                faults.append(name + ': a line break in a cell')
    if len(set(title.lower() for title in rows[0])) != len(rows[0]):
        faults.append(name + ': two columns of one title')
    return rows

def canvas(name):
    rows = read(name)
    if rows[0][:5] != ['Student', 'ID', 'SIS User ID', 'SIS Login ID', 'Section']:
        faults.append(name + ': other first columns')
    for title in rows[0][5:]:
        if re.search(r'\(\d+\)$', title) or re.search(r'(Current|Final) (Score|Points|Grade)|Override (Score|Grade|Status)', title, re.I):
            faults.append(name + ': Canvas takes this title for another: ' + title)
    if rows[1][0].strip() != 'Points Possible' or any(rows[1][1:5]):
        faults.append(name + ': no points possible')
    for row in rows[2:]:
        if row[1] or not row[3] or not row[0]:
            faults.append(name + ': an id of ours, or none of theirs')
    sums = {row[2] or row[3]: sum(map(float, row[5:])) for row in rows[2:]}
    return sums

def moodle(name, percent):
    rows = read(name)
    if rows[0][:3] != ['email', 'idnumber', 'name']:
        faults.append(name + ': other first columns')
    for row in rows[1:]:
        if not row[0]:
            faults.append(name + ': a row that Moodle cannot match')
        if percent and not all(cell == '' or 0 <= float(cell) <= 100 for cell in row[3:]):
            faults.append(name + ': not in percent')
    if percent and 'Corrections' in rows[0]:
        faults.append(name + ': a share of nothing')
    return {row[0]: sum(map(float, filter(None, row[3:]))) for row in rows[1:]}

def plain(name):
    sums = {}
    rows = read(name)
    for row in rows[1:]:
        line = dict(zip(rows[0], row))
        sums[line['email']] = sums.get(line['email'], 0) + float(line['points'])
    return sums

sums = {}
for by in ('total', 'challenge', 'question'):
    sums['csv-' + by] = plain('csv-' + by)
    sums['canvas-' + by] = canvas('canvas-' + by)
    sums['moodle-' + by] = moodle('moodle-' + by, False)
    moodle('percent-' + by, True)
print(json.dumps({'faults': faults, 'sums': sums}))
PYTHON
my %of_board = map { split /\|/ } split /\n/, sql(q{SELECT u.email || '|' || points FROM edurange.leaderboard('g') b JOIN "User" u ON u.id = b."userId"});
is(scalar keys %of_board, 199, 'who is disqualified is not on the board');
for my $by (qw(total challenge question))
{
	for my $format (qw(csv canvas moodle percent))
	{
		my $asked = $format eq 'percent' ? 'moodle' : "$format&inPoints=true";
		my (undef, $headers, $raw) = ask('GET', "/competition/g/gradebook?format=$asked&by=$by");

		is($headers->{'content-type'}, 'text/csv; charset=utf-8', "$format by $by is a file");
		like($headers->{'content-disposition'}, qr/^attachment; filename="grades-Final-Score-1[a-z-]*\.csv"$/, 'with a name');
		like($headers->{'x-warning'} // '', qr/(^|; )50 members have (no|neither)/, 'and says who is not found by ids') if $format eq 'canvas' || $format eq 'moodle';
		append_to_file("$tmp/$format-$by", $raw);
	}
	my $json = ask('GET', "/competition/g/gradebook?by=$by");
	my %sum;
	$sum{ $_->{email} } += $_->{points} for @$json;
	is_deeply([ grep { $sum{$_} != ($of_board{$_} // 0) } sort keys %sum ], [], "by $by the book sums up to the board");
}
my ($out, $err);
IPC::Run::run([ '/usr/bin/python3', "$tmp/read.py", $tmp ], '>', \$out, '2>', \$err) or die $err;
my $read = decode_json($out);
is_deeply($read->{faults}, [], 'the files are as they must be');
my %sis = map { $_ <= 150 ? ("sis-$_" => "u$_\@example.org") : () } 1 .. 200;
for my $file (sort keys %{ $read->{sums} })
{
	my %sum = %{ $read->{sums}{$file} };
	my @wrong = grep { $sum{$_} != ($of_board{ $sis{$_} // $_ } // 0) } sort keys %sum;

	is(scalar keys %sum, 200, "$file has everybody");
	is("@wrong", '', "$file sums up to the board");
}
is(sql(q{SELECT string_agg("userId" || ' ' || late, ', ' ORDER BY "userId") FROM edurange.gradebook('g') WHERE late > 0}) =~ s/ \d+//gr, 'u1, u2', 'late are those who had extra time');
is(($shim->request('GET', '/competition/g/gradebook?format=xml', token => $token))[0], 400, 'another format is none');
is(($shim->request('GET', '/competition/no/gradebook?format=csv', token => $token))[2]{'content-type'}, 'application/json', 'an error is JSON, whatever was asked for');

# ---- a mistake ----------------------------------------------------------------------------------------
for my $id (reverse @changes)
{
	is_deeply(ask('POST', "/competition/g/changes/$id/undo", { reason => 'all of it was wrong' })->{notUndone}, [], 'undone');
}
ask('PUT', '/competition/g/participation/u30', {});
is(sql($board), $first_board, 'the board is the first one, row for row');
is(sql($rows), $first_rows, 'and so are attempts and completions');
is(sql('SELECT * FROM edurange.check_invariants()'), '', 'invariants');

# ---- many attempts ------------------------------------------------------------------------------------
sql(q{INSERT INTO "QuestionAttempt" (id, "userId", "questionId", "groupChallengeId", answer, "isCorrect", "attemptedAt")
	SELECT 'm' || n, 'u' || n % 200 + 1, 'c1q1', 'p1', 'wrong ' || n % 50, false, now() AT TIME ZONE 'UTC' + n * interval '1 ms' FROM generate_series(1, 5000) n});
$begun = time;
my $many = ask('POST', '/competition/g/questions/c1q1/accept-answer', { answer => 'wrong 7' });
my $took = time - $begun;
is($many->{attemptsChanged}, 100, 'those that are right now are turned');
note sprintf('%d attempts in %.3f s', $many->{attempts}, $took);
is(sql('SELECT * FROM edurange.check_invariants()'), '', 'invariants');
done_testing();
