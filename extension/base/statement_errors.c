/*
 * statement_errors.c
 *	  What the caller of a statement of ours is told when it fails.
 *
 * An error out of a statement can hold what nobody may see: a violated constraint quotes the row in its
 * detail, a cast in a CHECK of somebody's quotes the value in its message, and the context quotes both.  All
 * of it would go to the caller and into the server's log.
 *
 * A statement that does not fit the tables any more, because somebody has altered them, or that row level
 * security or a lost grant stops, is no fault of the caller's either: it is told so.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/elog.h"

#include "base/refusal.h"
#include "base/shapes.h"
#include "base/statement_errors.h"

/* The names of all conditions; made from utils/errcodes.h. */
static const struct
{
	int code;
	const char *name;
} conditions[] = {
#define CONDITION(code, name) {code, name},
#include "conditions.h"
#undef CONDITION
};

/* Tables that hold a flag, an answer, a token or a code to join with, as statements name them. */
static const char *const secret_tables[] = {
    "public.\"Challenge\"",         "public.\"ChallengeInstance\"",
    "public.\"ChallengeQuestion\"", "public.\"CompetitionAccessCode\"",
    "public.\"QuestionAttempt\"",   "edurange.token",
    "edurange.idempotency",         "edurange.cdf_document",
    "edurange.accepted_answer",     "edurange.roster",
};

static const char *
condition_name(int code)
{
	for (int i = 0; i < lengthof(conditions); i++)
		if (conditions[i].code == code)
			return conditions[i].name;
	return "error";
}

/* Does the statement read or write what nobody may see? */
static bool
handles_secrets(const char *sql)
{
	for (int i = 0; i < lengthof(secret_tables); i++)
		if (strstr(sql, secret_tables[i]) != NULL)
			return true;
	return false;
}

/*
 * Was the error raised by the statement itself?  What others have hung on the tables, and raises one, stands
 * before the statement in the context, in a line of its own.  How a line begins depends on the server's language.
 */
static bool
is_own(const ErrorData *error, const char *sql)
{
	const char *at;

	if (error->internalquery != NULL)
		return strcmp(error->internalquery, sql) == 0;
	at = error->context != NULL ? strstr(error->context, sql) : NULL;
	return at != NULL && memchr(error->context, '\n', at - error->context) == NULL;
}

/*
 * Errors of a statement that does not fit the tables: all that analyzing and planning one can raise, and a
 * null where a column takes none, which nothing of ours ever puts there: it is a column that we do not know,
 * or somebody's trigger.
 */
static bool
is_misfit(int code)
{
	return ERRCODE_TO_CATEGORY(code) == ERRCODE_SYNTAX_ERROR_OR_ACCESS_RULE_VIOLATION ||
	       code == ERRCODE_INVALID_COLUMN_REFERENCE || code == ERRCODE_FEATURE_NOT_SUPPORTED ||
	       code == ERRCODE_NOT_NULL_VIOLATION;
}

/*
 * Raises schema_changed where the statement does not fit.  Its error need not name the table or even the
 * column, so these are looked for: the statement has failed, but where it was analyzed or evaluated, and the
 * catalogue can still be read.  A constant that a column of another type cannot take is an error of data.
 */
static void
raise_misfit(const char *sql, const ErrorData *error)
{
	bool misfit = is_misfit(error->sqlerrcode);
	char *fault = NULL;

	if (misfit || ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_DATA_EXCEPTION)
		fault = shapes_fault_of_text(sql);
	if (fault == NULL && error->sqlerrcode == ERRCODE_NOT_NULL_VIOLATION &&
	    error->column_name != NULL)
		fault = psprintf("%s.%s takes no null",
		                 quote_qualified_identifier(error->schema_name, error->table_name),
		                 quote_identifier(error->column_name));
	if (fault != NULL || misfit)
		schema_changed("%s", fault != NULL ? fault : error->message);
}

/* What stands in what PostgreSQL says, untranslated, where something is or may be put off to the end of the transaction. */
static const char *const deferred_messages[] = {
    "deferred trigger within security-restricted operation",
    "deferrable unique constraints/exclusion constraints as arbiters",
};

/* Raises schema_changed where such a constraint or trigger stopped the statement: PostgreSQL names none. */
static void
raise_deferred(const ErrorData *error)
{
	char *fault;

	for (int i = 0; i < lengthof(deferred_messages); i++)
	{
		if (error->message_id == NULL || strstr(error->message_id, deferred_messages[i]) == NULL)
			continue;
		fault = shapes_fault_of_deferred();
		if (fault == NULL)
			fault = "a table that refers to the platform's has a deferrable constraint or trigger";
		schema_changed("%s", fault);
	}
}

/* Is it an error of that kind which that file of C has raised?  Anybody can raise one of each kind in SQL. */
static bool
is_of(const ErrorData *error, int category, const char *file)
{
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) == category && error->filename != NULL &&
	       strcmp(error->filename, file) == 0;
}

bool
statement_error_is_ours(const ErrorData *error)
{
	/* compared by category: that of the first has all SQLSTATEs that are ours alone */
	static const EdurangeError those[] = {
	    EDURANGE_SCHEMA_CHANGED,
	    EDURANGE_NOT_INSTALLED, /* a table is gone */
	    EDURANGE_READ_ONLY,
	};

	for (int i = 0; i < lengthof(those); i++)
		if (is_of(error, ERRCODE_TO_CATEGORY(packed_sqlstate(those[i])), "refusal.c"))
			return true;
	return false;
}

/* May the message quote a value?  Errors of our own and those of operators never do. */
static bool
can_quote(const ErrorData *error)
{
	return !is_of(error, ERRCODE_OPERATOR_INTERVENTION, "postgres.c") &&
	       !statement_error_is_ours(error);
}

void
statement_rethrow(const char *sql, MemoryContext context)
{
	ErrorData *error;
	bool own;

	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	FlushErrorState();
	own = is_own(error, sql);
	raise_deferred(error);
	if (own && (error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE ||
	            error->sqlerrcode == ERRCODE_UNDEFINED_TABLE))
		raise_error(EDURANGE_NOT_INSTALLED, "%s; run edurange.migrate()", error->message);
	if (own)
		raise_misfit(sql, error);
	if (handles_secrets(sql) && can_quote(error))
	{
		error->message = pstrdup(condition_name(error->sqlerrcode));
		error->hint = NULL;
	}
	error->detail = NULL;
	error->detail_log = NULL;
	error->context = NULL;
	error->internalquery = NULL;
	ReThrowError(error);
}
