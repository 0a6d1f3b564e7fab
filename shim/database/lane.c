/*
 * lane.c
 *	  Calls of one tier and kind: their queue, and the connections that they are sent on.
 *
 * A lane uses its first connection; a further one is opened when what is in flight has stalled, as
 * behind a lock.  What can be batched and comes while a batch is on its way waits for it: so the
 * calls that come together share one commit, and what is asked by many at once is read once.
 *
 * A failed batch was rolled back, for certain: its halves run again, each by itself, and so on, until
 * only the one at fault fails.  What it locks by is hot from then on: for some seconds, and as long as they have
 * to wait, calls with that key go alone, one after the other, so that a row that stays locked, or is locked again
 * and again, makes no neighbour pay more than once.  A batch that was sent and whose connection broke may have
 * been committed: a write in it is never sent again.
 */
#include "database/lane.h"

#include <stdlib.h>
#include <string.h>

#include "base/counters.h"
#include "database/result.h"
#include "database/opener.h"

#define BACKOFF_FIRST_MS 50
#define BACKOFF_LAST_MS 1000
#define COLLISION_RETRIES 5
#define PREPARE_RETRIES 2
#define LOST_RETRIES 2
#define CONNECT_SECONDS 5         /* for each host ... */
#define MONITOR_CONNECT_SECONDS 2 /* ... and for a probe, whose client waits for less */
/*
 * How long a call waits before it is asked whether anybody wants it.  A client that has closed only its half of
 * the connection looks like one that is gone; it gets an answer unless that takes longer.
 */
#define DROP_AFTER_MS 1000
#define HOT_MS 5000      /* how long a lock key stays hot from when a call with it failed, ... */
#define HOT_WAIT_MS 50   /* ... or took so long by itself: it has waited for the lock */
#define REPLICA_FAULTS 3 /* statements in a row at which a replica fails, until it is left ... */
#define REPLICA_LEFT_MS 5000 /* ... for so long */

/* How the connections of a kind are used. */
static const struct
{
	int depth;    /* statements in flight on a connection: the second waits while the first runs */
	int stall_ms; /* until a further connection is used */
	int size;     /* connections at most; 0: as the settings say */
} policies[LANE_KINDS] = {
    [LANE_READ] = {.depth = 2, .stall_ms = 20},
    [LANE_REPLICA] = {.depth = 2, .stall_ms = 20},
    [LANE_WRITE] = {.depth = 1, .stall_ms = 50},
    [LANE_SLOW] = {.depth = 1, .stall_ms = 0},
    [LANE_AUTHENTICATE] = {.depth = 2, .stall_ms = 20, .size = 2},
    [LANE_MONITOR] = {.depth = 1, .stall_ms = 0, .size = 1},
};

/* Puts a call into the queue, before the one that the link points to. */
static void
link_call(Lane *lane, DatabaseCall **link, DatabaseCall *call)
{
	call->next = *link;
	*link = call;
	if (call->next == NULL)
		lane->last = &call->next;
	lane->waiting++;
	counter_add(COUNTER_QUEUE + lane->owner.tier, 1);
}

/* Puts a call at the end of the queue. */
void
lane_add(Lane *lane, DatabaseCall *call)
{
	link_call(lane, lane->last, call);
}

/* Takes the call that the link points to out of the queue. */
static DatabaseCall *
unlink_call(Lane *lane, DatabaseCall **link)
{
	DatabaseCall *call = *link;

	*link = call->next;
	if (lane->last == &call->next)
		lane->last = link;
	lane->waiting--;
	counter_add(COUNTER_QUEUE + lane->owner.tier, -1);
	return call;
}

/* Did the last attempt to connect, or too much on a replica, fail so recently that it is not tried again yet? */
bool
lane_is_away(const Lane *lane, int64_t now)
{
	return now < lane->left_until ||
	       (now < lane->retry_at && database_status().last_success <= lane->failed_at);
}

/* Nobody can be reached: the queue goes to the fallback, or is answered. */
static void
give_up_queue(Lane *lane)
{
	for (int left = lane->waiting; left > 0 && lane->first != NULL; left--)
	{
		DatabaseCall *call = unlink_call(lane, &lane->first);

		if (lane->fallback != NULL)
			lane_add(lane->fallback, call);
		else
			call_fail(call, SQLSTATE_NOT_CONNECTED);
	}
}

static bool
any_open(const Lane *lane)
{
	for (int i = 0; i < lane->size; i++)
		if (lane->connections[i].state == CONNECTION_OPEN)
			return true;
	return false;
}

/* Callback: a connection is open. */
static void
on_opened(void *closure)
{
	Lane *lane = closure;

	lane->backoff_ms = 0;
	lane->retry_at = 0;
	lane_send(lane);
}

/* Callback: a connection could not be opened. */
static void
on_not_opened(void *closure)
{
	Lane *lane = closure;

	counter_add(COUNTER_CONNECT_FAILED, 1);
	lane->failed_at = now_ms();
	if (lane->kind != LANE_MONITOR)
	{
		lane->backoff_ms = lane->backoff_ms == 0 ? BACKOFF_FIRST_MS : lane->backoff_ms * 2;
		if (lane->backoff_ms > BACKOFF_LAST_MS)
			lane->backoff_ms = BACKOFF_LAST_MS;
		lane->retry_at =
		    lane->failed_at + lane->backoff_ms / 2 + random() % (lane->backoff_ms / 2 + 1);
	}
	if (!any_open(lane))
		give_up_queue(lane);
}

/*
 * The connection that the next statement goes on, or NULL when it has to wait: the first open one that has not
 * stalled, whatever is closed or being opened before it.  What goes alone because its key is hot is taken to stall.  When
 * all that are open have stalled, one more is opened.
 */
static Connection *
choose_connection(Lane *lane, int64_t now)
{
	int depth = policies[lane->kind].depth;
	int stall_ms = policies[lane->kind].stall_ms;
	Connection *closed = NULL;
	bool opening = false;

	for (int i = 0; i < lane->size; i++)
	{
		Connection *connection = &lane->connections[i];

		opening = opening || connection->state == CONNECTION_OPENING;
		if (connection->state == CONNECTION_CLOSED && closed == NULL)
			closed = connection;
		/* (one that is swollen ends once nothing is in flight on it, which would never be) */
		if (connection->state == CONNECTION_OPEN && !connection->swollen &&
		    (connection->in_flight == 0 ||
		     (!connection->first->hot && now - connection->head_since < stall_ms)))
			return connection->in_flight < depth ? connection : NULL;
	}
	if (closed == NULL || opening)
		return NULL;
	if (!lane_is_away(lane, now))
		connection_open(closed);
	else if (!any_open(lane))
		give_up_queue(lane);
	return NULL;
}

/* Do two calls of one statement read the same, for the same caller? */
static bool
ask_the_same(const DatabaseCall *call, const DatabaseCall *other)
{
	if (call->piece != NULL || !call->read_only || call->nvalues != other->nvalues ||
	    call->size != other->size || call->size > BATCH_BYTES)
		return false;
	for (int i = 0; i < call->nvalues; i++)
	{
		const char *value = call->values[i];

		if (value == NULL || other->values[i] == NULL ? value != other->values[i]
		                                              : strcmp(value, other->values[i]) != 0)
			return false;
	}
	return true;
}

/* May the call be in the batch that begins with another one? */
static bool
goes_with(const DatabaseCall *call, const DatabaseCall *first)
{
	return call->statement == first->statement && call->group == first->group &&
	       (statements[first->statement].batched || ask_the_same(call, first));
}

/* ---- hot keys -------------------------------------------------------------------------------- */

/* The entry of a key that is hot, or was when a call with it set out; NULL: it is not. */
static HotKey *
find_hot(Lane *lane, uint64_t key, int64_t now)
{
	HotKey *hot = &lane->hot[key % HOT_KEYS];

	return key != 0 && hot->key == key && (hot->under_way || now < hot->until) ? hot : NULL;
}

/* Makes a key hot, unless another key has its place and a call under way. */
static void
make_hot(Lane *lane, uint64_t key, int64_t now)
{
	HotKey *hot = &lane->hot[key % HOT_KEYS];

	if (!hot->under_way)
		*hot = (HotKey){.key = key, .until = now + HOT_MS};
}

/* A batch is over, however: if its key was hot, the next call with that key may go. */
static void
cool_down(Lane *lane, const Batch *batch)
{
	HotKey *hot = &lane->hot[batch->calls[0]->key % HOT_KEYS];
	int64_t now = now_ms();

	if (!batch->hot)
		return;
	hot->under_way = false;
	lane->hot_calls--;
	if (batch->failed || now - hot->since > HOT_WAIT_MS)
		hot->until = now + HOT_MS;
}

/*
 * Must a call whose key is hot wait?  Each hot key has one call under way, and all of them together leave one
 * connection to the calls whose keys are not hot.
 */
static bool
must_wait(const Lane *lane, const HotKey *hot)
{
	return hot->under_way || (lane->hot_calls > 0 && lane->hot_calls >= lane->size - 1);
}

/* ---- batches --------------------------------------------------------------------------------- */

/* Is the call out of time, or has its client gone away?  Then it is answered, and not sent. */
static bool
drop_call(DatabaseCall *call, int64_t now)
{
	if (now >= call->expires)
		call_fail(call, SQLSTATE_NOT_SENT);
	else if (call->wanted != NULL && now - call->submitted > DROP_AFTER_MS &&
	         !call->wanted(call->closure))
		call_fail(call, SQLSTATE_NOT_WANTED);
	else
		return false;
	return true;
}

/* Takes the next batch of so many calls at most off the queue; NULL when nothing in it may go now. */
static Batch *
take_batch(Lane *lane, int64_t now, int most)
{
	Batch *batch = calloc(1, sizeof(Batch));
	DatabaseCall **link = &lane->first;
	size_t size = 0;

	while (batch != NULL && *link != NULL && batch->count < most && !batch->hot)
	{
		DatabaseCall *call = *link;
		HotKey *hot = find_hot(lane, call->key, now);
		bool goes = batch->count == 0 || goes_with(call, batch->calls[0]);

		if (!goes && (batch->calls[0]->group != 0 ||
		              (!statements[batch->statement].batched && !batch->calls[0]->read_only)))
			break;
		if (!goes || (hot != NULL && (batch->count > 0 || must_wait(lane, hot))))
		{
			link = &call->next;
			continue;
		}
		if (batch->count > 0 && (size += call->size) > BATCH_BYTES)
			break;
		(void) unlink_call(lane, link);
		if (drop_call(call, now))
		{
			/* its callback may have changed the queue */
			link = &lane->first;
			continue;
		}
		if (batch->count == 0)
			size = call->size;
		batch->statement = call->statement;
		batch->calls[batch->count++] = call;
		if (hot != NULL)
		{
			batch->hot = hot->under_way = true;
			hot->since = now;
			lane->hot_calls++;
		}
	}
	if (batch != NULL && batch->count == 0)
	{
		free(batch);
		return NULL;
	}
	if (batch != NULL)
		batch_sort(batch);
	return batch;
}

/* Puts the calls of a batch back; where it is halved, neither half shares a batch with the other again. */
static void
put_back(Lane *lane, Batch *batch, bool halve)
{
	int64_t now = now_ms();
	int half = batch->count / 2;

	lane->groups += 2;
	for (int i = batch->count - 1; i >= 0; i--)
	{
		DatabaseCall *call = batch->calls[i];

		if (halve)
			call->group = lane->groups + (i < half);
		if (halve && (i < half ? half : batch->count - half) == 1)
			make_hot(lane, call->key, now);
		if (call->run_ms == 0)
			call->expires = now + lane->patience;
		link_call(lane, &lane->first, call);
	}
}

void
lane_send(Lane *lane)
{
	int64_t now = now_ms();

	while (lane->first != NULL)
	{
		Connection *connection = choose_connection(lane, now);
		Batch *batch;

		if (connection == NULL)
			return;
		batch = take_batch(lane, now, connection->older ? 1 : BATCH_CALLS);
		if (batch == NULL)
			return;
		if (!connection_send(connection, batch))
		{
			cool_down(lane, batch);
			put_back(lane, batch, false);
			batch_free(batch);
		}
	}
}

/* Is it certain that the statement did nothing and may do better when it is tried again? */
static bool
may_try_again(Batch *batch)
{
	const char *sqlstate = batch->error.sqlstate;
	int *tries = &batch->calls[0]->tries;

	if (batch->calls[0]->begun)
		return false;
	if (strcmp(sqlstate, SQLSTATE_COLLIDED) == 0 || strcmp(sqlstate, SQLSTATE_DEADLOCK) == 0)
		return (*tries)++ < COLLISION_RETRIES;
	if (result_needs_prepare(&batch->error))
		return (*tries)++ < PREPARE_RETRIES;
	return false;
}

/* Is the server at fault, or what is in it, and may another one do better? */
static bool
is_fault(const DatabaseResult *error)
{
	return errors[sqlstate_error(error->sqlstate)].status >= 500 &&
	       strcmp(error->sqlstate, SQLSTATE_NO_ANSWER) != 0;
}

/* What a replica failed at goes to the primary; one that fails at everything is left for a while. */
static void
leave_replica(Lane *lane, Batch *batch)
{
	put_back(lane->fallback, batch, false);
	if (++lane->faults < REPLICA_FAULTS)
		return;
	lane->left_until = now_ms() + REPLICA_LEFT_MS;
	give_up_queue(lane);
}

/* Callback: the sync point of a batch has come. */
static void
on_settled(void *closure, Batch *batch)
{
	Lane *lane = closure;

	cool_down(lane, batch);
	if (!batch->failed)
	{
		lane->faults = 0;
		status_note_alive();
		batch_answer(batch);
		put_back(lane, batch, false);
	}
	else if (may_try_again(batch))
	{
		counter_add(COUNTER_RETRIES, 1);
		put_back(lane, batch, batch->count > 1 && batch->calls[0]->tries > 1);
	}
	else if (lane->fallback != NULL && is_fault(&batch->error))
		leave_replica(lane, batch);
	else if (batch->count == 1 || !statements[batch->statement].batched)
		batch_answer_error(batch);
	else
		put_back(lane, batch, true);
	batch_free(batch);
}

/* Callback: the connection of a batch has ended before its sync point came. */
static void
on_lost(void *closure, Batch *batch, const char *sqlstate, bool undone)
{
	Lane *lane = closure;
	DatabaseCall *first = batch->calls[0];
	bool again = strcmp(sqlstate, SQLSTATE_NO_ANSWER) != 0 && (undone || first->read_only) &&
	             !first->begun && first->tries++ < LOST_RETRIES;

	cool_down(lane, batch);
	if (again)
		put_back(lane->fallback != NULL ? lane->fallback : lane, batch, false);
	for (int i = 0; !again && i < batch->count; i++)
		call_fail(batch->calls[i], sqlstate);
	batch_free(batch);
}

bool
lane_tend(Lane *lane, int64_t now)
{
	DatabaseCall **link = &lane->first;
	bool busy;

	for (int i = 0; i < lane->size; i++)
		connection_tend(&lane->connections[i], now);
	while (*link != NULL)
	{
		DatabaseCall *call = *link;

		if (now < call->expires)
			link = &call->next;
		else
		{
			call_fail(unlink_call(lane, link), SQLSTATE_NOT_SENT);
			link = &lane->first;
		}
	}
	lane_send(lane);
	busy = lane->first != NULL;
	for (int i = 0; i < lane->size; i++)
		busy = busy || lane->connections[i].in_flight > 0;
	return busy;
}

/* Makes room for the connections; none is opened before it is needed. */
bool
lane_init(Lane *lane)
{
	ConnectionOwner *owner = &lane->owner;

	if (policies[lane->kind].size > 0)
		lane->size = policies[lane->kind].size;
	owner->connect_seconds = lane->kind == LANE_MONITOR ? MONITOR_CONNECT_SECONDS : CONNECT_SECONDS;
	owner->closure = lane;
	owner->opened = on_opened;
	owner->not_opened = on_not_opened;
	owner->settled = on_settled;
	owner->lost = on_lost;
	lane->last = &lane->first;
	lane->connections = calloc((size_t) lane->size, sizeof(Connection));
	if (lane->connections == NULL)
		return false;
	for (int i = 0; i < lane->size; i++)
		connection_init(&lane->connections[i], owner);
	return true;
}

void
lane_close(Lane *lane)
{
	for (int i = 0; i < lane->size; i++)
		connection_close(&lane->connections[i], SQLSTATE_LOST);
}
