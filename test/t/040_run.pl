# What make run, make up, make down and make distclean do: deploy/run.sh with the staged build.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use IO::Socket::INET;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $script = abs_path(dirname(__FILE__) . '/../..') . '/deploy/run.sh';
my $base = PostgreSQL::Test::Utils::tempdir();
my @variables = qw(EDURANGE_PORT EDURANGE_PGPORT EDURANGE_IM_PORT);
my @started;

# One copy: a run directory and its ports.
sub new_copy
{
	my ($name) = @_;
	my %copy = (EDURANGE_RUN_DIR => "$base/$name", EDURANGE_DEMO => 0);

	$copy{$_} = PostgreSQL::Test::Cluster::get_free_port() for @variables;
	push @started, \%copy;
	return \%copy;
}

# A text as one word of shell.
sub quoted { return "'" . $_[0] =~ s/'/'\\''/gr . "'"; }

# Runs a command of the script for a copy (another script, where the copy names one) and returns exit status, output and error output.
sub run_script
{
	my ($copy, $command, %env) = @_;
	local %ENV = (%ENV, %$copy, %env);
	my ($out, $err) = ("$base/out", "$base/err");

	# Files, not pipes: what is started in the background keeps neither open.
	my $status = system(quoted($ENV{SCRIPT} // $script) . " $command >'$out' 2>'$err' </dev/null");
	my @texts = map { slurp_file($_) } $out, $err;
	note("$command: exit status " . ($status >> 8) . "\n", @texts);
	return ($status >> 8, @texts);
}

# Runs shell commands with the env file of a copy sourced, as a reader of the output would.
sub with_env
{
	my ($copy, $commands) = @_;
	my $env = quoted("$copy->{EDURANGE_RUN_DIR}/env");
	my $text = `. $env && { $commands\n} 2>&1`;
	chomp $text;
	return wantarray ? ($? >> 8, $text) : $text;
}

sub pid_of
{
	my ($copy, $program) = @_;
	my $text = slurp_file("$copy->{EDURANGE_RUN_DIR}/pids/$program");
	return (split ' ', $text)[0];
}

# How many of these processes live?  One that ended, but that nobody waited for, does not.
sub count_alive
{
	my $alive = 0;

	foreach my $pid (@_)
	{
		open my $file, '<', "/proc/$pid/stat" or next;
		my $text = <$file> // '';
		$alive++ unless $text =~ /\) Z /;
	}
	return $alive;
}

# Does this become true within a minute?
sub becomes
{
	my ($condition) = @_;
	for (1 .. 300)
	{
		return 1 if $condition->();
		sleep(0.2);
	}
	return 0;
}

END
{
	local $?;
	run_script($_, 'down') for grep { -d $_->{EDURANGE_RUN_DIR} } @started;
}

my $copy = new_copy('one');
my ($status, $out, $err);

# ---- ports -------------------------------------------------------------------------------------
foreach my $variable (@variables)
{
	my $taken = IO::Socket::INET->new(
		LocalAddr => '127.0.0.1',
		Listen => 1,
		Proto => 'tcp') or die "cannot listen: $!";
	my $port = $taken->sockport;

	($status, $out, $err) = run_script($copy, 'up', $variable => $port);
	isnt($status, 0, "a taken port fails, $variable");
	like($err, qr/\b$port\b.*$variable/, 'port and variable are named');
	($status, $out, $err) = run_script($copy, 'up', $variable => 'http');
	isnt($status, 0, "a port that is no number fails, $variable");
	like($err, qr/$variable.*"http"/, 'the variable is named');
}
{
	my @taken = map { IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1, Proto => 'tcp') // die "cannot listen: $!" } @variables;
	my %taken;

	@taken{@variables} = map { $_->sockport } @taken;
	($status, $out, $err) = run_script($copy, 'up', %taken);
	is(scalar(() = $err =~ /^port \d+ on 127\.0\.0\.1 cannot be used/mg), 3, 'all taken ports are named at once');
}
($status, $out, $err) = run_script($copy, 'up', EDURANGE_HOST => '192.0.2.1');
is($err, "192.0.2.1 cannot be used (Cannot assign requested address): set EDURANGE_HOST to an address of this machine\n", "an address of somebody else's");
SKIP:
{
	skip 'any port is free to this user', 2 if $> == 0 || slurp_file('/proc/sys/net/ipv4/ip_unprivileged_port_start') <= 1;
	($status, $out, $err) = run_script($copy, 'up', EDURANGE_PORT => 1);
	like($err, qr/^port 1 on .*below 1024.*EDURANGE_PORT/m, 'a port that needs rights says so');
	($status, $out, $err) = run_script($copy, 'up', EDURANGE_RUN_DIR => '/usr/share');
	like($err, qr{^/usr/share belongs to root, not to .*EDURANGE_RUN_DIR}m, "a folder of somebody else's, and what to do");
}
($status, $out, $err) = run_script($copy, 'up', EDURANGE_IM_PORT => $copy->{EDURANGE_PORT});
isnt($status, 0, 'one port for two programs fails');
like($err, qr/EDURANGE_PORT and EDURANGE_IM_PORT are both/, 'both variables are named');
ok(!-e $copy->{EDURANGE_RUN_DIR}, 'nothing was started or made');

# ---- a folder of somebody's, with files whose names are ours --------------------------------------------
my $foreign = "$base/foreign";
my %foreign = (password => 'p', sockets => 's', 'data/keep.txt' => 'd', 'logs/keep.txt' => 'l', 'pids/shim' => '1 1');
mkdir $_ for $foreign, map { "$foreign/$_" } qw(data logs pids);
append_to_file("$foreign/$_", $foreign{$_}) for keys %foreign;
chmod 0700, $foreign;
for my $command (qw(up run down distclean))
{
	my $refused = $command =~ /up|run/;

	($status, $out, $err) = run_script($copy, $command, EDURANGE_RUN_DIR => $foreign);
	is($status, $refused ? 1 : 0, "$command in a folder of somebody's");
	is($err, $refused ? "$foreign holds files that are not ours; name an empty or a new folder in EDURANGE_RUN_DIR\n" : '', 'and what to do');
	is_deeply({ map { (substr($_, 1 + length $foreign) => slurp_file($_)) } grep { -f } glob "$foreign/{.[!.]*,*,*/*}" }, \%foreign, 'its files are as they were');
	is((stat $foreign)[2] & 0777, 0700, 'as is the folder');
}
mkdir "$base/empty", 0700;
($status, $out, $err) = run_script($copy, 'distclean', EDURANGE_RUN_DIR => "$base/empty");
ok(-d "$base/empty", 'distclean leaves an empty one alone');

# ---- a checkout with any name, and what is root's: packages, and what it built ----------------------
my $place = qq{$base/somebody's "copy"};
mkdir $place;
system_or_bail('cp', '-R', dirname($script), $place);
symlink dirname($script) . "/../$_", "$place/$_" for qw(Makefile edurange.control extension schema shim syncworker);
{
	my %here = (%$copy, EDURANGE_RUN_DIR => "$place/run", SCRIPT => "$place/deploy/run.sh", EDURANGE_STAGE => '');

	append_to_file("$base/make", "#!/bin/sh\nprintf '%s\\n' \"\$@\"\nexit 1\n");
	chmod 0755, "$base/make";
	($status, $out, $err) = run_script(\%here, 'up', MAKE => "$base/make");
	like($out, qr{^DESTDIR=/[^'"\s]+$}m, 'make is given no quotes, which PGXS does not know');
	like($err, qr/^it does not build\n\z/m, 'and what ends the start comes last');
	for my $none ("$base/no/pg_config", "$base/make")
	{
		($status, $out, $err) = run_script(\%here, 'up', PG_CONFIG => $none);
		is($err, "PG_CONFIG names $none, which is no pg_config\n", 'a wrong PG_CONFIG is named');
		is($out, '', 'and nothing else is said or done');
	}
	SKIP:
	{
		skip 'root may do all', 2 if $> == 0;
		mkdir "$place/build", 0555;
		($status, $out, $err) = run_script(\%here, 'up');
		like($err, qr{^\Q$place\E/build belongs to \w+, and \w+ cannot build over it: make clean as that user.*\n\z}m,
			'where somebody else has built, it says what to do, and says it last');
		mkdir "$base/programs";
		symlink $_, "$base/programs/" . basename($_) for grep { !m{/sudo$} } glob '/usr/sbin/* /usr/bin/*';
		unlink "$base/programs/pg_config";
		local %ENV = (%ENV, PATH => "$base/programs");
		delete $ENV{PG_CONFIG};
		my $command = quoted("$place/deploy/install-deps.sh") . ' build';
		like(`$command 2>&1`, qr{no sudo.*  As root:\n +\Q$command\E\nwhich installs: .*postgresql-server-dev}s,
			'without sudo it says what root is to type, and what that installs');
	}
}

# ---- up ----------------------------------------------------------------------------------------
($status, $out, $err) = run_script($copy, 'up');
is($status, 0, 'up succeeds') or BAIL_OUT("make up fails: $err");
my @curls = $out =~ /^(curl .*)$/mg;
is(scalar @curls, 5, 'five requests to try');
is((stat "$copy->{EDURANGE_RUN_DIR}/env")[2] & 0777, 0600, 'the env file is for its owner only');
my ($board) = $out =~ m{^See the board of the sample competition:  (http://\S+/board/\S+)$}m;
ok($board, 'and the address of a board');
is(with_env($copy, "curl -s -o /dev/null -w '%{http_code} %{content_type}' $board"), '200 text/html; charset=utf-8', 'which is there, without a token');
ok(!-e "$copy->{EDURANGE_RUN_DIR}/pids/players", 'no simulated players where they are turned off');
my %value;
foreach my $name (
	qw(EDURANGE_URL EDURANGE_IM_URL EDURANGE_PLAYER_TOKEN EDURANGE_SERVICE_TOKEN
	EDURANGE_ADMIN_TOKEN PGHOST PGPORT PGUSER PGDATABASE))
{
	$value{$name} = with_env($copy, qq{sh -c 'printf %s "\$$name"'});
	isnt($value{$name}, '', "$name is exported");
}
is($value{EDURANGE_URL}, "http://127.0.0.1:$copy->{EDURANGE_PORT}", 'the URL');
like($out, qr/\Q$value{$_}\E/, "$_ is printed")
  for qw(EDURANGE_URL EDURANGE_PLAYER_TOKEN EDURANGE_SERVICE_TOKEN EDURANGE_ADMIN_TOKEN);
is(with_env($copy, q{psql -XAtc 'SELECT current_database()'}), 'edurange', 'plain psql');
is(with_env($copy, q{psql -XAt -h 127.0.0.1 -c 'SELECT 1'}), '1', 'psql by TCP, with password');
($status, $out) = with_env($copy, q{PGPASSWORD=wrong psql -XAt -h 127.0.0.1 -c 'SELECT 1'});
isnt($status, 0, 'psql by TCP with a wrong password is refused');

foreach my $round (1, 2)
{
	foreach my $curl (@curls)
	{
		my $answer = `@{[ $curl =~ s/^curl -s/curl -fsS/r ]} 2>&1`;
		is($? >> 8, 0, "round $round: $curl") or diag($answer);
		like($answer, qr/^[\{\[]/, 'JSON');
	}
}
my $points = q{psql -XAtc "SELECT points FROM public.\"GroupPoints\" WHERE \"userId\" = 'sample-ada'"};
is(with_env($copy, $points), '10', 'the answer was worth its points, once');
ok( becomes(
		sub {
			with_env($copy, q{psql -XAtc "SELECT string_agg(DISTINCT status::text, ',')
				FROM public.\"ChallengeInstance\""}) eq 'ACTIVE';
		}),
	'the worker brings up the pods of the sample');
is( with_env(
		$copy, q{psql -XAtc "SELECT string_agg(DISTINCT type, ',' ORDER BY type)
			FROM public.\"ChallengeQuestion\""}),
	'CHECKBOXES,FLAG,MULTIPLE_CHOICE,TEXT',
	'the sample has questions of all types');

($status, $out, $err) = run_script($copy, 'up');
is($status, 0, 'a second up in the same run directory leaves it as it is');
like($out, qr/^it runs already.*make down && make up/m, 'and says so');
($status, $out, $err) = run_script($copy, 'run');
isnt($status, 0, 'run there fails');
like($err, qr{^a copy already runs in (\S+), on the ports that \1/env says; make down stops it$}m, 'and says why');

# ---- two copies --------------------------------------------------------------------------------
my $other = new_copy(q{it's "two words"});
$other->{SCRIPT} = "$place/deploy/run.sh";
mkdir $other->{EDURANGE_RUN_DIR}, 0700;
($status) = run_script($other, 'up');
is($status, 0, 'another copy runs beside it, in a folder that was there and empty');
is((stat $other->{EDURANGE_RUN_DIR})[2] & 0777, 0700, 'whose mode it keeps');
($status) = with_env($_, 'curl -fsS $EDURANGE_URL/ready'), is($status, 0, 'it answers')
  for $copy, $other;
is(with_env($other, $points), '', 'with data of its own');
($status) = run_script($other, 'down');
is($status, 0, 'down');
($status) = with_env($copy, 'curl -fsS $EDURANGE_URL/ready');
is($status, 0, 'the other one goes on');

# ---- killed and started again ------------------------------------------------------------------
foreach my $program (qw(shim postgres))
{
	my $pid = pid_of($copy, $program);

	kill 'KILL', $pid;
	ok(becomes(sub { count_alive($pid) == 0 }), "$program is gone");
	($status, $out) = run_script($copy, 'up');
	is($status, 0, "up after kill -9 of $program");
	is(with_env($copy, $points), '10', 'the data is there');
	is(with_env($copy, 'echo $EDURANGE_ADMIN_TOKEN'),
		$value{EDURANGE_ADMIN_TOKEN}, 'the tokens are the same');
}
is(with_env($copy, 'psql -XAtc "SELECT count(*) FROM edurange.check_invariants()"'),
	'0', 'no invariant is hurt');

# ---- down --------------------------------------------------------------------------------------
my @pids = map { pid_of($copy, $_) } qw(postgres simulator shim);
my $sockets = with_env($copy, 'echo $PGHOST');
ok(-d $sockets, 'a folder for the socket');
($status) = run_script($copy, 'down');
is($status, 0, 'down');
is(count_alive(@pids), 0, 'nothing runs any more');
ok(!-e $sockets, 'the folder of the socket is gone');
($status) = run_script($copy, 'down');
is($status, 0, 'down again');

# ---- a copy of before folders were marked ---------------------------------------------------------
ok(unlink("$copy->{EDURANGE_RUN_DIR}/.edurange-run"), 'its folder is marked');
($status, $out, $err) = run_script($copy, 'up');
is($status, 0, 'a copy whose folder has no mark starts');
ok(-f "$copy->{EDURANGE_RUN_DIR}/.edurange-run", 'and has it then');
unlink "$copy->{EDURANGE_RUN_DIR}/.edurange-run";
@pids = map { pid_of($copy, $_) } qw(postgres simulator shim);
run_script($copy, 'down');
is(count_alive(@pids), 0, 'it stops without it, too');

# ---- a start that fails ------------------------------------------------------------------------
my $own = "$copy->{EDURANGE_RUN_DIR}/data/postgresql.auto.conf";
my $kept = slurp_file($own);
append_to_file($own, "nonsense = 1\n");
($status, $out, $err) = run_script($copy, 'up');
isnt($status, 0, 'a start that fails says so');
like($err, qr/"nonsense".*\nPostgreSQL did not start\n\z/s, 'and the cause comes last');
open(my $again, '>', $own) or die "cannot write: $!";
print $again $kept;
close($again);

# ---- run ---------------------------------------------------------------------------------------
foreach my $signal (qw(INT TERM))
{
	my $log = "$base/run_$signal.log";
	my $pid = fork // die "cannot fork: $!";
	if ($pid == 0)
	{
		%ENV = (%ENV, %$copy, EDURANGE_DEMO => $signal eq 'INT' ? 1 : 0);
		open STDOUT, '>', $log;
		open STDERR, '>&', \*STDOUT;
		exec $script, 'run' or POSIX::_exit(127);
	}
	ok(becomes(sub { -f $log && slurp_file($log) =~ /Ctrl-C stops it/ }), 'run is ready')
	  or diag(slurp_file($log));
	is(with_env($copy, $points), '10', 'run finds the data');
	@pids = map { pid_of($copy, $_) } qw(postgres simulator shim), $signal eq 'INT' ? 'players' : ();
	if ($signal eq 'INT')
	{
		my $play = "psql -XAtc \"SELECT count(*) > 2 FROM edurange.points_ledger l JOIN \\\"User\\\" u ON u.id = l.user_id WHERE u.name = ANY('{Grace,Linus,Radia,Edsger,Hedy,Dennis,Margaret,Ken}') AND l.delta > 0\"";

		like(slurp_file($log), qr{^See the board of the sample competition, where simulated players are at work:  \Q$board\E$}m, 'it says that somebody plays');
		ok(becomes(sub { with_env($copy, $play) eq 't' }), 'and in the first minute they have points')
		  or diag(with_env($copy, $play), slurp_file("$copy->{EDURANGE_RUN_DIR}/logs/players.log"));
	}
	kill $signal, $pid;
	waitpid $pid, 0;
	is($?, 0, "run ends on SIG$signal");
	is(count_alive(@pids), 0, 'and stops everything');
}

# ---- distclean ---------------------------------------------------------------------------------
append_to_file("$other->{EDURANGE_RUN_DIR}/notes", 'of mine');
($status, $out) = run_script($other, 'distclean');
is_deeply([ map { basename($_) } glob quotemeta($other->{EDURANGE_RUN_DIR}) . '/{.[!.]*,*}' ], ['notes'], 'what somebody put beside ours stays');
like($out, qr/holds other files and stays$/m, 'and it is said');
($status, $out) = run_script($copy, 'distclean');
is($status, 0, 'distclean');
like($out, qr/removing \Q$copy->{EDURANGE_RUN_DIR}\E/, 'it says what it removes');
ok(!-e $copy->{EDURANGE_RUN_DIR}, 'the run directory is gone');

done_testing();
