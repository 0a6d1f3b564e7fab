/*
 * progress.h
 *	  How far a long call is, where operators look: the query of the session in pg_stat_activity.
 */
#ifndef EDURANGE_PROGRESS_H
#define EDURANGE_PROGRESS_H

#include "postgres.h"

/* Says so until the next report, or the end: "edurange.findings(): total_differs, 10 of 11". */
extern void progress_report(const char *function, const char *what, int step, int steps);

/* Shows the query again that was sent. */
extern void progress_end(void);

#endif
