/*
 * clients.c
 *	  The HTTP connections of a loop: how long each may take.
 *
 * libmicrohttpd closes a connection on which nothing happens.  A client that sends one byte now and
 * then would keep it for ever, so head, body and response have a time in which they must be done as a
 * whole.  A connection that takes longer is shut down, which libmicrohttpd notices as its end.
 *
 * Only the thread of the loop touches its list of connections, so it needs no lock.
 */
#include "http/clients.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/counters.h"
#include "base/loop.h"

#define SWEEP_MS 1000
#define HEAD_SECONDS 10  /* for the head of a request, once something of it is there */
#define SENDING_FACTOR 5 /* reading an answer may take that many times as long as sending a body */

Client *
client_begin(Clients *clients, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info;
	Client *client = calloc(1, sizeof(Client));

	if (client == NULL)
		return NULL;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	client->fd = info != NULL ? info->connect_fd : -1;
	client->since = now_ms();
	LIST_INSERT_HEAD(&clients->all, client, others);
	return client;
}

void
client_end(Client *client)
{
	if (client != NULL)
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

/* Seconds that a connection may stay in a phase; 0: as long as it takes. */
static int
allowed_seconds(ClientPhase phase, const Config *config)
{
	switch (phase)
	{
		case CLIENT_HEAD:
			/* an idle connection is libmicrohttpd's to close: one that is left has part of a head */
			return config->connection_timeout + HEAD_SECONDS;
		case CLIENT_BODY:
			return config->body_timeout;
		case CLIENT_SENDING:
			return config->body_timeout * SENDING_FACTOR;
		default:
			return 0;
	}
}

void
clients_sweep(Clients *clients, const Config *config, void (*too_slow)(Client *client))
{
	int64_t now = now_ms();

	if (now - clients->swept < SWEEP_MS)
		return;
	clients->swept = now;
	for (Client *client = LIST_FIRST(&clients->all); client != NULL;
	     client = LIST_NEXT(client, others))
	{
		int seconds = allowed_seconds(client->phase, config);

		if (seconds == 0 || now - client->since <= (int64_t) seconds * 1000)
			continue;
		/* while an answer is being sent, a second one would be taken for a part of it */
		if (client->phase != CLIENT_SENDING)
			too_slow(client);
		shutdown(client->fd, SHUT_RDWR);
		counter_add(COUNTER_TIMED_OUT_CONNECTIONS, 1);
		client->phase = CLIENT_ENDED;
	}
}

int
clients_timeout(const Clients *clients, int timeout_ms)
{
	return !LIST_EMPTY(&clients->all) && (timeout_ms < 0 || timeout_ms > SWEEP_MS) ? SWEEP_MS
	                                                                               : timeout_ms;
}
