/*
 * text_array.h
 *	  The text form of a PostgreSQL array of texts, built piece by piece.
 */
#ifndef EDURANGE_SHIM_TEXT_ARRAY_H
#define EDURANGE_SHIM_TEXT_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed it is an array without elements. */
typedef struct TextArray
{
	char *text;
	size_t length;
	size_t room;
} TextArray;

/* Adds an element, byte for byte; it must have no null byte.  False: out of memory. */
extern bool text_array_add(TextArray *array, const char *element, size_t length);

/* The whole text, to be freed; the array is empty then.  NULL: out of memory. */
extern char *text_array_finish(TextArray *array);

extern void text_array_free(TextArray *array);

#endif
