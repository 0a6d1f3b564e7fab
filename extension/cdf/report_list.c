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

bool
report_is_full(const ReportList *list)
{
	return list->count == MOST_REPORTS || list->json.len > LONGEST_REPORTS;
}

/* Adds a report of some members, unless there is no room for one more. */
static void
add_report(ReportList *list, int count, const char *const names[], const char *const values[])
{
	if (report_is_full(list))
		return;
	appendStringInfoString(&list->json, list->count++ > 0 ? ", {" : "{");
	for (int i = 0; i < count; i++)
	{
		char *member = json_member(names[i], values[i]);

		appendStringInfo(&list->json, "%s%s", i > 0 ? ", " : "", member);
		pfree(member);
	}
	appendStringInfoChar(&list->json, '}');
}

void
report_violation(void *context, const char *path, const char *keyword, const char *message)
{
	static const char *const names[] = {"path", "keyword", "message"};

	add_report(context, lengthof(names), names, (const char *[]){path, keyword, message});
}

void
report_warning(ReportList *list, const char *path, const char *text)
{
	static const char *const names[] = {"path", "text"};

	add_report(list, lengthof(names), names, (const char *[]){path, text});
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
