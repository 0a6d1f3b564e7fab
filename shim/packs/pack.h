/*
 * pack.h
 *	  A challenge pack on its way to the database: the texts of its files as they came.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"

/* What the statements take of a pack, in this order. */
typedef enum PackPart
{
	PACK_ENVELOPE, /* one JSON object with all of it, which the database takes apart */
	PACK_NAMES,    /* or these three, of a zip: of each file its name, */
	PACK_TEXTS,    /* what is in it, or what is wrong with that, */
	PACK_FAULTS,   /* and the name of the error that this is; empty: none */
	PACK_PARTS
} PackPart;

/*
 * Reads the files of a zip, byte for byte; which of them are the pack is for the database to say.  A file
 * may inflate to at most file_limit bytes, all of them together to ARCHIVE_TOTAL_LIMITS times as many.
 * False when the archive is not to be trusted; then the failure names the file.
 */
extern bool pack_read_archive(char *parts[PACK_PARTS], const char *data, size_t size,
                              size_t file_limit, Failure *failure);

#define ARCHIVE_TOTAL_LIMITS 2
