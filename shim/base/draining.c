/*
 * draining.c
 *	  Is the shim about to end?
 */
#include "base/draining.h"

#include <stdatomic.h>

static atomic_bool draining;

void
draining_begin(void)
{
	atomic_store(&draining, true);
}

bool
is_draining(void)
{
	return atomic_load(&draining);
}
