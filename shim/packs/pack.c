/*
 * pack.c
 *	  The files of a zip in memory, on their way to the database.
 *
 * Which of them are a pack is not known here.  Nothing is parsed and written again: the database keeps
 * what was sent, to the byte.  Every file is read to its end, wanted or not: an archive that is broken or
 * too large anywhere is refused.  What it says about sizes is not believed, limits count the bytes that
 * come out.
 */
#include "packs/pack.h"

#include <stdlib.h>
#include <string.h>
#include <sys/param.h>

#include "base/text.h"
#include "base/text_array.h"
#include "packs/zip.h"

#define RATIO_LIMIT 100          /* bytes that come out for each byte that was sent ... */
#define RATIO_FREE (1024 * 1024) /* ... except for so many */

/* One run through the files of an archive. */
typedef struct Reading
{
	char *buffer;        /* for the files that are deflated */
	const char *content; /* of the file at hand */
	size_t length;
	size_t total; /* what came out so far */
	size_t file_limit;
	size_t total_limit;
	size_t ratio_limit;
	TextArray parts[PACK_PARTS]; /* those of a zip */
	Failure *failure;
} Reading;

static bool
reading_begin(Reading *reading, size_t size, size_t file_limit, Failure *failure)
{
	*reading = (Reading){.file_limit = file_limit,
	                     .total_limit = file_limit * ARCHIVE_TOTAL_LIMITS,
	                     .ratio_limit = MAX(size * RATIO_LIMIT, RATIO_FREE),
	                     .failure = failure};
	/* pages that nothing is written to take no memory */
	reading->buffer = malloc(MIN(file_limit, reading->ratio_limit) + 1);
	return reading->buffer != NULL || failure_set(failure, EDURANGE_INTERNAL, "internal error");
}

/* Reads a file to its end, or to the first limit that it meets. */
static bool
read_file(Reading *reading, const ZipFile *file)
{
	size_t left = MIN(reading->total_limit, reading->ratio_limit) - reading->total;
	size_t limit = MIN(reading->file_limit, left);

	if (!zip_read(file, reading->buffer, limit, &reading->content, &reading->length,
	              reading->failure))
		return false;
	reading->total += reading->length;
	if (reading->length > reading->file_limit)
		failure_set(reading->failure, EDURANGE_PAYLOAD_TOO_LARGE,
		            "file \"%s\" in the archive is larger than %zu bytes", file->name,
		            reading->file_limit);
	else if (reading->total > reading->total_limit)
		failure_set(reading->failure, EDURANGE_PAYLOAD_TOO_LARGE,
		            "the files in the archive are larger than %zu bytes in all, at \"%s\"",
		            reading->total_limit, file->name);
	else if (reading->total > reading->ratio_limit)
		failure_set(reading->failure, EDURANGE_PAYLOAD_TOO_LARGE,
		            "the archive inflates to more than %d times its size, at \"%s\"", RATIO_LIMIT,
		            file->name);
	return reading->failure->info == NULL;
}

/* Adds the file at hand. */
static bool
add_file(Reading *reading, const char *name)
{
	const char *sentence = "is larger than a document may be";
	bool is_large = reading->length > DOCUMENT_BYTES;
	EdurangeError fault = is_large ? EDURANGE_PAYLOAD_TOO_LARGE
	                               : text_fault(reading->content, reading->length, &sentence);
	const char *text = fault == EDURANGE_OK ? reading->content : sentence;
	size_t length = fault == EDURANGE_OK ? reading->length : strlen(sentence);
	const char *error = fault == EDURANGE_OK ? "" : errors[fault].name;

	return (text_array_add(&reading->parts[PACK_NAMES], name, strlen(name)) &&
	        text_array_add(&reading->parts[PACK_TEXTS], text, length) &&
	        text_array_add(&reading->parts[PACK_FAULTS], error, strlen(error))) ||
	       failure_set(reading->failure, EDURANGE_INTERNAL, "internal error");
}

bool
pack_read_archive(char *parts[PACK_PARTS], const char *data, size_t size, size_t file_limit,
                  Failure *failure)
{
	Zip zip;
	Reading reading = {0};
	bool fine =
	    zip_open(data, size, &zip, failure) && reading_begin(&reading, size, file_limit, failure);

	for (unsigned i = 0; fine && i < zip.count; i++)
		fine = read_file(&reading, &zip.files[i]) && add_file(&reading, zip.files[i].name);
	for (int i = PACK_NAMES; i < PACK_PARTS; i++)
	{
		if (fine && (parts[i] = text_array_finish(&reading.parts[i])) == NULL)
			fine = failure_set(failure, EDURANGE_INTERNAL, "internal error");
		text_array_free(&reading.parts[i]);
	}
	free(reading.buffer);
	zip_free(&zip);
	return fine;
}
