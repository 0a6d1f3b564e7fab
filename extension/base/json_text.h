/*
 * json_text.h
 *	  JSON documents that come as text.
 */
#ifndef EDURANGE_JSON_TEXT_H
#define EDURANGE_JSON_TEXT_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "base/refusal.h"

/*
 * The document as jsonb, or NULL and a refusal that says where it goes wrong and repeats nothing of
 * it: PostgreSQL's own message would put a piece of the document, and so perhaps an answer, into
 * the server's log.
 */
extern Jsonb *json_text_parse(const char *text, Refusal *refusal);

#endif
