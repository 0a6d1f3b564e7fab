/*
 * server.h
 *	  The HTTP server: one event loop for each core, and the thread that accepts connections.
 */
#pragma once

#include <stdbool.h>

#include "config/config.h"

/* metrics_fd is that of the port of the metrics; -1: none. */
extern bool server_start(const Config *config, int fd, int metrics_fd);
extern void server_stop_accepting(void);
extern void server_end_requests(void);
extern void server_stop(void);
