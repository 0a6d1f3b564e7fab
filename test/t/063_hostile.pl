# The worst legal and illegal requests of every tier and of nobody, at every route and all at once, while well-behaved
# clients score: each of those is answered right, nothing is doubled or lost, nothing dies, nothing grows beyond its
# bounds, /live answers, and afterwards everything is as small as before.
#
# Both forms come one after the other, each with a server of its own, in `make test` for eight seconds and in the long form
# for ten minutes each (EDURANGE_LONG=120: so many seconds):
#
#   deployed   the shim as it is installed, with the settings of deploy/kubernetes/base, 2,000 connections among them.  What it
#              and each backend take of memory, and are afterwards, counts here.
#   sanitized  the shim with the sanitizers, which take several times as much memory, if there is one: they see what is wrong
#              and does not show.  Two loops, more lanes, and so few connections that all of them are taken.
#
# Times are printed.  In the long form that is deployed they have bounds that only another kind of time exceeds.

use strict;
use warnings;

use HTTP::Tiny;
use IO::Select;
use JSON::PP;
use List::Util qw(max min);
use POSIX qw(sysconf _SC_OPEN_MAX);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use Edurange::Cluster;
use Edurange::Elsewhere qw(be_elsewhere);
use Edurange::Shim;
use Edurange::Zip qw(zip_of);

my $long = $ENV{EDURANGE_LONG};
my $seconds = $long ? ($long > 1 ? $long : 600) : 8;
my $good_clients = 6;
my @forms = (
	{
		name => 'deployed',
		program => $ENV{EDURANGE_PLAIN_SHIM},
		connections => min(2000, sysconf(_SC_OPEN_MAX) - 500), # where that many files may be open
		settings => { EDURANGE_THREADS => 1, EDURANGE_POOL_SIZE => 3 }
	},
	{
		name => 'sanitized',
		program => $ENV{EDURANGE_SHIM},
		connections => 400,
		settings => { EDURANGE_THREADS => 2, EDURANGE_POOL_SIZE => 6, EDURANGE_STATEMENT_TIMEOUT => 8000 }
	});

# What a form runs with.
my ($node, $shim, $metrics_port, %token, @tokens, $good_token, $most_connections);

# Starts a server and a shim, whose replica is dead: nothing listens there.
sub begin_form
{
	my ($form) = @_;
	my $nobody = PostgreSQL::Test::Cluster::get_free_port();

	$node = Edurange::Cluster->new_ready("hostile_$form->{name}", conf => "max_connections = 200\nshared_buffers = 32MB\nlog_statement = none\nlog_min_messages = log\n");
	$metrics_port = PostgreSQL::Test::Cluster::get_free_port();
	$most_connections = $form->{connections};
	local $ENV{EDURANGE_SHIM} = $form->{program};
	$shim = Edurange::Shim->start($node, EDURANGE_METRICS_PORT => $metrics_port, EDURANGE_CONNECTION_LIMIT => $most_connections,
		EDURANGE_READ_DATABASE_URL => "postgresql://edurange_shim_{tier}\@127.0.0.1:$nobody/edurange", %{ $form->{settings} });
	%token = map { $_ => $shim->make_token($_) } qw(player service admin);
	@tokens = (undef, 'edr_unknown', values %token);
	$good_token = $shim->make_token('service');
	$node->safe_psql('edurange', q{
		INSERT INTO "User" (id, email, name) SELECT 'u' || n, n || '@x', repeat('long name ', 20) FROM generate_series(0, 3000) n;
		INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01'), ('h', 'H', '2020-01-01');
		INSERT INTO "_GroupMembers" ("A", "B") SELECT 'g', id FROM "User";
		INSERT INTO "ChallengeType" (id, name) VALUES ('t', 't');
		INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('c', 'C', 't');
		INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('gc', 50, 'c', 'g');
		INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, answer, "order") VALUES ('q', 'c', 'q', 'text', 5, 'yes', 1);
		SELECT edurange.set_points('u' || n, 'g', 0) FROM generate_series(0, 100) n});
	return;
}

# ---- processes ------------------------------------------------------------------------------------
my $children = 0;

# Runs something in a process of its own until the time is up; what it returns comes from results_of().
sub aside
{
	my ($name, $work) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/result_" . ++$children;
	my $pid = fork() // die "fork: $!";

	if ($pid == 0)
	{
		local $SIG{PIPE} = 'IGNORE';
		my $result = eval { $work->() } // { error => $@ };
		append_to_file($file, encode_json($result));
		POSIX::_exit(0);
	}
	return { name => $name, pid => $pid, file => $file };
}

sub results_of
{
	my ($child) = @_;

	waitpid($child->{pid}, 0);
	return decode_json(slurp_file($child->{file}));
}

my $end;

# Does something again and again until the time is up; returns how often.
sub repeat
{
	my ($something) = @_;
	my $count = 0;

	while (time < $end)
	{
		$something->($count);
		$count++;
	}
	return { count => $count };
}

# ---- who behaves well -----------------------------------------------------------------------------
# Scores for a user, a request after the other, each with a key; one that is told to try again does.
sub score
{
	my ($user) = @_;
	my $http = HTTP::Tiny->new(timeout => 60);
	my %result = (points => 0, retries => 0, wrong => [], ms => []);

	repeat(sub {
		my ($n) = @_;
		my $asked = time;

		for my $try (1 .. 100)
		{
			my $answer = $http->post($shim->url . '/add_points', {
				headers => { 'Content-Type' => 'application/json', Authorization => "Bearer $good_token", 'Idempotency-Key' => "$user.$n" },
				content => encode_json({ user_id => $user, group_id => 'g', points => 1 }) });
			my $said = eval { decode_json($answer->{content}) } // {};

			if ($answer->{status} == 200)
			{
				$result{points}++;
				push @{ $result{wrong} }, "$said->{points} points, and not $result{points}" if $said->{points} != $result{points};
				last;
			}
			push @{ $result{wrong} }, "$answer->{status} " . ($said->{code} // $answer->{content}) if $answer->{status} !~ /^(503|504|409|599)$/ || $try == 100;
			$result{retries}++;
			sleep 0.1;
		}
		push @{ $result{ms} }, (time - $asked) * 1000;
		sleep 0.02;
	});
	return \%result;
}

# Looks whether the process lives.
sub probe
{
	my %result = (ms => [], failed => 0);

	repeat(sub {
		my $asked = time;

		$result{failed}++ unless HTTP::Tiny->new(timeout => 20, keep_alive => 0)->get($shim->url . '/live')->{status} == 200;
		push @{ $result{ms} }, (time - $asked) * 1000;
		sleep 0.1;
	});
	return \%result;
}

# A percentile of some numbers.
sub percentile
{
	my ($part, @numbers) = @_;

	return @numbers ? (sort { $a <=> $b } @numbers)[ int(@numbers * $part) ] : 0;
}

# ---- who does not ---------------------------------------------------------------------------------
my %routes = Edurange::Shim->routes;
my @routes = sort keys %routes;

# The worst that a body may be, small or large; it names nobody who behaves well, for some routes take points away.
my $wide = sub { '{"metadata":[' . '{},' x $_[0] . '{}],"user_id":"u50","userId":"u50","eventType":"USER_UPDATED"}' };
my @bodies = (
	$wide->(300), $wide->(490), $wide->(20_000),
	'{"metadata":' . '[' x 98 . ']' x 98 . ',"userId":"u50","eventType":"USER_UPDATED"}', '[' x 30_000, '{"a":' x 10_000,
	'{' . join(',', map { "\"k$_\":1" } 1 .. 900) . '}', '{"user_id":"' . 'u' x 60_000 . '","group_id":"g","points":1}',
	'{"answer":[' . join(',', ('1e131000') x 300) . '],"user_id":"u50","question_id":"q","group_challenge_id":"gc"}',
	'{"answer":["' . 'x' x 50_000 . '"],"user_id":"u50","question_id":"q","group_challenge_id":"gc"}',
	'{"answer":' . '9' x 60_000 . ',"user_id":"u50","question_id":"q","group_challenge_id":"gc"}',
	'{"user_id":"u50","group_id":"g","points":1e999}', '{"name":"' . '\\u0041' x 10_000 . '","startDate":"2025-01-01T00:00:00Z","instructorIds":["' . 'a","' x 400 . '"]}',
	'{"metadata":{"id":"' . 'x' x 900_000 . '"},"components":[]}', '{"metadata":{"id":"d"},"components":[' . '{"type":"question"},' x 9000 . '{}]}',
	'not json', "\xff\xfe", '', '{"a":"' . "\0" . '"}', '"' . '\\' x 5000);
my $pack = '{"manifest":{"id":"p","name":"P","version":"1.0.0","challenges":["a.json"]},"challenges":[' . '{"metadata":{},"components":[' . '0,' x 9000 . '0]},' x 200 . '{}]}';
my $bomb = zip_of([ { name => 'pack.json', content => '{"id":"b","name":"B","version":"1.0.0","challenges":["a.json"]}' }, map { { name => "f$_", content => ' ' x 900_000 } } 1 .. 3 ]);
my @queries = ('', '?user_id=u50&group_id=g', '?limit=10000', '?' . 'a=' . '%41' x 1200, '?' . join('&', map { "x$_=1" } 1 .. 60), '?search=' . '%25_' x 300, '?at=2025-01-01',
	'?limit=-1&offset=2147483647', '?user_id=' . 'u' x 3000 . '&group_id=g');

# A route's path, with something in the place of its parameters; what changes or deletes a competition meets another one.
sub path_of
{
	my ($method, $path) = split / /, $_[0];
	my $group = $method eq 'GET' ? 'g' : 'h';

	return $path =~ s/\{group_id\}/$group/r =~ s/\{\w+\}/x/gr;
}

sub connect_to
{
	my $socket = eval { $shim->socket } // return undef;

	$socket->blocking(0);
	return $socket;
}

# Writes what the socket takes within a moment.
sub pour
{
	my ($socket, $bytes) = @_;
	my $select = IO::Select->new($socket);
	my $at = 0;

	while ($at < length $bytes && $select->can_write(2))
	{
		$at += syswrite($socket, $bytes, length($bytes) - $at, $at) // return;
	}
	return;
}

sub request_of
{
	my ($route, $query, $with, $body, @fields) = @_;
	my ($method) = split / /, $route;

	return join("\r\n", "$method " . path_of($route) . "$query HTTP/1.1", 'Host: x', (defined $with ? "Authorization: Bearer $with" : ()),
		(defined $body ? ('Content-Type: application/json', 'Content-Length: ' . length $body) : ()), @fields, '', $body // '');
}

# Each route, for everybody, with each query and body; the answer is read, or the connection closed before it comes.
# A stream of events, which has no end, is read until it begins.
sub worst
{
	my ($seed) = @_;
	my ($n, %seen, %routes_seen) = ($seed * @routes / 4);

	srand($seed);
	my $result = repeat(sub {
		my @asked;

		for (1 .. 8)
		{
			my $route = $routes[ $n++ % @routes ];
			$routes_seen{$route} = 1;
			my $body = $route =~ /^GET/ ? undef : $route =~ /pack/ && rand() < 0.1 ? $pack : $bodies[ rand @bodies ];
			my $socket = connect_to() // next;

			pour($socket, request_of($route, $queries[ rand @queries ], $tokens[ rand @tokens ], $body, 'Connection: close'));
			push @asked, $socket if rand() < 0.8;
		}
		for my $socket (@asked)
		{
			my $text = '';
			1 while $text !~ m{^content-type: text/event-stream}im && IO::Select->new($socket)->can_read(10) && sysread($socket, $text, 1 << 20, length $text);
			$seen{ $text =~ /^HTTP\/1\.1 (\d+)/ ? $1 : 'none' }++;
		}
	});
	return { %$result, seen => \%seen, routes => \%routes_seen };
}

# Ever more who listen to the board of those who score, or wait for its feed, up to more than there may be: a third reads all
# that comes, a third a little of it, a third nothing.  Who is told what they wait for asks once more.
sub crowd
{
	my ($asked, $told, $note) = @_;
	my @crowd;
	my %count = (told => 0);
	my $ask = sub { pour($_[0], request_of($asked->(), $tokens[ 2 + rand 3 ], undef)) };

	my $result = repeat(sub {
		for my $socket (map { connect_to() // () } 1 .. 10)
		{
			$ask->($socket);
			push @crowd, { socket => $socket, reads => (0, 512, 1 << 20)[ rand 3 ] };
		}
		for my $one (grep { $_->{reads} } @crowd)
		{
			my $got = sysread($one->{socket}, my $text, $one->{reads});

			$one->{gone} = 1 if defined $got && $got == 0;
			next unless $got && $text =~ $told;
			$count{told}++;
			$note->($1);
			$ask->($one->{socket});
		}
		@crowd = grep { !$_->{gone} } @crowd;
		splice(@crowd, 0, max(0, @crowd - 0.6 * $most_connections));
		sleep 0.05;
	});
	return { %$result, %count };
}

my %attack = (
	(map { my $n = $_; ("worst $n" => sub { worst($n) }) } 1 .. 4),
	'half bodies' => sub {
		repeat(sub {
			my $socket = connect_to() // return;
			pour($socket, substr(request_of('POST /packs/upload', '', $tokens[ rand @tokens ], $pack), 0, 300 + rand(2_000_000)));
		});
	},
	'slow bodies' => sub {
		my @slow;
		repeat(sub {
			push @slow, grep { defined } map { connect_to() } 1 .. 60 - @slow;
			pour($_, request_of('POST /activity/log', '', $tokens[ rand @tokens ], undef, 'Content-Type: application/json', 'Content-Length: 60000')) for @slow;
			sleep 0.2;
			@slow = grep { defined syswrite($_, 'x' x 10) } @slow;
		});
	},
	'large bodies' => sub {
		# who may, as many as would take several times what all together may take; they wait for the rest, and never send it
		my @large;
		repeat(sub {
			push @large, connect_to() // return;
			pour($large[-1], request_of('POST /packs/upload', '', $token{admin}, undef, 'Content-Type: application/json', 'Content-Length: ' . (15 << 20)) . ' ' x (14 << 20));
			shift @large if @large > 30;
		});
	},
	'silent' => sub { my @silent; repeat(sub { push @silent, connect_to() // (); shift @silent if @silent > 1.25 * $most_connections; sleep 0.002 }); },
	'listeners' => sub { return crowd(sub { ('GET /competition/{group_id}/board-events', '') }, qr/"snapshot":(?:true|false)/, sub { }); },
	'followers' => sub {
		# from the beginning, from where they were told to go on, and from nowhere
		my $since = '';
		return crowd(sub { ('GET /competition/{group_id}/events', ('?limit=10000', "?limit=10000&sinceToken=$since", '?sinceToken=' . 'f' x 300)[ rand 3 ]) },
			qr/"sinceToken" : "(\w+)"/, sub { $since = $_[0] });
	},
	'unknown tokens' => sub {
		my @floods;
		repeat(sub {
			my ($n) = @_;
			push @floods, connect_to() // return;
			pour($floods[-1], join '', map { request_of('GET /challenge/list', '', "edr_flood_$n.$_", undef) } 1 .. 50);
			shift @floods if @floods > 40;
			sleep 0.02;
		});
	},
	'boards' => sub {
		# each another one, and none is read to its end
		my @readers;
		repeat(sub {
			my ($n) = @_;
			push @readers, connect_to() // return;
			pour($readers[-1], request_of('GET /competition/{group_id}/leaderboard', "?limit=10000&offset=$n", $token{player}, undef));
			sysread($_, my $some, 4096) for @readers;
			shift @readers if @readers > 100;
			sleep 0.02;
		});
	},
	'packs' => sub {
		repeat(sub {
			my $socket = connect_to() // return;
			pour($socket, request_of('POST /packs/upload', '', $token{admin}, undef, 'Content-Type: application/zip', 'Content-Length: ' . length $bomb) . $bomb);
			my $text = '';
			1 while IO::Select->new($socket)->can_read(5) && sysread($socket, $text, 1 << 20) && $text !~ /requestId/;
		});
	},
	'locks' => sub {
		# one user's row is locked most of the time, while many want to change it
		repeat(sub {
			$node->psql('edurange', q{BEGIN; SELECT FROM "GroupPoints" WHERE "userId" = 'u99' FOR UPDATE; SELECT pg_sleep(1.5)});
			sleep 0.3;
		});
	},
	'locked' => sub {
		repeat(sub {
			my @sockets = map { connect_to() // () } 1 .. 10;
			pour($_, request_of('POST /add_points', '', $token{service}, '{"user_id":"u99","group_id":"g","points":0}', 'Connection: close')) for @sockets;
			sleep 0.3;
		});
	});

# ---- what is watched ------------------------------------------------------------------------------
# By how much more all may be afterwards: what an allocator keeps, and connections to the database that were not needed before.
my %slack = (shim => 24 << 10, backend => 16 << 10, files => 100);

# How large everything is: the shim, the largest backend by what it has for itself, in kB, and the files that the shim has open.
sub sizes
{
	my $backend = 0;

	for my $pid (split /\n/, qx(pgrep -P $node->{_pid}))
	{
		# (what it shares with the others is not its own; to walk through its pages would keep it from its work)
		my $status = eval { slurp_file("/proc/$pid/status") } // '';

		$backend = max($backend, ($status =~ /^RssAnon:\s+(\d+)/m)[0] // 0);
	}
	my ($shim_size) = slurp_file('/proc/' . $shim->pid . '/status') =~ /^VmRSS:\s+(\d+)/m;
	my @files = glob '/proc/' . $shim->pid . '/fd/*';
	return { shim => $shim_size, backend => $backend, files => scalar @files };
}

sub said { my ($sizes) = @_; return join ' ', map { "$_ $sizes->{$_}" } sort keys %$sizes; }

# What of something was largest.
sub largest
{
	my ($one, $other) = @_;

	return { %$one, map { $_ => max($one->{$_} // 0, $other->{$_}) } keys %$other };
}

# A number of the metrics, at the port that has places of its own; undef where it does not answer.
sub metric
{
	my ($name) = @_;
	my $answer = HTTP::Tiny->new(timeout => 5)->get("http://127.0.0.1:$metrics_port/metrics");

	return ($answer->{content} =~ /^\Q$name\E (\d+)$/m)[0];
}

sub run_for
{
	my ($time, @attacks) = @_;

	$end = time + $time;
	my @good = map { my $n = $_; aside("good $n", sub { score("u$n") }) } map { $_ + (@attacks ? 0 : 20) } 1 .. $good_clients;
	my $live = aside('live', \&probe);
	my @bad = map { my $name = $_; aside($name, sub { be_elsewhere(); $attack{$name}->() }) } @attacks;
	my ($most, $turns) = ({}, 0);

	while (time < $end)
	{
		$most = largest($most, sizes());
		$most = largest($most, { listeners => metric('edurange_listeners') // 0 }) if $turns++ % 5 == 4;
		sleep 0.2;
	}
	return { good => [ map { results_of($_) } @good ], live => results_of($live), bad => { map { $_->{name} => results_of($_) } @bad }, most => $most };
}

# Waits until these are about as small as they were, for half a minute at most; returns how large everything is then.
sub calm_down
{
	my ($idle, @these) = @_;
	my $late = time + 30;

	while (1)
	{
		my $now = sizes();

		return $now if time > $late || !grep { $now->{$_} > $idle->{$_} + $slack{$_} } @these;
		sleep 0.5;
	}
}

# ---- what must be so ------------------------------------------------------------------------------
sub check_answers
{
	my ($loud, $postmaster) = @_;

	for my $n (0 .. $good_clients - 1)
	{
		my $result = $loud->{good}[$n];

		is_deeply([ $result->{error}, $result->{wrong} ], [ undef, [] ], "client $n: every answer is right");
		cmp_ok($result->{points} // 0, '>', 0, "client $n: has scored");
		is($node->safe_psql('edurange', sprintf q{SELECT edurange.get_points('u%d', 'g')}, $n + 1), $result->{points}, "client $n: nothing is doubled or lost");
	}
	is($node->safe_psql('edurange', 'SELECT count(*) FROM edurange.check_invariants()'), '0', 'invariants');
	ok(kill(0, $shim->pid), 'the shim lives');
	# (the server is not to go on after one of its processes died)
	is(slurp_file($node->data_dir . '/postmaster.pid'), $postmaster, 'and so does the server');
	unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC|server process/, 'of which no process died');
	is($loud->{live}{failed}, 0, '/live was always answered');
	return;
}

# The attacks were what they are to be.
sub check_attacks
{
	my ($bad) = @_;
	my %met = map { %{ $_->{routes} // {} } } values %$bad;
	my %seen;

	is_deeply({ map { $_ => $bad->{$_}{error} } grep { $bad->{$_}{error} } keys %$bad }, {}, 'no attack broke off');
	cmp_ok($bad->{$_}{told} // 0, '>', 0, "$_ are told something") for qw(listeners followers);
	for my $seen (map { $_->{seen} // {} } values %$bad)
	{
		$seen{$_} += $seen->{$_} for keys %$seen;
	}
	diag('attacks: ' . join ', ', map { "$_ " . ($bad->{$_}{count} // '') . (defined $bad->{$_}{told} ? " ($bad->{$_}{told} told)" : '') } sort keys %$bad);
	diag('answers to the worst: ' . join ', ', map { "$_: $seen{$_}" } sort keys %seen);
	is_deeply([ grep { !$met{$_} } @routes ], [], 'every route was asked') if $long;
	cmp_ok($seen{500} // 0, '==', 0, 'no internal error') or diag explain [ grep { /"status":500/ } split /\n/, $shim->log ];
	return;
}

# Nothing is held for anybody any more.
sub check_nothing_is_held
{
	my ($requests, $bodies);

	for (1 .. 60)
	{
		my ($status, undef, undef, $metrics) = $shim->get('/metrics', $good_token);

		($requests, $bodies) = map { ($metrics =~ /^edurange_http_$_ (\d+)$/m)[0] // "none: $status" } qw(requests_in_flight body_bytes);
		last if $requests eq '1' && $bodies eq '0';
		sleep 0.5;
	}
	is($bodies, 0, 'it holds nothing');
	is($requests, 1, 'for nobody');
	is(metric('edurange_listeners'), 0, 'and nobody listens');
	return;
}

# How large the shim and the backends were at most, and these are when all have gone.
sub check_sizes
{
	my ($idle, $most, $after, @these) = @_;
	my %bound = (shim => 256 << 10, backend => 128 << 10);

	for my $what (@these)
	{
		cmp_ok($most->{$what}, '<', $bound{$what}, "$what: kB at most") if $bound{$what};
		cmp_ok($after->{$what}, '<=', $idle->{$what} + $slack{$what}, "$what: afterwards as small as before");
	}
	return;
}

# Times: bounds for those that only another kind of time exceeds, where nothing else but the machine makes them longer.
sub report_times
{
	my ($quiet, $loud, $is_bounded) = @_;
	my @live = @{ $loud->{live}{ms} };
	my ($quiet_ms, $loud_ms) = map { [ map { @{ $_->{ms} } } @{ $_->{good} } ] } $quiet, $loud;
	my $retries = 0;

	$retries += $_->{retries} for @{ $loud->{good} };
	diag(sprintf 'good requests: %d quiet, p99 %.0f ms; %d under attack, p99 %.0f ms, %d told to try again; /live p99 %.0f ms, longest %.0f ms',
		scalar @$quiet_ms, percentile(0.99, @$quiet_ms), scalar @$loud_ms, percentile(0.99, @$loud_ms), $retries, percentile(0.99, @live), max(@live));
	return unless $is_bounded;
	cmp_ok(percentile(0.99, @$loud_ms), '<', 20 * max(50, percentile(0.99, @$quiet_ms)), 'good requests: milliseconds');
	cmp_ok(percentile(0.99, @live), '<', 1000, '/live: milliseconds');
	return;
}

for my $form (@forms)
{
	my $is_sanitized = slurp_file($form->{program}) =~ /__asan_init/;
	# (a sanitizer takes several times as much, and keeps it)
	my @counted = grep { $_ ne 'shim' || !$is_sanitized } sort keys %slack;

	note("---- $form->{name}");
	begin_form($form);
	my $postmaster = slurp_file($node->data_dir . '/postmaster.pid');
	my $quiet = run_for($long ? 20 : 2);
	my $idle = sizes();
	my $loud = run_for($seconds, sort keys %attack);
	my $calm = time;
	my $after = calm_down($idle, @counted);
	my $most = $loud->{most};

	diag(sprintf '%s: %d connections; kB and files %s, at most %s, after %.1f s %s', $form->{name}, $form->{connections},
		(map { said($_) } $idle, $most), time - $calm, said($after));
	check_answers($loud, $postmaster);
	check_attacks($loud->{bad});
	check_sizes($idle, $most, $after, @counted);
	check_nothing_is_held();
	report_times($quiet, $loud, $long && !$is_sanitized);
	is($shim->stop, 0, 'stopped');
	$node->stop;
}
done_testing();
