# What others hang on the platform's tables (triggers, policies, casts, defaults, cascades of foreign keys) runs with
# rights that are worth nothing, whoever's call it is that writes or reads there.

use strict;
use warnings;

use Edurange::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Edurange::Cluster->new_staged('identities');
$node->start;
sub sql { return $node->safe_psql('edurange', $_[0]) }

# A platform with an owner of its own, as its dashboard's migrations leave it.
$node->safe_psql('postgres', q{CREATE ROLE platform LOGIN; CREATE ROLE boss LOGIN SUPERUSER});
$node->safe_psql('postgres', 'CREATE DATABASE edurange OWNER platform');
sql('CREATE EXTENSION edurange; SELECT * FROM edurange.migrate()');
sql(q{
	CREATE ROLE shim_player LOGIN IN ROLE edurange_player;
	CREATE ROLE shim_service LOGIN IN ROLE edurange_service;
	CREATE ROLE shim_admin LOGIN IN ROLE edurange_admin;
	CREATE SCHEMA trap AUTHORIZATION platform;
	GRANT USAGE ON SCHEMA trap TO PUBLIC;
	CREATE SCHEMA shared;
	GRANT CREATE, USAGE ON SCHEMA shared TO PUBLIC;
	SET ROLE platform;
	INSERT INTO "User" (id, email, name) SELECT 'u' || n, n || '@x', 'U' FROM generate_series(1, 3) n;
	INSERT INTO "CompetitionGroup" (id, name, "startDate") VALUES ('g', 'G', '2020-01-01');
	INSERT INTO "_GroupMembers" ("A", "B") SELECT 'g', id FROM "User"});
my $member_facts = q{SELECT string_agg(format('%s in %s', member::regrole, roleid::regrole), ', ' ORDER BY 1) FROM (SELECT DISTINCT member, roleid FROM pg_auth_members) m};
my @before = (undef, sql($member_facts =~ s/ORDER BY 1/ORDER BY member, roleid/r));

# The trap: tries all that would be worth something, and writes down in whose name, and what worked.
sql(q{
	SET ROLE platform;
	CREATE TABLE trap.log (place text, who text, worked text);
	GRANT INSERT, SELECT ON trap.log TO PUBLIC;
	-- an operator that would be taken for PostgreSQL's by whoever has this schema in its search_path
	CREATE TABLE trap.ran (who text);
	GRANT INSERT ON trap.ran TO PUBLIC;
	CREATE FUNCTION trap.same(text, text) RETURNS boolean LANGUAGE plpgsql AS
		$$ BEGIN INSERT INTO trap.ran VALUES (current_user); RETURN $1 OPERATOR(pg_catalog.=) $2; END $$;
	CREATE OPERATOR trap.= (FUNCTION = trap.same, LEFTARG = text, RIGHTARG = text);
	CREATE FUNCTION trap.spring(place text) RETURNS boolean LANGUAGE plpgsql AS $$
	DECLARE
		try text;
		worked text;
	BEGIN
		FOREACH try IN ARRAY ARRAY['ALTER ROLE platform SUPERUSER', 'ALTER ROLE platform CREATEROLE', 'GRANT edurange_admin TO platform',
			'GRANT edurange_owner TO platform', 'SET LOCAL ROLE boss', 'SET ROLE edurange_owner', 'SET SESSION AUTHORIZATION boss', 'RESET ROLE',
			'RESET SESSION AUTHORIZATION', 'SELECT token_sha256 FROM edurange.token', 'SELECT response FROM edurange.idempotency',
			$t$SELECT edurange.create_token('admin', 'trap')$t$, $t$SELECT edurange.add_points('u1', 'g', 1000)$t$,
			$t$SELECT edurange.outcomes('create_token', ARRAY['admin', 'x', NULL, NULL, NULL])$t$,
			'INSERT INTO edurange.points_ledger SELECT * FROM edurange.points_ledger LIMIT 1', 'UPDATE edurange.standing SET points = 0',
			'DELETE FROM edurange.points_ledger', 'ALTER TABLE edurange.standing DISABLE TRIGGER ALL', 'CREATE TABLE edurange.x ()',
			'CREATE TABLE public.x ()', 'CREATE SCHEMA x', 'CREATE TEMPORARY TABLE x ()', 'ALTER TABLE public."User" DISABLE TRIGGER ALL',
			'CREATE TRIGGER t AFTER INSERT ON edurange.standing FOR EACH ROW EXECUTE FUNCTION trap.on_change()',
			'CREATE OR REPLACE FUNCTION edurange.new_id() RETURNS text LANGUAGE sql AS $t$SELECT 1$t$', 'DROP FUNCTION edurange.get_points',
			'CREATE FUNCTION pg_temp.lasting() RETURNS integer LANGUAGE sql SECURITY DEFINER AS $t$SELECT 1$t$', 'CREATE DOMAIN pg_temp.x AS integer',
			'CREATE FUNCTION shared.lasting() RETURNS integer LANGUAGE sql SECURITY DEFINER AS $t$SELECT 1$t$', 'CREATE VIEW shared.x AS SELECT 1 AS one',
			'CREATE FUNCTION public.lasting() RETURNS integer LANGUAGE sql SECURITY DEFINER AS $t$SELECT 1$t$', 'SET session_replication_role = replica',
			'COPY (SELECT 1) TO PROGRAM $t$true$t$', $t$SELECT pg_read_file('/etc/passwd')$t$, 'LOAD $t$edurange$t$'] LOOP
			BEGIN
				EXECUTE try;
				worked := concat_ws('; ', worked, try);
			EXCEPTION WHEN OTHERS THEN NULL;
			END;
		END LOOP;
		PERFORM set_config('search_path', 'trap, pg_catalog', false);
		PERFORM set_config('row_security', 'on', false);
		INSERT INTO trap.log VALUES (place, current_user, worked);
		RETURN true;
	END $$;
	CREATE FUNCTION trap.on_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.spring('trigger on ' || tg_table_name || ' ' || tg_when);
		RETURN coalesce(new, old); END $$});
sql("SET ROLE platform; $_") for map { (qq{CREATE TRIGGER trap_before BEFORE INSERT OR UPDATE OR DELETE ON "$_" FOR EACH ROW EXECUTE FUNCTION trap.on_change()},
	qq{CREATE TRIGGER trap_after AFTER INSERT OR UPDATE OR DELETE ON "$_" FOR EACH ROW EXECUTE FUNCTION trap.on_change()}) }
  qw(GroupPoints _GroupMembers CompetitionGroup CompetitionAccessCode GroupChallenge ActivityLog ChallengeInstance Challenge ChallengeQuestion
  ChallengePack QuestionAttempt QuestionCompletion ChallengeCompletion User);
# a default, a constraint, a generated column, and a stranger's table below a cascade
sql(q{
	SET ROLE platform;
	CREATE FUNCTION trap.default_text() RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.spring('default'); RETURN 'x'; END $$;
	ALTER TABLE "GroupPoints" ADD COLUMN trap text DEFAULT trap.default_text();
	CREATE FUNCTION trap.check_it(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN trap.spring('check'); END $$;
	ALTER TABLE "CompetitionAccessCode" ADD CONSTRAINT trap CHECK (trap.check_it(code));
	CREATE TABLE trap.follower (id text REFERENCES public."ChallengePack" ON DELETE CASCADE);
	CREATE TRIGGER trap AFTER DELETE ON trap.follower FOR EACH ROW EXECUTE FUNCTION trap.on_change()});

my $document = sql(q{SELECT quote_literal('{"metadata": {"id": "c1", "name": "C", "version": "1.0.0", "challenge_type": "fullOS", "difficulty": "beginner"},
	"components": [{"type": "question", "id": "q", "config": {"type": "text", "text": "?", "answer": "a", "points": 5}}]}')});
my @calls = (
	['shim_service', q{SELECT edurange.add_points('u1', 'g', 5)}],
	['shim_service', q{SELECT edurange.set_points('u2', 'g', 7)}],
	['shim_service', q{SELECT edurange.generate_access_code('g', 'u1', 'CODE')}],
	['shim_player', q{SELECT edurange.join_competition('CODE', 'u3')}],
	['shim_player', q{SELECT edurange.log_activity('USER_UPDATED', 'u1')}],
	['shim_player', q{SELECT edurange.get_points('u1', 'g')}],
	['shim_player', q{SELECT count(*) FROM edurange.leaderboard('g')}],
	['shim_admin', "SELECT edurange.cdf_import($document)"],
	['shim_admin', q{SELECT edurange.pack_install('{"id": "p", "name": "P", "version": "1.0.0", "challenges": ["a"]}', '{a}', ARRAY[} . $document =~ s/"c1"/"c2"/r . q{])}],
	['platform', q{INSERT INTO trap.follower VALUES ('p')}],
	['shim_admin', q{SELECT edurange.pack_uninstall('p')}],
	['shim_admin', q{SELECT edurange.sync_apply('{"challenge_pods": []}', clock_timestamp())}],
	['postgres', q{SELECT edurange.add_points('u1', 'g', 5)}],
	['postgres', q{SELECT count(*) FROM edurange.findings()}],
	['postgres', q{SELECT count(*) FROM edurange.check_invariants()}],
	['postgres', q{SELECT count(*) FROM edurange.migrate(dry_run => true)}],
	['postgres', q{SELECT count(*) FROM edurange.migrate()}],
	['postgres', q{SELECT count(*) FROM edurange.repair('null_flag')}],
	['postgres', q{SELECT status FROM edurange.health()}],
);
for my $call (@calls)
{
	my ($user, $text) = @$call;
	my ($code, $out, $err) = $node->psql('edurange', "SET SESSION AUTHORIZATION $user; BEGIN; $text; "
		. ($user eq 'platform' ? '' : q{SELECT edurange.get_points('u1', 'g'); }) . 'COMMIT');
	is($code, 0, "$user: " . substr($text, 0, 60)) or diag($err);
}
is(sql(q{SELECT string_agg(DISTINCT who, ', ') FROM trap.log WHERE who <> 'platform'}), 'edurange_game', 'in the calls all of it ran as edurange_game');
cmp_ok(sql('SELECT count(DISTINCT place) FROM trap.log'), '>=', 8, 'the trap was sprung in many places');
is(sql(q{SELECT string_agg(DISTINCT worked, '; ') FROM trap.log WHERE worked IS NOT NULL AND who <> 'platform'}), '', 'and nothing of what it tried worked');
is(sql('SELECT string_agg(DISTINCT who, $$, $$) FROM trap.ran'), '', "no operator of somebody's stood in for PostgreSQL's");

# Row level security: a policy is somebody's code, too.
sql(q{SET ROLE platform; ALTER TABLE "GroupPoints" ENABLE ROW LEVEL SECURITY; CREATE POLICY trap ON "GroupPoints" USING (trap.spring('policy'))});
my ($code, undef, $err) = $node->psql('edurange', q{SET SESSION AUTHORIZATION shim_player; SELECT edurange.get_points('u1', 'g')});
isnt($code, 0, 'a policy that binds us stops the call');
is(sql(q{SELECT count(*) FROM trap.log WHERE place = 'policy'}), '0', 'and does not run');
sql(q{SET ROLE platform; DROP POLICY trap ON "GroupPoints"; ALTER TABLE "GroupPoints" DISABLE ROW LEVEL SECURITY});

# What is put off to the end of the transaction cannot be queued there: refused by name, nothing written.
my $missing = q{SELECT array_to_string(missing, ', ') FROM edurange.readiness()};
is(sql($missing), 'exposure CREATE on schema shared', 'a schema in which everybody may create is named');
sql('REVOKE CREATE ON SCHEMA shared FROM PUBLIC');
is(sql($missing), '', 'nothing is missing');

# A constraint or trigger: what makes and drops it, its name and table, a call that it stops (or none), and whether it is named before.
sub deferred
{
	my ($what, $make, $drop, $named, $call, $before) = @_;
	my $fault = qr/$named, where none may be/;
	my $rows = q{SELECT string_agg(format('%s %s', "userId", points), ', ' ORDER BY "userId") FROM "GroupPoints"};
	my $points = sql($rows);

	sql("SET ROLE platform; $make");
	if (defined $call)
	{
		my ($code, undef, $error) = $node->psql('edurange', "\\set VERBOSITY verbose\nSET SESSION AUTHORIZATION shim_admin;\n$call");
		like($error, qr/ERROR:  RG902: $fault/, "$what: a call that it stops says so");
		is(sql($rows), $points, "$what: nothing was written");
	}
	if ($before)
	{
		like(sql($missing), qr/^shape $fault(?:, shape $fault)*$/, "$what: readiness() names it");
		is(sql('SELECT ready FROM edurange.readiness()'), 'f', "$what: and is not ready");
		like(sql('SELECT message FROM edurange.health()'), qr/^tables were altered; alter them back: $fault(?:, $fault)*(?:;|$)/, "$what: health() says so");
	}
	else { is(sql($missing), '', "$what: no obstacle by itself"); }
	is(sql(q{SET SESSION AUTHORIZATION shim_player; SELECT edurange.get_points('u1', 'g')}) ne '', 1, "$what: what it does not stop goes on");
	sql("SET ROLE platform; $drop");
	is(sql($missing), '', "$what: gone");
	return;
}

# A session of the owner's, where the trap gets nothing that is not theirs.
sub as_platform
{
	my ($code, undef, $error) = $node->psql('edurange', $_[0], connstr => $node->connstr('edurange') . ' user=platform');
	is($code, 0, 'the owner: ' . substr($_[0], 0, 40)) or diag($error);
	return;
}

my $add = q{SELECT edurange.add_points('u1', 'g', 5)};
my $late = 'FOR EACH ROW EXECUTE FUNCTION trap.on_change()';
deferred('a deferred trigger', qq{CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON "GroupPoints" INITIALLY DEFERRED $late}, 'DROP TRIGGER late ON "GroupPoints"',
	qr/late is deferrable, a constraint or trigger of public\."GroupPoints"/, $add, 1);
as_platform(q{DELETE FROM "GroupPoints" WHERE "userId" = 'u3'});
deferred('a deferred foreign key', q{ALTER TABLE "GroupPoints" ADD CONSTRAINT "too late" FOREIGN KEY ("userId") REFERENCES "User" DEFERRABLE INITIALLY DEFERRED},
	'ALTER TABLE "GroupPoints" DROP CONSTRAINT "too late"', qr/"too late" is deferrable, a constraint or trigger of public\."(?:User|GroupPoints)"/,
	q{SELECT edurange.add_points('u3', 'g', 5)}, 1);
deferred('a key that is deferrable', q{ALTER TABLE "GroupPoints" ADD CONSTRAINT "other" UNIQUE (points, id) DEFERRABLE}, 'ALTER TABLE "GroupPoints" DROP CONSTRAINT other',
	qr/other is deferrable, a constraint or trigger of public\."GroupPoints"/, undef, 1);
deferred('one that a session defers', qq{CREATE CONSTRAINT TRIGGER late AFTER UPDATE ON "GroupPoints" DEFERRABLE $late}, 'DROP TRIGGER late ON "GroupPoints"',
	qr/late is deferrable, a constraint or trigger of public\."GroupPoints"/, "BEGIN; SET CONSTRAINTS ALL DEFERRED; $add; COMMIT", 0);
as_platform($_) for q{INSERT INTO "ChallengePack" (id, name, version) VALUES ('p2', 'P', '1')}, q{INSERT INTO trap.follower VALUES ('p2')},
  qq{CREATE CONSTRAINT TRIGGER late AFTER DELETE ON trap.follower INITIALLY DEFERRED $late};
($code, undef, $err) = $node->psql('edurange', "\\set VERBOSITY verbose\nSET SESSION AUTHORIZATION shim_admin;\nSELECT edurange.pack_uninstall('p2')");
like($err, qr/ERROR:  RG902: a table that refers to the platform's has a deferrable constraint or trigger/, 'below a cascade into a table of a stranger');
is(sql(q{SELECT count(*) FROM "ChallengePack" WHERE id = 'p2'}), '1', 'nothing was deleted');
as_platform('DROP TRIGGER late ON trap.follower');

# Where edurange_game could leave something behind.
my $exposed = 'SELECT concat_ws($$ $$, ready, nullif(array_to_string(missing, $$, $$), $$$$)) FROM edurange.readiness()';
is(sql($exposed), 't', 'nothing is open to everybody');
for (
	[ 'GRANT CREATE ON SCHEMA public TO PUBLIC', 'REVOKE CREATE ON SCHEMA public FROM PUBLIC', 'exposure CREATE on schema public' ],
	[ 'GRANT CREATE ON SCHEMA trap TO PUBLIC', 'REVOKE CREATE ON SCHEMA trap FROM PUBLIC', 'exposure CREATE on schema trap' ],
	[ 'GRANT CREATE ON DATABASE edurange TO PUBLIC', 'REVOKE CREATE ON DATABASE edurange FROM PUBLIC', 'exposure CREATE on database edurange' ])
{
	my ($open, $close, $name) = @$_;
	sql("SET ROLE platform; $open");
	is(sql($exposed), "t $name", "$open: readiness() warns and is ready");
	like(sql('SELECT message FROM edurange.health()'), qr/^there are rights that are better revoked: \Q@{[ $name =~ s,exposure ,,r ]}\E(?:;|$)/, "$open: health() says so");
	is(sql('SELECT count(*) FROM edurange.migrate()'), '0', "$open: migrate() leaves it");
	sql("SET ROLE platform; $close");
	is(sql($exposed), 't', "$close: put right");
}

is(sql(q{SELECT count(*) FROM edurange.check_invariants()}), '0', 'invariants');
is(sql('SELECT count(*) FROM edurange.token'), '0', 'no token');
is(sql(q{SELECT string_agg(rolname, ', ' ORDER BY rolname) FROM pg_roles WHERE rolsuper}), 'boss, postgres', 'nobody became superuser');
is(sql($member_facts =~ s/ORDER BY 1/ORDER BY member, roleid/r), $before[1], 'nobody is a member of more than before');

done_testing();
