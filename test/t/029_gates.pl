# The rules that test/gates.pl, test/directions.pl, test/exports.pl, test/mutants/run.pl and docs/generate.pl check hold, and
# each fault that they guard against is found where it is planted.  Faults are planted many at a time.

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Path qw(make_path);
use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;

my $source = "$ENV{TESTDIR}/../../src";
my $copy = PostgreSQL::Test::Utils::tempdir();
my $cc = $ENV{CC} // 'cc';

# with the objects and libraries of the checkout
system_or_bail('cp', '-R', (glob "$source/*"), $copy);

# What a checker says of the copy.
sub findings
{
	my ($checker, @arguments) = @_;
	my $out = '';

	IPC::Run::run([ 'perl', "$copy/$checker", @arguments ], '>', \$out, '2>&1');
	return $out;
}

sub put
{
	my ($path, $text) = @_;

	make_path(dirname("$copy/$path"));
	unlink("$copy/$path");
	append_to_file("$copy/$path", $text);
	return;
}

# Plants faults, asks what is found, and takes the faults out again.  A fault is a list: a file, its change
# (a text to add at the end of it, or what makes the wrong text in $_), what is found, and a name.
sub planted
{
	my ($ask, @faults) = @_;
	my (%before, @made);

	for (@faults)
	{
		my ($path, $change, undef, $name) = @$_;
		my $text = -e "$copy/$path" ? slurp_file("$copy/$path") : undef;
		my $wrong = $text // '';

		$before{$path} = $text unless exists $before{$path};
		if (ref $change) { $change->() for $wrong }
		else { $wrong .= $change }
		isnt($wrong, $text // '', "$name: something changes") if ref $change;
		put($path, $wrong);
	}
	my $out = $ask->();
	like($out, $_->[2], $_->[3]) for grep { defined $_->[2] } @faults;
	for my $path (keys %before)
	{
		unlink("$copy/$path");
		put($path, $before{$path}) if defined $before{$path};
	}
	return $out;
}

my $gates = sub { findings('test/gates.pl') };

is($gates->(), '', 'gates find nothing');
is(findings('test/exports.pl', $copy), '', 'libraries export nothing strange');
is(findings('docs/generate.pl', '--check'), '', 'the pages that are made are up to date');

# ---- SQL -----------------------------------------------------------------------------------------

# Every room there is, by its path; what is planted in all of them is found in those that come later, too.
my @rooms = map { s,^\Q$copy\E/,,r } grep { -d } glob "$copy/extension/* $copy/shim/*";
cmp_ok(scalar @rooms, '>', 20, 'rooms: ' . join ' ', @rooms);

# Statements and pieces of them, each in a file of its own: in a room, or in a folder below one.
my @statements = (
	'SELECT 1 FROM x', 'select 1', "\\n  Select x.y from x", '/* edurange:x */ SELECT 1', '(SELECT 1)', 'x; select 1', 'SELECT ',
	'insert into x values (1)', 'UPDATE x SET y = 1', 'update only x as z set y = 1', 'delete from x', 'DELETE ',
	'with x as (select 1) select 2', 'merge into x using y', 'VALUES (1), (2)', 'values ($1)', 'table x',
	'SET LOCAL lock_timeout = 5', 'set role x', 'set search_path to x', 'RESET ROLE', 'show search_path',
	'CALL edurange.work(1)', 'call work()', 'do $$ begin end $$', 'LOCK TABLE x', 'lock public.x in share mode', 'LOCK %s IN SHARE MODE',
	'COPY x FROM STDIN', 'copy (table x) to stdout', 'CREATE TABLE x (y int)', 'create or replace function x() returns int',
	'create unique index on x (y)', 'ALTER ROLE x LOGIN', 'drop trigger x on y', 'GRANT SELECT ON x TO y', 'revoke all on x from y',
	'TRUNCATE x', 'BEGIN', 'commit', 'rollback to x', 'savepoint x', 'ANALYZE', 'vacuum (full)', 'refresh materialized view x',
	'comment on table x is null', 'notify x', 'listen x', 'prepare x as select 1', 'execute x(1)', 'declare x cursor for select 1',
	'fetch all from x', 'explain select 1', 'discard all',
	'ALTER SYSTEM SET fsync = off', 'RESET search_path', 'VACUUM x', "LOAD 'x'", 'BEGIN READ ONLY', 'COMMIT AND CHAIN', 'CREATE AGGREGATE x',
	"PREPARE TRANSACTION 'x'", 'REASSIGN OWNED BY x TO y', 'SELECT a FROM x', 'SET search_path FROM CURRENT', 'CLOSE c',
	' WHERE x = 1', ' order by x', ' on conflict do nothing', ' for update', 'a b $1', '%s JOIN public.x', 'from pg_catalog.pg_class');
my @places = map { ($_, "$_/deep") } @rooms, 'syncworker';
my $number = 0;

cmp_ok(scalar @statements, '>=', @places, 'there is a statement for each place');
planted($gates, map {
	my $path = $places[ $number++ % @places ] . "/stray$number.c";
	[ $path, "static const char *stray = \"$_\";\n", qr/^\Q$path\E:1: SQL outside/m, "SQL: $_" ];
} @statements);
planted(
	$gates,
	[ 'extension/game/stray1.c', qq{char *stray = "sel" /* x */\n\t"ect 1";\n}, qr{^extension/game/stray1.c:1: SQL}m, 'SQL in pieces' ],
	[ 'shim/base/stray.h', qq{\nstatic const char stray[] = "select 1";\n}, qr{^shim/base/stray.h:2: SQL}m, 'SQL in a header' ],
	[ 'extension/cdf/stray2.c', qq{#define STRAY "DELETE" \\\n\t" FROM x"\nchar *stray = STRAY;\n}, qr{^extension/cdf/stray2.c:3: SQL.*STRAY}m, 'SQL in a #define' ],
	[ 'extension/cdf/stray3.c', qq{#define PIECE "select 1"\n#define WHOLE(x) PIECE x\nchar *stray = WHOLE("");\n}, qr{^extension/cdf/stray3.c:3: SQL.*WHOLE}m,
		'SQL in a #define of a #define' ],
	[ 'syncworker/stray4.h', qq{#define FAR "select 1"\n}, undef, '' ],
	[ 'syncworker/stray4.c', qq{\n#include "stray4.h"\nchar *stray = FAR;\n}, qr{^syncworker/stray4.c:3: SQL.*FAR}m, 'SQL in a #define of a header' ],
	[ 'extension/cdf/stray8.c', qq{#define STR(x) #x\nchar *stray = STR(SELECT y FROM x);\n}, qr{^extension/cdf/stray8.c:2: SQL}m, 'SQL that a macro makes a text of' ],
	[ 'shim/http/stray5.c', qq{static const char *const others[] = {\n\t"select 1",\n};\n}, qr{^shim/http/stray5.c:2: SQL}m, 'SQL in another table' ],
	[ 'shim/http/stray6.c', qq{int x(void)\n{\n\tchar *statements[] = {\n\t"select 1",\n};\n}\n}, qr{^shim/http/stray6.c:4: SQL}m, 'SQL in a table of a function' ],
	[ 'shim/http/stray7.c', qq{static const Statement statements[] = {\n\t{"x", "select 1"},\n};\n} x 2, qr{^shim/http/stray7.c has 2}m, 'two statement tables' ]);
is(
	planted(
		$gates,
		[ 'extension/game/prose.c', <<'TXT', undef, '' ]), '', 'no SQL: comments, prose, and what a statement table is made of');
/* SELECT 1 FROM x */
// DELETE FROM x
#define ROWS "SELECT x.y FROM x"
#define WHERE_Y(number) " WHERE y = $" #number
static Statement statements[STATEMENT_COUNT] = {
	[STATEMENT_ONE] = {ROWS WHERE_Y(1), {INT4OID}},
	[STATEMENT_TWO] = {"UPDATE x SET y = 1"},
};
const char *const prose[] = {
	"update of a question that is gone", "set the group first", "values must be numbers", "select one of them", "call it again",
	"lock the table first", "with this key another request came", "delete", "DELETE", "copy of a document", "created", "grants are missing",
	"the table is locked", "end", "DELETE /users",  "user \"%s\" does not exist", "begin of the window", "show what is there",
};
TXT

# ---- errors --------------------------------------------------------------------------------------

planted(
	$gates,
	[ 'extension/base/errors.h', sub { s/"user_not_found", "RG302"/"user_not_found", "RG303"/ }, qr{^extension/base/errors.h: USER_NOT_FOUND and COMPETITION_NOT_FOUND share "RG303"}m,
		'two errors with one SQLSTATE' ],
	[ 'extension/base/errors.h', sub { s/"try_again"/"timeout"/ }, qr{^extension/base/errors.h: TRY_AGAIN and TIMEOUT share "timeout"}m, 'two errors with one name' ],
	[ 'extension/base/errors.h', sub { s/"RG310", 404/"RG310", 999/ }, qr{^extension/base/errors.h: 999 is no HTTP status of an error, that of PACK_NOT_FOUND$}m, 'no status' ],
	[ 'extension/base/errors.h', sub { s/"RG304"/"RX304"/ }, qr{^extension/base/errors.h: the SQLSTATE of CHALLENGE_NOT_FOUND is none}m, 'no SQLSTATE' ],
	[ 'extension/base/errors.h', sub { s/(?=\tX\(TIMEOUT,)/\tX(UNHEARD, "unheard", "RG999", 503, "Never.") \\\n/ }, qr{^extension/base/errors.h: nothing raises UNHEARD$}m, 'an error that nothing raises' ],
	(map { [ "$_/rowless.c", "\nint x = errcode(MAKE_SQLSTATE('R','G','9','9','9'));\n", qr{^$_/rowless.c:2: MAKE_SQLSTATE is for extension/base/refusal.c alone$}m, "$_: an error without a row" ] }
		'extension/game', 'syncworker'),
	[ 'shim/http/rowless1.c', qq{char *x = "RG302";\n}, qr{^shim/http/rowless1.c:1: "RG is for}m, 'its SQLSTATE' ],
	[ 'shim/http/rowless2.c', "int x = MHD_queue_response(c, 503, r);\n", qr{^shim/http/rowless2.c:1: MHD_queue_response is for}m, 'another answer' ],
	[ 'shim/http/rowless3.c', q{char *x = "HTTP/1.1 503 No\r\n\r\n{\"error\":1}";} . "\n", qr{^shim/http/rowless3.c:1: "HTTP/1 is for}m, 'one by hand' ]);

# ---- parameters in messages ------------------------------------------------------------------------

planted(
	$gates,
	[ 'extension/board/policy.c', sub { s/without parameter (?=\\"freeze_at)/without / }, qr{^extension/board/policy.c names "freeze_at" where}m,
		'a second parameter that is not said to be one' ],
	[ 'extension/game/instances.c', sub { s/flag_secret_name(?=\\" and)/flagSecretName/ }, qr{^extension/game/instances.c names "flagSecretName" where}m,
		'a parameter as JSON spells it' ]);

# ---- identities ------------------------------------------------------------------------------------

planted(
	$gates,
	map { [ $_->[0], "\nstatic Statement statements[STATEMENT_COUNT] = {\n$_->[1]\n};\n", $_->[2], "identities: $_->[3]" ] } (
		[ 'extension/game/both1.c', q{    [ONE] = {"INSERT INTO edurange.standing SELECT id FROM public.\\"User\\""},}, qr{^extension/game/both1.c: statement ONE writes edurange.standing}m,
			'a statement that writes ours and reads theirs' ],
		[ 'extension/packs/both2.c', qq{    [ONE] = {"SELECT 1"},\n    [TWO] = {"UPDATE"\n\t" ONLY edurange.token SET x = 1 FROM" " public.x"},},
			qr{^extension/packs/both2.c: statement TWO writes edurange.token}m, 'in pieces, the second of a table' ],
		[ 'extension/admin/both4.c', q{    [ONE] = {"WITH d AS (DELETE FROM public.x RETURNING id) DELETE FROM edurange.retired_question"},},
			qr{^extension/admin/both4.c: statement ONE writes edurange.retired_question}m, 'one that deletes both' ],
		[ 'extension/cdf/both5.c', q{    [ONE] = {"SELECT 1 FROM public.x JOIN edurange.token t USING (id)"},},
			qr{^extension/cdf/both5.c: statement ONE names a table of schema public and edurange.token, which is not lent}m, 'one that reads what is not lent' ]),
);
planted(
	$gates,
	[ 'extension/game/both3.h', qq{#define FAR_PLATFORM " public.x"\n}, undef, '' ],
	[ 'extension/game/both3.c', qq{#define NEAR(x) " FROM" FAR_PLATFORM x\nstatic Statement statements[STATEMENT_COUNT] = {\n    [ONE] = {"MERGE INTO edurange.standing USING (SELECT 1" NEAR(")")},\n};\n},
		qr{^extension/game/both3.c: statement ONE writes edurange.standing}m, 'identities: through the #defines of a file and of a header' ]);
is(
	planted(
		$gates,
		[ 'extension/game/apart.c', <<'TXT', undef, '' ]), '', 'identities: what each may do');
static Statement statements[STATEMENT_COUNT] = {
	[STATEMENT_ONE] = {"INSERT INTO edurange.token SELECT 1"},
	[STATEMENT_TWO] = {"UPDATE public.x SET y = 1 FROM edurange.standing"},
};
TXT

# ---- routes, settings, metrics -------------------------------------------------------------------

planted(
	$gates,
	[ 'docs/http-api.md', sub { s/### `POST \/add_points` \(service\)/### `POST \/add_points` (player)/ },
		qr/no ### `POST \/add_points` \(service\)/, 'a route with a wrong tier in the docs' ],
	[ 'schema/extension/90_grants.sql', sub { s/edurange\.add_points, //; s/edurange\.get_points, // }, qr/POST \/add_points calls edurange\.add_points, which nobody/,
		'a route to a function that is not granted' ],
	[ 'schema/extension/90_grants.sql', '', qr/GET \/get_points calls edurange\.get_points, which nobody/, 'another' ],
	[ 'extension/game/points.c', sub { s/SQL_FUNCTION_BATCHABLE\(edurange_add_points\)/SQL_FUNCTION(edurange_add_points)/ },
		qr/STATEMENT_ADD_POINTS calls edurange\.add_points in batches, which/, 'a route in batches to a function that is not for them' ],
	[ 'docs/http-api.md', "### POST /ghost (service)\n### `GET /{spook}` (player)\n", qr{has the route POST /ghost, which.*has the route GET /\{spook\}, which}s, 'routes that do not exist' ],
	[ 'shim/api/routes.c', sub { s/(?=\t\{OPEN\("\/live")/\t{.path = "\/turned", .method = "PUT"},\n\t{.path = BLURRED, .method = "PUT"},\n\tHIDDEN("\/x"),\n/ },
		qr{no `PUT /turned`\n.*a row without a method or a path that can be read: \{\.path = BLURRED}ms, 'a row that begins with its path' ],
	[ 'shim/api/routes.c', '', qr{^routes\[\] has what is no row: HIDDEN}m, 'one of a macro' ],
	[ 'docs/settings.md', sub { s/`edurange\.sync_interval`/``/g }, qr/lacks edurange\.sync_interval$/m, 'a setting that is not documented' ],
	[ 'docs/settings.md', sub { s/`EDURANGE_PORT`/``/g }, qr/lacks EDURANGE_PORT$/m, 'one of the shim' ],
	[ 'docs/sync.md', "Set `edurange.sync_intervals` to 5.\n", qr{docs/sync.md names edurange.sync_intervals,}, 'a setting that does not exist' ],
	[ 'shim/live/stray.c', qq{char *stray(void) { return getenv("EDURANGE_STRAY"); }\n}, qr/lacks EDURANGE_STRAY$/m, 'one that is read elsewhere' ],
	[ 'shim/live/stray1.c', qq{char *x = secure_getenv("X");\n}, qr/lacks X$/m, 'in another way' ],
	[ 'shim/live/stray2.c', "char *x = getenv(variable);\n", qr{^shim/live/stray2.c:1: getenv without a name}m, 'one by a name that nobody sees' ],
	[ 'syncworker/stray.c', qq{long x = setting_number("edurange.sync_timeoutz", "1");\n}, qr{^syncworker/stray.c:1: edurange.sync_timeoutz is no setting$}m, 'one that the server does not have' ],
	[ 'extension/admin/stray.h', qq{#define X "current_setting('edurange.token')"\n}, qr{^extension/admin/stray.h:1: edurange.token is no setting$}m, 'one in SQL' ],
	[ 'syncworker/stray1.c', "char *x = setting(name, \"\");\n", qr{^syncworker/stray1.c:1: setting\( without a name}m, 'one of the server by a name that nobody sees' ],
	[ 'docs/security.md', "`EDURANGE_POOLS=5`\n", qr{docs/security.md names EDURANGE_POOLS,}, 'one of the shim' ],
	[ 'deploy/kubernetes/base/deployment.yaml', "# EDURANGE_POOL_SIZES\n", qr{deployment.yaml names EDURANGE_POOL_SIZES,}, 'one in a folder of deploy/' ],
	[ 'deploy/kubernetes/base/stray.conf', "edurange.points_limit = 5\n", qr{stray.conf names edurange.points_limit,}, 'one of the server there' ]);
planted(
	$gates,
	[ 'docs/troubleshooting.md', "| `the server lets … in so:` | nobody |\n| `\"x\" is unwell` (PostgreSQL's) | call a doctor |\n", undef, undef ],
	[ 'docs/troubleshooting.md', "| `the server lets everybody in` | ask |\n", qr{troubleshooting.md explains what nothing says: the server lets everybody in$}m, 'a message that nothing says' ],
	[ 'extension/admin/health.c', sub { s/THEN format\('%s pods are back/THEN format('%s pods are home/ },
		qr{operations.md does not explain: %s pods are home}, 'a problem that is not explained' ]);
planted(
	$gates,
	[ 'docs/metrics.md', sub { s/`edurange_sync_held`/``/ }, qr{lacks edurange_sync_held$}m, 'a metric that is not documented' ],
	[ 'shim/live/more.c', qq{char *stray = "edurange_stray_total";\n}, qr{lacks edurange_stray_total$}m, 'a new one' ],
	[ 'deploy/prometheus/textfile.sql', "-- # TYPE strange_total counter\n", qr{lacks strange_total$}m, 'one of the database server' ],
	[ 'deploy/grafana/edurange.json', sub { s/edurange_sync_lag_seconds/edurange_sync_lag/ }, qr/edurange.json names the metric edurange_sync_lag,/,
		'a metric that does not exist in the dashboard' ],
	[ 'deploy/grafana/more/other.json', qq{"expr": "sum by (tier) (rate(edurangs_http_requests_total{a=\\"b\\"}[5m]))"\n},
		qr/other.json names the metric edurangs_http_requests_total,/, 'one of another prefix' ],
	[ 'deploy/prometheus/alerts.yml', "      - alert: X\n        expr: >\n          time() - x_seconds\n          > bool 5 and on (a) pg_up == 4e9\n",
		qr/alerts.yml names the metric pg_up,.*alerts.yml names the metric x_seconds,/s, 'those of an alert' ],
	[ 'test/prometheus/alerts.yml', "  - {series: 'edurange_strange{a=\"b\"}'}\n", qr/alerts.yml names the metric edurange_strange,/, 'one in the tests of alerts' ],
	[ 'docs/operations.md', "See `edurange_http_request_total`.\n", qr/operations.md names the metric edurange_http_request_total,/, 'one in the docs' ]);

# ---- calls, tests, released files ----------------------------------------------------------------

my @banned = qw(sprintf vsprintf strcpy stpcpy strcat strncpy strncat gets atoi atol atoll atof strtok system popen tmpnam mktemp alloca
  ctime gmtime localtime inet_ntoa scanf fscanf rand getpwnam setenv execlp vfork);
planted($gates,
	(map { [ "$_/stray.c", "\nint x = strcpy (y);\n", qr{^$_/stray.c:2: strcpy is banned$}m, "$_: a call that is banned" ] } @rooms),
	(map { [ "shim/base/stray$_.c", "\nint x = $_ (y);\n", qr{^shim/base/stray$_.c:2: $_ is banned$}m, "$_ is banned" ] } @banned),
	[ 'extension/cdf/stray.h', "#define X strncpy(a, b, c)\n", qr{^extension/cdf/stray.h:1: strncpy is banned}m, 'in a #define of a header, too' ],
	[ 'shim/live/stray1.c', "int x = (strcpy)(a, b);\n", qr{^shim/live/stray1.c:1: strcpy is banned}m, 'in brackets' ],
	[ 'shim/live/stray2.c', "char *(*x)(char *, const char *) = strcpy;\n", qr{^shim/live/stray2.c:1: strcpy is banned}m, 'through a pointer' ],
	[ 'shim/live/stray3.c', qq{\nint x = sscanf(a, "%d %" "%s", &b, c);\n}, qr{^shim/live/stray3.c:2: a text that is read without a limit}m, 'a text without a limit' ],
	(map { [ "test/$_/stray.c", "int x = system(y);\n", qr{^test/$_/stray.c:1: system is banned}m, "and in test/$_" ] } qw(fuzz hostile instance_manager)));
is(planted($gates, [ 'shim/base/stray.c', qq{/* strcpy(a) */ char *x = "system(y)"; int y = pg_strcpy(z) + a.rand + sscanf(b, "%4s %d", c, d);\n}, undef, '' ]), '', 'what only looks like a call');
planted(
	$gates,
	[ 'expected/stray.out', 'x', qr{^expected/stray.out has no sql/stray.sql}m, 'an output without a test' ],
	[ 'expected/points_2.out', 'x', qr{^expected/points_2.out has no sql/points_2.sql}m, 'another output where the one before is missing' ],
	[ 'test/isolation/expected/stray.out', 'x', qr{^test/isolation/expected/stray.out has no }m, 'one of isolation' ],
	[ 'sql/lone.sql', 'x', qr{^sql/lone.sql has no expected/lone.out\nsql/lone.sql is not in sql/schedule$}m, 'a test without output and place' ],
	[ 'test/isolation/specs/lone.spec', 'x', qr{^test/isolation/specs/lone.spec has no .*^test/isolation/specs/lone.spec is not in }ms, 'one of isolation' ],
	[ 'sql/schedule', "test: nothing\n", qr{^sql/schedule names nothing,}m, 'a test that is not there' ],
	[ 'test/t/deep/200_x.pl', 'x', qr{^test/t/deep/200_x.pl has no number, or stands where}m, 'a test in a folder' ],
	[ 'test/t/029_other.pl', 'x', qr{^test/t/029_other.pl has the number of test/t/029_gates.pl}m, 'a number that is taken' ]);
planted(
	$gates,
	[ 'schema/migrations/0001_platform.sql', "\n", qr{^schema/migrations/0001_platform.sql is not what edurange--0.0.9.sql released}m, 'a released migration that was edited' ],
	[ 'schema/migrations/0002_edurange.sql', sub { s/CREATE/create/ }, qr{^schema/migrations/0002_edurange.sql is not}m, 'another' ],
	[ 'schema/released/edurange--0.0.9.sql', "\n", qr{edurange--0.0.9.sql is not what was released: it was edited}, 'a released script that was edited' ],
	[ 'schema/released/edurange--0.0.8.sql', "\n", qr{edurange--0.0.8.sql is not .*SHA256SUMS lacks it}, 'one without its sum' ],
	[ 'schema/released/SHA256SUMS', ('0' x 64) . "  gone.sql\n", qr{names gone.sql, which is gone}, 'one that is gone' ]);
planted(sub { findings('docs/generate.pl', '--check') },
	[ "docs/$_.md", "\n", qr{docs/$_.md is not up to date}, "a stale page on $_" ]) for qw(errors settings sql-api metrics);

# ---- rooms and paths in the docs -----------------------------------------------------------------

planted(
	$gates,
	[ 'test/directions.pl', sub { s{(?='shim/http' =>)}{'shim/attic' => [],\n\t} }, qr{^docs/design.md lacks the room shim/attic$}m, 'a room that the page lacks' ],
	[ 'docs/design.md', sub { s{\| course, game, calls, text, base \| the board}{| course, game, calls, base | the board} },
		qr{design.md says that extension/board may use "base calls course game", test/directions.pl "base calls course game text"}, 'a room of which it says something else' ],
	[ 'extension/grades/grades.h', sub { s/The room grades/Grades/ }, qr{^extension/grades/grades.h does not say what the room grades/ is for$}m, 'a room that does not say what it is for' ],
	[ 'shim/live/boards.h', sub { s/The room live/Live/ }, qr{^shim/live/boards.h does not say what the room live/ is for$}m, 'one of the shim' ],
	[ 'docs/sync.md', "See `extension/sync/tides.c`.\n", qr{^docs/sync.md names extension/sync/tides.c, which does not exist$}m, 'a file that is not there' ],
	[ 'docs/sync.md', "See `sync/brake.c`.\n", qr{^docs/sync.md names sync/brake.c not from the top$}m, 'a path that begins with a room' ],
	[ 'README.md', "See `docs/tides/`.\n", qr{^README.md names docs/tides/, which does not exist$}m, 'a folder' ]);
planted($gates, [ 'docs/design.md', sub { s/`grades\.h` \|/`grade.h` |/ }, qr{names extension/grades/grade.h, which does not exist$}m, 'a room that begins with nothing' ]);

# ---- directions ----------------------------------------------------------------------------------

my $directions = sub { findings('test/directions.pl', $copy, $copy) };

# Compiles planted files into objects beside them, which stay until they are removed.
sub compiled
{
	my (@paths) = @_;

	for (@paths)
	{
		system_or_bail($cc, '-c', '-w', '-o', "$copy/" . s/\.c$/.o/r, "$copy/$_");
	}
	return;
}

# A header of a room, as its files include it.
sub header_of
{
	my ($room) = @_;
	my ($path) = glob "$copy/$room/*.h";

	return $path =~ s,^\Q$copy\E/\w+/,,r;
}

is($directions->(), '', 'all includes and calls have the right direction, and none goes in a circle');

# From each room an include and a call to the highest one.
my %highest = (extension => 'admin', shim => 'http');
my @upward = map { "$_/upward.c" } @rooms;
planted(
	sub {
		compiled(@upward);
		my $out = $directions->();
		unlink map { "$copy/" . s/\.c$/.o/r } @upward;
		return $out;
	},
	map {
		my ($part, $room) = m{(\w+)/(\w+)$};
		my $top = $highest{$part};
		my $header = header_of("$part/$top");
		$room eq $top
		  ? ([ "$_/upward.c", "int edurange_top(void) { return 1; }\n", undef, '' ])
		  : (
			[ "$_/upward.c", "int edurange_top(void);\nint edurange_of_$room(void) { return edurange_top(); }\n",
				qr{^$_/upward.c uses edurange_top of $part/$top/upward.c: $room may not use $top$}m, "$_: a call upward" ],
			[ "$_/upward.h", qq{#include "$header"\n}, qr{^$_/upward.h includes \Q$header\E on line 1: $room may not use $top$}m, "$_: an include upward" ]);
	} @rooms);
my ($game, $cdf, $http, $api) = map { header_of($_) } qw(extension/game extension/cdf shim/http shim/api);
my @sources = qw(extension/base/up.c extension/sync/up.c shim/base/call.c shim/http/called.c shim/packs/data.c syncworker/one.c
  syncworker/two.c shim/access/three.c shim/access/four.c extension/json_schema/joint.c);
planted(
	sub {
		compiled(@sources);
		my $out = $directions->();
		unlink map { "$copy/" . s/\.c$/.o/r } @sources;
		return $out;
	},
	[ 'extension/base/up.c', qq{\n#if 0\n#  include "$game"\n#endif\n}, qr{^extension/base/up.c includes \Q$game\E on line 3: base may not use game}m, 'an include upward' ],
	[ 'extension/calls/up.h', qq{#include "../$cdf" /* x */\n}, qr{^extension/calls/up.h includes ../\Q$cdf\E on line 1: calls may not use cdf}m,
		'one in a header, by a relative path' ],
	[ 'shim/config/up.h', qq{#include <$api>\n}, qr{^shim/config/up.h includes \Q$api\E on line 1: config may not use api}m, 'one in brackets' ],
	[ 'shim/describe/up.h', qq{#include "$http"\n}, qr{^shim/describe/up.h includes .*: describe may not use http}m, 'one from what is made' ],
	[ 'extension/sync/up.c', "int edurange_up(void);\nint x(void) { return edurange_up(); }\n", undef, '' ],
	[ 'extension/base/up.c', "int edurange_up(void) { return 1; }\n", undef, '' ],
	[ 'shim/base/call.c', "extern int called(void);\nint call(void) { return called(); }\n",
		qr{^shim/base/call.c uses called of shim/http/called.c: base may not use http}m, 'a call upward without an include' ],
	[ 'shim/http/called.c', "int called(void) { return 1; }\nint number = 5;\n", undef, '' ],
	[ 'shim/packs/data.c', "extern int number;\nint (*data(void))[1] { return (int (*)[1]) &number; }\n",
		qr{^shim/packs/data.c uses number of shim/http/called.c: packs may not use http}m, 'a variable' ],
	[ 'syncworker/one.c', "int two(void); int one(void) { return two(); }\n", qr{in a circle: syncworker/one -> syncworker/two -> syncworker/one}, 'a circle of calls' ],
	[ 'syncworker/two.c', "int one(void); int two(void) { return one(); }\n", undef, '' ],
	[ 'shim/base/five.h', qq{#include "six.h"\n}, qr{in a circle: shim/base/five -> shim/base/six -> shim/base/seven -> shim/base/five}, 'a circle of includes' ],
	[ 'shim/base/six.h', qq{#include "base/seven.h"\n}, undef, '' ],
	[ 'shim/base/seven.h', qq{#include "five.h"\n}, undef, '' ],
	[ 'shim/access/three.c', qq{#include "four.h"\nint three(void) { return 3; }\n}, qr{in a circle: shim/access/four -> shim/access/three -> shim/access/four},
		'a circle of an include and a call' ],
	[ 'shim/access/four.h', '', undef, '' ],
	[ 'shim/access/four.c', "int three(void); int four(void) { return three(); }\n", undef, '' ],
	[ 'extension/json_schema/joint.c', qq{\nvoid joint(void) { }\n}, undef, '' ],
	[ 'extension/json_schema/joint.h', qq{#include "json_schema/json_schema_compile.h"\n},
		qr{in a circle: extension/json_schema/joint -> extension/json_schema/json_schema_\{compile,refs\} -> extension/json_schema/joint}, 'more than the one recursion' ],
	[ 'extension/json_schema/json_schema_refs.c', qq{\n#include "json_schema/joint.h"\n}, undef, '' ],
	(map { [ "extension/calls/$_->[0].h", "\n$_->[1]\n", qr{^extension/calls/$_->[0].h includes .* on line [23](?:: calls may not use cdf)?$}m, "an include $_->[2]" ] } (
			[ 'computed', qq{#define L "$cdf"\n#include L}, 'by a macro' ],
			[ 'quoted', qq{char *a = "/*";\n#include "$cdf"\nchar *b = "*/";}, 'between what looks like a comment' ],
			[ 'slashed', qq{// /*\n#include "$cdf"\n// */}, 'between others' ],
			[ 'gnu', qq{#include_next "$cdf"}, 'of another kind' ],
			[ 'inner', qq{# /* x */ include "$cdf"}, 'with a comment within' ],
			[ 'cut', qq{#inc\\\nlude "$cdf"}, 'in two lines' ])),
	[ 'extension/calls/remark.h', qq{/*\n#include "$cdf"\n*/\n}, qr{\A(?!.*remark)}s, 'none in a comment' ],
	(map { [ $_, '', qr{^$_ is of a kind that no check reads$}m, $_ ] } qw(extension/game/rows.inc shim/http/more.def syncworker/x.cc)),
	[ 'extension/stray.c', '/* */', qr{^extension/stray.c stands in no room}m, 'a file outside of the rooms' ],
	[ 'shim/attic/stray.h', '/* */', qr{^shim/attic/stray.h stands in no room}m, 'a room that nobody knows' ],
	[ 'shim/http/deep/stray.h', '/* */', qr{^shim/http/deep/stray.h stands in no room}m, 'a room in a room' ],
	[ 'extension/packs/points.h', '/* */', qr{has the name of extension/(?:game|packs)/points}m, 'a name that is taken' ],
	[ 'extension/game/lone.c', '/* */', qr{^extension/game/lone.c was not compiled}m, 'a file whose calls are not known' ],
	[ 'test/directions.pl', sub { s/(?='shim\/main.c' =>)/'shim\/gone' => [], / }, qr{names shim/gone, where nothing stands}, 'a room that is gone' ]);

# ---- mutants, and what lint looks at ----------------------------------------------------------------

planted(sub { findings('test/mutants/run.pl', 'places') },
	[ 'test/mutants/998_tests', "X\nKills: regress:nope isolation:nope tap:999_nope\nFile: extension/edurange.c\n-edurange.c\n+x\n",
		qr{(?:^test/mutants/998_tests: there is no test (?:regress:nope|isolation:nope|tap:999_nope)\n){3}}m, 'a mutant of tests that are not there' ],
	[ 'test/mutants/999_places', "X\nKills: regress:tokens\nFile: extension/edurange.c\n-not there\n+x\n", qr{^test/mutants/999_places: extension/edurange.c has the old text 0 times$}m, 'one without a place' ]);

# The tools tell only what they are called with.
for my $tool (qw(deploy/install-deps.sh tools/make tools/shellcheck tools/clang-format tools/cppcheck tools/clang-tidy tools/scan-build))
{
	put($tool, qq{#!/bin/sh\nprintf '%s: ' '$tool'; echo "\$@"\n});
	chmod 0755, "$copy/$tool";
}
put('build/lint/gcc/edurange.so', 'built before');
my @strangers = qw(extension/board/stranger.c shim/live/stranger.c syncworker/stranger.c test/hostile/stranger.c);
put($_, "int stranger;\n") for @strangers;
my $linted = '';
{
	local @ENV{qw(PATH MAKE LINT)} = ("$copy/tools:$ENV{PATH}", "$copy/tools/make", 'format cppcheck tidy scan shell directions exports');
	IPC::Run::run([ 'sh', "$copy/test/lint.sh" ], '>', \$linted, '2>&1');
}
my @made = $linted =~ m{^tools/make: .*-C \S*build/lint/gcc all}gm;
is(scalar @made, 2, 'directions and exports are those of the sources as they are');
like($linted, qr{^tools/shellcheck: .*\Q$_\E}m, "shellcheck reads $_")
  for qw(deploy/debian/edurange-shim.postinst deploy/debian/edurange-shim.postrm deploy/debian/postgresql-extension.postrm.in deploy/lib.sh);
for my $stranger (@strangers)
{
	like($linted, qr{^tools/\Q$_\E: .*(?<!\S)\Q$stranger\E}m, "$_ reads $stranger") for qw(clang-format cppcheck clang-tidy);
	ok(-f "$copy/build/lint/$_/$stranger", "$_ builds with it") for qw(gcc scan);
}
unlink(map { "$copy/$_" } @strangers);

# ---- what libraries export -----------------------------------------------------------------------

my $folder = "$copy/libraries";
make_path("$folder/syncworker");
put('libraries/stray.c', "int stray = 1; int edurange_fine(void) { return 1; }\n");
put('libraries/worker.c', "int json_agg_finalfn(void); int json_strange(void); int edurange_fine(void) { return json_agg_finalfn() + json_strange(); }\n");
system_or_bail($cc, '-shared', '-fPIC', '-o', "$folder/edurange.so", "$folder/stray.c");
system_or_bail($cc, '-shared', '-fPIC', '-o', "$folder/syncworker/edurange_worker.so", "$folder/worker.c");
is(findings('test/exports.pl', $folder), "edurange.so exports stray\nsyncworker/edurange_worker.so wants json_agg_finalfn, which the server has, too\n",
	'a foreign name, and a function that the server has, too');

done_testing();
