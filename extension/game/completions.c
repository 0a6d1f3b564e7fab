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
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/ids.h"
#include "base/json_text.h"
#include "calls/locks.h"
#include "game/activity.h"
#include "game/completions.h"
#include "game/ledger.h"
#include "game/participation.h"
#include "game/retired.h"

#define COMPLETION_ROW                                                                             \
	"ROW(qc.id, qc.\"questionId\", qc.\"userId\", qc.\"groupChallengeId\","                        \
	" qc.\"completedAt\" AT TIME ZONE 'UTC', qc.\"pointsEarned\")::edurange.question_completion"

/* What a play finds of the place, whatever it is about. */
#define PLACE_COLUMNS                                                                              \
	"gc.\"groupId\", gc.\"challengeId\","                                                          \
	" c.\"startDate\" AT TIME ZONE 'UTC' <= statement_timestamp() AND (c.\"endDate\" IS NULL"      \
	" OR c.\"endDate\" AT TIME ZONE 'UTC' > statement_timestamp()), gc.points"
#define PLACE_TABLES                                                                               \
	"public.\"GroupChallenge\" gc JOIN public.\"CompetitionGroup\" c ON c.id = gc.\"groupId\""     \
	" JOIN public.\"Challenge\" ch ON ch.id = gc.\"challengeId\""

/* The question's completion, what was paid for the challenge, whether it is completed, and how the user takes part.
 * $1 user, $2 question, $3 group challenge, $4 competition */
#define STATE_WITH(participation)                                                                  \
	"SELECT (SELECT " COMPLETION_ROW " FROM public.\"QuestionCompletion\" qc"                      \
	"  WHERE qc.\"userId\" = $1 AND qc.\"questionId\" = $2"                                        \
	"  AND qc.\"groupChallengeId\" = $3), " PAID_BY_QUESTIONS("$1", "$3") ", " PAID_BY_COMPLETION( \
	    "$1", "$3") ","                                                                            \
	                " EXISTS (SELECT FROM "                                                        \
	                "public.\"ChallengeCompletion\""                                               \
	                "  WHERE \"userId\" = $1 AND "                                                 \
	                "\"groupChallengeId\" = $3), " participation

typedef enum StatementId
{
	LOCK_GROUP_CHALLENGE,
	LOCK_PLAY,
	LOCK_MEMBER,
	STATE,
	STATE_OF_BEFORE,
	INSERT_COMPLETION,
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
    /* The same, and before it the user $2, behind it the question $3: no row where one of them is not there.  An import holds all questions
	 * of its challenge FOR UPDATE before it decides. */
    [LOCK_PLAY] = {"SELECT " PLACE_COLUMNS ", q.points, upper(q.type),"
                   " " QUESTION_KEY ", " QUESTION_MATCH
                   ", q.cdf_payload ->> 'tolerance', " QUESTION_FLAG " FROM " PLACE_TABLES
                   " JOIN public.\"User\" u ON u.id = $2"
                   " JOIN public.\"ChallengeQuestion\" q"
                   "  ON q.id = $3 AND q.\"challengeId\" = gc.\"challengeId\""
                   " WHERE gc.id = $1 FOR KEY SHARE OF u, c, gc, ch, q",
                   {TEXTOID, TEXTOID, TEXTOID},
                   .by_key = true},
    /* The last lock before the total: whoever scores holds the membership to the end.  Asks about the
	 * question $3, too, now that its row is held. */
    [LOCK_MEMBER] = {"SELECT EXISTS (SELECT FROM edurange.retired_question"
                     "  WHERE question_id = $3) FROM public.\"_GroupMembers\""
                     " WHERE \"A\" = $1 AND \"B\" = $2 FOR NO KEY UPDATE",
                     {TEXTOID, TEXTOID, TEXTOID},
                     .by_key = true},
    [STATE] = {STATE_WITH(PARTICIPATION("$1", "$4")),
               {TEXTOID, TEXTOID, TEXTOID, TEXTOID},
               .by_key = true},
    /* The same before migrate(). */
    [STATE_OF_BEFORE] = {STATE_WITH("0"), {TEXTOID, TEXTOID, TEXTOID}, .by_key = true},
    /* $1 user, $2 question, $3 group challenge */
    [INSERT_COMPLETION] = {"INSERT INTO public.\"QuestionCompletion\" AS qc (id, \"userId\","
                           " \"questionId\", \"groupChallengeId\", \"pointsEarned\","
                           " \"completedAt\") VALUES ($4, $1, $2, $3, $5, " UTC_CLOCK ")"
                           " RETURNING " COMPLETION_ROW,
                           {TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID},
                           .must_write = true,
                           .keys_held = true},
    /* No row: not all is done; null: it was completed already.
	 * $1 user, $2 group challenge, $3 challenge, $4 id */
    [COMPLETE_CHALLENGE] =
        {"WITH live AS (SELECT q.id, q.required FROM public.\"ChallengeQuestion\" q"
         "  WHERE q.\"challengeId\" = $3 AND " QUESTION_IS_LIVE "),"
         " done AS (SELECT WHERE NOT EXISTS (SELECT FROM live"
         "  WHERE (required OR NOT EXISTS (SELECT FROM live WHERE required))"
         "  AND NOT EXISTS (SELECT FROM public.\"QuestionCompletion\" qc"
         "   WHERE qc.\"questionId\" = live.id AND qc.\"userId\" = $1"
         "   AND qc.\"groupChallengeId\" = $2))),"
         " made AS (INSERT INTO public.\"ChallengeCompletion\" (id, \"userId\","
         "  \"groupChallengeId\", \"pointsEarned\", \"completedAt\")"
         "  SELECT $4, $1, $2, (SELECT least(sum(\"pointsEarned\"), 2147483647)"
         "   FROM public.\"QuestionCompletion\""
         "   WHERE \"userId\" = $1 AND \"groupChallengeId\" = $2), " UTC_CLOCK " FROM done"
         "  ON CONFLICT (\"userId\", \"groupChallengeId\") DO NOTHING"
         "  RETURNING \"pointsEarned\")"
         " SELECT \"pointsEarned\" FROM done LEFT JOIN made ON true",
         {TEXTOID, TEXTOID, TEXTOID, TEXTOID},
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
	play->is_open = row_bool(0, 3);
	play->challenge_points = row_int(0, 4);
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

/* The same with the question, whose key is read. */
static bool
lock_play(Play *play, Refusal *refusal)
{
	bool is_null;
	Datum values;

	if (STATEMENT_RUN(&statements[LOCK_PLAY], value_text(play->group_challenge_id),
	                  value_text(play->user_id), value_text(play->question_id)) == 0)
		return lock_place(play, refusal) &&
		       refuse(refusal, EDURANGE_QUESTION_NOT_FOUND,
		              "question \"%s\" does not exist in group challenge \"%s\"", play->question_id,
		              play->group_challenge_id);
	read_place(play);
	play->points = row_int(0, 5);
	play->type = row_text(0, 6);
	play->key.is_set = strcmp(play->type, "CHECKBOXES") == 0;
	play->key.match = answer_match(row_text(0, 8));
	play->key.tolerance = row_text_or_null(0, 9);
	play->flag = row_text_or_null(0, 10);
	values = row_value(0, 7, TEXTARRAYOID, &is_null);
	play->key.values = is_null ? NULL : DatumGetArrayTypePCopy(values);
	return true;
}

/* Reads what was done and paid so far. */
static void
read_state(Play *play)
{
	NullableDatum state[] = {value_text(play->user_id), value_text(play->question_id),
	                         value_text(play->group_challenge_id), value_text(play->group_id)};

	if (participation_is_known())
		statement_run(&statements[STATE], state, 4);
	else
		statement_run(&statements[STATE_OF_BEFORE], state, 3);
	play->is_open |= row_int(0, 5) == HAS_EXTRA_TIME;
	play->is_disqualified = row_int(0, 5) == IS_DISQUALIFIED;
	play->paid_by_questions = row_long(0, 2);
	play->paid_by_completion = row_long(0, 3);
	play->challenge_completed = row_bool(0, 4);
}

bool
play_find(const Caller *caller, Play *play, Refusal *refusal)
{
	if (!caller_acts_as(caller, "user_id", play->user_id, refusal))
		return false;
	play->acting_user = caller->acting_user;
	if (!(play->question_id != NULL ? lock_play(play, refusal) : lock_place(play, refusal)))
		return false;
	if (STATEMENT_RUN(&statements[LOCK_MEMBER], value_text(play->group_id),
	                  value_text(play->user_id), value_text(play->question_id)) == 0)
		return refuse(refusal, EDURANGE_NOT_A_MEMBER,
		              "user \"%s\" is not a member of competition \"%s\"", play->user_id,
		              play->group_id);
	play->is_retired = row_bool(0, 1);
	read_state(play);
	play->completion = first_result(1);
	play->already_completed = !play->completion.isnull;
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

/* An entry of the server's about the play; the metadata say what it is about and its points. */
static void
log_play(const Play *play, const char *event_type, const char *about, int32 points)
{
	activity_log(&(Activity){
	    .event_type = event_type,
	    .user_id = play->user_id,
	    .group_id = play->group_id,
	    .challenge_id = play->challenge_id,
	    .instance_id = play->instance_id,
	    .acting_user = play->acting_user,
	    .metadata = psprintf("%s,\"pointsEarned\":%d", about, points),
	    .is_play = true,
	});
}

/* That a completion was not written must be because there is one. */
static void
check_completed(Play *play)
{
	read_state(play);
	if (!play->challenge_completed)
		row_kept_out("public.\"ChallengeCompletion\"");
}

bool
play_complete_challenge(Play *play)
{
	NullableDatum points;

	if (STATEMENT_RUN(&statements[COMPLETE_CHALLENGE], value_text(play->user_id),
	                  value_text(play->group_challenge_id), value_text(play->challenge_id),
	                  value_text(new_id())) == 0)
		return false;
	points = row_argument(0, 1, INT4OID);
	if (points.isnull)
	{
		check_completed(play);
		return false;
	}
	play->challenge_completed = true;
	log_play(play, "CHALLENGE_COMPLETED", json_member("groupChallengeId", play->group_challenge_id),
	         DatumGetInt32(points.value));
	return true;
}

void
play_record_completion(Play *play)
{
	play->completion = first_result(STATEMENT_RUN(
	    &statements[INSERT_COMPLETION], value_text(play->user_id), value_text(play->question_id),
	    value_text(play->group_challenge_id), value_text(new_id()), value_int(play->points)));
	log_play(play, "QUESTION_COMPLETED", json_member("questionId", play->question_id),
	         play->points);
	(void) play_complete_challenge(play);
}

bool
play_raise_challenge(const Caller *caller, Play *play, int32 amount, Refusal *refusal)
{
	int64 before = paid_before(play);
	int64 after = Max(before, amount);

	if (after == before && play->already_completed)
		return true;
	if (!play_check_open(play, refusal))
		return false;
	if (after > before && !pay(caller, play, after - before, play->group_challenge_id, refusal))
		return false;
	if (STATEMENT_RUN(&statements[RAISE_CHALLENGE], value_text(play->user_id),
	                  value_text(play->group_challenge_id), value_int((int32) after),
	                  value_text(new_id())) == 0)
	{
		/* that must be because it says as much already */
		check_completed(play);
		if (play->paid_by_completion < after)
			row_kept_out("public.\"ChallengeCompletion\"");
	}
	else if (row_bool(0, 1))
		log_play(play, "CHALLENGE_COMPLETED",
		         json_member("groupChallengeId", play->group_challenge_id), (int32) after);
	return true;
}

void
play_read_total(Play *play)
{
	if (play->points_earned == 0)
		play->total = first_result(STATEMENT_RUN(&statements[TOTAL], value_text(play->user_id),
		                                         value_text(play->group_id)));
}
