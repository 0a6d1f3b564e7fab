# The sync worker: instances follow their pods, a poll that failed changes nothing, and nothing that
# the Instance Manager or an operator does ends the worker for good.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use File::Temp;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time sleep);

use Edurange::Cluster;
use Edurange::InstanceManager;

my $queued = '11111111-1111-7111-8111-111111111111';
my $active = '22222222-2222-7222-8222-222222222222';
my $secret = 'FLAG{never-in-a-log}';

my $schema = File::Temp->new(SUFFIX => '.json');
print $schema '{"title": "another schema"}';
$schema->flush;

my $im =
  Edurange::InstanceManager->start(args => [ '--domain', 'play.test', '--schema', "$schema" ]);
# A proxy that the environment names is not for the worker.
local @ENV{qw(http_proxy HTTP_PROXY all_proxy ALL_PROXY)} = ('http://127.0.0.1:9') x 4;
my $node = Edurange::Cluster->new_ready(
	'sync_worker',
	worker => $im,
	conf => <<"CONF");
edurange.sync_interval = 100
edurange.sync_timeout = 300ms
restart_after_crash = on
wal_level = replica
max_wal_senders = 4
hot_standby = on
CONF
delete @ENV{qw(http_proxy HTTP_PROXY all_proxy ALL_PROXY)};

sub sql { return $node->safe_psql('edurange', $_[0]); }

sub worker
{
	my ($column) = @_;
	return "SELECT $column FROM pg_stat_activity WHERE backend_type = 'edurange sync worker'";
}

# Fingerprint of all that the worker may change.
sub instances
{
	return md5_hex(sql('SELECT i FROM "ChallengeInstance" i ORDER BY id'));
}

sub add_instance
{
	my ($id, $status) = @_;
	return sql(qq{INSERT INTO "ChallengeInstance"
		(id, "challengeId", "userId", "challengeUrl", status, "competitionId")
		VALUES ('$id', 'c', 'u', 'pending...', '$status', 'g')});
}

sub status_is
{
	my ($id, $status) = @_;
	return $node->becomes_true(qq{SELECT status = '$status' FROM "ChallengeInstance" WHERE id = '$id'},
		"becomes $status");
}

# Waits until the worker has polled a few times more.
sub let_it_poll
{
	my $before = $im->requests->{'list-challenge-pods'};
	for (1 .. 300)
	{
		return 1 if $im->requests->{'list-challenge-pods'} >= $before + 3;
		sleep 0.1;
	}
	return 0;
}

sub works_again
{
	my ($name) = @_;
	return $node->becomes_true(
		'SELECT "consecutiveFailures" = 0 AND "lastSuccess" > clock_timestamp() - interval \'1s\''
		  . ' FROM edurange.sync_status()', $name);
}

sql(q{INSERT INTO "User" (id, email, "updatedAt") VALUES ('u', 'u@play.test', now());
	INSERT INTO "ChallengeType" (id, name) VALUES ('t-sync', 'sync-test');
	INSERT INTO "Challenge" (id, name, "challengeTypeId", "updatedAt")
	VALUES ('c', 'Basic', 't-sync', now());
	INSERT INTO "CompetitionGroup" (id, name, "startDate", "updatedAt")
	VALUES ('g', 'Group', now(), now())});

subtest 'an instance follows its pod' => sub {
	works_again('polls');
	add_instance($queued, 'QUEUED');
	add_instance($active, 'QUEUED');
	let_it_poll();
	is(sql('SELECT string_agg(DISTINCT status::text, \',\') FROM "ChallengeInstance"'),
		'QUEUED', 'without a pod it waits');

	$im->add_pod(
		name => $queued,
		status => 'CREATING',
		flag => $secret,
		extra => { flag => $secret });
	status_is($queued, 'CREATING');
	$im->add_pod(name => $queued, status => 'ACTIVE');
	status_is($queued, 'ACTIVE');
	is(sql(qq{SELECT "challengeUrl" FROM "ChallengeInstance" WHERE id = '$queued'}),
		"https://$queued.play.test", 'with the address that players are sent to');
	$im->add_pod(name => $active, flag => $secret);
	status_is($active, 'ACTIVE');
	$node->becomes_true(q{SELECT bool_and("flagSecretName" IS NOT NULL) FROM "ChallengeInstance"}, 'with its flag');
	$im->reset_requests;
	ok(let_it_poll(), 'and goes on');
	is($im->requests->{'get-secret'} + $im->requests->{'get-pod-status'}, 0, 'without asking for what it knows');
	is(sql('SELECT count(*) FROM "ChallengeCompletion"'), 0, 'nobody is awarded anything');
};

subtest 'the worker shows itself' => sub {
	$node->becomes_true(worker("query = 'waiting' AND state = 'idle'"), 'what it does');
	is(sql(worker('application_name')), 'edurange sync worker', 'its name');
};

subtest 'every spelling of the base URL' => sub {
	my $root = $im->root_url;
	for my $url ("$root", "$root/", "$root/api", "$root//api//")
	{
		$im->reset_requests;
		$node->configure(instance_manager_url => $url);
		ok(let_it_poll(), $url);
		my $seen = $im->requests;
		is($seen->{redirected} + $seen->{unmatched}, 0, 'asks for the right path');
	}
	$node->configure(instance_manager_url => "$root/apiary");
	$node->becomes_true('SELECT "lastError" = \'HTTP 404\' FROM edurange.sync_status()', 'another path');
	is($im->requests->{last_unmatched}, '/apiary/api/list-challenge-pods', 'gets its own /api');
	for my $url ('ftp://127.0.0.1/', "$root/api?x=1", 'no url')
	{
		$node->configure(instance_manager_url => $url);
		$node->becomes_true('SELECT "lastError" LIKE \'%instance_manager_url is not a plain%\''
			  . ' FROM edurange.sync_status()', "$url is refused");
		$node->configure(instance_manager_url => "$root/nowhere");
		$node->becomes_true('SELECT "lastError" = \'HTTP 404\' FROM edurange.sync_status()', 'next');
	}
	$node->configure(instance_manager_url => $im->url);
	works_again('the right one works again');
};

# Each fault, and the error that the poll is recorded with; none where the answer is a good one.
my @faults = (
	[ 'closed without', 'refuse' ],
	[ 'HTTP 500', 'error500' ],
	[ undef, 'empty_list' ],
	[ undef, 'drop_pods' ],
	[ 'not valid JSON', 'truncated_json' ],
	[ 'cut short', 'truncated_json', mode => 'cut' ],
	[ undef, 'wrong_types' ],
	[ 'challenge_pods', 'wrong_types', where => 'list' ],
	[ undef, 'wrong_types', where => 'elements' ],
	[ 'challenge_pods', 'wrong_types', where => 'body' ],
	[ 'timed out', 'delay', ms => 5000 ],
	[ 'timed out', 'slow_bytes', ms => 50 ],
	[ 'larger than', 'huge_body' ],
	[ 'larger than', 'huge_body', announced => JSON::PP::true() ],
	[ 'not valid JSON', 'html' ],
	[ 'HTTP 502', 'html', status => 502 ],
	[ 'too many redirects', 'redirect_loop' ],
	[ 'redirected to another server', 'redirect_loop', to => "http://localhost:@{[ $im->port ]}/api/list-challenge-pods" ],
	[ 'redirected to another server', 'redirect_loop', to => 'http://127.0.0.1:1/api/list-challenge-pods' ],
	[ 'redirected to another server', 'redirect_loop', to => 'file:///etc/passwd' ]);

my $before_faults = instances();
my $pid_before_faults = sql(worker('pid'));

for my $case (@faults)
{
	my ($error, @fault) = @$case;
	subtest "fault @fault" => sub {
		$node->configure(sync_timeout => $fault[0] eq 'huge_body' ? '20s' : '300ms') if $fault[0] =~ /^(delay|huge_body|html)$/;
		$im->fault(@fault);
		if (defined $error)
		{
			$node->becomes_true('SELECT "consecutiveFailures" > 0 AND "lastError" ~ \''
				  . "$error' FROM edurange.sync_status()", 'is seen and named');
		}
		else
		{
			ok(let_it_poll(), 'is not seen as one');
		}
		is(instances(), $before_faults, 'changes no instance');
		$im->clear_faults;
		works_again('and works again');
	};
}
is(sql(worker('pid')), $pid_before_faults, 'the worker outlives all of them');

subtest 'whoever is there is asked again soon' => sub {
	for my $fault (['error500'], [ 'wrong_types', where => 'list' ], [ 'refuse', route => 'list-challenge-pods' ])
	{
		$im->fault(@$fault);
		$node->becomes_true('SELECT "consecutiveFailures" > 4 FROM edurange.sync_status()', "@$fault: for long");
		# pauses that grow would be longer than 3 s by now, and 100 s for all of these
		my $wanted = $im->requests->{'list-challenge-pods'} + 10;
		my $end = time + 30;
		sleep 0.1 while $im->requests->{'list-challenge-pods'} < $wanted && time < $end;
		cmp_ok($im->requests->{'list-challenge-pods'}, '>=', $wanted, 'no pauses grow');
		$im->clear_faults;
		works_again('so it works at once when it is over');
	}
};

subtest 'the Instance Manager goes away and comes back' => sub {
	my $pid = sql(worker('pid'));
	my $before = instances();

	$im->stop;
	$node->becomes_true('SELECT "consecutiveFailures" >= 3 FROM edurange.sync_status()',
		'failures are counted');
	is(sql('SELECT "lastError" FROM edurange.sync_status()'), 'could not connect', 'with the reason');
	is(instances(), $before, 'no instance changed');
	$im->restart;
	$im->add_pod(name => $active, status => 'TERMINATING');
	status_is($active, 'TERMINATING');
	works_again('works again without help');
	is(sql(worker('pid')), $pid, 'in the same process');
};

subtest 'sync_now() wakes it' => sub {
	$node->configure(sync_interval => '1h');
	# (for longer than the interval of before, which it may still be waiting for)
	$node->becomes_true(worker("query = 'waiting' AND state_change < clock_timestamp() - interval '1 s'"), 'it waits for long');
	$im->reset_requests;
	sql('SELECT edurange.sync_now()');
	for (1 .. 300)
	{
		last if $im->requests->{'list-challenge-pods'} > 0;
		sleep 0.1;
	}
	is($im->requests->{'list-challenge-pods'}, 1, 'it polls at once, and once');
	$node->safe_psql('postgres', 'CREATE EXTENSION edurange');
	my ($status, $out, $error) = $node->psql('postgres', 'SELECT edurange.sync_now()');
	like($error, qr/no sync worker is running for database "postgres"/, 'not from another database');
	$node->safe_psql('postgres', 'DROP EXTENSION edurange');
	$node->configure(sync_interval => '100');
	works_again('goes on as before');
};

subtest 'an operator pauses and cancels it' => sub {
	$node->configure(sync_enabled => 'off');
	$node->becomes_true(q{SELECT NOT "workerRunning" AND "workerProblem" = 'edurange.sync_enabled is off' FROM edurange.sync_status()},
		'it leaves the database');
	$im->reset_requests;
	sleep 0.5;
	is($im->requests->{'list-challenge-pods'}, 0, 'and does not poll');
	$node->configure(sync_enabled => 'on', instance_manager_url => '');
	$node->becomes_true(worker("query = 'idle: edurange.instance_manager_url is empty'"),
		'says that it has no URL');
	my $pid = sql(worker('pid'));
	sql("SELECT pg_cancel_backend($pid)");
	$node->configure(instance_manager_url => $im->url);
	works_again('polls again');
	sql("SELECT pg_cancel_backend($pid)") for 1 .. 5;
	works_again('a cancel is nothing to it');
	is(sql(worker('pid')), $pid, 'it is the same process');
};

subtest 'it takes the schema of challenge definitions when told to' => sub {
	my $title = q{SELECT edurange.cdf_schema() ->> 'title'};
	my $own = sql($title);

	$im->reset_requests;
	works_again('polls');
	is($im->requests->{schema}, 0, 'does not ask for it otherwise');
	# (one that does not come in time would be asked for again)
	$node->configure(sync_schema => 'on', sync_timeout => '20s');
	$node->becomes_true(qq{SELECT ($title) = 'another schema'}, 'takes it');
	is(sql('SELECT source, set_by FROM edurange.active_cdf_schema'),
		'Instance Manager|role:edurange_worker', 'and says whose it is');
	ok(let_it_poll(), 'polls on');
	is($im->requests->{schema}, 1, 'and asks for it once in a while only');
	for my $bad ('{"type": 7}', '["type"]', '{}', '{')
	{
		truncate $schema, 0;
		seek $schema, 0, 0;
		print $schema $bad;
		$schema->flush;
		$im->reset_requests;
		sql('SELECT edurange.sync_now()');
		ok(let_it_poll() && $im->requests->{schema} == 1, "asked for again, $bad disturbs nothing");
		is(sql($title), 'another schema', 'and is not taken');
	}
	like(slurp_file($node->logfile), qr/could not take the Instance Manager's schema/, 'but reported');
	sql('SELECT edurange.reset_cdf_schema()');
	$node->configure(sync_schema => 'off', sync_timeout => '300ms');
	is(sql($title), $own, 'the built-in one is there again');
};

subtest 'a lock on the instances is waited for, not for ever' => sub {
	my $pid = sql(worker('pid'));

	my $holder = $node->background_psql('edurange');
	$holder->query_safe('BEGIN; LOCK TABLE "ChallengeInstance"');
	for (1 .. 300)
	{
		last if slurp_file($node->logfile) =~ /could not apply what.*SQLSTATE 55P03/;
		sleep 0.1;
	}
	like(slurp_file($node->logfile), qr/could not apply what.*SQLSTATE 55P03/, 'is reported');
	$holder->quit;
	works_again('works again');
	is(sql(worker('pid')), $pid, 'in the same process');
};

subtest 'without the extension it does nothing' => sub {
	my $pid = sql(worker('pid'));

	sql('DROP EXTENSION edurange CASCADE');
	$node->becomes_true(worker("query LIKE 'idle: extension edurange is not installed%'"), 'says so');
	$im->reset_requests;
	my $log = -s $node->logfile;
	sleep 1;
	is($im->requests->{'list-challenge-pods'}, 0, 'does not poll');
	unlike(slurp_file($node->logfile, $log), qr/edurange sync|could not/, 'quietly');
	is(sql('SELECT count(*) FROM "ChallengeInstance"'), 2, 'the rows are there');
	$node->safe_psql('edurange', 'CREATE EXTENSION edurange');
	$node->safe_psql('edurange', 'SELECT * FROM edurange.migrate()');
	works_again('starts again by itself when the extension is back');
	is(sql(worker('pid')), $pid, 'in the same process');
};

subtest 'SIGTERM in the middle of a transfer' => sub {
	$node->configure(sync_timeout => '60s');
	$im->fault('slow_bytes', ms => 500);
	$node->becomes_true(worker("query = 'polling' AND state_change < clock_timestamp() - interval '0.3s'"),
		'a transfer is under way');
	my $pid = sql(worker('pid'));
	my $begin = time;
	kill 'TERM', $pid;
	while (kill(0, $pid) && time - $begin < 30)
	{
		sleep 0.02;
	}
	cmp_ok(time - $begin, '<', 30, 'ends it, and does not wait for the minute that the transfer may take');
	$node->restart;
	$node->becomes_true('SELECT EXISTS (' . worker('1') . " AND query = 'polling')",
		'the same with a shutdown of the server');
	$begin = time;
	$node->stop('fast');
	cmp_ok(time - $begin, '<', 30, 'a fast shutdown does not wait for the transfer either');
	$im->clear_faults;
	$node->start;
	works_again('works after a restart');
};

subtest 'kill -9 of the worker' => sub {
	my $before = instances();
	my $pid = sql(worker('pid'));
	my $log = -s $node->logfile;

	kill 'KILL', $pid;
	for (1 .. 100)
	{
		last if slurp_file($node->logfile, $log) =~ /database system is ready/;
		sleep 0.1;
	}
	$node->becomes_true(
		"SELECT EXISTS (@{[ worker('1') ]} AND pid <> $pid)", 'the server brings it back');
	works_again('works again');
	is(instances(), $before, 'nothing was lost');
};

subtest 'its database goes and comes' => sub {
	my $log = -s $node->logfile;
	my $gone = qr/WARNING:  the sync worker cannot start: database "edurange" does not exist/;

	$node->safe_psql('postgres', 'ALTER DATABASE edurange WITH ALLOW_CONNECTIONS false; DROP DATABASE edurange WITH (FORCE)');
	for (1 .. 300)
	{
		last if slurp_file($node->logfile, $log) =~ $gone;
		sleep 0.1;
	}
	sleep($ENV{EDURANGE_LONG} ? 35 : 5);
	my $said = slurp_file($node->logfile, $log);
	# (that it accepts no connections is said where the launcher looks between the two, what it did, in some lines, where it did something)
	my @lines = grep { !/^\s|statement:|(?:CONTEXT|STATEMENT): |checkpoint|autovacuum|database "edurange" accepts no connections; see ALTER DATABASE/ } split /\n/, $said;
	is(scalar(() = $said =~ /$gone/g), 1, 'it is said once that it is gone');
	is(scalar @lines, 3, 'beside two lines of the end of the worker');
	$node->safe_psql('postgres', 'CREATE DATABASE edurange');
	$node->safe_psql('edurange', 'CREATE EXTENSION edurange; SELECT * FROM edurange.migrate()');
	works_again('works in a new one');
};

subtest 'a standby has no worker until it is promoted' => sub {
	my $standby = PostgreSQL::Test::Cluster->new('sync_standby');

	$node->backup('base');
	$standby->init_from_backup($node, 'base', has_streaming => 1);
	$standby->start;
	$node->wait_for_catchup($standby);
	is($standby->safe_psql('edurange', worker('count(*)')), 0, 'none while it follows');
	$node->stop('fast');
	$im->reset_requests;
	$standby->promote;
	ok( $standby->poll_query_until(
			'edurange',
			'SELECT "consecutiveFailures" = 0 AND "lastSuccess" > pg_postmaster_start_time()'
			  . ' FROM edurange.sync_status()'),
		'one that works afterwards');
	cmp_ok($im->requests->{'list-challenge-pods'}, '>', 0, 'it polls');
	$standby->stop;
	$node->start;
};

subtest 'no flag in the log' => sub {
	unlike(slurp_file($node->logfile), qr/\Q$secret\E/, 'in no line');
};

$node->stop;
is($im->stop, 0, 'the simulator ends cleanly');
done_testing();
