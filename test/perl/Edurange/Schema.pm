# Checks values against the JSON Schemas of the OpenAPI document, as far as the document uses them:
# type, properties, required, additionalProperties, items, enum, pattern, minimum, maximum, minLength,
# anyOf, allOf and $ref.  A keyword that it does not know ends the test, so that nothing is taken for
# checked that was not.
#
#   my $schema = Edurange::Schema->new($document);
#   my @violations = $schema->violations($value, $document->{...}{schema});
#
# It also remembers which members of objects were null, so that a test can tell what the document calls
# nullable for no reason:
#
#   my @members = $schema->never_null;

package Edurange::Schema;

use strict;
use warnings;

use B ();
use Carp;
use JSON::PP ();
use Scalar::Util qw(refaddr);

my %ignored = map { $_ => 1 } qw(description format example title);

sub new
{
	my ($class, $document) = @_;

	return bless { document => $document }, $class;
}

# The node that a local reference points to.
sub resolve
{
	my ($self, $reference) = @_;
	my $node = $self->{document};

	$reference =~ s,^#/,, or croak "not a local reference: $reference";
	for my $step (split m{/}, $reference)
	{
		$step =~ s,~1,/,g;
		$node = $node->{$step} // croak "nothing is at #/$reference";
	}
	return $node;
}

# The JSON type of a decoded value; "integer" for a whole number.
sub type_of
{
	my ($value) = @_;

	return 'null' unless defined $value;
	return 'object' if ref $value eq 'HASH';
	return 'array' if ref $value eq 'ARRAY';
	return 'boolean' if JSON::PP::is_bool($value);
	return 'number' if ref $value;
	my $flags = B::svref_2object(\$value)->FLAGS;
	return 'string' if $flags & B::SVp_POK;
	return $value == int($value) ? 'integer' : 'number';
}

sub _has_type
{
	my ($value, $wanted) = @_;
	my $type = type_of($value);

	return $type eq $wanted || ($wanted eq 'number' && $type eq 'integer');
}

my %check = (
	type => sub {
		my ($self, $value, $wanted, $at) = @_;
		my @types = ref $wanted ? @$wanted : $wanted;
		return (grep { _has_type($value, $_) } @types) ? () : "$at is " . type_of($value) . ", not @types";
	},
	properties => sub {
		my ($self, $value, $properties, $at) = @_;
		return () unless ref $value eq 'HASH';
		my @members = grep { exists $value->{$_} } sort keys %$properties;
		$self->{null}{ refaddr $properties->{$_} } = 1 for grep { !defined $value->{$_} } @members;
		return map { $self->violations($value->{$_}, $properties->{$_}, "$at/$_") } @members;
	},
	required => sub {
		my ($self, $value, $required, $at) = @_;
		return () unless ref $value eq 'HASH';
		return map { "$at lacks $_" } grep { !exists $value->{$_} } @$required;
	},
	additionalProperties => sub {
		my ($self, $value, $allowed, $at, $schema) = @_;
		return () if $allowed || ref $value ne 'HASH';
		return map { "$at has $_" } grep { !exists $schema->{properties}{$_} } sort keys %$value;
	},
	items => sub {
		my ($self, $value, $items, $at) = @_;
		return () unless ref $value eq 'ARRAY';
		return map { $self->violations($value->[$_], $items, "$at/$_") } 0 .. $#$value;
	},
	enum => sub {
		my ($self, $value, $values, $at) = @_;
		return (grep { defined $value && $_ eq $value } @$values) ? () : "$at is none of @$values: " . ($value // 'null');
	},
	pattern => sub {
		my ($self, $value, $pattern, $at) = @_;
		return type_of($value) ne 'string' || $value =~ /$pattern/ ? () : "$at does not match $pattern: $value";
	},
	minimum => sub {
		my ($self, $value, $least, $at) = @_;
		return !_has_type($value, 'number') || $value >= $least ? () : "$at is less than $least";
	},
	maximum => sub {
		my ($self, $value, $most, $at) = @_;
		return !_has_type($value, 'number') || $value <= $most ? () : "$at is more than $most";
	},
	minLength => sub {
		my ($self, $value, $least, $at) = @_;
		return type_of($value) ne 'string' || length($value) >= $least ? () : "$at is shorter than $least";
	},
	anyOf => sub {
		my ($self, $value, $schemas, $at) = @_;
		return (grep { !$self->violations($value, $_, $at) } @$schemas) ? () : "$at matches no alternative";
	},
	allOf => sub {
		my ($self, $value, $schemas, $at) = @_;
		return map { $self->violations($value, $_, $at) } @$schemas;
	},
	'$ref' => sub {
		my ($self, $value, $reference, $at) = @_;
		return $self->violations($value, $self->resolve($reference), $at);
	});

# What is wrong with a value, one text for each place.
sub violations
{
	my ($self, $value, $schema, $at) = @_;

	return map {
		my $keyword = $_;
		my $checker = $check{$keyword} // ($ignored{$keyword} ? sub { () } : croak "unknown keyword $keyword");
		$checker->($self, $value, $schema->{$keyword}, $at // '', $schema);
	} sort keys %$schema;
}

# What is wrong with a response of an operation: its status, media type, code or body.  HEAD and 204
# have no body.
sub response_violations
{
	my ($self, $operation, $status, $body, $type) = @_;
	my $response = $operation->{responses}{$status} // return "status $status is not documented";
	my $content = $response->{content} // return ();
	my ($media) = keys %$content;

	return "media type $type is not $media" if index($type // '', $media) != 0;
	return () if $media !~ m{^application/json};
	return 'the body is not JSON' unless defined $body;
	return $self->violations($body, $content->{$media}{schema}, 'body');
}

# The members of objects below a node that may be null and were not in any value so far, by their places.
sub never_null
{
	my ($self, $node, $at) = @_;

	($node, $at) = ($self->{document}, '#') if @_ == 1;
	return map { $self->never_null($node->[$_], "$at/$_") } 0 .. $#$node if ref $node eq 'ARRAY';
	return () unless ref $node eq 'HASH';
	my $properties = ref $node->{properties} eq 'HASH' ? $node->{properties} : {};
	my @never = grep {
		my $schema = $properties->{$_};
		my @types = map { ref $_->{type} ? @{ $_->{type} } : $_->{type} // () } $schema, @{ $schema->{anyOf} // [] };
		(grep { $_ eq 'null' } @types) && !$self->{null}{ refaddr $schema };
	} sort keys %$properties;
	return ((map { "$at/$_" } @never), map { $self->never_null($node->{$_}, "$at/$_") } grep { $_ ne 'example' } sort keys %$node);
}

1;
