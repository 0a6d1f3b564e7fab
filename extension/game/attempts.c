/*
 * attempts.c
 *	  The limit of attempts, derived from the attempts that are on record (AttemptHistory).
 *
 * As many attempts as the limit within the window lock the question until the lock's time after the
 * last of them.  A refused attempt is not recorded, so it does not prolong the lock.  Attempts from
 * before an instructor's reset, which leaves a total of zero, do not count.
 *
 * The user's membership was locked before they were read, so that attempts come one after the other.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/guc.h"
#include "base/wire.h"
#include "game/attempts.h"

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
	const AttemptHistory *history = &play->attempts;
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz window = guc_attempt_window * USECS_PER_SEC;
	TimestampTz lock = guc_attempt_lock * USECS_PER_SEC;

	*allowance = (AttemptAllowance){.limit = guc_attempt_limit};
	if (guc_attempt_limit == 0)
		return true;
	if (history->count == guc_attempt_limit && history->newest - history->oldest <= window &&
	    now < history->newest + lock)
		return refuse_attempt(play, now, history->newest + lock, refusal);
	allowance->remaining = Max(guc_attempt_limit - history->in_window - 1, 0);
	allowance->reset = allowance->remaining == 0
	                       ? now + lock
	                       : (history->in_window > 0 ? history->oldest_in_window : now) + window;
	return true;
}
