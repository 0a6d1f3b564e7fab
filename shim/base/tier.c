/*
 * tier.c
 *	  What a caller may do: the same tiers as those of the extension (extension/calls/caller.h).
 */
#include "base/tier.h"

#include <string.h>

static const char *const tier_names[TIER_COUNT] = {
    [TIER_NONE] = "none",
    [TIER_PLAYER] = "player",
    [TIER_SERVICE] = "service",
    [TIER_ADMIN] = "admin",
};

/* The name of a tier as settings, tokens and the log spell it. */
const char *
tier_name(Tier tier)
{
	return tier_names[tier];
}

/* The tier of that name; false leaves *tier alone. */
bool
tier_from_name(const char *name, Tier *tier)
{
	for (int i = 0; i < TIER_COUNT; i++)
	{
		if (strcmp(tier_names[i], name) == 0)
		{
			*tier = (Tier) i;
			return true;
		}
	}
	return false;
}
