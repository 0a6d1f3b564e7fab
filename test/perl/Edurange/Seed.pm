# The seed of a test that draws something: EDURANGE_SEED, or the number that the test takes else.  It is said
# at once, and again when the test fails, so that the draws can be repeated.
#
#   my $seed = draw_from(4711);

package Edurange::Seed;

use strict;
use warnings;

use Exporter 'import';
use Test::More ();

our @EXPORT_OK = qw(draw_from);

my $owner = $$;
my $seed;

sub draw_from
{
	my ($usual) = @_;

	$seed = $ENV{EDURANGE_SEED} // $usual;
	Test::More::note("EDURANGE_SEED=$seed");
	srand($seed);
	return $seed;
}

END
{
	Test::More::diag("EDURANGE_SEED=$seed repeats what this test has drawn")
	  if defined $seed && $$ == $owner && ($? || !Test::More->builder->is_passing);
}

1;
