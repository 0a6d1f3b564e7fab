/*
 * text.h
 *	  Texts that came with a request: can the database store them, can they be parsed at a fair price?
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"

/* A field of a query or a form. */
typedef struct Field
{
	char *name;
	char *value; /* NULL: it is no short text */
} Field;

/* Bytes that come piece by piece.  Zeroed it is empty. */
typedef struct Buffer
{
	char *bytes;
	size_t length;
	size_t room;
} Buffer;

/* Makes room for so many more; the room doubles, so that they are seldom moved.  False: out of memory. */
extern bool buffer_reserve(Buffer *buffer, size_t more);

/* May the character be part of a method, or of the name of a field or parameter (RFC 9110, 5.6.2)? */
extern bool is_token_character(char c);

/* The hash of a text behind others, whose hash is given, or HASH_OF_NOTHING: FNV-1a. */
#define HASH_OF_NOTHING UINT64_C(0xcbf29ce484222325)
extern uint64_t hash_text(uint64_t hash, const char *text, size_t length);

/* A copy, to be freed; NULL of none. */
extern char *text_copy(const char *text);

/* Is there nothing to see in a text of UTF-8?  The same as the database says of it. */
extern bool text_is_blank(const char *text);

/*
 * What keeps the database from storing it, a null byte or what is not UTF-8, with the rest of a sentence
 * that says so; EDURANGE_OK: nothing.
 */
extern EdurangeError text_fault(const char *text, size_t length, const char **sentence);

#define JSON_MAX_DEPTH 100       /* objects and lists inside each other */
#define DOCUMENT_BYTES (1 << 20) /* of a document, however it comes ... */
#define DOCUMENT_VALUES 20000    /* ... and values in it: each takes memory when it is parsed */

/* How much there is in a text that may be JSON, counted without taking it apart. */
typedef struct JsonSize
{
	size_t values; /* at most */
	int depth;     /* of objects and lists inside each other */
	size_t part;   /* values, at most, between two commas of the object or of a list in it */
} JsonSize;

extern JsonSize json_size(const char *text, size_t length);

/* Checks a body of JSON before it is parsed; or a text, or JSON, that goes to the database as it is. */
extern bool json_body_check(const char *body, size_t length, size_t values, Failure *failure);
extern bool text_body_check(const char *body, size_t length, Failure *failure);
extern bool json_document_check(const char *body, size_t length, size_t values, Failure *failure);
