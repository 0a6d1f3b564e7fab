/*
 * spool.h
 *	  The body of a response that comes in pieces and may be large: it waits in a file, not in memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <microhttpd.h>

typedef struct Spool
{
	bool open; /* the rest says nothing before that */
	bool in_memory;
	int fd;
	uint64_t length;
} Spool;

/* Adds a piece; false: there is no room.  What is in files is counted until it is freed. */
extern bool spool_write(Spool *spool, const char *bytes, size_t length);

/* The response that sends it, which takes the file over, but not its length; NULL: out of memory. */
extern struct MHD_Response *spool_response(Spool *spool);

extern void spool_free(Spool *spool);
