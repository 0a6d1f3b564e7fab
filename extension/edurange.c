/*
 * edurange.c
 *	  The module's magic and its start: settings, what the rooms tell each other, and what starts the
 *	  worker when the server preloads us.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "base/compat.h"
#include "base/guc.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/outcomes.h"
#include "game/entries.h"
#include "sync/launcher.h"
#include "sync/sync_status.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	guc_define();
	statements_register();
	surface_register();
	outcomes_register(&entries_of_batch);
	if (!process_shared_preload_libraries_in_progress || IsBinaryUpgrade)
		return;
	sync_status_preload();
	if (guc_database[0] != '\0')
		launcher_register();
}
