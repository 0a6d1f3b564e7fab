/*
 * authority.h
 *	  What somebody may have done on their behalf: the authority of an acting user.
 */
#ifndef EDURANGE_AUTHORITY_H
#define EDURANGE_AUTHORITY_H

#include "postgres.h"

#include "fmgr.h"

/*
 * Stands in for users that are gone; it has no login, so nobody acts as it.  Nobody else is given its id or its
 * address.
 */
#define SYSTEM_ACCOUNT "edurange-system"
#define SYSTEM_ADDRESS SYSTEM_ACCOUNT "@invalid"

typedef enum Acting
{
	ACTS_AS_STAFF, /* the call may do what its tier may */
	ACTS_AS_ADMIN, /* likewise, and about everybody's competitions */
	ACTS_AS_PLAYER /* it sees and may assert no more than a player's would */
} Acting;

/* As what the user may have the function called with these arguments; raises not_an_instructor where they may not. */
extern Acting authority_check(const char *acting_user, FunctionCallInfo fcinfo);

/* Raises likewise where they may not any more, by what is committed by now: somebody may have been waited for. */
extern void authority_check_again(const char *acting_user, FunctionCallInfo fcinfo);

#endif
