#!/usr/bin/perl
# Makes case_folding.h from the Unicode Character Database: CaseFolding.txt, which Debian has in its package
# unicode-data.  Run it when a later version of Unicode is wanted:
#
#   extension/text/make_case_folding.pl /usr/share/unicode/CaseFolding.txt > extension/text/case_folding.h
#
# Of the file's rows those of full folding count (status C and F), which depend on no language.

use strict;
use warnings;

my @foldings; # [first, last, step, to...]
my $source;

while (<>)
{
	$source //= $1 if /^# (CaseFolding-[\d.]+\.txt)/;
	my ($from, $to) = /^([0-9A-F]+); [CF]; ([0-9A-F ]+);/ or next;
	my @to = map { hex } split / /, $to;
	my $last = $foldings[-1];
	$from = hex $from;

	# characters that stand one or two apart and become others that stand so, too, are one row
	if ($last && @$last == 4 && @to == 1 && $to[0] - $last->[3] == $from - $last->[0])
	{
		my $step = $from - $last->[1];
		if ($step <= 2 && ($last->[0] == $last->[1] || $step == $last->[2]))
		{
			@$last[1, 2] = ($from, $step);
			next;
		}
	}
	push @foldings, [ $from, $from, 1, @to ];
}
die "this is no CaseFolding.txt\n" unless defined $source && @foldings > 100;

print <<"END";
/*
 * case_folding.h
 *	  Full case folding, made by make_case_folding.pl from $source of the Unicode Character Database.
 */
#ifndef EDURANGE_CASE_FOLDING_H
#define EDURANGE_CASE_FOLDING_H

#include "postgres.h"

#include "mb/pg_wchar.h"

/*
 * Every step-th character from first to last becomes to[0], or as much more as it stands behind first; where
 * to[1] is not 0 the row is of one character, which becomes all that to has.
 */
typedef struct Folding
{
	pg_wchar first;
	pg_wchar last;
	pg_wchar step;
	pg_wchar to[3];
} Folding;

/* clang-format off */
static const Folding foldings[] = {
END
for (@foldings)
{
	my ($first, $last, $step, @to) = @$_;
	printf "\t{0x%04X, 0x%04X, %d, {%s}},\n", $first, $last, $step, join ', ', map { sprintf '0x%04X', $_ } @to;
}
print <<'END';
};
/* clang-format on */

#endif
END
