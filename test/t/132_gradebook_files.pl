# Gradebooks that are larger than an answer may be: they come whole, in pieces that the shim holds in no memory, and are
# what the board says; slowly, too, and with nothing of them left where somebody goes away or the database stops.

use strict;
use warnings;

use IO::Socket::IP;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use Edurange::Cluster;
use Edurange::Shim;

my $node = Edurange::Cluster->new_ready('files', conf => "fsync = off\nlog_statement = none\n");
my $members = $ENV{EDURANGE_LONG} ? 5000 : 1000;
my $shim = Edurange::Shim->start($node, EDURANGE_MAX_RESPONSE => 4000 * $members, EDURANGE_THREADS => 1);
my $token = $shim->make_token('service');
my $tmp = PostgreSQL::Test::Utils::tempdir();

sub sql { return $node->safe_psql('edurange', $_[0]); }

sql(qq{
	INSERT INTO "User" (id, email, name) SELECT 'u' || n, 'student-' || n || '\@school.example', 'Student, ' || n FROM generate_series(1, $members) n;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'A large class', '2020-01-01'), ('small', 'S', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'g', id FROM "User";
	INSERT INTO "ChallengeType" (id, name) VALUES ('t', 't');
	INSERT INTO "Challenge" (id, name, "challengeTypeId") SELECT 'c' || c, 'Challenge ' || c, 't' FROM generate_series(1, 10) c;
	INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, answer, "order")
		SELECT format('c%s-q%s', c, q), 'c' || c, 'A question whose text is as long as they are: number ' || q, 'TEXT', 10, 'right', q FROM generate_series(1, 10) c, generate_series(1, 5) q;
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") SELECT 'p' || c, 50, 'c' || c, 'g' FROM generate_series(1, 10) c;
	INSERT INTO "QuestionCompletion" (id, "userId", "questionId", "groupChallengeId", "pointsEarned")
		SELECT format('%s-%s-%s', n, c, q), 'u' || n, format('c%s-q%s', c, q), 'p' || c, 10 FROM generate_series(1, $members) n, generate_series(1, 10) c, generate_series(1, 5) q WHERE (n + c * q) % 3 > 0;
	INSERT INTO "GroupPoints" ("userId", "groupId", points) SELECT "userId", 'g', 10 * count(*) FROM "QuestionCompletion" GROUP BY 1;
	ANALYZE});
my $sum = sql(q{SELECT sum(points) FROM edurange.standing WHERE group_id = 'g'});

sub memory { return (slurp_file('/proc/' . $shim->pid . '/status') =~ /^RssAnon:\s+(\d+)/m)[0] / 1024; }
sub files { return scalar grep { (readlink // '') =~ /deleted|memfd/ } glob '/proc/' . $shim->pid . '/fd/*'; }

# How many there are of it, once the shim knows that the answer has gone out.
sub files_left
{
	for (1 .. 200) { last if files() == 0; sleep 0.05; }
	return files();
}

# Asks for it as a file; returns what curl says of it, and the most memory beyond what the shim had.
sub fetch
{
	my ($query, @options) = @_;
	my ($out, $err) = ('', '');
	my $had = memory();
	my $most = 0;
	my $run = IPC::Run::start([ 'curl', '-s', '-o', "$tmp/file", '-D', "$tmp/head", '-w', '%{http_code} %{size_download} %{exitcode}', '-H', "Authorization: Bearer $token", @options,
		$shim->url . "/competition/g/gradebook?$query" ], '<', \undef, '>', \$out, '2>', \$err);
	my $begun = time;

	while ($run->pumpable)
	{
		$run->pump_nb;
		my $now = memory() - $had;
		$most = $now if $now > $most;
		sleep 0.01;
	}
	$run->finish;
	return (split(/ /, $out), $most, time - $begun);
}

for my $case ([ 'format=csv&by=question', 200 ], [ 'by=question', 300 ], [ 'format=csv&by=question&at=2999-01-01T00:00:00Z', 200 ])
{
	my ($query, $bytes) = @$case;
	my ($status, $size, $code, $mb, $took) = fetch($query);

	is("$status $code", '200 0', "$query: the file comes") or diag substr(slurp_file("$tmp/file"), 0, 500);
	cmp_ok($size, '>', 50 * $members * 100, sprintf('all of it: %.1f MB in %.1f s', $size / 1e6, $took));
	cmp_ok($mb, '<', 8, sprintf('the shim takes %.1f MB for it', $mb)) unless slurp_file('/proc/' . $shim->pid . '/maps') =~ /asan/;
	like(slurp_file("$tmp/head"), qr/^Content-Length: $size\r$/m, 'and it says how much comes');
	is(files_left(), 0, 'nothing of it is left');
}

# what is in it
for my $query ('format=csv&by=question', 'by=question')
{
	my ($out, $err) = ('', '');

	fetch($query);
	IPC::Run::run([ '/usr/bin/python3', '-c', <<'PYTHON', "$tmp/file" ], '>', \$out, '2>', \$err) or die $err;
import csv, json, sys
with open(sys.argv[1], encoding='utf-8', newline='') as file:
    rows = list(csv.DictReader(file)) if file.read(1) == '"' and not file.seek(0) else json.loads('[' + file.read())
print(len(rows), sum(int(row['points']) for row in rows), len(set((row['userId'], row['questionId']) for row in rows)))
PYTHON
	is($out, sprintf("%d %d %d\n", 50 * $members, $sum, 50 * $members), "$query: a row for each question of each member, and the sum is the board's");
}

# what else an answer may be
is((fetch('format=csv&by=question', '-I'))[0], 200, 'HEAD');
my ($status, $json) = $shim->request('GET', '/competition/g/gradebook?format=xls', token => $token);
is("$status $json->{code}", '400 invalid_parameter', 'an error is one');
($status, $json) = $shim->request('GET', '/competition/small/gradebook', token => $token);
is_deeply([ $status, $json ], [ 200, [] ], 'nobody is a list of nothing');
is((fetch('format=csv&by=question', '--limit-rate', '20M'))[0], 200, 'a client that reads slowly');
is(sql(q{SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%gradebook%' AND state = 'active' AND pid <> pg_backend_pid()}), 0, 'keeps no statement running');

# one that goes away in the middle
my $socket = $shim->socket;
print $socket "GET /competition/g/gradebook?format=csv&by=question HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token\r\n\r\n";
sysread $socket, my $some, 1000;
like($some, qr/^HTTP\/1.1 200/, 'somebody begins to read');
close $socket;
is(files_left(), 0, 'and goes away: the file goes, too');

# a statement that is ended in the middle is an error, and nothing of a file
my $pid = fork;
if ($pid == 0)
{
	# (a process that dies would stop the server)
	for (1 .. 500)
	{
		last if eval { $node->safe_psql('edurange', q{SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE query LIKE '%edurange.gradebook(%' AND state = 'active' AND pid <> pg_backend_pid()}) > 0; };
		sleep 0.01;
	}
	POSIX::_exit(0);
}
my ($code) = fetch('by=question');
waitpid $pid, 0;
is($code, 504, 'a statement that is cancelled is an error');
is(files_left(), 0, 'and leaves nothing');
is((fetch('format=canvas&by=question'))[0], 200, 'the next one comes');

# more than that, too, is bounded
$shim->stop;
$shim = Edurange::Shim->start($node, EDURANGE_MAX_RESPONSE => 65536);
$token = $shim->make_token('service');
($status, $json) = $shim->request('GET', '/competition/g/gradebook?by=question', token => $token);
is("$status $json->{code}", '422 response_too_large', 'sixteen times what an answer may have is too much');
# where no folder takes a file it stands in memory, and may be as large as any answer
$shim->stop;
$shim = Edurange::Shim->start($node, EDURANGE_MAX_RESPONSE => 4000 * $members, TMPDIR => '/proc');
$token = $shim->make_token('service');
is((fetch('format=canvas&by=question'))[0], 200, 'without a folder a file comes');
is((fetch('format=csv&by=question'))[0], 422, 'but no large one');
$shim->stop;

done_testing();
