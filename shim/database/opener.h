/*
 * opener.h
 *	  Opening connections, and how that has been going.
 */
#pragma once

#include <libpq-fe.h>

#include "base/loop.h"
#include "config/dsn.h"

/* One connection on its way.  It must stay where it is until its task runs. */
typedef struct Opening
{
	Task task; /* of who waits for it */
	Loop *loop;
	const ConnectionOptions *server;
	const char *tier;      /* whose role it takes, and login where its name has a place */
	int statement_timeout; /* milliseconds */
	int connect_seconds;   /* for each host */
	PGconn *pg;            /* then: the connection, or NULL when it did not work */
	int caller_values;     /* how many attributes edurange.caller has there */
} Opening;

extern bool opener_start(Opening *opening);

/* Asks the server to give up what a connection is doing. */
extern void opener_cancel(PGconn *pg);

typedef struct DatabaseStatus
{
	char last_connected[32]; /* empty: never */
	int reconnect_attempts;  /* failed ones since the last that worked */
	int64_t last_success;    /* when a connection was opened last, by now_ms() */
} DatabaseStatus;

extern DatabaseStatus database_status(void);

/* Notes that the server at the other end answered. */
extern void status_note_alive(void);
