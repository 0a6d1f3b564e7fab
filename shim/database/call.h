/*
 * call.h
 *	  One statement in, one result out: what the rest of the shim and the lanes hand to each other.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/tier.h"
#include "database/statements.h"

/*
 * The SQLSTATEs that the shim acts on, and those by which it says what no server reported.  A server
 * would use the same ones, so that failure_from_database() finds for either what the client reads.
 */
#define SQLSTATE_LENGTH 6 /* the terminator included */

/* Of the shim's own: the statement was not sent, and did nothing. */
#define SQLSTATE_NOT_CONNECTED "08001" /* no connection could be opened */
#define SQLSTATE_NOT_WANTED "08003"    /* the client had gone away */
#define SQLSTATE_NOT_SENT "53300"      /* it waited too long, or too many wait */
#define SQLSTATE_NO_MEMORY "53200"

/* Of the shim's own: the statement was sent, and may have been committed. */
#define SQLSTATE_LOST "08006"      /* the connection ended */
#define SQLSTATE_NO_ANSWER "57014" /* in time; also the server's, when it cancelled the statement */

/* Of the shim's own: it was committed, and the answer has another form than the statement's. */
#define SQLSTATE_BROKEN "XX000"

/* The server's: nothing was done, and trying again may help. */
#define SQLSTATE_COLLIDED "40001"
#define SQLSTATE_DEADLOCK "40P01"
#define SQLSTATE_NOT_PREPARED "26000" /* somebody deallocated the statement, ... */
#define SQLSTATE_PREPARED "42P05"     /* ... or prepared it, unknown to us */

/*
 * Either text, the single value that the statement returned, or an error.  What no server reported,
 * as a lost connection, has a SQLSTATE as well.
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

/* A piece of the answer has come.  Whether they were all is not known before DatabaseDone, which gets no text then. */
typedef void (*DatabasePiece)(void *closure, const char *bytes, size_t length);

#define CALL_KEYS 2

/* One statement to run.  It belongs to the database from database_submit to the callback. */
typedef struct DatabaseCall
{
	Tier tier;
	LaneKind lane;
	StatementId statement;
	int nvalues;
	char *const *values;
	int acting;                    /* which value says who acts, counted from 1; 0: none */
	bool read_only;                /* may be sent again when the connection is lost */
	int run_ms;                    /* how long it may run at most; 0: as the settings say */
	int keys[CALL_KEYS];           /* which values it locks by, counted from 1; 0: none */
	bool (*wanted)(void *closure); /* does somebody still wait for the answer?  May be NULL */
	DatabasePiece piece;           /* of a statement that answers in pieces */
	DatabaseDone done;
	void *closure;
	size_t size;  /* bytes of its values, ... */
	uint64_t key; /* ... and what it locks by, as a number; 0: nothing */

	/* the lane's own */
	struct DatabaseCall *next;
	int64_t submitted;
	int64_t expires; /* when it is given up unless it was sent */
	int tries;
	bool begun; /* a piece of its answer was handed over, so it cannot be sent again */
	int group; /* the half of a failed batch with which alone it shares a transaction; 0: with any call */
} DatabaseCall;

/* Works out size and key of a call; one that is not weighed counts as small, and locks by nothing. */
extern void call_weigh(DatabaseCall *call);

/* The error that a SQLSTATE is. */
extern EdurangeError sqlstate_error(const char *sqlstate);

/* Makes a failure of a result that is none; the server's texts are passed on below 500 only. */
extern void failure_from_database(Failure *failure, const DatabaseResult *result);
