# A service of one version and a database of the other.  A new service serves a database of the version before: it asks
# how many attributes edurange.caller has there, which are three, and what needs the fourth, or a function that is not
# there, is 503.  A service of before is of no use on a new database, which is why docs/operations.md has the service
# updated first: what it sends is refused and nothing is written.
#
# There is no program of before to start here.  What stands for it are the statements that it prepares, as it has
# them in its table, sent with the values that it binds, in the roles of its tiers: a call a statement, with who calls as
# ROW($1, $2, $3); and the batches that came between the two, of which those of three values go on.

use strict;
use warnings;

use Edurange::Cluster;
use Edurange::Shim;
use FindBin;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $before = '0.0.9';
my $top = "$FindBin::RealBin/../..";

sub prepare
{
	my ($name, $version) = @_;
	my $node = Edurange::Cluster->new_staged($name);

	$node->start;
	$node->safe_psql('postgres', 'CREATE DATABASE edurange');
	$node->safe_psql('edurange', 'CREATE EXTENSION edurange' . ($version ? " VERSION '$version'" : '') . '; SELECT edurange.migrate()');
	$node->psql_file('edurange', "$top/deploy/roles.sql");
	$node->safe_psql('edurange', q{
		INSERT INTO "User" (id, email, role) VALUES ('ada', 'ada@x', 'STUDENT'), ('ina', 'ina@x', 'INSTRUCTOR');
		INSERT INTO "CompetitionGroup" (id, name, "startDate", "updatedAt") VALUES ('g', 'G', '2020-01-01', now());
		INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'ada');
		INSERT INTO "_GroupInstructors" ("A", "B") VALUES ('g', 'ina');
		INSERT INTO "ChallengeType" (id, name) VALUES ('t', 'web') ON CONFLICT DO NOTHING;
		INSERT INTO "Challenge" (id, name, "challengeTypeId", "updatedAt") SELECT c, 'C', t.id, now()
			FROM (SELECT id FROM "ChallengeType" LIMIT 1) t, unnest('{ch,other_before,other_between,other_after}'::text[]) c;
		INSERT INTO "ChallengeQuestion" (id, content, type, points, answer, "order", "challengeId", "updatedAt") VALUES ('q', '?', 'text', 10, 'a', 1, 'ch', now());
		INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId", "updatedAt") VALUES ('gc', 10, 'ch', 'g', now());
		INSERT INTO "ChallengeInstance" (id, "challengeId", "userId", "challengeUrl", status, "competitionId") VALUES ('i', 'ch', 'ada', '', 'ACTIVE', 'g')});
	return $node;
}

# ---- a new service on a database of before -------------------------------------------------------
my $old = prepare('before', $before);
is($old->safe_psql('edurange', q{SELECT relnatts FROM pg_class WHERE oid = 'edurange.caller'::regclass}), 3, 'three attributes');
my $shim = Edurange::Shim->start($old);
my %token = map { $_ => $shim->make_token($_) } qw(player service admin);
# What the service of before offered, as requests and, where it had no route, as SQL: each once, in the name of a time.
my $answered_points = 0;
sub goes_on
{
	my ($when) = @_;
	my $user = "eve_$when";

	$old->safe_psql('edurange', qq{INSERT INTO "User" (id, email) VALUES ('$user', '$user\@x')});
	for (
		[ 'GET', '/get_points?user_id=ada&group_id=g', 'player' ],
		[ 'POST', '/add_points', 'service', { user_id => 'ada', group_id => 'g', points => 5, reason => 'r' } ],
		[ 'POST', '/competition/create', 'service', { name => 'N', startDate => '2025-01-01', instructorIds => ['ina'] } ],
		[ 'POST', '/competition/add-challenge', 'service', { groupId => 'g', challengeId => "other_$when", points => 3 } ],
		[ 'POST', '/competition/generate-code', 'service', { groupId => 'g', createdBy => 'ina', code => uc "c$when" } ],
		[ 'POST', '/competition/join', 'player', { code => uc "c$when", userId => $user } ],
		[ 'POST', '/set_points', 'service', { user_id => $user, group_id => 'g', points => 5 } ],
		[ 'GET', '/competition/g/leaderboard', 'player' ],
		[ 'GET', '/competition/g/leaderboard?at=2030-01-01T00:00:00Z', 'player' ],
		[ 'GET', '/competition/g/leaderboard?at=2024-01-01T00:00:00Z', 'player' ],
		[ 'GET', "/competition/g/progress/$user", 'player' ],
		[ 'POST', '/question/attempt', 'player', { user_id => $user, question_id => 'q', group_challenge_id => 'gc', answer => 'b' } ],
		[ 'POST', '/question/attempt', 'player', { user_id => $user, question_id => 'q', group_challenge_id => 'gc', answer => 'a' } ],
		[ 'POST', '/question/complete', 'player', { user_id => $user, question_id => 'q', group_challenge_id => 'gc' } ],
		[ 'POST', '/question/complete', 'service', { user_id => 'ada', question_id => 'q', group_challenge_id => 'gc' } ],
		[ 'POST', '/competition/complete-challenge', 'service', { userId => $user, groupChallengeId => 'gc' } ],
		[ 'GET', "/question/completed?user_id=$user&group_challenge_id=gc", 'player' ],
		[ 'GET', '/question/details?question_id=q', 'player' ],
		[ 'GET', '/challenge/details?challenge_id=ch', 'player' ],
		[ 'GET', '/challenge/list', 'player' ],
		[ 'GET', '/challenges', 'player' ],
		[ 'GET', '/get_challenge_instance?challenge_instance_id=i', 'player' ],
		[ 'PATCH', '/challenge-instances/i', 'service', { flagSecretName => "s-$when" } ],
		[ 'POST', '/activity/log', 'player', { eventType => 'USER_UPDATED', userId => 'ada' } ])
	{
		my ($method, $path, $tier, $body) = @$_;
		my ($status, $json) = $shim->request($method, $path, token => $token{$tier}, 
			headers => { 'Content-Type' => 'application/json' }, $body ? (body => encode_json($body)) : ());
		is($status, 200, "$when: $method $path") or diag explain $json;
	}
	$answered_points += 5;
	is($old->safe_psql('edurange', q{SELECT points FROM "GroupPoints" WHERE "userId" = 'ada'}), $answered_points + 10, "$when: and each was done once");
	# five were set before the right answer
	is($old->safe_psql('edurange', qq{SELECT points FROM "GroupPoints" WHERE "userId" = '$user'}), 15, "$when: for the new member, too");
	my (undef, $board) = $shim->get('/competition/g/leaderboard?at=2030-01-01T00:00:00Z', $token{player});
	is(scalar(grep { $_->{userId} eq $user && $_->{points} == 15 } @$board), 1, "$when: the ledger knows how the board was");
	is($old->safe_psql('edurange', 'SELECT * FROM edurange.check_invariants()'), '', "$when: invariants");
	isnt($old->safe_psql('edurange', q{SELECT count(*) FROM edurange.points_history('ada', 'g')}), '0', "$when: history");
	isnt($old->safe_psql('edurange', q{SELECT count(*) FROM edurange.challenge_instances(NULL, 'g')}), '0', "$when: instances");
	# what takes totals away leaves its entries
	is($old->safe_psql('edurange', q{BEGIN; TRUNCATE "GroupPoints"; SELECT count(*) FROM edurange.check_invariants();
		SELECT coalesce(sum(delta), 0) FROM edurange.points_ledger; ROLLBACK}), "0\n0", "$when: totals that are taken away all at once");
	return;
}

# The metrics: status, whether the database is up, and how many lines there are about the sync worker.
sub reported
{
	my ($status, undef, undef, $text) = $shim->get('/metrics', $token{service});

	return ($status, $text =~ /^edurange_database_up (\d)$/m, scalar(() = $text =~ /^edurange_sync_/mg));
}

my ($ready) = $shim->get('/ready');
is($ready, 200, 'before: it is ready');
goes_on('before');
for (
	[ 'on behalf of somebody', '/get_points?user_id=ada&group_id=g', { 'X-Acting-User' => 'ada' } ],
	[ 'a corrected board', '/competition/g/leaderboard?corrected=true' ],
	[ 'a course', '/competition/g/members' ],
	[ 'a roster', '/competition/g/roster' ],
	[ 'users', '/users' ],
	[ 'packs', '/challenge-pack/list' ],
	[ 'an import', '/cdf/import', { 'Content-Type' => 'application/json' }, '{"metadata": {}}' ],
	[ 'health', '/health/detailed' ])
{
	my ($what, $path, $headers, $body) = @$_;
	my ($status, $json, $answered) = $shim->request($body ? 'POST' : 'GET', $path, token => $token{admin}, headers => $headers // {}, body => $body);
	like("$status $json->{code}", qr/^503 (?:not_installed|schema_changed)$/, "before: $what has to wait");
	ok($answered->{'retry-after'}, 'and may come again');
}

is_deeply([ reported() ], [ 200, 1, 0 ], 'before: the metrics say nothing of the worker, and that the database is up');

# the functions of now over the tables of before, then all: with the connections that were there
$old->safe_psql('edurange', 'ALTER EXTENSION edurange UPDATE');
goes_on('between');
is_deeply([ (reported())[ 0, 1 ] ], [ 200, 1 ], 'between: metrics');
$old->safe_psql('edurange', 'SELECT * FROM edurange.migrate()');
goes_on('after');
for my $path ('/competition/g/leaderboard?corrected=true', '/competition/g/members')
{
	my ($status) = $shim->get($path, $token{service});
	is($status, 200, "after: $path");
}
# a connection that began before asks no more, the one after it does: in half a minute
for (my $end = time + 60; (reported())[2] == 0 && time < $end; sleep 1) { }
cmp_ok((reported())[2], '>', 0, 'after: the metrics tell of the worker');
my ($acting) = $shim->request('GET', '/get_points?user_id=ada&group_id=g', token => $token{service}, headers => { 'X-Acting-User' => 'ada' });
is($acting, 200, 'after: on behalf of somebody');
is($old->safe_psql('edurange', q{SELECT count(*) FROM edurange.points_ledger WHERE xid IS NULL AND at > (SELECT max(applied_at) FROM edurange.migration)}), '0',
	'after: sessions of before write what the tables of now have');

# ---- a service of before on a new database -------------------------------------------------------
my $new = prepare('after');
is($new->safe_psql('edurange', q{SELECT relnatts FROM pg_class WHERE oid = 'edurange.caller'::regclass}), 4, 'four attributes');
my $state = q{SELECT (SELECT count(*) FROM edurange.points_ledger), (SELECT count(*) FROM "QuestionAttempt"), (SELECT count(*) FROM "ActivityLog"), (SELECT count(*) FROM edurange.idempotency)};
my $as_it_was = $new->safe_psql('edurange', $state);

# Prepares and executes a statement as the program of before does; returns the answer, or SQLSTATE and message.
sub of_before
{
	my ($tier, $sql, @values) = @_;
	my $values = @values ? '(' . join(', ', map { defined $_ ? "'$_'" : 'NULL' } @values) . ')' : '';
	my ($code, $out, $err) = $new->psql('edurange', "\\set VERBOSITY sqlstate\nSET ROLE edurange_$tier;\nPREPARE s AS $sql;\nEXECUTE s$values", on_error_stop => 1);

	return $code == 0 ? $out : $err =~ /ERROR:\s+(\w{5})/ ? $1 : $err;
}
my $row = 'SELECT edurange.wire(t)::text FROM edurange.%s t';
my @calls = (
	[ 'player', 'get_points(user_id => $1, group_id => $2, caller => ROW($3,$4,$5)::edurange.caller)', 'ada', 'g', ('t', undef, undef) ],
	[ 'service', 'add_points(user_id => $1, group_id => $2, points => $3, reason => $4, caller => ROW($5,$6,$7)::edurange.caller, idempotency_key => $8)', 'ada', 'g', 5, undef, ('t', undef, undef), 'k' ],
	[ 'player', 'attempt_question(user_id => $1, question_id => $2, group_challenge_id => $3, answer => $4, challenge_instance_id => $5, caller => ROW($6,$7,$8)::edurange.caller, idempotency_key => $9)', 'ada', 'q', 'gc', 'a', undef, ('t', undef, undef), undef ],
	[ 'player', 'leaderboard(group_id => $1, "limit" => coalesce($2, 1000), "offset" => coalesce($3, 0), at => $4, caller => ROW($5,$6,$7)::edurange.caller)', 'g', undef, undef, undef, ('t', undef, undef) ],
	[ 'player', 'completed_questions(user_id => $1, group_challenge_id => $2, caller => ROW($3,$4,$5)::edurange.caller)', 'ada', 'gc', ('t', undef, undef) ],
	[ 'player', 'challenge_instance(challenge_instance_id => $1, caller => ROW($2,$3,$4)::edurange.caller)', 'i', ('t', undef, undef) ]);
for (@calls)
{
	my ($tier, $call, @values) = @$_;
	is(of_before($tier, sprintf($row, $call), @values), '42846', 'of before: ' . $call =~ s/\(.*//sr . ' is refused, since a row of three is no caller');
}
is($new->safe_psql('edurange', $state), $as_it_was, 'and nothing is written');
# what a batch is made of is texts, and it says how many there are of who calls: three, where it does not say
like(of_before('service', q{SELECT value, sqlstate, message, detail, hint FROM edurange.outcomes('add_points', $1)}, '{ada,g,5,NULL,t,NULL,NULL,NULL}'),
	qr/^\{[^|]*"points":5,[^|]*\}\|/, 'a batch of three goes on');
is($new->safe_psql('edurange', 'SELECT * FROM edurange.check_invariants()'), '', 'invariants');
# what has no caller goes on: it is ready, and knows its tokens
like(of_before('player', sprintf($row, 'readiness()')), qr/"ready": ?true/, 'it is ready');
like(of_before('player', sprintf($row, 'authenticate_token($1::bytea)'), '\x00'), qr/^$|tokenId|null/, 'it asks for tokens');

# ---- in which order ------------------------------------------------------------------------------
my ($upgrading) = slurp_file("$top/docs/operations.md") =~ /^## Upgrading edurange\n(.*?)(?:^## |\z)/ms;
cmp_ok(index($upgrading, 'restart the new HTTP service'), '<', index($upgrading, 'ALTER EXTENSION edurange UPDATE'),
	'the pages have the service updated before the database');

done_testing();
