/*
 * document.h
 *	  Challenge definitions: a document in the Challenge Definition Format, read once.
 *
 * The room cdf/ reads documents, says what is wrong with them (document_check.h), writes them into the rows of their
 * challenges (cdf_rows.h) and makes them from the rows again (cdf_export.h).
 */
#ifndef EDURANGE_DOCUMENT_H
#define EDURANGE_DOCUMENT_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "base/refusal.h"

/* A document that breaks no rule. */
typedef struct Document
{
	const char *text;
	Jsonb *json;
	char *challenge_id;
	char *challenge_type;
	int32 questions; /* components of these types */
	int32 apps;
	char *warnings; /* a JSON list of {"path", "text"} */
} Document;

/*
 * Reads a document into a memory context, within statements.  Refuses what is no JSON, and with
 * document_invalid what breaks a rule; the list of violations, the refusal's detail, lives until
 * statements_end().
 */
extern bool
document_read(Document *document, const char *text, MemoryContext context, Refusal *refusal);

#endif
