#!/usr/bin/perl
# What checking, importing and exporting challenge definitions costs, beside Python's jsonschema: a
# server for cdf.py, which measures and prints a table.

use strict;
use warnings;

# the test modules keep standard output to themselves
my $results;
BEGIN { open($results, '>&', \*STDOUT) or die $!; }

use IO::Handle;

use Edurange::Cluster;

$results->autoflush(1);
my $quick = grep { $_ eq 'quick' } split ' ', $ENV{BENCH} // '';
my $node = Edurange::Cluster->new_ready('cdf',
	conf => "fsync = on\nsynchronous_commit = on\nshared_buffers = 512MB\nmax_wal_size = 8GB\nlog_statement = none\n");

local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'edurange',
	$quick ? (ROUNDS => 3, SECONDS_EACH => 0.3) : ());
open(my $from, '-|', '/usr/bin/python3', 'cdf.py') or die $!;
print $results $_ while <$from>;
my $status = close($from) ? 0 : 1;
$node->stop;
exit($status);
