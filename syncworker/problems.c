/*
 * problems.c
 *	  What goes wrong, told in the log: each reason once an hour, and when it works again.
 */
#include "postgres.h"

#include "clock.h"
#include "problems.h"

#define REPEAT_MS (3600 * 1000)
/* So many reasons an area may have within an hour: one that differs each time is no new one. */
#define MAX_REASONS 8
#define REMEMBERED (MAX_REASONS * PROBLEM_AREAS)
#define REASON_SIZE 200

/* How each area is called in the log. */
static const struct
{
	const char *failed;
	const char *works;
} texts[] = {
    [PROBLEM_LIST] = {"could not read the list of pods",
                      "synchronization with the Instance Manager works again"},
    [PROBLEM_DATABASE] = {"could not apply what the Instance Manager said",
                          "the database takes what it says again"},
    [PROBLEM_INSTALLATION] = {"the sync worker is idle", "the sync worker goes on"},
    [PROBLEM_SCHEMA] = {"could not take the Instance Manager's schema",
                        "taking the Instance Manager's schema works again"},
    [PROBLEM_ENDS] = {"could not ask the Instance Manager: end-challenge",
                      "ends of pods are accepted again"},
    [PROBLEM_STATUSES] = {"could not ask the Instance Manager: get-pod-status",
                          "single pods are answered for again"},
    [PROBLEM_SECRETS] = {"could not ask the Instance Manager: get-secret", "flags come again"},
};

/* Reasons that were told, the oldest of them forgotten for a new one. */
static struct
{
	ProblemArea area;
	int64 told_at; /* 0: nothing was */
	char reason[REASON_SIZE];
} told[REMEMBERED];

/* Areas of which the log says that they fail. */
static bool reported[PROBLEM_AREAS];

/* Why each area fails. */
static char last[PROBLEM_AREAS][REASON_SIZE];

/* Whether the reason was told within the hour; remembers that it is now, if it was not. */
static bool
was_told(ProblemArea area, const char *reason)
{
	int64 now = clock_ms();
	int oldest = 0;
	int others = 0;

	for (int i = 0; i < REMEMBERED; i++)
	{
		if (told[i].told_at != 0 && told[i].area == area && now - told[i].told_at < REPEAT_MS &&
		    (strncmp(told[i].reason, reason, sizeof(told[i].reason) - 1) == 0 ||
		     ++others == MAX_REASONS))
			return true;
		if (told[i].told_at < told[oldest].told_at)
			oldest = i;
	}
	told[oldest].area = area;
	told[oldest].told_at = now;
	strlcpy(told[oldest].reason, reason, sizeof(told[oldest].reason));
	return false;
}

void
problem_note(ProblemArea area, const char *reason)
{
	strlcpy(last[area], reason, sizeof(last[area]));
}

void
problem_report(ProblemArea area, const char *reason)
{
	problem_note(area, reason);
	if (was_told(area, reason))
		return;
	reported[area] = true;
	ereport(WARNING, (errmsg("%s: %s", texts[area].failed, reason)));
}

void
problem_over(ProblemArea area)
{
	if (reported[area])
		ereport(LOG, (errmsg("%s", texts[area].works)));
	reported[area] = false;
	last[area][0] = '\0';
}

const char *
problem_reason(ProblemArea area)
{
	return last[area];
}
