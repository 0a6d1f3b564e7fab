/*
 * guc.c
 *	  Every setting, with its default, unit and meaning.
 *
 * The worker is a module of its own and reads its settings by name.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "guc.h"

char *guc_database;
bool guc_webos_compatibility;

static char *instance_manager_url;
static bool sync_enabled;
static int sync_interval;
static int sync_timeout;

/* The database is fixed at start; a module loaded later in a session finds the start's value. */
static void
define_worker_settings(void)
{
	DefineCustomStringVariable(
	    "edurange.database",
	    "Database whose instances the sync worker keeps true; empty: no worker.", NULL,
	    &guc_database, "edurange",
	    process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_SIGHUP, 0, NULL, NULL,
	    NULL);
	DefineCustomStringVariable("edurange.instance_manager_url",
	                           "Base URL of the Instance Manager; empty: the worker idles.", NULL,
	                           &instance_manager_url, "", PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("edurange.sync_enabled", "Whether the sync worker polls.", NULL,
	                         &sync_enabled, true, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("edurange.sync_interval", "Time between two polls.", NULL,
	                        &sync_interval, 2000, 100, 3600 * 1000, PGC_SIGHUP, GUC_UNIT_MS, NULL,
	                        NULL, NULL);
	DefineCustomIntVariable(
	    "edurange.sync_timeout", "Time after which a request to the Instance Manager is given up.",
	    NULL, &sync_timeout, 10 * 1000, 100, 600 * 1000, PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);
}

/* Defines all settings; called once when the module is loaded. */
void
guc_define(void)
{
	define_worker_settings();
	DefineCustomBoolVariable(
	    "edurange.webos_compatibility",
	    "Lets a player see the answers of non-flag questions and assert their completion.",
	    "Needed by a WebOS that judges text answers itself. Flags are never shown.",
	    &guc_webos_compatibility, false, PGC_SUSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("edurange");
}
