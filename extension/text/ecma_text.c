/*
 * ecma_text.c
 *	  Reading a pattern of ECMA 262 and writing its translation, character by character.
 */
#include "postgres.h"

#include <ctype.h>

#include "text/ecma_text.h"

bool
fault(Translation *t, const char *message)
{
	if (t->fault == NULL)
		t->fault = pstrdup(message);
	return false;
}

pg_wchar
peek(const Translation *t)
{
	return t->at < t->end ? *t->at : 0;
}

bool
skip(Translation *t, const char *text)
{
	const pg_wchar *at = t->at;

	for (; *text != '\0'; text++, at++)
		if (at >= t->end || *at != (unsigned char) *text)
			return false;
	t->at = at;
	return true;
}

void
emit(Translation *t, pg_wchar character)
{
	if (t->used == t->size)
	{
		t->size *= 2;
		t->out = repalloc_huge(t->out, t->size * sizeof(pg_wchar));
	}
	t->out[t->used++] = character;
}

void
emit_text(Translation *t, const char *text)
{
	while (*text != '\0')
		emit(t, (unsigned char) *text++);
}

void
emit_literal(Translation *t, pg_wchar character)
{
	char escape[8];

	if (character >= 0x80 || (character < 0x80 && isalnum((int) character)))
		emit(t, character);
	else
	{
		snprintf(escape, sizeof(escape), "\\u%04X", (unsigned) character);
		emit_text(t, escape);
	}
}

void
emit_range(Translation *t, pg_wchar first, pg_wchar last)
{
	emit_literal(t, first);
	emit(t, '-');
	emit_literal(t, last);
}

void
emit_set(Translation *t, const Range *set, bool others)
{
	pg_wchar next = 1;

	for (; set->last != 0; set++)
	{
		if (!others)
			emit_range(t, set->first, set->last);
		else if (set->first > next)
			emit_range(t, next, set->first - 1);
		next = set->last + 1;
	}
	if (others)
		emit_range(t, next, HIGHEST_CODE_POINT);
}

/* Reads exactly count hexadecimal digits. */
static bool
read_hex(Translation *t, int count, pg_wchar *value)
{
	*value = 0;
	for (int i = 0; i < count; i++, t->at++)
	{
		pg_wchar digit = peek(t);

		if (digit >= 0x80 || !isxdigit((int) digit))
			return fault(t, "an escape lacks hexadecimal digits");
		*value = *value * 16 + (isdigit((int) digit) ? digit - '0' : (digit | 0x20) - 'a' + 10);
	}
	return true;
}

/* Reads what follows \u: four digits, two times four for a pair of surrogates, or {digits}. */
static bool
read_unicode(Translation *t, pg_wchar *value)
{
	pg_wchar low;
	const pg_wchar *start;

	if (skip(t, "{"))
	{
		if (peek(t) == '}')
			return fault(t, "an escape lacks hexadecimal digits");
		for (*value = 0; peek(t) != '}';)
		{
			if (!read_hex(t, 1, &low))
				return false;
			*value = *value * 16 + low;
			if (*value > HIGHEST_CODE_POINT)
				return fault(t, "an escape is beyond the last character");
		}
		t->at++;
		return true;
	}
	if (!read_hex(t, 4, value))
		return false;
	start = t->at;
	if (*value >= 0xD800 && *value <= 0xDBFF && skip(t, "\\u"))
	{
		if (read_hex(t, 4, &low) && low >= 0xDC00 && low <= 0xDFFF)
			*value = 0x10000 + ((*value - 0xD800) << 10) + (low - 0xDC00);
		else
			t->at = start;
	}
	return t->fault == NULL;
}

bool
read_character(Translation *t, pg_wchar *value)
{
	static const char letters[] = "tnvfr";
	static const char meanings[] = "\t\n\v\f\r";
	pg_wchar letter = peek(t);
	const char *found;

	if (t->at >= t->end)
		return fault(t, "it ends with a backslash");
	t->at++;
	*value = letter;
	if (letter == 'u')
		return read_unicode(t, value);
	if (letter == 'x')
		return read_hex(t, 2, value);
	if (letter == 'c' && peek(t) < 0x80 && isalpha((int) peek(t)))
	{
		*value = *t->at++ % 32;
		return true;
	}
	if (letter == '0' && !(peek(t) < 0x80 && isdigit((int) peek(t))))
	{
		*value = 0;
		return true;
	}
	if (letter == 'p' || letter == 'P')
		return fault(t, "Unicode properties (\\p) are not supported");
	if (letter >= 0x80 || !isalnum((int) letter))
		return true;
	found = strchr(letters, (int) letter);
	if (found == NULL)
		return fault(t, psprintf("\\%c is no escape", (int) letter));
	*value = (unsigned char) meanings[found - letters];
	return true;
}
