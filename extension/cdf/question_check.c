/*
 * question_check.c
 *	  What a document says of how its questions are judged: is it allowed, and is it meant?
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/guc.h"
#include "cdf/question_check.h"
#include "game/answer_patterns.h"
#include "game/answers.h"
#include "json_schema/json_values.h"
#include "text/flags.h"
#include "text/numerals.h"
#include "text/plain_text.h"

/* What the config of a question says; a text that is not there is "". */
typedef struct Question
{
	char *path; /* of the config */
	char *type;
	char *text;
	char *match;
	char *flag;
	bool has_tolerance;
	bool has_options; /* an empty list of them is one of a choice only */
	TextList options; /* comparable */
	TextList answers; /* as they are written; one is a list of one */
	bool is_list;     /* they are written as a list */
	bool has_number;  /* one of the answers is a number */
} Question;

/* A text or a number as a text; false: it is neither. */
static bool
text_of_value(const JsonbValue *value, char **text)
{
	if (value->type == jbvString)
		*text = json_string(value);
	else if (value->type == jbvNumeric)
		*text =
		    DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));
	else
		return false;
	return true;
}

/* The texts of a value, or of the elements of a list. */
static TextList
texts_of_value(const JsonbValue *value, bool *has_number)
{
	TextList list = {0};
	JsonWalk walk;

	*has_number = value->type == jbvNumeric;
	if (json_kind(value) != KIND_ARRAY)
	{
		list.texts = palloc(sizeof(char *));
		list.count = text_of_value(value, &list.texts[0]);
		return list;
	}
	list.texts = palloc_extended(sizeof(char *) * Max(json_count(value), 1), MCXT_ALLOC_HUGE);
	json_walk_begin(&walk, value);
	while (json_walk_next(&walk))
	{
		*has_number |= walk.value.type == jbvNumeric;
		list.count += text_of_value(&walk.value, &list.texts[list.count]);
	}
	return list;
}

static char *
text_member(const JsonbValue *object, const char *name)
{
	JsonbValue member;

	return json_value_member(object, name, (int) strlen(name), &member) ? json_string(&member) : "";
}

static bool
is_of_type(const Question *question, const char *type)
{
	return strcmp(question->type, type) == 0;
}

/* Is it asked what is chosen of options? */
static bool
is_choice(const Question *question)
{
	return is_of_type(question, "multiple_choice") || is_of_type(question, "checkboxes");
}

/* Reads one component, the number-th; false: it is no question. */
static bool
read_question(const JsonbValue *component, int number, Question *question)
{
	JsonbValue config;
	JsonbValue member;
	bool ignored;

	if (json_kind(component) != KIND_OBJECT ||
	    strcmp(text_member(component, "type"), "question") != 0 ||
	    !json_value_member(component, "config", 6, &config) || json_kind(&config) != KIND_OBJECT)
		return false;
	*question = (Question){
	    .path = psprintf("/components/%d/config", number),
	    .type = text_member(&config, "type"),
	    .text = text_member(&config, "text"),
	    .match = text_member(&config, "match"),
	    .flag = text_member(&config, "flag"),
	    .has_tolerance = json_value_member(&config, "tolerance", 9, &member),
	};
	if (question->type[0] == '\0')
		question->type = text_member(&config, "question_type");
	if (json_value_member(&config, "answer", 6, &member))
	{
		question->answers = texts_of_value(&member, &question->has_number);
		question->is_list = json_kind(&member) == KIND_ARRAY;
	}
	question->has_options = json_value_member(&config, "options", 7, &member) &&
	                        json_kind(&member) == KIND_ARRAY &&
	                        (json_count(&member) > 0 || is_choice(question));
	if (question->has_options)
		question->options = texts_of_value(&member, &ignored);
	for (int i = 0; i < question->options.count; i++)
		question->options.texts[i] = comparable(question->options.texts[i]);
	return true;
}

/* Goes over the questions of a document. */
static void
each_question(Jsonb *document, void (*check)(const Question *question, ReportList *list),
              ReportList *list)
{
	JsonbValue root = json_root(document);
	JsonbValue components;
	Question question;
	JsonWalk walk;
	int number = 0;

	if (json_kind(&root) != KIND_OBJECT ||
	    !json_value_member(&root, "components", 10, &components) ||
	    json_kind(&components) != KIND_ARRAY)
		return;
	json_walk_begin(&walk, &components);
	while (json_walk_next(&walk))
	{
		CHECK_FOR_INTERRUPTS();
		if (read_question(&walk.value, number++, &question))
			check(&question, list);
	}
}

static void
violate(const Question *question, ReportList *list, const char *member, const char *keyword,
        const char *message)
{
	report_violation(list, psprintf("%s%s", question->path, member), keyword, message);
}

/* Is the answer one text that may hold the list of a set? */
static bool
has_written_set(const Question *question)
{
	return is_of_type(question, "checkboxes") && !question->is_list;
}

/* Is the answer one of the options?  For check boxes it may be a text that holds a list of them. */
static bool
is_option(const Question *question, const char *answer)
{
	char *choice = comparable(answer);
	TextList chosen = {.count = 1, .texts = &choice};
	Refusal refusal = {0};

	if (has_written_set(question) && !answer_choices(answer, &chosen, &refusal))
		return false;
	for (int i = 0; i < chosen.count; i++)
		if (chosen.texts[i][0] == '\0' || !text_list_has(&question->options, chosen.texts[i]))
			return false;
	return chosen.count > 0;
}

/* A set must be one that answers can be compared with, also where it is written as a text. */
static void
check_set(const Question *question, ReportList *list)
{
	TextList chosen = question->answers;
	Refusal refusal = {0};

	if (!is_of_type(question, "checkboxes"))
		return;
	if (has_written_set(question) && question->answers.count > 0 &&
	    !answer_choices(question->answers.texts[0], &chosen, &refusal))
		violate(question, list, "/answer", "maximum",
		        psprintf("must not hold a number of more than %d digits", EDURANGE_MOST_DIGITS));
	else if (chosen.count > MOST_CHOICES)
		violate(question, list, "/answer", "maxItems",
		        psprintf("must have at most %d choices", MOST_CHOICES));
}

/* Nobody could choose an answer that is no option. */
static void
check_options(const Question *question, ReportList *list)
{
	if (!question->has_options)
		return;
	if (question->answers.count == 0)
		violate(question, list, "", "options", "must have an answer, which is one of its options");
	for (int i = 0; i < question->answers.count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!is_option(question, question->answers.texts[i]))
		{
			violate(question, list, "/answer", "options", "must name choices that options has");
			return;
		}
	}
}

/* Why an answer cannot be what texts are matched with, or NULL. */
static char *
match_fault(const Question *question, const char *answer)
{
	bool matches;
	char *fault;
	int digits;

	switch (answer_match(question->match))
	{
		case MATCH_PATTERN:
			fault = question->has_number ? "it is a number"
			                             : answer_pattern_match(answer, "", &matches);
			return fault != NULL ? psprintf("must be a pattern: %s", fault) : NULL;
		case MATCH_NUMBER:
			digits = numeral_digits(comparable(answer));
			return digits > 0 && digits <= EDURANGE_MOST_DIGITS ? NULL : "must be a number";
		default:
			return NULL;
	}
}

static bool
has_blank_answer(const Question *question)
{
	for (int i = 0; i < question->answers.count; i++)
		if (comparable(question->answers.texts[i])[0] == '\0')
			return true;
	return question->answers.count == 0;
}

static void
check_match(const Question *question, ReportList *list)
{
	if (question->has_tolerance && answer_match(question->match) != MATCH_NUMBER)
		violate(question, list, "/tolerance", "match", "is only for the match number");
	if (question->match[0] == '\0')
		return;
	if (!is_of_type(question, "text"))
	{
		violate(question, list, "/match", "match", "is only for questions of type text");
		return;
	}
	if (answer_match(question->match) == MATCH_EXACT)
		return;
	if (has_blank_answer(question))
	{
		violate(question, list, "", "match", "must have an answer to match with");
		return;
	}
	if (answer_match(question->match) == MATCH_PATTERN && question->answers.count > MOST_PATTERNS)
	{
		violate(question, list, "/answer", "match",
		        psprintf("must have at most %d patterns", MOST_PATTERNS));
		return;
	}
	for (int i = 0; i < question->answers.count; i++)
	{
		char *fault = match_fault(question, question->answers.texts[i]);

		if (fault != NULL)
			violate(question, list, "/answer", "match", fault);
	}
}

static bool
has_static_flag(const Question *question)
{
	return strcmp(question->flag, "static") == 0;
}

static void
check_flag(const Question *question, ReportList *list)
{
	bool is_known = question->answers.count > 0;

	if (question->flag[0] != '\0' && !is_of_type(question, "flag"))
		violate(question, list, "/flag", "flag", "is only for questions of type flag");
	if (!is_of_type(question, "flag") || !has_static_flag(question))
		return;
	for (int i = 0; i < question->answers.count; i++)
		is_known &= is_flag(question->answers.texts[i]);
	if (!is_known)
		violate(question, list, question->answers.count > 0 ? "/answer" : "", "flag",
		        "must have an answer that is the flag itself, no placeholder");
}

static void
check_question(const Question *question, ReportList *list)
{
	check_set(question, list);
	check_options(question, list);
	check_match(question, list);
	check_flag(question, list);
}

void
question_violations(Jsonb *document, ReportList *violations)
{
	each_question(document, check_question, violations);
}

static void
warn_at(const Question *question, ReportList *list, const char *member, const char *text)
{
	report_warning(list, psprintf("%s/%s", question->path, member), text);
}

/* A literal flag looks as if it were the flag. */
static void
warn_of_flag(const Question *question, ReportList *list)
{
	if (!is_of_type(question, "flag") || has_static_flag(question))
		return;
	for (int i = 0; i < question->answers.count; i++)
		if (is_flag(question->answers.texts[i]))
		{
			warn_at(
			    question, list, "answer",
			    "is never right: the flag is that of the student's instance, unless the question"
			    " has \"flag\": \"static\"");
			return;
		}
}

/* As much of the question's words as an answer may have, in one line: "." matches no end of a line. */
static char *
words_as_answer(const Question *question)
{
	char *text = comparable(question->text);

	if (text_length(text) > LONGEST_ANSWER)
		text[pg_mbcharcliplen(text, (int) strlen(text), LONGEST_ANSWER)] = '\0';
	for (char *at = text; *at != '\0'; at++)
		if (*at == '\n' || *at == '\r')
			*at = ' ';
	return text;
}

/* What matches the question's own words matches too much. */
static void
warn_of_pattern(const Question *question, ReportList *list)
{
	char *text = words_as_answer(question);
	bool matches = false;

	if (answer_match(question->match) != MATCH_PATTERN)
		return;
	for (int i = 0; i < question->answers.count && !matches; i++)
		(void) answer_pattern_match(question->answers.texts[i], text, &matches);
	if (matches)
		warn_at(question, list, "answer",
		        "is a pattern that matches the text of the question itself");
}

/* An unmodified WebOS judges by itself, by texts as they are and flags of instances. */
static void
warn_of_webos(const Question *question, ReportList *list)
{
	static const char text[] =
	    "cannot be judged by an unmodified WebOS, which edurange.webos_compatibility is on for:"
	    " only an attempt at the question completes it";

	if (!guc_webos_compatibility)
		return;
	if (answer_match(question->match) != MATCH_EXACT)
		warn_at(question, list, "match", text);
	if (has_static_flag(question))
		warn_at(question, list, "flag", text);
}

static void
warn_of_question(const Question *question, ReportList *list)
{
	warn_of_flag(question, list);
	warn_of_pattern(question, list);
	warn_of_webos(question, list);
}

void
question_warnings(Jsonb *document, ReportList *warnings)
{
	each_question(document, warn_of_question, warnings);
}
