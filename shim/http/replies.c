/*
 * replies.c
 *	  What the database answered as the body of a response, and the headers that say so.
 *
 * Most routes hand on the value of their statement.  Those that tell how the service is have a body in the route
 * table for when the database is away, and what only the shim knows is filled in here.
 */
#include "http/request.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/log.h"
#include "database/opener.h"
#include "describe/documents.h"
#include "http/metrics.h"

/*
 * The body of a route that tells how the service is.  Members that are null and that only the shim
 * knows are filled in.
 */
static char *
report_body(const Route *route, const DatabaseResult *result, const char *reason, unsigned *status)
{
	json_t *body = json_loads(result->ok ? result->text : route->away, 0, NULL);
	DatabaseStatus connections = database_status();
	char time[ISO_TIME_LENGTH];
	char *text;

	iso_time_now(time);
	if (json_is_null(json_object_get(body, "timestamp")))
		json_object_set_new(body, "timestamp", json_string(time));
	if (json_is_null(json_object_get(body, "reason")))
		json_object_set_new(body, "reason", json_string(reason));
	if (route->response != RESPOND_READY)
		json_object_set_new(
		    body, "connection_info",
		    json_pack("{s:s?, s:i, s:s?}", "last_connected",
		              connections.last_connected[0] != '\0' ? connections.last_connected : NULL,
		              "reconnect_attempts", connections.reconnect_attempts, "last_error",
		              result->ok ? NULL : "connection failed"));
	if (route->response == RESPOND_HEALTH ? !result->ok
	                                      : json_is_false(json_object_get(body, "ready")))
		*status = MHD_HTTP_SERVICE_UNAVAILABLE;
	text = json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(15));
	json_decref(body);
	return text;
}

char *
reply_body(const Route *route, DatabaseResult *result, unsigned *status, Failure *failure)
{
	const char *reason = "the database does not answer as it should";
	char *text = NULL;

	if (!result->ok)
		failure_from_database(failure, result);
	if (route->response == RESPOND_METRICS && (result->ok || failure->info->status >= 500))
	{
		failure_clear(failure);
		return metrics_text(result);
	}
	if (route->away != NULL &&
	    (result->ok || route->open ||
	     (failure->info->status == 503 && failure->info != &errors[EDURANGE_NOT_INSTALLED])))
	{
		if (!result->ok && failure->info->status == 503)
			reason = failure->message;
		text = report_body(route, result, reason, status);
		failure_clear(failure);
	}
	else if (result->ok)
	{
		text = result->text;
		result->text = NULL;
	}
	return text;
}

char *
reply_without_database(const Route *route)
{
	switch (route->response)
	{
		case RESPOND_OPENAPI:
			return strdup(openapi_document);
		case RESPOND_DOCS:
			return strdup(openapi_page);
		case RESPOND_BOARD_PAGE:
			return strdup(board_page);
		default:
			return strdup(route->away);
	}
}

char *
reply_take_file(const char **bytes, size_t *length)
{
	size_t line = strcspn(*bytes, "\n");
	char *file = strndup(*bytes, line);

	/* three texts, one behind the other */
	for (char *tab = file; tab != NULL && (tab = strchr(tab, '\t')) != NULL; tab++)
		*tab = '\0';
	*bytes += line + 1;
	*length -= line + 1;
	return file;
}

void
reply_add_file(struct MHD_Response *response, const char *file)
{
	const char *name = file + strlen(file) + 1;
	const char *warning = name + strlen(name) + 1;
	char *disposition = NULL;

	if (name[0] != '\0' && asprintf(&disposition, "attachment; filename=\"%s\"", name) > 0)
		MHD_add_response_header(response, "Content-Disposition", disposition);
	if (warning[0] != '\0')
		MHD_add_response_header(response, "X-Warning", warning);
	free(disposition);
}

void
reply_add_limits(struct MHD_Response *response, const json_t *members)
{
	static const struct
	{
		const char *header;
		const char *member;
	} limits[] = {
	    {"X-RateLimit-Limit", "attemptLimit"},
	    {"X-RateLimit-Remaining", "attemptsRemaining"},
	    {"X-RateLimit-Reset", "resetTime"},
	    {"Retry-After", "retryAfter"},
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
	{
		const json_t *member = json_object_get(members, limits[i].member);
		char *text = json_is_string(member) ? strdup(json_string_value(member)) : NULL;

		if (json_is_integer(member))
			text = json_dumps(member, JSON_ENCODE_ANY);
		if (text != NULL)
			MHD_add_response_header(response, limits[i].header, text);
		free(text);
	}
}

bool
reply_awards(const Route *route, const json_t *members)
{
	return (route->award_if == NULL || json_is_true(json_object_get(members, route->award_if))) &&
	       !json_is_true(json_object_get(members, route->award_unless));
}
