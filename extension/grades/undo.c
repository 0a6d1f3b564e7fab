/*
 * undo.c
 *	  Changes of grades: listed, looked at, and taken back, the latest of a question first.
 *
 * What was before is put back with its ids and times, user by user; but not where the student has earned it again
 * meanwhile, was reset, or has left: these are named.  A change belongs to the group challenge that it was made at, and
 * goes with it: where the challenge was taken out and added again, nothing of before is owed to anybody.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/idempotency.h"
#include "course/course.h"
#include "grades/changes.h"

#define CHANGE_ROW                                                                                 \
	"ROW(g.id, g.kind, g.question_id, g.group_challenge_id, g.reason, g.actor, g.via, g.at,"       \
	" g.undone_at, g.undone_by)::edurange.grade_change_record"

/* Of the completion that a change saw. */
#define MOST_MISSING_THEN MOST_MISSING("gu.user_id", "gu.challenge_completion_id")

typedef enum StatementId
{
	FIND,
	IS_LATEST,
	HOLD_USERS,
	CONCERNED,
	BEFORE,
	FLIPPED,
	TURN_BACK,
	KEPT_OUT,
	FORGET_ANSWER,
	SET_VOIDED,
	FORGET_VOIDED,
	OLD_CHALLENGE,
	UNDONE,
	DETAILS,
	PAGE,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    [FIND] = {"SELECT question_id, kind, group_challenge_id FROM edurange.grade_change"
              " WHERE id = $1 AND group_id = $2",
              {TEXTOID, TEXTOID},
              .newest = true,
              .by_key = true},
    /* Now that the question is held: was it undone, and is there a later one that was not, or any other of the challenge?  $1 change */
    [IS_LATEST] = {"SELECT g.undone_at IS NOT NULL, (SELECT l.id FROM edurange.grade_change l"
                   "  WHERE l.group_challenge_id = g.group_challenge_id"
                   "  AND l.question_id = g.question_id AND l.undone_at IS NULL"
                   "  AND (l.at, l.id) > (g.at, g.id) ORDER BY l.at DESC, l.id DESC LIMIT 1), g.at,"
                   " EXISTS (SELECT FROM edurange.grade_change o"
                   "  WHERE o.group_challenge_id = g.group_challenge_id AND o.id <> g.id)"
                   " FROM edurange.grade_change g WHERE g.id = $1",
                   {TEXTOID},
                   .newest = true,
                   .by_key = true},
    /* Whose attempts $2 and grades it changed.  They are held before that: who is deleted goes first, too.  $1 change */
    [HOLD_USERS] = {"SELECT 1 FROM public.\"User\" WHERE id IN (SELECT user_id"
                    "  FROM edurange.grade_change_user WHERE change_id = $1"
                    "  UNION SELECT \"userId\" FROM public.\"QuestionAttempt\""
                    "  WHERE id = ANY ($2)) ORDER BY id FOR KEY SHARE",
                    {TEXTOID, TEXTARRAYOID},
                    .by_key = true},
    [CONCERNED] = {"SELECT coalesce(array_agg(user_id ORDER BY user_id), '{}')"
                   " FROM edurange.grade_change_user WHERE change_id = $1",
                   {TEXTOID},
                   .newest = true,
                   .by_key = true},
    [BEFORE] = {"SELECT gu.user_id, gu.completion_id, gu.completed_at, gu.points_before,"
                " gu.completion_after, gu.challenge_completion_id, gu.challenge_completed_at,"
                " gu.challenge_points, gu.effective_at, gu.voided_before, gu.questions_points,"
                " " MOST_MISSING_THEN " FROM edurange.grade_change_user gu"
                " WHERE gu.change_id = $1 AND gu.user_id = ANY ($2) ORDER BY gu.user_id",
                {TEXTOID, TEXTARRAYOID},
                .newest = true,
                .by_key = true},
    [FLIPPED] =
        {"SELECT coalesce(array_agg(attempt_id), '{}'), coalesce(array_agg(was_correct), '{}'),"
         " count(*) FROM edurange.grade_change_attempt WHERE change_id = $1",
         {TEXTOID},
         .newest = true,
         .by_key = true},
    [TURN_BACK] = {"UPDATE public.\"QuestionAttempt\" a SET \"isCorrect\" = t.was"
                   " FROM unnest($1, $2) AS t (id, was) WHERE a.id = t.id",
                   {TEXTARRAYOID, BOOLARRAYOID},
                   .by_key = true},
    /* Attempts that are there and were not turned back; others are gone by now. */
    [KEPT_OUT] = {"SELECT 1 FROM unnest($1, $2) AS t (id, was)"
                  " JOIN public.\"QuestionAttempt\" a ON a.id = t.id"
                  " WHERE a.\"isCorrect\" <> t.was LIMIT 1",
                  {TEXTARRAYOID, BOOLARRAYOID},
                  .newest = true,
                  .by_key = true},
    [FORGET_ANSWER] = {"DELETE FROM edurange.accepted_answer WHERE change_id = $1",
                       {TEXTOID},
                       .by_key = true},
    /* $1 placement, $2 question, $3 user, $4 until when */
    [SET_VOIDED] = {"UPDATE edurange.voided SET at = $4 WHERE group_challenge_id = $1"
                    " AND question_id = $2 AND user_id = $3",
                    {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID},
                    .by_key = true},
    [FORGET_VOIDED] = {"DELETE FROM edurange.voided WHERE group_challenge_id = $1"
                       " AND question_id = $2 AND user_id = $3",
                       {TEXTOID, TEXTOID, TEXTOID},
                       .by_key = true},
    /* The completion of the challenge that a change took last from the user, by whichever question.  $1 placement,
	 * $2 user */
    [OLD_CHALLENGE] = {"SELECT gu.challenge_completion_id, gu.challenge_completed_at,"
                       " gu.questions_points - gu.challenge_points, " MOST_MISSING_THEN
                       " FROM edurange.grade_change_user gu"
                       " JOIN edurange.grade_change g ON g.id = gu.change_id"
                       " WHERE gu.user_id = $2 AND g.group_challenge_id = $1"
                       " AND gu.challenge_completion_id IS NOT NULL"
                       " ORDER BY g.at DESC, g.id DESC LIMIT 1",
                       {TEXTOID, TEXTOID},
                       .newest = true,
                       .by_key = true},
    /* $1 change, $2 by whom */
    [UNDONE] = {"UPDATE edurange.grade_change SET undone_at = clock_timestamp(), undone_by = $2"
                " WHERE id = $1",
                {TEXTOID, TEXTOID},
                .by_key = true,
                .must_write = true},
    [DETAILS] = {"SELECT ROW(" CHANGE_ROW ", (SELECT count(*) FROM edurange.grade_change_attempt a"
                 "  WHERE a.change_id = g.id), coalesce((SELECT array_agg(ROW(u.user_id,"
                 "   u.points_before, u.points_after, u.delta, u.effective_at"
                 "   )::edurange.grade_change_of_user ORDER BY u.delta DESC, u.user_id)"
                 "  FROM edurange.grade_change_user u WHERE u.change_id = g.id), '{}')"
                 " )::edurange.grade_change_details FROM edurange.grade_change g"
                 " WHERE g.id = $1 AND g.group_id = $2",
                 {TEXTOID, TEXTOID},
                 .reads = true,
                 .by_key = true},
    /* $1 competition, $2 how many, $3 $4 behind which; newest first */
    [PAGE] = {"SELECT ROW(" PAGE_OF(
                  CHANGE_ROW, TIME_CURSOR("g.at", "g.id"),
                  "$2") ")::edurange.grade_change_page"
                        " FROM (SELECT *, row_number() OVER (ORDER BY at DESC, id DESC) AS n"
                        "  FROM edurange.grade_change WHERE group_id = $1"
                        "  AND (at, id) < (coalesce($3, 'infinity'), coalesce($4, ''))"
                        "  ORDER BY at DESC, id DESC LIMIT $2 + 1) g",
              {TEXTOID, INT4OID, TIMESTAMPTZOID, TEXTOID},
              .reads = true,
              .by_key = true},
};

static bool
is_same(const char *one, const char *other)
{
	return one != NULL && other != NULL && strcmp(one, other) == 0;
}

/* Puts a user's grade back to what the row says was before.  False: it is not as the change left it, and stays. */
static bool
turn_back(Grade *grade, uint64 row, TimestampTz changed_at)
{
	char *before = row_text_or_null(row, 2);
	char *after = row_text_or_null(row, 5);

	if (grade->reset_at >= changed_at)
		return false;
	if (after != NULL ? !is_same(grade->completion_id, after) : grade->completion_id != NULL)
		return false;
	/* it would be completed without the change, too */
	if (before == NULL && grade->first_right != 0)
		return false;
	grade->is_changed = true;
	grade->wanted_id = before;
	grade->wanted_at = row_time_or_zero(row, 3);
	grade->wanted_points = before != NULL ? row_int(row, 4) : 0;
	grade->old_challenge_id = row_text_or_null(row, 6);
	grade->old_challenge_at = row_time_or_zero(row, 7);
	grade->old_challenge_distance =
	    grade->old_challenge_id != NULL ? row_long(row, 11) - row_int(row, 8) : 0;
	grade->may_miss =
	    grade->challenge_completion_id != NULL ? grade->challenge_missing : row_long(row, 12);
	grade->effective_at = row_time_or_zero(row, 9);
	grade->voided_at = row_time_or_zero(row, 10);
	return true;
}

/* A completion of the challenge that is made anew is the one that was there last. */
static void
find_old_challenge(const Change *change, Grade *grade)
{
	if (!grade->is_changed || grade->challenge_completion_id != NULL ||
	    grade->old_challenge_id != NULL)
		return;
	/* one from before the last reset does not count */
	if (STATEMENT_RUN(&statements[OLD_CHALLENGE], value_text(change->placement_id),
	                  value_text(grade->user_id)) > 0 &&
	    row_time(0, 2) > grade->reset_at)
	{
		grade->old_challenge_id = row_text(0, 1);
		grade->old_challenge_at = row_time(0, 2);
		grade->old_challenge_distance = row_long(0, 3);
		grade->may_miss = row_long(0, 4);
	}
	/* a class may be large */
	SPI_freetuptable(SPI_tuptable);
}

/* Says what is to be of all users who are members. */
static Grade *
turn_all_back(Change *change, const char *id, TimestampTz changed_at, int *count)
{
	NullableDatum members;
	Grade *grades;
	SPITupleTable *rows;

	STATEMENT_RUN(&statements[CONCERNED], value_text(id));
	members = (NullableDatum){
	    .value = change_hold_users(change, row_argument(0, 1, TEXTARRAYOID).value),
	};
	grades = change_read_grades(change, members.value, count);
	if (STATEMENT_RUN(&statements[BEFORE], value_text(id), members) != *count)
		elog(ERROR, "a change has lost a user");
	rows = SPI_tuptable;
	for (int i = 0; i < *count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!turn_back(&grades[i], i, changed_at))
			change_not_undone(change, grades[i].user_id);
	}
	SPI_freetuptable(rows);
	for (int i = 0; i < *count; i++)
		find_old_challenge(change, &grades[i]);
	return grades;
}

/* Attempts are right or wrong again as they were. */
static void
turn_attempts_back(Change *change, const char *id)
{
	NullableDatum ids;
	NullableDatum were;

	STATEMENT_RUN(&statements[FLIPPED], value_text(id));
	ids = row_argument(0, 1, TEXTARRAYOID);
	were = row_argument(0, 2, BOOLARRAYOID);
	change->attempts_changed = row_long(0, 3);
	STATEMENT_RUN(&statements[HOLD_USERS], value_text(id), ids);
	if (STATEMENT_RUN(&statements[TURN_BACK], ids, were) < change->attempts_changed &&
	    STATEMENT_RUN(&statements[KEPT_OUT], ids, were) > 0)
		row_kept_out("public.\"QuestionAttempt\"");
}

/* Removes what the change left beside grades: a further right answer, or the time until which attempts back nothing. */
static void
forget_change(const Change *change, const char *id, const Grade *grades, int count)
{
	if (strcmp(change->kind, "accepted") == 0)
		STATEMENT_RUN(&statements[FORGET_ANSWER], value_text(id));
	if (strcmp(change->kind, "voided") != 0)
		return;
	for (int i = 0; i < count; i++)
	{
		NullableDatum of_user[] = {value_text(change->placement_id),
		                           value_text(change->question_id), value_text(grades[i].user_id),
		                           value_time(grades[i].voided_at)};

		if (!grades[i].is_changed)
			continue;
		if (grades[i].voided_at == 0)
			statement_run(&statements[FORGET_VOIDED], of_user, 3);
		else
			statement_run(&statements[SET_VOIDED], of_user, 4);
	}
}

/* Finds the change and holds its question; refuses where it is not the latest one.  Tells whether it was undone. */
static bool
find_change(const Caller *caller, Change *change, const char *id, TimestampTz *at, bool *is_undone,
            Refusal *refusal)
{
	char *placement_id;
	char *latest;

	if (!course_find(caller, change->group_id, refusal))
		return false;
	if (STATEMENT_RUN(&statements[FIND], value_text(id), value_text(change->group_id)) == 0)
		return refuse(refusal, EDURANGE_CHANGE_NOT_FOUND, "competition \"%s\" has no change \"%s\"",
		              change->group_id, id);
	change->question_id = row_text(0, 1);
	change->kind = row_text(0, 2);
	placement_id = row_text(0, 3);
	if (!change_find(caller, change, refusal))
		return false;
	if (strcmp(placement_id, change->placement_id) != 0)
		return refuse(refusal, EDURANGE_CHANGE_NOT_FOUND,
		              "change \"%s\" went with group challenge \"%s\", which was taken out of"
		              " competition \"%s\"",
		              id, placement_id, change->group_id);
	STATEMENT_RUN(&statements[IS_LATEST], value_text(id));
	*is_undone = row_bool(0, 1);
	latest = row_text_or_null(0, 2);
	*at = row_time(0, 3);
	change->has_others = row_bool(0, 4);
	if (!*is_undone && latest != NULL)
		return refuse(refusal, EDURANGE_CHANGE_NOT_LATEST,
		              "question \"%s\" was changed again; undo change \"%s\" first",
		              change->question_id, latest);
	return true;
}

static Datum
undo_change(FunctionCallInfo fcinfo, const Caller *caller)
{
	Change change = {
	    .group_id = required_text(fcinfo, 0, "group_id"),
	    .reason = optional_reason(fcinfo, 2),
	    .context = CurrentMemoryContext,
	    .former = {.value = PointerGetDatum(construct_empty_array(TEXTOID))},
	};
	char *id = required_text(fcinfo, 1, "change_id");
	Refusal refusal = {0};
	TimestampTz changed_at = 0;
	bool is_undone = false;
	Grade *grades;
	int count;

	statements_begin();
	if (!find_change(caller, &change, id, &changed_at, &is_undone, &refusal))
		raise_refusal(&refusal);
	change.id = id;
	if (!is_undone)
	{
		turn_attempts_back(&change, id);
		grades = turn_all_back(&change, id, changed_at, &count);
		forget_change(&change, id, grades, count);
		change_apply(caller, &change, grades, count, "undone");
		STATEMENT_RUN(&statements[UNDONE], value_text(id), value_text(caller->actor));
		change_log(caller, &change, "undone");
	}
	statements_end();
	return change_result(fcinfo, &change, is_undone);
}

SQL_FUNCTION(edurange_undo_change)
{
	return mutate(fcinfo, undo_change);
}

SQL_FUNCTION_BATCHABLE(edurange_grade_change)
{
	char *group_id = required_text(fcinfo, 0, "group_id");
	char *id = required_text(fcinfo, 1, "change_id");
	Refusal refusal = {0};
	Caller caller;
	Datum row;

	caller_read(&caller, fcinfo, 2);
	statements_begin();
	if (!course_find(&caller, group_id, &refusal))
		raise_refusal(&refusal);
	if (STATEMENT_RUN(&statements[DETAILS], value_text(id), value_text(group_id)) == 0)
		raise_error(EDURANGE_CHANGE_NOT_FOUND, "competition \"%s\" has no change \"%s\"", group_id,
		            id);
	row = only_result();
	statements_end();
	return row;
}

SQL_FUNCTION_BATCHABLE(edurange_grade_changes)
{
	return course_page_by_time(fcinfo, &statements[PAGE]);
}
