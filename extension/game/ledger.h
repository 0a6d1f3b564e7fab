/*
 * ledger.h
 *	  Changing a total, and the ledger entry that goes with every change.
 */
#ifndef EDURANGE_LEDGER_H
#define EDURANGE_LEDGER_H

#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/timestamp.h"

#include "base/refusal.h"

/* A row of public."GroupPoints" as edurange.group_points; for RETURNING and SELECT lists. */
#define GROUP_POINTS_ROW                                                                           \
	"ROW(p.id, p.points, p.\"userId\", p.\"groupId\", p.\"createdAt\" AT TIME ZONE 'UTC',"         \
	" p.\"updatedAt\" AT TIME ZONE 'UTC')::edurange.group_points"

/*
 * The pairs whose total the ledger does not account for, because it changed while nobody recorded it: the entries do
 * not sum up to it, the board has another one, or a balance is not the sum of the entries up to it.  An entry of kind
 * opening says that it is so from then on, and what was before it is past.
 */
#define LEDGER_SUMS                                                                                \
	"(SELECT user_id, group_id, seq, delta, balance, kind, sum(delta) OVER pair AS running"        \
	" FROM edurange.points_ledger"                                                                 \
	" WINDOW pair AS (PARTITION BY group_id, user_id ORDER BY seq))"
#define LAST_OPENING "coalesce(max(seq) FILTER (WHERE kind = 'opening' AND balance = running), 0)"
#define UNBALANCED                                                                                 \
	"(SELECT coalesce(p.id, format('%s in %s', user_id, group_id)) AS subject, user_id, group_id," \
	" coalesce(p.points, 0) AS points, coalesce(l.sum, 0) AS sum, coalesce(s.points, 0) AS board," \
	" least(coalesce(p.at, clock_timestamp()), clock_timestamp()) AS at"                           \
	" FROM (SELECT id, \"userId\" AS user_id, \"groupId\" AS group_id, points,"                    \
	"  \"updatedAt\" AT TIME ZONE 'UTC' AS at FROM public.\"GroupPoints\") p"                      \
	" FULL JOIN (SELECT user_id, group_id, sum(delta)::bigint AS sum,"                             \
	"  coalesce(max(seq) FILTER (WHERE balance <> running), 0) > " LAST_OPENING " AS broken"       \
	"  FROM " LEDGER_SUMS " AS e GROUP BY group_id, user_id) l USING (user_id, group_id)"          \
	" FULL JOIN edurange.standing s USING (user_id, group_id)"                                     \
	" WHERE coalesce(p.points, 0) <> coalesce(l.sum, 0)"                                           \
	" OR coalesce(p.points, 0) <> coalesce(s.points, 0) OR coalesce(l.broken, false))"

/* Of these all that is to be opened, as an array for each of its columns. */
#define UNBALANCED_COLUMNS                                                                         \
	"array_agg(user_id), array_agg(group_id), array_agg(points), array_agg(points - sum),"         \
	" array_agg(at)"
#define LEDGER_OPEN_COLUMNS 5

/*
 * Writes an opening entry for each pair that the statement that ran last has listed so: from it on the ledger
 * accounts for the total.
 */
extern void ledger_open_totals(const char *actor, const char *reason);

/* What the ledger says of a change beside its numbers. */
typedef struct LedgerEntry
{
	const char *user_id;
	const char *group_id;
	const char *kind; /* as the ledger has it: award, add, set, … */
	const char *source_id;
	const char *actor;
	const char *via; /* through whom the actor acts; may be NULL */
	const char *reason;
	TimestampTz effective_at; /* when it counts; 0: when it is written */
	bool is_play; /* user and competition are held by play_find(): they are not locked again */
} LedgerEntry;

typedef enum LedgerChange
{
	LEDGER_ADD, /* the amount is added to the total */
	LEDGER_SET  /* the amount becomes the total */
} LedgerChange;

/*
 * Changes the total and writes its ledger entry; the new row is column 1 of row 0 of the statement
 * that ran last.  Refuses, having written nothing, with out_of_range, user_not_found or
 * competition_not_found.  Membership is the caller's to check.
 */
extern bool
ledger_change(const LedgerEntry *entry, LedgerChange change, int32 amount, Refusal *refusal);

#endif
