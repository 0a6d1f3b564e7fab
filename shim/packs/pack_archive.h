/*
 * pack_archive.h
 *	  A challenge pack out of a zip in memory.
 */
#ifndef EDURANGE_SHIM_PACK_ARCHIVE_H
#define EDURANGE_SHIM_PACK_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"
#include "packs/pack.h"

/*
 * Reads the pack that a zip holds: pack.json and the files that it names, byte for byte.  Other files
 * beside it or below are in the pack with empty texts.  A file may inflate to at most file_limit bytes,
 * all of them together to ARCHIVE_TOTAL_LIMITS times as many.  False when the archive is not to be
 * trusted; then the failure names the file.  Which files are missing is for the database to say.
 */
extern bool
archive_read_pack(const char *data, size_t size, size_t file_limit, Pack *pack, Failure *failure);

#define ARCHIVE_TOTAL_LIMITS 4

#endif
