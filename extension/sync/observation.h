/*
 * observation.h
 *	  What an observation of the Instance Manager says, as arrays that statements take.
 */
#ifndef EDURANGE_OBSERVATION_H
#define EDURANGE_OBSERVATION_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "sync/pods.h"

/* Flags that came, and the names for which none came. */
typedef struct ObservedFlags
{
	int count;
	NullableDatum names;
	NullableDatum values;
	NullableDatum asked; /* when each was asked for */
	int missing_count;
	NullableDatum missing;
} ObservedFlags;

/* Requests to end pods that were sent, and whether each was accepted. */
typedef struct ObservedEnds
{
	int count;
	NullableDatum names;
	NullableDatum accepted;
} ObservedEnds;

/* Why questions about single pods fail; a NULL: those of that kind do not. */
typedef struct ObservedProblems
{
	bool told;
	char *ends;
	char *statuses;
	char *flags;
} ObservedProblems;

/* One observation: a list, or why there is none, or answers about single pods. */
typedef struct Observation
{
	bool has_list;
	bool complete;      /* a list in which every element has a name that can be read */
	char *error;        /* why there is no list, or NULL */
	char *trouble;      /* why the first of the pods that cannot be read cannot be, or NULL */
	int32 listed;       /* elements of the list */
	double duration_ms; /* negative: not told */
	ObservedPods pods;
	ObservedFlags flags;
	ObservedEnds ends;
	ObservedProblems problems;
} Observation;

/*
 * Reads the argument of edurange.sync_apply(), observed at the given time; what is wrong with it becomes an
 * error, but for pods of a list: those that cannot be read are taken as such.
 */
extern void observation_read(Jsonb *snapshot, TimestampTz observed_at, Observation *observation);

/* Reads that of edurange.sync_apply_list(): a list of pods as it came, each pod parsed alone. */
extern void observation_read_list(const char *text, int length, Observation *observation);

#endif
