/*
 * competitions.h
 *	  Who instructs a competition, and codes to join one by.
 */
#ifndef EDURANGE_COMPETITIONS_H
#define EDURANGE_COMPETITIONS_H

#include "calls/caller.h"

/* The ids in the argument instructor_ids: at least one, none of them null. */
extern Datum *competition_instructors(FunctionCallInfo fcinfo, int argument, int *count);

/* A new access code that nobody can guess. */
extern char *competition_random_code(void);

/* A bound caller makes competitions of its own user only, and leaves none without that user. */
extern bool
competition_is_own(const Caller *caller, const Datum *instructors, int count, Refusal *refusal);

#endif
