# From the version before to this one, as docs/operations.md says: package, restart, ALTER EXTENSION
# UPDATE, migrate(), while requests come in.  Nothing is lost, and the catalogue afterwards is that of a
# fresh installation.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Edurange::Cluster;
use Edurange::Shim;
use FindBin;
use HTTP::Tiny;
use IPC::Run;
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $before = '0.0.9';
my $clients = 4;
my $rate = 200;
my $tmp = $PostgreSQL::Test::Utils::tmp_check;

# Every member of the extension with all that a catalogue says of it but its number.
my $members = q{
	SELECT string_agg(line, E'\n' ORDER BY line) FROM (
		SELECT format('%s %s owner %s acl %s comment %s', p.oid::regprocedure, pg_get_functiondef(p.oid),
			p.proowner::regrole, (SELECT array_agg(a::text ORDER BY a::text) FROM aclexplode(p.proacl) a),
			obj_description(p.oid, 'pg_proc')) AS line
		FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
		UNION ALL
		SELECT format('%s owner %s acl %s comment %s (%s)', t.oid::regtype, t.typowner::regrole,
			(SELECT array_agg(a::text ORDER BY a::text) FROM aclexplode(t.typacl) a), obj_description(t.oid, 'pg_type'),
			(SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum)
			 FROM pg_attribute WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped))
		FROM pg_type t JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
		UNION ALL
		SELECT format('schema %s owner %s acl %s', nspname, nspowner::regrole,
			(SELECT array_agg(a::text ORDER BY a::text) FROM aclexplode(nspacl) a))
		FROM pg_namespace WHERE nspname ~ '^(edurange|public)'
		UNION ALL
		SELECT format('default privileges %s', x) FROM pg_default_acl x
		UNION ALL
		SELECT format('kind %s: %s', classid::regclass, count(*)) FROM pg_depend
		WHERE deptype = 'e' AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'edurange') GROUP BY classid
	) AS catalogue};

# Tables, triggers, defaults, grants, the guard.
sub shape
{
	my ($server, $database) = @_;
	my ($out, $err);

	IPC::Run::run([ 'pg_dump', '-s', $server->connstr($database) ], '>', \$out, '2>', \$err) or die $err;
	$out =~ s/^\\(un)?restrict .*\n//gm;
	return $out;
}

my $node = Edurange::Cluster->new_staged('upgraded', conf => "log_statement = none\nmax_connections = 60\n");
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE edurange');
$node->safe_psql('edurange', "CREATE EXTENSION edurange VERSION '$before'; SELECT * FROM edurange.migrate()");
$node->psql_file('edurange', "$FindBin::RealBin/../../deploy/roles.sql");
my $version = q{SELECT extversion FROM pg_extension WHERE extname = 'edurange'};
is($node->safe_psql('edurange', $version), $before, 'the library serves the install script of the version before');

$node->safe_psql('edurange', q{
	INSERT INTO "User" (id, email) SELECT 'u' || n, n || '@x' FROM generate_series(0, 9) n;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'g', id FROM "User"});
# answers to imports with keys, as that version kept them; its import needs its own library
my $document = '{"metadata": {"id": "a,t,1,2)"}}';
my %kept = (import => [ 'cdf_import', [ $document, undef ], '("a,t,1,2)",t,1,0)' ], update => [ 'cdf_update', [ 'a,t,1,2)', $document ], '(a,f,3,12)' ]);
for my $key (sort keys %kept)
{
	my ($function, $arguments, $response) = @{ $kept{$key} };
	my $sha256 = sha256_hex(join '', map { defined ? pack('L', length) . $_ : pack('L', 0xffffffff) } @$arguments, undef, undef);

	$node->safe_psql('edurange', "INSERT INTO edurange.idempotency (caller, function, key, request_sha256, response, created_at)"
		. " VALUES ('token:old', '$function', '$key', '\\x$sha256', '$response', clock_timestamp())");
}
my $old_rows = $node->fingerprint('edurange', 'public');
my $shim = Edurange::Shim->start($node);
my $token = $shim->make_token('service');

# One client: awards at its share of the rate until the file goes, each until it is acknowledged, and
# writes down how often it got which status, and whether a 503 said when to come again.
sub run_client
{
	my ($number, $file) = @_;
	my $http = HTTP::Tiny->new(timeout => 30);
	my $json = JSON::PP->new;
	my %seen;
	my $next = time;

	for (my $i = 0; -e $file; $i++)
	{
		my $body = $json->encode({ user_id => 'u' . $i % 10, group_id => 'g', points => 1 });
		for (;;)
		{
			my $answer = $http->request('POST', $shim->url . '/add_points', {
				content => $body,
				headers => { Authorization => "Bearer $token", 'Content-Type' => 'application/json',
					'Idempotency-Key' => "client-$number-$i" } });
			my $status = $answer->{status};
			my $later = defined $answer->{headers}{'retry-after'} ? '' : ' without Retry-After';
			$seen{ $status == 200 ? '200' : $status == 503 ? "503$later" : "$status $answer->{content}" }++;
			last if $status == 200;
			sleep 0.2;
		}
		$next += $clients / $rate;
		my $wait = $next - time;
		sleep $wait if $wait > 0;
	}
	append_to_file("$tmp/client_$number.json", $json->encode(\%seen));
	return;
}

append_to_file("$tmp/go", '');
my @pids;
for my $number (1 .. $clients)
{
	my $pid = fork() // die "could not fork: $!";
	if ($pid == 0)
	{
		eval { run_client($number, "$tmp/go"); 1 } or POSIX::_exit(1);
		POSIX::_exit(0);
	}
	push @pids, $pid;
}

# the procedure
sleep 2;
$node->restart;
sleep 1;
isnt($node->safe_psql('edurange', 'BEGIN; ALTER EXTENSION edurange UPDATE; SELECT * FROM edurange.migrate(dry_run => true); ROLLBACK'),
	'', 'it says beforehand what it will do');
is($node->safe_psql('edurange', $version), $before, 'and has done nothing');
$node->safe_psql('edurange', 'BEGIN; ALTER EXTENSION edurange UPDATE; SELECT * FROM edurange.migrate(); COMMIT');
sleep 2;
unlink "$tmp/go";
for my $pid (@pids)
{
	waitpid($pid, 0);
	is($?, 0, 'a client ran to its end');
}

my %seen;
for my $number (1 .. $clients)
{
	my $counts = decode_json(slurp_file("$tmp/client_$number.json"));
	$seen{$_} += $counts->{$_} for keys %$counts;
}
note join(', ', map { "$_: $seen{$_}" } sort keys %seen);
is(join('; ', sort grep { !/^(200|503)$/ } keys %seen), '', 'nothing but 200, and 503 with Retry-After');
ok(($seen{200} // 0) > 0, 'requests were served');
is($node->safe_psql('edurange', 'SELECT sum(points) FROM "GroupPoints"'), $seen{200}, 'each once, none lost');
is($node->safe_psql('edurange', 'SELECT * FROM edurange.check_invariants()'), '', 'invariants');
is($node->safe_psql('edurange', 'SELECT ready, missing FROM edurange.readiness()'), 't|{}', 'nothing is missing');
is($node->safe_psql('edurange', 'SELECT * FROM edurange.migrate()'), '', 'nothing more to do');
my ($status) = $shim->get('/ready');
is($status, 200, 'the service is ready');
$node->safe_psql('edurange', 'DELETE FROM "GroupPoints"');
is($node->fingerprint('edurange', 'public'), $old_rows, 'the other rows are as they were');

# what was answered before is answered again, as this version says it
for my $key (sort keys %kept)
{
	my ($function, $arguments) = @{ $kept{$key} };
	my $list = join ', ', map { defined ? "'$_'" : 'NULL' } @$arguments;

	is($node->safe_psql('edurange', "SELECT edurange.$function($list, ROW('old', NULL, NULL, NULL), '$key')"),
		{ import => '("a,t,1,2)",t,t,1,0,{})', update => '(a,f,t,3,12,{})' }->{$key}, "the $key with a key of before");
}

# the same as a fresh one
$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('fresh', 'CREATE EXTENSION edurange; SELECT * FROM edurange.migrate()');
is($node->safe_psql('edurange', $version), $node->safe_psql('fresh', $version), 'this version');
is($node->safe_psql('edurange', $members), $node->safe_psql('fresh', $members), 'functions, types, grants, comments, owners');
is(shape($node, 'edurange'), shape($node, 'fresh'), 'tables, triggers, defaults, the guard');

done_testing();
