/*
 * literals.c
 *	  Numbers and times as a request writes them.
 */
#include "api/literals.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DIGITS "0123456789"
#define HIGHEST_EXPONENT 1000000 /* what is beyond counts as this, which is too much in any case */

/* The first second of the year 1 and the last of the year 9999, in UTC. */
#define FIRST_SECOND INT64_C(-62135596800)
#define LAST_SECOND INT64_C(253402300799)

/* ---- numbers --------------------------------------------------------------------------------- */

bool
is_whole(const char *text)
{
	const char *digits = text + (text[0] == '-');
	size_t count = strspn(digits, "0123456789");

	return count > 0 && digits[count] == '\0';
}

char *
number_as_written(const char *body, const char *name)
{
	static const char space[] = " \t\r\n";
	int depth = 0;

	for (const char *at = body; *at != '\0'; at++)
	{
		const char *text = at + 1;

		if (*at == '{' || *at == '[')
			depth++;
		else if (*at == '}' || *at == ']')
			depth--;
		if (*at != '"')
			continue;
		for (at++; *at != '"'; at++)
			at += *at == '\\';
		if (depth != 1 || (size_t) (at - text) != strlen(name) ||
		    strncmp(text, name, strlen(name)) != 0)
			continue;
		text = at + 1 + strspn(at + 1, space);
		if (*text != ':')
			continue;
		text += 1 + strspn(text + 1, space);
		return strndup(text, strcspn(text, ",} \t\r\n"));
	}
	return NULL;
}

static long
read_exponent(const char *text)
{
	long exponent;

	if (*text != 'e' && *text != 'E')
		return 0;
	exponent = strtol(text + 1, NULL, 10);
	if (exponent > HIGHEST_EXPONENT)
		return HIGHEST_EXPONENT;
	return exponent < -HIGHEST_EXPONENT ? -HIGHEST_EXPONENT : exponent;
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
	if (first == count)
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
