# The Instance Manager simulator: its routes answer as the real one's do, its faults are as told.

use strict;
use warnings;

use File::Temp;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(time sleep);

use Edurange::InstanceManager;

my $schema = File::Temp->new(SUFFIX => '.json');
print $schema '{"type": "object"}';
$schema->flush;

my $im = Edurange::InstanceManager->start(
	args => [
		'--domain', 'play.test', '--termination-delay', 2000,
		'--schema', "$schema", '--pod', 'pod-a:user-1:comp-1:ACTIVE:Basic:full-os' ]);
my $list = '/api/list-challenge-pods';

sub status_of { my ($status) = $im->get(@_); return $status; }

# Waits until something is true, up to half a minute.
sub wait_until
{
	my ($true) = @_;
	my $end = time + 30;

	sleep 0.02 while !$true->() && time < $end;
	return;
}

sub names
{
	my (undef, $body) = $im->get($list);
	return join(',', map { $_->{name} } @{ $body->{challenge_pods} });
}

subtest 'list-challenge-pods' => sub {
	my ($status, $body, $headers) = $im->get($list);
	is($status, 200, 'status');
	like($headers->{'content-type'}, qr{^application/json}, 'content type');
	is_deeply(
		$body,
		{
			challenge_pods => [
				{
					name => 'pod-a',
					status => 'ACTIVE',
					user_id => 'user-1',
					competition_id => 'comp-1',
					challenge_type => 'full-os',
					challenge_name => 'Basic',
					urls => { terminal => 'https://terminal-pod-a.play.test', challenge => undef },
					webosUrl => 'https://pod-a.play.test',
					webConsoleUrl => 'https://pod-a.play.test',
					flag_secret_name => 'flag-secret-pod-a'
				} ]
		},
		'exactly the keys of the contract');

	$im->add_pod(name => 'pod-web', challenge_type => 'web', extra => { challenge_id => 'c1' });
	(undef, $body) = $im->get($list);
	my $web = $body->{challenge_pods}[1];
	is($web->{user_id}, 'unknown', 'defaults are "unknown"');
	is($web->{urls}{terminal}, undef, 'a web challenge has no terminal');
	is($web->{webConsoleUrl}, undef, 'and no console');
	like($web->{urls}{challenge}, qr/^https/, 'but an address');
	is($web->{challenge_id}, 'c1', 'extra keys are passed on');

	$im->add_pod(name => 'pod-web', status => 'ERROR');
	(undef, $body) = $im->get($list);
	is($body->{challenge_pods}[1]{status}, 'ERROR', 'a pod can be changed');
	is($body->{challenge_pods}[1]{challenge_type}, 'web', 'and keeps what was not named');
	$im->remove_pod('pod-web');
	is(names(), 'pod-a', 'a pod can be removed');
	is_deeply([ ($im->request('DELETE', '/control/pods/nobody'))[0] ], [404], 'once');
};

subtest 'get-pod-status' => sub {
	my ($status, $body) = $im->get('/api/get-pod-status?pod_name=pod-a');
	is($status, 200, 'status');
	is_deeply(
		[ sort keys %$body ],
		[qw(containers creationTimestamp labels name node podIP status uptime)], 'keys');
	is($body->{labels}{user}, 'user-1', 'labels');
	is($body->{containers}[0]{state}, 'running', 'containers');

	($status, $body) = $im->get('/api/get-pod-status?pod_name=pod-b');
	is($status, 404, 'unknown pod');
	is_deeply($body, { error => 'Pod not found', status => 'not_found' }, 'proof of absence');
	for my $name ('Pod', 'a_b', '-a', 'a-', 'a' x 64, '')
	{
		($status, $body) = $im->get("/api/get-pod-status?pod_name=$name");
		is($status, 400, "name \"$name\"");
		is_deeply([ keys %$body ], ['error'], 'error alone');
	}
	is(status_of('/api/get-pod-status'), 400, 'no name');

	$im->add_pod(
		name => 'pod-new',
		status => 'CREATING',
		containers => JSON::PP::false());
	($status, $body) = $im->get('/api/get-pod-status?pod_name=pod-new');
	is($status, 500, 'a pod without container statuses');
	is_deeply([ keys %$body ], ['error'], 'error alone');
	$im->remove_pod('pod-new');
};

subtest 'get-secret' => sub {
	my ($status, $body) = $im->post('/api/get-secret', { secret_name => 'flag-secret-pod-a' });
	is($status, 404, 'no flag yet');
	is($body->{secret_value}, 'null', 'the text null');
	ok($body->{error}, 'with an error');
	$im->add_pod(name => 'pod-a', flag => 'FLAG{x}');
	for my $name (qw(flag-secret-pod-a ctfchal-pod-a flag-pod-a pod-a))
	{
		($status, $body) = $im->post('/api/get-secret', { secret_name => $name });
		is($status, 200, $name);
		is_deeply($body, { secret_value => 'FLAG{x}' }, 'value alone');
	}
	is(($im->post('/api/get-secret', {}))[0], 400, 'no name');
	is(($im->post('/api/get-secret', 'no json'))[0], 400, 'no JSON');
	is(($im->request('POST', '/api/get-secret'))[0], 400, 'no body');
};

subtest 'schema' => sub {
	my ($status, $body) = $im->get('/api/schema');
	is($status, 200, 'status');
	is_deeply($body, { type => 'object' }, 'the file');
	my $bare = Edurange::InstanceManager->start;
	is(($bare->get('/api/schema'))[0], 500, 'without a file');
	is($bare->stop, 0, 'stops on SIGTERM');
};

subtest 'start-challenge' => sub {
	my $queue = Edurange::InstanceManager->start(args => [ '--start-delay', 2000 ]);
	my %start = (user_id => 'u', competition_id => 'g', deployment_name => 'pod-s',
		cdf_content => { metadata => { name => 'Basic', challenge_type => 'web' } });
	my ($status, $body) = $queue->post('/api/start-challenge', \%start);

	is($status, 202, 'accepted');
	is_deeply(
		[ @$body{qw(success queued queue_position status)} ],
		[ JSON::PP::true(), JSON::PP::true(), 1, 'queued' ], 'and queued');
	is(($queue->get('/api/get-pod-status?pod_name=pod-s'))[0], 404, 'there is no pod yet');
	my $pod;
	wait_until(sub { ($pod) = @{ ($queue->get($list))[1]{challenge_pods} } });
	is_deeply([ @$pod{qw(name status user_id competition_id challenge_name challenge_type)} ],
		[qw(pod-s CREATING u g Basic web)], 'then there is');
	is(($queue->get('/api/get-pod-status?pod_name=pod-s'))[0], 500, 'without container statuses');
	my $status_of = sub { return ($queue->get('/api/get-pod-status?pod_name=pod-s'))[1]{status} // '' };
	wait_until(sub { $status_of->() eq 'ACTIVE' });
	is($status_of->(), 'ACTIVE', 'and then it runs');
	my $flag_of = sub { return ($queue->post('/api/get-secret', { secret_name => 'flag-secret-pod-s' }))[1]{secret_value} };
	my $flag = $flag_of->();
	like($flag, qr/^EDU-\{/, 'with a flag');
	$queue->post('/api/start-challenge', \%start);
	wait_until(sub { $flag_of->() ne $flag });
	isnt($flag_of->(), $flag, 'another one, when it is made anew');
	for my $missing (keys %start)
	{
		my %less = %start;
		delete $less{$missing};
		is(($queue->post('/api/start-challenge', \%less))[0], 400, "not without $missing");
	}
	is(($queue->post('/api/start-challenge', { %start, deployment_name => 'Pod' }))[0], 400, 'nor with any name');
	$queue->post('/api/start-challenge', { %start, deployment_name => "pod-$_" }) for 1 .. 110;
	($status, $body) = $queue->post('/api/start-challenge', \%start);
	is("$status $body->{retryAfter}", '429 60', 'nor when the queue is full');
	is($queue->stop, 0, 'stops');
};

subtest 'phases of Kubernetes' => sub {
	my %status = (Pending => 'CREATING', Running => 'ACTIVE', Succeeded => 'ACTIVE', Failed => 'ERROR', Unknown => 'ERROR');
	for my $phase (sort keys %status)
	{
		$im->add_pod(name => 'pod-p', phase => $phase);
		is(($im->get('/api/get-pod-status?pod_name=pod-p'))[1]{status}, $status{$phase}, $phase);
	}
	$im->remove_pod('pod-p');
};

subtest 'end-challenge' => sub {
	my ($status, $body) = $im->post('/api/end-challenge', { deployment_name => 'pod-a' });
	is($status, 202, 'accepted');
	is($body->{status}, 'queued', 'queued');
	is($body->{success}, JSON::PP::true(), 'success');
	ok($body->{task_id} && $body->{message}, 'task and message');
	(undef, $body) = $im->get('/api/get-pod-status?pod_name=pod-a');
	is($body->{status}, 'TERMINATING', 'the pod is ending');
	wait_until(sub { status_of('/api/get-pod-status?pod_name=pod-a') == 404 });
	is(status_of('/api/get-pod-status?pod_name=pod-a'), 404, 'and then gone');
	is(($im->post('/api/end-challenge', {}))[0], 400, 'no name');
	is(($im->post('/api/end-challenge', { deployment_name => 'nobody' }))[0],
		202, 'any name is queued');
};

subtest 'other paths' => sub {
	my ($status, $body, $headers) = $im->get('/api//list-challenge-pods');
	is($status, 308, 'a doubled slash is redirected');
	is($headers->{location}, $list, 'to the single one');
	is(status_of('/api/task-status/x'), 404, 'no such route');
	is(($im->post($list, {}))[0], 405, 'wrong method');
	is($im->requests->{last_unmatched}, '/api/task-status/x', 'unmatched paths are counted');
};

$im->add_pod(name => "pod-$_") for 1 .. 4;

subtest 'faults' => sub {
	my ($status, $body, $headers, $raw);

	# The client asks a second time when a connection is closed without an answer to a GET.
	$im->fault('refuse', count => 2);
	is(status_of($list), 599, 'refuse');
	is(status_of($list), 200, 'for as often as told');

	$im->fault('error500');
	is_deeply([ keys %{ ($im->get($list))[1] } ], ['error'], 'error500: list');
	is(($im->get('/api/get-pod-status?pod_name=pod-1'))[1]{status}, 'error', 'error500: status');
	is(($im->post('/api/get-secret', { secret_name => 'x' }))[1]{secret_value},
		'null', 'error500: secret');
	$im->clear_faults;
	is(status_of($list), 200, 'clear_faults');

	$im->fault('empty_list');
	is(names(), '', 'empty_list');
	$im->fault('drop_pods', names => ['pod-2']);
	is(names(), 'pod-1,pod-3,pod-4', 'drop_pods by name');
	$im->fault('drop_pods', pods => 3);
	is(names(), 'pod-4', 'drop_pods by number');

	$im->fault('truncated_json');
	($status, $body, $headers, $raw) = $im->get($list);
	is($status, 200, 'truncated_json answers 200');
	ok(!defined $body && length $raw, 'with half a document');
	$im->fault('truncated_json', mode => 'cut');
	is(status_of($list), 599, 'truncated_json that breaks off');

	$im->fault('wrong_types');
	is(($im->get($list))[1]{challenge_pods}[0]{status}, 1, 'wrong_types: pods');
	$im->fault('wrong_types', where => 'list');
	is(ref(($im->get($list))[1]{challenge_pods}), 'HASH', 'wrong_types: list');
	$im->fault('wrong_types', where => 'elements');
	is(($im->get($list))[1]{challenge_pods}[0], 'pod', 'wrong_types: elements');
	$im->fault('wrong_types', where => 'body');
	is(ref(($im->get($list))[1]), 'ARRAY', 'wrong_types: body');

	$im->fault('delay', ms => 300);
	my $begin = time;
	is(status_of($list), 200, 'delay');
	cmp_ok(time - $begin, '>', 0.29, 'takes its time');
	$im->fault('slow_bytes', ms => 1);
	$begin = time;
	is(names(), 'pod-1,pod-2,pod-3,pod-4', 'slow_bytes is complete');
	cmp_ok(time - $begin, '>', 0.5, 'and slow');

	$im->fault('huge_body', bytes => 1_000_000);
	($status, $body, $headers, $raw) = $im->get($list);
	is(length $raw, 1_000_000, 'huge_body');
	is($headers->{'content-length'}, undef, 'without a length');
	$im->fault('huge_body', bytes => 1_000_000, announced => JSON::PP::true());
	is(($im->get($list))[2]{'content-length'}, 1_000_000, 'huge_body with its length');

	$im->fault('html', status => 502);
	($status, $body, $headers) = $im->get($list);
	is($status, 502, 'html');
	like($headers->{'content-type'}, qr{^text/html}, 'is HTML');
	$im->fault('redirect_loop');
	($status, $body, $headers) = $im->get($list);
	is($status, 302, 'redirect_loop');
	is($headers->{location}, $list, 'leads to itself');

	$im->add_pod(name => 'pod-1', flag => 'FLAG{1}');
	$im->fault('wrong_status');
	($status, $body) = $im->post('/api/get-secret', { secret_name => 'pod-1' });
	is("$status $body->{secret_value}", '500 FLAG{1}', 'wrong_status has the right body');
	$im->fault('wrong_status', status => 200);
	($status, $body) = $im->get('/api/get-pod-status?pod_name=nobody');
	is("$status $body->{status}", '200 not_found', 'under any status');
	$im->fault('other_pod', name => 'pod-2', pod_status => 'ERROR');
	for my $name ('pod-1', 'nobody')
	{
		($status, $body) = $im->get("/api/get-pod-status?pod_name=$name");
		is("$status $body->{name} $body->{status}", '200 pod-2 ERROR', "other_pod, asked for $name");
	}

	$im->clear_faults;
	$im->fault('kubernetes_down');
	is(names(), '', 'kubernetes_down: no pods');
	is(status_of('/api/get-pod-status?pod_name=pod-1'), 500, 'no word about any');
	is(($im->post('/api/get-secret', { secret_name => 'pod-1' }))[1]{secret_value}, 'null', 'no flag');
	is(($im->post('/api/end-challenge', { deployment_name => 'nobody' }))[0], 202, 'but a queue');
	$im->fault('other_cluster');
	is(names(), 'of-another-cluster', 'other_cluster: others');
	($status, $body) = $im->get('/api/get-pod-status?pod_name=pod-1');
	is("$status $body->{status}", '404 not_found', 'and none of ours');
	$im->fault('raw_pods', text => '{"name": "x"}, 7');
	($status, $body) = $im->get($list);
	is_deeply([ @{ $body->{challenge_pods} }[ 0, 1 ] ], [ { name => 'x' }, 7 ], 'raw_pods');
	is(scalar @{ $body->{challenge_pods} }, 6, 'before the others');
	$im->fault('listed_twice');
	my @twice = map { ($im->get($list))[1]{challenge_pods} } 1, 2;
	is(scalar @$_, 8, 'listed_twice') for @twice;
	isnt($twice[0][0]{webosUrl}, $twice[1][0]{webosUrl}, 'in another order each time');
	$im->add_pod(name => 'pod-1', user_id => 'Ada_L.', challenge_name => 'SQL: Basic');
	$im->fault('labels');
	is_deeply([ @{ ($im->get($list))[1]{challenge_pods}[0] }{qw(user_id challenge_name)} ],
		[ 'ada-l-', 'sql--basic' ], 'labels');
	$im->clear_faults;
	$im->fault('error500', route => 'get-pod-status', match => 'pod-1');
	is(status_of('/api/get-pod-status?pod_name=pod-1'), 500, 'a fault of pods that are called so');
	is(status_of('/api/get-pod-status?pod_name=pod-2'), 200, 'leaves the others');
	is($im->asked->{'get-pod-status'}{'pod-2'}, 1, 'how often each was asked for is known');
	$im->clear_faults;
	$im->fault('error500', route => 'get-secret');
	is(status_of($list), 200, 'a fault of one route leaves the others');
	$im->clear_faults;
};

subtest 'control refuses what it does not know' => sub {
	my @bad = (
		[ pods => {} ],
		[ pods => { name => 'x', status => 'TERMINATED' } ],
		[ pods => { name => 'x', colour => 'red' } ],
		[ pods => { name => 'x', user_id => 1 } ],
		[ fault => { fault => 'flood' } ],
		[ fault => { fault => 'delay', ms => 'long' } ],
		[ fault => { fault => 'delay', names => [] } ],
		[ fault => { fault => 'delay', route => 'task-status' } ]);
	for my $case (@bad)
	{
		my ($status, $body) = $im->post("/control/$case->[0]", $case->[1]);
		is($status, 400, $case->[0]);
		like($body->{error}, qr/parameter "\w+"/, 'naming the parameter');
	}
};

subtest 'counters' => sub {
	$im->reset_requests;
	$im->get($list) for 1 .. 3;
	is($im->requests->{'list-challenge-pods'}, 3, 'requests are counted');
};

subtest 'life cycle' => sub {
	my $port = $im->port;
	my $message = `$ENV{EDURANGE_SIMULATOR} --port $port 2>&1`;
	isnt($?, 0, 'a port that is taken is refused');
	like($message, qr/$port.*EDURANGE_IM_PORT/s, 'naming port and variable');
	$message = `$ENV{EDURANGE_SIMULATOR} --port many 2>&1`;
	isnt($?, 0, 'a port that is none is refused');
	like(`$ENV{EDURANGE_SIMULATOR} --help`, qr/--termination-delay/, '--help');

	# whoever leaves leaves no thread behind that waits with an answer
	my $threads = sub { return scalar(() = glob "/proc/@{[ $im->pid ]}/task/*"); };
	$im->fault('delay', ms => 600_000, route => 'list-challenge-pods');
	my @clients = map { IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") } 1 .. 50;
	print $_ "GET $list HTTP/1.1\r\nHost: x\r\n\r\n" for @clients;
	wait_until(sub { $threads->() > 50 });
	cmp_ok($threads->(), '>', 50, 'fifty wait');
	close $_ for @clients;
	wait_until(sub { $threads->() < 10 });
	cmp_ok($threads->(), '<', 10, 'and have gone');
	$im->clear_faults;

	$im->fault('slow_bytes', ms => 1000);
	my $socket = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
	print $socket "GET $list HTTP/1.1\r\nHost: x\r\n\r\n";
	sleep(0.2);
	my $begin = time;
	is($im->stop, 0, 'SIGTERM during a slow answer ends it cleanly');
	cmp_ok(time - $begin, '<', 20, 'and does not wait for the minutes that the answer takes');
	$im->restart;
	is($im->port, $port, 'a restart keeps the port');
	is(names(), 'pod-a', 'and begins anew');

	my $prefixed = Edurange::InstanceManager->start(args => [ '--prefix', '/instance-manager' ]);
	is(($prefixed->get("/instance-manager$list"))[0], 200, 'a path prefix');
	is(($prefixed->get($list))[0], 404, 'is needed then');
};

done_testing();
