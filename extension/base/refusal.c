/*
 * refusal.c
 *	  Refusals as values, and the SQL surface's errors, both from the table of errors.h.
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "base/refusal.h"

static const char *const sqlstates[] = {
#define ERROR_SQLSTATE(id, name, sqlstate, status, meaning) [EDURANGE_##id] = sqlstate,
    EDURANGE_ERRORS(ERROR_SQLSTATE)
#undef ERROR_SQLSTATE
};

/* The error's SQLSTATE in PostgreSQL's packed form. */
static int
packed_sqlstate(EdurangeError error)
{
	const char *code = sqlstates[error];

	return MAKE_SQLSTATE(code[0], code[1], code[2], code[3], code[4]);
}

/* The error's SQLSTATE as text. */
const char *
refusal_sqlstate(const Refusal *refusal)
{
	return sqlstates[refusal->error];
}

static char *format_message(const char *format, va_list arguments) pg_attribute_printf(1, 0);

/* A formatted text in the current memory context; one that does not fit is cut. */
static char *
format_message(const char *format, va_list arguments)
{
	char buffer[1024];

	(void) vsnprintf(buffer, sizeof(buffer), format, arguments);
	buffer[pg_mbcliplen(buffer, (int) strlen(buffer), sizeof(buffer) - 1)] = '\0';
	return pstrdup(buffer);
}

/* Fills the refusal and returns false, so that a core function can end with "return refuse(…)". */
bool
refuse(Refusal *refusal, EdurangeError error, const char *format, ...)
{
	va_list arguments;

	refusal->error = error;
	va_start(arguments, format);
	refusal->message = format_message(format, arguments);
	va_end(arguments);
	return false;
}

RefusalFrame *refusal_frame = NULL;

static char *
copy_text(MemoryContext context, const char *text)
{
	return text != NULL ? MemoryContextStrdup(context, text) : NULL;
}

/* Raises a refusal as the error that SQL callers see, or hands it to the frame that is set. */
void
raise_refusal(const Refusal *refusal)
{
	Assert(refusal->error != EDURANGE_OK);
	if (refusal_frame != NULL)
	{
		refusal_frame->refusal = (Refusal){
		    .error = refusal->error,
		    .message = copy_text(refusal_frame->context, refusal->message),
		    .detail = copy_text(refusal_frame->context, refusal->detail),
		    .hint = copy_text(refusal_frame->context, refusal->hint),
		};
		PG_RE_THROW();
	}
	ereport(ERROR,
	        (errcode(packed_sqlstate(refusal->error)), errmsg_internal("%s", refusal->message),
	         refusal->detail ? errdetail_internal("%s", refusal->detail) : 0,
	         refusal->hint ? errhint("%s", refusal->hint) : 0));
	pg_unreachable();
}

/* Raises an error of the table directly, where nothing shares the transaction. */
void
raise_error(EdurangeError error, const char *format, ...)
{
	Refusal refusal = {.error = error};
	va_list arguments;

	va_start(arguments, format);
	refusal.message = format_message(format, arguments);
	va_end(arguments);
	raise_refusal(&refusal);
}

/* The text argument; null and empty count as missing. */
char *
required_text(FunctionCallInfo fcinfo, int argument, const char *name)
{
	char *value = optional_text(fcinfo, argument);

	if (value == NULL || value[0] == '\0')
		raise_error(EDURANGE_MISSING_PARAMETER, "parameter \"%s\" is missing", name);
	return value;
}

/* The integer argument; null counts as missing, zero does not. */
int32
required_int(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		raise_error(EDURANGE_MISSING_PARAMETER, "parameter \"%s\" is missing", name);
	return PG_GETARG_INT32(argument);
}

/* The text argument, or NULL. */
char *
optional_text(FunctionCallInfo fcinfo, int argument)
{
	if (PG_ARGISNULL(argument))
		return NULL;
	return text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

/* The required integer argument, which must lie in a range. */
int32
int_between(FunctionCallInfo fcinfo, int argument, const char *name, int32 lowest, int32 highest)
{
	int32 value = required_int(fcinfo, argument, name);

	if (value < lowest || value > highest)
		raise_error(EDURANGE_INVALID_PARAMETER, "parameter \"%s\" must be between %d and %d", name,
		            lowest, highest);
	return value;
}
