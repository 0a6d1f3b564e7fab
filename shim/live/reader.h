/*
 * reader.h
 *	  Asks the database how the boards and feeds are that somebody listens to or waits for: one for the whole process.
 */
#pragma once

#include "base/loop.h"
#include "database/database.h"

/* Of a loop: its task is run when there may be news, and it belongs to the loop again then. */
typedef struct ReaderClient
{
	SLIST_ENTRY(ReaderClient) others;
	Loop *loop;
	Task task;
	bool posted;
} ReaderClient;

/* Before any loop runs, in the order of the loops: the first one's database is asked. */
extern void reader_join(ReaderClient *client, Database *database);

/* Somebody has begun to listen, and holds what they listen to by now; from any thread. */
extern void reader_begin(void);

/* Tells all loops; from any thread. */
extern void reader_tell(void);

/* The loop's task is run. */
extern void reader_told(ReaderClient *client);

/* In the first loop: asks when it is time; how long the loop may wait, given how long it would. */
extern int reader_tend(int timeout_ms);
