/*
 * statements.h
 *	  SQL statements with plans that are kept, one table of them in each file that has any.
 *
 * The room base/ is what every other stands on and knows none of them: statements, errors and refusals,
 * arguments, settings, ids, JSON as text and on the wire.
 *
 * A SQL function calls statements_begin(), runs statements, takes what it needs out of their rows
 * and calls statements_end().  What a getter returns as text lives until statements_end().
 */
#ifndef EDURANGE_STATEMENTS_H
#define EDURANGE_STATEMENTS_H

#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"

#include "base/arguments.h"

#define STATEMENT_MAX_ARGUMENTS 20

/*
 * The time in UTC, as the platform's columns have it, without a zone.  Read from the clock when the row
 * is written, after its lock was waited for: so times of one row never go back.
 */
#define UTC_CLOCK "clock_timestamp() AT TIME ZONE 'UTC'"

/* A time of such a column as answers give it (wire.c), where it goes into JSON that a statement makes. */
#define ISO_TIME(time) "to_char(" time ", 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

/* The same to select from, for statements that write it twice. */
#define CLOCK_ROW "(SELECT " UTC_CLOCK ") AS clock (now)"

/* In the stead of a statement, before migrate(), that would find or change nothing then.  Without any tables it fails. */
#define FINDS_NOTHING "SELECT NULL FROM edurange.standing WHERE false"

typedef struct Statement
{
	const char *sql;
	Oid argument_types[STATEMENT_MAX_ARGUMENTS]; /* ends with the first InvalidOid */
	bool reads;                                  /* only reads, with the caller's snapshot */
	bool newest;                                 /* only reads, what is committed by now */
	bool by_key;     /* finds rows by keys, however few there are when it is planned */
	bool must_write; /* whenever it runs; no row means that somebody's trigger kept it out */
	bool keys_held;  /* the rows that its foreign keys name are held: see held_keys.h */
	struct Statement
	    *before;      /* in its stead before migrate(), where it names what tables lacked then */
	SPIPlanPtr plan;  /* made at the first use in a session */
	bool writes;      /* noted then */
	bool of_platform; /* noted then: names a table of the platform */
} Statement;

/*
 * Are the tables those of this version?  Between a package of this version and migrate() they are as the version
 * before made them, and what it served goes on.  Asked anew each time: a session goes on over migrate().
 */
extern bool tables_are_migrated(void);

/* Makes statements be watched while they are analyzed and planned; once, when the module is loaded. */
extern void statements_register(void);

extern void statements_begin(void);
extern void statements_end(void);

/*
 * Does work in a subtransaction, which is kept or undone.  What the work raises ends it first: left to
 * itself, the session would stay in a transaction that has failed.
 */
extern void in_subtransaction(void (*work)(void *argument), void *argument, bool keep);

#define STATEMENT_ARGUMENTS(...)                                                                   \
	(const NullableDatum[]){__VA_ARGS__}, (int) lengthof(((const NullableDatum[]){__VA_ARGS__}))

/* Runs a statement: STATEMENT_RUN(&statements[X], value_text(id), fcinfo->args[1]). */
extern uint64 statement_run(Statement *statement, const NullableDatum *arguments, int count);
#define STATEMENT_RUN(statement, ...) statement_run((statement), STATEMENT_ARGUMENTS(__VA_ARGS__))

/*
 * The same of one whose rows become the result of a set-returning function, behind what is there already.  They go
 * there one by one and are never in memory all at once, however many there are.
 */
extern uint64 statement_list(FunctionCallInfo fcinfo, Statement *statement,
                             const NullableDatum *arguments, int count);
#define STATEMENT_LIST(fcinfo, statement, ...)                                                     \
	statement_list((fcinfo), (statement), STATEMENT_ARGUMENTS(__VA_ARGS__))

/* Raises that somebody's trigger keeps new rows of the table from being written. */
extern _Noreturn void new_row_kept_out(const char *table);

/*
 * The same of rows that were looked for.  Where the transaction's snapshot is older than the statement, it is more likely
 * that it does not show them: then that the transaction is to be tried again.
 */
extern _Noreturn void row_kept_out(const char *table);

/* Raises that the transaction is to be tried again: its snapshot is older than rows of the table that it would change. */
extern _Noreturn void row_unseen(const char *table);

/* For base/rows.h.  What the statement that ran last was analyzed to; NULL: it has not been. */
extern const Query *query_ran_last(void);
/* Raises that it has given no such row, or why it has not. */
extern _Noreturn void row_is_missing(uint64 row);
/* The name of a table in an error. */
extern char *table_name(Oid table);

#endif
