/*
 * characters.c
 *	  Sets of characters: white space, what nobody sees, and how case is folded.
 */
#include "postgres.h"

#include "text/case_folding.h"
#include "text/characters.h"

const Range white_space[] = {{'\t', '\r'},
                             {' ', ' '},
                             {0xA0, 0xA0},
                             {0x1680, 0x1680},
                             {0x2000, 0x200A},
                             {0x2028, 0x2029},
                             {0x202F, 0x202F},
                             {0x205F, 0x205F},
                             {0x3000, 0x3000},
                             {0xFEFF, 0xFEFF},
                             {0}};

/* soft hyphen; zero width space; marks and embeddings of direction; word joiner; its old form */
const Range unseen[] = {{0xAD, 0xAD},     {0x200B, 0x200B}, {0x200E, 0x200F}, {0x202A, 0x202E},
                        {0x2060, 0x2060}, {0x2066, 0x2069}, {0xFEFF, 0xFEFF}, {0}};

bool
set_has(const Range *set, pg_wchar character)
{
	for (; set->last != 0; set++)
		if (character <= set->last)
			return character >= set->first;
	return false;
}

/* Which of the sorted foldings has the character, or NULL; they begin alike. */
static const Folding *
find_folding(const Folding *foldings, int count, pg_wchar character)
{
	int low = 0;

	while (low < count)
	{
		int middle = (low + count) / 2;

		if (character < foldings[middle].first)
			count = middle;
		else if (character > foldings[middle].last)
			low = middle + 1;
		else
			return &foldings[middle];
	}
	return NULL;
}

int
fold_case(pg_wchar character, pg_wchar folded[LONGEST_FOLDING])
{
	const Folding *found = find_folding(foldings, lengthof(foldings), character);

	folded[0] = character;
	if (found == NULL || (character - found->first) % found->step != 0)
		return 1;
	if (found->to[1] == 0)
	{
		folded[0] = found->to[0] + (character - found->first);
		return 1;
	}
	memcpy(folded, found->to, sizeof(found->to));
	return found->to[2] == 0 ? 2 : 3;
}
