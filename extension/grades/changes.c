/*
 * changes.c
 *	  Changes of what a question of a competition paid, after it was paid.
 *
 * The challenge is held first, against imports, which hold its questions and may want the placement then.  Next comes
 * the placement.  Where all users are concerned it is held against everybody: scoring holds it, too,
 * and so waits.  Where one user is, it is held against other changes only.  Then come the users, whom scoring holds
 * before the placement; that is no circle, because nobody waits for a placement who has locked a user against being
 * named.  Last come the memberships and the totals, in the order of ids.  Who sets a total
 * to zero may hold nothing else, and what was paid before that is not read as if it were owed still.
 *
 * What was paid for a challenge is the larger of two sums (game/completions.h); here of what was completed since the
 * user's last reset, so that nothing is taken back that a reset has taken already.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/ids.h"
#include "base/json_text.h"
#include "base/rows.h"
#include "base/statements.h"
#include "calls/locks.h"
#include "course/course.h"
#include "game/activity.h"
#include "game/completions.h"
#include "game/entries.h"
#include "game/retired.h"
#include "grades/changes.h"
#include "grades/following.h"
#include "grades/paying.h"

typedef enum StatementId
{
	HOLD_ALL,
	HOLD_ONE,
	IS_RETIRED,
	STRANGERS,
	GRADES,
	DROP_COMPLETION,
	ADD_COMPLETION,
	SET_COMPLETION,
	RECORD,
	RECORD_USER,
	STATEMENT_COUNT
} StatementId;

/* In the order of what stands behind FOR.  $1 competition, $2 question */
#define HOLD(strength)                                                                              \
	"SELECT gc.id, gc.\"challengeId\", q.points, upper(q.type) = 'CHECKBOXES', " QUESTION_MATCH     \
	", q.cdf_payload ->> 'tolerance', " QUESTION_FLAG ", " QUESTION_KEY ", q.required"              \
	" FROM public.\"GroupChallenge\" gc JOIN public.\"Challenge\" ch ON ch.id = gc.\"challengeId\"" \
	" JOIN public.\"ChallengeQuestion\" q ON q.\"challengeId\" = gc.\"challengeId\""                \
	" WHERE gc.\"groupId\" = $1 AND q.id = $2"                                                      \
	" FOR SHARE OF ch FOR " strength " OF gc FOR KEY SHARE OF q"

/* The formatter would break these lines at each macro. */
/* clang-format off */
static Statement statements[STATEMENT_COUNT] = {
    [HOLD_ALL] = {HOLD("UPDATE"), {TEXTOID, TEXTOID}, .by_key = true},
    [HOLD_ONE] = {HOLD("NO KEY UPDATE"), {TEXTOID, TEXTOID}, .by_key = true},
    /* Now that it is held: is it no part of its challenge any more, and is it needed?  $1 question, $2 challenge */
    [IS_RETIRED] = {"WITH " NEEDED_QUESTIONS("$2") " SELECT EXISTS (SELECT FROM edurange.retired_question"
                    "  WHERE question_id = $1),"
                    " EXISTS (SELECT FROM needed WHERE id = $1)",
                    {TEXTOID, TEXTOID},
                    .newest = true,
                    .by_key = true},
    /* Those of $2 who are not in $1, at most so many. */
    [STRANGERS] =
        {"SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM (SELECT id FROM unnest($2) u (id)"
         " EXCEPT SELECT unnest($1) ORDER BY 1 LIMIT 1000) s",
         {TEXTARRAYOID, TEXTARRAYOID}},
    /*
	 * $1 competition, $2 placement, $3 question, $4 users.  What is behind OFFSET 0 is read user by user, here and
	 * below: a class may be large, and how large is not known when this is planned.
	 */
    [GRADES] =
        {"SELECT m.user_id, qc.id, " UTC("qc.\"completedAt\"") ", qc.\"pointsEarned\","
         " EXISTS (SELECT FROM edurange.grade_change_user gu"
         "  WHERE gu.user_id = m.user_id AND gu.completion_after = qc.id"
         "  AND (SELECT g.kind = 'graded' AND g.undone_at IS NULL"
         "   FROM edurange.grade_change g WHERE g.id = gu.change_id)),"
         " cc.id, " UTC("cc.\"completedAt\"") ", cc.\"pointsEarned\", " MOST_MISSING("m.user_id", "cc.id") ","
         " " CHALLENGE_LOST("m.user_id", "cc.id") ","
         " EXISTS (SELECT FROM edurange.points_ledger l WHERE l.user_id = m.user_id"
         "  AND l.group_id = $1 AND l.kind = 'award' AND l.source_id = $2"
         "  AND l.at > coalesce(s.reset_at, '-infinity')),"
         " greatest((SELECT sum(d.\"pointsEarned\") FROM public.\"QuestionCompletion\" d"
         "   WHERE d.\"userId\" = m.user_id AND d.\"groupChallengeId\" = $2"
         "   AND " UTC("d.\"completedAt\"") " > coalesce(s.reset_at, '-infinity')),"
         "  CASE WHEN " UTC("cc.\"completedAt\"") " > coalesce(s.reset_at, '-infinity')"
         "   THEN cc.\"pointsEarned\" END, 0),"
         /* what was paid here for the question or, where that was nothing, for the challenge */
         " (SELECT " COUNTS_AT
         " FROM edurange.points_ledger l WHERE l.user_id = m.user_id"
         "  AND l.group_id = $1 AND l.source_id IN ($2, $3) AND l.delta > 0"
         "  AND l.at > coalesce(s.reset_at, '-infinity') AND " PAID_SINCE_PLACED("$2")
         "  ORDER BY l.source_id = $3 DESC, l.seq DESC LIMIT 1),"
         " s.reset_at, v.at, a.attempts, a.first_right AT TIME ZONE 'UTC', a.last AT TIME ZONE 'UTC'"
         " FROM unnest($4) AS m (user_id)"
         " LEFT JOIN LATERAL (SELECT x.reset_at FROM edurange.standing x"
         "  WHERE x.group_id = $1 AND x.user_id = m.user_id OFFSET 0) s ON true"
         " LEFT JOIN LATERAL (SELECT x.at FROM edurange.voided x WHERE x.group_challenge_id = $2"
         "  AND x.question_id = $3 AND x.user_id = m.user_id OFFSET 0) v ON true"
         " LEFT JOIN LATERAL (SELECT * FROM public.\"QuestionCompletion\" WHERE \"userId\" = m.user_id"
         "  AND \"questionId\" = $3 AND \"groupChallengeId\" = $2 OFFSET 0) qc ON true"
         " LEFT JOIN LATERAL (SELECT * FROM public.\"ChallengeCompletion\" WHERE \"userId\" = m.user_id"
         "  AND \"groupChallengeId\" = $2 OFFSET 0) cc ON true"
         " LEFT JOIN LATERAL (SELECT count(*) AS attempts,"
         "   min(\"attemptedAt\") FILTER (WHERE \"isCorrect\") AS first_right, max(\"attemptedAt\") AS last"
         "  FROM public.\"QuestionAttempt\" WHERE \"userId\" = m.user_id"
         "  AND \"questionId\" = $3 AND \"groupChallengeId\" = $2 AND \"attemptedAt\""
         "   > coalesce(greatest(s.reset_at, v.at), '-infinity') AT TIME ZONE 'UTC') a ON true"
         " ORDER BY m.user_id",
         {TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID},
         .newest = true,
         .by_key = true},
    [DROP_COMPLETION] = {"DELETE FROM public.\"QuestionCompletion\" WHERE id = $1",
                         {TEXTOID},
                         .by_key = true,
                         .must_write = true},
    /* $1 id, $2 user, $3 question, $4 placement, $5 points, $6 when */
    [ADD_COMPLETION] = {"INSERT INTO public.\"QuestionCompletion\" (id, \"userId\","
                        " \"questionId\", \"groupChallengeId\", \"pointsEarned\","
                        " \"completedAt\") VALUES ($1, $2, $3, $4, $5, $6 AT TIME ZONE 'UTC')",
                        {TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID, TIMESTAMPTZOID},
                        .must_write = true,
                        .keys_held = true},
    [SET_COMPLETION] = {"UPDATE public.\"QuestionCompletion\" SET \"pointsEarned\" = $2"
                        " WHERE id = $1",
                        {TEXTOID, INT4OID},
                        .by_key = true,
                        .must_write = true},
    [RECORD] = {"INSERT INTO edurange.grade_change (id, group_id, group_challenge_id, question_id,"
                " kind, reason, actor, via, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8,"
                " clock_timestamp())",
                {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID},
                .must_write = true},
    [RECORD_USER] = {"INSERT INTO edurange.grade_change_user (change_id, user_id, completion_id,"
                     " completed_at, points_before, completion_after, points_after,"
                     " challenge_completion_id, challenge_completed_at, challenge_points,"
                     " questions_points, questions_missing, delta, effective_at, voided_before,"
                     " challenge_lost)"
                     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
                     {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, INT4OID, TEXTOID, INT4OID, TEXTOID,
                      TIMESTAMPTZOID, INT4OID, INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID,
                      TIMESTAMPTZOID, INT8OID},
                     .must_write = true},
};
/* clang-format on */

/* A time that may not be. */
static NullableDatum
time_or_null(TimestampTz time)
{
	return time != 0 ? value_time(time) : value_null();
}

/* A number that is there where a row is. */
static NullableDatum
int_or_null(const char *row, int32 number)
{
	return row != NULL ? value_int(number) : value_null();
}

bool
change_find(const Caller *caller, Change *change, Refusal *refusal)
{
	NullableDatum key;

	if (!course_find(caller, change->group_id, refusal) ||
	    !lock_competition(change->group_id, refusal))
		return false;
	if (STATEMENT_RUN(&statements[change->of_one ? HOLD_ONE : HOLD_ALL],
	                  value_text(change->group_id), value_text(change->question_id)) == 0)
		return refuse(refusal, EDURANGE_QUESTION_NOT_FOUND,
		              "competition \"%s\" has no question \"%s\"", change->group_id,
		              change->question_id);
	change->id = MemoryContextStrdup(change->context, new_id());
	change->placement_id = row_text(0, 1);
	change->challenge_id = row_text(0, 2);
	change->question_points = row_int(0, 3);
	change->key.is_set = row_bool(0, 4);
	change->key.match = answer_match(row_text(0, 5));
	change->key.tolerance = row_text_or_null(0, 6);
	change->flag = row_text_or_null(0, 7);
	key = row_argument(0, 8, TEXTARRAYOID);
	change->key.values = key.isnull ? NULL : DatumGetArrayTypePCopy(key.value);
	STATEMENT_RUN(&statements[IS_RETIRED], value_text(change->question_id),
	              value_text(change->challenge_id));
	change->is_retired = row_bool(0, 1);
	change->is_needed = row_bool(0, 2);
	return true;
}

bool
change_is_live(const Change *change, Refusal *refusal)
{
	if (!change->is_retired)
		return true;
	return refuse(refusal, EDURANGE_QUESTION_RETIRED,
	              "question \"%s\" is no longer part of challenge \"%s\"", change->question_id,
	              change->challenge_id);
}

Datum
change_hold_users(Change *change, Datum users)
{
	NullableDatum members = {.value = lock_members(change->group_id, users)};

	lock_totals(change->group_id, members.value);
	STATEMENT_RUN(&statements[STRANGERS], members, (NullableDatum){.value = users});
	change->former = row_result(0, 1, TEXTARRAYOID);
	return members.value;
}

Grade *
change_read_grades(const Change *change, Datum users, int *count)
{
	uint64 rows = STATEMENT_RUN(&statements[GRADES], value_text(change->group_id),
	                            value_text(change->placement_id), value_text(change->question_id),
	                            (NullableDatum){.value = users});
	Grade *grades = palloc0(sizeof(Grade) * Max(rows, 1));

	for (uint64 i = 0; i < rows; i++)
	{
		Grade *grade = &grades[i];

		CHECK_FOR_INTERRUPTS();
		grade->user_id = row_text(i, 1);
		grade->completion_id = row_text_or_null(i, 2);
		grade->completed_at = row_time_or_zero(i, 3);
		grade->points = grade->completion_id != NULL ? row_int(i, 4) : 0;
		grade->is_by_hand = row_bool(i, 5);
		grade->challenge_completion_id = row_text_or_null(i, 6);
		grade->challenge_completed_at = row_time_or_zero(i, 7);
		grade->challenge_points = grade->challenge_completion_id != NULL ? row_int(i, 8) : 0;
		grade->challenge_missing = row_long(i, 9);
		/* one that says something by now was written by somebody else since */
		grade->challenge_lost =
		    grade->challenge_points > 0 ? Min(row_long(i, 10), 0) : row_long(i, 10);
		grade->is_asserted = row_bool(i, 11);
		grade->paid = row_long(i, 12);
		grade->counts_at = row_time_or_zero(i, 13);
		grade->reset_at = row_time_or_zero(i, 14);
		grade->voided_at = row_time_or_zero(i, 15);
		grade->attempts = row_long(i, 16);
		grade->first_right = row_time_or_zero(i, 17);
		grade->last_attempt = row_time_or_zero(i, 18);
	}
	SPI_freetuptable(SPI_tuptable);
	*count = (int) rows;
	return grades;
}

/* Writes the completion of the question as it is to be. */
static void
write_completion(const Change *change, const Grade *grade)
{
	if (grade->completion_id != NULL && grade->wanted_id != NULL)
		STATEMENT_RUN(&statements[SET_COMPLETION], value_text(grade->completion_id),
		              value_int(grade->wanted_points));
	else if (grade->completion_id != NULL)
		STATEMENT_RUN(&statements[DROP_COMPLETION], value_text(grade->completion_id));
	else if (grade->wanted_id != NULL)
		STATEMENT_RUN(&statements[ADD_COMPLETION], value_text(grade->wanted_id),
		              value_text(grade->user_id), value_text(change->question_id),
		              value_text(change->placement_id), value_int(grade->wanted_points),
		              value_time(grade->wanted_at));
}

/* Logs what the user has completed by the change, as it is logged when an answer completes it. */
static void
log_completion(const Caller *caller, const Change *change, const Grade *grade,
               const char *event_type, const char *what, int32 points)
{
	activity_log(&(Activity){
	    .event_type = event_type,
	    .user_id = grade->user_id,
	    .group_id = change->group_id,
	    .challenge_id = change->challenge_id,
	    .acting_user = caller->acting_user,
	    .metadata = psprintf("%s,\"pointsEarned\":%d,%s", what, points,
	                         json_member("changeId", change->id)),
	    .is_play = true,
	});
}

/* Keeps what was before. */
static void
record_user(const Change *change, const Grade *grade, const Done *done)
{
	const char *challenge_id = grade->challenge_completion_id;

	STATEMENT_RUN(&statements[RECORD_USER], value_text(change->id), value_text(grade->user_id),
	              value_text(grade->completion_id), time_or_null(grade->completed_at),
	              int_or_null(grade->completion_id, grade->points), value_text(grade->wanted_id),
	              int_or_null(grade->wanted_id, grade->wanted_points), value_text(challenge_id),
	              time_or_null(grade->challenge_completed_at),
	              int_or_null(challenge_id, grade->challenge_points),
	              value_long(points_before(grade, done, grade->challenge_completed_at) +
	                         grade->challenge_lost),
	              value_long(missing_before(change, grade, done)), value_long(grade->delta),
	              time_or_null(grade->effective_at), time_or_null(grade->voided_at),
	              value_long(done->challenge_lost));
}

/* Keeps what was before, and logs what was gained. */
static void
note_grade(const Caller *caller, Change *change, const Grade *grade, const Done *done,
           bool is_undone)
{
	bool is_gained = grade->completion_id == NULL && grade->wanted_id != NULL;

	if (is_gained)
		change->gained++;
	else if (grade->completion_id != NULL && grade->wanted_id == NULL)
		change->lost++;
	else
		change->adjusted++;
	if (is_undone)
		keep_lost(grade, done);
	else
		record_user(change, grade, done);
	if (!is_gained)
		return;
	log_completion(caller, change, grade, "QUESTION_COMPLETED",
	               json_member("questionId", change->question_id), grade->wanted_points);
}

void
change_apply(const Caller *caller, Change *change, Grade *grades, int count, const char *kind)
{
	Grade **changed = palloc(sizeof(Grade *) * Max(count, 1));
	bool is_undone = strcmp(kind, "undone") == 0;
	int changed_count = 0;
	Done *done;

	for (int i = 0; i < count; i++)
		if (grades[i].is_changed)
			changed[changed_count++] = &grades[i];
	/* what the statements of a user hold goes with them, here and below: a class may be large */
	for (int i = 0; i < changed_count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		statements_begin();
		write_completion(change, changed[i]);
		statements_end();
	}
	done = done_read(change, changed, changed_count);
	for (int i = 0; i < changed_count; i++)
	{
		int64 by_challenge;

		CHECK_FOR_INTERRUPTS();
		statements_begin();
		by_challenge = follow_challenge(change, changed[i], &done[i], is_undone);
		pay_difference(caller, change, changed[i], Max(done[i].paid_by_questions, by_challenge),
		               kind);
		note_grade(caller, change, changed[i], &done[i], is_undone);
		if (done[i].is_made)
			log_completion(caller, change, changed[i], "CHALLENGE_COMPLETED",
			               json_member("groupChallengeId", change->placement_id),
			               done[i].made_points);
		statements_end();
	}
}

void
change_record(const Caller *caller, Change *change)
{
	STATEMENT_RUN(&statements[RECORD], value_text(change->id), value_text(change->group_id),
	              value_text(change->placement_id), value_text(change->question_id),
	              value_text(change->kind), value_text(change->reason), value_text(caller->actor),
	              value_text(caller->via));
}

void
change_log(const Caller *caller, const Change *change, const char *kind)
{
	activity_log(&(Activity){
	    .event_type = "GROUP_UPDATED",
	    .user_id = course_subject(caller),
	    .group_id = change->group_id,
	    .challenge_id = change->challenge_id,
	    .acting_user = caller->acting_user,
	    .metadata = psprintf("%s,%s,%s,\"gained\":" INT64_FORMAT ",\"lost\":" INT64_FORMAT
	                         ",\"adjusted\":" INT64_FORMAT "%s%s",
	                         json_member("gradeChange", kind), json_member("changeId", change->id),
	                         json_member("questionId", change->question_id), change->gained,
	                         change->lost, change->adjusted, change->reason != NULL ? "," : "",
	                         change->reason != NULL ? json_member("reason", change->reason) : ""),
	});
}

void
change_not_undone(Change *change, const char *user_id)
{
	MemoryContext context = MemoryContextSwitchTo(change->context);

	change->not_undone = lappend(change->not_undone, pstrdup(user_id));
	MemoryContextSwitchTo(context);
}

/* User ids as an array. */
static NullableDatum
list_of_users(const List *users)
{
	Datum *ids = palloc(sizeof(Datum) * Max(list_length(users), 1));
	ListCell *cell;
	int count = 0;

	foreach (cell, users)
		ids[count++] = CStringGetTextDatum(lfirst(cell));
	return (NullableDatum){
	    .value = PointerGetDatum(construct_array(ids, count, TEXTOID, -1, false, TYPALIGN_INT))};
}

Datum
change_result(FunctionCallInfo fcinfo, const Change *change, bool already_done)
{
	return composite_result(
	    fcinfo,
	    (NullableDatum[]){value_text(change->dry_run || already_done ? NULL : change->id),
	                      value_bool(change->dry_run), value_bool(already_done),
	                      value_long(change->attempts), value_long(change->attempts_changed),
	                      value_long(change->gained), value_long(change->lost),
	                      value_long(change->adjusted), value_long(change->kept),
	                      value_long(change->paid), value_long(change->taken), change->former,
	                      list_of_users(change->not_undone)},
	    13);
}
