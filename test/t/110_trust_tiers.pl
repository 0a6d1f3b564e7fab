# Nobody gets a function of a higher tier called: not by what somebody else evaluates for them, nor by a
# wrapper.  The functions come from the catalogue, so that a new one is attacked, too.

use strict;
use warnings;

use Edurange::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = Edurange::Cluster->new_ready('trust_tiers',
	conf => "autovacuum_naptime = 1s\nautovacuum_analyze_threshold = 0\nautovacuum_analyze_scale_factor = 0\n");

sub sql { return $node->safe_psql('edurange', $_[0]) }

sql(q{
	CREATE ROLE mallory LOGIN IN ROLE edurange_player;
	CREATE ROLE chief LOGIN IN ROLE edurange_admin;
	CREATE SCHEMA mallory AUTHORIZATION mallory;
	CREATE SCHEMA chief AUTHORIZATION chief;
	GRANT USAGE ON SCHEMA mallory TO PUBLIC;
	GRANT USAGE ON SCHEMA chief TO PUBLIC});

# Every function of ours that SQL can call and that reads or writes a table, and a call of it; those that take
# no nulls get a value.
my $functions = q{
	SELECT p.oid::regprocedure::text AS name, format('SELECT * FROM edurange.%I(%s)', p.proname,
		(SELECT string_agg(CASE WHEN p.proisstrict THEN format('%L::%s', '1', t::regtype) ELSE format('NULL::%s', t::regtype) END,
			', ' ORDER BY o) FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, o))) AS call
	FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
	WHERE p.pronamespace = 'edurange'::regnamespace AND l.lanname = 'c' AND p.prorettype <> 'trigger'::regtype
	AND p.proname NOT IN ('new_id', 'wire', 'wire_piece', 'version_satisfies', 'worker_attributes')};
my $count = sql("SELECT count(*) FROM ($functions) f");
cmp_ok($count, '>', 50, "$count functions are attacked");

# Mallory's side: what calls each of them and writes down how that went.
sql(qq{
	CREATE TABLE mallory.calls AS $functions;
	INSERT INTO mallory.calls VALUES
		('outcomes of create_token', \$\$SELECT * FROM edurange.outcomes('create_token', ARRAY['admin', 'x', NULL, NULL, NULL])\$\$),
		('outcomes of add_points', \$\$SELECT * FROM edurange.outcomes('add_points', ARRAY['u','g','1',NULL,NULL,NULL,NULL,NULL])\$\$);
	GRANT SELECT ON mallory.calls TO PUBLIC;
	CREATE TABLE mallory.log (way text, name text, code text, message text);
	GRANT INSERT ON mallory.log TO PUBLIC;
	ALTER TABLE mallory.log OWNER TO mallory;
	CREATE FUNCTION mallory.climb(way text) RETURNS integer LANGUAGE plpgsql AS \$\$
	DECLARE
		c record;
	BEGIN
		FOR c IN SELECT * FROM mallory.calls LOOP
			BEGIN
				EXECUTE c.call;
				INSERT INTO mallory.log VALUES (way, c.name, '00000', 'it was called');
			EXCEPTION WHEN OTHERS THEN
				INSERT INTO mallory.log VALUES (way, c.name, SQLSTATE, SQLERRM);
			END;
		END LOOP;
		RETURN 1;
	END \$\$;
	ALTER FUNCTION mallory.climb(text) OWNER TO mallory});

# Does all that was tried in a way have this code?  Empties the log.
sub refused
{
	my ($way, $calls) = @_;

	is(sql("SELECT string_agg(format('%s: %s %s', name, code, message), E'\\n') FROM mallory.log WHERE way = '$way' AND code <> '42501'"),
		'', "$way: each is refused");
	cmp_ok(sql("SELECT count(DISTINCT name) FROM mallory.log WHERE way = '$way'"), '>=', $calls // $count + 2, "$way: each was tried");
	return;
}

# What somebody else evaluates.
for my $way ('ANALYZE', 'REINDEX', 'autovacuum')
{
	my $table = lc $way;
	# (at once: autovacuum, which comes once, must not come before the function climbs)
	sql(qq{
		BEGIN;
		SET ROLE mallory;
		CREATE TABLE mallory.$table (n integer);
		INSERT INTO mallory.$table VALUES (1);
		CREATE FUNCTION mallory.${table}_of(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS \$\$ SELECT n \$\$;
		CREATE INDEX ON mallory.$table (mallory.${table}_of(n));
		CREATE OR REPLACE FUNCTION mallory.${table}_of(n integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
			\$\$ BEGIN RETURN mallory.climb('$way'); END \$\$;
		COMMIT});
}
sql('ANALYZE mallory.analyze');
refused('ANALYZE');
sql('REINDEX TABLE mallory.reindex');
refused('REINDEX');
# (the statistics say so before it commits)
$node->poll_query_until('edurange', "SELECT last_autoanalyze IS NOT NULL AND EXISTS (SELECT FROM mallory.log WHERE way = 'autovacuum')
	FROM pg_stat_user_tables WHERE relid = 'mallory.autovacuum'::regclass")
  or BAIL_OUT('autovacuum never came');
refused('autovacuum');
sql(q{SET ROLE mallory; CREATE MATERIALIZED VIEW mallory.view AS SELECT mallory.climb('REFRESH') AS n WITH NO DATA});
sql('REFRESH MATERIALIZED VIEW mallory.view');
refused('REFRESH');
sql(q{SET ROLE mallory; CREATE TABLE mallory.bare (n integer); INSERT INTO mallory.bare VALUES (1);
	CREATE FUNCTION mallory.bare_of(n integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN mallory.climb('CREATE INDEX'); END $$});
sql('CREATE INDEX ON mallory.bare (mallory.bare_of(n))');
refused('CREATE INDEX');

# Triggers, on tables of Mallory's and below a cascade of foreign keys.
sql(q{
	SET ROLE mallory;
	CREATE TABLE mallory.parent (id integer PRIMARY KEY);
	CREATE TABLE mallory.child (id integer REFERENCES mallory.parent ON DELETE CASCADE);
	CREATE FUNCTION mallory.spring() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM mallory.climb(tg_argv[0]); RETURN NULL; END $$;
	CREATE TRIGGER spring AFTER INSERT ON mallory.parent FOR EACH ROW EXECUTE FUNCTION mallory.spring('trigger');
	CREATE TRIGGER spring AFTER DELETE ON mallory.child FOR EACH ROW EXECUTE FUNCTION mallory.spring('cascade');
	CREATE CONSTRAINT TRIGGER late AFTER INSERT ON mallory.child INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION mallory.spring('deferred')});
sql('INSERT INTO mallory.parent VALUES (1)');
refused('trigger');
sql('INSERT INTO mallory.child VALUES (1)');
refused('deferred');
sql('DELETE FROM mallory.parent');
refused('cascade');

# A wrapper of a higher role's: neither a superuser's nor an administrator's lends its tier.
for my $owner ('postgres', 'chief')
{
	sql(qq{
		CREATE FUNCTION $owner.wrap() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS \$\$
		DECLARE
			c record;
		BEGIN
			FOR c IN SELECT k.*, f.proname FROM mallory.calls k LEFT JOIN pg_proc f ON f.oid::regprocedure::text = k.name LOOP
				CONTINUE WHEN c.proname IS NOT NULL AND has_function_privilege('mallory', c.name, 'EXECUTE');
				BEGIN
					EXECUTE c.call;
					INSERT INTO mallory.log VALUES ('wrapper of $owner', c.name, '00000', 'it was called');
				EXCEPTION WHEN OTHERS THEN
					INSERT INTO mallory.log VALUES ('wrapper of $owner', c.name, SQLSTATE, SQLERRM);
				END;
			END LOOP;
			RETURN 1;
		END \$\$;
		ALTER FUNCTION $owner.wrap() OWNER TO $owner} =~ s/postgres\.wrap/public.wrap/gr);
	my $schema = $owner eq 'postgres' ? 'public' : $owner;
	sql("SET SESSION AUTHORIZATION mallory; SELECT $schema.wrap()");
	refused("wrapper of $owner", 30);
}

# The other way round: what a higher role calls of Mallory's, in her name.
sql(q{
	SET ROLE mallory;
	CREATE FUNCTION mallory.lure() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN mallory.climb('lure'); END $$;
	DELETE FROM mallory.log});
sql(q{SET SESSION AUTHORIZATION chief; SELECT mallory.lure()});
is(sql(q{SELECT string_agg(l.name, ', ') FROM mallory.log l JOIN pg_proc f ON f.oid::regprocedure::text = l.name
	WHERE l.code <> '42501' AND NOT has_function_privilege('mallory', f.oid, 'EXECUTE')}), '', 'a function of a lower role lends that one nothing');

is(sql('SELECT count(*) FROM edurange.token'), 0, 'no token was made');
is(sql(q{SELECT string_agg(rolname, ', ') FROM pg_roles WHERE rolsuper AND rolname <> 'postgres'}), '', 'nobody became superuser');

done_testing();
