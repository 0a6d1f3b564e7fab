# A database that the platform's Prisma made is taken over in place: while others write, without a
# changed row, and back again.  In both forms that its installers leave behind.

use strict;
use warnings;

use Edurange::Cluster;
use FindBin;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $files = "$FindBin::RealBin/../adoption";
my $remove = "$FindBin::RealBin/../../deploy/remove.sql";
my $node = Edurange::Cluster->new_staged('platform');
my $tmp = $PostgreSQL::Test::Utils::tmp_check;

$node->start;
$node->safe_psql('postgres', 'CREATE ROLE platform LOGIN');

# The shape of the platform's schema as a dump tells it.
sub shape
{
	my ($database) = @_;
	my ($out, $err);

	IPC::Run::run([ 'pg_dump', '-s', '-n', 'public', $node->connstr($database) ], '>', \$out, '2>', \$err)
	  or die $err;
	# a token of its own in every dump
	$out =~ s/^\\(un)?restrict .*\n//gm;
	return $out;
}

# Runs as the platform's login, which knows nothing of us.
sub as_platform
{
	my ($database, $sql, $name) = @_;
	my ($status, $out, $err) = $node->psql($database, $sql, extra_params => [ '-U', 'platform' ]);

	is($status, 0, $name) or diag($err);
	return $out;
}

# What the dashboard sends, in its own words: raw SQL and what its client makes.
my $dashboard = q{
	INSERT INTO "GroupPoints" ("userId", "groupId", points)
	  VALUES ('clx0cyd000000000000000001', 'clx0spring000000000000001', 11)
	  ON CONFLICT ("userId", "groupId") DO UPDATE SET points = "GroupPoints".points + 11;
	INSERT INTO "GroupPoints" ("userId", "groupId", points)
	  VALUES ('clx0cyd000000000000000001', 'clx0spring000000000000001', 11)
	  ON CONFLICT ("userId", "groupId") DO UPDATE SET points = "GroupPoints".points + 11;
	INSERT INTO "ChallengeCompletion" (id, "userId", "groupChallengeId", "pointsEarned", "completedAt")
	  VALUES (gen_random_uuid()::text, 'clx0cyd000000000000000001', 'gc-sqli', 0, now())
	  ON CONFLICT ("userId", "groupChallengeId") DO NOTHING;
	INSERT INTO "public"."_GroupMembers" ("A", "B")
	  VALUES ('clx0spring000000000000001', 'clx0cyd000000000000000001') ON CONFLICT DO NOTHING;
	UPDATE "public"."GroupPoints" SET "points" = ("public"."GroupPoints"."points" + 5),
	  "updatedAt" = '2025-03-01 00:00:00' WHERE ("public"."GroupPoints"."id" = 'gp1' AND 1 = 1)
	  RETURNING "public"."GroupPoints"."id", "public"."GroupPoints"."points";
	BEGIN;
	DELETE FROM "public"."ChallengeCompletion" WHERE "userId" = 'clx0bob000000000000000001';
	DELETE FROM "public"."QuestionCompletion" WHERE "userId" = 'clx0bob000000000000000001';
	UPDATE "public"."GroupPoints" SET "points" = 0 WHERE "id" = 'gp2';
	COMMIT;
	INSERT INTO "public"."ChallengeInstance" ("id", "challengeId", "userId", "challengeUrl", "creationTime",
	  "status", "terminationAttempts", "lastStatusChange", "flag", "competitionId", "k8s_instance_name")
	  VALUES (gen_random_uuid()::text, 'sqli', 'clx0ada000000000000000001', 'pending...', '2025-03-01',
	  CAST('CREATING'::text AS "public"."ChallengeStatus"), 0, '2025-03-01', 'flag{01234567sqli}',
	  'clx0spring000000000000001', 'challenge-9');
	DELETE FROM "User" WHERE id = 'clx0many00000000000000200';
	ALTER TABLE "User" ADD COLUMN "studentNumber" text;
};

my %form = (
	'Prisma 5, as the installer pushes it' => { prisma5 => 'true', pushed => 'true' },
	'Prisma 6, as the dashboard has it' => { prisma5 => 'false', pushed => 'false' });

for my $name (sort keys %form)
{
	my %variables = %{ $form{$name} };
	my $database = $variables{prisma5} eq 'true' ? 'prisma5' : 'prisma6';
	my $totals = 'SELECT sum(points) FROM "GroupPoints"';

	note $name;
	$node->safe_psql('postgres', "CREATE DATABASE $database OWNER platform");
	$node->safe_psql($database, 'GRANT ALL ON SCHEMA public TO platform');
	for my $file ('platform.sql', 'rows.sql')
	{
		$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-U', 'platform', '-d',
				$node->connstr($database), '-v', "prisma5=$variables{prisma5}", '-v', "pushed=$variables{pushed}",
				'-f', "$files/$file" ], "$database: $file");
	}
	my $shape = shape($database);
	my $rows = $node->fingerprint($database, 'public');
	my $total = $node->safe_psql($database, $totals);
	my $enum = $node->safe_psql($database, 'SELECT enum_range(NULL::"UserRole"), enum_range(NULL::"ActivityEventType")');

	# what it would do
	$node->safe_psql($database, 'CREATE EXTENSION edurange');
	my $foretold = $node->safe_psql($database,
		q{SELECT kind, name FROM edurange.migrate(dry_run => true) ORDER BY 1, 2});
	is($node->fingerprint($database, 'public'), $rows, 'a dry run changes no row');
	is(shape($database), $shape, 'and no table');
	is( join("\n", grep { /^finding/ } split /\n/, $foretold),
		join("\n", map { "finding|$_" } 'decoy_flag: 1', 'misplaced_completion: 1', 'null_flag: 1', 'phantom_pack: 1',
			'points_without_membership: 1', 'total_differs: 202', 'unearned_completion: 1'),
		'what is broken is counted');
	like($foretold, qr/^ledger\|opening entries: 203$/m, 'the opening entries are counted');

	# somebody reads and does not end: who is named, and nobody else waits meanwhile
	my $reader = IPC::Run::start([ 'psql', '-XAtq', '-U', 'platform', '-d', $node->connstr($database),
			'-c', 'SELECT count(*) FROM "Session"; SELECT pg_sleep(60)' ], '>', \my $read, '2>&1');
	$node->poll_query_until($database, q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')});
	my $waiting = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr($database),
			'-c', q{SET lock_timeout = '6s'}, '-c', 'SELECT * FROM edurange.migrate()' ], '>', \my $waited, '2>&1');
	$node->poll_query_until($database, q{SELECT EXISTS (SELECT FROM pg_locks WHERE relation = '"Session"'::regclass AND NOT granted)});
	my $written_at_once = 0;
	for (1 .. 20)
	{
		my ($code) = $node->psql($database, q{SET statement_timeout = '2500ms';
			UPDATE "GroupPoints" SET points = points WHERE id = 'gp1'}, extra_params => [ '-U', 'platform' ]);
		$written_at_once++ if $code == 0;
	}
	is($written_at_once, 20, 'writers go on while migrate() waits for a reader');
	ok(!$waiting->finish, 'it gives up');
	like($waited, qr/could not lock the tables within 6000 ms.*\n.*process \d+ of platform holds public\."Session"/, 'and names who is in the way');
	$node->safe_psql($database, q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'});
	$reader->finish;

	# taking over, while somebody writes all the time
	append_to_file("$tmp/$database.sql", q{
		UPDATE "GroupPoints" SET points = points + 1 WHERE id = 'gp1';});
	my $load = IPC::Run::start(
		[ 'pgbench', '-n', '-U', 'platform', '-T', '2', '-c', '2', '-f', "$tmp/$database.sql",
			'-h', $node->host, '-p', $node->port, $database ],
		'>', \my $load_out, '2>', \my $load_err);
	$node->poll_query_until($database, qq{SELECT ($totals) > $total});
	my $done = $node->safe_psql($database,
		q{CREATE TABLE pg_temp.done AS SELECT * FROM edurange.migrate(); SELECT * FROM pg_temp.done ORDER BY 1, 2});
	ok($load->finish, 'no write failed meanwhile') or diag($load_err);
	like($load_out, qr/number of failed transactions: 0 /, 'none at all');
	is($done, join("\n", grep { !/^finding/ } split /\n/, $foretold), 'it did what it had foretold');
	my ($written) = $load_out =~ /number of transactions actually processed: (\d+)/;
	is($node->safe_psql($database, $totals), $total + $written, 'every write counts');
	is($node->safe_psql($database, 'SELECT * FROM edurange.check_invariants()'), '', 'invariants');
	is( $node->safe_psql($database, q{SELECT count(*), sum(delta) FROM edurange.points_ledger
		WHERE user_id = 'clx0bob000000000000000001' AND kind = 'opening'}),
		'1|40', 'an opening entry');
	$node->safe_psql($database, qq{UPDATE "GroupPoints" SET points = points - $written WHERE id = 'gp1'});

	# as it was
	is($node->fingerprint($database, 'public'), $rows, 'every old row is as it was');
	is($node->safe_psql($database, q{SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class
		WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'}), 'platform', 'the owner, too');
	is($node->safe_psql($database, 'SELECT enum_range(NULL::"UserRole"), enum_range(NULL::"ActivityEventType")'),
		$enum, 'enum values keep their order');
	is($node->safe_psql($database, q{SELECT count(*) FROM pg_constraint WHERE contype = 'p' AND conname LIKE '\_%pkey'}),
		$variables{prisma5} eq 'true' ? 0 : 2, 'join tables keep their form');
	is($node->safe_psql($database, 'SELECT * FROM edurange.migrate()'), '', 'a second time there is nothing to do');
	is($node->safe_psql($database, 'SELECT ready FROM edurange.readiness()'), 't', 'ready');
	is( $node->safe_psql($database, q{SELECT "userId", points FROM edurange.leaderboard('clx0spring000000000000001', 2)}),
		"clx0bob000000000000000001|40\nclx0ada000000000000000001|30", 'the board');

	# the platform goes on
	as_platform($database, $dashboard, 'the statements of a dashboard work');
	is($node->safe_psql($database, q{SELECT points FROM "GroupPoints" WHERE "userId" = 'clx0cyd000000000000000001'
		AND "groupId" = 'clx0spring000000000000001'}), '22', 'a raw insert without id counts once each time');
	is($node->safe_psql($database, 'SELECT * FROM edurange.check_invariants()'), '', 'invariants');
	is($node->safe_psql($database, 'SELECT * FROM edurange.migrate()'), '', 'a column of the dashboard is no difference');
	my ($status, undef, $err) = $node->psql($database, 'DROP SCHEMA "public" CASCADE; CREATE SCHEMA "public"');
	isnt($status, 0, 'a forced reset is refused');
	like($err, qr/not dropped without edurange\.allow_drop/, 'by the guard');
	like(as_platform($database, q{SELECT count(*) FROM "User"}, 'nothing went'), qr/^204$/, 'all are there');

	# mending on request
	is($node->safe_psql($database, q{SELECT finding, subject FROM edurange.repair('null_flag')}),
		'null_flag|0b7a2f3e-1c5d-4a6b-8e9f-000000000002', 'a repair');
	is($node->safe_psql($database, q{SELECT count(*) FROM edurange.findings('null_flag')}), '0', 'is one');

	# and back
	as_platform($database, 'ALTER TABLE "User" DROP COLUMN "studentNumber"', 'the column goes');
	my $kept = $node->fingerprint($database, 'public', 'edurange');
	$node->safe_psql($database, 'SET client_min_messages = warning; DROP EXTENSION edurange CASCADE');
	is($node->fingerprint($database, 'public', 'edurange'), $kept, 'dropping the extension takes no row');
	as_platform($database, q{UPDATE "GroupPoints" SET points = points + 1 WHERE id = 'gp1'}, 'the platform goes on');
	$node->safe_psql($database, 'CREATE EXTENSION edurange; SELECT * FROM edurange.migrate()');
	is($node->safe_psql($database, 'SELECT * FROM edurange.check_invariants()'), '', 'and can come again');
	$rows = $node->fingerprint($database, 'public');
	$node->psql_file($database, $remove);
	is($node->fingerprint($database, 'public'), $rows, 'a full removal takes no row of the platform');
	# the key of challenge types, which the pushed form lacks, stays
	$node->safe_psql($database, 'DROP INDEX "ChallengeType_name_key"') if $variables{pushed} eq 'true';
	is(shape($database), $shape, 'and leaves its tables as they were');
	is($node->safe_psql($database, q{SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'edurange%'}), '0', 'nothing of ours');
}

# Tables stay their owner's also where the database is somebody else's, and rights that were lost come back.
{
	my $owners = q{SELECT DISTINCT pg_get_userbyid(o) FROM (SELECT relowner FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
		UNION ALL SELECT typowner FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype = 'e') AS owners (o)};

	$node->safe_psql('postgres', 'CREATE DATABASE lodger');
	$node->safe_psql('lodger', 'GRANT CREATE ON SCHEMA public TO platform');
	$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-U', 'platform', '-d', $node->connstr('lodger'), '-v', 'prisma5=false', '-v', 'pushed=false',
			'-f', "$files/platform.sql" ], 'tables in the database of somebody else');
	$node->safe_psql('lodger', 'CREATE EXTENSION edurange; SELECT * FROM edurange.migrate()');
	is($node->safe_psql('lodger', $owners), 'platform', 'they stay their owner\'s');
	$node->safe_psql('lodger', q{REVOKE ALL ON "User", "GroupPoints" FROM edurange_game; REVOKE USAGE ON TYPE "UserRole" FROM PUBLIC});
	$node->safe_psql('lodger', 'SELECT * FROM edurange.migrate()');
	is($node->safe_psql('lodger', $owners), 'platform', 'also when rights are put back');
	is($node->safe_psql('lodger', 'SELECT ready FROM edurange.readiness()'), 't', 'ready');
	as_platform('lodger', 'SELECT count(*) FROM "User"', 'and the platform reads them');
}

# Without the keys that decide who comes first nobody could score: such tables are not taken over, and a dry run says so.
my %keyless = (
	'a plain index' => q{DROP INDEX "GroupPoints_userId_groupId_key"; CREATE INDEX "GroupPoints_userId_groupId_key" ON "GroupPoints" ("userId", "groupId")},
	'one that is not valid' => q{UPDATE pg_index SET indisvalid = false WHERE indexrelid = '"GroupPoints_userId_groupId_key"'::regclass},
	'one of some rows' => q{DROP INDEX "GroupPoints_userId_groupId_key"; CREATE UNIQUE INDEX "GroupPoints_userId_groupId_key" ON "GroupPoints" ("userId", "groupId") WHERE points > 0},
	'no primary key' => q{ALTER TABLE "GroupPoints" DROP CONSTRAINT "GroupPoints_pkey"},
);
for my $what (sort keys %keyless)
{
	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS keyless; CREATE DATABASE keyless OWNER platform');
	$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-U', 'platform', '-d', $node->connstr('keyless'), '-v', 'prisma5=false', '-v', 'pushed=false',
			'-f', "$files/platform.sql" ], "$what: tables");
	$node->safe_psql('keyless', "$keyless{$what}; CREATE EXTENSION edurange");
	for my $call ('migrate(dry_run => true)', 'migrate()')
	{
		my ($code, undef, $err) = $node->psql('keyless', "SELECT * FROM edurange.$call");
		like($err, qr/public\."GroupPoints" has no unique key of \(("userId", "groupId"|id)\)/, "$what: $call says which is missing");
	}
}

done_testing();
