/*
 * json_text.h
 *	  JSON as text: documents that come, and members of objects that are written.
 */
#ifndef EDURANGE_JSON_TEXT_H
#define EDURANGE_JSON_TEXT_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "base/refusal.h"

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
 * the server's log.
 */
extern Jsonb *json_text_parse(const char *text, Refusal *refusal);

/* Is it JSON?  If not, false and a refusal, likewise; nothing is kept of the values. */
extern bool json_text_check(const char *text, Refusal *refusal);

/* One member of a JSON object: "name":"value" with what needs escaping escaped. */
extern char *json_member(const char *name, const char *value);

#endif
