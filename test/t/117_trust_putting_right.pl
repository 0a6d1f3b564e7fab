# What can go wrong can be put right: totals that changed while nobody recorded it, owners, grants and roles that
# were lost.  Until then it is named, and nothing goes wrong quietly.

use strict;
use warnings;

use Edurange::Cluster;
use Edurange::Shim;
use FindBin;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Edurange::Cluster->new_ready('putting_right', conf => "session_preload_libraries = 'auto_explain'\n"
	  . "auto_explain.log_min_duration = 0\nauto_explain.log_nested_statements = on\nauto_explain.log_verbose = on\n"
	  . "log_statement = none\n");

sub sql { return $node->safe_psql($_[1] // 'edurange', $_[0]) }

# What a statement is refused with: SQLSTATE, message and hint.
sub refusal
{
	my ($sql, $database) = @_;
	my ($code, $out, $err) = $node->psql($database // 'edurange', "\\set VERBOSITY verbose\n$sql");

	return '' if $code == 0;
	my ($message) = $err =~ /ERROR:\s+(.*)/;
	my ($hint) = $err =~ /HINT:\s+(.*)/;
	return join(' | ', $message, $hint // ());
}

sql(q{
	INSERT INTO "User" (id, email) SELECT u, u || '@example.org' FROM unnest(ARRAY['ina', 'ada', 'bob', 'cyd', 'dan']) u;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2024-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'g', u FROM unnest(ARRAY['ada', 'bob', 'cyd', 'dan']) u;
	INSERT INTO "ChallengeType" (id, name) VALUES ('web', 'web');
	INSERT INTO "Challenge" (id, name, difficulty, "challengeTypeId") VALUES ('c', 'C', 'EASY', 'web');
	INSERT INTO "ChallengeQuestion" (id, "challengeId", content, type, points, answer, "order")
		VALUES ('q', 'c', 'Which?', 'TEXT', 7, 'answer-in-no-log', 1);
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('gc', 7, 'c', 'g')});
sql("SELECT edurange.add_points('$_', 'g', 10)") for qw(ada bob cyd dan);

my $invariants = q{SELECT string_agg(DISTINCT invariant, ' ' ORDER BY invariant) FROM edurange.check_invariants()};

# ---- totals that changed while nobody recorded it --------------------------------------------------

# A change without our triggers.
sub unseen
{
	return sql("SET session_replication_role = replica; UPDATE \"GroupPoints\" SET points = points + ($_[1]) WHERE \"userId\" = '$_[0]'");
}

unseen('ada', 5);
unseen('bob', 5);
unseen('dan', 5);
sql("SELECT edurange.add_points('$_', 'g', 1)") for qw(ada bob);
unseen('bob', -5);
is(sql($invariants), 'balance_is_sum ledger_is_total', 'awarded on top of it, balances are broken');
is(sql(q{SELECT count(*) FROM edurange.findings('balance_differs')}), '3', 'it is found');
like(sql(q{SELECT detail FROM edurange.findings('balance_differs') ORDER BY 1 LIMIT 1}),
	qr/^the total of user "ada" in competition "g" is 16, the entries of the ledger sum up to 11, the board says 16$/, 'and said');
my $totals = sql(q{SELECT "userId", points FROM "GroupPoints" ORDER BY 1});
is(sql(q{SELECT count(*) FROM edurange.repair('balance_differs', (SELECT id FROM "GroupPoints" WHERE "userId" = 'ada'))}), '1', 'one is repaired');
is(sql(q{SELECT count(*) FROM edurange.findings('balance_differs')}), '2', 'the others are there still');
is(sql(q{SELECT count(*) FROM edurange.repair('balance_differs')}), '2', 'all are repaired');
is(sql(q{SELECT user_id, kind, delta, balance, actor = 'role:' || session_user, reason FROM edurange.points_ledger WHERE kind = 'opening' ORDER BY 1}),
	"ada|opening|5|16|t|repair: balance_differs\n"
	  . "bob|opening|0|11|t|repair: balance_differs\n"
	  . 'dan|opening|5|15|t|repair: balance_differs', 'by entries with a reason');
is(sql(q{SELECT "userId", points FROM "GroupPoints" ORDER BY 1}), $totals, 'no total changed');
is(sql($invariants), '', 'and all is well');
is(sql(q{SELECT count(*) FROM edurange.repair('balance_differs')}), '0', 'nothing more to repair');
sql("SELECT edurange.add_points('$_', 'g', 1)") for qw(ada bob dan);
is(sql($invariants), '', 'as it is after the next award');

# The same with triggers that were gone, and came back before migrate() saw.
sql('ALTER TABLE "GroupPoints" DISABLE TRIGGER edurange_group_points_changed');
sql(q{UPDATE "GroupPoints" SET points = points + 100 WHERE "userId" = 'cyd'});
sql('ALTER TABLE "GroupPoints" ENABLE TRIGGER edurange_group_points_changed');
sql(q{SELECT edurange.add_points('cyd', 'g', 1)});
is(sql($invariants), 'balance_is_sum ledger_is_total', 'broken by a trigger that was gone for a time');
sql('DROP TRIGGER edurange_group_points_changed ON "GroupPoints"');
like(sql('SELECT * FROM edurange.migrate()'), qr/^ledger\|opening entries: 1$/m, 'migrate() says what it opens');
is(sql($invariants), '', 'and leaves nothing broken');

# The owner of the table gives it another name: it goes on recording, once, and so does migrate()'s of the right one.
sql('ALTER TRIGGER edurange_group_points_changed ON "GroupPoints" RENAME TO mine');
is(sql('SELECT ready FROM edurange.readiness()'), 't', 'a recorder that was renamed records');
is(sql('SELECT count(*) FROM edurange.migrate()'), '0', 'so that nothing is missing');
sql('CREATE TRIGGER edurange_group_points_changed AFTER INSERT OR UPDATE OR DELETE ON "GroupPoints" FOR EACH ROW EXECUTE FUNCTION edurange.group_points_changed()');
like(sql('SELECT array_to_string(missing, $$, $$) FROM edurange.readiness()'), qr/^trigger edurange_group_points_changed on public\."GroupPoints"$/, 'two of them are named');
sql(q{UPDATE "GroupPoints" SET points = points + 1 WHERE "userId" = 'cyd'});
like(sql('SELECT * FROM edurange.migrate()'), qr/^trigger\|edurange_group_points_changed on public\."GroupPoints"$/m, 'and made one');
is(sql(q{SELECT string_agg(tgname, ', ' ORDER BY tgname) FROM pg_trigger WHERE tgrelid = '"GroupPoints"'::regclass AND tgfoid = 'edurange.group_points_changed'::regproc}),
	'edurange_group_points_changed, edurange_group_points_truncated', 'by its name');
sql(q{SELECT edurange.add_points('cyd', 'g', 1)});
is(sql($invariants), '', 'what was recorded twice is put right');

# An index that was left invalid, as by CREATE INDEX CONCURRENTLY.
sql(q{UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'edurange_group_points_idx'::regclass});
is(sql('SELECT * FROM edurange.migrate()'), 'index|edurange_group_points_idx', 'one that is invalid is made anew');
is(sql(q{SELECT indisvalid FROM pg_index WHERE indexrelid = 'edurange_group_points_idx'::regclass}), 't', 'and valid');

# Who is gone without a trigger that saw it, or all at once, is waited for again.
{
	my $roster = q{SELECT string_agg(concat_ws(' ', group_id, email, user_id), ', ' ORDER BY group_id, email) FROM edurange.roster};

	sql(q{INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('h', 'H', '2024-01-01')});
	sql(qq{SELECT edurange.import_roster('$_', E'email\\nada\@example.org\\n')}) for 'g', 'h';
	is(sql($roster), 'g ada@example.org ada, h ada@example.org ada', 'a roster names who is there');
	sql(q{DELETE FROM "_GroupMembers" WHERE "A" = 'h'; DELETE FROM "ActivityLog" WHERE "groupId" = 'h'});
	sql(q{BEGIN; SET LOCAL session_replication_role = replica; UPDATE "User" SET id = 'gone' WHERE id = 'ada'; DELETE FROM "CompetitionGroup" WHERE id = 'h'; COMMIT});
	is(sql('SELECT count(*) FROM edurange.migrate()'), '0', 'where neither was seen');
	is(sql($roster), 'g ada@example.org', 'migrate() forgets both');
	sql(q{SET session_replication_role = replica; UPDATE "User" SET id = 'ada' WHERE id = 'gone'});
	sql(q{SELECT edurange.import_roster('g', E'email\nada@example.org\n')});
	is(sql(qq{BEGIN; TRUNCATE "User" CASCADE; $roster; ROLLBACK}), 'g ada@example.org', 'of truncated users none is left');
	is(sql(qq{BEGIN; TRUNCATE "CompetitionGroup" CASCADE; $roster; ROLLBACK}), '', 'nor a row of truncated competitions');
	sql('DELETE FROM edurange.roster');
}

# ---- where triggers do not fire --------------------------------------------------------------------

my $replica = 'SET session_replication_role = replica;';
like(refusal("$replica SELECT edurange.add_points('ada', 'g', 1)"), qr/^25006: nothing is written while session_replication_role is replica/,
	'a function that writes refuses');
is(sql("$replica SELECT sqlstate FROM edurange.outcomes('add_points', ARRAY['ada','g','1',NULL,NULL,NULL,NULL,NULL])"), '25006', 'in a batch, too');
is(sql("$replica SELECT edurange.get_points('ada', 'g')"), '17', 'one that reads does not');
is(sql($invariants), '', 'nothing was written');
sql('ALTER TABLE "GroupPoints" ENABLE ALWAYS TRIGGER edurange_group_points_changed');
unseen('ada', 3);
is(sql($invariants), '', 'a trigger that fires always records');
sql('ALTER TABLE "GroupPoints" ENABLE TRIGGER edurange_group_points_changed');

# ---- rights and roles ------------------------------------------------------------------------------

my $missing = q{SELECT array_to_string(missing, ', ') FROM edurange.readiness()};

# What is named of something that is lost, and that migrate() puts it back.
sub mended
{
	my ($what, $lose, $named, %options) = @_;
	my $database = $options{database} // 'edurange';

	sql($lose, $database) if $lose ne '';
	my $said = sql($missing, $database);
	like($said, $named, "$what: readiness() names it");
	is(sql('SELECT ready FROM edurange.readiness()', $database), 'f', "$what: and is not ready");
	like(sql(q{SELECT message || ': ' || array_to_string(missing, ', ') FROM edurange.health()}, $database), qr/something is missing.*$named/,
		"$what: health() names it");
	my $foretold = sql('SELECT * FROM edurange.migrate(dry_run => true) WHERE kind <> \'finding\' ORDER BY 1, 2', $database);
	is(sql($missing, $database), $said, "$what: a dry run changes nothing");
	my $done = sql('SELECT * FROM edurange.migrate() ORDER BY 1, 2', $database);
	is($done, $foretold, "$what: migrate() does what the dry run says");
	is(sql($missing, $database), '', "$what: nothing is missing any more");
	is(sql('SELECT * FROM edurange.migrate()', $database), '', "$what: nothing more to do");
	is(sql(q{SELECT edurange.add_points('ada', 'g', 1) IS NOT NULL}, $database), 't', "$what: it works");
	is(sql($invariants, $database), '', "$what: no invariant is broken");
	return;
}

mended('a right to execute', 'REVOKE EXECUTE ON FUNCTION edurange.get_points FROM edurange_player',
	qr/grant execute on function edurange\.get_points to edurange_player/);
mended('what readiness() itself calls', 'REVOKE EXECUTE ON FUNCTION edurange.assertions, edurange.migration_applied FROM edurange_owner',
	qr/error permission denied for function assertions/);
mended('DROP OWNED BY edurange_player', 'DROP OWNED BY edurange_player', qr/grant usage on schema edurange to edurange_player/);
mended('DROP OWNED BY edurange_game', 'DROP OWNED BY edurange_game', qr/grant SELECT on public\."GroupPoints" to edurange_game/);
mended('a table that the owner may not read', 'REVOKE ALL ON edurange.migration, edurange.standing FROM edurange_owner',
	qr/permission denied for table migration/);
sql('CREATE ROLE dba SUPERUSER; CREATE ROLE joe');
mended('REASSIGN OWNED to a superuser', 'REASSIGN OWNED BY edurange_owner TO dba', qr/permission denied for table migration/);
mended('the usage of the schema', 'REVOKE USAGE ON SCHEMA edurange FROM edurange_owner', qr/permission denied for schema edurange/);
mended('a function of somebody\'s', 'ALTER FUNCTION edurange.new_id() OWNER TO joe', qr/owner function edurange\.new_id\(\) to a superuser/);
mended('a role that is gone', 'DROP OWNED BY edurange_game; DROP ROLE edurange_game', qr/identity edurange_game/);
mended('a membership', 'REVOKE edurange_player FROM edurange_service', qr/identity edurange_service in edurange_player/);
mended('a membership that lends nothing', $node->pg_version < 16 ? 'ALTER ROLE edurange_service NOINHERIT'
	: 'GRANT edurange_player TO edurange_service WITH INHERIT FALSE', qr/identity edurange_service in edurange_player/);

# To nobody who could do worse with it.
sql('REASSIGN OWNED BY edurange_owner TO joe');
like(sql($missing), qr/permission denied/, 'REASSIGN OWNED to somebody: it is named');
like(refusal('SELECT edurange.migrate()'), qr/^RG506: table edurange\.\w+ belongs to joe \| .*ALTER TABLE edurange\.\w+ OWNER TO edurange_owner/,
	'and refused with what puts it right');
sql('REASSIGN OWNED BY joe TO edurange_owner');
is(sql($missing), '', 'as it does');

like(refusal('DROP OWNED BY edurange_owner'), qr/tables of EDURange Cloud are not dropped/, 'the guard refuses DROP OWNED BY edurange_owner');

# Roles that were renamed.
for my $role (qw(edurange_owner edurange_game edurange_player edurange_service edurange_admin))
{
	sql("ALTER ROLE $role RENAME TO renamed");
	like(sql($missing), qr/identity $role/, "$role renamed: readiness() names it");
	like(sql('SELECT array_to_string(missing, \', \') FROM edurange.health()'), qr/identity $role/, "$role renamed: health() names it");
	if ($role eq 'edurange_owner')
	{
		like(refusal(q{SELECT edurange.get_points('ada', 'g')}), qr/^55000: role "edurange_owner" does not exist/, 'all else says so');
		like(refusal("SELECT edurange.migrate($_)"), qr/^55000: .*belong to "renamed" \| .*ALTER ROLE renamed RENAME TO edurange_owner/,
			'migrate() says what puts it right') for '', 'dry_run => true';
	}
	like(refusal('SELECT edurange.migrate()'), qr/ is a member of renamed \| If it was renamed: ALTER ROLE renamed RENAME TO $role;/,
		"$role renamed: so it does of a tier that another contains") if $role =~ /player|service/;
	sql("ALTER ROLE renamed RENAME TO $role");
	is(sql($missing), '', "$role: named as before, nothing is missing");
}

# A restore without owners and grants.
{
	my $dump = $node->backup_dir . '.dump';

	$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('edurange') ], 'a dump');
	sql('CREATE DATABASE copy', 'postgres');
	$node->command_ok([ 'pg_restore', '--no-owner', '--no-acl', '-d', $node->connstr('copy'), $dump ], 'restored without owners and grants');
	mended('a restore without owners', '', qr/permission denied for table migration|owner edurange\.migration/, database => 'copy');
}

# Of another cluster, where even the roles are gone.
{
	sql('SET edurange.allow_drop = on; DROP SCHEMA public, edurange CASCADE; CREATE SCHEMA public', $_) for 'copy';
	sql('DROP DATABASE copy', 'postgres');
	sql('REASSIGN OWNED BY edurange_owner TO dba; DROP OWNED BY edurange_owner; DROP ROLE edurange_owner');
	mended('the role that all runs as', '', qr/identity edurange_owner/);
}

# ---- what other modules of the server log -------------------------------------------------------------

my $token = sql(q{SELECT token FROM edurange.create_token('player', 't')});
my $before = length slurp_file($node->logfile);
my $shim = Edurange::Shim->start($node);
my ($status, $answer) = $shim->post('/question/attempt',
	{ user_id => 'ada', question_id => 'q', group_challenge_id => 'gc', answer => 'wrong-in-no-log' }, $token);
is($status, 200, 'an answer is judged');
my $log = substr slurp_file($node->logfile), $before;
like($log, qr/Query Text: .*attempt_question/, 'auto_explain logs the statement');
unlike($log, qr/-in-no-log/, 'and neither the answer nor what is right');

done_testing();
