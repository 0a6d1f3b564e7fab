/*
 * competitions.h
 *	  Who instructs a competition, and how its board was.
 */
#ifndef EDURANGE_COMPETITIONS_H
#define EDURANGE_COMPETITIONS_H

#include "calls/caller.h"

/*
 * The heads of a competition's pairs as they were at a time, from the ledger.  A pair whose head is not younger is as
 * it was, whatever the time; of others the newest entry until then is found by the ledger's key.
 */
#define STANDING_AT(group_id, time)                                                                \
	"(SELECT h.user_id, h.member, h.xmin AS written, h.changed_at, was.points,"                    \
	" CASE WHEN h.changed_at <= " time " THEN h.reached_at"                                        \
	"  WHEN e.delta = 0 THEN (SELECT l.at FROM edurange.points_ledger l"                           \
	"   WHERE l.user_id = h.user_id AND l.group_id = " group_id " AND l.at <= " time               \
	"   AND l.delta <> 0 ORDER BY l.seq DESC LIMIT 1) ELSE e.at END AS reached_at"                 \
	" FROM edurange.standing h"                                                                    \
	" LEFT JOIN LATERAL (SELECT l.balance, l.at, l.delta FROM edurange.points_ledger l"            \
	"  WHERE h.changed_at > " time " AND l.user_id = h.user_id AND l.group_id = " group_id         \
	"  AND l.at <= " time " ORDER BY l.seq DESC LIMIT 1) e ON true,"                               \
	" LATERAL (SELECT CASE WHEN h.changed_at <= " time " THEN h.points"                            \
	"  ELSE coalesce(e.balance, 0) END) AS was (points) WHERE h.group_id = " group_id ")"

/* The ids in the argument instructor_ids: at least one, none of them null. */
extern Datum *competition_instructors(FunctionCallInfo fcinfo, int argument, int *count);

/* A bound caller makes competitions of its own user only, and leaves none without that user. */
extern bool
competition_is_own(const Caller *caller, const Datum *instructors, int count, Refusal *refusal);

#endif
