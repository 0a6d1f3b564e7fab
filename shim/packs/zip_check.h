/*
 * zip_check.h
 *	  Is a zip what it seems to be?  Refuses what lenient readers disagree about.
 */
#ifndef EDURANGE_SHIM_ZIP_CHECK_H
#define EDURANGE_SHIM_ZIP_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"

#define ZIP_MAX_ENTRIES 10000
#define ZIP_MAX_NAME 1024

/* Callback: the name of an entry, directories included (they end in '/'); false breaks off. */
typedef bool (*ZipName)(void *closure, const char *name, Failure *failure);

/*
 * Checks the structure of a zip without inflating anything, and hands on the names in the order of
 * its directory.  Every name is UTF-8, relative and stays below the folder it is seen from.
 */
extern bool
zip_check(const char *data, size_t size, ZipName visit, void *closure, Failure *failure);

#endif
