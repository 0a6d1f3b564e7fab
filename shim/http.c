/*
 * http.c
 *	  From the bytes of a request to the response, over libmicrohttpd.
 *
 * A request belongs to one thread at a time: to libmicrohttpd's until its connection is suspended,
 * then to the callback of the database, and back when the connection is resumed.  It is made by the
 * first callback (which sees the target as it was sent) and freed only when libmicrohttpd says that
 * the request is over, whatever the reason; that is also where it is logged.
 */
#include "http.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>

#include "auth.h"
#include "database.h"
#include "errors.h"
#include "log.h"
#include "params.h"
#include "replies.h"

#define URI_LIMIT 8192
#define MEMORY_PER_CONNECTION (64 * 1024)
#define SWALLOW_LIMIT (64 * 1024 * 1024) /* bytes read and dropped so that a refusal can be read */
#define BODY_FIRST_SIZE 4096

typedef enum Phase
{
	PHASE_NEW,
	PHASE_RECEIVING,
	PHASE_ANSWERED
} Phase;

typedef struct Request
{
	struct MHD_Connection *connection;
	Phase phase;
	char id[REQUEST_ID_LENGTH];
	char method[16];
	char *uri;
	Target target;
	RouteMatch match;

	char *body; /* always followed by a null byte */
	size_t body_length;
	size_t body_room;
	size_t swallowed;

	bool has_token;
	char token_hash[TOKEN_HASH_LENGTH];
	Caller caller;
	Values values;

	bool suspended;
	bool close; /* the connection, after the response */
	Failure failure;
	char *reply; /* body of the response */
	unsigned status;
	char sqlstate[6];
	struct timespec begun;
} Request;

static struct
{
	const Config *config;
	struct MHD_Daemon *daemon;
	atomic_int in_flight;
	atomic_bool draining;
} server;

/* Is the media type of the body JSON?  What follows a semicolon does not matter. */
static bool
is_json_type(const char *type)
{
	static const char json[] = "application/json";
	size_t length;

	if (type == NULL)
		return false;
	type += strspn(type, " \t");
	length = strcspn(type, "; \t");
	return length == strlen(json) && strncasecmp(type, json, length) == 0;
}

/* Refuses a body by its headers. */
static void
check_body_headers(Request *request)
{
	const char *type = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
	                                               MHD_HTTP_HEADER_CONTENT_TYPE);
	const char *length = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
	                                                 MHD_HTTP_HEADER_CONTENT_LENGTH);

	if (!is_json_type(type))
		failure_set(&request->failure, EDURANGE_UNSUPPORTED_MEDIA_TYPE,
		            "the request body must have the Content-Type application/json");
	else if (length != NULL &&
	         strtoull(length, NULL, 10) > (unsigned long long) server.config->max_body)
		failure_set(&request->failure, EDURANGE_PAYLOAD_TOO_LARGE,
		            "the request body may have at most %d bytes", server.config->max_body);
}

/* Counts the headers that say how long the body is. */
static enum MHD_Result
count_framing(void *closure, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void) kind;
	(void) value;
	if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0 ||
	    strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0)
		++*(int *) closure;
	return MHD_YES;
}

/*
 * Refuses a request whose end two servers could see in different places, and the connection with
 * it: what follows on it may be no request at all.
 */
static bool
check_framing(Request *request)
{
	const char *encoding = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
	                                                   MHD_HTTP_HEADER_TRANSFER_ENCODING);
	int count = 0;

	MHD_get_connection_values(request->connection, MHD_HEADER_KIND, count_framing, &count);
	if (count <= 1 && (encoding == NULL || strcasecmp(encoding, "chunked") == 0))
		return true;
	request->close = true;
	failure_set(&request->failure, EDURANGE_INVALID_PARAMETER,
	            "the request must have either one Content-Length or Transfer-Encoding chunked");
	return false;
}

/* Finds the route; a failure is left in the request, and for OPTIONS neither. */
static void
find_route(Request *request)
{
	Failure *failure = &request->failure;

	if (strlen(request->uri) > URI_LIMIT)
	{
		failure_set(failure, EDURANGE_URI_TOO_LONG, "the request target is too long");
		return;
	}
	if (!target_parse(request->uri, &request->target, failure))
		return;
	if (!request->target.too_deep)
		routes_match(request->method, request->target.segments, request->target.nsegments,
		             &request->match);
	if (!request->match.path_found)
		failure_set(failure, EDURANGE_ROUTE_NOT_FOUND, "there is no such route");
	else if (request->match.route == NULL && strcmp(request->method, "OPTIONS") != 0)
		failure_set(failure, EDURANGE_METHOD_NOT_ALLOWED,
		            "the route does not have this method; it has %s", request->match.allow);
}

/* Acknowledges the headers at once: many clients hold the body back until then. */
static void
hurry_body(Request *request)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	int yes = 1;

	if (info != NULL)
		setsockopt(info->connect_fd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof(yes));
}

/* Looks at all that the headers say, so that a request is refused before its body is kept. */
static void
examine_headers(Request *request, const char *method)
{
	const Route *route;

	request->phase = PHASE_RECEIVING;
	snprintf(request->method, sizeof(request->method), "%s", method);
	log_request_id(
	    MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "X-Request-Id"),
	    request->id);
	if (check_framing(request))
		find_route(request);
	route = request->match.route;
	if (request->failure.info != NULL || route == NULL)
		return;

	request->has_token =
	    !route->open &&
	    auth_hash_token(MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
	                                                MHD_HTTP_HEADER_AUTHORIZATION),
	                    request->token_hash);
	if (!request->has_token)
	{
		request->caller.tier = server.config->anonymous;
		if (!auth_permits(&request->caller, route, &request->failure))
			return;
	}
	if (route->body != BODY_NONE)
	{
		check_body_headers(request);
		hurry_body(request);
	}
}

/* Takes in a piece of the body, or drops it when it is not wanted; false: enough is enough. */
static bool
receive(Request *request, const char *data, size_t size)
{
	size_t limit = (size_t) server.config->max_body;
	const Route *route = request->match.route;

	if (request->failure.info == NULL && route != NULL && route->body != BODY_NONE)
	{
		size_t needed = request->body_length + size;

		if (needed > limit)
			failure_set(&request->failure, EDURANGE_PAYLOAD_TOO_LARGE,
			            "the request body may have at most %d bytes", server.config->max_body);
		else
		{
			if (needed + 1 > request->body_room)
			{
				size_t room = request->body_room > 0 ? request->body_room : BODY_FIRST_SIZE;
				char *larger;

				while (room < needed + 1)
					room *= 2;
				larger = realloc(request->body, room);
				if (larger == NULL)
					return false;
				request->body = larger;
				request->body_room = room;
			}
			memcpy(request->body + request->body_length, data, size);
			request->body_length = needed;
			request->body[needed] = '\0';
			return true;
		}
	}
	request->swallowed += size;
	return request->swallowed <= SWALLOW_LIMIT;
}

/* Gives the connection back to libmicrohttpd; nothing of the request may be touched after this. */
static void
finish(Request *request)
{
	request->phase = PHASE_ANSWERED;
	if (request->suspended)
		MHD_resume_connection(request->connection);
}

/* Callback: the route's statement is done. */
static void
on_result(void *closure, DatabaseResult *result)
{
	Request *request = closure;

	if (!result->ok)
		memcpy(request->sqlstate, result->sqlstate, sizeof(request->sqlstate));
	request->status = MHD_HTTP_OK;
	request->reply =
	    reply_body(request->match.route->response, result, &request->status, &request->failure);
	finish(request);
}

/* Makes the values of the statement, unless the caller may not use the route. */
static bool
prepare_request(Request *request)
{
	const Route *route = request->match.route;

	if (route->open)
		return true;
	if (!auth_permits(&request->caller, route, &request->failure) ||
	    !params_bind(&request->match, &request->target, &request->caller,
	                 request->body ? request->body : "", request->body_length, &request->values,
	                 &request->failure))
		return false;
	for (int i = 0; route->caller && i < CALLER_VALUES; i++)
	{
		const char *value = request->caller.values[i];

		request->values.values[request->values.count++] = value != NULL ? strdup(value) : NULL;
	}
	if (route->keyed)
	{
		const char *key =
		    MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, "Idempotency-Key");

		request->values.values[request->values.count++] = key != NULL ? strdup(key) : NULL;
	}
	return true;
}

static void
submit(Request *request)
{
	database_submit(request->match.route->open ? TIER_NONE : request->caller.tier,
	                request->match.route->statement, request->values.count,
	                (const char *const *) request->values.values, on_result, request);
}

/* Callback: the database knows the token, or does not. */
static void
on_authenticated(void *closure, DatabaseResult *result)
{
	Request *request = closure;

	if (!result->ok)
	{
		memcpy(request->sqlstate, result->sqlstate, sizeof(request->sqlstate));
		failure_from_database(&request->failure, result);
		finish(request);
	}
	else if (auth_accept(result->text, &request->caller, &request->failure) &&
	         prepare_request(request))
		submit(request);
	else
		finish(request);
}

/* Acts on a request that has come in whole; true when the response is ready at once. */
static bool
dispatch(Request *request)
{
	const Route *route = request->match.route;

	if (request->failure.info != NULL || route == NULL)
		return true;
	if (route->response == RESPOND_LIVE)
	{
		request->status = MHD_HTTP_OK;
		request->reply = strdup("{\"live\":true}");
		return true;
	}
	if (!request->has_token && !prepare_request(request))
		return true;
	request->suspended = true;
	MHD_suspend_connection(request->connection);
	if (request->has_token)
	{
		const char *hash = request->token_hash;

		database_submit(TIER_PLAYER, STATEMENT_AUTHENTICATE, 1, &hash, on_authenticated, request);
	}
	else
		submit(request);
	return false;
}

/* The headers that every response has, and those that its status asks for. */
static void
add_headers(const Request *request, struct MHD_Response *response)
{
	const char *asked = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
	                                                "Access-Control-Request-Headers");

#define HEADER(name, value) MHD_add_response_header(response, name, value)
	HEADER(MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	HEADER("X-Request-Id", request->id);
	HEADER("X-Content-Type-Options", "nosniff");
	HEADER("Access-Control-Allow-Origin", "*");
	HEADER(
	    "Access-Control-Expose-Headers",
	    "X-Request-Id, Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset");
	if (request->status != MHD_HTTP_NO_CONTENT)
		HEADER(MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	if (strcmp(request->method, "OPTIONS") == 0 && request->match.path_found)
	{
		HEADER("Access-Control-Allow-Methods", request->match.allow);
		HEADER("Access-Control-Allow-Headers",
		       asked != NULL ? asked
		                     : "Authorization, Content-Type, Idempotency-Key, X-Request-Id");
		HEADER("Access-Control-Max-Age", "600");
	}
	if (request->match.path_found && request->match.route == NULL)
		HEADER(MHD_HTTP_HEADER_ALLOW, request->match.allow);
	if (request->status == MHD_HTTP_UNAUTHORIZED)
		HEADER(MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	if (request->status == MHD_HTTP_SERVICE_UNAVAILABLE)
		HEADER(MHD_HTTP_HEADER_RETRY_AFTER, "1");
	if (request->close || atomic_load(&server.draining))
		HEADER(MHD_HTTP_HEADER_CONNECTION, "close");
#undef HEADER
}

/* Sends the response. */
static enum MHD_Result
respond(Request *request)
{
	struct MHD_Response *response;
	enum MHD_Result queued;

	if (request->failure.info != NULL)
	{
		request->status = request->failure.info->status;
		free(request->reply);
		request->reply = failure_body(&request->failure, request->id);
	}
	else if (request->match.route == NULL)
	{
		request->status = MHD_HTTP_NO_CONTENT;
		request->reply = strdup("");
	}
	if (request->reply == NULL)
		return MHD_NO;
	response = MHD_create_response_from_buffer(strlen(request->reply), request->reply,
	                                           MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		return MHD_NO;
	if (request->match.route != NULL && request->match.route->limited)
		reply_add_limits(response, request->reply);
	request->reply = NULL;
	add_headers(request, response);
	queued = MHD_queue_response(request->connection, request->status, response);
	MHD_destroy_response(response);
	return queued;
}

/* Callback, the first of a request: its target as it was sent. */
static void *
on_target(void *cls, const char *uri, struct MHD_Connection *connection)
{
	Request *request = calloc(1, sizeof(Request));

	(void) cls;
	if (request == NULL)
		return NULL;
	request->connection = connection;
	request->uri = strdup(uri);
	clock_gettime(CLOCK_MONOTONIC, &request->begun);
	atomic_fetch_add(&server.in_flight, 1);
	return request;
}

/* Callback: the headers, then each piece of the body, then its end, then after being resumed. */
static enum MHD_Result
on_access(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
          const char *version, const char *data, size_t *size, void **closure)
{
	Request *request = *closure;

	(void) cls;
	(void) url;
	(void) version;
	if (request == NULL || request->uri == NULL)
		return MHD_NO;
	if (request->phase == PHASE_NEW)
	{
		examine_headers(request, method);
		/* who waits for permission to send a body is told at once */
		if (request->failure.info != NULL &&
		    MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_EXPECT))
			return respond(request);
		return MHD_YES;
	}
	if (*size > 0)
	{
		bool wanted = receive(request, data, *size);

		*size = 0;
		return wanted ? MHD_YES : MHD_NO;
	}
	if (request->phase == PHASE_RECEIVING && !dispatch(request))
		return MHD_YES;
	return respond(request);
}

/* The method, unless the client made it up. */
static const char *
known_method(const char *method)
{
	static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
	{
		if (strcmp(known[i], method) == 0)
			return method;
	}
	return "other";
}

/* Writes the request's line; neither path nor query, which may hold what must not be kept. */
static void
log_request(const Request *request)
{
	const Route *route = request->match.route;
	struct timespec now;
	double ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (double) (now.tv_sec - request->begun.tv_sec) * 1000 +
	     (double) (now.tv_nsec - request->begun.tv_nsec) / 1000000;
	log_object(json_pack("{s:s, s:s, s:s, s:s?, s:i, s:f, s:s?, s:s}", "level",
	                     request->status >= 500 ? "error" : "info", "id", request->id, "method",
	                     known_method(request->method), "route", route != NULL ? route->path : NULL,
	                     "status", (int) request->status, "ms", (double) (long) (ms * 1000) / 1000,
	                     "sqlstate", request->sqlstate[0] != '\0' ? request->sqlstate : NULL,
	                     "tier", tier_name(request->caller.tier)));
}

/* Callback: the request is over. */
static void
on_completed(void *cls, struct MHD_Connection *connection, void **closure,
             enum MHD_RequestTerminationCode how)
{
	Request *request = *closure;

	(void) cls;
	(void) connection;
	(void) how;
	if (request == NULL)
		return;
	*closure = NULL;
	if (request->phase != PHASE_NEW)
		log_request(request);
	failure_clear(&request->failure);
	caller_free(&request->caller);
	values_free(&request->values);
	free(request->reply);
	free(request->body);
	free(request->uri);
	free(request);
	atomic_fetch_sub(&server.in_flight, 1);
}

/* Starts serving on a listening socket; the configuration must outlive it. */
bool
http_start(const Config *config, int fd)
{
	server.config = config;
	server.daemon = MHD_start_daemon(
	    MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, NULL,
	    MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE, (unsigned) config->threads,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned) config->connection_limit,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned) config->connection_timeout,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) MEMORY_PER_CONNECTION,
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
	    MHD_OPTION_URI_LOG_CALLBACK, on_target, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
	    NULL, MHD_OPTION_END);
	if (server.daemon == NULL)
	{
		log_event("error", "not_listening", "the HTTP server did not start");
		return false;
	}
	return true;
}

/* Takes no new connections; those that are open are closed after their next response. */
void
http_stop_accepting(void)
{
	int fd;

	atomic_store(&server.draining, true);
	fd = MHD_quiesce_daemon(server.daemon);
	if (fd != MHD_INVALID_SOCKET)
		close(fd);
}

/* How many requests are being received or answered. */
int
http_in_flight(void)
{
	return atomic_load(&server.in_flight);
}

/* Closes all connections.  No request may be waiting for the database. */
void
http_stop(void)
{
	MHD_stop_daemon(server.daemon);
}
