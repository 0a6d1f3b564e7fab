# Requests whose end two servers could see in different places, byte by byte: each is refused, and the
# connection closed, so that nothing inside or behind one is taken for a request of its own.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;
use Edurange::Shim;

my $node = Edurange::Cluster->new_ready('shapes');
my $shim = Edurange::Shim->start($node, AS => 'service');
my $json = '{"a":1}';
my $chunks = "7\r\n$json\r\n0\r\n\r\n";
my $next = "GET /live HTTP/1.1\r\nHost: x\r\n\r\n";

my $bearer = 'Authorization: Bearer ' . $shim->token;

# A request with these fields and this body.
sub post
{
	my ($fields, $body, $line) = @_;

	return ($line // 'POST /add_points HTTP/1.1') . "\r\nHost: x\r\n$bearer\r\nContent-Type: application/json\r\n$fields\r\n" . ($body // $json);
}

# Sends a shape and then, as a second request, one that is right; returns what came.
sub try
{
	my ($bytes) = @_;
	my $socket = $shim->socket;

	local $SIG{PIPE} = 'IGNORE';
	syswrite($socket, $bytes);
	syswrite($socket, $next);
	my ($responses, $closed) = $shim->read_responses($socket, 2, 10);
	return (@$responses, $closed || $shim->is_closed($socket, @$responses == 2 ? 0 : 10));
}

# ---- what is right ------------------------------------------------------------------------------
my %right = (
	'a body with its length' => post("Content-Length: 7\r\n"),
	'no space behind the colon' => post("Content-Length:7\r\n"),
	'a tab behind the colon' => post("X-A:\t b\tc\r\nContent-Length: 7\r\n"),
	'an empty value' => post("X-A:\r\nX-B: \r\nContent-Length: 7\r\n"),
	'many fields' => post(join('', map { "X-$_: $_\r\n" } 1 .. 100) . "Content-Length: 7\r\n"),
	'an empty line before it' => "\r\n" . post("Content-Length: 7\r\n"),
	'cookies' => post("Cookie: a=b; c=d\r\nContent-Length: 7\r\n"),
	'a query' => "GET /get_points?user_id=a%20b&group_id=%67&x HTTP/1.1\r\nHost: x\r\n$bearer\r\n\r\n",
	'a body where none is needed' => "GET /live HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n$json");
for my $name (sort keys %right)
{
	my ($first, $second, $closed) = try($right{$name});
	like($first->[0] . ' ' . $first->[1], qr/^(200|400 .*"missing_parameter"|400 .*the route takes no \\"a\\" in the body)/, "$name: understood");
	is_deeply([ $second->[0], $second->[1], $closed ], [ 200, '{"live":true}', 0 ], "$name: and what is behind it");
}

# ---- what is refused with an error of our own ---------------------------------------------------
my %refused = (
	'Content-Length twice' => post("Content-Length: 7\r\nContent-Length: 7\r\n"),
	'Idempotency-Key twice' => post("Idempotency-Key: k\r\nContent-Length: 7\r\nIdempotency-Key: l\r\n"),
	'Idempotency-Key twice, the same in another case' => post("idempotency-key: k\r\nContent-Length: 7\r\nIDEMPOTENCY-KEY: k\r\n"),
	'Content-Type twice' => post("Content-Type: application/json\r\nContent-Length: 7\r\n"),
	'Content-Length twice, different' => post("Content-Length: 7\r\nContent-Length: 5\r\n"),
	'Content-Length and Transfer-Encoding' => post("Content-Length: 7\r\nTransfer-Encoding: chunked\r\n", $chunks),
	'Transfer-Encoding and Content-Length' => post("Transfer-Encoding: chunked\r\nContent-Length: 7\r\n", $chunks),
	'Transfer-Encoding twice' => post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", $chunks),
	'Transfer-Encoding in HTTP/1.0' => post("Transfer-Encoding: chunked\r\n", $chunks, 'POST /add_points HTTP/1.0'),
	(map { ("Transfer-Encoding: $_" => post("Transfer-Encoding: $_\r\n", $chunks)) }
		'xchunked', 'chunked, chunked', 'gzip, chunked', 'chunked, identity', 'identity', "\x0bchunked", 'chunked ', '"chunked"', "\rchunked", ''),
	'a space before the colon' => post("Content-Length : 7\r\n"),
	'a tab before the colon' => post("Content-Length\t: 7\r\n"),
	'a space before the colon of Transfer-Encoding' => post("Content-Length: 7\r\nTransfer-Encoding : chunked\r\n"),
	'a space before the colon of anything' => post("X-A : b\r\nContent-Length: 7\r\n"),
	'a space before the first field' => "POST /add_points HTTP/1.1\r\n X-A: b\r\nHost: x\r\n$bearer\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n$json",
	'a continued line' => post("X-A: a\r\n b\r\nContent-Length: 7\r\n"),
	'a continued line with a tab' => post("Transfer-Encoding:\r\n\tchunked\r\n", $chunks),
	'a continued Content-Length' => post("Content-Length: 7\r\n 0\r\n"),
	'LF alone everywhere' => "POST /add_points HTTP/1.1\nHost: x\n$bearer\nContent-Type: application/json\nContent-Length: 7\n\n$json",
	'LF alone behind a field' => post("X-A: b\nContent-Length: 7\r\n"),
	'LF alone behind the first line' => "POST /add_points HTTP/1.1\nHost: x\r\n$bearer\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n$json",
	'LF alone at the end' => "POST /add_points HTTP/1.1\r\nHost: x\r\n$bearer\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\n$json",
	'CR alone behind a field' => post("X-A: b\rContent-Length: 7\r\n"),
	'CR in a value' => post("X-A: a\rb\r\nContent-Length: 7\r\n"),
	'CR CR LF' => post("X-A: a\r\r\nContent-Length: 7\r\n"),
	'NUL in a value' => post("X-A: a\0b\r\nContent-Length: 7\r\n"),
	'NUL in Content-Length' => post("Content-Length: 7\0000\r\n"),
	'NUL at the end of a value' => post("X-A: a\0\r\nContent-Length: 7\r\n"),
	'NUL in the target' => "GET /li\0ve HTTP/1.1\r\nHost: x\r\n\r\n",
	'another control character in a value' => post("X-A: a\x01b\r\nContent-Length: 7\r\n"),
	'a field without a name' => post(": b\r\nContent-Length: 7\r\n"),
	'a parenthesis in a name' => post("X(A): b\r\nContent-Length: 7\r\n"),
	'an unknown version' => "GET /live HTTP/1.2\r\nHost: x\r\n\r\n",
	'Host twice' => "GET /live HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
	'Authorization twice' => "GET /live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n");
# Each field that is read, but for those whose second one changes nothing.
my %read = map { slurp_file($_) =~ /request_header\(\s*request,\s*(?|"([^"]+)"|MHD_HTTP_HEADER_(\w+))/g ? (map { lc tr/_/-/r => 1 } slurp_file($_) =~ /request_header\(\s*request,\s*(?|"([^"]+)"|MHD_HTTP_HEADER_(\w+))/g) : () }
  glob "$ENV{TESTDIR}/../../src/shim/*/*.c";
delete @read{qw(expect x-request-id access-control-request-headers)};
cmp_ok(scalar keys %read, '>=', 9, 'fields that are read: ' . join(', ', sort keys %read));
$refused{"$_ twice, as all that is read"} = post("$_: 7\r\nX-A: b\r\n$_: 7\r\n" . ($_ eq 'content-length' ? '' : "Content-Length: 7\r\n")) for keys %read;
for my $name (sort keys %refused)
{
	my ($response, $closed, $more) = try($refused{$name});
	# libmicrohttpd 1.0 refuses most of them itself, with a page of its own, and one without a word
	if (!ref $response)
	{
		ok($response, "$name: closed");
		next;
	}
	ok(!ref $closed, "$name: one answer") or diag explain $closed;
	like($response->[0], qr/^(400|501)$/, "$name: refused");
	# ... and reads a value without the spaces around it
	like($response->[1], $name eq 'Transfer-Encoding: chunked ' ? qr/"code":"(malformed_request|missing_parameter|invalid_parameter)"/
		: qr/"code":"malformed_request"|^<html>/, "$name: as malformed");
	like($response->[2], qr/^Connection: close/mi, "$name: the connection ends");
	ok($closed, "$name: it is closed");
}

# ---- what libmicrohttpd refuses in its own words ------------------------------------------------
my %unread = (
	(map { ("Content-Length: $_" => post("Content-Length: $_\r\n")) } '7, 7', '+7', '-7', '0x7', '7 7', '7x', ''),
	'Content-Length that no number holds' => post("Content-Length: 99999999999999999999999\r\n"),
	'a head that does not fit' => "GET /live HTTP/1.1\r\nHost: x\r\nX-A: " . 'a' x 20_000 . "\r\n\r\n",
	'a target that does not fit' => 'GET /live?' . 'a' x 20_000 . " HTTP/1.1\r\nHost: x\r\n\r\n",
	'NUL in a name' => post("X-\0A: b\r\nContent-Length: 7\r\n"),
	'a line without a colon' => post("X-A\r\nContent-Length: 7\r\n"),
	'no Host' => "GET /live HTTP/1.1\r\n\r\n",
	'no version' => "GET /live\r\n\r\n",
	'HTTP/2.0' => "GET /live HTTP/2.0\r\nHost: x\r\n\r\n",
	'http/1.1' => "GET /live http/1.1\r\nHost: x\r\n\r\n",
	'two spaces in the first line' => "GET  /live  HTTP/1.1\r\nHost: x\r\n\r\n",
	'tabs in the first line' => "GET\t/live\tHTTP/1.1\r\nHost: x\r\n\r\n",
	'a space in the target' => "GET /li ve HTTP/1.1\r\nHost: x\r\n\r\n",
	'a space behind the version' => "GET /live HTTP/1.1 \r\nHost: x\r\n\r\n",
	(map { ("chunk size '$_->[0]'" => post("Transfer-Encoding: chunked\r\n", "$_->[1]\r\n$json\r\n0\r\n\r\n")) }
		[ 'g', 'g' ], [ '-7', '-7' ], [ '0x7', '0x7' ], [ '+7', '+7' ], [ ' 7', ' 7' ], [ '7 ', '7 ' ], [ 'too large', 'ffffffffffffffff7' ]),
	'a chunk without its CR LF' => post("Transfer-Encoding: chunked\r\n", "7\r\n${json}0\r\n\r\n"),
	'a chunk that is longer than it says' => post("Transfer-Encoding: chunked\r\n", "5\r\n$json\r\n0\r\n\r\n"),
	'LF in the extension of a chunk' => post("Transfer-Encoding: chunked\r\n", "7;x=\ny\r\n$json\r\n0\r\n\r\n"));
for my $name (sort keys %unread)
{
	my (@answers) = try($unread{$name});
	my $closed = pop @answers;
	# (what is not read any more can take the answer with it)
	cmp_ok(scalar @answers, '<=', 1, "$name: no second answer");
	for my $answer (@answers)
	{
		like($answer->[0], qr/^(400|413|414|431|505)$/, "$name: refused");
		# (libmicrohttpd 0.9.75 writes the head of some of them twice)
		like($answer->[1], qr/^(?:HTTP.*\r\n\r\n)?<html>|"code":"malformed_request"/s, "$name: in its own words or ours");
		like($answer->[2], qr/^Connection: close/mi, "$name: the connection ends");
	}
	ok($closed, "$name: closed");
}

# ---- frames of a chunked body that cannot be seen -----------------------------------------------
my %last = (
	'chunked' => $chunks,
	'an extension' => "7;x=y\r\n$json\r\n0\r\n\r\n",
	'a trailer' => "7\r\n$json\r\n0\r\nX-T: 1\r\n\r\n",
	'a trailer with Content-Length' => "7\r\n$json\r\n0\r\nContent-Length: 9\r\n\r\n",
	'LF behind the size' => "7\n$json\r\n0\r\n\r\n",
	'LF behind the data' => "7\r\n$json\n0\r\n\r\n",
	'LF at the end' => "7\r\n$json\r\n0\r\n\n");
for my $name (sort keys %last)
{
	my ($response, $closed) = try(post("Transfer-Encoding: chunked\r\n", $last{$name}));
	is_deeply([ $response->[0], $closed ], [ 400, 1 ], "$name: one answer, and nothing behind it is read");
	# ... or, with libmicrohttpd 1.0, to the frame
	like($response->[1], qr/"code":"(missing_parameter|invalid_json)"|takes no \\"a\\" in the body|^<html>/, "$name: to the request itself");
}

# ---- a proxied request inside another's body ----------------------------------------------------
my $inner = "POST /add_points HTTP/1.1\r\nHost: x\r\n$bearer\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n$json";
for my $outer (
	post('Content-Length: ' . (5 + length $inner) . "\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n$inner"),
	post("Transfer-Encoding: chunked\r\n", "0\r\n\r\n$inner"))
{
	my ($response, $closed) = try($outer);
	is($response->[0], 400, 'the outer one is answered');
	is($closed, 1, 'the inner one never');
}
is($shim->stop, 0, 'stopped');

done_testing();
