/*
 * cors.c
 *	  Which pages of other origins may read the answers (CORS).
 *
 * None, unless EDURANGE_CORS_ORIGINS names their origin or is "*".
 */
#include "http/cors.h"

#include <string.h>

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

void
cors_add_headers(const Request *request, struct MHD_Response *response)
{
	const char *allowed = request->config->cors_origins;
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
	    "X-Request-Id, Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset");
	if (strcmp(request->method, "OPTIONS") == 0 && request->match.path_found)
	{
		HEADER("Access-Control-Allow-Methods", request->match.allow);
		HEADER("Access-Control-Allow-Headers",
		       asked != NULL ? asked
		                     : "Authorization, Content-Type, Idempotency-Key, X-Request-Id");
		HEADER("Access-Control-Max-Age", "600");
	}
#undef HEADER
}
