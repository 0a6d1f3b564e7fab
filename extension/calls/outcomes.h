/*
 * outcomes.h
 *	  What goes with a batch: many calls of one function in one statement.
 */
#ifndef EDURANGE_OUTCOMES_H
#define EDURANGE_OUTCOMES_H

#include "postgres.h"

/*
 * What may gather in a batch and be written at its end.  begin() gets a memory context that lives as
 * long as the batch.  Then comes either end(), behind the last call, or abandon(), after an error in
 * between or in end() itself.  A batch never stands within another one: triggers and the like cannot call
 * functions of ours (surface.c).
 */
typedef struct BatchWork
{
	void (*begin)(MemoryContext context);
	void (*end)(void);
	void (*abandon)(void);
} BatchWork;

/* Names the work, once, when the module is loaded: what is above this room is not known to it. */
extern void outcomes_register(const BatchWork *work);

#endif
