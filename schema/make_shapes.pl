#!/usr/bin/perl
# Prints, for extension/base/shapes.c, the columns that the migrations of schema/migrations/ make, the values of the
# enums and the unique keys of the platform's tables: schema/make_shapes.pl > shapes_of_migrations.h
#
# What a migration does in a form that is not read here is an error, not a gap.

use strict;
use warnings;
use File::Basename;

my %oid = (
	text => 'TEXTOID', integer => 'INT4OID', bigint => 'INT8OID', boolean => 'BOOLOID', jsonb => 'JSONBOID',
	bytea => 'BYTEAOID', timestamptz => 'TIMESTAMPTZOID', 'timestamp(3)' => 'TIMESTAMPOID');

# Tables and columns that no statement of ours names: nothing stops when they change.
my %foreign = map { $_ => 1 } qw(Account Session VerificationToken User.emailVerified User.image
	ChallengeInstance.metadata ChallengeInstance.k8s_instance_name sync_state.only_row feed_origin.only_row);

# The record of migrations is made before the first of them, by extension/admin/migrate.c.
my @tables = (['edurange', 'migration', [
	{ name => 'number', type => 'integer', required => 1 }, { name => 'name', type => 'text', required => 1 },
	{ name => 'sha256', type => 'text', required => 1 }, { name => 'applied_at', type => 'timestamptz', required => 1 }]]);
my (@values, @keys);
my $schema;

# Parts between commas that stand in no parentheses.
sub parts
{
	my ($list) = @_;

	return map { s/^\s+|\s+$//gr } split /,(?![^(]*\))/, $list;
}

sub column
{
	my ($definition) = @_;
	my ($name, $type, $rest) = $definition =~ /^"?(\w+)"? ("\w+"|\w+(?:\(\d+\))?)(.*)$/s or die "no column: $definition\n";

	die "unknown type: $definition\n" unless $oid{$type} || $type =~ /^"/;
	return { name => $name, type => $type, required => $rest =~ /NOT NULL|PRIMARY KEY/ ? 1 : 0 };
}

# The table of a name that may be qualified.
sub table
{
	my ($qualifier, $name) = @_;
	my ($table) = grep { $_->[0] eq ($qualifier // $schema) && $_->[1] eq $name } @tables;

	return $table // die "no table $name\n";
}

# Notes a unique key of the platform's: its name and columns; an index is made where a table is adopted that lacks it.
sub key
{
	my ($in, $table, $name, $columns, $is_index) = @_;

	return if $in ne 'public' || $foreign{$table};
	push @keys, [$table, $name, $is_index, [map { s/"//gr } split /,\s*/, $columns]];
	return;
}

# Those that stand in the definition of a table.
sub keys_in_table
{
	my ($in, $table, @definitions) = @_;

	for my $definition (@definitions)
	{
		if ($definition =~ /^CONSTRAINT "?(\w+)"? (?:PRIMARY KEY|UNIQUE) \((.*)\)$/) { key($in, $table, $1, $2, 0) }
		elsif ($definition =~ /^("?\w+"?) .*CONSTRAINT "?(\w+)"? (?:PRIMARY KEY|UNIQUE)/s) { key($in, $table, $2, $1, 0) }
	}
	return;
}

sub alter
{
	my ($table, @actions) = @_;

	for my $action (@actions)
	{
		if ($action =~ /^ADD COLUMN (.*)$/s) { push @{ $table->[2] }, column($1) }
		elsif ($action =~ /^DROP COLUMN "?(\w+)"?$/) { @{ $table->[2] } = grep { $_->{name} ne $1 } @{ $table->[2] } }
		elsif ($action !~ /^(ADD|DROP) CONSTRAINT /) { die "unknown: ALTER TABLE $table->[1] $action\n" }
	}
}

for my $path (sort glob(dirname($0) . '/migrations/[0-9][0-9][0-9][0-9]_*.sql'))
{
	open(my $file, '<', $path) or die "$path: $!\n";
	local $/ = undef;
	my $sql = <$file> =~ s/--[^\n]*//gr;

	while ($sql =~ /CREATE TYPE "(\w+)" AS ENUM \((.*?)\)/gs)
	{
		my ($type, $list) = ($1, $2);
		push @values, map { [$type, $_] } $list =~ /'(\w+)'/g;
	}
	$sql =~ s/DO (\$\w*\$).*?\1\s*;//gs;
	$sql =~ s/\)\s+WITH \([^()]*\);/);/g;
	for my $statement (map { s/^\s+//r } $sql =~ /((?:'[^']*'|[^;'])+);/gs)
	{
		if ($statement =~ /^SET LOCAL search_path = (\w+)$/) { $schema = $1 }
		elsif ($statement =~ /^CREATE TABLE (?:IF NOT EXISTS )?(?:(\w+)\.)?"?(\w+)"? \((.*)\)$/s)
		{
			my ($in, $name, @definitions) = ($1 // $schema, $2, parts($3));
			push @tables, [$in, $name, [map { column($_) } grep { !/^CONSTRAINT/ } @definitions]];
			keys_in_table($in, $name, @definitions);
		}
		elsif ($statement =~ /^ALTER TABLE (?:(\w+)\.)?"?(\w+)"?\s+(.*)$/s) { alter(table($1, $2), parts($3)) }
		elsif ($statement =~ /^DROP TABLE (?:(\w+)\.)?"?(\w+)"?$/)
		{
			my $gone = table($1, $2);
			@tables = grep { $_ != $gone } @tables;
		}
		elsif ($statement =~ /^CREATE UNIQUE INDEX IF NOT EXISTS "?(\w+)"?\s+ON (?:(\w+)\.)?"?(\w+)"? \(([^()]*)\)$/) { key($2 // $schema, $3, $1, $4, 1) }
		elsif ($statement !~ /^(CREATE (UNIQUE )?INDEX|DROP INDEX|INSERT INTO|UPDATE|DELETE FROM|COMMENT ON) /)
		{
			die "$path: unknown: $statement\n";
		}
	}
}

for my $table (@tables)
{
	my ($in, $name, $columns) = @$table;
	for my $column (@$columns)
	{
		next if $foreign{$name} || $foreign{"$name.$column->{name}"};
		printf qq{COLUMN("%s", "%s", "%s", "%s", %s, %s)\n}, $in, $name, $column->{name},
			$column->{type} =~ s/"//gr =~ s/timestamptz/timestamp with time zone/r =~ s/timestamp\(3\)/timestamp without time zone/r,
			$oid{ $column->{type} } // 'InvalidOid', $column->{required} ? 'true' : 'false';
	}
}
printf qq{VALUE("%s", "%s")\n}, @$_ for @values;
for my $key (@keys)
{
	my ($table, $name, $is_index, $columns) = @$key;
	printf qq{KEY("%s", "%s", %s, %s)\n}, $table, $name, $is_index ? 'true' : 'false', join(', ', map { qq{"$_"} } @$columns);
}
