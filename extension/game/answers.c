/*
 * answers.c
 *	  Judging answers.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "base/flags.h"
#include "base/json_text.h"
#include "game/answers.h"

/* A list of texts without outer white space. */
typedef struct TextList
{
	int count;
	char **texts;
} TextList;

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

/* The choices of an answer: the texts of a JSON array, or the answer itself where it is none, or a huge one. */
static TextList
chosen_texts(const char *answer)
{
	TextList list = {0};
	Refusal refusal = {0};
	Jsonb *document = answer[0] == '[' ? json_text_parse(answer, JSON_VALUES, &refusal) : NULL;
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue value;

	if (document == NULL)
	{
		list.texts = palloc(sizeof(char *));
		list.texts[list.count++] = trimmed(answer);
		return list;
	}
	list.texts = palloc(sizeof(char *) * Max(JB_ROOT_COUNT(document), 1));
	iterator = JsonbIteratorInit(&document->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		if (value.type == jbvString)
			list.texts[list.count++] =
			    trimmed(pnstrdup(value.val.string.val, value.val.string.len));
		else if (value.type == jbvNumeric)
			list.texts[list.count++] = DatumGetCString(
			    DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
		else
			list.texts[list.count++] = ""; /* no choice, which no key has */
	}
	return list;
}

/* The texts of one list after those of another. */
static TextList
joined(TextList first, TextList second)
{
	TextList list = {.texts = palloc(sizeof(char *) * Max(first.count + second.count, 1))};

	for (int i = 0; i < first.count; i++)
		list.texts[list.count++] = first.texts[i];
	for (int i = 0; i < second.count; i++)
		list.texts[list.count++] = second.texts[i];
	return list;
}

/* The key's values, empty ones left out; a set may be given as one text with a JSON array. */
static TextList
key_texts(const AnswerKey *key)
{
	TextList list = {0};
	Datum *elements;
	bool *nulls;
	int count;

	if (key->values == NULL)
		return list;
	deconstruct_array(key->values, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
		if (!nulls[i])
		{
			char *value = trimmed(TextDatumGetCString(elements[i]));

			if (value[0] != '\0')
				list = joined(list, key->is_set ? chosen_texts(value)
				                                : (TextList){.count = 1, .texts = &value});
		}
	return list;
}

/* Is the text one of the list's? */
static bool
list_has(const TextList *list, const char *text)
{
	bool found = false;

	for (int i = 0; i < list->count; i++)
		found |= equal_in_constant_time(text, list->texts[i]);
	return found;
}

/* Does one list have all texts of the other? */
static bool
list_covers(const TextList *list, const TextList *other)
{
	bool all = true;

	for (int i = 0; i < other->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		all &= list_has(list, other->texts[i]);
	}
	return all;
}

bool
answer_is_right(const AnswerKey *key, const char *answer)
{
	TextList expected = key_texts(key);
	char *given = trimmed(answer);
	TextList chosen;

	if (!key->is_set)
		return list_has(&expected, given);
	chosen = chosen_texts(given);
	return expected.count > 0 && list_covers(&expected, &chosen) && list_covers(&chosen, &expected);
}
