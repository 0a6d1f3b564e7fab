/*
 * faults.h
 *	  Rows of the route and statement tables that cannot work.
 */
#ifndef EDURANGE_SHIM_FAULTS_H
#define EDURANGE_SHIM_FAULTS_H

#include <stdbool.h>

/* Is there any?  Each is named on the standard error output. */
extern bool find_faults(void);

#endif
