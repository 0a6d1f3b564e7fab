/*
 * events.c
 *	  The ledger of a competition as a feed: each entry once, none left out, for who comes back with a token.
 *
 * Entries become visible when their transactions end, which is in no order of theirs.  So a reader gets them by
 * windows of transaction ids [from, to), of which no transaction is under way any more: whatever a window holds is
 * there, and nothing comes to it.  Inside a window entries are ordered by (at, user_id, seq).
 *
 * Entries of one pair may cross in their transaction ids: the later one has the smaller id.  So an entry belongs to the
 * window of the smallest id that it or a later one of its pair has.  All those ids are of transactions that have ended
 * where the smallest has, since whoever writes an entry has waited for the one before it.  Of each pair a window has
 * what stands behind the last entry with an id before the window, up to the last one with an id in it.
 *
 * A token names no transaction that may be forgotten: one that wrote nothing may have its number again after a crash.
 * So it moves on with entries alone, behind the last of them.
 *
 * A window is read by an index on (group_id, xid).  A block range index would be smaller, but what was written
 * since the last vacuum is in no range of it and had to be read whole each time.
 *
 * What was written before there was a feed, or came from another server by a restore, has no transaction id that
 * means something here.  It is history.  One statement notes, once, how far each pair's history reaches; what that
 * statement does not see yet is written here and has a number.  So nobody who writes is held up by a feed that begins.
 * History is handed out first, by (at, user_id, seq).
 *
 * A token is worth something only where the past that it speaks of is still there.  It names server, database,
 * timeline and origin, and its last entry must exist as it was.  So that this says something of a past without
 * entries, too, a token without a last entry never moves on.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "base/arguments.h"
#include "base/guc.h"
#include "base/own_locks.h"
#include "base/rows.h"
#include "base/statements.h"
#include "base/surface.h"
#include "base/under_way.h"
#include "board/board.h"
#include "course/course.h"

#define EVENTS_LIMIT 10000
/* So long somebody waits while another session begins the feed. */
#define BEGINNING_MILLISECONDS 1000

typedef enum StatementId
{
	ORIGIN,
	BEGIN_ORIGIN,
	BEGIN_HISTORY,
	STATE,
	IS_THERE,
	FIRST_WITHHELD,
	LAST_ENTRY,
	HISTORY,
	WINDOW,
	STATEMENT_COUNT
} StatementId;

/*
 * $1 group, $2 until when, $3 staff?, $4 $5 $6 behind which entry, $7 how many.  What is aggregated comes in order, and
 * is not sorted once more for each of them.  A page ends where its reasons have PAGE_BYTES; its first entry is always
 * on it.  Last comes whether it ended so.
 */
#define EVENTS(source)                                                                             \
	"SELECT coalesce(array_agg(ROW(user_id, group_id, seq, delta, balance, kind,"                  \
	"   CASE WHEN $3 THEN source_id END, CASE WHEN $3 THEN actor END,"                             \
	"   CASE WHEN $3 THEN reason END, at, CASE WHEN $3 THEN via END)::edurange.event), '{}'),"     \
	"  count(*), max(at), (array_agg(user_id))[count(*)], (array_agg(seq))[count(*)],"             \
	"  coalesce(sum(bytes) >= " PAGE_BYTES ", false)"                                              \
	" FROM (SELECT *, sum(bytes) OVER (ORDER BY at, user_id, seq"                                  \
	"   ROWS UNBOUNDED PRECEDING) AS so_far FROM (SELECT l.*,"                                     \
	"   CASE WHEN $3 THEN coalesce(octet_length(l.reason), 0) ELSE 0 END AS bytes"                 \
	"   FROM " source " AND l.at <= $2 AND (l.at, l.user_id, l.seq) > ($4, $5, $6)"                \
	"   ORDER BY l.at, l.user_id, l.seq LIMIT $7) e) e WHERE so_far - bytes < " PAGE_BYTES
#define OF_WINDOW(from)                                                                            \
	"edurange.points_ledger l LEFT JOIN edurange.feed_history h"                                   \
	"  ON h.group_id = l.group_id AND h.user_id = l.user_id"                                       \
	" WHERE l.group_id = $1 AND l.seq > coalesce(h.seq, 0) AND l.xid >= " from

static Statement statements[STATEMENT_COUNT] = {
    [ORIGIN] = {"SELECT at FROM edurange.feed_origin WHERE server = $1", {TEXTOID}, .newest = true},
    [BEGIN_ORIGIN] = {"INSERT INTO edurange.feed_origin (server, at) VALUES ($1, clock_timestamp())"
                      " ON CONFLICT (only_row) DO UPDATE SET server = $1, at = clock_timestamp()",
                      {TEXTOID},
                      .must_write = true},
    [BEGIN_HISTORY] = {"WITH gone AS (DELETE FROM edurange.feed_history h WHERE NOT EXISTS"
                       "  (SELECT FROM edurange.standing s"
                       "   WHERE s.group_id = h.group_id AND s.user_id = h.user_id))"
                       " INSERT INTO edurange.feed_history (group_id, user_id, seq)"
                       " SELECT group_id, user_id, seq FROM edurange.standing WHERE seq > 0"
                       " ON CONFLICT (group_id, user_id) DO UPDATE SET seq = excluded.seq",
                       {InvalidOid}},
    /* $1 group, $2 what is under way: the last entry that is certain, and how long one has been waiting for that */
    [STATE] = {"SELECT coalesce((SELECT l.xid FROM edurange.points_ledger l"
               "  WHERE l.group_id = $1 AND l.xid < $2 ORDER BY l.xid DESC LIMIT 1), 0),"
               " coalesce((SELECT extract(epoch FROM clock_timestamp() - l.at)"
               "  FROM " OF_WINDOW("$2") " ORDER BY l.xid LIMIT 1), 0)::float8",
               {TEXTOID, INT8OID},
               .reads = true,
               .by_key = true},
    [IS_THERE] = {"SELECT 1 FROM edurange.points_ledger"
                  " WHERE user_id = $1 AND group_id = $2 AND seq = $3 AND at = $4",
                  {TEXTOID, TEXTOID, INT8OID, TIMESTAMPTZOID},
                  .by_key = true},
    /* $1 group, $2 until when, $3 from */
    [FIRST_WITHHELD] = {"SELECT l.xid FROM " OF_WINDOW(
                            "$3") " AND l.at > $2 ORDER BY l.xid LIMIT 1",
                        {TEXTOID, TIMESTAMPTZOID, INT8OID},
                        .by_key = true},
    /* $1 group, $2 from, $3 to, $4 how many */
    [LAST_ENTRY] = {"SELECT max(xid) FROM (SELECT xid FROM edurange.points_ledger"
                    "  WHERE group_id = $1 AND xid >= $2 AND xid < $3 ORDER BY xid LIMIT $4) e",
                    {TEXTOID, INT8OID, INT8OID, INT4OID},
                    .by_key = true},
    [HISTORY] = {EVENTS("edurange.feed_history h JOIN edurange.points_ledger l"
                        "  ON l.user_id = h.user_id AND l.group_id = h.group_id AND l.seq <= h.seq"
                        " WHERE h.group_id = $1"),
                 {TEXTOID, TIMESTAMPTZOID, BOOLOID, TIMESTAMPTZOID, TEXTOID, INT8OID, INT4OID},
                 .by_key = true},
    /*
	 * $8 from, $9 to, $10 the latest time of what has an id before the window.  Times of a pair ascend, so that behind what
	 * is later than that nothing has such an id: from there back the last one that has is found soon.
	 */
    /* clang-format off */
    [WINDOW] = {EVENTS("(SELECT l.user_id, max(coalesce(h.seq, 0)) AS history, min(l.seq) AS first, max(l.seq) AS last"
                       "  FROM " OF_WINDOW("$8") " AND l.xid < $9 GROUP BY l.user_id) w"
                       " CROSS JOIN LATERAL (SELECT coalesce((SELECT n.seq FROM edurange.points_ledger n"
                       "   WHERE n.group_id = $1 AND n.user_id = w.user_id AND n.seq >= w.first"
                       "   AND n.at > $10 ORDER BY n.seq LIMIT 1), 9223372036854775807) AS seq OFFSET 0) AS later"
                       " CROSS JOIN LATERAL (SELECT coalesce((SELECT p.seq FROM edurange.points_ledger p"
                       "   WHERE p.group_id = $1 AND p.user_id = w.user_id AND p.seq > w.history AND p.seq < later.seq"
                       "   AND p.xid < $8 ORDER BY p.seq DESC LIMIT 1), w.history) AS seq OFFSET 0) AS before"
                       " JOIN edurange.points_ledger l ON l.group_id = $1 AND l.user_id = w.user_id"
                       "  AND l.seq > before.seq AND l.seq <= w.last WHERE true"),
                {TEXTOID, TIMESTAMPTZOID, BOOLOID, TIMESTAMPTZOID, TEXTOID, INT8OID, INT4OID, INT8OID, INT8OID,
                 TIMESTAMPTZOID},
                .by_key = true},
    /* clang-format on */
};

/* How far a reader is. */
typedef struct FeedToken
{
	Past past;
	TimestampTz origin;
	int is_live;        /* history is behind it */
	int64 from, to;     /* the window; both the same: it is done, and the next begins there */
	TimestampTz latest; /* of all entries of the windows so far */
	TimestampTz at;     /* of the last entry, ... */
	int64 seq;          /* ... its number, 0: none, ... */
	char *user_id;      /* ... and whose it is */
} FeedToken;

/* What is asked for. */
typedef struct Reading
{
	Oid list; /* the type of a list of events */
	const char *group_id;
	Sight sight;
	int32 limit;
	int64 newest; /* nothing of a later transaction is given */
	FeedToken token;
	NullableDatum events;
	int64 count;
	bool more;
} Reading;

static char *
token_text(const FeedToken *token, const char *group_id)
{
	char *plain = psprintf("1 %s %u " INT64_FORMAT " %d " INT64_FORMAT " " INT64_FORMAT
	                       " " INT64_FORMAT " " INT64_FORMAT " " INT64_FORMAT " %zu %s%s",
	                       token->past.server, token->past.timeline, token->origin, token->is_live,
	                       token->from, token->to, token->latest, token->at, token->seq,
	                       strlen(group_id), group_id, token->user_id);
	size_t length = strlen(plain);
	char *text = palloc(length * 2 + 1);

	text[hex_encode(plain, length, text)] = '\0';
	return text;
}

/* Reads what token_text() wrote for this competition; false where it is nothing such. */
static bool
read_token(const char *text, const char *group_id, FeedToken *token)
{
	size_t length = strlen(text);
	char *plain = palloc0(length / 2 + 1);
	size_t of_group;
	int ids = 0;

	if (length % 2 != 0 || strspn(text, "0123456789abcdef") != length)
		return false;
	hex_decode(text, length, plain);
	if (sscanf(plain,
	           "1 %63s %u " INT64_FORMAT " %d " INT64_FORMAT " " INT64_FORMAT " " INT64_FORMAT
	           " " INT64_FORMAT " " INT64_FORMAT " %zu%n",
	           token->past.server, &token->past.timeline, &token->origin, &token->is_live,
	           &token->from, &token->to, &token->latest, &token->at, &token->seq, &of_group,
	           &ids) != 10 ||
	    plain[ids++] != ' ' || of_group != strlen(group_id) ||
	    strncmp(plain + ids, group_id, of_group) != 0)
		return false;
	token->user_id = plain + ids + of_group;
	return pg_verify_mbstr(GetDatabaseEncoding(), token->user_id, strlen(token->user_id), true);
}

/* The origin of this server's feed; it begins with who asks first. */
static TimestampTz
find_origin(const char *server)
{
	if (STATEMENT_RUN(&statements[ORIGIN], value_text(server)) == 0)
	{
		if (IsolationUsesXactSnapshot())
			raise_error(EDURANGE_TRY_AGAIN,
			            "a feed begins in a transaction of isolation level read committed");
		guc_limit_lock_wait(BEGINNING_MILLISECONDS);
		(void) lock_take(LOCK_FEED, 0, true);
		if (STATEMENT_RUN(&statements[ORIGIN], value_text(server)) == 0)
		{
			statement_run(&statements[BEGIN_HISTORY], NULL, 0);
			STATEMENT_RUN(&statements[BEGIN_ORIGIN], value_text(server));
			STATEMENT_RUN(&statements[ORIGIN], value_text(server));
		}
	}
	return row_time(0, 1);
}

/* Makes the token of who begins, or holds that of who comes back against what is here; returns what is done. */
static int64
find_place(Reading *reading, const char *since)
{
	FeedToken *token = &reading->token;
	FeedToken here = {.past = past_here(), .latest = DT_NOBEGIN, .user_id = ""};
	int64 done;

	here.origin = find_origin(here.past.server);
	done = first_under_way(IsolationUsesXactSnapshot() ? GetTransactionSnapshot()
	                                                   : GetLatestSnapshot());
	if (since == NULL)
		*token = here;
	else if (!read_token(since, reading->group_id, token))
		raise_error(EDURANGE_INVALID_PARAMETER, "parameter \"since_token\" must be the"
		                                        " \"sinceToken\" of a page of this competition");
	else if (strcmp(token->past.server, here.past.server) != 0 ||
	         token->past.timeline != here.past.timeline || token->origin != here.origin ||
	         token->to > done ||
	         (token->seq > 0 && STATEMENT_RUN(&statements[IS_THERE], value_text(token->user_id),
	                                          value_text(reading->group_id), value_long(token->seq),
	                                          value_time(token->at)) == 0))
		raise_error(EDURANGE_START_ANEW,
		            "parameter \"since_token\" is of another server or of a past that is gone;"
		            " begin without one");
	return done;
}

/* Reads entries behind the token's, or all; what was read is noted, and where the token stands with it. */
static void
read_events(Reading *reading, StatementId statement, bool behind, int64 from, int64 to)
{
	FeedToken *token = &reading->token;
	NullableDatum arguments[] = {
	    value_text(reading->group_id),
	    reading->sight.until.isnull ? value_time(DT_NOEND) : reading->sight.until,
	    value_bool(reading->sight.is_staff),
	    value_time(behind ? token->at : DT_NOBEGIN),
	    value_text(behind ? token->user_id : ""),
	    value_long(behind ? token->seq : 0),
	    value_int(reading->limit),
	    value_long(from),
	    value_long(to),
	    value_time(token->latest),
	};

	statement_run(&statements[statement], arguments,
	              statement == WINDOW ? lengthof(arguments) : lengthof(arguments) - 3);
	reading->count = row_long(0, 2);
	reading->events = row_result(0, 1, reading->list);
	if (reading->count == 0)
		return;
	reading->more = reading->count == reading->limit || row_bool(0, 6);
	token->at = row_time(0, 3);
	token->user_id = row_text(0, 4);
	token->seq = row_long(0, 5);
}

/* Reads on in history, and passes from it to what was written since where that is all. */
static void
read_history(Reading *reading)
{
	FeedToken *token = &reading->token;

	read_events(reading, HISTORY, token->seq > 0, 0, 0);
	/* what was frozen before there was a feed is withheld history: nothing behind it is shown, either */
	if (reading->more || (!reading->sight.until.isnull &&
	                      DatumGetTimestampTz(reading->sight.until.value) <= token->origin))
		return;
	token->is_live = 1;
	reading->more = reading->count > 0;
}

/* The transaction that a statement found, or another number where it found none. */
static int64
found_xid(int64 otherwise)
{
	bool is_null;
	Datum xid = row_value(0, 1, INT8OID, &is_null);

	return is_null ? otherwise : DatumGetInt64(xid);
}

/* The first transaction that wrote something behind the freeze, from the beginning of the window on. */
static int64
first_withheld(const Reading *reading)
{
	if (reading->sight.until.isnull)
		return PG_INT64_MAX;
	if (STATEMENT_RUN(&statements[FIRST_WITHHELD], value_text(reading->group_id),
	                  reading->sight.until, value_long(reading->token.from)) == 0)
		return PG_INT64_MAX;
	return row_long(0, 1);
}

/* The end of a window that opens: behind the last of as many entries as a page has, or of those before that number. */
static int64
window_end(const Reading *reading, int64 before)
{
	int64 from = reading->token.from;

	STATEMENT_RUN(&statements[LAST_ENTRY], value_text(reading->group_id), value_long(from),
	              value_long(before), value_int(reading->limit));
	return found_xid(from - 1) + 1;
}

/*
 * Reads on in a window, or opens the next ones, up to what is done, until something is read.  While the board is frozen
 * a window ends before what is withheld; one that was opened before stays open while something in it is.
 */
static void
read_windows(Reading *reading, int64 done)
{
	FeedToken *token = &reading->token;
	int64 withheld = first_withheld(reading);
	int64 end = Min(Min(done, withheld), reading->newest + 1);

	for (;;)
	{
		bool opens = token->from == token->to;
		int64 to = opens ? window_end(reading, end) : token->to;

		CHECK_FOR_INTERRUPTS();
		if (to == token->from)
			return;
		read_events(reading, WINDOW, !opens, token->from, to);
		token->to = to;
		if (reading->more || withheld < to)
			return;
		token->from = to;
		if (token->seq > 0)
			token->latest = Max(token->latest, token->at);
		if (reading->count > 0)
		{
			reading->more = window_end(reading, end) > to;
			return;
		}
	}
}

SQL_FUNCTION(edurange_events)
{
	Reading reading = {.group_id = required_text(fcinfo, 0, "group_id")};
	char *since = optional_text(fcinfo, 1);
	bool is_public = optional_flag(fcinfo, 3);
	Refusal refusal = {0};
	NullableDatum token;
	TupleDesc page;
	Caller caller;
	int64 done;

	reading.limit = int_between(fcinfo, 2, "limit", 1, EVENTS_LIMIT);
	reading.newest = PG_ARGISNULL(4) ? PG_INT64_MAX - 1 : Min(PG_GETARG_INT64(4), PG_INT64_MAX - 1);
	(void) get_call_result_type(fcinfo, NULL, &page);
	reading.list = TupleDescAttr(page, 0)->atttypid;
	reading.events.value = PointerGetDatum(construct_empty_array(get_element_type(reading.list)));
	caller_read(&caller, fcinfo, 5);
	statements_begin();
	if (!board_find(&caller, is_public, reading.group_id, &reading.sight, &refusal))
		raise_refusal(&refusal);
	if (RecoveryInProgress())
		raise_error(EDURANGE_READ_ONLY, "the feed is on the primary server");
	done = find_place(&reading, since != NULL && since[0] != '\0' ? since : NULL);
	if (!reading.token.is_live)
		read_history(&reading);
	if (reading.token.is_live && reading.count == 0)
		read_windows(&reading, done);
	token = value_text(token_text(&reading.token, reading.group_id));
	token.value = SPI_datumTransfer(token.value, false, -1);
	statements_end();
	return composite_result(fcinfo,
	                        (NullableDatum[]){reading.events, token, value_bool(reading.more)}, 3);
}

/*
 * What others but staff see may also be more since a freeze has ended.  History comes before the first mark, when whoever
 * waits asks in any case.
 */
SQL_FUNCTION(edurange_feed_state)
{
	char *group_id = required_text(fcinfo, 0, "group_id");
	Refusal refusal = {0};
	NullableDatum values[] = {value_text(group_id), value_null(), value_null(), value_null()};
	Past past = past_here();
	NullableDatum until;
	Caller caller;

	caller_read(&caller, fcinfo, 1);
	statements_begin();
	if (!caller_sees_competition(&caller, group_id, &refusal))
		raise_refusal(&refusal);
	until = board_sight_of(group_id, false).until;
	STATEMENT_RUN(&statements[STATE], value_text(group_id),
	              value_long(first_under_way(GetActiveSnapshot())));
	values[2] = row_argument(0, 1, INT8OID);
	values[3] = row_result(0, 2, FLOAT8OID);
	values[1] = value_text(psprintf("%s %u " INT64_FORMAT " " INT64_FORMAT, past.server,
	                                past.timeline, row_long(0, 1),
	                                until.isnull ? DT_NOEND : DatumGetTimestampTz(until.value)));
	values[1].value = SPI_datumTransfer(values[1].value, false, -1);
	statements_end();
	return composite_result(fcinfo, values, lengthof(values));
}
