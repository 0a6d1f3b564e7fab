/*
 * rows.h
 *	  What came of a statement, as values of C, and as a function's result.
 */
#ifndef EDURANGE_ROWS_H
#define EDURANGE_ROWS_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

/*
 * Columns, counted from 1, of a row of the statement that ran last.  They must have the type, and a value where
 * nothing else is said: what does not is error schema_changed.
 */
extern Datum row_value(uint64 row, int column, Oid type, bool *is_null);
extern char *row_text(uint64 row, int column);
extern char *row_text_or_null(uint64 row, int column);
extern int32 row_int(uint64 row, int column);
extern int64 row_long(uint64 row, int column);
extern bool row_bool(uint64 row, int column);
extern bytea *row_bytes(uint64 row, int column);
extern Jsonb *row_jsonb(uint64 row, int column);
extern TimestampTz row_time(uint64 row, int column);
extern TimestampTz row_time_or_zero(uint64 row, int column);

/* A value of a row as an argument of a further statement. */
extern NullableDatum row_argument(uint64 row, int column, Oid type);

/* A value of a row, moved to where it outlives statements_end(). */
extern NullableDatum row_result(uint64 row, int column, Oid type);

/* Raises unless rows of the statement that ran last have the types of the descriptor. */
extern void rows_must_be(TupleDesc descriptor);

/* Column 1, a row of a type of ours, of the first of so many rows, moved likewise; null where there is none. */
extern NullableDatum first_result(uint64 rows);

/* The same of a statement that always has a row, and never null in it. */
extern Datum only_result(void);

/* A composite result of the calling function, made outside of the statements' memory. */
extern Datum composite_result(FunctionCallInfo fcinfo, const NullableDatum *values, int count);

#endif
