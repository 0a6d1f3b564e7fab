/*
 * log.c
 *	  One JSON object a line on standard error; only whole lines are written.
 *
 * What is logged is chosen by the caller; nothing here adds text that came with a request.  What is collected belongs to
 * its thread.  Loops write the log, so none waits for who reads it: what standard error does not take at once is lost, and
 * counted.
 */
#include "base/log.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/counters.h"

#define BUFFER_LENGTH 16384

/* The lines of this thread that are not written yet. */
static _Thread_local struct
{
	char text[BUFFER_LENGTH];
	size_t length;
} buffer;

/* The time now as UTC with milliseconds, the form that all of the interface uses. */
void
iso_time_now(char text[ISO_TIME_LENGTH])
{
	struct timespec now;
	struct tm utc;
	size_t used;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	used = strftime(text, ISO_TIME_LENGTH, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + used, ISO_TIME_LENGTH - used, ".%03dZ", (int) (now.tv_nsec / 1000000));
}

/*
 * Writes lines to standard error.  It may be a pipe, whose other descriptors would not like it if it did not block any
 * more; but one that is ready takes PIPE_BUF bytes without that, where nobody else writes between the question and them.
 */
static void
write_out(const char *text, size_t length)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

	while (length > 0)
	{
		struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
		size_t piece = length < PIPE_BUF ? length : PIPE_BUF;
		const char *end = memrchr(text, '\n', piece);

		if (end != NULL)
			piece = (size_t) (end - text) + 1;
		pthread_mutex_lock(&lock);
		if (poll(&ready, 1, 0) <= 0 || write(STDERR_FILENO, text, piece) < 0)
			for (size_t i = 0; i < piece; i++)
				counter_add(COUNTER_LOST_LINES, text[i] == '\n');
		pthread_mutex_unlock(&lock);
		text += piece;
		length -= piece;
	}
}

void
log_flush(void)
{
	if (buffer.length > 0)
		write_out(buffer.text, buffer.length);
	buffer.length = 0;
}

void
log_line(const char *line, size_t length)
{
	if (buffer.length + length > sizeof(buffer.text))
		log_flush();
	memcpy(buffer.text + buffer.length, line, length);
	buffer.length += length;
}

/* Writes one line, time first; frees the object. */
void
log_object(json_t *object)
{
	char time[ISO_TIME_LENGTH];
	json_t *line = json_object();
	char *text;

	iso_time_now(time);
	json_object_set_new(line, "time", json_string(time));
	json_object_update(line, object);
	json_decref(object);
	text = json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(12));
	json_decref(line);
	if (text != NULL)
	{
		size_t length = strlen(text);

		text[length] = '\n';
		write_out(text, length + 1);
		free(text);
	}
}

/* Reports something that is not a request, such as the start or a lost database. */
void
log_event(const char *level, const char *event, const char *message)
{
	log_object(json_pack("{s:s, s:s, s:s}", "level", level, "event", event, "message", message));
}

void
log_request_id(const char *given, char id[REQUEST_ID_LENGTH])
{
	static const char allowed[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	unsigned long long random[2];

	if (given != NULL && given[0] != '\0' && strlen(given) < REQUEST_ID_LENGTH &&
	    strspn(given, allowed) == strlen(given))
	{
		snprintf(id, REQUEST_ID_LENGTH, "%s", given);
		return;
	}
	while (getrandom(random, sizeof(random), 0) < 0)
		;
	snprintf(id, REQUEST_ID_LENGTH, "%016llx%016llx", random[0], random[1]);
}
