/*
 * locks.c
 *	  Holding what a call is about, always in one order.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "base/rows.h"
#include "base/statements.h"
#include "calls/locks.h"

typedef enum StatementId
{
	LOCK_USER,
	LOCK_USER_TO_RESET,
	LOCK_COMPETITION,
	LOCK_MEMBER,
	LOCK_USERS,
	LOCK_MEMBERS,
	LOCK_TOTALS,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    [LOCK_USER] = {"SELECT 1 FROM public.\"User\" WHERE id = $1 FOR KEY SHARE",
                   {TEXTOID},
                   .by_key = true},
    [LOCK_USER_TO_RESET] = {"SELECT 1 FROM public.\"User\" WHERE id = $1 FOR NO KEY UPDATE",
                            {TEXTOID},
                            .by_key = true},
    [LOCK_COMPETITION] = {"SELECT 1 FROM public.\"CompetitionGroup\" WHERE id = $1 FOR KEY SHARE",
                          {TEXTOID},
                          .by_key = true},
    [LOCK_MEMBER] = {"SELECT 1 FROM public.\"_GroupMembers\" WHERE \"A\" = $1 AND \"B\" = $2"
                     " FOR NO KEY UPDATE",
                     {TEXTOID, TEXTOID},
                     .by_key = true},
    [LOCK_USERS] = {"SELECT 1 FROM public.\"User\" WHERE id = ANY ($1) ORDER BY id FOR KEY SHARE",
                    {TEXTARRAYOID},
                    .by_key = true},
    /* $1 competition, $2 users, here and below */
    [LOCK_MEMBERS] = {"WITH held AS (SELECT \"B\" FROM public.\"_GroupMembers\" WHERE \"A\" = $1"
                      "  AND \"B\" = ANY ($2) ORDER BY \"B\" FOR NO KEY UPDATE)"
                      " SELECT coalesce(array_agg(\"B\"), '{}') FROM held",
                      {TEXTOID, TEXTARRAYOID},
                      .by_key = true},
    [LOCK_TOTALS] = {"SELECT 1 FROM public.\"GroupPoints\" WHERE \"groupId\" = $1"
                     " AND \"userId\" = ANY ($2) ORDER BY \"userId\" FOR UPDATE",
                     {TEXTOID, TEXTARRAYOID},
                     .by_key = true},
};

static bool
lock_user_by(Statement *statement, const char *user_id, Refusal *refusal)
{
	if (STATEMENT_RUN(statement, value_text(user_id)) > 0)
		return true;
	return refuse(refusal, EDURANGE_USER_NOT_FOUND, "user \"%s\" does not exist", user_id);
}

bool
lock_user(const char *user_id, Refusal *refusal)
{
	return lock_user_by(&statements[LOCK_USER], user_id, refusal);
}

bool
lock_user_to_reset(const char *user_id, Refusal *refusal)
{
	return lock_user_by(&statements[LOCK_USER_TO_RESET], user_id, refusal);
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

Datum
lock_members(const char *group_id, Datum user_ids)
{
	NullableDatum users = {.value = user_ids};

	STATEMENT_RUN(&statements[LOCK_USERS], users);
	STATEMENT_RUN(&statements[LOCK_MEMBERS], value_text(group_id), users);
	return row_argument(0, 1, TEXTARRAYOID).value;
}

void
lock_totals(const char *group_id, Datum user_ids)
{
	STATEMENT_RUN(&statements[LOCK_TOTALS], value_text(group_id),
	              (NullableDatum){.value = user_ids});
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
