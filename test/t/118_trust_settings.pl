# Settings of a database and of a role change no answer: what the extension does in one where all that an ordinary
# role may set is as hostile as it can be is what it does in one without any.

use strict;
use warnings;

use Edurange::Cluster;
use Edurange::Shim;
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;
use Test::More;

my $settings = slurp_file(dirname(__FILE__) . '/../hostile/settings.conf');
my %hostile = $settings =~ /^(\w+) = (.*)$/mg;
my $node = Edurange::Cluster->new_staged('settings');
$node->start;

# Each setting of an ordinary role's is known here, with a hostile value or with why it has none.
{
	my ($left) = $settings =~ /^# Left as they are:\n(.*)/ms;
	my %named = map { lc($_) => 1 } keys %hostile, $left =~ /(\w+)/g;
	my @unknown = grep { !$named{ lc $_ } } split /\n/,
	  $node->safe_psql('postgres', q{SELECT name FROM pg_settings WHERE context = 'user'
		AND category NOT IN ('Developer Options', 'Customized Options') ORDER BY 1});

	# what versions have more that are newer than any we support is told, and decided when they are
	diag("not in settings.conf: @unknown") if @unknown;
	is("@unknown", '', 'each setting that an ordinary role may set is named in settings.conf') if $node->pg_version < 19;
	my %known = map { lc($_) => 1 } split /\n/, $node->safe_psql('postgres', 'SELECT name FROM pg_settings');
	delete @hostile{ grep { !$known{ lc $_ } } keys %hostile };
}

# A database as the tests want it, under the settings.
sub database
{
	my ($name, %set) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, q{
		CREATE SCHEMA hostile;
		CREATE FUNCTION hostile.lower(text) RETURNS text LANGUAGE sql AS 'SELECT ''hostile''';
		CREATE FUNCTION hostile.array_agg(text) RETURNS text LANGUAGE sql AS 'SELECT ''hostile''';
		CREATE FUNCTION hostile.equal(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
		CREATE OPERATOR hostile.= (FUNCTION = hostile.equal, LEFTARG = text, RIGHTARG = text);
		GRANT USAGE ON SCHEMA hostile TO PUBLIC});
	for my $setting (sort keys %set)
	{
		my $value = $setting eq 'search_path' ? $set{$setting} : "'$set{$setting}'";
		$node->safe_psql('postgres', "ALTER DATABASE $name SET $setting = $value");
	}
	return $name;
}

# What the functions answer, as JSON and without what differs each time.
sub story
{
	my ($name) = @_;
	my $document = q({"metadata": {"id": "c1", "name": "C", "version": "1", "challenge_type": "web", "description": "a \\\\ b"},
		"components": [{"type": "question", "id": "q1", "config": {"type": "text", "text": "Which?", "points": 10, "answer": "a\\nb"}}]});
	my @calls = (
		q{SELECT count(*) FROM edurange.migrate(dry_run => true)},
		q{SELECT kind, name FROM edurange.migrate() ORDER BY 1, 2},
		q{SELECT kind, name FROM edurange.migrate() ORDER BY 1, 2},
		q{SELECT edurange.wire(edurange.readiness())},
		q{INSERT INTO public."User" (id, email, name, "updatedAt") VALUES ('u1', 'u1@example.org', 'null', '2024-01-02'), ('t1', 't1@example.org', 'T', '2024-01-02')},
		q{SELECT value, sqlstate, message FROM edurange.outcomes('create_competition', ARRAY['Name', '2024-03-02T01:00:00Z', '{t1}', 'null', NULL, NULL, NULL, NULL, 'k1'])},
		qq{SELECT edurange.wire(edurange.cdf_validate(\$d\$$document\$d\$))},
		qq{SELECT edurange.wire(edurange.cdf_import(\$d\$$document\$d\$, idempotency_key => 'k'))},
		qq{SELECT edurange.wire(edurange.cdf_import(\$d\$$document\$d\$, idempotency_key => 'k'))},
		q{SELECT edurange.cdf_export('c1')},
		q{SELECT edurange.version_satisfies('1.2.3', '>=1.0.0 <2')},
		qq{SELECT edurange.wire(v) FROM edurange.json_schema_validate(\$d\${"pattern": "^a\\\\\\\\.b\$"}\$d\$, '"a.b"') v},
		q{SELECT edurange.wire(ROW(33.33::float8, 1e-7::float8, 1::real/3, 5.10::numeric, '2024-05-06 07:08:09Z'::timestamptz,
			decode('00ff', 'hex'), make_interval(days => 3, hours => 4), make_date(2024, 5, 6), ARRAY['NULL', NULL])::record)},
		q{SELECT finding, subject, detail FROM edurange.findings()},
		q{SELECT * FROM edurange.check_invariants()},
	);
	my $answers = '';

	for my $call (@calls)
	{
		my ($code, $out, $err) = $node->psql($name, $call);
		$answers .= "$call\n$out\n$err\n";
	}
	$answers =~ s/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/ID/g;
	my $now = '20' . (gmtime)[5] % 100;
	$answers =~ s/"$now-[0-9]{2}-[^"]*Z"/TIME/g;
	return $answers;
}

my $plain = database('plain');
my $set = database('hostile', %hostile);
$node->safe_psql($_, 'CREATE EXTENSION edurange') for $plain, $set;
is($node->safe_psql($set, 'SHOW standard_conforming_strings'), 'off', 'the settings are those of the database');
# what a session asks for is its own business
$node->safe_psql('postgres', "ALTER DATABASE $set SET default_transaction_isolation = 'read committed'");
my ($one, $other) = (story($plain), story($set));
is($other, $one, 'the same answers under hostile settings');
is(join("\n", $one =~ /^.*ERROR.*$/mg), '', 'none of which is an error');
$node->psql_file($set, dirname(__FILE__) . '/../../deploy/roles.sql');
$node->psql_file($set, dirname(__FILE__) . '/../../deploy/remove.sql');
is($node->safe_psql($set, q{SELECT count(*) FROM pg_class WHERE relname LIKE 'edurange$_%' ESCAPE '$'}), '0',
	'remove.sql takes all out, whatever the settings');

# What was answered is there after a crash, whatever synchronous_commit is; what others write under it need not be.
$node->safe_psql('postgres', q{ALTER DATABASE plain SET synchronous_commit = off});
$node->safe_psql('postgres', q{ALTER SYSTEM SET wal_writer_delay = '10s'});
$node->restart;
$node->safe_psql($plain, q{
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2024-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'u1');
	CHECKPOINT});
is($node->safe_psql($plain, q{SHOW synchronous_commit; SELECT points FROM edurange.add_points('u1', 'g', 7)}), "off\n7", 'an award is acknowledged');
$node->stop('immediate');
$node->start;
is($node->safe_psql($plain, q{SELECT edurange.get_points('u1', 'g')}), '7', 'and there after a crash');
is($node->safe_psql($plain, q{SELECT count(*) FROM edurange.check_invariants()}), '0', 'with its entry');

# Nor does the language in which the server speaks, where it knows another one: a table that was altered is named.
SKIP:
{
	my $locales = "$PostgreSQL::Test::Utils::tmp_check/locales";

	mkdir $locales;
	skip 'no German here', 2 unless system("localedef -i de_DE -f UTF-8 '$locales/de_DE.UTF-8' 2>/dev/null") == 0;
	$node->stop;
	{
		local $ENV{LOCPATH} = $locales;
		$node->start;
	}
	$node->safe_psql($plain, q{ALTER DATABASE plain SET lc_messages = 'de_DE.UTF-8'; ALTER TABLE "GroupPoints" RENAME points TO punkte});
	my (undef, undef, $error) = $node->psql($plain, q{SELECT nothing});
	skip 'the server speaks English only', 2 unless $error =~ /FEHLER/;
	(undef, undef, $error) = $node->psql($plain, q{SELECT edurange.get_points('u1', 'g')});
	like($error, qr/public\."GroupPoints"\.points/, 'a column that is gone is named');
	$node->safe_psql($plain, q{ALTER TABLE "GroupPoints" RENAME punkte TO points; DROP TABLE edurange.standing} =~ s/DROP/SET edurange.allow_drop = on; DROP/r);
	(undef, undef, $error) = $node->psql($plain, q{SELECT edurange.add_points('u1', 'g', 1)});
	like($error, qr/edurange\.migrate\(\)|edurange\.standing/, 'and a table');
}

$node->stop;
done_testing();
