/*
 * database.h
 *	  All that the rest of the shim knows of PostgreSQL: one statement in, one result out.
 *
 * Each event loop has a Database of its own.  A call is submitted and its outcome handed to a
 * callback, exactly once, in the loop's thread (when nothing can be queued, before database_submit
 * returns).
 */
#ifndef EDURANGE_SHIM_DATABASE_H
#define EDURANGE_SHIM_DATABASE_H

#include <stdbool.h>
#include <stdint.h>

#include "api/routes.h"
#include "base/loop.h"
#include "config/config.h"

/*
 * Either text, the single value that the statement returned, or an error.  A failure of the
 * connection itself has the SQLSTATE that a server would use: 08001 could not connect, 08003 the
 * client is gone, 08006 lost, 53300 not sent in time, 57014 no answer in time; only 08006 and 57014
 * may have run.
 */
typedef struct DatabaseResult
{
	bool ok;
	char *text;
	char sqlstate[6];
	char *message;
	char *detail;
	char *hint;
	int backend; /* process of the server that had the statement; 0: none */
} DatabaseResult;

typedef struct DatabaseStatus
{
	char last_connected[32]; /* empty: never */
	int reconnect_attempts;  /* failed ones since the last that worked */
	bool failing;
} DatabaseStatus;

/* Calls of one kind share connections, so that none waits for what is slower than itself. */
typedef enum LaneKind
{
	LANE_READ,
	LANE_WRITE,
	LANE_SLOW,
	LANE_REPLICA, /* reads that may be a little old; the primary where there is no replica */
	LANE_MONITOR,
	LANE_KINDS
} LaneKind;

/* The callee may take result->text by setting it to NULL. */
typedef void (*DatabaseDone)(void *closure, DatabaseResult *result);

#define CALL_KEYS 2

/* One statement to run.  It belongs to the database from database_submit to the callback. */
typedef struct DatabaseCall
{
	Tier tier;
	LaneKind lane;
	StatementId statement;
	int nvalues;
	char *const *values;
	bool read_only;                /* may be sent again when the connection is lost */
	int run_ms;                    /* how long it may run at most; 0: as the settings say */
	int keys[CALL_KEYS];           /* which values it locks by, counted from 1; 0: none */
	bool (*wanted)(void *closure); /* does somebody still wait for the answer?  May be NULL */
	DatabaseDone done;
	void *closure;

	/* the lane's own */
	struct DatabaseCall *next;
	int64_t submitted;
	int64_t expires; /* when it is given up unless it was sent */
	int tries;
	bool alone; /* shares no transaction any more */
} DatabaseCall;

typedef struct Database Database;

extern Database *database_open(const Config *config, Loop *loop);
extern void database_submit(Database *database, DatabaseCall *call);

/* Sends what was submitted; to be called when a turn of the loop has collected all it could. */
extern void database_send(Database *database);

/* Looks after deadlines; how many milliseconds later it wants to be called again, -1: no need. */
extern int database_tend(Database *database);

/* Closes all connections; false when one is still being opened and the loop must stay. */
extern bool database_close(Database *database);

extern void database_status(DatabaseStatus *status);

#endif
