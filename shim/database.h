/*
 * database.h
 *	  All that the rest of the shim knows of PostgreSQL: one statement in, one result out.
 *
 * A request is submitted and its outcome handed to a callback, exactly once, on another thread
 * (or, when nothing can be queued, before the call returns).
 */
#ifndef EDURANGE_SHIM_DATABASE_H
#define EDURANGE_SHIM_DATABASE_H

#include <stdbool.h>

#include "config.h"
#include "routes.h"

/*
 * Either text, the single value that the statement returned, or an error.  A failure of the
 * connection itself has the SQLSTATE that a server would use: 08001 could not connect, 08006 lost,
 * 53300 none free in time, 57014 no answer in time; the last three but the third may have run.
 */
typedef struct DatabaseResult
{
	bool ok;
	char *text;
	char sqlstate[6];
	char *message;
	char *detail;
	char *hint;
} DatabaseResult;

typedef struct DatabaseStatus
{
	char last_connected[32]; /* empty: never */
	int reconnect_attempts;  /* failed ones since the last that worked */
	bool failing;
} DatabaseStatus;

/* The callee may take result->text by setting it to NULL. */
typedef void (*DatabaseDone)(void *closure, DatabaseResult *result);

extern bool database_open(const Config *config);
extern void database_submit(Tier lane, StatementId statement, int nvalues,
                            const char *const *values, DatabaseDone done, void *closure);
extern void database_status(DatabaseStatus *status);
extern void database_close(void);

#endif
