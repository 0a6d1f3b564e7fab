/*
 * body.c
 *	  The body of a request: refused by its headers, or taken in piece by piece.
 *
 * What is not wanted is read and dropped, up to a limit, so that the client can read why.
 */
#include "http/request.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SWALLOW_LIMIT (64 * 1024 * 1024) /* bytes read and dropped so that a refusal can be read */

static void
refuse_size(Request *request)
{
	failure_set(&request->failure, EDURANGE_PAYLOAD_TOO_LARGE,
	            "the request body may have at most %d bytes", request->config->max_body);
}

void
body_check_headers(Request *request)
{
	const char *type = request_header(request, MHD_HTTP_HEADER_CONTENT_TYPE);
	const char *length = request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
	int yes = 1;

	if (request->match.route->body == BODY_PACK && !upload_accepts(type))
		failure_set(
		    &request->failure, EDURANGE_UNSUPPORTED_MEDIA_TYPE,
		    "the request body must be a form (multipart/form-data) with a zip file, or have "
		    "the Content-Type application/zip or application/json");
	else if (request->match.route->body != BODY_PACK && !media_type_is(type, "application/json"))
		failure_set(&request->failure, EDURANGE_UNSUPPORTED_MEDIA_TYPE,
		            "the request body must have the Content-Type application/json");
	else if (length != NULL &&
	         strtoull(length, NULL, 10) > (unsigned long long) request->config->max_body)
		refuse_size(request);
	/* acknowledges the headers at once: many clients hold the body back until then */
	if (request->client != NULL)
		setsockopt(request->client->fd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof(yes));
}

/* Is the body looked at at all, and not yet too large? */
static bool
is_kept(Request *request, size_t size)
{
	const Route *route = request->match.route;

	if (request->failure.info != NULL || route == NULL || route->body == BODY_NONE)
		return false;
	if (request->body.length + size > (size_t) request->config->max_body)
		refuse_size(request);
	return request->failure.info == NULL;
}

bool
body_receive(Request *request, const char *data, size_t size)
{
	Buffer *body = &request->body;

	if (!is_kept(request, size))
	{
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
