/*
 * attempts.h
 *	  How many attempts at a question are left.
 */
#ifndef EDURANGE_ATTEMPTS_H
#define EDURANGE_ATTEMPTS_H

#include "postgres.h"

#include "game/completions.h"

/* The limit as it stands after the attempt that is about to be made. */
typedef struct AttemptAllowance
{
	int32 limit; /* 0: none */
	int32 remaining;
	TimestampTz reset; /* when there will be more */
} AttemptAllowance;

/*
 * May the play's user try once more?  Refuses with too_many_attempts, whose detail is a JSON object:
 * members of the answer that clients of the platform read.  The caller holds the membership's lock.
 */
extern bool attempts_check(const Play *play, AttemptAllowance *allowance, Refusal *refusal);

#endif
