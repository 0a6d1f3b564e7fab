/*
 * utf8.c
 *	  Text as the database demands it.
 */
#include "base/utf8.h"

#include <jansson.h>

bool
is_utf8(const char *text, size_t length)
{
	json_t *string = json_stringn(text, length);

	json_decref(string);
	return string != NULL;
}
