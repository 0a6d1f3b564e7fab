/*
 * fuzz_request.c
 *	  Any bytes as a request: the first line is method and target, the rest the body.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/params.h"

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Binds the parameters as the shim does for a request that may use the route. */
static void
bind_request(const RouteMatch *match, const Target *target, const char *body, size_t length)
{
	Identity identity = {.tier = TIER_ADMIN};
	Values values = {0};
	Upload upload = {0};
	Failure failure = {0};

	if (params_bind(match, target, &identity, body, length, &upload, &values, &failure) !=
	    (failure.info == NULL))
		__builtin_trap();
	json_decref(failure.info != NULL ? failure_body(&failure, "fuzz") : NULL);
	values_free(&values);
	failure_clear(&failure);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1);
	char *body = memchr(memcpy(text, data, size), '\n', size);
	char *uri = strchr(text, ' ');
	Target target;
	RouteMatch match;
	Failure failure = {0};

	if (body != NULL && uri != NULL && uri < body)
	{
		*body++ = '\0';
		*uri++ = '\0';
		if (target_parse(uri, &target, &failure) && !target.too_deep)
		{
			routes_match(text, &target, &match);
			/* a pack is taken apart before: fuzz_upload.c */
			if (match.route != NULL && match.route->body != BODY_PACK)
				bind_request(&match, &target, body, size - (size_t) (body - text));
		}
	}
	failure_clear(&failure);
	free(text);
	return 0;
}
