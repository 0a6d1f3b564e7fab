/*
 * counters.h
 *	  What the shim has done and is doing, in numbers that any thread may change.
 *
 * Whoever does something counts it here, and http/metrics.c prints it: so no room needs to know who
 * asks.
 */
#ifndef EDURANGE_SHIM_COUNTERS_H
#define EDURANGE_SHIM_COUNTERS_H

#include "base/tier.h"

typedef enum Counter
{
	/* things that only become more */
	COUNTER_RETRIES,        /* calls sent again after having been rolled back */
	COUNTER_CONNECT_FAILED, /* attempts to connect to the database */
	COUNTER_WRONG_TOKENS,
	COUNTER_REFUSED_CONNECTIONS,
	COUNTER_TIMED_OUT_CONNECTIONS,

	/* things whose number goes up and down */
	COUNTER_REQUESTS,         /* being received or answered */
	COUNTER_HTTP_CONNECTIONS, /* open ones, those on their way to a loop included */
	COUNTER_LISTENERS,        /* requests whose answer goes on */
	COUNTER_FEED_DELAY,       /* seconds */
	COUNTER_BODY_BYTES,       /* of the bodies of requests and answers */

	/* the same, one for each tier, which is to be added */
	COUNTER_QUEUE,                                 /* calls that wait for a connection ... */
	COUNTER_DATABASE = COUNTER_QUEUE + TIER_COUNT, /* ... and connections to the database */
	COUNTER_COUNT = COUNTER_DATABASE + TIER_COUNT
} Counter;

extern void counter_add(Counter counter, long change);
extern long counter_value(Counter counter);

#endif
