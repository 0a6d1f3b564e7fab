/*
 * params.h
 *	  From what a request carries to the values of a statement.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "access/auth.h"
#include "api/routes.h"
#include "base/errors.h"
#include "packs/upload.h"

/* The values of a statement as text, NULL for null. */
typedef struct Values
{
	char *values[MAX_VALUES];
	int count;
	const char *names[MAX_PARAMS]; /* of the parameters, as the request spells them; NULL: any */
	bool slow;                     /* one is given that makes a quick route slow */
} Values;

extern bool
params_bind(const RouteMatch *match, const Target *target, const Identity *identity,
            const char *body, size_t body_length, Upload *upload, Values *values, Failure *failure);

/* Names the parameters in a message as the request spells them; the database knows them by other names. */
extern void params_rename(const Route *route, const Values *values, Failure *failure);

extern void values_free(Values *values);
