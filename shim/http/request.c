/*
 * request.c
 *	  A request from its first byte to the end of its response, and its body: refused by its headers, or taken in
 *	  piece by piece.
 *
 * A body that is not wanted is read and dropped, up to a limit.  Its client is told why at once; one that reads
 * only when it has sent everything finds that answer, too.  Then the connection ends.
 */
#include "http/request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/counters.h"

#define SWALLOW_LIMIT (64 * 1024 * 1024) /* bytes read and dropped so that a refusal can be read */

void *
request_begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
	Worker *worker = cls;
	Request *request = calloc(1, sizeof(Request));

	if (request == NULL)
		return NULL;
	request->worker = worker;
	request->config = worker->config;
	request->connection = connection;
	request->client = client_of(connection);
	if (request->client != NULL)
		request->client->request = request;
	request->raw_uri = uri;
	request->raw_uri_length = strlen(uri);
	request->uri = strdup(uri);
	clock_gettime(CLOCK_MONOTONIC, &request->begun);
	counter_add(COUNTER_REQUESTS, 1);
	return request;
}

void
request_free(Request *request)
{
	if (request->client != NULL)
		request->client->request = NULL;
	failure_clear(&request->failure);
	identity_free(&request->identity);
	values_free(&request->values);
	upload_free(&request->upload);
	json_decref(request->members);
	free(request->reply);
	free(request->file);
	free(request->body.bytes);
	free(request->uri);
	counter_add(COUNTER_BODY_BYTES, -(long) request->held);
	if (request->phase == PHASE_WAITING && !request->suspended)
		LIST_REMOVE(request, others);
	free(request);
	counter_add(COUNTER_REQUESTS, -1);
}

bool
request_hold(Request *request, size_t bytes)
{
	counter_add(COUNTER_BODY_BYTES, (long) bytes - (long) request->held);
	request->held = bytes;
	if (request->failure.info == NULL && bytes > SMALL_BODY &&
	    counter_value(COUNTER_BODY_BYTES) > request->config->body_budget)
		failure_set(&request->failure, EDURANGE_TOO_BUSY,
		            "the service holds as much as it has memory for; try again");
	return request->failure.info == NULL;
}

const char *
request_header(const Request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

void
request_resume(Request *request)
{
	if (!request->suspended)
		return;
	request->suspended = false;
	request->worker->resumed = true;
	MHD_resume_connection(request->connection);
}

void
request_finish(Request *request)
{
	request->phase = PHASE_ANSWERED;
	request_resume(request);
}

/* ---- its body -------------------------------------------------------------------------------- */

static void
refuse_size(Request *request)
{
	failure_set(&request->failure, EDURANGE_PAYLOAD_TOO_LARGE,
	            "the request body may have at most %zu bytes",
	            body_kinds[request->match.route->body].bytes);
}

/* The length that the request says its body has; 0: none. */
static unsigned long long
said_length(const Request *request)
{
	const char *length = request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return length != NULL ? strtoull(length, NULL, 10) : 0;
}

void
body_check_headers(Request *request)
{
	const char *type = request_header(request, MHD_HTTP_HEADER_CONTENT_TYPE);
	const char *encoding = request_header(request, MHD_HTTP_HEADER_CONTENT_ENCODING);
	BodyKind kind = request->match.route->body;
	unsigned long long length = said_length(request);

	if (kind == BODY_PACK && !upload_accepts(type))
		failure_set(
		    &request->failure, EDURANGE_UNSUPPORTED_MEDIA_TYPE,
		    "the request body must be a form (multipart/form-data) with a zip file, or have "
		    "the Content-Type application/zip or application/json");
	else if (kind != BODY_PACK && !media_type_is(type, body_kinds[kind].media))
		failure_set(&request->failure, EDURANGE_UNSUPPORTED_MEDIA_TYPE,
		            "the request body must have the Content-Type %s", body_kinds[kind].media);
	else if (encoding != NULL && strcasecmp(encoding, "identity") != 0)
		failure_set(&request->failure, EDURANGE_UNSUPPORTED_MEDIA_TYPE,
		            "the request body must have no Content-Encoding");
	else if (length > body_kinds[kind].bytes)
		refuse_size(request);
	else
	{
		/* so much is not there yet, but would be refused sooner or later */
		(void) request_hold(request, length);
		(void) request_hold(request, 0);
	}
}

bool
body_is_whole(const Request *request, size_t size)
{
	return request->body.length + request->swallowed == 0 && said_length(request) == size;
}

/* Is the body looked at at all, and not yet too large? */
static bool
is_kept(Request *request, size_t size)
{
	const Route *route = request->match.route;
	size_t length = request->body.length + size;

	if (request->failure.info != NULL || route == NULL || route->body == BODY_NONE)
		return false;
	if (length > body_kinds[route->body].bytes)
		refuse_size(request);
	return request_hold(request, length);
}

bool
body_receive(Request *request, const char *data, size_t size)
{
	Buffer *body = &request->body;

	if (!is_kept(request, size))
	{
		if (request->failure.info != NULL && !request->told && !body_is_whole(request, size))
			response_tell(request, request->client->fd);
		request->swallowed += size;
		return request->swallowed <= SWALLOW_LIMIT;
	}
	if (!buffer_reserve(body, size + 1))
		return false;
	memcpy(body->bytes + body->length, data, size);
	body->length += size;
	body->bytes[body->length] = '\0';
	return true;
}
