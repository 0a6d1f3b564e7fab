/*
 * route_texts.h
 *	  What the description of the interface says of each route, and the server has no use for.
 *
 * A shape is written as `name:type …`: the types are those of SQL (text, integer, boolean, numeric, timestamptz,
 * jsonb), row types, objects of the table shapes, and lists of them (`text[]`); `type?` may be null, `name?` may be
 * missing, and `+type` stands for all attributes of a row type.  A shape without a colon is a type by itself.
 */
#pragma once

#include "api/routes.h"

typedef struct RouteText
{
	const char *route;   /* method and path */
	const char *summary; /* what it does; NULL: what SQL says of its function */
	const char *answer;  /* its shape, where it is not what the statement's function returns */
} RouteText;

/* An object that the shim itself makes, and no row type describes. */
typedef struct Shape
{
	const char *name;
	const char *members;
} Shape;

#define MAX_PREFIXES 12

/* Routes that belong together for who reads. */
typedef struct RouteGroup
{
	const char *name;
	const char *text;
	const char *prefixes[MAX_PREFIXES]; /* of their paths */
} RouteGroup;

extern const RouteGroup
    route_groups[]; /* ended by one without a name; the last one takes all that is left */

/* The group of a route. */
extern const RouteGroup *route_group(const Route *route);

extern const Shape shapes[]; /* ended by one without a name */

/* One without members where SQL says all. */
extern const RouteText *route_text(const Route *route);

/* The shape of a 503 that is a report and no error; NULL: there is none. */
extern const char *unready_shape(ResponseKind kind);
