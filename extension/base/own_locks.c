/*
 * own_locks.c
 *	  Locks for the time of a transaction that only this extension can take.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lock.h"

#include "base/own_locks.h"

static LOCKTAG
lock_tag(LockKind kind, int64 id)
{
	return (LOCKTAG){
	    .locktag_field1 = MyDatabaseId,
	    .locktag_field2 = (uint32) ((uint64) id >> 32),
	    .locktag_field3 = (uint32) id,
	    .locktag_field4 = (uint16) kind,
	    .locktag_type = LOCKTAG_USERLOCK,
	    .locktag_lockmethodid = USER_LOCKMETHOD,
	};
}

bool
lock_take(LockKind kind, int64 id, bool wait)
{
	LOCKTAG tag = lock_tag(kind, id);

	return LockAcquire(&tag, ExclusiveLock, false, !wait) != LOCKACQUIRE_NOT_AVAIL;
}

void
lock_share(LockKind kind, int64 id)
{
	LOCKTAG tag = lock_tag(kind, id);

	(void) LockAcquire(&tag, ShareLock, false, false);
}
