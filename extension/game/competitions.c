/*
 * competitions.c
 *	  Competitions: creating them, access codes, challenges in them, joining, the leaderboard.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/arguments.h"
#include "base/ids.h"
#include "base/json_text.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "calls/caller.h"
#include "calls/idempotency.h"
#include "calls/locks.h"
#include "game/activity.h"
#include "game/board_order.h"
#include "game/competitions.h"
#include "game/completions.h"
#include "game/entries.h"
#include "game/frozen.h"
#include "game/heads.h"
#include "game/rosters.h"
#include "game/sight.h"
#include "text/plain_text.h"

#define LEADERBOARD_LIMIT 10000
#define CODE_LENGTH 8      /* of a code made here */
#define CODE_MAX_LENGTH 20 /* of a code that is given */
#define CODE_TRIES 10

#define GROUP_CHALLENGE_ROW                                                                        \
	"ROW(gc.id, gc.points, gc.\"challengeId\", gc.\"groupId\","                                    \
	" gc.\"createdAt\" AT TIME ZONE 'UTC',"                                                        \
	" gc.\"updatedAt\" AT TIME ZONE 'UTC')::edurange.group_challenge"

/* The first rows of those of the board that are chosen. */
#define BOARD_OF(chosen)                                                                           \
	"SELECT $3 + row_number() OVER board, s.user_id, u.name, s.points,"                            \
	" (SELECT count(*) FROM public.\"GroupChallenge\" gc"                                          \
	" JOIN public.\"ChallengeCompletion\" cc ON cc.\"groupChallengeId\" = gc.id"                   \
	" WHERE gc.\"groupId\" = $1 AND cc.\"userId\" = s.user_id), s.reached_at"                      \
	" FROM (SELECT * FROM edurange.standing s WHERE group_id = $1 AND " chosen                     \
	" ORDER BY " BOARD_ORDER " LIMIT $2 OFFSET $3) s"                                              \
	" JOIN public.\"User\" u ON u.id = s.user_id"                                                  \
	" WINDOW board AS (ORDER BY " BOARD_ORDER ")"                                                  \
	" ORDER BY 1"

/*
 * The board at the time $4: members, and former ones who had points then; $6 of members alone, as a frozen one is.
 * $5 by when entries count, else by when they were written, which is what was shown.
 */
#define PAST_BOARD_OF(heads, completed)                                                                \
	"SELECT $3 + row_number() OVER board, s.user_id, u.name, s.points,"                                \
	" (SELECT count(*) FROM " completed(                                                               \
	    "s.user_id", "$4",                                                                             \
	    "$5") " c"                                                                                     \
	          "  JOIN public.\"GroupChallenge\" gc ON gc.id = c.placement WHERE gc.\"groupId\" = $1)," \
	          " s.reached_at"                                                                          \
	          " FROM (SELECT * FROM " heads(                                                           \
	              "$1", "$4",                                                                          \
	              "$5") " AS s WHERE NOT hidden AND (member OR points <> 0 AND NOT $6)"                \
	                    "  ORDER BY " BOARD_ORDER " LIMIT $2 OFFSET $3) s"                             \
	                    " LEFT JOIN public.\"User\" u ON u.id = s.user_id"                             \
	                    " WINDOW board AS (ORDER BY " BOARD_ORDER ") ORDER BY 1"

typedef enum StatementId
{
	MISSING_USER,
	INSERT_COMPETITION,
	INSERT_INSTRUCTORS,
	LOCK_ENDED,
	INSERT_CODE,
	LOCK_CHALLENGE,
	INSERT_CHALLENGE,
	IS_IN_COMPETITION,
	FIND_CODE,
	LOCK_CODE,
	INSERT_MEMBER,
	IS_MEMBER,
	USE_CODE,
	JOINED,
	LEADERBOARD,
	LEADERBOARD_OF_BEFORE,
	ARE_MANY_YOUNGER,
	PAST_LEADERBOARD,
	PAST_LEADERBOARD_OF_MANY,
	PAST_LEADERBOARD_OF_BEFORE,
	WHO_EXISTS,
	PROGRESS,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* The users that are there are held; the first in the order of locks. */
    [MISSING_USER] = {"SELECT wanted.id FROM unnest($1) AS wanted (id) WHERE NOT EXISTS"
                      " (SELECT FROM public.\"User\" u WHERE u.id = wanted.id FOR KEY SHARE)"
                      " LIMIT 1",
                      {TEXTARRAYOID}},
    /* $1 id, $2 name, $3 description, $4 start, $5 end */
    [INSERT_COMPETITION] =
        {"INSERT INTO public.\"CompetitionGroup\" AS c (id, name, description,"
         " \"startDate\", \"endDate\", \"createdAt\", \"updatedAt\")"
         " SELECT $1, $2, $3, $4 AT TIME ZONE 'UTC', $5 AT TIME ZONE 'UTC', now, now"
         " FROM " CLOCK_ROW " RETURNING ROW(c.id, c.name, c.description,"
         " c.\"startDate\" AT TIME ZONE 'UTC', c.\"endDate\" AT TIME ZONE 'UTC',"
         " c.\"createdAt\" AT TIME ZONE 'UTC',"
         " c.\"updatedAt\" AT TIME ZONE 'UTC')::edurange.competition",
         {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID}},
    /* Were all of them written? */
    [INSERT_INSTRUCTORS] =
        {"WITH instructor AS (SELECT DISTINCT id FROM unnest($2) AS i (id)),"
         " made AS (INSERT INTO public.\"_GroupInstructors\" (\"A\", \"B\")"
         "  SELECT $1, id FROM instructor RETURNING 1)"
         " SELECT (SELECT count(*) FROM made) = (SELECT count(*) FROM instructor)",
         {TEXTOID, TEXTARRAYOID}},
    /* After the user: has the competition ended, now that it is held? */
    [LOCK_ENDED] =
        {"SELECT coalesce(\"endDate\" AT TIME ZONE 'UTC' <= statement_timestamp(), false)"
         " FROM public.\"CompetitionGroup\" WHERE id = $1 FOR KEY SHARE",
         {TEXTOID},
         .by_key = true},
    /* $1 id, $2 code, $3 expiry, $4 uses, $5 group, $6 creator */
    [INSERT_CODE] = {"INSERT INTO public.\"CompetitionAccessCode\" AS c (id, code, \"expiresAt\","
                     " \"maxUses\", \"usedCount\", \"groupId\", \"createdBy\", \"createdAt\")"
                     " VALUES ($1, $2, $3 AT TIME ZONE 'UTC', $4, 0, $5, $6, " UTC_CLOCK ")"
                     " ON CONFLICT (code) DO NOTHING RETURNING ROW(c.id, c.code,"
                     " c.\"expiresAt\" AT TIME ZONE 'UTC', c.\"maxUses\", c.\"usedCount\","
                     " c.\"groupId\", c.\"createdAt\" AT TIME ZONE 'UTC',"
                     " c.\"createdBy\")::edurange.access_code",
                     {TEXTOID, TEXTOID, TIMESTAMPTZOID, INT4OID, TEXTOID, TEXTOID}},
    /* After the competition, into which it is put. */
    [LOCK_CHALLENGE] = {"SELECT 1 FROM public.\"Challenge\" WHERE id = $1 FOR KEY SHARE",
                        {TEXTOID}},
    /* $1 id, $2 points, $3 challenge, $4 group */
    [INSERT_CHALLENGE] =
        {"INSERT INTO public.\"GroupChallenge\" AS gc"
         " (id, points, \"challengeId\", \"groupId\", \"createdAt\", \"updatedAt\")"
         " SELECT $1, $2, $3, $4, now, now FROM " CLOCK_ROW
         " ON CONFLICT (\"challengeId\", \"groupId\") DO NOTHING"
         " RETURNING " GROUP_CHALLENGE_ROW,
         {TEXTOID, INT4OID, TEXTOID, TEXTOID}},
    [IS_IN_COMPETITION] = {"SELECT 1 FROM public.\"GroupChallenge\""
                           " WHERE \"challengeId\" = $1 AND \"groupId\" = $2",
                           {TEXTOID, TEXTOID},
                           .by_key = true},
    [FIND_CODE] = {"SELECT \"groupId\" FROM public.\"CompetitionAccessCode\" WHERE code = $1",
                   {TEXTOID},
                   .by_key = true},
    /* After user and competition; who joins with a code holds it, so that its uses are counted. */
    [LOCK_CODE] = {"SELECT id, coalesce(\"expiresAt\" AT TIME ZONE 'UTC' > statement_timestamp()"
                   " AND (\"maxUses\" IS NULL OR \"usedCount\" < \"maxUses\"),"
                   " \"maxUses\" IS NULL OR \"usedCount\" < \"maxUses\")"
                   " FROM public.\"CompetitionAccessCode\""
                   " WHERE code = $1 AND \"groupId\"" OF("$2") " FOR NO KEY UPDATE",
                   {TEXTOID, TEXTOID},
                   .by_key = true},
    [INSERT_MEMBER] = {"INSERT INTO public.\"_GroupMembers\" (\"A\", \"B\") VALUES ($1, $2)"
                       " ON CONFLICT (\"A\", \"B\") DO NOTHING",
                       {TEXTOID, TEXTOID}},
    [IS_MEMBER] = {"SELECT 1 FROM public.\"_GroupMembers\" WHERE \"A\" = $1 AND \"B\" = $2",
                   {TEXTOID, TEXTOID},
                   .by_key = true},
    [USE_CODE] = {"UPDATE public.\"CompetitionAccessCode\" SET \"usedCount\" = \"usedCount\" + 1"
                  " WHERE id = $1",
                  {TEXTOID},
                  .must_write = true},
    [JOINED] = {"SELECT ROW(c.id, c.name, c.description, c.\"startDate\" AT TIME ZONE 'UTC',"
                " c.\"endDate\" AT TIME ZONE 'UTC', c.\"createdAt\" AT TIME ZONE 'UTC',"
                " c.\"updatedAt\" AT TIME ZONE 'UTC', ARRAY(SELECT " GROUP_CHALLENGE_ROW
                " FROM public.\"GroupChallenge\" gc WHERE gc.\"groupId\" = c.id"
                " ORDER BY gc.\"createdAt\", gc.id), $2)::edurange.joined_competition"
                " FROM public.\"CompetitionGroup\" c WHERE c.id = $1",
                {TEXTOID, BOOLOID},
                .by_key = true},
    [LEADERBOARD] = {BOARD_OF("member AND NOT hidden"),
                     {TEXTOID, INT4OID, INT8OID},
                     .reads = true,
                     .before = &statements[LEADERBOARD_OF_BEFORE]},
    /* The same before migrate(). */
    [LEADERBOARD_OF_BEFORE] = {BOARD_OF("member"), {TEXTOID, INT4OID, INT8OID}, .reads = true},
    /*
	 * $1 group, $2 a time: is it less to read all of its entries than to look for one of each pair that is younger?  A
	 * pair has as many as its head says, and a look-up takes as long as to read some twenty.  Those of a backdated one are
	 * summed up either way.
	 */
    [ARE_MANY_YOUNGER] =
        {"SELECT coalesce(sum(seq) < 20 * count(*) FILTER (WHERE changed_at > $2 AND NOT backdated),"
         "  false)"
         " FROM edurange.standing WHERE group_id = $1",
         {TEXTOID, TIMESTAMPTZOID},
         .reads = true,
         .by_key = true},
    [PAST_LEADERBOARD] = {PAST_BOARD_OF(STANDING_AT, COMPLETED_AT),
                          {TEXTOID, INT4OID, INT8OID, TIMESTAMPTZOID, BOOLOID, BOOLOID},
                          .reads = true,
                          .by_key = true,
                          .before = &statements[PAST_LEADERBOARD_OF_BEFORE]},
    [PAST_LEADERBOARD_OF_MANY] = {PAST_BOARD_OF(STANDING_OF_MANY_AT, COMPLETED_AT),
                                  {TEXTOID, INT4OID, INT8OID, TIMESTAMPTZOID, BOOLOID, BOOLOID},
                                  .reads = true,
                                  .by_key = true},
    /* The same before migrate(). */
    [PAST_LEADERBOARD_OF_BEFORE] = {PAST_BOARD_OF(STANDING_AT_OF_BEFORE, COMPLETED_AT_OF_BEFORE),
                                    {TEXTOID, INT4OID, INT8OID, TIMESTAMPTZOID, BOOLOID, BOOLOID},
                                    .reads = true,
                                    .by_key = true},
    [WHO_EXISTS] = {"SELECT EXISTS (SELECT FROM public.\"CompetitionGroup\" WHERE id = $1),"
                    " EXISTS (SELECT FROM public.\"User\" WHERE id = $2)",
                    {TEXTOID, TEXTOID},
                    .reads = true},
    [PROGRESS] = {"SELECT ROW(coalesce(array_agg(ROW(gc.id, gc.\"challengeId\", c.name, gc.points,"
                  " cc.id IS NOT NULL, least(paid.points, 2147483647)::integer"
                  " )::edurange.challenge_progress ORDER BY gc.\"createdAt\", gc.id), '{}'),"
                  " coalesce(sum(gc.points), 0), coalesce(sum(paid.points), 0)::bigint,"
                  " coalesce(100.0 * count(cc.id) / nullif(count(*), 0), 0)::float8"
                  " )::edurange.progress FROM public.\"GroupChallenge\" gc"
                  " JOIN public.\"Challenge\" c ON c.id = gc.\"challengeId\""
                  " LEFT JOIN public.\"ChallengeCompletion\" cc ON cc.\"groupChallengeId\" = gc.id"
                  "  AND cc.\"userId\" = $2, LATERAL (SELECT greatest("
                  "  " PAID_BY_QUESTIONS("$2", "gc.id") ", " PAID_BY_COMPLETION(
                      "$2", "gc.id") " )) AS paid (points) WHERE gc.\"groupId\" = $1",
                  {TEXTOID, TEXTOID},
                  .reads = true},
};

Datum *
competition_instructors(FunctionCallInfo fcinfo, int argument, int *count)
{
	ArrayType *ids;
	Datum *elements;

	require_argument(fcinfo, argument, "instructor_ids");
	ids = PG_GETARG_ARRAYTYPE_P(argument);
	if (ARR_NDIM(ids) != 1 || array_contains_nulls(ids))
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"instructor_ids\" must list at least one user id and no null");
	deconstruct_array(ids, TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, count);
	return elements;
}

bool
competition_is_own(const Caller *caller, const Datum *instructors, int count, Refusal *refusal)
{
	for (int i = 0; i < count; i++)
	{
		*refusal = (Refusal){0};
		if (caller_acts_as(caller, "instructor_ids", TextDatumGetCString(instructors[i]), refusal))
			return true;
	}
	return refuse(refusal, EDURANGE_FORBIDDEN,
	              "parameter \"instructor_ids\" lacks the user that the token is bound to");
}

static Datum
create_competition(FunctionCallInfo fcinfo, const Caller *caller)
{
	char *name = short_text(required_text(fcinfo, 0, "name"), "name");
	NullableDatum start_date = optional_time(fcinfo, 1, "start_date");
	int count;
	Datum *instructors = competition_instructors(fcinfo, 2, &count);
	NullableDatum end_date = optional_time(fcinfo, 4, "end_date");
	char *id = new_id();
	Refusal refusal = {0};
	Datum row;

	require_argument(fcinfo, 1, "start_date");
	if (!end_date.isnull &&
	    DatumGetTimestampTz(end_date.value) <= DatumGetTimestampTz(start_date.value))
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"end_date\" must be later than parameter \"start_date\"");
	statements_begin();
	if (!competition_is_own(caller, instructors, count, &refusal))
		raise_refusal(&refusal);
	if (STATEMENT_RUN(&statements[MISSING_USER], fcinfo->args[2]) > 0)
		raise_error(EDURANGE_USER_NOT_FOUND, "user \"%s\" does not exist", row_text(0, 1));
	STATEMENT_RUN(&statements[INSERT_COMPETITION], value_text(id), value_text(name),
	              fcinfo->args[3], start_date, end_date);
	row = only_result();
	STATEMENT_RUN(&statements[INSERT_INSTRUCTORS], value_text(id), fcinfo->args[2]);
	if (!row_bool(0, 1))
		row_kept_out("public.\"_GroupInstructors\"");
	activity_log(&(Activity){.event_type = "GROUP_CREATED",
	                         .user_id = TextDatumGetCString(instructors[0]),
	                         .group_id = id,
	                         .acting_user = caller->acting_user,
	                         .metadata = json_member("name", name)});
	statements_end();
	PG_RETURN_DATUM(row);
}

/* A given code as it is kept; an error where it has a character or length that codes have not. */
static char *
checked_code(const char *given)
{
	char *code = access_code(given);
	size_t length = strlen(code);

	if (length == 0)
		raise_error(EDURANGE_MISSING_PARAMETER, "parameter \"code\" is blank");
	if (length > CODE_MAX_LENGTH || strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != length)
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"code\" must consist of 1 to %d letters, digits and hyphens",
		            CODE_MAX_LENGTH);
	return code;
}

/* (bytes beyond the last multiple of the alphabet's size would favour its start) */
char *
competition_random_code(void)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	const int letters = sizeof(alphabet) - 1;
	char *code = palloc0(CODE_LENGTH + 1);

	for (int i = 0; i < CODE_LENGTH;)
	{
		unsigned char byte;

		random_bytes(&byte, 1);
		if (byte < 256 / letters * letters)
			code[i++] = alphabet[byte % letters];
	}
	return code;
}

static Datum
generate_access_code(FunctionCallInfo fcinfo, const Caller *caller)
{
	char *group_id = required_text(fcinfo, 0, "group_id");
	char *created_by = required_text(fcinfo, 1, "created_by");
	char *given = optional_text(fcinfo, 2);
	NullableDatum expires_at = optional_time(fcinfo, 3, "expires_at");
	char *id = new_id();
	char *code = given != NULL && given[0] != '\0' ? checked_code(given) : NULL;
	Refusal refusal = {0};
	Datum row;

	if (!PG_ARGISNULL(4))
		int_between(fcinfo, 4, "max_uses", 1, PG_INT32_MAX);
	statements_begin();
	if (!caller_acts_as(caller, "created_by", created_by, &refusal) ||
	    !caller_sees_competition(caller, group_id, &refusal))
		raise_refusal(&refusal);
	if (!lock_user(created_by, &refusal) || !lock_competition(group_id, &refusal))
		raise_refusal(&refusal);
	for (int i = 0;; i++)
	{
		char *candidate = code != NULL ? code : competition_random_code();

		if (STATEMENT_RUN(&statements[INSERT_CODE], value_text(id), value_text(candidate),
		                  expires_at, fcinfo->args[4], value_text(group_id),
		                  value_text(created_by)) > 0)
		{
			code = candidate;
			break;
		}
		if (STATEMENT_RUN(&statements[FIND_CODE], value_text(candidate)) == 0)
			row_kept_out("public.\"CompetitionAccessCode\"");
		if (code != NULL || i == CODE_TRIES)
			raise_error(EDURANGE_CODE_IN_USE, "access code \"%s\" is in use already", candidate);
	}
	row = only_result();
	activity_log(&(Activity){.event_type = "ACCESS_CODE_GENERATED",
	                         .user_id = created_by,
	                         .group_id = group_id,
	                         .access_code_id = id,
	                         .acting_user = caller->acting_user,
	                         .metadata = json_member("code", code)});
	statements_end();
	PG_RETURN_DATUM(row);
}

static Datum
add_competition_challenge(FunctionCallInfo fcinfo, const Caller *caller)
{
	char *group_id = required_text(fcinfo, 0, "group_id");
	char *challenge_id = required_text(fcinfo, 1, "challenge_id");
	int32 points = int_between(fcinfo, 2, "points", 0, PG_INT32_MAX);
	Refusal refusal = {0};
	Datum row;

	statements_begin();
	if (!caller_sees_competition(caller, group_id, &refusal) ||
	    !lock_competition(group_id, &refusal))
		raise_refusal(&refusal);
	if (STATEMENT_RUN(&statements[LOCK_CHALLENGE], value_text(challenge_id)) == 0)
		raise_error(EDURANGE_CHALLENGE_NOT_FOUND, "challenge \"%s\" does not exist", challenge_id);
	if (STATEMENT_RUN(&statements[INSERT_CHALLENGE], value_text(new_id()), value_int(points),
	                  value_text(challenge_id), value_text(group_id)) == 0)
	{
		if (STATEMENT_RUN(&statements[IS_IN_COMPETITION], value_text(challenge_id),
		                  value_text(group_id)) == 0)
			row_kept_out("public.\"GroupChallenge\"");
		raise_error(EDURANGE_CHALLENGE_IN_COMPETITION,
		            "challenge \"%s\" is part of competition \"%s\" already", challenge_id,
		            group_id);
	}
	row = only_result();
	statements_end();
	PG_RETURN_DATUM(row);
}

/* Takes one use of a code and makes the user a member, unless somebody else just did. */
static bool
use_code(const Caller *caller, const char *code, const char *group_id, const char *user_id,
         bool *already_member, Refusal *refusal)
{
	char *code_id;
	bool usable;
	bool ended;

	if (STATEMENT_RUN(&statements[LOCK_ENDED], value_text(group_id)) == 0)
		return refuse(refusal, EDURANGE_ACCESS_CODE_INVALID, "access code \"%s\" is not valid",
		              code);
	ended = row_bool(0, 1);
	if (STATEMENT_RUN(&statements[LOCK_CODE], value_text(code), value_text(group_id)) == 0)
		return refuse(refusal, EDURANGE_ACCESS_CODE_INVALID, "access code \"%s\" is not valid",
		              code);
	code_id = row_text(0, 1);
	usable = row_bool(0, 2);

	/* Somebody may have joined as the same user while the code was locked. */
	*already_member =
	    STATEMENT_RUN(&statements[IS_MEMBER], value_text(group_id), value_text(user_id)) > 0;
	if (*already_member)
		return true;
	if (!usable)
		return refuse(refusal, EDURANGE_ACCESS_CODE_INVALID,
		              "access code \"%s\" has expired or has no use left", code);
	if (ended)
		return refuse(refusal, EDURANGE_COMPETITION_NOT_OPEN, "competition \"%s\" has ended",
		              group_id);
	if (STATEMENT_RUN(&statements[INSERT_MEMBER], value_text(group_id), value_text(user_id)) == 0)
	{
		*already_member =
		    STATEMENT_RUN(&statements[IS_MEMBER], value_text(group_id), value_text(user_id)) > 0;
		if (!*already_member)
			row_kept_out("public.\"_GroupMembers\"");
		return true;
	}
	STATEMENT_RUN(&statements[USE_CODE], value_text(code_id));
	activity_log(&(Activity){.event_type = "GROUP_JOINED",
	                         .user_id = user_id,
	                         .group_id = group_id,
	                         .access_code_id = code_id,
	                         .acting_user = caller->acting_user,
	                         .metadata = json_member("accessCode", code)});
	return true;
}

/* Joins; the competition is left in the statement that ran last. */
static bool
join_competition(const Caller *caller, const char *code, const char *user_id, Refusal *refusal)
{
	char *group_id;
	bool already_member;

	if (!caller_acts_as(caller, "user_id", user_id, refusal) || !lock_user(user_id, refusal))
		return false;
	if (STATEMENT_RUN(&statements[FIND_CODE], value_text(code)) == 0)
		return refuse(refusal, EDURANGE_ACCESS_CODE_INVALID, "access code \"%s\" is not valid",
		              code);
	group_id = row_text(0, 1);
	already_member =
	    STATEMENT_RUN(&statements[IS_MEMBER], value_text(group_id), value_text(user_id)) > 0;
	if (!already_member && !use_code(caller, code, group_id, user_id, &already_member, refusal))
		return false;
	if (STATEMENT_RUN(&statements[JOINED], value_text(group_id), value_bool(already_member)) == 0)
		return refuse(refusal, EDURANGE_ACCESS_CODE_INVALID, "access code \"%s\" is not valid",
		              code);
	return true;
}

static Datum
join_competition_sql(FunctionCallInfo fcinfo, const Caller *caller)
{
	char *code = checked_code(required_text(fcinfo, 0, "code"));
	char *user_id = required_text(fcinfo, 1, "user_id");
	Refusal refusal = {0};
	Datum row;

	statements_begin();
	if (!join_competition(caller, code, user_id, &refusal))
		raise_refusal(&refusal);
	row = only_result();
	statements_end();
	PG_RETURN_DATUM(row);
}

SQL_FUNCTION_BATCHABLE(edurange_create_competition)
{
	return mutate(fcinfo, create_competition);
}

SQL_FUNCTION_BATCHABLE(edurange_generate_access_code)
{
	return mutate(fcinfo, generate_access_code);
}

SQL_FUNCTION_BATCHABLE(edurange_add_competition_challenge)
{
	return mutate(fcinfo, add_competition_challenge);
}

SQL_FUNCTION_BATCHABLE(edurange_join_competition)
{
	return mutate(fcinfo, join_competition_sql);
}

/* The statement that finds a board of the past with the least work. */
static Statement *
past_leaderboard(const char *group_id, NullableDatum at)
{
	/* (before migrate() the entries of a competition do not lie together) */
	if (!tables_are_migrated())
		return &statements[PAST_LEADERBOARD];
	STATEMENT_RUN(&statements[ARE_MANY_YOUNGER], value_text(group_id), at);
	return &statements[row_bool(0, 1) ? PAST_LEADERBOARD_OF_MANY : PAST_LEADERBOARD];
}

SQL_FUNCTION(edurange_leaderboard)
{
	char *group_id = required_text(fcinfo, 0, "group_id");
	int32 limit = int_between(fcinfo, 1, "limit", 1, LEADERBOARD_LIMIT);
	int32 offset = int_between(fcinfo, 2, "offset", 0, PG_INT32_MAX);
	NullableDatum at = optional_time(fcinfo, 3, "at");
	int caller_argument = PG_NARGS() - 1; /* the script of 0.0.9 knows no "corrected" before it */
	bool corrected = caller_argument > 4 && optional_flag(fcinfo, 4);
	Refusal refusal = {0};
	Caller caller;
	Sight sight;
	bool frozen;

	caller_read(&caller, fcinfo, caller_argument);
	statements_begin();
	if (!board_sight(&caller, false, group_id, &sight, &refusal) &&
	    refusal.error != EDURANGE_COMPETITION_NOT_FOUND)
		raise_refusal(&refusal);
	frozen = refusal.error == EDURANGE_OK && !sight.until.isnull &&
	         (at.isnull || DatumGetTimestampTz(at.value) >= DatumGetTimestampTz(sight.until.value));
	if (frozen)
		at = sight.until;
	if (refusal.error != EDURANGE_OK)
		limit = 0; /* as one that does not exist */
	if (at.isnull || limit == 0)
		STATEMENT_LIST(fcinfo, &statements[LEADERBOARD], value_text(group_id), value_int(limit),
		               value_long(offset));
	else if (!frozen || !frozen_board_list(fcinfo, group_id, at, limit, offset))
		STATEMENT_LIST(fcinfo, past_leaderboard(group_id, at), value_text(group_id),
		               value_int(limit), value_long(offset), at,
		               value_bool(corrected && sight.until.isnull), value_bool(frozen));
	statements_end();
	return (Datum) 0;
}

SQL_FUNCTION(edurange_competition_progress)
{
	char *group_id = required_text(fcinfo, 0, "group_id");
	char *user_id = required_text(fcinfo, 1, "user_id");
	Refusal refusal = {0};
	Caller caller;
	Datum row;

	caller_read(&caller, fcinfo, 2);
	statements_begin();
	if (!caller_acts_as(&caller, "user_id", user_id, &refusal) ||
	    !caller_takes_part(&caller, group_id, &refusal))
		raise_refusal(&refusal);
	STATEMENT_RUN(&statements[WHO_EXISTS], value_text(group_id), value_text(user_id));
	if (!row_bool(0, 1))
		raise_error(EDURANGE_COMPETITION_NOT_FOUND, "competition \"%s\" does not exist", group_id);
	if (!row_bool(0, 2))
		raise_error(EDURANGE_USER_NOT_FOUND, "user \"%s\" does not exist", user_id);
	STATEMENT_RUN(&statements[PROGRESS], value_text(group_id), value_text(user_id));
	row = only_result();
	statements_end();
	PG_RETURN_DATUM(row);
}
