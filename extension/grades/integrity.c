/*
 * integrity.c
 *	  What an instructor should look at: signs that answers were passed on.
 *
 * It is looked for when somebody asks, in what is recorded.  An attempt neither does anything for it nor answers
 * otherwise, so nobody learns from an answer, or from how long it took, that a flag was another user's.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/statements.h"
#include "base/surface.h"
#include "course/course.h"
#include "game/heads.h"
#include "text/plain_text.h"

/* Of each kind.  Nobody looks at more, and what is let in by a threshold grows with the square of the class. */
#define MOST_FINDINGS 10000
#define BEGAN_AT WITHIN_YEARS("\"creationTime\"")
#define LIMITED " LIMIT " CppAsString2(MOST_FINDINGS)
#define LIMITED_BY_PARAMETER " LIMIT " CppAsString2(MOST_FINDINGS) " + 1"

/* Of an attempt w and of an instance i, as they are judged. */
#define ANSWER_TEXT COMPARABLE_COLUMN("w.answer")
#define FLAG_TEXT COMPARABLE_COLUMN("i.flag")

typedef enum StatementId
{
	FOREIGN_FLAGS,
	FAST_SOLVES,
	EQUAL_ANSWERS,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* Wrong flags that are those of others' instances which are still kept, the first of them.  What is behind OFFSET 0, here and below,
	 * is read placement by placement, however much there is in other competitions. */
    [FOREIGN_FLAGS] =
        {"SELECT 'foreign_flag'::text, a.\"userId\", i.\"userId\", a.\"questionId\","
         " a.\"attemptedAt\" AT TIME ZONE 'UTC',"
         " format('answered with the flag of instance \"%s\"', i.id)"
         " FROM public.\"ChallengeInstance\" i JOIN (SELECT x.* FROM public.\"GroupChallenge\" gc"
         "  CROSS JOIN LATERAL (SELECT w.*, " ANSWER_TEXT " AS text"
         "   FROM public.\"QuestionAttempt\" w WHERE w.\"groupChallengeId\" = gc.id"
         "   AND NOT w.\"isCorrect\" OFFSET 0) x WHERE gc.\"groupId\" = $1) a"
         "  ON a.text = " FLAG_TEXT " AND a.\"userId\" <> i.\"userId\""
         " WHERE i.\"competitionId\" = $1 AND i.\"flagSecretName\" <> '' AND " FLAG_TEXT " <> ''"
         " ORDER BY a.\"attemptedAt\", a.id, i.id" LIMITED,
         {TEXTOID},
         .reads = true,
         .by_key = true},
    /* Questions that were completed sooner after the user's first instance began than $2 seconds. */
    [FAST_SOLVES] =
        {"SELECT 'fast_solve'::text, qc.\"userId\", NULL::text, qc.\"questionId\","
         " qc.\"completedAt\" AT TIME ZONE 'UTC', format('completed %s s after the instance began',"
         "  round(extract(epoch FROM qc.\"completedAt\" - i.began), 3))"
         " FROM public.\"GroupChallenge\" gc JOIN (SELECT \"challengeId\", \"userId\","
         "  min(" BEGAN_AT ") AS began FROM public.\"ChallengeInstance\""
         "  WHERE \"competitionId\" = $1 GROUP BY 1, 2) i ON i.\"challengeId\" = gc.\"challengeId\""
         " JOIN public.\"QuestionCompletion\" qc ON qc.\"groupChallengeId\" = gc.id"
         "  AND qc.\"userId\" = i.\"userId\" WHERE gc.\"groupId\" = $1"
         " AND qc.\"completedAt\" >= i.began AND qc.\"completedAt\" < i.began + $2 * interval '1 s'"
         " ORDER BY qc.\"completedAt\", qc.id" LIMITED_BY_PARAMETER,
         {TEXTOID, INT4OID},
         .reads = true,
         .by_key = true},
    /* Two users with at least $2 wrong texts in common that at most $3 users gave, all in the same order.  Where one
	 * chooses from a list, wrong answers are few. */
    [EQUAL_ANSWERS] =
        {"WITH wrong AS MATERIALIZED (SELECT a.\"questionId\" AS question_id, a.answer,"
         "  a.\"userId\" AS user_id, min(a.\"attemptedAt\") AS at"
         "  FROM public.\"GroupChallenge\" gc CROSS JOIN LATERAL (SELECT q.id"
         "   FROM public.\"ChallengeQuestion\" q WHERE q.\"challengeId\" = gc.\"challengeId\""
         "   AND translate(upper(q.type), '- ', '__') NOT IN ('CHECKBOXES', 'MULTIPLE_CHOICE')"
         "   OFFSET 0) q CROSS JOIN LATERAL (SELECT w.* FROM public.\"QuestionAttempt\" w"
         "   WHERE w.\"questionId\" = q.id AND w.\"groupChallengeId\" = gc.id"
         "   AND NOT w.\"isCorrect\" OFFSET 0) a WHERE gc.\"groupId\" = $1 GROUP BY 1, 2, 3),"
         " rare AS MATERIALIZED (SELECT question_id, answer FROM wrong GROUP BY 1, 2"
         "  HAVING count(*) BETWEEN 2 AND $3),"
         " given AS MATERIALIZED (SELECT w.* FROM rare JOIN wrong w USING (question_id, answer)),"
         " shared AS (SELECT x.user_id, y.user_id AS other_id, greatest(x.at, y.at) AS at,"
         "  row_number() OVER (PARTITION BY x.user_id, y.user_id"
         "   ORDER BY x.at, x.question_id, x.answer) AS place,"
         "  row_number() OVER (PARTITION BY x.user_id, y.user_id"
         "   ORDER BY y.at, x.question_id, x.answer) AS other_place"
         "  FROM given x JOIN given y ON y.question_id = x.question_id AND y.answer = x.answer"
         "   AND y.user_id > x.user_id)"
         " SELECT 'equal_answers'::text, user_id, other_id, NULL::text, max(at) AT TIME ZONE 'UTC',"
         " format('%s rare wrong answers in the same order', count(*)) FROM shared GROUP BY 2, 3"
         " HAVING count(*) >= $2 AND bool_and(place = other_place) ORDER BY 5, 2, 3" LIMITED_BY_PARAMETER,
         {TEXTOID, INT4OID, INT4OID},
         .reads = true,
         .by_key = true},
};

/* Raises where a parameter has let in more than are listed. */
static void
check_count(uint64 count, const char *parameter)
{
	if (count > MOST_FINDINGS)
		raise_error(EDURANGE_RESPONSE_TOO_LARGE, "parameter \"%s\" lets in more than %d findings",
		            parameter, MOST_FINDINGS);
}

SQL_FUNCTION(edurange_integrity_findings)
{
	char *group_id = required_text(fcinfo, 0, "group_id");
	int32 seconds = int_between(fcinfo, 1, "fastest_seconds", 0, PG_INT32_MAX);
	int32 equal = int_between(fcinfo, 2, "equal_answers", 1, PG_INT32_MAX);
	int32 rare = int_between(fcinfo, 3, "rare_users", 2, 100);
	Refusal refusal = {0};
	Caller caller;

	caller_read(&caller, fcinfo, 4);
	statements_begin();
	if (!course_find(&caller, group_id, &refusal))
		raise_refusal(&refusal);
	STATEMENT_LIST(fcinfo, &statements[FOREIGN_FLAGS], value_text(group_id));
	check_count(
	    STATEMENT_LIST(fcinfo, &statements[FAST_SOLVES], value_text(group_id), value_int(seconds)),
	    "fastest_seconds");
	check_count(STATEMENT_LIST(fcinfo, &statements[EQUAL_ANSWERS], value_text(group_id),
	                           value_int(equal), value_int(rare)),
	            "equal_answers");
	statements_end();
	return (Datum) 0;
}
