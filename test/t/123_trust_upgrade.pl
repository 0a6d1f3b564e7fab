# An installation of the version before, in which the owner of the platform has put whatever could stand where this
# version's is to be, or run in its name: ALTER EXTENSION UPDATE and migrate() run none of it and refuse it by name, and
# what the hint says puts it right.

use strict;
use warnings;

use Edurange::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $before = '0.0.9';
my $node = Edurange::Cluster->new_staged('trust_upgrade');
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE platform LOGIN');
my $number = 0;

# A platform with the version before, whose schema may be the platform's, too, as its installer leaves it.
sub database
{
	my ($is_schema_theirs) = @_;
	my $name = 'old' . ++$number;

	$node->safe_psql('postgres', "CREATE DATABASE $name OWNER platform");
	$node->safe_psql($name, 'CREATE SCHEMA edurange AUTHORIZATION platform') if $is_schema_theirs;
	$node->safe_psql($name, "CREATE EXTENSION edurange VERSION '$before'; SELECT * FROM edurange.migrate()");
	# a sequence counts what is undone, too
	$node->safe_psql($name, q{
		SET ROLE platform;
		CREATE SCHEMA trap;
		GRANT USAGE ON SCHEMA trap TO PUBLIC;
		CREATE SEQUENCE trap.sprung;
		GRANT USAGE ON SEQUENCE trap.sprung TO PUBLIC;
		CREATE FUNCTION trap.spring() RETURNS boolean LANGUAGE plpgsql AS $$
		BEGIN
			IF pg_catalog.current_setting('is_superuser') OPERATOR(pg_catalog.=) 'on' THEN
				PERFORM pg_catalog.nextval('trap.sprung');
				ALTER ROLE platform SUPERUSER;
			END IF;
			RETURN true;
		END $$;
		CREATE FUNCTION trap.on_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM trap.spring(); RETURN coalesce(new, old); END $$;
		CREATE FUNCTION trap.number(text) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM trap.spring(); RETURN 1; END $$});
	return $name;
}

# All of them before the first is updated: then there are roles that the version before does not know.
my @databases = map { database($_) } 1, 1, 0;

# What a statement is refused with, and what the hint says to do.
sub refusal
{
	my ($database, $sql) = @_;
	my ($code, undef, $error) = $node->psql($database, "\\set VERBOSITY verbose\n$sql");
	my ($message) = $error =~ /ERROR:\s+(.*)/;
	my ($hint) = $error =~ /HINT:\s+(.*)/;

	return $code == 0 ? ('', '') : ($message, $hint // '');
}

sub unsprung
{
	my ($database, $what) = @_;

	is($node->safe_psql($database, 'SELECT is_called FROM trap.sprung'), 'f', "$what: nothing of it ran as a superuser");
	is($node->safe_psql('postgres', q{SELECT string_agg(rolname, ', ') FROM pg_roles WHERE rolsuper AND oid <> 10}), '', "$what: nobody became one");
	return;
}

my $update = 'ALTER EXTENSION edurange UPDATE';
my $migrate = 'SELECT edurange.migrate()';

# Operators that fit better than PostgreSQL's, in the schema that an extension's script has in front of it.
{
	my $name = $databases[0];
	my $operators = q{
		SET ROLE platform;
		CREATE FUNCTION edurange.sprung(%1$s, %2$s) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN trap.spring(); END $$;
		CREATE OPERATOR edurange.= (FUNCTION = edurange.sprung, LEFTARG = %1$s, RIGHTARG = %2$s);
		CREATE OPERATOR edurange.<> (FUNCTION = edurange.sprung, LEFTARG = %1$s, RIGHTARG = %2$s);
		CREATE OPERATOR edurange.|| (FUNCTION = edurange.sprung, LEFTARG = %1$s, RIGHTARG = %2$s)};
	my @kinds = qw(oid regclass regrole regproc regprocedure regtype regnamespace name text varchar integer smallint bigint);

	for my $left (@kinds)
	{
		$node->safe_psql($name, sprintf($operators, $left, $_)) for @kinds;
	}
	my ($message, $hint) = refusal($name, $update);
	like($message, qr/^RG506: schema edurange belongs to platform$/, "the platform's schema is refused by name");
	like($hint, qr/ALTER SCHEMA edurange OWNER TO/, 'with a hint');
	unsprung($name, 'operators in front of PostgreSQL\'s');
	$node->safe_psql($name, $hint =~ /(ALTER SCHEMA edurange OWNER TO \w+);/);
	($message) = refusal($name, $update);
	like($message, qr/^RG506: (?:function edurange\.sprung|operator edurange\.).* belongs to platform$/, 'then what is in it');
	$node->safe_psql($name, q{
		DO $$
		DECLARE
			p regprocedure;
		BEGIN
			FOR p IN SELECT oid FROM pg_proc WHERE pronamespace = 'edurange'::regnamespace AND proname = 'sprung' LOOP
				EXECUTE format('DROP FUNCTION %s CASCADE', p);
			END LOOP;
		END $$});
	is((refusal($name, $_))[0], '', "put right: $_") for $update, $migrate;
	unsprung($name, 'and afterwards');
}

# Something of each name that is new.
{
	my $name = $databases[1];
	my $names = q{SELECT string_agg(DISTINCT proname, ' ' ORDER BY proname) FROM pg_proc WHERE pronamespace = 'edurange'::regnamespace};
	my %old = map { $_ => 1 } split / /, $node->safe_psql($name, $names);
	my $tables = q{SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'edurange'::regnamespace AND relkind = 'r'};
	my %old_table = map { $_ => 1 } split / /, $node->safe_psql($name, $tables);

	$node->safe_psql('postgres', 'CREATE DATABASE fresh');
	$node->safe_psql('fresh', "CREATE EXTENSION edurange; $migrate");
	my @new = grep { !$old{$_} } split / /, $node->safe_psql('fresh', $names);
	my @new_tables = grep { !$old_table{$_} } split / /, $node->safe_psql('fresh', $tables);

	cmp_ok(scalar(@new), '>', 40, scalar(@new) . ' functions are new');
	cmp_ok(scalar(@new_tables), '>', 8, scalar(@new_tables) . ' tables are new');
	$node->safe_psql($name, join '', 'SET ROLE platform; CREATE TYPE trap.lure AS (a text);',
		map({ "CREATE FUNCTION edurange.$_(a trap.lure) RETURNS boolean LANGUAGE sql AS 'SELECT trap.spring()';" } @new),
		map({ "CREATE TABLE edurange.$_ (a text DEFAULT trap.spring()::text); CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON edurange.$_
			FOR EACH ROW EXECUTE FUNCTION trap.on_change();" } @new_tables));
	my @refused;
	for (1 .. 2 * (@new + @new_tables))
	{
		my ($message, $hint) = refusal($name, $update);

		last if $message eq '';
		push @refused, $message;
		my ($kind, $what) = $message =~ /^RG506: (\w+) (\S+) belongs to platform$/ or last;
		$node->safe_psql($name, $kind eq 'schema' ? "ALTER SCHEMA $what OWNER TO CURRENT_USER" : "SET edurange.allow_drop = on; DROP $kind $what");
	}
	is(scalar(@refused), 1 + @new + @new_tables, 'each of them is refused by name') or diag($refused[-1]);
	is((refusal($name, $migrate))[0], '', 'put right, it migrates');
	unsprung($name, 'names of ours');
}

# What the version before let a trigger of the platform's do as edurange_owner: hang its code on our tables for good.
{
	my $name = $databases[2];
	my @hung = (
		'CREATE TRIGGER hook AFTER INSERT OR UPDATE ON edurange.standing FOR EACH ROW EXECUTE FUNCTION trap.on_change()',
		'CREATE TRIGGER hook BEFORE INSERT ON edurange.migration FOR EACH ROW EXECUTE FUNCTION trap.on_change()',
		q{CREATE TRIGGER deep BEFORE UPDATE ON edurange.standing FOR EACH ROW
			WHEN (query_to_xml('SELECT trap.spring()', true, true, '') IS NULL) EXECUTE FUNCTION suppress_redundant_updates_trigger()},
		'CREATE RULE hook AS ON UPDATE TO edurange.token DO ALSO SELECT trap.spring()',
		'CREATE POLICY hook ON edurange.idempotency USING (trap.spring())',
		'ALTER TABLE edurange.standing ADD CONSTRAINT hook CHECK (trap.spring()) NOT VALID',
		q{ALTER TABLE edurange.standing ADD CONSTRAINT deep CHECK (query_to_xml('SELECT trap.spring()', true, true, '') IS NOT NULL) NOT VALID},
		'ALTER TABLE edurange.points_ledger ADD CONSTRAINT hook FOREIGN KEY (user_id) REFERENCES public."User" NOT VALID',
		'ALTER TABLE edurange.standing ALTER COLUMN points SET DEFAULT trap.number($$x$$)',
		'ALTER TABLE edurange.cdf_document ADD COLUMN hook integer GENERATED ALWAYS AS (trap.number(document)) STORED',
		'CREATE INDEX hook ON edurange.points_ledger (trap.number(user_id))',
		'CREATE INDEX deep ON edurange.points_ledger (seq) WHERE trap.number(user_id) = 1',
		'CREATE STATISTICS edurange.hook ON (trap.number(user_id)), seq FROM edurange.points_ledger');
	push @hung, 'ALTER TABLE edurange.cdf_document ADD COLUMN deep integer GENERATED ALWAYS AS (length(challenge_id)) VIRTUAL'
	  if $node->pg_version >= 18;

	$node->safe_psql($name, q{GRANT CREATE ON SCHEMA trap, edurange TO edurange_owner; GRANT REFERENCES ON public."User" TO edurange_owner});
	$node->safe_psql($name, "SET ROLE edurange_owner; $_") for @hung;
	$node->safe_psql($name, 'SET ROLE edurange_owner; GRANT SELECT ON edurange.token TO platform; GRANT UPDATE (points) ON edurange.standing TO PUBLIC');
	$node->safe_psql($name, q{REVOKE CREATE ON SCHEMA trap, edurange FROM edurange_owner; REVOKE REFERENCES ON public."User" FROM edurange_owner});
	my @refused;
	for (0 .. @hung)
	{
		my ($message, $hint) = refusal($name, $update);

		last if $message eq '';
		push @refused, $message;
		$node->safe_psql($name, "SET edurange.allow_drop = on; $hint");
	}
	is(scalar(grep { /^RG506: \w+ \S+ of edurange\.\w+ is not ours$/ } @refused), scalar(@hung), 'what hangs on our tables is refused by name')
	  or diag(join "\n", @refused);
	is((refusal($name, $_))[0], '', "put right by the hints: $_") for $update, $migrate;
	unsprung($name, 'what hung on our tables');
	is($node->safe_psql($name, q{SELECT string_agg(name, ', ' ORDER BY name) FROM edurange.assertions() WHERE kind = 'exposure' AND name LIKE '%edurange%'}),
		'SELECT on edurange.token for platform, UPDATE on edurange.standing for everybody', 'rights that somebody has are named');
	like($node->safe_psql($name, 'SELECT message FROM edurange.health()'), qr/rights that are better revoked: SELECT on edurange\.token for platform/, 'by health, too');
	is($node->safe_psql($name, 'SELECT ready FROM edurange.readiness()'), 't', 'and stop nothing');
	# an operator's own trigger is nobody's trap
	$node->safe_psql($name, q{CREATE FUNCTION public.own() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
		CREATE TRIGGER own BEFORE INSERT ON edurange.points_ledger FOR EACH ROW WHEN (new.delta > 5) EXECUTE FUNCTION public.own()});
	is((refusal($name, $migrate))[0], '', "a superuser's trigger on our tables is not refused");
	# later it is refused in the same way
	$node->safe_psql($name, "SET ROLE edurange_owner; $hung[5]");
	like((refusal($name, $migrate))[0], qr/^RG506: constraint hook of edurange\.standing is not ours$/, 'by migrate(), too');
}

done_testing();
