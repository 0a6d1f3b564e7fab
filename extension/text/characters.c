/*
 * characters.c
 *	  Sets of characters: white space, what nobody sees, and how case is folded.
 */
#include "postgres.h"

#include "text/blank.h"
#include "text/case_folding.h"
#include "text/characters.h"

const Range white_space[] = {WHITE_SPACE_RANGES, {0}};
const Range unseen[] = {UNSEEN_RANGES, {0}};

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
