/*
 * server.h
 *	  The HTTP server: one event loop for each core, and the thread that accepts connections.
 */
#ifndef EDURANGE_SHIM_SERVER_H
#define EDURANGE_SHIM_SERVER_H

#include <stdbool.h>

#include "access/tokens.h"
#include "config/config.h"
#include "database/database.h"

/* One event loop as a request sees it. */
typedef struct Worker
{
	const Config *config;
	Loop *loop;
	Database *database;
	Tokens *tokens;
	bool resumed; /* a connection was resumed: its response is to be sent in this turn */
} Worker;

extern bool server_start(const Config *config, int fd);
/* Open HTTP connections. */
extern int server_connections(void);

/* The metrics, asked for in a thread of no loop; to be freed. */
extern char *server_ask_metrics(void);

extern void server_stop_accepting(void);
extern bool server_is_draining(void);
extern void server_stop(void);

#endif
