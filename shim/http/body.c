/*
 * body.c
 *	  The body of a request: refused by its headers, or taken in piece by piece.
 *
 * What is not wanted is read and dropped, up to a limit, so that the client can read why.
 */
#include "http/body.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SWALLOW_LIMIT (64 * 1024 * 1024) /* bytes read and dropped so that a refusal can be read */
#define BODY_FIRST_SIZE 4096

/* Acknowledges the headers at once: many clients hold the body back until then. */
static void
hurry(Request *request)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	int yes = 1;

	if (info != NULL)
		setsockopt(info->connect_fd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof(yes));
}

/* Refuses a body by its headers. */
void
body_check_headers(Request *request)
{
	const char *type = request_header(request, MHD_HTTP_HEADER_CONTENT_TYPE);
	const char *length = request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);

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
		failure_set(&request->failure, EDURANGE_PAYLOAD_TOO_LARGE,
		            "the request body may have at most %d bytes", request->config->max_body);
	hurry(request);
}

/* Takes in a piece of the body, or drops it when it is not wanted; false: enough is enough. */
bool
body_receive(Request *request, const char *data, size_t size)
{
	size_t limit = (size_t) request->config->max_body;
	const Route *route = request->match.route;

	if (request->failure.info == NULL && route != NULL && route->body != BODY_NONE)
	{
		size_t needed = request->body_length + size;

		if (needed > limit)
			failure_set(&request->failure, EDURANGE_PAYLOAD_TOO_LARGE,
			            "the request body may have at most %d bytes", request->config->max_body);
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
