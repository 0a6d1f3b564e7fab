/*
 * accepted_answers.h
 *	  Further right answers, which an instructor has found: each holds in one competition.
 */
#ifndef EDURANGE_ACCEPTED_ANSWERS_H
#define EDURANGE_ACCEPTED_ANSWERS_H

#include "postgres.h"

#include "utils/array.h"

#include "game/answers.h"

/* Runs a statement: those to a question of a group challenge, texts; NULL where there are none. */
extern ArrayType *
accepted_answers(const char *group_id, const char *group_challenge_id, const char *question_id);

/*
 * Is an answer one of them?  They are compared as answers to the question are, but that one of them is what was
 * answered and no pattern.  What cannot be judged is none.
 */
extern bool answer_is_accepted(const AnswerKey *key, ArrayType *accepted, const char *answer);

#endif
