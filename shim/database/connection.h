/*
 * connection.h
 *	  One connection of a lane, in pipeline mode.
 */
#pragma once

#include "base/loop.h"
#include "base/tier.h"
#include "config/dsn.h"
#include "database/batch.h"
#include "database/opener.h"

typedef enum ConnectionState
{
	CONNECTION_CLOSED,
	CONNECTION_OPENING,
	CONNECTION_OPEN
} ConnectionState;

/* Whose a connection is: how it is opened, and who is told what becomes of it. */
typedef struct ConnectionOwner
{
	Loop *loop;
	const ConnectionOptions *server;
	Tier tier;             /* as whose role everything runs */
	int statement_timeout; /* milliseconds */
	int connect_seconds;   /* for each host */
	TextArray *scratch;    /* for the values of one batch after the other */

	void *closure; /* of the callbacks */
	void (*opened)(void *closure);
	void (*not_opened)(void *closure);
	/* the sync point of a batch has come: whatever became of it is certain */
	void (*settled)(void *closure, Batch *batch);
	/* the connection has ended before that; undone: nothing was committed, for certain */
	void (*lost)(void *closure, Batch *batch, const char *sqlstate, bool undone);
} ConnectionOwner;

typedef struct Connection
{
	Watch watch;
	Opening opening;
	const ConnectionOwner *owner;
	ConnectionState state;
	PGconn *pg;
	int fd;
	bool writing; /* bytes wait for the socket */
	bool older; /* the database is of the version before: it knows no acting user, and no batches */
	int64_t older_until; /* when the next connection is to ask again */
	bool swollen;        /* with buffers that are not worth keeping */
	bool halted; /* nothing is read from it, until there is room for what its first batch answers */
	long taken;  /* bytes of that answer so far, counted among those of all connections */
	bool prepared[STATEMENT_COUNT];
	Batch *first; /* sent, in order */
	Batch **last;
	int in_flight;
	int64_t head_since; /* when the first one's turn began */
	int64_t deadline;   /* when the first one must be done */
} Connection;

/* The owner must outlive the connection. */
extern void connection_init(Connection *connection, const ConnectionOwner *owner);
extern void connection_open(Connection *connection);

/* Sends a batch with its sync point; false when the connection is of no use, and nothing was sent. */
extern bool connection_send(Connection *connection, Batch *batch);

/* Looks after the deadline of what is in flight. */
extern void connection_tend(Connection *connection, int64_t now);

/* Closes it; what is in flight is handed to its owner as lost. */
extern void connection_close(Connection *connection, const char *sqlstate);
