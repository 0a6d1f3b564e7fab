# What goes wrong is in the log once in each hour, however often it happens, also when the worker cannot start, and so
# is that it works again.  The server's clock is moved by a library that it is started with.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

use Edurange::Clock;
use Edurange::Cluster;
use Edurange::InstanceManager;

my $password = 'do-not-tell-4711';
my $folder = PostgreSQL::Test::Utils::tempdir();
append_to_file("$folder/password", "$password\n");
chmod 0755, $folder;
my $im = Edurange::InstanceManager->start;
my $node = Edurange::Cluster->new_ready(
	'sync_reasons',
	worker => 1,
	conf => <<"CONF");
edurange.instance_manager_url = '@{[ $im->url =~ s{//}{//edurange\@}r ]}'
edurange.instance_manager_password_file = '$folder/password'
edurange.sync_interval = 100
edurange.sync_timeout = 5s
CONF
my $clock = Edurange::Clock->of($node);

sub sql { return $node->safe_psql('edurange', $_[0]); }

my $seconds = 0;

# How often the log has a line, from a place on.
sub count_in_log
{
	my ($like, $from) = @_;
	return scalar(() = slurp_file($node->logfile, $from) =~ /$like/g);
}

# A reason is told, then not within the hour, then once more; while $happens goes on.
sub is_told_hourly
{
	my ($like, $happens, $from) = @_;

	$node->wait_for_log($like, $from);
	$happens->();
	is(count_in_log($like, $from), 1, 'told once');
	$clock->set($seconds += 3500, 0);
	$happens->();
	is(count_in_log($like, $from), 1, 'and not again within the hour');
	$clock->set($seconds += 200, 0);
	for (1 .. 300)
	{
		last if count_in_log($like, $from) > 1;
		sleep 0.1;
	}
	$happens->();
	is(count_in_log($like, $from), 2, 'once more in the next');
	return;
}

my $polls = sub {
	my $before = sql('SELECT polls FROM edurange.sync_status()');
	return $node->becomes_true("SELECT polls > $before + 5 FROM edurange.sync_status()", 'polls go on');
};
my $passes = sub { sleep 5; return; };

sql(q{INSERT INTO "User" (id, email) VALUES ('u', 'u@play.test');
	INSERT INTO "ChallengeType" (id, name) VALUES ('t', 't');
	INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('c', 'Basic', 't');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01')});
$polls->();

subtest 'a list that is not had' => sub {
	my $from = -s $node->logfile;

	$im->fault('error500');
	is_told_hourly(qr/WARNING:  could not read the list of pods: HTTP 500/, $polls, $from);
	$im->clear_faults;
	$node->wait_for_log(qr/LOG:  synchronization with the Instance Manager works again/, $from);
	$polls->();
	is(count_in_log(qr/works again/, $from), 1, 'that it works again is told once');
	$im->fault('error500');
	$polls->();
	is(count_in_log(qr/could not read the list/, $from), 2, 'it fails again within the hour: nothing new');
	$im->clear_faults;
};

subtest 'ends that fail' => sub {
	my $from = -s $node->logfile;

	sql(q{ALTER SYSTEM SET edurange.sync_end_interval = '100ms'});
	$node->reload;
	# its end takes longer than all of this
	$im->add_pod(name => 'stays', flag => 'EDU-{stays}', termination_delay_ms => 36_000_000);
	$im->fault('error500', route => 'end-challenge');
	sql(q{INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId")
		VALUES ('stays', 'c', 'u', 'pending...', 'TERMINATING', 'g')});
	is_told_hourly(qr/WARNING:  could not ask the Instance Manager: end-challenge: HTTP 500/, $polls, $from);
	$node->becomes_true(q{SELECT "lastEndError" = 'HTTP 500' FROM edurange.sync_status()}, 'sync_status() says why');
	$im->clear_faults;
	sql(q{DELETE FROM "ChallengeInstance" WHERE id = 'stays'});
	$im->remove_pod('stays');
};

subtest 'reasons that differ each time' => sub {
	my $from = -s $node->logfile;

	$clock->set($seconds += 3700, 0);
	for my $line (2 .. 30)
	{
		my $failures = sql('SELECT failures FROM edurange.sync_status()');

		$im->fault('raw_pods', text => "\n" x $line . '{', route => 'list-challenge-pods');
		$node->poll_query_until('edurange', "SELECT failures > $failures + 1 FROM edurange.sync_status()");
	}
	my $told = count_in_log(qr/could not read the list of pods/, $from);
	cmp_ok($told, '>', 1, 'some are told');
	cmp_ok($told, '<=', 8, 'and not each');
	$im->clear_faults;
	$polls->();
};

subtest 'what comes and goes' => sub {
	my $from = -s $node->logfile;
	my @pods = map { "flaps-$_" } 1 .. 6;

	$im->add_pod(name => $_, flag => "EDU-{$_}") for @pods;
	sql(qq{INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId")
		VALUES ('$_', 'c', 'u', 'pending...', 'ACTIVE', 'g')}) for @pods;
	$polls->();
	for my $time (1 .. 6)
	{
		$im->fault('empty_list');
		$node->becomes_true('SELECT held > 0 FROM edurange.sync_status()', "$time: held");
		$im->clear_faults;
		$node->becomes_true('SELECT held = 0 FROM edurange.sync_status()', "$time: and not any more");
	}
	is(count_in_log(qr/lost their pods at once/, $from), 1, 'is told once');
	$from = -s $node->logfile;
	for my $time (1 .. 6)
	{
		$im->add_pod(name => $_, user_id => "other-$time") for @pods;
		$node->becomes_true(q{SELECT "ownerMismatches" = 6 FROM edurange.sync_drift_summary()}, "$time: they are another's");
		$im->add_pod(name => $_, user_id => 'u') for @pods;
		$node->becomes_true(q{SELECT "ownerMismatches" = 0 FROM edurange.sync_drift_summary()}, "$time: and not any more");
	}
	my $told = count_in_log(qr/the labels of pod/, $from);
	cmp_ok($told, '>=', 6, 'each pod is named');
	cmp_ok($told, '<=', 20, 'and not at each turn');
	sql(q{DELETE FROM "ChallengeInstance" WHERE id LIKE 'flaps-%'});
	$im->remove_pod($_) for @pods;
};

subtest 'a worker that ends soon after each start' => sub {
	my $from = -s $node->logfile;
	my $path = sql('SHOW dynamic_library_path');
	my $failed = qr/(?:FATAL|ERROR):  could not access file "edurange_worker"/;

	# a library that is missing, which the launcher cannot see
	my ($with) = grep { -e "$_/edurange.so" } split /:/, $path;
	mkdir "$folder/lib";
	symlink "$with/edurange.so", "$folder/lib/edurange.so" or die $!;
	sql(qq{ALTER SYSTEM SET dynamic_library_path = '$folder/lib:\$libdir'});
	$node->reload;
	$node->poll_query_until('edurange', qq{SELECT current_setting('dynamic_library_path') LIKE '$folder/lib%'});
	sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'edurange sync worker'});
	for (1 .. 600)
	{
		last if count_in_log(qr/WARNING:  the sync worker cannot start: it ends soon after each start/, $from);
		sleep 0.1;
	}
	my $before = count_in_log($failed, $from);
	cmp_ok($before, '>', 0, 'it fails');
	like(sql('SELECT message FROM edurange.health()'), qr/the sync worker does not run: it ends soon after each start/, 'health() says it');
	sleep 16;
	cmp_ok(count_in_log($failed, $from), '<=', $before + 1, 'it is started more rarely');
	is(count_in_log(qr/WARNING:  the sync worker cannot start/, $from), 1, 'the log says so once');
	sql(q{ALTER SYSTEM RESET dynamic_library_path});
	$node->reload;
	$polls->();
	$clock->set($seconds += 70, 0);
	$polls->();
	unlike(sql('SELECT message FROM edurange.health()'), qr/sync worker/, 'and after a reload it runs');
};

subtest 'a worker that cannot start' => sub {
	my $from = -s $node->logfile;

	sql('ALTER ROLE edurange_worker SUPERUSER');
	$node->wait_for_log(qr/LOG:  the sync worker ends/, $from);
	is_told_hourly(qr/WARNING:  the sync worker cannot start: role "edurange_worker" is a superuser/, $passes, $from);
	sql('ALTER ROLE edurange_worker NOSUPERUSER');
	$node->wait_for_log(qr/LOG:  the sync worker can start again/, $from);
	$polls->();
	unlike(slurp_file($node->logfile, $from), qr/FATAL:  (?!terminating)/, 'nothing failed over and over');
};

unlike(slurp_file($node->logfile), qr/\Q$password\E|EDU-/, 'neither the password nor a flag is in the log');
unlike(sql('SELECT edurange.sync_status(), edurange.health()'), qr/\Q$password\E|EDU-/, 'or in what is shown');
$node->stop;
is($im->stop, 0, 'the simulator ends cleanly');
done_testing();
