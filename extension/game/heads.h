/*
 * heads.h
 *	  The order of the board, and how the heads of a competition's pairs were, from the ledger.
 */
#ifndef EDURANGE_HEADS_H
#define EDURANGE_HEADS_H

#include "game/entries.h"

/* The order of the board, of standings s: of equal totals the one that was reached first, then by ids. */
#define BOARD_ORDER "s.points DESC, s.reached_at, s.user_id"

/*
 * The heads of a competition's pairs as they were at a time, from the ledger.  A pair whose head is not younger is as
 * it was, whatever the time; of others the newest entry until then is found by the ledger's key.  Where entries count
 * from earlier on than they were written, all until then are summed up: by when they were written, or, corrected, by
 * when they count.  Who is hidden is no member to be seen.
 */
#define STANDING_OF(standing, counts_at, group_id, time, corrected)                                \
	"(SELECT h.user_id, h.member AND NOT h.hidden AS member, h.hidden, h.xmin AS written,"         \
	" was.points,"                                                                                 \
	" CASE WHEN h.changed_at <= " time " THEN h.reached_at WHEN h.backdated THEN e.at"             \
	"  WHEN e.delta = 0 THEN (SELECT l.at FROM edurange.points_ledger l"                           \
	"   WHERE l.user_id = h.user_id AND l.group_id = " group_id " AND l.at <= " time               \
	"   AND l.delta <> 0 ORDER BY l.seq DESC LIMIT 1) ELSE e.at END AS reached_at"                 \
	" FROM " standing " h"                                                                         \
	" LEFT JOIN LATERAL ((SELECT l.balance, l.at, l.delta FROM edurange.points_ledger l"           \
	"   WHERE h.changed_at > " time " AND NOT h.backdated AND l.user_id = h.user_id"               \
	"   AND l.group_id = " group_id " AND l.at <= " time " ORDER BY l.seq DESC LIMIT 1)"           \
	"  UNION ALL SELECT sum(delta)::integer, max(t) FILTER (WHERE delta <> 0), 0"                  \
	"  FROM (SELECT " counts_at " AS t, sum(l.delta) AS delta FROM edurange.points_ledger l"       \
	"   WHERE h.changed_at > " time " AND h.backdated AND l.user_id = h.user_id"                   \
	"   AND l.group_id = " group_id " AND CASE WHEN " corrected " THEN " counts_at                 \
	"    ELSE l.at END <= " time " GROUP BY 1) sums HAVING h.backdated) e ON true,"                \
	" LATERAL (SELECT CASE WHEN h.changed_at <= " time " THEN h.points"                            \
	"  ELSE coalesce(e.balance, 0) END) AS was (points) WHERE h.group_id = " group_id ")"
#define STANDING_AT(group_id, time, corrected)                                                     \
	STANDING_OF("edurange.standing", COUNTS_AT, group_id, time, corrected)
/* The same before migrate(), when nobody was hidden, and no entry counted from earlier on. */
#define STANDING_AT_OF_BEFORE(group_id, time, corrected)                                           \
	STANDING_OF("(SELECT user_id, group_id, points, reached_at, changed_at, member, xmin,"         \
	            " false AS hidden, false AS backdated FROM edurange.standing)",                    \
	            "l.at", group_id, time, corrected)

#endif
