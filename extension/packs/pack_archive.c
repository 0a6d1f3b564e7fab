/*
 * pack_archive.c
 *	  The pack among the files of an archive, which may hold other files, too.
 *
 * The manifest is the shallowest pack.json; all that matters lies beside it or below.  What desktops
 * leave in folders is passed over without a word.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/refusal.h"
#include "base/rows.h"
#include "base/statements.h"
#include "cdf/document_check.h"
#include "packs/pack_archive.h"
#include "packs/pack_files.h"

typedef enum StatementId
{
	NAMED,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* What the manifest $1 names; whether it may is judged later. */
    [NAMED] = {"SELECT coalesce(array_agg(path), '{}') FROM jsonb_array_elements_text("
               "CASE jsonb_typeof($1 -> 'challenges') WHEN 'array' THEN $1 -> 'challenges'"
               " ELSE '[]' END) AS e (path) WHERE path IS NOT NULL",
               {JSONBOID},
               .reads = true},
};

typedef struct Archive
{
	int count;
	char **names;
	Datum *texts;
	Datum *faults;
} Archive;

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
	static const char *const litter[] = {".DS_Store", "Icon\r", "Thumbs.db", "desktop.ini"};
	const char *base = base_of(name);

	for (int i = 0; i < lengthof(litter); i++)
		if (pg_strcasecmp(base, litter[i]) == 0)
			return true;
	return strncmp(name, "__MACOSX/", 9) == 0 || strstr(name, "/__MACOSX/") != NULL ||
	       strncmp(base, "._", 2) == 0;
}

static int
depth_of(const char *name)
{
	int depth = 0;

	for (const char *at = strchr(name, '/'); at != NULL; at = strchr(at + 1, '/'))
		depth++;
	return depth;
}

/* What goes with the names must be as many; a name must be one that can be shown. */
static void
read_archive(Archive *archive, FunctionCallInfo fcinfo, int argument)
{
	Datum *names;

	archive->count = pack_texts(fcinfo, argument, "names", &names);
	if (pack_texts(fcinfo, argument + 1, "texts", &archive->texts) != archive->count ||
	    pack_texts(fcinfo, argument + 2, "faults", &archive->faults) != archive->count)
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameters \"names\", \"texts\" and \"faults\" must have as many elements");
	archive->names = palloc(sizeof(char *) * Max(archive->count, 1));
	for (int i = 0; i < archive->count; i++)
	{
		char *name = TextDatumGetCString(names[i]);

		archive->names[i] = name;
		for (const char *c = name; *c != '\0'; c++)
			if (((unsigned char) *c < 0x20 || *c == 0x7f) && !is_litter(name))
				raise_error(EDURANGE_ARCHIVE_INVALID,
				            "the archive has a file name that is not a plain relative path: \"%s\"",
				            name);
	}
}

/* The number of the manifest. */
static int
find_manifest(const Archive *archive)
{
	int found = -1;
	int other = -1;

	for (int i = 0; i < archive->count; i++)
	{
		int depth = depth_of(archive->names[i]);

		if (strcmp(base_of(archive->names[i]), MANIFEST_PATH) != 0 || is_litter(archive->names[i]))
			continue;
		if (found < 0 || depth < depth_of(archive->names[found]))
		{
			found = i;
			other = -1;
		}
		else if (other < 0 && depth == depth_of(archive->names[found]))
			other = i;
	}
	if (found < 0)
		raise_error(EDURANGE_ARCHIVE_INVALID, "pack.json not found in the archive");
	if (other >= 0)
		raise_error(EDURANGE_ARCHIVE_INVALID,
		            "the archive has more than one pack.json: \"%s\" and \"%s\"",
		            archive->names[found], archive->names[other]);
	return found;
}

/* The text of a file that is wanted. */
static Datum
text_of(const Archive *archive, int number, const char *path)
{
	static const struct
	{
		const char *name;
		EdurangeError error;
	} faults[] = {{"payload_too_large", EDURANGE_PAYLOAD_TOO_LARGE},
	              {"invalid_text", EDURANGE_INVALID_TEXT},
	              {"invalid_encoding", EDURANGE_INVALID_ENCODING}};
	const char *fault = TextDatumGetCString(archive->faults[number]);

	for (int i = 0; i < lengthof(faults); i++)
		if (strcmp(fault, faults[i].name) == 0)
			raise_error(faults[i].error, "file \"%s\" %s", path,
			            TextDatumGetCString(archive->texts[number]));
	return archive->texts[number];
}

static int
compare_keys(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* The sorted keys of the paths that the manifest names. */
static char **
wanted_keys(const char *manifest, int *count)
{
	Refusal refusal = {0};
	Jsonb *json = manifest_parse(manifest, &refusal);
	NullableDatum paths;
	Datum *named;
	char **keys;

	if (json == NULL)
		raise_of_file(MANIFEST_PATH, &refusal);
	statements_begin();
	STATEMENT_RUN(&statements[NAMED], value_jsonb(json));
	paths = row_result(0, 1, TEXTARRAYOID);
	statements_end();
	deconstruct_array(DatumGetArrayTypeP(paths.value), TEXTOID, -1, false, TYPALIGN_INT, &named,
	                  NULL, count);
	keys = palloc_extended(sizeof(char *) * Max(*count, 1), MCXT_ALLOC_HUGE);
	for (int i = 0; i < *count; i++)
		keys[i] = pack_path_key(TextDatumGetCString(named[i]));
	qsort(keys, *count, sizeof(char *), compare_keys);
	return keys;
}

void
pack_archive_read(FunctionCallInfo fcinfo, int argument, NullableDatum parts[3])
{
	Archive archive;
	Datum *paths;
	Datum *texts;
	Datum nothing = CStringGetTextDatum("");
	int manifest;
	const char *folder;
	char **wanted;
	int wanted_count;
	int count = 0;

	read_archive(&archive, fcinfo, argument);
	manifest = find_manifest(&archive);
	parts[0] = (NullableDatum){.value = text_of(&archive, manifest, MANIFEST_PATH)};
	wanted = wanted_keys(TextDatumGetCString(parts[0].value), &wanted_count);
	folder = archive.names[manifest];
	paths = palloc(sizeof(Datum) * archive.count);
	texts = palloc(sizeof(Datum) * archive.count);
	for (int i = 0; i < archive.count; i++)
	{
		size_t length = base_of(folder) - folder;
		const char *name = archive.names[i];
		const char *path = name + length;
		char *key;

		if (i == manifest || strncmp(name, folder, length) != 0 || *base_of(name) == '\0' ||
		    is_litter(name))
			continue;
		key = pack_path_key(path);
		paths[count] = CStringGetTextDatum(path);
		texts[count++] = bsearch(&key, wanted, wanted_count, sizeof(char *), compare_keys) != NULL
		                     ? text_of(&archive, i, path)
		                     : nothing;
	}
	parts[1].value =
	    PointerGetDatum(construct_array(paths, count, TEXTOID, -1, false, TYPALIGN_INT));
	parts[2].value =
	    PointerGetDatum(construct_array(texts, count, TEXTOID, -1, false, TYPALIGN_INT));
	parts[1].isnull = parts[2].isnull = false;
}
