/*
 * held_keys.h
 *	  Foreign keys into rows that the transaction holds already.
 *
 * A foreign key locks the row that it names, with each insert anew.  Of a row that many name at once, a competition
 * or a question, each such lock lists all others who hold it, so that what is to be locked once must not be
 * locked three times.  Nor need it be looked for: a row that is held FOR KEY SHARE cannot go or get another key.
 */
#ifndef EDURANGE_HELD_KEYS_H
#define EDURANGE_HELD_KEYS_H

#include "postgres.h"

/* Watches executions; once, when the module is loaded. */
extern void held_keys_register(void);

/*
 * The next execution of this very text does not check the foreign keys of the platform's that a play has held
 * (calls/locks.h); NULL: none is expected any more.
 */
extern void held_keys_expect(const char *sql);

#endif
