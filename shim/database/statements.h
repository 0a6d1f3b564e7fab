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
	STATEMENT_NONE, STATEMENT_CALLER_VALUES, STATEMENT_DIRECT, STATEMENT_PING, STATEMENT_READINESS, STATEMENT_AUTHENTICATE, STATEMENT_GET_POINTS,
	STATEMENT_ADD_POINTS, STATEMENT_SET_POINTS, STATEMENT_CREATE_COMPETITION, STATEMENT_GENERATE_CODE,
	STATEMENT_ADD_CHALLENGE, STATEMENT_JOIN,
	STATEMENT_CREATE_USER, STATEMENT_USERS, STATEMENT_COMPETITIONS, STATEMENT_COMPETITION,
	STATEMENT_UPDATE_COMPETITION, STATEMENT_DELETE_COMPETITION, STATEMENT_MEMBERS,
	STATEMENT_REMOVE_MEMBER, STATEMENT_SET_INSTRUCTORS, STATEMENT_ACCESS_CODES, STATEMENT_REVOKE_CODE,
	STATEMENT_REMOVE_CHALLENGE, STATEMENT_SET_CHALLENGE_POINTS, STATEMENT_RESET_PROGRESS,
	STATEMENT_ATTEMPTS, STATEMENT_ACTIVITY, STATEMENT_POINTS_HISTORY, STATEMENT_INSTANCES,
	STATEMENT_LEADERBOARD, STATEMENT_ATTEMPT,
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
