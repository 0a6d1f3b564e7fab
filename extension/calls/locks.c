/*
 * locks.c
 *	  Holding what a call is about, always in one order.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "base/statements.h"
#include "calls/locks.h"

typedef enum StatementId
{
	LOCK_USER,
	LOCK_COMPETITION,
	LOCK_MEMBER,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    [LOCK_USER] = {"SELECT 1 FROM public.\"User\" WHERE id = $1 FOR KEY SHARE",
                   {TEXTOID},
                   .by_key = true},
    [LOCK_COMPETITION] = {"SELECT 1 FROM public.\"CompetitionGroup\" WHERE id = $1 FOR KEY SHARE",
                          {TEXTOID},
                          .by_key = true},
    [LOCK_MEMBER] = {"SELECT 1 FROM public.\"_GroupMembers\" WHERE \"A\" = $1 AND \"B\" = $2"
                     " FOR NO KEY UPDATE",
                     {TEXTOID, TEXTOID},
                     .by_key = true},
};

bool
lock_user(const char *user_id, Refusal *refusal)
{
	if (STATEMENT_RUN(&statements[LOCK_USER], value_text(user_id)) > 0)
		return true;
	return refuse(refusal, EDURANGE_USER_NOT_FOUND, "user \"%s\" does not exist", user_id);
}

bool
lock_competition(const char *group_id, Refusal *refusal)
{
	if (STATEMENT_RUN(&statements[LOCK_COMPETITION], value_text(group_id)) > 0)
		return true;
	return refuse(refusal, EDURANGE_COMPETITION_NOT_FOUND, "competition \"%s\" does not exist",
	              group_id);
}

bool
lock_member(const char *group_id, const char *user_id, Refusal *refusal)
{
	if (STATEMENT_RUN(&statements[LOCK_MEMBER], value_text(group_id), value_text(user_id)) > 0)
		return true;
	return refuse(refusal, EDURANGE_NOT_A_MEMBER,
	              "user \"%s\" is not a member of competition \"%s\"", user_id, group_id);
}

TimestampTz
time_that_divides(void)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz time = (now + 999) / 1000 * 1000;

	/* from half a millisecond after it times are rounded to later ones */
	pg_usleep(time + 500 - now);
	return time;
}
