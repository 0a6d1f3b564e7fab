/*
 * questions.h
 *	  What is asked about single pods, and how many at a time.
 */
#ifndef EDURANGE_WORKER_QUESTIONS_H
#define EDURANGE_WORKER_QUESTIONS_H

#include "instance_manager.h"

/* How they are asked. */
typedef struct QuestionLimits
{
	int concurrency;
	long timeout_ms;
} QuestionLimits;

extern void questions_want(const char *wanted_text);
extern void questions_forget(void);
extern void questions_cancel(void);
extern bool questions_are_old(const QuestionLimits *limits);
extern void questions_begin(const ImTarget *target, const QuestionLimits *limits);
extern void questions_end(void);
extern int questions_running(void);
extern long questions_due_ms(void);

#endif
