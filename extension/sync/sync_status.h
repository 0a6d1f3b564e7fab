/*
 * sync_status.h
 *	  How the comparison with the Instance Manager goes, in shared memory.
 */
#ifndef EDURANGE_SYNC_STATUS_H
#define EDURANGE_SYNC_STATUS_H

#include "postgres.h"

#include "utils/timestamp.h"

#define WORKER_TYPE "edurange sync worker"
#define LAUNCHER_TYPE "edurange sync launcher"
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

/* Instances that are held because many pods are not found at once (brake.c). */
typedef struct SyncHold
{
	int32 held;              /* 0: none */
	bool one_seen;           /* a pod of ours, since then: time decides */
	TimestampTz since;       /* like all times here as the observations have them */
	TimestampTz released_at; /* what was missing by then is not held; 0: nothing was released */
} SyncHold;

/* Asks for the memory and sets it up; called while the server preloads the module. */
extern void sync_status_preload(void);

/* Notes why no worker can be started; empty: one can.  It is the server's, whatever database is served. */
extern void sync_status_problem(const char *problem);

extern void sync_status_success(const SyncPass *pass);
extern void sync_status_changed(int64 changed);
extern void sync_status_stale(void);

/* Notes a poll that failed.  Returns since when all have failed. */
extern TimestampTz sync_status_failure(TimestampTz observed_at, const char *error);

/* Notes why questions about single pods fail; NULL: those of that kind do not. */
extern void sync_status_problems(const char *ends, const char *statuses, const char *flags);
/* Where there is nothing of a kind to ask for, nothing fails. */
extern void sync_status_settle(bool ends, bool statuses, bool flags);

extern SyncHold sync_status_hold(void);
extern void sync_status_set_hold(const SyncHold *hold);
/* Somebody lets go of what is held; returns how many instances that are. */
extern int32 sync_status_ask_release(void);
/* Did somebody? Says so once. */
extern bool sync_status_take_release(void);

/* Has the time of day jumped since the last pass, and not begun anew since? */
extern bool sync_status_clock_jumped(void);
/* All begins anew: no observation is older than another of before. */
extern void sync_status_begin(void);
/* Was the server started as a standby? */
extern bool sync_status_was_standby(void);

/* The time of the latest observation that was applied, as far as this server knows; 0: none. */
extern TimestampTz sync_status_applied(void);

#endif
