/*
 * pack_archive.c
 *	  A challenge pack out of a zip in memory.
 *
 * Every file is read to its end, wanted or not: an archive that is broken or too large anywhere is
 * refused.  What it says about sizes is not believed, limits count the bytes that come out.
 */
#include "packs/pack_archive.h"

#include <stdlib.h>
#include <string.h>

#include <uninorm.h>

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
	if (reading->buffer == NULL)
		failure_set(failure, EDURANGE_INTERNAL, "internal error");
	return reading->buffer != NULL;
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

static bool
read_manifest(Reading *reading, const ZipFile *manifest, Pack *pack)
{
	return read_file(reading, manifest) &&
	       pack_set_manifest(pack, reading->content, reading->length, reading->failure);
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

/* The paths that the manifest names, as it spells them; the keys are the composed ones. */
static json_t *
wanted_paths(const Pack *pack)
{
	json_t *wanted = json_object();
	json_t *paths = pack_challenges(pack);
	const char *path;
	json_t *value;

	json_object_foreach(paths, path, value)
	{
		char *composed = compose(path);

		json_object_set_new(wanted, composed, json_string(path));
		free(composed);
	}
	json_decref(paths);
	return wanted;
}

/*
 * Adds the file at hand, if it lies beside the manifest or below.  The database gets the path as the
 * manifest spells it; of a file that the manifest does not name it gets only the path, for the report.
 */
static bool
add_file(const Reading *reading, const char *name, const char *manifest, const json_t *wanted,
         Pack *pack)
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
		return pack_add_document(pack, named, reading->content, reading->length, reading->failure);
	return strcmp(name, manifest) == 0 ||
	       pack_add_document(pack, name + folder, "", 0, reading->failure);
}

static bool
read_documents(Reading *reading, const Zip *zip, const char *manifest, Pack *pack)
{
	json_t *wanted = wanted_paths(pack);
	bool fine = true;

	for (unsigned i = 0; fine && i < zip->count; i++)
		fine = read_file(reading, &zip->files[i]) &&
		       add_file(reading, zip->files[i].name, manifest, wanted, pack);
	json_decref(wanted);
	return fine;
}

bool
archive_read_pack(const char *data, size_t size, size_t file_limit, Pack *pack, Failure *failure)
{
	Zip zip;
	Reading reading = {0};
	const ZipFile *manifest;
	bool fine = zip_open(data, size, &zip, failure) &&
	            (manifest = find_manifest(&zip, failure)) != NULL &&
	            reading_begin(&reading, size, file_limit, failure) &&
	            read_manifest(&reading, manifest, pack);

	/* it comes once more in its turn, and counts there */
	reading.total = 0;
	fine = fine && read_documents(&reading, &zip, manifest->name, pack);
	free(reading.buffer);
	zip_free(&zip);
	return fine;
}
