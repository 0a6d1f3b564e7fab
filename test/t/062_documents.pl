# Every fenced block of the pages for people says what it is, and those that can run do, in their order and on a
# fresh sample, as a reader would type them: README, quickstart, the first score, a class, the HTTP API
# and the authors' guide always, the other pages in the long run.
#
# The words after ``` are the language and one of
#	run            typed into a shell, or into psql where the language is sql
#	output         what the block before it printed; ids, times and spaces may differ, … stands for anything
#	not-run: WHY   what cannot run here
# A block of the language console that runs has lines after "$ " that are typed, each followed by what it prints.
# A comment <!-- run: COMMANDS --> is typed, too, and not shown.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');
my $base = PostgreSQL::Test::Utils::tempdir();
my @pages = map { abs_path($_) } "$top/README.md", "$top/CONTRIBUTING.md", sort glob "$top/docs/*.md";
my %always = map { $_ => 1 } qw(README.md quickstart.md http-api.md challenges.md first-class.md first-score.md grades.md);
my @started;
my $folders = 0;

# The blocks of a page in their order, each with its line, language, kind (run, output, not-run) and text.
sub blocks_of
{
	my ($page) = @_;
	my (@blocks, $block, $number);

	for my $line (split /^/, slurp_file($page))
	{
		$number++;
		if ($block && $line =~ /^```$/)
		{
			push @blocks, $block->{language} eq 'console' && $block->{kind} eq 'run' ? typed($block) : $block;
			$block = undef;
		}
		elsif ($block)
		{
			$block->{text} .= $line;
		}
		elsif ($line =~ /^```(.*)/)
		{
			my ($language, $kind) = $1 =~ /^(\w+) (run|output|not-run: \S.*)$/;

			$block = { line => $number, language => $language // '', kind => $kind // '', text => '' };
		}
		elsif ($line =~ /^<!-- run: (.*) -->$/)
		{
			push @blocks, { line => $number, language => 'sh', kind => 'run', text => "$1\n" };
		}
	}
	push @blocks, { %{$block}, kind => '' } if $block;
	return @blocks;
}

# The commands of a console and what each prints, as blocks; a command goes on after \ and in open quotes.
sub typed
{
	my ($console) = @_;
	my @blocks;

	for my $part (split /^(?=\$ )/m, $console->{text})
	{
		my ($command, $output) = $part =~ /^\$ (.*?(?<!\\)\n(?:    [^\n]*\n)*)(.*)/s;

		push @blocks, { %{$console}, language => 'sh', text => $command }, { %{$console}, kind => 'output', text => $output };
	}
	return @blocks;
}

# What differs between two runs that are right has one form.
sub masked
{
	my ($text) = @_;

	$text =~ s/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/<id>/g;
	$text =~ s/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d)?/<time>/g;
	$text =~ s/\b[0-9a-f]{32}\b/<id>/g;
	$text =~ s/\bedr_\w+/<token>/g;
	# of five minutes, which have begun a moment ago
	$text =~ s/(\bretry-?after"?: ?)(?:29\d|300)\b/$1<seconds>/gi;
	$text =~ s/-{2,}\+?/--/g;
	$text =~ s/(?:--)+/--/g;
	$text =~ s/\s+//g;
	return $text;
}

# Do they agree, where the expected one may have … for anything?
sub agrees
{
	my ($got, $expected) = map { masked($_) } @_;
	my $pattern = join('.*?', map { quotemeta } split(/…|\xe2\x80\xa6/, $expected, -1));

	return $got =~ /\A$pattern\z/s;
}

# The environment of a copy of the sample of its own.
sub new_sample
{
	my ($name) = @_;
	my %copy = (EDURANGE_RUN_DIR => "$base/$name", EDURANGE_DEMO => 0);

	$copy{$_} = PostgreSQL::Test::Cluster::get_free_port() for qw(EDURANGE_PORT EDURANGE_PGPORT EDURANGE_IM_PORT);
	push @started, \%copy;
	return \%copy;
}

# Types the blocks of a page, and returns for each its exit status and output.
sub type_blocks
{
	my ($copy, @blocks) = @_;
	my $folder = "$base/folder_$folders";
	my $script = "mkdir '$folder'\ncd '$folder'\nln -s '$top'/* .\n'$top/deploy/run.sh' up >/dev/null\nmake() { :; }  # it is up\nset -e -o pipefail\n"
	  . ". \"\$EDURANGE_RUN_DIR/env\"\n";
	my @results;

	$folders++;
	for my $i (0 .. $#blocks)
	{
		my $text = $blocks[$i]{text} =~ s/^\. \.run\/env\b/. "\$EDURANGE_RUN_DIR\/env"/mgr;
		my $file = "$base/block_$i.$blocks[$i]{language}";

		append_to_file($file, $text);
		$script .= $blocks[$i]{language} eq 'sql'
		  ? "psql -X -v ON_ERROR_STOP=1 -f '$file' >'$file.out' 2>&1\n"
		  : ". '$file' >'$file.out' 2>&1\n";
		$script .= "echo \$? >'$file.status'\n";
	}
	append_to_file("$base/script", $script);
	{
		local %ENV = (%ENV, %{$copy});

		system('bash', "$base/script");
	}
	for my $i (0 .. $#blocks)
	{
		my $file = "$base/block_$i.$blocks[$i]{language}";

		push @results, [ map { -f $_ ? slurp_file($_) : '' } "$file.status", "$file.out" ];
		unlink glob "$file*";
	}
	unlink "$base/script";
	return @results;
}

END
{
	local $?;
	for my $copy (@started)
	{
		local %ENV = (%ENV, %{$copy});

		system("'$top/deploy/run.sh' down >/dev/null 2>&1");
	}
}

for my $page (@pages)
{
	my $name = basename($page);
	my @blocks = blocks_of($page);
	my @run = grep { $_->{kind} eq 'run' } @blocks;

	for my $block (grep { $_->{kind} eq '' } @blocks)
	{
		fail("$name:$block->{line}: a block that says run, output or not-run with its reason");
	}
	for my $i (grep { $blocks[$_]{kind} eq 'output' } 0 .. $#blocks)
	{
		ok($i > 0 && $blocks[ $i - 1 ]{kind} eq 'run', "$name:$blocks[$i]{line}: output is that of a block that runs");
	}
	next unless @run && ($always{$name} || $ENV{EDURANGE_LONG});

	my @results = type_blocks(new_sample($name), @run);

	for my $i (0 .. $#run)
	{
		my ($status, $output) = @{ $results[$i] };
		my ($after) = grep { $blocks[$_] == $run[$i] } 0 .. $#blocks;
		my $expected = $blocks[ $after + 1 ];

		is($status, "0\n", "$name:$run[$i]{line}: runs") or diag($output);
		next unless $expected && $expected->{kind} eq 'output';
		ok(agrees($output, $expected->{text}), "$name:$expected->{line}: prints what the page says")
		  or diag("it printed:\n$output");
	}
}
done_testing();
