/*
 * own_locks.h
 *	  Locks for the time of a transaction that only this extension can take.
 *
 * Anybody can hold advisory locks, and table locks with no more than USAGE of a schema; whoever held one of
 * ours would stop us.  These have a tag that no SQL function reaches.
 */
#ifndef EDURANGE_OWN_LOCKS_H
#define EDURANGE_OWN_LOCKS_H

#include "postgres.h"

typedef enum LockKind
{
	LOCK_MIGRATION = 1, /* one migrate() at a time */
	LOCK_PACKS,         /* one change of packs at a time: they depend on each other */
	LOCK_PASSES,        /* one pass of the sync worker at a time */
	LOCK_EMAIL,         /* one user is made of an e-mail address at a time; the id is its hash */
	LOCK_ROSTERS,       /* rosters are written, or users made, which they may wait for */
	LOCK_FEED,          /* the feed begins once */
	LOCK_KEY /* one request with an idempotency key at a time; the id is the key's hash */
} LockKind;

/* Takes the lock until the end of the transaction; false, where it need not wait, when somebody has it. */
extern bool lock_take(LockKind kind, int64 id, bool wait);

/* Takes it likewise beside others who share it, and waits for who took it alone. */
extern void lock_share(LockKind kind, int64 id);

#endif
