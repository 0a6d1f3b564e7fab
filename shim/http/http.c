/*
 * http.c
 *	  From the bytes of a request to the response, over libmicrohttpd.
 *
 * A request stays in the thread of its loop.  While the database has it, its connection is
 * suspended.  It is made by the first callback (which sees the target as it was sent) and freed only
 * when libmicrohttpd says that the request is over, whatever the reason; that is also where it is
 * logged.
 */
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/counters.h"
#include "database/database.h"
#include "http/metrics.h"
#include "http/request.h"

#define MAX_URL 4096        /* bytes of a request's target */
#define MAX_REQUESTS 100000 /* on one connection, so that clients that stay are spread anew */

/* Finds the route; a failure is left in the request, and for OPTIONS neither. */
static void
find_route(Request *request)
{
	Failure *failure = &request->failure;

	if (request->raw_uri_length > MAX_URL)
	{
		failure_set(failure, EDURANGE_URI_TOO_LONG, "the request target may have at most %d bytes",
		            MAX_URL);
		return;
	}
	if (!target_parse(request->uri, &request->target, failure))
		return;
	if (!request->target.too_deep)
		routes_match(request->method, &request->target, &request->match);
	if (!request->match.path_found)
		failure_set(failure, EDURANGE_ROUTE_NOT_FOUND, "there is no such route");
	else if (request->match.route == NULL && strcmp(request->method, "OPTIONS") != 0)
		failure_set(failure, EDURANGE_METHOD_NOT_ALLOWED,
		            "the route does not have this method; it has %s", request->match.allow);
}

/* Looks at all that the headers say, so that a request is refused before its body is kept. */
static void
examine_headers(Request *request, const char *method, const char *version)
{
	const Route *route;

	request->phase = PHASE_RECEIVING;
	snprintf(request->method, sizeof(request->method), "%s", method);
	log_request_id(request_header(request, "X-Request-Id"), request->id);
	client_enter(request->client, CLIENT_BODY);
	if (framing_check(request, method, version))
		find_route(request);
	if (request->client != NULL && ++request->client->requests >= MAX_REQUESTS)
		request->close = true;
	route = request->match.route;
	if (request->failure.info != NULL || route == NULL)
		return;

	request->has_token =
	    !route->open && auth_hash_token(request_header(request, MHD_HTTP_HEADER_AUTHORIZATION),
	                                    request->token_hash);
	if (!request->has_token)
	{
		request->identity.tier = request->config->anonymous;
		if (!auth_permits(&request->identity, route->tier, &request->failure))
			return;
	}
	if (route->body != BODY_NONE)
		body_check_headers(request);
}

/* Gives the connection back to libmicrohttpd; nothing of the request may be touched after this. */
static void
finish(Request *request)
{
	request->phase = PHASE_ANSWERED;
	if (request->suspended)
	{
		request->suspended = false;
		request->worker->resumed = true;
		MHD_resume_connection(request->connection);
	}
}

/* Refuses an answer that is too large; not one to a write, which tells what has been done. */
static void
check_size(Request *request)
{
	const Route *route = request->match.route;

	if (request->reply != NULL && route->read_only && !route->open &&
	    strlen(request->reply) > (size_t) request->config->max_response)
		failure_set(&request->failure, EDURANGE_RESPONSE_TOO_LARGE,
		            "the answer would have more than %d bytes", request->config->max_response);
}

/* Callback: the route's statement is done. */
static void
on_result(void *closure, DatabaseResult *result)
{
	Request *request = closure;
	const Route *route = request->match.route;

	if (!result->ok)
		memcpy(request->sqlstate, result->sqlstate, sizeof(request->sqlstate));
	request->backend = result->backend;
	request->status = MHD_HTTP_OK;
	request->reply = reply_body(route, result, &request->status, &request->failure);
	check_size(request);
	if (result->ok && (route->limited || route->award_unless != NULL))
		request->members = json_loads(request->reply, 0, NULL);
	if (result->ok && route->award != AWARD_NONE && reply_awards(route, request->members))
		metrics_award(route->award);
	finish(request);
}

/* Makes the values of the statement, unless the caller may not use the route. */
static bool
prepare_request(Request *request)
{
	const Route *route = request->match.route;
	const char *acting = request_header(request, "X-Acting-User");

	if (route->open)
		return true;
	if (acting != NULL && !auth_act(&request->identity, acting, &request->failure))
		return false;
	if (!auth_permits(&request->identity, route->tier, &request->failure) ||
	    !params_bind(&request->match, &request->target, &request->identity,
	                 request->body.length > 0 ? request->body.bytes : "", request->body.length,
	                 &request->upload, &request->values, &request->failure))
		return false;
	for (int i = 0; route->caller && i < CALLER_VALUES; i++)
	{
		const char *value = request->identity.values[i];

		request->values.values[request->values.count++] = value != NULL ? strdup(value) : NULL;
	}
	if (route->keyed)
	{
		const char *key = request_header(request, "Idempotency-Key");

		request->values.values[request->values.count++] = key != NULL ? strdup(key) : NULL;
	}
	return true;
}

/* Callback: is the client still there?  libmicrohttpd does not watch a suspended connection. */
static bool
is_wanted(void *closure)
{
	const Request *request = closure;
	struct pollfd socket = {.events = POLLRDHUP};

	if (request->client == NULL)
		return true;
	socket.fd = request->client->fd;
	return poll(&socket, 1, 0) <= 0 || (socket.revents & (POLLRDHUP | POLLHUP | POLLERR)) == 0;
}

/* The lane for what is asked: some parameters make a quick route slow. */
static LaneKind
choose_lane(const Request *request)
{
	const Route *route = request->match.route;
	int value = 0;

	if (route->open)
		return LANE_MONITOR;
	if (route->slow)
		return LANE_SLOW;
	for (int i = 0; i < MAX_PARAMS && route->params[i].name != NULL; i++)
	{
		if (route->params[i].ignored)
			continue;
		if (route->params[i].slow && request->values.values[value] != NULL)
			return LANE_SLOW;
		value++;
	}
	if (!route->read_only)
		return LANE_WRITE;
	return route->replica_ok ? LANE_REPLICA : LANE_READ;
}

/* Hands the route's statement to the database. */
static void
submit(Request *request)
{
	const Route *route = request->match.route;

	request->call = (DatabaseCall){
	    .tier = route->open ? TIER_NONE : request->identity.tier,
	    .lane = choose_lane(request),
	    .statement = route->statement,
	    .nvalues = request->values.count,
	    .values = request->values.values,
	    .acting = route->caller ? request->values.count - route->keyed : 0,
	    .read_only = route->read_only,
	    .keys = {route->lock_keys[0], route->lock_keys[1]},
	    .wanted = is_wanted,
	    .done = on_result,
	    .closure = request,
	};
	database_submit(request->worker->database, &request->call);
}

/* Leaves the connection alone until the answer is there; returns false, for "not ready". */
static bool
suspend(Request *request)
{
	if (!request->suspended)
		MHD_suspend_connection(request->connection);
	request->suspended = true;
	return false;
}

/* Work: takes the pack out of the body, which is not needed any more then. */
static void
read_pack(Work *work)
{
	Request *request = (Request *) ((char *) work - offsetof(Request, unpacking));

	(void) upload_read(&request->upload, &request->body, (size_t) request->config->max_body,
	                   &request->failure);
	free(request->body.bytes);
	request->body = (Buffer){0};
}

/* Task: the pack is there, or a failure. */
static void
on_unpacked(Task *task)
{
	Request *request = (Request *) ((char *) task - offsetof(Request, unpacking.done));

	if (request->failure.info == NULL && prepare_request(request))
		submit(request);
	else
		finish(request);
}

/* Has the pack taken out of the body. */
static void
unpack(Request *request)
{
	request->upload.content_type = request_header(request, MHD_HTTP_HEADER_CONTENT_TYPE);
	request->upload.uploader = request_header(request, "X-Uploader-User-Id");
	request->unpacking =
	    (Work){.run = read_pack, .done.run = on_unpacked, .loop = request->worker->loop};
	offload(&request->unpacking);
}

/* Goes on with a request whose caller is known; true when the response is ready at once. */
static bool
proceed(Request *request)
{
	bool with_pack = request->match.route->body == BODY_PACK;

	if (with_pack ? !auth_permits(&request->identity, request->match.route->tier, &request->failure)
	              : !prepare_request(request))
		return true;
	(void) suspend(request);
	if (with_pack)
		unpack(request);
	else
		submit(request);
	return false;
}

/* Callback: the database knows the token, or does not. */
static void
on_authenticated(TokenWait *wait, const Identity *identity, const DatabaseResult *result)
{
	Request *request = (Request *) ((char *) wait - offsetof(Request, token_wait));

	if (identity != NULL)
	{
		identity_copy(&request->identity, identity);
		if (!proceed(request))
			return;
	}
	else if (result->ok)
	{
		counter_add(COUNTER_WRONG_TOKENS, 1);
		failure_set(&request->failure, EDURANGE_UNAUTHENTICATED,
		            "the token is unknown, has expired or was revoked");
	}
	else
	{
		memcpy(request->sqlstate, result->sqlstate, sizeof(request->sqlstate));
		/* never 504: only the question about the token was sent, so the request had no effect */
		failure_set(&request->failure, EDURANGE_UNAVAILABLE,
		            "the database is not available at the moment");
	}
	finish(request);
}

/* Acts on a request that has come in whole; true when the response is ready at once. */
static bool
dispatch(Request *request)
{
	const Route *route = request->match.route;

	if (request->failure.info != NULL || route == NULL)
		return true;
	if (route->statement == STATEMENT_NONE)
	{
		request->status = MHD_HTTP_OK;
		request->reply = reply_without_database(route);
		return true;
	}
	if (request->has_token)
	{
		const Identity *identity;

		request->token_wait.done = on_authenticated;
		identity = tokens_find(request->worker->tokens, request->token_hash, &request->token_wait);
		if (identity == NULL)
			return request->phase == PHASE_ANSWERED || suspend(request);
		identity_copy(&request->identity, identity);
	}
	return proceed(request);
}

/* Callback, the first of a request, with its target as it was sent: the head may not be there yet. */
void *
http_target(void *cls, const char *uri, struct MHD_Connection *connection)
{
	return request_new(cls, connection, uri);
}

/* Callback: the headers, then each piece of the body, then its end, then after being resumed. */
enum MHD_Result
http_access(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
            const char *version, const char *data, size_t *size, void **closure)
{
	Request *request = *closure;

	(void) cls;
	(void) connection;
	(void) url;
	if (request == NULL || request->uri == NULL)
		return MHD_NO;
	if (request->phase == PHASE_NEW)
	{
		examine_headers(request, method, version);
		/* who waits for permission to send a body is told at once */
		if (request->malformed ||
		    (request->failure.info != NULL && request_header(request, MHD_HTTP_HEADER_EXPECT)))
			return response_send(request);
		return MHD_YES;
	}
	if (*size > 0)
	{
		bool wanted = body_receive(request, data, *size);

		*size = 0;
		return wanted ? MHD_YES : MHD_NO;
	}
	client_enter(request->client, CLIENT_BUSY);
	if (request->phase == PHASE_RECEIVING && !dispatch(request))
		return MHD_YES;
	return response_send(request);
}

/* Callback: the request is over. */
void
http_completed(void *cls, struct MHD_Connection *connection, void **closure,
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
		response_log(request);
	client_enter(request->client, CLIENT_HEAD);
	request_free(request);
}

void
http_too_slow(Client *client)
{
	static const char message[] = "the request did not come in whole in time";

	if (client->request != NULL)
		response_refuse(client->request, client->fd, EDURANGE_REQUEST_TIMEOUT, message);
	else
		response_turn_away(client->fd, client->since, EDURANGE_REQUEST_TIMEOUT, message);
}
