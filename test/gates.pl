#!/usr/bin/perl
# Rules of CONTRIBUTING.md that no compiler knows: SQL stands only in the statement tables, every route is
# in docs/http-api.md with its tier, every function that a route calls is granted to that tier, and every
# setting and every metric that an alert or a dashboard names exists and is documented.
#
# Usage: test/gates.pl [FOLDER]: the checkout, unless it is this one.  Prints findings; exits 1 on any.

use strict;
use warnings;

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

	open(my $file, '<', $path =~ m{^/} ? $path : "$top/$path") or die "$path: $!\n";
	local $/ = undef;
	return scalar <$file>;
}

# ---- SQL only in the statement tables ------------------------------------------------------------

my $sql = qr/^\s*(?:SELECT\s|INSERT\s+INTO\s|UPDATE\s+\S+\s+SET\b|DELETE\s+FROM\s|WITH\s+\w+\s+AS\b|MERGE\s+INTO\s|
	(?:CREATE|ALTER|DROP)\s+(?:TABLE|FUNCTION|INDEX|TRIGGER|EXTENSION|TYPE|ROLE|SCHEMA)\s|GRANT\s+\w+\s+ON\s|
	TRUNCATE\s|LOCK\s+TABLE\s|COPY\s+\w+)/x;

# Replaces comments, and what $where matches, by as many empty lines.
sub without
{
	my ($text, $where) = @_;

	return $text =~ s/$where/"\n" x ($& =~ tr,\n,,)/gser;
}

# Statement tables end with a closing brace at the margin; preprocessor lines may hold their pieces.
for my $path (sort map { glob "$top/$_/*.c $top/$_/*/*.c" } qw(extension shim syncworker))
{
	next if $path =~ m{\.made\.c$}; # made by make
	my $text = without(slurp($path), qr{/\*.*?\*/}s);
	$text = without($text, qr/^(?:static )?(?:const )?(?:(?:Database)?Statement|char \*const) statements\[[^;{]*= \{.*?^\};/ms);
	$text = without($text, qr/^#define (?:[^\n]*\\\n)*[^\n]*/m);
	# adjacent pieces of one literal count as one
	while ($text =~ /"((?:[^"\\\n]|\\.)*)"/g)
	{
		my ($literal, $line) = ($1, 1 + (substr($text, 0, $-[0]) =~ tr/\n//));
		finding(($path =~ s,^\Q$top\E/,,r) . ":$line: SQL outside of a statement table: \"$literal\"") if $literal =~ $sql;
	}
}

# ---- routes: documented with their tier, granted to it -------------------------------------------

my %rank = (player => 1, service => 2, admin => 3);
my %granted;
my $grants = slurp('schema/extension/90_grants.sql');
while ($grants =~ /GRANT EXECUTE ON FUNCTION\s+([^;]*?)\s+TO (\w+);/g)
{
	my ($functions, $role) = ($1, $2);
	next unless $role =~ /^edurange_(player|service|admin)$/;
	my $tier = $1;
	$granted{$_} = $tier for $functions =~ /edurange\.(\w+)/g;
}

my $routes = slurp('shim/api/routes.c');
my $statements = slurp('shim/database/statements.c');
my %statement;
$statement{$1} = $2 while $statements =~ /\[(STATEMENT_\w+)\] = (.*?)(?=,?\n\t\[|,?\n\};)/gs;
my $documented = slurp('docs/http-api.md');
my ($table) = $routes =~ /^const Route routes\[\] = \{(.*?)^\};/ms;
my $count = 0;
for my $row (split /(?=\{\.method)/, $table)
{
	my ($method, $path) = $row =~ /\.method = "(\w+)", \.path = "([^"]+)"/ or next;
	my ($tier) = $row =~ /\.tier = TIER_(\w+)/;
	$tier = defined $tier ? lc $tier : undef;
	$count++;
	my $heading = defined $tier ? "### `$method $path` ($tier)" : "`$method $path`";
	finding("docs/http-api.md has no $heading") if index($documented, $heading) < 0;
	my ($name) = $row =~ /\.statement = (STATEMENT_\w+)/ or next;
	my $text = $statement{$name} // '';
	for my $function ($text =~ /(?:\b(?:SELECT|ROW|LIST|VALUE|BATCHED(?:_AS)?)\("|FROM edurange\.|, edurange\.)(\w+)/g)
	{
		my $to = $granted{$function};
		finding("$method $path calls edurange.$function, which " . (defined $to ? "only $to may call" : 'nobody may call'))
		  unless defined $to && $rank{$to} <= $rank{ $tier // 'player' };
	}
}
finding('no routes found in shim/api/routes.c') unless $count;
finding('no statements found in shim/database/statements.c') unless %statement;

# ---- settings ------------------------------------------------------------------------------------

my $settings = slurp('docs/settings.md');
my @settings = (
	slurp('extension/base/guc.c') =~ /"(edurange\.\w+)"/g,
	slurp('shim/config/config.c') =~ /"(EDURANGE_\w+)"/g);
finding("docs/settings.md lacks $_") for grep { index($settings, "`$_`") < 0 } @settings;
my %known = map { $_ => 1 } @settings;
for my $page (glob "$top/docs/*.md")
{
	my $text = slurp($page);
	my $name = $page =~ s,.*/,docs/,r;
	for my $setting ($text =~ /(?<![\w.])(edurange\.(?:sync|instance|allow|log|database|attempt|points|json)_?\w*) *= /g)
	{
		finding("$name names the setting $setting, which does not exist") unless $known{$setting};
	}
}

# ---- metrics -------------------------------------------------------------------------------------

my %metric = map { $_ => 1 } map { slurp($_) =~ /"(edurange_[a-z_]+)"/g } glob "$top/shim/http/metrics*.c";
$metric{$_} = 1 for slurp('deploy/prometheus/textfile.sql') =~ /# TYPE (edurange_\w+)/g;
for my $page (grep { -e "$top/$_" } qw(deploy/grafana/edurange.json deploy/prometheus/alerts.yml docs/operations.md))
{
	my %named = map { s/_(?:bucket|sum|count)$//r => 1 } slurp($page) =~ /\b(edurange_(?:http|database|sync|awards|build|wrong|rate|replica|invariant|standby|storage)_\w+)/g;
	finding("$page names the metric $_, which does not exist") for grep { !$metric{$_} && !$metric{"${_}_count"} } sort keys %named;
}

exit($findings ? 1 : 0);
