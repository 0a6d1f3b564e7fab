/*
 * answers.h
 *	  Is an answer right?
 */
#ifndef EDURANGE_ANSWERS_H
#define EDURANGE_ANSWERS_H

#include "postgres.h"

#include "utils/array.h"

#include "base/refusal.h"

/* How a text is compared with the key; a document says it by these names, in lower case. */
typedef enum AnswerMatch
{
	MATCH_EXACT,
	MATCH_IGNORE_CASE,
	MATCH_PATTERN, /* the key has patterns */
	MATCH_NUMBER   /* the key has numbers */
} AnswerMatch;

/*
 * The match and the kind of flag of a question q, as SQL that reads a text each.  What was written for another
 * type, before somebody changed the row, does not count.
 */
#define QUESTION_MATCH                                                                             \
	"CASE WHEN translate(upper(q.type), '- ', '__') IN ('FLAG', 'CHECKBOXES', 'MULTIPLE_CHOICE')"  \
	" THEN 'exact' ELSE coalesce(q.cdf_payload ->> 'match', 'exact') END"
/*
 * Its key, as an array: the alternatives of a list in the document, or the whole set as the text of its list; or what
 * the column says, where that is no more the first of the list, because somebody changed the row.
 */
#define QUESTION_KEY                                                                               \
	"CASE WHEN jsonb_typeof(q.cdf_payload -> 'answer') = 'array'"                                  \
	"  AND coalesce(q.answer = (q.cdf_payload -> 'answer' ->> 0), q.answer IS NULL) THEN"          \
	"  CASE WHEN upper(q.type) = 'CHECKBOXES' THEN ARRAY[(q.cdf_payload -> 'answer')::text]"       \
	"  ELSE ARRAY(SELECT jsonb_array_elements_text(q.cdf_payload -> 'answer')) END"                \
	" ELSE ARRAY[q.answer] END"
#define QUESTION_FLAG                                                                              \
	"CASE WHEN upper(q.type) = 'FLAG' THEN coalesce(q.cdf_payload ->> 'flag', 'instance') END"

#define MOST_CHOICES 900 /* of a set; an answer with more is not taken by the HTTP service */

/* What a question takes as its answer. */
typedef struct AnswerKey
{
	bool is_set; /* the answer is the whole set, not one of the alternatives */
	AnswerMatch match;
	char *tolerance;   /* of numbers, as one; NULL: none */
	ArrayType *values; /* texts; NULL: nothing is right */
} AnswerKey;

/* Texts as they are compared. */
typedef struct TextList
{
	int count;
	char **texts;
} TextList;

/* The match of a name; whoever writes another one into a row gets an exact one. */
extern AnswerMatch answer_match(const char *name);

/* The choices of an answer: the texts of a JSON array, or the answer itself where it is none. */
extern bool answer_choices(const char *answer, TextList *choices, Refusal *refusal);

/* Is the text one of the list's?  How long it takes does not tell how much of it is right. */
extern bool text_list_has(const TextList *list, const char *text);

/*
 * Judges an answer, which is not blank; refuses what cannot be judged.  For exact answers and sets, how long it
 * takes does not tell how much of the answer is right.
 */
extern bool
answer_judge(const AnswerKey *key, const char *answer, bool *is_right, Refusal *refusal);

#endif
