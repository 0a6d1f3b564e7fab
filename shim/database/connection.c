/*
 * connection.c
 *	  One connection of a lane, in pipeline mode.
 *
 * Each batch is one statement and the sync point that commits it, handed to the socket at once.
 * Several may be in flight; their results come in the order in which they were sent.
 *
 * libpq holds a result until it is complete, and how large it will be nobody knows.  So what all connections hold is
 * counted, and beyond a limit those that read something large stop, but for one, which goes on to its end.
 */
#include "database/connection.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "base/counters.h"
#include "database/result.h"

#define CANCEL_GRACE_MS 1000 /* after the server's own statement_timeout */
#define LOST_GRACE_MS 1000   /* after having been cancelled */
#define BUFFER_KEPT 1048576  /* libpq's buffers never shrink: beyond that the connection ends */
#define OLDER_MS 30000       /* a database of before may be updated: then it ends, too */
#define FIRST_BUFFER 16384   /* bytes of it that libpq begins with */
/* Bytes of an answer that are read whatever all connections hold, and what that may be until they are read in turn. */
#define TAKEN_ANYHOW 65536
#define TAKEN_BY_ALL 16777216

/* The one that reads on beyond that; NULL: none. */
static _Atomic(const Connection *) foremost;

static void react(Watch *watch);
static void take_over(Task *task);

void
connection_init(Connection *connection, const ConnectionOwner *owner)
{
	connection->owner = owner;
	connection->watch.ready = react;
	connection->last = &connection->first;
}

/* Starts to open it; the owner is told when that is done. */
void
connection_open(Connection *connection)
{
	const ConnectionOwner *owner = connection->owner;

	connection->opening = (Opening){
	    .task.run = take_over,
	    .loop = owner->loop,
	    .server = owner->server,
	    .tier = tier_name(owner->tier == TIER_NONE ? TIER_PLAYER : owner->tier),
	    .statement_timeout = owner->statement_timeout,
	    .connect_seconds = owner->connect_seconds,
	};
	connection->state = CONNECTION_OPENING;
	if (!opener_start(&connection->opening))
	{
		connection->state = CONNECTION_CLOSED;
		owner->not_opened(owner->closure);
	}
}

/* Task: the connection has been opened, or not. */
static void
take_over(Task *task)
{
	Connection *connection = (Connection *) ((char *) task - offsetof(Connection, opening.task));
	const ConnectionOwner *owner = connection->owner;
	PGconn *pg = connection->opening.pg;

	connection->state = CONNECTION_CLOSED;
	if (pg != NULL)
	{
		connection->pg = pg;
		connection->fd = PQsocket(pg);
		connection->writing = connection->swollen = connection->halted = false;
		connection->older = connection->opening.caller_values < CALLER_VALUES;
		connection->older_until = now_ms() + OLDER_MS;
		memset(connection->prepared, 0, sizeof(connection->prepared));
		if (loop_watch(owner->loop, connection->fd, &connection->watch, EPOLLIN))
		{
			connection->state = CONNECTION_OPEN;
			counter_add(COUNTER_DATABASE + owner->tier, 1);
			owner->opened(owner->closure);
			return;
		}
		PQfinish(pg);
		connection->pg = NULL;
	}
	owner->not_opened(owner->closure);
}

/* ---- what all connections hold --------------------------------------------------------------- */

/* May it read on?  A write may, whatever the others hold: what has been done is told. */
static bool
may_read(const Connection *connection)
{
	const Connection *none = NULL;
	const Batch *batch = connection->first;

	return batch == NULL || !batch->calls[0]->read_only || statements[batch->statement].in_pieces ||
	       connection->taken <= TAKEN_ANYHOW ||
	       counter_value(COUNTER_ANSWER_BYTES) <= TAKEN_BY_ALL ||
	       atomic_load(&foremost) == connection ||
	       atomic_compare_exchange_strong(&foremost, &none, connection);
}

/* Bytes that wait in the socket. */
static int
waiting_bytes(const Connection *connection)
{
	int waiting = 0;

	return ioctl(connection->fd, FIONREAD, &waiting) == 0 ? waiting : 0;
}

/*
 * Has libpq read what it has room for, and counts that where it is not all of an answer; false: the connection has ended.
 * More may come meanwhile, so the number is not exact: as much as libpq's first buffer takes was read at least.
 */
static bool
consume(Connection *connection)
{
	bool amid = connection->taken > 0;
	int before = amid ? waiting_bytes(connection) : FIRST_BUFFER;
	int least = before < FIRST_BUFFER ? before : FIRST_BUFFER;
	bool alive = PQconsumeInput(connection->pg) != 0;
	int gone;

	if (!amid && !PQisBusy(connection->pg))
		return alive;
	gone = before - waiting_bytes(connection);
	gone = gone > least ? gone : least;
	connection->taken += gone;
	counter_add(COUNTER_ANSWER_BYTES, gone);
	return alive;
}

/* Its answer is complete; what libpq keeps of it stays with it until it ends, where that is much. */
static void
let_go(Connection *connection)
{
	const Connection *self = connection;

	(void) atomic_compare_exchange_strong(&foremost, &self, NULL);
	if (connection->state == CONNECTION_OPEN && connection->swollen)
		return;
	counter_add(COUNTER_ANSWER_BYTES, -connection->taken);
	connection->taken = 0;
}

void
connection_close(Connection *connection, const char *sqlstate)
{
	const ConnectionOwner *owner = connection->owner;
	Batch *batch = connection->first;
	/*
	 * The server ended the connection with an error before the first statement was complete, so
	 * neither it nor any after it was committed: what a statement says comes before its commit.
	 */
	bool undone = batch != NULL && batch->failed && batch->rows == NULL;

	if (connection->state != CONNECTION_OPEN)
		return;
	PQfinish(connection->pg);
	connection->pg = NULL;
	connection->state = CONNECTION_CLOSED;
	let_go(connection);
	counter_add(COUNTER_DATABASE + owner->tier, -1);
	connection->first = NULL;
	connection->last = &connection->first;
	connection->in_flight = 0;
	while (batch != NULL)
	{
		Batch *next = batch->next;

		owner->lost(owner->closure, batch, sqlstate, undone);
		batch = next;
	}
}

/* Watches its socket for what it waits for. */
static void
rewatch(Connection *connection, bool writing, bool halted)
{
	if (connection->writing == writing && connection->halted == halted)
		return;
	connection->writing = writing;
	connection->halted = halted;
	loop_rewatch(connection->owner->loop, connection->fd, &connection->watch,
	             (halted ? 0U : EPOLLIN) | (writing ? EPOLLOUT : 0U));
}

/* Hands bytes that wait to the socket, and watches it for room when there is none. */
static bool
flush(Connection *connection)
{
	int left = PQflush(connection->pg);

	if (left < 0)
		return false;
	rewatch(connection, left > 0, connection->halted);
	return true;
}

/* Has each row handed over as it comes, where the statement whose results come next answers in pieces. */
static void
ask_for_pieces(Connection *connection)
{
	if (connection->first != NULL && statements[connection->first->statement].in_pieces)
		(void) PQsetSingleRowMode(connection->pg);
}

/* The first batch in flight has its turn from now on. */
static void
begin_turn(Connection *connection, int64_t now)
{
	const DatabaseCall *call;

	connection->head_since = now;
	if (connection->first == NULL)
		return;
	call = connection->first->calls[0];
	connection->deadline =
	    call->run_ms > 0 ? call->expires : now + connection->owner->statement_timeout;
	ask_for_pieces(connection);
}

/* Queues the statement of a batch, and its preparation where the connection does not know it. */
static bool
put_statement(Connection *connection, Batch *batch)
{
	const DatabaseStatement *statement = &statements[batch->statement];
	const DatabaseCall *call = batch->calls[0];
	TextArray *value = connection->owner->scratch;
	const char *values[1];
	int lengths[1];
	const int formats[1] = {1};
	const bool is_before = connection->older && statement->before != NULL;

	batch->direct = connection->older && statement->batched;
	batch->preparing = !connection->prepared[batch->statement];
	if (batch->preparing)
	{
		char *sql = batch->direct ? statement_direct(statement, call->nvalues, call->acting)
		                          : strdup(is_before ? statement->before : statement->sql);
		bool sent = sql != NULL && PQsendPrepare(connection->pg, statement->name, sql, 0, NULL);

		free(sql);
		if (!sent)
			return false;
	}
	connection->prepared[batch->statement] = true;
	if (!statement->batched || batch->direct)
		return PQsendQueryPrepared(connection->pg, statement->name, call->nvalues,
		                           (const char *const *) call->values, NULL, NULL, 0) != 0;
	if (!batch_encode(batch, value))
		return false;
	values[0] = value->buffer.bytes;
	lengths[0] = (int) value->buffer.length;
	return PQsendQueryPrepared(connection->pg, statement->name, 1, values, lengths, formats, 0) !=
	       0;
}

/* Does a call say what a database of before cannot be told? */
static bool
is_too_new(const DatabaseStatement *statement, const DatabaseCall *call)
{
	return (call->acting > 0 && call->values[call->acting - 1] != NULL) ||
	       (statement->newer > 0 && call->values[statement->newer - 1] != NULL);
}

bool
connection_send(Connection *connection, Batch *batch)
{
	const DatabaseCall *call = batch->calls[0];

	/* (what else is in the batch asks the same for the same) */
	if (connection->older && is_too_new(&statements[batch->statement], call))
	{
		/* the database may be up to date by now: the next connection asks again */
		connection_close(connection, SQLSTATE_LOST);
		connection->owner->lost(connection->owner->closure, batch,
		                        errors[EDURANGE_NOT_INSTALLED].sqlstate, true);
		return true;
	}
	if (!put_statement(connection, batch))
	{
		/* without its sync point nothing of it counts */
		connection_close(connection, SQLSTATE_LOST);
		return false;
	}
	batch->backend = PQbackendPID(connection->pg);
	connection->swollen = connection->swollen || batch->calls[0]->size > BUFFER_KEPT;
	*connection->last = batch;
	connection->last = &batch->next;
	if (connection->in_flight++ == 0)
		begin_turn(connection, now_ms());
	if (!PQpipelineSync(connection->pg) || !flush(connection))
		connection_close(connection, SQLSTATE_LOST);
	return true;
}

/* Takes the first batch off and hands it back. */
static void
settle_first(Connection *connection, int64_t now)
{
	Batch *batch = connection->first;

	connection->first = batch->next;
	if (connection->first == NULL)
		connection->last = &connection->first;
	connection->in_flight--;
	let_go(connection);
	begin_turn(connection, now);
	if (batch->failed && (batch->preparing || result_needs_prepare(&batch->error)))
		connection->prepared[batch->statement] =
		    strcmp(batch->error.sqlstate, SQLSTATE_PREPARED) == 0;
	connection->owner->settled(connection->owner->closure, batch);
}

/* Takes the results that have come in; false when the connection has ended. */
static bool
take_results(Connection *connection)
{
	int64_t now = now_ms();
	int nothing = 0;

	while (connection->first != NULL && !PQisBusy(connection->pg))
	{
		PGresult *result = PQgetResult(connection->pg);

		/* each statement's results end with none, two in a row mean that there are no more */
		if (result == NULL)
		{
			if (++nothing > 1)
				break;
			ask_for_pieces(connection);
			continue;
		}
		nothing = 0;
		/* libpq's own error: the server has said nothing more */
		if (PQresultStatus(result) == PGRES_FATAL_ERROR &&
		    PQresultErrorField(result, PG_DIAG_SQLSTATE) == NULL)
		{
			PQclear(result);
			return false;
		}
		connection->swollen = connection->swollen || PQresultMemorySize(result) > BUFFER_KEPT;
		if (batch_take(connection->first, result))
			settle_first(connection, now);
	}
	return true;
}

/* Is it of no use any more, now that nothing is in flight? */
static bool
is_spent(const Connection *connection)
{
	return connection->swollen || (connection->older && now_ms() >= connection->older_until);
}

/* Callback: the socket has something, or room; or, where nothing is read from it, it has ended. */
static void
react(Watch *watch)
{
	Connection *connection = (Connection *) watch;
	bool alive;

	if (connection->state != CONNECTION_OPEN)
		return;
	if (!connection->halted && !may_read(connection))
	{
		rewatch(connection, connection->writing, true);
		return;
	}
	alive = consume(connection);
	alive = take_results(connection) && alive;
	if (!alive || !flush(connection) || PQstatus(connection->pg) != CONNECTION_OK ||
	    (connection->in_flight == 0 && is_spent(connection)))
		connection_close(connection, SQLSTATE_LOST);
}

void
connection_tend(Connection *connection, int64_t now)
{
	Batch *batch = connection->first;

	if (connection->state != CONNECTION_OPEN || batch == NULL)
		return;
	if (connection->halted)
	{
		/* the others are in time, so its turn comes */
		if (may_read(connection))
			rewatch(connection, connection->writing, false);
		connection->deadline = now + connection->owner->statement_timeout;
		return;
	}
	if (now > connection->deadline + CANCEL_GRACE_MS + LOST_GRACE_MS ||
	    (now > connection->deadline && batch->calls[0]->run_ms > 0))
		connection_close(connection, SQLSTATE_NO_ANSWER);
	else if (now > connection->deadline + CANCEL_GRACE_MS && !batch->cancelled)
	{
		batch->cancelled = true;
		opener_cancel(connection->pg);
	}
}
