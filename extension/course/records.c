/*
 * records.c
 *	  Lists of what was done: attempts, and the log, newest first.
 *
 * Each page is read from the end of an index, however long the list has grown: attempts placement by placement, the log
 * from its table and from the archive of what a deletion took.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "course/course.h"

/* Attempts a of a page; $4 tells whether the caller sees what was submitted. */
#define ATTEMPT_PAGE                                                                               \
	PAGE_OF("ROW(a.id, a.\"questionId\", a.\"userId\", a.\"groupChallengeId\","                    \
	        " a.\"attemptedAt\" AT TIME ZONE 'UTC', a.\"isCorrect\","                              \
	        " CASE WHEN $4 THEN a.answer END)::edurange.attempt",                                  \
	        TIME_CURSOR("a.\"attemptedAt\"", "a.id"), "$1")
#define BEFORE(at, id) BEFORE_OF(at, id, "$1 + 1")
#define BEFORE_OF(at, id, most)                                                                    \
	" AND (" at ", " id                                                                            \
	") < (coalesce($2::timestamptz AT TIME ZONE 'UTC', 'infinity'), coalesce($3, ''))"             \
	" ORDER BY " at " DESC, " id " DESC LIMIT " most

/*
 * A page of the attempts of a competition that are wanted, read placement by placement.  What is wanted is a key, and
 * no filter that may be left out: a plan that serves both reads all attempts for those that are wanted.
 */
#define ATTEMPTS_WHERE(wanted)                                                                                                          \
	"SELECT ROW(" ATTEMPT_PAGE ")::edurange.attempt_page FROM (SELECT x.*,"                                                             \
	" " PAGE_PLACE(                                                                                                                     \
	    "octet_length(x.answer)",                                                                                                       \
	    "x.\"attemptedAt\" DESC, x.id DESC") "  FROM public.\"GroupChallenge\" gc, LATERAL (SELECT * FROM public.\"QuestionAttempt\" q" \
	                                         "   WHERE q.\"groupChallengeId\" = gc.id AND " wanted                                      \
	                                             BEFORE(                                                                                \
	                                                 "q.\"attemptedAt\"",                                                               \
	                                                 "q.id") ") x WHERE gc.\"groupId\" = $5 ORDER BY x.\"attemptedAt\" DESC, x.id DESC LIMIT $1 + 1) a"

/*
 * A page of the log: of the entries that condition and archived select, each behind WHERE, those that are wanted.  What
 * is not wanted is read, too, so many entries at most: where no wanted ones are among them the page is short, and goes
 * on behind the last that was read.  all tells whether all are wanted.
 */
#define ENTRIES_READ "5000"
#define ACTIVITY_PAGE(condition, archived, all, wanted)                                                                                  \
	"WITH seen AS MATERIALIZED (SELECT *, row_number() OVER (ORDER BY at DESC, id DESC) AS place"                                        \
	"  FROM ((SELECT id, \"eventType\"::text AS event, severity::text, \"userId\" AS user_id,"                                           \
	"   \"groupId\" AS group_id, \"challengeId\" AS challenge_id,"                                                                       \
	"   \"challengeInstanceId\" AS instance_id, \"accessCodeId\" AS code_id, metadata,"                                                  \
	"   \"timestamp\" AS at, false AS is_archived FROM public.\"ActivityLog\""                                                           \
	"   WHERE " condition BEFORE_OF(                                                                                                     \
	    "\"timestamp\"", "id",                                                                                                           \
	    TO_READ(                                                                                                                         \
	        all)) ")"                                                                                                                    \
	              "  UNION ALL (SELECT id, event_type, severity, user_id, group_id, challenge_id,"                                       \
	              "   instance_id, access_code_id, metadata, at AT TIME ZONE 'UTC', true"                                                \
	              "   FROM edurange.activity_archive x WHERE " archived                                                                  \
	              "   AND NOT EXISTS (SELECT FROM public.\"ActivityLog\" WHERE " condition                                               \
	              " AND id = x.id)"                                                                                                      \
	              "   AND (at, id) < (coalesce($2::timestamptz, 'infinity'), coalesce($3, ''))"                                          \
	              "   ORDER BY at DESC, id DESC LIMIT " TO_READ(                                                                         \
	                  all) ")) e"                                                                                                        \
	                       "  ORDER BY at DESC, id DESC LIMIT " TO_READ(                                                                 \
	                           all) "),"                                                                                                 \
	                                " a AS (SELECT *, " PAGE_PLACE(                                                                      \
	                                    "octet_length(metadata::text)",                                                                  \
	                                    "place") " FROM (SELECT * FROM seen WHERE " wanted                                               \
	                                             "  ORDER BY place LIMIT $1 + 1) w)"                                                     \
	                                             " SELECT ROW(coalesce(array_agg(ROW(a.id, a.event, a.severity, a.user_id, a.group_id,"  \
	                                             "  a.challenge_id, a.instance_id, a.code_id, a.metadata, a.at AT TIME ZONE 'UTC',"      \
	                                             "  a.is_archived)::edurange.activity_record ORDER BY n) FILTER (WHERE n <= $1), '{}')," \
	                                             " CASE WHEN max(n) > $1 THEN (array_agg(" TIME_CURSOR(                                  \
	                                                 "a.at",                                                                             \
	                                                 "a.id") "   ORDER BY n DESC) FILTER (WHERE n <= $1))[1]"                            \
	                                                         "  ELSE (SELECT " TIME_CURSOR(                                              \
	                                                             "s.at",                                                                 \
	                                                             "s.id") " FROM seen s WHERE s.place = " ENTRIES_READ                    \
	                                                                     ") END"                                                         \
	                                                                     " )::edurange.activity_page FROM a"
#define TO_READ(all) "CASE WHEN " all " THEN $1 + 1 ELSE " ENTRIES_READ " END"

typedef enum StatementId
{
	ATTEMPTS,
	ATTEMPTS_OF_QUESTION,
	ATTEMPTS_OF_USER,
	ACTIVITY,
	ACTIVITY_OF_GROUP,
	ACTIVITY_OF_USER,
	KNOWN_EVENT,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* $1 how many, $2 $3 behind which, $5 competition, $6 question, $7 user */
    [ATTEMPTS] = {ATTEMPTS_WHERE("true"),
                  {INT4OID, TIMESTAMPTZOID, TEXTOID, BOOLOID, TEXTOID},
                  .reads = true,
                  .by_key = true},
    [ATTEMPTS_OF_QUESTION] = {ATTEMPTS_WHERE("q.\"questionId\" = $6"),
                              {INT4OID, TIMESTAMPTZOID, TEXTOID, BOOLOID, TEXTOID, TEXTOID},
                              .reads = true,
                              .by_key = true},
    [ATTEMPTS_OF_USER] =
        {"SELECT ROW(" ATTEMPT_PAGE ")::edurange.attempt_page FROM (SELECT q.*,"
         " " PAGE_PLACE(
             "octet_length(q.answer)",
             "q.\"attemptedAt\" DESC, q.id DESC") "  FROM public.\"QuestionAttempt\" q JOIN public.\"GroupChallenge\" gc"
                                                  "   ON gc.id = q.\"groupChallengeId\" AND gc.\"groupId\" = $5"
                                                  "  WHERE q.\"userId\" = $7"
                                                  "  AND ($6::text IS NULL OR q.\"questionId\" = $6)" BEFORE(
                                                      "q.\"attemptedAt\"", "q.id") ") a",
         {INT4OID, TIMESTAMPTZOID, TEXTOID, BOOLOID, TEXTOID, TEXTOID, TEXTOID},
         .reads = true,
         .by_key = true},
    /* $1 how many, $2 $3 behind which, $4 event type, $5 competition, $6 user */
    [ACTIVITY] = {ACTIVITY_PAGE("\"timestamp\"" AT_ANY_TIME, "true", "$4::text IS NULL",
                                "($4::text IS NULL OR event = $4)"),
                  {INT4OID, TIMESTAMPTZOID, TEXTOID, TEXTOID},
                  .reads = true,
                  .by_key = true},
    [ACTIVITY_OF_GROUP] = {ACTIVITY_PAGE("\"groupId\" = $5", "group_id = $5", "$4::text IS NULL",
                                         "($4::text IS NULL OR event = $4)"),
                           {INT4OID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID},
                           .reads = true,
                           .by_key = true},
    [ACTIVITY_OF_USER] = {ACTIVITY_PAGE("\"userId\" = $6", "user_id = $6",
                                        "$4::text IS NULL AND $5::text IS NULL",
                                        "($4::text IS NULL OR event = $4)"
                                        " AND ($5::text IS NULL OR group_id = $5)"),
                          {INT4OID, TIMESTAMPTZOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID},
                          .reads = true,
                          .by_key = true},
    [KNOWN_EVENT] = {"SELECT $1 = ANY (enum_range(NULL::public.\"ActivityEventType\")::text[])",
                     {TEXTOID},
                     .reads = true,
                     .by_key = true},
};

SQL_FUNCTION_BATCHABLE(edurange_attempts)
{
	char *group_id = required_text(fcinfo, 0, "group_id");
	char *user_id = optional_text(fcinfo, 1);
	int32 limit = page_limit(fcinfo, 3);
	TimeCursor after = read_time_cursor(fcinfo, 4);
	NullableDatum sees_answers;
	Refusal refusal = {0};
	Caller caller;
	Datum row;

	caller_read(&caller, fcinfo, 5);
	statements_begin();
	if (!caller_lists_user(&caller, "user_id", &user_id, &refusal) ||
	    !course_find(&caller, group_id, &refusal))
		raise_refusal(&refusal);
	sees_answers = value_bool(caller.tier >= TIER_SERVICE);
	if (user_id != NULL)
		STATEMENT_RUN(&statements[ATTEMPTS_OF_USER], value_int(limit), after.at, after.id,
		              sees_answers, value_text(group_id), fcinfo->args[2], value_text(user_id));
	else if (!PG_ARGISNULL(2))
		STATEMENT_RUN(&statements[ATTEMPTS_OF_QUESTION], value_int(limit), after.at, after.id,
		              sees_answers, value_text(group_id), fcinfo->args[2]);
	else
		STATEMENT_RUN(&statements[ATTEMPTS], value_int(limit), after.at, after.id, sees_answers,
		              value_text(group_id));
	row = only_result();
	statements_end();
	return row;
}

/* Of an event that the log does not know a list would be empty as of one that did not happen. */
static void
check_event(char *event_type)
{
	if (event_type == NULL)
		return;
	STATEMENT_RUN(&statements[KNOWN_EVENT], value_text(event_type));
	if (!row_bool(0, 1))
		raise_error(
		    EDURANGE_INVALID_PARAMETER,
		    "parameter \"event_type\" is no event that the log knows, such as GROUP_JOINED");
}

SQL_FUNCTION_BATCHABLE(edurange_activity)
{
	char *group_id = optional_text(fcinfo, 0);
	char *user_id = optional_text(fcinfo, 1);
	int32 limit = page_limit(fcinfo, 3);
	TimeCursor after = read_time_cursor(fcinfo, 4);
	Refusal refusal = {0};
	Caller caller;
	Datum row;

	caller_read(&caller, fcinfo, 5);
	statements_begin();
	if (!caller_lists_user(&caller, "user_id", &user_id, &refusal))
		raise_refusal(&refusal);
	check_event(optional_text(fcinfo, 2));
	if (user_id != NULL)
		STATEMENT_RUN(&statements[ACTIVITY_OF_USER], value_int(limit), after.at, after.id,
		              fcinfo->args[2], value_text(group_id), value_text(user_id));
	else if (group_id != NULL)
		STATEMENT_RUN(&statements[ACTIVITY_OF_GROUP], value_int(limit), after.at, after.id,
		              fcinfo->args[2], value_text(group_id));
	else
		STATEMENT_RUN(&statements[ACTIVITY], value_int(limit), after.at, after.id, fcinfo->args[2]);
	row = only_result();
	statements_end();
	return row;
}
