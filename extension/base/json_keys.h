/*
 * json_keys.h
 *	  Keys that an object in a JSON text has twice, which no parsed value shows any more.
 */
#ifndef EDURANGE_JSON_KEYS_H
#define EDURANGE_JSON_KEYS_H

#include "postgres.h"

/*
 * Takes the path of a key, a JSON pointer; what it allocates goes, like that, with the walk.  false: it takes no
 * more.
 */
typedef bool (*TakeRepeatedKey)(void *context, const char *path);

/*
 * Finds each key that is there more than once in its object, however it is escaped.  The text must be
 * JSON.
 */
extern void json_text_keys(const char *text, TakeRepeatedKey take, void *context);

#endif
