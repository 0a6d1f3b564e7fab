# Nobody holds the locks that decide: advisory locks of the same numbers stop nothing, and whoever holds a table, which
# needs no right to it, delays migrate() alone, which gives up and names them.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;

my $node = Edurange::Cluster->new_ready('locks', conf => "lock_timeout = '3s'\nautovacuum = off\n");
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
	'a roster' => q{SELECT edurange.import_roster('g', E'email\nr%d@x\n')},
	'who signs up' => q{INSERT INTO "User" (id, email) VALUES (gen_random_uuid(), gen_random_uuid()) /* %d */},
	'a feed that begins' => q{DELETE FROM edurange.feed_origin; SELECT edurange.events('g') /* %d */},
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
mallory('PREPARE three AS INSERT INTO edurange.points_ledger DEFAULT VALUES');
is(sql(q{DELETE FROM edurange.feed_origin; SELECT more IS NOT NULL FROM edurange.events('g')}), 't', 'a feed begins');
sql('ALTER INDEX edurange_group_challenge_idx RENAME TO gone');
my ($code, undef, $error) = $node->psql('edurange', 'SELECT * FROM edurange.migrate()');
like($error, qr/could not lock the tables within 3000 ms.*\n.*process \d+ of mallory holds .*"GroupPoints"/,
	'migrate() that has something to do gives up, and names who it is');
is(sql(q{SELECT edurange.add_points('ada', 'g', 1) IS NOT NULL}), 't', 'awards go on still');
mallory('ROLLBACK');
is(sql(q{SELECT name FROM edurange.migrate()}), 'edurange_group_challenge_idx', 'afterwards it does it');

# Who begins the feed holds up nobody who scores, for as long as their transaction may last.
sql('DELETE FROM edurange.feed_origin; GRANT edurange_player TO mallory');
mallory(q{BEGIN; SELECT more FROM edurange.events('g')});
is(sql(q{SELECT edurange.add_points('ada', 'g', 1) IS NOT NULL}), 't', 'awards go on while somebody begins the feed');
($code, undef, $error) = $node->psql('edurange', q{SELECT edurange.events('g')});
like($error, qr/canceling statement due to lock timeout/, 'who comes for the feed meanwhile waits a second');
mallory('COMMIT; RESET ROLE');
sql('REVOKE edurange_player FROM mallory');

# A transaction of another database writes nothing here, so the feed does not wait for it; nor does the board.
{
	my $elsewhere = $node->background_psql('postgres');
	my $here = $node->background_psql('edurange');
	my $token = sql(q{SELECT "sinceToken" FROM edurange.events('g', (SELECT "sinceToken" FROM edurange.events('g')))});
	my $page = q{SELECT array_length(events, 1) FROM edurange.events('g', '%s')};
	my $delay = q{SELECT "feedDelay" > 0 FROM edurange.feed_state('g')};

	$elsewhere->query_safe('BEGIN; SELECT pg_current_xact_id()');
	sql(q{SELECT edurange.add_points('ada', 'g', 1)});
	is(sql(sprintf $page, $token), '1', 'a transaction that is open in another database holds nothing back');
	is(sql($delay), 'f', 'and is no delay');
	$here->query_safe('BEGIN; SELECT pg_current_xact_id()');
	sql(q{SELECT edurange.add_points('ada', 'g', 1)});
	is(sql(sprintf $page, $token), '1', 'one of this database may write yet');
	is(sql($delay), 't', 'and is named as a delay');
	$here->query_safe('COMMIT');
	is(sql(sprintf $page, $token), '2', 'when it has ended, all is there');
	# one's own is not certain before it is over, either
	is(sql(sprintf "BEGIN; SELECT FROM edurange.add_points('ada', 'g', 1); $page; ROLLBACK", $token), '2', "one's own transaction is not handed out");
	$elsewhere->query_safe('COMMIT');
	$_->quit for $elsewhere, $here;
}
$in .= "\\q\n";
$session->finish;

done_testing();
