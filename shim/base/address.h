/*
 * address.h
 *	  Addresses of clients, also behind proxies.
 */
#ifndef EDURANGE_SHIM_ADDRESS_H
#define EDURANGE_SHIM_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#define MAX_NETWORKS 32

/* An IPv6 address, or an IPv4 address as one (::ffff:a.b.c.d). */
typedef struct Address
{
	unsigned char bytes[16];
} Address;

typedef struct Networks
{
	struct
	{
		Address base;
		int bits;
	} networks[MAX_NETWORKS];
	int count;
} Networks;

/* The address of a socket; all zero for one that is not of the internet. */
extern Address address_of(const struct sockaddr *socket_address);

/* Reads a list of addresses and networks (10.0.0.0/8, ::1), separated by commas. */
extern bool networks_parse(const char *list, Networks *networks);

/*
 * The address of the client: the peer's, or, where the peer is a trusted proxy, the last one in the
 * header X-Forwarded-For that is not one itself.
 */
extern Address address_of_client(Address peer, const char *forwarded, const Networks *trusted);

/* What counts as one client: an IPv4 address, or the network of 64 bits of an IPv6 address. */
extern Address address_key(Address address);

extern bool address_equals(const Address *a, const Address *b);
extern unsigned address_hash(const Address *address);

#endif
