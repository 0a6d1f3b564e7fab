/*
 * pack_archive.c
 *	  A challenge pack out of a zip in memory.
 *
 * zip_check.c has seen to it that there is only one way to read the archive; libarchive inflates.
 * Every file is read to its end and its checksum compared, also those that are not wanted, so that
 * what is broken or too large anywhere is refused.  What an archive says about sizes is not
 * believed: limits count the bytes that come out.
 */
#include "packs/pack_archive.h"

#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <archive.h>
#include <archive_entry.h>

#include "packs/zip_check.h"

#define FIRST_ROOM (64 * 1024)
#define RATIO_LIMIT 100          /* bytes that come out for each byte that was sent ... */
#define RATIO_FREE (1024 * 1024) /* ... except for so many */
#define ERROR_TEXT_LIMIT 200

/* What the names in an archive tell. */
typedef struct Survey
{
	json_t *names;  /* all files, as keys */
	char *manifest; /* the name of the shallowest pack.json; NULL: none */
	char *other;    /* another one as deep */
	int depth;
	int entries; /* files and folders */
} Survey;

/* One run through the files of an archive. */
typedef struct Reading
{
	struct archive *zip;
	struct archive_entry *entry;
	const char *name;
	char *content; /* of the file at hand */
	size_t length;
	size_t room;
	size_t total; /* what came out so far */
	size_t file_limit;
	size_t total_limit;
	size_t ratio_limit;
	int entries;
	Failure *failure;
} Reading;

/* File names are UTF-8 whatever the locale of the process; libarchive converts to the thread's. */
static locale_t utf8_locale;

static void
make_locale(void)
{
	utf8_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t) 0);
}

static locale_t
use_utf8(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_locale);
	return utf8_locale != (locale_t) 0 ? uselocale(utf8_locale) : uselocale((locale_t) 0);
}

/* ---- names ----------------------------------------------------------------------------------- */

/* The last part of a name. */
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

/* Callback: notes a file, and whether it is the manifest. */
static bool
note_name(void *closure, const char *name, Failure *failure)
{
	Survey *survey = closure;
	const char *base = base_of(name);
	int depth = depth_of(name);

	survey->entries++;
	if (*base == '\0')
		return true;
	if (json_object_get(survey->names, name) != NULL)
	{
		failure_set(failure, EDURANGE_ARCHIVE_INVALID, "file \"%s\" is in the archive twice", name);
		return false;
	}
	json_object_set_new(survey->names, name, json_true());
	if (strcmp(base, MANIFEST_NAME) != 0 || is_litter(name) ||
	    (survey->manifest != NULL && depth > survey->depth))
		return true;
	if (survey->manifest == NULL || depth < survey->depth)
	{
		free(survey->manifest);
		free(survey->other);
		survey->manifest = strdup(name);
		survey->other = NULL;
		survey->depth = depth;
	}
	else if (survey->other == NULL)
		survey->other = strdup(name);
	return true;
}

/* Reads all names; false when they tell of no pack, or of more than one. */
static bool
survey_names(const char *data, size_t size, Survey *survey, Failure *failure)
{
	survey->names = json_object();
	if (!zip_check(data, size, note_name, survey, failure))
		return false;
	if (survey->manifest == NULL)
		failure_set(failure, EDURANGE_ARCHIVE_INVALID, "pack.json not found in the archive");
	else if (survey->other != NULL)
		failure_set(failure, EDURANGE_ARCHIVE_INVALID,
		            "the archive has more than one pack.json: \"%s\" and \"%s\"", survey->manifest,
		            survey->other);
	return failure->info == NULL;
}

static void
survey_free(Survey *survey)
{
	json_decref(survey->names);
	free(survey->manifest);
	free(survey->other);
}

/* ---- contents -------------------------------------------------------------------------------- */

/* Refuses a file, or the whole archive, for what libarchive found. */
static bool
refuse_file(Reading *reading)
{
	const char *reason = archive_error_string(reading->zip);

	if (reading->name != NULL)
		failure_set(reading->failure, EDURANGE_ARCHIVE_INVALID,
		            "file \"%s\" in the archive is broken", reading->name);
	else
		failure_set(reading->failure, EDURANGE_ARCHIVE_INVALID, "the archive is broken");
	if (reason != NULL)
		reading->failure->detail = strndup(reason, strcspn(reason, "\n"));
	return false;
}

/* Begins a run. */
static bool
reading_open(Reading *reading, const char *data, size_t size, size_t file_limit, Failure *failure)
{
	size_t ratio_limit = size * RATIO_LIMIT;

	*reading = (Reading){.zip = archive_read_new(),
	                     .file_limit = file_limit,
	                     .total_limit = file_limit * ARCHIVE_TOTAL_LIMITS,
	                     .ratio_limit = ratio_limit > RATIO_FREE ? ratio_limit : RATIO_FREE,
	                     .failure = failure};
	if (reading->zip == NULL)
	{
		failure_set(failure, EDURANGE_INTERNAL, "internal error");
		return false;
	}
	if (archive_read_support_format_zip_seekable(reading->zip) != ARCHIVE_OK ||
	    archive_read_open_memory(reading->zip, data, size) != ARCHIVE_OK)
		return refuse_file(reading);
	return true;
}

static void
reading_close(Reading *reading)
{
	archive_read_free(reading->zip);
	free(reading->content);
}

/*
 * The next file, whose name is in the reading until the one after it; false at the end, and for what
 * is no file.  libarchive's warnings, too, are about archives that contradict themselves.
 */
static bool
reading_next(Reading *reading)
{
	int outcome;

	reading->name = NULL;
	do
	{
		outcome = archive_read_next_header(reading->zip, &reading->entry);
		if (outcome == ARCHIVE_EOF)
			return false;
		if (outcome == ARCHIVE_WARN)
			reading->name = archive_entry_pathname(reading->entry);
		if (outcome != ARCHIVE_OK)
			return refuse_file(reading);
		reading->entries++;
	} while (archive_entry_filetype(reading->entry) == AE_IFDIR);
	reading->name = archive_entry_pathname(reading->entry);
	if (reading->name == NULL)
		return refuse_file(reading);
	if (archive_entry_filetype(reading->entry) == AE_IFREG)
		return true;
	failure_set(reading->failure, EDURANGE_ARCHIVE_INVALID,
	            "\"%s\" in the archive is no regular file", reading->name);
	return false;
}

/* Counts what came out against the limits. */
static bool
check_limits(Reading *reading)
{
	if (reading->length > reading->file_limit)
		failure_set(reading->failure, EDURANGE_PAYLOAD_TOO_LARGE,
		            "file \"%s\" in the archive is larger than %zu bytes", reading->name,
		            reading->file_limit);
	else if (reading->total > reading->total_limit)
		failure_set(reading->failure, EDURANGE_PAYLOAD_TOO_LARGE,
		            "the files in the archive are larger than %zu bytes in all, at \"%s\"",
		            reading->total_limit, reading->name);
	else if (reading->total > reading->ratio_limit)
		failure_set(reading->failure, EDURANGE_PAYLOAD_TOO_LARGE,
		            "the archive inflates to more than %d times its size, at \"%s\"", RATIO_LIMIT,
		            reading->name);
	return reading->failure->info == NULL;
}

static bool
make_room(Reading *reading)
{
	size_t room = reading->room > 0 ? reading->room * 2 : FIRST_ROOM;
	char *larger = realloc(reading->content, room);

	if (larger == NULL)
	{
		failure_set(reading->failure, EDURANGE_INTERNAL, "internal error");
		return false;
	}
	reading->content = larger;
	reading->room = room;
	return true;
}

/* Reads the file at hand to its end. */
static bool
reading_content(Reading *reading)
{
	la_ssize_t count;

	reading->length = 0;
	do
	{
		if (reading->length == reading->room && !make_room(reading))
			return false;
		count = archive_read_data(reading->zip, reading->content + reading->length,
		                          reading->room - reading->length);
		if (count < 0)
			return refuse_file(reading);
		reading->length += (size_t) count;
		reading->total += (size_t) count;
		if (!check_limits(reading))
			return false;
	} while (count > 0);
	return true;
}

/* ---- packs ----------------------------------------------------------------------------------- */

/* Reads the manifest, wherever in the archive it is. */
static bool
read_manifest(Reading *reading, const char *name, Pack *pack)
{
	while (reading_next(reading))
	{
		if (strcmp(reading->name, name) == 0)
			return reading_content(reading) &&
			       pack_set_manifest(pack, reading->content, reading->length, reading->failure);
	}
	/* zip_check.c saw the name: only an archive that is broken otherwise hides it again */
	return reading->failure->info == NULL ? refuse_file(reading) : false;
}

/*
 * Adds the file at hand, which lies beside the manifest or below.  Of files that the manifest does
 * not name only the paths are kept, for the report.
 */
static bool
add_file(Reading *reading, const char *path, const json_t *wanted, Pack *pack)
{
	bool named = json_object_get(wanted, path) != NULL;

	if (!named && strcmp(path, MANIFEST_NAME) == 0)
		return true;
	return pack_add_document(pack, path, reading->content, named ? reading->length : 0,
	                         reading->failure);
}

/* Reads all files. */
static bool
read_documents(Reading *reading, const Survey *survey, Pack *pack)
{
	size_t folder = (size_t) (base_of(survey->manifest) - survey->manifest);
	json_t *wanted = pack_challenges(pack);

	while (reading_next(reading) && reading_content(reading))
	{
		if (strncmp(reading->name, survey->manifest, folder) == 0 && !is_litter(reading->name) &&
		    !add_file(reading, reading->name + folder, wanted, pack))
			break;
	}
	json_decref(wanted);
	if (reading->failure->info == NULL && reading->entries != survey->entries)
		failure_set(reading->failure, EDURANGE_ARCHIVE_INVALID,
		            "the archive has entries that share their data");
	return reading->failure->info == NULL;
}

bool
archive_read_pack(const char *data, size_t size, size_t file_limit, Pack *pack, Failure *failure)
{
	Survey survey = {0};
	Reading reading = {0};
	locale_t before = use_utf8();
	bool fine = survey_names(data, size, &survey, failure) &&
	            reading_open(&reading, data, size, file_limit, failure) &&
	            read_manifest(&reading, survey.manifest, pack);

	reading_close(&reading);
	reading = (Reading){0};
	fine = fine && reading_open(&reading, data, size, file_limit, failure) &&
	       read_documents(&reading, &survey, pack);
	reading_close(&reading);
	survey_free(&survey);
	uselocale(before);
	return fine;
}
