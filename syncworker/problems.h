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

extern void problem_report(ProblemArea area, const char *reason);
extern void problem_over(ProblemArea area);

#endif
