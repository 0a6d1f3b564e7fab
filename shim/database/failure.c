/*
 * failure.c
 *	  What the database reported as a failure for the client.
 *
 * A SQLSTATE that the error table does not have falls back on its class.  A failure of 500 and above
 * never carries the server's own text.
 */
#include "database/failure.h"

#include <stdlib.h>
#include <string.h>

/* What the client reads when the server's text must not be shown. */
static const char *const neutral_messages[EDURANGE_ERROR_COUNT] = {
    [EDURANGE_INTERNAL] = "internal error",
    [EDURANGE_UNAVAILABLE] = "the database is not available at the moment",
    [EDURANGE_READ_ONLY] = "the database takes no writes at the moment",
    [EDURANGE_NOT_INSTALLED] = "the database is not set up for this service",
    [EDURANGE_TRY_AGAIN] = "the request collided with another one and changed nothing",
    [EDURANGE_TIMEOUT] = "the database did not answer in time",
};

/* SQLSTATEs, or beginnings of them, that the error table leaves to PostgreSQL. */
static const struct
{
	const char *prefix;
	EdurangeError error;
} fallbacks[] = {
    {"42883", EDURANGE_NOT_INSTALLED},
    {"42P01", EDURANGE_NOT_INSTALLED},
    {"42704", EDURANGE_NOT_INSTALLED},
    {"3F000", EDURANGE_NOT_INSTALLED},
    {SQLSTATE_DEADLOCK, EDURANGE_TRY_AGAIN},
    {"57P0", EDURANGE_UNAVAILABLE},
    {"08", EDURANGE_UNAVAILABLE},
    {"53", EDURANGE_UNAVAILABLE},
    {"23", EDURANGE_CONFLICT},
};

/* The error for a SQLSTATE: exactly, by class, or "internal". */
static EdurangeError
find_error(const char *sqlstate)
{
	if (sqlstate[0] == '\0')
		return EDURANGE_UNAVAILABLE;
	for (int i = EDURANGE_OK + 1; i < EDURANGE_ERROR_COUNT; i++)
	{
		if (strcmp(error_info(i)->sqlstate, sqlstate) == 0)
			return (EdurangeError) i;
	}
	for (size_t i = 0; i < sizeof(fallbacks) / sizeof(fallbacks[0]); i++)
	{
		if (strncmp(sqlstate, fallbacks[i].prefix, strlen(fallbacks[i].prefix)) == 0)
			return fallbacks[i].error;
	}
	return EDURANGE_INTERNAL;
}

void
failure_from_database(Failure *failure, const DatabaseResult *result)
{
	EdurangeError error = find_error(result->sqlstate);

	failure_clear(failure);
	failure->info = error_info(error);
	/* an integrity violation that no function foresaw: its text would show rows */
	if (error == EDURANGE_CONFLICT)
		failure->message = strdup("the request conflicts with what exists already");
	else if (failure->info->status >= 500)
	{
		const char *neutral = neutral_messages[error];

		failure->message = strdup(neutral != NULL ? neutral : "internal error");
	}
	else
	{
		failure->message = strdup(result->message != NULL ? result->message : "request refused");
		failure->detail = result->detail != NULL ? strdup(result->detail) : NULL;
		failure->hint = result->hint != NULL ? strdup(result->hint) : NULL;
	}
}
