/*
 * edurange.c
 *	  The module's magic and its start: settings, what the rooms tell each other, and the worker when
 *	  the server preloads us.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"

#include "base/compat.h"
#include "base/guc.h"
#include "base/statements.h"
#include "calls/outcomes.h"
#include "game/entries.h"
#include "sync/sync_status.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

/* Registers the sync worker, which lives in a module of its own. */
static void
register_worker(void)
{
	BackgroundWorker worker = {
	    .bgw_name = "edurange sync worker",
	    .bgw_type = "edurange sync worker",
	    .bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION,
	    .bgw_start_time = BgWorkerStart_RecoveryFinished,
	    .bgw_restart_time = 10,
	    .bgw_library_name = "edurange_worker",
	    .bgw_function_name = "edurange_worker_main",
	};

	RegisterBackgroundWorker(&worker);
}

void
_PG_init(void)
{
	guc_define();
	statements_register();
	outcomes_register(&entries_of_batch);
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	sync_status_preload();
	if (guc_database[0] != '\0')
		register_worker();
}
