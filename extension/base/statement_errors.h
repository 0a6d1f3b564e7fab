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

#endif
