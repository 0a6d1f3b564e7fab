/*
 * completions.h
 *	  A user at a challenge of a competition: finding it, scoring, and what is complete then.
 *
 * The room game/ is the rules: competitions, challenges and their questions, attempts and answers, what
 * is paid for them (here), how totals change and are recorded (ledger.h, entries.h), and the log of what
 * users did (activity.h).
 */
#ifndef EDURANGE_COMPLETIONS_H
#define EDURANGE_COMPLETIONS_H

#include "postgres.h"

#include "base/statements.h"
#include "calls/caller.h"
#include "game/answers.h"
#include "game/attempts.h"

/*
 * What was paid a user for a group challenge, by its questions and by its completion, resets aside, as SQL that reads
 * a bigint each.  The larger of the two is what was paid.
 */
#define PAID_BY_QUESTIONS(user_id, group_challenge_id)                                             \
	"(SELECT coalesce(sum(done.\"pointsEarned\"), 0) FROM public.\"QuestionCompletion\" AS done"   \
	" WHERE done.\"userId\" = " user_id " AND done.\"groupChallengeId\" = " group_challenge_id ")"
#define PAID_BY_COMPLETION(user_id, group_challenge_id)                                                   \
	"(SELECT coalesce(max(done.\"pointsEarned\"), 0)::bigint FROM public.\"ChallengeCompletion\" AS done" \
	" WHERE done.\"userId\" = " user_id " AND done.\"groupChallengeId\" = " group_challenge_id ")"

typedef struct Play
{
	/* as asked */
	char *user_id;
	char *question_id; /* NULL: the play is about the challenge as a whole */
	char *group_challenge_id;
	char *instance_id;
	const char *acting_user; /* who has it done, or NULL */
	/* as found */
	char *group_id;
	char *challenge_id;
	bool has_begun;         /* the competition, at the time of the statement */
	bool is_open;           /* the same, and for the user it is not over */
	bool is_disqualified;   /* the user, in the competition */
	bool is_retired;        /* the question: a new document no longer has it */
	int32 challenge_points; /* of the group challenge */
	int32 points;           /* of the question */
	char *type;
	AnswerKey key;
	char *flag;              /* of which kind a flag question's is, instance or static; else NULL */
	int64 paid_by_questions; /* for the challenge, before, here and below: since the last reset */
	int64 paid_by_completion;
	bool completed_before_reset; /* the challenge */
	bool is_left; /* a required question of the challenge is not completed, this one aside */
	AttemptHistory attempts;
	/* the outcome */
	bool already_completed;
	bool challenge_completed;
	int32 points_earned;
	NullableDatum completion; /* edurange.question_completion */
	NullableDatum total;      /* edurange.group_points */
} Play;

/*
 * All of these run statements.  play_find() locks what the play is about, the membership last: who
 * scores holds it to the end of the transaction.
 */
extern bool play_find(const Caller *caller, Play *play, Refusal *refusal);
/* Can this be scored, now: is the competition open, and the question part of the challenge? */
extern bool play_check_open(const Play *play, Refusal *refusal);

/* Is the document's answer the flag, for everybody, and not that of the user's instance? */
extern bool play_has_static_flag(const Play *play);

/* Pays for the question what was not paid before: the last refusal, the first write. */
extern bool play_award_question(const Caller *caller, Play *play, Refusal *refusal);

/* An attempt as it was judged. */
typedef struct PlayAttempt
{
	const char *answer;
	bool is_correct;
	int32 number; /* among the user's attempts at the question, from 1 */
} PlayAttempt;

/*
 * Writes the attempt, where there is one, and the question's completion, where it completes: with the last one
 * that is needed the challenge's, too; and the entries of the log.
 */
extern void play_record(Play *play, const PlayAttempt *attempt, bool completes);

/* Writes the challenge's completion if all the questions it needs are; tells whether it did. */
extern bool play_complete_challenge(Play *play);

/*
 * Raises what was paid for the challenge to an amount and completes it; nothing happens when it was
 * completed before and as much was paid, or before the last reset.
 */
extern bool play_raise_challenge(const Caller *caller, Play *play, int32 amount, Refusal *refusal);

/* The total is told whether or not it changed. */
extern void play_read_total(Play *play);

#endif
