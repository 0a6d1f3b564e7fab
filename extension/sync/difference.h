/*
 * difference.h
 *	  What a comparison of pods with instances found, and how it is written.
 */
#ifndef EDURANGE_DIFFERENCE_H
#define EDURANGE_DIFFERENCE_H

#include "postgres.h"

/* Columns of the comparison (COMPARE in sync.c). */
enum
{
	HELD = 1,
	CHANGED_IDS,
	CHANGED_FROM,
	CHANGED_TO,
	CHANGED_URLS,
	CHANGED_ABSENT,
	PUT_NAMES,
	PUT_REASONS,
	PUT_STATUSES,
	PUT_SINCE,
	PUT_DUE,
	PUT_ATTEMPTS,
	DROP_NAMES,
	DROP_REASONS,
	NEW_OWNERS,
	NEW_UNREADABLE,
	NEW_SECRETS,
	SEEN_NAMES,
	SEEN_AT,
	NEWS
};

/* What it found, as arguments for the statements that act on it. */
typedef struct Difference
{
	NullableDatum columns[NEWS];
	int32 held;
	int32 news; /* how many of the answers about single pods were any */
} Difference;

/*
 * Writes what differs, but for what others have locked.  trouble says why the first of the pods that cannot be
 * read cannot be.  Returns how many instances changed.
 */
extern int32 difference_write(const Difference *found, const char *trouble,
                              NullableDatum observed_at, bool *wrote);

#endif
