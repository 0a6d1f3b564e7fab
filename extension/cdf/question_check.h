/*
 * question_check.h
 *	  What a document says of how its questions are judged: is it allowed, and is it meant?
 */
#ifndef EDURANGE_QUESTION_CHECK_H
#define EDURANGE_QUESTION_CHECK_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "cdf/report_list.h"

/*
 * Both pass over what has another shape than the schemas want; these tell.  The second is for documents that
 * break no rule.
 */
extern void question_violations(Jsonb *document, ReportList *violations);
extern void question_warnings(Jsonb *document, ReportList *warnings);

#endif
