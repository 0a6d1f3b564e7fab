/*
 * opener.h
 *	  Opening connections, and how that has been going.
 */
#ifndef EDURANGE_SHIM_OPENER_H
#define EDURANGE_SHIM_OPENER_H

#include <libpq-fe.h>

#include "base/loop.h"
#include "config/dsn.h"

/* One connection on its way.  It must stay where it is until done is called. */
typedef struct Opening
{
	Task task;
	Loop *loop;
	const ConnectionOptions *server;
	const char *role;
	int statement_timeout; /* milliseconds */
	int connect_seconds;   /* for each host */
	PGconn *pg;
	int caller_values; /* how many attributes edurange.caller has there */
	void (*done)(struct Opening *opening, PGconn *pg); /* pg is NULL when it did not work */
} Opening;

extern bool opener_start(Opening *opening);

/* Asks the server to give up what a connection is doing. */
extern void opener_cancel(PGconn *pg);

typedef struct DatabaseStatus
{
	char last_connected[32]; /* empty: never */
	int reconnect_attempts;  /* failed ones since the last that worked */
	bool failing;
} DatabaseStatus;

extern void database_status(DatabaseStatus *status);

/* Notes that the server at the other end answered. */
extern void status_note_alive(void);

/* When a connection was opened last, by now_ms(). */
extern int64_t status_last_success(void);

#endif
