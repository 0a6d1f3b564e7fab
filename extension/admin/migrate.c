/*
 * migrate.c
 *	  Making the tables and everything that hangs on them, in one transaction.
 *
 * The migrations come with the extension, through edurange.migration_source(); those that were
 * applied are recorded in edurange.migration.  Afterwards everything that edurange.assertions()
 * finds missing is made: each statement there is made to be run again.
 *
 * A dry run returns the rows that the run would return, and what is broken in the rows that are
 * there.  It reads without locks; the one thing it makes, a second set of the platform's tables to
 * compare with, goes with a subtransaction.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "admin/assertions.h"
#include "admin/commands.h"
#include "admin/findings.h"
#include "admin/opening.h"
#include "admin/table_locks.h"
#include "base/arguments.h"
#include "base/guc.h"
#include "base/own_locks.h"
#include "base/refusal.h"
#include "base/rows.h"
#include "base/shapes.h"
#include "base/statements.h"
#include "base/surface.h"

typedef enum StatementId
{
	OWNER_EXISTS,
	HAS_MIGRATIONS,
	APPLIED,
	CHANGED,
	PENDING,
	PENDING_FIRST,
	MISSING_TABLES,
	RECORD,
	GIVE_TO_OWNERS,
	SHAPE_SOURCE,
	SHAPE_DIFFERENCE,
	SHAPE_KEYS,
	MISSING,
	MISSING_GRANTS,
	MISSING_RECORDERS,
	LOST_ROLES,
	LOST_RIGHTS,
	STRANGE_OWNER,
	HAS_DOOR,
	PLANTED,
	MAKE_RECORD,
	MAKE_SHAPE,
	STATEMENT_COUNT
} StatementId;

/* Where a second set of the platform's tables is made for the time of a comparison. */
#define SHAPE_SCHEMA "edurange_shape"
#define SHAPE_OID "(SELECT oid FROM pg_namespace WHERE nspname = '" SHAPE_SCHEMA "')"

static Statement statements[STATEMENT_COUNT] = {
    [OWNER_EXISTS] = {"SELECT rolname::text FROM pg_roles WHERE CASE WHEN $1 IS NOT NULL"
                      " THEN rolname = $1 ELSE oid = (SELECT datdba FROM pg_database"
                      " WHERE datname = current_database()) END",
                      {TEXTOID}},
    [HAS_MIGRATIONS] = {"SELECT to_regclass('edurange.migration') IS NOT NULL", {InvalidOid}},
    [APPLIED] = {"SELECT 1 FROM edurange.migration WHERE number = $1", {INT4OID}, .reads = true},
    [CHANGED] = {"SELECT m.number, m.name FROM edurange.migration m"
                 " JOIN edurange.migration_source() s USING (number)"
                 " WHERE m.sha256 <> s.sha256 ORDER BY 1 LIMIT 1",
                 {InvalidOid}},
    [PENDING] = {"SELECT s.number, s.name, s.sha256, s.sql FROM edurange.migration_source() s"
                 " WHERE NOT EXISTS (SELECT FROM edurange.migration m WHERE m.number = s.number)"
                 " ORDER BY s.number",
                 {InvalidOid}},
    [PENDING_FIRST] = {"SELECT number, name, sha256, sql FROM edurange.migration_source()"
                       " ORDER BY number",
                       {InvalidOid}},
    [MISSING_TABLES] = {"SELECT format('public.%I', name),"
                        " cardinality(edurange.platform_tables())"
                        " FROM unnest(edurange.platform_tables()) AS t (name)"
                        " WHERE to_regclass(format('public.%I', name)) IS NULL",
                        {InvalidOid}},
    [RECORD] = {"INSERT INTO edurange.migration (number, name, sha256, applied_at)"
                " VALUES ($1, $2, $3, clock_timestamp())",
                {INT4OID, TEXTOID, TEXTOID}},
    /* Statements that give what this transaction made to its owner.  The row of a table or type is also written
	 * anew by a GRANT and by much else; that of the type beside it (of a table's rows, of arrays) is not.
	 * $1 the platform's owner, $2 this transaction */
    [GIVE_TO_OWNERS] = {"SELECT format('ALTER TABLE %s OWNER TO %I', c.oid::regclass,"
                        " CASE n.nspname WHEN 'public' THEN $1 ELSE 'edurange_owner' END)"
                        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                        " JOIN pg_type y ON y.oid = c.reltype"
                        " WHERE c.relkind = 'r' AND y.xmin = $2"
                        " AND (n.nspname = 'edurange' OR n.nspname = 'public'"
                        "  AND c.relname = ANY (edurange.platform_tables()))"
                        " UNION ALL SELECT format('ALTER TYPE %s OWNER TO %I', t.oid::regtype, $1)"
                        " FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace"
                        " JOIN pg_type y ON y.oid = t.typarray"
                        " WHERE n.nspname = 'public' AND t.typtype = 'e' AND y.xmin = $2",
                        {TEXTOID, XIDOID}},
    [SHAPE_SOURCE] = {"SELECT replace(sql, 'SET LOCAL search_path = public',"
                      " 'SET LOCAL search_path = " SHAPE_SCHEMA "')"
                      " FROM edurange.migration_source() WHERE number = 1",
                      {InvalidOid}},
    /* Columns and enum values that adopted tables and types lack. */
    [SHAPE_DIFFERENCE] =
        {"SELECT string_agg(what, ', ' ORDER BY what) FROM ("
         " SELECT format('column %I.%I of type %s', c.relname, a.attname, t.typname) AS what"
         " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
         " JOIN pg_type t ON t.oid = a.atttypid"
         " WHERE c.relnamespace = " SHAPE_OID " AND c.relkind = 'r'"
         " AND to_regclass(format('public.%I', c.relname)) IS NOT NULL"
         " AND NOT EXISTS (SELECT FROM pg_attribute b JOIN pg_type u ON u.oid = b.atttypid"
         "  WHERE b.attrelid = to_regclass(format('public.%I', c.relname))"
         "  AND b.attname = a.attname AND NOT b.attisdropped AND u.typname = t.typname)"
         " UNION ALL SELECT format('value %s of type %I', e.enumlabel, t.typname)"
         " FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid"
         " WHERE t.typnamespace = " SHAPE_OID
         " AND to_regtype(format('public.%I', t.typname)) IS NOT NULL"
         " AND NOT EXISTS (SELECT FROM pg_enum f"
         "  WHERE f.enumtypid = to_regtype(format('public.%I', t.typname))"
         "  AND f.enumlabel = e.enumlabel)) AS missing",
         {InvalidOid}},
    /* Unique keys that adopted tables lack by name; a join table's may be of either form. */
    [SHAPE_KEYS] = {"SELECT format('public.%I', i.relname) FROM pg_class i"
                    " JOIN pg_index x ON x.indexrelid = i.oid"
                    " JOIN pg_class t ON t.oid = x.indrelid"
                    " WHERE i.relnamespace = " SHAPE_OID
                    " AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.oid)"
                    " AND to_regclass(format('public.%I', t.relname)) IS NOT NULL"
                    " AND to_regclass(format('public.%I', i.relname)) IS NULL ORDER BY 1",
                    {InvalidOid}},
    [MISSING] = {"SELECT kind, name, apply FROM edurange.assertions()"
                 " WHERE NOT present AND apply IS NOT NULL ORDER BY kind, name",
                 {InvalidOid}},
    [MISSING_GRANTS] = {"SELECT apply FROM edurange.assertions()"
                        " WHERE kind = 'grant' AND NOT present ORDER BY name",
                        {InvalidOid}},
    [MISSING_RECORDERS] = {"SELECT 1 FROM edurange.assertions()"
                           " WHERE NOT present AND " IS_RECORDER " LIMIT 1",
                           {InvalidOid}},
    /* Both are read by who called: our own roles may lack the rights to. */
    [LOST_ROLES] = {"SELECT kind, name, apply FROM edurange.rights()"
                    " WHERE kind = 'identity' AND NOT present ORDER BY name LIKE '% in %', name",
                    {InvalidOid}},
    [LOST_RIGHTS] = {"SELECT kind, name, apply FROM edurange.rights()"
                     " WHERE NOT present AND possible"
                     " ORDER BY kind = 'grant', kind, name LIKE '% in %', name",
                     {InvalidOid}},
    [STRANGE_OWNER] = {"SELECT rolname::text FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner"
                       " WHERE c.relnamespace = to_regnamespace('edurange') AND c.relkind = 'r'"
                       " AND NOT r.rolsuper GROUP BY rolname ORDER BY count(*) DESC LIMIT 1",
                       {InvalidOid}},
    /* The version before lacks it: then there is nothing to ask. */
    [HAS_DOOR] = {"SELECT to_regproc('edurange.planted_roles') IS NOT NULL", {InvalidOid}},
    /* What was there before and is not ours.  $1 the platform's owner, where one was given */
    [PLANTED] = {"SELECT what, hint FROM (SELECT (p).* FROM edurange.planted_roles() AS p"
                 " UNION ALL SELECT (p).* FROM edurange.planted_objects() AS p"
                 " UNION ALL SELECT (p).* FROM edurange.planted_platform($1) AS p) AS planted"
                 " ORDER BY what LIMIT 1",
                 {TEXTOID}},
    [MAKE_RECORD] = {"CREATE TABLE edurange.migration ("
                     " number integer NOT NULL CONSTRAINT migration_pkey PRIMARY KEY,"
                     " name text NOT NULL, sha256 text NOT NULL, applied_at timestamptz NOT NULL);"
                     " ALTER TABLE edurange.migration OWNER TO edurange_owner",
                     {InvalidOid}},
    [MAKE_SHAPE] = {"CREATE SCHEMA " SHAPE_SCHEMA, {InvalidOid}},
};

/* Where the rows that migrate() returns go, and whether they are all that it does. */
typedef struct Report
{
	Tuplestorestate *store;
	TupleDesc descriptor;
	bool dry_run;
	bool has_door; /* the install script is not of before */
} Report;

/* One row: something was done, or would be. */
static void
report(const Report *report, const char *kind, const char *name)
{
	Datum values[] = {CStringGetTextDatum(kind), CStringGetTextDatum(name)};
	bool nulls[] = {false, false};

	tuplestore_putvalues(report->store, report->descriptor, values, nulls);
}

/* The owner of new platform tables. */
static char *
find_owner(char *wanted)
{
	if (STATEMENT_RUN(&statements[OWNER_EXISTS], value_text(wanted)) == 0)
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "parameter \"platform_owner\" names the role \"%s\", which does not exist",
		            wanted);
	return row_text(0, 1);
}

/* The record of migrations, made before the first of them; tells whether there is one now. */
static bool
prepare_record(const Report *out)
{
	statement_run(&statements[HAS_MIGRATIONS], NULL, 0);
	if (row_bool(0, 1))
		return true;
	report(out, "table", "edurange.migration");
	if (out->dry_run)
		return false;
	run_command(statements[MAKE_RECORD].sql);
	return true;
}

/*
 * Refuses adopted tables that lack what the platform's tables have, naming all of it, and reports
 * the keys that they get.  Makes the platform's tables once more, which the caller rolls back.
 */
static void
compare_shape(void *argument)
{
	const Report *out = argument;
	char *difference;
	uint64 keys;

	run_command(statements[MAKE_SHAPE].sql);
	statement_run(&statements[SHAPE_SOURCE], NULL, 0);
	run_command(row_text(0, 1));
	statement_run(&statements[SHAPE_DIFFERENCE], NULL, 0);
	difference = row_text_or_null(0, 1);
	if (difference != NULL)
		raise_error(EDURANGE_SCHEMA_INCOMPATIBLE, "the tables in schema \"public\" lack %s",
		            difference);
	difference = shapes_fault_of_adopted();
	if (difference != NULL)
		raise_error(EDURANGE_SCHEMA_INCOMPATIBLE, "%s", difference);
	keys = statement_run(&statements[SHAPE_KEYS], NULL, 0);
	for (uint64 i = 0; i < keys; i++)
		report(out, "index", row_text(i, 1));
}

/*
 * Says what migration 1 makes: all of the platform's tables, or those that adoption finds missing.
 * Tables that are there are compared first.
 */
static void
report_platform(const Report *out)
{
	uint64 missing = statement_run(&statements[MISSING_TABLES], NULL, 0);

	for (uint64 i = 0; i < missing; i++)
		report(out, "table", row_text(i, 1));
	if (missing > 0 && missing == row_int(0, 2))
		return;
	in_subtransaction(compare_shape, unconstify(Report *, out), false);
}

/* Gives what was just made to its owner. */
static void
give_to_owners(const char *platform_owner)
{
	NullableDatum transaction = {.value = TransactionIdGetDatum(GetCurrentTransactionId())};
	uint64 count =
	    STATEMENT_RUN(&statements[GIVE_TO_OWNERS], value_text(platform_owner), transaction);
	char **commands = palloc(sizeof(char *) * Max(count, 1));

	for (uint64 i = 0; i < count; i++)
		commands[i] = row_text(i, 1);
	for (uint64 i = 0; i < count; i++)
		run_command(commands[i]);
}

/* A migration that is not recorded yet. */
typedef struct Migration
{
	int32 number;
	char *name;
	char *sha256;
	char *sql;
} Migration;

static void
apply_migration(const Migration *migration)
{
	run_command(migration->sql);
	STATEMENT_RUN(&statements[RECORD], value_int(migration->number), value_text(migration->name),
	              value_text(migration->sha256));
}

/* Applies the migrations that are not recorded yet, in order. */
static void
apply_migrations(const Report *out, bool has_record, const char *platform_owner)
{
	uint64 count;
	Migration *pending;

	if (has_record && statement_run(&statements[CHANGED], NULL, 0) > 0)
		raise_error(EDURANGE_MIGRATION_CHANGED,
		            "migration %d (%s) was applied with another text than the extension carries",
		            row_int(0, 1), row_text(0, 2));
	count = statement_run(&statements[has_record ? PENDING : PENDING_FIRST], NULL, 0);
	pending = palloc(sizeof(Migration) * Max(count, 1));
	for (uint64 i = 0; i < count; i++)
		pending[i] = (Migration){row_int(i, 1), row_text(i, 2), row_text(i, 3), row_text(i, 4)};
	for (uint64 i = 0; i < count; i++)
	{
		if (pending[i].number == 1)
			report_platform(out);
		if (!out->dry_run)
			apply_migration(&pending[i]);
		report(out, "migration", psprintf("%d %s", pending[i].number, pending[i].name));
	}
	if (!out->dry_run)
		give_to_owners(platform_owner);
}

/* Says what is missing. */
static void
report_missing(const Report *out)
{
	uint64 count = statement_run(&statements[MISSING], NULL, 0);

	for (uint64 i = 0; i < count; i++)
		report(out, row_text(i, 1), row_text(i, 2));
}

/*
 * Makes what is missing.  Where recorders were missing, totals may have changed unseen: the ledger is
 * brought up to what it finds, now that the tables are held.  Rights on what the migrations made come first,
 * because what follows reads rows with them.
 */
static void
apply_assertions(const Report *out)
{
	bool unseen_changes = statement_run(&statements[MISSING_RECORDERS], NULL, 0) > 0;
	uint64 opened;

	report_missing(out);
	if (!out->dry_run)
	{
		run_commands(&statements[MISSING_GRANTS], 1);
		run_commands(&statements[MISSING], 3);
	}
	if (!out->dry_run && out->has_door)
		opening_forget_gone();
	if (unseen_changes && (opened = opening_entries(out->dry_run)) > 0)
		report(out, "ledger", psprintf("opening entries: " UINT64_FORMAT, opened));
}

/* A finding as a row of the dry run. */
static void
report_finding(const char *name, uint64 count, void *argument)
{
	report(argument, "finding", psprintf("%s: " UINT64_FORMAT, name, count));
}

/*
 * Refuses to go on over what is not ours: who owns it could put anything in its stead later, which would then
 * run in a superuser's name.
 */
static void
refuse_planted(const char *platform_owner)
{
	Refusal refusal = {0};
	Surface saved;
	uint64 count;

	/* only a superuser sees who has a password; it reads catalogues alone */
	surface_as_caller(&saved);
	count = STATEMENT_RUN(&statements[PLANTED], value_text(platform_owner));
	surface_take_back(&saved);
	if (count == 0)
		return;
	(void) refuse(&refusal, EDURANGE_SCHEMA_INCOMPATIBLE, "%s", row_text(0, 1));
	refusal.hint = row_text(0, 2);
	raise_refusal(&refusal);
}

/* Is the install script of this version, or of one that asked nothing? */
static bool
has_door(void)
{
	Surface saved;
	bool has;

	surface_as_caller(&saved);
	statement_run(&statements[HAS_DOOR], NULL, 0);
	has = row_bool(0, 1);
	surface_take_back(&saved);
	return has;
}

/* Runs and reports what a statement lists, which who called has to read. */
static void
put_back(const Report *out, Statement *list)
{
	Surface saved;
	uint64 count;
	char **commands;

	surface_as_caller(&saved);
	count = statement_run(list, NULL, 0);
	surface_take_back(&saved);
	commands = palloc(sizeof(char *) * Max(count, 1));
	for (uint64 i = 0; i < count; i++)
	{
		report(out, row_text(i, 1), row_text(i, 2));
		commands[i] = row_text(i, 3);
	}
	for (uint64 i = 0; i < count; i++)
		run_command(commands[i]);
}

/* What a run of migrate() does. */
typedef struct Run
{
	Report out;
	char *wanted_owner;
} Run;

/*
 * Makes the roles that are missing, where one of them is the one that all else runs as, and goes on as it.  A role
 * that was renamed still owns the tables: making another one would be no help.
 */
static void
make_roles(const Report *out)
{
	Refusal refusal = {0};

	if (statement_run(&statements[STRANGE_OWNER], NULL, 0) > 0)
	{
		char *owner = row_text(0, 1);

		(void) refuse(
		    &refusal, EDURANGE_NOT_INSTALLED,
		    "role \"edurange_owner\" does not exist, and tables of schema edurange belong to \"%s\"",
		    owner);
		refusal.hint = psprintf("If it was renamed: ALTER ROLE %s RENAME TO edurange_owner;",
		                        quote_identifier(owner));
		raise_refusal(&refusal);
	}
	put_back(out, &statements[LOST_ROLES]);
	surface_become_owner();
}

static void
run_migrate(void *argument)
{
	Run *run = argument;
	char *platform_owner;
	bool has_record;

	if (!surface_has_owner())
		make_roles(&run->out);
	platform_owner = find_owner(run->wanted_owner);
	run->out.has_door = has_door();
	if (run->out.has_door)
	{
		refuse_planted(run->wanted_owner);
		put_back(&run->out, &statements[LOST_RIGHTS]);
	}
	if (!run->out.dry_run)
		hold_tables();
	has_record = prepare_record(&run->out);
	apply_migrations(&run->out, has_record, platform_owner);
	/* what came meanwhile and was taken for the platform's: from here on nothing is missing that somebody could make */
	if (run->out.has_door && !run->out.dry_run)
		refuse_planted(run->wanted_owner);
	apply_assertions(&run->out);
	if (run->out.dry_run)
		findings_count(report_finding, &run->out);
}

SQL_FUNCTION_ANYWAY(edurange_migrate)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Run run = {
	    .out.dry_run = PG_NARGS() > 1 && optional_flag(fcinfo, 1),
	    .wanted_owner = optional_text(fcinfo, 0),
	};
	int settings;

	if (!superuser_arg(surface_caller()))
		raise_error(EDURANGE_FORBIDDEN, "edurange.migrate() needs a superuser");
	if (IsolationUsesXactSnapshot())
		raise_error(EDURANGE_INVALID_PARAMETER,
		            "edurange.migrate() must run at isolation level READ COMMITTED");
	InitMaterializedSRF(fcinfo, 0);
	run.out.store = result->setResult;
	run.out.descriptor = result->setDesc;

	settings = NewGUCNestLevel();
	guc_set_locally("client_min_messages", "warning");
	guc_set_locally("edurange.allow_drop", "on");
	if (LockTimeout == 0)
		guc_set_locally("lock_timeout", "10s");
	statements_begin();
	if (run.out.dry_run)
		in_subtransaction(run_migrate, &run, false);
	else
	{
		(void) lock_take(LOCK_MIGRATION, 0, true);
		run_migrate(&run);
	}
	statements_end();
	AtEOXact_GUC(true, settings);
	return (Datum) 0;
}

SQL_FUNCTION(edurange_migration_applied)
{
	bool applied;

	statements_begin();
	applied = STATEMENT_RUN(&statements[APPLIED], fcinfo->args[0]) > 0;
	statements_end();
	PG_RETURN_BOOL(applied);
}
