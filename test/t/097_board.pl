# A board, live: who may see it, what comes of a change, a freeze that tells nothing, and listeners: many, slow, too many.

use strict;
use warnings;
use feature 'state';

use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use Edurange::Clock;
use Edurange::Cluster;
use Edurange::Shim;
use Edurange::Stream;

my $node = Edurange::Cluster->new_ready('board');
my $shim = Edurange::Shim->start($node, EDURANGE_THREADS => 2, EDURANGE_LISTENER_LIMIT => 2000);
my %token = map { $_ => $shim->make_token($_) } qw(player service);
my $many = $ENV{EDURANGE_LONG} ? 1000 : 200;
my ($status, $json, $headers);

sub sql { return $node->safe_psql('edurange', $_[0]); }

sub events_of
{
	my ($group, %options) = @_;

	return Edurange::Stream->new($options{shim} // $shim, "/competition/$group/board-events", %options);
}

sub is_board { return ($_[0]{event} // '') eq 'board'; }
sub is_change { return is_board($_[0]) && !$_[0]{data}{snapshot}; }

# Two competitions that nothing distinguishes but their ids.
sql(q{
	INSERT INTO "User" (id, email, name) SELECT u, u, initcap(u) FROM unnest(ARRAY['ada', 'bob', 'cyd']) u;
	INSERT INTO "User" (id, email, role) VALUES ('ina', 'ina', 'INSTRUCTOR');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") SELECT g, 'Cup', '2020-01-01' FROM unnest(ARRAY['ga', 'gb']) g;
	INSERT INTO "_GroupMembers" ("A", "B") SELECT g, u FROM unnest(ARRAY['ga', 'gb']) g, unnest(ARRAY['ada', 'bob', 'cyd']) u;
	SELECT edurange.cdf_import('{"metadata": {"id": "ch", "name": "C", "version": "1", "challenge_type": "web"}, "components": [
		{"type": "question", "id": "q", "config": {"type": "text", "text": "?", "points": 10, "answer": "a"}}]}');
	UPDATE "ChallengeQuestion" SET id = 'q' WHERE "challengeId" = 'ch';
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId") VALUES ('pa', 10, 'ch', 'ga'), ('pb', 10, 'ch', 'gb');
	SELECT edurange.add_points('bob', g, 5) FROM unnest(ARRAY['ga', 'gb']) g});
my %bound = map { $_ => sql("SELECT token FROM edurange.create_token('player', 't', user_id => '$_')") } qw(ada bob);
my %instructor = (token => $token{service}, headers => { 'X-Acting-User' => 'ina' });
sql(q{INSERT INTO "_GroupInstructors" ("A", "B") VALUES ('ga', 'ina'), ('gb', 'ina')});

# ---- what a listener gets --------------------------------------------------------------------------
my $stream = events_of('ga', token => $bound{ada});
my @events = $stream->read(10, sub { $_[0]{event} eq 'series' });
is($stream->status, 200, 'a member may listen');
is_deeply([ map { $_->{event} } @events ], [qw(time board series)], 'the time, the board, the past of the best');
like($events[0]{data}{serverTime}, qr/^\d{4}-\d\d-\d\dT[\d:.]+Z$/, "the server's clock");
my $first = $events[1]{data};
is_deeply([ map { [ @$_{qw(userId name points)}, $_->{solved} ] } @{ $first->{rows} } ],
	[ [ 'ada', 'Ada', 0, [] ], [ 'bob', 'Bob', 5, [] ], [ 'cyd', 'Cyd', 0, [] ] ], 'its rows');
is_deeply([ @$first{qw(groupId name endDate visibility)}, $first->{challenges} ],
	[ 'ga', 'Cup', undef, 'members', [ { id => 'pa', name => 'C', points => 10 } ] ], 'and what it is about');
is_deeply($events[2]{data}{series}[0]{points}[0][1], 5, 'how the first came there');

my $begun = time;
($status, $json) = $shim->post('/question/attempt', { question_id => 'q', group_challenge_id => 'pa', answer => 'a' }, $bound{ada});
is_deeply([ $status, $json->{pointsEarned} ], [ 200, 10 ], 'an answer is right');
$shim->post('/question/attempt', { question_id => 'q', group_challenge_id => 'pb', answer => 'a' }, $bound{ada});
@events = $stream->read(20, \&is_change);
my $took = time - $begun;
my ($change) = grep { is_change($_) } @events;
is_deeply([ map { [ @$_{qw(userId points)}, scalar @{ $_->{solved} } ] } @{ $change->{data}{rows} } ], [ [ 'ada', 10, 1 ] ], 'with what was solved');
is_deeply($change->{data}{removed}, [], 'nobody is gone');
# (others use the machine, too)
for my $delta (1, -1, 1, -1)
{
	last if $took < 2;
	$begun = time;
	sql("SELECT edurange.add_points('ada', g, $delta) FROM unnest(ARRAY['ga', 'gb']) g");
	$stream->read(20, \&is_change);
	$took = time - $begun;
}
cmp_ok($took, '<', 2, 'it is seen soon by who listens');
sql(q{DELETE FROM "_GroupMembers" WHERE "A" = 'ga' AND "B" = 'cyd'; UPDATE "User" SET name = '<b>"Bób" 🚩' WHERE id = 'bob'});
@events = grep { is_change($_) } $stream->read(10, sub { is_change($_[0]) && @{ $_[0]{data}{rows} } });
is_deeply([ map { @{ $_->{data}{removed} } } @events ], ['cyd'], 'who leaves is told');
is_deeply([ map { $_->{name} } map { @{ $_->{data}{rows} } } @events ], [ "<b>\"B\x{f3}b\" \x{1f6a9}" ], 'a name that changes, too');
my $known = $events[-1]{id};
sql(q{INSERT INTO "_GroupMembers" ("A", "B") VALUES ('ga', 'cyd')});
($change) = grep { is_change($_) } $stream->read(20, \&is_change);
is($change->{data}{rows}[0]{userId}, 'cyd', 'who comes back is there');

# ---- coming back -----------------------------------------------------------------------------------
my $again = events_of('ga', token => $bound{ada}, headers => { 'Last-Event-ID' => $known });
($change) = grep { is_board($_) } $again->read(20, \&is_board);
is_deeply([ $change->{id}, $change->{data}{rows}[0]{userId} ], [ (grep { is_board($_) } $stream->events, $change)[0]{id}, 'cyd' ], 'what was missed, and no more');
for my $unknown ('x', '1.1.1', $known =~ s/\d+$/99999/r)
{
	my ($all) = grep { is_board($_) } events_of('ga', token => $bound{ada}, headers => { 'Last-Event-ID' => $unknown })->read(20, \&is_board);
	ok($all->{data}{snapshot}, "all of it where \"$unknown\" says nothing");
}
($status) = $shim->request('HEAD', '/competition/ga/board-events', token => $bound{ada});
is($status, 200, 'HEAD has no stream');

# ---- who may ---------------------------------------------------------------------------------------
sub answers
{
	my ($group, $who) = @_;
	my @answers;

	for my $path ("/competition/$group/board-events", "/competition/$group/events")
	{
		my ($code, $body) = $shim->listen($path, defined $who ? (token => $who) : ());
		$body //= {};
		delete $body->{requestId} if ref $body eq 'HASH';
		$body->{error} =~ s/"\w+"/GROUP/ if $body->{error};
		push @answers, [ $code, $body->{code}, $body->{error} ];
	}
	return \@answers;
}

sub policy
{
	my ($group, %policy) = @_;

	($status, $json) = $shim->request('PUT', "/competition/$group/board-policy", %instructor, body => encode_json(\%policy),
		headers => { %{ $instructor{headers} }, 'Content-Type' => 'application/json' });
	is($status, 200, "the policy of $group") or diag explain $json;
	return;
}
is_deeply(answers('ga'), answers('nothing'), 'without a token a board of members is none');
is(answers('ga')->[0][0], 404, 'that is said');
policy('ga', visibility => 'staff');
ok(!$stream->take(0.001) || 1, 'the stream is read');
$stream->read(20);
ok($stream->closed, 'who must not see it any more is let go');
is_deeply(answers('ga', $_), answers('nothing', $_), 'a board of staff is none for others') for undef, $bound{ada}, $token{player};
is(answers('ga', $token{service})->[$_][0], 200, 'staff see it') for 0, 1;
policy('ga', visibility => 'public');
is(answers('ga', $_)->[0][0], 200, 'a public one is for everybody') for undef, $bound{ada}, $token{player};
is_deeply([ @$json{qw(groupId visibility freezeAt thawedAt)}, $json->{frozen} ? 1 : 0 ], [ 'ga', 'public', undef, undef, 0 ], 'the answer of a policy');
($status, $json) = $shim->get('/competition/ga/board-policy', $bound{ada});
is($status, 403, 'a player has no say in it');

# ---- a freeze tells nothing --------------------------------------------------------------------------
# What a player's token and nobody's may ask for, of one competition and then of the other, in which more has happened.
my %routes = Edurange::Shim->routes;
my @asked = map { my $base = "/competition/GROUP"; ("$base/leaderboard", "$base/leaderboard?limit=1&offset=1", "$base/leaderboard?at=2090-01-01",
	"$base/progress/bob", "$base/attempts", "$base/attempts?user_id=bob", "$base/events", "$base/events?limit=1", "/get_points?user_id=bob&group_id=GROUP",
	"/question/completed?user_id=bob&group_challenge_id=PLACED", '/question/details?question_id=q', '/challenge/details?challenge_id=ch', '/challenges',
	'/challenge/list?group_id=GROUP', "/get_challenge_instance?challenge_instance_id=no", '/schema', '/status', '/live', '/ready', '/openapi.json', '/docs', '/', '/board/GROUP') } 1;
for my $route (grep { /^GET / && $routes{$_} =~ /none|player/ && !/board-events/ } sort keys %routes)
{
	my $pattern = (split / /, $route)[1] =~ s/\{\w+\}/[^\/]+/gr;
	ok(scalar(grep { /^$pattern(\?|$)/ } @asked), "$route is asked");
}

sub masked
{
	my ($text) = @_;

	return $text =~ s/\bg[ab]\b/GROUP/gr =~ s/\bp[ab]\b/PLACED/gr =~ s/\d{4}-\d\d-\d\dT[\d:.]+Z/TIME/gr =~ s/\b\d{13}\b/MS/gr
	  =~ s/"requestId":"[^"]*"/ID/gr =~ s/"(?:sinceToken|id)"\s*:\s*"[0-9a-f-]{20,}"/TOKEN/gr =~ s/^id: .*$/ID/gmr;
}

# What a stream tells, from its beginning until nothing more comes for a while.
sub told
{
	my ($group, $who) = @_;
	my $listener = events_of($group, defined $who ? (token => $who) : ());
	my $is_all = sub { $_[0]{event} eq 'series' };

	1 while !$listener->status && $listener->take(20);
	my @told = $listener->events;
	push @told, $listener->read(20, $is_all) if $listener->status == 200 && !grep { $is_all->($_) } @told;
	return map { $_->{text} } grep { $_->{event} ne 'time' } @told, $listener->read(2);
}

sub all_answers
{
	my ($group, $who) = @_;
	my %all;

	for my $path (@asked)
	{
		my $placed = $group =~ s/^g/p/r;
		my ($code, undef, $lines, $raw) = $shim->get($path =~ s/GROUP/$group/r =~ s/PLACED/$placed/r, $who);
		$all{$path} = masked("$code $raw");
	}
	$all{stream} = masked(join "\n", told($group, $who));
	return \%all;
}
sql(q{UPDATE "User" SET name = 'Bob' WHERE id = 'bob'});
# bob is right, cyd has another answer
sql(q{SELECT count(*) FROM unnest(ARRAY['pa', 'pb']) p, (VALUES ('bob', 'a'), ('cyd', 'b')) a (u, answer), edurange.attempt_question(u, 'q', p, answer)});
my $freeze = sql(q{SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.USZ')});

# A page of the board, and all rows of the stream, which come anew when the name has changed.
sub board_shown
{
	my ($group) = @_;
	state $name = 0;
	my (undef, undef, undef, $page) = $shim->get("/competition/$group/leaderboard", $bound{ada});

	sql(qq{UPDATE "CompetitionGroup" SET name = 'Cup ' || @{[ ++$name ]} WHERE id = '$group'});
	my ($board) = grep { is_board($_) && ($_->{data}{name} // '') eq "Cup $name" }
	  events_of($group, token => $bound{ada})->read(20, sub { is_board($_[0]) && ($_[0]{data}{name} // '') eq "Cup $name" });
	return $page . ($board->{text} =~ s/Cup \d+/Cup/gr =~ s/^id: .*$//gmr =~ s/\bga\b|\bgb\b/GROUP/gr =~ s/\bp[ab]\b/PLACED/gr);
}

# Whatever moves points and completions, in one of them alone.
sub stays_as_it_was
{
	my $undone = q{SELECT edurange.undo_change('gb', (SELECT id FROM edurange.grade_change WHERE undone_at IS NULL ORDER BY at DESC, id DESC LIMIT 1))};
	my $as_it_was = board_shown('gb');
	my @activity = (
		[ 'points are added', q{SELECT edurange.add_points('bob', 'gb', 100)} ],
		[ 'a question is completed', q{SELECT edurange.complete_question('cyd', 'q', 'pb')} ],
		[ 'and taken back', q{SELECT edurange.void_completion('gb', 'cyd', 'q')} ],
		[ 'points are set', q{SELECT edurange.set_points('ada', 'gb', 7)} ],
		[ 'a user is reset', q{SELECT edurange.reset_progress('gb', 'bob')} ],
		[ 'and solves it anew', q{SELECT edurange.attempt_question('bob', 'q', 'pb', 'a')} ],
		[ 'which is taken back', q{SELECT edurange.void_completion('gb', 'bob', 'q')} ],
		[ 'or not', $undone ],
		[ 'what was solved is taken back', q{SELECT edurange.void_completion('gb', 'ada', 'q')} ],
		[ 'that is undone', $undone ],
		[ 'another answer is right', q{SELECT edurange.accept_answer('gb', 'q', 'b')} ],
		[ 'that is undone, too', $undone ],
		[ 'answers are judged anew', q{UPDATE "QuestionAttempt" SET answer = 'a' WHERE "userId" = 'cyd' AND "groupChallengeId" = 'pb'; SELECT edurange.rejudge('gb', 'q')} ],
		[ 'the question is worth more', q{UPDATE "ChallengeQuestion" SET points = 30; SELECT edurange.reprice('gb', 'q')} ],
		[ 'a grade by hand', q{SELECT edurange.grade_question('gb', 'cyd', 'q', 3)} ],
		[ 'a challenge is asserted', q{SELECT edurange.complete_challenge('bob', group_challenge_id => 'pb')} ],
		[ 'a completion is deleted', q{DELETE FROM "ChallengeCompletion" WHERE "userId" = 'ada' AND "groupChallengeId" = 'pb'} ],
		[ 'one comes with a date of before', q{INSERT INTO "ChallengeCompletion" (id, "userId", "groupChallengeId", "pointsEarned", "completedAt") VALUES ('x', 'ada', 'pb', 1, '2020-01-02')} ],
		[ 'is dated otherwise', q{UPDATE "ChallengeCompletion" SET "completedAt" = '2020-01-03' WHERE "groupChallengeId" = 'pb'} ],
		[ 'becomes another user\'s', q{DELETE FROM "ChallengeCompletion" WHERE "userId" = 'cyd' AND "groupChallengeId" = 'pb'; UPDATE "ChallengeCompletion" SET "userId" = 'cyd' WHERE id = 'x'} ],
		[ 'a total is written', q{UPDATE "GroupPoints" SET points = 50 WHERE "groupId" = 'gb'} ],
		[ 'who leaves comes back', q{SELECT edurange.remove_member('gb', 'bob'); INSERT INTO "_GroupMembers" ("A", "B") VALUES ('gb', 'bob')} ],
		[ 'all completions are emptied', q{TRUNCATE "ChallengeCompletion", "QuestionCompletion"} ],
		[ 'and all totals', q{TRUNCATE "GroupPoints"} ],
		[ 'one solves it', q{SELECT edurange.attempt_question('bob', 'q', 'pb', 'a')} ]);

	for my $case (@activity)
	{
		sql($case->[1]);
		is(board_shown('gb'), $as_it_was, "frozen: $case->[0]");
	}
	is(masked(board_shown('gb')), masked(board_shown('ga')), 'and they are alike');
	sql(q{UPDATE "CompetitionGroup" SET name = 'Cup'; SELECT edurange.set_points('bob', 'gb', 105)});
	return;
}
for my $visibility (qw(members public))
{
	policy($_, visibility => $visibility, freezeAt => $freeze) for qw(ga gb);
	stays_as_it_was() if $visibility eq 'members';
	for my $who (undef, @bound{qw(ada)})
	{
		my ($one, $other) = map { all_answers($_, $who) } qw(ga gb);
		is_deeply($other, $one, "$visibility, " . ($who ? 'a bound token' : 'no token') . ': nothing is told') or diag explain [ $one->{stream}, $other->{stream} ];
	}
}
($status, $json) = $shim->get('/get_points?user_id=bob&group_id=gb', $bound{bob});
is($json->{points}, 105, 'one sees the points of oneself');
my $frozen = events_of('gb');
my ($shown) = grep { is_board($_) } $frozen->read(20, \&is_board);
ok($shown->{data}{frozen}, 'the stream says that it is frozen');
is($_->{points}, 15, 'and does not show what is new') for grep { $_->{userId} eq 'bob' } @{ $shown->{data}{rows} };
my ($staff) = grep { is_board($_) } events_of('gb', token => $token{service})->read(20, \&is_board);
is($_->{points}, 105, 'staff see it') for grep { $_->{userId} eq 'bob' } @{ $staff->{data}{rows} };
sql(q{SELECT edurange.add_points('bob', 'gb', 1)});
is_deeply([ grep { $_->{event} ne 'time' && $_->{event} ne 'series' } $frozen->read(2) ], [], 'nothing comes');
like(sql('SELECT message FROM edurange.health()'), qr/^(?!.*without a token)/, 'health is content');
my $open = Edurange::Shim->start($node, EDURANGE_ANONYMOUS_TIER => 'player', EDURANGE_THREADS => 1);
$open->get('/get_points?user_id=bob&group_id=gb');
like(sql('SELECT message FROM edurange.health()'), qr/2 boards are frozen, but without a token everybody may ask/, 'but not of a shim for anybody');
is($open->stop, 0, 'stopped');
policy('gb', visibility => 'public');
my ($thawed) = grep { is_board($_) } $frozen->read(20, \&is_board);
ok($thawed->{data}{snapshot} && !$thawed->{data}{frozen}, 'thawed, all is shown at once');
is_deeply([ $_->{points}, scalar @{ $_->{solved} } ], [ 106, 1 ], 'as it is') for grep { $_->{userId} eq 'bob' } @{ $thawed->{data}{rows} };
is_deeply([ $_->{points}, $_->{solved} ], [ 0, [] ], 'also what was taken back') for grep { $_->{userId} eq 'ada' } @{ $thawed->{data}{rows} };

# ---- many ------------------------------------------------------------------------------------------
sub memory { return slurp_file("/proc/$_[0]/status") =~ /VmRSS:\s+(\d+)/ ? $1 : 0; }
my $before = memory($shim->pid);
my @listeners = map { events_of('gb') } 1 .. $many;
is(scalar(grep { grep { is_board($_) } $_->read(20, \&is_board) } @listeners), $many, "$many listeners");
# A sanitizer puts room around each piece of memory, and keeps what was freed for a while.
my $most = slurp_file($ENV{EDURANGE_SHIM}) =~ /__asan_init/ ? 64 : 32;
cmp_ok((memory($shim->pid) - $before) / $many, '<', $most, "less than $most KB each");
(undef, undef, undef, my $metrics) = $shim->get('/metrics', $token{service});
cmp_ok(($metrics =~ /^edurange_listeners (\d+)$/m)[0], '>=', $many, 'they are counted');
is(sql(q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'edurange_shim' AND query LIKE '%json_to_recordset%'}), 1, 'the database sees one reader');
my @seen;
# (others use the machine, too)
for (1 .. 3)
{
	sql(q{SELECT edurange.add_points('cyd', 'gb', 3)});
	$begun = time;
	@seen = sort { $a <=> $b } map { (grep { is_change($_) } $_->read(10, \&is_change)) ? time - $begun : 99 } @listeners;
	note sprintf('seen by all after %.2f s', $seen[-1]);
	last if $seen[ int(@seen * 0.99) ] < 3;
}
cmp_ok($seen[ int(@seen * 0.99) ], '<', 3, 'all of them see a change soon');
@listeners = ();

# ---- who does not read -------------------------------------------------------------------------------
sql(q{
	INSERT INTO "User" (id, email, name) SELECT 'm' || i, 'm' || i, repeat('x', 150) FROM generate_series(1, 5000) i;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('big', 'Big', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'big', 'm' || i FROM generate_series(1, 5000) i;
	SELECT edurange.set_board_policy('big', 'public')});
my $whole = events_of('big');
my ($large) = grep { is_board($_) } $whole->read(20, \&is_board);
is(scalar @{ $large->{data}{rows} }, 5000, 'a board of 5,000');
my $slow = events_of('big');
sleep 0.5;
$whole->read(1);
sql(q{SELECT edurange.add_points('m1', 'big', 3)});
is(scalar(grep { is_change($_) } $whole->read(20, \&is_change)), 1, 'who reads is not kept by who does not');
$begun = time;
sleep 0.2 while time < $begun + 20 && ($shim->get('/metrics', $token{service}))[3] !~ /^edurange_http_connections_timed_out_total [1-9]/m;
note sprintf('dropped after %.1f s', time - $begun);
cmp_ok(time - $begun, '<', 16, 'who does not read is dropped');
$whole->read(0.5);
my ($back) = grep { is_board($_) } events_of('big', headers => { 'Last-Event-ID' => $large->{id} })->read(20, \&is_board);
is_deeply([ map { $_->{points} } @{ $back->{data}{rows} } ], [3], 'and gets what it missed when it comes back');

# ---- boards do not wait for each other -----------------------------------------------------------------
# A lock makes the database answer late, as a machine that is busy does.
my $lock = $node->background_psql('edurange');
my $asks = q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%json_to_recordset%'};
my $one = Edurange::Shim->start($node, EDURANGE_THREADS => 1, EDURANGE_STATEMENT_TIMEOUT => 60_000);

# (it is read whole, which no other board pays for)
my $came = time;
my $beside = events_of('gb', shim => $one);
my ($besides) = grep { is_board($_) } $beside->read(20, \&is_board);
$lock->query_safe('BEGIN; LOCK TABLE edurange.standing IN ACCESS EXCLUSIVE MODE');
my $costly = events_of('big', shim => $one);
ok($node->poll_query_until('edurange', $asks), 'a large board is asked for');
sleep 6;
$lock->query_safe('COMMIT');
is(scalar(grep { is_board($_) } $costly->read(10, \&is_board)), 1, 'and comes');
is(scalar(grep { is_board($_) } events_of('gb', shim => $one, token => $token{service})->read(4, \&is_board)), 1, 'another one does not wait as long again');
sql(q{SELECT edurange.add_points('bob', 'gb', 1)});
$begun = time;
is(scalar(grep { is_change($_) } $beside->read(30, \&is_change)), 1, 'a change of a small one beside it');
note sprintf('is seen after %.2f s', time - $begun);
cmp_ok(time - $begun, '<', 6, 'is seen soon, however long the large one took');
$costly->socket->close;

# (What was asked for somebody who has left is no answer for who comes then.)
$beside->read(20, sub { $_[0]{event} eq 'time' });
$beside->socket->close;
my $stayed = time - $came;
sql(q{SELECT edurange.add_points('bob', 'gb', 1)});
sleep 1;
$lock->query_safe('BEGIN; LOCK TABLE edurange.standing IN ACCESS EXCLUSIVE MODE');
ok($node->poll_query_until('edurange', $asks), 'changes are asked for');
for (1 .. 90)
{
	(undef, undef, undef, $metrics) = $one->get('/metrics', $token{service});
	last if $metrics =~ /^edurange_listeners 0$/m;
	sleep 0.5;
}
my ($answered) = $metrics =~ m{^edurange_http_request_duration_seconds_sum\{method="GET",route="/competition/\{group_id\}/board-events"\} ([\d.e-]+)$}m;
cmp_ok($answered // 1000, '<', $stayed / 2, 'how long somebody listens does not count as the time of an answer');
my $next = events_of('gb', shim => $one);
my @early = $next->read(1);
$lock->query_safe('COMMIT');
($shown) = grep { is_board($_) } @early, $next->read(10, \&is_board);
isnt((split /\./, $shown->{id})[1], (split /\./, $besides->{id})[1], 'the board is another one for who comes back');
is(scalar @{ $shown->{data}{rows} }, 3, 'who gets all of it');

# ---- who was let in before the policy changed -----------------------------------------------------------
# A policy may change between the question whether somebody may see a board and the first one how it is.
is($one->stop, 0, 'stopped');
$one->launch;
policy('gb', visibility => 'public');
policy('ga', visibility => 'members');
$lock->query_safe('BEGIN; LOCK TABLE edurange.standing IN ACCESS EXCLUSIVE MODE');
my $first_of_all = events_of('big', shim => $one);
ok($node->poll_query_until('edurange', $asks), 'another board is asked for');
my @let_in = (events_of('ga', shim => $one, token => $bound{ada}), events_of('gb', shim => $one));
$_->take(10) for @let_in;
is_deeply([ map { $_->status } @let_in ], [ 200, 200 ], 'two are let in');
policy('ga', visibility => 'staff');
policy('gb', visibility => 'members');
$lock->query_safe('COMMIT');
is_deeply([ map { [ grep { is_board($_) } $_->read(20, \&is_board) ] } @let_in ], [ [], [] ], 'nothing is shown of what is not for them any more');
is_deeply([ map { $_->closed } @let_in ], [ 1, 1 ], 'and they are let go');
policy($_, visibility => 'public') for qw(ga gb);
$first_of_all->socket->close;
is($one->stop, 0, 'stopped');
$lock->quit;

# ---- ids of events -------------------------------------------------------------------------------------
my @pods = map { Edurange::Shim->start($node, EDURANGE_THREADS => 1) } 1 .. 2;
my @of_pod = map { events_of('gb', shim => $_) } @pods;
my @ids = map { (grep { is_board($_) } $_->read(20, \&is_board))[0]{id} } @of_pod;
isnt($ids[0], $ids[1], 'an event of another process, of the same second, has another id');
is($_->stop, 0, 'stopped') for @pods;

# ---- a machine that has just begun -------------------------------------------------------------------------
my $clock = Edurange::Clock->library;
my $uptime = POSIX::floor((split / /, slurp_file('/proc/uptime'))[0]);
$clock->set(3 - $uptime, 0);
# (a sanitizer wants to be the first library)
my $young = do { local $ENV{EDURANGE_SHIM} = $ENV{EDURANGE_PLAIN_SHIM}; Edurange::Shim->start($node, EDURANGE_THREADS => 1, $clock->environment) };
my @of_young = events_of('gb', shim => $young)->read(3);
is_deeply([ map { $_->{event} } @of_young ], [qw(time board series)], 'as its clock begins with the machine, the time is told once all the same');
is($young->stop, 0, 'stopped');

# ---- too many --------------------------------------------------------------------------------------
my $small = Edurange::Shim->start($node, EDURANGE_CONNECTION_LIMIT => 64, EDURANGE_THREADS => 2);
my @flood = map { events_of('gb', shim => $small) } 1 .. 120;
my %got;
$_->take(5), $got{ $_->status // 'none' }++ for @flood;
cmp_ok($got{200} // 0, '<=', 48, 'a flood of listeners gets three quarters of the connections') or diag explain \%got;
cmp_ok($got{200} // 0, '>=', 40, 'and no fewer');
($status) = $small->get('/get_points?user_id=bob&group_id=gb', $token{player});
is($status, 200, 'requests have theirs');
$begun = time;
is($small->stop, 0, 'it stops though somebody listens');
cmp_ok(time - $begun, '<', 10, 'soon');
@flood = ();

my $few = Edurange::Shim->start($node, EDURANGE_LISTENER_LIMIT => 1);
my $only = events_of('gb', shim => $few);
is(scalar(grep { is_board($_) } $only->read(20, \&is_board)), 1, 'one may listen');
my ($since, $more) = ('', 'true');
while ($more eq 'true')
{
	my $lines = ($few->get('/competition/gb/events' . ($since && "?sinceToken=$since"), $token{service}))[3];
	($since, $more) = $lines =~ /.*"sinceToken" : "(\w+)", "more" : (\w+)/s or die $lines;
}
for my $path ('/competition/gb/board-events', "/competition/gb/events?sinceToken=$since")
{
	($status, $json, $headers) = $few->get($path, $token{service});
	is_deeply([ $status, $json->{code}, $headers->{'retry-after'} ], [ 503, 'too_many_connections', 1 ], "$path: one is too many");
}
sql(q{SELECT edurange.add_points('bob', 'gb', 1)});
for (1 .. 50)
{
	# (a loop that has just been told that there is nothing new does not ask again)
	($status) = $few->get("/competition/gb/events?sinceToken=$since", $token{service});
	last if $status == 200;
	sleep 0.1;
}
is($status, 200, 'what there is, who would have to wait for more is told all the same');
is($few->stop, 0, 'stopped');

# ---- a shim that comes back --------------------------------------------------------------------------
my $id = $thawed->{id};
is($shim->stop, 0, 'stopped');
$shim->launch;
($back) = grep { is_board($_) } events_of('gb', headers => { 'Last-Event-ID' => $id })->read(10, \&is_board);
ok($back->{data}{snapshot}, 'who comes back to another process gets all of it');
is($shim->stop, 0, 'stopped');
done_testing();
