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

/* Things that only become more. */
typedef enum Counter
{
	COUNTER_RETRIES,        /* calls sent again after having been rolled back */
	COUNTER_CONNECT_FAILED, /* attempts to connect to the database */
	COUNTER_WRONG_TOKENS,
	COUNTER_REFUSED_CONNECTIONS,
	COUNTER_TIMED_OUT_CONNECTIONS,
	COUNTER_COUNT
} Counter;

/* Things whose number goes up and down. */
typedef enum Gauge
{
	GAUGE_REQUESTS,         /* being received or answered */
	GAUGE_HTTP_CONNECTIONS, /* open ones, those on their way to a loop included */
	GAUGE_COUNT
} Gauge;

/* The same, for each tier. */
typedef enum TierGauge
{
	TIER_GAUGE_QUEUE,       /* calls that wait for a database connection */
	TIER_GAUGE_CONNECTIONS, /* to the database */
	TIER_GAUGE_COUNT
} TierGauge;

extern void counter_add(Counter counter);
extern unsigned long counter_value(Counter counter);

extern void gauge_change(Gauge gauge, int change);
extern long gauge_value(Gauge gauge);

extern void tier_gauge_change(TierGauge gauge, Tier tier, int change);
extern long tier_gauge_value(TierGauge gauge, Tier tier);

#endif
