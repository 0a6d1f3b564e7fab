/*
 * commands.h
 *	  Making and altering things in the name of the superuser who asked for it.
 */
#ifndef EDURANGE_COMMANDS_H
#define EDURANGE_COMMANDS_H

#include "postgres.h"

#include "base/statements.h"

/*
 * Runs a text of SQL, which may hold several statements, as who called.  It must evaluate nothing that others
 * could have written: rows are read and written by statements in the names of our roles.
 */
extern void run_command(const char *sql);

/* Runs the commands in a column of what a statement lists. */
extern void run_commands(Statement *list, int column);

/* Gives edurange_game the rights that it lacks on tables that are there; false when it lacks none. */
extern bool lend_tables(void);

#endif
