/*
 * statements.c
 *	  Every statement that the shim sends to the database, once.
 *
 * There is no SQL anywhere else in the shim.  Each statement, but the one that a connection
 * begins with, is prepared under its name on a connection that needs it.
 */
#include "database/statements.h"

#include <stdio.h>
#include <stdlib.h>

/* clang-format off */
/* Forms of statements.  Each names its function once: to get one row of it, a list of rows, a value, or many calls' answers. */
#define SELECT(function, value, arguments)                                                         \
	function, "SELECT " value " FROM edurange." function "(" arguments ") t"
#define ROW(function, arguments) {SELECT(function, "edurange.wire(t)::text", arguments)}
#define ROWS "coalesce(json_agg(edurange.wire(t)), '[]')"
#define LIST(function, arguments) {SELECT(function, ROWS "::text", arguments), .list = true}
/* The same; of a database of before it lists without the value $newer, which must be null there. */
#define LIST_SINCE(function, arguments, place, type, old_arguments)                                \
	{SELECT(function, ROWS "::text", arguments), .list = true, .newer = place,                     \
	 .before = "SELECT " ROWS "::text FROM edurange." function "(" old_arguments ") t"             \
	           " WHERE $" #place "::" type " IS NULL"}
#define BOARD                                                                                      \
	"group_id => $1, \"limit\" => coalesce($2, 1000), \"offset\" => coalesce($3, 0), at => $4, "
#define VALUE(function, arguments)                                                                 \
	{function, "SELECT edurange." function "(" arguments ")::text"}
/*
 * What the function lists, as JSON, or, where $2 is another format, as a file: in pieces, of which the first says in a
 * line what it is.
 */
#define AS_JSON " WHERE coalesce($2, 'json') = 'json'"
#define BOOK(function, arguments, of_file)                                                         \
	{function, "SELECT E'application/json\\t\\t\\n['" AS_JSON                                     \
	 " UNION ALL SELECT CASE WHEN row_number() OVER () > 1 THEN ',' ELSE '' END || edurange.wire_piece(t)"  \
	 " FROM edurange." function "(" arguments ") t" AS_JSON                                         \
	 " UNION ALL SELECT ']'" AS_JSON                                                               \
	 " UNION ALL SELECT CASE WHEN \"fileName\" IS NULL THEN content ELSE"                           \
	 " format(E'text/csv; charset=utf-8\\t%s\\t%s\\n%s', \"fileName\", warning, content) END"       \
	 " FROM edurange." function "_file(" arguments ", " of_file ") WHERE $2 <> 'json'",           \
	 .list = true, .in_pieces = true}
#define BATCHED_AS(function, answer)                                                               \
	{function, "SELECT " answer ", sqlstate, message, detail, hint FROM edurange.outcomes('"        \
	 function "', $1, 4)", .value = answer, .batched = true}
#define BATCHED(function) BATCHED_AS(function, "value")
/* Who calls.  A database of the version before knows three of the values; this is right there, too. */
#define CALLER_ROW(a, b, c, d)                                                                     \
	"jsonb_populate_record(NULL::edurange.caller, jsonb_build_object('tokenId', $" a "::text,"     \
	" 'userId', $" b "::text, 'instanceId', $" c "::text, 'actingUserId', $" d "::text))"
#define CALLER(a, b, c, d) "caller => " CALLER_ROW(#a, #b, #c, #d)
#define KEYED(a, b, c, d, e) CALLER(a, b, c, d) ", idempotency_key => $" #e
/* A pack came as one object, $1, or as the files of an archive. */
#define PACK(function, parameter, arguments)                                                       \
	{function, "SELECT edurange.wire(t)::text FROM edurange.pack_parts($1, names => $2,"           \
	 " texts => $3, faults => $4, dry_run => $5" parameter ") p, LATERAL edurange." function       \
	 "(manifest => p.manifest, paths => p.paths, documents => p.documents,"                        \
	 " dry_run => coalesce(p.dry_run, false), installed_by => $6, " arguments ") t"}

#define ENTRY(id, function) [STATEMENT_##id] = BATCHED(function),
const DatabaseStatement statements[STATEMENT_COUNT] = {
	BATCHED_STATEMENTS(ENTRY)
	[STATEMENT_CALLER_VALUES] = {"caller_values",
		"SELECT coalesce((SELECT c.relnatts FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
		" ON n.oid = c.relnamespace WHERE n.nspname = 'edurange' AND c.relname = 'caller'), 4)"},
	/* a template: what becomes of the value, function, arguments */
	[STATEMENT_DIRECT] = {"direct",
		"SELECT %s FROM (SELECT (edurange.wire(r) -> 'value')::text AS value"
		" FROM (SELECT edurange.%s(%s) AS value) r) v"},
	[STATEMENT_PING] = {"ping",
		"SELECT '{\"status\":\"ok\",\"message\":\"the service is running\",\"database\":\"connected\","
		"\"timestamp\":null}'::text"},
	[STATEMENT_READINESS] = {SELECT("readiness",
		"CASE WHEN ready THEN json_build_object('ready', true, 'version', version)"
		" ELSE json_build_object('ready', false, 'reason',"
		" 'tables are missing or incomplete; run edurange.migrate()', 'missing', missing) END::text",
		"")},
	[STATEMENT_GET_POINTS] = BATCHED_AS("get_points", "'{\"points\":' || value || '}'"),
	[STATEMENT_LEADERBOARD] = LIST_SINCE("leaderboard",
		BOARD "corrected => coalesce($5, false), " CALLER(6, 7, 8, 9), 5, "boolean", BOARD CALLER(6, 7, 8, 9)),
	[STATEMENT_BOARD_ACCESS] = ROW("board_access", "group_id => $1, is_public => $2, " CALLER(3, 4, 5, 6)),
	[STATEMENT_BOARDS] = {"board_state", "SELECT coalesce(json_agg(edurange.wire(t)), '[]')::text"
		" FROM json_to_recordset($1::json) AS b (\"group\" text, staff boolean, mark text, thorough boolean),"
		" LATERAL edurange.board_state(b.\"group\", b.staff, b.mark, b.thorough) t"},
	[STATEMENT_FEEDS] = {"feed_state", "SELECT coalesce(json_agg(edurange.wire(t)), '[]')::text"
		" FROM json_array_elements_text($1::json) AS f (\"group\"), LATERAL edurange.feed_state(f.\"group\") t"},
	[STATEMENT_EVENTS] = {SELECT("events", /* entry by entry in lines, and behind the last where to go on */
		"coalesce((SELECT string_agg(edurange.wire(e)::text || E'\\n', '') FROM unnest(t.events) e), '')"
		" || json_build_object('sinceToken', t.\"sinceToken\", 'more', t.more)::text || E'\\n'",
		"group_id => $1, since_token => $2, \"limit\" => coalesce($3, 1000), is_public => $4, newest => $5, "
		CALLER(6, 7, 8, 9))},
	[STATEMENT_POINTS_HISTORY] = LIST("points_history", "group_id => $1, user_id => $2,"
		" \"limit\" => coalesce($3, 100), before_seq => $4, " CALLER(5, 6, 7, 8)),
	[STATEMENT_INSTANCES] = LIST("challenge_instances", "group_id => $1, user_id => $2, status => $3,"
		" \"limit\" => coalesce($4, 100), cursor => $5, " CALLER(6, 7, 8, 9)),
	[STATEMENT_GRADEBOOK] = BOOK("gradebook",
		"group_id => $1, by => coalesce($3, 'total'), at => $4, " CALLER(6, 7, 8, 9),
		"format => $2, in_points => coalesce($5, false)"),
	[STATEMENT_STATISTICS] = LIST("question_statistics", "group_id => $1, " CALLER(2, 3, 4, 5)),
	[STATEMENT_TIMELINE] = LIST("timeline", "group_id => $1, top => coalesce($2, 10), " CALLER(3, 4, 5, 6)),
	[STATEMENT_INTEGRITY] = LIST("integrity_findings", "group_id => $1, fastest_seconds => coalesce($2, 10),"
		" equal_answers => coalesce($3, 3), rare_users => coalesce($4, 3), " CALLER(5, 6, 7, 8)),
	[STATEMENT_REJUDGE] = ROW("rejudge", "group_id => $1, question_id => $2,"
		" dry_run => coalesce($3, false), reason => $4, " KEYED(5, 6, 7, 8, 9)),
	[STATEMENT_ACCEPT_ANSWER] = ROW("accept_answer", "group_id => $1, question_id => $2, answer => $3,"
		" dry_run => coalesce($4, false), reason => $5, " KEYED(6, 7, 8, 9, 10)),
	[STATEMENT_REPRICE] = ROW("reprice", "group_id => $1, question_id => $2, reason => $3, " KEYED(4, 5, 6, 7, 8)),
	[STATEMENT_GRADE_QUESTION] = ROW("grade_question", "group_id => $1, question_id => $2, user_id => $3,"
		" points => $4, reason => $5, " KEYED(6, 7, 8, 9, 10)),
	[STATEMENT_VOID_COMPLETION] = ROW("void_completion", "group_id => $1, question_id => $2, user_id => $3,"
		" reason => $4, " KEYED(5, 6, 7, 8, 9)),
	[STATEMENT_UNDO_CHANGE] = ROW("undo_change", "group_id => $1, change_id => $2, reason => $3, "
		KEYED(4, 5, 6, 7, 8)),
	[STATEMENT_COMPLETED] = {SELECT("completed_questions",
		"json_build_object('completed_questions', " ROWS ")::text",
		"user_id => $1, group_challenge_id => $2, " CALLER(3, 4, 5, 6))},
	[STATEMENT_QUESTION_DETAILS] = ROW("question_details", "question_id => $1, " CALLER(2, 3, 4, 5)),
	[STATEMENT_CHALLENGE_LIST] = ROW("challenge_list",
		"type => $1, difficulty => $2, pack_id => $3, group_id => $4, search => $5, "
		"\"limit\" => coalesce($6, 100), cursor => $7, " CALLER(8, 9, 10, 11)),
	[STATEMENT_CHALLENGES] = LIST("challenges", CALLER(1, 2, 3, 4)),
	[STATEMENT_PACK_INSTALL] = PACK("pack_install", "", KEYED(7, 8, 9, 10, 11)),
	[STATEMENT_PACK_UPDATE] = PACK("pack_update", ", force => $7",
		"force => coalesce(p.force, false), " KEYED(8, 9, 10, 11, 12)),
	[STATEMENT_PACK_UNINSTALL] = ROW("pack_uninstall", "pack_id => $1, " KEYED(2, 3, 4, 5, 6)),
	[STATEMENT_PACK_LIST] = ROW("pack_list", CALLER(1, 2, 3, 4)),
	[STATEMENT_PACK_DETAILS] = ROW("pack_details", "pack_id => $1, " CALLER(2, 3, 4, 5)),
	[STATEMENT_PROGRESS] = ROW("competition_progress", "group_id => $1, user_id => $2, " CALLER(3, 4, 5, 6)),
	[STATEMENT_INSTANCE] = ROW("challenge_instance", "challenge_instance_id => $1, " CALLER(2, 3, 4, 5)),
	[STATEMENT_UPDATE_INSTANCE] = BATCHED_AS("update_challenge_instance",
		"'{\"success\":true,\"message\":\"instance updated\",\"data\":' || value || '}'"),
	[STATEMENT_SYNC_METRICS] = {"sync_metrics", "SELECT edurange.sync_metrics(" CALLER(1, 2, 3, 4) ")",
		.before = "SELECT left(concat($1::text, $2::text, $3::text, $4::text), 0)"}, /* which has none: no text */
	[STATEMENT_HEALTH] = ROW("health", CALLER(1, 2, 3, 4)),
	[STATEMENT_CDF_SCHEMA] = VALUE("cdf_schema", CALLER(1, 2, 3, 4)),
	[STATEMENT_CDF_VALIDATE] = ROW("cdf_validate", "document => $1, " CALLER(2, 3, 4, 5)),
	[STATEMENT_CDF_IMPORT] = ROW("cdf_import", "document => $1, pack_id => $2, " KEYED(3, 4, 5, 6, 7)),
	[STATEMENT_CDF_UPDATE] = ROW("cdf_update", "challenge_id => $1, document => $2, " KEYED(3, 4, 5, 6, 7)),
	[STATEMENT_IMPORT_ROSTER] = ROW("import_roster", "group_id => $1, csv => $2, dry_run => coalesce($3, false),"
		" make_users => coalesce($4, false), " KEYED(5, 6, 7, 8, 9)),
	[STATEMENT_CDF_EXPORT] = VALUE("cdf_export", "challenge_id => $1, " CALLER(2, 3, 4, 5)),
};
/* clang-format on */

char *
statement_direct(const DatabaseStatement *statement, int count, int acting)
{
	char *arguments = NULL;
	char *sql = NULL;
	size_t size;
	FILE *out = open_memstream(&arguments, &size);

	for (int i = 1; out != NULL && i <= count; i++)
	{
		if (i == acting)
			fprintf(out, CALLER_ROW("%d", "%d", "%d", "%d"), i - 3, i - 2, i - 1, i);
		else if (i > acting || i <= acting - CALLER_VALUES)
			fprintf(out, "$%d", i);
		if (i < count && (i >= acting || i <= acting - CALLER_VALUES))
			fputc(',', out);
	}
	if (out != NULL && fclose(out) == 0 &&
	    asprintf(&sql, statements[STATEMENT_DIRECT].sql, statement->value, statement->name,
	             arguments) < 0)
		sql = NULL;
	free(arguments);
	return sql;
}
