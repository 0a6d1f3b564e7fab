/*
 * ecma_text.h
 *	  Reading a pattern of ECMA 262 and writing its translation, character by character.
 */
#ifndef EDURANGE_ECMA_TEXT_H
#define EDURANGE_ECMA_TEXT_H

#include "postgres.h"

#include "text/characters.h"

/* A pattern, how far it has been read, and what has been written of its translation. */
typedef struct Translation
{
	const pg_wchar *at;
	const pg_wchar *end;
	pg_wchar *out;
	size_t used;
	size_t size;
	const pg_wchar *names[100]; /* where the name of each group starts, NULL for one without */
	int groups;
	bool
	    is_small; /* it is for answers, and none of what was written for others: it is read to the letter */
	bool keeps_groups; /* something refers to a group by its number or name */
	int atoms;         /* that were read, those in quantifiers as often as they repeat them */
	int look_depth;    /* of groups that look ahead or behind, where t->at is */
	int deepest_look;
	char *fault; /* the first thing that is wrong */
} Translation;

/* Notes what is wrong and returns false. */
extern bool fault(Translation *t, const char *message);

/* The next character, or 0 at the end. */
extern pg_wchar peek(const Translation *t);

/* Goes over the text when it comes next. */
extern bool skip(Translation *t, const char *text);

/* Reads the rest of an escape that stands for one character, which t->at is at. */
extern bool read_character(Translation *t, pg_wchar *value);

extern void emit(Translation *t, pg_wchar character);
extern void emit_text(Translation *t, const char *text);

/* A character that stands for itself, inside of brackets and outside. */
extern void emit_literal(Translation *t, pg_wchar character);

/* The inner part of brackets: from one character to another; the members of a set, or all others. */
extern void emit_range(Translation *t, pg_wchar first, pg_wchar last);
extern void emit_set(Translation *t, const Range *set, bool others);

#endif
