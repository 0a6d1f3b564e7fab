/*
 * idempotency.h
 *	  Mutations that may carry an idempotency key.
 */
#ifndef EDURANGE_IDEMPOTENCY_H
#define EDURANGE_IDEMPOTENCY_H

#include "postgres.h"

#include "calls/caller.h"

/* What a mutation does once; returns its composite result. */
typedef Datum (*Mutation)(FunctionCallInfo fcinfo, const Caller *caller);

/*
 * Runs a mutation whose last two arguments are the caller and the idempotency key.  With a key that
 * the same caller has used for the same request, it answers as it did then and does nothing.
 */
extern Datum mutate(FunctionCallInfo fcinfo, Mutation mutation);

#endif
