/*
 * statements.h
 *	  The statement table: every statement that the shim sends to the database.
 */
#pragma once

#include <stdbool.h>

/* clang-format off */
/* What is sent for many calls at once, and the function that its calls are of. */
#define BATCHED_STATEMENTS(X) \
	X(AUTHENTICATE, "authenticate_token") X(ADD_POINTS, "add_points") X(SET_POINTS, "set_points") \
	X(CREATE_COMPETITION, "create_competition") X(GENERATE_CODE, "generate_access_code") \
	X(ADD_CHALLENGE, "add_competition_challenge") X(JOIN, "join_competition") \
	X(CREATE_USER, "create_user") X(USERS, "users") X(COMPETITIONS, "competitions") \
	X(COMPETITION, "competition") X(UPDATE_COMPETITION, "update_competition") \
	X(DELETE_COMPETITION, "delete_competition") X(MEMBERS, "members") X(REMOVE_MEMBER, "remove_member") \
	X(SET_INSTRUCTORS, "set_instructors") X(ROSTER, "roster") X(ACCESS_CODES, "access_codes") \
	X(REVOKE_CODE, "revoke_access_code") X(REMOVE_CHALLENGE, "remove_competition_challenge") \
	X(SET_CHALLENGE_POINTS, "set_challenge_points") X(RESET_PROGRESS, "reset_progress") \
	X(SET_PARTICIPATION, "set_participation") X(PARTICIPATION, "participation") \
	X(GRADE_CHANGE, "grade_change") X(GRADE_CHANGES, "grade_changes") \
	X(SET_BOARD_POLICY, "set_board_policy") X(GET_BOARD_POLICY, "get_board_policy") \
	X(ATTEMPTS, "attempts") X(ACTIVITY, "activity") X(ATTEMPT, "attempt_question") \
	X(COMPLETE, "complete_question") X(CHALLENGE_DETAILS, "challenge_details") \
	X(COMPLETE_CHALLENGE, "complete_challenge") X(LOG_ACTIVITY, "log_activity")

typedef enum StatementId
{
	STATEMENT_NONE, STATEMENT_CALLER_VALUES, STATEMENT_DIRECT, STATEMENT_PING, STATEMENT_READINESS,
	STATEMENT_GET_POINTS, STATEMENT_POINTS_HISTORY, STATEMENT_INSTANCES, STATEMENT_LEADERBOARD,
	STATEMENT_GRADEBOOK, STATEMENT_STATISTICS, STATEMENT_TIMELINE, STATEMENT_INTEGRITY,
	 STATEMENT_REJUDGE,
	STATEMENT_ACCEPT_ANSWER, STATEMENT_REPRICE, STATEMENT_GRADE_QUESTION, STATEMENT_VOID_COMPLETION,
	STATEMENT_UNDO_CHANGE,
	STATEMENT_COMPLETED, STATEMENT_QUESTION_DETAILS, STATEMENT_CHALLENGE_LIST, STATEMENT_CHALLENGES,
	STATEMENT_PACK_INSTALL, STATEMENT_PACK_UPDATE, STATEMENT_PACK_UNINSTALL, STATEMENT_PACK_LIST,
	STATEMENT_PACK_DETAILS, STATEMENT_PROGRESS, STATEMENT_INSTANCE, STATEMENT_UPDATE_INSTANCE,
	STATEMENT_HEALTH, STATEMENT_SYNC_METRICS, STATEMENT_CDF_SCHEMA, STATEMENT_CDF_VALIDATE,
	STATEMENT_CDF_IMPORT, STATEMENT_CDF_UPDATE, STATEMENT_CDF_EXPORT, STATEMENT_IMPORT_ROSTER,
	STATEMENT_BOARD_ACCESS, STATEMENT_BOARDS, STATEMENT_FEEDS, STATEMENT_EVENTS,
#define ENTRY(id, function) STATEMENT_##id,
	BATCHED_STATEMENTS(ENTRY)
#undef ENTRY
	STATEMENT_COUNT
} StatementId;
/* clang-format on */

#define CALLER_VALUES 4 /* who calls: token id, bound user id, bound instance id, acting user id */

typedef struct DatabaseStatement
{
	const char *name; /* of the SQL function that it calls, which says what a route answers */
	const char *sql;
	const char *before; /* the same for an older database; NULL: sql is right there, too */
	int newer;          /* which value has no place in that; 0: each has one */
	const char *value;  /* batched: how the value of a call becomes its answer, as SQL */
	bool batched;       /* takes the values of many calls as one array and returns a row for each */
	bool list;          /* answers with a list of what the function returns */
	bool in_pieces;     /* returns any number of rows, whose texts are one answer */
} DatabaseStatement;

extern const DatabaseStatement statements[STATEMENT_COUNT];

/* The SQL for one call of so many values, where the database is older and knows no batches; to be freed.  NULL: out of memory. */
extern char *statement_direct(const DatabaseStatement *statement, int count, int acting);
