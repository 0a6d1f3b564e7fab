/*
 * replies.h
 *	  What the database answered as the body of a response, and the headers that say so.
 */
#ifndef EDURANGE_SHIM_REPLIES_H
#define EDURANGE_SHIM_REPLIES_H

#include <microhttpd.h>

#include "database.h"
#include "errors.h"
#include "routes.h"

/* The body, to be freed, and its status; NULL and a failure where there is none. */
extern char *
reply_body(ResponseKind kind, DatabaseResult *result, unsigned *status, Failure *failure);

/* Headers about attempts that are left, from a body that tells of them. */
extern void reply_add_limits(struct MHD_Response *response, const char *body);

#endif
