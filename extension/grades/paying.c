/*
 * paying.c
 *	  What is paid or taken back when the completions of a user have changed, as entries of the ledger.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "base/rows.h"
#include "base/statements.h"
#include "game/entries.h"
#include "game/ledger.h"
#include "grades/paying.h"

/* Is an entry l of this placement, and not from before the challenge was taken out and added again? */
#define PAID_HERE PAID_SINCE_PLACED("$3")

typedef enum StatementId
{
	LEFT_OVER,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /*
	 * What changes of a challenge's questions have left since a reset, by when it counts, where $5 is the last one that
	 * is not undone.  $1 user, $2 competition, $3 placement, $4 challenge, $5 change, $6 reset.
	 */
    [LEFT_OVER] =
        {"SELECT at, sum(delta)::bigint FROM (SELECT " COUNTS_AT " AS at, l.delta"
         "  FROM edurange.points_ledger l WHERE l.user_id = $1 AND l.group_id = $2"
         "  AND l.kind IN ('rejudged', 'accepted', 'repriced', 'graded', 'voided', 'undone')"
         "  AND l.at > $6 AND " PAID_HERE
         "  AND l.source_id = ANY (ARRAY(SELECT id FROM public.\"ChallengeQuestion\""
         "   WHERE \"challengeId\" = $4))) e"
         " WHERE NOT EXISTS (SELECT FROM edurange.grade_change_user u"
         "  WHERE u.user_id = $1 AND u.change_id <> $5 AND EXISTS (SELECT"
         "   FROM edurange.grade_change g WHERE g.id = u.change_id"
         "   AND g.group_challenge_id = $3 AND g.undone_at IS NULL))"
         " GROUP BY at HAVING sum(delta) <> 0 ORDER BY at",
         {TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID},
         .newest = true,
         .by_key = true},
};

/* Writes an entry of the ledger. */
static void
pay(const Caller *caller, const Change *change, const Grade *grade, const char *kind, int64 delta,
    TimestampTz effective_at)
{
	LedgerEntry entry = {
	    .user_id = grade->user_id,
	    .group_id = change->group_id,
	    .kind = kind,
	    .source_id = change->question_id,
	    .actor = caller->actor,
	    .via = caller->via,
	    .reason = change->reason,
	    .effective_at = effective_at,
	    .is_play = true,
	};
	Refusal refusal = {0};

	if (delta < PG_INT32_MIN || delta > PG_INT32_MAX)
		raise_error(EDURANGE_OUT_OF_RANGE, "a total would be out of range for type integer");
	if (!ledger_change(&entry, LEDGER_ADD, (int32) delta, &refusal))
		raise_error(EDURANGE_OUT_OF_RANGE,
		            "the total of user \"%s\" would be out of range for type integer",
		            grade->user_id);
}

/*
 * Changes of several questions of a challenge that are undone in another order than they were made pay other parts of
 * it back than each had paid.  So with the last of them what they have left is cancelled time by time, in as many entries
 * as there are.  False: nothing of the kind is so.
 */
static bool
settle_left_over(const Caller *caller, const Change *change, const Grade *grade, const char *kind)
{
	uint64 count = STATEMENT_RUN(&statements[LEFT_OVER], value_text(grade->user_id),
	                             value_text(change->group_id), value_text(change->placement_id),
	                             value_text(change->challenge_id), value_text(change->id),
	                             value_time(grade->reset_at));
	TimestampTz *at = palloc(sizeof(TimestampTz) * Max(count, 1));
	int64 *left = palloc(sizeof(int64) * Max(count, 1));
	int64 sum = 0;

	for (uint64 i = 0; i < count; i++)
	{
		at[i] = row_time(i, 1);
		left[i] = row_long(i, 2);
		sum += left[i];
	}
	if (count == 0 || sum != -grade->delta)
		return false;
	for (uint64 i = 0; i < count; i++)
		pay(caller, change, grade, kind, -left[i], at[i]);
	return true;
}

void
pay_difference(const Caller *caller, Change *change, Grade *grade, int64 after, const char *kind)
{
	bool is_undone = strcmp(kind, "undone") == 0;

	grade->delta = after - grade->paid;
	if (grade->delta > 0)
		change->paid += grade->delta;
	else
		change->taken -= grade->delta;
	/* what is undone has to cancel this one */
	if (grade->effective_at == 0)
		grade->effective_at = GetCurrentTimestamp();
	if (is_undone && change->has_others && settle_left_over(caller, change, grade, kind))
		return;
	if (grade->delta != 0)
		pay(caller, change, grade, kind, grade->delta, grade->effective_at);
}
