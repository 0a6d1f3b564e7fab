# What the pages say of the sync worker agrees with what the sources do: kinds of drift, what it calls its states and its
# problems, the settings it goes by, and the times that are no settings.  Each has one home, and these are compared.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');

sub source { return slurp_file("$top/$_[0]"); }

# Everything quoted in a C file, as the compiler joins it.
sub texts
{
	my ($text) = map { source($_) } @_;
	my %macro = $text =~ /^#define (\w+)\s+"([^"\n]*)"$/mg;

	$text =~ s/\b$_\b(?=\s*")/"$macro{$_}"/g for keys %macro;
	$text =~ s/"\s*\b$_\b/"\n"$macro{$_}"/g for keys %macro;
	$text =~ s/\\\n//g;
	1 while $text =~ s/([^\\])"\s+"/$1/;
	$text =~ s/\\"/"/g;
	return $text;
}

# First cells of the rows of a table, which begins with the given cell.
sub first_cells
{
	my ($page, $head) = @_;
	my ($table) = source($page) =~ /^\| \Q$head\E \|[^\n]*\n\|[-|]+\n((?:\|[^\n]*\n)+)/m;

	return map { (split / \| /, s/^\| //r)[0] } split /\n/, $table // '';
}

my $sync = source('docs/sync.md');

subtest 'kinds of drift' => sub {
	my @documented = sort map { s/`//gr } first_cells('docs/sync.md', '`kind`');
	my ($drift) = source('extension/sync/sync_status.c') =~ /\[DRIFT\] = \{(.*?)WHERE kind IS NOT NULL/s;
	my %kinds = map { $_ => 1 } $drift =~ /(?:THEN|ELSE|ALL SELECT) '([a-z_]+)'/g;
	my ($measured) = source('schema/extension/35_sync.sql') =~ /unnest\('\{(row_without_pod.*?)\}'/s;
	my %counted = map { $_ => 1 } source('schema/extension/35_sync.sql') =~ /WHERE kind = '([a-z_]+)'/g;

	is_deeply(\@documented, [ sort keys %kinds ], 'all that sync_drift() has');
	is_deeply([ sort split /,/, $measured =~ s/["\s]//gr ], \@documented, 'and the metrics');
	is_deeply([ sort keys %counted ], \@documented, 'and the summary');
};

subtest 'states' => sub {
	my %known = map { $_ => 1 } texts('syncworker/round.c') =~ /show_activity\(STATE_\w+, "([^"]+)"/g,
	  texts('syncworker/database.c') =~ /pgstat_report_activity\(STATE_\w+, "([^"]+)"/g, source('syncworker/database.c') =~ /\[READY\] = "([^"]+)"/g;
	my @documented = map { /`([^`]+)`/g } first_cells('docs/sync.md', 'what it says');

	is_deeply([ sort grep { !/^idle: / } @documented ], [ sort keys %known ], 'what the worker says of itself');
};

subtest 'why there is no worker' => sub {
	my $said = join "\n", map { texts($_) } qw(extension/sync/launcher.c extension/sync/sync_status.c);

	for my $page ('docs/sync.md', 'docs/operations.md')
	{
		my @rows = first_cells($page, '`workerProblem`');

		cmp_ok(scalar @rows, '>', 5, "$page has a table");
		for my $row (grep { !/^(anything else|database …, role …)$/ } @rows)
		{
			for my $problem (split /; |, is "…", /, $row)
			{
				my @missing = grep { index($said, $_) < 0 } grep { length } map { s/^\s+|\s+$//gr } split /…|%\w/, $problem;
				is("@missing", '', "$page: $problem");
			}
		}
	}
};

subtest 'settings' => sub {
	my %settings = map { $_ => 1 } source('extension/base/guc.c') =~ /"(edurange\.\w+)"/g;
	my @named = $sync =~ /`(edurange\.(?:sync_|instance_)\w+)`/g;
	my @timers = source('extension/base/guc.c') =~ /"(edurange\.(?:sync|instance)_\w+)",(?:(?!DefineCustom).)*?GUC_UNIT_M/gs;

	is_deeply([ grep { !$settings{$_} && !/^edurange\.sync_(?:status|drift|apply|now|release|confirm)/ } @named ], [], 'those that are named exist');
	for my $timer (@timers)
	{
		ok(source('docs/sync.md') =~ /`\Q$timer\E`/ || source('docs/configuration.md') =~ /`\Q$timer\E`/, "$timer is told of");
	}
	cmp_ok(scalar @timers, '>=', 9, 'there are some');
};

# What a number in the sources is called in words, and where.
subtest 'times and numbers that are no settings' => sub {
	for my $fact (
		[ 'syncworker/round.c', 'MAX_BACKOFF_MS', '60000', 'docs/design.md', qr/backs off from it, with jitter, up to a\s+minute/ ],
		[ 'syncworker/round.c', 'SCHEMA_RETRY_MS', '60000', 'docs/design.md', qr/is tried again after a minute/ ],
		[ 'syncworker/round.c', 'SCHEMA_INTERVAL_MS', '(3600 * 1000)', 'docs/design.md', qr/asks for the schema of challenge definitions once an hour/ ],
		[ 'syncworker/questions.c', 'LATE_FACTOR', '8', 'docs/design.md', qr/takes eight times as long as usual gives its place/ ],
		[ 'syncworker/questions.c', 'DEADLINE_FACTOR', '10', 'docs/design.md', qr/its own\s+deadline, which for a first one is ten times that/ ],
		[ 'syncworker/questions.c', 'MIN_DEADLINE_MS', '1000', 'docs/design.md', qr/ten times that, a second at least/ ],
		[ 'syncworker/questions.c', 'GIVEN_UP_FACTOR', '2', 'docs/design.md', qr/first questions are given up after twice that time/ ],
		[ 'syncworker/questions.c', 'MIN_GIVEN_UP_MS', '250', 'docs/design.md', qr/a quarter of a second at\s+least/ ],
		[ 'syncworker/questions.c', 'LATE_PER_PLACE', '8', 'docs/design.md', qr/eight such are borne for each place/ ],
		[ 'syncworker/questions.c', 'FRESH_MS', '100', 'docs/design.md', qr/gets free more than a tenth of a second after that/ ],
		[ 'syncworker/questions.c', 'WORKS_AGAIN', '3', 'docs/sync.md', qr/until three in a row were answered/ ],
		[ 'syncworker/answers.c', 'TOGETHER_MS', '20', 'docs/design.md', qr/those of 20 ms in one transaction/ ],
		[ 'syncworker/responses.c', 'MAX_REDIRECTS', '3', 'docs/design.md', qr/redirects \| at most three/ ],
		[ 'syncworker/instance_manager.c', 'MAX_LIST', '(32 * 1024 * 1024)', 'docs/sync.md', qr/a response over 32 MiB is refused/ ],
		[ 'syncworker/instance_manager.c', 'MAX_SCHEMA', '(1024 * 1024)', 'docs/sync.md', qr/a schema over 1 MiB/ ],
		[ 'syncworker/instance_manager.c', 'MAX_ANSWER', '(64 * 1024)', 'docs/sync.md', qr/an answer about a\s+single pod over 64 KiB/ ],
		[ 'extension/sync/pod_list.h', 'MAX_ELEMENTS', '200000', 'docs/sync.md', qr/a list of more than 200,000 elements/ ],
		[ 'extension/sync/launcher.c', 'RESTART_MS', '10000', 'docs/sync.md', qr/again ten seconds after it ended/ ],
		[ 'extension/sync/launcher.c', 'LOOK_MS', '2000', 'docs/design.md', qr/looks every 2 s whether the worker would get in/ ],
		[ 'extension/sync/launcher.c', 'LONGEST_RESTART_MS', '(3600 * 1000)', 'docs/design.md', qr/at doubled distances up to an hour/ ],
		[ 'extension/sync/pods.c', 'MAX_ADDRESS', '2000', 'docs/design.md', qr/not http or https, or has more than 2,000 bytes/ ])
	{
		my ($file, $name, $value, $page, $words) = @$fact;

		like(source($file), qr/^#define $name \Q$value\E$/m, "$file: $name is $value");
		like(source($page), $words, "$page says so");
	}
	like(source('syncworker/questions.c'), qr/divisors\[\] = \{\[IM_END\] = 4, \[IM_STATUS\] = 4, \[IM_SECRET\] = 2\}/, 'shares of the concurrency');
	like(source('docs/design.md'), qr/a quarter, a quarter and a half of `edurange.sync_concurrency`/, 'as the page says');
};

done_testing();
