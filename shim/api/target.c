/*
 * target.c
 *	  A request target taken apart: path segments and query fields, decoded.
 */
#include "api/routes.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Undoes percent-encoding in place; false for a broken escape, a null byte or invalid UTF-8. */
static bool
decode(char *text, bool plus_is_space, Failure *failure)
{
	char *to = text;
	const char *sentence;

	for (const char *from = text; *from != '\0'; from++)
	{
		char c = *from;

		if (c == '+' && plus_is_space)
			c = ' ';
		else if (c == '%')
		{
			char digits[3] = {from[1], from[1] != '\0' ? from[2] : '\0'};

			c = (char) strtol(digits, NULL, 16);
			if (!isxdigit((unsigned char) digits[0]) || !isxdigit((unsigned char) digits[1]) ||
			    c == '\0')
				return failure_set(failure, EDURANGE_INVALID_ENCODING,
				                   "the request target holds a null byte or a broken escape");
			from += 2;
		}
		*to++ = c;
	}
	*to = '\0';
	return text_fault(text, (size_t) (to - text), &sentence) == EDURANGE_OK ||
	       failure_set(failure, EDURANGE_INVALID_ENCODING, "the request target %s", sentence);
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
			return failure_set(failure, EDURANGE_INVALID_PARAMETER,
			                   "the query has too many parameters");
		if (value != NULL)
			*value++ = '\0';
		else
			value = field + strlen(field);
		if (!decode(field, true, failure) || !decode(value, true, failure))
			return false;
		target->fields[target->nfields++] = (Field){field, value};
	}
	return true;
}

/* Where the path begins: behind scheme and authority, which are those of this service whatever they say. */
static char *
path_of(char *uri)
{
	if (strncasecmp(uri, "http://", 7) != 0 && strncasecmp(uri, "https://", 8) != 0)
		return uri;
	uri = strchr(uri, ':') + 3;
	return uri + strcspn(uri, "/?");
}

/*
 * Takes a request target apart, in place: the segments of the path, without empty ones and without
 * a leading "api", and the fields of the query.  It has one of the forms of RFC 9112, 3.2.
 */
bool
target_parse(char *uri, Target *target, Failure *failure)
{
	char *rest = path_of(uri);
	char *query = strchr(rest, '?');
	char *segment;
	bool first = true;

	memset(target, 0, sizeof(*target));
	target->asterisk = strcmp(uri, "*") == 0;
	if (rest == uri && uri[0] != '/' && !target->asterisk)
		return failure_set(failure, EDURANGE_MALFORMED_REQUEST,
		                   "the request target must be a path, which begins with /, or a URL");
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
