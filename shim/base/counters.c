/*
 * counters.c
 *	  What the shim has done and is doing, in numbers that any thread may change.
 *
 * Counting is an addition to an atomic number and takes no lock.
 */
#include "base/counters.h"

#include <stdatomic.h>

static atomic_ulong counters[COUNTER_COUNT];
static atomic_long gauges[GAUGE_COUNT];
static atomic_long tier_gauges[TIER_GAUGE_COUNT][TIER_COUNT];

void
counter_add(Counter counter)
{
	atomic_fetch_add_explicit(&counters[counter], 1, memory_order_relaxed);
}

unsigned long
counter_value(Counter counter)
{
	return atomic_load(&counters[counter]);
}

/* In one order for all threads: the end waits until no request is left (main.c). */
void
gauge_change(Gauge gauge, int change)
{
	atomic_fetch_add(&gauges[gauge], change);
}

long
gauge_value(Gauge gauge)
{
	return atomic_load(&gauges[gauge]);
}

void
tier_gauge_change(TierGauge gauge, Tier tier, int change)
{
	atomic_fetch_add_explicit(&tier_gauges[gauge][tier], change, memory_order_relaxed);
}

long
tier_gauge_value(TierGauge gauge, Tier tier)
{
	return atomic_load(&tier_gauges[gauge][tier]);
}
