/*
 * clients.h
 *	  The HTTP connections of a loop: how long each may take.
 */
#pragma once

#include <stdint.h>
#include <sys/queue.h>

#include <microhttpd.h>

#include "config/config.h"

/* What is going on on a connection; each phase has a time of its own. */
typedef enum ClientPhase
{
	CLIENT_HEAD, /* waits for a request, or is in the middle of its head */
	CLIENT_BODY,
	CLIENT_BUSY, /* the request is being answered */
	CLIENT_SENDING,
	CLIENT_LISTENING, /* a piece of an answer without end is being sent */
	CLIENT_ENDED,
	CLIENT_PHASES
} ClientPhase;

typedef struct Client
{
	LIST_ENTRY(Client) others;
	int fd;
	ClientPhase phase;
	int64_t since; /* in that phase; now_ms() */
	int requests;
	bool spare;   /* it is beyond the limit: for one request that needs no tier, or metrics */
	bool metrics; /* it came to the port of the metrics, where nothing else is */
	struct Request *request; /* the one that is on it; NULL: none has begun */
} Client;

/* The connections of one loop; all zero at first. */
typedef struct Clients
{
	LIST_HEAD(ClientList, Client) all;
	int count;
	int spare; /* of them */
	int64_t swept;
} Clients;

/* In the loop's thread: the connection begins and ends, and the request on it goes on. */
extern Client *
client_begin(Clients *clients, struct MHD_Connection *connection, bool spare, bool metrics);
extern void client_end(Clients *clients, Client *client);
extern Client *client_of(struct MHD_Connection *connection);
extern void client_enter(Client *client, ClientPhase phase);

/* Has its client closed it, or its half of it?  libmicrohttpd does not watch a suspended connection. */
extern bool client_has_closed(const Client *client);

/*
 * Ends the connections whose time is up, and those whose client has closed its half while a request is not whole;
 * looks at most once a second, and says whether it has.  Where nothing of an answer has been sent, too_slow hears of
 * a client first.
 */
extern bool clients_sweep(Clients *clients, const Config *config, void (*too_slow)(Client *client));

/*
 * Makes room: of the spare connections, or of the others, ends the one that has been without a first request for
 * longest, in the same way, if that is at least silent_ms.  False: there is none.
 */
extern bool
clients_evict(Clients *clients, bool spare, int silent_ms, void (*too_slow)(Client *client));

/* How long the loop may wait, given how long it would: connections are looked at every second. */
extern int clients_timeout(const Clients *clients, int timeout_ms);
