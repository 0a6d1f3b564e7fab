/*
 * failure.h
 *	  What the database reported as a failure for the client.
 */
#ifndef EDURANGE_SHIM_FAILURE_H
#define EDURANGE_SHIM_FAILURE_H

#include "base/errors.h"
#include "database/call.h"

/* Makes a failure of a result that is none; the server's texts are passed on below 500 only. */
extern void failure_from_database(Failure *failure, const DatabaseResult *result);

#endif
