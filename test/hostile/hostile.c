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
#include "fmgr.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

#define MAX_SETTINGS 200

static struct
{
	char *name;
	char *value;
} settings[MAX_SETTINGS];
static int count;

static bool
is_needed(Oid function)
{
	return function >= FirstNormalObjectId &&
	       get_func_namespace(function) == get_namespace_oid("edurange", true);
}

static void
around(FmgrHookEventType event, FmgrInfo *function, Datum *level)
{
	if (event == FHET_START)
	{
		*level = Int32GetDatum(NewGUCNestLevel());
		for (int i = 0; i < count; i++)
			(void) set_config_option(settings[i].name, settings[i].value, PGC_USERSET,
			                         PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	}
	else if (event == FHET_END)
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
		settings[count].name = MemoryContextStrdup(TopMemoryContext, line);
		settings[count++].value = MemoryContextStrdup(TopMemoryContext, value);
	}
	fclose(file);
	needs_fmgr_hook = is_needed;
	fmgr_hook = around;
}
