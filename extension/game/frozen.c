/*
 * frozen.c
 *	  The board as it was when it was frozen, for many who ask.
 *
 * Where a pair has changed since the instant, its head of then is looked up in the ledger: one look-up a pair, which
 * late in a freeze means every member.  What each had completed is counted.  Neither ever changes again once all
 * transactions have ended that were under way a second after the instant, until when completions may be dated before it:
 * the times of a pair's entries, and of its changes, ascend.  So a session finds it once for all pairs of a board, keeps that
 * in the board's order, and reads a page from it as it would from an index.
 *
 * Who is a member and not hidden, and what everybody is called, is asked each time.  A pair that is new is noticed by
 * their number: pairs never go.  What counts are the challenges that the competition has now.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/array.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "base/rows.h"
#include "base/statements.h"
#include "base/under_way.h"
#include "game/board_order.h"
#include "game/frozen.h"
#include "game/heads.h"

#define BOARDS 4    /* of which a session keeps something */
#define PAIRS 10000 /* of each, at most */
#define SPARE 64    /* pairs that are read beyond a page, as some may be no members any more */

typedef enum StatementId
{
	LOOK,
	FIND,
	PAGE,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* $1 group: how many pairs it has, and which challenges */
    [LOOK] = {"SELECT (SELECT count(*) FROM edurange.standing WHERE group_id = $1),"
              " (SELECT coalesce(string_agg(gc.id, ' ' ORDER BY gc.id), '')"
              "  FROM public.\"GroupChallenge\" gc WHERE gc.\"groupId\" = $1)",
              {TEXTOID},
              .reads = true,
              .by_key = true},
    /* $1 group, $2 until when */
    /* clang-format off */
    [FIND] = {"SELECT user_id, points, reached_at,"
              " (SELECT count(*) FROM " COMPLETED_AT("s.user_id", "$2", NONE_CHANGED_SINCE("$1", "$2")) " c"
              "  JOIN public.\"GroupChallenge\" gc ON gc.id = c.placement WHERE gc.\"groupId\" = $1)"
              " FROM " STANDING_AT("$1", "$2", "false") " AS s ORDER BY " BOARD_ORDER,
              {TEXTOID, TIMESTAMPTZOID},
              .reads = true,
              .by_key = true},
    /* clang-format on */
    /*
	 * $1 group, $2 $3 $4 $5 the first pairs, $6 limit, $7 offset.  It is planned for as many as they are, as the live
	 * board is.
	 */
    [PAGE] = {"SELECT $7 + row_number() OVER (ORDER BY p.n), p.user_id, u.name, p.points,"
              " p.completed, p.reached_at"
              " FROM (SELECT k.* FROM unnest($2, $3, $4, $5)"
              "   WITH ORDINALITY AS k (user_id, points, reached_at, completed, n)"
              "  WHERE k.user_id NOT IN (SELECT s.user_id FROM edurange.standing s"
              "   WHERE s.group_id = $1 AND (NOT s.member OR s.hidden))"
              "  ORDER BY k.n LIMIT $6 OFFSET $7) p"
              " LEFT JOIN public.\"User\" u ON u.id = p.user_id ORDER BY 1",
              {TEXTOID, TEXTARRAYOID, INT4ARRAYOID, TIMESTAMPTZARRAYOID, INT8ARRAYOID, INT4OID,
               INT8OID},
              .reads = true},
};

/* What is kept of a board. */
typedef struct Kept
{
	MemoryContext context; /* NULL: nothing */
	char group_id[NAMEDATALEN];
	TimestampTz until;
	uint64 certain; /* when no transaction before that is under way, nothing comes to it any more */
	char *placements;
	int count; /* pairs, in the order of the board: */
	Datum *users;
	Datum *points;
	Datum *reached;
	bool *not_reached;
	Datum *completed;
} Kept;

static Kept boards[BOARDS];
static Oid ledger;  /* from which they were found, ... */
static Oid changes; /* ... with what happened to completions; ... */
static bool stale;  /* ... either may be another one now */

/* Callback: a relation is not as it was, or none may be. */
static void
note_change(Datum argument, Oid relation)
{
	stale = stale || !OidIsValid(relation) || relation == ledger || relation == changes;
}

static void
forget(Kept *kept)
{
	if (kept->context != NULL)
		MemoryContextDelete(kept->context);
	*kept = (Kept){0};
}

/* Forgets everything where the ledger, or what happened to completions, was altered, emptied or replaced. */
static void
forget_what_is_stale(void)
{
	static bool is_watched = false;
	Oid schema = get_namespace_oid("edurange", false);

	if (!is_watched)
		CacheRegisterRelcacheCallback(note_change, (Datum) 0);
	is_watched = true;
	for (int i = 0; stale && i < BOARDS; i++)
		forget(&boards[i]);
	stale = false;
	ledger = get_relname_relid("points_ledger", schema);
	changes = get_relname_relid("completion_change", schema);
}

/* The place of a board, in the stead of another one where it has none; it may be empty. */
static Kept *
find_kept(const char *group_id, TimestampTz until)
{
	static int newest = 0;

	for (int i = 0; i < BOARDS; i++)
		if (boards[i].until == until && strcmp(boards[i].group_id, group_id) == 0)
			return &boards[i];
	newest = (newest + 1) % BOARDS;
	forget(&boards[newest]);
	strlcpy(boards[newest].group_id, group_id, NAMEDATALEN);
	boards[newest].until = until;
	return &boards[newest];
}

/* Does nothing come to it any more that the snapshot does not have? */
static bool
is_certain(Kept *kept, Snapshot snapshot)
{
	/* (of a snapshot it would be too early: it may have been taken before the instant) */
	if (kept->certain == 0 && GetCurrentTimestamp() > kept->until + COMPLETED_JUST_NOW)
		kept->certain = U64FromFullTransactionId(ReadNextFullTransactionId());
	/* what a transaction has written itself may still be undone */
	return kept->certain != 0 && (uint64) first_under_way(snapshot) >= kept->certain &&
	       !TransactionIdIsValid(GetTopTransactionIdIfAny());
}

/* Finds all pairs of a board, of these placements, and keeps them. */
static void
keep(Kept *kept, int count, const char *placements)
{
	Kept found = *kept;
	MemoryContext caller;
	bool is_null;

	if (STATEMENT_RUN(&statements[FIND], value_text(kept->group_id), value_time(kept->until)) !=
	    (uint64) count)
		elog(ERROR, "a board has another number of pairs in the same snapshot");
	found.context =
	    AllocSetContextCreate(CurrentMemoryContext, "edurange frozen board", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(found.context);
	found.placements = pstrdup(placements);
	found.count = count;
	found.users = palloc(count * sizeof(Datum));
	found.points = palloc(count * sizeof(Datum));
	found.reached = palloc(count * sizeof(Datum));
	found.not_reached = palloc(count * sizeof(bool));
	found.completed = palloc(count * sizeof(Datum));
	for (int i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		/* with a long header, as making an array would put copies into the place of others */
		found.users[i] = PointerGetDatum(PG_DETOAST_DATUM_COPY(row_value(i, 1, TEXTOID, &is_null)));
		found.points[i] = Int32GetDatum(row_int(i, 2));
		found.reached[i] = row_value(i, 3, TIMESTAMPTZOID, &found.not_reached[i]);
		found.completed[i] = Int64GetDatum(row_long(i, 4));
	}
	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(found.context, TopMemoryContext);
	if (kept->context != NULL)
		MemoryContextDelete(kept->context);
	*kept = found;
}

/* The first so many values of what is kept, as an argument. */
static NullableDatum
first_values(Datum *values, bool *nulls, int count, Oid type, int16 length, char align)
{
	int lower = 1;
	NullableDatum array = {0};

	array.value = PointerGetDatum(
	    construct_md_array(values, nulls, 1, &count, &lower, type, length, length > 0, align));
	return array;
}

/* Lists a page: of the first pairs, and of more where too few of those are members. */
static void
list_page(FunctionCallInfo fcinfo, const Kept *kept, int32 limit, int64 offset)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int64 wanted = limit + offset + SPARE;
	uint64 found;

	do
	{
		int count = (int) Min(wanted, kept->count);

		if (result->setResult != NULL)
			tuplestore_clear(result->setResult);
		found = STATEMENT_LIST(
		    fcinfo, &statements[PAGE], value_text(kept->group_id),
		    first_values(kept->users, NULL, count, TEXTOID, -1, TYPALIGN_INT),
		    first_values(kept->points, NULL, count, INT4OID, sizeof(int32), TYPALIGN_INT),
		    first_values(kept->reached, kept->not_reached, count, TIMESTAMPTZOID,
		                 sizeof(TimestampTz), TYPALIGN_DOUBLE),
		    first_values(kept->completed, NULL, count, INT8OID, sizeof(int64), TYPALIGN_DOUBLE),
		    value_int(limit), value_long(offset));
		wanted *= 4;
	} while (found < (uint64) limit && wanted / 4 < kept->count);
}

bool
frozen_board_list(FunctionCallInfo fcinfo, const char *group_id, NullableDatum until, int32 limit,
                  int64 offset)
{
	int64 count;
	char *placements;
	Kept *kept;

	/* a standby does not know what was under way on its primary */
	if (RecoveryInProgress() || strlen(group_id) >= NAMEDATALEN)
		return false;
	forget_what_is_stale();
	kept = find_kept(group_id, DatumGetTimestampTz(until.value));
	STATEMENT_RUN(&statements[LOOK], value_text(group_id));
	count = row_long(0, 1);
	placements = row_text(0, 2);
	if (kept->context == NULL || kept->count != count || strcmp(kept->placements, placements) != 0)
	{
		if (count == 0 || count > PAIRS || !is_certain(kept, GetActiveSnapshot()))
			return false;
		keep(kept, (int) count, placements);
	}
	list_page(fcinfo, kept, limit, offset);
	return true;
}
