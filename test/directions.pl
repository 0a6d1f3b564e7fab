#!/usr/bin/perl
# The rooms of extension/ and shim/, and which of them each may use.  Includes are read from the sources;
# calls, which need no include, from the symbols of the objects.  Files never use each other in a circle.
#
# Usage: test/directions.pl [FOLDER [OBJECTS]]: the checkout, unless it is this one, and a folder where it
# was built; without that, calls are not looked at.  Prints findings; exits 1 on any.

use strict;
use warnings;

use File::Find qw(find);
use FindBin;

# A room, or a file that stands in none, and what it may use besides itself; a name with a folder is
# that one file.
my %may_use = (
	'extension/base' => [],
	'extension/text' => [qw(base)],
	'extension/calls' => [qw(base text)],
	'extension/game' => [qw(base text calls)],
	'extension/course' => [qw(base text calls game)],
	'extension/grades' => [qw(base text calls game course)],
	'extension/board' => [qw(base text calls game course)],
	'extension/json_schema' => [qw(base text)],
	'extension/cdf' => [qw(base text calls game json_schema)],
	'extension/packs' => [qw(base text calls game cdf)],
	'extension/sync' => [qw(base text calls)],
	'extension/admin' => [qw(base text calls game course grades board json_schema cdf packs sync)],
	'extension/edurange.c' => [qw(base text calls game course grades board json_schema cdf packs sync admin)],

	'shim/base' => [qw(extension/base/errors.h extension/text/blank.h)],
	'shim/config' => [qw(base)],
	'shim/database' => [qw(base config)],
	'shim/access' => [qw(base config database)],
	'shim/packs' => [qw(base config database access)],
	'shim/api' => [qw(base config database access packs)],
	'shim/describe' => [qw(base config database access packs api)],
	'shim/live' => [qw(base config database)],
	'shim/http' => [qw(base config database access packs api describe live)],
	'shim/main.c' => [qw(base config database access packs api describe live http)],

	'syncworker' => [qw(extension/base/errors.h)],
);

# The one recursion: a schema that is compiled refers to others, which are compiled then.
my %joint = map { $_ => 'extension/json_schema/json_schema_{compile,refs}' }
  qw(extension/json_schema/json_schema_compile extension/json_schema/json_schema_refs);

my ($top, $objects) = @ARGV;
my @parts = qw(extension shim syncworker);
my %found; # findings, each once

$top //= "$FindBin::Bin/..";

sub finding
{
	$found{ $_[0] } = 1;
	return;
}

sub slurp
{
	my ($path) = @_;

	open(my $file, '<', $path) or die "$path: $!\n";
	local $/ = undef;
	return scalar <$file>;
}

# Files below the parts in a folder whose names match, by their paths in it.
sub files
{
	my ($folder, $suffix) = @_;
	my @files;

	find({ no_chdir => 1, wanted => sub { push @files, s,^\Q$folder\E/,,r if /$suffix/ && -f } },
		grep { -d } map { "$folder/$_" } @parts);
	@files = sort @files;
	return @files;
}

# The room of a file, itself where it stands in none; undef where the table knows neither.
sub room
{
	my ($path) = @_;
	my $folder = $path =~ s,/[^/]*$,,r;

	return $path if $may_use{$path};
	return $may_use{$folder} ? $folder : undef;
}

# A literal of C, in which what looks like a comment is none.
my $literal = qr/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)+'/s;

# Header and source of one name are one unit.
sub unit { return $_[0] =~ s/\.[^.\/]*$//r; }

# ---- the files and where they stand --------------------------------------------------------------

my @sources = files($top, qr/\.[ch]$/);

# What else stands in the parts: anything could be included, and nobody would look into it.
my $other = qr{/Makefile$|/\.gitignore$|/\.built-with$|\.(?:pl|json|html|[oda]|so)$|^shim/edurange_shim$|^shim/describe/make_documents$};
finding("$_ is of a kind that no check reads") for grep { !/\.[ch]$/ && !/$other/ } files($top, qr/./);

my %stands; # of a part's base name, the unit

for my $path (@sources)
{
	my ($part, $name) = $path =~ m{^(\w+)/.*?([^/]+)\.[ch]$};
	my $unit = unit($path);

	finding("$path stands in no room of test/directions.pl") unless defined room($path);
	finding("$path has the name of $stands{\"$part/$name\"}") if ($stands{"$part/$name"} //= $unit) ne $unit;
}
for my $room (sort keys %may_use)
{
	finding("test/directions.pl names $room, where nothing stands") unless grep { (room($_) // '') eq $room } @sources;
}

# ---- who uses whom -------------------------------------------------------------------------------

my %uses; # unit => { unit => 1 }

# May one file use another?
sub allowed
{
	my ($from, $to) = @_;
	my ($room, $other) = (room($from), room($to));

	return 1 if !defined $room || !defined $other || $room eq $other; # told elsewhere, or at home
	my ($part) = $room =~ m{^(\w+)};
	return grep { $_ eq $to || "$part/$_" eq $other } @{ $may_use{$room} };
}

# Notes that one file uses another and judges the direction.
sub uses
{
	my ($from, $to, $how) = @_;

	return if unit($from) eq unit($to);
	$uses{ unit($from) }{ unit($to) } = 1;
	return if allowed($from, $to);
	my ($room, $other) = map { room($_) =~ s/^\w+\///r } $from, $to;
	finding("$from $how: $room may not use $other");
	return;
}

my %exists = map { $_ => 1 } @sources;

# The file that an include means, as the compiler looks for it; undef: not one of ours.
sub included
{
	my ($from, $name) = @_;
	my ($folder) = $from =~ m{^(.*)/};
	my ($part) = $from =~ m{^(\w+)/};

	for my $path ("$folder/$name", "$part/$name")
	{
		1 while $path =~ s{(^|/)(?!\.\.?/)[^/]+/\.\./}{$1} || $path =~ s{(^|/)\./}{$1};
		return $path if $exists{$path};
	}
	return undef;
}

for my $path (@sources)
{
	my $text = slurp("$top/$path") =~ s{($literal)|/\*.*?\*/|//[^\n]*}{$1 // ' ' . "\n" x ($& =~ tr/\n//)}gser;

	while ($text =~ /(?<!\\\n)^[ \t]*(?:#|%:|\?\?=)[ \t]*(?!(?:define|undef|if|ifdef|ifndef|elif|else|endif|error|pragma)\b)(\S.*)/gm)
	{
		my $directive = $1;
		my $line = 1 + (substr($text, 0, $-[0]) =~ tr/\n//);
		my ($name) = $directive =~ /^include[ \t]*["<]([^">]+)[">]/;
		finding("$path includes what cannot be told on line $line"), next unless defined $name;
		my $to = included($path, $name) // next;
		uses($path, $to, "includes $name on line $line");
	}
}

# Symbols are a matter of one part: each is linked by itself.
if (defined $objects)
{
	my %compiled = map { $_ => 1 } files($objects, qr/\.o$/);
	my (%defined, @used);

	finding("$_ was not compiled, its calls are not known") for grep { /\.c$/ && !$compiled{ unit($_) . '.o' } } @sources;
	open(my $nm, '-|', 'nm', '-A', '-P', map { "$objects/$_" } sort keys %compiled) or die "nm: $!\n";
	while (my $row = <$nm>)
	{
		my ($path, $symbol, $type) = $row =~ /^\Q$objects\E\/(.*?)\.o: (\S+) (\w)/ or next;
		my ($part) = $path =~ m{^(\w+)/};
		if ($type eq 'U' || $type eq 'w' || $type eq 'v')
		{
			push @used, [ $part, "$path.c", $symbol ];
		}
		elsif ($type =~ /[A-Z]/)
		{
			push @{ $defined{$part}{$symbol} }, "$path.c";
		}
	}
	close($nm) or die "nm failed\n";
	for (@used)
	{
		my ($part, $path, $symbol) = @$_;
		my @definers = @{ $defined{$part}{$symbol} // next };
		# a part of several programs may define a name in each
		my ($to) = ((grep { allowed($path, $_) } @definers), @definers);
		uses($path, $to, "uses $symbol of $to");
	}
}

# ---- circles -------------------------------------------------------------------------------------

my %next; # as %uses, the recursion counted as one
for my $from (keys %uses)
{
	$next{ $joint{$from} // $from }{ $joint{$_} // $_ } = 1 for keys %{ $uses{$from} };
}

# The shortest way from a unit back to it, as a list; empty where there is none.
sub circle
{
	my ($start) = @_;
	my @ways = ([$start]);
	my %seen;

	while (my $way = shift @ways)
	{
		for my $to (sort keys %{ $next{ $way->[-1] } // {} })
		{
			next if $to eq $way->[-1];
			return (@$way, $to) if $to eq $start;
			push @ways, [ @$way, $to ] unless $seen{$to}++;
		}
	}
	return;
}

my %told;
for my $unit (sort keys %next)
{
	my @circle = circle($unit) or next;
	next if grep { $told{$_} } @circle; # one circle at a time is enough to cut
	$told{$_} = 1 for @circle;
	finding('files use each other in a circle: ' . join(' -> ', @circle));
}

print "$_\n" for sort keys %found;
exit(%found ? 1 : 0);
