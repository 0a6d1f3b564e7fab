/*
 * own_rows.c
 *	  Rows of our own tables, written below SQL.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

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

void
own_table_open(OwnTable *table, const char *name, const OwnColumn *columns, int count)
{
	Oid id = get_relname_relid(name, get_namespace_oid("edurange", false));

	Assert(count <= OWN_MAX_COLUMNS);
	if (!OidIsValid(id))
		raise_error(EDURANGE_NOT_INSTALLED, "relation \"edurange.%s\" does not exist", name);
	*table = (OwnTable){.relation = table_open(id, RowExclusiveLock), .count = count};
	shape_ordinary(table->relation);
	for (int i = 0; i < count; i++)
		table->places[i] = shape_column(table->relation, columns[i].name, columns[i].type) - 1;
	if (RelationGetDescr(table->relation)->natts > count)
		check_others(table);
	/* what is refused from here on undoes a batch, and so ends what is begun here */
	if (refusal_frame != NULL)
		refusal_frame->wrote = true;
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
