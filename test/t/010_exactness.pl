# Points and uses of access codes are exact under concurrency.

use strict;
use warnings;

use Edurange::Cluster;
use Edurange::Seed qw(draw_from);
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Edurange::Cluster->new_ready('exact', conf => "max_connections = 60\nlog_statement = none\n");
my $seed = draw_from(4711);
my $seconds = $ENV{EDURANGE_LONG} ? 60 : 4;

$node->safe_psql(
	'edurange', q{
	INSERT INTO "User" (id, email) SELECT 'u' || n, n || '@x' FROM generate_series(0, 99) n;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01'), ('codes', 'C', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'g', id FROM "User";
});

# Runs a pgbench script and returns how many transactions it says were processed.
sub pgbench
{
	my ($script, @options) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/script.sql";
	my ($out, $err);

	append_to_file($file, '');
	open(my $handle, '>', $file) or die $!;
	print $handle $script;
	close($handle);
	IPC::Run::run([ 'pgbench', '-n', "--random-seed=$seed", '-f', $file, @options, $node->connstr('edurange') ], '>', \$out, '2>', \$err);
	return $out =~ /actually processed: (\d+)/ ? $1 : die "pgbench: $err";
}

# The points of everybody, by the total, the ledger and the board.
sub points
{
	return $node->safe_psql(
		'edurange', q{
		SELECT (SELECT sum(points) FROM "GroupPoints" WHERE "groupId" = 'g'),
			(SELECT sum(delta) FROM edurange.points_ledger WHERE group_id = 'g'),
			(SELECT sum(points) FROM edurange.leaderboard('g')),
			(SELECT count(*) FROM edurange.check_invariants())});
}

my $one = pgbench(q{SELECT edurange.add_points('u1', 'g', 1);}, '-M', 'prepared', '-c', 16, '-j', 2, '-T', $seconds);
cmp_ok($one, '>', 100, "one user: $one awards");
is(points(), "$one|$one|$one|0", 'every acknowledged point is in total, ledger and board');
is($node->safe_psql('edurange', q{SELECT max(seq), count(*) FROM edurange.points_ledger WHERE user_id = 'u1'}),
	"$one|$one", 'the ledger counts without a gap');

my $many = pgbench(
	q{\set u random(0, 99)
SELECT edurange.add_points('u' || :u, 'g', 1);},
	'-M', 'prepared', '-c', 16, '-j', 2, '-T', $seconds);
my $sum = $one + $many;
is(points(), "$sum|$sum|$sum|0", "random users: $many awards");

# Direct writes beside ours, and transactions that are undone: what is kept agrees.
pgbench(
	q{\set u random(0, 9)
\set v random(0, 9)
\set kind random(1, 5)
BEGIN;
SELECT edurange.add_points('u' || least(:u, :v), 'g', 2);
\if :kind = 1
UPDATE "GroupPoints" SET points = points + 5 WHERE "groupId" = 'g' AND "userId" = 'u' || greatest(:u, :v);
\elif :kind = 2
SELECT edurange.set_points('u' || greatest(:u, :v), 'g', 7);
\elif :kind = 3
DELETE FROM "GroupPoints" WHERE "groupId" = 'g' AND "userId" = 'u' || greatest(:u, :v);
\endif
\if :kind = 4
ROLLBACK;
\else
COMMIT;
\endif
}, '-c', 16, '-j', 2, '-T', $seconds);
is($node->safe_psql('edurange', 'SELECT count(*) FROM edurange.check_invariants()'), '0', 'mixed writes agree');

# Twenty join with a code of ten uses; the same user joins twenty times at once.
for my $round (1 .. 5)
{
	$node->safe_psql('edurange', qq{
		DELETE FROM "_GroupMembers" WHERE "A" = 'codes';
		SELECT edurange.generate_access_code('codes', 'u0', 'TEN-$round', NULL, 10);
		SELECT edurange.generate_access_code('codes', 'u0', 'ONE-$round', NULL, 10)});
	pgbench("SELECT edurange.join_competition('TEN-$round', 'u' || (20 + :client_id));", '-c', 20, '-j', 2, '-t', 1);
	is( $node->safe_psql('edurange', qq{
		SELECT "usedCount", (SELECT count(*) FROM "_GroupMembers" WHERE "A" = 'codes')
		FROM "CompetitionAccessCode" WHERE code = 'TEN-$round'}),
		'10|10', "round $round: ten of twenty are members");
	is(pgbench("SELECT edurange.join_competition('ONE-$round', 'u50');", '-c', 20, '-j', 2, '-t', 1),
		'20', "round $round: all twenty are answered");
	is($node->safe_psql('edurange', qq{SELECT "usedCount" FROM "CompetitionAccessCode" WHERE code = 'ONE-$round'}),
		'1', "round $round: one use");
}

unlike(slurp_file($node->logfile), qr/deadlock detected/, 'no deadlock');
done_testing();
