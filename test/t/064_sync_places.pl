# What the sync worker does at the same time: ends, statuses, flags and lists have places of their own, one pod
# that does not answer is one pod, and a request counts when it was sent.

use strict;
use warnings;

use JSON::PP ();
use List::Util qw(max sum0);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time sleep);

use Edurange::Cluster;
use Edurange::InstanceManager;

my $im = Edurange::InstanceManager->start(args => [ '--termination-delay', 100 ]);
my $node = Edurange::Cluster->new_ready(
	'sync_places',
	worker => $im,
	conf => <<"CONF");
edurange.sync_interval = 200
edurange.sync_timeout = 3s
edurange.sync_grace = 200
edurange.sync_end_interval = 100
edurange.sync_end_attempts = 3
edurange.sync_concurrency = 8
CONF

sub sql { return $node->safe_psql('edurange', $_[0]); }

# Pods with flags.
sub add_pods
{
	my ($more, @ids) = @_;
	my ($code) = $im->post('/control/pods', [ map { { name => $_, flag => "EDU-{$_}", %$more } } @ids ]);
	return is($code, 200, 'pods are there');
}

# Instances with their pods.
sub add
{
	my ($status, @ids) = @_;

	add_pods({}, @ids);
	sql(qq{INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", flag)
		SELECT id, 'c', 'u', 'pending...', '$status', 'g', 'flag{decoy}' FROM unnest('{@{[ join ',', @ids ]}}'::text[]) id});
	return;
}

sub lists { return $im->requests->{'list-challenge-pods'}; }

# Four more lists are asked for while something hangs for much longer than that takes.
sub lists_go_on
{
	my ($before, $name) = @_;
	my $end = time + 15;

	sleep 0.1 while lists() < $before + 4 && time < $end;
	return cmp_ok(lists(), '>=', $before + 4, $name);
}

sql(q{INSERT INTO "User" (id, email) VALUES ('u', 'u@play.test');
	INSERT INTO "ChallengeType" (id, name) VALUES ('t', 't');
	INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('c', 'Basic', 't');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'Group', '2020-01-01')});

subtest 'an end counts when it was sent' => sub {
	my @ids = map { "end-$_" } 1 .. 40;
	my $too_soon = 0;
	my $too_many = 0;
	my $begin = time;

	$im->fault('delay', ms => 60_000, route => 'end-challenge');
	$node->configure(sync_timeout => '500ms');
	add('TERMINATING', @ids);
	add_pods({ termination_delay_ms => 600_000 }, @ids);
	while (time - $begin < 240)
	{
		my $rows = sql(q{SELECT string_agg(concat_ws(' ', id, status, "terminationAttempts"), ',') FROM "ChallengeInstance"});
		my $asked = $im->asked->{'end-challenge'} // {};
		my $given_up = 0;

		for my $row (split /,/, $rows)
		{
			my ($id, $status, $attempts) = split / /, $row;
			my $sent = $asked->{$id} // 0;

			$too_many++ if $attempts > $sent;
			next if $status ne 'ERROR';
			$given_up++;
			$too_soon++ if $sent < 3;
		}
		last if $given_up == @ids;
		sleep 0.2;
	}
	note sprintf '%.1f s', time - $begin;
	my $asked = $im->asked->{'end-challenge'};
	my @turns = sort { $a <=> $b } map { $asked->{$_} // 0 } @ids;
	is($too_many, 0, 'nothing is counted that was not sent');
	is($too_soon, 0, 'nothing is given up before its own attempts');
	is(sql(q{SELECT count(*) FROM "ChallengeInstance" WHERE status = 'ERROR'}), 40, 'then all are');
	cmp_ok($turns[-1], '<=', $turns[0] + 3, "in turns: from $turns[0] to $turns[-1] each");
	is(sql(q{SELECT count(*) FROM edurange.sync_drift() WHERE kind = 'stuck'}), 40, 'and stay in sight');
	# (no second end is under way, which nobody would count, while an instance ends by the first)
	$node->configure(sync_end_interval => '3s');
	$im->clear_faults;
	# (and the answer is read before a list shows the pod to be gone, which ends the counting)
	add_pods({ termination_delay_ms => 2000 }, @ids);
	$node->becomes_true(q{SELECT bool_and(status = 'TERMINATED') FROM "ChallengeInstance"}, 'what was given up ends after all');
	$asked = $im->asked->{'end-challenge'};
	my %counted = map { split / / } split /,/,
	  sql(q{SELECT string_agg(concat_ws(' ', id, "terminationAttempts"), ',') FROM "ChallengeInstance"});
	is(scalar(grep { $counted{$_} != $asked->{$_} } @ids), 0, 'and each was sent as often as it is counted');
	like(slurp_file($node->logfile), qr/could not ask the Instance Manager: end-challenge: timed out/, 'the log says why');
	like(slurp_file($node->logfile), qr/ends of pods are accepted again/, 'and when that is over');
	sql('DELETE FROM "ChallengeInstance"');
	$node->configure(sync_timeout => '3s', sync_end_interval => '1min');
};

subtest 'an end is sent as often as it is counted, whatever becomes of connections' => sub {
	my @ids = map { "cut-$_" } 1 .. 4;

	$node->configure(sync_end_interval => '200ms');
	$im->fault('refuse', route => 'end-challenge');
	$im->reset_requests;
	add('TERMINATING', @ids);
	add_pods({ termination_delay_ms => 600_000 }, @ids);
	$node->becomes_true(q{SELECT bool_and(status = 'ERROR') FROM "ChallengeInstance"}, 'they are given up');
	$im->clear_faults;
	$node->configure(sync_enabled => 'off');
	$node->becomes_true(q{SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'edurange sync worker')}, 'the worker rests');
	my $asked = $im->asked->{'end-challenge'};
	my %counted = map { split / / } split /,/,
	  sql(q{SELECT string_agg(concat_ws(' ', id, "terminationAttempts"), ',') FROM "ChallengeInstance"});
	# (one may have been under way as the worker ended)
	is(scalar(grep { ($asked->{$_} - $counted{$_}) !~ /^[01]$/ } @ids), 0, 'each was sent as often as it is counted')
	  or diag join ' ', map { "$_ $asked->{$_} $counted{$_}" } @ids;
	sql('DELETE FROM "ChallengeInstance"');
	$im->remove_pod($_) for @ids;
	$node->configure(sync_enabled => 'on', sync_end_interval => '1min');
};

subtest 'an end is asked for as the tables say then, also while no list comes' => sub {
	my @ids = map { "kept-$_" } 1 .. 30;
	my $asked = sub { return $im->asked->{'end-challenge'} // {}; };

	$node->configure(sync_timeout => '5s', sync_end_interval => '100ms');
	$im->fault('delay', ms => 60_000, route => 'end-challenge');
	$im->reset_requests;
	add('TERMINATING', @ids);
	add_pods({ termination_delay_ms => 600_000 }, @ids);
	$node->becomes_true(q{SELECT count(*) = 30 FROM edurange.sync_watch WHERE reason = 'ending' AND attempts > 0}, 'each was asked in vain');
	$im->fault('delay', ms => 60_000, route => 'list-challenge-pods');
	# until every place is taken by what does not answer
	my ($before, $now, $quiet) = (0, 0, 0);
	for (1 .. 300)
	{
		$now = sum0(values %{ $asked->() });
		$quiet = $now == $before ? $quiet + 1 : 0;
		last if $quiet == 8;
		$before = $now;
		sleep 0.1;
	}
	is($quiet, 8, 'nothing more is asked for now');
	sql(q{UPDATE "ChallengeInstance" SET status = 'ACTIVE'});
	$before = $asked->();
	my $attempts = sql(q{SELECT sum(attempts) FROM edurange.sync_watch WHERE reason = 'ending'});
	$node->becomes_true("SELECT sum(attempts) >= $attempts + 9 FROM edurange.sync_watch WHERE reason = 'ending'", 'places are free again');
	sleep 0.5;
	is_deeply($asked->(), $before, 'and nobody is asked to end what lives');
	$im->clear_faults;
	sql('DELETE FROM "ChallengeInstance"');
	$im->remove_pod($_) for @ids;
	$node->configure(sync_timeout => '3s', sync_end_interval => '1min');
};

subtest 'one hung secret of a hundred' => sub {
	$im->fault('delay', ms => 60_000, route => 'get-secret', match => 'hung-');
	add('ACTIVE', 'hung-1', map { "prompt-$_" } 1 .. 99);
	my $begin = time;
	$node->becomes_true(q{SELECT count(*) = 99 FROM "ChallengeInstance" WHERE "flagSecretName" IS NOT NULL}, 'the others have their flags');
	cmp_ok(time - $begin, '<', 30, sprintf('within %.1f s', time - $begin));
	is(sql(q{SELECT flag FROM "ChallengeInstance" WHERE id = 'hung-1'}), 'flag{decoy}', 'it alone waits');
	is(sql(q{SELECT string_agg(name, ',') FROM edurange.sync_drift() WHERE kind = 'missing_flag'}), 'hung-1', 'and is missed');
	$im->clear_faults;
	$node->becomes_true(q{SELECT flag = 'EDU-{hung-1}' FROM "ChallengeInstance" WHERE id = 'hung-1'}, 'until it answers');
	sql('DELETE FROM "ChallengeInstance"');
	$im->remove_pod($_) for 'hung-1', map { "prompt-$_" } 1 .. 99;
};

subtest 'one in ten after a time in which none answered' => sub {
	my @ids = ((map { "hung-$_" } 1 .. 20), (map { "late-$_" } 1 .. 180));

	$node->configure(sync_timeout => '10s');
	$im->fault('delay', ms => 600_000, route => 'get-secret');
	add('ACTIVE', @ids);
	$node->becomes_true(q{SELECT count(*) = 200 FROM edurange.sync_watch WHERE reason = 'flag' AND attempts > 0}, 'all were asked for in vain');
	$im->clear_faults;
	$im->fault('delay', ms => 600_000, route => 'get-secret', match => 'hung-');
	my $begin = time;
	$node->becomes_true(q{SELECT bool_and("flagSecretName" IS NOT NULL) FROM "ChallengeInstance" WHERE id LIKE 'late-%'}, 'those that answer again have their flags');
	cmp_ok(time - $begin, '<', 40, sprintf('within %.1f s', time - $begin));
	$im->clear_faults;
	sql('DELETE FROM "ChallengeInstance"');
	$im->remove_pod($_) for @ids;
	$node->configure(sync_timeout => '3s');
};

subtest 'sixty hanging statuses' => sub {
	my @lost = map { "lost-$_" } 1 .. 60;

	add('ACTIVE', @lost, map { "there-$_" } 1 .. 300);
	$node->becomes_true(q{SELECT bool_and("flagSecretName" IS NOT NULL) FROM "ChallengeInstance"}, 'all have flags');
	$node->configure(sync_timeout => '20s');
	$im->fault('delay', ms => 60_000, route => 'get-pod-status');
	$im->add_pod(name => $_, listed => JSON::PP::false()) for @lost;
	$im->reset_requests;
	for (1 .. 300)
	{
		last if $im->requests->{'get-pod-status'} >= 10;
		sleep 0.1;
	}
	cmp_ok($im->requests->{'get-pod-status'}, '>=', 10, 'statuses hang');
	add('ACTIVE', map { "new-$_" } 1 .. 20);
	my $before = lists();
	my $begin = time;
	$node->becomes_true(q{SELECT bool_and("flagSecretName" IS NOT NULL) FROM "ChallengeInstance" WHERE id LIKE 'new-%'}, 'flags come all the same');
	cmp_ok(time - $begin, '<', 15, sprintf('within %.1f s', time - $begin));
	lists_go_on($before, 'and so do lists');
	$im->clear_faults;
	$im->add_pod(name => $_, listed => JSON::PP::true()) for @lost;
	$node->configure(sync_timeout => '3s');
};

subtest 'a row that somebody has locked' => sub {
	my $holder = $node->background_psql('edurange');

	$holder->query_safe(q{BEGIN; UPDATE "ChallengeInstance" SET flag = flag WHERE id = 'there-1'});
	$im->add_pod(name => $_, status => 'ERROR') for 'there-1', 'there-2';
	$node->becomes_true(q{SELECT status = 'ERROR' FROM "ChallengeInstance" WHERE id = 'there-2'}, 'the next one goes on');
	my $failures = sql('SELECT failures FROM edurange.sync_status()');
	my $before = lists();
	lists_go_on($before, 'and so do lists');
	is(sql('SELECT failures FROM edurange.sync_status()'), $failures, 'none of which fails');
	is(sql(q{SELECT status FROM "ChallengeInstance" WHERE id = 'there-1'}), 'ACTIVE', 'that one waits');
	$holder->quit;
	$node->becomes_true(q{SELECT status = 'ERROR' FROM "ChallengeInstance" WHERE id = 'there-1'}, 'until it is free');
	# the same with the user that the log names
	$holder = $node->background_psql('edurange');
	sql(q{INSERT INTO "User" (id, email) VALUES ('v', 'v@play.test'); UPDATE "ChallengeInstance" SET "userId" = 'v' WHERE id = 'there-3'});
	$holder->query_safe(q{BEGIN; SELECT FROM "User" WHERE id = 'v' FOR UPDATE});
	$im->add_pod(name => $_, status => 'ERROR') for 'there-3', 'there-4';
	$node->becomes_true(q{SELECT status = 'ERROR' FROM "ChallengeInstance" WHERE id = 'there-4'}, 'nor does a locked user stop others');
	is(sql(q{SELECT status FROM "ChallengeInstance" WHERE id = 'there-3'}), 'ACTIVE', 'that one waits');
	$holder->quit;
	$node->becomes_true(q{SELECT status = 'ERROR' FROM "ChallengeInstance" WHERE id = 'there-3'}, 'until the user is free');
};

subtest 'what refers to an instance, and is locked' => sub {
	my $holder = $node->background_psql('edurange');

	# removed with what is over is what the log says of it
	sql(q{INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId")
		SELECT 'over-' || n, 'c', 'u', '', 'TERMINATED', 'g' FROM generate_series(1, 3) n;
		INSERT INTO "ActivityLog" (id, "eventType", "userId", "challengeInstanceId", metadata) VALUES ('over', 'CHALLENGE_INSTANCE_DELETED', 'u', 'over-2', '{}')});
	$holder->query_safe(q{BEGIN; UPDATE "ActivityLog" SET severity = 'WARNING' WHERE id = 'over'});
	sql(q{BEGIN; LOCK TABLE edurange.sync_watch; INSERT INTO edurange.sync_watch (name, reason, since) SELECT 'over-' || n, 'retained', '2020-01-01' FROM generate_series(1, 3) n
		ON CONFLICT (name, reason) DO UPDATE SET since = '2020-01-01'; UPDATE edurange.sync_state SET cleaned_at = NULL; COMMIT});
	my $failures = sql('SELECT failures FROM edurange.sync_status()');
	$node->becomes_true(q{SELECT string_agg(id, ',') = 'over-2' FROM "ChallengeInstance" WHERE id LIKE 'over-%'}, 'the others are removed');
	my $before = lists();
	lists_go_on($before, 'and lists go on');
	is(sql('SELECT failures FROM edurange.sync_status()'), $failures, 'none of which fails');
	$holder->query_safe('ROLLBACK');
	sql('UPDATE edurange.sync_state SET cleaned_at = NULL');
	$node->becomes_true(q{SELECT NOT EXISTS (SELECT FROM "ChallengeInstance" WHERE id LIKE 'over-%')}, 'until it is free');

	# nobody may write into the table for a while
	$holder->query_safe(q{BEGIN; LOCK TABLE "ChallengeInstance" IN SHARE ROW EXCLUSIVE MODE});
	$im->add_pod(name => 'there-20', status => 'ERROR');
	$before = lists();
	lists_go_on($before, 'lists go on');
	sleep 5;
	is(sql(q{SELECT count(*) FROM edurange.sync_drift() WHERE kind = 'refused_row'}), 0, 'which is no refusal');
	$holder->query_safe('COMMIT');
	my $begin = time;
	$node->becomes_true(q{SELECT status = 'ERROR' FROM "ChallengeInstance" WHERE id = 'there-20'}, 'then it is done');
	cmp_ok(time - $begin, '<', 15, sprintf('after %.1f s', time - $begin));

	# somebody is about to insert the row that a pod is adopted with
	$node->configure(sync_quarantine => '500ms');
	$holder->query_safe(q{BEGIN; INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId")
		VALUES ('found-1', 'c', 'u', '', 'QUEUED', 'g')});
	$im->add_pod(name => $_, user_id => 'u', competition_id => 'g', challenge_name => 'Basic', flag => "EDU-{$_}") for 'found-1', 'found-2';
	sql(q{INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('gc', 1, 'c', 'g')});
	$node->becomes_true(q{SELECT status = 'ACTIVE' FROM "ChallengeInstance" WHERE id = 'found-2'}, 'the next pod is adopted');
	$before = lists();
	lists_go_on($before, 'and lists go on');
	is(sql('SELECT failures FROM edurange.sync_status()'), $failures, 'none of which fails');
	$holder->query_safe('COMMIT');
	$node->becomes_true(q{SELECT status = 'ACTIVE' FROM "ChallengeInstance" WHERE id = 'found-1'}, 'and that one is ACTIVE once it is there');
	$holder->quit;
	$node->configure(sync_quarantine => '1min');
};

subtest 'pods that cannot be read' => sub {
	my @bad = (
		'7', '{"name": "there-5", "status": 1}', '{"name": "there-6", "status": "ACTIVE", "x": "\ud800"}',
		'{"name": "' . 'l' x 9000 . '", "status": "ACTIVE"}');

	$im->fault('raw_pods', text => join(',', @bad), route => 'list-challenge-pods');
	$im->add_pod(name => 'there-8', status => 'ERROR');
	$node->becomes_true(q{SELECT status = 'ERROR' FROM "ChallengeInstance" WHERE id = 'there-8'}, 'the others go on');
	$node->becomes_true(q{SELECT string_agg(left(name, 8), ',' ORDER BY name) = '(a pod w,llllllll,there-5,there-6'
		FROM edurange.sync_drift() WHERE kind = 'unreadable_pod'}, 'those are named');
	like(slurp_file($node->logfile), qr/4 pods of the list cannot be read/, 'in the log, too');
	$im->clear_faults;
	$node->becomes_true(q{SELECT NOT EXISTS (SELECT FROM edurange.sync_drift() WHERE kind = 'unreadable_pod')}, 'until they can be');
	# a byte that is no text is no character together with what stands around it either
	$im->fault('raw_pods', latin1 => JSON::PP::true(), route => 'list-challenge-pods', text => join ',',
		map { qq({"name": $_, "status": "ACTIVE"}) } qq("x\x{ff}"), qq("y\x{ff}\\udc00"), qq("z\\ud800\x{ff}"), qq("w\\\x{ff}\\udc00"), qq("there-9", "x": "\x{ff}\\udc00"));
	$node->becomes_true(q{SELECT string_agg(name, ',' ORDER BY name) = '(a pod without a name),there-9'
		FROM edurange.sync_drift() WHERE kind = 'unreadable_pod'}, 'bytes that are no text are unreadable, whatever follows');
	is(sql(q{SELECT count(*) FROM edurange.sync_drift() WHERE kind = 'pod_without_row' AND name ~ '^[w-z]'}), 0, 'and are no name');
	$im->clear_faults;
	$node->becomes_true(q{SELECT NOT EXISTS (SELECT FROM edurange.sync_drift() WHERE kind = 'unreadable_pod')}, 'nor is anything left of them');
	$im->fault('listed_twice');
	my $polls = sql('SELECT polls FROM edurange.sync_status()');
	$node->becomes_true("SELECT polls > $polls + 3 FROM edurange.sync_status()", 'each is listed twice');
	sleep 1.5;
	my $settled = sql(q{SELECT md5(string_agg(i::text || xmin::text, ',' ORDER BY id)) FROM "ChallengeInstance" i});
	$polls = sql('SELECT polls FROM edurange.sync_status()');
	$node->becomes_true("SELECT polls > $polls + 4 FROM edurange.sync_status()", 'again and again');
	is(sql(q{SELECT md5(string_agg(i::text || xmin::text, ',' ORDER BY id)) FROM "ChallengeInstance" i}), $settled, 'no row is written anew');
	$im->clear_faults;
};

subtest 'answers about single pods of any size' => sub {
	my $worker = sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'edurange sync worker'});
	my $memory = sub { return (slurp_file("/proc/$worker/status") =~ /^VmHWM:\s+(\d+) kB/m)[0]; };
	my $before = $memory->();

	$im->fault('huge_body', bytes => 30_000_000, route => 'get-secret');
	add('ACTIVE', map { "fat-$_" } 1 .. 100);
	$node->becomes_true(q{SELECT "lastFlagError" = 'response larger than 64 KiB' FROM edurange.sync_status()}, 'are not kept');
	$node->becomes_true(q{SELECT count(*) = 100 FROM edurange.sync_watch WHERE name LIKE 'fat-%' AND reason = 'flag' AND attempts > 0}, 'and counted');
	cmp_ok($memory->() - $before, '<', 30_000, 'a hundred of 30 MB cost less than one') if ($ENV{LD_PRELOAD} // '') !~ /asan/;
	$im->clear_faults;
	$node->becomes_true(q{SELECT bool_and("flagSecretName" IS NOT NULL) FROM "ChallengeInstance" WHERE id LIKE 'fat-%'}, 'until they are right');
	sql(q{DELETE FROM "ChallengeInstance" WHERE id LIKE 'fat-%'});
	$im->remove_pod("fat-$_") for 1 .. 100;
};

subtest 'a kind that does not answer takes no place of others, however many there are' => sub {
	my @silent = map { "silent-$_" } 1 .. 900;

	$node->configure(sync_concurrency => 256, sync_timeout => '60s');
	$im->fault('delay', ms => 600_000, route => 'get-secret', match => 'silent-');
	$im->reset_requests;
	add('ACTIVE', @silent);
	for (1 .. 300)
	{
		last if $im->requests->{'get-secret'} >= 200;
		sleep 0.1;
	}
	cmp_ok($im->requests->{'get-secret'}, '>=', 200, 'hundreds of flags are asked for');
	my $worker = sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'edurange sync worker'});
	my $most = 0;
	for (1 .. 30)
	{
		$most = max($most, scalar grep { (readlink // '') =~ /^socket/ } glob "/proc/$worker/fd/*");
		sleep 0.1;
	}
	# (240 of flags, and a few of its own)
	cmp_ok($most, '>', 100, 'so many at the same time');
	cmp_ok($most, '<', 300, 'but no more than half of all that can be');
	$im->reset_requests;
	sql(q{UPDATE "ChallengeInstance" SET status = 'TERMINATING' WHERE id = 'there-10'});
	$im->add_pod(name => 'there-11', status => 'ERROR', listed => JSON::PP::false());
	my $begin = time;
	$node->becomes_true(q{SELECT status = 'ERROR' FROM "ChallengeInstance" WHERE id = 'there-11'}, 'a status is answered for');
	cmp_ok(time - $begin, '<', 10, sprintf('within %.1f s', time - $begin));
	$im->clear_faults;
	sql(q{DELETE FROM "ChallengeInstance" WHERE id LIKE 'silent-%'});
	$im->remove_pod($_) for @silent;
	$node->configure(sync_concurrency => 8, sync_timeout => '3s');
};

subtest 'a password comes from a file and is shown nowhere' => sub {
	my $file = PostgreSQL::Test::Utils::tempdir() . '/password';
	my $port = $im->port;

	append_to_file($file, "s3cret-of-file\n");
	$node->configure(instance_manager_password_file => $file, instance_manager_url => "http://alice\@127.0.0.1:$port/api");
	my $user;
	for (1 .. 300)
	{
		$user = $im->requests->{last_user} // '';
		last if $user eq 'alice:s3cret-of-file';
		sleep 0.1;
	}
	is($user, 'alice:s3cret-of-file', 'it polls as who the URL says, with the password of the file');
	$node->becomes_true('SELECT "consecutiveFailures" = 0 AND "lastSuccess" > clock_timestamp() - interval \'1s\' FROM edurange.sync_status()', 'and goes on');
	$node->configure(instance_manager_url => "http://bob:s3cret\@127.0.0.1:$port/api");
	$node->becomes_true(qq{SELECT current_setting('edurange.instance_manager_url') = 'http://bob\@127.0.0.1:$port/api'}, 'a password in the URL is not shown');
	is(sql(q{SELECT count(*) FROM pg_settings s WHERE s::text ~ 's3cret'}), 0, 'nor by any view of settings');
	unlike(slurp_file($node->logfile), qr/s3cret-of-file/, 'that of the file is in no log');
	unlink $file;
	(undef, undef, my $error) = $node->psql('edurange', q{SET edurange.instance_manager_url = 'http://bob:s3cret-of-url@x'});
	like($error, qr/cannot be changed now/, 'a session cannot set it');
	$node->wait_for_log(qr/parameter "edurange.instance_manager_url" changed to "http:..bob\@127/);
	unlike(slurp_file($node->logfile), qr/(?<!')s3cret/, 'and neither is in the log');
	$node->becomes_true(q{SELECT "lastError" ~ 'instance_manager_password_file: No such file' FROM edurange.sync_status()}, 'a file that is gone is named');
	PostgreSQL::Test::Utils::system_or_bail('mkfifo', '-m', '666', $file);
	$node->becomes_true(q{SELECT "lastError" ~ 'instance_manager_password_file: the file is empty' FROM edurange.sync_status()}, 'a pipe in its place stops nobody');
	unlink $file;
	mkdir $file;
	$node->becomes_true(q{SELECT "lastError" ~ 'instance_manager_password_file: Is a directory' FROM edurange.sync_status()}, 'nor does a folder');
	$node->configure(instance_manager_password_file => '');

	# however a URL is spelled, and whatever is wrong with it
	my $from = -s $node->logfile;
	sql(q{ALTER SYSTEM SET log_statement = 'ddl'});
	$node->reload;
	for my $case (
		[ 'http://bob:s3/cret@im.test/api', 'http://bob@im.test/api' ],
		[ 'http://bob:s3#cret@im.test', 'http://bob@im.test' ],
		[ 'http://bob:s3:c@ret@[::1]:8080/api', 'http://bob@[::1]:8080/api' ],
		[ 'bob:s3cret@im.test/api', 'bob@im.test/api' ],
		[ 'HTTPS://bob:s3cret@im.test', 'HTTPS://bob@im.test' ],
		[ q{http://bob:s3''c"ret@im.test}, 'http://bob@im.test' ],
		[ 'http://:s3cret@im.test', 'http://@im.test' ],
		[ 'http://im.test:8080/a@b', 'http://im.test:8080/a@b' ],
		[ 'http://[::1]:8080/a@b', 'http://[::1]:8080/a@b' ])
	{
		my ($given, $shown) = @$case;

		sql(qq{ALTER SYSTEM SET EDURANGE."instance_manager_url" = '$given'});
		$node->reload;
		$node->becomes_true("SELECT current_setting('edurange.instance_manager_url') = '$shown'", "shown as $shown");
	}
	sql(q{ALTER SYSTEM RESET log_statement});
	$node->append_conf('postgresql.conf', q{Edurange.Instance_Manager_URL = 'http://bob:s3cret@127.0.0.1:1/'});
	sql('ALTER SYSTEM RESET edurange.instance_manager_url');
	$node->reload;
	$node->becomes_true(q{SELECT current_setting('edurange.instance_manager_url') = 'http://bob@127.0.0.1:1/'}, 'as a file spells it');
	$node->wait_for_log(qr/parameter "[^"]*" changed to "http:..bob\@127.0.0.1:1/i, $from);
	unlike(slurp_file($node->logfile, $from), qr/s3.{0,2}c|c\@ret|ret\@/, 'and in no line of the log');
};

$node->stop;
is($im->stop, 0, 'the simulator ends cleanly');
done_testing();
