/*
 * server.h
 *	  The HTTP server: one event loop for each core, and the thread that accepts connections.
 */
#ifndef EDURANGE_SHIM_SERVER_H
#define EDURANGE_SHIM_SERVER_H

#include <stdbool.h>

#include "config/config.h"

extern bool server_start(const Config *config, int fd);

/* The metrics, asked for in a thread of no loop; to be freed. */
extern char *server_ask_metrics(void);

extern void server_stop_accepting(void);
extern void server_stop(void);

#endif
