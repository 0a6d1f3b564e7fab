/*
 * errors.h
 *	  What goes wrong, as HTTP: the error table of the extension seen from the other side.
 */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "../../extension/base/errors.h"

typedef struct ErrorInfo
{
	const char *name;
	const char *sqlstate;
	unsigned status;
	const char *meaning; /* a sentence */
} ErrorInfo;

/* A refusal or failure on its way to the client.  Zeroed means that nothing failed. */
typedef struct Failure
{
	const ErrorInfo *info;
	char *message;
	char *detail;
	char *hint;
} Failure;

extern const ErrorInfo errors[EDURANGE_ERROR_COUNT];

/* Makes a failure of the shim's own; always false. */
extern bool failure_set(Failure *failure, EdurangeError error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
extern json_t *failure_body(const Failure *failure, const char *request_id);
extern void failure_clear(Failure *failure);
