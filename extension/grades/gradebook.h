/*
 * gradebook.h
 *	  The book of grades, member by member.
 */
#ifndef EDURANGE_GRADEBOOK_H
#define EDURANGE_GRADEBOOK_H

#include "postgres.h"

#include "executor/spi.h"
#include "fmgr.h"

#include "base/refusal.h"
#include "calls/caller.h"

/* The columns of a row: those of edurange.grade, and behind them what only files have. */
enum
{
	GRADE_USER_ID = 1,
	GRADE_NAME,
	GRADE_EMAIL,
	GRADE_EXTERNAL_ID,
	GRADE_PLACEMENT,
	GRADE_QUESTION,
	GRADE_ITEM,
	GRADE_POINTS,
	GRADE_OF,
	GRADE_FIRST,
	GRADE_ATTEMPTS,
	GRADE_LATE,
	GRADE_HIDDEN,
	GRADE_DISQUALIFIED,
	GRADE_LOGIN_ID,
	GRADE_SECTION,
	GRADE_IS_CORRECTION
};

/* What a book is of. */
typedef struct Gradebook
{
	char *group_id;
	const char *by;      /* total, challenge or question */
	NullableDatum at;    /* null: now */
	char *after;         /* the last member that was read */
	int32 at_once;       /* how many members are read next */
	SPITupleTable *rows; /* of the members that were read last */
} Gradebook;

/* Reads and checks the arguments; whether the caller may see the competition, within statements. */
extern void gradebook_read(Gradebook *book, FunctionCallInfo fcinfo, int by, int at);
extern bool gradebook_find(const Caller *caller, const Gradebook *book, Refusal *refusal);

/* Reads the rows of the next members, all of each member and in the order of items; how many, 0 behind the last. */
extern uint64 gradebook_next(Gradebook *book);

#endif
