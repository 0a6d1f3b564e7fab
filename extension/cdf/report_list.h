/*
 * report_list.h
 *	  What is wrong with a document, or surely not meant: a JSON list that is being written.
 */
#ifndef EDURANGE_REPORT_LIST_H
#define EDURANGE_REPORT_LIST_H

#include "postgres.h"

#include "lib/stringinfo.h"

#define MOST_REPORTS 1000      /* that are listed; nobody reads on */
#define LONGEST_REPORTS 500000 /* bytes of them, beyond which no further one begins */

typedef struct ReportList
{
	int count;
	StringInfoData json;
} ReportList;

extern void report_begin(ReportList *list);

/* Adds {"path", "keyword", "message"}; messages speak of the rule and never repeat the document. */
extern void
report_violation(void *list, const char *path, const char *keyword, const char *message);

/* Adds {"path", "text"}. */
extern void report_warning(ReportList *list, const char *path, const char *text);

/* Would one more be left out? */
extern bool report_is_full(const ReportList *list);

/* The list as JSON; an empty one as null, or as []. */
extern char *report_end_or_null(ReportList *list);
extern char *report_end(ReportList *list);

#endif
