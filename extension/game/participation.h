/*
 * participation.h
 *	  How a member takes part, where that is not as all others do: with extra time, or disqualified.
 *
 * Whoever sets it holds the membership, as whoever scores does, so that it is decided before a play or after it.
 */
#ifndef EDURANGE_PARTICIPATION_H
#define EDURANGE_PARTICIPATION_H

#include "postgres.h"

typedef enum Participation
{
	PARTICIPATES,
	HAS_EXTRA_TIME, /* at the time of the statement: once the competition has begun, it is not over for this user */
	IS_DISQUALIFIED
} Participation;

/* A user's in a competition, as SQL that reads an integer; after the membership is held. */
#define PARTICIPATION(user_id, group_id)                                                           \
	"coalesce((SELECT CASE WHEN t.disqualified THEN 2 WHEN t.ends_at > statement_timestamp()"      \
	" THEN 1 END FROM edurange.participation t"                                                    \
	" WHERE t.group_id = " group_id " AND t.user_id = " user_id "), 0)"

#endif
