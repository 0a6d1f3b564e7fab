/*
 * report_list.c
 *	  What is wrong with a document, or surely not meant: a JSON list that is being written.
 */
#include "postgres.h"

#include "base/json_text.h"
#include "cdf/report_list.h"

void
report_begin(ReportList *list)
{
	list->count = 0;
	initStringInfo(&list->json);
	appendStringInfoChar(&list->json, '[');
}

/* Is there room for one more?  Writes what stands before it. */
static bool
begin_report(ReportList *list)
{
	if (list->count == MOST_REPORTS)
		return false;
	if (list->count++ > 0)
		appendStringInfoString(&list->json, ", ");
	return true;
}

void
report_violation(void *context, const char *path, const char *keyword, const char *message)
{
	ReportList *list = context;

	if (begin_report(list))
		appendStringInfo(&list->json, "{%s, %s, %s}", json_member("path", path),
		                 json_member("keyword", keyword), json_member("message", message));
}

void
report_warning(ReportList *list, const char *path, const char *text)
{
	if (begin_report(list))
		appendStringInfo(&list->json, "{%s, %s}", json_member("path", path),
		                 json_member("text", text));
}

char *
report_end(ReportList *list)
{
	appendStringInfoChar(&list->json, ']');
	return list->json.data;
}

char *
report_end_or_null(ReportList *list)
{
	return list->count > 0 ? report_end(list) : NULL;
}
