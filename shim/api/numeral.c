/*
 * numeral.c
 *	  A number in a request written out, as the database writes one.
 */
#include "api/numeral.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789"
#define HIGHEST_EXPONENT 1000000 /* what is beyond counts as this, which is too much in any case */

/* The digits of a number, without leading zeros, and where its point stands among them. */
typedef struct Numeral
{
	const char *parts[2]; /* before the point and behind it */
	long lengths[2];
	long point; /* how many digits stand before it once the exponent is applied; may be negative */
	long scale; /* how many stand behind it */
} Numeral;

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

static Numeral
read_numeral(const char *text)
{
	Numeral numeral = {.parts = {text, ""}};
	long exponent;

	numeral.lengths[0] = (long) strspn(text, DIGITS);
	text += numeral.lengths[0];
	if (*text == '.')
	{
		numeral.parts[1] = text + 1;
		numeral.lengths[1] = (long) strspn(text + 1, DIGITS);
		text += 1 + numeral.lengths[1];
	}
	exponent = read_exponent(text);
	numeral.point = numeral.lengths[0] + exponent;
	numeral.scale = numeral.lengths[1] > exponent ? numeral.lengths[1] - exponent : 0;
	return numeral;
}

/* The digit that stands so far from the first; beyond both ends there are zeros. */
static char
digit_at(const Numeral *numeral, long place)
{
	if (place < 0 || place >= numeral->lengths[0] + numeral->lengths[1])
		return '0';
	return place < numeral->lengths[0] ? numeral->parts[0][place]
	                                   : numeral->parts[1][place - numeral->lengths[0]];
}

bool
numeral_write_out(const char *text, char out[NUMERAL_SIZE])
{
	bool negative = *text == '-';
	Numeral numeral = read_numeral(text + negative);
	long length = numeral.lengths[0] + numeral.lengths[1];
	long first = 0;
	char *end = out;

	while (first < length && digit_at(&numeral, first) == '0')
		first++;
	if (first == length)
	{
		negative = false;
		numeral.point = first = 0;
	}
	if ((numeral.point > first ? numeral.point - first : 1) + numeral.scale > EDURANGE_MOST_DIGITS)
		return false;
	if (negative)
		*end++ = '-';
	if (numeral.point <= first)
		*end++ = '0';
	for (long place = first; place < numeral.point; place++)
		*end++ = digit_at(&numeral, place);
	if (numeral.scale > 0)
		*end++ = '.';
	for (long place = numeral.point; place < numeral.point + numeral.scale; place++)
		*end++ = digit_at(&numeral, place);
	*end = '\0';
	return true;
}
