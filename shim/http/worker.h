/*
 * worker.h
 *	  One event loop as a request sees it.
 */
#ifndef EDURANGE_SHIM_WORKER_H
#define EDURANGE_SHIM_WORKER_H

#include <stdbool.h>

#include "access/tokens.h"
#include "base/loop.h"
#include "config/config.h"
#include "database/database.h"

typedef struct Worker
{
	const Config *config;
	Loop *loop;
	Database *database;
	Tokens *tokens;
	bool resumed; /* a connection was resumed: its response is to be sent in this turn */
} Worker;

#endif
