/*
 * questions.c
 *	  Questions: attempts, which the server judges, and completions.
 *
 * Whoever scores holds the lock of the user's membership.  So attempts and completions of a user in
 * a competition come one after the other, an attempt is counted once, the last question completes
 * the challenge whichever two come last at once, and who leaves scores no more.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "activity.h"
#include "answers.h"
#include "caller.h"
#include "compat.h"
#include "guc.h"
#include "ids.h"
#include "ledger.h"
#include "statements.h"

#define COMPLETION_ROW                                                                             \
	"ROW(qc.id, qc.\"questionId\", qc.\"userId\", qc.\"groupChallengeId\","                        \
	" qc.\"completedAt\" AT TIME ZONE 'UTC', qc.\"pointsEarned\")::edurange.question_completion"

typedef enum StatementId
{
	LOCK_USER,
	LOCK_GROUP_CHALLENGE,
	LOCK_QUESTION,
	LOCK_MEMBER,
	COMPLETION,
	ATTEMPTS,
	FIND_FLAG,
	INSERT_ATTEMPT,
	INSERT_COMPLETION,
	COMPLETE_CHALLENGE,
	IS_CHALLENGE_COMPLETE,
	TOTAL,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    [LOCK_USER] = {"SELECT 1 FROM public.\"User\" WHERE id = $1 FOR KEY SHARE", {TEXTOID}},
    [LOCK_GROUP_CHALLENGE] = {"SELECT gc.\"groupId\", gc.\"challengeId\","
                              " c.\"startDate\" AT TIME ZONE 'UTC' <= statement_timestamp()"
                              " AND (c.\"endDate\" IS NULL"
                              " OR c.\"endDate\" AT TIME ZONE 'UTC' > statement_timestamp())"
                              " FROM public.\"GroupChallenge\" gc"
                              " JOIN public.\"CompetitionGroup\" c ON c.id = gc.\"groupId\""
                              " WHERE gc.id = $1 FOR KEY SHARE OF c, gc",
                              {TEXTOID}},
    /* The key: a list in the document, or the column's text; both where they differ. */
    [LOCK_QUESTION] = {"SELECT q.points, upper(q.type),"
                       " CASE WHEN jsonb_typeof(q.cdf_payload -> 'answer') = 'array' THEN"
                       "  CASE WHEN upper(q.type) = 'CHECKBOXES' THEN ARRAY[]::text[]"
                       "  ELSE ARRAY[q.answer] END ||"
                       "  ARRAY(SELECT jsonb_array_elements_text(q.cdf_payload -> 'answer'))"
                       " ELSE ARRAY[q.answer] END"
                       " FROM public.\"ChallengeQuestion\" q"
                       " WHERE q.id = $1 AND q.\"challengeId\" = $2 FOR KEY SHARE",
                       {TEXTOID, TEXTOID}},
    [LOCK_MEMBER] = {"SELECT 1 FROM public.\"_GroupMembers\" WHERE \"A\" = $1 AND \"B\" = $2"
                     " FOR NO KEY UPDATE",
                     {TEXTOID, TEXTOID}},
    /* $1 user, $2 question, $3 group challenge, here and below */
    [COMPLETION] = {"SELECT " COMPLETION_ROW " FROM public.\"QuestionCompletion\" qc"
                    " WHERE qc.\"userId\" = $1 AND qc.\"questionId\" = $2"
                    " AND qc.\"groupChallengeId\" = $3",
                    {TEXTOID, TEXTOID, TEXTOID}},
    [ATTEMPTS] = {"SELECT count(*)::integer, coalesce(bool_or(\"isCorrect\"), false)"
                  " FROM public.\"QuestionAttempt\" WHERE \"userId\" = $1"
                  " AND \"questionId\" = $2 AND \"groupChallengeId\" = $3",
                  {TEXTOID, TEXTOID, TEXTOID}},
    /* The instance that is given, or the user's newest live one, or the newest.  A flag counts only
	 * once it was synchronized, which the secret's name marks: before, it is a decoy. */
    [FIND_FLAG] = {"SELECT id, CASE WHEN \"flagSecretName\" IS NOT NULL"
                   " AND btrim(flag) NOT IN ('', 'null') THEN flag END"
                   " FROM public.\"ChallengeInstance\""
                   " WHERE \"userId\" = $1 AND \"challengeId\" = $2 AND \"competitionId\" = $3"
                   " AND ($4::text IS NULL OR id = $4)"
                   " ORDER BY status NOT IN ('TERMINATED', 'ERROR') DESC, \"creationTime\" DESC"
                   " LIMIT 1 FOR KEY SHARE",
                   {TEXTOID, TEXTOID, TEXTOID, TEXTOID}},
    [INSERT_ATTEMPT] = {"INSERT INTO public.\"QuestionAttempt\" (id, \"userId\", \"questionId\","
                        " \"groupChallengeId\", answer, \"isCorrect\", \"attemptedAt\")"
                        " VALUES ($4, $1, $2, $3, $5, $6, clock_timestamp() AT TIME ZONE 'UTC')",
                        {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID}},
    [INSERT_COMPLETION] = {"INSERT INTO public.\"QuestionCompletion\" AS qc (id, \"userId\","
                           " \"questionId\", \"groupChallengeId\", \"pointsEarned\","
                           " \"completedAt\") VALUES ($4, $1, $2, $3, $5,"
                           " clock_timestamp() AT TIME ZONE 'UTC') RETURNING " COMPLETION_ROW,
                           {TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID}},
    /* $1 user, $2 group challenge, $3 challenge, $4 id */
    [COMPLETE_CHALLENGE] = {"INSERT INTO public.\"ChallengeCompletion\" (id, \"userId\","
                            " \"groupChallengeId\", \"pointsEarned\", \"completedAt\")"
                            " SELECT $4, $1, $2, (SELECT sum(\"pointsEarned\")"
                            " FROM public.\"QuestionCompletion\" WHERE \"userId\" = $1"
                            " AND \"groupChallengeId\" = $2), clock_timestamp() AT TIME ZONE 'UTC'"
                            " WHERE NOT EXISTS (SELECT FROM public.\"ChallengeQuestion\" q"
                            " WHERE q.\"challengeId\" = $3 AND (q.required OR NOT EXISTS (SELECT"
                            " FROM public.\"ChallengeQuestion\" r WHERE r.\"challengeId\" = $3"
                            " AND r.required)) AND NOT EXISTS (SELECT"
                            " FROM public.\"QuestionCompletion\" qc WHERE qc.\"questionId\" = q.id"
                            " AND qc.\"userId\" = $1 AND qc.\"groupChallengeId\" = $2))"
                            " ON CONFLICT (\"userId\", \"groupChallengeId\") DO NOTHING"
                            " RETURNING \"pointsEarned\"",
                            {TEXTOID, TEXTOID, TEXTOID, TEXTOID}},
    [IS_CHALLENGE_COMPLETE] = {"SELECT 1 FROM public.\"ChallengeCompletion\""
                               " WHERE \"userId\" = $1 AND \"groupChallengeId\" = $2",
                               {TEXTOID, TEXTOID}},
    [TOTAL] = {"SELECT " GROUP_POINTS_ROW " FROM public.\"GroupPoints\" p"
               " WHERE p.\"userId\" = $1 AND p.\"groupId\" = $2",
               {TEXTOID, TEXTOID}},
};

/* A user at a question of a challenge in a competition. */
typedef struct Play
{
	/* as asked */
	char *user_id;
	char *question_id;
	char *group_challenge_id;
	char *instance_id;
	/* as found */
	char *group_id;
	char *challenge_id;
	bool is_open;
	int32 points;
	char *type;
	AnswerKey key;
	/* the outcome */
	bool already_completed;
	bool challenge_completed;
	int32 points_earned;
	NullableDatum completion; /* edurange.question_completion */
	NullableDatum total;      /* edurange.group_points */
} Play;

/* Column 1 of the statement that ran last, kept beyond it; null where it has no row. */
static NullableDatum
first_result(uint64 rows)
{
	NullableDatum value = {.isnull = true};

	if (rows > 0)
		value.value = row_result(0, 1, &value.isnull);
	return value;
}

/* Finds and locks what the play is about, the membership last. */
static bool
find_play(Caller *caller, Play *play, Refusal *refusal)
{
	bool is_null;
	Datum values;

	if (!caller_acts_as(caller, play->user_id, refusal))
		return false;
	if (STATEMENT_RUN(&statements[LOCK_USER], value_text(play->user_id)) == 0)
		return refuse(refusal, EDURANGE_USER_NOT_FOUND, "user \"%s\" does not exist",
		              play->user_id);
	if (STATEMENT_RUN(&statements[LOCK_GROUP_CHALLENGE], value_text(play->group_challenge_id)) == 0)
		return refuse(refusal, EDURANGE_GROUP_CHALLENGE_NOT_FOUND,
		              "group challenge \"%s\" does not exist", play->group_challenge_id);
	play->group_id = row_text(0, 1);
	play->challenge_id = row_text(0, 2);
	play->is_open = row_bool(0, 3);
	if (STATEMENT_RUN(&statements[LOCK_QUESTION], value_text(play->question_id),
	                  value_text(play->challenge_id)) == 0)
		return refuse(refusal, EDURANGE_QUESTION_NOT_FOUND,
		              "question \"%s\" does not exist in group challenge \"%s\"", play->question_id,
		              play->group_challenge_id);
	play->points = row_int(0, 1);
	play->type = row_text(0, 2);
	play->key.is_set = strcmp(play->type, "CHECKBOXES") == 0;
	values = row_value(0, 3, &is_null);
	play->key.values = is_null ? NULL : DatumGetArrayTypePCopy(values);
	if (STATEMENT_RUN(&statements[LOCK_MEMBER], value_text(play->group_id),
	                  value_text(play->user_id)) == 0)
		return refuse(refusal, EDURANGE_NOT_A_MEMBER,
		              "user \"%s\" is not a member of competition \"%s\"", play->user_id,
		              play->group_id);
	play->completion = first_result(
	    STATEMENT_RUN(&statements[COMPLETION], value_text(play->user_id),
	                  value_text(play->question_id), value_text(play->group_challenge_id)));
	play->already_completed = !play->completion.isnull;
	return true;
}

/* Scoring is possible from the competition's start to its end. */
static bool
check_open(const Play *play, Refusal *refusal)
{
	if (play->is_open)
		return true;
	return refuse(refusal, EDURANGE_COMPETITION_NOT_OPEN, "competition \"%s\" is not open",
	              play->group_id);
}

/* Awards the question's points: the last step that can be refused, and the first that writes. */
static bool
award_points(Caller *caller, Play *play, Refusal *refusal)
{
	LedgerEntry entry = {
	    .user_id = play->user_id,
	    .group_id = play->group_id,
	    .kind = "award",
	    .source_id = play->question_id,
	    .actor = caller->actor,
	};

	if (!ledger_change(&entry, LEDGER_ADD, play->points, refusal))
		return false;
	play->total = first_result(1);
	play->points_earned = play->points;
	return true;
}

/* Writes the completion of the question and, with its last question, that of the challenge. */
static void
record_completion(Play *play)
{
	Activity activity = {
	    .user_id = play->user_id,
	    .group_id = play->group_id,
	    .challenge_id = play->challenge_id,
	    .instance_id = play->instance_id,
	};

	play->completion = first_result(STATEMENT_RUN(
	    &statements[INSERT_COMPLETION], value_text(play->user_id), value_text(play->question_id),
	    value_text(play->group_challenge_id), value_text(new_id()), value_int(play->points)));
	activity.event_type = "QUESTION_COMPLETED";
	activity.metadata = psprintf("%s,\"pointsEarned\":%d",
	                             json_member("questionId", play->question_id), play->points);
	activity_log(&activity);
	if (STATEMENT_RUN(&statements[COMPLETE_CHALLENGE], value_text(play->user_id),
	                  value_text(play->group_challenge_id), value_text(play->challenge_id),
	                  value_text(new_id())) > 0)
	{
		activity.event_type = "CHALLENGE_COMPLETED";
		activity.metadata =
		    psprintf("%s,\"pointsEarned\":%d",
		             json_member("groupChallengeId", play->group_challenge_id), row_int(0, 1));
		activity_log(&activity);
	}
}

/* What is told of the challenge and the total, whatever happened. */
static void
read_outcome(Play *play)
{
	play->challenge_completed =
	    STATEMENT_RUN(&statements[IS_CHALLENGE_COMPLETE], value_text(play->user_id),
	                  value_text(play->group_challenge_id)) > 0;
	if (play->points_earned == 0)
		play->total = first_result(STATEMENT_RUN(&statements[TOTAL], value_text(play->user_id),
		                                         value_text(play->group_id)));
}

/* The key of a flag question is the flag of the user's instance, never the question's answer. */
static bool
find_flag(Caller *caller, Play *play, Refusal *refusal)
{
	char *flag;
	Datum value;

	if (play->instance_id == NULL)
		play->instance_id = caller->bound_instance;
	else if (!caller_uses_instance(caller, play->instance_id, refusal))
		return false;
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
	flag = row_text(0, 2);
	if (flag == NULL)
		return refuse(refusal, EDURANGE_FLAG_NOT_READY,
		              "the flag of instance \"%s\" is not known yet", play->instance_id);
	value = CStringGetTextDatum(flag);
	play->key.values = construct_array(&value, 1, TEXTOID, -1, false, TYPALIGN_INT);
	return true;
}

/* Judges and records an attempt; tells whether it was right and how many there are now. */
static bool
attempt_question(Caller *caller, Play *play, const char *answer, bool *is_correct,
                 int32 *attempt_count, Refusal *refusal)
{
	Activity activity = {.event_type = "QUESTION_ATTEMPTED"};

	if (!find_play(caller, play, refusal) || !check_open(play, refusal))
		return false;
	if (strcmp(play->type, "FLAG") != 0)
		play->instance_id = NULL;
	else if (!find_flag(caller, play, refusal))
		return false;
	*is_correct = answer_is_right(&play->key, answer);
	if (*is_correct && !play->already_completed && !award_points(caller, play, refusal))
		return false;

	STATEMENT_RUN(&statements[INSERT_ATTEMPT], value_text(play->user_id),
	              value_text(play->question_id), value_text(play->group_challenge_id),
	              value_text(new_id()), value_text(answer), value_bool(*is_correct));
	STATEMENT_RUN(&statements[ATTEMPTS], value_text(play->user_id), value_text(play->question_id),
	              value_text(play->group_challenge_id));
	*attempt_count = row_int(0, 1);
	activity.user_id = play->user_id;
	activity.group_id = play->group_id;
	activity.challenge_id = play->challenge_id;
	activity.instance_id = play->instance_id;
	activity.metadata = psprintf("%s,\"isCorrect\":%s,\"attemptNumber\":%d",
	                             json_member("questionId", play->question_id),
	                             *is_correct ? "true" : "false", *attempt_count);
	activity_log(&activity);
	if (*is_correct && !play->already_completed)
		record_completion(play);
	read_outcome(play);
	return true;
}

/* Completes a question on the caller's word, which a player's attempts must back. */
static bool
complete_question(Caller *caller, Play *play, Refusal *refusal)
{
	if (!find_play(caller, play, refusal))
		return false;
	if (!play->already_completed)
	{
		if (!check_open(play, refusal))
			return false;
		STATEMENT_RUN(&statements[ATTEMPTS], value_text(play->user_id),
		              value_text(play->question_id), value_text(play->group_challenge_id));
		if (caller->tier < TIER_SERVICE && !row_bool(0, 2) && !guc_webos_compatibility)
			return refuse(refusal, EDURANGE_ATTEMPT_REQUIRED,
			              "user \"%s\" has no correct attempt at question \"%s\"", play->user_id,
			              play->question_id);
		if (!award_points(caller, play, refusal))
			return false;
		record_completion(play);
	}
	read_outcome(play);
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

SQL_FUNCTION(edurange_attempt_question)
{
	Play play = read_play(fcinfo);
	char *answer = required_text(fcinfo, 3, "answer");
	bool is_correct;
	int32 attempt_count;
	Refusal refusal = {0};
	Caller caller;

	play.instance_id = optional_text(fcinfo, 4);
	caller_read(&caller, fcinfo, 5);
	statements_begin();
	if (!attempt_question(&caller, &play, answer, &is_correct, &attempt_count, &refusal))
		raise_refusal(&refusal);
	statements_end();
	return composite_result(
	    fcinfo,
	    (NullableDatum[]){value_bool(is_correct), value_int(attempt_count),
	                      value_bool(play.already_completed), value_bool(play.challenge_completed),
	                      value_int(play.points_earned), play.completion, play.total},
	    7);
}

SQL_FUNCTION(edurange_complete_question)
{
	Play play = read_play(fcinfo);
	Refusal refusal = {0};
	Caller caller;

	if (!PG_ARGISNULL(3) && !PG_GETARG_BOOL(3))
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"is_correct\" must not be false: a wrong answer completes nothing");
	caller_read(&caller, fcinfo, 4);
	statements_begin();
	if (!complete_question(&caller, &play, &refusal))
		raise_refusal(&refusal);
	statements_end();
	return composite_result(fcinfo,
	                        (NullableDatum[]){play.completion, play.total,
	                                          value_bool(play.already_completed),
	                                          value_bool(play.challenge_completed)},
	                        4);
}
