/*
 * tier.h
 *	  What a caller may do: the same tiers as those of the extension (extension/calls/caller.h).
 */
#pragma once

#include <stdbool.h>

/* Each tier may do what the one before it may. */
typedef enum Tier
{
	TIER_NONE,
	TIER_PLAYER,
	TIER_SERVICE,
	TIER_ADMIN,
	TIER_COUNT
} Tier;

extern const char *tier_name(Tier tier);
extern bool tier_from_name(const char *name, Tier *tier);
