/*
 * fields.h
 *	  Parameters that come beside a pack, in its form, instead of in the query.
 */
#ifndef EDURANGE_SHIM_FIELDS_H
#define EDURANGE_SHIM_FIELDS_H

#include "api/routes.h"
#include "api/target.h"

#define FIELDS_MAX 4

/* Those that were added to a target, which must not be used once they are freed. */
typedef struct Fields
{
	const Route *route;
	Target *target;
	QueryField fields[FIELDS_MAX];
	int count;
} Fields;

/*
 * Callback (UploadField) with a Fields as closure: one that is a query parameter of the route is added
 * to those of the target, others do not matter.
 */
extern bool
fields_add(void *closure, const char *name, const char *value, size_t length, Failure *failure);

extern void fields_free(Fields *fields);

#endif
