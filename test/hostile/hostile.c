/*
 * hostile.c
 *	  A module for the tests: each function of the extension is called under hostile settings.
 *
 * They hold from the call of a function to its end and not for the session, so that a regression test reads
 * and shows everything as it always does, and what differs is the function's doing.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

#define MAX_SETTINGS 200

static struct
{
	char *name;
	char *value;
} settings[MAX_SETTINGS];
static int count;
/* of functions within functions; those within have what the outer one has made of it */
static int depth;

static bool
is_needed(Oid function)
{
	return function >= FirstNormalObjectId &&
	       get_func_namespace(function) == get_namespace_oid("edurange", true);
}

/* What the function itself sets holds over what its session has. */
static void
set_own(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	bool is_null;
	Datum own = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proconfig, &is_null);

	if (!is_null)
		ProcessGUCArray(DatumGetArrayTypeP(own), PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE);
	ReleaseSysCache(tuple);
}

static void
around(FmgrHookEventType event, FmgrInfo *function, Datum *level)
{
	if (event == FHET_START && depth++ == 0)
	{
		*level = Int32GetDatum(NewGUCNestLevel());
		for (int i = 0; i < count; i++)
			(void) set_config_option(settings[i].name, settings[i].value, PGC_USERSET,
			                         PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
		set_own(function->fn_oid);
	}
	else if (event != FHET_START && --depth == 0 && event == FHET_END)
		AtEOXact_GUC(true, DatumGetInt32(*level));
}

void
_PG_init(void)
{
	FILE *file = fopen(SETTINGS, "r");
	char line[256];

	if (file == NULL)
		elog(ERROR, "could not open \"%s\"", SETTINGS);
	while (fgets(line, sizeof(line), file) != NULL)
	{
		char *value = strstr(line, " = ");

		if (line[0] == '#' || value == NULL || count == MAX_SETTINGS)
			continue;
		*value = '\0';
		value += strlen(" = ");
		value[strcspn(value, "\n")] = '\0';
		/* an older server need not know it */
		if (GetConfigOption(line, true, false) == NULL)
			continue;
		settings[count].name = MemoryContextStrdup(TopMemoryContext, line);
		settings[count++].value = MemoryContextStrdup(TopMemoryContext, value);
	}
	fclose(file);
	needs_fmgr_hook = is_needed;
	fmgr_hook = around;
}
