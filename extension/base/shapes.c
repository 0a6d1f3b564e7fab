/*
 * shapes.c
 *	  Whether tables still have the shape that the code was written for: kind, columns, types, no nulls.
 *
 * The shapes are those that the migrations make, less what no statement of ours names: the list is made from
 * them when we are built.  All is read from the catalogue's caches, without opening a table, so that
 * readiness never waits for whoever holds one.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "funcapi.h"
#include "nodes/nodeFuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "base/compat.h"
#include "base/refusal.h"
#include "base/shape_rows.h"
#include "base/shapes.h"
#include "base/surface.h"

/* A column; those of a table follow each other. */
typedef struct Column
{
	const char *schema;
	const char *table;
	const char *name;
	const char *type_name;
	Oid type; /* InvalidOid: an enum of the name in the table's schema */
	bool required;
} Column;

static const Column columns[] = {
#define COLUMN(schema, table, name, type_name, type, required)                                     \
	{schema, table, name, type_name, type, required},
#define VALUE(type_name, label)
#define KEY(table, name, is_index, ...)
#include "shapes_of_migrations.h"
#undef COLUMN
#undef VALUE
#undef KEY
};

static const struct
{
	const char *type_name;
	const char *label;
} enum_values[] = {
#define COLUMN(schema, table, name, type_name, type, required)
#define VALUE(type_name, label) {type_name, label},
#define KEY(table, name, is_index, ...)
#include "shapes_of_migrations.h"
#undef COLUMN
#undef VALUE
#undef KEY
};

static const Column *const columns_end = columns + lengthof(columns);

void
schema_changed(const char *format, ...)
{
	char subject[512];
	va_list arguments;

	va_start(arguments, format);
	(void) vsnprintf(subject, sizeof(subject), format, arguments);
	va_end(arguments);
	raise_error(EDURANGE_SCHEMA_CHANGED, "%s", subject);
}

static bool
is_of_table(const Column *column, const char *schema, const char *table)
{
	return strcmp(column->table, table) == 0 && strcmp(column->schema, schema) == 0;
}

/* The first column of the table after this one's. */
static const Column *
next_table(const Column *column)
{
	const Column *next = column + 1;

	while (next < columns_end && is_of_table(next, column->schema, column->table))
		next++;
	return next;
}

static Oid
table_of(const Column *column)
{
	Oid schema = get_namespace_oid(column->schema, true);

	return OidIsValid(schema) ? get_relname_relid(column->table, schema) : InvalidOid;
}

static char *
table_name(const Column *column)
{
	return quote_qualified_identifier(column->schema, column->table);
}

/* Has the table a rule?  The flag in its row may be left from one that is gone. */
static bool
has_rules(Oid table)
{
	Relation rules = table_open(RewriteRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	bool found;

	ScanKeyInit(&key, Anum_pg_rewrite_ev_class, BTEqualStrategyNumber, F_OIDEQ,
	            ObjectIdGetDatum(table));
	scan = systable_beginscan(rules, RewriteRelRulenameIndexId, true, NULL, 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(rules, AccessShareLock);
	return found;
}

/* What a relation is in place of an ordinary table; NULL: it is one. */
static const char *
kind_of(const FormData_pg_class *relation)
{
	switch (relation->relkind)
	{
		case RELKIND_RELATION:
			break;
		case RELKIND_PARTITIONED_TABLE:
			return "is partitioned";
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
			return "is a view";
		case RELKIND_FOREIGN_TABLE:
			return "is a foreign table";
		default:
			return "is no table";
	}
	if (relation->relpersistence != RELPERSISTENCE_PERMANENT)
		return "is not logged";
	return relation->relispartition ? "is a partition" : NULL;
}

/* What is wrong with a table as such; NULL: nothing. */
static const char *
kind_fault(Oid table)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	const FormData_pg_class *form;
	const char *fault;

	if (!HeapTupleIsValid(tuple))
		return "does not exist";
	form = (const FormData_pg_class *) GETSTRUCT(tuple);
	fault = kind_of(form);
	if (fault == NULL && form->relhassubclass && find_inheritance_children(table, NoLock) != NIL)
		fault = "is inherited";
	if (fault == NULL && has_superclass(table))
		fault = "inherits";
	if (fault == NULL && form->relhasrules && has_rules(table))
		fault = "has rules";
	ReleaseSysCache(tuple);
	return fault;
}

/* The name of a constraint by one of its triggers, or of the trigger where it is gone meanwhile. */
static const char *
constraint_name(const FormData_pg_trigger *trigger)
{
	const char *name = get_constraint_name(trigger->tgconstraint);

	return name != NULL ? name : NameStr(trigger->tgname);
}

/*
 * A constraint or trigger of a platform's table that is put off to the end of the transaction, which cannot be in a
 * security-restricted operation; NULL: none.  A unique one stops ON CONFLICT, too, where it only may be put off.
 * With all those that a session may put off, where one has.
 */
static char *
deferred_fault(const Column *column, Oid table, bool all)
{
	Relation triggers;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple tuple;
	char *fault = NULL;

	if (strcmp(column->schema, "public") != 0)
		return NULL;
	triggers = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ,
	            ObjectIdGetDatum(table));
	scan = systable_beginscan(triggers, TriggerRelidNameIndexId, true, NULL, 1, &key);
	while (fault == NULL && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		const FormData_pg_trigger *form = (const FormData_pg_trigger *) GETSTRUCT(tuple);

		if (form->tgdeferrable && form->tgenabled != TRIGGER_DISABLED &&
		    (all || form->tginitdeferred || form->tgfoid == F_UNIQUE_KEY_RECHECK))
			fault = psprintf("%s is deferrable, a constraint or trigger of %s, where none may be",
			                 quote_identifier(constraint_name(form)), table_name(column));
	}
	systable_endscan(scan);
	table_close(triggers, AccessShareLock);
	return fault;
}

char *
shapes_fault_of_deferred(void)
{
	char *fault = NULL;

	for (const Column *first = columns; fault == NULL && first < columns_end;
	     first = next_table(first))
	{
		Oid table = table_of(first);

		if (OidIsValid(table))
			fault = deferred_fault(first, table, true);
	}
	return fault;
}

/* Does row level security hide rows of the table from the role? */
static bool
is_hidden_from(Oid table, Oid role)
{
	return OidIsValid(role) && check_enable_rls(table, role, true) == RLS_ENABLED;
}

/* What is wrong with a table, for the role that is to read it; NULL: nothing. */
static char *
table_fault(const Column *column, Oid table, Oid role)
{
	const char *fault = kind_fault(table);

	if (fault != NULL)
		return psprintf("%s %s, where an ordinary table is needed", table_name(column), fault);
	if (is_hidden_from(table, role))
		return psprintf("row level security of %s binds %s", table_name(column),
		                quote_identifier(GetUserNameFromId(role, false)));
	return NULL;
}

/* Is it the enum of the name that stands beside the table? */
static bool
is_enum(Oid type, const char *name, Oid table)
{
	HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	bool is = false;

	if (HeapTupleIsValid(tuple))
	{
		const FormData_pg_type *form = (const FormData_pg_type *) GETSTRUCT(tuple);

		is = form->typtype == TYPTYPE_ENUM && strcmp(NameStr(form->typname), name) == 0 &&
		     form->typnamespace == get_rel_namespace(table);
		ReleaseSysCache(tuple);
	}
	return is;
}

/* A value that an enum lacks, or NULL. */
static const char *
lacking_value(Oid type, const char *name)
{
	for (int i = 0; i < lengthof(enum_values); i++)
		if (strcmp(enum_values[i].type_name, name) == 0 &&
		    !SearchSysCacheExists2(ENUMTYPOIDNAME, ObjectIdGetDatum(type),
		                           CStringGetDatum(enum_values[i].label)))
			return enum_values[i].label;
	return NULL;
}

/* What is wrong with the attribute that has the column's name; NULL: nothing. */
static char *
attribute_fault(const Column *column, Oid table, const FormData_pg_attribute *attribute)
{
	const char *name = quote_identifier(column->name);
	const char *label = NULL;

	if (OidIsValid(column->type) ? attribute->atttypid != column->type
	                             : !is_enum(attribute->atttypid, column->type_name, table))
		return psprintf("%s.%s has type %s, where %s is needed", table_name(column), name,
		                format_type_be(attribute->atttypid), column->type_name);
	if (column->required && compat_may_be_null(table, attribute))
		return psprintf("%s.%s may be null", table_name(column), name);
	if (attribute->attgenerated != '\0')
		return psprintf("%s.%s is generated", table_name(column), name);
	if (OidIsValid(attribute->attcollation) &&
	    !get_collation_isdeterministic(attribute->attcollation))
		return psprintf("%s.%s has a collation in which different texts are equal",
		                table_name(column), name);
	if (!OidIsValid(column->type))
		label = lacking_value(attribute->atttypid, column->type_name);
	if (label != NULL)
		return psprintf("%s.%s has a type without the value \"%s\"", table_name(column), name,
		                label);
	return NULL;
}

/* What is wrong with a column; NULL: nothing. */
static char *
column_fault(const Column *column, Oid table)
{
	HeapTuple tuple = SearchSysCacheAttName(table, column->name);
	char *fault;

	if (!HeapTupleIsValid(tuple))
		return psprintf("%s.%s does not exist", table_name(column), quote_identifier(column->name));
	fault = attribute_fault(column, table, (const FormData_pg_attribute *) GETSTRUCT(tuple));
	ReleaseSysCache(tuple);
	return fault;
}

/* The columns of a table by its number, or NULL where it is neither ours nor the platform's. */
static const Column *
columns_of(Oid table)
{
	char *name = get_rel_name(table);
	char *schema = name != NULL ? get_namespace_name(get_rel_namespace(table)) : NULL;

	for (const Column *c = columns; schema != NULL && c < columns_end; c = next_table(c))
		if (is_of_table(c, schema, name))
			return c;
	return NULL;
}

/* Compares what a query names of one table. */
static void
check_table(const Query *query, RangeTblEntry *entry)
{
	const Column *first = columns_of(entry->relid);
	const Bitmapset *named;
	char *fault;

	if (first == NULL)
		return;
	fault = table_fault(first, entry->relid, GetUserId());
	named = compat_named_columns(query, entry);
	for (const Column *c = first; fault == NULL && c < next_table(first); c++)
	{
		AttrNumber number = get_attnum(entry->relid, c->name);

		/* (One that is missing cannot be named; a row as a whole is number 0.) */
		if (bms_is_member(-FirstLowInvalidHeapAttributeNumber, named) ||
		    (number > 0 && bms_is_member(number - FirstLowInvalidHeapAttributeNumber, named)))
			fault = column_fault(c, entry->relid);
	}
	if (fault != NULL)
		schema_changed("%s", fault);
}

static bool
check_node(Node *node, void *context)
{
	Query *query = (Query *) node;
	ListCell *cell;

	if (node == NULL)
		return false;
	if (!IsA(node, Query))
		return expression_tree_walker(node, check_node, context);
	foreach (cell, query->rtable)
	{
		RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

		if (entry->rtekind == RTE_RELATION)
			check_table(query, entry);
	}
	return query_tree_walker(query, check_node, context, 0);
}

void
shapes_check_query(const Query *query)
{
	(void) check_node((Node *) unconstify(Query *, query), NULL);
}

/* Has a text the word, not as a part of a longer one? */
static bool
has_word(const char *text, const char *word)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
	size_t length = strlen(word);

	for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word))
		if ((at == text || strchr(letters, at[-1]) == NULL) &&
		    (at[length] == '\0' || strchr(letters, at[length]) == NULL))
			return true;
	return false;
}

char *
shapes_fault_of_text(const char *sql)
{
	char *fault = NULL;

	for (const Column *first = columns; fault == NULL && first < columns_end;
	     first = next_table(first))
	{
		Oid table = has_word(sql, table_name(first)) ? table_of(first) : InvalidOid;

		if (!OidIsValid(table))
			continue;
		fault = table_fault(first, table, GetUserId());
		for (const Column *c = first; fault == NULL && c < next_table(first); c++)
			if (has_word(sql, quote_identifier(c->name)))
				fault = column_fault(c, table);
		if (fault == NULL && strcmp(first->schema, "public") == 0)
			fault = shape_key_fault(first->table, table, false);
	}
	return fault;
}

/* Receives a fault. */
typedef void (*TakeFault)(void *argument, char *fault);

/* Is it a column that we know? */
static bool
is_known(const Column *first, Oid table, AttrNumber number)
{
	for (const Column *c = first; c < next_table(first); c++)
		if (get_attnum(table, c->name) == number)
			return true;
	return false;
}

/* Hands on what keeps new rows out of a table of the platform's. */
static void
walk_rows(const Column *first, Oid table, bool adopted, TakeFault take, void *argument)
{
	char *fault = shape_key_fault(first->table, table, adopted);

	if (fault != NULL)
		take(argument, fault);
	/* (those that were dropped have a number, too) */
	for (AttrNumber number = 1;
	     SearchSysCacheExists2(ATTNUM, ObjectIdGetDatum(table), Int16GetDatum(number)); number++)
		if (!is_known(first, table, number) && shape_wants_value(table, number))
			take(argument, psprintf("%s.%s takes no null", table_name(first),
			                        quote_identifier(get_attname(table, number, false))));
}

/* Hands on all that is wrong with a table. */
static void
walk_table(const Column *first, Oid table, bool adopted, TakeFault take, void *argument)
{
	bool is_ours = strcmp(first->schema, "edurange") == 0;
	char *fault = table_fault(first, table, get_role_oid("edurange_game", true));

	if (fault == NULL && is_ours)
		fault = table_fault(first, table, get_role_oid("edurange_owner", true));
	if (fault != NULL)
	{
		take(argument, fault);
		return;
	}
	fault = deferred_fault(first, table, false);
	if (fault != NULL)
		take(argument, fault);
	for (const Column *c = first; c < next_table(first); c++)
	{
		fault = column_fault(c, table);
		if (fault != NULL)
			take(argument, fault);
	}
	if (!is_ours)
		walk_rows(first, table, adopted, take, argument);
}

/*
 * The same of all tables in a schema.  That a table of the platform is not there is said elsewhere, and ours
 * come with the record of migrations, whose columns are the first.
 */
static void
walk_schema(const char *schema, bool adopted, TakeFault take, void *argument)
{
	bool all = strcmp(schema, columns->schema) == 0 && OidIsValid(table_of(columns));

	for (const Column *first = columns; first < columns_end; first = next_table(first))
	{
		Oid table = strcmp(first->schema, schema) == 0 ? table_of(first) : InvalidOid;

		if (OidIsValid(table))
			walk_table(first, table, adopted, take, argument);
		else if (all && strcmp(first->schema, schema) == 0)
			take(argument, psprintf("%s does not exist", table_name(first)));
	}
}

static void
keep_first(void *argument, char *fault)
{
	char **first = argument;

	if (*first == NULL)
		*first = fault;
}

char *
shapes_fault_of_adopted(void)
{
	char *fault = NULL;

	walk_schema("public", true, keep_first, &fault);
	return fault;
}

static void
put_row(void *argument, char *fault)
{
	ReturnSetInfo *result = argument;
	Datum value = CStringGetTextDatum(fault);
	bool is_null = false;

	tuplestore_putvalues(result->setResult, result->setDesc, &value, &is_null);
}

/* All that differs. */
SQL_FUNCTION(edurange_shape_faults)
{
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	walk_schema("public", false, put_row, fcinfo->resultinfo);
	walk_schema("edurange", false, put_row, fcinfo->resultinfo);
	return (Datum) 0;
}

char *
shape_name(Relation relation)
{
	return quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
	                                  RelationGetRelationName(relation));
}

int
shape_column(Relation relation, const char *name, Oid type)
{
	TupleDesc descriptor = RelationGetDescr(relation);

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (attribute->attisdropped || strcmp(NameStr(attribute->attname), name) != 0)
			continue;
		if (attribute->atttypid != type)
			schema_changed("%s.%s has type %s, where %s is needed", shape_name(relation),
			               quote_identifier(name), format_type_be(attribute->atttypid),
			               format_type_be(type));
		return i + 1;
	}
	schema_changed("%s.%s does not exist", shape_name(relation), quote_identifier(name));
}

void
shape_ordinary(Relation relation)
{
	const char *fault = kind_of(relation->rd_rel);

	if (fault != NULL)
		schema_changed("%s %s, where an ordinary table is needed", shape_name(relation), fault);
}
