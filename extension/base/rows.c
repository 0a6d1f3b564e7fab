/*
 * rows.c
 *	  What came of a statement, as values of C, and as a function's result.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "base/rows.h"
#include "base/shapes.h"
#include "base/statements.h"

/* What a column of the rows is called: the table's column that it is, else its own name. */
static char *
column_name(int column)
{
	Form_pg_attribute attribute = TupleDescAttr(SPI_tuptable->tupdesc, column - 1);
	const Query *query = query_ran_last();
	List *list = query == NULL                      ? NIL
	             : query->commandType == CMD_SELECT ? query->targetList
	                                                : query->returningList;
	TargetEntry *entry = list != NIL && column <= list_length(list)
	                         ? list_nth_node(TargetEntry, list, column - 1)
	                         : NULL;

	if (entry == NULL || !OidIsValid(entry->resorigtbl))
		return psprintf("column \"%s\" of a result", NameStr(attribute->attname));
	return psprintf("%s.%s", table_name(entry->resorigtbl),
	                quote_identifier(get_attname(entry->resorigtbl, entry->resorigcol, false)));
}

/* Raises that a column has another type than is needed. */
static _Noreturn void
wrong_type(int column, Oid type)
{
	schema_changed("%s has type %s, where %s is needed", column_name(column),
	               format_type_be(SPI_gettypeid(SPI_tuptable->tupdesc, column)),
	               format_type_be(type));
}

/* There must be a row: one that was written comes back, unless a trigger kept it out. */
static void
need_row(uint64 row)
{
	if (SPI_tuptable != NULL && row < SPI_tuptable->numvals)
		return;
	row_is_missing(row);
}

Datum
row_value(uint64 row, int column, Oid type, bool *is_null)
{
	need_row(row);
	if (unlikely(SPI_gettypeid(SPI_tuptable->tupdesc, column) != type))
		wrong_type(column, type);
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, is_null);
}

/* A column that must have a value. */
static Datum
some_value(uint64 row, int column, Oid type)
{
	bool is_null;
	Datum value = row_value(row, column, type, &is_null);

	if (unlikely(is_null))
		schema_changed("%s is null", column_name(column));
	return value;
}

char *
row_text(uint64 row, int column)
{
	return TextDatumGetCString(some_value(row, column, TEXTOID));
}

char *
row_text_or_null(uint64 row, int column)
{
	bool is_null;
	Datum value = row_value(row, column, TEXTOID, &is_null);

	return is_null ? NULL : TextDatumGetCString(value);
}

int32
row_int(uint64 row, int column)
{
	return DatumGetInt32(some_value(row, column, INT4OID));
}

int64
row_long(uint64 row, int column)
{
	return DatumGetInt64(some_value(row, column, INT8OID));
}

bool
row_bool(uint64 row, int column)
{
	return DatumGetBool(some_value(row, column, BOOLOID));
}

bytea *
row_bytes(uint64 row, int column)
{
	return DatumGetByteaPP(some_value(row, column, BYTEAOID));
}

Jsonb *
row_jsonb(uint64 row, int column)
{
	return DatumGetJsonbP(some_value(row, column, JSONBOID));
}

TimestampTz
row_time(uint64 row, int column)
{
	return DatumGetTimestampTz(some_value(row, column, TIMESTAMPTZOID));
}

/* The time of a column; null counts as 0, the year 2000. */
TimestampTz
row_time_or_zero(uint64 row, int column)
{
	bool is_null;
	Datum value = row_value(row, column, TIMESTAMPTZOID, &is_null);

	return is_null ? 0 : DatumGetTimestampTz(value);
}

NullableDatum
row_argument(uint64 row, int column, Oid type)
{
	NullableDatum argument;

	argument.value = row_value(row, column, type, &argument.isnull);
	return argument;
}

/* A value of a row, moved to the caller's memory. */
static NullableDatum
moved(NullableDatum value, int column)
{
	Form_pg_attribute attribute = TupleDescAttr(SPI_tuptable->tupdesc, column - 1);

	if (!value.isnull)
		value.value = SPI_datumTransfer(value.value, attribute->attbyval, attribute->attlen);
	return value;
}

NullableDatum
row_result(uint64 row, int column, Oid type)
{
	return moved(row_argument(row, column, type), column);
}

NullableDatum
first_result(uint64 rows)
{
	NullableDatum value = {.isnull = true};

	if (rows == 0)
		return value;
	need_row(0);
	value.value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &value.isnull);
	return moved(value, 1);
}

Datum
only_result(void)
{
	NullableDatum value = first_result(1);

	if (value.isnull)
		schema_changed("%s is null", column_name(1));
	return value.value;
}

void
rows_must_be(TupleDesc descriptor)
{
	TupleDesc rows = SPI_tuptable->tupdesc;

	if (rows->natts != descriptor->natts)
		elog(ERROR, "rows have %d columns, where %d are needed", rows->natts, descriptor->natts);
	for (int i = 0; i < descriptor->natts; i++)
		if (TupleDescAttr(rows, i)->atttypid != TupleDescAttr(descriptor, i)->atttypid)
			wrong_type(i + 1, TupleDescAttr(descriptor, i)->atttypid);
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
