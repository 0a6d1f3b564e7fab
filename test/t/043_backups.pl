# Every usual way to copy a database: nothing is lost, the ledger is not doubled, and the copy works.

use strict;
use warnings;

use Edurange::Cluster;
use Edurange::InstanceManager;
use Edurange::Shim;
use FindBin;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $tmp = $PostgreSQL::Test::Utils::tmp_check;
my $instance = '0b7a2f3e-1c5d-4a6b-8e9f-000000000001';
my $ada = 'clx0ada000000000000000001';
my $spring = 'clx0spring000000000000001';

my $im = Edurange::InstanceManager->start;
my $node = Edurange::Cluster->new_ready('original',
	conf => "wal_level = logical\nmax_wal_senders = 8\nmax_replication_slots = 8\nlog_statement = none\n");

$node->psql_file('edurange', "$FindBin::RealBin/../adoption/rows.sql");
$node->safe_psql(
	'edurange', qq{
	SELECT edurange.add_points('$ada', '$spring', n) FROM generate_series(1, 20) n;
	SELECT edurange.add_points('$ada', '$spring', 1, idempotency_key => 'kept');
	SELECT edurange.complete_question('$ada', 'q-xss-1', 'gc-xss');
	SELECT edurange.create_token('player', 'kept');
	SELECT edurange.cdf_import('{"metadata": {"id": "c", "name": "C", "version": "1", "challenge_type": "web"},
		"components": [{"type": "question", "id": "q", "config": {"type": "text", "text": "?", "answer": "a"}}]}');
	DELETE FROM "User" WHERE id = 'clx0many00000000000000100';
	COMMENT ON COLUMN "User".name IS 'somebody''s comment';
});
$im->add_pod(name => $instance, status => 'ACTIVE');

# What a dump tells of the database beside its rows.
sub shape
{
	my ($server) = @_;
	my ($out, $err);

	IPC::Run::run([ 'pg_dump', '-s', $server->connstr('edurange') ], '>', \$out, '2>', \$err) or die $err;
	# a token of its own in every dump, and what only the test adds
	$out =~ s/^\\(un)?restrict .*\n//gm;
	$out =~ s/^--\n-- Name: everything.*?;\n\n\n//gms;
	return $out;
}

# A server of its own, without our roles, for a copy.
sub new_server
{
	my ($name) = @_;
	my $copy = Edurange::Cluster->new_staged($name, worker => 1, conf => "log_statement = none\n");

	$copy->start;
	is($copy->safe_psql('postgres', q{SELECT count(*) FROM pg_roles WHERE rolname LIKE 'edurange%'}),
		'0', "$name: the new server has none of our roles");
	$copy->safe_psql('postgres', 'CREATE DATABASE edurange');
	return $copy;
}

# Nothing is lost, and everything works: SQL, the HTTP service, the worker.
sub check_copy
{
	my ($copy, $name, $rows) = @_;

	is($copy->fingerprint('edurange', 'public', 'edurange'), $rows, "$name: every row is there, once");
	is(shape($copy), shape($node), "$name: tables, triggers, defaults, grants, owners and the guard are the same");
	is($copy->safe_psql('edurange', 'SELECT ready, missing FROM edurange.readiness()'), 't|{}', "$name: nothing is missing");
	is($copy->safe_psql('edurange', 'SELECT * FROM edurange.migrate()'), '', "$name: nothing to do");

	$copy->psql_file('edurange', "$FindBin::RealBin/../../deploy/roles.sql");
	my $total = $copy->safe_psql('edurange', "SELECT edurange.get_points('$ada', '$spring')");
	my $shim = Edurange::Shim->start($copy);
	my ($status, $answer) = $shim->post('/add_points',
		{ user_id => $ada, group_id => $spring, points => 4 }, $shim->make_token('service'));
	is($status, 200, "$name: the HTTP service scores");
	is($copy->safe_psql('edurange', "SELECT edurange.get_points('$ada', '$spring')"), $total + 4, "$name: once");
	$shim->stop;

	$copy->safe_psql('edurange', q{UPDATE "ChallengeInstance" SET status = 'CREATING' WHERE id = '} . "$instance'");
	$copy->safe_psql('edurange', "ALTER SYSTEM SET edurange.instance_manager_url = '" . $im->url . "'");
	$copy->safe_psql('edurange', 'ALTER SYSTEM SET edurange.sync_interval = 100');
	$copy->reload;
	ok($copy->poll_query_until('edurange',
			qq{SELECT status = 'ACTIVE' FROM "ChallengeInstance" WHERE id = '$instance'}),
		"$name: the worker brings an instance up to date");
	is($copy->safe_psql('edurange', 'SELECT * FROM edurange.check_invariants()'), '', "$name: invariants");
	$copy->stop;
	return;
}

my $rows = $node->fingerprint('edurange', 'public', 'edurange');

# ---- pg_dump and psql
{
	my $copy = new_server('plain');

	$node->command_ok([ 'pg_dump', '-f', "$tmp/plain.sql", $node->connstr('edurange') ], 'plain: dump');
	$copy->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $copy->connstr('edurange'),
			'-f', "$tmp/plain.sql" ], 'plain: restore without an error');
	check_copy($copy, 'plain', $rows);
}

# ---- pg_dump -Fc and a parallel pg_restore
{
	my $copy = new_server('custom');

	$node->command_ok([ 'pg_dump', '-Fc', '-f', "$tmp/custom", $node->connstr('edurange') ], 'custom: dump');
	$copy->command_ok([ 'pg_restore', '-e', '-j2', '-d', $copy->connstr('edurange'), "$tmp/custom" ],
		'custom: parallel restore without an error');
	check_copy($copy, 'custom', $rows);
}

# ---- pg_restore --clean over a database that is there: docs/operations.md says what the guard can do about it
{
	my $copy = new_server('clean');
	my $add = q{UPDATE "GroupPoints" SET points = points + 5};
	my $constraints = q{SELECT string_agg(conrelid::regclass || conname, ',' ORDER BY 1) FROM pg_constraint WHERE connamespace = 'public'::regnamespace};

	$copy->command_ok([ 'pg_restore', '-e', '-d', $copy->connstr('edurange'), "$tmp/custom" ], 'clean: as it was');
	$copy->safe_psql('edurange', $add);
	my $since = $copy->fingerprint('edurange', 'public', 'edurange');
	isnt($since, $rows, 'clean: something was written since');

	# a dump of the platform's schema alone does not have the guard, which then stands
	my $keys = $copy->safe_psql('edurange', $constraints);
	$node->command_ok([ 'pg_dump', '-Fc', '-n', 'public', '-f', "$tmp/public", $node->connstr('edurange') ], 'clean: schema public');
	$copy->command_fails_like([ 'pg_restore', '--clean', '-1', '-d', $copy->connstr('edurange'), "$tmp/public" ],
		qr/not dropped without edurange\.allow_drop/, 'clean: the guard refuses a dump without it');
	is($copy->fingerprint('edurange', 'public', 'edurange'), $since, 'clean: in one transaction, no row is touched');
	is($copy->safe_psql('edurange', $constraints), $keys, 'clean: nor a key');
	is($copy->safe_psql('edurange', 'SELECT * FROM edurange.migrate()'), '', 'clean: nor anything else');

	# a whole dump drops the guard before all else: what was written since goes without a word
	$copy->command_ok([ 'pg_restore', '-e', '--clean', '-d', $copy->connstr('edurange'), "$tmp/custom" ],
		'clean: a whole dump is not refused');
	check_copy($copy, 'clean', $rows);
}

# ---- the rows alone, into tables that are there, with their triggers out of the way
{
	my $copy = new_server('data_only');

	$copy->command_ok([ 'pg_restore', '-e', '-s', '-d', $copy->connstr('edurange'), "$tmp/custom" ],
		'data_only: the tables');
	$copy->command_ok([ 'pg_restore', '-e', '--data-only', '--disable-triggers', '-d', $copy->connstr('edurange'),
			"$tmp/custom" ], 'data_only: the rows');
	check_copy($copy, 'data_only', $rows);
}

# ---- pg_basebackup
{
	$node->backup('base');
	my $copy = Edurange::Cluster->new('base');

	$copy->init_from_backup($node, 'base');
	$copy->append_conf('postgresql.conf', "edurange.database = 'edurange'\n");
	$copy->start;
	check_copy($copy, 'basebackup', $rows);
}

# ---- logical replication of all tables
{
	my $copy = new_server('subscriber');

	$node->command_ok([ 'pg_dump', '-s', '-f', "$tmp/schema.sql", $node->connstr('edurange') ], 'subscriber: tables');
	$copy->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $copy->connstr('edurange'),
			'-f', "$tmp/schema.sql" ], 'subscriber: made');
	$node->safe_psql('edurange', 'CREATE PUBLICATION everything FOR TABLES IN SCHEMA public, edurange');
	$copy->safe_psql('edurange',
		q{CREATE SUBSCRIPTION everything CONNECTION $c$} . $node->connstr('edurange') . q{$c$ PUBLICATION everything});
	$copy->wait_for_subscription_sync($node, 'everything', 'edurange');
	is($copy->fingerprint('edurange', 'public', 'edurange'), $rows, 'subscriber: the initial copy has every row once');

	# changes of every table, those without a primary key included
	$node->safe_psql(
		'edurange', qq{
		UPDATE "VerificationToken" SET expires = '2098-01-01';
		INSERT INTO "VerificationToken" VALUES ('bob\@example.org', 'verify-2', '2099-01-01');
		DELETE FROM "VerificationToken" WHERE token = 'verify-1';
		DELETE FROM "_GroupMembers" WHERE "B" = 'clx0bob000000000000000001';
		UPDATE "GroupPoints" SET points = points + 3 WHERE id = 'gp1';
		UPDATE "User" SET id = 'clx0moved0000000000000001' WHERE id = 'clx0many00000000000000101';
		DELETE FROM "User" WHERE id = 'clx0many00000000000000102';
		SELECT edurange.add_points('$ada', '$spring', 5);
		SELECT edurange.revoke_token(id) FROM edurange.token;
		DELETE FROM edurange.idempotency;
		UPDATE edurange.sync_state SET applied_at = '2026-01-01 00:00+00';
	});
	$node->wait_for_catchup('everything');
	my $after = $node->fingerprint('edurange', 'public', 'edurange');
	isnt($after, $rows, 'subscriber: there was something to replicate');
	$copy->safe_psql('edurange', 'DROP SUBSCRIPTION everything');
	$node->safe_psql('edurange', 'DROP PUBLICATION everything');
	check_copy($copy, 'subscriber', $after);
}

done_testing();
