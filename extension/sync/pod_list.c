/*
 * pod_list.c
 *	  The Instance Manager's list of pods, cut into the texts of its elements.
 *
 * A list may have 32 MiB.  PostgreSQL's own JSON parser walks it once without building anything and
 * says where elements begin and end; strings are not unescaped, so that what is wrong inside of one,
 * as half of a surrogate pair, shows only when its own element is parsed.  What separates the
 * elements must be right: a list of which it is uncertain where a pod ends proves nothing.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "base/compat.h"
#include "base/refusal.h"
#include "sync/pod_list.h"

#define LIST_KEY "challenge_pods"
#define NAME_KEY "name"
#define ESCAPE_LENGTH 6
#define MAX_DEPTH 2048

/* How deep the parser stands in what it has opened: in the document, in its list, in a pod. */
enum
{
	IN_DOCUMENT = 1,
	IN_LIST,
	IN_POD
};

typedef struct Cutter
{
	JsonLexContext *lexer;
	TakePod take;
	void *context;
	bool found;   /* the list has begun */
	bool in_list; /* what the parser reads now is in the list */
	int count;
	PodText pod;
} Cutter;

static void
refuse_list(const char *must)
{
	raise_error(EDURANGE_INVALID_PARAMETER, "parameter \"list\" must %s", must);
}

/* The character that an escape of the form \uXXXX, which the parser has looked at, stands for; -1: it is none. */
static int
unescaped(const char *text, const char *end)
{
	char digits[ESCAPE_LENGTH - 1] = {0};

	if (end - text < ESCAPE_LENGTH || text[0] != '\\' || text[1] != 'u')
		return -1;
	memcpy(digits, &text[2], sizeof(digits) - 1);
	return (int) strtol(digits, NULL, 16);
}

/* Whether a text is that word, be it written with escapes. */
static bool
spells(const char *text, const char *end, const char *word)
{
	for (; *word != '\0'; word++)
	{
		if (text < end && *text == *word)
			text++;
		else if (unescaped(text, end) == *word)
			text += ESCAPE_LENGTH;
		else
			return false;
	}
	return text == end;
}

/*
 * Whether the member whose value begins has this name, however it is written.  The parser has forgotten names by
 * now, but before the value stands the colon that it read last, and before that the name.  A
 * quotation mark that begins a name never has a backslash before it, and one inside of it always does.
 */
static bool
is_key(const JsonLexContext *lexer, const char *key)
{
	const char *end = lexer->prev_token_terminator - 1;
	const char *begin;

	while (strchr(" \t\r\n", end[-1]) != NULL)
		end--;
	begin = --end;
	do
		begin--;
	while (*begin != '"' || begin[-1] == '\\');
	return spells(begin + 1, end, key);
}

/* An object or an array begins: recursion ends here, and so does waiting for a list without end. */
JSON_ACTION
on_nested(void *state)
{
	Cutter *cutter = state;

	CHECK_FOR_INTERRUPTS();
	if (cutter->lexer->lex_level >= MAX_DEPTH)
		refuse_list("not be nested so deeply");
	JSON_ACTION_DONE;
}

JSON_ACTION
on_member(void *state, char *name, bool is_null)
{
	Cutter *cutter = state;
	const JsonLexContext *lexer = cutter->lexer;

	if (cutter->in_list && lexer->lex_level == IN_POD)
	{
		cutter->pod.members++;
		if (is_key(lexer, NAME_KEY))
		{
			cutter->pod.names++;
			cutter->pod.name = lexer->token_start;
			cutter->pod.name_length = (int) (lexer->token_terminator - lexer->token_start);
		}
	}
	if (lexer->lex_level == IN_DOCUMENT)
	{
		cutter->in_list = is_key(lexer, LIST_KEY);
		if (cutter->in_list && cutter->found)
			refuse_list("have challenge_pods once");
		/* (where the text ends here, the parser is about to say so) */
		if (cutter->in_list && lexer->token_type != JSON_TOKEN_ARRAY_START &&
		    lexer->token_type != JSON_TOKEN_END)
			refuse_list("have an array in challenge_pods");
		cutter->found |= cutter->in_list;
	}
	JSON_ACTION_DONE;
}

JSON_ACTION
on_element(void *state, bool is_null)
{
	Cutter *cutter = state;

	if (cutter->in_list && cutter->lexer->lex_level == IN_LIST)
	{
		cutter->pod.text = cutter->lexer->token_start;
		cutter->pod.members = cutter->pod.names = 0;
		if (cutter->count++ == MAX_ELEMENTS)
			refuse_list("have at most " CppAsString2(MAX_ELEMENTS) " elements in challenge_pods");
	}
	JSON_ACTION_DONE;
}

JSON_ACTION
on_element_end(void *state, bool is_null)
{
	Cutter *cutter = state;

	if (cutter->in_list && cutter->lexer->lex_level == IN_LIST)
	{
		cutter->pod.length = (int) (cutter->lexer->prev_token_terminator - cutter->pod.text);
		cutter->take(&cutter->pod, cutter->context);
	}
	JSON_ACTION_DONE;
}

int
pod_list_cut(const char *list, int length, TakePod take, void *context)
{
	Cutter cutter = {.lexer = compat_json_lexer(unconstify(char *, list), length, false),
	                 .take = take,
	                 .context = context};
	JsonSemAction actions = {.semstate = &cutter,
	                         .object_start = on_nested,
	                         .array_start = on_nested,
	                         .object_field_start = on_member,
	                         .array_element_start = on_element,
	                         .array_element_end = on_element_end};

	if (pg_parse_json(cutter.lexer, &actions) != JSON_SUCCESS)
		raise_error(EDURANGE_INVALID_JSON, "parameter \"list\" is not valid JSON, see line %d",
		            cutter.lexer->line_number);
	if (!cutter.found)
		refuse_list("have an array in challenge_pods");
	return cutter.count;
}
