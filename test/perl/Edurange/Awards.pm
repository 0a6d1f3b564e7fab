# Awards that are sent to a shim at the same time, as tests of its lanes do:
#
#   my $shim = start_patient($node, EDURANGE_QUEUE_LENGTH => 40);
#   my @sockets = add_aside($shim, award('u1'), award('u2', 'a reason'));
#   wait_for_queue($shim, 1);
#   my @answered = outcomes(@sockets); # '200 fine', '409 conflict'

package Edurange::Awards;

use strict;
use warnings;

use Exporter 'import';
use Test::More ();
use Time::HiRes qw(sleep time);

use Edurange::Shim;

our @EXPORT = qw(start_patient award add_aside outcomes metric wait_for_queue);

# Starts a shim of one loop with one connection for each lane, unless the settings say otherwise, and a lot of time.
sub start_patient
{
	my ($node, %settings) = @_;

	return Edurange::Shim->start(
		$node,
		EDURANGE_THREADS => 1,
		EDURANGE_POOL_SIZE => 1,
		EDURANGE_POOL_TIMEOUT => 120,
		EDURANGE_STATEMENT_TIMEOUT => 120_000,
		EDURANGE_ANONYMOUS_TIER => 'service',
		%settings);
}

# The body of an award of one point in the competition g.
sub award
{
	my ($user, $reason) = @_;

	return { user_id => $user, group_id => 'g', points => 1, defined $reason ? (reason => $reason) : () };
}

# Sends awards, each on a connection of its own, in this order, and waits for none.
sub add_aside
{
	my ($to, @bodies) = @_;

	return map { $to->ask_aside('POST', '/add_points', body => $_) } @bodies;
}

# How they were answered: status and code.
sub outcomes
{
	return map { my ($status, $said) = Edurange::Shim->answer_of($_); $status . ' ' . ($said->{code} // 'fine') } @_;
}

# A number of the shim's metrics; tier admin, whose lanes nothing here holds up, asks.
sub metric
{
	my ($of, $name) = @_;

	$of->{admin} //= $of->make_token('admin');
	return (($of->get('/metrics', $of->{admin}))[3] =~ /^\Q$name\E (\d+)$/m)[0] // die "no metric $name";
}

# Waits until so many calls are in the queue.
sub wait_for_queue
{
	my ($of, $count) = @_;
	my $end = time + 60;

	sleep 0.05 while metric($of, 'edurange_database_queue{tier="service"}') != $count && time < $end;
	Test::More::ok(time < $end, "$count wait in the queue");
	return;
}

1;
