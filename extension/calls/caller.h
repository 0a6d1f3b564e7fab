/*
 * caller.h
 *	  Who calls, at which tier, bound to whom, and for whom somebody acts.
 *
 * The room calls/ is about calls, whatever is called: who may make them (here, in authority.h and in tokens.c), that a
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
	bool acts_as_admin; /* the acting user has role ADMIN, in a call that is for any user */
	char *acting_user;  /* who had the call made, or NULL; an unbound service speaks for them */
	char *scope;        /* "token:<id>" or "role:<name>": whose the call's idempotency key is */
	char *actor;        /* as the ledger has it: "user:<id>" of who acts, else the scope */
	char *via;          /* the scope where somebody acts through it, else NULL */
} Caller;

/*
 * Reads who calls and refuses whom the acting user's authority (authority.h) does not cover; the argument is an
 * edurange.caller or null, -1 where there is none.  Runs statements, and is not called between statements_begin() and
 * statements_end().
 */
extern void caller_read(Caller *caller, FunctionCallInfo fcinfo, int argument);
/* The same in two steps, for who has to know who calls before that may be refused. */
extern void caller_identify(Caller *caller, FunctionCallInfo fcinfo, int argument);
extern void caller_authorize(Caller *caller, FunctionCallInfo fcinfo);
/* The same of the last argument, for a function that needs nothing else of it; scripts of before give it none. */
extern void caller_check(FunctionCallInfo fcinfo);
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
/* The same, and who acts as a player must have a part in it, too. */
extern bool caller_takes_part(const Caller *caller, const char *group_id, Refusal *refusal);
/* Refuses it in the words for one that does not exist; always false. */
extern bool caller_sees_nothing(const Caller *caller, const char *group_id, Refusal *refusal);

#endif
