# The pages that the shim serves, looked at in Chromium: by mouse, keyboard and finger, in windows of a phone and of a
# projector, light and dark.  What is looked at stands in test/pages/.

use strict;
use warnings;

use Cwd qw(abs_path);
use FindBin;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

use Edurange::Cluster;
use Edurange::Shim;

my $files = abs_path("$FindBin::RealBin/../pages");
my ($browser) = grep { -x } map { ("/usr/bin/$_") } qw(chromium chromium-headless-shell);

plan skip_all => 'there is no Chromium here' unless $browser;
plan skip_all => 'the npm package that drives it could not be had' unless -d "$files/node_modules";

# Runs a file of test/pages/ and takes over what it says.
sub look
{
	my ($name, @arguments) = @_;
	my $out = '';
	my $planned;

	local $ENV{CHROMIUM} = $browser;
	IPC::Run::run([ 'node', "$files/$name.mjs", @arguments ], '<', \'', '>', \$out, '2>&1', IPC::Run::timeout(240));
	is($?, 0, "$name: looked at to its end");
	for my $line (split /\n/, $out)
	{
		if ($line =~ /^(not )?ok \d+ - (.*)/) { ok(!$1, "$name: $2"); }
		elsif ($line =~ /^1\.\.(\d+)$/) { $planned = $1; }
		else { diag $line; }
	}
	ok($planned, "$name: all that it looks at");
	return;
}

my $node = Edurange::Cluster->new_ready('pages');
my $shim = Edurange::Shim->start($node);
look('docs', $shim->url);
is($shim->stop, 0, 'stopped');

done_testing();
