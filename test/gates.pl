#!/usr/bin/perl
# Rules of CONTRIBUTING.md that no compiler knows, one section below for each.
#
# Usage: test/gates.pl [FOLDER]: the checkout, unless it is this one.  Prints findings; exits 1 on any.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use File::Find qw(find);
use FindBin;

my $top = $ARGV[0] // "$FindBin::Bin/..";
my $findings = 0;

sub finding
{
	print "$_[0]\n";
	$findings++;
	return;
}

sub slurp
{
	my ($path) = @_;

	open(my $file, '<', "$top/$path") or die "$path: $!\n";
	local $/ = undef;
	return scalar <$file>;
}

# Files below folders, or such files themselves, whose paths match; build output aside.
sub files
{
	my ($which, @where) = @_;
	my @files;

	find(
		{
			no_chdir => 1,
			wanted => sub {
				my $path = $_ =~ s,^\Q$top\E/,,r;
				push @files, $path if $path =~ $which && -f $_;
			},
			preprocess => sub { grep { $_ ne 'build' && $_ ne '.git' } @_ },
		},
		grep { -e } map { "$top/$_" } @where);
	@files = sort @files;
	return @files;
}

# The same text with what $where matches replaced by as many empty lines.
sub without
{
	my ($text, $where) = @_;

	return $text =~ s/$where/"\n" x ($& =~ tr,\n,,)/gser;
}

# A line's number in a text, from an offset.
sub line_at
{
	my ($text, $offset) = @_;

	return 1 + (substr($text, 0, $offset) =~ tr/\n//);
}

my $literal = qr/"(?:[^"\\\n]|\\.)*"/s;
my $gap = qr/(?:\s|\\\n)*/;

# A C file without its comments; what looks like one within a literal stays.
sub c_text
{
	my ($path) = @_;

	return slurp($path) =~ s{($literal|'(?:[^'\\\n]|\\.)+')|/\*.*?\*/|//[^\n]*}{$1 // ' ' . "\n" x ($& =~ tr/\n//)}gser;
}

# Those that make makes aside.
my @c_files = grep { !m{\.made\.c$} } files(qr/\.[ch]$/, qw(extension shim syncworker));
my %c_text = map { $_ => c_text($_) } @c_files;

# ---- SQL only in statement tables ----------------------------------------------------------------
# A statement table is an array "statements" at the margin of a .c file.  A #define may hold SQL, too, when
# it is used by statement tables and by such #defines of the same part alone.

my $object = qr/(?:TABLE|(?:MATERIALIZED\s+)?VIEW|FUNCTION|PROCEDURE|(?:UNIQUE\s+)?INDEX|(?:CONSTRAINT\s+|EVENT\s+)?TRIGGER|
	EXTENSION|TYPE|ROLE|USER|SCHEMA|SEQUENCE|DATABASE|DOMAIN|POLICY|RULE|PUBLICATION|SUBSCRIPTION|STATISTICS|DEFAULT|OWNED)/xi;
my $begins = qr/(?:
	SELECT(?:\s+(?!(?:a|an|the|one|what|which)\s)|\(|$) |
	INSERT(?:\s+INTO\b|\s*$) | UPDATE(?:\s+(?:ONLY\s+)?\S+\s+(?:(?:AS\s+)?\w+\s+)?SET\b|\s*$) | DELETE\s+(?:FROM\b|$) |
	MERGE\s+INTO\b | VALUES\s*\( | TABLE\s+[\w.\\"]+\s*;?\s*$ | WITH\s+(?:RECURSIVE\s+)?\w+(?:\s*\([^)]*\))?\s+AS\b |
	SET\s+(?:(?:LOCAL|SESSION)\s+)?(?:[\w.]+\s*(?:=|\bTO\b)\s*(?:['%\$\d]|\w+\s*(?:;|$)|$)|ROLE\b|CONSTRAINTS\b|TRANSACTION\b|AUTHORIZATION\b|TIME\s+ZONE\b) |
	RESET\s+(?:ALL|ROLE|[\w]+\.[\w.]+)\b | SHOW\s+\w+\s*;?\s*$ | CALL\s+[\w.\\"]+\s*\( | DO\s+(?:\$|'|LANGUAGE\b) |
	LOCK\s+(?:TABLE\b|(?:ONLY\s+)?[\w.\\"%]+(?:\s*,\s*[\w.\\"%]+)*\s+(?:IN|NOWAIT)\b|[\w]+\.[\w\\"]+) |
	COPY\s+(?:\(|[\w.\\"]+(?:\s*\([^)]*\))?\s+(?:FROM|TO)\b) |
	(?:CREATE|ALTER|DROP)\s+(?:OR\s+REPLACE\s+|TEMP(?:ORARY)?\s+|UNLOGGED\s+)?$object\s |
	(?:GRANT|REVOKE)\s.*\b(?:ON|TO|FROM)\s+\S | TRUNCATE\s+(?:TABLE\b|[\w]+\.|\\"|%|[\w]+\s*;?\s*$) |
	(?:ANALYZE|VACUUM|REINDEX|CLUSTER|CHECKPOINT|BEGIN|COMMIT|ROLLBACK)\s*;?\s*$ |
	(?:ANALYZE|VACUUM)\s+(?:\(|[\w]+\.|\\"|%) | REINDEX\s+(?:\(|INDEX|TABLE|DATABASE|SCHEMA)\b | REFRESH\s+MATERIALIZED\b |
	COMMENT\s+ON\b | (?:NOTIFY|LISTEN|UNLISTEN|SAVEPOINT|DEALLOCATE|DISCARD)\s+\w+\s*;?\s*$ | START\s+TRANSACTION\b |
	ROLLBACK\s+TO\b | RELEASE\s+SAVEPOINT\b | PREPARE\s+\w+.*\bAS\b | EXECUTE\s+\w+\s*\( | DECLARE\s+\w+.*\bCURSOR\b |
	FETCH\s+.*\bFROM\b | EXPLAIN\s+(?:\(|ANALYZE\b|SELECT\b) | SECURITY\s+LABEL\b | IMPORT\s+FOREIGN\b
)/xi;
# The words that commands of SQL begin with; in capitals, before another word, prose and C have none of them.
my $command = join '|', qw(ABORT ALTER ANALYZE BEGIN CALL CLOSE CLUSTER COMMENT COMMIT COPY CREATE DEALLOCATE DECLARE DELETE
  DISCARD DO DROP END EXECUTE EXPLAIN FETCH GRANT IMPORT INSERT LISTEN LOAD LOCK MERGE MOVE NOTIFY PREPARE REASSIGN REFRESH
  REINDEX RELEASE RESET REVOKE ROLLBACK SAVEPOINT SECURITY SELECT SET SHOW START TABLE TRUNCATE UNLISTEN UPDATE VACUUM VALUES WITH);
my $sql = qr/
	(?-i:^[\s(]*(?!DELETE\s+\/\w)(?:$command)\s+\S) | # (but for a method and a path)
	(?:^|;)(?:[\s(]|\\[nt]|\/\*.*?\*\/|--.*?(?:\\n|\n))*$begins | # a statement
	\$\d+\b(?!\$) |                                               # the parameter of one
	\b(?:FROM|JOIN|INTO)\s+(?:ONLY\s+)?(?:edurange|public|pg_catalog|information_schema)\s*\. |
	^\s*(?:WHERE|HAVING)\s+\S+.*(?:[=<>]|\bIS\b|\bIN\b|\bLIKE\b) |
	^\s*(?:ORDER\s+BY|GROUP\s+BY|ON\s+CONFLICT|FOR\s+(?:NO\s+KEY\s+)?UPDATE\b|FOR\s+(?:KEY\s+)?SHARE\b|UNION\s+ALL|LEFT\s+JOIN|INNER\s+JOIN|CROSS\s+JOIN|RETURNING)\b
/xis;

# The literals of a text that are SQL, adjacent pieces taken as one: offset and content of each.
sub sql_in
{
	my ($text) = @_;
	my @found;

	while ($text =~ /$literal(?:$gap$literal)*/g)
	{
		my $offset = $-[0];
		my $content = join '', map { substr $_, 1, -1 } $& =~ /$literal/g;
		push @found, [ $offset, $content ] if $content =~ $sql;
	}
	return @found;
}

# A directive of one line, or of several that end in backslashes, and a statement table.
my $directive = qr/^[ \t]*\#[ \t]*(\w+)((?:[^\n]*\\\n)*[^\n]*)/m;
my $statement_table = qr/^(?:static\s+)?(?:const\s+)?(?:\w*Statement|char\s+\*const)\s+statements\[[^\]]*\]\s*=\s*\{.*?^\};/ms;

sub check_sql
{
	my (%outside, %define);

	for my $path (@c_files)
	{
		my $text = $c_text{$path};
		my $scope = $path =~ m{^(\w+)/.*\.h$} ? $1 : $path; # a header's are seen in all of its part
		while ($text =~ /$directive/g)
		{
			my ($what, $rest) = ($1, $2);
			$define{$scope}{$1} .= $2 if $what eq 'define' && $rest =~ /^\s*(\w+)(.*)/s;
		}
		# as a macro makes a text of it
		my $code = $text =~ s/$literal/""/gr;
		finding("$path:" . line_at($code, $-[0]) . ": SQL outside of a statement table: $&") while $code =~ /\b(?:$command)[ \t]+\w.*/g;
		$text = without($text, $directive);
		if ($path =~ /\.c$/)
		{
			my $tables = () = $text =~ /$statement_table/g;
			finding("$path has $tables statement tables") if $tables > 1;
			$text = without($text, $statement_table);
		}
		$outside{$path} = $text;
		finding("$path:" . line_at($text, $_->[0]) . ": SQL outside of a statement table: \"$_->[1]\"") for sql_in($text);
	}
	check_pieces(\%outside, \%define);
	return;
}

# The names in a text, literals aside: offset and name of each.
sub names_in
{
	my $text = $_[0] =~ s/$literal/'"' . ' ' x (length($&) - 2) . '"'/ger;
	my @names;

	push @names, [ $-[0], $& ] while $text =~ /\b[A-Za-z_]\w*\b/g;
	return @names;
}

# What #defines hold of SQL is used by statement tables alone: names that hold it are followed through
# further #defines, and none may stand outside of a table.
sub check_pieces
{
	my ($outside, $define) = @_;
	my %holds;
	my $more = 1;

	while ($more)
	{
		$more = 0;
		for my $scope (keys %$define)
		{
			my ($part) = $scope =~ m{^(\w+)};
			while (my ($name, $body) = each %{ $define->{$scope} })
			{
				next if $holds{$scope}{$name};
				next unless sql_in($body) || grep { $holds{$scope}{ $_->[1] } || $holds{$part}{ $_->[1] } } names_in($body);
				$holds{$scope}{$name} = $more = 1;
			}
		}
	}
	for my $path (@c_files)
	{
		my ($part) = $path =~ m{^(\w+)};
		for (names_in($outside->{$path}))
		{
			my ($offset, $name) = @$_;
			finding("$path:" . line_at($outside->{$path}, $offset) . ": SQL outside of a statement table: $name")
			  if $holds{$path}{$name} || $holds{$part}{$name};
		}
	}
	return;
}

# ---- identities: no statement writes ours and names theirs ---------------------------------------
# One that names the platform's tables runs with rights that are worth nothing, whatever hangs on these: it could not
# write ours.  Of ours it reads what edurange.lent_tables() lists.

# A text with what its #defines stand for.
sub expanded
{
	my ($text, $define, @within) = @_;
	my %name = map { $_->[1] => 1 } names_in($text);

	return join ' ', $text, map { expanded($define->{$_}, $define, @within, $_) }
	  grep { my $name = $_; defined $define->{$name} && !grep { $_ eq $name } @within } sort keys %name;
}

sub check_identities
{
	my ($lent) = slurp('schema/extension/40_migrate.sql') =~ /FUNCTION edurange\.lent_tables\(\).*?ARRAY\[(.*?)\]/s;
	my %lent = map { $_ => 1 } ($lent // '') =~ /'(\w+)'/g;
	my %ours = map { $_ => 1 } map { /^CREATE TABLE (\w+)/gm } grep { /^SET LOCAL search_path = edurange;/m }
	  map { slurp($_) } files(qr/\.sql$/, 'schema/migrations');
	my $ours = join '|', 'migration', sort keys %ours;
	my (%shared, $count);

	for my $path (@c_files)
	{
		my ($part) = $path =~ m{^(\w+)/};
		while ($path =~ /\.h$/ && $c_text{$path} =~ /$directive/g)
		{
			my ($what, $rest) = ($1, $2);
			$shared{$part}{$1} = $2 if $what eq 'define' && $rest =~ /^\s*(\w+)(.*)/s;
		}
	}
	for my $path (grep { m{^extension/.*\.c$} } @c_files)
	{
		my %define = %{ $shared{extension} // {} };
		my $text = $c_text{$path};
		while ($text =~ /$directive/g)
		{
			my ($what, $rest) = ($1, $2);
			$define{$1} = $2 if $what eq 'define' && $rest =~ /^\s*(\w+)(.*)/s;
		}
		next unless $text =~ /$statement_table/;
		my $statements = $&;
		for my $entry (split /(?=^\s+\[\w+\] =)/m, $statements)
		{
			my ($name) = $entry =~ /^\s+\[(\w+)\] =/ or next;
			my $sql = join '', map { s/\\"/"/gr } map { substr $_, 1, -1 } expanded($entry, \%define) =~ /$literal/g;
			$count++;
			next unless $sql =~ /\bpublic\./;
			finding("$path: statement $name writes edurange.$1 and names a table of schema public")
			  if $sql =~ /\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO|LOCK(?:\s+TABLE)?)\s+(?:ONLY\s+)?edurange\.($ours)\b/i;
			finding("$path: statement $name names a table of schema public and edurange.$_, which is not lent to it")
			  for grep { !$lent{$_} } $sql =~ /\bedurange\.($ours)\b/g;
		}
	}
	finding('no statement, or no table that is lent, was found') unless $count && %lent && %ours;
	return;
}

# ---- routes: documented with their tier, granted to it -------------------------------------------

# Functions that a tier's role may call, with the lowest such tier.
sub granted
{
	my %granted;
	my $grants = slurp('schema/extension/90_grants.sql');

	while ($grants =~ /GRANT EXECUTE ON FUNCTION\s+([^;]*?)\s+TO edurange_(player|service|admin);/g)
	{
		my ($functions, $tier) = ($1, $2);
		$granted{$_} = $tier for $functions =~ /edurange\.(\w+)/g;
	}
	return \%granted;
}

sub check_routes
{
	my %rank = (player => 1, service => 2, admin => 3);
	my $granted = granted();
	my $shim = join "\n", @c_text{ grep { m{^shim/.*\.c$} } @c_files };
	my $documented = slurp('docs/http-api.md');
	my %batchable = map { $_ => 1 } map { /^SQL_FUNCTION_BATCHABLE\(edurange_(\w+)\)/mg } @c_text{ grep { m{^extension/} } @c_files };
	my ($table) = $shim =~ /^const Route routes\[\] = \{(.*?)^\};/ms;
	my %statement;
	my (@batched, %route);

	push @batched, [ $1, $2 ] while $c_text{'shim/database/statements.h'} =~ /\bX\((\w+), "(\w+)"\)/g;

	for ($shim =~ /$statement_table/g)
	{
		s/^\tBATCHED_STATEMENTS\(ENTRY\)$/join ' ', map { "\t[STATEMENT_$_->[0]] = BATCHED(\"$_->[1]\")," } @batched/me;
		$statement{$1} = $2 while /\s\[(STATEMENT_\w+)\] = (.*?)(?=,\s*\[|,?\s*\};)/gs;
	}
	# also of statements that no route has, as those about tokens
	for my $name (sort keys %statement)
	{
		for my $function ($statement{$name} =~ /\bBATCHED(?:_AS)?\("(\w+)/g)
		{
			finding("$name calls edurange.$function in batches, which is not marked as one for them") unless $batchable{$function};
		}
	}
	my $row_of = qr/(\{(?:$literal|[^{}"]|(?1))*\})/;
	my ($rest) = ($table // '') =~ s/$row_of//gr =~ /(\w[^\n]*)/;
	finding("routes[] has what is no row: $rest") if defined $rest;
	while (($table // '') =~ /$row_of/g)
	{
		my $row = $1;
		# as the macros for reads and mutations have it, written out
		$row =~ s/READ\(("[^"]+"), (\w+), (\w+)\)/.method = "GET", .path = $1, .tier = TIER_$2, .statement = STATEMENT_$3/;
		$row =~ s/OPEN\(("[^"]+"), \w+\)/.method = "GET", .path = $1/;
		$row =~ s/WRITE\(("\w+"), ("[^"]+"), (\w+), (\w+), \w+\)/.method = $1, .path = $2, .tier = TIER_$3, .statement = STATEMENT_$4/;
		my ($method) = $row =~ /\.method = "(\w+)"/;
		my ($path) = $row =~ /\.path = "([^"]+)"/;
		finding("routes[] has a row without a method or a path that can be read: $row"), next unless defined $method && defined $path;
		my ($tier) = map { lc } $row =~ /\.tier = TIER_(\w+)/;
		my $heading = defined $tier ? "### `$method $path` ($tier)" : "`$method $path`";
		$route{"$method $path"} = $tier // '';
		finding("docs/http-api.md has no $heading") if index($documented, $heading) < 0;
		my ($name) = $row =~ /\.statement = (STATEMENT_\w+)/ or next;
		finding("$method $path has the statement $name, which is in no table") unless defined $statement{$name};
		# in SQL, or as the first argument of a macro
		my $text = $statement{$name} // '';
		my @functions = grep { $_ ne 'outcomes' && $_ !~ /^wire(_piece)?$/ }
		  $text =~ /\b[A-Z_]+\("(\w+)/g, $text =~ /(?:\bFROM|\bSELECT|,) edurange\.(\w+)/g, $text =~ /\boutcomes\('(\w+)/g;
		finding("$method $path calls no function that is known here") unless @functions || !defined $tier;
		for my $function (@functions)
		{
			my $to = $granted->{$function};
			finding("$method $path calls edurange.$function, which " . (defined $to ? "only $to may call" : 'nobody may call'))
			  unless defined $to && $rank{$to} <= $rank{ ($tier // 'none') eq 'none' ? 'player' : $tier };
		}
	}
	finding('no routes found in the shim') unless %route;
	finding("docs/http-api.md has the route $_, which does not exist")
	  for grep { !exists $route{$_} } $documented =~ /(?:^#+ +`?|`)((?:GET|POST|PUT|PATCH|DELETE) \/[^\s`?]*)/gm;
	return;
}

# ---- settings: documented, and none is named that does not exist ----------------------------------

# Those that read names out of a table, or hand one on.
my $reads_by_table = qr{^shim/config/config\.c$|^syncworker/settings\.h$};

# Variables of PostgreSQL, of systemd and of everybody, which mean here what they mean elsewhere.
my %of_others = map { $_ => 1 } qw(PGOPTIONS NOTIFY_SOCKET TMPDIR);

sub check_settings
{
	my $documented = slurp('docs/settings.md');
	my $sources = join "\n", @c_text{ grep { /^extension/ } @c_files };
	my @server = $sources =~ /DefineCustom\w+Variable\(\s*"(edurange\.\w+)"/g;
	my @shim = map { slurp($_) =~ /^\t(?:TEXT|SECRET|INTEGER|SWITCH)\("(\w+)"/gm } files(qr/\.h$/, 'shim/config');
	my @read = map { $c_text{$_} =~ /getenv\("(\w+)"/g } @c_files;
	my $schema = join "\n", map { slurp($_) } files(qr/\.(?:sql|sh)$/, qw(schema/extension schema/migrations schema/make_migrations.sh schema/make_schemas.sh));
	my $named = qr/(?:FUNCTION|PROCEDURE|TYPE|TABLE|VIEW|SEQUENCE)\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:edurange\.)?(\w+)/i;
	my %known = map { $_ => 1 } @server, @shim, map { "${_}_FILE" } @shim;

	my %server = map { $_ => 1 } @server;

	finding('no settings found') unless @server && @shim;
	for my $path (@c_files)
	{
		my $text = $c_text{$path};
		# what is read by a name that nobody sees would be no setting of the page
		finding("$path:" . line_at($text, $-[0]) . ": $1 without a name that is written there")
		  while $path !~ $reads_by_table && $text =~ /\b((?:secure_)?getenv\b(?!\(")|environ\b|setting(?:_number)?\((?!"))/g;
		# a name that the server does not know is no error, but another value: only settings are asked for
		finding("$path:" . line_at($text, $-[0]) . ": edurange.$2 is no setting")
		  while $text =~ /(\b\w*(?:setting|setting_number|GetConfigOption|guc_set_locally|set_config)\(\s*)["']edurange\.(\w+)["']/g && !$server{"edurange.$2"};
	}
	finding("docs/settings.md lacks $_") for grep { index($documented, "| `$_` |") < 0 && !$of_others{$_} } @server, @shim, @read;
	# What else is called so: functions, types and tables, and the variables of scripts.
	$known{"edurange.$1"} = 1
	  while $schema =~ /^[ \t]*(?:printf .*')?CREATE\s+(?:OR\s+REPLACE\s+)?$named/gim;
	for my $script ('Makefile', files(qr/\.(?:sh|pl|pm)$|\/Makefile$/, qw(deploy test)))
	{
		$known{$_} = 1 for slurp($script) =~ /(?:\$\{?|ENV\{|\bexport\s+|^\s*)(EDURANGE_[A-Z_]+)\b/gm;
	}
	for my $page (qw(README.md CONTRIBUTING.md), files(qr/./, qw(docs deploy)))
	{
		my $text = slurp($page);
		# names of files and hosts aside
		for ($text =~ /(?<![\w.\/@-])(edurange\.[a-z]\w*)(?![\w.\/-])/g, $text =~ /\b(EDURANGE_[A-Z_]*[A-Z])\b/g)
		{
			next if $known{$_} || /^edurange\.(?:conf|prom|json|control|so|c|service|md)$/;
			finding("$page names $_, which does not exist");
		}
	}
	return;
}

# ---- metrics: documented, and alerts, dashboards and pages name no other -------------------------

# Those of Prometheus itself, and of its node exporter.
my %foreign_metric = map { $_ => 1 } qw(up node_filesystem_avail_bytes node_filesystem_size_bytes node_textfile_mtime_seconds);

# The names of series in an expression of Prometheus.
sub series
{
	my ($expression) = @_;

	$expression =~ s/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'//g;
	$expression =~ s/\{[^}]*\}|\[[^\]]*\]//g;
	$expression =~ s/\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)//g;
	return grep { !/^(?:and|or|unless|bool|offset|inf|nan)$/i } $expression =~ /\b([a-zA-Z_:][\w:]*)\b(?!\s*\()/g;
}

# All expressions of a file of alerts, of their tests, or of a dashboard.
sub expressions
{
	my ($page) = @_;
	my $text = slurp($page);

	return map { s/\\(.)/$1/gr } $text =~ /"expr": "((?:[^"\\]|\\.)*)"/g if $page =~ /\.json$/;
	my @found = map { s/\{.*//sr } $text =~ /\bseries: '([^']*)'/g;
	push @found, $2 // $3 while $text =~ /^( *)(?:- )?expr: (?:[>|]-?\n((?:\1 +.*\n)+)|(.*)$)/gm;
	return @found;
}

sub check_metrics
{
	my %metric;
	my $documented = slurp('docs/metrics.md');

	for my $path (grep { m{^shim/} && !m{^shim/describe/} } @c_files)
	{
		$metric{$_} = 1 for grep { $_ ne 'edurange_shim' } $c_text{$path} =~ /"(edurange_[a-z_]+)"/g;
	}
	$metric{$_} = 1 for slurp('schema/extension/35_sync.sql') =~ /(?:\('|# HELP )(edurange_[a-z_]+)/g;
	$metric{$_} = 1 for slurp('deploy/prometheus/textfile.sql') =~ /# TYPE (\w+)/g;
	finding('no metrics found') unless %metric;
	finding("docs/metrics.md lacks $_") for grep { index($documented, "| `$_` |") < 0 } sort keys %metric;
	my $exists = sub { $metric{ $_[0] } || $metric{ $_[0] =~ s/_(?:bucket|sum|count)$//r } || $foreign_metric{ $_[0] } };
	for my $page (files(qr/\.(?:json|ya?ml)$/, qw(deploy/grafana deploy/prometheus test/prometheus)))
	{
		my %named = map { $_ => 1 } map { series($_) } expressions($page);
		finding("$page has no expression") unless %named;
		finding("$page names the metric $_, which does not exist") for grep { !$exists->($_) } sort keys %named;
	}
	my $kinds = join '|', sort keys %{ { map { /^edurange_([a-z]+)_/ ? ($1 => 1) : () } keys %metric } };
	for my $page (files(qr/\.md$/, 'docs'))
	{
		my %named = map { $_ => 1 } slurp($page) =~ /\b(edurange_(?:$kinds)_[a-z_]+)\b/g;
		finding("$page names the metric $_, which does not exist") for grep { !$exists->($_) } sort keys %named;
	}
	return;
}

# ---- calls that overflow, cut off, hide an error, run a shell, or are not for threads ------------

sub check_banned
{
	my $banned = join '|', qw(v?sprintf strcpy stpcpy strcat strncpy strncat gets atoi atol atoll atof strtok v?f?scanf vsscanf
	  system popen v?fork exec[lv]p?e? tmpnam tempnam mktemp alloca strdupa setenv unsetenv putenv rand srand
	  asctime ctime gmtime localtime gethostbyname gethostbyaddr getservbyname getpw(?:nam|uid|ent) getgr(?:nam|gid|ent)
	  inet_ntoa strsignal);

	for my $path (files(qr/\.[ch]$/, qw(extension shim syncworker test/instance_manager test/fuzz test/hostile)))
	{
		my $whole = $c_text{$path} // c_text($path);
		my $text = $whole =~ s/$literal/'"' . "\n" x ($& =~ tr,\n,,) . '"'/ger;
		# by name, as it may be called in brackets or through a pointer; members and what libraries call so aside
		finding("$path:" . line_at($text, $-[0]) . ": $1 is banned") while $text =~ /(?<!\.)(?<!->)\b($banned)\b/g;
		finding("$path:" . line_at($whole, $-[0]) . ": a text that is read without a limit")
		  while $whole =~ /\bsscanf\b[^;]*?"(?:[^"\\]|\\.)*%[a-z]*[s\[]/g;
	}
	return;
}

# ---- tests: each has its expected output and its place in the schedule ---------------------------

sub check_tests
{
	for (
		[ 'sql', '.sql', 'expected', 'sql/schedule' ],
		[ 'test/isolation/specs', '.spec', 'test/isolation/expected', 'test/isolation/schedule' ])
	{
		my ($folder, $suffix, $expected, $schedule) = @$_;
		my %scheduled = map { $_ => 1 } map { split } slurp($schedule) =~ /^test:(.*)$/gm;
		my %test = map { s,.*/,,r =~ s/\Q$suffix\E$//r => 1 } files(qr/\Q$suffix\E$/, $folder);
		my %output = map { s,.*/,,r =~ s/\.out$//r => 1 } files(qr/\.out$/, $expected);

		finding("$folder holds no test") unless %test;
		for my $name (sort keys %test)
		{
			finding("$folder/$name$suffix has no $expected/$name.out") unless $output{$name};
			finding("$folder/$name$suffix is not in $schedule") unless $scheduled{$name};
		}
		finding("$schedule names $_, which has no $folder/$_$suffix") for grep { !$test{$_} } sort keys %scheduled;
		# NAME_1.out is another output that NAME may have, NAME_2.out one more
		for my $name (grep { !$test{$_} } sort keys %output)
		{
			my ($of, $number) = $name =~ /^(\w+)_([1-9])$/;
			my $before = defined $of ? $of . ($number > 1 ? '_' . ($number - 1) : '') : '';
			finding("$expected/$name.out has no $folder/$name$suffix") unless $output{$before} && $test{$of};
		}
	}
	my %number;
	for my $path (files(qr/\.pl$/, 'test/t'))
	{
		my ($number) = $path =~ m{^test/t/(\d{3})_\w+\.pl$};
		finding("$path has no number, or stands where nothing looks for it") unless defined $number;
		finding("$path has the number of $number{$number}") if defined $number && $number{$number};
		$number{ $number // '' } = $path;
	}
	return;
}

# ---- released: scripts as they were, and the migrations in them as they are ----------------------

sub check_released
{
	my %sum = reverse slurp('schema/released/SHA256SUMS') =~ /^([0-9a-f]{64})  (\S+)$/gm;

	finding('no released script found') unless %sum;
	for my $name (sort keys %sum)
	{
		my $path = "schema/released/$name";
		finding("schema/released/SHA256SUMS names $name, which is gone") unless -e "$top/$path";
	}
	for my $path (files(qr/\.sql$/, 'schema/released'))
	{
		my $script = slurp($path);
		my ($name) = $path =~ m{([^/]+)$};
		my $migrations = 0;

		finding("$path is not what was released: " . (defined $sum{$name} ? 'it was edited' : 'schema/released/SHA256SUMS lacks it'))
		  if sha256_hex($script) ne ($sum{$name} // '');
		while ($script =~ /^\(?(?:,\()?(\d+), '(\w+)', '[0-9a-f]{64}', \$migration\$(.*?)\$migration\$\)/gms)
		{
			my $migration = sprintf('schema/migrations/%04d_%s.sql', $1, $2);
			my $text = $3;
			$migrations++;
			finding("$migration is not what $name released") if !-e "$top/$migration" || slurp($migration) ne $text;
		}
		finding("$path carries no migrations") unless $migrations;
	}
	return;
}

# ---- errors --------------------------------------------------------------------------------------

# How an error could be made that has no row of errors.h, and the one file that makes those that have one so.
my %makes_errors = (
	'extension/base/errors.h' => qr/"RG/,
	'extension/base/refusal.c' => qr/\bMAKE_SQLSTATE\b/,
	'shim/http/response.c' => qr/\bMHD_queue_\w+|"HTTP\/\d/,
);

# The shim finds an error by its SQLSTATE, and clients by its name: no two share one.  Each is of use to something.
sub check_errors
{
	my $file = 'extension/base/errors.h';
	my $rows = $c_text{$file};
	my $used = join "\n", @c_text{ grep { $_ ne $file } @c_files };
	my %first;

	while ($rows =~ /^\s*X\(([^,]*),([^,]*),([^,]*),([^,]*),/mg)
	{
		my ($id, $name, $sqlstate, $status) = map { s/^[\s\\]+|\s+$//gr } $1, $2, $3, $4;

		finding("$file: the name of $id is not its own") if $name ne '"' . lc($id) . '"';
		finding("$file: the SQLSTATE of $id is none of PostgreSQL's or of ours") if $sqlstate !~ /^"(?:RG\d{3}|\d[0-9A-Z]{4}|XX000)"$/;
		finding("$file: $status is no HTTP status of an error, that of $id") if $status !~ /^[45]\d\d$/ || $status > 511;
		finding("$file: nothing raises $id") if $used !~ /\bEDURANGE_$id\b/;
		for my $word ($name, $sqlstate)
		{
			finding("$file: $first{$word} and $id share $word") if defined $first{$word};
			$first{$word} //= $id;
		}
	}
	finding("$file: no errors") unless %first;
	for my $path (@c_files)
	{
		for my $maker (grep { $_ ne $path } sort keys %makes_errors)
		{
			finding("$path:" . line_at($c_text{$path}, $-[0]) . ": $& is for $maker alone") while $c_text{$path} =~ /$makes_errors{$maker}/g;
		}
	}
	return;
}

# ---- parameters: messages name them so that the shim can ------------------------------------------------

# The shim spells a parameter as the request does, where the message says that it is one: behind that word, or in a
# list that begins so.  Other names with an underscore would be SQL's; with a capital, JSON's, but for members of answers.
sub check_parameter_names
{
	my $count = 0;

	for my $file (files(qr/\.[ch]$/, 'extension'))
	{
		my $text = c_text($file) =~ s/(?<!\\)"$gap"//gr;

		while ($text =~ /"((?:[^"\\]|\\.)*\bparameters? \\"(?:[^"\\]|\\.)*)"/g)
		{
			my $message = $1 =~ s/\\"/"/gr;

			$count++;
			$message =~ s/\bparameters? ("[a-z_]+"(?:(?:, | and | or )"[a-z_]+")*)/parameter/g;
			finding("$file names \"$1\" where the shim does not spell it as the request does")
			  if $message =~ /"([a-z]+_[a-z_]+|(?!nextCursor|sinceToken)[a-z]+[A-Z]\w*)"/;
		}
	}
	finding('extension: no messages about parameters') unless $count;
	return;
}

# ---- messages ------------------------------------------------------------------------------------

# What docs/troubleshooting.md explains is what something here says, but for what it says others say: (NAME's).
sub check_messages
{
	my $said = join "\n", map { slurp($_) } 'Makefile', grep { !m{^shim/describe/} }
	  files(qr/\.(c|h|sql|pl|sh|service)$/, qw(extension shim syncworker schema/extension deploy test/installcheck.sh));

	$said =~ s/"$gap"//g;
	$said =~ s/\\\n\s*//g;
	$said =~ s/\\"/"/g;
	for my $row (slurp('docs/troubleshooting.md') =~ /^\| (`.*?) \| /mg)
	{
		next if $row =~ /\(\w+(?:'s|')\)$/ || $row =~ /^`code`/;
		for my $message ($row =~ /`([^`]+)`/g)
		{
			my ($unsaid) = grep { length && index($said, $_) < 0 } map { s/^\s+|\s+$//gr } split /\xe2\x80\xa6/, $message;
			finding("docs/troubleshooting.md explains what nothing says: $unsaid") if defined $unsaid;
		}
	}
	return;
}

# ---- rooms: docs/design.md has each, as test/directions.pl has it, and each says what it is for --------

# The rooms in a table of the page, by the folder that they are in: [room, rest of its row], each.
sub rooms_of
{
	my ($page, $part) = @_;
	my ($table) = $page =~ /^\| room of `$part\/` \|[^\n]*\n\|[-|]+\|\n((?:\|[^\n]*\n)+)/m;

	return map { m{^\| `(\w+)/` \| (.*) \|$} ? [ $1, $2 ] : () } split /\n/, $table // '';
}

sub check_rooms
{
	my $page = slurp('docs/design.md');
	my $directions = slurp('test/directions.pl');
	my %may_use = $directions =~ m{^\t'((?:extension|shim)/\w+)' => \[(?:qw\(([^)]*)\))?\]}gm;

	for my $part (qw(extension shim))
	{
		my %in_page;
		for (rooms_of($page, $part))
		{
			my ($room, $row) = @$_;
			my ($main) = $row =~ /`([^`]+)`$/;
			my $path = "$part/$room/" . ($main // '');
			$in_page{"$part/$room"} = $row =~ /^([^|]*?) *\|/ ? $1 : '';
			finding("docs/design.md names $path, which does not exist"), next unless defined $main && -f "$top/$path";
			finding("$path does not say what the room $room/ is for") unless slurp($path) =~ m{\A/\*.*?\bThe room $room/.*?\*/}s;
		}
		finding("docs/design.md lacks the room $_") for grep { m{^$part/} && !exists $in_page{$_} } sort keys %may_use;
		next if $part ne 'extension';
		for my $room (grep { exists $may_use{$_} && $in_page{$_} ne 'all' } sort keys %in_page)
		{
			my ($said, $allowed) = map { join ' ', sort /\w+/g } $in_page{$room}, $may_use{$room} // '';
			finding("docs/design.md says that $room may use \"$said\", test/directions.pl \"$allowed\"") if $said ne $allowed;
		}
	}
	return;
}

# Paths that pages name exist, and begin at the top of the checkout; in capitals stand the names of what somebody is to make.
sub check_paths
{
	my @parts = qw(extension shim syncworker schema test deploy docs sql);
	my $parts = join '|', @parts;

	for my $page (qw(README.md CONTRIBUTING.md), files(qr/\.md$/, 'docs'))
	{
		my $text = slurp($page);

		finding("$page names $_ not from the top") for $text =~ /`((?!(?:$parts)\/)\w+\/[\w\/]+\.(?:c|h|pl))`/g;
		for my $path ($text =~ /`((?:$parts)\/[\w.\/-]+)`/g)
		{
			finding("$page names $path, which does not exist") unless $path =~ /N(?:AME|NN)|edurange_shim$/ || -e "$top/$path";
		}
	}
	return;
}

# Each problem that edurange.health() names has a row in the table of docs/operations.md.
sub check_problems
{
	my ($rows) = slurp('docs/operations.md') =~ /^\| it says \| see \|\n\|[-|]+\n((?:\|.*\n)+)/m;
	my @explained = map { join '.*', map { quotemeta } split /\xe2\x80\xa6/ } map { split /; / } ($rows // '') =~ /^\| (.*?) \|/mg;
	my ($problems) = slurp('extension/admin/health.c') =~ /(#define WEBOS_PROBLEM.*)#define NO_PROBLEM/s;
	my @said = ($problems // '') =~ s/"$gap"//gr =~ /(?:\bTHEN |\bELSE |\bSELECT |\bformat\( ?)'([^']+)'/g;

	finding('test/gates.pl finds no problem that health() names') unless @said;
	for my $problem (@said)
	{
		finding("docs/operations.md does not explain: $problem") unless grep { $problem =~ /^$_/ } @explained;
	}
	return;
}

check_sql();
check_rooms();
check_paths();
check_identities();
check_routes();
check_settings();
check_metrics();
check_errors();
check_parameter_names();
check_messages();
check_problems();
check_banned();
check_tests();
check_released();
exit($findings ? 1 : 0);
