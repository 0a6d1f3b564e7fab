/*
 * held_keys.c
 *	  Foreign keys into rows that the transaction holds already.
 *
 * The server gives each execution its own copy of the table's triggers, the checks of foreign keys among them; in
 * that copy a check is switched off.  All other triggers, constraints and defaults are as for anybody's insert.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "nodes/execnodes.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "base/held_keys.h"

static ExecutorStart_hook_type start_before;
static const char *expected;

/* Which column names a row of which table; a key of any other kind is checked. */
static const struct
{
	const char *column;
	const char *table;
} held[] = {
    {"userId", "User"},
    {"groupId", "CompetitionGroup"},
    {"groupChallengeId", "GroupChallenge"},
    {"challengeId", "Challenge"},
    {"questionId", "ChallengeQuestion"},
    {"challengeInstanceId", "ChallengeInstance"},
    {"accessCodeId", "CompetitionAccessCode"},
};

/* The only element of a key, or 0 where it has several. */
static AttrNumber
only_column(HeapTuple constraint, AttrNumber attribute)
{
	bool is_null;
	Datum key = SysCacheGetAttr(CONSTROID, constraint, attribute, &is_null);
	ArrayType *columns = is_null ? NULL : DatumGetArrayTypeP(key);

	return columns != NULL && ArrayGetNItems(ARR_NDIM(columns), ARR_DIMS(columns)) == 1
	           ? *(AttrNumber *) ARR_DATA_PTR(columns)
	           : 0;
}

static bool
has_name(Oid table, AttrNumber column, const char *name)
{
	char *own = column != 0 ? get_attname(table, column, true) : NULL;

	return own != NULL && strcmp(own, name) == 0;
}

/* Is the constraint one of those that name a row by its id, and is it among the held ones? */
static bool
names_held(Oid constraint_id)
{
	HeapTuple tuple = SearchSysCache1(CONSTROID, ObjectIdGetDatum(constraint_id));
	Form_pg_constraint constraint;
	char *table;
	bool found = false;

	if (!HeapTupleIsValid(tuple))
		return false;
	constraint = (Form_pg_constraint) GETSTRUCT(tuple);
	table = get_rel_name(constraint->confrelid);
	for (int i = 0; i < lengthof(held) && table != NULL && !found; i++)
		found =
		    strcmp(table, held[i].table) == 0 &&
		    get_rel_namespace(constraint->confrelid) == get_rel_namespace(constraint->conrelid) &&
		    has_name(constraint->conrelid, only_column(tuple, Anum_pg_constraint_conkey),
		             held[i].column) &&
		    has_name(constraint->confrelid, only_column(tuple, Anum_pg_constraint_confkey), "id");
	ReleaseSysCache(tuple);
	return found;
}

/*
 * Could a trigger of somebody's change which rows a new row names, or delete them?  Ours, recognized by the schema
 * edurange, where nobody else makes functions, only fills in what is missing.
 */
static bool
may_be_changed(const TriggerDesc *triggers)
{
	Oid ours = get_namespace_oid("edurange", true);

	for (int i = 0; i < triggers->numtriggers; i++)
	{
		const Trigger *trigger = &triggers->triggers[i];

		if (TRIGGER_FOR_BEFORE(trigger->tgtype) && TRIGGER_FOR_INSERT(trigger->tgtype) &&
		    trigger->tgenabled != TRIGGER_DISABLED && get_func_namespace(trigger->tgfoid) != ours)
			return true;
	}
	return false;
}

/* Switches the checks off, in the copy that belongs to this execution. */
static void
spare(EState *state)
{
	ListCell *cell;

	foreach (cell, state->es_opened_result_relations)
	{
		TriggerDesc *triggers = ((ResultRelInfo *) lfirst(cell))->ri_TrigDesc;

		if (triggers == NULL || may_be_changed(triggers))
			continue;
		for (int i = 0; i < triggers->numtriggers; i++)
		{
			Trigger *trigger = &triggers->triggers[i];

			if (trigger->tgfoid == F_RI_FKEY_CHECK_INS && !trigger->tgdeferrable &&
			    names_held(trigger->tgconstraint))
				trigger->tgenabled = TRIGGER_DISABLED;
		}
	}
}

/* Hook: an execution begins. */
static void
start(QueryDesc *query, int flags)
{
	bool is_expected = expected != NULL && strcmp(query->sourceText, expected) == 0;

	if (start_before != NULL)
		start_before(query, flags);
	else
		standard_ExecutorStart(query, flags);
	if (!is_expected)
		return;
	expected = NULL;
	spare(query->estate);
}

void
held_keys_register(void)
{
	start_before = ExecutorStart_hook;
	ExecutorStart_hook = start;
}

void
held_keys_expect(const char *sql)
{
	expected = sql;
}
