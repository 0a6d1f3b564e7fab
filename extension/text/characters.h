/*
 * characters.h
 *	  Sets of characters: white space, what nobody sees, and how case is folded.
 *
 * The room text/ is about what a text says, apart from how it is written: here, in plain_text.h how two
 * texts are compared, in numerals.h numbers, in ecma_regex.h patterns, in flags.h what a flag is.  A
 * character is a code point; databases have the encoding UTF8.
 */
#ifndef EDURANGE_CHARACTERS_H
#define EDURANGE_CHARACTERS_H

#include "postgres.h"

#include "mb/pg_wchar.h"

#define HIGHEST_CODE_POINT 0x10FFFF

/* One of a set of characters; the sets are sorted, and a range whose last is 0 ends each. */
typedef struct Range
{
	pg_wchar first;
	pg_wchar last;
} Range;

extern const Range white_space[];

/*
 * It comes along when a text is copied from a page, and whoever pasted it cannot see why the text is another
 * one.  The joiners U+200C and U+200D are none of these: words and emoji are spelled with them.
 */
extern const Range unseen[];

extern bool set_has(const Range *set, pg_wchar character);

/* How many characters one becomes at most when its case is folded. */
#define LONGEST_FOLDING 3

/* Full case folding: writes what the character becomes and returns how many that are. */
extern int fold_case(pg_wchar character, pg_wchar folded[LONGEST_FOLDING]);

#endif
