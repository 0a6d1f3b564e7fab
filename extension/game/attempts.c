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
	RESET,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* The newest attempts, $4 of them at most and none older than $5: newest, oldest, how many. */
    [RECENT] = {"SELECT max(at) AT TIME ZONE 'UTC', min(at) AT TIME ZONE 'UTC', count(*)::integer"
                " FROM (SELECT \"attemptedAt\" FROM public.\"QuestionAttempt\""
                "  WHERE \"userId\" = $1 AND \"questionId\" = $2 AND \"groupChallengeId\" = $3"
                "  AND \"attemptedAt\" > $5 AT TIME ZONE 'UTC'"
                "  ORDER BY \"attemptedAt\" DESC LIMIT $4) AS recent (at)",
                {TEXTOID, TEXTOID, TEXTOID, INT4OID, TIMESTAMPTZOID},
                .newest = true,
                .by_key = true},
    [RESET] = {"SELECT reset_at FROM edurange.standing WHERE user_id = $1 AND group_id = $2",
               {TEXTOID, TEXTOID},
               .newest = true,
               .by_key = true},
};

/* The attempts that count at one moment. */
typedef struct Recent
{
	TimestampTz newest;
	TimestampTz oldest;
	int32 count;
} Recent;

static Recent
read_recent(const Play *play, int32 limit, TimestampTz since)
{
	STATEMENT_RUN(&statements[RECENT], value_text(play->user_id), value_text(play->question_id),
	              value_text(play->group_challenge_id), value_int(limit), value_time(since));
	return (Recent){
	    .newest = row_time(0, 1),
	    .oldest = row_time(0, 2),
	    .count = row_int(0, 3),
	};
}

/* The time of the last reset, or the horizon where there was none since. */
static TimestampTz
last_reset(const Play *play, TimestampTz horizon)
{
	uint64 rows =
	    STATEMENT_RUN(&statements[RESET], value_text(play->user_id), value_text(play->group_id));

	return rows > 0 ? Max(horizon, row_time(0, 1)) : horizon;
}

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
	TimestampTz since;
	Recent recent;

	*allowance = (AttemptAllowance){.limit = guc_attempt_limit};
	if (guc_attempt_limit == 0)
		return true;
	since = last_reset(play, now - window - lock);
	recent = read_recent(play, guc_attempt_limit, since);
	if (recent.count == guc_attempt_limit && recent.newest - recent.oldest <= window &&
	    now < recent.newest + lock)
		return refuse_attempt(play, now, recent.newest + lock, refusal);
	recent = read_recent(play, guc_attempt_limit, Max(since, now - window));
	allowance->remaining = Max(guc_attempt_limit - recent.count - 1, 0);
	allowance->reset =
	    allowance->remaining == 0 ? now + lock : (recent.count > 0 ? recent.oldest : now) + window;
	return true;
}
