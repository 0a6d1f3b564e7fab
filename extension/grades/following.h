/*
 * following.h
 *	  The completion of a challenge follows those of its questions when they are changed afterwards.
 */
#ifndef EDURANGE_FOLLOWING_H
#define EDURANGE_FOLLOWING_H

#include "game/retired.h"
#include "grades/change.h"

/* What completing a challenge needs: the required ones of its questions, all where none is. */
#define NEEDED_QUESTIONS(challenge_id)                                                             \
	"needed AS (SELECT id FROM (SELECT q.id, q.required, bool_or(q.required) OVER () AS is_any"    \
	"  FROM public.\"ChallengeQuestion\" q WHERE q.\"challengeId\" = " challenge_id                \
	"  AND " QUESTION_IS_LIVE ") AS live WHERE required OR NOT is_any)"

/* What is done of the challenge, when the completions of the question are written. */
typedef struct Done
{
	int64 paid_by_questions;
	int32 points;
	int64 missing; /* questions that are needed */
	bool is_complete;
	TimestampTz last_at;
	bool is_made; /* a completion of the challenge, which says so many points */
	int32 made_points;
	int64 challenge_lost; /* CHALLENGE_LOST then */
} Done;

/* Reads what is done of the challenge by each of them. */
extern Done *done_read(const Change *change, Grade *const *grades, int count);

/* What the questions paid, before the change, that a completion of the challenge of that time stands for. */
extern int64 points_before(const Grade *grade, const Done *done, TimestampTz at);

/* How many of the questions that are needed were missing before. */
extern int64 missing_before(const Change *change, const Grade *grade, const Done *done);

/*
 * Lets the completion of the challenge follow its questions; returns what it pays then.  One for which a service was
 * paid stays, and so does one that was made before a question was added, as long as none that it needs is lost.  Undone,
 * one that was there stays, or is made again, when no more is missing than ever was while it was there.
 */
extern int64 follow_challenge(const Change *change, const Grade *grade, Done *done, bool is_undone);

/* Undone is no change of its own: the latest one that saw the completion of the challenge keeps what it cannot say. */
extern void keep_lost(const Grade *grade, const Done *done);

#endif
