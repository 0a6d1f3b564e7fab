/*
 * unknown.c
 *	  What a request names and its route does not know.
 */
#include "api/unknown.h"

#include <string.h>

#include "base/text.h"

#define LONGEST_NAME 60 /* bytes that are repeated in a message */

bool
unknown_is_refused(const Route *route)
{
	return route->tier >= TIER_SERVICE;
}

/* Does the route take a parameter of this name from there? */
static bool
is_known(const Route *route, ParamSource source, const char *name)
{
	const char *known;
	int i = route_param(route, name, strlen(name), &known);

	return i >= 0 && route->params[i].source == source;
}

/* Always false.  The name of a form's field may be any bytes, and any name may be long. */
static bool
refuse_name(Failure *failure, const char *name, const char *place)
{
	size_t length = strlen(name);
	const char *sentence;

	if (text_fault(name, length, &sentence) != EDURANGE_OK)
		return failure_set(failure, EDURANGE_INVALID_ENCODING,
		                   "the name of a parameter in the %s %s", place, sentence);
	/* cut between characters */
	if (length > LONGEST_NAME)
		for (length = LONGEST_NAME; ((unsigned char) name[length] & 0xC0) == 0x80;)
			length--;
	return failure_set(failure, EDURANGE_INVALID_PARAMETER,
	                   "the route takes no \"%.*s%s\" in the %s", (int) length, name,
	                   name[length] != '\0' ? "..." : "", place);
}

/* The same of fields. */
static bool
check_fields(const Route *route, const Field *fields, int count, const char *place,
             Failure *failure)
{
	for (int i = 0; i < count; i++)
		if (!is_known(route, FROM_QUERY, fields[i].name))
			return refuse_name(failure, fields[i].name, place);
	return true;
}

bool
unknown_check(const Route *route, const Target *target, const Upload *upload, const json_t *object,
              Failure *failure)
{
	json_t *members = (json_t *) object;
	const char *name;
	json_t *value;

	if (!unknown_is_refused(route))
		return true;
	if (!check_fields(route, target->fields, target->nfields, "query", failure) ||
	    !check_fields(route, upload->fields, upload->nfields, "form", failure))
		return false;
	json_object_foreach(members, name, value)
	{
		if (!is_known(route, FROM_BODY, name))
			return refuse_name(failure, name, "body");
	}
	return true;
}
