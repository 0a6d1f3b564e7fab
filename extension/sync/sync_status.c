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
#include <unistd.h>

#include "access/xlog.h"
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
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/guc.h"
#include "base/monotonic.h"
#include "base/refusal.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/caller.h"
#include "sync/sync_sql.h"
#include "sync/sync_status.h"

/* Who looks at two clocks one after the other may be kept from running in between. */
#define CLOCK_TOLERANCE_MS 5000

#define ERROR_SIZE 200

typedef struct SyncStatus
{
	slock_t lock;
	bool was_standby;
	bool clock_jumped;
	int64 up_since;     /* monotonic, in milliseconds */
	int64 clock_offset; /* of the time of day from that; 0: nobody looked */
	char worker_problem[WORKER_PROBLEM_SIZE];
	Oid database;             /* what follows is about */
	TimestampTz last_attempt; /* 0: none, like the times below */
	TimestampTz last_success;
	int64 compared_at; /* the same, monotonic */
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
	SyncHold hold;
	bool release_wanted;
	char error[ERROR_SIZE];
	char end_error[ERROR_SIZE];
	char status_error[ERROR_SIZE];
	char flag_error[ERROR_SIZE];
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

/* clang-format off */
static Statement statements[STATEMENT_COUNT] = {
    /*
	 * An instance that is ACTIVE without a flag differs from the first moment, before anybody has asked for the
	 * flag.  What is stuck stays so until its pod is gone, whatever has become of the instance.
	 */
    [DRIFT] = {"SELECT kind, name, status, pod_status, since, attempts, due FROM ("
               " SELECT CASE w.reason WHEN 'missing' THEN CASE WHEN w.attempts > 2 THEN 'unanswered_row' ELSE 'row_without_pod' END"
               "   WHEN 'unknown' THEN 'pod_without_row' WHEN 'orphan' THEN 'pod_without_row'"
               "   WHEN 'owner' THEN 'owner_mismatch' WHEN 'unreadable' THEN 'unreadable_pod'"
               "   WHEN 'secret' THEN 'foreign_secret' WHEN 'refused' THEN CASE WHEN w.attempts > 0 THEN 'refused_row' END"
               "   WHEN 'flag' THEN CASE WHEN i.status = 'ACTIVE' OR w.attempts > 0 THEN 'missing_flag' END"
               "   WHEN 'creating' THEN CASE WHEN w.due <= clock_timestamp() THEN 'stuck' END"
               "   WHEN 'ending' THEN CASE WHEN i.\"terminationAttempts\" > 0 THEN 'stuck' END"
               "   WHEN 'zombie' THEN CASE WHEN EXISTS (SELECT FROM edurange.sync_past p WHERE p.name = w.name"
               "     AND p.reason = 'mass') THEN 'returned_pod'"
               "    WHEN w.attempts > 0 THEN 'stuck' ELSE 'status_mismatch' END"
               "   WHEN 'mismatch' THEN CASE WHEN i.status = 'ERROR' AND i.\"terminationAttempts\" > 0"
               "    THEN 'stuck' ELSE 'status_mismatch' END END AS kind,"
               "  w.name, i.status::text AS status, w.pod_status, w.since,"
               "  CASE WHEN w.reason IN ('ending', 'mismatch') THEN coalesce(i.\"terminationAttempts\", w.attempts)"
               "   ELSE w.attempts END AS attempts, w.due FROM edurange.sync_watch w"
               " LEFT JOIN public.\"ChallengeInstance\" i ON i.id = w.name WHERE w.reason <> 'retained'"
               " UNION ALL SELECT 'missing_flag', i.id, i.status::text, NULL,"
               "  i.\"lastStatusChange\" AT TIME ZONE 'UTC', 0, NULL FROM public.\"ChallengeInstance\" i"
               " WHERE i.status = 'ACTIVE' AND " SYNCED_SECRET("i") " IS NULL AND NOT EXISTS ("
               "  SELECT FROM edurange.sync_watch f WHERE f.name = i.id AND f.reason = 'flag')) AS d"
               " WHERE kind IS NOT NULL ORDER BY since, name",
               {InvalidOid},
               .reads = true},
};
/* clang-format on */

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
		status->up_since = monotonic_ms();
		/* (the postmaster is in the data directory; the file goes with the promotion) */
		status->was_standby = access(STANDBY_SIGNAL_FILE, F_OK) == 0;
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
	if (copy.up_since == 0)
		copy.up_since = status->up_since = monotonic_ms(); /* of a session of its own */
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
	int64 age = (GetCurrentTimestamp() - pass->observed_at) / 1000;
	int64 compared_at = monotonic_ms() - Max(age, 0);

	status_open();
	status->last_attempt = Max(status->last_attempt, pass->observed_at);
	status->last_success = Max(status->last_success, pass->observed_at);
	status->compared_at = compared_at;
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

/* An error's text as it is kept, whole characters of it; of none nothing. */
static void
clip(char copy[ERROR_SIZE], const char *error)
{
	size_t length = error == NULL ? 0 : pg_mbcliplen(error, (int) strlen(error), ERROR_SIZE - 1);

	memset(copy, 0, ERROR_SIZE);
	if (length > 0)
		memcpy(copy, error, length);
}

TimestampTz
sync_status_failure(TimestampTz observed_at, const char *error)
{
	char copy[ERROR_SIZE];
	TimestampTz since;

	clip(copy, error);
	status_open();
	status->last_attempt = Max(status->last_attempt, observed_at);
	if (status->failing_since == 0)
		status->failing_since = observed_at;
	since = status->failing_since;
	status->failures_in_a_row++;
	status->polls++;
	status->failures++;
	memcpy(status->error, copy, ERROR_SIZE);
	status_close();
	return since;
}

void
sync_status_problems(const char *ends, const char *statuses, const char *flags)
{
	char copies[3][ERROR_SIZE];

	clip(copies[0], ends);
	clip(copies[1], statuses);
	clip(copies[2], flags);
	status_open();
	memcpy(status->end_error, copies[0], ERROR_SIZE);
	memcpy(status->status_error, copies[1], ERROR_SIZE);
	memcpy(status->flag_error, copies[2], ERROR_SIZE);
	status_close();
}

void
sync_status_settle(bool ends, bool statuses, bool flags)
{
	status_open();
	if (!ends)
		status->end_error[0] = '\0';
	if (!statuses)
		status->status_error[0] = '\0';
	if (!flags)
		status->flag_error[0] = '\0';
	status_close();
}

TimestampTz
sync_status_applied(void)
{
	return status_read().applied;
}

SyncHold
sync_status_hold(void)
{
	return status_read().hold;
}

void
sync_status_set_hold(const SyncHold *hold)
{
	status_open();
	status->hold = *hold;
	if (hold->held == 0)
		status->release_wanted = false;
	status_close();
}

/* (from a database that is not synchronized nothing may be changed of the one that is) */
int32
sync_status_ask_release(void)
{
	int32 held = 0;

	SpinLockAcquire(&status->lock);
	if (status->database == MyDatabaseId)
	{
		held = status->hold.held;
		status->release_wanted = held > 0;
	}
	SpinLockRelease(&status->lock);
	return held;
}

bool
sync_status_take_release(void)
{
	bool wanted;

	status_open();
	wanted = status->release_wanted;
	status->release_wanted = false;
	status_close();
	return wanted;
}

bool
sync_status_clock_jumped(void)
{
	int64 offset = GetCurrentTimestamp() / 1000 - monotonic_ms();
	bool jumped;

	status_open();
	if (status->clock_offset != 0 && llabs(offset - status->clock_offset) > CLOCK_TOLERANCE_MS)
		status->clock_jumped = true;
	status->clock_offset = offset;
	jumped = status->clock_jumped;
	status_close();
	return jumped;
}

void
sync_status_begin(void)
{
	status_open();
	status->clock_jumped = false;
	status->applied = 0;
	status->failing_since = 0;
	status->hold = (SyncHold){0};
	status_close();
}

bool
sync_status_was_standby(void)
{
	return status->was_standby;
}

/* A process of ours that is in the database, or in none. */
static PgBackendStatus *
find_process(const char *wanted, Oid database)
{
	pgstat_clear_backend_activity_snapshot();
	for (int i = 1; i <= pgstat_fetch_stat_numbackends(); i++)
	{
		PgBackendStatus *entry = compat_backend_status(i);
		const char *type;

		if (entry == NULL || entry->st_backendType != B_BG_WORKER ||
		    entry->st_databaseid != database)
			continue;
		type = GetBackgroundWorkerTypeByPid(entry->st_procpid);
		if (type != NULL && strcmp(type, wanted) == 0)
			return entry;
	}
	return NULL;
}

/* Process id of the worker that serves this database; 0: there is none. */
static int
find_worker(void)
{
	PgBackendStatus *entry = find_process(WORKER_TYPE, MyDatabaseId);

	return entry == NULL ? 0 : entry->st_procpid;
}

/* What the worker that serves this database says of why it has nothing to do; NULL: it works. */
static const char *
find_idleness(void)
{
	static const char idle[] = "idle: ";
	PgBackendStatus *entry = find_process(WORKER_TYPE, MyDatabaseId);
	char *said;

	if (entry == NULL)
		return NULL;
	said = pgstat_clip_activity(entry->st_activity_raw);
	return strncmp(said, idle, strlen(idle)) == 0 ? said + strlen(idle) : NULL;
}

/* Why no worker is there for this database. */
static const char *
find_absence(const SyncStatus *now)
{
	const char *name = get_database_name(MyDatabaseId);

	if (status == &own)
		return "edurange is not in shared_preload_libraries";
	if (RecoveryInProgress())
		return "this server is a standby";
	if (now->worker_problem[0] != '\0')
		return pstrdup(now->worker_problem);
	if (guc_database[0] == '\0')
		return "edurange.database is empty";
	if (name == NULL || strcmp(guc_database, name) != 0)
		return psprintf("edurange.database is \"%s\", not this database", guc_database);
	if (!guc_sync_enabled)
		return "edurange.sync_enabled is off";
	if (find_process(LAUNCHER_TYPE, InvalidOid) == NULL)
		return "its launcher does not run; raise max_worker_processes";
	return "it ended, and is started again within ten seconds";
}

/* A setting by which nothing can go right; NULL: there is none. */
static const char *
find_nonsense(void)
{
	const char *url = GetConfigOption("edurange.instance_manager_url", true, false);

	if (url != NULL && url[0] != '\0' && pg_strncasecmp(url, "http://", 7) != 0 &&
	    pg_strncasecmp(url, "https://", 8) != 0)
		return "edurange.instance_manager_url must begin with http:// or https://";
	if (guc_sync_mass_grace < guc_sync_grace)
		return "edurange.sync_mass_grace must not be shorter than edurange.sync_grace";
	if (guc_sync_creating_deadline < guc_sync_grace)
		return "edurange.sync_creating_deadline must not be shorter than edurange.sync_grace";
	return NULL;
}

/* Why the worker does not do its work for this database; NULL: it does. */
static const char *
find_problem(const SyncStatus *now, bool running)
{
	const char *problem = running ? find_idleness() : find_absence(now);

	return problem != NULL ? problem : find_nonsense();
}

/* What must happen for instances not to be held any more; NULL: none is. */
static const char *
find_end_of_hold(const SyncStatus *now)
{
	const SyncHold *hold = &now->hold;

	if (hold->held > 0 && hold->one_seen)
		return psprintf("it is %s and they are still missing, or edurange.sync_release() is called",
		                timestamptz_to_str(hold->since + guc_sync_mass_grace * INT64CONST(1000)));
	if (hold->held > 0)
		return "one of their pods is seen, or edurange.sync_release() is called";
	return now->held > 0 ? "the Instance Manager says of each whether its pod is found" : NULL;
}

/* Seconds since instances were last compared with their pods, or since nobody has in this server. */
static double
lag_seconds(const SyncStatus *now)
{
	int64 since = now->last_success == 0 ? now->up_since : now->compared_at;

	return (double) (monotonic_ms() - since) / 1000.0;
}

static NullableDatum
value_time_or_null(TimestampTz time)
{
	return time == 0 ? value_null() : value_time(time);
}

static NullableDatum
value_error(const char *error)
{
	return value_text(error[0] == '\0' ? NULL : error);
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
	NullableDatum values[] = {
	    value_time_or_null(now.last_attempt),
	    value_time_or_null(now.last_success),
	    value_double(lag_seconds(&now)),
	    value_int(now.failures_in_a_row),
	    value_error(now.error),
	    now.last_success == 0 ? value_null() : value_int(now.pods),
	    value_long(now.changed),
	    value_int(Max(now.held, now.hold.held)),
	    value_long(now.polls),
	    value_long(now.failures),
	    value_long(now.stale),
	    value_double(now.fetch_ms),
	    value_double(now.apply_ms),
	    value_bool(running),
	    value_text(find_problem(&now, running)),
	    value_text(find_end_of_hold(&now)),
	    value_error(now.end_error),
	    value_error(now.status_error),
	    value_error(now.flag_error),
	};

	caller_check(fcinfo);
	return composite_result(fcinfo, values, lengthof(values));
}

SQL_FUNCTION(edurange_sync_drift)
{
	caller_check(fcinfo);
	statements_begin();
	statement_list(fcinfo, &statements[DRIFT], NULL, 0);
	statements_end();
	return (Datum) 0;
}

SQL_FUNCTION(edurange_sync_now)
{
	SyncStatus now = status_read();
	int worker = find_worker();

	caller_check(fcinfo);
	/* (The worker notes the signal, so the wish is not lost while it is busy.) */
	if (worker == 0 || kill(worker, SIGUSR2) != 0)
		raise_error(EDURANGE_WORKER_NOT_RUNNING,
		            "no sync worker is running for database \"%s\": %s",
		            get_database_name(MyDatabaseId), find_problem(&now, false));
	PG_RETURN_VOID();
}
