/*
 * statements.c
 *	  Running SQL statements with plans that are kept for the session.
 *
 * Plans are found again when tables change, are dropped or come back: PostgreSQL plans a kept
 * statement anew when what it speaks of has changed.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "base/guc.h"
#include "base/refusal.h"
#include "base/statement_errors.h"
#include "base/statements.h"
#include "base/surface.h"

/* Beside the results of SPI: the statement was not executed. */
#define NOT_RECORDED (-1000)

/* Opens the use of statements for the current function. */
void
statements_begin(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	if (refusal_frame != NULL)
		refusal_frame->open++;
}

/* Closes it and frees what its rows held. */
void
statements_end(void)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not finish SPI");
	if (refusal_frame != NULL)
		refusal_frame->open--;
}

/* Ends the current subtransaction. */
static void
end_subtransaction(bool keep, MemoryContext context, ResourceOwner owner, RefusalFrame *frame)
{
	if (keep)
		ReleaseCurrentSubTransaction();
	else
		RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	refusal_frame = frame;
}

void
in_subtransaction(void (*work)(void *argument), void *argument, bool keep)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	RefusalFrame *frame = refusal_frame;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	refusal_frame = NULL;
	PG_TRY();
	{
		work(argument);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		end_subtransaction(false, context, owner, frame);
		ReThrowError(error);
	}
	PG_END_TRY();
	end_subtransaction(keep, context, owner, frame);
}

/* By what statements are planned that find rows by keys, whatever the session would have. */
static const char *const planning[][2] = {
    {"enable_seqscan", "off"},
    {"enable_indexscan", "on"},
    {"enable_indexonlyscan", "on"},
    {"enable_bitmapscan", "on"},
    {"enable_nestloop", "on"},
    {"jit", "off"},
    {"seq_page_cost", "1"},
    {"random_page_cost", "4"},
    {"cpu_tuple_cost", "0.01"},
    {"cpu_operator_cost", "0.0025"},
    {"cpu_index_tuple_cost", "0.005"},
    {"from_collapse_limit", "8"},
    {"join_collapse_limit", "8"},
};

/*
 * Plans a statement that finds rows by keys, once for all values.  A table that is empty or small would
 * be read whole, and a session that keeps such a plan would go on to do so while the table grows, until
 * it is analyzed.
 */
static void
plan_by_key(Statement *statement)
{
	int level = NewGUCNestLevel();
	CachedPlan *plan;

	for (int i = 0; i < lengthof(planning); i++)
		guc_set_locally(planning[i][0], planning[i][1]);
	plan = SPI_plan_get_cached_plan(statement->plan);
	if (plan != NULL)
		ReleaseCachedPlan(plan, CurrentResourceOwner);
	AtEOXact_GUC(true, level);
}

/* Does the plan change rows? */
static bool
plan_writes(SPIPlanPtr plan)
{
	ListCell *source;
	ListCell *query;

	foreach (source, SPI_plan_get_plan_sources(plan))
		foreach (query, ((CachedPlanSource *) lfirst(source))->query_list)
		{
			const Query *one = lfirst_node(Query, query);

			if (one->hasModifyingCTE ||
			    (one->commandType != CMD_SELECT && one->commandType != CMD_UTILITY))
				return true;
		}
	return false;
}

/*
 * Do our triggers record what is written?  Where they do not fire, only what they do themselves is written, as
 * where somebody has them fire always.
 */
static bool
is_recorded(void)
{
	return SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA ||
	       DatumGetInt32(pg_trigger_depth(NULL)) > 0;
}

/* Makes the plan and keeps it. */
static void
statement_prepare(Statement *statement)
{
	int count = 0;
	SPIPlanPtr plan;

	while (count < STATEMENT_MAX_ARGUMENTS && OidIsValid(statement->argument_types[count]))
		count++;
	plan = SPI_prepare_cursor(statement->sql, count, statement->argument_types,
	                          statement->by_key ? CURSOR_OPT_GENERIC_PLAN : 0);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", statement->sql,
		     SPI_result_code_string(SPI_result));
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "could not keep a plan");
	statement->plan = plan;
	statement->writes = plan_writes(plan);
}

/* Plans the statement where it has to be planned, and executes it. */
static int
execute(Statement *statement, Datum *values, const char *nulls)
{
	bool made = statement->plan == NULL;
	int result;

	if (made)
		statement_prepare(statement);
	if (statement->by_key && (made || !SPI_plan_is_valid(statement->plan)))
		plan_by_key(statement);
	if (statement->writes && !is_recorded())
		return NOT_RECORDED;
	if (statement->newest)
		PushActiveSnapshot(GetLatestSnapshot());
	result =
	    SPI_execute_plan(statement->plan, values, nulls, statement->reads || statement->newest, 0);
	if (statement->newest)
		PopActiveSnapshot();
	return result;
}

/*
 * Runs the statement and returns how many rows it gave or changed.  One that names a table of the platform
 * is planned and executed in the name of edurange_game: both can run what others have hung on it.
 */
uint64
statement_run(Statement *statement, const NullableDatum *arguments, int count)
{
	Datum values[STATEMENT_MAX_ARGUMENTS];
	char nulls[STATEMENT_MAX_ARGUMENTS];
	RefusalFrame *frame = refusal_frame;
	MemoryContext context = CurrentMemoryContext;
	volatile int result = 0;

	Assert(count <= STATEMENT_MAX_ARGUMENTS);
	for (int i = 0; i < count; i++)
	{
		values[i] = arguments[i].value;
		nulls[i] = arguments[i].isnull ? 'n' : ' ';
	}
	refusal_frame = NULL;
	PG_TRY();
	{
		if (statement->plan == NULL)
			statement->of_platform = strstr(statement->sql, "public.") != NULL;
		if (statement->of_platform)
		{
			Surface saved;

			surface_lend(&saved);
			result = execute(statement, values, nulls);
			surface_take_back(&saved);
		}
		else
			result = execute(statement, values, nulls);
	}
	PG_CATCH();
	{
		statement_rethrow(statement->sql, context);
	}
	PG_END_TRY();
	refusal_frame = frame;
	if (result == NOT_RECORDED)
		raise_error(
		    EDURANGE_READ_ONLY,
		    "nothing is written while session_replication_role is replica: it would not be recorded");
	if (result < 0)
		elog(ERROR, "could not run \"%s\": %s", statement->sql, SPI_result_code_string(result));
	return SPI_processed;
}

NullableDatum
value_text(const char *text)
{
	NullableDatum value = {.isnull = text == NULL};

	if (text != NULL)
		value.value = CStringGetTextDatum(text);
	return value;
}

NullableDatum
value_int(int32 number)
{
	return (NullableDatum){.value = Int32GetDatum(number)};
}

NullableDatum
value_long(int64 number)
{
	return (NullableDatum){.value = Int64GetDatum(number)};
}

NullableDatum
value_bool(bool truth)
{
	return (NullableDatum){.value = BoolGetDatum(truth)};
}

NullableDatum
value_jsonb(Jsonb *json)
{
	return (NullableDatum){.value = JsonbPGetDatum(json)};
}

NullableDatum
value_time(TimestampTz time)
{
	return (NullableDatum){.value = TimestampTzGetDatum(time)};
}

/* An interval of so many milliseconds. */
NullableDatum
value_span(int64 milliseconds)
{
	Interval *span = palloc0(sizeof(Interval));

	span->time = milliseconds * 1000;
	return (NullableDatum){.value = IntervalPGetDatum(span)};
}

NullableDatum
value_null(void)
{
	return (NullableDatum){.isnull = true};
}

Datum
row_value(uint64 row, int column, bool *is_null)
{
	Assert(SPI_tuptable != NULL && row < SPI_tuptable->numvals);
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, is_null);
}

/* A column that must have the type; false: it is null. */
static bool
typed_value(uint64 row, int column, Oid type, Datum *value)
{
	bool is_null;

	*value = row_value(row, column, &is_null);
	Assert(SPI_gettypeid(SPI_tuptable->tupdesc, column) == type);
	return !is_null;
}

/* The text of a column, or NULL. */
char *
row_text(uint64 row, int column)
{
	Datum value;

	return typed_value(row, column, TEXTOID, &value) ? TextDatumGetCString(value) : NULL;
}

/* The number of a column; null counts as 0. */
int32
row_int(uint64 row, int column)
{
	Datum value;

	return typed_value(row, column, INT4OID, &value) ? DatumGetInt32(value) : 0;
}

int64
row_long(uint64 row, int column)
{
	Datum value;

	return typed_value(row, column, INT8OID, &value) ? DatumGetInt64(value) : 0;
}

/* The truth of a column; null counts as false. */
bool
row_bool(uint64 row, int column)
{
	Datum value;

	return typed_value(row, column, BOOLOID, &value) && DatumGetBool(value);
}

/* The time of a column; null counts as 0, the year 2000. */
TimestampTz
row_time(uint64 row, int column)
{
	Datum value;

	return typed_value(row, column, TIMESTAMPTZOID, &value) ? DatumGetTimestampTz(value) : 0;
}

NullableDatum
row_argument(uint64 row, int column)
{
	NullableDatum argument;

	argument.value = row_value(row, column, &argument.isnull);
	return argument;
}

Datum
row_result(uint64 row, int column, bool *is_null)
{
	Datum value = row_value(row, column, is_null);
	Form_pg_attribute attribute = TupleDescAttr(SPI_tuptable->tupdesc, column - 1);

	return *is_null ? (Datum) 0 : SPI_datumTransfer(value, attribute->attbyval, attribute->attlen);
}

NullableDatum
first_result(uint64 rows)
{
	NullableDatum value = {.isnull = true};

	if (rows > 0)
		value.value = row_result(0, 1, &value.isnull);
	return value;
}

Datum
only_result(void)
{
	return first_result(1).value;
}

void
rows_to_result(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	Assert(result->setDesc->natts == SPI_tuptable->tupdesc->natts);
	for (uint64 row = 0; row < SPI_tuptable->numvals; row++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[row]);
}

Datum
composite_result(FunctionCallInfo fcinfo, const NullableDatum *values, int count)
{
	TupleDesc descriptor;
	Datum columns[STATEMENT_MAX_ARGUMENTS];
	bool nulls[STATEMENT_MAX_ARGUMENTS];

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "the function's result is not a composite type");
	if (descriptor->natts != count)
		elog(ERROR, "the function's result has %d columns, not %d", descriptor->natts, count);
	for (int i = 0; i < count; i++)
	{
		columns[i] = values[i].value;
		nulls[i] = values[i].isnull;
	}
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), columns, nulls));
}
