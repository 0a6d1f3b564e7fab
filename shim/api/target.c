/*
 * target.c
 *	  A request target taken apart: path segments and query fields, decoded.
 */
#include "api/target.h"

#include <string.h>

#include "base/text.h"

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Undoes percent-encoding in place; false for a broken escape, a null byte or invalid UTF-8. */
static bool
decode(char *text, bool plus_is_space, Failure *failure)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++)
	{
		char c = *from;

		if (c == '+' && plus_is_space)
			c = ' ';
		else if (c == '%')
		{
			int high = hex_digit(from[1]);
			int low = high >= 0 ? hex_digit(from[2]) : -1;

			if (low < 0 || high + low == 0)
			{
				failure_set(failure, EDURANGE_INVALID_ENCODING,
				            "the request target has an invalid percent-encoding");
				return false;
			}
			c = (char) (high * 16 + low);
			from += 2;
		}
		*to++ = c;
	}
	*to = '\0';
	if (text_fault(text, (size_t) (to - text)) == EDURANGE_OK)
		return true;
	failure_set(failure, EDURANGE_INVALID_ENCODING, "the request target is not valid UTF-8");
	return false;
}

/* Splits and decodes the query. */
static bool
parse_query(char *query, Target *target, Failure *failure)
{
	char *rest = query;
	char *field;

	while ((field = strsep(&rest, "&")) != NULL)
	{
		char *value = strchr(field, '=');

		if (*field == '\0')
			continue;
		if (target->nfields == MAX_QUERY_FIELDS)
		{
			failure_set(failure, EDURANGE_INVALID_PARAMETER, "the query has too many parameters");
			return false;
		}
		if (value != NULL)
			*value++ = '\0';
		else
			value = field + strlen(field);
		if (!decode(field, true, failure) || !decode(value, true, failure))
			return false;
		target->fields[target->nfields++] = (QueryField){field, value};
	}
	return true;
}

/*
 * Takes a request target apart, in place: the segments of the path, without empty ones and without
 * a leading "api", and the fields of the query.
 */
bool
target_parse(char *uri, Target *target, Failure *failure)
{
	char *query = strchr(uri, '?');
	char *rest = uri;
	char *segment;
	bool first = true;

	memset(target, 0, sizeof(*target));
	if (query != NULL)
		*query++ = '\0';
	while ((segment = strsep(&rest, "/")) != NULL)
	{
		if (*segment == '\0')
			continue;
		if (!decode(segment, false, failure))
			return false;
		if (first && strcmp(segment, "api") == 0)
		{
			first = false;
			continue;
		}
		first = false;
		if (target->nsegments == MAX_SEGMENTS)
		{
			target->too_deep = true;
			break;
		}
		target->segments[target->nsegments++] = segment;
	}
	return query == NULL || parse_query(query, target, failure);
}
