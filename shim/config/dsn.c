/*
 * dsn.c
 *	  Where the database is: a URL, also one that was written for Prisma, as options of libpq.
 */
#include "config/dsn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libpq-fe.h>

/* What Prisma's client reads in a URL and libpq does not know, each between blanks. */
static const char prisma_parameters[] =
    " schema connection_limit pool_timeout socket_timeout statement_cache_size"
    " max_connection_lifetime max_idle_connection_lifetime pgbouncer sslidentity sslaccept ";

/* Does a parameter, where it stands in a URL, have the name? */
static bool
is_named(const char *parameter, const char *name)
{
	size_t length = strcspn(parameter, "=&");

	return strlen(name) == length && strncmp(parameter, name, length) == 0;
}

static bool
is_prisma_parameter(const char *parameter)
{
	char word[64];

	snprintf(word, sizeof(word), " %.*s ", (int) strcspn(parameter, "=&"), parameter);
	return strstr(prisma_parameters, word) != NULL;
}

/*
 * Takes over what a parameter of Prisma's asks for, where it means something here.  False for a
 * connection pooler, which prepared statements and the role of a connection do not survive.
 */
static bool
apply_prisma_parameter(const char *variable, const char *parameter, DsnPool *pool)
{
	const char *value = parameter + strcspn(parameter, "=&");
	long number = *value == '=' ? strtol(value + 1, NULL, 10) : 0;

	if (is_named(parameter, "pgbouncer") && strcspn(value, "&") == 5 &&
	    strncasecmp(value, "=true", 5) == 0)
	{
		fprintf(stderr,
		        "edurange_shim: %s has pgbouncer=true: statements are prepared and each "
		        "connection has a role of its own, which a pooler does not keep; set "
		        "DIRECT_DATABASE_URL to the database itself\n",
		        variable);
		return false;
	}
	if (is_named(parameter, "connection_limit") && number >= 1 && number <= 256)
		pool->connections = (int) number;
	if (is_named(parameter, "pool_timeout") && number >= 1 && number <= 300)
		pool->seconds = (int) number;
	return true;
}

/* The URL without Prisma's parameters, to be freed; NULL when one of them rules it out. */
static char *
strip_url(const char *variable, const char *url, DsnPool *pool)
{
	const char *query = strchr(url, '?');
	char *stripped = strdup(url);
	char separator = '?';
	size_t used;

	if (query == NULL || stripped == NULL)
		return stripped;
	used = (size_t) (query - url);
	for (const char *at = query + 1; *at != '\0';)
	{
		size_t length = strcspn(at, "&");

		if (is_prisma_parameter(at) && !apply_prisma_parameter(variable, at, pool))
		{
			free(stripped);
			return NULL;
		}
		if (length > 0 && !is_prisma_parameter(at))
		{
			stripped[used++] = separator;
			separator = '&';
			memcpy(stripped + used, at, length);
			used += length;
		}
		at += length + (at[length] == '&');
	}
	stripped[used] = '\0';
	return stripped;
}

/*
 * What is wrong with an option that libpq would find out only when it connects, or NULL: a way to encrypt that only
 * Prisma knows, and what stands behind the first colon of an address without brackets.
 */
static const char *
fault_of_option(const PQconninfoOption *option)
{
	static const char modes[] = " disable allow prefer require verify-ca verify-full ";
	char mode[32];

	if (option->val == NULL)
		return NULL;
	if (strcmp(option->keyword, "port") == 0 &&
	    strspn(option->val, "0123456789,") != strlen(option->val))
		return "has a port that is no number; an address of IPv6 stands in brackets, as in [::1]";
	snprintf(mode, sizeof(mode), " %s ", option->val);
	if (strcmp(option->keyword, "sslmode") == 0 && strstr(modes, mode) == NULL)
		return "has an sslmode that libpq does not know: disable, allow, prefer, require (which is no-verify "
		       "of others), verify-ca or verify-full";
	return NULL;
}

void
dsn_add(ConnectionOptions *options, const char *keyword, const char *value)
{
	if (value == NULL || value[0] == '\0' || options->count == MAX_CONNECTION_OPTIONS)
		return;
	options->keywords[options->count] = strdup(keyword);
	options->values[options->count] = strdup(value);
	options->count++;
}

const char *
dsn_login(const ConnectionOptions *options)
{
	for (int i = 0; i < options->count; i++)
		if (strcmp(options->keywords[i], "user") == 0)
			return options->values[i];
	return "";
}

/* libpq's complaint is not repeated, since it may quote the password. */
bool
dsn_from_url(const char *variable, const char *url, ConnectionOptions *options, DsnPool *pool)
{
	PQconninfoOption *parsed;
	const char *fault = NULL;
	char *stripped;

	if (strncmp(url, "postgres://", 11) != 0 && strncmp(url, "postgresql://", 13) != 0)
	{
		fprintf(stderr, "edurange_shim: %s must begin with postgresql:// or postgres://\n",
		        variable);
		return false;
	}
	stripped = strip_url(variable, url, pool);
	if (stripped == NULL)
		return false;
	parsed = PQconninfoParse(stripped, NULL);
	free(stripped);
	if (parsed == NULL)
	{
		fprintf(stderr, "edurange_shim: %s is not a URL that libpq understands\n", variable);
		return false;
	}
	for (PQconninfoOption *option = parsed; option->keyword != NULL && fault == NULL; option++)
	{
		fault = fault_of_option(option);
		dsn_add(options, option->keyword, option->val);
	}
	PQconninfoFree(parsed);
	if (fault != NULL)
		fprintf(stderr, "edurange_shim: %s %s\n", variable, fault);
	return fault == NULL;
}
