/*
 * completions.c
 *	  A user at a challenge of a competition: finding it, scoring, and what is complete then.
 *
 * Whoever scores holds the lock of the user's membership.  So attempts and completions of a user in
 * a competition come one after the other, an attempt is counted once, the last question completes
 * the challenge whichever two come last at once, and who leaves scores no more.
 *
 * What was paid for a challenge is the larger of two sums: what its completed questions are worth,
 * and what its completion says.  A payment is always the difference to what was paid before, so
 * that a challenge that a service completed is not paid again question by question.
 *
 * Both sums begin at the user's last reset, which took what was paid until then.  Whoever takes back what was paid
 * counts from there, too: it would take more than there is, otherwise.  What was completed before stays so, and is not
 * paid again.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/ids.h"
#include "base/json_text.h"
#include "base/rows.h"
#include "calls/locks.h"
#include "game/activity.h"
#include "game/completions.h"
#include "game/ledger.h"
#include "game/participation.h"
#include "game/retired.h"

#define COMPLETION_ROW                                                                             \
	"ROW(qc.id, qc.\"questionId\", qc.\"userId\", qc.\"groupChallengeId\","                        \
	" qc.\"completedAt\" AT TIME ZONE 'UTC', qc.\"pointsEarned\")::edurange.question_completion"

/* What every play reads of its placement, with whether the competition has begun and is not over. */
#define PLACE_COLUMNS                                                                                  \
	"gc.\"groupId\", gc.\"challengeId\", c.\"startDate\" AT TIME ZONE 'UTC' <= statement_timestamp()," \
	" coalesce(c.\"endDate\" AT TIME ZONE 'UTC' > statement_timestamp(), true), gc.points"
#define PLACE_TABLES                                                                               \
	"public.\"GroupChallenge\" gc JOIN public.\"CompetitionGroup\" c ON c.id = gc.\"groupId\""     \
	" JOIN public.\"Challenge\" ch ON ch.id = gc.\"challengeId\""

/* The same of a question, $3 of the group challenge $1, for the user $2. */
#define QUESTION_COLUMNS                                                                           \
	PLACE_COLUMNS ", q.points, upper(q.type), " QUESTION_KEY ", " QUESTION_MATCH                   \
	              ", q.cdf_payload ->> 'tolerance', " QUESTION_FLAG
#define QUESTION_TABLES                                                                            \
	PLACE_TABLES " JOIN public.\"User\" u ON u.id = $2"                                            \
	             " JOIN public.\"ChallengeQuestion\" q"                                            \
	             "  ON q.id = $3 AND q.\"challengeId\" = gc.\"challengeId\""

/* Is a required question of the challenge $4 left to do, $2 aside? */
#define IS_LEFT(live)                                                                              \
	"EXISTS (SELECT FROM public.\"ChallengeQuestion\" q WHERE q.\"challengeId\" = $4"              \
	"  AND q.required AND q.id IS DISTINCT FROM $2"                                                \
	"  AND (q.id = ANY (done.questions)) IS NOT TRUE AND " live ")"

/*
 * What was done, tried and paid by now, whatever the snapshot of the transaction, and how the user takes part: all
 * that changes it waits for the membership or the question, which are held.  Starting this is dearer than what it
 * reads: so each table is gone to once, and what can be is worked out of it here.
 * $1 user, $2 question, $3 group challenge, $4 challenge, $5 competition
 */
/* clang-format off */
#define STATE_WITH(retired, live, participation, ...)                                              \
	{                                                                                              \
		"SELECT coalesce($2 = ANY (done.questions), false), done.paid, (SELECT \"pointsEarned\""   \
		"  FROM public.\"ChallengeCompletion\" WHERE \"userId\" = $1 AND \"groupChallengeId\" = $3)," \
		" " retired ", " IS_LEFT(live) ", ARRAY(SELECT \"attemptedAt\" AT TIME ZONE 'UTC'"         \
		"  FROM public.\"QuestionAttempt\" WHERE \"userId\" = $1 AND \"questionId\" = $2"          \
		"  AND \"groupChallengeId\" = $3 ORDER BY \"attemptedAt\" DESC),"                          \
		" (SELECT reset_at FROM edurange.standing WHERE user_id = $1 AND group_id = $5),"          \
		" " participation ", done.first_at AT TIME ZONE 'UTC'"                                     \
		" FROM (SELECT coalesce(sum(qc.\"pointsEarned\"), 0) AS paid,"                             \
		"  array_agg(qc.\"questionId\") AS questions, min(qc.\"completedAt\") AS first_at"         \
		"  FROM public.\"QuestionCompletion\" qc"                                                  \
		"  WHERE qc.\"userId\" = $1 AND qc.\"groupChallengeId\" = $3) AS done",                    \
		{TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}, .newest = true, .by_key = true, __VA_ARGS__ \
	}
/* clang-format on */

/* Where no required question is left: is one required, or is none left at all?  $1 user, $2 group challenge,
 * $3 challenge */
#define ALL_IS_DONE(live)                                                                          \
	"WITH live AS (SELECT q.id, q.required FROM public.\"ChallengeQuestion\" q"                    \
	"  WHERE q.\"challengeId\" = $3 AND " live ")"                                                 \
	" SELECT EXISTS (SELECT FROM live WHERE required) OR NOT EXISTS (SELECT FROM live"             \
	"  WHERE NOT EXISTS (SELECT FROM public.\"QuestionCompletion\" qc WHERE qc.\"userId\" = $1"    \
	"   AND qc.\"questionId\" = live.id AND qc.\"groupChallengeId\" = $2))"

typedef enum StatementId
{
	LOCK_GROUP_CHALLENGE,
	LOCK_PLAY,
	LOCK_MEMBERS_PLAY,
	STATE,
	STATE_OF_BEFORE,
	COMPLETION,
	INSERT_ATTEMPT,
	INSERT_COMPLETION,
	IS_ALL_DONE,
	IS_ALL_DONE_OF_BEFORE,
	SINCE_RESET,
	COMPLETE_CHALLENGE,
	RAISE_CHALLENGE,
	TOTAL,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* After the user; the lists behind OF are the order in which rows are locked. */
    [LOCK_GROUP_CHALLENGE] = {"SELECT " PLACE_COLUMNS " FROM " PLACE_TABLES
                              " WHERE gc.id = $1 FOR KEY SHARE OF c, gc, ch",
                              {TEXTOID},
                              .by_key = true},
    /* The same, and before it the user $2, behind it the question $3: no row where one of them is not there.
	 * An import holds all questions of its challenge FOR UPDATE before it decides. */
    [LOCK_PLAY] = {"SELECT " QUESTION_COLUMNS " FROM " QUESTION_TABLES
                   " WHERE gc.id = $1 FOR KEY SHARE OF u, c, gc, ch, q",
                   {TEXTOID, TEXTOID, TEXTOID},
                   .by_key = true},
    /* For a member all of it in one statement, the membership last: whoever scores holds that to the end. */
    [LOCK_MEMBERS_PLAY] =
        {"SELECT " QUESTION_COLUMNS " FROM " QUESTION_TABLES
         " JOIN public.\"_GroupMembers\" m ON m.\"A\" = gc.\"groupId\" AND m.\"B\" = $2"
         " WHERE gc.id = $1"
         " FOR KEY SHARE OF u, c, gc, ch, q FOR NO KEY UPDATE OF m",
         {TEXTOID, TEXTOID, TEXTOID},
         .by_key = true},
    [STATE] = STATE_WITH("EXISTS (SELECT FROM edurange.retired_question WHERE question_id = $2)",
                         QUESTION_IS_LIVE, PARTICIPATION("$1", "$5"),
                         .before = &statements[STATE_OF_BEFORE]),
    /* The same before migrate(). */
    [STATE_OF_BEFORE] = STATE_WITH("false", "true", "0"),
    /* $1 user, $2 question, $3 group challenge, here and below; $4 id */
    [COMPLETION] = {"SELECT " COMPLETION_ROW " FROM public.\"QuestionCompletion\" qc"
                    " WHERE qc.\"userId\" = $1 AND qc.\"questionId\" = $2"
                    " AND qc.\"groupChallengeId\" = $3",
                    {TEXTOID, TEXTOID, TEXTOID},
                    .newest = true,
                    .by_key = true},
    [INSERT_ATTEMPT] = {"INSERT INTO public.\"QuestionAttempt\" (id, \"userId\", \"questionId\","
                        " \"groupChallengeId\", answer, \"isCorrect\", \"attemptedAt\")"
                        " VALUES ($4, $1, $2, $3, $5, $6, " UTC_CLOCK ")",
                        {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID},
                        .must_write = true,
                        .keys_held = true},
    [INSERT_COMPLETION] = {"INSERT INTO public.\"QuestionCompletion\" AS qc (id, \"userId\","
                           " \"questionId\", \"groupChallengeId\", \"pointsEarned\","
                           " \"completedAt\") VALUES ($4, $1, $2, $3, $5, " UTC_CLOCK ")"
                           " RETURNING " COMPLETION_ROW,
                           {TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID},
                           .must_write = true,
                           .keys_held = true},
    [IS_ALL_DONE] = {ALL_IS_DONE(QUESTION_IS_LIVE),
                     {TEXTOID, TEXTOID, TEXTOID},
                     .newest = true,
                     .by_key = true,
                     .before = &statements[IS_ALL_DONE_OF_BEFORE]},
    /* The same before migrate(). */
    [IS_ALL_DONE_OF_BEFORE] = {ALL_IS_DONE("true"),
                               {TEXTOID, TEXTOID, TEXTOID},
                               .newest = true,
                               .by_key = true},
    /* What questions of the group challenge $2 paid the user $1 since $3; and was the challenge completed since then? */
    [SINCE_RESET] = {"SELECT (SELECT coalesce(sum(\"pointsEarned\"), 0)"
                     " FROM public.\"QuestionCompletion\" WHERE \"userId\" = $1"
                     "  AND \"groupChallengeId\" = $2 AND \"completedAt\" AT TIME ZONE 'UTC' > $3),"
                     " EXISTS (SELECT FROM public.\"ChallengeCompletion\" WHERE \"userId\" = $1"
                     "  AND \"groupChallengeId\" = $2 AND \"completedAt\" AT TIME ZONE 'UTC' > $3)",
                     {TEXTOID, TEXTOID, TIMESTAMPTZOID},
                     .newest = true,
                     .by_key = true},
    /* No row: it was completed already.  $1 user, $2 group challenge, $3 points, $4 id */
    [COMPLETE_CHALLENGE] = {"INSERT INTO public.\"ChallengeCompletion\" (id, \"userId\","
                            " \"groupChallengeId\", \"pointsEarned\", \"completedAt\")"
                            " VALUES ($4, $1, $2, $3, " UTC_CLOCK ")"
                            " ON CONFLICT (\"userId\", \"groupChallengeId\") DO NOTHING",
                            {TEXTOID, TEXTOID, INT4OID, TEXTOID},
                            .by_key = true,
                            .keys_held = true},
    /* $1 user, $2 group challenge, $3 points, $4 id */
    [RAISE_CHALLENGE] = {"INSERT INTO public.\"ChallengeCompletion\" AS cc (id, \"userId\","
                         " \"groupChallengeId\", \"pointsEarned\", \"completedAt\")"
                         " VALUES ($4, $1, $2, $3, " UTC_CLOCK ")"
                         " ON CONFLICT (\"userId\", \"groupChallengeId\") DO UPDATE"
                         " SET \"pointsEarned\" = excluded.\"pointsEarned\""
                         " WHERE cc.\"pointsEarned\" < excluded.\"pointsEarned\" RETURNING id = $4",
                         {TEXTOID, TEXTOID, INT4OID, TEXTOID},
                         .by_key = true,
                         .keys_held = true},
    [TOTAL] = {"SELECT " GROUP_POINTS_ROW " FROM public.\"GroupPoints\" p"
               " WHERE p.\"userId\" = $1 AND p.\"groupId\" = $2",
               {TEXTOID, TEXTOID},
               .by_key = true},
};

/* Reads what the last statement found of the place. */
static void
read_place(Play *play)
{
	play->group_id = row_text(0, 1);
	play->challenge_id = row_text(0, 2);
	play->has_begun = row_bool(0, 3);
	play->is_open = play->has_begun && row_bool(0, 4);
	play->challenge_points = row_int(0, 5);
}

/* Locks user and place, and refuses where one of them is not there. */
static bool
lock_place(Play *play, Refusal *refusal)
{
	if (!lock_user(play->user_id, refusal))
		return false;
	if (STATEMENT_RUN(&statements[LOCK_GROUP_CHALLENGE], value_text(play->group_challenge_id)) == 0)
		return refuse(refusal, EDURANGE_GROUP_CHALLENGE_NOT_FOUND,
		              "group challenge \"%s\" does not exist", play->group_challenge_id);
	read_place(play);
	return true;
}

/* The same of the question, and its key. */
static void
read_question(Play *play)
{
	bool is_null;
	Datum values;

	read_place(play);
	play->points = row_int(0, 6);
	play->type = row_text(0, 7);
	play->key.is_set = strcmp(play->type, "CHECKBOXES") == 0;
	play->key.match = answer_match(row_text(0, 9));
	play->key.tolerance = row_text_or_null(0, 10);
	play->flag = row_text_or_null(0, 11);
	values = row_value(0, 8, TEXTARRAYOID, &is_null);
	play->key.values = is_null ? NULL : DatumGetArrayTypePCopy(values);
}

/* Locks what an answer is about, and the membership. */
static bool
lock_play(Play *play, Refusal *refusal)
{
	NullableDatum names[] = {value_text(play->group_challenge_id), value_text(play->user_id),
	                         value_text(play->question_id)};

	if (statement_run(&statements[LOCK_MEMBERS_PLAY], names, lengthof(names)) > 0)
	{
		read_question(play);
		return true;
	}
	/* one of them is not there, or has come meanwhile */
	if (statement_run(&statements[LOCK_PLAY], names, lengthof(names)) == 0)
		return lock_place(play, refusal) &&
		       refuse(refusal, EDURANGE_QUESTION_NOT_FOUND,
		              "question \"%s\" does not exist in group challenge \"%s\"", play->question_id,
		              play->group_challenge_id);
	read_question(play);
	return lock_member(play->group_id, play->user_id, refusal);
}

/* Leaves out what was paid before a reset, where there is such a thing. */
static void
read_since_reset(Play *play, TimestampTz reset_at, TimestampTz first_at)
{
	if (reset_at == 0 ||
	    !(play->challenge_completed || (play->paid_by_questions != 0 && first_at <= reset_at)))
		return;
	STATEMENT_RUN(&statements[SINCE_RESET], value_text(play->user_id),
	              value_text(play->group_challenge_id), value_time(reset_at));
	play->paid_by_questions = row_long(0, 1);
	play->completed_before_reset = play->challenge_completed && !row_bool(0, 2);
	if (play->completed_before_reset)
		play->paid_by_completion = 0;
}

/* Reads what was done, tried and paid so far; is the question completed? */
static bool
read_state(Play *play)
{
	NullableDatum completion;
	int participation;
	bool is_completed;
	bool is_null;

	STATEMENT_RUN(&statements[STATE], value_text(play->user_id), value_text(play->question_id),
	              value_text(play->group_challenge_id), value_text(play->challenge_id),
	              value_text(play->group_id));
	is_completed = row_bool(0, 1);
	play->paid_by_questions = row_long(0, 2);
	completion = row_argument(0, 3, INT4OID);
	play->challenge_completed = !completion.isnull;
	play->paid_by_completion = completion.isnull ? 0 : DatumGetInt32(completion.value);
	play->is_retired = row_bool(0, 4);
	play->is_left = row_bool(0, 5);
	play->attempts =
	    attempts_read(row_value(0, 6, TIMESTAMPTZARRAYOID, &is_null), row_time_or_zero(0, 7));
	participation = row_int(0, 8);
	play->is_open |= play->has_begun && participation == HAS_EXTRA_TIME;
	play->is_disqualified = participation == IS_DISQUALIFIED;
	read_since_reset(play, row_time_or_zero(0, 7), row_time_or_zero(0, 9));
	return is_completed;
}

bool
play_find(const Caller *caller, Play *play, Refusal *refusal)
{
	if (!caller_acts_as(caller, "user_id", play->user_id, refusal))
		return false;
	play->acting_user = caller->acting_user;
	if (!(play->question_id != NULL
	          ? lock_play(play, refusal)
	          : lock_place(play, refusal) && lock_member(play->group_id, play->user_id, refusal)))
		return false;
	play->already_completed = read_state(play);
	if (play->already_completed)
		play->completion = first_result(
		    STATEMENT_RUN(&statements[COMPLETION], value_text(play->user_id),
		                  value_text(play->question_id), value_text(play->group_challenge_id)));
	else
		play->completion = value_null();
	return true;
}

bool
play_has_static_flag(const Play *play)
{
	return play->flag != NULL && strcmp(play->flag, "static") == 0;
}

bool
play_check_open(const Play *play, Refusal *refusal)
{
	if (play->is_retired)
		return refuse(refusal, EDURANGE_QUESTION_RETIRED,
		              "question \"%s\" is no longer part of challenge \"%s\"", play->question_id,
		              play->challenge_id);
	if (play->is_disqualified)
		return refuse(refusal, EDURANGE_DISQUALIFIED,
		              "user \"%s\" is disqualified in competition \"%s\"", play->user_id,
		              play->group_id);
	if (play->is_open)
		return true;
	return refuse(refusal, EDURANGE_COMPETITION_NOT_OPEN, "competition \"%s\" is not open",
	              play->group_id);
}

/* What was paid for the challenge before. */
static int64
paid_before(const Play *play)
{
	return Max(play->paid_by_questions, play->paid_by_completion);
}

/* Adds to the user's total; the new one is kept for the answer. */
static bool
pay(const Caller *caller, Play *play, int64 amount, const char *source_id, Refusal *refusal)
{
	LedgerEntry entry = {
	    .user_id = play->user_id,
	    .group_id = play->group_id,
	    .kind = "award",
	    .source_id = source_id,
	    .actor = caller->actor,
	    .via = caller->via,
	    .is_play = true,
	};

	if (amount > PG_INT32_MAX)
		return refuse(refusal, EDURANGE_OUT_OF_RANGE, "award is out of range for type integer");
	if (!ledger_change(&entry, LEDGER_ADD, (int32) amount, refusal))
		return false;
	play->total = first_result(1);
	play->points_earned = (int32) amount;
	return true;
}

bool
play_award_question(const Caller *caller, Play *play, Refusal *refusal)
{
	int64 before = paid_before(play);
	int64 after = Max(before, play->paid_by_questions + play->points);

	return pay(caller, play, after - before, play->question_id, refusal);
}

/* An entry of the server's about the play, whose metadata say what it is about and something more. */
static Activity
play_activity(const Play *play, const char *event_type, const char *about, const char *more)
{
	return (Activity){
	    .event_type = event_type,
	    .user_id = play->user_id,
	    .group_id = play->group_id,
	    .challenge_id = play->challenge_id,
	    .instance_id = play->instance_id,
	    .acting_user = play->acting_user,
	    .metadata = psprintf("%s,%s", about, more),
	    .is_play = true,
	};
}

/* The entry that the challenge is complete, and worth so many points. */
static void
log_challenge(const Play *play, int32 points)
{
	Activity entry = play_activity(play, "CHALLENGE_COMPLETED",
	                               json_member("groupChallengeId", play->group_challenge_id),
	                               psprintf("\"pointsEarned\":%d", points));

	activity_log(&entry);
}

/* Nothing was written: either there is a completion already, or a trigger kept it out. */
static void
check_completed(Play *play)
{
	(void) read_state(play);
	if (!play->challenge_completed)
		row_kept_out("public.\"ChallengeCompletion\"");
}

bool
play_complete_challenge(Play *play)
{
	int32 points = (int32) Min(play->paid_by_questions, PG_INT32_MAX);

	if (play->is_left || play->challenge_completed)
		return false;
	STATEMENT_RUN(&statements[IS_ALL_DONE], value_text(play->user_id),
	              value_text(play->group_challenge_id), value_text(play->challenge_id));
	if (!row_bool(0, 1))
		return false;
	if (STATEMENT_RUN(&statements[COMPLETE_CHALLENGE], value_text(play->user_id),
	                  value_text(play->group_challenge_id), value_int(points),
	                  value_text(new_id())) == 0)
	{
		check_completed(play);
		return false;
	}
	play->challenge_completed = true;
	log_challenge(play, points);
	return true;
}

void
play_record(Play *play, const PlayAttempt *attempt, bool completes)
{
	NullableDatum user_id = value_text(play->user_id);
	NullableDatum question_id = value_text(play->question_id);
	NullableDatum group_challenge_id = value_text(play->group_challenge_id);
	char *about = json_member("questionId", play->question_id);
	Activity entries[2];
	int count = 0;

	if (attempt != NULL)
	{
		STATEMENT_RUN(&statements[INSERT_ATTEMPT], user_id, question_id, group_challenge_id,
		              value_text(new_id()), value_text(attempt->answer),
		              value_bool(attempt->is_correct));
		entries[count++] =
		    play_activity(play, "QUESTION_ATTEMPTED", about,
		                  psprintf("\"isCorrect\":%s,\"attemptNumber\":%d",
		                           attempt->is_correct ? "true" : "false", attempt->number));
	}
	if (completes)
	{
		play->completion = first_result(
		    STATEMENT_RUN(&statements[INSERT_COMPLETION], user_id, question_id, group_challenge_id,
		                  value_text(new_id()), value_int(play->points)));
		play->paid_by_questions += play->points;
		entries[count++] = play_activity(play, "QUESTION_COMPLETED", about,
		                                 psprintf("\"pointsEarned\":%d", play->points));
	}
	if (count == 2)
		activity_log_two(&entries[0], &entries[1]);
	else
		activity_log(&entries[0]);
	if (completes)
		(void) play_complete_challenge(play);
}

bool
play_raise_challenge(const Caller *caller, Play *play, int32 amount, Refusal *refusal)
{
	int64 before = paid_before(play);
	int64 after = Max(before, amount);
	int32 points;

	if (play->already_completed && (after == before || play->completed_before_reset))
		return true;
	if (!play_check_open(play, refusal))
		return false;
	if (after > before && !pay(caller, play, after - before, play->group_challenge_id, refusal))
		return false;
	/* one that pays nothing follows from its questions */
	points = (int32) Min(after > before ? after : play->paid_by_questions, PG_INT32_MAX);
	if (STATEMENT_RUN(&statements[RAISE_CHALLENGE], value_text(play->user_id),
	                  value_text(play->group_challenge_id), value_int(points),
	                  value_text(new_id())) == 0)
	{
		/* that must be because it says as much already */
		check_completed(play);
		if (play->paid_by_completion < points)
			row_kept_out("public.\"ChallengeCompletion\"");
	}
	else if (row_bool(0, 1))
		log_challenge(play, points);
	return true;
}

void
play_read_total(Play *play)
{
	if (play->points_earned == 0)
		play->total = first_result(STATEMENT_RUN(&statements[TOTAL], value_text(play->user_id),
		                                         value_text(play->group_id)));
}
