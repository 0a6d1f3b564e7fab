/*
 * regex_size.c
 *	  How much memory a compiled pattern takes.
 *
 * Before PostgreSQL 16 it lies outside of all memory contexts, and nothing else says how much it is.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "regex/regguts.h"

#include "text/ecma_regex.h"

static Size
automaton_size(const struct cnfa *automaton)
{
	Size arcs = 0;

	for (int i = 0; i < automaton->nstates; i++)
		for (const struct carc *arc = automaton->states[i]; arc->co != COLORLESS; arc++)
			arcs++;
	return (arcs + automaton->nstates) * sizeof(struct carc) +
	       automaton->nstates * (sizeof(struct carc *) + sizeof(char));
}

/* The parts of a pattern, of which some have an automaton of their own. */
static Size
tree_size(const struct subre *tree)
{
	Size size = 0;

	check_stack_depth();
	for (; tree != NULL; tree = tree->sibling)
		size += sizeof(struct subre) + automaton_size(&tree->cnfa) + tree_size(tree->child);
	return size;
}

/* What tells characters apart. */
static Size
map_size(const struct colormap *map)
{
	return (MAX_SIMPLE_CHR - CHR_MIN + 1) * sizeof(color) +
	       (map->ncds > NINLINECDS ? map->ncds * sizeof(struct colordesc) : 0) +
	       (Size) map->numcmranges * sizeof(colormaprange) +
	       (Size) map->maxarrayrows * map->hiarraycols * sizeof(color);
}

Size
ecma_regex_size(const regex_t *regex)
{
	const struct guts *guts = (const struct guts *) regex->re_guts;
	Size size = sizeof(struct guts) + map_size(&guts->cmap) + automaton_size(&guts->search) +
	            tree_size(guts->tree);

	for (int i = 1; i < guts->nlacons; i++)
		size += sizeof(struct subre) + automaton_size(&guts->lacons[i].cnfa);
	return size;
}
