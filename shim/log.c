/*
 * log.c
 *	  One JSON object a line on standard error, each written by a single call.
 *
 * What is logged is chosen by the caller; nothing here adds text that came with a request.
 */
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

/* The time now as UTC with milliseconds, the form that all of the interface uses. */
void
iso_time_now(char text[ISO_TIME_LENGTH])
{
	struct timespec now;
	struct tm utc;
	char seconds[ISO_TIME_LENGTH - 5];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text, ISO_TIME_LENGTH, "%s.%03dZ", seconds, (int) (now.tv_nsec / 1000000));
}

/* Writes one line, time first; frees the object.  Lines of several threads never mix. */
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
		if (write(STDERR_FILENO, text, length + 1) < 0)
		{
			/* there is nowhere left to report this to */
		}
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
	unsigned char bytes[16];

	if (given != NULL && given[0] != '\0' && strlen(given) < REQUEST_ID_LENGTH &&
	    strspn(given, allowed) == strlen(given))
	{
		snprintf(id, REQUEST_ID_LENGTH, "%s", given);
		return;
	}
	if (getrandom(bytes, sizeof(bytes), 0) < 0)
		memset(bytes, 0, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}
