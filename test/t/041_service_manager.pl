# The shim under a service manager: what it tells the socket of systemd's Type=notify.

use strict;
use warnings;

use File::Temp;
use IO::Select;
use IO::Socket::UNIX;
use Socket qw(SOCK_DGRAM);
use Test::More;

use Edurange::Cluster;
use Edurange::Shim;

my $node = Edurange::Cluster->new_ready('manager');
my $folder = File::Temp->newdir; # a short name: the path of a socket has a limit

# The lines of the next message, or none when nothing comes.
sub message
{
	my ($socket) = @_;

	return () unless IO::Select->new($socket)->can_read(20);
	$socket->recv(my $text, 4096);
	return split /\n/, $text;
}

for my $name ("$folder/notify", "\@edurange-test-$$")
{
	my $kind = $name =~ /^@/ ? 'abstract' : 'file';
	(my $local = $name) =~ s/^@/\0/;
	my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $local)
	  // die "could not listen on $kind socket: $!";
	my $shim = Edurange::Shim->start($node, NOTIFY_SOCKET => $name, EDURANGE_DRAIN_TIMEOUT => 7);

	is_deeply([ message($socket) ], ['READY=1'], "$kind socket: ready, once it listens");
	is($shim->stop, 0, "$kind socket: it stops");
	is_deeply(
		[ message($socket) ],
		[ 'STOPPING=1', 'EXTEND_TIMEOUT_USEC=17000000' ],
		"$kind socket: it says so, and how long it may take");
}

# A manager that is away, or a name that is none, keeps nothing from starting.
for my $name ("$folder/nobody", 'relative', '', "/$folder/" . 'x' x 200)
{
	my $shim = Edurange::Shim->start($node, NOTIFY_SOCKET => $name);
	is($shim->stop, 0, 'NOTIFY_SOCKET that leads nowhere: ' . substr($name, 0, 30));
}

# The database need not be there: requests wait for it, or get a 503.
{
	my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$folder/away")
	  // die "could not listen: $!";
	my $shim = Edurange::Shim->start(
		undef,
		WAIT => '/live',
		NOTIFY_SOCKET => "$folder/away",
		PGHOST => "$folder",
		POSTGRES_USER => 'edurange_shim_{tier}');
	is_deeply([ message($socket) ], ['READY=1'], 'ready without a database');
	is($shim->stop, 0, 'and it stops');
}

done_testing();
