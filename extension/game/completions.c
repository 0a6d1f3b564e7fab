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
#include "game/retired.h"

#define COMPLETION_ROW                                                                             \
	"ROW(qc.id, qc.\"questionId\", qc.\"userId\", qc.\"groupChallengeId\","                        \
	" qc.\"completedAt\" AT TIME ZONE 'UTC', qc.\"pointsEarned\")::edurange.question_completion"

typedef enum StatementId
{
	LOCK_GROUP_CHALLENGE,
	LOCK_QUESTION,
	LOCK_MEMBER,
	COMPLETION,
	PAID,
	INSERT_COMPLETION,
	COMPLETE_CHALLENGE,
	RAISE_CHALLENGE,
	IS_CHALLENGE_COMPLETE,
	TOTAL,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* After the user; the lists behind OF are the order in which rows are locked. */
    [LOCK_GROUP_CHALLENGE] = {"SELECT gc.\"groupId\", gc.\"challengeId\","
                              " c.\"startDate\" AT TIME ZONE 'UTC' <= statement_timestamp()"
                              " AND (c.\"endDate\" IS NULL"
                              " OR c.\"endDate\" AT TIME ZONE 'UTC' > statement_timestamp()),"
                              " gc.points"
                              " FROM public.\"GroupChallenge\" gc"
                              " JOIN public.\"CompetitionGroup\" c ON c.id = gc.\"groupId\""
                              " JOIN public.\"Challenge\" ch ON ch.id = gc.\"challengeId\""
                              " WHERE gc.id = $1 FOR KEY SHARE OF c, gc, ch",
                              {TEXTOID},
                              .by_key = true},
    /* The key: a list in the document, or the column's text; both where they differ.  An import holds
	 * all questions of its challenge FOR UPDATE before it decides. */
    [LOCK_QUESTION] = {"SELECT q.points, upper(q.type),"
                       " CASE WHEN jsonb_typeof(q.cdf_payload -> 'answer') = 'array' THEN"
                       "  CASE WHEN upper(q.type) = 'CHECKBOXES' THEN ARRAY[]::text[]"
                       "  ELSE ARRAY[q.answer] END ||"
                       "  ARRAY(SELECT jsonb_array_elements_text(q.cdf_payload -> 'answer'))"
                       " ELSE ARRAY[q.answer] END"
                       " FROM public.\"ChallengeQuestion\" q"
                       " WHERE q.id = $1 AND q.\"challengeId\" = $2 FOR KEY SHARE",
                       {TEXTOID, TEXTOID},
                       .by_key = true},
    /* The last lock before the total: whoever scores holds the membership to the end.  Asks about the
	 * question $3, too, now that its row is held. */
    [LOCK_MEMBER] = {"SELECT EXISTS (SELECT FROM edurange.retired_question"
                     "  WHERE question_id = $3) FROM public.\"_GroupMembers\""
                     " WHERE \"A\" = $1 AND \"B\" = $2 FOR NO KEY UPDATE",
                     {TEXTOID, TEXTOID, TEXTOID},
                     .by_key = true},
    /* $1 user, $2 question, $3 group challenge, here and below */
    [COMPLETION] = {"SELECT " COMPLETION_ROW " FROM public.\"QuestionCompletion\" qc"
                    " WHERE qc.\"userId\" = $1 AND qc.\"questionId\" = $2"
                    " AND qc.\"groupChallengeId\" = $3",
                    {TEXTOID, TEXTOID, TEXTOID},
                    .by_key = true},
    [PAID] = {"SELECT " PAID_BY_QUESTIONS("$1", "$2") ", " PAID_BY_COMPLETION("$1", "$2"),
              {TEXTOID, TEXTOID},
              .by_key = true},
    [INSERT_COMPLETION] = {"INSERT INTO public.\"QuestionCompletion\" AS qc (id, \"userId\","
                           " \"questionId\", \"groupChallengeId\", \"pointsEarned\","
                           " \"completedAt\") VALUES ($4, $1, $2, $3, $5, " UTC_CLOCK ")"
                           " RETURNING " COMPLETION_ROW,
                           {TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID},
                           .must_write = true},
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
         .by_key = true},
    /* $1 user, $2 group challenge, $3 points, $4 id */
    [RAISE_CHALLENGE] = {"INSERT INTO public.\"ChallengeCompletion\" AS cc (id, \"userId\","
                         " \"groupChallengeId\", \"pointsEarned\", \"completedAt\")"
                         " VALUES ($4, $1, $2, $3, " UTC_CLOCK ")"
                         " ON CONFLICT (\"userId\", \"groupChallengeId\") DO UPDATE"
                         " SET \"pointsEarned\" = excluded.\"pointsEarned\""
                         " WHERE cc.\"pointsEarned\" < excluded.\"pointsEarned\" RETURNING id = $4",
                         {TEXTOID, TEXTOID, INT4OID, TEXTOID},
                         .by_key = true},
    [IS_CHALLENGE_COMPLETE] = {"SELECT 1 FROM public.\"ChallengeCompletion\""
                               " WHERE \"userId\" = $1 AND \"groupChallengeId\" = $2",
                               {TEXTOID, TEXTOID},
                               .by_key = true},
    [TOTAL] = {"SELECT " GROUP_POINTS_ROW " FROM public.\"GroupPoints\" p"
               " WHERE p.\"userId\" = $1 AND p.\"groupId\" = $2",
               {TEXTOID, TEXTOID},
               .by_key = true},
};

/* Locks the question and reads its key. */
static bool
find_question(Play *play, Refusal *refusal)
{
	bool is_null;
	Datum values;

	if (STATEMENT_RUN(&statements[LOCK_QUESTION], value_text(play->question_id),
	                  value_text(play->challenge_id)) == 0)
		return refuse(refusal, EDURANGE_QUESTION_NOT_FOUND,
		              "question \"%s\" does not exist in group challenge \"%s\"", play->question_id,
		              play->group_challenge_id);
	play->points = row_int(0, 1);
	play->type = row_text(0, 2);
	play->key.is_set = strcmp(play->type, "CHECKBOXES") == 0;
	values = row_value(0, 3, TEXTARRAYOID, &is_null);
	play->key.values = is_null ? NULL : DatumGetArrayTypePCopy(values);
	return true;
}

bool
play_find(const Caller *caller, Play *play, Refusal *refusal)
{
	if (!caller_acts_as(caller, play->user_id, refusal))
		return false;
	play->acting_user = caller->acting_user;
	if (!lock_user(play->user_id, refusal))
		return false;
	if (STATEMENT_RUN(&statements[LOCK_GROUP_CHALLENGE], value_text(play->group_challenge_id)) == 0)
		return refuse(refusal, EDURANGE_GROUP_CHALLENGE_NOT_FOUND,
		              "group challenge \"%s\" does not exist", play->group_challenge_id);
	play->group_id = row_text(0, 1);
	play->challenge_id = row_text(0, 2);
	play->is_open = row_bool(0, 3);
	play->challenge_points = row_int(0, 4);
	if (play->question_id != NULL && !find_question(play, refusal))
		return false;
	if (STATEMENT_RUN(&statements[LOCK_MEMBER], value_text(play->group_id),
	                  value_text(play->user_id), value_text(play->question_id)) == 0)
		return refuse(refusal, EDURANGE_NOT_A_MEMBER,
		              "user \"%s\" is not a member of competition \"%s\"", play->user_id,
		              play->group_id);
	play->is_retired = row_bool(0, 1);
	if (play->question_id == NULL)
		return true;
	play->completion = first_result(
	    STATEMENT_RUN(&statements[COMPLETION], value_text(play->user_id),
	                  value_text(play->question_id), value_text(play->group_challenge_id)));
	play->already_completed = !play->completion.isnull;
	return true;
}

bool
play_check_open(const Play *play, Refusal *refusal)
{
	if (play->is_retired)
		return refuse(refusal, EDURANGE_QUESTION_RETIRED,
		              "question \"%s\" is no longer part of challenge \"%s\"", play->question_id,
		              play->challenge_id);
	if (play->is_open)
		return true;
	return refuse(refusal, EDURANGE_COMPETITION_NOT_OPEN, "competition \"%s\" is not open",
	              play->group_id);
}

/* What was paid for the challenge so far, in all and by its questions. */
static int64
paid_before(const Play *play, int64 *by_questions)
{
	STATEMENT_RUN(&statements[PAID], value_text(play->user_id),
	              value_text(play->group_challenge_id));
	*by_questions = row_long(0, 1);
	return Max(*by_questions, row_long(0, 2));
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
	int64 by_questions;
	int64 before = paid_before(play, &by_questions);
	int64 after = Max(before, by_questions + play->points);

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
	});
}

/* That a completion was not written must be because there is one. */
static void
check_completed(const Play *play)
{
	if (STATEMENT_RUN(&statements[IS_CHALLENGE_COMPLETE], value_text(play->user_id),
	                  value_text(play->group_challenge_id)) == 0)
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
	int64 by_questions;
	int64 before = paid_before(play, &by_questions);
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
		(void) paid_before(play, &by_questions);
		if (row_long(0, 2) < after)
			row_kept_out("public.\"ChallengeCompletion\"");
	}
	else if (row_bool(0, 1))
		log_play(play, "CHALLENGE_COMPLETED",
		         json_member("groupChallengeId", play->group_challenge_id), (int32) after);
	return true;
}

void
play_read_outcome(Play *play)
{
	play->challenge_completed =
	    STATEMENT_RUN(&statements[IS_CHALLENGE_COMPLETE], value_text(play->user_id),
	                  value_text(play->group_challenge_id)) > 0;
	if (play->points_earned == 0)
		play->total = first_result(STATEMENT_RUN(&statements[TOTAL], value_text(play->user_id),
		                                         value_text(play->group_id)));
}
