/*
 * entries.h
 *	  The rows of the ledger: written at once, or for a batch of calls all together at its end.
 */
#ifndef EDURANGE_ENTRIES_H
#define EDURANGE_ENTRIES_H

#include "postgres.h"

#include "calls/outcomes.h"

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
	SubTransactionId subtransaction; /* of a kept one: the one that it came in */
} Entry;

/* Records a change; called with statements open. */
extern void entries_add(const Entry *entry);

/* During a batch entries are kept and written at its end, but those of subtransactions that were undone. */
extern const BatchWork entries_of_batch;

#endif
