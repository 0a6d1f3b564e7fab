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

/* clang-format off */
/* a read, and a mutation, as SQL has them: who calls comes last, before the key of a mutation */
#define READ(p, t, s)                                                                              \
	.method = "GET", .path = p, .tier = TIER_##t, .read_only = true, .caller = true,               \
	.statement = STATEMENT_##s
#define WRITE(m, p, t, s, b)                                                                       \
	.method = m, .path = p, .tier = TIER_##t, .body = b, .caller = true, .keyed = true,            \
	.statement = STATEMENT_##s
#define PATH(n) {.name = n, .source = FROM_PATH, .required = true}
#define FILTER(n, also, t) {.name = n, .alias = also, .source = FROM_QUERY, .type = t}
#define PAGE FILTER("limit", NULL, TYPE_INTEGER), FILTER("cursor", NULL, TYPE_TEXT)
#define WHOSE FILTER("user_id", "userId", TYPE_TEXT)
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
	PART("envelope", PACK_ENVELOPE), PART("manifest", PACK_MANIFEST), PART("paths", PACK_PATHS),   \
	PART("documents", PACK_DOCUMENTS),                                                             \
	FILTER("dry_run", "dryRun", TYPE_BOOLEAN),                                                     \
	{.name = "X-Uploader-User-Id", .source = FROM_UPLOAD, .bound = CALLER_USER}

const Route routes[] = {
	{.method = "GET", .path = "/status", .open = true, .read_only = true, .response = RESPOND_STATUS,
	 .statement = STATEMENT_PING,
	 .away = "{\"status\":\"ok\",\"message\":\"the service is running\",\"database\":\"disconnected\","
				"\"timestamp\":null}",
	 .answer = "status:text message:text database:text timestamp:timestamptz connection_info:connection_info",
	 .summary = "Is the service up, and is the database connected?"},
	{.method = "GET", .path = "/live", .open = true, .read_only = true, .response = RESPOND_LIVE,
	 .away = "{\"live\":true}", .answer = "live:boolean", .summary = "Is the process alive?"},
	{.method = "GET", .path = "/ready", .open = true, .read_only = true, .response = RESPOND_READY,
	 .statement = STATEMENT_READINESS, .away = "{\"ready\":false,\"reason\":null}",
	 .answer = "ready:boolean version:text", .summary = "Can requests be served?"},
	{.method = "GET", .path = "/openapi.json", .open = true, .read_only = true, .response = RESPOND_OPENAPI,
	 .answer = "jsonb", .summary = "This interface as an OpenAPI document."},
	{.method = "GET", .path = "/docs", .open = true, .read_only = true, .response = RESPOND_DOCS,
	 .summary = "This interface as a page to read."},
	{READ("/health/detailed", SERVICE, HEALTH), .response = RESPOND_HEALTH, .slow = true,
	 .away = "{\"status\":\"error\",\"message\":\"the database is not available\","
				"\"database\":\"disconnected\",\"timestamp\":null,\"version\":null,\"uptime\":null,"
				"\"connections\":{\"current\":0,\"max\":0,\"utilization_percent\":0},"
				"\"performance\":{\"query_latency_ms\":null,\"transaction_latency_ms\":null},"
				"\"storage\":{\"database_size_mb\":0,\"pretty_size\":\"0 bytes\",\"free_space_mb\":null},"
				"\"metrics_errors\":[],\"tables\":[],\"tables_info\":\"\"}",
	 .answer = "+health_report connection_info:connection_info",
	 .summary = "The state of database, tables and sync worker."},
	{READ("/metrics", SERVICE, SYNC_METRICS), .response = RESPOND_METRICS,
	 .summary = "Counters and gauges in the format of Prometheus."},
	{READ("/get_points", PLAYER, GET_POINTS), .params = {USER("user_id", "userId", FROM_QUERY),
				QUERY("group_id", "groupId")}, .answer = "points:integer",
	 .summary = "A user's total in a competition; 0 for anything unknown."},
	{WRITE("POST", "/add_points", SERVICE, ADD_POINTS, BODY_OBJECT), .lock_keys = {1, 2},
	 .params = {USER("user_id", "userId", FROM_BODY), TEXT("group_id", "groupId"),
				REQUIRED("points", NULL, TYPE_INTEGER), OPTIONAL("reason", NULL, TYPE_TEXT)},
	 .award = AWARD_CORRECTION, .summary = "Adds points to a member's total (negative: takes them away)."},
	{WRITE("POST", "/set_points", SERVICE, SET_POINTS, BODY_OBJECT), .lock_keys = {1, 2},
	 .params = {USER("user_id", "userId", FROM_BODY), TEXT("group_id", "groupId"),
				REQUIRED("points", NULL, TYPE_INTEGER), OPTIONAL("reason", NULL, TYPE_TEXT)},
	 .award = AWARD_CORRECTION, .summary = "Sets a member's total."},
	{WRITE("POST", "/competition/create", SERVICE, CREATE_COMPETITION, BODY_OBJECT),
	 .params = {TEXT("name", NULL), REQUIRED("startDate", "start_date", TYPE_TIMESTAMP),
				REQUIRED("instructorIds", "instructor_ids", TYPE_TEXT_LIST),
				OPTIONAL("description", NULL, TYPE_TEXT), OPTIONAL("endDate", "end_date", TYPE_TIMESTAMP)},
	 .summary = "Creates a competition."},
	{WRITE("POST", "/competition/generate-code", SERVICE, GENERATE_CODE, BODY_OBJECT),
	 .params = {TEXT("groupId", "group_id"), USER("createdBy", "created_by", FROM_BODY),
				OPTIONAL("code", NULL, TYPE_TEXT), OPTIONAL("expiresAt", "expires_at", TYPE_TIMESTAMP),
				OPTIONAL("maxUses", "max_uses", TYPE_INTEGER)},
	 .summary = "Makes a code to join a competition with."},
	{WRITE("POST", "/competition/add-challenge", SERVICE, ADD_CHALLENGE, BODY_OBJECT),
	 .params = {TEXT("groupId", "group_id"), TEXT("challengeId", "challenge_id"),
				REQUIRED("points", NULL, TYPE_INTEGER)}, .summary = "Places a challenge in a competition."},
	{WRITE("POST", "/competition/join", PLAYER, JOIN, BODY_OBJECT), .lock_keys = {1, 2},
	 .params = {TEXT("code", NULL), USER("userId", "user_id", FROM_BODY)},
	 .summary = "Makes a user a member of the competition that a code belongs to."},
	{WRITE("POST", "/users", SERVICE, CREATE_USER, BODY_OBJECT), .lock_keys = {1},
	 .params = {TEXT("email", NULL), OPTIONAL("name", NULL, TYPE_TEXT), OPTIONAL("role", NULL, TYPE_TEXT),
				OPTIONAL("id", NULL, TYPE_TEXT)}, .summary = "Makes a user, or finds who has the address."},
	{READ("/users", SERVICE, USERS), .params = {FILTER("search", NULL, TYPE_TEXT), PAGE},
	 .summary = "Users by e-mail address."},
	{READ("/competitions", SERVICE, COMPETITIONS), .params = {PAGE}, .summary = "Competitions, newest first."},
	{READ("/competition/{group_id}", SERVICE, COMPETITION), .params = {PATH("group_id")},
	 .summary = "A competition with its counts."},
	{WRITE("PATCH", "/competition/{group_id}", SERVICE, UPDATE_COMPETITION, BODY_OBJECT), .lock_keys = {1},
	 .params = {PATH("group_id"), OPTIONAL("name", NULL, TYPE_TEXT), OPTIONAL("description", NULL, TYPE_TEXT),
				OPTIONAL("startDate", "start_date", TYPE_TIMESTAMP),
				OPTIONAL("endDate", "end_date", TYPE_TIMESTAMP),
				OPTIONAL("noEndDate", "no_end_date", TYPE_BOOLEAN)}, .summary = "Changes a competition."},
	{WRITE("DELETE", "/competition/{group_id}", SERVICE, DELETE_COMPETITION, BODY_NONE), .slow = true,
	 .params = {PATH("group_id"), QUERY("name", NULL)},
	 .summary = "Deletes a competition, whose name must be given."},
	{READ("/competition/{group_id}/members", SERVICE, MEMBERS), .params = {PATH("group_id"), PAGE},
	 .summary = "Members by id, with their points."},
	{WRITE("DELETE", "/competition/{group_id}/members/{user_id}", SERVICE, REMOVE_MEMBER, BODY_NONE),
	 .lock_keys = {2, 1}, .params = {PATH("group_id"), PATH("user_id")}, .summary = "Takes a member out."},
	{WRITE("PUT", "/competition/{group_id}/instructors", SERVICE, SET_INSTRUCTORS, BODY_OBJECT),
	 .params = {PATH("group_id"), REQUIRED("instructorIds", "instructor_ids", TYPE_TEXT_LIST)},
	 .summary = "Says who its instructors are."},
	{READ("/competition/{group_id}/access-codes", SERVICE, ACCESS_CODES), .params = {PATH("group_id"), PAGE},
	 .summary = "Access codes, newest first."},
	{WRITE("DELETE", "/competition/{group_id}/access-codes/{code}", SERVICE, REVOKE_CODE, BODY_NONE),
	 .lock_keys = {1}, .params = {PATH("group_id"), PATH("code")}, .summary = "Withdraws an access code."},
	{WRITE("DELETE", "/competition/{group_id}/challenges/{group_challenge_id}", SERVICE, REMOVE_CHALLENGE,
				BODY_NONE), .slow = true, .params = {PATH("group_id"), PATH("group_challenge_id"),
				FILTER("force", NULL, TYPE_BOOLEAN), FILTER("reason", NULL, TYPE_TEXT)},
	 .summary = "Takes a challenge out of a competition."},
	{WRITE("PATCH", "/competition/{group_id}/challenges/{group_challenge_id}", SERVICE, SET_CHALLENGE_POINTS,
				BODY_OBJECT), .slow = true, .params = {PATH("group_id"), PATH("group_challenge_id"),
				REQUIRED("points", NULL, TYPE_INTEGER), OPTIONAL("force", NULL, TYPE_BOOLEAN),
				OPTIONAL("reason", NULL, TYPE_TEXT)}, .summary = "Changes what a challenge is worth."},
	{WRITE("POST", "/competition/{group_id}/reset", SERVICE, RESET_PROGRESS, BODY_OBJECT),
	 .lock_keys = {2, 1}, .params = {PATH("group_id"), TEXT("userId", "user_id"),
				OPTIONAL("reason", NULL, TYPE_TEXT)}, .summary = "Lets a member begin anew."},
	{READ("/competition/{group_id}/attempts", PLAYER, ATTEMPTS),
	 .params = {PATH("group_id"), WHOSE, FILTER("question_id", "questionId", TYPE_TEXT), PAGE},
	 .summary = "Attempts, newest first."},
	{READ("/competition/{group_id}/activity", SERVICE, ACTIVITY),
	 .params = {PATH("group_id"), WHOSE, FILTER("event_type", "eventType", TYPE_TEXT), PAGE},
	 .summary = "The log of activity, newest first."},
	{READ("/competition/{group_id}/points-history/{user_id}", SERVICE, POINTS_HISTORY),
	 .params = {PATH("group_id"), PATH("user_id"), FILTER("limit", NULL, TYPE_INTEGER),
				FILTER("before_seq", "beforeSeq", TYPE_INTEGER)}, .summary = "A member's ledger, newest first."},
	{READ("/competition/{group_id}/instances", SERVICE, INSTANCES),
	 .params = {PATH("group_id"), WHOSE, FILTER("status", NULL, TYPE_TEXT), PAGE},
	 .summary = "Instances by id."},

	{READ("/competition/{group_id}/leaderboard", PLAYER, LEADERBOARD), .replica_ok = true,
	 .params = {PATH("group_id"), FILTER("limit", NULL, TYPE_INTEGER), FILTER("offset", NULL, TYPE_INTEGER),
				{.name = "at", .source = FROM_QUERY, .type = TYPE_TIMESTAMP, .slow = true}},
	 .summary = "The members of a competition, best first."},
	{READ("/competition/{group_id}/progress/{user_id}", PLAYER, PROGRESS), .params = {PATH("group_id"),
				PATH("user_id")}, .summary = "A user's progress through a competition's challenges."},
	{WRITE("POST", "/competition/complete-challenge", PLAYER, COMPLETE_CHALLENGE, BODY_OBJECT),
	 .lock_keys = {1, 2}, .params = {USER("userId", "user_id", FROM_BODY),
				TEXT("groupChallengeId", "group_challenge_id"),
				OPTIONAL("pointsEarned", "points_earned", TYPE_INTEGER),
				OPTIONAL("groupId", "group_id", TYPE_TEXT),
				OPTIONAL("challengeId", "challenge_id", TYPE_TEXT)}, .award = AWARD_CHALLENGE,
	 .award_unless = "alreadyCompleted", .summary = "Completes a challenge."},
	{WRITE("POST", "/question/attempt", PLAYER, ATTEMPT, BODY_OBJECT), .lock_keys = {1, 3},
	 .params = {USER("user_id", "userId", FROM_BODY), TEXT("question_id", "questionId"),
				TEXT("group_challenge_id", "groupChallengeId"), REQUIRED("answer", NULL, TYPE_ANSWER),
				{.name = "challenge_instance_id", .alias = "challengeInstanceId", .source = FROM_BODY, .bound = CALLER_INSTANCE}},
	 .limited = true, .award = AWARD_QUESTION, .award_if = "isCorrect", .award_unless = "alreadyCompleted",
	 .summary = "Judges an answer and completes the question when it is right."},
	{WRITE("POST", "/question/complete", PLAYER, COMPLETE, BODY_OBJECT), .lock_keys = {1, 3},
	 .params = {USER("user_id", "userId", FROM_BODY), TEXT("question_id", "questionId"),
				TEXT("group_challenge_id", "groupChallengeId"),
				OPTIONAL("is_correct", "isCorrect", TYPE_BOOLEAN),
				{.name = "points", .source = FROM_BODY, .type = TYPE_INTEGER, .ignored = true}},
	 .award = AWARD_QUESTION, .award_unless = "alreadyCompleted",
	 .summary = "Completes a question and awards its points once."},
	{READ("/question/completed", PLAYER, COMPLETED), .params = {USER("user_id", "userId", FROM_QUERY),
				QUERY("group_challenge_id", "groupChallengeId")},
	 .answer = "completed_questions:question_completion[]",
	 .summary = "What a user has completed of a group challenge."},
	{READ("/question/details", PLAYER, QUESTION_DETAILS), .params = {QUERY("question_id", "questionId")},
	 .summary = "One question."},
	{WRITE("POST", "/packs/upload", ADMIN, PACK_INSTALL, BODY_PACK), .slow = true, .params = {PACK},
	 .summary = "Installs a pack of challenges, or brings it up to a newer version."},
	{WRITE("POST", "/challenge-pack/install", ADMIN, PACK_INSTALL, BODY_PACK), .slow = true, .params = {PACK},
	 .summary = "The same as /packs/upload."},
	{WRITE("POST", "/challenge-pack/update", ADMIN, PACK_UPDATE, BODY_PACK), .slow = true, .params = {PACK,
				FILTER("force", NULL, TYPE_BOOLEAN)},
	 .summary = "Brings an installed pack to another version."},
	{WRITE("POST", "/challenge-pack/uninstall", ADMIN, PACK_UNINSTALL, BODY_OBJECT),
	 .params = {TEXT("pack_id", "packId")},
	 .summary = "Removes a pack; its challenges and all that was done with them stay."},
	{READ("/challenge-pack/list", SERVICE, PACK_LIST), .replica_ok = true,
	 .summary = "All installed packs by name."},
	{READ("/challenge-pack/details/{pack_id}", SERVICE, PACK_DETAILS), .replica_ok = true,
	 .params = {PATH("pack_id")}, .summary = "A pack with its challenges."},
	{READ("/challenge/list", PLAYER, CHALLENGE_LIST), .replica_ok = true,
	 .params = {FILTER("type", NULL, TYPE_TEXT), FILTER("difficulty", NULL, TYPE_TEXT),
				FILTER("pack_id", "packId", TYPE_TEXT), FILTER("group_id", "groupId", TYPE_TEXT),
				{.name = "search", .source = FROM_QUERY, .slow = true}, FILTER("limit", NULL, TYPE_INTEGER),
				FILTER("cursor", NULL, TYPE_TEXT)}, .summary = "A page of challenges, filtered."},
	{READ("/challenges", PLAYER, CHALLENGES), .replica_ok = true, .summary = "All challenges by name."},
	{READ("/challenge/details", PLAYER, CHALLENGE_DETAILS), .replica_ok = true,
	 .params = {QUERY("challenge_id", "challengeId")},
	 .summary = "A challenge with its questions and app configurations."},
	{READ("/get_challenge_instance", PLAYER, INSTANCE),
	 .params = {{.name = "challenge_instance_id", .alias = "challengeInstanceId", .source = FROM_QUERY, .required = true, .bound = CALLER_INSTANCE}},
	 .summary = "An instance, its owner and its group challenge."},
	{WRITE("PATCH", "/challenge-instances/{instance_id}", SERVICE, UPDATE_INSTANCE, BODY_OBJECT),
	 .lock_keys = {1}, .params = {PATH("instance_id"), OPTIONAL("status", NULL, TYPE_TEXT),
				OPTIONAL("flagSecretName", "flag_secret_name", TYPE_TEXT), OPTIONAL("flag", NULL, TYPE_TEXT)},
	 .answer = "success:boolean message:text data:instance_change",
	 .summary = "Changes status or flag of an instance."},
	{WRITE("POST", "/activity/log", PLAYER, LOG_ACTIVITY, BODY_OBJECT), .lock_keys = {2},
	 .params = {TEXT("eventType", "event_type"), USER("userId", "user_id", FROM_BODY),
				OPTIONAL("severity", NULL, TYPE_TEXT), OPTIONAL("metadata", NULL, TYPE_JSON),
				OPTIONAL("challengeId", "challenge_id", TYPE_TEXT),
				OPTIONAL("groupId", "group_id", TYPE_TEXT),
				OPTIONAL("challengeInstanceId", "challenge_instance_id", TYPE_TEXT),
				OPTIONAL("accessCodeId", "access_code_id", TYPE_TEXT), OPTIONAL("details", NULL, TYPE_TEXT)},
	 .summary = "Writes an entry to the activity log."},
	{READ("/schema", PLAYER, CDF_SCHEMA), .summary = "The JSON schema of challenge definitions."},
	{.method = "POST", .path = "/cdf/validate", .tier = TIER_SERVICE, .read_only = true, .caller = true,
	 .body = BODY_DOCUMENT, .slow = true, .statement = STATEMENT_CDF_VALIDATE,
	 .params = {{.name = "document", .source = FROM_BODY, .type = TYPE_DOCUMENT, .required = true}},
	 .summary = "Whether a document, as such or in {\"cdf\": …}, can be imported, and why not."},
	{WRITE("POST", "/cdf/import", ADMIN, CDF_IMPORT, BODY_DOCUMENT), .slow = true,
	 .params = {{.name = "document", .source = FROM_BODY, .type = TYPE_DOCUMENT, .required = true},
				FILTER("pack_id", "packId", TYPE_TEXT)},
	 .summary = "Makes or updates a challenge from a document."},
	{WRITE("POST", "/cdf/update/{challenge_id}", ADMIN, CDF_UPDATE, BODY_DOCUMENT), .slow = true,
	 .params = {PATH("challenge_id"),
				{.name = "document", .source = FROM_BODY, .type = TYPE_DOCUMENT, .required = true}},
	 .summary = "Updates a challenge, which stays in its pack, from a document."},
	{READ("/cdf/export/{challenge_id}", ADMIN, CDF_EXPORT), .slow = true, .answer = "jsonb",
	 .params = {PATH("challenge_id")},
	 .summary = "The document of a challenge, byte for byte as it was imported."},
};
/* clang-format on */

const size_t route_count = sizeof(routes) / sizeof(routes[0]);

#define JSON "application/json"
const ResponseKindInfo response_kinds[RESPOND_COUNT] = {
    [RESPOND_VALUE] = {JSON},
    [RESPOND_STATUS] = {JSON},
    [RESPOND_LIVE] = {JSON},
    [RESPOND_OPENAPI] = {JSON},
    [RESPOND_DOCS] = {"text/html; charset=utf-8"},
    [RESPOND_METRICS] = {"text/plain; version=0.0.4; charset=utf-8"},
    [RESPOND_READY] = {JSON, "ready:boolean reason:text missing?:text[]"},
    [RESPOND_HEALTH] = {JSON, "jsonb"},
};

const Shape shapes[] = {
    {"connection_info", "last_connected:timestamptz? reconnect_attempts:integer last_error:text?"},
    {NULL, NULL},
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
 * Finds the route of a method and a path that is split already; HEAD is answered by GET.  A path
 * that is spelled out wins over one with parameters, because the table has it first.
 */
void
routes_match(const char *method, const Target *target, RouteMatch *match)
{
	const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
	int values[MAX_SEGMENTS];

	memset(match, 0, sizeof(*match));
	for (size_t i = 0; i < route_count; i++)
	{
		if (!path_matches(routes[i].path, target, values))
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
