/*
 * heads.h
 *	  How a board was: the heads of a competition's pairs, from the ledger, and who had completed what.
 */
#ifndef EDURANGE_HEADS_H
#define EDURANGE_HEADS_H

#include "game/entries.h"

/*
 * The heads of a competition's pairs as they were at a time, from the ledger.  A pair that has not changed since is as
 * it was; for the others, e is what their entries say up to then.  Somebody hidden does not count as a member.
 */
#define HEADS_BY(standing, those, entries, group_id, time)                                         \
	"SELECT h.user_id, h.member AND NOT h.hidden AS member, h.hidden, h.written,"                  \
	" CASE WHEN h.changed_at <= " time " THEN h.points ELSE coalesce(e.balance, 0) END AS points," \
	" CASE WHEN h.changed_at <= " time " THEN h.reached_at WHEN e.delta <> 0 THEN e.at"            \
	"  WHEN e.delta = 0 THEN (SELECT l.at FROM edurange.points_ledger l"                           \
	"   WHERE l.user_id = h.user_id AND l.group_id = " group_id " AND l.at <= " time               \
	"   AND l.delta <> 0 ORDER BY l.seq DESC LIMIT 1) END AS reached_at"                           \
	" FROM (SELECT *, xmin AS written FROM " standing " WHERE group_id = " group_id " AND " those  \
	") h" entries
/* The newest entry of a pair until then, found by the ledger's key. */
#define NEWEST_UNTIL(group_id, time)                                                               \
	"SELECT l.balance, l.at, l.delta FROM edurange.points_ledger l WHERE h.changed_at > " time     \
	" AND NOT h.backdated AND l.user_id = h.user_id AND l.group_id = " group_id                    \
	" AND l.at <= " time " ORDER BY l.seq DESC LIMIT 1"
/*
 * Where entries count from earlier on than they were written, all until then are summed up: by when they were written,
 * or, corrected, by when they count.
 */
#define SUM_UNTIL(group_id, time, corrected)                                                       \
	"SELECT sum(delta)::integer, max(t) FILTER (WHERE delta <> 0), 1"                              \
	" FROM (SELECT " COUNTS_AT " AS t, sum(l.delta) AS delta FROM edurange.points_ledger l"        \
	"  WHERE h.changed_at > " time " AND h.backdated AND l.user_id = h.user_id"                    \
	"  AND l.group_id = " group_id " AND CASE WHEN " corrected " THEN " COUNTS_AT                  \
	"   ELSE l.at END <= " time " GROUP BY 1) sums HAVING h.backdated"
#define EACH(entries) " LEFT JOIN LATERAL (" entries ") e (balance, at, delta) ON true"
/*
 * The newest of all of them in one pass over the competition's entries, in the order of the key.  A full join, as that
 * is never made by a look-up for each, nor does OFFSET let a condition from outside make another one of it.
 */
#define NEWEST_OF_ALL_UNTIL(group_id, time)                                                        \
	" FULL JOIN (SELECT DISTINCT ON (l.user_id) l.user_id, l.balance, l.at, l.delta"               \
	"  FROM edurange.points_ledger l WHERE l.group_id = " group_id " AND l.at <= " time            \
	"  ORDER BY l.user_id DESC, l.seq DESC) e ON e.user_id = h.user_id OFFSET 0"
/* clang-format off */
#define STANDING_AT(group_id, time, corrected)                                                     \
	"(" HEADS_BY("edurange.standing", "true", EACH("(" NEWEST_UNTIL(group_id, time) ") UNION ALL " \
	                SUM_UNTIL(group_id, time, corrected)), group_id, time) ")"
/* The same where most of many pairs have to be looked for. */
#define STANDING_OF_MANY_AT(group_id, time, corrected)                                                 \
	"(SELECT * FROM (" HEADS_BY("edurange.standing", "NOT backdated", NEWEST_OF_ALL_UNTIL(group_id, time), \
	                           group_id, time) ") h WHERE user_id IS NOT NULL"                         \
	" UNION ALL " HEADS_BY("edurange.standing", "backdated", EACH(SUM_UNTIL(group_id, time, corrected)), \
	                       group_id, time) ")"
/* clang-format on */
/* The same before migrate(), when nobody was hidden, and no entry counted from earlier on. */
#define STANDING_AT_OF_BEFORE(group_id, time, corrected)                                           \
	"(" HEADS_BY("(SELECT user_id, group_id, points, reached_at, changed_at, member, xmin,"        \
	             " false AS hidden, false AS backdated FROM edurange.standing) s",                 \
	             "true", EACH(NEWEST_UNTIL(group_id, time)), group_id, time) ")"

/* A time of the platform's, without time zone, to be reckoned with: somebody may have written one without end. */
#define WITHIN_YEARS(time) "least(greatest(" time ", '0001-01-01'), '9999-12-31')"

/* Did nothing happen to a competition's completions after a time, but that new ones came? */
#define NONE_CHANGED_SINCE(group_id, time)                                                         \
	"(NOT EXISTS (SELECT FROM public.\"GroupChallenge\" gc JOIN edurange.completion_change x"      \
	" ON x.group_challenge_id = gc.id WHERE gc.\"groupId\" = " group_id " AND x.at > " time "))"
/* What happened to a user's completions after a time, but that new ones came. */
#define CHANGED_SINCE(user, time, corrected)                                                       \
	"edurange.completion_change x WHERE NOT " corrected " AND x.user_id = " user " AND x.at > " time
#define COMPLETED_BUT_FOR(changed, user, time)                                                     \
	"(SELECT cc.\"groupChallengeId\" AS placement, cc.\"completedAt\" AS at"                       \
	" FROM public.\"ChallengeCompletion\" cc WHERE cc.\"userId\" = " user                          \
	" AND cc.\"completedAt\" <= " time " AT TIME ZONE 'UTC'"                                       \
	" AND cc.\"groupChallengeId\" <> ALL (ARRAY(SELECT x.group_challenge_id FROM " changed "))"    \
	" UNION ALL SELECT group_challenge_id, completed_at AT TIME ZONE 'UTC'"                        \
	" FROM (SELECT DISTINCT ON (x.group_challenge_id) x.* FROM " changed                           \
	"  ORDER BY x.group_challenge_id, x.at) first WHERE gone AND completed_at <= " time ")"
/*
 * Which placements a user had completed at a time, and when: by the first change of each since, and where there is
 * none by the completion that is there.  Corrected: by what is there alone, as for a time to come.
 */
#define COMPLETED_AT(user, time, corrected)                                                        \
	COMPLETED_BUT_FOR(CHANGED_SINCE(user, time, corrected), user, time)
/* The same before migrate(). */
#define COMPLETED_AT_OF_BEFORE(user, time, corrected)                                              \
	"(SELECT cc.\"groupChallengeId\" AS placement FROM public.\"ChallengeCompletion\" cc"          \
	" WHERE cc.\"userId\" = " user " AND cc.\"completedAt\" <= " time " AT TIME ZONE 'UTC')"

/*
 * A completion that is younger when it is written was completed then: it is dated by the writer's clock.  So who had
 * completed what at a time is certain so long after it.
 */
#define COMPLETED_JUST_NOW (1 * USECS_PER_SEC)

#endif
