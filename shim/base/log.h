/*
 * log.h
 *	  The log: one JSON object a line on standard error.
 */
#pragma once

#include <stddef.h>

#include <jansson.h>

#define ISO_TIME_LENGTH 25 /* YYYY-MM-DDTHH:MM:SS.mmmZ and the terminator */

#define REQUEST_ID_LENGTH 65

extern void iso_time_now(char text[ISO_TIME_LENGTH]);
extern void log_object(json_t *object);

#define LOG_LINE_LENGTH 512 /* at most, of a line about a request, of which everything is short */

/* Lines about requests are collected in the thread that writes them, until it flushes them. */
extern void log_line(const char *line, size_t length);
extern void log_flush(void);

extern void log_event(const char *level, const char *event, const char *message);

/* The id that the client gave, when it is one that can be logged and sent back, or a new one. */
extern void log_request_id(const char *given, char id[REQUEST_ID_LENGTH]);
