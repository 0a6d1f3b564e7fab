/*
 * auth.h
 *	  Who calls: the token of a request, what it stands for, and what it may do.
 */
#ifndef EDURANGE_SHIM_AUTH_H
#define EDURANGE_SHIM_AUTH_H

#include <stdbool.h>

#include "api/routes.h"
#include "base/errors.h"

#define TOKEN_HASH_LENGTH 67 /* \x, 64 digits and the terminator */

typedef struct Caller
{
	Tier tier;
	bool with_token;
	char *values[CALLER_VALUES]; /* token id, bound user id, bound instance id */
} Caller;

extern bool auth_hash_token(const char *header, char hash[TOKEN_HASH_LENGTH]);
extern bool auth_accept(const char *token_row, Caller *caller);
extern bool auth_permits(const Caller *caller, const Route *route, Failure *failure);
extern void caller_copy(Caller *caller, const Caller *other);
extern void caller_free(Caller *caller);

#endif
