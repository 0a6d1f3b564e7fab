/*
 * rejudge.c
 *	  Attempts judged once more, because the key was wrong, or because there is a further right answer.
 *
 * All attempts of a competition at the question are judged, some at a time, while nobody makes another.  What is paid
 * then is by the members' attempts since their last reset.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/ids.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/idempotency.h"
#include "game/accepted_answers.h"
#include "grades/changes.h"
#include "text/flags.h"
#include "text/plain_text.h"

#define ATTEMPTS_AT_ONCE 500

typedef enum StatementId
{
	CONCERNED,
	PAGE,
	TURN,
	NOTE_TURNED,
	ACCEPT,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* Who tried or completed it.  $1 question, $2 placement */
    [CONCERNED] = {"SELECT coalesce(array_agg(user_id ORDER BY user_id), '{}') FROM ("
                   " SELECT \"userId\" AS user_id FROM public.\"QuestionAttempt\""
                   "  WHERE \"questionId\" = $1 AND \"groupChallengeId\" = $2"
                   " UNION SELECT \"userId\" FROM public.\"QuestionCompletion\""
                   "  WHERE \"questionId\" = $1 AND \"groupChallengeId\" = $2) u",
                   {TEXTOID, TEXTOID},
                   .newest = true,
                   .by_key = true},
    /* $3 $4 behind which, $5 how many */
    [PAGE] = {"SELECT id, answer, \"isCorrect\", \"attemptedAt\" AT TIME ZONE 'UTC'"
              " FROM public.\"QuestionAttempt\" WHERE \"questionId\" = $1"
              " AND \"groupChallengeId\" = $2"
              " AND (\"attemptedAt\", id) > ($3 AT TIME ZONE 'UTC', $4)"
              " ORDER BY \"attemptedAt\", id LIMIT $5",
              {TEXTOID, TEXTOID, TIMESTAMPTZOID, TEXTOID, INT4OID},
              .newest = true,
              .by_key = true},
    [TURN] = {"UPDATE public.\"QuestionAttempt\" SET \"isCorrect\" = NOT \"isCorrect\""
              " WHERE id = ANY ($1)",
              {TEXTARRAYOID},
              .by_key = true},
    /* $1 change, $2 attempts, $3 what each was */
    [NOTE_TURNED] =
        {"INSERT INTO edurange.grade_change_attempt (change_id, attempt_id, was_correct)"
         " SELECT $1, id, was FROM unnest($2, $3) AS t (id, was)",
         {TEXTOID, TEXTARRAYOID, BOOLARRAYOID}},
    /* $1 change, $2 competition, $3 question, $4 answer */
    [ACCEPT] = {"INSERT INTO edurange.accepted_answer (change_id, group_id, question_id, answer)"
                " VALUES ($1, $2, $3, $4)",
                {TEXTOID, TEXTOID, TEXTOID, TEXTOID},
                .must_write = true},
};

/* One call: what is asked, and who asks. */
typedef struct Rejudging
{
	const Caller *caller;
	Change change;
	const char *answer; /* to be accepted; NULL: none */
	bool is_known;      /* it is right already */
	ArrayType *accepted;
} Rejudging;

/* Attempts that are judged otherwise now. */
typedef struct Turned
{
	int count;
	Datum ids[ATTEMPTS_AT_ONCE];
	Datum were[ATTEMPTS_AT_ONCE];
} Turned;

/* Refuses what cannot be judged once more. */
static bool
check_question(const Change *change, Refusal *refusal)
{
	Datum *elements;
	bool *nulls;
	int count;

	if (!change_is_live(change, refusal))
		return false;
	if (change->flag == NULL)
		return true;
	if (strcmp(change->flag, "static") != 0)
		return refuse(refusal, EDURANGE_NOT_REJUDGED,
		              "question \"%s\" has another flag for each instance", change->question_id);
	if (change->key.values == NULL)
		return true;
	deconstruct_array(change->key.values, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls,
	                  &count);
	for (int i = 0; i < count; i++)
		if (nulls[i] || !is_flag(TextDatumGetCString(elements[i])))
			return refuse(refusal, EDURANGE_FLAG_NOT_READY, "question \"%s\" has no flag",
			              change->question_id);
	return true;
}

/* Is an answer right?  One that cannot be judged is not. */
static bool
judge(const Rejudging *rejudging, const char *answer, Refusal *refusal)
{
	const Change *change = &rejudging->change;
	bool is_right = false;

	if (!answer_judge(&change->key, answer, &is_right, refusal) &&
	    refusal->error == EDURANGE_PATTERN_UNSUPPORTED)
		raise_refusal(refusal);
	return is_right || answer_is_accepted(&change->key, rejudging->accepted, answer);
}

/* Writes what is judged otherwise, and what it was. */
static void
write_turned(const Change *change, Turned *turned)
{
	NullableDatum ids = {.value = PointerGetDatum(construct_array(
	                         turned->ids, turned->count, TEXTOID, -1, false, TYPALIGN_INT))};
	NullableDatum were = {.value = PointerGetDatum(construct_array(
	                          turned->were, turned->count, BOOLOID, 1, true, TYPALIGN_CHAR))};

	if (turned->count == 0)
		return;
	if (STATEMENT_RUN(&statements[TURN], ids) != turned->count)
		row_kept_out("public.\"QuestionAttempt\"");
	STATEMENT_RUN(&statements[NOTE_TURNED], value_text(change->id), ids, were);
}

/* Judges the next attempts behind the last; how many there were. */
static uint64
judge_page(Rejudging *rejudging, TimestampTz *at, char **id)
{
	Change *change = &rejudging->change;
	Turned *turned = palloc0(sizeof(Turned));
	uint64 count = STATEMENT_RUN(&statements[PAGE], value_text(change->question_id),
	                             value_text(change->placement_id), value_time(*at), value_text(*id),
	                             value_int(ATTEMPTS_AT_ONCE));
	SPITupleTable *rows = SPI_tuptable;
	MemoryContext judging =
	    AllocSetContextCreate(CurrentMemoryContext, "judging", ALLOCSET_DEFAULT_SIZES);

	for (uint64 i = 0; i < count; i++)
	{
		bool was = row_bool(i, 3);
		MemoryContext outer = MemoryContextSwitchTo(judging);
		Refusal refusal = {0};
		bool is_right;

		CHECK_FOR_INTERRUPTS();
		is_right = judge(rejudging, row_text(i, 2), &refusal);
		MemoryContextSwitchTo(outer);
		MemoryContextReset(judging);
		if (is_right == was)
			continue;
		turned->ids[turned->count] = CStringGetTextDatum(row_text(i, 1));
		turned->were[turned->count++] = BoolGetDatum(was);
	}
	if (count > 0)
	{
		*at = row_time(count - 1, 4);
		*id = row_text(count - 1, 1);
	}
	change->attempts += count;
	change->attempts_changed += turned->count;
	SPI_freetuptable(rows);
	write_turned(change, turned);
	MemoryContextDelete(judging);
	pfree(turned);
	return count;
}

/* Judges all attempts, whoever's they are. */
static void
judge_attempts(Rejudging *rejudging)
{
	TimestampTz at = DT_NOBEGIN;
	char *id = "";

	while (judge_page(rejudging, &at, &id) == ATTEMPTS_AT_ONCE)
		;
}

/* Says what is to be, by the attempts that count. */
static void
decide(Change *change, Grade *grades, int count)
{
	for (int i = 0; i < count; i++)
	{
		Grade *grade = &grades[i];
		bool is_right = grade->first_right != 0;

		if (grade->completion_id == NULL && is_right)
		{
			grade->is_changed = true;
			grade->wanted_id = new_id();
			grade->wanted_at = grade->effective_at = grade->first_right;
			grade->wanted_points = change->question_points;
		}
		else if (grade->completion_id != NULL && !is_right)
		{
			grade->is_changed = grade->attempts > 0 && !grade->is_by_hand;
			grade->effective_at = grade->counts_at;
			change->kept += !grade->is_changed;
		}
	}
}

/* Is there nothing that has changed? */
static bool
is_idle(const Change *change)
{
	return change->attempts_changed + change->gained + change->lost + change->adjusted == 0;
}

/* Adds the answer to those that are right; false: it was one already.  It must be one that somebody can give. */
static bool
add_answer(Rejudging *rejudging)
{
	Change *change = &rejudging->change;
	Refusal refusal = {0};

	rejudging->is_known = judge(rejudging, rejudging->answer, &refusal);
	if (rejudging->is_known)
		return false;
	if (refusal.error != EDURANGE_OK)
		raise_refusal(&refusal);
	if (change->flag != NULL && !is_flag(rejudging->answer))
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"answer\" cannot be a flag: it is a placeholder");
	STATEMENT_RUN(&statements[ACCEPT], value_text(change->id), value_text(change->group_id),
	              value_text(change->question_id), value_text(rejudging->answer));
	rejudging->accepted =
	    accepted_answers(change->group_id, change->placement_id, change->question_id);
	if (!judge(rejudging, rejudging->answer, &refusal))
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"answer\" cannot be an answer to the question");
	return true;
}

/* All of it, which a dry run undoes. */
static void
rejudge_question(void *argument)
{
	Rejudging *rejudging = argument;
	Change *change = &rejudging->change;
	Refusal refusal = {0};
	NullableDatum concerned;
	Grade *grades;
	Datum members;
	int count;

	if (!change_find(rejudging->caller, change, &refusal) || !check_question(change, &refusal))
		raise_refusal(&refusal);
	rejudging->accepted =
	    accepted_answers(change->group_id, change->placement_id, change->question_id);
	if (rejudging->answer != NULL && !add_answer(rejudging))
		return;
	STATEMENT_RUN(&statements[CONCERNED], value_text(change->question_id),
	              value_text(change->placement_id));
	concerned = row_argument(0, 1, TEXTARRAYOID);
	members = change_hold_users(change, concerned.value);
	judge_attempts(rejudging);
	grades = change_read_grades(change, members, &count);
	decide(change, grades, count);
	change_apply(rejudging->caller, change, grades, count, change->kind);
	if (is_idle(change) && rejudging->answer == NULL)
		return;
	change_record(rejudging->caller, change);
	change_log(rejudging->caller, change, change->kind);
}

static Datum
run(FunctionCallInfo fcinfo, Rejudging *rejudging)
{
	Change *change = &rejudging->change;

	change->context = CurrentMemoryContext;
	change->former = (NullableDatum){
	    .value = PointerGetDatum(construct_empty_array(TEXTOID)),
	};
	statements_begin();
	if (change->dry_run)
		in_subtransaction(rejudge_question, rejudging, false);
	else
		rejudge_question(rejudging);
	statements_end();
	return change_result(fcinfo, change,
	                     rejudging->answer != NULL ? rejudging->is_known : is_idle(change));
}

static Datum
rejudge(FunctionCallInfo fcinfo, const Caller *caller)
{
	Rejudging rejudging = {
	    .caller = caller,
	    .change = {.kind = "rejudged",
	               .group_id = required_text(fcinfo, 0, "group_id"),
	               .question_id = required_text(fcinfo, 1, "question_id"),
	               .dry_run = optional_flag(fcinfo, 2),
	               .reason = optional_reason(fcinfo, 3)},
	};

	return run(fcinfo, &rejudging);
}

SQL_FUNCTION(edurange_rejudge)
{
	return mutate(fcinfo, rejudge);
}

static Datum
accept_answer(FunctionCallInfo fcinfo, const Caller *caller)
{
	Rejudging rejudging = {
	    .caller = caller,
	    .change = {.kind = "accepted",
	               .group_id = required_text(fcinfo, 0, "group_id"),
	               .question_id = required_text(fcinfo, 1, "question_id"),
	               .dry_run = optional_flag(fcinfo, 3),
	               .reason = optional_reason(fcinfo, 4)},
	    .answer = required_text(fcinfo, 2, "answer"),
	};

	if (comparable(rejudging.answer)[0] == '\0')
		raise_error(EDURANGE_MISSING_PARAMETER, "parameter \"answer\" is blank");
	return run(fcinfo, &rejudging);
}

SQL_FUNCTION(edurange_accept_answer)
{
	return mutate(fcinfo, accept_answer);
}
