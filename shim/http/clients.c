/*
 * clients.c
 *	  The HTTP connections of a loop: how long each may take.
 *
 * libmicrohttpd closes a connection on which nothing happens.  A client that sends one byte now and
 * then would keep it for ever, so head, body and response have a time in which they must be done as a
 * whole.  A connection that takes longer is shut down, which libmicrohttpd notices as its end.  Where the end of
 * what a client sends came together with its last bytes, libmicrohttpd does not see it; so that is looked for, too.
 *
 * Only the thread of the loop touches its list of connections, so it needs no lock.
 */
#include "http/clients.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/counters.h"
#include "base/loop.h"

#define SWEEP_MS 1000
#define HEAD_SECONDS 10      /* for the head of a request, once something of it is there */
#define SPARE_SECONDS 2      /* for the request on a connection beyond the limit */
#define LISTENING_SECONDS 10 /* for each block of an answer without end */
#define SENDING_FACTOR 5 /* reading an answer may take that many times as long as sending a body */

Client *
client_begin(Clients *clients, struct MHD_Connection *connection, bool spare, bool metrics)
{
	const union MHD_ConnectionInfo *info;
	Client *client = calloc(1, sizeof(Client));

	if (client == NULL)
		return NULL;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	client->fd = info != NULL ? info->connect_fd : -1;
	client->since = now_ms();
	client->spare = spare;
	client->metrics = metrics;
	clients->count++;
	clients->spare += spare;
	LIST_INSERT_HEAD(&clients->all, client, others);
	return client;
}

void
client_end(Clients *clients, Client *client)
{
	if (client == NULL)
		return;
	clients->count--;
	clients->spare -= client->spare;
	LIST_REMOVE(client, others);
	free(client);
}

Client *
client_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info != NULL ? info->socket_context : NULL;
}

void
client_enter(Client *client, ClientPhase phase)
{
	if (client == NULL || client->phase == CLIENT_ENDED)
		return;
	client->phase = phase;
	client->since = now_ms();
}

bool
client_has_closed(const Client *client)
{
	struct pollfd socket = {.fd = client->fd, .events = POLLRDHUP};

	return poll(&socket, 1, 0) > 0 && (socket.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/* Seconds that a connection may stay in its phase; 0: as long as it takes. */
static int
allowed_seconds(const Client *client, const Config *config)
{
	const int seconds[CLIENT_PHASES] = {
	    /* an idle connection is libmicrohttpd's to close: one that is left has part of a head */
	    [CLIENT_HEAD] = client->spare ? SPARE_SECONDS : config->connection_timeout + HEAD_SECONDS,
	    [CLIENT_BODY] = config->body_timeout,
	    [CLIENT_SENDING] = config->body_timeout * SENDING_FACTOR,
	    [CLIENT_LISTENING] = LISTENING_SECONDS,
	};

	return seconds[client->phase];
}

/* Has the client closed its half while more of a request, or a first one, is to come? */
static bool
has_left(const Client *client)
{
	char next;

	return (client->phase == CLIENT_HEAD || client->phase == CLIENT_BODY) &&
	       recv(client->fd, &next, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* Ends a connection, and lets too_slow tell why; not within an answer, of which that would become a part. */
static void
end(Client *client, void (*too_slow)(Client *client))
{
	if (too_slow != NULL && client->phase != CLIENT_SENDING && client->phase != CLIENT_LISTENING)
		too_slow(client);
	shutdown(client->fd, SHUT_RDWR);
	client->phase = CLIENT_ENDED;
}

bool
clients_sweep(Clients *clients, const Config *config, void (*too_slow)(Client *client))
{
	int64_t now = now_ms();

	if (now - clients->swept < SWEEP_MS)
		return false;
	clients->swept = now;
	for (Client *client = LIST_FIRST(&clients->all); client != NULL;
	     client = LIST_NEXT(client, others))
	{
		int seconds = allowed_seconds(client, config);

		if (has_left(client))
			end(client, NULL);
		else if (seconds > 0 && now - client->since > (int64_t) seconds * 1000)
		{
			/* before its client can know */
			counter_add(COUNTER_TIMED_OUT_CONNECTIONS, 1);
			end(client, too_slow);
		}
	}
	return true;
}

bool
clients_evict(Clients *clients, bool spare, int silent_ms, void (*too_slow)(Client *client))
{
	int64_t before = now_ms() - silent_ms;
	Client *oldest = NULL;

	/* the newest is the first */
	for (Client *client = LIST_FIRST(&clients->all); client != NULL;
	     client = LIST_NEXT(client, others))
		if (client->phase == CLIENT_HEAD && client->requests == 0 && client->spare == spare &&
		    client->since <= before)
			oldest = client;
	if (oldest == NULL)
		return false;
	clients->spare += !oldest->spare;
	oldest->spare = true; /* it is one too many */
	end(oldest, too_slow);
	return true;
}

int
clients_timeout(const Clients *clients, int timeout_ms)
{
	return !LIST_EMPTY(&clients->all) && (timeout_ms < 0 || timeout_ms > SWEEP_MS) ? SWEEP_MS
	                                                                               : timeout_ms;
}
