/*
 * locks.h
 *	  Holding what a call is about, always in one order.
 *
 * The order of locks: "User", "CompetitionGroup", what is played or used in it ("GroupChallenge" with its
 * "Challenge", "ChallengeQuestion", or "CompetitionAccessCode"), "_GroupMembers", "ChallengeInstance",
 * "GroupPoints", edurange.standing.  A deleted user's rows go after the user, and a total before its standing.
 * Whether the membership or the total goes first depends on in which order the foreign keys were made, which a dump
 * does not keep.  So who holds both of somebody holds the user before them, and nobody waits crosswise.
 *
 * Who only names a row takes it FOR KEY SHARE: it cannot go, and others can name it, too.  That is why an
 * import, which holds a challenge and its questions first, may name users and placements afterwards: nobody who
 * answers them waits for that.  Who holds a placement against being named holds its challenge before it, FOR SHARE,
 * if they want a question of it, too: so there is no import meanwhile that holds the question and waits for the
 * placement.  Else FOR KEY SHARE: who deletes the challenge looks for placements while they hold it.
 *
 * The reset of a user's progress holds the user FOR NO KEY UPDATE, which others can name still, and an import those
 * whom it completes a challenge for FOR SHARE: so one waits for the other.
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

/* These hold the row to the end of the transaction, or refuse because there is none; within statements. */
extern bool lock_user(const char *user_id, Refusal *refusal);
/* So that the user's progress is being reset, and others can name them still. */
extern bool lock_user_to_reset(const char *user_id, Refusal *refusal);
extern bool lock_competition(const char *group_id, Refusal *refusal);

/* The same of a membership, after both, as whoever scores holds it; refuses with not_a_member. */
extern bool lock_member(const char *group_id, const char *user_id, Refusal *refusal);

/*
 * Many of a competition: users and memberships, in the order of the users' ids; answers who of them are members.  Then
 * the totals: nobody sets one to zero meanwhile, which counts as a reset.  Who sets one that is not there yet holds the
 * membership.
 */
extern Datum lock_members(const char *group_id, Datum user_ids);
extern void lock_totals(const char *group_id, Datum user_ids);

/*
 * A time that divides what somebody whose membership is held has done and will do: the platform's times are rounded
 * to milliseconds, and yet none of before is after it and none from now on is not.  It waits for that, 1.5 ms
 * at most.
 */
extern TimestampTz time_that_divides(void);

#endif
