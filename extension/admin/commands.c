/*
 * commands.c
 *	  Making and altering things in the name of the superuser who asked for it.
 */
#include "postgres.h"

#include "admin/commands.h"
#include "base/rows.h"
#include "base/surface.h"

typedef enum StatementId
{
	LEND,
	STATEMENT_COUNT
} StatementId;

/* The rights are those that edurange.assertions() has, too. */
static Statement statements[STATEMENT_COUNT] = {
    [LEND] =
        {"SELECT format('GRANT %s ON %s TO edurange_game', rights, t.oid::regclass)"
         " FROM (SELECT 'SELECT, INSERT, UPDATE, DELETE', to_regclass(format('public.%I', name))"
         "  FROM unnest(edurange.platform_tables()) AS p (name)"
         "  UNION ALL SELECT 'SELECT', to_regclass(format('edurange.%I', name))"
         "  FROM unnest(edurange.lent_tables()) AS o (name)) AS t (rights, oid)"
         " WHERE EXISTS (SELECT FROM unnest(string_to_array(rights, ', ')) AS r (name)"
         "  WHERE NOT has_table_privilege('edurange_game', t.oid, r.name))",
         {InvalidOid}},
};

void
run_command(const char *sql)
{
	Surface saved;
	int result;

	surface_as_caller(&saved);
	result = SPI_execute(sql, false, 0);
	surface_take_back(&saved);
	if (result < 0)
		elog(ERROR, "could not run \"%s\": %s", sql, SPI_result_code_string(result));
}

void
run_commands(Statement *list, int column)
{
	uint64 count = statement_run(list, NULL, 0);
	char **commands = palloc(sizeof(char *) * Max(count, 1));

	for (uint64 i = 0; i < count; i++)
		commands[i] = row_text(i, column);
	for (uint64 i = 0; i < count; i++)
		run_command(commands[i]);
}

bool
lend_tables(void)
{
	uint64 count = statement_run(&statements[LEND], NULL, 0);

	if (count > 0)
		run_commands(&statements[LEND], 1);
	return count > 0;
}
