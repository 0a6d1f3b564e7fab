/*
 * counters.c
 *	  What the shim has done and is doing, in numbers that any thread may change.
 *
 * Counting is an addition to an atomic number and takes no lock.  All threads see it in one order: the
 * end waits until no request is left (main.c).
 */
#include "base/counters.h"

#include <stdatomic.h>

static atomic_long counters[COUNTER_COUNT];

void
counter_add(Counter counter, long change)
{
	atomic_fetch_add(&counters[counter], change);
}

long
counter_value(Counter counter)
{
	return atomic_load(&counters[counter]);
}
