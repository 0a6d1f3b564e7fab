/*
 * health.c
 *	  Is everything in place, and how does the server do?
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"

#include "compat.h"
#include "statements.h"

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
    [ONE_ROW] = {"SELECT number FROM edurange.migration ORDER BY number LIMIT 1",
                 {InvalidOid},
                 .reads = true},
    /* $1 milliseconds that a query took, $2 the same in a transaction of its own */
    [HEALTH] = {"SELECT ROW('ok', CASE WHEN cardinality(missing) = 0 THEN 'everything is in place'"
                "  ELSE 'something is missing; run edurange.migrate()' END, 'connected',"
                " clock_timestamp(), 'PostgreSQL ' || "
                "split_part(current_setting('server_version'), ' ', 1),"
                " (SELECT format('%sd %sh %sm %ss', s / 86400, s / 3600 % 24, s / 60 % 60, s % 60)"
                "  FROM (SELECT extract(epoch FROM clock_timestamp()"
                "   - pg_postmaster_start_time())::bigint) AS up (s)),"
                " (SELECT ROW(n, most, round(100.0 * n / most, 2))::edurange.health_connections"
                "  FROM (SELECT (SELECT sum(numbackends)::integer"
                "   FROM pg_stat_database), current_setting('max_connections')::integer)"
                "  AS connection (n, most)),"
                " ROW(round($1::numeric, 3), round($2::numeric, 3))::edurange.health_performance,"
                " (SELECT ROW(round(b / 1048576.0, 2), pg_size_pretty(b))::edurange.health_storage"
                "  FROM (SELECT CASE WHEN has_database_privilege(current_database(), 'CONNECT')"
                "   THEN pg_database_size(current_database()) END) AS size (b)), '{}'::text[],"
                " ARRAY(SELECT ROW(schemaname, relname, n_live_tup,"
                "  pg_size_pretty(pg_total_relation_size(relid)))::edurange.health_table"
                "  FROM pg_stat_user_tables ORDER BY n_live_tup DESC, relname LIMIT 10),"
                " (SELECT format('%s tables', count(*)) FROM pg_stat_user_tables), " VERSION
                ", missing,"
                " edurange.sync_status(), edurange.sync_drift_summary())::edurange.health_report "
                "FROM " MISSING " AS m (missing)",
                {FLOAT8OID, FLOAT8OID},
                .reads = true},
};

/* The first column of the first row of a statement without arguments. */
static Datum
only_value(Statement *statement)
{
	Datum value;
	bool is_null;

	statements_begin();
	statement_run(statement, NULL, 0);
	value = row_result(0, 1, &is_null);
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
	bool is_null;

	statements_begin();
	(void) milliseconds(false);
	query.value = Float8GetDatum(milliseconds(false));
	transaction.value = Float8GetDatum(milliseconds(true));
	STATEMENT_RUN(&statements[HEALTH], query, transaction);
	row = row_result(0, 1, &is_null);
	statements_end();
	PG_RETURN_DATUM(row);
}
