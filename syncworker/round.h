/*
 * round.h
 *	  One round of the sync worker.
 *
 * The worker carries messages between the Instance Manager and the database, and decides nothing: what
 * a report means, and what to ask next, is said by edurange.sync_apply() and sync_apply_list().  A
 * round (round.c) asks for the list of pods, hands it over, asks what it is told to ask and hands
 * that over.  instance_manager.c knows how to ask, over http.c; database.c knows how to hand over;
 * worker.c is the process around it.  Each uses only what stands further down in this order:
 * worker, round, database and instance_manager, http, settings and interrupts and compat.
 */
#ifndef EDURANGE_WORKER_ROUND_H
#define EDURANGE_WORKER_ROUND_H

#define ROUND_NEVER (-1)
#define ROUND_LAST (-2)

/* Does what is due.  Returns the milliseconds until the next round, ROUND_NEVER, or ROUND_LAST: the worker is to end. */
extern long round_run(void);

/* Forgets earlier failures and what is not due yet, so that the next round asks for all. */
extern void round_start_anew(void);

#endif
