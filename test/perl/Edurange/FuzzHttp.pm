# Requests made up from the OpenAPI document, and the answers held against it.
#
#   my $fuzz = Edurange::FuzzHttp->new($document, seed => 1, pool => \%ids, tokens => \%tokens);
#   my $request = $fuzz->request;
#   my @violations = $fuzz->violations($request, $status, $headers, $raw);

package Edurange::FuzzHttp;

use strict;
use warnings;

use Edurange::Schema;
use JSON::PP;

my $json = JSON::PP->new->utf8->canonical->allow_nonref;
my @odd = ('', ' ', 'null', '0', '-1', 'true', '[]', '{}', "a'b", 'a"b', 'a\\b', '%', "\x{fc}\x{1f600}", '../..', "'; --",
	'x' x 300, '1e400', "\t\n", '2025-13-45', '2025-03-01T10:00:00Z', '999999999999', 'edr_x');

sub new
{
	my ($class, $document, %options) = @_;
	my $self = bless { document => $document, schema => Edurange::Schema->new($document), %options }, $class;

	srand($options{seed});
	for my $path (sort keys %{ $document->{paths} })
	{
		my $operations = $document->{paths}{$path};

		# A stream of events does not end by itself.
		push @{ $self->{operations} }, map { [ uc $_, $path, $operations->{$_} ] }
			grep { !$operations->{$_}{responses}{200}{content}{'text/event-stream; charset=utf-8'} } sort keys %$operations;
	}
	return $self;
}

sub pick { return $_[ int rand @_ ]; }

sub chance { return rand() < $_[0]; }

# A text that means something, or one that does not.
sub text
{
	my ($self, $name) = @_;
	my $known = $self->{pool}{ lc($name =~ tr/_//dr) };

	return pick(@$known) if $known && chance(0.8);
	return pick(@odd) if chance(0.5);
	return join '', map { chr(32 + int rand 95) } 1 .. 1 + int rand 20;
}

# A value for a schema, mostly one that it allows.
sub value
{
	my ($self, $schema, $name, $depth) = @_;
	my $type = $schema->{type} // pick(qw(string integer object array boolean null));

	$type = pick(@$type) if ref $type;
	$depth //= 0;
	return $self->value(pick(@{ $schema->{anyOf} }), $name, $depth) if $schema->{anyOf} && chance(0.9);
	$type = pick(qw(string integer number object array boolean null)) if chance(0.08);
	return $self->text($name) if $type eq 'string' && !$schema->{format};
	return pick('2025-03-01', '2020-01-01T00:00:00Z', '2030-01-01T00:00:00+02:00', $self->text($name)) if $type eq 'string';
	return pick(0, 1, 5, 10, -3, 100, 2147483647, -2147483648, 2147483648, 9007199254740993) + 0 if $type eq 'integer';
	return rand(1000) - 500 if $type eq 'number';
	return pick(JSON::PP::true, JSON::PP::false) if $type eq 'boolean';
	return undef if $type eq 'null';
	return [ map { $self->value($schema->{items} // {}, $name, $depth + 1) } 1 .. ($depth > 2 ? 0 : int rand 4) ] if $type eq 'array';
	my %object;
	for my $property (sort keys %{ $schema->{properties} // {} })
	{
		my $wanted = grep { $_ eq $property } @{ $schema->{required} // [] };
		$object{$property} = $self->value($schema->{properties}{$property}, $property, $depth + 1) if chance($wanted ? 0.96 : 0.5);
	}
	$object{ $self->text('key') } = $self->value({}, 'key', $depth + 1) if $depth < 3 && chance(0.1);
	return \%object;
}

sub escape
{
	my ($text) = @_;

	utf8::encode($text);
	return $text =~ s/([^A-Za-z0-9._~-])/sprintf '%%%02X', ord $1/ger;
}

# The path and the query of a request.
sub target
{
	my ($self, $path, $operation) = @_;
	my @query;

	for my $parameter (grep { $_->{name} } @{ $operation->{parameters} })
	{
		my $value = $self->value($parameter->{schema}, $parameter->{name});
		$value = ref $value ? $json->encode($value) : $value // '';
		if ($parameter->{in} eq 'path')
		{
			my $segment = escape($value eq '' || $value =~ m{^\.+$} ? 'x' : $value);
			$path =~ s/\{$parameter->{name}\}/$segment/;
		}
		elsif (chance($parameter->{required} ? 0.96 : 0.5))
		{
			push @query, "$parameter->{name}=" . escape($value);
			push @query, $query[-1] if chance(0.02);
		}
	}
	push @query, pick('x', '%', 'a=%zz', '=', 'a=%00') if chance(0.03);
	return (chance(0.1) ? '/api' : '') . $path . (@query ? '?' . join('&', @query) : '');
}

# A table as CSV: lines of the example, and others.
sub table
{
	my ($self, $example) = @_;
	my ($head, @lines) = split /\n/, $example;

	push @lines, 'x@y', '"a,b",c', '"', '"a""b"x', ',,,,', '=1+1', "a\tb";
	return join(pick("\n", "\r\n"), chance(0.9) ? $head : pick('email,email', 'name', ''), map { pick(@lines) } 1 .. int rand 8);
}

# An object as the description has it, or one of the documents.
sub object
{
	my ($self, $schema) = @_;

	return $json->encode(exists $schema->{properties} || !$self->{documents} ? $self->value($schema, 'body') : pick(@{ $self->{documents} }));
}

# The body of a request, sometimes broken.
sub body
{
	my ($self, $content) = @_;
	my $text = $content->{'text/csv'} ? $self->table($content->{'text/csv'}{example}) : $self->object($content->{'application/json'}{schema});

	substr($text, int rand length $text, 1) = chr int rand 256 if chance(0.05);
	$text = substr($text, 0, int rand length $text) if chance(0.02);
	return $text;
}

# The next request: method, target, headers, body, operation.
sub request
{
	my ($self) = @_;
	my ($method, $path, $operation) = @{ pick(@{ $self->{operations} }) };
	my %headers;
	my $token = pick(map { $self->{tokens}{$_} } sort keys %{ $self->{tokens} });
	my $body;

	$token = $self->{tokens}{ $operation->{'x-tier'} } // $token if chance(0.8);
	$headers{Authorization} = "Bearer $token" if defined $token && chance(0.97);
	$headers{'Idempotency-Key'} = pick('k1', 'k2', 'k' . int(rand 1e6), 'x' x 256, ' ') if chance(0.1);
	$headers{'X-Request-Id'} = pick('abc', 'a b', 'x' x 70) if chance(0.1);
	if ($operation->{requestBody})
	{
		$headers{'Content-Type'} = chance(0.98) ? (exists $operation->{requestBody}{content}{'text/csv'} ? 'text/csv' : 'application/json') : pick('text/plain', 'application/zip', '');
		$body = $self->body($operation->{requestBody}{content});
	}
	utf8::encode($_) for grep { utf8::is_utf8($_) } values %headers;
	return { method => $method, target => $self->target($path, $operation), headers => \%headers, body => $body, operation => $operation, path => $path };
}

# What is wrong with the answer to a request.
sub violations
{
	my ($self, $request, $status, $headers, $raw) = @_;
	my $decoded = eval { $json->decode($raw) };

	return "status $status" if $status >= 500 && $request->{path} ne '/ready';
	return 'no request id' unless $headers->{'x-request-id'};
	return $self->{schema}->response_violations($request->{operation}, $status, $decoded, $headers->{'content-type'});
}

1;
