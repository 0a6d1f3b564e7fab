/*
 * users.h
 *	  Users by their e-mail addresses.
 */
#ifndef EDURANGE_USERS_H
#define EDURANGE_USERS_H

#include "postgres.h"

#include "base/refusal.h"
#include "calls/caller.h"

typedef struct NewUser
{
	const char *email;
	const char *name; /* may be NULL */
	const char *role;
	const char *id; /* NULL: a new one */
} NewUser;

extern bool is_email(const char *email);

/* Is it the address of the system account, however it is spelled?  No other user is made of it. */
extern bool is_system_address(const char *email);

/* These run statements.  The user of an address, NULL where there is none; refuses where there are several. */
extern bool user_of_email(const char *email, char **user_id, Refusal *refusal);

/*
 * Raises where more users have these addresses, a list, than so many, which were found: the snapshot of the transaction
 * is older than one of them.
 */
extern void check_users_seen(NullableDatum emails, uint64 count);

/* The user of an address, made where there is none. */
extern bool make_user(const NewUser *user, const Caller *caller, char **user_id, bool *existed,
                      Refusal *refusal);

#endif
