/*
 * policy.c
 *	  The policy of a board: who sees it, and from when to when it stands still for all but staff.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "base/arguments.h"
#include "base/json_text.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "board/board.h"
#include "calls/idempotency.h"
#include "calls/locks.h"
#include "course/course.h"
#include "game/activity.h"

#define POLICY_ROW(id)                                                                             \
	"ROW(" id ", coalesce(r.visibility, 'members'), r.freeze_at, r.thawed_at,"                     \
	" coalesce(" IS_FROZEN ", false))::edurange.board_policy"

typedef enum StatementId
{
	EXISTS_COMPETITION,
	SET_RULE,
	POLICY,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    [EXISTS_COMPETITION] = {"SELECT 1 FROM public.\"CompetitionGroup\" WHERE id = $1",
                            {TEXTOID},
                            .reads = true,
                            .by_key = true},
    /* $1 group, $2 visibility, $3 freeze, $4 thaw, $5 actor */
    [SET_RULE] = {"INSERT INTO edurange.board_rule AS r"
                  " (group_id, visibility, freeze_at, thawed_at, set_at, set_by)"
                  " VALUES ($1, $2, $3, $4, clock_timestamp(), $5)"
                  " ON CONFLICT (group_id) DO UPDATE SET visibility = $2, freeze_at = $3,"
                  " thawed_at = $4, set_at = clock_timestamp(), set_by = $5"
                  " RETURNING " POLICY_ROW("r.group_id"),
                  {TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TEXTOID},
                  .by_key = true,
                  .must_write = true},
    [POLICY] = {"SELECT " POLICY_ROW(
                    "g.id") " FROM (VALUES ($1)) AS g (id)"
                            " LEFT JOIN edurange.board_rule r ON r.group_id = g.id",
                {TEXTOID},
                .reads = true,
                .by_key = true},
};

bool
board_find(const Caller *caller, bool is_public, const char *group_id, Sight *sight,
           Refusal *refusal)
{
	return board_sight(caller, is_public, group_id, sight, refusal) &&
	       (STATEMENT_RUN(&statements[EXISTS_COMPETITION], value_text(group_id)) > 0 ||
	        refuse(refusal, EDURANGE_COMPETITION_NOT_FOUND, "competition \"%s\" does not exist",
	               group_id));
}

static char *
checked_visibility(FunctionCallInfo fcinfo, int argument)
{
	char *visibility = required_text(fcinfo, argument, "visibility");

	if (strcmp(visibility, "staff") != 0 && strcmp(visibility, "members") != 0 &&
	    strcmp(visibility, "public") != 0)
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"visibility\" must be \"staff\", \"members\" or \"public\"");
	return visibility;
}

static Datum
set_board_policy(FunctionCallInfo fcinfo, const Caller *caller)
{
	char *group_id = required_text(fcinfo, 0, "group_id");
	char *visibility = checked_visibility(fcinfo, 1);
	NullableDatum freeze_at = optional_time(fcinfo, 2, "freeze_at");
	NullableDatum thawed_at = optional_time(fcinfo, 3, "thawed_at");
	Refusal refusal = {0};
	char *subject;
	Datum row;

	if (!thawed_at.isnull && freeze_at.isnull)
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"thawed_at\" is of no use without parameter \"freeze_at\"");
	if (!thawed_at.isnull &&
	    DatumGetTimestampTz(thawed_at.value) < DatumGetTimestampTz(freeze_at.value))
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"thawed_at\" must not be earlier than parameter \"freeze_at\"");
	statements_begin();
	if (!course_find(caller, group_id, &refusal) || !lock_competition(group_id, &refusal))
		raise_refusal(&refusal);
	subject = course_subject(caller);
	STATEMENT_RUN(&statements[SET_RULE], value_text(group_id), value_text(visibility), freeze_at,
	              thawed_at, value_text(caller->actor));
	row = only_result();
	activity_log(&(Activity){.event_type = "GROUP_UPDATED",
	                         .user_id = subject,
	                         .group_id = group_id,
	                         .acting_user = caller->acting_user,
	                         .metadata = json_member("boardVisibility", visibility)});
	statements_end();
	return row;
}

SQL_FUNCTION_BATCHABLE(edurange_set_board_policy)
{
	return mutate(fcinfo, set_board_policy);
}

SQL_FUNCTION_BATCHABLE(edurange_get_board_policy)
{
	return course_row(fcinfo, &statements[POLICY]);
}
