/*
 * address.c
 *	  Addresses of clients, also behind proxies.
 */
#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_LENGTH 64
#define IPV4_OFFSET 12 /* of an IPv4 address within the IPv6 address that stands for it */

static const unsigned char ipv4_prefix[IPV4_OFFSET] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static Address
from_ipv4(const void *bytes)
{
	Address address;

	memcpy(address.bytes, ipv4_prefix, IPV4_OFFSET);
	memcpy(address.bytes + IPV4_OFFSET, bytes, 4);
	return address;
}

Address
address_of(const struct sockaddr *socket_address)
{
	Address address = {{0}};
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (socket_address->sa_family == AF_INET)
	{
		memcpy(&v4, socket_address, sizeof(v4));
		return from_ipv4(&v4.sin_addr);
	}
	if (socket_address->sa_family == AF_INET6)
	{
		memcpy(&v6, socket_address, sizeof(v6));
		memcpy(address.bytes, &v6.sin6_addr, sizeof(address.bytes));
	}
	return address;
}

/* Reads one address of a text that is not terminated; how many bits it has, 0 when it is none. */
static int
parse_address(const char *text, size_t length, Address *address)
{
	char copy[TEXT_LENGTH];
	struct in_addr v4;

	if (length == 0 || length >= sizeof(copy))
		return 0;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (inet_pton(AF_INET6, copy, address->bytes) == 1)
		return 128;
	if (inet_pton(AF_INET, copy, &v4) != 1)
		return 0;
	*address = from_ipv4(&v4);
	return 32;
}

bool
networks_parse(const char *list, Networks *networks)
{
	networks->count = 0;
	for (const char *at = list; *at != '\0';)
	{
		size_t length;
		size_t address_length;
		Address base;
		char *end;
		int width;
		long bits;

		at += strspn(at, " ,");
		length = strcspn(at, " ,");
		if (length == 0)
			break;
		address_length = strcspn(at, "/ ,");
		width = parse_address(at, address_length, &base);
		bits = width;
		if (at[address_length] == '/')
		{
			bits = strtol(at + address_length + 1, &end, 10);
			if (end != at + length || end == at + address_length + 1)
				return false;
		}
		if (width == 0 || bits < 0 || bits > width || networks->count == MAX_NETWORKS)
			return false;
		networks->networks[networks->count].base = base;
		networks->networks[networks->count++].bits = (int) bits + 128 - width;
		at += length;
	}
	return true;
}

static bool
networks_contain(const Networks *networks, const Address *address)
{
	for (int i = 0; i < networks->count; i++)
	{
		const unsigned char *base = networks->networks[i].base.bytes;
		int bits = networks->networks[i].bits;
		int whole = bits / 8;
		int rest = bits % 8;

		if (memcmp(address->bytes, base, (size_t) whole) == 0 &&
		    (rest == 0 || (address->bytes[whole] ^ base[whole]) >> (8 - rest) == 0))
			return true;
	}
	return false;
}

Address
address_of_client(Address peer, const char *forwarded, const Networks *trusted)
{
	Address client = peer;
	size_t end = forwarded != NULL ? strlen(forwarded) : 0;

	while (end > 0 && networks_contain(trusted, &client))
	{
		size_t begin = end;
		size_t next;
		Address address;

		while (begin > 0 && forwarded[begin - 1] != ',')
			begin--;
		next = begin > 0 ? begin - 1 : 0;
		while (begin < end && (forwarded[begin] == ' ' || forwarded[begin] == '\t'))
			begin++;
		while (end > begin && (forwarded[end - 1] == ' ' || forwarded[end - 1] == '\t'))
			end--;
		if (parse_address(forwarded + begin, end - begin, &address) == 0)
			break;
		client = address;
		end = next;
	}
	return client;
}

Address
address_key(Address address)
{
	if (memcmp(address.bytes, ipv4_prefix, IPV4_OFFSET) != 0)
		memset(address.bytes + 8, 0, 8);
	return address;
}

bool
address_equals(const Address *a, const Address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* FNV-1a. */
unsigned
address_hash(const Address *address)
{
	unsigned hash = 2166136261U;

	for (size_t i = 0; i < sizeof(address->bytes); i++)
		hash = (hash ^ address->bytes[i]) * 16777619U;
	return hash;
}
