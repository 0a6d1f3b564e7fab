# A plain dump restores into a new server without our roles: no row, trigger, default or grant lost.

use strict;
use warnings;

use Edurange::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Edurange::Cluster->new_ready('original');

$node->safe_psql(
	'edurange', q{
	INSERT INTO "User" (id, email) VALUES ('ada', 'a@x'), ('bob', 'b@x');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'ada'), ('g', 'bob');
	SELECT edurange.add_points('ada', 'g', n) FROM generate_series(1, 20) n;
	SELECT edurange.create_token('player', 'kept');
	SELECT edurange.cdf_import('{"metadata": {"id": "c", "name": "C", "version": "1", "challenge_type": "web"},
		"components": [{"type": "question", "id": "q", "config": {"type": "text", "text": "?", "answer": "a"}}]}');
});

# One line a table: its name and a sum over its rows.
my $fingerprint = q{
	SELECT string_agg(format('%s %s', c.oid::regclass, query_to_xml(format(
		'SELECT count(*), md5(string_agg(t::text, %L ORDER BY t::text)) FROM %s t', ',', c.oid::regclass),
		false, false, '')), E'\n' ORDER BY c.oid::regclass::text)
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname IN ('public', 'edurange') AND c.relkind = 'r'};
my $rows = $node->safe_psql('edurange', $fingerprint);
my $dump = "$PostgreSQL::Test::Utils::tmp_check/dump.sql";

$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('edurange') ], 'dump');

my $copy = Edurange::Cluster->new_staged('copy');
$copy->start;
is($copy->safe_psql('postgres', q{SELECT count(*) FROM pg_roles WHERE rolname LIKE 'edurange%'}),
	'0', 'the new server has none of our roles');
$copy->safe_psql('postgres', 'CREATE DATABASE edurange');
$copy->command_ok(
	[ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $copy->connstr('edurange'), '-f', $dump ],
	'restore without an error');

is($copy->safe_psql('edurange', $fingerprint), $rows, 'every row is there, once');
is($copy->safe_psql('edurange', 'SELECT ready FROM edurange.readiness()'), 't', 'nothing is missing');
is($copy->safe_psql('edurange', 'SELECT count(*) FROM edurange.migrate()'), '0', 'nothing to do');
is($copy->safe_psql('edurange', q{SELECT points FROM edurange.add_points('ada', 'g', 1)}),
	'211', 'the copy scores on');
is($copy->safe_psql('edurange', 'SELECT count(*) FROM edurange.check_invariants()'), '0', 'invariants');

done_testing();
