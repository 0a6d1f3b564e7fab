/*
 * pack_files.c
 *	  The files of a pack: its manifest and the documents that it names.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "base/arguments.h"
#include "base/json_text.h"
#include "base/refusal.h"
#include "base/rows.h"
#include "base/statements.h"
#include "cdf/document_check.h"
#include "packs/pack_files.h"
#include "text/plain_text.h"

#define LONGEST_LIST 500000 /* bytes of violations */
#define MOST_FILES 100000   /* an empty text is four bytes as it comes, and a hundred as a file */

typedef enum StatementId
{
	MANIFEST,
	CHALLENGES,
	DEPENDENCIES,
	WITH_FILE,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    [MANIFEST] = {"SELECT $1 ->> 'id', $1 ->> 'name', $1 ->> 'version'", {JSONBOID}, .reads = true},
    [CHALLENGES] = {"SELECT path FROM jsonb_array_elements_text($1 -> 'challenges')"
                    " WITH ORDINALITY AS e (path, position) ORDER BY position",
                    {JSONBOID},
                    .reads = true},
    [DEPENDENCIES] = {"SELECT key, value FROM jsonb_each_text(coalesce($1 -> 'dependencies', '{}'))"
                      " AS e (key, value)",
                      {JSONBOID},
                      .reads = true},
    /* The violations $1 as members of a JSON list, of the file $2. */
    [WITH_FILE] = {"SELECT string_agg(json_build_object('path', v -> 'path',"
                   " 'keyword', v -> 'keyword', 'message', v -> 'message', 'file', $2)::text, ','"
                   " ORDER BY position)"
                   " FROM json_array_elements($1::json) WITH ORDINALITY AS e (v, position)",
                   {TEXTOID, TEXTOID},
                   .reads = true},
};

/* What is said of a path. */
static char *
shown(const char *path)
{
	return json_excerpt(path, (int) strlen(path));
}

/* Adds what a list of violations says of a file; NULL says nothing. */
static void
add_violations(StringInfo list, const char *violations, const char *file)
{
	if (violations == NULL)
		return;
	STATEMENT_RUN(&statements[WITH_FILE], value_text(violations), value_text(shown(file)));
	if (list->len > 0)
		appendStringInfoChar(list, ',');
	appendStringInfoString(list, row_text(0, 1));
}

/* Is there more than anybody reads?  What else is wrong is not looked for then. */
static bool
is_long(const StringInfoData *violations)
{
	return violations->len > LONGEST_LIST;
}

/* Adds one violation that no schema knows. */
static void
add_violation(StringInfo list, const char *file, const char *path, const char *keyword,
              const char *message)
{
	StringInfoData violation;

	initStringInfo(&violation);
	appendStringInfo(&violation, "[{\"path\":");
	escape_json(&violation, path);
	appendStringInfo(&violation, ",\"keyword\":\"%s\",\"message\":", keyword);
	escape_json(&violation, message);
	appendStringInfoString(&violation, "}]");
	add_violations(list, violation.data, file);
}

int
pack_texts(FunctionCallInfo fcinfo, int argument, const char *name, Datum **texts)
{
	ArrayType *array;
	int count;

	require_argument(fcinfo, argument, name);
	array = PG_GETARG_ARRAYTYPE_P(argument);
	if (ARR_NDIM(array) > 1 || array_contains_nulls(array))
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"%s\" must be a list of texts without a null", name);
	if (ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) > MOST_FILES)
		raise_error(EDURANGE_PAYLOAD_TOO_LARGE, "parameter \"%s\" has more than %d elements", name,
		            MOST_FILES);
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, texts, NULL, &count);
	return count;
}

static void
read_arguments(PackFiles *files, FunctionCallInfo fcinfo)
{
	Datum *paths;
	Datum *documents;

	files->manifest_text = required_text(fcinfo, 0, "manifest");
	files->count = pack_texts(fcinfo, 1, "paths", &paths);
	if (pack_texts(fcinfo, 2, "documents", &documents) != files->count)
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"documents\" must have as many elements as \"paths\"");
	files->files = palloc0(sizeof(PackFile) * Max(files->count, 1));
	for (int i = 0; i < files->count; i++)
	{
		files->files[i].path = TextDatumGetCString(paths[i]);
		files->files[i].key = pack_path_key(files->files[i].path);
		files->files[i].text = TextDatumGetCString(documents[i]);
	}
}

char *
pack_path_key(const char *path)
{
	while (strncmp(path, "./", 2) == 0)
		path += 2;
	return composed(path);
}

_Noreturn void
raise_of_file(const char *path, Refusal *refusal)
{
	refusal->message = psprintf("file \"%s\": %s", shown(path), refusal->message);
	raise_refusal(refusal);
}

/* The ranges of the versions that are needed must be readable; they are judged later. */
static void
check_dependencies(PackFiles *files, StringInfo violations)
{
	uint64 count = STATEMENT_RUN(&statements[DEPENDENCIES], value_jsonb(files->manifest));
	char **names = palloc(sizeof(char *) * Max(count, 1));
	char **ranges = palloc(sizeof(char *) * Max(count, 1));

	for (uint64 i = 0; i < count; i++)
	{
		names[i] = row_text(i, 1);
		ranges[i] = row_text(i, 2);
	}
	for (uint64 i = 0; i < count && !is_long(violations); i++)
	{
		StringInfoData path;
		bool is_valid;

		CHECK_FOR_INTERRUPTS();
		initStringInfo(&path);
		appendStringInfoString(&path, "/dependencies");
		json_pointer_key(&path, names[i], (int) strlen(names[i]));
		(void) version_in_range(&files->parsed_version, ranges[i], &is_valid);
		if (!is_valid)
			add_violation(violations, MANIFEST_PATH, path.data, "format",
			              "must be a range of versions such as ^1.2.0");
		if (strcmp(names[i], files->id) == 0)
			add_violation(violations, MANIFEST_PATH, path.data, "not", "a pack cannot need itself");
	}
}

/* Reads and checks the manifest; false when the documents need not be looked at. */
static bool
read_manifest(PackFiles *files, StringInfo violations, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	Refusal refusal = {0};

	files->manifest = manifest_parse(files->manifest_text, &refusal);
	MemoryContextSwitchTo(old);
	if (files->manifest == NULL)
		raise_of_file(MANIFEST_PATH, &refusal);
	add_violations(violations, manifest_violations(files->manifest, files->manifest_text),
	               MANIFEST_PATH);
	if (violations->len > 0)
		return false;
	STATEMENT_RUN(&statements[MANIFEST], value_jsonb(files->manifest));
	files->id = MemoryContextStrdup(context, row_text(0, 1));
	files->name = MemoryContextStrdup(context, row_text(0, 2));
	files->version = MemoryContextStrdup(context, row_text(0, 3));
	if (!version_read(files->version, &files->parsed_version))
		add_violation(violations, MANIFEST_PATH, "/version", "format",
		              "must be a semantic version such as 1.2.3");
	check_dependencies(files, violations);
	return true;
}

static int
compare_paths(const void *a, const void *b)
{
	return strcmp((*(PackFile *const *) a)->key, (*(PackFile *const *) b)->key);
}

/* The files by path, of which no two have the same. */
static PackFile **
sort_files(const PackFiles *files)
{
	PackFile **sorted = palloc_extended(sizeof(PackFile *) * Max(files->count, 1), MCXT_ALLOC_HUGE);

	for (int i = 0; i < files->count; i++)
		sorted[i] = &files->files[i];
	qsort(sorted, files->count, sizeof(PackFile *), compare_paths);
	for (int i = 1; i < files->count; i++)
		if (compare_paths(&sorted[i - 1], &sorted[i]) == 0)
			raise_error(EDURANGE_INVALID_PARAMETER,
			            "the pack has two files with one path: \"%s\" and \"%s\"",
			            shown(sorted[i - 1]->path), shown(sorted[i]->path));
	return sorted;
}

/* Steps over what may be other letters than ASCII: such letters, and bytes that are written as \xe9. */
static const char *
behind_letters(const char *at)
{
	while (IS_HIGHBIT_SET(*at) || (strncmp(at, "\\x", 2) == 0 && strnlen(at, 4) == 4))
		at += IS_HIGHBIT_SET(*at) ? 1 : 4;
	return at;
}

/*
 * Says of a path that no file has which file may be meant: one whose name in the archive is not UTF-8,
 * but would be the path in another encoding.
 */
static char *
describe_missing(const PackFiles *files, const char *path)
{
	for (int i = 0; i < files->count; i++)
	{
		const char *left = files->files[i].path;
		const char *right = path;

		if (strchr(left, '\\') == NULL)
			continue;
		for (;;)
		{
			const char *letters = behind_letters(left);

			if ((letters > left) != (behind_letters(right) > right))
				break;
			left = letters;
			right = behind_letters(right);
			if (*left != *right)
				break;
			if (*left == '\0')
				return psprintf("the pack has no file \"%s\"; the name of \"%s\" is not UTF-8",
				                shown(path), shown(files->files[i].path));
			left++;
			right++;
		}
	}
	return psprintf("the pack has no file \"%s\"", shown(path));
}

/* Brings the files that the manifest names to the front, in its order and as it spells them. */
static void
find_files(PackFiles *files, StringInfo violations, MemoryContext context)
{
	uint64 count = STATEMENT_RUN(&statements[CHALLENGES], value_jsonb(files->manifest));
	char **paths = palloc_extended(sizeof(char *) * Max(count, 1), MCXT_ALLOC_HUGE);
	PackFile **sorted = sort_files(files);
	PackFile *ordered = MemoryContextAllocHuge(context, sizeof(PackFile) * Max(files->count, 1));
	int rest;

	for (uint64 i = 0; i < count; i++)
		paths[i] = row_text(i, 1);
	for (uint64 i = 0; i < count && !is_long(violations); i++)
	{
		PackFile wanted = {.key = pack_path_key(paths[i])};
		const PackFile *key = &wanted;
		PackFile **found = bsearch(&key, sorted, files->count, sizeof(PackFile *), compare_paths);

		if (found == NULL)
		{
			CHECK_FOR_INTERRUPTS();
			add_violation(violations, MANIFEST_PATH, psprintf("/challenges/" UINT64_FORMAT, i),
			              "file", describe_missing(files, paths[i]));
			continue;
		}
		if ((*found)->text == NULL)
		{
			add_violation(violations, MANIFEST_PATH, psprintf("/challenges/" UINT64_FORMAT, i),
			              "uniqueItems", "names a file that is named before");
			continue;
		}
		ordered[files->named] = **found;
		ordered[files->named++].path = MemoryContextStrdup(context, paths[i]);
		(*found)->text = NULL;
	}
	rest = files->named;
	for (int i = 0; i < files->count; i++)
		if (files->files[i].text != NULL)
			ordered[rest++] = files->files[i];
	files->files = ordered;
}

/* Reads and checks one document, with what it is to the others. */
static void
read_document(PackFiles *files, int number, StringInfo violations, MemoryContext context)
{
	PackFile *file = &files->files[number];
	Refusal refusal = {0};

	if (!document_read(&file->document, file->text, context, &refusal))
	{
		if (refusal.error != EDURANGE_DOCUMENT_INVALID)
			raise_of_file(file->path, &refusal);
		add_violations(violations, refusal.detail, file->path);
		return;
	}
	for (int i = 0; i < number; i++)
	{
		const char *other = files->files[i].document.challenge_id;

		if (other != NULL && strcmp(other, file->document.challenge_id) == 0)
			add_violation(violations, file->path, "/metadata/id", "unique",
			              psprintf("file \"%s\" has the same id", shown(files->files[i].path)));
	}
}

void
pack_files_read(PackFiles *files, FunctionCallInfo fcinfo)
{
	MemoryContext context = CurrentMemoryContext;
	StringInfoData violations;

	*files = (PackFiles){0};
	initStringInfo(&violations);
	read_arguments(files, fcinfo);
	statements_begin();
	if (read_manifest(files, &violations, context))
		find_files(files, &violations, context);
	statements_end();
	for (int i = 0; i < files->named && !is_long(&violations); i++)
	{
		CHECK_FOR_INTERRUPTS();
		statements_begin();
		read_document(files, i, &violations, context);
		statements_end();
	}
	if (violations.len > 0)
	{
		Refusal refusal = {.detail = psprintf("[%s]", violations.data)};

		refuse(&refusal, EDURANGE_DOCUMENT_INVALID, "the pack breaks the rules");
		raise_refusal(&refusal);
	}
}
