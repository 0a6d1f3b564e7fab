# A relay between the shim and a PostgreSQL server that breaks a connection where a test wants it broken.
#
#   my $proxy = Edurange::Proxy->start($node);
#   my $shim = Edurange::Shim->start($node, $proxy->env);
#   $proxy->cut(answer => 'add_points');
#
# It listens on a socket as PostgreSQL's own, in a folder of its own, and ends with the test.

package Edurange::Proxy;

use strict;
use warnings;

use Carp;
use IO::Select;
use IO::Socket::UNIX;
use POSIX ();
use PostgreSQL::Test::Utils ();

my $port = 5432;
my $ready_length = 6; # of ReadyForQuery, the last message of an answer

sub start
{
	my ($class, $node) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir_short();
	my $listening = IO::Socket::UNIX->new(Local => "$folder/.s.PGSQL.$port", Listen => 64) // croak "could not listen: $!";
	my $self = bless { folder => $folder, owner => $$ }, $class;

	$self->{pid} = fork() // croak "could not fork: $!";
	if ($self->{pid} == 0)
	{
		$SIG{PIPE} = 'IGNORE';
		$self->{to} = $node->host . '/.s.PGSQL.' . $node->port;
		eval { $self->relay($listening) };
		POSIX::_exit(0);
	}
	close($listening);
	return $self;
}

# The settings of a client that is to come this way.
sub env { return (PGHOST => $_[0]{folder}, PGPORT => $port); }

# Breaks the next connections, so many of them, on which a statement of that name is sent:
#
#   request  before the server has seen the statement
#   answer   when it has been committed, before the client has seen anything of the answer
#   ready    when the client has seen all of the answer but the message that says that it is committed
sub cut
{
	my ($self, $where, $statement, $times) = @_;

	for my $n (1 .. $times // 1)
	{
		PostgreSQL::Test::Utils::append_to_file("$self->{folder}/new", "$where $statement");
		rename("$self->{folder}/new", "$self->{folder}/cut$n") or croak "rename: $!";
	}
	return;
}

# How many cuts have not been made?
sub left { return scalar(my @files = glob "$_[0]{folder}/cut*"); }

# Is this the place of the next cut?  Then it is made once.
sub _is_due
{
	my ($self, $where, $sent) = @_;
	my ($file) = glob "$self->{folder}/cut*";

	return 0 unless defined $file;
	my ($wanted, $statement) = split / /, PostgreSQL::Test::Utils::slurp_file($file);
	return $wanted eq $where && $sent =~ /\b\Q$statement\E\0/ && unlink $file;
}

# The life of the process: hands on what comes, in either direction.
sub relay
{
	my ($self, $listening) = @_;
	my $select = IO::Select->new($listening);
	my (%peer, %sent); # by socket; what a client has sent since its server last answered

	while (getppid() == $self->{owner})
	{
		for my $from ($select->can_read(1))
		{
			if ($from == $listening)
			{
				my $client = $listening->accept // next;
				my $server = IO::Socket::UNIX->new(Peer => $self->{to});
				next unless $server; # nothing listens: the client is told so by the end
				$select->add($client, $server);
				@peer{ $client, $server } = ($server, $client);
				$sent{$client} = '';
				next;
			}
			my $to = $peer{$from} // next;
			my $count = sysread($from, my $bytes, 65536);
			my $cut = !$count;

			if ($count && exists $sent{$from})
			{
				$sent{$from} .= $bytes;
				$cut = $self->_is_due('request', $sent{$from});
				syswrite($to, $bytes) unless $cut;
			}
			elsif ($count)
			{
				my $all_but_ready = $self->_is_due('ready', $sent{$to});
				$cut = $all_but_ready || $self->_is_due('answer', $sent{$to});
				substr($bytes, -$ready_length) = '' if $all_but_ready;
				syswrite($to, $bytes) unless $cut && !$all_but_ready;
				$sent{$to} = '';
			}
			next unless $cut;
			delete @peer{ $from, $to };
			delete @sent{ $from, $to };
			$select->remove($from, $to);
			close($_) for $from, $to;
		}
	}
	return;
}

sub DESTROY
{
	my ($self) = @_;

	return if !$self->{pid} || $$ != $self->{owner};
	local $? = 0;
	kill 'TERM', $self->{pid};
	waitpid($self->{pid}, 0);
	return;
}

1;
