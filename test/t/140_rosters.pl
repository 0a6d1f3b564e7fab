# Rosters over HTTP: what a file may be, and one of 5,000 rows: in seconds, in little memory, with its progress where
# operators look; one that is cancelled leaves nothing. Who makes users beside that waits no longer than for it, and pays
# next to nothing where nobody waits.

use strict;
use warnings;

use Edurange::Cluster;
use Edurange::Shim;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = Edurange::Cluster->new_ready('rosters', conf => "fsync = off\nlog_statement = none\n");
my $shim = Edurange::Shim->start($node);
my $token = $shim->make_token('service');

sub sql { return $node->safe_psql('edurange', $_[0]); }

sql(q{
	INSERT INTO "User" (id, email, role) VALUES ('ina', 'ina@x.y', 'INSTRUCTOR'), ('oti', 'oti@x.y', 'INSTRUCTOR'), ('ada', 'Ada@x.y', 'STUDENT');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01'), ('h', 'H', '2020-01-01');
	INSERT INTO "_GroupInstructors" ("A", "B") VALUES ('g', 'ina'), ('h', 'oti')});

# Sends a file; returns status and answer.
sub send_file
{
	my ($csv, %options) = @_;
	my ($status, $json) = $shim->request('POST', '/competition/g/roster' . ($options{query} // ''), token => $token, body => $csv,
		headers => { 'Content-Type' => $options{type} // 'text/csv', 'X-Acting-User' => $options{who} // 'ina', %{ $options{headers} // {} } });

	return ($status, $json);
}

# what it may be
my ($status, $json) = send_file("\xef\xbb\xbfE-mail,External ID\r\nada\@x.y,\"=cmd|' /C calc'!A0\"\r\nbob\@x.y,7\r\nnobody,8\r\n", type => 'text/csv; charset=utf-8');
is($status, 200, 'a file is imported') or diag explain $json;
is_deeply([ @$json{qw(dryRun rows alreadyMembers membersAdded usersMade waiting codesMade)}, $json->{errors} ],
	[ JSON::PP::false, 3, 0, 1, 0, 1, 1, [ { line => 4, message => '"nobody" is no e-mail address' } ] ], 'and says what came of it');
($status, $json) = $shim->request('GET', '/competition/g/roster?limit=1', token => $token, headers => { 'X-Acting-User' => 'ina' });
is_deeply([ @{ $json->{roster}[0] }{qw(email externalId userId isMember accessCode line)}, $json->{nextCursor} ],
	[ 'ada@x.y', "=cmd|' /C calc'!A0", 'ada', JSON::PP::true, undef, 2, 'ada@x.y' ], 'a formula is data');
($status, $json) = $shim->request('GET', "/competition/g/roster?cursor=$json->{nextCursor}", token => $token, headers => { 'X-Acting-User' => 'ina' });
is_deeply([ map { $_->{email} } @{ $json->{roster} } ], ['bob@x.y'], 'the next page');
my $code = $json->{roster}[0]{accessCode};
($status, $json) = $shim->request('POST', '/competition/join', token => $token, headers => { 'X-Acting-User' => 'oti', 'Content-Type' => 'application/json' },
	body => qq({"code": "$code", "userId": "oti"}));
is(sql(q{SELECT user_id FROM edurange.roster WHERE email = 'bob@x.y'}), 'oti', 'who joins with the code completes the row');
for (
	[ 'another instructor', [ "email\n", who => 'oti' ], 403, 'not_an_instructor' ],
	[ 'JSON', [ '{"csv": "email"}', type => 'application/json' ], 415, 'unsupported_media_type' ],
	[ 'compressed', [ "email\n", headers => { 'Content-Encoding' => 'gzip' } ], 415, 'unsupported_media_type' ],
	[ 'nothing', [''], 400, 'missing_parameter' ],
	[ 'Latin 1', ["email,name\na\@x.y,Andr\xe9\n"], 400, 'invalid_encoding' ],
	[ 'UTF-16', ["\xff\xfee\0m\0a\0i\0l\0"], 400, 'invalid_encoding' ],
	[ 'a null character', ["email\na\0\@x.y"], 400, 'invalid_text' ],
	[ 'no address', ["name\nBob\n"], 400, 'invalid_parameter' ],
	[ 'too large', [ "email\n" . 'x' x (2 << 20) ], 413, 'payload_too_large' ],
	[ 'too many rows', [ "email\n" . "a\n" x 10001 ], 413, 'payload_too_large' ],
	[ 'a flag that is none', [ "email\n", query => '?dryRun=perhaps' ], 400, 'invalid_type' ])
{
	my ($name, $request, $want, $error) = @$_;
	($status, $json) = send_file(@$request);
	is("$status $json->{code}", "$want $error", "$name is refused");
}
is((send_file("email\nzoe\@x.y\n", query => '?dryRun=true&make_users=true'))[1]{usersMade}, 1, 'a dry run says what it would do');
is(sql(q{SELECT count(*) FROM "User" WHERE email = 'zoe@x.y'}), 0, 'and does not');
my @twice = map { [ send_file("email\nzoe\@x.y\n", headers => { 'Idempotency-Key' => 'r1' }) ] } 1, 2;
is_deeply($twice[1], $twice[0], 'once, however often it is sent');
is($twice[0][1]{codesMade}, 1, 'with one code');

# a large one
my $rows = 5000;
my $file = 'email,name,external_id,login_id,section' . join('', map { "\ns$_\@school.example,\"Student, $_\",$_,login$_,A" } 1 .. $rows);
my $quoted = $file =~ s/'/''/gr;

# Imports it in a session of its own; returns seconds, MB beyond what the session had, what it answered, and the progress that was seen.
sub measure
{
	my ($options) = @_;
	my $session = $node->background_psql('edurange', on_error_stop => 0);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	my $memory = sub { my ($mb) = map { $_ / 1024 } slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m; return $mb; };
	$session->query_safe(q{SELECT edurange.import_roster('h', 'email')});
	my $had = $memory->();
	my ($most, %seen) = (0);
	my $began = time;
	$session->{stdin} .= "SELECT rows, \"membersAdded\", \"usersMade\", waiting, \"codesMade\" FROM edurange.import_roster('g', '$quoted'$options);\n\\echo done\n";
	until ($session->{stdout} =~ /^done$/m)
	{
		$session->{run}->pump_nb;
		$most = $memory->() if $memory->() > $most;
		my $query = sql("SELECT query FROM pg_stat_activity WHERE pid = $pid");
		$seen{$1}{$2} = 1 if $query =~ /^edurange\.import_roster\(\): (\D+), (\d+) of $rows$/;
		last if time - $began > 60;
	}
	my $took = time - $began;
	my ($answer) = $session->{stdout} =~ /^([\d|]+)$/m;
	$session->{stdout} = '';
	$session->quit;
	return ($took, $most - $had, $answer, \%seen);
}

my ($took, $mb, $answer, $seen) = measure('');
is($answer, "$rows|0|0|$rows|$rows", "$rows rows wait, each with a code");
cmp_ok($mb, '<', 32, 'in little memory');
cmp_ok(keys %{ $seen->{'writing rows'} // {} }, '>', 1, 'and pg_stat_activity tells how far it is');
note sprintf('%d rows with codes: %.1f s, %.1f MB; seen: %s', $rows, $took, $mb, join(', ', map { my $what = $_; map { "$what $_" } sort { $a <=> $b } keys %{ $seen->{$what} } } sort keys %$seen));
($took, $mb, $answer, $seen) = measure(', make_users => true');
is($answer, "$rows|$rows|$rows|0|0", "$rows users are made, and are members");
cmp_ok($mb, '<', 32, 'in little memory, too');
note sprintf('%d rows with users: %.1f s, %.1f MB', $rows, $took, $mb);
is(sql(q{SELECT count(*), count(r.code) FROM edurange.roster r JOIN "_GroupMembers" m ON m."A" = r.group_id AND m."B" = r.user_id WHERE email ~ '^s\d'}), "$rows|0", 'all rows are complete');
is(sql(q{SELECT count(*) FROM "CompetitionAccessCode" WHERE "usedCount" = 0}), 1, 'and the codes are gone but for who waits');
is(sql('SELECT * FROM edurange.check_invariants()'), '', 'invariants');
my $began = time;
($status, $json) = send_file($file);
is("$status $json->{alreadyMembers}", "200 $rows", 'the same over HTTP');
note sprintf('again, over HTTP: %.1f s', time - $began);

# cancelled in the middle
sql('DELETE FROM edurange.roster; DELETE FROM "CompetitionAccessCode"; DELETE FROM "User" WHERE email ~ \'^s\d\'');
my $session = $node->background_psql('edurange', on_error_stop => 0);
my $pid = $session->query_safe('SELECT pg_backend_pid()');
$session->{stdin} .= "SELECT edurange.import_roster('g', '$quoted', make_users => true);\n\\echo done\n";
my $cancelled = 0;
until ($session->{stdout} =~ /^done$/m)
{
	$session->{run}->pump_nb;
	$cancelled ||= sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = $pid AND query ~ '^edurange.import_roster.*, [1-9]\\d* of'") eq 't';
}
ok($cancelled, 'an import was cancelled in the middle');
like($session->{stderr}, qr/canceling statement/, 'and ended');
$session->quit;
is(sql(q{SELECT (SELECT count(*) FROM edurange.roster), (SELECT count(*) FROM "User" WHERE email ~ '^s\d'), (SELECT count(*) FROM "CompetitionAccessCode")}), '0|0|0', 'and left nothing');

# An insert of users looks for each in the roster by an index, however many wait there: no row is read in vain.
my $read = q{SELECT FROM pg_stat_force_next_flush(); SELECT seq_tup_read + idx_tup_fetch, idx_scan FROM pg_stat_user_tables WHERE relid = 'edurange.roster'::regclass;};
my @said = map { [ split /\|/ ] } grep { /^\d+\|\d+$/ } split /\n/, sql("SELECT edurange.import_roster('g', '$quoted'); $read
	INSERT INTO \"User\" (id, email) SELECT 'z-' || n, n || '\@z' FROM generate_series(1, 5000) n; $read");
is($said[1][0] - $said[0][0], 0, 'no row of the roster is read in vain');
cmp_ok($said[1][1] - $said[0][1], '>=', 5000, 'though each user is looked for');

done_testing();
