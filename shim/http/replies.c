/*
 * replies.c
 *	  What the database answered as the body of a response, and the headers that say so.
 *
 * Most routes hand on the value of their statement.  The few that must answer without a database
 * make their body here.
 */
#include "http/replies.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/log.h"
#include "database/failure.h"
#include "database/status.h"
#include "describe/openapi.h"
#include "http/metrics.h"

/* The JSON as compact text, to be freed; the JSON is released. */
static char *
text_of_json(json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15));

	json_decref(json);
	return text;
}

/* How the connections to the database do. */
static json_t *
connection_info(bool connected)
{
	DatabaseStatus status;

	database_status(&status);
	return json_pack("{s:s?, s:i, s:s?}", "last_connected",
	                 status.last_connected[0] != '\0' ? status.last_connected : NULL,
	                 "reconnect_attempts", status.reconnect_attempts, "last_error",
	                 connected ? NULL : "connection failed");
}

/* The body of /status: 200 whether or not the database answered. */
static char *
status_body(bool connected)
{
	char time[ISO_TIME_LENGTH];

	iso_time_now(time);
	return text_of_json(json_pack("{s:s, s:s, s:s, s:s, s:o}", "status", "ok", "message",
	                              "the service is running", "database",
	                              connected ? "connected" : "disconnected", "timestamp", time,
	                              "connection_info", connection_info(connected)));
}

/* The body of /ready, from edurange.readiness(). */
static char *
ready_body(const DatabaseResult *result, unsigned *status)
{
	json_t *row = result->ok ? json_loads(result->text, 0, NULL) : NULL;
	json_t *missing = json_object_get(row, "missing");
	bool ready = json_is_true(json_object_get(row, "ready"));
	json_t *body = json_pack("{s:b}", "ready", ready);
	Failure failure = {0};
	const char *reason = "tables are missing or incomplete; run edurange.migrate()";

	if (ready)
		json_object_set(body, "version", json_object_get(row, "version"));
	else
	{
		if (row == NULL)
		{
			failure_from_database(&failure, result);
			reason = failure.info->status == 503 ? failure.message
			                                     : "the database does not answer as it should";
		}
		json_object_set_new(body, "reason", json_string(reason));
		if (json_is_array(missing))
			json_object_set(body, "missing", missing);
		failure_clear(&failure);
	}
	*status = ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
	json_decref(row);
	return text_of_json(body);
}

/* What /health/detailed answers with while the database is away: the same keys without values. */
static json_t *
disconnected_health(void)
{
	char time[ISO_TIME_LENGTH];

	iso_time_now(time);
	return json_pack("{s:s, s:s, s:s, s:s, s:n, s:n, s:{s:i, s:i, s:i}, s:{s:n, s:n},"
	                 " s:{s:i, s:s, s:n}, s:[], s:[], s:s}",
	                 "status", "error", "message", "the database is not available", "database",
	                 "disconnected", "timestamp", time, "version", "uptime", "connections",
	                 "current", 0, "max", 0, "utilization_percent", 0, "performance",
	                 "query_latency_ms", "transaction_latency_ms", "storage", "database_size_mb", 0,
	                 "pretty_size", "0 bytes", "free_space_mb", "metrics_errors", "tables",
	                 "tables_info", "");
}

/* The body of /health/detailed, from edurange.health(). */
static char *
health_body(const DatabaseResult *result, unsigned *status)
{
	json_t *body = result->ok ? json_loads(result->text, 0, NULL) : NULL;

	if (body == NULL)
	{
		*status = MHD_HTTP_SERVICE_UNAVAILABLE;
		body = disconnected_health();
	}
	json_object_set_new(body, "connection_info", connection_info(result->ok));
	return text_of_json(body);
}

char *
reply_body(ResponseKind kind, DatabaseResult *result, unsigned *status, Failure *failure)
{
	char *text;

	if (kind == RESPOND_STATUS)
		return status_body(result->ok);
	if (kind == RESPOND_READY)
		return ready_body(result, status);
	if (kind == RESPOND_METRICS)
		return metrics_text(result);
	if (!result->ok)
		failure_from_database(failure, result);
	if (kind == RESPOND_HEALTH && (result->ok || failure->info->status == 503))
	{
		failure_clear(failure);
		return health_body(result, status);
	}
	if (!result->ok)
		return NULL;
	text = result->text;
	result->text = NULL;
	return text;
}

char *
reply_without_database(ResponseKind kind)
{
	switch (kind)
	{
		case RESPOND_OPENAPI:
			return strdup(openapi_text());
		case RESPOND_DOCS:
			return strdup(openapi_page());
		default:
			return strdup("{\"live\":true}");
	}
}

const char *
reply_type(ResponseKind kind)
{
	switch (kind)
	{
		case RESPOND_DOCS:
			return "text/html; charset=utf-8";
		case RESPOND_METRICS:
			return "text/plain; version=0.0.4; charset=utf-8";
		default:
			return "application/json";
	}
}

const char *
reply_unready_shape(ResponseKind kind)
{
	if (kind == RESPOND_READY)
		return "ready:boolean reason:text missing?:text[]";
	return kind == RESPOND_HEALTH ? "jsonb" : NULL;
}

/* Adds a header whose value is a member of a JSON object: a text, or anything else as JSON. */
static void
add_member(struct MHD_Response *response, const char *header, const json_t *member)
{
	const char *text = json_string_value(member);
	char *other = text == NULL ? json_dumps(member, JSON_ENCODE_ANY) : NULL;

	if (text != NULL || other != NULL)
		MHD_add_response_header(response, header, text != NULL ? text : other);
	free(other);
}

void
reply_add_limits(struct MHD_Response *response, const char *body)
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
	json_t *json = json_loads(body, 0, NULL);

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
	{
		const json_t *member = json_object_get(json, limits[i].member);

		if (member != NULL && !json_is_null(member))
			add_member(response, limits[i].header, member);
	}
	json_decref(json);
}
