/*
 * sync_status.c
 *	  How the comparison with the Instance Manager goes, and where it still differs.
 *
 * What is kept here only informs, so it lives in shared memory and starts anew with the server: a
 * poll in which nothing changed writes nothing.  It is about one database, the one that was
 * synchronized last.  In a server that does not preload the module each session has its own.
 */
#include "postgres.h"

#include <signal.h>

#include "commands/dbcommands.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/refusal.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/caller.h"
#include "sync/sync_status.h"

typedef struct SyncStatus
{
	slock_t lock;
	char worker_problem[WORKER_PROBLEM_SIZE];
	Oid database;             /* what follows is about */
	TimestampTz last_attempt; /* 0: none, like the times below */
	TimestampTz last_success;
	TimestampTz failing_since;
	TimestampTz applied;
	int32 failures_in_a_row;
	int32 pods;
	int32 held;
	int64 changed;
	int64 polls;
	int64 failures;
	int64 stale;
	double fetch_ms;
	double apply_ms;
	char error[200];
} SyncStatus;

static SyncStatus own = {0};
static SyncStatus *status = &own;

static shmem_request_hook_type previous_request;
static shmem_startup_hook_type previous_startup;

typedef enum StatementId
{
	DRIFT,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    [DRIFT] = {"SELECT CASE w.reason WHEN 'missing' THEN 'row_without_pod'"
               "  WHEN 'unknown' THEN 'pod_without_row' WHEN 'owner' THEN 'owner_mismatch'"
               "  WHEN 'ending' THEN 'stuck' WHEN 'flag' THEN 'missing_flag'"
               "  ELSE 'status_mismatch' END,"
               " w.name, i.status::text, w.pod_status, w.since,"
               " CASE WHEN w.reason = 'ending' THEN i.\"terminationAttempts\" ELSE w.attempts END,"
               " w.due FROM edurange.sync_watch w"
               " LEFT JOIN public.\"ChallengeInstance\" i ON i.id = w.name"
               " WHERE w.reason <> 'retained'"
               " AND (w.reason <> 'ending' OR i.\"terminationAttempts\" > 0)"
               " ORDER BY w.since, w.name",
               {InvalidOid},
               .reads = true},
};

static void
request_memory(void)
{
	if (previous_request != NULL)
		previous_request();
	RequestAddinShmemSpace(MAXALIGN(sizeof(SyncStatus)));
}

static void
set_up_memory(void)
{
	bool found;

	if (previous_startup != NULL)
		previous_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	status = ShmemInitStruct("edurange sync status", sizeof(SyncStatus), &found);
	if (!found)
	{
		memset(status, 0, sizeof(SyncStatus));
		SpinLockInit(&status->lock);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
sync_status_preload(void)
{
	previous_request = shmem_request_hook;
	shmem_request_hook = request_memory;
	previous_startup = shmem_startup_hook;
	shmem_startup_hook = set_up_memory;
}

/* What is about a database goes. */
static void
forget_database(SyncStatus *forgetful)
{
	size_t kept = offsetof(SyncStatus, database);

	memset((char *) forgetful + kept, 0, sizeof(SyncStatus) - kept);
}

/*
 * Opens the status for a change; what another database left is forgotten.  The lock is a spinlock,
 * which no error releases: up to status_close() there are assignments only, and nothing that may fail.
 */
static void
status_open(void)
{
	SpinLockAcquire(&status->lock);
	if (status->database != MyDatabaseId)
	{
		forget_database(status);
		status->database = MyDatabaseId;
	}
}

static void
status_close(void)
{
	SpinLockRelease(&status->lock);
}

/* A copy of the status, with nothing in it of another database. */
static SyncStatus
status_read(void)
{
	SyncStatus copy;

	SpinLockAcquire(&status->lock);
	copy = *status;
	SpinLockRelease(&status->lock);
	if (copy.database != MyDatabaseId)
		forget_database(&copy);
	return copy;
}

void
sync_status_problem(const char *problem)
{
	char copy[WORKER_PROBLEM_SIZE];

	strlcpy(copy, problem, sizeof(copy));
	SpinLockAcquire(&status->lock);
	memcpy(status->worker_problem, copy, sizeof(copy));
	SpinLockRelease(&status->lock);
}

void
sync_status_success(const SyncPass *pass)
{
	status_open();
	status->last_attempt = Max(status->last_attempt, pass->observed_at);
	status->last_success = Max(status->last_success, pass->observed_at);
	status->applied = pass->observed_at;
	status->failing_since = 0;
	status->failures_in_a_row = 0;
	status->error[0] = '\0';
	status->pods = pass->pods;
	status->held = pass->held;
	status->changed += pass->changed;
	status->polls++;
	if (pass->fetch_ms >= 0)
		status->fetch_ms = pass->fetch_ms;
	status->apply_ms = pass->apply_ms;
	status_close();
}

void
sync_status_changed(int64 changed)
{
	status_open();
	status->changed += changed;
	status_close();
}

void
sync_status_stale(void)
{
	status_open();
	status->polls++;
	status->stale++;
	status_close();
}

TimestampTz
sync_status_failure(TimestampTz observed_at, const char *error)
{
	size_t length = pg_mbcliplen(error, (int) strlen(error), sizeof(status->error) - 1);
	TimestampTz since;

	status_open();
	status->last_attempt = Max(status->last_attempt, observed_at);
	if (status->failing_since == 0)
		status->failing_since = observed_at;
	since = status->failing_since;
	status->failures_in_a_row++;
	status->polls++;
	status->failures++;
	memcpy(status->error, error, length);
	status->error[length] = '\0';
	status_close();
	return since;
}

TimestampTz
sync_status_applied(void)
{
	return status_read().applied;
}

/* Process id of the worker that serves this database; 0: there is none. */
static int
find_worker(void)
{
	pgstat_clear_backend_activity_snapshot();
	for (int i = 1; i <= pgstat_fetch_stat_numbackends(); i++)
	{
		PgBackendStatus *entry = compat_backend_status(i);
		const char *type;

		if (entry == NULL || entry->st_backendType != B_BG_WORKER ||
		    entry->st_databaseid != MyDatabaseId)
			continue;
		type = GetBackgroundWorkerTypeByPid(entry->st_procpid);
		if (type != NULL && strcmp(type, WORKER_TYPE) == 0)
			return entry->st_procpid;
	}
	return 0;
}

static NullableDatum
value_time_or_null(TimestampTz time)
{
	return time == 0 ? value_null() : value_time(time);
}

static NullableDatum
value_double(double number)
{
	return (NullableDatum){.value = Float8GetDatum(number)};
}

SQL_FUNCTION(edurange_sync_status)
{
	SyncStatus now = status_read();
	bool running = find_worker() != 0;
	double lag = (double) (GetCurrentTimestamp() - now.last_success) / USECS_PER_SEC;
	NullableDatum values[] = {
	    value_time_or_null(now.last_attempt),
	    value_time_or_null(now.last_success),
	    now.last_success == 0 ? value_null() : value_double(lag),
	    value_int(now.failures_in_a_row),
	    value_text(now.error[0] == '\0' ? NULL : now.error),
	    now.last_success == 0 ? value_null() : value_int(now.pods),
	    value_long(now.changed),
	    value_int(now.held),
	    value_long(now.polls),
	    value_long(now.failures),
	    value_long(now.stale),
	    value_double(now.fetch_ms),
	    value_double(now.apply_ms),
	    value_bool(running),
	    value_text(running || now.worker_problem[0] == '\0' ? NULL : now.worker_problem),
	};

	caller_check(fcinfo);
	return composite_result(fcinfo, values, lengthof(values));
}

SQL_FUNCTION(edurange_sync_drift)
{
	caller_check(fcinfo);
	statements_begin();
	statement_run(&statements[DRIFT], NULL, 0);
	rows_to_result(fcinfo);
	statements_end();
	return (Datum) 0;
}

SQL_FUNCTION(edurange_sync_now)
{
	int worker = find_worker();

	caller_check(fcinfo);
	/* (The worker notes the signal, so the wish is not lost while it is busy.) */
	if (worker == 0 || kill(worker, SIGUSR2) != 0)
		raise_error(EDURANGE_WORKER_NOT_RUNNING,
		            "no sync worker is running for database \"%s\"; it needs"
		            " shared_preload_libraries and edurange.database",
		            get_database_name(MyDatabaseId));
	PG_RETURN_VOID();
}
