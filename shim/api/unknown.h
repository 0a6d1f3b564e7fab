/*
 * unknown.h
 *	  What a request names and its route does not know.
 *
 * Services and administrators write programs and scripts, in which a name is misspelled, or stands in the wrong
 * place: a dry run would become the real thing.  So their routes refuse what they do not know.  What players'
 * pages call takes no notice of it: the platform's pages, and the proxies before them, are not released together
 * with this server and may send more than it knows.
 */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "api/routes.h"
#include "base/errors.h"
#include "packs/upload.h"

/* Does the route refuse what it does not know? */
extern bool unknown_is_refused(const Route *route);

/* Is all known that stands in the query, in a form, and in the object of a body (NULL: none)? */
extern bool unknown_check(const Route *route, const Target *target, const Upload *upload,
                          const json_t *object, Failure *failure);
