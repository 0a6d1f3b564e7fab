# Many requests of all kinds leave nothing behind: 20,000, or a million in the long form, for each build that
# there is.  One with the sanitizers says itself at its end what was not freed; of any other, the memory must
# not grow with the requests.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;
use Edurange::Shim;

my $total = $ENV{EDURANGE_LONG} ? 1_000_000 : 20_000;
my $node = Edurange::Cluster->new_ready('leaks', conf => "log_statement = 'none'\n");
my $shim = Edurange::Shim->start($node);
my $token = $shim->make_token('service');

sub request
{
	my ($line, $with, $body) = @_;

	return "$line HTTP/1.1\r\nHost: x\r\n" . ($with ? "Authorization: Bearer $with\r\n" : '')
	  . (defined $body ? "Content-Type: application/json\r\nContent-Length: " . length($body) . "\r\n\r\n$body" : "\r\n");
}
my @mix = (
	request('GET /live'), request('GET /get_points?user_id=a&group_id=b', $token),
	request('GET /challenge/list?limit=5', $token), request('GET /nothing'), request('DELETE /live'),
	request('GET /get_points', $token), request('GET /get_points?user_id=a&group_id=b', 'edr_wrong'),
	request('POST /add_points', $token, '{"user_id":"a","group_id":"b","points":1}'), request('POST /add_points', $token, '{"user_id"'),
	request('POST /activity/log', $token, '{"eventType":'), request('OPTIONS /add_points'), request('GET /question/details?question_id=%zz', $token));

# Sends some rounds of the mix on a connection and reads all answers.
sub play
{
	my ($rounds) = @_;
	my $socket = $shim->socket;
	my $answers = 0;

	for (1 .. $rounds)
	{
		syswrite($socket, join '', @mix);
		my ($responses) = $shim->read_responses($socket, scalar @mix, 30);
		$answers += @$responses;
		last if @$responses != @mix;
	}
	return $answers;
}

sub memory
{
	my ($kilobytes) = slurp_file('/proc/' . $shim->pid . '/status') =~ /^VmRSS:\s+(\d+)/m;
	return $kilobytes;
}

# All requests to one build.
sub check
{
	my ($program) = @_;
	my $sanitized = slurp_file($program) =~ /__asan_init/;
	my $rounds = int($total / @mix / 10);

	is(play($rounds), $rounds * @mix, 'a tenth, to warm up');
	my $before = memory();
	is(play($rounds), $rounds * @mix, 'another tenth') for 1 .. 9;
	my $growth = memory() - $before;
	diag("$program: $total requests, memory grew by $growth kB");
	cmp_ok($growth, '<', 4096, 'memory does not grow with the requests') unless $sanitized;
	is($shim->stop, 0, 'it ends with success, and a sanitizer finds nothing that was not freed');
	return;
}
check($ENV{EDURANGE_SHIM});
if ($ENV{EDURANGE_LONG} && $ENV{EDURANGE_PLAIN_SHIM} ne $ENV{EDURANGE_SHIM})
{
	local $ENV{EDURANGE_SHIM} = $ENV{EDURANGE_PLAIN_SHIM};
	$shim = Edurange::Shim->start($node);
	check($ENV{EDURANGE_SHIM});
}

done_testing();
