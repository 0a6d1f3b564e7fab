# The rules that test/gates.pl and docs/generate.pl check hold, and breaking one is found.

use strict;
use warnings;

use File::Path qw(make_path);
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $source = "$ENV{TESTDIR}/../../src";
my $copy = PostgreSQL::Test::Utils::tempdir();

system_or_bail('cp', '-R', (map { "$source/$_" } qw(extension shim syncworker schema docs deploy expected edurange.control)), $copy);

# What gates.pl says of the copy.
sub findings
{
	my $out = '';

	IPC::Run::run([ 'perl', "$source/test/gates.pl", $copy ], '>', \$out, '2>&1');
	return $out;
}

# Findings after one file of the copy was changed, which is undone.
sub after
{
	my ($path, $change) = @_;
	my $text = slurp_file("$copy/$path");
	my $wrong = $text;

	$change->() for $wrong;
	isnt($wrong, $text, "$path: the change changes something");
	unlink("$copy/$path");
	append_to_file("$copy/$path", $wrong);
	my $out = findings();
	unlink("$copy/$path");
	append_to_file("$copy/$path", $text);
	return $out;
}

is(findings(), '', 'nothing is found');
is(system('perl', "$source/docs/generate.pl", '--check'), 0, 'the pages that are made are up to date');
like(after('extension/game/points.c', sub { s/\z/const char *stray = "SELECT 1 FROM x";\n/ }),
	qr/^extension\/game\/points\.c:\d+: SQL outside/, 'SQL outside of a statement table');
like(after("shim/$_", sub { s/\z/const char *stray = "SELECT 1 FROM x";\n/ }), qr/^shim\/\Q$_\E:\d+: SQL outside/,
	"SQL in shim/$_ outside of its statement table")
  for qw(database/statements.c api/routes.c);
like(after('docs/http-api.md', sub { s/### `POST \/add_points` \(service\)/### `POST \/add_points` (player)/ }),
	qr/no ### `POST \/add_points` \(service\)/, 'a route with a wrong tier in the docs');
like(after('schema/extension/90_grants.sql', sub { s/edurange\.add_points, // }), qr/POST \/add_points calls edurange\.add_points, which nobody/,
	'a route to a function that is not granted');
like(after('docs/settings.md', sub { s/`edurange\.sync_interval`/``/g }), qr/lacks edurange\.sync_interval/, 'a setting that is not documented');
like(after('deploy/grafana/edurange.json', sub { s/edurange_sync_lag_seconds/edurange_sync_lag/ }), qr/names the metric edurange_sync_lag,/,
	'a metric that does not exist');

done_testing();
