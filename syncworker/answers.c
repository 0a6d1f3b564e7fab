/*
 * answers.c
 *	  Answers about single pods on their way into the database.
 *
 * They are handed over as they come, those of a moment in one small transaction.  Where the database takes none
 * of them for now, they wait: what was asked must be counted.  What it refuses is handed over one by one, so
 * that one bad answer is one, and that one as if it said nothing.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/timestamp.h"

#include "answers.h"
#include "clock.h"
#include "problems.h"

#define TOGETHER_MS 20
#define MAX_TOGETHER 100

const ProblemArea question_areas[] = {
    [IM_END] = PROBLEM_ENDS, [IM_STATUS] = PROBLEM_STATUSES, [IM_SECRET] = PROBLEM_SECRETS};

typedef struct Answer
{
	ImQuestion question;
	json_t *answer;
	int64 asked_at; /* of clock.h */
} Answer;

static Answer *waiting = NULL;
static int count = 0;
static int size = 0;
static int64 first_at = 0; /* when the first of them came */

/* Takes an answer, whose question was asked at the given time of clock.h; without memory it is lost. */
void
answers_add(ImQuestion question, json_t *answer, int64 asked_at)
{
	if (count == size)
	{
		int wanted = size == 0 ? MAX_TOGETHER : size * 2;
		Answer *grown = realloc(waiting, wanted * sizeof(Answer));

		if (grown == NULL)
		{
			json_decref(answer);
			return;
		}
		waiting = grown;
		size = wanted;
	}
	if (count == 0)
		first_at = clock_ms();
	waiting[count++] = (Answer){question, answer, asked_at};
}

/* Are there any? */
bool
answers_wait(void)
{
	return count > 0;
}

/* Puts the names that have an answer to such a question into a set. */
void
answers_name(ImQuestion question, json_t *names)
{
	for (int i = 0; i < count; i++)
		if (waiting[i].question == question)
			json_object_set_new(
			    names, json_string_value(json_object_get(waiting[i].answer, "name")), json_true());
}

/* Milliseconds until they should be handed over. */
long
answers_due_ms(void)
{
	if (count >= MAX_TOGETHER)
		return 0;
	return (long) Max(first_at + TOGETHER_MS - clock_ms(), 0);
}

/* The argument for edurange.sync_apply(): each answer says how long ago it was asked for; and which kinds fail. */
static char *
evidence_text(const Answer *answers, int number)
{
	json_t *evidence = json_pack("{}"); /* the server has a json_object() of its own */
	json_t *problems = json_pack("{}");
	int64 now = clock_ms();
	char *text;

	for (int i = 0; i < IM_QUESTIONS; i++)
	{
		const char *reason = problem_reason(question_areas[i]);

		json_object_set_new(evidence, im_lists[i], json_array());
		if (reason[0] != '\0')
			json_object_set_new(problems, im_lists[i], json_string(reason));
	}
	json_object_set_new(evidence, "problems", problems);
	for (int i = 0; i < number; i++)
	{
		json_object_set_new(answers[i].answer, "age_ms", json_integer(now - answers[i].asked_at));
		json_array_append(json_object_get(evidence, im_lists[answers[i].question]),
		                  answers[i].answer);
	}
	text = json_dumps(evidence, JSON_COMPACT);
	json_decref(evidence);
	return text;
}

static bool
apply(const Answer *answers, int number, ApplyResult *result)
{
	char *text = evidence_text(answers, number);
	ApplyInput input = {.text = text,
	                    .length = text == NULL ? 0 : strlen(text),
	                    .encoding = PG_UTF8,
	                    .observed_at = GetCurrentTimestamp()};
	bool applied = text != NULL && database_apply(APPLY_EVIDENCE, &input, result);

	free(text);
	return applied;
}

/* Hands each answer over alone, and one that is refused as if it said nothing. */
static void
apply_one_by_one(ApplyResult *result)
{
	for (int i = 0; i < count; i++)
	{
		Answer *answer = &waiting[i];
		json_t *blank;

		if (apply(answer, 1, result))
			continue;
		problem_report(PROBLEM_DATABASE, result->problem);
		blank = im_answer_without_news(answer->question, answer->answer);
		json_decref(answer->answer);
		answer->answer = blank;
		(void) apply(answer, 1, result);
	}
}

/*
 * Hands them over.  False, with the reason in the result: the database takes none for now, and they wait.
 * Otherwise the result has what is wanted next, where it says anything.
 */
bool
answers_apply(ApplyResult *result)
{
	bool applied = apply(waiting, count, result);

	if (!applied && !result->refused)
		return false;
	if (!applied)
		apply_one_by_one(result);
	for (int i = 0; i < count; i++)
		json_decref(waiting[i].answer);
	count = 0;
	return true;
}
