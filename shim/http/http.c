/*
 * http.c
 *	  From the bytes of a request to the response, over libmicrohttpd.
 *
 * A request stays in the thread of its loop, but for large bodies, which are read elsewhere.  While the
 * database has it, its connection is suspended.  It is made by the first callback (which sees the target
 * as it was sent) and freed only when libmicrohttpd says that the request is over, whatever the reason;
 * that is also where it is logged.
 *
 * Whose a request is, is asked before its body is read: a stranger's body costs no memory.
 */
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/counters.h"
#include "database/database.h"
#include "http/metrics.h"
#include "http/request.h"

#define MAX_URL 4096    /* bytes of a request's target */
#define QUICK_BODY 8192 /* bytes of a body that a loop parses itself, while its requests wait */
#define FILE_FACTOR 16  /* so many times as large as another answer may be what waits in a file */
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

/* The request is on a connection beyond the limit; always false. */
static bool
refuse_connection(Request *request)
{
	counter_add(COUNTER_REFUSED_CONNECTIONS, 1);
	return failure_set(&request->failure, EDURANGE_TOO_MANY_CONNECTIONS,
	                   "the server has as many connections as it takes");
}

/* Is it a connection on which only some routes are answered, and this is none of them? */
static bool
is_out_of_place(Request *request)
{
	const Route *route = request->match.route;
	const Client *client = request->client;

	if (client->metrics && (route == NULL || route->response != RESPOND_METRICS))
	{
		request->match = (RouteMatch){0};
		return !failure_set(&request->failure, EDURANGE_ROUTE_NOT_FOUND, "only /metrics is here");
	}
	return client->spare && route != NULL && !route->open && route->response != RESPOND_METRICS &&
	       !refuse_connection(request);
}

/* Can the database store what the headers say that are values of the statement? */
static bool
check_headers(Request *request)
{
	const Route *route = request->match.route;
	const struct
	{
		const char *name;
		bool is_value;
	} headers[] = {{"X-Acting-User", !route->open},
	               {"Idempotency-Key", route->keyed},
	               {"X-Uploader-User-Id", route->body == BODY_PACK}};

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
	{
		const char *name = headers[i].name;
		const char *value = headers[i].is_value ? request_header(request, name) : NULL;
		const char *sentence;
		EdurangeError fault =
		    value != NULL ? text_fault(value, strlen(value), &sentence) : EDURANGE_OK;

		if (fault != EDURANGE_OK)
			return failure_set(&request->failure, fault, "parameter \"%s\" %s", name, sentence);
	}
	return true;
}

/* Looks at what the caller may do, who is known by now, and at what is said of the body. */
static void
judge_caller(Request *request)
{
	const Route *route = request->match.route;
	const char *acting = route->open ? NULL : request_header(request, "X-Acting-User");

	request->identified = true;
	if (request->failure.info == NULL &&
	    auth_permits(&request->identity, route->tier, &request->failure) &&
	    (acting == NULL || auth_act(&request->identity, acting, &request->failure)) &&
	    check_headers(request) && route->body != BODY_NONE)
		body_check_headers(request);
}

/* Looks at the head of a request; who sent it may be still to be found out. */
static void
examine_headers(Request *request, const char *method, const char *version)
{
	const Route *route;
	const char *authorization;
	int yes = 1;

	request->phase = PHASE_RECEIVING;
	request->identified = true;
	snprintf(request->method, sizeof(request->method), "%s", method);
	log_request_id(request_header(request, "X-Request-Id"), request->id);
	client_enter(request->client, CLIENT_BODY);
	if (framing_check(request, method, version))
		find_route(request);
	if (++request->client->requests >= MAX_REQUESTS || request->client->spare)
		request->close = true;
	route = request->match.route;
	request->expects = request_header(request, MHD_HTTP_HEADER_EXPECT) != NULL;
	if (request->failure.info != NULL || is_out_of_place(request) || route == NULL)
		return;
	/* acknowledges the headers at once: many clients hold the body back until then */
	if (route->body != BODY_NONE)
		setsockopt(request->client->fd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof(yes));

	authorization = request_header(request, MHD_HTTP_HEADER_AUTHORIZATION);
	request->has_token = !route->open && !request->client->metrics &&
	                     auth_hash_token(authorization, request->token_hash, &request->failure);
	request->identity.tier = request->client->metrics ? TIER_SERVICE : request->config->anonymous;
	/* whoever needs a token and has none is told that the database knows of none, if that is so */
	if (!route->open && !request->has_token && request->identity.tier < route->tier &&
	    !tokens_installed(request->worker->tokens))
		snprintf(request->token_hash, sizeof(request->token_hash), "%s", NO_TOKEN);
	if (request->failure.info == NULL && request->token_hash[0] != '\0')
		request->identified = false;
	else
		judge_caller(request);
}

/* Has libmicrohttpd leave the connection alone, and read nothing from it, until request_resume(). */
static enum MHD_Result
suspend(Request *request)
{
	/* what it waits for is none of its client's time; and its body may be in libmicrohttpd's buffer, all of it */
	client_enter(request->client, CLIENT_BUSY);
	MHD_suspend_connection(request->connection);
	request->suspended = true;
	return MHD_YES;
}

/* Refuses an answer that is too large; not one to a write, which tells what has been done, or of how the service is. */
static void
check_size(Request *request)
{
	const Route *route = request->match.route;
	size_t size = request->reply != NULL     ? strlen(request->reply)
	              : request->spool.in_memory ? request->spool.length
	                                         : 0;

	if (size > (size_t) request->config->max_response)
		failure_set(&request->failure, EDURANGE_RESPONSE_TOO_LARGE,
		            "the answer would have more than %d bytes", request->config->max_response);
	else
		(void) request_hold(request, size);
	if (request->reply == NULL || request->failure.info == NULL)
		return;
	if (!route->read_only || route->open || route->response == RESPOND_METRICS)
		failure_clear(&request->failure);
	else
	{
		free(request->reply);
		request->reply = NULL;
	}
}

/* Callback: a piece of a file has come. */
static void
on_piece(void *closure, const char *bytes, size_t length)
{
	Request *request = closure;
	Spool *spool = &request->spool;
	uint64_t most = (uint64_t) request->config->max_response;

	if (request->failure.info != NULL)
		return;
	if (request->file == NULL)
		request->file = reply_take_file(&bytes, &length);
	if (request->file == NULL || !spool_write(spool, bytes, length))
		failure_set(&request->failure, EDURANGE_TOO_BUSY, "the service has no room for the answer");
	if (spool->in_memory)
		(void) request_hold(request, spool->length);
	else
		most *= FILE_FACTOR;
	if (request->failure.info == NULL &&
	    counter_value(COUNTER_FILE_BYTES) > request->config->file_budget)
		failure_set(&request->failure, EDURANGE_TOO_BUSY,
		            "the service has as many files as it has room for; try again");
	if (request->failure.info == NULL && spool->length > most)
		failure_set(&request->failure, EDURANGE_RESPONSE_TOO_LARGE,
		            "the answer would have more than %" PRIu64 " bytes", most);
	if (request->failure.info != NULL)
		spool_free(&request->spool);
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
	if (route->response == RESPOND_FEED && listen_for_feed(request, result))
		return;
	values_free(&request->values);
	(void) request_hold(request, 0);
	if (route->response == RESPOND_BOARD && result->ok)
		listen_to_board(request, result);
	free(request->reply);
	request->reply = reply_body(route, result, &request->status, &request->failure);
	check_size(request);
	if (request->reply != NULL && result->ok && (route->limited || route->award_unless != NULL))
		request->members = json_loads(request->reply, 0, NULL);
	if (result->ok && route->award != AWARD_NONE && reply_awards(route, request->members))
		metrics_award(route->award);
	request_finish(request);
}

/* Makes the values of the statement; the body is of no use any more then. */
static bool
prepare_request(Request *request)
{
	const Route *route = request->match.route;
	bool fine;

	if (route->open)
		return true;
	fine = params_bind(&request->match, &request->target, &request->identity,
	                   request->body.length > 0 ? request->body.bytes : "", request->body.length,
	                   &request->upload, &request->values, &request->failure);
	free(request->body.bytes);
	request->body = (Buffer){0};
	if (!fine)
		return false;
	if (route->for_public)
		request->values.values[request->values.count++] =
		    request->identity.tier == TIER_NONE ? strdup("true") : NULL;
	if (route->response == RESPOND_FEED)
		request->values.values[request->values.count++] = NULL; /* up to where: listen.c */
	for (int i = 0; route->caller && i < CALLER_VALUES; i++)
		request->values.values[request->values.count++] = text_copy(request->identity.values[i]);
	if (route->keyed)
		request->values.values[request->values.count++] =
		    text_copy(request_header(request, "Idempotency-Key"));
	return true;
}

/* Callback: is the client still there? */
static bool
is_wanted(void *closure)
{
	return !client_has_closed(((const Request *) closure)->client);
}

/* The lane for what is asked. */
static LaneKind
choose_lane(const Request *request)
{
	const Route *route = request->match.route;

	if (route->open || route->response == RESPOND_METRICS)
		return LANE_MONITOR;
	if (route->slow || request->values.slow)
		return LANE_SLOW;
	if (!route->read_only)
		return LANE_WRITE;
	return route->replica_ok ? LANE_REPLICA : LANE_READ;
}

/* Hands the route's statement to the database. */
static void
submit(Request *request)
{
	const Route *route = request->match.route;

	if (route->response == RESPOND_BOARD && !listen_has_room(request))
	{
		listen_refuse(request);
		request_finish(request);
		return;
	}
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
	    .piece = route->response == RESPOND_FILE ? on_piece : NULL,
	    .done = on_result,
	    .closure = request,
	};
	call_weigh(&request->call);
	if (!request_hold(request, request->call.size))
		request_finish(request);
	else if (route->response != RESPOND_FEED || !listen_holds_back(request))
		database_submit(request->worker->database, &request->call);
}

/* Work: makes the values of a request whose body is large or a pack. */
static void
read_body(Work *work)
{
	Request *request = (Request *) ((char *) work - offsetof(Request, aside));

	if (request->match.route->body == BODY_PACK)
		(void) upload_read(&request->upload, &request->body, body_kinds[BODY_PACK].bytes,
		                   &request->failure);
	if (request->failure.info == NULL)
		(void) prepare_request(request);
}

/* Task: that has been done. */
static void
on_read(Task *task)
{
	Request *request = (Request *) ((char *) task - offsetof(Request, aside.done));

	if (request->failure.info == NULL)
		submit(request);
	else
		request_finish(request);
}

/* Goes on with a request that has come in whole and whose caller is known. */
static void
proceed(Request *request)
{
	bool with_pack = request->match.route->body == BODY_PACK;

	if (request->failure.info == NULL && (with_pack || request->body.length > QUICK_BODY))
	{
		request->upload.content_type = request_header(request, MHD_HTTP_HEADER_CONTENT_TYPE);
		request->upload.uploader = request_header(request, "X-Uploader-User-Id");
		request->aside =
		    (Work){.run = read_body, .done.run = on_read, .loop = request->worker->loop};
		offload(with_pack ? OFFLOAD_PACKS : OFFLOAD_BODIES, &request->aside);
	}
	else if (request->failure.info == NULL && prepare_request(request))
		submit(request);
	else
		request_finish(request);
}

/* What it means that the database did not say whose a token is. */
static void
refuse_unknown(Request *request, const DatabaseResult *result)
{
	EdurangeError error = result->ok ? EDURANGE_OK : sqlstate_error(result->sqlstate);

	if (result->ok && request->has_token)
	{
		counter_add(COUNTER_WRONG_TOKENS, 1);
		failure_set(&request->failure, EDURANGE_UNAUTHENTICATED,
		            "the token is unknown, has expired or was revoked");
	}
	else if (error == EDURANGE_NOT_INSTALLED || error == EDURANGE_SCHEMA_CHANGED)
		failure_from_database(&request->failure, result);
	else if (request->has_token)
		/* never 504: only the question about the token was sent, so the request had no effect */
		failure_set(&request->failure, EDURANGE_UNAVAILABLE,
		            "the database is not available at the moment");
	if (!result->ok)
		memcpy(request->sqlstate, result->sqlstate, sizeof(request->sqlstate));
}

/* Callback: the database knows the token, or does not. */
static void
on_authenticated(TokenWait *wait, const Identity *identity, const DatabaseResult *result)
{
	Request *request = (Request *) ((char *) wait - offsetof(Request, token_wait));

	if (identity != NULL)
		identity_copy(&request->identity, identity);
	else
		refuse_unknown(request, result);
	judge_caller(request);
	/* in other phases libmicrohttpd calls again for what waited: its head, or a piece of its body */
	if (request->suspended && request->phase == PHASE_WAITING)
		proceed(request);
	else
		request_resume(request);
}

/* Is it known whose request it is?  Otherwise it will be, and the request goes on then. */
static bool
identify(Request *request)
{
	const Identity *identity;

	if (request->identified)
		return true;
	request->token_wait.done = on_authenticated;
	identity = tokens_find(request->worker->tokens, request->token_hash, &request->token_wait);
	if (identity != NULL)
	{
		identity_copy(&request->identity, identity);
		judge_caller(request);
	}
	return request->identified;
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
	request->phase = PHASE_WAITING;
	if (identify(request))
		proceed(request);
	if (request->phase == PHASE_ANSWERED)
		return true;
	/*
	 * Suspended at once, the connection would be taken for one that waits for more of the request, and be closed
	 * when its client has closed its half.
	 */
	LIST_INSERT_HEAD(&request->worker->waiting, request, others);
	return false;
}

void
http_park(Worker *worker)
{
	Request *request;

	while ((request = LIST_FIRST(&worker->waiting)) != NULL)
	{
		LIST_REMOVE(request, others);
		(void) suspend(request);
	}
}

/* Takes a piece of the body, unless it is not known yet whether its client may send one. */
static enum MHD_Result
take_piece(Request *request, const char *data, size_t *size)
{
	size_t taken = *size;

	if (!request->identified && !body_is_whole(request, *size) && !identify(request))
		return suspend(request);
	*size = 0;
	return body_receive(request, data, taken) ? MHD_YES : MHD_NO;
}

/* Callback: the headers, then each piece of the body, then its end; each again after being resumed. */
enum MHD_Result
http_access(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
            const char *version, const char *data, size_t *size, void **closure)
{
	Request *request = *closure;

	if (request == NULL || request->uri == NULL || request->client == NULL)
		return MHD_NO;
	if (request->phase == PHASE_NEW)
	{
		examine_headers(request, method, version);
		if (request->malformed)
			return response_send(request);
		if (!request->expects)
			return MHD_YES;
	}
	/* only now: until libmicrohttpd has taken it up again, what is left of a body may be in its buffer */
	if (request->phase == PHASE_RECEIVING && request->client->phase == CLIENT_BUSY)
		client_enter(request->client, CLIENT_BODY);
	if (request->expects)
	{
		/* who waits for permission to send a body gets it, or is told at once */
		if (!identify(request))
			return suspend(request);
		request->expects = false;
		return request->failure.info != NULL ? response_send(request) : MHD_YES;
	}
	if (*size > 0)
		return take_piece(request, data, size);
	if (request->phase == PHASE_WAITING)
		return MHD_YES;
	client_enter(request->client, CLIENT_BUSY);
	/* who has been told goes */
	if (request->told)
		return MHD_NO;
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

	if (request == NULL)
		return;
	*closure = NULL;
	if (request->phase != PHASE_NEW)
		response_log(request);
	listen_end(request);
	client_enter(request->client, CLIENT_HEAD);
	if (request->silent && how == MHD_REQUEST_TERMINATED_COMPLETED_OK)
		(void) MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT,
		                                 (unsigned) request->config->connection_timeout);
	request_free(request);
}

void
http_too_slow(Client *client)
{
	Request stranger = {.begun = {client->since / 1000, client->since % 1000 * 1000000}};
	Request *request = client->request != NULL ? client->request : &stranger;

	if (request->told)
		return;
	if (client->spare)
		(void) refuse_connection(request);
	else
		failure_set(&request->failure, EDURANGE_REQUEST_TIMEOUT,
		            "the request did not come in whole in time");
	response_tell(request, client->fd);
	if (request != &stranger)
		return;
	/* nobody else does it where no request has begun */
	response_log(request);
	failure_clear(&request->failure);
	json_decref(request->members);
}
