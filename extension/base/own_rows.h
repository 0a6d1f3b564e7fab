/*
 * own_rows.h
 *	  Rows of our own tables, written below SQL: starting a statement costs several times what inserting does.
 *
 * What somebody has hung on the table, a trigger or a constraint, holds all the same; a column that somebody has
 * added stays null, whatever its default.
 */
#ifndef EDURANGE_OWN_ROWS_H
#define EDURANGE_OWN_ROWS_H

#include "postgres.h"

#include "nodes/execnodes.h"

#define OWN_MAX_COLUMNS 16

typedef struct OwnColumn
{
	const char *name;
	Oid type;
} OwnColumn;

/* A table, open for new rows. */
typedef struct OwnTable
{
	Relation relation;
	EState *state;
	ResultRelInfo *target;
	TupleTableSlot *row;
	int count;
	int places[OWN_MAX_COLUMNS]; /* of the columns in the row */
} OwnTable;

/* Opens a table of schema edurange, for so many columns; raises where it is not as it must be. */
extern void own_table_open(OwnTable *table, const char *name, const OwnColumn *columns, int count);

/* Adds a row, of a value for each of the columns. */
extern void own_table_insert(OwnTable *table, const NullableDatum *values);

/* Closes it; what the transaction does from now on sees the rows. */
extern void own_table_close(OwnTable *table);

#endif
