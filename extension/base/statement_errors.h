/*
 * statement_errors.h
 *	  What the caller of a statement of ours is told when it fails.
 */
#ifndef EDURANGE_STATEMENT_ERRORS_H
#define EDURANGE_STATEMENT_ERRORS_H

#include "postgres.h"

/*
 * Raises the error that was caught while a statement of ours was planned or executed, in the context
 * given, without what could carry a secret; PG_CATCH() ends with it.
 */
extern _Noreturn void statement_rethrow(const char *sql, MemoryContext context);

/*
 * Is it an error of our own that is about the tables or the server: one is gone, altered, or not written?  Codes alone do
 * not tell: anybody's trigger can raise an error with any.
 */
extern bool statement_error_is_ours(const ErrorData *error);

#endif
