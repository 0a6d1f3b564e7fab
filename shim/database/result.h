/*
 * result.h
 *	  Results of the database: from libpq's form to the one that the rest of the shim knows.
 */
#pragma once

#include <libpq-fe.h>

#include "database/call.h"

extern void result_clear(DatabaseResult *result);

/* Makes a copy with texts of its own. */
extern void result_copy(DatabaseResult *result, const DatabaseResult *other);

extern void result_fail(DatabaseResult *result, const char *sqlstate);
extern void result_read(const PGresult *answer, DatabaseResult *result);

/* The JSON in a column, to be freed. */
extern char *result_value(const PGresult *answer, int row, int column);

/* Did the server not know the prepared statement, or know one that we did not prepare? */
extern bool result_needs_prepare(const DatabaseResult *result);
