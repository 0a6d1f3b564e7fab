/*
 * body.c
 *	  The body of a request: refused by its headers, or taken in piece by piece.
 *
 * A body that is not wanted is read and dropped, up to a limit.  Its client is told why at once; one that reads
 * only when it has sent everything finds that answer, too.  Then the connection ends.
 */
#include "http/request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SWALLOW_LIMIT (64 * 1024 * 1024) /* bytes read and dropped so that a refusal can be read */

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
