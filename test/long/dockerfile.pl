#!/usr/bin/perl
# Does what a Dockerfile says, in folders instead of containers: each FROM is a copy of a Debian system, each RUN a
# command in it.  Knows the instructions that deploy/containers/ uses and refuses others.
#
# Usage: dockerfile.pl DOCKERFILE CONTEXT BASE FOLDER
#
# BASE stands for the image that the argument of that name names.  Leaves the last stage in FOLDER/NAME, with what
# it says about running it in FOLDER/NAME.json; stages before it are kept below FOLDER for the next file.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use File::Basename;
use JSON::PP;

my ($file, $context, $base, $folder) = @ARGV;
my %image = (env => {}, user => '0:0');
my (%stages, $root, $stage, @lines);

sub run
{
	my @command = @_;

	system(@command) == 0 or die "dockerfile.pl: @command: exit status $?\n";
	return;
}

# The files that COPY means, below the context or a stage.
sub sources
{
	my ($from, @paths) = @_;
	my $top = defined $from ? $stages{$from} : $context;

	return map { m{^\.$} ? "$top/." : m{/$} ? "$top/$_." : "$top/$_" } @paths;
}

open(my $text, '<', $file) or die "$file: $!\n";
while (my $line = <$text>)
{
	next if $line =~ /^\s*(#|$)/;
	chomp($line);
	push @lines, $line;
}
close($text);

# A stage with another after it is made once: its name is what it is made from.
for my $index (0 .. $#lines)
{
	my ($word, $rest) = $lines[$index] =~ /^([A-Z]+)\s+(.*)/ or die "not understood: $lines[$index]\n";

	print "$word $rest\n";
	if ($word eq 'FROM')
	{
		my ($from, $name) = $rest =~ /^(\S+)(?: AS (\w+))?$/ or die "not understood: $lines[$index]\n";
		die "not the base: $from\n" unless $from eq '${BASE}';
		my @made_of;
		for my $line (@lines[ $index + 1 .. $#lines ])
		{
			last if $line =~ /^FROM/;
			push @made_of, $line;
		}
		$stage = $name;
		$root = "$folder/" . (defined $name ? 'stage-' . substr(sha256_hex("@made_of"), 0, 12) : basename($file, '.Dockerfile'));
		$stages{$name} = $root if defined $name;
		$image{made} = -e "$root.made";
		run('cp', '-a', $base, $root) unless $image{made};
	}
	elsif ($word eq 'COPY')
	{
		next if $image{made};
		my ($from, @paths) = $rest =~ /^(?:--from=(\w+) )?(.*)$/;
		@paths = split ' ', $paths[0];
		my $to = $root . pop @paths;
		run('mkdir', '-p', $to);
		run('cp', '-a', '--no-preserve=ownership', sources($from, @paths), $to);
	}
	elsif ($word eq 'RUN')
	{
		next if $image{made};
		run('chroot', $root, '/bin/sh', '-c', $rest);
		next unless defined $stage;
		run('touch', "$root.made");
	}
	elsif ($word eq 'ENV') { my ($name, $value) = split /=/, $rest, 2; $image{env}{$name} = $value; }
	elsif ($word eq 'USER') { $image{user} = $rest; }
	elsif ($word eq 'ENTRYPOINT') { $image{entrypoint} = decode_json($rest); }
	elsif ($word eq 'STOPSIGNAL') { $image{signal} = $rest; }
	elsif ($word eq 'EXPOSE') { $image{port} = $rest; }
	elsif ($word ne 'ARG') { die "not understood: $word\n"; }
}
delete $image{made};
open(my $out, '>', "$root.json") or die "$root.json: $!\n";
print $out JSON::PP->new->canonical->pretty->encode(\%image);
close($out) or die "$root.json: $!\n";
