# The Instance Manager simulator, as TAP tests use it: start it, direct it, ask it, stop it.
#
#   my $im = Edurange::InstanceManager->start;
#   $im->add_pod(name => $id, status => 'ACTIVE');
#   $im->fault('error500', route => 'list-challenge-pods', count => 2);
#
# The program is stopped when the object goes away.  Its path is in EDURANGE_SIMULATOR.

package Edurange::InstanceManager;

use strict;
use warnings;

use Carp;
use HTTP::Tiny;
use JSON::PP;

my $json = JSON::PP->new->utf8->canonical;

# Starts the simulator on the given port (default: a free one) with more arguments if wanted, and
# returns when it listens.
sub start
{
	my ($class, %options) = @_;
	my $self = bless {
		port => $options{port} // 0,
		args => $options{args} // [],
		http => HTTP::Tiny->new(timeout => 20, max_redirect => 0)
	}, $class;

	$self->_launch;
	return $self;
}

sub _launch
{
	my ($self) = @_;
	my $program = $ENV{EDURANGE_SIMULATOR} // croak 'EDURANGE_SIMULATOR is not set';

	$self->{pid} = open($self->{output}, '-|', $program, '--port', $self->{port}, @{ $self->{args} })
	  // croak "could not start $program: $!";
	my $line = readline($self->{output}) // '';
	$line =~ m{listening on (http://\S+:(\d+)\S*)} or croak 'the simulator did not start';
	($self->{url}, $self->{port}) = ($1, $2);
	return;
}

# Base URL of the API, as edurange.instance_manager_url takes it.
sub url { return $_[0]{url}; }

sub port { return $_[0]{port}; }

sub pid { return $_[0]{pid}; }

# URL of the server itself, without any path.
sub root_url { return "http://127.0.0.1:$_[0]{port}"; }

# Sends a request to a path of the server; returns status, decoded body (undef when it is not
# JSON), the headers and the raw body.  Status 599 means that no answer came.
sub request
{
	my ($self, $method, $path, $body) = @_;
	my %options;

	%options = (
		content => ref($body) ? $json->encode($body) : $body,
		headers => { 'content-type' => 'application/json' }) if defined $body;
	my $answer = $self->{http}->request($method, $self->root_url . $path, \%options);
	my $decoded = eval { $json->decode($answer->{content}) };
	return ($answer->{status}, $decoded, $answer->{headers}, $answer->{content});
}

sub get { my ($self, $path) = @_; return $self->request('GET', $path); }

sub post { my ($self, $path, $body) = @_; return $self->request('POST', $path, $body); }

# A control request that must work.
sub _control
{
	my ($self, $method, $path, $body) = @_;
	my ($status, $decoded) = $self->request($method, "/control/$path", $body);

	croak "$method /control/$path: status $status" if $status != 200;
	return $decoded;
}

# Adds a pod, or changes the given fields of the one with this name.
sub add_pod
{
	my ($self, %pod) = @_;
	return $self->_control('POST', 'pods', \%pod);
}

# Takes a pod away at once.
sub remove_pod
{
	my ($self, $name) = @_;
	return $self->_control('DELETE', "pods/$name");
}

# All pods, keyed by name.
sub pods { return $_[0]->_control('GET', 'pods'); }

# Switches a fault on: fault('delay', ms => 500, route => 'get-secret', count => 1).
sub fault
{
	my ($self, $name, %parameters) = @_;
	return $self->_control('POST', 'fault', { fault => $name, %parameters });
}

# Switches all faults off.
sub clear_faults { return $_[0]->_control('DELETE', 'fault'); }

# How often each route was asked since the last reset.
sub requests { return $_[0]->_control('GET', 'requests'); }

# How often each route was asked about each pod: asked->{'end-challenge'}{$name}.
sub asked { return $_[0]->_control('GET', 'asked'); }

sub reset_requests { return $_[0]->_control('DELETE', 'requests'); }

# Stops the program and returns its exit status; with another signal, it is sent instead of TERM.
sub stop
{
	my ($self, $signal) = @_;

	return undef unless $self->{pid};
	local $?;
	kill($signal // 'TERM', $self->{pid});
	close($self->{output});
	$self->{pid} = undef;
	return $?;
}

# Starts a stopped simulator again on the same port; it has forgotten its pods.
sub restart
{
	my ($self) = @_;

	$self->stop;
	$self->_launch;
	return;
}

sub DESTROY
{
	my ($self) = @_;

	local ($@, $!);
	$self->stop;
	return;
}

1;
