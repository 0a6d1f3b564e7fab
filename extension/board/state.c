/*
 * state.c
 *	  The rows of a board for who shows it to many, as a whole or what may have changed.
 *
 * A mark says what was seen, and in which past: the oldest transaction that was under way then.  A row whose version is of
 * that one or a later one may be new, every other is known.  That costs a look at each member's row of the board and
 * nothing else; names are in other rows, so they are looked at less often.  Whatever else a board shows (dates,
 * challenges, its policy) is its head: when that has changed, or a freeze has begun or ended, all rows are given.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/md5.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "base/arguments.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "base/under_way.h"
#include "board/board.h"
#include "game/board_order.h"
#include "game/heads.h"

#define HASH_LENGTH 33 /* of MD5, and the terminator */

typedef enum StatementId
{
	HEAD,
	ROWS,
	SERIES,
	STATEMENT_COUNT
} StatementId;

#define STARTS ISO_TIME("c.\"startDate\"")
#define ENDS ISO_TIME("c.\"endDate\"")
#define FREEZES ISO_TIME("r.freeze_at AT TIME ZONE 'UTC'")
#define THAWS ISO_TIME("r.thawed_at AT TIME ZONE 'UTC'")
#define REACHED "coalesce('\"' || " ISO_TIME("reached_at AT TIME ZONE 'UTC'") " || '\"', 'null')"
#define AS_MILLISECONDS(time) "(extract(epoch FROM " time ") * 1000)::bigint"
#define SOLVED_AT AS_MILLISECONDS(WITHIN_YEARS("c.at"))
#define PAID_AT AS_MILLISECONDS("l.at")
/* The challenges in the order in which their places are counted, from 0. */
#define PLACED                                                                                     \
	"(SELECT gc.id, gc.points, gc.\"challengeId\","                                                \
	"  row_number() OVER (ORDER BY gc.\"createdAt\", gc.id) - 1 AS place"                          \
	" FROM public.\"GroupChallenge\" gc WHERE gc.\"groupId\" = $1)"
#define HEADS STANDING_AT("$1", "$2", "false")
#define SOLVED COMPLETED_AT("seen.user_id", "$2", NONE_CHANGED_SINCE("$1", "$2"))
/* When each of the best had how many points, at most the latest 200 changes. */
#define SERIES_OF_BEST                                                                             \
	"SELECT '[' || coalesce(string_agg(format('{\"userId\":%s,\"points\":[%s]}',"                  \
	"   to_json(s.user_id), (SELECT string_agg(format('[%s,%s]', " PAID_AT ","                     \
	"     l.balance), ',' ORDER BY l.seq) FROM ("                                                  \
	"     SELECT * FROM edurange.points_ledger l WHERE l.user_id = s.user_id"                      \
	"     AND l.group_id = $1 AND l.at <= $2 AND l.delta <> 0"                                     \
	"     ORDER BY l.seq DESC LIMIT 200) l)), ','"                                                 \
	"   ORDER BY " BOARD_ORDER "), '') || ']' FROM best s"
/* Is the version of a row of that transaction or a later one?  Numbers of rows go round; null: it does not matter. */
#define IS_SINCE(xmin, since)                                                                      \
	"coalesce((" xmin "::text::bigint - " since ") & 4294967295 < 2147483648, false)"
#define ROW_IS_SINCE IS_SINCE("s.written", "$3")
#define NAME_IS_SINCE IS_SINCE("n.xmin", "$4")

static Statement statements[STATEMENT_COUNT] = {
    /* $1 group, $2 as of when, or null */
    [HEAD] = {"SELECT coalesce(r.visibility, 'members'),"
              " json_build_object('groupId', c.id, 'name', c.name, 'startDate', " STARTS ","
              "  'endDate', " ENDS ", 'visibility', coalesce(r.visibility, 'members'),"
              "  'frozen', $2 IS NOT NULL, 'freezeAt', " FREEZES ", 'thawedAt', " THAWS ","
              "  'challenges', (SELECT '[' || coalesce(string_agg(json_build_object('id', p.id,"
              "    'name', ch.name, 'points', p.points)::text, ',' ORDER BY p.place), '') || ']'"
              "   FROM " PLACED " AS p"
              "   JOIN public.\"Challenge\" ch ON ch.id = p.\"challengeId\")::json)::text"
              " FROM public.\"CompetitionGroup\" c"
              " LEFT JOIN edurange.board_rule r ON r.group_id = c.id WHERE c.id = $1",
              {TEXTOID, TIMESTAMPTZOID},
              .reads = true,
              .by_key = true},
    /*
	 * $1 group, $2 as of when, $3 $4 since when the board and the names were looked at: null for all, and for names
	 * that are not.  Lines by key; and with all rows the series of the best ten, who are found with them.
	 */
    [ROWS] =
        {"WITH placed AS MATERIALIZED " PLACED ", seen AS ("
         "  SELECT * FROM " HEADS " AS s"
         "  WHERE $3 IS NULL AND s.member OR " ROW_IS_SINCE " OR $4 IS NOT NULL AND EXISTS"
         "   (SELECT FROM public.\"User\" n WHERE n.id = s.user_id AND " NAME_IS_SINCE ")"
         "  ORDER BY " BOARD_ORDER " LIMIT 10000),"
         " best AS (SELECT * FROM seen s ORDER BY " BOARD_ORDER " LIMIT 10)"
         " SELECT coalesce(string_agg(key || E'\\t' || CASE WHEN member AND u.id IS NOT NULL THEN format("
         "   '{\"userId\":%s,\"name\":%s,\"points\":%s,\"reachedAt\":%s,\"solved\":[%s]}',"
         "   key, coalesce(to_json(name)::text, 'null'), points, " REACHED ","
         "   (SELECT string_agg(format('[%s,%s]', p.place, " SOLVED_AT
         "), ',' ORDER BY c.at, p.place)"
         "    FROM " SOLVED " c JOIN placed p ON p.id = c.placement)) ELSE '' END"
         "   || E'\\n', '' ORDER BY key COLLATE \"C\"), ''),"
         " CASE WHEN $3 IS NULL THEN (" SERIES_OF_BEST ") END"
         " FROM seen LEFT JOIN public.\"User\" u ON u.id = user_id,"
         " LATERAL (SELECT to_json(user_id)::text) AS k (key)",
         {TEXTOID, TIMESTAMPTZOID, INT8OID, INT8OID},
         .reads = true,
         .by_key = true},
    /* $1 group, $2 'infinity': of the best ten of a board that is alive */
    [SERIES] = {"WITH best AS (SELECT * FROM edurange.standing s WHERE group_id = $1"
                " AND member AND NOT hidden ORDER BY " BOARD_ORDER " LIMIT 10) " SERIES_OF_BEST,
                {TEXTOID, TIMESTAMPTZOID},
                .reads = true,
                .by_key = true},
};

/* What somebody has seen of a board. */
typedef struct Mark
{
	int64 rows;  /* since when the rows were looked at, ... */
	int64 names; /* ... and the names */
	char head[HASH_LENGTH];
} Mark;

/*
 * Which head it is, of a board as of when, in which past: after a failover other rows may have numbers that were
 * seen before it.
 */
static void
hash_head(Mark *mark, const char *head, const Sight *sight)
{
	const char *error = NULL;
	Past past = past_here();
	char *all = psprintf("%s %s %u " INT64_FORMAT, head, past.server, past.timeline,
	                     sight->until.isnull ? 0 : DatumGetTimestampTz(sight->until.value));

	if (!pg_md5_hash(all, strlen(all), mark->head, &error))
		elog(ERROR, "could not compute a hash: %s", error);
}

SQL_FUNCTION(edurange_board_state)
{
	char *group_id = required_text(fcinfo, 0, "group_id");
	bool is_staff = optional_flag(fcinfo, 1);
	char *since = optional_text(fcinfo, 2);
	bool thorough = optional_flag(fcinfo, 3);
	NullableDatum values[] = {value_text(group_id), value_bool(is_staff), value_null(),
	                          value_null(),         value_null(),         value_null(),
	                          value_null(),         value_null()};
	Refusal refusal = {0};
	NullableDatum until;
	Caller caller;
	Sight sight;
	Mark seen = {0};
	Mark mark = {0};
	bool whole;

	caller_read(&caller, fcinfo, 4);
	statements_begin();
	if (!caller_sees_competition(&caller, group_id, &refusal))
		raise_refusal(&refusal);
	sight = board_sight_of(group_id, is_staff);
	if (STATEMENT_RUN(&statements[HEAD], value_text(group_id), sight.until) == 0)
	{
		statements_end();
		return composite_result(fcinfo, values, lengthof(values));
	}
	values[4] = row_result(0, 1, TEXTOID);
	values[5] = row_result(0, 2, TEXTOID);
	hash_head(&mark, row_text(0, 2), &sight);
	mark.rows = mark.names = first_under_way(GetActiveSnapshot());
	whole = since == NULL ||
	        sscanf(since, INT64_FORMAT " " INT64_FORMAT " %32s", &seen.rows, &seen.names,
	               seen.head) != 3 ||
	        strcmp(seen.head, mark.head) != 0;
	if (!whole && !thorough)
		mark.names = seen.names;
	until = sight.until.isnull ? value_time(DT_NOEND) : sight.until;
	STATEMENT_RUN(&statements[ROWS], value_text(group_id), until,
	              whole ? value_null() : value_long(seen.rows),
	              whole || !thorough ? value_null() : value_long(seen.names));
	values[6] = row_result(0, 1, TEXTOID);
	values[7] = row_result(0, 2, TEXTOID);
	if (!whole && thorough && sight.until.isnull)
	{
		STATEMENT_RUN(&statements[SERIES], value_text(group_id), until);
		values[7] = row_result(0, 1, TEXTOID);
	}
	values[2] =
	    value_text(psprintf(INT64_FORMAT " " INT64_FORMAT " %s", mark.rows, mark.names, mark.head));
	values[2].value = SPI_datumTransfer(values[2].value, false, -1);
	values[3] = value_bool(whole);
	statements_end();
	return composite_result(fcinfo, values, lengthof(values));
}

SQL_FUNCTION(edurange_board_access)
{
	char *group_id = required_text(fcinfo, 0, "group_id");
	bool is_public = optional_flag(fcinfo, 1);
	NullableDatum visibility;
	Refusal refusal = {0};
	Caller caller;
	Sight sight;

	caller_read(&caller, fcinfo, 2);
	statements_begin();
	if (!board_find(&caller, is_public, group_id, &sight, &refusal))
		raise_refusal(&refusal);
	visibility = value_text(sight.visibility);
	visibility.value = SPI_datumTransfer(visibility.value, false, -1);
	statements_end();
	return composite_result(
	    fcinfo, (NullableDatum[]){value_text(group_id), value_bool(sight.is_staff), visibility}, 3);
}
