/*
 * numerals.h
 *	  Numbers as answers: written out as PostgreSQL's numeric does (1e3 is 1000, -0 is 0, 1.50 stays).
 *
 * Of a few bytes such as 1e131071 many kilobytes of digits would come.  So how many it would be is told
 * without writing them, and a number of more than EDURANGE_MOST_DIGITS is refused wherever one comes in.
 */
#ifndef EDURANGE_NUMERALS_H
#define EDURANGE_NUMERALS_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "base/errors.h"

/*
 * How many digits the number would be written with; 0: it is none.  One is spelled as in JSON, or as people
 * do: with a plus, or with nothing before or behind the point.
 */
extern int numeral_digits(const char *text);

/* The number, which has EDURANGE_MOST_DIGITS at most. */
extern Numeric numeral_value(const char *text);

/* Does the document hold a number of more than EDURANGE_MOST_DIGITS? */
extern bool jsonb_has_long_number(const Jsonb *document);

/* Are two numbers at most so far from each other? */
extern bool numbers_are_close(Numeric a, Numeric b, Numeric most);

#endif
