/*
 * replies.h
 *	  What the database answered as the body of a response, and the headers that say so.
 */
#ifndef EDURANGE_SHIM_REPLIES_H
#define EDURANGE_SHIM_REPLIES_H

#include <jansson.h>
#include <microhttpd.h>

#include "api/routes.h"
#include "base/errors.h"
#include "database/call.h"

/* The body, to be freed, and its status; NULL and a failure where there is none. */
extern char *
reply_body(const Route *route, DatabaseResult *result, unsigned *status, Failure *failure);

/* The body of a route that asks no database, to be freed. */
extern char *reply_without_database(const Route *route);

/* Headers about attempts that are left, from the members of a body that tells of them. */
extern void reply_add_limits(struct MHD_Response *response, const json_t *members);

/* Did this answer of a route that awards something award it, now and not before? */
extern bool reply_awards(const Route *route, const json_t *members);

#endif
