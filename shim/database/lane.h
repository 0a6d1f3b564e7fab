/*
 * lane.h
 *	  Calls of one tier and kind: their queue, and the connections that they are sent on.
 */
#ifndef EDURANGE_SHIM_LANE_H
#define EDURANGE_SHIM_LANE_H

#include "database/connection.h"

typedef struct Lane
{
	Database *database;
	LaneKind kind;
	Tier tier;
	const ConnectionOptions *target;
	struct Lane *fallback; /* takes over while this one's server is away; NULL: none */
	int size;              /* connections at most */
	Connection *connections;
	DatabaseCall *first;
	DatabaseCall **last;
	int waiting;
	int backoff_ms;
	int64_t retry_at;  /* no attempt to connect before */
	int64_t failed_at; /* of the last one */
} Lane;

extern bool lane_init(Lane *lane);
extern void lane_add(Lane *lane, DatabaseCall *call);
extern void lane_add_first(Lane *lane, DatabaseCall *call);
extern bool lane_is_away(const Lane *lane, int64_t now);

/* Sends what can be sent. */
extern void lane_send(Lane *lane);

/* Gives up what waited too long; true while anything waits or is in flight. */
extern bool lane_tend(Lane *lane, int64_t now);
extern bool lane_close(Lane *lane);

/* What its connections tell it. */
extern void lane_opened(Lane *lane);
extern void lane_not_opened(Lane *lane);
extern void lane_settle(Lane *lane, Batch *batch);
extern void lane_lost(Lane *lane, Batch *batch, const char *sqlstate, bool undone);

/*
 * The settings and the loop of a lane; how many milliseconds a statement may take there, and when a
 * batch whose turn begins now must be done.
 */
extern const Config *lane_config(const Lane *lane);
extern Loop *lane_loop(const Lane *lane);
extern BatchValue *lane_scratch(const Lane *lane);
extern int lane_timeout(const Lane *lane);
extern int64_t lane_deadline(const Lane *lane, const Batch *batch, int64_t now);

#endif
