/*
 * key_spelling.c
 *	  Keys of a document that nobody knows, and that are spelled almost as one that means something.
 *
 * Documents may have keys of their own, so an unknown one is no fault.  Known is what the two built-in schemas
 * list at the same place.
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/varlena.h"

#include "base/json_text.h"
#include "cdf/key_spelling.h"
#include "json_schema/json_schema.h"
#include "json_schema/json_values.h"

#define LONGEST_KEY 60 /* bytes; what is longer is no misspelled one */
#define LONG_KEY 6     /* from so many letters on two of them may differ */

/* The members that schemas list at one place. */
typedef struct KnownKeys
{
	int count;
	JsonbValue lists[2];
} KnownKeys;

/* The schemas, and what has been said of the document. */
typedef struct KeyCheck
{
	JsonbValue schemas[2];
	ReportList *warnings;
} KeyCheck;

/* What the schemas list at a place, which is given by up to three keys that lead to it. */
static KnownKeys
known_keys(const KeyCheck *check, const char *first, const char *second, const char *third)
{
	const char *const way[] = {first, second, third};
	KnownKeys known = {0};

	for (int schema = 0; schema < lengthof(check->schemas); schema++)
	{
		JsonbValue at = check->schemas[schema];
		bool found = true;

		for (int i = 0; i < lengthof(way) && found; i++)
			if (way[i] != NULL)
				found = json_value_member(&at, way[i], (int) strlen(way[i]), &at);
		if (found)
			known.lists[known.count++] = at;
	}
	return known;
}

/* A key as it is compared: without what words are joined by, in small letters. */
static char *
bare(const char *key)
{
	char *text = pstrdup(key);
	char *end = text;

	for (; *key != '\0'; key++)
		if (*key != '_' && *key != '-' && *key != ' ')
			*end++ = (char) pg_ascii_tolower((unsigned char) *key);
	*end = '\0';
	return text;
}

/* Do they differ in two letters that changed places? */
static bool
is_swapped(const char *a, const char *b)
{
	size_t same = 0;

	if (strlen(a) != strlen(b))
		return false;
	while (a[same] != '\0' && a[same] == b[same])
		same++;
	return a[same] != '\0' && a[same + 1] != '\0' && a[same] == b[same + 1] &&
	       a[same + 1] == b[same] && strcmp(a + same + 2, b + same + 2) == 0;
}

static bool
is_close(const char *key, const char *known)
{
	char *a = bare(key);
	char *b = bare(known);
	int a_length = (int) strlen(a);
	int b_length = (int) strlen(b);
	int most = Min(a_length, b_length) >= LONG_KEY ? 2 : 1;

	if (strcmp(a, b) == 0 || is_swapped(a, b))
		return true;
	return Min(a_length, b_length) > 2 &&
	       varstr_levenshtein_less_equal(a, a_length, b, b_length, 1, 1, 1, most, true) <= most;
}

/* The known key that is spelled almost like this one, which is none; else NULL. */
static char *
close_key(const KnownKeys *known, const JsonbValue *key)
{
	char *name = json_string(key);
	JsonbValue ignored;

	if (key->val.string.len > LONGEST_KEY)
		return NULL;
	for (int i = 0; i < known->count; i++)
		if (json_value_member(&known->lists[i], name, key->val.string.len, &ignored))
			return NULL;
	for (int i = 0; i < known->count; i++)
	{
		JsonWalk walk;

		json_walk_begin(&walk, &known->lists[i]);
		while (json_walk_next(&walk))
			if (is_close(name, json_string(&walk.key)))
				return json_string(&walk.key);
	}
	return NULL;
}

/* A path with one more step, written as a JSON pointer. */
static char *
deeper(const char *path, const JsonbValue *key)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoString(&out, path);
	json_pointer_key(&out, key->val.string.val, key->val.string.len);
	return out.data;
}

/* Warns of the keys of an object that are spelled almost like known ones. */
static void
check_keys(const KeyCheck *check, const JsonbValue *object, const char *path, KnownKeys known)
{
	JsonWalk walk;

	if (json_kind(object) != KIND_OBJECT)
		return;
	json_walk_begin(&walk, object);
	while (json_walk_next(&walk))
	{
		char *meant;

		CHECK_FOR_INTERRUPTS();
		meant = close_key(&known, &walk.key);

		if (meant != NULL)
			report_warning(check->warnings, deeper(path, &walk.key),
			               psprintf("means nothing here; did you mean \"%s\"?", meant));
	}
}

/* The number-th component and its config. */
static void
check_component(const KeyCheck *check, const JsonbValue *component, int number)
{
	char *path = psprintf("/components/%d", number);
	JsonbValue member;
	char *type;

	check_keys(check, component, path, known_keys(check, "definitions", "component", "properties"));
	if (!json_value_member(component, "type", 4, &member))
		return;
	type = json_string(&member);
	if (strcmp(type, "configMap") == 0 || strcmp(type, "secret") == 0)
		type = "data";
	if (json_value_member(component, "config", 6, &member))
		check_keys(check, &member, psprintf("%s/config", path),
		           known_keys(check, "definitions", type, "properties"));
}

void
key_warnings(Jsonb *document, ReportList *warnings)
{
	JsonbValue root = json_root(document);
	JsonbValue member;
	KeyCheck check = {.warnings = warnings};
	JsonWalk walk;

	check.schemas[0] = json_root(builtin_schema("cdf"));
	check.schemas[1] = json_root(builtin_schema("import"));
	check_keys(&check, &root, "", known_keys(&check, "properties", NULL, NULL));
	if (json_value_member(&root, "metadata", 8, &member))
		check_keys(&check, &member, "/metadata",
		           known_keys(&check, "properties", "metadata", "properties"));
	if (!json_value_member(&root, "components", 10, &member) || json_kind(&member) != KIND_ARRAY)
		return;
	json_walk_begin(&walk, &member);
	for (int number = 0; json_walk_next(&walk); number++)
		check_component(&check, &walk.value, number);
}
