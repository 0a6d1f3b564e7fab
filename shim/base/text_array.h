/*
 * text_array.h
 *	  A PostgreSQL array of texts, built element by element, in either of the forms that it is sent in.
 */
#pragma once

#include "base/text.h"

/* Zeroed it is an array without elements. */
typedef struct TextArray
{
	Buffer buffer;
	int count; /* of elements, in binary form */
} TextArray;

/* Adds an element in text form, byte for byte; it must have no null byte.  False: out of memory. */
extern bool text_array_add(TextArray *array, const char *element, size_t length);

/* The whole array in text form, to be freed; empty from then on.  NULL: out of memory. */
extern char *text_array_finish(TextArray *array);

/* Begins an array in binary form, in the room of the one before.  False: out of memory. */
extern bool text_array_begin_binary(TextArray *array);

/* Adds an element, or a null.  What is there so far is always an array that can be sent. */
extern bool text_array_add_binary(TextArray *array, const char *element);

extern void text_array_free(TextArray *array);
