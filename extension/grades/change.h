/*
 * change.h
 *	  What a change of grades is: as asked and as found, and what is so of each user and is to be.
 */
#ifndef EDURANGE_CHANGE_H
#define EDURANGE_CHANGE_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "calls/caller.h"
#include "game/answers.h"

#define UTC(column) column " AT TIME ZONE 'UTC'"

/*
 * How many of the questions that a challenge needs were missing at most while its completion was there, as changes
 * have seen it: a service may have asserted it with some missing.
 */
#define MOST_MISSING(user_id, completion_id)                                                       \
	"coalesce((SELECT max(x.questions_missing) FROM edurange.grade_change_user x"                  \
	" WHERE x.user_id = " user_id " AND x.challenge_completion_id = " completion_id "), 0)"

/*
 * How much more a completion of a challenge says than it should, as it cannot say less than nothing; or how much less
 * (negative), as it says no more than its questions.  The latest change that saw it keeps this.
 */
#define CHALLENGE_LOST(user_id, completion_id)                                                     \
	"coalesce((SELECT x.challenge_lost FROM edurange.grade_change_user x"                          \
	" JOIN edurange.grade_change c ON c.id = x.change_id WHERE x.user_id = " user_id               \
	" AND x.challenge_completion_id = " completion_id                                              \
	" ORDER BY c.at DESC, c.id DESC LIMIT 1), 0)"

typedef struct Change
{
	/* as asked */
	const char
	    *kind; /* rejudged, accepted, repriced, graded, voided; undone is none that is recorded */
	char *group_id;
	char *question_id;
	char *reason;
	bool of_one; /* it concerns one user: all others may go on to score */
	bool dry_run;
	MemoryContext context; /* of the caller, for what outlives the statements */
	/* as found */
	char *id;
	char *placement_id;
	char *challenge_id;
	int32 question_points;
	AnswerKey key;
	char *flag; /* of which kind a flag question's is, else NULL */
	bool is_retired;
	bool is_needed; /* for the challenge to be complete */
	/* the outcome */
	int64 attempts; /* that were judged */
	int64 attempts_changed;
	int64 gained;
	int64 lost;
	int64 adjusted;
	int64 kept; /* completions that nothing backs, and that stay: asserted, or graded by hand */
	int64 paid;
	int64 taken;
	NullableDatum former; /* texts: who was concerned, too, and is no member any more */
	List *not_undone;     /* user ids */
	bool has_others;      /* what is undone is not the only change of its challenge */
} Change;

/* What is so of one user, and what is to be. */
typedef struct Grade
{
	char *user_id;
	char *completion_id; /* of the question; NULL: none */
	TimestampTz completed_at;
	int32 points;
	bool is_by_hand; /* an instructor has graded it */
	char *challenge_completion_id;
	TimestampTz challenge_completed_at;
	int32 challenge_points;
	int64 challenge_missing; /* MOST_MISSING */
	int64 challenge_lost;    /* CHALLENGE_LOST */
	bool is_asserted;        /* a service was paid for the challenge as a whole */
	int64 paid;              /* for the challenge, since the last reset */
	TimestampTz counts_at;   /* when what was paid for the question counts; 0: not known */
	TimestampTz reset_at;
	TimestampTz voided_at;   /* until when attempts back nothing; 0: not at all */
	int64 attempts;          /* that count, since then */
	TimestampTz first_right; /* of them; 0: none */
	TimestampTz last_attempt;

	bool is_changed; /* what follows is to be */
	char *wanted_id; /* of the completion; NULL: none is to be */
	TimestampTz wanted_at;
	int32 wanted_points;
	char *old_challenge_id; /* what a completion of the challenge was, should one be made */
	TimestampTz old_challenge_at;
	int64 old_challenge_distance; /* how much less it said than its questions */
	int64 may_miss; /* needed questions without which a completion of the challenge may be there */
	TimestampTz effective_at; /* of the entry in the ledger; 0: when it is written */
	int64 delta;
} Grade;

#endif
