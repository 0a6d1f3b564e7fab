/*
 * server.h
 *	  The HTTP server: started, drained, stopped.
 */
#ifndef EDURANGE_SHIM_SERVER_H
#define EDURANGE_SHIM_SERVER_H

#include <stdbool.h>

#include "config.h"

extern bool server_start(const Config *config, int fd);
extern void server_stop_accepting(void);
extern bool server_is_draining(void);
extern void server_stop(void);

#endif
