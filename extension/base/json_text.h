/*
 * json_text.h
 *	  JSON as text: documents that come, and members of objects that are written.
 */
#ifndef EDURANGE_JSON_TEXT_H
#define EDURANGE_JSON_TEXT_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

#include "base/refusal.h"

/* How many values JSON that comes as a text may have: as a tree each takes a hundred times its two bytes. */
#define JSON_ANY 0 /* it is our own */
#define JSON_VALUES 1000
#define JSON_DOCUMENT_VALUES 20000
#define JSON_MANIFEST_VALUES 200000 /* of a pack, which lists its files */

/* What a text says of values before it is parsed: exact of JSON, anything of what is none. */
typedef struct JsonMeasure
{
	int64 values;
	bool has_huge_number; /* one with an exponent beyond what readers of JSON know */
} JsonMeasure;

extern JsonMeasure json_text_measure(const char *text);

/*
 * Where the JSON of a text begins: some editors put a byte order mark in front, which is no part of it
 * and stays where the text is kept.
 */
extern const char *json_text_begin(const char *text);

/* The same for a text in a statement, as jsonb. */
#define JSONB_OF(text) "ltrim(" text ", chr(65279))::jsonb"

/*
 * The document as jsonb, or NULL and a refusal that says where it goes wrong and repeats nothing of
 * it: PostgreSQL's own message would put a piece of the document, and so perhaps an answer, into
 * the server's log.  One with more values than most, or a number that is short as it is sent and very long wherever
 * it is written out (1e131071), is refused before it is parsed; JSON_ANY: it is parsed whatever it is.
 */
extern Jsonb *json_text_parse(const char *text, int most, Refusal *refusal);

/* Is it JSON?  If not, false and a refusal, likewise; nothing is kept of the values. */
extern bool json_text_check(const char *text, Refusal *refusal);

/*
 * Can readers take the number?  Others are a few bytes when they come and 130 kB when they are written out, so that
 * a short request could make a row that nobody can read.
 */
extern bool json_number_is_readable(Numeric number);

/* Can they take all numbers of the document? */
extern bool json_numbers_are_readable(Jsonb *document);

/* One member of a JSON object: "name":"value" with what needs escaping escaped. */
extern char *json_member(const char *name, const char *value);

/*
 * What is said of a document is said many times, and may quote keys that are as long as the document.  So no
 * report quotes more than this; what was longer ends with "...".
 */
#define LONGEST_EXCERPT 500 /* bytes */

/* What a report quotes of a text. */
extern char *json_excerpt(const char *text, int length);

/* Adds a step to a JSON pointer: the key of a member, or the place of an element.  A long pointer ends where it gets so. */
extern void json_pointer_key(StringInfo pointer, const char *key, int length);
extern void json_pointer_place(StringInfo pointer, int64 place);

#endif
