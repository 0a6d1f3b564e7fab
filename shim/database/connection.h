/*
 * connection.h
 *	  One connection of a lane, in pipeline mode.
 */
#ifndef EDURANGE_SHIM_CONNECTION_H
#define EDURANGE_SHIM_CONNECTION_H

#include "database/batch.h"
#include "database/opener.h"

typedef enum ConnectionState
{
	CONNECTION_CLOSED,
	CONNECTION_OPENING,
	CONNECTION_OPEN
} ConnectionState;

typedef struct Connection
{
	Watch watch;
	Opening opening;
	struct Lane *lane;
	ConnectionState state;
	PGconn *pg;
	int fd;
	bool writing; /* bytes wait for the socket */
	bool prepared[STATEMENT_COUNT];
	Batch *first; /* sent, in order */
	Batch **last;
	int in_flight;
	int64_t head_since; /* when the first one's turn began */
	int64_t deadline;   /* when the first one must be done */
} Connection;

extern void connection_init(Connection *connection, struct Lane *lane);
extern void connection_open(Connection *connection);

/* Sends a batch with its sync point; false when the connection is of no use, and nothing was sent. */
extern bool connection_send(Connection *connection, Batch *batch);

/* Looks after the deadline of what is in flight. */
extern void connection_tend(Connection *connection, int64_t now);

/* Closes it; what is in flight is handed to its lane as lost. */
extern void connection_close(Connection *connection, const char *sqlstate);

#endif
