/*
 * descriptions.h
 *	  What a route does, in the words of who calls it over HTTP.
 */
#pragma once

#include <jansson.h>

#include "api/routes.h"

/* What a route is for, in a sentence. */
extern json_t *describe_summary(const Route *route);

/* What else there is to say of it. */
extern json_t *describe_rest(const Route *route);
