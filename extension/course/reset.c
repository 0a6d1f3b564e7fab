/*
 * reset.c
 *	  A student begins anew: completions go, the total is zero, the attempts stay as evidence.
 *
 * The membership is held, as whoever scores holds it, so an attempt is before the reset or after it.  The user is held
 * against imports, which complete challenges for whoever has nothing left to do.  The total is set to zero last: that is
 * when the ledger notes the reset, from which on older attempts neither count for the limit nor back a completion.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/arguments.h"
#include "base/json_text.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/idempotency.h"
#include "calls/locks.h"
#include "course/course.h"
#include "game/activity.h"
#include "game/ledger.h"

typedef enum StatementId
{
	DELETE_QUESTIONS,
	DELETE_CHALLENGES,
	LEFT,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* $1 competition, $2 user */
    [DELETE_QUESTIONS] = {"DELETE FROM public.\"QuestionCompletion\" qc"
                          " USING public.\"GroupChallenge\" gc WHERE gc.\"groupId\" = $1"
                          " AND qc.\"groupChallengeId\" = gc.id AND qc.\"userId\" = $2",
                          {TEXTOID, TEXTOID},
                          .by_key = true},
    [DELETE_CHALLENGES] = {"DELETE FROM public.\"ChallengeCompletion\" cc"
                           " USING public.\"GroupChallenge\" gc WHERE gc.\"groupId\" = $1"
                           " AND cc.\"groupChallengeId\" = gc.id AND cc.\"userId\" = $2",
                           {TEXTOID, TEXTOID},
                           .by_key = true},
    /* Of which is something left?  An older snapshot did not show it. */
    [LEFT] = {"SELECT EXISTS (SELECT FROM public.\"GroupChallenge\" gc"
              "  JOIN public.\"QuestionCompletion\" qc ON qc.\"groupChallengeId\" = gc.id"
              "  WHERE gc.\"groupId\" = $1 AND qc.\"userId\" = $2),"
              " EXISTS (SELECT FROM public.\"GroupChallenge\" gc"
              "  JOIN public.\"ChallengeCompletion\" cc ON cc.\"groupChallengeId\" = gc.id"
              "  WHERE gc.\"groupId\" = $1 AND cc.\"userId\" = $2)",
              {TEXTOID, TEXTOID},
              .newest = true,
              .by_key = true},
};

static Datum
reset_progress(FunctionCallInfo fcinfo, const Caller *caller)
{
	LedgerEntry entry = {
	    .group_id = required_text(fcinfo, 0, "group_id"),
	    .user_id = required_text(fcinfo, 1, "user_id"),
	    .kind = "set",
	    .actor = caller->actor,
	    .via = caller->via,
	    .reason = optional_reason(fcinfo, 2),
	};
	NullableDatum group_id = value_text(entry.group_id);
	NullableDatum user_id = value_text(entry.user_id);
	Refusal refusal = {0};
	uint64 questions;
	uint64 challenges;
	NullableDatum total;

	statements_begin();
	if (!caller_acts_as(caller, "user_id", entry.user_id, &refusal) ||
	    !course_find(caller, entry.group_id, &refusal) ||
	    !lock_user_to_reset(entry.user_id, &refusal) ||
	    !lock_competition(entry.group_id, &refusal) ||
	    !lock_member(entry.group_id, entry.user_id, &refusal))
		raise_refusal(&refusal);
	questions = STATEMENT_RUN(&statements[DELETE_QUESTIONS], group_id, user_id);
	challenges = STATEMENT_RUN(&statements[DELETE_CHALLENGES], group_id, user_id);
	STATEMENT_RUN(&statements[LEFT], group_id, user_id);
	if (row_bool(0, 1))
		row_kept_out("public.\"QuestionCompletion\"");
	if (row_bool(0, 2))
		row_kept_out("public.\"ChallengeCompletion\"");
	if (!ledger_change(&entry, LEDGER_SET, 0, &refusal))
		elog(ERROR, "a total could not be set to zero: %s", refusal.message);
	total = first_result(1);
	activity_log(&(Activity){
	    .event_type = "GROUP_UPDATED",
	    .user_id = entry.user_id,
	    .group_id = entry.group_id,
	    .acting_user = caller->acting_user,
	    .metadata = psprintf("\"progressReset\":true,\"questions\":" UINT64_FORMAT
	                         ",\"challenges\":" UINT64_FORMAT "%s%s",
	                         questions, challenges, entry.reason != NULL ? "," : "",
	                         entry.reason != NULL ? json_member("reason", entry.reason) : ""),
	});
	statements_end();
	return composite_result(
	    fcinfo, (NullableDatum[]){value_long(questions), value_long(challenges), total}, 3);
}

SQL_FUNCTION_BATCHABLE(edurange_reset_progress)
{
	return mutate(fcinfo, reset_progress);
}
