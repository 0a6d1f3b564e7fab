/*
 * entries.c
 *	  The rows of the ledger: written at once, or for a batch of calls all together at its end.
 *
 * Each pair of user and competition has a head in edurange.standing, with its total and the number of
 * its last entry.  Recording changes of a pair moves its head on once and adds one row for each.  The
 * calls of a batch share a transaction, so that nobody outside can tell when in it that was done; what
 * starting a statement costs is then paid once instead of once a call.
 *
 * Whoever changes a pair's total holds the lock of its row in "GroupPoints", so that nobody else moves
 * its head meanwhile.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/own_rows.h"
#include "base/refusal.h"
#include "base/rows.h"
#include "base/statements.h"
#include "game/entries.h"

#define FIRST_ROOM 64

typedef enum StatementId
{
	MOVE_HEAD,
	MOVE_HEAD_OF_BEFORE,
	PUT_HEAD,
	PUT_HEAD_OF_BEFORE,
	REACHED,
	STATEMENT_COUNT
} StatementId;

/* The time of an entry: now, but never before the pair's previous one. */
#define ENTRY_TIME "greatest($5, s.changed_at)"
#define NEXT_HEAD                                                                                  \
	"points = $3, seq = s.seq + $4, changed_at = " ENTRY_TIME ","                                  \
	" reached_at = CASE WHEN $6 THEN " ENTRY_TIME " ELSE s.reached_at END"
#define HEAD "s.seq, s.changed_at"
#define HEAD_TYPES TEXTOID, TEXTOID, INT4OID, INT8OID, TIMESTAMPTZOID, BOOLOID

/* $1 user, $2 group, $3 total, $4 entries, $5 clock, $6 whether one of them changed it */
#define MOVES_HEAD(more, returned)                                                                 \
	"UPDATE edurange.standing AS s SET " NEXT_HEAD more                                            \
	" WHERE s.group_id = $2 AND s.user_id = $1 RETURNING " HEAD ", " returned
#define PUTS_HEAD(column, value, more, returned)                                                   \
	"INSERT INTO edurange.standing AS s"                                                           \
	" (user_id, group_id, points, seq, changed_at, reached_at" column ")"                          \
	" VALUES ($1, $2, $3, $4, $5, CASE WHEN $6 THEN $5 END" value ")"                              \
	" ON CONFLICT (group_id, user_id) DO UPDATE SET " NEXT_HEAD more " RETURNING " HEAD            \
	", " returned
#define BACKDATED ", backdated = s.backdated OR $7"

static Statement statements[STATEMENT_COUNT] = {
    /* $7 whether one of them counts from earlier on */
    [MOVE_HEAD] = {MOVES_HEAD(BACKDATED, "s.backdated"),
                   {HEAD_TYPES, BOOLOID},
                   .by_key = true,
                   .before = &statements[MOVE_HEAD_OF_BEFORE]},
    [PUT_HEAD] = {PUTS_HEAD(", backdated", ", $7", BACKDATED, "s.backdated"),
                  {HEAD_TYPES, BOOLOID},
                  .by_key = true,
                  .must_write = true,
                  .before = &statements[PUT_HEAD_OF_BEFORE]},
    /* The same before migrate(). */
    [MOVE_HEAD_OF_BEFORE] = {MOVES_HEAD("", "false"), {HEAD_TYPES, BOOLOID}, .by_key = true},
    [PUT_HEAD_OF_BEFORE] = {PUTS_HEAD("", "", "", "false"),
                            {HEAD_TYPES, BOOLOID},
                            .by_key = true,
                            .must_write = true},
    [REACHED] = {"UPDATE edurange.standing SET reached_at = " REACHED_BY_SUMS(
                     "$1", "$2") " WHERE group_id = $2 AND user_id = $1",
                 {TEXTOID, TEXTOID},
                 .by_key = true,
                 .must_write = true},
};

/* The columns of the ledger. */
enum
{
	USER_ID,
	GROUP_ID,
	SEQ,
	DELTA,
	BALANCE,
	KIND,
	SOURCE_ID,
	ACTOR,
	REASON,
	AT,
	VIA, /* from here on: before migrate() the ledger lacks them */
	EFFECTIVE_AT,
	XID,
	COLUMNS
};

static const OwnColumn columns[COLUMNS] = {
    [USER_ID] = {"user_id", TEXTOID},
    [GROUP_ID] = {"group_id", TEXTOID},
    [SEQ] = {"seq", INT8OID},
    [DELTA] = {"delta", INT8OID},
    [BALANCE] = {"balance", INT4OID},
    [KIND] = {"kind", TEXTOID},
    [SOURCE_ID] = {"source_id", TEXTOID},
    [ACTOR] = {"actor", TEXTOID},
    [REASON] = {"reason", TEXTOID},
    [AT] = {"at", TIMESTAMPTZOID},
    [VIA] = {"via", TEXTOID},
    [EFFECTIVE_AT] = {"effective_at", TIMESTAMPTZOID},
    [XID] = {"xid", INT8OID},
};

/* The entries of a batch that is under way. */
static struct
{
	MemoryContext context; /* NULL: none is */
	Entry *entries;
	int count;
	int room;
} batch;

static int
compare_pairs(const Entry *one, const Entry *other)
{
	int order = strcmp(one->user_id, other->user_id);

	return order != 0 ? order : strcmp(one->group_id, other->group_id);
}

/* Orders pointers to entries by pair, and those of a pair as they came. */
static int
compare_entries(const void *a, const void *b)
{
	const Entry *one = *(Entry *const *) a;
	const Entry *other = *(Entry *const *) b;
	int order = compare_pairs(one, other);

	return order != 0 ? order : one < other ? -1 : 1;
}

/* The head of a pair before its entries are added. */
typedef struct Head
{
	int64 seq;
	NullableDatum at; /* the time of the entries */
	bool backdated;   /* some entry of the pair counts from earlier on */
} Head;

/* Moves the head of a pair on by its entries. */
static Head
move_head(const Entry **entries, int count, TimestampTz now)
{
	const Entry *last = entries[count - 1];
	bool changed = false;
	bool backdated = false;

	for (int i = 0; i < count; i++)
	{
		changed = changed || entries[i]->delta != 0;
		backdated = backdated || entries[i]->effective_at != 0;
	}
	NullableDatum head[] = {value_text(last->user_id), value_text(last->group_id),
	                        value_int(last->total),    value_long(count),
	                        value_time(now),           value_bool(changed),
	                        value_bool(backdated)};

	/* a member has a head already */
	if (statement_run(&statements[MOVE_HEAD], head, lengthof(head)) == 0)
		statement_run(&statements[PUT_HEAD], head, lengthof(head));
	return (Head){
	    .seq = row_long(0, 1) - count,
	    .at = value_time(row_time(0, 2)),
	    .backdated = row_bool(0, 3),
	};
}

static void
ledger_insert(OwnTable *ledger, const Entry *entry, int64 seq, NullableDatum at)
{
	const NullableDatum values[COLUMNS] = {
	    [USER_ID] = value_text(entry->user_id),
	    [GROUP_ID] = value_text(entry->group_id),
	    [SEQ] = value_long(seq),
	    [DELTA] = value_long(entry->delta),
	    [BALANCE] = value_int(entry->total),
	    [KIND] = value_text(entry->kind),
	    [SOURCE_ID] = value_text(entry->source_id),
	    [ACTOR] = value_text(entry->actor),
	    [REASON] = value_text(entry->reason),
	    [AT] = at,
	    [VIA] = value_text(entry->via),
	    /* the platform's times are rounded, and might be later */
	    [EFFECTIVE_AT] = entry->effective_at != 0
	                         ? value_time(Min(entry->effective_at, DatumGetTimestampTz(at.value)))
	                         : value_null(),
	    [XID] = value_long((int64) U64FromFullTransactionId(GetTopFullTransactionId())),
	};

	for (int i = ledger->count; i < XID; i++)
		if (!values[i].isnull)
			raise_error(EDURANGE_NOT_INSTALLED,
			            "column \"%s\" of edurange.points_ledger does not exist", columns[i].name);
	own_table_insert(ledger, values);
}

/* How many entries from the first on are of its pair. */
static int
count_of_pair(const Entry **sorted, int count)
{
	int next = 1;

	while (next < count && compare_pairs(sorted[0], sorted[next]) == 0)
		next++;
	return next;
}

/* Writes entries that are in the order in which they came. */
static void
write_entries(const Entry *entries, int count)
{
	const Entry **sorted = palloc(sizeof(Entry *) * count);
	const Entry **backdated = palloc(sizeof(Entry *) * count); /* one of each such pair */
	int backdated_count = 0;
	TimestampTz now = GetCurrentTimestamp();
	OwnTable ledger;

	for (int i = 0; i < count; i++)
		sorted[i] = &entries[i];
	qsort(sorted, count, sizeof(Entry *), compare_entries);
	own_table_open(&ledger, "points_ledger", columns, tables_are_migrated() ? COLUMNS : VIA);
	for (int first = 0, next; first < count; first = next)
	{
		Head head;

		next = first + count_of_pair(&sorted[first], count - first);
		head = move_head(&sorted[first], next - first, now);
		for (int i = first; i < next; i++)
			ledger_insert(&ledger, sorted[i], ++head.seq, head.at);
		if (head.backdated)
			backdated[backdated_count++] = sorted[first];
	}
	own_table_close(&ledger);
	for (int i = 0; i < backdated_count; i++)
		STATEMENT_RUN(&statements[REACHED], value_text(backdated[i]->user_id),
		              value_text(backdated[i]->group_id));
}

static const char *
copy_text(const char *text)
{
	return text != NULL ? MemoryContextStrdup(batch.context, text) : NULL;
}

void
entries_add(const Entry *entry)
{
	if (batch.context == NULL)
	{
		write_entries(entry, 1);
		return;
	}
	if (batch.count == batch.room)
	{
		batch.room = batch.room == 0 ? FIRST_ROOM : batch.room * 2;
		batch.entries = batch.entries == NULL
		                    ? MemoryContextAlloc(batch.context, sizeof(Entry) * batch.room)
		                    : repalloc(batch.entries, sizeof(Entry) * batch.room);
	}
	batch.entries[batch.count] = (Entry){
	    .user_id = copy_text(entry->user_id),
	    .group_id = copy_text(entry->group_id),
	    .delta = entry->delta,
	    .total = entry->total,
	    .kind = copy_text(entry->kind),
	    .source_id = copy_text(entry->source_id),
	    .actor = copy_text(entry->actor),
	    .via = copy_text(entry->via),
	    .reason = copy_text(entry->reason),
	    .effective_at = entry->effective_at,
	    .subtransaction = GetCurrentSubTransactionId(),
	};
	batch.count++;
}

/*
 * Callback: takes back the entries of a subtransaction that is undone, as by a trigger of somebody's that
 * catches an error.  What came in it or below has its number or a higher one, and came last.
 */
static void
undo_entries(SubXactEvent event, SubTransactionId subtransaction, SubTransactionId parent,
             void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	while (batch.count > 0 && batch.entries[batch.count - 1].subtransaction >= subtransaction)
		batch.count--;
}

static void
begin_batch(MemoryContext context)
{
	static bool registered = false;

	if (!registered)
		RegisterSubXactCallback(undo_entries, NULL);
	registered = true;
	if (batch.context != NULL)
		elog(ERROR, "a batch begins within another one");
	batch.context = context;
}

/*
 * At the end of a batch nothing is left to write; after an error what the batch did is undone, wherever the
 * error is caught.
 */
static void
leave_batch(void)
{
	memset(&batch, 0, sizeof(batch));
}

/* What an operator has hung on the ledger may change totals, too: such entries come while others are written. */
static void
end_batch(void)
{
	while (batch.count > 0)
	{
		Entry *entries = batch.entries;
		int count = batch.count;

		batch.entries = NULL;
		batch.count = batch.room = 0;
		statements_begin();
		write_entries(entries, count);
		statements_end();
	}
	leave_batch();
}

const BatchWork entries_of_batch = {
    .begin = begin_batch,
    .end = end_batch,
    .abandon = leave_batch,
};
