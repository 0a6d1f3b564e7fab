/*
 * arguments.c
 *	  The arguments of SQL functions; what they lack is refused by their name.
 */
#include "postgres.h"

#include "utils/builtins.h"
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

char *
optional_text(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

bool
optional_flag(FunctionCallInfo fcinfo, int argument)
{
	return !PG_ARGISNULL(argument) && PG_GETARG_BOOL(argument);
}

NullableDatum
finite_time(FunctionCallInfo fcinfo, int argument, const char *name)
{
	NullableDatum value = fcinfo->args[argument];

	if (!value.isnull && TIMESTAMP_NOT_FINITE(DatumGetTimestampTz(value.value)))
		raise_error(EDURANGE_INVALID_PARAMETER, "parameter \"%s\" must be a finite time", name);
	return value;
}
