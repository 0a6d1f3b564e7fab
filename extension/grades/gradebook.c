/*
 * gradebook.c
 *	  The book of grades: what each member has, in total, by challenge or by question.
 *
 * It is read some members at a time, so that a large class takes no more memory than a small one.  What it says sums up
 * to the board: what no item accounts for, as corrections by hand, is an item of its own.  Now an item has what its
 * completions say; at a past instant what the ledger had paid for it by then.  A challenge that was taken out and added
 * again is another item than before, and what was paid for it before and taken back is nobody's any more.
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
#include "game/entries.h"
#include "game/retired.h"
#include "grades/gradebook.h"

/* So many rows are read at once, of one member at least, and at most so many members. */
#define ROWS_AT_ONCE 5000
#define MEMBERS_AT_ONCE 100

/*
 * $1 competition, $2 behind whom, $3 how many, $4 by what, $5 when; here and below.  What is behind OFFSET 0 is read
 * member by member, or placement by placement, however much there is of others.
 */
#define MEMBER(total, reset_at)                                                                    \
	"member AS MATERIALIZED (SELECT m.\"B\" AS user_id, u.name, u.email, " total " AS total,"      \
	"  coalesce(" reset_at ", '-infinity') AS reset_at, coalesce(t.hidden, false) AS hidden,"      \
	"  coalesce(t.disqualified, false) AS disqualified FROM (SELECT \"B\""                         \
	"   FROM public.\"_GroupMembers\" WHERE \"A\" = $1 AND \"B\" > $2 ORDER BY \"B\" LIMIT $3) m"  \
	"  CROSS JOIN LATERAL (SELECT name, email FROM public.\"User\" WHERE id = m.\"B\" OFFSET 0) u" \
	"  LEFT JOIN edurange.standing s ON s.group_id = $1 AND s.user_id = m.\"B\""                   \
	"  LEFT JOIN edurange.participation t ON t.group_id = $1 AND t.user_id = m.\"B\")"

/* What there is to be had.  A retired question is an item where somebody has completed it, and worth nothing more. */
#define QUESTION                                                                                   \
	"question AS MATERIALIZED (SELECT gc.id AS placement_id, q.id, q.place, q.content,"            \
	"  CASE WHEN q.is_live THEN q.points ELSE 0 END AS points, q.is_live,"                         \
	"  gc.\"createdAt\" AS placed_at"                                                              \
	"  FROM public.\"GroupChallenge\" gc CROSS JOIN LATERAL (SELECT q.id, q.\"order\" AS place,"   \
	"   q.content, q.points, " QUESTION_IS_LIVE " AS is_live FROM public.\"ChallengeQuestion\" q"  \
	"   WHERE q.\"challengeId\" = gc.\"challengeId\" OFFSET 0) q"                                  \
	"  WHERE gc.\"groupId\" = $1 AND (q.is_live OR EXISTS (SELECT"                                 \
	"   FROM public.\"QuestionCompletion\" w"                                                      \
	"   WHERE w.\"questionId\" = q.id AND w.\"groupChallengeId\" = gc.id)))"
#define PLACEMENT                                                                                   \
	"placement AS MATERIALIZED (SELECT gc.id, ch.name,"                                             \
	"  row_number() OVER (ORDER BY gc.\"createdAt\", gc.id) AS place,"                              \
	"  coalesce((SELECT sum(q.points) FROM question q WHERE q.placement_id = gc.id AND q.is_live)," \
	"   gc.points) AS points FROM public.\"GroupChallenge\" gc"                                     \
	"  JOIN public.\"Challenge\" ch ON ch.id = gc.\"challengeId\" WHERE gc.\"groupId\" = $1)"
#define ITEM                                                                                               \
	"item AS MATERIALIZED (SELECT NULL::text AS placement_id, NULL::text AS question_id,"                  \
	"   left(c.name, 200) AS title, (SELECT coalesce(sum(p.points), 0) FROM placement p) AS points,"       \
	"   1::bigint AS place, 1 AS place_in, false AS is_rest"                                               \
	"   FROM public.\"CompetitionGroup\" c WHERE c.id = $1 AND $4 = 'total'"                               \
	"  UNION ALL SELECT p.id, NULL, left(p.name, 200), p.points, p.place, 1, false"                        \
	"   FROM placement p WHERE $4 = 'challenge'"                                                           \
	"  UNION ALL SELECT p.id, q.id, left(p.name, 200) || ' / ' || left(q.content, 80), q.points, p.place," \
	"   q.place, false FROM placement p JOIN question q ON q.placement_id = p.id"                          \
	"   WHERE $4 = 'question'"                                                                             \
	"  UNION ALL SELECT NULL, NULL, 'Corrections', 0, 9223372036854775807, 1, true"                        \
	"   WHERE $4 <> 'total')"

/* The keys of the item that something at a question belongs to. */
#define KEYS(placement, question)                                                                  \
	"CASE WHEN $4 <> 'total' THEN " placement " END AS placement_id,"                              \
	" CASE WHEN $4 = 'question' THEN " question " END AS question_id"

/* Completions until then; what was done before a reset counts no more. */
#define DONE                                                                                           \
	"done AS MATERIALIZED (SELECT m.user_id, gc.id AS placement_id, qc.\"questionId\" AS question_id," \
	"  qc.\"pointsEarned\" AS points,"                                                                 \
	"  coalesce(qc.\"completedAt\" > c.\"endDate\", false) AS is_late FROM member m"                   \
	"  JOIN public.\"GroupChallenge\" gc ON gc.\"groupId\" = $1"                                       \
	"  JOIN public.\"CompetitionGroup\" c ON c.id = gc.\"groupId\""                                    \
	"  CROSS JOIN LATERAL (SELECT * FROM public.\"QuestionCompletion\""                                \
	"   WHERE \"groupChallengeId\" = gc.id AND \"userId\" = m.user_id OFFSET 0) qc"                    \
	"  WHERE qc.\"completedAt\" AT TIME ZONE 'UTC' > m.reset_at"                                       \
	"   AND ($5::timestamptz IS NULL OR qc.\"completedAt\" <= $5 AT TIME ZONE 'UTC'))"
#define TRIED                                                                                       \
	"tried AS MATERIALIZED (SELECT m.user_id, a.\"groupChallengeId\" AS placement_id,"              \
	"  a.\"questionId\" AS question_id, count(*) AS attempts,"                                      \
	"  (array_agg(a.\"isCorrect\" ORDER BY a.\"attemptedAt\", a.id))[1] AS first_right"             \
	"  FROM member m CROSS JOIN LATERAL (SELECT * FROM public.\"QuestionAttempt\""                  \
	"   WHERE \"userId\" = m.user_id OFFSET 0) a"                                                   \
	"  JOIN public.\"GroupChallenge\" gc ON gc.id = a.\"groupChallengeId\" AND gc.\"groupId\" = $1" \
	"  WHERE a.\"attemptedAt\" AT TIME ZONE 'UTC' > m.reset_at"                                     \
	"   AND ($5::timestamptz IS NULL OR a.\"attemptedAt\" <= $5 AT TIME ZONE 'UTC')"                \
	"  GROUP BY 1, 2, 3)"

/* The formatter would break these lines at each macro. */
/* clang-format off */

/* What was paid for each item: now by completions, of which a challenge's may be more than its questions'. */
#define PAID_NOW                                                                                                    \
	"paid AS (SELECT user_id, placement_id, question_id, max(points) AS points FROM ("                              \
	"  SELECT user_id, " KEYS("placement_id", "question_id") ", sum(points) AS points FROM done"                    \
	"   GROUP BY 1, 2, 3"                                                                                           \
	"  UNION ALL SELECT m.user_id, gc.id, NULL, cc.\"pointsEarned\" FROM member m"                                  \
	"   JOIN public.\"GroupChallenge\" gc ON gc.\"groupId\" = $1"                                                   \
	"   CROSS JOIN LATERAL (SELECT * FROM public.\"ChallengeCompletion\""                                           \
	"    WHERE \"groupChallengeId\" = gc.id AND \"userId\" = m.user_id OFFSET 0) cc WHERE $4 = 'challenge'"         \
	"    AND cc.\"completedAt\" AT TIME ZONE 'UTC' > m.reset_at) account GROUP BY 1, 2, 3)"
#define TOTAL_NOW "coalesce(s.points, 0)"

/* Then by the entries of the ledger since the last reset before it. */
#define PAID_THEN                                                                                                   \
	"paid AS (SELECT m.user_id, " KEYS("coalesce(q.placement_id, p.id)", "q.id") ","                                \
	"  sum(l.delta) AS points FROM member m"                                                                        \
	"  JOIN edurange.points_ledger l ON l.user_id = m.user_id AND l.group_id = $1 AND l.at <= $5"                   \
	"   AND l.seq > coalesce((SELECT max(r.seq) FROM edurange.points_ledger r"                                      \
	"    WHERE r.user_id = m.user_id AND r.group_id = $1 AND r.at <= $5 AND r.balance = 0"                          \
	"    AND r.kind IN ('set', 'external')), 0)"                                                                    \
	"  LEFT JOIN question q ON q.id = l.source_id AND " PAID_SINCE("q.placed_at")                                   \
	"  LEFT JOIN placement p ON p.id = l.source_id"                                                                 \
	"  WHERE coalesce(q.id, p.id) IS NOT NULL AND ($4 <> 'question' OR q.id IS NOT NULL)"                           \
	"  GROUP BY 1, 2, 3)"
/* The last reset before it; one of nothing has left no entry. */
#define RESET_THEN                                                                                                  \
	"greatest(CASE WHEN s.reset_at <= $5 THEN s.reset_at END, (SELECT max(l.at)"                                    \
	" FROM edurange.points_ledger l WHERE l.user_id = m.\"B\" AND l.group_id = $1 AND l.at <= $5"                   \
	" AND l.balance = 0 AND l.kind IN ('set', 'external')))"
#define TOTAL_THEN                                                                                                  \
	"coalesce((SELECT l.balance FROM edurange.points_ledger l WHERE l.user_id = m.\"B\""                            \
	" AND l.group_id = $1 AND l.at <= $5 ORDER BY l.seq DESC LIMIT 1), 0)"

/* Who is disqualified has no points, and all else as it is. */
#define BOOK(total, reset_at, paid)                                                                                 \
	"WITH " MEMBER(total, reset_at) ", " QUESTION ", " PLACEMENT ", " ITEM ", " DONE ", " TRIED ", " paid                     \
	", late AS (SELECT user_id, " KEYS("placement_id", "question_id") ","                                           \
	"  count(*) FILTER (WHERE is_late) AS late FROM done GROUP BY 1, 2, 3)"                                         \
	", effort AS (SELECT user_id, " KEYS("placement_id", "question_id") ","                                         \
	"  sum(attempts)::bigint AS attempts, count(*) FILTER (WHERE first_right) AS first_right"                       \
	"  FROM tried GROUP BY 1, 2, 3)"                                                                                \
	", score AS (SELECT m.user_id, m.name, m.email, m.hidden, m.disqualified, i.*, CASE WHEN m.disqualified THEN 0" \
	"   WHEN $4 = 'total' THEN m.total WHEN i.is_rest THEN m.total - sum(coalesce(p.points, 0))"                    \
	"    OVER (PARTITION BY m.user_id)"                                                                             \
	"   ELSE coalesce(p.points, 0) END::bigint AS score, l.late, e.attempts, e.first_right"                         \
	"  FROM member m CROSS JOIN item i"                                                                             \
	"  LEFT JOIN paid p ON NOT i.is_rest AND p.user_id = m.user_id"                                                 \
	"   AND coalesce(p.placement_id, '') = coalesce(i.placement_id, '')"                                            \
	"   AND coalesce(p.question_id, '') = coalesce(i.question_id, '')"                                              \
	"  LEFT JOIN late l ON NOT i.is_rest AND l.user_id = m.user_id"                                                 \
	"   AND coalesce(l.placement_id, '') = coalesce(i.placement_id, '')"                                            \
	"   AND coalesce(l.question_id, '') = coalesce(i.question_id, '')"                                              \
	"  LEFT JOIN effort e ON NOT i.is_rest AND e.user_id = m.user_id"                                               \
	"   AND coalesce(e.placement_id, '') = coalesce(i.placement_id, '')"                                            \
	"   AND coalesce(e.question_id, '') = coalesce(i.question_id, ''))"                                             \
	" SELECT s.user_id, s.name, s.email, r.external_id, s.placement_id, s.question_id, s.title,"                    \
	" s.score, s.points::bigint, coalesce(s.first_right, 0), coalesce(s.attempts, 0),"                              \
	" coalesce(s.late, 0), s.hidden, s.disqualified, r.login_id, r.section, s.is_rest"                              \
	" FROM score s"                                                                                                 \
	" LEFT JOIN edurange.roster r ON r.group_id = $1 AND r.user_id = s.user_id"                                     \
	" ORDER BY s.user_id, s.place, s.place_in, s.question_id"
/* clang-format on */

typedef enum StatementId
{
	NOW,
	THEN,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    [NOW] = {BOOK(TOTAL_NOW, "s.reset_at", PAID_NOW),
             {TEXTOID, TEXTOID, INT4OID, TEXTOID, TIMESTAMPTZOID},
             .reads = true,
             .by_key = true},
    [THEN] = {BOOK(TOTAL_THEN, RESET_THEN, PAID_THEN),
              {TEXTOID, TEXTOID, INT4OID, TEXTOID, TIMESTAMPTZOID},
              .reads = true,
              .by_key = true},
};

void
gradebook_read(Gradebook *book, FunctionCallInfo fcinfo, int by, int at)
{
	static const char *const kinds[] = {"total", "challenge", "question"};
	char *given = optional_text(fcinfo, by);

	*book = (Gradebook){
	    .group_id = required_text(fcinfo, 0, "group_id"),
	    .at = optional_time(fcinfo, at, "at"),
	    .after = "",
	    .at_once = 1,
	};
	for (int i = 0; i < lengthof(kinds); i++)
		if (strcmp(given != NULL ? given : "total", kinds[i]) == 0)
			book->by = kinds[i];
	if (book->by == NULL)
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"by\" must be total, challenge or question");
}

bool
gradebook_find(const Caller *caller, const Gradebook *book, Refusal *refusal)
{
	return course_find(caller, book->group_id, refusal);
}

uint64
gradebook_next(Gradebook *book)
{
	uint64 rows;

	CHECK_FOR_INTERRUPTS();
	SPI_freetuptable(book->rows);
	rows = STATEMENT_RUN(&statements[book->at.isnull ? NOW : THEN], value_text(book->group_id),
	                     value_text(book->after), value_int(book->at_once), value_text(book->by),
	                     book->at);
	book->rows = SPI_tuptable;
	if (rows == 0)
		return 0;
	/* the first member alone shows how many rows each has */
	if (book->after[0] == '\0')
		book->at_once = Max(1, Min(ROWS_AT_ONCE / (int) rows, MEMBERS_AT_ONCE));
	book->after = row_text(rows - 1, GRADE_USER_ID);
	return rows;
}

/* Adds the rows of some members to the result, without what only files have; corrections only where there are any. */
static void
put_rows(ReturnSetInfo *result, uint64 rows)
{
	for (uint64 row = 0; row < rows; row++)
	{
		Datum values[GRADE_DISQUALIFIED];
		bool nulls[GRADE_DISQUALIFIED];

		if (row_bool(row, GRADE_IS_CORRECTION) && row_long(row, GRADE_POINTS) == 0)
			continue;
		for (int i = 0; i < GRADE_DISQUALIFIED; i++)
			values[i] =
			    row_value(row, i + 1, TupleDescAttr(result->setDesc, i)->atttypid, &nulls[i]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

SQL_FUNCTION(edurange_gradebook)
{
	Gradebook book;
	Refusal refusal = {0};
	Caller caller;
	uint64 rows;

	gradebook_read(&book, fcinfo, 1, 2);
	InitMaterializedSRF(fcinfo, 0);
	caller_read(&caller, fcinfo, 3);
	statements_begin();
	if (!gradebook_find(&caller, &book, &refusal))
		raise_refusal(&refusal);
	while ((rows = gradebook_next(&book)) > 0)
		put_rows((ReturnSetInfo *) fcinfo->resultinfo, rows);
	statements_end();
	return (Datum) 0;
}
