# What users of other extensions type: make installcheck, make uninstall, the end of make install; and META.json.

use strict;
use warnings;

use FindBin;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;

my $tmp = PostgreSQL::Test::Utils::tempdir();
my $top = "$FindBin::RealBin/../..";
my $make = $ENV{MAKE} || 'make';

# A copy that may be written to, of what these targets need.
mkdir "$tmp/$_" for 'src', 'src/test', 'src/shim', 'src/syncworker';
for my $part (qw(Makefile edurange.control sql expected schema deploy extension shim/Makefile syncworker/Makefile test/isolation test/installcheck.sh))
{
	system_or_bail('cp', '-R', "$top/$part", "$tmp/src/$part");
}

sub make
{
	my (@arguments) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ $make, '-C', "$tmp/src", '--no-print-directory', @arguments ], '<', \undef, '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

# ---- without PostgreSQL --------------------------------------------------------------------------
for my $target ('', 'install')
{
	my ($status, undef, $err) = make('PG_CONFIG=/nonexistent', $target ? $target : ());
	isnt($status, 0, "make $target without PostgreSQL");
	like($err, qr{\Amake \w+: no PostgreSQL server headers .*deploy/install-deps\.sh}, 'says what to do, and nothing else before');
}

# ---- META.json -----------------------------------------------------------------------------------
# As https://pgxn.org/spec/ 1.0.0 has it.
my $meta = decode_json(slurp_file("$top/META.json"));
my ($version) = slurp_file("$top/edurange.control") =~ /^default_version = '(.*)'/m;
my $semver = qr/^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)([a-z][a-z0-9-]*)?$/i;
my %known = map { $_ => 1 } qw(name version abstract maintainer license provides meta-spec description generated_by no_index prereqs
	release_status resources tags);
is_deeply([ grep { !$known{$_} && !/^x_/i } sort keys %$meta ], [], 'META.json has no other keys than there are');
is_deeply([ grep { !$meta->{$_} } qw(name version abstract maintainer license provides meta-spec) ], [], 'it has what it must have');
like($meta->{name}, qr/^[^\s\/\\\0-\x1f\x7f]{2,}$/, 'the name');
like($meta->{version}, $semver, 'the version is a semantic one');
is($meta->{version}, $version, 'and that of the extension');
is_deeply($meta->{'meta-spec'}, { version => '1.0.0', url => 'https://pgxn.org/meta/spec.txt' }, 'meta-spec');
like($meta->{license}, qr/^(agpl_3|apache_2_0|artistic_2|bsd|gpl_[123]|lgpl_2_1|lgpl_3_0|mit|mozilla_1_[01]|postgresql|unrestricted)$/, 'the license');
like($meta->{release_status}, qr/^(stable|testing|unstable)$/, 'the release status');
is_deeply([ sort keys %{ $meta->{provides} } ], ['edurange'], 'what it provides');
for my $extension (values %{ $meta->{provides} })
{
	is_deeply([ grep { !/^(abstract|file|docfile|version)$/ } keys %$extension ], [], 'an extension has no other keys');
	is($extension->{version}, $version, 'its version');
	ok(-f "$top/$extension->{$_}", "its $_") for qw(file docfile);
}
like($_, $semver, 'a version that is needed') for values %{ $meta->{prereqs}{runtime}{requires} };
is_deeply([ grep { ref || length > 255 || m{[/\\\0-\x1f\x7f]} } @{ $meta->{tags} } ], [], 'tags');

# ---- installing and uninstalling -----------------------------------------------------------------
my $stage = "$tmp/stage";
system_or_bail('cp', '-R', $ENV{EDURANGE_STAGE}, $stage);
sub files { return sort map { s/^\Q$stage\E//r } split(/\n/, `find '$stage' -type f`); }
my @installed = grep { /edurange/ && !/simulator|instance_manager|_plain$/ } files();
cmp_ok(scalar @installed, '>=', 7, 'library, worker, shim, control file and scripts were installed');
my ($status, $out, $err) = make('uninstall', "DESTDIR=$stage", 'SHIM_BINDIR=/usr/local/bin');
is($status, 0, 'make uninstall') or diag $out, $err;
my %left = map { $_ => 1 } files();
is_deeply([ grep { $left{$_} } @installed ], [], 'removes all of it');
# (no make that this one calls does anything)
my @only = qw(-s -o all MAKE=true install);
like((make(@only))[1], qr/^installed; what follows:.*shared_preload_libraries = 'edurange'.*CREATE EXTENSION edurange; SELECT \* FROM edurange\.migrate\(\);\n.*roles\.sql[^\n]*\n\z/s,
	'make install ends with the steps that follow');
is((make(@only, "DESTDIR=$tmp/x"))[1], '', 'but not for a package');

# ---- installcheck --------------------------------------------------------------------------------
my $node = Edurange::Cluster->new_staged('pgxs');
# (with a worker, which most servers have, though not for the databases of the tests)
$node->append_conf('postgresql.conf', "edurange.database = 'edurange'");
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE boss SUPERUSER LOGIN; CREATE ROLE nobody LOGIN');
# EDURANGE_INSTALLCHECK=all runs all that it runs for a user, once.
my @few = ('REGRESS=install points document_check health board sync_transitions', 'ISOLATION=install points');
{
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGUSER => 'boss');
	delete @ENV{qw(PGDATABASE PGHOSTADDR)};
	my $differences = sub { map { -f && slurp_file($_) } map { "$tmp/src/build/installcheck/${_}regression.diffs" } '', 'isolation/', 'isolation/output_iso/' };
	my $all = $ENV{EDURANGE_LONG} || $ENV{EDURANGE_INSTALLCHECK};
	($status, $out, $err) = make('-s', 'installcheck', $all ? () : @few);
	is($status, 0, 'make installcheck, as a superuser of another name') or diag $out, $err, $differences->();
	my @passed = $out =~ /All (\d+) tests passed/g;
	is_deeply([ map { $_ > 14 ? 'all' : $_ } @passed ], $all ? [ 'all', 'all' ] : [ 6, 2 ], 'runs both suites');
	($status, $out, $err) = make('-s', 'installcheck', @few);
	is($status, 0, 'and again, where roles and databases are there') or diag $out, $err, $differences->();

	$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
	$node->restart;
	($status, $out, $err) = make('-s', 'installcheck', @few);
	isnt($status, 0, 'where the library is not preloaded it fails');
	like($err, qr/the library is not preloaded: shared_preload_libraries = 'edurange' in postgresql\.conf, and a restart$/m, 'and says so');
	local $ENV{PGUSER} = 'nobody';
	($status, $out, $err) = make('-s', 'installcheck', @few);
	like($err, qr/"nobody" is no superuser/, 'as it says whom it needs');
	$node->stop;
	($status, $out, $err) = make('-s', 'installcheck', @few);
	isnt($status, 0, 'without a server it fails');
	like($err, qr/PGHOST, PGPORT and PGUSER say which one/, 'and says which one it looks for');
}

done_testing();
