/*
 * opener.c
 *	  Opening connections, and how that has been going, in all threads together.
 *
 * A connection is opened in a thread of its own, which hands it to the loop: name resolution and
 * the walk through several hosts may block, and happen rarely.  The same goes for cancelling.  The
 * role of a connection is set here and never changes.
 */
#include "database/opener.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "database/statements.h"

#define EXTRA_OPTIONS 10
#define CANCEL_MESSAGE_LENGTH 256
#define REASON_LENGTH 1024

static struct
{
	pthread_mutex_t lock;
	DatabaseStatus status;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Notes how an attempt went; the first failure and the recovery are logged. */
static void
status_note_attempt(const char *error)
{
	bool changed;

	pthread_mutex_lock(&state.lock);
	changed = (state.status.reconnect_attempts > 0) != (error != NULL);
	if (error != NULL)
		state.status.reconnect_attempts++;
	else
	{
		state.status.reconnect_attempts = 0;
		state.status.last_success = now_ms();
		iso_time_now(state.status.last_connected);
	}
	pthread_mutex_unlock(&state.lock);
	if (changed && error != NULL)
		log_event("error", "database_lost", error);
	else if (changed)
		log_event("info", "database_connected", "connected to the database");
}

void
status_note_alive(void)
{
	pthread_mutex_lock(&state.lock);
	iso_time_now(state.status.last_connected);
	pthread_mutex_unlock(&state.lock);
}

DatabaseStatus
database_status(void)
{
	DatabaseStatus status;

	pthread_mutex_lock(&state.lock);
	status = state.status;
	pthread_mutex_unlock(&state.lock);
	return status;
}

/* ---- opening --------------------------------------------------------------------------------- */

static void
ignore_notice(void *arg, const PGresult *notice)
{
}

/* Connects, and waits for it. */
static PGconn *
connect_to(const Opening *opening)
{
	const ConnectionOptions *server = opening->server;
	const char *keywords[MAX_CONNECTION_OPTIONS + EXTRA_OPTIONS];
	const char *values[MAX_CONNECTION_OPTIONS + EXTRA_OPTIONS];
	const char *own = getenv("PGOPTIONS");
	const char *name = dsn_login(server);
	const char *place = strstr(name, DSN_TIER);
	char *options = NULL;
	char *login = NULL;
	char seconds[16];
	PGconn *pg;
	int n = 0;

	snprintf(seconds, sizeof(seconds), "%d", opening->connect_seconds);
	for (int i = 0; i < server->count; i++)
	{
		if (strcmp(server->keywords[i], "options") == 0)
			own = server->values[i];
		keywords[n] = server->keywords[i];
		values[n++] = server->values[i];
	}
	if (asprintf(&options,
	             "%s -c default_transaction_isolation=read\\ committed -c lock_timeout=0"
	             " -c role=edurange_%s -c statement_timeout=%d",
	             own != NULL ? own : "", opening->tier, opening->statement_timeout) < 0)
		return NULL;
	if (place != NULL && asprintf(&login, "%.*s%s%s", (int) (place - name), name, opening->tier,
	                              place + strlen(DSN_TIER)) < 0)
	{
		free(options);
		return NULL;
	}
#define OPTION(keyword, value) (keywords[n] = (keyword), values[n++] = (value))
	OPTION("user", login); /* the last one counts, and NULL as none */
	OPTION("options", options);
	OPTION("client_encoding", "UTF8");
	OPTION("connect_timeout", seconds);
	OPTION("keepalives", "1");
	OPTION("keepalives_idle", "30");
	OPTION("keepalives_interval", "10");
	OPTION("keepalives_count", "3");
	OPTION(NULL, NULL);
#undef OPTION
	pg = PQconnectdbParams(keywords, values, 0);
	free(options);
	free(login);
	return pg;
}

/* How many attributes edurange.caller has, which had no acting user before; 0: no answer in time. */
static int
ask_caller_values(PGconn *pg, int seconds)
{
	struct pollfd socket = {.fd = PQsocket(pg), .events = POLLIN};
	int64_t end = now_ms() + (int64_t) seconds * 1000;
	bool fine = PQsendQuery(pg, statements[STATEMENT_CALLER_VALUES].sql);
	PGresult *answer = NULL;
	int count = 0;

	while (fine && (PQisBusy(pg) || (answer = PQgetResult(pg)) != NULL))
	{
		if (answer == NULL)
			fine = now_ms() < end && poll(&socket, 1, 100) >= 0 && PQconsumeInput(pg);
		else if (PQresultStatus(answer) == PGRES_TUPLES_OK)
			count = (int) strtol(PQgetvalue(answer, 0, 0), NULL, 10);
		PQclear(answer);
		answer = NULL;
	}
	return count;
}

/* The life of a thread that opens one connection. */
static void *
open_aside(void *arg)
{
	Opening *opening = arg;
	PGconn *pg = connect_to(opening);

	if (pg == NULL || PQstatus(pg) != CONNECTION_OK ||
	    (opening->caller_values = ask_caller_values(pg, opening->connect_seconds)) == 0 ||
	    PQsetnonblocking(pg, 1) != 0 || !PQenterPipelineMode(pg))
	{
		char reason[REASON_LENGTH];

		/* (what it says where there is no connection, it says in a constant) */
		snprintf(reason, sizeof(reason), "%s", PQerrorMessage(pg));
		reason[strcspn(reason, "\n")] = '\0';
		status_note_attempt(reason);
		PQfinish(pg);
		pg = NULL;
	}
	else
	{
		PQsetNoticeReceiver(pg, ignore_notice, NULL);
		status_note_attempt(NULL);
	}
	opening->pg = pg;
	loop_post(opening->loop, &opening->task);
	return NULL;
}

/* Starts to open a connection; the task runs in the loop's thread, later. */
bool
opener_start(Opening *opening)
{
	return thread_start(open_aside, opening);
}

static void *
cancel_aside(void *arg)
{
	char message[CANCEL_MESSAGE_LENGTH];

	(void) PQcancel(arg, message, sizeof(message));
	PQfreeCancel(arg);
	return NULL;
}

void
opener_cancel(PGconn *pg)
{
	PGcancel *cancel = PQgetCancel(pg);

	if (cancel != NULL && !thread_start(cancel_aside, cancel))
		PQfreeCancel(cancel);
}
