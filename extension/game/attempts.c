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

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/timestamp.h"

#include "base/guc.h"
#include "base/wire.h"
#include "game/attempts.h"

AttemptHistory
attempts_read(Datum times, TimestampTz reset_at)
{
	TimestampTz window = GetCurrentTimestamp() - guc_attempt_window * USECS_PER_SEC;
	TimestampTz since = Max(window - guc_attempt_lock * USECS_PER_SEC, reset_at);
	AttemptHistory history = {0};
	Datum *elements;

	deconstruct_array(DatumGetArrayTypeP(times), TIMESTAMPTZOID, sizeof(TimestampTz), true,
	                  TYPALIGN_DOUBLE, &elements, NULL, &history.all);
	/* the newest comes first */
	for (int i = 0; i < Min(history.all, guc_attempt_limit); i++)
	{
		TimestampTz at = DatumGetTimestampTz(elements[i]);

		if (at <= since)
			break;
		history.newest = i == 0 ? at : history.newest;
		history.oldest = at;
		history.count++;
		if (at <= window)
			continue;
		history.oldest_in_window = at;
		history.in_window++;
	}
	return history;
}

/* The refusal, with what a form needs to show how long to wait. */
static bool
refuse_attempt(const char *question_id, TimestampTz now, TimestampTz until, Refusal *refusal)
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
	              question_id);
}

bool
attempts_check(const AttemptHistory *history, const char *question_id, AttemptAllowance *allowance,
               Refusal *refusal)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz window = guc_attempt_window * USECS_PER_SEC;
	TimestampTz lock = guc_attempt_lock * USECS_PER_SEC;

	*allowance = (AttemptAllowance){.limit = guc_attempt_limit};
	if (guc_attempt_limit == 0)
		return true;
	if (history->count == guc_attempt_limit && history->newest - history->oldest <= window &&
	    now < history->newest + lock)
		return refuse_attempt(question_id, now, history->newest + lock, refusal);
	allowance->remaining = Max(guc_attempt_limit - history->in_window - 1, 0);
	allowance->reset = allowance->remaining == 0
	                       ? now + lock
	                       : (history->in_window > 0 ? history->oldest_in_window : now) + window;
	return true;
}
