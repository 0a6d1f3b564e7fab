/*
 * worker.c
 *	  The sync worker: its life cycle and its loop.
 *
 * The worker brings polls of the Instance Manager to edurange.sync_apply() and asks what that wants
 * to know.  What anything means for an instance is decided there.  It connects as edurange_worker, which
 * may call that and nothing else.  The extension's launcher starts it.  No failure ends it: it backs off and
 * goes on.
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
#include "interrupts.h"
#include "round.h"
#include "settings.h"

#define WORKER_NAME "edurange sync worker"

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

/*
 * Waits until the delay is over, the configuration changes or somebody wants a poll, and acts on
 * signals meanwhile.
 */
static void
wait_for_next_round(long delay_ms)
{
	static uint32 wait_event = 0;
	TimestampTz begin = GetCurrentTimestamp();
	long left = delay_ms;

	if (wait_event == 0)
		wait_event = compat_wait_event("EdurangeSyncWait");
	while (!ConfigReloadPending && !poll_wanted && (delay_ms == ROUND_NEVER || left > 0))
	{
		int events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;

		if (delay_ms != ROUND_NEVER)
			events |= WL_TIMEOUT;
		(void) WaitLatch(MyLatch, events, left, wait_event);
		ResetLatch(MyLatch);
		check_interrupts();
		left = delay_ms - TimestampDifferenceMilliseconds(begin, GetCurrentTimestamp());
	}
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
		pgstat_report_stat(true);
		wait_for_next_round(delay);
	}
}
