/*
 * literals.h
 *	  Numbers and times as a request writes them.
 */
#pragma once

#include <stdbool.h>

#include "base/errors.h"

/* Is it written as a whole number? */
extern bool is_whole(const char *text);

/*
 * A member of the JSON object in the body exactly as it was written, to be freed.  Parsing loses that: 1.50 and 1.5
 * are the same number but not the same answer.  The body is known to be JSON.
 */
extern char *number_as_written(const char *body, const char *name);

#define NUMERAL_SIZE (EDURANGE_MOST_DIGITS + 3) /* sign, point, end */

/*
 * Writes a number of a JSON text out as the database writes it, without its exponent: 1e3 is 1000, -0 is 0, 1.50
 * stays.  Returns false, having written nothing, where it would have more than EDURANGE_MOST_DIGITS.
 */
extern bool numeral_write_out(const char *numeral, char out[NUMERAL_SIZE]);

/* Checks an ISO 8601 time; finds what is to be added so that it says day, time and zone. */
extern EdurangeError time_check(const char *text, const char **missing);
