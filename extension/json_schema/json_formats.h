/*
 * json_formats.h
 *	  The formats of draft-07 that can be asserted.
 */
#ifndef EDURANGE_JSON_FORMATS_H
#define EDURANGE_JSON_FORMATS_H

#include "postgres.h"

/* Does the text have the format? */
typedef bool (*FormatTest)(const char *text);

/* The check of a format, or NULL when it is none that is known. */
extern FormatTest json_format_find(const char *name);

#endif
