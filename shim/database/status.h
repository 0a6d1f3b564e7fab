/*
 * status.h
 *	  How connecting to the database has been going, in all threads together.
 */
#ifndef EDURANGE_SHIM_STATUS_H
#define EDURANGE_SHIM_STATUS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct DatabaseStatus
{
	char last_connected[32]; /* empty: never */
	int reconnect_attempts;  /* failed ones since the last that worked */
	bool failing;
} DatabaseStatus;

extern void database_status(DatabaseStatus *status);

/* Notes how an attempt to connect went; NULL: it worked. */
extern void status_note_attempt(const char *error);

/* Notes that the server at the other end answered. */
extern void status_note_alive(void);

/* When a connection was opened last, by now_ms(). */
extern int64_t status_last_success(void);

#endif
