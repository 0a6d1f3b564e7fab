/*
 * statistics.c
 *	  How a class did: question by question, and the totals of the best as they grew.
 *
 * All of it is read, question by question and user by user, and nothing is locked.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "course/course.h"
#include "game/competitions.h"
#include "game/heads.h"
#include "game/board_order.h"
#include "game/entries.h"
#include "game/retired.h"

#define TOP_LIMIT 100

#define TRIED_AT WITHIN_YEARS("\"attemptedAt\"")
#define SOLVED_AT WITHIN_YEARS("qc.\"completedAt\"")
#define BEGAN_AT WITHIN_YEARS("i.\"creationTime\"")

typedef enum StatementId
{
	QUESTIONS,
	STATISTICS,
	TOP,
	GROWTH,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* What is behind OFFSET 0 is read challenge by challenge, however many there are. */
    [QUESTIONS] = {"SELECT gc.id, q.id, gc.\"challengeId\" FROM public.\"GroupChallenge\" gc"
                   " CROSS JOIN LATERAL (SELECT q.id, q.\"order\", " QUESTION_IS_LIVE " AS is_live"
                   "  FROM public.\"ChallengeQuestion\" q"
                   "  WHERE q.\"challengeId\" = gc.\"challengeId\" OFFSET 0) q"
                   " WHERE gc.\"groupId\" = $1 AND q.is_live"
                   " ORDER BY gc.\"createdAt\", gc.id, q.\"order\", q.id",
                   {TEXTOID},
                   .reads = true,
                   .by_key = true},
    /*
	 * What was tried is read once and hashed, and never joined, however large the class; who gave an answer is asked
	 * only of the five that are shown.  The time is from the instance where each solver has one that began before,
	 * else from the first attempt.  $1 competition, $2 placement, $3 question, $4 challenge.
	 */
    [STATISTICS] =
        {"WITH tried AS MATERIALIZED (SELECT \"userId\" AS user_id, answer COLLATE \"C\" AS answer,"
         "  \"isCorrect\" AS is_right,"
         "  " TRIED_AT " AS at FROM public.\"QuestionAttempt\""
         "  WHERE \"questionId\" = $3 AND \"groupChallengeId\" = $2),"
         " solved AS MATERIALIZED (SELECT qc.\"userId\" AS user_id, " SOLVED_AT " AS at,"
         "  (SELECT min(" BEGAN_AT ") FROM public.\"ChallengeInstance\" i"
         "   WHERE i.\"userId\" = qc.\"userId\" AND i.\"challengeId\" = $4"
         "   AND i.\"competitionId\" = $1) AS began"
         "  FROM public.\"QuestionCompletion\" qc"
         "  WHERE qc.\"questionId\" = $3 AND qc.\"groupChallengeId\" = $2),"
         " source AS (SELECT coalesce(bool_and(began <= at), false) AS is_instance FROM solved),"
         " spent AS (SELECT extract(epoch FROM max(done) - CASE WHEN (SELECT is_instance FROM source)"
         "   THEN max(began) ELSE min(at) END)::float8 AS seconds"
         "  FROM (SELECT user_id, at, NULL::timestamp AS done, NULL::timestamp AS began FROM tried"
         "   UNION ALL SELECT user_id, NULL, at, began FROM solved) e"
         "  GROUP BY user_id HAVING max(done) IS NOT NULL),"
         " quartile AS (SELECT percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY seconds)"
         "  AS seconds FROM spent),"
         " wrong AS MATERIALIZED (SELECT answer, count(*) AS attempts FROM tried WHERE NOT is_right"
         "  GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5),"
         " tries AS (SELECT count(*) AS attempts, count(*) FILTER (WHERE is_right) AS right_ones"
         "  FROM tried)"
         " SELECT $2, $3, ch.name, q.content, (SELECT count(*) FROM solved), t.attempts, t.right_ones,"
         " t.right_ones::float8 / nullif(t.attempts, 0),"
         " CASE WHEN (SELECT is_instance FROM source) THEN 'instance' ELSE 'attempt' END,"
         " u.seconds[1], u.seconds[2], u.seconds[3],"
         " coalesce((SELECT array_agg(ROW(left(w.answer, 200), w.attempts, w.users)::edurange.wrong_answer"
         "   ORDER BY w.attempts DESC, w.answer)"
         "  FROM (SELECT answer, count(*) AS attempts, count(DISTINCT user_id) AS users FROM tried"
         "   WHERE NOT is_right AND answer = ANY (ARRAY(SELECT answer FROM wrong)) GROUP BY 1) w), '{}')"
         " FROM tries t, quartile u, public.\"ChallengeQuestion\" q"
         " JOIN public.\"Challenge\" ch ON ch.id = q.\"challengeId\" WHERE q.id = $3",
         {TEXTOID, TEXTOID, TEXTOID, TEXTOID},
         .reads = true,
         .by_key = true},
    [TOP] = {"SELECT s.user_id FROM edurange.standing s WHERE s.group_id = $1 AND s.member"
             " AND NOT s.hidden ORDER BY " BOARD_ORDER " LIMIT $2",
             {TEXTOID, INT4OID},
             .reads = true,
             .by_key = true},
    /* $1 competition, $2 user, $3 their rank */
    [GROWTH] =
        {"SELECT $3, u.id, u.name, l.at, sum(l.delta) OVER (ORDER BY l.at)::bigint"
         " FROM (SELECT " COUNTS_AT " AS at, sum(l.delta) AS delta"
         "  FROM edurange.points_ledger l WHERE l.user_id = $2 AND l.group_id = $1"
         "  GROUP BY 1 HAVING sum(l.delta) <> 0) l, public.\"User\" u WHERE u.id = $2 ORDER BY 4",
         {TEXTOID, TEXTOID, INT8OID},
         .reads = true,
         .by_key = true},
};

/* One question or user of a list that was read before. */
typedef struct Subject
{
	char *placement;
	char *id;
	char *challenge;
} Subject;

SQL_FUNCTION(edurange_question_statistics)
{
	char *group_id = required_text(fcinfo, 0, "group_id");
	Refusal refusal = {0};
	Caller caller;
	uint64 count;
	Subject *questions;

	InitMaterializedSRF(fcinfo, 0);
	caller_read(&caller, fcinfo, 1);
	statements_begin();
	if (!course_find(&caller, group_id, &refusal))
		raise_refusal(&refusal);
	count = STATEMENT_RUN(&statements[QUESTIONS], value_text(group_id));
	questions = palloc(sizeof(Subject) * Max(count, 1));
	for (uint64 i = 0; i < count; i++)
		questions[i] = (Subject){row_text(i, 1), row_text(i, 2), row_text(i, 3)};
	for (uint64 i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		STATEMENT_LIST(fcinfo, &statements[STATISTICS], value_text(group_id),
		               value_text(questions[i].placement), value_text(questions[i].id),
		               value_text(questions[i].challenge));
	}
	statements_end();
	return (Datum) 0;
}

SQL_FUNCTION(edurange_timeline)
{
	char *group_id = required_text(fcinfo, 0, "group_id");
	int32 top = int_between(fcinfo, 1, "top", 1, TOP_LIMIT);
	Refusal refusal = {0};
	Caller caller;
	uint64 count;
	char **users;

	InitMaterializedSRF(fcinfo, 0);
	caller_read(&caller, fcinfo, 2);
	statements_begin();
	if (!course_find(&caller, group_id, &refusal))
		raise_refusal(&refusal);
	count = STATEMENT_RUN(&statements[TOP], value_text(group_id), value_int(top));
	users = palloc(sizeof(char *) * Max(count, 1));
	for (uint64 i = 0; i < count; i++)
		users[i] = row_text(i, 1);
	for (uint64 i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		STATEMENT_LIST(fcinfo, &statements[GROWTH], value_text(group_id), value_text(users[i]),
		               value_long((int64) i + 1));
	}
	statements_end();
	return (Datum) 0;
}
