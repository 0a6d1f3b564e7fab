/*
 * pack.h
 *	  A challenge pack on its way to the database: the texts of its files as they came.
 */
#ifndef EDURANGE_SHIM_PACK_H
#define EDURANGE_SHIM_PACK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"

#define PACK_BYTES (16 << 20)   /* of an upload, and of one file in it */
#define PACK_DOCUMENT (1 << 20) /* bytes of a file that goes to the database ... */
#define DOCUMENT_VALUES 20000   /* ... and values in it: each takes memory when it is parsed */

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
 * beside it or below are in the pack with empty texts.  A file may inflate to at most PACK_BYTES,
 * all of them together to ARCHIVE_TOTAL.  False when the archive is not to be
 * trusted; then the failure names the file.  Which files are missing is for the database to say.
 */
extern bool pack_read_archive(Pack *pack, const char *data, size_t size, Failure *failure);

#define ARCHIVE_TOTAL (2 * PACK_BYTES)

#endif
