/*
 * problems.h
 *	  What goes wrong, told in the log: each reason once an hour, and when it works again.
 */
#ifndef EDURANGE_WORKER_PROBLEMS_H
#define EDURANGE_WORKER_PROBLEMS_H

#include "postgres.h"

/* What can fail apart from the others. */
typedef enum ProblemArea
{
	PROBLEM_LIST,
	PROBLEM_DATABASE,
	PROBLEM_INSTALLATION,
	PROBLEM_SCHEMA,
	PROBLEM_ENDS,
	PROBLEM_STATUSES,
	PROBLEM_SECRETS,
	PROBLEM_AREAS /* how many there are */
} ProblemArea;

/* Something fails, and it is told; or is worth no line in the log, because it is about one pod. */
extern void problem_report(ProblemArea area, const char *reason);
extern void problem_note(ProblemArea area, const char *reason);
extern void problem_over(ProblemArea area);
/* The last reason; empty: it works. */
extern const char *problem_reason(ProblemArea area);

#endif
