# The OpenAPI document: it has every route, contradicts neither itself nor the tables it is made
# from, and the page made of it needs nothing from elsewhere.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;
use Edurange::Schema;
use Edurange::Shim;

my $node = Edurange::Cluster->new_ready('openapi');
my $shim = Edurange::Shim->start($node);
my ($status, $document, $headers, $raw) = $shim->get('/openapi.json');

is($status, 200, 'it is there without a token');
like($headers->{'content-type'}, qr{^application/json}, 'as JSON');
like($document->{openapi}, qr/^3\.1\./, 'version 3.1');
my $schema = Edurange::Schema->new($document);
my %routes = Edurange::Shim->routes;
my %described = map { my $path = $_; map { (uc($_) . " $path" => $document->{paths}{$path}{$_}) } keys %{ $document->{paths}{$path} } }
  keys %{ $document->{paths} };
is_deeply([ sort keys %described ], [ sort keys %routes ], 'every route is in it, and no other');

# ---- references resolve ------------------------------------------------------------------------
sub references
{
	my ($node) = @_;

	return map { references($_) } @$node if ref $node eq 'ARRAY';
	return () unless ref $node eq 'HASH';
	return map { $_ eq '$ref' ? $node->{$_} : references($node->{$_}) } keys %$node;
}

# The schemas of members "code" below a node.
sub codes_of
{
	my ($node) = @_;

	return map { codes_of($_) } @$node if ref $node eq 'ARRAY';
	return () unless ref $node eq 'HASH';
	return map { $_ eq 'code' && ref $node->{$_} eq 'HASH' ? $node->{$_} : codes_of($node->{$_}) } keys %$node;
}
my %seen;
for my $reference (grep { !$seen{$_}++ } references($document))
{
	ok(ref $schema->resolve($reference), "$reference is there");
}

# ---- each operation ----------------------------------------------------------------------------
my $errors = slurp_file("$ENV{TESTDIR}/../../src/extension/base/errors.h") =~ s/\\\n//gr;
my %status_of = $errors =~ /X\(\w+, "(\w+)", "\w+", (\d+),/g;
my %operation_ids;
for my $route (sort keys %described)
{
	my $operation = $described{$route};
	my ($method, $path) = split / /, $route;

	is($operation->{'x-tier'}, $routes{$route}, "$route: its tier");
	# (where a board is public none is needed, otherwise one is)
	is_deeply($operation->{security}, $route =~ m{/(?:board-)?events$} ? [ {}, { token => [] } ] : $routes{$route} eq 'none' ? [] : [ { token => [] } ],
		"$route: a token where it needs one");
	ok(!$operation_ids{ $operation->{operationId} }++, "$route: an id of its own");
	is_deeply([ sort map { $_->{name} } grep { ($_->{in} // '') eq 'path' && $_->{required} } @{ $operation->{parameters} } ],
		[ sort $path =~ /\{(\w+)\}/g ], "$route: parameters of the path");
	for my $parameter (grep { $_->{name} } @{ $operation->{parameters} })
	{
		is_deeply([ $schema->violations($parameter->{example}, $parameter->{schema}) ], [], "$route: example of $parameter->{name}");
	}
	if (my $body = $operation->{requestBody})
	{
		my ($media) = grep { exists $_->{example} } values %{ $body->{content} };
		is_deeply([ $schema->violations($media->{example}, $media->{schema}) ], [], "$route: example of the body");
	}
	my @away = grep { $_->{enum} } codes_of($operation->{responses}{503});
	is((scalar grep { $_ eq 'read_only' } map { @{ $_->{enum} } } @away) ? 1 : 0, $path =~ m{/events$} || $method ne 'GET' && $path ne '/cdf/validate' ? 1 : 0,
		"$route: a server that takes no writes, where it matters");
	for my $code (sort keys %{ $operation->{responses} })
	{
		my $has = $operation->{responses}{$code}{headers};
		my %want = map { $_ => 1 } 'X-Request-Id', ($code == 503 || $code == 429 ? 'Retry-After' : ()),
		  ($code =~ /200|429/ && $path eq '/question/attempt' ? map { "X-RateLimit-$_" } qw(Limit Remaining Reset) : ()),
		  ($code == 200 && $path =~ /gradebook$/ ? qw(Content-Disposition X-Warning) : ());
		is_deeply([ sort keys %$has ], [ sort keys %want ], "$route: headers of $code");
		is_deeply([ grep { !$document->{components}{headers}{ $_->{'$ref'} =~ s{^#/components/headers/}{}r } } values %$has ], [], "$route: which are described");
		my ($content) = values %{ $operation->{responses}{$code}{content} };
		is_deeply([ $schema->violations($content->{example}, $content->{schema}) ], [], "$route: example of $code")
		  if exists $content->{example};
		my ($enum) = map { $_->{properties}{code}{enum} // () } @{ $content->{schema}{allOf} // [] };
		is($status_of{$_}, $code, "$route: $_ has status $code") for @{ $enum // [] };
	}
	ok($operation->{responses}{401}, "$route: 401 is described") if $routes{$route} ne 'none';
}

# ---- the page ----------------------------------------------------------------------------------
($status, undef, $headers, $raw) = $shim->get('/docs');
is($status, 200, 'the page is there without a token');
like($headers->{'content-type'}, qr{^text/html; charset=utf-8}, 'as HTML');
like($headers->{'content-security-policy'}, qr/default-src 'none'/, 'it may load nothing');
unlike($raw, qr/<script|<link|<img|<iframe|\bsrc=|url\(|https?:|\@import/i, 'and does not try to');
for my $route (sort keys %routes)
{
	like($raw, qr/<code>\Q$route\E</, "$route is on it");
}
is($shim->stop, 0, 'stopped');

done_testing();
