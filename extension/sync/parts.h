/*
 * parts.h
 *	  Work on rows of the platform: on all at once, and where that is refused on parts of them.
 */
#ifndef EDURANGE_PARTS_H
#define EDURANGE_PARTS_H

#include "postgres.h"

/* Does what there is to do with so many elements, from one on. */
typedef void (*PartWork)(void *argument, int first, int count);

/* What became of the elements; of those that are left and neither refused nor locked, nothing was tried. */
typedef struct Parts
{
	bool *left;    /* of each element: it is as it was before */
	bool *refused; /* it was refused, by itself */
	bool *locked;  /* it waits, by itself, for what others hold */
	int undone;    /* how many are left */
	int refusals;  /* how many were refused */
	char *problem; /* why the first of them was */
} Parts;

extern Parts work_in_parts(int count, PartWork work, void *argument);

/* The elements of an array of texts, and how many they are. */
extern Datum *texts_of(NullableDatum texts, int *count);

/* Elements of an array, as an array. */
extern NullableDatum part_of(NullableDatum array, int first, int count);

/* The elements of an array of texts of which something is true, or is not, as an array. */
extern NullableDatum chosen_of(NullableDatum texts, const bool *truths, bool which);

/* The first of those of which it is true; there must be one. */
extern char *first_of(NullableDatum texts, const bool *truths);

/* How many elements an array has. */
extern int length_of(NullableDatum array);

#endif
