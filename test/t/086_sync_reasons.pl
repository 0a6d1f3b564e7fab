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
edurange.sync_interval = 50
edurange.sync_timeout = 300
CONF
my $clock = Edurange::Clock->of($node);

sub sql { return $node->safe_psql('edurange', $_[0]); }

sub becomes_true
{
	my ($query, $name) = @_;
	return ok($node->poll_query_until('edurange', $query), $name);
}

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
	$happens->();
	is(count_in_log($like, $from), 2, 'once more in the next');
	return;
}

my $polls = sub {
	my $before = sql('SELECT polls FROM edurange.sync_status()');
	return becomes_true("SELECT polls > $before + 5 FROM edurange.sync_status()", 'polls go on');
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
	$im->add_pod(name => 'stays', flag => 'EDU-{stays}');
	$im->fault('error500', route => 'end-challenge');
	sql(q{INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId")
		VALUES ('stays', 'c', 'u', 'pending...', 'TERMINATING', 'g')});
	is_told_hourly(qr/WARNING:  could not ask the Instance Manager: end-challenge: HTTP 500/, $polls, $from);
	becomes_true(q{SELECT "lastEndError" = 'HTTP 500' FROM edurange.sync_status()}, 'sync_status() says why');
	$im->clear_faults;
	becomes_true(q{SELECT status = 'TERMINATED' FROM "ChallengeInstance" WHERE id = 'stays'}, 'it ends when it can');
};

subtest 'a worker that cannot start' => sub {
	my $from = -s $node->logfile;

	sql('ALTER ROLE edurange_worker SUPERUSER');
	$node->wait_for_log(qr/LOG:  the sync worker ends/, $from);
	is_told_hourly(qr/WARNING:  the sync worker cannot start: role "edurange_worker" is a superuser/, $passes, $from);
	sql('ALTER ROLE edurange_worker NOSUPERUSER');
	$node->wait_for_log(qr/LOG:  the sync worker can start again/, $from);
	$polls->();
	unlike(slurp_file($node->logfile, $from), qr/FATAL:/, 'nothing failed over and over');
};

unlike(slurp_file($node->logfile), qr/\Q$password\E|EDU-/, 'neither the password nor a flag is in the log');
unlike(sql('SELECT edurange.sync_status(), edurange.health()'), qr/\Q$password\E|EDU-/, 'or in what is shown');
$node->stop;
is($im->stop, 0, 'the simulator ends cleanly');
done_testing();
