/*
 * pack.c
 *	  A challenge pack out of a zip in memory.
 *
 * Nothing is parsed and written again: the database keeps what was sent, to the byte.  Every file is read to its end, wanted or not: an archive that is broken or too large anywhere is
 * refused.  What it says about sizes is not believed, limits count the bytes that come out.
 */
#include "packs/pack.h"

#include <stdlib.h>
#include <string.h>

#include <uninorm.h>

#include "base/text.h"
#include "base/text_array.h"
#include "packs/zip.h"

#define MANIFEST_NAME "pack.json"
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
	TextArray paths; /* of the files so far, and what is in them */
	TextArray documents;
	Failure *failure;
} Reading;

/* ---- names ----------------------------------------------------------------------------------- */

/* The part of a name behind its last slash; empty for a folder. */
static const char *
base_of(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash != NULL ? slash + 1 : name;
}

/* Is it something that a desktop put beside the files? */
static bool
is_litter(const char *name)
{
	const char *base = base_of(name);

	return strncmp(name, "__MACOSX/", 9) == 0 || strstr(name, "/__MACOSX/") != NULL ||
	       strncmp(base, "._", 2) == 0 || strcmp(base, ".DS_Store") == 0;
}

static int
depth_of(const char *name)
{
	int depth = 0;

	for (const char *at = strchr(name, '/'); at != NULL; at = strchr(at + 1, '/'))
		depth++;
	return depth;
}

/* The shallowest pack.json; NULL when there is none, or more than one as deep. */
static const ZipFile *
find_manifest(const Zip *zip, Failure *failure)
{
	const ZipFile *found = NULL;
	const ZipFile *other = NULL;

	for (unsigned i = 0; i < zip->count; i++)
	{
		const ZipFile *file = &zip->files[i];

		if (strcmp(base_of(file->name), MANIFEST_NAME) != 0 || is_litter(file->name))
			continue;
		if (found == NULL || depth_of(file->name) < depth_of(found->name))
		{
			found = file;
			other = NULL;
		}
		else if (other == NULL && depth_of(file->name) == depth_of(found->name))
			other = file;
	}
	if (found == NULL)
		failure_set(failure, EDURANGE_ARCHIVE_INVALID, "pack.json not found in the archive");
	else if (other != NULL)
		failure_set(failure, EDURANGE_ARCHIVE_INVALID,
		            "the archive has more than one pack.json: \"%s\" and \"%s\"", found->name,
		            other->name);
	return other == NULL ? found : NULL;
}

/* ---- contents -------------------------------------------------------------------------------- */

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

static bool
reading_begin(Reading *reading, size_t size, size_t file_limit, Failure *failure)
{
	size_t ratio_limit = size * RATIO_LIMIT;

	*reading = (Reading){.file_limit = file_limit,
	                     .total_limit = file_limit * ARCHIVE_TOTAL_LIMITS,
	                     .ratio_limit = ratio_limit > RATIO_FREE ? ratio_limit : RATIO_FREE,
	                     .failure = failure};
	/* pages that nothing is written to take no memory */
	reading->buffer = malloc(smaller(file_limit, reading->ratio_limit) + 1);
	return reading->buffer != NULL || failure_set(failure, EDURANGE_INTERNAL, "internal error");
}

/* Reads a file to its end, or to the first limit that it meets. */
static bool
read_file(Reading *reading, const ZipFile *file)
{
	size_t left = smaller(reading->total_limit, reading->ratio_limit) - reading->total;
	size_t limit = smaller(reading->file_limit, left);

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

/* ---- packs ----------------------------------------------------------------------------------- */

/* Is the file at hand text that the database can store, and parse at a fair price? */
static bool
check_content(const Reading *reading, const char *path)
{
	EdurangeError fault = text_fault(reading->content, reading->length);
	JsonSize size = json_size(reading->content, reading->length);

	if (size.depth > JSON_MAX_DEPTH)
		return failure_set(reading->failure, EDURANGE_TOO_DEEP, "file \"%s\" is nested too deeply",
		                   path);
	if (reading->length > DOCUMENT_BYTES || size.values > DOCUMENT_VALUES)
		return failure_set(reading->failure, EDURANGE_PAYLOAD_TOO_LARGE,
		                   "file \"%s\" may have at most %d bytes and %d values", path,
		                   DOCUMENT_BYTES, DOCUMENT_VALUES);
	if (fault != EDURANGE_OK)
		failure_set(reading->failure, fault,
		            fault == EDURANGE_INVALID_TEXT ? "file \"%s\" has a null byte"
		                                           : "file \"%s\" is not valid UTF-8",
		            path);
	return fault == EDURANGE_OK;
}

/*
 * The path with each accented letter as one character, to be freed.  macOS writes letter and accent as
 * two, and a manifest typed by hand has one.
 */
static char *
compose(const char *path)
{
	size_t length;

	return (char *) u8_normalize(UNINORM_NFC, (const uint8_t *) path, strlen(path) + 1, NULL,
	                             &length);
}

/*
 * The paths that the manifest at hand names, as it spells them; the keys are the composed ones.  What
 * else is wrong with it is for the database to say.
 */
static json_t *
wanted_paths(const Reading *reading)
{
	json_t *wanted = json_object();
	json_t *manifest;
	json_error_t error;
	json_t *path;
	size_t i;

	manifest = json_loadb(reading->content, reading->length,
	                      JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);
	if (manifest == NULL && json_error_code(&error) == json_error_numeric_overflow)
		failure_set(reading->failure, EDURANGE_OUT_OF_RANGE,
		            "file \"" MANIFEST_NAME "\" holds a number that is out of range");
	json_array_foreach(json_object_get(manifest, "challenges"), i, path)
	{
		char *composed = json_is_string(path) ? compose(json_string_value(path)) : NULL;

		json_object_set(wanted, composed, path);
		free(composed);
	}
	json_decref(manifest);
	return wanted;
}

static bool
read_manifest(Reading *reading, const ZipFile *file, char **manifest)
{
	if (!read_file(reading, file) || !check_content(reading, MANIFEST_NAME))
		return false;
	*manifest = strndup(reading->content, reading->length);
	return *manifest != NULL || failure_set(reading->failure, EDURANGE_INTERNAL, "internal error");
}

static bool
add_document(Reading *reading, const char *path, const char *document, size_t length)
{
	return (text_array_add(&reading->paths, path, strlen(path)) &&
	        text_array_add(&reading->documents, document, length)) ||
	       failure_set(reading->failure, EDURANGE_INTERNAL, "internal error");
}

/*
 * Adds the file at hand, if it lies beside the manifest or below.  The database gets the path as the
 * manifest spells it; of a file that the manifest does not name it gets only the path, for the report.
 */
static bool
add_file(Reading *reading, const char *name, const char *manifest, const json_t *wanted)
{
	size_t folder = (size_t) (base_of(manifest) - manifest);
	const char *named;
	char *composed;

	if (strncmp(name, manifest, folder) != 0 || *base_of(name) == '\0' || is_litter(name))
		return true;
	composed = compose(name + folder);
	named = json_string_value(json_object_get(wanted, composed));
	free(composed);
	if (named != NULL)
		return check_content(reading, named) &&
		       add_document(reading, named, reading->content, reading->length);
	return strcmp(name, manifest) == 0 || add_document(reading, name + folder, "", 0);
}

/* Reads all files, the manifest as one of them. */
static bool
read_documents(Reading *reading, const Zip *zip, const char *manifest, const json_t *wanted)
{
	bool fine = reading->failure->info == NULL;

	reading->total = 0;
	for (unsigned i = 0; fine && i < zip->count; i++)
		fine = read_file(reading, &zip->files[i]) &&
		       add_file(reading, zip->files[i].name, manifest, wanted);
	return fine;
}

bool
pack_read_archive(Pack *pack, const char *data, size_t size, size_t file_limit, Failure *failure)
{
	Zip zip;
	Reading reading = {0};
	const ZipFile *manifest;

	if (zip_open(data, size, &zip, failure) && (manifest = find_manifest(&zip, failure)) != NULL &&
	    reading_begin(&reading, size, file_limit, failure) &&
	    read_manifest(&reading, manifest, &pack->parts[PACK_MANIFEST]))
	{
		json_t *wanted = wanted_paths(&reading);

		if (read_documents(&reading, &zip, manifest->name, wanted))
		{
			pack->parts[PACK_PATHS] = text_array_finish(&reading.paths);
			pack->parts[PACK_DOCUMENTS] = text_array_finish(&reading.documents);
		}
		json_decref(wanted);
	}
	text_array_free(&reading.paths);
	text_array_free(&reading.documents);
	free(reading.buffer);
	zip_free(&zip);
	if (failure->info == NULL && pack->parts[PACK_DOCUMENTS] == NULL)
		failure_set(failure, EDURANGE_INTERNAL, "internal error");
	return failure->info == NULL;
}

void
pack_free(Pack *pack)
{
	for (int i = 0; i < PACK_PARTS; i++)
		free(pack->parts[i]);
	*pack = (Pack){0};
}
