# What we add to the platform's tables is no difference to Prisma, and nothing depends on what it drops: shown by
# its own command line and client, with the schema in test/prisma/.

use strict;
use warnings;

use Cwd qw(abs_path);
use Edurange::Cluster;
use File::Copy qw(copy);
use FindBin;
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $files = abs_path("$FindBin::RealBin/../prisma");
my $tmp = $PostgreSQL::Test::Utils::tmp_check;

plan skip_all => 'the npm packages of Prisma could not be had' unless -d "$files/node_modules";

my $node = Edurange::Cluster->new_staged('prisma');
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE platform LOGIN; CREATE DATABASE edurange OWNER platform');
$node->safe_psql('edurange', 'CREATE EXTENSION edurange; SELECT edurange.migrate()');

# The client is generated beside the schema, in a folder that the test may write.
my $work = "$tmp/prisma";
mkdir $work or die "$work: $!";
symlink("$files/node_modules", "$work/node_modules") or die "node_modules: $!";
for my $name (qw(schema.prisma adapter.mjs prisma.config.mjs dashboard.mjs))
{
	copy("$files/$name", "$work/$name") or die "$name: $!";
}
my $schema = slurp_file("$work/schema.prisma");
my ($head) = $schema =~ /\A(.*?^datasource .*?^\}\n)/ms;

# The schema engine is part of the package as WebAssembly; nothing is downloaded, and nobody is told.
@ENV{qw(PRISMA_SCHEMA_ENGINE_BINARY CHECKPOINT_DISABLE PRISMA_HIDE_UPDATE_MESSAGE NO_COLOR)} = ('/bin/true', 1, 1, 1);
$ENV{DATABASE_URL} = 'postgresql://as/the/adapter/says';

# Runs node in that folder; returns the exit status and what it printed.
sub javascript
{
	my (@arguments) = @_;
	my $out = '';
	local @ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)} = ($node->host, $node->port, 'platform', 'edurange');

	IPC::Run::run([ 'node', @arguments ], '<', \'', '>', \$out, '2>&1', init => sub { chdir $work or die; },
		IPC::Run::timeout(240));
	return ($? >> 8, $out);
}

sub prisma { return javascript('node_modules/prisma/build/index.js', @_); }

sub sql { return $node->safe_psql('edurange', @_); }

# How the tables differ from the schema, as migrate diff says it.
sub difference
{
	open(my $file, '>', "$work/pulled.prisma") or die;
	print $file $head;
	close $file;
	my ($status, $out) = prisma('db', 'pull', '--schema', 'pulled.prisma');
	is($status, 0, 'the tables are read') or diag $out;
	is(() = slurp_file("$work/pulled.prisma") =~ /^model /mg, 18, 'all of them');
	($status, $out) = prisma('migrate', 'diff', '--from-schema-datamodel', 'pulled.prisma',
		'--to-schema-datamodel', 'schema.prisma', '--exit-code');
	$out =~ s/^Loaded Prisma config.*\n+//m;
	return "$status: $out" =~ s/\s+\z//r;
}

# What the client of a dashboard does.
sub check_dashboard
{
	my ($when) = @_;
	my ($status, $out) = javascript('dashboard.mjs');

	is($status, 0, "$when: the client works") or diag $out;
	is($out, <<'TXT', "$when: ids, times, totals, and what is not deleted");
user 25 true
total 22 36 true
worked at P2003
all P2003
untouched nothing
played true
challenge nothing
group nothing
TXT
	is(sql('SELECT count(*) FROM edurange.check_invariants()'), '0', "$when: invariants");
	return;
}

# What is in public beside rows: nothing of it may go.
my $shape = q{
	SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
	UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
	UNION ALL SELECT 'default ' || adrelid::regclass || ' ' || adnum || ' ' || pg_get_expr(adbin, adrelid) FROM pg_attrdef
	UNION ALL SELECT 'identity ' || oid::regclass || ' ' || relreplident::text FROM pg_class WHERE relkind = 'r' ORDER BY 1};

my ($status, $out) = prisma('generate');
is($status, 0, 'the client is generated') or diag $out;
my $before = sql($shape);

# ---- no difference, and a push does nothing -------------------------------------------------------
is(difference(), '0: No difference detected.', 'what migrate() made is what Prisma wants');
check_dashboard('before a push');
($status, $out) = prisma('db', 'push', '--skip-generate');
is($status, 0, 'a push') or diag $out;
like($out, qr/already in sync/, 'has nothing to do');
is(sql($shape), $before, 'and does nothing');
is(sql('SELECT * FROM edurange.migrate()'), '', 'nor has migrate()');
check_dashboard('after a push');

# ---- what an installation of before has ----------------------------------------------------------
sql(q{ALTER TABLE "GroupPoints" ALTER COLUMN id SET DEFAULT edurange.new_id(),
	ALTER COLUMN "updatedAt" SET DEFAULT (now() AT TIME ZONE 'UTC')});
like(difference(), qr/^2: .*GroupPoints.*edurange\.new_id\(\)/s, 'a default of ours is a difference');
is(sql('SELECT ready, missing FROM edurange.readiness()'), 't|{}', 'that stops nobody');
is(sql('SELECT unnest(missing) FROM edurange.health()'), qq{default none of ours for public."GroupPoints"."updatedAt"
default none of ours for public."GroupPoints".id}, 'and is named');
is(sql('SELECT name FROM edurange.migrate()'), qq{none of ours for public."GroupPoints"."updatedAt"
none of ours for public."GroupPoints".id}, 'migrate() takes it away');
is(sql($shape), $before, 'and nothing else');

# ---- a forced reset ------------------------------------------------------------------------------
($status, $out) = prisma('db', 'push', '--skip-generate', '--force-reset');
isnt($status, 0, 'a forced reset is refused');
like($out, qr/not dropped without edurange\.allow_drop/, 'by the guard');
is(sql($shape), $before, 'and has changed nothing');

done_testing();
