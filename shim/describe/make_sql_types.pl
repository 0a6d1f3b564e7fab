#!/usr/bin/perl
# Makes sql_types.made.c: the row types and functions of schema/extension/*.sql, given as arguments, with
# what their comments say: sentences, the errors, and the attributes that may be null.  The OpenAPI
# document is made from it.

use strict;
use warnings;

sub quote
{
	my ($text) = @_;

	$text =~ s/(["\\])/\\$1/g;
	return qq("$text");
}

# Attributes, as CREATE TYPE and RETURNS TABLE list them, and which of them a comment calls nullable.
sub attributes
{
	my ($list, $comment) = @_;
	my ($nullable) = ($comment // '') =~ /Nullable: ([\w, ]+)\./;
	my %nullable = map { $_ => 1 } split /, /, $nullable // '';
	my $rows = '';

	for my $attribute (split /,(?![^(]*\))/, $list)
	{
		my ($quoted, $plain, $type) = $attribute =~ /^\s*(?:"(\w+)"|(\w+))\s+(.*?)\s*$/s
		  or die "no attribute: $attribute\n";
		my $name = $quoted // $plain;
		$rows .= sprintf "\t{%s, %s, %s},\n", quote($name), quote($type =~ s/^edurange\.//r),
		  delete $nullable{$name} ? 'true' : 'false';
	}
	die "nullable and no attribute: ", join(', ', sort keys %nullable), "\n" if %nullable;
	return $rows;
}

my (%types, %functions);

for my $path (@ARGV)
{
	open(my $file, '<', $path) or die "$path: $!\n";
	local $/ = undef;
	my $source = <$file>;
	my (%comment, %type_comment);

	($comment{$1} = $2) =~ s/''/'/g
	  while $source =~ /COMMENT ON FUNCTION edurange\.(\w+)\([^)]*\) IS\s+'((?:[^']|'')*)'/g;
	$type_comment{$1} = $2 while $source =~ /COMMENT ON TYPE edurange\.(\w+) IS\s+'((?:[^']|'')*)'/g;
	$types{$1} = attributes($2, $type_comment{$1}) while $source =~ /CREATE TYPE edurange\.(\w+) AS \((.*?)\);/gs;
	while ($source =~ /CREATE FUNCTION edurange\.(\w+)\(.*?\)\s*RETURNS (SETOF )?(TABLE \((.*?)\)|\S+)/gs)
	{
		my ($name, $set, $returns, $table) = ($1, $2, $3, $4);
		my $comment = $comment{$name} // next;
		my ($errors) = $comment =~ /Errors: ([\w, ]+)\./;

		next if $returns eq 'trigger';
		$types{$name} = attributes($table, $comment) if defined $table;
		$comment =~ s/\s*(?:Tier: \w+\.|(?:Errors|Nullable): [\w, ]+\.)//g;
		$functions{$name} = sprintf "\t{%s, %s, %s, %s},\n", quote($name),
		  quote(defined $table ? $name : $returns =~ s/^edurange\.//r),
		  quote(($errors // '') =~ s/,//gr), quote($comment);
	}
}

print "/* Made by make_sql_types.pl from schema/extension/; not to be edited. */\n",
  "#include \"describe/sql_types.h\"\n\n#include <stddef.h>\n\n";
print "static const SqlAttribute of_$_\[] = {\n$types{$_}\t{NULL, NULL, false},\n};\n\n" for sort keys %types;
print "const SqlType sql_types[] = {\n", (map { qq(\t{"$_", of_$_},\n) } sort keys %types),
  "\t{NULL, NULL},\n};\n\n";
print "const SqlFunction sql_functions[] = {\n", (map { $functions{$_} } sort keys %functions),
  "\t{NULL, NULL, NULL, NULL},\n};\n";
