/*
 * under_way.c
 *	  Which transactions may still write, for who reads what is certain.
 *
 * A snapshot knows the transactions of all databases of the server.  One of another database writes nothing here, and
 * whoever has a login there could keep it open for days.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "storage/procarray.h"

#include "base/under_way.h"

/* Is the transaction one of another database?  One that has ended, or is prepared, counts as one of this. */
static bool
is_elsewhere(TransactionId xid)
{
	int pid = BackendXidGetPid(xid);
	PGPROC *process = pid != 0 ? BackendPidGetProc(pid) : NULL;
	Oid database = process != NULL ? process->databaseId : InvalidOid;

	/* (it has been the same process all along) */
	return OidIsValid(database) && database != MyDatabaseId && BackendXidGetPid(xid) == pid;
}

/* The first of the snapshot's that were under way, from a number on; where there is none, the one behind all. */
static TransactionId
first_from(Snapshot snapshot, TransactionId from)
{
	TransactionId first = snapshot->xmax;

	for (uint32 i = 0; i < snapshot->xcnt; i++)
		if (TransactionIdFollowsOrEquals(snapshot->xip[i], from) &&
		    TransactionIdPrecedes(snapshot->xip[i], first))
			first = snapshot->xip[i];
	return first;
}

int64
first_under_way(Snapshot snapshot)
{
	uint64 next = U64FromFullTransactionId(ReadNextFullTransactionId());
	TransactionId first = snapshot->xmin;
	TransactionId own = GetTopTransactionIdIfAny();

	/* (a standby keeps its list in another way) */
	if (!snapshot->takenDuringRecovery)
		first = first_from(snapshot, first);
	while (TransactionIdPrecedes(first, snapshot->xmax) && is_elsewhere(first))
	{
		TransactionIdAdvance(first);
		first = first_from(snapshot, first);
	}
	/* (our own is in no list) */
	if (TransactionIdIsValid(own) && TransactionIdPrecedes(own, first))
		first = own;
	/* the numbers go round; this one is not far behind the next */
	return (int64) (next - ((uint32) next - first));
}
