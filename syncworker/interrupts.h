/*
 * interrupts.h
 *	  How the worker reacts to signals while no transaction is open.
 */
#ifndef EDURANGE_WORKER_INTERRUPTS_H
#define EDURANGE_WORKER_INTERRUPTS_H

#include "postgres.h"

#include "miscadmin.h"

/*
 * Acts on a request to end, at once.  A query cancel finds nothing to cancel outside a transaction
 * and must not become an error there, which would end the worker.
 */
static inline void
check_interrupts(void)
{
	QueryCancelPending = false;
	CHECK_FOR_INTERRUPTS();
}

#endif
