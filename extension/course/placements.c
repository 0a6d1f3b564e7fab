/*
 * placements.c
 *	  What is played in a competition, changed afterwards: a challenge taken out, or worth something else.
 *
 * The group challenge is held against everybody.  Scoring holds it, too, and so waits: what was paid for it is certain
 * then, but for who is being reset.  Where students have worked at it the change is refused, with the counts.  Forced, it
 * takes back through the ledger what they were paid too much, of one user after the other in the order of ids.  Only what was paid since a
 * user's last reset counts.  What was worked at and paid is read as it is by now, whatever the transaction's snapshot.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
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

#define PLACEMENT_ROW                                                                              \
	"ROW(gc.id, gc.points, gc.\"challengeId\", gc.\"groupId\","                                    \
	" gc.\"createdAt\" AT TIME ZONE 'UTC',"                                                        \
	" gc.\"updatedAt\" AT TIME ZONE 'UTC')::edurange.group_challenge"

typedef enum StatementId
{
	LOCK_PLACEMENT,
	COUNT_WORK,
	CONCERNED,
	OVERPAID,
	REMOVE,
	CHANGE,
	LOWER_COMPLETIONS,
	IS_HIGHER,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* The challenge first: who deletes it looks for placements while they hold it. */
    [LOCK_PLACEMENT] = {"SELECT ch.id FROM public.\"GroupChallenge\" gc"
                        " JOIN public.\"Challenge\" ch ON ch.id = gc.\"challengeId\""
                        " WHERE gc.id = $1 AND gc.\"groupId\" = $2"
                        " FOR KEY SHARE OF ch FOR UPDATE OF gc",
                        {TEXTOID, TEXTOID},
                        .by_key = true},
    [COUNT_WORK] = {"SELECT (SELECT count(*) FROM public.\"QuestionAttempt\""
                    "  WHERE \"groupChallengeId\" = $1),"
                    " (SELECT count(*) FROM public.\"QuestionCompletion\""
                    "  WHERE \"groupChallengeId\" = $1),"
                    " (SELECT count(*) FROM public.\"ChallengeCompletion\""
                    "  WHERE \"groupChallengeId\" = $1)",
                    {TEXTOID},
                    .newest = true,
                    .by_key = true},
    /* Who may have been paid for it. */
    [CONCERNED] = {"SELECT coalesce(array_agg(user_id ORDER BY user_id), '{}') FROM ("
                   " SELECT \"userId\" AS user_id FROM public.\"QuestionCompletion\""
                   "  WHERE \"groupChallengeId\" = $1"
                   " UNION SELECT \"userId\" FROM public.\"ChallengeCompletion\""
                   "  WHERE \"groupChallengeId\" = $1) u",
                   {TEXTOID},
                   .newest = true,
                   .by_key = true},
    /* What users were paid for it since their last reset (completions.h), less what they would be for a completion that
	 * is worth $3 at most; null: for nothing. */
    [OVERPAID] =
        {"SELECT user_id, overpaid::bigint FROM (SELECT user_id, greatest(sum(questions),"
         "  sum(challenge)) - CASE WHEN $3 IS NULL THEN 0"
         "   ELSE greatest(sum(questions), least(sum(challenge), $3)) END AS overpaid"
         "  FROM (SELECT \"userId\" AS user_id, \"pointsEarned\"::bigint AS questions,"
         "    0::bigint AS challenge, \"completedAt\" AS at FROM public.\"QuestionCompletion\""
         "    WHERE \"groupChallengeId\" = $1"
         "   UNION ALL SELECT \"userId\", 0, \"pointsEarned\", \"completedAt\""
         "    FROM public.\"ChallengeCompletion\" WHERE \"groupChallengeId\" = $1) paid"
         "  WHERE NOT EXISTS (SELECT FROM edurange.standing s WHERE s.group_id = $2"
         "   AND s.user_id = paid.user_id AND s.reset_at >= paid.at AT TIME ZONE 'UTC')"
         "  GROUP BY user_id) p WHERE overpaid > 0 ORDER BY user_id",
         {TEXTOID, TEXTOID, INT4OID},
         .newest = true,
         .by_key = true},
    [REMOVE] = {"DELETE FROM public.\"GroupChallenge\" AS gc WHERE gc.id = $1"
                " RETURNING " PLACEMENT_ROW,
                {TEXTOID},
                .by_key = true,
                .must_write = true},
    [CHANGE] = {"UPDATE public.\"GroupChallenge\" AS gc SET points = $2,"
                " \"updatedAt\" = " UTC_CLOCK " WHERE gc.id = $1 RETURNING " PLACEMENT_ROW,
                {TEXTOID, INT4OID},
                .by_key = true,
                .must_write = true},
    [LOWER_COMPLETIONS] = {"UPDATE public.\"ChallengeCompletion\" SET \"pointsEarned\" = $2"
                           " WHERE \"groupChallengeId\" = $1 AND \"pointsEarned\" > $2",
                           {TEXTOID, INT4OID},
                           .by_key = true},
    [IS_HIGHER] = {"SELECT 1 FROM public.\"ChallengeCompletion\""
                   " WHERE \"groupChallengeId\" = $1 AND \"pointsEarned\" > $2 LIMIT 1",
                   {TEXTOID, INT4OID},
                   .newest = true,
                   .by_key = true},
};

/* A change of a group challenge, and what it found and did. */
typedef struct PlacementChange
{
	const char *group_id;
	const char *id;
	const char *challenge_id;
	const char *reason;
	bool force;
	NullableDatum worth; /* of a completion at most, from now on; null: nothing is left */
	int64 attempts;
	int64 questions;
	int64 challenges;
	int64 users; /* from whom something was taken */
	int64 taken;
} PlacementChange;

/* Holds it, and refuses what students have worked at unless it is forced. */
static bool
begin_change(const Caller *caller, PlacementChange *change, Refusal *refusal)
{
	if (!course_find(caller, change->group_id, refusal) ||
	    !lock_competition(change->group_id, refusal))
		return false;
	if (STATEMENT_RUN(&statements[LOCK_PLACEMENT], value_text(change->id),
	                  value_text(change->group_id)) == 0)
		return refuse(refusal, EDURANGE_GROUP_CHALLENGE_NOT_FOUND,
		              "competition \"%s\" has no group challenge \"%s\"", change->group_id,
		              change->id);
	change->challenge_id = row_text(0, 1);
	STATEMENT_RUN(&statements[COUNT_WORK], value_text(change->id));
	change->attempts = row_long(0, 1);
	change->questions = row_long(0, 2);
	change->challenges = row_long(0, 3);
	if (!change->force && change->attempts + change->questions + change->challenges > 0)
		return refuse(refusal, EDURANGE_CHALLENGE_WORKED_AT,
		              "group challenge \"%s\" has " INT64_FORMAT " attempts, " INT64_FORMAT
		              " completed questions and was completed " INT64_FORMAT " times",
		              change->id, change->attempts, change->questions, change->challenges);
	return true;
}

/*
 * Takes back what was paid too much.  Of who is being reset nothing is left to be taken: members and totals are held
 * first, as there.
 */
static void
take_back(const Caller *caller, PlacementChange *change)
{
	NullableDatum id = value_text(change->id);
	NullableDatum group_id = value_text(change->group_id);
	Refusal refusal = {0};
	Datum concerned;
	uint64 count;
	char **users;
	int64 *amounts;

	STATEMENT_RUN(&statements[CONCERNED], id);
	concerned = row_argument(0, 1, TEXTARRAYOID).value;
	lock_members(change->group_id, concerned);
	lock_totals(change->group_id, concerned);
	count = STATEMENT_RUN(&statements[OVERPAID], id, group_id, change->worth);
	users = palloc(sizeof(char *) * Max(count, 1));
	amounts = palloc(sizeof(int64) * Max(count, 1));
	for (uint64 i = 0; i < count; i++)
	{
		users[i] = row_text(i, 1);
		amounts[i] = row_long(i, 2);
	}
	for (uint64 i = 0; i < count; i++)
	{
		LedgerEntry entry = {
		    .user_id = users[i],
		    .group_id = change->group_id,
		    .kind = "taken_back",
		    .source_id = change->id,
		    .actor = caller->actor,
		    .via = caller->via,
		    .reason = change->reason,
		};

		CHECK_FOR_INTERRUPTS();
		refusal = (Refusal){0};
		/* what its statements hold goes with each: a class may be large */
		statements_begin();
		if (amounts[i] <= PG_INT32_MAX &&
		    ledger_change(&entry, LEDGER_ADD, (int32) -amounts[i], &refusal))
		{
			change->users++;
			change->taken += amounts[i];
		}
		/* who was deleted meanwhile has no total any more */
		else if (refusal.error != EDURANGE_USER_NOT_FOUND)
			/* no refusal any more: something is written */
			ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			                errmsg("a total would be out of range for type integer")));
		statements_end();
	}
}

/* Logs the change and makes its answer of the group challenge as it is, or was. */
static Datum
end_change(FunctionCallInfo fcinfo, const Caller *caller, const PlacementChange *change,
           NullableDatum placement, const char *what)
{
	activity_log(&(Activity){
	    .event_type = "GROUP_UPDATED",
	    .user_id = course_subject(caller),
	    .group_id = change->group_id,
	    .challenge_id = change->challenge_id,
	    .acting_user = caller->acting_user,
	    .metadata =
	        psprintf("%s,\"pointsTaken\":" INT64_FORMAT "%s%s", json_member(what, change->id),
	                 change->taken, change->reason != NULL ? "," : "",
	                 change->reason != NULL ? json_member("reason", change->reason) : ""),
	});
	statements_end();
	return composite_result(fcinfo,
	                        (NullableDatum[]){placement, value_long(change->attempts),
	                                          value_long(change->questions),
	                                          value_long(change->challenges),
	                                          value_long(change->users), value_long(change->taken)},
	                        6);
}

static Datum
remove_competition_challenge(FunctionCallInfo fcinfo, const Caller *caller)
{
	PlacementChange change = {
	    .group_id = required_text(fcinfo, 0, "group_id"),
	    .id = required_text(fcinfo, 1, "group_challenge_id"),
	    .force = optional_flag(fcinfo, 2),
	    .reason = optional_reason(fcinfo, 3),
	    .worth = value_null(),
	};
	Refusal refusal = {0};
	NullableDatum placement;

	statements_begin();
	if (!begin_change(caller, &change, &refusal))
		raise_refusal(&refusal);
	take_back(caller, &change);
	placement = first_result(STATEMENT_RUN(&statements[REMOVE], value_text(change.id)));
	return end_change(fcinfo, caller, &change, placement, "removedGroupChallengeId");
}

SQL_FUNCTION_BATCHABLE(edurange_remove_competition_challenge)
{
	return mutate(fcinfo, remove_competition_challenge);
}

static Datum
set_challenge_points(FunctionCallInfo fcinfo, const Caller *caller)
{
	PlacementChange change = {
	    .group_id = required_text(fcinfo, 0, "group_id"),
	    .id = required_text(fcinfo, 1, "group_challenge_id"),
	    .force = optional_flag(fcinfo, 3),
	    .reason = optional_reason(fcinfo, 4),
	};
	int32 points = int_between(fcinfo, 2, "points", 0, PG_INT32_MAX);
	Refusal refusal = {0};
	NullableDatum placement;

	change.worth = value_int(points);
	statements_begin();
	if (!begin_change(caller, &change, &refusal))
		raise_refusal(&refusal);
	take_back(caller, &change);
	STATEMENT_RUN(&statements[LOWER_COMPLETIONS], value_text(change.id), change.worth);
	if (STATEMENT_RUN(&statements[IS_HIGHER], value_text(change.id), change.worth) > 0)
		row_kept_out("public.\"ChallengeCompletion\"");
	placement =
	    first_result(STATEMENT_RUN(&statements[CHANGE], value_text(change.id), change.worth));
	return end_change(fcinfo, caller, &change, placement, "changedGroupChallengeId");
}

SQL_FUNCTION_BATCHABLE(edurange_set_challenge_points)
{
	return mutate(fcinfo, set_challenge_points);
}
