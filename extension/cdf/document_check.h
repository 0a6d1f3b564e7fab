/*
 * document_check.h
 *	  What is wrong with a challenge definition or with the manifest of a pack.
 *
 * Call these between statements_begin() and statements_end(); the lists live until the latter.
 */
#ifndef EDURANGE_DOCUMENT_CHECK_H
#define EDURANGE_DOCUMENT_CHECK_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "base/refusal.h"

/* A document, or a manifest, as jsonb, or NULL and a refusal; no number in it is too long to be written out. */
extern Jsonb *document_parse(const char *text, Refusal *refusal);
extern Jsonb *manifest_parse(const char *text, Refusal *refusal);

/*
 * Every rule that the document breaks, as a JSON list of {"path", "keyword", "message"}, or NULL when
 * there is none: keys that its text gives twice, then the rest in the order of the paths.  A path is a
 * JSON pointer.
 */
extern char *document_violations(Jsonb *document, const char *text);
extern char *manifest_violations(Jsonb *manifest, const char *text);

/* What a document says that is allowed and surely not meant, as a JSON list of {"path", "text"}. */
extern char *document_warnings(Jsonb *document);

/* Such a list as SQL, which reads an array of edurange.cdf_warning. */
#define WARNINGS_OF(list)                                                                          \
	"ARRAY(SELECT ROW(path, text)::edurange.cdf_warning FROM ROWS FROM (json_to_recordset(" list   \
	"::json) AS (path text, text text)) WITH ORDINALITY AS w (path, text, n) ORDER BY n)"

#endif
