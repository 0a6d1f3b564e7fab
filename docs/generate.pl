#!/usr/bin/perl
# Makes the pages that list what the sources define: errors.md from extension/base/errors.h, sql-api.md
# from schema/extension/ with the examples of expected/examples.out, settings.md from
# extension/base/guc.c and shim/config/config.h, metrics.md from shim/http/metrics.c, shim/base/counters.h,
# schema/extension/35_sync.sql and deploy/prometheus/textfile.sql, a table of sync.md from extension/sync/sync.c.
#
# Usage: docs/generate.pl [--check | --man | --environment]: with --check nothing is written, and a page that
# is not up to date is an error; the others print the shim's manual page and its settings as a file of
# variables.

use strict;
use warnings;

use FindBin;

my $top = "$FindBin::Bin/..";
my $check = grep { $_ eq '--check' } @ARGV;
my $stale = 0;

sub slurp
{
	my ($path) = @_;

	open(my $file, '<', "$top/$path") or die "$path: $!\n";
	local $/ = undef;
	return <$file>;
}

# Writes a page, or compares it.
sub page
{
	my ($name, $text) = @_;
	my $path = "$top/docs/$name";

	if ($check)
	{
		return if -e $path && slurp("docs/$name") eq $text;
		print STDERR "docs/$name is not up to date: run make docs\n";
		$stale = 1;
		return;
	}
	open(my $file, '>', $path) or die "$path: $!\n";
	print $file $text;
	close($file) or die "$path: $!\n";
	return;
}

# A C string that may be written in several pieces.
sub c_string
{
	my ($source) = @_;
	my $text = join '', $source =~ /"((?:[^"\\]|\\.)*)"/g;

	$text =~ s/\\(.)/$1/g;
	return $text;
}

sub errors
{
	my $source = slurp('extension/base/errors.h');
	my $rows = '';

	$source =~ s/\\\n/\n/g;
	while ($source =~ /X\((\w+), "(\w+)", "(\w+)", (\d+),\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)/g)
	{
		$rows .= "| `$2` | $4 | `$3` | " . c_string($5) . " |\n";
	}
	return <<"TXT";
# Errors

Made from `extension/base/errors.h`, the one place that names them. SQL callers get the SQLSTATE, HTTP
callers the status and this body:

```json not-run: the form of every answer that is an error
{"error": "user \\"u9\\" does not exist", "code": "user_not_found", "requestId": "…"}
```

A 5xx never carries internals. A refused call has written nothing. What is done already (a join, a
completion) is no error: the answer is 200 with what is there, marked so.

| code | HTTP | SQLSTATE | meaning |
|---|---|---|---|
$rows
Other SQLSTATEs that the database may raise become, over HTTP, 503 `unavailable` for the classes 08,
53 and 57P, 503 `try_again` for a deadlock and a lock that did not come free in time, 409 for the class 23, 503
`not_installed` where a table, function, type or schema is missing, and 500 `internal` otherwise. `detail` and `hint` are there where
there is something to say.
TXT
}

# Tiers of the functions, from the grants.
sub tiers
{
	my %tier;
	my $grants = slurp('schema/extension/90_grants.sql');

	while ($grants =~ /GRANT EXECUTE ON FUNCTION\s+([^;]*?)\s+TO (\w+);/g)
	{
		my ($functions, $role) = ($1, $2);
		$role =~ s/^edurange_//;
		$tier{$_} = $role eq 'PUBLIC' ? 'everybody' : $role for $functions =~ /edurange\.(\w+)/g;
	}
	return \%tier;
}

# Examples with their answers, by function, as the regression test has them.
sub examples
{
	my %example;
	my @parts = split /^-- ?(\w*)\n/m, slurp('expected/examples.out');

	shift @parts;
	while (my ($name, $text) = splice(@parts, 0, 2))
	{
		$text =~ s/\n+\z/\n/;
		$example{$name} = $text;
	}
	return \%example;
}

# Who may have each function called on their behalf, in the words of the table of authorities.
sub authorities
{
	my $source = slurp('extension/calls/authority.c');
	my ($enum) = $source =~ /typedef enum Authority\n\{(.*?)\} Authority;/s;
	my %words = $enum =~ /(\w+),?\s*\/\* (.*?) \*\//g;
	my %rule = $source =~ /^ {4}\{"(\w+)", (\w+)/gm;

	return { map { $_ => $words{ $rule{$_} } // die "no words for $rule{$_}\n" } keys %rule };
}

sub sql_api
{
	my $tier = tiers();
	my $example = examples();
	my $authority = authorities();
	my $text = <<'TXT';
# SQL functions

Made from `schema/extension/`, where each function has its comment. All of them are in schema
`edurange` and run with the rights of `edurange_owner`, and of `edurange_game` where they touch the platform's tables. A role
may call those of its tier (`edurange_player` ⊂ `edurange_service` ⊂ `edurange_admin`); a function that names no tier is for a superuser. Errors are listed in
[errors.md](errors.md).

The argument `caller` says for whom a trusted front end calls (token, bound user, bound instance, acting
user); leave it out when you call for yourself. Where a user acts, “Who may act” says what they must be.
Times are `timestamptz`. `edurange.wire(row)` makes the JSON that the HTTP interface answers with:

```sql not-run: ada and spring stand for ids
SELECT edurange.wire(t) FROM edurange.add_points('ada', 'spring', 10) t;
```

TXT

	for my $path (sort glob "$top/schema/extension/[2-8]*.sql")
	{
		(my $file = $path) =~ s,.*/schema,schema,;
		my $source = slurp($file);
		my %comment;
		my ($title) = $source =~ /^-- ([^:.?]*)/;
		my $section = '';

		while ($source =~ /COMMENT ON FUNCTION edurange\.(\w+)\([^)]*\) IS\s+'((?:[^']|'')*)'/g)
		{
			($comment{$1} = $2) =~ s/''/'/g;
		}
		while ($source =~ /CREATE TYPE edurange\.(\w+) AS \((.*?)\);/gs)
		{
			my ($name, $attributes) = ($1, $2);
			$attributes =~ s/\s+/ /g;
			$attributes =~ s/^ | $//g;
			my ($nullable) = $source =~ /COMMENT ON TYPE edurange\.$name IS\s+'(?:[^']|'')*(Nullable: [\w, ]+\.)/;
			$section .= "Row type `$name`: `$attributes`." . (defined $nullable ? " $nullable" : '') . "\n\n";
		}
		while ($source =~ /CREATE FUNCTION edurange\.(\w+)\(\s*(.*?)\)\s*RETURNS (.*?)\s+(?:AS|LANGUAGE)\b/gs)
		{
			my ($name, $arguments, $result) = ($1, $2, $3);
			next if $result eq 'trigger' || !defined $comment{$name};
			s/\s+/ /g for $arguments, $result;
			$section .= "### $name\n\n```sql not-run: a signature\nedurange.$name($arguments)\n  RETURNS $result\n```\n\n"
			  . "$comment{$name}\n\n"
			  . (defined $authority->{$name} ? "Who may act: $authority->{$name}.\n\n" : '')
			  . "```text not-run: recorded by the regression tests\n"
			  . ($example->{$name} // die "sql/examples.sql has no example of edurange.$name\n")
			  . "```\n\n";
			my ($claimed) = $comment{$name} =~ /Tier: (\w+)\./;
			die "the comment of edurange.$name does not name the tier it is granted to\n"
			  if ($tier->{$name} // 'none') =~ /^(player|service|admin)$/ && ($claimed // '') ne $1;
		}
		$section =~ s/, caller edurange\.caller DEFAULT NULL\)/, caller)/g;
		$text .= "## $title\n\n$section" if $section ne '';
	}
	$text =~ s/\n+\z/\n/;
	return $text;
}

# Settings of the extension, from the calls that define them.
sub server_settings
{
	my $source = slurp('extension/base/guc.c');
	my $strings = '(?:"(?:[^"\\\\]|\\\\.)*"\s*)+';
	my %context = (
		PGC_SIGHUP => 'reload', PGC_SUSET => 'superuser, any time', PGC_USERSET => 'anybody, any time',
		PGC_POSTMASTER => 'restart');
	my $rows = '';

	while ($source =~ /DefineCustom(\w+)Variable\(\s*"([^"]+)",\s*($strings),\s*(NULL|$strings),\s*&\w+,\s*(.*?)\);/gs)
	{
		my ($type, $name, $short, $long, $rest) = ($1, $2, $3, $4, $5);
		my ($initial) = $rest =~ /^\s*("[^"]*"|[^,]+),/;
		my ($when) = $rest =~ /(PGC_POSTMASTER|PGC_SIGHUP|PGC_SUSET|PGC_USERSET)/;
		my ($unit) = map { " $_" } map { { MS => 'ms', S => 's', MIN => 'min' }->{$_} }
		  $rest =~ /GUC_UNIT_(MS|S|MIN)\b/;

		$initial =~ s/^"|"$//g;
		$initial = eval $initial if $initial =~ /^[\d *]+$/;
		$initial = { true => 'on', false => 'off' }->{$initial} // $initial;
		my $values = $type eq 'Bool' ? '`on`, `off`' : $type ne 'Int' ? 'text'
		  : join ' to ', map { (eval($_ =~ s/\bINT_MAX\b/2147483647/r) // die "$name: $_ is no number\n") . ($unit // '') } $rest =~ /^[^,]+,\s*([^,]+),\s*([^,]+),/;
		my $meaning = c_string($short) . ($long eq 'NULL' ? '' : ' ' . c_string($long));
		$rows .= sprintf("| `%s` | %s | %s | %s | %s |\n", $name, $initial eq '' ? '(empty)' : "`$initial@{[ $unit // '' ]}`",
			$values, $context{$when}, $meaning);
	}
	return $rows;
}

# Settings of the shim from its table, a hash each; a heading that it has as comment stands between them
# as { heading => … }.
sub shim_table
{
	my ($source) = slurp('shim/config/config.h') =~ /^#define SETTINGS\b[^\n]*\n((?:\t[^\n]*\n)+)/m;
	my $strings = '((?:"(?:[^"\\\\]|\\\\.)*"\s*)+)';
	my @table;

	$source =~ s/ \\$//gm;
	while ($source =~ /^\t(?:\/\* (\w+) \*\/$|(TEXT|SECRET|INTEGER|SWITCH)\("([A-Z_]+)", \w+,\s*(.*?)\)$)/gsm)
	{
		my ($heading, $kind, $variable, $rest) = ($1, $2, $3, $4);
		if (defined $heading)
		{
			push @table, { heading => $heading };
			next;
		}
		my ($initial) = $kind eq 'SECRET' ? 'NULL' : $rest =~ /^(NULL|"[^"]*"),/;
		my ($help) = $rest =~ /$strings$/;
		(my $flag = '--' . lc($variable =~ s/^EDURANGE_//r)) =~ tr/_/-/;

		push @table, {
			variable => $variable,
			flag => $kind eq 'SECRET' ? undef : $flag,
			initial => $initial eq 'NULL' ? undef : c_string($initial),
			values => $kind eq 'SWITCH' ? 'true or false' : $rest =~ /, (\d+), (\d+),/ ? "$1 to $2" : 'text',
			help => c_string($help) };
	}
	return @table;
}

# The same as tables of a page.
sub shim_settings
{
	my $rows = '';

	for my $setting (shim_table())
	{
		if (defined $setting->{heading})
		{
			$rows .= "\n### $setting->{heading}\n\n| variable | flag | default | values | meaning |\n|---|---|---|---|---|\n";
			next;
		}
		my $variable = $setting->{variable};
		$rows .= sprintf("| `%s` | %s | %s | %s | %s |\n", $variable,
			defined $setting->{flag} ? "`$setting->{flag}`" : "(none; or the file that `${variable}_FILE` names)",
			defined $setting->{initial} ? "`$setting->{initial}`" : '(none)',
			$setting->{values} eq 'true or false' ? '`true`, `false`' : $setting->{values}, $setting->{help});
	}
	return $rows;
}

# The same as a file of environment variables, each as a comment with its default.
sub environment
{
	my $text = <<'TXT';
# Settings of edurange_shim, read by its systemd unit; see edurange-shim(8).  What is commented out is the
# default.  After a change: systemctl restart edurange-shim
#
# Peer authentication, where PostgreSQL runs on this machine and pg_ident.conf lets this service be its logins
# (deployment.md), needs no password:
#   DATABASE_URL=postgresql://edurange_shim_{tier}@/edurange?host=/var/run/postgresql
TXT

	for my $setting (shim_table())
	{
		my $initial = $setting->{initial} // '';
		$text .= defined $setting->{heading}
		  ? "\n# ---- $setting->{heading}\n"
		  : "\n# $setting->{help} ($setting->{values})\n"
		  . (defined $setting->{flag} ? '' : "# or the file with it: $setting->{variable}_FILE\n")
		  . "#$setting->{variable}=$initial\n";
	}
	return $text;
}

# A text for roff.
sub roff
{
	my ($text) = @_;

	$text =~ s/\\/\\e/g;
	$text =~ s/-/\\-/g;
	$text =~ s/^([.'])/\\&$1/gm;
	return $text;
}

# The manual page of the shim.
sub manual
{
	my ($version) = slurp('edurange.control') =~ /^default_version = '(.*)'/m;
	my $settings = '';

	for my $setting (shim_table())
	{
		if (defined $setting->{heading})
		{
			$settings .= ".SS $setting->{heading}\n";
			next;
		}
		$settings .= '.TP' . "\n\\fB" . roff($setting->{variable}) . '\fR, '
		  . (defined $setting->{flag}
			? '\fB' . roff($setting->{flag}) . "\\fR=\\fIVALUE\\fR\n"
			: '\fB' . roff("$setting->{variable}_FILE") . "\\fR\n")
		  . roff(ucfirst $setting->{help}) . '.'
		  . ($setting->{values} eq 'text' ? '' : ' ' . roff(ucfirst $setting->{values}) . '.')
		  . (defined $setting->{initial} ? ' Default: ' . roff($setting->{initial}) . '.' : '') . "\n";
	}
	return <<"TXT";
.TH EDURANGE\\-SHIM 8 "" "edurange $version" "edurange"
.SH NAME
edurange\\-shim \\- HTTP interface of the EDURange database controller
.SH SYNOPSIS
.B edurange_shim
[\\fB\\-\\-\\fISETTING\\fR=\\fIVALUE\\fR ...]
[\\fB\\-\\-check\\-config\\fR | \\fB\\-\\-routes\\fR | \\fB\\-\\-help\\fR | \\fB\\-\\-version\\fR]
.SH DESCRIPTION
Serves the functions of the PostgreSQL extension edurange over HTTP. It keeps no state; any number of them
may serve one database. The routes are described at
.BR /openapi.json
and
.BR /docs .
It speaks plain HTTP; TLS is the job of the proxy before it.
.PP
On SIGTERM it accepts no more, finishes the requests in flight, and exits with 0.
.SH OPTIONS
.TP
.B \\-\\-check\\-config
Print the settings in effect, of a secret only whether it is set, and exit.
.TP
.B \\-\\-routes
Print method, path and tier of each route and exit.
.TP
.B \\-\\-help
Print all settings and exit.
.TP
.B \\-\\-version
Print the version and exit.
.SH SETTINGS
Each is an environment variable or a flag; the flag wins. An empty value is as none. All take effect at the
start. A secret is no flag, because others on the machine can read a command line: it comes from its variable, or
from the file that the variable with _FILE names. Where no setting says which database, libpq's own variables
(PGHOST, ...) do.
$settings.SH FILES
.TP
.I /etc/edurange/shim.env
Settings that the systemd unit reads.
.TP
.I /usr/share/edurange\\-shim/roles.sql
Makes the logins of the service at the database.
.SH EXIT STATUS
0 when it was told to stop; 2 for settings that are wrong; 1 for anything else.
.SH SEE ALSO
.BR psql (1),
.BR systemctl (1),
/usr/share/doc/edurange\\-shim
TXT
}

sub settings
{
	my $server = server_settings();
	my $shim = shim_settings();

	return <<"TXT";
# Settings

Made from `extension/base/guc.c` and `shim/config/config.h`. How they work together is told in
[configuration.md](configuration.md).

## PostgreSQL: extension and sync worker

| setting | default | values | takes effect | meaning |
|---|---|---|---|---|
$server
## Shim

Each is an environment variable or a flag; the flag wins. An empty value is as none. All take effect at
the start. A secret is no flag, because others on the machine can read a command line: it comes from its
variable, or from the file that the variable with `_FILE` names.
$shim
TXT
}

# Rows of the metrics that sources name together with their help; a metric without one is an error.
sub metric_rows
{
	my $strings = '((?:"(?:[^"\\\\]|\\\\.)*"\s*)+)';
	my $rows = '';

	for my $path (sort glob "$top/shim/*/metrics*.c $top/shim/*/counters*.h")
	{
		my $source = slurp($path =~ s,^\Q$top\E/,,r);

		while ($source =~ /"(edurange_[a-z_]+)"(\s*;)?/g)
		{
			my ($name, $later) = ($1, $2);
			my $where = pos $source;
			# the help stands beside the name, or in the next head where the name is a variable
			my ($type, $help) = defined $later
			  ? $source =~ /\G.*?put_head\(text, name, "(\w+)",\s*$strings/gcs
			  : $source =~ /\G,\s*(?:"(gauge|counter)",\s*(?:[\d.]+,\s*)?)?(?:\\\n\s*)?$strings/gc;
			pos $source = $where;
			die "$path: no help for $name\n" unless defined $help;
			$type //= $name =~ /_total$/ ? 'counter' : 'gauge';
			$rows .= "| `$name` | $type | " . c_string($help) . " |\n";
		}
	}
	my $sql = slurp('schema/extension/35_sync.sql');
	$rows .= "| `$1` | $2 | $3 |\n" while $sql =~ /\('(edurange_\w+)', '(gauge|counter)',\s+'([^']*)',/g;
	$rows .= "| `$1` | $3 | $2 |\n" while $sql =~ /# HELP (edurange_\w+) (.*?)\\n# TYPE \1 (\w+)/g;
	return $rows;
}

sub metrics
{
	my $service = metric_rows();
	my $server = '';
	my $source = slurp('deploy/prometheus/textfile.sql');

	$server .= "| `$1` | $3 | $2 |\n" while $source =~ /# HELP (\w+) (.*?)\\n# TYPE \1 (\w+)/g;
	return <<"TXT";
# Metrics

Made from `shim/http/metrics.c`, `shim/base/counters.h`, `schema/extension/35_sync.sql` and `deploy/prometheus/textfile.sql`. What to do when one is off is told in
[operations.md](operations.md).

## Of the HTTP service

`GET /metrics`. Labels are patterns of routes, never what came with a request.

| metric | type | meaning |
|---|---|---|
$service
## Of the database server

`deploy/prometheus/textfile.sql`, for the textfile collector of Prometheus' node exporter.

| metric | type | meaning |
|---|---|---|
$server
TXT
}

# What an observation does to an instance: a row for each status, a column for each observation.
sub transitions
{
	my ($table) = slurp('extension/sync/sync.c') =~ /#define TRANSITIONS(.*?)AS t \(/s;
	my @observations = qw(CREATING ACTIVE TERMINATING ERROR ABSENT);
	my @statuses = qw(QUEUED CREATING ACTIVE TERMINATING ERROR TERMINATED);
	my %known = map { $_ => 1 } @statuses, @observations;
	my %next;

	while ($table =~ /\('(\w+)', '(\w+)', (?:NULL|'([^']+)'), '(\w+)'\)/g)
	{
		die "extension/sync/sync.c: an unknown status in $&\n" if grep { !$known{$_} } $1, $2, $4;
		$next{$1}{$2} = $4 . (defined $3 ? ", *$3*" : '');
	}
	return "| instance | " . join(' | ', map { $_ eq 'ABSENT' ? 'no pod' : "pod $_" } @observations) . " |\n|"
	  . '---|' x (1 + @observations) . "\n"
	  . join '', map { my $was = $_; "| $was | " . join(' | ', map { $next{$was}{$_} // '' } @observations) . " |\n" } @statuses;
}

# A page that people write, with a table in it that is made.
sub sync
{
	my $text = slurp('docs/sync.md');

	$text =~ s/(?<=<!-- made: transitions -->\n).*?(?=<!-- made until here -->)/transitions()/se
	  or die "docs/sync.md has no place for the transitions\n";
	return $text;
}

if (grep { $_ eq '--man' } @ARGV)
{
	print manual();
	exit 0;
}
if (grep { $_ eq '--environment' } @ARGV)
{
	print environment();
	exit 0;
}
page('errors.md', errors());
page('sql-api.md', sql_api());
page('settings.md', settings());
page('metrics.md', metrics());
page('sync.md', sync());
exit $stale;
