/*
 * limiter.h
 *	  Wrong tokens, counted for each address.
 */
#ifndef EDURANGE_SHIM_LIMITER_H
#define EDURANGE_SHIM_LIMITER_H

#include "base/address.h"

/* Were there wrong tokens within the last minute at all?  Costs nothing. */
extern bool limiter_is_busy(void);

/* Seconds until tokens of the address are looked at again; 0: now.  A limit of 0 is no limit. */
extern int limiter_wait(Address address, const char *token_hash, int limit);

/* A token of the address was wrong, or right. */
extern void limiter_failed(Address address);
extern void limiter_accepted(const char *token_hash);

#endif
