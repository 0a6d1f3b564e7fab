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

const char *
refusal_sqlstate(EdurangeError error)
{
	return sqlstates[error];
}

int
packed_sqlstate(EdurangeError error)
{
	const char *code = sqlstates[error];

	return MAKE_SQLSTATE(code[0], code[1], code[2], code[3], code[4]);
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

/* Raises a refusal as the error that SQL callers see; the frame that is set learns that it is one, unless it came too late. */
void
raise_refusal(const Refusal *refusal)
{
	Assert(refusal->error != EDURANGE_OK);
	if (refusal_frame != NULL && !refusal_frame->wrote)
		refusal_frame->refused = true;
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
