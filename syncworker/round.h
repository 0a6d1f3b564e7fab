/*
 * round.h
 *	  One round of the sync worker.
 */
#ifndef EDURANGE_WORKER_ROUND_H
#define EDURANGE_WORKER_ROUND_H

#define ROUND_NEVER (-1)

/* Does what is due.  Returns the milliseconds until the next round, or ROUND_NEVER. */
extern long round_run(void);

/* Forgets earlier failures and what is not due yet, so that the next round asks for all. */
extern void round_start_anew(void);

#endif
