# The service under valgrind with some of everything, in the long run: nothing is read that was not written
# or is not there, and nothing that was allocated gets lost.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;
use Edurange::Shim;

plan skip_all => 'only in the long run' unless $ENV{EDURANGE_LONG};
plan skip_all => 'there is no valgrind here' unless grep { -x "$_/valgrind" } split /:/, $ENV{PATH};

my $log = "$PostgreSQL::Test::Utils::log_path/valgrind.log";
my $wrapper = "$PostgreSQL::Test::Utils::tmp_check/valgrind.sh";
append_to_file($wrapper, <<"TXT");
#!/bin/sh
exec valgrind --leak-check=full --errors-for-leak-kinds=definite --error-exitcode=99 --fair-sched=yes \\
  --log-file='$log' "\$EDURANGE_PLAIN_SHIM" "\$@"
TXT
chmod 0755, $wrapper;

my $node = Edurange::Cluster->new_ready('valgrind', conf => "log_statement = 'none'\n");
my $shim = do
{
	local $ENV{EDURANGE_SHIM} = $wrapper;
	Edurange::Shim->start($node, EDURANGE_THREADS => 2, EDURANGE_CORS_ORIGINS => 'https://a.example');
};
my %token = map { $_ => $shim->make_token($_) } qw(player service admin);

$node->safe_psql('edurange', q{
	INSERT INTO "User" (id, email) VALUES ('ada', 'a'), ('ina', 'i');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'ada')});

my $document = { metadata => { id => 'ch', name => 'C', version => '1', challenge_type => 'web' }, components => [
	map { { type => 'question', id => "q$_", config => { type => 'text', text => '?', points => 10, answer => 'a' } } } 1 .. 5 ] };
my $pack = { manifest => { id => 'p', name => 'P', version => '1.0.0', challenges => ['c.json'] },
	challenges => [ { %$document, metadata => { %{ $document->{metadata} }, id => 'of-p' } } ] };

# Everything once: what works, what is refused, and what is no request at all.
sub round
{
	my ($number) = @_;
	my %seen;
	my $note = sub { $seen{ $_[0] }++ };

	$note->(($shim->get($_, $token{service}))[0])
	  for qw(/live /ready /status /openapi.json /docs / /health/detailed /metrics /challenges /schema /challenge-pack/list /no/such/route),
	  '/get_points?user_id=ada&group_id=g', '/get_points', '/get_points?user_id=%zz&group_id=g', '/challenge/list?limit=2&search=C',
	  '/challenge/details?challenge_id=ch', '/challenge/details?challenge_id=no', '/competition/g/leaderboard?limit=10',
	  '/competition/g/leaderboard?at=2030-01-01', '/competition/g/progress/ada', '/get_challenge_instance?challenge_instance_id=no';
	$note->(($shim->post($_->[0], $_->[1], $token{ $_->[2] }))[0])
	  for [ '/add_points', { user_id => 'ada', group_id => 'g', points => 1 }, 'service' ],
	  [ '/add_points', { user_id => 'no', group_id => 'g', points => 1 }, 'service' ], [ '/add_points', '{"user_id":', 'service' ],
	  [ '/add_points', '{"points":' . '[' x 200, 'service' ], [ '/set_points', { user_id => 'ada', group_id => 'g', points => $number }, 'player' ],
	  [ '/competition/create', { name => 'N', startDate => '2025-01-01', instructorIds => ['ina'] }, 'service' ],
	  [ '/activity/log', { eventType => 'USER_UPDATED', userId => 'ada', metadata => { a => [ 1, 2 ] } }, 'player' ],
	  [ '/cdf/validate', $document, 'service' ], [ '/cdf/import', $document, 'admin' ], [ '/cdf/import', { components => 1 }, 'admin' ],
	  [ '/packs/upload', $pack, 'admin' ], [ '/packs/upload', { manifest => {} }, 'admin' ], [ '/challenge-pack/uninstall', { pack_id => 'p' }, 'admin' ];
	for my $zip ('PK', "PK\3\4" . "\0" x 40, 'x' x 1000)
	{
		$note->(($shim->request('POST', '/packs/upload', token => $token{admin}, body => $zip, headers => { 'Content-Type' => 'application/zip' }))[0]);
	}
	$note->(($shim->request('POST', '/packs/upload', token => $token{admin},
		body => qq{--b\r\nContent-Disposition: form-data; name="file"; filename="p.zip"\r\n\r\nPK\r\n--b--\r\n},
		headers => { 'Content-Type' => 'multipart/form-data; boundary=b' }))[0]);
	$note->(($shim->get('/get_points?user_id=ada&group_id=g', $_))[0]) for 'edr_wrong', $token{player}, undef;

	# many at once on a connection, one that goes away in the middle, one that is no HTTP
	my $socket = $shim->socket;
	my $get = "GET /get_points?user_id=ada&group_id=g HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token{player}\r\n";
	syswrite($socket, "$get\r\n" x 20);
	my ($responses) = $shim->read_responses($socket, 20, 60);
	is(scalar @$responses, 20, "round $number: pipelined requests are answered");
	for my $bytes ("$get\r\n", "POST /add_points HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", "\0\1\2\r\n\r\n", "GET / HTTP/1.1\nHost: x\n\n")
	{
		my $gone = $shim->socket;
		syswrite($gone, $bytes);
		close($gone);
	}
	return \%seen;
}

for my $number (1 .. 5)
{
	my $seen = round($number);
	cmp_ok($seen->{200}, '>', 20, "round $number: most work");
	is_deeply([ grep { !$seen->{$_} } 400, 401, 403, 404 ], [], "round $number: others are refused");
	is($seen->{500}, undef, "round $number: none breaks");
	$node->restart if $number == 3;
	$node->poll_query_until('edurange', 'SELECT true');
	$shim->_wait_until(sub { ($shim->get('/ready'))[0] == 200 });
}
is($shim->stop, 0, 'it ends with success');
my $report = slurp_file($log);
like($report, qr/ERROR SUMMARY: 0 errors/, 'valgrind found nothing') or diag $report;

done_testing();
