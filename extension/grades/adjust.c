/*
 * adjust.c
 *	  What a question pays, changed by hand: for all who have completed it, or for one.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/ids.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/idempotency.h"
#include "calls/locks.h"
#include "grades/changes.h"

typedef enum StatementId
{
	COMPLETED,
	ENDED,
	VOID,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* $1 question, $2 placement */
    [COMPLETED] = {"SELECT coalesce(array_agg(\"userId\" ORDER BY \"userId\"), '{}')"
                   " FROM public.\"QuestionCompletion\""
                   " WHERE \"questionId\" = $1 AND \"groupChallengeId\" = $2",
                   {TEXTOID, TEXTOID},
                   .newest = true,
                   .by_key = true},
    /* Now, or when the competition ended. */
    [ENDED] = {"SELECT least(\"endDate\" AT TIME ZONE 'UTC', clock_timestamp())"
               " FROM public.\"CompetitionGroup\" WHERE id = $1",
               {TEXTOID},
               .newest = true,
               .by_key = true},
    /* $1 placement, $2 question, $3 user, $4 when */
    [VOID] = {"INSERT INTO edurange.voided (group_challenge_id, question_id, user_id, at)"
              " VALUES ($1, $2, $3, $4)"
              " ON CONFLICT (group_challenge_id, question_id, user_id) DO UPDATE"
              " SET at = excluded.at",
              {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID},
              .must_write = true},
};

static void
begin(Change *change)
{
	change->context = CurrentMemoryContext;
	change->former = (NullableDatum){
	    .value = PointerGetDatum(construct_empty_array(TEXTOID)),
	};
	statements_begin();
}

/* Writes the change, unless there is nothing to change, and answers. */
static Datum
end(FunctionCallInfo fcinfo, const Caller *caller, Change *change, Grade *grades, int count)
{
	bool is_idle;

	change_apply(caller, change, grades, count, change->kind);
	is_idle = change->gained + change->lost + change->adjusted == 0;
	if (!is_idle)
	{
		change_record(caller, change);
		change_log(caller, change, change->kind);
	}
	statements_end();
	return change_result(fcinfo, change, is_idle);
}

static Datum
reprice(FunctionCallInfo fcinfo, const Caller *caller)
{
	Change change = {
	    .kind = "repriced",
	    .group_id = required_text(fcinfo, 0, "group_id"),
	    .question_id = required_text(fcinfo, 1, "question_id"),
	    .reason = optional_reason(fcinfo, 2),
	};
	Refusal refusal = {0};
	Grade *grades;
	int count;

	begin(&change);
	if (!change_find(caller, &change, &refusal) || !change_is_live(&change, &refusal))
		raise_refusal(&refusal);
	STATEMENT_RUN(&statements[COMPLETED], value_text(change.question_id),
	              value_text(change.placement_id));
	grades = change_read_grades(
	    &change, change_hold_users(&change, row_argument(0, 1, TEXTARRAYOID).value), &count);
	for (int i = 0; i < count; i++)
	{
		Grade *grade = &grades[i];

		if (grade->completion_id == NULL || grade->points == change.question_points)
			continue;
		change.kept += grade->is_by_hand;
		grade->is_changed = !grade->is_by_hand;
		grade->wanted_id = grade->completion_id;
		grade->wanted_points = change.question_points;
		grade->effective_at = grade->counts_at;
	}
	return end(fcinfo, caller, &change, grades, count);
}

SQL_FUNCTION(edurange_reprice)
{
	return mutate(fcinfo, reprice);
}

/* Finds the question, and holds the member and the total; returns what is so of them. */
static Grade *
find_grade(const Caller *caller, Change *change, char *user_id, Refusal *refusal)
{
	Datum user = CStringGetTextDatum(user_id);
	Datum users = PointerGetDatum(construct_array(&user, 1, TEXTOID, -1, false, TYPALIGN_INT));
	int count;

	if (!caller_acts_as(caller, "user_id", user_id, refusal) || !lock_user(user_id, refusal) ||
	    !change_find(caller, change, refusal) || !change_is_live(change, refusal) ||
	    !lock_member(change->group_id, user_id, refusal))
		return NULL;
	lock_totals(change->group_id, users);
	return change_read_grades(change, users, &count);
}

/* From when a grade by hand counts: from the last attempt; without one from now on, but never from after the end. */
static TimestampTz
time_of_work(const Change *change, const Grade *grade)
{
	if (grade->last_attempt != 0)
		return grade->last_attempt;
	STATEMENT_RUN(&statements[ENDED], value_text(change->group_id));
	return row_time(0, 1);
}

static Datum
grade_question(FunctionCallInfo fcinfo, const Caller *caller)
{
	Change change = {
	    .kind = "graded",
	    .group_id = required_text(fcinfo, 0, "group_id"),
	    .question_id = required_text(fcinfo, 2, "question_id"),
	    .reason = optional_reason(fcinfo, 4),
	    .of_one = true,
	};
	char *user_id = required_text(fcinfo, 1, "user_id");
	int32 points = int_between(fcinfo, 3, "points", 0, PG_INT32_MAX);
	Refusal refusal = {0};
	Grade *grade;

	begin(&change);
	grade = find_grade(caller, &change, user_id, &refusal);
	if (grade == NULL)
		raise_refusal(&refusal);
	if (points > change.question_points)
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"points\" must be between 0 and %d, which the question is worth",
		            change.question_points);
	grade->is_changed = grade->completion_id == NULL || grade->points != points;
	grade->wanted_points = points;
	if (grade->completion_id != NULL)
	{
		grade->wanted_id = grade->completion_id;
		grade->effective_at = grade->counts_at;
	}
	else
	{
		grade->wanted_id = new_id();
		grade->wanted_at = grade->effective_at = time_of_work(&change, grade);
		if (grade->wanted_at <= grade->reset_at)
			grade->wanted_at = grade->effective_at = GetCurrentTimestamp();
	}
	return end(fcinfo, caller, &change, grade, 1);
}

SQL_FUNCTION(edurange_grade_question)
{
	return mutate(fcinfo, grade_question);
}

static Datum
void_completion(FunctionCallInfo fcinfo, const Caller *caller)
{
	Change change = {
	    .kind = "voided",
	    .group_id = required_text(fcinfo, 0, "group_id"),
	    .question_id = required_text(fcinfo, 2, "question_id"),
	    .reason = optional_reason(fcinfo, 3),
	    .of_one = true,
	};
	char *user_id = required_text(fcinfo, 1, "user_id");
	Refusal refusal = {0};
	Grade *grade;

	begin(&change);
	grade = find_grade(caller, &change, user_id, &refusal);
	if (grade == NULL)
		raise_refusal(&refusal);
	if (grade->completion_id == NULL)
		raise_error(EDURANGE_QUESTION_NOT_COMPLETED,
		            "user \"%s\" has not completed question \"%s\"", user_id, change.question_id);
	STATEMENT_RUN(&statements[VOID], value_text(change.placement_id),
	              value_text(change.question_id), value_text(user_id),
	              value_time(time_that_divides()));
	grade->is_changed = true;
	grade->effective_at = grade->counts_at;
	return end(fcinfo, caller, &change, grade, 1);
}

SQL_FUNCTION(edurange_void_completion)
{
	return mutate(fcinfo, void_completion);
}
