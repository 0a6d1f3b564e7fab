/*
 * plain_text.c
 *	  What a text says: how two texts are compared that may have been typed on different machines.
 */
#include "postgres.h"

#include "common/unicode_norm.h"
#include "miscadmin.h"

#include "text/characters.h"
#include "text/plain_text.h"

/* A text as characters; the array ends with a 0, as the server's functions want it. */
typedef struct Characters
{
	pg_wchar *at;
	int count;
} Characters;

static Characters
characters_of(const char *text)
{
	size_t length = strlen(text);
	Characters characters;

	characters.at = palloc_extended((length + 1) * sizeof(pg_wchar), MCXT_ALLOC_HUGE);
	characters.count = pg_mb2wchar_with_len(text, characters.at, (int) length);
	return characters;
}

static char *
text_of(Characters characters)
{
	Size size = (Size) characters.count * MAX_MULTIBYTE_CHAR_LEN + 1;
	char *text = palloc_extended(size, MCXT_ALLOC_HUGE);

	pg_wchar2mb_with_len(characters.at, text, characters.count);
	return text;
}

static Characters
without_outer_space(Characters characters)
{
	while (characters.count > 0 && set_has(white_space, characters.at[0]))
		characters.at++, characters.count--;
	while (characters.count > 0 && set_has(white_space, characters.at[characters.count - 1]))
		characters.count--;
	return characters;
}

static void
remove_unseen(Characters *characters)
{
	int kept = 0;

	for (int i = 0; i < characters->count; i++)
		if (!set_has(unseen, characters->at[i]))
			characters->at[kept++] = characters->at[i];
	characters->count = kept;
	characters->at[kept] = 0;
}

static Characters
normalized(Characters characters, UnicodeNormalizationForm form)
{
	Characters result = {0};

	CHECK_FOR_INTERRUPTS();
	if (characters.count > LONGEST_NORMALIZED ||
	    unicode_is_normalized_quickcheck(form, characters.at) == UNICODE_NORM_QC_YES)
		return characters;
	result.at = unicode_normalize(form, characters.at);
	while (result.at[result.count] != 0)
		result.count++;
	return result;
}

static Characters
folded(Characters characters)
{
	Size most = (Size) characters.count * LONGEST_FOLDING;
	Characters result = {
	    .at = palloc_extended((most + 1) * sizeof(pg_wchar), MCXT_ALLOC_HUGE),
	};

	for (int i = 0; i < characters.count; i++)
		result.count += fold_case(characters.at[i], result.at + result.count);
	result.at[result.count] = 0;
	return result;
}

/* Has the text none but characters of ASCII?  They are composed already, and all can be seen. */
static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if (IS_HIGHBIT_SET(*text))
			return false;
	return true;
}

char *
trimmed(const char *text)
{
	return text_of(without_outer_space(characters_of(text)));
}

char *
composed(const char *text)
{
	return is_ascii(text) ? pstrdup(text) : text_of(normalized(characters_of(text), UNICODE_NFC));
}

char *
comparable(const char *text)
{
	Characters characters;

	if (is_ascii(text))
		return trimmed(text);
	characters = characters_of(text);
	remove_unseen(&characters);
	return text_of(without_outer_space(normalized(characters, UNICODE_NFC)));
}

/* Accents are taken off before folding, which may make letters that compose with them. */
char *
comparable_without_case(const char *text)
{
	Characters characters = characters_of(text);

	remove_unseen(&characters);
	characters = folded(normalized(characters, UNICODE_NFD));
	return text_of(without_outer_space(normalized(characters, UNICODE_NFC)));
}

char *
access_code(const char *given)
{
	char *code = comparable(given);

	for (char *c = code; *c != '\0'; c++)
		*c = (char) pg_ascii_toupper((unsigned char) *c);
	return code;
}

int
text_length(const char *text)
{
	return pg_mbstrlen(text);
}
