/*
 * batch.h
 *	  Calls that are sent as one statement and share one transaction, and what came of them.
 */
#pragma once

#include <libpq-fe.h>

#include "base/text_array.h"
#include "database/call.h"

#define BATCH_CALLS 64
#define BATCH_BYTES 49152 /* of values, so that it goes out in one piece */

typedef struct Batch
{
	struct Batch *next;
	StatementId statement;
	DatabaseCall *calls[BATCH_CALLS];
	int count;
	bool preparing; /* its statement is prepared with it */
	bool direct;    /* it calls its function without outcomes() */
	bool hot;       /* it is one call whose lock key is hot */
	bool failed;
	bool cancelled;
	int backend; /* whom it was sent to last */
	PGresult *rows;
	DatabaseResult error; /* the first one, where it failed */
} Batch;

/* Puts the calls in the order in which they take their locks, so that no two batches wait for each other. */
extern void batch_sort(Batch *batch);

/*
 * Makes the one value of a batched statement, an array of all its calls' values.  False: out of memory.
 */
extern bool batch_encode(const Batch *batch, TextArray *value);

/* Takes one result; true when it was the last, after which everything is certain. */
extern bool batch_take(Batch *batch, PGresult *result);

/* Answers the calls of a batch that succeeded; those are left in it that were not run, for want of room for their answers. */
extern void batch_answer(Batch *batch);

/* Answers all calls of a batch that failed with its error. */
extern void batch_answer_error(Batch *batch);

extern void batch_free(Batch *batch);

/* Answers a call with a failure that no server reported. */
extern void call_fail(DatabaseCall *call, const char *sqlstate);
