/*
 * shape_rows.h
 *	  Whether new rows can be written into the platform's tables, as they are now.
 *
 * They need the unique keys that decide who comes first, which ON CONFLICT names, and no column that wants a value
 * which nobody gives it.
 */
#ifndef EDURANGE_SHAPE_ROWS_H
#define EDURANGE_SHAPE_ROWS_H

#include "postgres.h"

/*
 * A unique key that a table of the platform's lacks, as a fault of its shape; NULL: none.  One of another name will do,
 * one that is not valid, is of some rows only or may be put off will not.  With adopted, what the first migration has
 * still to make is no fault.
 */
extern char *shape_key_fault(const char *table, Oid relation, bool adopted);

/* Does the column, which is none of those that we know, take no null, and get no value by itself or by a trigger? */
extern bool shape_wants_value(Oid relation, AttrNumber number);

#endif
