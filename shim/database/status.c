/*
 * status.c
 *	  How connecting to the database has been going, in all threads together.
 */
#include "database/status.h"

#include <pthread.h>

#include "base/log.h"
#include "base/loop.h"

static struct
{
	pthread_mutex_t lock;
	DatabaseStatus status;
	int64_t last_success;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Notes how an attempt went; the first failure and the recovery are logged. */
void
status_note_attempt(const char *error)
{
	bool changed;

	pthread_mutex_lock(&state.lock);
	changed = state.status.failing != (error != NULL);
	state.status.failing = error != NULL;
	if (error != NULL)
		state.status.reconnect_attempts++;
	else
	{
		state.status.reconnect_attempts = 0;
		state.last_success = now_ms();
		iso_time_now(state.status.last_connected);
	}
	pthread_mutex_unlock(&state.lock);
	if (changed && error != NULL)
		log_event("error", "database_lost", error);
	else if (changed)
		log_event("info", "database_connected", "connected to the database");
}

void
status_note_alive(void)
{
	pthread_mutex_lock(&state.lock);
	iso_time_now(state.status.last_connected);
	pthread_mutex_unlock(&state.lock);
}

/* When a connection was opened last, by now_ms(). */
int64_t
status_last_success(void)
{
	int64_t when;

	pthread_mutex_lock(&state.lock);
	when = state.last_success;
	pthread_mutex_unlock(&state.lock);
	return when;
}

void
database_status(DatabaseStatus *status)
{
	pthread_mutex_lock(&state.lock);
	*status = state.status;
	pthread_mutex_unlock(&state.lock);
}
