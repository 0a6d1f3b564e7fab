/*
 * following.c
 *	  The completion of a challenge follows those of its questions when they are changed afterwards.
 *
 * It says less than its questions paid where it was made before an optional one was answered, or by somebody who
 * said so.  That distance stays, whatever is changed and in whatever order it is undone: what the completion cannot
 * say, since it says neither less than nothing nor more than its questions, is kept (challenge_lost).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/ids.h"
#include "base/rows.h"
#include "base/statements.h"
#include "grades/following.h"

typedef enum StatementId
{
	AFTER,
	DROP_CHALLENGE,
	ADD_CHALLENGE,
	SET_CHALLENGE,
	FIND_LOST,
	KEEP_LOST,
	STATEMENT_COUNT
} StatementId;

/* The formatter would break these lines at each macro. */
/* clang-format off */
static Statement statements[STATEMENT_COUNT] = {
    /* What is done of the challenge then: what is paid since the reset by questions, by all of them, how many are
	 * missing, of which there may be none that is needed, and when the last one was done.
	 * $1 competition, $2 placement, $3 challenge, $4 users */
    [AFTER] =
        {"WITH " NEEDED_QUESTIONS("$3") " SELECT m.user_id, d.paid, least(d.points, 2147483647)::integer,"
         " n.needed - d.done, n.needed > 0, d.last_at AT TIME ZONE 'UTC'"
         " FROM unnest($4) AS m (user_id) CROSS JOIN (SELECT count(*) AS needed FROM needed) n"
         " LEFT JOIN LATERAL (SELECT x.reset_at FROM edurange.standing x"
         "  WHERE x.group_id = $1 AND x.user_id = m.user_id OFFSET 0) s ON true"
         " CROSS JOIN LATERAL (SELECT coalesce(sum(\"pointsEarned\") FILTER (WHERE"
         "    " UTC("\"completedAt\"") " > coalesce(s.reset_at, '-infinity')), 0) AS paid,"
         "   coalesce(sum(\"pointsEarned\"), 0) AS points, count(*) FILTER (WHERE is_needed) AS done,"
         "   max(\"completedAt\") FILTER (WHERE is_needed) AS last_at"
         "  FROM (SELECT *, EXISTS (SELECT FROM needed WHERE id = \"questionId\") AS is_needed"
         "   FROM public.\"QuestionCompletion\" WHERE \"userId\" = m.user_id"
         "   AND \"groupChallengeId\" = $2 OFFSET 0) qc) d ORDER BY m.user_id",
         {TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID},
         .newest = true,
         .by_key = true},
    [DROP_CHALLENGE] = {"DELETE FROM public.\"ChallengeCompletion\" WHERE id = $1",
                        {TEXTOID},
                        .by_key = true,
                        .must_write = true},
    /* $1 id, $2 user, $3 placement, $4 points, $5 when */
    [ADD_CHALLENGE] = {"INSERT INTO public.\"ChallengeCompletion\" (id, \"userId\","
                       " \"groupChallengeId\", \"pointsEarned\", \"completedAt\")"
                       " VALUES ($1, $2, $3, $4, $5 AT TIME ZONE 'UTC')",
                       {TEXTOID, TEXTOID, TEXTOID, INT4OID, TIMESTAMPTZOID},
                       .must_write = true,
                       .keys_held = true},
    [SET_CHALLENGE] = {"UPDATE public.\"ChallengeCompletion\" SET \"pointsEarned\" = $2"
                       " WHERE id = $1",
                       {TEXTOID, INT4OID},
                       .by_key = true,
                       .must_write = true},
    /* The latest change that saw the completion, if it keeps another loss.  $1 user, $2 completion, $3 lost */
    [FIND_LOST] = {"SELECT change_id FROM (SELECT x.change_id, x.challenge_lost"
                   "  FROM edurange.grade_change_user x JOIN edurange.grade_change c ON c.id = x.change_id"
                   "  WHERE x.user_id = $1 AND x.challenge_completion_id = $2"
                   "  ORDER BY c.at DESC, c.id DESC LIMIT 1) AS latest WHERE challenge_lost <> $3",
                   {TEXTOID, TEXTOID, INT8OID},
                   .newest = true,
                   .by_key = true},
    /* $1 user, $2 change, $3 lost */
    [KEEP_LOST] = {"UPDATE edurange.grade_change_user SET challenge_lost = $3"
                   " WHERE user_id = $1 AND change_id = $2",
                   {TEXTOID, TEXTOID, INT8OID},
                   .by_key = true,
                   .must_write = true},
};
/* clang-format on */

/* The users of what is to be changed, as an array. */
static Datum
users_of(Grade *const *grades, int count)
{
	Datum *ids = palloc(sizeof(Datum) * Max(count, 1));

	for (int i = 0; i < count; i++)
		ids[i] = CStringGetTextDatum(grades[i]->user_id);
	return PointerGetDatum(construct_array(ids, count, TEXTOID, -1, false, TYPALIGN_INT));
}

Done *
done_read(const Change *change, Grade *const *grades, int count)
{
	Done *done = palloc(sizeof(Done) * Max(count, 1));

	if (STATEMENT_RUN(&statements[AFTER], value_text(change->group_id),
	                  value_text(change->placement_id), value_text(change->challenge_id),
	                  (NullableDatum){.value = users_of(grades, count)}) != count)
		elog(ERROR, "a user is listed twice");
	for (int i = 0; i < count; i++)
		done[i] = (Done){
		    .paid_by_questions = row_long(i, 2),
		    .points = row_int(i, 3),
		    .missing = row_long(i, 4),
		    .is_complete = row_bool(i, 5) && row_long(i, 4) == 0,
		    .last_at = row_time_or_zero(i, 6),
		};
	return done;
}

/* Does a completion of the challenge of that time say what questions paid since the last reset, and not all of them? */
static bool
is_since_reset(const Grade *grade, TimestampTz at)
{
	return at > grade->reset_at;
}

/* What the questions paid that a completion of the challenge of that time stands for. */
static int64
points_after(const Grade *grade, const Done *done, TimestampTz at)
{
	return is_since_reset(grade, at) ? done->paid_by_questions : done->points;
}

int64
points_before(const Grade *grade, const Done *done, TimestampTz at)
{
	bool is_old = grade->completion_id != NULL;
	int64 points = points_after(grade, done, at);

	/* a completion that stays keeps its time */
	if (is_since_reset(grade, at) &&
	    !is_since_reset(grade, is_old ? grade->completed_at : grade->wanted_at))
		return points;
	return points - (grade->wanted_id != NULL ? grade->wanted_points : 0) + grade->points;
}

int64
missing_before(const Change *change, const Grade *grade, const Done *done)
{
	if (!change->is_needed)
		return done->missing;
	return done->missing + (grade->wanted_id != NULL) - (grade->completion_id != NULL);
}

/*
 * What a completion of the challenge says now: it rises and falls with its questions, and never says more than they.
 * One from before an optional question was answered says less.  Undoing restores that distance, and what it cannot
 * say is kept (challenge_lost), so that any further change restores it, too.
 */
static int32
challenge_points(const Grade *grade, Done *done, bool is_undone)
{
	bool is_made = grade->challenge_completion_id == NULL;
	TimestampTz at = is_made ? grade->old_challenge_at : grade->challenge_completed_at;
	int64 owed = points_after(grade, done, at);
	int64 points;

	if (is_made)
		owed -= grade->old_challenge_distance;
	else
		owed += grade->challenge_points - grade->challenge_lost - points_before(grade, done, at);
	points = is_undone ? owed : Min(owed, done->points);
	points = Min(Max(points, 0), PG_INT32_MAX);
	done->challenge_lost = points - owed;
	return (int32) points;
}

int64
follow_challenge(const Change *change, const Grade *grade, Done *done, bool is_undone)
{
	const char *id = grade->challenge_completion_id;
	TimestampTz at = grade->challenge_completed_at;
	int32 points = grade->challenge_points;
	bool is_old = grade->old_challenge_id != NULL && done->missing <= grade->may_miss;

	done->challenge_lost = grade->challenge_lost;
	if (id != NULL && grade->is_asserted)
		return at > grade->reset_at ? points : 0;
	if (id != NULL && change->is_needed && grade->wanted_id == NULL &&
	    done->missing > grade->may_miss)
	{
		STATEMENT_RUN(&statements[DROP_CHALLENGE], value_text(id));
		return 0;
	}
	if (id != NULL)
	{
		points = challenge_points(grade, done, is_undone);
		if (points != grade->challenge_points)
			STATEMENT_RUN(&statements[SET_CHALLENGE], value_text(id), value_int(points));
	}
	else if (grade->wanted_id != NULL && (done->is_complete || is_old))
	{
		is_old = grade->old_challenge_id != NULL;
		at = is_old ? grade->old_challenge_at : done->last_at;
		points = is_old ? challenge_points(grade, done, is_undone)
		                : (int32) Min(done->paid_by_questions, PG_INT32_MAX);
		STATEMENT_RUN(&statements[ADD_CHALLENGE],
		              value_text(is_old ? grade->old_challenge_id : new_id()),
		              value_text(grade->user_id), value_text(change->placement_id),
		              value_int(points), value_time(at));
		done->is_made = true;
		done->made_points = points;
	}
	return at > grade->reset_at ? points : 0;
}

void
keep_lost(const Grade *grade, const Done *done)
{
	const char *challenge_id = grade->challenge_completion_id != NULL
	                               ? grade->challenge_completion_id
	                               : grade->old_challenge_id;

	if (STATEMENT_RUN(&statements[FIND_LOST], value_text(grade->user_id), value_text(challenge_id),
	                  value_long(done->challenge_lost)) > 0)
		STATEMENT_RUN(&statements[KEEP_LOST], value_text(grade->user_id),
		              row_argument(0, 1, TEXTOID), value_long(done->challenge_lost));
}
