/*
 * auth.h
 *	  Who calls: the token of a request, what it stands for, and what it may do.
 *
 * The room access/ is tokens: read and judged here, asked for and remembered for a moment in tokens.h.
 */
#pragma once

#include <stdbool.h>

#include "base/errors.h"
#include "base/tier.h"
#include "database/statements.h"

#define TOKEN_HASH_LENGTH 67 /* \x, 64 digits and the terminator */

/* Some of the CALLER_VALUES that say who calls, in their order. */
#define CALLER_USER 1
#define CALLER_INSTANCE 2
#define CALLER_ACTING 3

/* Whose a request is, as its token or its lack of one says. */
typedef struct Identity
{
	Tier tier;
	bool with_token;
	char *values[CALLER_VALUES];
} Identity;

extern bool auth_hash_token(const char *header, char hash[TOKEN_HASH_LENGTH], Failure *failure);
extern bool auth_accept(const char *token_row, Identity *identity);
extern bool auth_permits(const Identity *identity, Tier tier, Failure *failure);
extern bool auth_act(Identity *identity, const char *user_id, Failure *failure);
extern void identity_copy(Identity *identity, const Identity *other);
extern void identity_free(Identity *identity);
