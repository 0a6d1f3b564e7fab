/*
 * ledger.h
 *	  Changing a total, and the ledger entry that goes with every change.
 */
#ifndef EDURANGE_LEDGER_H
#define EDURANGE_LEDGER_H

#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"

#include "base/refusal.h"

/* A row of public."GroupPoints" as edurange.group_points; for RETURNING and SELECT lists. */
#define GROUP_POINTS_ROW                                                                           \
	"ROW(p.id, p.points, p.\"userId\", p.\"groupId\", p.\"createdAt\" AT TIME ZONE 'UTC',"         \
	" p.\"updatedAt\" AT TIME ZONE 'UTC')::edurange.group_points"

/* What the ledger says of a change beside its numbers. */
typedef struct LedgerEntry
{
	const char *user_id;
	const char *group_id;
	const char *kind; /* award, add, set */
	const char *source_id;
	const char *actor;
	const char *reason;
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

/*
 * For all triggers of the rules.  The data of one that is called as it must be, before or after (a constant
 * TRIGGER_EVENT_…; before: for each row), else an error.
 */
extern TriggerData *trigger_data(FunctionCallInfo fcinfo, TriggerEvent timing);

/* A text column of a trigger's tuple, by name: adopted tables may order their columns otherwise. */
extern char *tuple_text(TriggerData *trigger, HeapTuple tuple, const char *column);

#endif
