/*
 * worker.c
 *	  The sync worker: its life cycle, and the loop that brings polls to edurange.sync_apply().
 *
 * Each round asks the Instance Manager with no transaction open, then hands what came, or the
 * reason why nothing came, to the database in one short transaction.  What that means for an
 * instance is decided there.  The worker connects as the bootstrap superuser and works as
 * edurange_admin.  No failure ends it: it backs off and goes on.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "common/pg_prng.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "instance_manager.h"
#include "worker.h"

#define EXTENSION_NAME "edurange"
#define WORKER_NAME "edurange sync worker"
#define WORKER_ROLE "edurange_admin"

#define FOREVER (-1)
#define STATEMENT_TIMEOUT_MS 30000
#define MAX_BACKOFF_MS 60000
#define CALM_MS 60000
#define REMEMBERED_PROBLEMS 8

PG_MODULE_MAGIC;

extern PGDLLEXPORT void edurange_worker_main(Datum main_arg);

/* What the worker finds in its database, and how it calls itself meanwhile. */
typedef enum Installation
{
	READY,
	NO_EXTENSION,
	NO_FUNCTION,
	NO_ROLE
} Installation;

static const char *const installation_text[] = {
    [READY] = "waiting",
    [NO_EXTENSION] = "idle: extension " EXTENSION_NAME " is not installed in this database",
    [NO_FUNCTION] = "idle: function edurange.sync_apply does not exist",
    [NO_ROLE] = "idle: role " WORKER_ROLE " does not exist",
};

typedef enum StatementId
{
	APPLY_LIST,
	APPLY_PROBLEM
} StatementId;

static const char *const statements[] = {
    [APPLY_LIST] = "/* edurange:sync */ SELECT s.pods, s.changed"
                   " FROM edurange.sync_apply($1::pg_catalog.jsonb, $2) AS s",
    [APPLY_PROBLEM] = "/* edurange:sync */ SELECT s.pods, s.changed"
                      " FROM edurange.sync_apply("
                      "pg_catalog.jsonb_build_object('error'::pg_catalog.text, $1), $2) AS s",
};

/* Settings of the session that must not depend on how the server is configured. */
static const char *const session_settings[][2] = {
    {"search_path", "pg_catalog, pg_temp"},
    {"default_transaction_isolation", "read committed"},
    {"lock_timeout", "5000"},
};

/* One observation on its way into the database. */
typedef struct Observation
{
	StatementId statement;
	const char *text;
	size_t length;
	int encoding; /* of the text */
	TimestampTz observed_at;
	Installation installation; /* found when it was applied */
} Observation;

/* How the rounds have gone lately. */
static struct
{
	int failures; /* in a row */
	bool reported;
	TimestampTz last_failure;
	char problems[REMEMBERED_PROBLEMS][200];
	int next;
} history;

static const char *
setting(const char *name, const char *otherwise)
{
	const char *value = GetConfigOption(name, true, false);

	return value != NULL ? value : otherwise;
}

/* Shows in pg_stat_activity what the worker does. */
static void
show_activity(BackendState state, const char *text)
{
	pgstat_report_activity(state, text);
}

/*
 * Does a piece of work in a transaction of its own.  True: it is committed.  Otherwise all of it
 * is undone and problem says why, without the error's detail, which may hold data.
 */
static bool
in_transaction(void (*work)(void *), void *argument, char *problem, size_t size)
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

		HOLD_INTERRUPTS();
		disable_all_timeouts(false);
		QueryCancelPending = false;
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		AbortOutOfAnyTransaction();
		snprintf(problem, size, "%s (SQLSTATE %s)", error->message,
		         unpack_sql_state(error->sqlerrcode));
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return done;
}

static bool
function_exists(void)
{
	List *name = list_make2(makeString(pstrdup("edurange")), makeString(pstrdup("sync_apply")));
	Oid arguments[] = {JSONBOID, TIMESTAMPTZOID};

	return OidIsValid(LookupFuncName(name, lengthof(arguments), arguments, true));
}

/* Looks at the database, and works as the role from then on if all is there. */
static Installation
find_installation(void)
{
	Oid role;

	if (!OidIsValid(get_extension_oid(EXTENSION_NAME, true)))
		return NO_EXTENSION;
	if (!function_exists())
		return NO_FUNCTION;
	role = get_role_oid(WORKER_ROLE, true);
	if (!OidIsValid(role))
		return NO_ROLE;
	if (GetUserId() != role)
		SetConfigOption("role", WORKER_ROLE, PGC_SUSET, PGC_S_SESSION);
	return READY;
}

static void
work_find_installation(void *argument)
{
	*(Installation *) argument = find_installation();
}

/* Calls sync_apply(), unless what it needs has gone since the round began. */
static void
work_apply(void *argument)
{
	Observation *observation = argument;
	Oid types[] = {TEXTOID, TIMESTAMPTZOID};
	Datum values[2];
	char *text;

	observation->installation = find_installation();
	if (observation->installation != READY)
		return;
	text = pg_any_to_server(observation->text, (int) observation->length, observation->encoding);
	values[0] = CStringGetTextDatum(text);
	values[1] = TimestampTzGetDatum(observation->observed_at);
	SPI_connect();
	if (SPI_execute_with_args(statements[observation->statement], lengthof(types), types, values,
	                          NULL, false, 1) != SPI_OK_SELECT ||
	    SPI_processed != 1)
		elog(ERROR, "edurange.sync_apply did not return one row");
	SPI_finish();
}

/* Whether the problem was logged already; remembers it. */
static bool
problem_known(const char *problem)
{
	for (int i = 0; i < REMEMBERED_PROBLEMS; i++)
		if (strncmp(history.problems[i], problem, sizeof(history.problems[i]) - 1) == 0)
			return true;
	strlcpy(history.problems[history.next], problem, sizeof(history.problems[history.next]));
	history.next = (history.next + 1) % REMEMBERED_PROBLEMS;
	return false;
}

/* Counts a round that failed; each reason is logged once, until things have been calm again. */
static void
note_failure(const char *what, const char *problem)
{
	history.failures++;
	history.last_failure = GetCurrentTimestamp();
	if (problem_known(problem))
		return;
	history.reported = true;
	ereport(WARNING, (errmsg("could not %s: %s", what, problem)));
}

/* Counts a round that went well. */
static void
note_success(void)
{
	if (history.reported)
		ereport(LOG, (errmsg("synchronization with the Instance Manager works again")));
	history.failures = 0;
	history.reported = false;
	if (TimestampDifferenceMilliseconds(history.last_failure, GetCurrentTimestamp()) > CALM_MS)
		memset(history.problems, 0, sizeof(history.problems));
}

/* Time until the next round: the interval, or after failures a growing, jittered multiple of it. */
static long
next_delay(void)
{
	long interval = strtol(setting("edurange.sync_interval", "2000"), NULL, 10);
	long limit = Max(interval, MAX_BACKOFF_MS);
	long delay = interval;

	if (history.failures == 0)
		return interval;
	for (int i = 0; i < history.failures && delay < limit; i++)
		delay *= 2;
	delay = Min(delay, limit);
	return (long) ((0.5 + pg_prng_double(&pg_global_prng_state) / 2) * (double) delay);
}

/* Hands an observation to the database; false, with the reason, when that failed. */
static bool
apply(Observation *observation, char *problem, size_t size)
{
	show_activity(STATE_RUNNING, "applying");
	return in_transaction(work_apply, observation, problem, size);
}

/*
 * Applies what the poll brought.  When the list cannot be applied, that is recorded in its place,
 * as far as the database takes it.
 */
static void
apply_poll(const ImReply *reply, TimestampTz observed_at)
{
	bool polled = reply->body != NULL;
	char problem[200];
	Observation observation = {
	    .statement = polled ? APPLY_LIST : APPLY_PROBLEM,
	    .text = polled ? reply->body : reply->problem,
	    .length = polled ? reply->length : strlen(reply->problem),
	    .observed_at = observed_at,
	};

	if (!polled)
		note_failure("read the list of pods", reply->problem);
	if (apply(&observation, problem, sizeof(problem)))
	{
		if (polled && observation.installation == READY)
			note_success();
		return;
	}
	note_failure("apply the list of pods", problem);
	if (polled)
	{
		char ignored[200];

		observation.statement = APPLY_PROBLEM;
		observation.text = problem;
		observation.length = strlen(problem);
		observation.encoding = GetDatabaseEncoding();
		apply(&observation, ignored, sizeof(ignored));
	}
}

/* One round.  Returns the time until the next one. */
static long
run_round(void)
{
	const char *url = setting("edurange.instance_manager_url", "");
	const char *enabled = setting("edurange.sync_enabled", "on");
	long timeout = strtol(setting("edurange.sync_timeout", "10000"), NULL, 10);
	Installation installation = NO_EXTENSION;
	TimestampTz observed_at;
	char problem[200];
	ImReply reply;

	if (strcmp(enabled, "on") != 0 || *url == '\0')
	{
		show_activity(STATE_IDLE, *url == '\0' ? "idle: edurange.instance_manager_url is empty"
		                                       : "idle: edurange.sync_enabled is off");
		return FOREVER;
	}
	if (!in_transaction(work_find_installation, &installation, problem, sizeof(problem)))
		note_failure("look for extension " EXTENSION_NAME, problem);
	else if (installation == READY)
	{
		show_activity(STATE_RUNNING, "polling");
		observed_at = GetCurrentTimestamp();
		im_list_pods(url, timeout, &reply);
		apply_poll(&reply, observed_at);
		im_reply_free(&reply);
	}
	show_activity(STATE_IDLE, installation_text[installation]);
	return next_delay();
}

/* Waits until the delay is over or the configuration changes, and acts on signals meanwhile. */
static void
wait_for_next_round(long delay_ms)
{
	static uint32 wait_event = 0;
	TimestampTz begin = GetCurrentTimestamp();
	long left = delay_ms;

	if (wait_event == 0)
		wait_event = compat_wait_event("EdurangeSyncWait");
	while (!ConfigReloadPending && (delay_ms == FOREVER || left > 0))
	{
		int events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;

		if (delay_ms != FOREVER)
			events |= WL_TIMEOUT;
		WaitLatch(MyLatch, events, left, wait_event);
		ResetLatch(MyLatch);
		worker_check_interrupts();
		left = delay_ms - TimestampDifferenceMilliseconds(begin, GetCurrentTimestamp());
	}
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
		history.failures = 0;
	}
}

/* Connects to the database and makes the session what the worker needs. */
static void
connect_to_database(const char *database)
{
	BackgroundWorkerInitializeConnection(database, NULL, 0);
	pgstat_report_appname(WORKER_NAME);
	StartTransactionCommand();
	for (int i = 0; i < lengthof(session_settings); i++)
		SetConfigOption(session_settings[i][0], session_settings[i][1], PGC_SUSET, PGC_S_OVERRIDE);
	CommitTransactionCommand();
}

/* Entry point of the process.  Ends only by a signal, or when there is nothing to do for good. */
void
edurange_worker_main(Datum main_arg)
{
	MemoryContext round_context;
	const char *database = setting("edurange.database", "");

	if (IsBinaryUpgrade || *database == '\0')
		proc_exit(0);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	connect_to_database(database);
	im_start();

	round_context =
	    AllocSetContextCreate(TopMemoryContext, "edurange sync round", ALLOCSET_DEFAULT_SIZES);
	for (;;)
	{
		long delay;

		MemoryContextReset(round_context);
		MemoryContextSwitchTo(round_context);
		delay = run_round();
		pgstat_report_stat(true);
		wait_for_next_round(delay);
	}
}
