/*
 * ecma_regex.c
 *	  Regular expressions as JavaScript (ECMA 262) writes them, run by PostgreSQL's engine.
 *
 * A pattern is read by the grammar of ECMA 262 with its flag u and written again as one of
 * PostgreSQL's advanced regular expressions.  Brackets that stand alone are taken for themselves, as schemas of
 * others have them, but not in a pattern for answers, where they are mistakes.  Only whether there is a match counts here, not which
 * one, so lazy quantifiers become greedy ones, and groups that nothing refers to capture nothing.
 */
#include "postgres.h"

#include <ctype.h>

#include "catalog/pg_collation_d.h"
#include "fmgr.h"
#include "miscadmin.h"

#include "regex/regguts.h"

#include "base/refusal.h"
#include "text/ecma_regex.h"
#include "text/ecma_text.h"

#define HIGHEST_BOUND 10000 /* of {n,m}; beyond it nobody's pattern compiles */
#define ENGINE_BOUND 255    /* what the engine takes in one bound */
#define LONGEST_TRANSLATION 1000000
#define MOST_ATOMS 300          /* of a small pattern */
#define MOST_ATOMS_OF_ANY 10000 /* compiling more takes more memory than a call may */

/* How many ways of cutting a text into groups are tried; only patterns that refer to groups have many. */
#define MOST_STEPS 200000

static const Range digits[] = {{'0', '9'}, {0}};
static const Range words[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}, {0}};
static const Range line_ends[] = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}, {0}};

static bool translate_alternatives(Translation *t);

/* The set that the letter of an escape names, or NULL. */
static const Range *
named_set(pg_wchar letter)
{
	switch (letter)
	{
		case 'd':
		case 'D':
			return digits;
		case 'w':
		case 'W':
			return words;
		case 's':
		case 'S':
			return white_space;
		default:
			return NULL;
	}
}

/* One member of a class in brackets; *set is not NULL when it is a set rather than a character. */
static bool
read_member(Translation *t, pg_wchar *value, const Range **set, bool *others)
{
	*set = NULL;
	if (!skip(t, "\\"))
	{
		*value = *t->at++;
		return true;
	}
	*set = named_set(peek(t));
	if (*set != NULL)
	{
		*others = isupper((int) *t->at++);
		return true;
	}
	if (skip(t, "b"))
	{
		*value = '\b';
		return true;
	}
	return read_character(t, value);
}

/* A class; its opening bracket has been read. */
static bool
translate_class(Translation *t)
{
	bool negated = skip(t, "^");

	if (skip(t, "]"))
	{
		emit_text(t, negated ? "(?:.)" : "(?:(?!.|$))");
		return true;
	}
	emit_text(t, negated ? "[^" : "[");
	while (!skip(t, "]"))
	{
		pg_wchar first;
		pg_wchar last;
		const Range *set;
		const Range *last_set = NULL;
		bool others = false;

		if (t->at >= t->end)
			return fault(t, "a bracket is not closed");
		if (!read_member(t, &first, &set, &others))
			return false;
		last = first;
		if (peek(t) == '-' && t->at + 1 < t->end && t->at[1] != ']')
		{
			bool last_others = false;

			t->at++;
			if (!read_member(t, &last, &last_set, &last_others))
				return false;
			if (set != NULL || last_set != NULL || last < first)
				return fault(t, "a range in brackets has no order");
		}
		if (set != NULL)
			emit_set(t, set, others);
		else
			emit_range(t, first, last);
	}
	emit(t, ']');
	return true;
}

/* The number of the group with the name that t->at is in, up to its ">"; 0: there is none. */
static int
group_number(const Translation *t)
{
	for (int i = 0; i < Min(t->groups, (int) lengthof(t->names)); i++)
	{
		const pg_wchar *a = t->names[i];
		const pg_wchar *b = t->at;

		CHECK_FOR_INTERRUPTS();
		while (a != NULL && a < t->end && b < t->end && *a == *b && *a != '>')
			a++, b++;
		if (a != NULL && a < t->end && b < t->end && *a == '>' && *b == '>')
			return i + 1;
	}
	return 0;
}

/* A reference to what a group matched; the group's number has been found. */
static bool
emit_reference(Translation *t, int number)
{
	char text[32];

	if (number < 1 || number > t->groups)
		return fault(t, "it refers to a group that does not exist");
	snprintf(text, sizeof(text), "(?:\\%d)", number);
	emit_text(t, text);
	return true;
}

/* An escape outside of brackets; its backslash has been read. */
static bool
translate_escape(Translation *t)
{
	pg_wchar letter = peek(t);
	const Range *set = named_set(letter);
	pg_wchar value;

	if (set != NULL)
	{
		t->at++;
		emit_text(t, isupper((int) letter) ? "[^" : "[");
		emit_set(t, set, false);
		emit(t, ']');
		return true;
	}
	if (letter == 'b' || letter == 'B')
	{
		t->at++;
		emit_text(t, letter == 'b' ? "\\y" : "\\Y");
		return true;
	}
	if (letter >= '1' && letter <= '9')
	{
		int number = 0;

		while (peek(t) < 0x80 && isdigit((int) peek(t)) && number < 1000)
			number = number * 10 + (int) (*t->at++ - '0');
		return emit_reference(t, number);
	}
	if (skip(t, "k<"))
	{
		int number = group_number(t);

		while (number > 0 && *t->at++ != '>')
			continue;
		return emit_reference(t, number);
	}
	if (!read_character(t, &value))
		return false;
	emit_literal(t, value);
	return true;
}

/* Reads the name of a group, up to its ">"; it says nothing here, but must be one, and no other group's. */
static bool
skip_name(Translation *t)
{
	int number = group_number(t);
	bool is_name = !(peek(t) < 0x80 && isdigit((int) peek(t))) && peek(t) != '>';

	if (number > 0 && t->names[number - 1] != t->at)
		return fault(t, "two groups have the same name");
	for (; t->at < t->end && *t->at != '>'; t->at++)
		is_name &=
		    *t->at >= 0x80 || isalnum((int) *t->at) || strchr("_$\\{}", (int) *t->at) != NULL;
	return (is_name && skip(t, ">")) || fault(t, "a group has a name that is none");
}

/* A group; its parenthesis has been read. */
static bool
translate_group(Translation *t)
{
	static const char *const openings[] = {"?:", "?=", "?!", "?<=", "?<!"};
	const char *opening = NULL;
	bool looks;

	check_stack_depth();
	for (int i = 0; i < lengthof(openings) && opening == NULL; i++)
		if (skip(t, openings[i]))
			opening = openings[i];
	if (opening == NULL && skip(t, "?<"))
	{
		if (!skip_name(t))
			return false;
	}
	else if (opening == NULL && peek(t) == '?')
		return fault(t, "a group has an unknown kind");
	looks = opening != NULL && strcmp(opening, "?:") != 0;
	t->look_depth += looks;
	t->deepest_look = Max(t->deepest_look, t->look_depth);
	emit(t, '(');
	emit_text(t, opening != NULL ? opening : t->keeps_groups ? "" : "?:");
	if (!translate_alternatives(t))
		return false;
	if (!skip(t, ")"))
		return fault(t, "a parenthesis is not closed");
	emit(t, ')');
	t->look_depth -= looks;
	return true;
}

/* Reads a quantifier in braces; leaves t->at where it was when it is none. */
static bool
read_bounds(Translation *t, int *least, int *most)
{
	const pg_wchar *start = t->at;
	int bounds[2] = {0, -1};
	int read = 0;

	if (!skip(t, "{"))
		return false;
	for (int i = 0; i < 2; i++)
	{
		const pg_wchar *number = t->at;

		for (; peek(t) >= '0' && peek(t) <= '9'; t->at++)
			bounds[i] = Min(Max(bounds[i], 0) * 10 + (int) (*t->at - '0'), HIGHEST_BOUND + 1);
		if (t->at > number)
			read |= 1 << i;
		if (i == 0 && !skip(t, ","))
		{
			bounds[1] = bounds[0];
			break;
		}
	}
	if ((read & 1) == 0 || !skip(t, "}"))
	{
		t->at = start;
		return false;
	}
	*least = bounds[0];
	*most = bounds[1];
	return true;
}

/* Repeats the atom of the given length as often as one bound of the engine says. */
static void
emit_repeated(Translation *t, const pg_wchar *atom, size_t length, int least, int most)
{
	char bound[32];

	for (size_t i = 0; i < length; i++)
		emit(t, atom[i]);
	snprintf(bound, sizeof(bound), "{%d,%d}", least, most);
	emit_text(t, bound);
}

/*
 * The atom that the output has from start on, least to most times (-1: without end).  The engine
 * counts to 255, so that what is more becomes several of it.
 */
static bool
emit_bounds(Translation *t, size_t start, int least, int most)
{
	size_t length = t->used - start;
	pg_wchar *atom;

	if (least > HIGHEST_BOUND || most > HIGHEST_BOUND)
		return fault(t, "a quantifier is too large");
	if (most >= 0 && most < least)
		return fault(t, "a quantifier has no order");
	if ((least > ENGINE_BOUND || most > ENGINE_BOUND) && t->keeps_groups)
		return fault(t, "a quantifier is too large in a pattern with references to groups");
	if (length * (Max(least, most) / ENGINE_BOUND + 3) > LONGEST_TRANSLATION)
		return fault(t, "its quantifiers are too large");
	atom = palloc(length * sizeof(pg_wchar) + 1);
	memcpy(atom, t->out + start, length * sizeof(pg_wchar));
	t->used = start;
	emit_text(t, "(?:");
	for (int left = least; left > 0 || most == 0; left -= ENGINE_BOUND)
	{
		emit_repeated(t, atom, length, Min(left, ENGINE_BOUND), Min(left, ENGINE_BOUND));
		if (most == 0)
			break;
	}
	for (int left = most - least; left > 0; left -= ENGINE_BOUND)
		emit_repeated(t, atom, length, 0, Min(left, ENGINE_BOUND));
	if (most < 0)
	{
		for (size_t i = 0; i < length; i++)
			emit(t, atom[i]);
		emit(t, '*');
	}
	emit(t, ')');
	pfree(atom);
	return true;
}

/* What the last quantifier repeats counts as often; as much as no pattern may have counts as that. */
static void
count_repeated(Translation *t, int before, int times)
{
	int64 repeated = (int64) (t->atoms - before) * Max(times, 1);

	t->atoms = (int) Min(before + repeated, PG_INT32_MAX / 2);
}

/*
 * The quantifier, if there is one, of the atom that the output has from start on; before: how many atoms were
 * read before it.
 */
static bool
translate_quantifier(Translation *t, size_t start, int before)
{
	int least;
	int most;

	if (peek(t) == '*' || peek(t) == '+' || peek(t) == '?')
		emit(t, *t->at++);
	else if (!read_bounds(t, &least, &most))
		return true;
	else if (!emit_bounds(t, start, least, most))
		return false;
	else
		count_repeated(t, before, Max(least, most));
	(void) skip(t, "?");
	return true;
}

/* One atom or assertion with its quantifier. */
static bool
translate_term(Translation *t)
{
	size_t start = t->used;
	int before = t->atoms;
	pg_wchar character = *t->at++;
	bool done = true;
	int least;
	int most;

	CHECK_FOR_INTERRUPTS();
	if (t->used > LONGEST_TRANSLATION)
		return fault(t, "it is too long");
	/* what is read is copied by each quantifier around it */
	if (t->atoms > MOST_ATOMS_OF_ANY)
		return fault(t, "its quantifiers are too large");
	t->atoms = Min(t->atoms + 1, PG_INT32_MAX / 2);
	switch (character)
	{
		case '^':
		case '$':
			emit(t, character);
			return true;
		case '*':
		case '+':
		case '?':
			return fault(t, "a quantifier has nothing to repeat");
		case '.':
			emit_text(t, "[^");
			emit_set(t, line_ends, false);
			emit(t, ']');
			break;
		case '(':
			done = translate_group(t);
			break;
		case '[':
			done = translate_class(t);
			break;
		case '\\':
			done = translate_escape(t);
			break;
		case '{':
			t->at--;
			if (read_bounds(t, &least, &most))
				return fault(t, "a quantifier has nothing to repeat");
			t->at++;
			/* fall through */
		case '}':
		case ']':
			if (t->is_small)
				return fault(t, "a bracket that stands alone needs a backslash");
			/* fall through */
		default:
			emit_literal(t, character);
	}
	return done && translate_quantifier(t, start, before);
}

/* Alternatives up to a closing parenthesis or the end. */
static bool
translate_alternatives(Translation *t)
{
	while (t->at < t->end && *t->at != ')')
	{
		if (skip(t, "|"))
			emit(t, '|');
		else if (!translate_term(t))
			return false;
	}
	return true;
}

/* Finds the groups that capture, their names, and whether anything refers to them. */
static bool
find_groups(Translation *t)
{
	bool in_class = false;

	for (const pg_wchar *at = t->at; at < t->end; at++)
	{
		pg_wchar next = at + 1 < t->end ? at[1] : 0;

		if (*at == '\\')
		{
			t->keeps_groups |= !in_class && ((next >= '1' && next <= '9') || next == 'k');
			at++;
		}
		else if (in_class)
			in_class = *at != ']';
		else if (*at == '[')
			in_class = true;
		else if (*at == '(')
		{
			bool named =
			    next == '?' && at + 3 < t->end && at[2] == '<' && at[3] != '=' && at[3] != '!';

			if (next == '?' && !named)
				continue;
			if (t->groups < lengthof(t->names))
				t->names[t->groups] = named ? at + 3 : NULL;
			t->groups++;
		}
	}
	if (t->keeps_groups && t->groups > lengthof(t->names))
		return fault(t, "it refers to one of too many groups");
	return true;
}

/* Is a small pattern one that costs little?  It has been read. */
static bool
check_small(Translation *t)
{
	if (t->keeps_groups)
		return fault(t, "it refers to a group");
	if (t->atoms > MOST_ATOMS)
		return fault(t, "its quantifiers are too large");
	return t->deepest_look < 2 || fault(t, "it looks ahead or behind within what looks so");
}

/* Writes the pattern as the engine takes it; false and t->fault when it cannot be had. */
static bool
translate(Translation *t)
{
	if (!find_groups(t))
		return false;
	emit_text(t, t->is_small ? "***:^(?:" : "***:");
	if (!translate_alternatives(t))
		return false;
	if (t->at < t->end)
		return fault(t, "a parenthesis closes nothing");
	if (t->atoms > MOST_ATOMS_OF_ANY)
		return fault(t, "its quantifiers are too large");
	if (!t->is_small)
		return true;
	emit_text(t, ")$");
	return check_small(t);
}

/* Hands what was translated to the engine; NULL, or what that says. */
static char *
compile_translated(const Translation *t, regex_t *regex)
{
	int result = pg_regcomp(regex, t->out, t->used, REG_ADVANCED | REG_NOSUB, C_COLLATION_OID);
	char message[100];

	if (result == REG_OKAY)
		return NULL;
	CHECK_FOR_INTERRUPTS();
	pg_regerror(result, regex, message, sizeof(message));
	return pstrdup(message);
}

static char *
compile(const char *pattern, size_t length, bool small, regex_t *regex)
{
	pg_wchar *characters;
	Translation t = {.is_small = small, .size = 2 * length + 64};
	char *fault;

	if (length > LONGEST_TRANSLATION)
		return pstrdup("it is too long");
	characters = palloc((length + 1) * sizeof(pg_wchar));
	t.at = characters;
	t.end = characters + pg_mb2wchar_with_len(pattern, characters, (int) length);
	t.out = palloc(t.size * sizeof(pg_wchar));
	fault = translate(&t) ? compile_translated(&t, regex) : t.fault;
	pfree(t.out);
	pfree(characters);
	return fault;
}

static int steps;

/* What the engine asks at each try whether the stack is too deep for another one. */
static int
count_step(void)
{
	return ++steps > MOST_STEPS || stack_is_too_deep();
}

/* Runs the engine, with a budget of its own for each text. */
static int
run_engine(regex_t *regex, const pg_wchar *characters, int count)
{
	static struct fns functions;

	if (regex->re_fns != (char *) &functions)
	{
		functions = *(struct fns *) regex->re_fns;
		functions.stack_too_deep = count_step;
		regex->re_fns = (char *) &functions;
	}
	steps = 0;
	return pg_regexec(regex, characters, count, 0, NULL, 0, NULL, 0);
}

char *
ecma_regex_compile(const char *pattern, size_t length, regex_t *regex)
{
	return compile(pattern, length, false, regex);
}

char *
ecma_regex_compile_small(const char *pattern, size_t length, regex_t *regex)
{
	return compile(pattern, length, true, regex);
}

bool
ecma_regex_matches(regex_t *regex, const char *text, size_t length)
{
	pg_wchar *characters =
	    MemoryContextAllocHuge(CurrentMemoryContext, (length + 1) * sizeof(pg_wchar));
	int count = pg_mb2wchar_with_len(text, characters, (int) length);
	int result = run_engine(regex, characters, count);
	char message[100];

	pfree(characters);
	if (steps > MOST_STEPS)
		raise_error(EDURANGE_PATTERN_UNSUPPORTED,
		            "a pattern needs more than %d steps to be matched", MOST_STEPS);
	if (result == REG_OKAY || result == REG_NOMATCH)
		return result == REG_OKAY;
	CHECK_FOR_INTERRUPTS();
	pg_regerror(result, regex, message, sizeof(message));
	raise_error(EDURANGE_PATTERN_UNSUPPORTED, "a pattern could not be matched: %s", message);
}
