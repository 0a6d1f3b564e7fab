# The truth about the sync worker: health() begins with what is wrong, in each case that docs/operations.md
# knows, and sync_status(), the metrics and the log agree.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

use Edurange::Cluster;
use Edurange::InstanceManager;

my $im = Edurange::InstanceManager->start;
my $node = Edurange::Cluster->new_ready(
	'sync_truth',
	worker => $im,
	conf => <<"CONF");
edurange.sync_interval = 100
edurange.sync_timeout = 3s
edurange.sync_grace = 1s
CONF

sub sql { return $node->safe_psql($_[1] // 'edurange', $_[0]); }

# health() comes to begin with a sentence.
sub says
{
	my ($like, $name, $database) = @_;

	return ok($node->poll_query_until($database // 'edurange', "SELECT message ~ '^$like' FROM edurange.health()"), "health() says $name")
	  || diag sql('SELECT message FROM edurange.health()', $database);
}

sub is_well { return says('no problem is known; ', $_[0] // 'that all is well again') }

sub problem_is
{
	my ($problem, $database) = @_;
	return is(sql('SELECT "workerProblem" FROM edurange.sync_status()', $database), $problem, "sync_status() says $problem");
}

my $worker = "FROM pg_stat_activity WHERE backend_type = 'edurange sync worker'";
is_well('that all is well');

subtest 'paused' => sub {
	my $from = -s $node->logfile;

	$node->configure(sync_enabled => 'off');
	says('the sync worker is paused; set edurange.sync_enabled to on$', 'that it is paused');
	problem_is('edurange.sync_enabled is off');
	is(sql("SELECT count(*) $worker"), 0, 'it is not in the database');
	sql('CREATE DATABASE copy TEMPLATE edurange', 'postgres');
	sql('ALTER DATABASE edurange RENAME TO renamed', 'postgres');
	sql('ALTER DATABASE renamed RENAME TO edurange', 'postgres');
	pass('so the database can be copied and renamed');
	my ($status, undef, $error) = $node->psql('edurange', 'SELECT edurange.sync_now()');
	like($error, qr/no sync worker is running for database "edurange": edurange.sync_enabled is off/, 'sync_now() says why not');
	sleep 1;
	# (one that failed would begin after ten seconds; others use the machine, too)
	my $took;
	for (1 .. 3)
	{
		$node->configure(sync_enabled => 'on');
		my $begin = time;
		is_well();
		$took = time - $begin;
		last if $took < 8;
		$node->configure(sync_enabled => 'off');
		says('the sync worker is paused', 'that it is paused once more');
	}
	cmp_ok($took, '<', 8, 'at once');
	unlike(slurp_file($node->logfile, $from), qr/WARNING|ERROR:  (?!no sync worker)/, 'the log has no complaint');
};

subtest 'another database' => sub {
	says('the sync worker does not run: edurange.database is "edurange", not this database$', 'that it serves another', 'copy');
	problem_is('edurange.database is "edurange", not this database', 'copy');
	$node->append_conf('postgresql.conf', "edurange.database = 'postgres'");
	$node->restart;
	says('the sync worker does not run: edurange.database is "postgres", not this database', 'which other one');
	cmp_ok(sql('SELECT "lagSeconds" FROM edurange.sync_status()'), '>', 0, 'the lag counts');
	$node->append_conf('postgresql.conf', "edurange.database = ''");
	$node->restart;
	says('the sync worker does not run: edurange.database is empty', 'that there is none');
	$node->append_conf('postgresql.conf', "edurange.database = 'edurange'");
	$node->restart;
	is_well();
	sql('DROP DATABASE copy', 'postgres');
};

subtest 'no place for the launcher' => sub {
	$node->append_conf('postgresql.conf', 'max_worker_processes = 0');
	$node->restart;
	says('the sync worker does not run: its launcher does not run; raise max_worker_processes', 'that there is no place');
	$node->adjust_conf('postgresql.conf', 'max_worker_processes', undef);
	$node->restart;
	is_well();
};

subtest 'settings that are nonsense' => sub {
	for my $case (
		[ instance_manager_url => 'im.example.org', $im->url, 'edurange.instance_manager_url must begin with http:// or https://' ],
		[ sync_mass_grace => '500ms', '10min', 'edurange.sync_mass_grace must not be shorter than edurange.sync_grace' ])
	{
		my ($setting, $wrong, $right, $problem) = @$case;

		$node->configure($setting => $wrong);
		says("the sync worker cannot do its work: \Q$problem\E", "$setting makes no sense");
		problem_is($problem);
		$node->configure($setting => $right);
		is_well();
	}
};

subtest 'an idle worker' => sub {
	$node->configure(instance_manager_url => '');
	says('the sync worker idles; set edurange.instance_manager_url', 'that it has no address');
	problem_is('edurange.instance_manager_url is empty');
	$node->configure(instance_manager_url => $im->url);
	is_well();
	sql('REVOKE EXECUTE ON FUNCTION edurange.sync_apply FROM edurange_worker');
	says('something is missing; run edurange.migrate\\(\\); the sync worker cannot do its work: role edurange_worker may not call what it needs, see edurange.migrate', 'what it lacks');
	sql('SELECT * FROM edurange.migrate()');
	is_well();
};

subtest 'it ended' => sub {
	sql("SELECT pg_terminate_backend(pid) $worker");
	says('the sync worker does not run: it ended, and is started again within ten seconds$', 'that it ended');
	is_well();
};

subtest 'it fails, and works again' => sub {
	my $from = -s $node->logfile;

	$im->fault('error500');
	says('the sync worker failed [0-9]+ times in a row: HTTP 500', 'that it fails');
	$im->clear_faults;
	is_well();
	$node->wait_for_log(qr/LOG:  synchronization with the Instance Manager works again/, $from);
	my @said = slurp_file($node->logfile, $from) =~ /WARNING:  could not read the list of pods: HTTP 500/g;
	is(scalar @said, 1, 'the reason is in the log once');
};

subtest 'it stands still' => sub {
	my $pid = sql("SELECT pid $worker");

	kill 'STOP', $pid;
	says('the sync worker stands still: it has compared nothing for 1[0-9] s', 'that it stands still');
	kill 'CONT', $pid;
	is_well();
};

subtest 'never succeeded since the start' => sub {
	$im->fault('error500');
	$node->restart;
	sleep 2;
	my ($success, $lag) = split /\|/, sql('SELECT "lastSuccess" IS NULL, "lagSeconds" FROM edurange.sync_status()');
	is($success, 't', 'nothing was compared');
	cmp_ok($lag, '>', 1.5, 'the lag counts from the start');
	$im->clear_faults;
	is_well();
	cmp_ok(sql('SELECT "lagSeconds" FROM edurange.sync_status()'), '<', 5, 'and from the last success then');
};

sql(q{INSERT INTO "User" (id, email) VALUES ('u', 'u@play.test');
	INSERT INTO "ChallengeType" (id, name) VALUES ('t', 't');
	INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('c', 'Basic', 't');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01')});

sub add_instances
{
	my ($status, @ids) = @_;

	sql(qq{INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId")
		VALUES ('$_', 'c', 'u', 'pending...', '$status', 'g')}) for @ids;
	return;
}

subtest 'only flags fail' => sub {
	$im->fault('error500', route => 'get-secret');
	$im->add_pod(name => 'flagless', flag => 'EDU-{x}');
	add_instances(ACTIVE => 'flagless');
	is(sql(q{SELECT "missingFlags" FROM edurange.sync_drift_summary()}), 1, 'ACTIVE without a flag is drift from the first moment');
	is(sql(q{SELECT count(*) FROM edurange.sync_drift() WHERE kind = 'missing_flag' AND name = 'flagless'}), 1, 'and stays one');
	sql(q{UPDATE edurange.sync_watch SET due = now(), attempts = 2 WHERE reason = 'flag'}) for 1 .. 1;
	ok($node->poll_query_until('edurange', q{SELECT EXISTS (SELECT FROM edurange.sync_watch WHERE reason = 'flag')}), 'it was asked for');
	sql(q{UPDATE edurange.sync_watch SET due = now(), attempts = 2 WHERE reason = 'flag'});
	says('the flags of 1 instances cannot be had; see edurange.sync_drift\\(\\) \\(HTTP 500\\)$', 'that flags cannot be had, and why');
	is(sql('SELECT "lastFlagError", "lastEndError" FROM edurange.sync_status()'), 'HTTP 500|', 'sync_status() says it, too');
	$im->clear_faults;
	sql(q{UPDATE edurange.sync_watch SET due = now() WHERE reason = 'flag'});
	is_well();
};

subtest 'only ends fail' => sub {
	$im->fault('error500', route => 'end-challenge');
	$node->configure(sync_end_interval => '500ms');
	sql(q{UPDATE "ChallengeInstance" SET status = 'TERMINATING' WHERE id = 'flagless'});
	says('1 instances do not end or begin; see edurange.sync_drift\\(\\) \\(HTTP 500\\)$', 'that ends fail, and why');
	$im->remove_pod('flagless');
	# (that its pod is not listed is no problem yet, and it has not ended before it is asked for)
	ok($node->poll_query_until('edurange', q{SELECT status = 'TERMINATED' AND NOT EXISTS (SELECT FROM edurange.sync_watch WHERE name = id)
		FROM "ChallengeInstance" WHERE id = 'flagless'}), 'it ends with its pod');
	is_well();
	is(sql('SELECT "lastFlagError", "lastEndError" FROM edurange.sync_status()'), '|', 'sync_status() says nothing of it any more');
	$im->clear_faults;
};

subtest 'only statuses fail' => sub {
	$im->add_pod(name => 'lost', flag => 'EDU-{lost}');
	add_instances(QUEUED => 'lost');
	ok($node->poll_query_until('edurange', q{SELECT status = 'ACTIVE' AND "flagSecretName" IS NOT NULL FROM "ChallengeInstance" WHERE id = 'lost'}), 'an instance');
	$im->fault('html', status => 404, route => 'get-pod-status');
	$im->remove_pod('lost');
	says('nobody says what became of the pods of 1 instances; see edurange.sync_drift\\(\\) \\(HTTP 404, and says nothing of the pod\\)$', 'that nobody knows of a pod, and why');
	is(sql(q{SELECT kind, name FROM edurange.sync_drift()}), 'unanswered_row|lost', 'so does sync_drift()');
	is(sql(q{SELECT status FROM "ChallengeInstance" WHERE id = 'lost'}), 'ACTIVE', 'which ends nothing');
	$im->clear_faults;
	is_well();
	is(sql(q{SELECT status, "lastStatusError" FROM "ChallengeInstance", edurange.sync_status() WHERE id = 'lost'}), 'TERMINATED|', 'until it is said');
};

subtest 'held' => sub {
	my @ids = map { "m$_" } 1 .. 5;
	my $from = -s $node->logfile;

	$im->add_pod(name => $_, flag => "EDU-{$_}") for @ids;
	add_instances(QUEUED => @ids);
	ok($node->poll_query_until('edurange', q{SELECT count(*) = 5 FROM "ChallengeInstance" WHERE status = 'ACTIVE' AND "flagSecretName" IS NOT NULL}), 'five instances');
	$im->remove_pod($_) for @ids;
	says('5 instances are held because too many pods vanished at once, until one of their pods is seen, or edurange.sync_release\\(\\) is called', 'what decides');
	$node->wait_for_log(qr/WARNING:  [45] instances are held: their pods are not found all at once/, $from);
	is(sql(q{SELECT held > 3 FROM edurange.sync_status()}), 't', 'sync_status() says it');
	# nobody lets go of it from a database that is not synchronized, or takes its state away
	sql('CREATE DATABASE beside', 'postgres');
	sql('CREATE EXTENSION edurange; SELECT * FROM edurange.migrate()', 'beside');
	is(sql('SELECT edurange.sync_release()', 'beside'), 0, 'in another database nothing is held');
	is(sql(q{SELECT held > 3 AND "lastSuccess" IS NOT NULL FROM edurange.sync_status()}), 't', 'and here it still is');
	sql('DROP DATABASE beside', 'postgres');
	sleep 3;
	is(sql(q{SELECT count(*) FROM "ChallengeInstance" WHERE status = 'ACTIVE'}), 5, 'nobody ends, after three times the grace period');
	cmp_ok(sql('SELECT edurange.sync_release()'), '>', 3, 'an operator lets go');
	ok($node->poll_query_until('edurange', q{SELECT count(*) = 5 FROM "ChallengeInstance" WHERE status = 'TERMINATED' AND id LIKE 'm%'}), 'they end');
	is_well();
	$im->add_pod(name => 'm1', flag => 'EDU-{m1}');
	says('1 pods are back whose instances ended when many were not found; see edurange.sync_drift', 'that one is back');
	sleep 3;
	is($im->pods->{m1}{status}, 'ACTIVE', 'its pod is not ended');
	$im->remove_pod('m1');
	is_well();
};

$node->stop;
is($im->stop, 0, 'the simulator ends cleanly');
done_testing();
