/*
 * own_rows.c
 *	  Rows of our own tables, written and found below SQL.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/skey.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_opfamily.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/own_rows.h"
#include "base/refusal.h"
#include "base/shapes.h"
#include "base/statement_errors.h"
#include "base/statements.h"

/* Raises where a column that somebody has added takes no null. */
static void
check_others(const OwnTable *table)
{
	TupleDesc descriptor = RelationGetDescr(table->relation);

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);
		bool is_ours = !attribute->attnotnull || attribute->attisdropped;

		for (int column = 0; column < table->count && !is_ours; column++)
			is_ours = table->places[column] == i;
		if (!is_ours)
			schema_changed("%s.%s takes no null", shape_name(table->relation),
			               quote_identifier(NameStr(attribute->attname)));
	}
}

/* Opens the table alone. */
static OwnTable
open_relation(const char *name, const OwnColumn *columns, int count, LOCKMODE mode)
{
	Oid id = get_relname_relid(name, get_namespace_oid("edurange", false));
	OwnTable table;

	Assert(count <= OWN_MAX_COLUMNS);
	if (!OidIsValid(id))
		raise_error(EDURANGE_NOT_INSTALLED, "relation \"edurange.%s\" does not exist", name);
	table = (OwnTable){.relation = table_open(id, mode), .count = count};
	shape_ordinary(table.relation);
	for (int i = 0; i < count; i++)
		table.places[i] = shape_column(table.relation, columns[i].name, columns[i].type) - 1;
	return table;
}

/* Opens the index of the primary key, which must be of the first columns, as texts. */
static Relation
open_key(const OwnTable *table, int key_count)
{
	Relation index = NULL;
	bool fits;

	list_free(RelationGetIndexList(table->relation));
	if (OidIsValid(table->relation->rd_pkindex))
		index = index_open(table->relation->rd_pkindex, AccessShareLock);
	fits = index != NULL && IndexRelationGetNumberOfKeyAttributes(index) == key_count;
	for (int i = 0; fits && i < key_count; i++)
		fits = index->rd_index->indkey.values[i] == table->places[i] + 1 &&
		       index->rd_opfamily[i] == TEXT_BTREE_FAM_OID;
	if (!fits)
		schema_changed("%s has another primary key", shape_name(table->relation));
	return index;
}

/* Sets the values of the columns of a row, copied; none is null. */
static void
copy_values(const OwnTable *table, NullableDatum *values)
{
	TupleDesc descriptor = RelationGetDescr(table->relation);

	for (int i = 0; i < table->count; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, table->places[i]);
		bool is_null;
		Datum value = slot_getattr(table->row, table->places[i] + 1, &is_null);

		if (is_null)
			schema_changed("%s.%s is null", shape_name(table->relation),
			               quote_identifier(NameStr(attribute->attname)));
		if (attribute->attlen == -1)
			value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
		else
			value = datumCopy(value, attribute->attbyval, attribute->attlen);
		values[i] = (NullableDatum){.value = value};
	}
}

bool
own_row_find(const char *name, const OwnColumn *columns, int count, const NullableDatum *key,
             int key_count, NullableDatum *values)
{
	RefusalFrame *frame = refusal_frame;
	ScanKeyData keys[OWN_MAX_COLUMNS];
	OwnTable table;
	Relation index;
	Snapshot snapshot;
	IndexScanDesc scan;
	bool found;

	/* whatever is refused here must end what is begun here: it is an error, not a refusal */
	refusal_frame = NULL;
	table = open_relation(name, columns, count, AccessShareLock);
	index = open_key(&table, key_count);
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan = compat_index_beginscan(table.relation, index, snapshot, key_count);
	for (int i = 0; i < key_count; i++)
		ScanKeyEntryInitialize(&keys[i], 0, (AttrNumber) (i + 1), BTEqualStrategyNumber, InvalidOid,
		                       index->rd_indcollation[i], F_TEXTEQ, key[i].value);
	index_rescan(scan, keys, key_count, NULL, 0);
	table.row = table_slot_create(table.relation, NULL);
	found = index_getnext_slot(scan, ForwardScanDirection, table.row);
	if (found)
		copy_values(&table, values);
	ExecDropSingleTupleTableSlot(table.row);
	index_endscan(scan);
	UnregisterSnapshot(snapshot);
	index_close(index, NoLock);
	table_close(table.relation, NoLock);
	refusal_frame = frame;
	return found;
}

void
own_table_open(OwnTable *table, const char *name, const OwnColumn *columns, int count)
{
	/* what is refused from here on undoes a batch, and so ends what is begun here */
	if (refusal_frame != NULL)
		refusal_frame->wrote = true;
	*table = open_relation(name, columns, count, RowExclusiveLock);
	if (RelationGetDescr(table->relation)->natts > count)
		check_others(table);
	table->state = CreateExecutorState();
	table->state->es_output_cid = GetCurrentCommandId(true);
	table->target = makeNode(ResultRelInfo);
	InitResultRelInfo(table->target, table->relation, 0, NULL, 0);
	ExecOpenIndices(table->target, false);
	table->row = table_slot_create(table->relation, &table->state->es_tupleTable);
	AfterTriggerBeginQuery();
}

void
own_table_insert(OwnTable *table, const NullableDatum *values)
{
	TupleTableSlot *row = table->row;
	MemoryContext context = CurrentMemoryContext;

	ExecClearTuple(row);
	memset(row->tts_isnull, true, RelationGetDescr(table->relation)->natts * sizeof(bool));
	for (int i = 0; i < table->count; i++)
	{
		row->tts_values[table->places[i]] = values[i].value;
		row->tts_isnull[table->places[i]] = values[i].isnull;
	}
	ExecStoreVirtualTuple(row);
	PG_TRY();
	{
		ExecSimpleRelationInsert(table->target, table->state, row);
	}
	PG_CATCH();
	{
		statement_rethrow(shape_name(table->relation), context);
	}
	PG_END_TRY();
	/* a row that is stored has a place */
	if (!ItemPointerIsValid(&row->tts_tid))
		new_row_kept_out(shape_name(table->relation));
	ResetPerTupleExprContext(table->state);
}

void
own_table_close(OwnTable *table)
{
	MemoryContext context = CurrentMemoryContext;

	PG_TRY();
	{
		AfterTriggerEndQuery(table->state);
	}
	PG_CATCH();
	{
		statement_rethrow(shape_name(table->relation), context);
	}
	PG_END_TRY();
	ExecCloseResultRelations(table->state);
	ExecCloseIndices(table->target);
	ExecResetTupleTable(table->state->es_tupleTable, false);
	FreeExecutorState(table->state);
	table_close(table->relation, NoLock);
	CommandCounterIncrement();
}
