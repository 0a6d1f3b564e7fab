/*
 * text_array.c
 *	  The text form of a PostgreSQL array of texts, built piece by piece.
 *
 * Every element is quoted, so that an empty one, one that reads NULL and one with white space around
 * it stay what they are.
 */
#include "base/text_array.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 1024

/* Makes room for so many more bytes. */
static bool
reserve(TextArray *array, size_t more)
{
	size_t room = array->room > 0 ? array->room : FIRST_ROOM;
	char *larger;

	while (room < array->length + more)
		room *= 2;
	if (room == array->room)
		return true;
	larger = realloc(array->text, room);
	if (larger == NULL)
		return false;
	array->text = larger;
	array->room = room;
	return true;
}

/* How many bytes of the element need a backslash? */
static size_t
count_escapes(const char *element, size_t length)
{
	size_t count = 0;

	for (size_t i = 0; i < length; i++)
		count += element[i] == '"' || element[i] == '\\';
	return count;
}

bool
text_array_add(TextArray *array, const char *element, size_t length)
{
	char *to;

	/* a separator or the opening brace, two quotes; later the closing brace and a null byte */
	if (!reserve(array, length + count_escapes(element, length) + 5))
		return false;
	to = array->text + array->length;
	*to++ = array->length == 0 ? '{' : ',';
	*to++ = '"';
	for (size_t i = 0; i < length; i++)
	{
		if (element[i] == '"' || element[i] == '\\')
			*to++ = '\\';
		*to++ = element[i];
	}
	*to++ = '"';
	array->length = (size_t) (to - array->text);
	return true;
}

char *
text_array_finish(TextArray *array)
{
	char *text;

	if (array->length == 0)
		return strdup("{}");
	text = array->text;
	memcpy(text + array->length, "}", 2);
	memset(array, 0, sizeof(*array));
	return text;
}

void
text_array_free(TextArray *array)
{
	free(array->text);
	memset(array, 0, sizeof(*array));
}
