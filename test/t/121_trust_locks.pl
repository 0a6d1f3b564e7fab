# Nobody holds the locks that decide: advisory locks of the same numbers stop nothing, and whoever holds a table, which
# needs no right to it, delays migrate() alone, which gives up and names them.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;

my $node = Edurange::Cluster->new_ready('locks', conf => "lock_timeout = '3s'\n");
my $document = q{{"metadata": {"id": "c1", "name": "C", "version": "1.0.0", "challenge_type": "fullOS", "difficulty": "beginner"},
	"components": [{"type": "question", "id": "q", "config": {"type": "text", "text": "?", "answer": "a", "points": 5}}]}};

sub sql { return $node->safe_psql('edurange', $_[0]) }

sql(q{
	CREATE ROLE mallory LOGIN;
	GRANT USAGE ON SCHEMA edurange TO mallory;
	INSERT INTO "User" (id, email) VALUES ('ada', 'a');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'ada')});

# All that takes a lock of ours, over and over.
my %calls = (
	'a keyed call' => q{SELECT edurange.add_points('ada', 'g', 1, idempotency_key => 'k' || %d)},
	'a pack' => qq{SELECT edurange.pack_install('{"id": "p%1\$d", "name": "P", "version": "1.0.0", "challenges": ["a"]}', '{a}', ARRAY['@{[ $document =~ s/%/%%/gr =~ s/"c1"/"c%1\$d"/r ]}'])},
	'a pass of the worker' => q{SELECT edurange.sync_apply('{"challenge_pods": []}', clock_timestamp() + (%d - 2) * interval '1 ms')},
	'migrate()' => q{SELECT count(*) FROM edurange.migrate() /* %d */});

# Which locks there are, and that none is one that SQL can take.
my %lock;
for my $what (sort keys %calls)
{
	my @found = split /\n/, sql('BEGIN; ' . sprintf($calls{$what}, 1) . q{; SELECT concat_ws(' ', 'lock', locktype, classid, objid, objsubid) FROM pg_locks WHERE locktype IN ('advisory', 'userlock'); COMMIT});
	my @locks = map { /^lock (.*)/ ? $1 : () } @found;
	cmp_ok(scalar(@locks), '>', 0, "$what takes a lock");
	is(scalar(grep { !/^userlock / } @locks), 0, "$what: none that SQL reaches");
	$lock{$_} = 1 for @locks;
}

# Mallory takes all of these numbers, in each form, for good.
my ($in, $out, $timer) = ('', '', IPC::Run::timer(600));
my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('edurange') . ' user=mallory' ], '<', \$in, '>', \$out, '2>&1', $timer);

sub mallory
{
	$out = '';
	$in .= "$_[0];\nSELECT 'do' || 'ne';\n";
	$session->pump until $out =~ /done/;
	return $out;
}

for (keys %lock)
{
	my (undef, $class, $object) = split / /;
	my ($one, $two) = map { $_ > 2**31 - 1 ? $_ - 2**32 : $_ } $class, $object;
	mallory("SELECT pg_advisory_lock($one, $two), pg_advisory_lock((CAST($one AS bigint) << 32) | (CAST($two AS bigint) & 4294967295)), pg_advisory_lock_shared($one, $two)");
}
cmp_ok(sql(q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), '>=', 4, 'somebody holds advisory locks of the same numbers');
for my $what (sort keys %calls)
{
	my ($code, undef, $error) = $node->psql('edurange', sprintf($calls{$what}, 1));
	is($code, 0, "$what is not stopped") or diag($error);
	($code) = $node->psql('edurange', sprintf($calls{$what}, 2));
	is($code, 0, "$what: nor another one");
}
mallory('SELECT pg_advisory_unlock_all()');

# To hold a table needs no right to it.
like(mallory('BEGIN; PREPARE hold AS UPDATE public."GroupPoints" SET points = 0; PREPARE too AS UPDATE edurange.standing SET points = 0'), qr/^done/m,
	'somebody without any right to them holds tables');
is(sql(q{SELECT edurange.add_points('ada', 'g', 1) IS NOT NULL}), 't', 'awards go on');
is(sql(q{SELECT count(*) FROM edurange.migrate()}), '0', 'so does migrate() that has nothing to do');
sql('ALTER INDEX edurange_group_challenge_idx RENAME TO gone');
my ($code, undef, $error) = $node->psql('edurange', 'SELECT * FROM edurange.migrate()');
like($error, qr/could not lock the tables within 3000 ms.*\n.*process \d+ of mallory holds (?:public\."GroupPoints"|"GroupPoints"|edurange\.standing)/,
	'migrate() that has something to do gives up, and names who it is');
is(sql(q{SELECT edurange.add_points('ada', 'g', 1) IS NOT NULL}), 't', 'awards go on still');
mallory('ROLLBACK');
is(sql(q{SELECT name FROM edurange.migrate()}), 'edurange_group_challenge_idx', 'afterwards it does it');
$in .= "\\q\n";
$session->finish;

done_testing();
