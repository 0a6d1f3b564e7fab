/*
 * shapes.h
 *	  Whether tables still have the shape that the code was written for: kind, columns, types, no nulls.
 *
 * The tables are the platform's, and its tools and its owner may alter them at any time, also while sessions
 * of ours live.  A statement over an altered table could go on and be wrong: numbers of another type are added
 * and rounded silently, a null counts for nothing in a sum.  So the columns that a statement names are
 * compared whenever PostgreSQL analyzes it, which it does anew, with the tables locked, once somebody has
 * altered one of them.  What differs is error schema_changed, naming table and column.
 */
#ifndef EDURANGE_SHAPES_H
#define EDURANGE_SHAPES_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "utils/rel.h"

/* Raises schema_changed; the subject names the table and the column. */
extern _Noreturn void schema_changed(const char *format, ...) pg_attribute_printf(1, 2);

/* Compares what a statement names of our tables and the platform's; raises what differs. */
extern void shapes_check_query(const Query *query);

/*
 * What differs, of the tables and columns that the text of a statement has words for; NULL: nothing.  For
 * statements that cannot even be analyzed.
 */
extern char *shapes_fault_of_text(const char *sql);

/*
 * A constraint or trigger of the platform's tables that can be put off to the end of the transaction; NULL: none.  For
 * statements that have failed over one, also over that of a table to which they cascade.
 */
extern char *shapes_fault_of_deferred(void);

/* What differs of the platform's tables that are to be adopted, less what the first migration makes; NULL: nothing. */
extern char *shapes_fault_of_adopted(void);

/* The number of a column that must have the type; for rows that are read and written below SQL. */
extern int shape_column(Relation relation, const char *name, Oid type);

/* Raises unless it is an ordinary table. */
extern void shape_ordinary(Relation relation);

/* The name of a table, with its schema's. */
extern char *shape_name(Relation relation);

#endif
