# Who hangs code on a table that logical replication fills gets no function of ours called by it, of any tier, whoever
# owns the subscription and in whose name it applies the changes.

use strict;
use warnings;

use Edurange::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Edurange::Cluster->new_ready('trust_apply',
	conf => "wal_level = logical\nmax_wal_senders = 8\nmax_replication_slots = 8\nwal_retrieve_retry_interval = 100ms\n");
my $version = $node->safe_psql('postgres', 'SHOW server_version_num');

sub sql { return $node->safe_psql('edurange', $_[0]) }
sub source { return $node->safe_psql('source', $_[0]) }

# Of this database the other one gets every change; the platform's owner there is the attacker, who is a player, too.
source_with_rows();
sql(q{
	CREATE ROLE mallory LOGIN IN ROLE edurange_player;
	CREATE ROLE chief LOGIN IN ROLE edurange_admin;
	CREATE SCHEMA mallory AUTHORIZATION mallory;
	GRANT USAGE ON SCHEMA mallory TO PUBLIC;
	GRANT CREATE ON SCHEMA public TO mallory;
	ALTER TABLE "User" OWNER TO mallory;
	CREATE TABLE mallory.calls AS
		SELECT p.oid::regprocedure::text AS name, format('SELECT * FROM edurange.%I(%s)', p.proname,
			(SELECT string_agg(CASE WHEN p.proisstrict THEN format('%L::%s', '1', t::regtype) ELSE format('NULL::%s', t::regtype) END,
				', ' ORDER BY o) FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, o))) AS call
		FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
		WHERE p.pronamespace = 'edurange'::regnamespace AND l.lanname = 'c' AND p.prorettype <> 'trigger'::regtype
		AND p.proname NOT IN ('new_id', 'wire', 'wire_piece', 'version_satisfies', 'worker_attributes');
	INSERT INTO mallory.calls VALUES
		('create_token', $$SELECT edurange.create_token('admin', 'mallory')$$),
		('add_points', $$SELECT edurange.add_points('ada', 'spring', 100)$$),
		('outcomes of create_token', $$SELECT * FROM edurange.outcomes('create_token', ARRAY['admin', 'x', NULL, NULL, NULL])$$),
		('outcomes of add_points', $$SELECT * FROM edurange.outcomes('add_points', ARRAY['ada', 'spring', '1', NULL, NULL, NULL, NULL, NULL])$$);
	CREATE TABLE mallory.log (way text, who text, name text, code text, message text);
	GRANT SELECT ON mallory.calls TO PUBLIC;
	GRANT INSERT ON mallory.log TO PUBLIC;
	CREATE FUNCTION mallory.climb(way text) RETURNS integer LANGUAGE plpgsql AS $$
	DECLARE
		c record;
	BEGIN
		FOR c IN SELECT * FROM mallory.calls LOOP
			BEGIN
				EXECUTE c.call;
				INSERT INTO mallory.log VALUES (way, current_user, c.name, '00000', 'it was called');
			EXCEPTION WHEN OTHERS THEN
				INSERT INTO mallory.log VALUES (way, current_user, c.name, SQLSTATE, SQLERRM);
			END;
		END LOOP;
		RETURN 1;
	END $$;
	ALTER FUNCTION mallory.climb(text) OWNER TO mallory});
my $count = sql('SELECT count(*) FROM mallory.calls');
cmp_ok($count, '>', 50, "$count calls are attacks");
my $before = rows_of_ours();

# What the attacker hangs on the two tables.  PostgreSQL evaluates no policy here: it applies nothing to a table that has
# one, except in the name of who is exempt from it.
sql(q{
	SET ROLE mallory;
	CREATE FUNCTION mallory.of(n integer, way text) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
		$$ BEGIN RETURN mallory.climb(way); END $$;
	CREATE FUNCTION mallory.spring() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM mallory.climb(tg_argv[0]);
		RETURN coalesce(new, old);
	END $$;
	CREATE DOMAIN mallory.word AS text CHECK (mallory.climb('domain') > 0);
	CREATE TABLE mallory.own (
		id integer PRIMARY KEY,
		word mallory.word,
		n integer DEFAULT mallory.climb('default'),
		made integer GENERATED ALWAYS AS (mallory.of(id, 'generated column')) STORED,
		CHECK (mallory.climb('check') > 0));
	CREATE INDEX ON mallory.own (mallory.of(id, 'index expression'));
	CREATE INDEX ON mallory.own (id) WHERE mallory.of(id, 'index predicate') > 0;
	CREATE TRIGGER before_row BEFORE INSERT OR UPDATE OR DELETE ON mallory.own
		FOR EACH ROW EXECUTE FUNCTION mallory.spring('trigger before');
	CREATE TRIGGER after_row AFTER INSERT OR UPDATE OR DELETE ON mallory.own
		FOR EACH ROW EXECUTE FUNCTION mallory.spring('trigger after');
	CREATE TRIGGER emptied BEFORE TRUNCATE ON mallory.own EXECUTE FUNCTION mallory.spring('truncate');
	CREATE CONSTRAINT TRIGGER late AFTER INSERT ON mallory.own INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION mallory.spring('deferred');
	ALTER TABLE mallory.own ENABLE ALWAYS TRIGGER before_row, ENABLE REPLICA TRIGGER after_row,
		ENABLE ALWAYS TRIGGER emptied, DISABLE TRIGGER late;

	CREATE INDEX strange ON "User" (mallory.of(length(id), 'platform: index expression'));
	ALTER TABLE "User" ADD strange integer DEFAULT mallory.climb('platform: default');
	CREATE TRIGGER strange_always BEFORE INSERT ON "User"
		FOR EACH ROW EXECUTE FUNCTION mallory.spring('platform: always');
	CREATE TRIGGER strange_replica AFTER INSERT ON "User"
		FOR EACH ROW EXECUTE FUNCTION mallory.spring('platform: replica');
	ALTER TABLE "User" ENABLE ALWAYS TRIGGER strange_always, ENABLE REPLICA TRIGGER strange_replica});
my @early = ('domain', 'default', 'generated column', 'check', 'index expression', 'index predicate', 'trigger before',
	'trigger after', 'platform: index expression', 'platform: default', 'platform: always', 'platform: replica');
my @changes = (@early, 'truncate');

# A database with the platform's tables, from which these and one of the attacker's are published; its slot must be there
# before the subscription, which is in the same server.
sub source_with_rows
{
	sql(q{
		INSERT INTO "CompetitionGroup" (id, name, "startDate", "updatedAt") VALUES ('spring', 'Spring', now(), now());
		INSERT INTO "User" (id, email, role, "updatedAt") VALUES ('ada', 'ada@example.org', 'STUDENT', now())});
	$node->safe_psql('postgres', 'CREATE DATABASE source TEMPLATE edurange');
	source(q{
		CREATE SCHEMA mallory;
		CREATE TABLE mallory.own (id integer PRIMARY KEY, word text);
		CREATE PUBLICATION everything FOR TABLE mallory.own, "User"});
	source(q{SELECT pg_create_logical_replication_slot('everything', 'pgoutput')});
	return;
}

# Everything that an attacker could want to be otherwise.
sub rows_of_ours
{
	return sql(q{SELECT (SELECT count(*) FROM edurange.token), (SELECT count(*) FROM edurange.points_ledger),
		(SELECT coalesce(sum(points), 0) FROM "GroupPoints"), (SELECT count(*) FROM edurange.standing),
		(SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolsuper),
		(SELECT string_agg(member::regrole || ' in ' || roleid::regrole, ', ' ORDER BY member, roleid) FROM pg_auth_members)});
}

# Was each call tried in each of the ways, and refused, in the name of $who?  Empties the log.
sub refused
{
	my ($name, $who, @ways) = @_;

	is(sql('SELECT string_agg(DISTINCT way, \', \') FROM mallory.log'), join(', ', sort @ways), "$name: each way was tried");
	is(sql("SELECT string_agg(way, ', ') FROM (SELECT way FROM mallory.log GROUP BY way HAVING count(DISTINCT name) < $count) short"),
		'', "$name: by each way every function");
	is(sql("SELECT string_agg(DISTINCT format('%s, %s: %s %s', way, name, code, message), E'\\n') FROM mallory.log WHERE code <> '42501'"),
		'', "$name: each is refused");
	is(sql('SELECT string_agg(DISTINCT who, \', \') FROM mallory.log'), $who, "$name: in the name of $who");
	is(rows_of_ours(), $before, "$name: no token, no points, no role");
	sql('TRUNCATE mallory.log');
	return;
}

# Lets the deferred trigger fire, or not.
sub deferred
{
	sql("ALTER TABLE mallory.own $_[0] TRIGGER late");
	return;
}

# All kinds of changes at the publisher, applied when it returns.
my $round = 0;
sub change
{
	$round++;
	source(qq{
		TRUNCATE mallory.own;
		INSERT INTO mallory.own VALUES ($round, 'a');
		UPDATE mallory.own SET word = 'b';
		DELETE FROM mallory.own;
		INSERT INTO "User" (id, email, role, "updatedAt") VALUES ('u$round', 'u$round\@example.org', 'STUDENT', now())});
	$node->wait_for_catchup('everything');
	is(sql("SELECT count(*) FROM \"User\" WHERE id = 'u$round'"), 1, "change $round was applied");
	return;
}

# The first copy of the rows and then their changes, of a superuser's subscription made in the way that is usual.
source(q{INSERT INTO mallory.own VALUES (0, 'copied')});
sql('DELETE FROM "User"; TRUNCATE mallory.log'); # of ada's row, which the attacker altered in her own name
sql(q{CREATE SUBSCRIPTION everything CONNECTION $c$} . $node->connstr('source') .
	q{$c$ PUBLICATION everything WITH (create_slot = false)});
$node->wait_for_subscription_sync($node, 'everything', 'edurange');
my $usual = $version >= 160000 ? 'mallory' : 'postgres';
refused('first copy', $usual, @early);
change();
refused('changes', $usual, @changes);

SKIP:
{
	skip 'PostgreSQL 15 applies changes only as the owner of the subscription', 1 if $version < 160000;

	# A deferred trigger would run at the end of the transaction: PostgreSQL refuses it, and with it the change.
	deferred('ENABLE ALWAYS');
	my $log_before = -s $node->logfile;
	source("INSERT INTO mallory.own VALUES (-1, 'late')");
	$node->wait_for_log(qr/cannot fire deferred trigger within security-restricted operation/, $log_before);
	is(sql('SELECT count(*) FROM mallory.own WHERE id = -1'), 0, 'a change with a deferred trigger is not applied');
	is(rows_of_ours(), $before, 'a deferred trigger: no token, no points, no role');
	deferred('DISABLE');
	change();
	refused('after a deferred trigger', 'mallory', @changes);

	sql('ALTER SUBSCRIPTION everything SET (run_as_owner = true)');
}
deferred('ENABLE ALWAYS');
change();
refused('as a superuser', 'postgres', @changes, 'deferred');

SKIP:
{
	skip 'In PostgreSQL 15 only superusers own subscriptions', 1 if $version < 160000;

	# an administrator's, who may write the tables; at once, or PostgreSQL may start it again as the owner of before
	sql(q{
		BEGIN;
		GRANT CREATE ON DATABASE edurange TO chief;
		GRANT ALL ON mallory.own, "User" TO chief;
		ALTER SUBSCRIPTION everything SET (password_required = false);
		ALTER SUBSCRIPTION everything OWNER TO chief;
		COMMIT});
	change();
	refused('as an administrator', 'chief', @changes, 'deferred');

	if ($version >= 170000)
	{
		sql('ALTER SUBSCRIPTION everything SET (streaming = parallel)');
		sql('ALTER SYSTEM SET debug_logical_replication_streaming = immediate');
		$node->reload;
		change();
		refused('in parallel', 'chief', @changes, 'deferred');
	}

	# and one of whoever may become the tables' owner
	deferred('DISABLE');
	sql('GRANT mallory TO chief');
	$before = rows_of_ours();
	sql('ALTER SUBSCRIPTION everything SET (run_as_owner = false)');
	change();
	refused('for an administrator', 'mallory', @changes);
}
sql('DROP SUBSCRIPTION everything');

done_testing();
