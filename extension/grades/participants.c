/*
 * participants.c
 *	  Who takes part differently: with extra time, hidden from the board, or disqualified.
 *
 * The membership is held, as whoever scores holds it, so that an attempt is before the change or after it.  The head of the pair
 * is written each time, also where nothing of it changes: a play whose snapshot is older collides with that.
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
#include "grades/grades.h"

#define PARTICIPATION_ROW                                                                          \
	"ROW(t.group_id, t.user_id, t.ends_at, t.hidden, t.disqualified, t.reason, t.set_by,"          \
	" t.set_at)::edurange.participation_record"

typedef enum StatementId
{
	END_OF_COMPETITION,
	SET,
	HIDE,
	PAGE,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    [END_OF_COMPETITION] = {"SELECT \"endDate\" AT TIME ZONE 'UTC'"
                            " FROM public.\"CompetitionGroup\" WHERE id = $1",
                            {TEXTOID},
                            .newest = true,
                            .by_key = true},
    /* $1 competition, $2 user, $3 end, $4 hidden, $5 disqualified, $6 reason, $7 by whom */
    [SET] = {"INSERT INTO edurange.participation AS t (group_id, user_id, ends_at, hidden,"
             " disqualified, reason, set_by, set_at) VALUES ($1, $2, $3, $4, $5, $6, $7,"
             " clock_timestamp()) ON CONFLICT (group_id, user_id) DO UPDATE SET"
             " ends_at = $3, hidden = $4, disqualified = $5, reason = $6, set_by = $7,"
             " set_at = excluded.set_at RETURNING " PARTICIPATION_ROW,
             {TEXTOID, TEXTOID, TIMESTAMPTZOID, BOOLOID, BOOLOID, TEXTOID, TEXTOID},
             .by_key = true,
             .must_write = true},
    [HIDE] = {"INSERT INTO edurange.standing (group_id, user_id, member, hidden, changed_at)"
              " VALUES ($1, $2, true, $3, clock_timestamp())"
              " ON CONFLICT (group_id, user_id) DO UPDATE SET hidden = $3",
              {TEXTOID, TEXTOID, BOOLOID},
              .by_key = true,
              .must_write = true},
    /* $1 competition, $2 how many, $3 behind whom */
    [PAGE] = {"SELECT ROW(" PAGE_OF(
                  PARTICIPATION_ROW, "t.user_id",
                  "$2") ")::edurange.participation_page"
                        " FROM (SELECT *, row_number() OVER (ORDER BY user_id) AS n"
                        "  FROM edurange.participation"
                        "  WHERE group_id = $1 AND user_id > coalesce($3, '')"
                        "  ORDER BY user_id LIMIT $2 + 1) t",
              {TEXTOID, INT4OID, TEXTOID},
              .reads = true,
              .by_key = true},
};

/* Extra time must be more than all have. */
static void
check_end(const char *group_id, NullableDatum ends_at)
{
	NullableDatum end;

	if (ends_at.isnull)
		return;
	STATEMENT_RUN(&statements[END_OF_COMPETITION], value_text(group_id));
	end = row_argument(0, 1, TIMESTAMPTZOID);
	if (!end.isnull && DatumGetTimestampTz(ends_at.value) <= DatumGetTimestampTz(end.value))
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"ends_at\" must be later than the end of competition \"%s\"",
		            group_id);
}

static Datum
set_participation(FunctionCallInfo fcinfo, const Caller *caller)
{
	char *group_id = required_text(fcinfo, 0, "group_id");
	char *user_id = required_text(fcinfo, 1, "user_id");
	NullableDatum ends_at = optional_time(fcinfo, 2, "ends_at");
	bool hidden = optional_flag(fcinfo, 3);
	bool disqualified = optional_flag(fcinfo, 4);
	char *reason = optional_reason(fcinfo, 5);
	Refusal refusal = {0};
	Datum row;

	statements_begin();
	if (!caller_acts_as(caller, "user_id", user_id, &refusal) ||
	    !course_find(caller, group_id, &refusal) || !lock_user(user_id, &refusal) ||
	    !lock_competition(group_id, &refusal) || !lock_member(group_id, user_id, &refusal))
		raise_refusal(&refusal);
	check_end(group_id, ends_at);
	STATEMENT_RUN(&statements[SET], value_text(group_id), value_text(user_id), ends_at,
	              value_bool(hidden), value_bool(disqualified), value_text(reason),
	              value_text(caller->actor));
	row = only_result();
	STATEMENT_RUN(&statements[HIDE], value_text(group_id), value_text(user_id),
	              value_bool(hidden || disqualified));
	activity_log(&(Activity){
	    .event_type = "GROUP_UPDATED",
	    .user_id = user_id,
	    .group_id = group_id,
	    .acting_user = caller->acting_user,
	    .metadata = psprintf("\"participation\":true,\"extraTime\":%s,\"hidden\":%s,"
	                         "\"disqualified\":%s%s%s",
	                         ends_at.isnull ? "false" : "true", hidden ? "true" : "false",
	                         disqualified ? "true" : "false", reason != NULL ? "," : "",
	                         reason != NULL ? json_member("reason", reason) : ""),
	});
	statements_end();
	return row;
}

SQL_FUNCTION_BATCHABLE(edurange_set_participation)
{
	return mutate(fcinfo, set_participation);
}

SQL_FUNCTION_BATCHABLE(edurange_participation)
{
	return course_page(fcinfo, &statements[PAGE]);
}
