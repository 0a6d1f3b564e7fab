# Whose cluster is it?  The sync worker of a copied data directory leaves the Instance Manager alone until an
# operator confirms it; that of a promoted standby goes on by itself.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

use Edurange::Cluster;
use Edurange::InstanceManager;

my $im = Edurange::InstanceManager->start;
my $marker = PostgreSQL::Test::Utils::tempdir() . '/marker';
append_to_file($marker, "one machine\n");
my $node = Edurange::Cluster->new_ready(
	'original',
	worker => $im,
	init => { allows_streaming => 1 },
	conf => <<"CONF");
edurange.sync_interval = 100
edurange.server_marker = '$marker'
CONF
my $copied = 'this server is a copy of the one that keeps the instances true; if it is to do that instead, call edurange.sync_confirm()';

sub serves
{
	my ($server, $name) = @_;
	return ok($server->poll_query_until('edurange',
		'SELECT "workerProblem" IS NULL AND "lagSeconds" < 2 AND polls > 1 FROM edurange.sync_status()'), $name)
	  || diag $server->safe_psql('edurange', 'SELECT * FROM edurange.sync_status()');
}

# It says that it is a copy, wherever one looks, and asks the Instance Manager nothing.
sub idles
{
	my ($server, $problem, $name) = @_;

	ok($server->poll_query_until('edurange', "SELECT \"workerRunning\" AND \"workerProblem\" = '$problem' FROM edurange.sync_status()"), "$name: idles")
	  or diag $server->safe_psql('edurange', 'SELECT * FROM edurange.sync_status()');
	$im->reset_requests;
	sleep 1;
	is_deeply([ grep { $im->requests->{$_} } keys %{ $im->requests } ], [], "$name: asks for nothing");
	like($server->safe_psql('edurange', 'SELECT message FROM edurange.health()'), qr/^the sync worker cannot do its work: \Q$problem\E/, "$name: health() says it first");
	my @said = slurp_file($server->logfile) =~ /WARNING:  the sync worker idles: \Q$problem\E/g;
	is(scalar @said, 1, "$name: the log says it once");
	return;
}

serves($node, 'the first server is bound');
like(slurp_file($node->logfile), qr/LOG:  the sync worker works for this server from now on/, 'as its log says');
$node->restart;
serves($node, 'and goes on after a restart');

$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('edurange', 'SELECT "workerProblem" FROM edurange.sync_status()'), 'this server is a standby', 'a standby has no worker');
unlike($standby->safe_psql('edurange', 'SELECT message FROM edurange.health()'), qr/sync worker/, 'which is as it should be');

# ---- a copy, beside the original that goes on ----------------------------------------------------
my $copy = PostgreSQL::Test::Cluster->new('copy');
$copy->init_from_backup($node, 'backup');
$node->stop;    # so that whatever is asked comes from the copy
$copy->start;
idles($copy, $copied, 'a copy');
$copy->restart;
ok($copy->poll_query_until('edurange', "SELECT \"workerProblem\" = '$copied' FROM edurange.sync_status()"), 'also after a restart');
$copy->safe_psql('edurange', 'SELECT edurange.sync_confirm()');
serves($copy, 'confirmed, it works');
$copy->restart;
serves($copy, 'for good');
$copy->stop;

# ---- a copy of the whole disk, which only the marker tells apart ---------------------------------
append_to_file($marker, "no, another\n");
$node->start;
idles($node, $copied, 'another machine');
$node->safe_psql('edurange', 'SELECT edurange.sync_confirm()');
serves($node, 'confirmed, it works');
$node->wait_for_catchup($standby);

# ---- a promotion ---------------------------------------------------------------------------------
$node->stop;
$standby->promote;
serves($standby, 'a promoted standby goes on by itself');
like(slurp_file($standby->logfile), qr/LOG:  the sync worker goes on after the promotion of this server/, 'as its log says');
$standby->restart;
serves($standby, 'for good');

# ---- the rows of another cluster -----------------------------------------------------------------
my $other = Edurange::Cluster->new_ready('other', worker => 1, conf => <<"CONF");
edurange.instance_manager_url = '@{[ $im->url ]}'
edurange.sync_interval = 100
edurange.sync_enabled = off
CONF
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';
$standby->command_ok([ 'pg_dump', '-f', $dump, $standby->connstr('edurange') ], 'a dump');
$standby->stop;
$other->safe_psql('postgres', 'DROP DATABASE edurange');
$other->safe_psql('postgres', 'CREATE DATABASE edurange');
$other->psql_file('edurange', $dump);
$other->append_conf('postgresql.conf', 'edurange.sync_enabled = on');
$other->reload;
idles($other, 'this database was copied from another cluster; if this server is to keep its instances true now, call edurange.sync_confirm()', 'a restored dump');
$other->safe_psql('edurange', 'SELECT edurange.sync_confirm()');
serves($other, 'confirmed, it works');
$other->stop;
is($im->stop, 0, 'the simulator ends cleanly');
done_testing();
