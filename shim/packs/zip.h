/*
 * zip.h
 *	  The files of a zip in memory, as long as there is only one way to read it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"

#define ZIP_MAX_ENTRIES 10000
#define ZIP_MAX_NAME 1024

/* A file, or a folder, whose name ends in '/'. */
typedef struct ZipFile
{
	char *name;      /* relative, leads nowhere but down; bytes that are not UTF-8 as \xe9 */
	uint64_t packed; /* bytes of its data, */
	uint64_t size;   /* and of its content */
	const unsigned char *entry; /* these three are places in the archive: in its directory, */
	const unsigned char *local; /* of the header in front of the data, */
	const unsigned char *data;  /* and of the data */
} ZipFile;

typedef struct Zip
{
	ZipFile *files; /* in the order of their data */
	unsigned count;
} Zip;

/*
 * Finds the files, which stay where they are; inflates nothing.  False and a failure when the archive
 * can be read in more than one way.  The zip is to be freed in any case.
 */
extern bool zip_open(const char *data, size_t size, Zip *zip, Failure *failure);

/*
 * Reads a file to its end and compares size and checksum.  The content is in the archive, or in the
 * buffer, which has room for limit + 1 bytes.  A length above the limit says that there is more than
 * that, and nothing is known of the rest.
 */
extern bool zip_read(const ZipFile *file, char *buffer, size_t limit, const char **content,
                     size_t *length, Failure *failure);

extern void zip_free(Zip *zip);
