/*
 * call.h
 *	  One statement in, one result out: what the rest of the shim and the lanes hand to each other.
 */
#ifndef EDURANGE_SHIM_CALL_H
#define EDURANGE_SHIM_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/tier.h"
#include "database/sqlstates.h"
#include "database/statements.h"

/*
 * Either text, the single value that the statement returned, or an error.  What no server reported,
 * as a lost connection, has a SQLSTATE as well (sqlstates.h).
 */
typedef struct DatabaseResult
{
	bool ok;
	char *text;
	char sqlstate[SQLSTATE_LENGTH];
	char *message;
	char *detail;
	char *hint;
	int backend; /* process of the server that had the statement; 0: none */
} DatabaseResult;

/* Calls of one kind share connections, so that none waits for what is slower than itself. */
typedef enum LaneKind
{
	LANE_READ,
	LANE_WRITE,
	LANE_SLOW,
	LANE_REPLICA,      /* reads that may be a little old; the primary where there is no replica */
	LANE_AUTHENTICATE, /* questions about tokens, of which strangers may send any number */
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

#endif
