/*
 * statements.h
 *	  The statement table: every statement that the shim sends to the database.
 */
#ifndef EDURANGE_SHIM_STATEMENTS_H
#define EDURANGE_SHIM_STATEMENTS_H

#include <stdbool.h>

/* clang-format off */
typedef enum StatementId
{
	STATEMENT_NONE, STATEMENT_CALLER_VALUES, STATEMENT_PING, STATEMENT_READINESS, STATEMENT_AUTHENTICATE, STATEMENT_GET_POINTS,
	STATEMENT_ADD_POINTS, STATEMENT_SET_POINTS, STATEMENT_CREATE_COMPETITION, STATEMENT_GENERATE_CODE,
	STATEMENT_ADD_CHALLENGE, STATEMENT_JOIN, STATEMENT_LEADERBOARD, STATEMENT_ATTEMPT,
	STATEMENT_COMPLETE, STATEMENT_COMPLETED, STATEMENT_QUESTION_DETAILS, STATEMENT_CHALLENGE_DETAILS,
	STATEMENT_CHALLENGE_LIST, STATEMENT_CHALLENGES, STATEMENT_PACK_INSTALL, STATEMENT_PACK_UPDATE,
	STATEMENT_PACK_UNINSTALL, STATEMENT_PACK_LIST, STATEMENT_PACK_DETAILS,
	STATEMENT_COMPLETE_CHALLENGE, STATEMENT_PROGRESS, STATEMENT_INSTANCE, STATEMENT_UPDATE_INSTANCE,
	STATEMENT_LOG_ACTIVITY, STATEMENT_HEALTH, STATEMENT_SYNC_METRICS, STATEMENT_CDF_SCHEMA,
	STATEMENT_CDF_VALIDATE, STATEMENT_CDF_IMPORT, STATEMENT_CDF_UPDATE, STATEMENT_CDF_EXPORT,
	STATEMENT_COUNT
} StatementId;
/* clang-format on */

/* Who calls: token id, bound user id, bound instance id, acting user id. */
#define CALLER_VALUES 4

typedef struct DatabaseStatement
{
	const char *name; /* of the SQL function that it calls, which says what a route answers */
	const char *sql;
	const char *value; /* batched: how the value of a call becomes its answer, as SQL */
	bool batched;      /* takes the values of many calls as one array and returns a row for each */
	bool list;         /* answers with a list of what the function returns */
} DatabaseStatement;

extern const DatabaseStatement statements[STATEMENT_COUNT];

/*
 * A batched statement for a database of the version before, which knows no batches: one call by itself, of so many
 * values, one of which says who acts (counted from 1; 0: none).  To be freed; NULL: out of memory.
 */
extern char *statement_direct(const DatabaseStatement *statement, int count, int acting);

#endif
