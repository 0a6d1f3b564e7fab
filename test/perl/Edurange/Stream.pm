# A stream of Server-Sent Events, as TAP tests read it.
#
#   my $stream = Edurange::Stream->new($shim, '/competition/g/board-events', token => $token);
#   my @events = $stream->read(3);                                  # what comes within three seconds
#   my @events = $stream->read(5, sub { $_[0]{event} eq 'board' }); # or up to one of which that is true
#
# An event is a hash of event, id, data (decoded) and text (as it came).

package Edurange::Stream;

use strict;
use warnings;

use IO::Select;
use JSON::PP;
use Time::HiRes qw(time);

# Begins to listen; options are those of a request (Shim::ask_aside).
sub new
{
	my ($class, $shim, $path, %options) = @_;

	return bless { socket => $shim->ask_aside('GET', $path, %options), raw => '', text => '', closed => 0 }, $class;
}

sub socket { return $_[0]{socket}; }

sub status { return $_[0]{status}; }

# Is the other side done?
sub closed { return $_[0]{closed}; }

# Takes what has come in, waiting up to so many seconds for something; false when nothing did.
sub take
{
	my ($self, $seconds) = @_;

	return 0 if $self->{closed} || !IO::Select->new($self->{socket})->can_read($seconds);
	$self->{closed} = 1 unless sysread($self->{socket}, $self->{raw}, 65536, length $self->{raw});
	if (!$self->{status} && $self->{raw} =~ s/^HTTP\/1\.1 (\d+).*?\r\n\r\n//s)
	{
		$self->{status} = $1;
	}
	while ($self->{status} && $self->{raw} =~ /^([0-9a-fA-F]+)\r\n/ && length $self->{raw} >= length($1) + 2 + hex($1) + 2)
	{
		my ($head, $size) = (length($1) + 2, hex $1);
		$self->{text} .= substr($self->{raw}, $head, $size);
		substr($self->{raw}, 0, $head + $size + 2, '');
	}
	return 1;
}

# The events that are there.
sub events
{
	my ($self) = @_;
	my @events;

	while ($self->{text} =~ s/^(.*?)\n\n//s)
	{
		my %event = map { /^(\w+): ?(.*)$/ ? ($1 => $2) : () } split /\n/, my $text = $1;
		$event{text} = $text;
		$event{data} = eval { decode_json($event{data}) } if defined $event{data};
		push @events, \%event;
	}
	return @events;
}

sub read
{
	my ($self, $seconds, $is_last) = @_;
	my $end = time + $seconds;
	my @events;

	while (!$self->{closed} && time < $end)
	{
		$self->take($end - time) or last;
		push @events, $self->events;
		last if $is_last && grep { $is_last->($_) } @events;
	}
	return @events;
}

1;
