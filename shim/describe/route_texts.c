/*
 * route_texts.c
 *	  What the description of the interface says of each route, and the server has no use for.
 *
 * What a route takes, and who may call it, stands in the route table (api/routes.c).
 */
#include "describe/route_texts.h"

#include <stdio.h>
#include <string.h>

#define INSTALLS "Installs a pack whole, or brings an installed one up to this version. "
#define PACKS_ALIKE                                                                                              \
	"A path of the manifest is that of a file also where they differ in a leading ./ or in how accented letters" \
	" are composed. Files that the manifest does not name are skipped and reported. Tells for each challenge"    \
	" whether it was added, changed, unchanged or removed; a removed one leaves the pack and stays. A challenge" \
	" of no pack becomes one of this pack. What is there already is not written. dry_run says the same and"      \
	" changes nothing."

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
	{"GET /", "The same page, for who knows the address of the service only."},
	{"GET /health/detailed", NULL,
	 "+health_report connection_info:connection_info"},
	{"GET /metrics", "Counters and gauges in the format of Prometheus."},
	{"GET /get_points", NULL,
	 "points:integer"},
	{"GET /question/completed", NULL,
	 "completed_questions:question_completion[]"},
	{"POST /packs/upload", INSTALLS "A zip as a file of a form, or as the body, or one object of JSON with all files. "
	 PACKS_ALIKE},
	{"POST /challenge-pack/install", "The same as POST /packs/upload."},
	{"POST /challenge-pack/update", "Brings an installed pack to another version, as POST /packs/upload does. force takes"
	 " an older version than the installed one, too, and one that other packs cannot do with."},
	{"GET /schema", "The JSON schema that challenge definitions are held against: the built-in one, or the one that"
	 " operators made active, with the challenge types that they added.", "jsonb"},
	{"GET /competition/{group_id}/board-events", "A competition's board, as it is and as it changes, as Server-Sent Events."},
	{"GET /board/{group_id}", "A competition's board as a page to look at. It shows what board-events sends. Where the board is"
	 " not public it takes a token from the fragment of its address: #token=edr_…"},
	{"GET /competition/{group_id}/events", "The ledger of a competition as lines of JSON; behind a token it waits for something new."},
	{"PATCH /challenge-instances/{instance_id}", NULL,
	 "success:boolean message:text data:instance_change"},
	{"GET /cdf/export/{challenge_id}", NULL,
	 "jsonb"},
};
/* clang-format on */

/* What the routes are about: the first whose prefix a path has. */
/* clang-format off */
const RouteGroup route_groups[] = {
	{"Points and boards", "Totals, the ledger behind them, and who leads.",
	 {"/get_points", "/add_points", "/set_points", "/competition/{group_id}/leaderboard",
	  "/competition/{group_id}/points-history", "/competition/{group_id}/progress",
	  "/competition/{group_id}/board", "/competition/{group_id}/events", "/board"}},
	{"Playing", "Questions, answers, and what is completed by them.",
	 {"/question", "/competition/complete-challenge", "/competition/join"}},
	{"Challenges and instances", "What can be played, and the pods in which it is.",
	 {"/challenge/", "/challenges", "/get_challenge_instance", "/challenge-instances",
	  "/competition/{group_id}/instances"}},
	{"People", "Users, members, instructors, and the codes by which somebody joins.",
	 {"/users", "/competition/{group_id}/members", "/competition/{group_id}/instructors",
	  "/competition/{group_id}/access-codes", "/competition/generate-code", "/competition/{group_id}/roster",
	  "/competition/{group_id}/participation"}},
	{"Competitions", "Made, changed, looked into, and ended.", {"/competition"}},
	{"Activity", "The log of what happened.", {"/activity"}},
	{"Packs and definitions", "Challenges as documents, alone or in packs.",
	 {"/packs", "/challenge-pack", "/cdf", "/schema"}},
	{"The service", "How it does, and what it can do.", {""}},
	{NULL},
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

const RouteGroup *
route_group(const Route *route)
{
	for (const RouteGroup *group = route_groups;; group++)
	{
		for (int i = 0; i < MAX_PREFIXES && group->prefixes[i] != NULL; i++)
		{
			if (strncmp(route->path, group->prefixes[i], strlen(group->prefixes[i])) == 0)
				return group;
		}
	}
}

const char *
unready_shape(ResponseKind kind)
{
	return kind == RESPOND_READY    ? "ready:boolean reason:text missing?:text[]"
	       : kind == RESPOND_HEALTH ? "jsonb"
	                                : NULL;
}
