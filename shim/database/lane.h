/*
 * lane.h
 *	  Calls of one tier and kind: their queue, and the connections that they are sent on.
 */
#pragma once

#include "database/connection.h"

#define HOT_KEYS 64 /* each key has one place */

/* A key by which calls lock, and that made a batch fail: its calls go alone. */
typedef struct HotKey
{
	uint64_t key;
	int64_t until;
	bool under_way; /* one of its calls, ... */
	int64_t since;  /* ... since when */
} HotKey;

typedef struct Lane
{
	LaneKind kind;
	ConnectionOwner owner; /* of its connections; the callbacks are set by lane_init() */
	struct Lane *fallback; /* takes over while this one's server is away; NULL: none */
	int size;              /* connections at most */
	int patience;          /* milliseconds that a call waits until it is sent */
	Connection *connections;
	DatabaseCall *first;
	DatabaseCall **last;
	int waiting;
	int backoff_ms;
	int64_t retry_at;   /* no attempt to connect before */
	int64_t failed_at;  /* of the last one */
	int faults;         /* of a replica, in a row ... */
	int64_t left_until; /* ... and until when nothing is asked of it */
	int groups;         /* halves of failed batches so far */
	HotKey hot[HOT_KEYS];
	int hot_calls; /* under way */
} Lane;

extern bool lane_init(Lane *lane);
extern void lane_add(Lane *lane, DatabaseCall *call);
extern bool lane_is_away(const Lane *lane, int64_t now);

/* Sends what can be sent. */
extern void lane_send(Lane *lane);

/* Gives up what waited too long; true while anything waits or is in flight. */
extern bool lane_tend(Lane *lane, int64_t now);

/* Closes the connections. */
extern void lane_close(Lane *lane);
