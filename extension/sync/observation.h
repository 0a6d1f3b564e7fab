/*
 * observation.h
 *	  What an observation of the Instance Manager says, as arrays that statements take.
 */
#ifndef EDURANGE_OBSERVATION_H
#define EDURANGE_OBSERVATION_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * Observed pods in the order of their names, each name once; element i of all arrays is pod i.
 * status is null where nothing can be said (an unknown word, or a pod listed twice with two
 * statuses) and "not_found" where get-pod-status proved that there is none.
 */
typedef struct ObservedPods
{
	NullableDatum names;
	NullableDatum statuses;
	NullableDatum listed; /* by the list of pods, not by get-pod-status */
	NullableDatum urls;
	NullableDatum secrets;
	NullableDatum users;
	NullableDatum groups;
	NullableDatum challenge_names;
	NullableDatum challenge_ids;
} ObservedPods;

/* Flags that came, and the names for which none came. */
typedef struct ObservedFlags
{
	int count;
	NullableDatum names;
	NullableDatum secrets;
	NullableDatum values;
	int missing_count;
	NullableDatum missing;
} ObservedFlags;

/* One observation, read as a whole: a list, or why there is none, or answers about single pods. */
typedef struct Observation
{
	bool has_list;
	char *error;        /* why there is no list, or NULL */
	int32 listed;       /* elements of the list */
	double duration_ms; /* negative: not told */
	ObservedPods pods;
	ObservedFlags flags;
} Observation;

/* Reads the argument of edurange.sync_apply(); what is wrong with it becomes an error. */
extern void observation_read(Jsonb *snapshot, Observation *observation);

/* Reads that of edurange.sync_apply_list(): a list of pods as it came, each pod parsed alone. */
extern void observation_read_list(const char *text, int length, Observation *observation);

#endif
