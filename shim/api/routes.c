/*
 * routes.c
 *	  Every route, once: what it takes, who may call it and the one statement that answers it.
 *
 * Dispatch, 404, 405 and parameter checks are all driven by this table and by that of the statements.
 * What a route does beyond its statement is a kind of response (ResponseKind), never its path.
 */
#include "api/routes.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
/* needs no tier */
#define OPEN(p, r) .method = "GET", .path = p, .open = true, .read_only = true, .response = RESPOND_##r
/* a read, and a mutation, as SQL has them: who calls comes last, before the key of a mutation */
#define READ(p, t, s)                                                                              \
	.method = "GET", .path = p, .tier = TIER_##t, .read_only = true, .caller = true,               \
	.statement = STATEMENT_##s
#define WRITE(m, p, t, s, b)                                                                       \
	.method = m, .path = p, .tier = TIER_##t, .body = BODY_##b, .caller = true, .keyed = true,            \
	.statement = STATEMENT_##s
#define PATH(n) {.name = n, .source = FROM_PATH, .required = true}
#define FILTER_OF(n, also, t) {.name = n, .alias = also, .source = FROM_QUERY, .type = TYPE_##t}
#define FILTER(n, also) FILTER_OF(n, also, TEXT)
#define PAGE FILTER_OF("limit", NULL, INTEGER), FILTER("cursor", NULL)
#define WHOSE FILTER("user_id", "userId")
#define QUERY(n, also) {.name = n, .alias = also, .source = FROM_QUERY, .required = true}
#define TEXT(n, also) {.name = n, .alias = also, .source = FROM_BODY, .required = true}
#define OPTIONAL_OF(n, also, t) {.name = n, .alias = also, .source = FROM_BODY, .type = TYPE_##t}
#define OPTIONAL(n, also) OPTIONAL_OF(n, also, TEXT)
/* who acts: the user or instance that a token is bound to, where the request names none */
#define USER(n, also, from)                                                                        \
	{.name = n, .alias = also, .source = from, .required = true, .bound = CALLER_USER}
#define REQUIRED(n, also, t) {.name = n, .alias = also, .source = FROM_BODY, .type = TYPE_##t, .required = true}
/* a pack, whether it is only tried, and who sent it */
#define PART(n, which) {.name = n, .source = FROM_UPLOAD, .type = TYPE_PACK, .part = which}
#define PACK                                                                                       \
	PART("envelope", PACK_ENVELOPE), PART("names", PACK_NAMES), PART("texts", PACK_TEXTS),         \
	PART("faults", PACK_FAULTS),                                                                   \
	FILTER_OF("dry_run", "dryRun", BOOLEAN),                                                     \
	{.name = "X-Uploader-User-Id", .source = FROM_UPLOAD, .bound = CALLER_USER}

const Route routes[] = {
	{OPEN("/status", STATUS), .statement = STATEMENT_PING,
	 .away = "{\"status\":\"ok\",\"message\":\"the service is running\",\"database\":\"disconnected\","
				"\"timestamp\":null}"},
	{OPEN("/live", LIVE), .away = "{\"live\":true}"},
	{OPEN("/ready", READY), .statement = STATEMENT_READINESS, .away = "{\"ready\":false,\"reason\":null}"},
	{OPEN("/openapi.json", OPENAPI)},
	{OPEN("/docs", DOCS)},
	{OPEN("/", DOCS)},
	{READ("/health/detailed", SERVICE, HEALTH), .response = RESPOND_HEALTH, .slow = true,
	 .away = "{\"status\":\"error\",\"message\":\"the database is not available\","
				"\"database\":\"disconnected\",\"timestamp\":null,\"version\":null,\"uptime\":null,"
				"\"connections\":{\"current\":0,\"max\":0,\"utilization_percent\":0},"
				"\"performance\":{\"query_latency_ms\":null,\"transaction_latency_ms\":null},"
				"\"storage\":{\"database_size_mb\":0,\"pretty_size\":\"0 bytes\",\"free_space_mb\":null},"
				"\"metrics_errors\":[],\"tables\":[],\"tables_info\":\"\"}"},
	{READ("/metrics", SERVICE, SYNC_METRICS), .response = RESPOND_METRICS},
	{READ("/get_points", PLAYER, GET_POINTS), .params = {USER("user_id", "userId", FROM_QUERY),
				QUERY("group_id", "groupId")}},
	{WRITE("POST", "/add_points", SERVICE, ADD_POINTS, OBJECT), .lock_keys = {1, 2},
	 .params = {USER("user_id", "userId", FROM_BODY), TEXT("group_id", "groupId"),
				REQUIRED("points", NULL, INTEGER), OPTIONAL("reason", NULL)}, .award = AWARD_CORRECTION},
	{WRITE("POST", "/set_points", SERVICE, SET_POINTS, OBJECT), .lock_keys = {1, 2},
	 .params = {USER("user_id", "userId", FROM_BODY), TEXT("group_id", "groupId"),
				REQUIRED("points", NULL, INTEGER), OPTIONAL("reason", NULL)}, .award = AWARD_CORRECTION},
	{WRITE("POST", "/competition/create", SERVICE, CREATE_COMPETITION, OBJECT), .params = {TEXT("name", NULL),
				REQUIRED("startDate", "start_date", TIMESTAMP),
				REQUIRED("instructorIds", "instructor_ids", TEXT_LIST), OPTIONAL("description", NULL),
				OPTIONAL_OF("endDate", "end_date", TIMESTAMP)}},
	{WRITE("POST", "/competition/generate-code", SERVICE, GENERATE_CODE, OBJECT),
	 .params = {TEXT("groupId", "group_id"), USER("createdBy", "created_by", FROM_BODY), OPTIONAL("code", NULL),
				OPTIONAL_OF("expiresAt", "expires_at", TIMESTAMP), OPTIONAL_OF("maxUses", "max_uses", INTEGER)}},
	{WRITE("POST", "/competition/add-challenge", SERVICE, ADD_CHALLENGE, OBJECT),
	 .params = {TEXT("groupId", "group_id"), TEXT("challengeId", "challenge_id"),
				REQUIRED("points", NULL, INTEGER)}},
	{WRITE("POST", "/competition/join", PLAYER, JOIN, OBJECT), .lock_keys = {1, 2}, .params = {TEXT("code", NULL),
				USER("userId", "user_id", FROM_BODY)}},
	{WRITE("POST", "/users", SERVICE, CREATE_USER, OBJECT), .lock_keys = {1}, .params = {TEXT("email", NULL),
				OPTIONAL("name", NULL), OPTIONAL("role", NULL), OPTIONAL("id", NULL)}},
	{READ("/users", SERVICE, USERS), .params = {FILTER("search", NULL), PAGE}},
	{READ("/competitions", SERVICE, COMPETITIONS), .params = {PAGE}},
	{READ("/competition/{group_id}", SERVICE, COMPETITION), .params = {PATH("group_id")}},
	{WRITE("PATCH", "/competition/{group_id}", SERVICE, UPDATE_COMPETITION, OBJECT), .lock_keys = {1},
	 .params = {PATH("group_id"), OPTIONAL("name", NULL), OPTIONAL("description", NULL),
				OPTIONAL_OF("startDate", "start_date", TIMESTAMP), OPTIONAL_OF("endDate", "end_date", TIMESTAMP),
				OPTIONAL_OF("noEndDate", "no_end_date", BOOLEAN)}},
	{WRITE("DELETE", "/competition/{group_id}", SERVICE, DELETE_COMPETITION, NONE), .slow = true,
	 .params = {PATH("group_id"), QUERY("name", NULL)}},
	{READ("/competition/{group_id}/members", SERVICE, MEMBERS), .params = {PATH("group_id"), PAGE}},
	{WRITE("DELETE", "/competition/{group_id}/members/{user_id}", SERVICE, REMOVE_MEMBER, NONE), .lock_keys = {2,
				1}, .params = {PATH("group_id"), PATH("user_id")}},
	{WRITE("PUT", "/competition/{group_id}/instructors", SERVICE, SET_INSTRUCTORS, OBJECT),
	 .params = {PATH("group_id"), REQUIRED("instructorIds", "instructor_ids", TEXT_LIST)}},
	{WRITE("POST", "/competition/{group_id}/roster", SERVICE, IMPORT_ROSTER, TABLE), .slow = true,
	 .params = {PATH("group_id"), REQUIRED("csv", NULL, TABLE), FILTER_OF("dry_run", "dryRun", BOOLEAN),
				FILTER_OF("make_users", "makeUsers", BOOLEAN)}},
	{READ("/competition/{group_id}/roster", SERVICE, ROSTER), .params = {PATH("group_id"), PAGE}},
	{READ("/competition/{group_id}/access-codes", SERVICE, ACCESS_CODES), .params = {PATH("group_id"), PAGE}},
	{WRITE("DELETE", "/competition/{group_id}/access-codes/{code}", SERVICE, REVOKE_CODE, NONE), .lock_keys = {1},
	 .params = {PATH("group_id"), PATH("code")}},
	{WRITE("DELETE", "/competition/{group_id}/challenges/{group_challenge_id}", SERVICE, REMOVE_CHALLENGE, NONE),
	 .slow = true, .params = {PATH("group_id"), PATH("group_challenge_id"), FILTER_OF("force", NULL, BOOLEAN),
				FILTER("reason", NULL)}},
	{WRITE("PATCH", "/competition/{group_id}/challenges/{group_challenge_id}", SERVICE, SET_CHALLENGE_POINTS, OBJECT),
	 .slow = true, .params = {PATH("group_id"), PATH("group_challenge_id"), REQUIRED("points", NULL, INTEGER),
				OPTIONAL_OF("force", NULL, BOOLEAN), OPTIONAL("reason", NULL)}},
	{WRITE("POST", "/competition/{group_id}/reset", SERVICE, RESET_PROGRESS, OBJECT), .lock_keys = {2, 1},
	 .params = {PATH("group_id"), TEXT("userId", "user_id"), OPTIONAL("reason", NULL)}},
	{READ("/competition/{group_id}/statistics", SERVICE, STATISTICS), .slow = true, .params = {PATH("group_id")}},
	{READ("/competition/{group_id}/timeline", SERVICE, TIMELINE), .slow = true, .params = {PATH("group_id"),
				FILTER_OF("top", NULL, INTEGER)}},
	{READ("/competition/{group_id}/integrity", SERVICE, INTEGRITY), .slow = true, .params = {PATH("group_id"),
				FILTER_OF("fastest_seconds", "fastestSeconds", INTEGER),
				FILTER_OF("equal_answers", "equalAnswers", INTEGER), FILTER_OF("rare_users", "rareUsers", INTEGER)}},
	{WRITE("POST", "/competition/{group_id}/questions/{question_id}/rejudge", SERVICE, REJUDGE, OBJECT), .slow = true, .params = {PATH("group_id"),
				PATH("question_id"), OPTIONAL_OF("dryRun", "dry_run", BOOLEAN), OPTIONAL("reason", NULL)}},
	{WRITE("POST", "/competition/{group_id}/questions/{question_id}/accept-answer", SERVICE, ACCEPT_ANSWER, OBJECT), .slow = true,
	 .params = {PATH("group_id"), PATH("question_id"), REQUIRED("answer", NULL, ANSWER),
				OPTIONAL_OF("dryRun", "dry_run", BOOLEAN), OPTIONAL("reason", NULL)}},
	{WRITE("POST", "/competition/{group_id}/questions/{question_id}/reprice", SERVICE, REPRICE, OBJECT), .slow = true, .params = {PATH("group_id"),
				PATH("question_id"), OPTIONAL("reason", NULL)}},
	{WRITE("POST", "/competition/{group_id}/questions/{question_id}/grade", SERVICE, GRADE_QUESTION, OBJECT), .params = {PATH("group_id"),
				PATH("question_id"), TEXT("userId", "user_id"), REQUIRED("points", NULL, INTEGER), OPTIONAL("reason", NULL)}},
	{WRITE("POST", "/competition/{group_id}/questions/{question_id}/void", SERVICE, VOID_COMPLETION, OBJECT), .params = {PATH("group_id"),
				PATH("question_id"), TEXT("userId", "user_id"), OPTIONAL("reason", NULL)}},
	{READ("/competition/{group_id}/changes", SERVICE, GRADE_CHANGES), .params = {PATH("group_id"), PAGE}},
	{READ("/competition/{group_id}/changes/{change_id}", SERVICE, GRADE_CHANGE), .params = {PATH("group_id"),
				PATH("change_id")}},
	{WRITE("POST", "/competition/{group_id}/changes/{change_id}/undo", SERVICE, UNDO_CHANGE, OBJECT), .slow = true,
	 .params = {PATH("group_id"), PATH("change_id"), OPTIONAL("reason", NULL)}},
	{WRITE("PUT", "/competition/{group_id}/participation/{user_id}", SERVICE, SET_PARTICIPATION, OBJECT),
	 .lock_keys = {2, 1}, .params = {PATH("group_id"), PATH("user_id"), OPTIONAL_OF("endsAt", "ends_at", TIMESTAMP),
				OPTIONAL_OF("hidden", NULL, BOOLEAN), OPTIONAL_OF("disqualified", NULL, BOOLEAN), OPTIONAL("reason", NULL)}},
	{READ("/competition/{group_id}/gradebook", SERVICE, GRADEBOOK), .response = RESPOND_FILE, .slow = true,
	 .params = {PATH("group_id"), FILTER("format", NULL), FILTER("by", NULL), FILTER_OF("at", NULL, TIMESTAMP),
				FILTER_OF("in_points", "inPoints", BOOLEAN)}},
	{READ("/competition/{group_id}/participation", SERVICE, PARTICIPATION), .params = {PATH("group_id"), PAGE}},
	{READ("/competition/{group_id}/attempts", PLAYER, ATTEMPTS), .params = {PATH("group_id"), WHOSE,
				FILTER("question_id", "questionId"), PAGE}},
	{READ("/activity", SERVICE, ACTIVITY), .params = {FILTER("group_id", "groupId"), WHOSE,
				FILTER("event_type", "eventType"), PAGE}},
	{READ("/competition/{group_id}/points-history/{user_id}", SERVICE, POINTS_HISTORY), .params = {PATH("group_id"),
				PATH("user_id"), FILTER_OF("limit", NULL, INTEGER), FILTER_OF("before_seq", "beforeSeq", INTEGER)}},
	{READ("/competition/{group_id}/instances", SERVICE, INSTANCES), .params = {PATH("group_id"), WHOSE,
				FILTER("status", NULL), PAGE}},
	{READ("/competition/{group_id}/leaderboard", PLAYER, LEADERBOARD), .replica_ok = true,
	 .params = {PATH("group_id"), FILTER_OF("limit", NULL, INTEGER), FILTER_OF("offset", NULL, INTEGER),
				{.name = "at", .source = FROM_QUERY, .type = TYPE_TIMESTAMP, .slow = true},
				FILTER_OF("corrected", NULL, BOOLEAN)}},
	{WRITE("PUT", "/competition/{group_id}/board-policy", SERVICE, SET_BOARD_POLICY, OBJECT), .lock_keys = {1},
	 .params = {PATH("group_id"), TEXT("visibility", NULL), OPTIONAL_OF("freezeAt", "freeze_at", TIMESTAMP),
				OPTIONAL_OF("thawedAt", "thawed_at", TIMESTAMP)}},
	{READ("/competition/{group_id}/board-policy", SERVICE, GET_BOARD_POLICY), .params = {PATH("group_id")}},
	{READ("/competition/{group_id}/board-events", NONE, BOARD_ACCESS), .for_public = true, .response = RESPOND_BOARD,
	 .params = {PATH("group_id")}},
	{OPEN("/board/{group_id}", BOARD_PAGE), .params = {PATH("group_id")}},
	{READ("/competition/{group_id}/events", NONE, EVENTS), .for_public = true, .response = RESPOND_FEED,
	 .params = {PATH("group_id"), FILTER("sinceToken", "since_token"), FILTER_OF("limit", NULL, INTEGER)}},
	{READ("/competition/{group_id}/progress/{user_id}", PLAYER, PROGRESS), .params = {PATH("group_id"),
				PATH("user_id")}},
	{WRITE("POST", "/competition/complete-challenge", PLAYER, COMPLETE_CHALLENGE, OBJECT), .lock_keys = {1, 2},
	 .params = {USER("userId", "user_id", FROM_BODY), TEXT("groupChallengeId", "group_challenge_id"),
				OPTIONAL_OF("pointsEarned", "points_earned", INTEGER), OPTIONAL("groupId", "group_id"),
				OPTIONAL("challengeId", "challenge_id")}, .award = AWARD_CHALLENGE,
	 .award_unless = "alreadyCompleted"},
	{WRITE("POST", "/question/attempt", PLAYER, ATTEMPT, OBJECT), .lock_keys = {1, 3},
	 .params = {USER("user_id", "userId", FROM_BODY), TEXT("question_id", "questionId"),
				TEXT("group_challenge_id", "groupChallengeId"), REQUIRED("answer", NULL, ANSWER),
				{.name = "challenge_instance_id", .alias = "challengeInstanceId", .source = FROM_BODY, .bound = CALLER_INSTANCE}},
	 .limited = true, .award = AWARD_QUESTION, .award_if = "isCorrect", .award_unless = "alreadyCompleted"},
	{WRITE("POST", "/question/complete", PLAYER, COMPLETE, OBJECT), .lock_keys = {1, 3},
	 .params = {USER("user_id", "userId", FROM_BODY), TEXT("question_id", "questionId"),
				TEXT("group_challenge_id", "groupChallengeId"), OPTIONAL_OF("is_correct", "isCorrect", BOOLEAN),
				{.name = "points", .source = FROM_BODY, .type = TYPE_INTEGER, .ignored = true}},
	 .award = AWARD_QUESTION, .award_unless = "alreadyCompleted"},
	{READ("/question/completed", PLAYER, COMPLETED), .params = {USER("user_id", "userId", FROM_QUERY),
				QUERY("group_challenge_id", "groupChallengeId")}},
	{READ("/question/details", PLAYER, QUESTION_DETAILS), .params = {QUERY("question_id", "questionId")}},
	{WRITE("POST", "/packs/upload", ADMIN, PACK_INSTALL, PACK), .slow = true, .params = {PACK}},
	{WRITE("POST", "/challenge-pack/install", ADMIN, PACK_INSTALL, PACK), .slow = true, .params = {PACK}},
	{WRITE("POST", "/challenge-pack/update", ADMIN, PACK_UPDATE, PACK), .slow = true, .params = {PACK,
				FILTER_OF("force", NULL, BOOLEAN)}},
	{WRITE("POST", "/challenge-pack/uninstall", ADMIN, PACK_UNINSTALL, OBJECT),
	 .params = {TEXT("pack_id", "packId")}},
	{READ("/challenge-pack/list", SERVICE, PACK_LIST), .replica_ok = true},
	{READ("/challenge-pack/details/{pack_id}", SERVICE, PACK_DETAILS), .replica_ok = true,
	 .params = {PATH("pack_id")}},
	{READ("/challenge/list", PLAYER, CHALLENGE_LIST), .replica_ok = true, .params = {FILTER("type", NULL),
				FILTER("difficulty", NULL), FILTER("pack_id", "packId"), FILTER("group_id", "groupId"),
				{.name = "search", .source = FROM_QUERY, .slow = true}, FILTER_OF("limit", NULL, INTEGER),
				FILTER("cursor", NULL)}},
	{READ("/challenges", PLAYER, CHALLENGES), .replica_ok = true},
	{READ("/challenge/details", PLAYER, CHALLENGE_DETAILS), .replica_ok = true,
	 .params = {QUERY("challenge_id", "challengeId")}},
	{READ("/get_challenge_instance", PLAYER, INSTANCE),
	 .params = {{.name = "challenge_instance_id", .alias = "challengeInstanceId", .source = FROM_QUERY, .required = true, .bound = CALLER_INSTANCE}}},
	{WRITE("PATCH", "/challenge-instances/{instance_id}", SERVICE, UPDATE_INSTANCE, OBJECT), .lock_keys = {1},
	 .params = {PATH("instance_id"), OPTIONAL("status", NULL), OPTIONAL("flagSecretName", "flag_secret_name"),
				OPTIONAL("flag", NULL)}},
	{WRITE("POST", "/activity/log", PLAYER, LOG_ACTIVITY, OBJECT), .lock_keys = {2},
	 .params = {TEXT("eventType", "event_type"), USER("userId", "user_id", FROM_BODY), OPTIONAL("severity", NULL),
				OPTIONAL_OF("metadata", NULL, JSON), OPTIONAL("challengeId", "challenge_id"),
				OPTIONAL("groupId", "group_id"), OPTIONAL("challengeInstanceId", "challenge_instance_id"),
				OPTIONAL("accessCodeId", "access_code_id"), OPTIONAL("details", NULL)}},
	{READ("/schema", PLAYER, CDF_SCHEMA)},
	{.method = "POST", .path = "/cdf/validate", .tier = TIER_SERVICE, .read_only = true, .caller = true,
	 .body = BODY_DOCUMENT, .slow = true, .statement = STATEMENT_CDF_VALIDATE,
	 .params = {REQUIRED("document", NULL, DOCUMENT)}},
	{WRITE("POST", "/cdf/import", ADMIN, CDF_IMPORT, DOCUMENT), .slow = true,
	 .params = {REQUIRED("document", NULL, DOCUMENT), FILTER("pack_id", "packId")}},
	{WRITE("POST", "/cdf/update/{challenge_id}", ADMIN, CDF_UPDATE, DOCUMENT), .slow = true,
	 .params = {PATH("challenge_id"), REQUIRED("document", NULL, DOCUMENT)}},
	{READ("/cdf/export/{challenge_id}", ADMIN, CDF_EXPORT), .slow = true,
	 .params = {PATH("challenge_id")}},
};
/* clang-format on */

const size_t route_count = sizeof(routes) / sizeof(routes[0]);

const BodyKindInfo body_kinds[BODY_KINDS] = {
    [BODY_OBJECT] = {SMALL_BODY, 1000, "application/json"},
    /* a document holds the texts of a whole challenge, and is kept as it came */
    [BODY_DOCUMENT] = {DOCUMENT_BYTES, DOCUMENT_VALUES, "application/json"},
    /* as large as the extension takes it */
    [BODY_TABLE] = {2 << 20, .media = "text/csv"},
    /* a pack holds many documents; each of its files is looked at alone */
    [BODY_PACK] = {16 << 20, DOCUMENT_VALUES},
};

const char *const media_types[RESPOND_COUNT] = {
    [RESPOND_VALUE... RESPOND_OPENAPI] = "application/json",
    [RESPOND_DOCS] = "text/html; charset=utf-8",
    [RESPOND_METRICS] = "text/plain; version=0.0.4; charset=utf-8",
    [RESPOND_BOARD] = "text/event-stream; charset=utf-8",
    [RESPOND_BOARD_PAGE] = "text/html; charset=utf-8",
    [RESPOND_FEED] = "application/x-ndjson; charset=utf-8",
    [RESPOND_READY... RESPOND_FILE] = "application/json",
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

	if (target->nsegments == 0)
		return strcmp(pattern, "/") == 0;
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

const char *
param_name(const Param *param, int i)
{
	return i == 0 ? param->name : i == 1 ? param->alias : NULL;
}

int
route_param(const Route *route, const char *name, size_t length, const char **known)
{
	for (int i = 0; i < MAX_PARAMS && route->params[i].name != NULL; i++)
		for (int j = 0; (*known = param_name(&route->params[i], j)) != NULL; j++)
			if (strlen(*known) == length && memcmp(*known, name, length) == 0)
				return i;
	return -1;
}
