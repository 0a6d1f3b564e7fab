/*
 * faults.h
 *	  Rows of the route and statement tables that cannot work.
 */
#pragma once

#include <stdbool.h>

/* Is there any?  Each is named on the standard error output. */
extern bool find_faults(void);
