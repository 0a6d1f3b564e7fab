/*
 * attempts.h
 *	  How many attempts at a question are left.
 */
#ifndef EDURANGE_ATTEMPTS_H
#define EDURANGE_ATTEMPTS_H

#include "postgres.h"

#include "base/refusal.h"

/*
 * The attempts at the question that are on record.  Those that count are the newest, as many as the limit, that
 * are young enough to matter and came after an instructor's reset.
 */
typedef struct AttemptHistory
{
	int32 all;          /* whether they count or not */
	int32 count;        /* of those that count */
	TimestampTz newest; /* 0 here and below: there is none */
	TimestampTz oldest;
	int32 in_window; /* of those that count: within edurange.attempt_window */
	TimestampTz oldest_in_window;
} AttemptHistory;

/* The limit as it stands after the attempt that is about to be made. */
typedef struct AttemptAllowance
{
	int32 limit; /* 0: none */
	int32 remaining;
	TimestampTz reset; /* when there will be more */
} AttemptAllowance;

/* The history that so many attempts make, a timestamptz[] the newest first, and a last reset (0: none). */
extern AttemptHistory attempts_read(Datum times, TimestampTz reset_at);

/*
 * May the user whose history it is try the question once more?  Refuses with too_many_attempts, whose detail is a JSON
 * object: members of the answer that clients of the platform read.  The caller holds the membership's lock.
 */
extern bool attempts_check(const AttemptHistory *history, const char *question_id,
                           AttemptAllowance *allowance, Refusal *refusal);

#endif
