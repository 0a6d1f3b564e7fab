# A process that stands for another machine: what it computes itself is not to be the server's time.
#
#   be_elsewhere();    # this process, and what it starts

package Edurange::Elsewhere;

use strict;
use warnings;

use Exporter 'import';
use POSIX ();
use Time::HiRes qw(sleep);

our @EXPORT_OK = qw(be_elsewhere);

# Where Linux shares processors between sessions first, nice() counts within one alone: so it becomes a session of
# its own, of which as little is taken as of it.
sub be_elsewhere
{
	POSIX::setsid();
	POSIX::nice(19);
	# it is refused to who is not root where another one was told the same a moment ago
	for my $try (1 .. 100)
	{
		open(my $group, '>', '/proc/self/autogroup') or return;
		return if print($group "19\n") && close($group);
		sleep(0.02 + rand(0.2));
	}
	return;
}

1;
