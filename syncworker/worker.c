/*
 * worker.c
 *	  The sync worker: its life cycle and its loop.
 *
 * The worker brings what the Instance Manager says to edurange.sync_apply() and sync_apply_list() and asks what these
 * want to know.  What anything means for an instance is decided there.  It connects as edurange_worker, which may call
 * these, what comes before the first of them, and set_cdf_schema(), and nothing else.  The extension's launcher starts
 * it.  No failure ends it: it backs off and goes on.
 */
#include "postgres.h"

#include <signal.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "database.h"
#include "http.h"
#include "round.h"
#include "settings.h"

#define WORKER_NAME "edurange sync worker"
/* Before a sleep of so long statistics are reported, however recently they were. */
#define REPORT_MS 50

PG_MODULE_MAGIC;

extern PGDLLEXPORT void edurange_worker_main(Datum main_arg);

/* Somebody called edurange.sync_now(). */
static volatile sig_atomic_t poll_wanted = false;

static void
on_poll_wanted(SIGNAL_ARGS)
{
	int saved_errno = errno;

	poll_wanted = true;
	SetLatch(MyLatch);
	errno = saved_errno;
}

/* Acts on what signals asked for. */
static void
act_on_signals(void)
{
	if (poll_wanted || ConfigReloadPending)
		round_start_anew();
	poll_wanted = false;
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
}

/*
 * Entry point of the process.  Ends only by a signal, when there is nothing to do for good, or when its role
 * is not the one that it connected as any more: then the launcher starts another.
 */
void
edurange_worker_main(Datum main_arg)
{
	MemoryContext round_context;
	const char *database = setting("edurange.database", "");

	if (IsBinaryUpgrade || *database == '\0')
		proc_exit(0);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	pqsignal(SIGUSR2, on_poll_wanted);
	BackgroundWorkerUnblockSignals();
	database_connect(database, WORKER_NAME);
	http_start();

	round_context =
	    AllocSetContextCreate(TopMemoryContext, "edurange sync round", ALLOCSET_DEFAULT_SIZES);
	for (;;)
	{
		long delay;

		MemoryContextReset(round_context);
		MemoryContextSwitchTo(round_context);
		delay = round_run();
		if (delay == ROUND_LAST)
			proc_exit(0);
		(void) pgstat_report_stat(delay > REPORT_MS);
		http_wait(delay == ROUND_NEVER ? HTTP_WAIT_FOR_EVER : delay);
		act_on_signals();
	}
}
