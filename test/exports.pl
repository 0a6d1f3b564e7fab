#!/usr/bin/perl
# What our libraries let others see carries our name, because PostgreSQL loads many of them; and no function
# that they take from another library is one that the server has under the same name and would win.
#
# Usage: test/exports.pl [FOLDER]: where they were built, the checkout unless it is named.  Prints findings;
# exits 1 on any.

use strict;
use warnings;

use FindBin;

my $top = $ARGV[0] // "$FindBin::Bin/..";
my $findings = 0;

sub finding
{
	print "$_[0]\n";
	$findings++;
	return;
}

# The names that nm lists of a file.
sub names
{
	my ($which, $file) = @_;

	open(my $nm, '-|', 'nm', '-D', '-P', $which, $file) or die "nm: $!\n";
	my @names = map { /^(\w+)/ ? $1 : () } <$nm>;
	close($nm) or die "nm failed on $file\n";
	return @names;
}

my $bindir = qx("@{[ $ENV{PG_CONFIG} // 'pg_config' ]}" --bindir);
chomp $bindir;
my %server = map { $_ => 1 } names('--defined-only', "$bindir/postgres");

for my $library (qw(edurange.so syncworker/edurange_worker.so))
{
	finding("$library exports $_")
	  for grep { !/^(?:(?:pg_finfo_)?edurange_[a-z0-9_]+|Pg_magic_func|_PG_init)$/ } names('--defined-only', "$top/$library");
	finding("$library wants $_, which the server has, too")
	  for grep { /^(?:json|curl)_/ && $server{$_} } names('--undefined-only', "$top/$library");
}
exit($findings ? 1 : 0);
