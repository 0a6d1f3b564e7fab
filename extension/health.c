/*
 * health.c
 *	  Is everything in place?
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "compat.h"
#include "statements.h"

static Statement readiness = {
    "SELECT ROW(count(*) = 0, (SELECT extversion FROM pg_extension WHERE extname = 'edurange'),"
    " coalesce(array_agg(kind || ' ' || name ORDER BY kind, name), '{}'))::edurange.readiness"
    " FROM edurange.assertions() WHERE NOT present",
    {InvalidOid},
    .reads = true,
};

SQL_FUNCTION(edurange_readiness)
{
	Datum row;
	bool is_null;

	statements_begin();
	statement_run(&readiness, NULL, 0);
	row = row_result(0, 1, &is_null);
	statements_end();
	PG_RETURN_DATUM(row);
}
