/*
 * statements.c
 *	  Every statement that the shim sends to the database, once.
 *
 * There is no SQL anywhere else in the shim.  Each statement is prepared under its name on a
 * connection that needs it.
 */
#include "database/statements.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
#define ROW_OF(call) "SELECT edurange.wire(t)::text FROM edurange." call " t"
#define LIST_OF(call)                                                                              \
	"SELECT coalesce(json_agg(edurange.wire(t)), '[]')::text FROM edurange." call " t"
#define OUTCOMES_OF(function)                                                                       \
	"SELECT value, sqlstate, message, detail, hint FROM edurange.outcomes('" function "', $1)"
#define CALLER(a, b, c) "caller => ROW($" #a ",$" #b ",$" #c ")::edurange.caller"
#define KEYED(a, b, c, d) CALLER(a, b, c) ", idempotency_key => $" #d

const DatabaseStatement statements[STATEMENT_COUNT] = {
	[STATEMENT_PING] = {"ping",
		"SELECT '{\"status\":\"ok\",\"message\":\"the service is running\",\"database\":\"connected\","
		"\"timestamp\":null}'::text"},
	[STATEMENT_READINESS] = {"readiness",
		"SELECT CASE WHEN ready THEN json_build_object('ready', true, 'version', version)"
		" ELSE json_build_object('ready', false,"
		"  'reason', 'tables are missing or incomplete; run edurange.migrate()',"
		"  'missing', missing) END::text FROM edurange.readiness()"},
	[STATEMENT_AUTHENTICATE] = {"authenticate", ROW_OF("authenticate_token($1::bytea)")},
	[STATEMENT_GET_POINTS] = {"get_points",
		"SELECT '{\"points\":' || value || '}', sqlstate, message, detail, hint"
		" FROM edurange.outcomes('get_points', $1)", .batched = true},
	[STATEMENT_ADD_POINTS] = {"add_points", OUTCOMES_OF("add_points"), .batched = true},
	[STATEMENT_SET_POINTS] = {"set_points", OUTCOMES_OF("set_points"), .batched = true},
	[STATEMENT_CREATE_COMPETITION] = {"create_competition", OUTCOMES_OF("create_competition"), .batched = true},
	[STATEMENT_GENERATE_CODE] = {"generate_access_code", OUTCOMES_OF("generate_access_code"), .batched = true},
	[STATEMENT_ADD_CHALLENGE] = {"add_competition_challenge", OUTCOMES_OF("add_competition_challenge"), .batched = true},
	[STATEMENT_JOIN] = {"join_competition", OUTCOMES_OF("join_competition"), .batched = true},
	[STATEMENT_LEADERBOARD] = {"leaderboard",
		LIST_OF("leaderboard(group_id => $1, \"limit\" => coalesce($2, 1000), "
				"\"offset\" => coalesce($3, 0), at => $4, " CALLER(5, 6, 7) ")")},
	[STATEMENT_ATTEMPT] = {"attempt_question", OUTCOMES_OF("attempt_question"), .batched = true},
	[STATEMENT_COMPLETE] = {"complete_question", OUTCOMES_OF("complete_question"), .batched = true},
	[STATEMENT_CHALLENGE_DETAILS] = {"challenge_details", OUTCOMES_OF("challenge_details"),
		.batched = true},
	[STATEMENT_COMPLETED] = {"completed_questions",
		"SELECT json_build_object('completed_questions',"
		" coalesce(json_agg(edurange.wire(t)), '[]'))::text"
		" FROM edurange.completed_questions(user_id => $1, group_challenge_id => $2, "
		CALLER(3, 4, 5) ") t"},
	[STATEMENT_QUESTION_DETAILS] = {"question_details",
		ROW_OF("question_details(question_id => $1, " CALLER(2, 3, 4) ")")},
	[STATEMENT_CHALLENGE_LIST] = {"challenge_list",
		ROW_OF("challenge_list(type => $1, difficulty => $2, pack_id => $3, group_id => $4, "
			   "search => $5, \"limit\" => coalesce($6, 100), cursor => $7, "
			   CALLER(8, 9, 10) ")")},
	[STATEMENT_CHALLENGES] = {"challenges", LIST_OF("challenges(" CALLER(1, 2, 3) ")")},
	[STATEMENT_PACK_INSTALL] = {"pack_install",
		ROW_OF("pack_install(manifest => $1, paths => $2, documents => $3, "
			   "dry_run => coalesce($4, false), installed_by => $5, " KEYED(6, 7, 8, 9) ")")},
	[STATEMENT_PACK_UPDATE] = {"pack_update",
		ROW_OF("pack_update(manifest => $1, paths => $2, documents => $3, "
			   "dry_run => coalesce($4, false), installed_by => $5, force => coalesce($6, false), "
			   KEYED(7, 8, 9, 10) ")")},
	[STATEMENT_PACK_UNINSTALL] = {"pack_uninstall",
		ROW_OF("pack_uninstall(pack_id => $1, " KEYED(2, 3, 4, 5) ")")},
	[STATEMENT_PACK_LIST] = {"pack_list", ROW_OF("pack_list(" CALLER(1, 2, 3) ")")},
	[STATEMENT_PACK_DETAILS] = {"pack_details",
		ROW_OF("pack_details(pack_id => $1, " CALLER(2, 3, 4) ")")},
	[STATEMENT_COMPLETE_CHALLENGE] = {"complete_challenge", OUTCOMES_OF("complete_challenge"), .batched = true},
	[STATEMENT_PROGRESS] = {"competition_progress",
		ROW_OF("competition_progress(group_id => $1, user_id => $2, " CALLER(3, 4, 5) ")")},
	[STATEMENT_INSTANCE] = {"challenge_instance",
		ROW_OF("challenge_instance(challenge_instance_id => $1, " CALLER(2, 3, 4) ")")},
	[STATEMENT_UPDATE_INSTANCE] = {"update_challenge_instance",
		"SELECT '{\"success\":true,\"message\":\"instance updated\",\"data\":' || value || '}',"
		" sqlstate, message, detail, hint"
		" FROM edurange.outcomes('update_challenge_instance', $1)", .batched = true},
	[STATEMENT_LOG_ACTIVITY] = {"log_activity", OUTCOMES_OF("log_activity"), .batched = true},
	[STATEMENT_SYNC_METRICS] = {"sync_metrics",
		"SELECT row_to_json(t)::text FROM (SELECT s.*, d.*,"
		" extract(epoch FROM s.\"lastAttempt\") AS \"lastAttemptAt\","
		" extract(epoch FROM s.\"lastSuccess\") AS \"lastSuccessAt\""
		" FROM edurange.sync_status() s, edurange.sync_drift_summary() d) t"},
	[STATEMENT_HEALTH] = {"health", ROW_OF("health()")},
	[STATEMENT_CDF_SCHEMA] = {"cdf_schema", "SELECT edurange.cdf_schema()::text"},
	[STATEMENT_CDF_VALIDATE] = {"cdf_validate", ROW_OF("cdf_validate(document => $1)")},
	[STATEMENT_CDF_IMPORT] = {"cdf_import",
		ROW_OF("cdf_import(document => $1, pack_id => $2, " KEYED(3, 4, 5, 6) ")")},
	[STATEMENT_CDF_UPDATE] = {"cdf_update",
		ROW_OF("cdf_update(challenge_id => $1, document => $2, " KEYED(3, 4, 5, 6) ")")},
	[STATEMENT_CDF_EXPORT] = {"cdf_export",
		"SELECT edurange.cdf_export(challenge_id => $1, " CALLER(2, 3, 4) ")"},
};
/* clang-format on */

int
statement_values(StatementId id)
{
	int highest = 0;

	for (const char *at = strchr(statements[id].sql, '$'); at != NULL; at = strchr(at + 1, '$'))
	{
		int number = 0;

		sscanf(at, "$%d", &number);
		if (number > highest)
			highest = number;
	}
	return highest;
}
