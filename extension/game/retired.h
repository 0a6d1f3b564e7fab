/*
 * retired.h
 *	  Questions that a new document no longer has, although somebody worked at them.
 *
 * Their rows stay for what was done, and are no part of the challenge any more.
 */
#ifndef EDURANGE_RETIRED_H
#define EDURANGE_RETIRED_H

/* Of the question q. */
#define QUESTION_IS_RETIRED                                                                        \
	"EXISTS (SELECT FROM edurange.retired_question gone WHERE gone.question_id = q.id)"
#define QUESTION_IS_LIVE "NOT " QUESTION_IS_RETIRED
#define QUESTION_IS_WORKED_AT                                                                      \
	"(EXISTS (SELECT FROM public.\"QuestionAttempt\" w WHERE w.\"questionId\" = q.id)"             \
	" OR EXISTS (SELECT FROM public.\"QuestionCompletion\" w WHERE w.\"questionId\" = q.id))"

#endif
