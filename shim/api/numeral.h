/*
 * numeral.h
 *	  A number in a request written out, as the database writes one.
 */
#ifndef SHIM_NUMERAL_H
#define SHIM_NUMERAL_H

#include <stdbool.h>

#include "base/errors.h"

#define NUMERAL_SIZE (EDURANGE_MOST_DIGITS + 3) /* sign, point, end */

/*
 * Writes a number of a JSON text without its exponent: 1e3 is 1000, -0 is 0, 1.50 stays.  Returns false, having
 * written nothing, where it would have more than EDURANGE_MOST_DIGITS.
 */
extern bool numeral_write_out(const char *numeral, char out[NUMERAL_SIZE]);

#endif
