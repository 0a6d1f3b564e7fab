/*
 * fields.c
 *	  Parameters that come beside a pack, in its form, instead of in the query.
 */
#include "api/fields.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define FIELD_LIMIT 1024 /* bytes */

/* Is it a query parameter of the route? */
static bool
is_parameter(const Route *route, const char *name)
{
	for (int i = 0; i < MAX_PARAMS && route->params[i].name != NULL; i++)
	{
		const Param *param = &route->params[i];

		if (param->source != FROM_QUERY)
			continue;
		if (strcmp(param->name, name) == 0)
			return true;
		for (int j = 0; j < MAX_ALIASES && param->aliases[j] != NULL; j++)
		{
			if (strcmp(param->aliases[j], name) == 0)
				return true;
		}
	}
	return false;
}

bool
fields_add(void *closure, const char *name, const char *value, size_t length, Failure *failure)
{
	Fields *fields = closure;
	Target *target = fields->target;
	QueryField field;

	if (!is_parameter(fields->route, name))
		return true;
	if (length > FIELD_LIMIT || text_fault(value, length) != EDURANGE_OK)
		failure_set(failure, EDURANGE_INVALID_PARAMETER, "parameter \"%s\" is not a short text",
		            name);
	else if (fields->count == FIELDS_MAX || target->nfields == MAX_QUERY_FIELDS)
		failure_set(failure, EDURANGE_INVALID_PARAMETER, "parameter \"%s\" is given too often",
		            name);
	if (failure->info != NULL)
		return false;
	field = (QueryField){strdup(name), strndup(value, length)};
	fields->fields[fields->count++] = field;
	if (field.name == NULL || field.value == NULL)
		failure_set(failure, EDURANGE_INTERNAL, "internal error");
	else
		target->fields[target->nfields++] = field;
	return failure->info == NULL;
}

void
fields_free(Fields *fields)
{
	for (int i = 0; i < fields->count; i++)
	{
		free(fields->fields[i].name);
		free(fields->fields[i].value);
	}
	fields->count = 0;
}
