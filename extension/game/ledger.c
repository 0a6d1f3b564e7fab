/*
 * ledger.c
 *	  Totals and their ledger: the one way to change a total, and the triggers that record it.
 *
 * Every change of public."GroupPoints" becomes a row of edurange.points_ledger through triggers, so
 * that a direct write of somebody else is recorded, too (kind external).  edurange.standing holds
 * the head of each pair's ledger and is the board.
 *
 * By the order of locks (calls/locks.h) a pair's total is locked before its standing, also by the trigger
 * on "_GroupMembers": a deleted user's rows go away in just that order while awards wait for them.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "base/ids.h"
#include "base/rows.h"
#include "base/shapes.h"
#include "base/statements.h"
#include "base/surface.h"
#include "base/triggers.h"
#include "calls/caller.h"
#include "calls/locks.h"
#include "game/entries.h"
#include "game/ledger.h"

/* After so many turns it is a trigger that keeps the row out, not somebody faster. */
#define CHANGE_TURNS 10

/* Of the pair of a change c. */
#define REACHED_OF_PAIR REACHED_BY_SUMS("c.user_id", "c.group_id")
/* What entries.c notes beside each entry. */
#define TOP_XID "pg_current_xact_id()::text::bigint"

/* After TRUNCATE, which holds the table of totals: a closing entry for whoever had points.  $1 clock, $2 actor */
#define CLOSES_ALL(column, value)                                                                  \
	"WITH old AS (SELECT group_id, user_id, points FROM edurange.standing"                         \
	" WHERE points <> 0 FOR UPDATE),"                                                              \
	" head AS (UPDATE edurange.standing AS s SET points = 0, seq = s.seq + 1,"                     \
	" changed_at = greatest($1, s.changed_at),"                                                    \
	" reached_at = greatest($1, s.changed_at) FROM old"                                            \
	" WHERE s.group_id = old.group_id AND s.user_id = old.user_id"                                 \
	" RETURNING s.user_id, s.group_id, s.seq, old.points, s.changed_at)"                           \
	" INSERT INTO edurange.points_ledger"                                                          \
	" (user_id, group_id, seq, delta, balance, kind, actor, at" column ")"                         \
	" SELECT user_id, group_id, seq, -points::bigint, 0, 'removed', $2, changed_at" value          \
	" FROM head"

typedef enum StatementId
{
	CHANGE_TOTAL,
	LOCK_TOTAL,
	INSERT_TOTAL,
	OPEN_TOTALS,
	NOTE_RESET,
	CLOSE_ALL,
	CLOSE_ALL_OF_BEFORE,
	HAS_POINTS,
	SET_MEMBER,
	CLEAR_MEMBERS,
	HAS_MEMBERS,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* $1 user, $2 group, $3 amount, $4 whether it is relative */
    [CHANGE_TOTAL] = {"UPDATE public.\"GroupPoints\" AS p"
                      " SET points = CASE WHEN $4 THEN p.points + $3 ELSE $3 END,"
                      " \"updatedAt\" = " UTC_CLOCK
                      " WHERE p.\"userId\" = $1 AND p.\"groupId\" = $2"
                      " AND (NOT $4 OR p.points::bigint + $3 BETWEEN -2147483648 AND 2147483647)"
                      " RETURNING " GROUP_POINTS_ROW,
                      {TEXTOID, TEXTOID, INT4OID, BOOLOID},
                      .by_key = true},
    /* The pair's total, before its standing. */
    [LOCK_TOTAL] = {"SELECT points FROM public.\"GroupPoints\""
                    " WHERE \"userId\" = $1 AND \"groupId\" = $2 FOR UPDATE",
                    {TEXTOID, TEXTOID},
                    .by_key = true},
    [INSERT_TOTAL] = {"INSERT INTO public.\"GroupPoints\" AS p"
                      " (id, points, \"userId\", \"groupId\", \"createdAt\", \"updatedAt\")"
                      " SELECT $4, $3, $1, $2, now, now FROM " CLOCK_ROW
                      " ON CONFLICT (\"userId\", \"groupId\") DO NOTHING"
                      " RETURNING " GROUP_POINTS_ROW,
                      {TEXTOID, TEXTOID, INT4OID, TEXTOID},
                      .by_key = true,
                      .keys_held = true},
    /* $1 to $5 UNBALANCED_COLUMNS, $6 actor, $7 reason.  When the total was reached is the last time it changed. */
    [OPEN_TOTALS] =
        {"WITH change AS (SELECT c.user_id, c.group_id, c.points, c.delta,"
         "  greatest(l.seq, s.seq, 0) + 1 AS seq, greatest(c.at, l.at, s.changed_at) AS at,"
         "  CASE WHEN c.delta <> 0 THEN greatest(c.at, l.at, s.changed_at)"
         "   WHEN l.backdated THEN " REACHED_OF_PAIR " ELSE l.reached_at END AS reached_at,"
         "  coalesce(l.backdated, false) AS backdated"
         "  FROM unnest($1, $2, $3, $4, $5) AS c (user_id, group_id, points, delta, at)"
         "  LEFT JOIN edurange.standing s ON s.group_id = c.group_id AND s.user_id = c.user_id,"
         "  LATERAL (SELECT max(x.seq) AS seq, max(x.at) AS at,"
         "   max(x.at) FILTER (WHERE x.delta <> 0) AS reached_at,"
         "   bool_or(x.effective_at IS NOT NULL) AS backdated FROM edurange.points_ledger x"
         "   WHERE x.user_id = c.user_id AND x.group_id = c.group_id) l),"
         " head AS (INSERT INTO edurange.standing"
         "  (group_id, user_id, points, seq, reached_at, changed_at, backdated)"
         "  SELECT group_id, user_id, points, seq, reached_at, at, backdated FROM change"
         "  ON CONFLICT (group_id, user_id) DO UPDATE SET points = excluded.points,"
         "  seq = excluded.seq, reached_at = excluded.reached_at, changed_at = excluded.changed_at,"
         "  backdated = excluded.backdated)"
         " INSERT INTO edurange.points_ledger"
         " (user_id, group_id, seq, delta, balance, kind, actor, reason, at, xid)"
         " SELECT user_id, group_id, seq, delta, points, 'opening', $6, $7, at, " TOP_XID
         " FROM change",
         {TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID, TEXTOID,
          TEXTOID}},
    [NOTE_RESET] = {"INSERT INTO edurange.standing AS s (user_id, group_id, changed_at, reset_at)"
                    " VALUES ($1, $2, $3, $3) ON CONFLICT (group_id, user_id)"
                    " DO UPDATE SET reset_at = $3",
                    {TEXTOID, TEXTOID, TIMESTAMPTZOID},
                    .must_write = true},
    [CLOSE_ALL] = {CLOSES_ALL(", xid", ", " TOP_XID),
                   {TIMESTAMPTZOID, TEXTOID},
                   .before = &statements[CLOSE_ALL_OF_BEFORE]},
    /* The same before migrate(). */
    [CLOSE_ALL_OF_BEFORE] = {CLOSES_ALL("", ""), {TIMESTAMPTZOID, TEXTOID}},
    [HAS_POINTS] = {"SELECT 1 FROM edurange.standing WHERE points <> 0 LIMIT 1",
                    {InvalidOid},
                    .newest = true},
    /* $1 group, $2 user, $3 whether a member, $4 clock */
    [SET_MEMBER] = {"INSERT INTO edurange.standing AS s (group_id, user_id, member, changed_at)"
                    " VALUES ($1, $2, $3, $4)"
                    " ON CONFLICT (group_id, user_id) DO UPDATE SET member = $3",
                    {TEXTOID, TEXTOID, BOOLOID, TIMESTAMPTZOID},
                    .must_write = true},
    [CLEAR_MEMBERS] = {"UPDATE edurange.standing SET member = false WHERE member", {InvalidOid}},
    [HAS_MEMBERS] = {"SELECT 1 FROM edurange.standing WHERE member LIMIT 1",
                     {InvalidOid},
                     .newest = true},
};

/*
 * The entry that the statement under way belongs to: points to the stack of ledger_write(), for the
 * time of that one statement, and is taken by the first change of the matching pair.
 */
static const LedgerEntry *pending_entry = NULL;

/* Runs a statement that changes one total, with the entry's words at hand for the trigger. */
static uint64
ledger_write(const LedgerEntry *entry, Statement *statement, const NullableDatum *arguments,
             int count)
{
	const LedgerEntry *outer = pending_entry;
	volatile uint64 rows = 0;

	PG_TRY();
	{
		pending_entry = entry;
		rows = statement_run(statement, arguments, count);
	}
	PG_FINALLY();
	{
		pending_entry = outer;
	}
	PG_END_TRY();
	return rows;
}

/* Inserts the pair's total; false without a refusal when somebody else was faster. */
static bool
insert_total(const LedgerEntry *entry, int32 amount, Refusal *refusal)
{
	NullableDatum arguments[] = {value_text(entry->user_id), value_text(entry->group_id),
	                             value_int(amount), value_text(new_id())};

	if (!entry->is_play &&
	    (!lock_user(entry->user_id, refusal) || !lock_competition(entry->group_id, refusal)))
		return false;
	return ledger_write(entry, &statements[INSERT_TOTAL], arguments, lengthof(arguments)) > 0;
}

bool
ledger_change(const LedgerEntry *entry, LedgerChange change, int32 amount, Refusal *refusal)
{
	NullableDatum arguments[] = {value_text(entry->user_id), value_text(entry->group_id),
	                             value_int(amount), value_bool(change == LEDGER_ADD)};

	/* Each turn somebody else has inserted or deleted the pair's row meanwhile. */
	for (int turn = 0; turn < CHANGE_TURNS; turn++)
	{
		int64 total;

		CHECK_FOR_INTERRUPTS();
		if (ledger_write(entry, &statements[CHANGE_TOTAL], arguments, lengthof(arguments)) > 0)
			return true;
		if (STATEMENT_RUN(&statements[LOCK_TOTAL], arguments[0], arguments[1]) == 0)
		{
			if (insert_total(entry, amount, refusal))
				return true;
			if (refusal->error != EDURANGE_OK)
				return false;
			continue;
		}
		total = (int64) row_int(0, 1) + amount;
		if (change == LEDGER_ADD && (total < PG_INT32_MIN || total > PG_INT32_MAX))
			return refuse(refusal, EDURANGE_OUT_OF_RANGE,
			              "%s " INT64_FORMAT ", out of range for type integer",
			              entry->is_play ? "the total would be"
			                             : "parameter \"points\" would lead to a total of",
			              total);
	}
	row_kept_out("public.\"GroupPoints\"");
}

void
ledger_open_totals(const char *actor, const char *reason)
{
	NullableDatum change[LEDGER_OPEN_COLUMNS + 2];

	for (int i = 0; i < LEDGER_OPEN_COLUMNS; i++)
		change[i] = row_argument(0, i + 1, statements[OPEN_TOTALS].argument_types[i]);
	change[LEDGER_OPEN_COLUMNS] = value_text(actor);
	change[LEDGER_OPEN_COLUMNS + 1] = value_text(reason);
	statement_run(&statements[OPEN_TOTALS], change, lengthof(change));
}

/* Is this a total that somebody set to zero?  One that came to zero, was removed or moved is not. */
static bool
is_reset(const char *kind, int64 total)
{
	return total == 0 && (strcmp(kind, "external") == 0 || strcmp(kind, "set") == 0);
}

/* Writes one entry for a pair; a change from outside that is none leaves no entry. */
static void
record_change(const char *user_id, const char *group_id, int64 before, int64 total,
              const char *kind)
{
	Entry change = {
	    .user_id = user_id,
	    .group_id = group_id,
	    .delta = total - before,
	    .total = (int32) total,
	    .kind = kind,
	};
	const LedgerEntry *entry = pending_entry;
	bool ours = entry != NULL && strcmp(entry->user_id, user_id) == 0 &&
	            strcmp(entry->group_id, group_id) == 0;

	if (ours)
	{
		pending_entry = NULL;
		change.kind = entry->kind;
		change.source_id = entry->source_id;
		change.actor = entry->actor;
		change.via = entry->via;
		change.reason = entry->reason;
		change.effective_at = entry->effective_at;
	}
	else
		change.actor = caller_role_actor();
	if (ours || change.delta != 0)
		entries_add(&change);
	if (is_reset(change.kind, total))
		STATEMENT_RUN(&statements[NOTE_RESET], value_text(user_id), value_text(group_id),
		              value_time(ours ? time_that_divides() : GetCurrentTimestamp()));
}

/* The total of a trigger's tuple. */
static int64
tuple_points(TriggerData *trigger, HeapTuple tuple)
{
	return DatumGetInt32(tuple_value(trigger, tuple, "points", INT4OID));
}

/* A total that moved to another pair: one entry closes the old pair, one opens the new. */
static void
record_move(TriggerData *trigger, const char *user_id, const char *group_id)
{
	char *new_user = tuple_text(trigger, trigger->tg_newtuple, "userId");
	char *new_group = tuple_text(trigger, trigger->tg_newtuple, "groupId");

	record_change(user_id, group_id, tuple_points(trigger, trigger->tg_trigtuple), 0, "moved");
	record_change(new_user, new_group, 0, tuple_points(trigger, trigger->tg_newtuple), "moved");
}

/* The change of one row of public."GroupPoints". */
static void
record_row(TriggerData *trigger)
{
	char *user_id = tuple_text(trigger, trigger->tg_trigtuple, "userId");
	char *group_id = tuple_text(trigger, trigger->tg_trigtuple, "groupId");
	int64 points = tuple_points(trigger, trigger->tg_trigtuple);

	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		record_change(user_id, group_id, 0, points, "external");
	else if (TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		record_change(user_id, group_id, points, 0, "removed");
	else if (strcmp(user_id, tuple_text(trigger, trigger->tg_newtuple, "userId")) != 0 ||
	         strcmp(group_id, tuple_text(trigger, trigger->tg_newtuple, "groupId")) != 0)
		record_move(trigger, user_id, group_id);
	else
		record_change(user_id, group_id, points, tuple_points(trigger, trigger->tg_newtuple),
		              "external");
}

/* After a change of all pairs: a snapshot that is older than one of them has left it out. */
static void
check_none(StatementId left)
{
	if (IsolationUsesXactSnapshot() && statement_run(&statements[left], NULL, 0) > 0)
		row_unseen("edurange.standing");
}

SQL_TRIGGER(edurange_group_points_changed)
{
	TriggerData *trigger = trigger_data(fcinfo, TRIGGER_EVENT_AFTER);

	statements_begin();
	if (TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		record_row(trigger);
	else
	{
		STATEMENT_RUN(&statements[CLOSE_ALL], value_time(GetCurrentTimestamp()),
		              value_text(caller_role_actor()));
		check_none(HAS_POINTS);
	}
	statements_end();
	return PointerGetDatum(NULL);
}

/* Puts one user on or off a competition's board. */
static void
record_membership(TriggerData *trigger, HeapTuple tuple, bool member)
{
	NullableDatum group_id = value_text(tuple_text(trigger, tuple, "A"));
	NullableDatum user_id = value_text(tuple_text(trigger, tuple, "B"));

	STATEMENT_RUN(&statements[LOCK_TOTAL], user_id, group_id);
	STATEMENT_RUN(&statements[SET_MEMBER], group_id, user_id, value_bool(member),
	              value_time(GetCurrentTimestamp()));
}

SQL_TRIGGER(edurange_group_members_changed)
{
	TriggerData *trigger = trigger_data(fcinfo, TRIGGER_EVENT_AFTER);

	statements_begin();
	if (!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
	{
		statement_run(&statements[CLEAR_MEMBERS], NULL, 0);
		check_none(HAS_MEMBERS);
	}
	else
	{
		record_membership(trigger, trigger->tg_trigtuple,
		                  TRIGGER_FIRED_BY_INSERT(trigger->tg_event));
		if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
			record_membership(trigger, trigger->tg_newtuple, true);
	}
	statements_end();
	return PointerGetDatum(NULL);
}
