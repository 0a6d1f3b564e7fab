/*
 * batch.c
 *	  Calls that are sent as one statement and share one transaction, and what came of them.
 *
 * A statement that is batched takes one array, with the values of all its calls one after the
 * other, and returns one row for each: value, SQLSTATE, message, detail, hint.  A refusal is such a
 * row and hurts nobody.  Of any other statement a batch has one call, or several that ask the same
 * and get the same answer.  Nothing is answered before the sync point has come without an error: only
 * then is the transaction committed.
 */
#include "database/batch.h"

#include <stdlib.h>
#include <string.h>

#include "database/result.h"

enum
{
	COLUMN_VALUE,
	COLUMN_SQLSTATE,
	COLUMN_MESSAGE,
	COLUMN_DETAIL,
	COLUMN_HINT,
	COLUMNS
};

/* Answers a call, and clears the result. */
static void
call_answer(DatabaseCall *call, DatabaseResult *result)
{
	call->done(call->closure, result);
	result_clear(result);
}

void
call_fail(DatabaseCall *call, const char *sqlstate)
{
	DatabaseResult result = {0};

	result_fail(&result, sqlstate);
	call_answer(call, &result);
}

void
call_weigh(DatabaseCall *call)
{
	call->size = 0;
	for (int i = 0; i < call->nvalues; i++)
		call->size += call->values[i] != NULL ? strlen(call->values[i]) : 0;
	call->key = call->keys[0] > 0 ? HASH_OF_NOTHING : 0;
	for (int i = 0; i < CALL_KEYS && call->keys[i] > 0; i++)
	{
		const char *value = call->values[call->keys[i] - 1];

		call->key = hash_text(call->key, value, value != NULL ? strlen(value) : 0);
	}
}

/* The order in which calls take their locks, the same everywhere. */
static int
compare_calls(const void *a, const void *b)
{
	const DatabaseCall *left = *(DatabaseCall *const *) a;
	const DatabaseCall *right = *(DatabaseCall *const *) b;

	for (int i = 0; i < CALL_KEYS && left->keys[i] > 0; i++)
	{
		const char *one = left->values[left->keys[i] - 1];
		const char *other = right->values[right->keys[i] - 1];
		int order = strcmp(one != NULL ? one : "", other != NULL ? other : "");

		if (order != 0)
			return order;
	}
	return 0;
}

void
batch_sort(Batch *batch)
{
	if (batch->count > 1 && batch->calls[0]->keys[0] > 0)
		/* NOLINTNEXTLINE(bugprone-sizeof-expression): what is sorted are pointers */
		qsort(batch->calls, (size_t) batch->count, sizeof(batch->calls[0]), compare_calls);
}

bool
batch_encode(const Batch *batch, TextArray *value)
{
	bool fine = text_array_begin_binary(value);

	for (int i = 0; i < batch->count; i++)
	{
		const DatabaseCall *call = batch->calls[i];

		for (int j = 0; fine && j < call->nvalues; j++)
			fine = text_array_add_binary(value, call->values[j]);
	}
	return fine;
}

/* Hands over a piece of the answer to a call. */
static void
hand_over(DatabaseCall *call, const PGresult *row)
{
	call->begun = true;
	call->piece(call->closure, PQgetvalue(row, 0, 0), (size_t) PQgetlength(row, 0, 0));
}

bool
batch_take(Batch *batch, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	switch (status)
	{
		case PGRES_SINGLE_TUPLE:
			hand_over(batch->calls[0], result);
			break;
		case PGRES_TUPLES_OK:
			PQclear(batch->rows);
			batch->rows = result;
			return false;
		case PGRES_COMMAND_OK:
			batch->preparing = false;
			break;
		case PGRES_PIPELINE_SYNC:
		case PGRES_PIPELINE_ABORTED:
			break;
		default:
			if (!batch->failed)
				result_read(result, &batch->error);
			batch->failed = true;
	}
	PQclear(result);
	return status == PGRES_PIPELINE_SYNC;
}

static char *
copy_column(const PGresult *rows, int row, int column)
{
	return PQgetisnull(rows, row, column) ? NULL : strdup(PQgetvalue(rows, row, column));
}

/* The outcome of one call of a batched statement. */
static void
read_outcome(const PGresult *rows, int row, DatabaseResult *result)
{
	if (PQgetisnull(rows, row, COLUMN_SQLSTATE))
	{
		result->ok = true;
		result->text = result_value(rows, row, COLUMN_VALUE);
		return;
	}
	result_fail(result, PQgetvalue(rows, row, COLUMN_SQLSTATE));
	result->message = copy_column(rows, row, COLUMN_MESSAGE);
	result->detail = copy_column(rows, row, COLUMN_DETAIL);
	result->hint = copy_column(rows, row, COLUMN_HINT);
}

/* Answers the calls of a batch whose statement is not batched: they asked the same. */
static void
answer_all(Batch *batch, DatabaseResult *result)
{
	result->backend = batch->backend;
	for (int i = 1; i < batch->count; i++)
	{
		DatabaseResult copy;

		result_copy(&copy, result);
		call_answer(batch->calls[i], &copy);
	}
	call_answer(batch->calls[0], result);
}

void
batch_answer(Batch *batch)
{
	const PGresult *rows = batch->rows;
	DatabaseResult result = {0};
	int count = batch->count;

	if (!statements[batch->statement].batched || batch->direct)
	{
		if (batch->calls[0]->begun)
			result.ok = true;
		else if (rows == NULL || PQntuples(rows) != 1)
			result_fail(&result, SQLSTATE_BROKEN);
		else
			result_read(rows, &result);
		PQclear(batch->rows); /* an answer may be large: once is enough */
		batch->rows = NULL;
		answer_all(batch, &result);
		batch->count = 0;
		return;
	}
	batch->count = 0;
	for (int i = 0; i < count; i++)
	{
		memset(&result, 0, sizeof(result));
		if (rows == NULL || PQntuples(rows) != count || PQnfields(rows) != COLUMNS)
			result_fail(&result, SQLSTATE_BROKEN);
		else
			read_outcome(rows, i, &result);
		/* the first is always run: so each time fewer are left */
		if (i > 0 && strcmp(result.sqlstate, errors[EDURANGE_TOO_BUSY].sqlstate) == 0)
		{
			result_clear(&result);
			batch->calls[batch->count++] = batch->calls[i];
			continue;
		}
		result.backend = batch->backend;
		call_answer(batch->calls[i], &result);
	}
}

void
batch_answer_error(Batch *batch)
{
	DatabaseResult error = batch->error;

	memset(&batch->error, 0, sizeof(batch->error));
	answer_all(batch, &error);
}

/* Frees a batch whose calls have been taken care of. */
void
batch_free(Batch *batch)
{
	PQclear(batch->rows);
	result_clear(&batch->error);
	free(batch);
}
