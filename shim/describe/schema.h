/*
 * schema.h
 *	  JSON Schemas of what the routes answer, from the row types of the SQL interface.
 */
#pragma once

#include <jansson.h>

#include "api/routes.h"
#include "describe/sql_types.h"

/* The schema of a shape (route_texts.h); the row types that it refers to are added to components, by name. */
extern json_t *schema_of_shape(const char *shape, json_t *components);

/* The schema of what a route answers with 200, or NULL where neither its statement nor it says. */
extern json_t *schema_of_route(const Route *route, json_t *components);

/* The SQL function that a route calls, or NULL. */
extern const SqlFunction *schema_function(const Route *route);
