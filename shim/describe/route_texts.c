/*
 * route_texts.c
 *	  What the description of the interface says of each route, and the server has no use for.
 *
 * What a route takes, and who may call it, stands in the route table (api/routes.c).
 */
#include "describe/route_texts.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
static const RouteText texts[] = {
	{"GET /status", "Is the service up, and is the database connected?",
	 "status:text message:text database:text timestamp:timestamptz connection_info:connection_info"},
	{"GET /live", "Is the process alive?",
	 "live:boolean"},
	{"GET /ready", "Can requests be served?",
	 "ready:boolean version:text"},
	{"GET /openapi.json", "This interface as an OpenAPI document.",
	 "jsonb"},
	{"GET /docs", "This interface as a page to read."},
	{"GET /health/detailed", NULL,
	 "+health_report connection_info:connection_info"},
	{"GET /metrics", "Counters and gauges in the format of Prometheus."},
	{"GET /get_points", NULL,
	 "points:integer"},
	{"GET /question/completed", NULL,
	 "completed_questions:question_completion[]"},
	{"POST /challenge-pack/install", "The same as /packs/upload."},
	{"GET /competition/{group_id}/board-events", "A competition's board, as it is and as it changes, as Server-Sent Events."},
	{"GET /competition/{group_id}/events", "The ledger of a competition as lines of JSON; behind a token it waits for something new."},
	{"PATCH /challenge-instances/{instance_id}", NULL,
	 "success:boolean message:text data:instance_change"},
	{"GET /cdf/export/{challenge_id}", NULL,
	 "jsonb"},
};
/* clang-format on */

const Shape shapes[] = {
    {"connection_info", "last_connected:timestamptz? reconnect_attempts:integer last_error:text?"},
    {NULL, NULL},
};

const RouteText *
route_text(const Route *route)
{
	static const RouteText none = {NULL};
	char name[128];

	snprintf(name, sizeof(name), "%s %s", route->method, route->path);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		if (strcmp(texts[i].route, name) == 0)
			return &texts[i];
	}
	return &none;
}

const char *
unready_shape(ResponseKind kind)
{
	return kind == RESPOND_READY    ? "ready:boolean reason:text missing?:text[]"
	       : kind == RESPOND_HEALTH ? "jsonb"
	                                : NULL;
}
