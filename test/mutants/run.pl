#!/usr/bin/perl
# Plants faults one by one in a copy of the sources and runs the tests that promise to see them.
#
# Usage: make mutants [MUTANTS="011 lock"] [SEED=7].  MUTANTS picks those whose names contain one of the words;
# with SEED twelve of them are drawn, the same ones for the same number.  The copy is build/mutants/, the
# checkout stays as it is; logs are in build/mutants/logs/.
#
# A mutant is a file test/mutants/NNN_short_name:
#
#	What is broken then, in words.
#	Kills: regress:tokens tap:020_http
#	File: extension/calls/tokens.c
#	-what stands there, which occurs exactly once in the file
#	+what stands there instead
#
# Each of the named tests, as SUITE:NAME, must fail.  The lines after - are one text, and so are those after +;
# both may be parts of lines.  Further changes follow, after an empty line or another "File:".
#
# Prints a line for each mutant and at the end "N killed, N survived".  A mutant whose text is not found exactly
# once, or that does not compile, is an error, and so are tests that fail without a fault.  Exits 1 unless all
# were killed.
#
# "run.pl places" only looks whether each change finds its place in the checkout and each test is there, and runs nothing.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname basename);
use File::Copy qw(copy);
use File::Path qw(make_path);
use FindBin;
use List::Util qw(first shuffle);

my $dozen = 12;
my $top = abs_path("$FindBin::Bin/../..");
my $copy = "$top/build/mutants";
my $logs = "$copy/logs";
my $make = $ENV{MAKE} || 'make';
my %count = (killed => 0, survived => 0, error => 0);

# The make that called, and its variables, are not for those that are called here.
my @words = split ' ', $ENV{MUTANTS} // '';
my $seed = $ENV{SEED} // '';
# A fault often shows as something that never comes.
$ENV{PG_TEST_TIMEOUT_DEFAULT} //= 60;
delete @ENV{qw(MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES TESTS SUITES MUTANTS SEED EDURANGE_LONG EDURANGE_STAGE)};

sub slurp
{
	my ($path) = @_;

	open(my $file, '<', $path) or die "$path: $!\n";
	local $/ = undef;
	return scalar <$file> // '';
}

sub spill
{
	my ($path, $text) = @_;

	open(my $file, '>', $path) or die "$path: $!\n";
	print {$file} $text;
	close($file) or die "$path: $!\n";
	return;
}

# ---- reading mutants -----------------------------------------------------------------------------

# A mutant: its name, the tests that must fail, and its changes, each a file, an old text and a new one.
sub read_mutant
{
	my ($path) = @_;
	my %mutant = (name => basename($path), kills => [], changes => []);
	my ($file, $change);

	for my $line (split /\n/, slurp($path))
	{
		if ($line =~ /^Kills: *(.*)/)
		{
			push @{ $mutant{kills} }, split(' ', $1);
		}
		elsif ($line =~ /^File: *(\S+)$/)
		{
			($file, $change) = ($1, undef);
		}
		elsif (defined $file && $line =~ /^([-+])(.*)/)
		{
			my $side = $1 eq '-' ? 'old' : 'new';

			if (!$change || $side eq 'old' && @{ $change->{new} })
			{
				$change = { file => $file, old => [], new => [] };
				push @{ $mutant{changes} }, $change;
			}
			push @{ $change->{$side} }, $2;
		}
		elsif ($line eq '')
		{
			$change = undef;
		}
		elsif (defined $file)
		{
			die "$mutant{name}: neither a change nor a file: $line\n";
		}
	}
	for my $of (@{ $mutant{changes} })
	{
		$_ = join("\n", @{$_}) for @{$of}{qw(old new)};
		die "$mutant{name}: a change without an old text\n" if $of->{old} eq '';
	}
	die "$mutant{name}: it changes nothing\n" unless @{ $mutant{changes} };
	die "$mutant{name}: it names no test\n" unless @{ $mutant{kills} };
	die "$mutant{name}: tests are named SUITE:NAME\n" if grep { !/^(?:regress|isolation|tap):\w+$/ } @{ $mutant{kills} };
	return \%mutant;
}

# The mutants that are wanted, in the order of their names.
sub wanted_mutants
{
	my @paths = sort grep { -f && basename($_) =~ /^\d{3}_\w+$/ } glob "$FindBin::Bin/*";

	@paths = grep { my $name = basename($_); first { index($name, $_) >= 0 } @words } @paths if @words;
	if ($seed ne '')
	{
		print "SEED=$seed\n";
		srand($seed);
		@paths = sort((shuffle(@paths))[ 0 .. ($#paths < $dozen - 1 ? $#paths : $dozen - 1) ]);
	}
	die "no mutant is wanted\n" unless @paths;
	return map { read_mutant($_) } @paths;
}

# ---- the copy ------------------------------------------------------------------------------------

# Brings the copy in line with the checkout: what make compares keeps its time unless it differs.
sub refresh_copy
{
	my %present;

	for my $path (split /\0/, qx(cd "$top" && git ls-files -z --cached --others --exclude-standard))
	{
		my ($from, $to) = ("$top/$path", "$copy/$path");

		next unless -f $from;
		$present{$path} = 1;
		next if -f $to && slurp($from) eq slurp($to);
		make_path(dirname($to));
		copy($from, $to) or die "$to: $!\n";
		chmod((stat $from)[2] & 07777, $to);
	}
	die "the sources could not be listed: this needs the git checkout\n" unless %present;
	for my $path (split /\n/, qx(cd "$copy" && find extension shim syncworker schema sql expected test -type f))
	{
		unlink("$copy/$path") unless $present{$path} || $path =~ /\.(?:o|d|so)$/ || $path =~ m{/sql_types\.c$|/edurange_\w+$};
	}
	make_path($logs);
	return;
}

# A mutant's files below a root as they are and as they would be, by path; an error where a text is not unique.
sub changed
{
	my ($mutant, $root) = @_;
	my (%before, %after);

	for my $change (@{ $mutant->{changes} })
	{
		my $path = "$root/$change->{file}";

		die "$change->{file} does not exist\n" unless -f $path;
		$before{$path} //= slurp($path);
		$after{$path} //= $before{$path};

		my $found = () = $after{$path} =~ /\Q$change->{old}\E/g;

		die "$change->{file} has the old text $found times\n" unless $found == 1;
		$after{$path} =~ s/\Q$change->{old}\E/$change->{new}/;
	}
	return (\%before, \%after);
}

# Plants a mutant and returns what the changed files were, by path.
sub plant
{
	my ($before, $after) = changed($_[0], $copy);

	spill($_, $after->{$_}) for keys %{$after};
	return $before;
}

# The file of a test, given as SUITE:NAME, in the checkout.
sub test_file
{
	my ($suite, $name) = split /:/, $_[0];
	my %files = (regress => "sql/$name.sql", isolation => "test/isolation/specs/$name.spec", tap => "test/t/$name.pl");

	return "$top/$files{$suite}";
}

# Prints which mutants find no place in the checkout or name a test that is not there, and returns how many that are.
sub misplaced
{
	my $count = 0;

	for my $mutant (@_)
	{
		my @missing = grep { !-f test_file($_) } @{ $mutant->{kills} };
		my $placed = eval { changed($mutant, $top) };

		print "test/mutants/$mutant->{name}: $@" unless $placed;
		print "test/mutants/$mutant->{name}: there is no test $_\n" for @missing;
		$count++ if @missing || !$placed;
	}
	return $count;
}

# ---- running -------------------------------------------------------------------------------------

sub builds
{
	my ($log) = @_;

	return system("'$make' -C '$copy' --no-print-directory -s -j2 all >'$log' 2>&1") == 0;
}

# Runs tests, as SUITE:NAME, and returns how each ended.
sub run_tests
{
	my ($log, @tests) = @_;
	my %outcome = map { $_ => 'did not run' } @tests;

	for my $suite (qw(regress isolation tap))
	{
		my @names = map { /^$suite:(.*)/ ? $1 : () } @tests;

		next unless @names;
		system("EDURANGE_SANITIZE=no SUITES=$suite TESTS='@names' MAKE='$make' '$copy/test/run.sh' >>'$log' 2>&1");

		# pg_regress before and since version 16, and TAP files
		my $report = slurp($log);

		for my $name (@names)
		{
			$outcome{"$suite:$name"} = 'passed' if $report =~ /^(?:test )?\Q$name\E +\.\.\. ok|^ok +\d+ +[-+] \Q$name\E /m;
			$outcome{"$suite:$name"} = 'failed'
			  if $report =~ /^(?:test )?\Q$name\E +\.\.\. FAILED|^not ok +\d+ +[-+] \Q$name\E /m;
		}
	}
	return %outcome;
}

sub judge
{
	my ($mutant) = @_;
	my $log = "$logs/$mutant->{name}.log";
	my $before = eval { plant($mutant) } or return ('error', $@);
	my @verdict = ('error', "it does not compile: $log\n");

	if (builds($log))
	{
		my %outcome = run_tests($log, @{ $mutant->{kills} });
		my @unseen = sort grep { $outcome{$_} ne 'failed' } keys %outcome;

		@verdict = @unseen ? ('survived', join(', ', map { "$_ $outcome{$_}" } @unseen) . "\n") : ('killed', "\n");
	}
	spill($_, $before->{$_}) for keys %{$before};
	return @verdict;
}

my @mutants = wanted_mutants();

exit(misplaced(@mutants) > 0) if @ARGV && $ARGV[0] eq 'places';
local $| = 1;
refresh_copy();
die "the sources do not build: $logs/build.log\n" unless builds("$logs/build.log");

my %sound = run_tests("$logs/build.log", keys %{ { map { $_ => 1 } map { @{ $_->{kills} } } @mutants } });

for my $test (sort grep { $sound{$_} ne 'passed' } keys %sound)
{
	die "$test $sound{$test} without a fault: $logs/build.log\n";
}
for my $mutant (@mutants)
{
	my ($verdict, $why) = judge($mutant);

	$count{$verdict}++;
	printf "%-40s %s%s", $mutant->{name}, $verdict, $why =~ /^$/ ? $why : ": $why";
}
print "$count{error} could not be judged\n" if $count{error};
print "$count{killed} killed, $count{survived} survived\n";
exit($count{survived} + $count{error} > 0);
