/*
 * answers.h
 *	  Is an answer right?
 */
#ifndef EDURANGE_ANSWERS_H
#define EDURANGE_ANSWERS_H

#include "postgres.h"

#include "utils/array.h"

/* What a question takes as its answer. */
typedef struct AnswerKey
{
	bool is_set;       /* the answer is the whole set, not one of the alternatives */
	ArrayType *values; /* texts; NULL: nothing is right */
} AnswerKey;

/*
 * Judges an answer.  Outer white space does not count, anything else does.  How long it takes does
 * not tell how much of the answer is right.
 */
extern bool answer_is_right(const AnswerKey *key, const char *answer);

#endif
