/*
 * dsn.h
 *	  Where the database is: a URL, also one that was written for Prisma, as options of libpq.
 */
#pragma once

#include <stdbool.h>

#define MAX_CONNECTION_OPTIONS 64

/* Keywords and values for libpq, ended by a NULL keyword. */
typedef struct ConnectionOptions
{
	const char *keywords[MAX_CONNECTION_OPTIONS + 1];
	const char *values[MAX_CONNECTION_OPTIONS + 1];
	int count;
} ConnectionOptions;

/* What a URL says of the pool, in Prisma's parameters; 0 where it says nothing. */
typedef struct DsnPool
{
	int connections;
	int seconds;
} DsnPool;

/*
 * Takes a URL apart; false, and says why on standard error, when it is of no use.  The variable is
 * the one that it came from, to be named in messages.
 */
extern bool
dsn_from_url(const char *variable, const char *url, ConnectionOptions *options, DsnPool *pool);

/* Adds one option, unless its value is NULL or empty. */
extern void dsn_add(ConnectionOptions *options, const char *keyword, const char *value);

#define DSN_TIER "{tier}" /* in the name of a login: the tier that a connection is for */

/* The name of the login; empty where none is given. */
extern const char *dsn_login(const ConnectionOptions *options);
