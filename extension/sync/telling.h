/*
 * telling.h
 *	  What the log is told, and how often: a reason that lasts is told once an hour, and of many pods not each.
 */
#ifndef EDURANGE_TELLING_H
#define EDURANGE_TELLING_H

#include "postgres.h"

#include "base/monotonic.h"

/* So many pods are named within an hour; the drift has all of them. */
#define FEW_PODS 20

/* How often something was told within the hour that has begun. */
typedef struct Telling
{
	int64 ends;
	int times;
} Telling;

/* May it be told once more, at most so often within an hour? */
static inline bool
may_tell(Telling *telling, int most)
{
	int64 now = monotonic_ms();

	if (now >= telling->ends)
		*telling = (Telling){.ends = now + 3600 * INT64CONST(1000)};
	return telling->times++ < most;
}

#endif
