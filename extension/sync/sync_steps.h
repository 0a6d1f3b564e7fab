/*
 * sync_steps.h
 *	  What a pass does beyond the status of instances.
 */
#ifndef EDURANGE_SYNC_STEPS_H
#define EDURANGE_SYNC_STEPS_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "sync/observation.h"

/* Stores the flags that came and puts the next try for the others off.  Returns how many are new. */
extern int32 sync_store_flags(const ObservedFlags *flags, NullableDatum observed_at, bool *wrote);

/* Makes instances of pods that have none, where that is unambiguous.  Returns how many. */
extern int32 sync_adopt_pods(const ObservedPods *pods, NullableDatum observed_at, bool *wrote);

/* Counts an attempt to end each pod that should be gone by now, and returns their names. */
extern NullableDatum sync_request_ends(NullableDatum observed_at, bool *wrote);

/* Removes instances that have been TERMINATED for long; true: it was time to look for them. */
extern bool sync_clean(TimestampTz observed_at, TimestampTz cleaned_at);

#endif
