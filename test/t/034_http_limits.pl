# Limits of what strangers may send, and what pages of other origins may read.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;
use Edurange::Shim;
use HTTP::Tiny;
use IO::Select;

my $node = Edurange::Cluster->new_ready('limits');
my $shim = Edurange::Shim->start($node, EDURANGE_MAX_HEADER => 4096, EDURANGE_MAX_URL => 1000,
	EDURANGE_MAX_JSON_DEPTH => 10, EDURANGE_MAX_RESPONSE => 65536, EDURANGE_WRONG_TOKENS => 3,
	EDURANGE_TRUSTED_PROXIES => '127.0.0.1, 10.1.0.0/16, 2001:db8::/32');
my $token = $shim->make_token('service');
my ($status, $json, $headers);

# ---- sizes --------------------------------------------------------------------------------------
($status, $json, $headers) = $shim->request('GET', '/live', headers => { 'X-A' => 'a' x 5000 });
is_deeply([ $status, $json->{code} ], [ 431, 'headers_too_large' ], 'a head that is too large');
($status) = $shim->request('GET', '/live', headers => { 'X-A' => 'a' x 3000 });
is($status, 200, 'one that is not');
($status, $json) = $shim->get('/live?' . 'a' x 1100);
is_deeply([ $status, $json->{code} ], [ 414, 'uri_too_long' ], 'a target that is too long');
($status) = $shim->get('/live?' . 'a' x 900);
is($status, 200, 'one that is not');
my $deep = '{"metadata":' . '[' x 9 . ']' x 9 . ',"userId":"u","eventType":"USER_UPDATED"}';
($status, $json) = $shim->post('/activity/log', $deep, $token);
is($status, 200, 'as deep as allowed') or diag explain $json;
($status, $json) = $shim->post('/activity/log', $deep =~ s/\[{9}\]{9}/'[' x 10 . ']' x 10/er, $token);
is_deeply([ $status, $json->{code} ], [ 400, 'too_deep' ], 'deeper');
($status, $json) = $shim->post('/activity/log', '{"metadata":"' . '\\"[{' x 50 . '","userId":"u","eventType":"USER_UPDATED"}', $token);
is($status, 200, 'brackets in a text do not count');
$node->safe_psql('edurange', q{
	INSERT INTO "User" (id, email) SELECT 'u' || i, 'e' || i FROM generate_series(1, 2000) i;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'g', 'u' || i FROM generate_series(1, 2000) i});
($status, $json) = $shim->get('/competition/g/leaderboard', $token);
is_deeply([ $status, $json->{code} ], [ 422, 'response_too_large' ], 'an answer that is too large');
($status, $json) = $shim->get('/competition/g/leaderboard?limit=100', $token);
is_deeply([ $status, scalar @$json ], [ 200, 100 ], 'a part of it');

# ---- pipelined requests -------------------------------------------------------------------------
my $socket = $shim->socket;
syswrite($socket, join '', map { "GET /get_points?user_id=u$_&group_id=g HTTP/1.1\r\nHost: x\r\nX-Request-Id: r$_\r\nAuthorization: Bearer $token\r\n\r\n" } 1 .. 200);
my ($responses, $closed) = $shim->read_responses($socket, 200, 20);
is_deeply([ map { $_->[2] =~ /^X-Request-Id: (\w+)/mi } @$responses ], [ map { "r$_" } 1 .. 200 ], 'all are answered, in order');
is_deeply([ grep { $_->[0] != 200 } @$responses ], [], 'rightly');

# ---- wrong tokens -------------------------------------------------------------------------------
sub ask
{
	my ($with, $from) = @_;

	($status, $json, $headers) = $shim->request('GET', '/get_points?user_id=a&group_id=b', token => $with,
		defined $from ? (headers => { 'X-Forwarded-For' => $from }) : ());
	return $status;
}
my $other = $shim->make_token('player');
is_deeply([ map { ask('edr_wrong', '192.0.2.1') } 1 .. 5 ], [ 401, 401, 401, 429, 429 ], 'three are told so');
is($json->{code}, 'rate_limited', 'the others must wait');
like($headers->{'retry-after'}, qr/^[1-9]\d?$/, 'so long');
is(ask($other, '192.0.2.1'), 429, 'a token that was never right from there, too');
is(ask($token, '192.0.2.1'), 200, 'one that was right not long ago is looked at');
is(ask('a-user-id', '192.0.2.1'), 401, 'what is no token of ours does not count');
is(ask(undef, '192.0.2.1'), 401, 'and none at all does not, either');
($status) = $shim->request('GET', '/live', token => 'edr_wrong', headers => { 'X-Forwarded-For' => '192.0.2.1' });
is($status, 200, 'an open route does not look at tokens');
is(ask('edr_wrong', '192.0.2.2'), 401, 'another address has its own tries');
is(ask($other, '192.0.2.2'), 200, 'a right token');
is(ask('edr_wrong', '192.0.2.1, 10.1.2.3'), 429, 'behind two trusted proxies');
is(ask('edr_wrong', '192.0.2.1, 198.51.100.7'), 401, 'what a stranger forwards is not believed');
is(ask('edr_wrong', '192.0.2.1, nonsense'), 401, 'what is no address ends the search');
is_deeply([ map { ask('edr_wrong', "2001:db9::$_") } 1 .. 4 ], [ 401, 401, 401, 429 ], 'an IPv6 network counts as one');
is(ask('edr_wrong', '2001:db9:0:1::1'), 401, 'another one does not');
is($shim->stop, 0, 'stopped');
$shim = Edurange::Shim->start($node, EDURANGE_WRONG_TOKENS => 2);
is_deeply([ map { ask('edr_wrong', "192.0.2.$_") } 1 .. 4 ], [ 401, 401, 429, 429 ],
	'the header of somebody who is not trusted is not believed');
$shim->stop;
$shim = Edurange::Shim->start($node, EDURANGE_WRONG_TOKENS => 0);
is_deeply([ map { ask('edr_wrong') } 1 .. 40 ], [ (401) x 40 ], 'without a limit');

# ---- other origins ------------------------------------------------------------------------------
my %origin = (headers => { Origin => 'https://one.example' });
(undef, undef, $headers) = $shim->request('GET', '/live', %origin);
is_deeply([ grep { /^access-control/ } keys %$headers ], [], 'no page of another origin reads answers');
($status, undef, $headers) = $shim->request('OPTIONS', '/add_points', %origin);
is_deeply([ $status, $headers->{allow}, grep { /^access-control/ } keys %$headers ], [ 204, 'POST, OPTIONS' ], 'nor is told that it may');
is($headers->{$_->[0]}, $_->[1], $_->[0]) for [ 'x-content-type-options', 'nosniff' ], [ 'cache-control', 'no-store' ];
like($headers->{'content-security-policy'}, qr/^default-src 'none'/, 'a browser may load nothing');
$shim->stop;
$shim = Edurange::Shim->start($node, EDURANGE_CORS_ORIGINS => 'https://one.example, https://two.example');
(undef, undef, $headers) = $shim->request('GET', '/live', %origin);
is($headers->{'access-control-allow-origin'}, 'https://one.example', 'one that is named');
is($headers->{vary}, 'Origin', 'and a cache is told');
(undef, undef, $headers) = $shim->request('OPTIONS', '/add_points', headers => { Origin => 'https://two.example' });
is($headers->{'access-control-allow-methods'}, 'POST, OPTIONS', 'preflight');
for my $stranger ('https://one.example.org', 'https://one', 'null', 'http://one.example', 'https://one.example, https://two.example')
{
	(undef, undef, $headers) = $shim->request('GET', '/live', headers => { Origin => $stranger });
	is($headers->{'access-control-allow-origin'}, undef, "not $stranger");
	is($headers->{vary}, 'Origin', 'a cache is told all the same');
}
$shim->stop;

# ---- slow clients -------------------------------------------------------------------------------
$shim = Edurange::Shim->start($node, EDURANGE_CONNECTION_TIMEOUT => 3, EDURANGE_HEADER_TIMEOUT => 1, EDURANGE_BODY_TIMEOUT => 2,
	EDURANGE_SEND_TIMEOUT => 2, EDURANGE_MAX_REQUESTS => 3);

# Sends one byte every now and then, so that the connection is never idle, until it is closed.
sub drip
{
	my ($bytes) = @_;
	my $slow = $shim->socket;
	my $left = IO::Select->new($slow);

	local $SIG{PIPE} = 'IGNORE';
	for my $byte (split //, $bytes)
	{
		last unless syswrite($slow, $byte);
		last if $left->can_read(0.3);
	}
	my ($answers, $ended) = $shim->read_responses($slow, 2, 10);
	return ($answers->[0] // [ 0, '' ], $ended);
}
my ($answer, $ended) = drip("GET /live HTTP/1.1\r\nHost: x\r\nX-A: " . 'a' x 500);
is_deeply([ $answer->[0], $ended ], [ 408, 1 ], 'a head that drips in');
like($answer->[1], qr/"code":"request_timeout"/, 'is told why');
($answer, $ended) = drip('G' x 500);
is_deeply([ $answer->[0], $ended ], [ 408, 1 ], 'a first line that drips in');
my $head = "POST /activity/log HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer $token\r\nContent-Length: 5000\r\n\r\n";
my $slow = $shim->socket;
syswrite($slow, $head);
{
	local $SIG{PIPE} = 'IGNORE';
	for (1 .. 100)
	{
		last unless syswrite($slow, 'x');
		last if IO::Select->new($slow)->can_read(0.3);
	}
}
($responses, $closed) = $shim->read_responses($slow, 2, 10);
is_deeply([ $responses->[0][0], $closed ], [ 408, 1 ], 'a body that drips in');
my $idle = $shim->socket;
ok($shim->is_closed($idle, 20), 'a connection on which nothing happens is closed');
# Asks for more than sockets hold and reads nothing until the time for sending is over.
$node->safe_psql('edurange', q{UPDATE "User" SET name = repeat('long ', 1000)});
my $deaf = $shim->socket;
syswrite($deaf, "GET /competition/g/leaderboard?limit=2000 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token\r\n\r\n");
sleep 5;
my $heard = '';
1 while sysread($deaf, $heard, 65536, length($heard));
my ($length) = $heard =~ /^Content-Length: (\d+)/mi;
cmp_ok(length($heard), '<', $length // 0, 'an answer that nobody reads is given up');
$socket = $shim->socket;
syswrite($socket, "GET /live HTTP/1.1\r\nHost: x\r\n\r\n" x 5);
($responses, $closed) = $shim->read_responses($socket, 5, 10);
is_deeply([ scalar @$responses, $closed, $responses->[2][2] =~ /^Connection: close/mi ? 1 : 0 ], [ 3, 1, 1 ], 'requests on one connection');
($status) = $shim->get('/live');
is($status, 200, 'others are served all the while');
is($shim->stop, 0, 'stopped');

# ---- what comes without settings ----------------------------------------------------------------
$shim = Edurange::Shim->start($node);
my %fields = map { ("X-Field-$_" => 'a' x 150) } 1 .. 30;
($status, $json) = $shim->request('POST', '/activity/log', token => $token, headers => { %fields, 'Content-Type' => 'application/json' },
	body => '{"userId":"u1","eventType":"USER_UPDATED","metadata":"' . 'a' x 100_000 . '"}');
is($status, 200, 'a large head of many fields, and a body larger than what is kept for a connection') or diag explain $json;
my $kept = sub { return (slurp_file('/proc/' . $shim->pid . '/status') =~ /VmRSS:\s+(\d+)/)[0] };
my $before = $kept->();
my @idlers = map {
	my $one = $shim->socket;

	syswrite($one, "GET /live HTTP/1.1\r\nHost: x\r\n\r\n");
	sysread($one, my $alive, 4096);
	$one
} 1 .. 900;
cmp_ok(($kept->() - $before) / @idlers, '<', 24, 'kB that an idle connection costs');
close($_) for @idlers;
is($shim->stop, 0, 'stopped');

# ---- connections of one address -----------------------------------------------------------------
for my $trusted (undef, '127.0.0.0/8')
{
	$shim = Edurange::Shim->start($node, EDURANGE_ADDRESS_LIMIT => 5, (defined $trusted ? (EDURANGE_TRUSTED_PROXIES => $trusted) : ()));
	$shim->{http} = HTTP::Tiny->new(timeout => 30, keep_alive => 0);
	sleep 1;
	my @open = map { $shim->socket } 1 .. 5;
	my $more = $shim->socket;
	syswrite($more, "GET /live HTTP/1.1\r\nHost: x\r\n\r\n");
	($responses) = $shim->read_responses($more, 1, 10);
	is($responses->[0][0], defined $trusted ? 200 : 503, defined $trusted ? 'a trusted proxy has as many as it needs' : 'one connection too many is told so at once');
	like($responses->[0][2], qr/^Retry-After: /mi, 'and when to try again') unless defined $trusted;
	close($_) for @open;
	sleep 1;
	($status) = $shim->get('/live');
	is($status, 200, 'places are free again');
	is($shim->stop, 0, 'stopped');
}

done_testing();
