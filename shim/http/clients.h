/*
 * clients.h
 *	  The HTTP connections of a loop: how many an address has, and how long each may take.
 */
#ifndef EDURANGE_SHIM_CLIENTS_H
#define EDURANGE_SHIM_CLIENTS_H

#include <stdint.h>

#include <microhttpd.h>

#include "base/address.h"
#include "config/config.h"

/* What a connection is at. */
typedef enum ClientPhase
{
	CLIENT_HEAD, /* waits for a request, or is in the middle of its head */
	CLIENT_BODY,
	CLIENT_BUSY, /* the request is being answered */
	CLIENT_SENDING,
	CLIENT_ENDED
} ClientPhase;

typedef struct Client
{
	struct Client *next;
	struct Client *previous;
	Address address;
	int fd;
	ClientPhase phase;
	int64_t since;
	int requests;
} Client;

/* The connections of one loop; all zero at first. */
typedef struct Clients
{
	Client *first;
	int64_t swept;
} Clients;

/* Counts a connection of an address, before it is taken in; false when it has enough.  Any thread. */
extern bool clients_admit(const struct sockaddr *peer, const Config *config);
extern void clients_release(const struct sockaddr *peer, const Config *config);

/* In the loop's thread: the connection begins and ends, and the request on it goes on. */
extern Client *client_begin(Clients *clients, struct MHD_Connection *connection);
extern void client_end(Clients *clients, Client *client, const Config *config);
extern Client *client_of(struct MHD_Connection *connection);
extern void client_enter(Client *client, ClientPhase phase);

/* Ends the connections whose time is up; at most once a second, and how long it may wait until then. */
extern void clients_sweep(Clients *clients, const Config *config);
extern int clients_timeout(const Clients *clients, int timeout_ms);

#endif
