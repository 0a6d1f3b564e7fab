/*
 * inputs.h
 *	  What the OpenAPI document says of the parameters and the body of a route.
 */
#pragma once

#include <jansson.h>

#include "api/routes.h"

/* The parameters of path, query and headers. */
extern json_t *describe_parameters(const Route *route);

/* The body that a route takes. */
extern json_t *describe_body(const Route *route);
