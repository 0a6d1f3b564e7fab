/*
 * health.c
 *	  Is everything in place, and how does the server do?
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"

#include "base/statements.h"
#include "base/surface.h"

typedef enum StatementId
{
	READINESS,
	ONE_ROW,
	HEALTH,
	STATEMENT_COUNT
} StatementId;

#define MISSING                                                                                    \
	"(SELECT coalesce(array_agg(kind || ' ' || name ORDER BY kind, name), '{}')"                   \
	" FROM edurange.assertions() WHERE NOT present)"
/* What an operator should know first, with what to do about it: docs/operations.md has the details. */
#define IS_SERVED                                                                                  \
	"NOT pg_is_in_recovery()"                                                                      \
	" AND current_setting('edurange.database', true) = current_database()"
#define PROBLEMS                                                                                   \
	"array_remove(ARRAY["                                                                          \
	"CASE WHEN EXISTS (SELECT FROM unnest(missing) AS m (what) WHERE what NOT LIKE 'shape %')"     \
	" THEN 'something is missing; run edurange.migrate()' END,"                                    \
	"CASE WHEN changed THEN (SELECT 'tables were altered; alter them back: '"                      \
	"  || string_agg(substr(what, 7), ', ' ORDER BY what)"                                         \
	"  FROM unnest(missing) AS m (what) WHERE what LIKE 'shape %') END,"                           \
	"CASE WHEN " IS_SERVED " THEN CASE WHEN NOT (sync).\"workerRunning\""                          \
	"  THEN 'the sync worker does not run; is edurange in shared_preload_libraries?'"              \
	" WHEN current_setting('edurange.instance_manager_url', true) = ''"                            \
	"  THEN 'the sync worker idles; set edurange.instance_manager_url'"                            \
	" WHEN NOT current_setting('edurange.sync_enabled', true)::boolean"                            \
	"  THEN 'the sync worker is paused; set edurange.sync_enabled to on' END END,"                 \
	"CASE WHEN (sync).\"consecutiveFailures\" > 2 THEN format("                                    \
	" 'the sync worker failed %s times in a row: %s', (sync).\"consecutiveFailures\","             \
	" (sync).\"lastError\") END,"                                                                  \
	"CASE WHEN (sync).held > 0 THEN format('%s instances are held because too many pods vanished"  \
	" at once; is the list of the Instance Manager whole?', (sync).held) END,"                     \
	"CASE WHEN (drift).\"stuckRows\" > 0 THEN format('%s instances do not end; see"                \
	" edurange.sync_drift()', (drift).\"stuckRows\") END,"                                         \
	"CASE WHEN (connections).utilization_percent > 90 THEN format('%s of %s connections are in"    \
	" use; raise max_connections, or let what connects open fewer', (connections).current,"        \
	" (connections).max) END], NULL)"
#define VERSION "(SELECT extversion FROM pg_extension WHERE extname = 'edurange')"

static Statement statements[STATEMENT_COUNT] = {
    /* Service goes on without the guard and for subscribers that nobody has. */
    [READINESS] =
        {"SELECT ROW(cardinality(missing) = 0, " VERSION ", missing)::edurange.readiness"
         " FROM (SELECT coalesce(array_agg(kind || ' ' || name ORDER BY kind, name), '{}')"
         " FROM edurange.assertions() WHERE NOT present"
         " AND kind NOT IN ('guard', 'replica identity')) AS m (missing)",
         {InvalidOid},
         .reads = true},
    /* Something small that reads a table, to measure. */
    [ONE_ROW] = {"SELECT 1 FROM edurange.migration LIMIT 1", {InvalidOid}, .reads = true},
    /* $1 milliseconds that a query took, $2 the same in a transaction of its own */
    [HEALTH] = {"SELECT ROW('ok', CASE WHEN cardinality(problems) = 0 THEN 'everything is in place'"
                "  ELSE array_to_string(problems, '; ') END, 'connected',"
                " clock_timestamp(),"
                " 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1),"
                " (SELECT format('%sd %sh %sm %ss', s / 86400, s / 3600 % 24, s / 60 % 60, s % 60)"
                "  FROM (SELECT extract(epoch FROM clock_timestamp()"
                "   - pg_postmaster_start_time())::bigint) AS up (s)), connections,"
                " ROW(round($1::numeric, 3), round($2::numeric, 3))::edurange.health_performance,"
                " (SELECT ROW(round(b / 1048576.0, 2), pg_size_pretty(b))::edurange.health_storage"
                "  FROM (SELECT CASE WHEN has_database_privilege(current_database(), 'CONNECT')"
                "   THEN pg_database_size(current_database()) END) AS size (b)), '{}'::text[],"
                " ARRAY(SELECT ROW(schemaname, relname, n_live_tup,"
                "  pg_size_pretty(pg_total_relation_size(relid)))::edurange.health_table"
                "  FROM pg_stat_user_tables ORDER BY n_live_tup DESC, relname LIMIT 10),"
                " (SELECT format('%s tables', count(*)) FROM pg_stat_user_tables), " VERSION
                ", missing, sync, drift)::edurange.health_report"
                " FROM " MISSING " AS m (missing), (SELECT edurange.sync_status()) AS s (sync),"
                " LATERAL (SELECT EXISTS (SELECT FROM unnest(missing) AS m (what)"
                "  WHERE what LIKE 'shape %' OR what LIKE 'table %')) AS a (changed),"
                /* it would fail over what has changed, which is to be named */
                " LATERAL (SELECT CASE WHEN NOT changed THEN edurange.sync_drift_summary() END)"
                "  AS d (drift), (SELECT ROW(n, most,"
                "  round(100.0 * n / most, 2))::edurange.health_connections"
                "  FROM (SELECT (SELECT sum(numbackends)::integer FROM pg_stat_database),"
                "   current_setting('max_connections')::integer) AS connection (n, most))"
                " AS c (connections), LATERAL (SELECT " PROBLEMS ") AS p (problems)",
                {FLOAT8OID, FLOAT8OID},
                .reads = true},
};

/* The first column of the first row of a statement without arguments. */
static Datum
only_value(Statement *statement)
{
	Datum value;

	statements_begin();
	statement_run(statement, NULL, 0);
	value = only_result();
	statements_end();
	return value;
}

SQL_FUNCTION(edurange_readiness)
{
	PG_RETURN_DATUM(only_value(&statements[READINESS]));
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

SQL_FUNCTION(edurange_health)
{
	NullableDatum query = {0};
	NullableDatum transaction = {0};
	Datum row;

	statements_begin();
	(void) milliseconds(false);
	query.value = Float8GetDatum(milliseconds(false));
	transaction.value = Float8GetDatum(milliseconds(true));
	STATEMENT_RUN(&statements[HEALTH], query, transaction);
	row = only_result();
	statements_end();
	PG_RETURN_DATUM(row);
}
