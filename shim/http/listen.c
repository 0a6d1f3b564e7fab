/*
 * listen.c
 *	  Requests whose answer goes on: people who listen to a board, and programs that wait for the feed.
 *
 * A listener's response has no end.  libmicrohttpd asks for more of it when the last piece has gone out; where there
 * is nothing to tell the connection is suspended, until the reader (live/) says that there may be.  A
 * listener is in phase CLIENT_LISTENING from being handed something until it asks for more, so who does not read is
 * ended like whoever else is too slow.
 *
 * Who waits for the feed either has the answer "nothing new" ready, or was told everything a moment ago and has no
 * answer yet.  Both are looked after in the reader's turns (live/feeds.h), where the feed may have more; of requests for
 * the same one asks for all.
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
#define FEED_MS 25000      /* that the feed is waited for */
#define WOKEN_AT_ONCE 2    /* listeners to a board; then requests and other processes ... */
#define TELL_MS 1          /* ... have their turn for so long */
#define LATE_MS 2          /* a loop that was kept from it makes up for so much */
#define CONNECTIONS_LEFT 4 /* of so many connections one is not for listeners */
#define NOTHING_NEW "{\"sinceToken\""
/* Of the values of a request for the feed: */
#define FEED_SINCE 1
#define FEED_NEWEST 4

/* What a request has that goes on. */
typedef struct Listener
{
	TAILQ_ENTRY(Listener) others; /* of its loop's */
	Request *request;
	int64_t ends_at;

	/* of who listens to a board */
	Board *board;
	uint64_t last; /* number of the event that was sent last */
	Piece *piece;  /* what is being sent, and how much of it was */
	size_t sent;
	int64_t timed_at;
	bool idle; /* its connection is suspended until there is something to tell */

	/* of who waits for the feed */
	Feed *feed;
	uint64_t turn;       /* in which it began, or was looked after last, ... */
	uint64_t changes;    /* ... and which changes of the feed it has been asked for with */
	struct Listener *by; /* who asks for it, itself or another one; NULL: nobody does */
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
begin(Request *request, bool for_feed)
{
	Listener *listener = listen_has_room(request) ? calloc(1, sizeof(Listener)) : NULL;

	if (listener == NULL)
		return NULL;
	listener->request = request;
	listener->ends_at = now_ms() + (for_feed ? FEED_MS : LISTENER_MS);
	/* those who wait for the feed come first: all of them are looked after in each turn */
	if (for_feed)
		TAILQ_INSERT_HEAD(&request->worker->listeners, listener, others);
	else
		TAILQ_INSERT_TAIL(&request->worker->listeners, listener, others);
	request->listener = listener;
	request->first_us = request_age_us(request);
	counter_add(COUNTER_LISTENERS, 1);
	return listener;
}

/* The competition that the request names. */
static const char *
group_of(const Request *request)
{
	return request->target.segments[request->match.values[0]];
}

void
listen_end(Request *request)
{
	Listener *listener = request->listener;

	if (listener == NULL)
		return;
	TAILQ_REMOVE(&request->worker->listeners, listener, others);
	counter_add(COUNTER_LISTENERS, -1);
	if (listener->piece != NULL)
		piece_release(listener->piece);
	if (listener->board != NULL)
		board_release(listener->board);
	if (listener->feed != NULL)
		feed_release(listener->feed);
	free(listener);
	request->listener = NULL;
}

/* ---- who listens to a board ------------------------------------------------------------------------ */

/* Is the time to be told?  (The clock begins with the machine, so the first time is no matter of it.) */
static bool
is_time(const Listener *listener, int64_t now)
{
	return listener->timed_at == 0 || now - listener->timed_at >= TIME_MS;
}

/* The next thing to send; NULL: nothing yet. */
static Piece *
next_piece(Listener *listener, int64_t now)
{
	char time[ISO_TIME_LENGTH];

	if (!is_time(listener, now))
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
		if (listener->piece != NULL && is_time(listener, now))
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
	bool is_staff = json_is_true(json_object_get(access, "isStaff"));
	const char *visibility = json_string_value(json_object_get(access, "visibility"));
	Listener *listener = begin(request, false);
	int size = SEND_BUFFER;

	if (listener != NULL && visibility != NULL)
		listener->board = board_hold(group_of(request), is_staff, visibility);
	json_decref(access);
	if (listener == NULL || listener->board == NULL)
	{
		listen_end(request);
		listen_refuse(request);
		return;
	}
	reader_begin();
	listener->last = board_number(listener->board, request_header(request, "Last-Event-ID"));
	request->stream =
	    MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, send_more, request, NULL);
	setsockopt(request->client->fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

/* Goes on with a listener that has something to be told, or is to end; false: it has not, and is not. */
static bool
wake(Listener *listener, int64_t now)
{
	Worker *worker = listener->request->worker;
	BoardNews news = board_news(listener->board, listener->last);

	if (!listener->idle || (!news.next && !news.over && now < listener->ends_at &&
	                        !is_time(listener, now) && !response_is_closing()))
		return false;
	listener->idle = false;
	client_enter(listener->request->client, CLIENT_LISTENING);
	worker->resumed = true;
	MHD_resume_connection(listener->request->connection);
	/* before it has its next turn all others have theirs */
	TAILQ_REMOVE(&worker->listeners, listener, others);
	TAILQ_INSERT_TAIL(&worker->listeners, listener, others);
	return true;
}

/* ---- who waits for the feed ------------------------------------------------------------------------ */

/* Makes the request one that waits for the feed; NULL where that is not possible. */
static Listener *
wait_for_feed(Request *request)
{
	Listener *listener = begin(request, true);

	if (listener == NULL)
		return NULL;
	listener->turn = feeds_turn();
	listener->feed = feed_hold(group_of(request));
	if (listener->feed == NULL)
	{
		listen_end(request);
		return NULL;
	}
	reader_begin();
	return listener;
}

bool
listen_holds_back(Request *request)
{
	const char *token = request->values.values[FEED_SINCE];

	return token != NULL && feeds_have_told(group_of(request), token) && !response_is_closing() &&
	       wait_for_feed(request) != NULL;
}

/* As who it is asked: the acting user, staff or everybody else. */
static const char *
asked_as(const Identity *identity)
{
	if (identity->values[CALLER_ACTING] != NULL)
		return identity->values[CALLER_ACTING];
	return identity->tier >= TIER_SERVICE ? "\1" : "";
}

static bool
are_same(const char *one, const char *other)
{
	return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

/*
 * May one have the answer that another one gets: do both ask for the same, as somebody who sees the same?  Whether the
 * caller may see it has been looked at for who was told something already; of others it depends on who they are.
 */
static bool
may_share(const Request *request, const Request *by)
{
	const Identity *own = &request->identity;
	const Identity *its = &by->identity;
	int count = request->values.count - CALLER_VALUES;
	bool same = request->values.count == by->values.count &&
	            are_same(asked_as(own), asked_as(its)) &&
	            (request->reply != NULL ||
	             (are_same(own->values[CALLER_USER], its->values[CALLER_USER]) &&
	              are_same(own->values[CALLER_INSTANCE], its->values[CALLER_INSTANCE])));

	for (int i = 0; same && i < count; i++)
		same = are_same(request->values.values[i], by->values.values[i]);
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

/* Asks for it, and for who joins it. */
static void
ask(Listener *listener)
{
	Request *request = listener->request;

	listener->by = listener;
	request->call.tries = request->call.group = 0;
	call_weigh(&request->call);
	database_submit(request->worker->database, &request->call);
}

/* Gives a copy of an answer. */
static void
give(Request *request, const char *answer)
{
	free(request->reply);
	request->reply =
	    request_hold(request, request->call.size + strlen(answer)) ? strdup(answer) : NULL;
	request->status = MHD_HTTP_OK;
}

/*
 * Those for whom one has asked have its answer, too: they are told, or go on waiting where there is nothing new.  Where
 * there is none, as its failure may be its own, they ask by themselves.
 */
static void
share_answer(Listener *leader, const char *answer, bool nothing)
{
	Listener *next;

	for (Listener *one = TAILQ_FIRST(&leader->request->worker->listeners); one != NULL; one = next)
	{
		next = TAILQ_NEXT(one, others);
		if (one == leader || one->by != leader)
			continue;
		one->by = NULL;
		if (answer == NULL)
			ask(one);
		else if (!nothing || one->request->reply == NULL)
			give(one->request, answer);
		if (answer != NULL && (!nothing || one->request->failure.info != NULL))
			stop_waiting(one);
	}
}

bool
listen_for_feed(Request *request, DatabaseResult *result)
{
	Listener *listener = request->listener;
	bool nothing = result->ok && strncmp(result->text, NOTHING_NEW, strlen(NOTHING_NEW)) == 0;
	bool waits;

	if (result->ok)
		feeds_note(group_of(request), result->text);
	if (listener != NULL)
	{
		bool small = result->ok && strlen(result->text) <= (size_t) request->config->max_response;

		listener->by = NULL;
		share_answer(listener, small ? result->text : NULL, nothing);
	}
	/* who has no token yet is told where the feed begins */
	waits = nothing && request->values.values[FEED_SINCE] != NULL && !response_is_closing() &&
	        (listener == NULL || now_ms() < listener->ends_at);
	if (waits && listener == NULL && wait_for_feed(request) == NULL)
	{
		/* (answered at once, with nothing, a program would ask again at once) */
		listen_refuse(request);
		waits = false;
	}
	if (!waits)
	{
		listen_end(request);
		return false;
	}
	free(request->reply);
	request->reply = result->text;
	result->text = NULL;
	request->status = MHD_HTTP_OK;
	return true;
}

/* Asks for it, or for another one that it shares the answer of. */
static void
ask_or_join(Listener *listener)
{
	for (Listener *one = TAILQ_FIRST(&listener->request->worker->listeners); one != NULL;
	     one = TAILQ_NEXT(one, others))
		if (one->feed == listener->feed && one->by == one && one->turn == listener->turn &&
		    may_share(listener->request, one->request))
		{
			listener->by = one;
			return;
		}
	ask(listener);
}

/* Looks after one that waits, once in each turn. */
static void
take_turn(Listener *listener, uint64_t turn, int64_t now)
{
	Request *request = listener->request;
	char newest[FEED_NEWEST_LENGTH];
	uint64_t changes = feed_changes(listener->feed, newest);
	bool told = request->reply != NULL;
	bool ends = now >= listener->ends_at || response_is_closing();

	if (listener->by != NULL)
		return;
	if (told && ends)
	{
		feeds_note(group_of(request), request->reply);
		stop_waiting(listener);
		return;
	}
	if (!ends && (turn == listener->turn || (told && changes == listener->changes)))
		return;
	listener->turn = turn;
	listener->changes = changes;
	free(request->values.values[FEED_NEWEST]);
	/* (at the end all there is: what the turn knows may be old, where the database does not answer) */
	request->values.values[FEED_NEWEST] = newest[0] != '\0' && !ends ? strdup(newest) : NULL;
	ask_or_join(listener);
}

/* By how many turns the loop is late to tell the next ones. */
static int
late(const Worker *worker, int64_t now)
{
	int64_t late_ms = worker->tell_at != 0 ? now - worker->tell_at : 0;

	return (int) (late_ms <= 0 ? 0 : late_ms < LATE_MS ? late_ms : LATE_MS) / TELL_MS;
}

void
listen_tend(Worker *worker)
{
	int64_t now = now_ms();
	uint64_t turn = feeds_turn();
	int most = WOKEN_AT_ONCE * (1 + late(worker, now));
	int woken = 0;
	Listener *next;

	for (Listener *one = TAILQ_FIRST(&worker->listeners); one != NULL && woken < most; one = next)
	{
		next = TAILQ_NEXT(one, others);
		if (one->feed != NULL)
			take_turn(one, turn, now);
		else if (wake(one, now))
			woken++;
	}
	worker->tell_at = woken == most ? now + TELL_MS : 0;
}

void
listen_sweep(Worker *worker)
{
	/* (who has closed a half alone has been told what there is) */
	for (Listener *one = TAILQ_FIRST(&worker->listeners); one != NULL;
	     one = TAILQ_NEXT(one, others))
		if ((one->idle || one->feed != NULL) && client_has_closed(one->request->client))
			one->ends_at = 0;
	listen_tend(worker);
}

int
listen_timeout(const Worker *worker, int timeout)
{
	int64_t left = worker->tell_at - now_ms();

	if (worker->tell_at == 0 || (timeout >= 0 && timeout < left))
		return timeout;
	return left > 0 ? (int) left : 0;
}
