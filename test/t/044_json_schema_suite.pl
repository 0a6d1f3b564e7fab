# The JSON Schema test suite of Debian's package json-schema-test-suite: all that it requires of draft-07,
# with the documents of its folder remotes/ handed in.

use strict;
use warnings;

use File::Find;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;

my $suite = '/usr/share/json-schema-test-suite';
plan skip_all => "$suite is not there: install Debian's package json-schema-test-suite" unless -d $suite;

my $node = Edurange::Cluster->new_ready('suite');
my $json = JSON::PP->new->utf8->canonical;
my %remotes;

# The texts stay as they are: reading the numbers in Perl would change them.
File::Find::find(
	sub {
		return unless /\.json$/;
		my $uri = $File::Find::name =~ s{^\Q$suite\E/remotes/}{http://localhost:1234/}r;
		$remotes{$uri} = slurp_file($File::Find::name);
	},
	"$suite/remotes");
my $remotes = '{' . join(',', map { $json->allow_nonref->encode($_) . ":$remotes{$_}" } sort keys %remotes) . '}';

$node->safe_psql('edurange', q{
	CREATE TABLE suite (file text, tests json);
	CREATE TABLE remotes (remotes jsonb);
	CREATE FUNCTION judge(schema jsonb, document jsonb, formats boolean) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
	  RETURN CASE WHEN EXISTS (SELECT FROM edurange.json_schema_validate(schema, document, (SELECT r.remotes FROM remotes r), formats))
	    THEN 'false' ELSE 'true' END;
	EXCEPTION WHEN OTHERS THEN
	  RETURN sqlstate || ': ' || sqlerrm;
	END $$});
my @files = map { s{^\Q$suite\E/tests/draft7/}{}r } glob("$suite/tests/draft7/*.json $suite/tests/draft7/optional/*.json $suite/tests/draft7/optional/format/*.json");
my $quote = sub { (my $text = shift) =~ s/'/''/g; "'$text'" };
$node->safe_psql('edurange', join('', "INSERT INTO remotes VALUES (@{[ $quote->($remotes) ]});\n",
	map { sprintf("INSERT INTO suite VALUES (%s, %s);\n", $quote->($_), $quote->(slurp_file("$suite/tests/draft7/$_"))) } @files));

# The cases of some files: file, where in it, what should be, what is.
sub run_files
{
	my ($which, $formats) = @_;
	my $rows = $node->safe_psql('edurange', qq{
		SELECT s.file || ': ' || replace(g ->> 'description', E'\\n', ' ') || ': ' || replace(t ->> 'description', E'\\n', ' '),
		  t ->> 'valid', judge((g -> 'schema')::jsonb, (t -> 'data')::jsonb, $formats)
		FROM suite s, json_array_elements(s.tests) g, json_array_elements(g -> 'tests') t
		WHERE s.file $which ORDER BY 1}, extra_params => [ '-F', "\t" ]);
	return map { [ split /\t/ ] } split /\n/, $rows;
}

my @required = run_files(q{NOT LIKE '%/%'}, 'false');
cmp_ok(scalar @required, '>=', 400, 'the suite is all there');
is($_->[2], $_->[1], $_->[0]) for @required;
my $passed = grep { $_->[2] eq $_->[1] } @required;
note "required: $passed of " . @required . ' passed';

# What the standard leaves open is counted, not asserted: content is an annotation here, and not all formats
# are known.
for my $optional ([ 'optional', q{LIKE 'optional/%' AND s.file NOT LIKE '%/format/%'}, 'false' ],
	[ 'formats, when asked for', q{LIKE 'optional/format/%'}, 'true' ])
{
	my ($name, $which, $formats) = @$optional;
	my @cases = run_files($which, $formats);
	note "$name: " . (grep { $_->[2] eq $_->[1] } @cases) . ' of ' . @cases . ' passed';
	is(scalar(grep { $_->[2] !~ /^(true|false)$/ } @cases), 0, "$name: every case has an answer");
}

done_testing();
