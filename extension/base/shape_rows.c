/*
 * shape_rows.c
 *	  Whether new rows can be written into the platform's tables, as they are now.
 *
 * The keys are those that the migrations make; the list is made from them when we are built.  As with columns, all is
 * read from the catalogue without opening a table.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_index.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "base/shape_rows.h"

#define MOST_COLUMNS 3

typedef struct Key
{
	const char *table;
	const char *name;
	bool is_index; /* and no constraint: adoption makes it where there is none of the name */
	const char *columns[MOST_COLUMNS];
} Key;

static const Key keys[] = {
#define COLUMN(schema, table, name, type_name, type, required)
#define VALUE(type_name, label)
#define KEY(table, name, is_index, ...) {table, name, is_index, {__VA_ARGS__}},
#include "shapes_of_migrations.h"
#undef COLUMN
#undef VALUE
#undef KEY
};

static int
column_count(const Key *key)
{
	int count = 0;

	while (count < MOST_COLUMNS && key->columns[count] != NULL)
		count++;
	return count;
}

/* Is the column of the table one of the key's? */
static bool
key_has(const Key *key, Oid relation, AttrNumber number)
{
	char *name = get_attname(relation, number, true);

	for (int i = 0; name != NULL && i < MOST_COLUMNS && key->columns[i] != NULL; i++)
		if (strcmp(key->columns[i], name) == 0)
			return true;
	return false;
}

/* Is a row of a catalogue what is looked for? */
typedef bool (*RowTest)(HeapTuple tuple, const Key *key, Oid relation);

/* Is any of the rows that a catalogue has of a table? */
static bool
any_of_table(Oid catalogue, AttrNumber column, Oid index, Oid relation, RowTest is_it,
             const Key *key)
{
	Relation rows = table_open(catalogue, AccessShareLock);
	ScanKeyData of_table;
	SysScanDesc scan;
	HeapTuple tuple;
	bool found = false;

	ScanKeyInit(&of_table, column, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relation));
	scan = systable_beginscan(rows, index, true, NULL, 1, &of_table);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
		found = is_it(tuple, key, relation);
	systable_endscan(scan);
	table_close(rows, AccessShareLock);
	return found;
}

/* Does an index hold rows apart by just the key's columns? */
static bool
index_is_key(HeapTuple tuple, const Key *key, Oid relation)
{
	const FormData_pg_index *form = (const FormData_pg_index *) GETSTRUCT(tuple);

	if (!form->indisunique || !form->indisvalid || !form->indimmediate ||
	    form->indnkeyatts != column_count(key) ||
	    !heap_attisnull(tuple, Anum_pg_index_indpred, NULL) ||
	    !heap_attisnull(tuple, Anum_pg_index_indexprs, NULL))
		return false;
	for (int i = 0; i < form->indnkeyatts; i++)
		if (!key_has(key, relation, form->indkey.values[i]))
			return false;
	return true;
}

static bool
has_key(const Key *key, Oid relation)
{
	return any_of_table(IndexRelationId, Anum_pg_index_indrelid, IndexIndrelidIndexId, relation,
	                    index_is_key, key);
}

/* Will the first migration make the key? */
static bool
is_to_be_made(const Key *key, Oid relation)
{
	return key->is_index && !OidIsValid(get_relname_relid(key->name, get_rel_namespace(relation)));
}

static char *
lacking(const Key *key)
{
	StringInfoData columns;

	initStringInfo(&columns);
	for (int i = 0; i < MOST_COLUMNS && key->columns[i] != NULL; i++)
		appendStringInfo(&columns, "%s%s", i > 0 ? ", " : "", quote_identifier(key->columns[i]));
	return psprintf("%s has no unique key of (%s)",
	                quote_qualified_identifier("public", key->table), columns.data);
}

char *
shape_key_fault(const char *table, Oid relation, bool adopted)
{
	for (int i = 0; i < lengthof(keys); i++)
		if (strcmp(keys[i].table, table) == 0 && !has_key(&keys[i], relation) &&
		    !(adopted && is_to_be_made(&keys[i], relation)))
			return lacking(&keys[i]);
	return NULL;
}

/* Is it a trigger of somebody else's that may fill new rows? */
static bool
may_fill(HeapTuple tuple, const Key *key, Oid relation)
{
	const FormData_pg_trigger *trigger = (const FormData_pg_trigger *) GETSTRUCT(tuple);

	return trigger->tgenabled != TRIGGER_DISABLED && TRIGGER_FOR_BEFORE(trigger->tgtype) &&
	       TRIGGER_FOR_INSERT(trigger->tgtype) && TRIGGER_FOR_ROW(trigger->tgtype) &&
	       get_func_namespace(trigger->tgfoid) != get_namespace_oid("edurange", true);
}

static bool
may_be_filled(Oid relation)
{
	return any_of_table(TriggerRelationId, Anum_pg_trigger_tgrelid, TriggerRelidNameIndexId,
	                    relation, may_fill, NULL);
}

/* Instances are the platform's to make. */
static bool
gets_new_rows(Oid relation)
{
	char *name = get_rel_name(relation);

	return name != NULL && strcmp(name, "ChallengeInstance") != 0;
}

bool
shape_wants_value(Oid relation, AttrNumber number)
{
	HeapTuple tuple = SearchSysCacheAttNum(relation, number);
	const FormData_pg_attribute *form;
	bool wants;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (const FormData_pg_attribute *) GETSTRUCT(tuple);
	wants = form->attnotnull && !form->atthasdef && form->attidentity == '\0' &&
	        get_typdefault(form->atttypid) == NULL && gets_new_rows(relation) &&
	        !may_be_filled(relation);
	ReleaseSysCache(tuple);
	return wants;
}
