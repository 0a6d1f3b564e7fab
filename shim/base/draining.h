/*
 * draining.h
 *	  Is the shim about to end?
 */
#ifndef EDURANGE_SHIM_DRAINING_H
#define EDURANGE_SHIM_DRAINING_H

#include <stdbool.h>

/* From now on connections are closed after their next response.  Any thread, once. */
extern void draining_begin(void);
extern bool is_draining(void);

#endif
