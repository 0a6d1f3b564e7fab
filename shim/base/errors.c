/*
 * errors.c
 *	  What goes wrong, as HTTP: the error table of the extension seen from the other side.
 *
 * Every error has a row of extension/base/errors.h, and one form of body.
 */
#include "base/errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define ERROR_INFO(id, name, sqlstate, status, meaning)                                            \
	[EDURANGE_##id] = {name, sqlstate, status, meaning},
const ErrorInfo errors[EDURANGE_ERROR_COUNT] = {EDURANGE_ERRORS(ERROR_INFO)};
#undef ERROR_INFO

/* Frees what the failure holds and makes it mean success again. */
void
failure_clear(Failure *failure)
{
	free(failure->message);
	free(failure->detail);
	free(failure->hint);
	memset(failure, 0, sizeof(*failure));
}

bool
failure_set(Failure *failure, EdurangeError error, const char *format, ...)
{
	va_list arguments;

	failure_clear(failure);
	failure->info = &errors[error];
	va_start(arguments, format);
	if (vasprintf(&failure->message, format, arguments) < 0)
		failure->message = NULL;
	va_end(arguments);
	return false;
}

/*
 * The body of an error, to be released.  Some errors say more than a sentence: the database sends a
 * list of violations, or members of the body, as JSON in the detail.
 */
json_t *
failure_body(const Failure *failure, const char *request_id)
{
	json_t *body = json_object();
	const char *said = failure->detail != NULL ? failure->detail : "";
	json_t *detail = said[0] == '[' || said[0] == '{' ? json_loads(said, 0, NULL) : NULL;

	json_object_set_new(body, "error",
	                    json_string(failure->message ? failure->message : failure->info->name));
	json_object_set_new(body, "code", json_string(failure->info->name));
	if (json_is_array(detail))
		json_object_set(body, "validation_errors", detail);
	else if (json_is_object(detail))
		json_object_update(body, detail);
	else if (failure->detail != NULL)
		json_object_set_new(body, "detail", json_string(failure->detail));
	json_decref(detail);
	if (failure->hint != NULL)
		json_object_set_new(body, "hint", json_string(failure->hint));
	json_object_set_new(body, "requestId", json_string(request_id));
	return body;
}
