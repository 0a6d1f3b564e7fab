# A list of hosts: the shim follows a failover by itself; reads that may be a little old go to a replica, and
# to the primary while that is away.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use Edurange::Cluster;
use Edurange::Shim;

my $primary = Edurange::Cluster->new_ready('primary', init => { allows_streaming => 1 });
$primary->backup('base');
my $standby = Edurange::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->safe_psql('edurange', q{
	INSERT INTO "User" (id, email) VALUES ('ada', 'a');
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") VALUES ('g', 'ada')});
my ($hosts, $ports) = map { my $of = $_; join ',', map { $_->$of } $primary, $standby } qw(host port);
my $shim = Edurange::Shim->start($primary,
	DATABASE_URL => "postgresql://edurange_shim_{tier}\@/edurange?host=$hosts&port=$ports&target_session_attrs=read-write",
	EDURANGE_READ_DATABASE_URL => 'postgresql://edurange_shim_{tier}@/edurange?host=' . $standby->host . '&port=' . $standby->port);
my $token = $shim->make_token('service');
my ($status, $json);

sub add
{
	($status, $json) = $shim->post('/add_points', { user_id => 'ada', group_id => 'g', points => 1 }, $token);
	return $status;
}

# Asks until the answer has the status, up to a minute; how many seconds that took.
sub seconds_until
{
	my ($wanted, $ask) = @_;
	my $begun = time;

	sleep 0.05 while $ask->() != $wanted && time - $begun < 60;
	return time - $begun;
}
is(add(), 200, 'the primary takes writes');
$primary->wait_for_catchup($standby);

# ---- the replica --------------------------------------------------------------------------------
sub board { ($status, $json) = $shim->get('/competition/g/leaderboard', $token); return $status; }
my $seen = q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'edurange_shim' AND query LIKE '%leaderboard%'};
is(board(), 200, 'a board');
seconds_until(1, sub { board(); return $standby->safe_psql('edurange', $seen) > 0 ? 1 : 0 });
cmp_ok($standby->safe_psql('edurange', $seen), '>', 0, 'comes from the replica');
$standby->stop('fast');
is_deeply([ map { sleep 0.1; board() } 1 .. 10 ], [ (200) x 10 ], 'and from the primary while the replica is away');
is($json->[0]{points}, 1, 'the same one');
$standby->start;
$primary->wait_for_catchup($standby);
seconds_until(1, sub { board(); return $standby->safe_psql('edurange', $seen) > 0 ? 1 : 0 });
cmp_ok($standby->safe_psql('edurange', $seen), '>', 0, 'and from the replica again');

# ---- a failover ---------------------------------------------------------------------------------
is(add(), 200, 'one more');
$primary->wait_for_catchup($standby);
$primary->stop('immediate');
isnt(add(), 200, 'nobody takes writes');
$standby->promote;
my $took = seconds_until(200, \&add);
diag(sprintf 'followed %.1f s after the promotion', $took);
is($status, 200, 'the new primary does');
is($json->{points}, 3, 'and has what was acknowledged');
is($standby->safe_psql('edurange', 'SELECT count(*) FROM edurange.check_invariants()'), 0, 'invariants');
is($shim->stop, 0, 'stopped');

done_testing();
