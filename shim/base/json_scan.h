/*
 * json_scan.h
 *	  Parts of a JSON text as they are written, found without building a tree.
 *
 * A tree takes many times the memory of its document and loses how things were spelled.  The scanner
 * only finds where values begin and end; whether a value is valid is for the one who reads it to say.
 */
#ifndef EDURANGE_SHIM_JSON_SCAN_H
#define EDURANGE_SHIM_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/* A value, or a key with its quotation marks, as it is written; without white space around it. */
typedef struct JsonPiece
{
	const char *at;
	size_t length;
} JsonPiece;

/* A walk through the members of an object or the elements of an array. */
typedef struct JsonCursor
{
	const char *at;
	const char *end;
	char close;
	bool begun;
	bool broken; /* the text is not JSON, as far as one can tell without reading the values */
} JsonCursor;

/* The one value that the text consists of; false when it does not. */
extern bool json_scan_whole(const char *text, size_t length, JsonPiece *value);

/* Begins a walk through an object or array; false when the value does not begin with this bracket. */
extern bool json_scan_open(JsonPiece value, char open, JsonCursor *cursor);

/* The next member, or element (with an empty key); false at the end, and where it is broken. */
extern bool json_scan_next(JsonCursor *cursor, JsonPiece *key, JsonPiece *value);

/* Is the key, as it is written, this name? */
extern bool json_scan_is(JsonPiece key, const char *name);

/* The text that a JSON string stands for, to be freed; NULL for anything else. */
extern char *json_scan_text(JsonPiece value);

#endif
