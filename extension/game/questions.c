/*
 * questions.c
 *	  Questions: attempts, which the server judges, and completions.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/guc.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/idempotency.h"
#include "game/accepted_answers.h"
#include "game/attempts.h"
#include "game/completions.h"
#include "text/flags.h"
#include "text/plain_text.h"

/* An attempt that was right, and was not undone by an instructor's reset since.  $1 user, $2 question,
 * $3 group challenge, $4 competition */
#define CORRECT_ATTEMPT_BUT(undone)                                                                \
	"SELECT 1 FROM public.\"QuestionAttempt\" a WHERE a.\"userId\" = $1"                           \
	" AND a.\"questionId\" = $2 AND a.\"groupChallengeId\" = $3"                                   \
	" AND a.\"isCorrect\" AND NOT EXISTS (SELECT FROM edurange.standing s"                         \
	"  WHERE s.user_id = $1 AND s.group_id = $4"                                                   \
	"  AND s.reset_at >= a.\"attemptedAt\" AT TIME ZONE 'UTC')" undone " LIMIT 1"

typedef enum StatementId
{
	CORRECT_ATTEMPT,
	CORRECT_ATTEMPT_OF_BEFORE,
	FIND_FLAG,
	LIVE_FLAG,
	COMPLETED,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* Nor taken back with its completion, by hand. */
    [CORRECT_ATTEMPT] = {CORRECT_ATTEMPT_BUT(
                             " AND NOT EXISTS (SELECT FROM edurange.voided v"
                             "  WHERE v.group_challenge_id = $3 AND v.question_id = $2"
                             "  AND v.user_id = $1"
                             "  AND v.at >= a.\"attemptedAt\" AT TIME ZONE 'UTC')"),
                         {TEXTOID, TEXTOID, TEXTOID, TEXTOID},
                         .newest = true,
                         .by_key = true,
                         .before = &statements[CORRECT_ATTEMPT_OF_BEFORE]},
    /* The same before migrate(). */
    [CORRECT_ATTEMPT_OF_BEFORE] = {CORRECT_ATTEMPT_BUT(""),
                                   {TEXTOID, TEXTOID, TEXTOID, TEXTOID},
                                   .newest = true,
                                   .by_key = true},
    /* The instance that is given, or the user's newest live one, or the newest.  A flag counts only
	 * once it was synchronized, which the secret's name marks: before, it is a decoy.  Held after the
	 * membership, so that the log can name it. */
    [FIND_FLAG] = {"SELECT id, CASE WHEN \"flagSecretName\" <> '' THEN flag END"
                   " FROM public.\"ChallengeInstance\""
                   " WHERE \"userId\" = $1 AND \"challengeId\" = $2 AND \"competitionId\" = $3"
                   " AND ($4::text IS NULL OR id = $4)"
                   " ORDER BY status NOT IN ('TERMINATED', 'ERROR') DESC, \"creationTime\" DESC"
                   " LIMIT 1 FOR KEY SHARE",
                   {TEXTOID, TEXTOID, TEXTOID, TEXTOID},
                   .by_key = true},
    /* The flag that a pod of the user's own shows now. */
    [LIVE_FLAG] = {"SELECT flag FROM public.\"ChallengeInstance\""
                   " WHERE \"userId\" = $1 AND \"challengeId\" = $2 AND \"competitionId\" = $3"
                   " AND ($4::text IS NULL OR id = $4) AND status = 'ACTIVE'"
                   " AND \"flagSecretName\" <> '' ORDER BY \"creationTime\" DESC LIMIT 1",
                   {TEXTOID, TEXTOID, TEXTOID, TEXTOID},
                   .newest = true,
                   .by_key = true},
    [COMPLETED] = {"SELECT id, \"questionId\", \"userId\", \"groupChallengeId\","
                   " \"completedAt\" AT TIME ZONE 'UTC', \"pointsEarned\""
                   " FROM public.\"QuestionCompletion\" WHERE \"userId\" = $1"
                   " AND \"groupChallengeId\" = $2 ORDER BY \"completedAt\", id",
                   {TEXTOID, TEXTOID},
                   .reads = true,
                   .by_key = true},
};

/* The flag of the user's instance becomes the key. */
static bool
find_instance_flag(const Caller *caller, Play *play, Refusal *refusal)
{
	char *flag;
	Datum value;

	if (play->instance_id == NULL)
		play->instance_id = caller->bound_instance;
	if (STATEMENT_RUN(&statements[FIND_FLAG], value_text(play->user_id),
	                  value_text(play->challenge_id), value_text(play->group_id),
	                  value_text(play->instance_id)) == 0)
	{
		if (play->instance_id != NULL)
			return refuse(refusal, EDURANGE_INSTANCE_NOT_FOUND,
			              "instance \"%s\" of this user and challenge does not exist",
			              play->instance_id);
		return refuse(refusal, EDURANGE_FLAG_NOT_READY,
		              "user \"%s\" has no instance of challenge \"%s\"", play->user_id,
		              play->challenge_id);
	}
	play->instance_id = row_text(0, 1);
	flag = row_text_or_null(0, 2);
	if (!is_flag(flag))
		return refuse(refusal, EDURANGE_FLAG_NOT_READY,
		              "the flag of instance \"%s\" is not known yet", play->instance_id);
	value = CStringGetTextDatum(flag);
	play->key.values = construct_array(&value, 1, TEXTOID, -1, false, TYPALIGN_INT);
	return true;
}

/* What a document gives as its flag is none while it is a placeholder. */
static bool
check_static_flag(const Play *play, Refusal *refusal)
{
	Datum *elements;
	bool *nulls;
	int count;

	deconstruct_array(play->key.values, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls,
	                  &count);
	for (int i = 0; i < count; i++)
		if (nulls[i] || !is_flag(TextDatumGetCString(elements[i])))
			return refuse(refusal, EDURANGE_FLAG_NOT_READY, "question \"%s\" has no flag",
			              play->question_id);
	return true;
}

/* Sees to it that the key of a flag question is a flag; a static one has nothing to do with an instance. */
static bool
find_flag(const Caller *caller, Play *play, Refusal *refusal)
{
	if (play->flag != NULL && !play_has_static_flag(play))
		return find_instance_flag(caller, play, refusal);
	play->instance_id = NULL;
	return play->flag == NULL || check_static_flag(play, refusal);
}

/* Judges and records an attempt. */
static bool
try_answer(const Caller *caller, Play *play, PlayAttempt *attempt, AttemptAllowance *allowance,
           Refusal *refusal)
{
	bool completes;

	if (!play_find(caller, play, refusal) || !play_check_open(play, refusal))
		return false;
	if (play->instance_id != NULL &&
	    !caller_uses_instance(caller, "challenge_instance_id", play->instance_id, refusal))
		return false;
	if (!find_flag(caller, play, refusal) ||
	    !attempts_check(&play->attempts, play->question_id, allowance, refusal) ||
	    !answer_judge(&play->key, attempt->answer, &attempt->is_correct, refusal))
		return false;
	if (!attempt->is_correct && (play->flag == NULL || play_has_static_flag(play)))
		attempt->is_correct = answer_is_accepted(
		    &play->key,
		    accepted_answers(play->group_id, play->group_challenge_id, play->question_id),
		    attempt->answer);
	completes = attempt->is_correct && !play->already_completed;
	if (completes && !play_award_question(caller, play, refusal))
		return false;
	attempt->number = play->attempts.all + 1;
	play_record(play, attempt, completes);
	play_read_total(play);
	return true;
}

/*
 * May an unmodified WebOS judge the question itself?  It compares texts as they are, and flags with that of the
 * user's instance, which runs while it does so.
 */
static bool
webos_can_judge(const Caller *caller, const Play *play)
{
	if (!guc_webos_compatibility || play->key.match != MATCH_EXACT || play_has_static_flag(play))
		return false;
	return play->flag == NULL ||
	       (STATEMENT_RUN(&statements[LIVE_FLAG], value_text(play->user_id),
	                      value_text(play->challenge_id), value_text(play->group_id),
	                      value_text(caller->bound_instance)) == 1 &&
	        is_flag(row_text_or_null(0, 1)));
}

static bool
has_correct_attempt(const Play *play)
{
	return STATEMENT_RUN(&statements[CORRECT_ATTEMPT], value_text(play->user_id),
	                     value_text(play->question_id), value_text(play->group_challenge_id),
	                     value_text(play->group_id)) > 0;
}

/* Completes a question on the caller's word, which a player's attempts must back. */
static bool
assert_completion(const Caller *caller, Play *play, Refusal *refusal)
{
	if (!play_find(caller, play, refusal))
		return false;
	if (!play->already_completed)
	{
		if (!play_check_open(play, refusal))
			return false;
		if (caller->tier < TIER_SERVICE && !webos_can_judge(caller, play) &&
		    !has_correct_attempt(play))
			return refuse(refusal, EDURANGE_ATTEMPT_REQUIRED,
			              "user \"%s\" has no correct attempt at question \"%s\"", play->user_id,
			              play->question_id);
		if (!play_award_question(caller, play, refusal))
			return false;
		play_record(play, NULL, true);
	}
	play_read_total(play);
	return true;
}

/* The first three arguments, which attempts and completions share. */
static Play
read_play(FunctionCallInfo fcinfo)
{
	return (Play){
	    .user_id = required_text(fcinfo, 0, "user_id"),
	    .question_id = required_text(fcinfo, 1, "question_id"),
	    .group_challenge_id = required_text(fcinfo, 2, "group_challenge_id"),
	};
}

static Datum
attempt_question(FunctionCallInfo fcinfo, const Caller *caller)
{
	Play play = read_play(fcinfo);
	PlayAttempt attempt = {.answer = required_text(fcinfo, 3, "answer")};
	AttemptAllowance allowance;
	Refusal refusal = {0};
	NullableDatum limit = value_null();
	NullableDatum remaining = value_null();
	NullableDatum reset = value_null();

	play.instance_id = optional_text(fcinfo, 4);
	if (comparable(attempt.answer)[0] == '\0')
		raise_error(EDURANGE_MISSING_PARAMETER, "parameter \"answer\" is blank");
	statements_begin();
	if (!try_answer(caller, &play, &attempt, &allowance, &refusal))
		raise_refusal(&refusal);
	statements_end();
	if (allowance.limit > 0)
	{
		limit = value_int(allowance.limit);
		remaining = value_int(allowance.remaining);
		reset = value_time(allowance.reset);
	}
	return composite_result(
	    fcinfo,
	    (NullableDatum[]){value_bool(attempt.is_correct), value_int(attempt.number),
	                      value_bool(play.already_completed), value_bool(play.challenge_completed),
	                      value_int(play.points_earned), play.completion, play.total, limit,
	                      remaining, reset},
	    10);
}

SQL_FUNCTION_BATCHABLE(edurange_attempt_question)
{
	return mutate(fcinfo, attempt_question);
}

static Datum
complete_question(FunctionCallInfo fcinfo, const Caller *caller)
{
	Play play = read_play(fcinfo);
	Refusal refusal = {0};

	if (!PG_ARGISNULL(3) && !PG_GETARG_BOOL(3))
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"is_correct\" must not be false: a wrong answer completes nothing");
	statements_begin();
	if (!assert_completion(caller, &play, &refusal))
		raise_refusal(&refusal);
	statements_end();
	return composite_result(fcinfo,
	                        (NullableDatum[]){play.completion, play.total,
	                                          value_bool(play.already_completed),
	                                          value_bool(play.challenge_completed)},
	                        4);
}

SQL_FUNCTION_BATCHABLE(edurange_complete_question)
{
	return mutate(fcinfo, complete_question);
}

SQL_FUNCTION(edurange_completed_questions)
{
	char *user_id = required_text(fcinfo, 0, "user_id");
	char *group_challenge_id = required_text(fcinfo, 1, "group_challenge_id");
	Refusal refusal = {0};
	Caller caller;

	caller_read(&caller, fcinfo, 2);
	statements_begin();
	if (!caller_acts_as(&caller, "user_id", user_id, &refusal))
		raise_refusal(&refusal);
	STATEMENT_LIST(fcinfo, &statements[COMPLETED], value_text(user_id),
	               value_text(group_challenge_id));
	statements_end();
	return (Datum) 0;
}
