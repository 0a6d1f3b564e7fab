/*
 * attempts.c
 *	  The limit of attempts, derived from the attempts that are on record.
 *
 * As many attempts as the limit within the window lock the question until the lock's time after the
 * last of them.  A refused attempt is not recorded, so it does not prolong the lock.  Attempts from
 * before an instructor's reset, which leaves a total of zero, do not count.
 *
 * The user's membership is locked by then, so that attempts come one after the other.  They are read as they are
 * by now and not as they were when the transaction began: what another one recorded meanwhile counts at each
 * level of isolation.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "base/wire.h"
#include "game/attempts.h"

typedef enum StatementId
{
	RECENT,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* Of the newest attempts, $5 of them at most, none older than $6 and none from before the last reset in the
	 * competition $4: newest, oldest, how many, and the oldest and how many that are younger than $7.  Last, how
	 * many there are in all. */
    [RECENT] = {"WITH recent AS (SELECT \"attemptedAt\" AT TIME ZONE 'UTC' AS at"
                "  FROM public.\"QuestionAttempt\""
                "  WHERE \"userId\" = $1 AND \"questionId\" = $2 AND \"groupChallengeId\" = $3"
                "  AND \"attemptedAt\" > greatest($6, (SELECT reset_at FROM edurange.standing"
                "   WHERE user_id = $1 AND group_id = $4)) AT TIME ZONE 'UTC'"
                "  ORDER BY \"attemptedAt\" DESC LIMIT $5)"
                " SELECT max(at), min(at), count(*)::integer,"
                " min(at) FILTER (WHERE at > $7), (count(*) FILTER (WHERE at > $7))::integer,"
                " (SELECT count(*)::integer FROM public.\"QuestionAttempt\" WHERE \"userId\" = $1"
                "  AND \"questionId\" = $2 AND \"groupChallengeId\" = $3) FROM recent",
                {TEXTOID, TEXTOID, TEXTOID, TEXTOID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID},
                .newest = true,
                .by_key = true},
};

/* The refusal, with what a form needs to show how long to wait. */
static bool
refuse_attempt(const Play *play, TimestampTz now, TimestampTz until, Refusal *refusal)
{
	int64 seconds = (until - now + USECS_PER_SEC - 1) / USECS_PER_SEC;
	int64 minutes = (seconds + SECS_PER_MINUTE - 1) / SECS_PER_MINUTE;
	StringInfoData reset;

	initStringInfo(&reset);
	wire_value(&reset, TimestampTzGetDatum(until), TIMESTAMPTZOID);
	refusal->detail = psprintf(
	    "{\"error\": \"Too many attempts\", \"resetTime\": %s, \"waitMinutes\": " INT64_FORMAT
	    ", \"retryAfter\": " INT64_FORMAT ", \"attemptLimit\": %d, \"attemptsRemaining\": 0,"
	    " \"details\": \"Please wait " INT64_FORMAT " minutes before the next attempt.\"}",
	    reset.data, minutes, seconds, guc_attempt_limit, minutes);
	return refuse(refusal, EDURANGE_TOO_MANY_ATTEMPTS, "too many attempts at question \"%s\"",
	              play->question_id);
}

bool
attempts_check(const Play *play, AttemptAllowance *allowance, Refusal *refusal)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz window = guc_attempt_window * USECS_PER_SEC;
	TimestampTz lock = guc_attempt_lock * USECS_PER_SEC;
	TimestampTz newest;
	TimestampTz oldest;

	STATEMENT_RUN(&statements[RECENT], value_text(play->user_id), value_text(play->question_id),
	              value_text(play->group_challenge_id), value_text(play->group_id),
	              value_int(guc_attempt_limit), value_time(now - window - lock),
	              value_time(now - window));
	*allowance = (AttemptAllowance){.limit = guc_attempt_limit, .before = row_int(0, 6)};
	if (guc_attempt_limit == 0)
		return true;
	newest = row_time_or_zero(0, 1);
	oldest = row_time_or_zero(0, 2);
	if (row_int(0, 3) == guc_attempt_limit && newest - oldest <= window && now < newest + lock)
		return refuse_attempt(play, now, newest + lock, refusal);
	allowance->remaining = Max(guc_attempt_limit - row_int(0, 5) - 1, 0);
	allowance->reset = allowance->remaining == 0
	                       ? now + lock
	                       : (row_int(0, 5) > 0 ? row_time_or_zero(0, 4) : now) + window;
	return true;
}
