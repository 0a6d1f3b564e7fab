/*
 * round.h
 *	  What the sync worker does when.
 *
 * The worker carries messages between the Instance Manager and the database, and decides nothing: what
 * a report means, and what to ask next, is said by edurange.sync_apply() and sync_apply_list().  It waits
 * for nothing but time: round.c begins what is due (the list of pods, the schema, a probe, questions about
 * single pods) and takes what has come, each when it comes.  questions.c has the questions under way,
 * answers.c what came of them; instance_manager.c knows how to ask, over http.c; responses.c knows what became of
 * that; database.c knows how to hand over; worker.c is the process around it.  Each uses only what stands further
 * down in this order: worker, round, questions, answers, problems, database and instance_manager, http, responses,
 * and the headers settings, interrupts, clock and compat.
 */
#ifndef EDURANGE_WORKER_ROUND_H
#define EDURANGE_WORKER_ROUND_H

#define ROUND_NEVER (-1)
#define ROUND_LAST (-2)

/* Does what is due.  Returns the milliseconds until something is, ROUND_NEVER, or ROUND_LAST: the worker is to end. */
extern long round_run(void);

/* Forgets earlier failures and what is not due yet, so that the next round asks for all. */
extern void round_start_anew(void);

#endif
