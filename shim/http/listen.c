/*
 * listen.c
 *	  Requests whose answer goes on: people who listen to a board, and programs that wait for the feed.
 *
 * A listener's response has no end.  libmicrohttpd asks for more of it when the last piece has gone out; where there
 * is nothing to tell the connection is suspended, until the reader of boards (live/) says that there may be.  A
 * listener is in phase CLIENT_LISTENING from being handed something until it asks for more, so who does not read is
 * ended like whoever else is too slow.
 *
 * Who waits for the feed has been told that there is nothing new, and has the answer that says so ready.  They are
 * asked for again when the board has changed: requests for the same together, by one of them.
 */
#include "http/request.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/counters.h"

#define BLOCK 8192         /* bytes that a listener is handed at once */
#define SEND_BUFFER 65536  /* of the system, for a listener */
#define TIME_MS 15000      /* from one event with the time to the next */
#define LISTENER_MS 300000 /* then a listener has to come anew, with its token */
#define FEED_AGAIN_MS 1000 /* who is told something asks again at once: so often at most */
#define FEED_MS 25000      /* that the feed is waited for */
#define CONNECTIONS_LEFT 4 /* of so many connections one is not for listeners */
#define NOTHING_NEW "{\"sinceToken\""

/* What a request has that goes on. */
typedef struct Listener
{
	LIST_ENTRY(Listener) others; /* of its loop's */
	Request *request;
	Board *board;
	int64_t ends_at;
	bool live; /* it wants the rows, and at once */

	/* of who listens to a board */
	uint64_t last; /* number of the event that was sent last */
	Piece *piece;  /* what is being sent, and how much of it was */
	size_t sent;
	int64_t timed_at;
	bool idle; /* its connection is suspended until there is something to tell */

	/* of who waits for the feed */
	bool waits;
	uint64_t changes;    /* of the board, when it was asked for last */
	bool asked;          /* it is being asked for, ... */
	struct Listener *by; /* ... by this one */
} Listener;

bool
listen_has_room(const Request *request)
{
	const Config *config = request->config;
	int most = config->connection_limit - config->connection_limit / CONNECTIONS_LEFT;

	if (most > config->listener_limit)
		most = config->listener_limit;
	return counter_value(COUNTER_LISTENERS) < most;
}

void
listen_refuse(Request *request)
{
	failure_set(&request->failure, EDURANGE_TOO_MANY_CONNECTIONS,
	            "the service has as many listeners as it takes");
}

/* Makes the request one that goes on; NULL where that is not possible. */
static Listener *
begin(Request *request, bool is_staff, int64_t milliseconds)
{
	const char *group_id = request->target.segments[request->match.values[0]];
	Listener *listener = listen_has_room(request) ? calloc(1, sizeof(Listener)) : NULL;

	if (listener == NULL)
		return NULL;
	listener->request = request;
	listener->live = milliseconds == LISTENER_MS;
	listener->board = board_hold(group_id, is_staff, listener->live);
	if (listener->board == NULL)
	{
		free(listener);
		return NULL;
	}
	listener->ends_at = now_ms() + milliseconds;
	LIST_INSERT_HEAD(&request->worker->listeners, listener, others);
	request->listener = listener;
	counter_add(COUNTER_LISTENERS, 1);
	reader_begin();
	return listener;
}

void
listen_end(Request *request)
{
	Listener *listener = request->listener;

	if (listener == NULL)
		return;
	LIST_REMOVE(listener, others);
	counter_add(COUNTER_LISTENERS, -1);
	if (listener->piece != NULL)
		piece_release(listener->piece);
	board_release(listener->board, listener->live);
	free(listener);
	request->listener = NULL;
}

/* ---- who listens to a board ------------------------------------------------------------------------ */

/* The next thing to send; NULL: nothing yet. */
static Piece *
next_piece(Listener *listener, int64_t now)
{
	char time[ISO_TIME_LENGTH];

	if (listener->timed_at > 0 && now - listener->timed_at < TIME_MS)
		return board_next(listener->board, &listener->last);
	iso_time_now(time);
	return piece_make("%sevent: time\ndata: {\"serverTime\":\"%s\"}\n\n",
	                  listener->timed_at == 0 ? "retry: 2000\n" : ":\n", time);
}

/* Callback: has libmicrohttpd send more. */
static ssize_t
send_more(void *cls, uint64_t position, char *bytes, size_t room)
{
	Listener *listener = ((Request *) cls)->listener;
	Client *client = listener->request->client;
	int64_t now = now_ms();
	size_t left;

	if (listener->piece == NULL)
	{
		if (response_is_closing() || now >= listener->ends_at ||
		    board_news(listener->board, 0).over)
			return MHD_CONTENT_READER_END_OF_STREAM;
		listener->piece = next_piece(listener, now);
		listener->sent = 0;
		if (listener->piece != NULL && now - listener->timed_at >= TIME_MS)
			listener->timed_at = now;
	}
	if (listener->piece == NULL)
	{
		client_enter(client, CLIENT_BUSY);
		listener->idle = true;
		MHD_suspend_connection(listener->request->connection);
		return 0;
	}
	client_enter(client, CLIENT_LISTENING);
	left = listener->piece->length - listener->sent;
	if (left > room)
		left = room;
	memcpy(bytes, listener->piece->bytes + listener->sent, left);
	listener->sent += left;
	if (listener->sent == listener->piece->length)
	{
		piece_release(listener->piece);
		listener->piece = NULL;
	}
	return (ssize_t) left;
}

void
listen_to_board(Request *request, const DatabaseResult *result)
{
	json_t *access = json_loads(result->text, 0, NULL);
	Listener *listener =
	    begin(request, json_is_true(json_object_get(access, "isStaff")), LISTENER_MS);
	int size = SEND_BUFFER;

	json_decref(access);
	if (listener == NULL)
	{
		listen_refuse(request);
		return;
	}
	listener->last = board_number(listener->board, request_header(request, "Last-Event-ID"));
	request->stream =
	    MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, send_more, request, NULL);
	setsockopt(request->client->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

/* Goes on with a listener that has something to be told, or is to end. */
static void
wake(Listener *listener, int64_t now)
{
	BoardNews news = board_news(listener->board, listener->last);

	if (!listener->idle || (!news.next && !news.over && now < listener->ends_at &&
	                        now - listener->timed_at < TIME_MS && !response_is_closing()))
		return;
	listener->idle = false;
	client_enter(listener->request->client, CLIENT_LISTENING);
	listener->request->worker->resumed = true;
	MHD_resume_connection(listener->request->connection);
}

/* ---- who waits for the feed ------------------------------------------------------------------------ */

/* As who it is asked: the acting user, staff or everybody else. */
static const char *
asked_as(const Identity *identity)
{
	if (identity->values[CALLER_ACTING] != NULL)
		return identity->values[CALLER_ACTING];
	return identity->tier >= TIER_SERVICE ? "\1" : "";
}

/* Do both ask for the same, as somebody who sees the same? */
static bool
ask_the_same(const Request *one, const Request *other)
{
	int own = one->values.count - CALLER_VALUES;
	bool same = one->values.count == other->values.count &&
	            strcmp(asked_as(&one->identity), asked_as(&other->identity)) == 0;

	for (int i = 0; same && i < own; i++)
	{
		const char *a = one->values.values[i];
		const char *b = other->values.values[i];

		same = a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
	}
	return same;
}

/* The answer that the request has is its last. */
static void
stop_waiting(Listener *listener)
{
	Request *request = listener->request;

	listen_end(request);
	request_finish(request);
}

/* Those who have been waiting for the same have the answer, too, or go on waiting. */
static void
share_answer(Listener *leader, const char *answer)
{
	Listener *next;

	for (Listener *one = LIST_FIRST(&leader->request->worker->listeners); one != NULL; one = next)
	{
		next = LIST_NEXT(one, others);
		if (one == leader || one->by != leader)
			continue;
		one->by = NULL;
		one->asked = false;
		if (answer == NULL)
			continue;
		free(one->request->reply);
		one->request->reply = request_hold(one->request, strlen(answer)) ? strdup(answer) : NULL;
		stop_waiting(one);
	}
}

bool
listen_for_feed(Request *request, DatabaseResult *result)
{
	Listener *listener = request->listener;
	bool nothing = result->ok && strncmp(result->text, NOTHING_NEW, strlen(NOTHING_NEW)) == 0;

	if (listener != NULL)
	{
		share_answer(listener, result->ok && !nothing ? result->text : NULL);
		listener->asked = false;
		listener->by = NULL;
	}
	/* who has no token yet is told where the feed begins */
	if (!nothing || request->values.values[1] == NULL || response_is_closing() ||
	    (listener == NULL && (listener = begin(request, true, FEED_MS)) == NULL))
	{
		listen_end(request);
		return false;
	}
	listener->waits = true;
	free(request->reply);
	request->reply = result->text;
	result->text = NULL;
	request->status = MHD_HTTP_OK;
	return true;
}

/* Asks for the feed again where there may be something, once for all who ask for the same. */
static void
ask_again(Listener *listener, int64_t now)
{
	BoardNews news = board_news(listener->board, 0);
	Worker *worker = listener->request->worker;
	Listener *other;

	if (listener->asked)
		return;
	if (news.over || now >= listener->ends_at || response_is_closing())
	{
		stop_waiting(listener);
		return;
	}
	if ((news.changes == listener->changes && !news.delayed) ||
	    now - listener->ends_at + FEED_MS < FEED_AGAIN_MS)
		return;
	listener->changes = news.changes;
	listener->asked = true;
	for (other = LIST_FIRST(&worker->listeners); other != NULL; other = LIST_NEXT(other, others))
		if (other->waits && other->asked && other->by == other &&
		    ask_the_same(other->request, listener->request))
			break;
	listener->by = other != NULL ? other : listener;
	if (other == NULL)
	{
		listener->request->call.tries = listener->request->call.group = 0;
		database_submit(worker->database, &listener->request->call);
	}
}

void
listen_tend(Worker *worker)
{
	int64_t now = now_ms();
	Listener *next;

	for (Listener *one = LIST_FIRST(&worker->listeners); one != NULL; one = next)
	{
		next = LIST_NEXT(one, others);
		if (one->waits)
			ask_again(one, now);
		else
			wake(one, now);
	}
}
