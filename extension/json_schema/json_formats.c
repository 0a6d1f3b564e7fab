/*
 * json_formats.c
 *	  The formats of draft-07 that can be asserted.
 *
 * Most are a pattern.  Internationalised formats (iri, idn-…) and uri-template are not among them:
 * they stay annotations.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "text/ecma_regex.h"
#include "json_schema/json_formats.h"

#include <arpa/inet.h>

#define PCT "%[0-9A-Fa-f]{2}"
#define PATH_CHARACTER "(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|" PCT ")"
#define AUTHORITY                                                                                  \
	"(?:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|" PCT ")*@)?"                                               \
	"(?:\\[[0-9A-Fa-f:.]+\\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|" PCT ")*)(?::[0-9]*)?"
#define QUERY_FRAGMENT "(?:\\?(?:" PATH_CHARACTER "|[/?])*)?(?:#(?:" PATH_CHARACTER "|[/?])*)?$"
#define SEGMENT_CHARACTER "(?:[A-Za-z0-9._~!$&'()*+,;=@-]|" PCT ")"

/* The patterns of formats, compiled at their first use and kept. */
typedef struct PatternFormat
{
	const char *pattern;
	bool compiled;
	regex_t regex;
} PatternFormat;

static bool
has_pattern(PatternFormat *format, const char *text)
{
	MemoryContext caller;
	char *fault;

	if (!format->compiled)
	{
		caller = MemoryContextSwitchTo(TopMemoryContext);
		fault = ecma_regex_compile(format->pattern, strlen(format->pattern), &format->regex);
		MemoryContextSwitchTo(caller);
		if (fault != NULL)
			elog(ERROR, "pattern \"%s\" of a format: %s", format->pattern, fault);
		format->compiled = true;
	}
	return ecma_regex_matches(&format->regex, text, strlen(text));
}

/* Are there that many days in the month? */
static bool
is_day(int year, int month, int day)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	if (month < 1 || month > 12 || day < 1 || day > days[month - 1])
		return false;
	return month != 2 || day < 29 || leap;
}

/* The number that so many digits are. */
static int
number_at(const char *digits, int count)
{
	int number = 0;

	for (int i = 0; i < count; i++)
		number = number * 10 + (digits[i] - '0');
	return number;
}

static bool
is_date(const char *text)
{
	static PatternFormat format = {"^\\d{4}-\\d{2}-\\d{2}$"};

	return has_pattern(&format, text) &&
	       is_day(number_at(text, 4), number_at(text + 5, 2), number_at(text + 8, 2));
}

/* RFC 3339: a leap second can only be the last one of a day in UTC. */
static bool
is_time(const char *text)
{
	static PatternFormat format = {"^\\d{2}:\\d{2}:\\d{2}(?:\\.\\d+)?(?:[Zz]|[+-]\\d{2}:\\d{2})$"};
	const char *zone;
	int minutes;
	int offset = 0;

	if (!has_pattern(&format, text))
		return false;
	zone = text + strcspn(text, "Zz+-");
	if (*zone == '+' || *zone == '-')
	{
		if (number_at(zone + 1, 2) > 23 || number_at(zone + 4, 2) > 59)
			return false;
		offset = (number_at(zone + 1, 2) * 60 + number_at(zone + 4, 2)) * (*zone == '-' ? -1 : 1);
	}
	if (number_at(text, 2) > 23 || number_at(text + 3, 2) > 59 || number_at(text + 6, 2) > 60)
		return false;
	minutes = (number_at(text, 2) * 60 + number_at(text + 3, 2) - offset + 24 * 60) % (24 * 60);
	return number_at(text + 6, 2) < 60 || minutes == 24 * 60 - 1;
}

static bool
is_date_time(const char *text)
{
	char *date;

	if (strlen(text) < 11 || (text[10] != 'T' && text[10] != 't'))
		return false;
	date = pnstrdup(text, 10);
	return is_date(date) && is_time(text + 11);
}

static bool
is_hostname(const char *text)
{
	static PatternFormat format = {"^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
	                               "(?:\\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$"};

	return has_pattern(&format, text);
}

static bool
is_email(const char *text)
{
	static PatternFormat format = {"^(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
	                               "(?:\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
	                               "|\"(?:[^\"\\\\]|\\\\.)+\")@"
	                               "(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
	                               "(?:\\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
	                               "|\\[[0-9A-Fa-fIPv:.]+\\])$"};

	return has_pattern(&format, text);
}

static bool
is_ipv4(const char *text)
{
	struct in_addr address;

	return inet_pton(AF_INET, text, &address) == 1;
}

static bool
is_ipv6(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET6, text, &address) == 1;
}

static bool
is_uri(const char *text)
{
	static PatternFormat format = {"^[A-Za-z][A-Za-z0-9+.-]*:(?://" AUTHORITY "(?:/" PATH_CHARACTER
	                               "*)*|/(?:" PATH_CHARACTER "+(?:/" PATH_CHARACTER
	                               "*)*)?|" PATH_CHARACTER "+(?:/" PATH_CHARACTER
	                               "*)*)?" QUERY_FRAGMENT};

	return has_pattern(&format, text);
}

static bool
is_uri_reference(const char *text)
{
	static PatternFormat format = {
	    "^(?://" AUTHORITY "(?:/" PATH_CHARACTER "*)*|/(?:" PATH_CHARACTER "+(?:/" PATH_CHARACTER
	    "*)*)?|" SEGMENT_CHARACTER "+(?:/" PATH_CHARACTER "*)*)?" QUERY_FRAGMENT};

	return is_uri(text) || has_pattern(&format, text);
}

static bool
is_json_pointer(const char *text)
{
	static PatternFormat format = {"^(?:/(?:[^~/]|~[01])*)*$"};

	return has_pattern(&format, text);
}

static bool
is_relative_json_pointer(const char *text)
{
	static PatternFormat format = {"^(?:0|[1-9][0-9]*)(?:#|(?:/(?:[^~/]|~[01])*)*)$"};

	return has_pattern(&format, text);
}

static bool
is_regex(const char *text)
{
	regex_t regex;

	if (ecma_regex_compile(text, strlen(text), &regex) != NULL)
		return false;
	pg_regfree(&regex);
	return true;
}

FormatTest
json_format_find(const char *name)
{
	static const struct
	{
		const char *name;
		FormatTest check;
	} formats[] = {{"date", is_date},
	               {"time", is_time},
	               {"date-time", is_date_time},
	               {"email", is_email},
	               {"hostname", is_hostname},
	               {"ipv4", is_ipv4},
	               {"ipv6", is_ipv6},
	               {"uri", is_uri},
	               {"uri-reference", is_uri_reference},
	               {"json-pointer", is_json_pointer},
	               {"relative-json-pointer", is_relative_json_pointer},
	               {"regex", is_regex}};

	for (int i = 0; i < lengthof(formats); i++)
		if (strcmp(formats[i].name, name) == 0)
			return formats[i].check;
	return NULL;
}
