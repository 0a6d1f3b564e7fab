/*
 * rosters.h
 *	  Rows of rosters that wait for somebody, and who completes them.
 *
 * A row of edurange.roster says by an e-mail address who is to be in a competition.  It is complete when somebody
 * joined with the code that was made for it, or when there is a user of that address, and until then it waits.
 */
#ifndef EDURANGE_ROSTERS_H
#define EDURANGE_ROSTERS_H

#include "postgres.h"

/* How a statement finds the users of an address: by an index; and what an address is compared as. */
#define EMAIL_KEY(column) "lower(btrim(" column "))"
extern char *email_key(const char *email);

/* A roster is written, and meanwhile nobody makes users; or users are made, and meanwhile no roster is written. */
extern void rosters_hold_for_writing(void);
extern void rosters_hold_for_users(void);

/* Runs a statement: the code is withdrawn, and the row that waits and has it, with it. */
extern void roster_code_withdrawn(const char *group_id, const char *code);

#endif
