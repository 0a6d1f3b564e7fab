/*
 * response.c
 *	  The response to a request, with its headers, and the line that the log gets.
 *
 * Two refusals cannot go through libmicrohttpd, which still waits for more: that of a request that has not come in whole
 * in time, or is on a connection too many; and that of a body that is still coming.  They are written to the socket, and
 * differ in nothing else.
 */
#include "http/request.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "describe/documents.h"
#include "http/metrics.h"

#define RETRY_SECONDS "1"  /* after a 503 */
#define LARGE_ANSWER 65536 /* bytes that a socket may not take at once */
#define NOTHING_LOADED "default-src 'none'; frame-ancestors 'none'"

/* Is each connection to be closed after its next response? */
static atomic_bool closing;

void
response_close_connections(void)
{
	atomic_store(&closing, true);
}

bool
response_is_closing(void)
{
	return atomic_load(&closing);
}

/* What the body is: an error is JSON on every route. */
static const char *
media_type(const Request *request)
{
	const Route *route = request->match.route;

	if (request->file != NULL && request->failure.info == NULL)
		return request->file;
	return media_types[route != NULL && request->failure.info == NULL ? route->response
	                                                                  : RESPOND_VALUE];
}

/* What a browser that shows the response may load and run: of a page what stands in it, by its hash. */
static const char *
content_policy(const Request *request)
{
	const Route *route = request->match.route;

	if (route == NULL || request->failure.info != NULL)
		return NOTHING_LOADED;
	return route->response == RESPOND_DOCS         ? openapi_page_policy
	       : route->response == RESPOND_BOARD_PAGE ? board_page_policy
	                                               : NOTHING_LOADED;
}

/* Is the origin in a list that is separated by commas or spaces? */
static bool
is_listed(const char *list, const char *origin)
{
	size_t wanted = strlen(origin);

	for (const char *at = list + strspn(list, " ,"); *at != '\0'; at += strspn(at, " ,"))
	{
		size_t length = strcspn(at, " ,");

		if (length == wanted && strncmp(at, origin, length) == 0)
			return true;
		at += length;
	}
	return false;
}

/*
 * Which pages of other origins may read the answer (CORS): none, unless EDURANGE_CORS_ORIGINS names their
 * origin or is "*".
 */
static void
add_cors_headers(const Request *request, struct MHD_Response *response)
{
	const char *allowed = request->config != NULL ? request->config->cors_origins : NULL;
	const char *origin = request_header(request, "Origin");
	const char *asked = request_header(request, "Access-Control-Request-Headers");
	bool any;

	if (allowed == NULL)
		return;
	any = strcmp(allowed, "*") == 0;
#define HEADER(name, value) MHD_add_response_header(response, name, value)
	if (!any)
		HEADER(MHD_HTTP_HEADER_VARY, "Origin");
	if (!any && (origin == NULL || !is_listed(allowed, origin)))
		return;
	HEADER("Access-Control-Allow-Origin", any ? "*" : origin);
	HEADER(
	    "Access-Control-Expose-Headers",
	    "X-Request-Id, Retry-After, Content-Disposition, X-Warning, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset");
	if (strcmp(request->method, "OPTIONS") == 0 && request->match.path_found)
	{
		HEADER("Access-Control-Allow-Methods", request->match.allow);
		HEADER("Access-Control-Allow-Headers",
		       asked != NULL
		           ? asked
		           : "Authorization, Content-Type, Idempotency-Key, X-Acting-User, X-Request-Id");
		HEADER("Access-Control-Max-Age", "600");
	}
#undef HEADER
}

/* The headers that every response has, and those that its status asks for. */
static void
add_headers(const Request *request, struct MHD_Response *response)
{
#define HEADER(name, value) MHD_add_response_header(response, name, value)
	HEADER(MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	HEADER("X-Request-Id", request->id);
	HEADER("X-Content-Type-Options", "nosniff");
	HEADER("Content-Security-Policy", content_policy(request));
	if (request->status != MHD_HTTP_NO_CONTENT)
		HEADER(MHD_HTTP_HEADER_CONTENT_TYPE, media_type(request));
	if (request->match.path_found && request->match.route == NULL)
		HEADER(MHD_HTTP_HEADER_ALLOW, request->match.allow);
	if (request->status == MHD_HTTP_UNAUTHORIZED)
		HEADER(MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	if (request->stream != NULL)
		HEADER("X-Accel-Buffering", "no"); /* nginx would keep what there is to tell */
	if (request->status == MHD_HTTP_SERVICE_UNAVAILABLE)
		HEADER(MHD_HTTP_HEADER_RETRY_AFTER, RETRY_SECONDS);
	if (request->close || atomic_load(&closing))
		HEADER(MHD_HTTP_HEADER_CONNECTION, "close");
#undef HEADER
	add_cors_headers(request, response);
}

/* Makes the body of the response from the request's failure. */
static void
make_refusal(Request *request)
{
	request->status = request->failure.info->status;
	free(request->reply);
	json_decref(request->members);
	if (request->match.route != NULL)
		params_rename(request->match.route, &request->values, &request->failure);
	request->members = failure_body(&request->failure, request->id);
	request->reply = json_dumps(request->members, JSON_COMPACT | JSON_PRESERVE_ORDER);
}

/* Makes the response, which takes the body over; NULL when memory is short. */
static struct MHD_Response *
make_response(Request *request)
{
	struct MHD_Response *response;

	if (request->failure.info != NULL)
		make_refusal(request);
	else if (request->match.route == NULL)
	{
		request->status = MHD_HTTP_NO_CONTENT;
		request->reply = strdup("");
	}
	if (request->failure.info == NULL && request->stream != NULL)
	{
		free(request->reply); /* what let it begin */
		request->reply = NULL;
		response = request->stream;
	}
	else if (request->failure.info == NULL && request->file != NULL)
		response = spool_response(&request->spool);
	else if (request->reply == NULL)
		return NULL;
	else
		response = MHD_create_response_from_buffer(strlen(request->reply), request->reply,
		                                           MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		return NULL;
	if (request->match.route != NULL && request->match.route->limited)
		reply_add_limits(response, request->members);
	if (request->file != NULL && request->failure.info == NULL)
		reply_add_file(response, request->file);
	add_headers(request, response);
	return response;
}

/*
 * Lets the connection be silent while a large answer goes out, which has a time of its own.  libmicrohttpd hears of room
 * only once a third of what the system holds for it has gone, and would take who reads slowly for one that is idle.
 */
static void
bear_silence(Request *request)
{
	request->silent =
	    request->stream == NULL &&
	    (request->file != NULL || strnlen(request->reply, LARGE_ANSWER) == LARGE_ANSWER);
	if (request->silent)
		(void) MHD_set_connection_option(request->connection, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
}

/* Sends the response. */
enum MHD_Result
response_send(Request *request)
{
	struct MHD_Response *response = make_response(request);
	enum MHD_Result queued;

	if (response == NULL)
		return MHD_NO;
	bear_silence(request);
	/* what there is to say of a failure may be much */
	if (request->failure.info != NULL)
		(void) request_hold(request, request->held + strlen(request->reply));
	json_decref(request->members);
	request->members = NULL;
	request->reply = NULL;
	client_enter(request->client, CLIENT_SENDING);
	queued = MHD_queue_response(request->connection, request->status, response);
	MHD_destroy_response(response);
	return queued;
}

/* Callback: writes a header. */
static enum MHD_Result
put_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	fprintf(cls, "%s: %s\r\n", name, value);
	return MHD_YES;
}

void
response_tell(Request *request, int fd)
{
	struct MHD_Response *response;
	char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	if (request->id[0] == '\0')
		log_request_id(NULL, request->id);
	/* whatever libmicrohttpd still hands over of the request is not looked at */
	request->told = request->close = true;
	request->phase = PHASE_ANSWERED;
	response = make_response(request);
	if (file != NULL && response != NULL && request->reply != NULL)
	{
		fprintf(file, "HTTP/1.1 %u %s\r\n", request->status,
		        MHD_get_reason_phrase_for(request->status));
		MHD_get_response_headers(response, put_header, file);
		fprintf(file, "Content-Length: %zu\r\n\r\n%s", strlen(request->reply),
		        strcmp(request->method, "HEAD") != 0 ? request->reply : "");
		fflush(file);
		(void) send(fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	}
	if (response != NULL)
	{
		request->reply = NULL;
		MHD_destroy_response(response);
	}
	if (file != NULL)
		fclose(file);
	free(text);
}

/* The method, unless the client made it up. */
static const char *
known_method(const char *method)
{
	static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i], method) == 0)
			return method;
	return "other";
}

/* Writes the request's line; neither path nor query, which may hold what must not be kept. */
void
response_log(const Request *request)
{
	const Route *route = request->match.route;
	char time[ISO_TIME_LENGTH];
	char line[LOG_LINE_LENGTH];
	int64_t us = request_age_us(request);
	int length;

	/* (how long somebody listens or waits says nothing of how fast answers come) */
	metrics_request(route, request->status,
	                (double) (request->first_us > 0 ? request->first_us : us) / 1e6);
	iso_time_now(time);
	/* none of these has a character that JSON escapes */
	length =
	    snprintf(line, sizeof(line),
	             "{\"time\":\"%s\",\"level\":\"%s\",\"id\":\"%s\",\"method\":\"%s\","
	             "\"route\":%s%s%s,\"status\":%u,\"ms\":%" PRId64 ".%03" PRId64
	             ",\"backend\":%d,\"sqlstate\":%s%s%s,"
	             "\"tier\":\"%s\"}\n",
	             time, request->status >= 500 ? "error" : "info", request->id,
	             known_method(request->method), route != NULL ? "\"" : "",
	             route != NULL ? route->path : "null", route != NULL ? "\"" : "", request->status,
	             us / 1000, us % 1000, request->backend, request->sqlstate[0] != '\0' ? "\"" : "",
	             request->sqlstate[0] != '\0' ? request->sqlstate : "null",
	             request->sqlstate[0] != '\0' ? "\"" : "", tier_name(request->identity.tier));
	log_line(line, (size_t) length);
}
