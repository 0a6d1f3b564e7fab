/*
 * opening.h
 *	  Bringing what is ours up to the rows that were there before it, or that changed without it.
 */
#ifndef EDURANGE_OPENING_H
#define EDURANGE_OPENING_H

#include "postgres.h"

/*
 * An entry of the ledger for each total that it does not account for, and each membership as it is on the
 * board.  Returns how many entries there are; a dry run only counts them.
 */
extern uint64 opening_entries(bool dry_run);

/* Forgets what is not there any more and no trigger saw go: retired questions, users and competitions of rosters. */
extern void opening_forget_gone(void);

#endif
