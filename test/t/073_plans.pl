# No plan grows with its table where a key is given: the planner is asked about every statement of the extension, over
# tables of 20,000 rows that it takes for ten million, and about every check that a deletion makes of a foreign key.
#
# A statement may read a whole table only where it is listed below, with the reason.  A condition that holds where an
# argument is null is no key: the plan that serves both reads whatever the other keys select, and throws it away.  So it
# may filter only where it is listed, too; and statements that are planned anew for each call are asked about with each
# argument null alone, and with each given alone.

use strict;
use warnings;

use Edurange::Cluster;
use FindBin;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::RealBin/../..";
my $rows = 20_000;

# Statements that are about all rows, or all of one kind, and the tables that they may read so.
my %reads_all = (
	'board/events.c BEGIN_HISTORY' => 'once in the life of a database: how far each ledger had come before its first feed',
	'admin/findings.c' => 'operators ask for all rows: one pass over each table',
	'admin/health.c' => 'catalogues and statistics',
	'admin/migrate.c' => 'migrations, of which there are few, and findings before the first of them',
	'admin/opening.c' => 'migrate() and repair(), which look at all totals',
	'admin/table_locks.c' => 'catalogues',
	'game/points.c ENTRY_INVARIANTS' => 'operators ask for all rows',
	'game/points.c PAIR_INVARIANTS' => 'operators ask for all rows',
	'game/ledger.c CLOSE_ALL' => 'TRUNCATE of the totals',
	'game/ledger.c CLEAR_MEMBERS' => 'TRUNCATE of the memberships',
	'game/ledger.c HAS_POINTS' => 'TRUNCATE of the totals',
	'game/ledger.c HAS_MEMBERS' => 'TRUNCATE of the memberships',
	'game/kept_questions.c FORGET_ALL' => 'TRUNCATE of the questions',
	'game/completion_changes.c FORGET_ALL' => 'TRUNCATE of the users or of the challenges of competitions',
	'game/rosters.c FORGET_USERS' => 'TRUNCATE of the users',
	'game/rosters.c FORGET_COMPETITIONS' => 'TRUNCATE of the competitions',
	'game/rosters.c KEPT_USERS' => 'TRUNCATE of the users',
	'game/rosters.c KEPT_COMPETITIONS' => 'TRUNCATE of the competitions',
	'game/challenges.c ALL' => 'the list of all challenges',
	'game/challenges.c PAGE' => 'a list of some of all challenges, which are few',
	'game/instances.c LIST' => 'of a status alone, which is what operators ask for, instances are looked through by their ids',
	'packs/packs.c LIST' => 'the list of all packs',
	'packs/packs.c NEEDED_BY' => 'what packs need of each other: packs are few',
	'cdf/cdf_schema.c ACTIVE_SCHEMA' => 'the challenge types of operators, all of which the schema gets',
	'sync/sync.c COMPARE' => 'all live instances are compared with all pods',
	'sync/sync_steps.c ADOPT' => 'a pod may say its challenge by a label alone, which no index knows',
);

# Statements that filter by what may be left out, and why what they read is little all the same.
my %filters = (
	'admin/findings.c' => 'operators ask for all rows, or for those of one subject',
	'board/state.c ROWS' => 'the heads of one board, which its rows are made from',
	'course/records.c ATTEMPTS_OF_USER' => 'the attempts of one user',
	'game/questions.c FIND_FLAG' => 'the instances of one user of one challenge',
	'game/questions.c LIVE_FLAG' => 'the instances of one user of one challenge',
);

# ---- the statements ------------------------------------------------------------------------------
# The tables of statements as the compiler sees them.
my @statements;
my $includes = `pg_config --includedir-server`;
chomp $includes;
for my $file (sort glob("$top/extension/*/*.c"))
{
	my $name = $file =~ s,.*/extension/,,r;
	next if slurp_file($file) !~ /^static Statement statements/m;
	my $text = `cc -E -P -std=gnu11 -I $top/extension -I $top/build -I $includes '-DPGDLLEXPORT=' $file`;
	my ($table) = $text =~ /^static Statement statements\[STATEMENT_COUNT\] = \{(.*?)^\};/ms or die "$name: no table";
	my ($ids) = $text =~ /typedef enum StatementId\s*\{(.*?)STATEMENT_COUNT/s;
	my $count = () = $ids =~ /\w+/g;
	my $found = 0;

	while ($table =~ /\[(\w+)\]\s*=\s*\{\s*((?:"(?:[^"\\]|\\.)*"\s*)+)(?:,\s*\{([^{}]*)\})?((?:\s*,\s*\.\w+\s*=\s*[^,{}]+)*),?\s*\}/g)
	{
		my ($id, $sql, $types, $flags) = ($1, $2, $3 // '', $4);
		$sql = join('', map { JSON::PP->new->allow_nonref->decode($_) } $sql =~ /"(?:[^"\\]|\\.)*"/g);
		push @statements, { name => "$name $id", sql => $sql, types => [ grep { $_ > 0 } $types =~ /\d+/g ], by_key => $flags =~ /\.by_key = (?:1|true)/ };
		$found++;
	}
	is($found, $count, "$name: all statements are read");
}
cmp_ok(scalar @statements, '>', 100, 'there are many');

# By what statements are planned that have keys.
my ($planning) = slurp_file("$top/extension/base/statements.c") =~ /planning\[\]\[2\] = \{(.*?)\n\};/s;
my @planning = map { "SET $_" } $planning =~ /\{("\w+", "[\w.]+")\}/g;
s/"(\w+)", "([\w.]+)"/$1 = $2/ for @planning;

# ---- the tables ----------------------------------------------------------------------------------
my $node = Edurange::Cluster->new_ready('plans', conf => "fsync = off\nautovacuum = off\njit = off\n");

sub sql { return $node->safe_psql('edurange', $_[0]) }

# A thousand values in each column that is no key of its own, so that two of them together name a row.
sql(qq{
	SET session_replication_role = replica;
	DO \$\$
	DECLARE
		t record;
		names text;
		makes text;
	BEGIN
		FOR t IN SELECT c.oid, c.oid::regclass AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE c.relkind = 'r' AND n.nspname IN ('public', 'edurange') AND c.relname NOT IN ('migration', 'sync_state') LOOP
			SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), string_agg(CASE
				WHEN y.typtype = 'e' THEN format('(enum_range(NULL::%s))[1 + n %% array_length(enum_range(NULL::%s), 1)]', y.oid::regtype, y.oid::regtype)
				WHEN y.oid = 'text'::regtype AND a.attname IN ('id', 'code', 'email', 'key', 'sessionToken', 'token') THEN '''id'' || n'
				WHEN y.oid = 'text'::regtype AND a.attnum % 2 = 1 THEN '''id'' || n % 1000'
				WHEN y.oid = 'text'::regtype THEN '''id'' || n / 20'
				WHEN y.typcategory = 'N' THEN 'n'
				WHEN y.typcategory = 'D' THEN 'now() - n * interval ''1 min'''
				WHEN y.typcategory = 'B' THEN 'n % 2 = 0'
				WHEN y.typcategory = 'A' THEN '''{}'''
				WHEN y.oid = 'bytea'::regtype THEN 'sha256(n::text::bytea)'
				ELSE '''{}''' END, ', ' ORDER BY a.attnum)
			INTO names, makes FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
			WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped;
			BEGIN
				EXECUTE format('INSERT INTO %s (%s) SELECT %s FROM generate_series(1, $rows) n ON CONFLICT DO NOTHING', t.name, names, makes);
			EXCEPTION WHEN check_violation THEN
				RAISE NOTICE '% keeps its rows: %', t.name, SQLERRM;
			END;
		END LOOP;
	END
	\$\$;
	ANALYZE;
	UPDATE pg_class SET reltuples = reltuples * 500 WHERE relkind = 'r' AND relnamespace IN ('public'::regnamespace, 'edurange'::regnamespace)});
my %size = map { split /\|/ } split /\n/, sql(q{SELECT relname, reltuples::bigint FROM pg_class WHERE relkind = 'r'
	AND relnamespace IN ('public'::regnamespace, 'edurange'::regnamespace)});
my %large = map { $_ => 1 } grep { $size{$_} >= 100_000 } keys %size;
cmp_ok(scalar keys %large, '>=', 20, 'tables are large') or diag explain \%size;

# ---- the plans -----------------------------------------------------------------------------------
# The nodes of a plan that read a large table in a way that grows with it.
sub whole_reads
{
	my ($plan) = @_;
	my @found;
	my $table = $plan->{'Relation Name'};
	my $conditioned = $plan->{'Index Cond'} || $plan->{'Recheck Cond'} || $plan->{'TID Cond'};

	push @found, "$plan->{'Node Type'} of $table" if defined $table && $large{$table} && $plan->{'Node Type'} =~ /Scan/ && !$conditioned;
	push @found, whole_reads($_) for @{ $plan->{Plans} // [] };
	return @found;
}

# The nodes that read a large table and throw away what an argument selects that may be null.
sub optional_filters
{
	my ($plan) = @_;
	my $table = $plan->{'Relation Name'};
	my @found = defined $table && $large{$table} && ($plan->{Filter} // '') =~ /(\(\$\d+\)?(?:::\w+)? IS NULL\b)/ ? "$table by $plan->{Filter}" : ();

	push @found, optional_filters($_) for @{ $plan->{Plans} // [] };
	return @found;
}

# The lists of arguments that a statement is asked with: all given, and, where it is planned anew for each call, each text
# null alone, and given alone.
sub variants
{
	my ($is_kept, @values) = @_;
	my @texts = $is_kept ? () : grep { $values[$_] =~ /::text$/ } 0 .. $#values;
	my $without = sub { my %left_out = map { $_ => 1 } @_; return [ map { $left_out{$_} ? 'NULL' : $values[$_] } 0 .. $#values ] };

	return [@values], map { my $n = $_; ($without->($n), $without->(grep { $_ != $n } @texts)) } @texts;
}

my %value = (text => q('id7'), integer => '7', bigint => '7', boolean => 'true', jsonb => q('{}'), bytea => q('\x00'),
	'timestamp with time zone' => 'now()', interval => q('1 min'), xid => q('7'), 'double precision' => '1');
my %type = map { split /\|/ } split /\n/, sql('SELECT oid, format_type(oid, NULL) FROM pg_type');

# Is a statement, or all of its file, in a list?
my %used;
sub listed
{
	my ($list, $name) = @_;
	my ($file) = split / /, $name;
	my ($entry) = grep { exists $list->{$_} } $file, $name =~ s,_OF_BEFORE$,,r;

	$used{$entry} = 1 if defined $entry;
	return defined $entry;
}

for my $statement (@statements)
{
	next unless $statement->{sql} =~ /^\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b/;
	my @types = map { $type{$_} } @{ $statement->{types} };
	my @values = map { /^(.*)\[\]$/ ? "ARRAY[$value{$1}]::$_" : "$value{$_}::$_" } @types;
	my $arguments = @types ? '(' . join(', ', @types) . ')' : '';
	# a text may have to be JSON
	$_ = $_ eq q('id7'::text) && $statement->{sql} =~ /\$(\d+)::jsonb?\b|json/ ? q('[]'::text) : $_ for @values;
	my @asked = map { @$_ ? 'EXPLAIN (FORMAT JSON) EXECUTE s (' . join(', ', @$_) . ')' : 'EXPLAIN (FORMAT JSON) EXECUTE s' } variants($statement->{by_key}, @values);
	my ($status, $out, $err) = $node->psql('edurange', join(";\n",
		'SET search_path = pg_catalog, pg_temp',
		$statement->{by_key} ? (@planning, 'SET plan_cache_mode = force_generic_plan') : 'SET plan_cache_mode = force_custom_plan',
		"PREPARE s$arguments AS $statement->{sql}", @asked));

	if ($status != 0)
	{
		fail("$statement->{name} is planned");
		diag $err;
		next;
	}
	my @plans = map { $_->[0]{Plan} } JSON::PP->new->incr_parse($out);
	is(scalar @plans, scalar @asked, "$statement->{name}: all plans are read") if @asked > 1;
	my @whole = map { whole_reads($_) } @plans;
	ok(!@whole, $statement->{name}) or diag join(', ', @whole), "\n", $statement->{sql}
	  unless @whole && listed(\%reads_all, $statement->{name});
	my @filters = map { optional_filters($_) } @plans;
	ok(!@filters, "$statement->{name} filters by nothing that may be left out") or diag join("\n", @filters)
	  unless @filters && listed(\%filters, $statement->{name});
}
is_deeply([ grep { !$used{$_} } sort keys %filters ], [], 'what is listed as filtering does so');

# ---- deletions -----------------------------------------------------------------------------------
for my $key (split /\n/, sql(q{
	SELECT format('%s|DELETE FROM ONLY %s x WHERE $1 OPERATOR(pg_catalog.=) x.%I', k.conname, k.conrelid::regclass, a.attname)
	FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
	WHERE k.contype = 'f' AND k.connamespace IN ('public'::regnamespace, 'edurange'::regnamespace) ORDER BY 1}))
{
	my ($name, $delete) = split /\|/, $key;
	my $out = sql("SET plan_cache_mode = force_generic_plan; PREPARE d (text) AS $delete; EXPLAIN (FORMAT JSON) EXECUTE d ('id7')");

	is_deeply([ whole_reads(decode_json($out)->[0]{Plan}) ], [], "$name: what goes with a row is found by its key");
}

done_testing();
