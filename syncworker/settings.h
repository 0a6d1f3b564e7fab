/*
 * settings.h
 *	  The extension's settings, as the worker reads them.
 *
 * They are defined by the module edurange.  A server that preloads the worker without it knows none
 * of them, so each reader names a value of its own.
 */
#ifndef EDURANGE_WORKER_SETTINGS_H
#define EDURANGE_WORKER_SETTINGS_H

#include "postgres.h"

#include "utils/guc.h"

/* The value of a setting, or another one where it is not defined. */
static inline const char *
setting(const char *name, const char *otherwise)
{
	const char *value = GetConfigOption(name, true, false);

	return value != NULL ? value : otherwise;
}

/* The same for a number, in the setting's own unit. */
static inline long
setting_number(const char *name, const char *otherwise)
{
	return strtol(setting(name, otherwise), NULL, 10);
}

#endif
