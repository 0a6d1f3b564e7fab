/*
 * health.c
 *	  Is everything in place, and how does the server do?
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"

#include "admin/assertions.h"
#include "base/refusal.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/caller.h"
#include "game/sight.h"

typedef enum StatementId
{
	READINESS,
	LIST_MISSING,
	VERSION_AND_ROLES,
	INSTALLED,
	ONE_ROW,
	HEALTH,
	HEALTH_ANYWAY,
	STATEMENT_COUNT
} StatementId;

#define MISSING                                                                                    \
	"(SELECT coalesce(array_agg(kind || ' ' || name ORDER BY kind, name), '{}')"                   \
	" FROM edurange.assertions() WHERE NOT present)"
/*
 * Who is connected and was given several tiers, as the one login of before; and who called, where that connection is
 * said to be of a tier and can become a higher one.
 */
#define SHARED_LOGINS                                                                                     \
	"(SELECT DISTINCT usename::text AS name FROM pg_stat_activity a"                                      \
	"  WHERE datname = current_database() AND (1 < (SELECT count(DISTINCT roleid) FROM pg_auth_members m" \
	"    WHERE m.member = a.usesysid AND m.roleid IN (to_regrole('edurange_player'),"                     \
	"     to_regrole('edurange_service'), to_regrole('edurange_admin')))"                                 \
	"   OR pid = pg_backend_pid() AND EXISTS (SELECT FROM (VALUES ('edurange_player', 1),"                \
	"     ('edurange_service', 2), ('edurange_admin', 3)) AS own (role, height)"                          \
	"    JOIN (VALUES ('edurange_service', 2), ('edurange_admin', 3)) AS up (role, height)"               \
	"     ON own.role = current_setting('role') AND up.height > own.height"                               \
	"    WHERE pg_has_role(a.usesysid, to_regrole(up.role), 'MEMBER')))) AS shared"
/* What connections of HTTP services say of themselves (shim/config/config.c). */
#define SERVICE_CONNECTIONS                                                                        \
	"pg_stat_activity WHERE datname = current_database() AND application_name ~ '^edurange_shim( |$)'"
#define LETS_ANYBODY_IN "application_name LIKE '% anonymous=%'"

/* WebOS as it is needs two settings: one of ours, and one of the HTTP services. */
#define WEBOS_PROBLEM                                                                                 \
	"(SELECT CASE WHEN known = 0 THEN NULL"                                                           \
	" WHEN open > 0 AND NOT current_setting('edurange.webos_compatibility')::boolean"                 \
	"  THEN 'requests without a token are those of any player, but"                                   \
	" edurange.webos_compatibility is off, without which no WebOS completes a question'"              \
	" WHEN open = 0 AND current_setting('edurange.webos_compatibility')::boolean"                     \
	"  THEN 'edurange.webos_compatibility shows answers to players, but no HTTP service lets a WebOS" \
	" in without a token; turn it off, or that on' END"                                               \
	" FROM (SELECT count(*), count(*) FILTER (WHERE " LETS_ANYBODY_IN ")"                             \
	"  FROM " SERVICE_CONNECTIONS ") AS service (known, open))"
#define SYNC_PROBLEM                                                                                   \
	"CASE WHEN pg_is_in_recovery() OR (sync).\"workerProblem\" IS NULL THEN NULL"                      \
	" WHEN NOT (sync).\"workerRunning\" AND current_setting('edurange.database') = current_database()" \
	"  AND NOT current_setting('edurange.sync_enabled')::boolean"                                      \
	"  THEN 'the sync worker is paused; set edurange.sync_enabled to on'"                              \
	" WHEN (sync).\"workerRunning\" AND current_setting('edurange.instance_manager_url') = ''"         \
	"  THEN 'the sync worker idles; set edurange.instance_manager_url'"                                \
	" ELSE CASE WHEN (sync).\"workerRunning\" THEN 'the sync worker cannot do its work: '"             \
	"  ELSE 'the sync worker does not run: ' END || (sync).\"workerProblem\" END"
/* So long after the last success something must be wrong, whatever it is. */
#define SYNC_STANDS_STILL                                                                          \
	"(sync).\"workerProblem\" IS NULL AND NOT pg_is_in_recovery() AND (sync).\"lagSeconds\" >"     \
	" greatest(10, 3 * extract(epoch FROM current_setting('edurange.sync_interval')::interval"     \
	"  + current_setting('edurange.sync_timeout')::interval))"
/* What an operator should know first, with what to do about it: docs/operations.md has the details. */
#define PROBLEMS                                                                                        \
	"array_remove(ARRAY["                                                                               \
	"CASE WHEN EXISTS (SELECT FROM unnest(missing) AS m (what)"                                         \
	"  WHERE what NOT LIKE 'shape %' AND what NOT LIKE 'exposure %')"                                   \
	" THEN 'something is missing; run edurange.migrate()' END,"                                         \
	"CASE WHEN changed THEN (SELECT 'tables were altered; alter them back: '"                           \
	"  || string_agg(substr(what, 7), ', ' ORDER BY what)"                                              \
	"  FROM unnest(missing) AS m (what) WHERE what LIKE 'shape %') END,"                                \
	"(SELECT 'there are rights that are better revoked: '"                                              \
	"  || string_agg(substr(what, 10), ', ' ORDER BY what)"                                             \
	"  FROM unnest(missing) AS m (what) WHERE what LIKE 'exposure %'),"                                 \
	"(SELECT format('login %s can become more than one tier; give each tier its own"                    \
	" (deploy/roles.sql)', string_agg(name, ', ' ORDER BY name)) FROM " SHARED_LOGINS                   \
	"  HAVING count(*) > 0)," WEBOS_PROBLEM "," SYNC_PROBLEM ","                                        \
	"CASE WHEN (sync).\"consecutiveFailures\" > 2 THEN format("                                         \
	" 'the sync worker failed %s times in a row: %s', (sync).\"consecutiveFailures\","                  \
	" (sync).\"lastError\")"                                                                            \
	" WHEN " SYNC_STANDS_STILL " THEN format('the sync worker stands still: it has compared"            \
	" nothing for %s s%s', floor((sync).\"lagSeconds\"), ': ' || (sync).\"lastError\") END,"            \
	"CASE WHEN (sync).held > 0 THEN format('%s instances are held because too many pods vanished"       \
	" at once, until %s', (sync).held, (sync).\"heldUntil\") END,"                                      \
	"CASE WHEN (drift).\"stuckRows\" > 0 THEN format('%s instances do not end or begin; see"            \
	" edurange.sync_drift()%s', (drift).\"stuckRows\", ' (' || (sync).\"lastEndError\" || ')') END,"    \
	"CASE WHEN (drift).\"unansweredRows\" > 0 THEN format('nobody says what became of the pods of %s"   \
	" instances; see edurange.sync_drift()%s', (drift).\"unansweredRows\","                             \
	" ' (' || (sync).\"lastStatusError\" || ')') END,"                                                  \
	"CASE WHEN (drift).\"failingFlags\" > 0 THEN format('the flags of %s instances cannot be had;"      \
	" see edurange.sync_drift()%s', (drift).\"failingFlags\", ' (' || (sync).\"lastFlagError\" || ')')" \
	" END,"                                                                                             \
	"CASE WHEN (drift).\"returnedPods\" > 0 THEN format('%s pods are back whose instances ended"        \
	" when many were not found; see edurange.sync_drift()', (drift).\"returnedPods\") END,"             \
	"CASE WHEN (drift).\"unreadablePods\" > 0 THEN format('%s pods of the list cannot be read; see"     \
	" edurange.sync_drift()', (drift).\"unreadablePods\") END,"                                         \
	"CASE WHEN (drift).\"refusedRows\" > 0 THEN format('%s instances cannot be changed, because a"      \
	" trigger, a constraint or a key of others refuses it; see edurange.sync_drift()',"                 \
	" (drift).\"refusedRows\") END,"                                                                    \
	"(SELECT format('%s boards are frozen, but without a token everybody may ask an HTTP service for"   \
	" points and attempts; let it take none of these', count(*)) FROM edurange.board_rule r"            \
	"  WHERE " IS_FROZEN "  AND EXISTS (SELECT FROM " SERVICE_CONNECTIONS " AND " LETS_ANYBODY_IN       \
	") HAVING count(*) > 0),"                                                                           \
	"CASE WHEN (connections).utilization_percent > 90 THEN format('%s of %s connections are in"         \
	" use; raise max_connections, or let what connects open fewer', (connections).current,"             \
	" (connections).max) END], NULL)"
/* (which health() does not do: it would take as long as there are totals) */
#define NO_PROBLEM                                                                                 \
	"'no problem is known; edurange.check_invariants() compares the totals with the ledger'"
#define SERVER                                                                                     \
	"clock_timestamp(), 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1),"   \
	" (SELECT format('%sd %sh %sm %ss', s / 86400, s / 3600 % 24, s / 60 % 60, s % 60)"            \
	"  FROM (SELECT extract(epoch FROM clock_timestamp()"                                          \
	"   - pg_postmaster_start_time())::bigint) AS up (s)), connections"
#define SIZES                                                                                      \
	"(SELECT ROW(round(b / 1048576.0, 2), pg_size_pretty(b))::edurange.health_storage"             \
	"  FROM (SELECT CASE WHEN has_database_privilege(current_database(), 'CONNECT')"               \
	"   THEN pg_database_size(current_database()) END) AS size (b))"
#define LARGEST                                                                                    \
	"ARRAY(SELECT ROW(schemaname, relname, n_live_tup,"                                            \
	"  pg_size_pretty(pg_total_relation_size(relid)))::edurange.health_table"                      \
	"  FROM pg_stat_user_tables ORDER BY n_live_tup DESC, relname LIMIT 10),"                      \
	" (SELECT format('%s tables', count(*)) FROM pg_stat_user_tables)"
#define CONNECTIONS                                                                                \
	"(SELECT ROW(n, most, round(100.0 * n / most, 2))::edurange.health_connections"                \
	"  FROM (SELECT (SELECT sum(numbackends)::integer FROM pg_stat_database),"                     \
	"   current_setting('max_connections')::integer) AS connection (n, most)) AS c (connections)"
#define VERSION "(SELECT extversion FROM pg_extension WHERE extname = 'edurange')"

static Statement statements[STATEMENT_COUNT] = {
    [READINESS] =
        {"SELECT ROW(coalesce(bool_and(" IS_WARNING "), true), " VERSION ","
         " coalesce(array_agg(kind || ' ' || name ORDER BY kind, name), '{}'))::edurange.readiness"
         " FROM edurange.assertions() WHERE NOT present AND (" STOPS_SERVICE " OR " IS_WARNING ")",
         {InvalidOid},
         .reads = true},
    [LIST_MISSING] = {"SELECT " MISSING, {InvalidOid}, .reads = true},
    /* Of these two, what is left where rights are lost: they read catalogues, which everybody may. */
    [VERSION_AND_ROLES] =
        {"SELECT " VERSION ", ARRAY(SELECT 'identity ' || name"
         "  FROM unnest(ARRAY['edurange_owner', 'edurange_game', 'edurange_player',"
         "   'edurange_service', 'edurange_admin']) AS r (name)"
         "  WHERE to_regrole(name) IS NULL) || $1",
         {TEXTOID}},
    [INSTALLED] = {"SELECT EXISTS (SELECT FROM pg_class WHERE relname = 'migration'"
                   " AND relnamespace = to_regnamespace('edurange'))",
                   {InvalidOid}},
    /* Something small that reads a table, to measure. */
    [ONE_ROW] = {"SELECT 1 FROM edurange.migration LIMIT 1", {InvalidOid}, .reads = true},
    /* $1 milliseconds that a query took, $2 the same in a transaction of its own */
    [HEALTH] =
        {"SELECT ROW('ok', CASE WHEN cardinality(problems) = 0 THEN " NO_PROBLEM
         "  ELSE array_to_string(problems, '; ') END, 'connected', " SERVER ","
         " ROW(round($1::numeric, 3), round($2::numeric, 3))::edurange.health_performance, " SIZES
         ", '{}'::text[], " LARGEST ", " VERSION ", missing, sync, drift)::edurange.health_report"
         " FROM " MISSING " AS m (missing), (SELECT edurange.sync_status()) AS s (sync),"
         " LATERAL (SELECT EXISTS (SELECT FROM unnest(missing) AS m (what)"
         "  WHERE what LIKE 'shape %' OR what LIKE 'table %')) AS a (changed),"
         /* it would fail over what has changed, which is to be named */
         " LATERAL (SELECT CASE WHEN NOT changed THEN edurange.sync_drift_summary() END)"
         "  AS d (drift), " CONNECTIONS ", LATERAL (SELECT " PROBLEMS ") AS p (problems)",
         {FLOAT8OID, FLOAT8OID},
         .reads = true},
    /* $1 what is missing, $2 why that was not asked as usual */
    [HEALTH_ANYWAY] =
        {"SELECT ROW('ok', 'something is missing; run edurange.migrate()', 'connected', " SERVER
         ", NULL, " SIZES ", ARRAY[$2], " LARGEST ", " VERSION
         ", $1, NULL, NULL)::edurange.health_report FROM " CONNECTIONS,
         {TEXTARRAYOID, TEXTOID},
         .reads = true},
};

/* What is missing, as what is left says. */
typedef struct Remains
{
	NullableDatum version;
	NullableDatum missing;
} Remains;

/*
 * Reads what everybody may read; with statements open.  problem, what else there is to say, may be NULL.
 */
static Remains
read_remains(const char *problem)
{
	Surface saved;
	Remains remains;

	surface_as_caller(&saved);
	STATEMENT_RUN(&statements[VERSION_AND_ROLES], value_text(problem));
	remains.version = row_result(0, 1, TEXTOID);
	remains.missing = row_result(0, 2, TEXTARRAYOID);
	surface_take_back(&saved);
	return remains;
}

/* Was migrate() ever run? */
static bool
is_installed(void)
{
	Surface saved;
	bool installed;

	surface_as_caller(&saved);
	statement_run(&statements[INSTALLED], NULL, 0);
	installed = row_bool(0, 1);
	surface_take_back(&saved);
	return installed;
}

/* Work that reads our tables, and its row. */
typedef struct CarefulRead
{
	void (*read)(struct CarefulRead *reading);
	Datum row;
} CarefulRead;

static void
read_in_statements(void *argument)
{
	CarefulRead *reading = argument;

	statements_begin();
	reading->read(reading);
	statements_end();
}

/*
 * Does the work; where a right or a role that it needs is lost, returns what the error says instead.  Before the
 * first migrate() that is an error, as everywhere.
 */
static char *
read_unless_lost(CarefulRead *reading)
{
	MemoryContext context = CurrentMemoryContext;
	char *volatile problem = NULL;
	Surface surface;

	if (!surface_has_owner())
		return pstrdup("error role \"edurange_owner\" does not exist");
	surface_note(&surface);
	PG_TRY();
	{
		in_subtransaction(read_in_statements, reading, true);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION)
			PG_RE_THROW();
		FlushErrorState();
		problem = psprintf("error %s", error->message);
	}
	PG_END_TRY();
	surface_restore(&surface);
	return problem;
}

static void
read_readiness(CarefulRead *reading)
{
	statement_run(&statements[READINESS], NULL, 0);
	reading->row = only_result();
}

SQL_FUNCTION_ANYWAY(edurange_readiness)
{
	CarefulRead reading = {.read = read_readiness};
	char *problem = read_unless_lost(&reading);
	Remains remains;

	if (problem == NULL)
		return reading.row;
	statements_begin();
	remains = read_remains(problem);
	statements_end();
	return composite_result(
	    fcinfo, (NullableDatum[]){value_bool(false), remains.version, remains.missing}, 3);
}

static void
read_missing(CarefulRead *reading)
{
	statement_run(&statements[LIST_MISSING], NULL, 0);
	reading->row = only_result();
}

/* What is missing, as the list has it or as what is left says; with statements open. */
static NullableDatum
find_missing(const char *problem)
{
	CarefulRead reading = {.read = read_missing};

	if (read_unless_lost(&reading) != NULL)
		return read_remains(problem).missing;
	return (NullableDatum){.value = reading.row};
}

static void
read_one_row(void *argument)
{
	statement_run(&statements[ONE_ROW], NULL, 0);
}

/* How many milliseconds a statement takes, as it is or in a subtransaction of its own. */
static double
milliseconds(bool transaction)
{
	instr_time start;
	instr_time end;

	INSTR_TIME_SET_CURRENT(start);
	if (transaction)
		in_subtransaction(read_one_row, NULL, true);
	else
		read_one_row(NULL);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	return INSTR_TIME_GET_MILLISEC(end);
}

static void
read_health(CarefulRead *reading)
{
	NullableDatum query = {0};
	NullableDatum transaction = {0};

	(void) milliseconds(false);
	query.value = Float8GetDatum(milliseconds(false));
	transaction.value = Float8GetDatum(milliseconds(true));
	STATEMENT_RUN(&statements[HEALTH], query, transaction);
	reading->row = only_result();
}

SQL_FUNCTION_ANYWAY(edurange_health)
{
	CarefulRead reading = {.read = read_health};
	Surface saved;
	NullableDatum missing;
	char *problem;
	Datum row;

	caller_check(fcinfo);
	problem = read_unless_lost(&reading);
	if (problem == NULL)
		PG_RETURN_DATUM(reading.row);
	statements_begin();
	if (!is_installed())
		raise_error(EDURANGE_NOT_INSTALLED, "edurange.migrate() has not run yet");
	missing = find_missing(problem);
	surface_as_caller(&saved);
	STATEMENT_RUN(&statements[HEALTH_ANYWAY], missing, value_text(problem));
	row = only_result();
	surface_take_back(&saved);
	statements_end();
	PG_RETURN_DATUM(row);
}
