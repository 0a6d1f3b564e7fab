/*
 * database.h
 *	  All that the rest of the shim does with PostgreSQL: it submits calls (call.h).
 *
 * The room database/ sends statements (statements.h) in batches (batch.h), on lanes (lane.h) of connections.
 * Each event loop has a Database of its own.  A call is submitted and its outcome handed to a
 * callback, exactly once, in the loop's thread (when nothing can be queued, before database_submit
 * returns).
 */
#pragma once

#include <stdbool.h>

#include "base/loop.h"
#include "config/config.h"
#include "database/call.h"

typedef struct Database Database;

extern Database *database_open(const Config *config, Loop *loop);

/* Connects as each tier, so that a login that is wrong is known before anybody needs it. */
extern void database_try_logins(Database *database);

extern void database_submit(Database *database, DatabaseCall *call);

/* Sends what was submitted; to be called when a turn of the loop has collected all it could. */
extern void database_send(Database *database);

/* Looks after deadlines; how many milliseconds later it wants to be called again, -1: no need. */
extern int database_tend(Database *database);

/* Closes all connections but those that are still being opened, whose threads use it and the loop on. */
extern void database_close(Database *database);
