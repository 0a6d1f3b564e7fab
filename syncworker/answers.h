/*
 * answers.h
 *	  Answers about single pods on their way into the database.
 */
#ifndef EDURANGE_WORKER_ANSWERS_H
#define EDURANGE_WORKER_ANSWERS_H

#include "database.h"
#include "instance_manager.h"
#include "problems.h"

/* Where in the log each kind of question stands. */
extern const ProblemArea question_areas[IM_QUESTIONS];

extern void answers_add(ImQuestion question, json_t *answer, int64 asked_at);
extern bool answers_wait(void);
extern void answers_name(ImQuestion question, json_t *names);
extern long answers_due_ms(void);
extern bool answers_apply(ApplyResult *result);

#endif
