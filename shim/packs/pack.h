/*
 * pack.h
 *	  A challenge pack on its way to the database: the texts of its files as they came.
 */
#ifndef EDURANGE_SHIM_PACK_H
#define EDURANGE_SHIM_PACK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"

/* What the statements take of a pack, in this order. */
typedef enum PackPart
{
	PACK_ENVELOPE, /* one JSON object with all of it, which the database takes apart */
	PACK_MANIFEST, /* or these three, of a zip */
	PACK_PATHS,
	PACK_DOCUMENTS, /* one for each path */
	PACK_PARTS
} PackPart;

/* Zeroed it holds nothing. */
typedef struct Pack
{
	char *parts[PACK_PARTS]; /* as SQL has them, to be taken out by setting them to NULL */
} Pack;

extern void pack_free(Pack *pack);

/*
 * Reads the pack that a zip holds: pack.json and the files that it names, byte for byte.  Other files
 * beside it or below are in the pack with empty texts.  A file may inflate to at most file_limit bytes,
 * all of them together to ARCHIVE_TOTAL_LIMITS times as many.  False when the archive is not to be
 * trusted; then the failure names the file.  Which files are missing is for the database to say.
 */
extern bool
pack_read_archive(Pack *pack, const char *data, size_t size, size_t file_limit, Failure *failure);

#define ARCHIVE_TOTAL_LIMITS 2

#endif
