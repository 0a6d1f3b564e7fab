/*
 * result.c
 *	  Results of the database: from libpq's form to the one that the rest of the shim knows, and, where
 *	  they are failures, to what the client reads.
 */
#include "database/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* Frees what a result holds. */
void
result_clear(DatabaseResult *result)
{
	free(result->text);
	free(result->message);
	free(result->detail);
	free(result->hint);
	memset(result, 0, sizeof(*result));
}

/* Makes a failure that no server reported. */
void
result_fail(DatabaseResult *result, const char *sqlstate)
{
	result_clear(result);
	snprintf(result->sqlstate, sizeof(result->sqlstate), "%s", sqlstate);
}

void
result_copy(DatabaseResult *result, const DatabaseResult *other)
{
	*result = *other;
	result->text = text_copy(other->text);
	result->message = text_copy(other->message);
	result->detail = text_copy(other->detail);
	result->hint = text_copy(other->hint);
}

char *
result_value(const PGresult *answer, int row, int column)
{
	return strdup(PQgetisnull(answer, row, column) ? "null" : PQgetvalue(answer, row, column));
}

/* Turns a libpq result into ours.  An error without a SQLSTATE is a lost server. */
void
result_read(const PGresult *answer, DatabaseResult *result)
{
	result_clear(result);
	result->ok = PQresultStatus(answer) == PGRES_TUPLES_OK;
	if (result->ok)
		result->text = result_value(answer, 0, 0);
	else
	{
		const char *sqlstate = PQresultErrorField(answer, PG_DIAG_SQLSTATE);

		snprintf(result->sqlstate, sizeof(result->sqlstate), "%s",
		         sqlstate != NULL ? sqlstate : SQLSTATE_LOST);
		result->message = text_copy(PQresultErrorField(answer, PG_DIAG_MESSAGE_PRIMARY));
		result->detail = text_copy(PQresultErrorField(answer, PG_DIAG_MESSAGE_DETAIL));
		result->hint = text_copy(PQresultErrorField(answer, PG_DIAG_MESSAGE_HINT));
	}
}

bool
result_needs_prepare(const DatabaseResult *result)
{
	return strcmp(result->sqlstate, SQLSTATE_NOT_PREPARED) == 0 ||
	       strcmp(result->sqlstate, SQLSTATE_PREPARED) == 0;
}

/* ---- failures -------------------------------------------------------------------------------- */

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
    {"55P03", EDURANGE_TRY_AGAIN},
    {"57P0", EDURANGE_UNAVAILABLE},
    {"08", EDURANGE_UNAVAILABLE},
    {"53", EDURANGE_UNAVAILABLE},
    {"23", EDURANGE_CONFLICT},
};

/* The error for a SQLSTATE: exactly, by class, or "internal". */
EdurangeError
sqlstate_error(const char *sqlstate)
{
	if (sqlstate[0] == '\0')
		return EDURANGE_UNAVAILABLE;
	for (int i = EDURANGE_OK + 1; i < EDURANGE_ERROR_COUNT; i++)
		if (strcmp(errors[i].sqlstate, sqlstate) == 0)
			return (EdurangeError) i;
	for (size_t i = 0; i < sizeof(fallbacks) / sizeof(fallbacks[0]); i++)
		if (strncmp(sqlstate, fallbacks[i].prefix, strlen(fallbacks[i].prefix)) == 0)
			return fallbacks[i].error;
	return EDURANGE_INTERNAL;
}

/* A SQLSTATE that the error table does not have falls back on its class. */
void
failure_from_database(Failure *failure, const DatabaseResult *result)
{
	EdurangeError error = sqlstate_error(result->sqlstate);

	failure_clear(failure);
	failure->info = &errors[error];
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
		failure->detail = text_copy(result->detail);
		failure->hint = text_copy(result->hint);
	}
}
