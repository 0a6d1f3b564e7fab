#!/usr/bin/perl
# What an idempotency key costs: the processor time, user's and system's, that a backend takes for awards with a new key
# each and for those without, a transaction each, in turns.  Nothing is flushed to disk, which would be the larger part and the
# same for both.

use strict;
use warnings;

# the test modules keep standard output to themselves
my $results;
BEGIN { open($results, '>&', \*STDOUT) or die $!; }

use FindBin;
use lib $FindBin::Bin;
use PostgreSQL::Test::Utils;

use Edurange::Cluster;
use Load;

$results->autoflush;

my $quick = grep { $_ eq 'quick' } split ' ', $ENV{BENCH} // '';
my $rounds = $quick ? 6 : 48;
my $calls = $quick ? 200 : 1000;
my $users = $quick ? 1000 : 10_000;
my $node = Edurange::Cluster->new_ready('keyed',
	conf => "fsync = off\nsynchronous_commit = off\nshared_buffers = 512MB\nmax_wal_size = 8GB\nlog_statement = none\n");

$node->safe_psql('edurange', qq{
	INSERT INTO "User" (id, email) SELECT 'u' || n, n || '\@x' FROM generate_series(0, $users - 1) n;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'g', id FROM "User";
	SELECT count(*) FROM "User" u, edurange.add_points(u.id, 'g', 1);
	CREATE SCHEMA bench;
	CREATE FUNCTION bench.processor_time() RETURNS bigint LANGUAGE sql AS \$\$ -- in nanoseconds
	  SELECT split_part(pg_read_file('/proc/self/schedstat', 0, 100), ' ', 1)::bigint \$\$;
	CREATE PROCEDURE bench.award(round integer, calls integer, keyed boolean) LANGUAGE plpgsql AS \$\$
	BEGIN
	  FOR n IN 1 .. calls LOOP
	    PERFORM edurange.add_points('u' || (random() * ($users - 1))::integer, 'g', 1,
	      idempotency_key => CASE WHEN keyed THEN format('round %s, call %s', round, n) END);
	    COMMIT;
	  END LOOP;
	END \$\$});
$node->safe_psql('edurange', 'VACUUM ANALYZE');

# The first round makes plans.  A session knows its own process.
my ($script, %us, @ratios) = ('');
for my $round (0 .. $rounds)
{
	for my $kind ($round % 2 ? ('keyed', 'plain') : ('plain', 'keyed'))
	{
		$script .= sprintf "SELECT bench.processor_time() AS before \\gset\nCALL bench.award(%d, %d, %s);\nSELECT '%s', bench.processor_time() - :before;\n",
		  $round, $calls, $kind eq 'keyed' ? 'true' : 'false', $kind;
	}
}
for my $line ((split /\n/, $node->safe_psql('edurange', $script))[ 2 .. 2 * $rounds + 1 ])
{
	my ($kind, $nanoseconds) = split /\|/, $line;

	push @{ $us{$kind} }, $nanoseconds / $calls / 1000;
}
@ratios = sort { $a <=> $b } map { $us{keyed}[$_] / $us{plain}[$_] } 0 .. $rounds - 1;
printf {$results} "an award, processor time of the backend: %.0f us, with a new idempotency key %.0f us; %.2f of it (median of %d rounds of %d calls, %.2f to %.2f)\n",
  median(@{ $us{plain} }), median(@{ $us{keyed} }), median(@ratios), $rounds, $calls, @ratios[ 0, -1 ];
my $violations = $node->safe_psql('edurange', 'SELECT count(*) FROM edurange.check_invariants()');
print {$results} "violated invariants: $violations\n" if $violations;
$node->stop;
exit($violations ? 1 : 0);
