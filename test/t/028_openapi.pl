# The OpenAPI document: it has every route, contradicts neither itself nor the tables it is made
# from, and the page made of it needs nothing from elsewhere.

use strict;
use warnings;

use Digest::SHA qw(sha256_base64);
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

# Names in a text that somebody has no use for who does not write SQL: functions, schemas, and names in lower case with _
# that are neither parameters, members of an answer, kinds in one, nor columns of a roster.
my %is_member = map { $_ => 1 } $raw =~ /"(\w+)":/g, $raw =~ /"name":"(\w+)"/g, qw(taken_back foreign_flag fast_solve external_id login_id);

sub sql_words
{
	my ($text) = @_;

	return ($text =~ /(\w+\(\))/g, $text =~ /(edurange\.(?!webos_compatibility\b)\w+|SQLSTATE|pg_\w+)/g,
		grep { !$is_member{$_} && $text !~ m{[/.]$_} } $text =~ /\b([a-z]+(?:_[a-z]+)+)\b/g);
}

# The examples of a body, or of each format that it can have.
sub examples_of
{
	my ($content) = @_;

	my @examples = map { $_->{value} } values %{ $content->{examples} // {} };

	push @examples, $content->{example} if exists $content->{example};
	return @examples;
}
my %is_group = map { $_->{name} => 1 } @{ $document->{tags} };

# ---- each operation ----------------------------------------------------------------------------
my $errors = slurp_file("$ENV{TESTDIR}/../../src/extension/base/errors.h") =~ s/\\\n//gr;
my %status_of = $errors =~ /X\(\w+, "(\w+)", "\w+", (\d+),/g;
my %operation_ids;
my $count = 0; # of functions in the lines of fetch
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
		is_deeply([ $schema->violations($parameter->{example}, $parameter->{schema}) ], [], "$route: example of $parameter->{name}")
		  if exists $parameter->{example};
		like($parameter->{description}, qr/^[A-Z].*\.$/, "$route: $parameter->{name} is described");
	}
	if (my $body = $operation->{requestBody})
	{
		for my $media (values %{ $body->{content} })
		{
			is_deeply([ $schema->violations($media->{example}, $media->{schema}) ], [], "$route: example of the body") if exists $media->{example};
			my $properties = $media->{schema}{properties} // {};
			like($properties->{$_}{description}, qr/^[A-Z].*\.$/, "$route: $_ is described") for sort keys %$properties;
		}
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
		for my $content (values %{ $operation->{responses}{$code}{content} })
		{
			is_deeply([ $schema->violations($_, $content->{schema}) ], [], "$route: example of $code") for examples_of($content);
			my ($enum) = map { $_->{properties}{code}{enum} // () } @{ $content->{schema}{allOf} // [] };
			is($status_of{$_}, $code, "$route: $_ has status $code") for @{ $enum // [] };
		}
	}
	is((scalar grep { !examples_of($_) } values %{ $operation->{responses}{200}{content} }), 0, "$route: an example of its answer");
	is_deeply([ map { $_->{label} } @{ $operation->{'x-codeSamples'} } ], [qw(curl fetch)], "$route: as somebody would type it");
	is_deeply([ grep { !$is_group{$_} } @{ $operation->{tags} } ], [], "$route: its group");
	is_deeply([ sql_words("$operation->{summary} $operation->{description}") ], [], "$route: in words of HTTP");
	ok($operation->{responses}{401}, "$route: 401 is described") if $routes{$route} ne 'none';
}

# ---- the page ----------------------------------------------------------------------------------
($status, undef, $headers, $raw) = $shim->get('/docs');
is($status, 200, 'the page is there without a token');
like($headers->{'content-type'}, qr{^text/html; charset=utf-8}, 'as HTML');
my $policy = $headers->{'content-security-policy'};
my @inside = $raw =~ m{<(?:style|script)>(.*?)</(?:style|script)>}sg;
is(scalar @inside, 2, 'it has a style and a script of its own');
is_deeply([ sort $policy =~ /'sha256-([^']+)'/g ], [ sort map { sha256_base64($_) . '=' } @inside ], 'which may run, and no other');
is($policy =~ s/ 'sha256-[^']+'//gr, "default-src 'none'; style-src; script-src; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	'it may load nothing');
unlike($raw, qr/<script[^>]|<style[^>]|<link|<img|<iframe|\bsrc=|\bstyle="|\bon\w+="|url\(|\@import/i, 'and does not try to');
for my $route (sort keys %routes)
{
	like($raw, qr/<code>\Q$route\E</, "$route is on it");
}
unlike($raw, qr/\{\{|\bNULL\b/, 'nothing was left open');
is((() = $raw =~ /<pre [^>]*class="snippet curl"/g), scalar keys %routes, 'a line of curl for each');
is((() = $raw =~ /<pre [^>]*class="snippet fetch"/g), scalar keys %routes, 'and one of fetch');
like($described{'POST /competition/{group_id}/roster'}{'x-codeSamples'}[0]{source}, qr{-H 'Content-Type: text/csv' \\\n  --data-binary 'email,.*\n.*\n}, 'a roster as lines');
like($described{'POST /competition/{group_id}/roster'}{'x-codeSamples'}[1]{source}, qr{'Content-Type': 'text/csv'.*\n  body: "email,[^\n]*\\n[^\n]*",\n}, 'and as a text with them');
like($raw, qr/form\.append\(&#39;file&#39;|form\.append\('file'/, 'an upload as a form');

# What is shown can be typed.
my $typed = PostgreSQL::Test::Utils::tempdir();
for my $route (sort keys %described)
{
	my ($curl, $fetch) = map { $_->{source} } @{ $described{$route}{'x-codeSamples'} };
	append_to_file("$typed/all.sh", "$curl\n");
	append_to_file("$typed/all.mjs", "async function f() {\n$fetch\n}\n" =~ s/async function f/"async function f" . ++$count/er);
}
is(system('sh', '-n', "$typed/all.sh"), 0, 'the lines of curl are those of a shell');
SKIP:
{
	skip 'no node here', 1 if system('node --version >/dev/null 2>&1') != 0;
	is(system('node', '--check', "$typed/all.mjs"), 0, 'and those of fetch JavaScript');
}

# The address of the service alone leads there, below /api, too.
is(($shim->get($_))[3], $raw, "$_ is the same page") for qw(/ /api /api/ /api/docs);
is(($shim->request('POST', '/'))[0], 405, 'and takes no other method');
is($shim->stop, 0, 'stopped');

done_testing();
