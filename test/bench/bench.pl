# Requests a second of the shim, of pgbench that calls the same function, and of the services that
# the shim replaces: interleaved rounds in one run, medians, and ratios.

use strict;
use warnings;

# the test modules keep standard output to themselves
my $results;
BEGIN { open($results, '>&', \*STDOUT) or die $!; }

use FindBin;
use lib $FindBin::Bin;
use IO::Select;
use IO::Socket::INET;
use List::Util qw(max);
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep time);

use Edurange::Cluster;
use Edurange::Elsewhere qw(be_elsewhere);
use Edurange::Shim;
use Load;

select($results);
$| = 1;
$SIG{INT} = $SIG{TERM} = sub { exit 130 };

my %parts = map { $_ => 1 } split ' ', $ENV{BENCH} // '';
my $quick = delete $parts{quick};
my $rounds = $quick ? 3 : 5;
my $seconds = 3;
my $users = $quick ? 1000 : 10_000;
my $questions = 20;
my @counts = $quick ? (64) : (16, 64, 256);

sub wanted { return !%parts || $parts{ $_[0] }; }

# ---- data ----------------------------------------------------------------------------------------
my $node = Edurange::Cluster->new_ready('bench',
	conf => "fsync = on\nsynchronous_commit = on\nmax_connections = 600\nshared_buffers = 512MB\n"
	  . "max_wal_size = 8GB\nlog_statement = none\nlog_min_messages = log\nlog_min_error_statement = panic\n");
$node->safe_psql(
	'edurange', qq{
	INSERT INTO "User" (id, email, name) SELECT 'u' || n, n || '\@x', 'Player ' || n FROM generate_series(0, $users - 1) n;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") SELECT 'g' || n, 'G', '2020-01-01' FROM generate_series(0, 4) n;
	INSERT INTO "_GroupMembers" ("A", "B") SELECT g.id, u.id FROM "User" u, "CompetitionGroup" g;
	SELECT count(*) FROM "User" u, "CompetitionGroup" g, edurange.add_points(u.id, g.id, 1);
	INSERT INTO "ChallengeType" (id, name) VALUES ('bench', 'bench');
	INSERT INTO "Challenge" (id, name, description, "challengeTypeId")
	SELECT 'c' || n, 'Challenge ' || n, repeat('What it is about. ', 10), 'bench' FROM generate_series(0, 4) n;
	INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, answer, "order")
	SELECT 'q' || n || '-' || q, 'c' || n, 'What is number ' || q || '?', 'text', 1, 'answer', q
	FROM generate_series(0, 4) n, generate_series(1, $questions) q;
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId")
	SELECT 'gc' || n, $questions, 'c' || n, 'g' || n FROM generate_series(0, 4) n});
$node->safe_psql('edurange', 'VACUUM ANALYZE');

my $shim = Edurange::Shim->start($node, EDURANGE_CONNECTION_LIMIT => 20_000);
my $token = $shim->make_token('service');
# (the feed begins, so that nothing that follows is history of it, which is read whole for each page)
$node->safe_psql('edurange', q{SELECT FROM edurange.events('g0')});
my %asked = (TOKEN => $token, USERS => $users, QUESTIONS => $questions);

my $any = "\\set u random(0, $users - 1)\n\\set g random(0, 4)\n\\set q random(1, $questions)\n";
my %scripts = (
	get => $any . "SELECT edurange.get_points('u' || :u, 'g' || :g);\n",
	details => $any . "SELECT edurange.challenge_details('c' || :g);\n",
	board => $any . "SELECT coalesce(json_agg(edurange.wire(t)), '[]')::text FROM edurange.leaderboard('g' || :g, 100) t;\n",
	add => $any . "SELECT edurange.add_points('u' || :u, 'g' || :g, 1);\n",
	hot => "SELECT edurange.add_points('u0', 'g0', 1);\n",
	attempt => $any . "SELECT edurange.attempt_question('u' || :u, 'q' || :g || '-' || :q, 'gc' || :g, 'answer');\n");

my %port;
$port{"flask$_"} = start_peer($node, "flask$_", 'peers', {}, 'gunicorn', '-w', $_, '-b', '127.0.0.1:PORT', 'flask_app:app') for 1, 4;
$port{"fastify$_"} = start_peer($node, "fastify$_", 'peers/fastify', { PEER_PROCESSES => $_ }, 'node', 'app.mjs')
  for grep { -d 'peers/fastify/node_modules' } 1, 2;
delete @port{ grep { !$port{$_} } keys %port };

END { local $?; stop_peers(); }

# ---- requests a second ---------------------------------------------------------------------------
# One sample of a system.
sub sample
{
	my ($system, $kind, $clients) = @_;

	return pgbench($node, $scripts{$kind}, $clients, $seconds) if $system eq 'pgbench';
	return wrk($system eq 'shim' ? $shim->port : $port{$system}, $clients, $seconds, %asked, KIND => $kind);
}

# Measures all systems at one number of connections, in turns; prints a row for each and returns the medians.
sub measure
{
	my ($kind, $clients, @systems) = @_;
	my (%rates, %p99, %foreign, %medians);

	for (1 .. $rounds)
	{
		for my $system (@systems)
		{
			my ($sample, $foreign) = guarded($node, sub { return sample($system, $kind, $clients) });

			print "$system $kind: $sample->{bad} bad answers\n" if $sample->{bad};
			push @{ $rates{$system} }, $sample->{rate};
			push @{ $p99{$system} }, $sample->{p99};
			push @{ $foreign{$system} }, $foreign;
		}
	}
	for my $system (@systems)
	{
		my @sorted = sort { $a <=> $b } @{ $rates{$system} };
		my @ratios = map { $rates{$system}[$_] ? ($rates{shim}[$_] // 0) / $rates{$system}[$_] : 0 } 0 .. $rounds - 1;

		$medians{$system} = median(@sorted);
		printf "%-7s %5d  %-9s %10.0f %10.0f %10.0f %8.2f %7.2f  %s\n", $kind, $clients, $system, $medians{$system},
		  $sorted[0], $sorted[-1], median(@{ $p99{$system} }), median(@{ $foreign{$system} }),
		  $rates{shim} ? sprintf('%.2f', median(@ratios)) : '';
	}
	return \%medians;
}

# What is measured of each kind beside the shim, and with how many clients pgbench alone is, too, which has its
# best rate of reads with few.
my %kinds = (
	live => { part => 'live', others => [] },
	get => { part => 'reads', others => [ 'pgbench', sort keys %port ], alone => [ 2, 8 ] },
	details => { part => 'reads', others => ['pgbench'], alone => [ 2, 8 ] },
	board => { part => 'reads', others => ['pgbench'], alone => [ 2, 8 ] },
	add => { part => 'writes', others => [ 'pgbench', sort keys %port ] },
	attempt => { part => 'writes', others => ['pgbench'] },
	hot => { part => 'hot', others => ['pgbench'] });

printf "%d users in 5 competitions; medians of %d rounds of %d s; a sample is taken again while others use over 0.2 core\n\n",
  $users, $rounds, $seconds;
printf "%-7s %5s  %-9s %10s %10s %10s %8s %7s  %s\n", qw(kind conns what median min max p99/ms foreign shim/it);
for my $kind (grep { wanted($_) || $parts{ $kinds{$_}{part} } } qw(live get details board add attempt hot))
{
	my %best;

	for my $clients (@counts)
	{
		my $medians = measure($kind, $clients, 'shim', @{ $kinds{$kind}{others} });
		$best{$_} = max($best{$_} // 0, $medians->{$_}) for keys %$medians;
	}
	$best{pgbench} = max($best{pgbench}, measure($kind, $_, 'pgbench')->{pgbench})
	  for $quick ? () : @{ $kinds{$kind}{alone} // [] };
	printf "%-7s  best  shim / best of pgbench: %.2f\n", $kind, $best{shim} / $best{pgbench} if $best{pgbench};
}

# ---- many sessions -------------------------------------------------------------------------------
# Right answers of ever more sessions at once, beside the simplest that locks rows which all name: an insert with one
# foreign key to five rows.  What is told is how much of their best rate both keep.
if (wanted('sessions'))
{
	my @sessions = $quick ? (8, 64) : (1, 8, 32, 64, 128);
	my %medians;

	$node->safe_psql('edurange', q{
		CREATE TABLE parent (id text PRIMARY KEY);
		INSERT INTO parent SELECT 'p' || n FROM generate_series(0, 4) n;
		CREATE TABLE child (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parent text NOT NULL REFERENCES parent)});
	my %sessions = (attempt => $scripts{attempt}, insert => "\\set g random(0, 4)\nINSERT INTO child (parent) VALUES ('p' || :g);\n");
	for my $count (@sessions)
	{
		my %rates;

		# longer, as each session makes its plans first
		for (1 .. $rounds)
		{
			for my $what (sort keys %sessions)
			{
				my $script = $sessions{$what};

				push @{ $rates{$what} }, (guarded($node, sub { pgbench($node, $script, $count, 3 * $seconds) }))[0]{rate};
			}
		}
		$medians{$_}{$count} = median(@{ $rates{$_} }) for keys %rates;
	}
	for my $what (sort keys %medians)
	{
		my $best = max(values %{ $medians{$what} });
		printf "%-8s %4d sessions: %8.0f a second, %.2f of the best\n", $what, $_, $medians{$what}{$_}, $medians{$what}{$_} / $best for @sessions;
	}
}

# ---- refusals, locks, idle connections -----------------------------------------------------------
if (wanted('failing'))
{
	my %rates;

	for (1 .. $rounds)
	{
		for my $failing (0, 1, 10)
		{
			my ($sample) = guarded($node, sub { wrk($shim->port, 64, $seconds, %asked, KIND => 'add', FAILING => $failing) });
			push @{ $rates{$failing} }, $sample->{rate};
		}
	}
	printf "writes at 64 connections, %2d %% refused: %8.0f, %.2f of the clean rate\n", $_, median(@{ $rates{$_} }),
	  median(@{ $rates{$_} }) / median(@{ $rates{0} })
	  for 0, 1, 10;
}

if (wanted('lock'))
{
	my $lock = $node->background_psql('edurange');
	my (@with, @without);

	for (1 .. $rounds)
	{
		push @without, (guarded($node, sub { wrk($shim->port, 64, $seconds, %asked, KIND => 'get') }))[0]{p99};
		$lock->query_safe(q{BEGIN; SELECT * FROM "GroupPoints" WHERE "userId" = 'u0' FOR UPDATE});
		my $pid = fork() // die $!;
		if ($pid == 0)
		{
			$shim->post('/add_points', { user_id => 'u0', group_id => 'g0', points => 1 }, $token);
			POSIX::_exit(0);
		}
		sleep 0.2;
		push @with, (guarded($node, sub { wrk($shim->port, 64, $seconds, %asked, KIND => 'get') }))[0]{p99};
		$lock->query_safe('COMMIT');
		waitpid($pid, 0);
	}
	printf "reads at 64 connections: p99 %.2f ms, while a write waits for a lock %.2f ms\n", median(@without), median(@with);
	$lock->quit;
}

if (wanted('idle'))
{
	my (@idle, @without, @with);
	my $rss = sub { return (slurp_file('/proc/' . $shim->pid . '/status') =~ /VmRSS:\s+(\d+)/)[0] / 1000 };

	push @without, (guarded($node, sub { wrk($shim->port, 64, $seconds, %asked, KIND => 'get') }))[0]{rate} for 1 .. $rounds;
	my $before = $rss->();
	for (1 .. 10_000)
	{
		my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $shim->port) or last;
		syswrite($socket, "GET /live HTTP/1.1\r\nHost: x\r\n\r\n");
		sysread($socket, my $answer, 4096);
		push @idle, $socket;
	}
	my $after = $rss->();
	push @with, (guarded($node, sub { wrk($shim->port, 64, $seconds, %asked, KIND => 'get') }))[0]{rate} for 1 .. $rounds;
	printf "%d idle connections: %.0f MB more, %.2f of the rate without\n", scalar @idle, $after - $before,
	  median(@with) / median(@without);
}

my $violations = $node->safe_psql('edurange', 'SELECT count(*) FROM edurange.check_invariants()');

# ---- what readers of the feed cost awards ----------------------------------------------------------
# Awards by pgbench, so many a second, in turns without anybody else and beside readers, who each wait for the feed of a
# competition, read it and come back.  What an award costs is the server's processor time, since readers and what they
# are sent share the processors with it; as many as there can be would be fewer beside them, and each dearer.
sub read_feed
{
	my ($count, $told, $since) = @_;
	my $select = IO::Select->new;
	my %reader;
	my $behind = $count;

	my $ask = sub {
		my ($socket) = @_;
		my $since = $reader{$socket}{since};
		syswrite($socket, "GET /competition/g0/events" . (defined $since ? "?sinceToken=$since" : '')
			  . " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token\r\n\r\n");
		@{ $reader{$socket} }{qw(head left tail)} = ('', undef, '');
	};
	for (1 .. $count)
	{
		my $socket = $shim->socket;
		$select->add($socket);
		$reader{$socket}{since} = $since;
		$ask->($socket);
	}
	while (1)
	{
		for my $socket ($select->can_read(1))
		{
			my $reader = $reader{$socket};
			sysread($socket, my $piece, 1 << 20) or exit 1;
			if (!defined $reader->{left})
			{
				$reader->{head} .= $piece;
				my ($head, $length) = $reader->{head} =~ /^(.*?Content-Length: (\d+).*?\r\n\r\n)/s or next;
				$piece = substr($reader->{head}, length $head);
				$reader->{left} = $length;
			}
			$reader->{left} -= length $piece;
			$reader->{tail} = substr($reader->{tail} . substr($piece, -700), -700);
			next if $reader->{left} > 0;
			# (a refusal, as the service holds much for the others, has none)
			if ($reader->{tail} =~ /"sinceToken" : "(\w+)", "more" : (\w+)/)
			{
				$reader->{since} = $1;
				syswrite($told, "\n") if $2 eq 'false' && !$reader->{there}++ && !--$behind;
			}
			$ask->($socket);
		}
	}
	return;
}

if (wanted('feed'))
{
	my (%rates, %costs, @for_readers);
	my ($since, $more) = ('', 't');

	($since, $more) = split /\|/, $node->safe_psql('edurange', qq{SELECT "sinceToken", more FROM edurange.events('g0', '$since', 10000)})
	  while $more eq 't';
	for (1 .. $rounds)
	{
		for my $readers (0, 100)
		{
			my ($child);
			if ($readers)
			{
				pipe(my $there, my $told) or die $!;
				$child = fork() // die "could not fork: $!";
				be_elsewhere(), read_feed($readers, $told, $since) if $child == 0;
				# what was written since is read first, by all of them
				sysread($there, my $all, 1);
			}
			my ($cost, $readers_cost);
			my ($sample) = guarded($node, sub {
				my @before = server_seconds($node);
				my $awards = pgbench($node, $scripts{add}, 8, 2 * $seconds, '--rate', 1500);
				my @after = server_seconds($node);
				($cost, $readers_cost) = map { 1e6 * ($after[$_] - $before[$_]) / ($awards->{rate} * 2 * $seconds) } 0, 1;
				return $awards;
			});
			kill('KILL', $child), waitpid($child, 0) if $child;
			push @{ $rates{$readers} }, $sample->{rate};
			push @{ $costs{$readers} }, $cost;
			push @for_readers, 100 * $readers_cost / ($cost - $readers_cost) if $readers;
		}
	}
	printf "awards beside %3d readers of a feed: %6.0f a second, %4.0f us of the server's processor time each\n", $_,
	  median(@{ $rates{$_} }), median(@{ $costs{$_} }) for 0, 100;
	printf "the sessions that readers are read for by take %.1f %% of what awards take (%s)\n", median(@for_readers),
	  join ', ', map { sprintf '%.1f', $_ } @for_readers;
}

# ---- who listens to a board -----------------------------------------------------------------------
# A thousand listeners to one board, in which something changes now and then: what they take of memory, how soon all
# of them see a change, and what others notice, who ask for points meanwhile, at a rate that leaves the processors time.
# Who listens is on other machines, as a rule: here it comes after everybody else.
if (wanted('listeners'))
{
	my $count = 1000;
	my @memory;
	my $rss = sub { return (slurp_file('/proc/' . $shim->pid . '/status') =~ /VmRSS:\s+(\d+)/)[0] / 1000 };
	my $read = sub { return wrk($shim->port, 16, $seconds, %asked, KIND => 'get', PAUSE => 10)->{p99} };

	$node->safe_psql('edurange', q{
		INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('live', 'L', '2020-01-01');
		INSERT INTO "_GroupMembers" ("A", "B") SELECT 'live', 'u' || n FROM generate_series(0, 49) n});
	for my $pause (2, 0.5)
	{
		my (@with, @without, @seen);
		# (the slowest of some thousands differ much from one time to the other)
		for (1 .. 4 * $rounds)
		{
			push @without, (guarded($node, $read))[0];
			my $before = $rss->();
			my $pid = open(my $there, '-|') // die "could not fork: $!";
			if ($pid == 0)
			{
				$ENV{TOKEN} = $token;
				be_elsewhere();
				exec 'python3', 'listeners.py', $shim->port, $count, int($seconds / $pause) + 1, $pause;
			}
			<$there>;
			push @memory, $rss->() - $before;
			push @with, $read->();
			push @seen, <$there>;
			close($there) or die 'those who listen have failed';
		}
		@seen = sort { $a <=> $b } @seen;
		printf "a change every %s s is seen by half of %d listeners after %.0f ms, by 99 %% after %.0f ms;\n", $pause, $count,
		  1000 * median(@seen), 1000 * $seen[ int(@seen * 0.99) ];
		printf "  of some 1,500 reads a second meanwhile p99 %.2f ms, without listeners %.2f ms\n", median(@with), median(@without);
	}
	# what the first ones took is kept for the next
	printf "%d listeners: %.0f MB more\n", $count, max(@memory);
}

# ---- what an award is made of --------------------------------------------------------------------
# The rows of an award as plain statements without triggers, one kind after the other, and the functions.  It
# leaves totals that no ledger has, so it comes last.
if (wanted('award'))
{
	my $pair = q{p."userId" = 'u' || :u AND p."groupId" = 'g' || :g};
	my $bare = qq{UPDATE "GroupPoints" p SET points = points + 1, "updatedAt" = localtimestamp WHERE $pair RETURNING p.*};
	my $head = q{UPDATE edurange.standing s SET points = t.points, seq = s.seq + 1, changed_at = now(), reached_at = now()
		FROM t WHERE s.group_id = t."groupId" AND s.user_id = t."userId" RETURNING s.*};
	my $entry = q{INSERT INTO edurange.points_ledger (user_id, group_id, seq, delta, balance, kind, actor, at)
		SELECT "userId", "groupId", txid_current(), 1, points, 'add', 'bench', now() FROM t};
	my $activity = q{INSERT INTO "ActivityLog" (id, "eventType", "userId", "groupId", metadata, "timestamp")
		SELECT edurange.new_id(), 'QUESTION_COMPLETED', "userId", "groupId", '{}', localtimestamp FROM t};
	my @steps = (
		[ 'bare total', "WITH t AS ($bare) SELECT 1 FROM t" ],
		[ '+ ledger', "WITH t AS ($bare), l AS ($entry) SELECT 1 FROM t" ],
		[ '+ standing', "WITH t AS ($bare), l AS ($entry), s AS ($head) SELECT 1 FROM t" ],
		[ '+ activity', "WITH t AS ($bare), l AS ($entry), s AS ($head), a AS ($activity) SELECT 1 FROM t" ],
		[ 'add_points()', q{SELECT edurange.add_points('u' || :u, 'g' || :g, 1)} ],
		[ 'attempt_question()', q{SELECT edurange.attempt_question('u' || :u, 'q' || :g || '-' || :q, 'gc' || :g, 'answer')} ]);
	my %rates;

	for (1 .. $rounds)
	{
		for my $step (@steps)
		{
			my $without = $step->[1] =~ /^WITH/ ? "SET session_replication_role = replica;\n" : '';
			my ($sample) = guarded($node, sub { return pgbench($node, $any . $without . $step->[1] =~ s/\s+/ /gr . ";\n", 8, $seconds) });

			push @{ $rates{ $step->[0] } }, $sample->{rate};
		}
	}
	printf "%-18s %8.0f a second, %4.0f us each on two cores\n", $_->[0], median(@{ $rates{ $_->[0] } }), 2e6 / median(@{ $rates{ $_->[0] } })
	  for @steps;
}

my $deadlocks = () = slurp_file($node->logfile) =~ /deadlock detected/g;
print "violated invariants: $violations; deadlocks in the server's log: $deadlocks\n";
$shim->stop;
exit($violations || $deadlocks ? 1 : 0);
