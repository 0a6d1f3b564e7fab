/*
 * target.h
 *	  A request target taken apart: path segments and query fields, decoded.
 */
#ifndef EDURANGE_SHIM_TARGET_H
#define EDURANGE_SHIM_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "api/routes.h"
#include "base/errors.h"

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

extern bool target_parse(char *uri, Target *target, Failure *failure);

#endif
