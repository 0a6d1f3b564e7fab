#!/usr/bin/perl
# How fresh instances are while some pods do not answer: with none and with one in ten of them hanging, the time
# from a change in the cluster to the row, and from a new pod to its flag; and how long the flags of a whole
# competition take that begins at once.  Prints a table.

use strict;
use warnings;

# the test modules keep standard output to themselves
my $results;
BEGIN { open($results, '>&', \*STDOUT) or die $!; }

use JSON::PP ();
use Time::HiRes qw(time sleep);

use Edurange::Cluster;
use Edurange::InstanceManager;

$results->autoflush;

my $quick = grep { $_ eq 'quick' } split ' ', $ENV{BENCH} // '';
my $pods = $quick ? 1_000 : 10_000;
my $samples = $quick ? 10 : 30;
my $im = Edurange::InstanceManager->start;
my $node = Edurange::Cluster->new_ready(
	'sync_freshness',
	worker => 1,
	conf => <<"CONF");
fsync = on
shared_buffers = 512MB
edurange.instance_manager_url = '@{[ $im->url ]}'
edurange.sync_enabled = off
edurange.sync_interval = 1s
CONF

sub say_row { my ($format, @values) = @_; return print {$results} sprintf("$format\n", @values); }

sub sql { return $node->safe_psql('edurange', $_[0]); }

sub percentile { my ($part, @sorted) = @_; @sorted = sort { $a <=> $b } @sorted; return $sorted[ $#sorted * $part ]; }

sub add_pods
{
	my @more = @_;
	while (my @some = splice(@more, 0, 2_000))
	{
		my ($code) = $im->post('/control/pods', \@some);
		die "pods: $code" if $code != 200;
	}
	return;
}

# Waits until a query says true; returns when.
sub when
{
	my ($query) = @_;
	my $end = time + 900;
	while (time < $end)
	{
		return time if sql($query) eq 't';
		sleep 0.02;
	}
	die "never: $query";
}

sql(q{INSERT INTO "User" (id, email) VALUES ('u', 'u@play.test');
	INSERT INTO "ChallengeType" (id, name) VALUES ('t', 't');
	INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('c', 'Basic', 't');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'Group', '2020-01-01')});

sub add_instances
{
	my ($prefix, $count, $flags) = @_;
	return sql(qq{INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", flag, "flagSecretName")
		SELECT '$prefix' || i, 'c', 'u', 'https://$prefix' || i || '.edurange.test', 'ACTIVE', 'g', 'EDU-{x}', CASE WHEN $flags THEN 'flag-secret-$prefix' || i END
		FROM generate_series(1, $count) i});
}

sub pod { my ($name, %more) = @_; return { name => $name, flag => "EDU-{$name}", user_id => 'u', competition_id => 'g', %more }; }

# What hangs: statuses of pods that are not listed, and flags.
sub hang
{
	$im->fault('delay', ms => 600_000, route => $_, match => 'hang-') for 'get-pod-status', 'get-secret';
	return;
}

say_row('%-34s %8s %10s %10s', "of $pods pods, seconds", 'hanging', 'median', 'at most');
for my $hanging (0, $pods / 10)
{
	my (@changes, @flags);

	sql('TRUNCATE "ChallengeInstance", "ActivityLog", edurange.sync_watch');
	hang() if $hanging;
	add_instances('p', $pods - $hanging, 'true');
	add_pods(map { pod("p$_") } 1 .. $pods - $hanging);
	add_instances('hang-a', $hanging / 2, 'true');
	add_instances('hang-b', $hanging / 2, 'false');
	add_pods(map { pod("hang-a$_", listed => JSON::PP::false()), pod("hang-b$_") } 1 .. $hanging / 2);
	sql('VACUUM ANALYZE');
	sql('ALTER SYSTEM SET edurange.sync_enabled = on');
	$node->reload;
	when(q{SELECT "lastSuccess" IS NOT NULL FROM edurange.sync_status()});
	sleep($hanging ? 45 : 5); # until those that hang are known to, and are asked again
	for my $i (1 .. $samples)
	{
		my $begin = time;
		add_pods(pod("p$i", status => 'ERROR'), pod("new$i-$hanging"));
		sql(qq{INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", flag)
			VALUES ('new$i-$hanging', 'c', 'u', 'pending...', 'CREATING', 'g', 'flag{decoy}')});
		push @changes, when(qq{SELECT status = 'ERROR' FROM "ChallengeInstance" WHERE id = 'p$i'}) - $begin;
		push @flags, when(qq{SELECT flag LIKE 'EDU-%' FROM "ChallengeInstance" WHERE id = 'new$i-$hanging'}) - $begin;
	}
	say_row('%-34s %8d %10.2f %10.2f', 'a status is in the row after', $hanging, percentile(0.5, @changes), percentile(1, @changes));
	say_row('%-34s %8d %10.2f %10.2f', 'a new pod has its flag after', $hanging, percentile(0.5, @flags), percentile(1, @flags));
	sql('ALTER SYSTEM SET edurange.sync_enabled = off');
	$node->reload;
	$im->clear_faults;
	$im->restart;
}

say_row("\n%-34s %8s %10s %10s", "$pods flags at once, seconds", 'hanging', 'half', 'all others');
for my $hanging (0, $pods / 10)
{
	my $others = $pods - $hanging;
	my ($begin, $half);

	sql('TRUNCATE "ChallengeInstance", "ActivityLog", edurange.sync_watch');
	hang() if $hanging;
	# mixed as they come
	add_instances('p', $others, 'false');
	add_instances('hang-', $hanging, 'false');
	add_pods((map { pod("p$_") } 1 .. $others), (map { pod("hang-$_") } 1 .. $hanging));
	sql('VACUUM ANALYZE');
	sql('ALTER SYSTEM SET edurange.sync_enabled = on');
	$begin = time;
	$node->reload;
	$half = when(qq{SELECT count(*) >= $others / 2 FROM "ChallengeInstance" WHERE "flagSecretName" IS NOT NULL}) - $begin;
	say_row('%-34s %8d %10.2f %10.2f', 'flags of those that answer', $hanging, $half,
		when(qq{SELECT count(*) = $others FROM "ChallengeInstance" WHERE "flagSecretName" IS NOT NULL}) - $begin);
	sql('ALTER SYSTEM SET edurange.sync_enabled = off');
	$node->reload;
	$im->clear_faults;
	$im->restart;
}
$node->stop;
