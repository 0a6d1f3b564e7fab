/*
 * result.c
 *	  Results of the database: from libpq's form to the one that the rest of the shim knows.
 */
#include "database/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static char *
copy_text(const char *text)
{
	return text != NULL ? strdup(text) : NULL;
}

void
result_copy(DatabaseResult *result, const DatabaseResult *other)
{
	*result = *other;
	result->text = copy_text(other->text);
	result->message = copy_text(other->message);
	result->detail = copy_text(other->detail);
	result->hint = copy_text(other->hint);
}

static char *
error_field(const PGresult *answer, int field)
{
	return copy_text(PQresultErrorField(answer, field));
}

/* Turns a libpq result into ours and frees it.  An error without a SQLSTATE is a lost server. */
void
result_take(PGresult *answer, DatabaseResult *result)
{
	ExecStatusType status = PQresultStatus(answer);

	result_clear(result);
	if (status == PGRES_TUPLES_OK && PQntuples(answer) == 1 && !PQgetisnull(answer, 0, 0))
	{
		result->ok = true;
		result->text = strdup(PQgetvalue(answer, 0, 0));
	}
	else if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
	{
		result->ok = true;
		result->text = strdup("null");
	}
	else
	{
		const char *sqlstate = PQresultErrorField(answer, PG_DIAG_SQLSTATE);

		snprintf(result->sqlstate, sizeof(result->sqlstate), "%s",
		         sqlstate != NULL ? sqlstate : SQLSTATE_LOST);
		result->message = error_field(answer, PG_DIAG_MESSAGE_PRIMARY);
		result->detail = error_field(answer, PG_DIAG_MESSAGE_DETAIL);
		result->hint = error_field(answer, PG_DIAG_MESSAGE_HINT);
	}
	PQclear(answer);
}

bool
result_needs_prepare(const DatabaseResult *result)
{
	return strcmp(result->sqlstate, SQLSTATE_NOT_PREPARED) == 0 ||
	       strcmp(result->sqlstate, SQLSTATE_CHANGED) == 0;
}
