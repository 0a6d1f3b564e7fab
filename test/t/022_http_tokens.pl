# Tokens and tiers: who may use which route.

use strict;
use warnings;

use HTTP::Tiny;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use Edurange::Cluster;
use Edurange::Shim;

my $node = Edurange::Cluster->new_ready('tokens');
my $shim = Edurange::Shim->start($node);
my %token = map { $_ => $shim->make_token($_) } qw(player service admin);
my %rank = (none => 0, player => 1, service => 2, admin => 3);
my ($status, $json, $headers);

# Every route with the tier that it needs, written down here again: that of the program is compared.
my %routes = (
	'GET /status' => 'none',
	'GET /live' => 'none',
	'GET /ready' => 'none',
	'GET /openapi.json' => 'none',
	'GET /docs' => 'none',
	'GET /' => 'none',
	'GET /board/{group_id}' => 'none',
	'GET /health/detailed' => 'service',
	'POST /packs/upload' => 'admin',
	'POST /challenge-pack/install' => 'admin',
	'POST /challenge-pack/update' => 'admin',
	'POST /challenge-pack/uninstall' => 'admin',
	'GET /challenge-pack/list' => 'service',
	'GET /challenge-pack/details/{pack_id}' => 'service',
	'GET /metrics' => 'service',
	'GET /get_points' => 'player',
	'POST /add_points' => 'service',
	'POST /set_points' => 'service',
	'POST /competition/create' => 'service',
	'POST /competition/generate-code' => 'service',
	'POST /competition/add-challenge' => 'service',
	'POST /users' => 'service',
	'GET /users' => 'service',
	'GET /competitions' => 'service',
	'GET /competition/{group_id}' => 'service',
	'PATCH /competition/{group_id}' => 'service',
	'DELETE /competition/{group_id}' => 'service',
	'GET /competition/{group_id}/members' => 'service',
	'DELETE /competition/{group_id}/members/{user_id}' => 'service',
	'PUT /competition/{group_id}/instructors' => 'service',
	'POST /competition/{group_id}/roster' => 'service',
	'GET /competition/{group_id}/roster' => 'service',
	'GET /competition/{group_id}/access-codes' => 'service',
	'DELETE /competition/{group_id}/access-codes/{code}' => 'service',
	'DELETE /competition/{group_id}/challenges/{group_challenge_id}' => 'service',
	'PATCH /competition/{group_id}/challenges/{group_challenge_id}' => 'service',
	'POST /competition/{group_id}/reset' => 'service',
	'PUT /competition/{group_id}/participation/{user_id}' => 'service',
	'GET /competition/{group_id}/participation' => 'service',
	'GET /competition/{group_id}/gradebook' => 'service',
	'GET /competition/{group_id}/statistics' => 'service',
	'GET /competition/{group_id}/timeline' => 'service',
	'GET /competition/{group_id}/integrity' => 'service',
	'POST /competition/{group_id}/questions/{question_id}/rejudge' => 'service',
	'POST /competition/{group_id}/questions/{question_id}/accept-answer' => 'service',
	'POST /competition/{group_id}/questions/{question_id}/reprice' => 'service',
	'POST /competition/{group_id}/questions/{question_id}/grade' => 'service',
	'POST /competition/{group_id}/questions/{question_id}/void' => 'service',
	'GET /competition/{group_id}/changes' => 'service',
	'GET /competition/{group_id}/changes/{change_id}' => 'service',
	'POST /competition/{group_id}/changes/{change_id}/undo' => 'service',
	'GET /competition/{group_id}/attempts' => 'player',
	'GET /activity' => 'service',
	'GET /competition/{group_id}/points-history/{user_id}' => 'service',
	'GET /competition/{group_id}/instances' => 'service',
	'POST /competition/join' => 'player',
	'POST /competition/complete-challenge' => 'player',
	'GET /competition/{group_id}/leaderboard' => 'player',
	'GET /competition/{group_id}/progress/{user_id}' => 'player',
	'PUT /competition/{group_id}/board-policy' => 'service',
	'GET /competition/{group_id}/board-policy' => 'service',
	'GET /competition/{group_id}/board-events' => 'none',
	'GET /competition/{group_id}/events' => 'none',
	'POST /question/attempt' => 'player',
	'POST /question/complete' => 'player',
	'GET /question/completed' => 'player',
	'GET /question/details' => 'player',
	'GET /challenge/details' => 'player',
	'GET /challenge/list' => 'player',
	'GET /challenges' => 'player',
	'POST /cdf/update/{challenge_id}' => 'admin',
	'GET /cdf/export/{challenge_id}' => 'admin',
	'GET /get_challenge_instance' => 'player',
	'PATCH /challenge-instances/{instance_id}' => 'service',
	'POST /activity/log' => 'player',
	'GET /schema' => 'player',
	'POST /cdf/validate' => 'service',
	'POST /cdf/import' => 'admin');

is_deeply({ Edurange::Shim->routes }, \%routes, 'every route is in this table, with its tier');

# A request without any parameter: whoever may use the route is told so by something else.
sub ask
{
	my ($shim, $route, $token) = @_;
	my ($method, $path) = split(/ /, $route);

	$path =~ s/\{\w+\}/x/g;
	return $shim->get($path, $token) if $method eq 'GET';
	return $shim->request($method, $path, token => $token, body => '{}',
		headers => { 'Content-Type' => 'application/json' });
}

for my $route (sort keys %routes)
{
	my $needed = $routes{$route};

	for my $tier (qw(none player service admin))
	{
		($status, $json, $headers) = ask($shim, $route, $token{$tier});
		my $want = $rank{$tier} >= $rank{$needed} ? 0 : $tier eq 'none' ? 401 : 403;
		if ($want == 0)
		{
			ok($status != 401 && $status != 403, "$route: $tier may ($status)");
			next;
		}
		is($status, $want, "$route: $tier may not");
		is($json->{code}, $want == 401 ? 'unauthenticated' : 'forbidden', "$route: $tier: code");
		is($headers->{'www-authenticate'}, $want == 401 ? 'Bearer' : undef, "$route: $tier: header");
	}
}

# ---- tokens that are none ----------------------------------------------------------------------
my $good = $token{player};
my $revoked = $shim->make_token('admin');
$node->safe_psql('edurange',
	qq{SELECT edurange.revoke_token(id) FROM edurange.authenticate_token(sha256('$revoked'))});
my $expired = $node->safe_psql('edurange',
	q{SELECT token FROM edurange.create_token('admin', 'short', clock_timestamp() + interval '1 s')});
sleep 2;
for my $wrong ('edr_', 'edr_unknown', $good . 'x', substr($good, 0, -1), uc $good =~ s/^EDR/edr/r,
	$revoked, $expired, 'edr_' . 'x' x 4000, "edr_' OR true --")
{
	($status, $json, $headers) = $shim->get('/get_points?user_id=a&group_id=b', $wrong);
	is_deeply([ $status, $json->{code} ], [ 401, 'unauthenticated' ], 'a wrong token is refused');
	is($headers->{'www-authenticate'}, 'Bearer', 'with the header');
	($status) = $shim->get('/live', $wrong);
	is($status, 200, 'an open route does not look at it');
}
for my $scheme ('bearer', 'BEARER', 'Bearer ')
{
	($status) = $shim->request('GET', '/get_points?user_id=a&group_id=b',
		headers => { Authorization => "$scheme $good" });
	is($status, 200, "scheme $scheme");
}
for my $other ('Basic dXNlcjpwYXNz', 'Bearer ada', "Bearer x$good", 'Bearer', map { "$_$good" } '', 'Basic ', 'Token ', 'Bearer', 'Bearer:', 'Bearer "', 'bearer=')
{
	($status, $json) =
	  $shim->request('GET', '/get_points?user_id=a&group_id=b', headers => { Authorization => $other });
	is($status, 401, 'what is no token is anonymous, and that may nothing here');
	like($json->{error}, $other =~ /(?<!x)$good/ && $other ne "Bearer$good" ? qr/must be "Bearer"/ : qr/needs a token/, 'and is told to bring one, or to name the scheme');
}

# ---- how soon a token is refused that was right ------------------------------------------------
# Several connections, so that every event loop remembers it; in use all the while, or not at all.
my $patient = Edurange::Shim->start($node);
for my $in_use (1, 0)
{
	my @clients = map { HTTP::Tiny->new } 1 .. 6;
	my $ends = $shim->make_token('player');
	my $may = sub {
		return $_[0]->get($patient->url . '/get_points?user_id=a&group_id=b',
			{ headers => { Authorization => "Bearer $ends" } })->{status} == 200;
	};
	my $name = $in_use ? 'in use' : 'not in use';
	my ($end, $last) = (0, 0);

	is_deeply([ map { $may->($_) ? 1 : 0 } @clients ], [ (1) x @clients ], "revoked while $name: before that");
	$node->safe_psql('edurange',
		qq{SELECT edurange.revoke_token(id) FROM edurange.authenticate_token(sha256('$ends'))});
	$end = time;
	while ($in_use && time < $end + 1.5)
	{
		for my $client (@clients)
		{
			my $sent = time;

			$last = $sent - $end if $may->($client);
		}
	}
	note sprintf('accepted %.2f s after it was revoked', $last);
	cmp_ok($last, '<', 1, "revoked while $name: accepted for less than a second");
	sleep 1 unless $in_use;
	is_deeply([ map { $may->($_) ? 1 : 0 } @clients ], [ (0) x @clients ], "revoked while $name: refused after that");
}
is($patient->stop, 0, 'stopped');

# ---- without a token ---------------------------------------------------------------------------
for my $tier (qw(none player))
{
	my $open = Edurange::Shim->start($node, EDURANGE_ANONYMOUS_TIER => $tier);

	for my $route (sort keys %routes)
	{
		for my $bearer (undef, 'ada')
		{
			($status) = ask($open, $route, $bearer);
			my $may = $rank{$tier} >= $rank{ $routes{$route} };
			is($status == 401 ? 1 : 0, $may ? 0 : 1, "anonymous $tier: $route");
		}
	}
	($status) = ask($open, 'POST /cdf/import', $token{player});
	is($status, 403, 'a token counts more than the anonymous tier');
	($status) = ask($open, 'GET /get_points', 'edr_wrong');
	is($status, 401, 'a wrong token is never anonymous');
	is($open->stop, 0, 'stopped');
}

# ---- the database sees the tier, and no token --------------------------------------------------
$shim->post('/add_points', { user_id => 'a', group_id => 'b', points => 1 }, $token{service});
my $seen = $node->safe_psql('edurange',
	q{SELECT string_agg(query, ' ') FROM pg_stat_activity WHERE application_name = 'edurange_shim'});
isnt($seen, '', 'statements are seen');
my $server_log = slurp_file($node->logfile);
for my $secret (values %token, $revoked, $expired)
{
	unlike($shim->log, qr/\Q$secret\E/, 'no token in the log of the shim');
	unlike($seen, qr/\Q$secret\E/, 'no token in pg_stat_activity');
}
unlike($server_log, qr/edurange_shim\w* DETAIL:\s+parameters/, 'no parameters in the log of the server');
is($node->safe_psql('edurange',
		q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'edurange_shim'
		  AND usename NOT IN ('edurange_shim_player', 'edurange_shim_service', 'edurange_shim_admin')}),
	0, 'all connections are of the logins');

done_testing();
