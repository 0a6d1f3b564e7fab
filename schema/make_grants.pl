#!/usr/bin/perl
# Prints the SQL of edurange.granted(): who may execute what, as the GRANTs in schema/extension/90_grants.sql say, so
# that a right that was lost later can be named and given back.

use strict;
use warnings;

use FindBin;

open(my $file, '<', "$FindBin::Bin/extension/90_grants.sql") or die "90_grants.sql: $!\n";
local $/ = undef;
my $text = <$file>;
my @rows;

while ($text =~ /GRANT EXECUTE ON FUNCTION\s+([^;]*?)\s+TO (\w+);/g)
{
	my ($functions, $role) = ($1, lc $2);
	push @rows, "('$role', '{" . join(',', $functions =~ /edurange\.(\w+)/g) . "}'::text[])";
}
die "90_grants.sql: no grants found\n" unless @rows;
print 'CREATE FUNCTION edurange.granted() RETURNS TABLE (role text, functions text[])
  LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
AS $$ VALUES
  ', join(",\n  ", @rows), '
$$;
COMMENT ON FUNCTION edurange.granted() IS
  \'Which functions each role may execute, as the extension was built.\';
';
