/*
 * literals.c
 *	  Numbers and times as a request writes them.
 */
#include "api/literals.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#define DIGITS "0123456789"
#define SPACE " \t\r\n"
#define STAND_IN "1e300" /* as long as the shortest number that no double holds */

/* The first second of the year 1 and the last of the year 9999, in UTC. */
#define FIRST_SECOND INT64_C(-62135596800)
#define LAST_SECOND INT64_C(253402300799)

/* ---- numbers --------------------------------------------------------------------------------- */

static long
read_exponent(const char *text)
{
	long exponent;

	if (*text != 'e' && *text != 'E')
		return 0;
	exponent = strtol(text + 1, NULL, 10);
	if (exponent > EDURANGE_HIGHEST_EXPONENT)
		return EDURANGE_HIGHEST_EXPONENT;
	return exponent < -EDURANGE_HIGHEST_EXPONENT ? -EDURANGE_HIGHEST_EXPONENT : exponent;
}

/* The digit in this place of a number whose point stands behind the first ones; beyond both ends there are zeros. */
static char
digit_at(const char *number, long before, long count, long place)
{
	if (place < 0 || place >= count)
		return '0';
	return number[place < before ? place : place + 1];
}

bool
numeral_write_out(const char *text, char out[NUMERAL_SIZE])
{
	bool negative = *text == '-';
	const char *number = text + negative;
	long before = (long) strspn(number, DIGITS);
	long behind = number[before] == '.' ? (long) strspn(number + before + 1, DIGITS) : 0;
	long count = before + behind;
	long exponent = read_exponent(number + count + (number[before] == '.'));
	long point = before + exponent; /* where it stands among the digits; may be outside of them */
	long scale = behind > exponent ? behind - exponent : 0;
	long first = 0; /* digit that is not zero */
	char *end = out;

	while (first < count && digit_at(number, before, count, first) == '0')
		first++;
	if (first == count && exponent < EDURANGE_HIGHEST_EXPONENT)
	{
		negative = false;
		point = first = 0;
	}
	if ((point > first ? point - first : 1) + scale > EDURANGE_MOST_DIGITS)
		return false;
	if (negative)
		*end++ = '-';
	if (point <= first)
		*end++ = '0';
	for (long place = first; place < point; place++)
		*end++ = digit_at(number, before, count, place);
	if (scale > 0)
		*end++ = '.';
	for (long place = point; place < point + scale; place++)
		*end++ = digit_at(number, before, count, place);
	*end = '\0';
	return true;
}

/* A member of the object in a body. */
typedef struct Member
{
	const char *name; /* as it is written, in quotes */
	size_t length;
	const char *value; /* where it begins */
} Member;

/* The end of the string that begins here: its quote, or that of the text. */
static const char *
string_end(const char *at)
{
	for (at++; *at != '\0' && *at != '"'; at++)
		at += *at == '\\' && at[1] != '\0';
	return at;
}

/* Finds the next member behind a place, and moves the place there; false: there is none. */
static bool
next_member(const char **place, int *depth, Member *member)
{
	for (const char *at = *place; *at != '\0'; at++)
	{
		const char *name = at;

		if (*at == '{' || *at == '[')
			(*depth)++;
		else if (*at == '}' || *at == ']')
			(*depth)--;
		if (*at != '"')
			continue;
		at = string_end(at);
		if (*at == '\0')
			return false;
		*member = (Member){name, (size_t) (at + 1 - name), at + 1 + strspn(at + 1, SPACE)};
		if (*depth != 1 || *member->value != ':')
			continue;
		member->value += 1 + strspn(member->value + 1, SPACE);
		*place = member->value;
		return true;
	}
	return false;
}

/* Is this the name, in which any letter may be escaped? */
static bool
is_named(const Member *member, const char *name)
{
	json_t *read = json_loadb(member->name, member->length, JSON_DECODE_ANY, NULL);
	bool same = read != NULL && strcmp(json_string_value(read), name) == 0;

	json_decref(read);
	return same;
}

char *
numeral_of_member(const char *body, const char *name)
{
	Member member;
	int depth = 0;

	while (next_member(&body, &depth, &member))
		if (is_named(&member, name))
			return strndup(member.value, strcspn(member.value, ",}" SPACE));
	return NULL;
}

char *
numerals_held(const char *body, size_t length)
{
	char *copy = malloc(length + 1);
	const char *place = copy;
	Member member;
	int depth = 0;

	if (copy == NULL)
		return NULL;
	memcpy(copy, body, length);
	copy[length] = '\0';
	while (next_member(&place, &depth, &member))
	{
		char *numeral = copy + (member.value - copy) + (*member.value == '-');
		size_t written = strspn(numeral, DIGITS "+-.eE");

		if (written < strlen(STAND_IN) || !isinf(strtod(numeral, NULL)))
			continue;
		memset(numeral, ' ', written);
		memcpy(numeral, STAND_IN, strlen(STAND_IN));
	}
	return copy;
}

/* ---- times ----------------------------------------------------------------------------------- */

/* Takes a text of this shape, in which each 0 stands for a digit, and the number that they make. */
static bool
take(const char **at, const char *shape, int *number)
{
	const char *from = *at;
	int value = 0;

	for (; *shape != '\0'; shape++, from++)
	{
		if (*shape == '0' && *from >= '0' && *from <= '9')
			value = value * 10 + *from - '0';
		else if (*shape == '0' || *from != *shape)
			return false;
	}
	*at = from;
	*number = value;
	return true;
}

/*
 * Does the calendar have this day, and the day this time, so many seconds ahead of UTC?  Answers have four digits for
 * a year, and three for a fraction: the last second that they can say must not be rounded up to the next.
 */
static bool
time_exists(const struct tm *wanted, int offset, int digits)
{
	struct tm found = *wanted;
	time_t seconds = timegm(&found) - offset;

	return seconds >= FIRST_SECOND &&
	       (seconds < LAST_SECOND || (seconds == LAST_SECOND && digits <= 3)) &&
	       found.tm_year == wanted->tm_year && found.tm_mon == wanted->tm_mon &&
	       found.tm_mday == wanted->tm_mday && found.tm_hour == wanted->tm_hour &&
	       found.tm_min == wanted->tm_min && found.tm_sec == wanted->tm_sec;
}

EdurangeError
time_check(const char *at, const char **missing)
{
	struct tm time = {0};
	int hours = 0;
	int minutes = 0;
	int digits = 0;
	int offset;
	bool east = false;
	int none;

	*missing = "T00:00:00Z";
	if (!take(&at, "0000", &time.tm_year) || !take(&at, "-00", &time.tm_mon) ||
	    !take(&at, "-00", &time.tm_mday))
		return EDURANGE_INVALID_TIME;
	time.tm_year -= 1900;
	time.tm_mon--;
	if (take(&at, "T00", &time.tm_hour) || take(&at, "t00", &time.tm_hour) ||
	    take(&at, " 00", &time.tm_hour))
	{
		*missing = "";
		if (!take(&at, ":00", &time.tm_min))
			return EDURANGE_INVALID_TIME;
		if (take(&at, ":00", &time.tm_sec) && take(&at, ".0", &none))
			for (digits = 1; digits < 9 && take(&at, "0", &none); digits++)
				;
		east = *at == '+';
		if (take(&at, "+00", &hours) || take(&at, "-00", &hours))
			(void) (take(&at, ":00", &minutes) || take(&at, "00", &minutes));
		else if (!take(&at, "Z", &none) && !take(&at, "z", &none))
			*missing = "Z";
	}
	if (*at != '\0')
		return EDURANGE_INVALID_TIME;
	offset = (hours * 60 + minutes) * (east ? 60 : -60);
	return time_exists(&time, offset, digits) && hours <= 15 && minutes <= 59
	           ? EDURANGE_OK
	           : EDURANGE_TIME_OUT_OF_RANGE;
}
