/*
 * params.h
 *	  From what a request carries to the values of a statement.
 */
#ifndef EDURANGE_SHIM_PARAMS_H
#define EDURANGE_SHIM_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

#include "auth.h"
#include "errors.h"
#include "routes.h"

#define MAX_QUERY_FIELDS 64

typedef struct QueryField
{
	char *name;
	char *value;
} QueryField;

/* A request target taken apart and decoded. */
typedef struct Target
{
	char *segments[MAX_SEGMENTS];
	int nsegments;
	QueryField fields[MAX_QUERY_FIELDS];
	int nfields;
	bool too_deep; /* more segments than any route has */
} Target;

/* The values of a statement as text, NULL for null. */
typedef struct Values
{
	char *values[MAX_VALUES];
	int count;
} Values;

extern bool target_parse(char *uri, Target *target, Failure *failure);
extern bool params_bind(const RouteMatch *match, const Target *target, const Caller *caller,
                        const char *body, size_t body_length, Values *values, Failure *failure);
extern void values_free(Values *values);

#endif
