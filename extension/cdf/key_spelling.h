/*
 * key_spelling.h
 *	  Keys of a document that nobody knows, and that are spelled almost as one that means something.
 */
#ifndef EDURANGE_KEY_SPELLING_H
#define EDURANGE_KEY_SPELLING_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "cdf/report_list.h"

/* Between statements_begin() and statements_end(). */
extern void key_warnings(Jsonb *document, ReportList *warnings);

#endif
