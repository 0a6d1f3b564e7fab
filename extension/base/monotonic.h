/*
 * monotonic.h
 *	  The clock that periods go by: it never jumps, whatever is done to the time of day.
 */
#ifndef EDURANGE_MONOTONIC_H
#define EDURANGE_MONOTONIC_H

#include "postgres.h"

#include "portability/instr_time.h"

/* Milliseconds since some moment in the past, the same for all processes of the server. */
static inline int64
monotonic_ms(void)
{
	instr_time now;

	INSTR_TIME_SET_CURRENT(now);
	return (int64) INSTR_TIME_GET_MILLISEC(now);
}

#endif
