/*
 * launcher.c
 *	  The process that starts the sync worker, once there is all that it needs.
 *
 * The worker connects as edurange_worker to the database that it serves.  Where one of them is missing or
 * cannot be used, its start would fail, and again every ten seconds.  The launcher is in no database: it sees
 * the catalogues that all share, runs no SQL, and says what is missing until the worker can start.  It starts
 * the worker again ten seconds after that ended, however it ended, and takes it along when it ends itself.  One that
 * ends soon after each start is started at growing distances: the launcher cannot see why, and each start would
 * be another line in the log.
 * While edurange.sync_enabled is off there is no worker.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
#include "utils/wait_event.h"

#include "base/compat.h"
#include "base/guc.h"
#include "base/monotonic.h"
#include "base/surface.h"
#include "sync/launcher.h"
#include "sync/sync_status.h"

#define WORKER_ROLE "edurange_worker"
#define RESTART_MS 10000
#define LONGEST_RESTART_MS (3600 * 1000)
/* A worker that has lived so long has started well. */
#define SETTLED_MS 60000
#define ENDS_SOON                                                                                    \
	"it ends soon after each start, and is started at growing distances; PostgreSQL's log says why," \
	" and a reload starts it at once"
#define LOOK_MS 2000
#define REPEAT_MS (3600 * 1000)
#define FOR_EVER_MS (-1)

extern PGDLLEXPORT void edurange_launcher_main(Datum main_arg);

/* The worker that was started, when, and when the next one may be. */
static BackgroundWorkerHandle *started = NULL;
static int64 started_at = 0;
static int64 start_due = 0;

/* How many workers in a row have ended soon. */
static int ended_soon = 0;

/* How role edurange_worker is made: so that the worker can connect, and nobody else. */
SQL_FUNCTION_ANYWHERE(edurange_worker_attributes)
{
	PG_RETURN_TEXT_P(cstring_to_text(COMPAT_WORKER_NEEDS_LOGIN ? "LOGIN CONNECTION LIMIT 0"
	                                                           : "NOLOGIN CONNECTION LIMIT 0"));
}

void
launcher_register(void)
{
	BackgroundWorker launcher = {
	    .bgw_name = LAUNCHER_TYPE,
	    .bgw_type = LAUNCHER_TYPE,
	    .bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
	    .bgw_start_time = BgWorkerStart_RecoveryFinished,
	    .bgw_restart_time = RESTART_MS / 1000,
	    .bgw_library_name = "edurange",
	    .bgw_function_name = "edurange_launcher_main",
	};

	RegisterBackgroundWorker(&launcher);
}

/* The name of the database, in characters that every database has. */
static const char *
database_name(void)
{
	static char name[NAMEDATALEN];

	strlcpy(name, guc_database, sizeof(name));
	for (char *c = name; *c != '\0'; c++)
		if (IS_HIGHBIT_SET(*c))
			*c = '?';
	return name;
}

/* Why the worker cannot work as its role; false: it can. */
static bool
find_role_problem(char *problem, Oid *role)
{
	HeapTuple tuple = SearchSysCache1(AUTHNAME, CStringGetDatum(WORKER_ROLE));
	Form_pg_authid form;

	if (!HeapTupleIsValid(tuple))
	{
		snprintf(problem, WORKER_PROBLEM_SIZE,
		         "role \"" WORKER_ROLE "\" does not exist; in database \"%s\" run CREATE EXTENSION"
		         " edurange, or ALTER EXTENSION edurange UPDATE, and edurange.migrate()",
		         database_name());
		return true;
	}
	form = (Form_pg_authid) GETSTRUCT(tuple);
	*role = form->oid;
	if (form->rolsuper)
		strlcpy(problem,
		        "role \"" WORKER_ROLE "\" is a superuser; run ALTER ROLE " WORKER_ROLE
		        " NOSUPERUSER",
		        WORKER_PROBLEM_SIZE);
	else if (COMPAT_WORKER_NEEDS_LOGIN && !form->rolcanlogin)
		strlcpy(problem, "role \"" WORKER_ROLE "\" cannot log in; run edurange.migrate()",
		        WORKER_PROBLEM_SIZE);
	ReleaseSysCache(tuple);
	return problem[0] != '\0';
}

/*
 * May the role connect to a database?  An entry with so many rights that they are stored apart cannot be read
 * without a database: then the worker will see.
 */
static bool
may_connect(Relation databases, HeapTuple tuple, Oid role)
{
	Oid owner = ((Form_pg_database) GETSTRUCT(tuple))->datdba;
	bool is_null;
	Datum rights =
	    heap_getattr(tuple, Anum_pg_database_datacl, RelationGetDescr(databases), &is_null);

	if (!is_null && VARATT_IS_EXTERNAL(DatumGetPointer(rights)))
		return true;
	return aclmask(is_null ? acldefault(OBJECT_DATABASE, owner) : DatumGetAclP(rights), role, owner,
	               ACL_CONNECT, ACLMASK_ANY) != 0;
}

/* Why the worker cannot work in its database; false: it can. */
static bool
find_database_problem(char *problem, Oid role)
{
	Relation databases = table_open(DatabaseRelationId, AccessShareLock);
	SysScanDesc scan;
	ScanKeyData key;
	HeapTuple tuple;

	ScanKeyInit(&key, Anum_pg_database_datname, BTEqualStrategyNumber, F_NAMEEQ,
	            CStringGetDatum(guc_database));
	/* (before the first session has made a file of them, nothing here knows the shared indexes) */
	scan = systable_beginscan(databases, DatabaseNameIndexId, criticalSharedRelcachesBuilt, NULL, 1,
	                          &key);
	tuple = systable_getnext(scan);
	if (!HeapTupleIsValid(tuple))
		snprintf(problem, WORKER_PROBLEM_SIZE,
		         "database \"%s\" does not exist; set edurange.database or make it",
		         database_name());
	/* (a limit below -1 is what a DROP DATABASE that was interrupted leaves) */
	else if (!((Form_pg_database) GETSTRUCT(tuple))->datallowconn ||
	         ((Form_pg_database) GETSTRUCT(tuple))->datconnlimit < -1)
		snprintf(problem, WORKER_PROBLEM_SIZE,
		         "database \"%s\" accepts no connections; see ALTER DATABASE", database_name());
	else if (OidIsValid(role) && !may_connect(databases, tuple, role))
		snprintf(problem, WORKER_PROBLEM_SIZE,
		         "role \"" WORKER_ROLE "\" may not connect to database \"%s\"; run"
		         " edurange.migrate() there",
		         database_name());
	systable_endscan(scan);
	table_close(databases, AccessShareLock);
	return problem[0] != '\0';
}

/* Why the worker would not start; an empty text: it would. */
static void
find_problem(char *problem)
{
	Oid role = InvalidOid;

	problem[0] = '\0';
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	if (!find_database_problem(problem, InvalidOid) && !find_role_problem(problem, &role))
		(void) find_database_problem(problem, role);
	CommitTransactionCommand();
}

/* Starts the worker; false: the server has no place for it. */
static bool
start_worker(void)
{
	BackgroundWorker worker = {
	    .bgw_name = WORKER_TYPE,
	    .bgw_type = WORKER_TYPE,
	    .bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
	    .bgw_start_time = BgWorkerStart_RecoveryFinished,
	    .bgw_restart_time = BGW_NEVER_RESTART,
	    .bgw_library_name = "edurange_worker",
	    .bgw_function_name = "edurange_worker_main",
	    .bgw_notify_pid = MyProcPid,
	};
	MemoryContext before = MemoryContextSwitchTo(TopMemoryContext);
	bool registered = RegisterDynamicBackgroundWorker(&worker, &started);

	MemoryContextSwitchTo(before);
	if (!registered)
		started = NULL;
	started_at = monotonic_ms();
	return registered;
}

/* Says in the log why there is no worker, when that changes and each hour, and that there can be one again. */
static void
report_problem(const char *problem)
{
	static char reported[WORKER_PROBLEM_SIZE];
	static int64 repeat_due = 0;
	int64 now = monotonic_ms();

	sync_status_problem(problem);
	pgstat_report_activity(STATE_IDLE, problem[0] == '\0' ? "the worker was started" : problem);
	if (strcmp(problem, reported) == 0 && now < repeat_due)
		return;
	if (problem[0] != '\0')
		ereport(WARNING, (errmsg("the sync worker cannot start: %s", problem)));
	else if (reported[0] != '\0')
		ereport(LOG, (errmsg("the sync worker can start again")));
	strlcpy(reported, problem, sizeof(reported));
	repeat_due = now + REPEAT_MS;
}

/* When a worker that has ended is followed by another.  One that ended because it was to keeps nobody waiting. */
static void
note_end(void)
{
	int64 now = monotonic_ms();
	int64 wait = RESTART_MS;

	ended_soon = now - started_at < SETTLED_MS ? ended_soon + 1 : 0;
	for (int i = 1; i < ended_soon && wait < LONGEST_RESTART_MS; i++)
		wait *= 2;
	start_due = guc_sync_enabled ? now + Min(wait, LONGEST_RESTART_MS) : 0;
	if (ended_soon > 1)
		report_problem(ENDS_SOON);
}

/* Is the worker that was started still there, or to come? */
static bool
worker_lives(void)
{
	pid_t pid;

	switch (GetBackgroundWorkerPid(started, &pid))
	{
		case BGWH_STARTED:
		case BGWH_NOT_YET_STARTED:
			return true;
		case BGWH_POSTMASTER_DIED:
			proc_exit(1);
		case BGWH_STOPPED:
			break;
	}
	pfree(started);
	started = NULL;
	note_end();
	return false;
}

/* The next worker is started at once. */
static void
start_anew(void)
{
	start_due = 0;
	ended_soon = 0;
}

/* While the worker is not to poll it is not in the database either, which may be copied or renamed then. */
static long
keep_worker_out(void)
{
	if (started != NULL && worker_lives())
		TerminateBackgroundWorker(started);
	start_anew();
	sync_status_problem("");
	pgstat_report_activity(STATE_IDLE, "idle: edurange.sync_enabled is off");
	return FOR_EVER_MS;
}

/* A worker runs.  Where others have ended soon, that is over only once it has lived for a while. */
static long
see_it_settle(void)
{
	int64 left = ended_soon > 0 ? started_at + SETTLED_MS - monotonic_ms() : 0;

	if (left <= 0)
		ended_soon = 0;
	if (ended_soon <= 1)
		report_problem("");
	return left > 0 ? (long) left : FOR_EVER_MS;
}

/* Does what is due.  Returns the milliseconds until something is again; the end of the worker is told at once. */
static long
look_after_worker(void)
{
	char problem[WORKER_PROBLEM_SIZE];
	int64 now = monotonic_ms();

	if (!guc_sync_enabled)
		return keep_worker_out();
	if (started != NULL && worker_lives())
		return see_it_settle();
	find_problem(problem);
	/* What is missing is why the last one ended: the next waits for that alone, and it is told at once. */
	if (problem[0] != '\0')
		start_anew();
	else if (now < start_due)
		return Min((long) (start_due - now) + 1, LOOK_MS);
	else if (start_worker())
		return see_it_settle();
	else
		snprintf(problem, sizeof(problem),
		         "all %d background workers are in use; raise max_worker_processes",
		         max_worker_processes);
	report_problem(problem);
	return LOOK_MS;
}

/* A launcher that comes back would not know the worker, and start another.  What it found is not looked at meanwhile. */
static void
take_worker_along(int code, Datum argument)
{
	sync_status_problem("");
	if (started != NULL)
		TerminateBackgroundWorker(started);
}

/* Entry point of the process.  Ends only by a signal. */
void
edurange_launcher_main(Datum main_arg)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	before_shmem_exit(take_worker_along, (Datum) 0);
	for (;;)
	{
		long delay = look_after_worker();
		int events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | (delay == FOR_EVER_MS ? 0 : WL_TIMEOUT);

		(void) WaitLatch(MyLatch, events, delay, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		QueryCancelPending = false; /* there is nothing to cancel */
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			start_anew();
		}
	}
}
