/*
 * json_scan.c
 *	  Parts of a JSON text as they are written, found without building a tree.
 */
#include "base/json_scan.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define MAX_DEPTH 2048 /* what jansson reads at most */

static const char *
skip_space(const char *at, const char *end)
{
	while (at < end && memchr(" \t\r\n", *at, 4) != NULL)
		at++;
	return at;
}

/* The place behind the string that begins here; NULL when it does not end. */
static const char *
skip_string(const char *at, const char *end)
{
	for (at++; at < end && *at != '"'; at++)
	{
		if (*at == '\\' && ++at == end)
			return NULL;
	}
	return at < end ? at + 1 : NULL;
}

/* The place behind the object or array that begins here; NULL when its brackets do not match. */
static const char *
skip_nested(const char *at, const char *end)
{
	char closing[MAX_DEPTH];
	int depth = 0;

	while (at != NULL && at < end)
	{
		if (*at == '"')
		{
			at = skip_string(at, end);
			continue;
		}
		if (*at == '{' || *at == '[')
		{
			if (depth == MAX_DEPTH)
				return NULL;
			closing[depth++] = *at == '{' ? '}' : ']';
		}
		else if (*at == '}' || *at == ']')
		{
			if (depth == 0 || *at != closing[--depth])
				return NULL;
			if (depth == 0)
				return at + 1;
		}
		at++;
	}
	return NULL;
}

/* Takes the value that begins at the cursor. */
static bool
take_value(const char **at, const char *end, JsonPiece *value)
{
	const char *begin = *at = skip_space(*at, end);
	const char *behind = begin;

	if (begin == end)
		return false;
	if (*begin == '"')
		behind = skip_string(begin, end);
	else if (*begin == '{' || *begin == '[')
		behind = skip_nested(begin, end);
	else
	{
		while (behind < end && memchr(",:]}{[\" \t\r\n", *behind, 11) == NULL)
			behind++;
	}
	if (behind == NULL || behind == begin)
		return false;
	*value = (JsonPiece){begin, (size_t) (behind - begin)};
	*at = behind;
	return true;
}

bool
json_scan_whole(const char *text, size_t length, JsonPiece *value)
{
	const char *end = text + length;

	return take_value(&text, end, value) && skip_space(text, end) == end;
}

bool
json_scan_open(JsonPiece value, char open, JsonCursor *cursor)
{
	if (value.length < 2 || value.at[0] != open)
		return false;
	*cursor = (JsonCursor){
	    .at = value.at + 1, .end = value.at + value.length, .close = open == '{' ? '}' : ']'};
	return true;
}

/* Takes one character, with white space before it. */
static bool
take_character(JsonCursor *cursor, char wanted)
{
	cursor->at = skip_space(cursor->at, cursor->end);
	if (cursor->at == cursor->end || *cursor->at != wanted)
		return false;
	cursor->at++;
	return true;
}

bool
json_scan_next(JsonCursor *cursor, JsonPiece *key, JsonPiece *value)
{
	if (cursor->broken || take_character(cursor, cursor->close))
		return false;
	*key = (JsonPiece){0};
	cursor->broken = (cursor->begun && !take_character(cursor, ',')) ||
	                 (cursor->close == '}' && (!take_value(&cursor->at, cursor->end, key) ||
	                                           *key->at != '"' || !take_character(cursor, ':'))) ||
	                 !take_value(&cursor->at, cursor->end, value);
	cursor->begun = true;
	return !cursor->broken;
}

bool
json_scan_is(JsonPiece key, const char *name)
{
	size_t length = strlen(name);

	return key.length == length + 2 && memcmp(key.at + 1, name, length) == 0;
}

char *
json_scan_text(JsonPiece value)
{
	json_t *json = value.length > 0 && value.at[0] == '"'
	                   ? json_loadb(value.at, value.length, JSON_DECODE_ANY, NULL)
	                   : NULL;
	const char *text = json_string_value(json);
	char *copy = text != NULL ? strdup(text) : NULL;

	json_decref(json);
	return copy;
}
