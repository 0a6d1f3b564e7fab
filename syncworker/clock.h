/*
 * clock.h
 *	  The clock that pauses, back-off and deadlines go by: it never jumps, whatever is done to the time of day.
 */
#ifndef EDURANGE_WORKER_CLOCK_H
#define EDURANGE_WORKER_CLOCK_H

#include "postgres.h"

#include "portability/instr_time.h"

/* Milliseconds since some moment in the past. */
static inline int64
clock_ms(void)
{
	instr_time now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MILLISEC(now);
}

#endif
