/*
 * database.c
 *	  The worker's side of the database: one short transaction for each call.
 *
 * Nothing here waits for the Instance Manager, and no transaction is open while something does.
 * A call that fails is undone and told about; it never ends the worker.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "catalog/namespace.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "postmaster/bgworker.h"
#include "pgstat.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#include "../extension/base/errors.h"
#include "compat.h"
#include "database.h"

#define EXTENSION_NAME "edurange"
#define SCHEMA_NAME "edurange"
#define WORKER_ROLE "edurange_worker"
#define STATEMENT_TIMEOUT_MS 30000

/*
 * What stands for a byte that is no text: half of a surrogate pair, and a letter, so that no escape behind it is the
 * other half.  And how many of them a list may have.
 */
#define UNREADABLE "\\ud800x"
#define MAX_WRONG_BYTES 1000

/* Statements beside those for the kinds of what is applied. */
#define SET_SCHEMA (APPLY_EVIDENCE + 1)
#define BEGIN_WORK (APPLY_EVIDENCE + 2)

/* clang-format off */
static const char *const statements[] = {
    /* $1 text, $2 observed at, $3 milliseconds that the fetching took */
    [APPLY_LIST] = "/* edurange:sync */ SELECT s.held, s.wanted::pg_catalog.text"
                   " FROM edurange.sync_apply_list($1, $2, $3) AS s",
    [APPLY_PROBLEM] = "/* edurange:sync */ SELECT s.held, s.wanted::pg_catalog.text"
                      " FROM edurange.sync_apply(pg_catalog.jsonb_build_object("
                      "  'error'::pg_catalog.text, $1, 'duration_ms'::pg_catalog.text, $3), $2) AS s",
    [APPLY_EVIDENCE] = "/* edurange:sync */ SELECT s.held, s.wanted::pg_catalog.text"
                       " FROM edurange.sync_apply($1::pg_catalog.jsonb OPERATOR(pg_catalog.||)"
                       "  pg_catalog.jsonb_build_object('duration_ms'::pg_catalog.text, $3), $2) AS s",
    /* $1 schema, $2 where it comes from */
    [SET_SCHEMA] = "/* edurange:sync */ SELECT s.changed"
                   " FROM edurange.set_cdf_schema($1::pg_catalog.jsonb, $2) AS s",
    [BEGIN_WORK] = "/* edurange:sync */ SELECT edurange.sync_begin()",
};
/* clang-format on */

/* Why the worker may not work on this server, as the database says. */
static char obstacle[400] = "";

const char *const installation_text[] = {
    [READY] = "waiting",
    [NO_EXTENSION] = "idle: extension " EXTENSION_NAME " is not installed in this database",
    [NO_FUNCTION] =
        "idle: extension " EXTENSION_NAME " is older than its module, see ALTER EXTENSION UPDATE",
    [NO_RIGHT] = "idle: role " WORKER_ROLE " may not call what it needs, see edurange.migrate()",
    [NO_ROLE] = "role " WORKER_ROLE " is not what it was",
    [NOT_HERE] = obstacle,
};

/*
 * Settings of the session that must not depend on how the server, the database or the role is configured.
 * Somebody's lock on an instance makes a round fail after a while, instead of stopping all of them.  Not
 * every version knows all of them.
 */
static const char *const session_settings[][2] = {
    {"role", "none"},
    {"search_path", "pg_catalog, pg_temp"},
    {"default_transaction_isolation", "read committed"},
    {"default_transaction_read_only", "off"},
    {"lock_timeout", "5000"},
    {"transaction_timeout", "0"},
};

/* Whether an error is about what was handed over: the same would be refused again. */
static bool
is_refusal(int sqlstate)
{
	static const int others[] = {
	    ERRCODE_CONNECTION_EXCEPTION,  ERRCODE_INVALID_TRANSACTION_STATE,
	    ERRCODE_TRANSACTION_ROLLBACK,  ERRCODE_INSUFFICIENT_RESOURCES,
	    ERRCODE_OPERATOR_INTERVENTION, ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
	    ERRCODE_SYSTEM_ERROR,          ERRCODE_INTERNAL_ERROR,
	};

	for (int i = 0; i < lengthof(others); i++)
		if (ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_TO_CATEGORY(others[i]))
			return false;
	/* of our own only schema_changed comes here */
	return strncmp(unpack_sql_state(sqlstate), EDURANGE_ERROR_CLASS,
	               strlen(EDURANGE_ERROR_CLASS)) != 0;
}

/*
 * Does a piece of work in a transaction of its own.  True: it is committed.  Otherwise all of it is
 * undone.  Then problem says why, without the error's detail, which may repeat data; and refused says
 * whether trying it again is no use.
 */
static bool
in_transaction(void (*work)(void *), void *argument, char *problem, size_t size, bool *refused)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool done = false;

	SetCurrentStatementStartTimestamp();
	PG_TRY();
	{
		StartTransactionCommand();
		enable_timeout_after(STATEMENT_TIMEOUT, STATEMENT_TIMEOUT_MS);
		PushActiveSnapshot(GetTransactionSnapshot());
		work(argument);
		PopActiveSnapshot();
		disable_timeout(STATEMENT_TIMEOUT, false);
		CommitTransactionCommand();
		done = true;
	}
	PG_CATCH();
	{
		ErrorData *error;

		/* a cancel or time-out that came late would be raised in the middle of the clean-up */
		HOLD_INTERRUPTS();
		disable_all_timeouts(false);
		QueryCancelPending = false;
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		AbortOutOfAnyTransaction();
		snprintf(problem, size, "%s (SQLSTATE %s)", error->message,
		         unpack_sql_state(error->sqlerrcode));
		*refused = is_refusal(error->sqlerrcode);
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return done;
}

/* The functions that the worker calls, with the types of their arguments. */
static const struct
{
	const char *name;
	int count;
	Oid arguments[3];
} functions[] = {
    {"sync_begin", 0, {InvalidOid}},
    {"sync_apply", 2, {JSONBOID, TIMESTAMPTZOID}},
    {"sync_apply_list", 3, {TEXTOID, TIMESTAMPTZOID, FLOAT8OID}},
    {"set_cdf_schema", 2, {JSONBOID, TEXTOID}},
};

/* Whether they exist, for an extension that was not updated yet lacks newer ones, and may be called. */
static Installation
find_functions(void)
{
	Oid schema = get_namespace_oid(SCHEMA_NAME, true);

	if (!OidIsValid(schema))
		return NO_FUNCTION;
	if (!compat_may_use_schema(schema))
		return NO_RIGHT;
	for (int i = 0; i < lengthof(functions); i++)
	{
		List *name =
		    list_make2(makeString(pstrdup(SCHEMA_NAME)), makeString(pstrdup(functions[i].name)));
		Oid function = LookupFuncName(name, functions[i].count, functions[i].arguments, true);

		if (!OidIsValid(function))
			return NO_FUNCTION;
		if (!compat_may_execute(function))
			return NO_RIGHT;
	}
	return READY;
}

/*
 * Looks at the database.  A role that was made anew, or has become a superuser, is not the one that the
 * worker is to work as.
 */
static Installation
find_installation(void)
{
	if (get_role_oid(WORKER_ROLE, true) != GetUserId() || superuser())
		return NO_ROLE;
	if (!OidIsValid(get_extension_oid(EXTENSION_NAME, true)))
		return NO_EXTENSION;
	return find_functions();
}

/* Begins the work, once in the life of the process; false: not on this server, for now. */
static bool
begin_work(void)
{
	static bool begun = false;
	char *said;

	if (begun)
		return true;
	SPI_connect();
	if (SPI_execute(statements[BEGIN_WORK], false, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "edurange.sync_begin did not return one row");
	said = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (said != NULL)
		snprintf(obstacle, sizeof(obstacle), "idle: %s", said);
	begun = said == NULL;
	SPI_finish();
	return begun;
}

static void
work_find_installation(void *argument)
{
	Installation *installation = argument;

	*installation = find_installation();
	if (*installation == READY && !begin_work())
		*installation = NOT_HERE;
}

/* Whether the worker finds what it needs; false, with the reason, when that could not be seen. */
bool
database_look(Installation *installation, char *problem, size_t size)
{
	bool refused;

	return in_transaction(work_find_installation, installation, problem, size, &refused);
}

/*
 * What was received, as text without bytes that are none in its encoding.  In the place of each stands half of
 * a surrogate pair, an escape that no JSON text may have alone: so the pod with such a byte cannot be read, and
 * the others can.  A text with too many of them stays as it is, and is refused as a whole.
 */
static const char *
readable_text(const char *received, size_t length, int encoding)
{
	StringInfoData text;
	size_t done = 0;
	int wrong = 0;

	if (pg_encoding_verifymbstr(encoding, received, (int) length) == (int) length)
		return received;
	initStringInfo(&text);
	enlargeStringInfo(&text, (int) length + MAX_WRONG_BYTES * (int) strlen(UNREADABLE));
	for (;;)
	{
		int valid = pg_encoding_verifymbstr(encoding, received + done, (int) (length - done));
		int backslashes = 0;

		appendBinaryStringInfo(&text, received + done, valid);
		done += (size_t) valid;
		if (done == length)
			return text.data;
		if (++wrong > MAX_WRONG_BYTES)
			return received;
		while (backslashes < text.len && text.data[text.len - 1 - backslashes] == '\\')
			backslashes++;
		appendStringInfoString(&text, &UNREADABLE[backslashes % 2]);
		done++;
	}
}

/* A call on its way into the database. */
typedef struct Call
{
	ApplyKind kind;
	const ApplyInput *input;
	ApplyResult *result;
	MemoryContext context; /* of the caller */
} Call;

/* Hands the input over, unless what that needs has gone since the round began. */
static void
work_apply(void *argument)
{
	Call *call = argument;
	const ApplyInput *input = call->input;
	Oid types[] = {TEXTOID, TIMESTAMPTZOID, FLOAT8OID};
	Datum values[3];
	const char *text = input->text;
	char *wanted;
	bool is_null;

	call->result->installation = find_installation();
	if (call->result->installation != READY)
		return;
	if (call->kind == APPLY_LIST)
		text = readable_text(text, input->length, input->encoding);
	text = pg_any_to_server(text, (int) (text == input->text ? input->length : strlen(text)),
	                        input->encoding);
	values[0] = CStringGetTextDatum(text);
	values[1] = TimestampTzGetDatum(input->observed_at);
	values[2] = Float8GetDatum(input->duration_ms);
	SPI_connect();
	if (SPI_execute_with_args(statements[call->kind], lengthof(types), types, values, NULL, false,
	                          1) != SPI_OK_SELECT ||
	    SPI_processed != 1)
		elog(ERROR, "the extension did not return one row");
	call->result->held =
	    DatumGetInt32(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
	wanted = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
	if (wanted != NULL)
		call->result->wanted = MemoryContextStrdup(call->context, wanted);
	SPI_finish();
}

/* Applies what a round found out; false, with the reason, when that failed and nothing changed. */
bool
database_apply(ApplyKind kind, const ApplyInput *input, ApplyResult *result)
{
	Call call = {kind, input, result, CurrentMemoryContext};

	*result = (ApplyResult){.installation = NO_EXTENSION};
	pgstat_report_activity(STATE_RUNNING, "applying");
	return in_transaction(work_apply, &call, result->problem, sizeof(result->problem),
	                      &result->refused);
}

/* A schema on its way into the database. */
typedef struct SchemaCall
{
	const char *text;
	size_t length;
	const char *source;
	bool changed;
} SchemaCall;

static void
work_set_schema(void *argument)
{
	SchemaCall *call = argument;
	Oid types[] = {TEXTOID, TEXTOID};
	Datum values[2];
	Installation installation = find_installation();
	bool is_null;

	if (installation != READY)
		elog(ERROR, "%s", installation_text[installation]);
	values[0] = CStringGetTextDatum(pg_any_to_server(call->text, (int) call->length, PG_UTF8));
	values[1] = CStringGetTextDatum(call->source);
	SPI_connect();
	if (SPI_execute_with_args(statements[SET_SCHEMA], lengthof(types), types, values, NULL, false,
	                          1) != SPI_OK_SELECT ||
	    SPI_processed != 1)
		elog(ERROR, "edurange.set_cdf_schema did not return one row");
	call->changed =
	    DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &is_null));
	SPI_finish();
}

/* Makes a schema of challenge definitions the active one; false, with the reason, when that failed. */
bool
database_set_schema(const char *text, size_t length, const char *source, bool *changed,
                    char *problem, size_t size)
{
	SchemaCall call = {text, length, source, false};
	bool refused;
	bool done = in_transaction(work_set_schema, &call, problem, size, &refused);

	*changed = call.changed;
	return done;
}

/* Connects to the database, as the worker's role, and makes the session what the worker needs. */
void
database_connect(const char *database, const char *application)
{
	BackgroundWorkerInitializeConnection(database, WORKER_ROLE, COMPAT_CONNECT_FLAGS);
	pgstat_report_appname(application);
	StartTransactionCommand();
	for (int i = 0; i < lengthof(session_settings); i++)
		if (GetConfigOption(session_settings[i][0], true, false) != NULL)
			SetConfigOption(session_settings[i][0], session_settings[i][1], PGC_SUSET,
			                PGC_S_OVERRIDE);
	CommitTransactionCommand();
}
