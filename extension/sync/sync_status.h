/*
 * sync_status.h
 *	  How the comparison with the Instance Manager goes, in shared memory.
 */
#ifndef EDURANGE_SYNC_STATUS_H
#define EDURANGE_SYNC_STATUS_H

#include "postgres.h"

#include "utils/timestamp.h"

#define WORKER_TYPE "edurange sync worker"
#define WORKER_PROBLEM_SIZE 400

/* What one pass over a list came to. */
typedef struct SyncPass
{
	TimestampTz observed_at;
	int32 pods;
	int32 held;
	int64 changed;
	double fetch_ms; /* negative: not told */
	double apply_ms;
} SyncPass;

/* Asks for the memory and sets it up; called while the server preloads the module. */
extern void sync_status_preload(void);

/* Notes why no worker can be started; empty: one can.  It is the server's, whatever database is served. */
extern void sync_status_problem(const char *problem);

extern void sync_status_success(const SyncPass *pass);
extern void sync_status_changed(int64 changed);
extern void sync_status_stale(void);

/* Notes a poll that failed.  Returns since when all have failed. */
extern TimestampTz sync_status_failure(TimestampTz observed_at, const char *error);

/* The time of the latest observation that was applied, as far as this server knows; 0: none. */
extern TimestampTz sync_status_applied(void);

#endif
