/*
 * json_keys.c
 *	  Keys that an object in a JSON text has twice, which no parsed value shows any more.
 *
 * PostgreSQL's own parser walks through the text once.  The keys of an object are kept while it is
 * open and sorted at its end, so that very many of them are not compared each with each.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/json_keys.h"
#include "base/json_text.h"

/* An object or a list that is open, and which of its members the parser reads. */
typedef struct Level
{
	bool is_list;
	int64 position; /* of the element in a list */
	char **keys;    /* of an object, the one at hand last */
	int count;
	int room;
} Level;

typedef struct Walk
{
	Level *levels;
	int depth;
	int room;
	TakeRepeatedKey take;
	void *context;
	bool is_over; /* no more is taken */
} Walk;

static void
open_level(Walk *walk, bool is_list)
{
	CHECK_FOR_INTERRUPTS();
	if (walk->depth == walk->room)
	{
		walk->room *= 2;
		walk->levels = repalloc_huge(walk->levels, sizeof(Level) * walk->room);
	}
	walk->levels[walk->depth++] = (Level){.is_list = is_list, .position = -1};
}

static void
append_key(StringInfo path, const char *key)
{
	json_pointer_key(path, key, (int) strlen(key));
}

/* Reports a key of the innermost object. */
static void
report_key(Walk *walk, const char *key)
{
	StringInfoData path;

	CHECK_FOR_INTERRUPTS();
	initStringInfo(&path);
	for (int i = 0; i < walk->depth - 1; i++)
	{
		const Level *level = &walk->levels[i];

		if (level->is_list)
			json_pointer_place(&path, level->position);
		else
			append_key(&path, level->keys[level->count - 1]);
	}
	append_key(&path, key);
	walk->is_over = !walk->take(walk->context, path.data);
	pfree(path.data);
}

static int
compare_keys(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

JSON_ACTION
on_object(void *state)
{
	open_level(state, false);
	JSON_ACTION_DONE;
}

JSON_ACTION
on_list(void *state)
{
	open_level(state, true);
	JSON_ACTION_DONE;
}

JSON_ACTION
on_member(void *state, char *name, bool is_null)
{
	Walk *walk = state;
	Level *level = &walk->levels[walk->depth - 1];

	if (level->count == level->room)
	{
		level->room = level->room == 0 ? 8 : level->room * 2;
		level->keys = level->keys == NULL
		                  ? palloc(sizeof(char *) * level->room)
		                  : repalloc_huge(level->keys, sizeof(char *) * level->room);
	}
	level->keys[level->count++] = name;
	JSON_ACTION_DONE;
}

JSON_ACTION
on_element(void *state, bool is_null)
{
	Walk *walk = state;

	walk->levels[walk->depth - 1].position++;
	JSON_ACTION_DONE;
}

JSON_ACTION
on_object_end(void *state)
{
	Walk *walk = state;
	Level *level = &walk->levels[walk->depth - 1];

	if (level->count > 1)
		qsort(level->keys, level->count, sizeof(char *), compare_keys);
	for (int i = 1; i < level->count && !walk->is_over; i++)
	{
		bool is_second = i == 1 || strcmp(level->keys[i - 2], level->keys[i]) != 0;

		if (is_second && strcmp(level->keys[i - 1], level->keys[i]) == 0)
			report_key(walk, level->keys[i]);
	}
	for (int i = 0; i < level->count; i++)
		pfree(level->keys[i]);
	if (level->keys != NULL)
		pfree(level->keys);
	walk->depth--;
	JSON_ACTION_DONE;
}

JSON_ACTION
on_list_end(void *state)
{
	((Walk *) state)->depth--;
	JSON_ACTION_DONE;
}

void
json_text_keys(const char *text, TakeRepeatedKey take, void *context)
{
	MemoryContext scratch =
	    AllocSetContextCreate(CurrentMemoryContext, "edurange keys", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(scratch);
	Walk walk = {.levels = palloc(sizeof(Level) * 8), .room = 8, .take = take, .context = context};
	const char *json = json_text_begin(text);
	JsonSemAction actions = {.semstate = &walk,
	                         .object_start = on_object,
	                         .object_end = on_object_end,
	                         .array_start = on_list,
	                         .array_end = on_list_end,
	                         .object_field_start = on_member,
	                         .array_element_start = on_element};

	if (pg_parse_json(compat_json_lexer(unconstify(char *, json), (int) strlen(json), true),
	                  &actions) != JSON_SUCCESS)
		elog(ERROR, "a text that was JSON is none any more");
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(scratch);
}
