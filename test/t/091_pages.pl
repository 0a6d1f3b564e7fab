# The pages that the shim serves, looked at in Chromium: by mouse, keyboard and finger, in windows of a phone and of a
# projector, light and dark.  What is looked at stands in test/pages/.

use strict;
use warnings;

use Cwd qw(abs_path);
use Digest::SHA qw(sha256_base64);
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

# Runs a file of test/pages/, does what it asks for, and takes over what it says.
sub look
{
	my ($name, $url, %can) = @_;
	my ($in, $out, $planned) = ('', '');

	local $ENV{CHROMIUM} = $browser;
	my $run = IPC::Run::start([ 'node', "$files/$name.mjs", $url ], '<', \$in, '>', \$out, '2>&1', my $timeout = IPC::Run::timeout(300));
	my $going = 1;
	while ($going || $out =~ /\n/)
	{
		$going &&= $run->pumpable && eval { $run->pump; 1 };
		while ($out =~ s/^(.*)\n//)
		{
			my $line = $1;
			if ($line =~ /^(not )?ok \d+ - (.*)/) { ok(!$1, "$name: $2"); }
			elsif ($line =~ /^1\.\.(\d+)$/) { $planned = $1; }
			elsif ($line =~ /^do (\w+)$/) { $can{$1}->(); $in .= "done\n"; }
			else { diag $line; }
		}
	}
	ok(eval { $run->finish }, "$name: looked at to its end");
	ok($planned, "$name: all that it looks at");
	return;
}

my $node = Edurange::Cluster->new_ready('pages');
my $shim = Edurange::Shim->start($node);
look('docs', $shim->url);

# ---- boards: a small one, one of names that somebody thought of, one of many, and one for its members ----------
$ENV{EDURANGE_SERVICE_TOKEN} = $shim->make_token('service');
$ENV{EDURANGE_PLAYER_TOKEN} = $shim->make_token('player');
$node->safe_psql(
	'edurange', q{
	INSERT INTO "User" (id, email, name) VALUES ('ann', 'ann', 'Ann'), ('bo', 'bo', 'Bo'), ('cy', 'cy', 'Cy'), ('dee', 'dee', 'Dee');
	INSERT INTO "CompetitionGroup" (id, name, "startDate", "endDate") SELECT g, 'A ' || g || ' one', now() - interval '1 hour', now() + interval '2 days'
	FROM unnest(ARRAY['small', 'names', 'many', 'closed']) g;
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('small', 'ann'), ('small', 'bo'), ('small', 'cy'), ('closed', 'dee');
	SELECT edurange.cdf_import(format('{"metadata": {"id": "c%s", "name": "%s", "version": "1", "challenge_type": "web"}, "components": [
		{"type": "question", "id": "q", "config": {"type": "text", "text": "?", "points": %s, "answer": "a"}}]}', n, (ARRAY['First', 'Second'])[n], n * 10))
	FROM unnest(ARRAY[1, 2]) n;
	UPDATE "ChallengeQuestion" SET id = 'q' || substr("challengeId", 2) WHERE "challengeId" IN ('c1', 'c2');
	INSERT INTO "GroupChallenge" (id, points, "challengeId", "groupId", "createdAt") SELECT g || '-' || n, n * 10, 'c' || n, g, now() + n * interval '1 second'
	FROM unnest(ARRAY[1, 2]) n, unnest(ARRAY['small', 'names', 'many', 'closed']) g;
	INSERT INTO "User" (id, email, name) SELECT 'n' || n, 'n' || n, name FROM unnest(ARRAY['<img src=x onerror="hacked=1">', '<b>&amp;</b>',
		E'\\U0001F469\\u200D\\U0001F4BB\\U0001F3F4\\u200D\\u2620\\uFE0F', E'\\u05E9\\u05DC\\u05D5\\u05DD \\u202Eevil', repeat('W', 200), repeat(E'a\\u0301\\u0323\\u0489', 50), '   ', NULL])
		WITH ORDINALITY AS t (name, n);
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'names', 'n' || n FROM generate_series(1, 8) n;
	SELECT edurange.add_points('n' || n, 'names', n::integer * 10) FROM generate_series(1, 8) n;
	INSERT INTO "User" (id, email, name) SELECT 'm' || n, 'm' || n, 'Student ' || n FROM generate_series(1, 5000) n;
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'many', 'm' || n FROM generate_series(1, 5000) n;
	SELECT count(edurange.add_points('m' || n, 'many', 5000 - n::integer)) FROM generate_series(1, 300) n;
	SELECT edurange.set_board_policy(g, 'public') FROM unnest(ARRAY['small', 'names', 'many']) g;
});
my ($status, undef, $headers, $raw) = $shim->get('/board/small');
is($status, 200, 'the page of a board, without a token');
like($headers->{'content-type'}, qr{^text/html; charset=utf-8}, 'as HTML');
my @inside = $raw =~ m{<(?:style|script)>(.*?)</(?:style|script)>}sg;
is_deeply([ sort $headers->{'content-security-policy'} =~ /'sha256-([^']+)'/g ], [ sort map { sha256_base64($_) . '=' } @inside ], 'its style and its script may run, and no other');
is($headers->{'content-security-policy'} =~ s/ 'sha256-[^']+'//gr,
	"default-src 'none'; style-src; script-src; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; connect-src 'self'", 'and it may ask this service alone');
is(($shim->get('/board/no-such-competition'))[3], $raw, 'it is the same whatever there is');
look('board', $shim->url, restart => sub { $shim->kill9; sleep 1; $shim->launch; });
is($shim->stop, 0, 'stopped');

done_testing();
