/*
 * locks.h
 *	  Holding what a call is about, always in one order.
 *
 * The order of locks: "User", "CompetitionGroup", what is played or used in it ("GroupChallenge" with its
 * "Challenge", "ChallengeQuestion", or "CompetitionAccessCode"), "_GroupMembers", "ChallengeInstance",
 * "GroupPoints", edurange.standing.  A deleted user's rows go likewise, the user first and a total before
 * its standing, so that nobody waits crosswise.
 *
 * Who only names a row takes it FOR KEY SHARE: it cannot go, and others can name it, too.  That is why an
 * import, which holds a challenge and its questions first, may name users afterwards: nobody who answers
 * them waits for that.
 */
#ifndef EDURANGE_LOCKS_H
#define EDURANGE_LOCKS_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "base/refusal.h"

/*
 * Is a column that names the competition this one, where another key finds the row?  No index can take it, so that
 * a plan that is made while there are few rows does not go through all of a competition later.
 */
#define OF(competition) " IS NOT DISTINCT FROM " competition

/* Both hold the row to the end of the transaction, or refuse because there is none; within statements. */
extern bool lock_user(const char *user_id, Refusal *refusal);
extern bool lock_competition(const char *group_id, Refusal *refusal);

/* The same of a membership, after both, as whoever scores holds it; refuses with not_a_member. */
extern bool lock_member(const char *group_id, const char *user_id, Refusal *refusal);

/*
 * A time that divides what somebody whose membership is held has done and will do: the platform's times are rounded
 * to milliseconds, and yet none of before is after it and none from now on is not.  It waits for that, 1.5 ms
 * at most.
 */
extern TimestampTz time_that_divides(void);

#endif
