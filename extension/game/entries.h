/*
 * entries.h
 *	  The rows of the ledger: written at once, or for a batch of calls all together at its end.
 */
#ifndef EDURANGE_ENTRIES_H
#define EDURANGE_ENTRIES_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "calls/outcomes.h"

/*
 * When the total of a pair was reached some of whose entries count from earlier on than they were written: the last
 * time whose changes do not cancel each other out.  Of all other pairs it is the time of the last change.
 * (Inside another statement the columns of an entry are named with it: one that is gone must not be taken for one of
 * the same name outside.)
 */
#define COUNTS_AT "coalesce(l.effective_at, l.at)"
#define REACHED_BY_SUMS(user_id, group_id)                                                         \
	"(SELECT max(t) FROM (SELECT " COUNTS_AT " AS t FROM edurange.points_ledger l"                 \
	" WHERE l.user_id = " user_id " AND l.group_id = " group_id                                    \
	" GROUP BY 1 HAVING sum(l.delta) <> 0) AS sums)"

/*
 * Was an entry l written since a placement was made?  What names a question and is older was paid at one that is gone.
 * (The platform's times are rounded to milliseconds.)
 */
#define PAID_SINCE(created_at) "(l.at AT TIME ZONE 'UTC')::timestamp(3) >= " created_at
#define PAID_SINCE_PLACED(placement_id)                                                            \
	PAID_SINCE("(SELECT gc.\"createdAt\" FROM public.\"GroupChallenge\" gc"                        \
	           " WHERE gc.id = " placement_id ")")

/* A change of a pair's total, as it is recorded. */
typedef struct Entry
{
	const char *user_id;
	const char *group_id;
	int64 delta;
	int32 total; /* after the change */
	const char *kind;
	const char *source_id;
	const char *actor;
	const char *via;
	const char *reason;
	TimestampTz effective_at;        /* when it counts; 0: when it is written */
	SubTransactionId subtransaction; /* of a kept one: the one that it came in */
} Entry;

/* Records a change; called with statements open. */
extern void entries_add(const Entry *entry);

/* During a batch entries are kept and written at its end; those of undone subtransactions are dropped. */
extern const BatchWork entries_of_batch;

#endif
