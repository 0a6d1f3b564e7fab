/*
 * times.c
 *	  Times as a request writes them.
 */
#include "api/times.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* The first second of the year 1 and the last of the year 9999, in UTC. */
#define FIRST_SECOND INT64_C(-62135596800)
#define LAST_SECOND INT64_C(253402300799)

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
