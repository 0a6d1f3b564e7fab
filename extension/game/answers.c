/*
 * answers.c
 *	  Judging answers.
 *
 * Answers and keys are made comparable when they are compared (text/plain_text.h); what is stored is what was
 * sent.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "base/json_text.h"
#include "game/answer_patterns.h"
#include "game/answers.h"
#include "text/numerals.h"
#include "text/plain_text.h"

/* Are two texts equal?  Takes as long whatever they have in common. */
static bool
equal_in_constant_time(const char *given, const char *expected)
{
	size_t given_length = strlen(given);
	size_t expected_length = strlen(expected);
	volatile unsigned char difference = given_length != expected_length;

	for (size_t i = 0; i < given_length; i++)
		difference |= (unsigned char) given[i] ^
		              (unsigned char) expected[expected_length > 0 ? i % expected_length : 0];
	return difference == 0;
}

static bool
refuse_long_number(Refusal *refusal)
{
	return refuse(refusal, EDURANGE_OUT_OF_RANGE,
	              "parameter \"answer\" holds a number of more than %d digits",
	              EDURANGE_MOST_DIGITS);
}

/* The texts of a JSON array; what is neither text nor number becomes "", which no key has. */
static void
read_choices(Jsonb *document, TextList *choices)
{
	JsonbIterator *iterator = JsonbIteratorInit(&document->root);
	JsonbIteratorToken token;
	JsonbValue value;

	choices->texts = palloc(sizeof(char *) * Max(JB_ROOT_COUNT(document), 1));
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (value.type == jbvString)
			choices->texts[choices->count++] =
			    comparable(pnstrdup(value.val.string.val, value.val.string.len));
		else if (value.type == jbvNumeric)
			choices->texts[choices->count++] = DatumGetCString(
			    DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
		else
			choices->texts[choices->count++] = "";
	}
}

bool
answer_choices(const char *answer, TextList *choices, Refusal *refusal)
{
	char *given = comparable(answer);
	Refusal no_json = {0};
	Jsonb *document = given[0] == '[' ? json_text_parse(given, JSON_VALUES, &no_json) : NULL;

	*choices = (TextList){0};
	if (no_json.error == EDURANGE_OUT_OF_RANGE ||
	    (document != NULL && jsonb_has_long_number(document)))
		return refuse_long_number(refusal);
	if (document != NULL)
	{
		read_choices(document, choices);
		return true;
	}
	choices->texts = palloc(sizeof(char *));
	choices->texts[choices->count++] = given;
	return true;
}

/* Adds the texts of one list to another, which has room for so many. */
static void
append_texts(TextList *list, int *room, const TextList *more)
{
	if (list->count + more->count > *room)
	{
		*room = Max(*room * 2, list->count + more->count);
		list->texts = list->texts == NULL ? palloc(sizeof(char *) * *room)
		                                  : repalloc(list->texts, sizeof(char *) * *room);
	}
	if (more->count > 0)
		memcpy(list->texts + list->count, more->texts, sizeof(char *) * more->count);
	list->count += more->count;
}

/* The key's values, blank ones left out; a set may be given as one text with a JSON array. */
static bool
key_texts(const AnswerKey *key, TextList *expected, Refusal *refusal)
{
	Datum *elements;
	bool *nulls;
	int count;
	int room = 0;

	*expected = (TextList){0};
	if (key->values == NULL)
		return true;
	deconstruct_array(key->values, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		char *written = nulls[i] ? "" : TextDatumGetCString(elements[i]);
		char *value = key->match == MATCH_IGNORE_CASE ? comparable_without_case(written)
		                                              : comparable(written);
		TextList list = {.count = 1, .texts = &value};

		CHECK_FOR_INTERRUPTS();
		if (value[0] == '\0')
			continue;
		if (key->is_set && !answer_choices(value, &list, refusal))
			return false;
		append_texts(expected, &room, &list);
	}
	return true;
}

bool
text_list_has(const TextList *list, const char *text)
{
	bool found = false;

	for (int i = 0; i < list->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		found |= equal_in_constant_time(text, list->texts[i]);
	}
	return found;
}

/* Does one list have all texts of the other? */
static bool
list_covers(const TextList *list, const TextList *other)
{
	bool all = true;

	for (int i = 0; i < other->count; i++)
		all &= text_list_has(list, other->texts[i]);
	return all;
}

/* A set is right when it has all that is expected and nothing else. */
static bool
judge_set(const TextList *expected, const char *given, bool *is_right, Refusal *refusal)
{
	TextList chosen;
	bool is_blank = true;

	if (!answer_choices(given, &chosen, refusal))
		return false;
	for (int i = 0; i < chosen.count; i++)
		is_blank &= chosen.texts[i][0] == '\0';
	if (is_blank)
		return refuse(refusal, EDURANGE_MISSING_PARAMETER, "parameter \"answer\" is blank");
	*is_right =
	    expected->count > 0 && list_covers(expected, &chosen) && list_covers(&chosen, expected);
	return true;
}

/* A text is right when one of the patterns matches all of it. */
static bool
judge_by_patterns(const TextList *patterns, const char *given, bool *is_right, Refusal *refusal)
{
	if (text_length(given) > LONGEST_ANSWER)
		return refuse(refusal, EDURANGE_INVALID_PARAMETER,
		              "parameter \"answer\" must have at most %d characters", LONGEST_ANSWER);
	*is_right = false;
	for (int i = 0; i < patterns->count && !*is_right; i++)
		if (answer_pattern_match(patterns->texts[i], given, is_right) != NULL)
			return refuse(refusal, EDURANGE_PATTERN_UNSUPPORTED,
			              "the question's pattern cannot be used");
	return true;
}

/*
 * A number is right when it is close enough to one of the key's.  A key that is none any more, because somebody
 * changed the row, is the text that it is: so says the export, too.
 */
static bool
judge_number(const AnswerKey *key, const TextList *expected, const char *given, bool *is_right,
             Refusal *refusal)
{
	const char *tolerance = key->tolerance != NULL ? key->tolerance : "0";
	int digits = numeral_digits(given);
	int tolerance_digits = numeral_digits(tolerance);

	bool is_number = digits > 0 && tolerance_digits > 0 && tolerance_digits <= EDURANGE_MOST_DIGITS;

	*is_right = false;
	if (digits > EDURANGE_MOST_DIGITS)
		return refuse_long_number(refusal);
	for (int i = 0; i < expected->count; i++)
	{
		int expected_digits = numeral_digits(expected->texts[i]);

		if (expected_digits == 0)
			*is_right |= equal_in_constant_time(given, expected->texts[i]);
		else if (is_number && expected_digits <= EDURANGE_MOST_DIGITS)
			*is_right |= numbers_are_close(numeral_value(given), numeral_value(expected->texts[i]),
			                               numeral_value(tolerance));
	}
	return true;
}

AnswerMatch
answer_match(const char *name)
{
	static const char *const names[] = {
	    [MATCH_EXACT] = "exact",
	    [MATCH_IGNORE_CASE] = "ignore_case",
	    [MATCH_PATTERN] = "pattern",
	    [MATCH_NUMBER] = "number",
	};

	for (int i = 0; i < lengthof(names); i++)
		if (strcmp(name, names[i]) == 0)
			return (AnswerMatch) i;
	return MATCH_EXACT;
}

bool
answer_judge(const AnswerKey *key, const char *answer, bool *is_right, Refusal *refusal)
{
	TextList expected;
	char *given =
	    key->match == MATCH_IGNORE_CASE ? comparable_without_case(answer) : comparable(answer);

	if (!key_texts(key, &expected, refusal))
		return false;
	if (key->is_set)
		return judge_set(&expected, given, is_right, refusal);
	if (key->match == MATCH_PATTERN)
		return judge_by_patterns(&expected, given, is_right, refusal);
	if (key->match == MATCH_NUMBER)
		return judge_number(key, &expected, given, is_right, refusal);
	*is_right = text_list_has(&expected, given);
	return true;
}
