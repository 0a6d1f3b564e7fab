# The HTTP shim, as TAP tests use it: start it against a server, ask it, stop it.
#
#   my $shim = Edurange::Shim->start($node, EDURANGE_POOL_SIZE => 2);
#   my ($status, $json, $headers) = $shim->get('/get_points?user_id=u&group_id=g', $token);
#
# The program is stopped when the object goes away, or the test ends, as a service manager stops it.  A test
# whose program did not end well, or left a sanitizer's report, fails.  Its path is in EDURANGE_SHIM.  A status
# of 599 means that no answer came.

package Edurange::Shim;

use strict;
use warnings;

use Carp;
use HTTP::Tiny;
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Utils ();
use Scalar::Util qw(weaken);
use Test::More ();
use Time::HiRes qw(sleep time);

my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my $started = 0;
my %running; # by process, weakly
my $owner = $$;
my $ended_badly = 0;
my $end_seconds = 90; # draining included

# Starts the shim for a server (undef: the settings name it) with settings from the environment
# given, on a free port, and returns when /ready answers 200 (or, with WAIT => '/live', when that does).
# With AS => 'service' a token of that tier is made, and goes with every request that has none.
sub start
{
	my ($class, $node, %env) = @_;
	my $self = bless {
		node => $node,
		wait => delete $env{WAIT} // '/ready',
		as => delete $env{AS},
		http => HTTP::Tiny->new(timeout => 30, max_redirect => 0),
		log => sprintf('%s/shim_%d_%d.log', $PostgreSQL::Test::Utils::log_path, $$, ++$started)
	}, $class;

	$self->{env} = {
		defined $node
		? (
			PGHOST => $node->host,
			PGPORT => $node->port,
			PGDATABASE => 'edurange',
			POSTGRES_USER => 'edurange_shim_{tier}'
		  )
		: (),
		EDURANGE_PORT => 0,
		%env
	};
	$self->{token} = $self->make_token($self->{as}) if defined $self->{as};
	$self->launch;
	return $self;
}

# Starts the program, at first or again after stop() or kill9(), then on the same port.
sub launch
{
	my ($self) = @_;
	my $program = $ENV{EDURANGE_SHIM} // croak 'EDURANGE_SHIM is not set';
	my $seen = length($self->log);

	$self->{pid} = fork() // croak "could not fork: $!";
	if ($self->{pid} == 0)
	{
		delete @ENV{qw(DIRECT_DATABASE_URL DATABASE_URL POSTGRES_HOST POSTGRES_NAME POSTGRES_USER
			  POSTGRES_PASSWORD)};
		%ENV = (%ENV, %{ $self->{env} });
		open(STDOUT, '>', '/dev/null');
		open(STDERR, '>>', $self->{log}) or POSIX::_exit(127);
		exec($program) or POSIX::_exit(127);
	}
	weaken($running{ $self->{pid} } = $self);
	$self->_wait_until(
		sub {
			substr($self->log, $seen) =~ /"event":"listening".*"port":(\d+)/ or return 0;
			$self->{env}{EDURANGE_PORT} = $1;
			my ($status) = $self->get($self->{wait});
			return $status == 200;
		});
	return;
}

# Waits up to half a minute for something to become true; dies with the log's end when it does not.
sub _wait_until
{
	my ($self, $true) = @_;
	my $end = time + 30;

	while (!$true->())
	{
		croak 'the shim did not get ready: ' . substr($self->log, -2000)
		  if time > $end || !kill(0, $self->{pid});
		sleep 0.05;
	}
	return;
}

sub port { return $_[0]{env}{EDURANGE_PORT}; }

sub pid { return $_[0]{pid}; }

# The token that goes with requests that have none.
sub token { return $_[0]{token}; }

sub url { return "http://127.0.0.1:$_[0]{env}{EDURANGE_PORT}"; }

# Everything that the shim has logged.
sub log
{
	my ($self) = @_;

	open(my $file, '<', $self->{log}) or return '';
	local $/ = undef;
	return scalar(<$file>) // '';
}

# Sends any request; returns status, decoded body (undef when it is not JSON), headers, raw body.
sub request
{
	my ($self, $method, $path, %options) = @_;
	my %headers = %{ $options{headers} // {} };
	my $token = $options{token} // $self->{token};

	$headers{Authorization} = "Bearer $token" if defined $token;
	my $response = $self->{http}->request($method, $self->url . $path,
		{ headers => \%headers, (defined $options{body} ? (content => $options{body}) : ()) });
	my $decoded = eval { $json->decode($response->{content}) };
	$self->{refused}{"$method $path"}{"$response->{status} $decoded->{code}"}++
	  if ref $decoded eq 'HASH' && $decoded->{requestId} && defined $decoded->{code};
	return ($response->{status}, $decoded, $response->{headers}, $response->{content});
}

sub get
{
	my ($self, $path, $token) = @_;

	return $self->request('GET', $path, token => $token);
}

# Sends a body as JSON: a reference is encoded, a text goes as it is.
sub post
{
	my ($self, $path, $body, $token) = @_;

	return $self->request(
		'POST', $path,
		token => $token,
		body => ref $body ? $json->encode($body) : $body,
		headers => { 'Content-Type' => 'application/json' });
}

# A connection of one's own, to send bytes on as they are.
sub socket
{
	my ($self) = @_;

	return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->port, Timeout => 10)
	  // croak "could not connect: $!";
}

# Sends a request on a connection of its own and waits for nothing; answer_of() takes what it returns.
sub ask_aside
{
	my ($self, $method, $path, %options) = @_;
	my $socket = $self->socket;
	my $body = ref $options{body} ? $json->encode($options{body}) : $options{body};
	my %headers = (Host => 'x', Connection => 'close', %{ $options{headers} // {} });
	my $token = $options{token} // $self->{token};

	$headers{Authorization} = "Bearer $token" if defined $token;
	%headers = (%headers, 'Content-Type' => 'application/json', 'Content-Length' => length $body) if defined $body;
	syswrite($socket, join('', "$method $path HTTP/1.1\r\n", (map { "$_: $headers{$_}\r\n" } sort keys %headers), "\r\n", $body // ''));
	return $socket;
}

# Sends a request whose answer may have no end: status, decoded body where it has one, headers, and the connection.
sub listen
{
	my ($self, $path, %options) = @_;
	my $socket = $self->ask_aside('GET', $path, %options);
	my ($responses) = $self->read_responses($socket, 1, 10);
	my ($status, $body, $lines) = @{ $responses->[0] // [ 599, '', '' ] };

	my $decoded = eval { $json->decode($body) };
	return ($status, $decoded, { map { /^([^:]+): (.*)$/ ? (lc $1 => $2) : () } split /\r\n/, $lines }, $socket);
}

# The answer to a request that was sent aside, within a minute: status and decoded body; 599: none came.
sub answer_of
{
	my ($class, $socket) = @_;
	my ($responses) = $class->read_responses($socket, 1, 60);

	return 599 unless @$responses;
	return ($responses->[0][0], eval { $json->decode($responses->[0][1]) });
}

# Reads responses from a connection until there are as many as wanted, it is closed, or nothing comes
# for a while; returns those that came, [status, body] each, and whether it was closed.
sub read_responses
{
	my ($class, $socket, $wanted, $patience) = @_;
	my $select = IO::Select->new($socket);
	my ($text, $closed, @responses) = ('', 0);

	while (@responses < $wanted)
	{
		if ($text =~ s/^HTTP\/1\.1 (\d+)[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n//)
		{
			my ($status, $headers) = ($1, $2);
			my ($length) = $headers =~ /^Content-Length: (\d+)/mi;
			while (length($text) < ($length // 0))
			{
				sysread($socket, $text, 65536, length $text) or last;
			}
			push @responses, [ $status, substr($text, 0, $length // 0, ''), $headers ];
			next;
		}
		last unless $select->can_read($patience // 5);
		my $count = sysread($socket, $text, 65536, length $text);
		next if $count;
		$closed = 1;
		last;
	}
	return (\@responses, $closed);
}

# Is the connection closed by the other side within a few seconds?
sub is_closed
{
	my ($class, $socket, $patience) = @_;
	my $select = IO::Select->new($socket);
	my $text;

	while ($select->can_read($patience // 5))
	{
		return 1 unless sysread($socket, $text, 65536);
	}
	return 0;
}

# The program's own list of routes: "METHOD path" to tier.
sub routes
{
	open(my $list, '-|', $ENV{EDURANGE_SHIM}, '--routes') or croak "could not run the shim: $!";
	my %routes = map { /^(\S+ \S+) (\S+)$/ ? ($1 => $2) : croak "not a route: $_" } <$list>;
	close($list);
	return %routes;
}

# Makes a token of a tier in the server that the shim works for.
sub make_token
{
	my ($self, $tier) = @_;

	return $self->{node}->safe_psql('edurange',
		"SELECT token FROM edurange.create_token('$tier', 'test')");
}

# The codes that a schema of errors has, whatever it is put together of.
sub _codes
{
	my ($schema) = @_;

	return (@{ $schema->{properties}{code}{enum} // [] }, map { _codes($_) } map { @{ $schema->{$_} // [] } } qw(allOf anyOf));
}

# The errors that requests got and that the description of their routes does not have.
sub _undescribed
{
	my ($self) = @_;
	my $refused = delete $self->{refused} // return;
	my $paths = (($self->get('/openapi.json'))[1] // {})->{paths} // return;
	my @unknown;

	for my $asked (sort keys %$refused)
	{
		my ($method, $path) = $asked =~ /^(\S+) (?:\/api(?=\/))?([^?]*)/;
		my @templates = grep { my $form = quotemeta =~ s/\\\{\w+\\\}/[^\/]+/gr; $path =~ /^$form\z/ } keys %$paths;
		my ($template) = sort { $a =~ tr/{// <=> $b =~ tr/{// } @templates;
		my $responses = $paths->{ $template // '' }{ lc $method }{responses} // next;

		for (sort keys %{ $refused->{$asked} })
		{
			my ($status, $code) = split / /;
			push @unknown, "$method $template: $_" if !grep { $_ eq $code } _codes($responses->{$status}{content}{'application/json'}{schema});
		}
	}
	return @unknown;
}

# Stops it as a service manager does; returns its exit status, and notes when that is not 0, or when it gave answers
# that its own description does not have.
sub stop
{
	my ($self) = @_;
	my $pid = $self->{pid} // return;
	my @undescribed = $self->_undescribed;
	my $status = $self->_end('TERM');
	my @reports = grep { -e } map { ($_ // '') =~ /log_path='?([^':]+)/ ? "$1.$pid" : () } @ENV{qw(ASAN_OPTIONS UBSAN_OPTIONS)};

	Test::More::diag("an error that the description of the route does not have: $_") for @undescribed;
	return $status if $status == 0 && !@reports && !@undescribed;
	$ended_badly++;
	Test::More::diag("the shim, process $pid, ended with $status @reports: " . substr($self->log, -2000));
	return $status || 1;
}

# Kills it without any chance to finish.
sub kill9
{
	my ($self) = @_;

	return $self->_end('KILL');
}

sub _end
{
	my ($self, $signal) = @_;
	my $pid = delete $self->{pid} // return;
	my $late = time + $end_seconds;

	# waiting sets the status of the program, which must not become that of the test
	local $? = 0;
	delete $running{$pid};
	kill $signal, $pid;
	while (waitpid($pid, POSIX::WNOHANG()) == 0)
	{
		kill 'KILL', $pid if time > $late;
		sleep 0.01;
	}
	return $?;
}

sub DESTROY
{
	my ($self) = @_;

	local ($@, $!);
	$self->stop if $$ == $owner;
	return;
}

# Before that of Test::More, which is loaded earlier and makes of this status that of the test.
END
{
	if ($$ == $owner)
	{
		$_->stop for grep { defined } values %running;
		$? ||= 1 if $ended_badly;
	}
}

1;
