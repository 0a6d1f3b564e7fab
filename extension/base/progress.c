/*
 * progress.c
 *	  How far a long call is, where operators look: the query of the session in pg_stat_activity.
 */
#include "postgres.h"

#include "tcop/tcopprot.h"
#include "utils/backend_status.h"

#include "base/progress.h"

void
progress_report(const char *function, const char *what, int step, int steps)
{
	char *text = psprintf("%s: %s, %d of %d", function, what, step, steps);

	pgstat_report_activity(STATE_RUNNING, text);
	pfree(text);
}

void
progress_end(void)
{
	if (debug_query_string != NULL)
		pgstat_report_activity(STATE_RUNNING, debug_query_string);
}
