/*
 * wire.c
 *	  A row as JSON, the way it goes over the wire.
 *
 * Unlike to_json() it writes times as UTC with milliseconds and Z, whatever the session's TimeZone,
 * because that is what JavaScript's Date reads and writes.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "base/guc.h"
#include "base/refusal.h"
#include "base/surface.h"
#include "base/wire.h"

/* Where a value is written to, and how many bytes there may be in the end. */
typedef struct Writing
{
	StringInfo out;
	int64 most;
} Writing;

static void write_value(const Writing *writing, Datum value, Oid type);

/* Raises where what was written, and so many bytes at least that are to come, are too many. */
static void
check_room(const Writing *writing, Size coming)
{
	CHECK_FOR_INTERRUPTS();
	if (writing->out->len + (int64) coming > writing->most)
		raise_error(EDURANGE_RESPONSE_TOO_LARGE, ANSWER_TOO_LARGE);
}

/*
 * A time as "2025-11-23T21:18:05.123Z", beyond the years 0 to 9999 with a sign and six digits as
 * JavaScript has it; infinite ones as PostgreSQL writes them.
 */
static void
write_time(StringInfo out, TimestampTz time)
{
	struct pg_tm parts;
	fsec_t microseconds;

	if (TIMESTAMP_NOT_FINITE(time) ||
	    timestamp2tm(time, NULL, &parts, &microseconds, NULL, NULL) != 0)
		appendStringInfoString(out, TIMESTAMP_IS_NOBEGIN(time) ? "\"-infinity\"" : "\"infinity\"");
	else
		appendStringInfo(out,
		                 parts.tm_year >= 0 && parts.tm_year <= 9999
		                     ? "\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\""
		                     : "\"%+07d-%02d-%02dT%02d:%02d:%02d.%03dZ\"",
		                 parts.tm_year, parts.tm_mon, parts.tm_mday, parts.tm_hour, parts.tm_min,
		                 parts.tm_sec, (int) (microseconds / 1000));
}

/*
 * An array as a JSON list; a null array never comes here.  Element by element: a null is a bit in the array, and would be
 * nine bytes in a list of all.
 */
static void
write_array(const Writing *writing, ArrayType *array)
{
	StringInfo out = writing->out;
	ArrayIterator iterator = array_create_iterator(array, 0, NULL);
	bool first = true;
	bool is_null;
	Datum element;

	appendStringInfoChar(out, '[');
	while (array_iterate(iterator, &element, &is_null))
	{
		check_room(writing, 0);
		if (!first)
			appendStringInfoChar(out, ',');
		first = false;
		if (is_null)
			appendStringInfoString(out, "null");
		else
			write_value(writing, element, ARR_ELEMTYPE(array));
	}
	array_free_iterator(iterator);
	appendStringInfoChar(out, ']');
}

/* A row as a JSON object, its attributes in order. */
static void
write_row(const Writing *writing, HeapTupleHeader header)
{
	StringInfo out = writing->out;
	TupleDesc descriptor =
	    lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(header), .t_data = header};
	bool first = true;

	ItemPointerSetInvalid(&tuple.t_self);
	appendStringInfoChar(out, '{');
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		bool is_null;
		Datum value;

		if (attribute->attisdropped)
			continue;
		check_room(writing, 0);
		if (!first)
			appendStringInfoChar(out, ',');
		first = false;
		escape_json(out, NameStr(attribute->attname));
		appendStringInfoChar(out, ':');
		value = heap_getattr(&tuple, i + 1, descriptor, &is_null);
		if (is_null)
			appendStringInfoString(out, "null");
		else
			write_value(writing, value, attribute->atttypid);
	}
	appendStringInfoChar(out, '}');
	ReleaseTupleDesc(descriptor);
}

/* Any other value by its type's output function, as a JSON number where it is one. */
static void
write_other(StringInfo out, Datum value, Oid type)
{
	Oid function;
	bool is_varlena;
	char *text;

	getTypeOutputInfo(type, &function, &is_varlena);
	text = OidOutputFunctionCall(function, value);
	if ((type == FLOAT4OID || type == FLOAT8OID || type == NUMERICOID) &&
	    (text[0] == '-' ? isdigit((unsigned char) text[1]) : isdigit((unsigned char) text[0])))
		appendStringInfoString(out, text);
	else
		escape_json(out, text);
	pfree(text);
}

/* One value that is not null. */
static void
write_value(const Writing *writing, Datum value, Oid type)
{
	StringInfo out = writing->out;

	check_stack_depth();
	/* (what is in a jsonb is shorter as text in odd cases alone, such as a list of nothing but zeros) */
	if (type == JSONOID || type == TEXTOID || type == JSONBOID)
		check_room(writing, toast_raw_datum_size(value) - VARHDRSZ);
	switch (type)
	{
		case BOOLOID:
			appendStringInfoString(out, DatumGetBool(value) ? "true" : "false");
			break;
		case INT2OID:
			appendStringInfo(out, "%d", DatumGetInt16(value));
			break;
		case INT4OID:
			appendStringInfo(out, "%d", DatumGetInt32(value));
			break;
		case INT8OID:
			appendStringInfo(out, INT64_FORMAT, DatumGetInt64(value));
			break;
		case TIMESTAMPTZOID:
			write_time(out, DatumGetTimestampTz(value));
			break;
		case JSONOID:
		case TEXTOID:
		{
			char *string = TextDatumGetCString(value);

			if (type == JSONOID)
				appendStringInfoString(out, string);
			else
				escape_json(out, string);
			pfree(string);
			break;
		}
		case JSONBOID:
		{
			Jsonb *document = DatumGetJsonbP(value);

			(void) JsonbToCString(out, &document->root, VARSIZE(document));
			break;
		}
		default:
			if (OidIsValid(get_element_type(type)))
				write_array(writing, DatumGetArrayTypeP(value));
			else if (type_is_rowtype(type))
				write_row(writing, DatumGetHeapTupleHeader(value));
			else
				write_other(out, value, type);
	}
}

void
wire_value(StringInfo out, Datum value, Oid type)
{
	write_value(&(Writing){.out = out, .most = MaxAllocSize}, value, type);
}

/* A row as text, of which so many bytes were written before: all that is written is one answer. */
static text *
row_as_json(HeapTupleHeader row, int64 *written)
{
	StringInfoData out;
	Writing writing = {.out = &out, .most = ANSWER_BYTES + VARHDRSZ - *written};
	int level = guc_values_are_settled() ? 0 : NewGUCNestLevel();

	if (level > 0)
		guc_settle();
	initStringInfo(&out);
	/* (the place of the text's head) */
	appendStringInfoSpaces(&out, VARHDRSZ);
	write_row(&writing, row);
	check_room(&writing, 0);
	if (level > 0)
		AtEOXact_GUC(true, level);
	*written += out.len - VARHDRSZ;
	SET_VARSIZE(out.data, out.len);
	return (text *) out.data;
}

/* All rows of a statement are one answer. */
SQL_FUNCTION_ANYWHERE(edurange_wire)
{
	FmgrInfo *statement = fcinfo->flinfo;

	if (statement->fn_extra == NULL)
		statement->fn_extra = MemoryContextAllocZero(statement->fn_mcxt, sizeof(int64));
	PG_RETURN_TEXT_P(row_as_json(PG_GETARG_HEAPTUPLEHEADER(0), statement->fn_extra));
}

/* Each row is a piece of an answer that nobody holds whole. */
SQL_FUNCTION_ANYWHERE(edurange_wire_piece)
{
	int64 written = 0;

	PG_RETURN_TEXT_P(row_as_json(PG_GETARG_HEAPTUPLEHEADER(0), &written));
}
