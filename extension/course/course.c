/*
 * course.c
 *	  Competitions as their instructors see and change them.
 *
 * Whoever changes a competition holds its row so that who plays in it, and only names it, does not wait.  Who
 * deletes it holds it against everybody before looking for instances.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/arguments.h"
#include "base/json_text.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/idempotency.h"
#include "course/course.h"
#include "game/activity.h"

#define WRONG_CURSOR "parameter \"cursor\" must be the \"nextCursor\" of a page"

/* The years 1 to 9999, in microseconds since 1970. */
#define FIRST_TIME (-INT64CONST(62135596800000000))
#define LAST_TIME INT64CONST(253402300799999999)

#define COMPETITION_ROW                                                                            \
	"ROW(c.id, c.name, c.description, c.\"startDate\" AT TIME ZONE 'UTC',"                         \
	" c.\"endDate\" AT TIME ZONE 'UTC', c.\"createdAt\" AT TIME ZONE 'UTC',"                       \
	" c.\"updatedAt\" AT TIME ZONE 'UTC')::edurange.competition"

#define IS_LIVE "i.status NOT IN ('TERMINATED', 'ERROR')"

/* A competition c with its counts. */
#define OVERVIEW_ROW                                                                               \
	"ROW(c.id, c.name, c.description, c.\"startDate\" AT TIME ZONE 'UTC',"                         \
	" c.\"endDate\" AT TIME ZONE 'UTC', c.\"createdAt\" AT TIME ZONE 'UTC',"                       \
	" c.\"updatedAt\" AT TIME ZONE 'UTC',"                                                         \
	" c.\"startDate\" AT TIME ZONE 'UTC' <= statement_timestamp()"                                 \
	"  AND coalesce(c.\"endDate\" AT TIME ZONE 'UTC' > statement_timestamp(), true),"              \
	" (SELECT count(*) FROM public.\"_GroupMembers\" m WHERE m.\"A\" = c.id),"                     \
	" (SELECT count(*) FROM public.\"_GroupInstructors\" m WHERE m.\"A\" = c.id),"                 \
	" (SELECT count(*) FROM public.\"GroupChallenge\" gc WHERE gc.\"groupId\" = c.id),"            \
	" (SELECT count(*) FROM public.\"CompetitionAccessCode\" a WHERE a.\"groupId\" = c.id"         \
	"  AND coalesce(a.\"expiresAt\" AT TIME ZONE 'UTC' > statement_timestamp(), true)"             \
	"  AND coalesce(a.\"usedCount\" < a.\"maxUses\", true)),"                                      \
	" (SELECT count(*) FROM public.\"ChallengeInstance\" i WHERE i.\"competitionId\" = c.id"       \
	"  AND " IS_LIVE "))::edurange.competition_overview"

typedef enum StatementId
{
	EXISTS_COMPETITION,
	OVERVIEW,
	PAGE,
	PAGE_OF_INSTRUCTOR,
	LOCK_DATES,
	CHANGE,
	LOCK_TO_DELETE,
	COUNT_INSTANCES,
	DELETE_COMPETITION,
	STATEMENT_COUNT
} StatementId;

/* A page of the competitions g of that source, newest first.  $1 how many, $2 $3 behind which */
/* clang-format off */
#define PAGE_OF_COMPETITIONS(source)                                                                \
	"SELECT ROW(" PAGE_OF(OVERVIEW_ROW, TIME_CURSOR("c.\"createdAt\"", "c.id"), "$1")              \
	")::edurange.competition_page FROM (SELECT g.*, "                                               \
	PAGE_PLACE(TEXT_BYTES("g.description") " + octet_length(g.name)", "g.\"createdAt\" DESC, g.id DESC") \
	" FROM " source " AND (g.\"createdAt\", g.id)"                                                  \
	"  < (coalesce($2::timestamptz AT TIME ZONE 'UTC', 'infinity'), coalesce($3, ''))"              \
	" ORDER BY g.\"createdAt\" DESC, g.id DESC LIMIT $1 + 1) c"
/* clang-format on */

static Statement statements[STATEMENT_COUNT] = {
    [EXISTS_COMPETITION] = {"SELECT 1 FROM public.\"CompetitionGroup\" WHERE id = $1",
                            {TEXTOID},
                            .reads = true,
                            .by_key = true},
    [OVERVIEW] = {"SELECT " OVERVIEW_ROW " FROM public.\"CompetitionGroup\" c WHERE c.id = $1",
                  {TEXTOID},
                  .reads = true,
                  .by_key = true},
    [PAGE] = {PAGE_OF_COMPETITIONS(
                  "public.\"CompetitionGroup\" g WHERE g.\"createdAt\"" AT_ANY_TIME),
              {INT4OID, TIMESTAMPTZOID, TEXTOID},
              .reads = true,
              .by_key = true},
    /* The same of those that the user $4 is an instructor of. */
    [PAGE_OF_INSTRUCTOR] =
        {PAGE_OF_COMPETITIONS(
             "public.\"_GroupInstructors\" i"
             " JOIN public.\"CompetitionGroup\" g ON g.id = i.\"A\" WHERE i.\"B\" = $4"),
         {INT4OID, TIMESTAMPTZOID, TEXTOID, TEXTOID},
         .reads = true,
         .by_key = true},
    [LOCK_DATES] = {"SELECT \"startDate\" AT TIME ZONE 'UTC', \"endDate\" AT TIME ZONE 'UTC'"
                    " FROM public.\"CompetitionGroup\" WHERE id = $1 FOR NO KEY UPDATE",
                    {TEXTOID},
                    .by_key = true},
    /* $1 id, $2 name, $3 description, $4 start, $5 end: null leaves what is there; $6 whether there is no end */
    [CHANGE] = {"UPDATE public.\"CompetitionGroup\" AS c SET name = coalesce($2, c.name),"
                " description = nullif(coalesce($3, c.description), ''),"
                " \"startDate\" = coalesce($4 AT TIME ZONE 'UTC', c.\"startDate\"),"
                " \"endDate\" = CASE WHEN NOT $6 THEN"
                "  coalesce($5 AT TIME ZONE 'UTC', c.\"endDate\") END,"
                " \"updatedAt\" = " UTC_CLOCK " WHERE c.id = $1 RETURNING " COMPETITION_ROW,
                {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, BOOLOID},
                .by_key = true,
                .must_write = true},
    [LOCK_TO_DELETE] = {"SELECT name FROM public.\"CompetitionGroup\" WHERE id = $1 FOR UPDATE",
                        {TEXTOID},
                        .by_key = true},
    [COUNT_INSTANCES] = {"SELECT count(*) FROM public.\"ChallengeInstance\" i"
                         " WHERE i.\"competitionId\" = $1 AND " IS_LIVE,
                         {TEXTOID},
                         .by_key = true},
    [DELETE_COMPETITION] = {"DELETE FROM public.\"CompetitionGroup\" AS c WHERE c.id = $1"
                            " RETURNING " COMPETITION_ROW,
                            {TEXTOID},
                            .by_key = true,
                            .must_write = true},
};

int32
page_limit(FunctionCallInfo fcinfo, int argument)
{
	return PG_ARGISNULL(argument) ? PAGE_USUAL
	                              : int_between(fcinfo, argument, "limit", 1, PAGE_LIMIT);
}

/* The parameter "cursor" in two: a number, given its bounds, and what stands behind the hyphen; NULL: there is none. */
static char *
split_cursor(FunctionCallInfo fcinfo, int argument, int64 least, int64 most, int64 *number)
{
	char *cursor = optional_text(fcinfo, argument);
	char *end;

	if (cursor == NULL || cursor[0] == '\0')
		return NULL;
	errno = 0;
	*number = strtoll(cursor, &end, 10);
	if (errno != 0 || end == cursor || *end != '-' || *number < least || *number > most)
		raise_error(EDURANGE_INVALID_PARAMETER, WRONG_CURSOR);
	return pstrdup(end + 1);
}

TimeCursor
read_time_cursor(FunctionCallInfo fcinfo, int argument)
{
	int64 at;
	char *id = split_cursor(fcinfo, argument, FIRST_TIME, LAST_TIME, &at);

	if (id == NULL)
		return (TimeCursor){.at = value_null(), .id = value_null()};
	if (id[0] == '\0')
		raise_error(EDURANGE_INVALID_PARAMETER, WRONG_CURSOR);
	return (TimeCursor){
	    .at = value_time(at - (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY),
	    .id = value_text(id),
	};
}

TextCursor
read_text_cursor(FunctionCallInfo fcinfo, int argument)
{
	int64 length;
	char *rest = split_cursor(fcinfo, argument, 0, PG_INT32_MAX, &length);

	if (rest == NULL)
		return (TextCursor){.text = value_text(""), .id = value_text("")};
	/* (where it is the cursor of another list it might end within a character) */
	if ((size_t) length >= strlen(rest) ||
	    pg_mbcliplen(rest, (int) strlen(rest), (int) length) != length)
		raise_error(EDURANGE_INVALID_PARAMETER, WRONG_CURSOR);
	return (TextCursor){
	    .text = value_text(pnstrdup(rest, (Size) length)),
	    .id = value_text(rest + length),
	};
}

char *
course_subject(const Caller *caller)
{
	return activity_subject(caller->acting_user != NULL ? caller->acting_user : caller->bound_user);
}

bool
course_find(const Caller *caller, const char *group_id, Refusal *refusal)
{
	if (!caller_sees_competition(caller, group_id, refusal))
		return false;
	if (STATEMENT_RUN(&statements[EXISTS_COMPETITION], value_text(group_id)) == 0)
		return refuse(refusal, EDURANGE_COMPETITION_NOT_FOUND, "competition \"%s\" does not exist",
		              group_id);
	return true;
}

Datum
course_row(FunctionCallInfo fcinfo, Statement *row_of)
{
	char *group_id = required_text(fcinfo, 0, "group_id");
	Refusal refusal = {0};
	Caller caller;
	Datum row;

	caller_read(&caller, fcinfo, 1);
	statements_begin();
	if (!course_find(&caller, group_id, &refusal))
		raise_refusal(&refusal);
	STATEMENT_RUN(row_of, value_text(group_id));
	row = only_result();
	statements_end();
	return row;
}

/* The same, given behind which row. */
static Datum
page_behind(FunctionCallInfo fcinfo, Statement *page, const NullableDatum *behind, int count)
{
	char *group_id = required_text(fcinfo, 0, "group_id");
	int32 limit = page_limit(fcinfo, 1);
	NullableDatum values[4];
	Refusal refusal = {0};
	Caller caller;
	Datum row;

	caller_read(&caller, fcinfo, 3);
	statements_begin();
	if (!course_find(&caller, group_id, &refusal))
		raise_refusal(&refusal);
	values[0] = value_text(group_id);
	values[1] = value_int(limit);
	memcpy(values + 2, behind, sizeof(NullableDatum) * count);
	statement_run(page, values, 2 + count);
	row = only_result();
	statements_end();
	return row;
}

Datum
course_page(FunctionCallInfo fcinfo, Statement *page)
{
	NullableDatum behind = value_text(optional_text(fcinfo, 2));

	return page_behind(fcinfo, page, &behind, 1);
}

Datum
course_page_by_time(FunctionCallInfo fcinfo, Statement *page)
{
	TimeCursor behind = read_time_cursor(fcinfo, 2);

	return page_behind(fcinfo, page, (NullableDatum[]){behind.at, behind.id}, 2);
}

SQL_FUNCTION_BATCHABLE(edurange_competition)
{
	return course_row(fcinfo, &statements[OVERVIEW]);
}

SQL_FUNCTION_BATCHABLE(edurange_competitions)
{
	int32 limit = page_limit(fcinfo, 0);
	TimeCursor after = read_time_cursor(fcinfo, 1);
	char *instructor = NULL;
	Refusal refusal = {0};
	Caller caller;
	Datum row;

	caller_read(&caller, fcinfo, 2);
	statements_begin();
	if (!caller_lists_user(&caller, "user_id", &instructor, &refusal))
		raise_refusal(&refusal);
	if (caller.acting_user != NULL && !caller.acts_as_admin)
		instructor = caller.acting_user;
	if (instructor == NULL)
		STATEMENT_RUN(&statements[PAGE], value_int(limit), after.at, after.id);
	else
		STATEMENT_RUN(&statements[PAGE_OF_INSTRUCTOR], value_int(limit), after.at, after.id,
		              value_text(instructor));
	row = only_result();
	statements_end();
	return row;
}

/* The dates as they would be; the end must come after the start. */
static void
check_dates(const NullableDatum *start, const NullableDatum *end, bool no_end)
{
	NullableDatum starts = start->isnull ? row_argument(0, 1, TIMESTAMPTZOID) : *start;
	NullableDatum ends = end->isnull ? row_argument(0, 2, TIMESTAMPTZOID) : *end;

	if (!no_end && !ends.isnull &&
	    DatumGetTimestampTz(ends.value) <= DatumGetTimestampTz(starts.value))
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"end_date\" must be later than parameter \"start_date\"");
}

static Datum
update_competition(FunctionCallInfo fcinfo, const Caller *caller)
{
	char *group_id = required_text(fcinfo, 0, "group_id");
	char *name = short_text(optional_text(fcinfo, 1), "name");
	NullableDatum start = optional_time(fcinfo, 3, "start_date");
	NullableDatum end = optional_time(fcinfo, 4, "end_date");
	bool no_end = optional_flag(fcinfo, 5);
	Refusal refusal = {0};
	char *subject;
	Datum row;

	if (name != NULL && name[0] == '\0')
		raise_error(EDURANGE_INVALID_PARAMETER, "parameter \"name\" must not be empty");
	if (name == NULL && PG_ARGISNULL(2) && start.isnull && end.isnull && !no_end)
		raise_error(EDURANGE_MISSING_PARAMETER,
		            "one of the parameters \"name\", \"description\", \"start_date\", \"end_date\""
		            " and \"no_end_date\" is needed");
	if (no_end && !end.isnull)
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameters \"no_end_date\" and \"end_date\" exclude each other");
	statements_begin();
	if (!course_find(caller, group_id, &refusal))
		raise_refusal(&refusal);
	if (STATEMENT_RUN(&statements[LOCK_DATES], value_text(group_id)) == 0)
		raise_error(EDURANGE_COMPETITION_NOT_FOUND, "competition \"%s\" does not exist", group_id);
	check_dates(&start, &end, no_end);
	subject = course_subject(caller);
	STATEMENT_RUN(&statements[CHANGE], value_text(group_id), value_text(name), fcinfo->args[2],
	              start, end, value_bool(no_end));
	row = only_result();
	activity_log(&(Activity){.event_type = "GROUP_UPDATED",
	                         .user_id = subject,
	                         .group_id = group_id,
	                         .acting_user = caller->acting_user});
	statements_end();
	return row;
}

SQL_FUNCTION_BATCHABLE(edurange_update_competition)
{
	return mutate(fcinfo, update_competition);
}

/* Holds the competition against everybody, when it may go. */
static bool
lock_to_delete(const char *group_id, const char *name, Refusal *refusal)
{
	int64 live;

	if (STATEMENT_RUN(&statements[LOCK_TO_DELETE], value_text(group_id)) == 0)
		return refuse(refusal, EDURANGE_COMPETITION_NOT_FOUND, "competition \"%s\" does not exist",
		              group_id);
	if (strcmp(row_text(0, 1), name) != 0)
		return refuse(refusal, EDURANGE_INVALID_PARAMETER,
		              "parameter \"name\" must be the competition's name");
	STATEMENT_RUN(&statements[COUNT_INSTANCES], value_text(group_id));
	live = row_long(0, 1);
	if (live > 0)
		return refuse(refusal, EDURANGE_COMPETITION_IN_USE,
		              INT64_FORMAT " instances of competition \"%s\" are running", live, group_id);
	return true;
}

static Datum
delete_competition(FunctionCallInfo fcinfo, const Caller *caller)
{
	char *group_id = required_text(fcinfo, 0, "group_id");
	char *name = required_text(fcinfo, 1, "name");
	Refusal refusal = {0};
	char *subject;
	Datum row;

	statements_begin();
	if (!course_find(caller, group_id, &refusal))
		raise_refusal(&refusal);
	if (!lock_to_delete(group_id, name, &refusal))
		raise_refusal(&refusal);
	subject = course_subject(caller);
	STATEMENT_RUN(&statements[DELETE_COMPETITION], value_text(group_id));
	row = only_result();
	activity_log(&(Activity){
	    .event_type = "GROUP_DELETED",
	    .user_id = subject,
	    .acting_user = caller->acting_user,
	    .metadata = psprintf("%s,%s", json_member("groupId", group_id), json_member("name", name)),
	});
	statements_end();
	return row;
}

SQL_FUNCTION_BATCHABLE(edurange_delete_competition)
{
	return mutate(fcinfo, delete_competition);
}
