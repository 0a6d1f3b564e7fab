/*
 * caller.h
 *	  Who calls, at which tier, and bound to whom.
 *
 * The room calls/ is about calls, whatever is called: who may make them (here and in tokens.c), that a
 * repeated one is done once (idempotency.h), many of them at once (outcomes.h), and in which order they
 * take locks (locks.h).
 */
#ifndef EDURANGE_CALLER_H
#define EDURANGE_CALLER_H

#include "postgres.h"

#include "fmgr.h"

#include "base/refusal.h"

typedef enum Tier
{
	TIER_NONE,
	TIER_PLAYER,
	TIER_SERVICE,
	TIER_ADMIN
} Tier;

typedef struct Caller
{
	Tier tier;
	char *token_id;
	char *bound_user;
	char *bound_instance;
	char *actor; /* "token:<id>" or "role:<name>", as the ledger has it */
} Caller;

extern void caller_read(Caller *caller, FunctionCallInfo fcinfo, int argument);
extern char *caller_role_actor(void);

/* These run statements: only between statements_begin() and statements_end(). */
/* (the name is that of the parameter that says the user or the instance) */
extern bool
caller_acts_as(const Caller *caller, const char *name, const char *user_id, Refusal *refusal);
extern bool caller_uses_instance(const Caller *caller, const char *name, const char *instance_id,
                                 Refusal *refusal);
/* A list of one user's things: an unbound caller names any user or none, a bound one gets its own. */
extern bool
caller_lists_user(const Caller *caller, const char *name, char **user_id, Refusal *refusal);
extern bool caller_sees_competition(const Caller *caller, const char *group_id, Refusal *refusal);

#endif
