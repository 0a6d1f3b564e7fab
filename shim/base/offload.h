/*
 * offload.h
 *	  One thread for what would keep an event loop from its other requests.
 */
#ifndef EDURANGE_SHIM_OFFLOAD_H
#define EDURANGE_SHIM_OFFLOAD_H

#include "base/loop.h"

/* Something to be done elsewhere; part of a larger structure, which stays until done.run. */
typedef struct Work
{
	void (*run)(struct Work *work); /* in the thread */
	Task done;                      /* then in the loop */
	Loop *loop;
	struct Work *next;
} Work;

/* Hands work over.  Pieces are done one after the other, so that what they need does not add up. */
extern void offload(Work *work);

#endif
