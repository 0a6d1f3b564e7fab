# What docs/operations.md promises: every alert has its section and fires when it should, health() says
# what is wrong, what only the database knows reaches Prometheus, and the cures cure.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;

my $source = "$ENV{TESTDIR}/../../src";
my $rules = slurp_file("$source/deploy/prometheus/alerts.yml");
my $page = slurp_file("$source/docs/operations.md");
my @alerts = $rules =~ /- alert: (\w+)/g;

is_deeply([ sort $page =~ /^### (Edurange\w+)$/mg ], [ sort @alerts ], 'each alert has its section, and no other is there');
my %heading = map { lc() =~ s/[^\w -]//gr =~ tr/ /-/r => 1 } $page =~ /^#+ (.*)$/mg;
is_deeply([ grep { !$heading{$_} } $page =~ /\]\(#([\w-]+)\)/g ], [], 'links inside the page lead somewhere');
my $tests = slurp_file("$source/test/prometheus/alerts.yml");
is_deeply([ grep { $tests !~ /alertname: $_\b/ } @alerts ], [], 'each alert is tested');

my $promtool = grep { -x "$_/promtool" } split /:/, $ENV{PATH};
SKIP:
{
	skip 'there is no promtool here', 2 unless $promtool;
	for my $what ([ 'check', 'rules', "$source/deploy/prometheus/alerts.yml" ], [ 'test', 'rules', "$source/test/prometheus/alerts.yml" ])
	{
		my $out = '';
		ok(IPC::Run::run([ 'promtool', @$what ], '>', \$out, '2>&1'), "promtool @$what[0, 1]") or diag $out;
	}
}

# A setting of a library that is not loaded yet cannot be changed by SQL: the pages put it into a file.
for my $name (qw(migrating high-availability operations))
{
	unlike(slurp_file("$source/docs/$name.md"), qr/ALTER SYSTEM SET edurange\.database/, "$name.md does not set edurange.database by SQL");
}

# ---- health() explains itself --------------------------------------------------------------------
my $node = Edurange::Cluster->new_ready('operations', worker => 1, init => { allows_streaming => 1 },
	conf => "edurange.sync_interval = 100\nedurange.sync_timeout = 1s\nedurange.sync_enabled = off\nlog_statement = none\n");

sub sql { return $node->safe_psql('edurange', $_[0]); }

# Changes a setting and waits until health() says something.
sub says
{
	my ($like, %settings) = @_;

	sql("ALTER SYSTEM SET $_ = '$settings{$_}'") for sort keys %settings;
	$node->reload;
	ok($node->poll_query_until('edurange', "SELECT message ~ '$like' FROM edurange.health()"), "health() says: $like")
	  or diag sql('SELECT message FROM edurange.health()');
	return;
}
says('^the sync worker is paused; set edurange.sync_enabled to on$');
says('^the sync worker idles; set edurange.instance_manager_url$', 'edurange.sync_enabled' => 'on');
says('^the sync worker failed \\d+ times in a row: could not connect$', 'edurange.instance_manager_url' => 'http://127.0.0.1:1/api');
sql('DROP INDEX edurange_instance_user_idx');
says('^something is missing; run edurange.migrate\\(\\); the sync worker failed');
is(sql('SELECT status FROM edurange.health()'), 'ok', 'the server answers, whatever is wrong');
is(sql('SELECT name FROM edurange.migrate()'), 'edurange_instance_user_idx', 'the cure of what is missing');

# ---- what only the database knows ----------------------------------------------------------------
sub metrics
{
	my ($server) = @_;
	my ($out, $err) = ('', '');

	ok(IPC::Run::run([ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $server->connstr('edurange'), '-f', "$source/deploy/prometheus/textfile.sql" ],
			'>', \$out, '2>', \$err), 'textfile.sql runs') or diag $err;
	if ($promtool)
	{
		my $said = '';
		ok(IPC::Run::run([ 'promtool', 'check', 'metrics' ], '<', \$out, '>', \$said, '2>&1'), 'promtool finds nothing') or diag $said;
	}
	return map { /^(\w+)(?:\{.*\})? (\S+)$/ ? ($1 => $2) : () } split /\n/, $out;
}
sql(q{INSERT INTO "User" (id, email) VALUES ('ada', 'a');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'ada');
	SELECT edurange.add_points('ada', 'g', 120);
	SELECT pg_create_physical_replication_slot('standby', true)});
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->append_conf('postgresql.conf', "primary_slot_name = 'standby'\n");
$standby->start;
$node->wait_for_catchup($standby);
my %metric = metrics($node);
is($metric{edurange_primary}, 1, 'the primary');
is($metric{edurange_replicas}, 1, 'has a standby');
ok(defined $metric{edurange_replica_lag_seconds}, 'whose lag is told');
ok(defined $metric{edurange_replica_lag_bytes}, 'and what its slot keeps');
is($metric{edurange_invariant_violations}, 0, 'no invariant is violated');
is($metric{edurange_missing}, 0, 'nothing is missing');
cmp_ok($metric{edurange_storage_bytes}, '>', 1e6, 'size');
like($metric{edurange_oldest_transaction_seconds}, qr/^\d+(\.\d+)?$/, 'the oldest transaction');
my %there = metrics($standby);
is_deeply([ @there{qw(edurange_primary edurange_replicas edurange_invariant_violations)} ], [ 0, 0, 0 ], 'the standby tells, too');

# ---- a total that somebody changed past the triggers ---------------------------------------------
for my $right (qw(total ledger))
{
	sql(q{ALTER TABLE "GroupPoints" DISABLE TRIGGER ALL;
		UPDATE "GroupPoints" SET points = points + 5;
		ALTER TABLE "GroupPoints" ENABLE TRIGGER ALL});
	is({ metrics($node) }->{edurange_invariant_violations}, 1, "$right: the violation is counted") or diag sql('SELECT * FROM edurange.check_invariants()');
	sql(q{ALTER TABLE "GroupPoints" DISABLE TRIGGER USER; SELECT * FROM edurange.migrate()});
	sql(q{SELECT edurange.set_points('ada', 'g', 120, reason => 'the ledger was right')}) if $right eq 'ledger';
	is(sql('SELECT * FROM edurange.check_invariants()'), '', "$right: the cure cures");
	is(sql(q{SELECT edurange.get_points('ada', 'g')}), $right eq 'total' ? 125 : 120, "$right: the total that was wanted");
}

done_testing();
