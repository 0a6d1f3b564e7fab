/*
 * table_locks.c
 *	  Holding the tables that migrate() is about to alter: all of them at once, or none.
 *
 * Taken one by one, as statements come to need them, they would be held while others are waited for, and who
 * writes meanwhile holds and waits in an order of his own: a deadlock, whose victim is either.  So nothing
 * is held while anything is waited for longer than a moment.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "admin/commands.h"
#include "admin/table_locks.h"
#include "base/guc.h"
#include "base/rows.h"
#include "base/statements.h"

/* How long the tables that are held already keep others waiting for the next; far below deadlock_timeout. */
#define MOMENT "100ms"
#define PAUSE_MICROSECONDS 20000

typedef enum StatementId
{
	LOCK_ALL,
	HOLDERS,
	STATEMENT_COUNT
} StatementId;

/* The tables, but for the record of migrations, which readiness reads and nothing alters. */
#define TABLES                                                                                     \
	"pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"                                     \
	" WHERE c.relkind = 'r' AND (n.nspname = 'edurange' AND c.relname <> 'migration'"              \
	"  OR n.nspname = 'public' AND c.relname = ANY (edurange.platform_tables()))"

static Statement statements[STATEMENT_COUNT] = {
    /* Users first, as everybody who scores begins with them: who comes later waits there, holding nothing. */
    [LOCK_ALL] = {"WITH missing AS (SELECT kind FROM edurange.assertions() WHERE NOT present)"
                  " SELECT format('LOCK TABLE %s IN %s MODE',"
                  "  string_agg(c.oid::regclass::text, ', ' ORDER BY n.nspname DESC,"
                  "   array_position(edurange.platform_tables(), c.relname::text), c.relname),"
                  "  CASE WHEN EXISTS (SELECT FROM missing"
                  "   WHERE kind IN ('migration', 'default', 'replica identity'))"
                  "  THEN 'ACCESS EXCLUSIVE' ELSE 'SHARE ROW EXCLUSIVE' END)"
                  " FROM " TABLES " AND EXISTS (SELECT FROM missing WHERE kind IN"
                  "  ('migration', 'default', 'replica identity', 'index', 'trigger'))"
                  " HAVING count(*) > 0",
                  {InvalidOid}},
    [HOLDERS] = {"SELECT string_agg(format('process %s of %s holds %s', l.pid,"
                 "  coalesce(a.usename, 'nobody'), l.tables), '; ' ORDER BY l.pid)"
                 " FROM (SELECT pid, string_agg(DISTINCT relation::regclass::text, ', ') AS tables"
                 "  FROM pg_locks WHERE granted AND pid <> pg_backend_pid()"
                 "  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                 "  AND relation IN (SELECT c.oid FROM " TABLES ") GROUP BY pid) AS l"
                 " LEFT JOIN pg_stat_activity a ON a.pid = l.pid",
                 {InvalidOid}},
};

static void
lock_all(void *command)
{
	int level = NewGUCNestLevel();

	guc_set_locally("lock_timeout", MOMENT);
	run_command(command);
	AtEOXact_GUC(true, level);
}

/* Tries once; what was locked before one could not be is let go. */
static bool
try_to_hold(char *command)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool held = true;

	PG_TRY();
	{
		in_subtransaction(lock_all, command, true);
	}
	PG_CATCH();
	{
		/* the subtransaction, which is undone, has put everything back */
		MemoryContextSwitchTo(context);
		if (geterrcode() != ERRCODE_LOCK_NOT_AVAILABLE)
			PG_RE_THROW();
		FlushErrorState();
		held = false;
	}
	PG_END_TRY();
	return held;
}

static void
raise_held(void)
{
	char *holders;

	statement_run(&statements[HOLDERS], NULL, 0);
	holders = row_text(0, 1);
	ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE),
	                errmsg("could not lock the tables within %d ms (lock_timeout)", LockTimeout),
	                holders ? errdetail_internal("%s", holders) : 0));
}

void
hold_tables(void)
{
	TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), LockTimeout);
	char *command;

	if (statement_run(&statements[LOCK_ALL], NULL, 0) == 0)
		return;
	command = row_text(0, 1);
	while (!try_to_hold(command))
	{
		if (GetCurrentTimestamp() >= end)
			raise_held();
		CHECK_FOR_INTERRUPTS();
		pg_usleep(PAUSE_MICROSECONDS);
	}
}
