/*
 * codes.c
 *	  The access codes of a competition: listed, and withdrawn.
 *
 * Who joins with a code holds its row, so a code is withdrawn before that or after it, and never while.
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
#include "game/rosters.h"
#include "text/plain_text.h"

#define CODE_ROW                                                                                   \
	"ROW(c.id, c.code, c.\"expiresAt\" AT TIME ZONE 'UTC', c.\"maxUses\", c.\"usedCount\","        \
	" c.\"groupId\", c.\"createdAt\" AT TIME ZONE 'UTC', c.\"createdBy\")::edurange.access_code"

typedef enum StatementId
{
	PAGE,
	LOCK_CODE,
	REVOKE,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* $1 competition, $2 how many, $3 $4 behind which; newest first */
    [PAGE] = {"SELECT ROW(" PAGE_OF(
                  CODE_ROW, TIME_CURSOR("c.\"createdAt\"", "c.id"),
                  "$2") ")::edurange.access_code_page"
                        " FROM (SELECT *, row_number() OVER (ORDER BY \"createdAt\" DESC, id DESC)"
                        "  AS n FROM public.\"CompetitionAccessCode\" WHERE \"groupId\" = $1"
                        "  AND (\"createdAt\", id) < (coalesce($3::timestamptz AT TIME ZONE 'UTC',"
                        "   'infinity'), coalesce($4, ''))"
                        "  ORDER BY \"createdAt\" DESC, id DESC LIMIT $2 + 1) c",
              {TEXTOID, INT4OID, TIMESTAMPTZOID, TEXTOID},
              .reads = true,
              .by_key = true},
    [LOCK_CODE] = {"SELECT 1 FROM public.\"CompetitionAccessCode\""
                   " WHERE code = $2 AND \"groupId\"" OF("$1") " FOR UPDATE",
                   {TEXTOID, TEXTOID},
                   .by_key = true},
    [REVOKE] = {"DELETE FROM public.\"CompetitionAccessCode\" AS c"
                " WHERE c.code = $2 AND c.\"groupId\"" OF("$1") " RETURNING " CODE_ROW,
                {TEXTOID, TEXTOID},
                .by_key = true,
                .must_write = true},
};

SQL_FUNCTION_BATCHABLE(edurange_access_codes)
{
	return course_page_by_time(fcinfo, &statements[PAGE]);
}

static Datum
revoke_access_code(FunctionCallInfo fcinfo, const Caller *caller)
{
	char *group_id = required_text(fcinfo, 0, "group_id");
	char *code = access_code(required_text(fcinfo, 1, "code"));
	Refusal refusal = {0};
	Datum row;

	statements_begin();
	if (!course_find(caller, group_id, &refusal) || !lock_competition(group_id, &refusal))
		raise_refusal(&refusal);
	if (STATEMENT_RUN(&statements[LOCK_CODE], value_text(group_id), value_text(code)) == 0)
		raise_error(EDURANGE_ACCESS_CODE_NOT_FOUND, "competition \"%s\" has no access code \"%s\"",
		            group_id, code);
	STATEMENT_RUN(&statements[REVOKE], value_text(group_id), value_text(code));
	row = only_result();
	roster_code_withdrawn(group_id, code);
	activity_log(&(Activity){.event_type = "ACCESS_CODE_DELETED",
	                         .user_id = course_subject(caller),
	                         .group_id = group_id,
	                         .acting_user = caller->acting_user,
	                         .metadata = json_member("code", code)});
	statements_end();
	return row;
}

SQL_FUNCTION_BATCHABLE(edurange_revoke_access_code)
{
	return mutate(fcinfo, revoke_access_code);
}
