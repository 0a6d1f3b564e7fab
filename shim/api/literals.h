/*
 * literals.h
 *	  Numbers and times as a request writes them.
 *
 * A parser makes a double of a number: 1.50 and 1.5 are the same then, and 1e309 is none.  So a number that
 * counts as it was written is read from the body once more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"

#define NUMERAL_SIZE (EDURANGE_MOST_DIGITS + 3) /* sign, point, end */

/*
 * Writes a number of a JSON text without its exponent: 1e3 is 1000, -0 is 0, 1.50 stays.  Returns false, having
 * written nothing, where it would have more than EDURANGE_MOST_DIGITS.
 */
extern bool numeral_write_out(const char *numeral, char out[NUMERAL_SIZE]);

/*
 * The number that is a member of the JSON object in the body, as it was written, to be freed; NULL: it is none.
 * The body is known to be JSON.
 */
extern char *numeral_of_member(const char *body, const char *name);

/*
 * A copy of the body, to be freed, that a parser takes: members of its object that are numbers which no double
 * holds are others there, still too large for everything but an answer.  NULL: out of memory.
 */
extern char *numerals_held(const char *body, size_t length);

/* Checks an ISO 8601 time; finds what is to be added so that it says day, time and zone. */
extern EdurangeError time_check(const char *text, const char **missing);
