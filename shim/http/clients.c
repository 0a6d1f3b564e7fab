/*
 * clients.c
 *	  The HTTP connections of a loop: how many an address has, and how long each may take.
 *
 * libmicrohttpd closes a connection on which nothing happens.  A client that sends one byte now and
 * then would keep it for ever, so head, body and response have a time in which they must be done as a
 * whole.  A connection that takes longer is shut down, which libmicrohttpd notices as its end.
 */
#include "http/clients.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/counters.h"
#include "base/loop.h"

#define ADDRESS_BUCKETS 4096
#define SWEEP_MS 1000

static const char too_slow[] =
    "HTTP/1.1 408 Request Timeout\r\n"
    "Content-Type: application/json\r\n"
    "Cache-Control: no-store\r\n"
    "Connection: close\r\n"
    "Content-Length: 79\r\n"
    "\r\n"
    "{\"error\":\"the request did not come in whole in time\",\"code\":\"request_timeout\"}\n";

/* Connections of one address. */
typedef struct Peer
{
	struct Peer *next;
	Address address;
	int connections;
} Peer;

/* Has one entry for each address that is connected, and so as many as there are connections. */
static struct
{
	pthread_mutex_t lock;
	Peer *buckets[ADDRESS_BUCKETS];
} peers = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Where the peer of an address is linked, or would be. */
static Peer **
find_peer(const Address *address)
{
	Peer **at = &peers.buckets[address_hash(address) % ADDRESS_BUCKETS];

	while (*at != NULL && !address_equals(&(*at)->address, address))
		at = &(*at)->next;
	return at;
}

/* A proxy has as many connections as it needs. */
static bool
is_counted(Address address, const Config *config)
{
	return config->address_limit > 0 && !networks_contain(&config->proxies, &address);
}

bool
clients_admit(const struct sockaddr *socket_address, const Config *config)
{
	Address address = address_of(socket_address);
	Peer **at;
	bool admitted = false;

	if (!is_counted(address, config))
		return true;
	address = address_key(address);
	pthread_mutex_lock(&peers.lock);
	at = find_peer(&address);
	if (*at == NULL)
	{
		*at = calloc(1, sizeof(Peer));
		if (*at != NULL)
			(*at)->address = address;
	}
	if (*at != NULL && (*at)->connections < config->address_limit)
	{
		(*at)->connections++;
		admitted = true;
	}
	pthread_mutex_unlock(&peers.lock);
	return admitted;
}

/* Takes one connection off an address. */
static void
release(Address address, const Config *config)
{
	Peer **at;

	if (!is_counted(address, config))
		return;
	address = address_key(address);
	pthread_mutex_lock(&peers.lock);
	at = find_peer(&address);
	if (*at != NULL && --(*at)->connections == 0)
	{
		Peer *gone = *at;

		*at = gone->next;
		free(gone);
	}
	pthread_mutex_unlock(&peers.lock);
}

void
clients_release(const struct sockaddr *peer, const Config *config)
{
	release(address_of(peer), config);
}

Client *
client_begin(Clients *clients, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info;
	Client *client = calloc(1, sizeof(Client));

	if (client == NULL)
		return NULL;
	/* Each answer may lie where the one before it did. */
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	client->fd = info != NULL ? info->connect_fd : -1;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (info != NULL && info->client_addr != NULL)
		client->address = address_of(info->client_addr);
	client->since = now_ms();
	client->next = clients->first;
	if (clients->first != NULL)
		clients->first->previous = client;
	clients->first = client;
	return client;
}

void
client_end(Clients *clients, Client *client, const Config *config)
{
	if (client == NULL)
		return;
	if (client->previous != NULL)
		client->previous->next = client->next;
	else
		clients->first = client->next;
	if (client->next != NULL)
		client->next->previous = client->previous;
	release(client->address, config);
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
			/* an idle connection is libmicrohttpd's; the head must follow soon after that */
			return config->connection_timeout + config->header_timeout;
		case CLIENT_BODY:
			return config->body_timeout;
		case CLIENT_SENDING:
			return config->send_timeout;
		default:
			return 0;
	}
}

void
clients_sweep(Clients *clients, const Config *config)
{
	int64_t now = now_ms();

	if (now - clients->swept < SWEEP_MS)
		return;
	clients->swept = now;
	for (Client *client = clients->first; client != NULL; client = client->next)
	{
		int seconds = allowed_seconds(client->phase, config);

		if (seconds == 0 || now - client->since <= (int64_t) seconds * 1000)
			continue;
		/* nothing of an answer has been sent yet, so this one is understood */
		if (client->phase != CLIENT_SENDING)
			(void) send(client->fd, too_slow, sizeof(too_slow) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		shutdown(client->fd, SHUT_RDWR);
		counter_add(COUNTER_TIMED_OUT_CONNECTIONS);
		client->phase = CLIENT_ENDED;
	}
}

int
clients_timeout(const Clients *clients, int timeout_ms)
{
	return clients->first != NULL && (timeout_ms < 0 || timeout_ms > SWEEP_MS) ? SWEEP_MS
	                                                                           : timeout_ms;
}
