/*
 * numeral.c
 *	  A number in a request written out, as the database writes one.
 */
#include "api/numeral.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"
#define HIGHEST_EXPONENT 1000000 /* what is beyond counts as this, which is too much in any case */

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
