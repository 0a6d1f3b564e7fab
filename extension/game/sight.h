/*
 * sight.h
 *	  What somebody sees of a competition's board: nothing, all of it, or how it was when it was frozen.
 */
#ifndef EDURANGE_SIGHT_H
#define EDURANGE_SIGHT_H

#include "postgres.h"

#include "calls/caller.h"

/* Is the board of the rule r, a row of edurange.board_rule, frozen? */
#define IS_FROZEN                                                                                  \
	"r.freeze_at <= clock_timestamp() AND coalesce(r.thawed_at > clock_timestamp(), true)"

typedef struct Sight
{
	bool is_staff;
	const char *visibility; /* who else sees it */
	NullableDatum until;    /* timestamptz: as of when; null: as it is */
} Sight;

/*
 * Refuses what is not for the caller in the words for what does not exist: the existence of the competition is not
 * looked at.  For the public, without a token, is_public is set, whoever calls in its name.  Runs statements.
 */
extern bool board_sight(const Caller *caller, bool is_public, const char *group_id, Sight *sight,
                        Refusal *refusal);

/* The same of nobody in particular, who may see it: staff or anybody else. */
extern Sight board_sight_of(const char *group_id, bool is_staff);

#endif
