/*
 * accepted_answers.c
 *	  Further right answers, which an instructor has found: each holds in one competition.
 *
 * It goes with the group challenge that it was accepted at, as the change does that could undo it: where the challenge is
 * taken out and added again it is none.
 *
 * They are looked for only where an answer is wrong without them, and not among flags of instances.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/rows.h"
#include "base/statements.h"
#include "game/accepted_answers.h"

typedef enum StatementId
{
	ACCEPTED,
	ACCEPTED_OF_BEFORE,
	STATEMENT_COUNT
} StatementId;

static Statement statements[STATEMENT_COUNT] = {
    /* $1 question, $2 competition, $3 placement.  The change that is under way is not on record yet. */
    [ACCEPTED] = {"SELECT array_agg(a.answer ORDER BY a.change_id) FROM edurange.accepted_answer a"
                  " WHERE a.question_id = $1 AND a.group_id = $2"
                  " AND (SELECT g.group_challenge_id <> $3 FROM edurange.grade_change g"
                  "  WHERE g.id = a.change_id) IS NOT TRUE",
                  {TEXTOID, TEXTOID, TEXTOID},
                  .newest = true,
                  .by_key = true,
                  .before = &statements[ACCEPTED_OF_BEFORE]},
    [ACCEPTED_OF_BEFORE] = {"SELECT NULL::text[]", {TEXTOID, TEXTOID, TEXTOID}, .reads = true},
};

ArrayType *
accepted_answers(const char *group_id, const char *group_challenge_id, const char *question_id)
{
	NullableDatum answers;

	STATEMENT_RUN(&statements[ACCEPTED], value_text(question_id), value_text(group_id),
	              value_text(group_challenge_id));
	answers = row_argument(0, 1, TEXTARRAYOID);
	return answers.isnull ? NULL : DatumGetArrayTypePCopy(answers.value);
}

bool
answer_is_accepted(const AnswerKey *key, ArrayType *accepted, const char *answer)
{
	AnswerKey one = *key;
	Datum *elements;
	int count;
	bool found = false;

	if (accepted == NULL)
		return false;
	if (one.match == MATCH_PATTERN)
		one.match = MATCH_EXACT;
	deconstruct_array(accepted, TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &count);
	for (int i = 0; i < count; i++)
	{
		Refusal refusal = {0};
		bool is_right = false;

		one.values = construct_array(&elements[i], 1, TEXTOID, -1, false, TYPALIGN_INT);
		found |= answer_judge(&one, answer, &is_right, &refusal) && is_right;
	}
	return found;
}
