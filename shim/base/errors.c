/*
 * errors.c
 *	  SQLSTATE to name and HTTP status, and the one body that every error has.
 *
 * The names come from extension/errors.h.  What that table does not have falls back on the class of
 * the SQLSTATE.  A failure of 500 and above never carries the server's own text.
 */
#include "base/errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define ERROR_INFO(id, name, sqlstate, status, meaning)                                            \
	[EDURANGE_##id] = {name, sqlstate, status, meaning},
static const ErrorInfo errors[EDURANGE_ERROR_COUNT] = {EDURANGE_ERRORS(ERROR_INFO)};
#undef ERROR_INFO

/* What the client reads when the server's text must not be shown. */
static const char *const neutral_messages[EDURANGE_ERROR_COUNT] = {
    [EDURANGE_INTERNAL] = "internal error",
    [EDURANGE_UNAVAILABLE] = "the database is not available at the moment",
    [EDURANGE_READ_ONLY] = "the database takes no writes at the moment",
    [EDURANGE_NOT_INSTALLED] = "the database is not set up for this service",
    [EDURANGE_TRY_AGAIN] = "the request collided with another one and changed nothing",
    [EDURANGE_TIMEOUT] = "the database did not answer in time",
};

/* SQLSTATEs, or beginnings of them, that the error table leaves to PostgreSQL. */
static const struct
{
	const char *prefix;
	EdurangeError error;
} fallbacks[] = {
    {"42883", EDURANGE_NOT_INSTALLED}, {"42P01", EDURANGE_NOT_INSTALLED},
    {"42704", EDURANGE_NOT_INSTALLED}, {"3F000", EDURANGE_NOT_INSTALLED},
    {"40P01", EDURANGE_TRY_AGAIN},     {"57P0", EDURANGE_UNAVAILABLE},
    {"08", EDURANGE_UNAVAILABLE},      {"53", EDURANGE_UNAVAILABLE},
    {"23", EDURANGE_CONFLICT},
};

/* The row for a SQLSTATE: exactly, by class, or "internal". */
static const ErrorInfo *
find_error(const char *sqlstate)
{
	if (sqlstate[0] == '\0')
		return &errors[EDURANGE_UNAVAILABLE];
	for (int i = EDURANGE_OK + 1; i < EDURANGE_ERROR_COUNT; i++)
	{
		if (strcmp(errors[i].sqlstate, sqlstate) == 0)
			return &errors[i];
	}
	for (size_t i = 0; i < sizeof(fallbacks) / sizeof(fallbacks[0]); i++)
	{
		if (strncmp(sqlstate, fallbacks[i].prefix, strlen(fallbacks[i].prefix)) == 0)
			return &errors[fallbacks[i].error];
	}
	return &errors[EDURANGE_INTERNAL];
}

const ErrorInfo *
error_info(EdurangeError error)
{
	return &errors[error];
}

/* Frees what the failure holds and makes it mean success again. */
void
failure_clear(Failure *failure)
{
	free(failure->message);
	free(failure->detail);
	free(failure->hint);
	memset(failure, 0, sizeof(*failure));
}

/* Makes a failure of the shim's own. */
void
failure_set(Failure *failure, EdurangeError error, const char *format, ...)
{
	va_list arguments;

	failure_clear(failure);
	failure->info = &errors[error];
	va_start(arguments, format);
	if (vasprintf(&failure->message, format, arguments) < 0)
		failure->message = NULL;
	va_end(arguments);
}

/* Makes a failure of what the database reported; the texts are passed on below 500 only. */
void
failure_from_database(Failure *failure, const DatabaseResult *result)
{
	failure_clear(failure);
	failure->info = find_error(result->sqlstate);
	/* an integrity violation that no function foresaw: its text would show rows */
	if (failure->info == &errors[EDURANGE_CONFLICT])
		failure->message = strdup("the request conflicts with what exists already");
	else if (failure->info->status >= 500)
	{
		const char *neutral = neutral_messages[failure->info - errors];

		failure->message = strdup(neutral != NULL ? neutral : "internal error");
	}
	else
	{
		failure->message = strdup(result->message != NULL ? result->message : "request refused");
		failure->detail = result->detail != NULL ? strdup(result->detail) : NULL;
		failure->hint = result->hint != NULL ? strdup(result->hint) : NULL;
	}
}

/* The detail as JSON, where it is some: a list of violations, or members of the body. */
static json_t *
detail_json(const Failure *failure)
{
	const char *detail = failure->detail;

	if (detail == NULL || (detail[0] != '[' && detail[0] != '{'))
		return NULL;
	return json_loads(detail, 0, NULL);
}

/*
 * The body of an error, to be released.  Some errors say more than a sentence: the database sends a
 * list of violations, or members of the body, as JSON in the detail.
 */
json_t *
failure_body(const Failure *failure, const char *request_id)
{
	json_t *body = json_object();
	json_t *detail = detail_json(failure);

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
