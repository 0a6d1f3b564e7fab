/*
 * routes.c
 *	  Every route, once: what it takes, who may call it and the one statement that answers it.
 *
 * Dispatch, 404, 405 and parameter checks are all driven by this table and by that of the statements.
 * There is no function that belongs to one route.
 */
#include "api/routes.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* clang-format off */
#define QUERY(n, also) {.name = n, .alias = also, .source = FROM_QUERY, .required = true}
#define TEXT(n, also) {.name = n, .alias = also, .source = FROM_BODY, .required = true}
#define OPTIONAL(n, also, t)                                                                       \
	{.name = n, .alias = also, .source = FROM_BODY, .type = t}
/* who acts: the user or instance that a token is bound to, where the request names none */
#define USER(n, also, from)                                                                        \
	{.name = n, .alias = also, .source = from, .required = true, .bound = CALLER_USER}
#define REQUIRED(n, also, t)                                                                       \
	{.name = n, .alias = also, .source = FROM_BODY, .type = t, .required = true}
/* a pack, whether it is only tried, and who sent it */
#define PART(n, which) {.name = n, .source = FROM_UPLOAD, .type = TYPE_PACK, .part = which}
#define PACK                                                                                       \
	PART("envelope", PACK_ENVELOPE), PART("names", PACK_NAMES), PART("texts", PACK_TEXTS),         \
	PART("faults", PACK_FAULTS),                                                                   \
	{.name = "dry_run", .alias = "dryRun", .source = FROM_QUERY, .type = TYPE_BOOLEAN},        \
	{.name = "X-Uploader-User-Id", .source = FROM_UPLOAD, .bound = CALLER_USER}

const Route routes[] = {
	{.method = "GET", .path = "/status", .open = true, .read_only = true,
	 .response = RESPOND_STATUS, .statement = STATEMENT_PING,
	 .away = "{\"status\":\"ok\",\"message\":\"the service is running\",\"database\":\"disconnected\","
			 "\"timestamp\":null}"},
	{.method = "GET", .path = "/live", .open = true, .read_only = true,
	 .response = RESPOND_LIVE, .away = "{\"live\":true}"},
	{.method = "GET", .path = "/ready", .open = true, .read_only = true,
	 .response = RESPOND_READY, .statement = STATEMENT_READINESS,
	 .away = "{\"ready\":false,\"reason\":null}"},
	{.method = "GET", .path = "/openapi.json", .open = true, .read_only = true,
	 .response = RESPOND_OPENAPI},
	{.method = "GET", .path = "/docs", .open = true, .read_only = true,
	 .response = RESPOND_DOCS},

	{.method = "GET", .path = "/health/detailed", .tier = TIER_SERVICE, .read_only = true,
	 .response = RESPOND_HEALTH, .slow = true, .statement = STATEMENT_HEALTH,
	 .away = "{\"status\":\"error\",\"message\":\"the database is not available\","
			 "\"database\":\"disconnected\",\"timestamp\":null,\"version\":null,\"uptime\":null,"
			 "\"connections\":{\"current\":0,\"max\":0,\"utilization_percent\":0},"
			 "\"performance\":{\"query_latency_ms\":null,\"transaction_latency_ms\":null},"
			 "\"storage\":{\"database_size_mb\":0,\"pretty_size\":\"0 bytes\",\"free_space_mb\":null},"
			 "\"metrics_errors\":[],\"tables\":[],\"tables_info\":\"\"}"},

	{.method = "GET", .path = "/metrics", .tier = TIER_SERVICE, .read_only = true,
	 .response = RESPOND_METRICS, .statement = STATEMENT_SYNC_METRICS},

	{.method = "GET", .path = "/get_points", .tier = TIER_PLAYER, .read_only = true,
	 .caller = true, .statement = STATEMENT_GET_POINTS,
	 .params = {USER("user_id", "userId", FROM_QUERY), QUERY("group_id", "groupId")}},
	{.method = "POST", .path = "/add_points", .tier = TIER_SERVICE, .body = BODY_OBJECT,
	 .caller = true, .keyed = true, .lock_keys = {1, 2}, .statement = STATEMENT_ADD_POINTS,
	 .params = {USER("user_id", "userId", FROM_BODY), TEXT("group_id", "groupId"),
				REQUIRED("points", NULL, TYPE_INTEGER), OPTIONAL("reason", NULL, TYPE_TEXT)},
	 .award = AWARD_CORRECTION},
	{.method = "POST", .path = "/set_points", .tier = TIER_SERVICE, .body = BODY_OBJECT,
	 .caller = true, .keyed = true, .lock_keys = {1, 2}, .statement = STATEMENT_SET_POINTS,
	 .params = {USER("user_id", "userId", FROM_BODY), TEXT("group_id", "groupId"),
				REQUIRED("points", NULL, TYPE_INTEGER), OPTIONAL("reason", NULL, TYPE_TEXT)},
	 .award = AWARD_CORRECTION},

	{.method = "POST", .path = "/competition/create", .tier = TIER_SERVICE, .body = BODY_OBJECT,
	 .caller = true, .keyed = true, .statement = STATEMENT_CREATE_COMPETITION,
	 .params = {TEXT("name", NULL), REQUIRED("startDate", "start_date", TYPE_TIMESTAMP),
				REQUIRED("instructorIds", "instructor_ids", TYPE_TEXT_LIST),
				OPTIONAL("description", NULL, TYPE_TEXT),
				OPTIONAL("endDate", "end_date", TYPE_TIMESTAMP)}},
	{.method = "POST", .path = "/competition/generate-code", .tier = TIER_SERVICE,
	 .body = BODY_OBJECT, .caller = true, .keyed = true, .statement = STATEMENT_GENERATE_CODE,
	 .params = {TEXT("groupId", "group_id"), USER("createdBy", "created_by", FROM_BODY),
				OPTIONAL("code", NULL, TYPE_TEXT),
				OPTIONAL("expiresAt", "expires_at", TYPE_TIMESTAMP),
				OPTIONAL("maxUses", "max_uses", TYPE_INTEGER)}},
	{.method = "POST", .path = "/competition/add-challenge", .tier = TIER_SERVICE,
	 .body = BODY_OBJECT, .caller = true, .keyed = true, .statement = STATEMENT_ADD_CHALLENGE,
	 .params = {TEXT("groupId", "group_id"), TEXT("challengeId", "challenge_id"),
				REQUIRED("points", NULL, TYPE_INTEGER)}},
	{.method = "POST", .path = "/competition/join", .tier = TIER_PLAYER, .body = BODY_OBJECT,
	 .caller = true, .keyed = true, .lock_keys = {1, 2}, .statement = STATEMENT_JOIN,
	 .params = {TEXT("code", NULL), USER("userId", "user_id", FROM_BODY)}},
	{.method = "GET", .path = "/competition/{group_id}/leaderboard", .tier = TIER_PLAYER,
	 .read_only = true, .caller = true, .replica_ok = true, .statement = STATEMENT_LEADERBOARD,
	 .params = {{.name = "group_id", .source = FROM_PATH, .required = true},
				{.name = "limit", .source = FROM_QUERY, .type = TYPE_INTEGER},
				{.name = "offset", .source = FROM_QUERY, .type = TYPE_INTEGER},
				{.name = "at", .source = FROM_QUERY, .type = TYPE_TIMESTAMP, .slow = true}}},

	{.method = "GET", .path = "/competition/{group_id}/progress/{user_id}", .tier = TIER_PLAYER,
	 .read_only = true, .caller = true, .statement = STATEMENT_PROGRESS,
	 .params = {{.name = "group_id", .source = FROM_PATH, .required = true},
				{.name = "user_id", .source = FROM_PATH, .required = true}}},
	{.method = "POST", .path = "/competition/complete-challenge", .tier = TIER_PLAYER,
	 .body = BODY_OBJECT, .caller = true, .keyed = true,
	 .lock_keys = {1, 2}, .statement = STATEMENT_COMPLETE_CHALLENGE,
	 .params = {USER("userId", "user_id", FROM_BODY),
				TEXT("groupChallengeId", "group_challenge_id"),
				OPTIONAL("pointsEarned", "points_earned", TYPE_INTEGER),
				OPTIONAL("groupId", "group_id", TYPE_TEXT),
				OPTIONAL("challengeId", "challenge_id", TYPE_TEXT)},
	 .award = AWARD_CHALLENGE, .award_unless = "alreadyCompleted"},

	{.method = "POST", .path = "/question/attempt", .tier = TIER_PLAYER, .body = BODY_OBJECT,
	 .caller = true, .keyed = true, .lock_keys = {1, 3}, .statement = STATEMENT_ATTEMPT,
	 .params = {USER("user_id", "userId", FROM_BODY), TEXT("question_id", "questionId"),
				TEXT("group_challenge_id", "groupChallengeId"),
				REQUIRED("answer", NULL, TYPE_ANSWER),
				{.name = "challenge_instance_id", .alias = "challengeInstanceId",
				 .source = FROM_BODY, .bound = CALLER_INSTANCE}},
	 .limited = true,
	 .award = AWARD_QUESTION, .award_if = "isCorrect", .award_unless = "alreadyCompleted"},
	{.method = "POST", .path = "/question/complete", .tier = TIER_PLAYER, .body = BODY_OBJECT,
	 .caller = true, .keyed = true, .lock_keys = {1, 3}, .statement = STATEMENT_COMPLETE,
	 .params = {USER("user_id", "userId", FROM_BODY), TEXT("question_id", "questionId"),
				TEXT("group_challenge_id", "groupChallengeId"),
				OPTIONAL("is_correct", "isCorrect", TYPE_BOOLEAN),
				{.name = "points", .source = FROM_BODY, .type = TYPE_INTEGER, .ignored = true}},
	 .award = AWARD_QUESTION, .award_unless = "alreadyCompleted"},

	{.method = "GET", .path = "/question/completed", .tier = TIER_PLAYER, .read_only = true,
	 .caller = true, .statement = STATEMENT_COMPLETED,
	 .params = {USER("user_id", "userId", FROM_QUERY),
				QUERY("group_challenge_id", "groupChallengeId")}},
	{.method = "GET", .path = "/question/details", .tier = TIER_PLAYER, .read_only = true,
	 .caller = true, .statement = STATEMENT_QUESTION_DETAILS,
	 .params = {QUERY("question_id", "questionId")}},

	{.method = "POST", .path = "/packs/upload", .tier = TIER_ADMIN, .body = BODY_PACK,
	 .caller = true, .keyed = true, .slow = true, .statement = STATEMENT_PACK_INSTALL,
	 .params = {PACK}},
	{.method = "POST", .path = "/challenge-pack/install", .tier = TIER_ADMIN, .body = BODY_PACK,
	 .caller = true, .keyed = true, .slow = true, .statement = STATEMENT_PACK_INSTALL,
	 .params = {PACK}},
	{.method = "POST", .path = "/challenge-pack/update", .tier = TIER_ADMIN, .body = BODY_PACK,
	 .caller = true, .keyed = true, .slow = true, .statement = STATEMENT_PACK_UPDATE,
	 .params = {PACK, {.name = "force", .source = FROM_QUERY, .type = TYPE_BOOLEAN}}},
	{.method = "POST", .path = "/challenge-pack/uninstall", .tier = TIER_ADMIN,
	 .body = BODY_OBJECT, .caller = true, .keyed = true, .statement = STATEMENT_PACK_UNINSTALL,
	 .params = {TEXT("pack_id", "packId")}},
	{.method = "GET", .path = "/challenge-pack/list", .tier = TIER_SERVICE, .read_only = true,
	 .caller = true, .replica_ok = true, .statement = STATEMENT_PACK_LIST},
	{.method = "GET", .path = "/challenge-pack/details/{pack_id}", .tier = TIER_SERVICE,
	 .read_only = true, .caller = true, .replica_ok = true, .statement = STATEMENT_PACK_DETAILS,
	 .params = {{.name = "pack_id", .source = FROM_PATH, .required = true}}},

	{.method = "GET", .path = "/challenge/list", .tier = TIER_PLAYER, .read_only = true,
	 .caller = true, .replica_ok = true, .statement = STATEMENT_CHALLENGE_LIST,
	 .params = {{.name = "type", .source = FROM_QUERY},
				{.name = "difficulty", .source = FROM_QUERY},
				{.name = "pack_id", .alias = "packId", .source = FROM_QUERY},
				{.name = "group_id", .alias = "groupId", .source = FROM_QUERY},
				{.name = "search", .source = FROM_QUERY, .slow = true},
				{.name = "limit", .source = FROM_QUERY, .type = TYPE_INTEGER},
				{.name = "cursor", .source = FROM_QUERY}}},
	{.method = "GET", .path = "/challenges", .tier = TIER_PLAYER, .read_only = true,
	 .caller = true, .replica_ok = true, .statement = STATEMENT_CHALLENGES},
	{.method = "GET", .path = "/challenge/details", .tier = TIER_PLAYER, .read_only = true,
	 .caller = true, .replica_ok = true, .statement = STATEMENT_CHALLENGE_DETAILS,
	 .params = {QUERY("challenge_id", "challengeId")}},
	{.method = "GET", .path = "/get_challenge_instance", .tier = TIER_PLAYER, .read_only = true,
	 .caller = true, .statement = STATEMENT_INSTANCE,
	 .params = {{.name = "challenge_instance_id", .alias = "challengeInstanceId",
				 .source = FROM_QUERY, .required = true, .bound = CALLER_INSTANCE}}},
	{.method = "PATCH", .path = "/challenge-instances/{instance_id}", .tier = TIER_SERVICE,
	 .body = BODY_OBJECT, .caller = true, .keyed = true, .lock_keys = {1}, .statement = STATEMENT_UPDATE_INSTANCE,
	 .params = {{.name = "instance_id", .source = FROM_PATH, .required = true},
				OPTIONAL("status", NULL, TYPE_TEXT),
				OPTIONAL("flagSecretName", "flag_secret_name", TYPE_TEXT),
				OPTIONAL("flag", NULL, TYPE_TEXT)}},

	{.method = "POST", .path = "/activity/log", .tier = TIER_PLAYER, .body = BODY_OBJECT,
	 .caller = true, .keyed = true, .lock_keys = {2}, .statement = STATEMENT_LOG_ACTIVITY,
	 .params = {TEXT("eventType", "event_type"), USER("userId", "user_id", FROM_BODY),
				OPTIONAL("severity", NULL, TYPE_TEXT), OPTIONAL("metadata", NULL, TYPE_JSON),
				OPTIONAL("challengeId", "challenge_id", TYPE_TEXT),
				OPTIONAL("groupId", "group_id", TYPE_TEXT),
				OPTIONAL("challengeInstanceId", "challenge_instance_id", TYPE_TEXT),
				OPTIONAL("accessCodeId", "access_code_id", TYPE_TEXT),
				OPTIONAL("details", NULL, TYPE_TEXT)}},

	{.method = "GET", .path = "/schema", .tier = TIER_PLAYER, .read_only = true,
	 .statement = STATEMENT_CDF_SCHEMA},
	{.method = "POST", .path = "/cdf/validate", .tier = TIER_SERVICE, .read_only = true,
	 .body = BODY_DOCUMENT, .slow = true, .statement = STATEMENT_CDF_VALIDATE,
	 .params = {{.name = "document", .source = FROM_BODY, .type = TYPE_DOCUMENT, .required = true}}},
	{.method = "POST", .path = "/cdf/import", .tier = TIER_ADMIN, .body = BODY_DOCUMENT,
	 .caller = true, .keyed = true, .slow = true, .statement = STATEMENT_CDF_IMPORT,
	 .params = {{.name = "document", .source = FROM_BODY, .type = TYPE_DOCUMENT, .required = true},
				{.name = "pack_id", .alias = "packId", .source = FROM_QUERY}}},
	{.method = "POST", .path = "/cdf/update/{challenge_id}", .tier = TIER_ADMIN,
	 .body = BODY_DOCUMENT, .caller = true, .keyed = true, .slow = true,
	 .statement = STATEMENT_CDF_UPDATE,
	 .params = {{.name = "challenge_id", .source = FROM_PATH, .required = true},
				{.name = "document", .source = FROM_BODY, .type = TYPE_DOCUMENT, .required = true}}},
	{.method = "GET", .path = "/cdf/export/{challenge_id}", .tier = TIER_ADMIN, .read_only = true,
	 .caller = true, .slow = true, .statement = STATEMENT_CDF_EXPORT,
	 .params = {{.name = "challenge_id", .source = FROM_PATH, .required = true}}},
};
/* clang-format on */

const size_t route_count = sizeof(routes) / sizeof(routes[0]);

const BodyKindInfo body_kinds[BODY_KINDS] = {
    [BODY_OBJECT] = {SMALL_BODY, 1000},
    /* a document holds the texts of a whole challenge, and is kept as it came */
    [BODY_DOCUMENT] = {DOCUMENT_BYTES, DOCUMENT_VALUES},
    /* a pack holds many documents; each of its files is looked at alone */
    [BODY_PACK] = {16 << 20, DOCUMENT_VALUES},
};

const char *const media_types[RESPOND_COUNT] = {
    [RESPOND_VALUE... RESPOND_OPENAPI] = "application/json",
    [RESPOND_DOCS] = "text/html; charset=utf-8",
    [RESPOND_METRICS] = "text/plain; version=0.0.4; charset=utf-8",
    [RESPOND_READY... RESPOND_HEALTH] = "application/json",
};

/* Prints method, path and tier of each route. */
void
routes_print(void)
{
	for (size_t i = 0; i < route_count; i++)
		printf("%s %s %s\n", routes[i].method, routes[i].path, tier_name(routes[i].tier));
}

/* Does the path have the shape of the pattern?  Notes which segments are parameters. */
static bool
path_matches(const char *pattern, const Target *target, int *values)
{
	const char *at = pattern;
	int nvalues = 0;

	for (int i = 0; i < target->nsegments; i++)
	{
		size_t length;

		if (*at++ != '/')
			return false;
		length = strcspn(at, "/");
		if (*at == '{')
			values[nvalues++] = i;
		else if (strlen(target->segments[i]) != length ||
		         strncmp(at, target->segments[i], length) != 0)
			return false;
		at += length;
	}
	return *at == '\0';
}

/* Adds a method to a list for the header Allow, once. */
static void
allow_method(char *allow, const char *method)
{
	size_t used = strlen(allow);

	if (strstr(allow, method) == NULL)
		snprintf(allow + used, ALLOW_LENGTH - used, "%s%s", used > 0 ? ", " : "", method);
}

/*
 * Finds the route of a method and a path that is split already; HEAD is answered by GET, and the server itself has
 * the methods of all routes.  A path that is spelled out wins over one with parameters, because the table has it first.
 */
void
routes_match(const char *method, const Target *target, RouteMatch *match)
{
	const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
	int values[MAX_SEGMENTS];

	memset(match, 0, sizeof(*match));
	for (size_t i = 0; i < route_count; i++)
	{
		if (!(target->asterisk && strcmp(method, "OPTIONS") == 0) &&
		    !path_matches(routes[i].path, target, values))
			continue;
		match->path_found = true;
		allow_method(match->allow, routes[i].method);
		if (strcmp(routes[i].method, "GET") == 0)
			allow_method(match->allow, "HEAD");
		if (match->route == NULL && strcmp(routes[i].method, wanted) == 0)
		{
			match->route = &routes[i];
			memcpy(match->values, values, sizeof(values));
		}
	}
	if (match->path_found)
		allow_method(match->allow, "OPTIONS");
}
