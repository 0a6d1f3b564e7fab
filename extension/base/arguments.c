/*
 * arguments.c
 *	  The arguments of SQL functions, of which what is missing is refused by its name, and those of statements.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "base/arguments.h"
#include "base/refusal.h"

/* Refuses what is not there. */
static _Noreturn void
raise_missing(const char *name)
{
	raise_error(EDURANGE_MISSING_PARAMETER, "parameter \"%s\" is missing", name);
}

void
require_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		raise_missing(name);
}

char *
required_text(FunctionCallInfo fcinfo, int argument, const char *name)
{
	char *value = optional_text(fcinfo, argument);

	if (value == NULL || value[0] == '\0')
		raise_missing(name);
	return value;
}

int32
required_int(FunctionCallInfo fcinfo, int argument, const char *name)
{
	require_argument(fcinfo, argument, name);
	return PG_GETARG_INT32(argument);
}

Jsonb *
required_jsonb(FunctionCallInfo fcinfo, int argument, const char *name)
{
	require_argument(fcinfo, argument, name);
	return PG_GETARG_JSONB_P(argument);
}

int32
int_between(FunctionCallInfo fcinfo, int argument, const char *name, int32 lowest, int32 highest)
{
	int32 value = required_int(fcinfo, argument, name);

	if (value < lowest || value > highest)
		raise_error(EDURANGE_INVALID_PARAMETER, "parameter \"%s\" must be between %d and %d", name,
		            lowest, highest);
	return value;
}

/* When a year begins. */
static TimestampTz
beginning_of(int year)
{
	return (date2j(year, 1, 1) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
}

NullableDatum
optional_time(FunctionCallInfo fcinfo, int argument, const char *name)
{
	NullableDatum value = fcinfo->args[argument];
	TimestampTz time = value.isnull ? 0 : DatumGetTimestampTz(value.value);

	if (TIMESTAMP_NOT_FINITE(time))
		raise_error(EDURANGE_INVALID_PARAMETER, "parameter \"%s\" must be a finite time", name);
	if (time < beginning_of(1) || time >= beginning_of(10000))
		raise_error(EDURANGE_TIME_OUT_OF_RANGE, "parameter \"%s\" must be in the years 1 to 9999",
		            name);
	return value;
}

char *
optional_text(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

char *
optional_reason(FunctionCallInfo fcinfo, int argument)
{
	char *reason = optional_text(fcinfo, argument);

	if (reason != NULL && pg_mbstrlen(reason) > LONGEST_REASON)
		raise_error(EDURANGE_INVALID_PARAMETER, "parameter \"reason\" has more than %d characters",
		            LONGEST_REASON);
	return reason;
}

bool
is_short(const char *text)
{
	return pg_mbstrlen(text) <= SHORT_TEXT;
}

char *
short_text(char *text, const char *name)
{
	if (text != NULL && !is_short(text))
		raise_error(EDURANGE_INVALID_PARAMETER, "parameter \"%s\" has more than %d characters",
		            name, SHORT_TEXT);
	return text;
}

bool
optional_flag(FunctionCallInfo fcinfo, int argument)
{
	return !PG_ARGISNULL(argument) && PG_GETARG_BOOL(argument);
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
value_texts(char **texts, int count)
{
	Datum *values = palloc(sizeof(Datum) * Max(count, 1));
	bool *nulls = palloc(sizeof(bool) * Max(count, 1));
	int lower = 1;

	for (int i = 0; i < count; i++)
	{
		nulls[i] = texts[i] == NULL;
		values[i] = nulls[i] ? (Datum) 0 : CStringGetTextDatum(texts[i]);
	}
	return (NullableDatum){
	    .value = PointerGetDatum(construct_md_array(values, nulls, 1, &count, &lower, TEXTOID, -1,
	                                                false, TYPALIGN_INT))};
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
