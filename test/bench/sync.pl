#!/usr/bin/perl
# What the sync worker costs: one pass over many pods beside the same work a row at a time, fetching
# flags beside what the latency allows, and what idle polls leave behind.  Prints a table.

use strict;
use warnings;

# the test modules keep standard output to themselves
my $results;
BEGIN { open($results, '>&', \*STDOUT) or die $!; }

use PostgreSQL::Test::Utils;
use Time::HiRes qw(time sleep);

use Edurange::Cluster;
use Edurange::InstanceManager;

$results->autoflush;

my $quick = grep { $_ eq 'quick' } split ' ', $ENV{BENCH} // '';
my $im = Edurange::InstanceManager->start;
my $node = Edurange::Cluster->new_ready(
	'sync',
	worker => 1,
	conf => <<"CONF");
fsync = on
shared_buffers = 512MB
edurange.instance_manager_url = '@{[ $im->url ]}'
edurange.sync_enabled = off
edurange.sync_interval = 1h
CONF

sub say_row { my ($format, @values) = @_; return print {$results} sprintf("$format\n", @values); }

sub sql { return $node->safe_psql('edurange', $_[0]); }

sub median { my @sorted = sort { $a <=> $b } @_; return $sorted[ @sorted / 2 ]; }

# Milliseconds of statements that the server itself takes the time of.
sub took { return median(split /\n/, sql($_[0])); }

sql(<<'SQL');
INSERT INTO "User" (id, email) VALUES ('u', 'u@play.test');
INSERT INTO "ChallengeType" (id, name) VALUES ('t', 't');
INSERT INTO "Challenge" (id, name, "challengeTypeId") VALUES ('c', 'Basic', 't');
INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'Group', '2020-01-01');
CREATE SCHEMA bench;
CREATE UNLOGGED TABLE bench.list (kind text PRIMARY KEY, pods jsonb);
CREATE FUNCTION bench.list(n integer, changed integer, version integer) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('challenge_pods', jsonb_agg(jsonb_build_object('name', 'i' || i, 'status', 'ACTIVE', 'user_id', 'u',
    'competition_id', 'g', 'challenge_type', 'web', 'challenge_name', 'Basic', 'urls', '{"terminal": null, "challenge": "https://x.test"}'::jsonb,
    'webosUrl', format('https://i%s.play.test%s', i, CASE WHEN i % 100 < changed THEN '/' || version END),
    'webConsoleUrl', NULL, 'flag_secret_name', 'flag-secret-i' || i))) FROM generate_series(1, n) i
$$;
CREATE PROCEDURE bench.fill(n integer) LANGUAGE plpgsql AS $$
BEGIN
  TRUNCATE "ChallengeInstance", "ActivityLog", edurange.sync_watch, bench.list;
  INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId", flag, "flagSecretName")
  SELECT 'i' || i, 'c', 'u', format('https://i%s.play.test', i), 'ACTIVE', 'g', 'EDU-{x}', 'flag-secret-i' || i FROM generate_series(1, n) i;
  INSERT INTO bench.list SELECT 'same', bench.list(n, 0, 0) UNION ALL SELECT 'odd', bench.list(n, 10, 1) UNION ALL SELECT 'even', bench.list(n, 10, 2);
END $$;
CREATE PROCEDURE bench.row_at_a_time(wanted text, commits boolean) LANGUAGE plpgsql AS $$
DECLARE
  pod jsonb;
BEGIN
  FOR pod IN SELECT jsonb_array_elements(pods -> 'challenge_pods') FROM bench.list WHERE kind = wanted LOOP
    UPDATE "ChallengeInstance" SET status = (pod ->> 'status')::"ChallengeStatus", "challengeUrl" = pod ->> 'webosUrl', "lastStatusChange" = clock_timestamp()
    WHERE id = pod ->> 'name' AND (status::text <> pod ->> 'status' OR "challengeUrl" <> pod ->> 'webosUrl');
    IF commits THEN COMMIT; END IF;
  END LOOP;
END $$;
SQL

# $statement with KIND replaced by a list's, five times; with changes two lists take turns.
sub measure
{
	my ($statement, $changes) = @_;
	my $times = $quick ? 3 : 5;
	my $script = '';

	for my $i (0 .. $times)
	{
		my $kind = $changes ? ($i % 2 ? 'odd' : 'even') : 'same';
		(my $call = $statement) =~ s/KIND/$kind/;
		$script .= "SELECT clock_timestamp() AS begin \\gset\n$call\n"
		  . ($i ? "SELECT extract(epoch FROM clock_timestamp() - :'begin') * 1000;\n" : '');
	}
	return took($script);
}

say_row('%-24s %8s %11s %14s', 'one pass, ms (median)', 'pods', 'unchanged', '10 % changed');
for my $pods (1_000, 10_000, $quick ? () : 100_000)
{
	sql("CALL bench.fill($pods)");
	sql('VACUUM ANALYZE');
	my $row = sub {
		my ($name, $statement) = @_;
		say_row('%-24s %8d %11.1f %14.1f', $name, $pods, measure($statement, 0), measure($statement, 1));
	};
	$row->('sync_apply', q{SELECT FROM edurange.sync_apply((SELECT pods FROM bench.list WHERE kind = 'KIND'));});
	$row->('a row at a time', q{CALL bench.row_at_a_time('KIND', false);});
	$row->('the same, autocommit', q{CALL bench.row_at_a_time('KIND', true);}) if $pods <= 10_000;
}

# ---- flags
my $flags = $quick ? 200 : 1_000;
sql('TRUNCATE "ChallengeInstance", "ActivityLog", edurange.sync_watch');
sql(qq{INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId")
	SELECT 'f' || i, 'c', 'u', 'pending...', 'ACTIVE', 'g' FROM generate_series(1, $flags) i});
$im->add_pod(name => "f$_", flag => "EDU-{$_}", user_id => 'u', competition_id => 'g') for 1 .. $flags;
sql('ALTER SYSTEM SET edurange.sync_enabled = on');
say_row("\n%-24s %8s %11s %14s", "$flags new flags, s", 'latency', 'concurrency', 'at the least');
for my $concurrency (1, 8, 64)
{
	for my $latency (5, 20)
	{
		sql(q{UPDATE "ChallengeInstance" SET flag = NULL, "flagSecretName" = NULL});
		sql("ALTER SYSTEM SET edurange.sync_concurrency = $concurrency");
		$im->fault('delay', ms => $latency, route => 'get-secret');
		my $begin = time;
		$node->reload;
		$node->poll_query_until('edurange',
			q{SELECT NOT EXISTS (SELECT FROM "ChallengeInstance" WHERE flag IS NULL)});
		say_row('%-24.2f %5d ms %11d %14.2f', time - $begin, $latency, $concurrency,
			$latency * $flags / $concurrency / 1000);
	}
}
$im->clear_faults;

# ---- idle polls
sub memory
{
	my $pid = sql(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'edurange sync worker'});
	return (slurp_file("/proc/$pid/status") =~ /RssAnon:\s+(\d+)/)[0];
}

sub polls { return sql('SELECT polls FROM edurange.sync_status()'); }

# Wakes the worker until it has polled so often.
sub let_poll
{
	my ($wanted) = @_;
	my $end = polls() + $wanted;
	sql('SELECT FROM (SELECT edurange.sync_now(), pg_sleep(0.004) FROM generate_series(1, 500)) AS woken')
	  while polls() < $end;
	return;
}

# Fewer pods, so that ten thousand polls take seconds.
my $idle = $quick ? 500 : 10_000;
my $pods = 100;
sql(qq{DELETE FROM "ChallengeInstance" WHERE substr(id, 2)::integer > $pods});
$im->remove_pod("f$_") for $pods + 1 .. $flags;
let_poll(200);
sql('CHECKPOINT');
my ($kilobytes, $wal, $polls) = (memory(), sql('SELECT pg_current_wal_insert_lsn()'), polls());
my $written = sql(q{SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables});
let_poll($idle);
$polls = polls() - $polls;
say_row("\n%-24s %8s %11s", "$polls idle polls", 'pods', '');
say_row('%-24s %8d %11d', 'memory before, kB', $pods, $kilobytes);
say_row('%-24s %8d %11d', 'memory after, kB', $pods, memory());
say_row('%-24s %8d %11d', 'rows written', $pods,
	sql(q{SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables}) - $written);
say_row('%-24s %8d %11.2f', 'bytes of WAL a poll', $pods, sql("SELECT pg_current_wal_insert_lsn() - '$wal'") / $polls);
$node->stop;
