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

/*
 * Every rule that the document breaks, as a JSON list of {"path", "keyword", "message"}, or NULL when
 * there is none: keys that its text gives twice, then the rest in the order of the paths.  A path is a
 * JSON pointer.
 */
extern char *document_violations(Jsonb *document, const char *text);
extern char *manifest_violations(Jsonb *manifest, const char *text);

#endif
