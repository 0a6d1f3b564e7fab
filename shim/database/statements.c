/*
 * statements.c
 *	  Every statement that the shim sends to the database, once.
 *
 * There is no SQL anywhere else in the shim.  Each statement is prepared under its name on a
 * connection that needs it.
 */
#include "database/statements.h"

/* clang-format off */
/* Each names its function once: what it selects of it as a row, as rows or as a value, or for many calls. */
#define SELECT(function, value, arguments)                                                         \
	function, "SELECT " value " FROM edurange." function "(" arguments ") t"
#define ROW(function, arguments) {SELECT(function, "edurange.wire(t)::text", arguments)}
#define ROWS "coalesce(json_agg(edurange.wire(t)), '[]')"
#define LIST(function, arguments) {SELECT(function, ROWS "::text", arguments), .list = true}
#define VALUE(function, arguments)                                                                 \
	{function, "SELECT edurange." function "(" arguments ")::text"}
#define BATCHED_AS(function, value)                                                                \
	{function, "SELECT " value ", sqlstate, message, detail, hint FROM edurange.outcomes('"        \
	 function "', $1)", .batched = true}
#define BATCHED(function) BATCHED_AS(function, "value")
#define CALLER(a, b, c) "caller => ROW($" #a ",$" #b ",$" #c ")::edurange.caller"
#define KEYED(a, b, c, d) CALLER(a, b, c) ", idempotency_key => $" #d
/* A pack came as one object, $1, or as the files of an archive. */
#define PACK(function, parameter, arguments)                                                       \
	{function, "SELECT edurange.wire(t)::text FROM edurange.pack_parts($1, names => $2,"           \
	 " texts => $3, faults => $4, dry_run => $5" parameter ") p, LATERAL edurange." function       \
	 "(manifest => p.manifest, paths => p.paths, documents => p.documents,"                        \
	 " dry_run => coalesce(p.dry_run, false), installed_by => $6, " arguments ") t"}

const DatabaseStatement statements[STATEMENT_COUNT] = {
	[STATEMENT_PING] = {"ping",
		"SELECT '{\"status\":\"ok\",\"message\":\"the service is running\",\"database\":\"connected\","
		"\"timestamp\":null}'::text"},
	[STATEMENT_READINESS] = {SELECT("readiness",
		"CASE WHEN ready THEN json_build_object('ready', true, 'version', version)"
		" ELSE json_build_object('ready', false, 'reason',"
		" 'tables are missing or incomplete; run edurange.migrate()', 'missing', missing) END::text",
		"")},
	[STATEMENT_AUTHENTICATE] = BATCHED("authenticate_token"),
	[STATEMENT_GET_POINTS] = BATCHED_AS("get_points", "'{\"points\":' || value || '}'"),
	[STATEMENT_ADD_POINTS] = BATCHED("add_points"),
	[STATEMENT_SET_POINTS] = BATCHED("set_points"),
	[STATEMENT_CREATE_COMPETITION] = BATCHED("create_competition"),
	[STATEMENT_GENERATE_CODE] = BATCHED("generate_access_code"),
	[STATEMENT_ADD_CHALLENGE] = BATCHED("add_competition_challenge"),
	[STATEMENT_JOIN] = BATCHED("join_competition"),
	[STATEMENT_LEADERBOARD] = LIST("leaderboard",
		"group_id => $1, \"limit\" => coalesce($2, 1000), \"offset\" => coalesce($3, 0), at => $4, "
		CALLER(5, 6, 7)),
	[STATEMENT_ATTEMPT] = BATCHED("attempt_question"),
	[STATEMENT_COMPLETE] = BATCHED("complete_question"),
	[STATEMENT_CHALLENGE_DETAILS] = BATCHED("challenge_details"),
	[STATEMENT_COMPLETED] = {SELECT("completed_questions",
		"json_build_object('completed_questions', " ROWS ")::text",
		"user_id => $1, group_challenge_id => $2, " CALLER(3, 4, 5))},
	[STATEMENT_QUESTION_DETAILS] = ROW("question_details", "question_id => $1, " CALLER(2, 3, 4)),
	[STATEMENT_CHALLENGE_LIST] = ROW("challenge_list",
		"type => $1, difficulty => $2, pack_id => $3, group_id => $4, search => $5, "
		"\"limit\" => coalesce($6, 100), cursor => $7, " CALLER(8, 9, 10)),
	[STATEMENT_CHALLENGES] = LIST("challenges", CALLER(1, 2, 3)),
	[STATEMENT_PACK_INSTALL] = PACK("pack_install", "", KEYED(7, 8, 9, 10)),
	[STATEMENT_PACK_UPDATE] = PACK("pack_update", ", force => $7",
		"force => coalesce(p.force, false), " KEYED(8, 9, 10, 11)),
	[STATEMENT_PACK_UNINSTALL] = ROW("pack_uninstall", "pack_id => $1, " KEYED(2, 3, 4, 5)),
	[STATEMENT_PACK_LIST] = ROW("pack_list", CALLER(1, 2, 3)),
	[STATEMENT_PACK_DETAILS] = ROW("pack_details", "pack_id => $1, " CALLER(2, 3, 4)),
	[STATEMENT_COMPLETE_CHALLENGE] = BATCHED("complete_challenge"),
	[STATEMENT_PROGRESS] = ROW("competition_progress", "group_id => $1, user_id => $2, " CALLER(3, 4, 5)),
	[STATEMENT_INSTANCE] = ROW("challenge_instance", "challenge_instance_id => $1, " CALLER(2, 3, 4)),
	[STATEMENT_UPDATE_INSTANCE] = BATCHED_AS("update_challenge_instance",
		"'{\"success\":true,\"message\":\"instance updated\",\"data\":' || value || '}'"),
	[STATEMENT_LOG_ACTIVITY] = BATCHED("log_activity"),
	[STATEMENT_SYNC_METRICS] = {"sync_metrics", /* in the format of Prometheus; what is not known is left out */
		"SELECT string_agg(format(E'# HELP %1$s %3$s\\n# TYPE %1$s %2$s\\n%1$s %4$s\\n', name, type, help, value), '')"
		" || (SELECT E'# HELP edurange_sync_drift Where instances and pods differ, by kind.\\n# TYPE edurange_sync_drift"
		" gauge\\n' || string_agg(sample, '') FROM (SELECT format(E'edurange_sync_drift{kind=\"%s\"} %s\\n', k, count(d.kind))"
		" FROM unnest('{row_without_pod,pod_without_row,status_mismatch,owner_mismatch,stuck,missing_flag,returned_pod,"
		"unreadable_pod,foreign_secret}'::text[]) k LEFT JOIN edurange.sync_drift() d ON d.kind = k GROUP BY k) t (sample))"
		" FROM edurange.sync_status() s, LATERAL (VALUES"
		" ('edurange_sync_worker_up', 'gauge', 'Does the sync worker run?', s.\"workerRunning\"::integer),"
		" ('edurange_sync_last_attempt_timestamp_seconds', 'gauge',"
		" 'When the Instance Manager was last asked for the list of pods.', extract(epoch FROM s.\"lastAttempt\")),"
		" ('edurange_sync_last_success_timestamp_seconds', 'gauge',"
		" 'When instances were last compared with a list.', extract(epoch FROM s.\"lastSuccess\")),"
		" ('edurange_sync_lag_seconds', 'gauge',"
		" 'Age of the last successful comparison with the Instance Manager, else of the server.', s.\"lagSeconds\"),"
		" ('edurange_sync_consecutive_failures', 'gauge',"
		" 'Failed comparisons since the last that worked.', s.\"consecutiveFailures\"),"
		" ('edurange_sync_pods', 'gauge', 'Pods in the last list.', s.\"podsSeen\"),"
		" ('edurange_sync_held', 'gauge',"
		" 'Instances that are kept because too many pods vanished or were not found at once.', s.held),"
		" ('edurange_sync_fetch_seconds', 'gauge', 'Time that fetching the last list took.', s.\"fetchMs\" / 1000),"
		" ('edurange_sync_apply_seconds', 'gauge',"
		" 'Time that comparing with the last list took.', s.\"applyMs\" / 1000),"
		" ('edurange_sync_changes_total', 'counter', 'Instances that were changed.', s.changed),"
		" ('edurange_sync_polls_total', 'counter', 'Lists that were asked for.', s.polls),"
		" ('edurange_sync_failures_total', 'counter', 'Lists that did not come.', s.failures),"
		" ('edurange_sync_stale_total', 'counter', 'Observations that came too late.', s.stale))"
		" v (name, type, help, value) WHERE value IS NOT NULL"},
	[STATEMENT_HEALTH] = ROW("health", ""),
	[STATEMENT_CDF_SCHEMA] = VALUE("cdf_schema", ""),
	[STATEMENT_CDF_VALIDATE] = ROW("cdf_validate", "document => $1"),
	[STATEMENT_CDF_IMPORT] = ROW("cdf_import", "document => $1, pack_id => $2, " KEYED(3, 4, 5, 6)),
	[STATEMENT_CDF_UPDATE] = ROW("cdf_update", "challenge_id => $1, document => $2, " KEYED(3, 4, 5, 6)),
	[STATEMENT_CDF_EXPORT] = VALUE("cdf_export", "challenge_id => $1, " CALLER(2, 3, 4)),
};
/* clang-format on */
