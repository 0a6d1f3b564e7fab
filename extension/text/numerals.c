/*
 * numerals.c
 *	  Numbers as answers: written out as PostgreSQL's numeric does (1e3 is 1000, -0 is 0, 1.50 stays).
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "text/numerals.h"

#define DIGITS "0123456789"

/* Reads what stands behind an e; false: it is no exponent. */
static bool
read_exponent(const char *text, int *exponent)
{
	bool negative = *text == '-';
	size_t count;

	text += *text == '-' || *text == '+';
	count = strspn(text, DIGITS);
	if (count == 0 || text[count] != '\0')
		return false;
	for (*exponent = 0; *text != '\0'; text++)
		*exponent = Min(*exponent * 10 + (*text - '0'), EDURANGE_HIGHEST_EXPONENT);
	if (negative)
		*exponent = -*exponent;
	return true;
}

int
numeral_digits(const char *text)
{
	const char *whole = text + (*text == '-' || *text == '+');
	const char *first = whole + strspn(whole, "0."); /* that is no zero */
	int before = (int) Min(strspn(whole, DIGITS), EDURANGE_HIGHEST_EXPONENT);
	const char *at = whole + strspn(whole, DIGITS);
	int zeros = (int) Min(first - whole, EDURANGE_HIGHEST_EXPONENT);
	int behind = 0;
	int exponent = 0;

	if (*at == '.')
	{
		zeros -= first > at;
		behind = (int) Min(strspn(at + 1, DIGITS), EDURANGE_HIGHEST_EXPONENT);
		at += 1 + strspn(at + 1, DIGITS);
	}
	if (before + behind == 0)
		return 0;
	if (*at == 'e' || *at == 'E')
	{
		if (!read_exponent(at + 1, &exponent))
			return 0;
	}
	else if (*at != '\0')
		return 0;
	/* nothing times whatever is nothing */
	if (first >= at && exponent < EDURANGE_HIGHEST_EXPONENT)
		exponent = Min(exponent, 0);
	return Max(before - zeros + exponent, 1) + Max(behind - exponent, 0);
}

Numeric
numeral_value(const char *text)
{
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text),
	                                           ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/* Has the number more than EDURANGE_MOST_DIGITS?  Only one that cannot have many more is written out. */
static bool
is_long(Numeric number)
{
	Datum value = NumericGetDatum(number);
	Datum size = DirectFunctionCall1(numeric_abs, value);
	Datum limit = NumericGetDatum(numeral_value("1e" CppAsString2(EDURANGE_MOST_DIGITS)));
	int digits = 0;

	if (DatumGetInt32(DirectFunctionCall1(numeric_scale, value)) >= EDURANGE_MOST_DIGITS ||
	    DatumGetBool(DirectFunctionCall2(numeric_ge, size, limit)))
		return true;
	for (const char *at = DatumGetCString(DirectFunctionCall1(numeric_out, value)); *at != '\0';
	     at++)
		digits += *at >= '0' && *at <= '9';
	return digits > EDURANGE_MOST_DIGITS;
}

bool
jsonb_has_long_number(const Jsonb *document)
{
	JsonbIterator *iterator = JsonbIteratorInit(unconstify(JsonbContainer *, &document->root));
	JsonbIteratorToken token;
	JsonbValue value;

	while ((token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE)
		if ((token == WJB_VALUE || token == WJB_ELEM) && value.type == jbvNumeric &&
		    is_long(value.val.numeric))
			return true;
	return false;
}

bool
numbers_are_close(Numeric a, Numeric b, Numeric most)
{
	Datum distance = DirectFunctionCall2(numeric_sub, NumericGetDatum(a), NumericGetDatum(b));

	return DatumGetBool(DirectFunctionCall2(numeric_le, DirectFunctionCall1(numeric_abs, distance),
	                                        NumericGetDatum(most)));
}
