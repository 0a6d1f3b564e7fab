/*
 * http.h
 *	  The HTTP server: started, drained, stopped.
 */
#ifndef EDURANGE_SHIM_HTTP_H
#define EDURANGE_SHIM_HTTP_H

#include <stdbool.h>

#include "config.h"

extern bool http_start(const Config *config, int fd);
extern void http_stop_accepting(void);
extern int http_in_flight(void);
extern void http_stop(void);

#endif
