# A class of thirty out of a roster file, two packs, two instructors of whom one gets nowhere, from nothing to its end:
# by HTTP alone, and again in SQL alone, as docs/first-class.md has it.  What each step answers is written down, and
# the two must read the same.

use strict;
use warnings;

use Edurange::Cluster;
use Edurange::Shim;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $students = 30;
my $node = Edurange::Cluster->new_ready('class', conf => "log_statement = none\n");
my $shim = Edurange::Shim->start($node);
my %token = map { $_ => $shim->make_token($_) } qw(service admin);
my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my $state = q{SELECT (SELECT string_agg(format('%s %s', s.points, u.email), ',' ORDER BY u.email) FROM edurange.standing s JOIN "User" u ON u.id = s.user_id),
	(SELECT string_agg(format('%s %s %s', kind, delta, reason), ',' ORDER BY kind, delta, reason) FROM edurange.points_ledger),
	(SELECT string_agg(e, ',' ORDER BY e) FROM (SELECT format('%s %s', "eventType", count(*)) FROM "ActivityLog" WHERE "eventType" <> 'CHALLENGE_PACK_INSTALLED' GROUP BY "eventType") l (e))};

# Each act: method and path, with the parameters of the path in braces; the function; the arguments in its order, as
# the body or the query has them, which are @body or ?query.
my %acts = (
	install => [ 'POST', '/packs/upload', 'pack_install' ],
	make_user => [ 'POST', '/users', 'create_user', '@email', '@name', '@role', '@id' ],
	create => [ 'POST', '/competition/create', 'create_competition', '@name', '@start_date', '@instructor_ids' ],
	place => [ 'POST', '/competition/add-challenge', 'add_competition_challenge', '@group_id', '@challenge_id', '@points' ],
	enrol => [ 'POST', '/competition/{group_id}/roster', 'import_roster', 'group_id', 'csv', '?dry_run', '?make_users' ],
	roster => [ 'GET', '/competition/{group_id}/roster', 'roster', 'group_id', '?limit' ],
	join => [ 'POST', '/competition/join', 'join_competition', '@code', '@user_id' ],
	details => [ 'GET', '/challenge/details', 'challenge_details', '?challenge_id' ],
	answer => [ 'POST', '/question/attempt', 'attempt_question', '@user_id', '@question_id', '@group_challenge_id', '@answer' ],
	board => [ 'GET', '/competition/{group_id}/leaderboard', 'leaderboard', 'group_id', '?limit' ],
	attempts => [ 'GET', '/competition/{group_id}/attempts', 'attempts', 'group_id', '?user_id', '?question_id', '?limit' ],
	members => [ 'GET', '/competition/{group_id}/members', 'members', 'group_id', '?limit' ],
	activity => [ 'GET', '/activity', 'activity', '?group_id', '?user_id', '?event_type', '?limit' ],
	codes => [ 'GET', '/competition/{group_id}/access-codes', 'access_codes', 'group_id' ],
	revoke => [ 'DELETE', '/competition/{group_id}/access-codes/{code}', 'revoke_access_code', 'group_id', 'code' ],
	award => [ 'POST', '/add_points', 'add_points', '@user_id', '@group_id', '@points', '@reason' ],
	past => [ 'GET', '/competition/{group_id}/points-history/{user_id}', 'points_history', 'user_id', 'group_id' ],
	reset => [ 'POST', '/competition/{group_id}/reset', 'reset_progress', 'group_id', '@user_id', '@reason' ],
	expel => [ 'DELETE', '/competition/{group_id}/members/{user_id}', 'remove_member', 'group_id', 'user_id' ],
	name => [ 'PUT', '/competition/{group_id}/instructors', 'set_instructors', 'group_id', '@instructor_ids' ],
	unplace => [ 'DELETE', '/competition/{group_id}/challenges/{group_challenge_id}', 'remove_competition_challenge', 'group_id', 'group_challenge_id', '?force', '?reason' ],
	worth => [ 'PATCH', '/competition/{group_id}/challenges/{group_challenge_id}', 'set_challenge_points', 'group_id', 'group_challenge_id', '@points' ],
	show => [ 'GET', '/competition/{group_id}', 'competition', 'group_id' ],
	list => [ 'GET', '/competitions', 'competitions' ],
	code => [ 'POST', '/competition/generate-code', 'generate_access_code', '@group_id', '@created_by' ],
	change => [ 'PATCH', '/competition/{group_id}', 'update_competition', 'group_id', '@name', '@description', '@start_date', '@end_date' ],
	delete => [ 'DELETE', '/competition/{group_id}', 'delete_competition', 'group_id', '?name' ]);

sub escaped { return $_[0] =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02X', ord $1/ger; }

# By HTTP: the answer, or status and message of an error.
sub by_http
{
	my ($who, $act, %given) = @_;
	my ($method, $path, undef, @places) = @{ $acts{$act} };
	my %headers = (defined $who ? ('X-Acting-User' => $who) : ());
	my %body = map { my ($name) = /^@(.*)/; defined $name && defined $given{$name} ? ($name => $given{$name}) : () } @places;
	my @query = map { my ($name) = /^\?(.*)/; defined $name && defined $given{$name} ? "$name=" . escaped($given{$name}) : () } @places;
	my $body;

	$path =~ s/\{(\w+)\}/escaped($given{$1})/ge;
	$path .= '?' . join('&', @query) if @query;
	if ($act eq 'install') { ($body, $headers{'Content-Type'}) = ($json->encode({ manifest => $given{manifest}, challenges => [ $given{challenge} ] }), 'application/json') }
	elsif (defined $given{csv}) { ($body, $headers{'Content-Type'}) = ($given{csv}, 'text/csv') }
	elsif ($method =~ /^P/) { ($body, $headers{'Content-Type'}) = ($json->encode(\%body), 'application/json') }
	my ($status, $answer) = $shim->request($method, $path, token => $token{ $act eq 'install' ? 'admin' : 'service' }, headers => \%headers, defined $body ? (body => $body) : ());
	return $status == 200 ? $answer : $answer->{error};
}

# In SQL: the same.
sub in_sql
{
	my ($who, $act, %given) = @_;
	my (undef, undef, $function, @places) = @{ $acts{$act} };
	my $quoted = sub {
		my ($value) = @_;
		return 'ARRAY[' . join(', ', map { "'$_'" } @$value) . ']' if ref $value;
		return "'" . $value =~ s/'/''/gr . "'";
	};
	my @arguments = map { my ($name) = /(\w+)$/; defined $given{$name} ? (($name eq 'limit' ? '"limit"' : $name) . ' => ' . $quoted->($given{$name})) : () } @places;

	@arguments = map { $quoted->($_) } $json->encode($given{manifest}), ['one.json'], [ $json->encode($given{challenge}) =~ s/'/''/gr ] if $act eq 'install';
	push @arguments, "caller => ROW(NULL, NULL, NULL, '$who')::edurange.caller" if defined $who;
	my $rows = $act =~ /^(board|past)$/ ? q{coalesce(json_agg(edurange.wire(t)), '[]')} : 'edurange.wire(t)';
	my ($code, $out, $err) = $node->psql('edurange', "SELECT $rows FROM edurange.$function(" . join(', ', @arguments) . ') t', on_error_stop => 1);
	return $code == 0 ? $json->decode($out) : $err =~ s/.*?ERROR:\s+//sr =~ s/\n.*//sr;
}

sub pack_of
{
	my ($id, $points, $answer) = @_;

	return (manifest => { id => $id, name => $id, version => '1.0.0', challenges => ['one.json'] },
		challenge => { metadata => { id => "$id-1", name => "All about $id", version => '1.0.0', challenge_type => 'web' },
			components => [ { type => 'question', id => 'q', config => { type => 'text', text => '?', points => $points, answer => $answer } } ] });
}

my $file = "\xef\xbb\xbfName,E-Mail,External ID,Section\r\n" . join('', map { "\"Student, $_\",S$_\@school.example," . (4700 + $_) . ",A\r\n" } 1 .. $students)
  . "Nobody,not an address,,B\r\n";

# From nothing to the end; returns what was written down.
sub run_class
{
	my ($act) = @_;
	my @written;
	my $note = sub { push @written, join(' ', map { ref $_ ? $json->encode($_) : $_ // 'null' } @_); return; };

	$act->(undef, 'make_user', email => "$_\@school.example", name => $_, role => 'INSTRUCTOR', id => $_) for qw(vera otto);
	for my $pack (qw(maps codes))
	{
		$note->('installed', $act->(undef, 'install', pack_of($pack, $pack eq 'maps' ? 20 : 30, $pack))->{installed_count});
	}
	my $class = $act->('vera', 'create', name => 'Class', start_date => '2025-01-01T00:00:00Z', instructor_ids => ['vera'])->{id};
	my %placed = map { $_ => $act->('vera', 'place', group_id => $class, challenge_id => "$_-1", points => 10)->{id} } qw(maps codes);
	my %question = map { $_ => $act->('vera', 'details', challenge_id => "$_-1")->{questions}[0]{id} } qw(maps codes);

	# who learns
	$note->('tried', @{ $act->('vera', 'enrol', group_id => $class, csv => $file, dry_run => 'true') }{qw(dryRun rows waiting codesMade errors)});
	$note->('nobody yet', @{ $act->('vera', 'show', group_id => $class) }{qw(members accessCodes)});
	my @ids = map { "s$_" } 1 .. $students;
	$act->(undef, 'make_user', email => "s$_\@school.example", name => "S $_", id => "s$_") for 1 .. 10;
	$note->('enrolled', @{ $act->('vera', 'enrol', group_id => $class, csv => $file) }{qw(dryRun rows membersAdded waiting codesMade errors)});
	$act->(undef, 'make_user', email => "s$_\@SCHOOL.example", name => "S $_", id => "s$_") for 11 .. 15;
	my %code = map { $_->{email} => $_->{accessCode} } @{ $act->('vera', 'roster', group_id => $class, limit => 100)->{roster} };
	$note->('with a code', scalar grep { defined } values %code);
	$act->(undef, 'make_user', email => "at\@home.example", name => 'At Home', id => 's16');
	$note->('joined', $act->('s16', 'join', code => $code{'s16@school.example'}, user_id => 's16')->{alreadyMember});
	$note->('once', $act->('s1', 'join', code => $code{'s16@school.example'}, user_id => 's1')->{alreadyMember});
	$act->(undef, 'make_user', email => 'late@home.example', name => 'Late', id => 'late');
	$note->('used up', $act->('late', 'join', code => $code{'s16@school.example'}, user_id => 'late') =~ s/"\w{8}"/CODE/r);
	$note->('all', @{ $act->('vera', 'enrol', group_id => $class, csv => $file, make_users => 'true') }{qw(alreadyMembers membersAdded usersMade waiting)});
	$note->('members', @{ $act->('vera', 'show', group_id => $class) }{qw(members instructors challenges accessCodes)});
	my @roster = @{ $act->('vera', 'roster', group_id => $class, limit => 100)->{roster} };
	$note->('complete', scalar(grep { $_->{isMember} } @roster), $roster[0]{externalId}, $roster[0]{section}, $roster[0]{line});
	my %id = map { $_->{email} => $_->{userId} } @roster;
	@ids = map { $id{"s$_\@school.example"} } 1 .. $students;

	# one of whom gets nowhere
	for my $try ([ 'show' ], [ 'members' ], [ 'roster' ], [ 'codes' ], [ 'attempts' ], [ 'activity' ], [ 'past', user_id => 's1' ], [ 'enrol', csv => "email\notto\@school.example\n" ],
		[ 'place', challenge_id => 'maps-1', points => 1 ], [ 'code', created_by => 'otto' ], [ 'revoke', code => 'X' ], [ 'award', user_id => 's1', points => 1 ],
		[ 'reset', user_id => 's1' ], [ 'expel', user_id => 's1' ], [ 'name', instructor_ids => ['otto'] ], [ 'unplace', group_challenge_id => $placed{maps} ],
		[ 'worth', group_challenge_id => $placed{maps}, points => 1 ], [ 'change', description => 'mine' ], [ 'delete', name => 'Class' ], [ 'board' ],
		[ 'answer', user_id => 's1', question_id => $question{maps}, group_challenge_id => $placed{maps}, answer => 'maps' ])
	{
		my ($what, @given) = @$try;
		$note->("otto: $what", $act->('otto', $what, group_id => $class, @given));
	}
	$note->('otto sees', $act->('otto', 'list')->{competitions});

	# they play
	for my $n (0 .. $#ids)
	{
		my %of = (user_id => $ids[$n], question_id => $question{maps}, group_challenge_id => $placed{maps});
		$act->($ids[$n], 'answer', %of, answer => 'no idea') if $n % 3 == 0;
		$note->('maps', $act->($ids[$n], 'answer', %of, answer => 'maps')->{isCorrect}) if $n % 2 == 0;
		$note->('codes', @{ $act->($ids[$n], 'answer', %of, question_id => $question{codes}, group_challenge_id => $placed{codes}, answer => 'codes') }{qw(isCorrect challengeCompleted)}) if $n < 5;
	}
	$note->('another', $act->('s1', 'answer', user_id => 's2', question_id => $question{maps}, group_challenge_id => $placed{maps}, answer => 'maps'));
	$note->('board', map { $_->{points} } @{ $act->('s1', 'board', group_id => $class) });
	$note->('attempts', scalar @{ $act->('vera', 'attempts', group_id => $class, limit => 500)->{attempts} });

	# putting something right
	$note->('award', $act->('vera', 'award', group_id => $class, user_id => 's1', points => 5, reason => 'a good question')->{points});
	$note->('past', map { "$_->{kind} $_->{delta} $_->{actor} " . ($_->{reason} // '-') } @{ $act->('vera', 'past', group_id => $class, user_id => 's1') });
	$note->('reset', @{ $act->('vera', 'reset', group_id => $class, user_id => 's3', reason => 'asked for it') }{qw(questionsReset challengesReset)});
	$note->('expelled', $act->('vera', 'expel', group_id => $class, user_id => 's16')->{points});
	$note->('named', map { $_->{id} } @{ $act->('vera', 'name', group_id => $class, instructor_ids => [qw(vera otto)])->{instructors} });
	$note->('otto now', $act->('otto', 'show', group_id => $class)->{members});
	$note->('worked at', $act->('otto', 'unplace', group_id => $class, group_challenge_id => $placed{codes}) =~ s/"[0-9a-f-]{36}"/ID/r);
	$note->('by force', @{ $act->('otto', 'unplace', group_id => $class, group_challenge_id => $placed{codes}, force => 'true', reason => 'leaked') }{qw(attempts usersCharged pointsTaken)});
	$note->('board', map { $_->{points} } @{ $act->('vera', 'board', group_id => $class) });
	$note->('state', $node->safe_psql('edurange', $state));

	# the end
	$note->('ends', $act->('vera', 'change', group_id => $class, end_date => '2025-02-01T00:00:00Z')->{endDate});
	$note->('ended', $act->('s4', 'answer', user_id => 's4', question_id => $question{maps}, group_challenge_id => $placed{maps}, answer => 'maps') =~ s/"[0-9a-f-]{36}"/ID/r);
	$note->('not by that name', $act->('vera', 'delete', group_id => $class, name => 'class'));
	$note->('deleted', $act->('vera', 'delete', group_id => $class, name => 'Class')->{name});
	$note->('kept', map { $_->{isArchived} } @{ $act->(undef, 'activity', group_id => $class, event_type => 'GROUP_LEFT')->{entries} });
	$note->('ledger', scalar @{ $act->(undef, 'past', group_id => $class, user_id => 's1') });
	is($node->safe_psql('edurange', 'SELECT * FROM edurange.check_invariants()'), '', 'invariants');
	is($node->safe_psql('edurange', 'SELECT count(*) FROM edurange.roster'), 0, 'the roster is gone');
	return @written;
}

my @by_http = run_class(\&by_http);
$node->safe_psql('edurange', q{
	DELETE FROM "User"; DELETE FROM "Challenge"; DELETE FROM "ChallengePack";
	TRUNCATE edurange.points_ledger, edurange.standing, edurange.activity_archive, edurange.pack_manifest});
my @in_sql = run_class(\&in_sql);
is_deeply([ map { s/\b[0-9a-f]{8}-[0-9a-f-]{27}\b/ID/gr } @in_sql ], [ map { s/\b[0-9a-f]{8}-[0-9a-f-]{27}\b/ID/gr } @by_http ], 'in SQL as by HTTP');

# and it went as the page says
note $_ for @by_http;
my @nowhere = grep { /^otto: / } @by_http;
is(scalar(grep { /acting user "otto" is no instructor|takes no part|is neither the user/ } @nowhere), scalar @nowhere, 'Otto gets nowhere');
my $errors = '[{"line":32,"message":"\"not an address\" is no e-mail address"}]';
my @wanted = (
	"tried true 31 30 30 $errors", 'nobody yet 0 0', "enrolled false 31 10 20 20 $errors", 'with a code 15', 'joined false', 'once true',
	'used up access code CODE has expired or has no use left', 'all 16 14 14 0', "members $students 1 2 0", 'complete 30 4710 A 11', 'otto sees []',
	'attempts 30', 'award 55', 'reset 2 2', 'expelled 0', 'named otto vera', 'otto now 29', 'by force 5 4 120', 'deleted Class', 'kept true');
my %written = map { $_ => 1 } @by_http;
ok($written{$_}, $_) for @wanted;

done_testing();
