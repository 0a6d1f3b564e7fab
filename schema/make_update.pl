#!/usr/bin/perl
# Prints the script that updates the extension from one version to another, made from their install
# scripts: schema/make_update.pl OLD.sql NEW.sql
#
# What stays keeps its identity, so that statements under way and what depends on it go on: a function
# with the same arguments and result is replaced, a row type that only grows at its end is altered.
# The rest is dropped and made anew.  Comments, owners and grants are those of the new script.

use strict;
use warnings;

die "usage: make_update.pl OLD.sql NEW.sql\n" if @ARGV != 2;

# The statements of a script, comments between them left out.
sub statements
{
	my ($path) = @_;

	open(my $file, '<', $path) or die "$path: $!\n";
	local $/ = undef;
	my $text = <$file>;
	my @statements;
	my $statement = '';

	while ($text =~ /\G(?:(\$\w*\$).*?\1|'(?:[^']|'')*'|"[^"]*"|--[^\n]*\n?|\\[^\n]*\n|(;)|.)/gsc)
	{
		my $token = $&;
		next if $token =~ /^--/ || $token =~ /^\\./;
		$statement .= $token;
		next unless defined $2;
		$statement =~ s/^\s+//;
		push @statements, $statement;
		$statement = '';
	}
	return @statements;
}

# Arguments with names and types but without defaults, on one line; commas in parentheses stay.
sub without_defaults
{
	my ($arguments) = @_;
	my @parts = split /,(?![^()]*\))/, $arguments;

	s/\s+DEFAULT\s.*//s, s/\s+/ /g, s/^ | $//g for @parts;
	return join(', ', @parts);
}

# Functions and types of a script by name, and what is neither.
sub parse
{
	my ($path) = @_;
	my (%function, %type, @order, @rest);

	for my $statement (statements($path))
	{
		if ($statement =~ /^CREATE FUNCTION edurange\.(\w+)\s*\(((?:[^()]|\([^()]*\))*)\)\s*RETURNS\s+(.*?)\s+(?:AS|LANGUAGE)\b/s)
		{
			my ($name, $arguments, $result) = ($1, without_defaults($2), $3);
			die "$path: edurange.$name is defined twice\n" if $function{$name};
			(my $flat = $result) =~ s/\s+/ /g;
			$function{$name} = { sql => $statement, arguments => $arguments, result => $flat };
			push @order, [ function => $name ];
		}
		elsif ($statement =~ /^CREATE TYPE edurange\.(\w+) AS \((.*)\);$/s)
		{
			my ($name, $attributes) = ($1, $2);
			$type{$name} = { sql => $statement, attributes => [ split /, /, without_defaults($attributes) ] };
			push @order, [ type => $name ];
		}
		elsif ($statement =~ /^CREATE /)
		{
			die "$path: make_update.pl knows functions and types only:\n$statement\n";
		}
		else
		{
			push @order, [ rest => $statement ];
		}
	}
	return { function => \%function, type => \%type, order => \@order };
}

my ($old, $new) = map { parse($_) } @ARGV;
my (%drop_type, %grow_type, %drop_function);

for my $name (keys %{ $old->{type} })
{
	my @before = @{ $old->{type}{$name}{attributes} };
	my @after = @{ ($new->{type}{$name} // { attributes => [] })->{attributes} };

	next if "@before" eq "@after";
	if (@after > @before && "@before" eq "@after[0 .. $#before]")
	{
		$grow_type{$name} = [ @after[ $#before + 1 .. $#after ] ];
	}
	else
	{
		$drop_type{$name} = 1;
	}
}
# a type that holds a dropped one goes, too
for (my $count = -1; $count != keys %drop_type;)
{
	$count = keys %drop_type;
	for my $name (keys %{ $old->{type} })
	{
		$drop_type{$name} = 1 if grep { /edurange\.(\w+)/ && $drop_type{$1} } @{ $old->{type}{$name}{attributes} };
	}
}
delete @grow_type{ keys %drop_type };
for my $name (keys %{ $old->{function} })
{
	my $before = $old->{function}{$name};
	my $after = $new->{function}{$name};

	$drop_function{$name} = 1
	  if !$after || $before->{arguments} ne $after->{arguments} || $before->{result} ne $after->{result}
	  || grep { $drop_type{$_} } "$before->{arguments} $before->{result}" =~ /edurange\.(\w+)/g;
}

print "-- Made by schema/make_update.pl.\n",
  "\\echo Use \"ALTER EXTENSION edurange UPDATE\" to load this file. \\quit\n\n";
# settings first: they are for all that follows
print map { "$_->[1]\n\n" } grep { $_->[1] =~ /^SET / } @{ $new->{order} };
print "DROP FUNCTION edurange.$_;\n" for sort keys %drop_function;
if (%drop_type)
{
	print 'DROP TYPE ', join(', ', map { "edurange.$_" } sort keys %drop_type), ";\n";
}
print "\n";

# Comments and grants say all anew, so what was there before goes first.
print <<'SQL';
DO $$
DECLARE
  member record;
BEGIN
  FOR member IN
    SELECT d.objid::pg_catalog.regprocedure AS function FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'edurange'
    WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
      AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
  LOOP
    EXECUTE pg_catalog.format('COMMENT ON FUNCTION %s IS NULL', member.function);
    EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC%s', member.function,
      (SELECT pg_catalog.string_agg(', ' OPERATOR(pg_catalog.||) rolname::pg_catalog.text, '') FROM pg_catalog.pg_roles
       WHERE rolname IN ('edurange_player', 'edurange_service', 'edurange_admin', 'edurange_game', 'edurange_worker')));
  END LOOP;
END
$$;
SQL

for my $item (@{ $new->{order} })
{
	my ($kind, $name) = @$item;

	next if $name =~ /^SET /;
	if ($kind eq 'rest')
	{
		print "$name\n";
	}
	elsif ($kind eq 'type')
	{
		print "$new->{type}{$name}{sql}\n" if !$old->{type}{$name} || $drop_type{$name};
		print map { "ALTER TYPE edurange.$name ADD ATTRIBUTE $_;\n" } @{ $grow_type{$name} // [] };
	}
	else
	{
		my $sql = $new->{function}{$name}{sql};
		$sql =~ s/^CREATE /CREATE OR REPLACE / if $old->{function}{$name} && !$drop_function{$name};
		print "$sql\n";
	}
}
