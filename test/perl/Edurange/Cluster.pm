# A private PostgreSQL with the extension from the stage, ready to be used, as TAP tests want it:
#
#   my $node = Edurange::Cluster->new_ready('points', conf => "max_connections = 50\n");
#   $node->safe_psql('edurange', 'SELECT edurange.get_points(...)');
#
# test/run.sh sets EDURANGE_STAGE, the DESTDIR of make install, with staged.conf beside it.

package Edurange::Cluster;

use strict;
use warnings;

use parent -norequire, 'PostgreSQL::Test::Cluster';

use Carp;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils ();
use Test::More ();

my $top = abs_path(dirname(__FILE__) . '/../../..');

# Returns a started server with the database edurange, its tables and the logins of the shim.
# Options: conf, text that is appended to postgresql.conf; worker => 1, the sync worker serves the
# database (otherwise there is none), or worker => $im, it asks that simulator, too; init, a reference to options
# for init().
sub new_ready
{
	my ($class, $name, %options) = @_;
	my $node = $class->new_staged($name, %options);

	# A worker that finds its database half made would say so in the log.
	$node->append_conf('postgresql.conf', "edurange.database = '' # for now\n") if $options{worker};
	$node->start;
	$node->safe_psql('postgres', 'CREATE DATABASE edurange');
	$node->safe_psql('edurange', 'CREATE EXTENSION edurange; SELECT * FROM edurange.migrate();');
	$node->psql_file('edurange', "$top/deploy/roles.sql");
	if ($options{worker})
	{
		$node->adjust_conf('postgresql.conf', 'edurange.database', undef);
		$node->restart;
	}
	return $node;
}

# Returns a server that is configured for the extension but not started yet; the same options.
sub new_staged
{
	my ($class, $name, %options) = @_;
	my $stage = $ENV{EDURANGE_STAGE} // croak 'EDURANGE_STAGE is not set: run this by make test';
	my $node = $class->new($name);

	$node->init(%{ $options{init} // {} }, extra => [ '--encoding=UTF8', '--locale=C' ]);
	$node->append_conf('postgresql.conf', PostgreSQL::Test::Utils::slurp_file("$stage/staged.conf"));
	$node->append_conf('postgresql.conf', "timezone = 'UTC'\n");
	$node->append_conf('postgresql.conf', "edurange.database = ''\n") unless $options{worker};
	$node->append_conf('postgresql.conf', "edurange.instance_manager_url = '@{[ $options{worker}->url ]}'\n") if ref $options{worker};
	$node->append_conf('postgresql.conf', $options{conf}) if defined $options{conf};
	return $node;
}

# Settings of ours for the whole server, from now on: configure(sync_timeout => '3s').
sub configure
{
	my ($self, %settings) = @_;

	$self->safe_psql('edurange', "ALTER SYSTEM SET edurange.$_ = '$settings{$_}'") for sort keys %settings;
	$self->reload;
	return;
}

# An assertion: waits for a query to say true.
sub becomes_true
{
	my ($self, $query, $name, $database) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return Test::More::ok($self->poll_query_until($database // 'edurange', $query), $name);
}

# One line a table of the schemas: its name, the number of its rows and a sum over them.
sub fingerprint
{
	my ($self, $database, @schemas) = @_;
	my $list = join(', ', map { "'$_'" } @schemas);

	return $self->safe_psql(
		$database, qq{
		SELECT string_agg(format('%s %s', c.oid::regclass, query_to_xml(format(
			'SELECT count(*), md5(string_agg(t::text, %L ORDER BY t::text)) FROM %s t', ',', c.oid::regclass),
			false, false, '')), E'\\n' ORDER BY c.oid::regclass::text)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname IN ($list) AND c.relkind = 'r'});
}

# Runs a file with psql, which must succeed.
sub psql_file
{
	my ($self, $database, $file) = @_;

	PostgreSQL::Test::Utils::system_or_bail('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d',
		$self->connstr($database), '-f', $file);
	return;
}

1;
