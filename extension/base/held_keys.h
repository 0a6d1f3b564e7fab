/*
 * held_keys.h
 *	  Foreign keys into rows that the transaction holds already.
 *
 * A foreign key locks the row that it names at each insert.  Where many name one row, such as a competition, each
 * lock has to list all its holders: so the row is locked once, not once for each key.  Nor need it be looked for
 * again: a row that is held FOR KEY SHARE cannot go or get another key.
 */
#ifndef EDURANGE_HELD_KEYS_H
#define EDURANGE_HELD_KEYS_H

#include "postgres.h"

/* Watches executions; once, when the module is loaded. */
extern void held_keys_register(void);

/*
 * The next execution of this very text skips the checks of those foreign keys whose rows the play holds
 * (calls/locks.h); NULL: none is expected any more.
 */
extern void held_keys_expect(const char *sql);

#endif
