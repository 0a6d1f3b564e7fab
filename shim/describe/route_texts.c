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
	{"GET /health/detailed", "The state of database, tables and sync worker.",
	 "+health_report connection_info:connection_info"},
	{"GET /metrics", "Counters and gauges in the format of Prometheus."},
	{"GET /get_points", "A user's total in a competition; 0 for anything unknown.",
	 "points:integer"},
	{"POST /add_points", "Adds points to a member's total (negative: takes them away)."},
	{"POST /set_points", "Sets a member's total."},
	{"POST /competition/create", "Creates a competition."},
	{"POST /competition/generate-code", "Makes a code to join a competition with."},
	{"POST /competition/add-challenge", "Places a challenge in a competition."},
	{"POST /competition/join", "Makes a user a member of the competition that a code belongs to."},
	{"GET /competition/{group_id}/leaderboard", "The members of a competition, best first."},
	{"GET /competition/{group_id}/progress/{user_id}", "A user's progress through a competition's challenges."},
	{"POST /competition/complete-challenge", "Completes a challenge."},
	{"POST /question/attempt", "Judges an answer and completes the question when it is right."},
	{"POST /question/complete", "Completes a question and awards its points once."},
	{"GET /question/completed", "What a user has completed of a group challenge.",
	 "completed_questions:question_completion[]"},
	{"GET /question/details", "One question."},
	{"POST /packs/upload", "Installs a pack of challenges, or brings it up to a newer version."},
	{"POST /challenge-pack/install", "The same as /packs/upload."},
	{"POST /challenge-pack/update", "Brings an installed pack to another version."},
	{"POST /challenge-pack/uninstall", "Removes a pack; its challenges and all that was done with them stay."},
	{"GET /challenge-pack/list", "All installed packs by name."},
	{"GET /challenge-pack/details/{pack_id}", "A pack with its challenges."},
	{"GET /challenge/list", "A page of challenges, filtered."},
	{"GET /challenges", "All challenges by name."},
	{"GET /challenge/details", "A challenge with its questions and app configurations."},
	{"GET /get_challenge_instance", "An instance, its owner and its group challenge."},
	{"PATCH /challenge-instances/{instance_id}", "Changes status or flag of an instance.",
	 "success:boolean message:text data:instance_change"},
	{"POST /activity/log", "Writes an entry to the activity log."},
	{"GET /schema", "The JSON schema of challenge definitions."},
	{"POST /cdf/validate", "Whether a document, as such or in {\"cdf\": …}, can be imported, and why not."},
	{"POST /cdf/import", "Makes or updates a challenge from a document."},
	{"POST /cdf/update/{challenge_id}", "Updates a challenge, which stays in its pack, from a document."},
	{"GET /cdf/export/{challenge_id}", "The document of a challenge, byte for byte as it was imported.",
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
	char name[128];

	snprintf(name, sizeof(name), "%s %s", route->method, route->path);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		if (strcmp(texts[i].route, name) == 0)
			return &texts[i];
	}
	return NULL;
}

const char *
unready_shape(ResponseKind kind)
{
	return kind == RESPOND_READY    ? "ready:boolean reason:text missing?:text[]"
	       : kind == RESPOND_HEALTH ? "jsonb"
	                                : NULL;
}
