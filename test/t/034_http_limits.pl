# Limits of what strangers may send, and what pages of other origins may read.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

use Edurange::Cluster;
use Edurange::Shim;
use HTTP::Tiny;
use IO::Select;
use IO::Socket::IP;
use Socket qw(SOL_SOCKET SO_RCVBUF);

my $node = Edurange::Cluster->new_ready('limits');
my $shim = Edurange::Shim->start($node, EDURANGE_MAX_HEADER => 5120, EDURANGE_MAX_RESPONSE => 65536,);
my $token = $shim->make_token('service');
my ($status, $json, $headers);

# What the log has of a request.  Lines are written when the loop has nothing more to do, which may be after the answer
# was read.
sub lines_of
{
	my ($id) = @_;

	for (1 .. 600)
	{
		my @lines = map { decode_json($_) } grep { /"id":"\Q$id\E"/ } split /\n/, $shim->log;
		return @lines if @lines;
		sleep 0.05;
	}
	return;
}

# ---- sizes --------------------------------------------------------------------------------------
($status, $json, $headers) = $shim->request('GET', '/live', headers => { 'X-A' => 'a' x 6000 });
is_deeply([ $status, $json->{code} ], [ 431, 'headers_too_large' ], 'a head that is too large');
($status) = $shim->request('GET', '/live', headers => { 'X-A' => 'a' x 4000 });
is($status, 200, 'one that is not');
($status, $json) = $shim->get('/live?' . 'a' x 4100);
is_deeply([ $status, $json->{code} ], [ 414, 'uri_too_long' ], 'a target that is too long');
($status) = $shim->get('/live?' . 'a' x 4000);
is($status, 200, 'one that is not');
my $deep = '{"metadata":' . '[' x 99 . ']' x 99 . ',"userId":"u","eventType":"USER_UPDATED"}';
($status, $json) = $shim->post('/activity/log', $deep, $token);
is($status, 200, 'as deep as allowed') or diag explain $json;
($status, $json) = $shim->post('/activity/log', $deep =~ s/\[{99}\]{99}/'[' x 100 . ']' x 100/er, $token);
is_deeply([ $status, $json->{code} ], [ 400, 'too_deep' ], 'deeper');
($status, $json) = $shim->post('/activity/log', '{"metadata":"' . '\\"[{' x 150 . '","userId":"u","eventType":"USER_UPDATED"}', $token);
is($status, 200, 'brackets in a text do not count');
# A document is refused before the database sees it, which would have words of its own.
my $document = sub { '{"metadata":' . '[' x ($_[0] - 1) . ']' x ($_[0] - 1) . '}' };
($status, $json) = $shim->post('/cdf/validate', $document->(100), $token);
is_deeply([ $status, $json->{valid} ], [ 200, JSON::PP::false ], 'a document as deep as allowed') or diag explain $json;
for my $path (qw(/cdf/validate /cdf/import /cdf/update/x))
{
	($status, $json) = $shim->post($path, $document->(101), $path eq '/cdf/validate' ? $token : $shim->make_token('admin'));
	is_deeply([ $status, $json->{code} ], [ 400, 'too_deep' ], "$path: deeper") or diag explain $json;
	is_deeply([ map { @{$_}{qw(backend sqlstate)} } lines_of($json->{requestId}) ], [ 0, undef ], "$path: the database was not asked");
}
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
# However many there were, from wherever: nobody is refused for those of others.
sub ask
{
	my ($with) = @_;

	($status, $json) = $shim->request('GET', '/get_points?user_id=a&group_id=b', token => $with, headers => { 'X-Forwarded-For' => '192.0.2.1' });
	return $status;
}
my $other = $shim->make_token('player');
is_deeply([ map { ask("edr_wrong$_") } 1 .. 40 ], [ (401) x 40 ], 'unknown tokens');
is($json->{code}, 'unauthenticated', 'each is told so');
is(ask($other), 200, 'a token that was never used before');
is(ask($token), 200, 'one that was');
is(ask('a-user-id'), 401, 'what is no token of ours');
($status) = $shim->request('GET', '/live', token => 'edr_wrong');
is($status, 200, 'an open route does not look at tokens');
(undef, undef, undef, my $metrics) = $shim->get('/metrics', $token);
like($metrics, qr/^edurange_wrong_tokens_total 40$/m, 'they are counted');
is($shim->stop, 0, 'stopped');
$shim = Edurange::Shim->start($node);

# ---- IPv6 ---------------------------------------------------------------------------------------
SKIP:
{
	skip 'there is no IPv6 here', 5 unless IO::Socket::IP->new(LocalHost => '::1', Listen => 1);
	my $metrics_port = PostgreSQL::Test::Cluster::get_free_port();
	my $six = Edurange::Shim->start($node, EDURANGE_HOST => '::', EDURANGE_METRICS_PORT => $metrics_port, EDURANGE_CONNECTION_LIMIT => 64);
	my $url = 'http://[::1]:' . $six->port;
	is(HTTP::Tiny->new->get("$url/get_points?user_id=u1&group_id=g", { headers => { Authorization => "Bearer $token" } })->{status}, 200, 'a peer of IPv6');
	is(HTTP::Tiny->new->get("$url/get_points?user_id=u1&group_id=g", { headers => { Authorization => 'Bearer edr_wrong' } })->{status}, 401, 'one with a wrong token');
	is(($six->get('/live'))[0], 200, 'and one of IPv4 at the same port');
	like(HTTP::Tiny->new->get("http://[::1]:$metrics_port/metrics")->{content}, qr/^edurange_wrong_tokens_total 1$/m, 'the port of the metrics');
	is($six->stop, 0, 'stopped');
}

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
$node->safe_psql('edurange', q{UPDATE "User" SET name = repeat('long ', 1400)});
$shim = Edurange::Shim->start($node, EDURANGE_CONNECTION_TIMEOUT => 4, EDURANGE_BODY_TIMEOUT => 1);

# Is it a refusal as all others are, on a connection that ends with it, and once in the log?
sub is_refusal
{
	my ($answer, $ended, $want, $code, $name) = @_;
	my ($got, $body, $head) = @{ $answer // [ 0, '', '' ] };
	my $said = eval { decode_json($body) } // {};
	my %head = map { /^([^:]+): (.*?)\r?$/ ? (lc $1 => $2) : () } split /\n/, $head;

	is_deeply([ $got, $ended, $said->{code}, join ' ', sort keys %$said ], [ $want, 1, $code, 'code error requestId' ], $name);
	is_deeply([ @head{qw(content-type content-length connection cache-control x-content-type-options x-request-id retry-after)} ],
		[ 'application/json', length $body, 'close', 'no-store', 'nosniff', $said->{requestId}, $want == 503 ? 1 : undef ], "$name: headers");
	is_deeply([ map { $_->{status} } lines_of($said->{requestId} // '') ], [$want], "$name: logged");
	return;
}

# Each sends a byte every now and then, so that its connection is never idle, until something comes back.
my $body_head = "POST /activity/log HTTP/1.1\r\nHost: x\r\nX-Request-Id: slow.1\r\nContent-Type: application/json\r\nAuthorization: Bearer $token\r\nContent-Length: 5000\r\n\r\n";
my @slow = (
	[ 'a first line that drips in', '', 'G' x 500 ],
	[ 'a head that drips in', '', "GET /live HTTP/1.1\r\nHost: x\r\nX-A: " . 'a' x 500 ],
	[ 'a body that drips in', $body_head, 'x' x 500 ]);
my %socket = map { $_->[0] => $shim->socket } @slow;
my $idle = $shim->socket;
my $used = $shim->socket;
syswrite($used, "GET /live HTTP/1.1\r\nHost: x\r\n\r\n");
is(scalar @{ ($shim->read_responses($used, 1))[0] }, 1, 'a connection that was of use');
my $large = $shim->socket;
syswrite($large, "GET /competition/g/leaderboard?limit=20 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token\r\n\r\n");
cmp_ok(length(($shim->read_responses($large, 1))[0][0][1]), '>', 100_000, 'one that was silent while much was sent may be no longer');
# Asks for almost as much as an answer may have, which is more than sockets hold where that of the reader does not grow,
# and reads it steadily, but not in time.  Another one reads nothing for longer than a connection may be idle: its answer has that time,
# too, as whoever reads slowly seems to be silent until there is room for much.
my $reader = $shim->socket;
my $silent = $shim->socket;
setsockopt($_, SOL_SOCKET, SO_RCVBUF, 131072) for $reader, $silent;
my $heard = '';
syswrite($_, "GET /competition/g/leaderboard?limit=2000 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token\r\n\r\n") for $reader, $silent;
syswrite($socket{ $_->[0] }, $_->[1]) for @slow;
my $waiting = IO::Select->new(values %socket);
{
	local $SIG{PIPE} = 'IGNORE';
	for my $i (0 .. 99)
	{
		my %done = map { $_ => 1 } $waiting->can_read(0);

		last if keys %done == @slow;
		syswrite($socket{ $_->[0] }, substr($_->[2], $i, 1)) for grep { !$done{ $socket{ $_->[0] } } } @slow;
		sysread($reader, $heard, 1 << 20, length($heard)) if $i < 30 && IO::Select->new($reader)->can_read(0);
		sleep 0.3;
	}
}
for my $case (@slow)
{
	my ($answers, $ended) = $shim->read_responses($socket{ $case->[0] }, 2, 10);

	is_refusal($answers->[0], $ended, 408, 'request_timeout', $case->[0]);
	is($answers->[0][2] =~ /^X-Request-Id: slow\.1\r/m ? 1 : 0, $case->[1] eq '' ? 0 : 1, "$case->[0]: its own id, where it had said it");
}
for my $quiet ($idle, $used, $large)
{
	my ($answers, $ended) = $shim->read_responses($quiet, 1, 10);

	is_deeply([ scalar @$answers, $ended ], [ 0, 1 ], 'a connection on which nothing happens is closed without a word');
}
1 while sysread($reader, $heard, 1 << 20, length($heard));
like($heard, qr{^HTTP/1\.1 200 }, 'an answer begins');
my ($length) = $heard =~ /^Content-Length: (\d+)/mi;
cmp_ok(length($heard), '<', $length // 0, 'an answer that is not read in time is given up');
(undef, undef, undef, $metrics) = $shim->request('GET', '/metrics', token => $token);
like($metrics, qr/^edurange_http_connections_timed_out_total 5$/m, 'all are counted as too slow');
like($metrics, qr/^edurange_http_requests_total\{method="",route="",status="408"\} 2$/m, 'and the refusals as such');
like($metrics, qr{^edurange_http_requests_total\{method="POST",route="/activity/log",status="408"\} 1$}m, 'under their route, where it is known');
is(() = $shim->log =~ /"status":408/g, 3, 'nothing else is logged as slow');

# Whose a request is, takes longer to find out than a body may: that is not its client's time.
my $lock = $node->background_psql('edurange');
my %entry = (little => '{"userId":"u1","eventType":"USER_UPDATED"}');
$entry{much} = $entry{little} =~ s/\}/' ' x 30_000 . '}'/er;
for my $half (1, 0)
{
	my $fresh = $shim->make_token('service');
	my $head = "POST /activity/log HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nAuthorization: Bearer $fresh\r\n";
	# (who waits for permission to send a body does not close its half)
	my @whole = (
		(map { ([ "chunks of $_", "${head}Transfer-Encoding: chunked\r\n\r\n", sprintf("%x\r\n%s\r\n0\r\n\r\n", length $entry{$_}, $entry{$_}) ],
			[ "a length, $_", "${head}Content-Length: " . length($entry{$_}) . "\r\n\r\n", $entry{$_} ]) } sort keys %entry),
		$half ? () : [ 'permission to send it', "${head}Expect: 100-continue\r\nContent-Length: " . length($entry{little}) . "\r\n\r\n", $entry{little} ]);

	$lock->query_safe('BEGIN; LOCK edurange.token');
	my @sockets = map { $shim->socket } @whole;
	my $part = $shim->socket;
	syswrite($sockets[$_], $whole[$_][1] . $whole[$_][2]) for 0 .. $#whole;
	syswrite($part, "${head}Content-Length: 5000\r\n\r\n$entry{little}");
	shutdown($_, 1) for $half ? (@sockets, $part) : ();
	sleep 1.8;
	$lock->query_safe('COMMIT');
	for my $i (0 .. $#whole)
	{
		# (permission comes before the answer)
		my ($answers) = $shim->read_responses($sockets[$i], 2, 10);
		is(@$answers ? $answers->[-1][0] : undef, 200, "a body with $whole[$i][0]" . ($half ? ', and half of the connection closed,' : '') . ' waits for its token')
		  or diag explain $answers;
	}
	my ($answers, $ended) = $shim->read_responses($part, 2, 10);
	my @codes = map { decode_json($_->[1])->{code} } @$answers;
	is_deeply([ @codes, $ended ], [ $half ? () : 'request_timeout', 1 ], 'a part of one' . ($half ? ' that has ended' : '') . ' does so no longer');
}
$lock->quit;
is($shim->stop, 0, 'stopped');

# ---- many requests on one connection ------------------------------------------------------------
$shim = Edurange::Shim->start($node);
my $most = 100_000;
my ($sent, $got, $text) = (0, 0, '');
$socket = $shim->socket;
while ($got < $most)
{
	if ($sent < $most && $sent - $got < 1000)
	{
		syswrite($socket, "GET /live HTTP/1.1\r\nHost: x\r\n\r\n" x 100);
		$sent += 100;
	}
	sysread($socket, $text, 65536, length $text) or last;
	$got += $text =~ s/HTTP.*?\{"live":true\}(?=.)//gs;
	last if $got == $most - 1 && $text =~ /\}$/;
}
like($text, qr/^Connection: close\r.*\{"live":true\}$/ms, 'the last of so many is told to be the last');
is_deeply([ $got, $shim->is_closed($socket) ], [ $most - 1, 1 ], 'and only that');
($status) = $shim->get('/live');
is($status, 200, 'others are served all the while');
is($shim->stop, 0, 'stopped');

# ---- what comes without settings ----------------------------------------------------------------
$shim = Edurange::Shim->start($node);
my %fields = map { ("X-Field-$_" => 'a' x 150) } 1 .. 30;
($status, $json) = $shim->request('POST', '/activity/log', token => $token, headers => { %fields, 'Content-Type' => 'application/json' },
	body => '{"userId":"u1","eventType":"USER_UPDATED","metadata":"' . 'a' x 10_000 . '"' . ' ' x 50_000 . '}');
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

# ---- too many connections -----------------------------------------------------------------------
# Each of them has sent a request, so none makes room.
$shim = Edurange::Shim->start($node, EDURANGE_CONNECTION_LIMIT => 64, EDURANGE_THREADS => 1);
$shim->{http} = HTTP::Tiny->new(timeout => 30, keep_alive => 0);
my @open = map {
	my $one = $shim->socket;

	syswrite($one, "GET /live HTTP/1.1\r\nHost: x\r\n\r\n");
	$shim->read_responses($one, 1);
	$one
} 1 .. 64;
for my $bytes ("GET /get_points?user_id=a&group_id=b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token\r\n\r\n", '')
{
	my $more = $shim->socket;

	syswrite($more, $bytes);
	my ($answers, $ended) = $shim->read_responses($more, 2, 10);
	is_refusal($answers->[0], $ended, 503, 'too_many_connections', 'one connection too many is told so');
}
for my $path (qw(/live /ready /status))
{
	my $probe = $shim->socket;

	syswrite($probe, "GET $path HTTP/1.1\r\nHost: x\r\n\r\n");
	my ($answers, $ended) = $shim->read_responses($probe, 2, 10);
	is_deeply([ $answers->[0][0], $ended ], [ 200, 1 ], "$path has a place all the same, for one request");
}
($status) = $shim->get('/metrics', $token);
is($status, 200, 'and so have the metrics');
{
	my $probe = $shim->socket;
	my @flood = map { $shim->socket } 1 .. 100;

	sleep 0.2;
	syswrite($probe, "GET /live HTTP/1.1\r\nHost: x\r\n\r\n");
	my ($answers) = $shim->read_responses($probe, 1, 10);
	is($answers->[0][0], 200, 'a flood of connections does not push one out before its request has come');
	close($_) for $probe, @flood;
}
close($_) for @open;
sleep 1;
(undef, undef, undef, $metrics) = $shim->request('GET', '/metrics', token => $token);
like($metrics, qr/^edurange_http_connections_refused_total 2$/m, 'places are free again, and the refusals counted');
like($metrics, qr{^edurange_http_requests_total\{method="GET",route="/get_points",status="503"\} 1$}m, 'as answers, too');

# Silent ones make room, however many there are and come again.
my @silent = map { $shim->socket } 1 .. 64;
sleep 3; # a second is counted from when the service took them in
for (1 .. 40)
{
	my $one = $shim->socket;

	syswrite($one, "GET /get_points?user_id=a&group_id=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer $token\r\n\r\n");
	my ($answers) = $shim->read_responses($one, 1, 10);
	is($answers->[0][0], 200, 'who asks has the place of one that is silent') if $_ % 10 == 0 || $answers->[0][0] ne 200;
}
my @more = map { $shim->socket } 1 .. 300;
for (1 .. 5)
{
	push @more, map { $shim->socket } 1 .. 100;
	($status) = $shim->get('/live');
	is($status, 200, 'whatever comes, /live is answered');
}
is($shim->stop, 0, 'stopped');

done_testing();
